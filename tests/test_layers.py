"""Tests of the neurons, layers and networks: what they compute, and from what they start.

Outputs are compared with numbers worked out by hand (to 17 digits with a computer algebra system
where they are no fractions) and with NumPy, gradients with finite differences, and the initial
weights with the statistics that the two papers behind them promise.
"""

import math
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, consumers_first, grad
from nn import MLP, Layer, Module, Multiplicative, Neuron, Sequential, Softmax, predict
from nn.layers import ACTIVATIONS

properties = settings(max_examples=25, deadline=None, derandomize=True, database=None)

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
coordinates = st.floats(min_value=-3.0, max_value=3.0)
seeds = st.integers(min_value=0, max_value=10**6)


def data(values: Sequence[Value]) -> list[float]:
    return [value.data for value in values]


def activated(activation: str, z: Any) -> Any:
    """An activation of each number of an array."""
    return np.array([ACTIVATIONS[activation](z_i) for z_i in z.tolist()])


def neuron_with(w: list[float], b: float, activation: Any = "linear") -> Neuron:
    neuron = Neuron(len(w), activation)
    state = {f"w[{i}]": weight for i, weight in enumerate(w)}
    neuron.load_state_dict({**state, "b": b})
    return neuron


def randomise(module: Module, seed: int) -> None:
    """Give every parameter, biases too, a number of its own."""
    rng = random.Random(seed)
    for value in module.parameters():
        value.data = rng.uniform(-1.0, 1.0)


def matrices(model: Module, prefix: str = "") -> tuple[Any, Any]:
    """W and b of a layer as arrays, put together from the names of the parameters."""
    weights: dict[tuple[int, int], float] = {}
    biases: dict[int, float] = {}
    for name, number in model.state_dict().items():
        if name.startswith(prefix):
            neuron, _, rest = name[len(prefix) :].partition(".")
            j = int(neuron.removeprefix("neuron"))
            if rest == "b":
                biases[j] = number
            else:
                weights[j, int(rest[2:-1])] = number
    rows, columns = (1 + max(index) for index in zip(*weights))
    W = np.array([[weights[j, i] for i in range(columns)] for j in range(rows)])
    return W, np.array([biases[j] for j in range(rows)])


# One neuron.


@pytest.mark.parametrize(
    ("activation", "y"),
    [
        ("linear", 2.25),
        ("tanh", 0.97802611473881364),
        ("sigmoid", 0.90465053510089051),
        ("relu", 2.25),
        ("softplus", 2.3502065589167472),
    ],
)
def test_a_neuron_by_hand_at_a_positive_z(activation: str, y: float) -> None:
    # 1 * 2 - 2 * 1 + 0.5 * 4 + 0.25 = 2.25
    out = neuron_with([1.0, -2.0, 0.5], 0.25, activation)([2.0, 1.0, 4.0])
    assert isinstance(out, Value)
    assert out.data == pytest.approx(y, rel=1e-15)


@pytest.mark.parametrize(
    ("activation", "y"),
    [
        ("linear", -1.5),
        ("tanh", -0.90514825364486644),
        ("sigmoid", 0.18242552380635634),
        ("relu", 0.0),
        ("softplus", 0.20141327798275241),
    ],
)
def test_a_neuron_by_hand_at_a_negative_z(activation: str, y: float) -> None:
    # 3 * -1 + 0.5 * 2 + 0.5 = -1.5
    out = neuron_with([3.0, 0.5], 0.5, activation)([-1.0, 2.0])
    assert out.data == pytest.approx(y, rel=1e-15)


@pytest.mark.parametrize(
    ("activation", "z", "slope"),
    [
        ("sigmoid", 0.0, 0.25),
        ("tanh", 0.0, 1.0),
        ("softplus", 0.0, 0.5),
        ("linear", -7.0, 1.0),
        ("relu", 3.0, 1.0),
        ("relu", -3.0, 0.0),
        ("relu", 0.0, 1.0),  # the lecture's choice at the kink: z >= 0
        ("sigmoid", 1000.0, 0.0),
        ("tanh", -1000.0, 0.0),
        ("softplus", 1000.0, 1.0),
    ],
)
def test_slopes_of_the_activations_from_the_lecture(
    activation: str, z: float, slope: float
) -> None:
    neuron = neuron_with([1.0, 2.0], z, activation)
    y = neuron([0.0, 0.0])
    assert grad(y, [neuron.b, *neuron.w]) == (slope, 0.0, 0.0)


def test_the_gradient_of_a_linear_neuron_is_its_input_and_its_weights() -> None:
    neuron = neuron_with([3.0, -5.0], 1.0)
    x = [Value(2.0), Value(7.0)]
    y = neuron(x)
    assert y.data == -28.0
    assert grad(y, [*neuron.w, neuron.b, *x]) == (2.0, 7.0, 1.0, 3.0, -5.0)


def test_any_differentiable_function_may_be_the_activation() -> None:
    neuron = neuron_with([2.0], 1.0, lambda z: z * autograd.sin(z) + 3.0)
    y = neuron([0.5])
    # z = 2: 2 sin 2 + 3, with slope sin 2 + 2 cos 2.
    assert y.data == pytest.approx(4.8185948536513634, rel=1e-15)
    [slope] = grad(y, [neuron.b])
    assert slope == pytest.approx(0.07700375373139666, rel=1e-14)


def test_an_activation_may_be_an_object_that_cannot_be_hashed() -> None:
    class Scale:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, z: Value) -> Value:
            return 10.0 * z

    assert neuron_with([2.0], 1.0, Scale())([3.0]).data == 70.0


def test_a_neuron_is_products_one_sum_and_its_activation() -> None:
    y = Neuron(5, "tanh")([1.0] * 5)
    ops = Counter(node.op.name for node in consumers_first(y) if node.op)
    assert ops == {"mul": 5, "sum": 1, "tanh": 1}


# Layers and networks.


@every_activation
@given(rows=st.integers(1, 5), seed=seeds, x=st.lists(coordinates, min_size=1, max_size=5))
@properties
def test_a_layer_is_its_activation_of_an_affine_map(
    activation: str, rows: int, seed: int, x: list[float]
) -> None:
    layer = Layer(len(x), rows, activation)
    randomise(layer, seed)
    W, b = matrices(layer)
    assert W.shape == (rows, len(x))
    y = layer(x)
    assert type(y) is list
    np.testing.assert_allclose(data(y), activated(activation, W @ x + b), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("output", [*ACTIVATIONS, "softmax"])
@given(seed=seeds, x=st.lists(coordinates, min_size=3, max_size=3))
@properties
def test_a_network_is_its_layers_one_after_the_other(
    output: str, seed: int, x: list[float]
) -> None:
    model = MLP(3, [4, 3, 2], activation="sigmoid", output=output)
    randomise(model, seed)
    y = np.array(x)
    for k, activation in enumerate(["sigmoid", "sigmoid", output], start=1):
        W, b = matrices(model, f"layer{k}.")
        z = W @ y + b
        y = np.exp(z) / np.exp(z).sum() if activation == "softmax" else activated(activation, z)
    np.testing.assert_allclose(data(model(x)), y, rtol=1e-13, atol=1e-14)


def test_the_default_network_has_tanh_inside_and_a_linear_end() -> None:
    model = MLP(1, [1, 1])
    model.load_state_dict(
        {
            "layer1.neuron0.w[0]": 2.0,
            "layer1.neuron0.b": 0.25,
            "layer2.neuron0.w[0]": -10.0,
            "layer2.neuron0.b": 5.0,
        }
    )
    [y] = model([1.0])
    assert y.data == pytest.approx(5.0 - 9.7802611473881364, rel=1e-15)


@pytest.mark.parametrize(("x", "d"), [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)])
def test_a_network_of_three_rectifiers_computes_the_exclusive_or(x: list[int], d: int) -> None:
    # relu(x1 + x2) - 2 relu(x1 + x2 - 1), worked out by hand.
    model = MLP(2, [2, 1], activation="relu")
    model.load_state_dict(
        {
            "layer1.neuron0.w[0]": 1.0,
            "layer1.neuron0.w[1]": 1.0,
            "layer1.neuron0.b": 0.0,
            "layer1.neuron1.w[0]": 1.0,
            "layer1.neuron1.w[1]": 1.0,
            "layer1.neuron1.b": -1.0,
            "layer2.neuron0.w[0]": 1.0,
            "layer2.neuron0.w[1]": -2.0,
            "layer2.neuron0.b": 0.0,
        }
    )
    assert predict(model, [x]) == [[float(d)]]


@pytest.mark.parametrize(
    "x",
    [
        [1.0, -2.0],
        (1.0, -2.0),
        [1, -2],
        [1.0, Value(-2.0)],
        [Value(1.0), Value(-2.0)],
        np.array([1.0, -2.0]),
        np.array([1, -2]),
        np.array([1, -2], dtype=np.float32),
        [np.float64(1.0), np.int32(-2)],
    ],
    ids=lambda x: f"{type(x).__name__} of {type(x[0]).__name__} and {type(x[1]).__name__}",
)
def test_every_kind_of_vector_gives_the_same_numbers(x: Any) -> None:
    # By hand: 3 * 1 + 5 * -2 + 0.5 = -6.5
    neuron = neuron_with([3.0, 5.0], 0.5)
    assert neuron(x).data == -6.5
    for module in (Layer(2, 3), MLP(2, [3, 2]), Multiplicative(2, 2), Softmax()):
        expected = [getattr(y, "data", y) for y in module([1.0, -2.0])]
        found = [getattr(y, "data", y) for y in module(x)]
        np.testing.assert_array_equal(found, expected)
        assert all(type(y) is float for y in found)


def test_layers_return_lists_and_a_neuron_does_not() -> None:
    assert isinstance(Neuron(1)([0.0]), Value)
    for module in (Layer(1, 1), MLP(1, [1]), Multiplicative(1, 1), Sequential(Layer(1, 1))):
        y = module([1.0])
        assert type(y) is list and len(y) == 1 and isinstance(y[0], Value)


def test_softmax_by_hand() -> None:
    y = Softmax()([Value(0.0), Value(math.log(2.0)), Value(math.log(3.0))])
    assert data(y) == pytest.approx([1 / 6, 1 / 3, 1 / 2], rel=1e-15)
    # dy_0/dz_j is y_0 (1 - y_0) for j = 0 and -y_0 y_j for the others.
    z = [value for value in consumers_first(y[0]) if value.op is None]
    slopes = dict(zip(data(z), grad(y[0], z), strict=True))
    assert slopes[0.0] == pytest.approx(5 / 36, rel=1e-14)
    assert slopes[math.log(2.0)] == pytest.approx(-1 / 18, rel=1e-14)
    assert slopes[math.log(3.0)] == pytest.approx(-1 / 12, rel=1e-14)


def test_softmax_does_not_overflow() -> None:
    assert data(Softmax()([Value(1000.0), Value(-1000.0), Value(0.0)])) == [1.0, 0.0, 0.0]
    assert data(Softmax()([Value(-1000.0), Value(-1000.0)])) == pytest.approx([0.5, 0.5], rel=1e-12)


@given(st.lists(st.floats(-300.0, 300.0), min_size=1, max_size=8))
@properties
def test_softmax_gives_probabilities_in_the_order_of_the_logits(z: list[float]) -> None:
    y = data(Softmax()([Value(z_i) for z_i in z]))
    assert math.fsum(y) == pytest.approx(1.0, rel=1e-12)
    assert all(0.0 <= y_i <= 1.0 for y_i in y)
    for i in range(len(z)):
        for j in range(len(z)):
            assert z[i] > z[j] or y[i] <= y[j]


def test_a_multiplicative_combination_by_hand() -> None:
    module = Multiplicative(2, 2)
    module.load_state_dict(
        {"alpha[0][0]": 2.0, "alpha[0][1]": -1.0, "alpha[1][0]": 0.0, "alpha[1][1]": 0.5}
    )
    z = [Value(2.0), Value(9.0)]
    y = module(z)
    assert data(y) == pytest.approx([4 / 9, 3.0], rel=1e-15)
    # dy/dz_l = alpha_l y / z_l, and dy/dalpha_l = y log z_l.
    [[a00, a01], [a10, a11]] = module.alpha
    assert grad(y[0], [*z, a00, a01, a10, a11]) == pytest.approx(
        (4 / 9, -4 / 81, 4 / 9 * math.log(2.0), 4 / 9 * math.log(9.0), 0.0, 0.0), rel=1e-14
    )
    assert grad(y[1], [*z, a10, a11]) == pytest.approx(
        (0.0, 1 / 6, 3.0 * math.log(2.0), 3.0 * math.log(9.0)), rel=1e-14
    )
    assert data(module([2.0, 9.0])) == data(y)


def test_sequential_applies_its_modules_from_first_to_last() -> None:
    double_plus_one, square = Layer(1, 1, "linear"), Layer(1, 1, lambda z: z * z)
    double_plus_one.load_state_dict({"neuron0.w[0]": 2.0, "neuron0.b": 1.0})
    square.load_state_dict({"neuron0.w[0]": 1.0, "neuron0.b": 0.0})
    assert data(Sequential(double_plus_one, square)([3.0])) == [49.0]
    assert data(Sequential(square, double_plus_one)([3.0])) == [19.0]


def test_a_neuron_or_layer_that_is_assigned_is_the_one_that_computes() -> None:
    model = MLP(1, [2, 1], activation="linear")
    model.layer1.neuron1 = neuron_with([5.0], 0.0)
    model.layer2 = Layer(2, 1, "linear")
    model.layer2.load_state_dict({"neuron0.w[0]": 0.0, "neuron0.w[1]": 2.0, "neuron0.b": 1.0})
    [y] = model([3.0])
    assert y.data == 31.0
    assert set(model.parameters()) >= {node for node in consumers_first(y) if node.op is None}


def test_tied_layers_share_their_parameters() -> None:
    model = MLP(2, [2, 2], activation="linear")
    model.layer2 = model.layer1
    assert len(model.parameters()) == 6
    model.load_state_dict(
        {
            "layer1.neuron0.w[0]": 0.0,
            "layer1.neuron0.w[1]": 1.0,
            "layer1.neuron0.b": 1.0,
            "layer1.neuron1.w[0]": 1.0,
            "layer1.neuron1.w[1]": 1.0,
            "layer1.neuron1.b": 0.0,
        }
    )
    # (x1, x2) -> (x2 + 1, x1 + x2), twice.
    assert data(model([10.0, 20.0])) == [31.0, 51.0]


# Gradients against finite differences.


def assert_gradient(module: Any, x: list[float], tolerance: float = 1e-7) -> None:
    """Compare the derivatives of every output by everything with central differences."""
    inputs = [Value(x_i) for x_i in x]
    leaves = [*module.parameters(), *inputs]
    for i in range(len(module(inputs))):
        slopes = grad(module(inputs)[i], leaves)
        for leaf, slope in zip(leaves, slopes, strict=True):
            h, middle = 1e-5, leaf.data
            ends = []
            for leaf.data in (middle + h, middle - h):
                ends.append(module(inputs)[i].data)
            leaf.data = middle
            assert slope == pytest.approx(
                (ends[0] - ends[1]) / (2 * h), rel=tolerance, abs=tolerance
            )


@every_activation
@pytest.mark.parametrize("output", ["linear", "softmax"])
@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_a_network(activation: str, output: str, seed: int) -> None:
    model = MLP(2, [3, 2], activation=activation, output=output)
    randomise(model, seed)
    x = [0.7, -1.3]
    for z in matrices(model, "layer1.")[0] @ x + matrices(model, "layer1.")[1]:
        assert abs(z) > 1e-3, "a rectifier's kink is too near for finite differences"
    assert_gradient(model, x)


@given(seed=seeds, z=st.lists(st.floats(0.3, 3.0), min_size=2, max_size=2))
@properties
def test_gradients_of_a_multiplicative_combination(seed: int, z: list[float]) -> None:
    module = Multiplicative(2, 2)
    randomise(module, seed)
    assert_gradient(module, z)


@given(seed=seeds, x=st.lists(coordinates, min_size=2, max_size=2))
@settings(properties, max_examples=15)
def test_gradients_of_modules_in_sequence(seed: int, x: list[float]) -> None:
    model = Sequential(Layer(2, 2, "softplus"), Multiplicative(2, 3), Layer(3, 2), Softmax())
    randomise(model, seed)
    assume(all(y.data > 0.1 for y in model.modules[0](x)))
    assert_gradient(model, x, 1e-6)


# Where the weights start.


def weights_of(module: Module) -> Any:
    return np.array([number for name, number in module.state_dict().items() if ".w[" in name])


@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid", lambda z: z * z])
def test_glorot_and_bengio_start_uniformly(activation: Any) -> None:
    weights = weights_of(Layer(250, 50, activation))
    bound = math.sqrt(0.02)  # variance bound^2 / 3 = 2 / (250 + 50)
    assert len(weights) == 12_500
    assert 0.999 * bound < weights.max() < bound
    assert -bound < weights.min() < -0.999 * bound
    assert abs(weights.mean()) < 0.003  # 4 standard errors
    assert weights.var() == pytest.approx(2 / 300, rel=0.035)  # 4 standard errors
    assert np.mean(np.abs(weights) < bound / 2) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "activation", ["relu", "softplus", autograd.relu, autograd.softplus], ids=str
)
def test_he_et_al_start_normally_for_rectifiers(activation: Any) -> None:
    weights = weights_of(Layer(250, 50, activation))
    deviation = math.sqrt(2 / 250)
    assert abs(weights.mean()) < 4 * deviation / math.sqrt(12_500)
    assert weights.var() == pytest.approx(2 / 250, rel=0.051)  # 4 standard errors
    within = [np.mean(np.abs(weights) < k * deviation) for k in (1, 2, 3)]
    assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.017)
    assert np.abs(weights).max() > 3.2 * deviation


def test_every_layer_of_a_network_starts_by_its_own_widths() -> None:
    model = MLP(150, [50, 100])
    first, second = weights_of(model.layer1), weights_of(model.layer2)
    assert first.var() == pytest.approx(2 / 200, rel=0.05)
    assert second.var() == pytest.approx(2 / 150, rel=0.06)
    assert np.abs(first).max() < math.sqrt(6 / 200)
    assert math.sqrt(6 / 200) < np.abs(second).max() < math.sqrt(6 / 150)


def test_a_single_neuron_counts_one_output_unless_told() -> None:
    alone = [abs(w.data) for w in Neuron(1000).w]
    assert 0.99 * math.sqrt(6 / 1001) < max(alone) < math.sqrt(6 / 1001)
    among = [abs(w.data) for w in Neuron(1000, n_outputs=500).w]
    assert 0.99 * math.sqrt(6 / 1500) < max(among) < math.sqrt(6 / 1500)


def test_biases_start_at_zero() -> None:
    for model in (MLP(3, [4, 2]), MLP(3, [4, 2], activation="relu")):
        biases = [v for name, v in model.state_dict().items() if name.endswith(".b")]
        assert biases == [0.0] * 6


def test_exponents_start_uniformly() -> None:
    exponents = np.array(data(Multiplicative(120, 80).parameters()))
    bound = math.sqrt(6 / 200)
    assert len(exponents) == 9600
    assert 0.99 * bound < exponents.max() < bound and -bound < exponents.min() < -0.99 * bound
    assert abs(exponents.mean()) < 0.005


MAKERS: list[Callable[..., Module]] = [
    lambda **options: Neuron(4, **options),
    lambda **options: Neuron(4, "relu", **options),
    lambda **options: Layer(4, 3, **options),
    lambda **options: MLP(4, [3, 2], **options),
    lambda **options: Multiplicative(4, 3, **options),
]


@pytest.mark.parametrize("make", MAKERS)
def test_the_seed_decides_the_weights(make: Callable[..., Module]) -> None:
    def start(seed: int) -> list[float]:
        return data(make(rng=random.Random(seed)).parameters())

    assert start(1) == start(1) != start(0)
    # Without one, that of how many were made so: the first, the second and the third of a program.
    assert [data(make().parameters()) for _ in range(3)] == [start(0), start(1), start(2)]
    shared = random.Random(0)
    one, two = make(rng=shared), make(rng=shared)
    assert data(one.parameters()) == start(0) != data(two.parameters())


@pytest.mark.parametrize("make", MAKERS)
def test_the_global_random_state_is_neither_used_nor_changed(make: Callable[..., Module]) -> None:
    random.seed(3)
    np.random.seed(3)
    before, numpy_before = random.getstate(), np.random.get_state()[1].tolist()
    make()
    assert random.getstate() == before
    assert np.random.get_state()[1].tolist() == numpy_before
    random.seed(4)
    assert data(make().parameters()) == data(make(rng=random.Random(1)).parameters())


def test_layers_made_in_one_way_are_no_twins() -> None:
    class Towers(Module):
        def __init__(self) -> None:
            self.a, self.b = Layer(2, 3), Layer(2, 3)

        def __call__(self, x: Any) -> list[Value]:
            return [a + b for a, b in zip(self.a(x), self.b(x))]

    model = Towers()
    numbers = data(model.parameters())
    assert len(set(numbers)) == 13, "12 weights that differ, and biases of 0"
    for y in model([1.0, -2.0]):
        (y * y).backward()
    assert model.a.neuron0.w[0].grad != model.b.neuron0.w[0].grad
    mixed = Sequential(Layer(2, 2), Multiplicative(2, 2), MLP(2, [2]), Neuron(2))
    drawn = [number for number in data(mixed.parameters()) if number]
    assert len(set(drawn)) == len(drawn) == 14


def test_the_numbers_are_the_same_in_every_process() -> None:
    program = "import nn; print([nn.Layer(2, 2).state_dict() for _ in range(3)])"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    layers = [Layer(2, 2).state_dict() for _ in range(3)]
    assert runs == {f"{layers}\n"}


def test_neurons_of_a_layer_start_differently() -> None:
    rows = {tuple(data(neuron.w)) for neuron in Layer(2, 20).neurons}
    assert len(rows) == 20


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "rng", [5, "seed", np.random.default_rng(0), random], ids=lambda r: str(type(r))
)
def test_a_generator_of_another_kind_is_refused(make: Callable[..., Module], rng: Any) -> None:
    with pytest.raises(TypeError, match=r"rng must be a random\.Random, got .*random\.Random\(1\)"):
        make(rng=rng)


# Labels: what pictures, steps and error messages call the nodes.


def labels_of(root: Value) -> set[str]:
    return {node.label for node in consumers_first(root) if node.label}


def test_every_parameter_of_a_network_is_labelled_with_its_name() -> None:
    model = MLP(2, [3, 2], output="softmax")
    assert all(value.label == name for name, value in model.named_parameters())


def test_the_affine_values_and_outputs_are_labelled() -> None:
    model = MLP(1, [2, 1], output="sigmoid")
    [y] = model([0.5])
    assert labels_of(y) - {value.label for value in model.parameters()} == {
        "layer1.neuron0.z",
        "layer1.neuron0.y",
        "layer1.neuron1.z",
        "layer1.neuron1.y",
        "layer2.neuron0.z",
        "layer2.neuron0.y",
    }
    assert y.label == "layer2.neuron0.y"
    assert y.operands[0].label == "layer2.neuron0.z"  # type: ignore[union-attr]


def test_labels_without_a_name_with_one_and_of_a_linear_neuron() -> None:
    assert labels_of(Neuron(2)([1.0, 2.0])) == {"w[0]", "w[1]", "b", "z", "y"}
    assert labels_of(Neuron(1, name="n")([1.0])) == {"n.w[0]", "n.b", "n.z", "n.y"}
    # One node is both z and y then; the output is what people look for.
    assert labels_of(Neuron(1, "linear")([1.0])) == {"w[0]", "b", "y"}
    assert Layer(1, 1, name="top")([1.0])[0].label == "top.neuron0.y"


def test_labels_of_softmax_and_multiplicative() -> None:
    model = MLP(1, [2], output="softmax")
    assert [y.label for y in model([1.0])] == ["softmax.y[0]", "softmax.y[1]"]
    assert [v.label for v in Multiplicative(1, 2, name="m").parameters()] == [
        "m.alpha[0][0]",
        "m.alpha[1][0]",
    ]
    assert Multiplicative(1, 1).parameters()[0].label == "alpha[0][0]"


def test_labels_of_inputs_are_left_alone() -> None:
    x = Value(1.0, "mine")
    MLP(1, [2, 1])([x])
    Softmax()([x, x])
    assert x.label == "mine"


# What is refused, and what the message says.

REFUSED_WIDTHS: list[tuple[Any, type[Exception], str]] = [
    (0, ValueError, "of at least 1, got 0"),
    (-3, ValueError, "of at least 1, got -3"),
    (2.0, TypeError, "of at least 1, got 2.0 of type float"),
    ("2", TypeError, "of at least 1, got '2' of type str"),
    (True, TypeError, "of at least 1, got True of type bool"),
    (None, TypeError, "of at least 1, got None of type NoneType"),
]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("n_inputs", lambda width: Neuron(width)),
        ("n_outputs", lambda width: Neuron(1, n_outputs=width)),
        ("n_inputs", lambda width: Layer(width, 2)),
        ("n_outputs", lambda width: Layer(2, width)),
        ("n_inputs", lambda width: Multiplicative(width, 2)),
        ("n_outputs", lambda width: Multiplicative(2, width)),
        ("n_inputs", lambda width: MLP(width, [2])),
        ("each of widths", lambda width: MLP(2, [3, width])),
    ],
)
@pytest.mark.parametrize(("width", "error", "message"), REFUSED_WIDTHS)
def test_widths_are_whole_numbers_of_at_least_one(
    name: str, make: Callable[[Any], Module], width: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        make(width)
    assert str(caught.value) == f"{name} must be a whole number {message}"


@pytest.mark.parametrize("widths", [[], (), 3, "16", None, 2.5])
def test_widths_must_list_one_layer_at_least(widths: Any) -> None:
    with pytest.raises(
        ValueError, match=r"widths lists .* write for example MLP\(2, \[16, 1\]\)"
    ) as e:
        MLP(2, widths)
    assert f"got {widths!r};" in str(e.value)


KNOWN = ", ".join(ACTIVATIONS)


@pytest.mark.parametrize(
    "make",
    [
        lambda activation: Neuron(2, activation),
        lambda activation: Layer(2, 2, activation),
        lambda activation: MLP(2, [3, 1], activation=activation),
        lambda activation: MLP(2, [1], activation=activation),  # unused there, and still checked
    ],
)
@pytest.mark.parametrize("activation", ["swish", "Tanh", "", None, 3, ["tanh"]])
def test_an_unknown_activation_is_refused(make: Callable[[Any], Module], activation: Any) -> None:
    with pytest.raises(ValueError, match=f"must be one of {KNOWN}, or a function of a Value") as e:
        make(activation)
    assert str(e.value).endswith(f"got {activation!r}")


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'argmax'"):
        MLP(2, [3, 1], output="argmax")


def test_softmax_is_no_activation_of_one_neuron() -> None:
    with pytest.raises(ValueError, match=r"got 'softmax'; softmax is for MLP\(\.\.\., output="):
        MLP(2, [3, 2], activation="softmax")
    with pytest.raises(ValueError, match=r"got 'softmax'; softmax is for MLP\(\.\.\., output="):
        Neuron(2, "softmax")


@pytest.mark.parametrize(
    ("result", "shown"), [(1.5, "1.5 of type float"), (None, "None of type NoneType")]
)
def test_an_activation_that_leaves_the_graph_is_named(result: Any, shown: str) -> None:
    model = MLP(1, [1, 1], activation=lambda z: result)
    with pytest.raises(TypeError) as caught:
        model([1.0])
    assert str(caught.value).startswith(
        f"the activation of layer1.neuron0 returned {shown}; it must compute a Value"
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (Neuron(3), "Neuron"),
        (Neuron(3, name="n"), "n"),
        (Layer(3, 2), "Layer"),
        (Layer(3, 2, name="top"), "top"),
        (MLP(3, [2, 1]), "layer1"),
        (Multiplicative(3, 1), "Multiplicative"),
        (Multiplicative(3, 1, name="m"), "m"),
    ],
)
def test_an_input_of_a_wrong_width_is_refused_with_both_widths(module: Any, name: str) -> None:
    for x in ([1.0, 2.0], np.ones(2), [Value(1.0)] * 2, (1, 2)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            module(x)
        assert str(caught.value) == (
            f"{name} takes 3 inputs, got 2; give it a list of 3, or build the network with "
            f"n_inputs=2"
        )
    with pytest.raises(ValueError, match=r"takes 3 inputs, got 0; give it a list of 3$"):
        module([])


@pytest.mark.parametrize("module", [Neuron(3), Layer(3, 2), MLP(3, [1]), Multiplicative(3, 1)])
@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (1.0, "1.0 of type float"),
        ("abc", "'abc' of type str"),
        (b"abc", "b'abc' of type bytes"),
        (None, "None of type NoneType"),
        (Value(2.0), "Value(data=2.0, grad=0.0) of type Value"),
    ],
    ids=["float", "str", "bytes", "None", "Value"],
)
def test_an_input_that_is_no_list_is_refused(module: Any, x: Any, shown: str) -> None:
    with pytest.raises(TypeError) as caught:
        module(x)
    assert "takes a list of 3 numbers or Values, got " + shown in str(caught.value)
    assert "an input is one list of 3, and a data set a list of such lists" in str(caught.value)


@pytest.mark.parametrize("module", [Layer(2, 2), MLP(2, [1]), Multiplicative(2, 1), Softmax()])
@pytest.mark.parametrize(
    ("bad", "shown"),
    [("1", "'1' of type str"), (1j, "1j of type complex")],
)
def test_an_entry_that_is_no_number_is_named(module: Any, bad: Any, shown: str) -> None:
    with pytest.raises(TypeError) as caught:
        module([0.5, bad])
    assert f"takes numbers or Values, but input 1 is {shown}" in str(caught.value)
    assert "convert it to a float first" in str(caught.value)


def test_a_neuron_refuses_an_entry_that_is_no_number() -> None:
    with pytest.raises(TypeError, match="got 'a' of type str"):
        Neuron(2)([0.5, "a"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="input 1 is 'a' of type str"):
        Neuron(2)((0.5, "a"))  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [Layer(2, 2), MLP(2, [1]), Multiplicative(2, 1)])
@pytest.mark.parametrize("T", [1, 2, 3])
def test_a_whole_data_set_is_told_from_one_input(module: Any, T: int) -> None:
    error = TypeError if T == 2 else ValueError
    for X in ([[0.5, 1.0]] * T, np.ones((T, 2))):
        with pytest.raises(error, match=r"one input at a time, .*through nn\.predict\(model, X\)"):
            module(X)


def test_softmax_refuses_what_is_no_list_and_an_empty_one() -> None:
    with pytest.raises(TypeError, match=r"Softmax takes a list of numbers or Values, got 1\.0"):
        Softmax()(1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Softmax takes a list of numbers or Values, got 'ab'"):
        Softmax()("ab")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of no values is not defined"):
        Softmax()([])


def test_sequential_takes_modules_one_at_least() -> None:
    with pytest.raises(ValueError, match="takes one module at least"):
        Sequential()
    with pytest.raises(TypeError, match=r"number 1 is .*relu.* of type Op; derive a class from nn"):
        Sequential(Layer(1, 1), autograd.relu)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="number 0 is 'tanh' of type str"):
        Sequential("tanh")  # type: ignore[arg-type]


def test_a_value_that_an_activation_only_hands_on_keeps_its_label() -> None:
    threshold = Value(0.5, "threshold")
    neuron = neuron_with([1.0], 0.0, lambda z: threshold)
    assert neuron([2.0]) is threshold and threshold.label == "threshold"


def test_layers_without_a_name_are_called_after_their_place() -> None:
    own = Layer(2, 2, name="mine")
    model = Sequential(MLP(3, [2, 2]), Layer(2, 2), own, Multiplicative(2, 1), Neuron(1))
    labels = {p.label.rpartition(".")[0] for p in model.parameters()}
    neurons = {
        f"{layer}.neuron{j}" for layer in ("layer1", "layer2", "layer3", "mine") for j in (0, 1)
    }
    assert labels == neurons | {"layer4", "layer5"}
    y = Sequential(Layer(2, 2), Layer(2, 1))([1.0, 2.0])[0]
    assert y.label == "layer2.neuron0.y"
    with pytest.raises(ValueError, match=r"layer1 takes 2 inputs"):
        Sequential(Layer(2, 2))([1.0])
