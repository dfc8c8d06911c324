"""Write the functions that the tables call, two for each kind at most.

A kind is a small graph, which the passes for graphs simplify and take apart; what it computes is
the next call's, so that a line is written for each of its nodes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ...core.table import EVERY
from ..arrays import NUMPY_REDUCTIONS, expand, numpy_call
from ..graph import CONSTANT, INPUT, Expression, Graph, as_node
from ..lowered import Lowered
from ..numpy_views import literal
from ..simplify import simplify
from .kinds import LIFT, Functions, Kind

REDUCTIONS = {
    "sum": "add.reduce({x}, axis=1)",
    "softmax_shift": "maximum.reduce({x}, axis=1)",
    **{name: f"{name}({{x}}, axis=1)" for name in NUMPY_REDUCTIONS},
}


def write(functions: Functions) -> str:
    """The source: two functions for each kind, and the loop that calls them by the tables."""
    texts = [_HEADER]
    for (kind, one, what), name in functions.items():
        arguments, body = (_backward if what else _forward)(kind, one)
        texts.append(f"def {name}({', '.join(arguments)}):\n{body}")
    texts += [_TOTALS.format(buffer=buffer) for buffer in ("rows", "single")]
    return "\n\n".join([*texts, _LOOP])


_HEADER = """\
# rows and single hold the nodes: those that vary with the instance, and those that do not. d_rows
# and d_single hold their derivatives. A function is for a group of nodes of one kind: it computes z
# from x and y, or from dz what is reported to x and y. Tables say which rows, level by level.
"""
_TOTALS = """\
def take_one_{buffer}(dz, report):
    d_{buffer}[dz] = d_{buffer}[report]


def take_{buffer}(dz, n, reports):
    d_{buffer}.take(reports, axis=0, out=d_{buffer}[dz], mode="clip")


def add_{buffer}(dz, n, reports):  # what n consumers report, added up
    reported = d_{buffer}.take(reports, axis=0).reshape(-1, n, d_{buffer}.shape[1])
    d_{buffer}[dz] = add.reduce(reported, axis=1)
"""
_LOOP = """\
def run(functions, arguments):
    for function, rows in zip(functions, arguments):
        function(*rows)
"""


@functools.cache
def _forward(kind: Kind, one: bool) -> tuple[list[str], str]:
    """The arguments and the lines of the function that computes z."""
    out = "rows" if kind.varies else "single"
    if kind.variadic:
        x = f"{out}.take(x, axis=0).reshape(-1, n, {out}.shape[1])"
        call = REDUCTIONS[kind.name].format(x=x)
        return ["z", "n", "x"], f"    {out}[z] = {call}\n"
    graph, leaves = Graph(), _leaves(kind)
    operands = [graph.leaf(INPUT, i + 1) for i in range(len(leaves))]
    texts = _operands(kind, one)
    root = operands[0] if kind.name == LIFT else _apply(graph, kind, operands)
    body = _Body(graph, [root], {i + 1: x for i, x in enumerate(texts)})
    body.store(0, f"{out}[z]")
    return ["z", *leaves], body.text()


@functools.cache
def _backward(kind: Kind, one: bool) -> tuple[list[str], str]:
    """The arguments and the lines of the function that makes reports of dz."""
    buffer = "rows" if kind.varies else "single"
    graph = Graph()
    leaves = _leaves(kind)
    shared = EVERY[kind.name].of_all if kind.variadic else ()
    z = Expression(graph, graph.leaf(INPUT, 0))
    operands: list[Any] = [Expression(graph, graph.leaf(INPUT, i + 1)) for i in range(len(leaves))]
    if kind.exponent is not None:
        operands[1] = kind.exponent
    gradient = Expression(graph, graph.leaf(INPUT, len(leaves) + 1))
    texts = {0: f"{buffer}[z]", len(leaves) + 1: f"d_{buffer}[dz]"}
    texts |= {i + 1: x for i, x in enumerate(_operands(kind, one))}
    if kind.variadic:
        texts[0] = f"{buffer}[z][:, None]"
        texts[1] = f"{buffer}.take(x, axis=0).reshape(-1, n, {buffer}.shape[1])"
        texts[len(leaves) + 1] = f"d_{buffer}[dz][:, None]"
        for k, (_, row) in enumerate(shared, start=len(leaves) + 2):
            texts[k] = f"{REDUCTIONS[row].format(x=texts[1])}[:, None]"
    outputs, targets = [], []
    for place, wanted in enumerate(kind.wanted):
        if wanted and not kind.passes_on(place):
            rule = kind.rule(place)
            arguments = operands
            if kind.variadic:
                places = range(len(leaves) + 2, len(leaves) + 2 + len(shared))
                arguments = [
                    operands[0],
                    *(Expression(graph, graph.leaf(INPUT, k)) for k in places),
                ]
            partial = rule(z, *arguments) if callable(rule) else rule
            report = gradient * partial if partial != 1.0 else gradient
            outputs.append(as_node(graph, report))
            targets.append(place)
    body = _Body(graph, outputs, texts)
    for i, place in enumerate(targets):
        target = f"d{leaves[place]}"
        if kind.variadic:
            body.store(i, f"d_{buffer}[{target}]", reshape=f".reshape(-1, {buffer}.shape[1])")
        elif kind.varies and not kind.operands[place]:
            body.add(i, f"d_single[{target}]")
        else:
            body.store(i, f"d_{'rows' if kind.operands[place] else 'single'}[{target}]")
    counted = ["n"] if kind.variadic else []
    reports = [f"d{leaves[place]}" for place in targets]
    return ["z", *counted, *leaves, "dz", *reports], body.text()


def _leaves(kind: Kind) -> list[str]:
    letters = "x" if kind.name == LIFT else EVERY[kind.name].letters
    return list(letters[: len(kind.operands)])


def _operands(kind: Kind, one: bool) -> list[str]:
    texts = []
    for letter, varies in zip(_leaves(kind), kind.operands):
        buffer = "rows" if varies else "single"
        texts.append(f"{buffer}[{letter}]" if one else f"{buffer}.take({letter}, axis=0)")
    if kind.exponent is not None:
        texts[1] = repr(kind.exponent)
    return texts


def _apply(graph: Graph, kind: Kind, operands: list[int]) -> int:
    if kind.exponent is not None:
        operands = [operands[0], graph.constant(kind.exponent)]
    return graph.node(kind.name, tuple(operands))


class _Body:
    """The lines of a function: the nodes of a small graph, each computed once."""

    def __init__(self, graph: Graph, outputs: Sequence[int], texts: dict[int, str]) -> None:
        lowered = expand(simplify(Lowered(graph, 0, 0, [], list(outputs))))
        self.graph, self.outputs, self.lines = lowered.graph, lowered.rows, list[str]()
        self.counts = self.graph.consumers(self.outputs)
        self.found: dict[int, str] = {}
        self.texts = texts
        self.new = 0

    def name(self, node: int) -> str:
        """What to write for a node, which is computed first if it has not been."""
        graph = self.graph
        if node not in self.found:
            if graph.names[node] == INPUT:
                text = self.texts[int(graph.numbers[node])]
                if self.counts[node] > 1 and "take" in text:
                    text = self.line(text)
                self.found[node] = text
            elif graph.names[node] == CONSTANT:
                self.found[node] = literal(graph.numbers[node])
            else:
                self.found[node] = self.line(self.call(node))
        return self.found[node]

    def line(self, expression: str) -> str:
        self.new += 1
        self.lines.append(f"t{self.new} = {expression}")
        return f"t{self.new}"

    def call(self, node: int, out: str = "") -> str:
        graph = self.graph
        name, operands = graph.names[node], graph.operands[node]
        out = f", out={out}" if out else ""
        if name != "sum":
            return f"{numpy_call(name)}({', '.join(map(self.name, operands))}{out})"
        signed = [
            (graph.names[x] == "mul" and graph.is_constant(graph.operands[x][0], -1.0), x)
            for x in operands
        ]
        (_, first), *rest = sorted(signed)
        text = self.name(first)
        names = [self.name(graph.operands[x][1] if minus else x) for minus, x in rest]
        for i, ((minus, _), x) in enumerate(zip(rest, names), 1):
            last = out if i == len(rest) else ""
            text = f"{'subtract' if minus else 'add'}({text}, {x}{last})"
        return text

    def store(self, i: int, target: str, reshape: str = "") -> None:
        node = self.outputs[i]
        computed = bool(self.graph.operands[node]) and node not in self.found
        if computed and self.counts[node] == 1 and not reshape:
            self.lines.append(self.call(node, target))
        else:
            self.lines.append(f"{target} = {self.name(node)}{reshape}")

    def add(self, i: int, target: str) -> None:
        name = self.name(self.outputs[i])
        self.lines.append(f"{target} += add.reduce({name}, axis=-1, keepdims=True)")

    def text(self) -> str:
        return "".join([f"    {line}\n" for line in self.lines])
