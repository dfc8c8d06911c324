"""Critical points: where the gradient is 0, and what the second derivatives make of it.

Slide "Unconstrained Minimization of function": a minimum, a maximum, a saddle, or nothing that the
second-order test could tell.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy

from ..checking.differences import EPSILON
from ..core import ieee
from ..core.scalar_function import as_point
from ..lines import fitted
from ..text import number_within
from ..text import point as point_text
from .derivatives import Array, Function, Plain, Point

CriticalKind: TypeAlias = Literal[
    "minimum", "maximum", "saddle", "inflection", "degenerate", "not-critical"
]

TOOL = "classify_critical_point"
# A number counts as 0 that changes by so large a part of it from here to where it should be 0.
CHANGE = 0.25


@dataclass(frozen=True, repr=False)
class CriticalPoint:
    """What ``classify_critical_point`` found, said in words.

    Attributes:
        kind: minimum, maximum, saddle, inflection, degenerate or not-critical.
        x: the point, D floats.
        value: f there.
        gradient: D floats.
        hessian: D rows of D floats.
        eigenvalues: those of the Hessian, D floats from the smallest to the largest.
        explanation: why it is of this kind.
    """

    kind: CriticalKind
    x: list[float]
    value: float
    gradient: list[float]
    hessian: list[list[float]]
    eigenvalues: list[float]
    explanation: str

    def __repr__(self) -> str:
        return fitted(self.line)

    @property
    def line(self) -> str:
        """The kind and the explanation, in one line."""
        return f"{self.kind}: {self.explanation}"


def classify_critical_point(f: Function, xs: Point, tolerance: float = 1e-5) -> CriticalPoint:
    """Say whether a point is a minimum, a maximum or a saddle of f, by the second derivatives.

    The lecture's test: where the gradient is 0, positive eigenvalues of the Hessian make a minimum,
    negative ones a maximum, and both a saddle. An eigenvalue of 0 beside others of one sign decides
    nothing: the point is *degenerate*, and higher derivatives, or a look at f around it, have to
    tell. For D = 1 the third derivative is looked at: if it is not 0, the point is an inflection.
    All of it is for an f that is smooth there: at a kink of an operation, as of abs(x) at 0, the
    point is degenerate, and a kink that an ``if`` makes is not seen.

    Signs of second derivatives have no units: they are judged with each coordinate in a unit in
    which the Hessian has 1 or -1 on its diagonal. What is within rounding, of the Hessian or of the
    point, counts as 0, and so does what changes as much on the way to where a step of Newton's
    puts the critical point. What f closes over is taken as the constants that these Values are now.

    Args:
        f: as for ``gradient``.
        xs: the point, D numbers; a single number for D = 1.
        tolerance: the norm of the gradient up to which it counts as 0, in the units of f over those
            of x; and the square of how far off the critical point may be by the Hessian, relative
            to 1 + abs(x). A gradient counts as 0 in any case that only the rounding of x keeps from
            it.

    Raises:
        TypeError: if f, xs or tolerance is of a wrong kind.
        ValueError: if xs is empty, f or a derivative there is not finite, or tolerance is not a
            finite number of at least 0.
    """
    tolerance = number_within(f"{TOOL}: tolerance", tolerance, 0.0, math.inf)
    point = as_point(TOOL, xs)
    plain = Plain(TOOL, f, len(point))
    value, slopes = plain.value_and_gradient(point)
    matrix = plain.hessian(point)
    for name, rows in {"f": [[value]], "the gradient": [slopes], "the Hessian": matrix}.items():
        for number in itertools.chain(*rows):
            if not math.isfinite(number):
                raise ValueError(
                    f"{TOOL}: {name} at {point_text(point)} has the value {number!r}; the test "
                    f"needs finite derivatives, so move the point into the domain of f"
                )
    kinked = plain.kinked(point)
    kind, explanation = _SecondOrderTest(plain, point, value, slopes, matrix).judge(tolerance)
    if kinked and kind != "not-critical":
        kind = "degenerate"
        explanation = (
            f"{kinked} has a kink there, where its derivatives are conventions, and the test does "
            f"not decide; look at f around the point"
        )
    eigenvalues = _eigenvalues(numpy.array(matrix))
    return CriticalPoint(kind, point, value, slopes, matrix, eigenvalues.tolist(), explanation)


class _SecondOrderTest:
    """The test at one point: which second derivatives are 0, and what the signs of the rest say."""

    def __init__(
        self,
        plain: Plain,
        point: list[float],
        value: float,
        slopes: list[float],
        rows: list[list[float]],
    ) -> None:
        self.plain, self.point, self.slopes = plain, point, slopes
        self.matrix: Array = numpy.array(rows)
        self.units = units_of(self.matrix, point, value, slopes)
        scaled = self.scaled(self.matrix)
        if not numpy.isfinite(scaled).all():
            raise ValueError(
                f"{TOOL}: the second derivatives at {point_text(point)} are too far apart for "
                f"floats; measure the coordinates in other units"
            )
        self.curvatures, self.axes = numpy.linalg.eigh(scaled)
        largest = float(numpy.abs(self.curvatures).max())
        self.zero = numpy.abs(self.curvatures) <= 4.0 * EPSILON * len(point) * largest
        # Another float in the place of each coordinate is as good.
        self.compare([x + 4.0 * EPSILON * abs(x) for x in point])

    def scaled(self, matrix: Array) -> Array:
        """A Hessian in units in which that of the point has 1 or -1 on its diagonal."""
        with numpy.errstate(all="ignore"):
            found: Array = matrix / self.units / self.units[:, None]
        return found

    def compare(self, point: list[float]) -> None:
        """Count as 0 what is another number at another point."""
        try:
            other = self.scaled(numpy.array(self.plain.hessian(point)))
            changes = numpy.abs(numpy.linalg.eigvalsh(other) - self.curvatures)
        except (ArithmeticError, ValueError):  # f, or its derivatives, are not defined there
            return
        self.zero |= changes >= CHANGE * numpy.abs(self.curvatures)

    def judge(self, tolerance: float) -> tuple[CriticalKind, str]:
        """The kind of the point, and why."""
        curvatures = numpy.where(self.zero, math.inf, self.curvatures)
        with numpy.errstate(all="ignore"):
            along = self.axes.T @ (numpy.array(self.slopes) / self.units)
            flat = math.hypot(*(self.units * (self.axes @ (along * self.zero))))
            step = (-(self.axes @ (along / curvatures)) / self.units).tolist()
        norm, off = math.hypot(*self.slopes), math.sqrt(tolerance)
        rounded = all(abs(d) <= 4.0 * EPSILON * abs(x) for d, x in zip(step, self.point))
        if norm > tolerance and not (rounded and flat <= tolerance):
            return "not-critical", (
                f"the gradient is not 0 there: its norm is {norm:.6g}, above the tolerance "
                f"{tolerance:g}"
            )
        if not all(abs(d) <= off * (1.0 + abs(x)) for d, x in zip(step, self.point)):
            return "not-critical", (
                f"the gradient is not 0 there: its norm {norm:.6g} is below the tolerance "
                f"{tolerance:g}, but by the Hessian it is 0 only {math.hypot(*step):.6g} away"
            )
        there = [x + d for x, d in zip(self.point, step)]
        if there != self.point:
            self.compare(there)
        return self.by_signs(there, tolerance)

    def by_signs(self, there: list[float], tolerance: float) -> tuple[CriticalKind, str]:
        """The kind of a critical point that lies there."""
        one = len(self.point) == 1
        up = bool((self.curvatures[~self.zero] > 0.0).any())
        down = bool((self.curvatures[~self.zero] < 0.0).any())
        what, definite = ("the second derivative", "") if one else ("the Hessian", " definite")
        shown, norm = self.shown(), math.hypot(*self.slopes)
        level = "the gradient " + (f"counts as 0 (its norm is {norm:.3g})" if norm else "is 0")
        if up and down:
            return "saddle", (
                f"{level}, and f curves up in some directions and down in others: {shown}"
            )
        if up and not self.zero.any():
            return "minimum", f"{level} and {what} is positive{definite}: {shown}"
        if down and not self.zero.any():
            return "maximum", f"{level} and {what} is negative{definite}: {shown}"
        if one:
            third = self.plain.derivative(self.point[0], 3)
            if abs(third - self.plain.derivative(there[0], 3)) < CHANGE * abs(third):
                return self.by_third_derivative(third, level, tolerance)
            flat = f"f'' and f''' are 0 ({shown}, f''' = {third:.6g}): f is flat there"
        else:
            flat = (
                f"an eigenvalue of the Hessian is 0, and no two have opposite signs ({shown}): "
                f"along its eigenvector f is flat"
            )
        possible = "a minimum" if up else "a maximum" if down else "a minimum, a maximum"
        return "degenerate", (
            f"{level}, and the second-order test does not decide, as {flat} to second order, and "
            f"this can be {possible} or neither; look at higher derivatives, or at f around the "
            f"point"
        )

    def by_third_derivative(
        self, third: float, level: str, tolerance: float
    ) -> tuple[CriticalKind, str]:
        """The kind of a point on a line at which f'' is 0 and f''' is not.

        At a distance d the slope has changed by f''' d^2 / 2, and so by as much as it is where d is
        the root of 2 f' / f'''. A slope of 0 is no farther away than a step of Newton's may be.
        """
        slope = abs(self.slopes[0])
        away = math.sqrt(2.0 * slope) / math.sqrt(abs(third))
        if away > math.sqrt(tolerance) * (1.0 + abs(self.point[0])):
            return "not-critical", (
                f"the gradient is not 0 there: its norm {slope:.6g} is below the tolerance "
                f"{tolerance:g}, but f'' is 0, and by f''' = {third:.6g} it changes by as much "
                f"only {away:.6g} away"
            )
        return "inflection", (
            f"{level}, f'' is 0 and f''' = {third:.6g} is not: f passes through with a flat tangent"
        )

    def shown(self) -> str:
        """The eigenvalues of the Hessian, or f''; scaled, where else rounding hides their signs."""
        found = _eigenvalues(self.matrix)
        name = "f'' =" if len(self.point) == 1 else "eigenvalues"
        signs, shown = (numpy.sign(x)[~self.zero] for x in (self.curvatures, found))
        if not numpy.array_equal(signs, shown):
            found, name = self.curvatures + 0.0, "eigenvalues with a diagonal of 1 and -1"
        return f"{name} {', '.join(f'{x:.6g}' for x in found[:6])}" + ", ..." * (len(found) > 6)


def _eigenvalues(matrix: Array) -> Array:
    # With 0.0 added no -0.0 is left, which would read oddly.
    return numpy.asarray(numpy.linalg.eigvalsh(matrix) + 0.0, dtype=float)


def units_of(matrix: Array, point: list[float], value: float, slopes: list[float]) -> Array:
    """For each coordinate i a unit of sqrt(f) / x_i, in which units of the user's cancel.

    That is the root of what the Hessian has on its diagonal, or else of what it has beside it. A
    coordinate that f is linear in has none of that: there a step of Newton's is to be as long as
    x_i and what would bring f to 0 together, as one that is too long is halved, and one that is
    too short is not made longer.

    Args:
        matrix: the Hessian.
        point: where.
        value: f there.
        slopes: the gradient.
    """
    beside = numpy.abs(matrix)
    units: Array = numpy.sqrt(numpy.diag(beside))
    while not (known := units > 0.0).all():
        linked = (beside[:, known] / units[known]).max(axis=1, initial=0.0)
        if linked[~known].any():
            units[~known] = linked[~known]
            continue
        first = int(numpy.argmin(known))
        slope = abs(slopes[first])
        length = abs(point[first]) + abs(ieee.divide(value, slope))
        units[first] = math.sqrt(slope) / math.sqrt(length) if slope and length else 1.0
    return units
