"""The quiz asks before it tells, says what is wrong with an answer, and counts fairly."""

from __future__ import annotations

import contextlib
import io
import random
import re
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from autograd import Value, debug
from autograd.shell import expression
from autograd.shell.lookup import GraphNames
from autograd.shell.prompt import Prompt
from autograd.stepping.stepper import Stepper
from autograd.text import plain, signed

LECTURE = "e = a*b; d = e + c; L = d*f"
NUMBERS = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}
MODULE = [sys.executable, "-m", "autograd"]


def graph(text: str = LECTURE, **numbers: float) -> Value:
    parsed = expression.parse(text)
    leaves = {name: Value((numbers or NUMBERS)[name], name) for name in parsed.inputs}
    root, _ = parsed.evaluate(leaves)
    assert isinstance(root, Value)
    return root


def session(*lines: str, root: Value | None = None) -> str:
    """What a prompt shows when these lines are piped into it."""
    stepper = Stepper(graph() if root is None else root)
    output, stdin = io.StringIO(), sys.stdin
    sys.stdin = io.StringIO("".join(f"{line}\n" for line in lines))
    try:
        with contextlib.redirect_stdout(output):
            Prompt(stepper, GraphNames(stepper)).interact()
    finally:
        sys.stdin = stdin
    return output.getvalue()


def command(text: str, *words: str, answers: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, "quiz", text, *words],
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_session_at_the_command_line() -> None:
    lines = ["f", "d", "2", "-2", "", "1/0", "-2", "b", "?", "-2 * -3", "f * b * 1/3", "quit"]
    done = command(LECTURE, "a=2", "b=-3", "c=10", "f=-2", answers="\n".join(lines) + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == textwrap.dedent(
        """\
        6 gradients to find, from L down; dL/dL = +1 is given
        answer with a number, 1/3, -2 * -3, or with names, which stand for values
        ? gives a hint, skip goes on to the next, quit or Ctrl-D ends

        [1/6] d = e + c = (-6) + 10 = +4, used in
          L = d * f = 4 * (-2) = -8   dL/dL = +1
        dL/dd = f
          right: dL/dd = -2

        [2/6] f = -2, used in
          L = d * f = 4 * (-2) = -8   dL/dL = +1
        dL/df = d
          right: dL/df = +4

        [3/6] e = a * b = 2 * (-3) = -6, used in
          d = e + c = (-6) + 10 = +4   dL/dd = -2
        dL/de = 2
          the size is right, and the sign is not
        dL/de = -2
          right: dL/de = -2

        [4/6] c = +10, used in
          d = e + c = (-6) + 10 = +4   dL/dd = -2
        dL/dc = 
        dL/dc = 1/0
          not yet; ? gives a hint
        dL/dc = -2
          right: dL/dc = -2

        [5/6] a = +2, used in
          e = a * b = 2 * (-3) = -6   dL/de = -2
        dL/da = b
          that is the local derivative of e by a alone: multiply it by dL/de
        dL/da = ?
          dL/da = dL/de * de/da
        dL/da = -2 * -3
          right: dL/da = +6

        [6/6] b = -3, used in
          e = a * b = 2 * (-3) = -6   dL/de = -2
        dL/db = f * b * 1/3
          that is the local derivative of e by b alone: multiply it by dL/de
        dL/db = quit
        2 of 6 at the first try, 3 later, 1 left open
        """  # noqa: W291
    )


def test_all_at_the_first_try_and_the_end_of_the_input() -> None:
    done = command(LECTURE, "a=2", "b=-3", "c=10", "f=-2", answers="-2\n4\n-2\n-2\n6\n-4")
    assert done.stdout.endswith("6 of 6 at the first try\n")
    done = command(LECTURE, "a=2", "b=-3", "c=10", "f=-2", answers="-2\n")
    assert done.stdout.endswith("dL/df = \n1 of 6 at the first try, 1 left open, 4 not asked\n")
    assert (done.returncode, done.stderr) == (0, "")
    done = command("tanh(w*L)", "w=1", "L=2", answers="")
    assert done.stdout.startswith("3 gradients to find, from f down; df/df = +1 is given")
    done = command("tanh(w*x)", "w=1", "x=2", answers="skip\n?\n")
    assert "\ndL/d(w * x) = skip\n" in done.stdout
    assert "\n  dL/dw = dL/d(w * x) * d(w * x)/dw\n" in done.stdout
    done = command("x", "x=1", answers="")
    assert done.stdout == "there is nothing to ask: dx/dx = +1 is given\n"


def test_help_names_the_command() -> None:
    done = subprocess.run([*MODULE, "--help"], capture_output=True, text=True, check=True)
    assert re.search(r"^  quiz +Ask for the gradients", done.stdout, re.MULTILINE)
    assert session("help").count("quiz  ") == session("help").count("nudge  ") == 1
    assert "only after three hints" in session("help quiz")


# At the prompt.


def test_it_asks_for_what_the_pass_has_not_told() -> None:
    shown = session("n", "quiz", "-2", "-2", "6", "-4", "n")
    assert re.findall(r"\[(\d/\d)\] (\w) = [^\n]*used in", shown) == [
        ("1/4", "e"),
        ("2/4", "c"),
        ("3/4", "a"),
        ("4/4", "b"),
    ]
    assert "4 of 4 at the first try\n(step) n\n[2/7] d = e + c\n" in shown
    # After one of two edges d is told, and f is not.
    assert "5 gradients to find" in session("s", "quiz", "quit")
    assert "*** every gradient has been told; quiz NODE asks for one" in session("c", "quiz")
    assert "there is nothing to ask: dL/dL = +1 is given" in session("quiz L")


def test_one_node_with_what_arrives_there_hidden_until_it_is_found() -> None:
    hidden = session("quiz a", "b", "6", "q")
    assert "e = a * b = 2 * (-3) = -6\ndL/da = b\n" in hidden
    assert "0 of 1 at the first try, 1 later\n(step) q" in hidden
    found = session("quiz e", "-2", "quiz a", "6", "quiz a", "q", "q")
    assert "e = a * b = 2 * (-3) = -6   dL/de = -2\ndL/da = 6\n" in found
    assert "0 of 1 at the first try, 1 left open" in found


def test_the_pass_and_the_gradients_stay_as_they_were() -> None:
    root = graph()
    leaf = root.operands[1]
    assert isinstance(leaf, Value)
    leaf.grad = 7.0
    shown = session("s", "quiz", "1", "?", "?", "?", "skip", "-2", "where", "q", root=root)
    assert "1 told by the last hint" in shown and "1 skipped" in shown
    assert (root.grad, leaf.grad) == (0.0, 7.0)


def test_hints_come_in_three_steps_and_the_last_goes_on() -> None:
    shown = session("quiz a", "hint", "?", "?", "p 1 + 1", "q")
    assert re.findall(r"^  (dL/da.*)", shown, re.MULTILINE) == [
        "dL/da = dL/de * de/da",
        "dL/da = -2 * -3",
        "dL/da = 6",
    ]
    assert "0 of 1 at the first try, 1 told by the last hint\n(step) p 1 + 1\n+2" in shown
    assert "0 of 1 at the first try, 1 later" in session("quiz a", "?", "6")


def test_what_is_no_answer_is_no_try() -> None:
    shown = session("quiz a", "zz", "1 +", "a.grad", "a = 3", "x" * 200, "6", "q")
    assert shown.count("***") == 5
    assert "1 of 1 at the first try" in shown


def test_names_that_no_expression_can_have() -> None:
    x, y = Value(3.0, "w"), Value(-5.0, "w")
    z = Value(2.0, "layer1.w[2]")
    root = x * y * z
    root.label = "L"
    first, second = "w#2 * layer1.w[2]", "w#1*w#2 + 0"
    shown = session("quiz w#1", first, "quiz layer1.w[2]", second, root=root)
    assert shown.count("1 of 1 at the first try") == 2
    assert "*** 2 nodes have the label w: w#1 =" in session("quiz w#1", "w * 3", root=root)


def test_names_of_nodes_come_before_words_of_the_quiz() -> None:
    q, skip = Value(3.0, "q"), Value(4.0, "skip")
    root = q * skip
    root.label = "L"
    shown = session("quiz q", "skip", "quiz skip", "q", root=root)
    assert shown.count("1 of 1 at the first try") == 2


def test_debug_has_it_too(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    w = Value(3.0)
    loss = w * w
    monkeypatch.setattr(sys, "stdin", io.StringIO("quiz w\nw\nw + w\nnudge w 1\nq\n"))
    debug(loss)
    shown = capsys.readouterr().out
    assert "that is what one of the 2 uses of w sends, in loss: add what the others send" in shown
    assert "right: dloss/dw = +6" in shown
    assert "dloss measured = +7, from +9 to +16" in shown


def test_no_gradient_is_told_before_it_is_found() -> None:
    generator = random.Random(5)
    text = "n = w1*x1 + w2*x2 + b; o = tanh(n); L = (o - y)**2 + n*b"
    for _ in range(10):
        numbers = {name: generator.uniform(-1, 1) for name in ("w1", "x1", "w2", "x2", "b", "y")}
        stepper = Stepper(graph(text, **numbers))
        steps = stepper.steps
        asked = steps.nodes[1:]
        lines, secrets = [], []
        for node, total in zip(asked, steps.gradients[1:]):
            shown = {form(total).lstrip("+-") for form in (signed, plain, repr)}
            lines += [repr(total * generator.uniform(1.3, 3.0)), repr(-total), "zz", "?", "skip"]
            secrets.append((node, shown))
        output = session("quiz", *lines, "q", root=steps.root)
        output = re.sub(r"^d.*", "", output, flags=re.MULTILINE)  # what was typed
        values = {signed(x).lstrip("+-") for x in steps.data}
        for node, shown in secrets:
            for text_of_it in shown - values - {"1"}:
                assert not re.search(rf"(?<![\d.]){re.escape(text_of_it)}(?![\d])", output), node


def test_everything_fits_eighty_columns() -> None:
    text = "n = w1*x1 + w2*x2 + w1*w2 + w1; o = tanh(n); L = (o - 0.123456)**2 + w1*n"
    numbers = {"w1": 0.123456, "x1": -1.234567, "w2": 2.345678, "x2": -3.456789}
    lines = ["1", "?", "?", "0", "?"] * 12
    shown = session("nudge w1 0.1", "nudge w1", "quiz", *lines, root=graph(text, **numbers))
    assert max(map(len, shown.splitlines())) < 80


def test_nudge_at_the_prompt() -> None:
    shown = session("nudge a 0.1", "nudge e -1/2", "n", "nudge", "nudge 2", "nudge zz", "q")
    assert shown.count("L is linear in") == 4
    assert "a moves by da = +0.1, from +2 to +2.1\ndL measured = +0.6, from -8 to -7.4\n" in shown
    assert "e moves by de = -0.5, from -6 to -6.5\ndL measured = +1, from -8 to -7\n" in shown
    assert "d moves by dd = +2, from +4 to +6\n" in shown  # the next node
    assert "*** zz is no label of this graph" in shown
    for wrong, complaint in [
        ("nudge a 0", "a node is moved by a finite number other than 0, got 0"),
        ("nudge a inf", "a node is moved by a finite number other than 0, got inf"),
        ("nudge a zz", "zz is no number; write for example nudge a 0.1"),
        ("nudge zz 1", "zz is no label of this graph"),
        ("nudge L 1", "L is the root: nudge a node that it depends on"),
    ]:
        assert f"*** {complaint}" in session(wrong)
