"""Planning: from a recorded graph to the tables that compute it and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph import Operations
from ..lowered import Lowered
from .backward import Backward
from .kinds import Functions, Indices, Table
from .levels import Levels, Nodes


@dataclass(frozen=True)
class Plan:
    """A graph as tables.

    Attributes:
        functions: what the tables call.
        sizes: how many rows ``rows``, ``single``, ``d_rows`` and ``d_single`` have.
        numbers: what ``single`` starts with; the parameters come first.
        inputs: the rows of the inputs.
        single: how to compute what does not vary.
        rows: how to compute what does.
        d_rows: how to compute the derivatives of what varies.
        d_single: how to compute the others.
        values: for each root whether it varies, and its row.
        wanted: the same for the outputs that are wanted for each instance.
        places: for each report to a parameter its place among the results.
        entries: the same reports as entries of ``d_single``.
        summed: how many entries of ``d_single``, the first, are sums over the batch. The next, and
            row 0 of ``d_rows``, are 1: the derivative of a root by itself.
        parameters: how many there are.
        derivatives: how many are wanted.
    """

    functions: Functions
    sizes: tuple[int, int, int, int]
    numbers: NDArray[np.float64]
    inputs: Indices
    single: Table
    rows: Table
    d_rows: Table
    d_single: Table
    values: list[tuple[bool, int]]
    wanted: list[tuple[bool, int]]
    places: Indices
    entries: Indices
    summed: int
    parameters: int
    derivatives: int

    def operations(self) -> list[Operations]:
        """A line for each function, those for most nodes first."""
        found: dict[str, list[int]] = {}
        for table in (self.single, self.rows, self.d_rows, self.d_single):
            for name, nodes in table.nodes():
                found.setdefault(name, []).append(nodes)
        lines = [Operations("every step", x, sum(n), len(n), "") for x, n in found.items()]
        return sorted(lines, key=lambda line: -line.nodes)


def plan(lowered: Lowered, gradients: bool) -> Plan:
    """The tables of a recorded graph, and of the derivatives of its values if they are wanted."""
    nodes = Nodes(lowered)
    if gradients:
        nodes.reach()
    levels = Levels(nodes, lowered.parameters)
    backward = Backward(levels)
    levels.place(backward.most())
    functions = Functions()
    single, rows = levels.tables(functions)
    d_rows, d_single = backward.tables(functions)
    places, entries = backward.gradient()

    def found(chosen: list[int]) -> list[tuple[bool, int]]:
        return [(nodes.varies[x], int(levels.row[x])) for x in chosen]

    return Plan(
        functions,
        (levels.n_rows, levels.n_single, backward.n_rows, backward.n_single),
        levels.numbers,
        levels.inputs,
        single,
        rows,
        d_rows,
        d_single,
        found(nodes.roots),
        found(nodes.wanted),
        places,
        entries,
        backward.summed,
        lowered.parameters,
        len(nodes.roots) * lowered.parameters if gradients else 0,
    )
