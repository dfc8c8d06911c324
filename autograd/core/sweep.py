"""Reverse mode: who reports before whom, and the chain rule along that order.

A graph goes in; out come its nodes from the root down to the leaves, each with its gradient at the
moment when that gradient is final. ``Value.backward`` stores what comes out, ``grad`` returns it,
the stepper shows it one node at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, overload

from .observers import inspector
from .ops import Op
from .value import Value

LONGEST_LABEL = 64  # characters of a derivative's label; one that would be longer has none

Steps: TypeAlias = Iterator[tuple[Value, Any, Sequence[Any]]]
"""The steps of a sweep: each node with its final gradient and its local partials."""


def count_consumers(root: Value) -> dict[Value, int]:
    """How often each node under ``root`` is used as an operand: 2 for a in ``a + a``.

    The root itself, which nothing under it uses, counts 0.
    """
    consumers = {root: 0}
    found = [root]
    for node in found:
        for operand in node.operands:
            if isinstance(operand, Value):
                uses = consumers.get(operand)
                if uses is None:
                    consumers[operand] = 1
                    found.append(operand)
                else:
                    consumers[operand] = uses + 1
    return consumers


def consumers_first(root: Value) -> list[Value]:
    """Every node under ``root`` once, after all the nodes that use it: the order of a sweep.

    A node's gradient is the sum of what its consumers report, so it must wait for the last of
    them. A plain walk from the root does not wait: in ``b = a + a; c = b * b; d = c + b`` it takes
    b up as an operand of d, before c has reported, and hands down a gradient that is too small.
    """
    waiting = count_consumers(root)
    order = [root]
    for node in order:
        for operand in node.operands:
            if isinstance(operand, Value):
                reports_missing = waiting[operand]
                if reports_missing == 1:
                    order.append(operand)
                else:
                    waiting[operand] = reports_missing - 1
    return order


def evaluation_order(root: Value) -> list[Value]:
    """Every node under ``root`` once, after its operands, the first of them first.

    That is the order in which Python evaluates an expression, so that it reads as it was written.
    """
    order: dict[Value, None] = {}
    waiting = [root]
    while waiting:
        node = waiting[-1]
        missing = [x for x in node.operands if isinstance(x, Value) and x not in order]
        if missing:
            waiting += missing[::-1]
        else:
            order.setdefault(waiting.pop())
    return list(order)


def sweep(root: Value, differentiable: bool = False) -> Steps:
    """The reverse sweep: each node with its final gradient and its local partials.

    The chain rule is the inner loop: each operand receives ``gradient * partial``, and what its
    consumers send adds up. A partial of None sends nothing. Nothing is written to any node.

    Args:
        root: the node that is differentiated; its own gradient is 1.
        differentiable: compute with Values instead of floats, so that the gradients are graphs.
    """
    gradients: dict[Value, Any] = {root: 1.0}
    for node in consumers_first(root):
        gradient = gradients.get(node)
        if gradient is None:
            # No derivative comes here. Its own partials may be infinite, and 0 * inf would be nan.
            yield node, 0.0, (None,) * len(node.operands)
            continue
        partials = local_partials(node, differentiable)
        for operand, partial in zip(node.operands, partials):
            if isinstance(operand, Value) and partial is not None:
                # 1 * gradient would be one node more in a differentiable sweep.
                contribution = gradient if partial == 1.0 else gradient * partial
                received = gradients.get(operand)
                gradients[operand] = contribution if received is None else received + contribution
        yield node, gradient, partials


def inspected(root: Value, differentiable: bool = False, adds: bool = False) -> Steps:
    """The reverse sweep behind ``backward`` and ``grad``, as ``detect_anomaly`` lets it pass.

    Args:
        root: as for ``sweep``.
        differentiable: likewise.
        adds: whether leaves are to hold the sum of their gradient and what they hold.
    """
    inspect = inspector()
    return inspect(root, differentiable, adds) if inspect else sweep(root, differentiable)


def local_partials(node: Value, differentiable: bool = False) -> Sequence[Any]:
    """dz/dx for each operand x of a node z, by the rules of its row in the operation table.

    Floats, or with ``differentiable`` Values; ``None`` where no derivative passes. The entry of an
    operand that is a plain number means nothing, and its rule may not have been evaluated.
    """
    op: Op | None = node.op
    operands: tuple[Any, ...] = node.operands
    if op is None:
        return ()
    if op.linear:
        return op.rules if op.arity is not None else op.rules * len(operands)
    if differentiable:
        return _evaluate(op, node, operands, operands)
    # Nodes of one and two operands are spelled out: this is where a sweep spends its time.
    if op.arity == 1:
        return (op.rules[0](node.data, operands[0].data),)
    if op.arity == 2:
        x, y = operands
        z = node.data
        rule_x, rule_y = op.rules
        if not isinstance(x, Value):
            return None, rule_y(z, x, y.data)
        if not isinstance(y, Value):
            return rule_x(z, x.data, y), None
        x, y = x.data, y.data
        return rule_x(z, x, y), rule_y(z, x, y)
    xs = [x.data if isinstance(x, Value) else x for x in operands]
    return _evaluate(op, node.data, xs, operands)


def _evaluate(op: Op, z: Any, xs: Sequence[Any], operands: Sequence[Any]) -> Sequence[Any]:
    """The rules of those operands that are Values, in terms of z and xs."""
    if op.arity is None:
        rule = op.rules[0]
        return [rule(z, x) if isinstance(v, Value) else None for x, v in zip(xs, operands)]
    return [rule(z, *xs) if isinstance(v, Value) else None for rule, v in zip(op.rules, operands)]


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: Literal[False] = False
) -> tuple[float, ...]: ...


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: Literal[True]
) -> tuple[Value, ...]: ...


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: bool
) -> tuple[float, ...] | tuple[Value, ...]: ...


def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: bool = False
) -> tuple[float, ...] | tuple[Value, ...]:
    """The partial derivatives of ``output`` with respect to ``inputs``; no ``.grad`` is touched.

    Args:
        output: the Value to differentiate.
        inputs: the Values to differentiate by: leaves or interior nodes, D of them. A single
            Value counts as one of them.
        create_graph: give Values that are functions of the graph's leaves, so that they can be
            differentiated again, to any order. Where the graph has labels they have such as
            ``dL/da``, and ``d(dL/da)/db``; one node that is several derivatives has none.

    Returns:
        D floats, or D Values with ``create_graph``. An input that ``output`` does not depend on
        has derivative 0.

    Raises:
        TypeError: if ``output`` or an input is not a Value.
    """
    wanted = tuple(inputs) if isinstance(inputs, Iterable) else (inputs,)
    for name, value in [("output", output), *((f"inputs[{i}]", x) for i, x in enumerate(wanted))]:
        if not isinstance(value, Value):
            raise TypeError(
                f"grad() differentiates Values, but {name} is {value!r} of type "
                f"{type(value).__name__}; make it one with Value(...) before computing with it"
            )
    missing = set(wanted)
    gradients: dict[Value, Any] = {}
    named: set[Value] = set()
    for node, gradient, _ in inspected(output, differentiable=create_graph):
        if create_graph and isinstance(gradient, Value):
            # One node may be several derivatives, as of a sum, and then no label would be true.
            label = _derivative_label(output, node)
            if label:
                gradient.label = "" if gradient in named else label
                named.add(gradient)
        if node in missing:
            gradients[node] = gradient
            missing.remove(node)
            if not missing:
                break
    found = [gradients.get(value, 0.0) for value in wanted]
    if create_graph:
        return tuple(
            g if isinstance(g, Value) else Value(g, _derivative_label(output, value))
            for g, value in zip(found, wanted)
        )
    return tuple(found)


def _derivative_label(output: Value, node: Value) -> str:
    """What to call the derivative of an output by a node; "" unless both have a short label."""
    if not (output.label and node.label):
        return ""
    of, by = (f"({x.label})" if "/" in x.label else x.label for x in (output, node))
    label = f"d{of}/d{by}"
    # Of a derivative by a derivative it is twice as long, and so on with each order.
    return label if len(label) <= LONGEST_LABEL else ""


def zero_grad(values: Value | Iterable[Value]) -> None:
    """Set ``.grad`` to 0.0: on every node under a root, or on each Value of a collection.

    Raises:
        TypeError: if the collection holds anything but Values; then nothing has been reset.
    """
    if isinstance(values, Value):
        nodes = consumers_first(values)
    else:
        nodes = list(values) if isinstance(values, Iterable) else [values]
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(
                f"zero_grad() takes a Value or a collection of Values, which holds {node!r} of "
                f"type {type(node).__name__}; pass the leaves themselves, or the root of the graph"
            )
    for node in nodes:
        node.grad = 0.0
