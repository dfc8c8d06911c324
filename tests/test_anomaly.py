"""Tests of `detect_anomaly`: planted nans and infinities are found where they arise, and named.

The line that is at fault in each case carries the comment `# here`, and the error must name it.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import pickle
import random
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

import nn
from autograd import (
    AnomalyError,
    Value,
    check_gradient,
    detect_anomaly,
    exp,
    grad,
    group,
    log,
    sin,
    softplus,
    sqrt,
    step_through,
    sum,
    tanh,
    xlogy,
)

INFINITE = Value(math.inf, "infinite")
Case = Callable[[], Value]
FORWARD: dict[Case, tuple[str, float]] = {}
BACKWARD: dict[Case, tuple[str, float]] = {}


def forward(shown: str, number: float) -> Callable[[Case], Case]:
    """A case in which a value is the anomaly: how the error begins, and the number."""

    def add(case: Case) -> Case:
        FORWARD[case] = shown, number
        return case

    return add


def backward(label: str, number: float) -> Callable[[Case], Case]:
    """A case in which a gradient is: the label of the node, and the number."""

    def add(case: Case) -> Case:
        BACKWARD[case] = label, number
        return case

    return add


def hidden(x: Value) -> Value:
    """A few layers of a network on top of a value, in whose midst it gets lost."""
    (y,) = nn.MLP(2, [3, 3, 1], rng=random.Random(0))([x, 0.5])
    return y


# Values.


@forward("x * inf = 0.0 * inf is nan", math.nan)
def zero_times_infinity() -> Value:
    x = Value(0.0, "x")
    return hidden(x * math.inf)  # here


@forward("infinite - infinite = inf - inf is nan", math.nan)
def infinity_minus_infinity() -> Value:
    return tanh(INFINITE - INFINITE)  # here


@forward("log(y) = log(-", math.nan)
def log_of_a_negative_deep_in_a_network() -> Value:
    y = hidden(Value(1.0, "x")) - 10.0
    y.label = "y"
    z = log(y)  # here
    return hidden(z)


@forward("log(p) = log(0.0) is -inf", -math.inf)
def log_of_zero() -> Value:
    p = Value(0.0, "p")
    return p * log(p)  # here


@forward("exp(z1) = exp(1000.0) is inf", math.inf)
def softmax_by_hand() -> Value:
    z = [Value(x, f"z{i}") for i, x in enumerate([3.0, 1000.0, -2.0])]
    powers = [exp(z_i) for z_i in z]  # here
    return powers[0] / sum(powers)


@forward("1.0 / x = 1.0 / (-0.0) is -inf", -math.inf)
def one_over_zero() -> Value:
    x = Value(-0.0, "x")
    return 2.0 * (1.0 / x)  # here


@forward("x / x = 0.0 / 0.0 is nan", math.nan)
def zero_over_zero() -> Value:
    x = Value(0.0, "x")
    return x / x  # here


@forward("sqrt(x) = sqrt(-1.0) is nan", math.nan)
def root_of_a_negative() -> Value:
    x = Value(-1.0, "x")
    return sqrt(x)  # here


@forward("x ** 0.3333333333333333 = (-8.0) ** 0.3333333333333333 is nan", math.nan)
def cube_root_of_a_negative() -> Value:
    x = Value(-8.0, "x")
    return x ** (1 / 3)  # here


@forward("x ** (-1.0) = 0.0 ** (-1.0) is inf", math.inf)
def inverse_of_zero() -> Value:
    x = Value(0.0, "x")
    return x**-1  # here


@forward("x * y = 1e+200 * (-1e+200) is -inf", -math.inf)
def product_that_overflows() -> Value:
    x, y = Value(1e200, "x"), Value(-1e200, "y")
    return x * y  # here


@forward("x + x = 1.5e+308 + 1.5e+308 is inf", math.inf)
def sum_that_overflows() -> Value:
    x = Value(1.5e308, "x")
    return (x + x) * 0.5  # here


@forward("a leaf is nan", math.nan)
def leaf_that_is_nan() -> Value:
    return hidden(Value(float("nan")))  # here


@forward("sin(infinite) = sin(inf) is nan", math.nan)
def sine_of_infinity() -> Value:
    return sin(INFINITE)  # here


@forward("xlogy(x, y) = xlogy(1.0, 0.0) is -inf", -math.inf)
def logarithm_with_a_factor() -> Value:
    return xlogy(Value(1.0, "x"), Value(0.0, "y"))  # here


@forward("exp(z) = exp(800.0) is inf", math.inf)
def softplus_by_hand() -> Value:
    z = Value(800.0, "z")
    assert softplus(z).data == 800.0
    return log(1.0 + exp(z))  # here


# Gradients.


@backward("x", math.inf)
def slope_of_a_root_at_zero() -> Value:
    x = Value(0.0, "x")  # here
    return sqrt(x) + 1.0


@backward("x", -math.inf)
def slope_of_a_power_at_zero() -> Value:
    x = Value(0.0, "x")  # here
    return -(x**0.5)


@backward("x", math.nan)
def zero_times_an_infinite_slope() -> Value:
    x = Value(0.0, "x")  # here
    return 0.0 * sqrt(x)


@backward("q", math.inf)
def product_of_slopes_that_overflows() -> Value:
    x = Value(1e-300, "x")
    q = 3.0 * x  # here
    q.label = "q"
    return 1e200 * (1e200 * q)


@backward("x", -math.inf)
def slope_of_an_inverse() -> Value:
    x = Value(1e-200, "x")  # here
    return 1.0 / x


@backward("x", math.inf)
def slope_of_a_logarithm() -> Value:
    x = Value(5e-324, "x")  # here
    return log(x)


@backward("x", -math.inf)
def slope_of_a_power() -> Value:
    x = Value(1e-100, "x")  # here
    return x**-3


@backward("x", math.inf)
def reports_that_add_up_to_infinity() -> Value:
    x = Value(0.5, "x")  # here
    return 1e308 * x + 1e308 * x


@backward("x", math.nan)
def infinite_reports_of_both_signs() -> Value:
    x = Value(0.0, "x")  # here
    return sqrt(x) - 2.0 * sqrt(x)


@backward("u", math.inf)
def slope_deep_in_a_network() -> Value:
    w = Value(0.25, "w")
    u = hidden(w) * 0.0  # here
    u.label = "u"
    return hidden(sqrt(u))


def line(case: Case) -> str:
    lines, first = inspect.getsourcelines(case)
    [marked] = [i for i, text in enumerate(lines) if text.rstrip().endswith("# here")]
    return f"test_anomaly.py:{first + marked}"


def same(x: float, y: float) -> bool:
    return x == y or (math.isnan(x) and math.isnan(y))


@pytest.mark.parametrize("case", FORWARD, ids=lambda case: case.__name__)
def test_a_value_that_is_not_finite_is_named_with_its_numbers_and_its_line(case: Case) -> None:
    shown, number = FORWARD[case]
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        case()
    first = str(caught.value).splitlines()[0]
    assert first.startswith(shown)
    assert first.endswith(f", made at {line(case)}")
    assert (caught.value.kind, caught.value.way) == ("value", (caught.value.node,))
    assert same(caught.value.number, number)
    assert same(caught.value.node.data, number)


@pytest.mark.parametrize("case", BACKWARD, ids=lambda case: case.__name__)
@pytest.mark.parametrize("create_graph", [None, False, True])
def test_a_gradient_that_is_not_finite_is_named_with_its_way(
    case: Case, create_graph: bool | None
) -> None:
    label, number = BACKWARD[case]
    with detect_anomaly():
        root = case()
        leaves = [step.node for step in step_through(root).steps if step.node.op is None]
        with pytest.raises(AnomalyError) as caught:
            root.backward() if create_graph is None else grad(root, leaves, create_graph)
    error = caught.value
    lines = str(error).splitlines()
    assert (error.kind, error.node.label) == ("gradient", label)
    assert same(error.number, number)
    assert lines[0].endswith(f" by {label} is {number}")
    assert lines[1].startswith(f"  {label} = ")
    assert lines[1].endswith(f", made at {line(case)}")
    assert error.way[0] is error.node
    assert error.way[-1] is root
    assert all(x in y.operands for x, y in zip(error.way, error.way[1:]))
    assert all(step.node.grad == 0.0 for step in step_through(root).steps)
    # It is the first in the order of the pass: everything before it is finite.
    steps = step_through(root).steps
    gradients = [step.gradient for step in steps[: steps.place[error.node]]]
    assert all(map(math.isfinite, gradients))


def test_the_whole_text_of_an_anomaly_in_a_gradient() -> None:
    with detect_anomaly():
        x = Value(0.0, "x")
        y = sqrt(x)
        y.label = "y"
        z = tanh(y) * 3.0
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        z.backward()
    assert re.sub(r"made at test_anomaly.py:\d+", "made here", str(caught.value)) == (
        "the derivative of tanh(y) * 3.0 by x is inf\n"
        "  x = 0.0, made here\n"
        "it receives 3.0 * inf = inf from\n"
        "  y = sqrt(x) = sqrt(0.0) = 0.0, made here\n"
        "which is on the way from the root by\n"
        "  tanh(y) = tanh(0.0) = 0.0, made here\n"
        "  tanh(y) * 3.0 = 0.0 * 3.0 = 0.0, made here"
    )


def test_of_many_operands_the_largest_are_shown_and_a_long_way_by_its_ends() -> None:
    values = [Value(float(i), f"x{i}") for i in range(50)]
    values[20].data = 1e308
    values[30].data = 1e308
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        sum(values)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("x0 + x1 + x2 + ... + x49 = 0.0 + 1.0 + 2.0 + ... + 49.0 is inf")
    assert lines[1:3] == ["  x20 = 1e+308", "  x30 = 1e+308"]
    assert lines[-1] == "  and 44 more operands, which are no larger"
    y = x = Value(0.0)
    y = sqrt(y)
    for _ in range(100):
        y = y * 1.0
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        y.backward()
    lines = str(caught.value).splitlines()
    assert len(caught.value.way) == 102
    assert caught.value.node is x
    assert lines[1] == "  a leaf = 0.0"
    assert lines[11] == "  ... and 88 more ..."
    assert len(lines) == 18


@pytest.mark.parametrize("first", [True, False])
def test_the_way_goes_by_the_report_that_is_not_finite_and_then_by_the_largest(first: bool) -> None:
    x = Value(0.0, "x")
    harmless, guilty = 1e300 * x, sqrt(x)
    small, large = 2.0 * guilty, 3.0 * guilty
    root = sum([harmless, small, large] if first else [large, small, harmless])
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        root.backward()
    assert caught.value.way == (x, guilty, large, root)
    assert "it receives 5.0 * inf = inf from\n  sqrt(x) = " in str(caught.value)


def test_an_anomaly_can_be_sent_to_another_process() -> None:
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        slope_of_a_root_at_zero().backward()
    sent = pickle.loads(pickle.dumps(caught.value))
    assert str(sent) == str(caught.value)
    assert (sent.kind, sent.number, sent.node.label) == ("gradient", math.inf, "x")
    assert sent.way[0] is sent.node and len(sent.way) == 3


def test_labels_are_shown_and_never_obeyed() -> None:
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        log(Value(0.0, "evil\x1b[2J\n" + "x" * 1000))
    assert len(str(caught.value)) < 400
    assert all(text.isprintable() for text in str(caught.value).splitlines())


def test_without_anomalies_nothing_changes_but_the_lines_that_are_known() -> None:
    def build() -> Value:
        return hidden(Value(0.5, "x"))

    plain = build()
    plain.backward()
    with detect_anomaly():
        watched = build()
        watched.backward()
        second, none = grad(watched * watched, [watched, Value(1.0)], create_graph=True)
    assert (second.data, none.data) == (2.0 * watched.data, 0.0)
    assert grad(second, watched) == (2.0,)  # a graph that can be differentiated again
    for a, b in zip(step_through(plain).steps, step_through(watched).steps, strict=True):
        assert a.data.hex() == b.data.hex()
        assert a.node.grad.hex() == b.node.grad.hex()
        assert a.node.origin is None
        assert b.node.origin is not None
        assert b.node.origin.source.startswith("test_anomaly.py:")


def test_the_engine_goes_on_before_and_after_and_in_other_threads() -> None:
    def anomalies() -> float:
        x = Value(0.0)
        y = log(x)
        y.backward()
        return x.grad

    results: list[float] = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: results.append(anomalies()))
        thread.start()
        thread.join()
        with pytest.raises(AnomalyError):
            anomalies()
    assert results == [math.inf]
    assert anomalies() == math.inf


def test_blocks_nest() -> None:
    with detect_anomaly():
        with pytest.raises(AnomalyError), detect_anomaly():
            log(Value(0.0))
        with pytest.raises(AnomalyError):
            log(Value(0.0))
        x = Value(0.0)
        y = sqrt(x)
        with pytest.raises(AnomalyError):
            y.backward()
    y.backward()
    assert x.grad == math.inf


def test_reports_that_are_finite_may_add_up_to_more() -> None:
    x = Value(1e-300, "x")
    with detect_anomaly():
        y = x * 1.0
        y.label = "y"
        first, second = y * 1e308, y * 1.5e308
        root = first + second
        with pytest.raises(AnomalyError) as caught:
            root.backward()
    assert (caught.value.node, caught.value.number) == (y, math.inf)
    assert caught.value.way == (y, second, root)
    lines = str(caught.value).splitlines()
    assert lines[2] == (
        "it receives 2 reports that add up to inf; the largest, 1.0 * 1.5e+308 = 1.5e+308, is from"
    )
    assert lines[3].startswith("  y * 1.5e+308 = 1e-300 * 1.5e+308 = 150000000.0, made at ")


def test_infinite_reports_of_both_signs_are_a_nan_together() -> None:
    x = Value(0.0, "x")
    root = sqrt(x) - x**0.5
    with detect_anomaly(), pytest.raises(AnomalyError, match="2 reports that add up to nan; the"):
        root.backward()


def test_what_a_leaf_holds_and_what_is_added_are_finite_together() -> None:
    u, w = Value(1e-300, "u"), Value(1e-300, "w")
    u.grad, w.grad = 1.0, 1e308
    with detect_anomaly():
        product = w * 1.7e308
        root = product + u
        with pytest.raises(AnomalyError) as caught:
            root.backward()
        assert (u.grad, w.grad) == (1.0, 1e308)
        assert grad(root, [w]) == (1.7e308,)
    error = caught.value
    assert (error.node, error.kind, error.number) == (w, "gradient", math.inf)
    assert error.way == (w, product, root)
    lines = str(error).splitlines()
    assert lines[:4] == [
        "the .grad of w becomes inf",
        "  w = 1e-300",
        "it holds 1e+308 from before this pass, which adds 1.7e+308; "
        "zero_grad() lets it begin at 0",
        "from the root it came by",
    ]
    w.grad = math.nan
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"the \.grad of w becomes nan"):
        w.backward()


def test_a_number_is_not_said_twice() -> None:
    x = Value(1.0, "x")
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        log(-x)
    assert str(caught.value).splitlines()[1].startswith("  -x = -1.0, made at")


def test_a_group_within_hides_no_line() -> None:
    with detect_anomaly(), group("g"), pytest.raises(AnomalyError, match=r"^log.* made at test_a"):
        log(Value(0.0))


def test_blocks_in_generators_end_in_any_order() -> None:
    def detecting() -> Iterator[None]:
        with detect_anomaly():
            yield

    x = Value(0.0)
    y = sqrt(x)
    first, second = detecting(), detecting()
    next(first)
    next(second)
    first.close()
    with pytest.raises(AnomalyError):
        y.backward()
    with pytest.raises(AnomalyError):
        log(x)
    second.close()
    with group("g"):
        y.backward()
        log(x)
    assert x.grad == math.inf


def test_a_generator_may_be_closed_by_another_thread() -> None:
    def detecting() -> Iterator[None]:
        with detect_anomaly():
            yield

    x = Value(0.0)
    y = sqrt(x)
    generator = detecting()
    next(generator)
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    with group("another block"):
        log(x)
        y.backward()
    assert x.grad == math.inf


def test_a_task_that_outlives_the_block_goes_on_unwatched() -> None:
    async def later(closed: asyncio.Event) -> float:
        with pytest.raises(AnomalyError):
            log(Value(0.0))
        await closed.wait()
        with group("another block"):
            return log(Value(0.0)).data

    async def main() -> float:
        closed = asyncio.Event()
        with detect_anomaly():
            task = asyncio.create_task(later(closed))
            await asyncio.sleep(0)
        closed.set()
        return await task

    assert asyncio.run(main()) == -math.inf


def test_an_asynchronous_generator_may_be_closed_by_another_task() -> None:
    async def detecting() -> AsyncIterator[None]:
        with detect_anomaly():
            yield

    async def main() -> None:
        generator = detecting()
        await anext(generator)
        await asyncio.create_task(generator.aclose())  # type: ignore[attr-defined]
        log(Value(0.0))

    asyncio.run(main())


def test_a_pass_can_be_stepped_through_all_the_same() -> None:
    with detect_anomaly():
        x = Value(0.0, "x")
        s = step_through(sqrt(x))
        s.add_breakpoint("isinf")
        assert s.run().startswith("breakpoint 1, isinf (+inf at x)")
        assert x.grad == math.inf


def test_other_tools_work_within_the_block() -> None:
    with detect_anomaly():
        check_gradient(lambda x, y: log(x) * y, [0.01, 2.0])
        with pytest.raises(ArithmeticError):
            check_gradient(lambda x: log(x), [0.0])
