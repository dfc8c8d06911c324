"""Calls of a user's function by a tool, and which Values of a graph are the function's own.

What a function closes over was there before it was called, and is part of the graph: derivatives
pass through it. Everything else are the variables that the tool hands in, and the leaves that are
made while the function runs. A ``Call`` is open meanwhile and takes note of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar, Token
from typing import Any

# Of all threads, so that where nobody calls a new leaf costs no more than to see that.
open_calls: set[Call] = set()


class Call:
    """A block in which a tool calls a function of Values.

    Like the blocks of ``observers`` it belongs to the thread or asyncio task that opened it.

    Args:
        variables: the Values that the function is handed.
        forgets: whether nothing but plain numbers can come out of the tool: then the leaves are no
            matter for a call further out.
    """

    __slots__ = ("_forgets", "_made", "_opened", "_outer", "variables")

    def __init__(self, variables: Sequence[Any], forgets: bool = False) -> None:
        self.variables = variables
        self._made: list[Any] = []
        self._forgets = forgets

    def __enter__(self) -> Call:
        self._outer = _innermost.get()
        self._opened: Token[Call | None] = _innermost.set(self)
        open_calls.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        open_calls.discard(self)
        _innermost.reset(self._opened)
        if self._outer is not None and not self._forgets:
            self._outer._made += self._made

    def foreign(self, nodes: Iterable[Any]) -> list[Any]:
        """The leaves among some nodes that were there before, in their order."""
        leaves = [node for node in nodes if node.op is None]
        if not leaves:
            return []
        own = {*self.variables, *self._made}
        return [leaf for leaf in leaves if leaf not in own]


_innermost: ContextVar[Call | None] = ContextVar("call", default=None)


def note(leaf: Any) -> None:
    """Take note of a new leaf for the call that is running in this thread or task, if one is."""
    call = _innermost.get()
    if call is not None:
        call._made.append(leaf)


def varied() -> set[Any]:
    """The variables of every call that is running in this thread or task."""
    found: set[Any] = set()
    call = _innermost.get()
    while call is not None:
        found.update(call.variables)
        call = call._outer
    return found
