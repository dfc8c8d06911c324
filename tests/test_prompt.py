"""The prompt of the stepper: what is typed, or piped in, does what users of pdb expect, and what
is shown can be checked by hand.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import select
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, debug, step_through
from autograd.shell import expression, terminal
from autograd.shell.lookup import GraphNames, PythonNames
from autograd.shell.prompt import COMMANDS, Prompt
from autograd.stepping.stepper import Stepper

ROOT = Path(__file__).parent.parent
LECTURE = "e = a*b; d = e + c; L = d*f"
NUMBERS = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}
END = "at the end, position 7 of 7: every gradient is final"

SECONDS = 120  # after which a process hangs for certain, also on a busy machine
LEAVING = "c leaves the prompt with these gradients, q with those from before the pass"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each report: how they are folded is tested in ``test_lines.py``."""
    monkeypatch.setenv("COLUMNS", "200")


def graph(text: str = LECTURE, **numbers: float) -> tuple[Value, dict[str, Any]]:
    parsed = expression.parse(text)
    leaves = {name: Value((numbers or NUMBERS)[name], name) for name in parsed.inputs}
    root, names = parsed.evaluate(leaves)
    assert isinstance(root, Value)
    return root, names


class Session:
    """Lines that are piped into a prompt, and what it has shown after each."""

    def __init__(
        self,
        *lines: str,
        root: Value | None = None,
        names: dict[str, Any] | None = None,
    ) -> None:
        self.root = graph()[0] if root is None else root
        self.stepper = Stepper(self.root)
        known = GraphNames(self.stepper)
        if names is not None:
            known = PythonNames(self.stepper, names, names)
        output = io.StringIO()
        stdin = sys.stdin
        sys.stdin = io.StringIO("".join(f"{line}\n" for line in lines))
        try:
            with contextlib.redirect_stdout(output):
                Prompt(self.stepper, known).interact()
        finally:
            sys.stdin = stdin
        self.output = output.getvalue()
        parts = self.output.split("(step) ")
        self.opening, self.answers = parts[0], []
        for line, part in zip(lines, parts[1:]):
            shown, _, answer = part.partition("\n")
            assert shown == terminal.printable(line)
            self.answers.append(answer.removesuffix("\n"))

    @property
    def last(self) -> str:
        return self.answers[-1]


def answers(*lines: str, **options: Any) -> list[str]:
    return Session(*lines, **options).answers


def last(*lines: str, **options: Any) -> str:
    return Session(*lines, **options).last


def position(*lines: str) -> str:
    """Which step is next after these lines."""
    listed = last(*lines, "ll")
    return "".join(re.findall(r"-> (\w+) =", listed)) or "end"


# A session.


def test_a_session_can_be_checked_by_hand() -> None:
    session = Session("n", "s", "s", "", "eq", "c")
    assert session.output == textwrap.dedent(
        """\
        at the start of 7 nodes: next() takes [1/7] L = d * f
        help lists the commands, an empty line repeats the last one
        (step) n
        [1/7] L = d * f
          upstream dL/dL = +1                                 final (the pass starts here)
          -> d   dL/dd = f = -2   contribution +1 * -2 = -2   grad -- -> -2   final (1/1)
          -> f   dL/df = d = +4   contribution +1 * +4 = +4   grad -- -> +4   final (1/1)
        next: [2/7] d = e + c
        (step) s
        [2/7] d = e + c (edge 1 of 2)
          upstream dL/dd = -2                            final (1/1 consumers reported)
          -> e   dd/de = 1   contribution -2 * +1 = -2   grad -- -> -2   final (1/1)
        next: [2/7] d = e + c
        (step) s
        [2/7] d = e + c (edge 2 of 2)
          upstream dL/dd = -2                            final (1/1 consumers reported)
          -> c   dd/dc = 1   contribution -2 * +1 = -2   grad -- -> -2   final (1/1)
        next: [3/7] f = -2 (leaf)
        (step) 
        [3/7] f = -2 (leaf)
          gradient dL/df = +4   final (1/1 consumers reported)
        next: [4/7] e = a * b
        (step) eq
        e = a * b = 2 * (-3) = -6
        dL/de = -2
        dL/da = dL/de * b = -2 * -3 = +6
        dL/db = dL/de * a = -2 * +2 = -4
        (step) c
        at the end, position 7 of 7: every gradient is final
        c leaves the prompt with these gradients, q with those from before the pass
        (step) 
        gradients are as before the pass
        """  # noqa: W291
    )


def test_continue_at_the_end_keeps_the_gradients_and_quit_does_not() -> None:
    for leave, kept in (("c", True), ("q", False), ("exit()", False)):
        root, names = graph()
        names["a"].grad = 0.5
        session = Session("c", leave, root=root)
        assert session.stepper.steps[0].node is root
        assert (names["a"].grad, names["b"].grad) == ((6.5, -4.0) if kept else (0.5, 0.0))


def test_a_list_ends_and_an_empty_command_is_none() -> None:
    assert last("l", "l") == "the pass ends here"
    assert position("n;;;;n;;") == position("n", "n")


def test_a_breakpoint_is_known_by_its_number() -> None:
    shown = answers("b a", "b c", "disable 2", "b")
    assert shown[2].startswith("breakpoint 2 on c") and "disabled" in shown[2]
    assert ["disabled" in line for line in shown[3].splitlines()] == [False, True]


def test_whatever_ends_the_prompt_otherwise_restores_the_gradients() -> None:
    root, names = graph()
    with pytest.raises(SystemExit):
        Session("n", "n", "raise SystemExit(3)", root=root, names={})
    assert root.grad == names["d"].grad == 0.0


# Movements.


@pytest.mark.parametrize(
    ("lines", "following"),
    [
        ((), "L"),
        (("n",), "d"),
        (("next",), "d"),
        (("n", "", ""), "e"),
        (("n 3",), "e"),
        (("n 99",), "end"),
        (("s",), "L"),
        (("s", "s"), "d"),
        (("s 3",), "d"),
        (("s", "n"), "d"),
        (("n ;; n ;; n",), "e"),
        (("n;;n", ""), "c"),
        (("n 5", "rn"), "c"),
        (("n 5", "back 3"), "f"),
        (("n 5", "r"), "L"),
        (("n 5", "restart"), "L"),
        (("n 5", "resta"), "L"),
        (("until e",), "e"),
        (("unt mul",), "L"),
        (("n", "unt mul"), "e"),
        (("unt",), "d"),
        (("unt abs(grad) > 3",), "f"),
        (("c",), "end"),
        (("cont", "back 2"), "a"),
        (("run",), "end"),
        (("b e", "c"), "d"),
        (("b e", "c", "c"), "end"),
        (("b a", "b b", "c"), "e"),
        (("tbreak e", "c", "r", "c"), "end"),
        (("b mul", "c"), "L"),
        (("b mul", "c", "c"), "e"),
        (("b mul, grad < 0", "c"), "e"),
        (("b mul if grad < 0", "c"), "e"),
        (("b mul", "condition 1 grad < 0", "c"), "e"),
        (("b mul, grad < 0", "condition 1", "c"), "L"),
        (("b e", "disable 1", "c"), "end"),
        (("b e", "disable 1", "enable 1", "c"), "d"),
        (("b e", "b a", "cl 1", "c"), "e"),
        (("b e", "b a", "cl", "c"), "end"),
    ],
)
def test_movements_lead_where_pdb_would(lines: tuple[str, ...], following: str) -> None:
    assert position(*lines) == following


MOVES = ["n", "s", "n 3", "s 2", "", "rn", "rn 2", "r", "until e", "unt isnan", "forward", "n;;s"]
OTHERS = ["b e", "b a", "b grad < 0", "tbreak mul", "cl", "l", "w", "u", "d", "p a", "nonsense"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(MOVES + OTHERS), max_size=25), st.booleans())
def test_the_end_is_what_backward_leaves_and_quit_what_was_before(
    lines: list[str], stays: bool
) -> None:
    (root, names), (twin, expected) = graph(), graph()
    for leaf in (names["a"], expected["a"]):
        leaf.grad = 0.25
    if stays:
        twin.backward()
    Session(*lines, "cl", *(["c", "c"] if stays else ["n", "q"]), root=root)
    assert [names[name].grad for name in names] == [expected[name].grad for name in names]


def test_more_steps_than_there_are_end_at_the_end() -> None:
    shown = last("n 99")
    assert shown.endswith(f"{END}\n{LEAVING}")
    assert "nothing left" not in shown
    assert last("n 7", "n") == f"nothing left to take: {END}\n{LEAVING}"


def test_gradients_are_written_as_the_prompt_goes_along() -> None:
    root, names = graph()
    seen: list[float] = []
    names["look"] = lambda: seen.append(names["e"].grad)
    Session("look()", "n 2", "look()", "rn", "look()", root=root, names=names)
    assert seen == [0.0, -2.0, 0.0]


def test_the_forward_pass_can_be_seen_first() -> None:
    shown = answers("forward", "n", "n 2")
    assert shown[1] == "[1/3] e = a * b = 2 * (-3) = -6\nnext: d = e + c"
    assert shown[2].endswith("[3/3] L = d * f = 4 * (-2) = -8\nnext: [1/7] L = d * f")


def test_breakpoint_on_nan_stops_at_the_first_bad_node() -> None:
    root, _ = graph("p = x - x; q = log(p); L = q * p", x=1.0)
    shown = last("b isnan", "c", root=root)
    place = next(i for i, step in enumerate(step_through(root).steps) if math.isnan(step.gradient))
    assert f"[{place + 1}/" in shown


# Looking.


def test_list_goes_on_and_marks_where_it_is() -> None:
    text = "x" + "*x" * 30
    root, _ = graph(text, x=1.0)
    lines = ["n 15", "b mul, data < 0", "b x", "l", "l", "l 3", "", "l 2, 4", "l .", "l 9, 3"]
    shown = answers(*lines, root=root)
    numbers = [[int(line.split()[0]) for line in answer.splitlines()] for answer in shown[3:9]]
    assert numbers[0] == list(range(11, 22))
    assert numbers[1] == list(range(22, 32))
    assert numbers[2] == list(range(1, 12))
    assert numbers[3] == list(range(12, 23))
    assert numbers[4] == [2, 3, 4]
    assert numbers[5] == numbers[0]
    assert [line.split()[0] for line in shown[9].splitlines()] == ["9", "10", "11"]
    arrows = [line for line in shown[3].splitlines() if "->" in line]
    assert [line.split()[0] for line in arrows] == ["16"]
    assert all(" B" in line for line in shown[3].splitlines())  # each changes x


def test_where_up_and_down_follow_the_path() -> None:
    shown = answers("until a", "w", "u", "args", "u", "eq", "u", "u", "d", "w", "n", "w")
    assert shown[1].splitlines() == [
        "  L = d * f       dL/dL = +1",
        "  d = e + c       dL/dd = -2",
        "  e = a * b       dL/de = -2",
        "> a = +2 (leaf)   dL/da = +6",
    ]
    assert shown[2] == "> e = a * b   dL/de = -2"
    assert shown[3] == "a = +2   grad +6\nb = -3   grad -4"
    assert shown[5].splitlines()[0] == "d = e + c = (-6) + 10 = +4"
    assert shown[7] == "*** this is the root: nothing is above it"
    assert shown[8].startswith("> d")
    assert ">" in shown[9].splitlines()[1]
    assert shown[11].splitlines()[-1].startswith("> b")  # a movement chooses the next node again
    assert last("d") == "*** this is the next node: w shows the way to it"


def test_up_stays_on_a_node_whose_number_is_zero() -> None:
    root, _ = graph("z = x - x; L = z + y", x=1.0, y=2.0)
    assert last("until x", "u", "args", root=root) == "x = +1   grad --  (2 times)".replace(
        "--  ", "+0 "
    )


def test_a_long_path_is_cut_in_the_middle() -> None:
    root, _ = graph("x" + "*2" * 60, x=1.0)
    lines = last("until x", "w", root=root).splitlines()
    assert len(lines) == 21
    assert lines[10] == "  ... 41 nodes between"


def test_the_path_takes_the_largest_contribution_and_nan_first() -> None:
    root, _ = graph("p = 2*x; q = 3*x; p + q", x=1.0)
    assert "q = 3 * x" in last("until x", "w", root=root)
    root, _ = graph("p = 100*x; q = x*nan; p + q", x=1.0)
    assert "q = x * nan" in last("until x", "w", root=root)


def test_fields_of_nodes_that_the_program_has_no_name_for() -> None:
    w = Value(3.0, "layer1.neuron0.w[2]")
    root = w * 2.0 + 1.0
    lines = ["p v2.grad", "n", "p v2.grad", "v2.data", "n", "p layer1.neuron0.w[2].grad"]
    shown = answers(*lines, root=root, names={})
    assert [shown[i] for i in (0, 2, 3, 5)] == ["--", "+1", "+6", "+2"]
    # The program's own name comes first.
    assert answers("p v2.grad", root=root, names={"v2": Value(1.0)})[0] == "0.0"
    assert last("p v9.grad", root=root, names={}).startswith("*** NameError")


def test_what_is_told_of_the_graph_of_a_derivative() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z = x * x * y
    z.label = "z"
    (slope,) = autograd.grad(z, [x], create_graph=True)  # 2 * x * y, in two terms x * y
    top = "d(dz/dx)/d(dz/dx)"
    assert last("eq", root=slope).splitlines() == [
        "dz/dx = 1 * y * x + (1 * y * x)#2 = 6 + 6 = +12",
        f"{top} = +1",
        f"d(dz/dx)/d(1 * y * x) = {top} * 1 = +1 * +1 = +1",
        f"d(dz/dx)/d((1 * y * x)#2) = {top} * 1 = +1 * +1 = +1",
    ]
    assert last("until y", "w", root=slope).splitlines() == [
        "  dz/dx = 1 * y * x + (1 * y * x)#2   d(dz/dx)/d(dz/dx) = +1",
        "  1 * y * x                           d(dz/dx)/d(1 * y * x) = +1",
        "  1 * y                               d(dz/dx)/d(1 * y) = +4",
        "> y = +3 (leaf)                       d(dz/dx)/dy = +4",
    ]


def test_operands_and_equations_of_other_nodes() -> None:
    root, _ = graph("y = sum(x, x, 2); where(less(y, 3), y, x)", x=1.0)
    assert last("args y", root=root) == "x = +1   grad -- (2 times)\n2 (a constant)"
    assert last("args x", root=root) == "x is a leaf: it has no operands"
    assert last("eq x", root=root).splitlines() == ["x = +1", "dv4/dx = +1"]
    assert " = +0 (no derivative passes)" in last("eq", root=root)
    wide, _ = graph(f"sum({', '.join(f'x{i}' for i in range(200))})", **dict.fromkeys(
        [f"x{i}" for i in range(200)], 1.0))  # fmt: skip
    assert len(last("args", root=wide).splitlines()) < 100
    assert "more operands" in last("eq", root=wide)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("tanh(x)", "dL/dL * (1 - L ** 2)"),
        ("sigmoid(x)", "dL/dL * L * (1 - L)"),
        ("cos(x)", "dL/dL * (-sin(x))"),
        ("1 - x", "dL/dL * (-1)"),
        ("logsumexp(x, 2)", "dL/dL * exp(x - L)"),
        ("log(x)", "dL/dL * 1 / x"),
        ("relu(x)", "dL/dL * (1 if x >= 0 else 0)"),
    ],
)
def test_a_partial_is_one_factor_of_the_chain_rule(text: str, symbols: str) -> None:
    root, _ = graph(f"L = {text}", x=0.5)
    assert f"dL/dx = {symbols} = +1 * " in last("eq", root=root)


def test_questions_are_answered_by_the_stepper() -> None:
    s = Stepper(graph()[0])
    assert last("why a") == str(s.why("a"))
    assert last("until e", "why") == str(s.why("e"))
    assert last("check b") == str(s.check("b"))
    assert last("naive") == s.naive()
    assert last("table") == s.table()
    assert last("table all") == s.table(all=True)
    root, _ = graph("b = a + a; b * b", a=1.5)
    assert "... and 3 more paths" in last("why a 1", root=root)


def test_the_naive_order_gives_another_number() -> None:
    root, _ = graph("b = a + a; c = b * b; d = c + b", a=1.5)
    assert re.search(r"^a +\+14 +\+(?!14\b)\d+", last("naive", root=root), re.MULTILINE)


def test_display_shows_what_changes() -> None:
    shown = answers("display e", "display a.grad", "n", "n", "n 3", "display", "undisplay e",
                    "undisplay a.grad", "display", "undisplay a")  # fmt: skip
    assert shown[0] == "watching e, grad --"
    assert shown[1] == "display a.grad: --"
    assert not any(line.lstrip().startswith(("watch", "display")) for line in shown[2].splitlines())
    assert "watch e: grad -- -> -2" in shown[3]
    assert shown[4].splitlines().count("display a.grad: +6  [old: --]") == 1
    assert shown[5] == "e = a * b = -6   grad -2\na.grad: +6"
    assert shown[8] == "nothing is displayed"
    assert shown[9] == "*** a is not watched"
    assert last("display e", "display a.grad", "undisplay", "display") == "nothing is displayed"


def test_what_is_displayed_may_fail_for_a_while() -> None:
    root, names = graph()
    shown = answers("k = 2", "display 6 / k", "k = 0", "n", "k = 3", "n", root=root, names=names)
    assert shown[1] == "display 6 / k: 3.0"
    old = "  [old: 3.0]"
    assert f"display 6 / k: *** ZeroDivisionError: division by zero{old}" in shown[3]
    assert "display 6 / k: 2.0  [old: *** ZeroDivisionError: division by zero]" in shown[5]


def test_drawing_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = answers("n", "g x.dot", "draw missing/x.dot", "g x.xyz")
    assert shown[1] == "wrote x.dot"
    assert "d = e + c" not in shown[1] and "digraph" in Path("x.dot").read_text(encoding="utf-8")
    assert shown[2].startswith("*** cannot write 'missing/x.dot'")
    assert shown[3].startswith("*** a picture is written to a file whose name ends in .png or")
    assert os.listdir() == ["x.dot"]


def test_a_file_for_a_browser_opens_where_the_pass_stands(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    session = Session("n", f"g {tmp_path / 'prompt.html'}", "c", "c")
    s = step_through(graph()[0])
    s.next()
    s.save(tmp_path / "python.html")
    assert session.answers[1] == f"wrote {tmp_path / 'prompt.html'}"
    assert (tmp_path / "prompt.html").read_bytes() == (tmp_path / "python.html").read_bytes()


# Commands and names.


def test_every_command_has_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    overview = last("help")
    assert max(map(len, overview.splitlines())) <= 79
    for command in COMMANDS:
        assert f"  {', '.join(command.names)}  " in overview
        assert command.summary.endswith(".")
        for name in command.names:
            shown = last(f"help {name}")
            assert shown.splitlines()[0] == command.usage
            assert shown.split() == f"{command.usage}\n{command.help}".split()
            assert max(map(len, shown.splitlines())) <= 79
    assert last("h nonsense") == "*** there is no command nonsense; help lists them"
    assert last("?") == overview


def test_names_are_those_of_pdb() -> None:
    pdb = "n s c b tbreak cl unt l ll w p pp display undisplay a u d q h condition enable disable"
    known = {name for command in COMMANDS for name in command.names}
    assert set(pdb.split()) <= known
    assert len(known) == sum(len(command.names) for command in COMMANDS)


def test_abbreviations() -> None:
    assert last("wher") == last("where")
    assert last("t") == "*** t may be tbreak or table"
    root, _ = graph("tab = 2*x; tab + 1", x=1.0)
    assert last("tab", root=root).startswith("tab = 2 * x")  # a node before an abbreviation
    assert last("tabl", root=root).startswith("at the start")


def test_nothing_but_the_table_is_computed_at_the_shell() -> None:
    shown = answers("e", "p e", "a*b + 1", "p a*b + 1", "p exp(a - 2)", "e.grad", "p e.data",
                    "pp a", "!a * 2", "c - 1")  # fmt: skip
    assert shown[0] == shown[1] == "e = a * b = -6   grad --"
    assert shown[2] == shown[3] == "-5"
    assert shown[4:7] == ["+1", "--", "-6"]
    assert shown[7:] == ["a = +2   grad --", "+4", "+9"]


@pytest.mark.parametrize(
    "line",
    [
        "x = 3",
        "a = 3",
        "__import__('os').getpid()",
        "p __import__('os').getpid()",
        "!import os",
        "for i in a: i",
        "p e.__class__",
        "why e.__class__",
        "b __import__('os').getpid()",
        "b a, __import__('os').getpid()",
        "b nothing, grad > 1",
        "b nothing, or this if grad > 1",
        "condition 1 a",
        "condition",
        "n -1",
        "n 0",
        "n x",
        "rn 1.5",
        "l x",
        "l 0",
        "cl 7",
        "enable",
        "disable 3",
        "until nothing",
        "tbreak",
        "p",
        "pp",
        "!",
        "why nothing",
        "check L extra",
        "eq nothing",
        "display nothing",
        "undisplay nothing",
        "9" * 5000,
        "(" * 5000,
        "\x1b[31m",
        "n " + "9" * 5000,
    ],
)
def test_mistakes_are_told_and_change_nothing(line: str) -> None:
    session = Session("n", line, "ll")
    assert session.answers[1].startswith("*** ")
    assert all(len(shown) < 500 and shown.isprintable() for shown in session.answers[1].split("\n"))
    assert session.answers[2] == last("n", "ll")


def test_what_only_looks_like_a_command_is_python() -> None:
    root, names = graph()
    shown = answers("a.grad", "b = 3", "b", "p b", "n = 1; n + 1", "c.data", "d * 2", "l = [1]",
                    "s == 1", "u, v = 1, 2", "u", "p u + v", "a in (1, 2)", "b, 2", "w[0]",
                    root=root, names=names)  # fmt: skip
    assert shown[0] == "0.0"
    assert shown[2] == "there are no breakpoints"
    assert shown[3:6] == ["3", "2", "10.0"]
    assert shown[6] == "Value(data=8.0, grad=0.0)"
    assert shown[8] == "*** NameError: name 's' is not defined"
    assert shown[11:14] == ["3", "False", "(3, 2)"]
    assert names["l"] == [1]


def test_python_at_the_prompt() -> None:
    root, names = graph()
    unlabelled = root.operands[0]
    assert isinstance(unlabelled, Value)
    unlabelled.label = ""
    names |= {"mine": unlabelled, "big": lambda node, grad: abs(grad) > 3, "print": print}
    assert last("display mine", root=root, names=names).startswith("watching e + c, grad")
    shown = answers("p mine", "why mine", "b mine", "b big", "c", "for i in (1, 2): print(i)",
                    "1/0", "nonsense", "if", "import math", "math.pi", "pp list(range(40))",
                    "b sum(", "None", "v5", "'\x1b[31m'", root=root, names=names)  # fmt: skip
    assert shown[0].startswith("Value(data=4.0")
    assert shown[1].startswith("dL/d")
    assert shown[2].startswith("breakpoint 1 on e + c, 0 hits")
    assert shown[3].startswith("breakpoint 2 on <lambda>")
    assert shown[4].startswith("breakpoint 1")
    assert shown[5] == "1\n2"
    assert shown[6:9] == [
        "*** ZeroDivisionError: division by zero",
        "*** NameError: name 'nonsense' is not defined",
        "*** SyntaxError: invalid syntax",
    ]
    assert shown[9] == shown[13] == ""
    assert shown[10] == "3.141592653589793"
    assert len(shown[11].splitlines()) > 1
    assert shown[12].startswith("*** ")
    assert shown[15] == r"'\x1b[31m'"
    assert names["math"] is math


def test_labels_work_where_python_has_no_such_name() -> None:
    w = Value(2.0, "layer1.neuron0.w[2]")
    root = w * 3.0
    shown = answers("layer1.neuron0.w[2]", "p layer1.neuron0.w[2]", "b layer1.neuron0.w[2]",
                    "c", root=root, names={})  # fmt: skip
    assert shown[0] == shown[1] == "layer1.neuron0.w[2] = +2   grad --"
    assert shown[3].startswith("breakpoint 1, before layer1.neuron0.w[2] changes")


def test_a_predicate_that_raises_is_told() -> None:
    root, names = graph()
    names["bad"] = lambda node, grad: 1 / 0
    shown = answers("b bad", "c", "cl", "c", root=root, names=names)
    assert shown[1] == "*** ZeroDivisionError: division by zero"
    assert shown[3].startswith(END)


HOSTILE = ["\x1b]0;owned\x07", "a\r\nb", "\u202e", "\ud800", ";;", "b,c", "n", "x if y", "\\"]


def test_no_label_reaches_the_terminal_as_it_is() -> None:
    values = [Value(i + 1.0, label) for i, label in enumerate(HOSTILE)]
    root = autograd.prod(values)
    lines = ["n 3", "ll", "w", "a", "eq", "table", "naive", "b b,c", "b x if y, grad > 1", "b n",
             "b", 'why "a\\r\\nb"', "display n", "c", "p values", "values[0].label"]  # fmt: skip
    shown = Session(*lines, root=root, names={"values": values})
    assert all(line.isprintable() for line in shown.output.splitlines())
    assert [answer for answer in shown.answers if "***" in answer] == []


# Colour.


@pytest.mark.parametrize(
    ("is_terminal", "environment", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colour_only_where_it_is_welcome(
    is_terminal: bool,
    environment: dict[str, str],
    wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, content in environment.items():
        monkeypatch.setenv(name, content)
    output = io.StringIO()
    monkeypatch.setattr(output, "isatty", lambda: is_terminal, raising=False)
    with contextlib.redirect_stdout(output):
        terminal.say("[1/7] L = d * f\x1b")
    shown = output.getvalue()
    assert ("\x1b[1m" in shown) is wanted
    assert shown.replace("\x1b[1m", "").replace("\x1b[0m", "") == "[1/7] L = d * f\\x1b\n"


def test_letters_that_the_output_lacks() -> None:
    raw = io.BytesIO()
    output = io.TextIOWrapper(raw, encoding="ascii")
    with contextlib.redirect_stdout(output):
        terminal.say("θ = 1")
    output.flush()
    assert raw.getvalue() == b"\\u03b8 = 1\n"


# As a process: a script, the shell, and a terminal.

SCRIPT = """\
from autograd import Value, debug, record_source, tanh

def loss(w):
    with record_source():
        y = tanh(w * 2.0)
    debug(y)
    return y

w = Value(0.5, "w")
loss(w)
print("after", w.grad)
loss(w)
print("after", w.grad)
"""


def process(words: list[str], lines: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        input=lines,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def test_debug_in_a_script(tmp_path: Path) -> None:
    script = tmp_path / "neuron.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = process([str(script)], "n\ny.data\ny2 = y * 2\ny2\nq\nc\nc\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/3] y = tanh(w * 2)" in done.stdout  # as the variable is called
    assert "neuron.py:5" in done.stdout
    assert "(step) y.data\n0.7615941559557649\n" in done.stdout
    afters = re.findall(r"^after (.*)$", done.stdout, re.MULTILINE)
    assert afters == ["0.0", "0.8399486832280523"]
    ended = process([str(script)], "n\nraise SystemExit(3)\n")
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "after" not in ended.stdout


def test_debug_takes_a_stepper_and_refuses_anything_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    s = step_through(graph()[0])
    s.next()
    monkeypatch.setattr(sys, "stdin", io.StringIO("local + 1\nn\n"))
    local = 41
    debug(s)
    out = capsys.readouterr().out
    assert out.startswith("at position 1 of 7") and "[2/7] d = e + c" in out
    assert f"\n{local + 1}\n" in out
    with pytest.raises(TypeError, match="pass the Value at the end"):
        debug(3)  # type: ignore[arg-type]


def test_debug_of_a_forward_pass_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("c\n"))
    debug(step_through(graph()[0], forward=True))
    assert capsys.readouterr().out.startswith("forward, before the first value: next() computes")


@pytest.mark.parametrize("closed", ["stdin", "stdout", "stderr"])
def test_debug_without_a_stream_goes_on(
    closed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, names = graph()
    names["a"].grad = 5.0
    monkeypatch.setattr(sys, "stdin", io.StringIO("n 7\n"))
    monkeypatch.setattr(sys, closed, None)  # as in a program that has no window for text
    debug(root)
    assert names["a"].grad == 5.0
    shown = capsys.readouterr().out
    assert shown.endswith("gradients are as before the pass\n") is (closed != "stdout")


def test_debug_calls_nodes_as_the_program_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    x, other, _hidden = Value(2.0), Value(3.0, "y"), Value(4.0)
    z = x * other
    y = z * _hidden  # a label has this name already
    also = x
    elsewhere = Value(5.0)
    monkeypatch.setattr(sys, "stdin", io.StringIO("ll\nb z\nc\n"))
    debug(y)
    out = capsys.readouterr().out
    assert re.findall(r"^\d +(?:B|->)* *(.*?)(?: = .*)?$", out, re.MULTILINE) == [
        "z * v4",
        "z",
        "v4",
        "x",
        "y",
    ]
    assert "before z changes" in out
    assert [v.label for v in (x, other, z, y, also, elsewhere)] == ["", "y", "", "", "", ""]


WORDS = ["-m", "autograd", "step", LECTURE, "a=2", "b=-3", "c=10", "f=-2"]


@pytest.mark.parametrize("errors", ["surrogateescape", "strict"])  # what Python reads with differs
def test_input_that_is_no_text_is_no_accident(errors: str) -> None:
    program = (
        "import sys; sys.stdin.reconfigure(errors=sys.argv.pop(1)); from autograd import *; "
        "w = Value(0.5, 'w'); L = w * 2.0; L.label = 'L'; debug(L); print(w.grad)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program, errors],
        input=b"n\xff\n" + b"#" * 10_000 + b"\nn\n\x00\n",
        capture_output=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"L = w * 2" in done.stdout
    assert (b"*** this is no text" in done.stdout) is (errors == "strict")


def test_without_readline_and_without_docstrings() -> None:
    program = (
        "import sys; sys.modules['readline'] = None; from autograd.shell.commands import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    done = process(["-OO", "-c", program, *WORDS[2:]], "n\nhelp\nhelp n\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/7] L = d * f" in done.stdout


BECOME_A_TERMINALS_LEADER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


class Terminal:
    """A process at a pseudo-terminal, and keys that are typed there."""

    def __init__(self, words: list[str], **environment: str) -> None:
        self._master, slave = os.openpty()
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "INPUTRC": os.devnull}
        self._process = subprocess.Popen(
            [sys.executable, "-c", BECOME_A_TERMINALS_LEADER, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            cwd=ROOT,
            env={**variables, **environment},
        )
        os.close(slave)
        self._seen = ""

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], SECONDS)
        assert ready, f"nothing came after {self._seen!r}"
        try:
            came = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            came = b""
        self._seen += came.decode().replace("\r\n", "\n")
        return bool(came)

    def until(self, text: str) -> str:
        """What is shown up to a text, which has to come."""
        while text not in self._seen:
            assert self._read(), f"ended before {text!r}: {self._seen!r}"
        shown, _, self._seen = self._seen.partition(text)
        return shown

    def type(self, keys: str) -> str:
        """What is shown up to the next prompt."""
        os.write(self._master, keys.encode())
        return self.until("(step) ")

    def interrupt(self, keys: str) -> str:
        """What is shown up to the next prompt, where keys are typed and then Ctrl-C.

        Between showing a prompt and waiting for keys, Python notes Ctrl-C and does not act on it
        before the next key, so it is pressed again where nothing comes.
        """
        os.write(self._master, keys.encode())
        self.until(keys)
        os.write(self._master, b"\x03")
        while not select.select([self._master], [], [], 1.0)[0]:
            os.write(self._master, b"\x03")
        return self.until("(step) ")

    def end(self, keys: str) -> tuple[str, int]:
        """What is shown to the end, and the exit status."""
        os.write(self._master, keys.encode())
        while self._read():
            pass
        os.close(self._master)
        return self._seen, self._process.wait(SECONDS)


def _terminals_work() -> bool:
    try:
        import fcntl  # noqa: F401
        import readline  # noqa: F401
        import termios  # noqa: F401
    except ImportError:
        return False
    return hasattr(os, "openpty")


at_a_terminal = pytest.mark.skipif(
    not _terminals_work(), reason="needs pseudo-terminals and readline"
)


@at_a_terminal
def test_what_is_typed_looks_as_what_is_piped() -> None:
    lines = ["n", "", "s", "b a", "c", "w", "why a", "p a*b", "nonsense", "n;;n"]
    typed = Terminal(WORDS, NO_COLOR="1")
    shown = typed.until("(step) ")
    for line in lines:
        shown += "(step) " + typed.type(f"{line}\n")
    rest, status = typed.end("\x04")
    shown += "(step) " + rest
    piped = process(WORDS, "".join(f"{line}\n" for line in lines))
    assert (status, piped.returncode) == (0, 0)
    assert shown == piped.stdout


@at_a_terminal
def test_keys_at_a_terminal() -> None:
    t = Terminal([*WORDS[:3], "e = a*b; layer1 = e + c; L = layer1*f", *WORDS[4:]])
    t.until("(step) ")
    assert t.type("why lay\t\n").startswith("why layer1\n")  # a label
    assert t.type("tabl\t\n").startswith("table\n")  # a command
    assert "table [all]" in t.type("help tabl\t\n")
    assert "table [all]" in t.type("h tabl\t\n")
    assert "dL/dlayer1" in t.type("eq layer1\n")
    assert "\x1b[1m[1/7] L = layer1 * f\x1b[0m" in t.type("n\n")  # in colour
    shown = t.interrupt("whyyy")
    assert "--KeyboardInterrupt--" in shown and "***" not in shown
    assert "e = a * b = -6" in t.type("p e\n")
    assert "e = a * b = -6" in t.type("\x1b[A\n")  # the line before
    assert "[2/7]" in t.type("n\n")
    assert "breakpoint 1 on mul" in t.type("b mu\t\n")
    shown, status = t.end("\x04")
    assert shown == "\ngradients are as before the pass\n"
    assert status == 0


@at_a_terminal
def test_an_interrupt_ends_a_long_command_and_not_the_prompt(tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text(
        "import time\nfrom autograd import Value, debug\ndebug(Value(1.0, 'x') * 2.0)\n"
        "print('went on')\n"
    )
    t = Terminal([str(script)])
    t.until("(step) ")
    os.write(t._master, b"print('wait', 'ing'); time.sleep(600)\n")
    t.until("wait ing")
    assert "--KeyboardInterrupt--" in t.type("\x03")
    assert "x = +1" in t.type("p 'x' if x else x\n") + t.type("x\n")
    assert "x.conj" not in t.type("time.slee\t(0)\n")
    shown, status = t.end("q\n")
    assert shown.endswith("went on\n")
    assert status == 0
