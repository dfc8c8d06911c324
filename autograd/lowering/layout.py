"""Layout: where each number of a schedule lies, and whose place is used again.

Numbers that vary are rows of one array, ``rows``: inputs first, then a row of ones, then the
blocks. Everything else is an entry of ``scalars``: the parameters first, then what is computed from
them, then constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import NOT_IN_PLACE
from .graph import PARAMETER
from .schedule import EVERY_STEP, Block, Schedule

Array: TypeAlias = NDArray[np.float64]


def as_matrix(places: Any, end: int) -> tuple[int, int, int, int, bool] | None:
    """An n x m matrix of places as a view: where it starts, n, m, the distance of its rows, False.

    With True it is the transpose of such a view; None if it is neither. Whole rows must end before
    ``end``, but for a single one.
    """
    for turned in (False, True):
        table = places.T if turned else places
        n, m = table.shape
        start = int(table[0, 0])
        stride = int(table[1, 0]) - start if n > 1 else m
        fits = stride >= m and (n == 1 or start + n * stride <= end)
        if fits and np.array_equal(table, start + stride * np.arange(n)[:, None] + np.arange(m)):
            return start, n, m, stride, turned
    return None


class Layout:
    """The place of every node.

    Attributes:
        row: the row of each node that varies.
        n_rows: how many rows there are; 0 if nothing varies.
        ones: which of them are to hold ones.
        n_scalars: how many scalars there are.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.graph = schedule, schedule.lowered.graph
        self.row: dict[int, int] = {}
        self.ones: list[int] = []
        parameters = schedule.lowered.parameters
        self.scalar = {self.graph.leaf(PARAMETER, i): i for i in range(parameters)}
        self.n_scalars = parameters
        self._constants: dict[int, float] = {}
        self._free: dict[int, list[int]] = {}
        self._one_rows: dict[int, int] = {}  # row of the last of a block -> row of ones after it
        varies = any(block.varies for block in schedule.blocks)
        if varies or schedule.inputs or any(x.pairs for x in schedule.lowered.values):
            self.row = {node: i for i, node in enumerate(self._leading_rows())}
            self.ones.append(self.row[schedule.one])
        self.n_rows = len(self.row)
        for block, dying in zip(schedule.blocks, self._dying()):
            if block.varies:
                self._place(block, dying)
            else:
                for node in block.members:
                    self.scalar[node] = self.n_scalars
                    self.n_scalars += 1

    def places(self, nodes: Sequence[int]) -> list[int]:
        """The rows of nodes that vary, or the entries of others; a last 1 from the nearest row."""
        if not self.schedule.varies[nodes[0]]:
            return self.entries(nodes)
        places = [self.row[node] for node in nodes]
        if nodes[-1] == self.schedule.one and len(nodes) > 1:
            places[-1] = self._one_rows.get(places[-2], places[-1])
        return places

    def entries(self, nodes: Sequence[int]) -> list[int]:
        """The entries of ``scalars`` for nodes that do not vary."""
        scalar = self.scalar
        return [scalar[node] if node in scalar else self.locate(node) for node in nodes]

    def locate(self, node: int) -> int:
        """The entry of ``scalars`` for a node that does not vary; a constant now gets one."""
        if node not in self.scalar:
            self._constants[self.n_scalars] = self.graph.numbers[node]
            self.scalar[node] = self.n_scalars
            self.n_scalars += 1
        return self.scalar[node]

    def outputs(self) -> list[tuple[int, int]]:
        """For each output that is wanted for each instance ``(row, -1)`` or ``(-1, scalar)``."""
        return [
            (self.row[node], -1) if self.schedule.varies[node] else (-1, self.locate(node))
            for node in self.schedule.lowered.rows
        ]

    def scalars(self) -> Array:
        """The scalars to begin with, in which only constants are not 0; locates no more of them."""
        scalars = np.zeros(self.n_scalars)
        for place, number in self._constants.items():
            scalars[place] = number
        return scalars

    def _dying(self) -> list[list[Block]]:
        """For each block those blocks that nothing needs after it, whose rows can be reused."""
        schedule, lowered = self.schedule, self.schedule.lowered
        home = {node: i for i, block in enumerate(schedule.blocks) for node in block.members}
        last = list(range(len(schedule.blocks)))
        for i, block in enumerate(schedule.blocks):
            for node in itertools.chain(block.columns, *block.operands):
                if node in home:
                    last[home[node]] = i
        kept = list(lowered.rows)
        for value in lowered.values:
            kept += [x for pair in value.pairs for x in pair]
        for grid in schedule.grids:
            kept += grid.rows + grid.columns
        for node in kept:
            if node in home:
                last[home[node]] = len(last)
        dying: list[list[Block]] = [[] for _ in last]
        for block, end in zip(schedule.blocks, last):
            reusable = block.varies and block.stage == EVERY_STEP and not block.one_after
            if reusable and end < len(last):
                dying[end].append(block)
        return dying

    def _place(self, block: Block, dying: list[Block]) -> None:
        """Give a block rows: those of one of its size that is no longer needed, or new ones.

        One call of an elementwise function may write over its own operand.
        """
        size = len(block.members)
        in_place = block.elementwise and block.name not in NOT_IN_PLACE and len(block.operands) <= 2
        starts = {self.row[old.members[0]]: len(old.members) for old in dying if old is not block}
        if in_place:
            self._release(starts)
        free = self._free.get(size)
        if free and block.stage == EVERY_STEP and not block.one_after:
            start = free.pop()
        else:
            start = self.n_rows
            self.n_rows += size + block.one_after
            if block.one_after:
                self.ones.append(start + size)
                self._one_rows[start + size - 1] = start + size
        if not in_place:
            self._release(starts)
        for i, node in enumerate(block.members):
            self.row[node] = start + i

    def _release(self, starts: dict[int, int]) -> None:
        for start, size in starts.items():
            self._free.setdefault(size, []).append(start)

    def _leading_rows(self) -> list[int]:
        """The inputs and the row of ones, which follows the inputs that a bias is used with."""
        inputs, one = self.schedule.inputs, self.schedule.one
        for block in self.schedule.blocks:
            *columns, last = block.columns or [-1]
            if columns and last == one and set(columns) <= set(inputs):
                return [*block.columns, *(node for node in inputs if node not in set(columns))]
        return [*inputs, one]
