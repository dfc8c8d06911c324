"""The intermediate representation: a graph of scalar expressions in which equals are one node.

Nodes are numbered in the order in which they are made, operands before whatever uses them, so that
a pass is a loop over the numbers, up or down, and never a recursion. Every pass of this package
reads a ``Graph`` and makes another, or adds to one; the last turns it into array instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any, NamedTuple

from ..core import ops
from ..core.ops import Op

INPUT, PARAMETER, CONSTANT = "input", "parameter", "constant"
ONE = "one"  # 1 for every instance: what a bias is multiplied with
LEAVES = frozenset({INPUT, PARAMETER, CONSTANT, ONE})
AFFINE = "affine"  # of a coefficient, what it multiplies, the next coefficient, ..., and a bias


class LoweringError(ValueError):
    """A graph or a model that cannot become an array program; the message says why."""


class Operations(NamedTuple):
    """A line of a program's description: array operations of one name.

    Attributes:
        when: ``once`` for a batch, or ``every step``.
        operation: its name.
        nodes: how many scalar nodes are computed.
        calls: by how many array operations.
        note: what the first of them is called.
    """

    when: str
    operation: str
    nodes: int
    calls: int
    note: str


class Graph:
    """Scalar expressions, each of which is written down once (hash-consing).

    Attributes:
        names: for each node the name of its operation, or one of ``LEAVES``.
        operands: for each node its operands, as node numbers; empty for a leaf.
        numbers: for each leaf the constant's number, or the place of the input or the parameter
            among its like; 0.0 for other nodes.
        labels: what people call some of the nodes.
        begun: how many inputs, and then parameters, it began with: of a network most of its nodes,
            with which no pass has anything to do but to begin the next graph with as many.
        first: both together, the number of the first node after them.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.operands: list[tuple[int, ...]] = []
        self.numbers: list[float] = []
        self.labels: dict[int, str] = {}
        self.begun, self.first = (0, 0), 0
        self._known: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def copy(self) -> Graph:
        """Another graph of the same nodes, to add to."""
        new = Graph()
        for name, kept in vars(self).items():
            setattr(new, name, copy(kept))
        return new

    def begin(self, inputs: int, parameters: int) -> None:
        """Make so many inputs and parameters the first nodes."""
        self.begun, self.first = (inputs, parameters), inputs + parameters
        self.names = [INPUT] * inputs + [PARAMETER] * parameters
        self.operands = [()] * self.first
        self.numbers = [*map(float, range(inputs)), *map(float, range(parameters))]

    def _put(self, key: Any, name: str, operands: tuple[int, ...], number: float) -> int:
        """The node of a key: a new one, or the one that there is."""
        names = self.names
        index = self._known.setdefault(key, len(names))
        if index == len(names):
            names.append(name)
            self.operands.append(operands)
            self.numbers.append(number)
        return index

    def node(self, name: str, operands: tuple[int, ...]) -> int:
        """The node of an operation on nodes: a new one, or the equal one that there is."""
        # As _put, spelled out: most nodes are made here.
        names = self.names
        new = len(names)
        node = self._known.setdefault((name, operands), new)
        if node == new:
            names.append(name)
            self.operands.append(operands)
            self.numbers.append(0.0)
        return node

    def row(self, key: str, operands: tuple[int, ...]) -> int:
        """The node of a row of the operation table, as a formula calls it."""
        return self.node(key, operands)

    def find(self, name: str, operands: tuple[int, ...]) -> int | None:
        """The node of an operation on nodes, if there is one."""
        return self._known.get((name, operands))

    def constant(self, number: float) -> int:
        """The node of a plain number; 0.0 and -0.0 are two, as 1 / x tells them apart."""
        return self._put((number, math.copysign(1.0, number)), CONSTANT, (), number)

    def leaf(self, name: str, place: int = 0) -> int:
        """The node of an input or a parameter by its place among its like, or of ``ONE``."""
        inputs, parameters = self.begun
        if name == PARAMETER and place < parameters:
            return inputs + place
        if name == INPUT and place < inputs:
            return place
        return self._put((name, place), name, (), float(place))

    def take(self, graph: Graph, node: int) -> int:
        """The node of a leaf of another graph."""
        name, number = graph.names[node], graph.numbers[node]
        return self.constant(number) if name == CONSTANT else self.leaf(name, int(number))

    def rewrite(
        self, new: Graph, kept: Sequence[object], make: Callable[[int, str], int], nodes: list[int]
    ) -> None:
        """Make another graph of this one, node by node, and hand on the labels.

        Args:
            new: the graph to make; it gets all inputs and parameters.
            kept: for each node whether it is wanted there.
            make: the new node for an operation, whose operands have been made.
            nodes: takes the new node of each node.
        """
        if not len(new):
            new.begin(*self.begun)
        names, first = self.names, self.first if new.begun == self.begun else 0
        nodes[:first] = range(first)
        for node in range(first, len(names)):
            name = names[node]
            if name in LEAVES:
                if kept[node] or name in (INPUT, PARAMETER):
                    nodes[node] = new.take(self, node)
            elif kept[node]:
                nodes[node] = make(node, name)
        labels = [(nodes[node], x) for node, x in self.labels.items() if nodes[node] >= 0]
        new.labels = dict(labels)
        if len(new.labels) < len(labels):  # of several names for one node the first counts
            ordered = sorted(self.labels, reverse=True)
            new.labels = {nodes[x]: self.labels[x] for x in ordered if nodes[x] >= 0}

    def is_constant(self, node: int, number: float) -> bool:
        """Whether a node is this plain number; -0.0 counts as 0.0."""
        return self.names[node] == CONSTANT and self.numbers[node] == number

    def adds_constant(self, node: int) -> bool:
        """Whether one of the operands is a plain number other than 0."""
        names, numbers = self.names, self.numbers
        return any(names[x] == CONSTANT and numbers[x] != 0.0 for x in self.operands[node])

    def reachable(self, roots: Iterable[int]) -> list[bool]:
        """For each node whether one of the roots depends on it."""
        reached, operands = [False] * len(self.names), self.operands
        for root in roots:
            reached[root] = True
        for node in range(len(reached) - 1, self.first - 1, -1):
            if reached[node]:
                for operand in operands[node]:
                    reached[operand] = True
        return reached

    def consumers(self, roots: Iterable[int]) -> list[int]:
        """How often each node is used, by the nodes that matter and as one of the roots."""
        counts, operands = [0] * len(self.names), self.operands
        for root in roots:
            counts[root] += 1
        for node in range(len(counts) - 1, self.first - 1, -1):
            if counts[node]:
                for operand in operands[node]:
                    counts[operand] += 1
        return counts

    def depends_on(self, *leaves: str) -> list[bool]:
        """For each node whether it is, or is computed from, a leaf of these names."""
        inputs, parameters = self.begun
        found = [INPUT in leaves] * inputs + [PARAMETER in leaves] * parameters
        for node in range(self.first, len(self.names)):
            for operand in self.operands[node]:
                if found[operand]:
                    found.append(True)
                    break
            else:
                found.append(self.names[node] in leaves)
        return found


class Expression:
    """A node that takes part in arithmetic, so that the operation table's rules work on it."""

    __slots__ = ("graph", "index")

    def __init__(self, graph: Graph, index: int) -> None:
        self.graph = graph
        self.index = index

    def record_operation(self, op: Op, operands: tuple[Any, ...]) -> Expression:
        """The expression for an operation on expressions and floats: what calling an Op does."""
        graph = self.graph
        nodes = tuple([as_node(graph, operand) for operand in operands])
        return Expression(graph, graph.row(op.key, nodes))

    def __add__(self, other: Any) -> Expression:
        return self.record_operation(ops.add, (self, other))

    def __radd__(self, other: Any) -> Expression:
        return self.record_operation(ops.add, (other, self))

    def __sub__(self, other: Any) -> Expression:
        return self.record_operation(ops.sub, (self, other))

    def __rsub__(self, other: Any) -> Expression:
        return self.record_operation(ops.sub, (other, self))

    def __mul__(self, other: Any) -> Expression:
        return self.record_operation(ops.mul, (self, other))

    def __rmul__(self, other: Any) -> Expression:
        return self.record_operation(ops.mul, (other, self))

    def __neg__(self) -> Expression:
        return self.record_operation(ops.neg, (self,))


def as_node(graph: Graph, operand: Expression | float) -> int:
    """The node of an expression, or of a number."""
    return operand.index if isinstance(operand, Expression) else graph.constant(operand)


def as_operand(graph: Graph, node: int) -> Expression | float:
    """What a rule of the table is given for a node: a float for a constant."""
    return graph.numbers[node] if graph.names[node] == CONSTANT else Expression(graph, node)
