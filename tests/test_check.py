"""The gradient checker has to be right when it accepts, when it rejects, and when it abstains.

Wrong gradients are planted without touching the engine: y + e (y - stop_gradient(y)) is y itself,
and its slope is 1 + e times too large.
"""

import functools
import math
import pickle
import random
from collections.abc import Callable, Iterator
from math import inf, nan
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import (
    GradientMismatch,
    GradientReport,
    Op,
    Value,
    check_gradient,
    dot,
    exp,
    grad,
    log,
    maximum,
    ops,
    relu,
    sin,
    sqrt,
    step,
    stop_gradient,
    tanh,
    where,
)
from autograd.core.ops import OPS
from autograd.core.scalar_function import ScalarFunction, as_point

repeatably = settings(derandomize=True, deadline=None, database=None)


def skewed(y: Value, e: float) -> Value:
    return y + e * (y - stop_gradient(y))


def rejected(f: Callable[..., Any], xs: Any, **options: Any) -> GradientMismatch:
    with pytest.raises(GradientMismatch) as error:
        check_gradient(f, xs, **options)
    return error.value


def verdicts(f: Callable[..., Any], xs: Any, **options: Any) -> list[str]:
    return [c.verdict for c in rejected(f, xs, **options).report.comparisons]


# What is right is accepted ------------------------------------------------------------------------

SMOOTH: list[tuple[Callable[[Any], Any], Callable[[Any], Any], list[float]]] = [
    (lambda x: x * x, lambda x: x * x, [0.0, 1e-100, -3e-8, 0.7, -1e5, 1e100]),
    (lambda x: x**3 - x, lambda x: x**3 - x, [0.0, 1.0, -1e-9, 40.0]),
    (lambda x: 1 / x, lambda x: 1 / x, [1e-100, -2e-7, 3.0, 1e80]),
    (log, mpmath.log, [1e-300, 1e-9, 0.9999, 1e300]),
    (sqrt, mpmath.sqrt, [1e-200, 1e-9, 2.0, 1e200]),
    (lambda x: sqrt(x - 2), lambda x: mpmath.sqrt(x - 2), [2.0 + 1e-9, 2.5]),
    (exp, mpmath.exp, [-700.0, -1.0, 0.0, 30.0, 700.0]),
    (sin, mpmath.sin, [0.0, 1e-300, 1.5, 1e6]),
    (lambda x: sin(1000 * x), lambda x: mpmath.sin(1000 * x), [0.0, 0.3, -7.0, 1e3]),
    (lambda x: exp(1e30 * x), lambda x: mpmath.exp(mpmath.mpf(1e30) * x), [0.0, 2e-30]),
    (tanh, mpmath.tanh, [0.0, 3.0, -10.0]),
    (
        lambda x: exp(-x * x) / (1 + x * x),
        lambda x: mpmath.exp(-x * x) / (1 + x * x),
        [0.0, 0.5, -5.0],
    ),
    (lambda x: x + 1e6, lambda x: x + 10**6, [0.0, 1e-6, 1.0]),
]


@pytest.mark.parametrize("case", range(len(SMOOTH)))
def test_smooth_functions_are_right_within_the_uncertainty_at_any_size_of_x(case: int) -> None:
    f, exact, points = SMOOTH[case]
    for x in points:
        report = check_gradient(f, x)
        (c,) = report.comparisons
        assert report.value == f(Value(x)).data
        assert (c.name, c.x, c.verdict, c.note) == ("x", x, "right", "")
        with mpmath.workdps(700):
            h = mpmath.mpf(10) ** -340
            truth = (exact(mpmath.mpf(x) + h) - exact(mpmath.mpf(x) - h)) / (2 * h)
            error = abs(c.numeric - truth)
        assert error <= c.uncertainty
        assert abs(c.analytic - c.numeric) == c.error
        assert abs(c.analytic - c.numeric) <= c.allowed + c.uncertainty
        if x and abs(c.numeric) > 1e-9 * abs(report.value):
            assert c.uncertainty <= 1e-5 * abs(c.numeric)


@given(x=st.floats(-3.0, 3.0), y=st.floats(0.1, 3.0))
@repeatably
def test_a_function_of_two_inputs_is_right_at_both_orders(x: float, y: float) -> None:
    report = check_gradient(lambda x, y: tanh(x * y) / y + y**x - sin(x - y), [x, y], order=2)
    assert [c.name for c in report.comparisons] == ["x", "y", "x, x", "x, y", "y, x", "y, y"]
    assert report.failures == ()


def test_second_derivatives_by_hand() -> None:
    report = check_gradient(lambda x, y: x**3 * y, [2.0, 5.0], order=2)
    assert [c.analytic for c in report.comparisons] == [60.0, 8.0, 60.0, 12.0, 12.0, 0.0]
    assert [c.x for c in report.comparisons] == [2.0, 5.0, 2.0, 5.0, 2.0, 5.0]
    for c in report.comparisons:
        assert abs(c.numeric - c.analytic) <= c.uncertainty < 1e-9


def test_inputs_that_do_not_matter_and_stationary_points_are_right() -> None:
    check_gradient(lambda x, y: y * y + 1e6, [1.0, 2.0], order=2)
    check_gradient(lambda x: x * 0.0 + 3.0, 2.0, order=2)
    check_gradient(lambda x: Value(5.0) + x - x, 1.0)
    check_gradient(lambda x: Value(5.0), 1.0)
    check_gradient(lambda x: (x - 1.0) ** 2, 1.0, order=2)
    check_gradient(lambda x: (1000 * x).cos(), 0.0)
    check_gradient(step, 0.5, order=2)
    check_gradient(lambda x: where(x > 0.0, x, -x), -2.0, order=2)


def test_near_a_kink_the_steps_stay_on_one_side() -> None:
    for x in (1e-3, -1e-3, 1e-9, -1e-9, 1e-12):
        check_gradient(relu, x)
        check_gradient(abs, x)
        check_gradient(lambda x: maximum(x, 2 * x) * 3.0, x)
    for x in (1e-6, -1e-6):
        check_gradient(lambda x: relu(x) + 1.0, x)
    check_gradient(lambda x: step(x) + x, 1e-3)


def test_larger_steps_may_be_outside_of_the_domain() -> None:
    def positive_only(x: Value) -> Value:
        if x.data <= 0.0:
            raise ValueError("x must be positive")
        return x * x

    def overflows(x: Value) -> Value:
        return x * math.exp(1e4 * x.data) / math.exp(1e4 * stop_gradient(x).data)

    check_gradient(positive_only, 1e-6)
    check_gradient(overflows, 0.01)
    check_gradient(lambda x: log(1e-4 - x) + log(x), 3e-5, order=2)


# What is wrong is rejected ------------------------------------------------------------------------


@pytest.mark.parametrize("e", [0.001, -0.001, 1.0, -2.0, 1e-4])
@pytest.mark.parametrize("x", [1e-100, 3e-8, 0.7, -2.0, 1e5, 1e100])
def test_a_slope_that_is_a_little_off_is_wrong_at_any_size_of_x(e: float, x: float) -> None:
    for f in (lambda x: skewed(x * x, e), lambda x: skewed(x, e) * x, lambda x: 1 / skewed(x, e)):
        (c,) = rejected(f, x).report.comparisons
        assert c.verdict == "wrong" and c.error > 4 * (c.allowed + c.uncertainty)
    check_gradient(lambda x: skewed(x * x, 1e-7), x)


@pytest.mark.parametrize("x", [0.3, -1.2, 2.5])
def test_a_slope_that_is_a_little_off_is_wrong_behind_other_operations(x: float) -> None:
    for inner in (tanh, exp, sin, lambda x: 1 / (1 + x * x)):
        f = lambda x: sin(skewed(inner(x), 0.001)) + x  # noqa: E731, B023
        assert verdicts(f, x) == ["wrong"]


def test_the_input_behind_the_wrong_slope_is_named() -> None:
    def f(a: Value, b: Value, c: Value) -> Value:
        return a * skewed(b, 0.001) + c

    error = rejected(f, [2.0, 3.0, 5.0])
    assert [c.verdict for c in error.report.comparisons] == ["right", "wrong", "right"]
    (b,) = error.report.failures
    assert (b.name, b.x) == ("b", 3.0)
    assert b.analytic == pytest.approx(2.002, rel=1e-12)
    assert b.numeric == pytest.approx(2.0, rel=1e-9)
    assert b.error == pytest.approx(0.002, rel=1e-6)
    lines = str(error).splitlines()
    assert lines[0] == "1 of 3 derivatives differ from finite differences:"
    for part in ("b at 3.0", "analytic 2.00", "numeric 2", "error 0.002 (0.1 %)", "wrong"):
        assert part in lines[1]
    assert "graph" in lines[-1]


def test_a_graph_that_was_lost_is_wrong() -> None:
    assert verdicts(lambda x: Value(x.data**2), 3.0) == ["wrong"]
    assert verdicts(lambda x: x * x.data, 3.0) == ["wrong"]
    assert verdicts(lambda x, y: x * y.data, [3.0, 4.0]) == ["right", "wrong"]


def test_a_gradient_that_is_nan_or_infinite_is_wrong_where_the_function_is_smooth() -> None:
    (c,) = rejected(lambda x: x + 0.0 * log(exp(x * 0.0) - 1.0 + 1e-320), 1.0).report.comparisons
    assert c.verdict == "wrong" and not math.isfinite(c.analytic) and c.error == inf


def test_a_rule_that_breaks_the_graph_shows_at_second_order_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(z: Any, x: Any) -> Any:
        return Value(math.cos(x.data)) if isinstance(x, Value) else math.cos(x)

    monkeypatch.setattr(ops.sin, "rules", (cut,))
    check_gradient(sin, 0.7)
    error = rejected(sin, 0.7, order=2)
    first, second = error.report.comparisons
    assert (first.verdict, second.verdict) == ("right", "wrong")
    assert second.name == "x[0], x[0]" or second.name == "x, x"
    assert second.analytic == 0.0 and second.numeric == pytest.approx(-math.sin(0.7), rel=1e-9)


# What cannot be judged is not accepted ------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (abs, 0.0, -1.0, 1.0),
        (relu, 0.0, 0.0, 1.0),
        (lambda x: maximum(x, 1.0), 1.0, 0.0, 1.0),
        (lambda x: 3 * x + 0.001 * abs(x - 2), 2.0, 2.999, 3.001),
        (lambda x: abs(x - 1e6), 1e6, -1.0, 1.0),
        (lambda x: 1e10 * x * x + abs(x), 0.0, -1.0, 1.0),
    ],
)
def test_a_kink_is_unclear_and_both_slopes_are_told(
    f: Callable[[Any], Any], x: float, left: float, right: float
) -> None:
    error = rejected(f, x)
    (c,) = error.report.comparisons
    assert c.verdict == "unclear" and c.uncertainty > 0.4 * (right - left)
    words = c.note.split()
    assert c.note.startswith("a kink is likely, for the slope is")
    told = [float(words[words.index("to") - 1]), float(words[-4])]
    assert told == pytest.approx([left, right], rel=1e-3, abs=1e-3)
    assert str(error).splitlines()[0] == "1 of 1 derivatives cannot be judged:"
    assert c.note in str(error) and c.note in str(error.report)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: step(x) + x, 0.0),
        (lambda x: (x + 1e12) - 1e12, 0.0),
        (lambda x: (x + 1e12) - 1e12, 0.3),
        (lambda x: (1e-8 * x + 1e8) - 1e8 + 1.0, 0.3),
        (lambda x: sin(1e9 * x), 1e8),
        (lambda x: sin(1e6 * x), -164767.71690665593),
        (lambda x: Value(round(x.data, 3)) + x - stop_gradient(x), 0.1235),
    ],
)
def test_noise_and_jumps_are_unclear(f: Callable[[Any], Any], x: float) -> None:
    (c,) = rejected(f, x).report.comparisons
    assert c.verdict == "unclear"
    assert "do not settle" in c.note or "f turns faster than floats lie here" in c.note


@pytest.mark.parametrize(("f", "x"), [(sqrt, 0.0), (lambda x: x**1.5, 0.0), (exp, 709.7)])
def test_the_edge_of_a_domain_is_unclear(f: Callable[[Any], Any], x: float) -> None:
    (c,) = rejected(f, x).report.comparisons
    assert c.verdict == "unclear" and "edge of its domain" in c.note and math.isnan(c.numeric)


@pytest.mark.parametrize(
    ("text", "slope", "x"),
    [
        ("x + 1e16", "-50", 2.0),
        ("x + 1e16", "1", 2.0),
        ("x + 1e16", "-200", 2.0),
        ("1e-5 * x + 1e12", "1e-4", 2.0),
        ("x * x + 1e6", "-2 * x", 1e-10),
        ("tanh(x)", "2 - 2 * z * z", -17.0),
        ("3 - exp(x)", "exp(x)", -40.0),
    ],
)
def test_a_slope_that_rounding_hides_is_not_called_right(text: str, slope: str, x: float) -> None:
    """Most of these are wrong; but floats cannot tell, and so may not say "right"."""
    f = Op("hidden_slope", text, slope)
    (c,) = rejected(f, x).report.comparisons
    assert c.verdict == "unclear" and c.note == "rounding hides how f changes over small steps"


def test_a_slope_of_0_is_right_where_differences_say_0_but_for_rounding() -> None:
    check_gradient(lambda x: x * x + 1e6, 0.0)
    check_gradient(lambda x: x * 0.0 + 1e16, 2.0)
    check_gradient(sin, math.pi / 2)


# Gradients that are right, where differences say something else, and words of the reason.
MISLEADING: list[tuple[Callable[..., Any], float, str]] = [
    (lambda x: x.cos() + x, 1e200, "f turns faster than floats lie here"),
    (sin, 1e41, "f turns faster than floats lie here"),
    (lambda x: 2.0 * x + x.sin(), -1e30, "f turns faster than floats lie here"),
    (lambda x: (exp(x) - 1.0) / x, 1e-9, "rounding on the way leaves nothing of it"),
    (lambda x: x * x, 1e-160, "do not settle"),
    (lambda x: x**3, -1e-110, "do not settle"),
    (exp, -740.0, "do not settle"),
    (lambda x: sin(1e8 * x) * 1e-8 + x, 0.1, "over the smallest steps f changes as the gradient"),
    (ops.floor, 1e16, "floor jumps between this point and the next floats"),
    (lambda x: x // 3.0, 1e200, "floordiv jumps between this point and the next floats"),
    (lambda x: x % 0.5, 1e16, "mod jumps between this point and the next floats"),
]


@pytest.mark.parametrize(("f", "x", "reason"), MISLEADING)
def test_a_right_gradient_that_differences_miss_is_unclear_with_the_reason(
    f: Callable[..., Any], x: float, reason: str
) -> None:
    for g in (f, lambda x: f(x) + 0.0):
        (c,) = rejected(g, x).report.comparisons
        assert c.verdict == "unclear" and reason in c.note
    root = f(node := Value(x, "x"))
    stepped = autograd.step_through(root).check(node)
    assert stepped.verdict == "unclear" and reason in stepped.note


@pytest.mark.parametrize(
    "f",
    [
        lambda x: relu(x) ** 2,
        lambda x: x * abs(x),
        lambda x: abs(x) ** 3,
        lambda x: relu(x) * relu(x),
        lambda x: maximum(x, -x) * x + 3 * x,
        lambda x: where(x > 0.0, x * x, 0.0) - 5 * x,
    ],
)
def test_pieces_that_join_smoothly_are_right(f: Callable[..., Any]) -> None:
    for shift in (0.0, 1.0):
        check_gradient(lambda x: f(x - shift), shift)  # noqa: B023 - called at once
        for e in (1.0, -2.0, 1e-4):
            slopes = rejected(lambda x: skewed(f(x - shift) + x, e), shift)  # noqa: B023
            assert slopes.report.failures[0].verdict == "wrong"


def test_what_is_wrong_is_told_from_what_is_not_finite_and_from_a_convention() -> None:
    error = rejected(lambda x: where(ops.less(x, 0.0), sqrt(0.0 * x), x), 3.0)
    (c,) = error.report.comparisons
    assert c.verdict == "wrong" and math.isnan(c.analytic)
    assert "0 meets an infinite slope, as that of a branch that is not taken" in c.note
    assert "A partial on the way" not in str(error)
    # relu's slope at 0 is 1, so that this, which is x, has the slope 2 there and 1 elsewhere.
    error = rejected(lambda x: relu(x) - relu(-x), 0.0)
    (c,) = error.report.comparisons
    assert (c.verdict, c.analytic) == ("wrong", 2.0) and "it is a convention" in c.note


def test_an_absolute_tolerance_settles_what_is_small_enough() -> None:
    def noisy(x: Value) -> Value:
        return (x + 1e12) - 1e12

    assert verdicts(noisy, 0.3) == ["unclear"]
    check_gradient(noisy, 0.3, absolute_tolerance=0.1)
    assert verdicts(lambda x: noisy(2 * x) - x.data, 0.3, absolute_tolerance=0.1) == ["wrong"]


def test_tolerances_are_what_is_allowed() -> None:
    def off(x: Value) -> Value:
        return skewed(3 * x, 0.001)

    check_gradient(off, 1.0, relative_tolerance=0.002)
    check_gradient(off, 1.0, absolute_tolerance=0.004)
    assert verdicts(off, 1.0, relative_tolerance=0.0005) == ["wrong"]
    assert verdicts(off, 1.0, absolute_tolerance=0.002) == ["wrong"]
    (c,) = check_gradient(
        lambda x: 3 * x, 1.0, relative_tolerance=0.01, absolute_tolerance=0.5
    ).comparisons
    assert c.allowed == pytest.approx(0.53, rel=1e-9)


# The report ---------------------------------------------------------------------------------------


def test_the_report_is_a_table_to_read() -> None:
    report = check_gradient(lambda x, weight: x * weight, [2.0, 0.5])
    lines = str(report).splitlines()
    assert repr(report) == str(report)
    assert lines[0] == "2 of 2 derivatives right, f = 1.0"
    assert lines[1].split() == ["input", "at", "analytic", "numeric", "+-", "error", "verdict"]
    assert lines[2].split()[:4] == ["x", "2", "0.5", "0.5"] and lines[2].endswith("right")
    assert lines[3].split()[:4] == ["weight", "0.5", "2", "2"]
    assert len(lines) == 4


def test_the_report_cannot_be_changed() -> None:
    report = check_gradient(lambda x: x * x, 3.0)
    assert isinstance(report, GradientReport)
    with pytest.raises(AttributeError):
        report.value = 0.0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        report.comparisons[0].verdict = "wrong"  # type: ignore[misc]


def test_the_mismatch_is_an_assertion_error_that_holds_and_keeps_the_report() -> None:
    error = rejected(lambda x: skewed(x, 0.1), 1.0)
    assert isinstance(error, AssertionError) and not isinstance(error, ValueError)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.report == error.report


def test_many_failures_are_shown_in_short() -> None:
    error = rejected(lambda xs: skewed(autograd.sum(xs), 0.1), [1.0] * 12)
    lines = str(error).splitlines()
    assert lines[0].startswith("12 of 12") and len(lines) == 8
    assert lines[6] == "  and 7 more, see .report"


# How the function is called -----------------------------------------------------------------------


class Model:
    def method(self, x: Value, y: Value) -> Value:
        return x * y

    def __call__(self, xs: list[Value]) -> Value:
        return xs[0] * xs[1]


def on_scalars(x: Value, y: Value) -> Value:
    return x * y


def with_an_option(xs: list[Value], scale: float = 2.0) -> Value:
    return scale * xs[0] * xs[1]


def on_any_number(*xs: Value) -> Value:
    return xs[0] * xs[1]


def with_a_keyword(x: Value, y: Value, *, scale: float = 3.0) -> Value:
    return scale * x * y


def with_a_default(x: Value, y: Value, z: float = 0.5) -> Value:
    return x * y * z


@pytest.mark.parametrize(
    ("f", "names"),
    [
        (on_scalars, ["x", "y"]),
        (lambda a, b: a * b, ["a", "b"]),
        (lambda xs: xs[0] * xs[1], ["xs[0]", "xs[1]"]),
        (lambda w: dot(w, w), ["w[0]", "w[1]"]),
        (with_an_option, ["xs[0]", "xs[1]"]),
        (on_any_number, ["x[0]", "x[1]"]),
        (with_a_keyword, ["x", "y"]),
        (with_a_default, ["x", "y"]),
        (functools.partial(with_a_default, z=2.0), ["x", "y"]),
        (Model().method, ["x", "y"]),
        (Model(), ["xs[0]", "xs[1]"]),
        (ops.mul, ["x[0]", "x[1]"]),
        (autograd.sum, ["values[0]", "values[1]"]),
        (max, ["x[0]", "x[1]"]),
    ],
    ids=lambda thing: getattr(thing, "__name__", None),
)
def test_the_signature_tells_how_f_takes_two_inputs(f: Any, names: list[str]) -> None:
    assert [c.name for c in check_gradient(f, [2.0, 3.0]).comparisons] == names


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x,
        lambda xs: xs[0] * xs[0],
        lambda xs: dot(xs, xs),
        lambda *xs: xs[0] * xs[0],
        lambda x, scale=1.0: scale * x * x,
        lambda xs, scale=1.0: scale * xs[0] * xs[0],
        ops.neg,
    ],
)
def test_one_input_is_tried_as_a_scalar_and_then_as_a_list(f: Callable[..., Any]) -> None:
    for xs in (3.0, [3.0], (3,), np.array([3.0]), np.float32(3.0), 3):
        (c,) = check_gradient(f, xs).comparisons
        assert c.analytic in (6.0, -1.0) and c.x == 3.0


def test_points_come_in_any_sequence_of_real_numbers() -> None:
    for xs in ([2, 3.0], (2.0, 3), np.array([2.0, 3.0]), np.array([2, 3]), iter([2.0, 3.0])):
        assert [c.x for c in check_gradient(on_scalars, xs).comparisons] == [2.0, 3.0]


def test_the_leaves_are_labelled_with_the_names_and_are_new_in_each_call() -> None:
    seen = []

    def f(x: Value, y: Value) -> Value:
        seen.append((x, y))
        return x * y

    check_gradient(f, [2.0, 3.0])
    assert all((x.label, y.label) == ("x", "y") for x, y in seen)
    assert len({x for x, _ in seen}) == len(seen) > 10
    assert all(x.grad == 0.0 and y.grad == 0.0 for x, y in seen)


def test_a_function_of_one_list_is_not_tried_twice() -> None:
    calls = []

    def f(xs: Any) -> Any:
        calls.append(type(xs))
        return xs[0] * 2

    function = ScalarFunction("test", f, 1)
    for _ in range(3):
        assert function([Value(3.0)]).data == 6.0
    assert calls == [Value, list, list, list]


def test_a_function_of_one_scalar_is_not_given_a_list_for_errors_of_its_own() -> None:
    calls = []

    def fails(x: Any) -> Any:
        calls.append(type(x))
        raise ArithmeticError

    def fails_later(x: Any) -> Any:
        calls.append(type(x))
        return x * 2 if len(calls) == 2 else x + "later"

    with pytest.raises(ArithmeticError):
        ScalarFunction("test", fails, 1)([Value(3.0)])
    function = ScalarFunction("test", fails_later, 1)
    function([Value(3.0)])
    with pytest.raises(TypeError, match="later"):
        function([Value(3.0)])
    assert calls == [Value, Value, Value]


def test_an_error_of_fs_own_comes_through() -> None:
    def f(x: Value, y: Value) -> Value:
        raise ZeroDivisionError("mine")

    def g(xs: Any) -> Value:
        raise LookupError(f"mine with {xs[0]}")

    with pytest.raises(ZeroDivisionError, match="mine"):
        check_gradient(f, [1.0, 2.0])
    with pytest.raises(LookupError, match="mine"):
        check_gradient(g, 1.0)
    with pytest.raises(TypeError, match=r"neither a Value \(.*autograd.exp.*nor a list of one Va"):
        check_gradient(lambda x: math.exp(x), 1.0)


@pytest.mark.parametrize(
    ("f", "xs", "said"),
    [
        (3.0, 1.0, "f is 3.0 of type float, which cannot be called"),
        (on_scalars, [1.0, 2.0, 3.0], "f takes 2 arguments, but the point has 3 coordinates"),
        (on_scalars, 1.0, "f takes 2 arguments, but the point has 1 coordinate"),
        (lambda: 1.0, 1.0, "f takes 0 arguments, but the point has 1 coordinate"),
        (lambda x: None, 1.0, "returned None of type NoneType; end it with a return statement"),
        (lambda x: [x, x], 1.0, "is a vector; return one of its entries"),
        (lambda x: (x,), 1.0, "it is a vector; return one of its entries"),
        (lambda x: np.array([x, x]), 1.0, "of type ndarray; it is a vector"),
        (lambda x: x > 0.5, 1.0, "returned True of type bool; a comparison has no derivative"),
        (lambda x: "x", 1.0, "returned 'x' of type str"),
        (lambda x: x.data**2, 3.0, "returned 9.0 of type float; the number changes with the inpu"),
        (lambda x, y: x.data - y.data, [3.0, 3.0], "f has lost the graph: somewhere it takes .da"),
        (lambda xs: np.float64(xs[0].data), [3.0, 1.0], "f has lost the graph"),
        (lambda x: 5, 3.0, "returned 5 of type int; the number does not change with the inputs"),
        (lambda x, y: 0.5, [1.0, 2.0], "f is likely constant, with the derivative 0"),
        (lambda x: 1.0 if x.data == 3.0 else math.sqrt(-1), 3.0, "likely constant"),
    ],
)
def test_a_function_that_is_none_is_told_what_is_wrong(f: Any, xs: Any, said: str) -> None:
    with pytest.raises(TypeError) as error:
        check_gradient(f, xs)
    assert str(error.value).startswith("check_gradient(): f") and said in str(error.value)


@pytest.mark.parametrize(
    ("xs", "kind", "said"),
    [
        ("1.0", TypeError, "xs: expected a real number"),
        (None, TypeError, "xs: expected a real number"),
        (True, TypeError, "xs: expected a real number"),
        (1j, TypeError, "xs: expected a real number"),
        (Value(1.0), TypeError, "xs is Value(data=1.0, grad=0.0), but a point is made of floats"),
        ([1.0, Value(2.0)], TypeError, "xs[1] is Value(data=2.0, grad=0.0), but a point is"),
        ([1.0, "2"], TypeError, "xs[1]: expected a real number"),
        ([[1.0, 2.0]], TypeError, "xs[0]: expected a real number"),
        (np.array("1.0"), TypeError, "xs: expected a real number"),
        ([], ValueError, "xs is empty; pass a number"),
        ([1.0, nan], ValueError, "xs[1] is nan, and finite differences need a finite number"),
        ([-inf, 1.0], ValueError, "xs[0] is -inf"),
    ],
)
def test_a_point_that_is_none_is_told_what_is_wrong(
    xs: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as error:
        check_gradient(lambda *xs: autograd.sum(xs), xs)
    assert str(error.value).startswith("check_gradient(): xs") and said in str(error.value)


def test_as_point_keeps_what_ieee_754_knows() -> None:
    assert as_point("test", [inf, -0.0]) == [inf, 0.0] and math.isnan(as_point("test", nan)[0])


def test_a_function_without_a_finite_value_there_is_refused() -> None:
    for f, x, shown in ((log, -1.0, "nan"), (log, 0.0, "-inf"), (exp, 1000.0, "inf")):
        with pytest.raises(ValueError, match=rf"f is {shown} at \[{x}\]"):
            check_gradient(f, x)


def test_a_function_that_rolls_dice_is_refused() -> None:
    generator = random.Random(1)
    with pytest.raises(ValueError, match="at the same point; seed its random numbers"):
        check_gradient(lambda x: x * generator.random(), 1.0)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"order": 3}, ValueError, "order is 3, expected 1 or 2"),
        ({"order": "2"}, ValueError, "order is '2', expected 1 or 2"),
        (
            {"relative_tolerance": -1e-6},
            ValueError,
            "relative_tolerance must be a finite number of at least 0, got -1e-06",
        ),
        (
            {"absolute_tolerance": nan},
            ValueError,
            "absolute_tolerance must be a finite number of at least 0, got nan",
        ),
        (
            {"absolute_tolerance": inf},
            ValueError,
            "absolute_tolerance must be a finite number of at least 0, got inf",
        ),
        ({"relative_tolerance": "x"}, TypeError, "relative_tolerance: expected a real number"),
    ],
)
def test_an_option_that_is_none_is_told_what_is_wrong(
    options: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as error:
        check_gradient(lambda x: x * x, 1.0, **options)
    assert said in str(error.value)


# What is left alone -------------------------------------------------------------------------------


def test_nothing_outside_is_changed() -> None:
    w = Value(2.0, "w")
    w.grad = 7.0
    rows = dict(OPS)
    random.seed(3)
    state = random.getstate()
    xs = [1.0, 2.0]
    check_gradient(lambda x, y: (w * x).tanh() + y, xs, order=2)
    rejected(lambda x, y: skewed(w * x, 0.1) + y, xs, order=2)
    assert (w.data, w.grad, w.label, w.operands) == (2.0, 7.0, "w", ())
    assert rows == OPS and random.getstate() == state and xs == [1.0, 2.0]


def test_it_reports_the_same_twice() -> None:
    def f(x: Value, y: Value) -> Value:
        return tanh(x * y) + x / y

    assert check_gradient(f, [0.3, 0.7], order=2) == check_gradient(f, [0.3, 0.7], order=2)


def test_a_network_of_a_hundred_parameters_takes_few_calls() -> None:
    calls = 0

    def parameters(generator: random.Random, count: int) -> Iterator[float]:
        for _ in range(count):
            yield generator.uniform(-1.0, 1.0)

    def loss(ws: list[Value]) -> Value:
        nonlocal calls
        calls += 1
        hidden = [tanh(dot(ws[8 * i : 8 * i + 7], ws[1:8]) + ws[8 * i + 7]) for i in range(4)]
        return dot(hidden, hidden) + 0.01 * dot(ws, ws)

    report = check_gradient(loss, list(parameters(random.Random(2), 32)))
    assert len(report.comparisons) == 32
    assert calls <= 2 + 13 * 32
    (slope,) = grad(loss([w := Value(0.5)] * 32), w)
    assert math.isfinite(slope)
