"""Tests of what notices that another package called ``autograd`` was installed or removed here."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from autograd import installed

PACKAGE = Path(installed.__file__).parent


def imported(folder: Path, code: str) -> str:
    """The last line that Python prints, with the packages of that folder and no others."""
    program = f"import sys; sys.path[:0] = [{str(folder)!r}]; {code}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60
    )
    return (done.stdout + done.stderr).strip().rpartition("\n")[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The packages as links to their files, so that some can be taken away."""
    for package in (PACKAGE, PACKAGE.parent / "nn"):
        (tmp_path / package.name).mkdir()
        for path in package.iterdir():
            if path.name != "__pycache__":
                (tmp_path / package.name / path.name).symlink_to(path)
    return tmp_path


def test_nothing_is_said_where_all_is_there(folder: Path) -> None:
    assert imported(folder, "import autograd; print(autograd.Value(2.0) * 3)").startswith("Value(")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        installed.check()
        installed.check_face()


def test_what_an_uninstallation_takes_along_is_missed(folder: Path) -> None:
    face = folder / "autograd" / "__init__.py"
    face.unlink()
    for code in ("import nn", "import runpy; runpy.run_module('autograd', run_name='__main__')"):
        said = imported(folder, code)
        assert said.startswith("ImportError: the __init__.py in ")
        assert "is not stepgrad's any longer: another package called autograd was" in said
        assert "pip install --force-reinstall stepgrad" in said
    face.write_text("")  # of the other package
    assert imported(folder, "import nn").startswith("ImportError: the __init__.py in ")


@pytest.mark.parametrize("room", ["core", "words", "text.py"])
def test_a_missing_room_is_named(folder: Path, room: str) -> None:
    (folder / "autograd" / room).unlink()
    said = imported(folder, "import autograd")
    assert said.startswith(f"ImportError: stepgrad lacks {room} in ")
    assert "in an environment of its own" in said


def test_files_of_the_other_package_are_warned_of(folder: Path) -> None:
    (folder / "autograd" / "tracer.py").touch()
    with pytest.warns(RuntimeWarning, match="HIPS autograd is installed in .* too; uninstalling"):
        installed.check(str(folder / "autograd"))


def test_every_room_is_looked_for() -> None:
    names = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert names == {room for room in installed.ROOMS if not room.endswith(".py")}
