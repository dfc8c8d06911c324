"""Decisions: where numbers leave a graph while it is recorded for an array program.

A program computes what was recorded, for all inputs and parameters. That is right unless Python has
decided by their numbers what to record: by a comparison, the truth of a Value, its data or text. A
``Watch`` is open while the library records, and notices the first of these, with the line of code.
"""

from __future__ import annotations

import linecache
import os
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from ..text import shortened
from .observers import Block
from .origin import is_ours, user_frame

LONGEST_LINE = 60  # characters of a line of code that a message shows

REMEDY = (
    "write a choice that depends on numbers with autograd.where, as in where(less(x, y), a, b), "
    "autograd.maximum or autograd.minimum, and compute with the Values and not with their .data"
)


class Watch(Block):
    """A block in which numbers that depend on some leaves are noticed as they leave the graph.

    Args:
        leaves: Values, such as the inputs and the parameters of a model.

    Attributes:
        found: what the first decision was and which line made it, such as ``compares a Value that
            depends on an input or a parameter (model.py:12: if x > 0.0:)``; empty as long as there
            was none.
    """

    def __init__(self, leaves: Iterable[Any]) -> None:
        self.found = ""
        self._leaves = set(leaves)
        self._fixed: set[Any] = set()  # nodes that do not depend on them

    def notice(self, what: str, values: Iterable[Any]) -> None:
        """Note what is done with some Values, if that is the first decision."""
        if not self.found and any(map(self._depends, values)):
            self.found = f"{what} that depends on an input or a parameter ({_line()})"

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


def decided(what: str, *operands: Any) -> None:
    """Tell the watches of this thread or task what is done with the numbers of some Values."""
    values = [x for x in operands if hasattr(x, "operands")]  # else it is a plain number
    for watch in Watch.here():
        watch.notice(what, values)


def taken(what: str, value: Any) -> None:
    """Tell the watches what takes the number of a Value, unless autograd or nn does so itself."""
    if not is_ours(sys._getframe(2).f_globals.get("__name__", "")):
        decided(what, value)


def warn(message: str) -> None:
    """Warn of something, at the line of the user's that is running."""
    level, frame = 2, sys._getframe(1)
    outside = user_frame(frame)
    while frame is not outside and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _line() -> str:
    """The user's line that is running: its file, its number and its code."""
    frame = user_frame(sys._getframe(1))
    while frame.f_globals.get("__name__", "").startswith("numpy.") and frame.f_back is not None:
        frame = frame.f_back  # as of np.sort, which compares as it is told to
    file, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, number, frame.f_globals).strip()
    place = f"{os.path.basename(file)}:{number}"
    return f"{place}: {shortened(code, LONGEST_LINE)}" if code else place
