"""Differentiate: from a graph to the same graph with its derivatives, by the table's own rules.

The rules are arithmetic, so that they give expressions where they are given expressions. What is
made here is as plain as what a hand derivation gives before it is tidied up; that comes next.
A matrix product W x is differentiated as a whole: W^T g comes down to x, and g x^T to W.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..ops import OPS
from .graph import AFFINE, PARAMETER, Expression, Graph, as_node, as_operand

Number: TypeAlias = "Expression | float"
ONE_COLUMN = -1


@dataclass
class Outer:
    """Derivatives u_i v_j for every i and j, to be averaged.

    Attributes:
        rows: the nodes u_i.
        columns: the nodes v_j; the last may be ``ONE_COLUMN``, which is 1.
        positions: for each i and j which derivative this is a part of; all are different.
    """

    rows: list[int]
    columns: list[int]
    positions: list[list[int]]


@dataclass
class Derivatives:
    """What the derivatives of a root are the sum of.

    Attributes:
        nodes: for some of the parameters a node.
        outers: matrix products over the batch.
    """

    nodes: dict[int, int]
    outers: list[Outer]


def differentiate(graph: Graph, root: int) -> Derivatives:
    """The derivatives of ``root`` by the parameters, as nodes that are added to the graph."""
    return _Sweep(graph, root).run()


class _Sweep:
    def __init__(self, graph: Graph, root: int) -> None:
        self.graph, self.root = graph, root
        self.needed = graph.depends_on(PARAMETER)
        self.reports: dict[int, list[Number]] = {root: [1.0]}
        # The forms of a matrix product, with their gradients, under the last of its columns: when
        # the sweep comes there, it has passed all of them.
        self.products: dict[int, dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]]] = {}

    def run(self) -> Derivatives:
        graph, found = self.graph, Derivatives({}, [])
        for node in range(self.root, -1, -1):
            if node in self.products:
                for columns, forms in self.products.pop(node).items():
                    self.product(columns, forms, found.outers)
            if node not in self.reports or not self.needed[node]:
                continue
            gradient = _total(graph, self.reports.pop(node))
            if isinstance(gradient, Expression) and node in graph.labels:
                graph.labels.setdefault(gradient.index, f"d_{graph.labels[node]}")
            name = graph.names[node]
            if name == PARAMETER:
                found.nodes[int(graph.numbers[node])] = as_node(graph, gradient)
            elif name == AFFINE:
                columns = graph.operands[node][1::2]
                forms = self.products.setdefault(max(columns), {}).setdefault(columns, [])
                forms.append((graph.operands[node], as_node(graph, gradient)))
            else:
                self.operation(node, gradient)
        return found

    def report(self, node: int, gradient: Number) -> None:
        if self.needed[node]:
            self.reports.setdefault(node, []).append(gradient)

    def operation(self, node: int, gradient: Number) -> None:
        """Report to the operands of a node, each by its rule."""
        graph, operands = self.graph, self.graph.operands[node]
        op = OPS[graph.names[node]]
        rules = op.rules if op.arity is not None else op.rules * len(operands)
        numbers: list[Number] = []
        if not op.linear:
            numbers = [as_operand(graph, operand) for operand in operands]
        z = Expression(graph, node)
        for place, (operand, rule) in enumerate(zip(operands, rules)):
            if not self.needed[operand]:
                continue
            if op.linear:
                partial = rule
            elif op.arity is None:
                partial = rule(z, numbers[place])
            else:
                partial = rule(z, *numbers)
            if partial is not None:
                self.report(operand, _product(gradient, partial))

    def product(
        self,
        columns: tuple[int, ...],
        forms: list[tuple[tuple[int, ...], int]],
        outers: list[Outer],
    ) -> None:
        """Report to the coefficients and the columns of a matrix product."""
        graph = self.graph
        forms.reverse()
        gradients = [gradient for _, gradient in forms]
        for j, x in enumerate(columns):
            if self.needed[x]:
                pairs = [(operands[2 * j], g) for operands, g in forms]
                if len(pairs) == 1:
                    node = graph.node("mul", pairs[0])
                else:
                    node = graph.node(AFFINE, tuple([x for pair in pairs for x in pair]))
                self.report(x, Expression(graph, node))
        rows = [[*operands[::2]] for operands, _ in forms]
        coefficients = [x for row in rows for x in row]
        places = {x for x in coefficients if graph.names[x] == PARAMETER}
        if len(places) == len(coefficients) and len({len(row) for row in rows}) == 1:
            positions = [[int(graph.numbers[x]) for x in row] for row in rows]
            bias = [ONE_COLUMN] * (len(rows[0]) - len(columns))
            outers.append(Outer(gradients, [*columns, *bias], positions))
            return
        for row, g in zip(rows, gradients):
            gradient = Expression(graph, g)
            for coefficient, x in zip(row, columns):
                self.report(coefficient, gradient * Expression(graph, x))
            if len(row) > len(columns):
                self.report(row[-1], gradient)


def _product(gradient: Number, partial: Number) -> Number:
    if isinstance(partial, float) and partial == 1.0:
        return gradient
    if isinstance(gradient, float) and gradient == 1.0:
        return partial
    return gradient * partial


def _total(graph: Graph, reports: list[Number]) -> Number:
    """What the consumers of a node report, added up: one sum, however many they are."""
    if len(reports) == 1:
        return reports[0]
    return Expression(
        graph, graph.node("sum", tuple([as_node(graph, report) for report in reports]))
    )
