"""Operations of a user's own: a row that somebody adds in a notebook works everywhere."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from typing import Any

import pytest

import autograd
from autograd import Op, Value, check_gradient, derivative, draw, grad, hessian, lower, step_through
from autograd.core.formula import FormulaError
from autograd.core.ops import OPS
from autograd.languages import JAVASCRIPT, C


def cube() -> Op:
    return Op("cube", "x ** 3", "3 * x ** 2")


def test_values_and_gradients_of_any_order() -> None:
    op = cube()
    assert op(2) == 8.0 and type(op(2)) is float
    x = Value(2.0, "x")
    y = op(x)
    assert (y.data, grad(y, x)) == (8.0, (12.0,))
    assert [derivative(op, 2.0, order) for order in (1, 2, 3, 4)] == [12.0, 12.0, 6.0, 0.0]
    assert hessian(lambda u, v: op(u) * v, [2.0, 5.0]) == [[60.0, 12.0], [12.0, 0.0]]
    assert "2 of 2 derivatives right" in str(check_gradient(lambda u, v: op(u * v), [0.5, 2.0]))


def test_steps_pictures_and_the_command_line_read_it() -> None:
    x = Value(2.0, "x")
    y = cube()(x)
    y.label = "y"
    said = str(step_through(y).next())
    assert "y = cube(x)" in said and "dy/dx = 3 * x ** 2 = +12" in said
    assert "cube" in draw(y).source
    said = r"cube\(big\) = cube\(1e\+200\) is inf"
    with pytest.raises(autograd.AnomalyError, match=said), autograd.detect_anomaly():
        OPS["cube"](Value(1e200, "big"))


def test_several_operands_choices_and_other_rows() -> None:
    huber = Op(
        "huber",
        "x ** 2 / 2 if abs(x) <= y else y * (abs(x) - y / 2)",
        "x if abs(x) <= y else y * sign(x)",
        "0 if abs(x) <= y else abs(x) - y",
    )
    for at in ([0.5, 1.0], [-3.0, 1.0], [2.0, 1.5]):
        assert "right" in str(check_gradient(huber, at, order=2))
    x, w = Value(0.0, "x"), Value(2.0, "w")
    program = lower(huber(w * x, 1.0), [x], [w])
    value, gradient = program([[0.25], [-3.0]])
    # By hand: 0.5 ** 2 / 2 and 6 - 1 / 2; slopes 0.5 * 0.25 and -1 * -3.
    assert value == pytest.approx((0.125 + 5.5) / 2) and gradient == pytest.approx([3.125 / 2])


def test_other_languages_write_it() -> None:
    op = cube()
    assert [body for _, _, body in C.functions(op)] == [
        "op_pow(x, 3.0)",
        "(3.0 * (x * x))",
    ]
    assert "function op_cube_dx(z, x) { return (3.0 * (x * x)); }" in JAVASCRIPT.program([op])


def test_a_cell_that_is_run_twice_makes_the_same_row() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cube() is cube()


def test_another_row_of_that_name_is_for_new_nodes_and_says_so() -> None:
    x = Value(2.0, "x")
    old = Op("bend", "x ** 3", "3 * x ** 2")
    before = old(x)
    with pytest.warns(UserWarning, match=r"bend is z = x \*\* 4 from now on.*z = x \*\* 3"):
        new = Op("bend", "x ** 4", "4 * x ** 3")
    after = new(x)
    assert OPS["bend"] is new and (before.op, after.op) == (old, new)
    assert (grad(before, x), grad(after, x)) == ((12.0,), (32.0,))
    # Lowered and pickled graphs tell them apart as well.
    program = lower(before + after, [x], [])
    assert program([[2.0]])[0] == 24.0
    kept = pickle.loads(pickle.dumps([before, after]))
    assert [node.op for node in kept] == [old, new]


def test_pickles_carry_the_formulas() -> None:
    y = cube()(Value(2.0, "x"))
    saved = pickle.dumps(y)
    assert pickle.loads(saved).op is y.op and copy.deepcopy(y).op is y.op
    program = (
        "import pickle, sys, autograd\n"
        "y = pickle.load(sys.stdin.buffer)\n"
        "y.backward()\n"
        "print(y.operands[0].grad, autograd.ops.OPS['cube'] is y.op)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=saved, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["12.0", "True"]


def test_a_row_that_calls_another_of_ones_own_keeps_the_one_it_was_made_with() -> None:
    inner = Op("inner", "x + 1", "1")
    outer = Op("outer", "inner(x) * 2", "2")
    x = Value(1.0, "x")
    before = outer(x)
    with pytest.warns(UserWarning, match="inner is z = x"):
        Op("inner", "x + 100", "1")
    assert (outer(1.0), before.data, lower(before, [x])([[1.0]])[0]) == (4.0, 4.0, 4.0)
    with pytest.warns(UserWarning, match="outer is z = inner"):  # the cell run again
        again = Op("outer", "inner(x) * 2", "2")
    assert again is not outer and (again(1.0), lower(again(x), [x])([[1.0]])[0]) == (202.0, 202.0)
    assert pickle.loads(pickle.dumps(again)) is again
    with pytest.raises(ValueError, match=r"outer calls inner, z = x \+ 1, which is another here"):
        pickle.loads(pickle.dumps(outer))
    assert inner(1.0) == 2.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tanh", "x", "1"), "tanh is an operation of autograd; give yours another name"),
        (("my op", "x", "1"), "'my op' can be no function's name"),
        (("lambda", "x", "1"), "'lambda' can be no function's name"),
        (("w", "x", "1"), "w is a number in formulas"),
        (("pi", "x", "1"), "pi is a number in formulas"),
        (("cut", "x ** 3"), "takes one to five operands and a slope in each, got 0 slopes"),
        (("cut", "q ** 3", "1"), "q is none of its letters, x"),
        (("cut", "x ** 3", "3 * y"), "y is none of its letters, z, x"),
        (("cut", "x +", "1"), "is no formula"),
        (("cut", "cut(x)", "1"), "calls itself"),
        (("cut", "g(x)", "1"), "there is no operation 'g' for a formula to call"),
        (("cut", "tanh(x, x)", "1"), "tanh takes 1 operand"),
        (("cut", "x.real", "1"), "x.real is not understood"),
        (("cut", "__import__('os')", "1"), "is not understood"),
        (("cut", "x < 1", "1"), "x < 1 is no number"),
        (("cut", "(x < 1) + x", "1"), "x < 1 is no number"),
        (("cut", "x if x + 1 else 0", "1"), "x + 1 is neither true nor false"),
        (("cut", "x @ x", "1"), "x @ x is no number"),
        (("cut", "x +" * 10_000, "1"), "is no formula"),
        (("cut", 3, "1"), "a formula is a str"),
        ((3, "x", "1"), "3 can be no function's name"),
    ],
)
def test_what_cannot_be_a_row_is_refused_and_changes_nothing(
    arguments: tuple[Any, ...], said: str
) -> None:
    before = dict(OPS)
    with pytest.raises((ValueError, TypeError)) as caught:
        Op(*arguments)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert before == OPS


def test_a_formula_that_cannot_be_read_is_a_value_error() -> None:
    assert issubclass(FormulaError, ValueError)
