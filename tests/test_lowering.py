"""Tests of the lowering against the eager engine, which is the reference for every number.

The golden source of MLP(2, [16, 16, 1]) is held as text: a reader must find three forward matrix
products in it.
"""

import gc
import importlib.util
import inspect
import json
import math
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy_for_jax
import pytest

import autograd
import nn
from autograd import LoweringError, Value, lower
from autograd.core.ops import OPS, Op
from autograd.lowering import backends, pipeline
from autograd.lowering.kept import MOST, Kept
from autograd.lowering.lowered import Average, Lowered, Request
from autograd.lowering.record import record

HAS_JAX = importlib.util.find_spec("jax") is not None
ARRAY_ENGINES = ["numpy", *(["jax"] if HAS_JAX else [])]


def go(way: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make graphs of any size go one way; returns the engine."""
    if way == "jax" and not HAS_JAX:
        numpy_for_jax.install(monkeypatch)
    monkeypatch.setattr(pipeline, "FEW", -1 if way == "levels" else math.inf)
    monkeypatch.setattr(pipeline, "SHARE", 0.0)
    return "jax" if way == "jax" else "numpy"


@pytest.fixture(params=["layers", "levels"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways that NumPy programs are made."""
    go(request.param, monkeypatch)


@pytest.fixture(params=["layers", "levels", "jax"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engines that compute with arrays, NumPy in both ways."""
    return go(request.param, monkeypatch)


def assert_same(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    assert np.array_equal(found[~finite], expected[~finite], equal_nan=True)
    scale = np.abs(expected[finite]).max(initial=1e-290)
    assert np.abs(found - expected)[finite].max(initial=0.0) <= tolerance * scale


def data(n_inputs: int, K: int, T: int, divergence: str) -> tuple[list[Any], list[Any]]:
    rng = random.Random(7)
    X = [[rng.uniform(0.5, 2.0) * rng.choice([-1, 1]) for _ in range(n_inputs)] for _ in range(T)]
    if divergence == "l2":
        return X, [[rng.gauss(0.0, 1.0) for _ in range(K)] for _ in range(T)]
    if divergence.startswith("binary"):
        return X, [[rng.choice([0.0, 1.0, 0.25]) for _ in range(K)] for _ in range(T)]
    D = [nn.one_hot(rng.randrange(K), K) for _ in range(T)]
    D[1] = nn.smooth_labels(D[1], 0.1)
    return X, D


MODELS = [
    *[("l2", [3, 2], activation, "linear") for activation in nn.layers.ACTIVATIONS],
    *[("l2", [3, 2], "tanh", output) for output in nn.layers.ACTIVATIONS],
    *[
        ("binary_kl", [4, 2], "tanh", "sigmoid"),
        ("binary_kl_from_logits", [4, 1], "relu", "linear"),
    ],
    *[(name, [5, 3], "sigmoid", "softmax") for name in ("kl", "cross_entropy")],
    *[(f"{name}_from_logits", [5, 3], "softplus", "linear") for name in ("kl", "cross_entropy")],
    *[("l2", widths, "tanh", "linear") for widths in ([1], [1, 1], [16, 16, 1], [3, 9, 2])],
]


def check_model(
    engine: str, divergence: str, widths: list[int], activation: str, output: str
) -> None:
    X, D = data(2, widths[-1], 11, divergence)
    model = nn.MLP(2, widths, activation, output, rng=random.Random(3))
    risk = nn.EmpiricalRisk(model, getattr(nn.divergences, divergence))
    eager = risk(X, D)
    program = risk.lower(X, D, engine)
    loss, gradient = program()
    assert_same(loss, eager.data)
    assert_same(gradient, autograd.grad(eager, model.parameters()))
    assert_same(program.value(), eager.data)


@pytest.mark.parametrize(("divergence", "widths", "activation", "output"), MODELS)
def test_models_give_the_numbers_of_the_eager_engine(
    way: None, divergence: str, widths: list[int], activation: str, output: str
) -> None:
    check_model("numpy", divergence, widths, activation, output)


# JAX takes a second to compile each: every operation and each kind of output once is enough.
@pytest.mark.parametrize(
    "model",
    [
        ("l2", [3, 2], "linear", "linear"),
        ("l2", [3, 2], "tanh", "linear"),
        ("binary_kl", [4, 2], "tanh", "sigmoid"),
        ("binary_kl_from_logits", [4, 1], "relu", "linear"),
        ("kl", [5, 3], "sigmoid", "softmax"),
        ("cross_entropy_from_logits", [5, 3], "softplus", "linear"),
    ],
)
def test_models_with_jax(
    model: tuple[str, list[int], str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_model(go("jax", monkeypatch), *model)


def test_l2_regularisation_and_multiplicative_layers(engine: str) -> None:
    model = nn.Sequential(nn.Layer(2, 3, "softplus"), nn.Multiplicative(3, 2))
    parameters = model.parameters()
    X, D = data(2, 2, 9, "l2")

    def divergence(y: Any, d: Any) -> Value:
        return nn.divergences.l2(y, d) + 0.01 * autograd.sum([p * p for p in parameters])

    risk = nn.EmpiricalRisk(model, divergence)
    eager = risk(X, D)
    loss, gradient = risk.lower(X, D, engine)()
    assert_same(loss, eager.data)
    assert_same(gradient, autograd.grad(eager, parameters))


def affine_cases() -> list[tuple[Value, list[Value], list[Value]]]:
    """Matrix products with something in the way of a plain one."""
    x = [Value(0.3 * i - 0.4, f"x[{i}]") for i in range(4)]
    w = [Value(0.1 * i - 0.7, f"w[{i}]") for i in range(16)]
    b = [Value(0.5 - 0.2 * i, f"b[{i}]") for i in range(4)]

    def product(rows: Sequence[Sequence[Any]], xs: Sequence[Any]) -> list[Value]:
        return [autograd.dot(row, xs) for row in rows]

    def total(zs: Sequence[Value]) -> Value:
        return autograd.sum([autograd.tanh(z) * (0.5 + i) for i, z in enumerate(zs)])

    rows = [w[4 * i : 4 * i + 4] for i in range(4)]
    plain = product(rows, x)
    hidden = [autograd.tanh(z) for z in plain]
    vectors = [[autograd.tanh(x_i * (0.5 + k)) for x_i in x] for k in range(3)]
    back = [row[::-1] for row in reversed(rows)]
    exponentials = [[autograd.exp(w_ij) for w_ij in row] for row in rows]
    return [
        # A bias with more to it than one parameter.
        (total([z + c + 0.25 for z, c in zip(plain, b)]), x, w + b),
        (total([z + c - 0.0 for z, c in zip(plain, b)]), x, w + b),
        (total([z + c + w[0] for z, c in zip(plain, b)]), x, w + b),
        (total([z + c + autograd.exp(c) for z, c in zip(plain, b)]), x, w + b),
        # Coefficients that are computed, between the rows that use them, or subtracted.
        (total(product([[autograd.exp(v) for v in row] for row in rows], x)), x, w),
        (total([c - z for z, c in zip(plain, b)]), x, w + b),
        # One parameter at several places: within a product, and in two products.
        (total(product([w[i : i + 4] for i in range(4)], x)), x, w[:7]),
        (total(product(rows, hidden)), x, w),
        (total(product([w[8:12], w[12:16], b, w[:4]], hidden)), x, w + b),
        # Some of the weights are constants, or all but the biases.
        (total([z + c for z, c in zip(plain, b)]), x, w[1:9:2] + b[1:]),
        (total([z + c for z, c in zip(product(rows, hidden), b)]), x, b),
        # One varying operand at two places, and derivatives that do not vary.
        (total(product(rows, [x[0], x[1], x[0], x[0]])), x, w),
        (autograd.sum(product(rows, hidden)), x, w),
        (autograd.sum(plain) * autograd.exp(w[0]), x, w),
        # One parameter at several places, and a constant among them.
        (total(product([w[i : i + 4] for i in range(4)], x)), x, w[:6]),
        # A bias, and operands that are computed at different times.
        (total([z + c for z, c in zip(product(rows, [x[0], *hidden[1:]]), b)]), x, w + b),
        # Columns of the matrix one after the other, and parameters that end before the last does.
        (total(product([w[0:11:3], w[1:11:3]], x)) * autograd.sum(w[2:11:3]), x, w[:11]),
        # One matrix and several vectors: in one order and in several, with rows left out, one upon
        # the other, with a bias, computed, partly constant, and one vector of its own time.
        (total([z for v in vectors for z in product(rows, v)]), x, w),
        (total(product(rows, vectors[0]) + product(back, vectors[1][::-1])), x, w),
        (total([z for v in vectors for z in product(rows[v is vectors[1] :], v)]), x, w),
        (total([z for v in vectors for z in product(rows, product(rows, v))]), x, w),
        (total([z + c for v in vectors for z, c in zip(product(rows, v), b)]), x, w + b),
        (total([z for v in vectors for z in product(exponentials, v)]), x, w),
        (total([z for v in vectors for z in product(rows, v)]), x, w[1:9:2]),
        (total([z for v in (x, hidden, *vectors) for z in product(rows, v)]), x, w),
        # The same parameters as a matrix of another shape.
        (total(product(rows, hidden) + product([w[:8], w[8:]], vectors[0] + vectors[1])), x, w),
    ]


@pytest.mark.parametrize("case", range(len(affine_cases())))
def test_matrix_products_of_every_kind(case: int, way: None) -> None:
    check_affine(case, "numpy")


def test_products_of_one_matrix_are_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    go("layers", monkeypatch)
    found = [lower(*affine_cases()[case]).source.count("    matmul(") for case in (17, 20, 22, 23)]
    assert found == [2, 5, 1, 3]  # forward, backward through computed vectors, and derivatives


@pytest.mark.parametrize("case", [6, 8, 9])
def test_matrix_products_with_jax(case: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_affine(case, go("jax", monkeypatch))


# NumPy in JAX's place compiles nothing.
@pytest.mark.parametrize("case", range(len(affine_cases())))
def test_matrix_products_as_jax_is_asked_for_them(
    case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy_for_jax.install(monkeypatch)
    check_affine(case, "jax")


def test_a_jax_that_has_double_precision_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy_for_jax.install(monkeypatch, old=True)
    check_affine(0, "jax")
    X, D = data(2, 1, 6, "l2")
    model = nn.MLP(2, [1], rng=random.Random(0))
    program = nn.EmpiricalRisk(model, nn.divergences.l2).lower(X, D, "jax")
    assert program.shards() == [("numpy:0", 6)]
    for found, expected in zip(program.jax_function()(program.parameters), program()):
        assert_same(found, expected)


def check_affine(case: int, engine: str) -> None:
    root, x, parameters = affine_cases()[case]
    batch = np.random.default_rng(case).normal(size=(6, len(x)))
    program, reference = lower(root, x, parameters, engine), lower(root, x, parameters, "python")
    for _ in range(2):  # what one step leaves behind must not reach the next
        for found, expected in zip(program(batch), reference(batch)):
            assert_same(found, expected)


FUNCTIONS: list[Callable[..., Any]] = [
    *[autograd.exp, autograd.sin, autograd.cos, autograd.tanh, autograd.sigmoid, autograd.relu],
    *[
        autograd.softplus,
        abs,
        lambda x: autograd.log(1.5 + x * x),
        lambda x: autograd.sqrt(1 + x * x),
    ],
    *[
        lambda x: x**2,
        lambda x: (1.0 + x * x) ** -1.5,
        lambda x: -x,
        lambda x: x**1,
        lambda x: x**3,
    ],
    *[lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / (2 + abs(y))],
    *[autograd.maximum, autograd.minimum, lambda x, y: autograd.where(autograd.less(x, y), x, y)],
    *[lambda x, y: (1.0 + abs(x)) ** autograd.tanh(y), lambda x, y: autograd.xlogy(x, 1 + y * y)],
    *[lambda x, y, z: autograd.sum([x, y, z, x, 2.0]), lambda x, y, z: x + y + z - 3.0],
    *[lambda *x: autograd.logsumexp(x), lambda *x: autograd.softmax(x)[1]],
]


def random_graph(seed: int) -> tuple[Value, list[Value], list[Value]]:
    rng = random.Random(seed)
    inputs = [Value(rng.gauss(0.0, 1.0), f"x[{i}]") for i in range(rng.randint(0, 3))]
    parameters = [Value(rng.gauss(0.0, 1.0), f"w[{i}]") for i in range(rng.randint(1, 8))]
    pool = [*inputs, *parameters, Value(0.5)]
    for _ in range(rng.randint(3, 40)):
        function = rng.choice(FUNCTIONS)
        arity = len(inspect.signature(function).parameters) if function not in OPS.values() else 0
        operands = [rng.choice(pool[-12:]) for _ in range(5)]
        if arity == 0:
            arity = getattr(function, "arity", 1)
        if function in FUNCTIONS[-2:]:
            arity = 3
        result = function(*operands[:arity])
        pool.append(result if abs(result.data) < 10.0 else autograd.tanh(result))
    used = set(autograd.consumers_first(root := autograd.sum([*pool[-6:], parameters[0]])))
    return root, [x for x in inputs if x in used], [p for p in parameters if p in used]


def test_a_softmax_of_large_logits(engine: str) -> None:
    x, scale = [Value(float(i), f"x[{i}]") for i in range(3)], Value(1.0, "scale")
    logits = [1e16 + scale * value for value in x]
    roots = [autograd.softmax(logits)[0], autograd.log_softmax(logits)[2]]
    values, gradient = lower(roots, x, [scale], engine)([[0.0, 2.0, 4.0]])
    # By hand: a = 1 / (1 + e^2 + e^4) and -log(1 + e^-2 + e^-4), and their slopes in the scale.
    assert_same(values, [0.015876239976466767, -0.14293162849989953], 1e-14)
    assert_same(gradient, [[-0.0587718429148842], [0.2981258155582638]], 1e-14)


def test_a_softmax_of_a_logit_that_is_not_among_the_others(engine: str) -> None:
    x = [Value(number, f"x[{i}]") for i, number in enumerate((0.0, 0.0, math.log(6.0)))]
    value, gradient = lower(autograd.exp(x[2] - autograd.logsumexp(x[:2])), x[:0], x, engine)()
    # By hand: e^z / (e^x + e^y) = 6 / 2, and its slopes.
    assert_same([value, *gradient], [3.0, -1.5, -1.5, 3.0])


@pytest.mark.parametrize("seeds", [range(i, i + 25) for i in range(0, 300, 25)], ids=str)
def test_random_graphs(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in seeds:
        root, inputs, parameters = random_graph(seed)
        reference = lower(root, inputs, parameters, engine="python")
        assert reference([[x.data for x in inputs]] if inputs else None)[0] == root.data
        rng = np.random.default_rng(seed)
        batch = rng.normal(size=(5, len(inputs))) if inputs else None
        expected, slopes = reference(batch)
        instances = reference.per_instance(batch)
        for way in ("layers", "levels"):
            go(way, monkeypatch)
            program = lower(root, inputs, parameters)
            loss, gradient = program(batch)
            assert_same(loss, expected)
            assert_same(gradient, slopes)
            assert_same(program.per_instance(batch), instances)


def test_random_graphs_with_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    go("jax", monkeypatch)
    for seed in range(0, 300, 60):
        root, inputs, parameters = random_graph(seed)
        batch = np.random.default_rng(seed).normal(size=(3, len(inputs))) if inputs else None
        for found, expected in zip(
            lower(root, inputs, parameters, "jax")(batch), lower(root, inputs, parameters)(batch)
        ):
            assert_same(found, expected)


def hessian_case() -> tuple[tuple[Value, ...], list[Value], list[Value], Value]:
    model = nn.MLP(2, [3, 1], rng=random.Random(1))
    x = [Value(0.3, "x[0]"), Value(-0.8, "x[1]")]
    parameters = model.parameters()
    loss = nn.divergences.binary_kl_from_logits(model(x), 1.0)
    return autograd.grad(loss, parameters, create_graph=True), x, parameters, loss


def test_hessian_is_the_jacobian_of_the_gradient(engine: str) -> None:
    gradient, x, parameters, _ = hessian_case()
    program = lower(gradient, x, parameters, engine)
    values, hessian = program([[0.3, -0.8]])
    assert_same(values, [g.data for g in gradient])
    assert_same(hessian, [autograd.grad(g, parameters) for g in gradient])
    assert np.allclose(hessian, hessian.T, rtol=1e-12, atol=1e-14)


def test_an_operation_of_a_users_own_is_lowered_by_its_formulas(engine: str) -> None:
    new = Op("half_ratio", "x / y ** 2", "1 / y ** 2", "-2 * z / y")
    x, w = Value(1.0, "x"), Value(2.0, "w")
    program = lower(new(x * w, w + 1.0), [x], [w], engine=engine)
    value, gradient = program([[1.0], [2.0]])
    # By hand: 2 x / 9, and its slope x / 9 - 4 x / 27, for x = 1 and 2.
    assert_same([value, *gradient], [1 / 3, -1 / 18])
    # Its slope is the one that the row says, also where that is none of the formula's.
    through = Op("straight_through", "sign(x)", "1")
    program = lower(through(w * x), [x], [w], engine=engine)
    value, gradient = program([[1.5], [-2.0]])
    assert_same([value, *gradient], [0.0, -0.25])


def test_an_operation_of_a_users_own_may_have_a_name_of_the_lowerings_or_a_second_formula(
    engine: str,
) -> None:
    x, w = Value(3.0, "x"), Value(2.0, "w")
    for name in ("affine", "input", "largest"):
        program = lower(Op(name, "x + 2 * y", "1", "2")(w * x, x), [x], [w], engine)
        value, gradient = program([[3.0]])
        assert (value, gradient.tolist()) == (12.0, [3.0])  # by hand: 2 * 3 + 2 * 3
        assert f"{name}(" in program.stages("record")
    Op("cubed", "x ** 3", "3 * x ** 2")
    with pytest.warns(UserWarning, match="cubed is z = x \\*\\* 3 \\+ 1, .* from now on"):
        cubed = Op("cubed", "x ** 3 + 1", "3 * x ** 2")
    root = autograd.sum([cubed(w * Value(float(i))) for i in range(6)])
    # By hand: 8 times 0 + 1 + 8 + 27 + 64 + 125, and six ones.
    assert lower(root, wrt=[w], engine=engine)()[0] == root.data == 1806.0


def test_an_operation_by_a_function_of_python_is_not_lowered() -> None:
    opaque = Op("opaque", "something", "1", by=lambda x: x)
    x = Value(1.0, "x")
    for root in (opaque(x), Op("around", "opaque(x) + 1", "1")(x)):
        with pytest.raises(LoweringError, match=r"'opaque' is computed by a function of Python"):
            lower(root, [x])([[1.0]])


EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 30.0, -30.0, 1000.0, -1000.0, math.inf, -math.inf, math.nan]


def test_every_operation_follows_ieee_754(engine: str) -> None:
    x = [Value(0.7, f"x[{i}]") for i in range(3)]
    arities = {name: op.arity or 2 for name, op in OPS.items()}
    program = lower([op(*x[: arities[name]]) for name, op in OPS.items()], x, engine=engine)
    rng = random.Random(0)
    rows = [[rng.choice(EDGES) for _ in x] for _ in range(400)]
    for row, found in zip(rows, program.per_instance(rows)):
        for (name, op), value in zip(OPS.items(), found):
            reference = op(*row[: arities[name]])
            same = value == reference or (math.isnan(value) and math.isnan(reference))
            assert same or math.isclose(value, reference, rel_tol=1e-12, abs_tol=1e-300), (
                name,
                row,
            )


def test_data_set_written_as_a_python_loop_becomes_a_batch() -> None:
    X, D = nn.datasets.moons(30, seed=0)
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    parameters = model.parameters()
    losses = [(1 + -(2 * d - 1) * model(x)[0]).relu() for x, d in zip(X, D)]
    penalty = 1e-4 * sum(p * p for p in parameters)
    loss = sum(losses) * (1.0 / len(losses)) + penalty
    program = lower(loss, wrt=parameters)
    assert lower(sum(losses) / len(losses) + penalty, wrt=parameters).source == program.source
    value, gradient = program()
    assert_same(value, loss.data)
    assert_same(gradient, autograd.grad(loss, parameters))
    assert "@ " in program.source
    assert "scalar nodes in" in program.describe().splitlines()[-1]


def test_a_data_set_of_large_terms_overflows_no_sooner_than_its_sum(engine: str) -> None:
    w = Value(1.5, "w")
    a, b, c, d, e = [w * (1e307 * x) for x in range(5)]
    # By hand: 0 + 1 + 2 + 3 + 4 = 10 times 1.5e307, and 6 with a minus before the 2; of five times
    # the last term there is no float.
    for root, total in ((a + b + c + d + e, 10.0), (a + b - c + d + e, 6.0)):
        program = lower(root, wrt=[w], engine=engine)
        value, gradient = program()
        assert value == pytest.approx(total * 1.5e307, rel=1e-14)
        assert gradient == pytest.approx([total * 1e307], rel=1e-14)
        assert list(program.per_instance()) == [program.value()] == [value]


def test_parts_of_a_data_set_that_are_a_leaf_each(engine: str) -> None:
    w = Value(2.0, "w")
    # By hand: 6 w + (0 + ... + 4) - 7 = 12 + 10 - 7, and the slope 6.
    sums = [autograd.sum([w] * 6), autograd.sum([Value(float(x)) for x in range(5)]), Value(7.0)]
    value, gradient = lower(sums[0] + sums[1] - sums[2], wrt=[w], engine=engine)()
    assert value == pytest.approx(15.0, rel=1e-15) and gradient == pytest.approx([6.0], rel=1e-15)


def test_zeros_of_both_signs_in_a_data_set_stay_apart() -> None:
    w = Value(2.0, "w")
    root = autograd.sum([autograd.minimum(w / x, 5.0) for x in (0.0, -0.0, 0.0, 0.0, 0.0)])
    assert root.data == lower(root, wrt=[w])()[0] == -math.inf


def test_additions_end_the_same_however_they_are_written() -> None:
    a = [Value(float(i), f"a[{i}]") for i in range(9)]
    chain = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7] + a[8]
    sources = {lower(root, a[:2], a[2:]).source for root in (chain, sum(a), autograd.sum(a))}
    assert len(sources) == 1


def test_what_need_not_be_computed_is_not() -> None:
    x, y, w = Value(2.0, "x"), Value(3.0, "y"), Value(4.0, "w")
    for longer, shorter in {
        w * x / 1.0: w * x,
        (w * x) ** 1: w * x,
        (w * x) ** -1: 1.0 / (w * x),
        autograd.where(Value(1.0), w * x, y): w * x,
        autograd.where(Value(0.0), y, w * x): w * x,
        autograd.where(y, w * x, x * w): w * x,
    }.items():
        programs = [lower(root, [x, y, w]) for root in (longer, shorter)]
        assert programs[0].describe() == programs[1].describe()


def test_source_is_short_and_readable() -> None:
    model = nn.MLP(2, [16, 16, 1], rng=random.Random(0))
    x, d = [Value(0.5, "x[0]"), Value(1.0, "x[1]")], Value(1.0, "d")
    loss = nn.divergences.binary_kl_from_logits(model(x), d)
    source = lower(loss, [*x, d], model.parameters()).source
    assert (
        source[source.index("def prepare") :]
        == (Path(__file__).parent / "moons.golden").read_text()
    )


@pytest.mark.parametrize("engine", ["numpy", "python"])
def test_a_program_of_a_data_set_hands_its_parameters_back(engine: str) -> None:
    X, D = nn.datasets.moons(8, seed=0)
    model = nn.MLP(2, [2, 1], rng=random.Random(0))
    before = model.state_dict()
    risk = nn.EmpiricalRisk(model, nn.divergences.l2)
    program = risk.lower(X, D, engine)
    loss, gradient = program()
    program.parameters -= 0.1 * gradient
    found = program.value()
    assert found < loss and model.state_dict() == before
    program.write_back()
    assert risk(X, D).data == pytest.approx(found, rel=1e-12)
    assert program.shards() == [("cpu", 8)]
    program.select([3, 5, 0])
    assert program.shards() == [("cpu", 3)]
    assert program()[0] == pytest.approx(risk([X[3], X[5], X[0]], [D[3], D[5], D[0]]).data)
    with pytest.raises(ValueError, match=r"jax_function\(\) needs .* engine='jax'"):
        program.jax_function()
    told = "evaluates the graph of Values" if engine == "python" else "scalar nodes in"
    assert told in program.describe().splitlines()[-1]


@pytest.mark.parametrize("engine", ["numpy", "python"])
def test_a_program_tells_where_another_recording_differs(engine: str) -> None:
    def recorded(f: Callable[..., Value]) -> tuple[Value, list[Value]]:
        x = [Value(0.5, "x"), Value(-0.5, "y")]
        return f(*x, w), x

    w = Value(2.0, "w")
    root, inputs = recorded(lambda x, y, w: (w * x + y) * 3.0)
    program = lower(root, inputs, [w], engine)
    assert program.difference(*recorded(lambda x, y, w: (w * x + y) * 3.0)) == ""
    for f, told in {
        lambda x, y, w: (w * x - y) * 3.0: "sub stands where it had add",
        lambda x, y, w: (w * x + y) * 4.0: "the constant 4 stands where it had the constant 3",
        lambda x, y, w: (w * y + x) * 3.0: "mul has other operands",
        lambda x, y, w: w * x + y: "the root stands where it had the constant 3",
        lambda x, y, w: ((w * x + y) * 3.0).tanh(): "tanh stands where it had the root",
    }.items():
        assert program.difference(*recorded(f)) == told


def test_equal_expressions_are_one_whoever_made_them() -> None:
    """What is quick to see as the same, and what only the graphs say."""
    w, three = Value(2.0, "w"), Value(3.0)

    def shared(x: Value) -> Value:
        square = x * x
        return square + square * w

    forms: list[list[Callable[[Value], Any]]] = [
        [shared, lambda x: x * x + x * x * w],
        [lambda x: x * three, lambda x: x * 3.0, lambda x: x * Value(3.0)],
        [lambda x: x * 0.0, lambda x: x * Value(0.0)],
        [lambda x: x * w, lambda x: x * w],
        [lambda x: x * Value(2.0)],
        [lambda x: x * x],
        [lambda x: w * x],
    ]
    for same in forms:
        x = Value(2.0)
        programs = [lower(f(x), [x], [w]) for f in same]
        for program in programs:
            for others in forms:
                for g in others:
                    y = Value(2.0)
                    told = program.difference(g(y), [y])
                    assert (told == "") == (others is same), (program.source, told)
    x = Value(1.0)
    both = lower(0.0 / x + 0.0 * x, [x])  # one constant, where -0.0 would be another
    y = Value(1.0)
    assert both.difference(0.0 / y + -0.0 * y, [y]) != ""


def test_a_graph_that_was_lowered_before_is_known_to_the_last_bit() -> None:
    def programs(number: float, label: str = "x") -> tuple[autograd.Program, autograd.Program]:
        x, w = Value(1.0, label), Value(2.0, "w")
        return lower(1.0 / (x * number) + w, [x], [w]), lower(1.0 / (x * number) + w, [x], [w])

    for number, expected in ((0.0, math.inf), (-0.0, -math.inf), (4.0, 2.25), (math.nan, math.nan)):
        one, other = programs(number)
        assert one.source is other.source
        for program in (one, other):
            value, _ = program([[1.0]])
            assert value == pytest.approx(expected, nan_ok=True), number
    one, other = programs(4.0, "label")
    assert "label = rows[0:1]" in one.source
    one, other = programs(4.0)
    assert "x = rows[0:1]" in one.source
    # They share what is written, and no number.
    one.parameters[:] = 5.0
    assert one([[1.0], [0.5]])[0] == 5.375
    assert other([[1.0]])[0] == 2.25
    assert one.value([[1.0]]) == 5.25
    assert one.per_instance([[0.25]]) == [6.0]


def test_few_graphs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def asked(count: int) -> int:
        """How many of the graphs of 1, 2, ..., ``count`` operations were not kept."""
        del made[:]
        for n in range(1, count + 1):
            x = y = Value(0.5, "x")
            for _ in range(n):
                y = autograd.sin(y)
            recorded = record([y], [x], [])
            assert kept.get(recorded, "", make=lambda n=n: made.append(n) or n) == n
        return len(made)

    kept: Kept[int] = Kept()
    assert [asked(8), asked(8), asked(9)] == [8, 0, 1]
    assert asked(MOST + 1) == MOST - 8
    assert asked(MOST + 1) == MOST + 1  # each has driven out the one that is asked for next
    monkeypatch.setattr("autograd.lowering.kept.MOST_NODES", 2 + 3 + 4 + 5)
    assert [asked(4), asked(4), asked(5)] == [4, 0, 1]
    kept.clear()
    assert asked(4) == 4


def test_a_program_without_inputs_can_be_bound_to_nothing() -> None:
    w = Value(2.0, "w")
    program = lower(autograd.sum([Value(float(x)) * w for x in range(9)]) + w, wrt=[w])
    bound = program.bind([[]])
    value, gradient = bound()
    assert (value, gradient.tolist(), bound.observed().size) == (74.0, [37.0], 0)


def test_what_cannot_be_lowered_is_refused_and_nothing_changes() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0, "w")

        def __call__(self, x: Any) -> Any:
            return [self.w * x[0] if x[0] > 0 else self.w * 3.0]

    class Leaking(Branching):
        def __call__(self, x: Any) -> Any:
            return [self.w * getattr(x[0], "data", x[0])]

    X, D = [[1.0], [-2.0], [3.0]], [0.0, 1.0, 2.0]
    for model in (Branching(), Leaking()):
        with pytest.raises(LoweringError, match=r"autograd\.where.*engine='python'"):
            nn.fit(
                model, X, D, divergence=nn.divergences.l2, epochs=3, engine="numpy", progress=False
            )
        assert model.w.data == 2.0
        nn.fit(model, X, D, divergence=nn.divergences.l2, epochs=1, engine="python", progress=False)


def count_calls(function: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called: a measure of cost that is no clock."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


Case = tuple[Value, list[Value], list[Value]]


def chain(n: int) -> Case:
    """Nothing but depth: each node is used by the next."""
    x, w, b = Value(0.3, "x"), Value(1.1, "w"), Value(0.2, "b")
    y = x
    for _ in range(n // 3):
        y = autograd.tanh(w * y + b)
    return y, [x], [w, b]


def tangle(n: int) -> Case:
    """Operations picked at random on operands picked at random: hardly anything to group."""
    rng = random.Random(0)
    leaves = [Value(rng.uniform(-1.0, 1.0)) for _ in range(20)]
    pool = list(leaves)
    functions: list[Callable[..., Value]] = [
        *[lambda a, b: a + b, lambda a, b: 0.5 * a * b, lambda a, b: a - b],
        *[lambda a, b: autograd.tanh(a), lambda a, b: autograd.sin(b)],
    ]
    while len(pool) < n:
        pool.append(rng.choice(functions)(rng.choice(pool[-150:]), rng.choice(pool[-150:])))
    root = autograd.tanh(autograd.sum(pool[-200:]) / 200)
    used = set(autograd.consumers_first(root))
    return root, *([x for x in some if x in used] for some in (leaves[:5], leaves[5:]))


def network(n: int) -> Case:
    """Matrix products, n being the number of weights."""
    model = nn.MLP(8, [n // 10, 1], rng=random.Random(0))
    x = [Value(0.1 * i, f"x[{i}]") for i in range(8)]
    return nn.divergences.l2(model(x), [0.0]), x, model.parameters()


GRAPHS = [chain, tangle, network]


@pytest.mark.parametrize("graph", GRAPHS)
def test_cost_is_linear_in_the_nodes(graph: Callable[[int], Case]) -> None:
    cases = [graph(n) for n in (1_500, 3_000)]
    nodes = [len(autograd.consumers_first(case[0])) for case in cases]
    programs: list[autograd.Program] = []
    lowering = [count_calls(lambda case=case: programs.append(lower(*case))) for case in cases]
    assert lowering[1] / lowering[0] < 1.1 * nodes[1] / nodes[0]
    lines = [len(program.source.splitlines()) for program in programs]
    assert max(lines) < 500 and lines[1] < 1.2 * lines[0]
    rows = [[x.data for x in case[1]] for case in cases]
    running = [count_calls(lambda p=p, row=row: p([row])) for p, row in zip(programs, rows)]
    assert running[1] / running[0] < 1.1 * nodes[1] / nodes[0]
    for case, program, row in zip(cases, programs, rows):
        value, gradient = program([row])
        assert_same(value, case[0].data)
        assert_same(gradient, autograd.grad(case[0], case[2]), 1e-9)  # through 200 levels


@pytest.mark.parametrize("graph", GRAPHS)
def test_cost_is_linear_in_the_batch(graph: Callable[[int], Case]) -> None:
    case = graph(600)
    program = lower(*case)
    sizes = (2_000, 16_000)
    counts = []
    for size in sizes:
        batch = np.random.default_rng(0).normal(size=(size, len(case[1])))
        program(batch)
        counts.append(count_calls(lambda batch=batch: program(batch)))
        # Every instance once: the mean of equal parts is the mean of their means.
        parts = [program(part) for part in np.array_split(batch, 4)]
        for found, several in zip(program(batch), zip(*parts)):
            assert_same(found, np.mean(several, axis=0), 1e-11)
        apart = [program.per_instance(part) for part in np.array_split(batch, 4)]
        assert_same(program.per_instance(batch), np.concatenate(apart))
    assert counts[1] / counts[0] < 1.1 * sizes[1] / sizes[0]


def test_of_a_deep_graph_many_instances_are_computed_at_a_time() -> None:
    """A call for each node costs as much as the numbers of some thousand instances."""
    y = x = Value(0.3)
    w, b = Value(1.1), Value(0.2)
    for _ in range(500):
        y = autograd.tanh(w * y + b)
    program = lower(y, [x], [w, b])
    few, many = np.full((100, 1), 0.25), np.full((3_000, 1), 0.25)
    calls = [count_calls(lambda batch=batch: program(batch)) for batch in (few, many)]
    assert calls[1] < 1.1 * calls[0]
    for found, expected in zip(program(many), program(few)):
        assert_same(found, expected, 1e-11)


def test_graph_over_a_data_set_without_a_common_form() -> None:
    root, _, parameters = tangle(2_000)
    program = lower(root, wrt=parameters)
    value, gradient = program()
    assert_same(value, root.data)
    assert_same(gradient, autograd.grad(root, parameters), 1e-10)
    assert "once" not in program.describe()


def test_second_derivatives_of_a_large_graph() -> None:
    root, inputs, parameters = tangle(150)
    gradient = autograd.grad(root, parameters, create_graph=True)
    program = lower(gradient, inputs, parameters)
    _, hessian = program([[x.data for x in inputs]])
    assert_same(hessian, [autograd.grad(g, parameters) for g in gradient], 1e-10)


def test_interrupt_while_lowering_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collecting: list[bool] = []

    def interrupt(*_: object) -> None:
        collecting.append(gc.isenabled())
        raise KeyboardInterrupt

    root, inputs, parameters = tangle(300)
    before = [(x.data, x.grad, x.label) for x in autograd.consumers_first(root)]
    monkeypatch.setattr(backends, "TablesRunner", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lower(root, inputs, parameters)
    assert [(x.data, x.grad, x.label) for x in autograd.consumers_first(root)] == before
    assert collecting == [False] and gc.isenabled()


@pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed")
def test_jax_function_is_for_loops_of_your_own() -> None:
    import jax

    X, D = nn.datasets.moons(8, seed=0)
    risk = nn.EmpiricalRisk(nn.MLP(2, [2, 1], rng=random.Random(0)), nn.divergences.l2)
    program = risk.lower(X, D, "jax")
    expected = risk.lower(X, D)
    function = program.jax_function()
    with jax.enable_x64(True):
        start = jax.numpy.array(expected.parameters)

        def step(parameters: Any, _: None) -> tuple[Any, Any]:
            loss, gradient = function(parameters)
            return parameters - 0.1 * gradient, loss

        _, losses = jax.lax.scan(step, start, None, length=3)
    for loss in losses:
        found, gradient = expected()
        assert_same(loss, found)
        expected.parameters -= 0.1 * gradient
    with pytest.raises(ValueError, match="engine='jax'"):
        expected.jax_function()


def test_errors_name_what_came_and_what_to_do() -> None:
    x, w = Value(1.0, "x"), Value(2.0, "w")
    root = x * w
    with pytest.raises(ValueError, match="numpy, jax, python, got 'cuda'"):
        lower(root, [x], [w], engine="cuda")
    with pytest.raises(TypeError, match=r"got <function .* call LoweredFunction"):
        lower(lambda v: v * v)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"wrt\[0\] is 3"):
        lower(root, [x], [3])  # type: ignore[list-item]
    with pytest.raises(LoweringError, match="takes one root at least, got an empty list"):
        lower([], [x], [w])
    with pytest.raises(TypeError, match=r"wrt\[0\] = .* was computed by mul; .* takes leaves"):
        lower(root + 1.0, [x], [root])
    with pytest.raises(LoweringError, match=r"wrt\[1\] is inputs\[0\] as well; name each leaf"):
        lower(root, [x], [w, x])
    with pytest.raises(ValueError, match=r"lowered without inputs.*call it without a batch"):
        lower(root, wrt=[w])([[1.0]])
    program = lower(root, [x], [w])
    with pytest.raises(ValueError, match="empty"):
        program([])
    with pytest.raises(ValueError, match=r"\(T, 1\), got \(1, 2\)"):
        program([[1.0, 2.0]])
    with pytest.raises(ValueError, match="real numbers"):
        program([["a"]])
    model = nn.MLP(2, [1], rng=random.Random(0))
    before = model.state_dict()
    risk = nn.EmpiricalRisk(model, nn.divergences.l2)
    with pytest.raises(ValueError, match=r"X\[1\] has the shape \(3,\)"):
        risk.lower([[1.0, 2.0], [1.0, 2.0, 3.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="one instance at least"):
        risk.lower([], [])
    with pytest.raises(ValueError, match="engine must be one of"):
        nn.fit(model, [[1.0, 2.0]], [1.0], engine="c", progress=False)
    assert model.state_dict() == before


def test_jax_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    x = Value(1.0)
    with pytest.raises(ImportError, match="pip install"):
        lower(x * x, [x], engine="jax")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_constants_that_are_no_ordinary_numbers(number: float, engine: str) -> None:
    w, x = Value(2.0, "w"), Value(0.5, "x")
    for root in (number * (w * x), autograd.tanh(w * x) / number, number * w**2 + w * x):
        for found, expected in zip(
            lower(root, [x], [w], engine)([[0.5]]), (root.data, autograd.grad(root, [w]))
        ):
            assert np.array_equal(found, expected, equal_nan=True)


def test_choice_times_an_infinity(engine: str) -> None:
    x, y, z = (Value(0.0, name) for name in "xyz")
    roots = [op(x, y) * z for op in (autograd.less, autograd.equal, autograd.minimum)]
    roots += [autograd.xlogy(autograd.less(x, y), z), autograd.step(x) * z]
    rows = [[a, b, c] for a in (-1.0, 0.0) for b in (-1.0, 0.0) for c in (math.inf, math.nan)]
    program = lower(roots, [x, y, z], engine=engine)
    reference = lower(roots, [x, y, z], engine="python")
    assert np.array_equal(program.per_instance(rows), reference.per_instance(rows), equal_nan=True)


def test_nan_in_the_data_is_the_same_nan(way: None) -> None:
    model = nn.MLP(2, [3, 1], rng=random.Random(0))
    X, D = [[0.1, 0.2], [math.nan, 0.3], [0.5, math.inf]], [0.0, 1.0, 1.0]
    risk = nn.EmpiricalRisk(model, nn.divergences.l2)
    eager = risk(X, D)
    loss, gradient = risk.lower(X, D)()
    assert math.isnan(loss) and math.isnan(eager.data)
    assert_same(gradient, autograd.grad(eager, model.parameters()))


@pytest.mark.parametrize("batch_size", [None, 7])
def test_fit_gives_the_same_run_with_every_engine(batch_size: int | None) -> None:
    X, D = nn.datasets.moons(24, seed=1)
    runs = {}
    for engine in ["python", *ARRAY_ENGINES]:
        model = nn.MLP(2, [4, 1], rng=random.Random(0))
        history = nn.fit(
            model,
            X,
            D,
            divergence=nn.divergences.binary_kl_from_logits,
            optimizer=nn.Adam(0.05),
            epochs=4,
            batch_size=batch_size,
            engine=engine,
            validation=(X[:8], D[:8]),
            progress=False,
        )
        runs[engine] = (list(model.state_dict().values()), history)
    parameters, history = runs["python"]
    for engine in ARRAY_ENGINES:
        assert_same(runs[engine][0], parameters)
        assert_same(runs[engine][1].loss, history.loss)
        assert_same(runs[engine][1].validation_loss, history.validation_loss)
        assert runs[engine][1].accuracy == history.accuracy
        assert runs[engine][1].validation_accuracy == history.validation_accuracy


def test_interrupt_leaves_the_last_complete_step() -> None:
    class Interrupted(nn.SGD):
        calls = 0

        def update(self, parameters: Any, gradient: Any, state: Any) -> None:
            self.calls += 1
            if self.calls == 6:
                parameters[:3] = 99.0  # half an update
                raise KeyboardInterrupt
            super().update(parameters, gradient, state)

    X, D = nn.datasets.moons(20, seed=0)
    runs = []
    for optimizer, epochs in ((Interrupted(0.1), 100), (nn.SGD(0.1), 5)):
        model = nn.MLP(2, [3, 1], rng=random.Random(0))
        loss = nn.divergences.binary_kl_from_logits
        history = nn.fit(
            model, X, D, divergence=loss, optimizer=optimizer, epochs=epochs, progress=False
        )
        runs.append((model.state_dict(), history.loss))
    assert runs[0] == runs[1]


def test_predict_by_one_program_gives_the_same_numbers() -> None:
    model = nn.MLP(2, [3, 2], output="softmax", rng=random.Random(0))
    X = [[i / 50, -i / 30] for i in range(60)]
    assert_same(nn.predict(model, X, engine="numpy"), nn.predict(model, X))

    def branching(x: Any) -> Any:
        return x[0] * 2.0 if x[0] > 0.5 else x[1]

    assert nn.predict(branching, X) == [[branching(x)] for x in X]
    with pytest.raises(LoweringError, match=r"compares a Value .*autograd\.where"):
        nn.predict(branching, X, engine="numpy")
    with pytest.raises(ValueError, match="engine must be python or numpy, got 'jax'"):
        nn.predict(branching, X, engine="jax")


def test_numpy_is_not_imported_with_autograd() -> None:
    code = "import sys, autograd; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed")
def test_batch_is_spread_over_four_devices() -> None:
    code = textwrap.dedent(
        """
        import json, random
        import nn
        X, D = nn.datasets.moons(40, seed=0)
        model = nn.MLP(2, [4, 1], rng=random.Random(0))
        risk = nn.EmpiricalRisk(model, nn.divergences.binary_kl_from_logits)
        program = risk.lower(X, D, "jax")
        loss, gradient = program()
        print(json.dumps([loss, gradient.tolist(), program.shards()]))
        """
    )
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(Path(autograd.__file__).parents[1])]),
    }
    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    loss, gradient, shards = json.loads(output)
    X, D = nn.datasets.moons(40, seed=0)
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    single = nn.EmpiricalRisk(model, nn.divergences.binary_kl_from_logits).lower(X, D, "jax")()
    assert_same(loss, single[0])
    assert_same(gradient, single[1])
    assert [instances for _, instances in shards] == [10] * 4
    assert len({device for device, _ in shards}) == 4


def numbers_of(lowered: Lowered, columns: Any, parameters: Sequence[float]) -> dict[int, Any]:
    """Every node that matters, with a number for each instance, straight from its operands."""
    graph, size = lowered.graph, columns.shape[1]
    reached, found = graph.reachable(lowered.nodes()), dict[int, Any]()
    reduced = {"sum": np.add.reduce, "largest": np.maximum.reduce}
    for node, (name, operands) in enumerate(zip(graph.names, graph.operands)):
        number, x = graph.numbers[node], [found.get(i) for i in operands]
        if not reached[node]:
            continue
        if name == "input":
            found[node] = columns[int(number)]
        elif not operands:
            number = parameters[int(number)] if name == "parameter" else number
            found[node] = np.full(size, 1.0 if name == "one" else number)
        elif name == "affine":
            found[node] = sum(c * y for c, y in zip(x[::2], x[1::2])) + (x[-1] if len(x) % 2 else 0)
        elif name.startswith("sum:"):
            found[node] = sum(y if sign == "+" else -y for sign, y in zip(name[4:], x))
        elif name in reduced:
            found[node] = reduced[name](x)
        elif name == "log1p":
            found[node] = np.log1p(x[0])
        else:
            found[node] = np.array([OPS[name].forward(*numbers) for numbers in zip(*x)])
    return found


def computed(lowered: Lowered, columns: Any, parameters: Sequence[float]) -> list[Any]:
    """The values, the derivatives, and the rows."""
    v = numbers_of(lowered, columns, parameters)

    def mean(average: Average) -> float:
        rest = 0.0 if average.rest is None else v[average.rest]
        total = sum(v[a] * v[b] for a, b in average.pairs) + rest
        return average.scale * float(np.mean(total))

    slopes = np.zeros(lowered.derivatives)
    for position, gradient in lowered.gradients.items():
        slopes[position] += mean(gradient)
    for outer in lowered.outers:
        for u, positions in zip(outer.rows, outer.positions):
            for w, position in zip(outer.columns, positions):
                if position >= 0:
                    slopes[position] += np.mean(v[u] * v[w])
    return [[mean(value) for value in lowered.values], slopes, [v[row] for row in lowered.rows]]


@pytest.mark.parametrize("case", [0, 4, 9, 13, 14, *range(100, 130)])
def test_the_graph_computes_the_same_after_every_pass(case: int) -> None:
    root, inputs, parameters = affine_cases()[case] if case < 100 else random_graph(case)
    observed = [x for x in autograd.consumers_first(root) if x.op][:2]
    columns = np.random.default_rng(case).normal(size=(len(inputs), 4))
    point = [p.data for p in parameters]
    recorded = record([root], inputs, parameters, observed)
    reference = lower(root, inputs, parameters, "python", observed)
    if inputs:
        value, gradient = reference(columns.T)
        expected = reference.per_instance(columns.T)
    else:
        columns = np.zeros((0, 1))
        value, gradient, expected = *reference(), reference.per_instance()
    names = []
    for name, lowered in pipeline.stages(recorded):
        names.append(name)
        values, slopes, rows = computed(lowered, columns, point)
        assert_same(values, [value], 1e-11)
        if lowered.derivatives:
            assert_same(slopes, gradient, 1e-11)
        assert_same(rows[0], expected, 1e-11)
    assert names == [step.__name__ for step in pipeline.PASSES]


def test_stages_show_the_graph_after_each_pass() -> None:
    x, w, b = Value(0.5, "x"), Value(2.0, "w"), Value(1.0, "b")
    y = autograd.tanh(w * x + b)
    y.label = "y"
    program = lower(y * y, [x], [w, b])
    assert program.stages("record") == textwrap.dedent(
        """\
        record: 7 nodes
        v0 = input 0                  # x
        v1 = parameter 0              # w
        v2 = parameter 1              # b
        v3 = mul(v1, v0)
        v4 = add(v3, v2)
        v5 = tanh(v4)                 # y
        v6 = mul(v5, v5)
        value 0 = mean of v6"""
    )
    assert repr(program.stages("choose_sums")).splitlines()[4:] == [
        "v3 = one",
        "v4 = mul(v0, v1)",
        "v5 = v4 + v2",
        "v6 = tanh(v5)                 # y",
        "v7 = mul(v6, v6)",
        "v8 = v6 + v6                  # d_y",
        "v9 = 1",
        "v12 = v9 - v7",
        "v13 = mul(v8, v12)            # d_b",
        "value 0 = mean of v7 * v3",
        "derivative 0 += mean of v0 * v13",
        "derivative 1 += mean of v13 * v3",
    ]
    whole = program.stages()
    assert [line.split(":")[0] for line in whole.splitlines() if line.endswith(" nodes")] == [
        *["record", "find_products", "differentiate", "simplify", "expand", "choose_sums"]
    ]
    assert program.bind([[1.0]]).stages() == whole
    assert lower(y, [x], [w], "python").stages().startswith("record: ")
    with pytest.raises(ValueError, match=r"after must be one of record, find_products, .*'derive'"):
        program.stages("derive")
    with pytest.raises(ValueError, match="most must be a whole number of at least 1, got 0"):
        program.stages(most=0)


def test_stages_of_a_large_graph_are_its_ends() -> None:
    root, inputs, parameters = network(200)
    program = lower(root, inputs, parameters)
    lines = program.stages("simplify", most=6).splitlines()
    assert len(lines) < 24 and "more ..." in lines[4]
    assert lines[1].startswith("v0 = input 0")
    tables = lower(*tangle(1_000)).stages(most=4)
    assert tables.startswith("record: ") and "simplify" not in tables


def test_a_row_is_all_that_another_back_end_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def runner(computation: Any, request: Request) -> Any:
        made.append(request)
        return backends.BACKENDS["numpy"].runner(computation, request)

    monkeypatch.setitem(backends.BACKENDS, "mine", backends.Backend(runner))
    w = Value(2.0, "w")
    assert lower(w * w, wrt=[w], engine="mine")()[0] == 4.0 and made == [Request.STEP]
    assert autograd.LoweredFunction(lambda x: x * x, 3.0, engine="mine").value(2.0) == 4.0
    run = autograd.gradient_descent(lambda x: x * x, 3.0, engine="mine")
    assert run.converged
    X, D = nn.datasets.moons(8, seed=0)
    model = nn.MLP(2, [1], rng=random.Random(0))
    nn.fit(model, X, D, epochs=1, engine="mine", divergence=nn.divergences.l2, progress=False)
    with pytest.raises(ValueError, match="one of numpy, jax, python, mine, got 'yours'"):
        lower(w * w, wrt=[w], engine="yours")


def test_a_program_with_its_data_in_the_graph_can_be_bound_to_nothing() -> None:
    w = Value(2.0, "w")
    mean = autograd.sum([Value(float(x)) * w for x in range(8)]) / 8
    value, gradient = lower(mean, wrt=[w]).bind([[]])()
    assert (value, gradient.tolist()) == (7.0, [3.5])  # by hand: 28 / 8, times 2


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_a_program_refuses_what_its_values_were_assigned_meanwhile(engine: str) -> None:
    w, x, c = Value(3.0, "w"), Value(2.0), Value(1.0, "c")
    program = lower(w * x + c, [x], [w], engine)
    bound = program.bind([[2.0]])
    calls = (lambda: program([[2.0]])[0], lambda: program.value([[2.0]]), lambda: bound()[0])
    assert [call() for call in calls] == [7.0] * 3
    on_w = r"^w was assigned 100.0, and the program computes with 3.0, its parameters\[0\]"
    on_c = r"^c was assigned 50.0, and the program has 1.0 as a constant there"
    for leaf, number, said in ((w, 100.0, on_w), (c, 50.0, on_c)):
        before = leaf.data
        leaf.data = number
        for call in calls:
            with pytest.raises(autograd.StaleGraphError, match=said):
                call()
        leaf.data = before
        x.data = 9.0  # an input has a number for each instance, whatever it holds
        assert [call() for call in calls] == [7.0] * 3
    program.parameters[0] = 5.0
    program.write_back()
    program.parameters[0] = 6.0
    assert [call() for call in calls] == [13.0] * 3
    w.data = math.nan
    with pytest.raises(autograd.StaleGraphError, match="w was assigned nan"):
        bound()


def test_a_model_trained_by_hand_beside_its_program_is_noticed() -> None:
    model = nn.MLP(2, [3, 1], rng=random.Random(0))
    X, D = nn.datasets.xor(20, seed=1)
    program = nn.EmpiricalRisk(model, nn.divergences.l2).lower(X, D)
    program()
    nn.fit(model, X, D, divergence=nn.divergences.l2, epochs=2, progress=False)
    with pytest.raises(autograd.StaleGraphError, match=r"lower again after an assignment"):
        program()
