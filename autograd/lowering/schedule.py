"""Schedule: which nodes become one array operation, in which order, in which rows.

Nodes go on levels, as late as their consumers allow, so that a number is made shortly before it is
used and what a sum adds up is made at one time. Equal operations of a level are a group, and
so are all affine forms of the same varying operands. A group's results are the rows of one block;
rows are ordered like those of the operands, so that operands are slices. What depends on the data
alone is a stage of its own, done once for a batch, however often the parameters change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .arrays import COMMUTATIVE
from .differentiate import UNWANTED
from .graph import AFFINE, CONSTANT, INPUT, Graph
from .products import WORTHWHILE
from .select import Average, Selection

REDUCTIONS = frozenset({"sum", "largest"})
ONCE, EVERY_STEP = 0, 1


@dataclass
class Group:
    """Nodes that are computed together.

    Attributes:
        name: the operation: ``affine``, one of ``REDUCTIONS``, ``sum:...``, or elementwise.
        members: the nodes, in the order of their rows.
        stage: ``ONCE`` for a batch, or ``EVERY_STEP``.
        varying: whether there is a number for each instance.
        operands: elementwise: for each place the operand of each member; otherwise for each member
            its operands, or its coefficients, the bias last.
        columns: of an affine group: the varying operands that all members share, and ``ONE`` last
            if they have a bias.
        one_after: whether a row of ones follows the block.
    """

    name: str
    members: list[int]
    stage: int
    varying: bool
    operands: list[list[int]] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    one_after: bool = False

    @property
    def elementwise(self) -> bool:
        """Whether ``operands`` is by place and not by member."""
        return self.name != AFFINE and self.name not in REDUCTIONS


@dataclass(frozen=True)
class Grid:
    """Averages of u_i v_j for every i and j: a matrix product over the batch.

    Attributes:
        rows: the nodes u_i.
        columns: the nodes v_j.
        positions: which gradients these are, row by row.
        entries: for each position its place in the flat matrix; None if all are wanted.
        first: whether it is stored, or added to what an earlier grid stored.
    """

    rows: list[int]
    columns: list[int]
    positions: list[int]
    entries: list[int] | None
    first: bool


@dataclass(frozen=True)
class Pairs:
    """Averages of u_i v_i, where they are no grid."""

    rows: list[int]
    columns: list[int]
    positions: list[int]
    first: bool


@dataclass
class Schedule:
    """The array program, before it is written in some array language.

    Attributes:
        graph: the nodes.
        inputs: the nodes of the inputs, of which each is a row.
        parameters: how many there are.
        one: the node that is 1 for every instance.
        groups: in the order in which they are computed, those of stage ``ONCE`` first.
        values: the averaged outputs.
        grids: how the gradients are averaged.
        cleared: the gradients that no grid stores first, so that they start at 0.
        invariant: the nodes to add to gradients, and their positions.
        gradients: how many there are.
        rows: the outputs wanted for each instance.
        varying: for each node whether it depends on the instance.
    """

    graph: Graph
    inputs: list[int]
    parameters: int
    one: int
    groups: list[Group]
    values: list[Average]
    grids: list[Grid | Pairs]
    cleared: list[int]
    invariant: list[tuple[int, int]]
    gradients: int
    rows: list[int]
    varying: list[bool]


def schedule(selection: Selection, inputs: int, parameters: int, gradients: int) -> Schedule:
    """Group, order and number the nodes that the outputs of a selection need."""
    graph, one = selection.graph, selection.one
    groups = _group(selection)
    _reserve_ones(groups, selection)
    order = _Order([graph.leaf(INPUT, i) for i in range(inputs)], one)
    reducers = _reducers(groups, graph)
    for group in groups:
        _arrange(group, graph, order, reducers, selection.varying, one)
    for output in selection.values:
        output.pairs.sort(key=lambda pair: (order.key(pair[1]), order.key(pair[0])))
    invariant = [
        (output.invariant, position)
        for position, output in selection.gradients.items()
        if output.invariant is not None and not graph.is_constant(output.invariant, 0.0)
    ]
    grids, cleared = _grids(selection, order)
    return Schedule(
        graph,
        [graph.leaf(INPUT, i) for i in range(inputs)],
        parameters,
        one,
        groups,
        selection.values,
        grids,
        cleared,
        invariant,
        gradients,
        selection.rows,
        selection.varying,
    )


def _group(selection: Selection) -> list[Group]:
    """The groups, by stage, and by level from the deepest up."""
    graph, varying, learnt = selection.graph, selection.varying, selection.learnt
    reached = graph.reachable(selection.roots())
    names, operands = graph.names, graph.operands
    nodes = [node for node in range(len(graph)) if reached[node] and operands[node]]
    # How many operations are still to come after a node, at the latest.
    depths = [0] * len(graph)
    shared_depths: dict[tuple[object, ...], int] = {}
    keys: dict[int, tuple[object, ...]] = {}
    # What varies first: the coefficients of an affine group must be there for its first member,
    # and a node's consumers have greater numbers, but a coefficient's group need not.
    for wanted in (True, False):
        for node in reversed(nodes):
            if varying[node] == wanted and names[node] == AFFINE:
                key = keys[node] = _affine_key(graph, node, varying, learnt)
                depths[node] = shared_depths[key] = max(depths[node], shared_depths.get(key, 0))
            if varying[node] == wanted:
                for x in operands[node]:
                    if varying[x] == wanted and learnt[x] == learnt[node]:
                        depths[x] = max(depths[x], depths[node] + 1)
        if wanted:
            for node in nodes:
                if varying[node]:
                    if node in keys:
                        depths[node] = shared_depths[keys[node]]
                    for x in operands[node]:
                        if not varying[x] and learnt[x] == learnt[node]:
                            depths[x] = max(depths[x], depths[node] + 1)
    found: dict[tuple[object, ...], Group] = {}
    first: dict[tuple[object, ...], tuple[int, int, int]] = {}
    for node in nodes:
        stage = EVERY_STEP if learnt[node] else ONCE
        name, depth = names[node], depths[node]
        if name == AFFINE:
            ordered: list[int] = []
            key = keys[node]
        elif name in REDUCTIONS:
            ordered = []
            key = (stage, varying[node], depth, name, len(operands[node]))
        else:
            ordered = _in_order(graph, node, varying, depths)
            kinds = [graph.numbers[x] if names[x] == CONSTANT else varying[x] for x in ordered]
            # As text, because True and 1.0 are equal, and nan is not even equal to itself.
            key = (stage, varying[node], depth, name, repr(kinds))
        group = found.get(key)
        if group is None:
            group = found[key] = Group(name, [], stage, varying[node])
            first[key] = (stage, -depth, node)
        group.members.append(node)
        if ordered:
            group.operands.append(ordered)
    return _split([found[key] for key in sorted(found, key=first.__getitem__)], graph)


def _split(groups: list[Group], graph: Graph) -> list[Group]:
    """Part what only met by chance: members whose operands are from different groups.

    Together they would have to be gathered first. Where there are many small parts, as in a graph
    without layers, gathering is the cheaper of the two, and they stay together.
    """
    home: dict[int, int] = {}
    result: list[Group] = []
    for group in groups:
        parts: dict[tuple[object, ...], list[int]] = {}
        if group.name != AFFINE and len(group.members) > 2:
            for i, node in enumerate(group.members):
                operands = group.operands[i] if group.elementwise else graph.operands[node][:1]
                origin = tuple([home.get(x, graph.names[x]) for x in operands])
                parts.setdefault(origin, []).append(i)
        several = [part for part in parts.values() if len(part) > 1]
        if len(several) > WORTHWHILE:
            several = [part for part in several if len(part) > 2 * WORTHWHILE]
        if len(parts) > 1:
            chosen = {i for part in several for i in part}
            rest = [i for i in range(len(group.members)) if i not in chosen]
            for part in [*several, rest]:
                if part:
                    result.append(
                        Group(
                            group.name,
                            [group.members[i] for i in part],
                            group.stage,
                            group.varying,
                            [group.operands[i] for i in part] if group.elementwise else [],
                        )
                    )
                    home.update(dict.fromkeys(result[-1].members, len(result)))
        else:
            result.append(group)
            home.update(dict.fromkeys(group.members, len(result)))
    return result


def _affine_key(
    graph: Graph, node: int, varying: list[bool], learnt: list[bool]
) -> tuple[object, ...]:
    operands = graph.operands[node]
    return AFFINE, learnt[node], len(operands) % 2, tuple(sorted(operands[1::2]))


def _in_order(graph: Graph, node: int, varying: list[bool], depths: list[int]) -> list[int]:
    """The operands; where their order is free, in one that is the same for equal nodes."""
    operands = list(graph.operands[node])
    if graph.names[node] in COMMUTATIVE:
        operands.sort(key=lambda x: (graph.names[x] == CONSTANT, varying[x], -depths[x]))
    return operands


def _reserve_ones(groups: list[Group], selection: Selection) -> None:
    """A row of ones after each block that is multiplied together with a bias."""
    home = {node: group for group in groups for node in group.members}
    wanted: list[set[int]] = []
    for group in groups:
        if group.name == AFFINE and len(selection.graph.operands[group.members[0]]) % 2:
            wanted.append(set(selection.graph.operands[group.members[0]][1::2]))
    for columns in wanted:
        homes = {id(home[x]) if x in home else 0 for x in columns}
        if len(homes) == 1:
            group_of = home.get(next(iter(columns)))
            if group_of is not None and len(group_of.members) == len(columns):
                group_of.one_after = True


class _Order:
    """The place of every node among its like, by which blocks are kept in the same order."""

    def __init__(self, inputs: list[int], one: int) -> None:
        self.places: dict[int, int] = {node: i for i, node in enumerate(inputs)}
        self.places[one] = 1 << 60

    def key(self, node: int) -> tuple[int, int]:
        """A key to sort by; leaves that are not inputs are in the order of their numbers."""
        place = self.places.get(node)
        return (0, node) if place is None else (1, place)

    def append(self, nodes: Sequence[int]) -> None:
        for node in nodes:
            self.places[node] = len(self.places)


def _reducers(groups: list[Group], graph: Graph) -> dict[int, int]:
    """For the operands of reductions of several members: which member uses each."""
    return {
        operand: member
        for group in groups
        if group.name in REDUCTIONS and len(group.members) > 1
        for member in group.members
        for operand in graph.operands[member]
    }


def _arrange(
    group: Group,
    graph: Graph,
    order: _Order,
    reducers: dict[int, int],
    varying: list[bool],
    one: int,
) -> None:
    """Put the members, and what they are computed from, in order, and number the members."""
    members = group.members
    if group.name == AFFINE:
        rows = []
        for node in members:
            operands = graph.operands[node]
            products = sorted(
                zip(operands[1::2], operands[0::2]), key=lambda product: order.key(product[0])
            )
            bias = list(operands[-1:]) if len(operands) % 2 else []
            rows.append(([c for _, c in products] + bias, [x for x, _ in products], node))
        rows.sort(key=lambda row: (order.key(row[0][0]), row[2]))
        group.columns = rows[0][1] + ([one] if len(rows[0][0]) > len(rows[0][1]) else [])
        group.operands = [row[0] for row in rows]
        group.members = [row[2] for row in rows]
    elif group.name in REDUCTIONS:
        inside = [sorted(graph.operands[node], key=order.key) for node in members]
        pairs = sorted(zip(inside, members), key=lambda pair: (order.key(pair[0][0]), pair[1]))
        group.operands = [pair[0] for pair in pairs]
        group.members = [pair[1] for pair in pairs]
    else:
        guides = [
            next((x for x in row if varying[x] == group.varying and graph.names[x] != CONSTANT), 0)
            for row in group.operands
        ]
        keys = [
            (reducers.get(node, -1), order.key(guide), [order.key(x) for x in row], node)
            for node, guide, row in zip(members, guides, group.operands)
        ]
        positions = sorted(range(len(members)), key=keys.__getitem__)
        group.members = [members[i] for i in positions]
        by_member = [group.operands[i] for i in positions]
        group.operands = [list(place) for place in zip(*by_member)]
    order.append(group.members)


def _grids(selection: Selection, order: _Order) -> tuple[list[Grid | Pairs], list[int]]:
    """How the products of all gradients are averaged, and which gradients start at 0."""
    found: list[Grid | Pairs] = []
    written: set[int] = set()
    cleared: list[int] = []
    for outer in sorted(selection.outers, key=lambda outer: outer.positions):
        # From the top of the matrix down, and its columns as they lie in memory.
        by_column = sorted(range(len(outer.columns)), key=lambda j: order.key(outer.columns[j]))
        by_row = sorted(range(len(outer.rows)), key=lambda i: order.key(outer.rows[i]))
        flat = [outer.positions[i][j] for i in by_row for j in by_column]
        positions = [position for position in flat if position != UNWANTED]
        entries = None
        if len(positions) < len(flat):
            entries = [entry for entry, position in enumerate(flat) if position != UNWANTED]
        first = written.isdisjoint(positions)
        rows, columns = [outer.rows[i] for i in by_row], [outer.columns[j] for j in by_column]
        found.append(Grid(rows, columns, positions, entries, first))
        if not first:
            cleared += sorted(set(positions) - written)
        written.update(positions)
    turns: dict[int, list[tuple[int, int, int]]] = {}
    for position, output in selection.gradients.items():
        for turn, (u, v) in enumerate(output.pairs):
            turns.setdefault(turn + (position in written), []).append((position, u, v))
    for turn, pairs in sorted(turns.items()):
        pairs.sort(key=lambda pair: order.key(pair[1]))
        places, us, vs = (list(column) for column in zip(*pairs))
        found.append(Pairs(us, vs, places, turn == 0))
    return found, cleared
