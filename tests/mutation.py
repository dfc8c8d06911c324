"""Mutation testing: small changes to the engine's code that no test notices, by mutmut.

pip install mutmut
python tests/mutation.py ops sweep functions divergences

Changes the functions of these modules one place at a time in a copy of the source, runs the tests
that reach the changed function, and prints the changes that survive, each to be killed by a test or
explained. The rules in the rows of ``ops.py`` are no functions with a name: test_ops.py makes
each of them wrong by itself.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from planted_faults import copied_tree

# The modules, and the tests that have to notice their changes.
MODULES = {
    "ops": ("autograd/ops.py", "ops edge_cases oracle"),
    "sweep": ("autograd/sweep.py", "sweep edge_cases"),
    "functions": ("autograd/functions.py", "functions edge_cases"),
    "divergences": ("nn/divergences.py", "divergences"),
}
# Tests of size take most of the time and notice nothing that others do not; processes of their own
# do not find what mutmut has put into the source, and tests that list functions find too many.
SKIPPED = " and ".join(
    f"not {word}"
    for word in (
        "million",
        "leave_nothing",
        "every_process",
        "standard_library",
        "no_tool",
        "script",
        "been_tested",
    )
)
CONFIGURATION = """
[tool.mutmut]
source_paths = ["autograd", "nn"]
only_mutate = ["{module}"]
also_copy = ["README.md", "demos"]
pytest_add_cli_args = ["-n", "0", "-k", "{skipped}"]
pytest_add_cli_args_test_selection = [{tests}]
"""


def mutate(name: str, copy: Path) -> None:
    """Run mutmut on one module, and print what survives."""
    module, tests = MODULES[name]
    listed = ", ".join(f'"tests/test_{test}.py"' for test in tests.split())
    project = copy / "pyproject.toml"
    before = project.read_text(encoding="utf-8")
    project.write_text(
        before + CONFIGURATION.format(module=module, tests=listed, skipped=SKIPPED),
        encoding="utf-8",
    )
    mutmut(copy, "run", "--max-children", "1")
    found = re.findall(r"(\S+__mutmut_\d+): (.+)", mutmut(copy, "results", "--all", "true"))
    counts = Counter(status for _, status in found)
    print(f"== {name}: {', '.join(f'{n} {what}' for what, n in counts.most_common())}", flush=True)
    for mutant, status in found:
        if status != "killed":
            print(mutmut(copy, "show", mutant), flush=True)


def mutmut(copy: Path, *arguments: str) -> str:
    """What mutmut prints; it is the one beside this Python."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mutmut")), *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": "", "MPLBACKEND": "Agg"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = done.stdout[-3000:]
        sys.exit(f"mutmut {' '.join(arguments)} ended with {done.returncode}:\n{end}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+", choices=MODULES, metavar="name", help=str([*MODULES]))
    for name in parser.parse_args().names:
        with tempfile.TemporaryDirectory() as folder:
            mutate(name, copied_tree(Path(folder)))


if __name__ == "__main__":
    main()
