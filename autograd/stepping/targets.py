"""What a user points at in a pass: a node, the nodes of an operation, or whatever a test holds of.

A Value, a text or a Python function goes in; a ``Target`` comes out, which says of every place in
the pass whether it is meant. ``until``, watches and every ``Breakpoint`` have one.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass

from ..core import Value
from ..core.ops import OPS
from ..lines import fitted
from ..text import counted, escape, got, signed
from ..words.names import show_label
from ..words.pointing import called, only, unknown
from .conditions import parse_condition
from .recording import Recording

Predicate = Callable[[Value, float], bool]
"""A test of a node and the derivative of the root with respect to it."""

OTHERWISE = "table() lists the names of all nodes"


@dataclass(frozen=True)
class Target:
    """What was pointed at: one node, or every node of which a test holds.

    Attributes:
        name: what it is called in messages.
        holds: whether a node is meant that has this gradient in the end, and this number.
        node: the node, if it is one.
        is_condition: whether the test is of the gradient, which is then told.
        note: what else it could have meant, or the empty string.
    """

    name: str
    holds: Callable[[Value, float, float], bool]
    node: Value | None = None
    is_condition: bool = False
    note: str = ""

    def is_at(self, recording: Recording, place: int) -> bool:
        """Whether the step at a place is its own: ``until`` ends before such a step."""
        return self.holds(recording.nodes[place], recording.gradients[place], recording.data[place])

    def subject(self, recording: Recording, place: int, edges_done: int) -> tuple[Value, float]:
        """The node that a breakpoint's condition is about, and its gradient so far."""
        if self.node is None:
            return recording.nodes[place], recording.gradients[place]
        return self.node, recording.received(self.node, recording.starts[place] + edges_done)

    def found(self, recording: Recording, place: int) -> str:
        """What has been met at a place; a condition with the gradient and the node there."""
        if not self.is_condition:
            return self.name
        name = recording.names[recording.nodes[place]]
        return f"{self.name} ({signed(recording.gradients[place])} at {name})"


@dataclass(eq=False, repr=False)
class Breakpoint:
    """A place, or places, before which ``run`` and ``until`` stop.

    Attributes:
        number: what ``remove_breakpoint`` calls it, from 1; never used twice in a session.
        target: what it is on.
        condition: what must hold besides, or None. It is about the target if that is one node,
            with the gradient that has reached it so far, and else about the node that comes next.
        once: whether it goes away when it has stopped the pass once.
        enabled: whether it stops anything; may be set.
        hits: how often it has stopped the pass.
    """

    number: int
    target: Target
    condition: Target | None = None
    once: bool = False
    enabled: bool = True
    hits: int = 0

    def holds(self, recording: Recording, place: int, edges_done: int) -> bool:
        """Whether it stops the pass at a place, where its node's gradient changes if it has one."""
        if self.target.node is None and not self.target.is_at(recording, place):
            return False
        if self.condition is None:
            return True
        node, gradient = self.target.subject(recording, place, edges_done)
        return self.condition.holds(node, gradient, recording.data[recording.place[node]])

    def reason(self, recording: Recording, place: int) -> str:
        """Why the pass stops before the step at a place: ``breakpoint 1, before w changes``."""
        if self.target.node is not None:
            return f"breakpoint {self.number}, before {self.target.name} changes"
        return f"breakpoint {self.number}, {self.target.found(recording, place)}"

    @property
    def text(self) -> str:
        """Everything about it in one line: ``breakpoint 1 on w if grad > 10 (once), 2 hits``."""
        condition = f" if {self.condition.name}" if self.condition else ""
        note = f"; {self.target.note}" if self.target.note else ""
        return (
            f"breakpoint {self.number} on {self.target.name}{condition}{' (once)' * self.once}, "
            f"{counted(self.hits, 'hit')}{', disabled' * (not self.enabled)}{note}"
        )

    def __repr__(self) -> str:
        return fitted(self.text)


def resolve(recording: Recording, target: object) -> Target:
    """Find out what is meant by a Value, a label, an operation's name, a condition or a function.

    Raises:
        TypeError: if it is none of these.
        ValueError: if it is not in this pass, or a label is shared by several nodes.
    """
    if isinstance(target, Value):
        return _one_node(recording, find_node(recording, target))
    if isinstance(target, str):
        return _resolve_text(recording, target)
    if callable(target):
        return condition_target(target)
    raise TypeError(
        f"expected a Value, a label such as 'w', an operation such as 'tanh', a condition such as "
        f"'grad > 10', or a function of (node, gradient), got {got(target)}"
    )


def _one_node(recording: Recording, node: Value, note: str = "") -> Target:
    return Target(recording.names[node], lambda x, grad, data: x is node, node, note=note)


def condition_target(test: object) -> Target:
    """The nodes of which a condition, or a function of (node, gradient), holds."""
    if isinstance(test, str):
        holds, name = parse_condition(test), " ".join(test.split())
        return Target(name, lambda node, grad, data: holds(grad, data), is_condition=True)
    if not callable(test):
        raise TypeError(
            f"a condition is a text such as 'grad > 10' or a function of (node, gradient), got "
            f"{got(test)}"
        )
    predicate: Predicate = test
    name = escape(getattr(test, "__name__", type(test).__name__))
    return Target(name, lambda node, grad, data: predicate(node, grad), is_condition=True)


def find_node(recording: Recording, target: object, otherwise: str = OTHERWISE) -> Value:
    """The node of this pass that a Value is, or that a label or a name in its text stands for.

    Args:
        recording: the pass.
        target: what is meant.
        otherwise: what to do where nothing has a name like that.

    Raises:
        TypeError: if ``target`` is neither a Value nor a text.
        ValueError: if it is not in this pass, or a label is shared by several nodes.
    """
    if isinstance(target, Value):
        if target not in recording.place:
            raise ValueError(
                f"{reprlib.repr(target)} is not under {recording.names[recording.root]}, whose "
                f"derivative by it is 0; pass a Value that it was computed from"
            )
        return target
    if not isinstance(target, str):
        raise TypeError(f"expected a Value or its label, got {got(target)}")
    found = called(recording.names, target)
    if not found:
        raise ValueError(_unknown(recording, target, "is no label of this graph", otherwise))
    return only(recording.names, target, found)


def _resolve_text(recording: Recording, written: str) -> Target:
    found = called(recording.names, written)
    written = written.strip()
    is_operation = written in recording.operations or written in OPS
    if found:
        node = only(recording.names, written, found)
        also = "operation" if is_operation else "condition" if _is_condition(written) else ""
        note = also and f"the node {recording.names[node]} is meant, not the {also}"
        return _one_node(recording, node, note)
    if written in recording.operations:
        return Target(written, lambda x, grad, data: x.op is not None and x.op.name == written)
    if is_operation:
        raise ValueError(
            f"no node of this graph was made by {written}; its operations are "
            f"{', '.join(recording.operations) or 'none, for it is a leaf'}"
        )
    try:
        return condition_target(written)
    except ValueError as error:
        if not written or show_label(written) == written:
            message = "is neither a label nor an operation of this graph, nor a condition"
            raise ValueError(_unknown(recording, written, message)) from None
        raise error


def _is_condition(written: str) -> bool:
    try:
        parse_condition(written)
    except ValueError:
        return False
    return True


def _unknown(recording: Recording, written: str, complaint: str, otherwise: str = OTHERWISE) -> str:
    return unknown(recording.names, written, complaint, recording.operations, otherwise)
