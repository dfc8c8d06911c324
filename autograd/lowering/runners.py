"""Runners: what computes the averages of a batch. All have one interface, and the same numbers.

A runner holds the parameters in one array, is loaded with the inputs of a batch, and then gives the
averaged outputs as often as the parameters change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .graph import Operations
from .pipeline import Batch, Stage

Array: TypeAlias = NDArray[np.float64]


class Listed(Protocol):
    """What is made of array operations, and lists them."""

    def operations(self) -> list[Operations]:
        """A line for those of one name."""


class Runner(ABC):
    """What a program asks of whatever computes its numbers, and alone knows what that has loaded.

    Attributes:
        parameters: the numbers that it reads, an array of length P to be changed in place.
        source: the program as text.
    """

    parameters: Array
    source: str
    _held: Array | None = None

    def hold(self, columns: Array) -> None:
        """See to it that the inputs of a batch are loaded: D rows, a column for each instance.

        The array must not change as long as it is held.
        """
        if self._held is not columns:
            self._held = None  # as long as loading may be interrupted
            self.load(columns)
            self._held = columns

    @abstractmethod
    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""

    @abstractmethod
    def run(self) -> Array:
        """The averages: K values, and K gradients of length P one after the other.

        The next call may overwrite the array.
        """

    @abstractmethod
    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""

    @abstractmethod
    def stages(self) -> Iterable[Stage]:
        """The graph that it was made from, and what the passes made of that."""

    @abstractmethod
    def operations(self) -> list[Operations]:
        """Its array operations, if it is made of such."""

    def shards(self) -> list[tuple[str, int]]:
        """The devices that hold the batch, and how many instances each."""
        return [("cpu", 1 if self._held is None else self._held.shape[1])]

    def traced(self) -> Callable[[Any], tuple[Any, Any]]:
        """The value and the gradient as a pure function of the parameters, for JAX to trace.

        Raises:
            ValueError: if it does not compute in JAX.
        """
        raise ValueError("jax_function() needs a program lowered with engine='jax'")


class BatchRunner(Runner):
    """Runs one batch, by a schedule or by tables."""

    batch: Batch
    made: Listed

    def stages(self) -> Iterable[Stage]:
        """The graph as it was recorded, and after each pass that it has gone through."""
        return self.batch.stages()

    def operations(self) -> list[Operations]:
        """The array operations."""
        return self.made.operations()


class SumRunner(Runner):
    """The weighted sum of what several runners give, each with its own data."""

    def __init__(self, runners: Sequence[Runner], weights: Sequence[float]) -> None:
        self.runners, self.weights = runners, weights
        self.parameters: Array = runners[0].parameters
        self.source = "\n".join(
            f"# {weight:g} times the average that follows\n{runner.source}"
            for runner, weight in zip(runners, weights)
        )

    def load(self, columns: Array) -> None:
        """There is nothing to load: the runners hold their data."""

    def run(self) -> Array:
        """The sums of the weighted averages."""
        total: Array = np.zeros(())
        with np.errstate(all="ignore"):
            for runner, weight in zip(self.runners, self.weights):
                if runner.parameters is not self.parameters:
                    runner.parameters[:] = self.parameters
                total = total + weight * runner.run()
        return total

    def rows(self) -> Array:
        """Nothing: the batches have different instances."""
        return np.empty((0, 0))

    def stages(self) -> Iterable[Stage]:
        """Those of one batch after the other."""
        return [stage for runner in self.runners for stage in runner.stages()]

    def operations(self) -> list[Operations]:
        """Those of all batches."""
        return [x for runner in self.runners for x in runner.operations()]
