"""What is done to data before training: some are set aside, and inputs are brought to one scale.

A data set in any container that ``fit`` takes goes in. What is set aside keeps its kind where that
is a list or an array; what is standardized comes out as lists of floats.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.data import instances, nested, numeric
from autograd.text import counted, number_within, real, whole_number


def train_test_split(
    *data: Any, test: float = 0.2, seed: int = 0, stratify: Any = None
) -> list[Any]:
    """Divide data at random into what to train on and what to test on.

    Args:
        data: data sets of T instances each that belong together, such as X, D.
        test: the share of the instances to test on, between 0 and 1, rounded up; or how many, an
            int of at least 1.
        seed: of the order, which is shuffled; the same seed divides in the same way.
        stratify: T labels, of which both parts shall have the same shares; such as D.

    Returns:
        For each data set two, as scikit-learn orders them: ``X_train, X_test, D_train, D_test``.

    Raises:
        ValueError: if the data sets are of several lengths, a part would be empty, or a class has
            a single instance, or there are more classes than instances in a part.
        TypeError: if one is no data set.

    Example:
        >>> X_train, X_test = train_test_split([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> len(X_train), X_test
        (4, [3.0])
    """
    if not data:
        raise TypeError("train_test_split() takes one data set at least, such as X, D")
    kept = [_by_position(f"data set {i}", x) for i, x in enumerate(data, start=1)]
    size = len(kept[0])
    for i, x in enumerate(kept[1:], start=2):
        if len(x) != size:
            raise ValueError(
                f"expected as many instances in each data set, got {size} in the first and "
                f"{len(x)} in number {i}"
            )
    count = _test_size(test, size)
    generator = random.Random(whole_number("seed", seed, least=None))
    order = list(range(size))
    generator.shuffle(order)
    if stratify is None:
        chosen = set(order[:count])
    else:
        chosen = set(_stratified(order, _by_position("stratify", stratify), count))
    parts = [[i for i in order if i not in chosen], [i for i in order if i in chosen]]
    return [x[part] if isinstance(x, np.ndarray) else [x[i] for i in part]
            for x in kept for part in parts]  # fmt: skip


def _by_position(name: str, data: Any) -> Sequence[Any]:
    """A data set that can be indexed; texts and other things may be in it."""
    if isinstance(data, (list, tuple)) or (isinstance(data, np.ndarray) and data.ndim):
        return data  # type: ignore[return-value]
    return instances(name, data)


def _test_size(test: float, size: int) -> int:
    """How many of so many instances to test on."""
    if isinstance(test, (int, np.integer)) and not isinstance(test, bool):
        count = whole_number("test", test)
    else:
        share = number_within("test", test, 0.0, 1.0, "it is a share such as 0.2, or a count")
        # A share of 0.2 is a little more than a fifth in floats, and not one instance more.
        count = math.ceil(share * size - 1e-9)
    if not 0 < count < size:
        raise ValueError(
            f"test={test!r} of {counted(size, 'instance')} leaves {size - count} to train on and "
            f"{count} to test on; there has to be one in each at least"
        )
    return count


def _stratified(order: Sequence[int], labels: Sequence[Any], count: int) -> list[int]:
    """So many of the instances, of each label its share, in the order given."""
    if len(labels) != len(order):
        raise ValueError(f"stratify has {len(labels)} labels for {len(order)} instances")
    classes: dict[Any, list[int]] = defaultdict(list)
    for i in order:
        classes[_label(labels[i])].append(i)
    names = sorted(classes, key=str)  # which does not depend on the order
    for name in names:
        if len(classes[name]) < 2:
            raise ValueError(
                f"stratify has a single instance of {name!r}, which cannot be in both parts; leave "
                f"it out, or do without stratify"
            )
    if len(names) > min(count, len(order) - count):
        raise ValueError(
            f"stratify has {len(names)} classes, but one part has only "
            f"{counted(min(count, len(order) - count), 'instance')}; do without stratify"
        )
    # The whole part of each share, but one in each part; then what is furthest from its share.
    shares = {name: len(classes[name]) * count / len(order) for name in names}
    taken = {name: max(1, math.floor(share)) for name, share in shares.items()}
    while (missing := count - sum(taken.values())) != 0:
        step = 1 if missing > 0 else -1
        free = [x for x in names if 0 < taken[x] + step < len(classes[x])]
        taken[max(free, key=lambda x: step * (shares[x] - taken[x]))] += step
    return [i for name in names for i in classes[name][: taken[name]]]


def _label(label: Any) -> Any:
    """A label that can be looked up, also where it is a row."""
    return tuple(map(_label, label)) if nested(label) else label


@dataclass(frozen=True)
class Standardizer:
    """Inputs brought to mean 0 and standard deviation 1, column by column: (x - mean) / scale.

    Made by ``standardize`` from the data to train on; call it with these, and with all others that
    the model is to see. ``Standardizer(mean, scale)`` makes it again from its numbers, which
    ``Module.save(path, about=...)`` keeps.

    Attributes:
        mean: of each of the D columns.
        scale: the standard deviation of each; 1 of a column that is constant.
    """

    mean: list[float]
    scale: list[float]

    def __post_init__(self) -> None:
        for name in ("mean", "scale"):
            object.__setattr__(self, name, [real(x) for x in instances(name, getattr(self, name))])
        if len(self.mean) != len(self.scale) or not all(s > 0.0 for s in self.scale):
            raise ValueError(
                f"expected a mean and a scale greater than 0 for each column, got "
                f"{len(self.mean)} and {len(self.scale)}"
            )

    def __call__(self, X: Any) -> list[list[float]]:
        """T inputs of D numbers, standardized.

        Raises:
            ValueError: if they are of another length, or not of numbers.
            TypeError: if they are no data set.
        """
        return self._table(X, lambda table: (table - self.mean) / self.scale)

    def inverse(self, X: Any) -> list[list[float]]:
        """T standardized inputs as they were; what is raised is the same."""
        return self._table(X, lambda table: table * self.scale + self.mean)

    def _table(self, X: Any, change: Any) -> list[list[float]]:
        table = numeric("X", X)
        if table.ndim != 2 or table.shape[1] != len(self.mean):
            raise ValueError(
                f"expected inputs of {len(self.mean)} numbers each, as those that the mean is of, "
                f"got an array of shape {table.shape}"
            )
        changed: list[list[float]] = change(table).tolist()
        return changed


def standardize(X: Any) -> Standardizer:
    """What brings inputs to mean 0 and standard deviation 1, by those that are to be trained on.

    Args:
        X: T inputs of D finite numbers each, without those to test on.

    Raises:
        ValueError: if there are none, they are of several lengths, or one is not finite.
        TypeError: if they are no data set.

    Source: scikit-learn's ``StandardScaler`` (the deviation divides by T).

    Example:
        >>> scaler = standardize([[1.0, 5.0], [3.0, 5.0]])
        >>> scaler([[1.0, 5.0], [4.0, 6.0]])
        [[-1.0, 0.0], [2.0, 1.0]]
    """
    table = numeric("X", X)
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"standardize() takes T inputs of D numbers each, at least one, got "
            f"{'none' if not table.size else f'an array of shape {table.shape}'}; write [[x] for x "
            f"in X] for inputs of one number"
        )
    if not np.isfinite(table).all():
        i, j = np.argwhere(~np.isfinite(table))[0]
        raise ValueError(
            f"X[{i}][{j}] is {table[i, j]}: leave that instance out, or fill in a number"
        )
    # By a power of 2 the columns are made no larger than 1, so that no square is beyond floats.
    _, power = np.frexp(np.abs(table).max(axis=0))
    unit = np.ldexp(table, -power)
    constant = (table == table[0]).all(axis=0)
    mean = np.where(constant, table[0], np.ldexp(unit.mean(axis=0), power))
    scale = np.ldexp(unit.std(axis=0), power)
    return Standardizer(mean.tolist(), np.where(constant | (scale == 0.0), 1.0, scale).tolist())
