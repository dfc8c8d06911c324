"""Pictures of computation graphs: ``draw`` for a notebook or DOT text, ``render`` for a file.

A graph becomes a ``picture`` (what is shown), the picture ``dot`` text (how it looks), and the
text a file (``rendering``). Nothing but the text needs to be installed: whatever Graphviz there is
draws it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.value import Value
from . import rendering
from .dot import dot_lines
from .picture import Highlight, picture_of
from .rendering import RenderError

if TYPE_CHECKING:
    import graphviz

__all__ = ["RenderError", "draw", "render"]

_TEXT_FORMATS = ("dot", "gv")
# Dots per inch: sharp where a picture is small.
_RESOLUTION, _RESOLUTION_OF_LARGE = 150, 100
_LARGE = 50
_MOST_PIXELS = 32_000


def draw(
    root: Value,
    *,
    rankdir: str = "LR",
    partials: bool = True,
    groups: str | None = "auto",
    expand: str | Value | Iterable[str | Value] = (),
    focus: Value | None = None,
    depth: int | None = None,
    max_nodes: int | None = None,
    highlight: Highlight = (),
) -> graphviz.Digraph:
    """A picture of the graph under a Value, as DOT; a notebook shows it.

    Each Value is a record ``label | data | grad``, each operation a small node with its symbol.
    An edge from an operand carries the local derivative, and where the order of operands matters
    the operand's place. Its colour is the sign of what it adds to the operand's gradient, its
    width the size, on one scale for the picture. Before a sweep a gradient is a dash.

    Names such as ``layer1.neuron0.w[2]`` are shown as the lecture writes them, ``w_31^(1)``.

    A graph of more than ``max_nodes`` Values is drawn by groups. They are found by themselves:
    from ``with autograd.group(name)``, from dotted labels, and where a sum adds up instances of
    one formula; Values without groups are gathered by their distance from the end. A closed group
    is a box with a double border: how many Values it hides, and the sum of their gradients. Edges
    between boxes say how many operands they stand for, and the sum of what these contribute. Of
    many groups of a kind one is shown, and the others are one box.

    Args:
        root: the Value at the end of the computation.
        rankdir: where the computation goes: "LR" to the right, or "TB", "RL", "BT".
        partials: whether to write the local derivatives on the edges.
        groups: "auto", or None to draw every Value by itself.
        expand: names of groups to open, such as ``"layer1.neuron3"`` or ``"instance[3]"``, and
            Values to show; a single one counts as one of them.
        focus: a Value to draw with its consumers and operands only, ``depth`` operations each
            way, 2 unless told otherwise.
        depth: how many operations to go back from the root, along the shortest way; what lies
            deeper becomes an ellipsis. None for the whole graph.
        max_nodes: how many Values and boxes a picture may have before groups are closed: 60 unless
            told otherwise. With ``groups=None`` the largest number of Values to draw: 200.
        highlight: Values to emphasise; a single Value counts as one of them. Within a list or
            tuple the edges between neighbours are emphasised as well, so that it may be a path.
            It may also hold paths, such as ``why(w).paths`` of a ``Stepper``.

    Returns:
        A ``graphviz.Digraph`` whose ``.source`` is the same in every run.

    Raises:
        TypeError: if ``root``, ``focus`` or a highlighted object is not a Value, or ``expand``
            holds anything but names and Values.
        ValueError: if ``rankdir`` is no direction, ``depth`` or ``max_nodes`` no whole number, a
            Value is not in the picture, or a group not in the graph; with ``groups=None`` if the
            graph is too large to be read.
    """
    picture = picture_of(
        root,
        groups=groups,
        expand=expand,
        focus=focus,
        depth=depth,
        max_nodes=max_nodes,
        highlight=highlight,
    )
    lines = dot_lines(picture, rankdir=rankdir, partials=partials)
    from .digraph import Drawing

    return Drawing(body=[f"{line}\n" for line in lines])


def render(
    root: Value,
    path: str | os.PathLike[str],
    *,
    dpi: float | None = None,
    max_pixels: int = 16_000,
    rankdir: str = "LR",
    partials: bool = True,
    groups: str | None = "auto",
    expand: str | Value | Iterable[str | Value] = (),
    focus: Value | None = None,
    depth: int | None = None,
    max_nodes: int | None = None,
    highlight: Highlight = (),
) -> Path:
    """Draw the graph under a Value into a file; the picture is the one that ``draw`` describes.

    Without any Graphviz the DOT text is written beside, as ``.dot``, and a line on standard error
    says what to install. A line there also says if a PNG had to be made smaller to fit.

    Args:
        root: the Value at the end of the computation.
        path: where to write; its extension says what: .png, .svg, .pdf, .html for a page to zoom
            in, or .dot or .gv for text.
        dpi: dots per inch of a PNG, where text is 14/72 inches high; 150 unless told otherwise,
            and 100 for a large picture.
        max_pixels: the most pixels that a PNG may be wide, or high.
        rankdir: as for ``draw``.
        partials: as for ``draw``.
        groups: as for ``draw``.
        expand: as for ``draw``.
        focus: as for ``draw``.
        depth: as for ``draw``.
        max_nodes: as for ``draw``.
        highlight: as for ``draw``.

    Returns:
        The path of the file that was written.

    Raises:
        TypeError: as for ``draw``, or if ``path`` is no path.
        ValueError: as for ``draw``, if the extension is none of those, or a size out of range.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        RenderError: if Graphviz failed or took too long; nothing has been written then.
    """
    place = _checked(path)
    file_format = place.suffix[1:].lower()
    _check_size(dpi, max_pixels)
    picture = picture_of(
        root,
        groups=groups,
        expand=expand,
        focus=focus,
        depth=depth,
        max_nodes=max_nodes,
        highlight=highlight,
    )
    lines = dot_lines(picture, rankdir=rankdir, partials=partials)
    if file_format in _TEXT_FORMATS:
        rendering.write_whole(place, _text(lines).encode())
        return place
    try:
        content = _content(file_format, lines, len(picture.nodes), dpi, max_pixels, root, place)
    except rendering.NotInstalledError as absence:
        text_place = place.with_suffix(".dot")
        rendering.write_whole(text_place, _text(lines).encode())
        rendering.say(
            f"wrote {text_place} and not {place}: {absence}; for pictures: {rendering.INSTALL}"
        )
        return text_place
    rendering.write_whole(place, content)
    return place


def _content(
    file_format: str,
    lines: list[str],
    nodes: int,
    dpi: float | None,
    max_pixels: int,
    root: Value,
    place: Path,
) -> bytes:
    """The contents of a file that Graphviz has to draw for."""
    if file_format == "html":
        from .page import page

        svg = rendering.picture_bytes(_text(lines), "svg")
        return page(svg, root.label or place.stem).encode()
    if file_format != "png":
        return rendering.picture_bytes(_text(lines), file_format)
    resolution = dpi or (_RESOLUTION if nodes <= _LARGE else _RESOLUTION_OF_LARGE)
    side = (max_pixels - 1) / resolution  # it may round up
    raster = f'\tgraph [dpi="{resolution:g}" size="{side:g},{side:g}"]'
    content = rendering.picture_bytes(_text([raster, *lines]), "png")
    width, height = (int.from_bytes(content[k : k + 4], "big") for k in (16, 20))
    if max(width, height) > max_pixels - 5:
        rendering.say(
            f"{place} was made smaller to fit in {max_pixels:,} pixels; if its text is too small, "
            f"write an .svg or .html, which can be zoomed, or draw less with depth= or focus="
        )
    return content


def _check_size(dpi: float | None, max_pixels: int) -> None:
    if dpi is not None and (
        isinstance(dpi, bool) or not isinstance(dpi, (int, float)) or not 10 <= dpi <= 2400
    ):
        raise ValueError(f"dpi is a number of dots per inch from 10 to 2400, got {dpi!r}")
    if (
        isinstance(max_pixels, bool)
        or not isinstance(max_pixels, int)
        or not 100 <= max_pixels <= _MOST_PIXELS
    ):
        raise ValueError(
            f"max_pixels is a whole number from 100 to {_MOST_PIXELS}, got {max_pixels!r}; beyond, "
            f"Graphviz draws no PNG: write an .svg"
        )


def _text(lines: list[str]) -> str:
    return "\n".join(["digraph {", *lines, "}", ""])


def _checked(path: str | os.PathLike[str]) -> Path:
    known = [*rendering.FORMATS, "html", *_TEXT_FORMATS]
    place = rendering.checked_place(path, "a picture", [f".{name}" for name in known])
    if place is None:
        raise ValueError(
            f"a picture's format is the extension of its file, one of .{', .'.join(known)}; "
            f"got {os.fspath(path)!r}"
        )
    return place
