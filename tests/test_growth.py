"""What lowering costs grows with the graph and no faster, whatever its shape; and labels are data.

The shapes are those of ``benchmarks/growth.py``, which measures seconds at larger sizes.
"""

from __future__ import annotations

import gc
import linecache
import random
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Op, Value, lower
from autograd.lowering.kept import MOST
from autograd.lowering.numpy_source import WRITTEN

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import growth


def calls(function: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called: a measure of cost that is no clock."""
    count = 0

    def one_more(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(one_more)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", growth.SHAPES.values(), ids=growth.SHAPES.keys())
def test_lowering_is_linear_in_graphs_of_every_shape(shape: Callable[[int], Any]) -> None:
    found = []
    for n in (400, 1_600):
        root, leaves = shape(n)
        made: list[autograd.Program] = []
        cost = calls(lambda made=made, r=root, x=leaves: made.append(lower(r, wrt=x)))
        nodes = autograd.consumers_first(root)
        found.append(cost / sum(1 + len(node.operands) for node in nodes))
        value, gradient = made[0]()
        assert value == pytest.approx(root.data, rel=1e-10)
        assert gradient == pytest.approx(autograd.grad(root, leaves), rel=1e-7, abs=1e-12)
    assert found[1] < 1.7 * found[0]  # of what grows with the square, 4


def test_many_roots_take_no_table_of_all_roots_and_all_nodes() -> None:
    peaks = []
    for n in (600, 2_400):
        roots, leaves = growth.roots(n)
        tracemalloc.start()
        value, gradient = lower(roots, wrt=leaves)()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert value == pytest.approx([root.data for root in roots])
        assert gradient[:, 0] == pytest.approx([autograd.grad(x, leaves)[0] for x in roots])
    assert peaks[1] < 4.6 * peaks[0]


def test_terms_that_share_a_computation_are_a_batch_that_makes_it_once() -> None:
    scale, shift = Value(0.3, "scale"), Value(-0.2, "shift")
    xs = [Value(float(x)) for x in range(200)]
    center = autograd.sum([x * autograd.tanh(scale) for x in xs]) / len(xs)
    loss = autograd.sum([(x * scale + shift - center) ** 2 for x in xs]) / len(xs)
    program = lower(loss, wrt=[scale, shift])
    value, gradient = program()
    # By hand: x scale + shift - m t with t = tanh(scale), over x = 0 ... 199 of mean m = 99.5 and
    # variance v = 3333.25, has the mean square scale**2 v + (m (scale - t) + shift)**2.
    t, m, v = np.tanh(0.3), 99.5, 3333.25
    rest = m * (0.3 - t) - 0.2
    assert value == pytest.approx(0.09 * v + rest**2, rel=1e-13)
    slopes = [2 * 0.3 * v + 2 * rest * m * t * t, 2 * rest]
    assert gradient == pytest.approx(slopes, rel=1e-12)


# Labels -------------------------------------------------------------------------------------------

RESERVED = [
    *["lambda", "in", "is", "None", "match", "_", "__debug__", "__builtins__", "__import__"],
    *["float", "print", "index0", "index1", "t1", "g1", "rows", "scalars", "results", "step"],
    *["prepare", "bind", "add", "dot", "take", "one_by_T", "M", "W", "d_w", "a.b", "layer1.lambda"],
    *["\ufb01", "fi", "\u212a", "K", "\u00aa", "a", "\u0149", "\u1e9e", "\ud800", "\u202e"],
    *["w\nimport os", "x" * 500, "0", "", " ", "#", "'''", "d_", "d_in", "neuron0.w[0]"],
    *["\u05d0", "\u03c3", "e\u0301", "\\", "a\rb", "a\x0cb", "\x00", "\u2028"],
]


def labelled(labels: list[str], engine: str) -> tuple[float, list[float], str]:
    """A small network with these labels, and something that has to be gathered, and constants."""
    rng = random.Random(0)
    leaves = [Value(rng.uniform(-1.0, 1.0)) for _ in range(14)]
    x, w = leaves[:2], leaves[2:]
    h = [autograd.tanh(w[2 * i] * x[0] + w[2 * i + 1] * x[1] + w[8 + i]) for i in range(4)]
    root = autograd.sum([h[0] * h[2], h[3] * h[1], h[2] * h[3]])
    root = autograd.where(root, root, float("inf"))
    for i, node in enumerate([*leaves, *h, root]):
        node.label = labels[i % len(labels)]
    program = lower(root, x, w, engine)
    value, gradient = program([[0.5, -0.25], [1.5, 0.75]])
    return value, gradient.tolist(), program.source


def code_of(source: str) -> str:
    """The source without its comments, of which each begins with two spaces and a #."""
    compile(source, "source", "exec")
    return "\n".join(line.split("  # ")[0].rstrip() for line in source.splitlines())


PLAIN = labelled([""], "numpy")


@pytest.mark.parametrize("label", RESERVED, ids=ascii)
def test_a_label_is_no_code(label: str) -> None:
    for labels in ([label], [label, ""], ["", label, f"{label}0"]):
        value, gradient, source = labelled(labels, "numpy")
        assert (value, gradient) == PLAIN[:2]
        code = code_of(source)
        assert code.isascii() and len(code.splitlines()) == len(PLAIN[2].splitlines())


TEXTS = st.sampled_from(RESERVED) | st.text(st.characters(), max_size=12)


@given(st.lists(TEXTS, min_size=1, max_size=15))
@example(["index0", "index1", "float", "add", "t1", "lambda"])
@settings(derandomize=True, deadline=None, database=None, max_examples=30)
def test_any_labels_are_no_code(labels: list[str]) -> None:
    value, gradient, source = labelled(labels, "numpy")
    assert (value, gradient) == PLAIN[:2]
    assert code_of(source).isascii()


def test_models_and_functions_whose_parameters_are_called_like_code() -> None:
    class Reserved(nn.Module):
        def __init__(self) -> None:
            self.w = [Value(0.5, "lambda"), Value(-0.5, "index0"), Value(0.1, "float")]

        def __call__(self, x: Any) -> Any:
            return [autograd.tanh(self.w[0] * x[0] + self.w[1] * x[1]) + self.w[2]]

    X, D = nn.datasets.moons(80, seed=0)
    runs = []
    for engine in ("numpy", "python"):
        model = Reserved()
        nn.fit(
            model,
            X,
            D,
            divergence=nn.divergences.l2,
            epochs=3,
            engine=engine,
            progress=False,
        )
        runs.append([p.data for p in model.w])
        assert len(nn.predict(model, X)) == 80
    assert runs[0] == pytest.approx(runs[1], rel=1e-12)

    def f(index0: Any, float: Any, add: Any) -> Any:
        return (index0 - 1) ** 2 + (float + 2) ** 2 * add**2 + (add - index0) ** 2

    assert autograd.LoweredFunction(f, [1.0, 2.0, 3.0]).value([2.0, 1.0, 1.0]) == 11.0
    run = autograd.gradient_descent(f, [0.5, -1.0, 2.0], engine="numpy", max_steps=5)
    same = autograd.gradient_descent(f, [0.5, -1.0, 2.0], engine="python", max_steps=5)
    assert run.x == pytest.approx(same.x, rel=1e-12)


def test_labels_are_comments_and_notes_with_what_cannot_be_shown_written_out() -> None:
    x, w = Value(1.0, "a\nb"), Value(2.0, "\x1b[31m")
    y = autograd.tanh(x * w)
    y.label = "\u03c3\x07"
    program = lower(y, [x], [w])
    assert "# \u03c3\\x07" in program.source and "\x07" not in program.source
    assert "\x07" not in program.describe() and "\u03c3\\x07" in program.describe()


def test_operations_of_ones_own_are_called_as_python_reads_their_names() -> None:
    x = Value(0.5, "x")
    op = Op("gr\u00f6\u00dfer", "2 * x + 1", "2")
    assert lower(op(op(x)), [x])([[0.5]])[0] == 5.0
    with pytest.raises(ValueError, match="'fi' to Python; give the operation that name"):
        Op("\ufb01", "x + 1", "1")


# Rows that call one another -----------------------------------------------------------------------


def test_rows_that_call_one_another_200_deep_are_lowered_and_more_are_refused() -> None:
    x = Value(0.5, "x")
    op = Op("deep_1", "tanh(x)", "1 - z ** 2")
    for i in range(2, 201):
        op = Op(f"deep_{i}", f"deep_{i - 1}(x) + 1", "1")
    y = op(x)
    assert y.data == pytest.approx(199 + np.tanh(0.5), rel=1e-15)
    assert lower(y, [x])([[0.5]])[0] == pytest.approx(y.data, rel=1e-15)
    with pytest.raises(ValueError, match="201 deep, which is too deep for Python"):
        Op("deep_201", "deep_200(x)", "1")


def test_rows_that_call_another_twice_are_written_once() -> None:
    x = Value(0.5, "x")
    op = Op("twice_0", "x + 1", "1")
    for i in range(1, 13):
        op = Op(f"twice_{i}", f"twice_{i - 1}(x) + twice_{i - 1}(x)", "1")
    y = op(x)
    programs: list[autograd.Program] = []
    assert calls(lambda: programs.append(lower(y, [x]))) < 8_000
    assert programs[0]([[0.5]])[0] == 1.5 * 2**12


def test_programs_that_are_gone_leave_no_source() -> None:
    def sources() -> int:
        gc.collect()
        return sum(name.startswith("<lowered") for name in linecache.cache)

    WRITTEN.clear()
    before = sources()
    w = Value(0.5, "w")
    kept = lower(autograd.tanh(w * 0.25), wrt=[w])
    kept()
    for i in range(8):
        lower(autograd.tanh(w * float(i)), wrt=[w])()
        lower(growth.tangle(320 + i)[0])()
    assert sources() <= before + 1 + MOST
    WRITTEN.clear()
    assert sources() == before + 1
    del kept
    assert sources() == before
