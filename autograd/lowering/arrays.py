"""What each operation is on arrays, with the numbers of ``ieee`` at infinities, nans and zeros.

``ARRAY_OPERATIONS`` holds those that are one call. The others of the operation table are taken
apart: into these by ``EXPANSIONS``, or, the additions, by the simplifier. A test checks that every
row of the table is in one of the three, and compares the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .graph import AFFINE, LEAVES, Graph, LoweringError
from .lowered import Lowered
from .simplify import ADDITIVE, Simplifier


class ArrayOperation(NamedTuple):
    """One elementwise operation.

    ``numpy`` is called with the operands and the array to write to; ``jax`` with ``jax.numpy`` and
    the operands. ``text`` is its formula, with a place for each operand.
    """

    numpy: Callable[..., Any]
    jax: Callable[..., Any]
    text: str


def where(condition: Any, x: Any, y: Any, out: Any = None) -> Any:
    """X where the condition is not zero (nan is not), else y."""
    chosen = np.not_equal(condition, 0.0)
    if out is None:
        return np.where(chosen, x, y)
    np.copyto(out, y)
    np.copyto(out, x, where=chosen)
    return out


def xlogy(x: Any, y: Any, out: Any) -> Any:
    """X * log(y), which is 0 for x = 0 whatever y is but nan."""
    hidden = np.equal(x, 0.0) & ~np.isnan(y)
    np.multiply(x, np.log(y, out=out if np.shape(y) == np.shape(out) else None), out=out)
    np.copyto(out, 0.0, where=hidden)
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


def _jax_xlogy(jnp: Any, x: Any, y: Any) -> Any:
    hidden = (x == 0.0) & ~jnp.isnan(y)
    return jnp.where(hidden, 0.0, x * jnp.log(jnp.where(hidden, 1.0, y)))


def _jax_indicator(jnp: Any, chosen: Any) -> Any:
    # Not chosen.astype(float): of that times y XLA makes y where it is chosen, else 0, also for an
    # infinite y.
    return jnp.where(chosen, 1.0, 0.0)


def _jax_step(jnp: Any, x: Any) -> Any:
    return jnp.where(jnp.isnan(x), x, _jax_indicator(jnp, x >= 0.0))


ARRAY_OPERATIONS: dict[str, ArrayOperation] = {
    "mul": ArrayOperation(np.multiply, lambda jnp, x, y: x * y, "{} * {}"),
    "div": ArrayOperation(np.divide, lambda jnp, x, y: x / y, "{} / {}"),
    "pow": ArrayOperation(np.power, lambda jnp, x, y: jnp.power(x, y), "{} ** {}"),
    "neg": ArrayOperation(np.negative, lambda jnp, x: -x, "-{}"),
    "abs": ArrayOperation(np.absolute, lambda jnp, x: jnp.abs(x), "abs({})"),
    "exp": ArrayOperation(np.exp, lambda jnp, x: jnp.exp(x), "exp({})"),
    "log": ArrayOperation(np.log, lambda jnp, x: jnp.log(x), "log({})"),
    "log1p": ArrayOperation(np.log1p, lambda jnp, x: jnp.log1p(x), "log(1 + {})"),
    "sqrt": ArrayOperation(np.sqrt, lambda jnp, x: jnp.sqrt(x), "sqrt({})"),
    "sin": ArrayOperation(np.sin, lambda jnp, x: jnp.sin(x), "sin({})"),
    "cos": ArrayOperation(np.cos, lambda jnp, x: jnp.cos(x), "cos({})"),
    "xlogy": ArrayOperation(xlogy, _jax_xlogy, "{0} * log({1})"),
    "tanh": ArrayOperation(np.tanh, lambda jnp, x: jnp.tanh(x), "tanh({})"),
    "relu": ArrayOperation(relu, lambda jnp, x: jnp.maximum(x, 0.0), "maximum({}, 0)"),
    "maximum": ArrayOperation(np.maximum, lambda jnp, x, y: jnp.maximum(x, y), "maximum({}, {})"),
    "minimum": ArrayOperation(np.minimum, lambda jnp, x, y: jnp.minimum(x, y), "minimum({}, {})"),
    "step": ArrayOperation(unit_step, _jax_step, "1 where {} >= 0, else 0"),
    "sign": ArrayOperation(np.sign, lambda jnp, x: jnp.sign(x), "sign({})"),
    "less": ArrayOperation(
        less, lambda jnp, x, y: _jax_indicator(jnp, x < y), "1 where {} < {}, else 0"
    ),
    "equal": ArrayOperation(
        equal, lambda jnp, x, y: _jax_indicator(jnp, x == y), "1 where {} == {}, else 0"
    ),
    "where": ArrayOperation(
        where, lambda jnp, c, x, y: jnp.where(c != 0.0, x, y), "{1} where {0}, else {2}"
    ),
}
COMMUTATIVE = frozenset({"mul", "maximum", "minimum", "equal"})
# What reads its operands after it has begun to write.
NOT_IN_PLACE = frozenset({"where", "xlogy"})


def expand(lowered: Lowered) -> Lowered:
    """Take compound operations apart, so that forward and backward share work."""
    graph = lowered.graph
    reached = graph.reachable(lowered.nodes())
    expanded = _Expanded()
    nodes = [-1] * len(graph)
    for node, name in enumerate(graph.names):
        operands = tuple([nodes[x] for x in graph.operands[node]])
        if not operands:
            nodes[node] = expanded.constant(graph.numbers[node])
            if name != "constant":
                nodes[node] = expanded.leaf(name, int(graph.numbers[node]))
        elif not reached[node]:
            continue
        elif name in EXPANSIONS:
            nodes[node] = EXPANSIONS[name](expanded, operands)
        elif name == "sum":
            nodes[node] = expanded.total([(1.0, x) for x in operands])
        elif name == AFFINE:
            nodes[node] = expanded.node(name, operands)
        else:
            nodes[node] = expanded.apply(name, operands)
        if node in graph.labels:
            expanded.labels.setdefault(nodes[node], graph.labels[node])
    return lowered.moved(expanded, nodes)


class _Expanded(Simplifier):
    """A graph that remembers which of its nodes are the softplus of which."""

    def __init__(self) -> None:
        super().__init__()
        self.softplus: dict[int, int] = {}


def _negative(graph: Simplifier, x: int) -> int:
    return graph.product(graph.constant(-1.0), x)


def _softplus(graph: _Expanded, operands: tuple[int, ...]) -> int:
    """max(x, 0) + log(1 + e ** -|x|), as in ``ieee``; the logarithm is the same for x and -x."""
    (x,) = operands
    whole = x
    negative = graph.find("mul", (graph.constant(-1.0), x))
    if graph.names[x] == "mul" and graph.is_constant(graph.operands[x][0], -1.0):
        x, negative = graph.operands[x][1], x
        positive_part = graph.apply("maximum", (negative, graph.constant(0.0)))
    else:
        positive_part = graph.apply("maximum", (x, graph.constant(0.0)))
    if negative is None:
        exponent = _negative(graph, graph.apply("abs", (x,)))
    else:
        exponent = graph.apply("minimum", (x, negative))
    logarithm = graph.node("log1p", (graph.apply("exp", (exponent,)),))
    result = graph.total([(1.0, positive_part), (1.0, logarithm)])
    graph.softplus[whole] = result
    return result


def _sigmoid(graph: _Expanded, operands: tuple[int, ...]) -> int:
    """1 / (1 + e ** -x), or e ** -softplus(-x) where that softplus is needed anyway."""
    negative = _negative(graph, operands[0])
    if negative in graph.softplus:
        return graph.apply("exp", (_negative(graph, graph.softplus[negative]),))
    exponential = graph.apply("exp", (negative,))
    one = graph.constant(1.0)
    return graph.apply("div", (one, graph.total([(1.0, one), (1.0, exponential)])))


def _largest(graph: Graph, operands: tuple[int, ...]) -> int:
    return graph.node("largest", tuple(sorted(set(operands))))


def _logsumexp(graph: Simplifier, operands: tuple[int, ...]) -> int:
    """The logarithm of the sum of shifted exponentials; an infinite largest x is the result."""
    largest = _largest(graph, operands)
    shifted = [graph.total([(1.0, x), (-1.0, largest)]) for x in operands]
    total = graph.total([(1.0, graph.apply("exp", (x,))) for x in shifted])
    result = graph.total([(1.0, largest), (1.0, graph.apply("log", (total,)))])
    finite = graph.apply("less", (graph.apply("abs", (largest,)), graph.constant(math.inf)))
    return graph.apply("where", (finite, result, largest))


EXPANSIONS: dict[str, Callable[[_Expanded, tuple[int, ...]], int]] = {
    "softplus": _softplus,
    "sigmoid": _sigmoid,
    "softmax_shift": _largest,
    "logsumexp": _logsumexp,
    "stop_gradient": lambda graph, operands: operands[0],
}


def check_operations(graph: Graph) -> None:
    """Refuse what no table of this module knows, such as an operation of somebody's own.

    Raises:
        LoweringError: if there is such an operation.
    """
    unknown = set(graph.names) - LEAVES - ADDITIVE - ARRAY_OPERATIONS.keys() - EXPANSIONS.keys()
    if unknown:
        raise LoweringError(
            f"the operation {min(unknown)!r} has no array implementation; add a row for it to "
            f"ARRAY_OPERATIONS or EXPANSIONS of autograd.lowering.arrays"
        )
