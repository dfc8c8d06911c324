"""What a view says of a graph whose numbers no longer belong together: words, and no error.

Derivatives of such a graph are refused, but whoever looks at it must be able to see it, and be told
what is wrong. Every table, picture and page takes the sentence from here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core import Value
from ..core.stale import stale_among, told
from ..text import shortened

LONGEST = 300  # characters of what is said of a node, whose label may be as long as anybody likes


def stale_graph(nodes: Sequence[Value]) -> str:
    """That a graph is stale, where it is, and what to do; the empty string if it holds.

    Args:
        nodes: all of a graph, consumers first; of several that are stale the last is named, which
            was computed first.
    """
    stale = stale_among(nodes)
    if not stale:
        return ""
    return f"this graph is stale: {shortened(told(stale[-1]), LONGEST)}; call recompute()"
