"""The guides' table of operations, made from the operation table; run it to bring it up to date.

python tests/operation_table.py
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from math import isnan, nan
from pathlib import Path

from autograd import Op, Value, grad
from autograd.core import functions
from autograd.core.ops import OPS

PAGE = Path(__file__).parent.parent / "demos" / "guides" / "operations.md"
BEGIN = "<!-- operations: written by tests/operation_table.py -->"
END = "<!-- end of operations -->"


def markdown() -> str:
    """The table, one line for each row of the operation table; apart what only others use."""
    known = {*functions.__all__, *vars(builtins)}
    inner = [op for op in OPS.values() if op.symbol.isidentifier() or op.arity is None]
    inner = [op for op in inner if op.name not in known]
    return "\n".join(
        [
            *rows_of(op for op in OPS.values() if op not in inner),
            "",
            "Of these others are made; they are seen in pictures, where derivatives are recorded:",
            "",
            *rows_of(inner),
        ]
    )


def rows_of(ops: Iterable[Op]) -> list[str]:
    """A table of some operations."""
    lines = [
        "| operation | z, and its slopes | at kinks, at jumps and at nan |",
        "| --- | --- | --- |",
    ]
    for op in ops:
        names = ["x_i"] if op.arity is None else list(op.letters)
        slopes = [p.text for p in op.partials]
        if op.arity is None:
            slopes = [re.sub(r"\bx\b", "x_i", text) for text in slopes]
        formulas = [f"z = {op.text}", *(f"dz/d{x} = {slope}" for x, slope in zip(names, slopes))]
        remarks = [f"at {kink.where} {kink.convention}" for kink in op.kinks]
        if " if " in op.text:
            remarks += at_nan(op)
        shown = "<br>".join(f"`{formula}`" for formula in formulas)
        lines.append(f"| `{op.name}` | {shown} | {'; '.join(remarks)} |")
    return lines


def at_nan(op: Op) -> list[str]:
    """What a choice gives where nan is compared, if Python reads its formula otherwise."""
    given = [nan, 1.0, 1.0][: len(op.partials)]
    read = eval(op.text, dict(zip(op.letters, given)))
    values = [Value(number) for number in given]
    z = op(*values)
    if z.data == read or (isnan(z.data) and isnan(read)):
        return []
    slopes = dict.fromkeys(f"{slope:g}" for slope in grad(z, values))
    return [f"at {op.letters[0]} = nan it is {z.data:g}, with slope {' and '.join(slopes)}"]


def updated(page: str) -> str:
    """The page with the table between its two marks written anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
