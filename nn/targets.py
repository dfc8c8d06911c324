"""Targets for classifiers, and how often a classifier is right.

Class labels go in and target vectors d come out, for the divergences; outputs and targets go in
and the accuracy or the confusion matrix comes out, for people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd.data import instances, nested, numeric
from autograd.text import got, number_within, shortened, whole_number

from .divergences import LARGEST, NEAREST, Decision, Divergence, row_of

Array: TypeAlias = NDArray[np.float64]
_MOST_CLASSES = 3000  # of a matrix of as many rows and columns
_CLASS = "classes are counted from 0; write one_hot(int(c), K) for one that is stored as a float"


def one_hot(c: int, K: int) -> list[float]:
    """The target for class c of K: 1.0 in place c, else 0.0 (lecture: "Multi-class output: One-hot
    representations").

    Args:
        c: the class, 0 <= c < K.
        K: the number of classes, at least 1.

    Returns:
        K floats.

    Raises:
        TypeError: if c or K is no whole number.
        ValueError: if c is not one of the classes.
    """
    K = whole_number("one_hot(c, K): K", K, advice=_CLASS)
    advice = f"for several, write [nn.one_hot(c, {K}) for c in labels]" if nested(c) else _CLASS
    c = whole_number("one_hot(c, K): c", c, 0, K - 1, advice=advice)
    return [1.0 if i == c else 0.0 for i in range(K)]


def smooth_labels(d: Sequence[float], epsilon: float) -> list[float]:
    """A one-hot target softened: 1 - (K - 1) epsilon in its place c, epsilon elsewhere (lecture:
    "Label smoothing").

    Args:
        d: a one-hot vector of length K.
        epsilon: in [0, 1/K), so that c stays the largest. What PyTorch calls a label_smoothing of
            s is epsilon = s / K.

    Returns:
        K floats that sum to 1.

    Raises:
        ValueError: if d is not one-hot, or epsilon is out of range.
        TypeError: if d is no list, or epsilon no number.
    """
    try:
        d = list(instances("d", d))
    except TypeError:
        raise TypeError(
            f"smooth_labels() takes a one-hot vector, got {got(d)}; make it with one_hot(c, K)"
        ) from None
    epsilon = number_within("smooth_labels(d, epsilon): epsilon", epsilon, 0.0, inf)
    K = len(d)
    if [d.count(0.0), d.count(1.0)] != [K - 1, 1]:
        raise ValueError(
            f"smooth_labels() takes a one-hot vector, a single 1 among zeros, got "
            f"{shortened(repr(d))}; make it with one_hot(c, K)"
        )
    if K > 1 and epsilon >= 1.0 / K:
        raise ValueError(
            f"smooth_labels(d, epsilon): epsilon must be in [0, 1/K) = [0, {1.0 / K:g}), or else "
            f"the class has no more than the others and nothing is left to learn, got {epsilon!r}; "
            f"what PyTorch calls a label_smoothing of {epsilon:g} is epsilon = {epsilon:g} / {K}"
        )
    return [1.0 - (K - 1) * epsilon if d_i == 1.0 else epsilon for d_i in d]


def class_numbers(labels: Any, classes: Sequence[Any] | None = None) -> tuple[list[int], list[Any]]:
    """Labels of any kind, such as texts, as class numbers, which divergences take as targets.

    Args:
        labels: one for each instance: texts or numbers, in any container.
        classes: which labels there are, in the order of their numbers, as an earlier call gave
            them; by default those in ``labels``, sorted.

    Returns:
        (numbers, classes): T ints, and the K labels that they are the places of.

    Raises:
        ValueError: if a label is missing or none of the classes, or they cannot be sorted.
        TypeError: if they are no list of labels.

    Example:
        >>> class_numbers(["cat", "dog", "cat"])
        ([0, 1, 0], ['cat', 'dog'])
    """
    labels = _labels("labels", labels)
    for i, label in enumerate(labels):
        if label is None or label != label:
            raise ValueError(f"labels[{i}] is missing ({label!r}); leave that instance out")
    if classes is None:
        try:
            classes = sorted(set(labels))
        except TypeError:
            kinds = sorted({type(label).__name__ for label in labels})
            raise ValueError(
                f"labels are of the types {', '.join(kinds)}, which have no common order; make "
                f"all texts, by map(str, labels), or give classes="
            ) from None
    classes = _labels("classes", classes)
    places = {label: c for c, label in enumerate(classes)}
    for i, label in enumerate(labels):
        if label not in places:
            listed = ", ".join(map(repr, classes[:5])) + ", ..." * (len(classes) > 5)
            raise ValueError(f"labels[{i}] is {label!r}, which is none of the classes {listed}")
    return [places[label] for label in labels], classes


def _labels(name: str, given: Any) -> list[Any]:
    """Labels as a list of what can be looked up."""
    listed = given.tolist() if hasattr(given, "tolist") else given  # an array or a series
    if isinstance(listed, (str, bytes)) or not hasattr(listed, "__iter__"):
        raise TypeError(f"{name} must be a list with a label for each instance, got {got(given)}")
    labels: list[Any] = list(listed)
    for i, label in enumerate(labels):
        if nested(label) or not hasattr(label, "__hash__") or label.__hash__ is None:
            raise TypeError(f"{name}[{i}] must be a single text or number, got {got(label)}")
    return labels


Threshold: TypeAlias = "float | Divergence | None"


def accuracy(outputs: Any, targets: Any, threshold: Threshold = None) -> float:
    """The share of instances whose class is right, from 0 to 1.

    The targets decide how they and the outputs are read:

    - rows of K >= 2, one-hot or smoothed: the class is the place of the largest entry, and so it is
      in an output, of equal ones the first;
    - 0 and 1 (or epsilon and 1 - epsilon, smoothed), or -1 and 1: two classes, and an output is of
      the second if it is at least the threshold;
    - any other whole numbers: class numbers, and an output is a class number too;
    - texts: an output is a text too.

    Beside 0 and 1 and class numbers, outputs may be rows of K, of which class c has entry c.
    An output with a nan has no class, and is wrong.

    Args:
        outputs: T outputs, each a number or a list of K; Values or numbers, in any container.
        targets: T targets.
        threshold: of outputs that are single numbers, for two classes; by default 0.5, which is for
            probabilities, and 0 where the targets are -1 and 1. For logits give 0, or the
            divergence that the model was trained with.

    Raises:
        ValueError: if there are none, not as many outputs as targets, one is of another length than
            the first, or they have no classes.
        TypeError: if outputs or targets are no data set, or the threshold is no number.
    """
    found, right = _classes(outputs, targets, threshold)
    return float(np.mean(found == right))


def confusion_matrix(outputs: Any, targets: Any, threshold: Threshold = None) -> list[list[int]]:
    """How often an instance of class r (row) was found to be of class c (column).

    The arguments, and what is raised, are those of ``accuracy``.

    Returns:
        K lists of K counts; the diagonal counts what is right. K is 2 for two classes, the length
        of rows, and else one more than the largest class number. Texts count in sorted order.

    Raises:
        ValueError: also if an output has a nan, and so no class, or a class number is negative.
    """
    outputs, targets = _numbered(outputs, targets)
    outputs = table_of("outputs", outputs)
    found, right = _classes(outputs, targets, threshold)
    if np.isnan(found).any():
        i = int(np.argmax(np.isnan(found)))
        raise ValueError(f"outputs[{i}] has a nan, and so no class")
    least = min(found.min(), right.min())
    K = max(2, outputs.shape[1], int(max(found.max(), right.max())) + 1)
    if least < 0.0 or K > _MOST_CLASSES:
        wrong = f"{least:.0f}" if least < 0.0 else f"{K - 1}"
        raise ValueError(
            f"confusion_matrix() takes class numbers from 0 to {_MOST_CLASSES - 1}, got {wrong}; "
            f"number the classes 0, 1, 2 ... without gaps"
        )
    counts = np.zeros((K, K), dtype=int)
    np.add.at(counts, (right.astype(int), found.astype(int)), 1)
    return counts.tolist()  # type: ignore[no-any-return]


def _numbered(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Texts as class numbers; what is none as it is."""
    texts = [
        isinstance(next(iter(x), None), str) if hasattr(x, "__iter__") else False
        for x in (outputs, targets)
        if not isinstance(x, Iterator)
    ]
    if texts != [True, True]:
        return outputs, targets
    outputs, targets = _labels("outputs", outputs), _labels("targets", targets)
    numbers, _ = class_numbers([*outputs, *targets])
    return numbers[: len(outputs)], numbers[len(outputs) :]


def threshold_of(threshold: Threshold) -> float | None:
    """From where up an output is of the second of two classes; None where nobody says.

    Raises:
        ValueError: if a divergence is given that knows no classes.
        TypeError: if it is no number, and no divergence either.
    """
    if callable(threshold):
        row = row_of(threshold)
        if row is None or row.decision is None:
            name = getattr(threshold, "__name__", type(threshold).__name__)
            raise ValueError(f"nothing tells the classes of {name}(); give the threshold itself")
        return row.decision if isinstance(row.decision, float) else None
    return None if threshold is None else number_within("threshold", threshold, -inf, inf)


def _classes(outputs: Any, targets: Any, threshold: Threshold) -> tuple[Array, Array]:
    """The class of each output, nan for none, and that of each target."""
    outputs, targets = _numbered(outputs, targets)
    table, labels = table_of("outputs", outputs), Labels(targets)
    if len(table) != len(labels.classes) or not len(table):
        raise ValueError(
            f"expected one output and one target for each instance, and one instance at least, "
            f"got {len(table)} outputs and {len(labels.classes)} targets"
        )
    return labels.found(table, threshold_of(threshold)), labels.classes


class Labels:
    """The classes of T targets, as the targets themselves decide.

    Args:
        targets: rows of K, or numbers; see ``accuracy``.
        name: what the caller calls them.

    Attributes:
        classes: a class number for each target, as floats.
        K: the length of rows; 1 for numbers.
        pair: the two numbers that stand for two classes; None for class numbers and rows.
        hot: whether they are rows of one high entry among low ones, the same in all rows.

    Raises:
        ValueError: if they have no classes.
        TypeError: if they are no data set.
    """

    def __init__(self, targets: Any, name: str = "targets") -> None:
        table = table_of(name, targets)
        self.name, self.K = name, table.shape[1]
        self.pair: tuple[float, float] | None = None
        self.hot = False
        if np.isnan(table).any():
            i = int(np.argwhere(np.isnan(table))[0, 0])
            raise ValueError(f"{name}[{i}] has a nan, and so no class; leave that instance out")
        if self.K > 1:
            largest = table == table.max(axis=1, keepdims=True)
            if (several := largest.sum(axis=1) > 1).any():
                i = int(np.argmax(several))
                raise ValueError(
                    f"{name}[{i}] = {shortened(str(table[i].tolist()))} has no class, as its "
                    f"largest entry is there {largest[i].sum()} times; a class c of K is "
                    f"nn.one_hot(c, K)"
                )
            self.classes = largest.argmax(axis=1).astype(float)
            ends = np.unique(table).tolist()
            sums_to_1 = abs(table[0].sum() - 1.0) < 1e-6
            self.hot = len(ends) == 2 and (sums_to_1 or ends == [-1.0, 1.0])
            return
        numbers = np.unique(table)
        self.classes = table[:, 0]
        if np.isin(numbers, (0.0, 1.0)).all():
            self.pair = 0.0, 1.0
        elif np.isin(numbers, (-1.0, 1.0)).all():
            self.pair = -1.0, 1.0
        elif len(numbers) == 2 and numbers[0] > 0.0 and abs(numbers.sum() - 1.0) < 1e-6:
            self.pair = float(numbers[0]), float(numbers[1])
        elif not (numbers == np.round(numbers)).all() or np.abs(numbers).max() > 2.0**53:
            odd = numbers[(numbers != np.round(numbers)) | (np.abs(numbers) > 2.0**53)][0]
            i = int(np.argmax(self.classes == odd))
            raise ValueError(
                f"{name}[{i}] is {odd:.6g}, which is no class; classes are 0 and 1, or -1 and 1, "
                f"or whole numbers, or rows of K as nn.one_hot(c, K) makes them"
            )
        if self.pair:
            self.classes = (self.classes == self.pair[1]).astype(float)

    def found(self, table: Array, threshold: float | None = None) -> Array:
        """The class of each of T outputs, which are rows of one length; nan for none.

        Raises:
            ValueError: if they cannot be of these classes.
        """
        width = table.shape[1]
        found: Array
        if width > 1:
            self._check_rows(width)
            found = table.argmax(axis=1).astype(float)
        elif self.K > 1:
            raise ValueError(
                f"outputs[0] is one number where {self.name}[0] has {self.K} entries; give the "
                f"rows of {self.K} that the model computes, or class numbers for both"
            )
        elif self.pair:
            found = self._side(table[:, 0], threshold)
        else:
            found = table[:, 0].copy()
            odd = (found != np.round(found)) & ~np.isnan(found)
            if odd.any():
                i = int(np.argmax(odd))
                raise ValueError(
                    f"outputs[{i}] is {found[i]:.6g}, but {self.name} are class numbers such as "
                    f"{self.classes.max():.0f}; an output is then a class number too, or a row of K"
                )
        found[np.isnan(table).any(axis=1)] = math.nan
        return found

    def share(
        self, outputs: Sequence[Sequence[float]], decision: Decision, order: Sequence[int]
    ) -> float | None:
        """The share of the outputs that have the right class; None where they have no classes.

        Args:
            outputs: as many as there are targets, each of K numbers.
            decision: see ``divergences.Row``.
            order: the target of each.
        """
        if decision != LARGEST and self.K > 1 and not self.hot:  # of several labels none is it
            return None
        if decision is None or (decision == NEAREST and not (self.pair or self.hot)):
            return None
        threshold = decision if isinstance(decision, float) else self.threshold
        try:
            found = self.found(np.array(outputs), threshold)
        except ValueError:
            return None
        return float(np.mean(found == self.classes[order]))

    @property
    def threshold(self) -> float:
        """From where up an output is of the second of two classes, if nobody says otherwise."""
        return 0.0 if self.pair and self.pair[0] < 0.0 else 0.5

    def _check_rows(self, width: int) -> None:
        """Refuse outputs of so many entries where the targets have no such classes."""
        if self.K > 1:
            if width != self.K:
                raise ValueError(
                    f"outputs[0] has {width} entries and {self.name}[0] has {self.K}; they are "
                    f"rows of one length"
                )
            return
        if self.pair and self.pair[0] < 0.0:
            raise ValueError(
                f"{self.name} are -1 and 1, but outputs[0] has {width} entries; of a row the class "
                f"is 0, 1 ...: write 0 for -1, or give one number for each instance"
            )
        outside = (self.classes < 0.0) | (self.classes >= width)
        if outside.any():
            i = int(np.argmax(outside))
            raise ValueError(
                f"{self.name}[{i}] is class {self.classes[i]:.0f}, but outputs have {width} "
                f"entries, of classes 0 to {width - 1}; classes are counted from 0"
            )

    def _side(self, numbers: Array, threshold: float | None) -> Array:
        """Which of two classes outputs that are single numbers are of."""
        assert self.pair is not None
        if threshold is None:
            threshold = self.threshold
            score = (numbers != np.round(numbers)) | (numbers < 0.0)
            if (numbers > 1.0).any() and not score[~np.isnan(numbers)].any():
                i = int(np.argmax(numbers > 1.0))
                raise ValueError(
                    f"outputs[{i}] is {numbers[i]:.6g} where {self.name} are only "
                    f"{self.pair[0]:g} and {self.pair[1]:g}; if outputs are class numbers, give "
                    f"rows for both, by nn.one_hot(c, K), and for scores give the threshold"
                )
        side: Array = np.where(numbers >= threshold, 1.0, 0.0)
        return side


def weights_of(targets: Any, class_weight: Any) -> tuple[float, ...]:
    """A weight for each class, in order, from what people give ``fit`` as ``class_weight``.

    Raises:
        ValueError: if the targets have no classes, or it is not of theirs.
        TypeError: if it is no dict, list or ``"balanced"``.
    """
    labels = Labels(targets, "D")
    counts = np.bincount(labels.classes.astype(int)) if labels.classes.min() >= 0.0 else ()
    if len(counts) == 0 or len(counts) > _MOST_CLASSES:
        raise ValueError(
            f"class_weight is for class numbers from 0 to {_MOST_CLASSES - 1}, but D holds "
            f"{labels.classes.min():.0f} to {labels.classes.max():.0f}; see nn.class_numbers"
        )
    K = max(labels.K, 2, len(counts))
    counts = np.pad(counts, (0, K - len(counts)))
    if isinstance(class_weight, str) and class_weight == "balanced":
        there = counts > 0
        balanced = labels.classes.size / (there.sum() * np.maximum(counts, 1))
        return tuple(np.where(there, balanced, 1.0).tolist())
    if isinstance(class_weight, Mapping):
        places = {c: c for c in range(K)}
        if labels.pair == (-1.0, 1.0):
            places = {-1: 0, 1: 1}
        weights = [1.0] * K
        for label, weight in class_weight.items():
            if label not in places:
                raise ValueError(
                    f"class_weight has {label!r}, which is none of the classes in D: "
                    f"{', '.join(map(str, [*places][:5]))}{', ...' * (K > 5)}"
                )
            weights[places[label]] = weight
        return tuple(weights)
    if isinstance(class_weight, str) or not hasattr(class_weight, "__iter__"):
        raise TypeError(
            f"class_weight must be 'balanced', or a dict or list of weights by class, got "
            f"{got(class_weight)}"
        )
    weights = [*class_weight]
    if len(weights) < K:
        raise ValueError(f"class_weight lists {len(weights)} weights, but D has {K} classes")
    return tuple(weights)


def labels_of(targets: Any) -> Labels | None:
    """The classes of some targets, if they have any."""
    try:
        return Labels(targets)
    except (TypeError, ValueError):
        return None


def table_of(name: str, data: Any) -> Array:
    """Outputs or targets as an array of T rows; numbers are rows of one.

    Raises:
        ValueError: if they are not of one length, at least 1, or not numbers.
        TypeError: if they are no data set.
    """
    table = numeric(name, data, "a class number c of K becomes a row of K by nn.one_hot(c, K)")
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(
            f"{name} are numbers, or rows of one length K, at least 1; got an array of shape "
            f"{table.shape}"
        )
    return table
