"""Random graphs against 60-digit arithmetic: values, gradients and second derivatives.

python tests/oracle.py --seed 0 --count 10000

A plan is drawn at random and carried out twice: on Values, and on ``Jet``s, which are numbers of 60
digits with their first and second derivatives, carried forward by rules from the calculus textbook.
Nothing of the operation table and nothing of the reverse sweep enters a Jet. The two have to agree
within a few roundings, each weighed with how strongly the answer depends on the number that was
rounded: that is the condition of the graph, and the only excuse. Where a choice hangs on less than
that (is x > 0 if x is 1e-17 and known to 1e-16?), nothing can be compared, and it is counted.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mpmath import mp, mpf

import autograd
from autograd import GradientMismatch, Value, check_gradient, grad
from autograd.core import ops
from autograd.core.sweep import consumers_first, local_partials

DIGITS = 60
# One node may be off by this many units in the last place; glibc's functions and compositions
# such as x * log(y) stay below it.
ULPS = 3.0
LARGE, SMALL = 1e140, 1e-140

# Jets: what a textbook says ---------------------------------------------------------------------


class Jet(NamedTuple):
    """A number, its n slopes, and its n by n curvatures, of 60 digits each."""

    value: Any
    slopes: list[Any]
    curvatures: list[list[Any]]

    @classmethod
    def constant(cls, number: float, n: int) -> Jet:
        return cls(mpf(number), [mpf(0)] * n, [[mpf(0)] * n for _ in range(n)])

    @classmethod
    def variable(cls, number: float, i: int, n: int) -> Jet:
        jet = cls.constant(number, n)
        jet.slopes[i] = mpf(1)
        return jet

    def through(self, f: Any, first: Any, second: Any) -> Jet:
        """The chain rule: f(u) has slopes f' u_i and curvatures f'' u_i u_j + f' u_ij."""
        u = self.slopes
        n = range(len(u))
        return Jet(
            f,
            [first * u[i] for i in n],
            [[second * u[i] * u[j] + first * self.curvatures[i][j] for j in n] for i in n],
        )

    def __add__(self, other: Jet) -> Jet:  # type: ignore[override]
        n = range(len(self.slopes))
        return Jet(
            self.value + other.value,
            [self.slopes[i] + other.slopes[i] for i in n],
            [[self.curvatures[i][j] + other.curvatures[i][j] for j in n] for i in n],
        )

    def __mul__(self, other: Jet) -> Jet:  # type: ignore[override]
        """The product rule, and for curvatures Leibniz': u_ij v + u_i v_j + u_j v_i + u v_ij."""
        u, v = self, other
        n = range(len(u.slopes))
        return Jet(
            u.value * v.value,
            [u.slopes[i] * v.value + u.value * v.slopes[i] for i in n],
            [
                [
                    u.curvatures[i][j] * v.value
                    + u.slopes[i] * v.slopes[j]
                    + u.slopes[j] * v.slopes[i]
                    + u.value * v.curvatures[i][j]
                    for j in n
                ]
                for i in n
            ],
        )

    def times(self, number: Any) -> Jet:
        return self.through(number * self.value, mpf(number), mpf(0))

    def stopped(self) -> Jet:
        return self.times(0)._replace(value=self.value)


def exponential(u: Jet) -> Jet:
    power = mp.exp(u.value)
    return u.through(power, power, power)


def logarithm(u: Jet) -> Jet:
    inverse = 1 / u.value
    return u.through(mp.log(u.value), inverse, -(inverse**2))


def reciprocal(u: Jet) -> Jet:
    inverse = 1 / u.value
    return u.through(inverse, -(inverse**2), 2 * inverse**3)


def square_root(u: Jet) -> Jet:
    root = mp.sqrt(u.value)
    return u.through(root, 1 / (2 * root), -1 / (4 * root**3))


def sine(u: Jet) -> Jet:
    return u.through(mp.sin(u.value), mp.cos(u.value), -mp.sin(u.value))


def cosine(u: Jet) -> Jet:
    return u.through(mp.cos(u.value), -mp.sin(u.value), -mp.cos(u.value))


def hyperbolic_tangent(u: Jet) -> Jet:
    tangent, secant = mp.tanh(u.value), mp.sech(u.value)
    return u.through(tangent, secant**2, -2 * tangent * secant**2)


def logistic(u: Jet) -> Jet:
    below = mp.exp(-u.value)
    slope = below / (1 + below) ** 2
    return u.through(1 / (1 + below), slope, slope * (below - 1) / (1 + below))


def known(u: Jet, f: Any, first: Any, second: Any) -> Jet:
    """A function of which mpmath has the first two derivatives."""
    return u.through(f(u.value), first(u.value), second(u.value))


def log_one_plus(u: Jet) -> Jet:
    inverse = 1 / (1 + u.value)
    return u.through(mp.log1p(u.value), inverse, -(inverse**2))


def arc(u: Jet, f: Any, sign: int) -> Jet:
    root = 1 / mp.sqrt(1 - u.value**2)
    return u.through(f(u.value), sign * root, sign * u.value * root**3)


def arc_tangent(u: Jet) -> Jet:
    slope = 1 / (1 + u.value**2)
    return u.through(mp.atan(u.value), slope, -2 * u.value * slope**2)


def angle(v: Jet, u: Jet) -> Jet:
    """The angle of (u, v), whose slopes are (u v_i - v u_i) / (u^2 + v^2)."""
    n = range(len(u.slopes))
    square = u.value**2 + v.value**2
    turns = [u.value * v.slopes[i] - v.value * u.slopes[i] for i in n]
    grows = [2 * (u.value * u.slopes[i] + v.value * v.slopes[i]) for i in n]
    turned = [
        [
            u.slopes[j] * v.slopes[i]
            + u.value * v.curvatures[i][j]
            - v.slopes[j] * u.slopes[i]
            - v.value * u.curvatures[i][j]
            for j in n
        ]
        for i in n
    ]
    return Jet(
        mp.atan2(v.value, u.value),
        [turn / square for turn in turns],
        [[turned[i][j] / square - turns[i] * grows[j] / square**2 for j in n] for i in n],
    )


def cosine_of(u: Jet, v: Jet) -> Jet:
    """u / hypot(u, v), as +-1 / sqrt(1 + t^2) with t = v / u where that is small."""
    if abs(u.value) < abs(v.value):
        return u * reciprocal(square_root(u * u + v * v))
    t = v * reciprocal(u)
    one = Jet.constant(1.0, len(u.slopes))
    return reciprocal(square_root(one + t * t)).times(side(u))


def area(u: Jet, f: Any, sign: int) -> Jet:
    root = 1 / mp.sqrt(u.value**2 + sign)
    return u.through(f(u.value), root, -u.value * root**3)


def area_tangent(u: Jet) -> Jet:
    slope = 1 / (1 - u.value**2)
    return u.through(mp.atanh(u.value), slope, 2 * u.value * slope**2)


def bell(u: Jet, f: Any, sign: int) -> Jet:
    slope = 2 * sign / mp.sqrt(mp.pi) * mp.exp(-(u.value**2))
    return u.through(f(u.value), slope, -2 * u.value * slope)


def soft_plus(u: Jet) -> Jet:
    y = logistic(Jet(u.value, [mpf(1)], [[mpf(0)]]))
    return u.through(mp.log1p(mp.exp(u.value)), y.value, y.slopes[0])


def raised(u: Jet, v: Jet) -> Jet:
    """u ** v as e^(v log u), or as a product where the exponent is a whole number."""
    if abs(v.value) > 6 or v.value != int(v.value) or any(v.slopes) or any(map(any, v.curvatures)):
        return exponential(v * logarithm(u))
    power = Jet.constant(1.0, len(u.slopes))
    for _ in range(abs(int(v.value))):
        power = power * u
    return power if v.value >= 0 else reciprocal(power)


def total(us: Sequence[Jet]) -> Jet:
    result = us[0]
    for u in us[1:]:
        result = result + u
    return result


def product(us: Sequence[Jet]) -> Jet:
    result = us[0]
    for u in us[1:]:
        result = result * u
    return result


def log_sum_exp(*us: Jet) -> Jet:
    """m + log(1 + sum of e^(u - m) over the others), which keeps the digits of a small m."""
    first, *others = sorted(us, key=lambda u: u.value, reverse=True)
    if not others:
        return first
    rest = total([exponential(u + first.times(-1)) for u in others])
    whole = 1 + rest.value
    return first + rest.through(mp.log1p(rest.value), 1 / whole, -1 / whole**2)


def sum_of_powers_less_one(*us: Jet) -> Jet:
    powers = total([exponential(u) for u in us])
    return powers._replace(value=powers.value - 1)


def shift(*us: Jet) -> Jet:
    return max(us, key=lambda u: u.value).stopped()


def order(*us: Jet) -> list[int]:
    return [side(u, v) for u in us for v in us]


def first_log_softmax(*us: Jet) -> Jet:
    """Minus the logarithm of the sum of e^(u - u_1), which keeps the digits of close, large u."""
    return log_sum_exp(*[u + us[0].times(-1) for u in us]).times(-1)


def first_softmax(*us: Jet) -> Jet:
    return exponential(first_log_softmax(*us))


# What is made of pieces: which piece holds is decided by the numbers, a tie as the table says.


def side(u: Jet, v: Jet | None = None) -> int:
    difference = u.value - (v.value if v else 0)
    return int(mp.sign(difference))


def larger(u: Jet, v: Jet) -> Jet:
    return {1: u, -1: v, 0: (u + v).times(0.5)}[side(u, v)]


def smaller(u: Jet, v: Jet) -> Jet:
    return {1: v, -1: u, 0: (u + v).times(0.5)}[side(u, v)]


def whole(u: Jet, rounded: Any) -> Jet:
    return u.times(0)._replace(value=rounded(u.value))


def whole_part(u: Jet) -> Any:
    """Between which whole numbers it is; 0 where it is one, as there it jumps."""
    below = mp.floor(u.value)
    return 0 if u.value == below else (below,)


def ratio(u: Jet, v: Jet) -> Any:
    return whole_part(u._replace(value=u.value / v.value))


def how_often(u: Jet, v: Jet) -> Jet:
    return whole(u._replace(value=u.value / v.value), mp.floor)


def left_over(u: Jet, v: Jet) -> Jet:
    return u + v.times(-mp.floor(u.value / v.value))


def one_if(holds: bool, like: Jet) -> Jet:
    return Jet.constant(float(holds), len(like.slopes))


# Functions to draw from -------------------------------------------------------------------------


class Function(NamedTuple):
    """Something to compute with, on Values and on Jets.

    Attributes:
        arity: how many operands; None for one to four.
        on_values: takes Values and floats.
        on_jets: takes Jets.
        allows: whether the operands, as floats, are in the domain.
        chooses: for a function made of pieces, which piece holds; takes Jets.
    """

    arity: int | None
    on_values: Callable[..., Any]
    on_jets: Callable[..., Jet]
    allows: Callable[..., bool] = lambda *xs: True
    chooses: Callable[..., Any] = lambda *us: None


def moderate(*xs: float) -> bool:
    return max(map(abs, xs)) < 300.0


def positive(x: float) -> bool:
    return x > 0.0


def off_poles(x: float) -> bool:
    return abs(math.cos(x)) > 1e-6


def within(x: float) -> bool:
    return abs(x) < 1.0


def nonzero(*xs: float) -> bool:
    return any(xs)


def fits(x: float, y: float) -> bool:
    """Whether the quotient has few enough digits before the point to know those behind it."""
    return y != 0.0 and abs(x / y) < 1e6


FUNCTIONS: dict[str, Function] = {
    "add": Function(2, lambda x, y: x + y, lambda u, v: u + v),
    "sub": Function(2, lambda x, y: x - y, lambda u, v: u + v.times(-1)),
    "mul": Function(2, lambda x, y: x * y, lambda u, v: u * v),
    "div": Function(2, lambda x, y: x / y, lambda u, v: u * reciprocal(v), lambda x, y: y != 0.0),
    "pow": Function(2, lambda x, y: x**y, raised, lambda x, y: x > 0.0 and abs(y) < 1e6),
    "neg": Function(1, lambda x: -x, lambda u: u.times(-1)),
    "abs": Function(1, abs, lambda u: u.times(side(u)), chooses=side),
    "sum": Function(None, lambda *xs: autograd.sum(xs), lambda *us: total(us)),
    "exp": Function(1, autograd.exp, exponential, moderate),
    "log": Function(1, autograd.log, logarithm, positive),
    "exp2": Function(1, autograd.exp2, lambda u: exponential(u.times(mp.log(2))), moderate),
    "expm1": Function(1, autograd.expm1, lambda u: known(u, mp.expm1, mp.exp, mp.exp), moderate),
    "log2": Function(1, autograd.log2, lambda u: logarithm(u).times(1 / mp.log(2)), positive),
    "log10": Function(1, autograd.log10, lambda u: logarithm(u).times(1 / mp.log(10)), positive),
    "log1p": Function(1, autograd.log1p, log_one_plus, lambda x: x > -1.0),
    "sqrt": Function(1, autograd.sqrt, square_root, lambda x: x > 0.0),
    "sin": Function(1, autograd.sin, sine),
    "cos": Function(1, autograd.cos, cosine),
    "tan": Function(1, autograd.tan, lambda u: sine(u) * reciprocal(cosine(u)), off_poles),
    "asin": Function(1, autograd.asin, lambda u: arc(u, mp.asin, 1), within),
    "acos": Function(1, autograd.acos, lambda u: arc(u, mp.acos, -1), within),
    "atan": Function(1, autograd.atan, arc_tangent),
    "atan2": Function(2, autograd.atan2, angle, lambda y, x: y != 0.0 != x),
    "sinh": Function(1, autograd.sinh, lambda u: known(u, mp.sinh, mp.cosh, mp.sinh), moderate),
    "cosh": Function(1, autograd.cosh, lambda u: known(u, mp.cosh, mp.sinh, mp.cosh), moderate),
    "asinh": Function(1, autograd.asinh, lambda u: area(u, mp.asinh, 1)),
    "acosh": Function(1, autograd.acosh, lambda u: area(u, mp.acosh, -1), lambda x: x > 1.0),
    "atanh": Function(1, autograd.atanh, area_tangent, within),
    "erf": Function(1, autograd.erf, lambda u: bell(u, mp.erf, 1), moderate),
    "erfc": Function(1, autograd.erfc, lambda u: bell(u, mp.erfc, -1), lambda x: abs(x) < 20.0),
    "hypot": Function(2, autograd.hypot, lambda u, v: square_root(u * u + v * v), nonzero),
    "hypot_slope": Function(2, ops.hypot_slope, cosine_of, nonzero),
    "floor": Function(1, autograd.floor, lambda u: whole(u, mp.floor), chooses=whole_part),
    "ceil": Function(1, autograd.ceil, lambda u: whole(u, mp.ceil), chooses=whole_part),
    "mod": Function(2, lambda x, y: x % y, left_over, fits, chooses=ratio),
    "floordiv": Function(2, lambda x, y: x // y, how_often, fits, chooses=ratio),
    "xlogy": Function(2, autograd.xlogy, lambda u, v: u * logarithm(v), lambda x, y: y > 0.0),
    "logaddexp": Function(2, autograd.logaddexp, log_sum_exp),
    "logsumexp": Function(None, lambda *xs: autograd.logsumexp(xs), log_sum_exp),
    "sumexpm1": Function(None, ops.sumexpm1, sum_of_powers_less_one, moderate),
    "softmax_shift": Function(None, ops.softmax_shift, shift, chooses=order),
    "softmax_total": Function(None, ops.softmax_total, lambda *us: one_if(True, us[0])),
    "tanh": Function(1, autograd.tanh, hyperbolic_tangent),
    "sigmoid": Function(1, autograd.sigmoid, logistic, lambda x: x > -300.0),
    "relu": Function(1, autograd.relu, lambda u: u.times(side(u) >= 0), chooses=side),
    "softplus": Function(1, autograd.softplus, soft_plus, lambda x: x > -300.0),
    "maximum": Function(2, autograd.maximum, larger, chooses=side),
    "minimum": Function(2, autograd.minimum, smaller, chooses=side),
    "step": Function(1, autograd.step, lambda u: one_if(side(u) >= 0, u), chooses=side),
    "sign": Function(1, autograd.sign, lambda u: u.times(0)._replace(value=side(u)), chooses=side),
    "less": Function(2, autograd.less, lambda u, v: one_if(side(u, v) < 0, u), chooses=side),
    "equal": Function(2, autograd.equal, lambda u, v: one_if(side(u, v) == 0, u), chooses=side),
    "where": Function(
        3,
        autograd.where,
        lambda c, u, v: u if c.value != 0 else v,
        chooses=lambda c, u, v: side(c),
    ),
    "stop_gradient": Function(1, autograd.stop_gradient, Jet.stopped),
    # Compositions of rows, and the other ways to write an operator.
    "power": Function(
        2,
        lambda x, y: x**y,
        raised,
        lambda x, y: (x != 0.0 or y >= 1.0) and y == int(y) and abs(y) <= 6.0,
    ),
    "prod": Function(None, lambda *xs: autograd.prod(xs), lambda *us: product(us)),
    "dot": Function(
        4,
        lambda w, v, x, y: autograd.dot([w, v], [x, y]),
        lambda w, v, x, y: w * x + v * y,
    ),
    "softmax": Function(None, lambda *xs: autograd.softmax(xs)[0], first_softmax, moderate),
    "log_softmax": Function(None, lambda *xs: autograd.log_softmax(xs)[0], first_log_softmax),
}
LAST_OPERAND_IS_CONSTANT = {"power"}
# A step, or a slope that is hidden on purpose.
SEEN_BY_DIFFERENCES_ONLY = {
    "floor",
    "ceil",
    "floordiv",
    "mod",
    "stop_gradient",
    "softmax_shift",
    "softmax_total",
    "step",
    "sign",
    "less",
    "equal",
    "where",
}


# Plans ------------------------------------------------------------------------------------------

Operand = int | float  # an earlier node, or a constant
# A step of its own: the derivative of a node by a leaf, as a node that the graph goes on with.
DERIVATIVE = "derivative"


@dataclass
class Plan:
    """A graph as data: leaves, then operations on what is there already."""

    leaves: list[float]
    steps: list[tuple[str, tuple[Operand, ...]]] = field(default_factory=list)

    def on_values(self, leaves: Sequence[Value], number: Any = float) -> list[Any]:
        """All nodes; constants are made by ``number``, which may be Value."""
        nodes: list[Any] = list(leaves)
        for name, operands in self.steps:
            if name == DERIVATIVE:
                of, by = map(int, operands)
                nodes += grad(nodes[of], [leaves[by]], create_graph=True)
                continue
            taken = [nodes[x] if isinstance(x, int) else number(x) for x in operands]
            if name in LAST_OPERAND_IS_CONSTANT:
                taken[-1] = operands[-1]
            nodes.append(FUNCTIONS[name].on_values(*taken))
        return nodes

    def __str__(self) -> str:
        lines = [f"v{i} = {x!r}" for i, x in enumerate(self.leaves)]
        for k, (name, operands) in enumerate(self.steps, start=len(self.leaves)):
            words = [f"v{x}" if isinstance(x, int) else repr(x) for x in operands]
            lines.append(f"v{k} = {name}({', '.join(words)})")
        return "\n".join(lines)


def draw_number(generator: random.Random) -> float:
    """Mostly of the size of 1; often a round one, for ties and zeros; sometimes huge or tiny."""
    kind = generator.random()
    if kind < 0.25:
        return generator.choice([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -0.25])
    if kind < 0.75:
        return generator.gauss(0.0, 2.0)
    if kind < 0.8:  # far apart for exponentials, and near each other for floats
        return generator.choice([40.0, -40.0, 1e16, -1e16, 1e10, 700.0, -700.0])
    exponent = 8.0 if kind < 0.95 else 120.0
    return generator.choice([1.0, -1.0]) * 10.0 ** generator.uniform(-exponent, exponent)


def draw_plan(generator: random.Random, most_leaves: int = 3, most_steps: int = 12) -> Plan:
    """A plan whose values are finite, not too large, and inside the domains."""
    plan = Plan([draw_number(generator) for _ in range(generator.randint(1, most_leaves))])
    extend(generator, plan, list(plan.leaves), generator.randint(1, most_steps))
    return plan


def draw_nested_plan(generator: random.Random) -> Plan:
    """A plan with a derivative of one of its nodes in the middle; without, if none will do."""
    plan = draw_plan(generator, most_leaves=3, most_steps=8)
    leaves = [Value(x) for x in plan.leaves]
    nodes = plan.on_values(leaves)
    of, by = generator.randrange(len(leaves), len(nodes)), generator.randrange(len(leaves))
    (slope,) = grad(nodes[of], [leaves[by]], create_graph=True)
    if is_drawable(slope.data):
        plan.steps.append((DERIVATIVE, (of, by)))
        numbers = [node.data for node in [*nodes, slope]]
        extend(generator, plan, numbers, generator.randint(1, 4))
    return plan


def is_drawable(number: float) -> bool:
    """Whether it is finite, and not too large."""
    return number == 0.0 or SMALL < abs(number) < LARGE


def extend(generator: random.Random, plan: Plan, numbers: list[float], steps: int) -> None:
    """Add steps to a plan whose nodes have these numbers."""
    last = len(plan.steps) + steps
    for _ in range(100):
        name = generator.choice(list(FUNCTIONS))
        function = FUNCTIONS[name]
        arity = generator.randint(1, 4) if function.arity is None else function.arity
        operands: list[Operand] = [draw_operand(generator, numbers) for _ in range(arity)]
        if name in LAST_OPERAND_IS_CONSTANT:
            operands[-1] = float(generator.randint(-4, 6))
        if not any(isinstance(x, int) for x in operands):
            continue
        if name == "where" and not isinstance(operands[0], int):
            continue
        xs = [numbers[x] if isinstance(x, int) else x for x in operands]
        if not function.allows(*xs):
            continue
        z = function.on_values(*map(Value, xs)).data
        if is_drawable(z):
            plan.steps.append((name, tuple(operands)))
            numbers.append(z)
            if len(plan.steps) == last:
                break


def draw_operand(generator: random.Random, numbers: Sequence[float]) -> Operand:
    kind = generator.random()
    if kind < 0.15:
        return draw_number(generator)
    recent = max(0, len(numbers) - 3) if kind < 0.65 else 0
    return generator.randrange(recent, len(numbers))


# Rounding ---------------------------------------------------------------------------------------


def allowance(root: Value) -> float:
    """How far roundings may have moved ``root``, to first order.

    Every node may be off by a few units in its last place, which reaches the root multiplied by
    the derivative of the root with respect to that node.
    """
    gradients = {root: 1.0}
    error = 0.0
    for node in consumers_first(root):
        gradient = gradients.get(node, 0.0)
        if node.op is None or gradient == 0.0:
            continue
        error += abs(gradient) * ULPS * math.ulp(size(node))
        # An error passes where no derivative does; that of a large number also where it is whole.
        through = node.op in (ops.stop_gradient, ops.softmax_shift, ops.floor, ops.ceil)
        partials = [1.0] * len(node.operands) if through else local_partials(node)
        for operand, partial in zip(node.operands, partials, strict=True):
            if isinstance(operand, Value) and partial is not None:
                gradients[operand] = gradients.get(operand, 0.0) + gradient * partial
    return error


def size(node: Value) -> float:
    """The largest number that was rounded to make the node."""
    numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
    if node.op in (ops.logsumexp, ops.logaddexp, ops.softmax_total):
        return max(map(abs, [node.data, *numbers]))  # they add to the largest of their operands
    if node.op is ops.sumexpm1:  # whose powers are rounded, but for those of 0
        return max([abs(node.data), *(math.exp(x) for x in numbers if x)])
    return abs(node.data)


# Comparing --------------------------------------------------------------------------------------


class Disagreement(AssertionError):  # noqa: N818 - a finding, as GradientMismatch is
    """A number that no rounding explains."""


@dataclass
class Tally:
    """What was compared, and how."""

    counts: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0

    def __str__(self) -> str:
        return "\n".join(
            [
                *(f"{count:9,}  {what}" for what, count in sorted(self.counts.items())),
                f"{self.worst:9.3f}  the largest error, in units of what roundings may do",
                f"{len(self.functions):9}  functions used, of {len(FUNCTIONS)}",
            ]
        )


@dataclass
class Comparison:
    """One plan, compared with 60 digits.

    Attributes:
        blurred: whether rounding left so little of some node that what is made of it cannot be
            judged by how it depends on that node there.
        slope_allowance: how far roundings may have moved a slope.
        noise: what the 60 digits themselves leave open.
        is_rough: whether differences cannot tell: at a kink, or on numbers so large that a small
            step is many periods of a sine, or so small that their powers vanish.
    """

    plan: Plan
    tally: Tally
    blurred: bool = False
    slope_allowance: float = 0.0
    noise: float = 0.0
    is_rough: bool = False

    def run(self, order: int) -> None:
        """Compare values and derivatives.

        Raises:
            Disagreement: if one is further off than roundings explain.
        """
        plan, counts = self.plan, self.tally.counts
        leaves, all_leaves = ([Value(x) for x in plan.leaves] for _ in range(2))
        nodes = plan.on_values(leaves)
        # The same graph with constants that are Values, so that no rounding hides in a constant.
        all_nodes = plan.on_values(all_leaves, Value)
        counts["graphs"] += 1
        with mp.workdps(DIGITS):
            root = self.on_jets(nodes, all_nodes)
            if root is None:
                counts["graphs left where a choice hangs on a rounding"] += 1
                return
            entries = [root.value, *root.slopes, *(x for row in root.curvatures for x in row)]
            entries = [x for x in entries if mp.isfinite(x)]
            self.noise = float(max(map(abs, entries)) * mpf(10) ** (10 - DIGITS))
            check_sweeps(nodes[-1], leaves)
            first = grad(nodes[-1], leaves, create_graph=True)
            all_first = grad(all_nodes[-1], all_leaves, create_graph=True)
            for i, (g, all_g) in enumerate(zip(first, all_first, strict=True)):
                self.judge("slopes", f"d/dv{i}", g, all_g, root.slopes[i])
                self.slope_allowance = max(self.slope_allowance, allowance(all_g))
                if order == 1:
                    continue
                second = grad(g, leaves, create_graph=True)
                all_second = grad(all_g, all_leaves, create_graph=True)
                for j, (h, all_h) in enumerate(zip(second, all_second, strict=True)):
                    exact = root.curvatures[i][j]
                    self.judge("curvatures", f"d2/dv{i}dv{j}", h, all_h, exact)

    def on_jets(self, nodes: list[Any], all_nodes: list[Any]) -> Jet | None:
        """The root as a Jet; None if another piece is chosen there, for want of digits here."""
        plan = self.plan
        n = len(plan.leaves)
        jets = [Jet.variable(x, i, n) for i, x in enumerate(plan.leaves)]
        for k, (name, operands) in enumerate(plan.steps, start=n):
            if name == DERIVATIVE:
                of, by = map(int, operands)
                unknown = [[mp.nan] * n for _ in range(n)]  # which would take third derivatives
                jets.append(Jet(jets[of].slopes[by], jets[of].curvatures[by], unknown))
                self.tally.counts["derivatives in the middle of a graph"] += 1
                self.judge("values", f"v{k}", nodes[k], all_nodes[k], jets[k].value)
                continue
            function = FUNCTIONS[name]
            self.tally.functions[name] += 1
            taken = [jets[x] if isinstance(x, int) else Jet.constant(x, n) for x in operands]
            numbers = [nodes[x].data if isinstance(x, int) else x for x in operands]
            # The operands agree within their roundings, or we would not be here: so a choice, or a
            # domain, that differs is a matter of roundings too.
            chosen = function.chooses(*[Jet.constant(x, 0) for x in numbers])
            if function.chooses(*taken) != chosen:
                return None
            self.is_rough = self.is_rough or chosen == 0 or not all(map(is_mild, numbers))
            if not function.allows(*[u.value for u in taken]):
                return None
            jets.append(function.on_jets(*taken))
            self.judge("values", f"v{k}", nodes[k], all_nodes[k], jets[k].value)
        return jets[-1]

    def judge(self, kind: str, name: str, node: Value, all_node: Value, exact: Any) -> None:
        """Compare one number; ``all_node`` is the same one in the graph without constants."""
        tally = self.tally
        found, allowed = node.data, allowance(all_node)
        if not (math.isfinite(found) and math.isfinite(allowed)):
            # A value is never too large (see draw_plan); a slope may be, or one on the way.
            if math.isnan(found) and not meets_infinity(node):
                raise Disagreement(
                    f"{name} is nan, and nothing on the way overflows, in\n{self.plan}"
                )
            tally.counts[f"{kind} left where something overflows"] += 1
            return
        error = max(float(abs(found - exact)) - self.noise, 0.0)
        if allowed > max(1e-3 * max(abs(found), abs(exact)), 1e-300):
            self.blurred = self.blurred or kind == "values"
            allowed *= 1e3
        if error <= allowed:
            tally.counts[f"{kind} that agree"] += 1
            if allowed:
                tally.worst = max(tally.worst, error / allowed)
        elif self.blurred:
            tally.counts[f"{kind} left where rounding leaves nothing of a node"] += 1
        else:
            raise Disagreement(
                f"{name} is {found!r}, and exactly {mp.nstr(exact, 20)}: off by {error:.3g}, where "
                f"roundings explain {allowed:.3g}, in\n{self.plan}"
            )

    def run_with_differences(self) -> None:
        """Compare the gradient with differences of the values, which know their own error.

        Raises:
            Disagreement: if they contradict it.
        """
        plan, counts = self.plan, self.tally.counts
        if any(name == DERIVATIVE for name, _ in plan.steps):  # of which differences know nothing
            return
        if self.is_rough or SEEN_BY_DIFFERENCES_ONLY & {name for name, _ in plan.steps}:
            return
        try:
            check_gradient(
                # Adding 0 times the inputs makes it a function of them, whatever it does.
                lambda xs: plan.on_values(xs)[-1] + 0.0 * xs[0],
                plan.leaves,
                absolute_tolerance=min(self.slope_allowance, sys.float_info.max),
            )
        except GradientMismatch as error:
            if any(c.verdict == "wrong" for c in error.report.failures):
                raise Disagreement(f"{error}\nin\n{plan}") from None
            counts["gradients that central differences are too rough for"] += 1
        else:
            counts["gradients that central differences confirm"] += 1


def meets_infinity(root: Value) -> bool:
    """Whether a number under a node is infinite, of which nan is made as infinity times zero is."""
    nodes = consumers_first(root)
    constants = [x for node in nodes for x in node.operands if not isinstance(x, Value)]
    return any(map(math.isinf, [*(node.data for node in nodes), *constants]))


def is_mild(number: float) -> bool:
    return number == 0.0 or 1e-20 < abs(number) < 1e4


def check_sweeps(root: Value, leaves: list[Value]) -> None:
    """``backward()``, ``grad`` and ``grad(create_graph=True)`` say the same, to the bit."""
    slopes = grad(root, leaves)
    graphs = grad(root, leaves, create_graph=True)
    root.backward()
    for x, slope, graph in zip(leaves, slopes, graphs, strict=True):
        if not repr(x.grad + 0.0) == repr(slope + 0.0) == repr(graph.data + 0.0):
            raise Disagreement(f"{x.grad!r}, {slope!r} and {graph.data!r} differ")


# Running ----------------------------------------------------------------------------------------


def disagreements(seed: int, count: int, tally: Tally, order: int = 2) -> Iterator[str]:
    """What disagrees in ``count`` graphs; graph k is the same whatever came before it."""
    for k in range(seed, seed + count):
        # Every fifth graph goes on with a derivative, of which only the first is known.
        generator = random.Random(k)
        nested = k % 5 == 4
        plan = draw_nested_plan(generator) if nested else draw_plan(generator)
        try:
            comparison = Comparison(plan, tally)
            comparison.run(1 if nested else order)
            comparison.run_with_differences()
        except Disagreement as error:
            yield f"graph {k}: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="the number of the first graph")
    parser.add_argument("--count", type=int, default=1000, help="how many graphs")
    arguments = parser.parse_args()
    tally = Tally()
    found = 0
    for disagreement in disagreements(arguments.seed, arguments.count, tally):
        found += 1
        print(disagreement, end="\n\n")
    print(tally)
    print(f"{found:9,}  disagreements")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
