"""Critical points: where the gradient is 0, and what the second derivatives make of it.

Slide "Unconstrained Minimization of function": a minimum, a maximum, a saddle, or nothing that the
second-order test could tell.
"""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy

from ..core.scalar_function import as_point
from ..text import number_within
from ..text import point as point_text
from .derivatives import Function, Plain, Point

CriticalKind: TypeAlias = Literal[
    "minimum", "maximum", "saddle", "inflection", "degenerate", "not-critical"
]


@dataclass(frozen=True)
class CriticalPoint:
    """What ``classify_critical_point`` found; ``str`` of it says so in words.

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

    def __str__(self) -> str:
        return f"{self.kind}: {self.explanation}"


def classify_critical_point(f: Function, xs: Point, tolerance: float = 1e-5) -> CriticalPoint:
    """Say whether a point is a minimum, a maximum or a saddle of f, by the second derivatives.

    The lecture's test: where the gradient is 0, positive eigenvalues of the Hessian make a minimum,
    negative ones a maximum, and both a saddle. An eigenvalue of 0 beside others of one sign decides
    nothing: the point is *degenerate*, and higher derivatives, or a look at f around it, have to
    tell. For D = 1 the third derivative is looked at: if it is not 0, the point is an inflection.
    All of it is for an f that is smooth there: at a kink, as of abs(x) at 0, the derivatives are
    what the table of operations says, and the test says nothing.

    Args:
        f: as for ``gradient``.
        xs: the point, D numbers; a single number for D = 1.
        tolerance: the norm of the gradient, the eigenvalue and the third derivative up to which
            they count as 0, in the units of f and x. An eigenvalue within rounding of the largest
            counts as 0 in any case.

    Raises:
        TypeError: if f, xs or tolerance is of a wrong kind.
        ValueError: if xs is empty, f or a derivative there is not finite, or tolerance is not a
            finite number of at least 0.
    """
    tool = "classify_critical_point"
    tolerance = number_within(f"{tool}: tolerance", tolerance, 0.0, math.inf)
    point = as_point(tool, xs)
    plain = Plain(tool, f, len(point))
    value, slopes = plain.value_and_gradient(point)
    matrix = plain.hessian(point)
    for name, rows in {"f": [[value]], "the gradient": [slopes], "the Hessian": matrix}.items():
        for number in itertools.chain(*rows):
            if not math.isfinite(number):
                raise ValueError(
                    f"{tool}: {name} at {point_text(point)} has the value {number!r}; the test "
                    f"needs finite derivatives, so move the point into the domain of f"
                )
    # With 0.0 added no -0.0 is left, which would read oddly.
    eigenvalues: list[float] = (numpy.linalg.eigvalsh(numpy.array(matrix)) + 0.0).tolist()
    kind, explanation = _judge(plain, point, slopes, eigenvalues, tolerance)
    return CriticalPoint(kind, point, value, slopes, matrix, eigenvalues, explanation)


def _judge(
    plain: Plain,
    point: list[float],
    slopes: list[float],
    eigenvalues: list[float],
    tolerance: float,
) -> tuple[CriticalKind, str]:
    norm = math.hypot(*slopes)
    if norm > tolerance:
        return "not-critical", (
            f"the gradient is not 0 there: its norm is {norm:.6g}, above the tolerance "
            f"{tolerance:g}"
        )
    one = len(point) == 1
    rounding = 4.0 * sys.float_info.epsilon * len(point) * max(map(abs, eigenvalues))
    zero = max(tolerance, rounding)
    what, definite = ("the second derivative", "") if one else ("the Hessian", " definite")
    numbers = ", ".join(f"{x:.6g}" for x in eigenvalues[:6]) + (", ..." * (len(eigenvalues) > 6))
    shown = f"f'' = {numbers}" if one else f"eigenvalues {numbers}"
    if eigenvalues[0] > zero:
        return "minimum", f"the gradient is 0 and {what} is positive{definite}: {shown}"
    if eigenvalues[-1] < -zero:
        return "maximum", f"the gradient is 0 and {what} is negative{definite}: {shown}"
    if eigenvalues[0] < -zero and eigenvalues[-1] > zero:
        return "saddle", (
            f"the gradient is 0, and f curves up in some directions and down in others: {shown}"
        )
    if one:
        third = plain.derivative(point[0], 3)
        if abs(third) > tolerance:
            return "inflection", (
                f"f' and f'' are 0 and f''' = {third:.6g} is not: f passes through with a flat "
                f"tangent"
            )
        flat = f"f'' and f''' are 0 ({shown}, f''' = {third:.6g}): f is flat there"
    else:
        flat = (
            f"an eigenvalue of the Hessian is 0, and no two have opposite signs ({shown}): along "
            f"its eigenvector f is flat"
        )
    up, down = eigenvalues[-1] > zero, eigenvalues[0] < -zero
    possible = "a minimum" if up else "a maximum" if down else "a minimum, a maximum"
    return "degenerate", (
        f"the second-order test does not decide, as {flat} to second order, and this can be "
        f"{possible} or neither; look at higher derivatives, or at f around the point"
    )
