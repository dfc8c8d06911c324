"""Which way a picture goes, and how its records are written, so that it can be read on a screen.

A ``Picture`` and its ``Arrangement`` go in; out comes a ``Shape``, and how large its letters are
where all of it is on the screen. Sizes are estimates, for the fonts are the machine's; they depend
on what stands where and on no number of it, so that all pictures of a pass have one shape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .arrangement import Arrangement, Place
from .notation import symbol
from .picture import Arrow, Box, Node, Picture

# In points of 1/72 inch, as Graphviz measures.
INCH, LETTER = 72.0, 14.0
_SIGN, _BOLD, _SMALL_SIGN = 8.9, 9.8, 6.4
_FIELD, _ROW, _LINE = 92.0, 21.0, 31.0
_BOX = (165.0, 58.0)
_FRAME = 24.0
_LEGEND = 70.0

# A screen, and the column of a notebook, in pixels of 1/96 inch.
SCREEN, CELL = (1400.0, 900.0), 900.0
PIXELS = 96 / 72
# Letters of so many pixels are read with ease, of so many at all; fonts are rather smaller than
# what is reckoned with here.
COMFORTABLE, READABLE, _IN_CELL = 11.0, 8.5, 9.0


@dataclass(frozen=True)
class Shape:
    """How a picture is laid out.

    Attributes:
        rankdir: where the computation goes, as Graphviz calls it.
        is_stacked: whether a record is a column of its fields, and not a line.
    """

    rankdir: str
    is_stacked: bool

    @property
    def beside(self) -> float:
        """How far apart things of one rank are, in inches."""
        return 0.15 if self.is_stacked else 0.25

    @property
    def between(self) -> float:
        """How far apart ranks are, in inches."""
        return 0.3 if self.is_stacked else 0.4

    @property
    def is_sideways(self) -> bool:
        """Whether the computation goes from left to right, or back."""
        return self.rankdir in ("LR", "RL")


@dataclass(frozen=True)
class Size:
    """How large a picture is, in points."""

    width: float
    height: float

    @property
    def on_screen(self) -> float:
        """The height of its letters in pixels where all of it is on a screen."""
        width, height = SCREEN
        shrunk = min(1.0, width / (PIXELS * self.width), height / (PIXELS * self.height))
        return PIXELS * LETTER * shrunk

    @property
    def in_cell(self) -> float:
        """The same in a notebook, which shows a point as a pixel and scrolls down."""
        return LETTER * min(1.0, CELL / self.width)


def shape_of(
    picture: Picture, arrangement: Arrangement, rankdir: str | None, partials: bool = True
) -> tuple[Shape, Size]:
    """The first shape in which a picture can be read with ease; else the best there is.

    Args:
        picture: what is shown.
        arrangement: what stands where.
        rankdir: where the computation has to go; None for the better way.
        partials: whether local derivatives stand on the arrows.
    """
    shapes = [Shape(way, stacked) for way in ("LR", "TB") for stacked in (False, True)]
    shapes.remove(Shape("TB", False))
    if rankdir is not None:
        shapes = [Shape(rankdir, False), Shape(rankdir, True)]
    ends: list[Node | Box] = [*picture.nodes, *picture.boxes]
    parts = {end.id: end for end in ends}
    found = [(shape, _size(shape, parts, arrangement, partials)) for shape in shapes]
    for shape, size in found:
        if size.on_screen >= COMFORTABLE and size.in_cell >= _IN_CELL:
            return shape, size
    return max(found, key=lambda pair: min(pair[1].on_screen, COMFORTABLE) + pair[1].in_cell / 1000)


def _size(
    shape: Shape, parts: Mapping[str, Node | Box], arrangement: Arrangement, partials: bool
) -> Size:
    along, labels = 0.0, 0.0
    for names in arrangement.ranks:
        thick, label_thick, label_wide = 0.0, 0.0, 0.0
        for name in names:
            thick = max(thick, _part(name, parts, shape, arrangement.labels)[not shape.is_sideways])
            for label in _labels(name, parts, partials):
                label_thick = max(label_thick, label[not shape.is_sideways])
                label_wide += label[shape.is_sideways] + 4.0
        along += label_thick + thick + INCH * shape.between
        labels = max(labels, label_wide)
    across = max(_across(shape, parts, arrangement), labels)
    width, height = (along, across) if shape.is_sideways else (across, along)
    return Size(width + 30.0, height + _LEGEND)


def _across(shape: Shape, parts: Mapping[str, Node | Box], arrangement: Arrangement) -> float:
    """The room that the ranks take, with frames that reach over all ranks of what is in them."""
    ranks = {name: k for k, names in enumerate(arrangement.ranks) for name in names}
    places = [arrangement.whole]
    for place in places:
        places += (inner for inner in place.places if not inner.name)
    room: dict[Place, float] = {}
    reach: dict[Place, range] = {}
    for place in reversed(places):
        taken: dict[int, float] = defaultdict(float)
        for inner in place.places:
            if inner.name:
                side = _part(inner.name, parts, shape, arrangement.labels)[shape.is_sideways]
                taken[ranks[inner.name]] += side + INCH * shape.beside
            else:
                for rank in reach[inner]:
                    taken[rank] += room[inner] + _FRAME
        room[place] = max(taken.values(), default=0.0)
        reach[place] = range(min(taken, default=0), max(taken, default=-1) + 1)
    return room[arrangement.whole]


def _part(
    name: str, parts: Mapping[str, Node | Box], shape: Shape, labels: Mapping[str, str]
) -> tuple[float, float]:
    """The width and height of what has a name."""
    end = parts.get(name)
    if isinstance(end, Box):
        return max(_BOX[0], 20.0 + _BOLD * min(len(end.title), 40)), _BOX[1]
    if isinstance(end, Node):
        label = 0.0
        if end.label:
            label = 40.0 if symbol(end.label) else 14.0 + _BOLD * min(len(labels[name]), 40)
        if shape.is_stacked:
            rows = 2 + bool(label) + bool(end.count)
            return max(_FIELD, label), rows * _ROW + 4.0
        return label + 2 * _FIELD + 24.0 * bool(end.count), _LINE
    value, _, kind = name.partition("_")
    node = parts.get(value)
    if kind == "op" and isinstance(node, Node) and node.op is not None:
        text = node.op.symbol
        return (25.0 if len(text) <= 2 else 14.0 + 8.0 * len(text)), 25.0
    return 24.0, 20.0


def _labels(
    name: str, parts: Mapping[str, Node | Box], partials: bool
) -> Iterator[tuple[float, float]]:
    """The sizes of what stands on the arrows into a name."""
    value, _, kind = name.partition("_")
    end = parts.get(value)
    if end is None or kind not in ("", "op") or (isinstance(end, Node) and not kind):
        return
    arrows: tuple[Arrow, ...] = end.arrows
    for arrow in arrows:
        if arrow.count > 1:
            yield 66.0, 36.0
            continue
        signs = 7.0 * (partials and arrow.partial is not None) + 4.0 * (arrow.position is not None)
        if signs:
            yield 12.0 + _SMALL_SIGN * signs, 24.0
