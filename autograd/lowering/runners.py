"""Runners: what computes the averages of a batch. All have one interface, and the same numbers.

A runner holds the parameters in one array, is loaded with the inputs of a batch, and then gives the
averaged outputs as often as the parameters change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .graph import Operations
from .pipeline import Stage

Array: TypeAlias = NDArray[np.float64]


class Runner(ABC):
    """What a program asks of whatever computes its numbers, and alone knows what that has loaded.

    Attributes:
        parameters: the numbers that it reads, an array of length P to be changed in place.
        source: the program as text.
        stages: gives the graph as it was recorded, and after each pass that it has gone through.
        operations: gives its array operations, if it is made of such.
    """

    parameters: Array
    source: str
    stages: Callable[[], Iterable[Stage]]
    operations: Callable[[], list[Operations]]
    _held: Array | None = None

    def hold(self, columns: Array | None) -> None:
        """See to it that the inputs of a batch are loaded: D rows, a column for each instance.

        The array must not change as long as it is held. None for a program whose data are in it.
        """
        if columns is not None and self._held is not columns:
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

    def shards(self) -> list[tuple[str, int]]:
        """The devices that hold the batch, and how many instances each."""
        return [("cpu", 1 if self._held is None else self._held.shape[1])]

    def traced(self) -> Callable[[Any], tuple[Any, Any]]:
        """The value and the gradient as a pure function of the parameters, for JAX to trace.

        Raises:
            ValueError: if it does not compute in JAX.
        """
        raise ValueError("jax_function() needs a program lowered with engine='jax'")
