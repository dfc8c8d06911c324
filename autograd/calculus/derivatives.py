"""Derivatives of Python functions: slopes, gradients, Jacobians and Hessians, exact.

A function f of Values and a point go in, plain floats come out. The function is called as it is
written, on D scalars or on one list of D, recorded, and differentiated by the reverse sweep: once
for a gradient, and for more the gradient, being a graph itself, is swept again. The lecture's
"A brief note on derivatives" to "The Hessian" are these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from ..core import ieee
from ..core.functions import dot
from ..core.scalar_function import ScalarFunction, as_point
from ..core.value import Value, grad
from ..lowering.automatic import HESSIANS
from ..text import whole_number

Point: TypeAlias = "float | Iterable[float]"
Function: TypeAlias = Callable[..., Value]


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
    order = whole_number("derivative: order", order, advice="f itself is f(x)")
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
    return evaluated("gradient", f, xs)[1]


def value_and_gradient(f: Function, xs: Point) -> tuple[float, list[float]]:
    """The value of f at a point and its D partial derivatives; all else as for ``gradient``."""
    return evaluated("value_and_gradient", f, xs)


def directional_derivative(f: Function, xs: Point, v: Point) -> float:
    """How fast f changes along a vector: df = (derivative of f) v, for a tiny step v.

    Among all v of one length it is largest where v points along the gradient, and 0 where v is
    perpendicular to it, along the level curve. v is taken as it is and not scaled to length 1.

    f, xs and what is raised are as for ``gradient``; v is D numbers, else that is a ValueError.
    """
    tool = "directional_derivative"
    slopes = evaluated(tool, f, xs)[1]
    return _along(slopes, _vector(tool, v, len(slopes)))


def jvp(f: Callable[..., Any], xs: Point, v: Point) -> float | list[float]:
    """How fast a vector of K functions changes along a vector: its Jacobian times v.

    That is ``directional_derivative`` of each entry, and of the form of what f returns, as the
    tangent that ``jax.jvp`` and ``torch.func.jvp`` give beside the value. There it is computed
    forwards at once; here one sweep backwards is made for each entry, and the Jacobian not kept.

    Args:
        f: a function of D scalars, or of one list of D, that returns a list of K Values, or one.
        xs: the point, D numbers; a single number for D = 1.
        v: D numbers, taken as they are.

    Returns:
        A list of K floats, or one float if f returns one Value.

    Raises:
        TypeError: if f, xs or v is of a wrong kind, or an entry is not a Value.
        ValueError: if xs is empty, or v is not of its length.

    Example:
        >>> from autograd import jvp
        >>> jvp(lambda x, y: [x * y, x + y], [2.0, 3.0], [1.0, 10.0])
        [23.0, 11.0]
    """
    leaves, entries = _entries("jvp", f, xs)
    along = _vector("jvp", v, len(leaves))
    if isinstance(entries, Value):
        return _along(grad(entries, leaves), along)
    return [_along(grad(entry, leaves), along) for entry in entries]


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
    leaves, entries = _entries("jacobian", f, xs)
    rows = [entries] if isinstance(entries, Value) else entries
    return [list(grad(entry, leaves)) for entry in rows]


def hessian(f: Function, xs: Point) -> list[list[float]]:
    """The Hessian of f at a point: D x D second partial derivatives, symmetric to the last bit.

    The gradient is recorded as a graph, and each of its entries differentiated again (slide "The
    Hessian"). f is recorded at every call. A graph of 200 nodes or more that comes again and again
    is lowered at its eighth call, and after it costs little more than the recording, with results
    that agree to rounding: as the recordings are compared whole, a function that branches gets a
    program for each branch. Without the recording ``LoweredFunction`` is faster yet.

    f, xs and what is raised are as for ``gradient``; the result is D rows of D floats.
    """
    point = as_point("hessian", xs)
    root, leaves = _recorded("hessian", f, point)
    found = HESSIANS.hessian(root, leaves)
    if found is not None:
        return found
    slopes = grad(root, leaves, create_graph=True)
    below = [grad(slope, leaves[: i + 1]) for i, slope in enumerate(slopes)]
    return [[*row, *(below[j][i] for j in range(i + 1, len(below)))] for i, row in enumerate(below)]


def hvp(f: Function, xs: Point, v: Point) -> list[float]:
    """The Hessian at a point times a vector, for the cost of a few gradients whatever D is.

    The Hessian is never formed: it is the gradient of the slope along v.

    f, xs, v and what is raised are as for ``directional_derivative``; the result is D floats.
    """
    point = as_point("hvp", xs)
    along = _vector("hvp", v, len(point))
    root, leaves = _recorded("hvp", f, point)
    return list(grad(dot(grad(root, leaves, create_graph=True), along), leaves))


def _recorded(tool: str, f: Function, point: Sequence[float]) -> tuple[Value, list[Value]]:
    function = ScalarFunction(tool, f, len(point))
    leaves = function.leaves(point)
    return function(leaves), leaves


def _entries(
    tool: str, f: Callable[..., Any], xs: Point
) -> tuple[list[Value], Value | list[Value]]:
    point = as_point(tool, xs)
    function = ScalarFunction(tool, f, len(point))
    leaves = function.leaves(point)
    return leaves, function.entries(leaves)


def evaluated(tool: str, f: Function, xs: Point) -> tuple[float, list[float]]:
    """``value_and_gradient`` for a tool, whose name errors begin with."""
    root, leaves = _recorded(tool, f, as_point(tool, xs))
    return root.data, list(grad(root, leaves))


def _along(slopes: Iterable[float], v: Iterable[float]) -> float:
    return ieee.sum(*[slope * component for slope, component in zip(slopes, v)])


def _vector(tool: str, v: Point, size: int) -> list[float]:
    vector = as_point(tool, v, "v")
    if len(vector) != size:
        raise ValueError(
            f"{tool}: v has {len(vector)} components, but the point has {size} coordinates; pass "
            f"one for each"
        )
    return vector
