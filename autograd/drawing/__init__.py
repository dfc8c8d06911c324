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

from ..value import Value
from . import rendering
from .dot import dot_lines
from .picture import Highlight, picture_of
from .rendering import RenderError

if TYPE_CHECKING:
    import graphviz

__all__ = ["RenderError", "draw", "render"]

_TEXT_FORMATS = ("dot", "gv")
# Dots per inch: sharp where a picture is small; and no side of a large one gets out of hand.
_RESOLUTION, _RESOLUTION_OF_LARGE = 150, 100
_LARGE = 50
_LONGEST_SIDE = 16_000


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

    Args:
        root: the Value at the end of the computation.
        rankdir: where the computation goes: "LR" to the right, or "TB", "RL", "BT".
        partials: whether to write the local derivatives on the edges.
        depth: how many operations to go back from the root, along the shortest way; what lies
            deeper becomes an ellipsis. None for the whole graph.
        max_nodes: the largest number of Values to draw.
        highlight: Values to emphasise; a single Value counts as one of them.

    Returns:
        A ``graphviz.Digraph`` whose ``.source`` is the same in every run.

    Raises:
        TypeError: if ``root`` or a highlighted object is not a Value.
        ValueError: if the graph is too large to be read, ``rankdir`` is no direction, ``depth`` no
            whole number, or a highlighted Value is not in the picture.
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
    says what to install.

    Args:
        root: the Value at the end of the computation.
        path: where to write; its extension says what: .png, .svg, .pdf, or .dot or .gv for text.
        rankdir: as for ``draw``.
        partials: as for ``draw``.
        depth: as for ``draw``.
        max_nodes: as for ``draw``.
        highlight: as for ``draw``.

    Returns:
        The path of the file that was written.

    Raises:
        TypeError: as for ``draw``, or if ``path`` is no path.
        ValueError: as for ``draw``, or if the extension is none of those.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        RenderError: if Graphviz failed or took too long; nothing has been written then.
    """
    place = _checked(path)
    file_format = place.suffix[1:].lower()
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
        picture_file = rendering.picture_bytes(
            _text([*_raster(len(picture.nodes), file_format), *lines]), file_format
        )
    except rendering.NotInstalledError as absence:
        text_place = place.with_suffix(".dot")
        rendering.write_whole(text_place, _text(lines).encode())
        rendering.say(
            f"wrote {text_place} and not {place}: {absence}; for pictures: {rendering.INSTALL}"
        )
        return text_place
    rendering.write_whole(place, picture_file)
    return place


def _raster(nodes: int, file_format: str) -> list[str]:
    """The line of DOT that sets how many pixels a picture has, if it has any."""
    if file_format != "png":
        return []
    resolution = _RESOLUTION if nodes <= _LARGE else _RESOLUTION_OF_LARGE
    side = _LONGEST_SIDE / resolution
    return [f'\tgraph [dpi="{resolution}" size="{side:g},{side:g}"]']


def _text(lines: list[str]) -> str:
    return "\n".join(["digraph {", *lines, "}", ""])


def _checked(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    known = [*rendering.FORMATS, *_TEXT_FORMATS]
    if place.suffix[1:].lower() not in known:
        raise ValueError(
            f"a picture's format is the extension of its file, one of .{', .'.join(known)}; "
            f"got {str(place)!r}"
        )
    if place.is_dir():
        raise IsADirectoryError(f"cannot write a picture to {str(place)!r}: it is a folder")
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(place)!r}: there is no folder {str(place.parent)!r}; make it first"
        )
    return place
