"""A reverse pass run to its end and written down, so that it can be shown in any order.

The root of a graph goes in; a ``Step`` for every node comes out, each with an ``Edge`` for every
operand that it reports to. Nothing in the graph is changed: the ``Stepper`` writes gradients, and
it and every view of it read them here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from ..sweep import count_consumers, sweep
from ..value import Value
from . import text
from .names import name_nodes


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

    def __repr__(self) -> str:
        return text.describe(self)


class Recording(Sequence[Step]):
    """The steps of a pass in order: ``recording[0]`` is the root's.

    Steps are made when they are asked for, from lists that hold little more than the numbers.

    Attributes:
        nodes: the nodes in the order of the pass.
        names: what each of them is called.
        edges: the edges of all nodes, one after the other.
        starts: where the edges of each node begin in ``edges``, and last where they all end.
        before: the ``.grad`` of each node before the pass.
        after: the ``.grad`` that ``root.backward()`` would leave in it.
    """

    def __init__(self, root: Value) -> None:
        self._consumers = count_consumers(root)
        self._data = {node: node.data for node in self._consumers}
        self.before = {node: node.grad for node in self._consumers}
        self._stale = {node: node.grad for node in self._consumers if node.op is None and node.grad}
        self._gradients = {root: 1.0}
        self._reports: defaultdict[Value, list[Edge]] = defaultdict(list)
        self.nodes: list[Value] = []
        self.edges: list[Edge] = []
        self.starts = [0]
        for node, gradient, partials in sweep(root):
            self.nodes.append(node)
            self._gradients[node] = gradient
            self.edges.extend(self._report(node, gradient, partials))
            self.starts.append(len(self.edges))
        self.after = self._gradients | {
            leaf: held + self._gradients[leaf] for leaf, held in self._stale.items()
        }
        self.names = name_nodes(self.nodes[::-1])

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

    def edge_count(self, index: int) -> int:
        """How many edges the node at an index has."""
        return self.starts[index + 1] - self.starts[index]

    def part(self, index: int, first: int, last: int) -> Step:
        """The step at an index with only its edges from ``first`` up to and without ``last``."""
        node = self.nodes[index]
        start = self.starts[index]
        return Step(
            number=index + 1,
            total=len(self),
            node=node,
            data=self._data[node],
            root=self.nodes[0],
            gradient=self._gradients[node],
            received=tuple([edge.contribution for edge in self._reports.get(node, ())]),
            stale=self._stale.get(node),
            edges=tuple(self.edges[start + first : start + last]),
            first_edge=first,
            edge_count=self.edge_count(index),
            names=self.names,
        )

    def _report(
        self, node: Value, gradient: float, partials: Sequence[float | None]
    ) -> Iterator[Edge]:
        """The edges of a node, whose gradient is final, as what they carry is added up."""
        sums, stale, reports = self._gradients, self._stale, self._reports
        for position, (operand, partial) in enumerate(zip(node.operands, partials)):
            if isinstance(operand, Value):
                contribution = 0.0 if partial is None else gradient * partial
                # Added up as the sweep does: a sum that begins with 0.0 would lose a -0.0.
                if partial is None:
                    total = sums.get(operand, 0.0)
                else:
                    total = sums[operand] + contribution if operand in sums else contribution
                    sums[operand] = total
                earlier = reports[operand]
                edge = Edge(
                    operand,
                    position,
                    partial,
                    contribution,
                    earlier[-1].after if earlier else stale.get(operand),
                    stale[operand] + total if operand in stale else total,
                    len(earlier) + 1,
                    self._consumers[operand],
                )
                earlier.append(edge)
                yield edge
