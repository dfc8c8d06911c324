"""Which core an installation has, which one runs, and what is said about it."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import core
from autograd.core import native
from autograd.shell.commands import main

MODULE = "autograd.core.native.core"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A compiled core stands there, whether there is one or not, and nothing asks for another."""
    module = types.ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(sys, "abiflags", "", raising=False)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: True, raising=False)
    monkeypatch.setattr(sys, "implementation", types.SimpleNamespace(name="cpython"))
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
    assert native.load() == (compiled, "")


def test_the_environment_asks_for_python(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPGRAD_CORE", "python")
    assert native.load() == (None, "STEPGRAD_CORE=python asks for it")


@pytest.mark.parametrize("asked", ["Native", "c", "numpy", "1", " native"])
def test_any_other_word_is_refused(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("STEPGRAD_CORE", asked)
    with pytest.raises(ImportError, match="only 'native' and 'python' name a core") as raised:
        native.load()
    assert repr(asked) in str(raised.value)


def test_where_there_is_none_python_runs_and_the_compilers_complaint_is_told(
    missing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert native.load() == (None, "it was not compiled for this Python")
    missing.write_text("command 'gcc' failed:\n  No such file or directory\n", encoding="utf-8")
    why = "it was not compiled when this was installed: "
    why += "command 'gcc' failed: No such file or directory"
    assert native.load() == (None, why)
    monkeypatch.setenv("STEPGRAD_CORE", "native")
    with pytest.raises(ImportError, match=r"STEPGRAD_CORE=native asks for .* compiled") as raised:
        native.load()
    assert why in str(raised.value) and "pip install" in str(raised.value)


def test_one_of_another_machine_is_none(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, ImportError("core.so: wrong ELF class", name=MODULE))
    assert native.load() == (None, "the compiled core cannot be loaded: core.so: wrong ELF class")


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("implementation", types.SimpleNamespace(name="pypy"), "is for CPython, and this is pypy"),
        ("_is_gil_enabled", lambda: False, "this Python is free-threaded"),
        ("abiflags", "t", "this Python is free-threaded"),
    ],
)
def test_pythons_that_are_never_given_the_compiled_one(
    compiled: types.ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, other: Any, why: str
) -> None:
    monkeypatch.setattr(sys, name, other)
    found, said = native.load()
    assert found is None and said.endswith(why)
    monkeypatch.setenv("STEPGRAD_CORE", "native")
    with pytest.raises(ImportError, match=why):
        native.load()


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
