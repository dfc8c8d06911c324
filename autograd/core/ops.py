"""The operation table: everything this project knows about each operation, one row each.

A row gives a name, the formula of the result z in the operands x and y, and the formula of dz/dx
and dz/dy, in which z may stand for the result; what a formula calls is another row. Everything else
reads the table: the engine computes and sweeps by the formulas, the stepper prints them, drawing
shows their symbols, lowering and other languages write them anew, and the tests check every row
against finite differences. To add an operation, add a row.

``Partial("1 / (2 * z)", "0.5 / z")`` is a slope with a second formula to compute by; ``computed``
is the same for the result, and ``by`` a function of Python, where no formula says how or where it
is faster. "0" says that no derivative passes. ``symbol`` is what stands between operands,
``domain`` where result and slopes are finite, and ``kinks`` say what holds where there is no
derivative. Numbers follow IEEE 754: nothing here raises for an operand that is zero, infinite or
nan.
"""

from __future__ import annotations

import operator
from math import inf
from typing import Any

from . import ieee
from .table import BUILT_IN, POSITIVE, REALS
from .table import OPS as OPS  # the table, which this file fills
from .table import Kink as Kink
from .table import Op as Op
from .table import Partial as Partial

# Arithmetic -------------------------------------------------------------------------------------

add = Op("add", "x + y", "1", "1", by=operator.add, symbol="+")
sub = Op("sub", "x - y", "1", "-1", by=operator.sub, symbol="-")
mul = Op("mul", "x * y", "y", "x", by=operator.mul, symbol="*")
div = Op(
    "div",
    "x / y",
    "1 / y",
    "-z / y",
    by=ieee.divide,
    symbol="/",
    kinks=(Kink("y = 0", "x / 0 is infinite and 0 / 0 is nan, as IEEE 754 says"),),
)


def _power_by_base(z: Any, x: Any, y: Any) -> Any:
    """The slope y * x ** (y - 1) on nodes: 0 for y = 0, also where x ** -1 is not finite."""
    if isinstance(y, float):
        return y * pow(x, y - 1.0) if y else 0.0
    # There, as below 5e-308 it may be, the base is replaced and not the result, lest another
    # derivative meet 0 * inf.
    overflows = equal(y, 0.0) * (1.0 - less(5e-308, absolute(x)))
    # At x = 0 the slope in y is 0, and this one jumps as y goes on from 0 or 1: that must not make
    # the mixed second derivative depend on which variable comes first.
    jumps = equal(x, 0.0) * (equal(y, 0.0) + equal(y, 1.0))
    y = where(jumps, stop_gradient(y), y)
    return y * pow(where(overflows, 1.0, x), y - 1.0)


def _xlogy_by_x(z: Any, x: Any, y: Any) -> Any:
    """The slope log(y) on nodes; 0 for x = 0 and y <= 0, where its own slope in y is still 1 / y.

    So is the slope of x / y in x, and the mixed second derivative is one, as in JAX.
    """
    at_zero = equal(x, 0.0)
    below = at_zero * less(y, 0.0) * less(-inf, y)
    scaled = div(y, where(below, stop_gradient(y), 1.0))
    return log(where(at_zero * (equal(y, 0.0) + equal(y, -inf)), 1.0, scaled))


pow = Op(
    "pow",
    "x ** y",
    Partial("y * x ** (y - 1)", "0 if y == 0 else y * x ** (y - 1)", _power_by_base),
    Partial("z * log(x)", "z * log(1 if x == 0 and not y < 0 else x)"),
    by=ieee.power,
    symbol="**",
    domain=(POSITIVE, REALS),
    kinks=(
        Kink("y = 0", "the slope in x is 0 for every x, also for 0 ** 0, as in PyTorch"),
        Kink("x = 0", "the slope in y is 0 for y >= 0, also for 0 ** 0, as in PyTorch"),
    ),
)
mod = Op(
    "mod",
    "x % y",
    "1",
    "-(x // y)",
    by=ieee.modulo,
    symbol="%",
    kinks=(
        Kink("x = y * round(x / y)", "it jumps; the slopes are those of x - y * (x // y)"),
        Kink("y = 0", "x % 0 is nan"),
    ),
)
floordiv = Op(
    "floordiv",
    "x // y",
    "0",
    "0",
    by=ieee.floor_divide,
    symbol="//",
    kinks=(
        Kink("x = y * round(x / y)", "it jumps; both slopes are 0"),
        Kink("y = 0", "x // 0 is x / 0"),
    ),
)
neg = Op("neg", "-x", "-1", by=operator.neg, symbol="-")
absolute = Op(
    "abs",
    "abs(x)",
    "sign(x)",
    kinks=(Kink("x = 0", "the slope is 0, the middle of -1 and 1, as in PyTorch"),),
)
sum = Op("sum", "x1 + x2 + ...", "1", by=ieee.sum, symbol="+", variadic=True)

# Elementary functions ---------------------------------------------------------------------------

exp = Op("exp", "exp(x)", "z")
exp2 = Op("exp2", "2 ** x", "z * log(2)")
expm1 = Op("expm1", "exp(x) - 1", "exp(x)", computed="expm1(x)")
log = Op("log", "log(x)", "1 / x", domain=(POSITIVE,))
log2 = Op("log2", "log(x) / log(2)", "1 / x / log(2)", computed="log2(x)", domain=(POSITIVE,))
log10 = Op("log10", "log(x) / log(10)", "1 / x / log(10)", computed="log10(x)", domain=(POSITIVE,))
log1p = Op("log1p", "log(1 + x)", "1 / (1 + x)", computed="log1p(x)", domain=((-1.0, inf),))
sqrt = Op("sqrt", "sqrt(x)", Partial("1 / (2 * z)", "0.5 / z"), domain=(POSITIVE,))
sin = Op("sin", "sin(x)", "cos(x)")
cos = Op("cos", "cos(x)", "-sin(x)")
tan = Op("tan", "tan(x)", "1 + z ** 2", kinks=(Kink("cos(x) = 0", "no float is a pole"),))
# 1 - x ** 2 with all of its digits near 1, and all of its slope's near 0.
_ONE_MINUS_SQUARE = "(1 - x ** 2 if abs(x) < 0.5 else (1 - x) * (1 + x))"
asin = Op(
    "asin",
    "asin(x)",
    Partial("1 / sqrt(1 - x ** 2)", f"1 / sqrt({_ONE_MINUS_SQUARE})"),
    domain=((-1.0, 1.0),),
)
acos = Op(
    "acos",
    "acos(x)",
    Partial("-1 / sqrt(1 - x ** 2)", f"-1 / sqrt({_ONE_MINUS_SQUARE})"),
    domain=((-1.0, 1.0),),
)
# Where a slope is written by hypot, or acosh's by two roots, no square overflows: beyond 1e154 the
# slopes of asinh, acosh and atan2 are right, where PyTorch and JAX say 0.
atan = Op("atan", "atan(x)", Partial("1 / (1 + x ** 2)", "1 / hypot(x, 1) / hypot(x, 1)"))
atan2 = Op(
    "atan2",
    "atan2(y, x)",
    Partial("x / (x ** 2 + y ** 2)", "x / hypot(x, y) / hypot(x, y)"),
    Partial("-y / (x ** 2 + y ** 2)", "-y / hypot(x, y) / hypot(x, y)"),
    letters="yx",
    kinks=(
        Kink("y = 0", "for x < 0 it jumps from pi to -pi, where y changes its sign"),
        Kink("abs(x) + abs(y) = 0", "both slopes are nan, as in JAX; PyTorch says 0"),
    ),
)
sinh = Op("sinh", "sinh(x)", "cosh(x)")
cosh = Op("cosh", "cosh(x)", "sinh(x)")
asinh = Op("asinh", "asinh(x)", Partial("1 / sqrt(x ** 2 + 1)", "1 / hypot(x, 1)"))
acosh = Op(
    "acosh",
    "acosh(x)",
    Partial("1 / sqrt(x ** 2 - 1)", "1 / (sqrt(abs(x) - 1) * sqrt(abs(x) + 1))"),
    domain=((1.0, inf),),
)
atanh = Op(
    "atanh",
    "atanh(x)",
    Partial("1 / (1 - x ** 2)", f"1 / {_ONE_MINUS_SQUARE}"),
    domain=((-1.0, 1.0),),
)
erf = Op("erf", "erf(x)", "2 / sqrt(pi) * exp(-x ** 2)")
erfc = Op("erfc", "erfc(x)", "-2 / sqrt(pi) * exp(-x ** 2)")


def _hypot_by_x(z: Any, x: Any, y: Any) -> Any:
    """The slope x / z on nodes, whose own slopes are worked out: small ones are not cancelled."""
    return hypot_slope(x, y)


def _hypot_by_y(z: Any, x: Any, y: Any) -> Any:
    return hypot_slope(y, x)


hypot = Op(
    "hypot",
    "sqrt(x ** 2 + y ** 2)",
    Partial("x / z", on_nodes=_hypot_by_x),
    Partial("y / z", on_nodes=_hypot_by_y),
    computed="hypot(x, y)",
    kinks=(Kink("abs(x) + abs(y) = 0", "both slopes are nan, as in PyTorch; JAX says 0.5"),),
)
# The slope of hypot, with slopes of its own: where y is small those of x / z cancel each other.
hypot_slope = Op(
    "hypot_slope",
    "x / sqrt(x ** 2 + y ** 2)",
    Partial(
        "y ** 2 / (x ** 2 + y ** 2) ** 1.5",
        "(y / hypot(x, y)) * (y / hypot(x, y)) / hypot(x, y)",
    ),
    Partial("-x * y / (x ** 2 + y ** 2) ** 1.5", "-z * (y / hypot(x, y)) / hypot(x, y)"),
    computed="x / hypot(x, y)",
    kinks=(Kink("abs(x) + abs(y) = 0", "it is nan, as are its slopes"),),
)
floor = Op("floor", "floor(x)", "0", kinks=(Kink("x = round(x)", "it jumps; the slope is 0"),))
ceil = Op("ceil", "ceil(x)", "0", kinks=(Kink("x = round(x)", "it jumps; the slope is 0"),))
xlogy = Op(
    "xlogy",
    "x * log(y)",
    Partial("log(y)", "log(1 if x == 0 and y <= 0 else y)", _xlogy_by_x),
    "x / y",
    computed="0 if x == 0 and y == y else x * log(y)",
    domain=(REALS, POSITIVE),
    kinks=(Kink("x = 0", "the value is 0 for every y, and the slope in x is 0 for y <= 0"),),
)
logaddexp = Op(
    "logaddexp",
    "log(exp(x) + exp(y))",
    "sigmoid(x - y)",
    "sigmoid(y - x)",
    computed="x + log(2) if x == y else maximum(x, y) + log1p(exp(-abs(x - y)))",
)
# What a softmax takes off its operands, lest their exponentials overflow. No derivative passes: any
# number would do, as it cancels.
softmax_shift = Op(
    "softmax_shift", "max(x1, x2, ...)", "0", by=ieee.largest, symbol="max", variadic=True
)
# The sum of the slopes e ** (x - z) of a logsumexp z: 1, but that z is rounded, which at 1e16 is by
# more than 1. To divide by it makes them right.
softmax_total = Op(
    "softmax_total",
    "(exp(x1) + exp(x2) + ...) / (exp(x1) + exp(x2) + ...)",
    "0",
    by=ieee.softmax_total,
    variadic=True,
)
logsumexp = Op(
    "logsumexp",
    "log(exp(x1) + exp(x2) + ...)",
    Partial("exp(x - z)", "exp(x - z) / t"),
    by=ieee.logsumexp,
    variadic=True,
    of_all=(("t", "softmax_total"),),
)
# For a logarithm of a sum of powers of which the largest is 1: log1p of it loses none of the rest.
sumexpm1 = Op("sumexpm1", "exp(x1) + exp(x2) + ... - 1", "exp(x)", by=ieee.sumexpm1, variadic=True)

# Activations ------------------------------------------------------------------------------------

tanh = Op("tanh", "tanh(x)", "1 - z ** 2")
sigmoid = Op("sigmoid", "1 / (1 + exp(-x))", "z * (1 - z)")
relu = Op(
    "relu",
    "x if x >= 0 else 0",
    Partial("1 if x >= 0 else 0", "step(x)"),
    computed="0 if x < 0 else x",  # which is nan at nan
    kinks=(Kink("x = 0", "the slope is 1, as the lecture writes it; PyTorch and JAX say 0"),),
)
softplus = Op(
    "softplus",
    "log(1 + exp(x))",
    "sigmoid(x)",
    computed="(x if x > 0 else 0) + log1p(exp(-abs(x)))",  # neither overflows nor is lost beside 1
)

# Choices ----------------------------------------------------------------------------------------

# The slopes of a maximum, 1 or 0, and one half at a tie and at nan.
_FIRST_LARGER = Partial(
    "1 if x > y else 0.5 if x == y else 0", "0.5 + 0.5 * (less(y, x) - less(x, y))"
)
_FIRST_SMALLER = Partial(
    "1 if x < y else 0.5 if x == y else 0", "0.5 + 0.5 * (less(x, y) - less(y, x))"
)

maximum = Op(
    "maximum",
    "x if x >= y else y",
    _FIRST_LARGER,
    _FIRST_SMALLER,
    computed="x if x >= y or x != x else y",  # which is nan if either is
    kinks=(Kink("x = y", "the two share the gradient equally"),),
)
minimum = Op(
    "minimum",
    "x if x <= y else y",
    _FIRST_SMALLER,
    _FIRST_LARGER,
    computed="x if x <= y or x != x else y",
    kinks=(Kink("x = y", "the two share the gradient equally"),),
)
step = Op(
    "step",
    "1 if x >= 0 else 0",
    "0",
    computed="1 if x >= 0 else 0 if x < 0 else x",  # which is nan at nan
    kinks=(Kink("x = 0", "the slope is 0"),),
)
sign = Op(
    "sign",
    "1 if x > 0 else -1 if x < 0 else 0",
    "0",
    computed="1 if x > 0 else -1 if x < 0 else 0 if x == 0 else x",  # likewise
    kinks=(Kink("x = 0", "the slope is 0"),),
)
less = Op("less", "1 if x < y else 0", "0", "0", kinks=(Kink("x = y", "both slopes are 0"),))
equal = Op("equal", "1 if x == y else 0", "0", "0", kinks=(Kink("x = y", "both slopes are 0"),))
where = Op(
    "where",
    "x if c else y",
    "0",
    "1 if c else 0",
    "0 if c else 1",
    letters="cxy",
    kinks=(Kink("c = 0", "the slope in c is 0"),),
)
stop_gradient = Op("stop_gradient", "x", "0")

BUILT_IN.update(OPS)
# Python's functions are tried when they are first asked for; within a loop of NumPy's, which looks
# for overflows that somebody has caused, that would be a warning.
for _op in list(OPS.values()):
    _ = _op.is_primitive and _op.forward
