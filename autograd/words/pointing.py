"""The node that somebody means who writes a name: for passes, and for pictures.

The ``Names`` of a graph and a text go in; a node comes out, or an error that says which there are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from ..core import Value
from .formulas import node_line
from .names import Names, show_label

CANDIDATES_SHOWN = 6


def called(names: Names, written: str) -> Sequence[Value]:
    """The nodes with this label, if there are several; else the one node that is meant, if any."""
    name = written.strip()
    shared = names.labelled.get(written) or names.labelled.get(name) or ()
    if len(shared) > 1:
        return shared
    node = names.find(written)
    node = names.find(name) if node is None else node
    return shared if node is None else [node]


def only(names: Names, written: str, found: Sequence[Value]) -> Value:
    """The one node that was found.

    Raises:
        ValueError: if there are several; it lists them, by names that tell them apart.
    """
    if len(found) == 1:
        return found[0]
    lines = {node: node_line(node, names, node.data) for node in found}
    # One of them is called by the label alone, which is what could not be told apart.
    first = min(found, key=lambda node: len(names[node]))
    lines[first] = f"{names[first]}#1{lines[first].removeprefix(names[first])}"
    candidates = [*lines.values()][:CANDIDATES_SHOWN]
    more = f", and {len(found) - CANDIDATES_SHOWN} more" * (len(found) > CANDIDATES_SHOWN)
    raise ValueError(
        f"{len(found)} nodes have the label {show_label(written)}: {', '.join(candidates)}{more}; "
        f"write one of these names, or pass the Value itself"
    )


def unknown(names: Names, written: str, complaint: str, others: Iterable[str], hint: str) -> str:
    """That a text means nothing, and what there is that is written alike.

    Args:
        names: those of the graph.
        written: the text.
        complaint: what it is not.
        others: what could have been meant besides labels.
        hint: what to do, where nothing is near.
    """
    known = [*names.labelled, *others]
    near = difflib.get_close_matches(written[:100], known[:10_000], n=3)
    if near:
        hint = f"did you mean {' or '.join(map(show_label, near))}?"
    return f"{show_label(written) if written else 'an empty text'} {complaint}; {hint}"
