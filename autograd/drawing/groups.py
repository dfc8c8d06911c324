"""Which group each node of a graph belongs to, so that a picture can draw a group as one box.

The nodes of a graph go in; out come the groups around each, outermost first, such as
``("instance[3]", "layer1", "neuron0")``. Nobody need have said anything: names come from
``with group(...)``, from dotted labels as ``nn`` writes them, and from the shape of the graph.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from ..core import Value
from ..core.sweep import count_consumers, evaluation_order
from .circles import parts_without_circles

Nesting: TypeAlias = tuple[str, ...]

# layer1.neuron0.w[2], and no sentence that happens to hold a full stop.
_DOTTED = re.compile(r"[^\W\d]\w*(\[\w+\])*(\.[^\W\d]\w*(\[\w+\])*)+")
_PART = re.compile(r", part \d+'*$")
_SUMS = ("sum", "add")
# What Python's own sum of many instances is made of.
ADDITIONS = ("additions",)
FEWEST_INSTANCES, FEWEST_OPERATIONS = 3, 3
# ``sum(losses) + penalty`` is no sum over a data set, but what it begins with is: so many sums
# that a sum is the beginning of are looked at before it is left alone.
MOST_ATTEMPTS = 4


class _Place(NamedTuple):
    """Where a node belongs, in three parts that are decided one by one.

    Attributes:
        instance: which term of a sum over a data set it is part of, by its number among all such
            terms in the order in which they were found.
        made_in: the groups that were open when it was made.
        named: the groups that its label speaks of.
    """

    instance: Nesting
    made_in: Nesting
    named: Nesting


NOWHERE = _Place((), (), ())


def nestings(nodes: Sequence[Value]) -> dict[Value, Nesting]:
    """The groups around each node, by one rule for each part, the consumers' places known.

    A node is in the groups that were open when it was made, and in those that its label names.
    What says nothing of itself belongs where all its consumers do: a product to the neuron whose
    sum it is part of, a weight to the neuron of that name. Only an operation that no open group
    has stamped was certainly made outside of them. Where a sum at the end of the graph adds up
    instances of one formula, each belongs to an instance.

    Args:
        nodes: every node of a graph, consumers first.
    """
    inherited: dict[Value, _Place] = {}
    terms: dict[tuple[Value, int], Nesting] = {}
    places: dict[Value, _Place] = {}
    named: dict[str, Nesting] = {}
    instances = _Instances(nodes)
    for node in nodes:
        place = _own(node, inherited.pop(node, NOWHERE), named)
        if node in instances.in_a_chain:
            place = place._replace(named=ADDITIONS)
        places[node] = place
        if place == NOWHERE and _is_sum(node):
            terms.update(instances.under(node))
        for position, operand in enumerate(node.operands):
            if isinstance(operand, Value):
                # Few sums have instances, and a lookup in an empty dict costs next to nothing.
                instance = terms.get((node, position)) if terms else None
                given = place if instance is None else _Place(instance, (), ())
                received = inherited.get(operand)
                inherited[operand] = given if received is None else _common(received, given)
    names = instances.names()
    return {
        node: names[place.instance] + place.made_in + place.named for node, place in places.items()
    }


def without_circles(
    nodes: Sequence[Value], nestings: Mapping[Value, Nesting]
) -> dict[Value, Nesting]:
    """The same groups, those divided that arrows would lead out of and back into.

    So it is with a name that is used again after something else has been made of what it stood
    for: ``A, part 1`` and ``A, part 2``.

    Args:
        nodes: what is drawn, consumers first.
        nestings: the groups of each.
    """
    found = dict(nestings)
    regions: list[tuple[int, Sequence[Value]]] = [(0, nodes)]
    for depth, region in regions:
        homes = {node: found[node][depth] for node in region if len(found[node]) > depth}
        children = dict.fromkeys(homes.values())
        if _may_go_round(region, homes):
            for node, part in parts_without_circles(region, homes).items():
                title = part_name(homes[node], part)
                while title in children:
                    title += "'"
                homes[node] = title
                found[node] = (*found[node][:depth], title, *found[node][depth + 1 :])
        within: dict[str, list[Value]] = {}
        for node, name in homes.items():
            within.setdefault(name, []).append(node)
        regions += ((depth + 1, inner) for inner in within.values() if _is_mixed(inner, found))
    return found


def _is_mixed(region: Sequence[Value], nestings: Mapping[Value, Nesting]) -> bool:
    """Whether something leads from one group to another within a region."""
    present = {*region}
    return any(
        isinstance(operand, Value) and operand in present and nestings[operand] != nestings[node]
        for node in region
        for operand in node.operands
    )


def _may_go_round(region: Sequence[Value], homes: Mapping[Value, str]) -> bool:
    """Whether something leads out of one of the groups, and something into it."""
    entered, left = set[str | None](), set[str | None]()
    for node in region:
        home = homes.get(node)
        for operand in node.operands:
            other = homes.get(operand) if isinstance(operand, Value) else home
            if other != home:
                entered.add(home)
                left.add(other)
    return not (entered & left).issubset({None})


def part_name(name: str, part: int) -> str:
    """What a part of a group is called; parts count from 0, and people from 1."""
    return f"{name}, part {part + 1}"


def undivided(name: str) -> str:
    """The group that a part is one of."""
    return _PART.sub("", name)


def _ends(nodes: Sequence[Value]) -> list[Value]:
    """The nodes that no other one is made of."""
    used = {operand for node in nodes for operand in node.operands}
    return [node for node in nodes if node not in used]


def _own(node: Value, inherited: _Place, named: dict[str, Nesting]) -> _Place:
    """The place of a node, from what it says of itself and what its consumers agree on."""
    made_in, by_label = inherited.made_in, inherited.named
    if node.origin is not None and node.origin.group:
        made_in = tuple(filter(None, node.origin.group.split(".")))
    elif node.op is not None:
        made_in = ()
    label = node.label
    if label:
        if label not in named:
            named[label] = _groups_of(label)
        by_label = named[label] or by_label
    if made_in == inherited.made_in and by_label is inherited.named:
        return inherited
    return _Place(inherited.instance, made_in, by_label)


def _groups_of(label: str) -> Nesting:
    """The groups that a dotted label names; none if it is no dotted name."""
    if len(label) > 200 or not _DOTTED.fullmatch(label):
        return ()
    return tuple(label.split(".")[:-1])


def _is_sum(node: Value) -> bool:
    return node.op is not None and node.op.name in _SUMS


def _common(first: _Place, second: _Place) -> _Place:
    if first is second or first == second:
        return first
    return _Place(*map(_common_nesting, first, second))


def _common_nesting(first: Nesting, second: Nesting) -> Nesting:
    if first == second:
        return first
    return first[: sum(takewhile(bool, map(operator.eq, first, second)))]


class _Instances:
    """Finds the sums over a data set: terms made alike that share parameters and nothing else."""

    def __init__(self, nodes: Sequence[Value]) -> None:
        self.in_a_chain: set[Value] = set()
        self._roots = _ends(nodes)
        # Of nested sums each looks at what is under it; in vain, for most graphs.
        self._patience = 4 * len(nodes)
        self._attempts: Counter[Value] = Counter()
        self._found: dict[Value, range] = {}
        self._count = 0

    def under(self, total: Value) -> Iterable[tuple[tuple[Value, int], Nesting]]:
        """The operands of ``total`` that are instances, each with its number.

        ``l0 + l1 + l2 + ...``, as Python's own ``sum`` writes it, is one sum of many terms.
        """
        if self._patience < 0 or self._attempts[total] >= MOST_ATTEMPTS:
            return ()
        places = self._flatten(total)
        if not self._are_instances([node.operands[position] for node, position in places]):
            return ()
        self.in_a_chain.update(node for node, _ in places if node is not total)
        numbers = range(self._count, self._count + len(places))
        self._found[total] = numbers
        self._count = numbers.stop
        return [(place, (str(number),)) for number, place in zip(numbers, places)]

    def names(self) -> dict[Nesting, Nesting]:
        """What each instance is called: numbered from 0 through all sums, in evaluation order.

        The instances of a second loss are others than those of the first, and not drawn with them.
        """
        sums = list(self._found)
        if len(sums) > 1:
            sums = [node for node in evaluation_order(*self._roots) if node in self._found]
        numbers = (number for node in sums for number in self._found[node])
        names: dict[Nesting, Nesting] = {(): ()}
        names.update(((str(n),), (f"instance[{i}]",)) for i, n in enumerate(numbers))
        return names

    def _flatten(self, total: Value) -> list[tuple[Value, int]]:
        """Where the terms are written, from left to right: nodes and positions of operands."""
        places: list[tuple[Value, int]] = []
        waiting = [(total, position) for position in reversed(range(len(total.operands)))]
        while waiting:
            node, position = waiting.pop()
            term = node.operands[position]
            if not isinstance(term, Value):
                continue  # a chain may begin with Python's 0, which is no instance of anything
            if _is_sum(term) and not term.label and self._consumers[term] == 1:
                self._attempts[term] += 1
                waiting += [(term, k) for k in reversed(range(len(term.operands)))]
            else:
                places.append((node, position))
        return places

    def _are_instances(self, terms: Sequence[Value | float]) -> bool:
        """Whether terms come from one formula: the same operation at the end of each, several
        operations of its own that nothing else uses, and leaves that they share.

        Instances share parameters, and those have dotted names. Where each term has parameters of
        its own and none is shared, it is one instance: a divergence adds up the outputs of a layer.
        """
        if len(terms) < FEWEST_INSTANCES:
            return False
        if len({term.op.name if isinstance(term, Value) and term.op else "" for term in terms}) > 1:
            return False
        owners: dict[Value, int] = {}
        uses: dict[Value, int] = {}
        shared: set[Value] = set()
        parameters: dict[Value, int] = {}
        for number, term in enumerate(terms):
            if not isinstance(term, Value) or term.op is None or term in owners:
                return False
            owners[term], uses[term] = number, 1
            found = [term]
            for node in found:
                for operand in node.operands:
                    if not isinstance(operand, Value):
                        continue
                    self._patience -= 1
                    owner = owners.setdefault(operand, number)
                    if operand.op is None:
                        if owner != number:
                            shared.add(operand)
                        if _DOTTED.fullmatch(operand.label):
                            parameters[operand] = owner
                    elif owner != number:
                        return False
                    elif operand in uses:
                        uses[operand] += 1
                    else:
                        uses[operand] = 1
                        found.append(operand)
            if len(found) < FEWEST_OPERATIONS:
                return False
        apart = parameters.keys().isdisjoint(shared)
        if not shared or (apart and len(set(parameters.values())) == len(terms)):
            return False
        return all(self._consumers[node] == count for node, count in uses.items())

    @functools.cached_property
    def _consumers(self) -> dict[Value, int]:
        return count_consumers(*self._roots)
