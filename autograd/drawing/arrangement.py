"""Where the parts of a picture stand: in which rank, and in which order within it.

A ``Picture`` goes in. Out come the ranks, from what is given to the end, each in the order in which
people read it: operands as they are written, the neurons of a layer and the entries of a list by
their numbers; and the frames, in the same order. Graphviz, which would move them about to save a
crossing or two, is told to keep to it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .picture import Box, Frame, Node, Picture

NUMBERED = re.compile(r"(.*?)\[?(\d{1,9})\]?", re.DOTALL)


@dataclass(eq=False)
class Place:
    """A name as it is in DOT, or a frame with what is in it.

    Attributes:
        met: when a walk from the end, the first operand first, meets it.
        called: what people call it, where that may hold a number to order it by.
        name: the name; "" for a frame.
        frame: the frame; None for a name, and for the whole.
        places: what is in the frame, in order.
    """

    met: int
    called: str
    name: str = ""
    frame: Frame | None = None
    places: list[Place] = field(default_factory=list)

    def names(self) -> Iterator[str]:
        """All names in it, in order."""
        waiting = [self]
        while waiting:
            place = waiting.pop()
            if place.name:
                yield place.name
            waiting += reversed(place.places)


@dataclass(frozen=True)
class Arrangement:
    """An order of everything in a picture.

    Attributes:
        whole: all places, those in a frame one after the other.
        ranks: the names in each rank, the first of which the computation begins with.
        loose: names in one rank and the next, where nothing leads from the one to the other that
            would keep them apart.
        labels: what each Value is called within the frames around it, whose names stand there.
    """

    whole: Place
    ranks: Sequence[Sequence[str]]
    loose: Sequence[tuple[str, str]]
    labels: Mapping[str, str]


def arranged(picture: Picture) -> Arrangement:
    """Find the place of everything in a picture."""
    arrows = _arrows(picture)
    whole = _framed(picture, _met(arrows))
    from_end = _distances(arrows, whole)
    ranks: list[list[str]] = [[] for _ in range(1 + max(from_end.values(), default=0))]
    for name in whole.names():
        ranks[-1 - from_end[name]].append(name)
    tied = {
        from_end[name]
        for name, found in arrows.items()
        if any(from_end[source] == from_end[name] + 1 for source in found)
    }
    pairs = enumerate(itertools.pairwise(reversed(ranks)))
    loose = [(before[0], after[0]) for k, (after, before) in pairs if k not in tied]
    return Arrangement(whole, ranks, loose, _labels(picture, whole))


def belongings(node: Node) -> Iterator[str]:
    """What stands beside a Value in the same frame: its operation, and constants."""
    if node.op is not None:
        yield f"{node.id}_op"
        for name, arrow in zip(sources(node), node.arrows):
            if isinstance(arrow.source, tuple):
                yield name


def sources(end: Node | Box) -> list[str]:
    """Where the arrows of a node or a box begin, in the order of the operands."""
    found = []
    for position, arrow in enumerate(end.arrows, start=1):
        if arrow.source is None:
            found.append(f"{end.id}_rest")
        elif isinstance(arrow.source, tuple):
            found.append(f"{end.id}_constant{position}")
        else:
            found.append(arrow.source)
    return found


def _arrows(picture: Picture) -> dict[str, list[str]]:
    """Of each name those that an arrow leads from."""
    arrows: dict[str, list[str]] = {}
    for node in picture.nodes:
        arrows[node.id] = [f"{node.id}_op"] if node.op is not None or node.is_cut else []
        if node.op is not None:
            arrows[f"{node.id}_op"] = sources(node)
        if node.unseen:
            arrows[f"{node.id}_uses"] = [node.id]
    for box in picture.boxes:
        arrows[box.id] = sources(box)
    for name in [name for found in arrows.values() for name in found]:
        arrows.setdefault(name, [])
    return arrows


def _met(arrows: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """When a walk from the end, the first operand first, meets each name.

    What several make use of is met as one of many rather than as one of two: the terms of a softmax
    as those of its sum, though the walk comes to one of them as a numerator before.
    """
    home: dict[str, str] = {}
    for name, found in arrows.items():
        for source in found:
            if source not in home or len(found) > len(arrows[home[source]]):
                home[source] = name
    waiting = [name for name in arrows if name not in home]  # of several ends the first is last
    met: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        if name not in met:
            met[name] = len(met)
            waiting += [source for source in reversed(arrows[name]) if home[source] == name]
    return met


def _distances(arrows: Mapping[str, Sequence[str]], whole: Place) -> dict[str, int]:
    """How many ranks lie between each name and the end.

    Each stands right before the first that it is used by. Of two frames beside each other, one of
    which is made of the other, the one begins where the other has ended: else their borders would
    push one of them out of the way, and half of the picture would be white.
    """
    sources: dict[str | Place, list[str | Place]] = {name: [*x] for name, x in arrows.items()}
    for after, before in _successions(arrows, whole):
        if after not in sources:
            sources[after] = []  # the beginning of a frame, which is where its first name is
            for name in after.names():
                sources[name].append(after)
        sources[after] += before.names()
    distances = dict.fromkeys(sources, 0)
    reports_missing = dict.fromkeys(sources, 0)
    for found in sources.values():
        for source in found:
            reports_missing[source] += 1
    waiting = [end for end, count in reports_missing.items() if not count]
    for end in waiting:
        for source in sources[end]:
            least = distances[end] + isinstance(source, str)
            distances[source] = max(distances[source], least)
            reports_missing[source] -= 1
            if not reports_missing[source]:
                waiting.append(source)
    for name in arrows:
        if name.endswith("_uses"):  # what stands for other uses comes right behind the node
            distances[name] = distances[arrows[name][0]] - 1
    return {name: distances[name] for name in arrows}


def _successions(
    arrows: Mapping[str, Sequence[str]], whole: Place
) -> Iterable[tuple[Place, Place]]:
    """The pairs of frames beside each other where an arrow leads to the first from the second."""
    around = _around(whole)
    pairs: dict[tuple[Place, Place], None] = {}
    for name, found in arrows.items():
        for source in found:
            for after, before in zip(around[name], around[source]):
                if after is not before:
                    pairs[after, before] = None
                    break
    return pairs


def _around(whole: Place) -> dict[str, tuple[Place, ...]]:
    """The frames around each name, outermost first."""
    around: dict[str, tuple[Place, ...]] = {}
    waiting: list[tuple[Place, tuple[Place, ...]]] = [(whole, ())]
    while waiting:
        place, frames = waiting.pop()
        for inner in place.places:
            if inner.name:
                around[inner.name] = frames
            else:
                waiting.append((inner, (*frames, inner)))
    return around


def _labels(picture: Picture, whole: Place) -> dict[str, str]:
    around = _around(whole)
    labels = {}
    for node in picture.nodes:
        label, depth = node.label, len(around[node.id])
        for k in range(max(0, depth - label.count(".")), depth):
            said = ".".join(place.called for place in around[node.id][k:]) + "."
            if label.startswith(said) and label != said:
                label = label.removeprefix(said)
                break
        labels[node.id] = label
    return labels


def _framed(picture: Picture, met: Mapping[str, int]) -> Place:
    """All places in their order; that of a frame is that of the first thing in it."""
    nodes, boxes = {x.id: x for x in picture.nodes}, {x.id: x for x in picture.boxes}
    whole = Place(0, "")
    opened = [whole]
    opened += (_opened(frame, whole) for frame in picture.frames)
    for place in itertools.islice(opened, 1, None):
        assert place.frame is not None
        opened += (_opened(frame, place) for frame in place.frame.frames)
    left = dict(met)

    def single(name: str) -> Place:
        end = nodes.get(name) or boxes.get(name)
        if isinstance(end, Box):
            called = end.title
        else:  # the order of what is computed is that of what it is made of
            called = end.label if end is not None and end.op is None else ""
        return Place(left.pop(name), called, name)

    for place in reversed(opened):
        for member in place.frame.members if place.frame is not None else list(left):
            names = [member, *(belongings(nodes[member]) if member in nodes else ())]
            place.places += (single(name) for name in names if name in left)
        place.met = min((inner.met for inner in place.places), default=0)
        place.places = _sorted(place.places)
    return whole


def _opened(frame: Frame, around: Place) -> Place:
    place = Place(0, frame.title, frame=frame)
    around.places.append(place)
    return place


def _sorted(places: Iterable[Place]) -> list[Place]:
    """By when they are met; those of one family by their numbers, in the places of the family."""
    ordered = sorted(places, key=lambda place: place.met)
    families: dict[str, list[tuple[int, int]]] = {}
    for position, place in enumerate(ordered):
        if numbered := NUMBERED.fullmatch(place.called):
            families.setdefault(numbered[1], []).append((int(numbered[2]), position))
    known = list(ordered)
    for family in families.values():
        for (_, member), position in zip(sorted(family), sorted(place for _, place in family)):
            ordered[position] = known[member]
    return ordered
