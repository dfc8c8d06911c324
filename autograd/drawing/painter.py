"""From a graph to a ``Picture`` of it: as it stands, or at any moment of a pass.

A root Value and what is wanted of the picture go in. What is drawn is decided once, by ``part`` and
``collapse``; then a picture is made of each moment, of the same Values and boxes.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ..core import Value, ieee
from ..core.ops import Op
from ..core.sweep import consumers_first, local_partials
from ..words.ends import roots_of, swept_nodes
from ..words.formulas import by_labels
from ..words.staleness import stale_graph
from .arrangement import arranged
from .collapse import Cut, Group, collapse, prepared
from .groups import nestings
from .options import Options, Roots
from .part import Marks, Part, focused, require_part, select
from .picture import Arrow, Box, Carried, Frame, Moment, Node, Picture
from .shape import READABLE, shape_of

EDGES_PER_NODE = 5
# So many edges of one operation may come from one place, or from constants; more become one arrow.
PARALLEL = 8
# So many boxes, if more make a picture whose letters are too small on a screen.
FEWER = (36, 24, 16, 10)


def picture_of(root: Roots, options: Options) -> Picture:
    """Collect what a picture of the graph under a Value, or several, shows, as it stands.

    Raises:
        TypeError: if something that should be a Value is none.
        ValueError: if the options name what is not in the graph; without groups also if the graph
            is too large to be read.
    """
    return Painter(root, options).picture()


class Painter:
    """Puts pictures of one graph together: as it stands, and at moments of a pass.

    Attributes:
        drawn: the Values that are drawn one by one, operands first.
        hidden: for each box the name of the group, and the Values that it hides.
    """

    def __init__(self, root: Roots, options: Options) -> None:
        """Decide what is drawn; what it raises is said at ``picture_of``."""
        limit = options.limit
        self._roots = roots_of(root, "a picture is drawn of a Value, or of a list of them")
        self._graph = consumers_first(*self._roots)
        focus = []
        if options.focus is not None:
            focus = focused(options.focus, self._graph, self._roots)
        self._part = select(self._graph, depth=options.depth, focus=focus, roots=self._roots)
        self._is_around = bool(focus)
        present = set(self._part.nodes)
        self._marks = Marks(options.highlight, present)
        expand = options.expand
        wishes = [expand] if isinstance(expand, (str, Value)) else list(expand)
        for wish in wishes:
            if not isinstance(wish, str):
                takes = "names of groups, such as 'layer1.neuron0', and Values"
                require_part("expand", wish, present, takes)
        self._marks.values.update(focus)
        wishes += focus
        if options.groups is None:
            _refuse_unreadable(self._part, limit)
            self._take(Cut({}, (), Group((), "")))
            return
        limits = [limit] if options.max_nodes else [limit, *FEWER]
        self._take(self._clearest(limits, wishes, options))

    def _clearest(
        self, limits: Sequence[int], wishes: Sequence[str | Value], options: Options
    ) -> Cut:
        """The first of some limits with which the picture can be read on a screen; or the best."""
        nodes, named = self._part.nodes, nestings(self._graph)
        known = functools.cache(  # with steps or without
            lambda is_large: prepared(
                nodes, named, most_boxes=0 if is_large else len(nodes), expand=wishes
            )
        )
        found: list[tuple[float, Cut]] = []
        for most in limits:
            groups = known(len(nodes) > most)
            cut = collapse(nodes, groups, most_boxes=most, expand=wishes)
            self._take(cut)
            if len(limits) == 1:
                return cut
            outline = self.picture(_Outline())
            _, size = shape_of(outline, arranged(outline), options.rankdir, options.partials)
            if size.on_screen >= READABLE:
                return cut
            found.append((size.on_screen, cut))
        return max(found, key=lambda pair: pair[0])[1]

    def _take(self, cut: Cut) -> None:
        """Draw so much."""
        self._cut = cut
        self._box_ids = {group: f"g{number}" for number, group in enumerate(cut.boxes)}
        self._places = {
            value: self._box_ids[group] for group, values in cut.boxes.items() for value in values
        }
        self.hidden = [(".".join(group.nesting), values) for group, values in cut.boxes.items()]
        self.drawn = [x for x in reversed(self._part.nodes) if x not in self._places]
        self._places.update((value, f"v{number}") for number, value in enumerate(self.drawn))

    def picture(self, moment: Moment | None = None, caption: Sequence[str] = ()) -> Picture:
        """What is shown at a moment; None for the gradients that are there."""
        now = moment or _AsItStands(self._roots, self._graph)
        return Picture(
            nodes=tuple(self._node(value, now) for value in self.drawn),
            boxes=tuple(self._box(group, x, now) for group, x in self._cut.boxes.items()),
            frames=self._frames(),
            hidden=len(self._graph) - len(self._part.nodes),
            around=self._is_around,
            notice=stale_graph(self._graph),
            caption=tuple(caption),
        )

    def _node(self, value: Value, now: Moment) -> Node:
        is_open = value in self._part.opened
        return Node(
            id=self._places[value],
            label=now.name(value),
            data=now.data(value),
            grad=now.gradient(value),
            formula=" = ".join(by_labels(value)),
            op=value.op if is_open else None,
            arrows=_merge([*self._arrows(value, now)]) if is_open else (),
            is_cut=value.op is not None and not is_open,
            is_root=value in self._roots,
            highlighted=value in self._marks.values or value is now.current,
            unseen=self._part.unseen.get(value, 0),
            count=now.count(value),
        )

    def _arrows(self, value: Value, now: Moment) -> Iterator[Arrow]:
        """The arrow from each operand of a node whose operation is drawn."""
        ordered = value.op is not None and order_matters(value.op)
        for place, (operand, carried) in enumerate(zip(value.operands, now.carried(value)), 1):
            position = place if ordered else None
            if not isinstance(operand, Value):
                yield Arrow((operand,), position)
                continue
            yield Arrow(
                self._places.get(operand),
                position,
                *carried,
                emphasised=(value, operand) in self._marks.steps,
            )

    def _box(self, group: Group, values: Sequence[Value], now: Moment) -> Box:
        own, opened = self._box_ids[group], self._part.opened
        # Most Values are in boxes, where an arrow for each operand would take its time.
        received: dict[str | None, list[float | None]] = defaultdict(list)
        inner_edges = 0
        for value in values:
            is_open = value in opened
            for operand, carried in zip(value.operands, now.carried(value)):
                if isinstance(operand, Value):
                    source = self._places.get(operand) if is_open else None
                    if source == own:
                        inner_edges += 1
                    else:
                        received[source].append(carried.contribution)
        emphasised = {
            self._places.get(operand)
            for value, operand in self._marks.steps
            if self._places[value] == own and value in opened
        }
        arrows = (
            Arrow(
                source,
                contribution=_total(numbers),
                count=len(numbers),
                emphasised=source in emphasised,
            )
            for source, numbers in received.items()
        )
        operations = Counter(value.op.name for value in values if value.op is not None)
        return Box(
            id=own,
            title=group.title,
            name=".".join(group.nesting),
            count=len(values),
            total=_total(map(now.gradient, values)),
            inputs=sum(value.op is None for value in values),
            operations=tuple(sorted(operations.items(), key=lambda item: (-item[1], item[0]))),
            inner_edges=inner_edges,
            arrows=tuple(arrows),
            highlighted=not self._marks.values.isdisjoint(values) or now.current in values,
            is_root=any(root in values for root in self._roots),
            is_summary=group.is_summary,
            is_band=group.is_band,
        )

    def _frames(self) -> tuple[Frame, ...]:
        """The open groups, put together from the innermost outwards."""
        frames: dict[Group, Frame] = {}
        for group in reversed(self._cut.frames):
            closed = [g for g in group.groups.values() if g in self._box_ids]
            members = (
                *(self._places[value] for value in group.values),
                *(self._box_ids[g] for g in closed),
            )
            within = tuple(frames[g] for g in group.groups.values() if g in frames)
            values = [*group.values, *(value for g in closed for value in self._cut.boxes[g])]
            is_parameters = all(value.op is None for value in values) and all(
                frame.is_parameters for frame in within
            )
            title = group.title
            if not members and len(within) == 1:
                # Nothing but a frame is no reason for a frame of its own.
                title = f"{title}.{within[0].title}"
                members, within = within[0].members, within[0].frames
            frames[group] = Frame(title, members, within, is_parameters)
        return tuple(frame for group, frame in reversed(frames.items()) if not _is_within(group))


class _Outline:
    """What stands where, before anything is said of numbers."""

    current = None

    def name(self, node: Value) -> str:
        return node.label

    def data(self, node: Value) -> float:
        return 0.0

    def gradient(self, node: Value) -> float | None:
        return None

    def count(self, node: Value) -> str:
        return ""

    def carried(self, node: Value) -> Sequence[Carried]:
        return [Carried(0.0)] * len(node.operands)


class _AsItStands:
    """The gradients that are there, as the moment after a pass; or before any."""

    current = None

    def __init__(self, roots: Sequence[Value], graph: Sequence[Value]) -> None:
        self._swept = swept_nodes(graph, roots)

    def name(self, node: Value) -> str:
        return node.label

    def data(self, node: Value) -> float:
        return node.data

    def gradient(self, node: Value) -> float | None:
        return node.grad if node in self._swept or node.grad else None

    def count(self, node: Value) -> str:
        return ""

    def carried(self, node: Value) -> Sequence[Carried]:
        slopes = local_partials(node)
        if node not in self._swept:
            return [Carried(slope or 0.0) for slope in slopes]
        gradient = node.grad
        return [
            # Where no derivative passes, or none came, 0 * inf would be nan.
            Carried(slope, gradient, gradient * slope if gradient else 0.0)
            if slope is not None
            else Carried(0.0, gradient, 0.0)
            for slope in slopes
        ]


def _total(numbers: Iterable[float | None]) -> float | None:
    """The sum of those that are known; None if none is."""
    known = [number for number in numbers if number is not None]
    return ieee.sum(*known) if known else None


def _is_within(group: Group) -> bool:
    """Whether a group is within another one that has a name."""
    return group.parent is not None and group.parent.parent is not None


def _merge(arrows: Sequence[Arrow]) -> tuple[Arrow, ...]:
    """The arrows into an operation, with too many from one place as one, where the first was.

    From a value there may be several, for ``a + a`` has two; from a box there is one.
    """
    families: dict[str | None, list[Arrow]] = defaultdict(list)
    for arrow in arrows:
        families[_origin(arrow)].append(arrow)
    merged = []
    for arrow in arrows:
        origin = _origin(arrow)
        family = families[origin]
        if len(family) <= (1 if origin is None or origin.startswith("g") else PARALLEL):
            merged.append(arrow)
        elif arrow is family[0]:
            merged.append(_sum(family))
    return tuple(merged)


def _origin(arrow: Arrow) -> str | None:
    """What makes arrows parallel: one place, or that all come from constants."""
    return "constants" if isinstance(arrow.source, tuple) else arrow.source


def _sum(family: Sequence[Arrow]) -> Arrow:
    source = family[0].source
    if isinstance(source, tuple):
        source = tuple(x for arrow in family for x in arrow.source or () if type(x) is float)
    return Arrow(
        source,
        contribution=_total(arrow.contribution for arrow in family),
        count=len(family),
        emphasised=any(arrow.emphasised for arrow in family),
    )


def _refuse_unreadable(part: Part, max_nodes: int) -> None:
    edges = sum(len(value.operands) for value in part.opened)
    if len(part.nodes) > max_nodes or edges > EDGES_PER_NODE * max_nodes:
        raise ValueError(
            f"this graph has {len(part.nodes)} nodes with {edges} operands, more than can be read "
            f"in one picture of every Value (max_nodes={max_nodes}); leave out groups=None, draw "
            f"the end of it with depth=5 or so, or raise max_nodes"
        )


@functools.cache
def order_matters(op: Op) -> bool:
    """Whether operands can be told apart: asked of the row itself, at a few unlike numbers.

    The numbers are small powers of two, on which sums and products are exact in any order.
    """
    if op.arity is None:
        return False
    numbers = [2.0 ** (1 - k) for k in range(op.arity)]
    swaps = (
        [*numbers[:k], numbers[k + 1], numbers[k], *numbers[k + 2 :]] for k in range(op.arity - 1)
    )
    return any(op.forward(*swapped) != op.forward(*numbers) for swapped in swaps)
