"""Which nodes of a graph are drawn one by one, and which are hidden together in a box.

Nodes and the groups around each go in; a ``Cut`` comes out, with few enough boxes to be read.
Groups are opened level by level, the outermost first, for as long as the picture stays readable; of
many groups of one kind, such as instances or neurons, one is shown and the others are one box, and
of a row of them, such as the steps of a recurrence, its ends. Where there are no groups, what lies
far from the end is hidden in bands of equal depth.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..core import Value
from .arrangement import NUMBERED
from .circles import parts_without_circles
from .groups import Nesting, part_name, undivided, without_circles
from .options import MAX_NODES_UNGROUPED
from .steps import with_steps

# Of a family of more siblings than this, such as neuron0 ... neuron15, one is shown.
FAMILY = 8
# Instances are one formula: a second one shows nothing new.
FAMILY_OF_INSTANCES = 1
# Of a row of more than this, each made of what another one makes, the first two are shown, and the
# last; they take more room than those that stand beside each other.
ROW = 5
MOST_IN_AN_OPENED_GROUP = MAX_NODES_UNGROUPED
EDGES_PER_BOX = 1
BANDS, NEAREST = 6, 8

_INSTANCE = re.compile(r"instance\[\d+\]")


@dataclass(eq=False)
class Group:
    """A group of nodes, which is drawn as a box or, if it is open, as a frame around its parts.

    Attributes:
        nesting: the names of the groups around it and its own, outermost first; none for the whole.
        title: what to call it.
        values: the nodes that are in none of its subgroups.
        groups: its subgroups by name.
        parent: the group around it; None for the whole.
        is_summary: whether it only counts what was left out, and is never opened.
        is_band: whether it is a summary of what lies at some distance from the end.
        is_like_another: whether it shows nothing that one before it in a row does not.
    """

    nesting: Nesting
    title: str
    parent: Group | None = None
    values: list[Value] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    is_summary: bool = False
    is_band: bool = False
    is_like_another: bool = False

    @property
    def depth(self) -> int:
        """How many levels down it is, not counting the instance, which all else is part of."""
        return len(_split(self.nesting)[1])

    def walk(self) -> Iterator[Group]:
        """This group and all under it, outer ones first."""
        found = [self]
        for group in found:
            yield group
            found.extend(group.groups.values())


@dataclass(frozen=True)
class Cut:
    """What is drawn of a graph.

    Attributes:
        boxes: the closed groups, each with the nodes that it hides.
        frames: the open groups, outer ones first, without the whole.
        whole: the group of everything, under which all groups are.
    """

    boxes: Mapping[Group, Sequence[Value]]
    frames: Sequence[Group]
    whole: Group


def collapse(
    nodes: Sequence[Value],
    nestings: Mapping[Value, Nesting],
    *,
    most_boxes: int,
    expand: Iterable[str | Value] = (),
) -> Cut:
    """Decide what is drawn.

    Args:
        nodes: what there is to draw, consumers first.
        nestings: the groups of each, of which none is made of what it makes: see ``prepared``.
        most_boxes: how many boxes and nodes can be read in one picture; a picture has more only
            if ``expand`` asks for them.
        expand: groups to open in any case, by name, and nodes to show in any case.

    Raises:
        ValueError: if there is no group of a name that ``expand`` asks for.
    """
    wanted = list(expand)
    shown = {wish for wish in wanted if isinstance(wish, Value)}
    whole = _tree(nodes, nestings)
    groups = list(whole.walk())
    asked_for = _named(groups, [wish for wish in wanted if isinstance(wish, str)])
    if len(nodes) <= most_boxes:
        return Cut({}, groups[1:], whole)
    by_nesting = {group.nesting: group for group in groups}
    around = [*asked_for, *(by_nesting[nestings[value]] for value in shown)]
    forced = {outer for group in around for outer in _upwards(group)}
    levels = functools.cache(lambda: _levels(nodes))  # which few graphs need
    for group in groups:
        _fold_families(group, forced, most_boxes // 4)
        most = MOST_IN_AN_OPENED_GROUP if group in asked_for else most_boxes // 2
        _band(group, levels, shown, most)
    covers = _covers(whole, _open(whole, nodes, forced, most_boxes))
    homes = {value: group for group in covers for value in group.values}
    boxes: dict[Group, list[Value]] = {}
    for value in nodes:
        cover = covers[homes[value]]
        if cover is not None:
            boxes.setdefault(cover, []).append(value)
    frames = [group for group, cover in covers.items() if cover is None][1:]
    return Cut(_without_circles(boxes, nodes), frames, whole)


def prepared(
    nodes: Sequence[Value],
    nestings: Mapping[Value, Nesting],
    *,
    most_boxes: int,
    expand: Iterable[str | Value] = (),
) -> dict[Value, Nesting]:
    """The groups of what is to be drawn: also steps, if there is much, and none in circles.

    Of many instances only those are searched for steps that can be seen: the first, and what
    ``expand`` asks for.
    """
    if len(nodes) > most_boxes:
        opened = _opened(nodes, nestings, [wish for wish in expand if isinstance(wish, str)])
        instances = {name for name in map(_instance, nestings.values()) if name}
        seen = {"", min(instances, key=_index, default="")}
        for wish in expand:
            nesting = tuple(wish.split(".")) if isinstance(wish, str) else nestings[wish]
            seen.add(_instance(nesting))
        nestings = {
            **nestings,
            **with_steps(
                [x for x in nodes if x not in opened and _instance(nestings[x]) in seen], nestings
            ),
        }
    return without_circles(nodes, nestings)


def _opened(
    nodes: Sequence[Value], nestings: Mapping[Value, Nesting], names: Sequence[str]
) -> set[Value]:
    """What is in groups that are asked for, and small enough to be shown in full."""
    found: set[Value] = set()
    for name in names:
        parts = tuple(name.split("."))
        size = len(parts)
        within = [
            node
            for node, nesting in zip(nodes, map(nestings.__getitem__, nodes))
            if any(nesting[k : k + size] == parts for k in range(len(nesting) - size + 1))
        ]
        if len(within) <= MOST_IN_AN_OPENED_GROUP:
            found.update(within)
    return found


def _instance(nesting: Nesting) -> str:
    return _split(nesting)[0]


def _tree(nodes: Sequence[Value], nestings: Mapping[Value, Nesting]) -> Group:
    whole = Group((), "")
    groups: dict[Nesting, Group] = {(): whole}
    for node in nodes:
        nesting = nestings[node]
        group = groups.get(nesting)
        if group is None:
            group = whole
            for length, name in enumerate(nesting, start=1):
                inner = group.groups.get(name)
                if inner is None:
                    inner = group.groups[name] = Group(nesting[:length], name, group)
                group = inner
            groups[nesting] = group
        group.values.append(node)
    return whole


def _upwards(group: Group | None) -> Iterator[Group]:
    while group is not None:
        yield group
        group = group.parent


def _named(groups: Sequence[Group], names: Sequence[str]) -> set[Group]:
    """The groups of the given names.

    A name may leave out what is further out: ``neuron0``. Of a name within an instance, such as
    ``instance[3].layer1.neuron0``, the rest also names the parameters that all instances share; a
    name without an instance is looked for in the first.
    """
    found: set[Group] = set()
    for name in names:
        instance, rest = _split(tuple(name.split(".")))
        searched = instance or _first_instance(groups)
        matches = [
            group
            for group in groups
            for its_instance, its_rest in [_split(group.nesting)]
            if its_instance == searched or (rest and not its_instance)
            if (_is_meant(rest, its_rest[-len(rest) :]) if rest else not its_rest)
        ]
        if not any(_split(group.nesting)[0] == instance or not instance for group in matches):
            raise ValueError(_no_group(name, groups))
        found.update(matches)
    return found


def _is_meant(names: Nesting, nesting: Nesting) -> bool:
    """Whether these are the names of a group, or of what it is a part of."""
    return len(names) == len(nesting) and all(
        name in (own, undivided(own)) for name, own in zip(names, nesting)
    )


def _split(nesting: Nesting) -> tuple[str, Nesting]:
    """The instance that a nesting begins with, or "", and the rest of it."""
    if nesting and _INSTANCE.fullmatch(outermost := undivided(nesting[0])):
        return outermost, nesting[1:]
    return "", nesting


def _first_instance(groups: Sequence[Group]) -> str:
    instances = {_split(group.nesting)[0] for group in groups} - {""}
    return min(instances, key=_index, default="")


def _index(name: str) -> int:
    numbered = NUMBERED.fullmatch(name)
    return int(numbered[2]) if numbered else 0


def _no_group(name: str, groups: Sequence[Group]) -> str:
    known = [".".join(group.nesting) for group in groups if group.nesting]
    if not known:
        return (
            f"expand asks for {name!r}, but there are no groups in this picture; make nodes within "
            f"'with group(name):', or give them dotted labels such as 'layer1.w'"
        )
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
    return (
        f"expand asks for {name!r}, but no group in this picture has that name; there is "
        f"{', '.join(close)}"
    )


def _fold_families(group: Group, forced: set[Group], most: int) -> None:
    """Of many subgroups of one kind show those that are asked for, or else the first."""
    families: dict[str, list[Group]] = {}
    for name, subgroup in group.groups.items():
        numbered = NUMBERED.fullmatch(name)
        families.setdefault(numbered[1] if numbered else "", []).append(subgroup)
    for stem, family in families.items():
        family.sort(key=lambda subgroup: _index(subgroup.nesting[-1]))
        if not stem or len(family) <= FAMILY_OF_INSTANCES:
            continue
        if len(family) > ROW and _is_row(family):
            _fold_row(group, stem, family, forced)
        elif len(family) > (
            FAMILY_OF_INSTANCES if stem == "instance" and not group.nesting else FAMILY
        ):
            _fold(group, [g for g in family if g in forced] or family[:1], family, f"{stem}s")
    # What is still too much has names without a pattern.
    left = list(group.groups.values())
    if len(left) > most:
        closed = [g for g in left if g not in forced and not g.is_summary]
        _fold(group, closed[: most // 2], closed, "groups")


def _is_row(family: Sequence[Group]) -> bool:
    """Whether some of a family are made of what others make."""
    homes = {value: member for member in family for part in member.walk() for value in part.values}
    return any(
        homes.get(operand, member) is not member
        for value, member in homes.items()
        for operand in value.operands
        if isinstance(operand, Value)
    )


def _fold_row(group: Group, stem: str, family: Sequence[Group], forced: set[Group]) -> None:
    """Of a row show its ends, and those that are asked for; what lies between becomes boxes.

    A group that could be opened as well is closed: it would show what the first one shows.
    """
    shown = {*family[:2], family[-1], *forced}
    for member in family[1:]:
        member.is_like_another = member not in forced
    for is_shown, run in itertools.groupby(family, key=shown.__contains__):
        between = list(run)
        if not is_shown and len(between) > 1:
            first, last = (_index(member.nesting[-1]) for member in (between[0], between[-1]))
            _gather(group, between, f"{stem.rstrip()}s {first:,} to {last:,}")


def _fold(group: Group, shown: Sequence[Group], family: Sequence[Group], what: str) -> None:
    rest = [subgroup for subgroup in family if subgroup not in shown]
    if len(rest) > 1:
        _gather(group, rest, f"{len(rest):,} more {what}")


def _gather(group: Group, rest: Sequence[Group], title: str) -> None:
    """Put some subgroups of a group into one box."""
    summary = _summary(group, title)
    for subgroup in rest:
        del group.groups[subgroup.nesting[-1]]
        summary.groups[subgroup.nesting[-1]] = subgroup
        subgroup.parent = summary


def _summary(group: Group, title: str) -> Group:
    """A part of a group that only counts what it hides; no name of a user's is taken for it."""
    summary = Group((*group.nesting, title), title, group, is_summary=True)
    group.groups[f"\0{title}"] = summary
    return summary


def _band(
    group: Group, levels: Callable[[], Mapping[Value, int]], shown: set[Value], most: int
) -> None:
    """Hide what is far from the end, if a group itself has more nodes than can be shown.

    An edge leads from a level to one nearer to the end, so that bands form no circles.
    """
    if len(group.values) <= most:
        return
    by_level: dict[int, list[Value]] = {}
    kept = []
    for value in group.values:
        if value in shown:
            kept.append(value)
        else:
            by_level.setdefault(levels()[value], []).append(value)
    waiting = sorted(by_level)
    while waiting and len(kept) + len(by_level[waiting[0]]) <= NEAREST:
        kept += by_level[waiting.pop(0)]
    group.values = kept
    size = sum(len(by_level[level]) for level in waiting) / BANDS
    first, values = 0, list[Value]()
    for place, level in enumerate(waiting):
        values += by_level[level]
        if len(values) >= size or level == waiting[-1]:
            title = f"level {waiting[first]:,}" + (f" to {level:,}" if first < place else "")
            band = _summary(group, title)
            band.values, band.is_band = values, True
            first, values = place + 1, []


def _levels(nodes: Sequence[Value]) -> dict[Value, int]:
    """How many operations lie between each node and the end of the graph, on the longest way."""
    levels = dict.fromkeys(nodes, 0)
    for node in nodes:
        level = levels[node] + 1
        for operand in node.operands:
            if isinstance(operand, Value) and levels.get(operand, level) < level:
                levels[operand] = level
    return levels


def _open(whole: Group, nodes: Sequence[Value], forced: set[Group], most_boxes: int) -> set[Group]:
    """The groups to open: level by level, as long as the picture can be read."""
    by_depth: dict[int, list[Group]] = {}
    for group in whole.walk():
        # Bands are the last resort: the name of a group says more, as long as it is closed.
        has_bands = any(part.is_band for part in group.groups.values())
        is_spare = group.is_summary or group.is_like_another
        if not is_spare and (group.depth == 0 or not has_bands):
            by_depth.setdefault(group.depth, []).append(group)
    opened = forced | {whole}
    for depth in sorted(by_depth):
        more = opened.union(by_depth[depth])
        covers = _covers(whole, more)
        if _count_boxes(covers) > most_boxes:
            break
        # Without an instance there is nothing to see, however many edges it has.
        if depth and _count_edges(covers, nodes) > EDGES_PER_BOX * most_boxes:
            break
        opened = more
    return opened


def _count_boxes(covers: Mapping[Group, Group | None]) -> int:
    return sum(
        len(group.values) if cover is None else cover is group for group, cover in covers.items()
    )


def _count_edges(covers: Mapping[Group, Group | None], nodes: Sequence[Value]) -> int:
    """How many pairs of boxes or nodes are connected."""
    homes: dict[Value, Group | Value] = {}
    for group, cover in covers.items():
        for value in group.values:
            homes[value] = value if cover is None else cover
    pairs = {
        (homes[node], homes[operand])
        for node in nodes
        for operand in node.operands
        if operand in homes and homes[node] is not homes[operand]
    }
    return len(pairs)


def _covers(whole: Group, opened: set[Group]) -> dict[Group, Group | None]:
    """The closed group that hides each group: itself or one around it; None if it is open."""
    covers: dict[Group, Group | None] = {}
    for group in whole.walk():
        around = None if group.parent is None else covers[group.parent]
        covers[group] = around or (None if group in opened else group)
    return covers


def _without_circles(
    boxes: Mapping[Group, Sequence[Value]], nodes: Sequence[Value]
) -> Mapping[Group, Sequence[Value]]:
    """The same boxes, those divided between which arrows would lead both ways.

    Groups have none, but what counts what was left out is put together of many.
    """
    homes = {value: group for group, values in boxes.items() for value in values}
    parts = parts_without_circles(nodes, homes)
    divided = {homes[value] for value in parts}
    found: dict[Group, Sequence[Value]] = {}
    for group, values in boxes.items():
        if group not in divided:
            found[group] = values
            continue
        assert group.parent is not None
        [key] = [name for name, g in group.parent.groups.items() if g is group]
        del group.parent.groups[key]
        for number in range(1 + max(parts[value] for value in values)):
            own = [value for value in values if parts[value] == number]
            part = _part(group, part_name(group.title, number), {*own})
            group.parent.groups[f"{key}, {number}"] = part
            found[part] = own
    return found


def _part(group: Group, title: str, values: set[Value]) -> Group:
    """What of a group holds these values."""
    whole = dataclasses.replace(group, title=title, values=[], groups={})
    waiting = [(group, whole)]
    while waiting:
        old, new = waiting.pop()
        new.values = [value for value in old.values if value in values]
        for name, inner in old.groups.items():
            new.groups[name] = dataclasses.replace(inner, parent=new, values=[], groups={})
            waiting.append((inner, new.groups[name]))
    return whole
