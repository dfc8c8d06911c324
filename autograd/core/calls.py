"""Calls of a user's function by a tool, and which Values of a graph are the function's own.

What a function closes over was there before it was called, and is part of the graph: derivatives
pass through it. Everything else are the variables that the tool hands in, and the leaves that are
made while the function runs. A ``Call`` is open meanwhile and takes note of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .observers import Block


class Call(Block):
    """A block in which a tool calls a function of Values.

    Args:
        variables: the Values that the function is handed.
        forgets: whether nothing but plain numbers can come out of the tool: then the leaves are no
            matter for a call further out.
    """

    __slots__ = ("forgets", "made", "variables")

    def __init__(self, variables: Sequence[Any], forgets: bool = False) -> None:
        self.variables = variables
        self.forgets = forgets
        self.made: list[Any] = []

    def foreign(self, nodes: Iterable[Any]) -> list[Any]:
        """The leaves among some nodes that were there before, in their order."""
        leaves = [node for node in nodes if node.op is None]
        if not leaves:
            return []
        own = {*self.variables, *self.made}
        return [leaf for leaf in leaves if leaf not in own]


def note(leaf: Any) -> None:
    """Take note of a new leaf for the calls that are running in this thread or task."""
    for call in reversed(Call.here()):
        call.made.append(leaf)
        if call.forgets:
            break


def varied() -> set[Any]:
    """The variables of every call that is running in this thread or task."""
    return {variable for call in Call.here() for variable in call.variables}
