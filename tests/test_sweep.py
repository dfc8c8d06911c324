"""The reverse sweep: its order, the gradients it gives, and what it leaves alone.

Expected gradients are worked out by hand, by sympy, or as the sum over all paths in exact
fractions; none comes from the rules of the table.
"""

import copy
import gc
import math
import operator
import os
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Op, Value, grad, stop_gradient, where, zero_grad
from autograd.core import ops
from autograd.core.sweep import (
    consumers_first,
    count_consumers,
    evaluation_order,
    gradients,
    local_partials,
    reports,
    sweep,
)

ROOT = Path(autograd.__file__).parents[1]

repeatably = settings(derandomize=True, deadline=None, database=None)


def run_python(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Numbers typed by hand ---------------------------------------------------------------------------


def test_a_node_waits_for_its_last_consumer() -> None:
    # c reports 2 b = 6 to b only after d has reported 1: b is used on two levels.
    a = Value(1.5)
    b = a + a
    c = b * b
    d = c + b
    d.backward()
    assert (d.data, d.grad, c.grad, b.grad, a.grad) == (12.0, 1.0, 1.0, 7.0, 14.0)
    d.backward()
    assert (d.grad, c.grad, b.grad, a.grad) == (1.0, 1.0, 7.0, 28.0)
    assert consumers_first(d) == [d, c, b, a]
    assert count_consumers(d) == {d: 0, c: 1, b: 3, a: 2}


def test_micrograds_sanity_check() -> None:
    # By hand: z = 3 x + 2 = -10 and z' = 3, so relu(z) = 0 and relu' = 0. q = z x = 40 and
    # q' = 3 x + z = -22. h = z^2 = 100 and h' = 2 z z' = -60. y = h + q + q x = -20 and
    # y' = h' + q' + q' x + q = -60 - 22 + 88 + 40 = 46.
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_micrograds_more_operations() -> None:
    # By hand: c = 3 a + 4 b + 3 = -1, and with relu(b + a) = 0 and relu(b - a) = b - a = 6,
    # d = 12 (a b + b^3) + b - a = 6, so e = c - d = -7 with the slopes 3 - (12 b - 1) = -20 in a
    # and 4 - (12 a + 36 b^2 + 1) = -93 in b. g = e^2 / 2 + 10 / e^2 = 2421/98, with the slope
    # e - 20 / e^3 = -2381/343 in e.
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert g.data == pytest.approx(2421 / 98, rel=1e-15)
    assert a.grad == pytest.approx(20 * 2381 / 343, rel=1e-15)
    assert b.grad == pytest.approx(93 * 2381 / 343, rel=1e-15)


def test_the_root_may_be_a_leaf() -> None:
    a = Value(3.0)
    a.backward()
    assert a.grad == 1.0
    a.backward()
    assert a.grad == 2.0
    assert grad(a, a) == (1.0,)


def test_leaves_accumulate_over_roots_and_interior_nodes_are_set() -> None:
    w = Value(3.0)
    shared = w * 2
    (shared * 5).backward()
    assert (w.grad, shared.grad) == (10.0, 5.0)
    (shared * 7).backward()
    assert (w.grad, shared.grad) == (24.0, 7.0)


def test_a_constant_has_no_gradient_and_its_rule_is_not_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode(*_: object) -> float:
        raise AssertionError("a rule that nobody asked for")

    x = Value(-2.0)
    for rules in ("slopes", "rules"):
        by_base, _ = getattr(ops.pow, rules)
        monkeypatch.setattr(ops.pow, rules, (by_base, explode))
        _, by_factor = getattr(ops.xlogy, rules)
        monkeypatch.setattr(ops.xlogy, rules, (explode, by_factor))
    for root, slope in (((x**3), 12.0), (ops.xlogy(5.0, x), -2.5)):
        assert grad(root, x) == (slope,)
        (by_graph,) = grad(root, x, create_graph=True)
        assert by_graph.data == slope
        assert None in local_partials(root)


@pytest.mark.parametrize(
    "operands", [(Value(2.0), Value(3.0)), (Value(2.0), 3.0), (2.0, Value(3.0))], ids=str
)
def test_a_rule_is_given_the_result_and_all_operands(
    operands: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, ...]] = []
    rules = tuple([lambda z, x, y, i=i: seen.append((i, z, x, y)) or 0.0 for i in range(2)])
    monkeypatch.setattr(ops.xlogy, "slopes", rules)
    z = ops.xlogy(*operands)
    local_partials(z)
    assert seen == [(i, z.data, 2.0, 3.0) for i in range(2) if isinstance(operands[i], Value)]


def test_a_slope_of_one_adds_no_node_to_a_derivative() -> None:
    x, y = Value(0.5), Value(2.0)
    total = x + y
    by_total, by_x, by_y = grad(total.sin(), [total, x, y], create_graph=True)
    assert by_x is by_y is by_total


def test_there_is_one_partial_for_each_operand() -> None:
    x, y = Value(0.5), Value(2.0)
    assert local_partials(x) == ()
    assert local_partials(x - y) == (1.0, -1.0)
    assert local_partials(ops.sum(x, y, x)) == (1.0, 1.0, 1.0)


def test_a_rule_counts_for_as_long_as_somebody_tries_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Value(0.5)
    before = x.tanh()
    with monkeypatch.context() as tried:
        tried.setattr(ops.tanh, "slopes", (lambda z, x: 7.0,))
        tried.setattr(ops.sin, "forward", lambda x: 0.25)
        assert grad(before, x) == grad(x.tanh(), x) == (7.0,)
        assert x.sin().data == 0.25
    assert grad(before, x) == grad(x.tanh(), x) == pytest.approx((1.0 / math.cosh(0.5) ** 2,))
    assert x.sin().data == math.sin(0.5)


def test_a_rule_for_many_operands_is_not_evaluated_for_constants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, seen = Value(0.0), []
    (rule,) = ops.logsumexp.slopes
    monkeypatch.setattr(ops.logsumexp, "slopes", (lambda z, x, t: seen.append(x) or rule(z, x, t),))
    nodes, found = gradients(ops.logsumexp(0.0, x, -1000.0))
    assert dict(zip(nodes, found, strict=True))[x] == 0.5
    assert seen == [0.0]


# Order -------------------------------------------------------------------------------------------

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
# A plan of a graph: how many leaves, their numbers, and operations on what is there already; a
# position beyond that is a constant.
Plan = tuple[list[int], list[tuple[str, int, int]]]


@st.composite
def plans(draw: st.DrawFn, most_operations: int) -> Plan:
    leaves = draw(st.lists(st.integers(-3, 3), min_size=1, max_size=3))
    steps = []
    for k in range(draw(st.integers(1, most_operations))):
        there = len(leaves) + k
        operands = st.integers(0, there)
        i, j = draw(operands), draw(operands)
        steps.append((draw(st.sampled_from("+-*")), i, min(j, there - 1) if i == there else j))
    return leaves, steps


def build(plan: Plan, number: Callable[[int], Any]) -> list[Any]:
    """The plan carried out on numbers of some kind: all nodes, in the order of the plan."""
    leaves, steps = plan
    nodes = [number(x) for x in leaves]
    for symbol, i, j in steps:
        x, y = (nodes[k] if k < len(nodes) else 2 for k in (i, j))
        nodes.append(OPERATORS[symbol](x, y))
    return nodes


@given(plans(most_operations=25))
@repeatably
def test_each_node_comes_once_and_after_all_its_consumers(plan: Plan) -> None:
    root = build(plan, Value)[-1]
    order = consumers_first(root)
    position = {node: k for k, node in enumerate(order)}
    assert order[0] is root and len(position) == len(order)
    uses: Counter[Value] = Counter()
    for node in order:
        for operand in node.operands:
            if isinstance(operand, Value):
                uses[operand] += 1
                assert position[operand] > position[node]
    assert set(uses) | {root} == set(order)
    assert count_consumers(root) == {node: uses[node] for node in order}
    assert [node for node, _, _ in sweep(root)] == order


def test_operands_come_first_and_from_left_to_right() -> None:
    a, b, c, f = Value(2.0), Value(-3.0), Value(10.0), Value(-2.0)
    e = a * b
    d = e + c
    root = d * f
    assert evaluation_order(root) == [a, b, e, c, d, f, root]
    assert evaluation_order(root * e) == [a, b, e, c, d, f, root, ANY]
    square = a * a
    assert evaluation_order(2.0 + square * square) == [a, square, ANY, ANY]
    assert evaluation_order(a) == [a]


@given(plans(most_operations=25))
@repeatably
def test_each_node_comes_once_and_after_all_its_operands(plan: Plan) -> None:
    root = build(plan, Value)[-1]
    order = evaluation_order(root)
    position = {node: k for k, node in enumerate(order)}
    assert set(order) == set(consumers_first(root)) and len(position) == len(order)
    for node in order:
        assert all(position[x] < position[node] for x in node.operands if isinstance(x, Value))


def paths_from(plan: Plan, values: list[Fraction]) -> Iterator[tuple[int, Fraction]]:
    """Each path down from the last node: where it ends, and the product of the slopes along it.

    Plus, minus and times are linear in each operand, so the slope is the difference of two values.
    """
    leaves, steps = plan
    unfinished = [(len(values) - 1, Fraction(1))]
    while unfinished:
        node, product = unfinished.pop()
        yield node, product
        if node >= len(leaves):
            symbol, i, j = steps[node - len(leaves)]
            apply = OPERATORS[symbol]
            x, y = (values[k] if k < node else Fraction(2) for k in (i, j))
            if i < node:
                unfinished.append((i, product * (apply(x + 1, y) - apply(x, y))))
            if j < node:
                unfinished.append((j, product * (apply(x, y + 1) - apply(x, y))))


@given(plans(most_operations=9))
@settings(repeatably, max_examples=200)
def test_a_gradient_is_the_sum_over_all_paths(plan: Plan) -> None:
    values = build(plan, Fraction)
    expected = [Fraction(0)] * len(values)
    size = Fraction(0)
    for node, product in paths_from(plan, values):
        expected[node] += product
        size += abs(product)
    # Below 2^53 every integer on the way is a float, and no rounding can blur the comparison.
    assume(max(size, *map(abs, values)) < 2**53)
    nodes = build(plan, Value)
    root = nodes[-1]
    assert [node.data for node in nodes] == values
    assert list(grad(root, nodes)) == expected
    assert [g.data for g in grad(root, nodes, create_graph=True)] == expected
    root.backward()
    reached = set(consumers_first(root))
    assert [node.grad for node in nodes] == [
        slope if node in reached else 0 for node, slope in zip(nodes, expected, strict=True)
    ]
    assert {node: gradient for node, gradient, _ in sweep(root)} == {
        node: slope for node, slope in zip(nodes, expected, strict=True) if node in reached
    }


# grad --------------------------------------------------------------------------------------------


def test_derivatives_to_third_order_are_sympys() -> None:
    def f(x: Any, y: Any, functions: Any) -> Any:
        smooth = functions.tanh(x * y) * functions.exp(x / 3) + functions.sin(x - y) / (1 + y**2)
        return smooth + functions.log(x + y) * functions.sqrt(x) + x**y

    symbols = sympy.symbols("x y", positive=True)
    point = {symbols[0]: sympy.Rational(3, 4), symbols[1]: sympy.Rational(5, 4)}
    formula = f(*symbols, sympy)
    leaves = [Value(0.75), Value(1.25)]
    root = f(*leaves, autograd)
    assert root.data == pytest.approx(float(formula.evalf(30, subs=point)), rel=1e-14)

    first = grad(root, leaves, create_graph=True)
    for i, g in enumerate(first):
        second = grad(g, leaves, create_graph=True)
        for j, h in enumerate(second):
            third = grad(h, leaves)
            for k, t in enumerate(third):
                by = [symbols[i], symbols[j], symbols[k]]
                for found, variables in ((g.data, by[:1]), (h.data, by[:2]), (t, by)):
                    expected = sympy.diff(formula, *variables).evalf(30, subs=point)
                    assert found == pytest.approx(float(expected), rel=1e-12), variables


def test_a_gradient_with_its_graph_is_a_function_of_the_leaves() -> None:
    x = Value(2.0)
    (slope,) = grad(x**3, x, create_graph=True)
    assert type(slope) is Value and slope.data == 12.0
    (curvature,) = grad(slope, x, create_graph=True)
    assert curvature.data == 12.0
    assert grad(curvature, x) == (6.0,)
    # It can take part in a loss: d/dx (3 x^2)^2 = 36 x^3.
    loss = slope * slope
    loss.backward()
    assert x.grad == 288.0


def test_gradients_by_interior_nodes_repeated_inputs_and_inputs_out_of_reach() -> None:
    x, y = Value(2.0), Value(5.0)
    z = x * x
    root = z * 3
    above = root * y
    assert grad(root, [z, x, x, y, above, root]) == (3.0, 12.0, 12.0, 0.0, 0.0, 1.0)
    with_graph = grad(root, [y, z, y], create_graph=True)
    assert [g.data for g in with_graph] == [0.0, 3.0, 0.0]
    assert all(type(g) is Value for g in with_graph)
    assert grad(root, []) == ()
    assert grad(root, x) == (12.0,)
    assert grad(root, iter([x])) == (12.0,)


def test_derivatives_that_are_graphs_are_named_where_both_have_a_label() -> None:
    a, b, nameless, apart = Value(2.0, "a"), Value(3.0, "b"), Value(5.0), Value(7.0, "c")
    L = a * a * b * nameless
    L.label = "L"
    first = grad(L, [a, b, nameless, apart], create_graph=True)
    assert [g.label for g in first] == ["dL/da", "dL/db", "", "dL/dc"]
    assert grad(first[0], b, create_graph=True)[0].label == "d(dL/da)/db"
    assert (a.label, b.label, nameless.label) == ("a", "b", "")
    L.label = ""
    assert [g.label for g in grad(L, [a, apart], create_graph=True)] == ["", ""]


def test_a_derivative_whose_label_would_be_longer_than_64_characters_has_none() -> None:
    x = Value(2.0, "x")
    for length, label in ((60, f"d{'L' * 60}/dx"), (61, "")):
        root = (x * x).sin()
        root.label = "L" * length
        (slope,) = grad(root, x, create_graph=True)
        assert slope.label == label


def test_a_node_that_is_several_derivatives_is_called_after_none() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    L = (a + b) * c
    L.label = "L"
    by_a, by_b, by_c = grad(L, [a, b, c], create_graph=True)
    assert by_a is by_b
    assert [by_a.label, by_c.label] == ["", "dL/dc"]


def test_grad_goes_no_further_down_than_it_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    (rule,) = ops.tanh.rules
    monkeypatch.setattr(ops.tanh, "rules", (lambda *operands: calls.append(1) or rule(*operands),))
    middle = top = Value(0.5).tanh().tanh().tanh().tanh()
    for _ in range(3):
        top = top.tanh()
    grad(top, middle, create_graph=True)
    assert 3 <= len(calls) <= 4


def test_grad_touches_no_gradient() -> None:
    x, w = Value(2.0), Value(3.0)
    root = (w * x).tanh() + x
    nodes = consumers_first(root)
    for k, node in enumerate(nodes):
        node.grad = 100.0 + k
    before = [(node.data, node.grad, node.op, node.operands) for node in nodes]
    grad(root, [x, w])
    (slope, _) = grad(root, [x, w], create_graph=True)
    grad(slope, x)
    list(sweep(root))
    assert [(node.data, node.grad, node.op, node.operands) for node in nodes] == before


@pytest.mark.parametrize(
    ("output", "inputs", "said"),
    [
        (3.0, [Value(1.0)], "output is 3.0 of type float"),
        (Value(1.0), 3.0, "inputs[0] is 3.0 of type float"),
        (Value(1.0), None, "inputs[0] is None of type NoneType"),
        (Value(1.0), [Value(1.0), "x"], "inputs[1] is 'x' of type str"),
    ],
)
def test_grad_refuses_what_is_no_value(output: Any, inputs: Any, said: str) -> None:
    with pytest.raises(TypeError) as error:
        grad(output, inputs)
    assert str(error.value) == (
        f"grad() differentiates Values, but {said}; "
        "make it one with Value(...) before computing with it"
    )


def test_grad_of_several_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"; for several outputs add them up, or call it for each$"):
        grad([Value(1.0)], [Value(1.0)])  # type: ignore[call-overload]


# zero_grad, stop_gradient, where -----------------------------------------------------------------


def test_zero_grad_takes_a_root_or_a_collection() -> None:
    a, b = Value(2.0), Value(3.0)
    c = a * b
    root = c * a
    root.backward()
    zero_grad([a, c])
    assert (root.grad, c.grad, a.grad, b.grad) == (1.0, 0.0, 0.0, 4.0)
    root.backward()
    zero_grad(root)
    assert [node.grad for node in (root, c, a, b)] == [0.0] * 4
    root.backward()
    zero_grad(node for node in (a, b))
    assert (a.grad, b.grad, c.grad) == (0.0, 0.0, 2.0)
    zero_grad([])


def test_zero_grad_refuses_the_whole_collection_or_none_of_it() -> None:
    a = Value(2.0)
    a.backward()
    for bad in ([a, 3.0], [a, None], 3.0, [[a]]):
        with pytest.raises(TypeError, match=r"zero_grad\(\) takes a Value or a collection of Val"):
            zero_grad(bad)  # type: ignore[arg-type]
        assert a.grad == 1.0
    with pytest.raises(TypeError) as error:
        zero_grad([a, 3.0])  # type: ignore[list-item]
    assert str(error.value) == (
        "zero_grad() takes a Value or a collection of Values, which holds 3.0 of type float; "
        "pass the leaves themselves, or the root of the graph"
    )


def test_no_gradient_passes_stop_gradient() -> None:
    x = Value(3.0)
    root = x * stop_gradient(x * x)
    root.backward()
    assert (root.data, x.grad) == (27.0, 9.0)
    # Not even an infinite one: 0 * inf would be nan.
    y = Value(0.0)
    assert grad(stop_gradient(y).log() + y, y) == (1.0,)


def test_where_hands_the_gradient_to_the_branch_that_was_taken() -> None:
    x, y = Value(2.0), Value(5.0)
    for condition, expected in ((Value(1.0), (3.0, 0.0, 0.0)), (Value(-0.0), (0.0, 1.0, 0.0))):
        root = where(condition, x * 3, y)
        assert grad(root, [x, y, condition]) == expected
    assert where(True, x, y) is x and where(0.0, x, y) is y and where(x > y, x, y) is y
    # The branch that was not taken may be as bad as it likes.
    z = Value(0.0)
    assert grad(where(z, 5.0, 1.0), z) == (0.0,)
    assert math.isnan(grad(where(Value(0.0), z.log(), 1.0), z)[0])


# Interruption ------------------------------------------------------------------------------------


def test_an_interrupted_backward_changes_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Op("interrupted", "x ** 3", "3 * x ** 2")
    x, w = Value(0.5), Value(2.0)
    h = own(w * x)
    root = h * w + x
    nodes = consumers_first(root)
    assert nodes.index(h) > 0  # something has been swept when the interruption comes
    for k, node in enumerate(nodes):
        node.grad = 100.0 + k

    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as planted:
        planted.setattr(own, "slopes", (interrupt,))
        with pytest.raises(KeyboardInterrupt):
            root.backward()
    assert [node.grad for node in nodes] == [100.0 + k for k in range(len(nodes))]
    gradients = grad(root, nodes)
    root.backward()
    assert [node.grad for node in nodes] == [
        gradient if node.op else 100.0 + k + gradient
        for k, (node, gradient) in enumerate(zip(nodes, gradients, strict=True))
    ]


# Size, memory, determinism -----------------------------------------------------------------------


@pytest.fixture
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collector")
def test_a_chain_of_a_million_operations_is_built_swept_and_freed() -> None:
    x = Value(1.0)
    node = x
    for _ in range(500_000):
        node = node * 0.999999 + 1e-7
    middle = weakref.ref(node.operands[0])
    node.backward()
    # 1e-7 / (1 - 0.999999) = 0.1 is where it goes, by a factor of 0.999999 in each step.
    factor = math.exp(500_000 * math.log1p(-1e-6))
    assert x.grad == pytest.approx(factor, rel=1e-9)
    assert node.data == pytest.approx(0.1 + 0.9 * factor, rel=1e-9)
    bottom = weakref.ref(x)
    del node, x
    assert middle() is None and bottom() is None


def test_a_wide_sum_is_swept() -> None:
    x = Value(2.0)
    total = ops.sum(*[x] * 100_000)
    assert total.data == 200_000.0 and grad(total, x) == (100_000.0,)


@pytest.mark.usefixtures("no_garbage_collector")
def test_dropped_graphs_leave_nothing_for_the_garbage_collector() -> None:
    def count() -> int:
        return sum(isinstance(thing, Value) for thing in gc.get_objects())

    def graph() -> weakref.ref[Value]:
        x, w = Value(0.3), Value(0.7)
        node = x
        for _ in range(25):
            node = (node * w + x).tanh() / 2.0
        node.backward()
        (slope,) = grad(node, w, create_graph=True)
        slope.backward()
        next(iter(sweep(node)))
        return weakref.ref(w)

    before = count()
    leaves = [graph() for _ in range(1000)]
    assert all(leaf() is None for leaf in leaves)
    assert count() == before


GRADIENTS_OF_A_TANGLE = """
import random
from autograd import Value, grad
generator = random.Random(5)
leaves = [Value(generator.uniform(-1, 1)) for _ in range(5)]
nodes = list(leaves)
for _ in range(300):
    x, y = generator.sample(nodes[-40:], 2)
    nodes.append(generator.choice([x + y, x * y, (x - y).tanh(), (x + y).sin()]))
root = sum(nodes[-20:])
root.backward()
print([leaf.grad.hex() for leaf in leaves], [node.grad.hex() for node in nodes])
second = grad(grad(root, leaves[0], create_graph=True)[0], leaves)
print([g.hex() for g in second])
"""


def test_gradients_are_the_same_to_the_bit_in_every_process() -> None:
    answers = {
        run_python("-c", GRADIENTS_OF_A_TANGLE, PYTHONHASHSEED=seed, PYTHONPATH=str(ROOT))
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1
    assert "0x1." in answers.pop()


def test_the_engine_needs_nothing_but_the_standard_library() -> None:
    # Without site-packages, so that what is not in the standard library is not to be had.
    script = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import autograd
x = autograd.Value(2.0)
(x * x).backward()
assert x.grad == 4.0
print(*sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    loaded = set(run_python("-I", "-S", "-c", script).split())
    assert "autograd" in loaded
    assert loaded - {"autograd", "__main__"} <= set(sys.stdlib_module_names)


def test_importing_the_engine_imports_no_tool() -> None:
    script = "import sys, autograd; print(*sorted(sys.modules))"
    loaded = set(run_python("-c", script, PYTHONPATH=str(ROOT)).split())
    assert not loaded & {"numpy", "graphviz", "pygraphviz", "matplotlib", "rich", "jax", "nn"}


STOPPED = {
    "stop_gradient": lambda x: autograd.stop_gradient(autograd.log(x)) + x,
    "step": lambda x: autograd.step(1.0 / x) + x,
    "condition": lambda x: autograd.where(autograd.less(autograd.log(x), 0.0), x, 0.0),
}


@pytest.mark.parametrize("f", STOPPED.values(), ids=STOPPED)
def test_an_infinite_slope_below_a_stop_does_no_harm(f) -> None:
    # Each is x plus something that no derivative passes, whose own slope at 0 is infinite.
    x = Value(0.0)
    z = f(x)
    z.backward()
    assert x.grad == 1.0
    [first] = grad(f(x), [x], create_graph=True)
    assert first.data == 1.0
    y = Value(0.0)
    autograd.step_through(f(y)).run()
    assert y.grad == 1.0


def test_an_infinite_gradient_does_not_reach_a_condition() -> None:
    c, x = Value(1.0), Value(0.0)
    root = autograd.sqrt(autograd.where(c, x, 5.0))
    assert grad(root, [x, c]) == (math.inf, 0.0)
    assert [g.data for g in grad(root, [x, c], create_graph=True)] == [math.inf, 0.0]


def test_a_stopped_part_is_set_to_zero_like_the_rest() -> None:
    x = Value(2.0)
    stopped = x * x
    z = autograd.stop_gradient(stopped) * x
    stopped.grad = 5.0  # left by an earlier pass
    z.backward()
    assert (stopped.grad, x.grad) == (0.0, 4.0)


def test_a_deep_copy_is_the_same_graph_apart() -> None:
    a = Value(1.5, "a")
    b = a + a
    c = b * b
    d = c + b
    copied = copy.deepcopy(d)
    copied.backward()
    nodes = autograd.consumers_first(copied)
    assert [(n.data, n.label) for n in nodes] == [
        (n.data, n.label) for n in autograd.consumers_first(d)
    ]
    assert nodes[-1].grad == 14.0
    assert a.grad == d.grad == 0.0
    first, second = copy.deepcopy([b, c])
    assert second.operands == (first, first)


def test_a_deep_copy_of_a_deep_graph_does_not_recurse() -> None:
    value = Value(0.0)
    for _ in range(100_000):
        value = value + 1.0
    assert copy.deepcopy(value).data == 100_000.0


# Edge by edge.


def test_every_operand_that_is_a_node_is_reported_to_once_for_each_of_its_places() -> None:
    a = Value(2.0, "a")
    b = a + a
    c = b * 3.0
    d = stop_gradient(a) * c
    told = [(r.consumer, r.position, r.operand, r.upstream, r.partial) for r in reports(d)]
    stopped = d.operands[0]
    assert told == [
        (d, 0, stopped, 1.0, 12.0),
        (d, 1, c, 1.0, 2.0),
        (stopped, 0, a, 12.0, None),
        (c, 0, b, 2.0, 3.0),
        (b, 0, a, 6.0, 1.0),
        (b, 1, a, 6.0, 1.0),
    ]
    assert [(r.contribution, r.total) for r in reports(d)] == [
        (12.0, 12.0),
        (2.0, 2.0),
        (0.0, 0.0),
        (6.0, 6.0),
        (6.0, 6.0),
        (6.0, 12.0),
    ]


def test_the_last_total_is_the_gradient_bit_for_bit() -> None:
    xs = [Value(0.1 * k) for k in range(1, 8)]
    root = autograd.sum([x * y / (x + 0.3) for x in xs for y in xs[2:]])
    totals = {report.operand: report.total for report in reports(root)}
    assert {x: totals[x] for x in xs} == dict(zip(xs, grad(root, xs)))
    # A sum that began with 0.0 would make 0.0 of this.
    x = Value(1.0)
    [report] = reports(x * -0.0)
    assert math.copysign(1.0, report.total) == -1.0


def test_nodes_that_are_put_together_wrongly_are_no_crash() -> None:
    a, b = Value(1.0), Value(2.0)
    for op in [ops.mul, ops.logsumexp]:
        blank = Value(3.0)
        blank.op = op  # without operands
        with pytest.raises(ValueError, match=r"unpack|empty"):
            (blank * 2.0).backward()
    short = a * b
    short.operands = (a,)
    with pytest.raises(ValueError, match="unpack"):
        grad(short, a)
    leaf = a * b
    leaf.op, leaf.operands = None, ()
    (leaf * 2.0).backward()
    assert (leaf.grad, a.grad) == (2.0, 0.0)


def test_where_calls_are_too_deep_a_number_is_right_or_refused() -> None:
    x, found = Value(3.0), set[float]()
    distance = autograd.hypot(x, 4.0)

    def deeper() -> None:
        found.add(autograd.hypot(x, 4.0).data)
        found.add(grad(autograd.atan(x), x)[0])
        distance.recompute()
        deeper()

    with pytest.raises(RecursionError):
        deeper()
    assert len(found) == 2 and 5.0 in found and not any(map(math.isnan, found))
    assert distance.data == 5.0
