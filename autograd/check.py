"""The gradient checker: what the sweep says against what the function itself does.

``check_gradient`` moves each input a little and watches the output. The slopes seen so are
extrapolated to a vanishing step, with an estimate of how far that can be trusted, and compared
with the gradient of the reverse sweep. Nothing of the sweep's rules enters the numeric value, so
that a wrong rule, or an f that computes past the graph, cannot hide.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from math import inf, nan
from typing import Literal, NamedTuple

from . import ieee
from .scalar_function import ScalarFunction, as_point
from .sweep import grad, sweep
from .value import Value

TOOL = "check_gradient()"
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

    def __str__(self) -> str:
        percent = 100.0 * self.error / abs(self.numeric) if self.numeric else inf
        relative = f" ({percent:.2g} %)" if math.isfinite(percent) else ""
        note = f"; {self.note}" if self.note else ""
        return (
            f"{self.name} at {self.x!r}: analytic {self.analytic!r}, "
            f"numeric {self.numeric:.12g} +- {self.uncertainty:.1e}, "
            f"error {self.error:.2g}{relative}, allowed {self.allowed:.1e}: {self.verdict}{note}"
        )


class GradientReport(NamedTuple):
    """What ``check_gradient`` found; ``str`` of it is a table to read.

    Attributes:
        value: the output of f.
        comparisons: one for each of the D inputs; with ``order=2`` the D * D second derivatives
            follow.
    """

    value: float
    comparisons: tuple[Comparison, ...]

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that are wrong or unclear, in order."""
        return tuple(c for c in self.comparisons if c.verdict != "right")

    def __str__(self) -> str:
        rows = [("input", "at", "analytic", "numeric", "+-", "error", "verdict")]
        for c in self.comparisons:
            numbers = f"{c.x:.6g}", f"{c.analytic:.10g}", f"{c.numeric:.10g}"
            rows.append((c.name, *numbers, f"{c.uncertainty:.1e}", f"{c.error:.1e}", c.verdict))
        widths = [max(map(len, column)) for column in zip(*rows)]
        count = len(self.comparisons)
        return "\n".join(
            [
                f"{count - len(self.failures)} of {count} derivatives right, f = {self.value!r}",
                *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
                *(f"{c.name}: {c.note}" for c in self.failures if c.note),
            ]
        )


class GradientMismatch(AssertionError):  # noqa: N818 - the public name
    """A gradient that finite differences contradict, or cannot judge.

    It is an ``AssertionError``, so that a test that checks a gradient fails and does not break;
    a bad argument is a ``TypeError`` or ``ValueError``.

    Attributes:
        report: the whole comparison.
    """

    def __init__(self, report: GradientReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        failures = self.report.failures
        wrong = any(c.verdict == "wrong" for c in failures)
        more = len(failures) - 5
        return "\n".join(
            [
                f"{len(failures)} of {len(self.report.comparisons)} derivatives "
                + ("differ from finite differences:" if wrong else "cannot be judged:"),
                *(f"  {c}" for c in failures[:5]),
                *([f"  and {more} more, see .report"] if more > 0 else []),
                "A partial on the way from that input is wrong, or f computes past the graph."
                if wrong
                else "Move the input, or pass the absolute_tolerance that is good enough.",
            ]
        )


def check_gradient(
    f: Callable[..., Value],
    xs: float | Iterable[float],
    *,
    order: Literal[1, 2] = 1,
    relative_tolerance: float = 1e-5,
    absolute_tolerance: float = 0.0,
) -> GradientReport:
    """Compare the gradient of a function with finite differences.

    The error allowed is ``absolute_tolerance + relative_tolerance * abs(numeric)``, and the numeric
    value must be known as well as that; otherwise there is no verdict, and this too is a failure. A
    kink is the usual reason. One excuse: where rounding hides how f changes, so for a derivative
    below 1e-7 of the slopes near by or below 1e-11 f / max(1, x), it is enough to agree within the
    uncertainty. An f that gives nan or infinity, or raises an ``ArithmeticError`` or
    ``ValueError``, some way from the point is tried closer to it.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: the point, D finite numbers; a single number for D = 1.
        order: 2 to check all second derivatives as well: the gradient of the gradient, by
            ``grad(create_graph=True)``, against finite differences of the gradient.
        relative_tolerance: the part of the derivative that may be missing.
        absolute_tolerance: the error that is never too much.

    Returns:
        The report, if everything is right.

    Raises:
        GradientMismatch: if a derivative is wrong or cannot be judged; it holds the report.
        TypeError: if f or xs is of a wrong kind.
        ValueError: if xs, f there or an option is not what it must be, or f gives another value
            when called again.
    """
    if order not in (1, 2):
        raise ValueError(f"{TOOL}: order is {order!r}, expected 1 or 2")
    tolerances = _Tolerances(
        _tolerance("relative_tolerance", relative_tolerance),
        _tolerance("absolute_tolerance", absolute_tolerance),
    )
    point = as_point(TOOL, xs)
    function = ScalarFunction(TOOL, f, len(point))
    leaves = function.leaves(point)
    root = function(leaves)
    _require_finite_and_repeatable(function, point, root.data)

    def output(xs: Sequence[float]) -> tuple[float, ...]:
        return (function(function.leaves(xs)).data,)

    def slopes(xs: Sequence[float]) -> tuple[float, ...]:
        leaves = function.leaves(xs)
        return grad(function(leaves), leaves)

    comparisons = _compare(output, [root], leaves, function.names, tolerances)
    if order == 2:
        gradient = grad(root, leaves, create_graph=True)
        pairs = [f"{x}, {y}" for x in function.names for y in function.names]
        comparisons += _compare(slopes, gradient, leaves, pairs, tolerances)
    report = GradientReport(root.data, tuple(comparisons))
    if report.failures:
        raise GradientMismatch(report)
    return report


class _Tolerances(NamedTuple):
    relative: float
    absolute: float


def _tolerance(name: str, tolerance: float) -> float:
    try:
        number = ieee.real(tolerance)
    except TypeError as error:
        raise TypeError(f"{TOOL}: {name}: {error}") from None
    if not 0.0 <= number < inf:
        raise ValueError(f"{TOOL}: {name} is {tolerance!r}, expected a finite number >= 0")
    return number


def _require_finite_and_repeatable(
    function: ScalarFunction, point: Sequence[float], value: float
) -> None:
    for i, x in enumerate(point):
        if not math.isfinite(x):
            raise ValueError(
                f"{TOOL}: xs[{i}] is {x!r}, and finite differences need a finite number to start "
                f"from; what is right at infinity has to be worked out by hand"
            )
    if not math.isfinite(value):
        raise ValueError(
            f"{TOOL}: f is {value!r} at {point}, and finite differences need a finite value; "
            f"move xs into the domain of f"
        )
    again = function(function.leaves(point)).data
    if again != value:
        raise ValueError(
            f"{TOOL}: f gave {value!r} and then {again!r} at the same point; seed its random "
            f"numbers inside f, and let it keep no state"
        )


def _compare(
    f: Callable[[Sequence[float]], tuple[float, ...]],
    roots: Sequence[Value],
    leaves: Sequence[Value],
    names: Sequence[str],
    tolerances: _Tolerances,
) -> list[Comparison]:
    """All partial derivatives of some outputs.

    Args:
        f: the outputs as a function of D floats.
        roots: the same outputs as the graph that is checked, at the point.
        leaves: the D inputs of that graph.
        names: one for each derivative, those of the first output first.
        tolerances: what error is allowed.
    """
    point = [leaf.data for leaf in leaves]

    @functools.cache
    def moved(j: int, x: float) -> tuple[float, ...]:
        try:
            return f([*point[:j], x, *point[j + 1 :]])
        except (ArithmeticError, ValueError):
            return (nan,) * len(roots)

    def numeric(i: int, j: int, rounding: float) -> _Numeric:
        sufficient = 0.1 * tolerances.relative
        return _differentiate(lambda x: moved(j, x)[i], point[j], rounding, sufficient)

    name = iter(names)
    comparisons = []
    for i, root in enumerate(roots):
        rounding = _rounding(root)
        for j, analytic in enumerate(grad(root, leaves)):
            slope = numeric(i, j, rounding)
            comparisons.append(_judge(next(name), point[j], root, analytic, slope, tolerances))
    return comparisons


class _Numeric(NamedTuple):
    """A slope by finite differences: its uncertainty, and what f did around the point."""

    value: float
    uncertainty: float
    jump: float  # the slope to the right less the slope to the left
    kink: bool  # whether the jump is there for certain
    steepness: float  # the largest slope to either side, without regard to its sign


def _differentiate(
    f: Callable[[float], float], x: float, rounding: float, sufficient: float
) -> _Numeric:
    """The slope of f at x, from the largest scale at which it can be told well enough.

    Args:
        f: floats to floats; nan outside of its domain.
        x: where, a finite number.
        rounding: the error in f(x).
        sufficient: the uncertainty, as a part of the slope, at which to stop.
    """
    best, best_quality = _Numeric(nan, inf, 0.0, False, 0.0), inf
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


def _slope(f: Callable[[float], float], x: float, h: float, rounding: float) -> _Numeric | None:
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
    return _Numeric(value, uncertainty + 0.5 * abs(jump), jump, kink, steepness)


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


def _rounding(root: Value) -> float:
    """How far the value of a root may be off because every node has been rounded.

    The errors are taken to be independent of each other: their squares add up.
    """
    total = EPSILON * abs(root.data)
    for node, gradient, _ in sweep(root):
        if node.op is not None:
            error = 0.5 * EPSILON * gradient * node.data
            if math.isfinite(error):
                total = math.hypot(total, error)
    return total


def _judge(
    name: str,
    x: float,
    root: Value,
    analytic: float,
    numeric: _Numeric,
    tolerances: _Tolerances,
) -> Comparison:
    value, uncertainty, jump, kink, steepness = numeric
    error = abs(analytic - value) if math.isfinite(analytic) else inf
    allowed = tolerances.absolute + tolerances.relative * abs(value)
    hidden = max(1e-7 * steepness, 1e-11 * abs(root.data) / max(1.0, abs(x)))
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
