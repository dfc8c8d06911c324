"""Where nodes come from: the line of code that made one, and the group that it was made in.

Neither is recorded unless somebody asks, so that the engine pays for it with one test a node.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from .value import Value, observing

# Frames of these packages are passed over: the line wanted is the user's.
PACKAGES = frozenset({"autograd", "nn"})


class Origin(NamedTuple):
    """Where a node was made.

    Attributes:
        group: the names of the groups around it, outermost first, joined by dots; or "".
        file: the path of the source file, as Python knows it; "" where it was not recorded.
        line: the line in that file, from 1; 0 where it was not recorded.
    """

    group: str = ""
    file: str = ""
    line: int = 0

    @property
    def source(self) -> str:
        """The file's own name and the line, such as ``demo.py:12``; "" if not recorded."""
        return f"{os.path.basename(self.file)}:{self.line}" if self.file else ""


_groups: ContextVar[str] = ContextVar("groups", default="")
_sources_wanted: ContextVar[bool] = ContextVar("sources_wanted", default=False)


@contextmanager
def group(name: str) -> Iterator[None]:
    """Put every node that is made within the block into a group, for pictures to draw as one.

    Groups nest: within ``group("attention")``, ``group("head0")`` is ``attention.head0``.

    Args:
        name: not empty.

    Raises:
        TypeError: if ``name`` is no string.
        ValueError: if it is empty.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"group(name): expected a str, got {name!r} of type {type(name).__name__}; "
            f"write for example group('attention')"
        )
    if not name:
        raise ValueError("group(name): got an empty name; write for example group('attention')")
    outer = _groups.get()
    token = _groups.set(f"{outer}.{name}" if outer else name)
    try:
        with observing(_stamp):
            yield
    finally:
        _groups.reset(token)


@contextmanager
def record_source() -> Iterator[None]:
    """Note for every node that is made within the block which line of code made it.

    ``v.origin.source`` is then such as ``demo.py:12``: the innermost line that belongs neither to
    autograd nor to nn.
    """
    token = _sources_wanted.set(True)
    try:
        with observing(_stamp):
            yield
    finally:
        _sources_wanted.reset(token)


def _stamp(node: Value) -> None:
    file, line = _user_line() if _sources_wanted.get() else ("", 0)
    # As Origin(...) would, in half of the time: this is done for every node.
    node.origin = _new_tuple(Origin, (_groups.get(), file, line))


_new_tuple = tuple.__new__


class _PassedOver(dict[str, bool]):
    """Whether a module belongs to the packages, by its name."""

    def __missing__(self, name: str) -> bool:
        ours = self[name] = name.partition(".")[0] in PACKAGES
        return ours


_passed_over = _PassedOver()


def _user_line() -> tuple[str, int]:
    known = _passed_over
    frame = sys._getframe(4)  # of who made the node: below are _record, _report and _stamp
    while known[frame.f_globals.get("__name__", "")] and (outer := frame.f_back) is not None:
        frame = outer
    return frame.f_code.co_filename, frame.f_lineno
