"""``predict``: the outputs of a model for many inputs, one by one or by one recording."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import LoweringError, Value, lower
from autograd.core.decisions import Watch, warn
from autograd.data import instances
from autograd.lowering.function import BatchGuard
from autograd.lowering.policy import MANY, SAMPLE

from .instances import Layout, as_floats, as_values, named, not_lowered, own
from .risk import Model


def predict(model: Model, X: Any, *, engine: str | None = None) -> list[list[float]]:
    """The outputs of a model for many inputs, as plain numbers.

    Args:
        model: called with one input, returning a number, a Value or a list of K of them.
        X: T inputs, in any container that ``fit`` takes.
        engine: ``"python"`` calls the model with each input; ``"numpy"`` records it once and
            computes all outputs together, the same to rounding, after trying whether some inputs
            take the same course. By default the second where there are many inputs and the model
            can be recorded once for them, and else the first; a ``RuntimeWarning`` says so of a
            model that compares Values, reads their numbers, or gives others than its recording.

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
        try:
            together = _predict_together(model, X) if len(X) else []
        except LoweringError as refused:
            if engine is not None:
                raise
            warn(f"predict() calls the model with each input: {refused}")
            together = None
        if together is not None:
            return together
        if engine is not None:
            Layout("X", X[0]).rows(X)  # or else it may be the data that are wrong, or the model
            with named("input", 0):
                as_floats(model(own(X[0])))
            raise not_lowered("not all inputs take the same course through it")
    outputs = []
    for i, x in enumerate(X):
        with named("input", i):
            outputs.append(as_floats(model(own(x))))
    return outputs


def _predict_together(model: Model, X: Sequence[Any]) -> list[list[float]] | None:
    """The outputs by a forward program; None where the model computes inputs one by one.

    Raises:
        LoweringError: if it decides by numbers what it computes, or gives others than the program.
    """
    decision = ""

    def record(i: int) -> tuple[Value, list[Value], list[Value]]:
        nonlocal decision
        x, leaves = layout.values(batch[i].tolist(), "x")
        with Watch(leaves) as watch:
            first, *others = as_values(model(x))
        if watch.found:
            decision = f"it {watch.found}"
        return first, leaves, others

    try:
        layout = Layout("X", X[0])
        batch = layout.rows(X)
        first, leaves, others = record(0)
        if not decision:
            program = lower([first, *others], leaves)
            guard = BatchGuard(program, batch, record)
            for i, difference in guard.courses():
                if difference and not decision:
                    decision = f"input {i} takes another course: {difference}"
        if not decision:
            found = program.per_instance(batch)
            for i in _samples(found, guard.instances):
                if not guard.agree(found[i], as_floats(model(own(X[i]))), 1e-12):
                    decision = f"its outputs for input {i} came to others than its own"
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        if not decision:
            return None  # the model, called with each input, says better what is wrong
    if decision:
        raise not_lowered(decision)
    return found.tolist()  # type: ignore[no-any-return]


def _samples(outputs: Any, instances: Sequence[int]) -> set[int]:
    """Which inputs to try: some that differ, some with the largest outputs, and some at random."""
    total = np.nan_to_num(outputs).sum(axis=1)
    more = random.Random(0).sample(range(len(outputs)), min(SAMPLE, len(outputs)))
    return {0, *instances, int(total.argmin()), int(total.argmax()), *more}
