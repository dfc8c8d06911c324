"""What every demo has on its command line, where it writes, and how it ends when it cannot go on.

A demo looks like this::

    import options
    from autograd import render

    def main() -> None:
        parser = options.parser(__doc__, out="out/curves")
        parser.add_argument("--points", type=options.count, default=100, help="size of the data")
        chosen = options.parse(parser)  # the folder chosen.out exists from here on
        ...
        options.save(figure.savefig, chosen.out / "curve.png")
        options.wrote(render(L, chosen.out / "graph.png"))
        print("the last line says the result")

    if __name__ == "__main__":
        options.run(main)

``save`` writes beside a file and renames, as ``render`` does by itself, so that each output is
whole or as it was before. ``run`` sees to the exit status: 0; 1 for what went wrong, such as a full
disk; 2 for a bad command line; 130 for Ctrl-C; 141 for a reader, such as ``head``, that has closed
its pipe. There is one line on standard error then, and no traceback; a mistake in the program
itself still shows one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from autograd import RenderError
from autograd.files import check_place, replacing
from autograd.lines import fitted
from autograd.plots import new_figure
from nn import History, PersistenceError

MOST = 1_000_000  # of anything that is counted
# What may go wrong without a mistake in the program.
EXPECTED = (OSError, ImportError, MemoryError, RenderError, PersistenceError)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def parser(text: str, *, out: str) -> argparse.ArgumentParser:
    """A parser with the options that all demos share.

    Args:
        text: what the demo does, in its first line.
        out: the folder that it writes to unless told otherwise.
    """
    first, show_defaults = text.splitlines()[0], argparse.ArgumentDefaultsHelpFormatter
    options = _Parser(description=first, formatter_class=show_defaults)
    options.add_argument("--out", type=Path, default=Path(out), help="folder for what is written")
    options.add_argument("--seed", type=int, default=0, help="of every random choice")
    options.add_argument("--quiet", action="store_true", help="print the last lines only")
    return options


def parse(options: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of this run; ends the program if nothing can be written to the output folder."""
    chosen = options.parse_args()
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        check_place(chosen.out / "any.txt")
    except OSError as error:
        reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
        options.error(f"--out {str(chosen.out)!r}: {reason}; name a folder that can be written")
    return chosen


def count(text: str) -> int:
    """A whole number of at least 1, for ``add_argument(type=count)``."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST}, got {text!r}")
    return number


def save(write: Callable[[Path], object], path: Path) -> None:
    """Write a file, and name it on standard output.

    Args:
        write: called with the path to write to, which ends as ``path`` does.
        path: where the file is to be in the end. What is there stays until the new file is whole.

    Raises:
        OSError: if it cannot be written; then nothing has changed.
    """
    with replacing(path) as unfinished:
        write(unfinished)
    wrote(path)


def say(text: str) -> None:
    """Print a text in lines that fit the terminal, none of them broken within a number."""
    print(fitted(text))


def wrote(path: Path) -> None:
    """Name what has been written."""
    print(f"wrote {path}")


def check_plots() -> None:
    """Find out before the work whether its result can be plotted; an ImportError says if not."""
    new_figure(1.0, 1.0)


def stop_unless_trained(history: History) -> None:
    """End the program if training was interrupted, or has nothing to show."""
    if history.reason == "interrupted":
        raise KeyboardInterrupt
    if not len(history):
        sys.exit(f"no epoch was finished ({history.reason}), so there is nothing to write")


def run(main: Callable[[], object]) -> NoReturn:
    """Call ``main``, and end the program with the exit status and the line that it deserves."""
    status, line = 0, ""
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        status, line = 130, "interrupted"
    except BrokenPipeError:
        status = 141
    except EXPECTED as error:
        status, line = 1, _one_line(error)
    except SystemExit as end:
        status, line = (1, end.code) if isinstance(end.code, str) else (end.code or 0, "")
    try:
        sys.stdout.flush()
    except OSError:  # which must not be met again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if line:
        print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)
    sys.exit(status)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'standard output'}: {error.strerror}"
    return " ".join(str(error).split()) or "out of memory"
