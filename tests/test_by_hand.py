"""Hand-made derivatives: each is judged as on the page, whatever name its node is given by."""

from __future__ import annotations

import doctest
import math
from typing import Any

import pytest

from autograd import StaleGraphError, Value, check_by_hand, tanh
from autograd.stepping import by_hand


class Lecture:
    """L = (a * b + c) * f, its gradients by hand: 6, -4, -2, 4; of e and of d: -2."""

    def __init__(self) -> None:
        numbers = {"a": 2, "b": -3, "c": 10, "f": -2}
        self.a, self.b, self.c, self.f = (Value(x, name) for name, x in numbers.items())
        self.e = self.a * self.b
        self.e.label = "e"
        self.L = (self.e + self.c) * self.f
        self.L.label = "L"


def test_the_example_of_its_docstring() -> None:
    results = doctest.testmod(by_hand)
    assert (results.failed, results.attempted > 3) == (0, True)


def test_right_ones_by_every_kind_of_name() -> None:
    g = Lecture()
    L = g.L
    report = check_by_hand(L, {g.a: 6, "b": -4.0, "v5": -2, "e": g.f, "L": 1}, c=-2, f=4)
    assert report and report.right and len(report) == 7 and report.failures == ()
    assert [x.name for x in report] == ["a", "b", "e + c", "e", "L", "c", "f"]
    assert report["v5"] is report[L.operands[0]] is report["e + c"]
    assert report[g.a].answer == 6.0 and report["a"].gradient == 6.0


def test_slips_are_told_apart_and_nothing_is_given_away() -> None:
    g = Lecture()
    report = check_by_hand(g.L, a=-6, b=2, c=10, f=-2)
    assert not report and len(report.failures) == 4
    kinds = [verdict.kind for verdict in report]
    assert kinds == ["wrong sign", "forgot upstream", "value instead of slope", "swapped"]
    assert (
        repr(report)
        == str(report)
        == (
            "0 of 4 right\n"
            "dL/da = -6    the size is right, and the sign is not\n"
            "dL/db = +2    that is the local derivative of e by b alone: multiply it by\n"
            "              dL/de\n"
            "dL/dc = +10   that is the value of c: asked is how L changes with it\n"
            "dL/df = -2    that is what L sends to e + c: for f take the local derivative by\n"
            "              f"
        )
    )
    assert repr(report["a"]) == "dL/da = -6: the size is right, and the sign is not"
    assert report["a"].hint(1) == "dL/da = dL/de * de/da"
    assert report["a"].hint(3) == "dL/da = 6"


def test_a_node_used_twice() -> None:
    a = Value(1.5, "a")
    b = a + a
    c = b * b
    d = c + b
    report = check_by_hand(d, {b: 6, a: 7, "c": 1})
    assert [x.kind for x in report] == ["one path only", "one path only", "right"]
    assert report["b"].name == "b"  # the variable here


def test_within_one_percent_and_0_only_for_0() -> None:
    x = Value(3.0, "x")
    y = 100.0 * x
    for number, kind in {101.0: "right", 99.0: "right", 104.0: "close", 106.0: "not yet"}.items():
        assert check_by_hand(y, x=number)["x"].kind == kind
    assert check_by_hand(y * 0.0, x=0).right and not check_by_hand(y * 0.0, x=1e-30)
    assert check_by_hand(1.0 / (x - 3.0), x=-math.inf).right


def test_no_gradient_is_touched() -> None:
    g = Lecture()
    g.a.grad = 123.0
    check_by_hand(g.L, a=6)
    assert [x.grad for x in (g.a, g.b, g.e, g.L)] == [123.0, 0.0, 0.0, 0.0]


def test_a_variable_names_a_value_also_by_another_name_than_its_label() -> None:
    weight = Value(2.0, "w")
    same = weight  # noqa: F841 - it is looked up by its name
    loss = weight * 3.0
    assert check_by_hand(loss, weight=3).right and check_by_hand(loss, same=3)["w"].right


def test_every_line_fits() -> None:
    long = Value(0.5, "the weight of all that is known " * 3)
    y = tanh(long * long) * tanh(long)
    y.label = "something that is long, too long for a line"
    report = check_by_hand(y, {long: -1.234567e-300})
    assert max(map(len, repr(report).splitlines())) <= 79


@pytest.mark.parametrize(
    ("derivatives", "by_name", "kind", "said"),
    [
        ({}, {}, ValueError, "no derivative is given; write for example check_by_hand(L, a=6)"),
        ([6], {}, TypeError, "as in check_by_hand(L, {a: 6}), got [6] of type list"),
        ({}, {"q": 6}, ValueError, "q is no label of this graph; its names are a, b, e, c, e + c"),
        ({"ee": 6}, {}, ValueError, "ee is no label of this graph; did you mean e?"),
        ({"a": 6}, {"a": 6}, ValueError, "check_by_hand: a is given twice"),
        ({3: 6}, {}, TypeError, "expected a Value or its label, got 3 of type int"),
        ({}, {"a": "6"}, TypeError, "check_by_hand: a: expected a real number"),
        ({}, {"a": True}, TypeError, "check_by_hand: a: expected a real number"),
        ({}, {"a": math.nan}, ValueError, "check_by_hand: a: nan is no derivative"),
        ({}, {"a": 10**400}, ValueError, "check_by_hand: a: expected a number that a float can"),
        ({Value(1.0, "z"): 6}, {}, ValueError, "is not under L, whose derivative by it is 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    derivatives: Any, by_name: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind) as refused:
        check_by_hand(Lecture().L, derivatives, **by_name)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_names_that_could_mean_two_nodes_are_refused() -> None:
    g = Lecture()
    with pytest.raises(ValueError, match="check_by_hand: a is given twice"):
        check_by_hand(g.L, {g.a: 6}, a=6)
    one, two = Value(1.0, "w"), Value(2.0, "w")
    product = one * two
    with pytest.raises(ValueError, match=r"^2 nodes have the label w: w#1 = .1"):
        check_by_hand(product, w=2)
    assert check_by_hand(product, {"w#1": 2, "w#2": 1}).right
    report = check_by_hand(product, {two: 1, one: 2})  # in whatever order, w is the first of them
    assert (report["w"].node, report["w#2"].node) == (one, two)
    third = Value(3.0, "w")
    report = check_by_hand(product * third, {two: 3, third: 2})
    unlabelled = check_by_hand(product * third, {product: 3})
    for asked, name in ((report, "w"), (unlabelled, None), (unlabelled, "")):
        with pytest.raises(KeyError, match="was not checked; there are"):
            asked[name]  # type: ignore[index]
    a = g.b  # the label of another node
    with pytest.raises(ValueError, match=r"a is the label of one node, and your variable a is .*b"):
        check_by_hand(g.L, a=-4)
    assert check_by_hand(g.L, {a: -4}).right


def test_a_stale_graph_and_what_is_no_root() -> None:
    g = Lecture()
    with pytest.raises(TypeError, match=r"root is the Value that is differentiated, got 3.0"):
        check_by_hand(3.0, a=6)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="of type list; a pass has one end: "):
        check_by_hand([g.L], a=6)  # type: ignore[arg-type]
    g.a.data = 5.0
    with pytest.raises(StaleGraphError, match=r"^e = a . b holds -6.0"):
        check_by_hand(g.L, a=6)


def test_a_derivative_that_is_nan_itself_is_said_to_be() -> None:
    a, c = Value(3.0, "a"), Value(math.nan, "c")
    L = c * a
    L.label = "L"
    report = check_by_hand(L, a=2, c=3)
    assert report["a"].sentence.startswith("dL/da is nan here, so no number is right")
    assert not report["a"] and report["a"].kind == "not yet" and report["c"].kind == "right"
    assert not check_by_hand(L, a=3)
