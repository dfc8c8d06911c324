"""The NumPy back end: from a schedule to Python source that a person can read, and that runs.

The source has three parts: views and buffers, made once for a batch size; ``prepare``, what depends
on the data alone; and ``step``, what depends on the parameters. ``layout`` says where the numbers
lie, ``numpy_views`` what the arrays are called; here are the lines.
"""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.table import EVERY
from .arrays import NUMPY_CALLS, numpy_call
from .graph import AFFINE, PARAMETER, Operations
from .kept import Kept
from .layout import Layout
from .lowered import Average, Request
from .numpy_views import RESULTS, Views, line, literal
from .pipeline import Batch, Stage
from .products import WORTHWHILE
from .runners import Array, Runner
from .schedule import EVERY_STEP, ONCE, Block, Products, Schedule

KEPT_SIZES = 4


_numbers = itertools.count(1)


def compile_source(source: str) -> CodeType:
    """The source compiled, in such a way that a traceback or a debugger shows its lines.

    They are kept as long as what is returned is.
    """
    name = f"<lowered {next(_numbers)}>"
    code = compile(source, name, "exec")
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    weakref.finalize(code, linecache.cache.pop, name, None).atexit = False
    return code


# What a program calls each operation, and NumPy's functions.
NAMESPACE: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("add", "array", "dot", "einsum", "empty")},
    **{name: getattr(np, name) for name in ("matmul", "multiply", "subtract", "vdot")},
    **NUMPY_CALLS,
}


def emit_numpy(schedule: Schedule) -> tuple[str, Views]:
    """Write the NumPy program for a schedule; the views know what it is to be run with.

    It makes views of ``rows``, ``scalars`` and ``results``, and defines the functions ``prepare()``
    and ``step()``. They are global there: the time that Python takes to compile closures grows with
    the square of their variables.
    """
    views = Views(schedule, Layout(schedule), NAMESPACE)
    for block in schedule.blocks:
        views.stages[block.stage].extend(_block(block, views))
    step = views.stages[EVERY_STEP]
    for write in (_values, _derivatives, _invariant):
        write(schedule, views, step)
    text = [*views.lines]
    for name, lines in zip(("prepare", "step"), views.stages):
        text += ["", "", f"def {name}():", *(f"    {line}" for line in lines or ["pass"])]
    return "\n".join(text) + "\n", views


# Blocks -------------------------------------------------------------------------------------------


def _block(block: Block, views: Views) -> list[str]:
    """The lines that compute a block."""
    if block.name == AFFINE:
        matrix, columns = views.matrix(block.operands), views.columns(block.columns)
        out = views.fetch(block.members)
        call, text = "dot", f"{out} = {matrix} @ {columns}"
        if block.copies > 1:
            columns, out = (views.stack(x, block.copies) for x in (columns, out))
            call, text = "matmul", f"{out} = {matrix} @ each of {columns}"
        return [line(f"{call}({matrix}, {columns}, out={out})", text)]
    if not block.elementwise:
        return [_reduction(block, views)]
    operands = [views.operand(place, block.varies) for place in block.operands]
    out = views.fetch(block.members)
    if block.name.startswith("sum:"):
        return _sum(block.name[5:], operands, out)
    text = EVERY[block.name].formula(operands)
    call = f"{numpy_call(block.name)}({', '.join([*operands, f'out={out}'])})"
    return [line(call, f"{out} = {text}")]


def _sum(signs: str, operands: list[str], out: str) -> list[str]:
    """A short sum: the first operand, and then the others with their signs."""
    left = text = operands[0]
    lines = []
    for sign, operand in zip(signs, operands[1:]):
        call = "add" if sign == "+" else "subtract"
        lines.append(
            line(f"{call}({left}, {operand}, out={out})", f"{out} = {text} {sign} {operand}")
        )
        left = text = out
    return lines


def _reduction(block: Block, views: Views) -> str:
    n, k = len(block.operands), len(block.operands[0])
    name = views.fetch([node for row in block.operands for node in row])
    shape = f"{n}, {k}, -1" if block.varies else f"{n}, {k}"
    operand = views.make(f"{name}.reshape({shape})", f"{name}_by_{k}")
    out = views.fetch(block.members)
    if block.name == "sum" and block.varies and n > WORTHWHILE:  # many small ones: NumPy is slow
        return line(f"einsum('nkt->nt', {operand}, out={out})", f"{out} = sum of {name}")
    call, word = ("add", "sum") if block.name == "sum" else ("maximum", "max")
    return line(f"{call}.reduce({operand}, axis=1, out={out})", f"{out} = {word} of {name}")


# Outputs ------------------------------------------------------------------------------------------


def _scaled(value: Average, expression: str) -> str:
    return expression if value.scale == 1.0 else f"{literal(value.scale)} * {expression}"


def _values(schedule: Schedule, views: Views, step: list[str]) -> None:
    """The sums over the batch of the products that the values are made of."""
    for k, value in enumerate(schedule.lowered.values):
        sign = "="
        for alone in (False, True):
            pairs = [pair for pair in value.pairs if (pair[1] == schedule.one) == alone]
            if not pairs:
                continue
            left = views.fetch([u for u, _ in pairs])
            if alone:
                call = f"add.reduce({left}, axis=None)"
            else:
                call = f"vdot({left}, {views.fetch([v for _, v in pairs])})"
            text = f"{RESULTS}[{k}] {sign} {_scaled(value, call)}"
            step.append(line(text, "summed over the batch"))
            sign = "+="


def _derivatives(schedule: Schedule, views: Views, step: list[str]) -> None:
    """The sums over the batch of the products that the derivatives are made of."""
    k = len(schedule.lowered.values)
    if schedule.cleared:
        step.append(f"{views.results([place + k for place in schedule.cleared])} = 0.0")
    for grid in schedule.grids:
        flat = [place + k for place in grid.positions]
        if grid.full:
            _grid(grid, flat, views, step)
        else:
            left, right = views.fetch(grid.rows), views.fetch(grid.columns)
            _store(flat, f"einsum('ij,ij->i', {left}, {right})", grid.first, views, step)
    if schedule.grids or any(value.pairs for value in schedule.lowered.values):
        share = views.make("array(1.0 / rows.shape[1])", "one_by_T")
        text = f"multiply({RESULTS}, {share}, out={RESULTS})"
        step.append(line(text, "sums become averages"))


def _grid(grid: Products, flat: list[int], views: Views, step: list[str]) -> None:
    """A matrix product over the batch, into a matrix of derivatives where they lie like that."""
    graph, parameters = views.graph, views.schedule.lowered.parameters
    left, right = views.fetch(grid.rows), views.columns(grid.columns)
    n, m = len(grid.rows) // grid.copies, len(grid.columns) // grid.copies
    first = graph.leaf(PARAMETER, grid.positions[0] % max(parameters, 1))
    name = f"d_{views.title(first).upper() or 'P'}"
    direct = grid.first and grid.entries is None and flat == list(range(flat[0], flat[0] + n * m))
    if direct:
        out = views.make(f"{RESULTS}[{flat[0]}:{flat[-1] + 1}].reshape({n}, {m})", name)
    else:
        out = views.make(f"empty(({n}, {m}))", name, "", tuple(flat))
    if grid.copies > 1:
        left, right = (views.stack(x, grid.copies) for x in (left, right))
        turned = views.make(f"{right}.transpose(0, 2, 1)", f"{right}_T")
        each = views.make(f"empty(({grid.copies}, {n}, {m}))", f"each_{name}", "", tuple(flat))
        step.append(line(f"matmul({left}, {turned}, out={each})", f"{left} @ {right}.T"))
        step.append(line(f"add.reduce({each}, axis=0, out={out})", f"{out} = their sum"))
    else:
        turned = views.make(f"{right}.T", f"{right}_T")
        step.append(line(f"dot({left}, {turned}, out={out})", f"{out} = {left} @ {right}.T"))
    if not direct:
        chosen = "" if grid.entries is None else f"[{views.index(grid.entries)}]"
        _store(flat, f"{out}.reshape(-1){chosen}", grid.first, views, step)


def _invariant(schedule: Schedule, views: Views, step: list[str]) -> None:
    """What is the same for every instance, added to the averages or standing alone."""
    for k, value in enumerate(schedule.lowered.values):
        if value.rest is not None:
            sign = "+=" if value.pairs else "="
            entry = f"scalars[{views.layout.locate(value.rest)}]"
            step.append(f"{RESULTS}[{k}] {sign} {_scaled(value, entry)}")
    written = {position for grid in schedule.grids for position in grid.positions}
    for alone in (True, False):
        chosen = [pair for pair in schedule.invariant if (pair[1] not in written) == alone]
        if chosen:
            name = views.fetch([node for node, _ in chosen])
            places = [len(schedule.lowered.values) + position for _, position in chosen]
            _store(places, name, alone, views, step)


def _store(places: list[int], expression: str, first: bool, views: Views, step: list[str]) -> None:
    """Put numbers into some of the results, or add them to what is there."""
    step.append(f"{views.results(places)} {'=' if first else '+='} {expression}")


# Running ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A program as it is written, which nothing changes: who lowers the same graph again shares it.

    Attributes:
        source: the program.
        code: the same, compiled.
        index_arrays: the arrays of positions that it refers to by name.
        operations: a line of description for each of its array operations.
        prepares: whether anything depends on the data alone.
        n_rows: how many rows there are.
        ones: which of them hold ones.
        input_rows: where the inputs go.
        outputs: where the outputs wanted for each instance are, as in ``Layout.outputs``.
        scalars: the constants in their places, and room for all else that does not vary.
        n_parameters: how many of these, at the beginning, are parameters.
        n_results: how many values and derivatives there are.
    """

    source: str
    code: CodeType
    index_arrays: dict[str, NDArray[np.intp]]
    operations: list[Operations]
    prepares: bool
    n_rows: int
    ones: list[int]
    input_rows: list[int]
    outputs: list[tuple[int, int]]
    scalars: Array
    n_parameters: int
    n_results: int


def write(schedule: Schedule) -> Written:
    """Write and compile the program for a schedule."""
    source, views = emit_numpy(schedule)
    layout, lowered = views.layout, schedule.lowered
    outputs = layout.outputs()  # which may be constants, and then take places of scalars
    return Written(
        source,
        compile_source(source),
        views.index_arrays,
        schedule.operations(),
        bool(views.stages[ONCE]),
        layout.n_rows,
        layout.ones,
        [layout.row[node] for node in schedule.inputs],
        outputs,
        layout.scalars(),
        lowered.parameters,
        len(lowered.values) + lowered.derivatives,
    )


WRITTEN: Kept[Written | None] = Kept()
"""What was written for graphs; None for one that runs by tables."""


def written(batch: Batch, request: Request) -> Written | None:
    """The program that answers a request; None if its source would be too long."""

    def make() -> Written | None:
        return write(batch.schedule(request)) if batch.layered else None

    return WRITTEN.get(batch.recorded, batch.few, request, make=make)


class NumpyRunner(Runner):
    """Runs NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, program: Written, stages: Callable[[], Iterable[Stage]]) -> None:
        self.program, self.source = program, program.source
        self.stages, self.operations = stages, lambda: program.operations
        # Where all of them vary, as nearly always, they are taken at once.
        places = [row for row, _ in program.outputs]
        self.output_rows = np.array(places, dtype=np.intp) if min(places, default=0) >= 0 else None
        self.scalars = program.scalars.copy()
        self.parameters: Array = self.scalars[: program.n_parameters]
        self.results: Array = np.zeros(program.n_results)
        self.bound: dict[int, tuple[Array, Callable[[], None], Callable[[], None]]] = {}
        self.buffer: Array = np.empty((0, 0))
        self.step: Callable[[], None] = lambda: None

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, and compute what depends on them alone."""
        size = columns.shape[1]
        if size not in self.bound:
            while len(self.bound) >= KEPT_SIZES:
                del self.bound[next(iter(self.bound))]
            self.bound[size] = self.bind(size)
        self.buffer, prepare, self.step = self.bound[size]
        if len(columns):
            self.buffer[self.program.input_rows] = columns
        if self.program.prepares:
            with np.errstate(all="ignore"):
                prepare()

    def bind(self, size: int) -> tuple[Array, Callable[[], None], Callable[[], None]]:
        """Make the buffers and views for a batch, and the functions that work on them."""
        rows = np.zeros((self.program.n_rows, size))
        rows[self.program.ones] = 1.0
        namespace: dict[str, Any] = {**NAMESPACE, **self.program.index_arrays}
        namespace.update(rows=rows, scalars=self.scalars, results=self.results)
        exec(self.program.code, namespace)
        return rows, namespace["prepare"], namespace["step"]

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        with np.errstate(all="ignore"):
            self.step()
        return self.results

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        if self.output_rows is not None:
            return self.buffer.take(self.output_rows, axis=0)
        found = np.empty((len(self.program.outputs), self.buffer.shape[1]))
        for i, (row, scalar) in enumerate(self.program.outputs):
            found[i] = self.buffer[row] if row >= 0 else self.scalars[scalar]
        return found
