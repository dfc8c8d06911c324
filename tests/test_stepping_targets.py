"""Tests of where a pass stops: targets, conditions, breakpoints, watches.

What a session says is typed by hand, on the graph L = (a * b + c) * f and on others whose
gradients a person can work out.
"""

import math
import re
from typing import Any

import pytest
from test_stepping import all_bits, labelled, lecture_graph

import autograd
from autograd import Value, log, record_source, step_through, tanh
from autograd.stepping.conditions import LONGEST, parse_condition
from autograd.stepping.stepper import Stepper
from autograd.stepping.steps import Step

# Conditions.


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each report: how they are folded is tested in ``test_lines.py``."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(
    ("text", "grad", "data", "holds"),
    [
        ("grad > 10", 10.5, 0.0, True),
        ("grad > 10", 10.0, 0.0, False),
        ("grad>=10", 10.0, 0.0, True),
        ("isnan", math.nan, 0.0, True),
        ("isnan", 0.0, math.nan, False),
        ("isnan(data)", 0.0, math.nan, True),
        ("isinf", -math.inf, 0.0, True),
        ("not isfinite", math.nan, 0.0, True),
        ("not isfinite", 1e308, 0.0, False),
        ("abs(grad) < 1e-6", -1e-7, 0.0, True),
        ("abs(grad) < 1e-6", -1e-5, 0.0, False),
        ("data > 0 and grad < 0", -1.0, 2.0, True),
        ("data > 0 and grad < 0", -1.0, -2.0, False),
        ("data > 0 or grad < 0", -1.0, -2.0, True),
        ("-1 < grad <= 2 * data - 1", 3.0, 2.0, True),
        ("-1 < grad <= 2 * data - 1", 3.5, 2.0, False),
        ("-1 < grad <= 2 * data - 1", -1.0, 2.0, False),
        ("grad == inf", math.inf, 0.0, True),
        ("grad != data", math.nan, math.nan, True),
        ("1 / data > 0", 0.0, 0.0, True),
        ("grad ** 2 < data ** -1", 0.5, 2.0, True),
        ("isinf(9 ** 9 ** 9 ** 9)", 0.0, 0.0, True),
        ("  grad\n > \t 1 ", 2.0, 0.0, True),
        ("not (grad > 1 or data > 1)", 1.0, 1.0, True),
        ("+grad + -data > 0", 2.0, 1.0, True),
        ("log(abs(grad)) < -1 and grad % 2 == 0.25 or isnan(sqrt(data))", 0.25, 1.0, True),
        ("-7 // 2 == -4 and (grad if data > 0 else -grad) > 0", -1.0, -1.0, True),
    ],
)
def test_conditions(text: str, grad: float, data: float, holds: bool) -> None:
    assert parse_condition(text)(grad, data) is holds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot read"),
        ("grad >", "cannot read"),
        ("grad = 1", "cannot read"),
        ("grad > 1; data", "cannot read"),
        ("\0", "cannot read"),
        ("(" * 150, "cannot read"),
        ("grad", "it is neither true nor false"),
        ("abs", "it is neither true nor false"),
        ("abs(grad)", "it is neither true nor false"),
        ("True", "it is neither true nor false"),
        ("grad > True", '"True" is no number'),
        ("w > 3", '"w" is no number'),
        ("isnan > 1", '"isnan" is no number'),
        ("not grad", '"grad" is neither true nor false'),
        ("grad > 1 and data", '"data" is neither true nor false'),
        ("grad @ 2 > 1", '"grad @ 2" is no number'),
        ("grad > tanx(data)", '"tanx(data)" is no number'),
        ("grad in data", "it is neither true nor false"),
        ("grad is data", "it is neither true nor false"),
        ("~1 > 0", '"~1" is no number'),
        ("grad > 'a'", "\"'a'\" is no number"),
        ("grad > 1j", '"1j" is no number'),
        ("isnan(grad, data)", "it is neither true nor false"),
        ("isnan(x=grad)", "it is neither true nor false"),
        ("abs(grad, 1) > 1", '"abs(grad, 1)" is no number'),
        ("grad.real > 1", '"grad.real" is no number'),
        ("grad.__class__", "it is neither true nor false"),
        ("__import__('os').system('id')", "it is neither true nor false"),
        ("[x for x in (1,)]", "it is neither true nor false"),
        ("(lambda: 1)() > 0", "is no number"),
        ("grad > (data := 1)", "is no number"),
        ("1 if grad else 2", "it is neither true nor false"),
        ("isnan if grad > 1 else isinf", '"isnan" is no number'),
        ("*grad", "cannot read"),
        ("f'{grad}'", "it is neither true nor false"),
        ("a" * (LONGEST + 1), f"at most {LONGEST} characters, got {LONGEST + 1}"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)) as caught:
        parse_condition(text)
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_the_deepest_condition_can_be_evaluated() -> None:
    assert parse_condition("-" * (LONGEST - 5) + "1 < 0")(0.0, 0.0) is (LONGEST % 2 == 0)
    parse_condition("not " * 40 + "isnan")(0.0, 0.0)


# until.


def waiting_graph() -> tuple[Value, dict[str, Value]]:
    """d = c + b, c = b * b, b = a + a at a = 1.5: gradients d 1, c 1, b 7, a 14."""
    a = Value(1.5, "a")
    b = labelled(a + a, "b")
    c = labelled(b * b, "c")
    return labelled(c + b, "d"), {"a": a, "b": b, "c": c}


@pytest.mark.parametrize("target", ["e", "value", "grad == -2 and data == -6", "function"])
def test_until_ends_before_the_targets_own_step_with_its_gradient_final(target: str) -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    chosen: Any = {"value": nodes["e"], "function": lambda node, grad: node is nodes["e"]}.get(
        target, target
    )
    shown = s.until(chosen)
    assert shown.endswith("at position 3 of 7: next() takes [4/7] e = a * b")
    assert (s.position, s.edges_done) == (3, 0)
    assert [nodes[x].grad for x in "LdfeCab".lower().replace("l", "")] == [-2, 4, -2, -2, 0, 0]
    assert nodes["L"].grad == 1.0


def test_what_until_says() -> None:
    s = step_through(lecture_graph()["L"])
    assert s.until("L") == "until L: at the start of 7 nodes: next() takes [1/7] L = d * f"
    assert s.until("d") == "until d: at position 1 of 7: next() takes [2/7] d = e + c"
    assert s.until("d") == "d is next already: at position 1 of 7: next() takes [2/7] d = e + c"
    assert s.until("mul") == "until mul: at position 3 of 7: next() takes [4/7] e = a * b"
    assert s.until("grad > 5") == (
        "until grad > 5 (+6 at a): at position 5 of 7: next() takes [6/7] a = +2 (leaf)"
    )
    assert s.until("d") == (
        "d lies behind, back(4) leads there: at position 5 of 7: next() takes [6/7] a = +2 (leaf)"
    )
    assert s.position == 5
    assert s.back(4) == "at position 1 of 7: next() takes [2/7] d = e + c"
    s.until("a")
    assert s.until("mul") == "mul was not met: at the end, position 7 of 7: every gradient is final"
    assert s.until("d") == (
        "nothing left to take: at the end, position 7 of 7: every gradient is final"
    )


def test_until_from_inside_a_node() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    s.step()
    assert s.until("d").startswith("d is next already: at position 1 of 7, after 1 of 2 edges")
    assert s.until("grad == -2 and data == 4").startswith("grad == -2 and data == 4 was not met")
    s.restart()
    s.step()
    assert s.until("f").startswith("until f: at position 2 of 7")
    assert [nodes[x].grad for x in "Ldfec"] == [1, -2, 4, -2, -2]


def test_until_and_a_test_of_gradients_and_data() -> None:
    root, nodes = waiting_graph()
    s = step_through(root)
    seen: list[tuple[str, float]] = []

    def test(node: Value, gradient: float) -> bool:
        seen.append((node.label, gradient))
        return gradient == 7

    assert s.until(test).startswith("until test (+7 at b): at position 2 of 4")
    assert seen == [("d", 1), ("c", 1), ("b", 7)]
    assert nodes["b"].grad == 7.0
    assert s.until(lambda node, gradient: False).startswith("<lambda> was not met: at the end")


def test_an_error_in_a_users_test_is_the_users_and_moves_nothing() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.next()
    before = all_bits(nodes["L"])
    with pytest.raises(ZeroDivisionError):
        s.until(lambda node, gradient: 1 / (gradient + 2) > 5)
    s.add_breakpoint(lambda node, gradient: 1 / (gradient + 2) > 5)
    with pytest.raises(ZeroDivisionError):
        s.run()
    assert s.position == 1
    assert all_bits(nodes["L"]) == before


@pytest.mark.parametrize("target", [3, None, 2.5, [], b"w", True])
def test_what_is_no_target_is_refused(target: Any) -> None:
    s = step_through(lecture_graph()["L"])
    for ask in (s.until, s.add_breakpoint):
        with pytest.raises(TypeError, match=r"expected a Value, a label such as 'w', .* got "):
            ask(target)
    for ask in (s.watch, s.why, s.check):
        with pytest.raises(TypeError, match="expected a Value or its label, got "):
            ask(target)


def test_what_is_not_in_the_graph_is_refused_with_what_is() -> None:
    s = step_through(lecture_graph()["L"])
    for ask in (s.until, s.add_breakpoint, s.watch, s.why, s.check, s.unwatch):
        with pytest.raises(ValueError, match="not under L, whose derivative by it is 0"):
            ask(Value(1.0, "a"))
    for ask in (s.until, s.add_breakpoint):
        with pytest.raises(ValueError, match="was made by tanh; its operations are add, mul"):
            ask("tanh")
        with pytest.raises(ValueError, match=r"^q is neither a label nor an operation of this gra"):
            ask("q")
        with pytest.raises(ValueError, match="did you mean mul"):
            ask("mull")
        with pytest.raises(ValueError, match=r"^an empty text is neither"):
            ask("")
        with pytest.raises(ValueError, match='"weight" is no number'):
            ask("weight > 10")
    leaf = step_through(Value(1.0, "x"))
    with pytest.raises(ValueError, match="its operations are none, for it is a leaf"):
        leaf.until("tanh")
    with pytest.raises(ValueError, match=r"^w is no label of this graph; table"):
        leaf.watch("w")


def test_labels_of_several_nodes_are_told_apart() -> None:
    first, second = Value(2.0, "w"), Value(3.0, "w")
    s = step_through(labelled(first * second + Value(1.0, "b"), "y"))
    with pytest.raises(ValueError, match="2 nodes have the label w: w#") as caught:
        s.until("w")
    assert all(part in str(caught.value) for part in ("w#1", "w#2", "+2 (leaf)", "+3 (leaf)"))
    name = s.steps.names[second]
    assert s.until(name).startswith(f"until {name}: ")
    assert s.steps[s.position].node is second
    many = step_through(autograd.sum([Value(1.0, "w") for _ in range(10)]))
    with pytest.raises(ValueError, match=r"10 nodes have the label w: .*, and 4 more; write one"):
        many.watch("w")


def test_nodes_are_found_by_label_by_name_and_with_spaces_around() -> None:
    layer = "layer1.neuron0.w[2]"
    odd = " a  label\n"
    w, x = Value(2.0, layer), Value(3.0, odd)
    s = step_through(labelled(w * x + 1.0, "y"))
    assert s.until(f"  {layer} ").startswith(f"until {layer}: ")
    s.restart()
    product = s.steps[1].names[s.steps[1].node]
    assert product == "v3"
    assert s.until(product).endswith(f"[2/4] {product} = {layer} * {s.steps.names[x]}")
    s.restart()
    s.until(odd)
    assert s.steps[s.position].node is x
    s.restart()
    s.until(s.steps.names[x])
    assert s.steps[s.position].node is x


@pytest.mark.parametrize(("label", "kind"), [("tanh", "operation"), ("isnan", "condition")])
def test_a_label_wins_over_an_operation_and_a_condition_and_it_is_said(
    label: str, kind: str
) -> None:
    x = Value(0.5, label)
    s = step_through(labelled(tanh(tanh(x)), "y"))
    note = f"the node {label} is meant, not the {kind}"
    assert s.until(label) == (
        f"until {label} ({note}): at position 2 of 3: next() takes [3/3] {label} = +0.5 (leaf)"
    )
    assert str(s.add_breakpoint(label)).endswith(f"; {note}")
    assert "not the" not in str(s.add_breakpoint(x))


# Breakpoints.


def stops(s: Stepper) -> list[tuple[int, str]]:
    """The positions at which the pass stops before the end, and what is said of each."""
    found = []
    while not s.done:
        said = s.run()
        if not s.done:
            found.append((s.position, said.partition(": ")[0]))
    return found


def test_a_breakpoint_on_a_node_stops_before_every_step_that_changes_it() -> None:
    root, nodes = waiting_graph()
    s = step_through(root)
    s.add_breakpoint("b")
    gradients = []
    while not s.done:
        s.run()
        gradients.append((s.position, nodes["b"].grad))
    # d reports 1, then c reports 3 twice: b changes in the steps of d and c.
    assert gradients == [(0, 0.0), (1, 1.0), (4, 7.0)]


def test_a_breakpoint_on_w_stops_before_w_changes() -> None:
    x, w, b = Value(2.0, "x"), Value(-3.0, "w"), Value(6.88, "b")
    z = labelled(labelled(w * x, "p") + b, "z")
    s = step_through(labelled(tanh(z), "y"))
    s.add_breakpoint("w")
    assert s.run() == (
        "breakpoint 1, before w changes: at position 2 of 6: next() takes [3/6] p = w * x"
    )
    assert w.grad == 0.0
    step = s.next()
    assert isinstance(step, Step)
    assert "-> w" in str(step)
    assert w.grad != 0.0
    assert s.run() == "at the end, position 6 of 6: every gradient is final"


def test_a_breakpoint_on_the_root_stops_at_the_start_only() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.add_breakpoint(nodes["L"])
    said = "breakpoint 1, before L changes: at the start of 7 nodes: next() takes [1/7] L = d * f"
    assert s.run() == said
    assert s.run() == "at the end, position 7 of 7: every gradient is final"
    s.restart()
    assert s.run() == said
    s.next()
    s.back()
    assert s.run() == said
    assert s.breakpoints[0].hits == 3


def test_a_breakpoint_on_an_operation_stops_before_each_of_its_nodes() -> None:
    s = step_through(lecture_graph()["L"])
    s.add_breakpoint("mul")
    assert stops(s) == [(0, "breakpoint 1, mul"), (3, "breakpoint 1, mul")]


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
@pytest.mark.parametrize("early", [True, False])
def test_nothing_changes_w_before_a_stop_whatever_went_before(moves: int, early: bool) -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    if early:
        s.add_breakpoint("b")
    for _ in range(moves):
        s.next()
    if not early:
        s.add_breakpoint("b")
    said = "breakpoint 1, before b changes: at position 3 of 7: next() takes [4/7] e = a * b"
    assert s.run() == said
    assert nodes["b"].grad == 0.0
    assert s.run().startswith("at the end")
    assert s.breakpoints[0].hits == 1


def test_a_breakpoint_stops_between_the_edges_of_a_node_if_the_rest_of_them_matters() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    s.until("e")
    s.step()  # e has reported to a, and not to b
    for target in ("a", "mul", "data == -6"):
        s.add_breakpoint(target)
    s.add_breakpoint("b", condition="grad == 0")
    assert s.run() == (
        "breakpoint 4, before b changes: at position 3 of 7, after 1 of 2 edges: "
        "next() finishes [4/7] e = a * b"
    )
    assert (nodes["a"].grad, nodes["b"].grad) == (6.0, 0.0)
    assert s.run().startswith("at the end")
    assert [b.hits for b in s.breakpoints] == [0, 0, 0, 1]


def test_a_breakpoint_where_the_pass_stands_stops_it_once() -> None:
    s = step_through(lecture_graph()["L"])
    s.until("e")
    s.add_breakpoint("mul")
    assert s.run().startswith("breakpoint 1, mul: at position 3 of 7: ")
    assert s.run().startswith("at the end")
    s.back(4)
    s.step()
    assert s.run().startswith("at the end")


def test_a_breakpoint_on_isnan_stops_at_the_first_nan() -> None:
    p = Value(0.0, "p")
    loss = labelled(p * labelled(log(p), "l"), "loss")
    s = step_through(loss)
    s.add_breakpoint("isnan")
    # dloss/dl = p = 0 and dl/dp = 1 / 0 = inf; 0 * inf is nan.
    assert s.run() == (
        "breakpoint 1, isnan (nan at p): at position 2 of 3: next() takes [3/3] p = +0 (leaf)"
    )
    assert math.isnan(p.grad)
    assert s.run().startswith("at the end")
    infinite = step_through(loss)
    infinite.add_breakpoint("isinf(data)")
    assert infinite.run().startswith("breakpoint 1, isinf(data) (+0 at l): at position 1 of 3")


def test_a_condition_is_about_the_node_of_the_breakpoint_and_its_gradient_so_far() -> None:
    root, nodes = waiting_graph()
    for condition, expected in [
        ("grad == 0", [0]),
        ("grad == 1", [1]),
        ("grad > 0 and data == 3", [1]),
        ("data == 9", []),
        (lambda node, gradient: node is nodes["b"] and gradient == 1.0, [1]),
    ]:
        s = step_through(root)
        s.add_breakpoint("b", condition=condition)
        assert [position for position, _ in stops(s)] == expected
    s = step_through(root)
    s.add_breakpoint("add", condition="grad == 7")  # of the nodes d and b
    assert [position for position, _ in stops(s)] == [2]
    s = step_through(root)
    s.add_breakpoint("grad > 0", condition="data == 1.5")
    assert [position for position, _ in stops(s)] == [3]


def test_the_gradient_so_far_leaves_out_what_the_leaf_held_before() -> None:
    x = Value(3.0, "x")
    x.grad = 100.0
    y = labelled(labelled(x * x, "p") + x, "y")
    s = step_through(y)
    s.add_breakpoint("x", condition="0 < grad < 50")  # y has reported 1
    assert [position for position, _ in stops(s)] == [1]


def test_a_breakpoint_may_stop_once_only() -> None:
    root, _ = waiting_graph()
    s = step_through(root)
    made = s.add_breakpoint("b", once=True)
    s.add_breakpoint("b")
    assert s.run().startswith("breakpoint 1, before b changes: breakpoint 2, before b changes: at")
    assert [b.number for b in s.breakpoints] == [2]
    assert made.hits == 1
    assert stops(s) == [(1, "breakpoint 2, before b changes")]


def test_disabled_breakpoints_let_the_pass_by() -> None:
    s = step_through(lecture_graph()["L"])
    made = s.add_breakpoint("e")
    made.enabled = False
    assert s.run().startswith("at the end")
    assert made.hits == 0
    s.restart()
    made.enabled = True
    assert s.run().startswith("breakpoint 1, before e changes: at position 1 of 7")


def test_breakpoints_are_numbered_counted_and_removed() -> None:
    s = step_through(lecture_graph()["L"])
    assert s.remove_breakpoint() == "there is no breakpoint"
    s.add_breakpoint("e", condition="data < 0", once=True)
    s.add_breakpoint("mul")
    s.add_breakpoint("isnan", condition=lambda node, gradient: True).enabled = False
    assert [str(b) for b in s.breakpoints] == [
        "breakpoint 1 on e if data < 0 (once), 0 hits",
        "breakpoint 2 on mul, 0 hits",
        "breakpoint 3 on isnan if <lambda>, 0 hits, disabled",
    ]
    s.run()
    assert s.breakpoints[1].text == "breakpoint 2 on mul, 1 hit"
    assert s.remove_breakpoint(2) == "removed breakpoint 2 on mul, 1 hit"
    with pytest.raises(ValueError, match="there is no breakpoint 2; those that there are: 1, 3"):
        s.remove_breakpoint(2)
    assert s.add_breakpoint("c").number == 4
    assert len(s.remove_breakpoint().splitlines()) == 3
    assert s.breakpoints == []
    assert s.add_breakpoint("c").number == 5


@pytest.mark.parametrize("condition", ["w > 3", "", "e"])
def test_a_condition_that_is_none_adds_no_breakpoint(condition: str) -> None:
    s = step_through(lecture_graph()["L"])
    with pytest.raises(ValueError, match="condition"):
        s.add_breakpoint("e", condition=condition)
    with pytest.raises(TypeError, match="a condition is a text such as"):
        s.add_breakpoint("e", condition=3)  # type: ignore[arg-type]
    assert s.breakpoints == []
    assert s.add_breakpoint("e").number == 1


def test_until_stops_at_breakpoints_on_its_way() -> None:
    s = step_through(lecture_graph()["L"])
    made = s.add_breakpoint("mul")
    s.next()
    assert s.until("a") == ("breakpoint 1, mul: at position 3 of 7: next() takes [4/7] e = a * b")
    assert s.until("a") == "until a: at position 5 of 7: next() takes [6/7] a = +2 (leaf)"
    s.restart()
    s.next()
    assert s.until("e") == (
        "breakpoint 1, mul: until e: at position 3 of 7: next() takes [4/7] e = a * b"
    )
    assert made.hits == 2


# Watches.


def test_watched_gradients_are_shown_when_they_change() -> None:
    root, nodes = waiting_graph()
    nodes["a"].grad = 100.0
    s = step_through(root)
    assert s.watch("b") == "watching b, grad --"
    assert s.watch(nodes["a"]) == "watching a, grad --"
    s.watch("b")
    assert s.watches == [nodes["b"], nodes["a"]]
    assert str(s.next()).splitlines()[-1] == "  watch b: grad -- -> +1"
    assert str(s.step()).splitlines()[-1] == "  watch b: grad +1 -> +4"
    assert str(s.step()).splitlines()[-1] == "  watch b: grad +4 -> +7"
    assert s.run().splitlines()[1:] == ["  watch a: grad -- -> +114"]
    assert s.back(2).splitlines()[1:] == ["  watch a: grad +114 -> --"]
    assert s.restart().splitlines()[1:] == ["  watch b: grad +7 -> --"]
    assert s.until("b").splitlines()[1:] == ["  watch b: grad -- -> +7"]
    assert s.unwatch("b") == "no longer watching b"
    s.restart()
    assert "watch" not in str(s.next())
    with pytest.raises(ValueError, match=r"^b is not watched"):
        s.unwatch("b")
    assert s.unwatch() == "no longer watching a"
    assert s.unwatch() == "nothing is watched"


def test_a_step_is_the_same_whether_watched_or_not() -> None:
    plain, watched = (step_through(lecture_graph()["L"]) for _ in range(2))
    watched.watch("L")
    assert str(watched.next()) == f"{plain.next()}\n  watch L: grad -- -> +1"
    assert str(watched.next()) == str(plain.next())
    assert str(watched.steps[0]) == str(plain.steps[0])


# Where nodes come from.


def test_the_line_of_code_stands_at_the_end_of_the_first_line() -> None:
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    with record_source():
        e = labelled(a * b, "e")
    shown = str(step_through(e).next()).splitlines()
    assert e.origin is not None
    line = f"test_stepping_targets.py:{e.origin.line}"
    assert shown[0] == f"[1/3] e = a * b                                       {line}"
    assert shown[0].index("test_stepping") == shown[1].index("final") == shown[2].index("grad ")
    assert not any(line in str(step) for step in step_through(e).steps[1:])
    forward = step_through(e, forward=True)
    assert str(forward.next()) == f"[1/1] e = a * b = 2 * (-3) = -6   {line}"


def test_a_file_name_is_no_command_for_a_terminal() -> None:
    made: dict[str, Any] = {"Value": Value}
    with record_source():
        exec(compile("x = Value(1.0, 'x')", "evil\x1b[2J\nfile.py", "exec"), made)
    shown = str(step_through(made["x"]).next())
    assert r"evil\x1b[2J\nfile.py:1" in shown
    assert len(shown.splitlines()) == 2


# Networks and derivatives of derivatives.


def test_a_graph_of_derivatives_is_stepped_through_as_any_other() -> None:
    x = Value(2.0, "x")
    y = labelled(x * x * x, "y")
    (first,) = autograd.grad(y, [x], create_graph=True)
    assert (first.label, first.data) == ("dy/dx", 12.0)
    s = step_through(first)
    assert str(s.steps[0]).splitlines()[1].startswith("  upstream d(dy/dx)/d(dy/dx) = +1 ")
    s.run()
    assert x.grad == 12.0  # 6 x
    assert s.why(x).total == 12.0
    assert s.check(x).verdict == "right"
    x.grad = 0.0
    (second,) = autograd.grad(first, [x], create_graph=True)
    assert second.label == "d(dy/dx)/dx"
    s = step_through(second)
    s.until("x")
    assert str(s.next()).splitlines()[1].startswith("  gradient d(d(dy/dx)/dx)/dx = ")
    assert x.grad == 6.0


def test_derivatives_of_what_has_no_label_have_none() -> None:
    x, w = Value(2.0, "x"), Value(3.0)
    y = x * w
    assert [g.label for g in autograd.grad(y, [x, w], create_graph=True)] == ["", ""]
    y.label = "y"
    by_x, by_w, by_other = autograd.grad(y, [x, w, Value(1.0, "other")], create_graph=True)
    assert [by_x.label, by_w.label, by_other.label] == ["dy/dx", "", "dy/dother"]
    assert x.label == "x"


def test_labels_of_derivatives_do_not_grow_without_end() -> None:
    x, w = Value(0.5, "x"), Value(2.0, "w")
    y = labelled(tanh(labelled(w * x, "z")), "y")
    longest = []
    for _ in range(5):
        (y,) = autograd.grad(y, [x], create_graph=True)
        longest.append(max(len(step.node.label) for step in step_through(y).steps))
    assert longest[:2] == [len("dy/dx"), len("d(dy/dx)/d(dy/dz)")]
    assert max(longest) <= 64


@pytest.mark.parametrize("label", ["dy/dx", "d(dy/dx)/dx", "d(dy/dx)/d(dy/dz)", "dL/dl1.w[0]"])
def test_names_of_derivatives_need_no_quotes(label: str) -> None:
    assert step_through(Value(1.0, label)).steps[0].names.popitem()[1] == label  # type: ignore[attr-defined]


@pytest.mark.parametrize("label", ["y/x", "d/dx", "d()/dx", "d(y/dx", "dy/dx/dz", "d(y z)/dx"])
def test_names_that_only_resemble_derivatives_are_quoted(label: str) -> None:
    assert step_through(Value(1.0, label)).steps[0].names.popitem()[1] == f'"{label}"'  # type: ignore[attr-defined]


def test_until_at_the_start_goes_on_the_second_time() -> None:
    nodes = lecture_graph()
    s = step_through(nodes["L"])
    assert s.until("isfinite").startswith("until isfinite (+1 at L): at the start of 7 nodes")
    met = []
    while not s.done:
        met.append(s.until("isfinite"))
    assert len(met) == 7 and met[0].startswith("until isfinite (-2 at d): at position 1 of 7")
    s.restart()
    s.until("L")
    s.add_breakpoint("L")
    assert s.run().startswith("breakpoint 1, before L changes: at the start of 7 nodes")


def test_a_condition_in_words_of_another_library_is_told_what_to_write() -> None:
    s = step_through(Value(2.0, "a") * 3.0)
    with pytest.raises(ValueError, match="is no number; write maximum"):
        s.until("max(grad, data) > 0")


def test_breakpoints_on_one_step_come_in_their_order_and_only_where_they_are_on() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    s = step_through(a * b + a)
    second, first = s.add_breakpoint(b), s.add_breakpoint(a, condition="grad > 0.5")
    assert [len(stops) for stops in s.stops(range(len(s.steps)))] == [0, 2, 0, 0]
    first.enabled = False
    assert list(s.stops([1, 1])) == [[second], [second]]
