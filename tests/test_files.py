"""Tests of how files come to their place: whole, whoever else is writing, or not at all."""

import os
import stat
from pathlib import Path

import pytest

from autograd.files import check_place, replacing

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither FIFOs nor permission bits")


def write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text)


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write(path, "old")
    with replacing(path, flush=True) as unfinished:
        assert unfinished.parent == tmp_path and unfinished.suffix == ".txt"
        unfinished.write_text("half")
        assert path.read_text() == "old"
        unfinished.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def break_off(path: Path, error: BaseException) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), OSError(28, "full")])
def test_what_breaks_off_changes_nothing(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.txt"
    write(path, "old")
    with pytest.raises(type(error)) as raised:
        break_off(path, error)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    if isinstance(raised.value, OSError):
        assert (raised.value.errno, raised.value.filename) == (28, str(path))


def test_two_writers_do_not_write_into_one_another(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with replacing(path) as first:
        first.write_text("first, half")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
        write(path, "third")
        assert path.read_text() == "third"
        first.write_text("first")
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    child = os.fork() if hasattr(os, "fork") else pytest.skip("needs fork")
    if child == 0:  # killed in the middle, as far as its files can tell
        with replacing(path) as unfinished:
            unfinished.write_text("half of what is a long text")
            os._exit(0)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1 and not path.exists()
    write(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@posix
def test_nothing_is_written_through_another_name_of_a_file(tmp_path: Path) -> None:
    path, other = tmp_path / "file.txt", tmp_path / "other.txt"
    for link in (os.link, os.symlink):
        other.write_text("kept")
        link(other, tmp_path / ".unfinished.file.txt")
        write(path, "new")
        assert (path.read_text(), other.read_text()) == ("new", "kept")
        (tmp_path / ".unfinished.file.txt").unlink()
    assert sorted(tmp_path.iterdir()) == [path, other]


@posix
def test_only_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("fifo")
    for name, error, reason in [
        ("fifo", FileExistsError, "Not a regular file"),
        ("link", FileExistsError, "Not a regular file"),
        ("folder", IsADirectoryError, "Is a directory"),
        ("no/file", FileNotFoundError, "No such file"),
        ("x" * 300, OSError, "too long"),
    ]:
        for attempt in (check_place, lambda path: write(path, "x")):
            with pytest.raises(error, match=reason) as raised:
                attempt(tmp_path / name)
            assert raised.value.filename == str(tmp_path / name)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["fifo", "folder", "link"]
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


@posix
def test_permissions_stay_and_are_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    write(path, "old")
    path.chmod(0o600)
    write(path, "new")
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK)  # root may do anything
    with pytest.raises(PermissionError):
        write(path, "newer")
    assert path.read_text() == "new"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    check_place(path)
    assert not list(tmp_path.iterdir())
    write(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
