"""``fit``: minimise the empirical risk of a model over a data set, and report how it went.

The parameters travel between the model's Values and one float64 array, which the optimizer
improves; a ``History`` of what happened in each epoch comes out.
"""

from __future__ import annotations

import math
import random
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd import BoundProgram, Value, consumers_first, grad

from . import divergences, targets
from .module import Module
from .optimizers import Adam, Array, Optimizer
from .progress import Progress
from .risk import Divergence, EmpiricalRisk, as_floats, check_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENGINES = ("python", "numpy", "jax")
# From where up the single output of a binary classifier means class 1. With other divergences an
# output of one number is no class, and no accuracy is reported.
THRESHOLDS: dict[Divergence, float] = {
    divergences.binary_kl: 0.5,
    divergences.binary_kl_from_logits: 0.0,
}
# Divergences between probability vectors, whose largest entry is the class.
CLASSIFIERS: tuple[Divergence, ...] = (
    divergences.kl,
    divergences.cross_entropy,
    divergences.kl_from_logits,
    divergences.cross_entropy_from_logits,
)


@dataclass
class History:
    """What happened in each epoch of a training run.

    Attributes:
        loss: the average divergence over the training data, each batch as it was met.
        accuracy: the share of those outputs that had the right class; empty for a divergence that
            is not a classifier's.
        validation_loss: the same over the validation data after the epoch; empty without them.
        validation_accuracy: likewise.
        seconds: the time that each epoch took.
        reason: why the run ended: ``"epochs"``, ``"tolerance"``, ``"callback"``,
            ``"interrupted"``, or ``"diverged: ..."`` with what became infinite or nan.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    reason: str = ""

    def __len__(self) -> int:
        return len(self.loss)

    def __str__(self) -> str:
        if not self.loss:
            return f"no epoch was finished ({self.reason})"
        parts = [f"epoch {len(self)}", f"loss {self.loss[-1]:.6g}"]
        if self.accuracy:
            parts.append(f"accuracy {self.accuracy[-1]:.1%}")
        if self.validation_loss:
            parts.append(f"validation loss {self.validation_loss[-1]:.6g}")
        if self.validation_accuracy:
            parts.append(f"validation accuracy {self.validation_accuracy[-1]:.1%}")
        return "  ".join(parts)

    def plot(self) -> Figure:
        """The loss, and the accuracy if there is one, over the epochs, as a matplotlib figure.

        Raises:
            ImportError: if matplotlib is not installed, saying how to install it.
        """
        from .plots import plot_history

        return plot_history(self)


def fit(
    model: Module,
    X: Sequence[Any],
    D: Sequence[Any],
    *,
    divergence: Divergence = divergences.binary_kl,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    tolerance: float | None = None,
    validation: tuple[Sequence[Any], Sequence[Any]] | None = None,
    callbacks: Sequence[Callable[[Module, History], object]] = (),
    seed: int = 0,
    progress: bool = True,
    engine: str = "python",
) -> History:
    """Train a model: W <- W - eta grad Loss(W), batch by batch (lecture: "Gradient Descent to train
    a network").

    Args:
        model: a module; its parameters are changed.
        X: T inputs, at least one.
        D: T targets.
        divergence: div(Y, d); see ``nn.divergences``.
        optimizer: ``SGD(...)`` or ``Adam(...)``; by default ``Adam(lr=0.01)``.
        epochs: how many times to go through the data, at least 0.
        batch_size: instances to an update; by default all T.
        tolerance: stop when the loss of two successive epochs differs by no more than this.
        validation: inputs and targets to evaluate after every epoch, and not to learn from.
        callbacks: called after every epoch with the model and the history so far; one that
            returns True ends the run.
        seed: of the order in which batches are drawn; of no effect for a single batch.
        progress: show a bar on a terminal, and some ten lines elsewhere, on standard error.
        engine: ``"python"`` computes with Values; ``"numpy"`` and ``"jax"`` lower the risk of one
            instance to an array program over a batch, with the same numbers to rounding. The
            Values then hold the parameters at the end and whenever a callback is called.

    Returns:
        The history. Ctrl-C ends the run and returns what was learnt by the last complete update.
        A loss, gradient or update that is not finite ends it with a ``RuntimeWarning``, and the
        parameters of the last finite loss and gradient in place.

    Raises:
        ValueError: if the data or a setting cannot be used, which the first epoch finds out at the
            latest; no parameter has been changed then.
        TypeError: likewise.
        LoweringError: (a ValueError) if the engine is an array engine and the model's course
            depends on the data; likewise.
        ImportError: if the engine is not installed.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    run = _Run(model, X, D, divergence, batch_size, validation, seed)
    _check_count("epochs", epochs, 0)
    if tolerance is not None and not (isinstance(tolerance, (int, float)) and tolerance >= 0.0):
        raise ValueError(f"tolerance must be a number of at least 0, got {tolerance!r}")
    callbacks = _check_callbacks(callbacks)
    if optimizer is None:
        optimizer = Adam()
    elif isinstance(optimizer, type) or not hasattr(optimizer, "update"):
        raise TypeError(
            f"optimizer must be one that has been made, such as SGD(0.1) or Adam(0.01), got "
            f"{optimizer!r}"
        )
    if engine != "python":
        run.lower(engine)
    state = optimizer.start(len(run.parameters))
    history = History()
    with Progress(epochs, shown=progress) as bar:
        try:
            for _ in range(epochs):
                run.epoch(optimizer, state, history)
                bar.advance(str(history))
                if callbacks:
                    run.write(run.complete)
                answers = [callback(model, history) for callback in callbacks]
                if callbacks:
                    run.read()  # as they may have changed the parameters
                if any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers):
                    history.reason = "callback"
                elif _settled(history.loss, tolerance):
                    history.reason = "tolerance"
                if history.reason:
                    break
            else:
                history.reason = "epochs"
        except KeyboardInterrupt:
            history.reason = "interrupted"
        except _DivergedError as diverged:
            np.copyto(run.complete, run.good)
            history.reason = f"diverged: {diverged}"
            warnings.warn(
                f"fit() stopped: {diverged}; the model keeps the last good parameters; check the "
                f"data, or try a smaller lr",
                RuntimeWarning,
                stacklevel=2,
            )
        except Exception:
            if not history.loss:
                np.copyto(run.complete, run.initial)
            raise
        finally:
            run.write(run.complete)
        bar.finish(history.reason)
    return history


class _DivergedError(Exception):
    """Something that has to be finite is not."""


class _Run:
    """The state of one call of ``fit``: the data, and the parameters as an array and as Values.

    Attributes:
        values: the P parameters of the model.
        parameters: their numbers, which the optimizer improves in place.
        complete: a copy of those, made after every update that was not interrupted.
        good: a copy of those that last gave a finite loss and gradient.
        initial: a copy of those before the first update.
    """

    def __init__(
        self,
        model: Module,
        X: Sequence[Any],
        D: Sequence[Any],
        divergence: Divergence,
        batch_size: int | None,
        validation: tuple[Sequence[Any], Sequence[Any]] | None,
        seed: int,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(
                f"fit() trains an nn.Module, got {model!r} of type {type(model).__name__}"
            )
        self.values = model.parameters()
        if not self.values:
            raise ValueError(f"{model!r} has no parameters, so there is nothing to train")
        self.X, self.D, self.validation = X, D, validation
        check_data(X, D)
        if validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise TypeError(
                    f"validation must be a pair of inputs and targets, got {validation!r}"
                )
            check_data(*validation)
        self.batch_size = len(X) if batch_size is None else batch_size
        _check_count("batch_size", self.batch_size, 1)
        EmpiricalRisk(model, divergence)  # refuses what cannot be called
        self.model, self.divergence = model, divergence
        self.random = random.Random(seed)
        self.parameters: Array = np.array([value.data for value in self.values])
        self.complete = self.parameters.copy()
        self.good = self.parameters.copy()
        self.initial = self.parameters.copy()
        self.program: BoundProgram | None = None

    def lower(self, engine: str) -> None:
        """Compute with an array program from now on."""
        risk = EmpiricalRisk(self.model, self.divergence)
        self.program = risk.lower(self.X, self.D, engine, parameters=self.values)
        self.parameters = self.program.parameters

    def epoch(self, optimizer: Optimizer, state: Any, history: History) -> None:
        """Go through the data once, and add a line to the history."""
        started = time.perf_counter()
        order = list(range(len(self.X)))
        if self.batch_size < len(order):
            self.random.shuffle(order)
        total, outputs = 0.0, []
        for first in range(0, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            loss, gradient, found = self.differentiate(batch)
            self.update(optimizer, gradient, state)
            total += loss * len(batch)
            outputs += found
        line = {
            "loss": total / len(order),
            "accuracy": self.score(outputs, [self.D[i] for i in order]),
        }
        if self.validation is not None:
            line["validation_loss"], line["validation_accuracy"] = self.evaluate(*self.validation)
        line["seconds"] = time.perf_counter() - started
        # All at once, so that an interruption leaves no epoch half written.
        for name, number in line.items():
            if number is not None:
                getattr(history, name).append(number)

    def differentiate(self, batch: list[int]) -> tuple[float, Array, list[list[float]]]:
        """The loss of a batch, its gradient, and the outputs that it was computed from.

        Raises:
            _DivergedError: if the loss or the gradient is not finite.
        """
        if self.program is None:
            return self.differentiate_values(batch)
        self.program.select(batch if len(batch) < len(self.X) else None)
        loss, gradient = self.program()
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            self.write(self.parameters)
            self.differentiate_values(batch)  # which can tell where the bad number comes from
            raise _DivergedError(f"the loss became {loss}, or its gradient is not finite")
        return loss, gradient, self.program.observed().tolist()

    def differentiate_values(self, batch: list[int]) -> tuple[float, Array, list[list[float]]]:
        """The same by the Values themselves."""
        loss, outputs = self.loss([self.X[i] for i in batch], [self.D[i] for i in batch])
        if not isinstance(loss, Value):
            raise TypeError(
                f"the divergence must give a Value that depends on the parameters, but the loss is "
                f"{loss!r} of type {type(loss).__name__}; compute with autograd's functions"
            )
        if not math.isfinite(loss.data):
            raise _DivergedError(f"the loss became {loss.data}; {_first_not_finite(loss)}")
        gradient = np.array(grad(loss, self.values))
        if not np.isfinite(gradient).all():
            value = self.values[int(np.argmin(np.isfinite(gradient)))]
            raise _DivergedError(f"the gradient of {_name(value)} is not finite")
        return loss.data, gradient, outputs

    def loss(self, X: Sequence[Any], D: Sequence[Any]) -> tuple[Value, list[list[float]]]:
        """The empirical risk over some data, and the outputs that it was computed from."""
        outputs: list[list[float]] = []

        def model(x: Any) -> Any:
            y = self.model(x)
            outputs.append(as_floats(y))
            return y

        return EmpiricalRisk(model, self.divergence)(X, D), outputs

    def update(self, optimizer: Optimizer, gradient: Array, state: Any) -> None:
        """Improve the parameters, which gave a finite loss and gradient, by one step.

        Raises:
            _DivergedError: if the new parameters are not finite.
        """
        np.copyto(self.good, self.parameters)
        with np.errstate(all="ignore"):
            optimizer.update(self.parameters, gradient, state)
        finite = np.isfinite(self.parameters)
        if not finite.all():
            i = int(np.argmin(finite))
            raise _DivergedError(
                f"the update of {_name(self.values[i])} made it {self.parameters[i]}"
            )
        np.copyto(self.complete, self.parameters)
        if self.program is None:
            self.write(self.parameters)

    def write(self, parameters: Array) -> None:
        """Put an array of parameters into the model's Values."""
        for value, number in zip(self.values, parameters.tolist()):
            value.data = number

    def read(self) -> None:
        """Take the parameters over from the model's Values."""
        self.parameters[:] = [value.data for value in self.values]
        np.copyto(self.complete, self.parameters)

    def evaluate(self, X: Sequence[Any], D: Sequence[Any]) -> tuple[float, float | None]:
        """The loss over other data and, if the divergence is a classifier's, the accuracy."""
        if self.program is not None:
            self.write(self.parameters)
        loss, outputs = self.loss(X, D)
        return _data(loss), self.score(outputs, D)

    def score(self, outputs: list[list[float]], D: Sequence[Any]) -> float | None:
        """The accuracy, if the divergence is a classifier's."""
        if self.divergence in THRESHOLDS:
            single = all(len(y) == 1 for y in outputs)  # of several labels none is the class
            return targets.accuracy(outputs, D, THRESHOLDS[self.divergence]) if single else None
        return targets.accuracy(outputs, D) if self.divergence in CLASSIFIERS else None


def _first_not_finite(root: Value) -> str:
    """Where a bad number comes from: the first node, operands first, that has one."""
    for node in reversed(consumers_first(root)):
        if not math.isfinite(node.data):
            name = f"{node.label} = " if node.label else ""
            if node.op is None:
                return f"the leaf {name}{node.data} is the first such value"
            numbers = [f"{_data(operand):.6g}" for operand in node.operands]
            shown = numbers if len(numbers) <= 4 else [*numbers[:3], "..."]
            return f"{name}{node.op.formula(shown)} is the first such value"
    return "every value in its graph is finite"


def _name(value: Value) -> str:
    return value.label or repr(value)


def _data(number: Value | float) -> float:
    return number.data if isinstance(number, Value) else number


def _settled(loss: list[float], tolerance: float | None) -> bool:
    return tolerance is not None and len(loss) > 1 and abs(loss[-1] - loss[-2]) <= tolerance


def _check_callbacks(callbacks: Any) -> list[Callable[[Module, History], object]]:
    if hasattr(callbacks, "__iter__"):
        taken = list(callbacks)
        if all(map(callable, taken)):
            return taken
    raise TypeError(
        f"callbacks must be a list of functions, got {callbacks!r}; write for example "
        f"callbacks=[lambda model, history: print(history)]"
    )


def _check_count(name: str, count: object, least: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} must be an int, got {count!r} of type {type(count).__name__}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
