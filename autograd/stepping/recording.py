"""A reverse pass run to its end and written down, so that it can be shown in any order.

The root of a graph goes in; a ``Step`` for every node comes out, each with a ``Receipt`` for every
operand that it reports to, and in ``Forward`` a ``ForwardStep`` for every operation. Nothing in
the graph is changed: a ``Cursor`` writes gradients, and it and every view of it read them here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeVar, overload

from ..core import Value
from ..core.sweep import Report, evaluation_order, reports_of, sweep
from ..words.names import Names
from .steps import ForwardStep, Receipt, Step

Record = TypeVar("Record")


class _Records(Sequence[Record]):
    """Records by their place, each made when it is asked for."""

    def _made(self, place: int) -> Record:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        chosen = range(len(self))[index]
        return list(map(self._made, chosen)) if isinstance(chosen, range) else self._made(chosen)


class Recording(_Records[Step]):
    """The steps of a pass in order: ``recording[0]`` is the root's.

    A place is the index of a node in the order of the pass; edges are numbered in that order.

    Attributes:
        nodes: the nodes in the order of the pass.
        place: the place of each node.
        data: the number at each place when the pass began.
        gradients: the derivative of the root with respect to the node at each place.
        before: the ``.grad`` at each place before the pass.
        stale: the ``.grad`` of the leaves that held one before the pass, which is added to.
        reports: what is sent along each edge.
        starts: where the edges of each place begin among all edges, and last where they all end.
        labelled: the nodes of each label, or variable of the program.
        names: what each node is called.
    """

    def __init__(self, root: Value, variables: Mapping[Value, str] = {}) -> None:
        """Record the pass from a root; ``variables`` are as for ``Names``."""
        self.nodes: list[Value] = []
        self.gradients: list[float] = []
        self.reports: list[Report] = []
        self.starts = [0]
        totals: dict[Value, float] = {}
        for node, gradient, partials in sweep(root):
            self.nodes.append(node)
            self.gradients.append(gradient)
            self.reports += reports_of(node, gradient, partials, totals)
            self.starts.append(len(self.reports))
        self.place = {node: place for place, node in enumerate(self.nodes)}
        # The slots behind data and grad, here and in ``write``: there are many, and all are floats.
        self.data = [node._data for node in self.nodes]
        self.before = [node._grad for node in self.nodes]
        held = zip(self.nodes, self.before)
        self.stale = {node: grad for node, grad in held if grad and node.op is None}
        self.names = Names(evaluation_order(root), variables)
        self.labelled = self.names.labelled
        self._latest_received: tuple[Value | None, tuple[float, ...]] = None, ()

    @property
    def root(self) -> Value:
        """The node that is differentiated."""
        return self.nodes[0]

    def __len__(self) -> int:
        return len(self.nodes)

    def _made(self, place: int) -> Step:
        return self.part(place, 0, self.edge_count(place))

    def __repr__(self) -> str:
        return f"<{len(self)} steps>"

    def after(self, node: Value) -> float:
        """The ``.grad`` that ``root.backward()`` would leave in a node."""
        return self._on_top(node, self.gradients[self.place[node]])

    def numbers(self, node: Value) -> list[float]:
        """The operands of a node as the numbers that they were when the pass began."""
        return [self.data[self.place[x]] if isinstance(x, Value) else x for x in node.operands]

    def edge_count(self, place: int) -> int:
        """How many edges the node at a place has."""
        return self.starts[place + 1] - self.starts[place]

    def sent(self, place: int) -> Sequence[Report]:
        """The reports of the node at a place, one to each operand."""
        return self.reports[self.starts[place] : self.starts[place + 1]]

    def arriving(self, node: Value) -> Sequence[int]:
        """The edges that lead to a node, in the order of the pass."""
        found = self._arriving.get(node, ())
        return (found,) if isinstance(found, int) else found

    def edge(self, number: int) -> Receipt:
        """The report along an edge, and what it makes of the operand's gradient."""
        report = self.reports[number]
        operand, arriving = report.operand, self.arriving(report.operand)
        come = bisect_left(arriving, number)
        earlier = self.reports[arriving[come - 1]].total if come else None
        return Receipt(
            operand,
            report.position,
            report.partial,
            report.contribution,
            self.stale.get(operand) if earlier is None else self._on_top(operand, earlier),
            self._on_top(operand, report.total),
            come + 1,
            len(arriving),
            len(arriving) > 1 and self._is_repeated(arriving, come),
        )

    def latest(self, node: Value, edges: int) -> Receipt | None:
        """The last report to a node among the first ``edges`` of all edges; None before any."""
        arriving = self.arriving(node)
        come = bisect_left(arriving, edges)
        return self.edge(arriving[come - 1]) if come else None

    def received(self, node: Value, edges: int) -> float:
        """What a node has received in this pass from the first ``edges`` of all edges."""
        total = self._total(node, edges)
        return 0.0 if total is None else total

    @cached_property
    def operations(self) -> Sequence[str]:
        """The names of the operations of the pass, in alphabetical order."""
        return sorted({node.op.name for node in self.nodes if node.op is not None})

    def part(self, place: int, first: int, last: int) -> Step:
        """The step at a place with only its edges from ``first`` up to and without ``last``."""
        node = self.nodes[place]
        start = self.starts[place]
        return Step(
            number=place + 1,
            total=len(self),
            node=node,
            data=self.data[place],
            operands=tuple(self.numbers(node)),
            root=self.root,
            gradient=self.gradients[place],
            received=self._received(node),
            stale=self.stale.get(node),
            edges=tuple(map(self.edge, range(start + first, start + last))),
            first_edge=first,
            edge_count=self.edge_count(place),
            names=self.names,
            recording=self,
        )

    def write(self, first: int, last: int) -> None:
        """Let every ``.grad`` take in the edges from ``first`` up to and without ``last``."""
        for report in self.reports[first:last]:
            report.operand._grad = self._on_top(report.operand, report.total)

    def take_back(self, first: int, last: int) -> None:
        """Make every ``.grad`` what it was before these edges were written."""
        for number in range(last - 1, first - 1, -1):
            operand = self.reports[number].operand
            earlier = self._total(operand, number)
            before = self.before[self.place[operand]]
            operand.grad = before if earlier is None else self._on_top(operand, earlier)

    def _is_repeated(self, arriving: Sequence[int], come: int) -> bool:
        """Whether one of the edges that lead to a node comes with another from the same consumer.

        The edges from one node to an operand arrive one after the other.
        """
        consumer = self.reports[arriving[come]].consumer
        beside = [*arriving[max(come - 1, 0) : come], *arriving[come + 1 : come + 2]]
        return any(self.reports[edge].consumer is consumer for edge in beside)

    def _received(self, node: Value) -> tuple[float, ...]:
        """What has been reported to a node; kept while its edges are taken one by one."""
        known, received = self._latest_received
        if known is not node:
            received = tuple([self.reports[edge].contribution for edge in self.arriving(node)])
            self._latest_received = node, received
        return received

    @cached_property
    def _arriving(self) -> Mapping[Value, int | list[int]]:
        """The edge that leads to a node, or a list where there are several: most have one."""
        found: dict[Value, int | list[int]] = {}
        for number, report in enumerate(self.reports):
            before = found.setdefault(report.operand, number)
            if isinstance(before, list):
                before.append(number)
            elif before != number:
                found[report.operand] = [before, number]
        return found

    def _total(self, node: Value, edges: int) -> float | None:
        """What a node has received from the first ``edges`` of all edges; None before a report."""
        arriving = self.arriving(node)
        come = bisect_left(arriving, edges)
        return self.reports[arriving[come - 1]].total if come else None

    def _on_top(self, node: Value, total: float) -> float:
        """The ``.grad`` of a node that has received so much in this pass."""
        return self.stale[node] + total if node in self.stale else total


class Forward(_Records[ForwardStep]):
    """The operations of a recorded pass in the order of evaluation: operands before results.

    Attributes:
        nodes: the nodes that were computed, in this order; leaves are given.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.nodes = [node for node in evaluation_order(recording.root) if node.op is not None]

    def __len__(self) -> int:
        return len(self.nodes)

    def _made(self, place: int) -> ForwardStep:
        recording, node = self._recording, self.nodes[place]
        return ForwardStep(
            number=place + 1,
            total=len(self),
            node=node,
            data=recording.data[recording.place[node]],
            operands=tuple(recording.numbers(node)),
            names=recording.names,
        )

    def __repr__(self) -> str:
        return f"<{len(self)} forward steps>"
