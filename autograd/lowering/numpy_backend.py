"""Runs a batch by NumPy source of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .lowered import Request
from .numpy_source import emit_numpy
from .pipeline import Batch
from .runners import Array, BatchRunner

KEPT_SIZES = 4


class NumpyRunner(BatchRunner):
    """Runs the emitted NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, batch: Batch, request: Request) -> None:
        self.batch, self.made = batch, (schedule := batch.schedule(request))
        lowered = schedule.lowered
        self.code = code = emit_numpy(schedule)
        self.source = code.source
        self.scalars = code.scalars
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
            rows = np.zeros((self.code.n_rows, size))
            rows[self.code.ones] = 1.0
            self.bound[size] = (rows, *self.code.bind(rows, self.scalars, self.results))
        self.buffer, prepare, self.step = self.bound[size]
        if len(columns):
            self.buffer[self.code.input_rows] = columns
        with np.errstate(all="ignore"):
            prepare()

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        with np.errstate(all="ignore"):
            self.step()
        return self.results

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        size = self.buffer.shape[1]
        found = np.empty((len(self.code.output_rows), size))
        for i, (row, scalar) in enumerate(self.code.output_rows):
            found[i] = self.buffer[row] if row >= 0 else self.scalars[scalar]
        return found
