"""The contract of ``Value``: what it is made of, every operator, and what it refuses."""

import copy
import decimal
import fractions
import math
import operator
import pickle
import re
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value
from autograd.core import ops


def message(*parts: str) -> str:
    return ".*".join(map(re.escape, parts))


# Construction ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (2, 2.0),
        (-0.5, -0.5),
        (fractions.Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.float64(1.5), 1.5),
        (np.int8(-3), -3.0),
        (np.uint64(2**63), 9223372036854775808.0),
        (2**53 + 1, 9007199254740992.0),
        (math.inf, math.inf),
    ],
    ids=lambda x: repr(x)[:16],
)
def test_is_a_leaf_that_holds_the_nearest_float(number: Any, data: float) -> None:
    v = Value(number)
    assert type(v.data) is float and v.data == data
    assert (v.grad, v.label, v.op, v.operands) == (0.0, "", None, ())
    assert type(v.grad) is float


def test_a_number_that_no_float_can_hold_is_refused_wherever_it_comes_in() -> None:
    v = Value(1.0)

    def assign(number: Any) -> None:
        v.data = number

    for huge in (10**400, -(10**5000), fractions.Fraction(10**400)):
        for use in (
            Value, assign, autograd.exp, v.maximum, lambda x: v * x, lambda x: x - v,
            lambda x: autograd.sum([v, x]), lambda x: autograd.prod([v, x]),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"that a float can hold, at most 1.8e308"):
                use(huge)  # type: ignore[operator]
    assert v.data == 1.0


def test_what_is_assigned_is_taken_as_by_the_constructor_or_refused() -> None:
    v = Value(1.5, "v")
    for number in (2, np.float32(2.0), np.uint8(2), fractions.Fraction(2), np.longdouble(2.0)):
        v.data = v.grad = number  # type: ignore[assignment]
        assert type(v.data) is type(v.grad) is float and v.data == v.grad == 2.0
    v.data = np.uint8(200)  # type: ignore[assignment]
    assert (v * v).data == 40_000.0, "and not 64, as bytes have it"
    for bad in (True, "5", None, 1j, [1.0], np.array([1.0]), Value(3.0)):
        for attribute in ("data", "grad"):
            with pytest.raises(TypeError, match=rf"^Value\({attribute}\): expected a real number"):
                setattr(v, attribute, bad)
    for label in (5, None, b"w"):
        with pytest.raises(TypeError, match=r"^Value\(label\): expected a str"):
            v.label = label  # type: ignore[assignment]
    assert (v.data, v.grad, v.label) == (200.0, 2.0, "v")


@pytest.mark.parametrize("truth", [True, np.bool_(True)])
def test_a_bool_as_an_operand_is_0_or_1(truth: Any) -> None:
    v = Value(3.0)
    assert [(v + truth).data, (truth - v).data, (v * (not truth)).data] == [4.0, -2.0, 0.0]
    assert autograd.maximum(v, truth).data == 3.0 and autograd.exp(truth) == math.e
    assert autograd.where(truth, v, 0.0) is v and autograd.sum([v, truth, truth]).data == 5.0
    assert v > truth and not v <= truth
    mask = np.array([truth, not truth])
    assert [x.data for x in mask * np.array([v, v])] == [3.0, 0.0]


def test_numpys_deviation_of_values_has_its_gradient() -> None:
    xs = [Value(x) for x in (1.0, 2.0, 6.0)]
    variance, deviation = np.var(xs), np.std(np.array(xs))
    assert variance.data == pytest.approx(14 / 3) and deviation.data == pytest.approx(2.1602469)
    slopes = autograd.grad(variance, xs)  # 2 (x - mean) / n
    assert slopes == pytest.approx((-4 / 3, -2 / 3, 2.0))


# Whether a graph still holds ---------------------------------------------------------------------


def test_a_graph_whose_leaf_was_assigned_to_is_refused_and_can_be_computed_again() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    loss = a * b
    loss.label = "loss"
    b.data = 100.0
    said = "loss = a * b holds 6.0, but 2.0 * 100.0 is 200.0"
    for use in (
        loss.backward,
        lambda: autograd.grad(loss, [a]),
        lambda: autograd.grad(-loss, [a], True),
    ):
        with pytest.raises(autograd.StaleGraphError, match=f"^{re.escape(said)}.*recompute"):
            use()
    assert (a.grad, b.grad, loss.data) == (0.0, 0.0, 6.0), "nothing has been written"
    loss.recompute()
    loss.backward()
    assert (loss.data, a.grad, b.grad) == (200.0, 100.0, 2.0)
    b.data = 3.0
    with pytest.raises(autograd.StaleGraphError, match=r"holds 200.0"):
        loss.backward()


def test_what_does_not_change_a_number_is_no_reason_to_refuse() -> None:
    a = Value(2.0)
    unused, clipped = Value(1.0), autograd.relu(Value(-1.0))
    loss = a * a + clipped
    a.data = 2.0
    unused.data = 7.0
    clipped.operands[0].data = -5.0  # type: ignore[union-attr]
    loss.backward()
    assert a.grad == 4.0
    a.data = math.nan
    poisoned = a * a
    a.data = math.nan
    poisoned.backward()
    zero = Value(0.0)
    inverse = zero * 1.0
    zero.data = -0.0
    with pytest.raises(autograd.StaleGraphError, match=r"holds 0.0, but \(-0.0\) [*] 1.0 is -0.0"):
        inverse.backward()


def test_a_number_assigned_to_an_interior_node_is_noticed_there() -> None:
    a = Value(2.0)
    h = a * 3.0
    loss = h * h
    h.data = 7.0
    for root in (h, loss, h + 1.0):
        with pytest.raises(autograd.StaleGraphError, match=r"holds 7.0, but 2.0 [*] 3.0 is 6.0"):
            root.backward()
    again = [copy.copy(h), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))]
    for root in again:
        with pytest.raises(autograd.StaleGraphError):
            root.backward()
        root.recompute()
        root.backward()
    a.grad = 0.0
    loss.recompute()
    loss.backward()
    assert (h.data, loss.data, a.grad) == (6.0, 36.0, 36.0)
    h.data = 6.0
    loss.backward()


def test_a_graph_that_another_recomputes_is_known_to_be_old() -> None:
    a = Value(2.0)
    shared = a * a
    first, second = shared + 1.0, shared * 2.0
    a.data = 3.0
    first.recompute()
    first.backward()
    assert a.grad == 6.0
    with pytest.raises(autograd.StaleGraphError, match=r"holds 8.0, but 9.0 [*] 2.0 is 18.0"):
        second.backward()


def test_graphs_made_before_and_after_an_assignment_hold() -> None:
    w = Value(1.0)
    for step in range(3):
        old, loss = w * 1.0, (w - 3.0) ** 2
        w.grad = 0.0
        loss.backward()
        w.data -= 0.25 * w.grad
        assert autograd.grad(w * w, [w]) == (2 * w.data,)
        with pytest.raises(autograd.StaleGraphError):
            old.backward()
        del step


def test_keeps_nan_and_the_sign_of_zero() -> None:
    assert math.isnan(Value(math.nan).data) and math.isnan(Value(np.float32("nan")).data)
    assert math.copysign(1.0, Value(-0.0).data) == -1.0


def test_label_is_a_string() -> None:
    assert Value(1.0, "w").label == "w" and Value(1.0, label="ü {x}").label == "ü {x}"
    for label in (3, None, b"w"):
        with pytest.raises(TypeError, match=message("Value(label)", "expected a str", "got")):
            Value(1.0, label)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "thing",
    [True, False, "1.0", b"1", None, 1j, [1.0], (), {}, decimal.Decimal("1.5"), np.bool_(True)],
    ids=repr,
)
def test_data_that_is_no_real_number_is_refused_by_name(thing: Any) -> None:
    expected = message("Value(data): expected a real number", f"of type {type(thing).__name__}")
    with pytest.raises(TypeError, match=expected):
        Value(thing)


def test_data_of_other_graphs_and_arrays_is_refused() -> None:
    for thing in (Value(1.0), np.array(1.0), np.array([1.0]), object()):
        with pytest.raises(TypeError, match=message("Value(data): expected a real number")):
            Value(thing)  # type: ignore[arg-type]


def test_a_long_thing_is_shown_in_short() -> None:
    with pytest.raises(TypeError) as error:
        Value("x" * 10_000)  # type: ignore[arg-type]
    assert len(str(error.value)) < 300 and "..." in str(error.value)
    for length, shown in ((58, f"'{'x' * 58}'"), (59, f"'{'x' * 56}...")):
        with pytest.raises(TypeError, match=message(f"got {shown} of type str")):
            Value("x" * length)  # type: ignore[arg-type]


def test_the_methods_of_an_unknown_name_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="expp"):
        Value(1.0).expp()  # type: ignore[attr-defined]


def test_has_no_room_for_a_misspelt_attribute() -> None:
    with pytest.raises(AttributeError):
        Value(1.0).gard = 0.0  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        Value(1.0).gard  # type: ignore[attr-defined]  # noqa: B018


# Operators ---------------------------------------------------------------------------------------

OPERATORS: list[tuple[Callable[[Any, Any], Any], str, float, float, float]] = [
    (operator.add, "add", 3.0, 2.0, 5.0),
    (operator.sub, "sub", 3.0, 2.0, 1.0),
    (operator.mul, "mul", 3.0, 2.0, 6.0),
    (operator.truediv, "div", 3.0, 2.0, 1.5),
    (operator.pow, "pow", 3.0, 2.0, 9.0),
]
each_operator = pytest.mark.parametrize(
    ("apply", "name", "x", "y", "z"), OPERATORS, ids=[name for _, name, *_ in OPERATORS]
)


@each_operator
def test_operator_on_two_values_is_one_node(
    apply: Callable[[Any, Any], Any], name: str, x: float, y: float, z: float
) -> None:
    a, b = Value(x), Value(y)
    node = apply(a, b)
    assert type(node) is Value and node.data == z
    assert node.op is ops.OPS[name]
    assert node.operands == (a, b)
    assert (node.grad, node.label) == (0.0, "")
    assert (a.data, b.data) == (x, y)


@each_operator
def test_operator_takes_a_number_on_either_side_and_keeps_it_as_a_float(
    apply: Callable[[Any, Any], Any], name: str, x: float, y: float, z: float
) -> None:
    kinds = (float, int, fractions.Fraction, np.float64, np.float32, np.int64, np.uint8)
    for kind in kinds:
        a, b = Value(x), Value(y)
        right, left = apply(a, kind(y)), apply(kind(x), b)
        assert type(right) is type(left) is Value
        assert right.data == left.data == z
        assert type(right.data) is type(left.data) is float
        assert right.op is left.op is ops.OPS[name]
        assert right.operands == (a, y) and left.operands == (x, b)
        assert type(right.operands[1]) is type(left.operands[0]) is float


IN_PLACE: list[tuple[Callable[[Any, Any], Any], str, float]] = [
    (operator.iadd, "add", 5.0),
    (operator.isub, "sub", 1.0),
    (operator.imul, "mul", 6.0),
    (operator.itruediv, "div", 1.5),
    (operator.ipow, "pow", 9.0),
]


@pytest.mark.parametrize(("apply", "name", "z"), IN_PLACE, ids=[name for _, name, _ in IN_PLACE])
@pytest.mark.parametrize("other", [2.0, 2, np.float64(2.0), Value(2.0)], ids=lambda o: str(type(o)))
def test_in_place_operator_makes_a_new_node(
    apply: Callable[[Any, Any], Any], name: str, z: float, other: Any
) -> None:
    a = Value(3.0, "a")
    node = apply(a, other)
    assert node is not a and node.data == z and node.op is ops.OPS[name]
    assert node.operands[0] is a and (a.data, a.label, a.op) == (3.0, "a", None)
    number: Any = 3.0
    number = apply(number, Value(2.0))
    assert number.data == z and number.operands[0] == 3.0


def test_the_same_value_twice_is_two_operands() -> None:
    a = Value(3.0)
    for node in (a + a, a - a, a * a, a / a, a**a, ops.maximum(a, a), ops.sum(a, a)):
        assert len(node.operands) == 2
        assert node.operands[0] is a and node.operands[1] is a


def test_unary_operators() -> None:
    a = Value(-3.0)
    minus = -a
    assert (minus.data, minus.op, minus.operands) == (3.0, ops.neg, (a,))
    magnitude = abs(a)
    assert (magnitude.data, magnitude.op, magnitude.operands) == (3.0, ops.absolute, (a,))
    assert +a is a


def test_operators_follow_ieee_754() -> None:
    zero, huge = Value(0.0), Value(1e308)
    assert (1.0 / zero).data == math.inf and math.isnan((zero / 0).data)
    assert (zero**-1).data == math.inf and (-1 / zero).data == -math.inf
    assert (huge * 10).data == math.inf and (huge**2).data == math.inf
    assert (10 ** Value(400.0)).data == math.inf
    assert math.isnan((Value(-8.0) ** (1 / 3)).data)


@each_operator
def test_operator_refuses_what_is_no_real_number_and_says_what_came(
    apply: Callable[[Any, Any], Any], name: str, x: float, y: float, z: float
) -> None:
    symbol = ops.OPS[name].symbol
    for thing in ("a", None, 1j, [1.0], decimal.Decimal(1)):
        for operands in ((Value(x), thing), (thing, Value(x))):
            with pytest.raises(TypeError) as error:
                apply(*operands)
            said = str(error.value)
            if isinstance(thing, decimal.Decimal):  # It has operators of its own to be asked.
                assert "Decimal" in said and "Value" in said
            else:
                assert said.startswith(f"Value {symbol} ...: expected a real number")
                assert repr(thing) in said and f"of type {type(thing).__name__}" in said


def test_a_type_that_knows_values_may_answer_for_itself() -> None:
    class Knowing:
        def __radd__(self, other: object) -> str:
            return "radd"

        def __rpow__(self, other: object) -> str:
            return "rpow"

        def __gt__(self, other: object) -> str:  # type: ignore[override]
            return "gt"

    assert Value(1.0) + Knowing() == "radd"
    assert Value(1.0) ** Knowing() == "rpow"
    assert (Value(1.0) < Knowing()) == "gt"


@pytest.mark.parametrize(
    "apply",
    [
        divmod,
        operator.matmul,
        operator.lshift,
        operator.and_,
        operator.xor,
    ],
)
def test_operators_without_a_derivative_are_not_there(apply: Callable[[Any, Any], Any]) -> None:
    for operands in ((Value(3.0), 2), (2, Value(3.0)), (Value(3.0), Value(2.0))):
        with pytest.raises(TypeError, match=r"unsupported operand type\(s\)"):
            apply(*operands)


def test_is_neither_a_container_nor_callable() -> None:
    v = Value(1.0)
    for use in (iter, len, lambda v: v[0], lambda v: v(), lambda v: 1.0 in v):
        with pytest.raises(TypeError):
            use(v)


# Functions and methods ---------------------------------------------------------------------------

METHODS = ["exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu", "softplus"]


@pytest.mark.parametrize("name", [*METHODS, "stop_gradient"])
def test_function_and_method_are_the_same_node(name: str) -> None:
    x = Value(0.7)
    function, method = getattr(autograd, name), getattr(Value, name)
    for node in (function(x), method(x)):
        assert node.op is ops.OPS[name] and node.operands == (x,)
        assert node.data == function(0.7)
    assert type(function(0.7)) is type(function(1)) is type(function(np.float32(0.7))) is float


@pytest.mark.parametrize("name", ["maximum", "minimum", "xlogy"])
def test_binary_function_and_method_are_the_same_node(name: str) -> None:
    function, method = getattr(autograd, name), getattr(Value, name)
    x, y = Value(0.7), Value(2.0)
    for node in (function(x, y), method(x, y)):
        assert node.op is ops.OPS[name] and node.operands == (x, y)
    assert method(x, 2).operands == (x, 2.0) and type(method(x, 2).operands[1]) is float
    assert function(1, y).operands == (1.0, y)
    assert type(function(1, 2)) is float


# Comparison, identity, truth ---------------------------------------------------------------------


@pytest.mark.parametrize("apply", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("x", [-1.0, 2.0, 3.0, math.inf, math.nan])
def test_comparisons_are_those_of_the_data(apply: Callable[[Any, Any], Any], x: float) -> None:
    for y in (2.0, 3.0, math.nan):
        expected = apply(x, y)
        assert apply(Value(x), Value(y)) is expected
        assert apply(Value(x), y) is expected
        assert apply(x, Value(y)) is expected
        assert bool(apply(np.float64(x), Value(y))) is expected
        assert bool(apply(Value(x), np.float64(y))) is expected


def test_comparison_with_a_huge_integer_and_with_no_number() -> None:
    assert Value(1e308) < 10**400 and Value(-1e308) > -(10**400)
    for thing in ("a", None, 1j):
        with pytest.raises(TypeError, match="not supported between instances"):
            Value(1.0) < thing  # noqa: B015
        with pytest.raises(TypeError, match="not supported between instances"):
            thing >= Value(1.0)  # noqa: B015


def test_equality_and_hash_are_identity() -> None:
    a, b = Value(2.0), Value(2.0)
    assert a == a and a != b and not a == b  # noqa: SIM201
    assert a != 2.0 and 2.0 != a and not a == 2.0  # noqa: SIM201, SIM300
    assert len({a, b, a}) == 2 and {a: "a", b: "b"}[b] == "b"
    assert a in [a] and a not in [b] and [b, a].index(a) == 1
    before = hash(a)
    a.data = 5.0
    assert hash(a) == before


def test_truth_is_that_of_the_data() -> None:
    assert Value(2.0) and Value(-1e-300) and Value(math.nan)
    assert not Value(0.0) and not Value(-0.0)


# Leaving the graph -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "leave",
    [
        float,
        int,
        complex,
        round,
        math.exp,
        math.sqrt,
        math.floor,
        math.ceil,
        math.trunc,
        math.isnan,
        operator.index,
        lambda v: math.hypot(v, 1.0),
        lambda v: np.array([v]).astype(float),
        lambda v: [1, 2][v],
        lambda v: round(v, 2),
    ],
)
def test_a_plain_number_is_not_to_be_had_by_accident(leave: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as error:
        leave(Value(2.0, "w"))
    said = str(error.value)
    assert "Value(data=2.0, grad=0.0, label='w')" in said
    assert "autograd.exp(v)" in said and "v.data" in said


# Text --------------------------------------------------------------------------------------------


def test_repr() -> None:
    a = Value(2, "a")
    assert repr(a) == str(a) == f"{a}" == "Value(data=2.0, grad=0.0, label='a')"
    b = a * 0.25
    b.backward()
    assert repr(b) == "Value(data=0.5, grad=1.0)" and repr(a).startswith(
        "Value(data=2.0, grad=0.25"
    )
    assert repr(Value(math.nan)) == "Value(data=nan, grad=0.0)"


def test_format_is_that_of_the_data() -> None:
    v = Value(2.0 / 3.0, "v")
    assert f"{v:.4f}" == "0.6667" and f"{v:+.1e}" == "+6.7e-01" and f"{v:8.2f}|" == "    0.67|"
    assert f"{Value(0.25):.0%}" == "25%"
    with pytest.raises(ValueError, match="format"):
        f"{v:d}"


# NumPy -------------------------------------------------------------------------------------------


def values(*numbers: float) -> np.ndarray:
    return np.array([Value(x) for x in numbers], dtype=object)


def test_numpy_scalar_on_the_left_gives_a_value() -> None:
    v = Value(3.0)
    for node, z in (
        (np.float64(2.0) * v, 6.0),
        (np.float32(2.0) - v, -1.0),
        (np.int64(2) ** v, 8.0),
    ):
        assert type(node) is Value and node.data == z and type(node.operands[0]) is float


def test_numpy_scalar_on_the_left_does_not_warn_of_infinities() -> None:
    assert (np.float64(1e308) * Value(10.0)).data == math.inf
    assert (np.float64(1.0) / Value(0.0)).data == math.inf
    assert not np.float64(math.nan) < Value(1.0)
    assert np.exp(Value(1000.0)).data == math.inf


def test_value_with_an_array_of_numbers_is_an_array_of_values() -> None:
    v = Value(3.0)
    for array in (v * np.array([1.0, 2.0]), np.array([1.0, 2.0]) * v):
        assert array.shape == (2,) and [node.data for node in array] == [3.0, 6.0]
        assert all(v in node.operands for node in array)


def test_matrix_product_of_values() -> None:
    W = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    x = values(5.0, 6.0)
    y = W @ x
    assert [node.data for node in y] == [17.0, 39.0]
    y[1].backward()
    assert [[w.grad for w in row] for row in W] == [[0.0, 0.0], [5.0, 6.0]]
    assert [node.grad for node in x] == [3.0, 4.0]
    assert [node.data for node in W @ np.array([5.0, 6.0])] == [17.0, 39.0]
    assert [node.data for node in np.array([[1.0, 2.0]]) @ x] == [17.0]
    assert (x @ x).data == np.dot(x, x).data == 61.0


@pytest.mark.parametrize(
    ("ufunc", "name"),
    [
        (np.exp, "exp"),
        (np.log, "log"),
        (np.sqrt, "sqrt"),
        (np.sin, "sin"),
        (np.cos, "cos"),
        (np.tanh, "tanh"),
        (np.negative, "neg"),
        (np.absolute, "abs"),
    ],
)
def test_numpy_function_of_a_value_and_of_an_array_of_them(ufunc: Any, name: str) -> None:
    node = ufunc(Value(0.5))
    assert type(node) is Value and node.op is ops.OPS[name]
    array = ufunc(values(0.5, 0.7))
    assert [node.op for node in array] == [ops.OPS[name]] * 2
    np.testing.assert_allclose([node.data for node in array], ufunc([0.5, 0.7]), rtol=1e-15)


def test_numpy_reductions_and_arithmetic() -> None:
    x = values(1.0, 2.0, 3.0)
    assert np.sum(x).data == 6.0 and np.mean(x).data == 2.0 and np.prod(x).data == 6.0
    assert [node.data for node in x**2 - 1] == [0.0, 3.0, 8.0]
    assert np.max(x) is x[2] and list(x > 1.5) == [False, True, True]
    assert np.add.reduce(x).data == 6.0
    assert np.power(Value(3.0), 2).op is ops.pow


def test_numpy_function_without_a_row_says_so() -> None:
    with pytest.raises(TypeError, match=r"Value.*cbrt"):
        np.cbrt(Value(1.0))


# Nodes as objects --------------------------------------------------------------------------------


def test_can_be_referred_to_weakly_and_dies_at_once() -> None:
    v = Value(1.0)
    gone = []
    weakref.finalize(v, gone.append, True)
    del v
    assert gone == [True]


def test_a_shallow_copy_shares_the_operands() -> None:
    a = Value(2.0, "a")
    b = a * 3
    c = copy.copy(b)
    assert c is not b and c.data == 6.0 and c.op is ops.mul and c.operands[0] is a


def test_a_deep_copy_of_a_small_graph_is_a_graph_of_its_own() -> None:
    a = Value(2.0, "a")
    c = copy.deepcopy(a * a)
    assert c.op is ops.mul and c.operands[0] is c.operands[1] is not a
    c.backward()
    assert c.operands[0].grad == 4.0 and a.grad == 0.0


@pytest.mark.skipif(not hasattr(np, "longdouble"), reason="NumPy has no longdouble here")
def test_a_longdouble_is_a_number_on_either_side() -> None:
    v = Value(3.0)
    for product in (np.longdouble(2) * v, v * np.longdouble(2)):
        assert type(product) is Value
        assert product.data == 6.0
        assert type(product.data) is float
