"""Every demo runs as a user runs it, in a process of its own, and says what it did."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nn

DEMOS = Path(__file__).parent.parent / "demos"
PNG = b"\x89PNG\r\n\x1a\n"
# The demo, the options that keep it short, the files it names, and what its last line matches.
RUNS = {
    "moons": (
        ["--points", "20", "--epochs", "3"],
        ["boundary.png", "loss.png", "graph.png"],
        r"final loss \d+\.\d+, training accuracy \d+\.\d%",
    ),
    "is_it_a_two": (
        ["--train", "40", "--epochs", "1"],
        ["loss.png", "images.png"],
        r"final loss \d+\.\d+, training accuracy \d+\.\d%, test accuracy \d+\.\d%",
    ),
    "step_through": ([], ["steps.txt"], r"10 steps, y = 0\.706419"),
    "render_graph": ([], ["expression.png", "neuron.png"], r"L = -8, y = 0\.706419"),
}


def run(demo: str, *options: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "MPLBACKEND": "Agg"}
    command = [sys.executable, str(DEMOS / f"{demo}.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_every_demo_is_run_here() -> None:
    scripts = {path.stem for path in DEMOS.glob("*.py") if "__main__" in path.read_text()}
    assert scripts == set(RUNS)


@pytest.mark.parametrize("demo", RUNS)
def test_a_demo_writes_what_it_names_and_repeats_itself(demo: str, tmp_path: Path) -> None:
    options, files, last_line = RUNS[demo]
    outputs = []
    for hash_seed in ("1", "2"):
        out = tmp_path / "new" / "folder"
        done = run(demo, *options, "--out", str(out), hash_seed=hash_seed)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert re.fullmatch(last_line, done.stdout.splitlines()[-1]), done.stdout
        for name in files:
            assert f"wrote {out / name}" in done.stdout
            if name.endswith(".png"):
                assert (out / name).read_bytes().startswith(PNG)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("demo", RUNS)
def test_quiet_prints_the_last_lines_only(demo: str, tmp_path: Path) -> None:
    options, files, last_line = RUNS[demo]
    done = run(demo, *options, "--out", str(tmp_path), "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) <= len(files) + 1
    assert re.fullmatch(last_line, lines[-1])


@pytest.mark.parametrize("demo", RUNS)
def test_help_names_every_option(demo: str) -> None:
    done = run(demo, "--help")
    assert done.returncode == 0
    for option in ("--help", "--seed", "--out", "--quiet"):
        assert option in done.stdout


@pytest.mark.parametrize("demo", RUNS)
def test_a_folder_that_cannot_be_made_is_said_in_a_line(demo: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    done = run(demo, "--out", str(file / "folder"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr.splitlines()[-1]
    assert file.read_text() == "in the way"


def test_another_seed_gives_other_numbers(tmp_path: Path) -> None:
    options, _, _ = RUNS["moons"]
    last = [
        run("moons", *options, "--out", str(tmp_path), "--seed", seed).stdout.splitlines()[-1]
        for seed in ("0", "1")
    ]
    assert last[0] != last[1]


def test_training_that_was_interrupted_at_once_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(DEMOS)
    options = importlib.import_module("options")
    with pytest.raises(SystemExit, match=r"no epoch was finished \(interrupted\)"):
        options.stop_unless_trained(nn.History(reason="interrupted"))
    options.stop_unless_trained(nn.History(loss=[0.5], reason="interrupted"))
