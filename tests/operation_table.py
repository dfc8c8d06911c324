"""The guides' table of operations, made from the operation table; run it to bring it up to date.

python tests/operation_table.py
"""

from __future__ import annotations

import re
from pathlib import Path

from autograd.core.ops import OPS

PAGE = Path(__file__).parent.parent / "demos" / "guides" / "operations.md"
BEGIN = "<!-- operations: written by tests/operation_table.py -->"
END = "<!-- end of operations -->"


def markdown() -> str:
    """The table, one line for each row of the operation table."""
    lines = [
        "| operation | z | partials | where the derivative does not exist |",
        "| --- | --- | --- | --- |",
    ]
    for op in OPS.values():
        names = ["x_i"] if op.arity is None else list(op.letters)
        slopes = [p.text for p in op.partials]
        if op.arity is None:
            slopes = [re.sub(r"\bx\b", "x_i", text) for text in slopes]
        partials = ", ".join(f"`dz/d{x} = {slope}`" for x, slope in zip(names, slopes))
        kinks = "; ".join(f"at {kink.where} {kink.convention}" for kink in op.kinks)
        lines.append(f"| `{op.name}` | `{op.text}` | {partials} | {kinks} |")
    return "\n".join(lines)


def updated(page: str) -> str:
    """The page with the table between its two marks written anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
