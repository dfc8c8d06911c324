"""Run the tables of a plan in NumPy, a chunk of the batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import ARRAY_OPERATIONS
from .engines import Array
from .kinds import Plan, Table
from .level_source import CALLS, write
from .numpy_source import compile_source

# A chunk of the batch is of at least so many instances, and more if they fit into so many numbers.
FEWEST, LARGEST_BUFFER = 128, 1 << 22


def log_normalizer(x: Array) -> Array:
    """log(sum(e ** x)) along axis 1."""
    largest = x.max(axis=1, keepdims=True)
    found: Array = largest[:, 0] + np.log(np.exp(x - largest).sum(axis=1))
    return found


def logsumexp(x: Array) -> Array:
    """The same, but where the largest x is infinite it is the result."""
    largest = x.max(axis=1)
    return np.where(np.isinf(largest), largest, log_normalizer(x))


NAMESPACE: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "log_normalizer": log_normalizer,
    "logsumexp": logsumexp,
    **{CALLS[name]: op.numpy for name, op in ARRAY_OPERATIONS.items()},
}


class LevelsEngine:
    """Runs the tables of a plan, a chunk of the batch at a time."""

    def __init__(self, plan: Plan, parameters: int, gradients: bool) -> None:
        self.plan, self.gradients = plan, gradients
        self.source = write(plan)
        _n_rows, _n_single, _n_d_rows, n_d_single = plan.sizes
        self.n_gradients = len(plan.values) * parameters if gradients else 0
        self.results: Array = np.zeros(len(plan.values) + self.n_gradients)
        self.single = plan.numbers[:, None].copy()
        self.parameters: Array = self.single.reshape(-1)[:parameters]
        self.d_single = np.zeros((n_d_single, 1))
        self.columns: Array = np.empty((0, 0))
        self.chunks: list[Array] = []
        self.namespace = {**NAMESPACE, "single": self.single, "d_single": self.d_single}
        exec(compile_source(self.source), self.namespace)
        self.called: dict[int, list[Callable[..., None]]] = {}

    def run_table(self, table: Table) -> None:
        """Make the calls of a table."""
        functions = self.called.get(id(table))
        if functions is None:
            functions = self.called[id(table)] = [self.namespace[name] for name in table.names]
        self.namespace["run"](functions, table.arguments)

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        self.columns = columns
        n_rows, _, n_d_rows, _ = self.plan.sizes
        size = columns.shape[1]
        most = max(FEWEST, LARGEST_BUFFER // (n_rows + n_d_rows + 1))
        n = -(-size // min(size, most))
        self.chunks = np.array_split(columns, n, axis=1)
        self.found = np.zeros((len(self.plan.wanted), size))

    def resize(self, size: int) -> None:
        """Make the buffers for a chunk of so many instances."""
        n_rows, _, n_d_rows, _ = self.plan.sizes
        rows = self.namespace.get("rows")
        if rows is None or rows.shape[1] != size:
            self.namespace["rows"] = np.zeros((n_rows, size))
            self.namespace["d_rows"] = np.zeros((n_d_rows, size))
            self.namespace["d_rows"][0] = 1.0

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        plan, results = self.plan, self.results
        k = len(plan.values)
        results[:] = 0.0
        self.d_single[: plan.summed] = 0.0
        self.d_single[plan.summed] = 1.0
        varying = [(i, row) for i, (varies, row) in enumerate(plan.values) if varies]
        with np.errstate(all="ignore"):
            self.run_table(plan.single)
            at = 0
            for chunk in self.chunks:
                self.resize(chunk.shape[1])
                buffer = self.namespace["rows"]
                buffer[plan.inputs] = chunk
                self.run_table(plan.rows)
                self.run_table(plan.d_rows)
                for i, row in varying:
                    results[i] += buffer[row].sum()
                for i, (varies, row) in enumerate(plan.wanted):
                    source = buffer if varies else self.single
                    self.found[i, at : at + chunk.shape[1]] = source[row]
                at += chunk.shape[1]
            results[:k] /= at
            self.d_single[: plan.summed] /= at
            self.run_table(plan.d_single)
            for i, (varies, row) in enumerate(plan.values):
                if not varies:
                    results[i] = self.single[row, 0]
            if self.gradients:
                reports = self.d_single[plan.entries, 0]
                results[k:] = np.bincount(plan.places, reports, self.n_gradients)
        return results

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        return self.found
