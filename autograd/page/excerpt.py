"""The part of a pass that one picture holds: a small graph in full, a part of a large one.

A recording and a place in it go in; out come the boxes of a picture, and what each of them shows
after any number of nodes. The page and the notebook draw what they find here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..core import Value
from ..core.sweep import local_partials
from ..drawing.frames import Card, Moment, Operand, widest
from ..drawing.picture import order_matters
from ..stepping.recording import Recording
from ..text import plain, signed

# What can be read in one picture, and how much is shown of a graph that is larger.
MOST_NODES, MOST_EDGES = 120, 300
NEIGHBOURS = 40
# A node of a thousand operands must not take all the room.
MOST_OPERANDS, MOST_CONSUMERS = 8, 4
# Of a node that is used more often, the uses that lie further away are references, not edges: long
# edges hide what is near, and Graphviz takes minutes to lay out many of them.
MOST_USES, LONGEST_EDGE = 4, 2

_ORDINALS = ("1st", "2nd", "3rd")


class Excerpt:
    """Those nodes of a pass that are drawn. A node's number is that of its step, from 1.

    Attributes:
        numbers: the number of each node that is drawn, in the order of the pass.
        hidden: how many nodes of the graph are not.
        edges: the edges that are drawn, by the number of the node and the operand's position; each
            by its own number in the recording.
    """

    def __init__(self, recording: Recording, place: int) -> None:
        """Choose what is drawn.

        Args:
            recording: the pass.
            place: the index of the node around which a large graph is shown.
        """
        self._recording = recording
        self._is_part = not _is_readable(recording)
        places = _nearest(recording, place) if self._is_part else range(len(recording))
        self.numbers = {recording.nodes[place]: place + 1 for place in places}
        self.hidden = len(recording) - len(self.numbers)
        self.edges: dict[tuple[int, int], int] = {}
        self._operands = {
            number: self._drawn_operands(node, number) for node, number in self.numbers.items()
        }
        for number, position in self._far_uses():
            operand = self._operands[number][position]
            assert operand.card is not None
            name = recording.names[recording.nodes[operand.card - 1]]
            self._operands[number][position] = replace(operand, reference=name)

    def moment(self, position: int, edges_done: int = 0, *, alone: bool = False) -> Moment:
        """What the picture shows at a position of the pass, as the ``Stepper`` counts it.

        ``alone`` leaves out what leaves held before the pass, to which it adds.
        """
        recording = self._recording
        begun = position + (edges_done > 0)
        done = recording.starts[position] + edges_done
        of_root = 1.0 if alone else recording.after(recording.root)
        grads = {1: signed(of_root)} if begun else {}
        counts = {}
        for node, number in self.numbers.items():
            edge = recording.latest(node, done)
            if edge is not None:
                grad = recording.received(node, done) if alone else edge.after
                grads[number], counts[number] = signed(grad), edge.progress
        contributions = {
            key: recording.reports[edge].contribution
            for key, edge in self.edges.items()
            if edge < done
        }
        return Moment(grads, counts, contributions, begun or None)

    def boxes(self, moments: Sequence[Moment]) -> list[Card]:
        """What to draw, operands first, with room for the gradients of these moments."""
        drawn_uses = dict.fromkeys(self.numbers, 0)
        for edge in self.edges.values():
            drawn_uses[self._recording.reports[edge].operand] += 1
        return [
            self._box(node, number, drawn_uses[node], moments)
            for node, number in self.numbers.items()
        ][::-1]

    def _box(self, node: Value, number: int, drawn_uses: int, moments: Sequence[Moment]) -> Card:
        recording = self._recording
        uses = recording.arriving(node)
        operands = self._operands[number]
        return Card(
            number=number,
            name=recording.names[node],
            data=signed(recording.data[number - 1]),
            widest=widest([moment.grads[number] for moment in moments if number in moment.grads]),
            count=recording.edge(uses[-1]).progress if uses else "",
            symbol="" if node.op is None else node.op.symbol,
            operands=operands,
            more_operands=len(node.operands) - len(operands),
            more_consumers=len(uses) - drawn_uses,
            is_root=number == 1,
        )

    def _drawn_operands(self, node: Value, number: int) -> dict[int, Operand]:
        """The operands of a node that are drawn, by their position; their edges are noted."""
        if node.op is None:
            return {}
        recording = self._recording
        ordered = len(node.operands) > 1 and order_matters(node.op)
        edges = iter(range(recording.starts[number - 1], recording.starts[number]))
        partials = local_partials(node)
        drawn: dict[int, Operand] = {}
        for position, operand in enumerate(node.operands):
            if self._is_part and len(drawn) == MOST_OPERANDS:
                break
            place = _ORDINALS[position] if ordered else ""
            if not isinstance(operand, Value):
                drawn[position] = Operand(None, plain(operand), place)
                continue
            number_of_edge = next(edges)
            if operand in self.numbers:
                partial = recording.reports[number_of_edge].partial
                if partial is None:  # no gradient came here, but there is a derivative all the same
                    partial = partials[position]
                drawn[position] = Operand(self.numbers[operand], signed(partial or 0.0), place)
                self.edges[number, position] = number_of_edge
        return drawn

    def _far_uses(self) -> list[tuple[int, int]]:
        """Those of ``edges`` that would be long, of nodes that are used often."""
        uses = Counter(self._operands[n][position].card for n, position in self.edges)
        ranks: dict[int, int] = {}
        for number in reversed(self.numbers.values()):
            operands = [x.card for x in self._operands[number].values() if x.card is not None]
            if operands:
                # A leaf stands right before the first that uses it.
                rank = 1 + max(ranks.get(operand, 0) for operand in operands)
                ranks |= {operand: rank - 1 for operand in operands if operand not in ranks}
                ranks[number] = rank
        return [
            (number, position)
            for number, position in self.edges
            if uses[operand := self._operands[number][position].card] > MOST_USES
            and operand is not None
            and ranks[number] - ranks[operand] > LONGEST_EDGE
        ]


def _is_readable(recording: Recording) -> bool:
    """Whether the whole graph can be read in one picture."""
    if len(recording) > MOST_NODES:
        return False
    return sum(len(node.operands) for node in recording.nodes) <= MOST_EDGES


def _nearest(recording: Recording, place: int) -> list[int]:
    """The places of the nodes nearest to one, along edges in both directions."""
    found = {place: None}
    queue = [place]
    for near in queue:
        for neighbour in _neighbours(recording, near, is_focus=near == place):
            if neighbour not in found and len(found) < NEIGHBOURS:
                found[neighbour] = None
                queue.append(neighbour)
    return sorted(found)


def _neighbours(recording: Recording, place: int, is_focus: bool) -> list[int]:
    """The places of a node's consumers and operands, or of the first of them."""
    operands = [recording.place[sent.operand] for sent in recording.sent(place)[:MOST_OPERANDS]]
    uses = recording.arriving(recording.nodes[place])
    # Through a parameter that all the graph uses, every place is near every other.
    if len(uses) > MOST_CONSUMERS and not is_focus:
        return operands
    consumers = [recording.reports[edge].consumer for edge in uses[:MOST_CONSUMERS]]
    return [*(recording.place[consumer] for consumer in consumers), *operands]
