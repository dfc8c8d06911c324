"""Elementary functions that follow IEEE 754 to the letter: floats in, a float out, no exception.

Python's own raise ``ZeroDivisionError``, ``OverflowError`` or ``ValueError`` where PyTorch, JAX and
NumPy go on with an infinity or a nan. The operation table computes with these, so that a graph
always has a value and a gradient, and a nan can be traced to where it arose.
"""

from __future__ import annotations

import functools
import math
from math import inf, nan


def divide(x: float, y: float) -> float:
    """The quotient; a nonzero number over a zero is an infinity with the sign of the two."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0.0 or math.isnan(x):
            return nan
        return math.copysign(inf, x) * math.copysign(1.0, y)


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


def exp(x: float) -> float:
    """The exponential; infinite where that overflows."""
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    """The natural logarithm; -inf at either zero, nan below."""
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def sqrt(x: float) -> float:
    """The square root; nan below zero, and -0.0 at -0.0."""
    return math.sqrt(x) if x >= 0.0 else nan


def sin(x: float) -> float:
    """The sine of x radians; nan at an infinity."""
    return math.sin(x) if math.isfinite(x) else nan


def cos(x: float) -> float:
    """The cosine of x radians; nan at an infinity."""
    return math.cos(x) if math.isfinite(x) else nan


def sigmoid(x: float) -> float:
    """1 / (1 + e ** -x); 0 a little early, below 1e-308, where the exponential overflows."""
    return 1.0 / (1.0 + exp(-x))


def softplus(x: float) -> float:
    """log(1 + e ** x), written so that neither a large x overflows nor a small one is lost."""
    return (x if x > 0.0 else 0.0) + math.log1p(math.exp(-abs(x)))


def relu(x: float) -> float:
    """The positive part of x; nan at nan."""
    return 0.0 if x < 0.0 else x


def step(x: float) -> float:
    """1 for x >= 0, else 0; nan at nan."""
    return 1.0 if x >= 0.0 else 0.0 if x < 0.0 else nan


def sign(x: float) -> float:
    """-1, 0 or 1; nan at nan."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else nan


def maximum(x: float, y: float) -> float:
    """The larger; nan if either is."""
    return x if x >= y or math.isnan(x) else y


def minimum(x: float, y: float) -> float:
    """The smaller; nan if either is."""
    return x if x <= y or math.isnan(x) else y


def largest(*xs: float) -> float:
    """The largest of any number; nan if one is."""
    return functools.reduce(maximum, xs)


def less(x: float, y: float) -> float:
    """1 if x < y, else 0; 0 when either is nan."""
    return 1.0 if x < y else 0.0


def equal(x: float, y: float) -> float:
    """1 if x == y, else 0; 0 when either is nan."""
    return 1.0 if x == y else 0.0


def where(condition: float, x: float, y: float) -> float:
    """Choose x where the condition is not zero, else y."""
    return y if condition == 0.0 else x


def xlogy(x: float, y: float) -> float:
    """The product x * log(y), which is 0 for x = 0 whatever y is but nan."""
    return 0.0 if x == 0.0 and not math.isnan(y) else x * log(y)


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


def logsumexp(*xs: float) -> float:
    """log(sum(e ** x)), without overflow: infinite only where an x or every x is."""
    shift = largest(*xs)
    if math.isinf(shift):
        return shift
    return shift + math.log(sum(*[math.exp(x - shift) for x in xs]))
