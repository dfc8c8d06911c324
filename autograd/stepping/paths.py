"""Why a gradient is what it is: the paths from the root to a node, and what comes along each.

The derivative of the root with respect to a node x is the sum, over all paths from the root down
to x, of the product of the local derivatives along the path. A recorded pass and a node go in; the
largest paths come out one by one, and the rest, which may be 10 ** 12 of them, as a number and a
total: for the paths that share their lower end the total is the product along that end times the
gradient of the node where it begins, so that none of them has to be looked at.

Paths may cancel, overflow or vanish in floats. Here products and sums are taken in decimal numbers
of 50 digits that do none of these, and rounded to floats in the end.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from ..core import Value, ieee
from ..lines import GAP, HANG, aligned_within, fitted, width
from ..text import counted, signed
from ..words.names import Names, derivative
from .recording import Recording
from .steps import WIDE, product

PATHS_SHOWN = 20
NODES_SHOWN = 8  # of a path
ARRIVALS_SHOWN = 8

_ZERO, _ONE, _INFINITE = Decimal(0), Decimal(1), Decimal("Infinity")


@dataclass(frozen=True, repr=False)
class GraphPath:
    """One way from the root down to a node.

    Attributes:
        nodes: the nodes on the way: the root first, the node in question last.
        partials: the local derivative of each node but the last by the one that follows.
        product: the product of the partials, rounded once.
        names: what the nodes are called.
    """

    nodes: tuple[Value, ...]
    partials: tuple[float, ...]
    product: float
    names: Names = field(compare=False)

    def __repr__(self) -> str:
        return fitted(GAP.join(_columns(self)))


@dataclass(frozen=True)
class Arrival:
    """All paths that reach the node in question from one of its consumers.

    Attributes:
        consumer: the consumer.
        gradient: the derivative of the root with respect to the consumer.
        partial: the local derivative of the consumer by the node; of a consumer that uses the node
            more than once there is one arrival for each use.
        total: the sum over the paths, gradient times partial.
        count: how many paths there are.
    """

    consumer: Value
    gradient: float
    partial: float
    total: float
    count: int


@dataclass(frozen=True, repr=False)
class Why:
    """The paths that a gradient is the sum of; ``str`` of it is a text to read.

    Iterating over it, and indexing it, give the listed paths, the largest first.

    Attributes:
        node: the node in question.
        root: the Value that is differentiated.
        gradient: the derivative of the root with respect to the node, as the pass has it.
        total: the sum over all paths, rounded once.
        count: how many paths there are in all.
        paths: the listed paths, those whose product is largest in size first.
        rest: the sum over the paths that are not listed.
        arrivals: all paths, by the consumer of the node through which they come.
        names: what the nodes of the graph are called.
    """

    node: Value
    root: Value
    gradient: float
    total: float
    count: int
    paths: tuple[GraphPath, ...]
    rest: float
    arrivals: tuple[Arrival, ...]
    names: Names = field(compare=False)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> GraphPath:
        return self.paths[index]

    def __iter__(self) -> Iterator[GraphPath]:
        return iter(self.paths)

    def __repr__(self) -> str:
        names = self.names
        asked = derivative(names[self.root], names[self.node])
        if not self.count:
            return fitted(
                f"{asked} = {signed(self.gradient)}: no path with a derivative leads there"
            )
        paths = "1 path" if self.count == 1 else f"the sum over {self.count} paths"
        lines = [f"{asked} = {signed(self.total)}, {paths} from {names[self.root]}"]
        if not math.isclose(self.total, self.gradient, rel_tol=1e-9) and self.total == self.total:
            lines[0] += (
                f"; in floats, which round or overflow on the way, it is {signed(self.gradient)}"
            )
        lines += _indented([_columns(path) for path in self.paths])
        if left_out := self.count - len(self.paths):
            more = counted(left_out, "more path")
            lines.append(f"  ... and {more}, {signed(self.rest)} in all")
            lines.append("by the last node on the way:")
            largest = sorted(self.arrivals, key=lambda arrival: -abs(arrival.total))
            shown, rest = largest[:ARRIVALS_SHOWN], largest[ARRIVALS_SHOWN:]
            lines += _indented([_arrival(self, arrival) for arrival in shown])
            if rest:
                total = signed(ieee.sum(*[arrival.total for arrival in rest]))
                lines.append(f"  ... and {len(rest)} more, {total} in all")
        return fitted("\n".join(lines))


class _Use(NamedTuple):
    """An edge from a consumer to a node, seen from the node."""

    consumer: Value
    partial: float
    factor: Decimal  # the partial


@dataclass(frozen=True)
class _Above:
    """All paths from the root to a node."""

    count: int
    total: Decimal  # the sum of their products
    largest: Decimal  # the size of the largest product


class _Lower(NamedTuple):
    """The lower end that some paths share: from a node down to the node in question."""

    node: Value
    product: Decimal
    partial: float  # of the uppermost edge
    below: _Lower | None


def why(recording: Recording, node: Value, limit: int = PATHS_SHOWN) -> Why:
    """Explain the gradient of a node by the paths to it.

    Args:
        recording: the pass.
        node: a node of it.
        limit: how many paths to list at most.
    """
    root, ways = recording.root, _ways_up(recording, node)
    above = _paths_above(recording, ways)
    # Lower ends whose paths have not been looked at, the one with the largest path first.
    whole = _Lower(node, _ONE, 1.0, None)
    waiting = [(-above[node].largest, 0, whole)] if above[node].count else []
    pushed = count(1)
    paths: list[tuple[Decimal, GraphPath]] = []
    while waiting and len(paths) < limit:
        _, _, lower = heapq.heappop(waiting)
        while lower.node is not root:
            # Up by the way with the largest path; the other ways wait.
            longer = [
                _Lower(use.consumer, WIDE.multiply(lower.product, use.factor), use.partial, lower)
                for use in ways[lower.node]
            ]
            sizes = [_size(WIDE.multiply(above[x.node].largest, x.product)) for x in longer]
            best = sizes.index(max(sizes))
            lower = longer[best]
            for i, end in enumerate(longer):
                if i != best:
                    heapq.heappush(waiting, (-sizes[i], next(pushed), end))
        paths.append((_size(lower.product), _path(lower, recording.names)))
    paths.sort(key=lambda sized: sized[0], reverse=True)
    rest = _ZERO
    for _, _, lower in waiting:
        rest = WIDE.add(rest, WIDE.multiply(lower.product, above[lower.node].total))
    arrivals = [
        Arrival(
            consumer=consumer,
            gradient=recording.gradients[recording.place[consumer]],
            partial=partial,
            total=float(WIDE.multiply(above[consumer].total, factor)),
            count=above[consumer].count,
        )
        for consumer, partial, factor in ways[node]
    ]
    return Why(
        node=node,
        root=root,
        gradient=recording.gradients[recording.place[node]],
        total=float(above[node].total),
        count=above[node].count,
        paths=tuple([path for _, path in paths]),
        rest=float(rest),
        arrivals=tuple(arrivals),
        names=recording.names,
    )


def _ways_up(recording: Recording, start: Value) -> dict[Value, list[_Use]]:
    """Of each node between the root and another the edges to it on which a derivative passes."""
    convert = WIDE.create_decimal_from_float
    ways: dict[Value, list[_Use]] = {}
    found = [start]
    for node in found:
        if node not in ways:
            reports = [recording.reports[edge] for edge in recording.arriving(node)]
            ways[node] = [
                _Use(report.consumer, report.partial, convert(report.partial))
                for report in reports
                if report.partial is not None
            ]
            found.extend([use.consumer for use in ways[node]])
    return ways


def _paths_above(recording: Recording, ways: Mapping[Value, list[_Use]]) -> dict[Value, _Above]:
    """What is known of each node, from what is known of its consumers."""
    known: dict[Value, _Above] = {}
    for node in sorted(ways, key=recording.place.__getitem__):
        is_root = node is recording.root
        paths, total, largest = (1, _ONE, _ONE) if is_root else (0, _ZERO, _ZERO)
        for consumer, _, factor in ways[node]:
            above = known[consumer]
            paths += above.count
            total = WIDE.add(total, WIDE.multiply(above.total, factor))
            largest = max(largest, _size(WIDE.multiply(above.largest, factor)))
        known[node] = _Above(paths, total, largest)
    return known


def _path(lower: _Lower, names: Names) -> GraphPath:
    nodes, partials = [lower.node], []
    product = float(lower.product)
    while lower.below is not None:
        partials.append(lower.partial)
        lower = lower.below
        nodes.append(lower.node)
    return GraphPath(tuple(nodes), tuple(partials), product, names)


def _size(product: Decimal) -> Decimal:
    """The size of a product; nan counts as infinite, for it is what one looks for."""
    return _INFINITE if product.is_nan() else WIDE.abs(product)


# What is said ------------------------------------------------------------------------------------


def _columns(path: GraphPath) -> list[str]:
    """``d -> c -> b`` and ``+1 * +3 = +3``."""
    way = " -> ".join(_ends([path.names[node] for node in path.nodes]))
    if len(path.partials) < 2:  # which is the product
        return [way, signed(path.product)]
    if len(path.partials) <= NODES_SHOWN:
        return [way, product(path.partials, path.product)]
    factors = " * ".join(_ends([signed(partial) for partial in path.partials]))
    return [way, f"{factors} = {signed(path.product)}"]


def _ends(parts: Sequence[str]) -> list[str]:
    if len(parts) <= NODES_SHOWN:
        return list(parts)
    left_out = len(parts) - NODES_SHOWN
    return [*parts[: NODES_SHOWN // 2], f"({left_out} more)", *parts[-NODES_SHOWN // 2 :]]


def _arrival(why: Why, arrival: Arrival) -> list[str]:
    names = why.names
    root, node, consumer = names[why.root], names[why.node], names[arrival.consumer]
    # By one of several ways comes only a part of what the consumer's derivative may be.
    local = "local derivative" if len(why.arrivals) > 1 else derivative(consumer, node)
    return [
        f"{derivative(root, consumer)} * {local}",
        product([arrival.gradient, arrival.partial], arrival.total),
        counted(arrival.count, "path"),
    ]


def _indented(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines; if these were too wide, a line for the first cell and one for the others."""
    inset = " " * HANG
    room = width() - HANG
    lines = aligned_within(room, rows)
    if lines is not None:
        return [inset + line for line in lines]
    others = aligned_within(room - HANG, [row[1:] for row in rows])
    below = [GAP.join(row[1:]) for row in rows] if others is None else others
    return [inset + line for row, rest in zip(rows, below) for line in (row[0], inset + rest)]
