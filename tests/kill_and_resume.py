"""Kill a checkpointed training run with SIGKILL, again and again, and see where it ends.

    python tests/kill_and_resume.py 50 --engine numpy --seed 0

A run trains in a process of its own, is killed at a random moment, and is started again until the
given number of kills is reached; then it may finish. After every kill the file must load, and at
the end the parameters must be those of a run that was never killed, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EPOCHS = {"numpy": 800, "python": 120}
TRAINING = """
import random, sys
import nn
path, engine, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3])
X, d = nn.datasets.moons(24, seed=0)
model = nn.MLP(2, [4, 1], rng=random.Random(int.from_bytes(random.randbytes(4), "big")
               if path and __import__("os").path.exists(path) else 0))
print("ready", flush=True)
history = nn.fit(
    model, X, d, divergence=nn.divergences.binary_kl_from_logits, optimizer=nn.Adam(0.01),
    epochs=epochs, batch_size=7, validation=(X[:5], d[:5]), engine=engine, progress=False,
    checkpoint=path or None, every=1,
)
print(*(value.data.hex() for value in model.parameters()))
print(*(loss.hex() for loss in history.loss))
"""


@dataclass
class Report:
    """How it went: the kills, the epochs complete at each, and what was found."""

    kills: int
    epochs: list[int]
    unreadable: int
    same_bits: bool


def start(path: str, engine: str, epochs: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TRAINING, path, engine, str(epochs)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def kill_and_resume(kills: int, seed: int, engine: str, epochs: int) -> Report:
    """Kill a run so often, and compare its end with that of a run that was not killed."""
    rng = random.Random(seed)
    whole = start("", engine, epochs)
    assert whole.stdout is not None and whole.stdout.readline() == "ready\n"
    began = time.perf_counter()
    expected = whole.communicate()[0]
    # So that the kills are spread over the run; with checkpoints it takes a little longer.
    longest = 2.0 * (time.perf_counter() - began) / (kills + 1)
    report = Report(0, [], 0, False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        while report.kills < kills:
            process = start(str(path), engine, epochs)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0.0, longest))
            process.send_signal(signal.SIGKILL)
            if process.communicate()[0]:  # it has come to its end: once more, and faster
                path.unlink()
                longest *= 0.7
                continue
            report.kills += 1
            report.unreadable += not readable(path, report)
        ended = start(str(path), engine, epochs).communicate()[0]
    report.same_bits = ended == f"ready\n{expected}"
    return report


def readable(path: Path, report: Report) -> bool:
    """Whether there is no file yet, or one that loads; its epochs go into the report."""
    import nn
    from nn import persistence

    if not path.exists():
        report.epochs.append(0)
        return True
    try:
        nn.MLP(2, [4, 1]).load(path)
        report.epochs.append(persistence.read_file(path, [persistence.LARGEST] * 2)[1]["epochs"])
    except ValueError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("--engine", choices=sorted(EPOCHS), default="numpy")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    report = kill_and_resume(chosen.kills, chosen.seed, chosen.engine, EPOCHS[chosen.engine])
    print(f"killed {report.kills} times, with these epochs complete: {report.epochs}")
    print(f"{report.unreadable} files could not be read; the final parameters are ", end="")
    print("the same bits" if report.same_bits else "OTHERS")
    sys.exit(0 if report.same_bits and not report.unreadable else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
