"""Text for a terminal, or for whatever stands in its place: coloured where colour is wanted.

Nothing that is shown can move a cursor or ring a bell, whatever a label holds; and a terminal that
lacks a letter gets its number instead.
"""

from __future__ import annotations

import os
import re
import rlcompleter
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..lines import fitted, width

try:
    import readline
except ImportError:  # not every Python has it, and then there is no tab key
    readline = None  # type: ignore[assignment]

WIDEST = 79  # columns of prose

_BOLD, _RED, _GREEN, _YELLOW, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"

# What stands out in a text, and how.
_STYLES = [
    (re.compile(r"^\[\d+/\d+\].*", re.MULTILINE), _BOLD),
    (re.compile(r"^\*\*\* .*", re.MULTILINE), _RED),
    (re.compile(r"\bfinal \([^)]*\)"), _GREEN),
    (re.compile(r"\bwas \S+ before this pass: no zero_grad|\b(?:nan|NaN)\b"), _YELLOW),
]


def say(shown: str) -> None:
    """Print a text, each of its lines on as many as it takes."""
    _print(shown, width())


def tell(sentence: str, indent: str = "", hang: int | None = None) -> None:
    """Print prose, which is read best in lines of no more than 79 columns.

    Args:
        sentence: a line, or several.
        indent: what stands before it.
        hang: the column in which it goes on; by default two further in than it begins.
    """
    _print(indent + sentence, min(width(), WIDEST), hang)


def echo(line: str) -> None:
    """Print what has been typed, as it was."""
    _print(line, sys.maxsize)


def _print(shown: str, room: int, hang: int | None = None) -> None:
    if sys.stdout is None:
        return
    shown = fitted(_encodable(shown), room, hang)
    print(coloured(shown) if wants_colour() else shown, flush=True)


def ask(prompt: str) -> str | None:
    """A line of the input, after a prompt; None at its end.

    What comes through a pipe is written behind the prompt, as a terminal shows what is typed.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):  # closed; input() needs all three
        return None
    while True:
        try:
            line = input(_encodable(prompt))
        except EOFError:
            say("")
            return None
        except UnicodeDecodeError as error:
            say(f"*** this is no text: {error}")
            continue
        if not is_typed():
            echo(line)
        return line


def _encodable(shown: str) -> str:
    """A text with what a terminal cannot show written out."""
    encoding = sys.stdout.encoding or "utf-8"
    return printable(shown).encode(encoding, "backslashreplace").decode(encoding)


def printable(shown: str) -> str:
    """A text with everything that is neither a letter nor a new line written out."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in shown
    )


def coloured(shown: str) -> str:
    """A text with what matters set off."""
    for pattern, style in _STYLES:
        shown = pattern.sub(lambda found, style=style: f"{style}{found[0]}{_PLAIN}", shown)  # type: ignore[misc]
    return shown


def wants_colour() -> bool:
    """Whether output goes to a terminal that shows colour, and nobody has asked for none."""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def is_typed() -> bool:
    """Whether a person types the input; otherwise it comes from a pipe or a file."""
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def word_delimiters(delimiters: str) -> Iterator[None]:
    """Let the tab key complete words that end at these characters, within the block."""
    if readline is None:
        yield
        return
    before = readline.get_completer_delims()
    readline.set_completer_delims(delimiters)
    try:
        yield
    finally:
        readline.set_completer_delims(before)


def complete_names(names: dict[str, Any]) -> None:
    """Let the tab key complete the names of a Python session."""
    if readline is not None:
        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
