"""Mutation testing: every small change to the engine's code that no test notices, by cosmic-ray.

pip install cosmic-ray
python tests/mutation.py sweep ops functions divergences    (hours; each takes its own time)

Changes the modules one place at a time in a copy of the source, runs their tests, and prints the
changes that survive, each to be killed by a test or explained. Left out are changes that cannot
mean anything here: of ``|``, which is there in annotations only, and to operators on bits.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from planted_faults import copied_tree

LIMIT = 120.0  # seconds; a change that makes the tests run for ever is noticed


class Subject(NamedTuple):
    """A module, and the tests that have to notice its changes, the quickest first."""

    module: str
    tests: str


SUBJECTS = {
    "ops": Subject("autograd/ops.py", "functions edge_cases ops sweep"),
    "sweep": Subject("autograd/sweep.py", "sweep edge_cases"),
    "functions": Subject("autograd/functions.py", "functions edge_cases"),
    "divergences": Subject("nn/divergences.py", "divergences edge_cases"),
}

CONFIGURATION = """\
[cosmic-ray]
module-path = "{module}"
timeout = {limit}
excluded-modules = []
test-command = "{python} -B -m pytest -n 0 -x --tb=no {tests}"

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [
    "core/ReplaceBinaryOperator_BitOr_.*",
    "core/ReplaceBinaryOperator_.*_(RShift|LShift|BitOr|BitAnd|BitXor|Mod|FloorDiv)",
    "core/ReplaceUnaryOperator_.*_(Invert|Not)",
]
"""


def survivors(name: str, copy: Path) -> str:
    """Cosmic-ray's report on one module: the changes that survive as diffs, and their share."""
    subject = SUBJECTS[name]
    configuration, session = copy / f"{name}.toml", str(copy / f"{name}.sqlite")
    tests = " ".join(f"tests/test_{test}.py" for test in subject.tests.split())
    configuration.write_text(
        CONFIGURATION.format(
            module=subject.module, limit=LIMIT, python=sys.executable, tests=tests
        ),
        encoding="utf-8",
    )

    def run(program: str, *arguments: str) -> str:
        beside = Path(sys.executable).with_name(program)
        return subprocess.run(
            [str(beside), *arguments],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy), "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    run("cosmic-ray", "init", str(configuration), session)
    run("cosmic-ray", "baseline", str(configuration))
    run("cr-filter-operators", session, str(configuration))
    run("cosmic-ray", "exec", str(configuration), session)
    return run("cr-report", "--surviving-only", "--show-diff", session)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+", choices=SUBJECTS, metavar="name", help=str([*SUBJECTS]))
    for name in parser.parse_args().names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"== {name}\n{survivors(name, copied_tree(Path(folder)))}", flush=True)
            except subprocess.CalledProcessError as error:
                sys.exit(f"{error}\n{error.stdout}{error.stderr}")


if __name__ == "__main__":
    main()
