"""Tests of `autograd.words`: the formulas of nodes, as steps, pictures and errors write them."""

import math
import random

import pytest

import autograd
from autograd import Value, log, stop_gradient
from autograd.core.ops import OPS
from autograd.words import formulas
from autograd.words.names import label_or_number, name_nodes


def test_a_formula_on_names_and_on_numbers() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "dL/db")
    c = a * b + 0.5
    product = c.operands[0]
    assert isinstance(product, Value)
    names = name_nodes([a, b, product, c])
    assert formulas.in_names(product, names) == "a * (dL/db)"
    assert formulas.in_numbers(product, [2.0, -3.0]) == "2 * (-3)"
    assert formulas.in_names(c, names) == "v3 + 0.5"
    assert formulas.node_line(c, names, c.data) == "v4 = v3 + 0.5"
    assert formulas.node_line(a, names, a.data) == "a = +2 (leaf)"
    assert formulas.partial(product, 0, names) == "(dL/db)"


def test_of_many_operands_the_middle_is_left_out() -> None:
    six, seven = ([Value(k, f"x{k}") for k in range(count)] for count in (6, 7))
    named = formulas.in_names(autograd.sum(six), {x: x.label for x in six})
    assert named == "x0 + x1 + x2 + x3 + x4 + x5"
    named = formulas.in_names(autograd.sum(seven), {x: x.label for x in seven})
    assert named == "x0 + x1 + x2 + ... + x6"
    assert formulas.by_labels(autograd.sum(seven))[1] == "0.0 + 1.0 + 2.0 + ... + 6.0"


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("p", ["log(p)", "log(0.5)"]),
        ("", ["log(0.5)"]),
        ("my p", ['log("my p")', "log(0.5)"]),
        ("\x1b[2J", ['log("\\x1b[2J")', "log(0.5)"]),
    ],
)
def test_a_node_that_stands_for_itself_is_written_by_labels(label: str, written: list[str]) -> None:
    assert formulas.by_labels(log(Value(0.5, label))) == written
    assert formulas.by_labels(Value(0.5, label)) == []


def test_what_has_no_label_is_its_number_in_full() -> None:
    assert label_or_number(Value(1 / 3)) == label_or_number(1 / 3) == "0.3333333333333333"
    assert label_or_number(Value(math.nan)) == "nan"
    assert label_or_number(Value(1.0, "dL/dw")) == "(dL/dw)"


def test_where_nodes_were_made() -> None:
    assert formulas.made_at(Value(1.0)) == ""
    with autograd.record_source():
        x = stop_gradient(Value(1.0))
    assert formulas.made_at(x).startswith("test_words.py:")


# The whole formula of a root ----------------------------------------------------------------------


def written(root: Value) -> list[str]:
    """The formula of a root on labels and on numbers; empty if it is too long."""
    pieces = formulas.expression(root)
    if pieces is None:
        return []
    return [formulas.on_leaves(pieces, show) for show in (lambda x: x.label, lambda x: f"{x:.9g}")]


def test_the_whole_formula_of_a_root() -> None:
    a, b, c, f = (Value(x, n) for x, n in zip((2.0, -3.0, 10.0, -2.0), "abcf"))
    e = a * b
    e.label = "e"
    root = (e + c) * f
    assert formulas.expression(root) == ["(", a, " * ", b, " + ", c, ") * ", f]
    assert written(root) == ["(a * b + c) * f", "(2 * (-3) + 10) * (-2)"]
    assert written(autograd.exp(b) * -1.0) == ["exp(b) * (-1)", "exp(-3) * (-1)"]
    assert written(autograd.maximum(b, a * -b)) == [
        "maximum(b, a * (-b))",
        "maximum(-3, 2 * (-(-3)))",
    ]
    assert written(autograd.sum([b]) ** 2.0) == ["b ** 2", "(-3) ** 2"]
    assert written(Value(-1.0, "dL/da") + a) == ["(dL/da) + a", "(-1) + 2"]
    assert written(b) == ["b", "-3"]


def test_python_reads_a_formula_as_it_was_computed() -> None:
    infix = [op for op in OPS.values() if 0 < op.form.strength < formulas.STRONGEST]
    assert {op.name for op in infix} >= {"add", "sub", "mul", "div", "mod", "floordiv", "pow"}
    rng = random.Random(5)
    leaves = {name: Value(x, name) for name, x in zip("abcd", (2.0, -3.0, 0.5, 1.25))}
    read = 0
    for _ in range(300):
        nodes = [*leaves.values()]
        for _ in range(rng.randrange(1, 7)):
            op = rng.choice([*infix, OPS["neg"], OPS["tanh"], OPS["where"]])
            others = [rng.choice([-1.5, *nodes[-4:]]) for _ in range((op.arity or 3) - 1)]
            nodes.append(op(*others, nodes[-1]))
        for text, known in zip(written(nodes[-1]), (leaves, {})):
            try:
                again = eval(text, {**OPS}, known)
            except (ArithmeticError, TypeError):  # of Python's own numbers, in the second text
                assert not known
                continue
            number = again.data if isinstance(again, Value) else again
            assert isinstance(number, complex) or number == pytest.approx(
                nodes[-1].data, rel=1e-8, nan_ok=True
            ), text
            read += 1
    assert read > 400


def test_a_formula_that_is_too_long_is_none_at_once() -> None:
    a = Value(1.0, "a")
    left = right = often = nothing = a
    for _ in range(200_000):
        left, right = left + a, a - right
    for _ in range(200):
        often = often * often
        nothing = autograd.sum([nothing])
    for root in (left, right, often, autograd.sum([a] * 1000)):
        assert formulas.expression(root) is None
    assert written(nothing)[0] == "a"
    assert len(written(autograd.sum([*[a] * 23, Value(1.0, "four")]))[0]) == 96
    assert written(autograd.sum([*[a] * 23, Value(1.0, "fives")])) == []
