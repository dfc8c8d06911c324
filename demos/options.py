"""What every demo has on its command line, and where it writes.

A demo describes itself; back come its options, with an output folder that exists.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nn


def parser(description: str, *, out: str) -> argparse.ArgumentParser:
    """A parser with the options that all demos share.

    Args:
        description: what the demo does.
        out: the folder that it writes to unless told otherwise.
    """
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--out", type=Path, default=Path(out), help="folder for what is written")
    options.add_argument("--seed", type=int, default=0, help="of every random choice")
    options.add_argument("--quiet", action="store_true", help="print the last lines only")
    return options


def parse(options: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of this run; ends the program if the output folder cannot be made."""
    chosen = options.parse_args()
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        options.error(f"--out {chosen.out}: {error.strerror}; name a folder that can be written")
    return chosen


def count(text: str) -> int:
    """A whole number of at least 1, for ``add_argument(type=count)``."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def stop_unless_trained(history: nn.History) -> None:
    """End the program if training was interrupted before there is anything to show."""
    if not len(history):
        sys.exit(f"no epoch was finished ({history.reason}), so there is nothing to write")


def wrote(*paths: Path) -> None:
    """Name what has been written, one line each."""
    for path in paths:
        sys.stdout.write(f"wrote {path}\n")
