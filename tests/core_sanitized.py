"""The compiled core under AddressSanitizer, UndefinedBehaviorSanitizer or valgrind.

python tests/core_sanitized.py address            the core's tests and random sessions
python tests/core_sanitized.py valgrind 50        the same; so many sessions

Needs gcc with its sanitizers, or valgrind. The core is compiled anew, into a copy of the package
in a folder that is gone afterwards. What Python itself never frees is not looked for, and of what
valgrind reports only what happens in the core counts. The exit status says if anything was found.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = ["-shared", "-fPIC", "-g", "-O1", "-fno-omit-frame-pointer", "-ffp-contract=off", "-Wall"]
FLAGS += ["-Wextra", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
# Those that use the core in every way; the deepest graphs would take valgrind hours.
TESTS = ["value", "sweep", "copying", "edge_cases", "own_operations", "core_sound"]
TOO_LONG = "deep or million or large or fork or process or memory or quick or browser"


def compiled(folder: Path, flags: list[str]) -> None:
    """A copy of the package and its tests, with a core compiled like that."""
    for name in ("autograd", "nn", "tests"):
        passed_over = shutil.ignore_patterns("core.*.so", "__pycache__", "data", "corpus")
        shutil.copytree(ROOT / name, folder / name, ignore=passed_over)
    environment = {**os.environ, "STEPGRAD_CORE": "python", "PYTHONPATH": str(folder)}
    header = subprocess.run(
        [sys.executable, "-c", "from autograd.core.native import build; print(build.operations())"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    (folder / "operations.h").write_text(header.stdout, encoding="utf-8")
    native = folder / "autograd" / "core" / "native"
    module = native / f"core{sysconfig.get_config_var('EXT_SUFFIX')}"
    includes = [f"-I{folder}", f"-I{sysconfig.get_path('include')}"]
    command = ["gcc", *FLAGS, *flags, *includes, str(native / "core.c"), "-o", str(module)]
    subprocess.run(command, check=True)


def library(name: str) -> str:
    """Where gcc has a library of its own."""
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def findings(how: str, commands: list[list[str]]) -> list[str]:
    """What is found while some commands of Python run, each with what it printed."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled(folder, SANITIZERS if how == "address" else ["-DSTEPGRAD_NO_SLABS"])
        environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "STEPGRAD_CORE": "native",
            "PYTHONMALLOC": "malloc",
        }
        before: list[str] = []
        if how == "address":
            environment["LD_PRELOAD"] = f"{library('libasan.so')} {library('libubsan.so')}"
            environment["ASAN_OPTIONS"] = "detect_leaks=0:allocator_may_return_null=1"
            environment["UBSAN_OPTIONS"] = "print_stacktrace=1"
        else:
            # Python's own allocations are left as they are, and its suppressions are not needed.
            before = ["valgrind", "--quiet", "--leak-check=no", "--num-callers=8"]
        for command in commands:
            run = subprocess.run(
                [*before, sys.executable, *command],
                env=environment,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            print(run.stdout[-2000:])
            if run.returncode or (how == "valgrind" and in_the_core(run.stdout)):
                found.append(f"{' '.join(command)}: status {run.returncode}\n{run.stdout}")
    return found


def in_the_core(text: str) -> list[str]:
    """The reports of valgrind that have the core among their frames."""
    reports = re.split(r"\n==\d+== \n", text)
    return [report for report in reports if re.search(r"core\.c:\d+|/native/core\.", report)]


def commands_for(sessions: int) -> list[list[str]]:
    tell = "tests/two_cores.py"
    tests = [f"tests/test_{name}.py" for name in TESTS]
    tests = [test for test in tests if (ROOT / test).exists()]
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-x", "-q", "-W", "ignore"]
    return [
        [tell, "tell", "graphs", "0", str(10 * sessions)],
        [tell, "tell", "sessions", "0", str(sessions)],
        ["-m", "pytest", *options, "-k", f"not ({TOO_LONG})", *tests],
    ]


if __name__ == "__main__":
    sessions = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    found = findings(sys.argv[1], commands_for(sessions))
    print(*found, f"{len(found)} found", sep="\n")
    sys.exit(bool(found))
