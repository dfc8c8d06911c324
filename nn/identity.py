"""What a run is made of, so that it can be told from another: values, instructions, constants.

Whatever a model, a divergence or an optimizer computes with is looked up from there: attributes,
closures, defaults, partials, and the functions and numbers that functions of the user's refer to
globally. Out comes a ``Part``: lines of text by path, in which names of functions and variables,
files and lines have no say. The library's own and other installed functions stand for themselves.
"""

from __future__ import annotations

import abc
import builtins
import functools
import os
import random
import sys
import sysconfig
import types
import typing
import warnings
import weakref
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any

import numpy as np

import autograd
from autograd import Op, Value, consumers_first

from .instructions import Instructions, instructions
from .module import Module

MADE_WITH = (
    f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} and "
    f"stepgrad {autograd.__version__}"
)
_MOST = 200_000  # things that are looked at
_SHORT = 80  # characters of a text that stands for itself
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes, type(...)))
# What is never asked of a computation, or is a class's own business when it makes an object.
_ASIDE = frozenset(
    f"__{name}__"
    for name in (
        *("new", "init", "post_init", "repr", "str", "format", "init_subclass", "set_name", "del"),
        *("class_getitem", "dir", "sizeof", "reduce", "reduce_ex", "getstate", "setstate", "copy"),
        *("deepcopy", "subclasshook", "getnewargs", "annotate"),
    )
)
_COMPUTED = "computed"  # how the line of Values begins that were
_MADE = ("__new__", "__init__", "__post_init__")
_LABELS = frozenset(("name", "_labels"))  # of the library's modules: what nodes are called


@dataclass
class Part:
    """What one thing is made of.

    Attributes:
        lines: by path, what people call it and what it is.
        unknown: what there is no telling of.
        own: whether anything of the user's own is in it.
        generators: the random generators in it.
    """

    lines: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    own: bool = False
    generators: list[Any] = field(default_factory=list)

    def digest(self) -> str:
        """Equal for what is made of the same."""
        text = "\n".join(f"{path} = {self.lines[path][1]}" for path in sorted(self.lines))
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def part(
    name: str,
    thing: object,
    parameters: Mapping[Value, int],
    known: Mapping[str, object],
    asked: Iterable[str] = (),
    aside: Iterable[str] = (),
) -> Part:
    """What a thing of some name is made of.

    Args:
        name: what people call it.
        thing: anything.
        parameters: the model's, with their places; what they hold now does not matter.
        known: things by name; where another refers to one of them, that is all there is to say.
        asked: attributes of the thing that are used, besides its being called.
        aside: attributes of the thing that are left out.
    """
    return _Search(name, thing, parameters, known, set(asked), frozenset(aside)).found


def differences(now: Mapping[str, Sequence[str]], then: Mapping[str, Sequence[str]]) -> list[str]:
    """What is another in the lines of one part than in those of another, in words."""
    told = []
    for path in {**now, **then}:
        here, there = now.get(path), then.get(path)
        if here is None and there is not None:
            told.append(f"{there[0]} was {there[1]} and is not there any more")
        elif there is None and here is not None:
            told.append(f"{here[0]} is {here[1]} and was not there")
        elif here is not None and there is not None and here[1] != there[1]:
            told.append(f"{here[0]} is {here[1]} and was {there[1]}")
    # Where the instructions are others, what they refer to is too, in consequence.
    return [line for line in told if " is code " in line] or told


def moved_on(before: Part, now: Part) -> list[str]:
    """What people call that which has become another; what was computed is nobody's state."""
    return [
        called
        for path, (called, text) in {**before.lines, **now.lines}.items()
        if before.lines.get(path) != now.lines.get(path) and not text.startswith(_COMPUTED)
    ]


def graph(root: Value, parameters: Mapping[Value, int]) -> Part:
    """What a graph computes: its operations, its constants, and where the parameters come in."""
    order = consumers_first(root)
    places = {node: place for place, node in enumerate(order)}
    names: list[str] = []
    operands, constants = array("q"), array("d")
    for node in order:
        if node.op is None:
            if node in parameters:
                names.append(f"parameter {parameters[node]}")
            else:
                names.append("constant")
                constants.append(node.data)
            continue
        names.append(operation(node.op))
        for operand in node.operands:
            if isinstance(operand, Value):
                operands.append(places[operand])
            else:
                operands.append(-1)
                constants.append(operand)
        operands.append(-2)
    courses = (
        f"{len(order)} nodes with SHA-256 {_digest(repr(names).encode() + operands.tobytes())}"
    )
    held = f"{len(constants)} numbers with SHA-256 {_digest(constants.tobytes())}"
    return Part(
        {
            "operations": ("what instance 0 goes through", courses),
            "constants": ("what instance 0 meets there", held),
        },
        own=True,
    )


def numbers_of(thing: object) -> dict[str, Any]:
    """The attributes of a thing that are plain: numbers, strings, truth values and None."""
    return {
        name: held
        for name, held in getattr(thing, "__dict__", {}).items()
        if type(held) in (bool, int, float, str, type(None))
    }


class DrawnNumbers:
    """A context manager that leaves some random generators as they were, and those of everybody."""

    def __init__(self, generators: Iterable[Any]) -> None:
        self._generators = [*generators, random, np.random]

    def __enter__(self) -> None:
        self._states = list(map(_state, self._generators))

    def __exit__(self, *_: object) -> None:
        for generator, state in zip(self._generators, self._states):
            _set_state(generator, state)


def shared_numbers() -> int:
    """What tells states of the random generators that Python and NumPy share with everybody."""
    name, words, *rest = _state(np.random)
    return hash((random.getstate(), name, tuple(words), *rest))


def _state(generator: Any) -> Any:
    """The state of a generator of Python's or NumPy's."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if hasattr(generator, "getstate"):
        return generator.getstate()
    name, words, *rest = generator.get_state()
    return (name, words.tolist(), *rest)


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        (generator.setstate if hasattr(generator, "setstate") else generator.set_state)(state)


class _Search:
    def __init__(
        self,
        name: str,
        thing: object,
        parameters: Mapping[Value, int],
        known: Mapping[str, object],
        asked: set[str],
        aside: frozenset[str],
    ) -> None:
        self.found = Part()
        self.root, self.aside = thing, aside
        self.parameters = parameters
        self.known = {id(x): called for called, x in known.items() if x is not thing}
        self.reads = asked
        self.indirect = False
        self.waiting: deque[tuple[str, str, Any]] = deque([(name, name, thing)])
        self.seen: dict[int, str] = {}
        self.kept: list[Any] = []  # lest an identity should be used again
        # Things of the user's whose attributes count as far as they are read: how they are called,
        # and which attributes have been looked up.
        self.opened: list[tuple[str, str, Any, set[str]]] = []
        self.looked_at = 0, False, 0  # how much was read when how many were looked at
        while self.waiting:
            path, called, thing = self.waiting.popleft()
            if len(self.found.lines) >= _MOST:
                self.found.unknown.append(f"all that {name} is made of")
                return
            if path not in self.found.lines:  # as a method is that is both special and read
                self.found.lines[path] = called, self._text(path, called, thing)
            if not self.waiting:
                self._look_further()

    # What a thing is, and what is to be looked at for it.

    def _text(self, path: str, called: str, thing: Any) -> str:
        kind = type(thing)
        if kind in _PLAIN:
            return _short(repr(thing))
        if isinstance(thing, Value):
            if thing in self.parameters:
                return f"parameter {self.parameters[thing]}"
            return f"a Value of {thing.data!r}" if thing.op is None else _computed(thing)
        if id(thing) in self.known:
            return f"the {self.known[id(thing)]}"
        if isinstance(thing, Enum):
            self._wait(f"{path}.value", called, thing.value)
            return "a name for a value"
        if isinstance(thing, np.generic):
            return _short(repr(thing.item()))
        if kind in _CONTAINERS and (text := self._plain(thing)):
            return text
        if id(thing) in self.seen:
            return f"what {self.seen[id(thing)]} is"
        self.seen[id(thing)] = path
        self.kept.append(thing)
        for kinds, describe in _KINDS:
            if isinstance(thing, kinds):
                return str(describe(self, path, called, thing))
        if isinstance(thing, _GENERATORS):
            self.found.generators.append(thing)
        if kind in _CONTAINERS:
            return self._inside(path, called, thing)
        if _installed_class(kind) and (isinstance(thing, Module) or thing is self.root):
            return self._attributes(path, called, thing, kind.__qualname__)
        if not _installed_class(kind):
            return self._object(path, called, thing)
        return self._reduced(path, called, thing)

    def _wait(self, path: str, called: str, thing: Any) -> None:
        self.waiting.append((path, called, thing))

    def _attributes(self, path: str, called: str, thing: Any, text: str) -> str:
        for name, held in getattr(thing, "__dict__", {}).items():
            if name not in self._out(thing):
                self._wait(f"{path}.{name}", f"{called}.{name}", held)
        return text

    def _out(self, thing: Any) -> frozenset[str]:
        """The attributes of a thing that are not looked at."""
        return self.aside if thing is self.root else _LABELS

    def _function(self, path: str, called: str, thing: types.FunctionType) -> str:
        code = _code(thing.__code__)
        cells = dict(zip(thing.__code__.co_freevars, thing.__closure__ or ()))
        for k, name in enumerate(code.free):
            if name in cells:
                self._wait(f"{path}({k})", f"{called}: {name}", _content(cells[name]))
        arguments = thing.__code__.co_varnames[: thing.__code__.co_argcount]
        defaults = thing.__defaults__ or ()
        for name, held in zip(arguments[len(arguments) - len(defaults) :], defaults):
            self._wait(f"{path}(={arguments.index(name)})", f"{called}: {name}", held)
        for name, held in (thing.__kwdefaults__ or {}).items():
            self._wait(f"{path}({name}=)", f"{called}: {name}", held)
        if not _installed(thing.__code__.co_filename):
            self.found.own = True
            self._follow(path, called, thing, code)
        return f"code {code.digest}"

    def _follow(
        self, path: str, called: str, thing: types.FunctionType, code: Instructions
    ) -> None:
        """What a function of the user's refers to globally, and which attributes it reads."""
        self.reads |= code.reads
        self.indirect |= code.indirect
        for k, name in enumerate(code.globals):
            held = thing.__globals__.get(name, getattr(builtins, name, _MISSING))
            self._wait(f"{path}[{k}]", f"{called}: {name}", held)
        for name in sorted(code.modules):
            if name in sys.modules:
                self._wait(f"{path}[{name}]", name, sys.modules[name])
        if vars(thing):
            self.opened.append((path, called, thing, set()))

    def _method(self, path: str, called: str, thing: Any) -> str:
        self._wait(f"{path}.__func__", called, thing.__func__)
        self._wait(f"{path}.__self__", f"{called}.__self__", thing.__self__)
        return "a method"

    def _builtin(self, path: str, called: str, thing: Any) -> str:
        held = getattr(thing, "__self__", None)
        if held is not None and not isinstance(held, (types.ModuleType, type)):
            self._wait(f"{path}.__self__", f"{called}.__self__", held)
        place = getattr(thing, "__module__", None) or getattr(thing, "__objclass__", "")
        return f"{place}.{getattr(thing, '__qualname__', thing.__name__)}"

    def _partial(self, path: str, called: str, thing: functools.partial[Any]) -> str:
        self._wait(f"{path}.func", called, thing.func)
        for i, held in enumerate(thing.args):
            self._wait(f"{path}({i})", f"{called}: argument {i}", held)
        for name, held in sorted(thing.keywords.items()):
            self._wait(f"{path}({name}=)", f"{called}: {name}", held)
        return f"partial with {len(thing.args)} arguments"

    def _wrapper(self, path: str, called: str, thing: Any) -> str:
        for name in ("fget", "__func__", "func", "__wrapped__"):
            if getattr(thing, name, None) is not None:
                self._wait(f"{path}.{name}", called, getattr(thing, name))
        return f"a {type(thing).__name__}"

    def _module(self, path: str, called: str, thing: types.ModuleType) -> str:
        if not _installed_module(thing):
            self.opened.append((path, called, thing, set()))
            return "a module"
        return f"module {thing.__name__}"

    def _class(self, path: str, called: str, thing: type) -> str:
        if _installed_class(thing):
            return f"class {thing.__module__}.{thing.__qualname__}"
        self._special(path, called, thing, _MADE)
        self.opened.append((path, called, thing, set()))
        return "a class"

    def _object(self, path: str, called: str, thing: Any) -> str:
        """An object of a class of the user's: its methods, and those attributes that are read."""
        self.found.own = True
        kind = type(thing)
        self._special(path, called, kind)
        looked_at = set(self._out(thing))
        self.opened.append((path, called, thing, looked_at))
        # What an installed class does with its attributes, nobody has looked at.
        others = [base for base in kind.__mro__ if _installed_class(base) and base not in _BARE]
        if others:
            looked_at |= getattr(thing, "__dict__", {}).keys()
            self._attributes(path, called, thing, "")
        text = f"an object of {', '.join(x.__qualname__ for x in others) or 'a class'}"
        for plain in (int, float, complex, str, bytes):
            if isinstance(thing, plain):
                text += f" {_short(plain.__repr__(thing))}"
        for container in _CONTAINERS:
            if isinstance(thing, container):
                text += f" {self._inside(path, called, thing)}"
        return text

    def _special(self, path: str, called: str, kind: type, more: Iterable[str] = ()) -> None:
        """The methods of a class by which Python computes with its objects."""
        for name, held in _own_attributes(kind).items():
            plain = name.rstrip("'")
            asked = plain not in _ASIDE or plain in more
            if name.startswith("__") and isinstance(held, _FUNCTIONS) and asked:
                self._wait(f"{path}.{name}", f"{called}.{plain}", held)

    def _look_further(self) -> None:
        """Look at the attributes that are read by what has been found since."""
        asked = len(self.reads), self.indirect
        first = self.looked_at[2] if asked == self.looked_at[:2] else 0
        self.looked_at = *asked, len(self.opened)
        for path, called, thing, looked_at in self.opened[first:]:
            held: dict[str, Any] = {}
            if isinstance(thing, type):
                held |= _own_attributes(thing)
            elif not isinstance(thing, (types.ModuleType, types.FunctionType)):
                held |= _own_attributes(type(thing))
                held |= {
                    name: getattr(thing, name, None)
                    for name, slot in held.items()
                    if isinstance(slot, types.MemberDescriptorType)
                }
            inner = {} if isinstance(thing, type) else getattr(thing, "__dict__", {})
            for name, inside in inner.items():
                if not isinstance(held.get(name), functools.cached_property):
                    held[name] = inside
            names = {x for x in held if x.rstrip("'") in self.reads}
            if self.indirect and not isinstance(thing, (types.ModuleType, types.FunctionType)):
                names |= {x for x in held if x in inner or not x.startswith("__")}
            for name in sorted(names - looked_at):
                looked_at.add(name)
                plain = name.rstrip("'")
                if plain not in _ASIDE:
                    self._wait(f"{path}.{name}", f"{called}.{plain}", held[name])

    def _inside(self, path: str, called: str, thing: Any) -> str:
        """A container, by what is in it."""
        text = f"{type(thing).__name__} of {len(thing)}"
        if isinstance(thing, (dict, types.MappingProxyType)):
            for i, (key, held) in enumerate(thing.items()):
                plain = type(key) in _PLAIN
                if not plain:
                    self._wait(f"{path}[#{i}]", f"{called}[#{i}]", key)
                name = f"[{key!r}]" if plain else f"[#{i}] value"
                self._wait(f"{path}{name}", f"{called}{name}", held)
            keys = [key if type(key) in _PLAIN else "#" for key in thing]  # in their order
            return f"{text} {_short(repr(keys))}"
        if isinstance(thing, (set, frozenset)):
            self.found.unknown.append(called)  # it has no order by which to compare
            return text
        for i, held in enumerate(thing):
            self._wait(f"{path}[{i}]", f"{called}[{i}]", held)
        return text

    def _plain(self, thing: Any) -> str:
        """A container of plain things, or of parameters, all in one; "" for another."""
        if isinstance(thing, (dict, types.MappingProxyType)):
            plain = all(type(x) in _PLAIN for pair in thing.items() for x in pair)
            return _short(repr(dict(thing))) if plain else ""
        if all(type(x) in _PLAIN for x in thing):
            unordered = isinstance(thing, (set, frozenset))
            return _short(
                f"{{{', '.join(sorted(map(repr, thing)))}}}" if unordered else repr(list(thing))
            )
        if all(isinstance(x, Value) and x in self.parameters for x in thing):
            return _short(f"parameters {[self.parameters[x] for x in thing]}")
        return _computed(thing)

    def _array(self, path: str, called: str, thing: Any) -> str:
        if thing.dtype == object:
            for i, held in enumerate(thing.reshape(-1).tolist()):
                self._wait(f"{path}[{i}]", f"{called}[{i}]", held)
            return f"array of shape {thing.shape}"
        if thing.size <= 4:
            return f"array {thing.tolist()}"
        return (
            f"array of {thing.dtype} of shape {thing.shape} with SHA-256 {_digest(thing.tobytes())}"
        )

    def _generator(self, path: str, called: str, thing: Any) -> str:
        frame = thing.gi_frame
        if frame is None:
            return "a generator at its end"
        for i, held in enumerate(frame.f_locals.values()):
            self._wait(f"{path}[{i}]", f"{called} ({i})", held)
        return f"a generator of {_code(thing.gi_code).digest} at {frame.f_lasti}"

    def _reference(self, path: str, called: str, thing: weakref.ref[Any]) -> str:
        self._wait(f"{path}()", called, thing())
        return "a reference"

    def _op(self, path: str, called: str, thing: Op) -> str:
        return operation(thing)

    def _reduced(self, path: str, called: str, thing: Any) -> str:
        """An object of an installed class, by what a copy of it would be made of."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = thing.__reduce_ex__(4)
        except Exception:  # which is the class's own way to say that it cannot be told
            self.found.unknown.append(called)
            return f"something of {type(thing).__qualname__}"
        if isinstance(made, str):
            return made
        function, arguments, *rest = made
        self._wait(f"{path}<0>", called, list(arguments))
        for i, held in enumerate(rest, start=1):
            if held is not None:
                self._wait(
                    f"{path}<{i}>", called, list(held) if isinstance(held, Iterator) else held
                )
        return f"{type(thing).__qualname__} by {getattr(function, '__qualname__', '')}"

    def _missing(self, path: str, called: str, thing: object) -> str:
        return "nothing"


class _Missing:
    """What a name refers to that is not defined."""


_MISSING = _Missing()
_FUNCTIONS = (
    types.FunctionType, property, staticmethod, classmethod, functools.partialmethod,
    functools.cached_property,
)  # fmt: skip
_KINDS: list[tuple[Any, Any]] = [
    (Op, _Search._op),
    (_Missing, _Search._missing),
    (types.FunctionType, _Search._function),
    (types.MethodType, _Search._method),
    (
        (types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType,
         types.MethodDescriptorType, types.ClassMethodDescriptorType, np.ufunc),
        _Search._builtin,
    ),
    (functools.partial, _Search._partial),
    ((*_FUNCTIONS[1:], functools._lru_cache_wrapper), _Search._wrapper),
    (types.ModuleType, _Search._module),
    (type, _Search._class),
    (np.ndarray, _Search._array),
    (types.GeneratorType, _Search._generator),
    (weakref.ref, _Search._reference),
]  # fmt: skip
_CONTAINERS = (list, tuple, dict, set, frozenset, deque, types.MappingProxyType)
_GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)
_BARE = frozenset((object, Module, abc.ABC, typing.Generic, typing.Protocol))


def operation(op: Op) -> str:
    """An operation; one of a user's own by its formulas, which may change."""
    return op.name if op.key == op.name else f"{op.name} ({op.__doc__})"


def _computed(thing: Any) -> str:
    """Values that were computed, also in lists of lists; "" for anything else."""
    numbers: list[float] = []
    waiting = [thing]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Value) and found.op is not None:
            numbers.append(found.data)
        elif type(found) in (list, tuple):
            waiting += found
        else:
            return ""
    return _short(f"{_COMPUTED} {numbers}") if numbers else ""


def _short(text: str) -> str:
    """A text, or what tells it from others if it is long."""
    if len(text) <= _SHORT:
        return text
    return f"{text[: _SHORT // 2]} ... with SHA-256 {_digest(text.encode('utf-8', 'replace'))}"


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


@functools.lru_cache(4096)
def _code(code: types.CodeType) -> Instructions:
    return instructions(code)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty as yet
        return _MISSING


def _own_attributes(kind: type) -> dict[str, Any]:
    """What a class and those above it define, but for installed ones.

    What is defined anew further down has a name with a quote at its end, as super() finds it.
    """
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if not _installed_class(base):
            for name, held in vars(base).items():
                while name in found:
                    name += "'"
                if name.rstrip("'") not in _OF_ANY_CLASS:
                    found[name] = held
    return found


_OF_ANY_CLASS = frozenset(("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__"))
_PLACES = tuple(
    os.path.join(os.path.realpath(place), "")
    for place in {
        *(os.path.dirname(x.__file__) for x in (autograd, sys.modules[__package__]) if x.__file__),
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    }
)


@functools.lru_cache(4096)
def _installed(filename: str) -> bool:
    """Whether a file is one of Python's, of this package, or of another that was installed."""
    if filename.startswith("<"):
        return filename.startswith("<frozen")
    place = os.path.realpath(filename)
    # There may be other folders of packages than this Python's own: the user's, the system's.
    installed = {"site-packages", "dist-packages"} & set(place.split(os.sep))
    return bool(installed) or place.startswith(_PLACES)


def _installed_module(module: types.ModuleType) -> bool:
    place = getattr(module, "__file__", None)
    if place is None:  # what is typed in has no origin
        return getattr(getattr(module, "__spec__", None), "origin", None) in ("built-in", "frozen")
    return _installed(place)


def _installed_class(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return isinstance(module, types.ModuleType) and _installed_module(module)
