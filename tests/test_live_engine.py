"""The engine of the live page in Node.js, held against Python; see live_engine.py."""

from __future__ import annotations

import json
import math
import random
import struct

import pytest
from live_engine import DRIVER, Tally, disagreements, engine, in_node
from test_languages import needs

from autograd import Op, Value
from autograd.core.ops import OPS
from autograd.languages import JAVASCRIPT
from autograd.page.data import Opening, page_data
from autograd.stepping.recording import Recording
from autograd.words import formulas

pytestmark = needs("node")


def test_random_graphs_have_the_numbers_of_python_wherever_their_leaves_are_moved() -> None:
    tally = Tally()
    assert list(disagreements(seed=1_000_000, count=300, tally=tally)) == []
    assert tally.counts["graphs"] == 300 and set(tally.rows) == set(OPS)
    assert tally.share_left < 0.01
    same = tally.counts["numbers with the same bits"] / tally.counts["numbers"]
    assert 0.9 < same < 1.0 and 0.1 < tally.worst <= 1.0


SLIPS = [
    ("if (!reached[i] || !this.passes(e)) continue;", ""),  # None is not 0
    ("grads[x] = reached[x] ? grads[x] + this.sent[e] : this.sent[e];", "grads[x] = this.sent[e];"),
    ("moved[i] ? this._compute(i, data) : recorded.data[i]", "this._compute(i, data)"),
    ("slope(this.data[i], xs[k], ...numbers)", "slope(this.data[i], xs[0], ...numbers)"),
    ("if (lost !== 0) parts[kept++] = lost;", ""),
    ("Math.log1p(rest(xs, shift))", "Math.log1p(1.00000000000001 * rest(xs, shift))"),
]


@pytest.mark.parametrize(("right", "wrong"), SLIPS)
def test_a_slip_in_the_engine_is_found(right: str, wrong: str) -> None:
    script = engine("engine.js")
    assert script.count(right) == 1
    slipped = script.replace(right, wrong)
    assert next(disagreements(seed=0, count=40, tally=Tally(), script=slipped), "") != ""


def test_sums_are_rounded_once() -> None:
    """As those of Python, whose fsum is the definition."""
    generator = random.Random(5)
    lists = [
        [1e16, 1.0, -1e16],
        [1e308, 1e308, -1e308],
        [-0.0],
        [-0.0, -0.0],
        [math.inf, -math.inf],
    ]
    lists += [[0.1] * 10, [1.0, 2.0**-53, 2.0**-54], [math.nan, 1.0], [math.inf, 1e308, 1e308]]
    for _ in range(500):
        size = generator.randint(1, 60)
        lists.append(
            [generator.gauss(0, 1) * 2.0 ** generator.randint(-60, 60) for _ in range(size)]
        )
    script = JAVASCRIPT.program([OPS["sum"]]) + (
        f"const lists = {json.dumps(lists)};"
        "process.stdout.write(Buffer.from(Float64Array.from(lists, (xs) => op_sum(...xs)).buffer));"
    )
    script = script.replace("-Infinity", "(-Infinity)")
    found = struct.unpack(f"<{len(lists)}d", in_node('"use strict";' + script))
    assert [repr(x) for x in found] == [repr(OPS["sum"](*xs)) for xs in lists]


def test_a_graph_that_javascript_cannot_compute_keeps_the_numbers_of_python() -> None:
    """Its local derivatives come from Python, whatever constants stand between its operands."""
    cube = Op("opaque_cube", "opaque_cube(x)", "3 * x ** 2", by=lambda x: x**3)
    x, y = Value(2.0, "x"), Value(5.0, "y")
    root = 7.0 - cube(x * 3.0) / (2.0 * y)
    root.backward()
    recording = Recording(root)
    nodes = recording.nodes[::-1]
    data = page_data(recording, Opening())
    assert "opaque_cube" in data["fixed"]
    told = in_node(engine("engine.js") + DRIVER, json.dumps({"pass": data, "moves": []}).encode())
    found = struct.unpack(f"<{len(told) // 8}d", told)
    count = len(nodes)
    assert list(found[:count]) == [node.data for node in nodes]
    assert list(found[count : 2 * count]) == [node.grad for node in nodes]
    assert x.grad == pytest.approx(-3 * 6.0**2 * 3 / 10)


def test_a_row_of_any_number_of_operands_has_the_letter_of_its_maker() -> None:
    squares = Op("sum_of_k", "k1 ** 2 + ...", "2 * k", by=_squares, letters="k", variadic=True)
    root = squares(Value(3.0, "a"), Value(5.0, "b"))
    assert formulas.partial(root, 1, Recording(root).names) == "2 * b"
    assert page_data(Recording(root), Opening())["kinds"][0]["slopes"] == ["2 * k"]


def _squares(*xs: float) -> float:
    return math.fsum(x * x for x in xs)
