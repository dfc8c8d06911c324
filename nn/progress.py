"""How a long computation shows that it is under way: a bar on a terminal, some lines elsewhere.

Everything goes to standard error, so that what a program prints as its result stays apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LINES = 10  # about as many, where there is no terminal


class Progress:
    """A context manager that is told of every step, and of the end.

    Args:
        total: the number of steps to come.
        shown: False to say nothing at all.
    """

    def __init__(self, total: int, shown: bool = True) -> None:
        self.total = total
        self.shown = shown
        self.done = 0
        self._unseen = ""
        self._bar: Any = _terminal_bar() if shown else None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            with self._spoken():
                self._bar.start()
                self._task = self._bar.add_task("", total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with self._spoken():
                self._bar.stop()

    def skip(self, steps: int) -> None:
        """Some steps were done before."""
        self.done = steps
        if self._bar is not None:
            with self._spoken():
                self._bar.update(self._task, completed=steps)

    def advance(self, text: str) -> None:
        """One step is done; ``text`` says what came of it."""
        self.done += 1
        if self._bar is not None:
            with self._spoken():
                self._bar.update(self._task, advance=1, description=text)
            return
        self._unseen = f"[{self.done}/{self.total}] {text}"
        if self.done == self.total or self.done % -(-self.total // LINES) == 0:
            self._show_unseen()

    def finish(self, reason: str) -> None:
        """The end, which is worth a line unless it is the expected one."""
        if self.shown and self.done < self.total:
            self._show_unseen()
            self._print(f"stopped after {self.done} of {self.total}: {reason}")

    def _show_unseen(self) -> None:
        if self._unseen:
            self._print(self._unseen)
        self._unseen = ""

    def _print(self, line: str) -> None:
        # Where standard error is None, print() would take standard output.
        if self.shown and sys.stderr is not None:
            with self._spoken():
                print(line, file=sys.stderr, flush=True)

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """A block that writes to standard error: if that is full or closed, silence from then on.

        What is learnt is worth more than what is said of it.
        """
        try:
            yield
        except (OSError, ValueError):  # a ValueError is what a closed file raises
            self.shown, self._bar = False, None


def _terminal_bar() -> Any:
    """A rich progress bar, if standard error is a terminal and rich is installed."""
    try:
        if sys.stderr is None or not sys.stderr.isatty():
            return None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except (ImportError, ValueError):  # a ValueError if standard error has been closed
        return None
    return Bar(
        MofNCompleteColumn(),
        BarColumn(bar_width=30),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
    )
