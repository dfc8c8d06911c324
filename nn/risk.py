"""The empirical risk: the average divergence between a model's outputs and the targets.

A model and a divergence go in; the lecture's Loss(W) of a data set comes out, as one Value whose
graph holds every instance. ``predict`` is the same pass without a target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import autograd
from autograd import Value

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


def predict(model: Model, X: Sequence[Any]) -> list[list[float]]:
    """The outputs of a model for many inputs, as plain numbers.

    Args:
        model: called with one input, returning a number, a Value or a list of K of them.
        X: T inputs.

    Returns:
        T lists of K floats.
    """
    return [as_floats(model(x)) for x in X]


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
