"""A reverse pass run to its end and written down, so that it can be shown in any order.

The root of a graph goes in; a ``Step`` for every node comes out, each with an ``Edge`` for every
operand that it reports to. Nothing in the graph is changed: the ``Stepper`` writes gradients, and
it and every view of it read them here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, overload

from ..core.sweep import evaluation_order, sweep
from ..core.value import Value
from ..words.names import name_nodes
from . import text


class Edge(NamedTuple):
    """One report of a node to one of its operands.

    Attributes:
        operand: the Value that receives it.
        position: which operand of the node that is, from 0; ``a * a`` has two edges.
        partial: the local derivative, or None where no derivative passes.
        contribution: the node's gradient times the partial; 0.0 where none passes.
        before: the operand's ``.grad`` so far, or None if nothing has been added up yet.
        after: the operand's ``.grad`` with this contribution.
        reported: how many reports the operand has received, this one included.
        consumers: how many it will receive; its gradient is final when all have come.
    """

    operand: Value
    position: int
    partial: float | None
    contribution: float
    before: float | None
    after: float
    reported: int
    consumers: int


@dataclass(frozen=True, repr=False)
class Step:
    """One node of a pass: its gradient is final, and it reports to its operands.

    Its ``str`` and ``repr`` are the text of the step, so that a session shows what a movement
    returns, and a script prints it.

    Attributes:
        number: where the node comes in the pass, from 1.
        total: how many nodes the pass has.
        node: the Value itself.
        data: its number when the pass began.
        root: the Value that is differentiated.
        gradient: the derivative of the root with respect to the node.
        received: what its consumers reported, in the order of the pass; they sum to ``gradient``.
        stale: what ``.grad`` of a leaf held before the pass and is added to, or None.
        edges: its reports: all of them, or those that a movement made.
        first_edge: how many of the node's edges come before ``edges``.
        edge_count: how many edges the node has.
        names: what each node of the pass is called.
        recording: the pass that it belongs to.
        notes: what a movement adds to the text, such as watched gradients that it has changed.
    """

    number: int
    total: int
    node: Value
    data: float
    root: Value
    gradient: float
    received: tuple[float, ...]
    stale: float | None
    edges: tuple[Edge, ...]
    first_edge: int
    edge_count: int
    names: Mapping[Value, str] = field(compare=False)
    recording: Recording = field(compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        return text.describe(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from . import notebook  # which asks drawing for a picture

        return notebook.step_html(self)


class Recording(Sequence[Step]):
    """The steps of a pass in order: ``recording[0]`` is the root's.

    Steps and edges are made when they are asked for, from lists that hold little more than the
    numbers. A place is the index of a node in the order of the pass.

    Attributes:
        nodes: the nodes in the order of the pass.
        place: the place of each node.
        data: the number at each place when the pass began.
        gradients: the derivative of the root with respect to the node at each place.
        before: the ``.grad`` at each place before the pass.
        starts: where the edges of each place begin among all edges, and last where they all end.
        names: what each node is called.
    """

    def __init__(self, root: Value) -> None:
        self.nodes: list[Value] = []
        self.gradients: list[float] = []
        self.starts = [0]
        # For each edge, in the order of the pass; a total is what its operand has received so far.
        self._operands: list[Value] = []
        self._positions: list[int] = []
        self._partials: list[float | None] = []
        self._contributions: list[float] = []
        self._totals: list[float] = []
        # The edges that lead to each node.
        self._reports: defaultdict[Value, list[int]] = defaultdict(list)
        sums: dict[Value, float] = {}
        for node, gradient, partials in sweep(root):
            self.nodes.append(node)
            self.gradients.append(gradient)
            for position, (operand, partial) in enumerate(zip(node.operands, partials)):
                if isinstance(operand, Value):
                    # Added up as the sweep does: a sum that begins with 0.0 would lose a -0.0.
                    if partial is None:
                        contribution, total = 0.0, sums.get(operand, 0.0)
                    else:
                        contribution = gradient * partial
                        total = sums[operand] + contribution if operand in sums else contribution
                        sums[operand] = total
                    self._reports[operand].append(len(self._operands))
                    self._operands.append(operand)
                    self._positions.append(position)
                    self._partials.append(partial)
                    self._contributions.append(contribution)
                    self._totals.append(total)
            self.starts.append(len(self._operands))
        self.place = {node: place for place, node in enumerate(self.nodes)}
        self.data = [node.data for node in self.nodes]
        self.before = [node.grad for node in self.nodes]
        self._stale = {node: node.grad for node in self.nodes if node.op is None and node.grad}
        self._labels = {node: str(node.label) for node in self.nodes if node.label}
        self.names: Mapping[Value, str] = name_nodes(evaluation_order(root))

    @property
    def root(self) -> Value:
        """The node that is differentiated."""
        return self.nodes[0]

    def __len__(self) -> int:
        return len(self.nodes)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self.part(i, 0, self.edge_count(i)) for i in chosen]
        return self.part(chosen, 0, self.edge_count(chosen))

    def __repr__(self) -> str:
        return f"<{len(self)} steps>"

    def after(self, node: Value) -> float:
        """The ``.grad`` that ``root.backward()`` would leave in a node."""
        gradient = self.gradients[self.place[node]]
        return self._stale[node] + gradient if node in self._stale else gradient

    def edge_count(self, place: int) -> int:
        """How many edges the node at a place has."""
        return self.starts[place + 1] - self.starts[place]

    def edge(self, number: int) -> Edge:
        """One of all edges, numbered from 0 in the order of the pass."""
        operand = self._operands[number]
        reports = self._reports[operand]
        earlier = bisect_left(reports, number)
        stale = self._stale.get(operand)
        before = self._held(operand, reports[earlier - 1]) if earlier else stale
        return Edge(
            operand,
            self._positions[number],
            self._partials[number],
            self._contributions[number],
            before,
            self._held(operand, number),
            earlier + 1,
            len(reports),
        )

    def link(self, number: int) -> tuple[Value, float | None]:
        """The operand at the end of an edge and the partial on it: the edge, but for its story."""
        return self._operands[number], self._partials[number]

    def edges_at(self, place: int) -> range:
        """The numbers of the edges of the node at a place."""
        return range(self.starts[place], self.starts[place + 1])

    def reports(self, node: Value) -> Sequence[int]:
        """The numbers of the edges that lead to a node, in the order of the pass."""
        return self._reports.get(node, ())

    def consumer(self, number: int) -> Value:
        """The node that reports along an edge."""
        return self.nodes[bisect_right(self.starts, number) - 1]

    def latest(self, node: Value, edges: int) -> Edge | None:
        """The last report to a node among the first ``edges`` of all edges; None before any."""
        reports = self.reports(node)
        come = bisect_left(reports, edges)
        return self.edge(reports[come - 1]) if come else None

    def received(self, node: Value, edges: int) -> float:
        """What a node has received in this pass from the first ``edges`` of all edges."""
        reports = self.reports(node)
        come = bisect_left(reports, edges)
        return self._totals[reports[come - 1]] if come else 0.0

    @cached_property
    def labelled(self) -> Mapping[str, Sequence[Value]]:
        """The nodes of each label, in the order of the names."""
        found: defaultdict[str, list[Value]] = defaultdict(list)
        for node in reversed(self.nodes):
            if node in self._labels:
                found[self._labels[node]].append(node)
        return dict(found)

    def named(self, name: str) -> Sequence[Value]:
        """The node of a name in ``names``, if there is one."""
        return [node for node in self.nodes if self.names[node] == name]

    def part(self, place: int, first: int, last: int) -> Step:
        """The step at a place with only its edges from ``first`` up to and without ``last``."""
        node = self.nodes[place]
        start = self.starts[place]
        return Step(
            number=place + 1,
            total=len(self),
            node=node,
            data=self.data[place],
            root=self.root,
            gradient=self.gradients[place],
            received=tuple([self._contributions[number] for number in self.reports(node)]),
            stale=self._stale.get(node),
            edges=tuple(map(self.edge, range(start + first, start + last))),
            first_edge=first,
            edge_count=self.edge_count(place),
            names=self.names,
            recording=self,
        )

    def write(self, first: int, last: int) -> None:
        """Let every ``.grad`` take in the edges from ``first`` up to and without ``last``."""
        for number in range(first, last):
            operand = self._operands[number]
            operand.grad = self._held(operand, number)

    def take_back(self, first: int, last: int) -> None:
        """Make every ``.grad`` what it was before these edges were written."""
        for number in range(last - 1, first - 1, -1):
            operand = self._operands[number]
            reports = self._reports[operand]
            earlier = bisect_left(reports, number)
            operand.grad = (
                self._held(operand, reports[earlier - 1])
                if earlier
                else self.before[self.place[operand]]
            )

    def _held(self, operand: Value, number: int) -> float:
        """The ``.grad`` of an operand when it has received the report of an edge."""
        total = self._totals[number]
        return self._stale[operand] + total if operand in self._stale else total
