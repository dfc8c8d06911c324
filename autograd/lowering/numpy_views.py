"""Views: what the lines of a NumPy program call the arrays that they compute on.

Rows at equal distances are a view of ``rows`` or ``scalars``, made once for a batch size; what is
scattered is gathered into a buffer first, by a line of its own.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import keyword
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..text import escape, shortened
from .graph import CONSTANT, PARAMETER
from .layout import Layout, as_matrix
from .schedule import EVERY_STEP, ONCE, Schedule

COMMENT_COLUMN = 42
RESULTS = "results"
LONGEST_LABEL = 60  # of which a name is made
# What no array may be called.
MEANINGS = frozenset(
    {"rows", "scalars", RESULTS, "prepare", "step", "bind"}.union(
        keyword.kwlist, keyword.softkwlist, dir(builtins)
    )
)


class Views:
    """The arrays of a program.

    Attributes:
        lines: the lines that make them.
        stages: the lines of ``prepare`` and of ``step``.
        index_arrays: the arrays of positions that the source refers to by name.
    """

    def __init__(self, schedule: Schedule, layout: Layout, taken: Collection[str]) -> None:
        self.schedule, self.layout = schedule, layout
        self.graph = schedule.lowered.graph
        self.names = _Names(taken)
        self.lines: list[str] = []
        self.stages: tuple[list[str], list[str]] = ([], [])
        self.index_arrays: dict[str, NDArray[np.intp]] = {}
        self._made: dict[tuple[str, Any], str] = {}
        self._gathered: dict[tuple[int, ...], str] = {}
        self._late = {x for b in schedule.blocks if b.stage == EVERY_STEP for x in b.members}

    def make(self, expression: str, name: str, comment: str = "", key: Any = None) -> str:
        """The name of a view, which is made where the program is bound to buffers.

        One that holds other nodes than before is given another name, though it be the same rows.
        """
        known = (expression, key)
        if known not in self._made:
            self._made[known] = name = self.names.unique(name)
            self.lines.append(line(f"{name} = {expression}", comment))
        return self._made[known]

    def fetch(self, nodes: Sequence[int], hint: str = "", reverse: bool = False) -> str:
        """The name of an array with a row (or, for invariant ones, an entry) for each node.

        Rows at equal distances are a view; backwards too, if ``reverse`` allows it.
        """
        varies, places = self.schedule.varies[nodes[0]], self.layout.places(nodes)
        source = "rows" if varies else "scalars"
        text = as_slice(places, reverse)
        key = tuple(nodes)
        if text is not None:
            title = self.title(nodes[0])
            name = hint or self.names.new(title or "t")
            comment = "" if title else self._label(nodes[0])
            return self.make(f"{source}[{text}]", name, comment, key)
        if key not in self._gathered:
            index = self.index(places)
            shape = f"({len(nodes)}, rows.shape[1])" if varies else str(len(nodes))
            name = self.make(f"empty({shape})", hint or self.names.new("g"), "", key)
            learns = any(x in self._late or self.graph.names[x] == PARAMETER for x in nodes)
            self.stages[EVERY_STEP if learns else ONCE].append(
                line(
                    f"{source}.take({index}, 0, {name}, 'clip')",
                    f"{len(nodes)} of {source}",
                )
            )
            self._gathered[key] = name
        return self._gathered[key]

    def operand(self, nodes: list[int], varies: bool) -> str:
        """One operand of each member of a block: a number, an array, or a column for rows."""
        first = nodes[0]
        if nodes.count(first) == len(nodes):
            if self.graph.names[first] == CONSTANT:
                return literal(self.graph.numbers[first])
            nodes = [first]
        if self.schedule.varies[first] == varies:
            return self.fetch(nodes, "", True)
        name = self.fetch(nodes)
        return self.make(f"{name}[:, None]", f"{name}_column")

    def columns(self, nodes: list[int]) -> str:
        """What a matrix is multiplied with: its columns' nodes, of which the last may be 1."""
        hint = ""
        if nodes[-1] == self.schedule.one and len(nodes) > 1:
            hint = f"{self.title(nodes[0]) or 'rows'}_1"
        return self.fetch(nodes, hint)

    def matrix(self, coefficients: list[list[int]]) -> str:
        """The coefficients as a matrix: a view of the scalars if their places form a pattern."""
        places = np.array([self.layout.entries(row) for row in coefficients])
        label = self.title(coefficients[0][0]).upper() or "M"
        found = as_matrix(places, self.schedule.lowered.parameters)
        if found is not None:
            start, n, m, stride, turned = found
            cut = f"[:, :{m}]" if m < stride else ""
            view = f"scalars[{start}:{start + n * stride}].reshape({n}, {stride}){cut}"
            if turned:
                return self.make(f"{view}.T", f"{label}_T", "the same, transposed")
            return self.make(view, label, "a view of the parameters")
        n, m = places.shape
        name = self.fetch([node for row in coefficients for node in row])
        return self.make(f"{name}.reshape({n}, {m})", label, "gathered from the scalars")

    def stack(self, name: str, copies: int) -> str:
        """An array of rows as a stack of matrices, of as many rows each."""
        return self.make(f"{name}.reshape({copies}, -1, {name}.shape[1])", f"{name}_in_{copies}")

    def results(self, places: list[int]) -> str:
        """The text of some of the results."""
        return f"{RESULTS}[{as_slice(places) or self.index(places)}]"

    def index(self, places: Any) -> str:
        """The name of an array of places."""
        name = self.names.unique(f"index{len(self.index_arrays)}")
        self.index_arrays[name] = np.array(places, dtype=np.intp)
        return name

    def title(self, node: int) -> str:
        """A name for a block of nodes after the label of one; whether it may be used is for
        ``_Names`` to say.
        """
        return _title(self.graph.labels.get(node, ""))

    def _label(self, node: int) -> str:
        """The label of a node of which no name can be made, for a comment."""
        label = self.graph.labels.get(node)
        return shortened(escape(label)) if label else ""


@functools.lru_cache(maxsize=1024)
def _title(label: str) -> str:
    """A name after a label: ``z1`` for ``layer1.neuron0.z``; "" if none can be made of it.

    Labels are data. Only from short ones of plain letters, which are what they look like, is a
    name made.
    """
    prefix = ""
    if label.startswith("d_"):
        prefix, label = "d_", label[2:]
    if not label.isascii() or len(label) > LONGEST_LABEL:
        return ""
    words = [re.sub(r"\W.*", "", word, flags=re.DOTALL) for word in label.split(".")]
    words = [word for word in words if word]
    if not words or not words[-1][0].isalpha():
        return ""
    number = re.search(r"\d+$", words[0]) if len(words) > 1 else None
    if number:
        return f"{prefix}{words[-1]}{number.group()}"
    title = "_".join(words[:1] + words[1:][-1:])
    return f"{prefix}{title}" if title[0].isalpha() else ""


class _Names:
    """Names for arrays, each given once, and none that means something else to Python."""

    def __init__(self, taken: Collection[str]) -> None:
        self.taken = {*taken, *MEANINGS}
        self.numbers: dict[str, itertools.count[int]] = {}

    def new(self, title: str) -> str:
        """A title that is not taken yet; ``t`` and ``g`` are numbered from 1."""
        if title not in ("t", "g") and title not in self.taken:
            return title
        counter = self.numbers.setdefault(title, itertools.count(1))
        joint = "" if title in ("t", "g") else "_"
        return next(name for i in counter if (name := f"{title}{joint}{i}") not in self.taken)

    def unique(self, name: str) -> str:
        name = self.new(name) if name in self.taken else name
        self.taken.add(name)
        return name


def as_slice(places: list[int], reverse: bool = False) -> str | None:
    """The places as the text of a slice, if they are one; with a negative step if allowed."""
    start = places[0]
    if len(places) == 1:
        return f"{start}:{start + 1}"
    step = places[1] - start
    if step == 0 or (step < 0 and not reverse):
        return None
    if [*range(start, start + step * len(places), step)] != places:
        return None
    if step < 0:
        return f"{start}:{places[-1] - 1 if places[-1] else ''}:{step}"
    return f"{start}:{places[-1] + 1}" + (f":{step}" if step > 1 else "")


def line(code: str, comment: str = "") -> str:
    """A line of code and what it does."""
    return f"{code:<{COMMENT_COLUMN}}  # {comment}" if comment else code


def literal(number: float) -> str:
    """A number as source, also one that Python has no literal for."""
    return repr(number) if np.isfinite(number) else f"float('{number!r}')"
