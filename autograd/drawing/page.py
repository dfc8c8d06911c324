"""A picture as one HTML file: to zoom and pan in, with what each part says beside it.

An SVG file by Graphviz goes in; out comes a page that needs nothing else, made with the kit that
all pages share. ``still.html`` is its frame, ``still.css`` its look, ``still.js`` its movements.
"""

from __future__ import annotations

import html

from . import kit
from .look import printable


def page(svg: bytes, title: str) -> str:
    """The page around a picture.

    Args:
        svg: what Graphviz drew.
        title: the name of the page; any text will do.
    """
    return kit.page(
        kit.asset(__package__, "still.html"),
        kit.style(__package__, "still.css"),
        kit.script(__package__, "still.js"),
        name=html.escape(printable(title)),
        picture=kit.picture(svg),
    )
