"""The operation table: everything this project knows about each operation, one row each.

A row says how to compute the operation on floats, and what its partial derivative is with
respect to each operand. Everything else reads the table: the engine sweeps with the partials, the
stepper prints their formulas, drawing shows their symbols, the tests check every row against
finite differences. To add an operation, add a row here.

In a row ``x`` and ``y`` are the operands and ``z`` is the result. Partials are written in ordinary
arithmetic and in other rows, so one rule serves floats (a gradient), ``Value``s (a gradient that
can be differentiated again) and whatever else knows how to ``record`` an operation.

Numbers follow IEEE 754: nothing here raises for an operand that is zero, infinite or nan.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NamedTuple, TypeAlias

from ..text import real
from . import ieee

Rule: TypeAlias = Callable[..., Any] | float | None


class Partial(NamedTuple):
    """The derivative of an operation with respect to one operand.

    ``rule`` is called as ``rule(z, x)`` or ``rule(z, x, y)``. A rule that is a number is a constant
    slope, and ``None`` says that no derivative passes, whatever arrives from above.
    ``text`` is the formula as a Python expression, ``latex`` the same for print.
    """

    rule: Rule
    text: str
    latex: str


class Kink(NamedTuple):
    """A place where the derivative does not exist, and what the row says there instead."""

    where: str
    convention: str


Interval: TypeAlias = tuple[float, float]
REALS: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)
SMALLEST_INVERTIBLE = 5e-308  # below, 1 / x may be infinite


def _constant(slope: float | None) -> Callable[..., float | None]:
    return lambda *operands: slope


class Op:
    """One row of the table.

    An ``Op`` is also the function that it describes: called with numbers it gives a float; called
    with anything that records operations, such as a ``Value``, it gives a recorded node.

    Attributes:
        name: what Python code calls it, unique in the table.
        symbol: what a picture writes in its node; an infix operator if it is one in Python.
        arity: the number of operands, or ``None`` for any number, at least one.
        forward: floats to float, never raising.
        partials: one ``Partial`` for each operand; a single one serves all when arity is None.
        rules: the rule of each partial.
        linear: whether every rule is a constant, so that none has to be evaluated.
        letters: what ``text`` and ``latex`` call the operands, in order.
        text: the formula as a Python expression in these letters.
        latex: the same for print.
        domain: for each operand the open interval in which the result is finite and the partials
            are the true derivatives, kinks aside.
        kinks: where the derivative does not exist or takes care, and what it is there.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., float],
        *partials: Partial,
        text: str,
        latex: str,
        symbol: str = "",
        variadic: bool = False,
        domain: tuple[Interval, ...] = (),
        kinks: tuple[Kink, ...] = (),
    ) -> None:
        self.name = name
        self.symbol = symbol or name
        self.arity = None if variadic else len(partials)
        self.forward = forward
        self.partials = partials
        rules = [partial.rule for partial in partials]
        self.linear = not any(callable(rule) for rule in rules)
        self.rules: tuple[Any, ...] = tuple(
            rule if self.linear or callable(rule) else _constant(rule) for rule in rules
        )
        self.letters = ("x", "xy", "cxy")[len(partials) - 1]
        self.text = text
        self.latex = latex
        self.domain = domain or (REALS,) * len(partials)
        self.kinks = kinks
        self.__doc__ = "\n".join(
            [
                f"z = {text}",
                *(f"dz/d{x} = {p.text}" for x, p in zip(self.letters, partials)),
                *(f"At {kink.where}: {kink.convention}." for kink in kinks),
            ]
        )
        OPS[name] = self

    def __call__(self, *operands: Any) -> Any:
        """Apply to numbers, giving a float, or to what records operations, giving a node."""
        for operand in operands:
            if type(operand) is not float:
                record = getattr(operand, "record_operation", None)
                if record is not None:
                    return record(self, operands)
        try:
            numbers = [real(x) for x in operands]
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        return self.forward(*numbers)

    def __repr__(self) -> str:
        return f"<op {self.name}: z = {self.text}>"

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        return _row, (self.name,)

    def formula(self, operands: Sequence[str]) -> str:
        """The operation written on names: ``a * b``, ``tanh(n)``, ``a + b + c``."""
        if self.symbol.isidentifier():
            return f"{self.symbol}({', '.join(operands)})"
        atoms = [f"({x})" if x.startswith("-") else x for x in operands]
        return self.symbol + atoms[0] if self.arity == 1 else f" {self.symbol} ".join(atoms)


OPS: dict[str, Op] = {}


def _row(name: str) -> Op:
    """The row of a pickle or a copy: the one of this table, whatever it was when it was saved."""
    return OPS[name]


def _prefers(x: Any, y: Any) -> Any:
    """1 where x > y, 0 where x < y, and one half at a tie (and at nan): the slope of a maximum."""
    return 0.5 + 0.5 * (less(y, x) - less(x, y))


def _power_by_base(z: Any, x: Any, y: Any) -> Any:
    """The slope y * x ** (y - 1), and 0 for y = 0 even where x ** -1 is infinite or nan."""
    if isinstance(y, float):
        return y * pow(x, y - 1.0) if y else 0.0
    # Where y is 0 and x ** -1 overflows, the base is replaced and not the result, so that at x = 0
    # differentiating again meets no 0 * inf either.
    overflows = equal(y, 0.0) * (1.0 - less(SMALLEST_INVERTIBLE, absolute(x)))
    return y * pow(where(overflows, 1.0, x), y - 1.0)


def _power_by_exponent(z: Any, x: Any, y: Any) -> Any:
    """The slope x ** y * log(x), and 0 for x = 0 where x ** y does not depend on y (y >= 0)."""
    return z * log(where(equal(x, 0.0) * (1.0 - less(y, 0.0)), 1.0, x))


def _xlogy_by_factor(z: Any, x: Any, y: Any) -> Any:
    """log(y), and 0 where x = 0 hides a logarithm that does not exist (y <= 0)."""
    return log(where(equal(x, 0.0) * (less(y, 0.0) + equal(y, 0.0)), 1.0, y))


# Arithmetic -------------------------------------------------------------------------------------
# A row is annotated where its rules name itself or a row further down, which mypy cannot infer.

add = Op(
    "add",
    operator.add,
    Partial(1.0, "1", "1"),
    Partial(1.0, "1", "1"),
    symbol="+",
    text="x + y",
    latex="x + y",
)
sub = Op(
    "sub",
    operator.sub,
    Partial(1.0, "1", "1"),
    Partial(-1.0, "-1", "-1"),
    symbol="-",
    text="x - y",
    latex="x - y",
)
mul = Op(
    "mul",
    operator.mul,
    Partial(lambda z, x, y: y, "y", "y"),
    Partial(lambda z, x, y: x, "x", "x"),
    symbol="*",
    text="x * y",
    latex=r"x \, y",
)
div: Op = Op(
    "div",
    ieee.divide,
    Partial(lambda z, x, y: div(1.0, y), "1 / y", r"\frac{1}{y}"),
    Partial(lambda z, x, y: div(-z, y), "-z / y", r"-\frac{z}{y}"),
    symbol="/",
    text="x / y",
    latex=r"\frac{x}{y}",
    kinks=(Kink("y = 0", "x / 0 is infinite and 0 / 0 is nan, as IEEE 754 says"),),
)
pow = Op(
    "pow",
    ieee.power,
    Partial(_power_by_base, "y * x ** (y - 1)", r"y \, x^{y - 1}"),
    Partial(_power_by_exponent, "z * log(x)", r"z \log x"),
    symbol="**",
    text="x ** y",
    latex="x^{y}",
    domain=(POSITIVE, REALS),
    kinks=(
        Kink("y = 0", "the slope in x is 0 for every x, also for 0 ** 0, as in PyTorch"),
        Kink("x = 0", "the slope in y is 0 for y >= 0, also for 0 ** 0, as in PyTorch"),
    ),
)
neg = Op(
    "neg",
    operator.neg,
    Partial(-1.0, "-1", "-1"),
    symbol="-",
    text="-x",
    latex="-x",
)
absolute = Op(
    "abs",
    operator.abs,
    Partial(lambda z, x: sign(x), "sign(x)", r"\operatorname{sign} x"),
    text="abs(x)",
    latex=r"\lvert x \rvert",
    kinks=(Kink("x = 0", "the slope is 0, the middle of -1 and 1, as in PyTorch"),),
)
sum = Op(
    "sum",
    ieee.sum,
    Partial(1.0, "1", "1"),
    symbol="+",
    variadic=True,
    text="x1 + x2 + ...",
    latex=r"\sum_i x_i",
)

# Elementary functions ---------------------------------------------------------------------------

exp = Op(
    "exp",
    ieee.exp,
    Partial(lambda z, x: z, "z", "z"),
    text="exp(x)",
    latex="e^{x}",
)
log = Op(
    "log",
    ieee.log,
    Partial(lambda z, x: div(1.0, x), "1 / x", r"\frac{1}{x}"),
    text="log(x)",
    latex=r"\log x",
    domain=(POSITIVE,),
)
sqrt = Op(
    "sqrt",
    ieee.sqrt,
    Partial(lambda z, x: div(0.5, z), "1 / (2 * z)", r"\frac{1}{2 z}"),
    text="sqrt(x)",
    latex=r"\sqrt{x}",
    domain=(POSITIVE,),
)
sin = Op(
    "sin",
    ieee.sin,
    Partial(lambda z, x: cos(x), "cos(x)", r"\cos x"),
    text="sin(x)",
    latex=r"\sin x",
)
cos: Op = Op(
    "cos",
    ieee.cos,
    Partial(lambda z, x: -sin(x), "-sin(x)", r"-\sin x"),
    text="cos(x)",
    latex=r"\cos x",
)
xlogy = Op(
    "xlogy",
    ieee.xlogy,
    Partial(_xlogy_by_factor, "log(y)", r"\log y"),
    Partial(lambda z, x, y: div(x, y), "x / y", r"\frac{x}{y}"),
    text="x * log(y)",
    latex=r"x \log y",
    domain=(REALS, POSITIVE),
    kinks=(Kink("x = 0", "the value is 0 for every y, and the slope in x is 0 for y <= 0"),),
)
logsumexp = Op(
    "logsumexp",
    ieee.logsumexp,
    Partial(lambda z, x: exp(x - z), "exp(x - z)", "e^{x - z}"),
    variadic=True,
    text="log(exp(x1) + exp(x2) + ...)",
    latex=r"\log \sum_i e^{x_i}",
)
# What a softmax takes off its operands, lest their exponentials overflow. No derivative passes: any
# number would do, as it cancels.
softmax_shift = Op(
    "softmax_shift",
    ieee.largest,
    Partial(None, "0", "0"),
    variadic=True,
    text="max(x1, x2, ...)",
    latex=r"\max_i x_i",
)

# Activations ------------------------------------------------------------------------------------

tanh = Op(
    "tanh",
    math.tanh,
    Partial(lambda z, x: 1.0 - z * z, "1 - z ** 2", "1 - z^2"),
    text="tanh(x)",
    latex=r"\tanh x",
)
sigmoid = Op(
    "sigmoid",
    ieee.sigmoid,
    Partial(lambda z, x: z * (1.0 - z), "z * (1 - z)", "z (1 - z)"),
    text="1 / (1 + exp(-x))",
    latex=r"\frac{1}{1 + e^{-x}}",
)
relu = Op(
    "relu",
    ieee.relu,
    Partial(lambda z, x: step(x), "1 if x >= 0 else 0", r"[x \ge 0]"),
    text="x if x >= 0 else 0",
    latex=r"\max(x, 0)",
    kinks=(Kink("x = 0", "the slope is 1, as the lecture writes it; PyTorch and JAX say 0"),),
)
softplus = Op(
    "softplus",
    ieee.softplus,
    Partial(lambda z, x: sigmoid(x), "sigmoid(x)", r"\frac{1}{1 + e^{-x}}"),
    text="log(1 + exp(x))",
    latex=r"\log(1 + e^{x})",
)

# Choices ----------------------------------------------------------------------------------------

_FIRST_LARGER = "1 if x > y else 0.5 if x == y else 0", r"[x > y] + \tfrac{1}{2} [x = y]"
_FIRST_SMALLER = "1 if x < y else 0.5 if x == y else 0", r"[x < y] + \tfrac{1}{2} [x = y]"

maximum = Op(
    "maximum",
    ieee.maximum,
    Partial(lambda z, x, y: _prefers(x, y), *_FIRST_LARGER),
    Partial(lambda z, x, y: _prefers(y, x), *_FIRST_SMALLER),
    text="x if x >= y else y",
    latex=r"\max(x, y)",
    kinks=(Kink("x = y", "the two share the gradient equally"),),
)
minimum = Op(
    "minimum",
    ieee.minimum,
    Partial(lambda z, x, y: _prefers(y, x), *_FIRST_SMALLER),
    Partial(lambda z, x, y: _prefers(x, y), *_FIRST_LARGER),
    text="x if x <= y else y",
    latex=r"\min(x, y)",
    kinks=(Kink("x = y", "the two share the gradient equally"),),
)
step: Op = Op(
    "step",
    ieee.step,
    Partial(None, "0", "0"),
    text="1 if x >= 0 else 0",
    latex=r"[x \ge 0]",
    kinks=(Kink("x = 0", "the slope is 0"),),
)
sign: Op = Op(
    "sign",
    ieee.sign,
    Partial(None, "0", "0"),
    text="1 if x > 0 else -1 if x < 0 else 0",
    latex=r"\operatorname{sign} x",
    kinks=(Kink("x = 0", "the slope is 0"),),
)
less = Op(
    "less",
    ieee.less,
    Partial(None, "0", "0"),
    Partial(None, "0", "0"),
    text="1 if x < y else 0",
    latex="[x < y]",
    kinks=(Kink("x = y", "both slopes are 0"),),
)
equal = Op(
    "equal",
    ieee.equal,
    Partial(None, "0", "0"),
    Partial(None, "0", "0"),
    text="1 if x == y else 0",
    latex="[x = y]",
    kinks=(Kink("x = y", "both slopes are 0"),),
)
where: Op = Op(
    "where",
    ieee.where,
    Partial(None, "0", "0"),
    Partial(lambda z, c, x, y: where(c, 1.0, 0.0), "1 if c else 0", r"[c \ne 0]"),
    Partial(lambda z, c, x, y: where(c, 0.0, 1.0), "0 if c else 1", "[c = 0]"),
    text="x if c else y",
    latex=r"c\,?\,x : y",
    kinks=(Kink("c = 0", "the slope in c is 0"),),
)
stop_gradient = Op(
    "stop_gradient",
    operator.pos,
    Partial(None, "0", "0"),
    text="x",
    latex="x",
)
