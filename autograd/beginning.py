"""Ctrl-C while ``python -m autograd`` is being imported: it ends without a word, as it does later.

Python imports a package before the program in it, which so comes too late to catch anything. Until
it runs, a handler of the signal stands in.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130  # a shell's number for it


def end_quietly() -> None:
    """Let Ctrl-C end the process at once, unless somebody has seen to it already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *ignored: os._exit(INTERRUPTED))


def over() -> None:
    """Let it raise KeyboardInterrupt again."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
