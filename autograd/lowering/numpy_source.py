"""Emit NumPy: from a schedule to Python source that a person can read, and that is what runs.

Varying numbers are rows of one array, ``rows``: inputs first, then a row of ones, then the blocks
of the groups. Everything else is an entry of ``scalars``: the parameters first, then constants and
what is computed from them. The source has three parts: views and buffers, made once for a batch
size; ``prepare``, what depends on the data alone; and ``step``, what depends on the parameters.
"""

from __future__ import annotations

import itertools
import linecache
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.table import EVERY
from .arrays import NOT_IN_PLACE, NUMPY_CALLS, numpy_call
from .graph import CONSTANT, PARAMETER
from .schedule import EVERY_STEP, ONCE, Grid, Group, Pairs, Schedule

Array: TypeAlias = NDArray[np.float64]
COMMENT_COLUMN = 42
RESULTS = "results"


@dataclass
class NumpyCode:
    """The emitted program.

    Attributes:
        source: text that makes views of ``rows``, ``scalars`` and ``results``, and defines the
            functions ``prepare()`` and ``step()``. They are global there: the time that Python
            takes to compile closures grows with the square of their variables.
        n_rows: how many rows of numbers for each instance it needs; 0 if nothing varies.
        ones: which of them are to hold ones.
        input_rows: which of them are to hold the inputs.
        scalars: the initial scalars; those of the parameters are 0.
        output_rows: for each output that is wanted for each instance ``(row, -1)`` or
            ``(-1, scalar)``.
        index_arrays: the arrays of positions that the source refers to by name.
    """

    source: str
    n_rows: int
    ones: list[int]
    input_rows: list[int]
    scalars: Array
    output_rows: list[tuple[int, int]]
    index_arrays: dict[str, NDArray[np.intp]]

    def __post_init__(self) -> None:
        self._compiled = compile_source(self.source)

    def bind(
        self, rows: Array, scalars: Array, results: Array
    ) -> tuple[Callable[[], None], Callable[[], None]]:
        """Make the views and buffers for these arrays; ``prepare`` and ``step`` work on them."""
        namespace: dict[str, Any] = {**NAMESPACE, **self.index_arrays}
        namespace.update(rows=rows, scalars=scalars, results=results)
        exec(self._compiled, namespace)
        return namespace["prepare"], namespace["step"]


def compile_source(source: str) -> CodeType:
    """The source compiled, in such a way that a traceback or a debugger shows its lines."""
    name = f"<lowered {zlib.crc32(source.encode()):08x}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    return compile(source, name, "exec")


def literal(number: float) -> str:
    """A number as source, also one that Python has no literal for."""
    return repr(number) if np.isfinite(number) else f"float('{number!r}')"


NAMESPACE: dict[str, Any] = {
    "add": np.add,
    "array": np.array,
    "copyto": np.copyto,
    "dot": np.dot,
    "einsum": np.einsum,
    "empty": np.empty,
    "maximum": np.maximum,
    "multiply": np.multiply,
    "subtract": np.subtract,
    "take": np.take,
    "vdot": np.vdot,
    **NUMPY_CALLS,
}


def emit_numpy(schedule: Schedule) -> NumpyCode:
    """Write the NumPy program for a schedule."""
    return _Emitter(schedule).run()


class _Emitter:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.graph = schedule.graph
        self.names = _Names()
        self.views: list[str] = []
        self.stages: tuple[list[str], list[str]] = ([], [])
        self.made: dict[tuple[str, Any], str] = {}
        self.gathered: dict[tuple[int, ...], str] = {}
        self.index_arrays: dict[str, NDArray[np.intp]] = {}
        self.free: dict[int, list[int]] = {}
        varies = any(group.varying for group in schedule.groups)
        varies = varies or bool(schedule.inputs) or any(o.pairs for o in schedule.values)
        self.row: dict[int, int] = {}
        self.ones: list[int] = []
        self.n_rows = 0
        if varies:
            for node in self.leading_rows():
                self.row[node] = len(self.row)
            self.n_rows = len(self.row)
            self.ones.append(self.row[schedule.one])
        self.scalar: dict[int, int] = {
            self.graph.leaf(PARAMETER, i): i for i in range(schedule.parameters)
        }
        self.constants: dict[int, float] = {}
        self.n_scalars = schedule.parameters
        self.stage: dict[int, int] = {
            node: group.stage for group in schedule.groups for node in group.members
        }
        self.one_rows: dict[int, int] = {}  # row of the last of a block -> row of ones after it

    def run(self) -> NumpyCode:
        schedule = self.schedule
        for group, dying in zip(schedule.groups, self.lifetimes()):
            if group.varying:
                self.place(group, dying)
            else:
                for node in group.members:
                    self.scalar[node] = self.n_scalars
                    self.n_scalars += 1
            self.compute(group)
        self.outputs()
        return self.finish()

    # Places ---------------------------------------------------------------------------------

    def lifetimes(self) -> list[list[Group]]:
        """For each group those groups that nothing needs after it, whose rows can be reused."""
        schedule = self.schedule
        home = {node: i for i, group in enumerate(schedule.groups) for node in group.members}
        last = list(range(len(schedule.groups)))
        for i, group in enumerate(schedule.groups):
            for node in itertools.chain(group.columns, *group.operands):
                if node in home:
                    last[home[node]] = i
        kept = list(schedule.rows)
        for output in schedule.values:
            kept += [x for pair in output.pairs for x in pair]
        for grid in schedule.grids:
            kept += grid.rows + grid.columns
        for node in kept:
            if node in home:
                last[home[node]] = len(last)
        dying: list[list[Group]] = [[] for _ in last]
        for group, end in zip(schedule.groups, last):
            reusable = group.varying and group.stage == EVERY_STEP and not group.one_after
            if reusable and end < len(last):
                dying[end].append(group)
        return dying

    def place(self, group: Group, dying: list[Group]) -> None:
        """Give a group rows: those of a block of its size that is no longer needed, or new ones.

        One call of an elementwise function may write over its own operand.
        """
        size = len(group.members)
        in_place = group.elementwise and group.name not in NOT_IN_PLACE and len(group.operands) <= 2
        starts = {self.row[old.members[0]]: len(old.members) for old in dying if old is not group}
        if in_place:
            self.release(starts)
        free = self.free.get(size)
        if free and group.stage == EVERY_STEP and not group.one_after:
            start = free.pop()
        else:
            start = self.n_rows
            self.n_rows += size + group.one_after
            if group.one_after:
                self.ones.append(start + size)
                self.one_rows[start + size - 1] = start + size
        if not in_place:
            self.release(starts)
        for i, node in enumerate(group.members):
            self.row[node] = start + i

    def leading_rows(self) -> list[int]:
        """The inputs and the row of ones, which follows the inputs that a bias is used with."""
        schedule = self.schedule
        inputs, one = set(schedule.inputs), schedule.one
        for group in schedule.groups:
            columns = group.columns
            if (
                columns
                and columns[-1] == one
                and len(columns) > 1
                and inputs.issuperset(columns[:-1])
            ):
                rest = inputs.difference(columns)
                return [*columns, *(node for node in schedule.inputs if node in rest)]
        return [*schedule.inputs, one]

    def release(self, starts: dict[int, int]) -> None:
        for start, size in starts.items():
            self.free.setdefault(size, []).append(start)

    def locate(self, node: int) -> int:
        """The entry of ``scalars`` that holds an invariant node."""
        if node not in self.scalar:
            self.constants[self.n_scalars] = self.graph.numbers[node]
            self.scalar[node] = self.n_scalars
            self.n_scalars += 1
        return self.scalar[node]

    # Views ----------------------------------------------------------------------------------

    def view(self, expression: str, name: str, comment: str = "", key: Any = None) -> str:
        """The name of a view, which is made where the program is bound to buffers.

        One that holds other nodes than before is given another name, though it be the same rows.
        """
        known = (expression, key)
        if known not in self.made:
            self.made[known] = name = self.names.unique(name)
            self.views.append(_line(f"{name} = {expression}", comment))
        return self.made[known]

    def fetch(self, nodes: Sequence[int], hint: str = "", reverse: bool = False) -> str:
        """The name of an array with a row (or, for invariant ones, an entry) for each node.

        Rows at equal distances are a view; backwards too, if ``reverse`` allows it.
        """
        varying = self.schedule.varying[nodes[0]]
        if varying:
            places = [self.row[node] for node in nodes]
            if nodes[-1] == self.schedule.one and len(nodes) > 1:
                places[-1] = self.one_rows.get(places[-2], places[-1])
        else:
            places = [self.locate(node) for node in nodes]
        source = "rows" if varying else "scalars"
        text = _slice(places, reverse)
        key = tuple(nodes)
        if text is not None:
            return self.view(f"{source}[{text}]", hint or self.titled(nodes), "", key)
        if key not in self.gathered:
            index = self.index(places)
            shape = f"({len(nodes)}, rows.shape[1])" if varying else str(len(nodes))
            name = self.view(f"empty({shape})", hint or self.names.new("g"), "", key)
            learnt = any(
                self.stage.get(x, ONCE) == EVERY_STEP or self.graph.names[x] == PARAMETER
                for x in nodes
            )
            self.stages[EVERY_STEP if learnt else ONCE].append(
                _line(
                    f"take({source}, {index}, axis=0, out={name}, mode='clip')",
                    f"{len(nodes)} of {source}",
                )
            )
            self.gathered[key] = name
        return self.gathered[key]

    def column(self, nodes: Sequence[int]) -> str:
        """Invariant nodes as a column, to be combined with the rows of varying ones."""
        name = self.fetch(nodes)
        return self.view(f"{name}[:, None]", f"{name}_column")

    def index(self, places: Any) -> str:
        name = f"index{len(self.index_arrays)}"
        self.index_arrays[name] = np.array(places, dtype=np.intp)
        return name

    def titled(self, nodes: Sequence[int]) -> str:
        title = _title(self.graph.labels.get(nodes[0], ""))
        return self.names.new(title) if title else self.names.new("t")

    def line(self, group: Group, call: str, comment: str = "") -> None:
        self.stages[group.stage].append(_line(call, comment))

    # Groups ---------------------------------------------------------------------------------

    def compute(self, group: Group) -> None:
        if group.name == "affine":
            self.affine(group)
        elif group.elementwise:
            self.elementwise(group)
        else:
            self.reduce(group)

    def elementwise(self, group: Group) -> None:
        operands = [self.operand(group, place) for place in group.operands]
        out = self.fetch(group.members)
        if group.name.startswith("sum:"):
            signs = group.name[4:]
            text = operands[0]
            left = operands[0]
            for sign, operand in zip(signs[1:], operands[1:]):
                call = "add" if sign == "+" else "subtract"
                text += f" {sign} {operand}"
                self.line(group, f"{call}({left}, {operand}, out={out})", f"{out} = {text}")
                left = text = out
            return
        self.line(
            group,
            f"{numpy_call(group.name)}({', '.join([*operands, f'out={out}'])})",
            f"{out} = {EVERY[group.name].formula(operands)}",
        )

    def operand(self, group: Group, nodes: list[int]) -> str:
        varying, first = self.schedule.varying, nodes[0]
        if self.graph.names[first] == CONSTANT and nodes.count(first) == len(nodes):
            return literal(self.graph.numbers[first])
        if varying[first] == group.varying:
            return self.fetch([first] if nodes.count(first) == len(nodes) else nodes, "", True)
        return self.column([first] if nodes.count(first) == len(nodes) else nodes)

    def affine(self, group: Group) -> None:
        matrix = self.matrix(group.operands)
        columns = self.fetch(group.columns, self.with_ones(group.columns))
        out = self.fetch(group.members)
        self.line(group, f"dot({matrix}, {columns}, out={out})", f"{out} = {matrix} @ {columns}")

    def with_ones(self, nodes: list[int]) -> str:
        if nodes[-1] != self.schedule.one or len(nodes) == 1:
            return ""
        title = _title(self.graph.labels.get(nodes[0], ""))
        return f"{title or 'rows'}_1"

    def matrix(self, coefficients: list[list[int]]) -> str:
        """The coefficients as a matrix: a view of the scalars if their places form a pattern."""
        places = np.array([[self.locate(node) for node in row] for row in coefficients])
        label = _title(self.graph.labels.get(coefficients[0][0], "")).upper() or "M"
        n, m = places.shape
        start = int(places[0, 0])
        down = int(places[1, 0]) - start if n > 1 else m
        right = int(places[0, 1]) - start if m > 1 else 1
        grid = start + down * np.arange(n)[:, None] + right * np.arange(m)
        if np.array_equal(grid, places):
            if right == 1 and down >= m:
                text = self.block(start, n, down, m)
                if text:
                    return self.view(text, label, "a view of the parameters")
            if down == 1 and right >= n:
                text = self.block(start, m, right, n)
                if text:
                    return self.view(f"{text}.T", f"{label}_T", "the same, transposed")
        flat = [node for row in coefficients for node in row]
        name = self.fetch(flat)
        return self.view(f"{name}.reshape({n}, {m})", label, "gathered from the scalars")

    def block(self, start: int, n: int, stride: int, m: int) -> str:
        """A view of n rows of m scalars; empty if it would end behind the parameters."""
        stop = start + n * stride
        if stop > self.schedule.parameters:
            return f"scalars[{start}:{start + m}].reshape(1, {m})" if n == 1 else ""
        cut = f"[:, :{m}]" if m < stride else ""
        return f"scalars[{start}:{stop}].reshape({n}, {stride}){cut}"

    def reduce(self, group: Group) -> None:
        n, k = len(group.operands), len(group.operands[0])
        name = self.fetch([node for row in group.operands for node in row])
        shape = f"{n}, {k}, -1" if group.varying else f"{n}, {k}"
        operand = self.view(f"{name}.reshape({shape})", f"{name}_by_{k}")
        out = self.fetch(group.members)
        call, word = ("add", "sum") if group.name == "sum" else ("maximum", "max")
        self.line(
            group, f"{call}.reduce({operand}, axis=1, out={out})", f"{out} = {word} of {name}"
        )

    # Outputs --------------------------------------------------------------------------------

    def outputs(self) -> None:
        schedule, step = self.schedule, self.stages[EVERY_STEP]
        n_values = len(schedule.values)
        averaged = False
        for k, output in enumerate(schedule.values):
            sign = "="
            scale = "" if output.scale == 1.0 else f"{literal(output.scale)} * "
            for alone in (False, True):
                pairs = [pair for pair in output.pairs if (pair[1] == schedule.one) == alone]
                if not pairs:
                    continue
                averaged = True
                left = self.fetch([u for u, _ in pairs])
                if alone:
                    call = f"add.reduce({left}, axis=None)"
                else:
                    call = f"vdot({left}, {self.fetch([v for _, v in pairs])})"
                line = f"{RESULTS}[{k}] {sign} {scale}{call}"
                step.append(_line(line, "summed over the batch"))
                sign = "+="
        if schedule.cleared:
            places = [place + n_values for place in schedule.cleared]
            step.append(_line(f"{RESULTS}[{_slice(places) or self.index(places)}] = 0.0"))
        written = set()
        for grid in schedule.grids:
            averaged = True
            if isinstance(grid, Grid):
                self.grid(grid, n_values)
            else:
                self.pairs(grid, n_values)
            written.update(grid.positions)
        if averaged:
            share = self.view("array(1.0 / rows.shape[1])", "one_by_T")
            step.append(
                _line(f"multiply({RESULTS}, {share}, out={RESULTS})", "sums become averages")
            )
        self.add_invariant(written)

    def grid(self, grid: Grid, offset: int) -> None:
        schedule, step = self.schedule, self.stages[EVERY_STEP]
        left = self.fetch(grid.rows)
        right = self.fetch(grid.columns, self.with_ones(grid.columns))
        turned = self.view(f"{right}.T", f"{right}_T")
        n, m = len(grid.rows), len(grid.columns)
        first = grid.positions[0] % max(schedule.parameters, 1)
        label = _title(self.graph.labels.get(self.graph.leaf(PARAMETER, first), "")).upper()
        name = f"d_{label or 'P'}"
        flat = [p + offset for p in grid.positions]
        text = f"{left} @ {right}.T"
        if grid.first and grid.entries is None and flat == list(range(flat[0], flat[0] + n * m)):
            out = self.view(f"{RESULTS}[{flat[0]}:{flat[-1] + 1}].reshape({n}, {m})", name)
            step.append(_line(f"dot({left}, {turned}, out={out})", f"{out} = {text}"))
            return
        buffer = self.view(f"empty(({n}, {m}))", name, "", tuple(flat))
        step.append(_line(f"dot({left}, {turned}, out={buffer})", f"{buffer} = {text}"))
        chosen = "" if grid.entries is None else f"[{self.index(grid.entries)}]"
        self.store(flat, f"{buffer}.reshape(-1){chosen}", grid.first)

    def pairs(self, pairs: Pairs, offset: int) -> None:
        left, right = self.fetch(pairs.rows), self.fetch(pairs.columns)
        flat = [p + offset for p in pairs.positions]
        self.store(flat, f"einsum('ij,ij->i', {left}, {right})", pairs.first)

    def store(self, places: list[int], expression: str, first: bool) -> None:
        text = _slice(places) or self.index(places)
        sign = "=" if first else "+="
        self.stages[EVERY_STEP].append(_line(f"{RESULTS}[{text}] {sign} {expression}"))

    def add_invariant(self, written: set[int]) -> None:
        """What is the same for every instance, added to the averages or standing alone."""
        schedule, step = self.schedule, self.stages[EVERY_STEP]
        for k, output in enumerate(schedule.values):
            if output.invariant is not None:
                sign = "+=" if output.pairs else "="
                scale = "" if output.scale == 1.0 else f"{literal(output.scale)} * "
                place = self.locate(output.invariant)
                step.append(_line(f"{RESULTS}[{k}] {sign} {scale}scalars[{place}]"))
        for alone in (True, False):
            chosen = [pair for pair in schedule.invariant if (pair[1] not in written) == alone]
            if chosen:
                name = self.fetch([node for node, _ in chosen])
                places = [len(schedule.values) + position for _, position in chosen]
                self.store(places, name, alone)

    def finish(self) -> NumpyCode:
        output_rows = [
            (self.row[node], -1) if self.schedule.varying[node] else (-1, self.locate(node))
            for node in self.schedule.rows
        ]
        scalars = np.zeros(self.n_scalars)
        for place, number in self.constants.items():
            scalars[place] = number
        once, step = self.stages
        lines = [
            *self.views,
            "",
            "",
            "def prepare():",
            *(f"    {line}" for line in once or ["pass"]),
        ]
        lines += ["", "", "def step():", *(f"    {line}" for line in step or ["pass"])]
        return NumpyCode(
            "\n".join(lines) + "\n",
            self.n_rows,
            self.ones,
            [self.row[node] for node in self.schedule.inputs],
            scalars,
            output_rows,
            self.index_arrays,
        )


class _Names:
    """Names for arrays, each given once."""

    def __init__(self) -> None:
        self.taken = set(NAMESPACE) | {"rows", "scalars", RESULTS, "prepare", "step", "bind"}
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


def _title(label: str) -> str:
    """A name for a block of nodes after the label of one: ``z1`` for ``layer1.neuron0.z``."""
    prefix = ""
    if label.startswith("d_"):
        prefix, label = "d_", label[2:]
    parts = [re.sub(r"\W.*", "", part) for part in label.split(".")]
    parts = [part for part in parts if part]
    if not parts or not parts[-1].isidentifier():
        return ""
    number = re.search(r"\d+$", parts[0]) if len(parts) > 1 else None
    if number:
        return f"{prefix}{parts[-1]}{number.group()}"
    return prefix + "_".join(parts[:1] + parts[1:][-1:])


def _slice(places: Sequence[int], reverse: bool = False) -> str | None:
    """The places as the text of a slice, if they are one; with a negative step if allowed."""
    start = places[0]
    if len(places) == 1:
        return f"{start}:{start + 1}"
    step = places[1] - start
    if (
        step == 0
        or (step < 0 and not reverse)
        or any(b - a != step for a, b in itertools.pairwise(places))
    ):
        return None
    if step < 0:
        return f"{start}:{places[-1] - 1 if places[-1] else ''}:{step}"
    return f"{start}:{places[-1] + 1}" + (f":{step}" if step > 1 else "")


def _line(code: str, comment: str = "") -> str:
    return f"{code:<{COMMENT_COLUMN}}  # {comment}" if comment else code
