"""What every demo has on its command line, where it writes, and how it ends when it cannot go on.

A demo looks like this::

    import options  # before the slow ones: from here on a signal ends the program in one line

    from autograd import render

    def main() -> None:
        parser = options.parser(__doc__.splitlines()[0], out="out/curves")
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
disk; 2 for a bad command line; 130, 143 or 129 for an interruption (Ctrl-C), a termination or a
hang-up; 141 for a reader, such as ``head``, that has closed its pipe. There is one line on standard
error then, and no traceback; a mistake in the program itself still shows one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import nn

MOST = 1_000_000  # of anything that is counted
SIGNALS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal hung up"}
_received: list[int] = []


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def parser(description: str, *, out: str) -> argparse.ArgumentParser:
    """A parser with the options that all demos share.

    Args:
        description: what the demo does.
        out: the folder that it writes to unless told otherwise.
    """
    options = _Parser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--out", type=Path, default=Path(out), help="folder for what is written")
    options.add_argument("--seed", type=int, default=0, help="of every random choice")
    options.add_argument("--quiet", action="store_true", help="print the last lines only")
    return options


def parse(options: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of this run; ends the program if nothing can be written to the output folder."""
    chosen = options.parse_args()
    reason = ""
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        if not os.access(chosen.out, os.W_OK | os.X_OK):
            reason = "it cannot be written to"
    except FileExistsError:
        reason = "it is not a folder"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
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
    from autograd.files import replacing

    with replacing(path) as unfinished:
        write(unfinished)
    wrote(path)


def wrote(*paths: Path) -> None:
    """Name what has been written, one line each."""
    for path in paths:
        print(f"wrote {path}")


def stop_unless_trained(history: nn.History) -> None:
    """End the program if training was interrupted, or has nothing to show."""
    if history.reason == "interrupted":
        raise KeyboardInterrupt
    if not len(history):
        sys.exit(f"no epoch was finished ({history.reason}), so there is nothing to write")


def run(main: Callable[[], object]) -> NoReturn:
    """Call ``main``, and end the program with the exit status and the line that it deserves."""
    status, line = _outcome(main)
    with contextlib.suppress(OSError):
        if line:
            print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        _close(stream)
    sys.exit(status)


def _outcome(main: Callable[[], object]) -> tuple[int, str]:
    """The exit status, and the line to go with it; a mistake in the program passes."""
    try:
        try:
            _handle_signals(_unwind)
            main()
            if sys.stdout is not None:
                sys.stdout.flush()
        finally:
            _handle_signals(_end_at_once)
    except BrokenPipeError:
        return 128 + 13, ""  # of SIGPIPE, which Python turns into this error
    except KeyboardInterrupt:
        return _signalled(_received[0] if _received else signal.SIGINT)
    except SystemExit as end:
        if _received:
            return _signalled(_received[0])
        return (1, end.code) if isinstance(end.code, str) else (end.code or 0, "")
    except Exception as error:
        if not isinstance(error, _expected()):
            raise
        return 1, _one_line(error)
    return _signalled(_received[0]) if _received else (0, "")


def _expected() -> tuple[type[Exception], ...]:
    """What may go wrong without a mistake in the program."""
    from autograd import RenderError
    from nn import PersistenceError

    return OSError, ImportError, MemoryError, RenderError, PersistenceError


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'standard output'}: {error.strerror}"
    return " ".join(str(error).split()) or "out of memory"


def _signalled(number: int) -> tuple[int, str]:
    return 128 + number, SIGNALS[signal.Signals(number).name]


def _close(stream: Any) -> None:
    """Flush for the last time; what nobody reads must not be tried again when Python ends."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _handle_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    for name in SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP, and nohup ignores it
        if number and (name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN):
            signal.signal(number, handler)


def _unwind(number: int, frame: FrameType | None) -> None:
    """Leave what is being done, so that everything is cleaned up on the way."""
    if _received:  # and asked for again
        _end_at_once(number, frame)
    _received.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def _end_at_once(number: int, frame: FrameType | None = None) -> None:
    """Where there is nothing to clean up: before a demo has begun, and after its end."""
    status, line = _signalled(number)
    with contextlib.suppress(OSError):
        os.write(2, f"{Path(sys.argv[0]).name}: {line}\n".encode())
    os._exit(status)


def _unraisable(unraisable: Any) -> None:
    """A signal in a place that no exception leaves, such as a destructor, is sent once more; what
    else goes wrong in destructors then comes from having left in the middle.
    """
    if not _received:
        sys.__unraisablehook__(unraisable)
    elif isinstance(unraisable.exc_value, (KeyboardInterrupt, SystemExit)):
        threading.Timer(0.01, os.kill, [os.getpid(), _received.pop()]).start()


if Path(sys.argv[0]).resolve().parent == Path(__file__).resolve().parent:  # not in a test
    sys.unraisablehook = _unraisable
    _handle_signals(_end_at_once)
