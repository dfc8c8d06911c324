"""The records of a pass, and how they read: a ``Step`` for each node, a ``Receipt`` for each edge.

A ``ForwardStep`` is for each operation of the forward pass. ``str`` of a step is what a person can
check with pencil and paper. Nothing here knows how a pass is recorded or moved along, and nothing
raises, whatever numbers and labels a graph holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..core import Value, ieee
from ..text import GAP, align, counted, plain, signed
from ..words import formulas
from ..words.names import Names, derivative

EDGES_SHOWN = 8
TERMS_SHOWN = 4
WIDEST = 92  # columns of a text, before a line is folded
NOT_BEGUN = "--"


class Receipt(NamedTuple):
    """One report of a node to one of its operands, and what it makes of the operand's gradient.

    Attributes:
        operand: the Value that receives it.
        position: which operand of the node that is, from 0; ``a * a`` has two edges.
        partial: the local derivative, or None where no derivative passes.
        contribution: the node's gradient times the partial; 0.0 where none passes.
        before: the operand's ``.grad`` so far, or None if nothing has been added up yet.
        after: the operand's ``.grad`` with this contribution.
        reported: how many reports the operand has received, this one included.
        consumers: how many it will receive; its gradient is final when all have come.
        is_repeated: whether the node uses the operand more than once.
    """

    operand: Value
    position: int
    partial: float | None
    contribution: float
    before: float | None
    after: float
    reported: int
    consumers: int
    is_repeated: bool

    @property
    def progress(self) -> str:
        """How many of the operand's consumers have reported: ``1/2``."""
        return f"{self.reported}/{self.consumers}"

    @property
    def state(self) -> str:
        """Whether the operand's gradient is final: ``so far (1/2)``."""
        return f"{self.standing} ({self.progress})"

    @property
    def standing(self) -> str:
        """Whether all reports to the operand have come: ``final``, or ``so far``."""
        return "final" if self.reported == self.consumers else "so far"

    @property
    def stale(self) -> float | None:
        """What a leaf held before the pass, where this is the first report to it."""
        return self.before if self.reported == 1 else None


@dataclass(frozen=True, repr=False)
class Step:
    """One node of a pass: its gradient is final, and it reports to its operands.

    Its ``str`` and ``repr`` are the text of the step, so that a session shows what a movement
    returns, and a script prints it.

    Attributes:
        number: where the node comes in the pass, from 1.
        total: how many nodes the pass has.
        node: the Value itself.
        data: its number when the pass began.
        root: the Value that is differentiated.
        gradient: the derivative of the root with respect to the node.
        received: what its consumers reported, in the order of the pass; they sum to ``gradient``.
        stale: what ``.grad`` of a leaf held before the pass and is added to, or None.
        edges: its reports: all of them, or those that a movement made.
        first_edge: how many of the node's edges come before ``edges``.
        edge_count: how many edges the node has.
        names: what each node of the pass is called.
        recording: all steps of the pass that it belongs to.
        notes: what a movement adds to the text, such as watched gradients that it has changed.
    """

    number: int
    total: int
    node: Value
    data: float
    root: Value
    gradient: float
    received: tuple[float, ...]
    stale: float | None
    edges: tuple[Receipt, ...]
    first_edge: int
    edge_count: int
    names: Names = field(compare=False)
    recording: Sequence[Step] = field(compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __repr__(self) -> str:
        reports = [_report(self, edge) for edge in self.edges[:EDGES_SHOWN]]
        # The gradients of the operands stand in one column with what is said of the node's own.
        left, right = align([row[:3] for row in reports]), align([row[3:] for row in reports])
        if max(map(len, left), default=0) <= WIDEST:
            body = align([(_gradient(self), _completeness(self)), *zip(left, right)])
            column = len(body[0]) - len(_completeness(self))
        else:
            body = [_gradient(self) + GAP + _completeness(self), *fold(reports, 2)]
            column = 0
        if left_out := self.edges[EDGES_SHOWN:]:
            total = signed(ieee.sum(*[edge.contribution for edge in left_out]))
            more = counted(len(left_out), "more edge")
            body.append(f"... and {more}, with contributions of {total} in all")
        if self.stale is not None:
            body.append(
                f"grad = {signed(self.stale + self.gradient)}{GAP}{stale_notice(self.stale)}"
            )
        head = headline(self) + _which_edges(self)
        if origin := formulas.made_at(self.node):
            head = f"{head:{column + 2 - len(GAP)}}{GAP}{origin}"
        return "\n  ".join([head, *body, *self.notes])


@dataclass(frozen=True, repr=False)
class ForwardStep:
    """One operation of the forward pass on the numbers recorded, computed anew on plain floats.

    Attributes:
        number: where it comes in the forward pass, from 1.
        total: how many operations the forward pass has.
        node: the Value that it makes.
        data: its number.
        operands: the numbers that it is computed from, in order.
        names: what each node of the pass is called.
    """

    number: int
    total: int
    node: Value
    data: float
    operands: tuple[float, ...]
    names: Names = field(compare=False)

    def __repr__(self) -> str:
        numbers = formulas.in_numbers(self.node, self.operands)
        computed = f"{headline(self)} = {numbers} = {signed(self.data)}"
        return GAP.join(filter(None, [computed, formulas.made_at(self.node)]))


def headline(step: Step | ForwardStep) -> str:
    """Which step it is, and its node as it is computed: ``[4/7] e = a * b``."""
    made = formulas.node_line(step.node, step.names, step.data)
    return f"[{step.number}/{step.total}] {made}"


def held(grad: float | None) -> str:
    """A gradient as it stands in a text: a dash before anything has reached it."""
    return NOT_BEGUN if grad is None else signed(grad)


def stale_notice(stale: float) -> str:
    """What to say of a leaf whose ``.grad`` was not empty before the pass."""
    return f"was {signed(stale)} before this pass: no zero_grad"


def contribution(step: Step, edge: Receipt) -> str:
    """What an operand receives: ``-2 * -3 = +6``."""
    if edge.partial is None:
        return f"{signed(edge.contribution)} (no derivative passes)"
    return f"{signed(step.gradient)} * {signed(edge.partial)} = {signed(edge.contribution)}"


def fold(rows: Sequence[Sequence[str]], first: int) -> list[str]:
    """Two lines for each row: the first so many of its cells, and below them the others."""
    above, below = align([row[:first] for row in rows]), align([row[first:] for row in rows])
    return [line for pair in zip(above, below) for line in (pair[0], GAP + pair[1])]


def _which_edges(step: Step) -> str:
    """Which of the node's edges the step covers, unless it covers all."""
    if len(step.edges) == step.edge_count:
        return ""
    first, last = step.first_edge + 1, step.first_edge + len(step.edges)
    which = f"edge {first}" if first == last else f"edges {first} to {last}"
    return f" ({which} of {step.edge_count})"


def _gradient(step: Step) -> str:
    called = "gradient" if step.node.op is None else "upstream"
    by = derivative(step.names[step.root], step.names[step.node])
    sides = [f"{called} {by}", signed(step.gradient)]
    if 1 < len(step.received) <= TERMS_SHOWN:
        sides.insert(1, " + ".join(map(signed, step.received)))
    elif step.received[TERMS_SHOWN:]:
        sides[-1] += f", the sum of {len(step.received)} contributions"
    return " = ".join(sides)


def _completeness(step: Step) -> str:
    if step.node is step.root:
        return "final (the pass starts here)"
    consumers = len(step.received)
    return f"final ({consumers}/{consumers} consumers reported)"


def _report(step: Step, edge: Receipt) -> list[str]:
    """The columns of an edge's line; an operand that the node uses more than once is numbered."""
    name = step.names[edge.operand]
    return [
        f"-> {name} (operand {edge.position + 1})" if edge.is_repeated else f"-> {name}",
        f"{_called(step, edge)} {_partial(step, edge)}",
        f"contribution {contribution(step, edge)}",
        f"grad {held(edge.before)} -> {signed(edge.after)}",
        edge.state,
        "" if edge.stale is None else stale_notice(edge.stale),
    ]


def _called(step: Step, edge: Receipt) -> str:
    """What the partial is: the derivative, ``de/da =``, where nothing else leads from a to e.

    Of an operand with several uses it may be one term of that derivative: in ``a + a`` it is 1.
    """
    if edge.consumers > 1:
        return "local derivative"
    return f"{derivative(step.names[step.node], step.names[edge.operand])} ="


def _partial(step: Step, edge: Receipt) -> str:
    """Formula and number of a partial; only one of them where the formula is that number."""
    by_row = formulas.partial(step.node, edge.position, step.names)
    if edge.partial is None or by_row.strip("()") == plain(edge.partial):
        return by_row
    return f"{by_row} = {signed(edge.partial)}"
