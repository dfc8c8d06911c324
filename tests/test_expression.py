"""Expressions from strangers: what they compute is right, and whatever else they are is refused
with a place, at once, and without anything being run.
"""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value
from autograd.core import ops
from autograd.shell import expression
from autograd.shell.expression import DEEPEST, LONGEST, ExpressionError, parse


def value_of(text: str, **numbers: float) -> float:
    result, _ = parse(text).evaluate({name: Value(x, name) for name, x in numbers.items()})
    return result.data if isinstance(result, Value) else result


def error_of(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value


def place(error: ExpressionError) -> int:
    line, caret = error.excerpt.split("\n")
    assert caret.strip() == "^"
    assert len(caret) <= len(line) + 1
    return len(caret) - 1


# What is computed.

X, Y = 0.5, 1.25


@pytest.mark.parametrize(
    "text",
    [
        "x + y * 2",
        "(x + y) * 2",
        "x - y - 1",
        "x - (y - 1)",
        "-x**2",
        "(-x)**2",
        "2**-x",
        "x**y**2",
        "x / y / 2",
        "--x",
        "+x - -y",
        "1e-3 * x",
        "0x10 + x",
        "abs(-x)",
        "x*\ty",
        "(x +\n y)",
        " x ",
    ],
)
def test_python_agrees(text: str) -> None:
    expected = eval(text.strip(), {"x": X, "y": Y, "abs": abs})
    assert (
        value_of(text, **{name: n for name, n in (("x", X), ("y", Y)) if name in text}) == expected
    )


@pytest.mark.parametrize("op", ops.OPS.values(), ids=list(ops.OPS))
def test_every_row_of_the_table_can_be_called(op: ops.Op) -> None:
    numbers = {"x": 0.3, "y": 0.7, "z": 0.2}
    names = list(numbers)[: op.arity or 3]
    expected = op.forward(*[numbers[name] for name in names])
    given = {name: numbers[name] for name in names}
    found = value_of(f"{op.name}({', '.join(names)})", **given)
    assert repr(found) == repr(expected)


def test_lists_constants_and_infinities() -> None:
    assert value_of("sum([x, y, 1])", x=1.0, y=2.0) == 4.0
    assert value_of("logsumexp([x])", x=3.0) == 3.0
    assert value_of("x * pi", x=2.0) == 2 * math.pi
    assert value_of("x + inf", x=2.0) == math.inf
    assert math.isnan(value_of("x * nan", x=2.0))
    assert value_of("9**9**9") == math.inf
    assert value_of("1e400") == math.inf
    assert value_of("1/0") == math.inf


def test_names_label_the_graph() -> None:
    parsed = parse("e = a*b; d = e + c; k = 2; L = d*k")
    assert (parsed.inputs, parsed.parts) == (("a", "b", "c"), ("e", "d", "k", "L"))
    leaves = {name: Value(x, name) for name, x in (("a", 2.0), ("b", -3.0), ("c", 10.0))}
    root, names = parsed.evaluate(leaves)
    assert isinstance(root, Value)
    assert (root.label, root.data, names["k"]) == ("L", 8.0, 2.0)
    assert root.operands == (names["d"], 2.0)
    e = names["e"]
    assert isinstance(e, Value)
    assert e.label == "e"
    assert [operand is leaves[name] for operand, name in zip(e.operands, "ab")] == [True, True]


def test_another_name_for_an_input_leaves_its_label() -> None:
    x = Value(1.0, "x")
    root, names = parse("y = x; y * 2").evaluate({"x": x})
    assert isinstance(root, Value)
    assert x.label == "x"
    assert names["y"] is x


def test_other_alphabets() -> None:
    assert parse("θ * ﬁ").inputs == ("θ", "fi")  # Python takes the ligature for two letters
    assert expression.read_name("ﬁ") == "fi"
    assert place(error_of("θθθ ^ 2")) == 4


def test_evaluating_twice_makes_two_graphs() -> None:
    parsed = parse("x * x")
    x = Value(3.0, "x")
    first, second = parsed.evaluate({"x": x})[0], parsed.evaluate({"x": x})[0]
    assert first is not second


# What is refused, and where.


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("__import__('os').system('id')", 11, "without quotes"),
        ("__import__(os).system", 14, "attributes are not read"),
        ("x.__class__", 1, "attributes are not read"),
        ("(1).real", 3, "attributes are not read"),
        ("x.grad(1)", 1, "attributes are not read"),
        ("open(x)", 0, "there is no function 'open'; the functions are abs"),
        ("sofplus(x)", 0, "do you mean softplus"),
        ("2 + max(x, y)", 4, "write maximum(x, y)"),
        ("softmax(x, y)", 0, "exp(x - logsumexp(x, y))"),
        ("x*y + y(2)", 6, "y is a name and not a function; for a product write y * (...)"),
        ("2(x + 1)", 0, "for a product write *"),
        ("exp(x)(y)", 0, "for a product write *"),
        ("tanh()", 0, "tanh takes 1 operand, got 0"),
        ("1 + where(x, y)", 4, "where takes 3 operands, got 2"),
        ("sum()", 0, "one operand or more"),
        ("sum([])", 0, "one operand or more"),
        ("tanh(x=1)", 5, "no keywords"),
        ("tanh(**x)", 7, "no keywords"),
        ("maximum(*x)", 8, "'*'"),
        ("exp * 2", 0, "exp is a function: write exp(x)"),
        ("x ^ 2", 2, "write **"),
        ("x >> y", 2, "no operator here"),
        ("x @ y", 2, "no operator here"),
        ("1 + ~x", 4, "no operator here"),
        ("not x", 0, "no operator here"),
        ("x < y", 0, "less(x, y)"),
        ("x if y else 1", 0, "where(condition, x, y)"),
        ("x and y", 0, "where(condition, x, y)"),
        ("(y := x)", 1, "':='"),
        ("lambda: 1", 0, "functions are not made"),
        ("x[0]", 0, "w0"),
        ("[x, y]", 0, "sum([x, y])"),
        ("x, y", 0, "one number"),
        ("{x}", 0, "not used here"),
        ("[x for x in y]", 0, "not used here"),
        ("await x", 0, "not used here"),
        ("f'{x}'", 1, "without quotes"),
        ("1 + 'a'", 4, "without quotes"),
        ("1 + 2j", 4, "complex"),
        ("1 + True", 4, "True is not a number"),
        ("None", 0, "None is not a number"),
        ("...", 0, "not a number"),
        ("x \\\n", 2, "the character \\"),
        ("x # 1", 2, "the character #"),
        ("x + \x1b[31m", 4, "U+001B"),
        ("x\x00", 1, "U+0000"),
        ("x + \ud800", 4, "U+D800"),
        ("x\u202ey", 1, "U+202E"),
        ("x y", 2, "no expression"),
        ("x +", 3, "no expression"),
        ("(x", 0, "no expression"),
        ("x²", 1, "no expression"),
        ("lambda * x", 10, "no expression"),
        ("import os", 0, "write 'name = expression'"),
        ("del x", 0, "write 'name = expression'"),
        ("x += 1", 0, "write 'name = expression'"),
        ("a = b = c", 0, "write 'name = expression'"),
        ("a, b = c", 0, "write 'name = expression'"),
        ("a: x = 1", 0, "write 'name = expression'"),
        ("def f(): x", 0, "write 'name = expression'"),
        ("x; y", 0, "nothing uses this"),
        ("e = x; e = y", 7, "e has been given"),
        ("e = x; x = y", 7, "x is an input"),
        ("x = x + 1", 0, "x is an input"),
        ("sum = x", 0, "sum is a function"),
        ("pi = 3", 0, "pi is the number 3.14"),
    ],
)
def test_refusals_point_at_the_place(text: str, column: int, said: str) -> None:
    error = error_of(text)
    assert said in str(error)
    assert place(error) == column
    assert "\n" not in str(error)
    assert error.excerpt.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("(" * 100_000, "100000 characters"),
        ("(" * 5_000 + ")" * 5_000, f"more than {DEEPEST} brackets"),
        ("9" * 5_000, "a number of 5000 digits"),
        ("x" * (LONGEST + 1), "characters"),
        ("y * " + "x" * 5_000, "a name of 5000 characters"),
        ("θ" * 51 + "(x)", "a name of 51 characters"),
    ],
)
def test_what_could_choke_a_parser_is_refused_before_it_sees_it(text: str, said: str) -> None:
    error = error_of(text)
    assert said in str(error)
    assert len(f"{error}{error.excerpt}") < 400


def test_as_many_brackets_as_are_allowed() -> None:
    assert value_of("(" * DEEPEST + "x" + ")" * DEEPEST, x=2.0) == 2.0
    error = error_of("x*" + "(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1))
    assert f"more than {DEEPEST} brackets" in str(error)
    assert place(error_of("x*" + "(" * (DEEPEST + 1))) == DEEPEST + 2


def test_a_chain_of_a_thousand_needs_no_stack() -> None:
    assert value_of("x" + "+x" * 1_000, x=1.0) == 1001.0


@pytest.mark.parametrize("text", ["x" + "+x" * 4_900, "-" * 9_000 + "x", "x" + "**x" * 3_000])
def test_a_longer_chain_is_computed_or_refused_as_this_python_can(text: str) -> None:
    try:
        result = value_of(text, x=1.0)
    except ExpressionError as error:
        result = 1.0
        said = str(error)
        assert "too long a chain" in said
    assert result in (1.0, 4901.0)


def test_tabs_and_lines_keep_the_caret_in_place() -> None:
    assert error_of("\tx\t^ 2").excerpt == "x ^ 2\n  ^"
    assert error_of("e = x*2\n  e + 1 $").excerpt == "e + 1 $\n      ^"


def test_a_long_line_is_shown_near_the_caret() -> None:
    error = error_of("x + " * 500 + "^ " + "+ y" * 500)
    line, caret = error.excerpt.split("\n")
    assert line.startswith("...") and line.endswith("...")
    assert line[len(caret) - 1] == "^"
    assert len(line) < 80


# Numbers for the names.


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "x has no number; add x=1 rate=1, with numbers of yours"),
        ({"x"}, "rate has no number"),
        ({"x", "rate", "z"}, "z is not in the expression; its inputs are rate x"),
        ({"x", "rates"}, "rates is not in the expression; do you mean rate?"),
        ({"x", "rate", "e"}, "e is computed here"),
    ],
)
def test_names_and_numbers_must_fit(given: set[str], said: str) -> None:
    parsed = parse("e = x * rate; e + x")
    parsed.require({"x", "rate"})
    with pytest.raises(ExpressionError, match=re.escape(said)):
        parsed.require(sorted(given))


def test_a_missing_number_may_be_a_slip_of_the_pen() -> None:
    with pytest.raises(
        ExpressionError, match=r"^raet has no number; add raet=1, .* or is it rate\?"
    ):
        parse("x * raet + rate").require({"x", "rate"})
    with pytest.raises(ExpressionError, match=r"^sofplus has no number; .* or is it softplus\?"):
        parse("x * sofplus").require({"x"})


def test_many_names_are_not_all_listed() -> None:
    names = [f"x{i}" for i in range(500)]
    parsed = parse(f"sum({', '.join(names)})")
    for numbers in ((), ("whatever",), (*names, "whatever")):
        with pytest.raises(ExpressionError) as caught:
            parsed.require(numbers)
        assert len(str(caught.value)) < 400
        assert "..." in str(caught.value)


def test_a_missing_number_points_at_its_first_use() -> None:
    with pytest.raises(ExpressionError, match=r"exp\(1\)") as caught:
        parse("a = x; 2*e + e").require({"x"})
    assert place(caught.value) == 9


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("-2.5e3", -2500.0), (" 3 ", 3.0), ("pi/2", math.pi / 2), ("-inf", -math.inf),
     ("9**9**9", math.inf), ("sqrt(2)", math.sqrt(2.0))],
)  # fmt: skip
def test_read_number(text: str, number: float) -> None:
    assert expression.read_number("x", text) == number


@pytest.mark.parametrize("text", ["", "abc", "1 2", "x", "'1'", "1;2", "a=1", "None", "\x1b"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"gives no number; write for example x=0\.5"):
        expression.read_number("x", text)


@pytest.mark.parametrize("name", ["", "1x", "a b", "a.b", "lambda", "exp", "pi", "x;", "(x)", "\n"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ExpressionError):
        expression.read_name(name)


# Anything at all.

OPERATORS = ["+", "-", "*", "**", "/", "=", ":=", ",", ";", ".", "@", "->", "\\", "#", "\n", "\x0c"]
BRACKETS = ["(", ")", "[", "]", "{", "'", "f'{"]
WORDS = ["x", "y", "θ", "exp", "where", "lambda", "if", "else", "for", "in", "await", "def", "not"]
NUMBERS = ["1", "2.5", "0x", "1j", "9" * 400]
PIECES = OPERATORS + BRACKETS + WORDS + NUMBERS


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.text(max_size=40))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    complaint = excerpt = ""
    try:
        parsed = parse(text)
    except ExpressionError as error:
        complaint, excerpt = str(error), error.excerpt
    else:
        result, _ = parsed.evaluate({name: Value(0.5, name) for name in parsed.inputs})
        assert isinstance(result, (Value, float))
    assert complaint.isprintable()
    assert excerpt.replace("\n", "").isprintable()
    assert excerpt.count("^") >= bool(excerpt)
