"""How numbers, counts and what was given are written: for every message, table and step.

Also what refuses them: "expected ..., got ..." is said here, once, so that it reads alike wherever
it is said. A leaf of the house: nothing of the project is imported.
"""

from __future__ import annotations

import numbers
import operator
import reprlib
from collections.abc import Callable, Sequence
from math import inf, nan
from typing import TypeVar

T = TypeVar("T")


class Text(str):
    """A string that a Python session shows as it reads, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


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
