"""Derivatives inside derivatives: what a function closes over is part of its graph."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import nested
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import (
    LoweredFunction,
    Value,
    classify_critical_point,
    derivative,
    directional_derivative,
    exp,
    grad,
    gradient,
    gradient_descent,
    hessian,
    hvp,
    jacobian,
    jvp,
    lower,
    newton,
    sign_descent,
    sin,
    stop_gradient,
    value_and_gradient,
)
from autograd.core.calls import Call
from autograd.lowering.automatic import HESSIANS

# Each: a function of one Value, with a tool inside that closes over it or has it in its point; its
# derivative at 4 is worked out by hand, with the formula beside it.
NESTED: list[tuple[str, Callable[[Any], Any], float]] = [
    ("x * d/dy xy = x^2", lambda x: x * derivative(lambda y: x * y, 1.0), 8.0),
    ("x * d/dy (x + y) = x", lambda x: x * derivative(lambda y: x + y, 1.0), 1.0),
    ("x * (x + 1)", lambda x: x * value_and_gradient(lambda y: x + y, 1.0)[0], 9.0),
    ("x * x", lambda x: x * gradient(lambda y, z: x * y * z, [1.0, 1.0])[1], 8.0),
    ("x * x", lambda x: x * jacobian(lambda y: [y, x * y], 1.0)[1][0], 8.0),
    ("x * 1", lambda x: x * jacobian(lambda y: [y, x * y], 1.0)[0][0], 1.0),
    ("x * 2x", lambda x: x * hessian(lambda y: x * y * y, 3.0)[0][0], 16.0),
    ("x * x", lambda x: x * hessian(lambda y, z: x * y * z, [1.0, 1.0])[0][1], 8.0),
    ("x * 2x", lambda x: x * hvp(lambda y: x * y * y, 3.0, 1.0)[0], 16.0),
    ("x * 2x", lambda x: x * hvp(lambda y: y * y, 3.0, x)[0], 16.0),
    ("x * 6x", lambda x: x * directional_derivative(lambda y: x * y * y, 3.0, 1.0), 48.0),
    ("x * 6x", lambda x: x * directional_derivative(lambda y: y * y, 3.0, x), 48.0),
    ("x * 6x", lambda x: x * jvp(lambda y: [y, x * y * y], 3.0, 1.0)[1], 48.0),
    ("3 x^2", lambda x: derivative(lambda y: y**3, x), 24.0),
    ("6 x", lambda x: derivative(lambda y: y**3, x, 2), 6.0),
    ("x^2 + x", lambda x: derivative(lambda y: x * y * y / 2 + y, x) - 1 + x, 9.0),
    ("d/dy x^2 y at y = x", lambda x: derivative(lambda y: x * x * y, x), 8.0),
    ("2 x z at z = x", lambda x: gradient(lambda y, z: y * y * z, [x, x])[0], 16.0),
    # Siskind and Pearlmutter: with one tangent for both functions this is 2 x and not 1.
    ("x * d/dy (x + y) at y = x", lambda x: x * derivative(lambda y: x + y, x), 1.0),
    (
        "three deep: x^3",
        lambda x: derivative(lambda y: derivative(lambda z: x**3 * y * z, 1.0), 1.0),
        48.0,
    ),
    ("by grad", lambda x: grad(x * x * x, [x], create_graph=True)[0], 24.0),
    ("made within: 3 x", lambda x: x * derivative(lambda y: Value(3.0) * y, x), 3.0),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "f", "expected"), NESTED)
def test_a_derivative_of_a_derivative_by_hand(formula: str, f: Any, expected: float) -> None:
    found = derivative(f, 4.0)
    assert type(found) is float and found == expected, formula
    assert gradient(f, 4.0) == [expected] and jvp(f, 4.0, 0.5) == 0.5 * expected
    x = Value(4.0)
    f(x).backward()
    assert x.grad == expected
    outer = Value(4.0)
    again = derivative(f, outer)  # and the derivative of that is the second one
    assert isinstance(again, Value) and again.data == expected
    assert math.isclose(grad(again, [outer])[0], derivative(f, 4.0, 2))


def test_values_come_out_where_values_go_in() -> None:
    w, x = Value(2.0, "w"), Value(3.0, "x")
    for found in (
        derivative(lambda y: w * y, 1.0),
        derivative(lambda y: y * y, x),
        derivative(lambda y: Value(0.0), x),
        derivative(lambda y: w, 1.0, 2),
        directional_derivative(lambda y: y, 1.0, x),
        *gradient(lambda y, z: y * w, [1.0, 2.0]),
        *gradient(lambda y, z: y, [1.0, x]),
        *hvp(lambda y, z: y * z, [1.0, 2.0], [x, 0.0]),
        *jvp(lambda y: [y, w], 1.0, 1.0),
        *(h for row in hessian(lambda y, z: y * z * w, [1.0, 2.0]) for h in row),
        *(s for row in jacobian(lambda y: [y, y * w], 1.0) for s in row),
        value_and_gradient(lambda y: w * y, 1.0)[0],
    ):
        assert isinstance(found, Value)


def test_plain_numbers_come_out_where_none_go_in() -> None:
    for found in (
        derivative(lambda y: Value(2.0) * y, 1.0),
        derivative(lambda y: derivative(lambda z: y * z, 1.0), 1.0),
        derivative(lambda y: derivative(lambda z: Value(2.0) * z, y) * y, 1.0),
        gradient(lambda y, z: gradient(lambda a: a * y, 1.0)[0], [1.0, 2.0])[1],
        hessian(lambda y: derivative(lambda z: z**3 * y, y), 1.0)[0][0],
        hvp(lambda y: Value(2.0) * y * y, 1.0, 1.0)[0],
        value_and_gradient(lambda y: autograd.sum([Value(1.0), y]), 1.0)[0],
    ):
        assert type(found) is float
    assert not Call.open


def test_a_function_that_raises_leaves_no_call_open() -> None:
    with pytest.raises(KeyError):
        derivative(lambda x: {}[0], 1.0)
    assert not Call.open
    w = Value(2.0)
    assert isinstance(derivative(lambda x: w * x, 1.0), Value)


@pytest.mark.parametrize("number", [-0.0, 0.0, math.inf, -math.inf, math.nan, 5e-324])
def test_a_point_of_values_is_its_number_to_the_last_bit(number: float) -> None:
    seen: list[Value] = []
    (slope,) = gradient(lambda x: seen.append(x) or x * x, [Value(number)])
    assert repr(seen[0].data) == repr(number)
    assert repr(slope.data) == repr(gradient(lambda x: x * x, number)[0])


def test_no_gradient_passes_where_it_is_stopped() -> None:
    f = derivative(lambda x: x * derivative(lambda y: stop_gradient(x) * y, 1.0), 4.0)
    assert f == 4.0
    assert derivative(lambda x: x * derivative(lambda y: x.data * y, 1.0), 4.0) == 4.0


def test_a_model_closed_over_learns_from_its_slope() -> None:
    """The slope of tanh(w x + b) in x is w (1 - y^2); by w that is (1 - y^2) (1 - 2 w x y)."""
    neuron = nn.Neuron(1, activation="tanh")
    w, b = neuron.parameters()
    w.data, b.data, x = 0.7, -0.2, 0.5
    slope = derivative(lambda t: neuron([t]), x)
    slope.backward()
    y = math.tanh(0.7 * x - 0.2)
    assert math.isclose(slope.data, 0.7 * (1 - y * y))
    assert math.isclose(w.grad, (1 - y * y) * (1 - 2 * 0.7 * x * y))
    assert math.isclose(b.grad, 0.7 * -2 * y * (1 - y * y))


@pytest.mark.parametrize("engine", ["numpy", "python"])
def test_an_inner_derivative_is_lowered(engine: str) -> None:
    """A loss on a slope, as of a network that solves a differential equation."""
    w, t = Value(0.7), Value(0.5)
    slope = derivative(lambda s: sin(w * s), t)  # w cos(w t), by w: cos(w t) - w t sin(w t)
    value, (by_w,) = lower(slope, [t], [w], engine=engine)([[0.5], [2.0]])
    assert math.isclose(value, np.mean([0.7 * math.cos(0.7 * s) for s in (0.5, 2.0)]))
    exact = [math.cos(0.7 * s) - 0.7 * s * math.sin(0.7 * s) for s in (0.5, 2.0)]
    assert math.isclose(by_w, np.mean(exact))


def test_recurring_hessians_are_right_where_something_is_closed_over() -> None:
    HESSIANS.clear()
    w = Value(1.0)

    def f(xs: list[Value]) -> Value:
        return w * autograd.sum([a * b for a, b in zip(xs, xs[1:] + xs[:1])])

    for k in range(12):
        w.data = float(k)
        entry = hessian(f, [0.5] * 120)[0][1]
        assert entry.data == k and grad(entry, [w]) == (1.0,)
    assert not HESSIANS._known
    outer = derivative(
        lambda x: x * hessian(lambda ys: x * autograd.dot(ys, ys), [1.0] * 70)[3][3], 4.0
    )
    assert outer == 16.0  # x * 2 x


def test_calls_of_threads_are_apart() -> None:
    """A leaf of one thread is none of a function that another calls at the same time."""
    inside, done = threading.Event(), threading.Event()
    leaves: list[Value] = []

    def slow(x: Value) -> Value:
        inside.set()
        assert done.wait(10)
        return x * leaves[0]

    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(derivative(slow, 1.0)))
    thread.start()
    assert inside.wait(10)
    leaves.append(Value(3.0))
    done.set()
    thread.join()
    assert isinstance(found[0], Value) and found[0].data == 3.0


# Tools that give plain numbers.

PLAIN: list[Callable[[Any], Any]] = [
    lambda f: newton(f, 0.5).x,
    lambda f: gradient_descent(f, 0.5).x,
    lambda f: gradient_descent(f, 0.5, engine="numpy").x,
    lambda f: sign_descent(f, 0.5, max_steps=5).x,
    lambda f: classify_critical_point(f, 0.5).value,
    lambda f: LoweredFunction(f, 0.5).gradient(0.5)[0],
]


@pytest.mark.parametrize("tool", PLAIN)
def test_plain_tools_take_leaves_as_constants(tool: Any) -> None:
    w = Value(0.5)
    expected = tool(lambda y: (y - 0.5) ** 2 + exp(0.5 * y))
    assert tool(lambda y: (y - w) ** 2 + exp(w * y)) == pytest.approx(expected, rel=1e-12)
    assert tool(lambda y: (y - w * 1.0) ** 2 + exp((w + 0.0) * y)) == pytest.approx(expected)


@pytest.mark.parametrize("tool", PLAIN)
def test_plain_tools_refuse_what_they_would_cut_off(tool: Any) -> None:
    w = Value(0.5)
    h = w * 1.0
    h.label = "h"
    message = r"f uses the Value h, which was computed .* plain numbers .* use its \.data"
    with pytest.raises(TypeError, match=message):
        tool(lambda y: (y - h) ** 2)
    assert tool(lambda y: (y - h.data) ** 2) == tool(lambda y: (y - 0.5) ** 2)
    message = "f uses the Value x, by which a function is being differentiated further out"
    with pytest.raises(TypeError, match=message):
        derivative(lambda x: x * tool(lambda y: (y - x) ** 2), 0.5)
    with pytest.raises(TypeError, match="f uses the Value x, "):
        derivative(lambda x: x * tool(lambda y: (y - x) ** 2), w)


def test_a_branch_that_closes_over_more_is_refused_where_it_is_taken() -> None:
    w = Value(2.0)
    h = w * 1.0
    for f in (
        lambda y: (y - w) ** 2 if y > 3.0 else (y - h) ** 2,
        lambda y: (y - 1.0) ** 2 if y > 3.0 else (y - h) ** 2,
    ):
        with pytest.raises(TypeError, match="which was computed from other Values before"):
            gradient_descent(f, 5.0, step=0.1, engine="python")


def test_a_plain_tool_inside_of_another() -> None:
    with pytest.raises(TypeError, match="newton: f uses the Value x, by which"):
        newton(lambda x: (x - newton(lambda y: (y - x) ** 2, 0.0).x) ** 2, 1.0)
    run = newton(lambda x: (x - derivative(lambda y: y**2 * x, 1.0) - 1) ** 2, 0.0)
    assert run.x == -1.0  # x - 2 x - 1 is 0 there


# Random ones.


@settings(derandomize=True, deadline=None, database=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_random_nested_derivatives_are_those_of_sympy(seed: int) -> None:
    assert nested.check(seed, "sympy", nesting=2) == ""
