"""Operations of a user's own: a row that somebody adds in a notebook works everywhere."""

from __future__ import annotations

import copy
import math
import pickle
import random
import shutil
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import (
    Op,
    Value,
    check_gradient,
    derivative,
    draw,
    grad,
    hessian,
    lower,
    step_through,
)
from autograd.core import table
from autograd.core.formula import FormulaError
from autograd.core.ops import OPS
from autograd.languages import JAVASCRIPT, C
from autograd.lowering import pipeline


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
    assert "y = cube(x)" in said and "dy/dx = 3 * x ** 2 = 3 * 2 ** 2 = +12" in said
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


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
def test_javascript_runs_it_with_all_that_it_calls(tmp_path: Path) -> None:
    inner = Op("inner", "x ** 3", "3 * x ** 2")
    outer = Op("outer", "sum(inner(x), y, 1) % 7", "3 * x ** 2", "1")
    with pytest.warns(UserWarning, match="inner is"):
        Op("inner", "x + 100", "1")
    source = tmp_path / "rows.js"
    call = "console.log(op_outer(2, 3), dx_outer(0, 2, 3));"
    source.write_text(JAVASCRIPT.program([outer]) + call)
    done = subprocess.run(["node", str(source)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "12"] and inner(2.0) == 8.0


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc, which is not installed")
def test_c_runs_it_with_all_that_it_calls(tmp_path: Path) -> None:
    Op("inner", "x ** 3", "3 * x ** 2")
    outer = Op("outer", "sum(inner(x), y, 1) % 7", "3 * x ** 2", "1")
    main = """
    #include <stdio.h>
    double sum(double x) { return x; }  /* names of somebody else's own */
    int main(void) { printf("%g %g", sum(op_outer(2, 3)), dx_outer(0, 2, 3)); return 0; }
    """
    source, built = tmp_path / "rows.c", tmp_path / "rows"
    source.write_text(C.program([outer]) + main)
    flags = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    subprocess.run(["gcc", *flags, str(source), "-o", str(built), "-lm"], check=True)
    done = subprocess.run([str(built)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "12"]


def test_two_rows_of_one_name_are_no_program() -> None:
    old = Op("bend", "x ** 3", "3 * x ** 2")
    with pytest.warns(UserWarning, match="bend is"):
        new = Op("bend", "x ** 4", "4 * x ** 3")
    with pytest.raises(ValueError, match="there are two operations bend"):
        C.program([old, new])
    # A slope is called after its letter, which no row's name can imitate.
    assert "op_tanh_dx" in C.program([Op("tanh_dx", "x + 1", "1"), OPS["tanh"]])
    with pytest.raises(ValueError, match="opaque is computed by a function of Python"):
        C.program([Op("opaque", "opaque(x)", "1", by=lambda x: x)])
    with pytest.raises(ValueError, match="opaquest is computed by a function of Python"):
        C.program([Op("opaquest", "opaquest(x1, ...)", "1", by=max, variadic=True)])


def test_a_cell_that_is_run_twice_makes_the_same_row() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cube() is cube()


def test_another_row_of_that_name_is_for_new_nodes_and_says_so() -> None:
    x = Value(2.0, "x")
    old = Op("bend", "x ** 3", "3 * x ** 2")
    before = old(x)
    with pytest.warns(UserWarning, match=r"bend is z = x \*\* 4, .* from now on.*z = x \*\* 3"):
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
    restored = pickle.loads(pickle.dumps(outer))
    assert restored is outer and OPS["outer"] is again
    assert inner(1.0) == 2.0


def test_pickles_carry_the_rows_that_are_called() -> None:
    Op("inner", "x + 1", "1")
    y = Op("outer", "inner(x) * 2", "2")(Value(1.0, "x"))
    program = (
        "import pickle, sys, autograd, warnings\n"
        "{before}\n"
        "y = pickle.load(sys.stdin.buffer)\n"
        "print(y.data, y.op(1.0), autograd.lower(y, [y.operands[0]])([[1.0]])[0])\n"
    )
    for before in ("", "autograd.Op('inner', 'x + 100', '1')"):
        command = [sys.executable, "-c", program.format(before=before)]
        done = subprocess.run(command, input=pickle.dumps(y), capture_output=True, check=True)
        assert done.stdout.decode().split() == ["4.0", "4.0", "4.0"]


def test_a_row_may_call_the_one_whose_name_it_takes() -> None:
    Op("again", "x + 1", "1")
    with pytest.warns(UserWarning, match="again is"):
        twice = Op("again", "again(x) * 2", "2")
    x = Value(1.0, "x")
    assert (twice(1.0), lower(twice(x), [x])([[1.0]])[0]) == (4.0, 4.0)


# Names that mean something inside: leaves of a graph, functions of NumPy, variables of a program.
NAMES = (
    "input parameter constant affine one largest lift take add_reduce rows single run step_ z1 W1"
)


@pytest.mark.parametrize("name", [*NAMES.split(), "results", "multiply", "op_tanh", "lambda_"])
def test_any_name_is_the_same_to_lowering(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = Op(name, "3 * x + x ** 2", "3 + 2 * x")
    x, w = Value(2.0, "x"), Value(0.5, "w")
    expected = [(3 * 1.0 + 1.0) * 1.0, (5.0 * 1.0 + 4.0) * 2.0]  # of op(w x) w x by w
    for few in (200, -1):  # as layers, and by levels
        monkeypatch.setattr(pipeline, "FEW", few)
        value, gradient = lower(op(w * x) * (w * x), [x], [w])([[2.0]])
        assert [value, *gradient] == pytest.approx(expected)


def test_five_operands_are_lowered_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = Op("mixed", "x * y - w / v + u ** 2", "y", "x", "-1 / v", "w / v ** 2", "2 * u")
    xs = [Value(0.5 * k + 1.0, f"x[{k}]") for k in range(5)]
    w = Value(1.5, "w")
    root = mixed(*[x * w for x in xs]).sin() + mixed(w, 2.0, xs[1], 3.0, w)
    for few in (200, -1):  # as layers, and by levels
        monkeypatch.setattr(pipeline, "FEW", few)
        program = lower(root, xs, [w])
        value, gradient = program([[x.data for x in xs]])
        assert [value, *gradient] == pytest.approx([root.data, *grad(root, w)], rel=1e-12)


def test_a_data_set_of_a_replaced_row_is_lowered_by_the_one_in_the_graph() -> None:
    Op("bent", "x ** 3", "3 * x ** 2")
    with pytest.warns(UserWarning, match="bent is"):
        bent = Op("bent", "x ** 2", "2 * x")
    w = Value(2.0, "w")
    value, gradient = lower(autograd.sum([bent(w * i) for i in range(1, 9)]), [], [w])()
    assert (value, *gradient) == (816.0, 816.0)  # 204 w^2


def test_programs_that_are_kept_notice_a_replaced_row() -> None:
    Op("bent", "x ** 4", "4 * x ** 3")

    def f(x: Value, y: Value) -> Value:
        return autograd.sum([OPS["bent"](x * i + y) for i in range(1, 91)])

    for _ in range(10):
        hessian(f, [1.0, 2.0])
    with pytest.warns(UserWarning, match="bent is"):
        Op("bent", "x ** 2", "2 * x")
    squares = 2.0 * sum(i * i for i in range(1, 91))
    assert hessian(f, [1.0, 2.0])[0][0] == pytest.approx(squares)


def test_a_checkpoint_knows_an_activation_by_its_formulas(tmp_path: Path) -> None:
    def train(activation: Op, epochs: int) -> nn.History:
        model = nn.MLP(2, [3, 1], activation, "sigmoid", rng=random.Random(0))
        X, D = nn.datasets.xor(8, seed=0)
        run = tmp_path / "own.run"
        return nn.fit(model, X, D, epochs=epochs, checkpoint=run, progress=False)

    bend = Op("bend", "tanh(x)", "1 - z ** 2")
    train(bend, 2)
    train(bend, 4)
    with pytest.warns(UserWarning, match="bend is"):
        other = Op("bend", "sin(x)", "cos(x)")
    with pytest.raises(nn.PersistenceError, match="bend"):
        train(other, 6)


def test_threads_that_make_one_row_at_a_time_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    make = table._made

    def slowly(*given: Any) -> Op:
        time.sleep(0.02)
        return make(*given)

    monkeypatch.setattr(table, "_made", slowly)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Op("at_once", "x * 5", "5"), range(4)))
    assert len(set(map(id, made))) == 1


def test_threads_may_make_rows_and_read_pickles() -> None:
    saved = pickle.dumps(Op("shared", "x + 1", "1"))
    made: list[Op] = []

    def work(k: int) -> None:
        for i in range(30):
            made.append(Op("same", "x * 2", "2"))
            Op(f"own_{k}_{i}", "x + 1", "1")
            assert pickle.loads(saved) is OPS["shared"]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(set(map(id, made))) == 1


@pytest.mark.parametrize("name", ["tanh", "hypot", "sum", "where", "mod"])
def test_too_many_or_too_few_operands_are_refused_by_name(name: str) -> None:
    op = OPS[name]
    for count in {0, 1, 2, 3, 4} - {op.arity} - ({1, 2, 3, 4} if op.arity is None else set()):
        for operands in ([1.0] * count, [Value(1.0)] * count, [1.0] * (count - 1) + [Value(1.0)]):
            if len(operands) == count:
                with pytest.raises(TypeError, match=rf"{name} takes .*operand.*, got {count}"):
                    op(*operands)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tanh", "x", "1"), "tanh is an operation of autograd; give yours another name"),
        (("both", "x", "1"), "both is an operation of autograd; give yours another name"),
        (("__name__", "x", "1"), "'__name__' can be no function's name"),
        (("cut", "+".join(["x"] * 9999), "1"), "is too deep for Python; make parts of it rows"),
        (("my op", "x", "1"), "'my op' can be no function's name"),
        (("lambda", "x", "1"), "'lambda' can be no function's name"),
        (("w", "x", "1"), "w is a number in formulas"),
        (("pi", "x", "1"), "pi is a number in formulas"),
        (("cut", "x ** 3"), "takes one to five operands and a slope in each, got 0 slopes"),
        (("cut", "q ** 3", "1"), "q is none of its letters, x"),
        (("cut", "x ** 3", "3 * y"), "y is none of its letters, z, x"),
        (("cut", "x +", "1"), "is no formula"),
        (("cut", "cut(x)", "1"), "there is no operation 'cut' to call"),
        (("cut", "g(x)", "1"), "there is no operation 'g' to call"),
        (("cut", "tanh(x, x)", "1"), "tanh takes 1 operand"),
        (("cut", "x.real", "1"), "x.real is not understood"),
        (("cut", "__import__('os')", "1"), "is not understood"),
        (("cut", "x < 1", "1"), "x < 1 is no number"),
        (("cut", "(x < 1) + x", "1"), "x < 1 is no number"),
        (("cut", "x if x + 1 else 0", "1"), "x + 1 is neither true nor false"),
        (("cut", "x @ x", "1"), "x @ x is not understood"),
        (("cut", "x +" * 10_000, "1"), "is no formula"),
        (("cut", 3, "1"), "a formula is a str"),
        (("cut", "x", 2), "a formula is a str such as 'x ** 3', got 2 of type int"),
        (("cut", "x + sum()", "1"), "sum takes one operand or more, got 0"),
        (("cut", "x" + " + x" * 400, "1"), "is too deep for Python"),
        (("inf", "x", "1"), "inf is a number in formulas"),
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


def test_a_whole_number_too_large_for_a_float_is_refused_in_any_formula() -> None:
    from autograd.shell.expression import ExpressionError, parse

    for make, error in (
        (lambda text: Op("huge", text, "1"), FormulaError),
        (parse, ExpressionError),
    ):
        with pytest.raises(error, match=r"larger than a float can be, 1\.8e308; write inf"):
            make("x + 1" + 400 * "0")


def test_slopes_of_any_number_of_operands_may_need_all_of_them() -> None:
    def logarithm(*xs: float) -> float:
        return math.log(sum(xs))

    total = Op(
        "log_total",
        "log(x1 + x2 + ...)",
        "1 / t",
        by=logarithm,
        variadic=True,
        of_all=(("t", "sum"),),
    )
    x, y = Value(1.0), Value(3.0)
    first, second = grad(total(x, y), [x, y], create_graph=True)
    assert (first.data, second.data) == grad(total(x, y), [x, y]) == (0.25, 0.25)
    assert grad(first, [x, y]) == (-0.0625, -0.0625)
    for wrong in ((("t", "tanh"),), (("x", "sum"),), (("tt", "sum"),), (("t", "no_row"),)):
        with pytest.raises(ValueError, match="of_all has a new letter for each row of any number"):
            Op("odd_total", "x1 + x2 + ...", "1", by=logarithm, variadic=True, of_all=wrong)
    with pytest.raises(ValueError, match="of_all has a new letter"):
        Op("odd_one", "x + 1", "1", of_all=(("t", "sum"),))
