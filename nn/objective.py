"""What ``fit`` minimises: the loss of a batch, its gradient and its outputs, by either engine.

``Objective`` computes with the model's Values; ``ArrayObjective`` with the array program that one
instance's graph becomes. Both hold the P parameters as a float64 array, which an optimizer
improves in place.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import gcd
from typing import Any, TypeAlias
from weakref import WeakSet

import numpy as np

from autograd import AnomalyError, BoundProgram, Value, consumers_first, detect_anomaly, grad
from autograd.lowering import policy

from .divergences import row_of
from .instances import as_floats, named
from .module import Module
from .optimizers import Array
from .risk import EmpiricalRisk, LoweredRisk, checked_loss

Data: TypeAlias = tuple[Sequence[Any], Sequence[Any]]
Outputs: TypeAlias = Sequence[Sequence[float]]


class DivergedError(Exception):
    """Something that has to be finite is not.

    Attributes:
        details: further lines, or "".
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class OutOfDomainError(DivergedError):
    """The divergence is not defined for an output; the message says what to do."""


class RefutedError(Exception):
    """An array program does not give the model's own numbers; the message says for what."""


class Objective:
    """The loss and its gradient by Values, instance by instance; validation data are not learnt.

    Attributes:
        parameters: P numbers, what is computed with; to be changed in place.
        constants: the other leaves of the first graph, of which those remain that somebody holds;
            None before there is one.
    """

    def __init__(self, risk: EmpiricalRisk, data: Data, validation: Data | None) -> None:
        assert isinstance(risk.model, Module)
        self.risk, self.data, self.validation = risk, data, validation
        self.values = risk.model.parameters()
        self.constants: WeakSet[Value] | None = None
        self.parameters: Array = np.array([value.data for value in self.values])

    def differentiate(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The loss of some instances, its gradient, and the outputs that it was computed from.

        Raises:
            OutOfDomainError: if the divergence is not defined for an output.
            DivergedError: if the loss or the gradient is not finite.
        """
        loss, gradient, outputs = self.compute(batch)
        row = row_of(self.risk.divergence)
        if row is not None and (objection := row.objection(outputs)):
            raise OutOfDomainError(objection)
        if not _finite(loss, gradient):
            raise self.diverged(batch)
        return loss, gradient, outputs

    def compute(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The same, whatever comes out."""
        loss, outputs = self.loss(self.data, batch, "training instance")
        self.note_constants(checked_loss(loss))
        return loss.data, np.array(grad(loss, self.values)), outputs

    def note_constants(self, loss: Value) -> None:
        """Take note of what the first graph is made of besides parameters."""
        if self.constants is None:
            own = set(self.values)
            leaves = (node for node in consumers_first(loss) if node.op is None)
            self.constants = WeakSet(leaf for leaf in leaves if leaf not in own)

    def diverged(self, batch: Sequence[int]) -> DivergedError:
        """Where the first bad number in a batch comes from: an instance, or the sum of several."""
        finite = np.isfinite(self.parameters)
        if not finite.all():
            i = int(np.argmin(finite))
            return DivergedError(f"the parameter {name_of(self.risk, i)} is {self.parameters[i]}")
        alone = next(([i] for i in batch if not _finite(*self.compute([i])[:2])), None)
        where = f"training instance {alone[0]}" if alone else "the sum over a batch"
        loss, gradient, _ = self.compute(alone or batch)
        what = f"the loss became {loss}"
        if math.isfinite(loss):
            i = int(np.argmin(np.isfinite(gradient)))
            what = f"the gradient of {name_of(self.risk, i)} became {gradient[i]}"
        try:
            with detect_anomaly():
                root, _ = self.loss(self.data, alone or batch, "training instance")
                root.label = "loss"
                if math.isfinite(loss):
                    grad(root, self.values)
        except AnomalyError as anomaly:
            first, _, details = str(anomaly).partition("\n")
            return DivergedError(f"{what} in {where}: {first}", details)
        return DivergedError(f"{what} in {where}")

    def validate(self) -> tuple[float, Outputs]:
        """The loss over the validation data, and its outputs."""
        assert self.validation is not None
        loss, outputs = self.loss(
            self.validation, range(len(self.validation[0])), "validation instance"
        )
        return loss.data if isinstance(loss, Value) else loss, outputs

    def check(self, last: bool = False) -> bool:
        """Compare what was computed with what the model gives, and say whether that was done.

        Args:
            last: in any case.

        Raises:
            RefutedError: if it is something else.
        """
        return last

    def hand_over(self) -> None:
        """Put the parameters into the model's Values."""
        for value, number in zip(self.values, self.parameters.tolist()):
            value.data = number

    def loss(self, data: Data, batch: Sequence[int], what: str) -> tuple[Value, Outputs]:
        """The risk over some instances of some data, and the outputs."""
        self.hand_over()
        outputs: list[list[float]] = []

        def model(x: Any) -> Any:
            y = self.risk.model(x)
            outputs.append(as_floats(y))
            return y

        return EmpiricalRisk(model, self.risk.divergence).over(*data, batch, what), outputs


class ArrayObjective(Objective):
    """The same by an array program over batches; the Values say where a bad number comes from.

    Raises:
        ValueError, LoweringError, ImportError: as ``EmpiricalRisk.lower``.
    """

    def __init__(
        self, risk: EmpiricalRisk, data: Data, validation: Data | None, engine: str
    ) -> None:
        super().__init__(risk, data, validation)
        lowered = LoweredRisk(risk, data[0][0], data[1][0], engine, self.values)
        self._program = lowered.bind(*data, "training instance")
        self.parameters = self._program.parameters
        self._validation: BoundProgram | None = None
        if validation is not None:
            self._validation = lowered.bind(*validation, "validation instance")
        self._lowered = lowered
        self._affordable = policy.UNMINDED  # seconds
        self._turns = _Turns(len(data[0]))
        self._validated: Array = np.empty((0, 0))
        with suppress(ValueError, TypeError):  # if any, the run will say
            self.note_constants(checked_loss(risk.of(data[0][0], data[1][0])))

    def differentiate(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The loss of some instances, its gradient, and the outputs."""
        loss, gradient, outputs = super().differentiate(batch)
        return loss, gradient, outputs.tolist()

    def compute(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The same, whatever comes out, and the outputs as an array."""
        self._program.select(batch if len(batch) < len(self.data[0]) else None)
        loss, gradient = self._program()
        outputs = self._program.observed()
        self._turns.see(batch, outputs)
        self._spend(len(batch))
        return loss, gradient, outputs

    def validate(self) -> tuple[float, Outputs]:
        """The loss over the validation data, and its outputs."""
        assert self._validation is not None and self.validation is not None
        loss, _ = self._validation()
        self._validated = self._validation.observed()
        self._spend(len(self.validation[0]))
        return loss, self._validated.tolist()

    def _spend(self, instances: int) -> None:
        seconds = policy.CALL + policy.ARRAYS * self._lowered.nodes * instances
        self._affordable += policy.SHARE * seconds

    def check(self, last: bool = False) -> bool:
        """Compare some instances with the model's own losses and gradients, if it is time.

        It is as soon as comparing one takes but a small share of the time since.
        """
        each = policy.VALUES * self._lowered.nodes
        affordable = int(self._affordable / each)
        count = max(affordable, policy.AT_THE_END) if last else min(affordable, policy.AT_THE_END)
        if not count:
            return False
        self._affordable -= count * each
        self.hand_over()
        self._compare(self.data, self._turns.next(count), "training instance")
        if last and self.validation is not None and len(self._validated):
            extremes = {int(extreme) for extreme in _extremes(self._validated)}
            self._compare(self.validation, sorted(extremes), "validation instance")
        now = self.risk.model.parameters()  # type: ignore[attr-defined]
        if len(now) != len(self.values) or not all(map(operator.is_, now, self.values)):
            raise RefutedError("it puts other parameters in the place of some when it is called")
        return True

    def _compare(self, data: Data, instances: Iterable[int], what: str) -> None:
        for i in instances:
            with named(what, i):
                difference = self._lowered.difference(data[0][i], data[1][i], f"{what} {i}")
            if difference:
                raise RefutedError(difference)


class _Turns:
    """Which of T instances to compare next: all in turn, and those with the extreme outputs."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._stride = next(
            n for n in range(int(0.618 * size) + 1, 2 * size + 2) if gcd(n, size) == 1
        )
        self._place = self._count = 0
        self._seen: tuple[Sequence[int], Array] = [], np.empty((0, 0))

    def see(self, batch: Sequence[int], outputs: Array) -> None:
        """Take note of the outputs for some instances."""
        self._seen = batch, outputs

    def next(self, count: int) -> list[int]:
        """So many of them, or all."""
        if count >= self._size:
            return list(range(self._size))
        batch, outputs = self._seen
        extremes = [batch[i] for i in _extremes(outputs)] if len(outputs) else []
        chosen = []
        for _ in range(count):
            turn = self._count % 3
            self._count += 1
            if turn < len(extremes):
                chosen.append(extremes[turn])
            else:
                self._place = (self._place + self._stride) % self._size
                chosen.append(self._place)
        return list(dict.fromkeys(chosen))


def _extremes(outputs: Array) -> list[int]:
    """The rows with the largest and the smallest outputs."""
    total = np.nan_to_num(outputs).sum(axis=1)
    return [int(total.argmax()), int(total.argmin())]


def name_of(risk: EmpiricalRisk, i: int) -> str:
    """What to call a parameter of a risk's model in a sentence."""
    assert isinstance(risk.model, Module)
    name, value = list(risk.model.named_parameters())[i]
    return value.label or name


def _finite(loss: float, gradient: Array) -> bool:
    return math.isfinite(loss) and bool(np.isfinite(gradient).all())
