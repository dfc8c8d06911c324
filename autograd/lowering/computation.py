"""What a program computes, as the Values that were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.value import Value
from .pipeline import Batch
from .record import Recording, record
from .reroll import reroll


@dataclass(frozen=True)
class Computation:
    """Values, and what is to be computed of them.

    Attributes:
        roots: K Values to be averaged.
        inputs: D leaves that have a number for each instance.
        wrt: P leaves to differentiate by.
        observed: Values whose numbers for each instance are wanted as well.
        single: whether the root is to be given as one number, and not as a list of one.
    """

    roots: list[Value]
    inputs: list[Value]
    wrt: list[Value]
    observed: list[Value]
    single: bool

    @cached_property
    def recording(self) -> Recording:
        """The graph of an instance."""
        return Recording(record(self.roots, self.inputs, self.wrt, self.observed))

    @cached_property
    def batches(self) -> list[Batch]:
        """The instances as array programs see them, where data in the graph are a batch as well."""
        if not self.inputs and self.single and not self.observed:
            found = reroll(self.roots[0], self.wrt)
            if found is not None:
                return found
        return [Batch(self.recording.lowered, np.zeros((len(self.inputs), 1)))]
