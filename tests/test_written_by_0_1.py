"""Files that version 0.1 has written are read, and its runs gone on with.

The checkpoints were written by ``train(name, path, epochs=3)``, and the model by ``save``, all with
version 0.1. Nothing here may be changed to suit the code of today. (What 0.1 drew where no ``rng``
was given is written out: ``random.Random(0)``.)
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn

WRITTEN = Path(__file__).parent / "written_by_0_1"
# Fractions that no computer rounds in another way, as a checkpoint knows its data by every bit.
X = [[i / 8, (i * i % 7) / 4 - 1] for i in range(12)]

Run = tuple[Callable[[], nn.Module], dict[str, Any]]
RUNS: dict[str, Run] = {
    "adam": (
        lambda: nn.MLP(2, [3, 1], output="sigmoid", rng=random.Random(1)),
        {
            "D": [float(i % 3 == 0) for i in range(12)],
            "optimizer": nn.Adam(0.0625),
            "validation": (X[:3], [1.0, 0.0, 0.0]),
        },
    ),
    "momentum": (
        lambda: nn.Sequential(
            nn.Layer(2, 2, "softplus", rng=random.Random(0)),
            nn.Multiplicative(2, 2, rng=random.Random(0)),
            nn.MLP(2, [3], output="softmax", rng=random.Random(0)),
        ),
        {
            "D": [nn.one_hot(i % 3, 3) for i in range(12)],
            "divergence": nn.divergences.kl,
            "optimizer": nn.SGD(0.125, momentum=0.5, weight_decay=0.25),
            "engine": "python",
        },
    ),
}


def train(name: str, path: Path | None, epochs: int) -> tuple[nn.Module, nn.History]:
    make, options = RUNS[name]
    model = make()
    history = nn.fit(
        model, X, checkpoint=path, epochs=epochs, batch_size=5, seed=5, progress=False, **options
    )
    return model, history


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_0_1_goes_on_as_if_it_had_never_been_interrupted(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "run"
    shutil.copy(WRITTEN / f"{name}.run", path)
    model, history = train(name, path, 6)
    whole, expected = train(name, None, 6)
    for column in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        found = getattr(history, column)
        assert len(found) in (0, 6)
        np.testing.assert_allclose(found, getattr(expected, column), rtol=1e-12)
    np.testing.assert_allclose(
        list(model.state_dict().values()), list(whole.state_dict().values()), rtol=1e-12
    )
    training = json.loads((WRITTEN / f"{name}.run").read_text().splitlines()[2])
    assert history.loss[:3] == training["history"]["loss"]
    assert json.loads(path.read_text().splitlines()[2])["settings"] == training["settings"]


@pytest.mark.parametrize("file", ["adam.model", "adam.run", "momentum.run"])
def test_parameters_of_0_1_are_loaded(file: str) -> None:
    make, _ = RUNS[file.partition(".")[0]]
    model = make()
    model.load(WRITTEN / file)
    written = json.loads((WRITTEN / file).read_text().splitlines()[1])
    assert model.state_dict() == written
    assert written != make().state_dict()
