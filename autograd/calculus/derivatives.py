"""Calculus of Python functions: derivatives, gradients, Hessians and critical points, exact.

A function f of Values and a point go in, plain floats come out. The function is called as it is
written, on D scalars or on one list of D, recorded, and differentiated by the reverse sweep: once
for a gradient, and for more the gradient, being a graph itself, is swept again. The lecture's
"A brief note on derivatives" to "Unconstrained minimization of function" are these functions.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..core import ieee
from ..core.functions import dot
from ..core.scalar_function import ScalarFunction, Signature, as_point, signature
from ..core.sweep import consumers_first
from ..core.value import Value, grad
from ..text import real

if TYPE_CHECKING:
    from ..lowering.function import Programs

Point: TypeAlias = "float | Iterable[float]"
Function: TypeAlias = Callable[..., Value]
Kind: TypeAlias = Literal[
    "minimum", "maximum", "saddle", "inflection", "degenerate", "not-critical"
]


def derivative(f: Function, x: float, order: int = 1) -> float:
    """f'(x), or a higher derivative, of a function of one number.

    The lecture's dy = f'(x) dx: the number by which a tiny increment of x has to be multiplied
    (slide "A brief note on derivatives"). Each order sweeps the graph of the one before, which
    about doubles it.

    Args:
        f: a function of one scalar, or of a list of one, that returns one Value.
        x: where.
        order: 1 for f', 2 for f'', and so on.

    Raises:
        TypeError: if f, x or order is of a wrong kind.
        ValueError: if x is more than one number, or order is below 1.
    """
    if isinstance(order, bool) or not isinstance(order, numbers.Integral):
        raise TypeError(f"derivative: order is {order!r}, expected a whole number of at least 1")
    if order < 1:
        raise ValueError(f"derivative: order is {order}, expected at least 1; f itself is f(x)")
    point = as_point("derivative", x)
    if len(point) != 1:
        raise ValueError(
            f"derivative: x is {len(point)} numbers, expected one; for the D partial derivatives "
            f"of a function of D inputs call gradient(f, xs)"
        )
    root, leaves = _recorded("derivative", f, point)
    for _ in range(order - 1):
        (root,) = grad(root, leaves, create_graph=True)
    return grad(root, leaves)[0]


def gradient(f: Function, xs: Point) -> list[float]:
    """The gradient of f at a point: D partial derivatives.

    In the lecture's words the derivative of a function of a D x 1 column is a 1 x D row, and the
    gradient is its transpose, a D x 1 column like the point itself. Both are the same D numbers,
    and a list does not tell a row from a column: this list is read as the gradient where it is
    added to a point, and as the derivative where it multiplies an increment. ``jacobian`` gives
    the row as a row.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: the point, D numbers; a single number for D = 1.

    Returns:
        D floats.

    Raises:
        TypeError: if f or xs is of a wrong kind, f does not return one Value among them.
        ValueError: if xs is empty.
    """
    return _value_and_gradient("gradient", f, xs)[1]


def value_and_gradient(f: Function, xs: Point) -> tuple[float, list[float]]:
    """The value of f at a point and its D partial derivatives; all else as for ``gradient``."""
    return _value_and_gradient("value_and_gradient", f, xs)


def directional_derivative(f: Function, xs: Point, v: Point) -> float:
    """How fast f changes along a vector: df = (derivative of f) v, for a tiny step v.

    Among all v of one length it is largest where v points along the gradient, and 0 where v is
    perpendicular to it, along the level curve. v is taken as it is and not scaled to length 1.

    Args:
        f: as for ``gradient``.
        xs: the point, D numbers.
        v: D numbers.

    Raises:
        TypeError: as ``gradient``.
        ValueError: if xs is empty, or v is not of its length.
    """
    slopes = _value_and_gradient("directional_derivative", f, xs)[1]
    along = _vector("directional_derivative", v, len(slopes))
    return ieee.sum(*[slope * component for slope, component in zip(slopes, along)])


def jacobian(f: Callable[..., Any], xs: Point) -> list[list[float]]:
    """The derivatives of a vector of K functions: row i holds those of entry i.

    One sweep for each row. For f that returns one Value it is the 1 x D derivative of the lecture.

    Args:
        f: a function of D scalars, or of one list of D, that returns K Values, or one.
        xs: the point, D numbers; a single number for D = 1.

    Returns:
        K rows of D floats.

    Raises:
        TypeError: if f or xs is of a wrong kind, or an entry is not a Value.
        ValueError: if xs is empty.
    """
    point = as_point("jacobian", xs)
    function = ScalarFunction("jacobian", f, len(point))
    leaves = function.leaves(point)
    return [list(grad(entry, leaves)) for entry in function.entries(leaves)]


def hessian(f: Function, xs: Point) -> list[list[float]]:
    """The Hessian of f at a point: D x D second partial derivatives, symmetric to the last bit.

    The gradient is recorded as a graph, and each of its entries differentiated again (slide "The
    Hessian"). f is recorded at every call. A graph of 200 nodes or more that comes again and again
    is lowered at its eighth call, and after it costs little more than the recording, with results
    that agree to rounding: as the recordings are compared whole, a function that branches gets a
    program for each branch. Without the recording ``LoweredFunction`` is faster yet.

    Args:
        f: as for ``gradient``.
        xs: the point, D numbers; a single number for D = 1.

    Returns:
        D rows of D floats.

    Raises:
        TypeError: if f or xs is of a wrong kind, f does not return one Value among them.
        ValueError: if xs is empty.
    """
    point = as_point("hessian", xs)
    root, leaves = _recorded("hessian", f, point)
    programs = _LOWERED.programs(root, leaves)
    if programs is not None:
        return _by_programs(programs, point)
    slopes = grad(root, leaves, create_graph=True)
    below = [grad(slope, leaves[: i + 1]) for i, slope in enumerate(slopes)]
    return [[*row, *(below[j][i] for j in range(i + 1, len(below)))] for i, row in enumerate(below)]


def hvp(f: Function, xs: Point, v: Point) -> list[float]:
    """The Hessian at a point times a vector, for the cost of a few gradients whatever D is.

    The Hessian is never formed: it is the gradient of the slope along v.

    Args:
        f: as for ``gradient``.
        xs: the point, D numbers.
        v: D numbers.

    Returns:
        D floats.

    Raises:
        TypeError: as ``gradient``.
        ValueError: if xs is empty, or v is not of its length.
    """
    point = as_point("hvp", xs)
    along = _vector("hvp", v, len(point))
    root, leaves = _recorded("hvp", f, point)
    return list(grad(dot(grad(root, leaves, create_graph=True), along), leaves))


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

    kind: Kind
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
    tolerance = _tolerance(tool, tolerance)
    point = as_point(tool, xs)
    value, slopes = _value_and_gradient(tool, f, point)
    matrix = hessian(f, point)
    _require_finite(tool, point, value, slopes, matrix)
    eigenvalues = _eigenvalues(matrix)
    kind, explanation = _judge(f, point, slopes, eigenvalues, tolerance)
    return CriticalPoint(kind, point, value, slopes, matrix, eigenvalues, explanation)


def _judge(
    f: Function,
    point: list[float],
    slopes: list[float],
    eigenvalues: list[float],
    tolerance: float,
) -> tuple[Kind, str]:
    norm = math.hypot(*slopes)
    if norm > tolerance:
        return "not-critical", (
            f"the gradient is not 0 there: its norm is {norm:.6g}, above the tolerance "
            f"{tolerance:g}"
        )
    one = len(point) == 1
    rounding = 4.0 * sys.float_info.epsilon * len(point) * max(map(abs, eigenvalues))
    zero = max(tolerance, rounding)
    what = "the second derivative" if one else "the Hessian"
    numbers = ", ".join(f"{x:.6g}" for x in eigenvalues[:6]) + (", ..." * (len(eigenvalues) > 6))
    shown = f"f'' = {numbers}" if one else f"eigenvalues {numbers}"
    if eigenvalues[0] > zero:
        return "minimum", f"the gradient is 0 and {what} is positive{_definite(one)}: {shown}"
    if eigenvalues[-1] < -zero:
        return "maximum", f"the gradient is 0 and {what} is negative{_definite(one)}: {shown}"
    if eigenvalues[0] < -zero and eigenvalues[-1] > zero:
        return "saddle", (
            f"the gradient is 0, and f curves up in some directions and down in others: {shown}"
        )
    if one:
        third = derivative(f, point[0], order=3)
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


def _definite(one: bool) -> str:
    return "" if one else " definite"


def _eigenvalues(matrix: list[list[float]]) -> list[float]:
    """Of a symmetric matrix, in ascending order."""
    if len(matrix) == 1:
        return list(matrix[0])
    import numpy

    # With 0.0 added no -0.0 is left, which would read oddly.
    found: list[float] = (numpy.linalg.eigvalsh(numpy.array(matrix)) + 0.0).tolist()
    return found


def _require_finite(
    tool: str,
    point: list[float],
    value: float,
    slopes: list[float],
    matrix: list[list[float]],
) -> None:
    entries = {
        "f": [value],
        "the gradient": slopes,
        "the Hessian": [entry for row in matrix for entry in row],
    }
    for name, found in entries.items():
        for number in found:
            if not math.isfinite(number):
                shown = f"{point[:4]}" if len(point) <= 4 else f"{point[:4]} and so on"
                raise ValueError(
                    f"{tool}: {name} at {shown} has the value {number!r}; the test needs finite "
                    f"derivatives, so move the point into the domain of f"
                )


def _recorded(tool: str, f: Function, point: Sequence[float]) -> tuple[Value, list[Value]]:
    function = ScalarFunction(tool, f, len(point))
    leaves = function.leaves(point)
    return function(leaves), leaves


def _value_and_gradient(tool: str, f: Function, xs: Point) -> tuple[float, list[float]]:
    root, leaves = _recorded(tool, f, as_point(tool, xs))
    return root.data, list(grad(root, leaves))


def _vector(tool: str, v: Point, size: int) -> list[float]:
    vector = as_point(tool, v, "v")
    if len(vector) != size:
        raise ValueError(
            f"{tool}: v has {len(vector)} components, but the point has {size} coordinates; pass "
            f"one for each"
        )
    return vector


def _tolerance(tool: str, tolerance: float) -> float:
    try:
        number = real(tolerance)
    except TypeError as error:
        raise TypeError(f"{tool}: tolerance: {error}") from None
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{tool}: tolerance is {tolerance!r}, expected a finite number >= 0")
    return number


class _LoweredGraphs:
    """Programs for the graphs that keep coming, by what the graphs are.

    A graph is found by its signature, which holds everything that its programs depend on, so that
    a program that has grown old cannot answer for a function that has changed.
    """

    # Lowering takes as long as ten to fifty Hessians from the graph. Below these sizes it gains
    # little, and above it keeps the caller waiting for seconds.
    CALLS = 8
    SIZES = range(200, 2001)
    KEPT = 16

    def __init__(self) -> None:
        self._known: OrderedDict[Signature, int | Programs | None] = OrderedDict()

    def programs(self, root: Value, leaves: Sequence[Value]) -> Programs | None:
        """The programs of a graph; None as long as, or if, it has none."""
        if len(consumers_first(root)) not in self.SIZES:
            return None
        key = signature(root, leaves)
        found = self._known.pop(key, 0)
        if isinstance(found, int):
            found += 1
            if found == self.CALLS:
                found = _lowered(root, leaves)
        self._known[key] = found
        while len(self._known) > self.KEPT:
            self._known.popitem(last=False)
        return found if not isinstance(found, int) else None


def _lowered(root: Value, leaves: Sequence[Value]) -> Programs | None:
    from ..lowering import LoweringError
    from ..lowering.function import Programs

    programs = Programs(root, leaves)
    try:
        _by_programs(programs, [leaf.data for leaf in leaves])
    except LoweringError:  # The graph itself will do.
        return None
    return programs


_LOWERED = _LoweredGraphs()


def _by_programs(programs: Programs, point: Sequence[float]) -> list[list[float]]:
    import numpy

    found: list[list[float]] = programs.hessian(numpy.array(point)).tolist()
    return found
