"""Files that are never seen half-written: written beside their place, and then renamed.

Pictures, pages, parameters, checkpoints and what the demos save all go this way.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if sys.platform != "win32":
    import fcntl


if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # the platform's own, which alone can be inherited from everywhere


class WrittenPath(_Path):
    """The path of a file that was written for people to look at: a notebook shows what it holds.

    In all else it is a path like any other. What is made of it, such as its parent, a copy or what
    ``pickle`` gives back, shows nothing.
    """

    _html: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return repr(Path(self))

    def __reduce__(self) -> tuple[type[Path], tuple[str]]:
        return Path, (str(self),)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """What a notebook shows: what was written, also if the file is another by now."""
        shown = {"text/plain": repr(self)}
        return shown if self._html is None else {**shown, "text/html": self._html()}


def written(path: Path, html: Callable[[], str]) -> Path:
    """The path of a file that was written, which a notebook shows as this piece of HTML."""
    path = WrittenPath(path)
    path._html = html
    return path


@contextmanager
def replacing(path: str | os.PathLike[str], *, flush: bool = False) -> Iterator[Path]:
    """A block that writes a file anew: into the path that it is given, which then takes its place.

    Whatever happens meanwhile, there is the old file or the new one under the name. Of several that
    write the same file at the same time, the one that ends last has it.

    Args:
        path: where the file is to be; a link is followed, and the permissions of an old file stay.
        flush: whether the new file is to outlast a power cut from here on.

    Raises:
        OSError: if it cannot be written, or there is something else than a file, such as a folder
            or a device; then nothing has changed.
    """
    with _begun(path) as (place, mode, unfinished):
        yield unfinished
        if mode is not None:
            os.chmod(unfinished, mode)
        if flush:
            _flush(unfinished, os.O_RDWR)
        os.replace(unfinished, place)
        if flush and sys.platform != "win32":  # where a folder cannot be flushed
            _flush(place.parent, os.O_RDONLY)


def check_place(path: str | os.PathLike[str]) -> None:
    """Find out whether a file can be written, by beginning to; an OSError says if not."""
    with _begun(path):
        pass


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as ``replacing`` does."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(content)


def checked_place(
    path: str | os.PathLike[str], what: str, endings: Sequence[str], advice: str
) -> Path:
    """Where to write, if a file of that name can be what is to be written.

    Args:
        path: where.
        what: what is to be written, for messages.
        endings: those that its name may have.
        advice: what to do if it has another one.

    Raises:
        TypeError: if it is no path.
        ValueError: if its name has another ending.
        IsADirectoryError: if there is a folder of that name.
        FileNotFoundError: if the folder that it is to be in does not exist.
    """
    if not isinstance(path, (str, os.PathLike)):
        kind = type(path).__name__
        raise TypeError(f"{what} goes to a file that a str or a Path names, got one of type {kind}")
    place = Path(path)
    if place.suffix.lower() not in endings:
        raise ValueError(
            f"{what} is written to a file whose name ends in {' or '.join(endings)}, "
            f"got {os.fspath(path)!r}; {advice}"
        )
    if place.is_dir():
        raise IsADirectoryError(f"cannot write {what} to {str(place)!r}: it is a folder")
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {str(place)!r}: there is no folder {str(place.parent)!r}; make it first"
        )
    return place


@contextmanager
def _begun(path: str | os.PathLike[str]) -> Iterator[tuple[Path, int | None, Path]]:
    """Where a file is to be, the permissions of the old one, and an empty file beside it.

    That is for one writer alone. It is removed in the end, unless it has been renamed by then.
    """
    place = Path(os.path.realpath(path))
    try:
        mode = _mode(place)
        unfinished, lock = _claim(place)
        try:
            yield place, mode, unfinished
        finally:
            # Once it is renamed, the name may be another writer's.
            if lock is None or _is(unfinished, lock):
                unfinished.unlink(missing_ok=True)
            if lock is not None:
                os.close(lock)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from None


def _mode(place: Path) -> int | None:
    """The permissions of the file that is there; None if there is none yet."""
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):  # a file in the place of /dev/null would be the end of it
        raise FileExistsError(errno.EEXIST, "Not a regular file")
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(mode)


def _claim(place: Path) -> tuple[Path, int | None]:
    """An empty file beside a place, for one writer alone, and what locks it.

    Its name is always the same, so that what a killed process has left is used again. Where
    somebody else is at it, or nothing can be locked, the name is drawn.
    """
    unfinished = place.with_name(f".unfinished.{place.name}")
    lock = _lock(unfinished)
    if lock is None:
        unfinished = place.with_name(f".unfinished.{os.urandom(8).hex()}{place.suffix}")
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    return unfinished, lock


def _lock(unfinished: Path) -> int | None:
    """A descriptor of a file, made empty, that nobody else has locked; or None."""
    if sys.platform == "win32":
        return None
    try:
        lock = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It has not just been renamed by its writer, and is no other file by another name.
        if _is(unfinished, lock) and os.fstat(lock).st_nlink == 1:
            os.ftruncate(lock, 0)
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _is(unfinished: Path, lock: int) -> bool:
    """Whether a descriptor is of the file that has this name."""
    try:
        return os.path.samestat(unfinished.lstat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _flush(path: Path, flags: int) -> None:
    """Make what has been written to a file, or a renaming in a folder, outlast a power cut."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
