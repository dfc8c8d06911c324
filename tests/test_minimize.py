"""Descents end where they should, for the reason they give, and along the path that f has."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import unnoticed
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import (
    Descent,
    Iterate,
    LoweringError,
    Value,
    classify_critical_point,
    exp,
    gradient,
    gradient_descent,
    log,
    newton,
    sign_descent,
    sqrt,
)

METHODS: list[Callable[..., Descent]] = [sign_descent, gradient_descent, newton]


def rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def beale(x: Any, y: Any) -> Any:
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def himmelblau(x: Any, y: Any) -> Any:
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


def double_well(x: Any) -> Any:
    return x**4 / 4 - x * x / 2


def long_valley(x: Any) -> Any:
    """Convex, and 300 times steeper across than along."""
    return 0.5 * (x[0] - 1) ** 2 + 150 * (x[1] + 2) ** 2


def many(x: Any) -> Any:
    """Rosenbrock's function in more variables."""
    return autograd.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(x)])


def distance(found: Any, *wanted: float) -> float:
    return math.dist(np.ravel(found), wanted)


# The rules, by hand.


def test_three_steps_of_gradient_descent() -> None:
    """Of x^2 + 2 y^2 with eta = 1/4: x halves, and y is 0 after one step."""
    run = gradient_descent(lambda x, y: x * x + 2 * y * y, [8.0, 1.0], step=0.25, max_steps=3)
    assert run.path == [[8.0, 1.0], [4.0, 0.0], [2.0, 0.0], [1.0, 0.0]]
    assert run.values == [66.0, 16.0, 4.0, 1.0]
    assert (run.x, run.value, run.gradient, run.steps) == ([1.0, 0.0], 1.0, [2.0, 0.0], 3)
    assert not run.converged and run.reason.startswith("budget: 3 steps are spent")


def test_gradient_ascent_goes_the_other_way() -> None:
    """Slide "Gradient descent/ascent (multivariate)": to find a maximum move along the gradient."""
    down = gradient_descent(lambda x: (x - 1) ** 2, 3.0, max_steps=4)
    up = gradient_descent(lambda x: 5 - (x - 1) ** 2, 3.0, max_steps=4, maximize=True)
    assert up.path == down.path
    assert up.values == [5 - v for v in down.values]
    assert up.gradient == -down.gradient


def test_a_step_that_depends_on_k() -> None:
    seen = []

    def eta(k: int) -> float:
        seen.append(k)
        return 1 / 2 ** (k + 1)

    run = gradient_descent(lambda x: x * 1.0, 0.0, step=eta, max_steps=3)
    assert run.path == [0.0, -0.5, -0.75, -0.875]
    assert seen == [0, 1, 2]


def test_momentum_by_hand() -> None:
    """Of x^2 / 2 with eta = 1/2 and momentum 1/2: v = 8, then 4 + 4, then 4 + 0."""
    run = gradient_descent(lambda x: x * x / 2, 8.0, step=0.5, momentum=0.5, max_steps=3)
    assert run.path == [8.0, 4.0, 0.0] and run.converged  # the gradient is 0 there
    run = gradient_descent(lambda x: x * 1.0, 0.0, step=1.0, momentum=0.5, max_steps=3)
    assert run.path == [0.0, -1.0, -2.5, -4.25]


def test_momentum_is_faster_in_a_long_valley() -> None:
    plain, heavy = (
        gradient_descent(long_valley, [5.0, 0.0], step=3e-3, momentum=m, max_steps=700)
        for m in (0.0, 0.9)
    )
    assert distance(heavy.x, 1, -2) < 1e-3 < distance(plain.x, 1, -2)


def test_steps_of_sign_descent() -> None:
    """Slide "The Approach of Gradient Descent": x - sign(f'(x)) step, whatever the slope."""
    run = sign_descent(lambda x, y: x**4 + y, [1.0, 7.0], step=0.25, max_steps=5)
    assert run.path == [[1 - 0.25 * k, 7 - 0.25 * k] for k in range(5)] + [[0.0, 5.75]]
    assert sign_descent(lambda x: -x, 0.0, step=1, max_steps=2).path == [0.0, 1.0, 2.0]
    assert sign_descent(lambda x: -x, 0.0, step=1, max_steps=2, maximize=True).x == -2.0


def test_a_step_of_newton() -> None:
    """One step from anywhere for a quadratic: here the worked example of the lecture."""

    def f(x1: Value, x2: Value, x3: Value) -> Value:
        return x1**2 + x1 * (1 - x2) + x2**2 - x2 * x3 + x3**2 + x3

    run = newton(f, [5.0, -2.0, 40.0])
    assert run.converged and run.steps <= 2
    assert distance(run.path[1], -1, -1, -1) < 1e-12


def test_newton_doubles_the_right_digits() -> None:
    """For e^x - 2 x, with its minimum at log 2, e becomes f''' / (2 f'') e^2 = e^2 / 2."""
    run = newton(lambda x: exp(x) - 2 * x, 1.5)
    assert run.converged and run.reason.startswith("eps2")
    errors = [abs(x - math.log(2)) for x in run.path]
    rates = [after / before**2 for before, after in itertools.pairwise(errors) if after > 1e-13]
    assert len(rates) >= 3
    assert abs(rates[-1] - 0.5) < 0.01
    assert errors[-1] < 1e-14


def test_newton_doubles_the_right_digits_in_the_valley_of_rosenbrock() -> None:
    run = newton(rosenbrock, [-1.2, 1.0])
    errors = [distance(x, 1, 1) for x in run.path]
    assert run.converged and errors[-1] < 1e-12
    late = [(a, b) for a, b in itertools.pairwise(errors) if 1e-7 < a < 0.05]
    assert late and all(after < 100 * before**2 for before, after in late)


def test_newton_is_repelled_by_a_saddle() -> None:
    run = newton(lambda x, y: x * x + y**4 / 4 - y * y / 2, [1.0, 1e-3])
    assert run.converged and distance(run.x, 0, 1) < 1e-9
    # By hand: in y the slope is -0.396 and the curvature -3.88, taken as 3.88.
    run = newton(lambda x, y: x * x + y**4 - 2 * y * y, [1.0, 0.1], max_steps=1)
    assert distance(run.x, 0.0, 0.1 + 0.396 / 3.88) < 1e-12
    peak = newton(double_well, 0.1, maximize=True)
    assert peak.converged and abs(peak.x) < 1e-9


# Where descents end, and why.

STARTS: list[tuple[Any, Any, dict[str, Any], tuple[float, ...], float]] = [
    (rosenbrock, [-1.2, 1.0], {}, (1, 1), 1e-4),
    (beale, [1.0, 1.0], {}, (3, 0.5), 1e-4),
    (himmelblau, [1.0, 1.0], {}, (3, 2), 1e-6),
    (himmelblau, [-1.0, 1.0], {}, (-2.805118, 3.131312), 1e-6),
    (himmelblau, [-1.0, -1.0], {}, (-3.779310, -3.283186), 1e-6),
    (himmelblau, [3.0, -1.0], {}, (3.584428, -1.848127), 1e-6),
    (double_well, 0.1, {}, (1,), 1e-6),
    (double_well, -0.1, {}, (-1,), 1e-6),
    (long_valley, [5.0, 0.0], {"eps1": 0.0}, (1, -2), 1e-6),
]


@pytest.mark.parametrize(("f", "start", "options", "minimum", "tolerance"), STARTS)
def test_backtracking_ends_in_a_minimum_and_never_goes_up(
    f: Any, start: Any, options: Any, minimum: Any, tolerance: float
) -> None:
    run = gradient_descent(f, start, backtracking=True, **options)
    assert run.converged and run.reason[:4] in ("eps1", "eps2"), run
    assert distance(run.x, *minimum) < tolerance, run
    assert classify_critical_point(f, run.x).kind == "minimum"
    assert all(after <= before for before, after in itertools.pairwise(run.values))
    assert len(run.path) == len(run.values) == run.steps + 1
    assert run.path[0] == start and run.path[-1] == run.x


@pytest.mark.parametrize(("f", "start", "options", "minimum", "tolerance"), STARTS)
def test_newton_ends_in_a_minimum_and_never_goes_up(
    f: Any, start: Any, options: Any, minimum: Any, tolerance: float
) -> None:
    run = newton(f, start)
    assert run.converged and run.steps < 60, run
    assert classify_critical_point(f, run.x).kind == "minimum"
    assert all(after <= before for before, after in itertools.pairwise(run.values))


def test_a_convex_function_has_one_end_for_every_start() -> None:
    """Slide "Convergence of Gradient Descent"."""
    rng = random.Random(0)
    for _ in range(5):
        start = [rng.uniform(-9, 9), rng.uniform(-9, 9)]
        run = gradient_descent(lambda x, y: (x - 2) ** 2 + 3 * (y + 1) ** 2 + x * y, start)
        # The gradient 2 (x - 2) + y = 0 = 6 (y + 1) + x, so x = 30/11, y = -16/11.
        assert run.converged and distance(run.x, 30 / 11, -16 / 11) < 1e-5


def test_a_non_convex_function_may_keep_a_descent_at_an_inflection() -> None:
    """x^3 falls on beyond 0, but from 1 the slope dies out there."""
    run = gradient_descent(lambda x: x**3, 1.0, step=0.1, eps1=0.0, eps2=1e-6, max_steps=100_000)
    assert run.converged and run.reason.startswith("eps2: the norm of the gradient = ")
    assert 0 < run.x < 1e-3
    assert classify_critical_point(lambda x: x**3, 0.0).kind == "inflection"


def test_each_criterion_says_that_it_was_the_one() -> None:
    by_value = gradient_descent(lambda x: x * x, 1.0, eps1=1e-3, eps2=0.0)
    assert by_value.reason.startswith("eps1: |f(x^")
    before, last = by_value.values[-2:]
    assert by_value.converged and abs(last - before) < 1e-3
    assert all(abs(b - a) >= 1e-3 for a, b in itertools.pairwise(by_value.values[:-1]))
    by_slope = gradient_descent(lambda x: x * x, 1.0, eps1=0.0, eps2=1e-3)
    assert by_slope.reason.startswith("eps2: the norm of the gradient = ")
    assert by_slope.converged and abs(2 * by_slope.x) < 1e-3
    assert all(abs(2 * x) >= 1e-3 for x in by_slope.path[:-1])


def test_a_leap_across_a_valley_is_no_convergence() -> None:
    """From x to -x the value of x^2 does not change; the next step, half as long, ends at 0."""
    run = gradient_descent(lambda x: x * x, 3.0, step=lambda k: 1 / (k + 1))
    assert run.path == [3.0, -3.0, 0.0]
    assert run.reason == "eps2: the norm of the gradient is 0"
    up = gradient_descent(lambda x: -x * x, 3.0, step=lambda k: 1 / (k + 1), maximize=True)
    assert up.path == run.path
    sign = sign_descent(lambda x: x * x, 0.5, step=lambda k: 1.0 / (k + 1), eps1=1e-3)
    assert sign.converged and abs(sign.x) < 0.1


def test_what_is_advised_can_be_done() -> None:
    def root(x: Value) -> Value:
        return sqrt(x)

    [newtons, signs, slopes] = [
        method(root, 1.0).reason for method in (newton, sign_descent, gradient_descent)
    ]
    assert newtons.endswith("after 1 step, at x = [0]; start elsewhere")
    assert signs.endswith("; take shorter steps")
    assert slopes.endswith("; take shorter steps, or backtracking")


def test_a_start_at_the_minimum_takes_no_step() -> None:
    for method in METHODS:
        run = method(lambda x: x * x, 0.0, eps1=0.0, eps2=0.0)
        assert run.converged and run.steps == 0 and run.path == [0.0]
        assert run.reason == "eps2: the norm of the gradient is 0"


def test_a_constant_is_at_its_minimum_everywhere() -> None:
    run = gradient_descent(lambda x: Value(3.0), 2.0)
    assert run.converged and (run.x, run.value) == (2.0, 3.0)


@pytest.mark.parametrize("engine", ["auto", "python", "numpy"])
def test_a_diverging_descent_gives_the_best_point(engine: Any) -> None:
    run = gradient_descent(lambda x: x * x, 1.0, step=1.5, max_steps=10_000, engine=engine)
    assert not run.converged and run.reason.startswith("diverged: f went from 1 to ")
    assert (run.x, run.value) == (1.0, 1.0)
    assert run.steps < 100


def test_an_overflow_is_a_divergence() -> None:
    for f in (lambda x: exp(x * x), lambda x: x**4):
        run = gradient_descent(f, 3.0, step=1e200)
        assert run.reason.startswith("diverged") and run.x == 3.0, run


def test_a_function_without_a_minimum_is_left_at_its_lowest_point() -> None:
    run = gradient_descent(lambda x: x**3, -1.0)
    assert run.reason.startswith("diverged: f is -inf after")
    assert math.isfinite(run.value) and run.value == min(run.values[:-1])
    line = sign_descent(lambda x: x * 1.0, 0.0, step=1.0, max_steps=50)
    assert line.reason.startswith("budget: 50 steps") and line.x == -50.0
    up = gradient_descent(lambda x: exp(x), 0.0, maximize=True, max_steps=500)
    assert up.reason.startswith("diverged") and math.isfinite(up.value)


@pytest.mark.parametrize("engine", ["auto", "python", "numpy"])
def test_a_function_undefined_on_the_way(engine: Any) -> None:
    """All of them fall towards 0, and the second step leads beyond it."""
    for f in (
        lambda x: x * x + log(x),
        lambda x: x * x + 0.0 * math.log(unnoticed(x)),
        lambda x: x * x + sqrt(x),
    ):
        run = gradient_descent(f, 2.0, step=0.7, engine=engine)
        assert not run.converged and run.reason.startswith("undefined: "), run
        assert "steps" in run.reason
        assert run.x > 0 and math.isfinite(run.value)
        assert run.value == min(v for v in run.values if math.isfinite(v))


def test_backtracking_steps_back_from_where_f_is_undefined() -> None:
    run = gradient_descent(lambda x: x - log(x), 0.01, backtracking=True)
    assert run.converged and abs(run.x - 1) < 1e-5
    run = newton(lambda x: x * log(x), 5.0)
    assert run.converged and abs(run.x - math.exp(-1)) < 1e-9

    def raises(x: Value) -> Value:
        if x.data <= 0:
            raise ValueError("outside")
        return x - log(x)

    run = gradient_descent(raises, 0.01, backtracking=True)
    assert run.converged and abs(run.x - 1) < 1e-5

    def raises_too(x: Value) -> Value:
        if x <= 0:
            raise ValueError("outside")
        return x * log(x)

    run = newton(raises_too, 5.0)  # whose first step leads to 5 - 5 (log 5 + 1) = -8
    assert run.converged and abs(run.x - math.exp(-1)) < 1e-9


def test_a_step_back_from_infinity() -> None:
    run = gradient_descent(lambda x: -x, 1.7e308, step=1e308)
    assert run.reason.startswith("diverged: step 1 leads to a point that is not finite")
    assert not run.converged and run.path == [1.7e308]
    # The largest float is about 1.798e308, and 1e308 halved until there is room above 1.7e308 is
    # 0.0625e308.
    run = gradient_descent(lambda x: -x, 1.7e308, step=1e308, backtracking=True, max_steps=1)
    assert run.path == pytest.approx([1.7e308, 1.7625e308], rel=1e-15)


def test_a_slope_that_promises_too_much_ends_the_search() -> None:
    # The values go up where the slope of -1 says that they go down.
    run = gradient_descent(lambda x: 2 * autograd.stop_gradient(x) - x, 1.0, backtracking=True)
    assert not run.converged and run.x == 1.0
    assert run.reason.startswith("stalled: no step makes f better by a quarter of what its slope")


def test_newton_where_the_gradient_is_finite_and_the_hessian_is_not() -> None:
    run = newton(lambda x: x + x**1.5, 0.0)
    assert not run.converged and run.steps == 0
    assert run.reason == "undefined: the Hessian is not finite at x = [0]"


def test_an_error_at_the_start_is_a_mistake_and_no_verdict() -> None:
    def f(x: Value) -> Value:
        raise ZeroDivisionError("a mistake")

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        gradient_descent(f, 1.0)
    with pytest.raises(KeyError):
        gradient_descent(lambda x: x if x > 0.95 else {}[0], 1.0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [math.nan, [1.0, math.nan], [math.inf, 0.0]])
def test_a_start_that_is_not_finite(method: Any, start: Any) -> None:
    def f(*x: Value) -> Value:
        raise ValueError("f is not even called")

    run = method(f, start)
    assert not run.converged and run.steps == 0
    assert run.reason.startswith("undefined: the start is [")
    assert repr(run.path) == repr([start]) and repr(run.x) == repr(start)


def test_a_start_where_f_or_its_gradient_is_not_finite() -> None:
    for method in METHODS:
        run = method(log, -1.0)
        assert not run.converged and run.steps == 0 and run.x == -1.0
        assert run.reason.startswith("undefined: f is nan after 0 steps, at x = [-1]")
        run = method(sqrt, 0.0)
        assert run.reason.startswith("undefined: the gradient is [inf]"), run


@pytest.mark.parametrize("method", [sign_descent, gradient_descent])
def test_a_step_of_0_is_said_and_converges_to_nothing(method: Any) -> None:
    for step, k in ((0, 0), (0.0, 0), (lambda k: 0.1 if k < 3 else 0.0, 3)):
        run = method(lambda x: (x - 1) ** 2, 5.0, step=step)
        assert not run.converged and run.reason.startswith("zero step: step"), run
        assert run.steps == k
    run = gradient_descent(lambda x: x * x, 5.0, step=0, backtracking=True)
    assert run.reason.startswith("zero step")


def test_a_step_too_short_to_move_x_is_said() -> None:
    run = gradient_descent(lambda x: x * x, 5.0, step=1e-30)
    assert not run.converged and run.reason.startswith("stalled: ") and run.steps == 0


def test_tolerances_of_0_end_all_the_same() -> None:
    for method in METHODS:
        run = method(lambda x: (x - 0.3) ** 2 + 1, 2.0, eps1=0.0, eps2=0.0, max_steps=1000)
        assert run.steps <= 1000 and abs(run.x - 0.3) < 0.1
        assert run.reason.split(":")[0] in ("eps2", "rounding", "oscillates", "stalled", "budget")
    run = gradient_descent(
        lambda x: exp(x) - x, 1.0, backtracking=True, eps1=0.0, eps2=0.0, max_steps=1000
    )
    assert abs(run.x) < 1e-7


def test_going_back_and_forth_is_no_convergence() -> None:
    """With eta = 1 of x^2 each step leads to the mirror image, where f is the same."""
    run = gradient_descent(lambda x: x * x, 3.0, step=1.0)
    assert not run.converged and run.reason.startswith("oscillates")
    run = sign_descent(lambda x: abs(x - 0.35), 0.0, step=0.1)
    assert not run.converged and run.reason.startswith("oscillates")
    assert run.steps < 10 and abs(run.x - 0.35) <= 0.0500001
    shrinking = sign_descent(lambda x: (x - 0.35) ** 2, 0.0, step=lambda k: 0.1 * 0.95**k)
    assert shrinking.converged and abs(shrinking.x - 0.35) < 1e-3


def test_a_budget_of_no_steps() -> None:
    run = gradient_descent(lambda x: x * x, 3.0, max_steps=0)
    assert run.path == [3.0] and run.reason.startswith("budget: 0 steps")


def test_a_point_keeps_the_form_of_the_start() -> None:
    def f(x: Any) -> Any:
        return x[0] * x[0]

    assert gradient_descent(f, [3.0], max_steps=1).path == [[3.0], [2.4]]
    assert gradient_descent(f, np.array([3.0]), max_steps=1).x == [2.4]
    number = gradient_descent(lambda x: x * x, np.float64(3.0), max_steps=1)
    assert type(number.x) is float and type(number.gradient) is float


# Watching.


def test_a_callback_sees_every_point() -> None:
    seen: list[Iterate] = []
    run = gradient_descent(beale, [1.0, 1.0], step=0.01, max_steps=40, callback=seen.append)
    assert [i.k for i in seen] == list(range(41))
    assert [i.x for i in seen] == run.path
    assert [i.value for i in seen] == run.values
    assert [i.gradient for i in seen] == [gradient(beale, x) for x in run.path]
    up = []
    gradient_descent(lambda x: -x * x, 1.0, maximize=True, max_steps=1, callback=up.append)
    assert (up[0].value, up[0].gradient) == (-1.0, -2.0)


def test_a_callback_may_stop_the_run() -> None:
    run = newton(rosenbrock, [-1.2, 1.0], callback=lambda i: i.k == 4)
    assert run.steps == 4 and not run.converged
    assert run.reason == "stopped: the callback asked for it after 4 steps"
    assert run.x == run.path[-1]


def test_a_callback_cannot_change_the_path() -> None:
    def spoil(i: Iterate) -> None:
        i.x[0] = i.gradient[0] = 1e9

    spoilt = gradient_descent(beale, [1.0, 1.0], step=0.01, max_steps=5, callback=spoil)
    assert spoilt.path == gradient_descent(beale, [1.0, 1.0], step=0.01, max_steps=5).path


def test_an_error_of_the_callback_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        gradient_descent(lambda x: x * x, 1.0, callback=lambda i: 1 / 0)


def test_a_run_prints_its_end() -> None:
    run = gradient_descent(lambda x, y: x * x + y * y, [1.0, 2.0])
    assert str(run).startswith("converged after 75 steps at x = [")
    assert repr(run).split() == str(run).split() and max(map(len, repr(run).splitlines())) < 80
    wide = gradient_descent(lambda x: autograd.dot(x, x), [1.0] * 9, max_steps=1)
    assert "[0.8, 0.8, 0.8, 0.8, ...]" in str(wide)


# Large runs are lowered, and say the same.


class Counted:
    """A function that counts how often it is called with Values."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.recordings = 0

    def __call__(self, x: Any) -> Any:
        self.recordings += isinstance(x[0], Value)
        return self.f(x)


def same_run(a: Descent, b: Descent, tolerance: float = 1e-9) -> bool:
    return (
        a.steps == b.steps
        and a.reason.split(":")[0] == b.reason.split(":")[0]
        and np.allclose(a.path, b.path, rtol=tolerance, atol=tolerance)
        and np.allclose(a.values, b.values, rtol=tolerance, atol=tolerance)
    )


@pytest.mark.parametrize("options", [{"step": 1e-3}, {"step": 1e-3, "momentum": 0.5}])
def test_a_long_descent_hardly_records_the_function(options: Any) -> None:
    f = Counted(many)
    start = [-1.2, 1.0] * 10
    run = gradient_descent(f, start, max_steps=2000, **options)
    assert run.steps == 2000
    assert f.recordings < 100
    plain = gradient_descent(many, start, max_steps=200, engine="python", **options)
    assert np.allclose(run.path[:201], plain.path, rtol=1e-9)


def test_searches_are_lowered_too() -> None:
    f = Counted(many)
    start = [-1.2, 1.0] * 10
    run = gradient_descent(f, start, backtracking=True, max_steps=300)
    assert f.recordings < 100
    assert all(after <= before for before, after in itertools.pairwise(run.values))
    ascent = gradient_descent(
        lambda x: -many(x), start, backtracking=True, max_steps=300, maximize=True
    )
    assert np.allclose(ascent.path[:30], run.path[:30], rtol=1e-9)


def test_the_program_is_used_from_the_second_point_if_asked_for() -> None:
    f = Counted(many)
    gradient_descent(f, [0.5] * 3, step=1e-3, max_steps=64, engine="numpy")
    assert f.recordings == 1 + 7 + 1  # the first, after 1, 2, ... 64 evaluations, the last
    python = Counted(many)
    gradient_descent(python, [0.5] * 3, step=1e-3, max_steps=64, engine="python")
    assert python.recordings == 65  # each point


def test_a_function_that_branches_on_the_way_is_computed_with_values() -> None:
    """Between 1.2 and 1.5 another function is in force: in and out between two recordings."""

    def f(x: Any) -> Any:
        inside = 1.2 < x[0] < 1.5
        return 0.5 * x[0] * x[0] + (3.0 * x[1] * x[1] if inside else 0.5 * (x[1] - 1) ** 2)

    def run(engine: str) -> Descent:
        return gradient_descent(f, [3.0, 1.0], step=0.002, max_steps=2000, engine=engine)

    python = run("python")
    inside = [x for x in python.path if 1.2 < x[0] < 1.5]
    assert len(inside) > 10 and min(x[1] for x in inside) < 0.5
    match = r"f compares a Value .*: inside = 1\.2 < x\[0\] < 1\.5\), so it is computed with Values"
    with pytest.warns(RuntimeWarning, match=match) as warned:
        assert run("auto") == python
    assert len(warned) == 1 and warned[0].filename == __file__
    with pytest.raises(LoweringError, match=r"gradient_descent: f compares .*autograd\.where"):
        run("numpy")


def test_a_change_of_the_slope_alone_is_found_and_the_run_not_returned() -> None:
    """The value stays the same and the slope doubles below 0.5, which plain floats cannot tell."""

    def f(x: Any) -> Any:
        bowl = autograd.sum([k * x * x for k in range(40)]) / 780.0
        if unnoticed(x) < 0.5 and isinstance(x, Value):
            return 2.0 * bowl - autograd.stop_gradient(bowl)
        return bowl

    seen: list[int] = []

    def run(engine: str) -> Descent:
        return gradient_descent(
            f, 1.0, step=0.002, max_steps=300, engine=engine, callback=lambda at: seen.append(at.k)
        )

    python = run("python")
    assert python.x < 0.5
    with pytest.raises(LoweringError, match=r"gradient_descent: f records another graph at"):
        run("numpy")
    seen.clear()
    with pytest.warns(RuntimeWarning, match="the run was begun anew with Values"):
        assert run("auto") == python
    assert seen[-301:] == list(range(301)) and len(seen) > 301


def test_a_search_begins_near_the_last_step() -> None:
    """It tries a little more than one step each time, and not all from the longest down."""
    counted = Counted(long_valley)
    run = gradient_descent(counted, [5.0, 0.0], backtracking=True, max_steps=200, engine="python")
    assert counted.recordings < 3.5 * run.steps


def test_a_function_that_takes_no_floats_is_followed() -> None:
    def f(x: Any) -> Any:
        a, b = x
        high = unnoticed(a) > 0.5
        well = (a * a - 1) ** 2 if high else a.exp()
        return well + b * b * unnoticed(b) + 0.0 * a.tanh()

    python, lowered = (
        gradient_descent(f, [2.0, 1.0], step=0.01, max_steps=300, engine=engine)
        for engine in ("python", "numpy")
    )
    assert same_run(python, lowered)


def test_a_program_that_is_always_in_doubt_is_given_up() -> None:
    tried = []

    def f(x: Any) -> Any:
        if not isinstance(x[0], Value):
            tried.append(x)
            raise TypeError("no floats")
        return many(x)

    start = [-1.2, 1.0] * 10
    run = gradient_descent(f, start, step=1e-3, max_steps=400)
    assert 10 < len(tried) < 80
    python = gradient_descent(many, start, step=1e-3, max_steps=400, engine="python")
    assert np.allclose(run.path, python.path, rtol=1e-9)


def test_a_function_that_changes_its_numbers_is_followed() -> None:
    """Every call has another constant, as a loss on another batch of the data has."""

    def noisy() -> Callable[..., Any]:
        calls = itertools.count()
        return lambda x: (x - 1 / (1 + next(calls) % 5)) ** 2

    # Followed means a new recording for every value that is used: nothing of it is a program's.
    run = gradient_descent(noisy(), 5.0, step=0.01, max_steps=300, eps1=0.0, engine="numpy")
    assert all(0.0 < x <= 5.0 for x in run.path)
    pairs = zip(run.path, run.values, strict=True)
    spread = [(x - math.sqrt(v), x + math.sqrt(v)) for x, v in pairs]
    allowed = [1 / n for n in range(1, 6)]
    assert all(min(abs(c - a) for c in pair for a in allowed) < 1e-9 for pair in spread)


def test_the_last_word_is_the_functions_own() -> None:
    """At the end the slope changes and not the value: only a new recording can see it."""

    def f(x: Any) -> Any:
        if isinstance(x, Value) and unnoticed(x) < 1e-3:
            return autograd.stop_gradient(x * x) + (x - autograd.stop_gradient(x))
        return x * x

    def run(engine: str) -> Descent:
        return gradient_descent(f, 1.0, step=0.1, eps1=0, eps2=1e-4, max_steps=60, engine=engine)

    assert run("python").gradient == 1.0
    with pytest.raises(LoweringError, match="another graph at"):
        run("numpy")


def test_a_function_that_cannot_be_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.lowering import function as lowered_function

    def refused(*_: Any, **__: Any) -> Any:
        raise LoweringError("no array form")

    monkeypatch.setattr(lowered_function, "Program", refused)
    run = gradient_descent(many, [0.5] * 20, step=1e-3, max_steps=200)
    assert run.steps == 200
    with pytest.raises(LoweringError, match="no array form"):
        gradient_descent(many, [0.5] * 20, step=1e-3, max_steps=200, engine="numpy")


def test_the_same_run_has_the_same_numbers() -> None:
    runs = [gradient_descent(many, [0.5] * 20, step=1e-3, max_steps=200) for _ in range(2)]
    assert runs[0] == runs[1]


def test_many_coordinates() -> None:
    run = gradient_descent(lambda x: autograd.dot(x, x), [1.0] * 20_000, max_steps=3)
    assert run.steps == 3 and abs(run.x[-1] - 0.512) < 1e-12


# What is refused.


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"eps1": -1e-3}, ValueError, "eps1 must be a finite number of at least 0, got -0.001"),
        ({"eps2": math.nan}, ValueError, "eps2 must be a finite number of at least 0, got nan"),
        ({"eps1": "small"}, TypeError, "eps1: .*'small'"),
        ({"max_steps": -1}, ValueError, "max_steps must be a whole .* at least 0, got -1"),
        ({"max_steps": 2.5}, TypeError, "max_steps must be a whole .* at least 0, got 2.5"),
        (
            {"max_steps": True},
            TypeError,
            "max_steps must be a whole .* at least 0, got True",
        ),
        ({"callback": 3}, TypeError, "callback is 3"),
        ({"engine": "fortran"}, ValueError, "auto, numpy, jax, python, got 'fortran'"),
        ({"x0": []}, ValueError, "x0 is empty"),
        ({"x0": "1"}, TypeError, "x0: .*'1'"),
        ({"x0": [1.0, None]}, TypeError, r"x0\[1\]: .*None"),
        ({"x0": Value(1.0)}, TypeError, "made of floats"),
        ({"f": None}, TypeError, "cannot be called"),
        ({"f": lambda x: 3.0}, TypeError, "one Value.*constant"),
        ({"f": lambda x: x.data**2}, TypeError, "lost the graph"),
        ({"f": lambda x: [x]}, TypeError, "vector.*jacobian"),
    ],
)
def test_bad_arguments(
    method: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"{method.__name__}: .*{message}"):
        method(**{"f": lambda x: x * x, "x0": 1.0, **options})


@pytest.mark.parametrize("method", [sign_descent, gradient_descent])
def test_bad_steps(method: Any) -> None:
    for step in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"step must be .* of at least 0, got {step!r}"):
            method(lambda x: x * x, 1.0, step=step)
        with pytest.raises(ValueError, match=r"step\(0\) must be a .*number of at least 0"):
            method(lambda x: x * x, 1.0, step=lambda k, step=step: step)
    with pytest.raises(TypeError, match=r"step: .*'big'"):
        method(lambda x: x * x, 1.0, step="big")
    with pytest.raises(TypeError, match=r"step\(0\): .*None"):
        method(lambda x: x * x, 1.0, step=lambda k: None)


def test_bad_momentum() -> None:
    for momentum in (-0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"momentum must .* 0 and less than 1, got"):
            gradient_descent(lambda x: x * x, 1.0, momentum=momentum)
    with pytest.raises(ValueError, match=r"momentum 0\.9 and backtracking exclude each other"):
        gradient_descent(lambda x: x * x, 1.0, momentum=0.9, backtracking=True)


# Units, and ends that f does not make easy.


@pytest.mark.parametrize(
    ("f", "start", "x"),
    [
        # By hand from 2 (1e8 x - 1) 1e8 + y / 2 = 0 and its like in y.
        (
            lambda x, y: (1e8 * x - 1) ** 2 + (1e-8 * y - 2) ** 2 + 0.5 * x * y,
            [0.0, 0.0],
            [16 / 3 * 1e-9, 28 / 15 * 1e8],
        ),
        (lambda a, b: 0.5 * (1e6 * a * a + 1e-12 * b * b) - b, [1.0, 1.0], [0.0, 1e12]),
        (lambda x: 1e-20 * (x - 5) ** 2, 0.0, 5.0),
        (lambda x: 1e200 * ((x - 5) ** 2 + 1), 1e3, 5.0),
        (lambda x: 1e12 * (x - 1 / 3) ** 2 + 1e12, 0.0, 1 / 3),
        (lambda x: x * x / 2 - 1e100 * x, 0.0, 1e100),
        (lambda x, y: (x + y) ** 2 + (x - 3 * y) ** 2, [1.0, 0.3], [0.0, 0.0]),
    ],
)
def test_newton_takes_one_step_to_the_minimum_of_a_quadratic(f: Any, start: Any, x: Any) -> None:
    run = newton(f, start)
    assert run.converged and run.steps == 1 and run.reason.split(":")[0] in ("eps2", "rounding")
    assert run.x == pytest.approx(x, rel=1e-12, abs=1e-15)


@settings(derandomize=True, deadline=None, database=None, max_examples=25)
@given(
    st.sampled_from([rosenbrock, beale, himmelblau, lambda x, y: exp(x) - x * y + y**4]),
    st.integers(-30, 30),
    st.integers(-30, 30),
    st.integers(-60, 60),
    st.booleans(),
)
def test_newton_knows_no_units(f: Any, a: int, b: int, c: int, maximize: bool) -> None:
    """With powers of 2 for units nothing is rounded otherwise: the paths agree to the last bit."""
    p, q, r = 2.0**a, 2.0**b, 4.0**c
    options = {"maximize": maximize, "max_steps": 12}
    plain = newton(f, [-1.2, 1.0], **options)
    other = newton(lambda x, y: r * f(p * x, q * y), [-1.2 / p, 1.0 / q], **options)
    assert [[p * x, q * y] for x, y in other.path] == plain.path
    assert [v / r for v in other.values] == plain.values
    assert other.reason.split(":")[0] == plain.reason.split(":")[0]
    assert other.converged == plain.converged


def test_newton_says_what_it_compared() -> None:
    flat = newton(lambda x: x**4 + 1, 1.0)
    assert flat.converged and abs(flat.x) < 1e-3
    assert "would lower f by" in flat.reason and "is below the rounding of f" in flat.reason
    # Towards 0 the digits come one by one, and that is no convergence.
    slow = newton(lambda x: x**4, 1.0)
    assert not slow.converged and slow.reason.startswith("budget: 100 steps")
    assert newton(lambda x: x**4, 1.0, eps2=1e-12).reason.startswith("eps2: the norm of the grad")
    lost = newton(rosenbrock, [1e10, 1e10])
    assert not lost.converged and "slopes where its Hessian is 0 to rounding" in lost.reason
    assert newton(lambda x, y: x * x + y, [1.0, 2.0]).reason.startswith("budget")
    assert not newton(lambda x, y: x * y, [1.0, 2.0]).converged  # whose saddle is no end


@pytest.mark.parametrize(
    ("f", "start", "kind"),
    [
        (lambda x: exp(x) + x, -709.9, "diverged: step 1"),
        (lambda x: 1 / x - x, 1e103, "diverged: step 1"),
        (lambda x: x + 1e-309 * x * x, 0.0, "diverged: step 1"),
        (lambda x, y: x * x + y + 1e-309 * y * y, [1.0, 0.0], "diverged: step"),
        (lambda x: -exp(-x * x), 30.0, "eps2"),  # where floats know no slope
        (lambda x: log(x) ** 2, 1e-300, "undefined: the Hessian is not finite"),
        (lambda x: sqrt(x) * 1e300, 1e300, "undefined"),
        (lambda x: x * math.inf, 1.0, "undefined"),
        (lambda x: x * x + math.nan, 1.0, "undefined"),
        (lambda x: (x - 1) ** 2 + 1e308 * autograd.relu(-x), 3.0, "eps2"),
    ],
)
def test_newton_ends_whatever_f_does(f: Any, start: Any, kind: str) -> None:
    run = newton(f, start)
    assert run.reason.startswith(kind), run
    assert run.steps <= 100 and (math.isfinite(run.value) or run.steps == 0)
    finite = [v for v in run.values if math.isfinite(v)]
    assert not finite or run.converged or run.value == min(finite)


def test_an_f_that_raises_now_and_then() -> None:
    calls = itertools.count(1)

    def moody(x: Value) -> Value:
        if next(calls) % 3 == 0:
            raise ValueError("not now")
        return (x - 1) ** 4 + exp(x)

    for method in METHODS:
        run = method(moody, 3.0, max_steps=50, engine="python")
        assert run.steps <= 50 and run.value <= run.values[0]
        assert run.reason.split(":")[0] in ("undefined", "stalled", "rounding", "eps1", "eps2")


def test_a_search_where_the_slope_squared_is_beyond_all_floats() -> None:
    run = gradient_descent(lambda v: 1e160 * v * v, 1.0, backtracking=True)
    assert run.converged and run.value < 1e-13 and run.steps > 5


def test_a_search_ends_where_f_cannot_change_any_more() -> None:
    """f is 1e12 to its rounding within 1e-8 of 1/3, and each step of a search changes it by 0."""
    run = gradient_descent(lambda x: 1e12 * (x - 1 / 3) ** 2 + 1e12, 0.0, backtracking=True)
    assert run.converged and run.steps < 200 and abs(run.x - 1 / 3) < 2e-8
    assert run.reason.startswith("eps1: |f(x^") and "the norm of the gradient is" in run.reason


def test_a_run_that_did_not_converge_prints_its_best_point() -> None:
    run = gradient_descent(lambda x: x * x, 1.0, step=1.5)
    assert str(run).startswith("not converged after 21 steps, best at x = 1, f = 1; diverged: ")


def test_newton_does_not_call_a_maximum_or_a_saddle_its_end() -> None:
    for f, start in (
        (lambda x: autograd.cos(x), 0.0),
        (lambda x, y: x * x - y * y, [1.0, 0.0]),
        (lambda x, y: 1e-20 * (x * x - y * y), [1.0, 0.0]),
        (lambda x, y: x * y, [0.0, 0.0]),
    ):
        run = newton(f, start)
        assert not run.converged
        assert run.reason.startswith("stalled: f curves down from there along some line"), run
    run = newton(double_well, 1.0, maximize=True)
    assert not run.converged and run.reason.startswith("stalled: f curves up from there")
    assert newton(lambda x, y: (x + y) ** 2 + 1, [1.0, 2.0]).converged  # flat is not down


def test_a_start_that_counts_as_an_end_is_said_to_depend_on_units() -> None:
    run = gradient_descent(lambda x: 1e-12 * (x - 5) ** 2, 0.0)
    assert run.steps == 0 and run.reason == (
        "eps2: the norm of the gradient = 1e-11 < 1e-08 already at the start; if f or x is in "
        "small units, take a smaller eps2"
    )
    smaller = gradient_descent(lambda x: 1e-12 * (x - 5) ** 2, 0.0, step=1e11, eps1=0.0, eps2=1e-20)
    assert smaller.converged and abs(smaller.x - 5) < 1e-6
