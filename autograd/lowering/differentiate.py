"""Differentiate: from a graph to the same graph with its derivatives, by the table's own rules.

The rules are arithmetic, so that they give expressions where they are given expressions. What is
made here is as plain as what a hand derivation gives before it is tidied up; that comes next.
A matrix product W x is differentiated as a whole: W^T g comes down to x, and g x^T to W.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TypeAlias

from ..core.table import EVERY
from .graph import AFFINE, ONE, PARAMETER, Expression, Graph, as_node, as_operand
from .lowered import UNWANTED, Average, Lowered, Outer

Number: TypeAlias = "Expression | float"


def differentiate(lowered: Lowered) -> Lowered:
    """Add the derivatives of every value by every parameter, which become nodes of the graph."""
    graph = lowered.graph.copy()
    learns = graph.depends_on(PARAMETER)
    found = [
        _Sweep(graph, learns, value.rest, k * lowered.parameters)
        for k, value in enumerate(lowered.values)
        if value.rest is not None
    ]
    return replace(
        lowered,
        graph=graph,
        derivatives=len(lowered.values) * lowered.parameters,
        gradients={position: x for sweep in found for position, x in sweep.gradients.items()},
        outers=[outer for sweep in found for outer in sweep.outers],
    )


class _Sweep:
    """The derivatives of one root, at the positions from ``first`` on.

    ``learns`` is of the nodes that there were before the first sweep.
    """

    def __init__(self, graph: Graph, learns: list[bool], root: int, first: int) -> None:
        self.graph, self.learns, self.first = graph, learns, first
        self.gradients: dict[int, Average] = {}
        self.outers: list[Outer] = []
        self.reports: dict[int, list[Number]] = {root: [1.0]}
        # The forms of a matrix product, with their gradients, under the last of its columns: when
        # the sweep comes there, it has passed all of them.
        self.products: dict[int, dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]]] = {}
        for node in range(root, -1, -1):
            if node in self.products:
                for columns, forms in self.products.pop(node).items():
                    self.product(columns, forms)
            # Parameters wait for the products of the leaves, of which they may be numbered later.
            if node in self.reports and self.learns[node] and graph.names[node] != PARAMETER:
                gradient = self.total(node)
                if graph.names[node] == AFFINE:
                    self.form(graph.operands[node], as_node(graph, gradient))
                else:
                    self.operation(node, gradient)
        for node in sorted(self.reports):
            if graph.names[node] == PARAMETER:
                total = as_node(graph, self.total(node))
                self.gradients[self.position(node)] = Average(total)

    def position(self, parameter: int) -> int:
        return self.first + int(self.graph.numbers[parameter])

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
        shared = op.shared(numbers, recording=True)
        for place, (operand, rule) in enumerate(zip(operands, rules)):
            if not self.learns[operand]:
                continue
            if op.linear:
                partial = rule
            elif op.arity is None:
                partial = rule(z, numbers[place], *shared)
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
        if self.learns[coefficient]:
            slope = gradient if x is None else self.graph.node("mul", (gradient, x))
            self.report(coefficient, Expression(self.graph, slope))

    def product(self, columns: tuple[int, ...], forms: list[tuple[tuple[int, ...], int]]) -> None:
        """Report to the columns of a matrix product, and to the parameters in its matrix."""
        graph, first, names, numbers = self.graph, self.first, self.graph.names, self.graph.numbers
        forms.reverse()
        for j, x in enumerate(columns):
            if self.learns[x]:
                pairs = [(coefficients[j], g) for coefficients, g in forms]
                if len(pairs) == 1:
                    node = graph.node("mul", pairs[0])
                else:
                    node = graph.node(AFFINE, tuple([x for pair in pairs for x in pair]))
                self.report(x, Expression(graph, node))
        positions = [
            [first + int(numbers[x]) if names[x] == PARAMETER else UNWANTED for x in coefficients]
            for coefficients, _ in forms
        ]
        wanted = [x for row in positions for x in row if x != UNWANTED]
        if len(set(wanted)) < len(wanted):
            for coefficients, g in forms:
                for coefficient, x in zip_longest(coefficients, columns):
                    if names[coefficient] == PARAMETER:
                        self.coefficient(coefficient, x, g)
        elif wanted:
            table = list(zip_longest(*positions, fillvalue=UNWANTED))
            used = [j for j, column in enumerate(table) if set(column) != {UNWANTED}]
            self.outers.append(
                Outer(
                    [gradient for _, gradient in forms],
                    [columns[j] if j < len(columns) else graph.leaf(ONE) for j in used],
                    [list(row) for row in zip(*[table[j] for j in used])],
                )
            )


def _product(gradient: Number, partial: Number) -> Number:
    if isinstance(partial, float) and partial == 1.0:
        return gradient
    if isinstance(gradient, float) and gradient == 1.0:
        return partial
    return gradient * partial
