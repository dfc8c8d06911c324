"""What a picture of a computation graph shows, before anything is said about how it looks.

A root Value goes in; out comes a ``Picture``: one entry for each Value, in topological order, with
the operation that made it and the edges that lead there, each with its local derivative and its
contribution to the gradient. ``dot`` turns a Picture into text; nothing here knows of Graphviz.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..ops import Op
from ..sweep import consumers_first, local_partials
from ..value import Value

MAX_NODES = 200
EDGES_PER_NODE = 5


@dataclass(frozen=True)
class Edge:
    """The way from one operand into an operation.

    Attributes:
        operand: the number of the node that is the operand, or the float that is.
        position: 1 for the first operand, 2 for the second, ...; None where the order of operands
            does not matter.
        partial: dz/dx at this operand; 0.0 where no derivative passes, None for a constant.
        upstream: the gradient of the result z, None for a constant or before a sweep.
        contribution: what the operand's gradient receives along this edge, upstream * partial;
            None for a constant or before a sweep.
    """

    operand: int | float
    position: int | None
    partial: float | None
    upstream: float | None
    contribution: float | None


@dataclass(frozen=True)
class Operation:
    """The operation that made a node, with one edge for each operand, in order."""

    op: Op
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Node:
    """One Value.

    Attributes:
        number: its place in topological order, operands before what is made of them, from 0.
        label: its name, or the empty string.
        data: the number it holds.
        grad: its gradient; None if no sweep has been here, so that there is nothing to show.
        operation: what made it; None for a leaf, and where the picture is cut off.
        is_cut: whether what it was made of is not part of the picture.
        is_root: whether this is the final value of the picture.
        highlighted: whether the picture should draw the eye to it.
    """

    number: int
    label: str
    data: float
    grad: float | None
    operation: Operation | None
    is_cut: bool
    is_root: bool
    highlighted: bool


@dataclass(frozen=True)
class Picture:
    """All that is drawn.

    Attributes:
        nodes: the Values in topological order; the last one is the root.
        largest_contribution: the largest finite size of a contribution, 0.0 if there is none:
            the end of the scale that all edges share.
        hidden: how many Values of the graph are too deep to be part of the picture.
    """

    nodes: tuple[Node, ...]
    largest_contribution: float
    hidden: int


def picture_of(
    root: Value,
    *,
    depth: int | None = None,
    max_nodes: int = MAX_NODES,
    highlight: Value | Iterable[Value] = (),
) -> Picture:
    """Collect what a picture of the graph under ``root`` shows.

    Args:
        root: the Value at the end of the graph.
        depth: how many operations to go back from the root, along the shortest way; None for all.
        max_nodes: how many Values can still be read, of ``EDGES_PER_NODE`` operands on average.
        highlight: Values of this graph to emphasise; a single Value counts as one of them.

    Raises:
        TypeError: if ``root`` or a highlighted object is not a Value.
        ValueError: if the graph to that depth is larger than ``max_nodes``, a highlighted Value is
            not in it, or ``depth`` is not a whole number of at least 0.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"a picture is drawn of a Value and all it was computed from, got {root!r} of type "
            f"{type(root).__name__}; pass the Value at the end of the computation"
        )
    graph = consumers_first(root)[::-1]
    distances = _distances(root, depth)
    values = [value for value in graph if value in distances]
    uncut = [value for value in values if distances[value] != depth]
    _refuse_unreadable(values, uncut, max_nodes)
    highlighted = _highlighted(highlight, values)
    # A leaf does not tell: it may hold a gradient that another graph has left there.
    swept = any(value.grad for value in values if value.op is not None or value is root)
    numbers = {value: number for number, value in enumerate(values)}
    opened = set(uncut)
    nodes = tuple(
        Node(
            number=number,
            label=str(value.label or ""),
            data=float(value.data),
            grad=float(value.grad) if swept or value.grad else None,
            operation=_operation(value, numbers, swept) if value in opened else None,
            is_cut=value.op is not None and value not in opened,
            is_root=value is root,
            highlighted=value in highlighted,
        )
        for value, number in numbers.items()
    )
    sizes = [
        abs(edge.contribution)
        for node in nodes
        if node.operation is not None
        for edge in node.operation.edges
        if edge.contribution is not None and math.isfinite(edge.contribution)
    ]
    return Picture(nodes, max(sizes, default=0.0), len(graph) - len(values))


def _distances(root: Value, depth: int | None) -> dict[Value, int]:
    """How many operations each Value is away from the root, for those no further than ``depth``."""
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(
            f"depth is a number of operations back from the root, at least 0, got {depth!r}; "
            f"leave it out to draw the whole graph"
        )
    distances = {root: 0}
    found = [root]
    for value in found:
        if distances[value] == depth:
            continue
        for operand in value.operands:
            if isinstance(operand, Value) and operand not in distances:
                distances[operand] = distances[value] + 1
                found.append(operand)
    return distances


def _refuse_unreadable(values: list[Value], uncut: list[Value], max_nodes: int) -> None:
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 1:
        raise ValueError(
            f"max_nodes is a number of Values, at least 1, got {max_nodes!r}; leave it out for "
            f"{MAX_NODES}"
        )
    edges = sum(len(value.operands) for value in uncut)
    if len(values) > max_nodes or edges > EDGES_PER_NODE * max_nodes:
        raise ValueError(
            f"this graph has {len(values)} nodes with {edges} operands, more than can be read in "
            f"one picture (max_nodes={max_nodes}); draw the end of it with depth=5 or so, a part "
            f"of it by passing an interior Value, a smaller instance, or raise max_nodes"
        )


def _highlighted(highlight: Value | Iterable[Value], values: list[Value]) -> set[Value]:
    wanted = [highlight] if isinstance(highlight, Value) else list(highlight)
    present = set(values)
    for value in wanted:
        if not isinstance(value, Value):
            raise TypeError(
                f"highlight takes Values of the graph, got {value!r} of type "
                f"{type(value).__name__}; pass the Value itself, not its label or number"
            )
        if value not in present:
            raise ValueError(
                f"highlight names {value!r}, which is not part of this graph; pass Values that "
                f"the root was computed from"
            )
    return set(wanted)


def _operation(value: Value, numbers: dict[Value, int], swept: bool) -> Operation | None:
    op = value.op
    if op is None:
        return None
    ordered = len(value.operands) > 1 and _order_matters(op)
    edges = []
    operands = zip(value.operands, local_partials(value))
    for position, (operand, slope) in enumerate(operands, start=1):
        shown_position = position if ordered else None
        if not isinstance(operand, Value):
            edges.append(Edge(operand, shown_position, None, None, None))
            continue
        partial = 0.0 if slope is None else float(slope)
        if not swept:
            upstream = contribution = None
        else:
            upstream = float(value.grad)
            # Where no derivative passes, or none came, 0 * inf would be nan.
            contribution = 0.0 if slope is None or upstream == 0.0 else upstream * partial
        edges.append(Edge(numbers[operand], shown_position, partial, upstream, contribution))
    return Operation(op, tuple(edges))


@functools.cache
def _order_matters(op: Op) -> bool:
    """Whether operands can be told apart: asked of the row itself, at a few unlike numbers.

    The numbers are small powers of two, on which sums and products are exact in any order.
    """
    if op.arity is None:
        return False
    numbers = [2.0 ** (1 - k) for k in range(op.arity)]
    swaps = (
        [*numbers[:k], numbers[k + 1], numbers[k], *numbers[k + 2 :]] for k in range(op.arity - 1)
    )
    return any(op.forward(*swapped) != op.forward(*numbers) for swapped in swaps)
