"""Record: from a graph of Values to the intermediate representation.

Some leaves are inputs, with a number for each instance of a batch; some are parameters, shared by
all instances; every other leaf is a constant, at the number that it holds now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ..core import Value
from ..core.stale import same
from ..core.sweep import evaluation_order
from .graph import CONSTANT, Graph
from .lowered import Average, Lowered


def record(
    roots: Sequence[Value],
    inputs: Sequence[Value],
    parameters: Sequence[Value],
    observed: Sequence[Value] = (),
    order: Iterable[Value] | None = None,
) -> Lowered:
    """The graph under ``roots`` and ``observed``, equal expressions being one node.

    Inputs and parameters come first, in their order, also those that nothing depends on. ``order``
    is that of evaluation of the others, if it is known.
    """
    graph, leaves = Graph(), [*inputs, *parameters]
    graph.begin(len(inputs), len(parameters))
    nodes = dict(zip(leaves, range(len(leaves))))
    graph.labels.update({nodes[leaf]: leaf.label for leaf in leaves if leaf.label})
    # Operands first and from the left, so that node numbers follow the way people write.
    if order is None:
        order = evaluation_order(*roots, *observed, known=nodes)
    add_nodes(graph, order, nodes)
    values = [Average(nodes[root]) for root in roots]
    return Lowered(graph, len(inputs), len(parameters), values, [nodes[x] for x in observed])


def add_nodes(graph: Graph, order: Iterable[Value], nodes: dict[Value, int]) -> None:
    """Add Values, each after its operands, and their labels; ``nodes`` comes to know them."""
    for value in order:
        op = value.op
        if op is None:
            nodes[value] = graph.constant(value.data)
            continue
        operands = tuple(
            [nodes[x] if isinstance(x, Value) else graph.constant(x) for x in value.operands]
        )
        nodes[value] = node = graph.node(op.key, operands)
        if value.label:
            graph.labels.setdefault(node, value.label)


def is_alike(
    nodes: Iterable[Value],
    others: Iterable[Value],
    leaves: Mapping[Value, Value],
    constants: Mapping[Value, float],
) -> bool:
    """Whether some Values were recorded operation by operation as others were.

    That is quick to see where they were. If not, their graphs may still be equal, as there equal
    expressions are one node.

    Args:
        nodes: what was recorded first.
        others: what stands in their place.
        leaves: for each input and parameter what stands in its place.
        constants: the numbers of all other leaves under ``nodes``.
    """
    places, named = dict(leaves), {*leaves.values()}
    waiting: list[tuple[Any, Any]] = [*zip(nodes, others)]
    while waiting:
        x, y = waiting.pop()
        known = places.get(x)  # of a float None, as all that is known are Values
        if known is not None:
            if known is not y:
                return False
        elif type(x) is float or type(y) is float:
            if type(x) is not type(y) or not same(x, y):
                return False
        else:
            op = x.op
            if y.op is not op or y in named or (op is None and not same(constants[x], y.data)):
                return False
            places[x] = y
            if op is not None:
                inside, other = x.operands, y.operands
                if len(inside) != len(other):
                    return False
                waiting += zip(inside, other)
    return True


def difference(one: Lowered, other: Lowered) -> str:
    """Where the second of two recordings differs from the first; empty if nowhere."""
    # Both end with their root, so that of two lengths one is told before the shorter ends.
    for mine, yours in zip(_listed(one), _listed(other)):
        if mine != yours:
            was, found = _named(mine), _named(yours)
            told = "has other operands" if was == found else f"stands where it had {was}"
            return f"{found} {told}"
    return ""


_Listed: TypeAlias = "tuple[str, tuple[int, ...], float]"


def _listed(lowered: Lowered) -> Iterator[_Listed]:
    """Everything that tells two graphs apart, in the order in which it was recorded."""
    graph = lowered.graph
    yield from zip(graph.names, graph.operands, graph.numbers)
    roots = [x for value in lowered.values for x in value.nodes()]
    yield "the root", (*roots, *lowered.rows), 0.0


def _named(node: _Listed) -> str:
    name, _, number = node
    return f"the constant {number:.6g}" if name == CONSTANT else name.removesuffix("~1")
