"""Mutation testing: small changes to the engine's code, each of which some test has to notice.

pip install mutmut==3.8.1                 whose inner functions this script calls
python tests/mutation.py                  all the modules
python tests/mutation.py sweep functions  some of them

mutmut says what to change: every constant, operator, condition, argument and assignment, also in
the rows of ``ops.py``, which belong to no function. One change at a time goes into a copy of the
source, and the tests of its module run on it in a child of this process, which has imported what is
slow to import. A change that no test notices has to be killed by a test, or explained in
``tests/equivalent_mutants.txt``. Needs a system that forks.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis.strategies  # noqa: F401  imported here, once, and not for each change
import libcst
import mpmath  # noqa: F401
import numpy  # noqa: F401
import pytest
import sympy  # noqa: F401
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor
from mutmut.mutation.mutators import mutation_operators, operator_string
from mutmut.mutation.pragma_handling import IgnoredCode
from planted_faults import ROOT, copied_tree

# The modules, and the tests that have to notice their changes, those that are quick first.
TEXTS = "readme.py::test_the_table_of_operations_is_up_to_date"
MODULES = {
    "ops": ("autograd/core/ops.py", f"{TEXTS} edge_cases.py oracle.py functions.py ops.py"),
    "ieee": ("autograd/core/ieee.py", "edge_cases.py value.py oracle.py functions.py ops.py"),
    "sweep": ("autograd/core/sweep.py", "edge_cases.py sweep.py anomaly.py"),
    "functions": ("autograd/core/functions.py", "functions.py edge_cases.py"),
    "divergences": ("nn/divergences.py", "divergences.py edge_cases.py"),
}
# Tests of size take most of the time and notice nothing that others do not.
SKIPPED = "not million and not leave_nothing and not deep_graph"
# Without plugins, nor what pyproject.toml says to them: most of the time goes to starting pytest.
OPTIONS = ["-x", "--tb=no", "--assert=plain", "-o", "addopts=", "-p", "no:cacheprovider"]
VERDICTS = "killed", "explained", "unexplained"
ENVIRONMENT = {
    "MPLBACKEND": "Agg",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "STEPGRAD_CORE": "python",  # the changes are in Python; a compiled core would not see them
}
EXPLAINED = ROOT / "tests" / "equivalent_mutants.txt"
MEMORY = 2 << 30  # bytes that a change may come to use
PATIENCE = 600  # seconds for a change that waits for ever


class Mutant(NamedTuple):
    """One change of a module.

    Attributes:
        code: the module's text with the change.
        line: where it is.
        change: the file, the function or row, and the lines that differ, as the explanations give
            them.
    """

    code: str
    line: int
    change: str


def first_string(node: libcst.BaseString) -> Iterator[libcst.BaseString]:
    """One change of a text: the others change its case alone, and say no more."""
    for changed in operator_string(node):
        yield changed
        return


OPERATORS = [(t, first_string if f is operator_string else f) for t, f in mutation_operators]


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Every change of a module, one statement of it after the other."""
    module = libcst.parse_module(source)
    before, after = "", source
    for statement in module.body:
        text = module.code_for_node(statement)
        after = after.removeprefix(text)
        if "TypeAlias" in text:  # read by mypy alone
            before += text
            continue
        for changed in dict.fromkeys(changes(statement)):
            line, change = difference(text, changed)
            place = f"{file} {name_of(text)}"
            yield Mutant(before + changed + after, before.count("\n") + line, f"{place}\n{change}")
        before += text


def changes(statement: libcst.CSTNode) -> Iterator[str]:
    """The text of a statement with each change; none in annotations, docstrings and overloads."""
    tree = MetadataWrapper(libcst.Module([statement]))
    visitor = MutationVisitor(OPERATORS, IgnoredCode(set(), set(), set()))
    tree.visit(visitor)
    for mutation in visitor.mutations:
        yield tree.module.deep_replace(mutation.original_node, mutation.mutated_node).code


def difference(before: str, after: str) -> tuple[int, str]:
    """The first line that differs, counted from 1, and those that do, without their indentation."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    _, _, at, *differing = lines  # the two lines that head it, and one that says where
    line = int(re.findall(r"\d+", at)[0])
    return line, "\n".join(f"{x[0]} {x[1:].strip()}" for x in differing if x[0] in "-+")


def name_of(statement: str) -> str:
    """What a function, a class or a row is called."""
    found = re.search(r"^(?:def |class )?(\w+)", statement, re.MULTILINE)
    return found[1] if found else ""


def explained() -> dict[str, str]:
    """The changes that no test can notice, and why: one reason may serve several changes."""
    reasons = {}
    for paragraph in EXPLAINED.read_text(encoding="utf-8").split("\n\n"):
        place, *lines = paragraph.splitlines()
        if not place.startswith("#"):
            reason = " ".join(line.strip() for line in lines if line[0] not in "-+")
            for change in re.findall(r"(?:^- .*\n)+(?:^\+ .*\n)*", paragraph, re.MULTILINE):
                reasons[f"{place}\n{change.rstrip()}"] = reason
    return reasons


def outcome(copy: Path, tests: str, seconds: int) -> tuple[bool, float]:
    """Whether a test fails, or they all take more than so many seconds of a processor; and how many
    they took.
    """
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(PATIENCE)
        fails = True
        try:
            fails = run_tests(copy, tests)
        finally:
            os._exit(fails)
    _, status, used = os.wait4(child, 0)
    return status != 0, used.ru_utime + used.ru_stime


def run_tests(copy: Path, tests: str) -> bool:
    """Whether a test fails; what they print is lost. In this process, which is to end then."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ |= ENVIRONMENT | {"PYTHONPATH": str(copy)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    importlib.import_module("nn")  # a change that fails here needs no pytest
    # A file at a time, as most changes fail in the first and the others need not be read.
    return any(pytest.main([*OPTIONS, "-k", SKIPPED, f"tests/test_{x}"]) for x in tests.split())


def run(name: str, copy: Path, reasons: dict[str, str]) -> Counter[str]:
    """Try every change of a module, print those that nothing noticed, and count them all."""
    file, tests = MODULES[name]
    path = copy / file
    source = path.read_text(encoding="utf-8")
    begun = time.monotonic()
    sys.dont_write_bytecode = False
    fails, used = outcome(copy, tests, PATIENCE)
    if fails:
        sys.exit(f"the tests of {file} ({tests}) fail without a change: mend them first")
    sys.dont_write_bytecode = True  # changes within one second would share what is written
    counts: Counter[str] = Counter()
    idle = {change for change in reasons if change.startswith(file)}
    for mutant in mutants(file, source):
        path.write_text(mutant.code, encoding="utf-8")
        fails, _ = outcome(copy, tests, seconds=5 + round(2 * used))
        verdict = "killed" if fails else "explained" if mutant.change in reasons else "unexplained"
        counts[verdict] += 1
        if verdict == "unexplained":
            print(f"line {mutant.line} of {mutant.change}\n", flush=True)
        elif verdict == "explained":
            idle.discard(mutant.change)
    path.write_text(source, encoding="utf-8")
    for change in idle:
        print(f"explained, but killed or no change any more: {change}\n")
    print(f"{name}: {told(counts)}, in {time.monotonic() - begun:.0f} s", flush=True)
    return counts + Counter(idle=len(idle))


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=MODULES, metavar="name", help=str([*MODULES]))
    names = parser.parse_args().names or [*MODULES]
    reasons = explained()
    gc.freeze()  # nor need any child collect what is imported here
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = copied_tree(Path(folder))
        for name in names:
            counts += run(name, copy, reasons)
    print(f"in all: {told(counts)}")
    return 1 if counts["unexplained"] or counts["idle"] else 0


if __name__ == "__main__":
    sys.exit(main())
