"""Run the tables of a plan in NumPy, a chunk of the batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import NUMPY_CALLS
from ..numpy_source import compile_source
from ..pipeline import Batch
from ..runners import Array, Runner
from .kinds import Table
from .planning import Plan
from .source import write

# A chunk of the batch is of so many instances at least, or of as many as fit into so many numbers;
# but its buffers never hold more numbers than the last.
FEWEST, CACHE, MOST = 128, 1 << 22, 1 << 26


def logsumexp(x: Array) -> Array:
    """log(sum(e ** x)) along axis 1; where the largest x is infinite it is the result."""
    largest: Array = x.max(axis=1)
    total: Array = np.exp(x - largest[:, None]).sum(axis=1)
    return np.where(np.isinf(largest), largest, largest + np.log(total))


NAMESPACE: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "logsumexp": logsumexp,
    **NUMPY_CALLS,
}


class TablesRunner(Runner):
    """Runs the tables of a plan, a chunk of the batch at a time."""

    def __init__(self, batch: Batch, plan: Plan) -> None:
        self.plan, self.stages, self.operations = plan, batch.stages, plan.operations
        self.source = write(plan.functions)
        self.results: Array = np.zeros(len(plan.values) + plan.derivatives)
        self.single: Array = plan.numbers[:, None].copy()
        self.d_single: Array = np.zeros((plan.sizes[3], 1))
        self.parameters: Array = self.single.reshape(-1)[: plan.parameters]
        self.chunks: list[Array] = []
        self.buffers: dict[int, tuple[Array, Array]] = {}
        self.found: Array = np.empty((0, 0))
        varies, rows = np.array(plan.values, dtype=np.intp).reshape(-1, 2).T
        # The roots that vary and those that do not, and the row of each.
        self.averaged, self.alone = np.flatnonzero(varies), np.flatnonzero(varies == 0)
        self.averaged_rows, self.alone_rows = rows[self.averaged], rows[self.alone]
        self.namespace = {**NAMESPACE, "single": self.single, "d_single": self.d_single}
        exec(compile_source(self.source), self.namespace)
        self.functions: dict[int, list[Callable[..., None]]] = {}

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        rows, _, d_rows, _ = self.plan.sizes
        size, numbers = columns.shape[1], rows + d_rows + 1
        most = min(max(FEWEST, CACHE // numbers), max(MOST // numbers, 1), size)
        self.chunks = np.array_split(columns, -(-size // most), axis=1)
        known, self.buffers = self.buffers, {}
        for n in {chunk.shape[1] for chunk in self.chunks}:  # two sizes at most
            self.buffers[n] = known.get(n) or (np.zeros((rows, n)), np.zeros((d_rows, n)))
            self.buffers[n][1][0] = 1.0
        self.found = np.zeros((len(self.plan.wanted), size))

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        plan, k = self.plan, len(self.plan.values)
        values, size = self.results[:k], self.found.shape[1]
        values[:] = 0.0
        self.d_single[: plan.summed] = 0.0
        self.d_single[plan.summed] = 1.0
        with np.errstate(all="ignore"):
            self.call(plan.single)
            first = 0
            for chunk in self.chunks:
                self.run_chunk(chunk, first)
                first += chunk.shape[1]
            values /= size
            values[self.alone] = self.single[self.alone_rows, 0]
            self.d_single[: plan.summed] /= size
            self.call(plan.d_single)
        if plan.derivatives:
            reports = self.d_single[plan.entries, 0]
            self.results[k:] = np.bincount(plan.places, reports, plan.derivatives)
        return self.results

    def run_chunk(self, columns: Array, first: int) -> None:
        """Compute with some instances, and add what they give to the sums."""
        plan, size = self.plan, columns.shape[1]
        rows, d_rows = self.buffers[size]
        self.namespace.update(rows=rows, d_rows=d_rows)
        rows[plan.inputs] = columns
        self.call(plan.rows)
        self.call(plan.d_rows)
        self.results[self.averaged] += rows[self.averaged_rows].sum(axis=1)
        for i, (varies, row) in enumerate(plan.wanted):
            self.found[i, first : first + size] = (rows if varies else self.single)[row]

    def call(self, table: Table) -> None:
        """Make the calls of a table."""
        functions = self.functions.get(id(table))
        if functions is None:
            functions = self.functions[id(table)] = [self.namespace[name] for name in table.names]
        self.namespace["run"](functions, table.arguments)

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        return self.found
