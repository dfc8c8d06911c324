"""The pipeline: the passes in their order, and which of two ways a graph takes.

A graph that is small once its matrix products are taken out is differentiated node by node, and
becomes source that reads like what one writes by hand. Any other has no such form: it is grouped by
levels, and differentiated kind by kind (``tables``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import check_operation, expand
from .differentiate import differentiate
from .graph import LEAVES
from .lowered import Lowered, Request
from .products import find_products
from .schedule import Schedule, schedule
from .simplify import simplify
from .sums import choose_sums

Pass: TypeAlias = Callable[[Lowered], Lowered]
Stage: TypeAlias = tuple[str, Lowered]

# Each takes the graph that the one before it gave. The last depends on what is asked for.
PASSES: tuple[Pass, ...] = (find_products, differentiate, simplify, expand, choose_sums)
# A graph is small if it has so many operations beside its matrix products, or no more than this
# share of all that was recorded: what is done node by node takes about ten times as long, but a
# transformer, of which attention is a sixth, runs four to ten times as fast as by tables.
FEW, SHARE = 200, 0.25


def stages(lowered: Lowered) -> Iterator[Stage]:
    """Run the passes: the name of each, and what it gives."""
    for step in PASSES:
        lowered = step(lowered)
        yield step.__name__, lowered


class Batch:
    """Instances of one graph, whose averages count with a weight where there are several batches.

    Args:
        recorded: the graph of an instance.
        columns: the inputs, a column for each instance; zeros if they come later.
        weight: what the averages are multiplied by.

    Attributes:
        few: how many operations beside matrix products make a small graph.

    Raises:
        LoweringError: if an operation has no array form.
    """

    def __init__(
        self, recorded: Lowered, columns: NDArray[np.float64], weight: float = 1.0
    ) -> None:
        for key in set(recorded.graph.names) - LEAVES:
            check_operation(key)
        self.recorded, self.columns, self.weight = recorded, columns, weight
        self.few = max(FEW, SHARE * len(recorded.graph))
        self._schedules: dict[Request, Schedule] = {}

    @cached_property
    def _begun(self) -> Lowered:
        """The graph after the first pass."""
        return PASSES[0](self.recorded)

    @cached_property
    def layered(self) -> bool:
        """Whether what is left beside matrix products is little enough for source of its own."""
        return sum(map(bool, self._begun.graph.operands)) <= self.few

    @cached_property
    def _derived(self) -> Lowered:
        """The graph up to the point where it matters what is asked for."""
        return functools.reduce(lambda lowered, step: step(lowered), PASSES[1:-1], self._begun)

    def schedule(self, request: Request) -> Schedule:
        """The blocks of the graph in order."""
        if request not in self._schedules:
            self._schedules[request] = schedule(PASSES[-1](self._derived.only(request)))
        return self._schedules[request]

    def stages(self) -> Iterator[Stage]:
        """The graph as it was recorded, and after each pass."""
        yield "record", self.recorded
        if self.layered:
            yield from stages(self.recorded)
