"""``demos/classify.py`` with its own settings beside scikit-learn's classifiers with theirs.

    python tests/benchmarks/classifiers.py [SEEDS]

Iris, wine and breast cancer from scikit-learn, and the penguins of the demo, each divided in the
same way for all three; scikit-learn's get inputs that its ``StandardScaler`` has standardized by
the rows to learn from. Prints the accuracy on the rest, averaged over the seeds (10), how far
``classify.py`` is behind the better of the two on average, and how often by more than one row.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

DEMOS = Path(__file__).parents[2] / "demos"
if str(DEMOS) not in sys.path:
    sys.path.insert(0, str(DEMOS))

import classify  # noqa: E402
import tables  # noqa: E402

import nn  # noqa: E402

NAMES = "iris", "wine", "breast_cancer", "penguins"


def file_of(name: str, folder: Path) -> tuple[Path, str]:
    """A data set as a CSV file, and its target."""
    if name == "penguins":
        return classify.PENGUINS, "species"
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    rows = [[*x, data.target_names[c]] for x, c in zip(data.data.tolist(), data.target)]
    with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*data.feature_names, "class"], *rows])
    return folder / f"{name}.csv", "class"


def ours(path: Path, target: str, seed: int, folder: Path) -> float:
    """The accuracy that ``classify.py`` reports; its pictures are left out."""
    said, pictures, arguments = io.StringIO(), classify.pictures, sys.argv
    classify.pictures = lambda *_: None  # type: ignore[assignment]
    sys.argv = [
        "classify.py", str(path), "--target", target, "--drop-missing", "--seed", str(seed),
        "--out", str(folder / "out"), "--quiet",
    ]  # fmt: skip
    try:
        with contextlib.redirect_stdout(said):
            classify.main()
    finally:
        classify.pictures, sys.argv = pictures, arguments
    [share, rows] = re.findall(r"test accuracy (\S+)% of (\d+) rows", said.getvalue())[-1]
    return round(float(share) / 100 * int(rows)) / int(rows)


def theirs(path: Path, target: str, seed: int) -> tuple[float, float, int]:
    """The accuracies of LogisticRegression and MLPClassifier on the same rows, and how many."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    reading, table, _ = tables.reading_of(tables.read_table(path), target, [], [], True)
    X, D = reading.inputs(table), reading.numbers(table)
    X_train, X_test, D_train, D_test = nn.train_test_split(X, D, seed=seed, stratify=D)
    scaler = StandardScaler().fit(X_train)
    found: list[Any] = []
    for model in (LogisticRegression(), MLPClassifier(random_state=seed)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that 200 epochs of MLPClassifier are few
            model.fit(scaler.transform(X_train), D_train)
        found.append(model.score(scaler.transform(X_test), D_test))
    return found[0], found[1], len(D_test)


def compare(name: str, seeds: int) -> tuple[Any, int]:
    """For each seed the accuracies of classify.py, LogisticRegression and MLPClassifier."""
    with tempfile.TemporaryDirectory() as folder:
        path, target = file_of(name, Path(folder))
        rows, size = [], 0
        for seed in range(seeds):
            logistic, mlp, size = theirs(path, target, seed)
            rows.append([ours(path, target, seed, Path(folder)), logistic, mlp])
    return np.array(rows), size


def main() -> None:
    """All data sets, a line for each."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"{'':14} classify.py  LogisticRegression  MLPClassifier  behind the better")
    for name in NAMES:
        table, size = compare(name, seeds)
        mean, best = table.mean(axis=0), table[:, 1:].max(axis=1)
        behind = max(mean[1], mean[2]) - mean[0]
        worse = int((best - table[:, 0] > 1.5 / size).sum())
        print(
            f"{name:14} {mean[0]:10.2%} {mean[1]:18.2%} {mean[2]:15.2%} {behind:+15.2%}"
            f"   by more than one of {size} rows in {worse} of {seeds}",
            flush=True,
        )


if __name__ == "__main__":
    main()
