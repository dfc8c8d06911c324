"""Backward: how the derivatives of a graph on levels are computed, as tables.

A root's derivative comes to a node as the total of what the node's consumers report, so that there
is a total for each pair of a root and a node that it depends on. All pairs of one kind and level
are a group: first their totals are added up, then they report to their operands, each to a row of
its own. Where the report is the total itself, as with an addition, it has no other row.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph import PARAMETER
from .kinds import Functions, Indices, Table
from .levels import LEAF_KINDS, Levels, by_place


class Backward:
    """The pairs of a graph, and the reports between them.

    Attributes:
        n_rows: how many rows ``d_rows`` has: a 1, the totals and then the reports.
        n_single: how many entries ``d_single`` has: sums over the batch, a 1, totals, reports.
        summed: how many sums over the batch.
    """

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        nodes, k = levels.nodes, len(levels.nodes.roots)
        node, root = nodes.pairs
        self.node, self.root = node, root
        key = node * k + root

        def pair(of: Indices, under: Indices) -> Indices:
            """The pairs of nodes and roots, all of which there are."""
            found: Indices = np.searchsorted(key, of * k + under)
            return found

        # How many operands there may be; of any number, one stands for all.
        self.width = max([1, *[len(x.operands) for x in levels.kinds]])
        wants = self.table([x.wanted for x in levels.kinds])
        which, place, operand = levels.operands(node)
        kind = levels.kind[node][which]
        learns = np.array(nodes.learns, dtype=bool)
        kept = learns[operand] & wants[kind, np.where(levels.variadic[kind], 0, place)]
        # Each report: the pair that makes it, for which of its operands, and the pair that gets it.
        self.maker, self.place = which[kept], place[kept]
        self.target = pair(operand[kept], root[self.maker])
        # The roots themselves, to which a 1 is reported.
        of = np.array(nodes.roots, dtype=np.intp)
        under = np.flatnonzero(learns[of] & np.array(nodes.reached, dtype=bool)[of])
        self.seeds = pair(of[under], under)
        self.count = np.bincount(self.target, minlength=len(node))
        self.count[self.seeds] += 1

    def table(self, rows: Sequence[Sequence[bool]]) -> NDArray[np.bool_]:
        """A row for each kind, with an entry for each place that an operand may have."""
        full = np.zeros((max(1, len(rows)), self.width), dtype=bool)
        for i, row in enumerate(rows):
            full[i, : len(row)] = row
        return full

    def most(self) -> Indices:
        """For each node the number of reports that a pair of it gets at most."""
        found = np.zeros(len(self.levels.kind), dtype=np.intp)
        np.maximum.at(found, self.node, self.count)
        return found

    def place_rows(self) -> None:
        """Sort the pairs of operations into groups, and give each total and report a row."""
        levels = self.levels
        operations = np.flatnonzero(levels.kind[self.node] >= 0)
        node = self.node[operations]
        by = [self.root[operations], levels.row[node], -self.count[operations]]
        by += [levels.count[node], levels.kind[node], -levels.level[node], ~levels.varies[node]]
        self.order = order = operations[np.lexsort(by)]
        self.rank = np.full(len(self.node), -1)
        self.rank[order] = np.arange(len(order))
        self.bounds = levels.groups(self.node[order])
        self.split = split = int(np.count_nonzero(levels.varies[node]))
        first = self.node[order[self.bounds[:-1]]]
        kind, size = levels.kind[first], np.diff(self.bounds)
        width = np.where(levels.variadic[kind], size * levels.count[first], size)
        places = range(self.width)
        computed = self.table([[p in x.reported() for p in places] for x in levels.kinds])
        to_rows = self.table([x.operands for x in levels.kinds])
        varies = self.table([[x.varies] * self.width for x in levels.kinds])
        self.base = np.zeros((len(kind), self.width), dtype=np.intp)
        ends: list[int] = []
        # In the order in which they lie in d_single; d_rows comes first.
        for to_row, vary, start in (
            (True, True, 1 + split),
            (False, True, 0),
            (False, False, None),
        ):
            if start is None:
                start = ends[1] + 1 + len(order) - split
            where = (computed & (to_rows == to_row) & (varies == vary))[kind]
            widths = np.broadcast_to(width[:, None], where.shape)[where]
            self.base[where] = start + np.cumsum(widths) - widths
            ends.append(start + int(widths.sum()))
        self.n_rows, self.summed, self.n_single = ends
        self.total = np.arange(len(order)) + 1
        self.total[split:] += self.summed - split
        self.source = self.sources()

    def sources(self) -> Indices:
        """For each report its row of ``d_rows`` or entry of ``d_single``."""
        levels = self.levels
        passing = self.table([[x.passes_on(p) for p in range(len(x.wanted))] for x in levels.kinds])
        rank = self.rank[self.maker]
        group = np.searchsorted(self.bounds, rank, side="right") - 1
        node = self.node[self.maker]
        kind = levels.kind[node]
        variadic = levels.variadic[kind]
        place = np.where(variadic, 0, self.place)
        offset = rank - self.bounds[group]
        offset = np.where(variadic, offset * levels.count[node] + self.place, offset)
        own = self.base[group, place] + offset
        found: Indices = np.where(passing[kind, place], self.total[rank], own)
        return found

    def tables(self, functions: Functions) -> tuple[Table, Table]:
        """How to compute the derivatives of what varies, and those of what does not."""
        self.place_rows()
        levels, order = self.levels, self.order
        node = self.node[order]
        totals, found = self.total.tolist(), self.sorted_sources()
        numbers, counts = found.tolist(), self.count[order].tolist()
        places, rows = levels.row[node], levels.row[levels.operands(node)[2]]
        place_numbers, row_numbers = places.tolist(), rows.tolist()
        kinds, arities = levels.kind[node].tolist(), levels.count[node].tolist()
        reported = [kind.reported() for kind in levels.kinds]
        tables = Table(), Table()
        at = report = 0
        for group, (first, stop) in enumerate(itertools.pairwise(self.bounds.tolist())):
            table = tables[first >= self.split]
            buffer = "rows" if first < self.split else "single"
            begin = first
            while begin < stop:  # the pairs with an equal number of reports
                n, end = counts[begin], begin + 1
                while end < stop and counts[end] == n:
                    end += 1
                dz, upto = totals[begin], report + (end - begin) * n
                if end - begin == n == 1:
                    table.add(f"take_one_{buffer}", dz, numbers[report])
                else:
                    rows_of_totals = slice(dz, dz + end - begin)
                    name = f"{'take' if n == 1 else 'add'}_{buffer}"
                    table.add(name, rows_of_totals, n, found[report:upto])
                begin, report = end, upto
            kind, arity, size = levels.kinds[kinds[first]], arities[first], stop - first
            upto = at + size * arity
            if reported[kinds[first]]:
                dz = totals[first]
                starts = self.base[group].tolist()
                starts = [starts[p] for p in reported[kinds[first]]]
                one = size == 1 and not kind.variadic
                name = functions.report(kind, one)
                if one:
                    table.add(name, place_numbers[first], *row_numbers[at:upto], dz, *starts)
                else:
                    width = size * arity if kind.variadic else size
                    operands: list[Any] = by_place(kind, arity, rows[at:upto])
                    blocks = [slice(x, x + width) for x in starts]
                    table.add(name, places[first:stop], *operands, slice(dz, dz + size), *blocks)
            at = upto
        return tables

    def sorted_sources(self) -> Indices:
        """The rows of all reports to operations, in the order of those."""
        seeds = self.seeds[self.rank[self.seeds] >= 0]
        inner = self.rank[self.target] >= 0
        ones = np.where(self.levels.varies[self.node[seeds]], 0, self.summed)
        targets = np.concatenate([self.rank[seeds], self.rank[self.target[inner]]])
        found = np.concatenate([ones, self.source[inner]])
        return found[np.argsort(targets, kind="stable")]

    def gradient(self) -> tuple[Indices, Indices]:
        """For the reports to parameters their places among the derivatives, and their entries."""
        levels = self.levels
        parameters = levels.kind[self.node] == LEAF_KINDS[PARAMETER]
        place = self.root * levels.parameters + levels.number[self.node].astype(np.intp)
        seeds, reports = self.seeds[parameters[self.seeds]], parameters[self.target]
        places = np.concatenate([place[self.target[reports]], place[seeds]])
        ones = np.full(len(seeds), self.summed)
        return places, np.concatenate([self.source[reports], ones])
