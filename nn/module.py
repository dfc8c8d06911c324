"""``Module``: what every network and every part of one has in common, which is its parameters.

A module finds its parameters by looking at its attributes, so that a network is written by
assigning Values, modules and lists of them, and by defining ``__call__``.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
import re
from abc import ABCMeta
from collections import UserList, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any, Literal, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from autograd import Value, zero_grad
from autograd.text import counted, escape, got, real, shortened

from .persistence import (
    PersistenceError,
    decoded,
    encoded,
    limit_for,
    plain_json,
    read_file,
    write_file,
)


class _Labelling(ABCMeta):
    """Labels what a module holds when it is made, so that no call and no training pays for it."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        module = super().__call__(*args, **options)
        if "_labels_itself" not in vars(cls):
            _label(module)
        return module

    @property
    def __signature__(cls) -> inspect.Signature:
        """What a module is made with: that of its ``__init__``, for ``help``."""
        kind: Any = cls
        if kind.__init__ is object.__init__:
            return inspect.Signature()
        taken = inspect.signature(kind.__init__)
        _, *parameters = taken.parameters.values()
        return taken.replace(parameters=parameters, return_annotation=taken.empty)


class Module(metaclass=_Labelling):
    """A differentiable function with parameters.

    Parameters are what the attributes hold, in the order in which those were assigned: Values that
    are leaves, other modules, and lists, tuples, dicts, NumPy object arrays, dataclasses and
    namespaces of these, nested as you like. A Value that was computed, such as an output that is
    kept, is none, and neither is anything in a set, which has no order. An attribute that begins
    with an underscore is private to the module and is not searched.

    When a module has been made, its parameters are labelled with their paths, such as ``w`` and
    ``l1.neuron0.w[2]``, unless they have labels of their user's.
    """

    def __call__(self, x: Any) -> Any:
        """The output for one input; defined by each module."""
        raise NotImplementedError(f"{type(self).__name__} defines no __call__(self, x)")

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter once with its name, such as ``("layer1.neuron0.w[2]", value)``.

        Names are paths as Python code writes them: ``heads['left'].b``, ``w[0, 1]`` in an array. A
        parameter that is used in two places is named after the first. Of two different ones whose
        paths read alike the second is ``path#2``.
        """
        seen: set[Value] = set()
        names: set[str] = set()
        for name, value in walk(self):
            if isinstance(value, Value) and value.op is None and value not in seen:
                seen.add(value)
                if name in names:
                    name = next(free for k in count(2) if (free := f"{name}#{k}") not in names)
                names.add(name)
                yield name, value

    def parameters(self) -> list[Value]:
        """Each parameter once, in a fixed order."""
        return [value for _, value in self.named_parameters()]

    def zero_grad(self) -> None:
        """Reset the gradient of every parameter to 0.0."""
        zero_grad(self.parameters())

    @overload
    def state_dict(self, *, arrays: Literal[False] = False) -> dict[str, float]: ...

    @overload
    def state_dict(self, *, arrays: Literal[True]) -> dict[str, NDArray[np.float64]]: ...

    def state_dict(self, *, arrays: bool = False) -> Mapping[str, Any]:
        """The number that each parameter holds, by name.

        Args:
            arrays: put those that differ by the indices at the end only, and by the number of a
                neuron, into one NumPy array: of a ``Layer``, ``layer1.w`` of shape (outputs,
                inputs) and ``layer1.b`` of shape (outputs,).
        """
        state = {name: value.data for name, value in self.named_parameters()}
        return as_arrays(state) if arrays else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the parameters the numbers of ``state_dict()``, in either form.

        Raises:
            ValueError: if the names are not exactly those of this module, an array has another
                shape, or a number is nan or infinite. No parameter has been changed then.
            TypeError: if the state is no dict, or an entry is not a number; likewise.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict() takes what state_dict() gives, a dict of numbers by name, got "
                f"{got(state)}"
            )
        own = self.state_dict()
        if state.keys() != own.keys() and state.keys() == (arrays := as_arrays(own)).keys():
            state = from_arrays(arrays, state, list(own))
        ordered = in_order(self, state)
        numbers = []
        for name, number in zip(self.state_dict(), ordered):
            try:
                numbers.append(real(number))
            except (TypeError, ValueError) as error:
                raise type(error)(
                    f"the state holds {got(number)} for {name}; expected a number that is finite"
                ) from None
            if not math.isfinite(numbers[-1]):
                raise ValueError(f"the state holds {number!r} for {name}; expected a finite number")
        self._assign(numbers)

    def save(self, path: str | os.PathLike[str], about: Mapping[str, Any] | None = None) -> None:
        """Write the parameters to a file, exactly, by name; ``load`` reads it.

        The file is written beside its place and then renamed, so that it is never half there;
        ``nn/persistence.py`` describes it.

        Args:
            path: where.
            about: what else it is to hold by name, such as the classes, or the mean and scale of a
                ``Standardizer``: texts, finite numbers, True, False, None, and lists and dicts of
                these. ``nn.read_about(path)`` reads it.

        Raises:
            TypeError: if something in ``about`` is anything else; nothing is written then.
            OSError: if it cannot be written; what was there stays.
        """
        state = self.state_dict()
        parts: list[Mapping[str, Any]] = [dict(zip(state, encoded(state.values())))]
        if about is not None:
            parts.append({"about": plain_json("about", about)})
        write_file(path, parts)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Give the parameters the numbers that ``save``, or ``fit`` as a checkpoint, has written.

        Raises:
            PersistenceError: (a ValueError) if the file is damaged, of another version, or none.
            ValueError: if the names in it are not exactly those of this module.
            OSError: if it cannot be opened. In each case no parameter has been changed.
        """
        state = read_file(path, [limit_for(self.state_dict())])[0]
        try:
            numbers = decoded(in_order(self, state))
        except PersistenceError as error:
            raise PersistenceError(f"{os.fspath(path)!r} cannot be read: {error}") from None
        self._assign(numbers)

    def _assign(self, numbers: Iterable[float]) -> None:
        for value, number in zip(self.parameters(), numbers):
            value.data = number

    def _described(self) -> str:
        """What kind of function it is, in a few words; empty if there is no more to say."""
        return ""

    def _placed(self, path: str) -> None:
        """Take note that a module which has been made holds this one, under such a path."""

    def __repr__(self) -> str:
        parts = [self._described(), counted(len(self.parameters()), "parameter")]
        return f"{type(self).__name__}({', '.join(filter(None, parts))})"


def _label(module: Module) -> None:
    """Label the parameters with their paths, those that nobody else has given a label."""
    seen: set[Value] = set()
    for path, found in walk(module):
        # Nobody reads a longer one, and modules in modules would take the square of their number.
        if len(path) > _LONGEST_LABEL:
            break
        if isinstance(found, Module):
            found._placed(path)
        elif isinstance(found, Value) and found.op is None and found not in seen:
            seen.add(found)
            if not found.label or _labels.get(found) == found.label:
                found.label = _labels[found] = path


_LONGEST_LABEL = 150
# The labels that modules have given to parameters, which a module around them may make longer.
_labels: WeakKeyDictionary[Value, str] = WeakKeyDictionary()


_NEURON = re.compile(r"\bneuron(\d+)\.(?=\w+(?:\[|$))")  # the innermost
_INDICES = re.compile(r"(?:\[\d+(?:, \d+)*\])+$")


def as_arrays(state: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    """Numbers by name as arrays, where the places in the names fill one; others by themselves."""
    return {
        name: np.array([state[own] for own in members]).reshape(shape)
        for name, (shape, members) in _grouped(list(state)).items()
    }


def from_arrays(
    arrays: Mapping[str, NDArray[np.float64]], given: Mapping[str, Any], names: Sequence[str]
) -> dict[str, float]:
    """Numbers by name from arrays in the place of those that ``as_arrays`` gave.

    Raises:
        ValueError: if one has another shape.
    """
    state: dict[str, float] = {}
    for name, (shape, members) in _grouped(names).items():
        array = np.asarray(given[name])
        if array.shape != arrays[name].shape:
            raise ValueError(
                f"the state holds an array of shape {array.shape} for {name}; expected {shape}"
            )
        state |= zip(members, array.reshape(-1).tolist())
    return state


def _grouped(names: Sequence[str]) -> dict[str, tuple[tuple[int, ...], list[str]]]:
    """Names that differ by places only under one, with the shape, and the members in its order."""
    groups: dict[str, dict[tuple[int, ...], str]] = {}
    for name in names:
        indices, neuron = _INDICES.search(name), _NEURON.search(name)
        texts = [neuron[1]] if neuron else []
        texts += re.findall(r"\d+", indices[0]) if indices else []
        places = tuple(map(int, texts))
        called = _NEURON.sub("", _INDICES.sub("", name))
        groups.setdefault(called, {})[places] = name
    found: dict[str, tuple[tuple[int, ...], list[str]]] = {}
    for called, members in groups.items():
        shape = tuple(1 + max(places) for places in zip(*members))
        full = math.prod(shape) == len(members) and len({*map(len, members)}) == 1
        if full and called and (called not in names or not shape):
            found[called] = shape, [members[place] for place in sorted(members)]
        else:
            found |= {name: ((), [name]) for name in members.values()}
    return found


def in_order(module: Module, state: Mapping[str, Any]) -> list[Any]:
    """What a state holds for each parameter of a module.

    Raises:
        ValueError: if the names are not exactly those of the parameters.
    """
    own = module.state_dict().keys()
    missing, unknown = own - state.keys(), state.keys() - own
    if missing or unknown:
        raise ValueError(
            f"the state does not fit this {type(module).__name__} of {len(own)} parameters: "
            f"{_some('missing', missing)}{_some('unknown', unknown)}"
            f"build the module with the same shape as the one that was saved"
        )
    return [state[name] for name in own]


def walk(module: Module, private: bool = False) -> Iterator[tuple[str, object]]:
    """A module and all that its attributes hold, in their order, with their names.

    Args:
        module: where to begin.
        private: whether to look into attributes that begin with an underscore as well.
    """
    stack: list[tuple[str, object]] = [("", module)]  # as modules may nest to any depth
    entered: set[int] = set()
    while stack:
        name, found = stack.pop()
        if type(found) not in _NUMBERS and (held := _held(found)) is not None:
            if id(found) in entered:
                continue
            entered.add(id(found))
            inside = list(zip(_names(name, found), held))
            if isinstance(found, Module) and not private:
                inside = [x for own, x in zip(vars(found), inside) if not own.startswith("_")]
            stack.extend(reversed(inside))
        yield name, found


class Parameters:
    """The parameters of a module as they are at one time.

    Attributes:
        names: what each is called.
        values: the parameters themselves, in the same order.
    """

    def __init__(self, module: Module) -> None:
        found = list(module.named_parameters())
        self.names = [name for name, _ in found]
        self.values = [value for _, value in found]
        self._held = [
            (container, held)
            for _, container in walk(module)
            if type(container) not in _NUMBERS and (held := _held(container)) is not None
        ]

    def hold(self) -> bool:
        """Whether the module and its containers hold the very things that they held then."""
        for container, held in self._held:
            now = _held(container) or []
            if len(now) != len(held) or not all(map(operator.is_, now, held)):
                return False
        return True


_NUMBERS = frozenset((Value, float, int, str, bool, type(None)))  # quickly known to hold nothing
# Keys that read the same in every process; another key is named after its place.
_KEYS = (str, int, float, bool, bytes, type(None))


def _held(found: Any) -> list[object] | None:
    """What a module or a container holds, in its order; None for anything else."""
    if isinstance(found, (Module, SimpleNamespace)):
        return list(vars(found).values())
    if isinstance(found, (list, tuple, deque, UserList)):
        return list(found)
    if isinstance(found, Mapping):
        return list(found.values())
    if isinstance(found, np.ndarray) and found.dtype == object:
        return found.reshape(-1).tolist()  # type: ignore[no-any-return]
    if is_dataclass(found) and not isinstance(found, type):
        return [getattr(found, x.name, None) for x in fields(found)]
    return None


def _names(name: str, found: Any) -> list[str]:
    """The names of the things that a module or a container of some name holds."""
    if isinstance(found, (Module, SimpleNamespace)):
        prefix = f"{name}." if name else ""
        return [prefix + attribute for attribute in vars(found)]
    if isinstance(found, (list, tuple, deque, UserList)):
        return [f"{name}[{i}]" for i in range(len(found))]
    if isinstance(found, Mapping):
        keys = (repr(key) if type(key) in _KEYS else f"#{i}" for i, key in enumerate(found))
        return [f"{name}[{key}]" for key in keys]
    if isinstance(found, np.ndarray):
        places = np.ndindex(found.shape)
        return [f"{name}[{', '.join(map(str, place))}]" if place else name for place in places]
    return [f"{name}.{x.name}" for x in fields(found)]


def _some(what: str, names: set[str]) -> str:
    """A few of the names, which in a file may be any, and how many there are."""
    listed = [shortened(escape(str(name)), 80) for name in sorted(names, key=str)]
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return f"{what} {', '.join(listed[:3])}{more}; " if listed else ""
