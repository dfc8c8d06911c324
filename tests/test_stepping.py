"""Tests of `autograd.stepping`: transcripts computed by hand, and passes against `backward`.

What a step says is typed here from pencil and paper. What a pass leaves in the graph is compared
bit for bit with `backward` on a second graph built from the same seed.
"""

import code
import contextlib
import doctest
import gc
import io
import math
import random
import re
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import numpy
import pytest

import autograd
from autograd import Value, step_through, views
from autograd.core import ops
from autograd.core.formula import CONSTANTS
from autograd.core.sweep import consumers_first
from autograd.stepping.stepper import Stepper
from autograd.stepping.steps import Step
from autograd.stepping.targets import find_node
from autograd.text import signed
from autograd.words import formulas
from autograd.words.names import LONGEST


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each report: how they are folded is tested in ``test_lines.py``."""
    monkeypatch.setenv("COLUMNS", "200")


def labelled(value: Value, label: str) -> Value:
    value.label = label
    return value


def lecture_graph() -> dict[str, Value]:
    """L = (a * b + c) * f at a = 2, b = -3, c = 10, f = -2: e = -6, d = 4, L = -8."""
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = labelled(a * b, "e")
    d = labelled(e + c, "d")
    return {"a": a, "b": b, "c": c, "f": f, "e": e, "d": d, "L": labelled(d * f, "L")}


def transcript(stepper: Stepper) -> str:
    lines = []
    while not stepper.done:
        lines.append(str(stepper.next()))
    return "\n".join(lines) + "\n"


def taken(shown: object) -> Step:
    assert isinstance(shown, Step)
    return shown


def bits(node: Value) -> str:
    """The gradient exactly, with the sign of a zero."""
    return float(node.grad).hex()


def all_bits(root: Value) -> list[str]:
    return [bits(node) for node in consumers_first(root)]


# What a step says.

LECTURE = """\
[1/7] L = d * f
  upstream dL/dL = +1                                 final (the pass starts here)
  -> d   dL/dd = f = -2   contribution +1 * -2 = -2   grad -- -> -2   final (1/1)
  -> f   dL/df = d = +4   contribution +1 * +4 = +4   grad -- -> +4   final (1/1)
[2/7] d = e + c
  upstream dL/dd = -2                            final (1/1 consumers reported)
  -> e   dd/de = 1   contribution -2 * +1 = -2   grad -- -> -2   final (1/1)
  -> c   dd/dc = 1   contribution -2 * +1 = -2   grad -- -> -2   final (1/1)
[3/7] f = -2 (leaf)
  gradient dL/df = +4   final (1/1 consumers reported)
[4/7] e = a * b
  upstream dL/de = -2                                 final (1/1 consumers reported)
  -> a   de/da = b = -3   contribution -2 * -3 = +6   grad -- -> +6   final (1/1)
  -> b   de/db = a = +2   contribution -2 * +2 = -4   grad -- -> -4   final (1/1)
[5/7] c = +10 (leaf)
  gradient dL/dc = -2   final (1/1 consumers reported)
[6/7] a = +2 (leaf)
  gradient dL/da = +6   final (1/1 consumers reported)
[7/7] b = -3 (leaf)
  gradient dL/db = -4   final (1/1 consumers reported)
"""


def test_the_transcript_of_a_pass() -> None:
    assert transcript(step_through(lecture_graph()["L"])) == LECTURE


def test_edges_are_shown_one_at_a_time_and_next_finishes_the_node() -> None:
    s = step_through(lecture_graph()["L"])
    assert str(s.step()) == (
        "[1/7] L = d * f (edge 1 of 2)\n"
        "  upstream dL/dL = +1                                 final (the pass starts here)\n"
        "  -> d   dL/dd = f = -2   contribution +1 * -2 = -2   grad -- -> -2   final (1/1)"
    )
    assert str(s.next()) == (
        "[1/7] L = d * f (edge 2 of 2)\n"
        "  upstream dL/dL = +1                                 final (the pass starts here)\n"
        "  -> f   dL/df = d = +4   contribution +1 * +4 = +4   grad -- -> +4   final (1/1)"
    )
    assert str(s.next()).startswith("[2/7] d = e + c\n")
    w = autograd.sum([Value(1.0, "p"), Value(2.0, "q"), Value(3.0, "r")])
    s = step_through(labelled(w, "w"))
    s.step()
    assert str(s.next()).splitlines()[0] == "[1/4] w = p + q + r (edges 2 to 3 of 3)"


A_LEAF_USED_FIVE_TIMES = """\
[1/4] y = p + q
  upstream dy/dy = +1                            final (the pass starts here)
  -> p   dy/dp = 1   contribution +1 * +1 = +1   grad -- -> +1   final (1/1)
  -> q   dy/dq = 1   contribution +1 * +1 = +1   grad -- -> +1   final (1/1)
[2/4] p = x * x
  upstream dy/dp = +1                                                      \
final (1/1 consumers reported)
  -> x (operand 1)   local derivative x = +3   contribution +1 * +3 = +3   \
grad -- -> +3   so far (1/5)
  -> x (operand 2)   local derivative x = +3   contribution +1 * +3 = +3   \
grad +3 -> +6   so far (2/5)
[3/4] q = x + x + x
  upstream dy/dq = +1                                                 final (1/1 consumers reported)
  -> x (operand 1)   local derivative 1   contribution +1 * +1 = +1   grad +6 -> +7   so far (3/5)
  -> x (operand 2)   local derivative 1   contribution +1 * +1 = +1   grad +7 -> +8   so far (4/5)
  -> x (operand 3)   local derivative 1   contribution +1 * +1 = +1   grad +8 -> +9   final (5/5)
[4/4] x = +3 (leaf)
  gradient dy/dx = +9, the sum of 5 contributions   final (5/5 consumers reported)
"""


def test_a_node_used_twice_by_one_consumer_has_two_edges() -> None:
    x = Value(3.0, "x")
    p, q = labelled(x * x, "p"), labelled(autograd.sum([x, x, x]), "q")
    assert transcript(step_through(labelled(p + q, "y"))) == A_LEAF_USED_FIVE_TIMES


# b = 2a waits for both of its consumers: d = c + b reports 1, then c = b * b reports 4 twice.
WAITING = """\
[1/4] d = c + b
  upstream dd/dd = +1                                     final (the pass starts here)
  -> c   dd/dc = 1            contribution +1 * +1 = +1   grad -- -> +1   final (1/1)
  -> b   local derivative 1   contribution +1 * +1 = +1   grad -- -> +1   so far (1/3)
[2/4] c = b * b
  upstream dd/dc = +1                                                      \
final (1/1 consumers reported)
  -> b (operand 1)   local derivative b = +4   contribution +1 * +4 = +4   \
grad +1 -> +5   so far (2/3)
  -> b (operand 2)   local derivative b = +4   contribution +1 * +4 = +4   \
grad +5 -> +9   final (3/3)
[3/4] b = a + a
  upstream dd/db = +1 + +4 + +4 = +9                                  final (3/3 consumers reported)
  -> a (operand 1)   local derivative 1   contribution +9 * +1 = +9   grad -- -> +9    so far (1/2)
  -> a (operand 2)   local derivative 1   contribution +9 * +1 = +9   grad +9 -> +18   final (2/2)
[4/4] a = +2 (leaf)
  gradient dd/da = +9 + +9 = +18   final (2/2 consumers reported)
"""


def test_a_node_waits_for_all_its_consumers() -> None:
    a = Value(2.0, "a")
    b = labelled(a + a, "b")
    c = labelled(b * b, "c")
    assert transcript(step_through(labelled(c + b, "d"))) == WAITING


# Stale gradients, constants, rules without a derivative, numbers.

STALE = """\
[1/3] y = x * w
  upstream dy/dy = +1                                 final (the pass starts here)
  -> x   dy/dx = w = +4   contribution +1 * +4 = +4   grad +6 -> +10   final (1/1)   \
was +6 before this pass: no zero_grad
  -> w   dy/dw = x = +3   contribution +1 * +3 = +3   grad -- -> +3    final (1/1)
[2/3] x = +3 (leaf)
  gradient dy/dx = +4   final (1/1 consumers reported)
  grad = +10   was +6 before this pass: no zero_grad
[3/3] w = +4 (leaf)
  gradient dy/dw = +3   final (1/1 consumers reported)
"""


def test_a_leaf_that_held_a_gradient_is_announced() -> None:
    x, w = Value(3.0, "x"), Value(4.0, "w")
    y = labelled(x * w, "y")
    x.grad, y.grad = 6.0, 50.0
    assert transcript(step_through(y)) == STALE


def test_the_stale_notice_comes_with_the_first_report_only() -> None:
    x = Value(3.0, "x")
    x.grad = math.nan
    s = step_through(x + x)
    assert str(s.next()).count("was nan before this pass: no zero_grad") == 1
    assert str(s.next()).count("was nan before this pass: no zero_grad") == 1


@pytest.mark.parametrize("empty", [0.0, -0.0])
def test_a_leaf_without_a_gradient_is_not_announced(empty: float) -> None:
    x = Value(3.0, "x")
    x.grad = empty
    s = step_through(x * 2)
    assert "was" not in transcript(s) + s.table()


def cells(step: object) -> list[str]:
    """The lines of a text with one bar between its columns, however wide they are."""
    return [re.sub(" {3,}", " | ", line.strip()) for line in str(step).splitlines()]


def test_constants_get_no_edge_and_stand_in_the_formulas() -> None:
    x = Value(3.0, "x")
    square = step_through(labelled(x**2, "y")).steps[0]
    assert cells(square) == [
        "[1/2] y = x ** 2",
        "upstream dy/dy = +1 | final (the pass starts here)",
        "-> x | dy/dx = 2 * x = 2 * 3 = +6 | contribution +1 * +6 = +6 | "
        "grad -- -> +6 | final (1/1)",
    ]
    half = step_through(labelled(-0.5 * x, "y")).steps[0]
    assert [edge.position for edge in half.edges] == [1]
    assert cells(half)[0] == "[1/2] y = (-0.5) * x"
    assert cells(half)[2].startswith("-> x | dy/dx = -0.5 | contribution +1 * -0.5 = -0.5 | ")
    inverse = step_through(labelled(x**-1, "y")).steps[0]
    assert " | dy/dx = -x ** (-2) = -3 ** (-2) = -0.111111 | " in cells(inverse)[2]


def test_where_no_derivative_passes_the_step_says_so() -> None:
    x, y = Value(3.0, "x"), Value(5.0, "y")
    z = ops.where(labelled(autograd.less(x, y), "c"), x, 2.0)
    s = step_through(labelled(z, "z"))
    assert cells(s.next()) == [
        "[1/4] z = where(c, x, 2)",
        "upstream dz/dz = +1 | final (the pass starts here)",
        "-> c | dz/dc = 0 | contribution +0 (no derivative passes) | grad -- -> +0 | final (1/1)",
        "-> x | local derivative (1 if c else 0) = (1 if 1 else 0) = +1 | "
        "contribution +1 * +1 = +1 | grad -- -> +1 | so far (1/2)",
    ]


def test_a_sum_of_zero_is_not_a_sum_that_has_not_begun() -> None:
    x = Value(3.0, "x")
    shown = cells(step_through(ops.where(x, x, 2.0)).next())
    assert shown[2].endswith("grad -- -> +0 | so far (1/2)")
    assert shown[3].endswith("grad +0 -> +1 | final (2/2)")


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
def test_every_formula_of_the_table_gives_its_number_on_the_names_of_the_graph(
    op: ops.Op,
) -> None:
    operands = [Value(0.7, "p"), Value(1.3, "q"), Value(2.9, "r")][: op.arity or 3]
    root = labelled(op(*operands), "out")
    s = step_through(root)
    step, shown = s.steps[0], cells(s.next())
    data: dict[str, Any] = {value.label: value.data for value in (root, *operands)}
    assert len(step.edges) == len(operands)
    for edge, line in zip(step.edges, shown[2:], strict=True):
        derivative, formula, *numbers = line.split(" | ")[1].split(" = ")
        assert derivative == f"dout/d{edge.operand.label}"
        partial = 0.0 if edge.partial is None else edge.partial
        assert eval(formula, {}, {**CONSTANTS, **ops.OPS, **data}) == pytest.approx(
            partial, rel=1e-12, nan_ok=True
        )
        assert numbers[-1:] in ([], [signed(partial)])
        for in_numbers in numbers[:-1]:
            found = eval(in_numbers, {}, {**CONSTANTS, **ops.OPS})
            assert f"{found:.6g}" == f"{partial:.6g}"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "+0"),
        (-0.0, "-0"),
        (2.0, "+2"),
        (-1234567.0, "-1234567"),
        (123456789012345.0, "+123456789012345"),
        (1e15, "+1e+15"),
        (0.1, "+0.1"),
        (-1 / 3, "-0.333333"),
        (2.0000001, "+2.000000"),
        (-123456.7, "-123456.7"),
        (5e-324, "+4.94066e-324"),
        (1e300, "+1e+300"),
        (math.nan, "nan"),
        (-math.nan, "nan"),
        (math.inf, "+inf"),
        (-math.inf, "-inf"),
        (3, "+3"),
        (True, "+1"),
        (numpy.float64(0.5), "+0.5"),
    ],
)
def test_numbers_are_signed_and_short(number: Any, shown: str) -> None:
    assert signed(number)[: len(shown)] == shown
    assert len(signed(number)) <= 45


def test_special_numbers_are_shown_as_they_are() -> None:
    x = Value(-0.0, "x")
    step = step_through(labelled(autograd.log(x), "y")).steps[0]
    assert (
        " | dy/dx = 1 / x = 1 / (-0) = -inf | contribution +1 * -inf = -inf | grad -- -> -inf | "
        in cells(step)[2]
    )
    step = step_through(labelled(x * math.nan, "y")).steps[0]
    assert " | dy/dx = nan | contribution +1 * nan = nan | grad -- -> nan | " in cells(step)[2]
    assert cells(step_through(x).steps[0])[0] == "[1/1] x = -0 (leaf)"


def test_a_leaf_has_no_formula() -> None:
    x = Value(1.0, "x")
    assert (formulas.in_names(x, {x: "x"}), formulas.partial(x, 0, {x: "x"})) == ("", "")


# Many operands, many consumers.


def test_a_sum_of_a_thousand_is_capped_with_the_count_and_total_of_the_rest() -> None:
    values = [Value(float(i), f"x{i}") for i in range(1, 1001)]
    s = step_through(labelled(autograd.sum(values), "y") * 0.5)
    s.next()
    shown = cells(s.next())
    assert shown[0] == "[2/1002] y = x1 + x2 + x3 + ... + x1000"
    assert [line.split(" | ")[0] for line in shown[2:-1]] == [f"-> x{i}" for i in range(1, 9)]
    # 1000 - 8 edges are left out, and each carries 0.5.
    assert shown[-1] == "... and 992 more edges, with contributions of +496 in all"


def test_what_is_left_out_counts_from_the_ninth_edge() -> None:
    eight = [Value(1.0) for _ in range(8)]
    assert "more" not in str(step_through(autograd.sum(eight)).next())
    nine = str(step_through(autograd.sum([*eight, Value(1.0)])).next())
    assert nine.endswith("\n  ... and 1 more edge, with contributions of +1 in all")
    hopeless = autograd.sum([math.inf * x - math.inf * x for x in [*eight, *eight]])
    assert all(str(step) for step in step_through(hopeless).steps)


def test_a_formula_of_six_operands_is_whole_and_of_seven_is_not() -> None:
    p, q = Value(1.0, "p"), Value(1.0, "q")
    shown = [cells(step_through(autograd.sum([p] * n + [q])).next())[0] for n in (5, 6)]
    assert shown == ["[1/3] v3 = p + p + p + p + p + q", "[1/3] v3 = p + p + p + ... + q"]


def test_up_to_four_contributions_are_shown_as_a_sum() -> None:
    x = Value(1.0, "x")
    four = step_through(labelled(autograd.sum([x] * 4), "y")).steps[1]
    five = step_through(labelled(autograd.sum([x] * 5), "y")).steps[1]
    assert cells(four)[1].startswith("gradient dy/dx = +1 + +1 + +1 + +1 = +4 | final (4/4 ")
    assert cells(five)[1].startswith("gradient dy/dx = +5, the sum of 5 contributions | final (5/5")


# The table.

TABLE_INSIDE_E = """\
at position 3 of 7, after 1 of 2 edges: next() finishes [4/7] e = a * b
node   formula   data   grad   reported
L      d * f     -8     +1     the root
d      e + c     +4     -2     final (1/1)
f      (leaf)    -2     +4     final (1/1)
e      a * b     -6     -2     final (1/1)
c      (leaf)    +10    -2     final (1/1)
a      (leaf)    +2     +12    final (1/1)   was +6 before this pass: no zero_grad
b      (leaf)    -3     --     waits (0/1)"""


def gradients_in(table: str) -> list[str]:
    column = table.splitlines()[1].index("grad")
    return [line[column:].split()[0] for line in table.splitlines()[2:]]


def test_the_table_shows_what_has_reached_each_node() -> None:
    nodes = lecture_graph()
    nodes["a"].grad, nodes["b"].grad, nodes["e"].grad = 6.0, -0.0, 7.0
    s = step_through(nodes["L"])
    for _ in range(3):
        s.next()
    s.step()
    assert s.table() == TABLE_INSIDE_E
    s.restart()
    assert gradients_in(s.table()) == ["--"] * 7
    s.run()
    assert gradients_in(s.table()) == ["+1", "-2", "+4", "-2", "-2", "+12", "-4"]


def test_the_table_counts_reports_that_are_still_to_come() -> None:
    x = Value(3.0, "x")
    s = step_through(labelled(x * x, "y"))
    s.step()
    assert s.table().splitlines()[2:] == [
        "y      x * x     +9     +1     the root",
        "x      (leaf)    +3     +3     so far (1/2)",
    ]


# Movements.


def test_position_counts_finished_nodes_and_edges_done_the_rest() -> None:
    s = step_through(lecture_graph()["L"])
    seen = [(s.position, s.edges_done)]
    while not s.done:
        s.step()
        seen.append((s.position, s.edges_done))
    # L and d have two edges, f none, e two, and c, a and b none.
    assert seen == [
        (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1), (4, 0), (5, 0), (6, 0), (7, 0)
    ]  # fmt: skip


def test_grad_shows_the_running_sum_while_the_pass_is_under_way() -> None:
    x = Value(3.0, "x")
    x.grad = 100.0
    y = labelled(x * x, "y")
    z = labelled(y * x, "z")
    y.grad, z.grad = 70.0, 80.0
    s = step_through(z)
    seen = [(z.grad, y.grad, x.grad)]
    while not s.done:
        s.step()
        seen.append((z.grad, y.grad, x.grad))
    # dz/dy = x = 3 and dz/dx = y = 9, then 3 * 3 twice through y = x * x.
    assert seen == [
        (80.0, 70.0, 100.0),
        (1.0, 3.0, 100.0),
        (1.0, 3.0, 109.0),
        (1.0, 3.0, 118.0),
        (1.0, 3.0, 127.0),
        (1.0, 3.0, 127.0),
    ]


def test_back_goes_by_nodes_and_an_unfinished_node_counts_as_one() -> None:
    s = step_through(lecture_graph()["L"])
    s.next()
    s.step()
    assert s.back() == "at position 1 of 7: next() takes [2/7] d = e + c"
    assert (s.position, s.edges_done) == (1, 0)
    s.next()
    s.next()
    s.step()
    assert (s.position, s.edges_done) == (3, 1)
    assert s.back(3) == "at position 1 of 7: next() takes [2/7] d = e + c"
    assert s.back(10**100) == "at the start of 7 nodes: next() takes [1/7] L = d * f"
    s.run()
    s.back(numpy.int64(2))
    assert (s.position, s.edges_done) == (5, 0)


@pytest.mark.parametrize("k", [0, -1, -(10**30)])
def test_back_refuses_less_than_one(k: int) -> None:
    s = step_through(lecture_graph()["L"])
    with pytest.raises(
        ValueError,
        match=rf"^back\(k\): k must be a whole number of at least 1, got {k}; .*next\(\) goes",
    ):
        s.back(k)


@pytest.mark.parametrize("k", [1.0, True, None, "1", numpy.True_, math.nan])
def test_back_refuses_what_is_no_int(k: Any) -> None:
    s = step_through(lecture_graph()["L"])
    s.next()
    with pytest.raises(TypeError, match=rf"a whole number.*got {re.escape(repr(k))} of.*; back"):
        s.back(k)
    assert s.position == 1


END = "at the end, position 7 of 7: every gradient is final"
START = "at the start of 7 nodes: next() takes [1/7] L = d * f"
QUIT = "the pass was quit, gradients are as before it; step_through() begins another"


def test_movements_past_either_end_do_nothing_and_say_so() -> None:
    root = lecture_graph()["L"]
    s = step_through(root)
    assert s.back() == f"nothing to go back to: {START}"
    assert s.run() == END
    at_the_end = all_bits(root)
    for movement in (s.next, s.step, s.run):
        assert movement() == f"nothing left to take: {END}"
        assert (s.position, s.edges_done, s.done) == (7, 0, True)
        assert all_bits(root) == at_the_end
    assert s.restart() == START
    assert (s.position, s.edges_done, s.done) == (0, 0, False)


def test_quit_ends_the_pass() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    s.step()
    assert s.quit() == QUIT
    assert (s.position, s.edges_done, s.done) == (0, 0, True)
    nodes["c"].grad = 5.0
    for movement, complaint in [
        (s.next, "nothing left to take: "),
        (s.step, "nothing left to take: "),
        (s.run, "nothing left to take: "),
        (s.back, "nothing to go back to: "),
        (s.restart, "nothing to restart: "),
        (s.quit, ""),
    ]:
        assert movement() == complaint + QUIT
    assert nodes["c"].grad == 5.0
    assert repr(s) == f"<Stepper {QUIT}>"
    assert s.table().splitlines()[0] == QUIT


def test_a_root_that_is_a_leaf() -> None:
    x = Value(3.0, "x")
    s = step_through(x)
    assert repr(s) == "<Stepper at the start of 1 node: next() takes [1/1] x = +3 (leaf)>"
    assert cells(s.step()) == [
        "[1/1] x = +3 (leaf)",
        "gradient dx/dx = +1 | final (the pass starts here)",
    ]
    assert (x.grad, s.done) == (1.0, True)
    s = step_through(x)
    assert cells(s.next())[2] == "grad = +2 | was +1 before this pass: no zero_grad"
    assert x.grad == 2.0
    s.back()
    assert x.grad == 1.0


# Against backward, bit for bit, and back again.

SPECIAL = [0.0, -0.0, 1.0, -2.0, 0.5, 1e-320, 1e200, -1e200, math.inf, math.nan]


def random_graph(seed: int) -> Value:
    """A graph of many operations with gradients left in it; the same seed gives a twin."""
    rng = random.Random(seed)
    numbers = SPECIAL if seed % 4 == 0 else [rng.uniform(-2, 2) for _ in range(10)]
    values = [Value(rng.choice(numbers)) for _ in range(rng.randint(1, 6))]
    rows = list(ops.OPS.values())
    for _ in range(rng.randint(0, 60)):
        op = rng.choice(rows)
        # Recent values are preferred, so that little of the graph is left out.
        operands: list[Value | float] = rng.choices(values[-8:], k=op.arity or rng.randint(1, 5))
        if rng.random() < 0.3:
            operands[rng.randrange(len(operands))] = rng.choice(numbers)
        node = op(*operands)
        if isinstance(node, Value):
            values.append(node)
    for value in values:
        value.grad = rng.choice([0.0, 0.0, -0.0, *numbers])
    return values[-1] if seed % 5 == 0 else autograd.sum(values[-8:])


def wander(s: Stepper, rng: random.Random, movements: int) -> Iterator[None]:
    for _ in range(movements):
        movement = rng.choices(
            [s.next, s.step, lambda: s.back(rng.randint(1, 4)), s.restart, s.run],
            weights=[8, 12, 6, 1, 1],
        )[0]
        movement()
        yield


@pytest.mark.parametrize("block", range(10))
def test_the_end_is_what_backward_leaves_whatever_went_before(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        twin, root = random_graph(seed), random_graph(seed)
        twin.backward()
        rng = random.Random(seed)
        s = step_through(root)
        for _ in wander(s, rng, rng.randint(0, 60)):
            pass
        while not s.done:
            rng.choice([s.next, s.step, s.step])()
        assert all_bits(root) == all_bits(twin), seed
        s.back(rng.randint(1, 5))
        s.run()
        assert all_bits(root) == all_bits(twin), seed


@pytest.mark.parametrize("block", range(10))
def test_a_position_always_has_the_same_gradients(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        root = random_graph(seed)
        before = all_bits(root)
        s = step_through(root)
        seen = {(0, 0): before}
        while not s.done:
            s.step()
            seen[s.position, s.edges_done] = all_bits(root)
        for _ in wander(s, random.Random(seed), 60):
            assert all_bits(root) == seen[s.position, s.edges_done], seed
        s.quit()
        assert all_bits(root) == before, seed


def test_the_records_of_every_edge_add_up() -> None:
    for seed in range(50):
        root = random_graph(seed)
        steps = step_through(root).steps
        reported: dict[Value, list[float]] = {}
        passed: dict[Value, list[float]] = {root: [1.0]}
        for step in steps:
            assert step.received == tuple(reported.get(step.node, ()))
            assert step.gradient.hex() == _left_to_right(passed.get(step.node, [0.0])).hex()
            for edge in step.edges:
                assert step.node.operands[edge.position] is edge.operand
                if edge.partial is None:
                    assert edge.contribution == 0.0
                else:
                    assert edge.contribution.hex() == (step.gradient * edge.partial).hex()
                    passed.setdefault(edge.operand, []).append(edge.contribution)
                reported.setdefault(edge.operand, []).append(edge.contribution)
                assert edge.reported == len(reported[edge.operand])
        for step in steps:
            assert all(edge.consumers == len(reported[edge.operand]) for edge in step.edges)


def _left_to_right(numbers: list[float]) -> float:
    total = numbers[0]
    for number in numbers[1:]:
        total += number
    return total


def test_a_first_minus_zero_stays_one() -> None:
    x = Value(2.0, "x")
    s = step_through(x * -0.0)
    s.next()
    assert bits(x) == "-0x0.0p+0"
    assert s.steps[0].edges[0].after.hex() == "-0x0.0p+0"


# What a user may change meanwhile.


def test_data_and_labels_are_read_once() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    for node in nodes.values():
        node.data, node.label = 1000.0, "other"
    assert transcript(s) == LECTURE[LECTURE.index("[2/7]") :]
    assert (nodes["a"].grad, nodes["b"].grad) == (6.0, -4.0)
    table, notice = s.table().rsplit("\n", 1)
    assert "1000" not in table
    assert notice == (
        "this graph is stale: other = other * other holds 1000.0, but 1000.0 * 1000.0 is "
        "1000000.0; call recompute()"
    )
    with pytest.raises(autograd.StaleGraphError, match=r"call recompute\(\) on its root"):
        s.restart()
    s.quit()
    assert (nodes["a"].grad, nodes["b"].grad) == (0.0, 0.0)


def test_a_pass_is_not_begun_again_with_numbers_that_the_graph_has_no_longer() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.run()
    nodes["a"].data = 5.0
    nodes["L"].recompute()
    for again in (s.restart, s.forward):
        with pytest.raises(autograd.StaleGraphError, match=r"L was -8.0 when .* is 10.0 now"):
            again()
    assert nodes["a"].grad == 6.0
    assert s.back() == "at position 6 of 7: next() takes [7/7] b = -3 (leaf)"


def test_a_gradient_that_the_user_sets_stays_until_a_movement_writes_it() -> None:
    nodes = lecture_graph()
    nodes["a"].grad = 0.25
    s = step_through(nodes["L"])
    s.next()
    for label in ("a", "d", "f", "L"):
        nodes[label].grad = 99.0
    s.next()
    assert [nodes[label].grad for label in ("a", "d", "f", "L")] == [99.0] * 4
    s.next()
    s.next()
    assert (nodes["a"].grad, nodes["d"].grad) == (6.25, 99.0)
    s.back()
    assert (nodes["a"].grad, nodes["d"].grad) == (0.25, 99.0)
    s.run()
    assert (nodes["a"].grad, nodes["d"].grad, nodes["f"].grad) == (6.25, -2.0, 4.0)
    nodes["a"].grad = 99.0
    s.quit()
    assert (nodes["a"].grad, nodes["d"].grad, nodes["f"].grad) == (0.25, 0.0, 0.0)


def test_steps_are_frozen_and_cover_what_was_taken() -> None:
    s = step_through(lecture_graph()["L"])
    step = taken(s.step())
    assert (step.first_edge, len(step.edges), step.edge_count) == (0, 1, 2)
    rest = taken(s.next())
    assert (rest.first_edge, len(rest.edges), rest.edge_count) == (1, 1, 2)
    assert step.edges + rest.edges == s.steps[0].edges
    assert taken(s.next()) == s.steps[1] != s.steps[2]
    assert len({s.steps[1], s.steps[1], s.steps[2]}) == 2
    with pytest.raises(FrozenInstanceError):
        step.gradient = 0.0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        step.edges[0].partial = 0.0  # type: ignore[misc]


def test_steps_are_a_sequence() -> None:
    s = step_through(lecture_graph()["L"])
    assert [step.node.label for step in s.steps] == ["L", "d", "f", "e", "c", "a", "b"]
    assert len(s.steps) == 7
    assert s.steps[-1].node.label == "b"
    assert [step.number for step in s.steps[2:6:2]] == [3, 5]
    assert repr(s.steps) == "<7 steps>"
    with pytest.raises(IndexError):
        s.steps[7]
    assert s.position == 0


# Names.


def names(*labels: str) -> list[str]:
    """What nodes with these labels are called; they stand in the order of the operands."""
    values = [Value(float(i), label) for i, label in enumerate(labels)]
    names = Stepper(autograd.sum(values)).steps.names
    return [names[value] for value in values]


def test_a_node_has_one_name_wherever_it_is_read() -> None:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(7.0, "b")
    s = step_through(autograd.tanh(w * x + b))
    heads = [str(step).splitlines()[0].partition("] ")[2] for step in s.steps]
    called = ["tanh(w * x + b)", "w * x + b", "w * x", "b", "w", "x"]
    assert [head.removesuffix(" (leaf)").partition(" = ")[0] for head in heads] == called
    for text in (s.table(), s.naive()):
        assert [re.split(r"\s{2,}", line)[0] for line in text.splitlines()[2:]] == called
    reports = {line.split("   ")[0] for step in s.steps for line in str(step).splitlines()}
    assert {line[5:] for line in reports if line.startswith("  -> ")} == {*called[1:]}
    assert [s.steps.names.find(f"v{number}") for number in range(1, 7)] == [
        w,
        x,
        *(s.steps.names.find(name) for name in ("w * x", "b", "w * x + b", "tanh(w * x + b)")),
    ]  # which may still be typed


def test_nodes_without_a_label_are_numbered_operands_first() -> None:
    x = Value(2.0, "x")
    root = (x * x + 1.0) * Value(3.0)
    shown = [str(step).splitlines()[0] for step in step_through(root).steps]
    # As Python evaluates them: x is the first, x * x the second, and so on to the product.
    assert shown == [
        "[1/5] root = (x * x + 1) * v4",
        "[2/5] x * x + 1",
        "[3/5] v4 = +3 (leaf)",
        "[4/5] x * x",
        "[5/5] x = +2 (leaf)",
    ]
    a, b, c = (autograd.sum([Value(1.0)]) for _ in range(3))
    first = Stepper(autograd.sum([a, b, c])).next()
    assert repr(first).startswith("[1/7] v7 = v2 + v4 + v6")


@pytest.mark.parametrize("label", ["v1", "v2", "V2", "v99999"])
def test_numbers_of_the_pass_are_never_a_users_label(label: str) -> None:
    first, second = names(label, "")
    assert first == label
    assert re.fullmatch(r"_v\d", second)
    assert re.fullmatch(r"__v\d", names(label, "_v7", "")[2])
    assert re.fullmatch(r"v\d", names("v", "")[1])


def test_nodes_of_one_label_are_told_apart() -> None:
    assert names("w", "b", "w", "w#1", "w") == ["w", "b", "w#2", '"w#1"', "w#3"]
    assert names("w", "w#2", "w") == ["w", '"w#2"', "w#3"]
    long = ["n" * 40 + str(i) + "m" * 40 for i in range(3)]
    assert len(set(names(*long))) == 3


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("w", "w"),
        ("layer1.neuron0.w[2]", "layer1.neuron0.w[2]"),
        ("W[1,2]", "W[1,2]"),
        ("θ_1", "θ_1"),
        ("x1*w1 + b", '"x1*w1 + b"'),
        ("2", '"2"'),
        ("-w", '"-w"'),
        (" ", '" "'),
        ("a\nb", r'"a\nb"'),
        ("w\n", r'"w\n"'),
        ("\x1b[2Jgone", r'"\x1b[2Jgone"'),
        ("a\rb\tc\x00\x7f\x9b", r'"a\rb\tc\x00\x7f\x9b"'),
        ("evil\u202egnp", r'"evil\u202egnp"'),
        ("a\u200bb\u2028\xa0", r'"a\u200bb\u2028\xa0"'),
        ("\ud800", r'"\ud800"'),
        ('say "hi" \\', r'"say \"hi\" \\"'),
        ("n" * 32, "n" * 32),
        ("n" * 33, '"' + "n" * 20 + "..." + "n" * 9 + '"'),
        ("a" * 10_000 + "z" * 10_000, '"' + "a" * 20 + "..." + "z" * 9 + '"'),
        ("\x1b" * 100, '"' + r"\x1b" * 5 + "..." + r"\x1b" * 2 + '"'),
    ],
)
def test_labels_are_shown_and_never_obeyed(label: str, name: str) -> None:
    shown = names(label, "other")[0]
    assert shown == name
    assert len(shown) <= LONGEST + 2


HOSTILE = ["\x1b]0;owned\x07", "a\r\nb", "\u202e" * 50, "\ud800", "\\", '"', "%s{}", "x" * 10**6]


def test_no_label_breaks_a_line_or_a_terminal() -> None:
    values = [Value(float(i + 1), label) for i, label in enumerate(HOSTILE)]
    root = labelled(autograd.prod(values), "\x1b[31m\n")
    s = step_through(root)
    for step in s.steps:
        assert len(str(step).splitlines()) in (2 + len(step.edges), 2 + 2 * len(step.edges))
    for text in (repr(s), s.table(), transcript(s), s.back(), s.run(), s.restart(), s.quit()):
        assert all(line.isprintable() for line in text.split("\n"))
        text.encode()
        assert max(map(len, text.split("\n"))) < 400


# In a session, in a script, and in memory.


def typed(lines: str, names: dict[str, Any]) -> str:
    """What a Python session shows for lines that are typed into it."""
    output = io.StringIO()
    session = code.InteractiveInterpreter(names)
    with contextlib.redirect_stdout(output):
        for line in lines.splitlines():
            session.runsource(line, symbol="single")
    return output.getvalue()


FIRST = LECTURE[: LECTURE.index("[2/7]")]


def test_a_session_shows_a_step_once() -> None:
    def begin() -> dict[str, Any]:
        return {"s": step_through(lecture_graph()["L"])}

    assert typed("s.next()", begin()) == FIRST
    assert typed("print(s.next())", begin()) == FIRST
    assert typed("x = s.next()", begin()) == ""
    assert typed("s.back()", begin()) == f"nothing to go back to: {START}\n"
    assert typed("s.run()", begin()) == f"{END}\n"
    s = begin()
    assert typed("s.table()", s) == s["s"].table() + "\n" == typed("print(s.table())", s)


def test_a_script_shows_what_it_prints_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    s = step_through(lecture_graph()["L"])
    s.next()
    s.step()
    s.back()
    s.table()
    s.run()
    s.restart()
    assert capsys.readouterr() == ("", "")
    print(s.next())
    assert capsys.readouterr().out == FIRST


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("root", "named"),
    [
        (3, "got 3 of type int"),
        (None, "got None of type NoneType"),
        (True, "got True of type bool"),
        ("L", "got 'L' of type str"),
        ([Value(1.0)], "of type list"),
        (Unprintable(), "of type Unprintable"),
        ("x" * 10_000, "of type str"),
    ],
)
def test_step_through_refuses_what_is_no_value(root: Any, named: str) -> None:
    with pytest.raises(TypeError, match="pass the Value at the end of a computation") as caught:
        step_through(root)
    assert named in str(caught.value)
    assert len(str(caught.value)) < 350


def test_the_example_in_the_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")
    results = doctest.testmod(views)
    assert results.attempted == 7
    assert results.failed == 0


def test_importing_autograd_does_not_import_the_stepper() -> None:
    program = "import sys, autograd; print([m for m in sys.modules if 'autograd.stepping.' in m])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout == "[]\n"


def test_a_stepper_makes_no_reference_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = Value(2.0)
        s = step_through(x * x)
        step, alive = s.next(), weakref.ref(x)
        del x, s, step
        assert alive() is None
    finally:
        gc.enable()


def chain(depth: int) -> Value:
    x = y = Value(1.0)
    for _ in range(depth // 2):
        y = y * 0.5 + x
    return y


@pytest.mark.parametrize(
    "build",
    [lambda: chain(100_000), lambda: autograd.sum([Value(1.0) for _ in range(100_000)])],
    ids=["chain", "sum"],
)
def test_a_large_graph_starts_soon_and_steps_at_once(build: Callable[[], Value]) -> None:
    root = build()
    times = [time.process_time()]
    s = step_through(root)
    times.append(time.process_time())
    assert len(s.steps) >= 100_000
    for _ in range(5):
        assert len(str(s.step())) < 2000
    s.back()
    times.append(time.process_time())
    if sys.gettrace() is None:  # measuring coverage takes its time
        assert times[1] - times[0] < 3.0
        assert times[2] - times[1] < 0.5
    s.run()
    twin = build()
    twin.backward()
    assert all_bits(root) == all_bits(twin)


# Growth: what a node is used by, or made of, is looked at once and not for each of its edges.


def wide_sum_with_consumers(n: int) -> Value:
    total = autograd.sum([Value(float(i)) for i in range(n)])
    h = Value(0.0)
    for _ in range(n):
        h = h + total
    return h


def test_what_a_node_has_received_is_put_together_once_for_all_its_edges() -> None:
    s = step_through(wide_sum_with_consumers(20))
    s.until("sum")
    first, second = s.step(), s.step()
    assert isinstance(first, Step) and isinstance(second, Step)
    assert first.received == (1.0,) * 20
    assert first.received is second.received
    assert isinstance(other := s.steps[1], Step) and other.received == (1.0,)
    assert s.steps[s.position].received == first.received


def test_a_name_is_looked_up_and_not_searched() -> None:
    s = step_through(wide_sum_with_consumers(4000))
    begun = time.process_time()
    for node, name in s.steps.names.items():
        assert find_node(s.steps, name) is node
    assert time.process_time() - begun < 2.0  # when searched for, they took 16 s
