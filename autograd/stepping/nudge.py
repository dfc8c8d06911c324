"""The lecture's definition of a derivative, tried: a number is moved, and the root looked at.

For a small move dw of a node w the root L moves by dL = dL/dw * dw. A ``Nudge`` has both sides of
that: what the slope promises, and what comes when all that depends on w is computed again, on plain
floats beside the graph. ``SENTENCES`` says what is to be said of it, as rows with a formula for
when, and ``javascript`` writes the same rows for the live page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..core import Value
from ..core.table import Op
from ..lines import table
from ..text import ALL_DIGITS
from ..words.names import atom, derivative
from .above import Above, bends
from .recording import Recording
from .sentences import Formula, constant, in_closure

MOVES = (1.0, 0.1, 0.01, 0.001)
DIGITS = 5  # so that 0.00029324 and 0.00029415 can be told apart
SURE = 2  # digits of what two numbers are off by that are told in any case
FAR = (1.0, -1.0, 1000.0, -1000.0)  # moves that what is linear is tried on, in sizes of the number
SAFETY = 4.0  # times what rounding is expected to leave
BESIDE = 1e-6  # of the number's size: a little further away than the next floats

QUANTITIES = (
    "x",  # the node's number
    "moved",  # and where it has been moved to
    "move",  # by how much, in floats
    "before",  # the root's number
    "after",  # and when the node has moved
    "slope",  # the root's derivative by the node
    "measured",  # the change of the root
    "promised",  # slope * move
    "gap",  # the size of what the two differ by
    "change",  # the size of what is measured
    "size",  # and of what is promised
    "noise",  # what rounding may have added to the measured change
    "below",  # the slope at the next float below x
    "above",  # and above
    "turn",  # the size of what these differ by
    "drift",  # by how much the slopes differ a little further away: what only bends, by more
    "apart",  # by how much that above differs from the slope at x
    "steepest",  # the size of the larger of the two
    "leap",  # by how much the root differs between these floats, beyond what the slopes say
    "kinked",  # 1 if an operation has a kink, or jumps, at x, else 0
    "stopped",  # 1 if the root moves with what no derivative passes through, else 0
    "linear",  # 1 if the root is linear in the node, far around x as well, else 0
)


class Sentence(NamedTuple):
    """What is said of a nudge, and when.

    Attributes:
        name: what it is called.
        when: whether it is true, on ``QUANTITIES``.
        says: the sentence.
        of_all: whether it is worth saying below a table of several moves too.
    """

    name: str
    when: Formula
    says: str
    of_all: bool


def _row(name: str, when: str, says: str, of_all: bool = False) -> Sentence:
    return Sentence(name, Formula(when, QUANTITIES, truth=True), says, of_all)


# The first that is true is said. x - x is 0 for finite numbers only.
SENTENCES = (
    _row("not finite", "not x - x == 0", "{node} is {x}: only a finite number can be moved", True),
    _row(
        "no result",
        "not before - before == 0",
        "{root} is {before} before the move: no change of it can be told",
        True,
    ),
    _row(
        "too small",
        "move == 0",
        "{node} stays what it is: floats as large lie too far apart for so small a move",
        True,
    ),
    _row("too large", "not moved - moved == 0", "{node} would be {moved}", True),
    _row(
        "outside",
        "after != after",
        "at {node} = {moved} {root} is nan: the move leaves the domain, where it is a number",
        True,
    ),
    _row("infinite", "not after - after == 0", "at {node} = {moved} {root} is {after}", True),
    _row(
        "no slope",
        "not slope - slope == 0",
        "{asked} is {slope}: it promises nothing that could be compared",
        True,
    ),
    _row(
        "jump",
        "kinked == 1 and leap > noise",
        "{root} jumps at {node} = {x}, of which no slope tells",
        True,
    ),
    _row(
        "kink",
        "kinked == 1 and turn > 1e-4 * steepest and turn > 0.1 * drift",
        "there is a kink at {node} = {x}, which no short move straightens: just below it the slope "
        "is {below}, just above {above}, and {asked} = {slope} is a convention",
        True,
    ),
    _row(
        "cancelled",
        "kinked == 1 and turn <= 1e-4 * steepest and apart > 1e-3 * steepest "
        "and apart > 10 * drift",
        "{asked} = {slope} is a convention: at {node} = {x} kinks on the way cancel each other, "
        "and just beside it the slope is {above}",
        True,
    ),
    _row(
        "stopped",
        "stopped == 1 and gap > noise",
        "{root} moves with {node} through an operation that lets no derivative pass, of which "
        "{asked} tells nothing",
        True,
    ),
    _row(
        "independent",
        "linear == 1 and slope == 0 and measured == 0",
        "{root} does not depend on {node} here, however far that moves",
        True,
    ),
    _row(
        "hidden",
        "noise >= 0.1 * change and noise >= 0.1 * size and (change > 0 or size > 0)",
        "over so small a move the rounding of {root} hides how it changes",
        True,
    ),
    _row(
        "linear",
        "linear == 1 and gap <= noise",
        "{root} is linear in {node}: a move of any size gives what is promised",
        True,
    ),
    _row(
        "still",
        "measured == 0 and promised == 0",
        "{root} does not change over this move, as promised",
    ),
    _row("as promised", "gap <= noise", "as promised, but for rounding"),
    _row("nearly", "gap <= 0.01 * size", "what was promised, within 1 %"),
    _row(
        "other way",
        "measured < 0 and promised > 0 or measured > 0 and promised < 0",
        "{root} goes the other way than promised: a slope is for short moves",
    ),
    _row(
        "flat",
        "promised == 0",
        "the slope promises no change, and there is one: a slope is for short moves",
    ),
    _row(
        "off",
        "size > 0",
        "what it is off by is {percent} of the promise: a slope is for short moves",
    ),
)
UNSEEN = ("not finite", "no result", "too small", "too large")
# Of two moves, the second a tenth of the first, what the promise is off by.
SERIES_QUANTITIES = ("longer", "shorter", "noise")
SERIES = (
    Sentence(
        "bends",
        Formula(
            "shorter > 10 * noise and 0.005 * longer <= shorter <= 0.02 * longer",
            SERIES_QUANTITIES,
            truth=True,
        ),
        "a tenth of the move leaves about a hundredth of what it is off by: {root} bends, and "
        "the shorter the piece, the straighter",
        True,
    ),
)


@dataclass(frozen=True)
class Nudge:
    """One move of a node, and what became of the root.

    Attributes:
        numbers: what each of ``QUANTITIES`` is.
        words: the names: of the ``node`` and the ``root``, ``asked`` for the derivative, and
            ``by`` and ``of`` for the moves of the two, dw and dL.
    """

    numbers: Mapping[str, float]
    words: Mapping[str, str]

    @cached_property
    def verdict(self) -> Sentence | None:
        """The row that is said of it, if there is one."""
        return next((row for row in SENTENCES if row.when(self.numbers)), None)

    @property
    def sentence(self) -> str:
        """What is said of it; empty if nothing."""
        return "" if self.verdict is None else self.verdict.says.format_map(self._told())

    @property
    def is_unseen(self) -> bool:
        """Whether it could not be made, so that there is nothing to show but the sentence."""
        return self.verdict is not None and self.verdict.name in UNSEEN

    def _told(self) -> Mapping[str, str]:
        shown = {name: short(number).removeprefix("+") for name, number in self.numbers.items()}
        size, gap = self.numbers["size"], self.numbers["gap"]
        percent = f"{100.0 * gap / size:.2g} %" if size else ""
        return {**shown, **self.words, "percent": percent}

    def __str__(self) -> str:
        if self.is_unseen:
            return self.sentence
        n, words = self.numbers, self.words
        digits, off = self._compared
        measured, promised = short(n["measured"], digits), short(n["promised"], digits)
        move = short(n["move"])
        x, moved = _enough([n["x"], n["moved"]], _rise, n["move"])
        before, after = _enough([n["before"], n["after"]], _rise, n["measured"], digits)
        slope, _ = _enough([n["slope"], n["move"]], math.prod, n["promised"], digits)
        lines = [
            f"{words['node']} moves by {words['by']} = {move}, from {x} to {moved}",
            f"{words['of']} measured = {measured}, from {before} to {after}",
            f"{words['of']} promised = {words['asked']} * {words['by']} = {slope} * {move} "
            f"= {promised}",
            f"off by {off}",
            self.sentence,
        ]
        return "\n".join(filter(None, lines))

    @property
    def row(self) -> list[str]:
        """The move, what was measured, what was promised, and what the two are off by."""
        digits, off = self._compared
        compared = short(self.numbers["measured"], digits), short(self.numbers["promised"], digits)
        return [short(self.numbers["move"]), *compared, off]

    @property
    def _compared(self) -> tuple[int, str]:
        """How many digits of both it takes to see what they are off by, and that.

        It is the difference of what is shown, so that it comes out by hand; but where there are not
        enough digits, or they would show nothing but rounding, that is told as it is.
        """
        measured, promised = self.numbers["measured"], self.numbers["promised"]
        off = measured - promised
        is_rounding = abs(off) <= self.numbers["noise"]
        for digits in range(DIGITS, DIGITS + 1 if is_rounding else ALL_DIGITS):
            found = _rise([float(short(promised, digits)), float(short(measured, digits))])
            if short(found, SURE) == short(off, SURE):
                return digits, short(found)
        return DIGITS, short(off, SURE)


class Experiment:
    """The moves of one node of a recorded pass. Nothing in the graph is touched."""

    def __init__(self, recording: Recording, node: Value) -> None:
        """Prepare to move a node.

        Raises:
            ValueError: if it is the root, which nothing else is to be seen in.
        """
        place, names = recording.place[node], recording.names
        if node is recording.root:
            raise ValueError(f"{names[node]} is the root: nudge a node that it depends on")
        self._above = Above(recording, node, through_stops=True)
        self._x, self._before = recording.data[place], recording.data[0]
        self._slope = recording.gradients[place]
        name, root = names[node], names[recording.root]
        self._words = {
            "node": name,
            "root": root,
            "asked": derivative(root, name),
            "by": f"d{atom(name)}",
            "of": f"d{atom(root)}",
        }

    def move(self, by: float) -> Nudge:
        """What becomes of the root when the number of the node is moved."""
        x, before, slope = self._x, self._before, self._slope
        moved = x + by
        move = moved - x  # what the addition has made of it
        after = self._above.root(moved)
        measured, promised = after - before, slope * move
        numbers = {
            "x": x,
            "moved": moved,
            "move": move,
            "before": before,
            "after": after,
            "slope": slope,
            "measured": measured,
            "promised": promised,
            "gap": abs(measured - promised),
            "change": abs(measured),
            "size": abs(promised),
            "noise": self._noise(moved),
            **self._around,
        }
        return Nudge(numbers, self._words)

    def told(self, by: float | None) -> str:
        """A move in words; without a number a table of several."""
        return self.table() if by is None else str(self.move(by))

    def table(self, moves: Sequence[float] = MOVES) -> str:
        """Several moves beside each other, and what is to be said of them."""
        nudges = [self.move(by) for by in moves]
        words = self._words
        rows = [[words["by"], f"{words['of']} measured", f"{words['of']} promised", "off by"]]
        for nudge in nudges:
            rows.append(nudge.row)
        said: dict[str, list[str]] = {}
        for nudge, (by, *_) in zip(nudges, rows[1:]):
            if nudge.verdict is not None and nudge.verdict.of_all:
                said.setdefault(nudge.sentence, []).append(f"{words['by']} = {by}")
        lines = [
            sentence if len(where) == len(nudges) else f"{', '.join(where)}: {sentence}"
            for sentence, where in said.items()
        ]
        if all(nudge.is_unseen for nudge in nudges):
            return "\n".join(lines)
        longer, shorter = (nudge.numbers for nudge in nudges[-2:])
        series = {"longer": longer["gap"], "shorter": shorter["gap"], "noise": shorter["noise"]}
        lines += [row.says.format_map(words) for row in SERIES if not said and row.when(series)]
        return "\n".join([*table(rows), *lines])

    @cached_property
    def _around(self) -> Mapping[str, float]:
        """What does not depend on the move."""
        above, x = self._above, self._x
        low, high = math.nextafter(x, -math.inf), math.nextafter(x, math.inf)
        below, beyond = above.slope(low), above.slope(high)
        steepest = max(abs(below), abs(beyond))
        change = abs(above.root(high) - above.root(low))
        beside = BESIDE * max(1.0, abs(x))
        return {
            "below": below,
            "above": beyond,
            "turn": abs(beyond - below),
            "apart": abs(beyond - self._slope),
            "drift": max(
                abs(above.slope(x - beside) - below), abs(above.slope(x + beside) - beyond)
            ),
            "steepest": steepest,
            "leap": change - 2.0 * steepest * (high - low),
            "kinked": float(above.kinked() != ""),
            "stopped": float(self._is_stopped()),
            "linear": float(above.is_linear() and all(map(self._keeps, FAR))),
        }

    def _noise(self, moved: float) -> float:
        """What rounding may have added to a change: of both numbers, and of the slope."""
        slope = abs(self._slope * (moved - self._x)) * math.ulp(1.0)
        return SAFETY * (self._rounding + self._above.rounding(moved) + slope)

    @cached_property
    def _rounding(self) -> float:
        return self._above.rounding(self._x)

    def _keeps(self, far: float) -> bool:
        """Whether what the slope promises comes, that far away."""
        moved = self._x + far * max(1.0, abs(self._x))
        measured = self._above.root(moved) - self._before
        promised, noise = self._slope * (moved - self._x), self._noise(moved)
        told = measured == promised == 0.0 or noise < 0.1 * abs(promised)
        return told and abs(measured - promised) <= noise

    def _is_stopped(self) -> bool:
        """Whether the root moves otherwise than the slope says, and an operation stops slopes."""
        above, x = self._above, self._x
        if not above.stop():
            return False
        right, left = (x + sign * BESIDE * max(1.0, abs(x)) for sign in (1.0, -1.0))
        measured, promised = above.root(right) - above.root(left), self._slope * (right - left)
        slack = 1e-3 * max(abs(measured), abs(promised)) + 2.0 * self._noise(right)
        return abs(measured - promised) > slack


def checked_move(by: float) -> float:
    """What a node can be moved by.

    Raises:
        ValueError: if it is 0, infinite or nan.
    """
    if not by or by - by != 0.0:
        raise ValueError(f"a node is moved by a finite number other than 0, got {by:g}")
    return by


def short(number: float, digits: int = DIGITS) -> str:
    """A number with its sign and five digits; ``nan`` has no sign."""
    return "nan" if number != number else f"{number + 0.0:+.{digits}g}"


def _rise(numbers: Sequence[float]) -> float:
    """From the first of two numbers to the second."""
    return numbers[1] - numbers[0]


def _enough(
    numbers: Sequence[float],
    come_to: Callable[[Sequence[float]], float],
    result: float,
    digits: int = DIGITS,
) -> list[str]:
    """Numbers with as many digits as it takes for what they come to to be what is shown."""
    shown = [short(x) for x in numbers]
    for more in range(DIGITS, ALL_DIGITS + 1):
        texts = [short(x, more) for x in numbers]
        if short(come_to([float(text) for text in texts]), digits) == short(result, digits):
            return texts
    return shown


def javascript(ops: Iterable[Op]) -> str:
    """The rows above as JavaScript.

    It declares ``tellNudge(numbers)``, which gives the first true row of ``SENTENCES`` for an
    object with all of ``QUANTITIES``, or null; ``tellSeries(numbers)``, likewise of ``SERIES``; and
    ``sayNudge(row, words)``, the sentence of a row, with texts for all its placeholders. ``BENDS``
    has for each row of the operation table, and each of its operands, the places of the operands
    that the slope depends on: null where none passes or the row jumps, "all" for all of them. A
    root is linear in a node if nowhere on the way a slope depends on what moves. ``UNSEEN`` has the
    names of the rows of moves that could not be made.
    """
    table = {op.name: _bends(op) for op in ops}
    rows = [row._asdict() for row in SENTENCES]
    series = [row._asdict() for row in SERIES]
    names = ["tellNudge", "tellSeries", "sayNudge", "BENDS", "UNSEEN"]
    return in_closure(
        names,
        constant("SENTENCES", rows),
        constant("SERIES", series),
        constant("BENDS", table),
        constant("UNSEEN", UNSEEN),
        _READERS,
    )


def _bends(op: Op) -> Sequence[object]:
    """What ``bends`` says; of a row of any number of operands one entry for all of them."""
    every = frozenset(range(op.arity or 2))
    slopes = bends(op, op.arity or 2)[: op.arity or 1]
    return [
        None if slope is None else "all" if slope == every and slope else sorted(slope)
        for slope in slopes
    ]


_READERS = """
const first = (rows, numbers) => rows.find(row => row.when(numbers)) || null;
const tellNudge = numbers => first(SENTENCES, numbers);
const tellSeries = numbers => first(SERIES, numbers);
const sayNudge = (row, words) => sentence(row.says, words);
"""
