"""The graph of a page as data: what the script in it computes with, and what it calls things.

A recorded pass goes in. Out come the nodes as arrays, operands before what is made of them, so that
the pass goes from the last of them to the first; the rows of the operation table that they use, in
JavaScript; and the groups that a picture would draw as boxes. Numbers travel as their bytes, so
that a page begins with Python's own to the last bit.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core import Value, functions
from ..core.ops import OPS, Op
from ..drawing.collapse import Group, collapse, prepared
from ..drawing.groups import nestings
from ..drawing.painter import order_matters
from ..languages import JAVASCRIPT
from ..stepping.recording import Recording
from ..text import escape
from ..words import formulas

# How many cards can be read at once; more are closed groups at first.
MOST_CARDS = 40
# What a graph may have for a page that recomputes all of it while one drags.
MOST_NODES = 20_000
# The longest formula that stands in the headline, in characters.
LONGEST_FORMULA = 96

# What the lecture calls what goes into a network and what should come out of it: by default these
# do not move in a descent.
_GIVEN = re.compile(r"([xXdD]|inputs?|targets?)(_?\d+|\[\d+\])*(#\d+)?")


@dataclass(frozen=True)
class Opening:
    """How a page begins.

    Attributes:
        mode: "explore", "step" or "predict".
        position: how many nodes of the pass are finished, in mode "step".
        edges: how many edges of the next one are.
        values: how many values of a forward pass before it are computed; None without one.
        trainable: the leaves that move in a descent; None for all that are no input or target.
    """

    mode: str = "explore"
    position: int = 0
    edges: int = 0
    values: int | None = None
    trainable: Collection[Value] | None = None


@dataclass(frozen=True)
class Extra:
    """What a page has besides, for those who make a page of more than a graph.

    Attributes:
        title: of the window; "" for that of the graph.
        scripts: files of this room that take part besides.
        without: files that do not.
        data: what the scripts know besides.
        groups: groups of nodes by their titles, all of them closed at first.
    """

    title: str = ""
    scripts: Sequence[str] = ()
    without: Collection[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Collection[Value]] = field(default_factory=dict)


def page_data(
    recording: Recording, opening: Opening, groups: Mapping[str, Collection[Value]] = {}
) -> dict[str, Any]:
    """All that the script of a page knows of a graph.

    Args:
        recording: a pass over the graph.
        opening: how the page begins.
        groups: groups that are closed at first, besides those that a picture would draw as boxes.
    """
    nodes = recording.nodes[::-1]
    place = {node: i for i, node in enumerate(nodes)}
    names = recording.names
    kinds = _Kinds()
    leaves = [node for node in nodes if node.op is None]
    trainable = moving(recording, leaves) if opening.trainable is None else opening.trainable
    listed, homes, opened = _groups(recording, groups)
    return {
        "mode": opening.mode,
        "position": opening.position,
        "edges": opening.edges,
        "values": opening.values,
        "names": [names[node] for node in nodes],
        "made": [formulas.in_names(node, names) for node in nodes],
        "kind": [kinds.of(node) for node in nodes],
        "operands": [
            [place[x] if isinstance(x, Value) else -1 - kinds.constant(x) for x in node.operands]
            for node in nodes
        ],
        "kinds": kinds.listed,
        "rows": kinds.rows,
        "constants": packed(kinds.constants),
        "data": packed(recording.data[::-1]),
        "partials": packed(_partials(recording)),
        "held": {place[leaf]: packed([held]) for leaf, held in recording.stale.items()},
        "made_at": {place[node]: at for node in nodes if (at := formulas.made_at(node))},
        "trainable": sorted(place[leaf] for leaf in trainable),
        "formula": _headline(recording, place),
        "groups": listed,
        "home": [homes[node] for node in nodes],
        "open": opened,
        "fixed": kinds.fixed,
    }


def moving(recording: Recording, leaves: Sequence[Value]) -> list[Value]:
    """The leaves that a descent moves: all but inputs and targets, if there are others."""
    names = recording.names
    chosen = [leaf for leaf in leaves if not _GIVEN.fullmatch(names[leaf].rpartition(".")[2])]
    return chosen or list(leaves)


def packed(numbers: Iterable[float]) -> str:
    """Floats as base64 of their bytes, little-endian."""
    listed = list(numbers)
    return base64.b64encode(struct.pack(f"<{len(listed)}d", *listed)).decode()


class _Kinds:
    """What nodes are: rows of the table, with the constants among their operands."""

    def __init__(self) -> None:
        self._places: dict[object, int] = {}
        self._rows: dict[Op, int] = {}
        self._constants: dict[bytes, int] = {}
        self.constants: list[float] = []
        self.listed: list[dict[str, Any]] = []

    def of(self, node: Value) -> int:
        """The number of a node's kind; -1 for a leaf."""
        op = node.op
        if op is None:
            return -1
        constants = tuple([None if isinstance(x, Value) else repr(x) for x in node.operands])
        if op.arity is None:  # whose slopes are of one operand, whatever the others are
            constants = ()
        key = op, constants
        if key not in self._places:
            self._places[key] = len(self.listed)
            self.listed.append({"row": self._row(op), "slopes": _slopes(op, node.operands)})
        return self._places[key]

    def constant(self, number: float) -> int:
        """The place of a number among the constants."""
        bits = struct.pack("<d", number)  # 0.0 and -0.0 are two
        if bits not in self._constants:
            self._constants[bits] = len(self.constants)
            self.constants.append(number)
        return self._constants[bits]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, as far as they are data."""
        return [
            {
                "name": op.name,
                "symbol": op.symbol,
                "isPublic": OPS.get(op.name) is op and hasattr(functions, op.name),
                "variadic": op.arity is None,
                "letters": op.letters,
                "form": [op.form.before, op.form.between, op.form.behind, op.form.first > 0],
                "ordered": op.arity != 1 and order_matters(op),
                "passes": [partial.passes for partial in op.partials],
                "kinks": [[kink.where, kink.convention] for kink in op.kinks],
                "ofAll": [row for _, row in op.of_all],
            }
            for op in self._rows
        ]

    def _row(self, op: Op) -> int:
        return self._rows.setdefault(op, len(self._rows))

    @property
    def ops(self) -> list[Op]:
        """The rows that are used."""
        return list(self._rows)

    @property
    def fixed(self) -> str:
        """Why nothing in the graph can be changed: a row that cannot be written in JavaScript."""
        try:
            JAVASCRIPT.program(self.ops)
        except ValueError as error:
            return escape(str(error))
        return ""


def _partials(recording: Recording) -> list[float]:
    """The local derivative along every edge, operands first; 0 where no derivative passes."""
    known = (report.partial for report in recording.reports)
    partials = [0.0 if partial is None else partial for partial in known]
    ends = list(zip(recording.starts, recording.starts[1:]))
    return [partial for start, end in ends[::-1] for partial in partials[start:end]]


def operations(ops: Iterable[Op]) -> str:
    """Rows as JavaScript: ``OPERATIONS``, of each name the value and the slopes."""
    rows = {op.name: op for op in ops}
    for op in list(rows.values()):
        rows |= {name: OPS[name] for _, name in op.of_all}
    try:
        program = JAVASCRIPT.program(rows.values())
    except ValueError:
        return "const OPERATIONS = {};\n"
    entries = []
    for op in rows.values():
        slopes = [
            f"d{letter}_{op.name}" if partial.passes else "null"
            for letter, partial in zip(op.letters, op.partials)
        ]
        entries.append(f"  {op.name}: {{value: op_{op.name}, slopes: [{', '.join(slopes)}]}},")
    return "\n".join([_used(program), "const OPERATIONS = {", *entries, "};", ""])


def _used(program: str) -> str:
    """A program without the functions of its prelude that nothing in it calls."""
    blocks = JAVASCRIPT.prelude.strip().split("\n\n")
    kept = program.removeprefix(JAVASCRIPT.prelude)
    waiting = {block.partition("function ")[2].partition("(")[0]: block for block in blocks}
    while called := [name for name in waiting if re.search(rf"\b{name}\(", kept)]:
        kept = "\n".join([*(waiting.pop(name) for name in called), kept])
    return kept


def _slopes(op: Op, operands: Sequence[Value | float]) -> list[str]:
    """The derivative by each operand as a formula on the row's letters, constants put in.

    Of a row of any number of operands there is one, on z and the letter of them all.
    """
    letters = {letter: Value(0.0) for letter in op.letters}
    if op.arity is None:
        (letter, operand), *_ = letters.items()
        node = operand.record_operation(op, (operand,))
        return [formulas.partial(node, 0, {operand: letter, node: "z"})]
    stand_ins = [
        x if not isinstance(x, Value) else letters[letter]
        for letter, x in zip(op.letters, operands)
    ]
    if not any(isinstance(x, Value) for x in stand_ins):
        return [""] * len(op.letters)
    first = next(x for x in stand_ins if isinstance(x, Value))
    node = first.record_operation(op, tuple(stand_ins))
    names = {value: letter for letter, value in letters.items()} | {node: "z"}
    return [
        formulas.partial(node, position, names) if isinstance(x, Value) else ""
        for position, x in enumerate(stand_ins)
    ]


def _headline(recording: Recording, place: dict[Value, int]) -> list[str | int] | None:
    """The whole formula of the root, leaves by their places; None if it is too long."""
    pieces = formulas.expression(recording.root, LONGEST_FORMULA)
    if pieces is None:
        return None
    return [place[x] if isinstance(x, Value) else x for x in pieces]


def _groups(
    recording: Recording, own: Mapping[str, Collection[Value]]
) -> tuple[list[dict[str, Any]], dict[Value, int], list[int]]:
    """The groups, that in which each node is, and those that are open at first."""
    grouped = {node for nodes in own.values() for node in nodes}
    others = [node for node in recording.nodes if node not in grouped]
    known = prepared(others, nestings(recording.nodes), most_boxes=MOST_CARDS)
    cut = collapse(others, known, most_boxes=MOST_CARDS)
    walked = list(cut.whole.walk())
    number = {group: i for i, group in enumerate(walked)}
    listed = [{"title": group.title, "parent": _outer(group, number)} for group in walked]
    homes = {node: number[group] for group in walked for node in group.values}
    for title, nodes in own.items():
        homes |= dict.fromkeys(nodes, len(listed))
        listed.append({"title": title, "parent": 0})
    return listed, homes, [0, *(number[group] for group in cut.frames)]


def _outer(group: Group, number: dict[Group, int]) -> int:
    return -1 if group.parent is None else number[group.parent]
