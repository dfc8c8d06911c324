"""Tests of `autograd.words`: the formulas of nodes, as steps, pictures and errors write them."""

import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, log, step_through, stop_gradient
from autograd.core.ops import OPS
from autograd.core.sweep import evaluation_order
from autograd.words import formulas
from autograd.words.names import Names, derivative


def test_a_formula_on_names_and_on_numbers() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "dL/db")
    c = a * b + 0.5
    product = c.operands[0]
    assert isinstance(product, Value)
    names = Names([a, b, product, c])
    assert formulas.in_names(product, names) == "a * (dL/db)"
    assert formulas.in_numbers(product, [2.0, -3.0], -6.0) == "2 * (-3)"
    assert formulas.in_names(c, names) == "a * (dL/db) + 0.5"
    assert (names[product], names[c]) == ("a * (dL/db)", "v4")
    assert formulas.node_line(c, names, c.data) == "v4 = a * (dL/db) + 0.5"
    assert formulas.node_line(a, names, a.data) == "a = +2 (leaf)"
    assert formulas.partial(product, 0, names) == "dL/db"


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
    called = formulas.called_alone
    assert called(Value(1 / 3)) == called(1 / 3) == "0.3333333333333333"
    assert called(Value(math.nan)) == "nan"
    assert called(Value(1.0, "dL/dw")) == "dL/dw"
    w, x = Value(2.0, "w"), Value(-0.5, "x")
    assert called(w * x) == "w * x" and called((w * x) * Value(0.25)) == "w * x * 0.25"
    assert called(Value(2.0) * 3.0) == "6.0"
    assert called(Value(1.0, "layer1.neuron0.w[0]")) == "layer1.neuron0.w[0]"
    assert called(w * 0.1234567890123) == "0.2469135780246"
    assert formulas.by_labels(log(w * x)) == ["log(w * x)", "log(-1.0)"]


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


# Names --------------------------------------------------------------------------------------------


def named(root: Value) -> list[str]:
    return list(Names(evaluation_order(root)).values())


def test_nodes_are_called_by_label_by_formula_or_by_number() -> None:
    a, b, w, v = (Value(x, n) for x, n in zip((2.0, -3.0, 10.0, 4.0), ("a", "b", "w", "w")))
    assert named((a * b + w) * a) == ["a", "b", "a * b", "w", "a * b + w", "(a * b + w) * a"]
    assert named(a * b - a * b) == ["a", "b", "a * b", "(a * b)#2", "v5"]
    assert named(log(a) + log(a)) == ["a", "log(a)", "log(a)#2", "v4"]
    assert named(w * v) == ["w", "w#2", "w * w#2"]
    assert named(-a / -2.0) == ["a", "-a", "(-a) / (-2)"]
    assert named(autograd.softmax([a, b])[0])[2:5] == ["max(a, b)", "a - max(a, b)", "v5"]
    # A formula on nothing but numbers says no more than its own number.
    assert named(log(Value(1.0)) + 1.0) == ["v1", "v2", "v3"]
    assert named(autograd.sum([a])) == ["a", "v2"]
    # As Python looks it up, and so names what holds it.
    assert named(Value(2.0, "ws['k']") * 2.0) == ["ws['k']", "ws['k'] * 2"]
    assert derivative("L", named(Value(2.0, "ws['a-b.c']"))[0]) == "dL/dws['a-b.c']"
    assert named(Value(2.0, "ws['k") * 2.0)[0] == '"ws[\'k"'


def test_derivatives_by_formulas() -> None:
    assert derivative("L", "w1 * x1") == "dL/d(w1 * x1)"
    assert derivative("exp(x)", "x") == "d(exp(x))/dx"
    assert derivative("dL/dw", "exp(x)#2") == "d(dL/dw)/d(exp(x)#2)"
    assert derivative('"a)"', "w[0]") == 'd"a)"/dw[0]'


@pytest.mark.parametrize(
    ("formula", "partials"),
    [
        ("x ** 2", ["2 * x"]),
        ("x ** 3", ["3 * x ** 2"]),
        ("x ** 1", ["1"]),
        ("x ** -1", ["-x ** (-2)"]),
        ("(x - y) ** 2", ["2 * (x - y)"]),
        ("x / 4", ["1 / 4"]),
        ("x / (x + y)", ["1 / (x + y)", "-(x / (x + y)) / (x + y)"]),
        ("x * -3", ["-3"]),
        ("2 ** x", ["2 ** x * log(2)"]),
        ("tanh(x * y)", ["1 - tanh(x * y) ** 2"]),
        ("acos(x)", ["-1 / sqrt(1 - x ** 2)"]),
        ("relu(x)", ["(1 if x >= 0 else 0)"]),
    ],
)
def test_slopes_have_their_constants_put_together(formula: str, partials: list[str]) -> None:
    x, y = Value(0.5, "x"), Value(0.75, "y")
    root = eval(formula, {**OPS}, {"x": x, "y": y})
    names = Names(evaluation_order(root))
    places = [i for i, operand in enumerate(root.operands) if isinstance(operand, Value)]
    assert [formulas.partial(root, i, names) for i in places] == partials


LOOKALIKE = ["a", "b", "a * b", "a*b", "(a * b)", "(a * b)#2", "a#2", "a#1", "v3", "_v3", "exp(a)"]
LOOKALIKE += ["-a", "dL/da", "dL / da", '"a"', '"a * b"', "a < b", "less(a, b)", "\\", "n" * 300]
LABELS = st.sampled_from(LOOKALIKE) | st.text(st.characters(), max_size=6) | st.just("")


@settings(max_examples=150, deadline=None)
@given(st.lists(LABELS, min_size=2, max_size=5), st.lists(LABELS, max_size=8), st.integers(0))
def test_no_two_nodes_have_one_name(leaves: list[str], others: list[str], seed: int) -> None:
    rng = random.Random(seed)
    nodes = [Value(float(i), label) for i, label in enumerate(leaves)]
    for label in others:
        op = rng.choice([OPS[name] for name in ("add", "mul", "neg", "exp", "div", "sum", "less")])
        nodes.append(op(*[rng.choice(nodes) for _ in range(op.arity or 2)]))
        nodes[-1].label = label
    root = autograd.sum(nodes)
    names = Names(evaluation_order(root))
    assert len({*names.values()}) == len(names)
    for number, (node, name) in enumerate(names.items(), start=1):
        assert names.find(name) is node
        if not root.label:  # then its number may mean it
            prefixes = ("v", "_v", "__v")
            prefix = next(x for x in prefixes if names.find(f"{x}{len(names)}") is root)
            assert names.find(f"{prefix}{number}") is node
        if not node.label:
            assert not set("<>=!") & set(re.sub(r'"(\\.|[^"\\])*"', "", name))
        sharing = names.labelled.get(node.label, [])
        if len(sharing) == 1 and names.find(node.label) is not node:
            assert '"' in node.label  # a label that is how another label is shown


def test_variables_of_the_caller_name_what_has_no_label() -> None:
    w, x, v3 = Value(2.0), Value(3.0, "x"), Value(4.0)
    ws, pair = [Value(1.0), w], (Value(5.0), [Value(6.0)])
    a = Value(7.0, "hidden")  # whose label is what counts
    root = w * x + ws[0] * pair[1][0] + v3 * a + pair[0]
    s = step_through(root)
    found = [s.steps.names[x] for x in (w, x, v3, ws[0], pair[0], pair[1][0], a, root)]
    assert found == ["w", "x", "v3", "ws[0]", "pair[0]", "pair[1][0]", "hidden", "root"]
    assert not w.label and not ws[0].label and not root.label
    assert s.until("w*x").startswith("until w * x: ")
    hidden = Value(1.0)
    x = hidden * Value(2.0, "hidden")
    assert step_through(x).steps.names[hidden] == "v1"  # a label is not given twice
    assert locals()["w"] is w
