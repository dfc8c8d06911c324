"""The records of a pass, and how they read: a ``Step`` for each node, a ``Receipt`` for each edge.

A ``ForwardStep`` is for each operation of the forward pass. ``str`` of a step is what a person can
check with pencil and paper: a number has as many digits as the formula that it stands in takes to
come out. Nothing here knows how a pass is recorded or moved along, and nothing raises, whatever
numbers and labels a graph holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import NamedTuple

from ..core import Value, ieee
from ..lines import GAP, NARROW_GAP, align, columns, width, wrapped
from ..text import DIGITS, counted, digits_enough, plain, signed
from ..words import formulas
from ..words.names import Names, derivative

EDGES_SHOWN = 8
TERMS_SHOWN = 4
INDENT = "  "
BELOW = "   "  # what more is said of a report stands behind its arrow
# Decimal numbers that neither overflow nor vanish on the way.
WIDE = Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
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
        operands: the numbers that it was computed from, in order.
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
    operands: tuple[float, ...]
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
        room = width() - len(INDENT)
        body, column = _body(self, room)
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
            beside = f"{head}{' ' * (column + len(INDENT) - len(GAP) - columns(head))}{GAP}{origin}"
            head = beside if columns(beside) <= room else f"{head}{GAP}{origin}"
        lines = [INDENT + line for text in [*body, *self.notes] for line in wrapped(text, room)]
        return "\n".join([*wrapped(head, room + len(INDENT)), *lines])


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
        numbers = formulas.in_numbers(self.node, self.operands, self.data)
        computed = f"{headline(self)} = {numbers} = {signed(self.data)}"
        line = GAP.join(filter(None, [computed, formulas.made_at(self.node)]))
        return "\n".join(wrapped(line, width()))


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
    return product([step.gradient, edge.partial], edge.contribution)


def product(factors: Sequence[float], result: float) -> str:
    """Numbers and what they come to when they are multiplied: ``-2 * -3 = +6``."""
    return _equation(" * ", factors, _multiplied, result)


def _multiplied(factors: Sequence[float]) -> float:
    """The product on paper, which is nan where a float cannot hold it."""
    exact = Decimal(1)
    for factor in factors:
        exact = WIDE.multiply(exact, WIDE.create_decimal_from_float(factor))
    found = float(exact)
    is_lost = exact.is_finite() and (math.isinf(found) or (not found and exact))
    return math.nan if is_lost else found


def _equation(
    sign: str, numbers: Sequence[float], come_to: Callable[[Sequence[float]], float], result: float
) -> str:
    """An equation that holds for the digits that are printed.

    One that does not even hold for all digits, for what is lost in floats, says so.
    """
    digits = digits_enough(lambda digits: come_to(_read(numbers, digits)), result)
    written = sign.join([signed(x, digits or DIGITS) for x in numbers])
    return f"{written} = {signed(result)}{' in floats' * (digits is None)}"


def _read(numbers: Sequence[float], digits: int) -> Sequence[float]:
    return [float(signed(x, digits)) for x in numbers]


# Within ------------------------------------------------------------------------------------------


def _body(step: Step, room: int) -> tuple[list[str], int]:
    """The lines of a step below its first, and the column in which gradients are said to be final.

    Each report has a line if all have room on one; else it is folded before its contribution, and
    if that is not enough before what becomes of the gradient. What then is still too wide is for
    ``wrapped`` to fold. The column is 0 where there is none.
    """
    edges = step.edges[:EDGES_SHOWN]
    reports = [_report(step, edge) for edge in edges]
    notes = ["" if edge.stale is None else stale_notice(edge.stale) for edge in edges]
    own = _gradient(step), _completeness(step)
    with_notes = [[*row, note] for row, note in zip(reports, notes)]
    layouts = [(with_notes, [""] * len(notes)), (reports, notes)]
    for rows, below in layouts if any(notes) else layouts[1:]:
        for gap in (GAP, NARROW_GAP):
            # The gradients of the operands stand below what is said of the node's own.
            left = align([row[:3] for row in rows], gap)
            right = align([row[3:] for row in rows], gap)
            first, *others = align([own, *zip(left, right)], gap)
            column = columns(first) - columns(own[1])
            if columns(first) > room:  # then it ends where they end
                others = align([*zip(left, right)], gap)
                column = max(map(columns, others), default=room) - columns(own[1])
                column = max(column, columns(own[0]) + len(GAP))
                first = own[0] + " " * (column - columns(own[0])) + own[1]
            if max(map(columns, [first, *others])) <= room:
                reported = [[line] for line in others]
                return [first, *_with_notes(reported, below)], column
    return [GAP.join(own), *_with_notes(_folded(reports, room), notes)], 0


def _with_notes(reports: Sequence[Sequence[str]], notes: Sequence[str]) -> list[str]:
    """The lines of some reports, with a further one below those that have a note."""
    noted = [[*lines, *([BELOW + note] if note else [])] for lines, note in zip(reports, notes)]
    return [line for lines in noted for line in lines]


def _folded(reports: Sequence[Sequence[str]], room: int) -> list[list[str]]:
    """Reports on two lines each, or more: their rules, and below these what is sent."""
    heads = [[f"{name}{GAP}{rule}"] for name, rule, *_ in reports]
    if max([columns(head) for [head] in heads], default=0) > room:
        heads = [[name, BELOW + rule] for name, rule, *_ in reports]
    tails = [[BELOW + line] for line in align([row[2:] for row in reports])]
    if max([columns(tail) for [tail] in tails], default=0) > room:
        ends = align([row[3:] for row in reports])
        tails = [[BELOW + row[2], BELOW + end] for row, end in zip(reports, ends)]
    return [
        [part for line in (*head, *tail) for part in wrapped(line, room, len(BELOW))]
        for head, tail in zip(heads, tails)
    ]


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
    gradient = signed(step.gradient)
    if 1 < len(step.received) <= TERMS_SHOWN:
        gradient = _equation(" + ", step.received, lambda terms: ieee.sum(*terms), step.gradient)
    elif step.received[TERMS_SHOWN:]:
        gradient += f", the sum of {len(step.received)} contributions"
    return f"{called} {by} = {gradient}"


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
    ]


def _called(step: Step, edge: Receipt) -> str:
    """What the partial is: the derivative, ``de/da =``, where nothing else leads from a to e.

    Of an operand with several uses it may be one term of that derivative: in ``a + a`` it is 1.
    """
    if edge.consumers > 1:
        return "local derivative"
    return f"{derivative(step.names[step.node], step.names[edge.operand])} ="


def _partial(step: Step, edge: Receipt) -> str:
    """Formula of a partial, the same on numbers, and its number; none of them twice."""
    node, place, slope = step.node, edge.position, edge.partial
    by_row = formulas.partial(node, place, step.names)
    if slope is None or by_row.strip("()") == plain(slope):
        return by_row
    held = zip([node, *node.operands], [step.data, *step.operands])
    numbers = {x: number for x, number in held if isinstance(x, Value)}
    in_numbers = formulas.partial_in_numbers(node, place, numbers, slope)
    if in_numbers.strip("()") in ("", plain(slope), by_row):
        return f"{by_row} = {signed(slope)}"
    return f"{by_row} = {in_numbers} = {signed(slope)}"
