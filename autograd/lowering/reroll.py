"""Reroll: find the batch in a graph that was recorded over a whole data set.

``sum(loss(x) for x in data) / n`` records the same form once for each instance, with other numbers
in it. A term's numbers are taken out of it, and terms that are then equal are instances of one
form: what was unrolled by a Python loop becomes a batch again. What many terms have in common, such
as the mean in a variance, is written once for all of them where to write it out for each would cost
more than the graph has nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core import Value
from ..core.sweep import count_consumers, evaluation_order
from .graph import INPUT, PARAMETER, Graph
from .lowered import Average, Lowered
from .pipeline import Batch
from .record import add_nodes

FEWEST_INSTANCES = 4
MOST_LEFT = 8
# So many times the operands of the graph may the forms have, all together.
COPIES = 4
# Between these a factor of a sum may be multiplied into those of its terms: what overflows before
# and not after, or is lost, is then no number that anybody has.
ORDINARY = 1e-12, 1e12
# The place of the root, and what each place holds: an operation on places, or a number. A place of
# the form itself is counted from 0; of what is known outside of it, from -1 down.
Form: TypeAlias = "tuple[Any, ...]"
Instance: TypeAlias = "tuple[Form, list[float]]"
NUMBER = None


def reroll(root: Value, wrt: Sequence[Value]) -> list[Batch] | None:
    """Batches whose weighted averages add up to ``root``.

    None if it has no sum of many terms of a few forms.
    """
    forms = _Forms(root, wrt)
    found: dict[Form, list[tuple[float, list[float]]]] = {}
    left: list[tuple[float, Value | float]] = []
    stack: list[tuple[float, Value | float]] = [(1.0, root)]
    while stack:
        factor, node = stack.pop()
        terms = _terms(node)
        factors = [factor * sign for sign, _ in terms]
        if len(terms) >= FEWEST_INSTANCES:
            instances = forms.few([term for _, term in terms])
            if instances is not None:
                for each, (form, numbers) in zip(factors, instances):
                    found.setdefault(form, []).append((each, numbers))
                continue
        elif terms and len(stack) < MOST_LEFT and all(map(_is_ordinary, factors)):
            stack.extend(
                (each, term) for each, (_, term) in zip(reversed(factors), reversed(terms))
            )
            continue
        left.append((factor, node))
        if len(left) > MOST_LEFT:
            return None
    if not found:
        return None
    for factor, term in left:
        form, numbers = forms.form(term)
        found.setdefault(form, []).append((factor, numbers))
    return forms.batches(found)


def _is_ordinary(factor: float) -> bool:
    return ORDINARY[0] <= abs(factor) <= ORDINARY[1]


class _Forms:
    """The forms of terms, over what is known outside of them: parameters, and what they share."""

    def __init__(self, root: Value, wrt: Sequence[Value]) -> None:
        self.parameters = {value: place for place, value in enumerate(wrt)}
        self.known = self.parameters.copy()
        consumers = count_consumers(root)
        self.limit = self.left = COPIES * (len(consumers) + sum(consumers.values()))

    def few(self, terms: Sequence[Value | float]) -> list[Instance] | None:
        """The terms as instances of a few forms, if they are that."""
        if self.left > 0:
            found = self._written(terms)
            if self.left > 0:
                return found
        self._share(terms)
        return self._written(terms)

    def _written(self, terms: Sequence[Value | float]) -> list[Instance] | None:
        """The same, as long as there is something left to write them with, if there is now."""
        limited = self.left > 0
        found: list[Instance] = []
        forms: set[Form] = set()
        for term in terms:
            found.append(self.form(term))
            forms.add(found[-1][0])
            if FEWEST_INSTANCES * len(forms) > len(terms) or (limited and self.left <= 0):
                return None
        return found

    def _share(self, terms: Sequence[Value | float]) -> None:
        """Know from now on every operation that two of the terms depend on."""
        first: dict[Value, int] = {}  # the first term that comes to each operation
        for i, term in enumerate(terms):
            waiting = [term]
            while waiting:
                node = waiting.pop()
                if not isinstance(node, Value) or node.op is None or node in self.known:
                    continue
                if node not in first:
                    first[node] = i
                    waiting += node.operands
                elif first[node] != i:
                    for x in evaluation_order(node, known=self.known):
                        if x.op is not None:
                            self.known[x] = len(self.known)

    def form(self, term: Value | float) -> Instance:
        """A term without its numbers, as operations on the places before; and the numbers."""
        if not isinstance(term, Value):
            return (0, NUMBER), [term]
        form: list[Any] = []
        numbers: list[float] = []
        known, places = self.known, dict[Value, int]()
        for node in evaluation_order(term, known=known):
            place = NUMBER
            if node.op is None:
                numbers.append(node.data)
            else:
                operands: list[int] = []
                for x in node.operands:
                    if not isinstance(x, Value):
                        operands.append(len(form))
                        form.append(NUMBER)
                        numbers.append(x)
                    elif x in known:
                        operands.append(~known[x])
                    else:
                        operands.append(places[x])
                place = (node.op, *operands)
            places[node] = len(form)
            form.append(place)
            self.left -= 1 + len(node.operands)
        return (~known[term] if term in known else places[term], *form), numbers

    def batches(self, found: dict[Form, list[tuple[float, list[float]]]]) -> list[Batch] | None:
        """A batch for each form; None if they would have too much to compute that they share."""
        if len(found) * len(self.known) > self.limit:
            return None
        outside = list(self.known)
        return [self._batch(form, instances, outside) for form, instances in found.items()]

    def _batch(
        self, form: Form, instances: list[tuple[float, list[float]]], outside: Sequence[Value]
    ) -> Batch:
        """Terms of one form as a batch; a number that they all share is a constant.

        The weight is the number of terms, times their factor if they share it. To multiply the
        terms instead might overflow where their sum does not.
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
        nodes = {value: graph.leaf(PARAMETER, i) for value, i in self.parameters.items()}
        place, *places = form
        used = [place, *(x for held in places if held is not NUMBER for x in held[1:])]
        known = [outside[~x] for x in used if x < 0]
        add_nodes(graph, evaluation_order(*known, known=self.parameters), nodes)
        own: list[int] = []

        def at(place: int) -> int:
            return own[place] if place >= 0 else nodes[outside[~place]]

        for held in places:
            if held is NUMBER:
                own.append(hole(next(slots)))
            else:
                op, *operands = held
                own.append(graph.node(op.key, tuple(map(at, operands))))
        weight, root = float(len(instances)), at(place)
        if shared[0]:
            weight *= float(table[0, 0])
        else:
            root = graph.node("mul", (factor, root))
        recorded = Lowered(graph, len(columns), len(self.parameters), [Average(root)], [])
        if not len(columns):
            # Every term is the same: one instance says it all.
            columns = np.empty((0, 1))
        return Batch(recorded, np.ascontiguousarray(columns), weight)


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
