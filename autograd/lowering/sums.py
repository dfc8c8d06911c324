"""Sums: choose how arrays will compute each sum, and what becomes of the outputs.

Short sums are additions and subtractions as they are written, long ones reductions, for which rows
and single numbers are added up apart. An output is averaged over the batch, and the average of a
product is left to the end.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .graph import AFFINE, CONSTANT, INPUT, ONE, PARAMETER
from .lowered import Average, Lowered
from .simplify import SHORT, Simplifier

# Between these a constant factor of all instances may be that of their average instead.
ORDINARY = 2.0**-10, 2.0**10


def choose_sums(lowered: Lowered) -> Lowered:
    """Choose for every sum and average of a simplified and expanded graph.

    Sums are then named ``affine``, ``sum:`` with a sign for each operand, or ``sum``.
    """
    return _Chooser(lowered).run()


class _Chooser:
    def __init__(self, lowered: Lowered) -> None:
        self.lowered, self.old = lowered, lowered.graph
        self.counts = self.old.consumers(lowered.nodes())
        self.varies = self.old.depends_on(INPUT, ONE)
        self.learns = self.old.depends_on(PARAMETER)
        self.new = Simplifier()
        self.nodes = [-1] * len(self.old)
        self.new.begin(lowered.inputs, lowered.parameters)
        self.one = self.new.leaf(ONE)

    def run(self) -> Lowered:
        lowered, old, new, nodes = self.lowered, self.old, self.new, self.nodes
        values = [self.average(x, True) for x in lowered.values]
        gradients = [self.average(x, False) for x in lowered.gradients.values()]
        # What is averaged as a product or as a sum is not needed itself.
        taken = [x for _, terms in values + gradients for term in terms for x in term[:2]]
        kept = replace(lowered, values=[], gradients={})
        old.rewrite(new, old.reachable(taken + kept.nodes()), self.operation, nodes)
        averages = [self.finish(*average) for average in values + gradients]
        kept = kept.moved(new, nodes)
        for old_outer, outer in zip(lowered.outers, kept.outers):
            outer.rows[:] = map(self.row, old_outer.rows)
            outer.columns[:] = map(self.row, old_outer.columns)
        return replace(
            kept,
            values=averages[: len(values)],
            gradients=dict(zip(lowered.gradients, averages[len(values) :])),
        )

    def operation(self, node: int, name: str) -> int:
        """The new node of an operation."""
        old, new, varies, at = self.old, self.new, self.varies, self.nodes.__getitem__
        operands = old.operands[node]
        if name == AFFINE:
            made = list(map(at, operands))
            made[1::2] = [at(x) if varies[x] else self.row(x) for x in operands[1::2]]
            return new.node(name, tuple(made))
        if name in ("largest", "sum"):
            if name == "sum" and len(operands) <= SHORT:
                if len(operands) == 2 and varies[operands[1]] and not varies[operands[0]]:
                    operands = operands[::-1]  # which makes no difference
                return self.plain_sum(list(map(at, operands)))
            alike = [[at(x) for x in operands if varies[x] == vary] for vary in (1, 0)]
            combine = self.plain_sum if name == "sum" else self.largest
            found = [combine(x) for x in alike if x]
            if len(found) == 1:
                return found[0]
            return combine(found) if name == "sum" else new.node("maximum", tuple(found))
        if name == "mul" and old.is_constant(operands[0], -1.0):
            return new.node("neg", (at(operands[1]),))
        return new.node(name, tuple(map(at, operands)))

    def row(self, node: int) -> int:
        """The new node of one, which varies."""
        new = self.nodes[node]
        return new if self.varies[node] else self.new.node("mul", (new, self.one))

    def average(self, output: Average, scalable: bool) -> tuple[float, list[tuple[int, ...]]]:
        """The terms of an output: (u, v) for a product of varying ones, (x,) for another.

        (u, v, -1) is the negative of a product.
        """
        old, scale, node = self.old, 1.0, output.rest
        assert node is not None  # No pass before this one takes products out.
        names, operands = old.names, old.operands
        while scalable and self.counts[node] == 1:
            if names[node] == "mul" and names[operands[node][0]] == CONSTANT:
                constant, rest = operands[node]
                scaled = scale * old.numbers[constant]
            elif names[node] == "div" and names[operands[node][1]] == CONSTANT:
                rest, constant = operands[node]
                # What is not ordinary will not be taken, and 0 is no divisor.
                scaled = scale / (old.numbers[constant] or math.inf)
            else:
                break
            if not ORDINARY[0] <= abs(scaled) <= ORDINARY[1]:
                break
            scale, node = scaled, rest
        terms: list[tuple[int, ...]] = []
        for term in self.terms(node, scalable):
            product = term
            if names[term] == "mul" and old.is_constant(operands[term][0], -1.0):
                product = operands[term][1]
            if names[product] == "mul" and self.counts[term] == self.counts[product] == 1:
                x, y = sorted(operands[product], key=self.learns.__getitem__)
                # A sign goes with a factor that the data alone decide, or the term stays whole.
                if self.varies[x] and self.varies[y]:
                    if product == term:
                        terms.append((x, y))
                        continue
                    if not self.learns[x]:
                        terms.append((x, y, -1))
                        continue
            terms.append((term,))
        return scale, terms

    def terms(self, node: int, is_value: bool) -> tuple[int, ...]:
        """The terms of an output that are averaged each by itself.

        A value of three terms, or with a constant, is added up first, as it is written; but if all
        are products, these are summed over the batch at once.
        """
        old, terms = self.old, self.old.operands[node]
        if old.names[node] != "sum" or self.counts[node] > 1:
            return (node,)
        products = all(old.names[x] == "mul" and self.counts[x] == 1 for x in terms)
        kept = is_value and (len(terms) == SHORT or old.adds_constant(node))
        return (node,) if kept and not products else terms

    def finish(self, scale: float, terms: list[tuple[int, ...]]) -> Average:
        """The output with these terms."""
        pairs, invariant, decided = [], [], []
        for term in terms:
            u, *others = [self.nodes[x] for x in term[:2]]
            if len(term) == 3:
                u = self.new.node("neg", (u,))
            if others:
                pairs.append((u, others[0]))
            elif not self.varies[term[0]]:
                invariant.append(u)
            elif self.learns[term[0]]:
                pairs.append((u, self.one))
            else:
                decided.append(u)
        if decided:  # by the data alone: added up once
            pairs.append((self.plain_sum(decided), self.one))
        return Average(self.plain_sum(invariant) if invariant else None, pairs, scale)

    def largest(self, operands: list[int]) -> int:
        """The largest of rows, or of single numbers."""
        return operands[0] if len(operands) == 1 else self.new.node("largest", tuple(operands))

    def plain_sum(self, terms: list[int]) -> int:
        """A sum by additions and subtractions if it is short, else a reduction."""
        new = self.new
        if len(terms) == 1:
            return terms[0]
        if len(terms) > SHORT:
            return new.node("sum", tuple(terms))
        signed = [(new.names[x] != "neg", x) for x in terms]
        if not signed[0][0] and signed[1][0]:
            signed[:2] = reversed(signed[:2])
        if not signed[0][0]:
            signed[0] = (True, signed[0][1])
        signs = "".join("+" if positive else "-" for positive, _ in signed)
        operands = [x if positive else new.operands[x][0] for positive, x in signed]
        return new.node(f"sum:{signs}", tuple(operands))
