"""How numbers, counts and what was given are written: for every message, table and step.

Also what refuses them: "expected ..., got ..." is said here, once, so that it reads alike wherever
it is said. And how wide a line may be, and where a longer one goes on: no terminal has to break
one in the middle of a number. A leaf of the house: nothing of the project is imported.
"""

from __future__ import annotations

import numbers
import operator
import os
import re
import reprlib
import sys
import unicodedata
from collections.abc import Callable, Sequence
from math import inf, nan
from typing import NamedTuple, TextIO, TypeVar

T = TypeVar("T")

GAP, NARROW_GAP = "   ", "  "  # between the columns of a table
STANDARD, NARROWEST = 80, 20  # columns of what is no terminal; fewer are not reckoned with
FOLDED = 16  # columns to which one of a table may be folded, though some word in it be wider
HANG = 2  # columns by which a line goes on further in than it began


class Text(str):
    """A string that a Python session shows as it reads, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class FittedText(Text):
    """One that is shown, and printed, in lines that fit.

    What compares it has the string itself, and so has an f-string, which becomes another text.
    """

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return format(str.__str__(self), spec)

    def __str__(self) -> str:
        return fitted(self)


# What is taken, and what is said of the rest ------------------------------------------------------


def real(number: object) -> float:
    """The float nearest to a real number.

    Raises:
        TypeError: for anything but a real number; bool is refused, as it is almost always a slip.
        ValueError: for a number beyond the largest float, which only infinity itself is written as.
    """
    kind = type(number)
    if kind is float:  # which isinstance would take some time to find out, as that an int is real
        return number  # type: ignore[return-value]
    if kind is int or (isinstance(number, numbers.Real) and kind is not bool):
        try:
            return float(number)  # type: ignore[arg-type]
        except OverflowError:
            raise ValueError(
                f"expected a number that a float can hold, at most 1.8e308 in size, got a larger "
                f"one of type {type(number).__name__}; scale it, or write math.inf for infinity"
            ) from None
    raise TypeError(
        f"expected a real number (int, float or NumPy real scalar), got {got(number)}; "
        f"convert it to a float first"
    )


def operand(number: object) -> float:
    """A number as an operation takes it: as ``real``, but a bool, as masks hold, is 0 or 1."""
    kind = type(number)
    if kind is not int and kind is not float and kind.__name__ in ("bool", "bool_"):
        return float(number)  # type: ignore[arg-type]  # Python's own, or NumPy's
    return real(number)


def number_within(name: str, given: object, low: float, below: float, advice: str = "") -> float:
    """A real number in [low, below) as a float.

    Args:
        name: what the caller calls it.
        given: what has come in.
        low: the least that is taken.
        below: the first that is not; may be infinite.
        advice: what to write instead.

    Raises:
        TypeError: if it is no real number.
        ValueError: if it is not within.
    """
    try:
        number = real(given)
    except TypeError as error:
        raise TypeError(f"{name}: {advised(str(error), advice)}") from None
    except ValueError:  # beyond all floats
        number = nan
    if not low <= number < below:
        wanted = f"number of at least {low:g} and less than {below:g}"
        if below == inf:
            wanted = "finite number" + f" of at least {low:g}" * (low != -inf)
        raise ValueError(advised(f"{name} must be a {wanted}, got {given!r}", advice))
    return number


def whole_number(
    name: str, given: object, least: int | None = 1, most: int | None = None, advice: str = ""
) -> int:
    """A whole number (an int, or an integer of NumPy, PyTorch or JAX) as an int.

    Args:
        name: what the caller calls it.
        given: what has come in.
        least: the least that is taken; None for no bound.
        most: the most that is taken; likewise.
        advice: what to write instead.

    Raises:
        TypeError: if it is no whole number; neither is a bool.
        ValueError: if it is less or more.
    """
    wanted = f"{name} must be a whole number"
    if least is not None:
        wanted += f" of at least {least}" if most is None else f" from {least} to {most}"
    try:
        if isinstance(given, bool) or "bool" in str(getattr(given, "dtype", "")):
            raise TypeError
        number = operator.index(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(advised(f"{wanted}, got {got(given)}", advice)) from None
    if (least is not None and number < least) or (most is not None and number > most):
        raise ValueError(advised(f"{wanted}, got {shortened(repr(number))}", advice))
    return number


def advised(message: str, advice: str) -> str:
    """A message, and what to do, if there is anything to say of that."""
    return f"{message}; {advice}" if advice else message


def got(thing: object) -> str:
    """What has come in, and its type: ``'2' of type str``."""
    try:
        shown = repr(thing)
    except Exception:  # of a class of somebody's; it must not hide what is wrong
        shown = reprlib.repr(thing)
    return f"{shortened(shown)} of type {type(thing).__name__}"


# Text --------------------------------------------------------------------------------------------


def shortened(text: str, longest: int = 60) -> str:
    """A text of no more characters than that; the end of a longer one is left out."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def ends(items: Sequence[T], most: int, show: Callable[[T], str] = str) -> list[str]:
    """Each of some things as text; of more than that the middle is left out, for ``...``."""
    if len(items) <= most:
        return list(map(show, items))
    return [*map(show, items[: most // 2]), "...", show(items[-1])]


def counted(count: int, what: str) -> str:
    """How many there are of what: ``1 node``, ``2 nodes``."""
    return f"{count} {what}{'s' * (count != 1)}"


def escape(text: str) -> str:
    """Text with backslashes, and with all that could move a terminal's cursor, written out."""
    return "".join(
        character
        if character.isprintable() and character != "\\"
        else character.encode("unicode_escape").decode()
        for character in text
    )


# Numbers -----------------------------------------------------------------------------------------

DIGITS = 6  # of a number, where no more are needed
ALL_DIGITS = 17  # those that tell a float from every other


def signed(number: float, digits: int = DIGITS) -> str:
    """A number with its sign: in full if it is whole, else to six digits; ``nan`` has no sign."""
    x = float(number)
    if x != x:
        return "nan"
    if x.is_integer() and abs(x) < 1e15:
        return f"{x:+.0f}"
    short = f"{x:+.{digits}g}"
    # 2.0000001 must not look whole.
    return f"{x:+#.{digits + 1}g}" if short[1:].isdigit() else short


def in_full(number: float) -> str:
    """A number such that reading it gives the same float; without a point if it is whole."""
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else repr(number)


def plain(number: float, digits: int = DIGITS) -> str:
    """A number as it stands in a formula: ``2``, ``-0.5``."""
    return signed(number, digits).removeprefix("+")


def point(coordinates: Sequence[float]) -> str:
    """A point as text: ``[1, -0.5]``, the first four coordinates of a longer one."""
    shown = [f"{x:.6g}" for x in coordinates[:4]]
    return f"[{', '.join(shown)}{', ...' * (len(coordinates) > 4)}]"


def several(given: object) -> str:
    """What to do instead, for who passes a list to what takes one Value."""
    if not isinstance(given, (list, tuple)):
        return ""
    return (
        "; a pass has one end: of several add up what should be differentiated, with "
        "autograd.sum(values), and to see them all in one picture there is draw(values)"
    )


def reads_as(number: float, result: float) -> bool:
    """Whether a number is another, as far as the digits tell that this one is shown with."""
    if number != number or result != result or number in (result, inf, -inf):
        return number == result or (number != number and result != result)
    shown = signed(result).partition("e")[0]
    digits = max(DIGITS, sum(character.isdigit() for character in shown.lstrip("+-0.")))
    return f"{number:.{digits}g}" == f"{result:.{digits}g}"


def digits_enough(come_to: Callable[[int], float], result: float) -> int | None:
    """How many digits the numbers of a formula take, for its result to come out as it is shown.

    Who computes with the digits that are printed then gets the number that is printed behind them.

    Args:
        come_to: what the formula comes to, with so many digits of each number.
        result: what it is said to be.

    Returns:
        At least six; None if even all digits of the floats come to something else.
    """
    tried = range(DIGITS, ALL_DIGITS + 1)
    return next((digits for digits in tried if reads_as(come_to(digits), result)), None)


# Lines that fit ----------------------------------------------------------------------------------


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
    columns = int(written) if written.isdecimal() else 0
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
