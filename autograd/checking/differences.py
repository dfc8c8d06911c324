"""Slopes of a function of one float by finite differences, with how far each can be trusted.

A function is moved a little around a point. The slopes seen so are extrapolated to a vanishing
step, with an estimate of the error, and a derivative that somebody claims can be judged by them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from math import inf, nan
from typing import Literal, NamedTuple

EPSILON = sys.float_info.epsilon

# At one scale the steps are h, 0.55 h, ... 0.55^5 h. The odd ratio keeps them from falling on the
# periods of a periodic function all at once.
STEPS = 6
SHRINK = 0.55
# Scales follow each other from 0.13 of the input's size down, each a sixteenth of the one before.
LARGEST = 0.13
NEXT_SCALE = 1 / 16
SCALES = 12


class Comparison(NamedTuple):
    """One derivative, by the sweep and by finite differences.

    Attributes:
        name: what f calls the input; for a second derivative both inputs, as in ``x, y``.
        x: the number at which the (last) input stands.
        analytic: the derivative by the sweep.
        numeric: the derivative by finite differences; nan if they give none.
        uncertainty: how far the numeric value may be off.
        error: the distance between the two.
        allowed: the error that the tolerances allow.
        verdict: ``right``, ``wrong``, or ``unclear`` where the uncertainty is too large to judge.
        note: why it is unclear, or the empty string.
    """

    name: str
    x: float
    analytic: float
    numeric: float
    uncertainty: float
    error: float
    allowed: float
    verdict: Literal["right", "wrong", "unclear"]
    note: str

    def __repr__(self) -> str:
        percent = 100.0 * self.error / abs(self.numeric) if self.numeric else inf
        relative = f" ({percent:.2g} %)" if math.isfinite(percent) else ""
        note = f"; {self.note}" if self.note else ""
        return (
            f"{self.name} at {self.x!r}: analytic {self.analytic!r}, "
            f"numeric {self.numeric:.12g} +- {self.uncertainty:.1e}, "
            f"error {self.error:.2g}{relative}, allowed {self.allowed:.1e}: {self.verdict}{note}"
        )


class Tolerances(NamedTuple):
    """The error that a derivative may have: ``absolute + relative * abs(numeric)``."""

    relative: float
    absolute: float


class Slope(NamedTuple):
    """A slope by finite differences: its uncertainty, and what f did around the point."""

    value: float
    uncertainty: float
    jump: float  # the slope to the right less the slope to the left
    kink: bool  # whether the jump is there for certain
    steepness: float  # the largest slope to either side, without regard to its sign


def differentiate(
    f: Callable[[float], float], x: float, rounding: float, sufficient: float
) -> Slope:
    """The slope of f at x, from the largest scale at which it can be told well enough.

    Args:
        f: floats to floats; nan outside of its domain.
        x: where, a finite number.
        rounding: the error in f(x).
        sufficient: the uncertainty, as a part of the slope, at which to stop.
    """
    best, best_quality = Slope(nan, inf, 0.0, False, 0.0), inf
    steepest = 0.0
    large, small = max(1.0, abs(x)), min(1.0, abs(x))
    for size in (large, small) if 0.0 < small < 1e-6 * large else (large,):
        h = LARGEST * size
        scales = SCALES
        while scales and h * SHRINK**STEPS > 4.0 * math.ulp(x):
            numeric = _slope(f, x, h, rounding)
            if numeric is not None:
                scales -= 1
                steepest = max(steepest, numeric.steepness)
                if not steepest or numeric.uncertainty <= sufficient * abs(numeric.value):
                    return numeric
                # Steps that jump over many waves of f see small slopes, so an uncertainty counts in
                # comparison with the slopes there; and what smaller steps contradict is void.
                quality = numeric.uncertainty / (numeric.steepness or steepest)
                contradiction = abs(numeric.value - best.value)
                if quality < best_quality or contradiction > numeric.uncertainty + best.uncertainty:
                    best, best_quality = numeric, quality
            h *= NEXT_SCALE
    return best


def _slope(f: Callable[[float], float], x: float, h: float, rounding: float) -> Slope | None:
    """The slope of f at x from steps of h and less; None if f is not finite at one of them.

    Central differences miss the slope by terms in h^2, h^4, ... The difference of the slopes to
    either side is made of terms in h, h^3, ..., and has the limit 0 unless there is a kink.
    """
    centre = f(x)
    slopes, gaps, noises = [], [], []
    steepness = 0.0
    for k in range(STEPS):
        right = x + h * SHRINK**k
        step = right - x  # what the addition has made of it
        left = x - step
        below, above = f(left), f(right)
        if not (math.isfinite(below) and math.isfinite(above)):
            return None
        rise, fall = (above - centre) / step, (centre - below) / step
        slopes.append((above - below) / (right - left))
        gaps.append(rise - fall)
        noises.append((rounding + EPSILON * (abs(below) + abs(above))) / step)
        steepness = max(steepness, abs(rise), abs(fall))
    value, uncertainty = _extrapolate(slopes, noises, 2)
    jump, doubt = _extrapolate(gaps, noises, 1)
    kink = abs(jump) > 3.0 * doubt
    return Slope(value, uncertainty + 0.5 * abs(jump), jump, kink, steepness)


def _extrapolate(
    values: Sequence[float], noises: Sequence[float], power: int
) -> tuple[float, float]:
    """The limit of values whose steps shrink to 0, and its uncertainty (Ridders 1982).

    Args:
        values: one for each step; they miss the limit by terms in h^power, h^(power + 2), ...
        noises: the error of each value that does not vanish with h.
        power: 1 or 2.
    """
    limit, uncertainty = nan, inf
    coarse: list[tuple[float, float]] = []
    for value, noise in zip(values, noises):
        fine = [(value, noise)]
        for k, (before, noise_before) in enumerate(coarse):
            value, noise = fine[-1]
            gain = SHRINK ** -(power + 2 * k) - 1.0
            better = value + (value - before) / gain
            noise += (noise + noise_before) / gain
            fine.append((better, noise))
            error = max(abs(better - value), abs(better - before)) + noise
            if error < uncertainty:
                limit, uncertainty = better, error
        coarse = fine
    return limit, uncertainty


def rounding_of(value: float, nodes: Iterable[tuple[float, float]]) -> float:
    """How far the value of a root may be off because every node has been rounded.

    Of each computed node there is the derivative of the root by it, and its number. The errors are
    taken to be independent of each other: their squares add up.
    """
    total = EPSILON * abs(value)
    for gradient, data in nodes:
        error = 0.5 * EPSILON * gradient * data
        if math.isfinite(error):
            total = math.hypot(total, error)
    return total


def judge(
    name: str,
    x: float,
    value_of_root: float,
    analytic: float,
    numeric: Slope,
    tolerances: Tolerances,
) -> Comparison:
    """Compare a derivative that is claimed at x with a slope by finite differences."""
    value, uncertainty, jump, kink, steepness = numeric
    error = abs(analytic - value) if math.isfinite(analytic) else inf
    allowed = tolerances.absolute + tolerances.relative * abs(value)
    hidden = max(1e-7 * steepness, 1e-11 * abs(value_of_root) / max(1.0, abs(x)))
    clear = allowed if kink else max(allowed, hidden)
    still = steepness == 0.0 and error == 0.0  # f does not move at all, and nothing else is said
    verdict: Literal["right", "wrong", "unclear"] = "unclear"
    note = ""
    if still or (error <= allowed + uncertainty and uncertainty <= clear):
        verdict = "right"
    elif error > allowed + 3.0 * uncertainty and uncertainty <= max(clear, 0.01 * abs(value)):
        verdict = "wrong"
    elif math.isnan(value):
        note = "f is not finite on both sides: this is the edge of its domain, or too near to it"
    elif kink:
        note = (
            f"a kink is likely, for the slope is {value - 0.5 * jump:.6g} to the left and "
            f"{value + 0.5 * jump:.6g} to the right"
        )
    else:
        note = "finite differences do not settle: a kink or a jump is near, or f is noisy"
    return Comparison(name, x, analytic, value, uncertainty, error, allowed, verdict, note)
