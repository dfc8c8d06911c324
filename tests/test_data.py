"""Tests of the door through which data come in: equal numbers in any container are equal data.

The reference is the lists; that the lists themselves are read rightly is worked out by hand or by
counting. PyTorch and JAX are asked where they are installed, and objects with their protocols where
they are not.
"""

import array
import datetime
import itertools
import math
import random
import warnings
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, lower
from autograd.data import instances
from nn import (
    MLP,
    SGD,
    EmpiricalRisk,
    Layer,
    Module,
    accuracy,
    confusion_matrix,
    fit,
    one_hot,
    predict,
    smooth_labels,
)
from nn.divergences import binary_kl, binary_kl_from_logits, kl_from_logits, l2

properties = settings(max_examples=15, deadline=None, derandomize=True, database=None)
every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])


class Logistic(Module):
    """y = sigmoid(w x + b) for x of any width, with weights 1, 1/2, 1/4, ..."""

    def __init__(self, width: int = 1) -> None:
        self.layer = Layer(width, 1, "sigmoid")
        for i, w in enumerate(self.layer.neurons[0].w):
            w.data = 0.5**i

    def __call__(self, x: Any) -> Any:
        return self.layer(x)


class Endless:
    """A vector of somebody's that has a length, and an entry for every number."""

    def __init__(self, *entries: Any) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, i: int) -> Any:
        return self._entries[i % len(self._entries)]


class Point(namedtuple("Point", "x y")):
    """A row with names."""


class Tensor:
    """What a tensor that has been recorded is like, where there is no PyTorch."""

    def __init__(self, numbers: Any, detached: bool = False, wide: bool = False) -> None:
        self._numbers, self._detached, self._wide = np.asarray(numbers), detached, wide

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, i: int) -> "Tensor":
        return Tensor(self._numbers[i])

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self) -> "Tensor":
        return Tensor(self._numbers, detached=True)

    def cpu(self) -> "Tensor":
        return self

    def is_floating_point(self) -> bool:
        return True

    def double(self) -> "Tensor":
        return Tensor(self._numbers, self._detached, wide=True)

    def numpy(self) -> Any:
        if not self._detached or not self._wide:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self._numbers


class Protocol:
    """Numbers that can be had by one protocol alone."""

    def __init__(self, numbers: Any, protocol: str) -> None:
        self._numbers = np.asarray(numbers)
        if protocol == "__array_interface__":
            self.__array_interface__ = self._numbers.__array_interface__


class Array(Protocol):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._numbers


class DLPack(Protocol):
    def __dlpack__(self, **options: Any) -> Any:
        return self._numbers.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._numbers.__dlpack_device__()


def backwards(n: int) -> list[int]:
    """An index that reads the other way round."""
    return list(range(n - 1, -1, -1))


def frame(X: Any) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"c{i}" for i in range(len(X[0]))], index=backwards(len(X)))


def series(d: Any) -> pd.Series:
    return pd.Series(d, index=backwards(len(d)))


def each(kind: Any) -> tuple[Any, Any]:
    """Every number for itself as something, in lists."""
    return lambda X: [list(map(kind, x)) for x in X], lambda d: list(map(kind, d))


# A container for T rows of D numbers, and one for T numbers; from lists of 0.0 and 1.0.
CONTAINERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "lists": (list, list),
    "tuples": (lambda X: tuple(map(tuple, X)), tuple),
    "named tuples": (lambda X: [Point(*x) for x in X] if len(X[0]) == 2 else X, tuple),
    "generators": (lambda X: ((y for y in x) for x in X), iter),
    "maps": (lambda X: map(list, X), lambda d: map(float, d)),
    "deques": (lambda X: deque(map(deque, X)), deque),
    "values of a dict": (
        lambda X: dict(enumerate(X)).values(),
        lambda d: dict(enumerate(d)).values(),
    ),
    "by position": (lambda X: Endless(*[Endless(*x) for x in X]), lambda d: Endless(*d)),
    "array.array": (lambda X: [array.array("d", x) for x in X], lambda d: array.array("d", d)),
    "memoryview": (lambda X: memoryview(np.array(X)), lambda d: memoryview(np.array(d))),
    "bools": each(bool),
    "ints": each(int),
    "NumPy bools": each(np.bool_),
    "bytes": each(np.uint8),
    "decimals": each(Decimal),
    "fractions": each(Fraction),
    "arrays of none": each(np.array),
    "rows": (lambda X: list(np.array(X)), lambda d: list(np.array(d))),
    "masked": (np.ma.array, np.ma.array),
    "matrix in place of a list": (lambda X: np.array(X, order="F"), lambda d: np.array([d]).T),
    **{
        f"array of {kind}": (
            lambda X, kind=kind: np.array(X).astype(kind),
            lambda d, kind=kind: np.array(d).astype(kind),
        )
        for kind in ("?", "i1", "u1", "i8", "u8", ">i2", "f2", "f4", "f8", ">f8", "g", "O")
    },
    "pandas": (frame, series),
    "pandas bool": (lambda X: frame(X).astype(bool), lambda d: series(d).astype(bool)),
    "pandas Int64": (lambda X: frame(X).astype("Int64"), lambda d: series(d).astype("Int64")),
    "pandas boolean": (lambda X: frame(X).astype("boolean"), lambda d: series(d).astype("boolean")),
    "pandas Float32": (lambda X: frame(X).astype("Float32"), lambda d: series(d).astype("float32")),
    "pandas object": (lambda X: frame(X).astype(object), lambda d: series(d).astype(object)),
    "pandas sparse": (lambda X: frame(X).astype("Sparse[float]"), lambda d: series(d).to_frame()),
    "pandas mixed": (lambda X: frame(X).astype({"c0": bool}), lambda d: pd.Index(d)),
    "pandas twin columns": (lambda X: frame(X).set_axis(["c"] * len(X[0]), axis=1), series),
    "pandas rows": (lambda X: [row for _, row in frame(X).iterrows()], lambda d: list(series(d))),
    "pandas lists": (series, series),
    "polars": (lambda X: pl.DataFrame(X, orient="row"), pl.Series),
    "polars bool": (
        lambda X: pl.DataFrame(X, orient="row").cast(pl.Boolean),
        lambda d: pl.Series(d).cast(pl.Boolean),
    ),
    "polars UInt8": (
        lambda X: pl.DataFrame(X, orient="row").with_columns(pl.first().cast(pl.UInt8)),
        lambda d: pl.Series(d).cast(pl.Decimal(10, 2)),
    ),
    "polars lists": (pl.Series, lambda d: pl.Series(d).to_frame()),
    "polars rows": (
        lambda X: pl.DataFrame(X, orient="row").iter_rows(),
        lambda d: iter(pl.Series(d)),
    ),
    "tensors": (Tensor, Tensor),
    "tensors in a list": (lambda X: list(map(Tensor, X)), lambda d: list(map(Tensor, d))),
    "__array__": (lambda X: Array(X, ""), lambda d: Array(d, "")),
    "__array_interface__": (
        lambda X: Protocol(X, "__array_interface__"),
        lambda d: Protocol(d, "__array_interface__"),
    ),
    "__dlpack__": (lambda X: DLPack(X, ""), lambda d: DLPack(d, "")),
}
X, D = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [0.0, 1.0, 1.0, 0.0]


def results(X: Any, D: Any, engine: str, width: int = 2, again: Any = None) -> list[Any]:
    """What comes of some data wherever they go in; ``again`` makes what can be read once anew."""
    again = again or (lambda: (X, D))
    model = Logistic(width)
    history = fit(
        model, X, D, epochs=2, engine=engine, progress=False,
        validation=again(), optimizer=SGD(0.5),
    )  # fmt: skip
    outputs = predict(model, again()[0])
    risk = EmpiricalRisk(model, binary_kl)
    loss, gradient = risk.lower(*again(), engine)()
    return [
        history.loss, history.accuracy, history.validation_loss, outputs, risk(*again()).data, loss,
        gradient.tolist(), accuracy(outputs, again()[1]), confusion_matrix(outputs, again()[1]),
        accuracy(again()[1], D) if hasattr(D, "__len__") else accuracy(again()[1], again()[1]),
    ]  # fmt: skip


def assert_alike(found: list[Any], expected: list[Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)


@every_engine
def test_the_same_numbers_in_any_container_are_the_same_data(engine: str) -> None:
    expected = results(X, D, engine)
    # What an engine gets has passed the door; to lower for each container would take long.
    for name, (rows, numbers) in list(CONTAINERS.items())[:: 1 if engine == "python" else 7]:

        def again(rows: Any = rows, numbers: Any = numbers) -> tuple[Any, Any]:
            return rows(X), numbers(D)

        try:
            assert_alike(results(*again(), engine, again=again), expected)
        except Exception as error:
            raise AssertionError(name) from error


@given(
    data=st.data(),
    width=st.integers(1, 3),
    rows=st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=1, max_size=5),
)
@properties
def test_random_data_in_random_containers(
    data: st.DataObject, width: int, rows: list[list[int]]
) -> None:
    X = [list(map(float, row[:width])) for row in rows]
    D = [float(sum(row) % 2) for row in rows]
    names = st.sampled_from([*CONTAINERS])
    make_X, make_D = CONTAINERS[data.draw(names)][0], CONTAINERS[data.draw(names)][1]
    engine = data.draw(st.sampled_from(["python", "python", "numpy"]))

    def again() -> tuple[Any, Any]:
        return make_X(X), make_D(D)

    assert_alike(results(*again(), engine, width, again), results(X, D, engine, width))


def test_tensors_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for kind in (torch.float64, torch.bfloat16, torch.float16, torch.int32, torch.bool):
        for engine in ("python", "numpy"):
            tensors = torch.tensor(X).to(kind), torch.tensor(D).to(kind)
            assert_alike(results(*tensors, engine), results(X, D, engine))
    learnt = torch.tensor(X, requires_grad=True), torch.tensor(D, requires_grad=True)
    assert_alike(results(*learnt, "numpy"), results(X, D, "numpy"))
    assert_alike(results(*map(list, learnt), "numpy"), results(X, D, "numpy"))
    with pytest.raises(TypeError, match=r"sparse; give all its numbers by \.to_dense\(\)"):
        predict(Logistic(2), torch.tensor(X).to_sparse())


def test_arrays_of_jax() -> None:
    jnp = pytest.importorskip("jax.numpy")
    for kind in ("float32", "bfloat16", "int8", "bool"):
        arrays = jnp.array(X, dtype=kind), jnp.array(D, dtype=kind)
        for engine in ("python", "numpy", "jax"):
            assert_alike(results(*arrays, engine), results(X, D, engine))
        assert_alike(results(*map(list, arrays), "numpy"), results(X, D, "numpy"))


def test_sparse_matrices_of_scipy() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.coo_array):
        with pytest.raises(TypeError, match=r"^X is a sparse .*give all .*: X\.toarray\(\)"):
            fit(Logistic(2), kind(X), D, progress=False)


# Rows by position.


def test_a_series_in_another_order_is_read_by_position() -> None:
    # (softplus(2) + softplus(1)) / 2, as all are wrong; by label it would be that of -2 and -1.
    labels = pd.Series([0, 0, 1, 1]).iloc[[2, 3, 0, 1]]
    points = [[-2.0], [-1.0], [1.0], [2.0]]
    risk = EmpiricalRisk(Logistic(), binary_kl)
    assert risk(points, labels).data == pytest.approx(1.7200948492805977, rel=1e-15)
    assert risk.lower(points, labels)()[0] == pytest.approx(1.7200948492805977, rel=1e-14)


def test_a_row_of_a_frame_is_read_by_position_by_a_model() -> None:
    row = pd.Series([1.0, 2.0], index=[1, 0])
    layer = Layer(2, 1)
    for x in (row, np.array([1, 2]), Tensor([1.0, 2.0]), (1, 2), pl.Series([1, 2])):
        assert layer(x)[0].data == layer([1.0, 2.0])[0].data  # type: ignore[arg-type]
    assert layer([True, False])[0].data == layer([1.0, 0.0])[0].data


def test_single_precision_and_bytes_are_widened_before_a_model_computes() -> None:
    product = EmpiricalRisk(lambda x: Value(1.0) * (x[0] * x[1]), lambda y, d: y)
    assert product(np.array([[200, 200]], dtype=np.uint8), [0]).data == 40000.0
    assert product([[np.uint8(200)] * 2], [0]).data == 40000.0
    assert product(np.array([[2**31, 2**33]]), [0]).data == 2.0**64
    third = float(np.float32(1 / 3))
    for X in (np.array([[third, third]], dtype=np.float32), [[np.float32(third)] * 2]):
        assert product(X, [0]).data == third * third


def test_whole_numbers_stay_places_in_a_list() -> None:
    table = [Value(1.0), Value(2.0), Value(4.0)]
    risk = EmpiricalRisk(lambda x: table[x[0]] * table[x[1]], l2)
    for X in (
        [[1, 2]],
        np.array([[1, 2]], np.int8),
        frame([[1, 2]]),
        pl.DataFrame({"a": [1], "b": [2]}),
    ):
        assert risk(X, [8.0]).data == 0.0


def test_what_needs_no_change_is_not_copied() -> None:
    seen: list[Any] = []
    X = [object(), "text", 2.0, (2.0, 3.0)]
    EmpiricalRisk(lambda x: seen.append(x) or Value(1.0), lambda y, d: y)(X, [0] * 4)  # type: ignore[func-returns-value]
    assert all(one is other for one, other in zip(seen, X, strict=True))
    table, rows = np.ones((2, 2)), [{"a": 1.0}, "text", [1.0, 2.0], (1, [2.0, 3.0])]
    assert instances("X", table) is table
    assert instances("X", rows) is rows


def test_dicts_go_to_a_model_that_takes_them() -> None:
    class Named(Module):
        def __init__(self) -> None:
            self.w = Value(1.0, "w")

        def __call__(self, x: Any) -> Value:
            return self.w * x["size"] + len(x["name"])

    X = [{"size": 1.0, "name": "ab"}, {"size": 2.0, "name": "a"}]
    # Residuals 1 and -1, so that nothing but the slope (1 - 2) / 2 moves w by 1/4.
    model = Named()
    assert fit(model, X, [2.0, 4.0], divergence=l2, optimizer=SGD(0.5), epochs=1, engine="python",
               progress=False).loss == [0.5]  # fmt: skip
    assert model.w.data == 1.25
    with pytest.raises(ValueError, match=r"^X\[0\] is \{.* of type dict, .*engine='python' takes"):
        fit(Named(), X, [2.0, 4.0], divergence=l2, engine="numpy", progress=False)


# What is read once.


def test_one_generator_serves_training_and_validation() -> None:
    inputs, targets = (x for x in X), iter(D)
    history = fit(
        Logistic(2), inputs, targets, epochs=2, validation=(inputs, targets), progress=False
    )
    assert len(history.validation_loss) == 2 and history.validation_accuracy


def test_what_has_no_end_is_read_as_far_as_is_needed() -> None:
    for inputs, targets in ((itertools.repeat([1.0, 2.0]), D), (X, itertools.count())):
        with pytest.raises(ValueError, match=r"one target for each input, got .*at least 5"):
            fit(Logistic(2), inputs, targets, progress=False)


def test_an_error_of_a_generator_is_its_own() -> None:
    def broken() -> Iterator[list[float]]:
        yield [1.0, 2.0]
        raise OSError("the file has ended")

    with pytest.raises(OSError, match="the file has ended"):
        fit(Logistic(2), broken(), D, progress=False)


# What is refused.

NAN = math.nan
REFUSED: dict[str, tuple[Any, str]] = {
    "nan in a frame": (
        pd.DataFrame({"age": [1.0, NAN, 2.0], "b": [1, 2, 3]}),
        r"X\[1\], column 'age', is missing \(nan\); leave such instances out",
    ),
    "NA": (
        pd.DataFrame({"age": pd.array([1, 2, None], dtype="Int64"), "b": [1, 2, 3]}),
        r"X\[2\], column 'age', is missing",
    ),
    "NA in a bool": (
        pd.DataFrame({"on": pd.array([True, None, False], dtype="boolean"), "b": [1, 2, 3]}),
        r"X\[1\], column 'on', is missing",
    ),
    "null": (
        pl.DataFrame({"age": [1, None, 2], "b": [1.0, 2.0, 3.0]}),
        r"X\[1\], column 'age', is missing",
    ),
    "texts in a frame": (
        pd.DataFrame({"age": [1, 2, 3], "name": ["x", "y", "z"]}),
        r"X\[0\], column 'name', is 'x' of type str, .*leave the column out, or turn it into",
    ),
    "texts in polars": (
        pl.DataFrame({"age": [1, 2, 3], "name": ["x", "y", "z"]}),
        r"X\[0\], column 'name', is 'x' of type str",
    ),
    "categories": (
        pd.DataFrame({"age": [1, 2, 3], "c": pd.Categorical([1, 2, 1])}),
        r"X, column 'c', holds categories; .*get_dummies",
    ),
    "categories in polars": (
        pl.DataFrame({"c": pl.Series(["x", "y", "x"], dtype=pl.Categorical)}),
        r"X, column 'c', holds categories; .*to_dummies",
    ),
    "dates": (
        pd.DataFrame({"age": [1, 2, 3], "day": pd.to_datetime(["2020-01-01"] * 3)}),
        r"X, column 'day', holds dates",
    ),
    "dates with a zone": (
        pd.DataFrame({"age": [1, 2, 3], "day": pd.to_datetime(["2020-01-01"] * 3, utc=True)}),
        r"X\[0\], column 'day', holds dates",
    ),
    "times in polars": (
        pl.DataFrame({"age": [1, 2, 3], "t": [datetime.time(1)] * 3}),
        r"X\[0\], column 't', is datetime\.time\(1, 0\) of type time",
    ),
    "spans in polars": (
        pl.DataFrame({"age": [1, 2, 3], "t": [datetime.timedelta(1)] * 3}),
        r"X, column 't', holds spans of time",
    ),
    "spans": (np.array([[1, 2]] * 3, "m8[D]"), "X holds spans of time; divide them by a unit"),
    "a span": ([[np.timedelta64(1, "D"), 1.0]] * 3, r"X\[0\]\[0\] holds spans of time"),
    "lists in a frame": (
        pd.DataFrame({"a": [1, 2, 3], "e": [[1], [2], [3]]}),
        r"X\[0\], column 'e', is \[1\] of type list",
    ),
    "complex": (np.array([[1, 2j]] * 3), "X holds complex numbers; give real ones"),
    "fields": (
        np.array([(0, 1)] * 3, dtype=[("a", float), ("b", float)]),
        "X is structured, with the fields 'a', 'b'; .*structured_to_unstructured",
    ),
    "raw bytes": (np.zeros(3, "V8"), "X holds raw bytes"),
    "a mask": (
        np.ma.array([[1, 2]] * 3, mask=[[0, 0], [0, 1], [0, 0]]),
        r"X\[1\]\[1\] is masked, .*X\.filled\(0\.0\)",
    ),
    "a lazy frame": (pl.LazyFrame({"a": [1]}), r"X must be a list .*compute it first, by X\.coll"),
    "a dict": ({0: [1.0, 2.0]}, r"X is a dict, .*no first and second .*list\(X\.values\(\)\)"),
    "a set": ({1.0, 2.0}, "X is a set, which has no first and second entry"),
    "a class": (list, "X must be a list with one entry for each instance, got <class 'list'>"),
    "a Value": (Value(1.0), "X must be a list with one entry for each instance, got Value"),
    "an array of no axes": (np.array(1.0), "X must be a list .*, got array"),
    "None in a list": ([[1.0, 2.0], [None, 1.0], [1.0, 1.0]], r"1.*0\]? is None .*fill in a"),
    "NA in a list": ([[1.0, 2.0], [pd.NA, 1.0], [1.0, 1.0]], r"is <NA> .*fill in a number"),
    "NaT in a list": ([[1.0, 2.0], [pd.NaT, 1.0], [1.0, 1.0]], r"NaT.* fill in a number"),
    "texts": ([["a", "b"]] * 3, r"is 'a' of type str.* number the texts"),
    "numbers as texts": (np.array([["1", "2"]] * 3), r"is '1' of type str.* convert it to a float"),
    "sets": ([{1.0, 2.0}] * 3, r"of type set"),
    "dicts": ([{"a": 1.0, "b": 2.0}] * 3, r"of type dict"),
    "ragged rows": ([[1.0, 2.0], [1.0], [1.0, 2.0]], r"the shape \(1,\)|takes 2 inputs, got 1"),
    "ragged in a row": ([[[1.0], [1.0, 2.0]]] * 3, r"the shape \(2,\)|one input at a time"),
    "images": (np.zeros((3, 2, 2)), r"one input at a time, .*made flat by numpy\.reshape"),
    "numbers for lists": ([1.0, 2.0, 3.0], "an input is one list of 2"),
    "no columns": (pd.DataFrame(index=range(3)), "takes 2 inputs, got 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_data_is_refused_by_name(case: str) -> None:
    data, message = REFUSED[case]
    for engine in ("python", "numpy"):
        model = Logistic(2)
        with pytest.raises((TypeError, ValueError), match=f"(?s){message}"):
            fit(model, data, [0, 1, 1], engine=engine, epochs=1, progress=False)
        assert model.layer.neurons[0].b.data == 0.0
        if "X" in message:
            with pytest.raises((TypeError, ValueError), match=message):
                predict(model, data, engine=engine)
    with pytest.raises((TypeError, ValueError)):
        accuracy([0.1, 0.2, 0.3], data)
    x, y = Value(1.0), Value(2.0)
    with pytest.raises(ValueError, match=r"a batch is|so a batch is of shape"):
        lower(x * y, [x, y])(data)


def test_what_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="X is nested too deep for data, or holds itself"):
        predict(Logistic(2), [loop])


def test_batches_come_in_by_the_same_door() -> None:
    x, y, w = Value(1.0), Value(2.0), Value(3.0)
    program = lower(x * y * w, [x, y], [w])
    rows = [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]
    for make, _ in CONTAINERS.values():
        value, gradient = program(make([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
        assert value == 1.0 and gradient.tolist() == [1 / 3]
    assert program(iter(rows))[0] == 3.0
    with pytest.raises(ValueError, match=r"batch\[1\]\[0\] is None .*fill in a number"):
        program([[1.0, 2.0], [None, 1.0]])
    with pytest.raises(ValueError, match=r"batch\[1\]\[0\]: expected a number that a float can"):
        program([[1.0, 2.0], [10**400, 1.0]])
    # A part has as many entries as it says, and not all that it could go on to give.
    with pytest.raises(ValueError, match=r"batch is of shape \(T, 2\), got \(1, 2, 1\)"):
        program([[Endless(1.0), Endless(2.0)]])
    with pytest.raises(ValueError, match=r"batch\[1\]\[1\] is masked"):
        program(np.ma.array(rows, mask=[[0, 0], [0, 1], [0, 0]]))


# Targets decide how they are read.


def test_class_numbers_are_counted_as_they_are() -> None:
    # Three of five are right: 0, 2 and 1.
    found, right = [2, 1, 0, 2, 1], [1, 2, 0, 2, 1]
    assert accuracy(found, right) == 0.6
    assert confusion_matrix(found, right) == [[1, 0, 0], [0, 1, 1], [0, 1, 1]]
    assert accuracy([1, 2, 2], [1, 2, 1]) == pytest.approx(2 / 3)
    assert confusion_matrix([1, 2, 2], [1, 2, 1]) == [[0, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert confusion_matrix([3, 0], [0, 2]) == [
        [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0],
    ]  # fmt: skip
    assert accuracy([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], [1, 2]) == 0.5
    assert confusion_matrix([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], [1, 2])[2] == [1, 0, 0]
    assert accuracy([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], [1, 0]) == 1.0
    assert accuracy([-1, 0, 1], [-1, 0, 0]) == pytest.approx(2 / 3)


def test_minus_one_and_one_are_two_classes() -> None:
    assert accuracy([-0.9, 0.3, -0.2, 0.1], [-1, 1, 1, -1]) == 0.5
    assert confusion_matrix([-0.9, 0.3, -0.2, 0.1], [-1, 1, 1, -1]) == [[1, 1], [1, 1]]
    assert accuracy([1, -1], [1, -1]) == 1.0
    assert accuracy([-0.9, 0.3], [-1, 1], threshold=0.5) == 0.5


def test_smoothed_numbers_are_two_classes() -> None:
    assert accuracy([0.2, 0.8, 0.4], [0.1, 0.9, 0.9]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("outputs", "targets", "message"),
    [
        ([0.2, 0.8], [0.3, 0.9], r"targets\[0\] is 0\.3, which is no class; classes are 0 and 1"),
        ([0.2, 0.8], [1.5, -2.5], r"targets\[1\] is -2\.5, which is no class"),
        ([0.2, 0.8], [1, 2], r"outputs\[0\] is 0\.2, but targets are class numbers such as 2"),
        ([2, 1, 0], [1, 1, 0], r"outputs\[0\] is 2 where targets are only 0 and 1; .*threshold"),
        (
            [[0.1, 0.9]],
            [2],
            r"targets\[0\] is class 2, but outputs have 2 entries, of classes",
        ),
        ([[0.1, 0.9]], [-1], r"targets are -1 and 1, but outputs\[0\] has 2 entries"),
        ([1.0], [[0.0, 1.0]], r"outputs\[0\] is one number where targets\[0\] has 2 entries"),
        ([[0.1, 0.9]], [[0, 1, 0]], r"outputs\[0\] has 2 entries and targets\[0\] has 3"),
        ([[0.1, 0.9]], [[1, 1]], r"targets\[0\] = \[1\.0, 1\.0\] has no class, .*there 2 times"),
        ([[0.1, 0.9]], [[0, 0]], r"targets\[0\] = \[0\.0, 0\.0\] has no class"),
        ([0.1, 0.2], ["ham", "spam"], r"targets\[0\] is 'ham' of type str, .*number the texts"),
        ([0.1], [1e300], r"targets\[0\] is 1e\+300, which is no class"),
        ([0.1], [math.inf], r"targets\[0\] is inf, which is no class"),
        (np.zeros((2, 2, 2)), [0, 1], r"rows of one length K, .*shape \(2, 2, 2\)"),
    ],
)
def test_targets_without_classes_are_refused(outputs: Any, targets: Any, message: str) -> None:
    for count in (accuracy, confusion_matrix):
        with pytest.raises((TypeError, ValueError), match=message):
            count(outputs, targets)


def test_a_matrix_has_room_for_class_numbers_from_0_only() -> None:
    with pytest.raises(ValueError, match=r"class numbers from 0 to 2999, got -1; number the class"):
        confusion_matrix([-1, 2], [0, 2])
    with pytest.raises(ValueError, match=r"from 0 to 2999, got 1000000000"):
        confusion_matrix([0, 2], [10**9, 2])


def test_a_threshold_is_a_number() -> None:
    for bad in (math.nan, "0.5", None if False else [0.5]):
        with pytest.raises((TypeError, ValueError), match="threshold"):
            accuracy([0.5], [1], threshold=bad)  # type: ignore[arg-type]
    assert accuracy([2.0, 3.0], [1, 0], threshold=2.5) == 0.0


def test_fit_reports_no_accuracy_where_targets_have_no_classes() -> None:
    soft = fit(Logistic(2), X, [0.2, 0.9, 0.7, 0.1], epochs=2, progress=False)
    assert soft.accuracy == [] and len(soft.loss) == 2
    smoothed = fit(Logistic(2), X, [0.1, 0.9, 0.9, 0.1], epochs=1, progress=False)
    # At the start y is sigmoid(x1 + x2 / 2), at least one half everywhere.
    assert smoothed.accuracy == [0.5]
    even = fit(
        MLP(2, [2]), X, [[0.5, 0.5]] * 4, divergence=kl_from_logits, epochs=1, progress=False
    )
    assert even.accuracy == []


def test_smoothing_that_leaves_nothing_to_learn_is_refused() -> None:
    with pytest.raises(ValueError, match=r"nothing is left to learn, got 0\.1; .* 0\.1 / 10"):
        smooth_labels(one_hot(3, 10), 0.1)
    for d in (Tensor([0.0, 1.0]), pd.Series([0, 1], index=[1, 0]), [False, True]):
        assert smooth_labels(d, 0.25) == [0.25, 0.75]  # type: ignore[arg-type]


# Settings.


def test_whole_numbers_and_numbers_of_numpy_are_settings() -> None:
    def run(number: Any, real: Any) -> list[float]:
        model = MLP(number(2), [number(3), number(1)], output="sigmoid", rng=random.Random(0))
        return fit(
            model, X, D, epochs=number(3), batch_size=number(3), seed=number(7), every=number(1),
            tolerance=real(1e-9), optimizer=SGD(real(0.5)), progress=np.bool_(False),  # type: ignore[arg-type]
        ).loss  # fmt: skip

    expected = run(int, float)
    for number in (np.int64, np.uint8, np.array):
        assert run(number, np.float64) == expected
    assert run(int, np.float32) == expected
    for bad in (
        np.bool_(True),
        np.array(True),
        np.array([2]),
        np.float64(2.0),
        2.0,
        "2",
        Tensor(2),
    ):
        with pytest.raises(TypeError, match="epochs must be a whole number of at least 0, got"):
            fit(Logistic(2), X, D, epochs=bad, progress=False)


# What a run that went wrong says.


def advice(model: Any, X: Any, D: Any, **options: Any) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, X, D, progress=False, **{"epochs": 3, **options})
    return " ".join(str(warning.message) for warning in caught)


@every_engine
def test_a_saturated_output_asks_for_scaled_inputs_and_not_for_another_step(engine: str) -> None:
    X = [[1000.0, 3.0], [1200.0, 1.0], [900.0, 2.0]]
    said = advice(Logistic(2), X, [0, 1, 0], engine=engine)
    assert "an output is exactly 1, as of a saturated sigmoid: scale each input to mean 0" in said
    assert "output='linear' and train it with nn.divergences.binary_kl_from_logits" in said
    assert "lr" not in said
    assert advice(Layer(2, 1, "linear"), X, [0, 1, 0], divergence=binary_kl_from_logits) == ""
    said = advice(
        Layer(2, 1, "linear"), X, [0, 1, 0], divergence=l2, epochs=200, optimizer=SGD(1.0)
    )
    assert (
        "inputs reach 1.2e+03: scale each to mean 0 and standard deviation 1, or try a sm" in said
    )


@every_engine
def test_a_number_in_the_data_that_is_none_is_named(engine: str) -> None:
    assert "X[1][0] is nan: leave that instance out" in advice(
        Logistic(2), [[1.0, 2.0], [NAN, 1.0]], [0, 1], engine=engine
    )
    assert "D[1] is inf: leave that instance out" in advice(
        Layer(2, 1), [[1.0, 2.0], [2.0, 1.0]], [0, math.inf], engine=engine,
        divergence=lambda y, d: (y[0] - d) ** 2,
    )  # fmt: skip


@every_engine
def test_a_run_that_learnt_nothing_says_so(engine: str) -> None:
    X = [[1000.0, 3.0], [1200.0, 1.0]]
    said = advice(Logistic(2), X, [0, 1], divergence=l2, engine=engine)
    assert said.startswith("fit() learnt nothing: the loss is not 0, but its gradient is exactly 0")
    assert advice(Logistic(2), X, [1, 1], divergence=l2, engine=engine) == ""  # there is nothing
    assert advice(Logistic(2), X, [0, 1], divergence=l2, engine=engine, epochs=0) == ""
    # At the least squares, where the gradients of two instances cancel, there is no more to learn.
    line = Layer(1, 1, "linear")
    line.neurons[0].w[0].data = 0.0
    assert advice(line, [[1.0], [1.0]], [-1.0, 1.0], divergence=l2, engine=engine) == ""
