"""The command line: what it prints can be checked by hand; an error is one line and a status."""

from __future__ import annotations

import configparser
import contextlib
import io
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd.core import ops
from autograd.shell.commands import COMMANDS, main

ROOT = Path(__file__).parent.parent
MODULE = [sys.executable, "-m", "autograd"]
SECONDS = 120  # after which a process hangs for certain, also on a busy machine
PREFIX = "python -m autograd: "


@pytest.fixture(autouse=True)
def _program_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/autograd/__main__.py"])
    monkeypatch.setenv("COLUMNS", "80")


class Outcome:
    """What a command has printed, and its exit status."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        try:
            self.status: Any = main(words)
        except SystemExit as end:
            self.status = end.code
        self.out, self.err = capsys.readouterr()


def shown(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MODULE, *words], capture_output=True, timeout=SECONDS, cwd=ROOT, **options
    )


# grad.


def test_value_and_derivatives(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "L = (a*b + c) * f", "a=2", "b=-3", "c=10", "f=-2")
    assert (done.status, done.err) == (0, "")
    assert done.out == shown("""
        L = -8

        name   value   derivative
        a      2       6
        b      -3      -4
        c      10      -2
        f      -2      4
        """)


def test_parts_are_shown_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "b = a + a; k = 3; c = b * b; c + b", "a=1.5")
    assert done.out == shown("""
        L = 12

        name   value   derivative
        a      1.5     14
        b      3       7
        c      9       1
        """)


def test_second_derivatives(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "x**3 * y", "--second", "x=2", "y=5")
    assert done.out.endswith(
        shown("""
        second   x    y
        x        60   12
        y        12   0
        """)
    )


@pytest.mark.parametrize("words", [["-x"], ["-x**2/2"], ["--second", "-x"], ["-x", "--second"]])
def test_an_expression_may_begin_with_a_minus(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    done = Outcome(capsys, "grad", *words, "x=1")
    assert re.search(r"^x +1 +-1$", done.out, re.MULTILINE)


def test_an_expression_may_begin_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert Outcome(capsys, "grad", "--x*3", "x=2").out.startswith("L = 6\n")
    assert Outcome(capsys, "grad", "--", "---x*3", "x=2").out.startswith("L = -6\n")


def test_numbers_come_back_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "x/3 + y*z + big", "x=1", "y=-0.0", "z=inf", "big=1e300")
    assert [line.split() for line in done.out.splitlines()[3:]] == [
        ["x", "1", "0.3333333333333333"],
        ["y", "-0", "inf"],
        ["z", "inf", "-0"],
        ["big", "1e+300", "1"],
    ]


def test_a_leaf_alone_and_an_unused_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"^x +3 +1$", Outcome(capsys, "grad", "x", "x=3").out, re.MULTILINE)
    done = Outcome(capsys, "grad", "e = y; x", "x=3", "y=4")
    assert re.search(r"^y +4 +0$", done.out, re.MULTILINE)


def test_check_compares_with_finite_differences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["grad", "tanh(w*x)", "w=0.5", "x=2", "--check"]
    done = Outcome(capsys, *words)
    assert done.status == 0
    assert "2 of 2 derivatives right" in done.out
    assert "\nw " in done.out.partition("derivatives right")[2]
    assert "6 of 6 derivatives right" in Outcome(capsys, *words, "--second").out

    # A rule that is 0.1 % off.
    monkeypatch.setattr(ops.tanh, "slopes", (lambda z, x: 1.001 * (1.0 - z * z),))
    wrong = Outcome(capsys, *words)
    assert wrong.status == 1
    assert "0 of 2 derivatives right" in wrong.out


def test_check_at_a_kink(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "relu(x)", "x=0", "--check")
    assert done.status == 1
    assert "a kink is likely" in done.out


def test_what_cannot_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "grad", "x", "x=nan", "--check")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "finite differences need a finite number" in done.err


# draw.


def test_draw_writes_a_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "neuron.dot"
    done = Outcome(capsys, "draw", "tanh(w*x)", "w=-3", "x=2", "-o", str(path))
    assert (done.status, done.out) == (0, f"wrote {path}\n")
    w, x = autograd.Value(-3.0, "w"), autograd.Value(2.0, "x")
    root = autograd.tanh(w * x)
    root.label = "L"
    root.backward()
    assert path.read_text(encoding="utf-8") == autograd.draw(root).source
    assert [entry.name for entry in tmp_path.iterdir()] == ["neuron.dot"]


@pytest.mark.parametrize(
    ("words", "written"),
    [(["-ograph.dot"], "graph.dot"), (["-o", "-x.dot"], "-x.dot"), (["--output=a.dot"], "a.dot")],
)
def test_where_a_picture_is_written_to(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    written: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Outcome(capsys, "draw", "-x", "x=2", *words).out == f"wrote {written}\n"
    assert [path.name for path in tmp_path.iterdir()] == [written]


def test_draw_prints_dot_text_and_can_leave_gradients_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = autograd.Value(2.0, "x") ** 2.0
    root.label = "L"
    done = Outcome(capsys, "draw", "x**2", "x=2", "--no-backward")
    assert (done.status, done.out) == (0, autograd.draw(root).source)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("x.xyz", 2, "a picture is written to a file whose name ends in .png or .svg or .pdf or"),
        ("missing/x.dot", 1, "no folder"),
    ],
)
def test_a_picture_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, status: int, said: str
) -> None:
    done = Outcome(capsys, "draw", "x*y", "x=1", "y=2", "-o", str(tmp_path / name))
    assert (done.status, done.out) == (status, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_graphviz_the_text_is_written_and_a_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    done = Outcome(capsys, "draw", "x*y", "x=1", "y=2", "-o", str(tmp_path / "x.png"))
    assert (done.status, done.out) == (1, f"wrote {tmp_path / 'x.dot'}\n")
    assert "pip install" in done.err and done.err.count("\n") == 1


# step, without its prompt.


def test_step_can_print_the_whole_pass(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "step", "e = a*b; e + a", "a=2", "b=-3", "--run")
    root = autograd.Value(2.0, "a")
    product = root * autograd.Value(-3.0, "b")
    product.label = "e"
    result = product + root
    result.label = "L"
    stepper = autograd.step_through(result)
    lines = [str(stepper.next()) for _ in range(len(stepper.steps))]
    assert done.out == "\n".join([*lines, stepper.table(), ""])


def test_step_writes_the_page_of_the_stepper(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("pygraphviz")
    done = Outcome(capsys, "step", "x*y", "x=2", "y=3", "--html", str(tmp_path / "shell.html"))
    assert (done.status, done.out) == (0, f"wrote {tmp_path / 'shell.html'}\n")
    product = autograd.Value(2.0, "x") * autograd.Value(3.0, "y")
    product.label = "L"
    autograd.step_through(product).save(tmp_path / "python.html")
    assert (tmp_path / "shell.html").read_bytes() == (tmp_path / "python.html").read_bytes()


# Errors.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["__import__('os').system('id')"], "text is not used here"),
        (["x.__class__", "x=1"], "attributes are not read here"),
        (["9**9**9"], "the result depends on no name"),
        (["(" * 100_000], "the expression has 100000 characters"),
        (["(" * 5_000], "more than 50 brackets within each other"),
        (["x*y", "x=1"], "y has no number; add y=1, with numbers of yours"),
        (["x*lenght", "length=1", "x=1"], "length is not in the expression; do you mean lenght?"),
        (["sofplus(x)", "x=1"], "there is no function 'sofplus'; do you mean softplus?"),
        (["x", "x=abc"], "'x=abc' gives no number; write for example x=0.5"),
        (["x", "x="], "'x=' gives no number"),
        (["x", "x"], "'x' is not NAME=NUMBER"),
        (["x", "=3"], "'' is no name"),
        (["x", "x=1", "x=1"], "x has two numbers"),
        (["x", "x=1", "y=2"], "y is not in the expression; its inputs are x"),
        (["e = x; e", "x=1", "e=2"], "e is computed here"),
        (["x", "exp=1"], "exp is a function"),
        (["x", "pi=1"], "pi is a number already"),
        (["x", "lambda=1"], "'lambda' is a word of Python's own"),
        (["x", "\x1b[31m=1"], r"'\x1b[31m' is no name"),
        (["x", "x=\x1b[31m"], r"'x=\x1b[31m' gives no number"),
        (["x", "x=" + "9" * 5000], None),
        ([], "EXPR is missing"),
        (["x", "x=1", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["x", "x=1", "--" + "n" * 9000], "unrecognized arguments: --nnn"),
        (["x", "x=1", *["--nonsense"] * 900], "unrecognized arguments: --nonsense"),
        (["x", "x=1", "--\x1b[31m"], r"'--\x1b[31m' is not NAME=NUMBER"),
        (["x", "x=1", "--nonsense=\x1b[31m"], r"unrecognized arguments: --nonsense=\x1b[31m"),
        (["x", "n" * 9000], "'nnn"),
        (["x", "x=1", "-y"], "'-y' is not NAME=NUMBER"),
    ],
)
@pytest.mark.parametrize("command", ["grad", "draw", "step"])
def test_errors_are_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], command: str, words: list[str], said: str | None
) -> None:
    if said is None:  # a number beyond the largest is infinite
        words, said = [*words, "y=1"], "y is not in the expression"
    done = Outcome(capsys, command, *words)
    assert (done.status, done.out) == (2, "")
    first, *excerpt = done.err.splitlines()
    assert first.startswith(PREFIX)
    assert said in first
    assert len(first) < 400
    assert len(excerpt) in (0, 2)
    assert not excerpt or re.fullmatch(r" +\^", excerpt[1])
    assert all(line.isprintable() for line in done.err.splitlines())


@pytest.mark.parametrize("words", [["nonsense"], ["x*y", "x=1"], ["--nonsense"], ["--", "grad"]])
def test_there_are_three_commands(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    done = Outcome(capsys, *words)
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert done.err.startswith(PREFIX)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_works(
    capsys: pytest.CaptureFixture[str],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if command == "draw":
        pytest.importorskip("pygraphviz")
    monkeypatch.chdir(tmp_path)
    done = Outcome(capsys, command, "--help")
    assert done.status == 0
    assert max(map(len, done.out.splitlines())) <= 80
    monkeypatch.setattr(sys, "stdin", io.StringIO("skip\n"))  # for what asks something
    example = done.out.splitlines()[-1].strip()
    words = shlex.split(example.removeprefix("python -m autograd "))
    assert words[0] == command
    again = Outcome(capsys, *words, *(["--run"] if command == "step" else []))
    assert (again.status, again.err) == (0, "")
    assert again.out


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "--help")
    assert done.status == 0
    assert all(f"  {name}  " in done.out for name in COMMANDS)


def test_the_installed_program_is_this_one() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    [script] = settings["options.entry_points"]["console_scripts"].split("\n")[1:]
    assert script == f"stepgrad = {main.__module__}:{main.__name__}"


def test_a_page_and_the_run_as_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words, page = ["step", "x*y", "x=2", "y=3", "--run"], tmp_path / "pass.html"
    run, both = (Outcome(capsys, *words, *more) for more in ([], ["--html", str(page)]))
    assert both.out == f"wrote {page}\n{run.out}"
    assert "<html" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["grad"], ["draw"], ["step", "--run"], ["quiz"], ["live"]])
def test_who_leaves_the_domain_is_told_where(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("quit\n"))
    command, *options = words
    done = Outcome(capsys, command, "e = log(x); e*y + 1", "x=-1", "y=2", *options)
    assert done.status == 0
    assert done.err.count("\n") == 1
    assert done.err.endswith(
        "note: log(x) = log(-1) is nan: there it has no value, and so no derivative through it "
        "means anything\n"
    )
    given = Outcome(capsys, "grad", "log(x)", "x=nan")  # then there is nothing to tell
    assert (given.status, given.err) == (0, "")
    assert "inf - inf is nan" in Outcome(capsys, "grad", "x - y", "x=inf", "y=inf").err


def test_help_names_the_functions_that_people_know(capsys: pytest.CaptureFixture[str]) -> None:
    told = Outcome(capsys, "grad", "--help").out
    words = set(told.split())
    assert {"abs", "tanh", "logsumexp", "where", "hypot"} <= words
    assert not {"softmax_shift", "softmax_total", "hypot_slope", "sumexpm1", "add"} & words


# nudge.

NEURON = ["tanh(w*x + b)", "w=-3", "x=2", "b=6.88"]


def test_a_nudge_beside_its_promise(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "nudge", "w**2 * a", "w=3", "a=2", "--by", "w")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[:6] == [
        "w = +3, L = +18, dL/dw = +12; promised is dL/dw * dw",
        "dw       dL measured   dL promised   off by",
        "+1       +14           +12           +2",
        "+0.1     +1.22         +1.2          +0.02",
        "+0.01    +0.1202       +0.12         +0.0002",
        "+0.001   +0.012002     +0.012        +2e-06",
    ]


def test_a_nudge_in_words_is_that_of_the_prompt(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Outcome(capsys, "nudge", "L = tanh(w*x + b)", *NEURON[1:], "--by", "w", "--step=1/10")
    monkeypatch.setattr(sys, "stdin", io.StringIO("nudge w 0.1\n"))
    prompt = Outcome(capsys, "step", "L = tanh(w*x + b)", *NEURON[1:])
    assert done.status == 0 and done.out in prompt.out


def test_each_name_is_moved_unless_some_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    heads = [f"{name} = " for name in "wxb"]
    lines = Outcome(capsys, "nudge", *NEURON).out.splitlines()
    assert [line[:4] for line in lines if " = " in line and line[1:4] == " = "] == heads
    some = Outcome(capsys, "nudge", "e = w*x; tanh(e)", "w=1", "x=2", "--by", "x,e").out
    assert some.startswith("x = +2") and "\n\ne = +2" in some and "w = " not in some


@pytest.mark.parametrize(
    ("text", "numbers", "name"),
    [
        ("x**2", ["x=2"], "L"),
        ("L*x", ["L=1", "x=2"], "f"),
        ("f = 3; L = f*x; f*L", ["x=2"], "y"),
        ("L*f*y", ["L=1", "f=2", "y=3"], "L1"),
        ("L*f*y*L1", ["L=1", "f=2", "y=3", "L1=4"], "L2"),
        ("loss = x**2", ["x=2"], "loss"),
    ],
)
def test_every_command_calls_a_root_the_same(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    numbers: list[str],
    name: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    by = numbers[-1].partition("=")[0]
    said = {
        "grad": [f"{name} = "],
        "step": [f"] {name} = "],
        "nudge": [f", {name} = +", f"d{name}/d{by} * d{by}"],
        "quiz": [f"from {name} down; d{name}/d{name} = +1"],
        "minimize": [f"step   {name} ", f"\n{name} = "],
    }
    for command, parts in said.items():
        done = Outcome(
            capsys, command, text, *numbers, *["--max-steps=1"] * (command == "minimize")
        )
        for part in parts:
            assert part in done.out, (command, part, done.out)


def test_what_is_said_of_a_descent_calls_it_as_its_table_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["x**2 + y**4"], ["x**4 - y**4", "--max-steps=3"], ["cost = x**2 - y"]):
        done = Outcome(capsys, "minimize", *words, "x=1", "y=1")
        assert not re.search(r"\bf\b", done.out), done.out


def test_a_nudge_of_which_nothing_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "nudge", "log(x)", "x=-1")
    assert (done.status, done.err) == (1, "")
    assert "L is nan before the move: no change of it can be told" in done.out


# minimize.

BOWL = ["x1**2 + x1*(1-x2) + x2**2 - x2*x3 + x3**2 + x3", "x1=0", "x2=0", "x3=0"]


def end(printed: str) -> dict[str, float]:
    """The point that a descent has ended at."""
    table = printed.partition("derivative\n")[2].partition("\n\n")[0]
    return {line.split()[0]: float(line.split()[1]) for line in table.splitlines()}


def test_the_lectures_bowl(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "minimize", *BOWL, "--step", "0.2")
    assert (done.status, done.err) == (0, "")
    # By hand: x1 = -0.2, x2 = 0, x3 = -0.2 after a step; the minimum is -1 at (-1, -1, -1).
    assert done.out.startswith("gradient descent by x1, x2, x3, step 0.2\n\nstep   L  ")
    assert re.search(r"^1 +-0\.32 +0\.938 +-0\.2 +0 +-0\.2$", done.out, re.MULTILINE)
    assert end(done.out) == pytest.approx({"x1": -1, "x2": -1, "x3": -1}, abs=1e-6)
    assert re.search(r"^converged after \d+ steps; eps1: ", done.out, re.MULTILINE)
    assert "\nminimum: " in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_a_column_of_the_way_is_written_in_one_style(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "minimize", "x", "x=0", "--max-steps", "20")  # -1 is missed by a bit
    rows = [line.split() for line in done.out.splitlines() if re.match(r"\d", line)]
    way = {int(k): (f, x) for k, f, _, x in rows}
    assert way[5] == ("-0.5", "-0.5") and way[10] == ("-1", "-1") and way[20] == ("-2", "-2")


def test_newton_needs_one_step(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "minimize", *BOWL, "--method", "newton", "--path")
    assert done.status == 0 and "\nconverged after 1 step; " in done.out
    assert end(done.out) == pytest.approx({"x1": -1, "x2": -1, "x3": -1}, abs=1e-12)


def test_some_names_are_held_and_the_other_way_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "minimize", "3 - (w*x - 1)**2", "w=0", "x=2", "--by=w", "--maximize")
    assert done.status == 0 and done.out.startswith("gradient ascent by w\n")
    assert end(done.out) == pytest.approx({"w": 0.5}, abs=1e-6) and "\nmaximum: " in done.out


def test_a_step_that_shrinks_and_every_step_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--method", "sign", "--step", "1/(k + 1)", "--max-steps", "12", "--path"]
    done = Outcome(capsys, "minimize", "x**2", "x=2", *words)
    assert done.status == 1 and "not converged after 12 steps; budget: " in done.out
    lines = done.out.partition("\n\n")[2].splitlines()[1:14]
    at, way = 2.0, [2.0]
    for k in range(12):
        at -= math.copysign(1.0 / (k + 1), at)
        way.append(at)
    assert [float(line.split()[-1]) for line in lines] == pytest.approx(way, rel=1e-5)


def test_a_criterion_of_0_never_ends_a_descent(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["minimize", "(x - 1/3)**2", "x=1", "--eps1", "0", "--eps2", "0", "--max-steps", "200"]
    assert Outcome(capsys, *words[:3]).status == 0
    assert "eps1:" not in Outcome(capsys, *words).out
    assert "\nnot converged after 0 steps; budget: " in Outcome(capsys, *words[:-1], "0").out


def test_a_descent_that_runs_away(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome(capsys, "minimize", "x**2", "x=1", "--step", "1.5")
    assert done.status == 1 and done.err == ""
    assert "diverged: L went from 1 to " in done.out
    assert "\nL = 1, the best point on the way\n" in done.out


def test_wide_tables_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"x{i}" for i in range(9)]
    text = " + ".join(f"({name} - 1/3)**2" for name in names)
    done = Outcome(capsys, "minimize", text, *[f"{name}={1 / 7}" for name in names])
    assert max(map(len, done.out.splitlines())) <= 80
    assert "names left out of the table)" in done.out
    assert end(done.out) == pytest.approx(dict.fromkeys(names, 1 / 3), abs=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["nudge", "w*x", "w=1", "x=2", "--by", "v"],
            "--by v: v is no name that moves here; there",
        ),
        (["nudge", "w*x", "w=1", "x=2", "--by", ","], "--by names nothing; there are w, x"),
        (["minimize", "w*x", "w=1", "x=2", "--by", ""], "--by names nothing; there are w, x"),
        (["nudge", "w*x", "w=1", "x=2", "--by", "w", "--step", "0"], "other than 0, got 0"),
        (["nudge", "w*x", "w=1", "x=2", "--step", "a"], "'--step=a' gives no number"),
        (["nudge", "w*x", "w=1", "x=2", "by", "w"], "by is an option: write --by"),
        (["nudge", "w*x", "w=1", "--by", "w"], "x has no number; add x=1"),
        (["nudge", "x", "x=1"], "x is the root: nudge a node that it depends on"),
        (["minimize", "w*x", "w=1", "x=2", "step=0.2"], "step is an option: write --step"),
        (["minimize", "w*x", "w=1", "x=2", "--step=1/j"], "or a formula of k, the number of the"),
        (["minimize", "w*x", "w=1", "x=2", "--step", "-1"], "finite number of at least 0, got -1"),
        (["minimize", "w*x", "w=1", "x=2", "--method=newton", "--step=1"], "method has no step"),
        (["minimize", "w*x", "w=1", "x=2", "--max-steps", "1.5"], "'1.5' is no whole number"),
        (["minimize", "w*x", "w=1", "x=2", "--eps1", "a"], "argument --eps1: 'a' is no number"),
        (["minimize", "e = y; x", "x=2", "y=1", "--by", "y"], "result does not depend on y"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_printed(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    done = Outcome(capsys, *words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err.splitlines()[0] and done.err.startswith(PREFIX)


# As a process.


def test_a_failing_process_prints_no_traceback() -> None:
    done = run("grad", "__import__('os').system('id')")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines() == [
        PREFIX + "text is not used here; write numbers and names without quotes",
        "  __import__('os').system('id')",
        "             ^",
    ]


@pytest.mark.parametrize(
    ("words", "lines_read"),
    [
        # Little output is still in Python's hands at the end, and much is written on the way.
        (["grad", "x*y", "x=1", "y=2"], 0),
        (["grad", "--help"], 0),
        (["step", "+".join(["x*y"] * 1000), "x=1", "y=2", "--run"], 1),
    ],
)
def test_a_reader_that_goes_away_is_no_error(words: list[str], lines_read: int) -> None:
    with subprocess.Popen(
        [*MODULE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        for _ in range(lines_read):
            assert process.stdout.readline().startswith(b"[1/2001]")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(SECONDS) == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told_in_one_line(unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*MODULE, "grad", "x*x", "x=1"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    assert done.stderr.decode() == f"{PREFIX}standard output: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="a FIFO of Unix")
def test_what_is_no_file_is_told_in_one_line_and_left_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "graph.dot")
    done = Outcome(capsys, "draw", "x*x", "x=1", "-o", str(tmp_path / "graph.dot"))
    reason = f"cannot write {str(tmp_path / 'graph.dot')!r}: Not a regular file"
    assert (done.status, done.err) == (1, f"{PREFIX}{reason}\n")
    assert (tmp_path / "graph.dot").is_fifo()


@pytest.mark.parametrize("statement", ["import autograd", "import nn"])
def test_another_program_keeps_its_ctrl_c(tmp_path: Path, statement: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text(statement)
    (tmp_path / "mine" / "__main__.py").write_text(
        "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mine", "-m", "autograd"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("early", ["numbers", "argparse"])  # the first for the package itself
def test_an_interrupt_while_it_begins_ends_it_without_a_traceback(
    tmp_path: Path, early: str
) -> None:
    slow = "import time; print('ready', flush=True); time.sleep(60)"
    (tmp_path / f"{early}.py").write_text(slow)  # is imported in place of the library's
    # Not measured by coverage.py, which has imported it before.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(
        [*MODULE, "grad", "x*x", "x=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGINT)
            assert (process.wait(SECONDS), process.stderr.read()) == (130, b"")
        finally:
            process.kill()


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_an_interrupt_ends_it_with_130() -> None:
    with subprocess.Popen(
        [*MODULE, "step", "x*x", "x=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"at the start")
        assert process.stdout.readline().startswith(b"help")
        assert process.stdout.read(6) == b"(step)"
        # Python's input() swallows a signal that comes while it writes the prompt.
        for _ in range(60):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        assert process.wait(1) == 130
        assert process.stderr.read() == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
@pytest.mark.parametrize("words", [["grad", "x*x", "x=1"], ["step", "x*x", "x=1"], []])
@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix")
def test_closed_streams(closed: str, words: list[str]) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *MODULE, *words],
        input=b"exit()\n",
        capture_output=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("missing", ["IPython", "IPython readline"])
def test_without_a_command_python_opens_with_the_names(missing: str) -> None:
    program = "a = Value(2.0)\nL = a * tanh(a)\nprint(nn.MLP, render, L.data)\nexit(7)\n"
    # In Python's own session, whether IPython is installed here or not.
    start = (
        f"import sys; sys.modules |= dict.fromkeys({missing.split()}); "
        "from autograd.shell.commands import main; sys.exit(main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        input=program.encode(),
        capture_output=True,
        timeout=SECONDS,
        cwd=ROOT,
    )
    assert done.returncode == 7
    welcome = done.stderr.decode().splitlines()
    assert welcome[0].startswith("stepgrad")
    assert b"<class 'nn" in done.stdout
    assert b"1.928" in done.stdout


def test_without_a_command_ipython_opens_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start_ipython(words: list[str], user_ns: dict[str, Any]) -> None:
        exec(words[words.index("-c") + 1], user_ns)
        exec("a = Value(2.0)\nprint(nn.MLP, (a * tanh(a)).data)", user_ns)

    ipython = types.ModuleType("IPython")
    ipython.start_ipython = start_ipython  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    done = Outcome(capsys)
    assert done.status == 0 and done.out.startswith("stepgrad")
    assert "<class 'nn" in done.out and "1.928" in done.out


def test_the_welcome_is_four_lines_that_work() -> None:
    from autograd.shell.commands import WELCOME

    lines = WELCOME.splitlines()
    assert len(lines) == 4 and max(map(len, lines[1:3])) < 60
    names: dict[str, Any] = {name: getattr(autograd, name) for name in autograd.__all__}
    for line in lines[1:3]:
        exec(line.strip(), names)
    assert names["a"].grad == pytest.approx(-0.9950547536867305)
    assert all(f"{name}(L)" in lines[3] for name in ("debug", "draw", "help"))
