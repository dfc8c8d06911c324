"""Levels: a graph without layers as tables, for which no line of code is written for each group.

A graph in which little repeats would become as many lines of source as it has groups. Here its
nodes are put on levels, and those of one level and one kind (an operation, with what is known of
its operands) are a group, as ever; but a kind is differentiated and written down once, as two short
functions, and a group is only an entry of a table: which function to call, and on which rows.
Everything is done in bulk by NumPy, so that a group costs little more than its entry.

There are four buffers. ``rows`` and ``single`` hold the nodes that vary with the instance and those
that do not; ``d_rows`` and ``d_single`` hold derivatives: a total for each pair of a root and a
node that it depends on, and what each of its consumers reports.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..ops import OPS
from .graph import CONSTANT, INPUT, LEAVES, PARAMETER, Graph, Line

Indices: TypeAlias = NDArray[np.intp]
# A function's name, and the rows to call it on: one, a slice, or an array of them.
Entry: TypeAlias = "tuple[str, tuple[Any, ...]]"
LIFT = "lift"
# Exponents with a simpler rule than the general one; others are numbers like all constants.
EXPONENTS = frozenset({-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0})


class Kind(NamedTuple):
    """What nodes of one group have in common.

    Attributes:
        name: the operation, or ``LIFT``, which makes a row of a single number.
        varies: whether the node does.
        operands: whether each operand varies; a single entry where there may be any number.
        wanted: for each of them whether a derivative is to be reported to it.
        exponent: of a power, if it is one of ``EXPONENTS``.
    """

    name: str
    varies: bool
    operands: tuple[bool, ...]
    wanted: tuple[bool, ...]
    exponent: float | None

    @property
    def variadic(self) -> bool:
        """Whether there may be any number of operands."""
        return self.name != LIFT and OPS[self.name].arity is None

    def rule(self, place: int) -> Any:
        """The partial with respect to an operand: a rule, a number, or None."""
        if self.name == LIFT:
            return 1.0
        partials = OPS[self.name].partials
        return partials[0 if self.variadic else place].rule

    def passes_on(self, place: int) -> bool:
        """Whether the operand's report is the node's own derivative."""
        return self.rule(place) == 1.0 and self.operands[place] == self.varies


@dataclass
class Plan:
    """A graph as tables.

    Attributes:
        kinds: with whether a function is for one row at a time, and its name.
        sizes: how many rows ``rows``, ``single``, ``d_rows`` and ``d_single`` have.
        numbers: what ``single`` starts with; the parameters come first.
        inputs: the rows of the inputs.
        single: the table of what does not vary, and ``rows`` that of what does.
        d_rows: the table of the derivatives of what varies, and ``d_single`` that of the others.
        seed: the row of ``d_rows`` and of ``d_single`` that is 1.
        summed: how many entries of ``d_single``, the first, are sums over the batch.
        values: for each root whether it varies, and its row.
        wanted: the same for the outputs that are wanted for each instance.
        gradient: for reports to parameters the place among the results, and the entry of
            ``d_single``.
    """

    kinds: dict[tuple[Kind, bool], str]
    sizes: tuple[int, int, int, int]
    numbers: NDArray[np.float64]
    inputs: Indices
    single: list[Entry]
    rows: list[Entry]
    d_rows: list[Entry]
    d_single: list[Entry]
    values: list[tuple[bool, int]]
    wanted: list[tuple[bool, int]]
    gradient: tuple[Indices, Indices]
    summed: int
    nodes: int

    def describe(self) -> list[Line]:
        """A line for each kind of a group, the commonest first."""
        found: dict[str, list[int]] = {}
        for name, arguments in [*self.single, *self.rows, *self.d_rows, *self.d_single]:
            row = arguments[0]
            entry = found.setdefault(name, [0, 0])
            entry[0] += 1
            entry[1] += 1 if isinstance(row, int) else _size(row)
        lines = [Line("every step", name, n, calls, "") for name, (calls, n) in found.items()]
        return sorted(lines, key=lambda line: -line.nodes)


class _Nodes:
    """The nodes of a graph in lists, with a lift wherever an operation of many is given both."""

    def __init__(self, graph: Graph, roots: Sequence[int], wanted: Sequence[int]) -> None:
        self.names: list[str] = []
        self.operands: list[tuple[int, ...]] = []
        self.numbers: list[float] = []
        self.varies: list[bool] = []
        self.learns: list[bool] = []
        self.levels: list[int] = []
        new: list[int] = []
        lifts: dict[int, int] = {}
        varies, levels = self.varies, self.levels
        variadic = {name for name, op in OPS.items() if op.arity is None}
        passing = {
            name: tuple([partial.rule is not None for partial in op.partials])
            for name, op in OPS.items()
        }
        everywhere = {name for name, passes in passing.items() if all(passes)}
        for name, old, number in zip(graph.names, graph.operands, graph.numbers):
            if not old:
                new.append(len(self.names))
                self._add(name, (), number, name == INPUT, name == PARAMETER, 0)
                continue
            operands = tuple([new[x] for x in old])
            kinds = [varies[x] for x in operands]
            vary = True in kinds
            if vary and name in variadic and False in kinds:
                for x in operands:
                    if not varies[x] and x not in lifts:
                        lifts[x] = len(self.names)
                        self._add(LIFT, (x,), 0.0, True, self.learns[x], 1)
                operands = tuple([x if varies[x] else lifts[x] for x in operands])
            level = 0
            learns = False
            for x in operands:
                if varies[x] == vary and levels[x] > level:
                    level = levels[x]
            if name in everywhere:
                learns = any(self.learns[x] for x in operands)
            elif passing[name] != (False,):
                learns = any(self.learns[x] and p for x, p in zip(operands, passing[name]))
            new.append(len(self.names))
            self._add(name, operands, 0.0, vary, learns, level + 1)
        self.roots = [new[root] for root in roots]
        self.wanted = [new[node] for node in wanted]

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

    def reached(self) -> list[int]:
        """For each node the roots whose derivative comes to it, as bits."""
        bits = [0] * len(self.names)
        for k, root in enumerate(self.roots):
            if self.learns[root]:
                bits[root] |= 1 << k
        learns, operands = self.learns, self.operands
        rules = {name: [p.rule is not None for p in op.partials] for name, op in OPS.items()}
        partly = {name for name, passes in rules.items() if not all(passes)}
        for node in range(len(bits) - 1, -1, -1):
            found = bits[node]
            if found:
                name = self.names[node]
                if name in partly:
                    for x, passes in zip(operands[node], rules[name]):
                        if passes and learns[x]:
                            bits[x] |= found
                else:
                    for x in operands[node]:
                        if learns[x]:
                            bits[x] |= found
        return bits


def plan(
    graph: Graph, roots: Sequence[int], wanted: Sequence[int], parameters: int, gradients: bool
) -> Plan:
    """The tables of a graph.

    Args:
        graph: what was recorded.
        roots: K nodes to average.
        wanted: nodes whose numbers for each instance are wanted.
        parameters: P, how many there are.
        gradients: whether to differentiate the roots by them.
    """
    return _Planner(graph, roots, wanted, parameters, gradients).run()


class _Planner:
    def __init__(
        self,
        graph: Graph,
        roots: Sequence[int],
        wanted: Sequence[int],
        parameters: int,
        gradients: bool,
    ) -> None:
        self.nodes = nodes = _Nodes(graph, roots, wanted)
        self.parameters = parameters
        self.bits = nodes.reached() if gradients else [0] * len(nodes.names)
        self.kinds: list[Kind] = []
        self.functions: dict[tuple[Kind, bool], str] = {}
        self.names = _FunctionNames()
        self.kind = np.array(self._kinds(), dtype=np.intp)
        self.varies = np.array(nodes.varies)
        self.learns = np.array(nodes.learns)
        self.level = np.array(nodes.levels)
        self.count = np.array(list(map(len, nodes.operands)), dtype=np.intp)
        self.flat = np.array(list(itertools.chain.from_iterable(nodes.operands)), dtype=np.intp)
        self.start = np.cumsum(self.count) - self.count

    def _kinds(self) -> list[int]:
        """For each node the number of its kind; -1 for a leaf."""
        nodes, varies, learns = self.nodes, self.nodes.varies, self.nodes.learns
        known: dict[Any, int] = {}
        found = []
        passes = {name: [p.rule is not None for p in op.partials] for name, op in OPS.items()}
        passes[LIFT] = [True]
        variadic = {name for name, op in OPS.items() if op.arity is None}
        for name, operands, bits in zip(nodes.names, nodes.operands, self.bits):
            if name in LEAVES:
                found.append(-1)
                continue
            exponent = None
            if name in variadic:
                kinds: tuple[bool, ...] = (varies[operands[0]],)
                wanted: tuple[bool, ...] = (bool(bits) and any(learns[x] for x in operands),)
            else:
                kinds = tuple([varies[x] for x in operands])
                if bits:
                    wanted = tuple([learns[x] and p for x, p in zip(operands, passes[name])])
                else:
                    wanted = (False,) * len(operands)
                if name == "pow" and nodes.names[operands[1]] == CONSTANT:
                    number = nodes.numbers[operands[1]]
                    exponent = number if number in EXPONENTS else None
            key = (name, kinds, wanted, exponent)
            kind = known.get(key)
            if kind is None:
                kind = known[key] = len(self.kinds)
                self.kinds.append(Kind(name, name == LIFT or True in kinds, *key[1:]))
            found.append(kind)
        return found

    def run(self) -> Plan:
        nodes = self.nodes
        self.edges()
        self.place_nodes()
        single, rows = self.forward()
        d_rows, d_single, gradient = self.backward()
        names = np.array(nodes.names)
        row = self.row
        inputs = row[names == INPUT]
        numbers = np.zeros(self.n_single)
        constants = np.flatnonzero(names == CONSTANT)
        numbers[row[constants]] = np.array(nodes.numbers)[constants]

        def places(chosen: list[int]) -> list[tuple[bool, int]]:
            return [(nodes.varies[x], int(row[x])) for x in chosen]

        return Plan(
            self.functions,
            (self.n_rows, self.n_single, self.n_d_rows, self.n_d_single),
            numbers,
            inputs,
            single,
            rows,
            d_rows,
            d_single,
            places(nodes.roots),
            places(nodes.wanted),
            gradient,
            self.summed,
            len(self.order),
        )

    def edges(self) -> None:
        """The pairs of a root and a node that its derivative comes to, and what reports to them."""
        nodes, k = self.nodes, len(self.nodes.roots)
        if k == 1:
            node = np.flatnonzero(np.array(self.bits))
            root = np.zeros(len(node), dtype=np.intp)
        else:
            size = k // 8 + 1
            data = b"".join([bits.to_bytes(size, "little") for bits in self.bits])
            table = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
            node, root = np.nonzero(np.unpackbits(table, axis=1, bitorder="little"))
        self.pair_node, self.pair_root = node, root
        place_of = np.full((k, len(nodes.names)), -1)
        place_of[root, node] = np.arange(len(node))
        pair, place, operand = self.expand(node)
        wants = np.array([[*x.wanted, False, False][:3] for x in self.kinds] or [[False] * 3])
        several = np.array([x.variadic for x in self.kinds] or [False])
        kind = self.kind[node][pair]
        wanted = self.learns[operand] & wants[kind, np.where(several[kind], 0, place)]
        self.edge_pair, self.edge_place = pair[wanted], place[wanted]
        self.edge_operand = operand[wanted]
        self.edge_target = place_of[root[self.edge_pair], self.edge_operand]
        # How many reports a pair is the sum of, a root's own 1 included.
        reports = np.bincount(self.edge_target, minlength=len(node))
        self.seeds = np.array(
            [place_of[i, x] for i, x in enumerate(nodes.roots) if self.bits[x] >> i & 1],
            dtype=np.intp,
        )
        reports[self.seeds] += 1
        self.reports = reports

    def expand(self, nodes: Indices) -> tuple[Indices, Indices, Indices]:
        """For every operand of some nodes which of these, at which place, and the operand."""
        counts = self.count[nodes]
        which = np.repeat(np.arange(len(nodes)), counts)
        place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, place, self.flat[self.start[nodes][which] + place]

    def place_nodes(self) -> None:
        """Give each node a row; a group has successive ones."""
        nodes, n = self.nodes, len(self.nodes.names)
        names = np.array(nodes.names)
        operations = np.flatnonzero(self.kind >= 0)
        uses = np.zeros(n, dtype=np.intp)
        np.maximum.at(uses, self.pair_node, self.reports)
        by = [operations, -uses[operations]]
        by += [x[operations] for x in (self.count, self.kind, self.level, self.varies)]
        self.order = order = operations[np.lexsort(by)]
        self.row = row = np.zeros(n, dtype=np.intp)
        numbers = np.array(nodes.numbers)
        inputs, learnt = np.flatnonzero(names == INPUT), np.flatnonzero(names == PARAMETER)
        constants = np.flatnonzero(names == CONSTANT)
        row[inputs] = numbers[inputs]
        row[learnt] = numbers[learnt]
        row[constants] = self.parameters + np.arange(len(constants))
        split = int(np.searchsorted(self.varies[order], True))
        self.n_single = self.parameters + len(constants) + split
        row[order[:split]] = np.arange(self.n_single - split, self.n_single)
        self.n_rows = len(inputs) + len(order) - split
        row[order[split:]] = np.arange(len(inputs), self.n_rows)

    def groups(self, nodes: Indices) -> list[int]:
        """Where the groups of sorted nodes begin, and the end."""
        if not len(nodes):
            return [0]
        changes = np.zeros(len(nodes) - 1, dtype=bool)
        for attribute in (self.varies, self.level, self.kind, self.count):
            sorted_attribute = attribute[nodes]
            changes |= sorted_attribute[1:] != sorted_attribute[:-1]
        return [0, *(np.flatnonzero(changes) + 1).tolist(), len(nodes)]

    def function(self, kind: Kind, one: bool) -> str:
        """The name of the function for a kind, for one row or for several."""
        found = self.functions.get((kind, one))
        if found is None:
            found = self.functions[kind, one] = self.names.new(kind.name)
        return found

    def forward(self) -> tuple[list[Entry], list[Entry]]:
        """The tables of what is computed, for numbers and for rows."""
        order, row = self.order, self.row
        _, _, operands = self.expand(order)
        rows = row[operands]
        numbers, places = rows.tolist(), row[order].tolist()
        kinds, counts = self.kind[order].tolist(), self.count[order].tolist()
        tables: tuple[list[Entry], list[Entry]] = ([], [])
        at = 0
        for first, stop in itertools.pairwise(self.groups(order)):
            kind, count, size = self.kinds[kinds[first]], counts[first], stop - first
            end = at + size * count
            arguments: tuple[Any, ...]
            one = size == 1 and not kind.variadic
            if one:
                arguments = (places[first], *numbers[at:end])
            else:
                z = slice(places[first], places[first] + size)
                if kind.variadic:
                    arguments = (z, count, rows[at:end])
                else:
                    arguments = (z, *np.ascontiguousarray(rows[at:end].reshape(-1, count).T))
            tables[kind.varies].append((self.function(kind, one), arguments))
            at = end
        return tables

    def backward(self) -> tuple[list[Entry], list[Entry], tuple[Indices, Indices]]:
        """The tables of the derivatives, and what the gradient is made of."""
        node, root, reports = self.pair_node, self.pair_root, self.reports
        operations = np.flatnonzero(self.kind[node] >= 0)
        chosen = node[operations]
        by = [root[operations], self.row[chosen], -reports[operations]]
        by += [self.count[chosen], self.kind[chosen], -self.level[chosen], ~self.varies[chosen]]
        order = operations[np.lexsort(by)]
        rank = np.full(len(node), -1)
        rank[order] = np.arange(len(order))
        sorted_nodes = node[order]
        varies = self.varies[sorted_nodes]
        split = int(np.count_nonzero(varies))
        bounds = self.groups(sorted_nodes)
        # The rows of blocks of reports: sums over the batch come first, then a 1, then totals.
        bases = np.zeros((len(bounds) - 1, 3), dtype=np.intp)
        kinds, counts = self.kind[sorted_nodes].tolist(), self.count[sorted_nodes].tolist()
        next_row, next_sum, next_single = 1 + split, 0, 0
        for g, (first, stop) in enumerate(itertools.pairwise(bounds)):
            kind, size = self.kinds[kinds[first]], stop - first
            for place, operand_varies in enumerate(kind.operands):
                if kind.wanted[place] and not kind.passes_on(place):
                    width = size * counts[first] if kind.variadic else size
                    if operand_varies:
                        bases[g, place], next_row = next_row, next_row + width
                    elif kind.varies:
                        bases[g, place], next_sum = next_sum, next_sum + width
                    else:
                        bases[g, place], next_single = next_single, next_single + width
        self.summed = next_sum
        total = np.arange(len(order)) + 1
        total[split:] += next_sum - split
        self.n_d_rows = next_row
        self.n_d_single = next_sum + 1 + len(order) - split + next_single
        for g, first in enumerate(bounds[:-1]):
            kind = self.kinds[kinds[first]]
            if not kind.varies:
                bases[g] += next_sum + 1 + len(order) - split
        source = self.sources(rank, bounds, bases, total)
        tables = self.tables(order, bounds, bases, total, split, rank, source)
        return *tables, self.gradient(source)

    def sources(self, rank: Indices, bounds: list[int], bases: Indices, total: Indices) -> Indices:
        """For each report the row or entry in which it is found."""
        position = rank[self.edge_pair]
        group = np.searchsorted(np.array(bounds), position, side="right") - 1
        kind = self.kind[self.pair_node[self.edge_pair]]
        passing = np.array(
            [[p < len(x.operands) and x.passes_on(p) for p in range(3)] for x in self.kinds]
            or [[False] * 3]
        )
        several = np.array([x.variadic for x in self.kinds] or [False])
        place = np.where(several[kind], 0, self.edge_place)
        offset = position - np.array(bounds)[group]
        count = self.count[self.pair_node[self.edge_pair]]
        offset = np.where(several[kind], offset * count + self.edge_place, offset)
        own = bases[group, place] + offset
        found: Indices = np.where(passing[kind, place], total[position], own)
        return found

    def tables(
        self,
        order: Indices,
        bounds: list[int],
        bases: Indices,
        total: Indices,
        split: int,
        rank: Indices,
        source: Indices,
    ) -> tuple[list[Entry], list[Entry]]:
        inner = rank[self.edge_target] >= 0
        seeds = self.seeds[rank[self.seeds] >= 0]
        seed_rows = np.where(self.varies[self.pair_node[seeds]], 0, self.summed)
        targets = np.concatenate([rank[seeds], rank[self.edge_target[inner]]])
        found = np.concatenate([seed_rows, source[inner]])
        found = found[np.argsort(targets, kind="stable")]
        numbers, totals = found.tolist(), total.tolist()
        reports = self.reports[order]
        node = self.pair_node[order]
        _, _, operands = self.expand(node)
        rows, places = self.row[operands], self.row[node]
        row_numbers, place_numbers = rows.tolist(), places.tolist()
        kinds, counts = self.kind[node].tolist(), self.count[node].tolist()
        changes = np.flatnonzero(reports[1:] != reports[:-1]) + 1
        runs = iter([*changes.tolist(), len(order)])
        run = next(runs) if len(order) else 0
        report_counts = reports.tolist()
        tables: tuple[list[Entry], list[Entry]] = ([], [])
        at = report_at = 0
        for g, (first, stop) in enumerate(itertools.pairwise(bounds)):
            table = tables[first >= split]
            suffix = "rows" if first < split else "single"
            begin = first
            while begin < stop:
                while run <= begin:
                    run = next(runs)
                end, n = min(run, stop), report_counts[begin]
                report_end = report_at + (end - begin) * n
                one = end - begin == 1
                dz: Any = totals[begin] if one else slice(totals[begin], totals[end - 1] + 1)
                if n == 1:
                    name = "take_one" if one else "take"
                    which: Any = numbers[report_at] if one else found[report_at:report_end]
                    table.append((f"{name}_{suffix}", (dz, which)))
                else:
                    table.append((f"add_{suffix}", (dz, n, found[report_at:report_end])))
                begin, report_at = end, report_end
            kind, count, size = self.kinds[kinds[first]], counts[first], stop - first
            end = at + size * count
            blocks = [p for p, w in enumerate(kind.wanted) if w and not kind.passes_on(p)]
            if blocks:
                one = size == 1 and not kind.variadic
                starts = [int(bases[g, p]) for p in blocks]
                arguments: tuple[Any, ...]
                if one:
                    arguments = (place_numbers[first], *row_numbers[at:end])
                    arguments += (totals[first], *starts)
                else:
                    dz = slice(totals[first], totals[first] + size)
                    if kind.variadic:
                        arguments = (places[first:stop], count, rows[at:end])
                        size *= count
                    else:
                        columns = np.ascontiguousarray(rows[at:end].reshape(-1, count).T)
                        arguments = (places[first:stop], *columns)
                    arguments += (dz, *[slice(x, x + size) for x in starts])
                table.append((f"d_{self.function(kind, one)}", arguments))
            at = end
        return tables

    def gradient(self, source: Indices) -> tuple[Indices, Indices]:
        """For reports to parameters their places among the derivatives, and their entries."""
        numbers = np.array(self.nodes.numbers)
        leaf = self.kind[self.edge_operand] < 0
        root = self.pair_root[self.edge_pair]
        place = root[leaf] * self.parameters + numbers[self.edge_operand[leaf]].astype(np.intp)
        seeds = self.seeds[self.kind[self.pair_node[self.seeds]] < 0]
        seeded = self.pair_root[seeds] * self.parameters
        seeded = seeded + numbers[self.pair_node[seeds]].astype(np.intp)
        entries = np.concatenate([source[leaf], np.full(len(seeds), self.summed)])
        return np.concatenate([place, seeded]), entries


class _FunctionNames:
    """Names for functions, each given once: ``mul``, ``mul_2``."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def new(self, name: str) -> str:
        count = self.counts[name] = self.counts.get(name, 0) + 1
        return f"{name}_{count}"


def _size(rows: slice | Indices) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)
