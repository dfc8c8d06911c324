"""A nudge measures what the graph gives, and says of it only what is true."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import subprocess
from decimal import Decimal
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Op, Value, softmax, step_through
from autograd.core.ops import OPS
from autograd.shell import expression
from autograd.stepping.above import Above, bends
from autograd.stepping.nudge import (
    QUANTITIES,
    SENTENCES,
    SERIES_QUANTITIES,
    Experiment,
    javascript,
    short,
)
from autograd.stepping.recording import Recording


def graph(text: str, **numbers: float) -> tuple[Recording, dict[str, Value]]:
    parsed = expression.parse(text)
    leaves = {leaf: Value(numbers[leaf], leaf) for leaf in parsed.inputs}
    root, nodes = parsed.evaluate(leaves)
    assert isinstance(root, Value)
    return Recording(root), {k: v for k, v in nodes.items() if isinstance(v, Value)}


def experiment(text: str, name: str = "w", **numbers: float) -> Experiment:
    recording, nodes = graph(text, **numbers)
    return Experiment(recording, nodes[name])


def said(text: str, by: float, **numbers: float) -> str:
    verdict = experiment(text, **numbers).move(by).verdict
    return "" if verdict is None else verdict.name


def at(text: str, **numbers: float) -> float:
    """The value of an expression, computed afresh."""
    result, _ = expression.parse(text).evaluate(numbers)
    assert isinstance(result, float)
    return result


# What is measured, and what is promised.


def test_by_hand() -> None:
    assert str(experiment("L = w**2 * a", w=3.0, a=2.0).move(0.5)).splitlines() == [
        "w moves by dw = +0.5, from +3 to +3.5",
        "dL measured = +6.5, from +18 to +24.5",
        "dL promised = dL/dw * dw = +12 * +0.5 = +6",
        "off by +0.5",
        "what it is off by is 8.3 % of the promise: a slope is for short moves",
    ]


def test_a_table_whose_rows_can_be_told_apart() -> None:
    # 5 digits: the last rows of tanh differ in the fourth.
    assert experiment("n = w*x + b; L = tanh(n)", w=-3.0, x=2.0, b=6.88).table().splitlines() == [
        "dw       dL measured   dL promised   off by",
        "+1       +0.2873       +1.0019       -0.7146",
        "+0.1     +0.08678      +0.10019      -0.01341",
        "+0.01    +0.0098785    +0.010019     -0.0001405",
        "+0.001   +0.0010005    +0.0010019    -1.4e-06",
        "a tenth of the move leaves about a hundredth of what it is off by: L bends, and "
        "the shorter the piece, the straighter",
    ]
    assert short(0.00029324) != short(0.00029415)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("L = tanh(w*a + b)", {"w": -3.0, "a": 2.0, "b": 6.88}),
        ("L = w**2 * a", {"w": 123456.789, "a": 1 / 3}),
        ("L = exp(w)", {"w": -7.7}),
        ("L = log(w)", {"w": 1234.5678}),
        ("L = w*w*w", {"w": 1e-5}),
        ("L = sin(w) + 1000", {"w": 0.3}),
        ("L = w**2", {"w": 1e4 / 7}),
    ],
)
def test_what_is_printed_comes_out_by_hand(text: str, numbers: dict[str, float]) -> None:
    moves = experiment(text, **numbers)
    rows = [line.split() for line in moves.table().splitlines()[1:] if line[0] == "+"]
    assert len(rows) == 4
    compared = 0
    for by, measured, promised, off in rows:
        lines = str(moves.move(float(by))).splitlines()
        (x, moved), (before, after) = (re.findall(r"from (\S+) to (\S+)$", s)[0] for s in lines[:2])
        slope = lines[2].split(" = ")[2].split(" * ")[0]
        assert lines[1].startswith(f"dL measured = {measured},")
        assert lines[2].endswith(f" * {by} = {promised}")
        assert lines[3] == f"off by {off}"
        assert_reads(Decimal(moved) - Decimal(x), by)
        assert_reads(Decimal(after) - Decimal(before), measured)
        assert_reads(Decimal(slope) * Decimal(by), promised)
        if measured != promised:
            assert_reads(Decimal(measured) - Decimal(promised), off)
            compared += 1
    assert compared >= 2


def assert_reads(found: Decimal, shown: str) -> None:
    """A number by hand is the one that is shown, to as many digits."""
    digits = max(5, len(Decimal(shown).as_tuple().digits))
    assert float(f"{float(found):.{digits}g}") == float(shown)


EXPRESSIONS = [
    "L = tanh(w*a + b)",
    "e = w*a; L = e*e + w",
    "L = logsumexp(w, a, b) - w",
    "L = softplus(w)*relu(a - w) / (b*b + 1)",
    "L = maximum(w, a) + abs(w - b)",
    "L = w*a - b/2 + w",
    "L = sqrt(w) + log(a + w)",
    "L = stop_gradient(w)*w + a + b",
    "L = floor(w)*a + w % b",
    "L = where(less(w, a), w*b, 3)",
]
NUMBER = st.floats(-5.0, 5.0).map(lambda x: round(x, 3))


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(EXPRESSIONS),
    NUMBER,
    NUMBER,
    NUMBER,
    st.sampled_from([1.0, -1.0, 0.1, -0.01, 1e-3, 1e-9, 30.0]),
)
def test_what_is_measured_is_what_the_expression_gives(
    text: str, w: float, a: float, b: float, by: float
) -> None:
    numbers = experiment(text, w=w, a=a, b=b).move(by)
    before, after = at(text, w=w, a=a, b=b), at(text, w=w + by, a=a, b=b)
    measured = after - before
    assert numbers.numbers["measured"] == measured or measured != measured
    assert math.isnan(numbers.numbers["measured"]) == math.isnan(measured)
    name = "" if numbers.verdict is None else numbers.verdict.name
    gap = abs(numbers.numbers["measured"] - numbers.numbers["promised"])
    if name in ("linear", "independent"):
        assert text == EXPRESSIONS[5] or "where" in text
        for far in (0.37, -77.7, 1e5):
            change = at(text, w=w + far, a=a, b=b) - before
            assert change == pytest.approx(numbers.numbers["slope"] * far, abs=1e-9)
    if name == "outside":
        assert after != after and before == before
    if name == "as promised":
        assert gap <= 1e-12 * (1.0 + abs(before) + abs(after))
    if name == "nearly":
        assert gap <= 0.01 * abs(numbers.numbers["promised"])
    if name == "still":
        assert measured == 0.0
    if name == "other way":
        assert measured * numbers.numbers["slope"] * by < 0.0


def test_the_graph_is_left_as_it_was() -> None:
    recording, nodes = graph("e = w*a; L = tanh(e)", w=0.5, a=2.0)
    before = [(node.data, node.grad) for node in recording.nodes]
    for name in ("w", "a", "e"):
        Experiment(recording, nodes[name]).table()
    assert before == [(node.data, node.grad) for node in recording.nodes]


def test_interior_nodes_and_the_root() -> None:
    moved = experiment("e = w*a; L = e*e + w", "e", w=2.0, a=3.0).move(1.0)
    assert moved.numbers["measured"] == 49.0 - 36.0  # w stays
    with pytest.raises(ValueError, match="L is the root: nudge a node that it depends on"):
        experiment("L = w*w", "L", w=2.0)


# Each sentence: where it is true, and where it would be false and is not said.


@pytest.mark.parametrize("by", [1.0, -1.0, 1e-3, 1e-9, 1e-15, 1e3])
def test_linear_is_said_of_what_is_linear_alone(by: float) -> None:
    assert said("L = w*a", by, w=0.7, a=3.0) == ("hidden" if by == 1e-15 else "linear")
    assert said("L = (w*a + 2)*a - w/a", by, w=0.75, a=3.0) in ("linear", "hidden")
    assert said("L = w + 1e17", 1e9, w=1.0) == "as promised"  # shorter moves are lost
    # It goes straight here, or at a small move in floats, and elsewhere not.
    for text in ["tanh(w)", "relu(w)", "w*w", "abs(w)", "w**1.0001", "w + floor(w)", "w % 100"]:
        assert said(f"L = {text}", by, w=7.0) != "linear", text
    # Whole steps all look alike.
    assert said("L = cos(2*pi*w) + w", by, w=0.0) != "linear"


def test_linear_is_not_said_where_a_row_has_a_wrong_slope() -> None:
    Op("wavy", "x + sin(x)", "1")
    assert said("L = wavy(w)", 0.5, w=0.0) != "linear"
    assert said("L = wavy(w)", math.pi, w=0.0) != "linear"  # where it comes as promised


def test_a_kink_is_said_where_there_is_one_alone() -> None:
    assert experiment("L = relu(w)", w=0.0).move(-0.1).sentence == (
        "there is a kink at w = 0, which no short move straightens: just below it the slope is 0, "
        "just above 1, and dL/dw = 1 is a convention"
    )
    assert said("L = abs(w - 0.5)", 0.1, w=0.5) == "kink"
    assert said("L = maximum(w, 2*a)", 0.1, w=4.0, a=2.0) == "kink"
    assert said("L = relu(w)", 0.1, w=1e-300) != "kink"
    assert said("L = relu(w) - relu(-w)", 0.1, w=0.0) == "cancelled"  # that is w
    assert said("L = relu(w) - relu(-w)", 0.1, w=0.5) != "cancelled"
    assert said("L = relu(w - 1)*0 + sin(w)", 0.1, w=1.0) != "kink"
    for smooth in ["relu(w)**2", "w*abs(w)", "abs(w)**3"]:
        assert said(f"L = {smooth}", 1e-3, w=0.0) == "flat"
    assert said("L = abs(w) + 1000*w*w", 1e-3, w=0.0) == "kink"
    assert said("L = softplus(1e6*w)", 0.1, w=0.0) != "kink"  # it only looks like one
    assert said("L = sin(1e16*w)", 0.1, w=1.0) != "kink"


def test_a_jump() -> None:
    assert said("L = floor(w)", 0.5, w=2.0) == "jump"
    assert said("L = floor(w)", 0.25, w=2.5) == "still"
    assert said("L = floor(w)", 0.75, w=2.5) == "flat"
    assert said("L = relu(w - 1e10)*1e10", 1.0, w=1e10) == "kink"


def test_no_dependence() -> None:
    assert said("L = w*0 + a", 0.1, w=2.0, a=1.0) == "independent"
    assert said("L = w - w", 0.1, w=2.0) == "independent"
    assert said("L = where(0, w, a)", 0.1, w=2.0, a=1.0) == "independent"
    assert said("L = relu(w)", 0.1, w=-2.0) == "still"  # further on it does
    assert said("L = w**2", 1e-200, w=0.0) == "still"
    assert said("L = w + 1e20", 0.1, w=2.0) == "hidden"  # it does, and floats do not show it


def test_what_cannot_be_measured() -> None:
    assert said("L = log(w)", -2.0, w=1.0) == "outside"
    assert said("L = sqrt(w)", -2.0, w=1.0) == "outside"
    assert said("L = log(w)", -0.5, w=1.0) != "outside"
    assert said("L = 1/w", -2.0, w=2.0) == "infinite"
    assert said("L = exp(w)", 1000.0, w=1.0) == "infinite"
    assert said("L = sqrt(w)", 0.5, w=0.0) == "no slope"
    assert said("L = w*a", 0.5, w=nan, a=1.0) == said("L = -w", 1.0, w=inf) == "not finite"
    assert said("L = w*a", 0.5, w=1.0, a=nan) == said("L = w + a", 1.0, w=1.0, a=inf) == "no result"
    assert said("L = w*a", 1e-20, w=1.0, a=2.0) == "too small"
    assert said("L = w*0.5 + a", 1.5e308, w=1.5e308, a=0.0) == "too large"
    table = experiment("L = w*a", w=nan, a=1.0).table()
    assert table == "w is nan: only a finite number can be moved"


def test_what_is_stopped() -> None:
    assert said("L = stop_gradient(w)*w", 1e-3, w=1.0) == "stopped"
    # A softmax takes off a number that no derivative passes through, and that cancels.
    root = Value(1.0, "w")
    other = Value(0.5, "a")
    first = softmax([root, other])[0]
    verdict = Experiment(Recording(first), root).move(0.5).verdict
    assert verdict is not None and verdict.name != "stopped"


def test_a_hundredth_is_said_of_smooth_bends_alone() -> None:
    bent = "a tenth of the move leaves about a hundredth"
    assert bent in experiment("L = exp(w)", w=1.0).table()
    for text, w in [("relu(w)", 0.0), ("3*w", 1.0), ("w*sqrt(abs(w))", 0.0), ("w**3", 0.0)]:
        assert bent not in experiment(f"L = {text}", w=w).table(), text


def test_every_sentence_is_said_above() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{row.name}"' in source for row in SENTENCES if row.name not in ("off",))


# Rows of the table.


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_a_slope_changes_only_with_what_it_is_said_to(op: Op) -> None:
    generator = random.Random(op.name)
    count = op.arity or 3
    found = bends(op, count)
    for _ in range(40):
        xs = [generator.uniform(0.1, 0.9) for _ in range(count)]
        slopes = op.slopes_at(op.forward(*xs), xs)
        for j in range(count):
            ys = [*xs[:j], generator.uniform(0.1, 0.9), *xs[j + 1 :]]
            others = op.slopes_at(op.forward(*ys), ys)
            for i, known in enumerate(found):
                if known is not None and j not in known:
                    assert slopes[i] == others[i]


def test_linear_by_the_table() -> None:
    for text, expected in [
        ("w*a + a*a - w/a", True),
        ("where(a, w, 2*w)", True),
        ("a/w", False),
        ("w % a", False),
        ("where(w, a, 3)", False),
        ("w*w", False),
        ("a**w", False),
        ("sum([w, a, w])", True),
    ]:
        recording, nodes = graph(f"L = {text}", w=0.3, a=2.0)
        assert Above(recording, nodes["w"]).is_linear() is expected, text


# In JavaScript.


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
def test_javascript_says_the_same(tmp_path: Path) -> None:
    generator = random.Random(2)
    pool = [0.0, 1.0, 1.0, -1.0, 2.0, 0.995, 1e-300, 0.05, nan, inf, -inf]
    cases = [{name: generator.choice(pool) for name in QUANTITIES} for _ in range(1000)]
    for name in ("x", "moved", "move", "before", "after", "slope"):  # or it ends at the first rows
        for case in cases[100:]:
            case[name] = generator.choice([1.0, 2.0, -1.0])
    series = [{name: generator.choice(pool) for name in SERIES_QUANTITIES} for _ in range(200)]
    source = tmp_path / "nudge.js"
    source.write_text(
        f"""\
"use strict";
{javascript([OPS["mul"], OPS["div"], OPS["floor"], OPS["sum"], OPS["logsumexp"]])}
const told = {json.dumps(cases)}.map(numbers => (tellNudge(numbers) || {{name: ""}}).name);
const bent = {json.dumps(series)}.map(numbers => tellSeries(numbers) !== null);
const words = {{node: "$&", root: "L", moved: "3"}};
console.log(JSON.stringify([told, bent, sayNudge(tellNudge({{
  ...{json.dumps(dict.fromkeys(QUANTITIES, 1.0))}, after: NaN}}), words), BENDS]));
""",
        encoding="utf-8",
    )
    done = subprocess.run(["node", str(source)], capture_output=True, text=True, check=True)
    told, bent, sentence, table = json.loads(done.stdout)
    names = [next((r.name for r in SENTENCES if r.when(case)), "") for case in cases]
    assert told == names and len(set(names)) > 12
    assert any(bent) and not all(bent)
    assert sentence == "at $& = 3 L is nan: the move leaves the domain, where it is a number"
    assert table == {
        "mul": [[1], [0]],
        "div": [[1], "all"],
        "floor": [None],
        "sum": [[]],
        "logsumexp": ["all"],
    }


def test_the_stepper_nudges_as_the_prompt_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    w, x = Value(3.0, "w"), Value(2.0, "x")
    L = w * w * x
    L.label = "L"
    s = step_through(L)
    said = s.nudge("w", 0.5)  # by hand: from 18 to 24.5, and the slope is 12
    assert "measured = +6.5, from +18 to +24.5" in said and "= +12 * +0.5 = +6" in said
    assert s.nudge(w).splitlines()[1].split() == ["+1", "+14", "+12", "+2"]
    assert max(map(len, str(said).splitlines())) < 60 and s.position == 0 and w.data == 3.0
    for by, error in ((0.0, ValueError), (float("nan"), ValueError), ("1", TypeError)):
        with pytest.raises(error):
            s.nudge("w", by)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is the root"):
        s.nudge(L)
