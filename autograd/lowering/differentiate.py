"""Differentiate: from a graph to the same graph with its derivatives, by the table's own rules.

The rules are arithmetic, so that they give expressions where they are given expressions. What is
made here is as plain as what a hand derivation gives before it is tidied up; that comes next.
"""

from __future__ import annotations

from ..ops import OPS
from .graph import PARAMETER, Expression, Graph, as_node, as_operand


def differentiate(graph: Graph, root: int, parameters: int) -> list[int]:
    """The derivatives of ``root``, as nodes that are added to the graph.

    Args:
        graph: what ``root`` belongs to.
        root: the node to differentiate.
        parameters: how many there are.

    Returns:
        The derivative with respect to each parameter.
    """
    needed = graph.depends_on(PARAMETER)
    reports: dict[int, list[Expression | float]] = {root: [1.0]}
    gradients = [graph.constant(0.0)] * parameters
    for node in range(root, -1, -1):
        if node not in reports or not needed[node]:
            continue
        gradient = _total(graph, reports.pop(node))
        if isinstance(gradient, Expression) and node in graph.labels:
            graph.labels.setdefault(gradient.index, f"d_{graph.labels[node]}")
        name, operands = graph.names[node], graph.operands[node]
        if name == PARAMETER:
            gradients[int(graph.numbers[node])] = as_node(graph, gradient)
            continue
        op = OPS[name]
        rules = op.rules if op.arity is not None else op.rules * len(operands)
        if op.linear:
            numbers: list[Expression | float] = []
        else:
            numbers = [as_operand(graph, operand) for operand in operands]
        z = Expression(graph, node)
        for place, (operand, rule) in enumerate(zip(operands, rules)):
            if not needed[operand]:
                continue
            if op.linear:
                partial = rule
            elif op.arity is None:
                partial = rule(z, numbers[place])
            else:
                partial = rule(z, *numbers)
            if partial is not None:
                reports.setdefault(operand, []).append(_product(gradient, partial))
    return gradients


def _product(gradient: Expression | float, partial: Expression | float) -> Expression | float:
    if isinstance(partial, float) and partial == 1.0:
        return gradient
    if isinstance(gradient, float) and gradient == 1.0:
        return partial
    return gradient * partial


def _total(graph: Graph, reports: list[Expression | float]) -> Expression | float:
    """What the consumers of a node report, added up: one sum, however many they are."""
    if len(reports) == 1:
        return reports[0]
    return Expression(
        graph, graph.node("sum", tuple([as_node(graph, report) for report in reports]))
    )
