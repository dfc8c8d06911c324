"""What pictures look like in detail: colours, fonts, and any text as Graphviz reads it.

Strings and numbers go in, pieces of a DOT file come out. Labels are data: whatever characters they
hold, they come out as text.
"""

from __future__ import annotations

import html
import math
import unicodedata

DASH = "\u2014"
# The first family that the machine has is taken; the last two are what Linux has, and all have.
FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
MONOSPACE = "DejaVu Sans Mono,Menlo,Consolas,monospace"
# The light colours of kit.css: texts stand out from every ground by 4.5 to 1, lines by 3 to 1.
PAPER, FRAMED = "#ffffff", "#f6f7f9"
LEAF = "#e9eff6"
INK = "#1f2933"
FAINT = "#566370"
LINE = "#7b8895"
OPERATION = "#3e4c59"
EMPHASIS = "#fff3cc"
EMPHASIS_LINE = "#a86c12"
# Blue and orange are told apart with every kind of colour blindness; the blue is the darker one,
# so that they also differ in grey.
POSITIVE = "#1b5fa8"
NEGATIVE, NEGATIVE_INK = "#b25808", "#a3450a"
NOT_A_NUMBER = "#000000"


def sign_colour(number: float | None, neutral: str, negative: str = NEGATIVE) -> str:
    """Blue or orange by the sign of a number, ``neutral`` where there is none, black for nan."""
    if number is None or number == 0.0:
        return neutral
    if math.isnan(number):
        return NOT_A_NUMBER
    return POSITIVE if number > 0.0 else negative


def attribute_list(**attributes: str) -> str:
    """A DOT attribute list; labels alone are HTML-like, between angle brackets."""
    pairs = (f"{k}=<{v}>" if k in _LABELS else f'{k}="{v}"' for k, v in attributes.items())
    return f" [{' '.join(pairs)}]"


_LABELS = ("label", "headlabel")


class _Printable(dict[int, int]):
    """For ``str.translate``: what stands for the characters that XML or a line cannot hold."""

    RETURN = 0x21B5
    REPLACEMENT = 0xFFFD

    def __missing__(self, code: int) -> int:
        if code < 0x20:
            return self.RETURN if code in b"\n\r" else 0x2400 + code
        category = unicodedata.category(chr(code))
        if category in ("Zl", "Zp"):
            return self.RETURN
        # Controls, halves of surrogate pairs, and the last two codes of each plane.
        if category in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE:
            return self.REPLACEMENT
        return code


_PRINTABLE = _Printable()


def printable(text: str) -> str:
    """Any string with signs in the place of what no XML and no UTF-8 can hold."""
    return text if text.isprintable() else text.translate(_PRINTABLE)


def as_markup(text: str) -> str:
    """Any string for an HTML-like label: markup escaped, and backslashes, which Graphviz reads."""
    markup = html.escape(printable(text)).replace("\\", r"\\")
    # Graphviz 2.43 takes a text that is nothing but "]" or "]]" for a syntax error.
    return "&#93;" + markup[1:] if markup.startswith("]") else markup


def as_tooltip(text: str) -> str:
    """Any string for a tooltip, on several lines if it has them; backslashes are read twice.

    A long one becomes a sum of strings, for Graphviz reads no more than 16384 bytes as one.
    """
    lines = "\n".join(map(printable, text.split("\n")))
    parts = [lines[k : k + _PART] for k in range(0, len(lines), _PART)]
    escaped = (html.escape(part).replace("\\", r"\\\\").replace("\n", "&#10;") for part in parts)
    return '" + "'.join(escaped)


_PART = 2000
