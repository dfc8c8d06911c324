"""``lower`` and what it returns: from a graph of Values to something to call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import Value
from ..core.stale import StaleGraphError, refuse_stale
from ..data import numeric
from ..text import Text, counted, got, whole_number
from .backends import BACKENDS, Computation, named_backend
from .graph import LoweringError
from .lowered import Request
from .record import difference, is_alike, record

Array: TypeAlias = NDArray[np.float64]


def lower(
    root: Value | Sequence[Value],
    inputs: Iterable[Value] = (),
    wrt: Iterable[Value] = (),
    engine: str = "numpy",
    observe: Iterable[Value] = (),
) -> Program:
    """Turn the graph of one instance into an array program over a whole batch.

    Leaves that are neither in ``inputs`` nor in ``wrt`` are constants, at the number that they
    hold now. What Python decided while the graph was recorded is recorded as decided: to find out
    whether it would decide otherwise for another instance, record that and ask
    ``Program.difference``, as ``EmpiricalRisk.lower`` does for a few. Sums of more than three terms
    may be added up in another order: they agree to rounding, unless one overflows on the way.

    Args:
        root: the Value to average and to differentiate, or a list of K of them, such as the
            entries of a gradient, whose derivatives are a Hessian.
        inputs: D leaves that have a number for each instance. Without any, the graph is that of a
            whole data set; where it is a sum of instances of one form, it runs as a batch of them.
        wrt: P leaves that all instances share, to differentiate by. By one that the root does not
            depend on the derivative is 0.0, as by ``grad``.
        engine: ``"numpy"``, ``"jax"`` (float64; spread over the devices that there are; it takes
            long to compile a graph with thousands of blocks, and takes numbers below 2.2e-308 for
            0), or ``"python"``, the reference, which computes with the Values themselves.
        observe: Values of the graph whose numbers for each instance are wanted as well.

    Returns:
        The program.

    Raises:
        LoweringError: if a leaf is named twice, or an operation has no array form.
        TypeError: if ``root`` or a leaf is not a Value, or an input is not a leaf.
        ValueError: if the engine is not known.
        ImportError: if it is not installed.
        StaleGraphError: if a number in the graph is no longer what its operands give.
    """
    if isinstance(root, Value):
        roots = [root]
    elif isinstance(root, Iterable):
        roots = list(root)
    else:
        raise TypeError(
            f"lower() takes a Value or a list of Values, got {got(root)}; of a function f, give "
            f"what f(Value(...)) returns, or call LoweredFunction(f, xs)"
        )
    leaves = {"inputs": list(inputs), "wrt": list(wrt)}
    observed = list(observe)
    _check(roots, leaves, observed, engine)
    computation = Computation(roots, leaves["inputs"], leaves["wrt"], observed, engine)
    refuse_stale([*reversed(computation.order), *computation.inputs, *computation.wrt])
    return Program(computation, single=isinstance(root, Value))


def _check(
    roots: list[Value], leaves: dict[str, list[Value]], observed: list[Value], engine: str
) -> None:
    BACKENDS[named_backend(engine)].importable()
    if not roots:
        raise LoweringError("lower() takes one root at least, got an empty list")
    for name, values in {"root": roots, "observe": observed, **leaves}.items():
        for i, value in enumerate(values):
            if not isinstance(value, Value):
                raise TypeError(
                    f"lower() takes Values, but {name}[{i}] is {got(value)}; make it one with "
                    f"Value(...) before recording"
                )
            if name in leaves and value.op is not None:
                raise TypeError(
                    f"{name}[{i}] = {value!r} was computed by {value.op.name}; lower() takes "
                    f"leaves, those that the graph was recorded from"
                )
    named: dict[Value, tuple[str, int]] = {}
    for name, values in leaves.items():
        for i, value in enumerate(values):
            if value in named:
                other, j = named[value]
                raise LoweringError(f"{name}[{i}] is {other}[{j}] as well; name each leaf once")
            named[value] = name, i


class NotCopied:
    """Compiled code that computes in arrays of its own: a copy's would go on in the original's."""

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse ``copy.copy``, ``copy.deepcopy`` and ``pickle``.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, as its code computes in arrays "
            f"of its own; copy what it was made of, a graph or a model, and lower that again"
        )


class _Made(NotCopied):
    """What a program with its data and one without have in common."""

    def __init__(self, computation: Computation) -> None:
        self._computation = computation
        self.parameters = computation.parameters

    def write_back(self) -> None:
        """Put ``parameters`` into the Values of ``wrt``."""
        self._computation.held.write_back(self.parameters.tolist())

    def _refuse_another(self) -> None:
        """Nothing, if the program computes with what the Values hold that it was made of."""
        departed = self._computation.held.departed(self.parameters)
        if departed:
            raise StaleGraphError(
                f"{departed}; change the program's parameters in place, and write_back() puts "
                f"them into the Values, or lower again after an assignment"
            )

    @property
    def source(self) -> str:
        """The program as NumPy source, with the matrix products that the graph has become."""
        return self._computation.runner(Request.STEP).source

    def describe(self) -> str:
        """A table of the array operations: how many scalar nodes each stands for."""
        lines = self._computation.runner(Request.STEP).operations()
        if not lines:
            return self.source
        text = [f"{'when':<12}{'operation':<16}{'nodes':>8}{'calls':>8}  first of them"]
        text += [
            f"{x.when:<12}{x.operation:<16}{x.nodes:>8}{x.calls:>8}  {x.note}".rstrip()
            for x in lines
        ]
        nodes, calls = sum([x.nodes for x in lines]), sum([x.calls for x in lines])
        return "\n".join([*text, f"{nodes} scalar nodes in {calls} array operations"])

    def stages(self, after: str | None = None, most: int = 40) -> Text:
        """The graph of an instance as it was recorded, and after each pass of the lowering.

        A line says how a node is computed, ``v7 = tanh(v5)``, and what it is called, if it has a
        label. ``affine`` is a sum of products, a row of a matrix product; derivatives are sums over
        the batch. All stages compute the same numbers. A graph that runs by tables, as its
        ``source`` says, and one that runs as Values is shown as recorded.

        Args:
            after: show one stage only: ``"record"``, or the name of a pass: ``"find_products"``,
                ``"differentiate"``, ``"simplify"``, ``"expand"`` or ``"choose_sums"``.
            most: how many nodes to show, and how many outputs; of more the first and the last.

        Returns:
            The text, which a Python session shows as it reads.

        Raises:
            ValueError: if there is no such stage.
        """
        most = whole_number("most", most)
        stages = list(self._computation.runner(Request.STEP).stages())
        names = list(dict.fromkeys(name for name, _ in stages))
        if after is not None and after not in names:
            raise ValueError(f"after must be one of {', '.join(names)}, got {after!r}")
        return Text(
            "\n\n".join(
                f"{name}: {counted(sum(lowered.reached()), 'node')}\n{lowered.text(most)}"
                for name, lowered in stages
                if after in (None, name)
            )
        )


class Program(_Made):
    """An array program: call it on a batch, and get the mean and its gradient.

    Threads may share it: their calls are made one after the other.

    Attributes:
        parameters: P floats, contiguous, in the order of ``wrt``: what the program computes with.
            Change it in place.
    """

    def __init__(self, computation: Computation, single: bool) -> None:
        super().__init__(computation)
        self._single = single

    def __call__(self, batch: Any = None) -> tuple[Any, Array]:
        """The mean over a batch, and its gradient.

        Args:
            batch: T instances of D inputs each, T at least 1: lists, an array or a frame; nothing
                for a graph without inputs.

        Returns:
            The mean, a float, and its P derivatives; for K roots an array of length K, and one of
            K rows of length P.

        Raises:
            ValueError: if the batch is empty, is not of the recorded shape, or is not numeric.
            StaleGraphError: if a Value that the program was made of has been assigned a number that
                it does not compute with.
        """
        results = self._run(Request.STEP, batch)
        k = len(self._computation.roots)
        if self._single:
            return float(results[0]), results[1:]
        return results[:k], results[k:].reshape(k, len(self.parameters))

    def value(self, batch: Any = None) -> Any:
        """The mean over a batch alone, forward only; arguments and errors as for a call."""
        results = self._run(Request.VALUES, batch)
        return float(results[0]) if self._single else results

    def per_instance(self, batch: Any = None) -> Array:
        """The root for every instance: an array of length T, or T x K for a list of K roots."""
        if not self._computation.inputs:  # the data in the graph may be a batch, but it is one root
            return np.array([self.value(batch)])
        rows = self._run(Request.ROWS, batch)
        return np.array(rows[0] if self._single else rows.T)

    def _run(self, request: Request, batch: Any) -> Array:
        """What the runner for a request gives for a batch: averages, or rows where it asks so."""
        self._refuse_another()
        computation, columns = self._computation, None
        if computation.inputs:
            columns = self.columns(batch)
        elif batch is not None:
            raise ValueError(
                "this program was lowered without inputs, so its data are in the graph; call it "
                "without a batch, or name the inputs: lower(root, inputs=[...])"
            )
        with computation.lock:
            runner = computation.runner(request, columns)
            averages = runner.run()
            return runner.rows() if request is Request.ROWS else averages.copy()

    def columns(self, batch: Any) -> Array:
        """A batch as D rows and a column for each instance, once it is known to fit."""
        size = len(self._computation.inputs)
        try:
            array = numeric("batch", batch)
        except (TypeError, ValueError) as error:
            raise ValueError(f"a batch is T lists of {size} real numbers: {error}") from None
        if array.ndim == 1 and size == 1:
            array = array[:, None]
        if not len(array):
            raise ValueError("expected a batch of one instance at least, got an empty one")
        if array.ndim != 2 or array.shape[1] != size:
            raise ValueError(
                f"the program was recorded with {size} inputs, so a batch is of shape (T, {size}), "
                f"got {array.shape}"
            )
        return np.array(array.T, order="C")  # a copy: what is held must not change

    def bind(self, batch: Any) -> BoundProgram:
        """The program with its data fixed: ``loss, gradient = bound()``."""
        return BoundProgram(self, self.columns(batch))

    def difference(
        self, root: Value, inputs: Sequence[Value], observe: Sequence[Value] = ()
    ) -> str:
        """Where the recording of another instance differs from this one's; empty if nowhere."""
        made = self._computation
        nodes, others = [*made.roots, *made.observed], [root, *observe]
        if len(inputs) == len(made.inputs) and len(nodes) == len(others):
            leaves = dict(zip([*made.inputs, *made.wrt], [*inputs, *made.wrt]))
            if is_alike(nodes, others, leaves, made.held.constants):
                return ""
        return difference(made.recorded, record([root], inputs, made.wrt, observe))


class _Own(threading.local):
    """What each thread has of a program with its data: the instances of its next call, as columns,
    and what was observed in its last one.
    """

    def __init__(self, columns: Array | None) -> None:
        self.chosen = columns
        self.rows: Array | None = None


class BoundProgram(_Made):
    """A program with its data: ``loss, gradient = bound()``.

    Threads may share it. Their calls are made one after the other, and what ``select`` has chosen
    and ``observed`` gives is each thread's own.

    Attributes:
        program: the program.
        parameters: what it computes with, a contiguous array to change in place.
        size: T, the number of instances.
    """

    def __init__(self, program: Program, columns: Array) -> None:
        super().__init__(program._computation)
        self.program = program
        self.size = columns.shape[1]
        # A program without inputs has its data in it.
        self._columns = columns if self._computation.inputs else None
        self._own = _Own(self._columns)
        with self._computation.lock:  # ready for the first call
            self._runner = self._computation.runner(Request.STEP, self._columns)

    def select(self, instances: Sequence[int] | None) -> None:
        """Choose the instances of the next calls: a batch, or all for None."""
        if self._columns is not None:
            columns = self._columns
            self._own.chosen = columns if instances is None else columns.take(instances, axis=1)

    def __call__(self) -> tuple[float, Array]:
        """The mean and its gradient, an array of length P.

        Raises:
            StaleGraphError: as a call of the program.
        """
        self._refuse_another()
        with self._computation.lock:
            self._runner.hold(self._own.chosen)
            results = self._runner.run().copy()
            self._own.rows = self._runner.rows()
        return float(results[0]), results[1:]

    def value(self) -> float:
        """The mean over all instances, forward only."""
        self._refuse_another()
        with self._computation.lock:
            return float(self._computation.runner(Request.VALUES, self._columns).run()[0])

    def observed(self) -> Array:
        """What was to be observed in the last call, an array with a row for each instance.

        Raises:
            ValueError: if there has been no call.
        """
        if self._own.rows is None:
            raise ValueError("observed() is of this thread's last call, and there has been none")
        found: Array = self._own.rows.T
        return found

    def shards(self) -> list[tuple[str, int]]:
        """The devices that hold the instances of the next call, and how many of them each."""
        with self._computation.lock:
            self._runner.hold(self._own.chosen)
            return self._runner.shards()

    def jax_function(self) -> Callable[[Any], tuple[Any, Any]]:
        """The mean and its gradient as a pure function of the parameters, a JAX array of length P.

        It is for loops of your own, such as many steps in one ``jax.lax.scan``: trace it within
        ``jax.enable_x64(True)``. ``jax.jit(..., compiler_options={"xla_disable_hlo_passes":
        "algsimp"})`` keeps XLA from rewriting it, as this program is kept.

        Raises:
            ValueError: if the engine is another one.
        """
        with self._computation.lock:
            self._runner.hold(self._own.chosen)
            return self._runner.traced()
