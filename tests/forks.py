"""Runs Python programs in processes that have behind them what takes most of a short run.

A ``Forks`` is a Python that has run some lines, such as imports, and then waits for command lines.
Each is run by a fork of it, which ends as any Python does: by its last line, an exit status or a
traceback. Windows has no forks; there each is a process from the beginning.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PARENT = """
import json, os, runpy, sys
exec(sys.argv[1], {})
for line in sys.stdin:
    command, streams = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
for number, path in enumerate(streams, start=1):
    os.dup2(os.open(path, os.O_WRONLY), number)
sys.argv[:], sys.path[0] = command, os.path.dirname(command[0])
runpy.run_path(command[0], run_name="__main__")
"""


class Forks:
    """One Python with its forks, which the caller closes.

    Args:
        beforehand: the lines that it runs once.
        environment: of all its processes.
    """

    def __init__(self, beforehand: str, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._parent = None
        if hasattr(os, "fork"):
            self._parent = subprocess.Popen(
                [sys.executable, "-c", PARENT, beforehand],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment,
            )

    def run(self, script: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        command = [str(script), *options]
        if self._parent is None:
            return subprocess.run(
                [sys.executable, *command], capture_output=True, text=True, env=self._environment
            )
        with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
            assert self._parent.stdin and self._parent.stdout
            print(json.dumps([command, [out.name, err.name]]), file=self._parent.stdin, flush=True)
            status = int(self._parent.stdout.readline())
            return subprocess.CompletedProcess(command, status, out.read(), err.read())

    def close(self) -> None:
        if self._parent is not None:
            with self._parent:
                assert self._parent.stdin
                self._parent.stdin.close()
