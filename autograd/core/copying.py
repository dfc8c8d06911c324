"""Copies and pickles of graphs of any depth: Python's own way would recurse from node to operand.

A deep copy finds the nodes by a walk, makes them all blank, and fills them in. A pickle does the
same with flat lists: a number stands for each node, so that an operand is a number too.
"""

from __future__ import annotations

import copy
import copyreg
import operator
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from . import stale

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


class Copied:
    """What ``Value`` inherits: copies, deep copies and pickles of it, and of what lies under it."""

    __slots__ = ()

    _plain: ClassVar[type[Any]]
    """The class that inherits from this one: what a node is unless a subclass made it."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a subclass that would make wrong gradients or copies.

        Raises:
            TypeError: if it defines anew what ``FINAL`` names.
        """
        super().__init_subclass__(**options)
        if Copied in cls.__bases__:
            cls._plain = cls
        for name, reason in FINAL.items():
            if getattr(cls, name) is not getattr(cls._plain, name):
                raise TypeError(f"{cls.__name__} must not define {name}: {reason}")

    def __copy__(self) -> Any:
        """Another node with the same operands and numbers; a leaf's copy is another leaf."""
        other = _blank(type(self))
        _fill_in(other, self, self.operands)  # type: ignore[attr-defined]
        _set_state(other, _state(self))
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A copy of the whole graph; one ``copy.deepcopy`` copies what roots share only once."""
        found = _walk(self, memo, lambda node: _blank(type(node)))
        for node in found:
            operands = tuple([x if type(x) is float else memo[id(x)] for x in node.operands])
            _fill_in(memo[id(node)], node, operands)
        for node in found:
            if type(node) is not self._plain:
                _set_state(memo[id(node)], copy.deepcopy(_state(node), memo))
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle the whole graph; one pickle holds what roots share only once."""
        return _second, (_innermost(), _Share(self))


def _fill_in(blank: Any, node: Any, operands: tuple[Any, ...]) -> None:
    """Make a blank node a copy of another, on these operands."""
    blank._data, blank._grad, blank._label = node._data, node._grad, node._label
    blank.op, blank.origin, blank.since = node.op, node.origin, node.since
    blank.operands = operands


def _walk(root: Any, known: dict[int, T], note: Callable[[Any], T]) -> list[Any]:
    """The nodes under ``root`` that are not known by their id; each is noted there."""
    if id(root) in known:
        return []
    known[id(root)] = note(root)
    found = [root]
    for node in found:
        for x in node.operands:
            if type(x) is not float and id(x) not in known:
                known[id(x)] = note(x)
                found.append(x)
    return found


# Writing a pickle --------------------------------------------------------------------------------
# One pickle may hold many roots that share nodes, but it asks one object at a time, and does not
# say which pickle is asking. So each root is saved as a ledger and a share: a pickle that has saved
# the ledger before passes it over, and a ledger that is saved for a second time knows that another
# pickle is asking, and becomes a new one there.


class _Ledger:
    """The number of each node that one pickle holds, by id; in the pickle, the list of them."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.is_taken = False
        _writing.ledgers.append(weakref.ref(self))

    def __reduce__(self) -> tuple[Callable[..., list[Any]], tuple[object, ...]]:
        if self.is_taken:
            return _same, (_Ledger(),)
        self.is_taken = True
        return list, ()


class _Share:
    """The nodes under a Value that the ledger lacks, which is known when the share is saved."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        ledger = _innermost()
        numbers = ledger.numbers
        start = len(numbers)
        found = _walk(self.value, numbers, lambda _: len(numbers))
        number = numbers[id(self.value)]
        if not found:
            return operator.getitem, (ledger, number)
        plain = self.value._plain
        special = {numbers[id(x)]: x for x in found if type(x) is not plain}
        classes = {k: type(node) for k, node in special.items()}
        columns = (
            [node._data for node in found],
            [node._grad for node in found],
            [node._label for node in found],
            [node.op for node in found],
            [node.origin for node in found],
            [
                tuple([x if type(x) is float else numbers[id(x)] for x in node.operands])
                for node in found
            ],
        )
        states = {k: _state(node) for k, node in special.items()}
        blank = ledger, len(found), plain, classes, number
        # What a subclass has of its own may lead back here, so all nodes are there before it.
        # Operands that an earlier share holds are asked as well: they may be younger than these.
        under = [*found, *(x for node in found for x in node.operands if type(x) is not float)]
        no_longer = {numbers[id(node)] for node in stale.stale_among(under)}
        return _add_blank, blank, (ledger, start, columns, states, no_longer), None, None, _fill


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


def _same(nodes: list[Any]) -> list[Any]:
    return nodes


def _second(ledger: list[Any], value: Any) -> Any:
    return value


def _add_blank(
    nodes: list[Any], count: int, plain: type[Any], classes: dict[int, type[Any]], number: int
) -> Any:
    start = len(nodes)
    nodes.extend([_blank(classes.get(k, plain)) for k in range(start, start + count)])
    return nodes[number]


_Contents = tuple[list[Any], int, tuple[list[Any], ...], dict[int, Any], set[int]]


def _fill(_: Any, contents: _Contents) -> None:
    nodes, start, columns, states, no_longer = contents
    for node, data, grad, label, op, origin, operands in zip(nodes[start:], *columns):
        node._data, node._grad, node._label, node.op, node.origin = data, grad, label, op, origin
        node.operands = tuple([nodes[x] if type(x) is int else x for x in operands])
    for number, state in states.items():
        _set_state(nodes[number], state)
    # The time of the process that wrote means nothing here, and its last bits may be others.
    for number, node in enumerate(nodes[start:], start):
        node.since = stale.UNPROVEN if number in no_longer else stale.now


# The state of one object, as Python has it -------------------------------------------------------

_blank: Callable[[type[Any]], Any] = object.__new__


def _state(node: Any) -> Any:
    """All attributes, a subclass's own too, as pickle would save them: ``__dict__`` and slots."""
    own = getattr(type(node), "__getstate__", None)
    if own is not None and own is not getattr(object, "__getstate__", None):
        return own(node)
    slots = copyreg._slotnames(type(node))  # type: ignore[attr-defined]
    kept = {name: getattr(node, name) for name in slots if hasattr(node, name)}
    return getattr(node, "__dict__", None) or None, kept


def _set_state(node: Any, state: Any) -> None:
    if hasattr(node, "__setstate__"):
        node.__setstate__(state)
        return
    attributes, slots = state
    for name, attribute in {**(attributes or {}), **slots}.items():
        setattr(node, name, attribute)
