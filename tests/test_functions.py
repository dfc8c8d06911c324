"""The functions on vectors, on floats and on Values, against mpmath and numbers typed by hand."""

import fractions
import inspect
import math
import re
import subprocess
import sys
from collections.abc import Callable
from math import inf
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import (
    Value,
    check_gradient,
    dot,
    equal,
    grad,
    less,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    ops,
    prod,
    relu,
    sign,
    softmax,
    step,
    where,
    xlogy,
)

repeatably = settings(derandomize=True, deadline=None, database=None, max_examples=30)
vectors = st.lists(st.floats(-50.0, 50.0), min_size=1, max_size=6)


def close(found: float, expected: Any, size: float = 1.0) -> bool:
    """To a few roundings of a number of a given size, or of the expected one if that is larger."""
    return bool(abs(found - expected) <= 8 * math.ulp(max(size, abs(float(expected)))))


def data(x: Value | float) -> float:
    return x.data if isinstance(x, Value) else x


def exact_softmax(xs: list[float]) -> list[Any]:
    powers = [mpmath.exp(mpmath.mpf(x)) for x in xs]
    total = mpmath.fsum(powers)
    return [power / total for power in powers]


# Softmax and its relatives -----------------------------------------------------------------------


@given(xs=vectors)
@repeatably
def test_softmax_log_softmax_and_logsumexp_are_mpmaths(xs: list[float]) -> None:
    size = max(map(abs, xs))
    with mpmath.workdps(80):
        probabilities = exact_softmax(xs)
        logarithms = [mpmath.log(p) for p in probabilities]
        total = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x)) for x in xs))
        for make in (float, Value):
            given_xs = [make(x) for x in xs]
            # A logarithm is as wrong as the operands are large, its power is so in proportion.
            for y, p in zip(softmax(given_xs), probabilities, strict=True):
                assert close(data(y) / p, 1.0, 1.0 + 2 * size)
            for y, p in zip(log_softmax(given_xs), logarithms, strict=True):
                assert close(data(y), p, size)
            assert close(data(logsumexp(given_xs)), total, size)


@given(xs=vectors)
@repeatably
def test_the_slopes_of_softmax_and_logsumexp_are_worked_out_by_hand(xs: list[float]) -> None:
    # d logsumexp / d x_j = y_j, and d y_i / d x_j = y_i ([i = j] - y_j).
    leaves = [Value(x) for x in xs]
    with mpmath.workdps(40):
        ys = exact_softmax(xs)
        for g, y in zip(grad(logsumexp(leaves), leaves), ys, strict=True):
            assert g == pytest.approx(float(y), rel=1e-13)
        for i, root in enumerate(softmax(leaves)):
            for j, g in enumerate(grad(root, leaves)):
                assert abs(g - float(ys[i] * ((i == j) - ys[j]))) < 1e-13


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp], ids=lambda f: f.__name__)
def test_vector_functions_pass_the_checker_at_both_orders(function: Callable[..., Any]) -> None:
    def f(xs: list[Value]) -> Value:
        out = function(xs)
        return dot([0.5, -2.0, 3.0], out) if isinstance(out, list) else out

    check_gradient(f, [0.3, -1.2, 2.0], order=2)
    check_gradient(f, [100.0, 99.0, -100.0])


def test_softmax_by_hand() -> None:
    for make in (float, Value):
        halves = softmax([make(3.0), make(3.0)])
        assert [data(y) for y in halves] == pytest.approx([0.5, 0.5], rel=1e-15)
        thirds = softmax([make(0.0), make(math.log(2.0))])
        assert [data(y) for y in thirds] == pytest.approx([1 / 3, 2 / 3], rel=1e-15)
    assert softmax([7]) == [1.0] and log_softmax([7]) == [0.0] and logsumexp([7]) == 7.0


def test_softmax_does_not_overflow() -> None:
    for place in range(3):
        logits = [0.0, -1000.0]
        logits.insert(place, 1000.0)
        assert softmax(logits) == [float(i == place) for i in range(3)]
    assert log_softmax([1000.0, 0.0, -1000.0]) == [0.0, -1000.0, -2000.0]
    assert logsumexp([-1000.0, -1000.0]) == pytest.approx(-1000.0 + math.log(2.0), rel=1e-15)
    assert logsumexp([1e308, -1e308]) == 1e308


def test_softmax_does_not_depend_on_a_common_shift() -> None:
    for shift in (-1000.0, -3.0, 1000.0, 2.0**50):
        xs = [shift + 1.0, shift + 2.0, shift + 4.0]
        assert softmax(xs) == softmax([1.0, 2.0, 4.0])
        assert log_softmax(xs) == log_softmax([1.0, 2.0, 4.0])


def test_the_softmax_of_large_logits_by_hand() -> None:
    # Between 1e16 and 1e16 + 2 there is no float; their difference is all that matters.
    for make in (float, Value):
        ys = [data(y) for y in softmax([make(1e16), make(1e16 + 2.0)])]
        assert ys == pytest.approx([0.11920292202211755, 0.8807970779778824], rel=1e-15)
        logarithms = [data(y) for y in log_softmax([make(1e16), make(1e16 + 2.0)])]
        assert logarithms == pytest.approx([-2.1269280110429727, -0.1269280110429726], rel=1e-15)
    assert softmax([-1e300] * 4) == [0.25] * 4


@pytest.mark.parametrize("size", [1e-300, 1e-8, 1.0, 1e3, 1e16, 1e300])
@given(data=st.data())
@settings(repeatably, max_examples=8)
def test_softmax_and_its_derivatives_are_exact_at_any_size(
    size: float, data: st.DataObject
) -> None:
    middle = data.draw(st.sampled_from([0.0, 1.0, -1.0])) * size
    away = st.floats(-40.0, 40.0) | st.floats(-1.0, 1.0).map(lambda x: x * size)
    xs = [middle + x for x in data.draw(st.lists(away, min_size=1, max_size=4))]
    xs.append(data.draw(st.sampled_from(xs)))  # a tie, often of the largest
    leaves, n = [Value(x) for x in xs], range(len(xs))
    with mpmath.workdps(60):
        shifted = [mpmath.mpf(x) - max(xs) for x in xs]
        total = mpmath.fsum(map(mpmath.exp, shifted))
        p = [mpmath.exp(x) / total for x in shifted]
        slopes = [[p[j] * ((j == k) - p[k]) for k in n] for j in n]
        for i, (y, z) in enumerate(zip(softmax(leaves), log_softmax(leaves), strict=True)):
            # The power of a rounded difference is as wrong in proportion as that is large.
            assert abs(y.data - p[i]) <= 4e-16 * (4 + min(-shifted[i], 800)) * p[i] + 5e-324
            assert close(z.data, shifted[i] - mpmath.log(total))
            firsts, log_firsts = (grad(root, leaves, create_graph=True) for root in (y, z))
            for j in n:
                assert close(firsts[j].data, slopes[i][j])
                assert close(log_firsts[j].data, (i == j) - p[j])
                second, log_second = (grad(f[j], leaves) for f in (firsts, log_firsts))
                for k in n:
                    exact = ((i == j) - p[j]) * slopes[i][k] - p[i] * slopes[j][k]
                    assert close(second[k], exact)
                    assert close(log_second[k], -slopes[j][k])


def test_a_softmax_of_constants_and_of_one_value_twice() -> None:
    x = Value(1e16)
    first, second, constant = softmax([x, x, 1e16 + 2.0])
    assert [y.data for y in (first, second, constant)] == pytest.approx(  # type: ignore[union-attr]
        [0.10650697891920075, 0.10650697891920075, 0.7869860421615985], rel=1e-15
    )
    # By hand: y = 1 / (2 + c) with c = e^(k - x), so that dy/dx = c y^2.
    assert grad(first, x) == pytest.approx((0.08381950580221061,), rel=1e-14)
    (alone,) = log_softmax([Value(-0.0)])
    assert math.copysign(1.0, alone.data + 0.0) == 1.0 and alone.data == 0.0


# By mpmath with 60 digits; the first as scipy.special.logsumexp, the slopes at 1e16 as jax.grad.
WIDE: list[tuple[list[float], float, list[float]]] = [
    ([0.0, -40.0], 4.248354255291589e-18, [1.0, 4.248354255291589e-18]),
    ([-700.0, 0.0], 9.859676543759771e-305, [9.859676543759771e-305, 1.0]),
    ([1e16, 1e16], 1e16, [0.5, 0.5]),
    ([1e16, 1e16 + 2.0], 1e16 + 2.0, [0.11920292202211756, 0.8807970779778825]),
    ([-1e16] * 3, -1e16 + 2.0, [0.3333333333333333] * 3),
    ([1e10] * 2, 1e10 + 0.6931471805599453, [0.5, 0.5]),
    ([1e300, 1e300, -1e300], 1e300, [0.5, 0.5, 0.0]),
    ([-1e308, -1e308], -1e308, [0.5, 0.5]),
    ([36.7, 0.0], 36.7, [1.0, 1.1518409493076095e-16]),
    ([5.0], 5.0, [1.0]),
]
ENGINES = ["values", "python", "numpy", "jax"]


def derived(root: Value, leaves: list[Value], engine: str) -> tuple[float, list[float]]:
    if engine == "values":
        return root.data, list(grad(root, leaves))
    if engine == "jax":
        pytest.importorskip("jax")
    value, gradient = autograd.lower(root, [], leaves, engine=engine)()
    return float(value), gradient.tolist()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("xs", "value", "slopes"), WIDE, ids=str)
def test_logsumexp_and_log_softmax_keep_small_beside_large(
    xs: list[float], value: float, slopes: list[float], engine: str
) -> None:
    leaves = [Value(x) for x in xs]
    found, gradient = derived(logsumexp(leaves), leaves, engine)
    assert found == pytest.approx(value, rel=4e-16, abs=0.0)
    assert gradient == pytest.approx(slopes, rel=1e-15, abs=0.0)
    # A logarithm of a softmax is that of the others' shares, where its own is nearly 1.
    place = xs.index(max(xs))
    rest = math.fsum(slopes[:place] + slopes[place + 1 :])
    found, gradient = derived(log_softmax(leaves)[place], leaves, engine)
    assert found == pytest.approx(math.log1p(-rest), rel=1e-15, abs=0.0)
    assert gradient == pytest.approx([(i == place) - p for i, p in enumerate(slopes)], abs=3e-16)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e10, 1e16, 1e300])
@given(data=st.data())
@settings(repeatably, max_examples=10)
def test_logsumexp_and_its_slopes_are_mpmaths_at_any_size(size: float, data: st.DataObject) -> None:
    middle = data.draw(st.sampled_from([0.0, 1.0, -1.0])) * size
    away = st.floats(-60.0, 60.0) | st.floats(-1.0, 1.0).map(lambda x: x * size)
    xs = [middle + x for x in data.draw(st.lists(away, min_size=1, max_size=4))]
    xs.append(data.draw(st.sampled_from(xs)))
    leaves, n = [Value(x) for x in xs], range(len(xs))
    with mpmath.workdps(60):
        shifted = [mpmath.mpf(x) - max(xs) for x in xs]
        total = mpmath.fsum(map(mpmath.exp, shifted))
        p = [mpmath.exp(x) / total for x in shifted]
        root = logsumexp(leaves)
        assert close(root.data, max(xs) + mpmath.log(total), max(map(abs, xs)) / 8)
        slopes = grad(root, leaves, create_graph=True)
        for i in n:
            # The power of a rounded difference is as wrong in proportion as that is large.
            allowed = 4e-16 * (4 + min(-shifted[i], 800))
            assert abs(slopes[i].data - p[i]) <= allowed * p[i] + 5e-324
            assert grad(root, leaves)[i] == slopes[i].data
            for j, second in enumerate(grad(slopes[i], leaves)):
                assert close(second, p[i] * ((i == j) - p[j]))


def test_logsumexp_of_no_values_is_minus_infinity_as_in_pytorch_and_jax() -> None:
    assert logsumexp([]) == -inf and logsumexp(x for x in ()) == -inf


def test_log_softmax_keeps_what_softmax_rounds_away() -> None:
    for make in (float, Value):
        first, second = log_softmax([make(0.0), make(-40.0)])
        assert data(first) == -4.248354255291589e-18 and data(second) == -40.0
    assert softmax([0.0, -800.0])[1] == 0.0 and log_softmax([0.0, -800.0])[1] == -800.0


def test_probabilities_sum_to_one_and_so_do_their_gradients_to_zero() -> None:
    leaves = [Value(x) for x in (0.1, -2.0, 3.0, 0.7)]
    total = autograd.sum(softmax(leaves))
    assert total.data == pytest.approx(1.0, rel=1e-15)
    assert grad(total, leaves) == pytest.approx([0.0] * 4, abs=1e-16)


@pytest.mark.parametrize("function", [softmax, log_softmax], ids=lambda f: f.__name__)
def test_no_values_have_no_softmax(function: Callable[..., Any]) -> None:
    said = f"{function.__name__}() of no values is not defined; pass a list with one at least"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        function([])


# NumPy on arrays of Values -----------------------------------------------------------------------


NUMPYS = [
    "mean",
    "std",
    "var",
    "sum",
    "prod",
    "cumsum",
    "cumprod",
    "max",
    "min",
    "sort",
    "median",
    "ptp",
    "diff",
    "square",
    "sqrt",
    "exp",
    "log",
    "abs",
]
NUMPYS += [
    "tanh",
    "conj",
    "average",
    "trace",
    "log1p",
    "expm1",
    "sinh",
    "linalg.norm",
    "outer",
    "dot",
    "vdot",
    "inner",
    "convolve",
    "kron",
]


@pytest.mark.parametrize("function", NUMPYS)
def test_numpys_functions_give_the_numbers_that_they_give_for_floats(function: str) -> None:
    numbers = np.array([1.0, 2.0, 4.0])
    if function == "trace":
        numbers = np.array([[1.0, 2.0], [3.0, 4.0]])
    f = getattr(np.linalg, function[7:]) if "." in function else getattr(np, function)
    taken = 2 if function in ("outer", "dot", "vdot", "inner", "convolve", "kron") else 1
    values = np.vectorize(Value, otypes=[object])(numbers)
    found, expected = f(*[values] * taken), f(*[numbers] * taken)
    assert np.vectorize(data, otypes=[float])(found) == pytest.approx(expected, rel=1e-15)


def test_the_gradient_of_numpys_standard_deviation_by_hand() -> None:
    # d std / d x_i = (x_i - mean) / (n std), with the mean 7/3 and the variance 14/9.
    leaves = [Value(1.0), Value(2.0), Value(4.0)]
    deviation = 3 * math.sqrt(14 / 9)
    slopes = grad(np.std(np.array(leaves)), leaves)
    assert slopes == pytest.approx([-4 / 3 / deviation, -1 / 3 / deviation, 5 / 3 / deviation])
    assert grad(np.var(np.array(leaves)), leaves) == pytest.approx([-8 / 9, -2 / 9, 10 / 9])


@pytest.mark.parametrize("function", ["det", "inv", "eigvals", "svd"])
def test_what_numpy_computes_by_other_means_is_refused(function: str) -> None:
    values = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    with pytest.raises(TypeError):
        getattr(np.linalg, function)(values)


def test_the_first_use_of_a_function_by_numpy_warns_of_nothing() -> None:
    code = "import numpy as np; from autograd import Value; np.exp(np.array([Value(1.0)]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


# Sums and products -------------------------------------------------------------------------------


def test_sum_is_one_node_rounded_once() -> None:
    tenths = [0.1] * 10
    assert autograd.sum(tenths) == 1.0  # one addition after the other gives 0.9999999999999999
    leaves = [Value(x) for x in tenths]
    total = autograd.sum(leaves)
    assert total.data == 1.0 and total.op is ops.sum and total.operands == tuple(leaves)
    assert grad(total, leaves) == (1.0,) * 10
    mixed = autograd.sum([Value(1.0), 2, fractions.Fraction(1, 2)])
    assert mixed.data == 3.5 and mixed.operands[1:] == (2.0, 0.5)


def test_sum_of_large_numbers_is_rounded_once_or_infinite() -> None:
    assert autograd.sum([1e16, 1.0, -1e16]) == 1.0
    assert autograd.sum([1e308, 1e308]) == inf and autograd.sum([-1e308] * 3) == -inf
    assert autograd.sum([inf, 1.0]) == inf and math.isnan(autograd.sum([inf, -inf]))
    assert math.isnan(autograd.sum([math.nan, 1.0]))


def test_what_a_generator_raises_is_said_as_it_is() -> None:
    with pytest.raises(TypeError, match="object of type 'int' has no len"):
        autograd.sum(len(x) for x in [3])  # type: ignore[arg-type]


def test_sum_and_product_of_nothing_of_one_and_of_a_generator() -> None:
    assert autograd.sum([]) == 0.0 and prod([]) == 1.0
    x = Value(3.0)
    assert prod([x]) is x and autograd.sum([x]).data == 3.0
    assert autograd.sum(k for k in (1, 2, 3)) == 6.0 and prod(k for k in (1, 2, 3)) == 6.0
    assert type(autograd.sum([1, 2])) is type(prod([1, 2])) is type(prod([2])) is float


def test_product_by_hand() -> None:
    leaves = [Value(2.0), Value(3.0), Value(-4.0)]
    z = prod(leaves)
    assert z.data == -24.0 and grad(z, leaves) == (-12.0, -8.0, 6.0)
    # A zero does not hide the others' slopes, as dividing the product by each would.
    leaves = [Value(0.0), Value(3.0), Value(4.0)]
    assert grad(prod(leaves), leaves) == (12.0, 0.0, 0.0)
    assert prod([2.0, Value(5.0), 3]).data == 30.0


def test_dot_by_hand() -> None:
    xs, ys = [Value(1.0), Value(2.0)], [Value(3.0), Value(-4.0)]
    z = dot(xs, ys)
    assert z.data == -5.0 and grad(z, xs + ys) == (3.0, -4.0, 1.0, 2.0)
    assert z.op is ops.sum and [node.op for node in z.operands] == [ops.mul, ops.mul]
    assert dot([1.0, 2.0], xs).data == 5.0 and dot(xs, np.array([3.0, 4.0])).data == 11.0
    assert dot([1, 2], [3, 4]) == 11.0 and type(dot([1, 2], [3, 4])) is float
    assert dot([], []) == 0.0
    x = Value(3.0)
    assert grad(dot([x, x], [x, x]), x) == (12.0,)


def test_dot_of_unequal_lengths_is_refused_with_both() -> None:
    with pytest.raises(ValueError, match="of one length") as error:
        dot([1.0, 2.0], [1.0, 2.0, 3.0])
    assert str(error.value) == (
        "dot() takes two vectors of one length, got 2 and 3; check which of them is missing entries"
    )


@pytest.mark.parametrize("bad", ["a", None, 1j])
def test_what_is_no_number_is_refused_with_the_name_of_the_function(bad: Any) -> None:
    for function in (autograd.sum, prod, logsumexp, softmax, log_softmax):
        for xs in ([bad], [1.0, bad], [Value(1.0), bad]):
            with pytest.raises(TypeError, match=rf"^{function.__name__}\(\): expected a real numb"):
                function(xs)
    for xs, ys in (([Value(1.0)], [bad]), ([bad], [1.0])):
        with pytest.raises(TypeError, match=r"^dot\(\): expected a real number"):
            dot(xs, ys)


def test_what_is_no_list_is_refused_and_shown_how_to_become_one() -> None:
    for function in (autograd.sum, prod, logsumexp, softmax, log_softmax):
        name = function.__name__
        with pytest.raises(TypeError) as error:
            function(3.0)  # type: ignore[operator]
        assert str(error.value) == (
            f"{name}() takes a list of numbers or Values, got 3.0 of type float; "
            f"write {name}([...]) with brackets around them"
        )
    for xs, ys in ((3.0, [3.0]), ([3.0], 3.0)):
        with pytest.raises(TypeError, match=r"^dot\(\) takes a list .* write dot\(\[...\]\) with"):
            dot(xs, ys)  # type: ignore[arg-type]


# Choices -----------------------------------------------------------------------------------------


def test_maximum_and_minimum() -> None:
    assert maximum(1.0, 2) == 2.0 and minimum(1.0, 2) == 1.0
    x, y = Value(1.0), Value(2.0)
    assert maximum(x, y).data == 2.0 and minimum(x, y).data == 1.0
    assert grad(maximum(x, y), [x, y]) == (0.0, 1.0)
    assert grad(minimum(x, y), [x, y]) == (1.0, 0.0)
    assert grad(maximum(x, 0.0), x) == (1.0,) and grad(maximum(0.0, x), x) == (1.0,)
    for function in (maximum, minimum):
        assert math.isnan(function(math.nan, 1.0)) and math.isnan(function(1.0, math.nan))


def test_where() -> None:
    assert where(2.0, 5.0, 7.0) == 5.0 and where(0.0, 5.0, 7.0) == 7.0 and where(False, 5, 7) == 7
    x, y, c = Value(5.0), Value(7.0), Value(0.5)
    node = where(c, x, y)
    assert isinstance(node, Value) and (node.data, node.operands) == (5.0, (c, x, y))
    assert where(Value(math.nan), 5.0, 7.0).data == 5.0  # as bool(nan), and as PyTorch


def test_steps_and_comparisons() -> None:
    assert [step(x) for x in (-1.0, -0.0, 0.0, 2.0)] == [0.0, 1.0, 1.0, 1.0]
    assert [sign(x) for x in (-3.0, 0.0, 2.0)] == [-1.0, 0.0, 1.0]
    assert (less(1.0, 2.0), less(2.0, 2.0), less(3.0, 2.0)) == (1.0, 0.0, 0.0)
    assert (equal(2.0, 2), equal(2.0, 3.0), equal(math.nan, math.nan)) == (1.0, 0.0, 0.0)
    assert less(Value(1.0), 2.0).data == 1.0 and equal(1.0, Value(1.0)).data == 1.0


def test_relu_and_xlogy() -> None:
    assert [relu(x) for x in (-2.0, 0.0, 3.0)] == [0.0, 0.0, 3.0]
    x = Value(0.0)
    assert relu(x).data == 0.0 and grad(relu(x), x) == (1.0,)  # the lecture's slope at 0
    assert xlogy(2.0, math.e) == pytest.approx(2.0, rel=1e-15)
    assert xlogy(0.0, 0.0) == xlogy(0.0, -1.0) == xlogy(0.0, inf) == 0.0
    assert math.isnan(xlogy(0.0, math.nan))


def test_every_public_name_is_there_and_documented() -> None:
    for name in autograd.__all__:
        thing = getattr(autograd, name)
        assert inspect.getdoc(thing), name


def test_a_condition_that_is_no_number_is_refused() -> None:
    assert autograd.where(True, 1.0, 2.0) == 1.0 and autograd.where(0, 1.0, 2.0) == 2.0
    for bad in ("a", None, [1], np.array([True, False])):
        with pytest.raises(TypeError, match=r"^where\(\): the condition: expected a real number"):
            autograd.where(bad, 1.0, 2.0)  # type: ignore[call-overload]


def test_numpys_functions_that_values_lack_say_whose_to_use() -> None:
    for function in (np.arctan, np.cbrt, np.rint):
        with pytest.raises(TypeError, match=rf"numpy.{function.__name__} cannot compute with Val"):
            function(Value(1.0))
    with pytest.raises(TypeError, match=r"numpy.arctan2 cannot compute with Values"):
        np.arctan2(Value(1.0), 1.0)
