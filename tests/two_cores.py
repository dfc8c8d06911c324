"""Random graphs and random sessions, told by the compiled core and by Python's, line by line.

python tests/two_cores.py graphs 100000 7       so many, from this seed
python tests/two_cores.py sessions 2000 7

Each core runs in a process of its own and says what happened: numbers to the last bit, errors with
their type and message, the bytes of pickles, what weak references saw. The first line that differs
is printed with what led to it, and the exit status says whether there was one. Nan is compared as
nan; how often its sign differed is told apart.
"""

from __future__ import annotations

import copy
import gc
import inspect
import math
import os
import pickle
import random
import re
import struct
import subprocess
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from fractions import Fraction
from functools import partial
from hashlib import sha256
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np

import autograd
from autograd import Op, Value, core, detect_anomaly, grad, group, record_source, zero_grad
from autograd.core import stale
from autograd.core.ops import OPS

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, math.inf, -math.inf, math.nan, 5e-324, -5e-324]
SPECIAL += [2.2250738585072014e-308, 1.7976931348623157e308, -1e308, 1e-308, 1e154, 1e-162, 709.8]
SPECIAL += [-745.2, 1e16, 3.0, -2.0, 0.1, 1e22]
NO_NUMBERS: list[Any] = [None, "2", b"2", 2j, [1.0], (1.0,), {}, object, Decimal("2"), 10**400]
NO_NUMBERS += [-(10**309), np.array([1.0, 2.0]), np.str_("x"), np.complex128(1), Fraction(10**400)]

NEGATIVE = "~"
Say = Callable[[str], None]


# What is said of things ---------------------------------------------------------------------------


def bits(x: float) -> str:
    """A float to the last bit; of a nan the sign, as NEGATIVE or nothing, is compared apart."""
    if x != x:
        return "nan" + NEGATIVE * (math.copysign(1.0, x) < 0.0)
    return struct.pack(">d", x).hex()


def shown(thing: Any) -> str:
    """Anything as a text that is the same in every process."""
    if isinstance(thing, Value):
        operands = ",".join(bits(x) if type(x) is float else bits(x._data) for x in thing.operands)
        since = "never" if thing.since == stale.UNPROVEN else thing.since
        op = thing.op.key if thing.op else "leaf"
        told = f"{type(thing).__name__}({bits(thing.data)} {bits(thing.grad)} {thing.label!r} {op}"
        return f"{told} [{operands}] {thing.origin} {since})"
    if type(thing) is float:
        return bits(thing)
    if isinstance(thing, (list, tuple)) and type(thing) in (list, tuple):
        return f"{type(thing).__name__}({', '.join(map(shown, thing))})"
    if isinstance(thing, np.ndarray) and thing.dtype == object:
        return f"array{thing.shape}{shown(list(thing.flat))}"
    return f"{type(thing).__name__} {scrubbed(repr(thing))}"


def scrubbed(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def outcome(do: Callable[[], Any]) -> str:
    """What something gives, or how it fails."""
    try:
        return shown(do())
    except Exception as error:
        return f"{type(error).__name__}: {scrubbed(str(error))}"


# Graphs -------------------------------------------------------------------------------------------


def number(random: random.Random) -> float:
    kind = random.random()
    if kind < 0.55:
        return random.uniform(-2.0, 2.0)
    if kind < 0.8:
        return random.choice(SPECIAL)
    if kind < 0.9:
        return float(random.randint(-5, 5))
    return math.ldexp(random.uniform(-1.0, 1.0), random.randint(-1073, 1023))


def constant(random: random.Random) -> Any:
    """A number as people write it on one side of an operator."""
    x, kind = number(random), random.randrange(12)
    if kind < 5:
        return x
    if kind < 8:
        return random.randint(-4, 4)
    if kind == 8:
        return random.random() < 0.5
    if kind == 9:
        return random.choice([np.float64(x), np.int64(3), np.bool_(True), np.uint8(200)])
    if kind == 10:
        with np.errstate(all="ignore"):
            return random.choice([np.float32(x), np.float16(x), Fraction(1, 3)])
    return random.choice([2**70, -(2**53) - 1, True, 10**308])


INFIX: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floordiv": lambda x, y: x // y,
    "mod": lambda x, y: x % y,
    "pow": lambda x, y: x**y,
}


def operands_for(random: random.Random, op: Op, nodes: Sequence[Value]) -> list[Any]:
    count = op.arity
    if count is None:
        count = random.choice([1, 2, 3, 4, 5, 16, 17, random.randint(1, 40)])
        count = random.choice([count] * 99 + [400])
    some = nodes if random.random() < 0.7 else nodes[-3:]
    return [
        random.choice(some) if random.random() < 0.75 else constant(random) for _ in range(count)
    ]


def operation(random: random.Random, nodes: Sequence[Value], ops: Sequence[Op]) -> Any:
    """One operation on some of some nodes, written in one of the ways in which people write it."""
    op = random.choice(ops)
    if random.random() < 0.3:
        op = OPS[random.choice([*INFIX])]
    operands = operands_for(random, op, nodes)
    way = random.random()
    if op.name in INFIX and way < 0.7 and any(isinstance(x, Value) for x in operands):
        return INFIX[op.name](*operands)
    if op.name == "neg" and way < 0.7:
        return -operands[0]
    if op.name == "abs" and way < 0.7:
        return abs(operands[0])
    if way < 0.3 and isinstance(operands[0], Value) and hasattr(operands[0], op.name):
        return getattr(operands[0], op.name)(*operands[1:])
    return op(*operands)


def tell_graph(random: random.Random, say: Say) -> None:
    """Build a graph, sweep it in every way, and say all that is in it."""
    ops = list(OPS.values())
    nodes = [Value(number(random)) for _ in range(random.randint(1, 5))]
    for node in nodes:
        if random.random() < 0.5:
            node.grad = number(random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(random.randint(1, 18)):
            try:
                node = operation(random, nodes, ops)
            except Exception as error:
                say(f"{type(error).__name__}: {scrubbed(str(error))}")
                continue
            if isinstance(node, Value):
                nodes.append(node)
            else:
                say(shown(node))
    root = nodes[-1]
    say(" ".join(bits(node.data) for node in nodes))
    wanted = random.sample(nodes, random.randint(1, len(nodes)))
    say(outcome(lambda: grad(root, wanted)))
    for _ in range(random.choice([1, 1, 2])):
        root.backward()
    say(" ".join(bits(node.grad) for node in nodes))
    if random.random() < 0.1:
        say(outcome(lambda: grad(root, wanted, create_graph=True)))
    if random.random() < 0.2:
        nodes[0].data = number(random)
        say(outcome(root.backward))
        root.recompute()
        root.backward()
        say(" ".join(f"{bits(node.data)} {bits(node.grad)}" for node in nodes))


# Sessions -----------------------------------------------------------------------------------------


class Plain(Value):
    """With a dict."""


class Slotted(Value):
    __slots__ = ("extra", "other")


class Bare(Value):
    __slots__ = ()


class Loud(Value):
    """Operators of its own."""

    def __add__(self, other: Any) -> Any:
        return ("added", Value.__add__(self, other))

    def __rmul__(self, other: Any) -> Any:
        return ("multiplied", super().__rmul__(other))

    def __lt__(self, other: Any) -> Any:
        return "less"

    def __bool__(self) -> bool:
        return True

    def exp(self) -> Any:
        return "exp"

    def __repr__(self) -> str:
        return f"Loud({self.data})"

    @staticmethod
    def record_operation(op: Any, operands: Any) -> Any:
        return ("recorded", Value.record_operation(op, operands))


class Counted(Value):
    """Takes note of its end, and of what it can still be asked then."""

    gone: ClassVar[list[str]] = []

    def __init__(self, data: float, label: str = "") -> None:
        super().__init__(data, label=label)
        self.note = [label]

    def __del__(self) -> None:
        node = self * 2.0
        node.backward()
        self.gone.append(f"{self.label} {bits(self.data)} {bits(self.grad)}")


class Kept(Plain):
    """Chooses what copies keep."""

    def __getstate__(self) -> Any:
        return {"kept": getattr(self, "mine", None)}

    def __setstate__(self, state: Any) -> None:
        self.mine = state["kept"]


class Foreign:
    """Not of this library, and with its own opinion of operators."""

    def __radd__(self, other: Any) -> str:
        return "radd"

    def __add__(self, other: Any) -> str:
        return "add"

    def __float__(self) -> float:
        return 2.0


class Text(str):
    """A str all the same."""


CLASSES = [Value, Plain, Slotted, Bare, Loud, Counted, Kept]
COMPARISONS = [
    lambda x, y: x < y,
    lambda x, y: x <= y,
    lambda x, y: x > y,
    lambda x, y: x >= y,
    lambda x, y: x == y,
    lambda x, y: x != y,
]
UFUNCS = "add subtract multiply divide power maximum minimum fmod hypot arctan2 sin exp arctan abs "
UFUNCS += "sqrt negative isfinite isnan sign floor square reciprocal logaddexp less equal matmul"


class Session:
    """A pool of nodes, and things that people do with them; each says what came of it."""

    def __init__(self, random: random.Random, say: Say) -> None:
        self.random, self.say = random, say
        self.pool: list[Any] = [Value(number(random), "a"), Plain(number(random)), Value(2.0)]
        self.ended: list[str] = []
        self.references: list[Any] = []

    def node(self) -> Any:
        return self.random.choice(self.pool[-12:])

    def anything(self) -> Any:
        kind = self.random.random()
        if kind < 0.4:
            return constant(self.random)
        if kind < 0.6:
            return self.node()
        if kind < 0.65:
            return Foreign()
        return self.random.choice(NO_NUMBERS)

    def keep(self, thing: Any) -> Any:
        if isinstance(thing, Value):
            self.pool.append(thing)
        return thing

    def run(self, steps: int) -> None:
        for _ in range(steps):
            action = self.random.choice(ACTIONS)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                told = outcome(partial(action, self))
            self.say(f"{action.__name__}: {told}")
            gc.collect()  # of what an error's traceback held, at the same moment on both
            if self.ended or Counted.gone:
                self.say(f"ended: {sorted(self.ended)} {sorted(Counted.gone)}")
                self.ended.clear()
                Counted.gone.clear()
        self.say(" ".join(shown(node) for node in self.pool))

    def leaf(self) -> Any:
        kind, label = self.random.choice(CLASSES), self.random.choice(["", "w", "x", "a<b", "é"])
        return self.keep(kind(number(self.random), label))

    def odd_leaf(self) -> Any:
        kind = self.random.choice(CLASSES[:4])
        label = self.random.choice(["", "w", None, 3, Text("t"), b"", ["x"]])
        data = self.anything()
        way = self.random.randrange(7)
        if way == 0:
            return self.keep(kind())
        if way == 1:
            return self.keep(kind(data=data, label=label))
        if way == 2:
            return self.keep(kind(data, label, None))
        if way == 3:
            return self.keep(kind(data, lable=label))
        if way == 4:
            return self.keep(kind(data, label=label))
        return self.keep(kind(data, label))

    def again(self) -> Any:
        node = self.node()
        if type(node) in (Counted, Loud):
            return None
        return type(node).__init__(node, number(self.random), "again")

    def compute(self) -> Any:
        return self.keep(operation(self.random, self.pool[-12:], [*OPS.values()]))

    def compute_some(self) -> Any:
        return [self.compute() for _ in range(8)][-1]

    def odd_operator(self) -> Any:
        both = [self.node(), self.anything()]
        self.random.shuffle(both)
        return self.keep(INFIX[self.random.choice([*INFIX])](*both))

    def odd_call(self) -> Any:
        op = self.random.choice([*OPS.values()])
        operands = [
            self.node() if self.random.random() < 0.5 else self.anything() for _ in range(4)
        ]
        named = {"x": 1.0} if self.random.random() < 0.1 else {}
        return self.keep(op(*operands[: self.random.randrange(5)], **named))

    def odd_method(self) -> Any:
        name = self.random.choice([op.name for op in OPS.values()] + ["backward", "recompute"])
        if name in ("conjugate",):
            return None
        named = self.random.choice([{}, {}, {"y": 1.0}, {"x": 1.0}])
        others = [self.anything() for _ in range(self.random.choice([0, 1, 1, 2]))]
        return self.keep(getattr(self.node(), name)(*others, **named))

    def odd_record(self) -> Any:
        op = self.random.choice([*OPS.values(), None, "add", 3, []])
        operands = tuple(self.anything() for _ in range(self.random.randrange(4)))
        kind = self.random.choice([tuple, tuple, list])
        return self.keep(Value.record_operation(op, kind(operands)))

    def power(self) -> Any:
        other = self.random.choice([2, 2.0, self.node(), None])
        if self.random.random() < 0.5:
            return self.keep(pow(self.node(), other, self.random.choice([3, 2.0, None])))
        return self.keep(pow(other, self.node(), self.random.choice([3, None])))

    def unsupported(self) -> Any:
        x, y = self.node(), self.anything()
        return self.random.choice(
            [
                lambda: x @ y,
                lambda: x << 1,
                lambda: x & y,
                lambda: ~x,
                lambda: divmod(x, 2.0),
                lambda: x[0],
                lambda: x(),
                lambda: len(x),
                lambda: [*x],
                lambda: x.nothing,
                lambda: setattr(x, "nothing", 1),
                lambda: delattr(x, "nothing"),
                lambda: x in [1.0, x],
                lambda: round(x),
                lambda: math.exp(x),
                lambda: float(x),
                lambda: int(x),
                lambda: complex(x),
                lambda: [1, 2][x],
                lambda: math.floor(x),
                lambda: +x is x,
                lambda: x.__class__.__name__,
                lambda: hash(x) == hash(copy.copy(x)),
                lambda: {x: 1}[x],
                lambda: x.__eq__(x),
                lambda: x.__eq__(y),
                lambda: x.__ne__(x),
                lambda: x.__lt__(y),
                lambda: x.__radd__(y),
                lambda: x.__pow__(y),
                lambda: x.__rpow__(2.0),
                lambda: x.__bool__(),
                lambda: x.conjugate() is x,
                lambda: x.record_operation(OPS["add"], (x, 1.0)),
                lambda: x.__sizeof__() > 0,
                lambda: x.__module__,
                lambda: x.__doc__,
                lambda: type(x).__mro__,
                lambda: f"{x:{self.random.choice(['.3f', 'd', '>12', '', 'q', '.2e'])}}",
                lambda: f"{x!r} {x} {x!s}",
                lambda: math.sin(x),
                lambda: sorted([x, *self.pool[:3]]),
                lambda: max(x, y),
                lambda: sum([x, x]),
                lambda: math.fsum([x]),
            ]
        )()

    def assign_data(self) -> Any:
        self.node().data = self.anything() if self.random.random() < 0.3 else number(self.random)
        return stale.now

    def assign_grad(self) -> Any:
        self.node().grad = self.anything() if self.random.random() < 0.4 else number(self.random)
        return None

    def assign_label(self) -> Any:
        node = self.node()
        node.label = self.random.choice(["", "n", "é" * 70, Text("t"), None, 1, b"x"])
        return node.label, type(node.label).__name__

    def assign_in_place(self) -> Any:
        node = self.node()
        node.data += 0.5
        node.data -= self.random.choice([0.5, 0.25])
        node.grad *= 2
        return shown(node)

    def delete(self) -> Any:
        name = self.random.choice(["data", "grad", "label", "backward", "exp", "nothing"])
        return delattr(self.node(), name)

    def note(self) -> Any:
        node = self.node()
        node.extra = [node, number(self.random)] if self.random.random() < 0.3 else 3.0
        return node.extra is not None

    def backward(self) -> Any:
        self.node().backward()
        return [bits(node.grad) for node in self.pool]

    def gradient(self) -> Any:
        return grad(self.node(), [self.node() for _ in range(self.random.randrange(4))])

    def gradient_of_one(self) -> Any:
        return grad(self.node(), self.node())

    def odd_gradient(self) -> Any:
        return grad(
            self.random.choice([self.node(), self.anything()]),
            self.random.choice([self.node(), self.anything(), [self.node(), self.anything()]]),
        )

    def gradient_graph(self) -> Any:
        (slope,) = grad(self.node(), [self.node()], create_graph=True)
        return self.keep(slope)

    def zero(self) -> Any:
        return zero_grad(self.random.choice([self.node(), [self.node(), self.node()]]))

    def odd_zero(self) -> Any:
        return zero_grad(self.random.choice([self.anything(), [self.node(), self.anything()]]))

    def recompute(self) -> Any:
        node = self.node()
        node.recompute()
        return node, stale.now

    def compare(self) -> Any:
        both = [
            self.node(),
            self.random.choice([self.node(), self.anything(), number(self.random)]),
        ]
        self.random.shuffle(both)
        return self.random.choice(COMPARISONS)(*both)

    def truth(self) -> Any:
        return bool(self.node()), not self.node(), [1, 2][bool(self.node())]

    def copied(self) -> Any:
        return self.keep(copy.copy(self.node()))

    def deep_copied(self) -> Any:
        return self.keep(copy.deepcopy(self.node()))

    def deep_copied_all(self) -> Any:
        return copy.deepcopy(self.pool[-6:])

    def pickled(self) -> Any:
        """Equal bytes can be read by either core, as they are read here."""
        nodes = [self.node(), self.node()]
        text = pickle.dumps(nodes, protocol=self.random.choice([2, 3, 4, 5]))
        read = pickle.loads(text)
        self.keep(read[0])
        unsigned = text.replace(struct.pack(">d", -math.nan), struct.pack(">d", math.nan))
        return sha256(unsigned).hexdigest(), read

    def reduced(self) -> Any:
        return self.random.choice(
            [lambda x: x.__reduce__(), lambda x: x.__getstate__(), lambda x: x.__reduce_ex__(2)[0]]
        )(self.node())

    def refer(self) -> Any:
        name = f"r{len(self.references)}"
        reference = weakref.ref(self.node(), lambda _: self.ended.append(name))
        self.references.append(reference)
        return [r() is None for r in self.references]

    def refer_and_sweep(self) -> Any:
        """A callback that uses the rest of the graph, while some of it is being freed."""
        rest, name = self.node(), f"s{len(self.references)}"

        def ended(_: Any) -> None:
            self.ended.append(outcome(rest.backward))
            self.ended.append(f"{name} {shown(copy.deepcopy(rest) * 2.0)} {bits(rest.grad)}")

        self.references.append(weakref.ref(self.node(), ended))
        return weakref.getweakrefcount(rest)

    def proxied(self) -> Any:
        proxy = weakref.proxy(self.node())
        return proxy.data, proxy + 1.0

    def drop(self) -> Any:
        count = len(self.pool) // 2
        if count > 2:
            del self.pool[:count]
        return count

    def observed(self) -> Any:
        blocks = [record_source, detect_anomaly, lambda: group("g"), lambda: group("h")]
        with ExitStack() as stack:
            for block in self.random.sample(blocks, self.random.randint(1, 3)):
                stack.enter_context(block())
            node = self.compute()
            leaf = self.leaf()
            own = leaf.sigmoid() + leaf * 2
            own = OPS["hypot"](own, 1)
            copied = copy.copy(own)
            own.backward()
            if isinstance(node, Value):
                node.backward()
            return node, leaf, own, copied, grad(own, leaf)

    def derived(self) -> Any:
        f = self.random.choice([lambda x: x * x.tanh(), lambda x: x + self.pool[0], lambda x: 3.0])
        way = self.random.choice([autograd.derivative, autograd.gradient, autograd.hessian])
        x = 0.5 if way is autograd.derivative else [0.5]
        return way(f, x)

    def lowered(self) -> Any:
        x = Value(0.5, "x")
        root = x * 2.0 + (1.0 if x > 0.0 else 2.0)
        return autograd.lower(root, inputs=[x]).source[:200]

    def watched(self) -> Any:
        f = autograd.LoweredFunction(lambda x: x * 2.0 if x.data > 0.0 else x * 3.0, 0.5)
        return outcome(lambda: f.value(0.25))

    def own_row(self) -> Any:
        self.random.choice(OWN)()
        return sorted(OPS)[:2]

    def arrays(self) -> Any:
        name = self.random.choice(UFUNCS.split())
        ufunc = getattr(np, name)
        array = np.array([self.node(), Value(0.5), 2.0], dtype=object)
        one = self.random.choice([self.node(), array, np.float64(0.5), np.arange(3.0), 2])
        two = self.random.choice([self.node(), array, np.float32(2.5), np.longdouble(0.5)])
        return ufunc(*[one, two][: ufunc.nin])

    def array_sums(self) -> Any:
        nodes = [self.node() for _ in range(4)]
        array = np.array(nodes).reshape(2, 2)
        return self.random.choice(
            [
                lambda: array @ array,
                lambda: array.sum(),
                lambda: np.add.reduce(array),
                lambda: np.var(array),
                lambda: np.max(array),
                lambda: np.sort(array.ravel()),
                lambda: array + nodes[0],
                lambda: np.float64(2.0) * nodes[0],
                lambda: nodes[0] * np.float64(2.0),
                lambda: np.longdouble(2.0) / nodes[0],
                lambda: np.arange(2.0) * nodes[0],
                lambda: np.array(nodes[0]) + 1,
                lambda: np.isfinite(nodes[0]),
            ]
        )()

    def functions(self) -> Any:
        nodes = [self.node() for _ in range(self.random.randint(0, 5))]
        return self.random.choice(
            [
                lambda: autograd.sum(nodes),
                lambda: autograd.prod(nodes),
                lambda: autograd.dot(nodes, nodes[::-1]),
                lambda: autograd.softmax(nodes),
                lambda: autograd.logsumexp(nodes),
                lambda: autograd.where(nodes[0] > 0.0, nodes[0], 1.0),
                lambda: autograd.exp(2.0),
                lambda: autograd.consumers_first(nodes[0]),
            ]
        )()

    def introspected(self) -> Any:
        node = self.node()
        name = self.random.choice([*PUBLIC, "__add__", "__radd__", "__lt__", "__pow__", "__neg__"])
        return (
            isinstance(node, Value),
            issubclass(type(node), Value),
            type(node).__name__,
            type(node).__qualname__,
            [n for n in dir(node) if not n.startswith("_")],
            inspect.getdoc(getattr(Value, name)) if not name.startswith("__") else "",
            callable(getattr(node, name)),
            repr(type(node)),
        )


PUBLIC = [name for name in dir(Value) if not name.startswith("_") and name != "since"]
ACTIONS = [do for name, do in vars(Session).items() if not name.startswith("_")]
ACTIONS = [do for do in ACTIONS if do.__name__ not in ("node", "anything", "keep", "run")]
ACTIONS += [Session.compute_some, Session.backward, Session.gradient, Session.assign_data] * 2


def reciprocal(x: float) -> float:
    return 1.0 / x if x else math.inf


def larger(*xs: float) -> float:
    return max(xs)


OWN: list[Callable[[], Op]] = [
    lambda: Op("cube", "x ** 3", "3 * x ** 2"),
    lambda: Op("mixed", "cube(x) + sin(y)", "3 * x ** 2", "cos(y)"),
    lambda: Op("four", "x + y * w * v", "1", "w * v", "y * v", "y * w"),
    lambda: Op("inverse", "1 / x", "-z * z", by=reciprocal),
    lambda: Op("largest_of", "max(...)", "1 if x == z else 0", by=larger, variadic=True),
]


def tell_session(random: random.Random, say: Say) -> None:
    for name in ("cube", "mixed", "four", "inverse", "largest_of"):
        OPS.pop(name, None)
    Session(random, say).run(40)


# The two processes --------------------------------------------------------------------------------

TOLD = {"graphs": tell_graph, "sessions": tell_session}


def tell(kind: str, seeds: range) -> None:
    """Say what happens, in the process of one core."""
    write = sys.stdout.write
    write(f"core {core.NAME}\n")
    gc.freeze()
    if kind == "sessions":
        gc.disable()
    if kind == "graphs":
        for own in OWN:
            own()
    for seed in seeds:
        write(f"{kind} from seed {seed}\n")
        TOLD[kind](random.Random(f"{kind} {seed}"), lambda line: void(write(f"{line!a}\n")))
    sys.stdout.flush()


def void(_: object) -> None:
    """Nothing."""


def started(name: str, kind: str, seeds: range) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "tell", kind, str(seeds.start), str(seeds.stop)]
    environment = {**os.environ, "STEPGRAD_CORE": name, "PYTHONHASHSEED": "0"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)


def differences(kind: str, seeds: range) -> Iterator[str]:
    """The first difference of each graph or session, with what led to it."""
    both = [started(name, kind, seeds) for name in ("native", "python")]
    before: list[str] = []
    found = told = False
    signs = lines = 0
    assert both[0].stdout is not None and both[1].stdout is not None
    for one, other in zip_longest(both[0].stdout, both[1].stdout, fillvalue="(nothing)"):
        lines += 1
        if one.startswith(kind) and one == other:
            before, found = [one], False
        elif one != other and lines > 1:
            signs += 1
            if unsigned(one) != unsigned(other) and not found:
                found = told = True
                last = "".join(before[:1] + before[1:][-12:])
                yield f"{last}native: {one}python: {other}"
                if not one.startswith(("'", '"')) or not other.startswith(("'", '"')):
                    break  # no longer in step
        before.append(one)
    for process in both:
        process.kill() if told else process.wait()
        assert process.stdout is not None
        process.stdout.close()
        if process.wait() and not told:
            yield f"a core ended with status {process.returncode}"
    print(f"{len(seeds)} {kind}, {lines} lines; the sign of a nan differed in {signs}")


def unsigned(line: str) -> str:
    return line.replace(NEGATIVE, "")


def main(kind: str, count: int, seed: int) -> int:
    """How many of so many graphs or sessions differed."""
    wrong = 0
    for start in range(seed, seed + count, 5000):
        for told in differences(kind, range(start, min(start + 5000, seed + count))):
            wrong += 1
            print(told)
    print(f"{wrong} differed")
    return wrong


if __name__ == "__main__":
    if sys.argv[1] == "tell":
        tell(sys.argv[2], range(int(sys.argv[3]), int(sys.argv[4])))
    else:
        sys.exit(bool(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
