"""Tests of how texts are broken into lines: what belongs together is never torn apart.

What is printed at one width is compared with what is printed where there is room for all of it, and
the numbers of a line are read back and computed with, as a student does with pencil and paper.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, step_through
from autograd.core import ops
from autograd.core.formula import CONSTANTS
from autograd.lines import columns, table, width, wrapped

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"(?<![\w.#])[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?(?![\w.])")
WIDE = 5000


@pytest.fixture
def columns_of_terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says how wide the terminal is."""
    return lambda number: monkeypatch.setenv("COLUMNS", str(number))


def at(number: int, thing: object) -> str:
    """A thing as it is printed where there are so many columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(number)
    try:
        return str(thing)
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before


# Where the width comes from.


def test_without_a_terminal_there_are_79_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width() == 79
    with open(os.devnull) as elsewhere:
        for stream in (None, io.StringIO(), elsewhere):
            monkeypatch.setattr(sys, "stdout", stream)
            assert width() == 79
    assert width(elsewhere) == 79  # closed
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("written", "found"),
    [("120", 119), ("40", 39), ("7", 19), ("0", 79), ("-5", 79), ("wide", 79), ("9" * 5000, 79)],
)
def test_the_environment_may_say_how_many(
    written: str, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", written)
    assert width() == found


PROGRAM = """
import random, autograd, nn
from autograd import Value, grad, step_through, tanh
w, x, b = Value(-3, "w"), Value(2, "x"), Value(6.88, "b")
neuron = tanh(w * x + b)
(output,) = nn.MLP(2, [3, 1], output="sigmoid", rng=random.Random(0))([0.3, -0.7])
zs = [Value(0.123456, "z1"), Value(-1.5, "z2"), Value(2.25, "z3")]
classes = nn.divergences.kl(autograd.softmax(zs), [0.0, 1.0, 0.0])
(second,) = grad(tanh(w * x / 5) * w, [w], create_graph=True)
for root in (neuron, nn.divergences.binary_kl(output, 1.0), classes, second):
    s = step_through(root, forward=True)
    while not s.done:
        print(s.next())
    print(s.table(), s.naive(), *[s.why(node) for node in s.steps.nodes], sep="\\n")
"""


def test_a_real_terminal_of_80_columns_breaks_no_line() -> None:
    outside, inside = pty.openpty()
    ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=inside, stdout=inside, env=environment
    )
    os.close(inside)
    shown = b""
    while True:
        try:
            piece = os.read(outside, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(outside)
    assert program.wait() == 0
    lines = shown.decode().splitlines()
    assert len(lines) > 400 and max(map(len, lines)) <= 80
    assert sum("contribution" in line for line in lines) > 60
    # A line is used as far as it goes, and the numbers stand in the rules.
    assert max(map(len, lines)) > 70
    assert any("= 1 - 0.706419 ** 2 = +0.500972" in line for line in lines)


# A line.


@pytest.mark.parametrize(
    ("line", "room", "lines"),
    [
        ("a line that has room", 20, ["a line that has room"]),
        ("words are kept whole as they are", 14, ["words are kept", "  whole as", "  they are"]),
        ("  what is indented hangs", 14, ["  what is", "    indented", "    hangs"]),
        # A number stays with its word, what is in parentheses with what they explain.
        ("it goes on at position 3", 22, ["it goes on at", "  position 3"]),
        ("then the next node: x = +2 (leaf)", 29, ["then the next node:", "  x = +2 (leaf)"]),
        ("the slope of tanh(w * x) by w", 20, ["the slope of", "  tanh(w * x) by w"]),
        # An equation goes on below its right side.
        ("y = a * b + c * d", 13, ["y = a * b", "    + c * d"]),
        ("dy/dx = 1 - y ** 2 = 1 - 0.5 ** 2 = +0.75", 20,
         ["dy/dx = 1 - y ** 2", "      = 1 - 0.5 ** 2", "      = +0.75"]),
        ("-> p   dy/dp = 2   grad -- -> +2", 20, ["-> p   dy/dp = 2", "  grad -- -> +2"]),
        # A derivative may be taken apart, a name and a number may not.
        ("dlayer1.neuron0.y/dlayer1.neuron0.w[0] = 3", 24,
         ["dlayer1.neuron0.y", "  /dlayer1.neuron0.w[0]", "  = 3"]),
        ("averyveryverylongname = 1234567890123", 10,
         ["averyveryverylongname", "  =", "    1234567890123"]),
        ('"two words" * "and two" more', 14, ['"two words"', '  * "and two"', "  more"]),
    ],
)  # fmt: skip
def test_where_a_line_is_broken(line: str, room: int, lines: list[str]) -> None:
    assert wrapped(line, room) == lines


def test_a_text_within_another_is_broken_with_it(columns_of_terminal: Any) -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    s = step_through(a * b)
    s.run()
    for room in (30, 40, 60):
        columns_of_terminal(WIDE)
        whole = str(s.next())
        columns_of_terminal(room)
        assert str(s.next()).splitlines() == wrapped(whole, room - 1)


def test_letters_of_east_asia_take_two_columns_and_accents_none() -> None:
    assert [columns(text) for text in ("ab", "重み", "e\u0301", "\uff41", "\u03b1")] == [
        2,
        4,
        1,
        2,
        1,
    ]
    assert wrapped("重み 重み 重み", 10) == ["重み 重み", "  重み"]
    assert table([["重み", "1"], ["w", "2"]]) == ["重み   1", "w      2"]


PIECES = st.sampled_from(
    ["a", "layer1.neuron0.w[12]", "+", "*", "=", "->", "**", "-1.23457e-05", "+inf", "nan", "--",
     "(leaf)", "[3/7]", "(a", "b)", "dL/dlayer2.neuron0.w[1]", '"a', 'b"', '"\\"', "重み", "of",
     "3", "is", "tanh(w", "x)", "d(dL/dw)/d(a", "+123456789012345"]
)  # fmt: skip
LINES = st.lists(st.tuples(PIECES, st.sampled_from([" ", "   "])), min_size=1, max_size=40).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs).rstrip()
)


@settings(max_examples=80, deadline=None)
@given(LINES, st.integers(19, 120), st.sampled_from([None, 0, 5]))
def test_what_is_broken_is_whole_again_when_it_is_put_together(
    line: str, room: int, hang: int | None
) -> None:
    lines = wrapped(line, room, hang)
    assert "".join("".join(lines).split()) == "".join(line.split())
    words = [word for part in lines for word in part.split()]
    halves = [word for found in line.split() for word in re.split(r"(?=/d[\w(])", found)]
    assert set(words) <= {*line.split(), *halves}
    for part in lines:
        assert columns(part) <= room or len(part.split()) == 1
    assert wrapped(line, columns(line)) == [line]


# A table.

CELLS = st.sampled_from(
    ["", "a", "layer1.neuron0.w[12]", "tanh(w * x + b)", "-1.23457e-05", "+inf", "so far (1/2)",
     "v1 + v2 + v3 + ... + v99", "was +6 before this pass: no zero_grad", '"two words"', "重み"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 7).flatmap(
        lambda count: st.lists(
            st.lists(CELLS, min_size=count, max_size=count), min_size=1, max_size=5
        )
    ),
    st.integers(40, 130),
)
def test_a_table_has_all_that_its_cells_have(rows: list[list[str]], room: int) -> None:
    os.environ["COLUMNS"] = str(room + 1)
    shown = table(rows)
    os.environ.pop("COLUMNS")
    assert len(shown) == len(rows)
    for row, text in zip(rows, shown):
        assert sorted(text.split()) == sorted(" ".join(row).split())
        assert all(columns(line) <= room for line in text.splitlines())


def test_the_widest_column_of_a_table_is_folded_before_columns_go_below(
    columns_of_terminal: Any,
) -> None:
    rows = [["node", "formula", "grad"], ["loss", "w1 * x1 + w2 * x2 + w3 * x3", "+0.25"]]
    columns_of_terminal(41)
    assert table(rows) == [
        "node  formula                      grad",
        "loss  w1 * x1 + w2 * x2 + w3 * x3  +0.25",
    ]
    columns_of_terminal(34)
    assert table(rows) == [
        "node  formula            grad",
        "loss  w1 * x1 + w2 * x2  +0.25\n        + w3 * x3",
    ]
    # What is wider than that goes on below.
    rows = [["node", "formula", "grad"], ["y", "sigmoid(layer1.neuron0.z)", "+1"], ["p", "a", "+2"]]
    columns_of_terminal(33)
    assert table(rows) == [
        "node  formula  grad",
        "y     sigmoid(layer1.neuron0.z)\n               +1",
        "p     a        +2",
    ]
    rows = [["name", "value", "derivative"], ["w", "-0.12345678901234567", "0.12345678901234567"]]
    columns_of_terminal(36)
    assert table(rows) == [
        "name  value\n    derivative",
        "w     -0.12345678901234567\n    0.12345678901234567",
    ]


# A pass.

HOSTILE = ["", "two words", 'a "quoted" word', "a/db", "-> x", "grad = 3", "((", "d(dL/dw)/dv"]
LABELS = st.sampled_from(
    [
        *HOSTILE,
        "w",
        "layer1.neuron0.w[12]",
        "重み",
        "1e-05",
        "+inf",
        "x\ny",
        "a name that is cut" * 9,
    ]
)
HARD = st.floats(-3.0, 3.0) | st.sampled_from(
    [0.0, -0.0, 1.0, -1e-5, 1.23456789e-5, 1e300, -1e-300, math.inf, -math.inf, math.nan, 1234567.0]
)


@st.composite
def graphs(draw: Any) -> Value:
    """A graph of any rows of the table on any numbers, with hostile labels."""
    nodes = [Value(draw(HARD), draw(LABELS)) for _ in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 7))):
        op = draw(st.sampled_from([*ops.OPS.values()]))
        count = op.arity or draw(st.integers(1, 9))
        node = op(*[draw(st.sampled_from(nodes)) for _ in range(count)])
        node.label = draw(LABELS)
        nodes.append(node)
    return nodes[-1]


@settings(max_examples=25, deadline=None)
@given(graphs(), st.integers(40, 200))
def test_a_step_says_the_same_at_every_width(root: Value, room: int) -> None:
    s = step_through(root, forward=True)
    texts: list[object] = [*s.values, *s.steps]
    texts += [s.why(node) for node in s.steps.nodes]
    for text in texts:
        wide, narrow = at(WIDE, text), at(room, text)
        assert narrow.split() == wide.split() or "/d" in wide
        assert "".join(narrow.split()) == "".join(wide.split())
        for line in narrow.splitlines():
            # A name in quotes, of 34 columns at most, may be all that a line has.
            assert columns(line) < max(room, 46) or len(line.split()) == 1


# What is printed, computed again.


def comes_to(formula: str) -> float:
    return float(eval(formula, {}, {**CONSTANTS, **ops.OPS}))


def reads(found: float, shown: str) -> bool:
    """Whether a number is the one that is shown, to half a unit of its sixth digit."""
    said = float(shown)
    if not math.isfinite(said):
        return said == found or (found != found and said != said)
    return abs(found - said) <= 0.500001 * 10.0 ** (math.floor(math.log10(abs(said) or 1e-320)) - 5)


def equations(text: str) -> Iterator[tuple[str, str]]:
    """The formulas on numbers alone in a text, and what is printed behind each."""
    for cell in re.split(r" {3,}|\n", text):
        for formula, shown in itertools.pairwise(cell.split(" = ")):
            formula = re.sub(r"^(contribution|local derivative) ", "", formula)
            names = re.search(r"\b[pqrv]\b|/d|v\d|\[", formula)
            is_on_numbers = names is None and re.search(r"\d", formula)
            if is_on_numbers and re.fullmatch(r"[-+]?[\d.]+(e[-+]\d+)?", shown):
                yield formula, shown


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
def test_every_rule_comes_out_with_the_digits_that_are_printed(op: ops.Op) -> None:
    seen = 0
    for points in (
        (0.7123456789, 1.3, 2.9),
        (1.0000001234, 1.0 / 3.0, 0.1),
        (-2.7182818, 3.3, -0.4),
    ):
        operands = [Value(x, name) for x, name in zip(points, "pqr")][: op.arity or 3]
        root = op(*operands) * 0.123456789
        s = step_through(root, forward=True)
        for text in [*s.values, *s.steps]:
            for formula, shown in equations(at(WIDE, text)):
                assert reads(comes_to(formula), shown), (formula, shown)
                seen += 1
    assert seen >= 3


def rule(root: Value) -> str:
    return re.split(r" {3,}", at(WIDE, step_through(root).steps[0]).splitlines()[2].strip())[1]


def test_a_number_has_as_many_digits_as_its_line_takes() -> None:
    x = Value(0.5, "x")
    for number, shown in [
        (0.88, "dy/dx = 1 - y ** 2 = 1 - 0.706419 ** 2 = +0.500972"),
        # Six digits of y are 1, and 1 - 1 ** 2 is nothing.
        (9.0, "dy/dx = 1 - y ** 2 = 1 - 0.99999996954004 ** 2 = +6.09199e-08"),
    ]:
        x.data = number
        y = autograd.tanh(x)
        y.label = "y"
        assert rule(y) == shown
        assert reads(comes_to(shown.split(" = ")[2]), shown.split(" = ")[3])
    # 1.41421 * 1.41421 is 1.99999, and the product is not 2 to its last bit.
    p = Value(1.0, "x") * math.sqrt(2.0)
    p.label = "p"
    step = at(WIDE, step_through(p * math.sqrt(2.0)).steps[1])
    assert "   contribution +1.4142136 * +1.4142136 = +2.000000   " in step


def test_what_is_lost_in_floats_is_no_equation() -> None:
    x, y = Value(1e200, "x"), Value(1e200, "y")
    z = x * y
    z.label = "z"
    step = at(WIDE, step_through(z * 1e200).steps[1])
    assert "contribution +1e+200 * +1e+200 = +inf in floats" in step
    w = Value(3.0, "w")
    total = w * 1e16 + w + w * -1e16
    shown = at(WIDE, step_through(total).steps[-1])
    assert re.search(r"= .*\+1e\+16.* in floats ", shown)


def test_a_rule_that_is_computed_by_another_formula_has_no_numbers() -> None:
    y = autograd.atan2(Value(1e200, "p"), Value(1e200, "q"))
    y.label = "y"
    # By the formula that is shown both squares are infinite.
    assert rule(y) == "dy/dp = q / (q ** 2 + p ** 2) = +5e-201"
