"""Room for numbers that change: pictures of several moments of a pass, in which nothing moves.

Pictures go in, and out comes how wide the fields of their numbers have to be in each. How wide a
text is can only be guessed here, for the fonts are the machine's: rather too wide than too narrow.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from . import look
from .picture import Arrow, Box, Node, Picture

SUM = "\u03a3"
# Of signs that are wider than a digit, in the widest of the fonts, for a size of 1.
_WIDTHS = {"+": 0.85, look.DASH: 1.0, SUM: 0.75}
_DIGIT, _WIDE = 0.66, 1.32
_CAPTION = 13


class Room:
    """What pictures leave free for each other's numbers.

    Attributes:
        is_shared: whether there are others at all; a picture by itself has the room that it needs.
        scale: the largest contribution in any of them, which the widest edge has.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.is_shared = len(pictures) > 1
        self.scale = max(picture.largest_contribution for picture in pictures)
        self._captions = [picture.caption for picture in pictures]
        self._widths: dict[tuple[str, str], float] = {}
        if self.is_shared:
            for picture in pictures:
                self._measure(picture)

    def _measure(self, picture: Picture) -> None:
        for node in picture.nodes:
            self._keep(node.id, "grad", gradient_text(node.grad))
            self._keep(node.id, "count", node.count)
        for box in picture.boxes:
            self._keep(box.id, "grad", gradient_text(box.total))
        ends: list[Node | Box] = [*picture.nodes, *picture.boxes]
        for end in ends:
            for number, arrow in enumerate(end.arrows, start=1):
                self._keep(f"{end.id}:{number}", "sum", sum_text(arrow))

    def _keep(self, part: str, field: str, text: str) -> None:
        key = part, field
        self._widths[key] = max(self._widths.get(key, 0.0), _width(text))

    def cell(self, part: str, field: str, size: int, around: int) -> str:
        """The attributes of a table's cell that keep room for a field.

        Args:
            part: the id of a node or box, or that of an arrow: ``v3:1`` for the first into v3.
            field: which of its texts.
            size: the size of its letters.
            around: how much more there is in the cell.
        """
        width = size * self._widths.get((part, field), 0.0)
        return f' ALIGN="LEFT" WIDTH="{math.ceil(width) + around}"' if width else ""

    def caption(self, picture: Picture) -> str:
        """The lines below a picture, the first in bold, in a field that takes any of the others."""
        rows = max(map(len, self._captions))
        widest = max(_width(line) for lines in self._captions for line in lines)
        first, *others = map(look.as_markup, picture.caption)
        lines = [f"<B>{first}</B>", *others, *["&#160;"] * (rows - 1 - len(others))]
        size = f'FIXEDSIZE="TRUE" WIDTH="{math.ceil(_CAPTION * widest)}" HEIGHT="19"'
        font = f'<FONT FACE="{look.MONOSPACE}" POINT-SIZE="{_CAPTION}" COLOR="{look.INK}">'
        table = "".join(
            f'<TR><TD ALIGN="LEFT" {size}>{font}{line}</FONT></TD></TR>' for line in lines
        )
        return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{table}</TABLE>'


def rounded(number: float) -> str:
    """A number as it stands in a picture."""
    # A gradient of -0.0 is a puzzle and no information.
    return format(number + 0.0, ".4g")


def gradient_text(number: float | None) -> str:
    """A gradient, or a sum of some; a dash if nothing has come."""
    return look.DASH if number is None else rounded(number)


def sum_text(arrow: Arrow) -> str:
    """What an arrow that stands for several says of what they have carried; "" before they have."""
    if arrow.count == 1 or arrow.contribution is None:
        return ""
    return f"{SUM} {rounded(arrow.contribution)}"


def _width(text: str) -> float:
    """How many times its size a text of the signs that numbers are made of is wide, at most."""
    return sum(
        0.0
        if unicodedata.combining(sign)
        else _WIDE
        if unicodedata.east_asian_width(sign) in "WF"
        else _WIDTHS.get(sign, _DIGIT)
        for sign in text
    )
