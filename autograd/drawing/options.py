"""What can be asked of a picture: the keyword arguments of ``draw`` and of ``render``, each once.

Whatever is wrong with them by themselves is found here; what the graph must have is found when the
picture is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from ..core import Value
from ..options import one_by_one
from ..text import number_within, whole_number

DIRECTIONS = ("LR", "TB", "RL", "BT")
# How many boxes and Values can be read in one picture; without groups, patience must do.
MAX_NODES, MAX_NODES_UNGROUPED = 60, 200
MOST_DPI, MOST_PIXELS = 2400, 32_000

Given = ParamSpec("Given")
T = TypeVar("T")
R = TypeVar("R")


class Way(Protocol):
    """A path through a graph, such as ``Stepper.why`` lists."""

    @property
    def nodes(self) -> Sequence[Value]:
        """The Values on the path, each an operand of the one before."""


Roots: TypeAlias = "Value | Iterable[Value]"
"""The end of a computation, or several that are drawn in one picture."""

Highlight: TypeAlias = "Value | Way | Iterable[Value | Way | Sequence[Value]]"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is drawn of a graph, and how; ``draw`` says what each of them means.

    Raises:
        TypeError: if something is of a wrong kind.
        ValueError: if it is out of range.
    """

    rankdir: str | None = None
    partials: bool = True
    groups: str | None = "auto"
    expand: str | Value | Iterable[str | Value] = ()
    focus: str | Value | Iterable[str | Value] | None = None
    depth: int | None = None
    max_nodes: int | None = None
    highlight: Highlight = ()

    def __post_init__(self) -> None:
        if self.rankdir not in (None, *DIRECTIONS):
            raise ValueError(
                f"rankdir is one of {', '.join(DIRECTIONS)}, got {self.rankdir!r}; LR draws from "
                f"left to right, TB from top to bottom; leave it out for the way that is read best"
            )
        if self.groups not in ("auto", None):
            raise ValueError(
                f"groups is 'auto', to draw groups as boxes where a picture would be too large, or "
                f"None, to draw every Value, got {self.groups!r}"
            )
        if self.depth is not None:
            advice = "so many operations back from the root are drawn; leave it out for all"
            whole_number("depth", self.depth, 0, advice=advice)

    @property
    def limit(self) -> int:
        """How many Values and boxes the picture may have."""
        usual = MAX_NODES if self.groups else MAX_NODES_UNGROUPED
        if self.max_nodes is None:
            return usual
        return whole_number("max_nodes", self.max_nodes, advice=f"leave it out for {usual} boxes")


@dataclass(frozen=True)
class FileOptions(Options):
    """The same for a picture in a file; ``render`` says what these mean."""

    path: str | os.PathLike[str]
    _: KW_ONLY
    dpi: float | None = None
    max_pixels: int = 16_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dpi is not None:
            number_within("dpi", self.dpi, 10, MOST_DPI + 1)
        advice = "beyond, Graphviz draws no PNG: write an .svg"
        whole_number("max_pixels", self.max_pixels, 100, MOST_PIXELS, advice)


def taking(
    options: Callable[Given, T], if_missing: str = ""
) -> Callable[[Callable[[Roots, T], R]], Callable[Concatenate[Roots, Given], R]]:
    """Let a function of a root and of options take these one by one, as ``help`` shows them.

    Args:
        options: the record of options.
        if_missing: what to write instead of a call that leaves out what has to be given.
    """
    return lambda function: one_by_one(function, options, if_missing)
