"""What each operation is on arrays, with the numbers of Python's floats at infinities and nans.

The languages NumPy and JAX have most rows of the operation table as one call. The others are taken
apart, each into what its formula says: the additions by the simplifier, a few by ``EXPANSIONS``,
which share work between an operation and its slope, and the rest, also a user's own, by the table.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.table import BUILT_IN, EVERY, Op
from ..languages import JAX, NUMPY
from .graph import AFFINE, CONSTANT, INPUT, Expression, Graph, LoweringError, as_node
from .lowered import Lowered
from .simplify import ADDITIVE, Simplifier

# What NumPy lacks ---------------------------------------------------------------------------------


def where(condition: Any, x: Any, y: Any, out: Any = None) -> Any:
    """X where the condition is not zero (nan is not), else y."""
    chosen = np.not_equal(condition, 0.0)
    if out is None:
        return np.where(chosen, x, y)
    np.copyto(out, y)
    np.copyto(out, x, where=chosen)
    return out


def unit_step(x: Any, out: Any = None) -> Any:
    """1 for x >= 0, else 0; nan at nan."""
    return np.heaviside(x, 1.0, out=out)


def relu(x: Any, out: Any = None) -> Any:
    """The positive part of x; nan at nan."""
    return np.maximum(x, 0.0, out=out)


def less(x: Any, y: Any, out: Any = None) -> Any:
    """1 where x < y, else 0."""
    return np.less(x, y) * 1.0 if out is None else np.less(x, y, out=out)


def equal(x: Any, y: Any, out: Any = None) -> Any:
    """1 where x == y, else 0."""
    return np.equal(x, y) * 1.0 if out is None else np.equal(x, y, out=out)


def _each(function: Callable[[float], float]) -> Callable[..., Any]:
    """A function of Python on arrays, one number after the other."""

    def on_arrays(x: Any, out: Any = None) -> Any:
        numbers = np.asarray(x, float)
        found: NDArray[np.float64] = np.array(list(map(function, numbers.ravel().tolist())))
        if out is None:
            return found.reshape(numbers.shape)
        out[...] = found.reshape(numbers.shape)
        return out

    on_arrays.__name__ = function.__name__
    return on_arrays


_LACKED: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (where, unit_step, relu, less, equal, _each(math.erf), _each(math.erfc))
}


@functools.cache
def numpy_call(key: str) -> str:
    """What the source of a program calls for a row; "" for one that is taken apart."""
    op = EVERY[key]
    return "" if op.arity is None else NUMPY.own(op).removeprefix(NUMPY.library)


NUMPY_CALLS: dict[str, Callable[..., Any]] = {
    name: _LACKED.get(name) or getattr(np, name)
    for name in filter(None, map(numpy_call, sorted(BUILT_IN)))
}
"""The functions by what they are called: of the operands, and as ``out`` of the array to write."""


@functools.cache
def jax_call(key: str) -> Callable[..., Any]:
    """A row as a function of ``jax.numpy``, ``jax.scipy.special`` and its operands."""
    op = EVERY[key]
    made: Callable[..., Any] = eval(f"lambda jnp, special, {', '.join(op.letters)}: {JAX.body(op)}")
    return made


# A row by its key, and the nodes that it is called with.
Call: TypeAlias = "tuple[str, tuple[int, ...]]"

_prelude: dict[str, Any] = {"np": np}
exec(NUMPY.prelude, _prelude)
NUMPY_REDUCTIONS: dict[str, Callable[..., Any]] = {
    name: _prelude[name] for name in ("sumexpm1", "logsumexp", "softmax_total")
}
"""The rows of any number of operands that NumPy lacks, on an array along an axis."""

SIGNS = {"sub": (1.0, -1.0), "neg": (-1.0,)}
"""Of the additions that have others than 1."""

COMMUTATIVE = frozenset({"mul", "maximum", "minimum", "equal"})
# What reads its operands after it has begun to write.
NOT_IN_PLACE = frozenset({"where"})


def expand(lowered: Lowered) -> Lowered:
    """Take compound operations apart, so that forward and backward share work."""
    graph = lowered.graph
    expanded, nodes = _Expanded(), [-1] * len(graph)
    at = nodes.__getitem__

    def make(node: int, name: str) -> int:
        operands = tuple(map(at, graph.operands[node]))
        return expanded.node(name, operands) if name == AFFINE else expanded.row(name, operands)

    graph.rewrite(expanded, lowered.reached(), make, nodes)
    return lowered.moved(expanded, nodes)


class _Expanded(Simplifier):
    """A graph that remembers which of its nodes are the softplus of which."""

    def __init__(self) -> None:
        super().__init__()
        self.softplus: dict[int, int] = {}
        self._written: dict[Call, int] = {}

    def row(self, key: str, operands: tuple[int, ...]) -> int:
        """The node of a row; of one that is no call, what its formula says.

        What a formula calls may be written as well, and so on: however deep that is, nothing is
        written twice, and nothing recurses.
        """
        made = self._made(key, operands)
        if made is not None:
            return made
        calls = [(key, operands)]
        writing = [self._write(key, operands)]
        result: int | None = None
        while writing:
            try:
                call = writing[-1].send(result)
            except StopIteration as done:
                result = self._written[calls.pop()] = done.value
                writing.pop()
                continue
            result = self._written.get(call)
            if result is None:
                calls.append(call)
                writing.append(self._write(*call))
        assert result is not None
        return result

    def _made(self, key: str, operands: tuple[int, ...]) -> int | None:
        """The node of a row; None for one that has to be written as its formula says."""
        if key in EXPANSIONS:
            return EXPANSIONS[key](self, operands)
        if key in ADDITIVE:
            signs = SIGNS.get(key) or (1.0,) * len(operands)
            return self.total(list(zip(signs, operands)))
        if numpy_call(key):
            return self.apply(key, operands)
        check_operation(key)
        return None

    def _write(self, key: str, operands: tuple[int, ...]) -> Generator[Call, int | None, int]:
        """Write a row as its formula says; of a call that it gives it has to be sent the node."""
        formula, root = _formula(EVERY[key])
        nodes: list[int] = []
        for name, inner, number in zip(formula.names, formula.operands, formula.numbers):
            if name == INPUT:
                nodes.append(operands[int(number)])
            elif name == CONSTANT:
                nodes.append(self.constant(number))
            else:
                call = name, tuple([nodes[x] for x in inner])
                made = self._made(*call)
                if made is None:
                    made = yield call
                    assert made is not None
                nodes.append(made)
        return nodes[root]


@functools.cache
def _formula(op: Op) -> tuple[Graph, int]:
    """The formula of a row as a graph, with an input for each operand, and its root."""
    graph = Graph()
    letters = [Expression(graph, graph.leaf(INPUT, i)) for i in range(len(op.letters))]
    return graph, as_node(graph, op.on_nodes(*letters))


def _softplus(graph: _Expanded, operands: tuple[int, ...]) -> int:
    """max(x, 0) + log(1 + e ** -|x|), as in its row; the logarithm is the same for x and -x."""
    (x,) = operands
    whole = x
    negative = graph.find("mul", (graph.constant(-1.0), x))
    if graph.names[x] == "mul" and graph.is_constant(graph.operands[x][0], -1.0):
        x, negative = graph.operands[x][1], x
        positive_part = graph.apply("maximum", (negative, graph.constant(0.0)))
    else:
        positive_part = graph.apply("maximum", (x, graph.constant(0.0)))
    if negative is None:
        exponent = graph.negative(graph.apply("abs", (x,)))
    else:
        exponent = graph.apply("minimum", (x, negative))
    logarithm = graph.node("log1p", (graph.apply("exp", (exponent,)),))
    result = graph.total([(1.0, positive_part), (1.0, logarithm)])
    graph.softplus[whole] = result
    return result


def _sigmoid(graph: _Expanded, operands: tuple[int, ...]) -> int:
    """1 / (1 + e ** -x), or e ** -softplus(-x) where that softplus is needed anyway."""
    negative = graph.negative(operands[0])
    if negative in graph.softplus:
        return graph.apply("exp", (graph.negative(graph.softplus[negative]),))
    exponential = graph.apply("exp", (negative,))
    one = graph.constant(1.0)
    return graph.apply("div", (one, graph.total([(1.0, one), (1.0, exponential)])))


def _largest(graph: Graph, operands: tuple[int, ...]) -> int:
    return graph.node("largest", tuple(sorted(set(operands))))


def _sumexpm1(graph: Simplifier, operands: tuple[int, ...]) -> int:
    """The ones among the powers are added up apart, so that beside them nothing is lost."""
    one = graph.constant(1.0)
    powers = [graph.apply("exp", (x,)) for x in operands]
    ones = [graph.apply("floor", (graph.apply("minimum", (power, one)),)) for power in powers]
    rests = [graph.total([(1.0, x), (-1.0, whole)]) for x, whole in zip(powers, ones)]
    count = graph.total([*((1.0, x) for x in ones), (-1.0, one)])
    return graph.total([(1.0, graph.total([(1.0, x) for x in rests])), (1.0, count)])


def _logsumexp(graph: Simplifier, operands: tuple[int, ...]) -> int:
    """The largest x and the logarithm of what is left; an infinite one is the result."""
    largest = _largest(graph, operands)
    rest = _sumexpm1(graph, _less(graph, operands, largest))
    result = graph.total([(1.0, largest), (1.0, graph.apply("log1p", (rest,)))])
    return graph.apply("where", (_is_infinite(graph, largest), largest, result))


def _softmax_total(graph: Simplifier, operands: tuple[int, ...]) -> int:
    """The sum of e ** (x - z) for the logsumexp z of all x; 1 where that is infinite."""
    z = _logsumexp(graph, operands)
    powers = [graph.apply("exp", (x,)) for x in _less(graph, operands, z)]
    total = graph.total([(1.0, power) for power in powers])
    return graph.apply("where", (_is_infinite(graph, z), graph.constant(1.0), total))


def _less(graph: Simplifier, operands: tuple[int, ...], x: int) -> tuple[int, ...]:
    return tuple([graph.total([(1.0, operand), (-1.0, x)]) for operand in operands])


def _is_infinite(graph: Simplifier, x: int) -> int:
    return graph.apply("equal", (graph.apply("abs", (x,)), graph.constant(math.inf)))


EXPANSIONS: dict[str, Callable[[_Expanded, tuple[int, ...]], int]] = {
    "softplus": _softplus,
    "sigmoid": _sigmoid,
    "softmax_shift": _largest,
    "softmax_total": _softmax_total,
    "logsumexp": _logsumexp,
    "sumexpm1": _sumexpm1,
}


def check_operation(key: str) -> None:
    """Refuse a row that is neither a call nor a formula.

    Raises:
        LoweringError: if it is computed by a function of somebody's own.
    """
    known = key in ADDITIVE or key in EXPANSIONS or numpy_call(key) != ""
    if not known and not EVERY[key].is_written:
        raise LoweringError(
            f"the operation {EVERY[key].name!r} is computed by a function of Python, which no "
            f"array program can call; give its row a formula instead of by="
        )
