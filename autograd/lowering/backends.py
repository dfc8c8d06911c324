"""The back ends: what may compute a program, by the name that ``engine=`` gives it.

One row of ``BACKENDS`` is all that there is to add for another. What a back end can do beyond
giving numbers, its runners say: devices (``shards``), a function for a tracer (``traced``), array
operations to describe (``operations``), and the passes (``stages``).
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..core import Value, grad
from ..core.sweep import evaluation_order
from .held import Held
from .jax_backend import JaxRunner, import_jax
from .lowered import Lowered, Request
from .numpy_source import NumpyRunner, written
from .pipeline import Batch
from .record import record
from .reroll import reroll
from .runners import Array, Runner
from .tables import TablesRunner


@dataclass(frozen=True)
class Computation:
    """What a program computes, as the Values that were recorded, and what computes it.

    Attributes:
        roots: K Values to be averaged.
        inputs: D leaves that have a number for each instance.
        wrt: P leaves to differentiate by.
        observed: Values whose numbers for each instance are wanted as well.
        engine: the name of the back end.
        first: what is asked for at once; for other requests there is a runner when they come.
        lock: to be held from asking for a runner until its numbers are copied, as runners compute
            in arrays of their own.
    """

    roots: list[Value]
    inputs: list[Value]
    wrt: list[Value]
    observed: list[Value]
    engine: str
    first: Request = Request.STEP
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)

    @cached_property
    def order(self) -> list[Value]:
        """The Values that the leaves named above are not, each after its operands."""
        leaves = frozenset([*self.inputs, *self.wrt])
        return evaluation_order(*self.roots, *self.observed, known=leaves)

    @cached_property
    def recorded(self) -> Lowered:
        """The graph of an instance."""
        return record(self.roots, self.inputs, self.wrt, self.observed, self.order)

    @cached_property
    def batches(self) -> list[Batch]:
        """The instances as array programs see them, where data in the graph are a batch as well."""
        if not self.inputs and len(self.roots) == 1 and not self.observed:
            found = reroll(self.roots[0], self.wrt)
            if found is not None:
                return found
        return [Batch(self.recorded, np.zeros((len(self.inputs), 1)))]

    @cached_property
    def _runners(self) -> dict[Request, Runner]:
        with _no_search_for_cycles():
            runner = BACKENDS[self.engine].runner(self, self.first)
        runner.parameters[:] = self.held.numbers
        return {self.first: runner}

    @property
    def parameters(self) -> Array:
        """What all runners compute with, an array of length P."""
        return self._runners[self.first].parameters

    @cached_property
    def held(self) -> Held:
        """What the Values held when the first runner was made."""
        return Held(self.wrt, self.order)

    def runner(self, request: Request, columns: Array | None = None) -> Runner:
        """The runner for a request, with the parameters as they are now, and a batch."""
        runner = self._runners.get(request)
        if runner is None:
            runner = self._runners[request] = BACKENDS[self.engine].runner(self, request)
        if request is not self.first:
            runner.parameters[:] = self.parameters
        runner.hold(columns)
        return runner


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Passes make many small tuples and no cycles: looking for these would take a third more."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class PythonRunner(Runner):
    """The reference: computes with Values, and records the graph anew for each instance."""

    source = "# engine='python' evaluates the graph of Values itself: there is no source\n"

    def __init__(self, computation: Computation, request: Request) -> None:
        self.computation = computation
        self.gradients = request is Request.STEP
        self.wanted = {
            Request.STEP: computation.observed,
            Request.VALUES: [],
            Request.ROWS: computation.roots,
        }[request]
        self.order = evaluation_order(*computation.roots, *self.wanted)
        self.parameters: Array = np.array([value.data for value in computation.wrt])
        self.found: list[list[float]] = []
        self.stages = lambda: [("record", computation.recorded)]
        self.operations = list
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
        found: Array = np.array(self.found).reshape(len(self.found), len(self.wanted)).T
        return found


class SumRunner(Runner):
    """The weighted sum of what several runners give, each with its own data."""

    def __init__(self, runners: Sequence[Runner], weights: Sequence[float]) -> None:
        self.runners, self.weights = runners, weights
        self.parameters: Array = runners[0].parameters
        self.source = "\n".join(
            f"# {weight:g} times the average that follows\n{runner.source}"
            for runner, weight in zip(runners, weights)
        )
        self.stages = lambda: [stage for runner in runners for stage in runner.stages()]
        self.operations = lambda: [x for runner in runners for x in runner.operations()]

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


@dataclass(frozen=True)
class Backend:
    """A way to compute a program.

    Attributes:
        runner: makes what answers one kind of request.
        lowers: whether it computes with arrays; if not, a graph of Values is as good.
        compiles: whether it takes long to begin with a batch of another size.
        importable: raises an ``ImportError`` that says what to install if something is missing.
    """

    runner: Callable[[Computation, Request], Runner]
    lowers: bool = True
    compiles: bool = False
    importable: Callable[[], object] = lambda: None


def _of_batches(
    make: Callable[[Batch, Request], Runner],
) -> Callable[[Computation, Request], Runner]:
    """Runs each batch by itself, and adds up what they give."""

    def runner(computation: Computation, request: Request) -> Runner:
        runners = []
        for batch in computation.batches:
            runners.append(make(batch, request))
            runners[-1].hold(batch.columns)
        weights = [batch.weight for batch in computation.batches]
        return runners[0] if weights == [1.0] else SumRunner(runners, weights)

    return runner


def _numpy_runner(batch: Batch, request: Request) -> Runner:
    """A runner by source of its own, or by tables where that would be too long."""
    program = written(batch, request)
    if program is None:
        return TablesRunner(batch, request)
    return NumpyRunner(program, batch.stages)


BACKENDS = {
    "numpy": Backend(_of_batches(_numpy_runner)),
    "jax": Backend(_of_batches(JaxRunner), compiles=True, importable=import_jax),
    "python": Backend(PythonRunner, lowers=False),
}


def named_backend(engine: str, tool: str = "", *others: str) -> str:
    """The name of a back end, or one of the others that a tool takes.

    Raises:
        ValueError: if it is neither.
    """
    names = [*others, *BACKENDS]
    if engine not in names:
        raise ValueError(
            f"{tool}{': ' * bool(tool)}engine must be one of {', '.join(names)}, got {engine!r}"
        )
    return engine
