"""The house: rooms on floors, whose imports point down only, and no file in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A file may import what stands below it, and files of its own room. Where two
# rooms share a floor they know nothing of each other.
FLOORS = [
    [
        "autograd.text",
        "autograd.files",
        "autograd.options",
        "autograd.beginning",
        "autograd.installed",
        "autograd.habits",
    ],
    ["autograd.core", "autograd.lines"],
    ["autograd.languages", "autograd.words", "autograd.data"],
    ["autograd.drawing", "autograd.lowering", "autograd.checking", "autograd.core.native.build"],
    ["autograd.stepping"],
    ["autograd.page"],
    ["autograd.views", "autograd.calculus"],
    ["autograd.plots"],
    ["autograd.shell"],
    ["autograd", "autograd.__main__"],
    ["nn"],
    ["demos"],
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in ("autograd", "nn", "demos")
    for path in sorted((ROOT / top).rglob("*.py"))
}


def room(module: str) -> str:
    """The innermost room that a file stands in."""
    while module not in FLOOR:
        module = module.rpartition(".")[0]
    return module


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports, and whether within a function."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            found = [f"{base}.{alias.name}" for alias in node.names]
            found = [name if name in FILES else base for name in found]
        for name in found:
            yield name, id(node) in inner


@pytest.mark.parametrize("module", FILES)
def test_imports_point_down(module: str) -> None:
    for imported, within_a_function in imports(module):
        known = imported in FILES or imported.partition(".")[0] in sys.stdlib_module_names
        assert not (within_a_function and known), f"{module} imports {imported} within a function"
        if imported not in FILES:
            continue
        here, there = room(module), room(imported)
        if here == "autograd" == module:  # the face: its table opens the rooms below it
            continue
        below = FLOOR[there] < FLOOR[here] or there == here
        # Rooms further up take the public names from the face.
        assert below, f"{module} imports {imported}, which does not stand below it"


def test_no_file_stands_in_a_circle() -> None:
    graph = {
        module: {name for name, _ in imports(module)} & FILES.keys() - {module} for module in FILES
    }
    graph["autograd"] = set()  # what it opens late, it asks for by name
    assert len(list(TopologicalSorter(graph).static_order())) == len(FILES)
