"""Sentences about numbers, kept as data: what is said, and the formula that it depends on.

A formula on named quantities is read once, in the language of the operation table, and then is
both: a function of Python, and the text of a function of JavaScript. So what the prompt says and
what the live page says come from the same rows, and neither is written twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..core import formula
from ..core.formula import FLOATS
from ..core.table import OPS
from ..languages import JAVASCRIPT

_SENTENCE = """\
// A sentence with what stands for each of its placeholders.
function sentence(template, words) {
  return template.replace(/\\{(\\w+)\\}/g, (_, key) => words[key]);
}
"""


class Formula:
    """A formula on some of several quantities.

    Attributes:
        text: the formula.
        truth: whether it is true or false, and else a number.
        quantities: those that it depends on.
    """

    def __init__(self, text: str, quantities: Iterable[str], truth: bool = False) -> None:
        known = tuple(quantities)
        self.text, self.truth = text, truth
        self._tokens = formula.read(text, known, truth)
        used = {token.what for token in self._tokens if token.operands is None}
        self.quantities = tuple(name for name in known if name in used)
        self._computed = formula.compiled(
            text, FLOATS, self._tokens, self.quantities, lambda name: OPS[name].forward
        )

    def __call__(self, numbers: Mapping[str, float]) -> Any:
        """Its number, or whether it holds, where the quantities are these numbers."""
        return self._computed(*[numbers[name] for name in self.quantities])

    @property
    def javascript(self) -> str:
        """A function of JavaScript that takes an object with the quantities."""
        parameters = f"{{{', '.join(self.quantities)}}}" if self.quantities else ""
        return f"({parameters}) => {JAVASCRIPT.write(self._tokens)}"

    def __repr__(self) -> str:
        return f"<formula {self.text}>"


def in_javascript(thing: object) -> str:
    """Data of JavaScript: texts, numbers, rows of them, and formulas as functions."""
    if isinstance(thing, Formula):
        return thing.javascript
    if isinstance(thing, Mapping):
        entries = [f"{_key(name)}: {in_javascript(value)}" for name, value in thing.items()]
        return f"{{{', '.join(entries)}}}"
    if isinstance(thing, (tuple, list)):
        return f"[{', '.join(map(in_javascript, thing))}]"
    return json.dumps(thing)


def constant(name: str, thing: object) -> str:
    """A constant of JavaScript; of several rows or entries each has a line."""
    if isinstance(thing, Mapping):
        lines = [f"{_key(key)}: {in_javascript(value)}" for key, value in thing.items()]
        opening, closing = "{", "}"
    elif isinstance(thing, (tuple, list)):
        lines, opening, closing = [in_javascript(row) for row in thing], "[", "]"
    else:
        return f"const {name} = {in_javascript(thing)};"
    inner = "".join(f"  {line},\n" for line in lines)
    return f"const {name} = {opening}\n{inner}{closing};"


def in_closure(public: Iterable[str], *parts: str) -> str:
    """Parts of JavaScript in a scope of their own, of which only some functions are seen outside.

    They may call ``sentence(template, words)``, which is what ``str.format_map`` is here.
    """
    names = f"{{{', '.join(public)}}}"
    lines = "\n".join([*parts, _SENTENCE]).splitlines()
    body = "\n".join(f"  {line}".rstrip() for line in lines)
    return f"const {names} = (() => {{\n{body}\n  return {names};\n}})();\n"


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)
