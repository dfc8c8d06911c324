"""Tests of `nn.Module`: which parameters it finds, how it names them, and its state.

The names are typed out by hand, and every way to load a bad state is followed by a look at all
the parameters, which must not have moved.
"""

import copy
import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value
from nn import MLP, SGD, Layer, Module, Multiplicative, Neuron, Sequential, Softmax, fit
from nn.divergences import l2

every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])
properties = settings(max_examples=50, deadline=None, derandomize=True, database=None)


class Parts(Module):
    """A module with whatever attributes it is given, in that order."""

    def __init__(self, **parts: Any) -> None:
        for name, part in parts.items():
            setattr(self, name, part)


def names(module: Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


def bits(module: Module) -> list[str]:
    return [value.data.hex() for value in module.parameters()]


# Which parameters there are, and what they are called.


def test_a_network_names_layer_neuron_and_weight_in_the_lectures_order() -> None:
    assert names(MLP(2, [3, 1])) == [
        "layer1.neuron0.w[0]",
        "layer1.neuron0.w[1]",
        "layer1.neuron0.b",
        "layer1.neuron1.w[0]",
        "layer1.neuron1.w[1]",
        "layer1.neuron1.b",
        "layer1.neuron2.w[0]",
        "layer1.neuron2.w[1]",
        "layer1.neuron2.b",
        "layer2.neuron0.w[0]",
        "layer2.neuron0.w[1]",
        "layer2.neuron0.w[2]",
        "layer2.neuron0.b",
    ]


def test_more_than_ten_neurons_stay_in_order() -> None:
    biases = [name for name in names(Layer(1, 12)) if name.endswith(".b")]
    assert biases == [f"neuron{j}.b" for j in range(12)]


def test_names_of_the_other_modules() -> None:
    assert names(Neuron(2)) == ["w[0]", "w[1]", "b"]
    assert names(Multiplicative(2, 2)) == [
        "alpha[0][0]",
        "alpha[0][1]",
        "alpha[1][0]",
        "alpha[1][1]",
    ]
    assert names(Softmax()) == []
    assert names(Sequential(Neuron(1), Softmax(), Neuron(1))) == [
        "modules[0].w[0]",
        "modules[0].b",
        "modules[2].w[0]",
        "modules[2].b",
    ]


def test_values_modules_lists_and_tuples_are_searched_in_the_order_of_assignment() -> None:
    z, a, c, d, e = (Value(float(i)) for i in range(5))
    module = Parts(
        last=z, first=a, pair=(c, [d]), size=3, text="w", nothing=None, inner=Parts(scale=e)
    )
    assert list(module.named_parameters()) == [
        ("last", z),
        ("first", a),
        ("pair[0]", c),
        ("pair[1][0]", d),
        ("inner.scale", e),
    ]
    assert module.parameters() == [z, a, c, d, e]


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass(slots=True)
class Gate:
    bias: Value
    size: int
    inner: Any = None


def test_parameters_are_found_in_whatever_holds_them() -> None:
    a, b, c, d, e, f, g, h, i, j, k = (Value(float(i)) for i in range(11))
    array = np.array([[a, b], [c, None]], dtype=object)
    module = Parts(
        heads={"left": Parts(b=d), 2: [e], tuple: f, None: ({"deep": deque([g])},)},
        grid=array,
        single=np.array(h, dtype=object),
        numbers=np.zeros(3),
        pair=Pair(i, a),
        gate=Gate(j, 3),
        space=SimpleNamespace(w=k, text="w"),
    )
    assert list(module.named_parameters()) == [
        ("heads['left'].b", d),
        ("heads[2][0]", e),
        ("heads[#2]", f),
        ("heads[None][0]['deep'][0]", g),
        ("grid[0, 0]", a),
        ("grid[0, 1]", b),
        ("grid[1, 0]", c),
        ("single", h),
        ("pair[0]", i),
        ("gate.bias", j),
        ("space.w", k),
    ]


@every_engine
def test_what_containers_hold_is_trained_saved_and_reset(engine: str, tmp_path: Path) -> None:
    # y = 3 x_0 - 2 x_1 + 1, which gradient descent finds whatever its parameters stand in.
    class Line(Module):
        def __init__(self) -> None:
            self.w = np.array([Value(0.0), Value(0.0)], dtype=object)
            self.heads = {"b": ({"b": Value(0.0)},)}

        def __call__(self, x: Any) -> Any:
            return self.w @ np.array(x, dtype=object) + self.heads["b"][0]["b"]

    X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    D = [1.0, 4.0, -1.0, 2.0]
    model = Line()
    fit(model, X, D, divergence=l2, optimizer=SGD(0.5), epochs=200, engine=engine, progress=False)
    state = model.state_dict()
    assert list(state) == ["w[0]", "w[1]", "heads['b'][0]['b']"]
    assert list(state.values()) == pytest.approx([3.0, -2.0, 1.0], abs=1e-6)
    model.save(tmp_path / "model")
    other = Line()
    other.load(tmp_path / "model")
    assert other.state_dict() == state
    model([1.0, 2.0]).backward()
    assert [p.grad for p in model.parameters()] == [1.0, 2.0, 1.0]
    model.zero_grad()
    assert [p.grad for p in model.parameters()] == [0.0] * 3


def test_containers_in_a_circle_end() -> None:
    ring: dict[str, Any] = {"w": Value(1.0)}
    ring["ring"], ring["list"] = ring, [ring]
    array = np.array([None, Value(2.0)], dtype=object)
    array[0] = array
    space = SimpleNamespace(b=Value(3.0))
    space.space = space
    assert names(Parts(ring=ring, array=array, space=space)) == ["ring['w']", "array[1]", "space.b"]


def test_a_value_that_was_computed_is_no_parameter() -> None:
    model = Parts(w=Value(2.0))
    model.last = model.w * 3.0  # type: ignore[attr-defined]
    model.seen = [model.last, model.w]  # type: ignore[attr-defined]
    assert names(model) == ["w"]
    assert model.state_dict() == {"w": 2.0}


def test_two_parameters_never_share_a_name() -> None:
    module = Parts(a=Parts(w=Value(1.0)))
    setattr(module, "a.w", Value(2.0))
    setattr(module, "a.w#2", Value(3.0))
    assert module.state_dict() == {"a.w": 1.0, "a.w#2": 2.0, "a.w#2#2": 3.0}


containers = st.recursive(
    st.builds(Value, st.floats(-9.0, 9.0)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(deque)
        | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(lambda x: Parts(**x))
        | st.lists(inner, max_size=3).map(lambda x: np.array([*x, None], dtype=object)[:-1])
    ),
    max_leaves=12,
)


@given(containers)
@properties
def test_every_value_in_nested_containers_is_found_once_by_a_name_that_leads_to_it(
    held: Any,
) -> None:
    module = Parts(held=held)
    found = dict(module.named_parameters())
    for name, value in found.items():
        assert eval(f"module.{name}") is value  # as a path of Python's

    def count(x: Any) -> int:
        if isinstance(x, Value):
            return 1
        inside = vars(x).values() if isinstance(x, Parts) else x
        return sum(map(count, x.values() if isinstance(x, dict) else inside))

    assert len(found) == count(held)


def test_an_underscore_keeps_an_attribute_out() -> None:
    module = Parts(_hidden=Value(1.0), shown=Value(2.0), _inner=Parts(w=Value(3.0)))
    assert names(module) == ["shown"]


def test_a_shared_parameter_counts_once_under_its_first_name() -> None:
    shared = Value(1.0)
    layer = Layer(2, 2)
    module = Parts(b=[shared, Value(2.0)], a=shared, one=layer, two=layer, all=(layer, shared))
    assert names(module) == ["b[0]", "b[1]", *(f"one.{name}" for name in names(layer))]
    assert module.parameters().count(shared) == 1
    assert len(Sequential(layer, layer).parameters()) == 6


def test_equal_numbers_are_still_different_parameters() -> None:
    assert len(Parts(a=Value(1.0), b=Value(1.0)).parameters()) == 2


def test_a_module_that_knows_its_parent_is_searched_once() -> None:
    child = Parts(w=Value(1.0))
    parent = Parts(child=child, b=Value(2.0))
    child.parent = parent  # type: ignore[attr-defined]
    assert names(parent) == ["child.w", "b"]


def test_modules_may_nest_to_any_depth() -> None:
    module = Parts(w=Value(7.0))
    for _ in range(5000):
        module = Parts(m=module)
    [(name, value)] = module.named_parameters()
    assert name == "m." * 5000 + "w"
    assert value.data == 7.0


def test_an_attribute_assigned_later_is_found() -> None:
    module = Parts(w=Value(1.0))
    module.late = Value(2.0)  # type: ignore[attr-defined]
    assert names(module) == ["w", "late"]


def test_zero_grad_resets_the_parameters_and_nothing_else() -> None:
    model, x = MLP(1, [2, 1]), Value(0.5)
    [y] = model([x])
    y.backward()
    assert all(value.grad != 0.0 for value in model.parameters())
    before = x.grad
    model.zero_grad()
    assert [value.grad for value in model.parameters()] == [0.0] * 7
    assert x.grad == before != 0.0


def test_a_module_without_a_forward_pass_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"^Parts defines no __call__\(self, x\)$"):
        Parts()(1.0)


def test_repr_says_the_shape_and_counts_the_parameters() -> None:
    assert repr(MLP(2, [16, 1])) == "MLP(2 -> 16 tanh -> 1, 65 parameters)"
    softmax = MLP(2, [4, 3], "relu", output="softmax")
    assert repr(softmax) == "MLP(2 -> 4 relu -> 3 softmax, 27 parameters)"
    assert repr(Layer(2, 3, math.tanh)) == "Layer(2 -> 3 tanh, 9 parameters)"
    assert repr(Sequential(Layer(2, 2), Softmax())) == "Sequential(Layer, Softmax, 6 parameters)"
    assert repr(Softmax()) == "Softmax(0 parameters)"
    assert repr(Parts()).startswith("Parts(")


def test_a_deep_copy_is_a_network_of_its_own() -> None:
    model = MLP(2, [3, 2], output="softmax")
    twin = copy.deepcopy(model)
    before = bits(model)
    assert bits(twin) == before
    for value in twin.parameters():
        value.data += 1.0
    assert bits(model) == before
    assert twin([1.0, 2.0])[0].data != model([1.0, 2.0])[0].data


# The state.


def test_the_state_is_the_numbers_by_name_in_order() -> None:
    module = Parts(a=Value(1.5), b=[Value(-2), Value(0.25)])
    state = module.state_dict()
    assert list(state.items()) == [("a", 1.5), ("b[0]", -2.0), ("b[1]", 0.25)]
    assert all(type(number) is float for number in state.values())
    state["a"] = 9.0
    assert module.state_dict()["a"] == 1.5


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
@properties
def test_a_loaded_state_is_there_bit_for_bit(numbers: list[float]) -> None:
    model = Neuron(2)
    values = model.parameters()
    labels = [value.label for value in values]
    model.load_state_dict(dict(zip(["b", "w[1]", "w[0]"], numbers, strict=True)))
    assert bits(model) == [numbers[2].hex(), numbers[1].hex(), numbers[0].hex()]
    assert model.parameters() == values, "the Values themselves must stay, optimizers hold them"
    assert [value.label for value in values] == labels


def test_a_state_travels_between_networks_of_one_shape() -> None:
    import random

    one, two = MLP(2, [3, 1]), MLP(2, [3, 1], rng=random.Random(5))
    assert bits(one) != bits(two)
    two.load_state_dict(one.state_dict())
    assert bits(one) == bits(two)


def test_integers_fractions_and_numpy_scalars_are_numbers() -> None:
    module = Parts(a=Value(0.0), b=Value(0.0), c=Value(0.0), d=Value(0.0))
    module.load_state_dict(
        {"a": 3, "b": np.float32(0.5), "c": np.int64(-4), "d": Fraction(1, 8)}  # type: ignore[dict-item]
    )
    assert module.state_dict() == {"a": 3.0, "b": 0.5, "c": -4.0, "d": 0.125}
    assert all(type(value.data) is float for value in module.parameters())


def test_a_shared_parameter_is_loaded_by_its_one_name() -> None:
    shared = Value(1.0)
    module = Parts(a=shared, b=shared)
    module.load_state_dict({"a": 4.0})
    assert shared.data == 4.0
    with pytest.raises(ValueError, match="unknown b"):
        module.load_state_dict({"a": 4.0, "b": 4.0})


def changed(name: str, number: object) -> Callable[[dict[str, float]], Any]:
    def change(state: dict[str, float]) -> object:
        return {**state, name: number}

    return change


def without(*gone: str) -> Callable[[dict[str, float]], Any]:
    def change(state: dict[str, float]) -> object:
        return {name: number for name, number in state.items() if name not in gone}

    return change


BAD_STATES: dict[str, tuple[Callable[[dict[str, float]], Any], type[Exception], list[str]]] = {
    "one is missing": (without("b"), ValueError, ["Neuron of 3 parameters", "missing b;"]),
    "two are missing": (without("w[1]", "b"), ValueError, ["missing b, w[1];", "same shape"]),
    "all are missing": (lambda state: {}, ValueError, ["missing b, w[0], w[1];"]),
    "one is too many": (changed("w[2]", 1.0), ValueError, ["unknown w[2];", "same shape"]),
    "a wrong name": (
        lambda state: {"w[0]": 5.0, "w[1]": 6.0, "bias": 7.0},
        ValueError,
        ["missing b;", "unknown bias;"],
    ),
    "a name that is no string": (changed(3, 1.0), ValueError, ["unknown 3;"]),  # type: ignore[arg-type]
    "many wrong names": (
        lambda state: {**state, **{f"v[{i}]": 0.0 for i in range(5)}},
        ValueError,
        ["unknown v[0], v[1], v[2] and 2 more;"],
    ),
    "nan": (changed("b", math.nan), ValueError, ["nan for b", "finite"]),
    "inf": (changed("w[1]", math.inf), ValueError, ["inf for w[1]", "finite"]),
    "-inf": (changed("b", -math.inf), ValueError, ["-inf for b", "finite"]),
    "too large for a float": (changed("b", 10**400), ValueError, ["for b", "finite"]),
    "a string": (changed("b", "0.5"), TypeError, ["'0.5' of type str for b", "a number"]),
    "None": (changed("b", None), TypeError, ["None of type NoneType for b"]),
    "a bool": (changed("b", True), TypeError, ["True of type bool for b"]),
    "a list": (changed("b", [0.5]), TypeError, ["[0.5] of type list for b"]),
    "a complex number": (changed("b", 1j), TypeError, ["1j of type complex for b"]),
    "a list of numbers": (lambda state: [1.0, 2.0, 3.0], TypeError, ["a dict", "type list"]),
    "nothing": (lambda state: None, TypeError, ["a dict", "None of type NoneType"]),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_a_bad_state_is_refused_and_changes_nothing(case: str) -> None:
    change, error, fragments = BAD_STATES[case]
    model = Neuron(2)
    before = bits(model)
    # The numbers that could be loaded differ from those in place, so that half a load would show.
    good = {name: number + 1.0 for name, number in model.state_dict().items()}
    with pytest.raises(error) as caught:
        model.load_state_dict(change(good))
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert bits(model) == before


# Labels -------------------------------------------------------------------------------------------


class Cell(nn.Module):
    """With layers, a list that grows, a label and a name of its user's, and a leaf of its own."""

    def __init__(self) -> None:
        self.l1, self.l2 = nn.Layer(2, 2), nn.Layer(2, 1, "linear")
        self.ws: list[Value] = []
        for i in range(2):
            self.ws.append(Value(0.5 * i))
        self.mine = Value(2.0, "theta")
        self.encoder = nn.Layer(1, 1, name="enc")
        self._hidden = Value(1.0)

    def __call__(self, x: Any) -> Value:
        [y] = self.l2(self.l1(x))
        return y * self.mine + self.ws[1]


def test_parameters_are_labelled_with_their_paths_unless_their_user_has() -> None:
    cell = Cell()
    own = {"mine": "theta", "encoder.neuron0.w[0]": "enc.neuron0.w[0]"}
    own["encoder.neuron0.b"] = "enc.neuron0.b"
    for path, value in cell.named_parameters():
        assert value.label == own.get(path, path)
    assert cell._hidden.label == ""

    class Pair(nn.Module):
        def __init__(self) -> None:
            self.first, self.others = cell, [Cell(), nn.MLP(2, [1])]

    for path, value in Pair().named_parameters():
        inner = path.removeprefix("first.").removeprefix("others[0].")
        assert value.label == own.get(inner, path)
    assert cell.l1.neuron0.name == "first.l1.neuron0"  # type: ignore[attr-defined]
    assert cell.l1([1.0, 2.0])[0].label == "first.l1.neuron0.y"


def test_a_risk_and_its_terms_have_names_to_step_by() -> None:
    cell = Cell()
    loss = nn.EmpiricalRisk(cell, nn.divergences.l2)([[1.0, 2.0], [0.0, 1.0]], [1.0, 0.0])
    s = autograd.step_through(loss)
    assert loss.label == "Loss"
    assert str(s.why("l1.neuron0.w[0]")).startswith("dLoss/dl1.neuron0.w[0] = ")
    assert s.until("div[1]").startswith("until div[1]: ")
    s.add_breakpoint("ws[1]")
    assert "before ws[1] changes" in s.run()
    frames = re.findall("label=<<B>(.*?)</B>", autograd.draw(loss, max_nodes=60).source)
    assert sorted(frames) == ["l1", "l2.neuron0", "neuron0", "neuron1"]


def test_a_copy_keeps_its_labels_and_a_label_given_later_stays() -> None:
    cell = copy.deepcopy(Cell())
    assert [x.label for x in cell.ws] == ["ws[0]", "ws[1]"]
    cell.ws[0].label = "mine too"

    class Outer(nn.Module):
        def __init__(self) -> None:
            self.cell = cell

    assert Outer().cell.ws[0].label == "mine too"
    assert cell.l1.neuron0.b.label == "cell.l1.neuron0.b"  # type: ignore[attr-defined]
