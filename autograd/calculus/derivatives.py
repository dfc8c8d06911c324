"""Derivatives of Python functions: slopes, gradients, Jacobians and Hessians, exact.

A function f of Values and a point go in, and the derivatives come out. The function is called as
it is written, on D scalars or on one list of D, recorded, and differentiated by the reverse sweep:
once for a gradient, and for more the gradient, being a graph itself, is swept again. The lecture's
"A brief note on derivatives" to "The Hessian" are these functions.

They nest like any operation. What f closes over is part of the graph: where f uses Values that were
there before it was called, or the point is made of Values, the derivatives are Values too, which
are functions of these and can be differentiated again, by one of these functions or by
``backward``. Otherwise they are floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from ..checking.differences import is_kinked, rounding_of
from ..core import Value, grad
from ..core.calls import Call
from ..core.functions import dot
from ..core.scalar_function import (
    ConstantFunction,
    Number,
    ScalarFunction,
    coordinates,
    plain_gradient,
)
from ..core.sweep import count_consumers, evaluation_order, sweep
from ..lowering.automatic import HESSIANS
from ..text import whole_number

if TYPE_CHECKING:
    import numpy.typing

Point: TypeAlias = "float | Iterable[float]"
Values: TypeAlias = "Value | Iterable[Value]"
Coordinates: TypeAlias = "Number | Iterable[Number]"
# What comes out for numbers: floats, or else Values, which a type checker cannot know beforehand.
Slope: TypeAlias = "float | Any"
Slopes: TypeAlias = "list[float] | Any"
Rows: TypeAlias = "list[list[float]] | Any"
Function: TypeAlias = Callable[..., Value]
Array: TypeAlias = "numpy.typing.NDArray[numpy.float64]"


@overload
def derivative(f: Function, x: Value, order: int = 1) -> Value: ...
@overload
def derivative(f: Function, x: float, order: int = 1) -> Slope: ...
def derivative(f: Function, x: Number, order: int = 1) -> Slope:
    """f'(x), or a higher derivative, of a function of one number.

    The lecture's dy = f'(x) dx: the number by which a tiny increment of x has to be multiplied
    (slide "A brief note on derivatives"). Each order sweeps the graph of the one before, which
    about doubles it.

    Args:
        f: a function of one scalar, or of a list of one, that returns one Value.
        x: where; a number, or a Value.
        order: 1 for f', 2 for f'', and so on.

    Returns:
        A float; a Value if x is one, or f closes over Values.

    Raises:
        TypeError: if f, x or order is of a wrong kind.
        ValueError: if x is more than one number, or order is below 1.

    Example:
        >>> from autograd import derivative
        >>> derivative(lambda x: x * derivative(lambda y: x * y, 1.0), 4.0)
        8.0
    """
    order = whole_number("derivative: order", order, advice="f itself is f(x)")
    point = coordinates("derivative", x)
    if len(point) != 1:
        raise ValueError(
            f"derivative: x is {len(point)} numbers, expected one; for the D partial derivatives "
            f"of a function of D inputs call gradient(f, xs)"
        )
    recorded = _Recorded("derivative", f, point)
    root = recorded.value()
    if order == 1:
        return recorded.gradients([root])[0][0]
    nests = recorded.nests([root])
    for _ in range(order - 1):
        if not {*recorded.variables} & count_consumers(root).keys():
            break  # a constant has no other derivative than 0, however often it is asked for
        (root,) = grad(root, recorded.variables, create_graph=True)
    return grad(root, recorded.variables, create_graph=nests)[0]


@overload
def gradient(f: Function, xs: Values) -> list[Value]: ...
@overload
def gradient(f: Function, xs: Coordinates) -> Slopes: ...
def gradient(f: Function, xs: Coordinates) -> Slopes:
    """The gradient of f at a point: D partial derivatives.

    In the lecture's words the derivative of a function of a D x 1 column is a 1 x D row, and the
    gradient is its transpose, a D x 1 column like the point itself. Both are the same D numbers,
    and a list does not tell a row from a column: this list is read as the gradient where it is
    added to a point, and as the derivative where it multiplies an increment. ``jacobian`` gives
    the row as a row.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: the point, D numbers or Values; a single one for D = 1.

    Returns:
        D floats; D Values if an entry of xs is one, or f closes over Values.

    Raises:
        TypeError: if f or xs is of a wrong kind, f does not return one Value among them.
        ValueError: if xs is empty.
    """
    recorded = _Recorded("gradient", f, coordinates("gradient", xs))
    return recorded.gradients([recorded.value()])[0]


@overload
def value_and_gradient(f: Function, xs: Values) -> tuple[Value, list[Value]]: ...
@overload
def value_and_gradient(f: Function, xs: Coordinates) -> tuple[Slope, Slopes]: ...
def value_and_gradient(f: Function, xs: Coordinates) -> tuple[Slope, Slopes]:
    """The value of f at a point and its D partial derivatives; all else as for ``gradient``.

    Either all of them are floats, or all are Values.
    """
    recorded = _Recorded("value_and_gradient", f, coordinates("value_and_gradient", xs))
    root = recorded.value()
    slopes = recorded.gradients([root])[0]
    return (root if isinstance(slopes[0], Value) else root.data), slopes


def directional_derivative(f: Function, xs: Coordinates, v: Coordinates) -> Slope:
    """How fast f changes along a vector: df = (derivative of f) v, for a tiny step v.

    Among all v of one length it is largest where v points along the gradient, and 0 where v is
    perpendicular to it, along the level curve. v is taken as it is and not scaled to length 1.

    f, xs and what is raised are as for ``gradient``; v is D numbers or Values, else that is a
    ValueError. The result is a float; a Value if an entry of xs or v is one, or f closes over
    Values.
    """
    tool = "directional_derivative"
    recorded = _Recorded(tool, f, coordinates(tool, xs))
    along = _vector(tool, v, len(recorded.variables))
    return dot(recorded.gradients([recorded.value()])[0], along)


def jvp(f: Callable[..., Any], xs: Coordinates, v: Coordinates) -> Slope | Slopes:
    """How fast a vector of K functions changes along a vector: its Jacobian times v.

    That is ``directional_derivative`` of each entry, and of the form of what f returns, as the
    tangent that ``jax.jvp`` and ``torch.func.jvp`` give beside the value. There it is computed
    forwards at once; here one sweep backwards is made for each entry, and the Jacobian not kept.

    Args:
        f: a function of D scalars, or of one list of D, that returns a list of K Values, or one.
        xs: the point, D numbers or Values; a single one for D = 1.
        v: D numbers or Values, taken as they are.

    Returns:
        A list of K floats, or one float if f returns one Value; Values instead, if an entry of xs
        or v is one, or f closes over Values.

    Raises:
        TypeError: if f, xs or v is of a wrong kind, or an entry is not a Value.
        ValueError: if xs is empty, or v is not of its length.

    Example:
        >>> from autograd import jvp
        >>> jvp(lambda x, y: [x * y, x + y], [2.0, 3.0], [1.0, 10.0])
        [23.0, 11.0]
    """
    recorded = _Recorded("jvp", f, coordinates("jvp", xs))
    entries = recorded.entries()
    along = _vector("jvp", v, len(recorded.variables))
    roots = [entries] if isinstance(entries, Value) else entries
    slopes: Any = [dot(row, along) for row in recorded.gradients(roots)]
    return slopes[0] if isinstance(entries, Value) else slopes


@overload
def jacobian(f: Callable[..., Any], xs: Values) -> list[list[Value]]: ...
@overload
def jacobian(f: Callable[..., Any], xs: Coordinates) -> Rows: ...
def jacobian(f: Callable[..., Any], xs: Coordinates) -> Rows:
    """The derivatives of a vector of K functions: row i holds those of entry i.

    One sweep for each row. For f that returns one Value it is the 1 x D derivative of the lecture.

    Args:
        f: a function of D scalars, or of one list of D, that returns K Values, or one.
        xs: the point, D numbers or Values; a single one for D = 1.

    Returns:
        K rows of D floats; of D Values if an entry of xs is one, or f closes over Values.

    Raises:
        TypeError: if f or xs is of a wrong kind, or an entry is not a Value.
        ValueError: if xs is empty.
    """
    recorded = _Recorded("jacobian", f, coordinates("jacobian", xs))
    entries = recorded.entries()
    return recorded.gradients([entries] if isinstance(entries, Value) else entries)


@overload
def hessian(f: Function, xs: Values) -> list[list[Value]]: ...
@overload
def hessian(f: Function, xs: Coordinates) -> Rows: ...
def hessian(f: Function, xs: Coordinates) -> Rows:
    """The Hessian of f at a point: D x D second partial derivatives, symmetric to the last bit.

    The gradient is recorded as a graph, and each of its entries differentiated again (slide "The
    Hessian"). f is recorded at every call. A graph of 200 nodes or more that comes again and again
    is lowered at its eighth call, and after it costs little more than the recording, with results
    that agree to rounding: as the recordings are compared whole, a function that branches gets a
    program for each branch. Without the recording ``LoweredFunction`` is faster yet.

    f, xs and what is raised are as for ``gradient``; the result is D rows of D floats, or of D
    Values if an entry of xs is one, or f closes over Values: then it is never lowered, and what is
    in the upper triangle are the nodes of the lower.
    """
    recorded = _Recorded("hessian", f, coordinates("hessian", xs))
    root = recorded.value()
    return _hessian(root, recorded.variables, recorded.nests([root]))


def hvp(f: Function, xs: Coordinates, v: Coordinates) -> Slopes:
    """The Hessian at a point times a vector, for the cost of a few gradients whatever D is.

    The Hessian is never formed: it is the gradient of the slope along v. Where an entry of the
    Hessian is infinite, 0 times it is nan here as well.

    f, xs, v and what is raised are as for ``directional_derivative``; the result is D floats, or D
    Values if an entry of xs or v is one, or f closes over Values.
    """
    recorded = _Recorded("hvp", f, coordinates("hvp", xs))
    along = _vector("hvp", v, len(recorded.variables))
    root = recorded.value()
    nests = recorded.nests([root]) or any(isinstance(x, Value) for x in along)
    slope = dot(grad(root, recorded.variables, create_graph=True), along)
    return list(grad(slope, recorded.variables, create_graph=nests))


class _Recorded:
    """A function at a point, called when its value or its entries are asked for, once.

    Attributes:
        variables: what to differentiate by, D Values.
    """

    def __init__(self, tool: str, f: Callable[..., Any], point: Sequence[Number]) -> None:
        self._function = ScalarFunction(tool, f, len(point))
        self.variables = self._function.leaves(point)
        self._call = Call(self.variables)
        self._given = any(isinstance(x, Value) for x in point)

    def value(self) -> Value:
        """The one Value that f returns."""
        with self._call:
            return self._function(self.variables)

    def entries(self) -> Value | list[Value]:
        """The list of Values, or the one, that f returns."""
        with self._call:
            return self._function.entries(self.variables)

    def nests(self, roots: Sequence[Value]) -> bool:
        """Whether derivatives of what f returned are Values, as there is something outside f."""
        return self._given or bool(self._call.foreign(count_consumers(*roots)))

    def gradients(self, roots: Sequence[Value]) -> Rows:
        """The gradients of what f returned: rows of floats, or rows of Values."""
        if not self._given:
            rows: list[list[float]] = []
            for root in roots:
                slopes = plain_gradient(root, self.variables, self._call)
                if slopes is None:
                    break
                rows.append(slopes)
            else:
                return rows
        return [list(grad(root, self.variables, create_graph=True)) for root in roots]


class Plain:
    """A function and its derivatives as plain numbers, for tools that iterate, classify and draw.

    What f closes over is taken as the constants that these Values are now.

    Args:
        tool: who asks, for the error messages.
        f: a function of D scalars, or of one list of D, that returns one Value.
        size: D.

    Attributes:
        function: f, which refuses to close over what is no constant.
    """

    def __init__(self, tool: str, f: Function, size: int) -> None:
        self.function = ConstantFunction(tool, f, size)

    def value_and_gradient(self, point: Sequence[float]) -> tuple[float, list[float]]:
        """The value and the gradient at a point."""
        root, variables = self._recorded(point)
        return root.data, self.function.gradient(root, variables)

    def derivative(self, x: float, order: int) -> float:
        """A derivative of a function of one number."""
        root, variables = self._recorded([x])
        self.function.look(root, variables)
        for _ in range(order - 1):
            (root,) = grad(root, variables, create_graph=True)
        return grad(root, variables)[0]

    def hessian(self, point: Sequence[float]) -> list[list[float]]:
        """The Hessian at a point."""
        root, variables = self._recorded(point)
        self.function.look(root, variables)
        return _hessian(root, variables, False)

    def rounding(self, point: Sequence[float]) -> float:
        """How far the value at a point may be off, as every number on the way to it is rounded."""
        root, _ = self._recorded(point)
        computed = ((g, node.data) for node, g, _ in sweep(root) if node.op is not None)
        return rounding_of(root.data, computed)

    def kinked(self, point: Sequence[float]) -> str:
        """The name of an operation of f that has a kink or a jump at a point; else empty."""
        root, variables = self._recorded(point)
        moving = set(variables)
        for node in evaluation_order(root):
            places = [k for k, x in enumerate(node.operands) if x in moving]
            if node.op is not None and places:
                moving.add(node)
                numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
                if is_kinked(node.op, numbers, places):
                    return node.op.name
        return ""

    def _recorded(self, point: Sequence[float]) -> tuple[Value, list[Value]]:
        variables = self.function.leaves(point)
        return self.function(variables), variables


def _hessian(root: Value, variables: Sequence[Value], nests: bool) -> Rows:
    """The Hessian of a graph, of Values if it nests: what is below the diagonal is mirrored."""
    found = None if nests else HESSIANS.hessian(root, variables)
    if found is not None:
        return found
    slopes = grad(root, variables, create_graph=True)
    below: list[Any] = [
        grad(slope, variables[: i + 1], create_graph=nests) for i, slope in enumerate(slopes)
    ]
    return [[*row, *(below[j][i] for j in range(i + 1, len(below)))] for i, row in enumerate(below)]


def _vector(tool: str, v: Coordinates, size: int) -> list[Number]:
    vector = coordinates(tool, v, "v")
    if len(vector) != size:
        raise ValueError(
            f"{tool}: v has {len(vector)} components, but the point has {size} coordinates; pass "
            f"one for each"
        )
    return vector
