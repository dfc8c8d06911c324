"""``predict``: the outputs of a model for many inputs, one by one or by one recording."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from autograd import Value, lower
from autograd.data import instances
from autograd.lowering.function import BatchGuard
from autograd.lowering.policy import MANY, SAMPLE

from .instances import Layout, as_floats, as_values, named, not_lowered
from .risk import Model


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
    X = instances("X", X)
    if engine == "numpy" or (engine is None and len(X) >= MANY):
        together = _predict_together(model, X) if len(X) else []
        if together is not None:
            return together
        if engine is not None:
            Layout("X", X[0]).rows(X)  # or else it may be the data that are wrong, or the model
            with named("input", 0):
                as_floats(model(X[0]))
            raise not_lowered("not all inputs take the same course through it")
    outputs = []
    for i, x in enumerate(X):
        with named("input", i):
            outputs.append(as_floats(model(x)))
    return outputs


def _predict_together(model: Model, X: Sequence[Any]) -> list[list[float]] | None:
    """The outputs by a forward program; None where the model computes inputs one by one."""
    try:
        layout = Layout("X", X[0])
        batch = layout.rows(X)

        def record(i: int) -> tuple[Value, list[Value], list[Value]]:
            x, leaves = layout.values(batch[i].tolist(), "x")
            first, *others = as_values(model(x))
            return first, leaves, others

        first, leaves, others = record(0)
        program = lower([first, *others], leaves)
        guard = BatchGuard(program, batch, record)
        if any(difference for _, difference in guard.courses()):
            return None
        found = program.per_instance(batch)
        more = random.Random(0).sample(range(len(batch)), min(SAMPLE, len(batch)))
        for i in {0, *guard.instances, *more}:
            if not guard.agree(found[i], as_floats(model(X[i])), 1e-12):
                return None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None  # the model, called with each input, says better what is wrong
    return found.tolist()  # type: ignore[no-any-return]
