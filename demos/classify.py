"""Train a classifier on any CSV file with a header, and use it on others.

    python demos/classify.py                                   # penguins: which species is it?
    python demos/classify.py FILE.csv --target COLUMN --test 0.2 --out out/classify
    python demos/classify.py NEW.csv --predict out/classify/classifier.model --out out/predicted

Columns of numbers are taken as they are, columns of texts become one input for each text, and the
target, numbers or texts, becomes classes. Inputs are standardized by the rows that are learnt from.
An MLP with one hidden layer is trained with the cross entropy of its softmax. Missing values (an
empty cell, NA, NaN, N/A, null, None, ?) are refused with their row and column, or left out.

Writes the curves, the confusion matrix, a report, the model, and for two classes told apart by two
numbers the boundary. The penguins are those of A. Horst, A. Hill and K. Gorman, "palmerpenguins",
2020 (CC0).
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import options
from tables import Reading, Table, TableError, read_table, reading_from, reading_of

import autograd
import nn
from autograd.lines import align
from autograd.text import counted
from nn import plots

PENGUINS = Path(__file__).parent / "penguins.csv"
FORMAT = "demos/classify.py 1"  # what a model file says that it is
LARGE = 2000  # rows beyond which an epoch is many updates
BATCH = 200


def train(model: nn.Module, training: Any, test: Any, chosen: argparse.Namespace) -> nn.History:
    """Minimise the cross entropy, with a penalty that is small beside many rows."""
    X, D = training
    rows = len(X)
    return nn.fit(
        model,
        X,
        D,
        divergence=nn.divergences.cross_entropy_from_logits,
        optimizer=nn.Adam(0.05, schedule="cosine"),
        epochs=chosen.epochs,
        batch_size=BATCH if rows > LARGE else None,
        validation=test,
        class_weight="balanced" if chosen.balanced else None,
        l2=1.0 / rows,
        seed=chosen.seed,
        progress=not chosen.quiet,
    )


def report(reading: Reading, table: Table, left_out: list[str], parts: Any, counts: Any) -> str:
    """What was learnt from, and how often each class of the test was right."""
    D_train, D_test, right = parts
    sizes = Counter(D_test)
    total = sum(map(sum, counts))
    common = max(range(len(counts)), key=lambda c: Counter(D_train)[c])
    rows = [("class", "precision", "recall", "F1", "rows")]
    for c, name in enumerate(reading.classes):
        found, there = sum(row[c] for row in counts), sum(counts[c])
        precision = counts[c][c] / found if found else 0.0
        recall = counts[c][c] / there if there else 0.0
        f1 = 2.0 * counts[c][c] / (found + there) if found + there else 0.0
        rows.append((name, f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}", f"{there}"))
    columns = [
        f"  {c.name}" + (f": {', '.join(c.texts)}" if c.texts else "") for c in reading.columns
    ]
    return "\n".join(
        [
            f"{table.path}: {counted(len(table.rows), 'row')}, {len(D_train)} to learn from and "
            f"{len(D_test)} to test on",
            f"target {reading.target}, {len(reading.classes)} classes; columns, with their texts:",
            *columns,
            *[f"left out, as it counts the rows: {name}" for name in left_out],
            "",
            f"test accuracy {right:.1%}; always {reading.classes[common]}: "
            f"{sizes[common] / total:.1%}",
            "",
            *align(rows),
            "",
        ]
    )


def pictures(
    model: nn.Module, reading: Reading, scaler: nn.Standardizer, data: Any, counts: Any, out: Path,
    history: nn.History,
) -> None:  # fmt: skip
    """The curves, the confusion matrix, and the boundary where there is one to draw."""
    options.save(history.plot().savefig, out / "curves.png")
    matrix = plots.plot_confusion_matrix(counts, names=reading.classes)
    options.save(matrix.savefig, out / "confusion.png")
    numbers = [column.name for column in reading.columns if not column.texts]
    if len(reading.classes) == len(reading.columns) == len(numbers) == 2:

        def margin(x: Any) -> Any:
            z = model([(x_i - m) / s for x_i, m, s in zip(x, scaler.mean, scaler.scale)])
            return z[1] - z[0]

        X, D = data
        figure = plots.plot_decision_boundary(margin, X, D, threshold=0.0)
        axes = figure.axes[0]
        axes.set_xlabel(numbers[0], parse_math=False)
        axes.set_ylabel(numbers[1], parse_math=False)
        legend = axes.get_legend()
        assert legend is not None
        for text, name in zip(legend.get_texts()[-2:], reading.classes):
            text.set_parse_math(False)
            text.set_text(name)
        options.save(figure.savefig, out / "boundary.png")


def learn(chosen: argparse.Namespace) -> None:
    """Train on a part of the table, test on the rest, and write what came of it."""
    reading, table, left_out = reading_of(
        read_table(chosen.table), chosen.target, chosen.ignore, chosen.text, chosen.drop_missing
    )
    X, D = reading.inputs(table), reading.numbers(table)
    try:
        X_train, X_test, D_train, D_test = nn.train_test_split(
            X, D, test=chosen.test, seed=chosen.seed, stratify=D
        )
    except ValueError as error:
        raise TableError(f"{chosen.table}: {error}") from None
    scaler = nn.standardize(X_train)
    training, test = (scaler(X_train), D_train), (scaler(X_test), D_test)
    widths = [*([chosen.hidden] if chosen.hidden else []), len(reading.classes)]
    model = nn.MLP(len(X[0]), widths, rng=random.Random(chosen.seed))
    history = train(model, training, test, chosen)
    options.stop_unless_trained(history)

    logits = nn.predict(model, test[0])
    D_rows = [nn.one_hot(d, len(reading.classes)) for d in D_test]
    right, counts = nn.accuracy(logits, D_rows), nn.confusion_matrix(logits, D_rows)
    text = report(reading, table, left_out, (D_train, D_test, right), counts)
    pictures(model, reading, scaler, (X, D), counts, chosen.out, history)
    options.save(lambda path: path.write_text(text, encoding="utf-8"), chosen.out / "report.txt")
    about = {"format": FORMAT, "widths": widths, **reading.as_dict()}
    about |= {"mean": scaler.mean, "scale": scaler.scale}
    model.save(chosen.out / "classifier.model", about=about)
    options.wrote(chosen.out / "classifier.model")
    if not chosen.quiet:
        print(f"\n{text}")
    print(f"test accuracy {right:.1%} of {counted(len(D_test), 'row')}")


def load(path: Path) -> tuple[nn.Module, Reading, nn.Standardizer]:
    """A classifier that ``learn`` has written."""
    about = nn.read_about(path)
    try:
        if about["format"] != FORMAT:
            raise KeyError(FORMAT)
        reading, scaler = reading_from(about), nn.Standardizer(about["mean"], about["scale"])
        model = nn.MLP(len(scaler.mean), about["widths"])
        model.load(path)
    except (KeyError, TypeError):
        raise TableError(f"{path} holds no classifier that this program has written") from None
    return model, reading, scaler


def predict(chosen: argparse.Namespace) -> None:
    """Write the table with two more columns, the class that is found and its probability."""
    model, reading, scaler = load(chosen.predict)
    table = read_table(chosen.table)
    names = [column.name for column in reading.columns if column.name in table.names]
    table = table.without_missing(names, chosen.drop_missing)
    logits = nn.predict(model, scaler(reading.inputs(table)))
    rows = []
    for cells, z in zip(table.rows, logits):
        y = autograd.softmax(z)
        best = max(range(len(y)), key=y.__getitem__)
        rows.append([*cells, reading.classes[best], f"{y[best]:.6f}"])

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([[*table.names, "predicted", "probability"], *rows])

    options.save(write, chosen.out / "predictions.csv")
    known = ""
    if reading.target in table.names and not any(
        cell == "" for cell in table.column(reading.target)
    ):
        D = [nn.one_hot(d, len(reading.classes)) for d in reading.numbers(table)]
        known = f", accuracy {nn.accuracy(logits, D):.1%}"
    print(f"predicted {counted(len(rows), 'row')}{known}")


def arguments() -> argparse.Namespace:
    """What was asked for; without a file, the penguins."""
    parser = options.parser(__doc__, out="out/classify")
    parser.add_argument("table", type=Path, nargs="?", help="CSV file with a header")
    parser.add_argument("--target", help="column with the classes")
    parser.add_argument("--test", type=float, default=0.2, help="share of rows to test on")
    parser.add_argument("--drop-missing", action="store_true", help="leave out such rows")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="COLUMN", help="leave a column out"
    )
    parser.add_argument(
        "--text", action="append", default=[], metavar="COLUMN", help="numbers that are names"
    )
    parser.add_argument("--hidden", type=int, default=16, help="units between; 0 for none")
    parser.add_argument("--epochs", type=options.count, default=100, help="passes over the data")
    parser.add_argument("--balanced", action="store_true", help="weigh rare classes more")
    parser.add_argument("--predict", type=Path, metavar="MODEL", help="use a model on the file")
    chosen = options.parse(parser)
    if not 0 <= chosen.hidden <= options.MOST or not 0.0 < chosen.test < 1.0:
        parser.error("--hidden counts units, and --test is a share between 0 and 1")
    if chosen.table is None:
        chosen.table, chosen.drop_missing = PENGUINS, True
        chosen.target = chosen.target or "species"
    elif chosen.target is None and chosen.predict is None:
        parser.error("--target COLUMN says which column holds the classes")
    return chosen


def main() -> None:
    """Learn, or predict."""
    chosen = arguments()
    try:
        (learn if chosen.predict is None else predict)(chosen)
    except TableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    options.run(main)
