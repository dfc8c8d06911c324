"""The ends of the graph that a table or a picture shows: one Value, or several side by side.

What somebody wants to be shown goes in; out come the roots, and the nodes whose gradients a pass
from one of them has left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from ..core import Value
from ..core.sweep import evaluation_order
from ..text import got


def roots_of(given: object, what: str) -> list[Value]:
    """One or several Values as a list, each once.

    Args:
        given: a Value, or what Values can be taken from.
        what: what is done with them, as the beginning of a sentence.

    Raises:
        TypeError: if there is none, or something else.
    """
    several = isinstance(given, Iterable) and not isinstance(given, (Value, str, bytes))
    entries: list[object] = list(given) if several else [given]  # type: ignore[call-overload]
    wrong = [x for x in entries if not isinstance(x, Value)]
    if wrong or not entries:
        came = got(wrong[0] if wrong else given)
        raise TypeError(f"{what}, got {came}; pass the Value at the end of a computation")
    return [x for x in dict.fromkeys(entries) if isinstance(x, Value)]


def swept_nodes(nodes: Sequence[Value], roots: Sequence[Value]) -> AbstractSet[Value]:
    """The nodes whose gradient says something, also if it is 0, for a pass has been there.

    Of several roots a pass from one says nothing of what only another one was made of.

    Args:
        nodes: all under the roots.
        roots: the ends.
    """
    # A leaf does not tell: it may hold a gradient that another graph has left there.
    if not any(node.grad for node in nodes if node.op is not None or node in roots):
        return frozenset()
    if len(roots) == 1:
        return frozenset(nodes)
    return frozenset(evaluation_order(*[root for root in roots if root.grad]))
