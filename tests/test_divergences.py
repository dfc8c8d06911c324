"""Tests of the divergences against the lecture's formulas, evaluated with 60 digits.

The references below know nothing of rounding, overflow or zero weights: they are the formulas as
the slides print them, in a precision in which e ** 1000 is no difficulty. Derivatives come from
the slides, or from numerical differentiation in that precision.
"""

import math
import sys
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import autograd
from autograd import Value, consumers_first, grad
from autograd.core import ops
from nn import MLP, Layer, divergences, one_hot, smooth_labels
from nn.divergences import (
    binary_kl,
    binary_kl_from_logits,
    cross_entropy,
    cross_entropy_from_logits,
    hinge,
    kl,
    kl_from_logits,
    l2,
)

properties = settings(max_examples=30, deadline=None, derandomize=True, database=None)
exact = mp.workdps(60)

Reference = Callable[[Sequence[Any], Sequence[Any]], Any]


def plogp(d: Any) -> Any:
    return d * mp.log(d) if d else mpf(0)


REFERENCES: dict[Callable[..., Value], Reference] = {
    l2: lambda y, d: mp.norm([a - b for a, b in zip(y, d)]) ** 2 / 2,
    binary_kl: lambda y, d: -mp.fsum(mp.log(a**b * (1 - a) ** (1 - b)) for a, b in zip(y, d)),
    kl: lambda y, d: mp.fsum(b * mp.log(b / a) for a, b in zip(y, d) if b),
    cross_entropy: lambda y, d: -mp.log(mp.fprod(a**b for a, b in zip(y, d))),
}


def in_logits(reference: Reference, outputs: Callable[[Sequence[Any]], list[Any]]) -> Reference:
    return lambda z, d: reference(outputs(z), d)


def exact_softmax(z: Sequence[Any]) -> list[Any]:
    powers = [mp.e ** mpf(z_i) for z_i in z]
    return [power / mp.fsum(powers) for power in powers]


def exact_sigmoid(z: Sequence[Any]) -> list[Any]:
    return [1 / (1 + mp.e ** -mpf(z_i)) for z_i in z]


LOGIT_REFERENCES: dict[Callable[..., Value], Reference] = {
    binary_kl_from_logits: in_logits(REFERENCES[binary_kl], exact_sigmoid),
    kl_from_logits: in_logits(REFERENCES[kl], exact_softmax),
    cross_entropy_from_logits: in_logits(REFERENCES[cross_entropy], exact_softmax),
}
EVERY = [*REFERENCES, *LOGIT_REFERENCES]
# Those whose targets are probability vectors.
OF_DISTRIBUTIONS = [kl, cross_entropy, kl_from_logits, cross_entropy_from_logits]
every_divergence = pytest.mark.parametrize("divergence", EVERY, ids=lambda f: f.__name__)
of_distributions = pytest.mark.parametrize("divergence", OF_DISTRIBUTIONS, ids=lambda f: f.__name__)
binary = pytest.mark.parametrize(
    "divergence", [binary_kl, binary_kl_from_logits], ids=lambda f: f.__name__
)


@st.composite
def distributions(draw: st.DrawFn, K: int) -> list[float]:
    weights = draw(st.lists(st.floats(0.01, 1.0), min_size=K, max_size=K))
    return [weight / math.fsum(weights) for weight in weights]


@st.composite
def instances(draw: st.DrawFn, divergence: Callable[..., Value]) -> tuple[list[float], list[float]]:
    """Outputs and a target that suit a divergence."""
    K = draw(st.integers(1, 5))
    reals = st.lists(st.floats(-30.0, 30.0), min_size=K, max_size=K)
    units = st.lists(st.floats(0.01, 0.99), min_size=K, max_size=K)
    if divergence in (l2, *LOGIT_REFERENCES):
        y = draw(reals)
    else:
        y = draw(units if divergence is binary_kl else distributions(K))
    if divergence in OF_DISTRIBUTIONS:
        d = draw(st.one_of(distributions(K), st.integers(0, K - 1).map(lambda c: one_hot(c, K))))
    else:
        d = draw(reals if divergence is l2 else st.lists(st.floats(0, 1), min_size=K, max_size=K))
    return y, d


def values(numbers: Sequence[float]) -> list[Value]:
    return [Value(number) for number in numbers]


def gradient(divergence: Callable[..., Value], y: Sequence[float], d: Any) -> list[float]:
    outputs = values(y)
    return list(grad(divergence(outputs, d), outputs))


def scalar_slope(divergence: Callable[..., Value], y: float, d: float) -> float:
    output = Value(y)
    [slope] = grad(divergence(output, d), [output])
    return slope


# Values and derivatives, by the formulas.


@every_divergence
@given(data=st.data())
@properties
def test_value_and_derivative_at_random_points(
    divergence: Callable[..., Value], data: st.DataObject
) -> None:
    y, d = data.draw(instances(divergence))
    reference = {**REFERENCES, **LOGIT_REFERENCES}[divergence]
    outputs = values(y)
    found = divergence(outputs, d)
    with exact:
        y_exact, d_exact = [mpf(y_i) for y_i in y], [mpf(d_i) for d_i in d]
        expected = reference(y_exact, d_exact)
        slopes = [
            mp.diff(
                lambda t, i=i: reference([*y_exact[:i], t, *y_exact[i + 1 :]], d_exact), y_exact[i]
            )
            for i in range(len(y))
        ]
    assert found.data == pytest.approx(float(expected), rel=1e-12, abs=1e-13)
    assert grad(found, outputs) == pytest.approx([float(s) for s in slopes], rel=1e-12, abs=1e-13)


def test_l2_by_hand() -> None:
    # (1 - 3)^2 / 2 + (-2 - 2)^2 / 2 + 0 = 2 + 8
    assert l2(values([1.0, -2.0, 5.0]), [3.0, 2.0, 5.0]).data == 10.0
    assert gradient(l2, [1.0, -2.0, 5.0], [3.0, 2.0, 5.0]) == [-2.0, -4.0, 0.0]
    assert l2(Value(0.75), 0.25).data == 0.125
    assert scalar_slope(l2, 0.75, 0.25) == 0.5


def test_binary_kl_by_hand() -> None:
    log = {4: 1.3862943611198906, 3: 1.0986122886681098}
    assert binary_kl(Value(0.25), 1.0).data == pytest.approx(log[4], rel=1e-15)
    assert binary_kl(Value(0.75), 0.0).data == pytest.approx(log[4], rel=1e-15)
    assert binary_kl(Value(0.25), 0.0).data == pytest.approx(log[4] - log[3], rel=1e-15)
    assert binary_kl(Value(0.25), 0.5).data == pytest.approx(log[4] - log[3] / 2, rel=1e-15)
    # -d / Y + (1 - d) / (1 - Y)
    assert scalar_slope(binary_kl, 0.25, 1.0) == -4.0
    assert scalar_slope(binary_kl, 0.75, 0.0) == 4.0
    assert scalar_slope(binary_kl, 0.25, 0.5) == pytest.approx(-4 / 3, rel=1e-15)


def test_binary_kl_of_several_outputs_is_their_sum() -> None:
    total = binary_kl(values([0.25, 0.75, 0.25]), [1.0, 0.0, 0.0]).data
    assert total == pytest.approx(3 * 1.3862943611198906 - 1.0986122886681098, rel=1e-15)
    assert gradient(binary_kl, [0.25, 0.75, 0.25], [1, 0, 0]) == pytest.approx([-4.0, 4.0, 4 / 3])


def test_kl_of_a_one_hot_target_is_minus_log_y_c() -> None:
    for divergence in (kl, cross_entropy):
        found = divergence(values([0.5, 0.25, 0.25]), [0.0, 1.0, 0.0])
        assert found.data == pytest.approx(1.3862943611198906, rel=1e-15)
        assert gradient(divergence, [0.5, 0.25, 0.25], [0.0, 1.0, 0.0]) == [0.0, -4.0, 0.0]


def test_kl_and_cross_entropy_by_hand() -> None:
    # KL = 0.5 log 2 + 0.5 log(2/3) and Xent = 0.5 log 4 + 0.5 log(4/3), with y = (1/4, 3/4).
    y, d = [0.25, 0.75], [0.5, 0.5]
    assert kl(values(y), d).data == pytest.approx(0.14384103622589046, rel=1e-14)
    assert cross_entropy(values(y), d).data == pytest.approx(0.8369882167858358, rel=1e-15)
    for divergence in (kl, cross_entropy):
        assert gradient(divergence, y, d) == pytest.approx([-2.0, -2 / 3], rel=1e-15)


# The ends, and the minimum.


def test_the_derivative_of_binary_kl_is_not_zero_where_y_is_d() -> None:
    assert binary_kl(Value(1.0), 1.0).data == 0.0
    assert scalar_slope(binary_kl, 1.0, 1.0) == -1.0
    assert binary_kl(Value(0.0), 0.0).data == 0.0
    assert scalar_slope(binary_kl, 0.0, 0.0) == 1.0


@pytest.mark.parametrize("divergence", [kl, cross_entropy])
def test_the_derivative_of_kl_is_not_zero_where_y_is_d(divergence: Callable[..., Value]) -> None:
    d = [0.0, 1.0, 0.0]
    assert divergence(values(d), d).data == 0.0
    assert gradient(divergence, d, d) == [0.0, -1.0, 0.0]
    assert kl(values([0.25, 0.75]), [0.25, 0.75]).data == pytest.approx(0.0, abs=1e-16)
    assert gradient(divergence, [0.25, 0.75], [0.25, 0.75]) == [-1.0, -1.0]


def test_the_derivative_of_l2_is_zero_where_y_is_d() -> None:
    assert gradient(l2, [0.3, -7.0], [0.3, -7.0]) == [0.0, 0.0]


@pytest.mark.parametrize("wrap", [float, Value])
def test_a_certain_and_wrong_output_is_infinitely_far(wrap: Callable[[float], Any]) -> None:
    assert binary_kl(Value(0.0), wrap(1.0)).data == math.inf
    assert scalar_slope(binary_kl, 0.0, wrap(1.0)) == -math.inf
    assert binary_kl(Value(1.0), wrap(0.0)).data == math.inf
    assert scalar_slope(binary_kl, 1.0, wrap(0.0)) == math.inf
    for divergence in (kl, cross_entropy):
        d = [wrap(1.0), wrap(0.0)]
        assert divergence(values([0.0, 1.0]), d).data == math.inf
        assert gradient(divergence, [0.0, 1.0], d) == [-math.inf, 0.0]


@pytest.mark.parametrize("wrap", [float, Value])
def test_no_weight_hides_an_impossible_output(wrap: Callable[[float], Any]) -> None:
    d = [wrap(0.0), wrap(0.5), wrap(0.5)]
    for divergence, expected in ((kl, 0.0), (cross_entropy, 0.6931471805599453)):
        found = divergence(values([0.0, 0.5, 0.5]), d)
        assert found.data == pytest.approx(expected, abs=1e-16)
        assert gradient(divergence, [0.0, 0.5, 0.5], d) == [0.0, -1.0, -1.0]


@pytest.mark.parametrize("y", [-0.25, 1.25, math.nan])
def test_an_output_that_is_no_probability_gives_nan_and_no_exception(y: float) -> None:
    assert math.isnan(binary_kl(Value(y), 0.5).data)
    assert math.isnan(kl(values([min(y, 1 - y), 0.5]), [0.5, 0.5]).data)


def test_outputs_that_overflow_give_infinity_and_no_exception() -> None:
    assert l2(Value(1e200), 0.0).data == math.inf
    assert l2(1e200, -1e200) == math.inf
    assert binary_kl_from_logits(Value(-math.inf), 1.0).data == math.inf
    assert kl_from_logits(values([-math.inf, 0.0]), [1.0, 0.0]).data == math.inf


@pytest.mark.parametrize("wrap", [float, Value])
def test_no_weight_hides_a_logit_of_minus_infinity(wrap: Callable[[float], Any]) -> None:
    z, d = [-math.inf, 0.0], [wrap(0.0), wrap(1.0)]
    for divergence in (kl_from_logits, cross_entropy_from_logits):
        assert divergence(values(z), d).data == 0.0
        assert gradient(divergence, z, d) == [0.0, 0.0]


@given(data=st.data())
@properties
def test_kl_is_least_at_the_target(data: st.DataObject) -> None:
    K = data.draw(st.integers(2, 5))
    y, d = data.draw(distributions(K)), data.draw(distributions(K))
    assert kl(values(d), d).data == pytest.approx(0.0, abs=1e-15)
    # Pinsker: KL >= (sum |y - d|)^2 / 2, in particular it is not negative.
    distance = math.fsum(abs(a - b) for a, b in zip(y, d))
    assert kl(values(y), d).data >= distance**2 / 2 - 1e-15


@given(data=st.data())
@properties
def test_cross_entropy_is_kl_plus_the_entropy_of_the_target(data: st.DataObject) -> None:
    K = data.draw(st.integers(1, 5))
    y, d = data.draw(distributions(K)), data.draw(distributions(K))
    entropy = -float(np.sum(np.array(d) * np.log(d)))
    difference = cross_entropy(values(y), d).data - kl(values(y), d).data
    assert difference == pytest.approx(entropy, rel=1e-12, abs=1e-14)
    z = [math.log(y_i) + 2.0 for y_i in y]
    difference = cross_entropy_from_logits(values(z), d).data - kl_from_logits(values(z), d).data
    assert difference == pytest.approx(entropy, rel=1e-12, abs=1e-14)


def test_the_least_cross_entropy_is_the_entropy() -> None:
    d = [0.5, 0.25, 0.25]  # H = log 2 / 2 + 2 log 4 / 4 = 3/2 log 2
    assert cross_entropy(values(d), d).data == pytest.approx(1.0397207708399179, rel=1e-15)
    assert kl(values(d), d).data == 0.0


def test_the_derivative_with_label_smoothing() -> None:
    # K = 4, epsilon = 1/64: 61/64 in the place of the class, 1/64 elsewhere, over y.
    d = smooth_labels(one_hot(2, 4), 1 / 64)
    y = [0.5, 0.125, 0.25, 0.125]
    for divergence in (kl, cross_entropy):
        assert gradient(divergence, y, d) == [-1 / 32, -1 / 8, -61 / 16, -1 / 8]


@given(data=st.data(), epsilon=st.floats(1e-6, 0.2))
@properties
def test_label_smoothing_pulls_every_class_up(data: st.DataObject, epsilon: float) -> None:
    K = data.draw(st.integers(2, 5))
    c, y = data.draw(st.integers(0, K - 1)), data.draw(distributions(K))
    slopes = gradient(kl, y, smooth_labels(one_hot(c, K), epsilon))
    for i, slope in enumerate(slopes):
        expected = -(1 - (K - 1) * epsilon) / y[c] if i == c else -epsilon / y[i]
        assert slope == pytest.approx(expected, rel=1e-12)
        assert slope < 0.0


# Through the last layer: the derivative in the affine value is the error.


def error(y: Sequence[Any], d: Sequence[float]) -> list[float]:
    return [float(y_i - mpf(d_i)) for y_i, d_i in zip(y, d)]


@given(data=st.data())
@properties
def test_the_derivative_through_a_softmax_is_the_error(data: st.DataObject) -> None:
    K = data.draw(st.integers(2, 5))
    z = data.draw(st.lists(st.floats(-8.0, 8.0), min_size=K, max_size=K))
    d = data.draw(distributions(K))
    with exact:
        expected = pytest.approx(error(exact_softmax(z), d), abs=1e-12)
    assert gradient(lambda z, d: kl(autograd.softmax(z), d), z, d) == expected
    assert gradient(lambda z, d: cross_entropy(autograd.softmax(z), d), z, d) == expected
    assert gradient(kl_from_logits, z, d) == expected
    assert gradient(cross_entropy_from_logits, z, d) == expected


@given(z=st.floats(-8.0, 8.0), d=st.floats(0.0, 1.0))
@properties
def test_the_derivative_through_a_sigmoid_is_the_error(z: float, d: float) -> None:
    with exact:
        [expected] = error(exact_sigmoid([z]), [d])
    assert scalar_slope(binary_kl_from_logits, z, d) == pytest.approx(expected, abs=1e-14)
    through = scalar_slope(lambda z, d: binary_kl(autograd.sigmoid(z), d), z, d)
    assert through == pytest.approx(expected, abs=1e-11)


def test_the_derivative_in_the_biases_of_a_network_is_the_error() -> None:
    # dz_i/db_i = 1 in the last layer, so its biases receive y - d as it is.
    for model, divergence in (
        (MLP(2, [3, 3], output="softmax"), kl),
        (MLP(2, [3, 3]), l2),
        (Layer(2, 3, "linear"), l2),
    ):
        y, d = model([0.5, -1.0]), [0.25, 0.75, 0.0]
        last = model if isinstance(model, Layer) else model.layer2
        found = grad(divergence(y, d), [neuron.b for neuron in last.neurons])
        assert found == pytest.approx([y_i.data - d_i for y_i, d_i in zip(y, d)], abs=1e-15)


# From logits.


@given(data=st.data())
@properties
def test_from_logits_equals_on_outputs_where_both_are_well_conditioned(
    data: st.DataObject,
) -> None:
    K = data.draw(st.integers(1, 5))
    z = data.draw(st.lists(st.floats(-3.0, 3.0), min_size=K, max_size=K))
    d = data.draw(distributions(K))
    close = {"rel": 1e-12, "abs": 1e-13}
    for on_outputs, from_logits in (
        (kl, kl_from_logits),
        (cross_entropy, cross_entropy_from_logits),
    ):
        outputs = autograd.softmax(values(z))
        assert from_logits(values(z), d).data == pytest.approx(on_outputs(outputs, d).data, **close)
    outputs = [autograd.sigmoid(z_i) for z_i in values(z)]
    found = binary_kl_from_logits(values(z), d).data
    assert found == pytest.approx(binary_kl(outputs, d).data, **close)


@pytest.mark.parametrize("z", [40.0, 800.0, 1000.0, -40.0, -800.0, -1000.0, 0.0, 36.5])
@pytest.mark.parametrize("d", [0.0, 1.0, 0.5, 0.125])
def test_binary_kl_from_extreme_logits(z: float, d: float) -> None:
    with mp.workdps(1000):  # e ** -1000 beside 1 takes 435 digits
        [y] = exact_sigmoid([z])
        expected = float(-mpf(d) * mp.log(y) - (1 - mpf(d)) * mp.log(1 - y))
        slope = float(y - mpf(d))
    assert binary_kl_from_logits(Value(z), d).data == pytest.approx(expected, rel=1e-15, abs=0.0)
    assert scalar_slope(binary_kl_from_logits, z, d) == pytest.approx(slope, rel=1e-15, abs=0.0)


@pytest.mark.parametrize(
    "z",
    [
        [40.0, -40.0],
        [-40.0, 0.0, 40.0],
        [800.0, -800.0, 0.0],
        [1000.0, -1000.0],
        [1000.0, 1000.0, 999.0],
        [-1000.0, -1000.0, -1000.5, 0.25],
        [-1000.0, -998.0],
    ],
    ids=str,
)
@pytest.mark.parametrize("divergence", [kl_from_logits, cross_entropy_from_logits])
@pytest.mark.parametrize("smooth", [0.0, 0.125])
def test_kl_from_extreme_logits(
    divergence: Callable[..., Value], z: list[float], smooth: float
) -> None:
    K = len(z)
    for c in range(K):
        d = smooth_labels(one_hot(c, K), smooth)
        with mp.workdps(1000):
            y = exact_softmax(z)
            expected = -mp.fsum(mpf(d_i) * mp.log(y_i) for y_i, d_i in zip(y, d))
            if divergence is kl_from_logits:
                expected += mp.fsum(plogp(mpf(d_i)) for d_i in d)
            slopes = error(y, d)
        # The difference of two logits cannot be known better than they are.
        unit = math.ulp(max(map(abs, z)))
        assert divergence(values(z), d).data == pytest.approx(float(expected), rel=1e-15, abs=unit)
        found = gradient(divergence, z, d)
        assert found == pytest.approx(slopes, rel=1e-12, abs=unit)


def test_a_hopelessly_wrong_classifier_still_learns() -> None:
    # On outputs the probability has been rounded to 0 and the slope is lost.
    assert scalar_slope(binary_kl_from_logits, -1000.0, 1.0) == -1.0
    assert scalar_slope(binary_kl_from_logits, 1000.0, 0.0) == 1.0
    assert binary_kl_from_logits(Value(-1000.0), 1.0).data == 1000.0
    assert gradient(kl_from_logits, [-1000.0, 1000.0], [1.0, 0.0]) == [-1.0, 1.0]
    assert kl_from_logits(values([-1000.0, 1000.0]), [1.0, 0.0]).data == 2000.0


# What they are made of.


@every_divergence
@pytest.mark.parametrize("wrap", [float, Value])
def test_it_is_composed_of_operations_of_the_table(
    divergence: Callable[..., Value], wrap: Callable[[float], Any]
) -> None:
    outputs = values([0.5, 0.25, 0.25])
    root = divergence(outputs, [wrap(0.5), wrap(0.5), wrap(0.0)])
    nodes = consumers_first(root)
    inner = [node for node in nodes if node.op is not None]
    assert len(inner) > 3
    for node in inner:
        assert ops.OPS[node.op.name] is node.op  # type: ignore[union-attr]
        operands = [x.data if isinstance(x, Value) else x for x in node.operands]
        found = node.op.forward(*operands)  # type: ignore[union-attr]
        assert found == node.data or (math.isnan(found) and math.isnan(node.data))
    assert set(outputs[:2]) <= set(nodes)


@every_divergence
def test_second_derivatives_exist(divergence: Callable[..., Value]) -> None:
    y, d = [0.5, 0.25, 0.25], [0.5, 0.5, 0.0]
    outputs = values(y)
    slopes = grad(divergence(outputs, d), outputs, create_graph=True)
    found = [grad(slope, outputs) for slope in slopes]
    p, s = exact_softmax(y), exact_sigmoid(y)
    for i in range(3):
        for j in range(3):
            same = 1.0 if i == j else 0.0
            expected = {
                l2: same,
                binary_kl: same * (d[i] / y[i] ** 2 + (1 - d[i]) / (1 - y[i]) ** 2),
                kl: same * d[i] / y[i] ** 2,
                cross_entropy: same * d[i] / y[i] ** 2,
                binary_kl_from_logits: same * s[i] * (1 - s[i]),
                kl_from_logits: p[i] * (same - p[j]),
                cross_entropy_from_logits: p[i] * (same - p[j]),
            }[divergence]
            assert found[i][j] == pytest.approx(float(expected), rel=1e-13, abs=1e-15)


# Targets that are Values.


@every_divergence
@given(data=st.data())
@properties
def test_targets_as_values_give_the_same_numbers(
    divergence: Callable[..., Value], data: st.DataObject
) -> None:
    y, d = data.draw(instances(divergence))
    outputs, targets = values(y), values(d)
    one, two = divergence(outputs, d), divergence(outputs, targets)
    assert one.data == pytest.approx(two.data, rel=1e-14, abs=1e-15)
    assert grad(one, outputs) == pytest.approx(grad(two, outputs), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("divergence", [kl, cross_entropy])
@pytest.mark.parametrize("c", [0, 1, 2])
def test_one_hot_targets_as_values_at_one_hot_outputs(
    divergence: Callable[..., Value], c: int
) -> None:
    d = one_hot(c, 3)
    outputs = values(d)
    root = divergence(outputs, values(d))
    assert root.data == 0.0
    assert list(grad(root, outputs)) == [-1.0 if i == c else 0.0 for i in range(3)]


@pytest.mark.parametrize("d", [0.0, 1.0])
def test_a_binary_target_as_a_value_at_the_ends(d: float) -> None:
    y = Value(d)
    root = binary_kl(y, Value(d))
    assert root.data == 0.0
    assert grad(root, [y]) == ((1.0,) if d == 0.0 else (-1.0,))


def test_the_derivative_in_the_target() -> None:
    y = [0.25, 0.75]
    for d in ([0.5, 0.5], [1.0, 0.0], [0.0, 1.0]):
        targets = values(d)
        expected: dict[Callable[..., Value], list[float]] = {
            l2: [d[0] - 0.25, d[1] - 0.75],
            # log((1 - y) / y): log 3 and -log 3, whatever the target is.
            binary_kl: [1.0986122886681098, -1.0986122886681098],
            # -log y: log 4 and log 4/3
            cross_entropy: [1.3862943611198906, 0.28768207245178085],
        }
        for divergence, slopes in expected.items():
            found = grad(divergence(values(y), targets), targets)
            assert found == pytest.approx(slopes, rel=1e-14)
        logits = [math.log(1.0), math.log(3.0)]
        found = grad(cross_entropy_from_logits(values(logits), targets), targets)
        assert found == pytest.approx(expected[cross_entropy], rel=1e-14)
        found = grad(binary_kl_from_logits(values([-2.0, 3.0]), targets), targets)
        assert found == pytest.approx([2.0, -3.0], rel=1e-14)  # -z
    targets = values([0.5, 0.5])
    # log d + 1 - log y
    found = grad(kl(values(y), targets), targets)
    assert found == pytest.approx([1 + math.log(2.0), 1 - math.log(1.5)], rel=1e-14)


@pytest.mark.parametrize(
    ("divergence", "outputs"),
    [(cross_entropy, [0.0, 1.0]), (cross_entropy_from_logits, [-math.inf, 0.0])],
)
def test_an_impossible_output_that_a_weight_hides_has_no_slope_in_its_target(
    divergence: Callable[..., Value], outputs: list[float]
) -> None:
    targets = values([0.0, 1.0])
    assert grad(divergence(values(outputs), targets), targets) == (0.0, 0.0)


# What is accepted.


@every_divergence
@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        lambda numbers: np.array(numbers, dtype=np.float32),
        lambda numbers: [Value(number) for number in numbers],
        lambda numbers: [Value(numbers[0]), *numbers[1:]],
        iter,
    ],
    ids=["list", "tuple", "array", "float32", "Values", "mixed", "iterator"],
)
def test_every_kind_of_vector_gives_the_same_numbers(
    divergence: Callable[..., Value], form: Callable[[Any], Any]
) -> None:
    y, d = [0.25, 0.75], [0.5, 0.5]
    expected = divergence(values(y), d).data
    for found in (divergence(form(y), form(d)), divergence(values(y), form(d))):
        assert getattr(found, "data", found) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("d", "wrong"), [(1, 1.3862943611198906), (0, 0.28768207245178085)])
def test_a_single_output_and_target_may_be_numbers(d: int, wrong: float) -> None:
    for y in (Value(0.25), [Value(0.25)], 0.25, np.float64(0.25), [0.25]):
        for target in (d, float(d), [d], (float(d),), np.int64(d), np.array([d]), Value(d)):
            found: Any = binary_kl(y, target)
            assert getattr(found, "data", found) == pytest.approx(wrong, rel=1e-15)


def test_plain_numbers_give_a_plain_number() -> None:
    assert l2([1.0, 2.0], [3.0, 5.0]) == 6.5
    assert kl([0.25, 0.75], [1.0, 0.0]) == pytest.approx(1.3862943611198906, rel=1e-15)
    assert binary_kl([1.0, 0.0], [1.0, 0.0]) == 0.0


# What is refused.

LABEL = "a class number c becomes a target by nn.one_hot(c, 3)"
REFUSED: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "too few": ([0.5, 0.5], ValueError, ["got 2 for 3 outputs", LABEL]),
    "too many": ([0.25] * 4, ValueError, ["got 4 for 3 outputs", LABEL]),
    "none": ([], ValueError, ["got 0 for 3 outputs"]),
    "a class number in a list": ([2.0], ValueError, ["got 1 for 3 outputs", LABEL]),
    "a class name": ("cat", TypeError, ["target 0 is 'cat' of type str", "nn.one_hot(c, K)"]),
    "names": (["a", "b", "c"], TypeError, ["target 0 is 'a' of type str"]),
    "None": (None, TypeError, ["target 0 is None of type NoneType", "or fill in a number"]),
    "rows": ([[1.0], [0.0], [0.0]], TypeError, ["target 0 is [1.0] of type list"]),
    "complex": ([1.0, 0.0, 0j], TypeError, ["target 2 is 0j of type complex"]),
    "nan": ([0.5, math.nan, 0.5], ValueError, ["target 1 is nan"]),
    "inf": ([0.5, 0.5, math.inf], ValueError, ["target 2 is inf"]),
    "-inf": ([-math.inf, 0.5, 0.5], ValueError, ["target 0 is -inf"]),
}


@every_divergence
@pytest.mark.parametrize("wrap", [float, Value])
@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_target_is_refused(
    divergence: Callable[..., Value], case: str, wrap: Callable[[float], Any]
) -> None:
    target, error, fragments = REFUSED[case]
    if isinstance(target, list) and all(type(d) is float for d in target):
        target = [wrap(d) for d in target]
    with pytest.raises(error) as caught:
        divergence(values([0.25, 0.5, 0.25]), target)
    for fragment in [f"{divergence.__name__}() takes ", *fragments]:
        assert fragment in str(caught.value)


@pytest.mark.parametrize("divergence", [f for f in EVERY if f is not l2], ids=lambda f: f.__name__)
@pytest.mark.parametrize("wrap", [float, Value])
@pytest.mark.parametrize(("d", "shown"), [(-0.25, "-0.25"), (1.25, "1.25"), (-5e-324, "-5e-324")])
def test_a_target_outside_0_to_1_is_refused(
    divergence: Callable[..., Value], d: float, shown: str, wrap: Callable[[float], Any]
) -> None:
    expected = "a probability vector" if divergence in OF_DISTRIBUTIONS else "probabilities"
    with pytest.raises(ValueError, match=f"are {expected}, but target 1 is {shown};") as e:
        divergence(values([0.5, 0.25, 0.25]), [wrap(0.5), wrap(d), wrap(0.5 - d)])
    assert "outputs first" in str(e.value)
    assert str(e.value).startswith(f"{divergence.__name__}()")


def test_l2_takes_every_finite_target() -> None:
    assert l2(values([0.0, 0.0]), [-3.0, 4.0]).data == 12.5
    largest = [sys.float_info.max] * 3
    assert l2(values(largest), largest).data == 0.0
    with pytest.raises(ValueError, match="targets that are finite numbers, but target 0 is nan"):
        l2(Value(0.0), math.nan)


@of_distributions
@pytest.mark.parametrize("wrap", [float, Value])
@pytest.mark.parametrize(
    ("d", "total"), [([0.5, 0.25], "0.75"), ([1.0, 1.0], "2.0"), ([0.0, 0.0], "0.0")]
)
def test_a_target_that_does_not_sum_to_one_is_refused(
    divergence: Callable[..., Value], d: list[float], total: str, wrap: Callable[[float], Any]
) -> None:
    with pytest.raises(ValueError, match="but they sum to " + total) as e:
        divergence(values([0.5, 0.5]), [wrap(d_i) for d_i in d])
    assert str(e.value) == (
        f"{divergence.__name__}() takes targets that are a probability vector, but they sum to "
        f"{total}; make them with nn.one_hot or nn.smooth_labels, or divide them by their sum"
    )


@of_distributions
def test_a_sum_may_miss_one_by_rounding_only(divergence: Callable[..., Value]) -> None:
    y = values([0.5, 0.25, 0.25])
    divergence(y, [0.1, 0.2, 0.7])
    divergence(y, np.float32([0.1, 0.2, 0.7]))
    with pytest.raises(ValueError, match=r"but they sum to 1\.0001"):
        divergence(y, [0.1, 0.2, 0.7001])


@binary
def test_binary_targets_need_no_sum(divergence: Callable[..., Value]) -> None:
    assert math.isfinite(divergence(values([0.5, 0.25]), [1.0, 1.0]).data)


@every_divergence
def test_no_outputs_are_refused(divergence: Callable[..., Value]) -> None:
    said = rf"^{divergence.__name__}\(\) takes one output at least, got none$"
    with pytest.raises(ValueError, match=said):
        divergence([], [])


@every_divergence
@pytest.mark.parametrize("bad", ["0.5", None, True, [0.5], 1j], ids=repr)
def test_a_wrong_output_is_refused(divergence: Callable[..., Value], bad: Any) -> None:
    with pytest.raises(TypeError) as caught:
        divergence([0.5, bad], [0.5, 0.5])
    assert f"but output 1 is {bad!r} of type {type(bad).__name__}" in str(caught.value)
    assert str(caught.value).startswith(f"{divergence.__name__}()")


# Class numbers, and the hinge.


@of_distributions
@pytest.mark.parametrize("wrap", [int, float, np.int64, Value, np.array])
def test_a_class_number_is_its_one_hot_vector(
    divergence: Callable[..., Value], wrap: Callable[[float], Any]
) -> None:
    y = [0.125, 0.625, 0.25]
    for c, d in enumerate(([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])):
        assert divergence(values(y), wrap(c)).data == divergence(values(y), d).data
        assert gradient(divergence, y, wrap(c)) == gradient(divergence, y, d)


@pytest.mark.parametrize("divergence", [*OF_DISTRIBUTIONS, hinge], ids=lambda f: f.__name__)
@pytest.mark.parametrize("c", [-1, 3, 0.5, math.nan])
def test_what_is_no_class_number_is_refused(divergence: Callable[..., Value], c: float) -> None:
    for wrapped in (c, Value(c)):
        with pytest.raises(ValueError, match=r"number of a class from 0 to 2, got .*from 0"):
            divergence(values([0.25, 0.25, 0.5]), wrapped)


@pytest.mark.parametrize(("divergence", "d"), [(l2, 1), (binary_kl, 1), (binary_kl_from_logits, 0)])
def test_no_class_number_where_one_number_says_nothing(
    divergence: Callable[..., Value], d: int
) -> None:
    with pytest.raises(ValueError, match=r"got 1 for 2 outputs; .*nn\.one_hot\(c, 2\)$"):
        divergence(values([0.5, 0.5]), d)


def test_hinge_of_one_output_by_hand() -> None:
    # max(0, 1 - d z): 1 - 0.25 and 1 + 0.25; the slope is -d up to the margin 1, and 0 beyond.
    for z, d, loss, slope in (
        (0.25, 1, 0.75, -1.0), (0.25, -1, 1.25, 1.0), (1.0, 1, 0.0, -1.0), (1.5, 1, 0.0, 0.0),
        (-3.0, -1, 0.0, 0.0), (-3.0, 1, 4.0, -1.0),
    ):  # fmt: skip
        assert hinge(Value(z), d).data == loss
        assert scalar_slope(hinge, z, d) == slope
        assert hinge([Value(z)], [Value(d)]).data == loss


def test_hinge_of_several_outputs_by_hand() -> None:
    # max(0, 1 - (z_c - the largest other)): the other is 2, 2, and 0.5.
    z = [0.5, 2.0, -1.0]
    for c, loss, slopes in ((0, 2.5, [-1, 1, 0]), (1, 0.0, [0, 0, 0]), (2, 4.0, [0, 1, -1])):
        for d in (c, one_hot(c, 3), Value(c), values(one_hot(c, 3))):
            assert hinge(values(z), d).data == loss
            assert gradient(hinge, z, d) == slopes
    assert gradient(hinge, [1.0, 1.0, 0.0], 0) == [-1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("z", "d", "said"),
    [
        (0.5, 0, r"labels -1 and 1, but target 0 is 0\.0; write labels 0 and 1 as -1 and 1, by 2"),
        (0.5, 0.5, "labels -1 and 1, but target 0 is 0.5; check"),
        ([0.5, 0.5], [-1, 1], "a one-hot vector, but target 0 is -1.0; write"),
        ([0.5, 0.5], [0.5, 0.5], "a one-hot vector, but target 0 is 0.5; check"),
        ([0.5, 0.5], [1, 1], "a one-hot vector, but they sum to 2.0"),
        ([0.5, 0.5], "cat", r"of type str; numbers, classes = nn\.class_numbers\(labels\)"),
    ],
)
def test_hinge_refuses_other_targets(z: Any, d: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        hinge(z, d)


# What else is known of each.


@pytest.mark.parametrize("divergence", [l2, *LOGIT_REFERENCES], ids=lambda f: f.__name__)
def test_every_real_output_is_taken(divergence: Callable[..., Value]) -> None:
    assert not objection(divergence, [[-3.0, 4.0], [0.5, 0.0]])


OF_PROBABILITIES = {
    binary_kl: ("probabilities", "sigmoid"),
    kl: ("a probability vector", "softmax"),
    cross_entropy: ("a probability vector", "softmax"),
}
of_probabilities = pytest.mark.parametrize("divergence", OF_PROBABILITIES, ids=lambda f: f.__name__)


def objection(divergence: Callable[..., Value], outputs: list[list[float]]) -> str:
    row = divergences.row_of(divergence)
    assert row is not None
    return row.objection(outputs)


@of_probabilities
@pytest.mark.parametrize(("y", "shown"), [(-2e-6, "-2e-06"), (1.0 + 2e-6, "1"), (1.25, "1.25")])
def test_an_output_that_is_no_probability_is_objected_to(
    divergence: Callable[..., Value], y: float, shown: str
) -> None:
    name, (expected, activation) = divergence.__name__, OF_PROBABILITIES[divergence]
    assert objection(divergence, [[0.5, 0.5], [y, 1.0 - y]]) == (
        f"{name}() takes outputs that are {expected}, but an output is {shown}; build the model "
        f"with output={activation!r}, or train it as it is with nn.divergences.{name}_from_logits"
    )


@of_probabilities
def test_rounding_is_not_objected_to_and_a_nan_speaks_for_itself(
    divergence: Callable[..., Value],
) -> None:
    assert not objection(divergence, [[0.5, 0.5], [-9e-7, 1.0 + 9e-7]])
    assert not objection(divergence, [[0.5, 0.5 + 9e-7], [math.nan, 0.5]])
    assert not objection(divergence, [[0.5, 0.5], [-3.0]])


@of_probabilities
def test_outputs_that_do_not_sum_to_one_are_objected_to(divergence: Callable[..., Value]) -> None:
    for outputs in ([0.5, 0.25], [0.5, 0.5 - 2e-6]):
        said = objection(divergence, [[0.5, 0.5], outputs])
        found = f"{divergence.__name__}() takes outputs that are a probability vector, but outputs "
        assert said.startswith(f"{found}sum to {sum(outputs):.6g}; ") == (divergence != binary_kl)
        assert bool(said) == (divergence != binary_kl)


@every_divergence
def test_a_model_can_give_what_a_divergence_takes(divergence: Callable[..., Value]) -> None:
    row = divergences.row_of(divergence)
    assert row is not None
    model = MLP(1, [3], output=row.outputs.activation)
    assert not row.objection([[y.data for y in model([x])] for x in (-30.0, 0.5, 30.0)])


@every_divergence
def test_how_a_class_is_read_from_an_output(divergence: Callable[..., Value]) -> None:
    row = divergences.row_of(divergence)
    single = {l2: "nearest", binary_kl: 0.5, binary_kl_from_logits: 0.0}
    assert row is not None and row.decision == single.get(divergence, "largest")


@every_divergence
def test_help_says_what_is_known(divergence: Callable[..., Value]) -> None:
    classes = "        Of K >= 2 outputs the target may be the number of a class, 0 to K - 1.\n"

    row, (first, _) = divergences.row_of(divergence), signature(divergence).parameters
    assert row is not None and divergence.__doc__ is not None
    outputs, targets = row.outputs.name, row.targets.name
    formula, said = divergence.__doc__.split("\n\nArgs:\n")
    assert formula and said == (
        f"    {first}: outputs, {outputs}: one number or a list of K, Values or floats.\n"
        f"    d: targets, {targets}: as many; see ``nn.one_hot`` and ``nn.smooth_labels``.\n"
        f"{classes * (divergence in OF_DISTRIBUTIONS)}"
        f"\nRaises:\n"
        f"    TypeError: if something in them is no number.\n"
        f"    ValueError: if their lengths differ, or the targets are others.\n"
    )


def test_a_function_of_ones_own_is_known_if_it_is_described() -> None:
    def absolute(y: Any, d: Any) -> Value:
        [output], [target] = divergences.pair(absolute, y, d)
        return abs(output - target)  # type: ignore[return-value]

    assert divergences.row_of(absolute) is None
    absolute.row = 3  # type: ignore[attr-defined]  # of which nobody here knows what it means
    assert divergences.row_of(absolute) is None
    assert absolute(Value(2.0), -3.0).data == 5.0
    positive = divergences.Domain("numbers of at least 0", 0.0, activation="softplus")
    describe = divergences.described(positive, targets=positive, decision=1.0)
    assert describe(absolute) is absolute
    assert divergences.row_of(absolute) == divergences.Row("absolute", positive, positive, 1.0)
    with pytest.raises(
        ValueError, match=r"^absolute\(\) takes targets that are numbers of at least 0"
    ):
        absolute(Value(2.0), -3.0)
    assert objection(absolute, [[1e9], [-1.0]]) == (
        "absolute() takes outputs that are numbers of at least 0, but an output is -1; "
        "build the model with output='softplus'"
    )


def test_every_divergence_has_been_tested() -> None:
    described = {f for f in vars(divergences).values() if divergences.row_of(f)}
    assert described == {*EVERY, hinge}


def test_a_plain_one_hot_target_costs_no_nodes() -> None:
    def operations(root: Value) -> list[str]:
        return [node.op.name for node in consumers_first(root) if node.op]

    assert operations(kl(values([0.25, 0.75]), [0.0, 1.0])) == ["neg", "log"]
    assert operations(l2(Value(3.0), 1.0)) == ["mul", "pow", "sub"]
