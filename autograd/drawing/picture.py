"""What a picture of a computation graph shows, before anything is said about how it looks.

A ``Picture`` holds the Values that are drawn one by one, in topological order, with the operation
that made each and the edges that lead there; the boxes that hide the others; and the frames around
groups. ``painter`` makes one of a graph, ``dot`` turns it into text. A ``Moment`` is what a painter
asks of a pass.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..core import Value
from ..core.ops import Op

# In all, by the arrows of a picture, before it is laid out in a hurry.
COLUMNS_CROSSED = 800


class Carried(NamedTuple):
    """What there is to say of one operand of a node.

    Attributes:
        partial: dz/dx; 0.0 where no derivative passes.
        upstream: the gradient of z; None before it is known.
        contribution: what x has received along this edge; None before it has.
    """

    partial: float
    upstream: float | None = None
    contribution: float | None = None


class Moment(Protocol):
    """A pass as it stands: what a picture shows of it."""

    @property
    def current(self) -> Value | None:
        """The node whose turn it is."""

    def name(self, node: Value) -> str:
        """What stands on its record; or the empty string."""

    def data(self, node: Value) -> float:
        """Its number."""

    def gradient(self, node: Value) -> float | None:
        """What it has received; None before anything has come."""

    def count(self, node: Value) -> str:
        """How many of its consumers have reported, as ``2/3``; or the empty string."""

    def carried(self, node: Value) -> Sequence[Carried]:
        """What there is to say of each operand; of a constant it means nothing."""


@dataclass(frozen=True)
class Arrow:
    """The way from one operand into an operation, or from several to where those are used.

    Attributes:
        source: the id of the node or box where it begins; the constants that are the operands, one
            or more; None for operands that are no part of the picture.
        position: 1 for the first operand, 2 for the second, ...; None where the order of operands
            does not matter, and for several operands.
        partial: dz/dx at this operand; 0.0 where no derivative passes, None for a constant and for
            several operands.
        upstream: the gradient of the result z, where partial is a number and a sweep was there.
        contribution: what gradients receive along it, the sum over all operands of
            upstream * partial; None for constants or before a sweep.
        count: how many operands it stands for.
        emphasised: whether it is part of a path to which the picture should draw the eye.
    """

    source: str | tuple[float, ...] | None
    position: int | None = None
    partial: float | None = None
    upstream: float | None = None
    contribution: float | None = None
    count: int = 1
    emphasised: bool = False


@dataclass(frozen=True)
class Node:
    """One Value.

    Attributes:
        id: "v0", "v1", ... in topological order, operands before what is made of them.
        label: its name, or the empty string.
        data: the number it holds.
        grad: its gradient; None if no sweep has been here, so that there is nothing to show.
        formula: how it was made, in names and numbers; "" for a leaf.
        op: the operation that made it; None for a leaf, and where the picture is cut off.
        arrows: those into the operation, in the order of the operands.
        is_cut: whether what it was made of is not part of the picture.
        is_root: whether this is the final value of the graph.
        highlighted: whether the picture should draw the eye to it.
        unseen: how many of its uses are not part of the picture, where that matters.
        count: how many of its consumers have reported, as ``2/3``; "" where no pass is under way.
    """

    id: str
    label: str
    data: float
    grad: float | None
    formula: str
    op: Op | None
    arrows: tuple[Arrow, ...]
    is_cut: bool
    is_root: bool
    highlighted: bool
    unseen: int = 0
    count: str = ""


@dataclass(frozen=True)
class Box:
    """A group of Values that are not drawn one by one.

    Attributes:
        id: "g0", "g1", ...
        title: the name of the group.
        name: the same with the names of all groups around it.
        count: how many Values it hides.
        total: the sum of their gradients; None before a sweep.
        inputs: how many of them are leaves.
        operations: the names of their operations, each with how many there are.
        inner_edges: how many operands of hidden operations are hidden with them.
        arrows: those that lead into it, one for each place they come from.
        highlighted: whether one of the Values is to be emphasised.
        is_root: whether it hides the final value.
        is_summary: whether it only counts what was left out: other instances, or far levels.
        is_band: whether it is the latter.
    """

    id: str
    title: str
    name: str
    count: int
    total: float | None
    inputs: int
    operations: tuple[tuple[str, int], ...]
    inner_edges: int
    arrows: tuple[Arrow, ...]
    highlighted: bool
    is_root: bool
    is_summary: bool
    is_band: bool


@dataclass(frozen=True)
class Frame:
    """An open group: what is drawn of it, and the frames within.

    Attributes:
        title: the name of the group, after those of groups around it that hold nothing else.
        members: ids of nodes and boxes.
        frames: the open groups within.
        is_parameters: whether there are only leaves in it.
    """

    title: str
    members: tuple[str, ...]
    frames: tuple[Frame, ...]
    is_parameters: bool


@dataclass(frozen=True)
class Picture:
    """All that is drawn.

    Attributes:
        nodes: the Values in topological order.
        boxes: what hides the others.
        frames: the outermost open groups.
        hidden: how many Values of the graph are no part of the picture.
        around: whether the picture is of what is around a node, and not of the end of the graph.
        notice: that the graph is stale, in words; or the empty string.
        caption: lines of text to stand below, in the place of what explains the picture.
    """

    nodes: tuple[Node, ...]
    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    hidden: int
    around: bool
    notice: str = ""
    caption: tuple[str, ...] = ()

    @property
    def arrows(self) -> list[Arrow]:
        """All arrows between places of the picture."""
        ends: list[Node | Box] = [*self.nodes, *self.boxes]
        return [arrow for end in ends for arrow in end.arrows]

    @functools.cached_property
    def is_tangled(self) -> bool:
        """Whether the arrows between Values cross so many columns that a good layout takes minutes.

        Each Value stands in the first column after all that it was made of.
        """
        columns: dict[str, int] = {}
        length = 0
        for node in self.nodes:  # operands first
            sources = [x.source for x in node.arrows if isinstance(x.source, str)]
            columns[node.id] = 1 + max([columns.get(x, 0) for x in sources], default=-1)
            length += sum(columns[node.id] - columns.get(x, 0) for x in sources)
        return length > COLUMNS_CROSSED

    @functools.cached_property
    def largest_contribution(self) -> float:
        """The largest finite size of a contribution from a place in the picture, or 0.0.

        It is the end of the scale that all arrows share.
        """
        sizes = [
            abs(arrow.contribution)
            for arrow in self.arrows
            if arrow.source is not None
            if arrow.contribution is not None and math.isfinite(arrow.contribution)
        ]
        return max(sizes, default=0.0)
