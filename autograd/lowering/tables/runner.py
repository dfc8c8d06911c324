"""Run a graph by tables in NumPy, a chunk of the batch at a time.

There are four buffers, as ``levels`` says: for what varies and what does not, and the derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import NUMPY_CALLS, NUMPY_REDUCTIONS
from ..graph import Operations
from ..lowered import Request
from ..numpy_source import compile_source
from ..pipeline import Batch
from ..runners import Array, Runner
from .backward import Backward
from .kinds import Functions, Indices, Table
from .levels import Levels, Nodes
from .source import write

# A chunk of the batch is of so many instances at least, or of as many as fit into so many numbers,
# or as give a call so many to work on, by the mean: of a deep graph, with a call or two for each
# node, it is the calls that take the time. But its buffers never hold more numbers than the last.
FEWEST, CACHE, A_CALL, MOST = 128, 1 << 22, 1 << 12, 1 << 26


NAMESPACE: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    **NUMPY_CALLS,
    **NUMPY_REDUCTIONS,
}


class TablesRunner(Runner):
    """Runs the tables of a graph, a chunk of the batch at a time."""

    def __init__(self, batch: Batch, request: Request) -> None:
        lowered = batch.recorded.only(request)
        nodes, functions = Nodes(lowered), Functions()
        if request is Request.STEP:
            nodes.reach()
        levels = Levels(nodes, lowered.parameters)
        backward = Backward(levels)
        levels.place(backward.most())
        # How to compute what does not vary and what does, and the derivatives of both.
        self.single_table, self.rows_table = levels.tables(functions)
        self.d_rows_table, self.d_single_table = backward.tables(functions)
        self.stages, self.source = batch.stages, write(functions)
        self.sizes = levels.n_rows, backward.n_rows
        self.single: Array = levels.numbers[:, None].copy()
        self.d_single: Array = np.zeros((backward.n_single, 1))
        self.parameters: Array = self.single.reshape(-1)[: lowered.parameters]
        self.inputs = levels.inputs

        def placed(chosen: Sequence[int]) -> tuple[Any, Indices]:
            """Whether each node varies, and its row."""
            found = np.array(chosen, dtype=np.intp)
            return levels.varies[found], levels.row[found]

        varies, rows = placed(nodes.roots)
        # The roots that vary and those that do not, and the row of each.
        self.averaged, self.alone = np.flatnonzero(varies), np.flatnonzero(~varies)
        self.averaged_rows, self.alone_rows = rows[self.averaged], rows[self.alone]
        self.wanted = list(zip(*placed(nodes.wanted)))
        # For each report to a parameter its place among the derivatives, and its entry.
        self.places, self.entries = backward.gradient()
        # The first entries of d_single are sums over the batch. The next, and row 0 of d_rows, are
        # 1: the derivative of a root by itself.
        self.summed = backward.summed
        self.derivatives = len(rows) * lowered.parameters if request is Request.STEP else 0
        self.results: Array = np.zeros(len(rows) + self.derivatives)
        self.chunks: list[Array] = []
        self.buffer: Array = np.empty(0)
        self.found: Array = np.empty((0, 0))
        self.namespace = {**NAMESPACE, "single": self.single, "d_single": self.d_single}
        self.compiled = compile_source(self.source)
        exec(self.compiled, self.namespace)
        self.functions: dict[int, list[Callable[..., None]]] = {}

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        rows, d_rows = self.sizes
        size, numbers = columns.shape[1], rows + d_rows + 1
        calls = len(self.rows_table.names) + len(self.d_rows_table.names)
        most = max(FEWEST, max(CACHE, A_CALL * calls) // numbers)
        most = min(most, max(MOST // numbers, 1), size)
        self.chunks = np.array_split(columns, -(-size // most), axis=1)
        needed = (rows + d_rows) * self.chunks[0].shape[1]  # the first is the widest
        if len(self.buffer) < needed:
            # Whatever holds the old one lets go of it first: each may be large.
            self.buffer = self.namespace["rows"] = self.namespace["d_rows"] = np.empty(0)
            self.buffer = np.empty(needed)
        self.found = np.zeros((len(self.wanted), size))

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        k, size = len(self.averaged) + len(self.alone), self.found.shape[1]
        values = self.results[:k]
        values[:] = 0.0
        self.d_single[: self.summed] = 0.0
        self.d_single[self.summed] = 1.0
        with np.errstate(all="ignore"):
            self.call(self.single_table)
            first = 0
            for chunk in self.chunks:
                self.run_chunk(chunk, first)
                first += chunk.shape[1]
            values /= size
            values[self.alone] = self.single[self.alone_rows, 0]
            self.d_single[: self.summed] /= size
            self.call(self.d_single_table)
        if self.derivatives:
            reports = self.d_single[self.entries, 0]
            self.results[k:] = np.bincount(self.places, reports, self.derivatives)
        return self.results

    def run_chunk(self, columns: Array, first: int) -> None:
        """Compute with some instances, and add what they give to the sums."""
        size, split = columns.shape[1], self.sizes[0] * columns.shape[1]
        rows = self.buffer[:split].reshape(-1, size)
        d_rows = self.buffer[split : sum(self.sizes) * size].reshape(-1, size)
        d_rows[0] = 1.0
        self.namespace.update(rows=rows, d_rows=d_rows)
        rows[self.inputs] = columns
        self.call(self.rows_table)
        self.call(self.d_rows_table)
        self.results[self.averaged] += rows[self.averaged_rows].sum(axis=1)
        for i, (varies, row) in enumerate(self.wanted):
            self.found[i, first : first + size] = (rows if varies else self.single)[row]

    def call(self, table: Table) -> None:
        """Make the calls of a table."""
        functions = self.functions.get(id(table))
        if functions is None:
            functions = self.functions[id(table)] = [self.namespace[name] for name in table.names]
        self.namespace["run"](functions, table.arguments)

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        found: Array = self.found.copy()  # as the next run overwrites it
        return found

    def operations(self) -> list[Operations]:
        """A line for each function, those for most nodes first."""
        found: dict[str, list[int]] = {}
        for table in (self.single_table, self.rows_table, self.d_rows_table, self.d_single_table):
            for name, nodes in table.nodes():
                found.setdefault(name, []).append(nodes)
        lines = [Operations("every step", x, sum(n), len(n), "") for x, n in found.items()]
        return sorted(lines, key=lambda line: -line.nodes)
