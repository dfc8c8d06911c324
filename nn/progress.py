"""How a long computation shows that it is under way: a bar on a terminal, some lines elsewhere.

Everything goes to standard error, so that what a program prints as its result stays apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograd.text import fitted, width

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
                line = fitted(line, width(sys.stderr), hang=0) if sys.stderr.isatty() else line
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
    """A rich progress bar, if standard error is a terminal and rich is installed.

    What is said of a step stands below the bar, on as many lines as it takes, so that the bar is
    there however narrow the terminal is.
    """
    try:
        if sys.stderr is None or not sys.stderr.isatty():
            return None
        from rich import progress
        from rich.console import Console
        from rich.text import Text
    except (ImportError, ValueError):  # a ValueError if standard error has been closed
        return None

    class Bar(progress.Progress):
        def get_renderables(self) -> Iterator[Any]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                if task.description:
                    yield Text(fitted(task.description, self.console.width - 1, hang=0))

    columns = progress.MofNCompleteColumn(), progress.BarColumn(30), progress.TimeRemainingColumn()
    return Bar(*columns, console=Console(stderr=True))
