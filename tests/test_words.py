"""Tests of `autograd.words`: the formulas of nodes, as steps, pictures and errors write them."""

import math

import pytest

import autograd
from autograd import Value, log, stop_gradient
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
