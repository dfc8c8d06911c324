"""The one file format of this package: trained parameters, and the state of a training run.

A file is text, ASCII, of two or three lines, each a JSON value::

    {"format": "stepgrad", "version": 1, "lengths": [57, 9342], "sha256": "6b1f..."}
    {"layer1.neuron0.w[0]": 0.25, "layer1.neuron0.b": -1.5}
    {"epochs": 12, ...}

The first, the header, gives the lengths of the others in bytes, line ends included, and the SHA-256
of them all. The second holds the parameters by name. The third is there if ``fit`` wrote the file,
and is described in ``checkpoint.py``. A number is written with as many digits as bring every bit of
it back; one that JSON cannot write, infinite or nan, is the string of its 16 hexadecimal digits in
IEEE 754. Reading can therefore do nothing but give numbers. It takes memory in proportion to what
the reader has asked for, and whatever is not exactly what was written is refused with the reason.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, NoReturn

from autograd.files import replacing

FORMAT, VERSION = "stepgrad", 1
LARGEST = 1 << 28  # bytes of a file that is looked at
_LONGEST_HEADER = 300
_LONGEST_NUMBER = 30
_ROOM = _CHUNK = 1 << 16


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
        file.writelines([_header([len(line) for line in lines], _digest(lines)), *lines])


def read_file(path: str | os.PathLike[str], limits: Sequence[int]) -> list[dict[str, Any]]:
    """Read the first parts of a file that ``write_file`` wrote, and check all of it.

    Args:
        path: where.
        limits: for each part that is wanted, how many bytes it may have.

    Returns:
        The parts, as many as there are.

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
        lengths = _lengths(path, header, status.st_size)
        for i, (length, limit) in enumerate(zip(lengths, limits)):
            if length > limit:
                _refuse(
                    path,
                    f"part {i + 1} has {length} bytes, and {limit} are enough here; it was saved "
                    f"by something larger",
                )
        lines = [file.read(length) for length in lengths[: len(limits)]]
        if _header(lengths, _digest([*lines, *_chunks(file)])) != header:
            _refuse(path, "its checksum is not that of its contents: it has been damaged")
    return [_parsed(path, line) for line in lines]


def limit_for(names: Iterable[str], numbers: int = 1) -> int:
    """How many bytes some numbers for each of some names may take, with room for other names."""
    written = sum(len(json.dumps(name)) + _LONGEST_NUMBER * numbers for name in names)
    return _ROOM + 2 * written


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
    if isinstance(number, str) and len(number) == 16:
        try:
            found: float = struct.unpack(">d", bytes.fromhex(number))[0]
            return found
        except ValueError:
            pass
    raise PersistenceError(f"expected a float, got {str(number)[:40]!r}")


def _line(part: object) -> bytes:
    return json.dumps(part, allow_nan=False).encode("ascii") + b"\n"


def _header(lengths: list[int], sha256: str) -> bytes:
    content = {"format": FORMAT, "version": VERSION, "lengths": lengths, "sha256": sha256}
    return _line(content)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _chunks(file: BinaryIO) -> Iterable[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _lengths(path: str | os.PathLike[str], header: bytes, size: int) -> list[int]:
    """The lengths of the parts, once the header is one and they make up the file."""
    try:
        found = json.loads(header.decode("ascii"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        _refuse(path, "it does not begin as a file of stepgrad's does")
    if found.get("version") != VERSION:
        _refuse(
            path,
            f"it is of version {str(found.get('version'))[:20]}, and this stepgrad reads version "
            f"{VERSION}",
        )
    lengths = found.get("lengths")
    if not (
        isinstance(lengths, list)
        and 1 <= len(lengths) <= 2
        and all(type(length) is int and 0 < length <= LARGEST for length in lengths)
    ):
        _refuse(path, "its header is damaged")
    if size != len(header) + sum(lengths):
        _refuse(
            path,
            f"it has {size} bytes, and {len(header) + sum(lengths)} were written: it has been cut "
            f"off or added to",
        )
    return lengths


def _parsed(path: str | os.PathLike[str], line: bytes) -> dict[str, Any]:
    try:
        part = json.loads(line.decode("ascii"), parse_int=_small, parse_constant=_small)
        if _line(part) != line:
            raise ValueError("a name is there twice, or something is written in another way")
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is not the JSON that stepgrad writes ({str(error)[:80]})")
    if not isinstance(part, dict):
        _refuse(path, "a part of it is not an object with names")
    return part


def _small(text: str) -> int:
    """A whole number that is counted with; a long one would take long to read."""
    if len(text) > 20:
        raise ValueError("a number of too many digits")
    return int(text)


def _refuse(path: str | os.PathLike[str], reason: str) -> NoReturn:
    raise PersistenceError(f"{os.fspath(path)!r} cannot be read: {reason}")
