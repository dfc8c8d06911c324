"""The empirical risk: the average divergence between a model's outputs and the targets.

A model and a divergence go in; the lecture's Loss(W) of a data set comes out, as one Value whose
graph holds every instance. ``predict`` is the same pass without a target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

import autograd
from autograd import BoundProgram, LoweringError, Program, Value, grad, lower

from . import divergences

Model: TypeAlias = Callable[[Any], Any]
Divergence: TypeAlias = Callable[[Any, Any], Value]


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
            ValueError: if there are none, or not as many inputs as targets.
            TypeError: if one of them is not a list.
        """
        check_data(X, D)
        divergences = [self.divergence(self.model(x), d) for x, d in zip(X, D)]
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
                instances by one formula, as with an ``if`` on its input.
        """
        check_data(X, D)
        inputs, targets = _Layout("X", X[0]), _Layout("D", D[0])
        batch = np.hstack([inputs.rows(X), targets.rows(D)])
        self._check_targets(X[0], D)
        wrt = list(self.model.parameters() if parameters is None else parameters)  # type: ignore[attr-defined]

        def record(row: list[float]) -> tuple[Value, list[Value], list[Value]]:
            x, x_values = inputs.values(row[: inputs.size], "x")
            d, d_values = targets.values(row[inputs.size :], "d")
            try:
                y = self.model(x)
                loss = self.divergence(y, d)
            except (TypeError, IndexError, KeyError, AttributeError) as error:
                raise _not_lowered(f"it fails on Values: {error}") from error
            if not isinstance(loss, Value):
                raise TypeError(
                    f"the divergence must give a Value that depends on the parameters, but the "
                    f"loss is {loss!r} of type {type(loss).__name__}; compute with autograd's "
                    f"functions"
                )
            return loss, [*x_values, *d_values], as_values(y)

        loss, leaves, outputs = record(batch[0].tolist())
        program = lower(loss, leaves, wrt, engine, observe=outputs)
        if replay and engine != "python":
            # JAX would compile for a batch of one first.
            checked = lower(loss, leaves, wrt) if engine == "jax" else program
            for i in _different(batch):
                again, leaves, outputs = record(batch[i].tolist())
                difference = program.difference(again, leaves, outputs)
                if difference:
                    raise _not_lowered(f"instance {i} takes another course: {difference}")
                self._compare(checked, batch[i], X[i], D[i], wrt, i)
        return program.bind(batch)

    def _check_targets(self, x: Any, D: Sequence[Any]) -> None:
        """What the divergences of this package refuse, refused before anything is computed."""
        if getattr(self.divergence, "__module__", "") == divergences.__name__:
            y = as_floats(self.model(x))
            for d in D:
                self.divergence(y, d)

    def _compare(
        self, program: Program, row: Any, x: Any, d: Any, wrt: list[Value], i: int
    ) -> None:
        """Compare an instance's loss with what the model gives for its plain numbers."""
        eager = self.divergence(self.model(x), d)
        loss, gradient = program([row])
        if not np.isclose(loss, eager.data, 1e-9, 1e-300, equal_nan=True):
            raise _not_lowered(f"the loss of instance {i} is {eager.data!r}, but came to {loss!r}")
        expected = np.array(grad(eager, wrt))
        if np.isfinite(expected).all():
            scale = np.abs(expected).max(initial=1e-300)
            if not np.allclose(gradient / scale, expected / scale, 0.0, 1e-9):
                raise _not_lowered(f"the gradient of instance {i} is another one")


def predict(model: Model, X: Sequence[Any], *, engine: str = "python") -> list[list[float]]:
    """The outputs of a model for many inputs, as plain numbers.

    Args:
        model: called with one input, returning a number, a Value or a list of K of them.
        X: T inputs, at least one.
        engine: ``"python"`` calls the model with each input; ``"numpy"`` records it once and
            computes all outputs together, after trying whether a few inputs take the same course.

    Returns:
        T lists of K floats.

    Raises:
        ValueError: if ``engine`` is neither.
        LoweringError: (a ValueError) if the model cannot be recorded once for all inputs.
    """
    if engine == "python":
        return [as_floats(model(x)) for x in X]
    if engine != "numpy":
        raise ValueError(f"engine must be python or numpy, got {engine!r}")
    together = _predict_together(model, X)
    if together is None:
        raise _not_lowered("not all inputs take the same course through it")
    return together


def _predict_together(model: Model, X: Sequence[Any]) -> list[list[float]] | None:
    """The outputs by a forward program; None where the model computes inputs one by one."""
    try:
        layout = _Layout("X", X[0])
        batch = layout.rows(X)
        program: Program | None = None
        for i in [0, *_different(batch)]:
            x, leaves = layout.values(batch[i].tolist(), "x")
            outputs = as_values(model(x))
            if program is None:
                program = lower(outputs, leaves)
            elif program.difference(outputs[0], leaves, outputs[1:]):
                return None
            found = program.per_instance(batch[i : i + 1])[0]
            if not np.allclose(found, as_floats(model(X[i])), 1e-9, 1e-12, equal_nan=True):
                return None
        assert program is not None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None  # the model, called with each input, says better what is wrong
    return program.per_instance(batch).tolist()  # type: ignore[no-any-return]


def as_values(output: Any) -> list[Value]:
    """One output as a list of Values."""
    entries = output if hasattr(output, "__iter__") else [output]
    return [y if isinstance(y, Value) else Value(y) for y in entries]


class _Layout:
    """How the numbers of an instance are nested, so that they can be a row of a batch."""

    def __init__(self, name: str, example: Any) -> None:
        self.name = name
        self.shape = np.shape(_plain(example))
        self.size = int(np.prod(self.shape, dtype=int))

    def rows(self, examples: Sequence[Any]) -> Any:
        """The instances, T x size.

        Raises:
            ValueError: if one has another shape than the first, or is not made of numbers.
        """
        try:
            table = np.array([_plain(example) for example in examples], dtype=np.float64)
            if table.shape[1:] == self.shape:
                return table.reshape(len(examples), self.size)
        except (ValueError, TypeError):
            pass
        for i, example in enumerate(examples):
            try:
                shape = np.shape(np.array(_plain(example), dtype=np.float64))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{self.name}[{i}] is not made of numbers: {error}") from None
            if shape != self.shape:
                raise ValueError(
                    f"{self.name}[{i}] has the shape {shape}, but {self.name}[0] has {self.shape}; "
                    f"one recording serves instances of one shape only"
                )
        raise ValueError(f"{self.name} cannot be made an array of numbers")

    def values(self, numbers: Sequence[float], label: str) -> tuple[Any, list[Value]]:
        """An instance made of Values: nested as it was, and in one list."""
        if not self.shape:
            value = Value(numbers[0], label)
            return value, [value]
        leaves = [Value(number, f"{label}[{i}]") for i, number in enumerate(numbers)]
        return np.array([*leaves, None], dtype=object)[:-1].reshape(self.shape).tolist(), leaves


def _plain(example: Any) -> Any:
    """An instance with numbers in place of Values."""
    if isinstance(example, Value):
        return example.data
    return [_plain(x) for x in example] if isinstance(example, (list, tuple)) else example


def _different(batch: Any) -> list[int]:
    """A few instances that are as different as a cheap look can tell, the first left out."""
    finite = np.nan_to_num(batch)
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
