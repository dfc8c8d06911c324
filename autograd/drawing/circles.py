"""Groups without circles: where arrows would lead both ways between two groups, they are divided.

Nodes and the group of each go in; out comes which part of its group each node belongs to, so that
groups and parts can be drawn one after the other, as if each were one operation. A group that no
way leads out of and back into stays whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Mapping, Sequence

from ..core import Value

Ways = Mapping[Hashable, Collection[Hashable]]


def parts_without_circles(
    nodes: Sequence[Value], homes: Mapping[Value, Hashable]
) -> dict[Value, int]:
    """The part of its group, from 0, of each node of the groups that have to be divided.

    Args:
        nodes: what there is, consumers first; edges to other nodes do not count.
        homes: the group of each node; a node without one stands by itself.
    """
    keys: dict[Value, Hashable] = {node: homes.get(node, node) for node in nodes}
    made_of: dict[Hashable, dict[Hashable, None]] = {key: {} for key in keys.values()}
    for node in nodes:
        key = keys[node]
        for operand in node.operands:
            if isinstance(operand, Value) and operand in keys and keys[operand] != key:
                made_of[key][keys[operand]] = None
    parts: dict[Value, int] = {}
    for circle in _circles(made_of):
        parts |= _divided([node for node in reversed(nodes) if keys[node] in circle], keys)
    last: dict[Hashable, int] = {}
    for node, part in parts.items():
        last[keys[node]] = max(last.get(keys[node], 0), part)
    return {node: part for node, part in parts.items() if last[keys[node]]}


def _circles(made_of: Ways) -> list[set[Hashable]]:
    """The sets of groups each of which is, on some way, made of every other one.

    What is made of nothing that is left, or is made use of by nothing, is in none; for what
    remains, the algorithm of Tarjan (1972).
    """
    left = _peeled(_turned(_peeled(made_of)))
    ways = {
        key: [other for other in made_of[key] if other in left] for key in made_of if key in left
    }
    number: dict[Hashable, int] = {}
    lowest: dict[Hashable, int] = {}
    open_ones: dict[Hashable, None] = {}
    circles = []
    for start in ways:
        waiting = [] if start in number else [(start, iter(ways[start]))]
        if waiting:
            number[start] = lowest[start] = len(number)
            open_ones[start] = None
        while waiting:
            key, others = waiting[-1]
            for other in others:
                if other not in number:
                    number[other] = lowest[other] = len(number)
                    open_ones[other] = None
                    waiting.append((other, iter(ways[other])))
                    break
                if other in open_ones:
                    lowest[key] = min(lowest[key], number[other])
            else:
                waiting.pop()
                if waiting:
                    before = waiting[-1][0]
                    lowest[before] = min(lowest[before], lowest[key])
                if lowest[key] == number[key]:
                    circle = {key}
                    while (last := next(reversed(open_ones))) != key:
                        del open_ones[last]
                        circle.add(last)
                    del open_ones[key]
                    if len(circle) > 1:
                        circles.append(circle)
    return circles


def _peeled(ways: Ways) -> dict[Hashable, Collection[Hashable]]:
    """What is left without all that leads, on every way, to an end."""
    missing = {key: len(others) for key, others in ways.items()}
    turned = _turned(ways)
    found = [key for key, count in missing.items() if not count]
    for key in found:
        for other in turned[key]:
            missing[other] -= 1
            if not missing[other]:
                found.append(other)
    gone = {*found}
    return {
        key: [other for other in others if other not in gone]
        for key, others in ways.items()
        if key not in gone
    }


def _turned(ways: Ways) -> dict[Hashable, Collection[Hashable]]:
    turned: dict[Hashable, list[Hashable]] = {key: [] for key in ways}
    for key, others in ways.items():
        for other in others:
            turned[other].append(key)
    return {**turned}


def _divided(nodes: Sequence[Value], keys: Mapping[Value, Hashable]) -> dict[Value, int]:
    """The parts of the groups of a circle: each group is taken as far as it goes, then another.

    What is given, as a weight is, goes with what first makes use of it, if that is in its group.

    Args:
        nodes: those of the circle, operands first.
        keys: the group of each.
    """
    consumers: dict[Value, list[Value]] = {node: [] for node in nodes}
    missing = dict.fromkeys(nodes, 0)
    for node in nodes:
        for operand in node.operands:
            if isinstance(operand, Value) and operand in missing:
                consumers[operand].append(node)
                missing[node] += 1
    order = {node: place for place, node in enumerate(nodes)}
    given = {
        node
        for node in nodes
        if not missing[node] and {keys[user] for user in consumers[node]} == {keys[node]}
    }
    for node in given:
        for user in consumers[node]:
            missing[user] -= 1
    ready: dict[Hashable, deque[Value]] = {}
    for node in nodes:
        if not missing[node] and node not in given:
            ready.setdefault(keys[node], deque()).append(node)
    parts: dict[Value, int] = {}
    visits: dict[Hashable, int] = {}
    while ready:
        key = min(ready, key=lambda key: order[ready[key][0]])
        here = ready.pop(key)
        visits[key] = visits.get(key, -1) + 1
        while here:
            node = here.popleft()
            parts[node] = visits[key]
            for user in consumers[node]:
                missing[user] -= 1
                if not missing[user]:
                    (here if keys[user] == key else ready.setdefault(keys[user], deque())).append(
                        user
                    )
    for node in given:
        parts[node] = min(parts[user] for user in consumers[node])
    return parts
