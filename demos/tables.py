"""CSV files as numbers: what ``classify.py`` reads, and how its columns become inputs and classes.

A file with a header goes in. Columns of numbers stay numbers, a column of texts becomes one column
for each text (one-hot), and whatever cannot be right is refused with its row and column.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograd.text import counted, escape, shortened

DELIMITERS = ",;\t|"
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "?"))  # in any case
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# With a decimal comma, thousands apart, or a unit of money or per cent.
_OTHERWISE = re.compile(r"[+-]?[$€£]?\s*[+-]?[\d.,' ]*\d\s*[%$€£]?", re.ASCII)
_MOST = 100  # texts of a column, and classes, that are not taken for names of rows
_MOST_NUMBERS = 20  # different numbers that are taken for classes


class TableError(ValueError):
    """A file that cannot be used as it is; the message says what to do."""


@dataclass(frozen=True)
class Table:
    """The cells of a file as texts without space around them.

    Attributes:
        path: of the file.
        names: of the columns.
        rows: their cells.
        places: how messages call each row, such as ``row 5 (line 6)``.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    places: list[str]

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        j = self.names.index(name)
        return [row[j] for row in self.rows]

    def without_missing(self, names: Iterable[str], drop: bool) -> Table:
        """The same table, known to have a value everywhere in some columns.

        Args:
            names: of the columns that are used.
            drop: leave out rows that lack one, and do not refuse them.

        Raises:
            TableError: if one is missing, or no row is left.
        """
        used = [self.names.index(name) for name in names]
        missing = [
            (i, j) for i, row in enumerate(self.rows) for j in used if row[j].lower() in MISSING
        ]
        lacking = {i for i, _ in missing}
        if missing and not drop:
            i, j = missing[0]
            columns = Counter(shown(self.names[j]) for _, j in missing)
            listed = ", ".join(f"{name} ({count})" for name, count in columns.most_common(5))
            raise TableError(
                f"{self.path}: {self.places[i]} has no value in column {shown(self.names[j])}; "
                f"{len(lacking)} of {counted(len(self.rows), 'row')} lack one, in {listed}: "
                f"--drop-missing leaves such rows out, and --ignore COLUMN a column"
            )
        kept = [i for i in range(len(self.rows)) if i not in lacking]
        if not kept:
            raise TableError(f"{self.path}: no row has a value in every column")
        return Table(
            self.path, self.names, [self.rows[i] for i in kept], [self.places[i] for i in kept]
        )


def read_table(path: Path) -> Table:
    """Read a CSV file with a header, whose cells are divided by comma, semicolon, tab or bar.

    Raises:
        TableError: if it has no header or no rows, two columns of one name, or a row with another
            number of cells; or it is not UTF-8.
        OSError: if it cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            lines = [
                (reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells
            ]
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not UTF-8 ({error.reason}); save it as such") from None
    except csv.Error as error:
        raise TableError(f"{path} is no CSV file: {error}") from None
    if len(lines) < 2:
        raise TableError(f"{path} has no rows below a header")
    header = [name or f"column {j}" for j, name in enumerate(lines[0][1], start=1)]
    if all(is_number(name) for name in header):
        raise TableError(
            f"{path} has no header: its first line is the numbers "
            f"{shortened(', '.join(header), 40)}; write a name for each column above them"
        )
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise TableError(f"{path} has two columns called {shown(twice[0])}; rename one")
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            raise TableError(
                f"{path}: line {line} has {counted(len(cells), 'cell')} and the header "
                f"{len(header)}, divided by {delimiter!r}; a cell with {delimiter!r} in it "
                f'stands in quotes, "like{delimiter}this"'
            )
    places = [f"row {i} (line {line})" for i, (line, _) in enumerate(lines[1:], start=1)]
    return Table(path, header, [cells for _, cells in lines[1:]], places)


@dataclass(frozen=True)
class Column:
    """How a column becomes inputs: a number, or of a text 1 in its place and else 0.

    Attributes:
        name: of the column.
        texts: those that there are, in order; empty for a column of numbers.
    """

    name: str
    texts: list[str] = field(default_factory=list)

    def inputs(self, cell: str) -> list[float]:
        """The inputs that a cell becomes; a LookupError or ValueError if it cannot."""
        if not self.texts:
            return [number(cell)]
        place = self.texts.index(cell)
        return [float(k == place) for k in range(len(self.texts))]


@dataclass(frozen=True)
class Reading:
    """How a table is read as inputs and classes, as it was found when a classifier was trained.

    Attributes:
        target: the name of the column with the classes.
        classes: in the order of their numbers, as texts.
        columns: the others that are used.
    """

    target: str
    classes: list[str]
    columns: list[Column]

    def inputs(self, table: Table) -> list[list[float]]:
        """The inputs of each row.

        Raises:
            TableError: if a column is not there, or a cell is nothing that it can hold.
        """
        lacking = [column.name for column in self.columns if column.name not in table.names]
        if lacking:
            raise TableError(f"{table.path} has no column {shown(lacking[0])}{_among(table)}")
        return [
            [x for column, cell in zip(self.columns, cells) for x in _read(table, i, column, cell)]
            for i, cells in enumerate(zip(*(table.column(c.name) for c in self.columns)))
        ]

    def numbers(self, table: Table) -> list[int]:
        """The number of the class of each row.

        Raises:
            TableError: if a class is none of those that are known.
        """
        places = {name: c for c, name in enumerate(self.classes)}
        found = [_class(cell) for cell in table.column(self.target)]
        for i, name in enumerate(found):
            if name not in places:
                raise TableError(
                    f"{table.path}: {table.places[i]} has {shown(name)} in column "
                    f"{shown(self.target)}, which is no class of this model"
                )
        return [places[name] for name in found]

    def as_dict(self) -> dict[str, Any]:
        """What a model file holds of it; ``reading_from`` reads it."""
        return asdict(self)


def reading_from(about: dict[str, Any]) -> Reading:
    """What ``as_dict`` gave; a KeyError or TypeError if it is something else."""
    columns = [Column(column["name"], list(column["texts"])) for column in about["columns"]]
    return Reading(about["target"], list(about["classes"]), columns)


def reading_of(
    table: Table, target: str, ignored: Sequence[str], as_text: Sequence[str], drop: bool
) -> tuple[Reading, Table, list[str]]:
    """How to read a table to learn from it, and what is read.

    Args:
        table: all of a file.
        target: the column with the classes.
        ignored: columns that are left out.
        as_text: columns of numbers that are names, such as postal codes.
        drop: whether to leave out rows that lack a value.

    Returns:
        The reading; the rows that are used; and columns that have been left out, as they only count
        the rows.

    Raises:
        TableError: if the table cannot be read so.
    """
    for name in (target, *ignored, *as_text):
        if name not in table.names:
            raise TableError(f"{table.path} has no column {shown(name)}{_among(table)}")
    counting = [n for n in table.names if n not in (target, *ignored) and _counts(table.column(n))]
    used = [name for name in table.names if name not in (target, *ignored, *counting)]
    if not used:
        raise TableError(f"{table.path}: no column is left to tell {shown(target)} by")
    table = table.without_missing([*used, target], drop)
    columns = [_column(table, name, name in as_text) for name in used]
    naming = [shown(c.name) for c in columns if _names_rows(len(c.texts), len(table.rows))]
    if naming:
        raise TableError(
            f"{table.path}: {', '.join(naming)} has nearly as many texts as there are rows, so it "
            f"tells these apart and no others; leave it out by --ignore COLUMN"
        )
    return Reading(target, _classes(table, target), columns), table, counting


def number(text: str) -> float:
    """A number as people write it; a ValueError for anything else, also for nan and infinity."""
    if not is_number(text) or abs(found := float(text)) == float("inf"):
        raise ValueError(f"expected a number, got {text!r}")
    return found


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    return _NUMBER.fullmatch(text) is not None


def shown(name: str) -> str:
    """A name or a cell in a sentence."""
    return shortened(repr(escape(name)), 60)


def _among(table: Table) -> str:
    return f"; it has {shortened(', '.join(map(escape, table.names)), 200)}"


def _read(table: Table, i: int, column: Column, cell: str) -> list[float]:
    try:
        return column.inputs(cell)
    except (LookupError, ValueError):
        known = shortened(", ".join(map(shown, column.texts)), 100) or "a number"
        raise TableError(
            f"{table.path}: {table.places[i]} has {shown(cell)} in column {shown(column.name)}, "
            f"where it had {known} when the model was trained"
        ) from None


def _counts(cells: Sequence[str]) -> bool:
    """Whether a column does nothing but count the rows, such as an index that was saved with it."""
    if len(cells) < 3 or not all(map(str.isdecimal, cells)):
        return False
    numbers = list(map(int, cells))
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _column(table: Table, name: str, as_text: bool) -> Column:
    """How to read a column: as numbers, if all are; where most are, that is a mistake."""
    cells = table.column(name)
    odd = [i for i, cell in enumerate(cells) if not is_number(cell)]
    if not odd and not as_text:
        large = [i for i, cell in enumerate(cells) if abs(float(cell)) == float("inf")]
        if large:
            raise TableError(
                f"{table.path}: {table.places[large[0]]} has {shown(cells[large[0]])} in column "
                f"{shown(name)}, which is beyond floats"
            )
        return Column(name)
    if not as_text and 2 * len(odd) < len(cells):
        i = odd[0]
        raise TableError(
            f"{table.path}: {table.places[i]} has {shown(cells[i])} in column {shown(name)}, where "
            f"{len(cells) - len(odd)} of {counted(len(cells), 'row')} have a number (with a "
            f"decimal point); correct it, or take the column as texts by --text COLUMN"
        )
    written = [i for i in odd if _OTHERWISE.fullmatch(cells[i])]
    if not as_text and 2 * len(written) > len(cells):
        i = written[0]
        raise TableError(
            f"{table.path}: {table.places[i]} has {shown(cells[i])} in column {shown(name)}, as "
            f"{len(written)} of {counted(len(cells), 'row')} have: write numbers with a decimal "
            f"point and nothing else, or take the column as texts by --text COLUMN"
        )
    return Column(name, sorted(set(cells)))


def _names_rows(texts: int, rows: int) -> bool:
    """Whether so many texts are rather names of rows."""
    return texts > _MOST or (texts > 10 and 2 * texts > rows)


def _class(cell: str) -> str:
    """The class that a cell means: 1, 1.0 and 01 are the same number."""
    if is_number(cell):
        found = float(cell)
        return str(int(found)) if found.is_integer() else repr(found)
    return cell


def _classes(table: Table, target: str) -> list[str]:
    """The classes in a column, in order."""
    cells = table.column(target)
    counts = Counter(map(_class, cells))
    numeric = all(map(is_number, counts))
    if len(counts) < 2:
        raise TableError(
            f"{table.path}: column {shown(target)} holds only {shown(next(iter(counts)))}, so "
            f"there is nothing to tell apart"
        )
    if len(counts) > _MOST_NUMBERS if numeric else _names_rows(len(counts), len(cells)):
        raise TableError(
            f"{table.path}: column {shown(target)} holds {len(counts)} different "
            f"{'numbers' if numeric else 'texts'} in {counted(len(cells), 'row')}; a classifier "
            f"needs classes with several rows each, so make some by grouping them"
        )
    lone = [name for name, count in counts.items() if count < 2]
    if lone:
        raise TableError(
            f"{table.path}: class {shown(lone[0])} of column {shown(target)} has a single row, "
            f"which cannot be both learnt from and tested on; leave it out"
        )
    return sorted(counts, key=float if numeric else str)


def columns_of(reading: Reading) -> Iterator[str]:
    """What each input is called."""
    for column in reading.columns:
        yield from ([f"{column.name}={text}" for text in column.texts] or [column.name])
