"""The one door through which data come in: lists, arrays, frames and tensors, read by position.

What people call a data set, a list of labels or a batch goes in. A list or an array comes out whose
entry i is instance i, made of floats, or of whole numbers that are wide enough to compute with. No
library is imported to that end: what can be read as an array says so itself, by ``to_numpy``,
``detach``, ``__array__`` or ``__dlpack__``, and entries that hold no numbers, such as texts or
dicts, pass as they are, as a model may take them.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from decimal import Decimal
from math import nan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .core import Value
from .text import got, real, shortened

Array: TypeAlias = NDArray[Any]

_PLAIN = {float, int, Value}  # what needs no look, as nearly all entries are
_LISTS, _FLOATS = {list, tuple}, {float, int}
# Whole numbers stay so, as a model may count or index with them; but only up to here, lest a
# product of three of them should run over 64 bits, where NumPy says nothing.
_COUNTED = 2**20
_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__")
_NONE = np.array(False)
# As pandas and polars call them. Of others, such as dates, polars would make numbers as well.
_NUMBERS = re.compile(r"u?int\d+|float\d+|bool|boolean", re.IGNORECASE)
_FILL = "leave such instances out of inputs and targets, or fill in a number"


def instances(name: str, data: Any) -> Sequence[Any]:
    """A data set with its T instances by position.

    Args:
        name: what the caller calls it.
        data: a list, tuple or anything else that can be gone through once; an array of any library;
            a frame, with a row for each instance; a series.

    Returns:
        What came in, if it needs no change; a list; or an array of float64 or int64, of which
        instance i is a row. True and False have become 1.0 and 0.0.

    Raises:
        TypeError: if it has no first and second entry, or cannot be made numbers.
        ValueError: if something is missing in a frame or a masked array.
    """
    try:
        if isinstance(data, (list, tuple)):
            return _cleaned(name, data)
        array = _as_array(name, data)
        if array is None:
            return _cleaned(name, _listed(name, data))
        if array.ndim == 0:
            raise _no_list(name, data)
        return list(array) if array.dtype == object else array  # type: ignore[return-value]
    except RecursionError:
        raise ValueError(f"{name} is nested too deep for data, or holds itself") from None


def numeric(name: str, data: Any, uniform: str = "make all of one length") -> NDArray[np.float64]:
    """A data set that is made of numbers, all instances of one shape, as an array.

    Args:
        name: what the caller calls it.
        data: as for ``instances``; a Value counts as the number that it holds.
        uniform: what to do where instances differ in shape.

    Raises:
        TypeError, ValueError: as ``instances``; ValueError also if something in it is no number, or
            its instances differ in shape.
    """
    if type(data) is np.ndarray and data.dtype == np.float64 and data.ndim:
        return data
    array = stacked(data) if type(data) is list else None
    if array is None:
        entries = instances(name, data)
        shape = shape_of(f"{name}[0]", entries[0]) if len(entries) else ()
        array = of_shape(name, entries, shape, f"{name}[0]", uniform)
    return array


def of_shape(
    name: str,
    entries: Sequence[Any],
    shape: tuple[int, ...],
    first: str,
    uniform: str,
    otherwise: str = "",
) -> NDArray[np.float64]:
    """What ``instances`` gave as one array of numbers.

    Args:
        name: what the caller calls it.
        entries: the instances.
        shape: what each of them has.
        first: whose shape that is.
        uniform: what to do where one has another shape.
        otherwise: what to do about something that is no number, besides.

    Raises:
        ValueError: if something in it is no number, or an instance has another shape.
    """
    array = stacked(entries, deep=True)
    if array is None or array.shape[1:] != shape:
        rows = []
        for i, entry in enumerate(entries):
            called = f"{name}[{i}]"
            rows.append(flat(called, entry, otherwise))
            if (found := shape_of(called, entry)) != shape:
                raise ValueError(
                    f"{called} has the shape {found}, but {first} has {shape}; {uniform}"
                )
        array = np.array(rows, dtype=np.float64).reshape(len(rows), *shape)
    return array


def stacked(entries: Sequence[Any], deep: bool = False) -> NDArray[np.float64] | None:
    """Instances as one array, where that is plain to see: rows of numbers, lists or arrays.

    Args:
        entries: the instances.
        deep: whether to look into the lists of lists in them, of which none must hold itself.
    """
    # All is looked at before NumPy may: other sequences have to be asked for their length, or they
    # may have no end, and of a masked number it would make a nan.
    if isinstance(entries, np.ndarray):
        array = entries
    else:
        cells, shape = entries, [len(entries)]
        while (kinds := {*map(type, cells)}) and kinds <= _LISTS and (deep or len(shape) == 1):
            width = len(cells[0])
            if [*map(len, cells)].count(width) < len(cells):
                return None
            shape.append(width)
            cells = list(itertools.chain.from_iterable(cells))
        try:
            if kinds <= _FLOATS:
                return np.array(cells, dtype=np.float64).reshape(shape)
            if kinds != {np.ndarray}:
                return None
            array = np.array(cells)
            array = array.reshape(*shape, *array.shape[1:])
        except (OverflowError, ValueError):  # beyond all floats, or arrays of several shapes
            return None
    if array.dtype.kind not in "fiu" or array.itemsize > 8:  # which may overflow
        return None
    return array.astype(np.float64, copy=False)


def instance(name: str, entry: Any) -> Any:
    """One instance, or a part of one, with plain numbers: see ``instances``."""
    kind = type(entry)
    if kind in _PLAIN or isinstance(entry, (Value, str, bytes)):
        return entry
    if isinstance(entry, (bool, np.bool_)):
        return float(entry)
    if isinstance(entry, np.generic):
        _check_kind(name, entry.dtype)
        if entry.dtype.kind in "iu":
            return int(entry)
        return float(entry)
    if isinstance(entry, Decimal):
        return float(entry) if not entry.is_snan() else nan
    if isinstance(entry, (list, tuple)):
        return _cleaned(name, entry)
    array = _as_array(name, entry)
    if array is not None:
        return array if array.ndim else instance(name, array.item())
    if isinstance(entry, Sequence):
        return _cleaned(name, entry)
    # What can be gone through once only is read, as a model may be asked more than once.
    return _cleaned(name, list(entry)) if hasattr(entry, "__next__") else entry


def flat(name: str, entry: Any, otherwise: str = "") -> list[float]:
    """The numbers of an instance that holds nothing else, in one list; Values count as numbers.

    Raises:
        ValueError: if something in it is no number; the message names its place, and ends with what
            to do ``otherwise``.
    """
    if isinstance(entry, Value):
        return [entry.data]
    if nested(entry):
        named = [(f"{name}[{i}]", part) for i, part in enumerate(parts(entry))]
        return [x for called, part in named for x in flat(called, part, otherwise)]
    try:
        return [real(entry)]
    except TypeError:
        advice = remedy(entry)
        if not _missing(entry):
            advice += otherwise
        raise ValueError(f"{name} is {got(entry)}, where a number is expected; {advice}") from None
    except ValueError as error:  # beyond all floats
        raise ValueError(f"{name}: {error}") from None


def remedy(entry: object) -> str:
    """What to do about something that is no number."""
    if _missing(entry):
        return _FILL
    if isinstance(entry, str):
        try:
            float(entry)
        except ValueError:
            return "number the texts: numbers, names = nn.class_numbers(texts)"
    return "convert it to a float first"


def shape_of(name: str, entry: Any) -> tuple[int, ...]:
    """How the numbers of an instance are nested: ``(8, 8)`` for eight lists of eight.

    Raises:
        ValueError: if lists side by side differ in length.
    """
    if not nested(entry):
        return ()
    inner = [shape_of(f"{name}[{i}]", part) for i, part in enumerate(parts(entry))]
    if len(set(inner)) > 1:
        i = next(i for i, shape in enumerate(inner) if shape != inner[0])
        raise ValueError(
            f"{name}[{i}] has the shape {inner[i]} where {name}[0] has {inner[0]}; make all lists "
            f"of one length, or take engine='python'"
        )
    return (len(inner), *inner[0]) if inner else (0,)


def nested(entry: Any) -> bool:
    """Whether an entry is made of others that have their places."""
    if isinstance(entry, np.ndarray):
        return entry.ndim > 0
    if type(entry) in _PLAIN or isinstance(entry, (str, bytes, Value, Mapping, Set, type)):
        return False
    return hasattr(entry, "__len__") and hasattr(entry, "__getitem__")


def parts(entry: Any) -> Sequence[Any]:
    """What a nested entry is made of."""
    if isinstance(entry, (list, tuple, np.ndarray)):
        return entry  # type: ignore[return-value]
    return list(entry) if hasattr(entry, "__iter__") else [entry[i] for i in range(len(entry))]


# Lists --------------------------------------------------------------------------------------------


def _listed(name: str, data: Any) -> Sequence[Any]:
    """What is neither a list nor an array as a list."""
    if isinstance(data, (Mapping, Set)):
        advice = f"list({name}.values())" if isinstance(data, Mapping) else f"sorted({name})"
        raise TypeError(
            f"{name} is a {type(data).__name__}, which has no first and second entry; give a list "
            f"with one entry for each instance, such as {advice}"
        )
    if isinstance(data, type):
        raise _no_list(name, data)
    if hasattr(data, "__iter__"):
        return list(data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return [data[i] for i in range(len(data))]
    raise _no_list(name, data)


def _no_list(name: str, data: Any) -> TypeError:
    """What to raise for a single thing in place of a data set."""
    late = hasattr(data, "collect")
    return TypeError(
        f"{name} must be a list with one entry for each instance, got {got(data)}"
        f"{f'; compute it first, by {name}.collect()' * late}"
    )


def _cleaned(name: str, entries: Sequence[Any]) -> Sequence[Any]:
    """Entries that are plain, each for itself; the sequence itself if all have been so before."""
    kinds = {*map(type, entries)}
    if kinds <= _LISTS:
        kinds = {*map(type, itertools.chain.from_iterable(entries))}
    if kinds <= _PLAIN:
        return entries
    found = [
        entry
        if type(entry) in _PLAIN
        else float(entry)
        if type(entry) is bool
        else instance(f"{name}[{i}]", entry)
        for i, entry in enumerate(entries)
    ]
    if all(map(operator.is_, found, entries)):
        return entries
    if hasattr(entries, "_make"):  # of a named tuple, whose names a model may use
        return entries._make(found)  # type: ignore[no-any-return]
    return tuple(found) if isinstance(entries, tuple) else found


# Arrays -------------------------------------------------------------------------------------------


def _as_array(name: str, thing: Any) -> Array | None:
    """What can be read as an array, of float64, int64 or objects; None for what cannot."""
    if type(thing) is np.ndarray:
        return _widened(name, thing)
    if isinstance(thing, (str, bytes, Value, type)):
        return None
    if hasattr(thing, "to_numpy"):
        return (_frame if hasattr(thing, "columns") else _series)(name, thing)
    if hasattr(thing, "todense") and not hasattr(thing, "detach"):
        dense = "toarray" if hasattr(thing, "toarray") else "todense"
        raise TypeError(
            f"{name} is a sparse {type(thing).__name__}; give all its numbers: {name}.{dense}()"
        )
    mask = np.asarray(getattr(thing, "mask", False)) if isinstance(thing, np.ndarray) else _NONE
    if mask.any():
        raise ValueError(
            f"{name}{_place(np.argwhere(mask)[0])} is masked, so it is missing; leave such "
            f"instances out, or fill in a number: {name}.filled(0.0)"
        )
    if hasattr(thing, "detach") and hasattr(thing, "numpy"):
        return _widened(name, _read(name, thing, _detached))
    if isinstance(thing, memoryview) or any(hasattr(thing, protocol) for protocol in _PROTOCOLS):
        return _widened(name, _read(name, thing, np.asarray))
    if hasattr(thing, "__dlpack__"):
        return _widened(name, _read(name, thing, np.from_dlpack))
    return None


def _read(name: str, thing: Any, how: Callable[[Any], Any]) -> Array:
    """Something of another library as NumPy sees it."""
    try:
        return np.asarray(how(thing))
    except Exception as error:  # whatever that library raises, it says what is wrong
        raise TypeError(
            f"{name}, of type {type(thing).__name__}, cannot be read as an array: {error}"
        ) from error


def _detached(tensor: Any) -> Any:
    """The numbers of a tensor, wherever it lies and whatever has been recorded of it."""
    tensor = tensor.detach()
    if getattr(tensor, "is_sparse", False) or "sparse" in str(getattr(tensor, "layout", "")):
        raise TypeError("it is sparse; give all its numbers by .to_dense()")
    if hasattr(tensor, "cpu"):
        tensor = tensor.cpu()
    if hasattr(tensor, "double") and tensor.is_floating_point():  # NumPy has no bfloat16
        tensor = tensor.double()
    return tensor.numpy()


def _widened(name: str, array: Array) -> Array:
    """An array in numbers that are wide enough to compute with."""
    kind = array.dtype.kind
    if kind == "f" and array.dtype != np.float64:
        with np.errstate(over="ignore"):  # beyond the largest float there is infinity
            return array.astype(np.float64)
    if kind == "f":
        return array
    if kind in "iu":
        small = not array.size or (array.min() >= -_COUNTED and array.max() <= _COUNTED)
        return array.astype(np.int64 if small else np.float64, copy=False)
    if kind == "O":
        return _objects(name, array)
    _check_kind(name, array.dtype)
    return array.astype(object if kind in "UST" else np.float64)


def _objects(name: str, array: Array, called: str = "") -> Array:
    """An array of objects: of numbers, if all in it are, or else with each as it would be alone;
    ``called`` is what messages put after the place of one.
    """
    cells = array.reshape(-1).tolist()
    if not set(map(type, cells)) <= _PLAIN:
        shape = array.shape
        cells = [
            cell
            if type(cell) in _PLAIN
            else instance(f"{name}{_place(np.unravel_index(i, shape))}{called}", cell)
            for i, cell in enumerate(cells)
        ]
    kinds = set(map(type, cells))
    if kinds <= {int, float}:
        if kinds == {int} and max(map(abs, cells)) <= _COUNTED:
            return np.array(cells, dtype=np.int64).reshape(array.shape)
        return np.array(list(map(real, cells)), dtype=np.float64).reshape(array.shape)
    found = np.empty(len(cells), dtype=object)
    for i, cell in enumerate(cells):  # at once it would take lists apart
        found[i] = cell
    return found.reshape(array.shape)


def _check_kind(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse an array that is of something else than numbers."""
    if dtype.names:
        raise TypeError(
            f"{name} is structured, with the fields {', '.join(map(repr, dtype.names))}; give its "
            f"numbers: numpy.lib.recfunctions.structured_to_unstructured({name})"
        )
    what = {
        "c": "complex numbers; give real ones, such as .real and .imag side by side, or abs()",
        "M": "dates; give numbers, such as the days since the first of them",
        "m": "spans of time; divide them by a unit, such as numpy.timedelta64(1, 'D')",
    }.get(dtype.kind, "raw bytes; give numbers" if dtype.type is np.void else "")
    if what:
        raise TypeError(f"{name} holds {what}")


# Frames and series --------------------------------------------------------------------------------


def _frame(name: str, frame: Any) -> Array:
    """The numbers of a frame, a row for each instance; rows and columns count by position."""
    if all(_NUMBERS.fullmatch(str(dtype)) for dtype in frame.dtypes):
        whole = _read(name, frame, lambda frame: frame.to_numpy())
        if whole.dtype.kind in "fiub" and (whole == whole).all():
            return _widened(name, whole)
    columns = []  # one by one, as they are of several types, or one is not fit to compute with
    for j, label in enumerate(frame.columns):
        column = frame.iloc[:, j] if hasattr(frame, "iloc") else frame.to_series(j)
        called = f", column {shortened(repr(str(label)))},"
        array = _series(name, column, called)
        if array.dtype == object or array.ndim != 1:
            for i, cell in enumerate(array):
                if type(cell) not in (int, float):
                    raise TypeError(
                        f"{name}[{i}]{called} is {got(cell)}, where a number is expected; leave "
                        f"the column out, or turn it into numbers"
                    )
        columns.append(array)
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _series(name: str, series: Any, called: str = "") -> Array:
    """The entries of a series, or of a column of a frame that is called so."""
    if _is_categorical(getattr(series, "dtype", "")):
        raise TypeError(
            f"{name}{called} holds categories; turn them into class numbers, by .cat.codes (in "
            f"polars .to_physical()), or into columns of 0 and 1, by pandas.get_dummies (in polars "
            f".to_dummies())"
        )
    array = _read(name, series, lambda series: series.to_numpy())
    if array.dtype.kind == "O":
        missing = np.array([_missing(cell) for cell in array.reshape(-1)], dtype=bool)
    else:
        missing = (array != array).reshape(-1)
    if missing.any():
        i = int(np.argmax(missing))
        place = _place(np.unravel_index(i, array.shape))
        raise ValueError(f"{name}{place}{called} is missing ({array.flat[i]}); {_FILL}")
    return (
        _objects(name, array, called) if array.dtype == object else _widened(name + called, array)
    )


def _is_categorical(dtype: object) -> bool:
    return str(dtype).startswith(("category", "Categorical", "Enum"))


def _missing(cell: object) -> bool:
    """Whether a cell says that there is nothing in it, as None, NA, NaT and nan do."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType", "MaskedConstant"):
        return True
    try:
        return bool(cell != cell)
    except (TypeError, ValueError):  # of an array there are many answers
        return False


def _place(index: Iterable[Any]) -> str:
    return "".join(f"[{i}]" for i in index)
