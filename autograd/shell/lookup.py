"""What names mean at the prompt, and what may be computed with them.

``GraphNames`` knows the nodes of the pass and computes with the operation table, and that is all
that can be typed at the prompt of the shell. ``PythonNames`` adds the names of the program that
called ``autograd.debug``, and runs Python on them, as pdb does.
"""

from __future__ import annotations

import ast
import builtins
import pprint
import re
import rlcompleter
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import CodeType
from typing import Any

from ..core import Value
from ..core.origin import record_source
from ..lines import GAP
from ..stepping.stepper import Stepper
from ..stepping.steps import held
from ..stepping.tables import ROWS_SHOWN
from ..stepping.targets import Predicate, find_node
from ..text import plain, signed
from ..words.formulas import sides
from ..words.names import NAME
from . import expression
from .expression import ExpressionError
from .terminal import say

FILE = "<debug>"

# What a text may call a node, or a part of that: w, w#2, layer1.neuron0.w[2].
_WORD = re.compile(rf"{NAME}(?:#\d+)?")


class ProgramError(Exception):
    """What Python has raised at the prompt, as one line: its kind and its message."""


class GraphNames:
    """The nodes of a pass, by their labels and by what the texts call them."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper

    def knows(self, word: str) -> bool:
        """Whether a word is a name here."""
        return self.node(word) is not None

    def node(self, written: str) -> Value | None:
        """The node that is called so, if there is exactly one."""
        try:
            return find_node(self._stepper.steps, written)
        except ValueError:
            return None

    def target(self, written: str) -> Value | Predicate | None:
        """What else a target means that is nothing in the graph; None if nothing."""
        return None

    def show(self, written: str, pretty: bool = False) -> str:
        """The value of what is written.

        Raises:
            ValueError: if it is neither a node nor an expression of nodes.
            ProgramError: if Python reads it, and raises an error.
        """
        if (node := self.node(written)) is not None:
            return self.describe(node)
        name, _, field = written.rpartition(".")
        if field in ("grad", "data") and (node := self.node(name)) is not None:
            return self._gradient(node) if field == "grad" else signed(self._data(node))
        return signed(self.compute(written))

    def run(self, line: str) -> None:
        """Do what a line says that is no command, and show what it gives; raises as ``show``."""
        say(self.show(line))

    def completions(self, word: str) -> Iterable[str]:
        """The names that begin with a word."""
        return (name for name in self._stepper.steps.names.values() if name.startswith(word))

    def compute(self, written: str) -> float:
        """The number of an expression, in which the name of a node is its number.

        Raises:
            ValueError: if it is none, or names what is no node.
        """
        if (node := self.node(written)) is not None:
            return self._data(node)
        inputs: dict[str, float] = {}

        def stand_in(found: re.Match[str]) -> str:
            # A name such as w#2 or layer1.w[2], which no expression can have.
            node = None if found[0].isidentifier() else self.node(found[0])
            if node is None:
                return found[0]
            name = f"node_{self._stepper.steps.place[node]}_of_the_pass"
            inputs[name] = self._data(node)
            return name

        try:
            parsed = expression.parse(_WORD.sub(stand_in, written))
        except ExpressionError as error:
            raise ValueError("\n".join([str(error), *error.excerpt.splitlines()])) from None
        if parsed.parts:
            raise ValueError("nothing is assigned at this prompt; autograd.debug runs Python")
        for name in parsed.inputs:
            if name not in inputs:
                inputs[name] = self._data(find_node(self._stepper.steps, name))
        result, _ = parsed.evaluate({name: inputs[name] for name in parsed.inputs})
        assert isinstance(result, float)  # as all inputs are floats
        return result

    def describe(self, node: Value) -> str:
        """A node in one line: its formula, its number, and its gradient so far."""
        names = self._stepper.steps.names
        made = " = ".join([*sides(node, names), signed(self._data(node))])
        return f"{made}{GAP}grad {self._gradient(node)}"

    def operands(self, node: Value) -> str:
        """The operands of a node, one a line."""
        if node.op is None:
            return f"{self._stepper.steps.names[node]} is a leaf: it has no operands"
        lines = [
            (self.describe(x) if isinstance(x, Value) else f"{plain(x)} (a constant)")
            + f" ({count} times)" * (count > 1)
            for x, count in Counter(node.operands).items()
        ]
        if len(lines) > ROWS_SHOWN:
            lines[ROWS_SHOWN:] = [f"... and {len(lines) - ROWS_SHOWN} more"]
        return "\n".join(lines)

    def _data(self, node: Value) -> float:
        recording = self._stepper.steps
        return recording.data[recording.place[node]]

    def _gradient(self, node: Value) -> str:
        return held(self._stepper.grad_so_far(node))


class PythonNames(GraphNames):
    """The names of a program first, and those of the graph where the program has none."""

    def __init__(
        self, stepper: Stepper, global_names: dict[str, Any], local_names: Mapping[str, Any]
    ) -> None:
        """Take the names of a frame.

        What is assigned within a function lasts for the session, for Python keeps the variables
        of a function to itself; on the level of a module it stays.
        """
        super().__init__(stepper)
        at_module_level = local_names is global_names
        self._names = global_names if at_module_level else {**global_names, **local_names}

    def knows(self, word: str) -> bool:
        """Whether a word is a name here."""
        return word in self._names or super().knows(word)

    def target(self, written: str) -> Value | Predicate | None:
        """A Value or a function, if that is what Python makes of it."""
        try:
            found = eval(_compiled(written, "eval"), self._names)
        except Exception:  # the program's own complaint about a target of another kind
            return None
        return found if isinstance(found, Value) or callable(found) else None

    def show(self, written: str, pretty: bool = False) -> str:
        """The value of what is written, as Python shows it."""
        if self._is_of_the_graph(written):
            return super().show(written)
        with _telling():
            found = eval(_compiled(written, "eval"), self._names)
            return pprint.pformat(found) if pretty else repr(found)

    def run(self, line: str) -> None:
        """Run a line of Python, and show what its expressions give."""
        if self._is_of_the_graph(line):
            super().run(line)
            return
        hook = sys.displayhook
        sys.displayhook = _display
        try:
            with _telling(), record_source():
                exec(_compiled(line, "single"), self._names)
        finally:
            sys.displayhook = hook

    def completions(self, word: str) -> Iterable[str]:
        """The names and attributes that begin with a word."""
        yield from super().completions(word)
        completer = rlcompleter.Completer(self._names)
        for number in count() if word else ():  # of nothing it makes a tab
            found = completer.complete(word, number)
            if found is None:
                break
            yield found

    def _is_of_the_graph(self, written: str) -> bool:
        """Whether it is a node, its ``.grad`` or ``.data``, and nothing that Python can compute."""
        called = {written, written.removesuffix(".grad"), written.removesuffix(".data")}
        return any(self.node(name) is not None and not self._is_known(name) for name in called)

    def _is_known(self, name: str) -> bool:
        """Whether Python has it, or all of it where it is a formula and no label."""
        if name in self._names or name in self._stepper.steps.labelled:
            return name in self._names
        try:
            formula = ast.parse(name.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return False
        names = [x.id for x in ast.walk(formula) if isinstance(x, ast.Name)]
        is_formula = isinstance(formula, (ast.BinOp, ast.UnaryOp, ast.Call))
        return is_formula and all(x in self._names or hasattr(builtins, x) for x in names)


def _display(found: object) -> None:
    if found is not None:
        say(repr(found))


@contextmanager
def _telling() -> Iterator[None]:
    """Turn an error into one line for the person at the prompt; SystemExit ends the program."""
    try:
        yield
    except Exception as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ProgramError(f"{type(error).__name__}: {said}".removesuffix(": ")) from error


def _compiled(written: str, mode: str) -> CodeType:
    return compile(f"{written.strip()}\n", FILE, mode, dont_inherit=True)
