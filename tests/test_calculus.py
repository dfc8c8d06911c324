"""Calculus against sympy, closed forms in exact arithmetic, and the numbers of the lecture."""

from __future__ import annotations

import itertools
import math
import random
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from conftest import unnoticed
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import (
    LoweredFunction,
    LoweringError,
    Op,
    Value,
    classify_critical_point,
    cos,
    derivative,
    directional_derivative,
    dot,
    exp,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    log,
    logsumexp,
    sin,
    sqrt,
    stop_gradient,
    value_and_gradient,
)
from autograd.calculus import derivatives as calculus_module
from autograd.core.sweep import consumers_first
from autograd.lowering.automatic import HESSIANS
from autograd.lowering.function import signature

repeatably = settings(derandomize=True, deadline=None, database=None, max_examples=50)
coordinate = st.floats(-3.0, 3.0)


@pytest.fixture(autouse=True)
def no_graph_is_known() -> Iterator[None]:
    HESSIANS.clear()
    yield
    HESSIANS.clear()


def lecture(x1: Value, x2: Value, x3: Value) -> Value:
    """Slide "Unconstrained Minimization of function (Example)"."""
    return x1**2 + x1 * (1 - x2) + x2**2 - x2 * x3 + x3**2 + x3


def rosenbrock(x: Any) -> Any:
    return autograd.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)])


def rosenbrock_hessian(x: list[float]) -> list[list[float]]:
    """By hand: f'' of 100 (b - a^2)^2 + (1 - a)^2 is [[1200 a^2 - 400 b + 2, -400 a], [., 200]]."""
    n = len(x)
    H = [[Fraction(0)] * n for _ in range(n)]
    for i in range(n - 1):
        a, b = Fraction(x[i]), Fraction(x[i + 1])
        H[i][i] += 1200 * a * a - 400 * b + 2
        H[i][i + 1] -= 400 * a
        H[i + 1][i] -= 400 * a
        H[i + 1][i + 1] += 200
    return [[float(h) for h in row] for row in H]


def near(found: Any, expected: Any, tolerance: float = 1e-12) -> bool:
    found, expected = np.array(found, dtype=float), np.array(expected, dtype=float)
    assert found.shape == expected.shape
    return bool(np.all(np.abs(found - expected) <= tolerance * np.maximum(1.0, np.abs(expected))))


# Derivatives.


def test_derivatives_of_every_order_are_those_of_sympy() -> None:
    x = sympy.Symbol("x")
    formula = sympy.exp(sympy.sin(x)) * x
    for order in range(1, 7):
        formula = sympy.diff(formula, x)
        for at in (-2.5, -0.3, 0.0, 0.7, 3.0):
            expected = float(formula.subs(x, sympy.Float(at, 40)).evalf(40))
            found = derivative(lambda x: exp(sin(x)) * x, at, order)
            assert math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12), (order, at)


def test_a_power_runs_out_of_derivatives() -> None:
    cubic = [derivative(lambda x: 2 * x**3 - x, 5.0, order) for order in range(1, 6)]
    assert cubic == [149.0, 60.0, 12.0, 0.0, 0.0]


def test_a_derivative_is_a_plain_float() -> None:
    for x in (2, 2.0, np.float64(2.0), [2.0], np.array([2.0])):
        found = derivative(lambda x: x * x, x)
        assert type(found) is float and found == 4.0
    assert derivative(lambda xs: xs[0] * xs[0], 2.0) == 4.0


def test_the_derivative_tells_what_a_tiny_increment_does() -> None:
    """Slide "A brief note on derivatives": dy = f'(x) dx, the better the smaller dx is."""

    def f(x: Any) -> Any:
        return sin(x) * x

    at, slope = 0.7, derivative(lambda x: sin(x) * x, 0.7)
    misses = [abs(f(at + dx) - f(at) - slope * dx) / dx for dx in (1e-1, 1e-2, 1e-3)]
    assert misses[2] < misses[1] / 5 < misses[0] / 25


def test_gradient_of_scalars_and_of_a_list() -> None:
    expected = [2 * 3.0 * 5.0, 2.0 * 5.0 * 2, 2.0 * 3.0 * 2]
    assert gradient(lambda x, y, z: 2 * x * y * z, [2, 3, 5]) == expected
    assert gradient(lambda x: 2 * x[0] * x[1] * x[2], (2.0, 3.0, 5.0)) == expected
    assert gradient(lambda *x: 2 * x[0] * x[1] * x[2], np.array([2.0, 3.0, 5.0])) == expected
    assert gradient(lambda x: x * x, 3) == [6.0]
    assert all(type(d) is float for d in gradient(lambda x, y: x * 1.0, [1, 2]))


def test_an_input_without_effect_has_derivative_0() -> None:
    assert gradient(lambda x, y: x * 3, [1.0, 2.0]) == [3.0, 0.0]
    assert hessian(lambda x, y: x * x, [1.0, 2.0]) == [[2.0, 0.0], [0.0, 0.0]]
    assert derivative(lambda x: Value(3.0), 1.0) == 0.0
    assert derivative(lambda x: x, 1.0) == 1.0
    assert derivative(lambda x: x, 1.0, 2) == 0.0


def test_value_and_gradient_call_f_once() -> None:
    calls = []

    def f(x: Value, y: Value) -> Value:
        calls.append(x)
        return x * y

    assert value_and_gradient(f, [2.0, 3.0]) == (6.0, [3.0, 2.0])
    assert len(calls) == 1
    assert calls[0].grad == 0.0


def test_a_jacobian_has_a_row_for_each_entry() -> None:
    assert jacobian(lambda r, t: [r * cos(t), r * sin(t)], [2.0, 0.0]) == [[1.0, 0.0], [0.0, 2.0]]
    assert jacobian(lambda x: (x, x * x, x**3), 2.0) == [[1.0], [4.0], [12.0]]
    assert jacobian(lambda x: np.array([x[0] * x[1]]), [2.0, 3.0]) == [[3.0, 2.0]]


def test_the_derivative_of_a_scalar_function_is_a_row() -> None:
    """Poll 1: y = f(x) of an N x 1 column has a 1 x N derivative."""
    assert np.shape(jacobian(lambda *x: autograd.sum(x), [1.0] * 5)) == (1, 5)


@repeatably
@given(st.lists(coordinate, min_size=2, max_size=5), st.integers(0, 1000))
def test_no_direction_increases_faster_than_the_gradient(xs: list[float], seed: int) -> None:
    """Slide "Properties of Gradient"; perpendicular to it f does not change at all."""
    g = np.array(gradient(rosenbrock, xs))
    length = float(np.linalg.norm(g))
    fastest = directional_derivative(rosenbrock, xs, g / (length or 1.0))
    assert math.isclose(fastest, length, rel_tol=1e-12)
    v = np.random.default_rng(seed).normal(size=len(xs))
    v /= np.linalg.norm(v)
    assert abs(directional_derivative(rosenbrock, xs, v)) <= length * (1 + 1e-12)
    if length:
        along = v - (v @ g) / length**2 * g
        assert abs(directional_derivative(rosenbrock, xs, along)) <= 1e-13 * length


def test_a_directional_derivative_is_what_f_does_along_v() -> None:
    xs, v, h = [0.3, -0.4, 1.2], [1.0, -2.0, 0.5], 1e-5
    ahead, behind = ([x + s * h * d for x, d in zip(xs, v, strict=True)] for s in (1, -1))
    slope = (rosenbrock(ahead) - rosenbrock(behind)) / (2 * h)
    assert math.isclose(directional_derivative(rosenbrock, xs, v), slope, rel_tol=1e-8)


# Hessians.


def test_the_hessian_of_the_lecture() -> None:
    expected = [[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]]
    assert hessian(lecture, [-1.0, -1.0, -1.0]) == expected
    assert hessian(lecture, [3.0, 0.1, -7.0]) == expected


@pytest.mark.parametrize("n", [2, 3, 8])
def test_hessian_of_rosenbrock(n: int) -> None:
    rng = random.Random(n)
    for _ in range(5):
        xs = [rng.uniform(-2, 2) for _ in range(n)]
        found = hessian(rosenbrock, xs)
        assert near(found, rosenbrock_hessian(xs))
        assert found == np.transpose(found).tolist()


def test_hessian_of_log_sum_exp() -> None:
    """By hand: diag(p) - p p^T for the softmax p, here from mpmath's precision."""
    xs = [0.3, -1.2, 2.5, 0.0, -0.4]
    weights = [sympy.exp(sympy.Rational(x)) for x in xs]
    p = [w / sum(weights) for w in weights]
    expected = [
        [float(((p[i] if i == j else 0) - p[i] * p[j]).evalf(30)) for j in range(5)]
        for i in range(5)
    ]
    found = hessian(logsumexp, xs)
    assert near(found, expected, 1e-14)
    assert found == np.transpose(found).tolist()


def test_hessian_of_a_quadratic_form_is_the_matrix_and_its_transpose() -> None:
    A = np.random.default_rng(0).normal(size=(7, 7))
    xs = np.random.default_rng(1).normal(size=7)

    def f(x: list[Value]) -> Value:
        return dot(x, [dot(row, x) for row in A.tolist()])

    assert near(hessian(f, xs), A + A.T)
    assert near(gradient(f, xs), (A + A.T) @ xs)
    assert near(LoweredFunction(f, xs).hessian(xs), A + A.T)


@pytest.mark.parametrize("n", [3, 12])
def test_a_dense_hessian_is_lowered_and_symmetric_to_the_last_bit(n: int) -> None:
    """By hand, for u = x . x and the function s(u) = exp(sin(u)): 2 s' I + 4 s'' x x^T."""

    def f(x: list[Value]) -> Value:
        return exp(sin(dot(x, x)))

    xs = [0.1 + 0.05 * i for i in range(n)]
    u = sum(Fraction(x) ** 2 for x in xs)
    s = math.exp(math.sin(u))
    first, second = s * math.cos(u), s * (math.cos(u) ** 2 - math.sin(u))
    expected = 2 * first * np.eye(n) + 4 * second * np.outer(xs, xs)
    for found in (np.array(hessian(f, xs)), LoweredFunction(f, [1.0] * n).hessian(xs)):
        assert near(found, expected)
        assert np.array_equal(found, found.T)


@repeatably
@given(st.lists(coordinate, min_size=1, max_size=4))
def test_a_hessian_is_symmetric_to_the_last_bit(xs: list[float]) -> None:
    def f(x: list[Value]) -> Value:
        return exp(sin(autograd.prod(x))) * dot(x, x) + 0.0

    found = hessian(lambda *x: f(list(x)), xs)
    assert found == np.transpose(found).tolist()


def test_jvp_is_the_jacobian_times_v() -> None:
    x, y = sympy.symbols("x y")
    entries = [x * sympy.exp(y), sympy.sin(x) / y, x**3 - y]
    slopes = sympy.Matrix(entries).jacobian([x, y]) * sympy.Matrix([0.5, -2.0])
    expected = [float(s.subs({x: 0.7, y: 1.3})) for s in slopes]

    def f(x: Value, y: Value) -> tuple[Value, ...]:
        return x * exp(y), sin(x) / y, x**3 - y

    found = jvp(f, [0.7, 1.3], [0.5, -2.0])
    assert near(found, expected) and all(type(slope) is float for slope in found)
    h = 1e-6
    ahead, behind = (f(Value(0.7 + h * s / 2), Value(1.3 - 2 * s * h)) for s in (1.0, -1.0))
    assert near(found, [(a.data - b.data) / (2 * h) for a, b in zip(ahead, behind)], 1e-8)


def test_jvp_has_the_form_of_what_f_returns() -> None:
    assert jvp(lambda x: x**3, 2.0, 0.5) == 6.0  # 3 * 4 * 0.5
    assert jvp(lambda x: [x**3], 2.0, 0.5) == [6.0]
    assert jvp(lambda x: [x[0] * x[1], Value(5.0)], [2.0, 3.0], [1.0, 10.0]) == [23.0, 0.0]
    v = [0.5, -0.25]
    assert jvp(rosenbrock, [0.3, 0.4], v) == directional_derivative(rosenbrock, [0.3, 0.4], v)


def test_jvp_refuses_what_it_cannot_use() -> None:
    with pytest.raises(ValueError, match="jvp: v has 1 components, but the point has 2 coord"):
        jvp(lambda x, y: [x, y], [1.0, 2.0], [1.0])
    with pytest.raises(TypeError, match=r"jvp: v\[0\]: .*'a'"):
        jvp(lambda x, y: [x, y], [1.0, 2.0], ["a", 1.0])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"jvp: f must return a list.*entry 1 is 2\.0"):
        jvp(lambda x: [x, 2.0], 1.0, 1.0)
    with pytest.raises(TypeError, match="jvp: f returned an empty vector"):
        jvp(lambda x: [], 1.0, 1.0)
    with pytest.raises(ValueError, match="jvp: xs is empty"):
        jvp(lambda x: x, [], [])


def test_hvp_is_the_hessian_times_v() -> None:
    xs, v = [0.3, -0.4, 1.2], [1.0, -2.0, 0.5]
    assert near(hvp(rosenbrock, xs, v), np.array(rosenbrock_hessian(xs)) @ v)
    assert hvp(lambda x: x**3, 2.0, 0.5) == [6.0]
    assert hvp(lambda x, y: x + y, [1.0, 2.0], [3.0, 4.0]) == [0.0, 0.0]


def test_hvp_in_1000_variables_takes_two_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps = []
    grad = calculus_module.grad

    def counted(*arguments: Any, **options: Any) -> Any:
        sweeps.append(arguments)
        return grad(*arguments, **options)

    monkeypatch.setattr(calculus_module, "grad", counted)
    n = 1000
    rng = random.Random(0)
    xs, v = ([rng.uniform(-2, 2) for _ in range(n)] for _ in range(2))
    found = hvp(rosenbrock, xs, v)
    assert len(sweeps) == 2
    expected = [0.0] * n
    for i, (a, b) in enumerate(itertools.pairwise(xs)):
        expected[i] += (1200 * a * a - 400 * b + 2) * v[i] - 400 * a * v[i + 1]
        expected[i + 1] += 200 * v[i + 1] - 400 * a * v[i]
    assert near(found, expected, 1e-11)


# Hessians of graphs that come again and again.


def many(x: Any) -> Any:
    """Rosenbrock's function in 30 variables: 233 nodes, enough to be lowered."""
    assert len(x) == 30
    return rosenbrock(x)


def program_of(f: Callable[..., Any], xs: list[float]) -> Any:
    known = list(HESSIANS._known.values())
    return known[-1] if known else None


def points(count: int, n: int = 30) -> list[list[float]]:
    rng = random.Random(count)
    return [[rng.uniform(-2, 2) for _ in range(n)] for _ in range(count)]


def test_a_hessian_that_comes_again_is_lowered_and_stays_right() -> None:
    for k, xs in enumerate(points(12)):
        found = hessian(many, xs)
        assert near(found, rosenbrock_hessian(xs))
        assert found == np.transpose(found).tolist()
        assert all(type(h) is float for row in found for h in row)
        assert isinstance(program_of(many, xs), int) == (k < 7)


def test_a_lowered_hessian_does_not_survive_a_change_of_the_function() -> None:
    """At 0 both functions have the value 0, so that only the graphs tell them apart."""
    scale = 1.0

    def f(x: Any) -> Any:
        return scale * autograd.sum([a * b for a, b in zip(x, x[1:] + x[:1], strict=True)])

    xs = [0.0] * 120
    for _ in range(10):
        hessian(f, xs)
    assert not isinstance(program_of(f, xs), int)
    scale = 3.0
    assert hessian(f, xs)[0][1] == 3.0


def test_a_lowered_hessian_does_not_survive_a_change_of_an_operation() -> None:
    xs = [0.5] * 120
    bowl = Op("bowl", "x ** 2", "2 * x")
    for _ in range(10):
        hessian(lambda x: autograd.sum([bowl(a) * a for a in x]), xs)
    with pytest.warns(UserWarning, match="from now on"):
        bowl = Op("bowl", "2 * x ** 2", "4 * x")
    # By hand: 2 x ** 3 has the second derivative 12 x.
    assert hessian(lambda x: autograd.sum([bowl(a) * a for a in x]), xs)[3][3] == 6.0


def test_a_function_that_branches_gets_the_hessian_of_its_branch() -> None:
    def f(x: Any) -> Any:
        return many(x) if x[0] > 0 else 2.0 * many(x)

    for k, xs in enumerate(points(30)):
        expected = np.array(rosenbrock_hessian(xs)) * (1.0 if xs[0] > 0 else 2.0)
        assert near(hessian(f, xs), expected), k


def test_graphs_that_are_not_used_again_are_forgotten() -> None:
    for i in range(40):
        hessian(lambda x, i=i: many(x) * float(i), [0.5] * 30)
    assert len(HESSIANS._known) <= 16


def test_threads_share_a_lowered_hessian() -> None:
    for xs in points(9):
        hessian(many, xs)
    wrong = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(20):
            xs = [rng.uniform(-2, 2) for _ in range(30)]
            if not near(hessian(many, xs), rosenbrock_hessian(xs)):
                wrong.append(xs)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_cannot_be_lowered_is_computed_from_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from autograd.lowering import function as lowered_function

    def refused(*_: Any, **__: Any) -> Any:
        raise LoweringError("no array form")

    monkeypatch.setattr(lowered_function, "Program", refused)
    for xs in points(10):
        assert near(hessian(many, xs), rosenbrock_hessian(xs))


# What tells two recordings apart.

GRAPHS: list[Callable[[Value, Value], Value]] = [
    lambda x, y: x + y,
    lambda x, y: y + x,
    lambda x, y: x - y,
    lambda x, y: x + x,
    lambda x, y: x * 2.0,
    lambda x, y: x * 3.0,
    lambda x, y: 3.0 * x,
    lambda x, y: x / 0.0,
    lambda x, y: x / -0.0,
    lambda x, y: x * math.nan,
    lambda x, y: Value(2.0) * x,
    lambda x, y: Value(3.0) * x,
    lambda x, y: x,
    lambda x, y: y,
    lambda x, y: Value(1.0),
    lambda x, y: (x + y) * (x + y),
    lambda x, y: (lambda s: s * s)(x + y),
    lambda x, y: autograd.sum([autograd.sum([y, x]), x]),
    lambda x, y: autograd.sum([autograd.sum([x]), x, y]),
    lambda x, y: x * (x / y),
    lambda x, y: x * (y / x),
    lambda x, y: sin(exp(x)),
    lambda x, y: exp(sin(x)),
]


def test_signatures_tell_graphs_apart_and_points_not() -> None:
    def signed(f: Callable[[Value, Value], Value], *point: float) -> Any:
        leaves = [Value(x) for x in point]
        return signature(consumers_first(f(*leaves)), leaves)

    at_one_point = [signed(f, 1.5, 2.5) for f in GRAPHS]
    assert [signed(f, -7.0, 0.3) for f in GRAPHS] == at_one_point
    assert len(set(at_one_point)) == len(GRAPHS)


# Lowered functions.


def test_a_lowered_function_agrees_with_exact_arithmetic() -> None:
    first, *others = points(6, 9)
    f = LoweredFunction(rosenbrock, first)
    v = np.linspace(-1, 1, 9)
    for xs in others:
        a = [Fraction(x) for x in xs]
        pairs = list(itertools.pairwise(a))
        value = sum(100 * (q - p * p) ** 2 + (1 - p) ** 2 for p, q in pairs)
        slopes = [Fraction(0)] * 9
        for i, (p, q) in enumerate(pairs):
            slopes[i] += -400 * p * (q - p * p) - 2 * (1 - p)
            slopes[i + 1] += 200 * (q - p * p)
        assert math.isclose(f.value(xs), value, rel_tol=1e-12)
        assert near(f.gradient(xs), [float(s) for s in slopes])
        assert f.value_and_gradient(xs)[0] == f.value_and_gradient(np.array(xs))[0]
        H = f.hessian(xs)
        assert near(H, rosenbrock_hessian(xs)) and (H == H.T).all()
        assert near(f.hvp(xs, v), np.array(rosenbrock_hessian(xs)) @ v)


@pytest.mark.parametrize(
    ("f", "value", "slopes", "H"),
    [
        (lambda x, y: x, 2.0, [1.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: y * 2.0 + 1.0, 7.0, [0.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: Value(5.0), 5.0, [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: y * y, 9.0, [0.0, 6.0], [[0.0, 0.0], [0.0, 2.0]]),
        (lambda x, y: x * y + x, 8.0, [4.0, 2.0], [[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_a_lowered_function_of_which_little_depends_on_the_inputs(
    f: Any, value: float, slopes: Any, H: Any
) -> None:
    lowered = LoweredFunction(f, [1.0, 1.0])
    for _ in range(2):
        assert lowered.value([2.0, 3.0]) == value
        assert lowered.gradient([2.0, 3.0]).tolist() == slopes
        assert lowered.hessian([2.0, 3.0]).tolist() == H
        assert lowered.hvp([2.0, 3.0], [1.0, 0.0]).tolist() == H[0]


def test_a_lowered_function_of_one_number() -> None:
    f = LoweredFunction(lambda x: x**3, 1.0)
    assert f.value(2.0) == 8.0
    assert f.gradient(2).tolist() == [12.0]
    assert f.hessian([2.0]).tolist() == [[12.0]]
    assert f.hvp(2.0, 0.5).tolist() == [6.0]


def test_a_lowered_function_keeps_what_it_gave() -> None:
    f = LoweredFunction(rosenbrock, [1.0, 1.0, 1.0])
    first = f.gradient([0.5, 0.2, 0.1])
    H = f.hessian([0.5, 0.2, 0.1])
    kept, kept_H = first.copy(), H.copy()
    f.gradient([9.0, 9.0, 9.0])
    f.hessian([9.0, 9.0, 9.0])
    assert np.array_equal(first, kept) and np.array_equal(H, kept_H)


def hidden(x: Any) -> Any:
    """A branch by a number that has left the graph as text, which nobody notices."""
    return x * x if unnoticed(x) > 0 else x


def test_a_lowered_function_that_branches_is_refused() -> None:
    match = r"f compares a Value .*\(test_calculus.py:\d+: .*autograd\.where.*autograd\.hessian"
    for engine in ("numpy", "python"):
        with pytest.raises(LoweringError, match=match):
            LoweredFunction(lambda x: x * x if x > 0 else x, 1.0, engine=engine)
        with pytest.raises(LoweringError, match="f asks for the truth of a Value"):
            LoweredFunction(lambda x: x * x if x else x, 1.0, engine=engine)
        f = LoweredFunction(hidden, 1.0, engine=engine)
        f.check(7.0)
        with pytest.raises(LoweringError, match=r"another graph at \[-1\].*autograd\.where"):
            f.check(-1.0)
        assert f.value(2.0) == 4.0  # looked at, as the first
        with pytest.raises(LoweringError):
            f.value(-2.0)  # and as the second


def test_a_lowered_function_that_was_refused_is_looked_at_until_it_is_right_again() -> None:
    scale = [1.0]
    f = LoweredFunction(lambda x: scale[0] * x * x, 1.0)
    assert [f.value(1.0) for _ in range(3)] == [1.0] * 3
    scale[0] = 5.0
    for _ in range(3):
        with pytest.raises(LoweringError, match="numbers that have changed"):
            f.value(1.0)
    scale[0] = 1.0
    assert f.value(2.0) == 4.0


def test_a_bad_point_is_no_evaluation() -> None:
    f = LoweredFunction(hidden, 1.0)
    assert [f.value(2.0) for _ in range(3)] == [4.0] * 3
    for bad in (lambda: f.value([]), lambda: f.value([1.0, 2.0]), lambda: f.hvp(1.0, [])):
        with pytest.raises(ValueError, match="LoweredFunction"):
            bad()
    with pytest.raises(LoweringError):
        f.value(-2.0)  # looked at, as the fourth


def test_derivatives_of_a_lowered_function_are_of_the_same_function() -> None:
    w = Value(1.0)
    f = LoweredFunction(lambda x: w * x * x, 1.0)
    assert [f.value(1.0) for _ in range(2)] == [1.0] * 2
    w.data = 5.0
    for late in (lambda: f.hessian(1.0), lambda: f.hvp(1.0, 1.0)):
        with pytest.raises(LoweringError):
            late()


def test_a_lowered_function_knows_its_engines_from_the_start() -> None:
    with pytest.raises(ValueError, match=r"LoweredFunction: engine must be one of numpy.*'nump'"):
        LoweredFunction(lambda x: x * x, 1.0, engine="nump")
    assert LoweredFunction(lambda x: x * x, 1.0, engine="python").hessian(3.0).tolist() == [[2.0]]


def test_a_lowered_function_with_numbers_from_its_data_is_refused() -> None:
    with pytest.raises(LoweringError, match=r"reads the data of a Value .*\(test_calculus.py"):
        LoweredFunction(lambda x: x * x.data, 2.0)
    with pytest.raises(LoweringError, match=r"takes plain numbers from grad\(\)"):
        LoweredFunction(lambda x: x * autograd.grad(x * x, x)[0], 2.0)
    f = LoweredFunction(lambda x: x * unnoticed(x), 2.0)
    with pytest.raises(LoweringError, match="another graph at"):
        f.value(3.0)


def test_a_lowered_function_refuses_other_points() -> None:
    f = LoweredFunction(rosenbrock, [1.0, 1.0])
    for bad in ([1.0], [1.0, 2.0, 3.0], np.ones((1, 2)), np.ones(3), 1.0):
        for method in (f.value, f.gradient, f.hessian, f.check):
            with pytest.raises(ValueError, match="xs must be 2 real numbers"):
                method(bad)
    for none in ("ab", [1.0, None], ["1", 1.0], [[1.0, 2.0]], np.array([True, False])):
        with pytest.raises(TypeError, match="LoweredFunction: xs"):
            f.value(none)
    assert f.value(np.array([1, 2])) == f.value([1.0, 2.0])
    with pytest.raises(ValueError, match="v must be 2 real numbers"):
        f.hvp([1.0, 2.0], [1.0])
    with pytest.raises(TypeError, match="must return one Value"):
        LoweredFunction(lambda x: 1.0, 1.0)
    with pytest.raises(ValueError, match="engine"):
        LoweredFunction(rosenbrock, [1.0, 1.0], engine="fortran").value([1.0, 1.0])


# Critical points.


@pytest.mark.parametrize(
    ("f", "at", "kind"),
    [
        (lecture, [-1.0, -1.0, -1.0], "minimum"),
        (lambda x, y: x * x + 3 * y * y, [0.0, 0.0], "minimum"),
        (lambda x, y: 1 - x * x - y * y + x * y, [0.0, 0.0], "maximum"),
        (lambda x, y: x * x - y * y, [0.0, 0.0], "saddle"),
        (lambda x, y: x * y, [0.0, 0.0], "saddle"),
        (lambda x, y, z: x * x - y * y + z**4, [0.0, 0.0, 0.0], "saddle"),
        (lambda x, y: x**3 - 3 * x * y * y, [0.0, 0.0], "degenerate"),
        (lambda x, y: x * x + y**4, [0.0, 0.0], "degenerate"),
        (lambda x, y: x * x, [0.0, 5.0], "degenerate"),
        (lambda x, y: Value(1.0), [0.0, 0.0], "degenerate"),
        (lambda x: x * x, 0.0, "minimum"),
        (lambda x: cos(x), 0.0, "maximum"),
        (lambda x: cos(x), math.pi, "minimum"),
        (lambda x: x**3, 0.0, "inflection"),
        (lambda x: x - sin(x), 0.0, "inflection"),
        (lambda x: x - sin(x), 2 * math.pi, "inflection"),
        (lambda x: x**4, 0.0, "degenerate"),
        (lambda x: -(x**4), 0.0, "degenerate"),
        (lambda x: x**5, 0.0, "degenerate"),
        (lambda x: x**5 / 5 - x**3 / 3, 1.0, "minimum"),  # a kink of pow is at 0, for other powers
        (lambda x: x * x, 0.5, "not-critical"),
        (lambda x, y: x * x + y, [0.0, 0.0], "not-critical"),
        (rosenbrock, [1.0, 1.0, 1.0], "minimum"),
        (rosenbrock, [1.0, 1.0, 1.001], "not-critical"),
    ],
)
def test_kinds_of_critical_points(f: Any, at: Any, kind: str) -> None:
    found = classify_critical_point(f, at)
    assert found.kind == kind, found
    assert found.line.startswith(f"{kind}: ")
    assert found.eigenvalues == sorted(found.eigenvalues)
    D = len(found.x)
    assert len(found.gradient) == D and np.shape(found.hessian) == (D, D)
    assert len(found.eigenvalues) == D


def test_the_worked_example_of_the_lecture() -> None:
    found = classify_critical_point(lecture, [-1, -1, -1])
    assert found.kind == "minimum"
    assert found.gradient == [0.0, 0.0, 0.0]
    assert found.value == -1.0
    assert [round(x, 3) for x in found.eigenvalues] == [0.586, 2.0, 3.414]
    assert near(found.eigenvalues, [2 - math.sqrt(2), 2, 2 + math.sqrt(2)], 1e-14)


def test_a_degenerate_point_is_explained() -> None:
    flat = classify_critical_point(lambda x: x**4, 0.0).line
    assert "second-order test does not decide" in flat
    assert "higher derivatives" in flat
    monkey = classify_critical_point(lambda x, y: x**3 - 3 * x * y * y, [0.0, 0.0]).line
    assert "no two have opposite signs (eigenvalues 0, 0)" in monkey


def test_a_degenerate_point_is_said_to_be_what_it_can_be() -> None:
    """Where f curves up along one axis it has no maximum, whatever it does along the other."""
    up = classify_critical_point(lambda x, y: x * x - y**4, [0.0, 0.0]).line
    assert "along its eigenvector f is flat" in up and "can be a minimum or neither" in up
    down = classify_critical_point(lambda x, y: y**4 - x * x, [0.0, 0.0]).line
    assert "can be a maximum or neither" in down
    flat = classify_critical_point(lambda x: x**5, 0.0).line
    assert "f is flat there" in flat and "can be a minimum, a maximum or neither" in flat


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: -abs(x), "abs"),
        (lambda x: autograd.maximum(x * x, x**4 - 1e-3 * x * x), "maximum"),
        (lambda x: autograd.relu(x) * x, "relu"),
        (lambda x: autograd.where(autograd.ops.less(0.0, x), x * x, -x * x), "less"),
    ],
)
def test_a_kink_is_not_classified(f: Any, name: str) -> None:
    found = classify_critical_point(f, 0.0)
    assert found.kind == "degenerate" and found.explanation.startswith(f"{name} has a kink there")
    assert classify_critical_point(lambda x: x * x + f(x - 1) * 0.0, 0.0).kind == "minimum"


def test_a_degenerate_point_is_told_what_counts_as_0() -> None:
    found = classify_critical_point(lambda x: 1e-6 * x, 0.0)
    line = found.line
    assert repr(found).split() == str(found).split() == line.split()
    for shown in (repr(found), str(found), f"{autograd.newton(lambda x: x * x - x, 3.0)}"):
        assert max(map(len, shown.splitlines())) < 80
    assert line.startswith("degenerate: the gradient counts as 0 (its norm is 1e-06), and the sec")


def test_other_explanations() -> None:
    away = classify_critical_point(lambda x, y: x * x + y, [0.0, 0.0]).line
    assert away.endswith("its norm is 1, above the tolerance 1e-05")
    bend = classify_critical_point(lambda x: x**3, 0.0).line
    assert "f''' = 6" in bend


def test_the_tolerance_decides_which_gradient_is_0() -> None:
    assert classify_critical_point(lambda x: x * x, 0.01).kind == "not-critical"
    near = classify_critical_point(lambda x: x * x, 0.01, tolerance=0.1)
    assert near.kind == "minimum"
    assert near.explanation.startswith("the gradient counts as 0 (its norm is 0.02) and the second")


@pytest.mark.parametrize(
    ("f", "at", "kind"),
    [
        (lambda x, y: (1e8 * x) ** 2 - (1e-8 * y) ** 2, [0.0, 0.0], "saddle"),
        (lambda x, y: (1e8 * x + 1e-8 * y) ** 2 - (1e-8 * y) ** 2, [0.0, 0.0], "saddle"),
        (lambda x, y: (1e8 * x + 1e-8 * y) ** 2 + (1e-8 * y) ** 2, [0.0, 0.0], "minimum"),
        (lambda x, y: (1e8 * x + 1e-8 * y) ** 2, [0.0, 0.0], "degenerate"),
        (lambda x: 1e-16 * x * x, 0.0, "minimum"),
        (lambda x: -1e-300 * x * x, 0.0, "maximum"),
        (lambda x: 1e-12 * x**3, 0.0, "inflection"),
        (lambda x: 1e200 * x**4, 0.0, "degenerate"),
        (lambda x: 1e-8 * (x - 5) ** 2, 0.0, "not-critical"),
        (lambda x: 1e-6 * sin(x), 0.0, "not-critical"),
        (lambda x: 1e-6 * (x + x**3), 0.0, "not-critical"),
        (lambda x: 1e-6 * (x - x**3), 0.0, "not-critical"),
        (lambda x: 1e-12 * x**3 + 1e-30 * x, 0.0, "inflection"),
        (lambda x, y: 1e-12 * ((x - 5) ** 2 + y * y), [0.0, 0.0], "not-critical"),
        (lambda x: 1e20 * (x * x - 2) ** 2, math.sqrt(2), "minimum"),
        (lambda x: 1e20 * (x * x - 2) ** 2, math.sqrt(2) + 1e-9, "not-critical"),
    ],
)
def test_a_critical_point_is_the_same_in_any_units(f: Any, at: Any, kind: str) -> None:
    assert classify_critical_point(f, at).kind == kind


@pytest.mark.parametrize(
    ("f", "at", "kind"),
    [
        (lambda x: x**3, 1e-7, "inflection"),
        (lambda x: x**4, 1e-3, "degenerate"),
        (lambda x: x**5, 1e-3, "degenerate"),
        (lambda x: x**3 - 0.3 * x * x + 0.03 * x - 0.001, 0.1, "inflection"),  # (x - 0.1)^3
        (lambda x: cos(x), 1e-7, "maximum"),
        (lambda x, y: x * x + y**4, [1e-7, 1e-3], "degenerate"),
        (lambda x, y: x * x - y * y + x**3, [1e-7, 1e-8], "saddle"),
    ],
)
def test_a_point_near_a_critical_one_is_judged_as_that(f: Any, at: Any, kind: str) -> None:
    assert classify_critical_point(f, at).kind == kind


def test_second_derivatives_that_no_unit_brings_together() -> None:
    with pytest.raises(ValueError, match="too far apart for floats; measure the coordinates in"):
        classify_critical_point(lambda x, y: 1e-320 * (x * x + y * y) + 1e300 * x * y, [0.0, 0.0])


def test_rounding_is_not_taken_for_curvature() -> None:
    """The function bends along one direction only: the other eigenvalue is 0 but for rounding."""

    def f(x: Value, y: Value) -> Value:
        return 1e12 * (0.3 * x + 0.7 * y) ** 2

    assert classify_critical_point(f, [0.0, 0.0], tolerance=0.0).kind == "degenerate"


def test_a_point_where_f_is_not_smooth_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the Hessian at \[0\] has the value inf"):
        classify_critical_point(lambda x: x**1.5, 0.0)
    with pytest.raises(ValueError, match=r"f at \[-1\] has the value nan"):
        classify_critical_point(log, -1.0)
    with pytest.raises(ValueError, match="tolerance"):
        classify_critical_point(log, 1.0, tolerance=-1.0)
    with pytest.raises(TypeError, match="tolerance"):
        classify_critical_point(log, 1.0, tolerance="small")  # type: ignore[arg-type]


# What is refused, with what to do.

TOOLS: list[Callable[..., Any]] = [
    gradient,
    value_and_gradient,
    hessian,
    classify_critical_point,
    lambda f, xs: derivative(f, xs),
    lambda f, xs: hvp(f, xs, xs),
    lambda f, xs: directional_derivative(f, xs, xs),
    LoweredFunction,
]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("f", "xs", "error", "message"),
    [
        (lambda x: x.data * 2, 1.5, TypeError, "lost the graph"),
        (lambda x: 2.0, 1.5, TypeError, "likely constant"),
        (lambda x: None, 1.5, TypeError, "return statement"),
        (lambda x: [x, x * x], 1.5, TypeError, r"vector; .*autograd\.jacobian"),
        (lambda x: x > 0, 1.5, TypeError, "comparison"),
        (lambda x: x, "1.5", TypeError, "'1.5'"),
        (lambda x: x, None, TypeError, "None"),
        (lambda x: x, True, TypeError, "bool"),
        (lambda x: x, [], ValueError, "empty"),
        (3.0, 1.5, TypeError, "cannot be called"),
        (lambda x, y, z: x, 1.5, TypeError, "3 arguments, but the point has 1 coordinate;"),
        (lambda x, y: x, {1.0, 2.0}, TypeError, "a set, which has no first and second"),
        (lambda x, y: x, {1.0: "x", 2.0: "y"}, TypeError, "a dict, which has no first"),
    ],
)
def test_bad_functions_and_points(
    tool: Any, f: Any, xs: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tool(f, xs)


@pytest.mark.parametrize("tool", [classify_critical_point, LoweredFunction])
def test_what_gives_plain_numbers_takes_no_values(tool: Any) -> None:
    with pytest.raises(TypeError, match=r"xs is Value.*pass \.data"):
        tool(lambda x: x, Value(1.0))
    with pytest.raises(TypeError, match=r"xs\[1\] is Value.*pass \.data"):
        tool(lambda x, y: x, [0.0, Value(1.0)])


def test_bad_orders_and_vectors() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        derivative(lambda x: x, 1.0, 0)
    assert derivative(lambda x: x**3, 1.0, np.int64(2)) == 6.0
    for order in (1.0, True, "2", None):
        with pytest.raises(TypeError, match="whole number"):
            derivative(lambda x: x, 1.0, order)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"2 numbers, expected one.*gradient"):
        derivative(lambda x, y: x, [1.0, 2.0])  # type: ignore[arg-type]
    for tool in (hvp, directional_derivative):
        with pytest.raises(ValueError, match="v has 1 components, but the point has 2"):
            tool(lambda x, y: x * y, [1.0, 2.0], [1.0])
        with pytest.raises(ValueError, match="v is empty"):
            tool(lambda x, y: x * y, [1.0, 2.0], [])
        with pytest.raises(TypeError, match=r"v\[1\]"):
            tool(lambda x, y: x * y, [1.0, 2.0], [1.0, "2"])


def test_bad_vectors_of_a_jacobian() -> None:
    for f, message in (
        (lambda x: [x, 1.0], "entry 1 is 1.0"),
        (lambda x: [], "empty vector"),
        (lambda x: 1.0, "list of Values.*likely constant"),
        (lambda x: x.data**2, "list of Values.*lost the graph"),
        (lambda x: "ab", "list of Values"),
        (lambda x: {"a": x}, "list of Values.*type dict; return what the operations"),
        (lambda x: None, "list of Values.*return statement"),
        (lambda x: [[x]], "entry 0 is"),
    ):
        with pytest.raises(TypeError, match=message):
            jacobian(f, 1.0)


def scaled(x: Any, y: Any = 2.0) -> Any:
    return x * y


def repeated(x: Any, y: Any = 2) -> Any:
    return x * y  # of a list that is the list twice


def listed(xs: Any, scale: float = 2.0) -> Any:
    return scale * autograd.sum(xs)


def test_a_default_may_be_given_or_not() -> None:
    for f in (scaled, repeated):
        assert gradient(f, [1.0, 3.0]) == [3.0, 1.0] and gradient(f, 1.0) == [2.0]
        assert hessian(f, [1.0, 3.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert gradient(lambda x, y=2.0, z=5.0: x * y * z, [1.0, 3.0]) == [15.0, 5.0]
    assert gradient(listed, [1.0, 3.0]) == gradient(listed, [1.0, 3.0, 4.0])[:2] == [2.0, 2.0]
    run = autograd.gradient_descent(lambda x, y=2.0: x * x + y * y, [1.0, 3.0], max_steps=1)
    assert run.path == [[1.0, 3.0], [0.8, 2.4]]


def test_what_numpy_makes_of_values_is_taken() -> None:
    assert gradient(lambda x: np.where(x > 0, x * x, -x), 3.0) == [6.0]
    assert jacobian(lambda x: np.where([True, False], x * x, -x), 3.0) == [[6.0], [-1.0]]
    assert gradient(lambda xs: np.sum(np.array(xs) ** 2), [1.0, 2.0]) == [2.0, 4.0]
    assert gradient(lambda x: x * x, np.array(3.0)) == [6.0]
    assert jacobian(lambda x: (v for v in (x, x * x)), 3.0) == [[1.0], [6.0]]


def test_what_f_makes_of_its_inputs_is_refused_in_our_words() -> None:
    for f, xs, message in (
        (lambda x: x * x, [1.0, 2.0], r"f takes 1 argument .* a list of 2 Values, .* its entries"),
        (lambda x, y=2.0: x["a"], [1.0, 2.0], "f takes neither 2 Values .* nor a list of them"),
        (lambda x: np.where(x > 0, 1.0, 2.0), 1.0, "f must .* returned 1.0 .* likely constant"),
        (lambda x: x * 1j, 1.0, "f takes neither a Value .*complex"),
    ):
        with pytest.raises(TypeError, match=f"gradient: {message}"):
            gradient(f, xs)
    with pytest.raises(TypeError, match=r"jacobian: .* entry 1 is 1.0 .*lost the graph"):
        jacobian(lambda x: [x, x.data], 1.0)
    with pytest.raises(TypeError, match=r"jacobian: .* entry 1 is 2.0 .*likely constant"):
        jacobian(lambda x: np.array([x, 2.0]), 1.0)


@pytest.mark.parametrize(
    ("f", "at", "expected"),
    [
        # As JAX and, where it has one, PyTorch; at x = 0 the slope of x ** y in y is 0.
        (lambda x, y: x**y, [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: x**y, [0.0, 1.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: x**y, [-0.0, 1.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: x**y, [0.0, 2.0], [[2.0, 0.0], [0.0, 0.0]]),
        (lambda x, y: autograd.xlogy(x, y), [0.0, -1.0], [[0.0, -1.0], [-1.0, 0.0]]),
        (lambda x, y: autograd.xlogy(x, y), [0.0, -4.0], [[0.0, -0.25], [-0.25, 0.0]]),
        (lambda x, y: autograd.xlogy(x, y), [0.0, 1.0], [[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_hvp_hessian_and_a_program_have_one_answer(f: Any, at: Any, expected: Any) -> None:
    units = [[1.0, 0.0], [0.0, 1.0]]
    lowered = LoweredFunction(f, at)
    assert hessian(f, at) == expected == lowered.hessian(at).tolist()
    assert [hvp(f, at, v) for v in units] == expected
    assert [lowered.hvp(at, v).tolist() for v in units] == expected
    variables = [Value(x) for x in at]
    slopes = autograd.grad(f(*variables), variables, create_graph=True)
    assert [list(autograd.grad(slope, variables)) for slope in slopes] == expected


def test_numbers_follow_ieee_754() -> None:
    assert gradient(sqrt, 0.0) == [math.inf]
    assert math.isnan(derivative(log, math.nan))
    assert hessian(lambda x: x**1.5, 0.0) == [[math.inf]]
    assert derivative(lambda x: stop_gradient(x) * x, 3.0) == 3.0


def test_a_lowered_function_looks_at_what_it_closes_over_at_each_call() -> None:
    w = Value(3.0)
    f = LoweredFunction(lambda x: w * x * x, 1.0)
    assert {f.value(2.0) for _ in range(100)} == {12.0}
    w.data = 10.0
    for call in (f.value, f.gradient, f.hessian):
        with pytest.raises(LoweringError, match="holds another number than where f was recorded"):
            call(2.0)
    w.data = 3.0
    assert f.value(2.0) == 12.0 and f.gradient(2.0).tolist() == [12.0]


def test_high_orders_of_what_is_constant_end_at_once() -> None:
    assert derivative(lambda x: x**2, 1.0, order=10**7) == 0.0
    assert derivative(lambda x: x**3, 1.0, order=3) == 6.0
