"""Recurrences: where a graph repeats a formula that goes on from what it has made before.

Nodes and the groups of each go in; the same groups come out, with a group ``step[1]``, ``step[2]``
... among them for each repetition. Nobody need have said anything: a net that a loop has unrolled
is the same operations again and again, at the same distances in the order of evaluation.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, takewhile
from typing import NamedTuple

from ..core import Value
from .arrangement import NUMBERED
from .groups import Nesting

FEWEST_STEPS = 4
# Of nodes of one kind, as the products of a matrix, many are in one step: so many distances are
# tried, for so many kinds, the rarest first.
MOST_DISTANCES, MOST_KINDS, MOST_LOOPS = 64, 12, 8


Loop = list[list[Value]]
"""The operations of each step. Those of every step are the same, in the same order, and made of
the same at the same places: of what the step before has made, of what all steps share, and of what
is given to it alone."""


class _Step(NamedTuple):
    """A step among the groups of a node: the names to be put in after so many others."""

    after: int
    names: Nesting


def with_steps(nodes: Sequence[Value], nestings: Mapping[Value, Nesting]) -> dict[Value, Nesting]:
    """The groups of each node, with the steps of every recurrence among them.

    Args:
        nodes: what there is, consumers first.
        nestings: the groups of each.
    """
    loops = _Search(_late(nodes), nestings).loops()
    around = [_common([nestings[x] for x in itertools.chain(*loop)]) for loop in loops]
    steps: dict[Value, _Step] = {}
    for number, (loop, prefix) in enumerate(zip(loops, around), start=1):
        outer = (f"loop{number}",) if around.count(prefix) > 1 else ()
        for name, ops in zip(_names(loop), loop):
            steps |= dict.fromkeys(ops, _Step(len(prefix), (*outer, name)))
    # What is given to one step alone is part of it.
    users: dict[Value, set[_Step | None]] = defaultdict(set)
    for node in nodes:
        for operand in node.operands:
            if isinstance(operand, Value) and operand.op is None:
                users[operand].add(steps.get(node))
    for leaf, found in users.items():
        if len(found) == 1 and (only := next(iter(found))) is not None:
            steps[leaf] = only
    grouped = {node: nestings[node] for node in nodes}
    for node, (after, names) in steps.items():
        nesting = nestings[node]
        grouped[node] = (*nesting[:after], *names, *nesting[after:])
    return grouped


def _late(nodes: Sequence[Value]) -> list[Value]:
    """The operations, operands first, each as late as possible.

    They stand by their distance from the end, on the longest way, and at one distance in the order
    of what makes use of them: so the operations of a step follow each other, also those of a state
    of many numbers, and what a step makes of its input stands beside what it is used with.

    Args:
        nodes: those that there are, consumers first.
    """
    distance = dict.fromkeys(nodes, 0)
    for node in nodes:
        for x in node.operands:
            if isinstance(x, Value) and distance.get(x, -1) >= 0:
                distance[x] = max(distance[x], distance[node] + 1)
    levels: dict[int, list[Value]] = defaultdict(list)
    for node in nodes:
        levels[distance[node]].append(node)
    order: list[Value] = []
    met: dict[Value, tuple[int, int]] = {}
    for _, level in sorted(levels.items()):
        level.sort(key=lambda node: met.get(node, (-1, 0)))
        for node in level:
            for position, x in enumerate(node.operands):
                if isinstance(x, Value) and x in distance:
                    met.setdefault(x, (len(order), position))
            order.append(node)
    return [node for node in reversed(order) if node.op is not None]


def _names(loop: Loop) -> Iterator[str]:
    """What the steps are called: numbered as what they make is, ``h1``, ``h2``; else from 1."""
    first = 1
    for nodes in zip(*loop):  # those of one place
        found = [NUMBERED.fullmatch(node.label) for node in nodes]
        numbers = [int(label[2]) for label in found if label]
        if numbers and numbers == [*range(numbers[0], numbers[0] + len(loop))]:
            first = numbers[0]
    return (f"step[{first + k}]" for k in range(len(loop)))


def _common(nestings: Sequence[Nesting]) -> Nesting:
    """What the groups of all begin with."""
    shortest, longest = min(nestings), max(nestings)
    alike = takewhile(lambda names: names[0] == names[1], zip(shortest, longest))
    return tuple(name for name, _ in alike)


class _Search:
    """Looks for loops among operations in the order of evaluation."""

    def __init__(self, ops: Sequence[Value], nestings: Mapping[Value, Nesting]) -> None:
        self._ops = ops
        self._place = {node: i for i, node in enumerate(ops)}
        # Of each operation where its operands stand among them; None for what is given.
        self._operands = [
            [self._place.get(x) if isinstance(x, Value) else None for x in node.operands]
            for node in ops
        ]
        names: dict[tuple[object, ...], int] = {}
        kinds = ((x.op, len(x.operands), nestings[x]) for x in ops)
        self._kinds = [names.setdefault(kind, len(names)) for kind in kinds]
        self._taken = [False] * len(ops)

    def loops(self) -> list[Loop]:
        """The loops, the longest first, as far as they do not overlap."""
        found: list[Loop] = []
        while len(found) < MOST_LOOPS and (windows := self._longest()) is not None:
            if earlier := self._before(windows):
                windows.insert(0, earlier)
            for places in windows:
                for i in places:
                    self._taken[i] = True
            for places, own in zip(windows, self._heads(windows)):
                places += own
            found.append([[self._ops[i] for i in places] for places in windows])
        return found

    def _longest(self) -> list[list[int]] | None:
        places: dict[int, list[int]] = defaultdict(list)
        for i, kind in enumerate(self._kinds):
            if not self._taken[i]:
                places[kind].append(i)
        alike = [found for found in places.values() if len(found) >= FEWEST_STEPS]
        best: list[list[int]] | None = None
        most = 0
        for found in sorted(alike, key=len)[:MOST_KINDS]:
            middle = found[len(found) // 2]
            periods: list[int] = []
            for other in found[len(found) // 2 + 1 :][:MOST_DISTANCES]:
                if any((other - middle) % period == 0 for period in periods):
                    continue  # several steps are no better than one
                windows = self._around(middle, other - middle)
                if windows is None:
                    continue
                periods.append(other - middle)
                if len(windows) * len(windows[0]) > most:
                    best, most = windows, len(windows) * len(windows[0])
            if 2 * most > len(self._ops):
                break
        return best

    def _around(self, place: int, period: int) -> list[list[int]] | None:
        """The steps of this length around a place; None if there are none."""
        first = last = place
        if not self._match(place, place + period):
            return None
        while first and self._match(first - 1, first - 1 + period):
            first -= 1
        while last + 1 + period < len(self._ops) and self._match(last + 1, last + 1 + period):
            last += 1
        end = last + 1 + period
        if end - first < (FEWEST_STEPS - 1) * period:
            return None
        return self._in_phase(first, end, period)

    def _match(self, i: int, k: int) -> bool:
        """Whether an operation is the same as a later one, of what is at the same places."""
        if self._kinds[i] != self._kinds[k] or self._taken[i] or self._taken[k]:
            return False
        return all(
            x is y if x is None or y is None else x == y or i - x == k - y
            for x, y in zip(self._operands[i], self._operands[k])
        )

    def _in_phase(self, first: int, end: int, period: int) -> list[list[int]] | None:
        """The steps, which begin where the least goes from one to the next; the last ends last.

        Where nothing goes over, nothing is recurrent.
        """
        last_use = list(range(first, end))
        for i in range(first, end):
            for x in self._operands[i]:
                if x is not None and x >= first:
                    last_use[x - first] = max(last_use[x - first], i)
        changes = [0] * (end - first + 2)
        for i, use in enumerate(last_use):
            changes[i + 1] += 1
            changes[use - first + 1] -= 1
        going_over = list(accumulate(changes))  # at k what is made before k and used from there on
        middle = (end - first) // 2 // period * period
        cuts = range(middle, middle + period)
        best = min(cuts, key=lambda cut: (going_over[cut], (end - first - cut) % period))
        if not going_over[best]:
            return None
        begins = range(first + best % period, end - period + 1, period)
        windows = [[*range(begin, begin + period)] for begin in begins]
        return windows if len(windows) >= FEWEST_STEPS - 1 else None

    def _before(self, windows: Sequence[Sequence[int]]) -> list[int]:
        """The step before the first, if there is one: it is given what others are made of, as h0.

        What is at its places is known from the two steps behind it.
        """
        first, second = windows[:2]
        place = {i: k for k, i in enumerate(first)}
        found: dict[int, int] = {}
        waiting = []
        for i, j in zip(first, second):
            for x, y in zip(self._operands[i], self._operands[j]):
                if y in place and x is not None and x not in place:
                    waiting.append((place[y], x))
        while waiting:
            k, x = waiting.pop()
            if k in found:
                if found[k] != x:
                    return []
                continue
            found[k] = x
            if self._kinds[x] != self._kinds[first[k]] or self._taken[x]:
                return []
            for own, later in zip(self._operands[x], self._operands[first[k]]):
                if later in place:
                    if own is None:
                        return []
                    waiting.append((place[later], own))
        is_whole = len(found) == len(first) == len({*found.values()})
        return [found[k] for k in range(len(first))] if is_whole else []

    def _heads(self, windows: Sequence[Sequence[int]]) -> list[list[int]]:
        """What every step makes that goes on to no other: its output, and the loss of that."""
        # Of an operation of a step the step, and a name that those of all steps share.
        known: dict[int, tuple[int, object]] = {}
        for step, places in enumerate(windows):
            known.update((i, (step, k)) for k, i in enumerate(places))
        heads: dict[object, dict[int, int]] = defaultdict(dict)
        for i, operands in enumerate(self._operands):
            made_of = [None if x is None else known.get(x) for x in operands]
            owners = {x[0] for x in made_of if x is not None}
            if not self._taken[i] and len(owners) == 1:
                name = (self._kinds[i], tuple(None if x is None else x[1] for x in made_of))
                step = owners.pop()
                heads[name][step] = i
                known[i] = step, name
        own: list[list[int]] = [[] for _ in windows]
        for steps in heads.values():
            if len(steps) == len(windows):
                for step, i in steps.items():
                    own[step].append(i)
                    self._taken[i] = True
        return own
