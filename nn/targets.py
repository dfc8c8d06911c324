"""Targets for classifiers, and how often a classifier is right.

Class labels go in and target vectors d come out, for the divergences; outputs and targets go in
and the accuracy or the confusion matrix comes out, for people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import inf
from typing import TypeAlias

from autograd import Value
from autograd.text import got, number_within, whole_number

from .instances import as_floats

Number: TypeAlias = "Value | float"
Output: TypeAlias = "Number | Sequence[Number]"
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
    c = whole_number("one_hot(c, K): c", c, 0, K - 1, advice=_CLASS)
    return [1.0 if i == c else 0.0 for i in range(K)]


def smooth_labels(d: Sequence[float], epsilon: float) -> list[float]:
    """A one-hot target softened: 1 - (K - 1) epsilon in its place c, epsilon elsewhere (lecture:
    "Label smoothing").

    Args:
        d: a one-hot vector of length K.
        epsilon: in [0, 1/K], so that c stays the largest.

    Returns:
        K floats that sum to 1.

    Raises:
        ValueError: if d is not one-hot, or epsilon is out of range.
        TypeError: if d is no list, or epsilon no number.
    """
    if not hasattr(d, "__len__"):
        raise TypeError(
            f"smooth_labels() takes a one-hot vector, got {got(d)}; make it with one_hot(c, K)"
        )
    epsilon = number_within("smooth_labels(d, epsilon): epsilon", epsilon, 0.0, inf)
    K = len(d)
    if sorted(d) != [0.0] * (K - 1) + [1.0]:
        raise ValueError(
            f"smooth_labels() takes a one-hot vector, a single 1 among zeros, got {list(d)!r}; "
            f"make it with one_hot(c, K)"
        )
    if epsilon > 1.0 / K:
        raise ValueError(
            f"smooth_labels(d, epsilon): epsilon must be in [0, 1/K] = [0, {1.0 / K:g}], "
            f"got {epsilon!r}"
        )
    return [1.0 - (K - 1) * epsilon if d_i == 1.0 else epsilon for d_i in d]


def accuracy(outputs: Sequence[Output], targets: Sequence[Output], threshold: float = 0.5) -> float:
    """The share of instances whose class is right, from 0 to 1.

    The class of a vector of K >= 2 is its largest entry, the first of equals. The class of a
    single number is 1 if it is at least the threshold: 0.5 for a probability, 0 for a logit.
    An output with a nan has no class, and is wrong.

    Args:
        outputs: T outputs, each a number or a list of K; Values or floats.
        targets: T targets of the same form; of single numbers the class is 1 from 0.5 up.
        threshold: see above.

    Raises:
        ValueError: if there are none, not as many outputs as targets, or not of one length K.
    """
    pairs = _classes(outputs, targets, threshold)
    return sum(found == right and found is not None for found, right in pairs) / len(pairs)


def confusion_matrix(
    outputs: Sequence[Output], targets: Sequence[Output], threshold: float = 0.5
) -> list[list[int]]:
    """How often an instance of class r (row) was found to be of class c (column).

    The arguments, and what is raised, are those of ``accuracy``.

    Returns:
        K lists of K counts; the diagonal counts what is right. K is 2 for single numbers.

    Raises:
        ValueError: also if an output or target has a nan, and so no class.
    """
    pairs = _classes(outputs, targets, threshold)
    K = max(2, len(as_floats(targets[0])))
    counts = [[0] * K for _ in range(K)]
    for i, (found, right) in enumerate(pairs):
        if found is None or right is None:
            what = "output" if found is None else "target"
            raise ValueError(f"the {what} of instance {i} has a nan, and so no class")
        counts[right][found] += 1
    return counts


def _classes(
    outputs: Sequence[Output], targets: Sequence[Output], threshold: float
) -> list[tuple[int | None, int | None]]:
    if len(outputs) != len(targets) or not len(outputs):
        raise ValueError(
            f"expected one output and one target for each instance, and one instance at least, "
            f"got {len(outputs)} outputs and {len(targets)} targets"
        )
    K = len(as_floats(targets[0]))
    pairs = []
    for i, (output, target) in enumerate(zip(outputs, targets)):
        y, d = as_floats(output), as_floats(target)
        if len(y) != len(d):
            raise ValueError(
                f"instance {i} has {len(y)} outputs and {len(d)} targets; a class label c becomes "
                f"a target by one_hot(c, {len(y)})"
            )
        if len(y) != K or K == 0:
            raise ValueError(
                f"expected outputs of one length K, at least 1, got {K} entries in instance 0 and "
                f"{len(y)} in instance {i}"
            )
        pairs.append((_class(y, threshold), _class(d, 0.5)))
    return pairs


def _class(vector: list[float], threshold: float) -> int | None:
    if any(map(math.isnan, vector)):
        return None
    if len(vector) == 1:
        return int(vector[0] >= threshold)
    return max(range(len(vector)), key=vector.__getitem__)
