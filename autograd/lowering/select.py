"""Select: choose how arrays will compute each sum, and what becomes of the outputs.

Short sums are additions and subtractions, long ones reductions, and rows and single numbers are
not added up together. An output is averaged over the batch, and the average of a product is left
to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .differentiate import ONE_COLUMN, Outer
from .graph import AFFINE, CONSTANT, INPUT, PARAMETER, Graph
from .simplify import Simplifier

ONE = "one"
SHORT = 3


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
class Outputs:
    """What a program is to compute, as nodes.

    Attributes:
        values: to be averaged.
        gradients: to be averaged, by their positions.
        outers: averaged products, which are added to the gradients.
        rows: wanted for each instance.
    """

    values: list[int]
    gradients: dict[int, int]
    outers: list[Outer]
    rows: list[int]

    def nodes(self) -> list[int]:
        """All of them in one list."""
        found = [*self.values, *self.gradients.values(), *self.rows]
        for outer in self.outers:
            found += outer.rows
            found += [x for x in outer.columns if x != ONE_COLUMN]
        return found

    def renamed(self, nodes: Sequence[int]) -> Outputs:
        """The same with other numbers, which are in the order of ``nodes()``."""
        new = iter(nodes)
        values = [next(new) for _ in self.values]
        gradients = {position: next(new) for position in self.gradients}
        rows = [next(new) for _ in self.rows]
        outers = []
        for outer in self.outers:
            u = [next(new) for _ in outer.rows]
            v = [x if x == ONE_COLUMN else next(new) for x in outer.columns]
            outers.append(Outer(u, v, outer.positions))
        return Outputs(values, gradients, outers, rows)


@dataclass
class Selection:
    """A graph that is ready to be scheduled, and its outputs.

    Attributes:
        graph: its sums are named ``affine``, ``sum:`` with a sign for each operand, or ``sum``.
        one: the node that is 1 for every instance.
        values: averaged outputs.
        gradients: averaged outputs, by their positions.
        outers: averaged products; columns of ones are the node ``one``.
        rows: outputs that are wanted for each instance.
        varying: for each node whether it depends on the instance.
        learnt: for each node whether it depends on a parameter.
    """

    graph: Graph
    one: int
    values: list[Average]
    gradients: dict[int, Average]
    outers: list[Outer]
    rows: list[int]
    varying: list[bool]
    learnt: list[bool]

    def roots(self) -> list[int]:
        """Every node that an output needs at hand."""
        found = list(self.rows)
        for output in [*self.values, *self.gradients.values()]:
            for pair in output.pairs:
                found += pair
            if output.invariant is not None:
                found.append(output.invariant)
        for outer in self.outers:
            found += outer.rows + outer.columns
        return found


def select(graph: Graph, outputs: Outputs) -> Selection:
    """Choose for every sum and output of a simplified and expanded graph."""
    return _Selector(graph, outputs).run()


class _Selector:
    def __init__(self, graph: Graph, outputs: Outputs) -> None:
        self.old, self.outputs = graph, outputs
        self.counts = graph.consumers(outputs.nodes())
        self.varies = graph.depends_on(INPUT)
        self.learns = graph.depends_on(PARAMETER)
        self.new = Simplifier()
        self.nodes = [-1] * len(graph)
        self.one = -1

    def run(self) -> Selection:
        old, new, nodes, outputs = self.old, self.new, self.nodes, self.outputs
        values = [self.average(node, True) for node in outputs.values]
        gradients = [self.average(node, False) for node in outputs.gradients.values()]
        # What is averaged as a product or as a sum is not needed itself.
        roots = [x for _, terms in values + gradients for term in terms for x in term[:2]]
        kept = Outputs([], {}, outputs.outers, outputs.rows)
        reached = old.reachable(roots + kept.nodes())
        for node, name in enumerate(old.names):
            if name in (INPUT, PARAMETER):
                nodes[node] = new.leaf(name, int(old.numbers[node]))
        self.one = new.leaf(ONE, 0)
        for node, name in enumerate(old.names):
            if not reached[node]:
                continue
            if name == CONSTANT:
                nodes[node] = new.constant(old.numbers[node])
            elif name not in (INPUT, PARAMETER):
                nodes[node] = self.operation(node, name)
            if node in old.labels:
                new.labels.setdefault(nodes[node], old.labels[node])
        averages = [self.finish(*average) for average in values + gradients]
        kept = kept.renamed([nodes[x] for x in kept.nodes()])
        for old_outer, outer in zip(outputs.outers, kept.outers):
            outer.rows = [self.row(x, y) for x, y in zip(old_outer.rows, outer.rows)]
            outer.columns = [
                self.one if x == ONE_COLUMN else self.row(x, y)
                for x, y in zip(old_outer.columns, outer.columns)
            ]
        return Selection(
            new,
            self.one,
            averages[: len(values)],
            dict(zip(outputs.gradients, averages[len(values) :])),
            kept.outers,
            kept.rows,
            _depends(new, (INPUT, ONE)),
            _depends(new, (PARAMETER,)),
        )

    def operation(self, node: int, name: str) -> int:
        """The new node of an operation."""
        old, new, nodes = self.old, self.new, self.nodes
        operands = old.operands[node]
        if name == AFFINE:
            rows = [self.row(x, nodes[x]) for x in operands[1::2]]
            coefficients = [nodes[x] for x in operands[::2]]
            pairs = [x for pair in zip(coefficients, rows) for x in pair]
            return new.node(name, tuple(pairs + coefficients[len(rows) :]))
        if name in ("largest", "sum"):
            alike = [[nodes[x] for x in operands if self.varies[x] == kind] for kind in (1, 0)]
            combine = self.plain_sum if name == "sum" else self.largest
            found = [combine(x) for x in alike if x]
            if len(found) == 1:
                return found[0]
            return combine(found) if name == "sum" else new.node("maximum", tuple(found))
        if name == "mul" and old.is_constant(operands[0], -1.0):
            return new.node("neg", (nodes[operands[1]],))
        return new.node(name, tuple([nodes[x] for x in operands]))

    def row(self, old: int, new: int) -> int:
        """A node as one that varies."""
        return new if self.varies[old] else self.new.node("mul", (new, self.one))

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

    def finish(self, scale: float, terms: list[tuple[int, ...]]) -> Average:
        """The output with these terms."""
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
                output.pairs.append((u, self.one))
            else:
                decided.append(u)
        if decided:  # by the data alone: added up once
            output.pairs.append((self.plain_sum(decided), self.one))
        if invariant:
            output.invariant = self.plain_sum(invariant)
        return output

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
