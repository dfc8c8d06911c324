"""Slopes of a function of one float by finite differences, with how far each can be trusted.

A function is moved a little around a point. The slopes seen so are extrapolated to a vanishing
step, with an estimate of the error, and a derivative that somebody claims can be judged by them:
it is right, wrong, or unclear, where floats do not tell. Before it is called wrong, what is claimed
at the points around is asked as well: by the mean value theorem some slope between two points is
that of the line through them, and where a claim near by is, nothing has been contradicted.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf, nan
from typing import Literal, NamedTuple

from ..core.ops import Op
from ..lines import fitted

EPSILON = sys.float_info.epsilon
LEAST = math.ulp(0.0)  # what the rounding of the smallest numbers may come to

# At one scale the steps are h, 0.55 h, ... 0.55^5 h. The odd ratio keeps them from falling on the
# periods of a periodic function all at once.
STEPS = 6
SHRINK = 0.55
# Scales follow each other from 0.13 of the input's size down, each a sixteenth of the one before.
LARGEST = 0.13
NEXT_SCALE = 1 / 16
SCALES = 12
# Where the slopes around a point are asked for, in parts of a step: no period of anything.
BETWEEN = (1.0, 0.8, 0.57, 0.36, 0.19, 0.07)
# Of this part of an error noise leaves enough to contradict; and it is to be seen so often.
DECISIVE = 1 / 8
CONTRADICTIONS = 2

AGREES = (
    "over the smallest steps f changes as the gradient says, and over larger ones not: there it "
    "jumps, or has waves that they step over"
)
UNSTEADY = (
    "between this point and the next ones the gradient itself changes as much: f turns faster "
    "than floats lie here, or rounding on the way leaves nothing of it"
)
UNSETTLED = "finite differences do not settle: a kink or a jump is near, or f is noisy"
HIDDEN = "rounding hides how f changes over small steps"
NOT_FINITE = (
    "a number on the way over- or underflows, or 0 meets an infinite slope, as that of a branch "
    "that is not taken; autograd.detect_anomaly() names the node"
)
AT_A_KINK = (
    "at the points next to this one the gradient is as f changes: here a kink is, where it is a "
    "convention"
)


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
        note: why it is unclear, or what is known of why it is wrong, or the empty string.
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
        return fitted(self.line)

    @property
    def line(self) -> str:
        """Everything about it in one line."""
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


class Claim(NamedTuple):
    """A function of one float, and what somebody says its derivative is.

    Attributes:
        f: floats to floats; nan outside of its domain.
        slope: the derivative claimed, likewise.
        x: the point in question, a finite number.
        value: f there.
        rounding: how far that may be off.
        restless: names an operation in f that jumps between x and the next floats, if one does.
    """

    f: Callable[[float], float]
    slope: Callable[[float], float]
    x: float
    value: float
    rounding: float
    restless: Callable[[], str]


def is_restless(op: Op, z: float, xs: Sequence[float], moving: Iterable[int]) -> bool:
    """Whether a row jumps between its operands and the next floats, as floor does at 1e16.

    Of rows through which nothing passes the number has changed then, of others a slope, by as much
    as makes another number.

    Args:
        op: the row.
        z: the result.
        xs: the operands.
        moving: the places of those that move.
    """
    if not op.jumps:
        return False
    flat = not any(partial.passes for partial in op.partials)
    slopes = [slope or 0.0 for slope in op.slopes_at(z, xs)]
    for i in moving:
        for end in (inf, -inf):
            moved = [*xs[:i], math.nextafter(xs[i], end), *xs[i + 1 :]]
            new = op.forward(*moved)
            changes = [(s or 0.0) - slope for s, slope in zip(op.slopes_at(new, moved), slopes)]
            if flat and new != z:
                return True
            if any(c and not abs(c * x) <= 0.5 * abs(z) for c, x in zip(changes, xs)):  # or nan
                return True
    return False


def is_kinked(op: Op, xs: Sequence[float], moving: Iterable[int]) -> bool:
    """Whether a row that has kinks has one here: on both sides it is another number or slope.

    The arguments are as for ``is_restless``.
    """
    if not op.kinks:
        return False
    flat = not any(partial.passes for partial in op.partials)
    for i in moving:
        sides = [[*xs[:i], math.nextafter(xs[i], end), *xs[i + 1 :]] for end in (-inf, inf)]
        below, above = (op.forward(*side) for side in sides)
        left, right = (op.slopes_at(z, side) for z, side in zip((below, above), sides))
        if flat and below != above:
            return True
        a, b = left[i] or 0.0, right[i] or 0.0
        if abs(a - b) > 0.25 * max(abs(a), abs(b)) > 1e-300:
            return True
    return False


def compare(name: str, claim: Claim, analytic: float, tolerances: Tolerances) -> Comparison:
    """Judge the derivative that is claimed at a point.

    Args:
        name: what it is called.
        claim: the function, and what is claimed around the point.
        analytic: what is claimed there.
        tolerances: what error is allowed.
    """
    found = _judge(name, claim, analytic, _differentiate(claim, tolerances, inf), tolerances)
    if found.note == UNSETTLED and not _is_steady(claim, abs(analytic)):
        return found._replace(note=UNSTEADY)
    if found.verdict != "wrong":
        return found
    if not math.isfinite(analytic):
        return found._replace(note=f"it is {analytic}: {NOT_FINITE}")
    reason, scale = _objection(claim, analytic, found)
    if reason == AGREES:
        again = _judge(name, claim, analytic, _differentiate(claim, tolerances, scale), tolerances)
        if again.verdict == "right":
            return again
    if reason in ("", AT_A_KINK):
        return found._replace(note=reason)
    return found._replace(verdict="unclear", note=reason)


def _scales(x: float) -> Iterator[float]:
    """The largest step of each scale, from the size of x or 1 down to where floats end."""
    large, small = max(1.0, abs(x)), min(1.0, abs(x))
    for size in (large, small) if 0.0 < small < 1e-6 * large else (large,):
        h = LARGEST * size
        for _ in range(3 * SCALES):
            if h * SHRINK**STEPS <= 4.0 * math.ulp(x):
                break
            yield h
            h *= NEXT_SCALE


def _differentiate(claim: Claim, tolerances: Tolerances, largest: float) -> Slope:
    """The slope of f at x, from the largest scale at which it can be told well enough."""
    f, x, rounding = claim.f, claim.x, claim.rounding
    sufficient = 0.1 * tolerances.relative
    best, best_quality = Slope(nan, inf, 0.0, False, 0.0), inf
    steepest = 0.0
    large, small = max(1.0, abs(x)), min(1.0, abs(x))
    for size in (large, small) if 0.0 < small < 1e-6 * large else (large,):
        h = min(LARGEST * size, largest)
        scales = SCALES
        while scales and h * SHRINK**STEPS > 4.0 * math.ulp(x):
            numeric = _slope(f, x, h, rounding, sufficient)
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


def _slope(
    f: Callable[[float], float], x: float, h: float, rounding: float, sufficient: float
) -> Slope | None:
    """The slope of f at x from steps of h and less; None if f is not finite at one of them.

    An uncertainty of no more than the ``sufficient`` part of the slopes need not get smaller.
    Central differences miss the slope by terms in h^2, h^4, ... The difference of the slopes to
    either side is made of terms in h, h^3, ..., and has the limit 0 unless there is a kink.
    """
    centre = f(x)
    slopes, gaps, noises, inexact = [], [], [], []
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
        inexact.append(0.5 * math.ulp(x) / step)
        steepness = max(steepness, abs(rise), abs(fall))

    def limit(values: Sequence[float], power: int, other: int) -> tuple[float, float]:
        # As no step is of just the size that was meant, the values differ by that as well.
        spread = max(values) - min(values)
        errors = [noise + spread * part for noise, part in zip(noises, inexact)]
        found = _extrapolate(values, errors, power)
        if found[1] <= sufficient * steepness:
            return found
        # Where f is made of pieces that join smoothly, as relu(x) ** 2 is, the powers are others.
        second = _extrapolate(values, errors, other)
        return second if second[1] < 0.5 * found[1] else found

    value, uncertainty = limit(slopes, 2, 1)
    jump, doubt = limit(gaps, 1, 2)
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
    total = max(EPSILON * abs(value), LEAST)
    for gradient, data in nodes:
        error = max(0.5 * EPSILON * abs(data), LEAST) * gradient
        if math.isfinite(error):
            total = math.hypot(total, error)
    return total


def _judge(
    name: str, claim: Claim, analytic: float, numeric: Slope, tolerances: Tolerances
) -> Comparison:
    """Compare a derivative that is claimed at x with a slope by finite differences."""
    x = claim.x
    value, uncertainty, jump, kink, steepness = numeric
    error = abs(analytic - value) if math.isfinite(analytic) else inf
    allowed = tolerances.absolute + tolerances.relative * abs(value)
    hidden = max(1e-7 * steepness, 1e-11 * abs(claim.value) / max(1.0, abs(x)))
    clear = allowed if kink else max(allowed, hidden)
    still = steepness == 0.0 and error == 0.0  # f does not move at all, and nothing else is said
    # Differences that say 0, but for little, confirm a slope of 0, and one by which the last bit of
    # f would not move if x grew a thousandfold; no other that small.
    unmoving = 1e-3 * EPSILON * abs(claim.value) / max(1.0, abs(x))
    zero = abs(analytic) <= max(4.0 * EPSILON * steepness, unmoving)
    agrees = error <= allowed + uncertainty
    verdict: Literal["right", "wrong", "unclear"] = "unclear"
    note = ""
    if still or (agrees and uncertainty <= (clear if zero else allowed)):
        verdict = "right"
    elif error > allowed + 3.0 * uncertainty and (
        steepness == 0.0 or uncertainty <= max(clear, 0.01 * abs(value))
    ):
        verdict = "wrong"
    elif math.isnan(value):
        note = "f is not finite on both sides: this is the edge of its domain, or too near to it"
    elif kink:
        note = (
            f"a kink is likely, for the slope is {value - 0.5 * jump:.6g} to the left and "
            f"{value + 0.5 * jump:.6g} to the right"
        )
    else:
        note = HIDDEN if uncertainty <= clear else UNSETTLED
    return Comparison(name, x, analytic, value, uncertainty, error, allowed, verdict, note)


def _beside(claim: Claim) -> list[float]:
    """What is claimed at the next floats."""
    x, ulp = claim.x, math.ulp(claim.x)
    return [claim.slope(x + sign * k * ulp) for k in (1, 2, 3, 5) for sign in (1, -1)]


def _is_steady(claim: Claim, size: float) -> bool:
    """Whether what is claimed at the next floats is the same but for a part of a size."""
    beside = _beside(claim)
    return max(beside) - min(beside) <= 0.25 * size


def _objection(claim: Claim, analytic: float, found: Comparison) -> tuple[str, float]:
    """Why the slopes of f do not contradict the one that is claimed; "" where they do.

    The finest scales at which rounding leaves enough to see are asked first. With it comes the
    scale at which it was seen.
    """
    f, slope, x, rounding = claim.f, claim.slope, claim.x, claim.rounding
    reason, contradictions = HIDDEN, 0
    for h in sorted(_scales(x)):
        right = x + h
        step = right - x
        left = x - step
        below, above = f(left), f(right)
        noise = (rounding + EPSILON * (abs(below) + abs(above))) / step
        if not noise <= DECISIVE * found.error:  # or nan
            continue
        line = (above - below) / (right - left)
        slack = found.allowed + 2.0 * noise
        if abs(line - analytic) <= slack:
            return AGREES, h
        if not abs(line - found.numeric) <= 0.5 * found.error + noise:
            return UNSETTLED, h
        if contradictions == 0 and (name := claim.restless()):
            return f"{name} jumps between this point and the next floats, and f with it", h
        near = [slope(x + sign * part * step) for part in BETWEEN for sign in (1.0, -1.0)]
        low, high = min(near), max(near)
        if not (math.isfinite(low) and math.isfinite(high)):
            continue
        steady = high - low <= 0.25 * found.error
        between = low - slack <= line <= high + slack
        if between and not steady:
            return UNSTEADY, h
        # If the point itself is the odd one, it is at a kink only if the next floats are not odd.
        odd = between and not all(low - slack <= y <= high + slack for y in _beside(claim))
        if odd:
            return UNSTEADY, h
        contradictions += 1
        reason = AT_A_KINK if between else ""
        if contradictions == CONTRADICTIONS:
            break
    return reason, 0.0
