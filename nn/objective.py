"""What ``fit`` minimises: the loss of a batch, its gradient and its outputs, by either engine.

``Objective`` computes with the model's Values; ``ArrayObjective`` with the array program that one
instance's graph becomes. Both hold the P parameters as a float64 array, which an optimizer
improves in place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from weakref import WeakSet

import numpy as np

from autograd import AnomalyError, BoundProgram, Value, consumers_first, detect_anomaly, grad

from .divergences import row_of
from .instances import as_floats
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

    def loss(self, data: Data, batch: Sequence[int], what: str) -> tuple[Value, Outputs]:
        """The risk over some instances of some data, and the outputs."""
        for value, number in zip(self.values, self.parameters.tolist()):
            value.data = number
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
        with suppress(ValueError, TypeError):  # if any, the run will say
            self.note_constants(checked_loss(risk.divergence(risk.model(data[0][0]), data[1][0])))

    def differentiate(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The loss of some instances, its gradient, and the outputs."""
        loss, gradient, outputs = super().differentiate(batch)
        return loss, gradient, outputs.tolist()

    def compute(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The same, whatever comes out, and the outputs as an array."""
        self._program.select(batch if len(batch) < len(self.data[0]) else None)
        loss, gradient = self._program()
        return loss, gradient, self._program.observed()

    def validate(self) -> tuple[float, Outputs]:
        """The loss over the validation data, and its outputs."""
        assert self._validation is not None
        loss, _ = self._validation()
        return loss, self._validation.observed().tolist()


def name_of(risk: EmpiricalRisk, i: int) -> str:
    """What to call a parameter of a risk's model in a sentence."""
    assert isinstance(risk.model, Module)
    name, value = list(risk.model.named_parameters())[i]
    return value.label or name


def _finite(loss: float, gradient: Array) -> bool:
    return math.isfinite(loss) and bool(np.isfinite(gradient).all())
