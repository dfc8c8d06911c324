"""What is said of a predicted gradient is true, is the likeliest thing, and is said alike in
JavaScript.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, stop_gradient
from autograd.shell import expression
from autograd.stepping.diagnoses import (
    DIAGNOSES,
    Question,
    Sibling,
    Use,
    diagnose,
    hint,
    javascript,
    question,
)
from autograd.stepping.recording import Recording

LECTURE = "e = a*b; d = e + c; L = d*f"
NUMBERS = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}
REUSE = "b = a + a; c = b * b; d = c + b"  # dd/db = 1 + 3 + 3, dd/da = 7 + 7 at a = 1.5


def asked(text: str, name: str, **numbers: float) -> Question:
    parsed = expression.parse(text)
    leaves = {leaf: Value(numbers[leaf], leaf) for leaf in parsed.inputs}
    root, nodes = parsed.evaluate(leaves)
    assert isinstance(root, Value)
    node = nodes[name]
    assert isinstance(node, Value)
    return question(Recording(root), node)


# By hand.


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("a", 6, "right"),
        ("a", -6, "wrong sign"),
        ("a", 0, "zero"),
        ("a", -3, "forgot upstream"),  # de/da = b
        ("a", -2, "forgot the local derivative"),  # dL/de
        ("a", -5, "added instead of multiplied"),
        ("a", 2, "value instead of slope"),  # of a
        ("a", -4, "swapped"),  # dL/db
        ("a", 6.05, "right"),
        ("a", 6.2, "close"),
        ("a", 5.8, "close"),
        ("a", 7, "not yet"),
        ("b", 2, "forgot upstream"),
        ("b", 6, "swapped"),
        ("c", 1, "forgot upstream"),
        ("c", 10, "value instead of slope"),
        ("c", 4, "value instead of slope"),  # of d
        ("c", -6, "value instead of slope"),  # of e
        ("d", 4, "swapped"),  # f's
        ("d", -8, "value instead of slope"),  # of L
        ("f", -2, "swapped"),  # d's, and the value of f as well
        ("f", 4, "right"),
    ],
)
def test_the_lecture(name: str, answer: float, said: str) -> None:
    assert diagnose(asked(LECTURE, name, **NUMBERS), answer).name == said


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("b", 7, "right"),
        ("b", 1, "one path only"),
        ("b", 3, "one path only"),
        ("b", 6, "one path only"),
        ("b", 4, "one path only"),
        ("b", -7, "wrong sign"),
        ("a", 14, "right"),
        ("a", 7, "one path only"),
        ("a", 2, "forgot upstream"),  # db/da
        ("a", 1, "forgot upstream"),
        ("a", 16, "added instead of multiplied"),  # 7 + 1 twice
        ("a", 13, "not yet"),
    ],
)
def test_a_node_that_is_used_again(name: str, answer: float, said: str) -> None:
    assert diagnose(asked(REUSE, name, a=1.5), answer).name == said


def test_one_path_is_not_said_where_it_is_the_whole() -> None:
    # The other use sends 0, as the ReLU is off.
    both = asked("L = relu(a - 5) + 3*a", "a", a=1.0)
    assert sorted(use.contribution for use in both.uses) == [0.0, 3.0]
    assert diagnose(both, 3.0).is_right
    single = asked("e = 3*a; L = e * 2", "a", a=1.0)
    assert not any("uses" in diagnose(single, x / 8).sentence for x in range(-80, 80))


def test_the_sentences_name_what_they_mean() -> None:
    a = asked(LECTURE, "a", **NUMBERS)
    assert diagnose(a, -3.0).sentence == (
        "that is the local derivative of e by a alone: multiply it by dL/de"
    )
    assert diagnose(a, -2.0).sentence == (
        "that is dL/de itself: multiply it by the local derivative of e by a"
    )
    assert diagnose(a, -4.0).sentence == (
        "that is what e sends to b: for a take the local derivative by a"
    )
    twice = asked(REUSE, "a", a=1.5)
    assert diagnose(twice, 1.0).sentence == (
        "that is the local derivative of b by a (operand 1) alone: multiply it by dd/db, and add "
        "what its other uses send"
    )
    assert diagnose(twice, 7.0).sentence == (
        "that is what one of the 2 uses of a sends, in b: add what the others send"
    )
    assert diagnose(asked(REUSE, "b", a=1.5), 4.0).sentence == (
        "that is what 2 of the 3 uses of b send: add what the others send"
    )


# Tolerance.


@pytest.mark.parametrize("total", [4.0, -4.0, 1e-300, -7e200, 1.0, -1.0, 100.0])
def test_right_is_within_one_percent_of_the_gradient_and_at_the_edge(total: float) -> None:
    q = Question("a", "L", "dL/da", nan, total, ())
    for part, said in [(0.01, "right"), (0.0101, "close"), (0.05, "close"), (0.0501, "not yet")]:
        for sign in (1.0, -1.0):
            assert diagnose(q, total + sign * part * total).name == said


def test_a_slip_is_not_said_of_what_may_be_the_gradient_rounded() -> None:
    use = Use("e", "dL/de", "a", "de/da", 1.02, 1 / 1.02, 1.0, nan, None)
    q = Question("a", "L", "dL/da", nan, 1.0, (use,))
    assert diagnose(q, 1.02).name == "forgot the local derivative"
    assert diagnose(q, 1.0125).name == "close"  # within 1 % of 1.02, and nearly of 1


def test_zero_and_what_is_not_finite() -> None:
    def said(total: float, answer: float, *sent: float) -> str:
        uses = tuple(Use("e", "dL/de", "a", "de/da", x, 1.0, x, nan, None) for x in sent)
        return diagnose(Question("a", "L", "dL/da", nan, total, uses), answer).name

    assert said(0.0, 0.0) == said(0.0, -0.0) == said(-0.0, 0.0) == "right"
    assert said(0.0, 1e-300) == "not yet"
    assert said(1e-300, 0.0) == "zero"
    assert said(0.1 + 0.2 - 0.3, 0.0, 0.1, 0.2, -0.3) == "right"  # 5.6e-17: they cancel
    assert said(0.0, 0.1 + 0.2 - 0.3, 0.5, -0.5) == "right"
    assert said(0.0, 1e300, 1.5e308, -1.5e308) == "not yet"
    assert said(nan, nan) == said(inf, inf) == said(-inf, -inf) == "right"
    assert said(inf, -inf) == "wrong sign"
    for total, answer in [(nan, inf), (nan, 1.0), (inf, nan), (inf, 1e308), (1.0, nan), (1.0, inf)]:
        assert said(total, answer) == "not yet"


# Whatever is asked, and whatever is answered.

SMALL = st.sampled_from([0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 4.0, 100.0, 1.02, 0.97, -0.0])
ANY = st.one_of(SMALL, SMALL, st.floats(), st.floats(-10.0, 10.0))
SIBLINGS = st.one_of(st.none(), st.builds(Sibling, st.sampled_from(["y", "w#2"]), ANY, ANY))


@st.composite
def questions(draw: Any) -> Question:
    uses = []
    for i in range(draw(st.integers(0, 7))):
        upstream, partial = draw(ANY), draw(st.one_of(st.none(), ANY))
        sent = 0.0 if partial is None else upstream * partial
        called = f"e{i}", f"dL/de{i}", f"a{i}", f"de{i}/da"
        uses.append(Use(*called, upstream, partial, sent, draw(ANY), draw(SIBLINGS)))
    total = 0.0
    for use in uses:
        total += use.contribution
    return Question("a", "L", "dL/da", draw(ANY), total, tuple(uses))


def answers_to(q: Question, generator: random.Random) -> float:
    """A number that has something to do with the question, more or less exactly."""
    pool = [q.total, -q.total, q.data, generator.uniform(-5.0, 5.0), 0.0, nan, inf]
    for use in q.uses:
        partial = use.partial or 0.0
        pool += [use.upstream, partial, use.contribution, use.upstream + partial, use.result]
        if (other := use.sibling) is not None:
            pool += [other.partial * use.upstream, other.partial, other.data]
    sent = [use.contribution for use in q.uses]
    pool += [sum(generator.sample(sent, k)) for k in range(len(sent))]
    at_each: list[Callable[[Use], float]] = [
        lambda use: use.partial or 0.0,
        lambda use: use.upstream,
        lambda use: use.upstream + (use.partial or 0.0),
        lambda use: use.upstream * use.sibling.partial if use.sibling else nan,
    ]
    pool += [sum(map(part, q.uses)) for part in at_each]
    return generator.choice(pool) * generator.choice([1.0, 1.0, 1.0, 1.004, 0.985, 1.03, 1.2])


def near(x: float, y: float, part: float = 0.01 + 1e-8) -> bool:
    return x == y or (math.isfinite(y) and abs(x - y) <= part * abs(y))


def is_true(sentence: str, q: Question, x: float) -> bool:
    """Whether a sentence about an answer is true, read as a person would."""
    uses = {use.consumer: use for use in q.uses}
    sent = [use.contribution for use in q.uses]
    siblings = [use.sibling for use in q.uses if use.sibling is not None]
    if found := re.match(r"that is what one of the (\d) uses of a sends, in (\w+):", sentence):
        return len(q.uses) == int(found[1]) > 1 and near(x, uses[found[2]].contribution)
    if found := re.match(r"that is what (\d) of the (\d) uses of a send:", sentence):
        some, count = int(found[1]), int(found[2])
        sums = [sum(chosen) for chosen in itertools.combinations(sent, some)]
        return 1 < some < count == len(sent) and any(near(x, total, 0.011) for total in sums)
    if found := re.match(r"that is the local derivative of (\w+) by (\S+): take", sentence):
        use = uses[found[1]]
        assert use.sibling is not None
        return use.sibling.name == found[2] and near(x, use.sibling.partial)
    if found := re.match(r"that is the local derivative of (\w+) by a\d alone:", sentence):
        return near(x, uses[found[1]].partial or 0.0)
    if found := re.match(r"that is dL/d(\w+) itself:", sentence):
        return near(x, uses[found[1]].upstream)
    if found := re.match(r"that is what (\w+) sends to (\S+):", sentence):
        use = uses[found[1]]
        assert use.sibling is not None
        return use.sibling.name == found[2] and near(x, use.upstream * use.sibling.partial)
    if found := re.match(r"that is dL/d(\w+) plus the local", sentence):
        use = uses[found[1]]
        return near(x, use.upstream + (use.partial or 0.0))
    if found := re.match(r"that is the value of (\S+): asked", sentence):
        values = [(use.consumer, use.result) for use in q.uses]
        values += [("a", q.data), *((sibling.name, sibling.data) for sibling in siblings)]
        return any(name == found[1] and near(x, value) for name, value in values)
    of_all: dict[str, Callable[[Use], float]] = {
        "that adds up the local derivatives alone": lambda use: use.partial or 0.0,
        "that adds up what arrives": lambda use: use.upstream,
        "that adds what arrives and": lambda use: use.upstream + (use.partial or 0.0),
        "that has at each use of a": lambda use: (
            use.upstream * use.sibling.partial if use.sibling else nan
        ),
    }
    for beginning, part in of_all.items():
        if sentence.startswith(beginning):
            return len(q.uses) > 1 and near(x, sum(map(part, q.uses)), 0.011)
    exact = {
        "right": near(x, q.total)
        or (x != x and q.total != q.total)
        or abs(x - q.total) <= 1e-13 * sum(map(abs, sent)),
        "close, but off": near(x, q.total, 0.0501) and not near(x, q.total, 0.01),
        "0 would say": x == 0.0 != q.total,
        "the size is right": near(x, -q.total) and x != 0.0,
        "not yet": not near(x, q.total, 0.05),
    }
    return next(holds for beginning, holds in exact.items() if sentence.startswith(beginning))


@settings(max_examples=100, deadline=None)
@given(questions(), st.randoms(use_true_random=False))
def test_nothing_false_is_said(q: Question, generator: random.Random) -> None:
    for _ in range(5):
        answer = answers_to(q, generator)
        verdict = diagnose(q, answer)
        assert is_true(verdict.sentence, q, answer), (answer, verdict)
        assert verdict.is_right or not near(answer, q.total, 0.01)


def test_every_diagnosis_is_said_of_some_answer() -> None:
    generator = random.Random(3)
    said = set()
    for _ in range(900):
        q = random_question(generator)
        said |= {diagnose(q, answers_to(q, generator)) for _ in range(5)}
    for row in DIAGNOSES:
        for template in filter(None, row[2:]):
            pattern = re.sub(r"\\{\w+\\}", ".*", re.escape(template))
            assert any(v.name == row.name and re.fullmatch(pattern, v.sentence) for v in said)


def random_question(generator: random.Random) -> Question:
    def number() -> float:
        return generator.choice(
            [
                generator.choice([0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 1.02]),
                generator.uniform(-5, 5),
                generator.uniform(-5, 5),
                generator.choice([1e300, -1e-300, inf, nan, 1e-9]),
            ]
        )

    uses = []
    for i in range(generator.choice([0, 1, 1, 1, 2, 2, 3, 4, 7])):
        upstream = number()
        partial = None if generator.random() < 0.1 else number()
        sent = 0.0 if partial is None else upstream * partial
        sibling = Sibling("y", number(), number()) if generator.random() < 0.7 else None
        result = generator.choice([f"e{i}"] * 4 + ["L"])
        called = result, f"dL/de{i}", f"a{i}", f"de{i}/da"
        uses.append(Use(*called, upstream, partial, sent, number(), sibling))
    total = 0.0
    for use in uses:
        total += use.contribution
    return Question("a", "L", "dL/da", number(), total, tuple(uses))


# In JavaScript.


def as_javascript(thing: Any) -> Any:
    if isinstance(thing, tuple) and hasattr(thing, "_asdict"):
        return {name: as_javascript(value) for name, value in thing._asdict().items()}
    return [as_javascript(x) for x in thing] if isinstance(thing, tuple) else thing


def bits(x: float) -> str:
    return "nan" if x != x else f"{int.from_bytes(struct.pack('>d', x), 'big'):x}"


@pytest.mark.skipif(not shutil.which("node"), reason="needs node, which is not installed")
def test_javascript_says_the_same(tmp_path: Path) -> None:
    generator = random.Random(1)
    cases = []
    for _ in range(500):
        q = random_question(generator)
        cases += [(q, answers_to(q, generator)) for _ in range(3)]
    source = tmp_path / "diagnoses.js"
    source.write_text(
        f"""\
"use strict";
{javascript()}
const view = new DataView(new ArrayBuffer(8));
function bits(x) {{
  view.setFloat64(0, x);
  return x !== x ? "nan" : view.getBigUint64(0).toString(16);
}}
const cases = {json.dumps([(as_javascript(q), answer) for q, answer in cases])};
const said = cases.map(([q, answer]) => {{
  const {{name, sentence}} = diagnose(q, answer);
  return [name, sentence, ...[1, 2, 3].map(step => hint(q, step, bits))];
}});
console.log(JSON.stringify(said));
""",
        encoding="utf-8",
    )
    done = subprocess.run(["node", str(source)], capture_output=True, text=True, check=True)
    for (q, answer), said in zip(cases, json.loads(done.stdout), strict=True):
        hints = [hint(q, step, bits) for step in (1, 2, 3)]
        assert [*diagnose(q, answer), *hints] == said, (q, answer)


# Hints.


def test_three_hints() -> None:
    a = asked(LECTURE, "a", **NUMBERS)
    assert [hint(a, step) for step in (1, 2, 3)] == [
        "dL/da = dL/de * de/da",
        "dL/da = -2 * -3",
        "dL/da = 6",
    ]
    b = asked(REUSE, "b", a=1.5)
    assert [hint(b, step) for step in (1, 2, 3)] == [
        "dd/db = dd/dd * (local derivative of d by b) + dd/dc * dc/db (operand 1) + "
        "dd/dc * dc/db (operand 2), a term for each use of b, with its local derivative",
        "dd/db = 1 * 1 + 1 * 3 + 1 * 3",
        "dd/db = 7",
    ]


def test_hints_to_what_is_stopped_and_to_what_is_used_often() -> None:
    x = Value(3.0, "x")
    y = stop_gradient(x)
    y.label = "y"
    root = y * x
    root.label = "L"
    assert hint(question(Recording(root), x), 2) == (
        "dL/dx = 1 * 3 + 0 (no derivative passes from y)"
    )
    root = sum([x] * 20, Value(0.0, "s"))
    assert hint(question(Recording(root), x), 2).count("...") == 1
