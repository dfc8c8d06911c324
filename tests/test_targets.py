"""Tests of the targets and of how often a classifier is right, by the lecture and by counting."""

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value
from nn import accuracy, confusion_matrix, one_hot, smooth_labels

properties = settings(max_examples=40, deadline=None, derandomize=True, database=None)


# One-hot vectors.


@pytest.mark.parametrize(
    ("c", "d"),
    [
        (0, [1.0, 0.0, 0.0, 0.0, 0.0]),  # cat
        (1, [0.0, 1.0, 0.0, 0.0, 0.0]),  # dog
        (2, [0.0, 0.0, 1.0, 0.0, 0.0]),  # camel
        (3, [0.0, 0.0, 0.0, 1.0, 0.0]),  # hat
        (4, [0.0, 0.0, 0.0, 0.0, 1.0]),  # flower
    ],
)
def test_the_five_classes_of_the_lecture(c: int, d: list[float]) -> None:
    found = one_hot(c, 5)
    assert found == d
    assert type(found) is list and all(type(entry) is float for entry in found)


def test_a_single_class_and_integers_of_numpy() -> None:
    assert one_hot(0, 1) == [1.0]
    assert one_hot(np.int64(1), np.uint8(2)) == [0.0, 1.0]  # type: ignore[arg-type]


@pytest.mark.parametrize(("c", "K"), [(5, 5), (-1, 5), (7, 2), (0, 0), (0, -1), (-1, -1)])
def test_a_class_that_does_not_exist_is_refused(c: int, K: int) -> None:
    with pytest.raises(ValueError, match="counted from 0") as caught:
        one_hot(c, K)
    most = f"c must be a whole number from 0 to {K - 1}, got {c};"
    least = f"K must be a whole number of at least 1, got {K};"
    assert str(caught.value).startswith(f"one_hot(c, K): {most if K > 0 else least}")


@pytest.mark.parametrize("bad", [1.0, "1", None, True, [1], np.float64(1.0), Value(1.0)], ids=repr)
def test_a_class_that_is_no_int_is_refused(bad: Any) -> None:
    for arguments, name in (((bad, 3), "c"), ((0, bad), "K")):
        with pytest.raises(TypeError) as caught:
            one_hot(*arguments)
        said = str(caught.value)
        assert said.startswith(f"one_hot(c, K): {name} must be a whole number ")
        assert f", got {bad!r} of type {type(bad).__name__};" in said
        several = isinstance(bad, list) and name == "c"
        assert said.endswith("[nn.one_hot(c, 3) for c in labels]" if several else "as a float")


# Label smoothing.


def test_smoothing_by_hand() -> None:
    # K = 5 and epsilon = 1/64: 1 - 4/64 = 60/64 in place 3.
    found = smooth_labels([0.0, 0.0, 0.0, 1.0, 0.0], 1 / 64)
    assert found == [1 / 64, 1 / 64, 1 / 64, 60 / 64, 1 / 64]
    assert type(found) is list and all(type(entry) is float for entry in found)
    assert smooth_labels([1.0, 0.0], 0.1) == [0.9, 0.1]


def test_the_least_and_the_most_smoothing() -> None:
    assert smooth_labels([0.0, 1.0, 0.0], 0.0) == [0.0, 1.0, 0.0]
    assert smooth_labels([0.0, 1.0], 0.49) == [0.49, 0.51]
    assert smooth_labels([1.0], 0.25) == [1.0]


@given(K=st.integers(1, 12), share=st.floats(0.0, 0.99), data=st.data())
@properties
def test_smoothed_labels_are_probabilities(K: int, share: float, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, K - 1))
    epsilon = share / K
    found = smooth_labels(one_hot(c, K), epsilon)
    assert math.fsum(found) == pytest.approx(1.0, abs=1e-15)
    assert Counter(found[:c] + found[c + 1 :]) == Counter([epsilon] * (K - 1))
    assert found[c] == pytest.approx(float(1 - (K - 1) * Fraction(epsilon)), rel=1e-14)
    assert max(found) <= found[c] + 1e-15


def test_smoothing_leaves_its_argument_alone_and_takes_every_kind_of_vector() -> None:
    d = [0.0, 1.0]
    for form in (d, (0, 1), np.array(d), np.array([0, 1])):
        assert smooth_labels(form, 0.25) == [0.25, 0.75]  # type: ignore[arg-type]
    assert smooth_labels(d, np.float32(0.25)) == [0.25, 0.75]  # type: ignore[arg-type]
    assert d == [0.0, 1.0]


@pytest.mark.parametrize(
    "d", [[], [0.5, 0.5], [0.0, 0.0], [1.0, 1.0], [0.0, 2.0], [0.9, 0.1], [math.nan, 1.0], "01"]
)
def test_smoothing_takes_one_hot_vectors_only(d: Any) -> None:
    with pytest.raises(ValueError, match=r"a single 1 among zeros, .*make it with one_hot") as e:
        smooth_labels(d, 0.01)
    assert f"got {[*d]!r};" in str(e.value)


@pytest.mark.parametrize("d", [1, None, Value(1.0)], ids=repr)
def test_smoothing_a_label_says_what_to_do(d: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a one-hot vector, got .*make it with one_hot"):
        smooth_labels(d, 0.01)


@pytest.mark.parametrize("epsilon", [-0.01, 0.25, 0.26, 1.0, math.nan, math.inf, -math.inf])
def test_epsilon_has_bounds(epsilon: float) -> None:
    with pytest.raises(
        ValueError, match=r"^smooth_labels\(d, epsilon\): epsilon must be "
    ) as caught:
        smooth_labels(one_hot(0, 4), epsilon)
    assert ("nothing is left to learn" in str(caught.value)) == (0 < epsilon < math.inf)
    assert f"got {epsilon!r}" in str(caught.value)


def test_a_label_smoothing_as_pytorch_counts_it_is_translated() -> None:
    said = r"nothing is left to learn.*a label_smoothing of 0.1 is epsilon = 0.1 / 10$"
    with pytest.raises(ValueError, match=said):
        smooth_labels(one_hot(3, 10), 0.1)
    assert smooth_labels(one_hot(3, 10), 0.1 / 10) == [0.01] * 3 + [0.91] + [0.01] * 6


@pytest.mark.parametrize("epsilon", ["0.1", None, True, [0.1]], ids=repr)
def test_epsilon_is_a_number(epsilon: Any) -> None:
    with pytest.raises(TypeError, match=r"smooth_labels\(d, epsilon\): epsilon: expected a real"):
        smooth_labels(one_hot(0, 4), epsilon)


# Accuracy and confusion.

OUTPUTS = [
    [0.7, 0.2, 0.1],  # right
    [0.2, 0.5, 0.3],  # right
    [0.2, 0.5, 0.3],  # a 2 that is taken for a 1
    [0.1, 0.1, 0.8],  # right
    [0.6, 0.3, 0.1],  # a 1 that is taken for a 0
]
CLASSES = [0, 1, 2, 2, 1]


def test_several_classes_by_counting() -> None:
    targets = [one_hot(c, 3) for c in CLASSES]
    assert accuracy(OUTPUTS, targets) == 0.6
    assert confusion_matrix(OUTPUTS, targets) == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_smoothed_targets_have_their_class() -> None:
    targets = [smooth_labels(one_hot(c, 3), 0.1) for c in CLASSES]
    assert accuracy(OUTPUTS, targets) == 0.6


def test_values_and_arrays_count_like_numbers() -> None:
    targets = [one_hot(c, 3) for c in CLASSES]
    for outputs in (
        [[Value(y) for y in output] for output in OUTPUTS],
        np.array(OUTPUTS),
        tuple(map(tuple, OUTPUTS)),
    ):
        assert accuracy(outputs, np.array(targets)) == 0.6
        assert confusion_matrix(outputs, np.array(targets)) == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_one_output_is_class_one_from_the_threshold_up() -> None:
    outputs = [0.49, 0.5, 0.51, 0.9, 0.1]
    targets = [0.0, 1.0, 1.0, 0.0, 1.0]
    assert accuracy(outputs, targets) == 0.6
    assert confusion_matrix(outputs, targets) == [[1, 1], [1, 2]]
    assert accuracy(outputs, targets, threshold=0.505) == 0.4
    assert confusion_matrix(outputs, targets, threshold=0.505) == [[1, 1], [2, 1]]
    # Logits: the threshold moves, the targets stay 0 and 1.
    assert accuracy([-0.1, 0.0, 3.0, -3.0], [0, 1, 1, 0], threshold=0.0) == 1.0
    assert confusion_matrix([-0.1, 0.3], [1, 0], threshold=0.0) == [[0, 1], [1, 0]]


def test_single_outputs_may_be_numbers_or_lists_of_one() -> None:
    for outputs in ([0.2, 0.8], [[0.2], [0.8]], [Value(0.2), Value(0.8)], [[Value(0.2)], (0.8,)]):
        assert accuracy(outputs, [0, 1]) == 1.0
        assert accuracy(outputs, [[1.0], [Value(1.0)]]) == 0.5


def test_of_equal_outputs_the_first_counts() -> None:
    assert accuracy([[0.5, 0.5]], [[1.0, 0.0]]) == 1.0
    assert accuracy([[0.5, 0.5]], [[0.0, 1.0]]) == 0.0


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ([math.nan, 0.2], [0, 0]),
        ([math.nan, 0.8], [1.0, 1.0]),
        ([[math.nan, 1.0], [1, 0]], [[1, 0]] * 2),
    ],
)
def test_a_nan_is_of_no_class(outputs: Any, targets: Any) -> None:
    assert accuracy(outputs, targets) == 0.5
    with pytest.raises(ValueError, match=r"outputs\[0\] has a nan, and so no class"):
        confusion_matrix(outputs, targets)
    for count in (accuracy, confusion_matrix):
        with pytest.raises(ValueError, match=r"targets\[1\] has a nan, and so no class"):
            count(targets, outputs[::-1])


def test_the_matrix_counts_the_target_in_its_row() -> None:
    assert confusion_matrix([[0.0, 1.0]], [[1.0, 0.0]]) == [[0, 1], [0, 0]]
    assert confusion_matrix([1.0], [0.0]) == [[0, 1], [0, 0]]


@given(
    K=st.integers(2, 5),
    pairs=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=30),
)
@properties
def test_the_matrix_holds_every_instance(K: int, pairs: list[tuple[int, int]]) -> None:
    pairs = [(found % K, right % K) for found, right in pairs]
    outputs = [[5.0 if i == found else -i for i in range(K)] for found, _ in pairs]
    targets = [one_hot(right, K) for _, right in pairs]
    counts = Counter(pairs)
    matrix = confusion_matrix(outputs, targets)
    assert matrix == [[counts[found, right] for found in range(K)] for right in range(K)]
    right = sum(count for (found, right), count in counts.items() if found == right)
    assert accuracy(outputs, targets) == right / len(pairs)


@pytest.mark.parametrize("count", [accuracy, confusion_matrix])
class TestRefused:
    def test_no_instances(self, count: Any) -> None:
        with pytest.raises(ValueError, match="one instance at least, got 0 outputs and 0 targets"):
            count([], [])

    def test_another_number_of_targets(self, count: Any) -> None:
        with pytest.raises(ValueError, match="got 2 outputs and 1 targets"):
            count([0.5, 0.5], [1.0])

    def test_class_labels(self, count: Any) -> None:
        with pytest.raises(
            ValueError, match=r"targets\[1\] has the shape \(\), but .*\(3,\); .*one_hot\(c, K\)"
        ):
            count([[0.2, 0.3, 0.5]] * 2, [one_hot(1, 3), 2])

    def test_outputs_of_different_lengths(self, count: Any) -> None:
        with pytest.raises(
            ValueError, match=r"\[1\] has the shape \(3,\), but \w+\[0\] has \(2,\)"
        ):
            count([[0.0, 1.0], [0.0, 0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0, 1.0]])

    def test_empty_outputs(self, count: Any) -> None:
        with pytest.raises(ValueError, match=r"length K, at least 1; got .* shape \(1, 0\)"):
            count([[]], [[]])
