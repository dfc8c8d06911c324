"""Engines: what runs a schedule. All have one interface, and give the same numbers.

An engine holds the parameters in one array, is loaded with the inputs of a batch, and then gives
the averaged outputs as often as the parameters change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.sweep import consumers_first
from ..core.value import Value, grad
from .numpy_source import emit_numpy
from .schedule import Schedule

Array: TypeAlias = NDArray[np.float64]
KEPT_SIZES = 4


class Engine(Protocol):
    """What a program asks of an engine.

    Attributes:
        parameters: the numbers that it reads, an array of length P to be changed in place.
        source: the program as text.
    """

    parameters: Array
    source: str

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, an array of D rows and a column for each instance."""
        ...

    def run(self) -> Array:
        """The averages: K values, and K gradients of length P one after the other.

        The next call may overwrite the array.
        """
        ...

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        ...


class NumpyEngine:
    """Runs the emitted NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, schedule: Schedule) -> None:
        self.code = code = emit_numpy(schedule)
        self.source = code.source
        self.scalars = code.scalars
        self.parameters: Array = self.scalars[: schedule.parameters]
        self.results: Array = np.zeros(len(schedule.values) + schedule.gradients)
        self.input_rows = code.input_rows
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
            self.buffer[self.input_rows] = columns
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


class PythonEngine:
    """The reference: the engine of Values itself, instance by instance."""

    def __init__(
        self,
        roots: Sequence[Value],
        inputs: Sequence[Value],
        wrt: Sequence[Value],
        observed: Sequence[Value],
        gradients: bool,
    ) -> None:
        self.roots, self.inputs, self.wrt = list(roots), list(inputs), list(wrt)
        self.observed, self.gradients = list(observed), gradients
        self.order: dict[Value, None] = {}
        for root in [*self.roots, *self.observed]:
            self.order.update(dict.fromkeys(reversed(consumers_first(root))))
        self.parameters: Array = np.array([value.data for value in self.wrt])
        self.columns: Array = np.empty((0, 1))
        self.found: list[list[float]] = []
        self.source = "# engine='python' evaluates the graph of Values itself: there is no source\n"

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        self.columns = columns

    def run(self) -> Array:
        """The averages of what the graph, recorded anew for each instance, gives."""
        total: Array = np.zeros(len(self.roots) * (1 + len(self.wrt) * self.gradients))
        self.found = []
        for instance in self.columns.T.tolist():
            parameters = [Value(number) for number in self.parameters.tolist()]
            new: dict[Value, Value] = dict(zip(self.wrt, parameters))
            new.update(zip(self.inputs, map(Value, instance)))
            for node in self.order:
                if node not in new:
                    operands = tuple([new[x] if isinstance(x, Value) else x for x in node.operands])
                    new[node] = (
                        Value(node.data)
                        if node.op is None
                        else Value.record_operation(node.op, operands)
                    )
            numbers = [new[root].data for root in self.roots]
            if self.gradients:
                for root in self.roots:
                    numbers += grad(new[root], parameters)
            total += numbers
            self.found.append([new[x].data for x in self.observed])
        average: Array = total / self.columns.shape[1]
        return average

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        found: Array = np.array(self.found).T.reshape(len(self.observed), -1)
        return found


class SumEngine:
    """The weighted sum of what several engines give, each with its own data bound."""

    def __init__(self, engines: Sequence[Engine], weights: Sequence[float]) -> None:
        self.engines, self.weights = engines, weights
        self.parameters: Array = engines[0].parameters
        self.source = "\n".join(
            f"# {weight:g} times the average that follows\n{engine.source}"
            for engine, weight in zip(engines, weights)
        )

    def load(self, columns: Array) -> None:
        """There is nothing to load: the parts hold their data."""

    def run(self) -> Array:
        """The sums of the weighted averages."""
        total: Array = np.zeros(())
        with np.errstate(all="ignore"):
            for engine, weight in zip(self.engines, self.weights):
                if engine.parameters is not self.parameters:
                    engine.parameters[:] = self.parameters
                total = total + weight * engine.run()
        return total

    def rows(self) -> Array:
        """Nothing: the parts have different instances."""
        return np.empty((0, 0))
