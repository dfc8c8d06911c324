"""Reroll: find the batch in a graph that was recorded over a whole data set.

``sum(loss(x) for x in data) / n`` records the same form once for each instance, with other numbers
in it. A term's numbers are taken out of it, and terms that are then equal are instances of one
form: what was unrolled by a Python loop becomes a batch again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.sweep import evaluation_order
from ..core.value import Value
from .graph import INPUT, PARAMETER, Graph
from .lowered import Average, Lowered
from .pipeline import Batch

FEWEST_INSTANCES = 4
MOST_LEFT = 8
# The place of the root, and what each place after those of the parameters holds: an operation on
# earlier places, or a number.
Form: TypeAlias = "tuple[Any, ...]"
NUMBER = None


def reroll(root: Value, wrt: Sequence[Value]) -> list[Batch] | None:
    """Batches whose weighted averages add up to ``root``.

    None if it has no sum of many terms of a few forms.
    """
    parameters = {value: place for place, value in enumerate(wrt)}
    found: dict[Form, list[tuple[float, list[float]]]] = {}
    left: list[tuple[float, Value | float]] = []
    stack: list[tuple[float, Value | float]] = [(1.0, root)]
    while stack:
        factor, node = stack.pop()
        terms = _terms(node)
        if len(terms) >= FEWEST_INSTANCES:
            forms = [_form(term, parameters) for _, term in terms]
            if FEWEST_INSTANCES * len({form for form, _ in forms}) <= len(forms):
                for (sign, _), (form, numbers) in zip(terms, forms):
                    found.setdefault(form, []).append((factor * sign, numbers))
                continue
        elif terms and len(stack) < MOST_LEFT:
            stack.extend((factor * sign, term) for sign, term in reversed(terms))
            continue
        left.append((factor, node))
    if not found or len(left) > MOST_LEFT:
        return None
    for factor, term in left:
        form, numbers = _form(term, parameters)
        found.setdefault(form, []).append((factor, numbers))
    return [_batch(form, instances, len(wrt)) for form, instances in found.items()]


def _terms(node: Value | float) -> list[tuple[float, Value | float]]:
    """The terms of a sum, or of a chain of additions as ``total += term`` makes it, with factors.

    A number times a Value is one term. Empty for what is no linear combination.
    """
    if not isinstance(node, Value) or node.op is None:
        return []
    name, operands = node.op.name, node.operands
    constants = [not isinstance(x, Value) for x in operands]
    if name == "sum":
        return [(1.0, x) for x in operands]
    if name == "neg":
        return [(-1.0, operands[0])]
    if name == "mul" and True in constants:
        place = constants.index(True)
        return [(_plain(operands[place]), operands[1 - place])]
    if name == "div" and constants[1] and operands[1]:
        return [(1.0 / _plain(operands[1]), operands[0])]
    terms: list[tuple[float, Value | float]] = []
    while isinstance(node, Value) and node.op is not None and node.op.name in ("add", "sub"):
        sign = 1.0 if node.op.name == "add" else -1.0
        node, last = node.operands
        terms.append((sign, last))
    if terms:
        terms.append((1.0, node))
        terms.reverse()
    return terms


def _plain(operand: Value | float) -> float:
    return operand.data if isinstance(operand, Value) else operand


def _form(term: Value | float, parameters: dict[Value, int]) -> tuple[Form, list[float]]:
    """A term without its numbers, as operations on the places before; and the numbers."""
    if not isinstance(term, Value):
        return (len(parameters), NUMBER), [term]
    form: list[Any] = []
    numbers: list[float] = []
    places, first = parameters.copy(), len(parameters)
    for node in evaluation_order(term, known=parameters):
        place = NUMBER
        if node.op is None:
            numbers.append(node.data)
        else:
            operands: list[int] = []
            for x in node.operands:
                if isinstance(x, Value):
                    operands.append(places[x])
                else:
                    operands.append(first + len(form))
                    form.append(NUMBER)
                    numbers.append(x)
            place = (node.op, *operands)
        places[node] = first + len(form)
        form.append(place)
    return (places[term], *form), numbers


def _batch(form: Form, instances: list[tuple[float, list[float]]], parameters: int) -> Batch:
    """Terms of one form as a batch; a number that they all share is a constant.

    The weight is the number of terms, times their factor if they share it. To multiply the terms
    instead might overflow where their sum does not.
    """
    table = np.array([[factor, *numbers] for factor, numbers in instances])
    # By their signs as well: 0.0 and -0.0 are equal, but 1 / x tells them apart.
    alike = (table == table[0]) & (np.signbit(table) == np.signbit(table[0]))
    shared = alike.all(axis=0)
    columns = table.T[~shared]
    graph = Graph()
    inputs = iter(range(len(columns)))
    slots = iter(range(1, table.shape[1]))

    def hole(slot: int) -> int:
        if shared[slot]:
            return graph.constant(float(table[0, slot]))
        return graph.leaf(INPUT, next(inputs))

    factor = hole(0)
    nodes = [graph.leaf(PARAMETER, i) for i in range(parameters)]
    place, *places = form
    for held in places:
        if held is NUMBER:
            nodes.append(hole(next(slots)))
        else:
            op, *operands = held
            nodes.append(graph.node(op.key, tuple([nodes[x] for x in operands])))
    weight, root = float(len(instances)), nodes[place]
    if shared[0]:
        weight *= float(table[0, 0])
    else:
        root = graph.node("mul", (factor, root))
    recorded = Lowered(graph, len(columns), parameters, [Average(root)], [])
    if not len(columns):
        # Every term is the same: one instance says it all.
        columns = np.empty((0, 1))
    return Batch(recorded, np.ascontiguousarray(columns), weight)
