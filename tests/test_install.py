"""Which core an installation has, which one runs, and what is said about it.

Those that compile are skipped where nothing can; with CORE_TESTS=native, they then fail.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import core
from autograd.core import native
from autograd.shell.commands import main

MODULE = "autograd.core.native.core"


def implementation(name: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{**vars(sys.implementation), "name": name})


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A compiled core stands there, whether there is one or not, and nothing asks for another."""
    module = types.ModuleType(MODULE)
    vars(module).update(FORMULAS="formulas", SOURCE=native.source_sum())
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(sys, "abiflags", "", raising=False)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    monkeypatch.setattr(sys, "implementation", implementation("cpython"))
    monkeypatch.delenv("STEPGRAD_CORE", raising=False)
    return module


@pytest.fixture
def missing(compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """None stands there; this is the file in which setup.py says why."""
    raising(monkeypatch, ModuleNotFoundError(f"No module named {MODULE!r}", name=MODULE))
    monkeypatch.setattr(native, "__file__", str(tmp_path / "__init__.py"))
    return tmp_path / native.REASON


def raising(monkeypatch: pytest.MonkeyPatch, error: ImportError) -> None:
    def import_module(name: str) -> Any:
        assert name == MODULE
        raise error

    monkeypatch.setattr(importlib, "import_module", import_module)


@pytest.mark.parametrize("asked", [None, "", "native"])
def test_the_compiled_core_is_taken_where_there_is_one(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    if asked is not None:
        monkeypatch.setenv("STEPGRAD_CORE", asked)
    assert native.load("formulas") == (compiled, "")


def test_the_environment_asks_for_python(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRAD_CORE", "python")
    assert native.load("formulas") == (None, "STEPGRAD_CORE=python asks for it")


@pytest.mark.parametrize("asked", ["Native", "c", "numpy", "1", " native"])
def test_any_other_word_is_refused(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("STEPGRAD_CORE", asked)
    with pytest.raises(ImportError, match="only 'native' and 'python' name a core") as raised:
        native.load("formulas")
    assert repr(asked) in str(raised.value)


def test_where_there_is_none_python_runs_and_the_compilers_complaint_is_told(
    missing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert native.load("formulas") == (None, "it was not compiled for this Python")
    missing.write_text("command 'gcc' failed:\n  No such file or directory\n", encoding="utf-8")
    why = "it was not compiled when this was installed: "
    why += "command 'gcc' failed: No such file or directory"
    assert native.load("formulas") == (None, why)
    monkeypatch.setenv("STEPGRAD_CORE", "native")
    with pytest.raises(ImportError, match=r"STEPGRAD_CORE=native asks for .* compiled") as raised:
        native.load("formulas")
    assert why in str(raised.value) and "pip install" in str(raised.value)


def test_one_of_another_machine_is_none(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, ImportError("core.so: wrong ELF class", name=MODULE))
    assert native.load("formulas") == (
        None,
        "the compiled core cannot be loaded: core.so: wrong ELF class",
    )


@pytest.mark.parametrize("name", ["FORMULAS", "SOURCE"])
def test_one_of_other_sources_is_none(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    why = "it was compiled from another version of core.c or of the operations; install again"
    monkeypatch.setattr(compiled, name, 1 if name == "SOURCE" else "others")
    assert native.load("formulas") == (None, why)
    monkeypatch.delattr(compiled, name)  # it had none then
    assert native.load("formulas") == (None, why)


def test_where_no_sources_in_c_are_installed_nobody_asks_for_them(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(native, "__file__", str(tmp_path / "__init__.py"))
    assert native.source_sum() == 0
    assert native.load("formulas") == (compiled, "")
    (tmp_path / "core.c").write_text("int x;\n")
    assert native.load("formulas")[0] is None
    monkeypatch.setattr(native, "__file__", str(tmp_path / "in.zip" / "__init__.py"))
    assert native.load("formulas") == (compiled, "")


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("implementation", implementation("pypy"), "is for CPython, and this is pypy"),
        ("_is_gil_enabled", lambda: False, "this Python is free-threaded"),
        ("abiflags", "t", "this Python is free-threaded"),
    ],
)
def test_pythons_that_are_never_given_the_compiled_one(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, other: Any, why: str
) -> None:
    monkeypatch.setattr(sys, name, other)
    found, said = native.load("formulas")
    assert found is None and said.endswith(why)
    monkeypatch.setenv("STEPGRAD_CORE", "native")
    with pytest.raises(ImportError, match=why):
        native.load("formulas")


@pytest.mark.parametrize(
    ("name", "why", "said"),
    [
        ("native", "", "native core"),
        ("python", "it rains", "pure Python core: it rains"),
    ],
)
def test_the_version_says_which_runs(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    why: str,
    said: str,
) -> None:
    monkeypatch.setattr(core, "NAME", name)
    monkeypatch.setattr(core, "WHY", why)
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"stepgrad {autograd.__version__}, {said}\n"


# What setup.py makes.

ROOT = Path(__file__).parent.parent
SOURCES = {path.name for path in (ROOT / "autograd" / "core" / "native").glob("*.[ch]")}
CODE = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])('dist'))"


def can_compile() -> bool:
    """Whether a core can be compiled here for the Python that runs."""
    if os.environ.get("CORE_TESTS") == "native":
        return True
    words = (sysconfig.get_config_var("CC") or "").split()
    return (
        sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and bool(words and shutil.which(words[0]))
        and Path(sysconfig.get_path("include"), "Python.h").exists()
    )


def built(source: Path, kind: str, **environment: str) -> Path:
    """The file that a build of the sources makes, as pip asks for it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, f"build_{kind}"],
        cwd=source,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return source / "dist" / done.stdout.splitlines()[-1]


def beside_python(names: list[str]) -> set[str]:
    """What an archive holds in the room of the native core but its Python."""
    return {Path(name).name for name in names if "/native/" in name and not name.endswith(".py")}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built, in a folder whose name is a nuisance."""
    pytest.importorskip("setuptools", minversion="70.1")
    folder = tmp_path_factory.mktemp("install") / "mein 'Rechner' ü"
    leave = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "why.txt", "data")
    for room in ("autograd", "nn"):
        shutil.copytree(ROOT / room, folder / room, ignore=leave)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def test_a_wheel_is_compiled_or_pure(source: Path, tmp_path: Path) -> None:
    if not can_compile():
        pytest.skip("no C compiler, or no headers of Python")
    # GCC's -ffast-math would have the whole process take small numbers for 0.
    wheel = built(source, "wheel", CFLAGS="-ffast-math")
    assert not wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        compiled = f"core{sysconfig.get_config_var('EXT_SUFFIX')}"
        assert beside_python(archive.namelist()) == {*SOURCES, compiled}
        archive.extractall(tmp_path)
    code = "import autograd.core as c, sys; print(c.NAME, c.__file__, sys.float_info.min / 2)"
    environment = {**os.environ, "STEPGRAD_CORE": "native", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split()[::2] == ["native", repr(2.0**-1023)], done.stderr
    assert str(tmp_path) in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="a script of Unix")
def test_a_wheel_is_pure_where_nothing_compiles_and_says_why(source: Path) -> None:
    # In a folder where something was compiled before, if the test above ran.
    compiler = source / "cc"
    complaint = "core.c:12:10: fatal error: Python.h: No such file or directory"
    compiler.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    compiler.chmod(0o755)
    # Distutils prints the command as well, error-proof flags of a distribution included.
    wheel = built(source, "wheel", CC="./cc", CFLAGS="-Werror=format-security -Wno-error")
    assert wheel.name == f"stepgrad-{autograd.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert beside_python(archive.namelist()) == {*SOURCES, native.REASON}
        why = archive.read(f"autograd/core/native/{native.REASON}").decode()
    assert why == complaint + "\n"


def test_the_source_distribution_holds_what_is_compiled(source: Path) -> None:
    with tarfile.open(built(source, "sdist")) as archive:
        assert beside_python(archive.getnames()) == SOURCES
        top = {Path(name).name for name in archive.getnames() if name.count("/") == 1}
    assert {"setup.py", "setup.cfg", "pyproject.toml"} <= top
