"""Ctrl-C kept waiting for the few moments in which it would leave something half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_held() -> Iterator[None]:
    """A block that Ctrl-C does not break: KeyboardInterrupt is raised when it has ended.

    Handlers of the user's own, and threads, which Ctrl-C never reaches, are left alone.
    """
    default = signal.default_int_handler
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not default
    ):
        yield
        return
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, default)
        if held:
            raise KeyboardInterrupt
