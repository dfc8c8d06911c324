"""Tests of `why`, `check`, `naive` and the forward replay: what a pass says when it is asked.

Paths are compared with all paths of small graphs, listed one by one, and with sums in exact
fractions; texts are typed by hand.
"""

import itertools
import math
import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from test_stepping import all_bits, labelled, lecture_graph, random_graph
from test_stepping_targets import waiting_graph

import autograd
from autograd import Value, exp, log, relu, step_through, stop_gradient, tanh
from autograd.core import ops
from autograd.stepping.stepper import Stepper
from autograd.stepping.steps import ForwardStep

# Paths.


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each report: how they are folded is tested in ``test_lines.py``."""
    monkeypatch.setenv("COLUMNS", "200")


def test_the_text_of_why() -> None:
    root, _ = waiting_graph()
    s = step_through(root)
    assert str(s.why("b")) == (
        "dd/db = +7, the sum over 3 paths from d\n"
        "  d -> c -> b   +1 * +3 = +3\n"
        "  d -> c -> b   +1 * +3 = +3\n"
        "  d -> b        +1"
    )
    assert repr(s.why("a", limit=2)) == (
        "dd/da = +14, the sum over 6 paths from d\n"
        "  d -> c -> b -> a   +1 * +3 * +1 = +3\n"
        "  d -> c -> b -> a   +1 * +3 * +1 = +3\n"
        "  ... and 4 more paths, +8 in all\n"
        "by the last node on the way:\n"
        "  dd/db * local derivative   +7 * +1 = +7   3 paths\n"
        "  dd/db * local derivative   +7 * +1 = +7   3 paths"
    )
    assert str(s.why("d")) == "dd/dd = +1, 1 path from d\n  d   +1"
    assert str(s.why("c")) == "dd/dc = +1, 1 path from d\n  d -> c   +1"
    assert str(step_through(stop_gradient(Value(1.0, "x"))).why("x")).endswith(
        "/dx = +0: no path with a derivative leads there"
    )


def test_the_parts_of_why() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    found = s.why("a")
    (path,) = found
    assert path is found[0]
    assert len(found) == found.count == 1
    assert [node.label for node in path.nodes] == ["L", "d", "e", "a"]
    assert (path.partials, path.product) == ((-2.0, 1.0, -3.0), 6.0)
    assert str(path) == "L -> d -> e -> a   -2 * +1 * -3 = +6"
    assert (found.node, found.root) == (nodes["a"], nodes["L"])
    assert (found.gradient, found.total, found.rest) == (6.0, 6.0, 0.0)
    (arrival,) = found.arrivals
    assert arrival.consumer is nodes["e"]
    assert (arrival.gradient, arrival.partial, arrival.total, arrival.count) == (-2, -3, 6, 1)


def test_a_long_path_is_shown_by_its_ends() -> None:
    y = Value(1.0, "x")
    for i in range(100):
        y = labelled(y * 0.5, f"y{i}")
    text = str(step_through(y).why("x"))
    assert "  y99 -> y98 -> y97 -> y96 -> (93 more) -> y2 -> y1 -> y0 -> x" in text
    assert text.endswith("+0.5 * +0.5 * +0.5 * +0.5 * (92 more) * +0.5 * +0.5 * +0.5 * +0.5 = "
                         "+7.88861e-31")  # fmt: skip


def every_path(s: Stepper, target: Value) -> Iterator[tuple[tuple[Value, ...], float, Fraction]]:
    """All paths from the root, by going down every edge; finite partials only."""
    below = {step.node: step.edges for step in s.steps}
    ways: list[tuple[tuple[Value, ...], Fraction]] = [((s.root,), Fraction(1))]
    while ways:
        nodes, product = ways.pop()
        if nodes[-1] is target:
            yield nodes, float(product), product
        for edge in below[nodes[-1]]:
            if edge.partial is not None:
                ways.append(((*nodes, edge.operand), product * Fraction(edge.partial)))


def test_all_paths_of_small_graphs_are_found_largest_first() -> None:
    compared = 0
    for seed in range(300):
        root = random_graph(seed)
        s = step_through(root)
        edges = [edge for step in s.steps for edge in step.edges]
        # The product of twenty of these neither overflows nor vanishes.
        if len(s.steps) > 20 or not all(1e-15 < abs(x.partial or 1.0) < 1e15 for x in edges):
            continue
        for step in s.steps:
            expected = list(every_path(s, step.node))
            if len(expected) > 100:
                continue
            for limit in (1, 7, 1000):
                found = s.why(step.node, limit)
                assert found.count == len(expected), seed
                assert len(found) == min(limit, len(expected))
                sizes = sorted((abs(size) for _, size, _ in expected), reverse=True)
                assert [abs(path.product) for path in found] == sizes[: len(found)]
                assert {path.nodes for path in found} <= {nodes for nodes, _, _ in expected}
                total = float(sum((product for _, _, product in expected), Fraction(0)))
                assert found.total == pytest.approx(total, rel=1e-15, abs=0)
                listed = sum((Fraction(path.product) for path in found), Fraction(found.rest))
                largest = sizes[0] if sizes else 0.0
                assert float(listed) == pytest.approx(total, rel=1e-12, abs=1e-15 * largest)
                assert sum(arrival.count for arrival in found.arrivals) == (
                    found.count if step.node is not root else 0
                )
                compared += len(expected)
    assert compared > 2_000


def layers(rng: random.Random, width: int, depth: int) -> tuple[Value, Value]:
    """Sums of all of the layer before with random weights: width ** depth paths to an input."""
    inputs = layer = [Value(rng.uniform(-1, 1)) for _ in range(width)]
    for _ in range(depth):
        layer = [autograd.sum([rng.gauss(0, 1) * x for x in layer]) for _ in layer]
    return inputs[0], autograd.sum(layer)


@pytest.mark.parametrize(("width", "depth"), [(2, 40), (3, 25), (10, 12), (30, 8)])
def test_a_million_million_paths_sum_to_the_gradient(width: int, depth: int) -> None:
    for seed in range(2):
        x, root = layers(random.Random(seed), width, depth)
        s = step_through(root)
        found = s.why(x)
        assert len(str(found)) < 10_000
        s.run()
        assert found.count == width**depth
        assert found.total == pytest.approx(x.grad, rel=1e-12, abs=0)
        assert math.fsum([found.rest, *[path.product for path in found]]) == pytest.approx(
            x.grad, rel=1e-12, abs=1e-15 * abs(found[0].product)
        )
        assert math.fsum(a.total for a in found.arrivals) == pytest.approx(
            x.grad, rel=1e-12, abs=1e-15 * max(abs(a.total) for a in found.arrivals)
        )


def test_paths_that_cancel_are_added_up_exactly() -> None:
    x = Value(1.0, "x")
    y = autograd.sum([1e16 * x, 3.0 * x, -1e16 * x])
    s = step_through(labelled(y, "y"))
    s.run()
    found = s.why(x)
    assert found.total == 3.0
    assert x.grad == 4.0  # 1e16 + 3 is not a float
    assert str(found).splitlines()[0] == (
        "dy/dx = +3, the sum over 3 paths from y; in floats, which round or overflow on the way, "
        "it is +4"
    )


def test_products_that_overflow_or_vanish_on_the_way_do_not_in_the_end() -> None:
    x = Value(1.0, "x")
    assert step_through(1e-200 * (1e200 * (1e200 * x))).why(x).total == pytest.approx(1e200)
    assert step_through(1e200 * (1e200 * (1e-200 * x))).why(x)[0].product == pytest.approx(1e200)


@pytest.mark.parametrize(
    ("build", "total"),
    [
        (lambda x: math.inf * x, math.inf),
        (lambda x: x - math.inf * x, -math.inf),
        (lambda x: math.inf * x - math.inf * x, math.nan),
        (lambda x: math.nan * x + x, math.nan),
        (lambda x: 0.0 * log(x * 0.0), math.nan),
        (lambda x: -0.0 * x, -0.0),
    ],
)
def test_infinities_and_nan_come_along_their_paths(build: Any, total: float) -> None:
    x = Value(1.0, "x")
    s = step_through(build(x))
    found = s.why(x, limit=1)
    assert found.total == pytest.approx(total, nan_ok=True)
    assert str(found)
    assert not math.isfinite(found[0].product) or found[0].product == total == 0.0


def test_the_path_of_a_nan_comes_first() -> None:
    x = Value(1.0, "x")
    y = autograd.sum([1e300 * x, math.nan * x, math.inf * x])
    products = [path.product for path in step_through(y).why(x)]
    assert math.isnan(products[0]) or math.isinf(products[0])
    assert products[2] == 1e300


def test_no_path_goes_where_no_derivative_passes() -> None:
    x = Value(2.0, "x")
    y = labelled(x * stop_gradient(x) + autograd.step(x) + x, "y")
    found = step_through(y).why(x)
    # dy/dx = stop_gradient(x) + 1
    assert sorted(path.product for path in found) == [1.0, 2.0]
    assert found.count == 2


def test_why_on_a_deep_and_a_wide_graph() -> None:
    x = y = Value(1.0, "x")
    for _ in range(5_000):
        y = y * 0.5 + x
    s = step_through(y)
    found = s.why(x)
    # 1 + 1/2 + 1/4 + ... and the last two paths go all the way down.
    assert found.count == 5_001
    assert [path.product for path in found][:3] == [1.0, 0.5, 0.25]
    assert found.total == 2.0
    assert len(str(found)) < 5_000


@pytest.mark.parametrize("limit", [0, -1])
def test_why_refuses_less_than_one_path(limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit must be .* of at least 1, got {limit};"):
        step_through(lecture_graph()["L"]).why("a", limit)
    with pytest.raises(TypeError, match=r"limit must be a whole number .* got 2\.5 of"):
        step_through(lecture_graph()["L"]).why("a", 2.5)  # type: ignore[arg-type]


# Checks.


def test_every_gradient_of_a_pass_is_checked_wherever_it_stands() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    s.step()
    before = all_bits(nodes["L"])
    for label, derivative in [
        ("L", 1.0), ("d", -2.0), ("f", 4.0), ("e", -2.0), ("c", -2.0), ("a", 6.0), ("b", -4.0)
    ]:  # fmt: skip
        found = s.check(label)
        assert (found.name, found.verdict) == (f"dL/d{label}", "right")
        assert found.analytic == derivative
        assert found.numeric == pytest.approx(derivative, rel=1e-8)
        assert found.x == nodes[label].data
    assert all_bits(nodes["L"]) == before
    assert repr(s.check("a")).startswith("dL/da at 2.0: analytic 6.0, numeric 6 +- ")


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
def test_a_gradient_that_is_off_is_found(op: ops.Op) -> None:
    numbers = [
        x if low < x < high else low + x
        for x, (low, high) in zip((0.7, 1.3, 2.9)[: op.arity or 3], itertools.cycle(op.domain))
    ]
    operands = [Value(x, label) for x, label in zip(numbers, "pqr")]
    s = step_through(labelled(op(*operands) * 2.0, "y"))
    for operand in operands:
        assert s.check(operand).verdict == "right", operand.label
        place = s.steps.place[operand]
        s.steps.gradients[place] = 1.001 * s.steps.gradients[place] + 1e-3
        assert s.check(operand).verdict == "wrong", operand.label


def ties(nodes: Iterable[Value]) -> int:
    """How many maxima and minima there are of equal numbers."""
    choices = [x.operands for x in nodes if x.op in (ops.maximum, ops.minimum)]
    return sum(len({getattr(x, "data", x) for x in operands}) == 1 for operands in choices)


def test_checks_of_random_graphs_contradict_no_gradient() -> None:
    verdicts = []
    for seed in range(200):
        root = random_graph(seed)
        s = step_through(root)
        for step in s.steps:
            if math.isfinite(root.data) and math.isfinite(step.data):
                found = s.check(step.node)
                verdicts.append(found.verdict)
                # A nan that 0 * inf has made on the way is wrong indeed; beside a number this large
                # rounding hides what a wave of it adds to the root; and two ties may make a smooth
                # function, such as min(max(x, x), x), of which the halves are no derivative.
                hidden = any(abs(x) > 1e15 for x in s.steps.data)
                excused = hidden or math.isnan(found.analytic) or ties(s.steps.nodes)
                assert found.verdict != "wrong" or excused, (seed, found)
    # Ties, kinks and jumps, of which these graphs are full, cannot be judged.
    assert verdicts.count("right") > 0.7 * len(verdicts) > 500


def test_what_is_stopped_counts_as_a_constant() -> None:
    x = Value(2.0, "x")
    assert step_through(x * stop_gradient(x)).check(x).verdict == "right"
    assert step_through(stop_gradient(x)).check(x).verdict == "right"


def test_a_kink_is_not_judged() -> None:
    x = Value(0.0, "x")
    found = step_through(relu(x) * 3.0).check(x)
    assert found.verdict == "unclear"
    assert "a kink is likely, for the slope is 0 to the left and 3 to the right" in str(found)


def test_what_cannot_be_checked_is_said() -> None:
    x, y = Value(-1.0, "x"), Value(math.inf, "y")
    with pytest.raises(ValueError, match="cannot check dz/dx: z is nan, and finite diff"):
        step_through(labelled(log(x), "z")).check(x)
    with pytest.raises(ValueError, match="cannot check dz/dy: y is inf, and finite diff"):
        step_through(labelled(tanh(y), "z")).check(y)


def test_a_pass_is_checked_as_it_was_and_a_graph_that_holds_no_longer_is_not_begun() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    nodes["a"].data = 5.0
    assert [str(s.check(name).verdict) for name in "abf"] == ["right"] * 3
    for again in (s.restart, s.forward):
        with pytest.raises(autograd.StaleGraphError, match=r"^e = a \* b holds -6.0, but 5.0 \* "):
            again()
    with pytest.raises(autograd.StaleGraphError, match=r"^e = a \* b holds -6.0, but 5.0 \* "):
        step_through(nodes["L"])
    nodes["L"].recompute()
    assert str(step_through(nodes["L"]).steps[0].node.data) == "10.0"


# A naive order.


def test_a_naive_order_beside_the_right_one() -> None:
    root, _ = waiting_graph()
    before = all_bits(root)
    s = step_through(root)
    s.next()
    state = all_bits(root)
    # From d straight down through c to b, which has 1 * b = 3 of its 7 then, to a.
    assert s.naive() == (
        "depth first, b passes on +3 after 1 of 3 reports; its gradient is +7\n"
        "node   right   naive   passed on\n"
        "d      +1      +1\n"
        "c      +1      +1      +1 (1/1 reported)\n"
        "b      +7      +7      +3 (1/3 reported)\n"
        "a      +14     +6"
    )
    assert all_bits(root) == state
    s.quit()
    assert all_bits(root) == before


def test_a_naive_order_is_right_where_no_result_is_used_twice() -> None:
    shown = step_through(lecture_graph()["L"]).naive().splitlines()
    assert shown[0] == (
        "depth first is right here: no node is taken up before its consumers have reported"
    )
    assert shown[2:4] == ["L      +1      +1", "d      -2      -2      -2 (1/1 reported)"]
    x = Value(3.0, "x")
    assert step_through(x * x + x).naive().startswith("depth first is right here")


def test_a_naive_order_with_special_numbers_and_stopped_edges() -> None:
    verdicts = set()
    for seed in range(60):
        root = random_graph(seed)
        before = all_bits(root)
        shown = step_through(root).naive().splitlines()
        assert len(shown) <= 63
        verdicts.add(shown[0].startswith("depth first is right"))
        assert all_bits(root) == before
    assert verdicts == {True, False}


def test_of_a_large_graph_the_nodes_that_go_wrong_are_shown() -> None:
    x = y = Value(1.0, "x")
    for _ in range(5_000):
        y = y * 0.999 + y * 0.001
    shown = step_through(y).naive().splitlines()
    assert len(shown) == 63
    assert shown[-1].startswith("... and ")
    s = step_through(autograd.sum([x * float(i) for i in range(100)]))
    assert len(s.naive().splitlines()) == 2


# The forward pass.


def test_the_transcript_of_a_forward_pass_and_the_sweep_after_it() -> None:
    nodes = lecture_graph()
    before = all_bits(nodes["L"])
    s = step_through(nodes["L"], forward=True)
    assert repr(s) == "<Stepper forward, before the first value: next() computes [1/3] e = a * b>"
    assert [str(s.next()) for _ in range(3)] == [
        "[1/3] e = a * b = 2 * (-3) = -6",
        "[2/3] d = e + c = (-6) + 10 = +4",
        "[3/3] L = d * f = 4 * (-2) = -8",
    ]
    assert all_bits(nodes["L"]) == before
    assert repr(s) == "<Stepper at the start of 7 nodes: next() takes [1/7] L = d * f>"
    assert str(s.next()).startswith("[1/7] L = d * f\n  upstream dL/dL = +1")
    s.run()
    assert nodes["a"].grad == 6.0


FORWARD_TABLE = """\
forward, after value 1 of 3: next() computes [2/3] d = e + c
node   formula   data
L      d * f     --
d      e + c     --
f      (leaf)    -2
e      a * b     -6
c      (leaf)    +10
a      (leaf)    +2
b      (leaf)    -3"""


def test_values_that_are_not_computed_yet_are_dashes_in_the_table() -> None:
    s = step_through(lecture_graph()["L"], forward=True)
    s.next()
    assert s.table() == FORWARD_TABLE
    s.next()
    s.next()
    assert s.table().splitlines()[1].startswith("node   formula   data   grad")


def test_back_goes_from_the_sweep_into_the_forward_pass() -> None:
    nodes = lecture_graph()
    before = all_bits(nodes["L"])
    s = step_through(nodes["L"], forward=True)
    for _ in range(5):
        s.next()
    assert (s.position, s.values_done, s.is_forward) == (2, 3, False)
    assert s.back(3) == "forward, after value 2 of 3: next() computes [3/3] L = d * f"
    assert (s.position, s.values_done, s.is_forward) == (0, 2, True)
    assert all_bits(nodes["L"]) == before
    step = s.step()
    assert isinstance(step, ForwardStep)
    assert (step.data, step.operands, step.node) == (-8.0, (4.0, -2.0), nodes["L"])
    assert s.back(100) == "forward, before the first value: next() computes [1/3] e = a * b"
    assert s.back().startswith("nothing to go back to: forward, before")
    assert s.current is nodes["e"]
    s.until("e")
    assert (s.position, s.values_done) == (3, 3)
    assert s.restart().startswith("forward, before the first value")
    s.add_breakpoint("L")
    assert s.run().startswith("breakpoint 1, before L changes: at the start of 7 nodes")
    assert s.run().startswith("at the end")


def test_a_forward_pass_may_be_asked_for_later() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    assert not s.is_forward
    assert s.values_done == len(s.values) == 3
    assert s.forward() == "forward, before the first value: next() computes [1/3] e = a * b"
    assert [step.node.label for step in s.values] == ["e", "d", "L"]
    assert [step.number for step in s.values[1:]] == [2, 3]
    assert repr(s.values) == "<3 forward steps>"
    assert nodes["d"].grad == 0.0
    s.quit()
    assert s.forward().startswith("nothing to restart: the pass was quit")
    assert not s.is_forward
    assert s.table().startswith("the pass was quit")


def test_a_leaf_has_no_forward_pass() -> None:
    s = step_through(Value(1.0, "x"), forward=True)
    assert not s.is_forward
    assert str(s.next()).startswith("[1/1] x = +1 (leaf)")


def test_values_are_computed_after_their_operands_from_left_to_right() -> None:
    x = Value(2.0, "x")
    y = labelled(exp(x), "p") * labelled(labelled(x * x, "q") + 1.0, "r")
    assert [step.names[step.node] for step in step_through(y).values][:3] == ["p", "q", "r"]
    for seed in range(40):
        s = step_through(random_graph(seed), forward=True)
        done: set[Value] = set()
        for step in s.values:
            assert all(
                x in done or x.op is None for x in step.node.operands if isinstance(x, Value)
            )
            done.add(step.node)
            again = step.node.op.forward(*step.operands)
            assert again == step.data or math.isnan(step.data)
        assert len(done) == sum(step.node.op is not None for step in s.steps)


def test_a_forward_pass_shows_what_was_recorded() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"], forward=True)
    data = {label: node.data for label, node in nodes.items()}
    while not s.done:
        s.next()
        assert {label: node.data for label, node in nodes.items()} == data


# Large graphs.


def test_a_table_of_a_large_graph_shows_the_part_around_the_position() -> None:
    values = [Value(float(i), f"x{i}") for i in range(1, 201)]
    s = step_through(labelled(autograd.sum(values), "y"))
    lines = s.table().splitlines()
    assert len(lines) == 63
    assert lines[-1] == (
        "(0 nodes before and 141 after these are left out; table(all=True) shows them)"
    )
    s.until("x100")
    lines = s.table().splitlines()
    assert lines[2].startswith("x70 ")
    assert lines[-2].startswith("x129 ")
    assert lines[-1].startswith("(70 nodes before and 71 after these")
    s.run()
    assert s.table().splitlines()[-2].startswith("x200 ")
    assert len(s.table(all=True).splitlines()) == 203
    s.forward()
    assert len(s.table().splitlines()) == 63


def test_a_picture_of_the_pass_emphasises_the_node_that_is_next() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    assert s.draw().source == autograd.draw(nodes["L"], highlight=nodes["L"]).source
    s.until("e")
    here = s.draw(rankdir="TB").source
    assert here == autograd.draw(nodes["L"], highlight=nodes["e"], rankdir="TB").source
    s.run()
    assert s.draw().source == autograd.draw(nodes["L"], highlight=nodes["b"]).source
    assert (
        s.draw(highlight=nodes["a"]).source
        == autograd.draw(nodes["L"], highlight=nodes["a"]).source
    )
