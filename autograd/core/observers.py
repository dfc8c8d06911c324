"""Blocks that watch a graph while it is built and swept: ``record_source``, ``detect_anomaly``.

A block belongs to the thread or asyncio task that opened it, and to the tasks that inherit it. One
that a generator holds may end in any order, and in another thread; it is over for all of them then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any


class Block:
    """An open block: what it calls with each node, and what it sweeps with, if not as usual."""

    __slots__ = ("observe", "sweep")

    def __init__(self, observe: Callable[[Any], None], sweep: Callable[..., Any] | None) -> None:
        self.observe = observe
        self.sweep = sweep


# Of all threads, so that where nobody observes a new node costs no more than to see that.
open_blocks: set[Block] = set()
_inherited: ContextVar[tuple[Block, ...]] = ContextVar("inherited", default=())


@contextmanager
def observing(
    observe: Callable[[Any], None], sweep: Callable[..., Any] | None = None
) -> Iterator[None]:
    """Call ``observe`` with every node that is made within the block.

    Args:
        observe: takes a node, just after it is complete.
        sweep: called as ``sweep(root, differentiable, adds)`` in the place of the reverse sweep
            behind ``backward`` and ``grad``; see ``autograd.core.sweep.inspected``.
    """
    block = Block(observe, sweep)
    try:  # Ctrl-C may come at once, and a block that stays open costs every later node its time
        open_blocks.add(block)
        _inherited.set((*_own_blocks(), block))
        yield
    finally:
        open_blocks.discard(block)
        _inherited.set(_own_blocks())


def announce(node: Any) -> None:
    """Tell the blocks of this thread or task of a new node, those further out first."""
    for block in _inherited.get():
        if block in open_blocks:
            block.observe(node)


def inspector() -> Callable[..., Any] | None:
    """What sweeps here instead of the usual sweep; None where nothing does."""
    return next((block.sweep for block in _own_blocks() if block.sweep is not None), None)


def _own_blocks() -> tuple[Block, ...]:
    """The open blocks of this thread or task."""
    return tuple([block for block in _inherited.get() if block in open_blocks])
