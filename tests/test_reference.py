"""The API reference is built, names everything that is public, and shows formulas as they are."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pdoc")
import pdoc.doc
import reference

import autograd
import nn


@pytest.fixture(scope="module")
def pages() -> dict[str, Any]:
    return reference.pages()


def test_each_public_name_is_there_with_what_it_does(pages: dict[str, Any]) -> None:
    for package in (autograd, nn):
        page = pages[package.__name__]
        inner = {name.rpartition(".")[2] for name in pages if name.startswith(f"{page.name}.")}
        assert page.members.keys() | inner == set(package.__all__) | inner
        assert [name for name, member in page.members.items() if not member.docstring] == []


def test_members_of_no_private_base_are_missing_and_none_of_python_s_own_shown(
    pages: dict[str, Any],
) -> None:
    stepper = [member.name for member in pages["stepper"].members["PicturedStepper"].own_members]
    assert {"next", "back", "why", "draw", "save"} <= set(stepper)
    anomaly = pages["autograd"].members["AnomalyError"]
    assert "with_traceback" not in [member.name for member in anomaly.own_members]
    assert anomaly.bases == [("builtins", "ArithmeticError", "ArithmeticError")]
    assert pages["nn"].members["MLP"].bases == [("nn", "Module", "Module")]


@pytest.mark.parametrize(
    ("page", "path", "taken"),
    [
        ("autograd", "relu", "x"),
        ("autograd", "maximum", "x y"),
        ("autograd", "derivative", "f x order"),
        ("autograd", "Op.__init__", "name text partials computed by symbol letters"),
        ("autograd", "Value.__init__", "data label"),
        ("autograd", "Value.maximum", "self y"),
        ("nn", "MLP.__init__", "n_inputs widths activation output rng"),
        ("autograd", "draw", "root rankdir partials groups expand focus depth max_nodes highlight"),
    ],
)
def test_signatures_are_those_that_a_call_has(
    pages: dict[str, Any], page: str, path: str, taken: str
) -> None:
    member = pages[page]
    for name in path.split("."):
        member = member.members[name]
    call = member.signature_without_self if name == "__init__" else member.signature
    assert list(call.parameters)[: len(taken.split())] == taken.split()


def test_pages_are_written_with_formulas_as_they_stand(
    pages: dict[str, Any], tmp_path: Path
) -> None:
    part = {name: pages[name] for name in ("operations", "prompt", "nn.divergences")}
    reference.write(tmp_path, part, search=False)
    start = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name.replace(".", "/")}.html"' in start for name in pages)
    table = unescape((tmp_path / "operations.html").read_text(encoding="utf-8"))
    assert "<code>dz/dx = y * x ** (y - 1)</code>" in table
    assert "at y = 0 the slope in x is 0 for every x, also for 0 ** 0, as in PyTorch" in table
    assert "<td>at x = 0 the slope is 0; at x = nan it is nan, with slope 0</td>" in table
    prompt = unescape((tmp_path / "prompt.html").read_text(encoding="utf-8"))
    assert "<code>break, b [TARGET" in prompt
    divergences = (tmp_path / "nn" / "divergences.html").read_text(encoding="utf-8")
    assert "<em>" not in divergences.partition("<main")[2]


def test_what_markdown_would_take_for_its_own_is_kept_from_it() -> None:
    for text in ("x ** y and w_1 * x_1", "a < b > c", "[0, 1)", "|W|", "# of units"):
        shown = str(pdoc.render.env.filters["to_html"](reference.markdown(text)))
        assert unescape(re.sub(r"<[^>]*>", "", shown)).strip() == text
    assert reference.markdown("``x ** y``\n>>> x ** y") == "``x ** y``\n>>> x ** y"
