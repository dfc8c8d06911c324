"""Simplify: fewer nodes with the same numbers.

What is assumed: the sign of a zero does not matter where a zero is dropped from a sum, sums of
products, of more than ``SHORT`` terms, and chains of more than ``LONGEST_CHAIN`` may be rounded in
another order, and ``x ** 2`` is ``x * x`` to the last bit but one. Nothing else changes. Constants
stay where they are written: neither is ``x * 1e-200 * 1e-200`` the product with 0, nor ``x + 1e16 -
1e16`` x. ``0 * x`` stays, as it is nan for an infinite x, and so does ``x - x``. (Elsewhere it is
assumed that a slope that all instances share may be multiplied with the sum of what they report: if
it is infinite, an instance that reports 0 gives no nan. And of 0.0 and -0.0 arrays may take either
for the maximum, the minimum or the sum.)

Afterwards a graph has no ``add``, ``sub`` or ``neg``: there is one n-ary ``sum`` for a chain of
them, however it was written, and ``-x`` is ``-1 * x``.
"""

from __future__ import annotations

import math

from ..core.table import EVERY
from .graph import AFFINE, CONSTANT, Graph
from .lowered import Lowered

ADDITIVE = frozenset({"add", "sub", "neg", "sum"})
SHORT = 3  # So many terms of a sum are added up one by one, in their order.
LONGEST_CHAIN = 8  # So many additions keep the order in which they are written.


def simplify(lowered: Lowered) -> Lowered:
    """Leave out what can be spared."""
    graph = lowered.graph
    counts = graph.consumers(lowered.nodes())
    inside = inside_chains(graph, counts)
    simpler, nodes = Simplifier(), [-1] * len(graph)
    at = nodes.__getitem__

    def make(node: int, name: str) -> int:
        if name in ADDITIVE:
            terms = signed_terms(graph, node, inside)
            new = [(sign, nodes[term]) for sign, term in terms]
            return simpler.total(new) if name == "sum" else simpler.chain(new)
        operands = tuple(map(at, graph.operands[node]))
        return simpler.node(name, operands) if name == AFFINE else simpler.apply(name, operands)

    kept = [count and not within for count, within in zip(counts, inside)]
    graph.rewrite(simpler, kept, make, nodes)
    return lowered.moved(simpler, nodes)


def inside_chains(graph: Graph, counts: list[int], loose: bool = False) -> list[bool]:
    """Which additions are used once, and by another addition: they dissolve in it.

    But what is written in brackets is computed before, ``a - (b - c)``, and so is what a constant
    is added to: it may be there to keep digits, or to round.

    Args:
        graph: the graph.
        counts: how often each node is used.
        loose: whether brackets do not count, as in a matrix product.
    """
    names, operands = graph.names, graph.operands
    others = range(graph.first, len(names))
    constants = {x for x in others if names[x] == CONSTANT and graph.numbers[x] != 0.0}
    free = [
        x
        for x in others
        if names[x] in ADDITIVE and counts[x] and constants.isdisjoint(operands[x])
    ]
    inside, bracketed = [False] * len(graph), [False] * len(graph)
    may_dissolve = {x for x in free if counts[x] == 1}
    for node in reversed(free):
        name = names[node]
        for place, x in enumerate(operands[node]):
            if x in may_dissolve:
                right = place > 0 and name != "sum" and not loose
                bracketed[x] = bracketed[node] if name == "neg" else right
                inside[x] = names[x] == "neg" or not bracketed[x]
    return inside


def signed_terms(graph: Graph, head: int, inside: list[bool]) -> list[tuple[float, int]]:
    """The terms of a chain of additions, from the left, as (1.0 or -1.0, node)."""
    if graph.names[head] == "sum" and not any(map(inside.__getitem__, graph.operands[head])):
        return [(1.0, x) for x in graph.operands[head]]
    terms: list[tuple[float, int]] = []
    stack = [(1.0, head)]
    while stack:
        sign, node = stack.pop()
        if node != head and not inside[node]:
            terms.append((sign, node))
            continue
        name, operands = graph.names[node], graph.operands[node]
        signs = [sign] * len(operands)
        if name in ("sub", "neg"):
            signs[-1] = -sign
        stack.extend(zip(reversed(signs), reversed(operands)))
    return terms


class Simplifier(Graph):
    """A graph whose nodes are simplified as they are made."""

    def apply(self, name: str, operands: tuple[int, ...]) -> int:
        """The simplest node for an operation that is no addition."""
        names, numbers = self.names, self.numbers
        for x in operands:
            if names[x] != CONSTANT:
                break
        else:
            return self.constant(EVERY[name].forward(*[numbers[x] for x in operands]))
        if name == "mul":
            return self.product(*operands)
        x = operands[0]
        if name == "div" and self.is_constant(operands[1], 1.0):
            return x
        if name == "pow" and names[operands[1]] == CONSTANT:
            exponent = numbers[operands[1]]
            if exponent == 0.0:
                return self.constant(1.0)
            if exponent == 1.0:
                return x
            if exponent == 2.0:
                return self.product(x, x)
            if exponent == 3.0:
                return self.product(self.product(x, x), x)
            if exponent == -1.0:
                return self.node("div", (self.constant(1.0), x))
        if name == "where":
            condition, yes, no = operands
            if names[condition] == CONSTANT:
                return no if numbers[condition] == 0.0 else yes
            if yes == no:
                return yes
        if name == "abs" and names[x] == "mul" and self.is_constant(self.operands[x][0], -1.0):
            return self.node("abs", (self.operands[x][1],))
        if name == "stop_gradient":
            return x
        return self.node(name, operands)

    def product(self, x: int, y: int) -> int:
        """The product, with a constant or else the older factor first, and a sign moved inwards."""
        names = self.names
        if names[y] == CONSTANT or (names[x] != CONSTANT and y < x):
            x, y = y, x
        if names[x] != CONSTANT:
            return self.node("mul", (x, y))
        if self.numbers[x] == 1.0:
            return y
        if self.numbers[x] == -1.0 and names[y] == "mul":
            factor, rest = self.operands[y]
            if names[factor] == CONSTANT:
                return self.product(self.constant(-self.numbers[factor]), rest)
        if self.numbers[x] != 1.0 and names[y] == "mul":
            factor, rest = self.operands[y]
            if self.is_constant(factor, -1.0):
                return self.product(self.constant(-self.numbers[x]), rest)
        return self.node("mul", (x, y))

    def total(self, signed: list[tuple[float, int]]) -> int:
        """The sum of signed terms, a zero dropped, and constants of one sign added up."""
        names, numbers = self.names, self.numbers
        terms = [term for term in signed if names[term[1]] != CONSTANT or numbers[term[1]] != 0.0]
        constants = [sign * numbers[x] for sign, x in terms if names[x] == CONSTANT]
        number = EVERY["sum"].forward(*constants) if constants else 0.0
        if len(constants) == len(terms):
            return self.constant(number)
        alike = all(x > 0.0 for x in constants) or all(x < 0.0 for x in constants)
        if len(constants) > 1 and alike and math.isfinite(number):
            terms = [term for term in terms if names[term[1]] != CONSTANT]
            terms.append((1.0, self.constant(number)))
        found = [x if sign > 0.0 else self.negative(x) for sign, x in terms]
        if len(found) == 1:
            return found[0]
        if len(found) != SHORT:
            found.sort()
        return self.node("sum", tuple(found))

    def chain(self, signed: list[tuple[float, int]]) -> int:
        """The same for additions as they are written: a few terms at a time, from the left."""
        first, last = signed[:SHORT], signed[SHORT:]
        if len(signed) > LONGEST_CHAIN:
            return self.total(signed)
        while last:
            first = [(1.0, self.total(first)), *last[: SHORT - 1]]
            del last[: SHORT - 1]
        return self.total(first)

    def negative(self, x: int) -> int:
        """The node of -x."""
        if self.names[x] == CONSTANT:
            return self.constant(-self.numbers[x])
        return self.product(self.constant(-1.0), x)
