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
from .risk import Divergence, EmpiricalRisk, as_floats, check_data, predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENGINES = ("numpy", "jax", "python")
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
    engine: str = "numpy",
    validation: tuple[Sequence[Any], Sequence[Any]] | None = None,
    callbacks: Sequence[Callable[[Module, History], object]] = (),
    seed: int = 0,
    progress: bool = True,
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
        engine: what computes the gradients: ``"numpy"`` and ``"jax"`` turn the graph of one
            instance into an array program, and ``"python"`` is the engine of Values, a thousand
            times slower, for models whose Python code takes decisions that depend on the data.
        validation: inputs and targets to evaluate after every epoch, and not to learn from.
        callbacks: called after every epoch with the model and the history so far; one that
            returns True ends the run.
        seed: of the order in which batches are drawn; of no effect for a single batch.
        progress: show a bar on a terminal, and some ten lines elsewhere, on standard error.

    Returns:
        The history. Ctrl-C ends the run and returns what was learnt by the last complete update;
        a loss or gradient that is not finite ends it with a ``RuntimeWarning`` and the last good
        parameters in place.

    Raises:
        ValueError: if the data or a setting cannot be used, or the model cannot be lowered; no
            parameter has been changed then.
        TypeError: likewise.
        ImportError: if the engine is not installed.
    """
    run = _Run(model, X, D, divergence, batch_size, validation, seed)
    _check_count("epochs", epochs, 0)
    if tolerance is not None and not tolerance >= 0.0:
        raise ValueError(f"tolerance must be at least 0, got {tolerance!r}")
    run.lower(engine)
    optimizer = optimizer or Adam()
    state = optimizer.start(len(run.parameters))
    history = History()
    with Progress(epochs, shown=progress) as bar:
        try:
            for _ in range(epochs):
                run.epoch(optimizer, state, history)
                if callbacks:
                    run.restore()
                bar.advance(str(history))
                answers = [callback(model, history) for callback in callbacks]
                if True in answers:
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
            history.reason = f"diverged: {diverged}"
            warnings.warn(f"fit() stopped: {diverged}", RuntimeWarning, stacklevel=2)
        finally:
            run.restore()
        bar.finish(history.reason)
    return history


class _DivergedError(Exception):
    """Something that has to be finite is not."""


class _Run:
    """The state of one call of ``fit``: the data, and the parameters as an array and as Values."""

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
            check_data(*validation)
        self.batch_size = len(X) if batch_size is None else batch_size
        _check_count("batch_size", self.batch_size, 1)
        self.risk = EmpiricalRisk(model, divergence)
        self.random = random.Random(seed)
        self.targets = _as_array(D) if self.classifies else np.empty(0)
        self.parameters: Array = np.array([value.data for value in self.values])
        self.good = self.parameters.copy()
        self.program: BoundProgram | None = None
        self.validation_program: BoundProgram | None = None

    def lower(self, engine: str) -> None:
        """Turn the risk into an array program, unless the engine is ``"python"``."""
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
        if engine == "python":
            return
        self.program = self.risk.lower(self.X, self.D, engine, parameters=self.values)
        self.parameters = self.program.parameters
        if self.validation is not None:
            self.validation_program = self.risk.lower(
                *self.validation, engine, parameters=self.values
            )

    def epoch(self, optimizer: Optimizer, state: Any, history: History) -> None:
        """Go through the data once, and add a line to the history."""
        started = time.perf_counter()
        order = list(range(len(self.X)))
        if self.batch_size < len(order):
            self.random.shuffle(order)
        total = 0.0
        found: list[Any] = []
        for first in range(0, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            loss, gradient, outputs = self.differentiate(batch)
            np.copyto(self.good, self.parameters)
            optimizer.update(self.parameters, gradient, state)
            if self.program is None:
                self.write(self.parameters)
            total += loss * len(batch)
            found.append(outputs)
        np.copyto(self.good, self.parameters)
        history.loss.append(total / len(order))
        score = None
        if self.classifies:
            score = self.score(np.concatenate(found), self.targets[order])
        if score is not None:
            history.accuracy.append(score)
        self.evaluate(history)
        history.seconds.append(time.perf_counter() - started)

    def differentiate(self, batch: list[int]) -> tuple[float, Array, Any]:
        """The loss of a batch, its gradient, and the outputs that it was computed from.

        Raises:
            _DivergedError: if the loss or the gradient is not finite.
        """
        if self.program is None:
            return self.differentiate_values(batch)
        self.program.select(batch if len(batch) < len(self.X) else None)
        loss, gradient = self.program()
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            # The graph of Values can tell where the bad number came from.
            self.write(self.parameters)
            self.differentiate_values(batch)
            raise _DivergedError(f"the loss became {loss}, or its gradient is not finite")
        return loss, gradient, self.program.observed() if self.classifies else []

    def differentiate_values(self, batch: list[int]) -> tuple[float, Array, Any]:
        """The same by the engine of Values."""
        outputs: list[list[float]] = []

        def model(x: Any) -> Any:
            y = self.risk.model(x)
            outputs.append(as_floats(y))
            return y

        risk = EmpiricalRisk(model, self.risk.divergence)
        loss = risk([self.X[i] for i in batch], [self.D[i] for i in batch])
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
            raise _DivergedError(f"the gradient of {value.label or value!r} is not finite")
        return loss.data, gradient, outputs

    def write(self, parameters: Array) -> None:
        """Put an array of parameters into the model's Values."""
        for value, number in zip(self.values, parameters.tolist()):
            value.data = number

    def restore(self) -> None:
        """Put the last parameters that are complete and known to be good into the model."""
        self.write(self.good)

    def evaluate(self, history: History) -> None:
        """Add a line on the validation data to the history."""
        if self.validation is None:
            return
        X, D = self.validation
        if self.validation_program is None:
            outputs: Any = predict(self.risk.model, X)
            history.validation_loss.append(float(_data(self.risk(X, D))))
        else:
            np.copyto(self.validation_program.parameters, self.parameters)
            history.validation_loss.append(self.validation_program()[0])
            outputs = self.validation_program.observed()
        score = self.score(outputs, D)
        if score is not None:
            history.validation_accuracy.append(score)

    @property
    def classifies(self) -> bool:
        """Whether the outputs are classes, whose accuracy is reported."""
        return self.risk.divergence in THRESHOLDS or self.risk.divergence in CLASSIFIERS

    def score(self, outputs: Any, D: Any) -> float | None:
        """The accuracy, if the divergence is a classifier's.

        As ``targets.accuracy``, on arrays: this is a good part of the time of a step.
        """
        if not self.classifies or not len(outputs):
            return None
        y, d = np.asarray(outputs), np.asarray(D, dtype=np.float64).reshape(len(outputs), -1)
        if y.shape[1] != d.shape[1]:
            return targets.accuracy(outputs, D)  # which says what is wrong
        if y.shape[1] == 1:
            right = (y >= THRESHOLDS.get(self.risk.divergence, 0.5)) == (d >= 0.5)
        else:
            right = y.argmax(axis=1) == d.argmax(axis=1)
        return float(np.count_nonzero(right) / len(right))


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


def _as_array(D: Sequence[Any]) -> Array:
    """The targets as T rows of numbers, for the accuracy; what is wrong in them is told later."""
    try:
        rows = [as_floats(d) for d in D]
        return np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        return np.zeros((len(D), 0))


def _data(number: Value | float) -> float:
    return number.data if isinstance(number, Value) else number


def _settled(loss: list[float], tolerance: float | None) -> bool:
    return tolerance is not None and len(loss) > 1 and abs(loss[-1] - loss[-2]) <= tolerance


def _check_count(name: str, count: object, least: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"{name} must be an int, got {count!r} of type {type(count).__name__}")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
