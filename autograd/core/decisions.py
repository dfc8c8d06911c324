"""Decisions: where numbers leave a graph while it is recorded for an array program.

A program computes what was recorded, for all inputs and parameters. That is right unless Python has
decided by their numbers what to record: by a comparison, the truth of a Value, its ``data``. A
``Watch`` is open while the library records, and notices the first of these, with the line of code.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterable
from contextvars import ContextVar, Token
from typing import Any

from ..text import shortened
from .origin import user_frame

LONGEST_LINE = 60  # characters of a line of code that a message shows

# Of all threads, so that where nobody watches a comparison costs no more than to see that.
open_watches: set[Watch] = set()


class Watch:
    """A block in which numbers that depend on some leaves are noticed as they leave the graph.

    Like the blocks of ``observers`` it belongs to the thread or asyncio task that opened it.

    Args:
        leaves: Values, such as the inputs and the parameters of a model.

    Attributes:
        found: what the first decision was and which line made it, such as
            ``compares a Value (model.py:12: if x > 0.0:)``; empty as long as there was none.
    """

    def __init__(self, leaves: Iterable[Any]) -> None:
        self.found = ""
        self._leaves = set(leaves)
        self._fixed: set[Any] = set()  # nodes that do not depend on them

    def __enter__(self) -> Watch:
        self._opened: Token[tuple[Watch, ...]] = _inherited.set((*_inherited.get(), self))
        open_watches.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        open_watches.discard(self)
        _inherited.reset(self._opened)

    def notice(self, what: str, values: Iterable[Any]) -> None:
        """Note what is done with some Values, if that is the first decision."""
        if not self.found and any(map(self._depends, values)):
            self.found = f"{what} ({_line()})"

    def _depends(self, value: Any) -> bool:
        """Whether a Value depends on one of the leaves."""
        waiting = [value]
        while waiting:
            node = waiting.pop()
            if node in self._leaves:
                return True
            if node not in self._fixed:  # else what is below it has been looked at
                self._fixed.add(node)
                waiting += [x for x in node.operands if type(x) is not float]
        return False


_inherited: ContextVar[tuple[Watch, ...]] = ContextVar("watches", default=())


def decided(what: str, *operands: Any) -> None:
    """Tell the watches of this thread or task what is done with the numbers of some Values."""
    values = [x for x in operands if hasattr(x, "operands")]  # else it is a plain number
    for watch in _inherited.get():
        if watch in open_watches:
            watch.notice(what, values)


def _line() -> str:
    """The user's line that is running: its file, its number and its code."""
    frame = user_frame(sys._getframe(1))
    file, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, number, frame.f_globals).strip()
    place = f"{os.path.basename(file)}:{number}"
    return f"{place}: {shortened(code, LONGEST_LINE)}" if code else place
