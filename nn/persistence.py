"""The one file format of this package: trained parameters, and the state of a training run.

A file is text, ASCII, of two or three lines, each a JSON value::

    {"format": "stepgrad", "version": 1, "lengths": [57, 9342], "sha256": "6b1f..."}
    {"layer1.neuron0.w[0]": 0.25, "layer1.neuron0.b": -1.5}
    {"epochs": 12, ...}

The first, the header, gives the lengths of the others in bytes, line ends included, and the SHA-256
of them all. The second holds the parameters by name. The third is there if ``fit`` wrote the file,
and is described in ``checkpoint.py``; or if ``Module.save`` was told something about the model,
which is then what ``"about"`` holds. A number is written with as many digits as bring every bit of
it back; one that JSON cannot write, infinite or nan, is the string of its 16 hexadecimal digits in
IEEE 754. Reading can therefore do nothing but give numbers. It takes memory in proportion to what
the reader has asked for, and whatever is not exactly what was written is refused with the reason.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import struct
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NoReturn

from autograd.files import replacing
from autograd.text import got, shortened

FORMAT, VERSION = "stepgrad", 1
LARGEST = 1 << 28  # bytes of a file that is looked at
_LONGEST_HEADER = 300  # what is longer is no header, and not read to its end
_LONGEST_NUMBER = 30
_ROOM = 1 << 16  # for settings, and for the names of another model, which are then named


class PersistenceError(ValueError):
    """A file that cannot be read as parameters or as a checkpoint; the message says why."""


def write_file(path: str | os.PathLike[str], parts: Sequence[Mapping[str, Any]]) -> None:
    """Write a file, whole and flushed to the disk, or not at all.

    Args:
        path: where; a link is followed.
        parts: the lines after the header.

    Raises:
        OSError: if it cannot be written; then nothing has changed.
    """
    lines = [_line(part) for part in parts]
    with replacing(path, flush=True) as unfinished, open(unfinished, "wb") as file:
        file.writelines([_header(lines), *lines])


def read_file(path: str | os.PathLike[str], limits: Sequence[int]) -> list[dict[str, Any]]:
    """The first lines after the header of a file that ``write_file`` wrote, if there are so many.

    Args:
        path: where.
        limits: for each line that is wanted, how many bytes it may have; see ``limit_for``.

    Raises:
        PersistenceError: if the file is not as it was written, of another version, or too large.
        OSError: if it cannot be opened.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        _refuse(path, "it is not a regular file")
    if status.st_size > LARGEST:
        _refuse(path, f"its {status.st_size} bytes are more than the {LARGEST} that are looked at")
    with open(path, "rb") as file:
        header = file.readline(_LONGEST_HEADER)
        found = _parsed(header)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            _refuse(path, "it does not begin as a file of stepgrad's does")
        if found.get("version") != VERSION:
            version = shortened(str(found.get("version")), 20)
            _refuse(path, f"it is of version {version}, and this stepgrad reads version {VERSION}")
        lines = list(filter(None, [file.readline(), file.read()]))
    if header != _header(lines):
        _refuse(path, "its checksum is another: it has been damaged, cut off or added to")
    if any(len(line) > limit for line, limit in zip(lines, limits)):
        _refuse(path, "it has more bytes than are enough here; it was saved by something larger")
    parts = [_parsed(line) for line, _ in zip(lines, limits)]
    if not parts or not all(isinstance(part, dict) for part in parts):
        _refuse(path, "a part of it is no JSON object with names, as stepgrad writes")
    if any(json.dumps(part).encode() + b"\n" != line for part, line in zip(parts, lines)):
        _refuse(path, "a name is there twice, or something is written in another way")
    return parts


def read_about(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What ``Module.save(path, about=...)`` was told about a model; empty if nothing.

    Raises:
        PersistenceError: (a ValueError) if the file is damaged, of another version, or none.
        OSError: if it cannot be opened.
    """
    parts = read_file(path, (LARGEST, LARGEST))
    about = parts[1].get("about") if len(parts) > 1 else None
    return about if isinstance(about, dict) else {}


def plain_json(name: str, found: Any) -> Any:
    """Something made of dicts and lists as JSON brings it back, or else a TypeError."""
    if isinstance(found, Mapping) and all(isinstance(key, str) for key in found):
        return {key: plain_json(f"{name}[{key!r}]", x) for key, x in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain_json(f"{name}[{i}]", x) for i, x in enumerate(found)]
    finite = not isinstance(found, float) or math.isfinite(found)
    if type(found) in (str, int, float, bool, type(None)) and finite:
        return found
    raise TypeError(
        f"a file holds texts, finite numbers, True, False, None, and lists and dicts by text of "
        f"these, but {name} is {got(found)}; an array is a list by .tolist()"
    )


def limit_for(names: Iterable[str], numbers: int = 1) -> int:
    """How many bytes some numbers for each of some names may take, twice over and with room."""
    return _ROOM + 2 * sum(len(json.dumps(name)) + _LONGEST_NUMBER * numbers for name in names)


def encoded(numbers: Iterable[float]) -> list[float | str]:
    """Floats as what JSON can write."""
    return [x if math.isfinite(x) else struct.pack(">d", x).hex() for x in map(float, numbers)]


def decoded(numbers: Iterable[object]) -> list[float]:
    """Floats from what ``encoded`` gave, bit for bit.

    Raises:
        PersistenceError: if one is none.
    """
    return [_decoded(number) for number in numbers]


def _decoded(number: object) -> float:
    if type(number) is float and math.isfinite(number):
        return number
    if isinstance(number, str) and re.fullmatch("[0-9a-f]{16}", number):
        found: float = struct.unpack(">d", bytes.fromhex(number))[0]
        if not math.isfinite(found):  # any other is written as a number
            return found
    raise PersistenceError(f"expected a float, got {shortened(repr(number), 40)}")


def _line(part: object) -> bytes:
    return json.dumps(part, allow_nan=False).encode("ascii") + b"\n"


def _header(lines: Sequence[bytes]) -> bytes:
    digest = sha256(b"".join(lines)).hexdigest()
    lengths = [len(line) for line in lines]
    return _line({"format": FORMAT, "version": VERSION, "lengths": lengths, "sha256": digest})


def _parsed(line: bytes) -> Any:
    """What a line holds; None if it is not JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _refuse(path: str | os.PathLike[str], reason: str) -> NoReturn:
    raise PersistenceError(f"{os.fspath(path)!r} cannot be read: {reason}")
