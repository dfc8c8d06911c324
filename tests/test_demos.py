"""Every demo runs as a user runs it, in a process of its own, and says what it did.

That process forks from one that has drawn with matplotlib, whose beginning takes the most time.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from forks import Forks

import nn

DEMOS = Path(__file__).parent.parent / "demos"
PNG = b"\x89PNG\r\n\x1a\n"
# The demo, the options that keep it short, the files it names, and what its last line matches.
RUNS = {
    "moons": (
        ["--points", "20", "--epochs", "3"],
        ["boundary.png", "loss.png", "graph.png", "live.html"],
        r"final loss \d+\.\d+, training accuracy \d+\.\d%",
    ),
    "is_it_a_two": (
        ["--train", "40", "--epochs", "1"],
        ["loss.png", "images.png"],
        r"final loss \d+\.\d+, training accuracy \d+\.\d%, test accuracy \d+\.\d%",
    ),
    "digits": (
        ["--epochs", "1"],
        ["curves.png", "confusion.png", "images.png"],
        r"final loss \d+\.\d+, training accuracy \d+\.\d%, test accuracy \d+\.\d%",
    ),
    "classify": (
        ["--epochs", "3"],
        ["curves.png", "confusion.png", "report.txt", "classifier.model"],
        r"test accuracy \d+\.\d% of 67 rows",
    ),
    "derivatives": (
        [],
        ["derivatives.png", "tangent.png"],
        r"f'\(-0\.55\) = -0\.210994; maximum at -1, inflection at 0, minimum at 1",
    ),
    "critical_points": (
        [],
        ["worked_example.png", "surfaces.png"],
        r"minimum at \(-1, -1, -1\), eigenvalues 3\.414, 2\.000, 0\.586",
    ),
    "gradient_descent": (
        [],
        ["sign_or_gradient.png", "step_sizes.png", "contours.png", "four_minima.png", "starts.png"],
        r"step sizes and steps taken: "
        r"0\.05 crawls \(278\), 0\.5 converges \(21\), "
        r"1\.9 oscillates \(135\), 2\.1 diverges \(149\)",
    ),
    "divergences": (
        [],
        ["kl_and_l2.png", "label_smoothing.png", "last_layer.png"],
        r"at y = d the slope of L2 is 0, of KL -1; "
        r"gradient and error differ by at most \de[+-]\d\d",
    ),
    "polls": (
        [],
        ["directions.png"],
        r"fastest increase 0 degrees from the gradient, slope opposite -1",
    ),
    "step_through": (
        [],
        ["steps.txt"],
        r"y = 0\.706419, dKL/dz = y - d to within \de[-+]\d\d",
    ),
    "render_graph": (
        ["--points", "12", "--animate"],
        ["expression.png", "neuron.png", "network.png", "backprop.gif"],
        r"L = -8, y = 0\.706419, Loss\(W\) = \d+\.\d+",
    ),
    "tiny_gpt": (
        ["--steps", "1", "--batch", "1", "--samples", "1"],
        ["losses.txt", "samples.txt"],
        r"loss \d\.\d{4} \(by the frequency of letters alone it would be 2\.7903\); "
        r"1 name made up, [01] new",
    ),
    "from_scalars_to_arrays": (
        [],
        ["neuron.png", "layer.png", "mlp.png"],
        r"neuron 13 nodes, \d+ lines; layer 34 nodes, \d+ lines; mlp 36 nodes, \d+ lines",
    ),
}


# What a demo begins with, and is not ours.
MATPLOTLIB = """
import io
from matplotlib.backends import backend_agg
from matplotlib.figure import Figure
from mpl_toolkits import mplot3d
Figure().text(0, 0, "text and $x_1$").figure.savefig(io.BytesIO())
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Forks]]:
    """Two Pythons with different hashes, and small pictures: nobody looks at the pixels."""
    settings = tmp_path_factory.mktemp("matplotlib") / "matplotlibrc"
    settings.write_text("savefig.dpi: 30\n")
    variables = {**os.environ, "MATPLOTLIBRC": str(settings), "MPLBACKEND": "Agg"}
    both = [Forks(MATPLOTLIB, {**variables, "PYTHONHASHSEED": seed}) for seed in "12"]
    yield both
    for each in both:
        each.close()


@pytest.fixture
def run(forks: list[Forks]) -> Run:
    """Runs a demo; with ``other_hashes=True`` the texts in its sets stand in another order."""

    def run_demo(
        demo: str, *options: str, other_hashes: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return forks[other_hashes].run(DEMOS / f"{demo}.py", *options)

    return run_demo


def test_every_demo_is_run_here() -> None:
    """All but the lecture, cells without a main or options, which test_lecture.py runs."""
    scripts = {path.stem for path in DEMOS.glob("*.py") if "\nif __name__" in path.read_text()}
    assert scripts == set(RUNS)


@pytest.mark.parametrize("demo", RUNS)
def test_a_demo_writes_what_it_names_and_repeats_itself(
    demo: str, tmp_path: Path, run: Run
) -> None:
    """Two runs, in processes with different hashes: the second is quiet, and writes the same."""
    options, files, last_line = RUNS[demo]
    out, again = tmp_path / "new" / "folder", tmp_path / "again"
    done = run(demo, *options, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(last_line, lines[-1]), done.stdout
    for name in files:
        assert f"wrote {out / name}" in lines
        if name.endswith(".png"):
            assert (out / name).read_bytes().startswith(PNG)
    quiet = run(demo, *options, "--out", str(again), "--quiet", other_hashes=True)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    last_lines = quiet.stdout.replace(str(again), str(out)).splitlines()
    assert last_lines[-1] == lines[-1] and len(last_lines) <= len(files) + 1
    assert set(last_lines) <= set(lines)
    written = {path.name for path in out.iterdir()}
    assert written == {path.name for path in again.iterdir()}
    for name in written:
        assert (out / name).read_bytes() == (again / name).read_bytes(), name


@pytest.mark.parametrize("demo", RUNS)
def test_help_names_every_option(demo: str, run: Run) -> None:
    done = run(demo, "--help")
    assert done.returncode == 0
    for option in ("--help", "--seed", "--out", "--quiet"):
        assert option in done.stdout


@pytest.mark.parametrize("demo", RUNS)
def test_a_folder_that_cannot_be_made_is_said_in_a_line(
    demo: str, tmp_path: Path, run: Run
) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    done = run(demo, "--out", str(file / "folder"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(file) in done.stderr.splitlines()[-1]
    assert file.read_text() == "in the way"


def test_another_seed_gives_other_numbers(tmp_path: Path, run: Run) -> None:
    _, _, last_line = RUNS["derivatives"]
    done = run("derivatives", "--out", str(tmp_path), "--seed", "1", "--quiet")
    assert done.returncode == 0 and not re.fullmatch(last_line, done.stdout.splitlines()[-1])


def test_the_guided_session_shows_what_can_be_worked_out(tmp_path: Path, run: Run) -> None:
    run("step_through", "--out", str(tmp_path), "--seed", "1")
    lines = (tmp_path / "steps.txt").read_text().splitlines()
    # z = -3 * 2 + 1 * 0 + 6.88 = 0.88, and dy/dz = 1 - tanh(0.88) ** 2 = 0.500972
    [path] = [line for line in lines if line.startswith("  y -> z -> ") and " -> w1 " in line]
    assert path.endswith("   +0.500972 * +1 * +1 * +2 = +1.00194")
    assert "a      +14     +6" in lines
    assert sum(line.endswith(": right") for line in lines) == 2
    assert max(map(len, lines)) <= 150


def test_a_run_of_digits_that_was_stopped_goes_on_from_its_checkpoint(
    tmp_path: Path, run: Run
) -> None:
    options = ["--out", str(tmp_path), "--checkpoint", str(tmp_path / "run")]
    assert "[1/1] epoch 1 " in run("digits", *options, "--epochs", "1").stderr
    lines = run("digits", *options, "--epochs", "2").stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("[2/2] epoch 2 ")
    refused = run("digits", *options, "--epochs", "2", "--seed", "1")
    assert refused.returncode == 1
    assert re.search(
        r"^digits\.py: checkpoint .* another run: .*seed is 1 and was 0", refused.stderr
    )
    assert refused.stderr.count("\n") == 1


# How a demo ends when it cannot go on.


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DEMOS)
    return importlib.import_module("options")


def test_training_with_nothing_to_show_ends_the_demo(options: ModuleType) -> None:
    with pytest.raises(KeyboardInterrupt):
        options.stop_unless_trained(nn.History(loss=[0.5], reason="interrupted"))
    with pytest.raises(SystemExit, match=r"no epoch was finished \(diverged: nan\)"):
        options.stop_unless_trained(nn.History(reason="diverged: nan"))
    options.stop_unless_trained(nn.History(loss=[0.5], reason="epochs"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--epochs", "0"], "from 1 to 1000000, got '0'"),
        (["--epochs", "many"], "got 'many'"),
        (["--epochs", "1000001"], "got '1000001'"),
        (["--seed", "x"], "--seed: invalid int value: 'x'"),
        (["--colour"], "--colour"),
        (["--out", __file__], "it is not a folder"),
    ],
)
def test_a_bad_command_line_is_said_in_a_line(wrong: list[str], named: str, run: Run) -> None:
    done = run("moons", *wrong)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("moons.py: ") and named in done.stderr


def script(tmp_path: Path, body: str) -> list[str]:
    """A demo that does what the body says, in a folder with a copy of the demos' options."""
    shutil.copy(DEMOS / "options.py", tmp_path)
    lines = "\n    ".join(body.splitlines())
    (tmp_path / "demo.py").write_text(
        "import options, sys, time\nfrom pathlib import Path\n"
        "def ready():\n    print('ready', flush=True)\n    time.sleep(60)\n"
        f"def main():\n    {lines}\noptions.run(main)\n"
    )
    return [sys.executable, str(tmp_path / "demo.py")]


def outcome(command: list[str], **streams: Any) -> tuple[int, str]:
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, **streams)
    return done.returncode, done.stderr


def test_what_goes_wrong_is_a_line_and_a_mistake_is_a_traceback(tmp_path: Path) -> None:
    for body, line in {
        "raise OSError(28, 'No space left', 'out/a.png')": "out/a.png: No space left",
        "raise ImportError('plots need\\n matplotlib')": "plots need matplotlib\n",
        "raise MemoryError": "out of memory",
        "import autograd; raise autograd.RenderError('no picture')": "no picture",
        "sys.exit('nothing to write')": "nothing to write",
    }.items():
        status, err = outcome(script(tmp_path, body))
        assert status == 1
        assert err.startswith(f"demo.py: {line}") and err.count("\n") == 1
    status, err = outcome(script(tmp_path, "raise ValueError('mistake')"))
    assert status == 1
    assert "Traceback" in err and "ValueError: mistake" in err


def test_a_pipe_that_nobody_reads_ends_the_demo_without_a_word(tmp_path: Path) -> None:
    for body in ("print('x' * 10**6)", "print('x')", "sys.exit()"):
        reader, writer = os.pipe()
        os.close(reader)
        status, err = outcome(script(tmp_path, body), stdout=writer)
        os.close(writer)
        assert (status, err) == (0 if "exit" in body else 141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_results_that_cannot_be_printed_are_a_failure(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        status, err = outcome(script(tmp_path, "print('x')"), stdout=full)
    assert (status, err) == (1, "demo.py: standard output: No space left on device\n")


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
out = Path(sys.argv[1])
options.save(lambda path: path.write_text("new"), out / "first.txt")
options.save(lambda path: path.write_text("x" * 5000), out / "second.txt")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit to set")
def test_a_full_disk_leaves_earlier_outputs_and_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("first.txt", "second.txt"):
        (out / name).write_text("earlier")
    # Not measured by coverage.py, whose own file would not fit either.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [*script(tmp_path, LIMITED), str(out)]
    status, err = outcome(command, stdout=subprocess.DEVNULL, env=env)
    assert status == 1
    assert err == f"demo.py: {out / 'second.txt'}: File too large\n"
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "first.txt": "new",
        "second.txt": "earlier",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent in another way there")
def test_ctrl_c_ends_a_demo_with_a_line_and_nothing_half_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "file.txt").write_text("earlier")
    slow = "options.save(lambda path: (path.write_text('half'), ready()), Path(sys.argv[1]))"
    with subprocess.Popen(
        [*script(tmp_path, slow), str(out / "file.txt")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, err) == (130, "demo.py: interrupted\n")
    assert [path.read_text() for path in out.iterdir()] == ["earlier"]
