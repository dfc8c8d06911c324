"""Lowered programs compute what is written, in its order, also where numbers are extreme.

Right answers are by hand from IEEE 754's double precision: 1e308 * 10 is infinite, 1e-200 * 1e-200
is 0, and 1e16 + 1 is 1e16.
"""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import LoweringError, Value, exp, log, lower, sqrt

HAS_JAX = importlib.util.find_spec("jax") is not None
ENGINES = ["numpy", "python", *(["jax"] if HAS_JAX else [])]
Function = Callable[..., Any]


def same(found: float, expected: float, relative: float = 0.0) -> bool:
    if math.isnan(expected) or math.isinf(expected):
        return math.isnan(found) if math.isnan(expected) else found == expected
    return abs(found - expected) <= relative * abs(expected)


CASES: list[tuple[Function, tuple[float, float], float]] = [
    # Constants are not multiplied up beforehand.
    (lambda x, w: x * w * 1e-200 * 1e-200, (1e300, 2.0), 2e-100),
    (lambda x, w: x / 1e200 / 1e200 * w, (1e300, 1e300), 1e200),
    (lambda x, w: 1e-300 * (1e-300 * (1e300 * (1e300 * x))) * w, (1.0, 1.0), inf),
    (lambda x, w: x * 1e308 * 10.0 * 1e-300 + w, (1e-8, 0.0), 10.0),
    (lambda x, w: x * w * 1e-200 * 1e200, (1e-200, 1.0), 0.0),
    (lambda x, w: -(x * 1e-200) * (-1e-200) * w, (1e300, 1.0), 1e-100),
    # Nor added up, and brackets stay.
    (lambda x, w: x * w + 1e16 - 1e16, (1.0, 0.75), 0.0),
    (lambda x, w: x + 1e308 - 1e308 * w, (1e308, 1.0), inf),
    (lambda x, w: x - w + x, (1e308, 1e308), 1e308),
    (lambda x, w: w - ((x + w) - x), (1e16, 1.0), 1.0),
    (lambda x, w: ((x + w) - x) - w, (1e16, 1.0), -1.0),
    (lambda x, w: x + (w - x), (1e16, 1.0), 0.0),
    (lambda x, w: 1e16 + x - 1e16 + w, (1.0, 0.25), 0.25),
    (lambda x, w: -(1e308 + x) + 1e308 * w, (1e308, 1.0), -inf),
    # No algebra.
    (lambda x, w: log(x**5.0) * w, (-2.0, 1.0), nan),
    (lambda x, w: log(exp(1000.0 * x)) * w, (1.0, 1.0), inf),
    (lambda x, w: log(x**2.0) * w, (-1e-200, 1.0), -inf),
    (lambda x, w: (x**2.0) ** 0.5 * w, (1e200, 1.0), inf),
    (lambda x, w: exp(x) * exp(w), (800.0, -800.0), nan),
    (lambda x, w: sqrt(x) * sqrt(x) * w, (-1.0, 1.0), nan),
    (lambda x, w: x * w / w, (1e200, 1e200), inf),
    (lambda x, w: x / w * w, (1e200, 1e-200), inf),
    (lambda x, w: (x - x) * w, (inf, 1.0), nan),
    (lambda x, w: 0.0 * x + w, (inf, 1.0), nan),
    # A zero divides as everywhere.
    (lambda x, w: x * w / 0.0, (2.0, 3.0), inf),
    (lambda x, w: x * w / -0.0, (2.0, 3.0), -inf),
    (lambda x, w: x * w / 0.0, (0.0, 3.0), nan),
    (lambda x, w: 0.5 * (x / 0.0) * w, (-2.0, 3.0), -inf),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_order_is_as_written(case: int, engine: str) -> None:
    f, point, expected = CASES[case]
    x, w = (Value(number) for number in point)
    root = f(x, w)
    assert same(root.data, expected, 1e-15)
    slopes = autograd.grad(root, [x, w])
    parts = [([x], [w]), ([x, w], []), ([], [x, w])]
    for inputs, wrt in parts[:1] if engine == "jax" else parts:  # which it takes long to compile
        program = lower(root, inputs, wrt, engine)
        value, gradient = program([point[: len(inputs)]]) if inputs else program()
        assert same(value, root.data)
        for found, slope in zip(gradient, slopes[len(inputs) :]):
            assert same(found, slope, 1e-14)


def test_a_number_below_the_normal_ones() -> None:
    x, w = Value(1e-310, "x"), Value(2.0, "w")
    root = x * w / 1e-310
    assert root.data == 2.0
    for engine in ("numpy", "python"):
        assert lower(root, [x], [w], engine)([[1e-310]])[0] == 2.0
    if HAS_JAX:
        with pytest.raises(LoweringError, match=r"XLA takes numbers below .* the constant 1e-310"):
            lower(root, [x], [w], "jax")


@pytest.mark.parametrize("factor", [1e-200, 1e200, 0.0, 5e-324, 1e308])
def test_a_factor_of_a_sum_of_instances_stays_where_it_is(factor: float) -> None:
    w = Value(1e150, "w")
    for size in (1e-140, 1.0, 1e150):
        total = autograd.sum([w * (size * x) for x in (0.1, 0.2, 0.3, 0.4)])
        for root in (total * factor * factor, total * factor / 1e-200, total / factor + 1.0):
            value = lower(root, wrt=[w])()[0]
            assert same(value, root.data, 1e-15)


def test_predict_divides_by_zero_for_any_number_of_inputs() -> None:
    w = Value(1.0, "w")
    for count in (63, 64, 200):
        outputs = nn.predict(lambda x: [w * x[0] / 0.0], [[float(i)] for i in range(count)])
        assert math.isnan(outputs[0][0])
        assert [y for (y,) in outputs[1:]] == [inf] * (count - 1)


# Random expressions -------------------------------------------------------------------------------

NUMBERS = [0.0, 1.0, -1.0, 0.1, 3.0, 1e16, -1e16, 1e200, -1e-200, 1e308, 1e-300, 2.0**-1000, 1e8]
BINARY: list[Function] = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / y,
]
UNARY: list[Function] = [lambda x: -x, abs, lambda x: x * x, lambda x: 1.0 / x, sqrt]


def expression(rng: random.Random) -> tuple[Any, list[Value]]:
    """A tree of at most eight operations, as far as the order of its additions is its own."""
    leaves = [Value(rng.choice(NUMBERS) * rng.uniform(0.5, 1.5)) for _ in range(3)]
    pool: list[Any] = list(leaves)
    for _ in range(rng.randint(1, 8)):
        if rng.random() < 0.3:
            pool.append(rng.choice(UNARY)(rng.choice(pool)))
        else:
            x, y = rng.choice(pool), rng.choice([*pool, rng.choice(NUMBERS)])
            pool.append(rng.choice(BINARY)(*rng.sample([x, y], 2)))
    return pool[-1], leaves


def check_expression(seed: int, engine: str = "numpy") -> None:
    """One lowered expression, its leaves in each of the parts that they can have."""
    rng = random.Random(seed)
    root, leaves = expression(rng)
    if root.op is None:
        return
    inputs = [x for x in leaves if rng.random() < 0.5]
    wrt = [x for x in leaves if x not in inputs and rng.random() < 0.7]
    program = lower(root, inputs, wrt, engine)
    value = program([[x.data for x in inputs]])[0] if inputs else program()[0]
    # A constant that divides all instances is multiplied by its reciprocal: two roundings for one.
    assert same(value, root.data, 4e-16), (seed, value, root.data)


@given(st.integers(0, 2**32))
@settings(derandomize=True, deadline=None, database=None, max_examples=100)
def test_random_expressions_with_extreme_numbers(seed: int) -> None:
    check_expression(seed)
