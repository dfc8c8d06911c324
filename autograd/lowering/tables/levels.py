"""Levels: a graph without layers as tables, for which no line of code is written for each group.

A graph in which little repeats would become as many lines of source as it has groups. Here its
nodes are put on levels, and those of one level and one kind (an operation, with what is known of
its operands) are a group, as ever; but a kind is differentiated and written down once, as two short
functions, and a group is only an entry of a table: which function to call, and on which rows.
Nearly everything is done in bulk by NumPy, so that a group costs little more than its entry.

There are four buffers. ``rows`` and ``single`` hold the nodes that vary with the instance and those
that do not; ``d_rows`` and ``d_single`` hold their derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..graph import CONSTANT, INPUT, LEAVES, PARAMETER
from ..lowered import Lowered
from .kinds import (
    EXPONENTS,
    LIFT,
    Functions,
    Indices,
    Kind,
    Table,
    is_variadic,
    passes,
)

# So many roots are followed at a time to all that they depend on.
AT_A_TIME = 512
LEAF_KINDS = {CONSTANT: -1, PARAMETER: -2, INPUT: -3}


class Nodes:
    """The nodes of a graph, with a lift wherever an operation of many is given rows and numbers.

    Attributes:
        names: the operation of each node.
        operands: its operands.
        numbers: the number or the place of each leaf.
        varies: whether it depends on the instance.
        learns: whether a derivative with respect to a parameter passes through it.
        levels: how many operations of its like come before it.
        roots: the roots.
        wanted: what is wanted for each instance.
        reached: for each node whether the derivative of a root comes to it.
        pairs: the nodes and the roots of which that is so, by node and then by root.
    """

    def __init__(self, lowered: Lowered) -> None:
        graph = lowered.graph
        self.names: list[str] = []
        self.operands: list[tuple[int, ...]] = []
        self.numbers: list[float] = []
        self.varies: list[bool] = []
        self.learns: list[bool] = []
        self.levels: list[int] = []
        new: list[int] = []
        lifts: dict[int, int] = {}
        varies, learns, levels = self.varies, self.learns, self.levels
        for name, operands, number in zip(graph.names, graph.operands, graph.numbers):
            if not operands:
                new.append(len(levels))
                self._add(name, (), number, name == INPUT, name == PARAMETER, 0)
                continue
            if lifts:
                operands = tuple([new[x] for x in operands])
            varied = [varies[x] for x in operands]
            vary = True in varied
            if vary and is_variadic(name) and False in varied:
                for x in operands:
                    if not varies[x] and x not in lifts:
                        lifts[x] = len(levels)
                        self._add(LIFT, (x,), 0.0, True, learns[x], 1)
                operands = tuple([x if varies[x] else lifts[x] for x in operands])
            level, learn = 0, False
            for x, passes_on in zip(operands, itertools.cycle(passes(name))):
                if levels[x] > level and varies[x] == vary:
                    level = levels[x]
                learn = learn or (learns[x] and passes_on)
            new.append(len(levels))
            self._add(name, operands, 0.0, vary, learn, level + 1)
        self.roots = [new[x] for value in lowered.values for x in value.nodes()]
        self.wanted = [new[node] for node in lowered.rows]
        self.reached = [False] * len(levels)
        nothing = np.zeros(0, dtype=np.intp)
        self.pairs: tuple[Indices, Indices] = nothing, nothing

    def _add(
        self,
        name: str,
        operands: tuple[int, ...],
        number: float,
        varies: bool,
        learns: bool,
        level: int,
    ) -> None:
        self.names.append(name)
        self.operands.append(operands)
        self.numbers.append(number)
        self.varies.append(varies)
        self.learns.append(learns)
        self.levels.append(level)

    def reach(self) -> None:
        """Find ``reached`` and ``pairs``: some roots at a time, a bit of a number for each."""
        found = []
        for first in range(0, len(self.roots), AT_A_TIME):
            node, root = self._reached_from(self.roots[first : first + AT_A_TIME])
            found.append((node, root + first))
        nodes, roots = (np.concatenate(x) for x in zip(*found))
        order = np.lexsort((roots, nodes))
        self.pairs = nodes[order], roots[order]
        reached = np.zeros(len(self.names), dtype=bool)
        reached[nodes] = True
        self.reached = reached.tolist()

    def _reached_from(self, roots: list[int]) -> tuple[Indices, Indices]:
        """The nodes to which the derivative of some roots comes, with the places of these."""
        learns, names = self.learns, self.names
        partly = {name for name in set(names) - LEAVES if not all(passes(name))}
        bits = [0] * len(names)
        for k, node in enumerate(roots):
            if learns[node]:
                bits[node] |= 1 << k
        # Consumers first: of all nodes, or where that might be too many, of those that are reached.
        nodes: Iterable[int] = range(len(names) - 1, -1, -1)
        if len(self.roots) > AT_A_TIME:
            nodes = self._under(roots)
        reached = []
        for node in nodes:
            found = bits[node]
            if found:
                reached.append(node)
                operands = self.operands[node]
                if names[node] in partly:
                    operands = tuple(itertools.compress(operands, passes(names[node])))
                for x in operands:
                    if learns[x]:
                        bits[x] |= found
        if len(roots) == 1:  # as mostly
            return np.array(reached, dtype=np.intp), np.zeros(len(reached), dtype=np.intp)
        size = len(roots) // 8 + 1
        data = b"".join([bits[node].to_bytes(size, "little") for node in reached])
        table = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
        which, root = np.nonzero(np.unpackbits(table, axis=1, bitorder="little"))
        return np.array(reached, dtype=np.intp)[which], root

    def _under(self, roots: Iterable[int]) -> list[int]:
        """All that some nodes depend on, and these, the last first."""
        found = set(roots)
        waiting = list(found)
        while waiting:
            for x in self.operands[waiting.pop()]:
                if x not in found:
                    found.add(x)
                    waiting.append(x)
        return sorted(found, reverse=True)

    def kinds(self) -> tuple[list[Kind], list[int]]:
        """The kinds, and for each node which it is of; one of ``LEAF_KINDS`` for a leaf."""
        varies, learns = self.varies, self.learns
        known: dict[Any, int] = {}
        kinds: list[Kind] = []
        found: list[int] = []
        for name, operands, varied, reached in zip(
            self.names, self.operands, self.varies, self.reached
        ):
            if not operands:
                found.append(LEAF_KINDS[name])
                continue
            several = is_variadic(name)
            exponent = None
            if name == "pow" and self.names[operands[1]] == CONSTANT:
                number = self.numbers[operands[1]]
                exponent = number if number in EXPONENTS else None
            sorts = tuple([varies[x] for x in (operands[:1] if several else operands)])
            wanted: tuple[bool, ...] = (False,) * len(sorts)
            if reached:
                wanted = tuple([learns[x] for x in operands])
                wanted = (True in wanted,) if several else wanted
            key = name, sorts, wanted, exponent
            kind = known.get(key)
            if kind is None:
                kind = known[key] = len(kinds)
                passing = tuple([learn and p for learn, p in zip(wanted, passes(name))])
                kinds.append(Kind(name, varied, sorts, passing, exponent))
            found.append(kind)
        return kinds, found


class Levels:
    """The nodes of a graph in arrays, sorted into groups, with a row for each.

    Attributes:
        nodes: the same in lists.
        kinds: the kinds.
        kind: for each node which it is of.
        level: its level.
        count: how many operands it has.
        row: its row of ``rows`` or ``single``.
        order: the operations, group by group.
    """

    def __init__(self, nodes: Nodes, parameters: int) -> None:
        self.nodes, self.parameters = nodes, parameters
        self.kinds, kind = nodes.kinds()
        self.kind = np.array(kind, dtype=np.intp)
        self.varies = np.array(nodes.varies, dtype=bool)
        self.level = np.array(nodes.levels, dtype=np.intp)
        self.count = np.array(list(map(len, nodes.operands)), dtype=np.intp)
        self.number = np.array(nodes.numbers)
        self.flat = np.array(list(itertools.chain.from_iterable(nodes.operands)), dtype=np.intp)
        self.start = np.cumsum(self.count) - self.count
        self.variadic = np.array([x.variadic for x in self.kinds] or [False])

    def place(self, reports: Indices) -> None:
        """Give each node a row; a group has successive ones, first those with many reports."""
        operations = np.flatnonzero(self.kind >= 0)
        by = [operations, -reports[operations]]
        by += [x[operations] for x in (self.count, self.kind, self.level, self.varies)]
        self.order = order = operations[np.lexsort(by)]
        inputs, parameters, constants = (
            np.flatnonzero(self.kind == LEAF_KINDS[name]) for name in (INPUT, PARAMETER, CONSTANT)
        )
        self.row = row = np.zeros(len(self.kind), dtype=np.intp)
        row[inputs] = self.number[inputs]
        row[parameters] = self.number[parameters]
        row[constants] = self.parameters + np.arange(len(constants))
        split = len(order) - int(np.count_nonzero(self.varies[order]))
        self.n_single = self.parameters + len(constants) + split
        self.n_rows = len(inputs) + len(order) - split
        row[order[:split]] = np.arange(self.n_single - split, self.n_single)
        row[order[split:]] = np.arange(len(inputs), self.n_rows)
        self.inputs = row[inputs]
        self.numbers = np.zeros(self.n_single)
        self.numbers[row[constants]] = self.number[constants]

    def operands(self, nodes: Indices) -> tuple[Indices, Indices, Indices]:
        """For every operand of some nodes which of these, at which place, and the operand."""
        counts = self.count[nodes]
        which = np.repeat(np.arange(len(nodes)), counts)
        place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, place, self.flat[self.start[nodes][which] + place]

    def groups(self, nodes: Indices) -> Indices:
        """Where the groups of sorted nodes begin, and the end."""
        changes = np.zeros(max(len(nodes) - 1, 0), dtype=bool)
        for attribute in (self.varies, self.level, self.kind, self.count):
            changes |= np.diff(attribute[nodes]) != 0
        return np.array([0, *(np.flatnonzero(changes) + 1), *([len(nodes)] if len(nodes) else [])])

    def tables(self, functions: Functions) -> tuple[Table, Table]:
        """How to compute the nodes: those that do not vary, and those that do."""
        order, tables = self.order, (Table(), Table())
        rows = self.row[self.operands(order)[2]]
        numbers, places = rows.tolist(), self.row[order].tolist()
        kinds, counts = self.kind[order].tolist(), self.count[order].tolist()
        at = 0
        for first, stop in itertools.pairwise(self.groups(order).tolist()):
            kind, count, size = self.kinds[kinds[first]], counts[first], stop - first
            end = at + size * count
            z = places[first]
            if size == 1 and not kind.variadic:
                tables[kind.varies].add(functions.compute(kind, True), z, *numbers[at:end])
            else:
                operands = by_place(kind, count, rows[at:end])
                tables[kind.varies].add(
                    functions.compute(kind, False), slice(z, z + size), *operands
                )
            at = end
        return tables


def by_place(kind: Kind, count: int, operands: Indices) -> list[Any]:
    """The operands of a group as arguments: an array for each place, or their number and all."""
    if kind.variadic:
        return [count, operands]
    return list(np.ascontiguousarray(operands.reshape(-1, count).T))
