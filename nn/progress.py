"""How a long computation shows that it is under way: a bar on a terminal, some lines elsewhere.

Everything goes to standard error, so that what a program prints as its result stays apart. But a
notebook shows that as if something had gone wrong: there it is one line below the cell, which the
next takes the place of.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autograd.lines import fitted, width
from autograd.text import Text

LINES = 10  # about as many, where there is no terminal
OFTEN = 0.25  # seconds after which a notebook's line is another


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
        self._cell = _Cell.here() if shown else None

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
        is_due = self.done % -(-self.total // LINES) == 0 if self._cell is None else self._cell.due
        if self.done == self.total or is_due:
            self._show_unseen()

    def finish(self, reason: str) -> None:
        """The end, which is worth a line unless it is the expected one."""
        if self.shown and self.done < self.total:
            self._show_unseen()
            self._print(f"stopped after {self.done} of {self.total}: {reason}", below=True)

    def _show_unseen(self) -> None:
        if self._unseen:
            self._print(self._unseen)
        self._unseen = ""

    def _print(self, line: str, below: bool = False) -> None:
        if self.shown and self._cell is not None:
            with self._spoken():
                self._cell.show(line, below)
        # Where standard error is None, print() would take standard output.
        elif self.shown and sys.stderr is not None:
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


class _Cell:
    """The line below a cell of a notebook."""

    def __init__(self, display: Any) -> None:
        self._display, self._handle = display, None
        self._text, self._shown_at = "", 0.0

    @classmethod
    def here(cls) -> _Cell | None:
        """That of the cell that runs; None if none does."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if ipython is None or getattr(shell, "kernel", None) is None:  # in a terminal it has none
            return None
        return cls(ipython.display.display)

    @property
    def due(self) -> bool:
        """Whether the line has been there for long enough."""
        return time.monotonic() - self._shown_at >= OFTEN

    def show(self, line: str, below: bool) -> None:
        """Put a line in the place of the last one, or below it."""
        self._text = f"{self._text}\n{line}".lstrip() if below else line
        if self._handle is None:
            self._handle = self._display(Text(self._text), display_id=True)
        else:
            self._handle.update(Text(self._text))
        self._shown_at = time.monotonic()


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
