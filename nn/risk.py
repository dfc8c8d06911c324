"""The empirical risk: the average divergence between a model's outputs and the targets.

A model and a divergence go in; the lecture's Loss(W) of a data set comes out, as one Value whose
graph holds every instance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

import autograd
from autograd import BoundProgram, LoweringError, Program, Value, consumers_first, grad, lower
from autograd.core.decisions import Watch
from autograd.core.stale import refuse_stale
from autograd.lowering.backends import BACKENDS
from autograd.lowering.function import BatchGuard
from autograd.lowering.policy import BATCH_AGREEMENT
from autograd.text import got

from . import divergences
from .divergences import Divergence, pair, row_of
from .instances import Layout, as_floats, as_values, data_set, named, not_lowered, own, plain

Model: TypeAlias = Callable[[Any], Any]


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
                known = isinstance(function, str) and callable(getattr(divergences, function, None))
                advice = f"; write nn.divergences.{function}" if known else ""
                raise TypeError(f"{name} must be something to call, got {got(function)}{advice}")
        self.model = model
        self.divergence = divergence

    def __call__(self, X: Any, D: Any) -> Value:
        """The risk over a data set, a Value called ``Loss`` of terms called ``div[0]``, ``div[1]``.

        Args:
            X: T inputs, at least one, in any container that ``fit`` takes.
            D: T targets.

        Raises:
            ValueError: if there are none, not as many inputs as targets, or one that the model or
                the divergence refuses, which is named.
            TypeError: likewise, or if X or D is no data set.
        """
        X, D = data_set(X, D)
        terms = self._terms(X, D, range(len(X)), "instance")
        for i, term in enumerate(terms):
            if isinstance(term, Value) and term.op is not None and not term.label:
                term.label = f"div[{i}]"
        loss = autograd.sum(terms) / len(terms)
        loss.label = "Loss"
        return loss

    def of(self, x: Any, d: Any) -> Value:
        """What the divergence gives for one instance, of which model and divergence have their own
        copy.
        """
        return self.divergence(self.model(own(x)), own(d))

    def over(
        self, X: Sequence[Any], D: Sequence[Any], batch: Sequence[int], what: str = "instance"
    ) -> Value:
        """The risk over some instances of a data set; ``what`` is what errors call them."""
        terms = self._terms(X, D, batch, what)
        return autograd.sum(terms) / len(terms)

    def _terms(
        self, X: Sequence[Any], D: Sequence[Any], batch: Sequence[int], what: str
    ) -> list[Value]:
        terms = []
        for i in batch:
            with named(what, i):
                terms.append(self.of(X[i], D[i]))
        return terms

    def lower(
        self,
        X: Any,
        D: Any,
        engine: str = "numpy",
        *,
        parameters: Sequence[Value] | None = None,
        replay: bool = True,
    ) -> BoundProgram:
        """The risk over a data set as an array program with the data bound.

        One instance is recorded. A model that compares Values, or reads their numbers, is refused.
        To find out what cannot be noticed so, a few other instances, chosen to differ from it and
        from each other, are replayed, and their losses and gradients compared.

        Args:
            X: T inputs, at least one, all of one shape.
            D: T targets, all of one shape.
            engine: ``"numpy"``, ``"jax"`` or ``"python"``.
            parameters: what to differentiate by; by default ``model.parameters()``.
            replay: whether to look for any of this; if not, all instances are computed as the
                first.

        Returns:
            ``program``, for ``loss, gradient = program()``, which reads ``program.parameters``;
            ``program.write_back()`` puts these into the model's Values.

        Raises:
            ValueError: if there are no data, an instance has another shape than the first, or
                something in it is no number or no target of the divergence.
            LoweringError: (a ValueError) if the model or the divergence does not compute all
                instances by one formula, as with an ``if`` on its input.
        """
        X, D = data_set(X, D)
        lowered = LoweredRisk(self, X[0], D[0], engine, parameters)
        return lowered.bind(X, D, replay=replay)


class LoweredRisk:
    """The risk of one instance, x with target d, as an array program to which data are bound.

    The other arguments, and what is raised, are those of ``EmpiricalRisk.lower``; ``by_values`` is
    whether its errors may advise engine='python'.

    Attributes:
        recorded: the loss, the numbers of the instance as leaves, and the model's outputs.
    """

    def __init__(
        self,
        risk: EmpiricalRisk,
        x: Any,
        d: Any,
        engine: str = "numpy",
        parameters: Sequence[Value] | None = None,
        by_values: bool = True,
    ) -> None:
        self.risk, self.engine, self._by_values = risk, engine, by_values
        if parameters is None:
            parameters = risk.model.parameters()  # type: ignore[attr-defined]
        self.wrt = list(parameters)
        self.inputs, self.targets = Layout("X", x, by_values), Layout("D", d, by_values)
        self._decision = ""
        self.row = self._row(x, d)
        self.recorded = self._record(self.row, "instance", 0)
        loss, leaves, outputs = self.recorded
        self.nodes = len(consumers_first(loss))
        self.program = lower(loss, leaves, self.wrt, engine, observe=outputs)

    def bind(
        self, X: Sequence[Any], D: Sequence[Any], what: str = "instance", replay: bool = True
    ) -> BoundProgram:
        """The program over a data set; ``what`` is what errors call its instances."""
        batch = self.rows(X, D, what.removesuffix("instance").removeprefix("training "))
        self._check_targets(X[0], D, what)
        if replay:
            self._replay(batch, X, D, what)
        return self.program.bind(batch)

    def rows(self, X: Sequence[Any], D: Sequence[Any], of: str = "") -> Any:
        """The numbers of instances, T x size; ``of`` is what errors put before X and D."""
        return np.hstack([self.inputs.rows(X, of), self.targets.rows(D, of)])

    def difference(self, x: Any, d: Any, name: str) -> str:
        """How an instance's loss or gradient differs from what the model gives for its plain
        numbers; empty if it does not. Program and model must have the same parameters.
        """
        eager = self.risk.of(x, d)
        program = self._program_of_one
        program.parameters[:] = self.program.parameters
        loss, gradient = program([self._row(x, d)])
        if not BatchGuard.agree(loss, checked_loss(eager).data):
            refuse_stale(consumers_first(eager))
            return f"the loss of {name} is {eager.data!r}, but came to {loss!r}"
        expected = np.array(grad(eager, self.wrt))
        if np.isfinite(expected).all():
            scale = np.abs(expected).max(initial=1e-300)
            if not np.allclose(gradient / scale, expected / scale, 0.0, BATCH_AGREEMENT):
                return f"the gradient of {name} is another one"
        return ""

    @cached_property
    def _program_of_one(self) -> Program:
        """A program for an instance alone, which a back end that compiles would compile anew."""
        if not BACKENDS[self.engine].compiles:
            return self.program
        loss, leaves, _ = self.recorded
        return lower(loss, leaves, self.wrt)

    def _row(self, x: Any, d: Any) -> list[float]:
        """The numbers of an instance, as a row of a batch."""
        row: list[float] = [*self.inputs.rows([x])[0].tolist(), *self.targets.rows([d])[0].tolist()]
        return row

    def _record(
        self, row: list[float], what: str, i: int
    ) -> tuple[Value, list[Value], list[Value]]:
        """The loss of one instance, its numbers as leaves, and the model's outputs."""
        x, x_values = self.inputs.values(row[: self.inputs.size], "x")
        d, d_values = self.targets.values(row[self.inputs.size :], "d")
        refused: Exception | None = None
        with named(what, i), Watch([*x_values, *d_values, *self.wrt]) as watch:
            try:
                y = self.risk.model(x)
                loss = self.risk.divergence(y, d)
            except (TypeError, IndexError, KeyError, AttributeError) as error:
                refused = error
            if refused is not None:  # a mistake that plain numbers meet as well speaks for itself
                self.risk.of(plain(x), plain(d))
        if refused is not None:
            raise self._not_lowered(f"it fails on Values: {refused}") from refused
        self._decision = self._decision or watch.found
        return checked_loss(loss), [*x_values, *d_values], as_values(y)

    def _check_targets(self, x: Any, D: Sequence[Any], what: str) -> None:
        """What a divergence that is described refuses, refused before anything is computed."""
        if row_of(self.risk.divergence):
            with named(what, 0):
                y = as_floats(self.risk.model(own(x)))
            for i, d in enumerate(D):
                with named(what, i):
                    pair(self.risk.divergence, y, d)

    def _replay(self, batch: Any, X: Sequence[Any], D: Sequence[Any], what: str) -> None:
        """Refuse a program that does not hold for a few instances that differ."""

        def record(i: int) -> tuple[Value, list[Value], list[Value]]:
            return self._record(batch[i].tolist(), what, i)

        self._refuse_decision()
        for i, difference in BatchGuard(self.program, batch, record).courses():
            self._refuse_decision()
            if difference:
                raise self._not_lowered(f"{what} {i} takes another course: {difference}")
            with named(what, i):
                difference = self.difference(X[i], D[i], f"{what} {i}")
            if difference:
                raise self._not_lowered(difference)

    def _refuse_decision(self) -> None:
        if self._decision:
            raise self._not_lowered(f"it {self._decision}")

    def _not_lowered(self, reason: str) -> LoweringError:
        return not_lowered(reason, self._by_values)


def checked_loss(loss: object) -> Value:
    """What a divergence has given, which must be a Value."""
    if not isinstance(loss, Value):
        raise TypeError(
            f"the divergence must give a Value that depends on the parameters, but the loss is "
            f"{got(loss)}; compute with autograd's functions"
        )
    return loss
