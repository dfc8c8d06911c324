"""Blocks that look on while a graph is built and swept, such as ``record_source``.

There are three kinds of them, and ``Value`` tells each of something else: an ``Observer`` of every
new node, a ``Call`` of new leaves, a ``Watch`` of numbers that leave the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

B = TypeVar("B", bound="Block")


class Block:
    """A block of code that is told of something; each subclass is a kind of its own.

    It belongs to the thread or asyncio task that opened it, and to the tasks that inherit it. One
    that a generator holds may end in any order, and in another thread; it is over for all then.

    Attributes:
        open: all that are open, in any thread: where there are none, to see that is all it costs.
    """

    __slots__ = ()

    open: ClassVar[set[Any]]
    _inherited: ClassVar[ContextVar[tuple[Any, ...]]]

    def __init_subclass__(cls) -> None:
        cls.open = set()
        cls._inherited = ContextVar(cls.__name__, default=())

    def __enter__(self: B) -> B:
        try:  # Ctrl-C may come at once, and a block that stays open costs every later node its time
            self.open.add(self)
            self._inherited.set((*self._inherited.get(), self))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.open.discard(self)
        self._inherited.set(tuple(self.here()))

    @classmethod
    def here(cls: type[B]) -> list[B]:
        """Those of this thread or task, the outermost first."""
        return [block for block in cls._inherited.get() if block in cls.open]


class Observer(Block):
    """A block that is told of every node that is made within it.

    Args:
        observe: called with a node, just after it is complete.
        sweep: called as ``sweep(root, differentiable, adds)`` in the place of the reverse sweep
            behind ``backward`` and ``grad``; see ``autograd.core.sweep.inspected``.
    """

    __slots__ = ("observe", "sweep")

    def __init__(
        self, observe: Callable[[Any], None], sweep: Callable[..., Any] | None = None
    ) -> None:
        self.observe = observe
        self.sweep = sweep


def announce(node: Any) -> None:
    """Tell the observers of this thread or task of a new node, those further out first."""
    for observer in Observer.here():
        observer.observe(node)


def inspector() -> Callable[..., Any] | None:
    """What sweeps here instead of the usual sweep; None where nothing does."""
    if not Observer.open:
        return None
    return next((block.sweep for block in Observer.here() if block.sweep is not None), None)
