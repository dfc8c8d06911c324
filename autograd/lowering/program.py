"""``lower`` and what it returns: the pipeline from a graph of Values to something to call."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.value import Value
from .engines import Engine, PythonEngine, SumEngine
from .graph import LoweringError
from .jax_engine import JaxEngine, import_jax
from .pipeline import Part
from .record import record, unknown_leaves
from .reroll import reroll

Array: TypeAlias = NDArray[np.float64]
Recording: TypeAlias = "list[tuple[str, tuple[int, ...], float]]"
ENGINES = ("numpy", "jax", "python")


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
    ``Program.difference``, as ``EmpiricalRisk.lower`` does for a few.

    Args:
        root: the Value to average and to differentiate, or a list of K of them, such as the
            entries of a gradient, whose derivatives are a Hessian.
        inputs: D leaves that have a number for each instance. Without any, the graph is that of a
            whole data set; where it is a sum of instances of one form, it runs as a batch of them.
        wrt: P leaves that all instances share, to differentiate by. Each must be in the graph.
        engine: ``"numpy"``, ``"jax"`` (float64; spread over the devices that there are; it takes
            long to compile a graph with thousands of groups), or ``"python"``, the reference,
            which is the engine of Values itself.
        observe: Values of the graph whose numbers for each instance are wanted as well.

    Returns:
        The program.

    Raises:
        LoweringError: if a parameter is not in the graph, a leaf is named twice, or an operation
            has no array form.
        TypeError: if ``root`` or a leaf is not a Value, or an input is not a leaf.
        ValueError: if the engine is not known.
        ImportError: if it is not installed.
    """
    roots = [root] if isinstance(root, Value) else list(root)
    leaves = {"inputs": list(inputs), "wrt": list(wrt)}
    observed = list(observe)
    _check(roots, leaves, observed, engine)
    return Program(
        roots, leaves["inputs"], leaves["wrt"], engine, observed, isinstance(root, Value)
    )


def _check(
    roots: list[Value], leaves: dict[str, list[Value]], observed: list[Value], engine: str
) -> None:
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if engine == "jax":
        import_jax()
    if not roots:
        raise LoweringError("lower() takes one root at least, got an empty list")
    for name, values in {"root": roots, "observe": observed, **leaves}.items():
        for i, value in enumerate(values):
            if not isinstance(value, Value):
                raise TypeError(
                    f"lower() takes Values, but {name}[{i}] is {value!r} of type "
                    f"{type(value).__name__}; make it one with Value(...) before recording"
                )
            if name in leaves and value.op is not None:
                raise TypeError(
                    f"{name}[{i}] = {value!r} was computed by {value.op.name}; lower() takes "
                    f"leaves, those that the graph was recorded from"
                )
    named: dict[Value, str] = {}
    for name, values in leaves.items():
        for i, value in enumerate(values):
            if value in named:
                raise LoweringError(f"{name}[{i}] is {named[value]} as well; name each leaf once")
            named[value] = f"{name}[{i}]"
    unknown = unknown_leaves([*roots, *observed], {"wrt": leaves["wrt"]})
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise LoweringError(
            f"{', '.join(unknown[:3])}{more} cannot be reached from the root: the graph does not "
            f"depend on it; record the graph from the same Values, or leave it out of wrt"
        )


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


class Program(NotCopied):
    """An array program: call it on a batch, and get the mean and its gradient.

    Attributes:
        parameters: P floats, contiguous, in the order of ``wrt``: what the program computes with.
            Change it in place.
    """

    def __init__(
        self,
        roots: list[Value],
        inputs: list[Value],
        wrt: list[Value],
        engine: str,
        observed: list[Value],
        single: bool,
    ) -> None:
        self._roots, self._inputs, self._wrt = roots, inputs, wrt
        self._engine_name, self._observed, self._single = engine, observed, single
        self._engines: dict[str, Engine] = {}
        self._parts: list[Part] = []
        self._recording: Recording = []
        self.loaded_by: object = self
        self.parameters: Array = np.empty(0)
        with _no_search_for_cycles():
            if engine != "python":
                self._parts = self._derive()
            self.parameters = self._engine("step").parameters
        self.parameters[:] = [value.data for value in wrt]

    def _derive(self) -> list[Part]:
        """The passes up to the point where it matters which outputs are wanted."""
        if not self._inputs and self._single and not self._observed:
            parts = reroll(self._roots[0], self._wrt)
            if parts is not None:
                n = len(self._wrt)
                return [Part(x.graph, [x.root], 1, n, x.columns, x.weight) for x in parts]
        graph, nodes = record([*self._roots, *self._observed], self._inputs, self._wrt)
        if self._inputs:
            self._recording = graph.recording(nodes)
        columns = np.zeros((len(self._inputs), 1))
        return [Part(graph, nodes, len(self._roots), len(self._wrt), columns)]

    def _engine(self, kind: str) -> Engine:
        """The engine for ``step`` (values, gradients, observed), ``value`` or ``rows``."""
        if kind not in self._engines:
            parts: Sequence[Part | None] = self._parts or [None]
            engines = [self._build(kind, part) for part in parts]
            weights = [part.weight if part else 1.0 for part in parts]
            self._engines[kind] = engines[0] if weights == [1.0] else SumEngine(engines, weights)
        engine = self._engines[kind]
        if engine.parameters is not self.parameters and len(self.parameters):
            engine.parameters[:] = self.parameters
        return engine

    def _build(self, kind: str, part: Part | None) -> Engine:
        engine: Engine
        if part is None:
            rows = {"step": self._observed, "value": [], "rows": self._roots}[kind]
            engine = PythonEngine(self._roots, self._inputs, self._wrt, rows, kind == "step")
            engine.load(np.zeros((len(self._inputs), 1)))
            return engine
        engine = part.engine(kind, self._engine_name)
        engine.load(part.columns)
        return engine

    def __call__(self, batch: Any = None) -> tuple[Any, Array]:
        """The mean over a batch, and its gradient.

        Args:
            batch: T instances of D inputs each, T at least 1; nothing for a graph without inputs.

        Returns:
            The mean, a float, and its P derivatives; for K roots an array of length K, and one of
            K rows of length P.

        Raises:
            ValueError: if the batch is empty, is not of the recorded shape, or is not numeric.
        """
        results = self._run("step", batch)
        k = len(self._roots)
        if self._single:
            return float(results[0]), results[1:].copy()
        return results[:k].copy(), results[k:].reshape(k, len(self._wrt)).copy()

    def value(self, batch: Any = None) -> Any:
        """The mean over a batch alone, forward only; arguments and errors as for a call."""
        results = self._run("value", batch)
        return float(results[0]) if self._single else results.copy()

    def per_instance(self, batch: Any = None) -> Array:
        """The root for every instance: an array of length T, or T x K for a list of K roots."""
        if self._single and not self._inputs:  # of which a batch may have been made
            return np.array([self.value(batch)])
        self._run("rows", batch)
        rows = self._engines["rows"].rows()
        found: Array = rows[0].copy() if self._single else rows.T.copy()
        return found

    def _run(self, kind: str, batch: Any) -> Array:
        engine = self._engine(kind)
        if self._inputs:
            engine.load(self.columns(batch))
            self.loaded_by = self
        elif batch is not None:
            raise ValueError(
                "this program was lowered without inputs, so its data are in the graph; call it "
                "without a batch, or name the inputs: lower(root, inputs=[...])"
            )
        return engine.run()

    def columns(self, batch: Any) -> Array:
        """A batch as D rows and a column for each instance, once it is known to fit."""
        try:
            array = np.asarray(batch, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"a batch is T lists of {len(self._inputs)} real numbers: {error}"
            ) from None
        if array.ndim == 1 and len(self._inputs) == 1:
            array = array[:, None]
        if len(array.shape) and len(array) == 0:
            raise ValueError("expected a batch of one instance at least, got an empty one")
        if array.ndim != 2 or array.shape[1] != len(self._inputs):
            raise ValueError(
                f"the program was recorded with {len(self._inputs)} inputs, so a batch is of shape "
                f"(T, {len(self._inputs)}), got {array.shape}"
            )
        return np.ascontiguousarray(array.T)

    def bind(self, batch: Any) -> BoundProgram:
        """The program with its data fixed: ``loss, gradient = bound()``."""
        return BoundProgram(self, self.columns(batch))

    def write_back(self) -> None:
        """Put ``parameters`` into the Values of ``wrt``."""
        for value, number in zip(self._wrt, self.parameters.tolist()):
            value.data = number

    def difference(
        self, root: Value, inputs: Sequence[Value], observe: Sequence[Value] = ()
    ) -> str:
        """Where the recording of another instance differs from this one's; empty if nowhere."""
        if not self._recording:  # The reference does without.
            graph, nodes = record([*self._roots, *self._observed], self._inputs, self._wrt)
            self._recording = graph.recording(nodes)
        graph, nodes = record([root, *observe], inputs, self._wrt)
        other = graph.recording(nodes)
        for mine, yours in zip(self._recording, other):
            if mine != yours:
                was, found = _shown(mine), _shown(yours)
                if was == found:
                    return f"{found} has other operands"
                return f"{found} stands where it had {was}"
        return ""  # Both end with their root, so that of two lengths one has been told above.

    @property
    def source(self) -> str:
        """The program as NumPy source, with the matrix products that the graph has become."""
        return self._engine("step").source

    def describe(self) -> str:
        """A table of the array operations: how many scalar nodes each stands for."""
        if self._engine_name == "python":
            return self.source
        engine = self._engine("step")
        engines = engine.engines if isinstance(engine, SumEngine) else [engine]
        lines = [x for part, engine in zip(self._parts, engines) for x in part.describe(engine)]
        text = [f"{'when':<12}{'operation':<16}{'nodes':>8}{'calls':>8}  first of them"]
        text += [
            f"{x.when:<12}{x.operation:<16}{x.nodes:>8}{x.calls:>8}  {x.note}".rstrip()
            for x in lines
        ]
        nodes, calls = sum([x.nodes for x in lines]), sum([x.calls for x in lines])
        return "\n".join([*text, f"{nodes} scalar nodes in {calls} array operations"])


class BoundProgram(NotCopied):
    """A program with its data: ``loss, gradient = bound()``.

    Attributes:
        program: the program.
        parameters: what it computes with, a contiguous array to change in place.
        size: T, the number of instances.
    """

    def __init__(self, program: Program, columns: Array) -> None:
        self.program = program
        self.parameters = program.parameters
        self.size = columns.shape[1]
        self._columns = columns
        self._engine = program._engine("step")
        self._instances: Sequence[int] | None = None
        self._load()

    def _load(self) -> None:
        chosen = self._instances
        self._engine.load(self._columns if chosen is None else self._columns.take(chosen, axis=1))
        self.program.loaded_by = self

    def select(self, instances: Sequence[int] | None) -> None:
        """Choose the instances of the next calls: a batch, or all for None."""
        if instances is not None or self._instances is not None:
            self._instances = instances
            self._load()

    def __call__(self) -> tuple[float, Array]:
        """The mean and its gradient, an array that the next call may overwrite."""
        if self.program.loaded_by is not self:
            self._load()
        results = self._engine.run()
        return float(results[0]), results[1:]

    def value(self) -> float:
        """The mean over all instances, forward only."""
        engine = self.program._engine("value")
        engine.load(self._columns)
        return float(engine.run()[0])

    def observed(self) -> Array:
        """What was to be observed in the last call, an array with a row for each instance."""
        found: Array = self._engine.rows().T
        return found

    def shards(self) -> list[tuple[str, int]]:
        """The devices that hold the instances of the next call, and how many of them each."""
        if isinstance(self._engine, JaxEngine):
            return self._engine.shards()
        return [("cpu", self.size if self._instances is None else len(self._instances))]

    def jax_function(self) -> Callable[[Any], tuple[Any, Any]]:
        """The mean and its gradient as a pure function of the parameters, a JAX array of length P.

        It is for loops of your own, such as many steps in one ``jax.lax.scan``: trace it within
        ``jax.enable_x64(True)``.

        Raises:
            ValueError: if the engine is another one.
        """
        if not isinstance(self._engine, JaxEngine):
            raise ValueError("jax_function() needs a program lowered with engine='jax'")
        return self._engine.bound_function()

    def write_back(self) -> None:
        """Put the parameters into the Values."""
        self.program.write_back()

    @property
    def source(self) -> str:
        """The program as NumPy source."""
        return self.program.source

    def describe(self) -> str:
        """A table of the array operations."""
        return self.program.describe()


def _shown(node: tuple[str, tuple[int, ...], float]) -> str:
    name, _, number = node
    return f"the constant {number:.6g}" if name == "constant" else f"{name}"
