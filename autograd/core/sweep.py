"""Reverse mode: who reports before whom, and the chain rule along that order.

A graph goes in; out come its nodes from the root down to the leaves, each with its gradient at the
moment when that gradient is final. ``Value.backward`` stores what comes out, ``grad`` returns it,
the stepper shows it one node at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from .observers import inspector
from .ops import Op
from .stale import refuse_stale, stale_among


class Node(Protocol):
    """What a sweep reads of a ``Value``. An operand that is exactly a float is no node."""

    _data: float
    op: Op | None
    operands: tuple[Any, ...]


N = TypeVar("N", bound=Node)

Steps: TypeAlias = Iterator[tuple[Any, Any, Sequence[Any]]]
"""The steps of a sweep: each node with its final gradient and its local partials."""


def count_consumers(*roots: N) -> dict[N, int]:
    """How often each node under some roots is used as an operand: 2 for a in ``a + a``.

    A root itself, which nothing under it uses, counts 0.
    """
    consumers = dict.fromkeys(roots, 0)
    found = [*roots]
    for node in found:
        for operand in node.operands:
            if type(operand) is not float:
                uses = consumers.get(operand)
                if uses is None:
                    consumers[operand] = 1
                    found.append(operand)
                else:
                    consumers[operand] = uses + 1
    return consumers


def consumers_first(*roots: N) -> list[N]:
    """Every node under some roots once, after all the nodes that use it: the order of a sweep.

    A node's gradient is the sum of what its consumers report, so it must wait for the last of
    them. A plain walk from the root does not wait: in ``b = a + a; c = b * b; d = c + b`` it takes
    b up as an operand of d, before c has reported, and hands down a gradient that is too small.
    """
    waiting = count_consumers(*roots)
    order = [root for root in dict.fromkeys(roots) if not waiting[root]]
    for node in order:
        for operand in node.operands:
            if type(operand) is not float:
                reports_missing = waiting[operand]
                if reports_missing == 1:
                    order.append(operand)
                else:
                    waiting[operand] = reports_missing - 1
    return order


def evaluation_order(*roots: N, known: Container[N] = ()) -> list[N]:
    """Every node under some roots once, after its operands, the first of them first.

    That is the order in which Python evaluates an expression, so that it reads as it was written.
    Nodes that are known, and what is under these alone, are left out.
    """
    order: dict[N, None] = {}
    waiting: list[N | None] = [*reversed(roots)]
    opened: list[N] = []  # their operands are on the way; a None stands where the last is complete
    while waiting:
        node = waiting.pop()
        if node is None:
            order[opened.pop()] = None
        elif node not in order and node not in known:
            missing = [
                x
                for x in reversed(node.operands)
                if type(x) is not float and x not in order and x not in known
            ]
            if missing:
                waiting.append(None)
                opened.append(node)
                waiting += missing
            else:
                order[node] = None
    return list(order)


def sweep(root: Node, differentiable: bool = False) -> Steps:
    """The reverse sweep: each node with its final gradient and its local partials.

    The chain rule is the inner loop: each operand receives ``gradient * partial``, and what its
    consumers send adds up. A partial of None sends nothing. Nothing is written to any node.

    Args:
        root: the node that is differentiated; its own gradient is 1.
        differentiable: compute with Values instead of floats, so that the gradients are graphs.

    Raises:
        StaleGraphError: if a number is no longer what its operands give.
    """
    order = consumers_first(root)
    refuse_stale(order)
    gradients: dict[Node, Any] = {root: 1.0}
    for node in order:
        gradient = gradients.get(node)
        if gradient is None:
            # No derivative comes here. Its own partials may be infinite, and 0 * inf would be nan.
            yield node, 0.0, (None,) * len(node.operands)
            continue
        partials = local_partials(node, differentiable)
        for operand, partial in zip(node.operands, partials):
            if type(operand) is not float and partial is not None:
                # 1 * gradient would be one node more in a differentiable sweep.
                contribution = gradient if partial == 1.0 else gradient * partial
                received = gradients.get(operand)
                gradients[operand] = contribution if received is None else received + contribution
        yield node, gradient, partials


def gradients(root: N) -> tuple[Sequence[N], Sequence[float]]:
    """Every node under ``root``, and the gradient of each: what ``backward`` takes from a sweep.

    It is ``sweep`` on floats, run to its end: the same order, the same partials, the same sums to
    the last bit. It is written for speed, as one plain loop: a node that is used once, as most are,
    has its gradient at once and is never waited for, and rows of two operands are spelled out.

    Raises:
        StaleGraphError: if a number is no longer what its operands give.
    """
    # Depth first, as nodes were made and lie in memory; who is used how often needs no order.
    found, to_open, used_again = {root}, [root], []
    while to_open:
        for operand in to_open.pop().operands:
            if operand in found:
                used_again.append(operand)
            elif type(operand) is not float:
                found.add(operand)
                to_open.append(operand)
    if stale_among(found):
        refuse_stale(consumers_first(root))
    missing = {node: again + 1 for node, again in Counter(used_again).items()}
    received = dict.fromkeys(missing, _NOTHING)
    pairs: dict[Op | None, tuple[Any, Any]] = {}  # rows of two operands, and their slopes
    cut_off = False
    order, slopes = [root], [1.0]
    for node, gradient in zip(order, slopes):  # both grow with it
        op = node.op
        if gradient is _NOTHING:
            partials: Sequence[Any] = (None,) * len(node.operands)
            cut_off = True
        elif op in pairs:
            x, y = node.operands
            partial_x, partial_y = pairs[op]
            if not op.linear:  # type: ignore[union-attr]
                if type(x) is float:
                    partial_x, partial_y = 0.0, partial_y(node._data, x, y._data)
                elif type(y) is float:
                    partial_x, partial_y = partial_x(node._data, x._data, y), 0.0
                else:
                    z, at_x, at_y = node._data, x._data, y._data
                    partial_x, partial_y = partial_x(z, at_x, at_y), partial_y(z, at_x, at_y)
            if x in missing:
                total, reports_missing = received[x] + gradient * partial_x, missing[x]
                if reports_missing == 1:
                    order.append(x)
                    slopes.append(total)
                else:
                    received[x], missing[x] = total, reports_missing - 1
            elif type(x) is not float:
                order.append(x)
                slopes.append(gradient * partial_x)
            if y in missing:
                total, reports_missing = received[y] + gradient * partial_y, missing[y]
                if reports_missing == 1:
                    order.append(y)
                    slopes.append(total)
                else:
                    received[y], missing[y] = total, reports_missing - 1
            elif type(y) is not float:
                order.append(y)
                slopes.append(gradient * partial_y)
            continue
        elif op is None:
            continue
        else:
            partials = local_partials(node)
            if op.arity == 2 and all(p.passes for p in op.partials):
                pairs[op] = op.slopes
        for x, partial in zip(node.operands, partials):
            if x in missing:
                total, reports_missing = received[x], missing[x]
                if partial is not None:
                    total += gradient * partial
                if reports_missing == 1:
                    order.append(x)
                    slopes.append(total)
                else:
                    received[x], missing[x] = total, reports_missing - 1
            elif type(x) is not float:
                order.append(x)
                slopes.append(_NOTHING if partial is None else gradient * partial)
    if cut_off:
        slopes = [0.0 if gradient is _NOTHING else gradient for gradient in slopes]
    return order, slopes


# What a node has received before anything is sent to it: this object, known by its identity. To
# add to -0.0 changes no number, not even a -0.0.
_NOTHING = -0.0


class Report(NamedTuple):
    """What a node sends to one of its operands, which is one edge of the graph.

    Attributes:
        consumer: the node.
        position: which of its operands it sends to, from 0.
        operand: the node that receives.
        upstream: the final gradient of the consumer.
        partial: the derivative of the consumer by the operand; None where no derivative passes.
        contribution: their product; 0.0 where no derivative passes.
        total: what the operand has received so far, this included: its gradient after the last.
    """

    consumer: Any
    position: int
    operand: Any
    upstream: float
    partial: float | None
    contribution: float
    total: float


def reports(root: Node) -> Iterator[Report]:
    """The reverse sweep edge by edge: all reports of a node, in the order of its operands."""
    totals: dict[Any, float] = {}
    for step in sweep(root):
        yield from reports_of(*step, totals)


def reports_of(
    consumer: Any, upstream: float, partials: Sequence[Any], totals: dict[Any, float]
) -> list[Report]:
    """The reports of one step of a sweep, added to the totals that nodes have received."""
    made = []
    for position, (operand, partial) in enumerate(zip(consumer.operands, partials)):
        if type(operand) is float:
            continue
        if partial is None:
            contribution, total = 0.0, totals.get(operand, 0.0)
        else:
            contribution = upstream * partial
            received = totals.get(operand)
            # As the sweep adds: a sum that began with 0.0 would lose a -0.0.
            total = contribution if received is None else received + contribution
            totals[operand] = total
        edge = consumer, position, operand, upstream, partial, contribution, total
        made.append(_report(Report, edge))
    return made


def inspected(root: Node, differentiable: bool = False, adds: bool = False) -> Steps:
    """The reverse sweep behind ``backward`` and ``grad``, as ``detect_anomaly`` lets it pass.

    Args:
        root: as for ``sweep``.
        differentiable: likewise.
        adds: whether leaves are to hold the sum of their gradient and what they hold.
    """
    inspect = inspector()
    return inspect(root, differentiable, adds) if inspect else sweep(root, differentiable)


def local_partials(node: Node, differentiable: bool = False) -> Sequence[Any]:
    """dz/dx for each operand x of a node z, by the formulas of its row in the operation table.

    Floats, or with ``differentiable`` Values; ``None`` where no derivative passes. The entry of an
    operand that is a plain float means nothing, and its rule may not have been evaluated.
    """
    op: Op | None = node.op
    operands: tuple[Any, ...] = node.operands
    if op is None:
        return ()
    if op.linear:
        return op.rules if op.arity is not None else op.rules * len(operands)
    if differentiable:
        return _evaluate(op, op.rules, node, operands, operands)
    # Nodes of one and two operands are spelled out: this is where a sweep spends its time.
    if op.arity == 1:
        return (op.slopes[0](node._data, operands[0]._data),)
    if op.arity == 2:
        x, y = operands
        z = node._data
        slope_x, slope_y = op.slopes
        if type(x) is float:
            return None, slope_y(z, x, y._data)
        if type(y) is float:
            return slope_x(z, x._data, y), None
        x, y = x._data, y._data
        return slope_x(z, x, y), slope_y(z, x, y)
    xs = [x if type(x) is float else x._data for x in operands]
    return _evaluate(op, op.slopes, node._data, xs, operands)


def _evaluate(
    op: Op, rules: Sequence[Any], z: Any, xs: Sequence[Any], operands: Sequence[Any]
) -> Sequence[Any]:
    """The rules of those operands that are nodes, in terms of z and xs."""
    if op.arity is None:
        rule, shared = rules[0], op.shared(xs, recording=xs is operands)
        return [None if type(v) is float else rule(z, x, *shared) for x, v in zip(xs, operands)]
    return [None if type(v) is float else rule(z, *xs) for rule, v in zip(rules, operands)]


_report: Callable[..., Report] = tuple.__new__  # of which a pass makes one for every edge
