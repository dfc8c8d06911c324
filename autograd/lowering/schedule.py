"""Schedule: which nodes become one array operation, in which order, in which rows.

Nodes go on levels, as late as their consumers allow, so that a number is made shortly before it is
used and what a sum adds up is made at one time. Equal operations of a level are a block, and
so are all affine forms of the same varying operands. A block's results are successive rows, which
are ordered like those of the operands, so that operands are slices. What depends on the data
alone is a stage of its own, done once for a batch, however often the parameters change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..text import escape, shortened
from .arrays import COMMUTATIVE
from .graph import AFFINE, CONSTANT, INPUT, ONE, PARAMETER, Graph, Operations
from .lowered import UNWANTED, Lowered
from .products import WORTHWHILE

REDUCTIONS = frozenset({"sum", "largest"})
ONCE, EVERY_STEP = 0, 1


@dataclass
class Block:
    """Nodes that are computed together.

    Attributes:
        name: the operation: ``affine``, one of ``REDUCTIONS``, ``sum:...``, or elementwise.
        members: the nodes, in the order of their rows.
        stage: ``ONCE`` for a batch, or ``EVERY_STEP``.
        varies: whether there is a number for each instance.
        operands: elementwise: for each place the operand of each member; otherwise for each member
            its operands, or its coefficients, the bias last.
        columns: of an affine block: the varying operands that all members share, and ``ONE`` last
            if they have a bias.
        one_after: whether a row of ones follows the block.
        copies: of an affine block: how many products of one matrix it is. The members and the
            columns are then those of one product after the other, and the operands of the first.
    """

    name: str
    members: list[int]
    stage: int
    varies: bool
    operands: list[list[int]] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    one_after: bool = False
    copies: int = 1

    @property
    def elementwise(self) -> bool:
        """Whether ``operands`` is by place and not by member."""
        return self.name != AFFINE and self.name not in REDUCTIONS

    def some(self, places: list[int]) -> Block:
        """A block of some of the members, before they are arranged."""
        operands = [self.operands[i] for i in places] if self.elementwise else []
        return Block(
            self.name, [self.members[i] for i in places], self.stage, self.varies, operands
        )


@dataclass(frozen=True)
class Products:
    """Averages of products u v that are derivatives.

    Attributes:
        rows: the nodes u.
        columns: the nodes v.
        positions: which derivatives these are, row by row.
        first: whether they are stored, or added to what others stored.
        full: whether every u_i v_j is meant, a matrix product over the batch, or only u_i v_i.
        entries: for each position its place in the flat matrix; None if all are wanted.
        copies: how many matrices of such products are added up; their rows and columns are listed
            one after the other.
    """

    rows: list[int]
    columns: list[int]
    positions: list[int]
    first: bool
    full: bool = False
    entries: list[int] | None = None
    copies: int = 1


@dataclass(frozen=True)
class Schedule:
    """The array program, before it is written in some array language.

    Attributes:
        lowered: the graph and its outputs; the factors of an average are in the order of rows.
        inputs: the nodes of the inputs, of which each is a row.
        one: the node that is 1 for every instance.
        blocks: in the order in which they are computed, those of stage ``ONCE`` first.
        grids: how the derivatives are averaged.
        cleared: the derivatives that no grid stores first, so that they start at 0.
        invariant: the nodes to add to derivatives, and their positions.
        varies: for each node whether it depends on the instance.
    """

    lowered: Lowered
    inputs: list[int]
    one: int
    blocks: list[Block]
    grids: list[Products]
    cleared: list[int]
    invariant: list[tuple[int, int]]
    varies: list[bool]

    def operations(self) -> list[Operations]:
        """A line for each block, and for each average."""
        labels = self.lowered.graph.labels
        found = []
        for block in self.blocks:
            when = "every step" if block.stage == EVERY_STEP else "once"
            label = shortened(escape(labels.get(block.members[0], "")))
            found.append(Operations(when, block.name, len(block.members), 1, label))
        for grid in self.grids:
            found.append(Operations("every step", "average", len(grid.positions), 1, "derivatives"))
        return found + [Operations("every step", "average", 1, 1, "value")] * len(
            self.lowered.values
        )


def schedule(lowered: Lowered) -> Schedule:
    """Put the nodes that the outputs need into blocks, and these in order."""
    graph = lowered.graph
    inputs, one = [graph.leaf(INPUT, i) for i in range(lowered.inputs)], graph.leaf(ONE)
    varies = graph.depends_on(INPUT, ONE)
    blocks = _Grouping(lowered, varies).blocks()
    _reserve_ones(blocks, graph)
    order = _Order(inputs, one)
    reducers = _reducers(blocks, graph)
    for block in blocks:
        _arrange(block, graph, order, reducers, varies, one)
    values = [
        replace(x, pairs=sorted(x.pairs, key=lambda pair: (order[pair[1]], order[pair[0]])))
        for x in lowered.values
    ]
    invariant = [
        (x.rest, position)
        for position, x in lowered.gradients.items()
        if x.rest is not None and not graph.is_constant(x.rest, 0.0)
    ]
    grids, cleared = _grids(lowered, order)
    return Schedule(
        replace(lowered, values=values), inputs, one, blocks, grids, cleared, invariant, varies
    )


class _Grouping:
    """Which nodes are computed together, and in which order.

    Attributes:
        varies: for each node whether it depends on the instance.
        learns: whether it depends on a parameter.
        depths: how many operations of its like are still to come after it, at the latest.
        keys: what the affine forms of one matrix product have in common.
    """

    def __init__(self, lowered: Lowered, varies: list[bool]) -> None:
        self.graph, self.varies = lowered.graph, varies
        self.learns = self.graph.depends_on(PARAMETER)
        reached = lowered.reached()
        self.nodes = [
            x for x, operands in enumerate(self.graph.operands) if reached[x] and operands
        ]
        self.depths = [0] * len(self.graph)
        self.keys: dict[int, tuple[object, ...]] = {}

    def blocks(self) -> list[Block]:
        """The blocks, by stage, and by level from the deepest up."""
        self.find_depths()
        names, operands = self.graph.names, self.graph.operands
        none: list[int] = []
        found: dict[tuple[object, ...], Block] = {}
        first: dict[tuple[object, ...], tuple[int, int, int]] = {}
        for node in self.nodes:
            stage = EVERY_STEP if self.learns[node] else ONCE
            name, depth, ordered = names[node], self.depths[node], none
            if name == AFFINE:
                key = self.keys[node]
            elif name in REDUCTIONS:
                key = (stage, self.varies[node], depth, name, len(operands[node]))
            else:
                ordered = self.in_order(node)
                key = (stage, self.varies[node], depth, name, self.likeness(ordered))
            block = found.get(key)
            if block is None:
                block = found[key] = Block(name, [], stage, self.varies[node])
                first[key] = (stage, -depth, node)
            block.members.append(node)
            if ordered:
                block.operands.append(ordered)
        in_order = [found[key] for key in sorted(found, key=first.__getitem__)]
        return _split(self.stacked(in_order), self.graph)

    def stacked(self, blocks: list[Block]) -> list[Block]:
        """Put products of one matrix, as of each letter of a text, together where none waits for
        another.
        """
        operands = self.graph.operands
        found: dict[tuple[object, ...], Block] = {}
        for block in blocks:
            node = block.members[0]
            key: tuple[object, ...] = (node,)
            if block.name == AFFINE and block.varies:
                # Without a bias, and with the columns in one order.
                orders = {operands[x][1::2] for x in block.members}
                if len(operands[node]) % 2 == 0 and len(orders) == 1:
                    matrix = tuple([operands[x][::2] for x in block.members])
                    key = (block.stage, self.depths[node], matrix)
            first = found.setdefault(key, block)
            if first is not block:
                first.members += block.members
                first.copies += 1
        return list(found.values())

    def find_depths(self) -> None:
        """Find ``depths`` and ``keys``.

        What varies first: the coefficients of an affine block must be there for its first member,
        and a node's consumers have greater numbers, but a coefficient's block need not.
        """
        depths, varies = self.depths, self.varies
        names, operands = self.graph.names, self.graph.operands
        shared: dict[tuple[object, ...], int] = {}
        for wanted in (True, False):
            for node in reversed(self.nodes):
                if varies[node] != wanted:
                    continue
                inside: Sequence[int] = operands[node]
                if names[node] == AFFINE:
                    columns = sorted(inside[1::2])
                    key = AFFINE, self.learns[node], len(inside) % 2, tuple(columns)
                    self.keys[node] = key
                    depth = depths[node] = max(depths[node], shared.get(key, 0))
                    # What varies of all of them are the columns, and these are deep enough already.
                    inside = () if shared.get(key) == depth else columns
                    shared[key] = depth
                self.deepen(node, inside, wanted)
            if wanted:
                for node in self.nodes:
                    if varies[node]:
                        inside = operands[node]
                        if node in self.keys:
                            depths[node] = shared[self.keys[node]]
                            inside = inside[::2]  # the coefficients
                        self.deepen(node, inside, False)

    def deepen(self, node: int, operands: Sequence[int], vary: bool) -> None:
        """Put those of some operands that are of one sort before a node."""
        depths, varies, learns = self.depths, self.varies, self.learns
        depth, learn = depths[node] + 1, learns[node]
        for x in operands:
            if depths[x] < depth and varies[x] == vary and learns[x] == learn:
                depths[x] = depth

    def in_order(self, node: int) -> list[int]:
        """The operands; where their order is free, in one that is the same for equal nodes."""
        names, varies, depths = self.graph.names, self.varies, self.depths
        operands = list(self.graph.operands[node])
        if names[node] in COMMUTATIVE:
            operands.sort(key=lambda x: (names[x] == CONSTANT, varies[x], -depths[x]))
        return operands

    def likeness(self, operands: list[int]) -> tuple[object, ...]:
        """Which are constants, and which vary."""
        names, numbers, varies = self.graph.names, self.graph.numbers, self.varies
        # A number as text, because True and 1.0 are equal, and nan is not even equal to itself.
        return tuple([repr(numbers[x]) if names[x] == CONSTANT else varies[x] for x in operands])


def _split(blocks: list[Block], graph: Graph) -> list[Block]:
    """Part what only met by chance: members whose operands are from different blocks.

    A parcel is computed by itself if it takes all that a block gave, row by row, so that nothing
    has to be gathered for it. The others stay together, and so do many small ones, as of a graph
    without layers: of them each call would be dearer than what is gathered.
    """
    home: dict[int, int] = {}
    sizes: dict[int, int] = {}
    result: list[Block] = []
    for block in blocks:
        for parcel in _parcels(block, graph, home, sizes):
            whole = len(parcel) == len(block.members)
            result.append(block if whole else block.some(parcel))
            home.update(dict.fromkeys(result[-1].members, len(result)))
            sizes[len(result)] = len(parcel)
    return result


def _parcels(
    block: Block, graph: Graph, home: dict[int, int], sizes: dict[int, int]
) -> list[list[int]]:
    """The members of a block, by their places, as they had better be computed."""
    parcels: dict[tuple[object, ...], list[int]] = {}
    members = range(len(block.members))
    rows = block.operands if block.elementwise else [graph.operands[x] for x in block.members]
    if block.name != AFFINE and len(members) > 2:
        for i, operands in enumerate(rows):
            told = operands if block.elementwise else operands[:1]
            origin = tuple([home.get(x, graph.names[x]) for x in told])
            parcels.setdefault(origin, []).append(i)
    if len(parcels) <= 1:
        return [list(members)]

    def takes_all(origin: tuple[object, ...], parcel: list[int]) -> bool:
        for place, source in enumerate(origin):
            if block.elementwise:
                taken = [rows[i][place] for i in parcel]
            else:
                taken = [x for i in parcel for x in rows[i]]
            if not isinstance(source, int) or len({*taken}) == len(taken) == sizes[source]:
                return True
        return False

    several = [
        parcel
        for origin, parcel in parcels.items()
        if len(parcel) > 1 and takes_all(origin, parcel)
    ]
    if len(several) > WORTHWHILE:
        several = [parcel for parcel in several if len(parcel) > 2 * WORTHWHILE]
    chosen = {i for parcel in several for i in parcel}
    rest = [i for i in members if i not in chosen]
    return [*several, rest] if rest else several


def _reserve_ones(blocks: list[Block], graph: Graph) -> None:
    """A row of ones after each block that is multiplied together with a bias."""
    home = {node: block for block in blocks for node in block.members}
    for block in blocks:
        operands = graph.operands[block.members[0]]
        if block.name == AFFINE and len(operands) % 2:
            columns = set(operands[1::2])
            homes = [home.get(x) for x in columns]
            if homes[0] is not None and len(homes[0].members) == len(columns):
                homes[0].one_after |= all(x is homes[0] for x in homes)


class _Order(dict[int, tuple[int, int]]):
    """A key for every node to sort by, so that blocks are kept in the same order."""

    def __init__(self, inputs: list[int], one: int) -> None:
        super().__init__({node: (1, i) for i, node in enumerate(inputs)})
        self[one] = 1, 1 << 60

    def __missing__(self, node: int) -> tuple[int, int]:
        """The key of a leaf that is no input: these are in the order of their numbers."""
        return 0, node

    def append(self, nodes: Sequence[int]) -> None:
        for node in nodes:
            self[node] = 1, len(self)


def _reducers(blocks: list[Block], graph: Graph) -> dict[int, int]:
    """For the operands of reductions of several members: which member uses each."""
    return {
        operand: member
        for block in blocks
        if block.name in REDUCTIONS and len(block.members) > 1
        for member in block.members
        for operand in graph.operands[member]
    }


def _arrange(
    block: Block,
    graph: Graph,
    order: _Order,
    reducers: dict[int, int],
    varies: list[bool],
    one: int,
) -> None:
    """Put the members, and what they are computed from, in order, and number the members."""
    members = block.members
    if block.copies > 1:
        _arrange_copies(block, graph, order)
    elif not block.elementwise:
        rows = []
        turns: dict[tuple[int, ...], list[int]] = {}  # nearly always those of one member are of all
        for node in members:
            operands = graph.operands[node]
            if block.name == AFFINE:
                columns, coefficients = operands[1::2], operands[::2]
                turn = turns.get(columns)
                if turn is None:
                    turn = turns[columns] = sorted(
                        range(len(columns)), key=lambda i: order[columns[i]]
                    )
                bias = coefficients[len(columns) :]
                inside = [*[coefficients[i] for i in turn], *bias]
                block.columns = [*[columns[i] for i in turn], *[one] * len(bias)]
            else:
                inside = sorted(operands, key=order.__getitem__)
            rows.append((order[inside[0]], node, inside))
        rows.sort()
        block.members = [node for _, node, _ in rows]
        block.operands = [inside for _, _, inside in rows]
    else:
        keys = []
        for node, row in zip(members, block.operands):
            guide = 0
            for x in row:
                if varies[x] == block.varies and graph.names[x] != CONSTANT:
                    guide = x
                    break
            keys.append((reducers.get(node, -1), order[guide], [order[x] for x in row], node))
        positions = sorted(range(len(members)), key=keys.__getitem__)
        block.members = [members[i] for i in positions]
        by_member = [block.operands[i] for i in positions]
        block.operands = [list(place) for place in zip(*by_member)]
    order.append(block.members)


def _arrange_copies(block: Block, graph: Graph, order: _Order) -> None:
    """The same for products of one matrix: all are in the order of the first."""
    n = len(block.members) // block.copies
    products = [block.members[i : i + n] for i in range(0, len(block.members), n)]
    columns = {product[0]: graph.operands[product[0]][1::2] for product in products}
    products.sort(key=lambda product: order[columns[product[0]][0]])
    first = products[0]
    turn = sorted(range(len(columns[first[0]])), key=lambda j: order[columns[first[0]][j]])
    rows = [[graph.operands[node][::2][j] for j in turn] for node in first]
    lines = sorted(range(n), key=lambda i: order[rows[i][0]])
    block.members = [product[i] for product in products for i in lines]
    block.columns = [columns[product[0]][j] for product in products for j in turn]
    block.operands = [rows[i] for i in lines]


def _grids(lowered: Lowered, order: _Order) -> tuple[list[Products], list[int]]:
    """How the products of all derivatives are averaged, and which of them start at 0."""
    found: list[Products] = []
    written: set[int] = set()
    cleared: list[int] = []
    alike: dict[tuple[object, ...], int] = {}  # matrices of the same derivatives
    for outer in sorted(lowered.outers, key=lambda outer: outer.positions):
        # From the top of the matrix down, and its columns as they lie in memory.
        by_column = sorted(range(len(outer.columns)), key=lambda j: order[outer.columns[j]])
        by_row = sorted(range(len(outer.rows)), key=lambda i: order[outer.rows[i]])
        flat = [outer.positions[i][j] for i in by_row for j in by_column]
        positions = [position for position in flat if position != UNWANTED]
        entries = None
        if len(positions) < len(flat):
            entries = [entry for entry, position in enumerate(flat) if position != UNWANTED]
        rows, columns = [outer.rows[i] for i in by_row], [outer.columns[j] for j in by_column]
        key = len(rows), tuple(positions), tuple(entries or ())
        if key in alike:
            same = found[alike[key]]
            rows, columns = same.rows + rows, same.columns + columns
            found[alike[key]] = replace(same, rows=rows, columns=columns, copies=same.copies + 1)
            continue
        alike[key] = len(found)
        first = written.isdisjoint(positions)
        found.append(Products(rows, columns, positions, first, True, entries))
        if not first:
            cleared += sorted(set(positions) - written)
        written.update(positions)
    turns: dict[int, list[tuple[int, int, int]]] = {}
    for position, output in lowered.gradients.items():
        for turn, (u, v) in enumerate(output.pairs):
            turns.setdefault(turn + (position in written), []).append((position, u, v))
    for turn, pairs in sorted(turns.items()):
        pairs.sort(key=lambda pair: order[pair[1]])
        places, us, vs = (list(column) for column in zip(*pairs))
        found.append(Products(us, vs, places, turn == 0))
    return found, cleared
