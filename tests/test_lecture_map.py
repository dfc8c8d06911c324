"""Every idea of the lecture has its function, its test, and a place where a reader meets it."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from lecture_map import LECTURE, Row

TESTS = Path(__file__).parent
ROOT = TESTS.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def resolve(name: str) -> Any:
    """What a dotted name stands for, importing modules on the way."""
    package, *parts = name.split(".")
    found: Any = importlib.import_module(package)
    path = package
    for part in parts:
        path += f".{part}"
        if not hasattr(found, part):
            importlib.import_module(path)
        found = getattr(found, part)
    return found


def functions_of(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def stands_in(name: str, text: str) -> bool:
    return re.search(rf"\b{name.split('.')[-1]}\b", text) is not None


@pytest.mark.parametrize("row", LECTURE, ids=[row.idea for row in LECTURE])
def test_an_idea_of_the_lecture_is_there(row: Row) -> None:
    assert row.names and row.tests and row.shown
    for name in row.names:
        found = resolve(name)
        assert callable(found), name
        assert found.__doc__, f"{name} has no documentation"
    for test in row.tests:
        file, _, function = test.partition("::")
        if function:
            assert function in functions_of(file), test
        else:
            assert any(name.startswith("test_") for name in functions_of(file)), file
    for place in row.shown:
        text = README if place == "README" else (ROOT / "demos" / place).read_text(encoding="utf-8")
        assert place == "README" or f"demos/{place}" in README, f"README does not name {place}"
        if place == row.shown[0]:
            for name in row.names:
                assert stands_in(name, text), f"{place} does not show {name}"


def test_a_name_that_is_missing_is_missed() -> None:
    """The test above must be able to fail."""
    row = LECTURE[0]
    for broken in (
        row._replace(names=("autograd.antiderivative",)),
        row._replace(tests=("test_calculus.py::test_nothing",)),
        row._replace(shown=("integrals.py",)),
        row._replace(shown=("polls.py",), names=("nn.datasets.digits",)),
    ):
        with pytest.raises((AssertionError, ImportError, FileNotFoundError)):
            test_an_idea_of_the_lecture_is_there(broken)
