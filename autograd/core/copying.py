"""Copies and pickles of graphs of any depth: Python's own way would recurse from node to operand.

A deep copy finds the nodes by a walk, makes them all blank, and fills them in. A pickle does the
same with flat lists: a number stands for each node, so that an operand is a number too.
"""

from __future__ import annotations

import copy
import operator
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from .value import Value

T = TypeVar("T")


_IDENTITY = (
    "a sweep tells nodes apart by ==, which is identity; give a comparison of numbers another name"
)
_WHOLE = (
    "a node is pickled and copied with its graph; what a subclass adds is for __getstate__ and "
    "__setstate__"
)
# What a subclass of Value must leave as it is, and why.
FINAL = {
    "__eq__": _IDENTITY,
    "__hash__": _IDENTITY,
    "__deepcopy__": _WHOLE,
    "__reduce__": _WHOLE,
    "__reduce_ex__": _WHOLE,
}


def check_subclass(cls: type[Value]) -> None:
    """Refuse a subclass that would make wrong gradients or copies.

    Raises:
        TypeError: if it defines anew what ``FINAL`` names.
    """
    for name, reason in FINAL.items():
        if getattr(cls, name) is not getattr(Value, name):
            raise TypeError(f"{cls.__name__} must not define {name}: {reason}")


def twin(value: Value) -> Value:
    """What ``copy.copy`` gives: another node, with the same operands."""
    other = _blank(type(value))
    _set_state(other, _state(value))
    return other


def deep_copy(root: Value, memo: dict[int, Any]) -> Value:
    """What ``copy.deepcopy`` gives: the graph under ``root``, but for what ``memo`` holds of it."""
    found = _walk(root, memo, lambda node: _blank(type(node)))
    for node in found:
        copied = memo[id(node)]
        copied.data, copied.grad, copied.label = node.data, node.grad, node.label
        copied.op, copied.origin = node.op, node.origin
        copied.operands = tuple([memo[id(x)] if isinstance(x, Value) else x for x in node.operands])
    for node in found:
        if type(node) is not Value:
            _set_state(memo[id(node)], copy.deepcopy(_state(node), memo))
    return memo[id(root)]  # type: ignore[no-any-return]


def reduced(value: Value) -> tuple[Callable[..., Value], tuple[object, ...]]:
    """What pickle saves for a Value: the part of its graph that this pickle does not hold yet."""
    return _second, (_innermost(), _Part(value))


def _walk(root: Value, known: dict[int, T], note: Callable[[Value], T]) -> list[Value]:
    """The nodes under ``root`` that are not known by their id; each is noted there."""
    if id(root) in known:
        return []
    known[id(root)] = note(root)
    found = [root]
    for node in found:
        for x in node.operands:
            if isinstance(x, Value) and id(x) not in known:
                known[id(x)] = note(x)
                found.append(x)
    return found


# Writing a pickle --------------------------------------------------------------------------------
# One pickle may hold many roots that share nodes, but it asks one object at a time, and does not
# say which pickle is asking. So each root is saved as a ledger and a part: a pickle that has saved
# the ledger before passes it over, and a ledger that is saved for a second time knows that another
# pickle is asking, and becomes a new one there.


class _Ledger:
    """The number of each node that one pickle holds, by id; in the pickle, the list of them."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.is_taken = False
        _writing.ledgers.append(weakref.ref(self))

    def __reduce__(self) -> tuple[Callable[..., list[Value]], tuple[object, ...]]:
        if self.is_taken:
            return _same, (_Ledger(),)
        self.is_taken = True
        return list, ()


class _Part:
    """The nodes under a Value that the ledger lacks, which is known when the part is saved."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        ledger = _innermost()
        numbers = ledger.numbers
        start = len(numbers)
        found = _walk(self.value, numbers, lambda _: len(numbers))
        number = numbers[id(self.value)]
        if not found:
            return operator.getitem, (ledger, number)
        special = {numbers[id(x)]: x for x in found if type(x) is not Value}
        classes = {k: type(node) for k, node in special.items()}
        columns = (
            [node.data for node in found],
            [node.grad for node in found],
            [node.label for node in found],
            [node.op for node in found],
            [node.origin for node in found],
            [
                tuple([numbers[id(x)] if isinstance(x, Value) else x for x in node.operands])
                for node in found
            ],
        )
        states = {k: _state(node) for k, node in special.items()}
        blank = ledger, len(found), classes, number
        # What a subclass has of its own may lead back here, so all nodes are there before it.
        return _add_blank, blank, (ledger, start, columns, states), None, None, _fill


class _Writing(threading.local):
    """The ledgers of the pickles that this thread is writing, the innermost last."""

    def __init__(self) -> None:
        self.ledgers: list[weakref.ref[_Ledger]] = []


_writing = _Writing()


def _innermost() -> _Ledger:
    ledgers = _writing.ledgers
    while ledgers:
        ledger = ledgers[-1]()
        if ledger is not None:
            return ledger
        ledgers.pop()
    return _Ledger()


# Reading a pickle --------------------------------------------------------------------------------


def _same(nodes: list[Value]) -> list[Value]:
    return nodes


def _second(ledger: list[Value], value: Value) -> Value:
    return value


def _add_blank(
    nodes: list[Value], count: int, classes: dict[int, type[Value]], number: int
) -> Value:
    start = len(nodes)
    nodes.extend([_blank(classes.get(k, Value)) for k in range(start, start + count)])
    return nodes[number]


def _fill(
    _: Value, contents: tuple[list[Value], int, tuple[list[Any], ...], dict[int, Any]]
) -> None:
    nodes, start, columns, states = contents
    for node, data, grad, label, op, origin, operands in zip(nodes[start:], *columns):
        node.data, node.grad, node.label, node.op, node.origin = data, grad, label, op, origin
        node.operands = tuple([nodes[x] if type(x) is int else x for x in operands])
    for number, state in states.items():
        _set_state(nodes[number], state)


# The state of one object, as Python has it -------------------------------------------------------

_blank: Callable[[type[Value]], Value] = object.__new__


def _state(node: Value) -> Any:
    """All attributes, a subclass's own too, as pickle would save them: ``__dict__`` and slots."""
    return object.__reduce_ex__(node, 2)[2]


def _set_state(node: Value, state: Any) -> None:
    if hasattr(node, "__setstate__"):
        node.__setstate__(state)
        return
    attributes, slots = state
    for name, attribute in {**(attributes or {}), **slots}.items():
        setattr(node, name, attribute)
