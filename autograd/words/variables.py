"""The names that a program has for the nodes of a graph: its variables, and what its lists hold.

A frame of the program goes in; what it calls each Value comes out, for ``Names`` to call those so
that have no label. Nothing is written into any node: the names belong to the view that asks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import FrameType

from ..core import Value

MOST = 100_000  # entries of lists that are looked at
DEEPEST = 3  # lists in lists


def variables_of(frame: FrameType) -> dict[Value, str]:
    """What a function calls its Values: ``w``, or ``ws[0]`` for one in a list or tuple.

    Local variables come before global ones, which they hide, and variables before entries. What
    begins with an underscore is nobody's name for anything.
    """
    variables = scope_of(frame)
    found: dict[Value, str] = {}
    for name, held in variables.items():
        if isinstance(held, Value):
            found.setdefault(held, name)
    for value, name in _entries(variables):
        found.setdefault(value, name)
    return found


def scope_of(frame: FrameType) -> dict[str, object]:
    """The variables that a function sees, the local ones first."""
    own = frame.f_locals
    scope = {**own, **frame.f_globals, **own}
    # Before Python 3.13 a function keeps this copy of its variables, and their graphs, while it
    # runs. If nobody else has it, nobody misses what is in it: it is made anew for who asks.
    if frame.f_code.co_flags & CO_OPTIMIZED and type(own) is dict and sys.getrefcount(own) <= 3:
        own.clear()
    return {name: held for name, held in scope.items() if _is_said(name)}


def _is_said(name: str) -> bool:
    """Whether somebody has written a name: Python and its tools have some of their own."""
    return name.isidentifier() and not name.startswith("_")


def _entries(variables: Mapping[str, object]) -> Iterator[tuple[Value, str]]:
    """The Values in lists, the first entries first, with their names."""
    level: list[tuple[str, object]] = [*variables.items()]
    left = MOST
    for _ in range(DEEPEST):
        inner: list[tuple[str, object]] = []
        for name, held in level:
            if isinstance(held, (list, tuple)) and len(held) <= left:
                left -= len(held)
                for i, x in enumerate(held):
                    if isinstance(x, Value):
                        yield x, f"{name}[{i}]"
                    elif isinstance(x, (list, tuple)):
                        inner.append((f"{name}[{i}]", x))
        level = inner
