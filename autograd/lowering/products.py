"""Products: find the matrix products in a recorded graph, before it is differentiated.

A sum of products of invariant numbers and varying ones is an affine form, and forms of the same
varying operands are the rows of one matrix product. Found this early, a product is differentiated
as a whole: by two more matrix products, and not factor by factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .graph import AFFINE, INPUT, PARAMETER, Graph
from .lowered import Lowered
from .simplify import ADDITIVE, inside_chains, signed_terms

WORTHWHILE = 8


@dataclass
class _Form:
    """The terms of a varying sum: products with invariant factors, and what is left, with signs."""

    products: list[tuple[int, int, float]] = field(default_factory=list)
    invariant: list[tuple[float, int]] = field(default_factory=list)
    plain: list[tuple[float, int]] = field(default_factory=list)

    def operands(self) -> list[int]:
        """The nodes that it is made of."""
        found = [x for _, x in self.invariant + self.plain]
        for x, coefficient, _ in self.products:
            found += (x, coefficient)
        return found


def find_products(lowered: Lowered) -> Lowered:
    """Put affine forms in place of sums of products, where they make matrix products.

    The operands of an ``affine`` node are a coefficient, what it is multiplied with, the next
    coefficient, and so on, and last a bias if there is one.
    """
    graph, outputs = lowered.graph, lowered.nodes()
    counts = graph.consumers(outputs)
    varies = graph.depends_on(INPUT)
    inside = inside_chains(graph, counts, loose=True)
    forms = _worthwhile(
        {
            node: form
            for node in range(graph.first, len(graph))
            if graph.names[node] in ADDITIVE
            and counts[node]
            and varies[node]
            and not inside[node]
            and len((form := _form(graph, node, inside, counts, varies)).products)
        }
    )
    return lowered.moved(*_rebuild(graph, outputs, forms)) if forms else lowered


def _form(
    graph: Graph, node: int, inside: list[bool], counts: list[int], varies: list[bool]
) -> _Form:
    names, operands = graph.names, graph.operands
    form = _Form()
    for sign, term in signed_terms(graph, node, inside):
        if not varies[term]:
            form.invariant.append((sign, term))
            continue
        if names[term] == "mul" and counts[term] == 1:
            x, y = operands[term]
            if varies[x] != varies[y]:
                form.products.append((y, x, sign) if varies[y] else (x, y, sign))
                continue
        form.plain.append((sign, term))
    form.products.sort()
    return form


def _worthwhile(forms: dict[int, _Form]) -> dict[int, _Form]:
    """The sums to be affine forms.

    A matrix product pays where it is large. A few small ones are easier to read as such, but a
    graph of many that share nothing is quicker as a few long elementwise operations.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for node, form in forms.items():
        groups.setdefault(tuple([x for x, _, _ in form.products]), []).append(node)
    sizes = [len(key) * len(members) for key, members in groups.items()]
    few = sum(size < WORTHWHILE for size in sizes) <= WORTHWHILE
    return {
        node: forms[node]
        for size, (key, members) in zip(sizes, groups.items())
        if size >= WORTHWHILE or (few and len(key) > 1)
        for node in members
    }


def _rebuild(
    graph: Graph, outputs: Sequence[int], forms: dict[int, _Form]
) -> tuple[Graph, list[int]]:
    """The graph with these forms, and without what only they were made of."""
    kept = [False] * len(graph)
    for output in outputs:
        kept[output] = True
    for node in range(len(graph) - 1, graph.first - 1, -1):
        if kept[node]:
            form = forms.get(node)
            for x in graph.operands[node] if form is None else form.operands():
                kept[x] = True
    new, nodes = Graph(), [-1] * len(graph)
    at = nodes.__getitem__

    def make(node: int, name: str) -> int:
        if node in forms:
            return _affine(new, forms[node], nodes)
        return new.node(name, tuple(map(at, graph.operands[node])))

    graph.rewrite(new, kept, make, nodes)
    return new, nodes


def _affine(new: Graph, form: _Form, nodes: list[int]) -> int:
    def signed(sign: float, node: int) -> int:
        return node if sign > 0.0 else new.node("neg", (node,))

    operands = []
    for x, coefficient, sign in form.products:
        operands += [signed(sign, nodes[coefficient]), nodes[x]]
    invariant = [signed(sign, nodes[x]) for sign, x in form.invariant]
    biases = [x for x in invariant if new.names[x] == PARAMETER]
    rest = [signed(sign, nodes[x]) for sign, x in form.plain]
    if len(biases) == 1:
        # Such a bias is a column of the parameters' matrix, but not with more added to it.
        rest += [x for x in invariant if x not in biases]
    elif len(invariant) > 1:
        biases = [new.node("sum", tuple(invariant))]
    else:
        biases = invariant
    result = new.node(AFFINE, (*operands, *biases))
    return new.node("sum", (result, *rest)) if rest else result
