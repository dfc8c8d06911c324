"""Kinds of nodes, and tables of calls, each for a group of nodes of one kind."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...core.table import EVERY

Indices: TypeAlias = NDArray[np.intp]
LIFT = "lift"
# Exponents with a simpler rule than the general one; others are numbers like all constants.
EXPONENTS = frozenset({-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0})


@functools.cache
def is_variadic(name: str) -> bool:
    """Whether an operation takes any number of operands."""
    return name != LIFT and EVERY[name].arity is None


@functools.cache
def passes(name: str) -> tuple[bool, ...]:
    """For each operand of an operation whether a derivative passes to it; one for any number."""
    return (True,) if name == LIFT else tuple([p.passes for p in EVERY[name].partials])


class Kind(NamedTuple):
    """What nodes of one group have in common.

    Attributes:
        name: the operation, or ``LIFT``, which makes a row of a single number.
        varies: whether the node does.
        operands: whether each operand varies; a single entry where there may be any number.
        wanted: for each of them whether a derivative is to be reported to it.
        exponent: of a power, if it is one of ``EXPONENTS``.
    """

    name: str
    varies: bool
    operands: tuple[bool, ...]
    wanted: tuple[bool, ...]
    exponent: float | None

    @property
    def variadic(self) -> bool:
        """Whether there may be any number of operands."""
        return is_variadic(self.name)

    def rule(self, place: int) -> Any:
        """The partial with respect to an operand: a rule, a number, or None."""
        return 1.0 if self.name == LIFT else EVERY[self.name].rules[place]

    def passes_on(self, place: int) -> bool:
        """Whether what is reported to an operand is the node's own derivative."""
        return self.rule(place) == 1.0 and self.operands[place] == self.varies

    def reported(self) -> list[int]:
        """The places of the operands whose reports have to be computed."""
        return [p for p, wanted in enumerate(self.wanted) if wanted and not self.passes_on(p)]


@dataclass
class Table:
    """Calls to make in this order: a function's name, and the rows to call it on.

    The rows of an argument are a number, a slice or an array of numbers.
    """

    names: list[str] = field(default_factory=list)
    arguments: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, name: str, *arguments: Any) -> None:
        """Append a call."""
        self.names.append(name)
        self.arguments.append(arguments)

    def nodes(self) -> Iterator[tuple[str, int]]:
        """For each call its function, and how many nodes it computes."""
        for name, (rows, *_) in zip(self.names, self.arguments):
            if isinstance(rows, slice):
                yield name, rows.stop - rows.start
            else:
                yield name, 1 if isinstance(rows, int) else len(rows)


class Functions(dict[tuple[Kind, bool, str], str]):
    """What the functions are called that tables call, by the kind, whether for one row, and what.

    That is ``""`` for what computes nodes, or ``"d_"`` for what reports to their operands.
    """

    def compute(self, kind: Kind, one: bool) -> str:
        """The function that computes nodes; to which operands they report makes no difference."""
        return self[kind._replace(wanted=()), one, ""]

    def report(self, kind: Kind, one: bool) -> str:
        """The function that reports to the operands."""
        return self[kind, one, "d_"]

    def __missing__(self, key: tuple[Kind, bool, str]) -> str:
        kind, _, what = key
        name = self[key] = f"{what}{kind.name.replace('~', '_')}_{len(self) + 1}"
        return name
