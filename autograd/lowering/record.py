"""Record: from a graph of Values to the intermediate representation.

Some leaves are inputs, with a number for each instance of a batch; some are parameters, shared by
all instances; every other leaf is a constant, at the number that it holds now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.value import Value
from .graph import INPUT, PARAMETER, Graph


def record(
    roots: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]
) -> tuple[Graph, list[int]]:
    """The graph under ``roots``, equal expressions being one node.

    Inputs and parameters come first, in their order, also those that no root depends on.

    Returns:
        The graph, and the node of each root.
    """
    graph = Graph()
    nodes: dict[Value, int] = {}
    for kind, leaves in ((INPUT, inputs), (PARAMETER, parameters)):
        for place, leaf in enumerate(leaves):
            nodes[leaf] = graph.leaf(kind, place)
            if leaf.label:
                graph.labels[nodes[leaf]] = leaf.label
    for root in roots:
        _record_under(root, graph, nodes)
    return graph, [nodes[root] for root in roots]


def _record_under(root: Value, graph: Graph, nodes: dict[Value, int]) -> None:
    """Operands first and from the left, so that node numbers follow the way people write."""
    stack = [root]
    while stack:
        value = stack[-1]
        if value in nodes:
            stack.pop()
        elif value.op is None:
            nodes[value] = graph.constant(value.data)
        else:
            waiting = [x for x in value.operands if isinstance(x, Value) and x not in nodes]
            if waiting:
                waiting.reverse()
                stack += waiting
                continue
            operands = tuple(
                [nodes[x] if isinstance(x, Value) else graph.constant(x) for x in value.operands]
            )
            nodes[value] = node = graph.node(value.op.key, operands)
            if value.label:
                graph.labels.setdefault(node, value.label)


def unknown_leaves(roots: Sequence[Value], leaves: Mapping[str, Sequence[Value]]) -> list[str]:
    """Which of the named leaves no root depends on, such as ``wrt[3]`` with its label."""
    found = set(roots)
    order = list(found)
    for value in order:
        for operand in value.operands:
            if isinstance(operand, Value) and operand not in found:
                found.add(operand)
                order.append(operand)
    return [
        f"{name}[{i}]{f' ({leaf.label})' if leaf.label else ''}"
        for name, values in leaves.items()
        for i, leaf in enumerate(values)
        if leaf not in found
    ]
