"""Runs a batch by NumPy source of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .lowered import Request
from .numpy_source import NAMESPACE, compile_source, emit_numpy
from .pipeline import Batch
from .runners import Array, BatchRunner

KEPT_SIZES = 4


class NumpyRunner(BatchRunner):
    """Runs the emitted NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, batch: Batch, request: Request) -> None:
        self.batch, self.made = batch, (schedule := batch.schedule(request))
        self.source, layout, self.index_arrays = emit_numpy(schedule)
        self.compiled = compile_source(self.source)
        self.n_rows, self.ones, self.outputs = layout.n_rows, layout.ones, layout.outputs()
        self.input_rows = [layout.row[node] for node in schedule.inputs]
        self.scalars = layout.scalars()
        lowered = schedule.lowered
        self.parameters: Array = self.scalars[: lowered.parameters]
        self.results: Array = np.zeros(len(lowered.values) + lowered.derivatives)
        self.bound: dict[int, tuple[Array, Callable[[], None], Callable[[], None]]] = {}
        self.buffer: Array = np.empty((0, 0))
        self.step: Callable[[], None] = lambda: None

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, and compute what depends on them alone."""
        size = columns.shape[1]
        if size not in self.bound:
            while len(self.bound) >= KEPT_SIZES:
                del self.bound[next(iter(self.bound))]
            self.bound[size] = self.bind(size)
        self.buffer, prepare, self.step = self.bound[size]
        if len(columns):
            self.buffer[self.input_rows] = columns
        with np.errstate(all="ignore"):
            prepare()

    def bind(self, size: int) -> tuple[Array, Callable[[], None], Callable[[], None]]:
        """Make the buffers and views for a batch, and the functions that work on them."""
        rows = np.zeros((self.n_rows, size))
        rows[self.ones] = 1.0
        namespace: dict[str, Any] = {**NAMESPACE, **self.index_arrays}
        namespace.update(rows=rows, scalars=self.scalars, results=self.results)
        exec(self.compiled, namespace)
        return rows, namespace["prepare"], namespace["step"]

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        with np.errstate(all="ignore"):
            self.step()
        return self.results

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        size = self.buffer.shape[1]
        found = np.empty((len(self.outputs), size))
        for i, (row, scalar) in enumerate(self.outputs):
            found[i] = self.buffer[row] if row >= 0 else self.scalars[scalar]
        return found
