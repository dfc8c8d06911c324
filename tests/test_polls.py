"""The polls of the lecture, with the answers that its slides mark."""

from __future__ import annotations

import math

import numpy as np

import autograd
import nn
from autograd import (
    Value,
    classify_critical_point,
    derivative,
    directional_derivative,
    gradient,
    jacobian,
)


def f(x1: Value, x2: Value) -> Value:
    return x1 * x1 + 3 * x1 * x2


# By hand: (2 x1 + 3 x2, 3 x1), which is (8, 3) at (1, 2).
AT = [1.0, 2.0]
G = [8.0, 3.0]


def slope(degrees: float) -> float:
    turned = math.atan2(G[1], G[0]) + math.radians(degrees)
    return directional_derivative(f, AT, [math.cos(turned), math.sin(turned)])


def test_poll_1() -> None:
    """Many directions increase f, the gradient's the fastest, and the derivative is 1 x N."""
    assert gradient(f, AT) == G
    increasing = [degrees for degrees in range(-180, 180) if slope(degrees) > 1e-9]
    assert increasing == list(range(-89, 90))
    assert max(increasing, key=slope) == 0
    derivative_of_five = jacobian(lambda *x: autograd.prod(x), [1.0] * 5)
    assert np.shape(derivative_of_five) == (1, 5), "a row, and its transpose is the gradient"
    assert np.transpose(derivative_of_five).shape == (5, 1)


def test_poll_2() -> None:
    """A minimum: f' = 0 and f'' positive; f' = 0 alone is not enough, and negative is a maximum."""
    for g, second, kind in (
        (lambda x: (x - 2) ** 2, 2.0, "minimum"),
        (lambda x: -((x - 2) ** 2), -2.0, "maximum"),
        (lambda x: (x - 2) ** 3, 0.0, "inflection"),
    ):
        assert derivative(g, 2.0) == 0.0
        assert derivative(g, 2.0, order=2) == second
        assert classify_critical_point(g, 2.0).kind == kind


def test_poll_3() -> None:
    """As poll 1: the slope falls off with the cosine of the angle to the gradient."""
    for degrees in (0, 30, 60, 89):
        expected = math.sqrt(73) * math.cos(math.radians(degrees))
        assert math.isclose(slope(degrees), expected, rel_tol=1e-12)


def test_poll_4() -> None:
    """The maximum decrease is exactly opposite to the gradient; perpendicular there is none."""
    assert min(range(360), key=slope) == 180
    assert math.isclose(slope(180), -math.sqrt(73), rel_tol=1e-12)
    assert abs(slope(90)) < 1e-14 and abs(slope(-90)) < 1e-14


def test_poll_5() -> None:
    """The gradient of a loss may be 0 at a minimum, and it may be large."""
    assert derivative(lambda y: nn.divergences.l2(y, 1.0), 1.0) == 0.0
    together = derivative(
        lambda y: autograd.sum([nn.divergences.binary_kl(y, 1.0) for _ in range(100)]), 1.0
    )
    assert together == -100.0
    values = [nn.divergences.binary_kl(Value(i / 100), 1.0).data for i in range(1, 101)]
    assert min(values) == values[-1] == 0.0, "and yet it is the least value of all"
