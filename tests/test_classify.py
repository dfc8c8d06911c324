"""``demos/classify.py`` and the tables it reads: what is taken, what is refused, and how well."""

from __future__ import annotations

import csv
import importlib
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import nn

ROOT = Path(__file__).parents[1]
DEMOS = ROOT / "demos"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DEMOS)
    return importlib.import_module("tables")


@pytest.fixture
def classify(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DEMOS)
    return importlib.import_module("classify")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(tables: ModuleType, path: Path, target: str = "y", **options: Any) -> Any:
    taken: dict[str, Any] = {"ignored": [], "as_text": [], "drop": False, **options}
    return tables.reading_of(tables.read_table(path), target, **taken)


LITTLE = "a,colour,y\n1,red,no\n2.5,blue,yes\n-3e1,red,yes\n.5,green,no\n"


def test_numbers_texts_and_classes(tables: ModuleType, tmp_path: Path) -> None:
    for text in (LITTLE, "\ufeff" + LITTLE, LITTLE.replace(",", ";"), LITTLE.replace(",", " ,  "),
                 LITTLE.replace(",", "\t").replace("\n", "\r\n\r\n")):  # fmt: skip
        reading, table, _ = read(tables, write(tmp_path / "t.csv", text))
        # One place for each colour in sorted order: blue, green, red.
        assert reading.inputs(table) == [
            [1.0, 0.0, 0.0, 1.0],
            [2.5, 1.0, 0.0, 0.0],
            [-30.0, 0.0, 0.0, 1.0],
            [0.5, 0.0, 1.0, 0.0],
        ]
        assert reading.classes == ["no", "yes"] and reading.numbers(table) == [0, 1, 1, 0]
        assert tables.reading_from(reading.as_dict()) == reading
        assert [*tables.columns_of(reading)] == ["a", "colour=blue", "colour=green", "colour=red"]


def test_numbers_are_classes_in_their_order(tables: ModuleType, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "x,y\n1,10\n2,2\n3,2.0\n5,10\n5,-1\n5,-1.0\n")
    reading, table, _ = read(tables, path)
    assert reading.classes == ["-1", "2", "10"] and reading.numbers(table) == [2, 1, 1, 2, 0, 0]


def test_columns_that_count_rows_are_left_out_and_others_on_demand(
    tables: ModuleType, tmp_path: Path
) -> None:
    rows = "".join(f"{i},{7 + i},{i * i},{10 + i % 2},{'ab'[i % 2]}\n" for i in range(12))
    path = write(tmp_path / "t.csv", ",id,x,zip,y\n" + rows)
    reading, _, left_out = read(tables, path, ignored=["x"], as_text=["zip"])
    assert left_out == ["column 1", "id"]
    assert [(c.name, c.texts) for c in reading.columns] == [("zip", ["10", "11"])]


def test_missing_values_are_refused_by_row_and_column_or_dropped(
    tables: ModuleType, tmp_path: Path
) -> None:
    text = "x,z,y\n1,5,a\n2,NA,b\n3,,a\n?,6,b\n7,7,a\n8,8,b\n9,9,b\n"
    path = write(tmp_path / "t.csv", text)
    said = (
        r"row 2 \(line 3\) has no value in column 'z'; 3 of 7 rows lack one, in 'z' \(2\), "
        r"'x' \(1\): --drop-missing"
    )
    with pytest.raises(tables.TableError, match=said):
        read(tables, path)
    reading, table, _ = read(tables, path, drop=True)
    assert reading.inputs(table) == [[1.0, 5.0], [7.0, 7.0], [8.0, 8.0], [9.0, 9.0]]
    assert reading.numbers(table) == [0, 0, 1, 1]
    reading, table, _ = read(tables, path, drop=True, ignored=["z"])
    assert len(table.rows) == 6 and table.places[3] == "row 5 (line 6)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows below a header"),
        ("a,y\n", "has no rows below a header"),
        ("1,2\n3,4\n", "has no header: its first line is the numbers 1, 2"),
        ("a,a,y\n1,2,3\n", "two columns called 'a'; rename one"),
        ("a,y\n1,p\n1,5,q\n", r"line 3 has 3 cells and the header 2, divided by ','.*in quotes"),
        ("a,b\n1,2\n", "has no column 'y'; it has a, b"),
        ("y\np\nq\n", "no column is left to tell 'y' by"),
        ("a,y\n1,p\n5,p\n", "holds only 'p', so there is nothing to tell apart"),
        ("a,y\n1,p\n5,p\n2,q\n", "class 'q' of column 'y' has a single row"),
        ("a;y\n1,5;p\n2;p\n3;q\n4;q\n", r"row 1 \(line 2\) has '1,5' in column 'a', where 3 of 4"),
        (
            "a;y\n" + "".join(f"{i % 3},{i % 2};{'pq'[i % 2]}\n" for i in range(40)),
            r"row 1 \(line 2\) has '0,0' in column 'a', as 40 of 40 rows have: write numbers with",
        ),
        ("a,y\n" + "".join(f"${i % 3},{'pq'[i % 2]}\n" for i in range(40)), r"has '\$0' in column"),
        ("a,y\n1_0,p\n2,p\n3,q\n4,q\n", r"row 1 \(line 2\) has '1_0'"),
        ("a,y\n1,p\ninf,p\n3,q\n4,q\n", r"row 2 \(line 3\) has 'inf'"),
        ("a,y\n1,p\n1e999,p\n3,q\n4,q\n", r"row 2 \(line 3\) has '1e999'.*beyond floats"),
        ("a,y\n" + "".join(f"n{i},{'pq'[i % 2]}\n" for i in range(12)), "'a' has nearly as many"),
        ("a,y\n" + "".join(f"{i % 3},{i}.5\n" for i in range(30)), "30 different numbers in 30"),
        ("a,y\n" + "".join(f"{i % 3},n{i}\n" for i in range(30)), "30 different texts in 30"),
        ("a,y\nNA,p\n1,\n", "no row has a value in every column"),
    ],
)
def test_what_cannot_be_learnt_from(
    tables: ModuleType, tmp_path: Path, text: str, said: str
) -> None:
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(tables.TableError, match=said):
        read(tables, path, drop=True)


def test_another_encoding_is_refused(tables: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("größe,y\n1,a\n".encode("latin-1"))
    with pytest.raises(tables.TableError, match="is not UTF-8"):
        tables.read_table(tmp_path / "t.csv")


def run(classify: ModuleType, monkeypatch: pytest.MonkeyPatch, *options: object) -> None:
    monkeypatch.setattr(sys, "argv", ["classify.py", *map(str, options), "--quiet"])
    classify.main()


def test_a_model_predicts_other_files(
    classify: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    generator = random.Random(1)
    rows = []
    for _ in range(60):
        x, colour = generator.gauss(0.0, 100.0), generator.choice("rgb")
        rows.append([f"{x:.2f}", colour, "up" if x + 100.0 * (colour == "r") > 0 else "down"])
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["x", "colour", "y"], *rows])
    monkeypatch.setattr(classify, "pictures", lambda *_: None)
    run(classify, monkeypatch, tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "o")
    report = (tmp_path / "o" / "report.txt").read_text()
    assert "60 rows, 48 to learn from and 12 to test on" in report and "colour: b, g, r" in report
    model = tmp_path / "o" / "classifier.model"
    capsys.readouterr()

    new = write(tmp_path / "n.csv", "more,colour,x\n1,r,500\n2,b,-500\n3,g,600\n")
    run(classify, monkeypatch, new, "--predict", model, "--out", tmp_path / "p")
    with open(tmp_path / "p" / "predictions.csv", newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["more", "colour", "x", "predicted", "probability"]
    assert [row[3] for row in found[1:]] == ["up", "down", "up"]
    assert all(0.5 < float(row[4]) <= 1.0 for row in found[1:])
    assert capsys.readouterr().out.endswith("predicted 3 rows\n")
    run(classify, monkeypatch, tmp_path / "t.csv", "--predict", model, "--out", tmp_path / "p")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("predicted 60 rows, accuracy 9")

    for text, said in (
        ("colour,x\nr,500\nk,-500\n", r"row 2 \(line 3\) has 'k' in column 'colour', where it had"),
        ("colour,x\nr,much\n", r"row 1 \(line 2\) has 'much' in column 'x', where it had a number"),
        ("x\n5\n", r"has no column 'colour'; it has x"),
        ("colour,x\nr,\n", r"row 1 \(line 2\) has no value in column 'x'"),
        ("colour,x,y\nr,5,left\n", r"has 'left' in column 'y', which is no class of this model"),
    ):
        new = write(tmp_path / "n.csv", text)
        with pytest.raises(SystemExit, match=said):
            run(classify, monkeypatch, new, "--predict", model, "--out", tmp_path / "p")
    nn.MLP(1, [1]).save(tmp_path / "other")
    with pytest.raises(SystemExit, match="holds no classifier that this program has written"):
        run(classify, monkeypatch, new, "--predict", tmp_path / "other", "--out", tmp_path / "p")


def test_a_file_needs_a_target(
    classify: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for options, said in (
        ([], "--target COLUMN says which column holds the classes"),
        (["--target", "y", "--test", "1.5"], "--test is a share between 0 and 1"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(classify, monkeypatch, tmp_path / "t.csv", *options, "--out", tmp_path)
        assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "penguins"])
def test_it_is_as_good_as_scikit_learn(
    name: str, classify: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    accuracies, _ = importlib.import_module("classifiers").compare(name, seeds=2)
    ours, logistic, mlp = accuracies.mean(axis=0)
    assert ours >= max(logistic, mlp) - 0.02
