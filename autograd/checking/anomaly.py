"""``detect_anomaly``: stop at the first value or gradient that becomes nan or infinite.

The engine follows IEEE 754 and goes on, so that a nan in a loss may come from anywhere. Within
this block every node is looked at when it is made, and every gradient when it is final; the first
that is not finite raises an error with the formula, its numbers, the line of code and, of a
gradient, the way to the root.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat, takewhile
from typing import Literal

from ..core import Value
from ..core.observers import Observer
from ..core.origin import record_source
from ..core.sweep import Report, Steps, reports, sweep
from ..core.sweep import gradients as quick_gradients
from ..words.formulas import OPERANDS_SHOWN, by_labels, made_at
from ..words.names import show_label

WAY_SHOWN = 12


class AnomalyError(ArithmeticError):
    """A value or a gradient is nan or infinite.

    Attributes:
        node: the first node of which that is so.
        kind: whether it is its ``value``, or its ``gradient``.
        number: the nan or infinity.
        way: of a gradient the nodes from this one up to the root, along the reports that have made
            it so; of a value the node alone.
    """

    def __init__(
        self,
        message: str,
        node: Value,
        kind: Literal["value", "gradient"],
        number: float,
        way: Sequence[Value],
    ) -> None:
        super().__init__(message, node, kind, number, way)  # all, so that a copy can be made of it
        self.node = node
        self.kind = kind
        self.number = number
        self.way = tuple(way)

    def __str__(self) -> str:
        return str(self.args[0])


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Raise an error at the first value or gradient within the block that is nan or infinite.

    It looks at every node that is made, leaves as well, and at the gradients of ``backward`` and
    ``grad``, in the order of the pass; then no ``.grad`` has been changed. What ``backward`` adds
    to a leaf is to be finite together with what the leaf holds. Nodes made within the block know
    the line that made them, as with ``record_source``. A step takes about twice as long as the
    Python core does without.

    It looks at what the same thread, or asyncio task, does within the block; a thread that is
    started there opens a block of its own.

    Raises:
        AnomalyError: at the first anomaly; a kind of ``ArithmeticError``.

    Example:
        >>> from autograd import Value, detect_anomaly, log
        >>> p = Value(0.0, "p")
        >>> with detect_anomaly():
        ...     loss = p * log(p)
        Traceback (most recent call last):
            ...
        autograd.checking.anomaly.AnomalyError: log(p) = log(0.0) is -inf, made at <stdin>:2
          p = 0.0
    """
    with record_source(), Observer(_look, sweep=_inspect):
        yield


def _look(node: Value) -> None:
    """Raise if a new node is not finite."""
    if not _isfinite(node.data):
        raise AnomalyError(_value_message(node), node, "value", node.data, (node,))


_isfinite = math.isfinite


def _inspect(root: Value, differentiable: bool, adds: bool) -> Steps:
    """The steps of a sweep, up to the first gradient that is not finite, also once it is added."""
    if differentiable:
        # The numbers are the same, and an error can name the node and not its derivative's.
        for _ in _inspect(root, False, adds):
            pass
        yield from sweep(root, True)
        return
    # Mostly all is well, which a quick sweep finds out; nobody here asks for the partials.
    nodes, gradients = quick_gradients(root)
    sums = [x.grad + g for x, g in zip(nodes, gradients) if x.op is None] if adds else []
    if all(map(_isfinite, gradients)) and all(map(_isfinite, sums)):
        yield from zip(nodes, gradients, repeat(()))
        return
    for step in sweep(root):
        node, gradient, _ = step
        if not _isfinite(gradient):
            way, received = _way(root, node)
            message = _gradient_message(way, gradient, received)
            raise AnomalyError(message, node, "gradient", gradient, way)
        if adds and node.op is None and not _isfinite(total := node.grad + gradient):
            way, _ = _way(root, node)
            raise AnomalyError(_sum_message(way, gradient, total), node, "gradient", total, way)
        yield step


def _way(root: Value, node: Value) -> tuple[list[Value], list[Report]]:
    """Where a gradient that is not finite has come from, and all reports to its node.

    That is the nodes from this one up to the root, each the one with the report that is not finite,
    or else the largest.
    """
    largest: dict[Value, Report] = {}
    received: list[Report] = []
    for report in takewhile(lambda report: report.consumer is not node, reports(root)):
        if report.partial is not None:
            if report.operand is node:
                received.append(report)
            before = largest.setdefault(report.operand, report)
            if _size(report.contribution) > _size(before.contribution):
                largest[report.operand] = report
    way = [node]
    while way[-1] is not root:
        way.append(largest[way[-1]].consumer)
    return way, received


def _size(x: float) -> float:
    """The size of a number, where nan is the largest."""
    return math.inf if math.isnan(x) else abs(x)


# What is said ------------------------------------------------------------------------------------


def _value_message(node: Value) -> str:
    """A node that is not finite, and its operands: of many the largest."""
    shown = values = [x for x in node.operands if isinstance(x, Value)]
    if len(values) > OPERANDS_SHOWN:
        shown = sorted(values, key=lambda x: -_size(x.data))[:OPERANDS_SHOWN]
    anomaly = f"{' = '.join(_names(node))} is {node.data!r}{_made(node)}"
    lines = [anomaly, *(f"  {_describe(x)}" for x in shown)]
    if len(values) > len(shown):
        lines.append(f"  and {len(values) - len(shown)} more operands, which are no larger")
    return "\n".join(lines)


def _gradient_message(way: Sequence[Value], gradient: float, received: Sequence[Report]) -> str:
    """A gradient that is not finite, the report that made it so, and the way up to the root."""
    node, consumer, *above = way
    report = max(received, key=lambda report: _size(report.contribution))
    product = f"{report.upstream!r} * {report.partial!r} = {report.contribution!r}"
    if repr(report.contribution) == repr(gradient):
        receives = f"it receives {product} from"
    else:
        receives = (
            f"it receives {len(received)} reports that add up to {gradient}; the largest, "
            f"{product}, is from"
        )
    return "\n".join(
        [
            f"the derivative of {_names(way[-1])[0]} by {_names(node)[0]} is {gradient}",
            f"  {_describe(node)}",
            receives,
            f"  {_describe(consumer)}",
            *_on_the_way("which is on the way from the root by", above),
        ]
    )


def _sum_message(way: Sequence[Value], gradient: float, total: float) -> str:
    """A leaf whose gradient is finite, but not together with the one that it holds."""
    leaf, *above = way
    return "\n".join(
        [
            f"the .grad of {_names(leaf)[0]} becomes {total}",
            f"  {_describe(leaf)}",
            f"it holds {leaf.grad!r} from before this pass, which adds {gradient!r}; "
            f"zero_grad() lets it begin at 0",
            *_on_the_way("from the root it came by", above),
        ]
    )


def _on_the_way(heading: str, nodes: Sequence[Value]) -> list[str]:
    """The nodes up to the root, if there are any, under a heading: of many the ends."""
    lines = [f"  {_describe(x)}" for x in nodes]
    if len(lines) > WAY_SHOWN:
        lines[WAY_SHOWN // 2 : -WAY_SHOWN // 2] = [f"  ... and {len(lines) - WAY_SHOWN} more ..."]
    return [heading, *lines] if lines else []


def _describe(node: Value) -> str:
    """A node in a line: ``l = log(p) = log(0.5) = -0.69, made at demo.py:12``."""
    return " = ".join(dict.fromkeys([*_names(node), repr(node.data)])) + _made(node)


def _made(node: Value) -> str:
    source = made_at(node)
    return f", made at {source}" if source else ""


def _names(node: Value) -> list[str]:
    """Its label if it has one, its operation on names, and on numbers if that is not the same."""
    label = [show_label(node.label)] if node.label else []
    return label + by_labels(node) or ["a leaf"]
