"""Ctrl-C while ``python -m autograd`` is being imported: it ends without a word, as it does later.

Python imports a package before the program in it, which so comes too late to catch anything. Until
it runs, a handler of the signal stands in. Any other program has Ctrl-C as it was.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130  # a shell's number for it


def is_of(package: str) -> bool:
    """Whether this package is what ``python -m`` runs, and not a program that imports it."""
    words = sys.orig_argv
    return "-m" in words and words[words.index("-m") + 1 :][:1] == [package]


def end_quietly() -> None:
    """Let Ctrl-C end the process at once, unless somebody has seen to it already."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *ignored: os._exit(INTERRUPTED))


def over() -> None:
    """Let it raise KeyboardInterrupt again."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.signal(signal.SIGINT, signal.default_int_handler)
