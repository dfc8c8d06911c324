"""From DOT text to a picture: finds a Graphviz, runs it under a time limit, checks what it made.

``render`` and the notebook view hand over text and a format, and get the bytes of a picture file.
Graphviz is the program ``dot`` if it is on the PATH and works, else the library inside the package
pygraphviz; either runs as a process of its own, which may hang or crash without harm.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import fonts, pygraphviz_process

SECONDS_TO_DRAW = 30.0
INSTALL = 'pip install "pygraphviz>=2.0.1"'

# How a complete file of each format begins and ends.
FORMATS = {
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"IEND\xaeB`\x82"),
    "svg": (b"<?xml", b"</svg>"),
    "pdf": (b"%PDF-", b"%%EOF"),
}


class RenderError(RuntimeError):
    """A Graphviz is installed but gave no picture; the message holds what it printed."""


class NotInstalledError(RuntimeError):
    """There is no Graphviz that could draw."""


def picture_bytes(text: str, picture_format: str) -> bytes:
    """Draw DOT text; all else is as for ``pictures_bytes``."""
    return pictures_bytes([text], picture_format)[0]


def pictures_bytes(texts: Sequence[str], picture_format: str) -> list[bytes]:
    """Draw several DOT texts by one process, which saves most of the time that small ones take.

    Args:
        texts: DOT files.
        picture_format: "png", "svg" or "pdf".

    Returns:
        The contents of a picture file for each.

    Raises:
        RenderError: if no Graphviz that is installed gives a picture, or if one takes longer than
            ``SECONDS_TO_DRAW``.
        NotInstalledError: if there is neither ``dot`` nor pygraphviz.
    """
    failures: list[str] = []
    absences: list[str] = []
    for find in (_dot_program, _pygraphviz_package):
        try:
            pictures = _draw(find(picture_format), texts, picture_format)
        except NotInstalledError as absence:
            absences.append(str(absence))
        except _UnusableError as failure:
            failures.append(str(failure))
        else:
            if failures:
                say(f"{failures[0]}; drew with pygraphviz instead")
            return pictures
    if failures:
        raise RenderError(f"{'; '.join(failures)}; repair it, or install another: {INSTALL}")
    raise NotInstalledError("; ".join(absences))


def say(line: str) -> None:
    """One line for the person at the terminal, if there is one."""
    if sys.stderr is not None:  # else print() would take standard output
        print("stepgrad: " + " ".join(line.split()), file=sys.stderr)


@dataclass(frozen=True)
class _Renderer:
    """A command that reads DOT text and writes a picture.

    ``absent`` is the exit status that says that what should draw is not there after all.
    """

    name: str
    command: list[str]
    absent: int | None = None


class _UnusableError(Exception):
    """One way to draw is there and does not work; another one may."""


def _dot_program(picture_format: str) -> _Renderer:
    program = shutil.which("dot")
    if program is None:
        raise NotInstalledError("there is no program dot on the PATH")
    program = os.path.abspath(program)
    return _Renderer(program, [program, f"-T{picture_format}"])


def _pygraphviz_package(picture_format: str) -> _Renderer:
    place = fonts.installed_in("pygraphviz")
    if place is None:
        raise NotInstalledError("pygraphviz is not installed")
    # -I: no file of the user's that happens to lie around is taken for a module of Python's.
    program = [sys.executable, "-I", pygraphviz_process.__file__]
    return _Renderer(
        "pygraphviz",
        [*program, str(place.resolve()), picture_format],
        absent=pygraphviz_process.CANNOT_IMPORT,
    )


def _draw(renderer: _Renderer, texts: Sequence[str], picture_format: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        variables = fonts.environment(Path(folder))
        try:
            outcome = _run(renderer.command, texts, variables or {})
        except subprocess.TimeoutExpired:
            # The same layout takes the same time in any other Graphviz.
            raise RenderError(
                f"{renderer.name} did not finish within {SECONDS_TO_DRAW:g} s; draw the graph by "
                f"groups (leave out groups=None and max_nodes=), or a part of it, with depth=5 or "
                f"focus=VALUE; for more time set autograd.drawing.rendering.SECONDS_TO_DRAW"
            ) from None
    if outcome.returncode == renderer.absent:
        raise NotInstalledError(f"{renderer.name} cannot be imported ({_printed(outcome)})")
    pictures = _split(outcome.stdout, picture_format)
    code = outcome.returncode
    if code or len(pictures) != len(texts):
        ended = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        raise _UnusableError(
            f"{renderer.name} gave no complete {picture_format}: it {ended} and printed "
            f"{_printed(outcome)!r}"
        )
    if variables is None and picture_format != "svg":  # whoever shows an SVG brings the fonts
        say(
            "this machine has no fonts, so that characters are boxes; pip install matplotlib "
            "brings some"
        )
    return pictures


def _split(drawn: bytes, picture_format: str) -> list[bytes]:
    """The complete files, of those that a Graphviz has written one after the other."""
    begin, end = FORMATS[picture_format]
    # A text within a picture may read as the beginning of another one, but not after an end.
    parts = re.split(rb"(?<=" + re.escape(end) + rb")\s*(?=" + re.escape(begin) + rb")", drawn)
    return parts if all(_is_whole(part, picture_format) for part in parts) else []


def _is_whole(picture: bytes, picture_format: str) -> bool:
    """Whether a file is all there, and what it says it is: whoever reads it next relies on that."""
    begin, end = FORMATS[picture_format]
    picture = picture.rstrip()
    if not (picture.startswith(begin) and picture.endswith(end)):
        return False
    if picture_format == "svg":
        try:
            return "viewBox" in ElementTree.fromstring(picture).attrib
        except ElementTree.ParseError:
            return False
    return True


def _run(
    command: list[str], texts: Sequence[str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end, or kill it and all that it has started if it takes too long.

    A comment says where one text ends, for those that need to know.
    """
    text = f"\n{pygraphviz_process.SEPARATOR}\n".join(texts).encode()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **variables},
            start_new_session=True,
        )
    except OSError as error:
        raise _UnusableError(f"{command[0]} cannot be run ({error.strerror})") from None
    with process:
        try:
            stdout, stderr = process.communicate(text, timeout=SECONDS_TO_DRAW)
        finally:
            if process.returncode is None:
                _kill(process)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)


def _printed(outcome: subprocess.CompletedProcess[bytes]) -> str:
    text = outcome.stderr or outcome.stdout[:1000]
    return " ".join(text.decode("utf-8", "replace").split())[-500:]
