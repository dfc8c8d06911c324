"""The back ends: what may compute a program, by the name that ``engine=`` gives it.

One row of ``BACKENDS`` is all that there is to add for another. What a back end can do beyond
giving numbers, its runners say: devices (``shards``), a function for a tracer (``traced``), array
operations to describe (``operations``), and the passes (``stages``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .computation import Computation, PythonRunner
from .jax_backend import JaxRunner, import_jax
from .lowered import Request
from .numpy_backend import NumpyRunner
from .pipeline import Batch
from .runners import Runner, SumRunner
from .tables import TablesRunner, plan


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
    """By source of its own, or by tables where that would be too long."""
    if batch.layered:
        return NumpyRunner(batch, request)
    return TablesRunner(batch, plan(batch.recorded.only(request), request is Request.STEP))


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
