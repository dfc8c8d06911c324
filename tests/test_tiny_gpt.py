"""The demo's GPT: it learns, both its engines learn the same, and its mathematics is right."""

from __future__ import annotations

import importlib
import math
import random
from pathlib import Path
from typing import Any

import pytest

from autograd import Value, check_gradient

ROOT = Path(__file__).parent.parent
# Of few letters, so that the graphs are small: END is 0.
NAMES = [[0, 1, 2, 0], [0, 2, 1, 1, 2, 0], [0, 1, 0], [0, 1, 2, 1, 0]]
LETTERS, PLACES = 3, 5


@pytest.fixture
def gpt(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "demos")
    module = importlib.import_module("tiny_gpt")
    monkeypatch.setattr(module, "WIDTH", 4)
    monkeypatch.setattr(module, "HEADS", 2)
    return module


def losses(gpt: Any, engine: str, steps: int, seed: int = 0) -> tuple[list[float], list[Value]]:
    rng = random.Random(seed)
    model = gpt.GPT(LETTERS, PLACES, rng)
    made = getattr(gpt, engine)(model, NAMES)
    return list(gpt.train(made, len(NAMES), steps, 2, rng)), model.parameters()


@pytest.mark.parametrize("layers", [1, 2])
def test_both_engines_learn_the_same(gpt: Any, layers: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(gpt, "LAYERS", layers)
    eager, values = losses(gpt, "Eager", 5)
    lowered, others = losses(gpt, "Lowered", 5)
    assert lowered == pytest.approx(eager, rel=1e-12, abs=0.0)
    assert [w.data for w in others] == pytest.approx([w.data for w in values], rel=1e-9)
    assert len(set(eager)) == 5


def test_the_same_seed_gives_the_same_and_another_others(gpt: Any) -> None:
    first, again, other = (losses(gpt, "Eager", 1, seed)[0] for seed in (0, 0, 1))
    assert first == again != other


def test_it_learns_more_than_how_frequent_each_letter_is(gpt: Any) -> None:
    found, _ = losses(gpt, "Lowered", 200)
    assert found[0] == pytest.approx(math.log(LETTERS), abs=0.1)  # it knows nothing yet
    assert sum(found[-50:]) / 50 < 0.6 * gpt.entropy(NAMES)


def test_the_entropy_is_that_of_the_letters_and_the_end(gpt: Any) -> None:
    # Of 8 letters, 4 are 0 and 2 each are 1 and 2: 1/2 log 2 + 2 (1/4 log 4) = 3/2 log 2.
    assert gpt.entropy([[0, 1, 0], [0, 2, 0], [0, 1, 0], [0, 2, 0]]) == pytest.approx(
        1.5 * math.log(2.0)
    )


def test_what_comes_later_changes_nothing_of_what_was_said(gpt: Any) -> None:
    model = gpt.GPT(LETTERS, PLACES, random.Random(0))
    said = []
    for text in ([0, 1, 2, 2], [0, 1, 1, 0]):
        seen = model.nothing_seen()
        said.append([[z.data for z in model.next(letter, seen)] for letter in text])
    one, other = said
    assert one[:2] == other[:2] and one[2] != other[2]


def test_its_gradient_is_that_of_finite_differences(gpt: Any) -> None:
    model = gpt.GPT(LETTERS, PLACES, random.Random(0))
    matrix = model.layers[0]["key"]

    def loss(*row: Value) -> Value:
        matrix[1][:] = row
        return model.loss(NAMES[1])

    check_gradient(loss, [w.data for w in matrix[1]])


def test_its_program_is_made_of_matrix_products(gpt: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(gpt, "WIDTH", 16)
    monkeypatch.setattr(gpt, "HEADS", 4)
    made = gpt.Lowered(gpt.GPT(27, 2, random.Random(0)), [[0, 1, 0]])
    assert made.program.source.count("dot(") > 25


def test_a_lower_temperature_draws_what_is_likely(gpt: Any) -> None:
    model = gpt.GPT(LETTERS, PLACES, random.Random(0))
    cold = {tuple(gpt.sample(model, 1e-3, random.Random(seed))) for seed in range(5)}
    warm = {tuple(gpt.sample(model, 1.0, random.Random(seed))) for seed in range(5)}
    assert len(cold) == 1 < len(warm)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--temperature", "0"], "must be a number greater than 0, got '0'"),
        (["--temperature", "nan"], "got 'nan'"),
        (["--engine", "jax"], "jax"),
        (["--names", "{}/none.txt"], "none.txt"),
        (["--names", "{}/empty.txt"], "there is no word in it"),
        (["--names", "{}/latin.txt"], "name a file of words in UTF-8"),
    ],
)
def test_what_it_cannot_do_is_said_in_a_line(
    gpt: Any, wrong: list[str], told: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "latin.txt").write_bytes("José".encode("latin-1"))
    given = [part.format(tmp_path) for part in wrong]
    monkeypatch.setattr("sys.argv", ["tiny_gpt.py", "--out", str(tmp_path), *given])
    with pytest.raises(SystemExit):
        gpt.main()
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1
    assert not (tmp_path / "losses.txt").exists()


def test_words_of_ones_own_can_be_learnt(
    gpt: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    (tmp_path / "words.txt").write_text("\u00e4\u00df \u00df", encoding="utf-8")
    options = ["--names", "words.txt", "--steps", "60", "--samples", "9", "--out", "out"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["tiny_gpt.py", *options, "--engine", "numpy", "--quiet"])
    gpt.main()
    made = (tmp_path / "out" / "samples.txt").read_text(encoding="utf-8").split()
    assert {*made} <= {"\u00e4\u00df", "\u00df"}
    assert len((tmp_path / "out" / "losses.txt").read_text().split()) == 60
    assert "9 names made up" in capsys.readouterr().out
