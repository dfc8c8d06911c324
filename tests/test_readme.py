"""README does what it says: its Python sessions give the output that they show, its table is the
operation table, and its commands are the ones that are checked.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import operation_table
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def shell_lines() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Typed(doctest.OutputChecker):
    """Takes what doctest calls the source of a line for what a session calls it."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        typed = re.sub(r"<doctest README\[\d+\]>", "<stdin>", got)
        return super().check_output(want, typed, optionflags)


def test_python_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where pictures go
    blocks = python_blocks()
    assert len(blocks) >= 5
    assert all(">>> " in block for block in blocks), "a block that nothing checks"
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README", "README.md", 0)
    failures: list[str] = []
    doctest.DocTestRunner(Typed()).run(test, out=failures.append)
    assert not failures, "".join(failures)


def console_commands() -> list[tuple[str, str]]:
    """What is typed in each ``console`` block, and what is shown from there to the next command."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    found = [
        part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.M)
    ]
    return [(command, shown) for command, _, shown in found if command]


@pytest.mark.parametrize(("command", "shown"), console_commands())
def test_commands_at_the_shell(command: str, shown: str, tmp_path: Path) -> None:
    words = shlex.split(command)
    assert words[0] == "python"
    typed = re.findall(r"^\(step\) (.*)$", shown, flags=re.MULTILINE)
    done = subprocess.run(
        [sys.executable, *words[1:]],
        input="".join(f"{line}\n" for line in typed),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        cwd=tmp_path,  # where pictures go
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == shown


def test_the_table_of_operations_is_up_to_date() -> None:
    assert operation_table.updated(README) == README, "run: python tests/operation_table.py"


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


def test_the_files_that_readme_links_to_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", README)
    local = [a or b for a, b in targets if "://" not in (a or b)]
    assert local
    for target in local:
        assert (ROOT / target).exists(), target


def test_ci_runs_the_test_command_of_readme() -> None:
    [command] = [line for line in shell_lines() if re.fullmatch(r"pip install .*pytest", line)]
    assert command.endswith("python -m pytest")
    assert r"grep -m1 '^pip install .*pytest$' README.md" in (ROOT / ".ci" / "run").read_text()
