"""Where things stand in a picture: in order, without circles, readable; recurrences as steps.

What is in order is asked of the layout that Graphviz makes, and not of the text that it is given.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import autograd
import nn
from autograd import Value, consumers_first, draw, group, step_through, tanh
from autograd.drawing.arrangement import arranged
from autograd.drawing.dot import dot_lines, dot_text
from autograd.drawing.groups import nestings, without_circles
from autograd.drawing.options import Options
from autograd.drawing.painter import picture_of
from autograd.drawing.picture import Frame, Picture


def mlp() -> Value:
    model = nn.MLP(2, [3, 2], rng=random.Random(0))
    loss = nn.divergences.l2(model([Value(1.0, "x[0]"), Value(-2.0, "x[1]")]), [1.0, 0.0])
    loss.label = "L"
    return loss


def classifier() -> Value:
    model = nn.Sequential(nn.MLP(2, [3], "linear", rng=random.Random(0)), nn.Softmax())
    return nn.divergences.kl(model([Value(0.5, "x[0]"), Value(-1.0, "x[1]")]), [0.0, 1.0, 0.0])


def recurrent(steps: int = 20, before: str = "w * h") -> Value:
    """A recurrent net unrolled, with the state or the input first in its sum."""
    w, u, b = Value(0.5, "w"), Value(0.3, "u"), Value(0.1, "b")
    h = Value(0.0, "h0")
    for t in range(1, steps + 1):
        terms = [w * h, u * Value(math.sin(t), f"x{t}")]
        h = tanh(autograd.sum([*(terms if before == "w * h" else terms[::-1]), b]))
        h.label = f"h{t}"
    loss = (h - 1.0) ** 2
    loss.label = "L"
    return loss


def cell(steps: int = 20) -> Value:
    """The same of a layer of two units: one cell, whose names every step repeats."""
    layer = nn.Layer(3, 2, rng=random.Random(0))
    h: Sequence[Value | float] = [0.0, 0.0]
    for t in range(steps):
        h = layer([math.sin(t), *h])
    return h[0] * h[1]  # type: ignore[return-value]


def interleaved() -> Value:
    """Two groups, each entered again after the other has made use of it."""
    w, v = Value(1.0, "w"), Value(2.0, "v")
    with group("A"):
        a = tanh(w * 3.0)
    with group("B"):
        b = tanh(a * v)
    with group("A"):
        a = tanh(b * w)
    with group("B"):
        return tanh(a * v)


def all_frames(picture: Picture) -> list[Frame]:
    frames = [*picture.frames]
    for frame in frames:
        frames += frame.frames
    return frames


# Order ------------------------------------------------------------------------------------------


def layout(picture: Picture, rankdir: str) -> dict[str, float]:
    """How far down each thing is, where the computation goes to the right; or how far right."""
    pygraphviz = pytest.importorskip("pygraphviz")
    text = dot_text(dot_lines(picture, rankdir))
    drawn = pygraphviz.AGraph().from_string(text).draw(format="plain", prog="dot").decode()
    rows = [line.split() for line in drawn.splitlines() if line.startswith("node ")]
    return {row[1]: -float(row[3]) if rankdir == "LR" else float(row[2]) for row in rows}


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("make", [mlp, classifier])
def test_entries_operands_and_neurons_are_in_order(make: Callable[[], Value], rankdir: str) -> None:
    picture = picture_of(make(), Options(max_nodes=60))
    place = layout(picture, rankdir)
    ids = {node.label: node.id for node in picture.nodes if node.label}
    assert place[ids["x[0]"]] < place[ids["x[1]"]]
    frames = [f for f in all_frames(picture) if re.fullmatch(r"(.*\.)?neuron\d", f.title)]
    assert len(frames) >= 3
    labels = {node.id: node.label for node in picture.nodes}
    units: dict[str, list[tuple[int, list[float]]]] = {}
    for frame in frames:
        named = [labels[m] for m in frame.members if labels[m]]
        layer, neuron = re.match(r"(layer\d)\.neuron(\d)", named[0]).groups()  # type: ignore[union-attr]
        weights = sorted((w for w in named if ".w[" in w), key=lambda w: int(w[-2]))
        assert len(weights) >= 2
        ordered = [place[ids[w]] for w in weights]
        assert ordered == sorted(ordered)
        # The bias is the last term of the sum.
        products = [
            place[n.id]
            for n in picture.nodes
            if n.id in frame.members and n.op and n.op.name == "mul"
        ]
        assert max(products) < place[ids[f"{layer}.neuron{neuron}.b"]]
        units.setdefault(layer, []).append((int(neuron), [place[m] for m in frame.members]))
    for neurons in units.values():
        for (_, above), (_, below) in itertools.pairwise(sorted(neurons)):
            assert max(above) < min(below)


def ranks(root: Value, **options: Any) -> list[list[str]]:
    """What is in each rank, by its label if it has one."""
    picture = picture_of(root, Options(**options))
    labels = {node.id: node.label or node.id for node in picture.nodes}
    return [[labels.get(name, name) for name in names] for names in arranged(picture).ranks]


def test_entries_are_in_order_whatever_is_made_of_the_last_one_first() -> None:
    first, second, third = (Value(1.0, f"x[{i}]") for i in (9, 10, 11))
    assert ["x[9]", "x[10]", "x[11]"] in ranks(tanh(autograd.sum([third, first, second])))


def test_what_a_sum_and_a_product_are_made_of_is_in_the_order_of_the_sum() -> None:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    for made in (lambda: c * a - autograd.sum([a, b, c]), lambda: autograd.sum([a, b, c]) - c * a):
        [leaves] = [names for names in ranks(made()) if "a" in names]
        assert leaves == ["a", "b", "c"]


def test_uses_that_are_not_shown_stand_right_behind_what_is_used() -> None:
    a = Value(1.0, "a")
    b = tanh(a)
    b.label = "b"
    root = autograd.exp(autograd.exp(b)) + a
    found = ranks(root, focus=b, depth=1)
    place = {name: k for k, names in enumerate(found) for name in names}
    [uses] = [name for name in place if name.endswith("_uses") and place[name] <= place["b"]]
    assert place[uses] == place["a"] + 1


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_closed_neurons_are_in_order(rankdir: str) -> None:
    picture = picture_of(mlp(), Options(max_nodes=24))
    place = layout(picture, rankdir)
    boxes = [box for box in picture.boxes if re.fullmatch(r"layer1\.neuron\d", box.name)]
    ordered = [place[box.id] for box in sorted(boxes, key=lambda box: box.name)]
    assert len(ordered) == 3 and ordered == sorted(ordered)


# Circles ----------------------------------------------------------------------------------------


def goes_round(picture: Picture) -> bool:
    """Whether some way leads out of a box, or a frame, and back."""
    ends = [*picture.nodes, *picture.boxes]
    ways = [(a.source, end.id) for end in ends for a in end.arrows if isinstance(a.source, str)]
    for frame in [None, *all_frames(picture)]:
        inside = picture.frames if frame is None else frame.frames
        home = {name: name for _, name in ways}
        for inner in inside:
            for part in all_frames(Picture((), (), (inner,), 0, False)):
                home |= dict.fromkeys(part.members, inner.title)
        into: dict[str, set[str]] = {}
        for source, end in ways:
            if home.get(source, source) != home[end]:
                into.setdefault(home[end], set()).add(home.get(source, source))
        left = {*into}
        while gone := {name for name in left if not into[name] & left}:
            left -= gone
        if left:
            return True
    return False


@pytest.mark.parametrize("most", [None, 5])
@pytest.mark.parametrize("make", [interleaved, cell, recurrent])
def test_no_way_leads_out_of_a_group_and_back(make: Callable[[], Value], most: int | None) -> None:
    assert not goes_round(picture_of(make(), Options(max_nodes=most)))


def test_a_weight_is_in_the_part_that_makes_use_of_it() -> None:
    w, v, u = Value(1.0, "w"), Value(2.0, "v"), Value(3.0, "u")
    with group("A"):
        a = tanh(w * 3.0)
    with group("B"):
        b = tanh(a * v)
    with group("A"):
        c = tanh(b * u)
    nodes = consumers_first(c)
    found = without_circles(nodes, nestings(nodes))
    assert found[w] == found[a] == ("A, part 1",)
    assert found[u] == found[c] == ("A, part 2",)


def test_a_group_is_divided_no_further_than_needed() -> None:
    picture = picture_of(interleaved(), Options())
    assert {frame.title for frame in all_frames(picture)} == {
        "A, part 1",
        "A, part 2",
        "B, part 1",
        "B, part 2",
    }
    # Its name still means all of it.
    opened = picture_of(interleaved(), Options(expand=["A"], max_nodes=3))
    assert {"A, part 1", "A, part 2"} <= {frame.title for frame in all_frames(opened)}
    w = Value(1.0, "w")
    with group("A"):
        first = tanh(w)
        second = tanh(first * first)
    with group("A"):
        third = tanh(second * w)
    assert [f.title for f in picture_of(third * 2.0, Options()).frames] == ["A"]


# Recurrence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [recurrent, lambda: recurrent(before="u * x"), cell])
def test_a_recurrence_is_drawn_as_steps(make: Callable[[], Value]) -> None:
    root = make()
    root.backward()
    picture = picture_of(root, Options())
    titles = [box.title for box in picture.boxes]
    assert titles[:3] == ["step[20]", "steps 3 to 19", "step[2]"]
    assert "step[1]" in {frame.title for frame in all_frames(picture)}
    last, between, second = picture.boxes[:3]
    # The state goes from step to step, and all that they share into each of them.
    for box, before in ((last, between.id), (between, second.id)):
        assert before in {arrow.source for arrow in box.arrows}
    assert between.count == 17 * second.count == 17 * last.count
    # Of each edge of the graph is told, and what it has carried.
    everything = picture_of(root, Options(groups=None, max_nodes=1000))
    operands = sum(isinstance(x, Value) for node in consumers_first(root) for x in node.operands)
    inner = sum(box.inner_edges for box in picture.boxes)
    assert inner + sum(a.count for a in picture.arrows if isinstance(a.source, str)) == operands
    for name in ("w", "neuron0.w[1]"):
        for node in (node for node in everything.nodes if node.label == name):
            [drawn] = [x for x in picture.nodes if x.label == name] or [None]
            if drawn is not None:
                carried = [a.contribution for a in picture.arrows if a.source == drawn.id]
                assert math.fsum(carried) == pytest.approx(node.grad)  # type: ignore[arg-type]


def test_a_step_opens_by_its_number() -> None:
    picture = picture_of(recurrent(), Options(expand="step[7]", max_nodes=60))
    assert "h7" in {node.label for node in picture.nodes}
    assert [box.title for box in picture.boxes] == [
        "step[20]",
        "steps 8 to 19",
        "steps 3 to 6",
        "step[2]",
    ]


def test_what_is_the_same_and_goes_on_from_nothing_is_no_recurrence() -> None:
    x = [Value(float(k), f"x{k}") for k in range(40)]
    picture = picture_of(autograd.sum([tanh(v * 2.0) for v in x]), Options())
    assert not any("step" in box.title for box in picture.boxes)


# What can be read -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [mlp, recurrent, lambda: tanh_chain(50)])
def test_a_picture_can_be_read_on_a_screen(make: Callable[[], Value]) -> None:
    pytest.importorskip("pygraphviz")
    root = make()
    root.backward()
    svg = str(draw(root).pipe("svg", encoding="utf-8"))
    found = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert found is not None
    width, height = (float(points) * 96 / 72 for points in found.groups())
    assert 14 * 96 / 72 * min(1.0, 1400 / width, 900 / height) >= 8.5


def tanh_chain(length: int) -> Value:
    value = Value(0.5, "x")
    for _ in range(length):
        value = tanh(value)
    return value


# Several roots, labels, and several steps -------------------------------------------------------


def test_several_roots_are_each_drawn_as_one() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    y, z = a * b, tanh(a)
    y.label, z.label = "y", "z"
    y.backward()
    picture = picture_of([y, z, y], Options())
    nodes = {node.label: node for node in picture.nodes}
    assert {label for label, node in nodes.items() if node.is_root} == {"y", "z"}
    # Nothing is known of z and of what leads there: the pass was from y.
    assert (nodes["y"].grad, nodes["z"].grad, nodes["a"].grad) == (1.0, None, 3.0)
    assert nodes["z"].arrows[0].contribution is None
    place = layout(picture, "LR")
    assert place[nodes["y"].id] < place[nodes["z"].id]
    assert repr(draw([y, z])) == "<picture of a computation graph of y = 6, z = 0.964028: 4 Values>"


@pytest.mark.parametrize("start", [autograd.live, autograd.step_through])
def test_a_pass_has_one_end(start: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match=r"a pass has one end: .* autograd.sum.* draw\(values\)"):
        start([Value(1.0), Value(2.0)])


def test_focus_takes_what_a_node_is_called() -> None:
    root = recurrent()
    by_label = draw(root, focus="h10").source
    node = next(x for x in consumers_first(root) if x.label == "h10")
    assert by_label == draw(root, focus=node).source == draw(root, focus=["h10"]).source
    both = picture_of(root, Options(focus=["h3", "h17"], depth=1))
    assert {"h3", "h17"} <= {node.label for node in both.nodes if node.highlighted}
    with pytest.raises(ValueError, match=r"focus: h21 is no label here; did you mean h"):
        draw(root, focus="h21")
    twins = Value(1.0, "w") * Value(2.0, "w")
    with pytest.raises(ValueError, match=r"2 nodes have the label w: w#1 = .*, w#2 = "):
        draw(twins, focus="w")
    assert draw(twins, focus="w#2").source == draw(twins, focus=twins.operands[1]).source


def test_several_steps_are_taken_at_once() -> None:
    root = mlp()
    one, many = step_through(root), step_through(root)
    texts = [str(one.next()) for _ in range(3)]
    assert str(many.next(3)) == "\n".join(texts)
    assert many.position == one.position == 3
    many.back(3)
    assert many.position == 0 and many.next(10_000) and many.done
    with pytest.raises(ValueError, match=r"next\(k\): k must be a whole number of at least 1"):
        many.next(0)
