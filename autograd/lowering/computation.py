"""What a program computes, as the Values that were recorded, and the runner that uses these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.sweep import consumers_first
from ..core.value import Value, grad
from .graph import Operations
from .lowered import Request
from .pipeline import Batch, Stage
from .record import Recording, record
from .reroll import reroll
from .runners import Array, Runner


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


class PythonRunner(Runner):
    """The reference: computes with Values, and records the graph anew for each instance."""

    def __init__(self, computation: Computation, request: Request) -> None:
        self.computation = computation
        self.gradients = request is Request.STEP
        self.wanted = {
            Request.STEP: computation.observed,
            Request.VALUES: [],
            Request.ROWS: computation.roots,
        }[request]
        self.order: dict[Value, None] = {}
        for root in [*computation.roots, *self.wanted]:
            self.order.update(dict.fromkeys(reversed(consumers_first(root))))
        self.parameters: Array = np.array([value.data for value in computation.wrt])
        self.found: list[list[float]] = []
        self.source = "# engine='python' evaluates the graph of Values itself: there is no source\n"
        self.hold(np.zeros((len(computation.inputs), 1)))

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        self.columns = columns

    def run(self) -> Array:
        """The averages of what the graph, recorded anew for each instance, gives."""
        roots, wrt = self.computation.roots, self.computation.wrt
        total: Array = np.zeros(len(roots) * (1 + len(wrt) * self.gradients))
        self.found = []
        for instance in self.columns.T.tolist():
            parameters = [Value(number) for number in self.parameters.tolist()]
            new: dict[Value, Value] = dict(zip(wrt, parameters))
            new.update(zip(self.computation.inputs, map(Value, instance)))
            for node in self.order:
                if node not in new:
                    operands = tuple([new[x] if isinstance(x, Value) else x for x in node.operands])
                    new[node] = (
                        Value(node.data)
                        if node.op is None
                        else Value.record_operation(node.op, operands)
                    )
            numbers = [new[root].data for root in roots]
            if self.gradients:
                for root in roots:
                    numbers += grad(new[root], parameters)
            total += numbers
            self.found.append([new[x].data for x in self.wanted])
        average: Array = total / self.columns.shape[1]
        return average

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        found: Array = np.array(self.found).T.reshape(len(self.wanted), -1)
        return found

    def stages(self) -> Iterable[Stage]:
        """The graph alone, which no pass has seen."""
        return [("record", self.computation.recording.lowered)]

    def operations(self) -> list[Operations]:
        """None: it computes number by number."""
        return []
