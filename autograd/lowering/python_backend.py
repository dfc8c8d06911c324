"""The reference: a program that is computed with the Values themselves, instance by instance."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..core.sweep import consumers_first
from ..core.value import Value, grad
from .computation import Computation
from .lowered import Request
from .pipeline import Stage
from .runners import Array, Runner


class PythonRunner(Runner):
    """Records the graph anew for each instance."""

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
