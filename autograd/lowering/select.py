"""Select: choose how arrays will compute each sum, and what becomes of the outputs.

A sum of products of invariant numbers and varying ones is an affine form, a row of a matrix
product if others share its varying operands. Short sums are additions and subtractions, long ones
reductions. An output is averaged over the batch, and the average of a product is left to the end,
where many of them make one more matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .graph import CONSTANT, INPUT, PARAMETER, Graph
from .simplify import Simplifier

ONE = "one"
SHORT = 3
WORTHWHILE = 8


@dataclass
class Average:
    """An output: ``scale`` times the average over the batch of products, plus invariant terms.

    Attributes:
        pairs: the varying factors u and v of each product; v is the node ``ONE`` for u alone.
        invariant: the node of the sum of the terms that are the same for every instance, or None.
        scale: a constant factor of both.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)
    invariant: int | None = None
    scale: float = 1.0


@dataclass
class Selection:
    """A graph that is ready to be scheduled, and its outputs.

    Attributes:
        graph: its sums are named ``affine`` (coefficient, operand, coefficient, operand, ...,
            and a bias if the number is odd), ``sum:`` with a sign for each operand, or ``sum``.
        values: averaged outputs.
        gradients: averaged outputs.
        rows: outputs that are wanted for each instance.
        varying: for each node whether it depends on the instance.
        learnt: for each node whether it depends on a parameter.
    """

    graph: Graph
    values: list[Average]
    gradients: list[Average]
    rows: list[int]
    varying: list[bool]
    learnt: list[bool]

    def roots(self) -> list[int]:
        """Every node that an output needs at hand."""
        found = list(self.rows)
        for output in self.values + self.gradients:
            for pair in output.pairs:
                found += pair
            if output.invariant is not None:
                found.append(output.invariant)
        return found


def select(
    graph: Graph, values: Sequence[int], gradients: Sequence[int], rows: Sequence[int]
) -> Selection:
    """Choose for every sum and output of a simplified and expanded graph."""
    return _Selector(graph, [*values, *gradients, *rows]).run(values, gradients, rows)


class _Form:
    """The parts of a varying sum: products with invariant factors, and what is left."""

    __slots__ = ("invariant", "plain", "products")

    def __init__(self) -> None:
        self.products: list[tuple[int, float, int]] = []  # varying, sign, invariant
        self.invariant: list[int] = []
        self.plain: list[int] = []


class _Selector:
    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        self.old = graph
        self.counts = graph.consumers(outputs)
        self.varies = graph.depends_on(INPUT)
        self.learns = graph.depends_on(PARAMETER)
        self.new = Simplifier()
        self.nodes = [-1] * len(graph)
        self.varying: list[bool] = []
        self.learnt: list[bool] = []

    def run(
        self, values: Sequence[int], gradients: Sequence[int], rows: Sequence[int]
    ) -> Selection:
        old, new, nodes = self.old, self.new, self.nodes
        averages = [self.average(node, True) for node in values]
        averages += [self.average(node, False) for node in gradients]
        # What is averaged as a product or as a sum is not needed itself.
        roots = [x for _, terms in averages for term in terms for x in term[:2]] + list(rows)
        reached = old.reachable(roots)
        forms = {
            node: self.form(node)
            for node, name in enumerate(old.names)
            if reached[node] and name == "sum" and self.varies[node]
        }
        accepted = self.worthwhile(forms)
        absorbed = {node for form in accepted.values() for node in form}
        for node, name in enumerate(old.names):
            if name in (INPUT, PARAMETER):
                nodes[node] = new.leaf(name, int(old.numbers[node]))
            elif not reached[node] or node in absorbed:
                continue
            elif name == CONSTANT:
                nodes[node] = new.constant(old.numbers[node])
            elif name == "largest":
                nodes[node] = self.largest(old.operands[node])
            elif name == "sum":
                nodes[node] = self.sum(node, forms.get(node), node in accepted)
            else:
                operands = tuple([nodes[x] for x in old.operands[node]])
                if name == "mul" and new.is_constant(operands[0], -1.0):
                    name, operands = "neg", operands[1:]
                nodes[node] = new.node(name, operands)
            if node in old.labels:
                new.labels.setdefault(nodes[node], old.labels[node])
        one = new.leaf(ONE, 0)
        found = [self.finish(scale, terms, one) for scale, terms in averages]
        return Selection(
            new,
            found[: len(values)],
            found[len(values) :],
            [nodes[node] for node in rows],
            _depends(new, (INPUT, ONE)),
            _depends(new, (PARAMETER,)),
        )

    def average(self, node: int, scalable: bool) -> tuple[float, list[tuple[int, ...]]]:
        """The terms of an output: (u, v) for a product of varying ones, (x,) for another.

        (u, v, -1) is the negative of a product.
        """
        old, scale = self.old, 1.0
        names, operands = old.names, old.operands
        while scalable and self.counts[node] == 1:
            if names[node] == "mul" and names[operands[node][0]] == CONSTANT:
                scale *= old.numbers[operands[node][0]]
                node = operands[node][1]
            elif names[node] == "div" and names[operands[node][1]] == CONSTANT:
                scale /= old.numbers[operands[node][1]]
                node = operands[node][0]
            else:
                break
        dissolves = names[node] == "sum" and self.counts[node] == 1
        terms: list[tuple[int, ...]] = []
        for term in operands[node] if dissolves else (node,):
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

    def finish(self, scale: float, terms: list[tuple[int, ...]], one: int) -> Average:
        output = Average(scale=scale)
        invariant, decided = [], []
        for term in terms:
            u, *others = [self.nodes[x] for x in term[:2]]
            if len(term) == 3:
                u = self.new.node("neg", (u,))
            if others:
                output.pairs.append((u, others[0]))
            elif not self.varies[term[0]]:
                invariant.append(u)
            elif self.learns[term[0]]:
                output.pairs.append((u, one))
            else:
                decided.append(u)
        if decided:  # by the data alone: added up once
            output.pairs.append((self.plain_sum(decided), one))
        if invariant:
            output.invariant = self.plain_sum(invariant)
        return output

    def form(self, node: int) -> _Form:
        old, form = self.old, _Form()
        for term in old.operands[node]:
            if not self.varies[term]:
                form.invariant.append(term)
                continue
            sign, product = 1.0, term
            if old.names[term] == "mul" and old.is_constant(old.operands[term][0], -1.0):
                sign, product = -1.0, old.operands[term][1]
            if (
                self.counts[term] == 1
                and self.counts[product] == 1
                and old.names[product] == "mul"
                and not old.is_constant(old.operands[product][0], -1.0)
            ):
                x, y = old.operands[product]
                if self.varies[x] != self.varies[y]:
                    form.products.append((y, sign, x) if self.varies[y] else (x, sign, y))
                    continue
            form.plain.append(term)
        return form

    def worthwhile(self, forms: dict[int, _Form]) -> dict[int, list[int]]:
        """The sums to be affine forms, each with the products that it absorbs.

        A matrix product pays where it is large. A few small ones are easier to read as such, but a
        graph of many that share nothing is quicker as a few long elementwise operations.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for node, form in forms.items():
            if form.products:
                form.products.sort()
                groups.setdefault(tuple([x for x, _, _ in form.products]), []).append(node)
        small = sum(len(key) * len(members) < WORTHWHILE for key, members in groups.items())
        accepted: dict[int, list[int]] = {}
        for key, members in groups.items():
            size = len(key) * len(members)
            if size >= WORTHWHILE or (small <= WORTHWHILE and len(key) > 1):
                for node in members:
                    taken = [x for x in self.old.operands[node] if self.varies[x]]
                    plain = set(forms[node].plain)
                    products = [x for x in taken if x not in plain]
                    negated = [
                        self.old.operands[x][1]
                        for x in products
                        if self.old.is_constant(self.old.operands[x][0], -1.0)
                    ]
                    accepted[node] = products + negated
        return accepted

    def sum(self, node: int, form: _Form | None, affine: bool) -> int:
        nodes, new = self.nodes, self.new
        if form is None:
            return self.plain_sum([nodes[x] for x in self.old.operands[node]])
        if not affine:
            # Rows and single numbers are not reduced together.
            result = self.plain_sum([nodes[x] for x in self.old.operands[node] if self.varies[x]])
            if form.invariant:
                result = self.plain_sum(
                    [result, self.plain_sum([nodes[x] for x in form.invariant])]
                )
            return result
        operands = []
        for x, sign, coefficient in form.products:
            factor = nodes[coefficient]
            if sign < 0.0:
                negative = new.product(new.constant(-1.0), factor)
                factor = negative if new.names[negative] == CONSTANT else new.node("neg", (factor,))
            operands += [factor, nodes[x]]
        if form.invariant:
            operands.append(self.plain_sum([nodes[x] for x in form.invariant]))
        result = new.node("affine", tuple(operands))
        if form.plain:
            result = self.plain_sum([*(nodes[x] for x in form.plain), result])
        return result

    def largest(self, operands: tuple[int, ...]) -> int:
        """The largest of rows, and of single numbers, which are not reduced together."""
        found = []
        for kind in (True, False):
            alike = [self.nodes[x] for x in operands if self.varies[x] == kind]
            if alike:
                found.append(
                    alike[0] if len(alike) == 1 else self.new.node("largest", tuple(alike))
                )
        return found[0] if len(found) == 1 else self.new.node("maximum", tuple(found))

    def plain_sum(self, terms: list[int]) -> int:
        """A sum by additions and subtractions if it is short, else a reduction."""
        new = self.new
        if len(terms) == 1:
            return terms[0]
        if len(terms) > SHORT:
            return new.node("sum", tuple(terms))
        signed = [(new.names[x] != "neg", x) for x in terms]
        signed.sort(key=lambda term: not term[0])
        if not signed[0][0]:
            signed[0] = (True, signed[0][1])
        signs = "".join("+" if positive else "-" for positive, _ in signed)
        operands = [x if positive else new.operands[x][0] for positive, x in signed]
        return new.node(f"sum:{signs}", tuple(operands))


def _depends(graph: Graph, kinds: tuple[str, ...]) -> list[bool]:
    found: list[bool] = []
    for name, operands in zip(graph.names, graph.operands):
        found.append(name in kinds or any(found[x] for x in operands))
    return found
