"""Why a gradient is what it is: the paths from the root to a node, and what comes along each.

The derivative of the root with respect to a node x is the sum, over all paths from the root down
to x, of the product of the local derivatives along the path. A recorded pass and a node go in; the
largest paths come out one by one, and the rest, which may be 10 ** 12 of them, as a number and a
total: for the paths that share their lower end the total is the product along that end times the
gradient of the node where it begins, so that none of them has to be looked at.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from .. import ieee
from ..value import Value
from . import text
from .recording import Recording

PATHS_SHOWN = 20


@dataclass(frozen=True, repr=False)
class Path:
    """One way from the root down to a node.

    Attributes:
        nodes: the nodes on the way: the root first, the node in question last.
        partials: the local derivative of each node but the last by the one that follows.
        product: the product of the partials, from the root down.
        names: what the nodes are called.
    """

    nodes: tuple[Value, ...]
    partials: tuple[float, ...]
    product: float
    names: Mapping[Value, str] = field(compare=False)

    def __repr__(self) -> str:
        return text.describe_path(self)


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
        paths: the listed paths, those whose product is largest in size first.
        count: how many paths there are in all.
        rest: the sum over the paths that are not listed.
        arrivals: all paths, by the consumer of the node through which they come.
        names: what the nodes of the graph are called.
    """

    node: Value
    root: Value
    gradient: float
    paths: tuple[Path, ...]
    count: int
    rest: float
    arrivals: tuple[Arrival, ...]
    names: Mapping[Value, str] = field(compare=False)

    @property
    def total(self) -> float:
        """The sum over all paths: of the listed products, and the rest."""
        return ieee.sum(*[path.product for path in self.paths], self.rest)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Path:
        return self.paths[index]

    def __iter__(self) -> Iterator[Path]:
        return iter(self.paths)

    def __repr__(self) -> str:
        return text.describe_why(self)


class _Way(NamedTuple):
    """An edge from a consumer to a node, seen from the node."""

    consumer: int  # its place
    partial: float
    size: float  # log2 of the partial's size


class _Lower(NamedTuple):
    """The lower end of paths: from a place down to the node in question.

    The product along it is ``mantissa * 2 ** exponent``, which neither overflows nor vanishes.
    """

    place: int
    mantissa: float
    exponent: int
    size: float
    partial: float
    below: _Lower | None

    def above(self, way: _Way) -> _Lower:
        """The same, one edge longer."""
        mantissa, exponent = math.frexp(self.mantissa * way.partial)
        return _Lower(
            way.consumer,
            mantissa,
            self.exponent + exponent,
            _times(self.size, way.size),
            way.partial,
            self,
        )


def why(recording: Recording, node: Value, limit: int = PATHS_SHOWN) -> Why:
    """Explain the gradient of a node by the paths to it.

    Args:
        recording: the pass.
        node: a node of it.
        limit: how many paths to list at most.
    """
    return _Search(recording, node).result(limit)


class _Search:
    """The part of the graph between the root and a node, and what is known of each place there."""

    def __init__(self, recording: Recording, node: Value) -> None:
        self.recording = recording
        self.node = node
        self.start = recording.place[node]
        self.ways: dict[int, list[_Way]] = {}
        found = [self.start]
        for place in found:
            if place not in self.ways:
                self.ways[place] = ways = self._ways(place)
                found.extend(way.consumer for way in ways)
        # For each place, of the paths from the root to it: how many, and log2 of the largest.
        self.counts: dict[int, int] = {0: 1}
        self.best: dict[int, float] = {0: 0.0}
        for place in sorted(self.ways):
            if place:
                ways = self.ways[place]
                self.counts[place] = sum(self.counts[way.consumer] for way in ways)
                self.best[place] = max(
                    (_times(self.best[way.consumer], way.size) for way in ways), default=-inf
                )

    def _ways(self, place: int) -> list[_Way]:
        recording = self.recording
        ways = []
        for number in recording.reports(recording.nodes[place]):
            partial = recording.edge(number).partial
            if partial is not None:
                consumer = recording.place[recording.consumer(number)]
                ways.append(_Way(consumer, partial, _size(partial)))
        return ways

    def result(self, limit: int) -> Why:
        recording = self.recording
        whole = _Lower(self.start, 1.0, 0, 0.0, 1.0, None)
        # Lower ends whose paths have not been looked at, the most promising first.
        waiting = [(-self.best[self.start], 0, whole)] if self.counts[self.start] else []
        pushed = 1
        paths: list[Path] = []
        while waiting and len(paths) < limit:
            _, _, lower = heapq.heappop(waiting)
            while lower.place:
                # Upward by the best way; the others wait.
                ways = self.ways[lower.place]
                best = max(range(len(ways)), key=lambda i: self._promise(ways[i]))
                for i, way in enumerate(ways):
                    if i != best and self.counts[way.consumer]:
                        other = lower.above(way)
                        size = _times(other.size, self.best[way.consumer])
                        heapq.heappush(waiting, (-size, pushed, other))
                        pushed += 1
                lower = lower.above(ways[best])
            paths.append(self._path(lower))
        paths.sort(key=lambda path: -inf if math.isnan(path.product) else -abs(path.product))
        gradients = recording.gradients
        return Why(
            node=self.node,
            root=recording.root,
            gradient=gradients[self.start],
            paths=tuple(paths),
            count=self.counts[self.start],
            rest=ieee.sum(*[_total(lower, gradients[lower.place]) for _, _, lower in waiting]),
            arrivals=tuple(
                Arrival(
                    recording.nodes[way.consumer],
                    gradients[way.consumer],
                    way.partial,
                    gradients[way.consumer] * way.partial,
                    self.counts[way.consumer],
                )
                for way in self.ways[self.start]
            ),
            names=recording.names,
        )

    def _promise(self, way: _Way) -> float:
        return _times(self.best[way.consumer], way.size)

    def _path(self, lower: _Lower) -> Path:
        nodes, partials = [self.recording.nodes[lower.place]], []
        product = 1.0
        while lower.below is not None:
            partials.append(lower.partial)
            product *= lower.partial
            lower = lower.below
            nodes.append(self.recording.nodes[lower.place])
        return Path(tuple(nodes), tuple(partials), product, self.recording.names)


def _size(x: float) -> float:
    """log2 of the size of a number; nan counts as infinite, as it is what one looks for."""
    if math.isnan(x):
        return inf
    return math.log2(abs(x)) if x else -inf


def _times(x: float, y: float) -> float:
    """The size of a product from the sizes of its factors; 0 * inf is nan, which is infinite."""
    size = x + y
    return inf if math.isnan(size) else size


def _total(lower: _Lower, gradient: float) -> float:
    """The sum over all paths with this lower end."""
    mantissa, exponent = math.frexp(gradient)
    product = lower.mantissa * mantissa
    try:
        return math.ldexp(product, lower.exponent + exponent)
    except OverflowError:
        return math.copysign(inf, product)
