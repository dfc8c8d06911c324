"""Where nodes come from: recorded when asked for, by thread and by block, and not otherwise."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import nn
from autograd import Origin, Value, consumers_first, grad, group, record_source, tanh
from autograd.core import origin


def _line() -> int:
    return sys._getframe(1).f_lineno


def test_nothing_is_recorded_unless_asked_for() -> None:
    x = Value(2.0)
    assert x.origin is None
    assert tanh(x * 3.0).origin is None


def test_the_line_of_each_node_is_the_users() -> None:
    with record_source():
        x = Value(2.0)
        here = _line() - 1
        y = tanh(
            x * 3.0,
        )
    assert x.origin is not None
    assert x.origin.source == f"test_origin.py:{here}"
    assert x.origin.file == __file__
    (product,) = y.operands
    assert isinstance(product, Value)
    assert product.origin is not None
    assert product.origin.line == here + 3
    assert (x + 1.0).origin is None


def test_lines_inside_the_packages_are_passed_over() -> None:
    model = nn.MLP(2, [3, 1])
    with record_source():
        (y,) = model([1.0, 2.0])
        here = _line() - 1
        (dy,) = grad(y, [model.parameters()[0]], create_graph=True)
    made = [node for node in consumers_first(y) if node.op is not None]
    assert made
    assert {node.origin.line for node in made if node.origin} == {here}
    assert dy.origin is not None
    assert dy.origin.line == here + 2


def test_groups_nest_and_end() -> None:
    x = Value(2.0)
    with group("attention"):
        a = x * x
        with group("head0"):
            b = a + 1.0
        c = b * a
    assert [v.origin.group for v in (a, b, c) if v.origin] == [
        "attention",
        "attention.head0",
        "attention",
    ]
    assert (c + 1.0).origin is None
    assert a.origin is not None
    assert a.origin.source == ""


def test_a_group_ends_with_an_error_inside_it() -> None:
    with pytest.raises(TypeError, match="no number"), group("g"):
        raise TypeError("no number")
    assert (Value(1.0) + 1.0).origin is None


def test_groups_and_lines_together() -> None:
    with record_source(), group("g"):
        x = Value(1.0)
    assert x.origin is not None
    assert (x.origin.group, x.origin.line) == ("g", _line() - 2)


def test_other_threads_are_not_recorded() -> None:
    made: list[Value] = []
    with group("mine"):
        thread = threading.Thread(target=lambda: made.append(Value(1.0) * 2.0))
        thread.start()
        thread.join()
    assert made[0].origin is None


def test_a_copy_keeps_its_origin() -> None:
    with group("g"):
        x = Value(1.0) * 2.0
    assert copy.deepcopy(x).origin == x.origin


@pytest.mark.parametrize("name", [None, 3, b"g"])
def test_a_name_that_is_no_string_is_refused(name: object) -> None:
    with pytest.raises(TypeError, match="expected a str"), group(name):  # type: ignore[arg-type]
        pass


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"), group(""):
        pass


def test_each_operation_in_a_line_a_loop_and_a_group_has_its_own_line_and_group() -> None:
    made = []
    with record_source():
        x, first = Value(2.0), _line()
        for name in ("a", "b"):
            with group(name):
                made += [x * 3.0 + 1.0, abs(-x)]
                made.append(
                    x
                    + x
                )  # fmt: skip
    found = [(v.origin.group, v.origin.line - first) for v in made if v.origin]
    assert found == [("a", 3), ("a", 3), ("a", 5), ("b", 3), ("b", 3), ("b", 5)]
    assert made[0].origin is not made[3].origin


@pytest.mark.parametrize("at_most", [3, 10_000])
def test_lines_are_right_however_many_places_there_are(
    at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin, "NOTED_AT_MOST", at_most)
    for k in range(5):
        # The code of one round is gone in the next, and its place in memory may be used again.
        nodes: list[Any] = []
        lines = "\n" * k + "nodes.append(x + 1)\n" * 50
        with record_source():
            exec(compile(lines, "made", "exec"), {"x": Value(1.0), "nodes": nodes})
        assert [v.origin.source for v in nodes] == [f"made:{i}" for i in range(k + 1, k + 51)]
        assert len(origin._noted) <= at_most


def test_code_without_a_module_is_the_users() -> None:
    names: dict[str, Any] = {"x": Value(1.0)}
    with record_source():
        exec("\ny = x + 1", names)
    assert names["y"].origin.source == "<string>:2"


def test_lines_are_known_in_groups_within_and_around() -> None:
    with record_source(), group("g"):
        inner = Value(1.0)
    with group("g"), record_source():
        outer = Value(1.0)
    assert inner.origin is not None and outer.origin is not None
    assert inner.origin.source and outer.origin.source
    assert inner.origin.group == outer.origin.group == "g"


def test_blocks_in_generators_end_in_any_order() -> None:
    def recording() -> Iterator[None]:
        with record_source():
            yield

    first, second = recording(), recording()
    next(first)
    next(second)
    first.close()
    assert Value(1.0).origin is not None
    second.close()
    with group("g"):
        node = Value(1.0)
    assert node.origin == Origin("g")


def test_a_block_may_end_in_another_thread() -> None:
    def recording() -> Iterator[None]:
        with record_source(), group("g"):
            yield

    generator = recording()
    next(generator)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(generator.close).result()
    assert Value(1.0).origin is None
