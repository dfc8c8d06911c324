"""Functions of floats that follow IEEE 754 to the letter: floats in, a float out, no exception.

Python's own raise ``ZeroDivisionError``, ``OverflowError`` or ``ValueError`` where PyTorch, JAX and
NumPy go on with an infinity or a nan. The operation table computes with these, so that a graph
always has a value and a gradient, and a nan can be traced to where it arose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, nan

# Where functions of Python's library raise, if they ever do.
_TRIALS = (-inf, -1e308, -2.0, -1.0, 0.0, 1.0, 2.0, 1e308, inf)


def elementary(name: str, domain: tuple[float, float]) -> Callable[..., float]:
    """A function of this module or of Python's ``math``, with an infinity or a nan for an error.

    Args:
        name: what ``math`` calls it.
        domain: the open interval in which it is finite. At an end of it where the function is not
            defined it has a pole: minus infinity at the lower end, infinity at the upper.
    """
    function: Callable[..., float] = _OWN.get(name) or getattr(math, name)

    def guarded(x: float) -> float:
        try:
            return function(x)
        except OverflowError:  # it grows as it goes on from 1, or from -1
            return math.copysign(inf, function(math.copysign(1.0, x)))
        except ValueError:
            if math.isinf(x) or x not in domain:
                return nan
            return -inf if x == domain[0] else inf

    try:
        for x in _TRIALS:
            function(x)
    except (OverflowError, ValueError):
        return guarded
    except TypeError:  # it takes two, and none of those raises
        pass
    return function


def divide(x: float, y: float) -> float:
    """The quotient; a nonzero number over a zero is an infinity with the sign of the two."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or math.isnan(x):
            return nan
        return math.copysign(inf, x) * math.copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    """The quotient rounded down, as Python's ``//``; over a zero as ``divide`` has it."""
    return x // y if y else divide(x, y)


def modulo(x: float, y: float) -> float:
    """What is left of x, with the sign of y, as Python's ``%``; nan over a zero."""
    return x % y if y else nan


def power(x: float, y: float) -> float:
    """The real power, as C's pow: nan for a negative x to a fraction; x ** 0 and 1 ** y are 1."""
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        if x < 0.0 and y != math.floor(y):
            return nan
        # What is left is too large: an overflow, or a zero to a negative power, in Python 3.10 also
        # to -inf. Only odd powers keep the sign.
        negative = math.copysign(1.0, x) < 0.0 and y % 2.0 == 1.0
        return -inf if negative else inf


def floor(x: float) -> float:
    """The largest whole number that is no larger; what is not finite stays as it is."""
    return x // 1.0 if math.isfinite(x) else x


def ceil(x: float) -> float:
    """The smallest whole number that is no smaller; what is not finite stays as it is."""
    return -(-x // 1.0) if math.isfinite(x) else x


def largest(*xs: float) -> float:
    """The largest of any number; nan if one is."""
    return nan if [x for x in xs if x != x] else max(xs)


def sum(*xs: float) -> float:
    """The sum, rounded once: short of an overflow on the way, the order does not matter."""
    try:
        return math.fsum(xs)
    except (OverflowError, ValueError):
        # An infinity, two opposite infinities, or an overflow on the way.
        total = 0.0
        for x in xs:
            total += x
        return total


def sumexpm1(*xs: float) -> float:
    """sum(e ** x) - 1, with all digits of the rest beside the 1 of an x that is 0."""
    return sum(*map(_exp, xs), -1.0)


def _rest(xs: tuple[float, ...], shift: float) -> float:
    """``sumexpm1`` of what is left when the largest is taken off, so that nothing overflows."""
    return sum(*[math.exp(x - shift) for x in xs], -1.0)


def logsumexp(*xs: float) -> float:
    """log(sum(e ** x)), without overflow: infinite only where an x or every x is."""
    shift = largest(*xs)
    if math.isinf(shift):
        return shift
    return shift + math.log1p(_rest(xs, shift))


def softmax_total(*xs: float) -> float:
    """sum(e ** (x - logsumexp(xs))): 1 but for the rounding of that; 1 too where it is infinite."""
    shift = largest(*xs)
    if math.isinf(shift):
        return 1.0
    rest = _rest(xs, shift)
    return (1.0 + rest) * math.exp(shift - (shift + math.log1p(rest)))


_OWN: dict[str, Callable[..., float]] = {"abs": abs, "floor": floor, "ceil": ceil}
_exp = elementary("exp", (-inf, inf))
