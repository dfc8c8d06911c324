"""What can be taken away from a page: lines of Python that make its graph again."""

from __future__ import annotations

import json
import random
from typing import Any

from live_engine import engine, in_node
from oracle import draw_plan
from test_languages import needs

from autograd import Op, Value, logsumexp, softmax
from autograd.core.ops import OPS
from autograd.core.sweep import consumers_first
from autograd.page.data import Opening, page_data
from autograd.stepping.recording import Recording

pytestmark = needs("node")

DRIVER = """
const pass = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(pass.map((data) => asPython(new Graph(data, OPERATIONS)))));
"""
FILES = ("numbers.js", "words.js", "engine.js", "graph.js", "help.js", "share.js")


def as_python(*roots: Value) -> list[str]:
    data = [page_data(Recording(root), Opening()) for root in roots]
    found = in_node(engine(*FILES) + DRIVER, json.dumps(data).encode())
    written: list[str] = json.loads(found)
    return written


def run(lines: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(lines, names)
    return names


def shape(root: Value) -> list[tuple[str, str, str, str]]:
    """All of a graph that lines of Python can make: rows, labels, numbers, gradients."""
    return [
        (node.op.name if node.op else "", node.label, repr(node.data), repr(node.grad))
        for node in consumers_first(root)
    ]


def test_the_lines_make_the_same_graph_with_the_same_bits() -> None:
    generator = random.Random(3)
    roots = []
    for _ in range(60):
        plan = draw_plan(generator, 4, 20)
        leaves = [Value(x, f"x{i}") for i, x in enumerate(plan.leaves)]
        roots.append(plan.on_values(leaves)[-1])
    for root, lines in zip(roots, as_python(*roots), strict=True):
        root.backward()
        root.label = ""
        *_, last = [line for line in lines.splitlines() if line]
        again = run(lines)[last.removesuffix(".backward()")]
        again.label = ""
        assert shape(again) == shape(root), lines


def test_names_that_python_has_other_uses_for_are_changed_and_labels_stay() -> None:
    leaves = [
        Value(float(i), name)
        for i, name in enumerate(["lambda", "Value", "sum", "a b", "", "w'\n"])
    ]
    root = logsumexp(leaves) + softmax([leaves[0], leaves[3]])[1] - abs(leaves[5]) * 2.0
    root.label = "exp"
    [lines] = as_python(root)
    names = run(lines)
    root.backward()
    found = {x.label: x for x in names.values() if isinstance(x, Value) and x.op is None}
    assert sorted(x.data for x in found.values()) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert {"lambda", "Value", "sum"} <= found.keys()
    assert found["lambda"].grad == leaves[0].grad


def test_rows_of_ones_own_are_found_in_the_table() -> None:
    Op("share_cube", "x ** 3", "3 * x ** 2")
    root = OPS["share_cube"](Value(2.0, "x"))
    [lines] = as_python(root)
    assert 'OPS["share_cube"](x)' in lines
    assert run(lines)["x"].grad == 12.0
