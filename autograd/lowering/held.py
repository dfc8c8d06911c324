"""Whether the Values that a program was made of still hold what it computes with.

A program has parameters of its own, and the numbers of all other leaves as constants. Whoever
assigns to a Value and calls the program would get numbers of before, and nothing would say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core import Value, stale
from ..core.stale import same
from ..text import escape


class Held:
    """The numbers of the leaves of a graph as they were when a program was made of it.

    Args:
        wrt: leaves of which the program has its own numbers, its parameters.
        others: the nodes of the graph but for these, and but for those that have a number for each
            instance, whatever they hold.

    Attributes:
        numbers: what those of ``wrt`` held when they and the parameters were last the same.
        constants: what the other leaves held when the program was made.
    """

    def __init__(self, wrt: Sequence[Value], others: Iterable[Value]) -> None:
        self._wrt, self._seen = wrt, stale.now
        self.numbers = [value.data for value in wrt]
        self.constants = {node: node.data for node in others if node.op is None}

    def departed(self, parameters: Iterable[float]) -> str:
        """Which Value was assigned what the program does not compute with; "" for none."""
        if self._seen == stale.now:
            return ""
        seen, holds = stale.now, [value.data for value in self._wrt]
        for i, (x, known, parameter) in enumerate(zip(holds, self.numbers, parameters)):
            if not (same(x, known) or same(x, parameter)):
                return (
                    f"{escape(self._wrt[i].label) or f'wrt[{i}]'} was assigned {x!r}, and the "
                    f"program computes with {float(parameter)!r}, its parameters[{i}]"
                )
        for leaf, number in self.constants.items():
            if not same(leaf.data, number):
                return (
                    f"{escape(leaf.label) or 'a leaf that is neither in inputs nor in wrt'} was "
                    f"assigned {leaf.data!r}, and the program has {number!r} as a constant there"
                )
        self._seen, self.numbers = seen, holds
        return ""

    def write_back(self, parameters: Sequence[float]) -> None:
        """Put the parameters into the leaves of ``wrt``."""
        self.numbers = list(parameters)
        for value, number in zip(self._wrt, self.numbers):
            value.data = number
