"""What travels from pass to pass: a graph, and what is wanted of it.

Every pass takes a ``Lowered`` and gives another that computes the same numbers; printed, it is what
``Program.stages`` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeVar

from ..text import Text, counted, ends, escape, plain
from .graph import AFFINE, CONSTANT, LEAVES, ONE, Graph

T = TypeVar("T")
UNWANTED = -1
LONGEST = 8  # terms that a line shows
COMMENT_COLUMN = 28


class Request(Enum):
    """What is asked of a batch."""

    STEP = "averages, their derivatives, and what is observed"
    VALUES = "averages alone"
    ROWS = "a number for each instance"

    __hash__ = object.__hash__  # quicker than that of its name


@dataclass(frozen=True)
class Average:
    """An output: ``scale`` times the average over the batch of a rest and of products.

    Attributes:
        rest: a node, or None; where products are taken out it does not vary.
        pairs: the varying factors u and v of each product; v is the node ``ONE`` for u alone.
        scale: a constant factor of all.
    """

    rest: int | None = None
    pairs: list[tuple[int, int]] = field(default_factory=list)
    scale: float = 1.0

    def nodes(self) -> list[int]:
        """The nodes that it is made of."""
        found = [x for pair in self.pairs for x in pair]
        return found if self.rest is None else [*found, self.rest]

    def text(self) -> str:
        """A formula: ``0.5 * mean of v8 * v8 + v9``."""
        terms = [f"{_v(u)} * {_v(v)}" for u, v in self.pairs]
        terms += [] if self.rest is None else [_v(self.rest)]
        scale = "" if self.scale == 1.0 else f"{plain(self.scale)} * "
        return f"{scale}mean of {' + '.join(ends(terms, LONGEST)) or '0'}"


@dataclass(frozen=True)
class Outer:
    """Derivatives u_i v_j for every i and j, to be averaged: a matrix product over the batch.

    Attributes:
        rows: the nodes u_i.
        columns: the nodes v_j; the last may be ``ONE``.
        positions: for each i and j which derivative this is a part of, or ``UNWANTED``; no two are
            the same.
    """

    rows: list[int]
    columns: list[int]
    positions: list[list[int]]


@dataclass(frozen=True)
class Lowered:
    """A graph, and what is to be computed of it.

    Attributes:
        graph: the nodes.
        inputs: how many inputs there are.
        parameters: how many parameters.
        values: to be averaged, K of them.
        rows: the nodes that are wanted for each instance.
        derivatives: how many there are, K times the parameters; 0 where none are wanted.
        gradients: averages to be added to the derivatives, by their positions.
        outers: averaged products, likewise.
    """

    graph: Graph
    inputs: int
    parameters: int
    values: list[Average]
    rows: list[int]
    derivatives: int = 0
    gradients: dict[int, Average] = field(default_factory=dict)
    outers: list[Outer] = field(default_factory=list)

    def nodes(self) -> list[int]:
        """Every node that an output needs at hand."""
        found = list(self.rows)
        for average in [*self.values, *self.gradients.values()]:
            found += average.nodes()
        for outer in self.outers:
            found += outer.rows + outer.columns
        return found

    def reached(self) -> list[bool]:
        """For each node of the graph whether an output depends on it."""
        return self.graph.reachable(self.nodes())

    def moved(self, graph: Graph, nodes: Sequence[int]) -> Lowered:
        """The same outputs in another graph, in which node i is ``nodes[i]``."""

        def average(old: Average) -> Average:
            rest = None if old.rest is None else nodes[old.rest]
            return Average(rest, [(nodes[u], nodes[v]) for u, v in old.pairs], old.scale)

        return replace(
            self,
            graph=graph,
            values=[average(x) for x in self.values],
            rows=[nodes[x] for x in self.rows],
            gradients={position: average(x) for position, x in self.gradients.items()},
            outers=[
                Outer([nodes[x] for x in o.rows], [nodes[x] for x in o.columns], o.positions)
                for o in self.outers
            ],
        )

    def only(self, request: Request) -> Lowered:
        """The part that a request asks for, before products are taken out of the averages."""
        if request is Request.STEP:
            return self
        less = replace(self, derivatives=0, gradients={}, outers=[])
        if request is Request.VALUES:
            return replace(less, rows=[])
        return replace(less, values=[], rows=[x for value in self.values for x in value.nodes()])

    # As text ------------------------------------------------------------------------------------

    def text(self, most: int = 40) -> Text:
        """A line for each node that matters, and for each output; of many the ends."""
        nodes = [node for node, reached in enumerate(self.reached()) if reached]
        outputs = list(self._outputs())
        return Text("\n".join([*_ends(nodes, most, self._node), *_ends(outputs, most, str)]))

    def _node(self, node: int) -> str:
        graph = self.graph
        name, operands = graph.names[node], graph.operands[node]
        terms = ends(operands, LONGEST, _v)
        if name == CONSTANT:
            text = plain(graph.numbers[node])
        elif name in LEAVES:
            text = name if name == ONE else f"{name} {graph.numbers[node]:.0f}"
        elif name == AFFINE:
            products = [f"{_v(c)} * {_v(x)}" for c, x in zip(operands[::2], operands[1::2])]
            bias = [_v(operands[-1])] if len(operands) % 2 else []
            text = " + ".join(ends([*products, *bias], LONGEST))
        elif name.startswith("sum:"):
            signed = [f" {sign} {x}" for sign, x in zip(name[4:], terms)]
            text = "".join(signed).removeprefix(" + ")
        else:
            text = f"{name.removesuffix('~1')}({', '.join(terms)})"
        line, label = f"{_v(node)} = {text}", escape(graph.labels.get(node, ""))
        return f"{line:<{COMMENT_COLUMN}}  # {label}" if label else line

    def _outputs(self) -> Iterator[str]:
        for k, value in enumerate(self.values):
            yield f"value {k} = {value.text()}"
        for position, gradient in self.gradients.items():
            yield f"derivative {position} += {gradient.text()}"
        for outer in self.outers:
            positions = [str(x) for row in outer.positions for x in row if x != UNWANTED]
            u, v = (", ".join(ends(x, LONGEST, _v)) for x in (outer.rows, outer.columns))
            places = f"derivatives {', '.join(ends(positions, LONGEST))}"
            yield f"{places} += mean of [{u}] times [{v}]"
        for i, row in enumerate(self.rows):
            yield f"row {i} = {_v(row)}"


def _v(node: int) -> str:
    return f"v{node}"


def _ends(items: Sequence[T], most: int, line: Callable[[T], str]) -> list[str]:
    """A line for each item; of more than that the first and the last."""
    left, first = len(items) - most, most - most // 2
    if left <= 0:
        return list(map(line, items))
    told = f"... {counted(left, 'line')} more ..."
    return [*map(line, items[:first]), told, *map(line, items[first + left :])]
