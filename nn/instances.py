"""Instances: the inputs and targets of a data set, as a model is given them and as rows of a batch.

What the risk and ``predict`` ask of a data set: that it is one, how the numbers of an instance are
nested, which of them differ most, and in which one an error arose.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd import LoweringError, Value
from autograd.core.decisions import REMEDY, decided
from autograd.data import instances, of_shape, shape_of

_BY_VALUES = "; engine='python' takes instances of any kind that the model takes"
_CHANGEABLE = frozenset((list, tuple, dict, np.ndarray))  # or holds what is
_SHORT = 16  # entries that are all looked at
_RECORDED = "the instance that was recorded"
_ONE_SHAPE = "one recording serves instances of one shape only"


def data_set(X: Any, D: Any) -> tuple[Sequence[Any], Sequence[Any]]:
    """Inputs and targets by position, whatever they came in; see ``autograd.data``.

    Raises:
        TypeError: if one of them is no data set.
        ValueError: if there are none, or inputs without targets.
    """
    counted = [hasattr(data, "__len__") for data in (X, D)]
    if counted == [True, False]:
        X = instances("X", X)
        D = instances("D", _at_most(len(X) + 1, D))  # lest it should have no end
    else:
        D = instances("D", D)
        X = instances("X", X if counted[0] else _at_most(len(D) + 1, X))
    if len(X) != len(D):
        more = ["" if known else "at least " for known in counted]
        raise ValueError(
            f"expected one target for each input, got {more[0]}{len(X)} inputs and "
            f"{more[1]}{len(D)} targets"
        )
    if len(X) == 0:
        raise ValueError("expected one instance at least, got an empty data set")
    return X, D


def _at_most(count: int, data: Any) -> Any:
    return itertools.islice(data, count) if hasattr(data, "__iter__") else data


@contextmanager
def named(what: str, i: int) -> Iterator[None]:
    """A block whose ValueErrors and TypeErrors name the instance that they come from.

    What asks a number for something that only Values have is a TypeError as well.
    """
    try:
        yield
    except AttributeError as error:
        if not (isinstance(error.obj, (int, float)) and hasattr(Value, str(error.name))):
            raise
        raise TypeError(
            f"{what} {i}: the model or the divergence asks the plain number {error.obj!r} for "
            f".{error.name}, which only Values have; inputs and targets come as they stand in the "
            f"data: use the number itself, or autograd's functions; and for arrays, write a choice "
            f"that depends on it with autograd.where and autograd.less"
        ) from error
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError):  # which may be made in another way
            raise
        raise type(error)(f"{what} {i}: {error}") from error


class Layout:
    """How the numbers of an instance are nested, so that they can be a row of a batch.

    Args:
        name: what the caller calls the data.
        example: an instance.
        by_values: whether the caller can do without, so that errors advise engine='python'.
    """

    def __init__(self, name: str, example: Any, by_values: bool = True) -> None:
        self.name = name
        self._otherwise = _BY_VALUES if by_values else ""
        self.shape = shape_of(f"{name}[0]", example)
        self.size = math.prod(self.shape)

    def rows(self, examples: Sequence[Any], of: str = "") -> Any:
        """The instances, T x size; ``of`` is what errors put before the name of the data.

        Raises:
            ValueError: if one has another shape than the first, or is not made of numbers.
        """
        name = f"{of}{self.name}"
        uniform = _ONE_SHAPE + self._otherwise
        table = of_shape(name, examples, self.shape, _RECORDED, uniform, self._otherwise)
        return table.reshape(len(examples), self.size)

    def values(self, numbers: Sequence[float], label: str) -> tuple[Any, list[Value]]:
        """An instance made of Values: nested as it was, and in one list."""
        if not self.shape:
            value = Datum(numbers[0], label)
            return value, [value]
        leaves: list[Value] = [Datum(number, f"{label}[{i}]") for i, number in enumerate(numbers)]
        return np.array([*leaves, None], dtype=object)[:-1].reshape(self.shape).tolist(), leaves


class Datum(Value):
    """A number of an instance while that is recorded.

    A model is otherwise given it as a plain number, so ``==`` is meant for the number and decides
    by it. It is still equal to itself alone, as Values are.
    """

    __slots__ = ()


def _equals(self: Datum, other: object) -> bool:
    if other is not None:
        decided("compares a Value", self)
    return self is other


Datum.__eq__ = _equals  # type: ignore[method-assign, assignment]


def own(example: Any) -> Any:
    """An instance that may be changed by who is given it: what can be changed of it is a copy."""
    kind = type(example)
    if kind not in _CHANGEABLE:
        return example
    if kind is np.ndarray:
        return example.copy()
    if kind is dict:
        return {name: own(x) for name, x in example.items()}
    # To look at each of many numbers would take a tenth of the time of a neuron.
    some = example if len(example) <= _SHORT else (example[0], example[-1])
    copied = example[:] if _CHANGEABLE.isdisjoint(map(type, some)) else map(own, example)
    return copied if type(copied) is kind else kind(copied)


def plain(example: Any) -> Any:
    """An instance with numbers in place of Values."""
    if isinstance(example, Value):
        return example.data
    return [plain(x) for x in example] if isinstance(example, (list, tuple)) else example


def as_floats(output: Any) -> list[float]:
    """One output as a list of plain numbers."""
    entries = output if hasattr(output, "__iter__") else [output]
    return [y.data if isinstance(y, Value) else float(y) for y in entries]


def as_values(output: Any) -> list[Value]:
    """One output as a list of Values."""
    entries = output if hasattr(output, "__iter__") else [output]
    return [y if isinstance(y, Value) else Value(y) for y in entries]


def not_lowered(reason: str, by_values: bool = True) -> LoweringError:
    """What to raise where a model does not compute all instances by one formula.

    Args:
        reason: what it does instead.
        by_values: whether the caller can do without, and so advises engine='python'.
    """
    what, otherwise = "one graph for all instances", ""
    if by_values:
        what, otherwise = "an array program", ", or take engine='python'"
    return LoweringError(f"the model cannot become {what}, as {reason}; {REMEDY}{otherwise}")
