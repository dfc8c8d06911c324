"""Lines that fit: how wide one may be, tables in columns, and where a longer line goes on.

Texts and rows go in; what is printed comes out, at whatever width the terminal has, which then need
not break a line in the middle of a number. For steps, tables, reports and all that the shell says.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from math import inf
from typing import NamedTuple, TextIO

from .text import Text

GAP, NARROW_GAP = "   ", "  "  # between the columns of a table
STANDARD, NARROWEST = 80, 20  # columns of what is no terminal; fewer are not reckoned with
FOLDED = 16  # columns to which one of a table may be folded, though some word in it be wider
HANG = 2  # columns by which a line goes on further in than it began


class FittedText(Text):
    """One that is shown, and printed, in lines that fit.

    What compares it has the string itself, and so has an f-string, which becomes another text.
    """

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return format(str.__str__(self), spec)

    def __str__(self) -> str:
        return fitted(self)


def width(stream: TextIO | None = None) -> int:
    """How many columns a line may have: those of the terminal but the last, else 79.

    This is the one place that asks. ``COLUMNS`` in the environment says how many there are. Where
    output goes to a file, a pipe, a notebook or a string there is no terminal to fit, and what is
    printed should not depend on the machine.

    Args:
        stream: where the line goes; standard output by default.
    """
    stream = sys.stdout if stream is None else stream
    written = os.environ.get("COLUMNS", "")
    columns = int(written) if re.fullmatch("[0-9]{1,6}", written) else 0
    try:
        if not columns and stream.isatty():
            columns = os.get_terminal_size(stream.fileno()).columns
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed, or no terminal
        pass
    # Some terminals begin a new line as soon as the last column is written to.
    return max(columns or STANDARD, NARROWEST) - 1


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: a letter of East Asia two, an accent none."""
    if text.isascii():
        return len(text)
    return len(text) + sum(map(_more_than_one, text))


def _more_than_one(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return -1
    return int(unicodedata.east_asian_width(character) in "WF")


def align(rows: Sequence[Sequence[str]], gap: str = GAP) -> list[str]:
    """A line for each row, in columns."""
    widths = [max(map(columns, column)) for column in zip(*rows)]
    return [gap.join(map(_padded, row, widths)).rstrip() for row in rows]


def aligned_within(room: int, rows: Sequence[Sequence[str]]) -> list[str] | None:
    """The same with the widest gap with which every line has room; None if there is none."""
    for gap in (GAP, NARROW_GAP):
        lines = align(rows, gap)
        if max(map(columns, lines), default=0) <= room:
            return lines
    return None


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, each on one line if there is room, and else on several.

    Where there is no room for all columns side by side the widest are folded. Where a name in one
    is wider than what is left for it, the rest of its row goes on below; and where that is not
    enough, so do the last columns of all rows.
    """
    room = width()
    while rows and rows[0] and not any(row[-1] for row in rows):
        rows = [row[:-1] for row in rows]
    lines = aligned_within(room, rows)
    if lines is not None:
        return lines
    widest = [max(map(columns, column)) for column in zip(*rows)]
    least = [max(map(_narrowest, column)) for column in zip(*rows)]
    gaps = len(NARROW_GAP) * (len(widest) - 1)
    floors = [*least]
    for at in [None, *sorted(range(len(least)), key=lambda i: -least[i])]:
        if at is not None:
            floors[at] = min(floors[at], FOLDED)
        if sum(floors) + gaps <= room:
            return _in_columns(rows, _squeezed(widest, floors, room - gaps))
    blocks, first, inset = list[list[str]](), 0, 0
    while first < len(widest):
        last = first + 1
        while last < len(widest) and inset + _side_by_side(widest[first : last + 1]) <= room:
            last += 1
        alone = max(least[first], min(widest[first], room - inset))
        widths = [alone, *widest[first + 1 : last]]
        blocks.append(_in_columns([row[first:last] for row in rows], widths, " " * inset))
        first, inset = last, 2 * HANG
    return ["\n".join(filter(str.strip, parts)) for parts in zip(*blocks)]


def fitted(text: str, room: int | None = None, hang: int | None = None) -> str:
    """A text whose lines all fit: a longer one goes on in the next, as ``wrapped`` says."""
    room = width() if room is None else room
    if max(map(columns, text.splitlines()), default=0) <= room:
        return str.__str__(text)
    return "\n".join(part for line in text.split("\n") for part in wrapped(line, room, hang))


def wrapped(
    line: str, room: int, hang: int | None = None, names_stay_whole: bool = False
) -> list[str]:
    """A line on as many lines as it takes: broken between words, and never within a number.

    Best between two columns, then between two words, before ``=`` and ``->``, before another sign
    of arithmetic, within brackets, and last within a quoted label. A formula goes on below what
    stands behind its ``=``. A piece without a space that is wider than the room stays whole, but
    for a derivative, ``dL/dw``, whose second half goes below.

    Args:
        line: one line; what it begins with is kept before all others.
        room: how wide a line may be.
        hang: the column in which further lines begin; two further in than the first by default.
        names_stay_whole: whether a name, and what is in brackets, is rather wider than the room.
    """
    if columns(line) <= room:
        return [line]
    inset = len(line) - len(line.lstrip(" "))
    hang = min(inset + HANG if hang is None else hang, room // 2)
    words = _bound(_words(line)) if names_stay_whole else _words(line, room - hang)
    lines, start, indent, equals = list[str](), 0, inset, 0
    while start < len(words):
        end = _end_of_line(words, start, room - indent)
        shown = " " * indent
        for i in range(start, end):
            shown += " " * words[i].before * (i > start)
            if words[i].text == "=" and not equals:
                equals = columns(shown)
            shown += words[i].text
        lines.append(shown)
        start, indent = end, hang
        if end < len(words) and words[end].badness > 0.0:  # a formula goes on
            indent = min(max(hang, inset + HANG), room // 2)
            if 0 < equals <= room // 2:
                indent = equals if words[end].text == "=" else equals + len("= ")
    return lines


def _end_of_line(words: Sequence[_Word], start: int, room: int) -> int:
    """Where the next line begins, if one begins with a word and has so much room."""
    used, best, end = 0, -inf, start + 1
    for i in range(start, len(words)):
        used += words[i].before * (i > start) + columns(words[i].text)
        if used > room:
            return end
        # The later a line ends the better, but for a bad place it must be worth its while.
        worth = used - words[i + 1].badness * room / 4 if i + 1 < len(words) else inf
        if worth >= best:
            best, end = worth, i + 1
    return end


class _Word(NamedTuple):
    """A piece of a line: how many spaces are before it, and how bad a place to break that is."""

    text: str
    before: int
    badness: float


# How bad it is to break a line before a sign: the worse, the tighter it binds.
_SIGNS = dict.fromkeys(("=", "->"), 1.0) | dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 1.5)
_SIGNS |= dict.fromkeys("+-", 2.0) | dict.fromkeys(("*", "/", "//", "%"), 3.5) | {"**": 4.5}
_IN_BRACKETS, _IN_QUOTES, _IN_A_DERIVATIVE, _BEHIND_A_SIGN = 5.0, 6.0, 7.0, 8.0
_NUMBER = re.compile(r"[-+]?(?:\d|inf\b|nan\b)|--$")
_NUMBERING = re.compile(r"\[\d+/\d+\]")
_MARKS = re.compile(r'\\.|["()\[\]{}]')
_HALVES = re.compile(r"(?<=[\w\])\"])(?=/d[\w(\"])")


def _words(line: str, room: int = sys.maxsize) -> list[_Word]:
    """The pieces of a line, and how bad it is to break it before each: least between columns.

    Those that have no room on a line of their own are taken apart where they are derivatives.
    """
    words = list[_Word]()
    depth, is_quoted, behind = 0, False, ""
    for found in re.finditer(r"( *)([^ ]+)", line):
        before, text = len(found[1]), found[2]
        if is_quoted:
            badness = _IN_QUOTES
        elif before >= len(NARROW_GAP):
            badness = -1.0
        elif behind in _SIGNS:
            badness = _BEHIND_A_SIGN
        elif depth:
            badness = _IN_BRACKETS
        elif text in _SIGNS:
            badness = _SIGNS[text]
        elif text[0] == "(":
            badness = 1.0
        elif _NUMBERING.fullmatch(behind) or _belongs(text, behind):
            badness = 2.0
        else:
            badness = 0.0
        parts = _HALVES.split(text) if columns(text) > room else [text]
        words.append(_Word(parts[0], before, badness))
        words += [_Word(part, 0, _IN_A_DERIVATIVE) for part in parts[1:]]
        for mark in _MARKS.findall(text):
            if mark == '"':
                is_quoted = not is_quoted
            elif not is_quoted:
                depth = max(depth + (mark in "([{") - (mark in ")]}"), 0)
        behind = text
    return words


def _belongs(text: str, before: str) -> bool:
    """Whether a word is a number that stands to the one before it: ``position 3``."""
    return bool(_NUMBER.match(text)) and not before.endswith((",", ";", ":"))


def _bound(words: Sequence[_Word]) -> list[_Word]:
    """The same without bad places: within brackets, labels and derivatives, and behind a sign."""
    found = list[_Word]()
    for word in words:
        if found and word.badness >= _IN_BRACKETS:
            before = found.pop()
            word = before._replace(text=before.text + " " * word.before + word.text)
        found.append(word)
    return found


def _narrowest(text: str) -> int:
    """How wide a text has to be, lest a name be broken, or what is in brackets."""
    return max([columns(word.text) for word in _bound(_words(text))], default=0)


def _squeezed(widest: Sequence[int], least: Sequence[int], left: int) -> list[int]:
    """The widths of columns that fit: those that have the most are made narrower."""
    widths = list(widest)
    while sum(widths) > left:
        at = max(range(len(widths)), key=lambda i: (widths[i] > least[i], widths[i]))
        widths[at] -= 1
    return widths


def _in_columns(rows: Sequence[Sequence[str]], widths: Sequence[int], inset: str = "") -> list[str]:
    """Rows with their texts folded to the widths of their columns, or less."""
    folded = [
        [
            wrapped(text, room, len(text) - len(text.lstrip(" ")), names_stay_whole=True)
            for text, room in zip(row, widths)
        ]
        for row in rows
    ]
    used = [
        max([columns(line) for cell in column for line in cell if columns(line) <= room], default=0)
        for column, room in zip(zip(*folded), widths)
    ]
    room = width() - len(inset)
    found = []
    for cells in folded:
        shown, top, begin = list[str](), 0, 0
        for cell, own in zip(cells, used):
            wide, at = max(map(columns, cell)), begin
            if begin + wide > room:  # there is room for it alone, or nowhere
                top, at = len(shown), max(room - wide, 0)
            shown += [""] * (top + len(cell) - len(shown))
            for i, line in enumerate(cell, start=top):
                shown[i] = _padded(shown[i], at) + line
            if wide > own:
                top += len(cell)  # there is no room beside it
            begin += own + len(NARROW_GAP)
        found.append("\n".join([f"{inset}{line}".rstrip() for line in shown if line.strip()]))
    return found


def _side_by_side(widths: Sequence[int]) -> int:
    return sum(widths) + len(NARROW_GAP) * (len(widths) - 1)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))
