"""Splitting and standardizing data, class numbers of labels, and what a model file says beside."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn

properties = settings(max_examples=40, deadline=None, derandomize=True, database=None)


# Train and test.


@given(
    size=st.integers(2, 60), share=st.sampled_from([0.1, 0.2, 0.25, 0.5, 0.9]), seed=st.integers()
)
@properties
def test_a_split_keeps_all_and_pairs_together(size: int, share: float, seed: int) -> None:
    X, D = [[float(i)] for i in range(size)], [str(i) for i in range(size)]
    count = math.ceil(Fraction(str(share)) * size)
    if count == size:
        with pytest.raises(ValueError, match="leaves 0 to train on"):
            nn.train_test_split(X, D, test=share, seed=seed)
        return
    X_train, X_test, D_train, D_test = nn.train_test_split(X, D, test=share, seed=seed)
    assert len(X_test) == len(D_test) == count
    assert sorted(X_train + X_test) == X
    assert [str(int(x)) for [x] in X_train + X_test] == D_train + D_test
    assert nn.train_test_split(X, D, test=share, seed=seed) == [X_train, X_test, D_train, D_test]


def test_a_split_is_shuffled_and_another_for_another_seed() -> None:
    X = list(range(100))
    tests = [tuple(nn.train_test_split(X, test=20, seed=seed)[1]) for seed in range(20)]
    assert len(set(tests)) == 20 and all(sorted(test) != [*test] for test in tests)
    counts = np.bincount([i for test in tests for i in test], minlength=100)
    assert counts.max() <= 12  # 4 of 20 are expected


@given(
    sizes=st.lists(st.integers(2, 30), min_size=1, max_size=5),
    share=st.sampled_from([0.1, 0.2, 0.5, 0.8]),
    seed=st.integers(0, 5),
)
@properties
def test_a_stratified_split_has_the_shares_of_the_whole(
    sizes: list[int], share: float, seed: int
) -> None:
    labels = [f"class {c}" for c, size in enumerate(sizes) for _ in range(size)]
    count = math.ceil(Fraction(str(share)) * len(labels))
    if min(count, len(labels) - count) < len(sizes):
        with pytest.raises(ValueError, match=r"do without stratify|has to be one in each"):
            nn.train_test_split(labels, test=share, seed=seed, stratify=labels)
        return
    train, test = nn.train_test_split(labels, test=share, seed=seed, stratify=labels)
    assert len(test) == count
    for c, size in enumerate(sizes):
        found = test.count(f"class {c}")
        # One in each part at least; else within one of the share, or two where room was made.
        assert 1 <= found <= size - 1
        assert abs(found - size * count / len(labels)) < 1 + (min(sizes) * share < 1) * len(sizes)
        assert found + train.count(f"class {c}") == size


def test_two_of_a_class_are_one_in_each_part() -> None:
    labels = [0] * 998 + [1] * 2  # scikit-learn leaves the test without one
    for seed in range(5):
        train, test = nn.train_test_split(labels, stratify=labels, seed=seed)
        assert (train.count(1), test.count(1)) == (1, 1) and len(test) == 200


def test_what_can_be_split() -> None:
    table = np.arange(20.0).reshape(10, 2)
    frame = pd.DataFrame(table, columns=["a", "b"])
    names = tuple("abcdefghij")
    parts = nn.train_test_split(table, frame, names, pd.Series(range(10)), test=3, seed=4)
    assert [type(part) for part in parts[:6]] == [np.ndarray] * 4 + [list] * 2
    for x, y, name, k in zip(parts[1], parts[3], parts[5], parts[7]):
        assert x.tolist() == y.tolist() == table[k].tolist() and names[k] == name
    rows = [nn.one_hot(i % 2, 2) for i in range(10)]
    _, test = nn.train_test_split(rows, stratify=np.array(rows), test=4)
    assert sum(row[0] for row in test) == 2.0


@pytest.mark.parametrize(
    ("data", "options", "error", "said"),
    [
        ((), {}, TypeError, "takes one data set at least"),
        (([1, 2], [1]), {}, ValueError, "got 2 in the first and 1 in number 2"),
        (([1, 2],), {"test": 1.0}, ValueError, "less than 1, got 1.0; it is a share such as 0.2"),
        (([1, 2],), {"test": 0.0}, ValueError, "leaves 2 to train on and 0 to test on"),
        (([1, 2],), {"test": 2}, ValueError, "leaves 0 to train on and 2 to test on"),
        (([1, 2],), {"test": "0.2"}, TypeError, "expected a real number"),
        (([1, 2],), {"test": True}, TypeError, "expected a real number"),
        (([1, 2],), {"seed": 0.5}, TypeError, "seed"),
        (([1, 2, 3],), {"stratify": ["a", "a", "b"]}, ValueError, "a single instance of 'b'"),
        (([1, 2, 3],), {"stratify": [1, 1]}, ValueError, "stratify has 2 labels for 3 instances"),
        (([1, 2, 3, 4],), {"stratify": [1, 1, 2, 2], "test": 1}, ValueError, "only 1 instance"),
        ((3,), {}, TypeError, "must be a list with one entry for each instance"),
    ],
)
def test_what_cannot_be_split(data: Any, options: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        nn.train_test_split(*data, **options)


# Standardizing.


@given(
    st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=20).map(
        lambda rows: [list(row) for row in rows]
    )
)
@properties
def test_standardized_columns_by_fractions(X: list[list[float]]) -> None:
    scaler = nn.standardize(X)
    changed = scaler(X)
    for j in range(2):
        column = [Fraction(row[j]) for row in X]
        mean = sum(column) / len(column)
        variance = sum((x - mean) ** 2 for x in column) / len(column)
        size = max(map(abs, column))
        assert scaler.mean[j] == pytest.approx(float(mean), rel=1e-12, abs=float(size) * 1e-14)
        if len(set(column)) == 1:
            assert scaler.scale[j] == 1.0 and all(row[j] == 0.0 for row in changed)
        elif float(variance) > (float(size) * 1e-7) ** 2:
            assert scaler.scale[j] == pytest.approx(math.sqrt(variance), rel=1e-9)
            assert np.std([row[j] for row in changed]) == pytest.approx(1.0, rel=1e-9)
    back = scaler.inverse(changed)
    assert np.array(back) == pytest.approx(np.array(X), rel=1e-9, abs=1e-6)


def test_others_are_standardized_by_what_was_trained_on() -> None:
    scaler = nn.standardize([[0.0, 5.0], [2.0, 5.0]])
    assert (scaler.mean, scaler.scale) == ([1.0, 5.0], [1.0, 1.0])
    # A constant column is centred too: an unseen 7 is 2 beyond it.
    assert scaler([[4.0, 7.0]]) == scaler(np.array([[4.0, 7.0]])) == [[3.0, 2.0]]
    again = nn.Standardizer(**json.loads(json.dumps({"mean": scaler.mean, "scale": scaler.scale})))
    assert again == scaler


def test_columns_of_any_size_are_standardized() -> None:
    X = [[1e308, 1e-300, 1e15, 0.1], [-1e308, 3e-300, 1e15 + 2, 0.1]]
    changed = np.array(nn.standardize(X)(X))
    assert changed == pytest.approx(np.array([[1, -1, -1, 0], [-1, 1, 1, 0]]), rel=1e-12)


@pytest.mark.parametrize(
    ("X", "error", "said"),
    [
        ([], ValueError, "at least one, got none"),
        ([1.0, 2.0], ValueError, r"write \[\[x\] for x in X\] for inputs of one number"),
        ([[1.0, math.nan]], ValueError, r"X\[0\]\[1\] is nan: leave that instance out"),
        ([[1.0], [1.0, 2.0]], ValueError, "make all of one length"),
        ([["a"]], ValueError, "where a number is expected"),
        (3, TypeError, "must be a list"),
    ],
)
def test_what_cannot_be_standardized(X: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        nn.standardize(X)


def test_a_standardizer_refuses_other_widths_and_bad_numbers() -> None:
    scaler = nn.standardize([[1.0, 2.0], [2.0, 3.0]])
    for X in ([[1.0]], [1.0, 2.0]):
        for change in (scaler, scaler.inverse):
            with pytest.raises(ValueError, match="expected inputs of 2 numbers each"):
                change(X)
    for mean, scale in (([0.0], [1.0, 1.0]), ([0.0], [0.0]), ([0.0], [-1.0]), ([0.0], [math.nan])):
        with pytest.raises(ValueError, match="a mean and a scale greater than 0"):
            nn.Standardizer(mean, scale)


# Class numbers.


def test_labels_become_numbers() -> None:
    assert nn.class_numbers(["dog", "cat", "dog"]) == ([1, 0, 1], ["cat", "dog"])
    assert nn.class_numbers([10, 2, 10]) == ([1, 0, 1], [2, 10])
    assert nn.class_numbers(np.array([1.0, -1.0])) == ([1, 0], [-1.0, 1.0])
    assert nn.class_numbers(pd.Series(["b", "a"])) == ([1, 0], ["a", "b"])
    assert nn.class_numbers(["b"], ["b", "a"]) == ([0], ["b", "a"])
    for labels, classes, said in (
        (["a", None], None, r"labels\[1\] is missing \(None\)"),
        ([1.0, math.nan], None, r"labels\[1\] is missing \(nan\)"),
        (["a", 1], None, "of the types int, str, which have no common order"),
        (["a", "c"], ["a", "b"], r"labels\[1\] is 'c', which is none of the classes 'a', 'b'"),
        ("abc", None, "must be a list with a label for each"),
        ([[1.0, 0.0]], None, r"labels\[0\] must be a single text or number"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            nn.class_numbers(labels, classes)


def test_texts_are_classes_for_accuracy_and_confusion() -> None:
    found, right = ["a", "b", "b", "c"], ["a", "b", "c", "c"]
    assert nn.accuracy(found, right) == 0.75
    assert nn.confusion_matrix(found, right) == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


def test_the_divergence_knows_the_threshold() -> None:
    logits, d = [[0.25], [-0.25], [2.0]], [1, 0, 1]
    assert nn.accuracy(logits, d, nn.divergences.binary_kl_from_logits) == 1.0
    assert nn.accuracy(logits, d, nn.divergences.binary_kl) == pytest.approx(2 / 3)
    assert nn.accuracy(logits, [1, -1, 1], nn.divergences.hinge) == 1.0
    assert nn.accuracy(logits, d, nn.divergences.l2) == pytest.approx(2 / 3)
    assert nn.confusion_matrix(logits, d, nn.divergences.binary_kl_from_logits) == [[1, 0], [0, 2]]
    with pytest.raises(ValueError, match=r"nothing tells the classes of <lambda>\(\)"):
        nn.accuracy(logits, d, lambda y, d: y - d)  # type: ignore[arg-type, return-value]


# What a file says beside, and states as arrays.


def test_a_model_file_holds_what_it_is_told(tmp_path: Path) -> None:
    model, again = nn.MLP(2, [3, 1]), nn.MLP(2, [3, 1])
    scaler = nn.standardize([[0.1, 1e-9], [0.7, 3e300]])
    about = {
        "mean": scaler.mean, "scale": scaler.scale, "classes": ["ä", 'b"\n', None], "n": 3,
        "more": {"yes": True},
    }  # fmt: skip
    model.save(tmp_path / "m", about=about)
    again.load(tmp_path / "m")
    assert again.state_dict() == model.state_dict()
    found = nn.read_about(tmp_path / "m")
    assert found == about
    assert nn.Standardizer(found["mean"], found["scale"]) == scaler
    with pytest.raises(ValueError, match="parameters without a training run"):
        nn.fit(again, [[0.0, 0.0]], [1.0], checkpoint=tmp_path / "m", progress=False)
    model.save(tmp_path / "m")
    assert nn.read_about(tmp_path / "m") == {}
    (tmp_path / "other").write_text("{}\n")
    with pytest.raises(nn.PersistenceError, match="does not begin"):
        nn.read_about(tmp_path / "other")


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ({"x": np.zeros(2)}, r"about\['x'\] is array.*\.tolist\(\)"),
        ({"x": [1.0, math.nan]}, r"about\['x'\]\[1\] is nan"),
        ({"x": {1: 2}}, r"about\['x'\] is \{1: 2\}"),
        ([1], r"about is \[1\]"),
    ],
)
def test_a_file_refuses_what_it_cannot_bring_back(bad: Any, where: str, tmp_path: Path) -> None:
    if not isinstance(bad, dict):
        bad = {"x": {2: bad}}
        where = r"about\['x'\]"
    with pytest.raises(TypeError, match=where):
        nn.MLP(1, [1]).save(tmp_path / "m", about=bad)
    assert not (tmp_path / "m").exists()


def test_states_as_arrays() -> None:
    model, again = nn.MLP(2, [3, 1], rng=random.Random(0)), nn.MLP(2, [3, 1])
    state = model.state_dict(arrays=True)
    assert {name: x.shape for name, x in state.items()} == {
        "layer1.w": (3, 2), "layer1.b": (3,), "layer2.w": (1, 3), "layer2.b": (1,),
    }  # fmt: skip
    # As arrays compute: tanh(W x + b), then the same without tanh.
    x = [0.3, -0.7]
    hidden = np.tanh(state["layer1.w"] @ x + state["layer1.b"])
    [y] = model(x)
    assert y.data == pytest.approx((state["layer2.w"] @ hidden + state["layer2.b"]).item())
    again.load_state_dict(state)
    assert again.state_dict() == model.state_dict()
    before = again.state_dict()
    for other, said in (
        (
            {**state, "layer1.w": np.zeros((2, 3))},
            r"shape \(2, 3\) for layer1\.w; expected \(3, 2\)",
        ),
        ({**state, "layer1.b": np.full(3, math.nan)}, "finite"),
        ({k: v for k, v in state.items() if k != "layer2.b"}, "missing"),
    ):
        with pytest.raises(ValueError, match=said):
            again.load_state_dict(other)
    assert again.state_dict() == before


def test_states_of_other_modules_as_arrays() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            self.ragged = [[nn.Neuron(1).b], [nn.Neuron(1).b, nn.Neuron(1).b]]
            self.layers = [nn.Layer(2, 1), nn.Layer(1, 2)]
            self.table = np.array([[nn.Neuron(1).b, nn.Neuron(1).b]])
            self.heads = {"left": nn.Neuron(2)}
            self.c = nn.Neuron(1).b
            self.product = nn.Multiplicative(3, 2)

    odd, again = Odd(), Odd()
    state = odd.state_dict(arrays=True)
    assert {name: x.shape for name, x in state.items()} == {
        "ragged[0][0]": (), "ragged[1][0]": (), "ragged[1][1]": (), "layers[0].w": (1, 2),
        "layers[0].b": (1,), "layers[1].w": (2, 1), "layers[1].b": (2,), "table": (1, 2),
        "heads['left'].w": (2,), "heads['left'].b": (), "c": (), "product.alpha": (2, 3),
    }  # fmt: skip
    again.load_state_dict(state)
    assert again.state_dict() == odd.state_dict()
