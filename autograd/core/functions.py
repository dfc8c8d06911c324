"""The functions that users call: on numbers they give a float, on Values a node of the graph.

Most are rows of the operation table as they stand. The others, on vectors, are composed of rows:
nothing here has a derivative rule of its own.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from ..text import operand
from . import ops
from .table import choose
from .value import Value


class _Function(Protocol):
    """A row of the table with one operand."""

    @overload
    def __call__(self, x: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, /) -> float: ...


class _BinaryFunction(Protocol):
    """A row of the table with two operands."""

    @overload
    def __call__(self, x: Value, y: Value | float, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: Value, /) -> Value: ...
    @overload
    def __call__(self, x: float, y: float, /) -> float: ...


exp: _Function = ops.exp
exp2: _Function = ops.exp2
expm1: _Function = ops.expm1
log: _Function = ops.log
log2: _Function = ops.log2
log10: _Function = ops.log10
log1p: _Function = ops.log1p
sqrt: _Function = ops.sqrt
sin: _Function = ops.sin
cos: _Function = ops.cos
tan: _Function = ops.tan
asin: _Function = ops.asin
acos: _Function = ops.acos
atan: _Function = ops.atan
sinh: _Function = ops.sinh
cosh: _Function = ops.cosh
asinh: _Function = ops.asinh
acosh: _Function = ops.acosh
atanh: _Function = ops.atanh
erf: _Function = ops.erf
erfc: _Function = ops.erfc
floor: _Function = ops.floor
ceil: _Function = ops.ceil
tanh: _Function = ops.tanh
sigmoid: _Function = ops.sigmoid
relu: _Function = ops.relu
softplus: _Function = ops.softplus
sign: _Function = ops.sign
step: _Function = ops.step
stop_gradient: _Function = ops.stop_gradient
maximum: _BinaryFunction = ops.maximum
minimum: _BinaryFunction = ops.minimum
xlogy: _BinaryFunction = ops.xlogy
atan2: _BinaryFunction = ops.atan2
hypot: _BinaryFunction = ops.hypot
mod: _BinaryFunction = ops.mod
floordiv: _BinaryFunction = ops.floordiv
logaddexp: _BinaryFunction = ops.logaddexp
less: _BinaryFunction = ops.less
equal: _BinaryFunction = ops.equal


def where(condition: Value | float, x: Value | float, y: Value | float) -> Value | float:
    """Choose x where the condition is not zero, else y: a branch that stays in the graph.

    A condition that is a plain number has decided already, and its branch is returned as it is.
    No gradient reaches the condition. The branch not taken receives the gradient 0, and as in
    PyTorch and JAX 0 times an infinite slope inside it is nan: make its operand harmless first, as
    in ``where(c, log(where(c, x, 1.0)), y)``.
    """
    if not hasattr(condition, "record_operation"):
        try:
            condition = operand(condition)
        except (TypeError, ValueError) as error:
            raise type(error)(f"where(): the condition: {error}") from None
    return choose(condition, x, y)  # type: ignore[no-any-return]


@overload
def sum(values: Iterable[float], start: float = 0) -> float: ...  # type: ignore[overload-overlap]
@overload
def sum(values: Iterable[Value | float], start: Value | float = 0) -> Value: ...
@overload
def sum(values: Iterable[Any], start: Any) -> Any: ...
def sum(values: Iterable[Any], start: Any = 0) -> Any:
    """x_1 + ... + x_n as one node, after a start that is not 0; 0.0 for no values.

    Args:
        values: n Values or numbers.
        start: what comes first, as in Python's own ``sum``, which does the rest where it is
            neither Value nor number: ``sum(lists, [])`` joins lists.

    Raises:
        TypeError: if one is neither.
    """
    operands = _listed("sum", values)
    if type(start) is not int or start:
        if hasattr(start, "__len__"):
            return builtins.sum(operands, start)
        if isinstance(start, Value) or start != 0:
            operands = [start, *operands]
    return ops.sum(*operands) if operands else 0.0


@overload
def prod(values: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def prod(values: Iterable[Value | float]) -> Value: ...
def prod(values: Iterable[Value | float]) -> Value | float:
    """x_1 * ... * x_n, multiplied from the left; 1.0 for no values.

    Args:
        values: n Values or numbers.

    Raises:
        TypeError: if one is neither.
    """
    factors = _operands("prod", values)
    return functools.reduce(operator.mul, factors) if factors else 1.0


@overload
def dot(xs: Iterable[float], ys: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def dot(xs: Iterable[Value | float], ys: Iterable[Value | float]) -> Value: ...
def dot(xs: Iterable[Value | float], ys: Iterable[Value | float]) -> Value | float:
    """x_1 y_1 + ... + x_n y_n: n products and one sum.

    Args:
        xs: n Values or numbers.
        ys: n Values or numbers.

    Raises:
        ValueError: if the lengths differ.
        TypeError: if an entry is neither.
    """
    left, right = _listed("dot", xs), _listed("dot", ys)
    if len(left) != len(right):
        raise ValueError(
            f"dot() takes two vectors of one length, got {len(left)} and {len(right)}; "
            f"check which of them is missing entries"
        )
    try:
        products = [*map(operator.mul, left, right)]
    except (TypeError, ValueError, OverflowError):
        products = [None]
    if not _TAKEN.issuperset(map(type, products)):  # an entry is to be converted, or to be refused
        products = [x * y for x, y in zip(_operands("dot", left), _operands("dot", right))]
    return sum(products)  # type: ignore[no-any-return]


@overload
def logsumexp(values: Iterable[float]) -> float: ...  # type: ignore[overload-overlap]
@overload
def logsumexp(values: Iterable[Value | float]) -> Value: ...
def logsumexp(values: Iterable[Value | float]) -> Value | float:
    """log(e^{x_1} + ... + e^{x_n}) as one node, without overflow.

    Args:
        values: n Values or numbers; of none at all it is -inf.
    """
    operands = _listed("logsumexp", values)
    return ops.logsumexp(*operands) if operands else -math.inf


@overload
def log_softmax(values: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]
@overload
def log_softmax(values: Iterable[Value | float]) -> list[Value]: ...
def log_softmax(values: Iterable[Value | float]) -> list[Value] | list[float]:
    """The logarithm of each entry of the softmax: x_i - log(e^{x_1} + ... + e^{x_n}).

    It has its digits also where softmax itself would round to 0 or 1: log_softmax([40, 0])[0] is
    -4.248354255291589e-18. Its slopes, 1 - y_i and -y_j, are exact to the last bit of 1. As in
    PyTorch and JAX all entries are nan when one of the x is +inf or all are -inf.

    Args:
        values: n >= 1 Values or numbers.

    Returns:
        A list of length n.

    Raises:
        ValueError: if there are none.
    """
    shifted = _shifted("log_softmax", values)
    logarithm = log1p(ops.sumexpm1(*shifted))
    return [x - logarithm for x in shifted]


@overload
def softmax(values: Iterable[float]) -> list[float]: ...  # type: ignore[overload-overlap]
@overload
def softmax(values: Iterable[Value | float]) -> list[Value]: ...
def softmax(values: Iterable[Value | float]) -> list[Value] | list[float]:
    """The softmax y_i = e^{x_i} / (e^{x_1} + ... + e^{x_n}) (lecture: "Multi-class
    classification: Output").

    Args:
        values: n >= 1 Values or numbers.

    Returns:
        A list of length n: probabilities that sum to 1.

    Raises:
        ValueError: if there are none.
    """
    powers = [exp(x) for x in _shifted("softmax", values)]
    total = sum(powers)
    return [power / total for power in powers]


# Composed of the rows, on one number or two. Where a branch that is not taken would be infinite,
# it is given a harmless operand: 0 times its slope would be nan.

_F = TypeVar("_F", bound=Callable[..., Any])
_N = TypeVar("_N", Value, float)


def _composed(f: _F) -> _F:
    """A function of Values and numbers, which gives a Value if one of them is, and no other."""

    @functools.wraps(f)
    def taking(*xs: Any, **others: Any) -> Any:
        taken = _operands(f.__name__, [*xs, *others.values()])
        return f(*taken[: len(xs)], **dict(zip(others, taken[len(xs) :])))

    return taking  # type: ignore[return-value]


@_composed
def square(x: _N) -> _N:
    """The product x * x."""
    return x * x


@_composed
def clip(x: Value | float, low: Value | float, high: Value | float) -> Any:
    """The nearest number to x between two bounds; high, where low is more; nan, where one is.

    The slope in x is 1 between the bounds and on them, as of PyTorch's clamp, and 0 beyond.
    """
    raised = where(ops.equal(low, low), ops.where(ops.less(x, low), low, x), low)
    return where(ops.equal(high, high), ops.where(ops.less(high, raised), high, raised), high)


@_composed
def leaky_relu(x: _N, slope: float = 0.01) -> _N:
    """The rectifier that leaks: x where x > 0, else slope * x. At 0 it has that slope (PyTorch)."""
    is_above = ops.less(0.0, x)
    return ops.where(is_above, x, slope * ops.where(is_above, 0.0, x))  # type: ignore[no-any-return]


@_composed
def elu(x: _N, alpha: float = 1.0) -> _N:
    """The exponential linear unit: x where x > 0, else alpha (e^x - 1), of slope alpha at 0."""
    is_above = ops.less(0.0, x)
    below = ops.where(is_above, 0.0, x)
    return ops.where(is_above, x, alpha * ops.expm1(below))  # type: ignore[no-any-return]


@_composed
def silu(x: _N) -> _N:
    """The sigmoid linear unit x * sigmoid(x), also called swish; nan at -inf (PyTorch)."""
    return x * ops.sigmoid(x)  # type: ignore[no-any-return]


@_composed
def gelu(x: _N) -> _N:
    """The Gaussian error linear unit: x times the probability of less in a standard normal
    distribution, by the error function; nan at -inf (PyTorch).
    """
    return 0.5 * x * ops.erfc(-x * math.sqrt(0.5))  # type: ignore[no-any-return]


def _shifted(name: str, values: Iterable[Value | float]) -> list[Any]:
    """The vector minus its largest entry: the softmax is the same, and no power exceeds 1."""
    logits = _at_least_one(name, values)
    shift = ops.softmax_shift(*logits)
    return [x - shift for x in logits]


def _listed(name: str, values: Iterable[Value | float]) -> list[Any]:
    """A vector as a list, to read only; what is in it is for the operation to check."""
    if type(values) is list:
        return values
    try:
        entries = iter(values)  # and not the list: what a generator raises is the user's own error
    except TypeError:
        raise TypeError(
            f"{name}() takes a list of numbers or Values, got {values!r} of type "
            f"{type(values).__name__}; write {name}([...]) with brackets around them"
        ) from None
    return list(entries)


_TAKEN = frozenset({Value, float})  # types of operands that are taken as they are


def _operands(name: str, values: Iterable[Value | float]) -> list[Any]:
    """A vector as a list of Values and floats, for Python's own operators."""
    listed = _listed(name, values)
    if _TAKEN.issuperset(map(type, listed)):  # nearly always
        return listed
    try:
        return [x if hasattr(x, "record_operation") else operand(x) for x in listed]
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}(): {error}") from None


def _at_least_one(name: str, values: Iterable[Value | float]) -> list[Any]:
    taken = _operands(name, values)
    if not taken:
        raise ValueError(f"{name}() of no values is not defined; pass a list with one at least")
    return taken


if not TYPE_CHECKING:  # a type checker takes what is defined here and does not begin with "_"
    __all__ = [
        name
        for name, thing in list(globals().items())
        if isinstance(thing, ops.Op) or getattr(thing, "__module__", "") == __name__
        if not name.startswith("_")
    ]
