"""Instances: the inputs and targets of a data set, as a model is given them and as rows of a batch.

What the risk and ``predict`` ask of a data set: that it is one, how the numbers of an instance are
nested, which of them differ most, and in which one an error arose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd import LoweringError, Value
from autograd.text import got, real


def check_data(X: Sequence[Any], D: Sequence[Any]) -> None:
    """Refuse a data set that is empty or has inputs without targets."""
    for name, data in (("X", X), ("D", D)):
        if not hasattr(data, "__len__"):
            raise TypeError(
                f"{name} must be a list with one entry for each instance, got {got(data)}"
            )
    if len(X) != len(D):
        raise ValueError(
            f"expected one target for each input, got {len(X)} inputs and {len(D)} targets"
        )
    if len(X) == 0:
        raise ValueError("expected one instance at least, got an empty data set")


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
            f"that depends on it with autograd.where"
        ) from error
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError):  # which may be made in another way
            raise
        raise type(error)(f"{what} {i}: {error}") from error


class Layout:
    """How the numbers of an instance are nested, so that they can be a row of a batch."""

    def __init__(self, name: str, example: Any) -> None:
        self.name = name
        self.shape = np.shape(plain(example))
        self.size = int(np.prod(self.shape, dtype=int))

    def rows(self, examples: Sequence[Any], of: str = "") -> Any:
        """The instances, T x size; ``of`` is what errors put before the name of the data.

        Raises:
            ValueError: if one has another shape than the first, or is not made of numbers.
        """
        plains = [plain(example) for example in examples]
        try:
            table = np.array(plains)
            if table.dtype.kind in "fiu" and table.shape[1:] == self.shape:
                return table.reshape(len(plains), self.size).astype(np.float64)
        except ValueError:
            pass
        return np.array([self._row(of, i, example) for i, example in enumerate(plains)])

    def _row(self, of: str, i: int, example: Any) -> list[float]:
        """One instance, looked at closely."""
        try:
            array = np.array(example, dtype=object)
            row = [real(number) for number in array.reshape(-1)]
        except (ValueError, TypeError) as error:
            raise ValueError(f"{of}{self.name}[{i}] is not made of numbers: {error}") from None
        if array.shape != self.shape:
            raise ValueError(
                f"{of}{self.name}[{i}] has the shape {array.shape}, but the instance that was "
                f"recorded has {self.shape}; one recording serves instances of one shape only"
            )
        return row

    def values(self, numbers: Sequence[float], label: str) -> tuple[Any, list[Value]]:
        """An instance made of Values: nested as it was, and in one list."""
        if not self.shape:
            value = Value(numbers[0], label)
            return value, [value]
        leaves = [Value(number, f"{label}[{i}]") for i, number in enumerate(numbers)]
        return np.array([*leaves, None], dtype=object)[:-1].reshape(self.shape).tolist(), leaves


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


def not_lowered(reason: str) -> LoweringError:
    """What to raise where a model does not compute all instances by one formula."""
    return LoweringError(
        f"the model cannot become an array program, as {reason}; write choices that depend on "
        f"data with autograd.where or autograd.maximum, keep .data out of the model, or take "
        f"engine='python'"
    )
