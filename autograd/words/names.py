"""What the nodes of a pass are called in text: by their label if they have one, else by a number.

Nodes go in, and a name for each comes out; no two are alike, and none can be taken for anything
else. A label is data that anybody may have written: it is shown, and never obeyed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count

from ..core import Value
from ..text import escape

LONGEST = 32  # characters of a label that are shown

# w, loss_1 or layer1.neuron0.w[2], and the derivatives dL/dw and d(dL/dw)/db, to any order that
# fits: what can stand in a formula as it is.
_NAME = r"[^\W\d]\w*(?:\.\w+|\[\w+(?:, ?\w+)*\])*"
_SIDE = rf"(\(.*\)|{_NAME})"
_DERIVATIVE = re.compile(rf"d{_SIDE}/d{_SIDE}")
_PLAIN = re.compile(_NAME)


def name_nodes(nodes: Sequence[Value]) -> dict[Value, str]:
    """A unique name for each node.

    ``v3`` is the third node, if it has no label; where a label of the graph looks like that, it
    is ``_v3``. Nodes that share the label ``w`` are ``w#1``, ``w#2`` and so on.

    Args:
        nodes: all nodes of a graph, operands first, so that names do not change between runs.
    """
    labels = {node: show_label(node.label) for node in nodes if node.label}
    uses = Counter(labels.values())
    stems = {label.rstrip("0123456789").lower() for label in uses if label[-1].isdigit()}
    prefix = "v"
    while prefix in stems:
        prefix = "_" + prefix
    seen: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
    names = {}
    for number, node in enumerate(nodes, start=1):
        label = labels.get(node)
        if label is None:
            names[node] = f"{prefix}{number}"
        else:
            names[node] = label if uses[label] == 1 else f"{label}#{next(seen[label])}"
    return names


def show_label(label: str) -> str:
    """A label as it stands if it reads as one name, and else in quotes: one line, not too long."""
    if len(label) <= LONGEST and _is_plain(label):
        return label
    # Both ends are enough to fill what is shown, however long the label is.
    ends = label if len(label) <= 2 * LONGEST else label[:LONGEST] + label[-LONGEST:]
    shown = escape(ends).replace('"', '\\"')
    if len(shown) > LONGEST:
        shown = shown[: LONGEST - 12] + "..." + shown[-9:]
    return f'"{shown}"'


def label_or_number(operand: Value | float) -> str:
    """What an operand is called where nothing else names the graph: by its label, or its number.

    A number stands in full, and a label as it stands in a formula.
    """
    if not isinstance(operand, Value):
        return repr(operand)
    label = operand.label
    return atom(show_label(label)) if label else repr(operand.data)


def _is_plain(label: str) -> bool:
    if _PLAIN.fullmatch(label):
        return True
    found = _DERIVATIVE.fullmatch(label)
    return found is not None and all(
        _is_plain(part.removeprefix("(").removesuffix(")")) for part in found.groups()
    )


def derivative(of: str, by: str) -> str:
    """The derivative of one name by another, ``dL/dw``; of a derivative, ``d(dL/dw)/db``."""
    return f"d{atom(of)}/d{atom(by)}"


def atom(name: str) -> str:
    """A name as it stands where something binds it: a derivative needs parentheses."""
    return f"({name})" if "/" in name and not name.startswith('"') else name
