"""README and the guides do what they say: their Python sessions and commands give the output that
they show, their table is the operation table, and their links lead somewhere.
"""

from __future__ import annotations

import doctest
import io
import re
import shlex
import sys
from pathlib import Path

import operation_table
import pytest

from autograd.shell.commands import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "demos" / "guides").glob("*.md"))
PAGES = {path.stem: path for path in [README, *GUIDES]}


def text_of(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


def blocks_of(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), flags=re.DOTALL | re.MULTILINE)


def shell_lines() -> list[str]:
    return [line for block in blocks_of("README", "sh") for line in block.splitlines() if line]


class Typed(doctest.OutputChecker):
    """Takes what doctest calls the source of a line for what a session calls it."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        typed = re.sub(r"<doctest \w+\[\d+\]>", "<stdin>", got)
        return super().check_output(want, typed, optionflags)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page, "python")])
def test_python_sessions(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page are one session, and need nothing from another page."""
    monkeypatch.chdir(tmp_path)  # where pictures go
    blocks = blocks_of(page, "python")
    assert all(">>> " in block for block in blocks), "a block that nothing checks"
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, f"{page}.md", 0)
    failures: list[str] = []
    doctest.DocTestRunner(Typed()).run(test, out=failures.append)
    assert not failures, "".join(failures)


def console_commands() -> list[tuple[str, str]]:
    """What is typed in each ``console`` block, and what is shown from there to the next command."""
    blocks = [block for page in PAGES for block in blocks_of(page, "console")]
    found = [
        part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.M)
    ]
    return [(command, shown) for command, _, shown in found if command]


@pytest.mark.parametrize(("command", "shown"), console_commands())
def test_commands_at_the_shell(
    command: str,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    python, module, name, *words = shlex.split(command)
    assert [python, module, name] == ["python", "-m", "autograd"]
    typed = re.findall(r"^\(step\) (.*)$", shown, flags=re.MULTILINE)
    monkeypatch.chdir(tmp_path)  # where pictures go
    monkeypatch.setattr(sys, "argv", ["/somewhere/autograd/__main__.py"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
    main(words)
    assert "".join(capsys.readouterr()) == shown


@pytest.mark.parametrize(
    "command", [line for line in shell_lines() if line.startswith("python -m autograd ")]
)
def test_commands_without_their_output_run(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(shlex.split(command, comments=True)[3:]) == 0
    assert not capsys.readouterr().err


def test_the_table_of_operations_is_up_to_date() -> None:
    page = operation_table.PAGE.read_text(encoding="utf-8")
    assert operation_table.updated(page) == page, "run: python tests/operation_table.py"


def test_the_demos_that_readme_names_exist_with_the_options_it_gives() -> None:
    commands = [line for line in shell_lines() if "demos/" in line]
    assert commands
    for command in commands:
        for part in command.split("&&"):
            words = shlex.split(part, comments=True)
            if words[:1] == ["python"] and words[1].startswith("demos/"):
                source = (ROOT / words[1]).read_text(encoding="utf-8")
                source += (ROOT / "demos" / "options.py").read_text(encoding="utf-8")
                for word in words[2:]:
                    assert not word.startswith("--") or f'"{word}"' in source, command


def anchors_of(path: Path) -> set[str]:
    """What the headings of a page are called in a link, as hosting sites do it."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    titles = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    found = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text_of(page))
    local = [a or b for a, b in found if "://" not in (a or b)]
    assert local
    for target in local:
        name, _, anchor = target.partition("#")
        place = PAGES[page].parent / name if name else PAGES[page]
        assert place.exists(), target
        assert not anchor or anchor in anchors_of(place), target


@pytest.mark.parametrize("guide", [path.stem for path in GUIDES])
def test_a_guide_says_what_it_is_for_and_leads_back(guide: str) -> None:
    title, _, opening = text_of(guide).partition("\n\n")
    assert title.startswith("# ") and "\n" not in title
    assert opening.partition("\n\n")[0].endswith(". [Back to README](../../README.md)")
    assert f"(demos/guides/{guide}.md)" in text_of("README")


def test_readme_is_short() -> None:
    assert len(text_of("README").splitlines()) <= 300


def test_ci_runs_the_test_command_of_readme() -> None:
    [command] = [line for line in shell_lines() if re.fullmatch(r"pip install .*pytest", line)]
    assert command.endswith("python -m pytest")
    assert r"grep -m1 '^pip install .*pytest$' README.md" in (ROOT / ".ci" / "run").read_text()
