"""The empirical risk: the average divergence between a model's outputs and the targets.

A model and a divergence go in; the lecture's Loss(W) of a data set comes out, as one Value whose
graph holds every instance. ``predict`` is the same pass without a target.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

import autograd
from autograd import BoundProgram, LoweringError, Program, Value, grad, lower

from .divergences import Divergence, pair, row_of

Model: TypeAlias = Callable[[Any], Any]
MANY = 64  # inputs, from which on recording the model costs less than calling it for each
SAMPLE = 24  # inputs that predict() tries besides those that look different


class EmpiricalRisk:
    """Loss(W) = (1/T) sum_i div(f(X_i; W), d_i) (lecture: "Recap: Empirical Risk Minimization").

    Args:
        model: f, called with one input.
        divergence: div, called with an output of the model and a target: one of
            ``nn.divergences``, or a function of your own that returns a Value.
    """

    def __init__(self, model: Model, divergence: Divergence) -> None:
        for name, function in (("model", model), ("divergence", divergence)):
            if not callable(function):
                raise TypeError(
                    f"EmpiricalRisk({name}): expected something to call, got {function!r} of type "
                    f"{type(function).__name__}"
                )
        self.model = model
        self.divergence = divergence

    def __call__(self, X: Sequence[Any], D: Sequence[Any]) -> Value:
        """The risk over a data set.

        Args:
            X: T inputs, at least one.
            D: T targets.

        Raises:
            ValueError: if there are none, not as many inputs as targets, or one that the model or
                the divergence refuses, which is named.
            TypeError: likewise, or if X or D is not a list.
        """
        check_data(X, D)
        return self.over(X, D, range(len(X)))

    def over(
        self, X: Sequence[Any], D: Sequence[Any], batch: Sequence[int], kind: str = "instance"
    ) -> Value:
        """The risk over some instances of a data set; ``kind`` is what errors call them."""
        divergences = []
        for i in batch:
            with named(kind, i):
                divergences.append(self.divergence(self.model(X[i]), D[i]))
        return autograd.sum(divergences) / len(divergences)

    def lower(
        self,
        X: Sequence[Any],
        D: Sequence[Any],
        engine: str = "numpy",
        *,
        parameters: Sequence[Value] | None = None,
        replay: bool = True,
    ) -> BoundProgram:
        """The risk over a data set as an array program with the data bound.

        One instance is recorded. A few others, chosen to differ from it and from each other, are
        replayed to find out whether the recording holds for them too.

        Args:
            X: T inputs, at least one, all of one shape.
            D: T targets, all of one shape.
            engine: ``"numpy"``, ``"jax"`` or ``"python"``.
            parameters: what to differentiate by; by default ``model.parameters()``.
            replay: whether to replay.

        Returns:
            ``program``, for ``loss, gradient = program()``, which reads ``program.parameters``;
            ``program.write_back()`` puts these into the model's Values.

        Raises:
            ValueError: if there are no data, an instance has another shape than the first, or
                something in it is no number or no target of the divergence.
            LoweringError: (a ValueError) if the model or the divergence does not compute all
                instances by one formula, as with an ``if`` on its input, or a parameter is not
                used.
        """
        check_data(X, D)
        lowered = LoweredRisk(self, X[0], D[0], engine, parameters)
        return lowered.bind(X, D, replay=replay)


class LoweredRisk:
    """The risk of one instance as an array program, to which data are bound.

    Args:
        risk: what to lower.
        x: the input of the instance to record.
        d: its target.
        engine: as for ``EmpiricalRisk.lower``.
        parameters: likewise.

    Raises:
        ValueError, LoweringError: as ``EmpiricalRisk.lower``.
    """

    def __init__(
        self,
        risk: EmpiricalRisk,
        x: Any,
        d: Any,
        engine: str = "numpy",
        parameters: Sequence[Value] | None = None,
    ) -> None:
        self.risk, self.engine = risk, engine
        if parameters is None:
            parameters = risk.model.parameters()  # type: ignore[attr-defined]
        self.wrt = list(parameters)
        self.inputs, self.targets = _Layout("X", x), _Layout("D", d)
        row = np.hstack([self.inputs.rows([x]), self.targets.rows([d])])[0]
        loss, leaves, outputs = self._record(row.tolist(), "instance", 0)
        self._check_used(loss)
        self.program = lower(loss, leaves, self.wrt, engine, observe=outputs)

    def bind(
        self, X: Sequence[Any], D: Sequence[Any], kind: str = "instance", replay: bool = True
    ) -> BoundProgram:
        """The program over a data set; ``kind`` is what errors call its instances.

        Raises:
            ValueError, LoweringError: as ``EmpiricalRisk.lower``.
        """
        of = kind.removesuffix("instance").removeprefix("training ")
        batch = np.hstack([self.inputs.rows(X, of), self.targets.rows(D, of)])
        self._check_targets(X[0], D, kind)
        if replay and self.engine != "python":
            self._replay(batch, X, D, kind)
        return self.program.bind(batch)

    def _record(
        self, row: list[float], kind: str, i: int
    ) -> tuple[Value, list[Value], list[Value]]:
        """The loss of one instance, its numbers as leaves, and the model's outputs."""
        x, x_values = self.inputs.values(row[: self.inputs.size], "x")
        d, d_values = self.targets.values(row[self.inputs.size :], "d")
        refused: Exception | None = None
        with named(kind, i):
            try:
                y = self.risk.model(x)
                loss = self.risk.divergence(y, d)
            except (TypeError, IndexError, KeyError, AttributeError) as error:
                refused = error
            if refused is not None:  # a mistake that plain numbers meet as well speaks for itself
                self.risk.divergence(self.risk.model(plain(x)), plain(d))
        if refused is not None:
            raise _not_lowered(f"it fails on Values: {refused}") from refused
        if not isinstance(loss, Value):
            raise TypeError(
                f"the divergence must give a Value that depends on the parameters, but the "
                f"loss is {loss!r} of type {type(loss).__name__}; compute with autograd's "
                f"functions"
            )
        return loss, [*x_values, *d_values], as_values(y)

    def _check_used(self, loss: Value) -> None:
        """Refuse parameters that the loss does not depend on."""
        used = set(autograd.consumers_first(loss))
        unused = [value.label or repr(value) for value in self.wrt if value not in used]
        if unused:
            more = f" and {len(unused) - 3} more" if len(unused) > 3 else ""
            raise LoweringError(
                f"the loss does not depend on {', '.join(unused[:3])}{more}: the graph of an "
                f"instance holds no such parameter; use it in the model, keep it out of "
                f"parameters() by a name that begins with an underscore, or take engine='python', "
                f"which leaves it as it is"
            )

    def _check_targets(self, x: Any, D: Sequence[Any], kind: str) -> None:
        """What a divergence that is described refuses, refused before anything is computed."""
        if row_of(self.risk.divergence):
            with named(kind, 0):
                y = as_floats(self.risk.model(x))
            for i, d in enumerate(D):
                with named(kind, i):
                    pair(self.risk.divergence, y, d)

    def _replay(self, batch: Any, X: Sequence[Any], D: Sequence[Any], kind: str) -> None:
        """Refuse a program that does not hold for a few instances that differ."""
        checked = self.program
        if self.engine == "jax":  # which would compile for a batch of one first
            loss, leaves, _ = self._record(batch[0].tolist(), kind, 0)
            checked = lower(loss, leaves, self.wrt)
        for i in _different(batch):
            loss, leaves, outputs = self._record(batch[i].tolist(), kind, i)
            difference = self.program.difference(loss, leaves, outputs)
            if difference:
                raise _not_lowered(f"{kind} {i} takes another course: {difference}")
            with named(kind, i):
                eager = self.risk.divergence(self.risk.model(X[i]), D[i])
            self._compare(checked, batch[i], eager, f"{kind} {i}")

    def _compare(self, program: Program, row: Any, eager: Value, name: str) -> None:
        """Compare an instance's loss with what the model gives for its plain numbers."""
        loss, gradient = program([row])
        if not np.isclose(loss, eager.data, 1e-9, 1e-300, equal_nan=True):
            raise _not_lowered(f"the loss of {name} is {eager.data!r}, but came to {loss!r}")
        expected = np.array(grad(eager, self.wrt))
        if np.isfinite(expected).all():
            scale = np.abs(expected).max(initial=1e-300)
            if not np.allclose(gradient / scale, expected / scale, 0.0, 1e-9):
                raise _not_lowered(f"the gradient of {name} is another one")


@contextmanager
def named(kind: str, i: int) -> Iterator[None]:
    """A block whose ValueErrors and TypeErrors name the instance that they come from.

    What asks a number for something that only Values have is a TypeError as well.
    """
    try:
        yield
    except AttributeError as error:
        if not (isinstance(error.obj, (int, float)) and hasattr(Value, str(error.name))):
            raise
        raise TypeError(
            f"{kind} {i}: the model or the divergence asks the plain number {error.obj!r} for "
            f".{error.name}, which only Values have; inputs and targets come as they stand in the "
            f"data: use the number itself, or autograd's functions; and for arrays, write a choice "
            f"that depends on it with autograd.where"
        ) from error
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError):  # which may be made in another way
            raise
        raise type(error)(f"{kind} {i}: {error}") from error


def predict(model: Model, X: Sequence[Any], *, engine: str | None = None) -> list[list[float]]:
    """The outputs of a model for many inputs, as plain numbers.

    Args:
        model: called with one input, returning a number, a Value or a list of K of them.
        X: T inputs.
        engine: ``"python"`` calls the model with each input; ``"numpy"`` records it once and
            computes all outputs together, after trying whether some inputs take the same course.
            The numbers are the same to rounding. By default the second where there are many
            inputs and the model can be recorded once for them, and else the first.

    Returns:
        T lists of K floats.

    Raises:
        ValueError: if ``engine`` is none of these.
        LoweringError: (a ValueError) if ``engine`` is ``"numpy"`` and the model cannot be recorded
            once for all inputs.
    """
    if engine not in (None, "python", "numpy"):
        raise ValueError(f"engine must be python or numpy, got {engine!r}")
    X = X if hasattr(X, "__len__") else list(X)
    if engine == "numpy" or (engine is None and len(X) >= MANY):
        together = _predict_together(model, X) if len(X) else []
        if together is not None:
            return together
        if engine is not None:
            raise _not_lowered("not all inputs take the same course through it")
    outputs = []
    for i, x in enumerate(X):
        with named("input", i):
            outputs.append(as_floats(model(x)))
    return outputs


def _predict_together(model: Model, X: Sequence[Any]) -> list[list[float]] | None:
    """The outputs by a forward program; None where the model computes inputs one by one."""
    try:
        layout = _Layout("X", X[0])
        batch = layout.rows(X)
        different = _different(batch)
        program: Program | None = None
        for i in [0, *different]:
            x, leaves = layout.values(batch[i].tolist(), "x")
            outputs = as_values(model(x))
            if program is None:
                program = lower(outputs, leaves)
            elif program.difference(outputs[0], leaves, outputs[1:]):
                return None
        assert program is not None
        found = program.per_instance(batch)
        more = random.Random(0).sample(range(len(batch)), min(SAMPLE, len(batch)))
        for i in {0, *different, *more}:
            if not np.allclose(found[i], as_floats(model(X[i])), 1e-9, 1e-12, equal_nan=True):
                return None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None  # the model, called with each input, says better what is wrong
    return found.tolist()  # type: ignore[no-any-return]


def as_values(output: Any) -> list[Value]:
    """One output as a list of Values."""
    entries = output if hasattr(output, "__iter__") else [output]
    return [y if isinstance(y, Value) else Value(y) for y in entries]


class _Layout:
    """How the numbers of an instance are nested, so that they can be a row of a batch."""

    def __init__(self, name: str, example: Any) -> None:
        self.name = name
        self.shape = np.shape(plain(example))
        self.size = int(np.prod(self.shape, dtype=int))

    def rows(self, examples: Sequence[Any], of: str = "") -> Any:
        """The instances, T x size; ``of`` is what errors put before the name of the data.

        Raises:
            ValueError: if one has another shape than the first, or is not made of numbers.
        """
        plains = [plain(example) for example in examples]
        try:
            table = np.array(plains)
            if table.dtype.kind in "fiu" and table.shape[1:] == self.shape:
                return table.reshape(len(plains), self.size).astype(np.float64)
        except ValueError:
            pass
        return np.array([self._row(of, i, example) for i, example in enumerate(plains)])

    def _row(self, of: str, i: int, example: Any) -> list[float]:
        """One instance, looked at closely."""
        try:
            array = np.array(example, dtype=object)
            row = [Value(number).data for number in array.reshape(-1)]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{of}{self.name}[{i}] is not made of numbers: {error}") from None
        if array.shape != self.shape:
            raise ValueError(
                f"{of}{self.name}[{i}] has the shape {array.shape}, but the instance that was "
                f"recorded has {self.shape}; one recording serves instances of one shape only"
            )
        return row

    def values(self, numbers: Sequence[float], label: str) -> tuple[Any, list[Value]]:
        """An instance made of Values: nested as it was, and in one list."""
        if not self.shape:
            value = Value(numbers[0], label)
            return value, [value]
        leaves = [Value(number, f"{label}[{i}]") for i, number in enumerate(numbers)]
        return np.array([*leaves, None], dtype=object)[:-1].reshape(self.shape).tolist(), leaves


def plain(example: Any) -> Any:
    """An instance with numbers in place of Values."""
    if isinstance(example, Value):
        return example.data
    return [plain(x) for x in example] if isinstance(example, (list, tuple)) else example


def _different(batch: Any) -> list[int]:
    """A few instances that are as different as a cheap look can tell, the first left out."""
    finite = np.nan_to_num(batch, posinf=1e9, neginf=-1e9)
    with np.errstate(over="ignore"):
        total = finite.sum(axis=1)
        distance = np.abs(finite - finite[0]).sum(axis=1)
    chosen = {
        len(batch) - 1,
        int(total.argmin()),
        int(total.argmax()),
        int(distance.argmax()),
        int(finite[:, -1].argmin()),
        int(finite[:, -1].argmax()),
    }
    return sorted(chosen - {0})


def _not_lowered(reason: str) -> LoweringError:
    return LoweringError(
        f"the model cannot become an array program, as {reason}; write choices that depend on "
        f"data with autograd.where or autograd.maximum, keep .data out of the model, or take "
        f"engine='python'"
    )


def as_floats(output: Any) -> list[float]:
    """One output as a list of plain numbers."""
    entries = output if hasattr(output, "__iter__") else [output]
    return [y.data if isinstance(y, Value) else float(y) for y in entries]


def check_data(X: Sequence[Any], D: Sequence[Any]) -> None:
    """Refuse a data set that is empty or has inputs without targets."""
    for name, data in (("X", X), ("D", D)):
        if not hasattr(data, "__len__"):
            raise TypeError(
                f"{name} must be a list with one entry for each instance, got {data!r} of type "
                f"{type(data).__name__}"
            )
    if len(X) != len(D):
        raise ValueError(
            f"expected one target for each input, got {len(X)} inputs and {len(D)} targets"
        )
    if len(X) == 0:
        raise ValueError("expected one instance at least, got an empty data set")
