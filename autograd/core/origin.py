"""Where nodes come from: the line of code that made one, and the group that it was made in.

Neither is recorded unless somebody asks, so that the engine pays for it with one test a node.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import CodeType, FrameType
from typing import Any, NamedTuple

from .observers import Observer

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
        """The file's own name and the line, such as ``demo.py:12``; "" if not recorded.

        Of a notebook it is the cell, such as ``In[3]:2``, as long as its kernel runs.
        """
        if not self.file:
            return ""
        return f"{_cell(self.file) or os.path.basename(self.file)}:{self.line}"


def _cell(file: str) -> str:
    """What IPython calls a cell that it has written to a file; empty for any other file."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    known = name(file) if name is not None else None
    return str(known[1]).replace("In [", "In[") if known else ""


_groups: ContextVar[str] = ContextVar("groups", default="")


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
    _groups.set(f"{outer}.{name}" if outer else name)
    try:
        with Observer(_note_group):
            yield
    finally:
        _groups.set(outer)


@contextmanager
def record_source() -> Iterator[None]:
    """Note for every node that is made within the block which line of code made it.

    ``v.origin.source`` is then such as ``demo.py:12``: the innermost line that belongs neither to
    autograd nor to nn.
    """
    with Observer(_note_source):
        yield


def _note_group(node: Any) -> None:
    if node.origin is None:  # otherwise its line has been noted, and its group with it
        node.origin = Origin(_groups.get())


# To find the number of a line takes as long as to make a node, and a place makes many nodes, so the
# origins are kept by place and group. The code is held for as long as its id stands for it.
_noted: dict[tuple[int, int, str], tuple[Origin, CodeType]] = {}
NOTED_AT_MOST = 10_000


def _note_source(node: Any) -> None:
    if node.origin is not None and node.origin.file:  # by a block further out
        return
    # Below are announce and _record or __init__; an operation's own method is passed over as well.
    frame = user_frame(sys._getframe(3 if node.op is None else 4))
    code = frame.f_code
    place = id(code), frame.f_lasti, _groups.get()
    noted = _noted.get(place)
    if noted is None:
        if len(_noted) >= NOTED_AT_MOST:
            _noted.clear()
        noted = _noted[place] = Origin(place[-1], code.co_filename, frame.f_lineno), code
    node.origin = noted[0]


def user_frame(frame: FrameType) -> FrameType:
    """The frame itself or the innermost around it that belongs to neither package."""
    ours = _modules
    try:
        while (name := frame.f_globals["__name__"]) in ours or is_ours(name):
            outer = frame.f_back
            if outer is None:
                break
            frame = outer
    except KeyError:  # somebody runs code in a namespace without a name
        pass
    return frame


@cache
def is_ours(module: str) -> bool:
    """Whether a module is one of autograd or nn."""
    if module.partition(".")[0] not in PACKAGES:
        return False
    _modules.add(module)
    return True


_modules: set[str] = set()  # those of the packages that have been met, to be quick in passing over
