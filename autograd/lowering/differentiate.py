"""Differentiate: from a graph to the same graph with its derivatives, by the table's own rules.

The rules are arithmetic, so that they give expressions where they are given expressions. What is
made here is as plain as what a hand derivation gives before it is tidied up; that comes next.
A matrix product W x is differentiated as a whole: W^T g comes down to x, and g x^T to W.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

from ..core.table import EVERY
from .graph import AFFINE, PARAMETER, Expression, Graph, as_node, as_operand

Number: TypeAlias = "Expression | float"
ONE_COLUMN = UNWANTED = -1


@dataclass
class Outer:
    """Derivatives u_i v_j for every i and j, to be averaged.

    Attributes:
        rows: the nodes u_i.
        columns: the nodes v_j; the last may be ``ONE_COLUMN``, which is 1.
        positions: for each i and j which derivative this is a part of, or ``UNWANTED``; no two are
            the same.
    """

    rows: list[int]
    columns: list[int]
    positions: list[list[int]]

    def moved(self, by: int) -> Outer:
        """The same with other positions."""
        positions = [[x if x == UNWANTED else x + by for x in row] for row in self.positions]
        return Outer(self.rows, self.columns, positions)


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
                    found.outers += self.product(columns, forms)
            # Parameters wait for the products of the leaves, of which they may be numbered later.
            if node in self.reports and self.needed[node] and graph.names[node] != PARAMETER:
                gradient = self.total(node)
                if graph.names[node] == AFFINE:
                    self.form(graph.operands[node], as_node(graph, gradient))
                else:
                    self.operation(node, gradient)
        for node in sorted(self.reports):
            if graph.names[node] == PARAMETER:
                found.nodes[int(graph.numbers[node])] = as_node(graph, self.total(node))
        return found

    def total(self, node: int) -> Number:
        """What the consumers of a node report, added up: one sum, however many they are."""
        graph, reports = self.graph, self.reports.pop(node)
        gradient = reports[0]
        if len(reports) > 1:
            terms = tuple([as_node(graph, report) for report in reports])
            gradient = Expression(graph, graph.node("sum", terms))
        if isinstance(gradient, Expression) and node in graph.labels:
            graph.labels.setdefault(gradient.index, f"d_{graph.labels[node]}")
        return gradient

    def report(self, node: int, gradient: Number) -> None:
        self.reports.setdefault(node, []).append(gradient)

    def operation(self, node: int, gradient: Number) -> None:
        """Report to the operands of a node, each by its rule."""
        graph, operands = self.graph, self.graph.operands[node]
        op = EVERY[graph.names[node]]
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

    def form(self, operands: tuple[int, ...], gradient: int) -> None:
        """Report to the coefficients, but for parameters; what is left is for the whole product."""
        graph, columns = self.graph, operands[1::2]
        forms = self.products.setdefault(max(columns), {}).setdefault(columns, [])
        forms.append((operands[::2], gradient))
        for coefficient, x in zip_longest(operands[::2], columns):
            if graph.names[coefficient] != PARAMETER:
                self.coefficient(coefficient, x, gradient)

    def coefficient(self, coefficient: int, x: int | None, gradient: int) -> None:
        """Report to a coefficient of x, or to a bias for None."""
        if self.needed[coefficient]:
            slope = gradient if x is None else self.graph.node("mul", (gradient, x))
            self.report(coefficient, Expression(self.graph, slope))

    def product(
        self, columns: tuple[int, ...], forms: list[tuple[tuple[int, ...], int]]
    ) -> list[Outer]:
        """Report to the columns of a matrix product, and to the parameters in its matrix."""
        graph = self.graph
        forms.reverse()
        gradients = [gradient for _, gradient in forms]
        for j, x in enumerate(columns):
            if self.needed[x]:
                pairs = [(coefficients[j], g) for coefficients, g in forms]
                if len(pairs) == 1:
                    node = graph.node("mul", pairs[0])
                else:
                    node = graph.node(AFFINE, tuple([x for pair in pairs for x in pair]))
                self.report(x, Expression(graph, node))
        positions = [
            [
                int(graph.numbers[x]) if graph.names[x] == PARAMETER else UNWANTED
                for x in coefficients
            ]
            for coefficients, _ in forms
        ]
        wanted = [x for row in positions for x in row if x != UNWANTED]
        if not wanted:
            return []
        if len(set(wanted)) < len(wanted):
            for coefficients, g in forms:
                for coefficient, x in zip_longest(coefficients, columns):
                    if graph.names[coefficient] == PARAMETER:
                        self.coefficient(coefficient, x, g)
            return []
        table = list(zip_longest(*positions, fillvalue=UNWANTED))
        used = [j for j, column in enumerate(table) if set(column) != {UNWANTED}]
        return [
            Outer(
                gradients,
                [columns[j] if j < len(columns) else ONE_COLUMN for j in used],
                [list(row) for row in zip(*[table[j] for j in used])],
            )
        ]


def _product(gradient: Number, partial: Number) -> Number:
    if isinstance(partial, float) and partial == 1.0:
        return gradient
    if isinstance(gradient, float) and gradient == 1.0:
        return partial
    return gradient * partial
