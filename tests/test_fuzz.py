"""A short fuzzing run: the corpus of known troublemakers, then inputs that hypothesis makes up."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import (
    CORPUS,
    TARGETS,
    as_text,
    check_checkpoint,
    check_expression,
    check_label,
    check_same,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograd.core.ops import OPS

repeatably = settings(derandomize=True, deadline=None, database=None, max_examples=100)

KNOWN = sorted(path for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", KNOWN, ids=[f"{path.parent.name}-{path.name}" for path in KNOWN])
def test_the_corpus(path: Path) -> None:
    TARGETS[path.parent.name](as_text(path.read_bytes()))


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in KNOWN} == set(TARGETS)


# Pieces that mean something to Graphviz or to XML come more often than by chance.
PIECES = st.sampled_from(
    ["\\", "\\N", "<", ">", "&", '"', "'", "]", "{", "|", "&lt;", "<B>", "-->"]
)


@given(st.lists(PIECES | st.text(st.characters(), max_size=3), max_size=20).map("".join))
@example("\ud800")
@repeatably
def test_any_label_is_shown_as_it_is(label: str) -> None:
    check_label(label)


TOKENS = st.sampled_from([*OPS, *"+-*/()=;,. \n\t[]^%<", "**", "x", "y1", "3", "0.5", "1e99", "in"])


def spaced(tokens: list[str]) -> str:
    return " ".join(tokens)


@given(st.lists(TOKENS | st.text(max_size=2), max_size=15).map(spaced))
@repeatably
def test_any_text_is_an_expression_or_a_complaint(text: str) -> None:
    check_expression(text)


def expressions() -> st.SearchStrategy[str]:
    """Expressions that are right, so that most are computed."""

    def larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        infix = st.tuples(smaller, st.sampled_from(["+", "-", "*", "/", "**"]), smaller)
        calls = []
        for op in OPS.values():
            count = (1, 3) if op.arity is None else (op.arity, op.arity)
            operands = st.lists(smaller, min_size=count[0], max_size=count[1])
            if op.symbol.isidentifier() or op.arity is None:
                calls.append(operands.map(lambda xs, op=op: f"{op.name}({', '.join(xs)})"))
        return (
            infix.map("".join)
            | smaller.map("({})".format)
            | smaller.map("-{}".format)
            | (st.one_of(calls))
        )

    atoms = st.sampled_from(["x", "y", "z1", "pi", "inf", "nan"]) | st.floats(0.0).map(repr)
    return st.recursive(atoms, larger, max_leaves=8)


@given(st.lists(expressions(), min_size=1, max_size=3))
@repeatably
def test_an_expression_computes_what_python_computes(parts: list[str]) -> None:
    names = [f"part{k} = " for k in range(len(parts) - 1)]
    check_expression("; ".join(map("".join, zip([*names, ""], parts))))


NAMES = st.sampled_from(["neuron0.w[0]", "neuron0.b", "w"])
NUMBERS = st.floats() | st.integers() | st.text("0123456789abcdefx", max_size=17) | st.none()
STATES = st.dictionaries(NAMES, NUMBERS | st.lists(NUMBERS, max_size=2), max_size=3)


@given(
    STATES.map(json.dumps) | st.binary(max_size=60).map(as_text), st.sampled_from(["", "\n{}\n"])
)
@example('{"neuron0.w[0]": 0.5, "neuron0.b": "7ff8000000000001"}', "\n")
@repeatably
def test_any_file_is_loaded_or_refused(text: str, end: str) -> None:
    check_checkpoint(text + end)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a<b", "a&lt;b"),
        ("\\", "\\\\"),
        ("ab", "ba"),
        ("a\nb", "a\nb"),
        ("x" * 50, "x" * 40),
        ("a", ""),
    ],
)
def test_a_label_that_is_not_shown_as_it_is_fails(label: str, shown: str) -> None:
    with pytest.raises(AssertionError):
        check_same(label, shown, longest=40)


def lenient(parse: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: parse(text.replace("-", "+"))


def test_a_parser_that_reads_something_else_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.shell import expression

    monkeypatch.setattr(expression, "parse", lenient(expression.parse))
    with pytest.raises(AssertionError):
        check_expression("x - 1")
