"""What the nodes of a pass are called in text: the one rule for steps, pictures, pages and errors.

A node is called by its label; else by its formula on the names of its operands, ``w1 * x1``, while
that is short; else by its number in the order of evaluation, ``v5``. Nodes go in, and a name for
each comes out; no two are alike, and none can be taken for anything else. A label is data that
anybody may have written: it is shown, and never obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count

from ..core import Value
from ..core.formula import STRONGEST, WEAKEST, bind, strength, unquoted
from ..text import escape, plain

LONGEST = 32  # characters of a label that are shown
LONGEST_FORMULA = 16  # those of a formula that is a name
MOST_OPERANDS = LONGEST_FORMULA // 2  # of more than that it is longer

# w, loss_1, layer1.neuron0.w[2] or ws['first'], and the derivatives dL/dw and d(dL/dw)/db, to any
# order that fits: what can stand in a formula as it is.
NAME = r"[^\W\d]\w*(?:\.\w+|\[\w+(?:, ?\w+)*\]|\['[\w.-]+'\])*"
_SIDE = rf"(\(.*\)|{NAME})"
_DERIVATIVE = re.compile(rf"d{_SIDE}/d{_SIDE}")
_PLAIN = re.compile(NAME)


class Names(dict[Value, str]):
    """A unique name for each node of a graph.

    A label is shown as ``show_label`` shows it. Nodes that share the label ``w`` are ``w``,
    ``w#2``, ``w#3``, and those that share the formula ``a * b`` are ``a * b``, ``(a * b)#2``.
    ``v3`` is the third node; where a label of the graph looks like that, it is ``_v3``. By formula
    are called only nodes of a function, or of an arithmetic operator, with an operand that is not
    itself called by its number. No such name has a sign of comparison, so that none can be taken
    for a condition.

    Attributes:
        labelled: the nodes of each label, operands first.
    """

    def __init__(self, nodes: Sequence[Value], variables: Mapping[Value, str] = {}) -> None:
        """Name the nodes.

        Args:
            nodes: all nodes of a graph, operands first, so that names do not change between runs.
            variables: what the program calls some of them, if they have no label. A name that is a
                label here is not given twice.
        """
        super().__init__()
        labels = {node: label for node in nodes if (label := node.label)}
        if variables:
            own = {*labels.values()}
            held = [node for node in nodes if node in variables and node not in labels]
            labels |= {node: variables[node] for node in held if variables[node] not in own}
        shown = {label: show_label(label) for label in {*labels.values()}}
        bound = {label: strength(name) for label, name in shown.items()}
        self.labelled: dict[str, list[Value]] = {}
        for node in nodes:
            if node in labels:
                self.labelled.setdefault(labels[node], []).append(node)
        self._nodes, self._prefix = nodes, _free_prefix(shown.values())
        self._strengths: dict[Value, int] = {}  # of those called by a label or a formula
        # No name is what somebody may type to mean the label of another node.
        for_labels, given = {*shown, *shown.values()}, set[str]()
        copies: dict[str, Iterator[int]] = {}
        for number, node in enumerate(nodes, start=1):
            if node in labels:
                label = labels[node]
                name, self._strengths[node] = shown[label], bound[label]
                is_taken = name in given
            elif formula := self._formula(node):
                name = formula
                assert node.op is not None
                self._strengths[node] = node.op.form.strength
                is_taken = name in given or name in for_labels
            else:
                name, is_taken = f"{self._prefix}{number}", False
            if is_taken:
                stem = name if self._strengths[node] == STRONGEST else f"({name})"
                self._strengths[node] = STRONGEST
                another = copies.setdefault(stem, count(2))
                while (name := f"{stem}#{next(another)}") in given or name in for_labels:
                    pass
            given.add(name)
            self[node] = name

    def _formula(self, node: Value) -> str:
        """The formula of a node, if it can be a name; else the empty string."""
        op, operands = node.op, node.operands
        if op is None or len(operands) > MOST_OPERANDS:
            return ""
        room = LONGEST_FORMULA
        texts, strengths = [], []
        says_something = False
        for operand in operands:
            if isinstance(operand, Value):
                text, bound = self[operand], self._strengths.get(operand)
                says_something = says_something or bound is not None
                bound = STRONGEST if bound is None else bound
            else:
                text = plain(operand)
                bound = WEAKEST if text.startswith("-") else STRONGEST
            room -= len(text)
            if room < 0:
                return ""
            texts.append(text)
            strengths.append(bound)
        form = op.form
        if not (says_something and form.is_plain) or (len(texts) == 1 and not form.before):
            return ""
        formula = form.write(texts, strengths)
        return formula if len(formula) <= LONGEST_FORMULA else ""

    def find(self, written: str) -> Value | None:
        """The node of a name; else of a label; else of ``v3``, ``w#1``, ``a*b`` or ``(a * b)``."""
        if (node := self._found.get(written)) is not None:
            return node
        if written in self.labelled:
            return self.labelled[written][0] if len(self.labelled[written]) == 1 else None
        number = written.removeprefix(self._prefix)
        if len(number) < 12 and number.isascii() and number.isdigit():
            place = int(number)
            if written == f"{self._prefix}{place}" and 0 < place <= len(self._nodes):
                return self._nodes[place - 1]
        if written.endswith("#1"):
            return self._found.get(written.removesuffix("#1"))
        if written.startswith("(") and written.endswith(")"):
            return self.find(written[1:-1].strip())
        return self._without_spaces.get(written.replace(" ", ""))

    @cached_property
    def _found(self) -> Mapping[str, Value]:
        return {name: node for node, name in self.items()}

    @cached_property
    def _without_spaces(self) -> Mapping[str, Value]:
        """The nodes called by a formula that has some."""
        formulas = (node for node in self._strengths if " " in self[node])
        return {self[node].replace(" ", ""): node for node in formulas if '"' not in self[node]}


def _free_prefix(labels: Iterable[str]) -> str:
    """What stands before the numbers of nodes, so that none of them is a label."""
    stems = {label.rstrip("0123456789").lower() for label in labels if label[-1].isdigit()}
    prefix = "v"
    while prefix in stems:
        prefix = "_" + prefix
    return prefix


def show_label(label: str) -> str:
    """A label as it stands if it reads as one name, and else in quotes: one line, not too long."""
    if len(label) <= LONGEST and _is_plain(label):
        return label
    # Both ends are enough to fill what is shown, however long the label is.
    ends = label if len(label) <= 2 * LONGEST else label[:LONGEST] + label[-LONGEST:]
    parts = ['\\"' if character == '"' else escape(character) for character in ends]
    if sum(map(len, parts)) <= LONGEST:
        return f'"{"".join(parts)}"'
    return f'"{_up_to(LONGEST - 12, parts)}...{_up_to(9, parts[::-1], backwards=True)}"'


def _up_to(longest: int, parts: Iterable[str], backwards: bool = False) -> str:
    """The first so many characters of some parts, none of which is cut in two."""
    taken: list[str] = []
    for part in parts:
        longest -= len(part)
        if longest < 0:
            break
        taken.append(part)
    return "".join(taken[::-1] if backwards else taken)


def _is_plain(label: str) -> bool:
    if _PLAIN.fullmatch(label):
        return True
    found = _DERIVATIVE.fullmatch(label)
    return found is not None and all(
        _is_plain(part.removeprefix("(").removesuffix(")")) for part in found.groups()
    )


def derivative(of: str, by: str) -> str:
    """The derivative of one name by another, ``dL/dw``; of a derivative, ``d(dL/dw)/db``."""
    return f"d{_as_variable(of)}/d{_as_variable(by)}"


def atom(name: str) -> str:
    """A name as it stands where something binds it: a derivative needs parentheses."""
    return bind(name, STRONGEST)


def _as_variable(name: str) -> str:
    """A name behind the d of a derivative, where ``exp(x)`` needs parentheses as well."""
    return f"({name})" if strength(name) < STRONGEST or "(" in unquoted(name) else name
