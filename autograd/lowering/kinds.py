"""Kinds of nodes, and a graph as tables of groups that are each of one kind."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.table import EVERY
from .graph import Line

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

    def __iter__(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        return zip(self.names, self.arguments)


class Functions:
    """The functions that tables call, each for one row or for several.

    Attributes:
        forward: what the function is called that computes nodes of a kind.
        backward: what the function is called that reports to their operands.
    """

    def __init__(self) -> None:
        self.forward: dict[tuple[Kind, bool], str] = {}
        self.backward: dict[tuple[Kind, bool], str] = {}

    def compute(self, kind: Kind, one: bool) -> str:
        """The function that computes nodes; to which operands they report makes no difference."""
        return self._name(self.forward, (kind._replace(wanted=()), one), kind.name)

    def report(self, kind: Kind, one: bool) -> str:
        """The function that reports to the operands."""
        return self._name(self.backward, (kind, one), f"d_{kind.name}")

    @staticmethod
    def _name(known: dict[tuple[Kind, bool], str], key: tuple[Kind, bool], name: str) -> str:
        found = known.get(key)
        if found is None:
            found = known[key] = f"{name}_{len(known) + 1}"
        return found


@dataclass
class Plan:
    """A graph as tables.

    Attributes:
        functions: what the tables call.
        sizes: how many rows ``rows``, ``single``, ``d_rows`` and ``d_single`` have.
        numbers: what ``single`` starts with; the parameters come first.
        inputs: the rows of the inputs.
        single: how to compute what does not vary.
        rows: how to compute what does.
        d_rows: how to compute the derivatives of what varies.
        d_single: how to compute the others.
        values: for each root whether it varies, and its row.
        wanted: the same for the outputs that are wanted for each instance.
        places: for each report to a parameter its place among the results.
        entries: the same reports as entries of ``d_single``.
        summed: how many entries of ``d_single``, the first, are sums over the batch. The next, and
            row 0 of ``d_rows``, are 1: the derivative of a root by itself.
    """

    functions: Functions
    sizes: tuple[int, int, int, int]
    numbers: NDArray[np.float64]
    inputs: Indices
    single: Table
    rows: Table
    d_rows: Table
    d_single: Table
    values: list[tuple[bool, int]]
    wanted: list[tuple[bool, int]]
    places: Indices
    entries: Indices
    summed: int

    def describe(self) -> list[Line]:
        """A line for each function, those for most nodes first."""
        found: dict[str, list[int]] = {}
        for table in (self.single, self.rows, self.d_rows, self.d_single):
            for name, (rows, *_) in table:
                entry = found.setdefault(name, [0, 0])
                entry[0] += (
                    1
                    if isinstance(rows, int)
                    else rows.stop - rows.start
                    if isinstance(rows, slice)
                    else len(rows)
                )
                entry[1] += 1
        lines = [Line("every step", name, n, calls, "") for name, (n, calls) in found.items()]
        return sorted(lines, key=lambda line: -line.nodes)
