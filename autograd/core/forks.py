"""Locks that a fork does not leave locked: a child has no thread that could let go of them."""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakSet

_renewed: WeakSet[Any] = WeakSet()


def shared_lock() -> threading.RLock:
    """A lock of a module, for moments: a fork waits for it, so that a child finds all whole.

    It can be taken twice, as a signal's handler may come while it is held.
    """
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


def own_lock() -> threading.RLock:
    """A lock of an object, for as long as it takes: a child has it anew.

    What it guards must be of no consequence when it is broken off, such as buffers.
    """
    lock = threading.RLock()
    _renewed.add(lock)
    return lock


def _renew() -> None:
    for lock in _renewed:
        lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
