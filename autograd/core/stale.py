"""Whether a graph still holds: whether every number in it is what its operands give.

A number may be assigned to after others were computed from it, and derivatives would then mix old
numbers with new ones. Time is counted in assignments, and each node knows since when it has had its
number; so a graph is looked at closely only where an operand is younger than what was made of it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..text import ends, escape, shortened
from .forks import shared_lock

now = 0
"""The time: how many assignments there have been."""

UNPROVEN = sys.maxsize
"""Later than any time: since when a node has a number that its operands did not give it."""

_advancing = shared_lock()


class StaleGraphError(RuntimeError):
    """A number in a graph is no longer what its operands give; the message says which."""


def advance() -> int:
    """Count an assignment, and say what time it is from now on."""
    global now
    with _advancing:
        now += 1
        return now


def stale_among(nodes: Iterable[Any]) -> list[Any]:
    """Those of some nodes whose number is no longer what their operands give, in their order.

    Args:
        nodes: with each its operands, as younger than it they are what gives it away.
    """
    # Mostly nothing has been assigned since they were made; or nothing that is one of them.
    nodes, time = list(nodes), now
    made = [node for node in nodes if node.since != time and node.operands]
    if not made or max([x.since for x in nodes]) == min([x.since for x in made]) != UNPROVEN:
        return []
    doubtful = []
    for node in made:
        since = node.since
        for x in node.operands:
            if type(x) is not float and x.since > since:
                doubtful.append(node)
                break
        else:
            if since == UNPROVEN:
                doubtful.append(node)
    return list(filter(_is_stale, doubtful))


def _is_stale(node: Any) -> bool:
    return not same(node._data, computed(node))


def same(x: float, y: float) -> bool:
    """Whether two numbers are one: nan is nan, and 0.0 is not -0.0."""
    if x == y:
        return math.copysign(1.0, x) == math.copysign(1.0, y)
    return x != x and y != y


def computed(node: Any, fresh: Mapping[Any, float] = {}) -> float:
    """What the operands of an interior node give; ``fresh`` has other numbers for some of them."""
    numbers = [x if type(x) is float else fresh.get(x, x._data) for x in node.operands]
    return node.op.forward(*numbers)  # type: ignore[no-any-return]


def told(node: Any) -> str:
    """That a node is stale, in words: ``L = a * b holds 6.0, but 100.0 * 3.0 is 300.0``."""

    def formula(show: Any) -> str:
        return shortened(node.op.formula(ends(node.operands, 6, show)), 120)

    def number(x: Any) -> str:
        return repr(x if type(x) is float else x._data)

    def name(x: Any) -> str:
        return number(x) if type(x) is float or not x.label else escape(x.label)

    names, numbers = formula(name), formula(number)
    called = [escape(node.label)] if node.label else []
    called += [names] if names != numbers else []
    holds = f"{' = '.join(called) or 'a node'} holds {node._data!r}"
    return f"{holds}, but {numbers} is {computed(node)!r}"


def refuse_stale(nodes: Iterable[Any]) -> None:
    """Nothing, if all of some nodes still hold.

    Args:
        nodes: all those of a graph, each after its consumers.

    Raises:
        StaleGraphError: if one does not; of several it names the one that was computed first.
    """
    stale = stale_among(nodes)
    if stale:
        raise StaleGraphError(
            f"{told(stale[-1])}: a number was assigned, by you or in training, after the graph "
            f"was computed from it, and its derivatives would mix old and new; compute the graph "
            f"again after each assignment, or, if no if or max in Python was part of that, call "
            f"recompute() on its root"
        )
