"""``detect_anomaly``: stop at the first value or gradient that becomes nan or infinite.

The engine follows IEEE 754 and goes on, so that a nan in a loss may come from anywhere. Within
this block every node is looked at when it is made, and every gradient when it is final; the first
that is not finite raises an error with the formula, its numbers, the line of code and, of a
gradient, the way to the root.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Literal

from .origin import record_source
from .sweep import Steps, inspectors, sweep
from .value import Value, observing

OPERANDS_SHOWN = 6
WAY_SHOWN = 12
LABEL_SHOWN = 32


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
    ``grad``, in the order of the pass; then no ``.grad`` has been changed. Nodes made within the
    block know the line that made them, as with ``record_source``. The engine takes less than twice
    its time.

    Raises:
        AnomalyError: at the first anomaly; a kind of ``ArithmeticError``.

    Example:
        >>> from autograd import Value, detect_anomaly, log
        >>> p = Value(0.0, "p")
        >>> with detect_anomaly():
        ...     loss = p * log(p)
        Traceback (most recent call last):
            ...
        autograd.anomaly.AnomalyError: log(p) = log(0.0) is -inf, made at <stdin>:2
          p = 0.0
    """
    with record_source(), observing(_look):
        yield


def _look(node: Value) -> None:
    """Raise if a new node is not finite."""
    if not _isfinite(node.data):
        raise AnomalyError(_value_message(node), node, "value", node.data, (node,))


_isfinite = math.isfinite


def _inspect(root: Value, differentiable: bool) -> Steps:
    """The steps of a sweep, up to the first gradient that is not finite."""
    if differentiable:
        # The numbers are the same, and an error can name the node and not its derivative's.
        for _ in _inspect(root, False):
            pass
        yield from sweep(root, True)
        return
    for step in sweep(root):
        if not _isfinite(step[1]):
            node, gradient, _ = step
            way, report = _way(root, node)
            message = _gradient_message(way, gradient, report)
            raise AnomalyError(message, node, "gradient", gradient, way)
        yield step


inspectors[_look] = _inspect


def _way(root: Value, node: Value) -> tuple[list[Value], tuple[float, float]]:
    """Where a gradient that is not finite has come from.

    Returns:
        The nodes from this one up to the root, each the one with the report that is not finite, or
        else the largest; and the two factors of the first of these reports.
    """
    largest: dict[Value, tuple[float, Value, tuple[float, float]]] = {}
    for consumer, gradient, partials in takewhile(lambda step: step[0] is not node, sweep(root)):
        for operand, partial in zip(consumer.operands, partials):
            if isinstance(operand, Value) and partial is not None:
                size = _size(gradient * partial)
                if operand not in largest or size > largest[operand][0]:
                    largest[operand] = size, consumer, (gradient, partial)
    way = [node]
    while way[-1] is not root:
        way.append(largest[way[-1]][1])
    return way, largest[node][2]


def _size(x: float) -> float:
    """The size of a number, where nan is the largest."""
    return math.inf if math.isnan(x) else abs(x)


# What is said ------------------------------------------------------------------------------------


def _value_message(node: Value) -> str:
    """A node that is not finite, and its operands: of many the largest."""
    values = [x for x in node.operands if isinstance(x, Value)]
    shown = sorted(values, key=lambda x: -_size(x.data))[:OPERANDS_SHOWN]
    if len(values) <= OPERANDS_SHOWN:
        shown = values
    lines = [_describe(node, "is"), *(f"  {_describe(x)}" for x in shown)]
    if len(values) > len(shown):
        lines.append(f"  and {len(values) - len(shown)} more operands, which are no larger")
    return "\n".join(lines)


def _gradient_message(way: Sequence[Value], gradient: float, report: tuple[float, float]) -> str:
    """A gradient that is not finite, the report that made it so, and the way up to the root."""
    node, consumer, *above = way
    upstream, partial = report
    lines = [f"  {_describe(x)}" for x in above]
    if len(lines) > WAY_SHOWN:
        lines[WAY_SHOWN // 2 : -WAY_SHOWN // 2] = [f"  ... and {len(lines) - WAY_SHOWN} more ..."]
    if above:
        lines.insert(0, "which is on the way from the root by")
    return "\n".join(
        [
            f"the derivative of {_equation(way[-1])[0]} by {_equation(node)[0]} is {gradient}",
            f"  {_describe(node)}",
            f"it receives {upstream!r} * {partial!r} = {upstream * partial!r} from",
            f"  {_describe(consumer)}",
            *lines,
        ]
    )


def _describe(node: Value, verb: str = "=") -> str:
    """A node in a line: ``l = log(p) = log(0.5) = -0.69, made at demo.py:12``."""
    source = node.origin.source if node.origin is not None else ""
    made = f", made at {source}" if source else ""
    return f"{' = '.join(_equation(node))} {verb} {node.data!r}{made}"


def _equation(node: Value) -> list[str]:
    """Its label if it has one, its operation on names, and on numbers if that is not the same."""
    label = [_name(node)] if node.label else []
    if node.op is None:
        return label or ["a leaf"]
    written = [node.op.formula(_shorten(map(show, node.operands))) for show in (_name, _number)]
    return label + list(dict.fromkeys(written))


def _name(operand: Value | float) -> str:
    """A label; without one the number."""
    if not isinstance(operand, Value):
        return repr(operand)
    label = operand.label
    if not label:
        return repr(operand.data)
    return label if label.isprintable() and len(label) <= LABEL_SHOWN else reprlib.repr(label)


def _number(operand: Value | float) -> str:
    return repr(operand.data if isinstance(operand, Value) else operand)


def _shorten(texts: Iterable[str]) -> list[str]:
    operands = list(texts)
    if len(operands) <= OPERANDS_SHOWN:
        return operands
    return [*operands[: OPERANDS_SHOWN // 2], "...", operands[-1]]
