"""Runs a batch in NumPy: by source of its own, or by tables where that would be too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from .graph import Operations
from .lowered import Request
from .numpy_source import emit_numpy
from .pipeline import Batch, Stage
from .runners import Array, Runner
from .tables import TablesRunner, plan

KEPT_SIZES = 4


def numpy_runner(batch: Batch, request: Request) -> Runner:
    """The runner that suits a batch."""
    if batch.layered:
        return NumpyRunner(batch, request)
    return TablesRunner(batch, plan(batch.recorded.only(request), request is Request.STEP))


class NumpyRunner(Runner):
    """Runs the emitted NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, batch: Batch, request: Request) -> None:
        self.batch, self.schedule = batch, batch.schedule(request)
        lowered = self.schedule.lowered
        self.code = code = emit_numpy(self.schedule)
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

    def stages(self) -> Iterable[Stage]:
        """The graph after each pass."""
        return self.batch.stages()

    def operations(self) -> list[Operations]:
        """A line for each block, and for each average."""
        return self.schedule.operations()
