"""The part of a pass that one picture holds: a small graph in full, a part of a large one.

A recording and a place in it go in; out come the boxes of a picture, and what each of them shows
after any number of nodes. The page and the notebook draw what they find here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..drawing.frames import Box, Moment, Operand, widest
from ..drawing.picture import _order_matters
from ..value import Value
from .recording import Edge, Recording
from .text import plain, signed

# What can be read in one picture, and how much is shown of a graph that is larger.
MOST_NODES, MOST_EDGES = 120, 300
NEIGHBOURS = 40
# A node of a thousand operands must not take all the room.
MOST_OPERANDS, MOST_CONSUMERS = 8, 4


class Report(NamedTuple):
    """An edge of a recording, and where it is found.

    Attributes:
        place: its place among all edges of the pass, from 0.
        number: the number of the step that makes it, from 1.
        edge: the edge itself.
    """

    place: int
    number: int
    edge: Edge


class Excerpt:
    """Those nodes of a pass that are drawn. A node's number is that of its step, from 1.

    Attributes:
        numbers: the number of each node that is drawn, in the order of the pass.
        hidden: how many nodes of the graph are not.
        drawn: the edges that are drawn, by the number of the node and the operand's position.
    """

    def __init__(self, recording: Recording, position: int) -> None:
        """Choose what is drawn.

        Args:
            recording: the pass.
            position: how many nodes are finished; a large graph is shown around the last of them.
        """
        self._recording = recording
        reports = _reports(recording)
        self.numbers, is_part = _chosen(recording, max(position - 1, 0), reports)
        self.hidden = len(recording) - len(self.numbers)
        self._reports = {node: reports[node] for node in self.numbers}
        self._operands = {
            number: _operands(recording, node, number, self.numbers, is_part)
            for node, number in self.numbers.items()
        }
        self.drawn = {
            (report.number, report.edge.position): report
            for received in self._reports.values()
            for report in received
            if report.edge.position in self._operands.get(report.number, ())
        }

    def moment(self, position: int, edges_done: int = 0) -> Moment:
        """What the picture shows at a position of the pass, as the ``Stepper`` counts it."""
        recording = self._recording
        begun = position + (edges_done > 0)
        done = recording.starts[position] + edges_done
        grads = {1: signed(recording.after[recording.nodes[0]])} if begun else {}
        counts = {}
        for node, number in self.numbers.items():
            received = self._reports[node]
            if so_far := bisect_left(received, done, key=lambda report: report.place):
                edge = received[so_far - 1].edge
                grads[number], counts[number] = signed(edge.after), _count(edge)
        contributions = {
            key: report.edge.contribution
            for key, report in self.drawn.items()
            if report.place < done
        }
        return Moment(grads, counts, contributions, begun or None)

    def boxes(self, moments: Sequence[Moment]) -> list[Box]:
        """What to draw, operands first, with room for the gradients of these moments."""
        return [self._box(node, number, moments) for node, number in self.numbers.items()][::-1]

    def _box(self, node: Value, number: int, moments: Sequence[Moment]) -> Box:
        recording = self._recording
        reports = self._reports[node]
        drawn = sum((report.number, report.edge.position) in self.drawn for report in reports)
        operands = self._operands[number]
        return Box(
            number=number,
            name=recording.names[node],
            data=signed(recording.part(number - 1, 0, 0).data),
            widest=widest([moment.grads[number] for moment in moments if number in moment.grads]),
            count=_count(reports[-1].edge) if reports else "",
            symbol="" if node.op is None else node.op.symbol,
            operands=operands,
            more_operands=len(node.operands) - len(operands),
            more_consumers=len(reports) - drawn,
            is_root=number == 1,
        )


def _count(edge: Edge) -> str:
    return f"{edge.reported}/{edge.consumers}"


def _reports(recording: Recording) -> dict[Value, list[Report]]:
    """What each node of the pass receives, in order."""
    reports: dict[Value, list[Report]] = {node: [] for node in recording.nodes}
    for number, (first, last) in enumerate(zip(recording.starts, recording.starts[1:]), start=1):
        for place in range(first, last):
            edge = recording.edges[place]
            reports[edge.operand].append(Report(place, number, edge))
    return reports


def _chosen(
    recording: Recording, index: int, reports: Mapping[Value, list[Report]]
) -> tuple[dict[Value, int], bool]:
    """The nodes to draw, and whether the graph is too large to draw all of them.

    In a large graph they are the nearest to the one at ``index``, along edges in both directions.
    """
    nodes, edges, starts = recording.nodes, recording.edges, recording.starts
    operands = sum(len(node.operands) for node in nodes)
    if len(nodes) <= MOST_NODES and operands <= MOST_EDGES:
        return {node: number for number, node in enumerate(nodes, start=1)}, False
    places = {node: place for place, node in enumerate(nodes)}
    found = {index: None}
    queue = [index]
    for place in queue:
        made_of = [edge.operand for edge in edges[starts[place] : starts[place + 1]]]
        used_by = reports[nodes[place]]
        if len(used_by) > MOST_CONSUMERS:
            # Through a parameter that all the graph uses, every place is near every other.
            used_by = used_by[:MOST_CONSUMERS] if place == index else []
        for near in [
            *(report.number - 1 for report in used_by),
            *(places[operand] for operand in made_of[:MOST_OPERANDS]),
        ]:
            if near not in found and len(found) < NEIGHBOURS:
                found[near] = None
                queue.append(near)
    return {nodes[place]: place + 1 for place in sorted(found)}, True


def _operands(
    recording: Recording, node: Value, number: int, numbers: Mapping[Value, int], is_part: bool
) -> dict[int, Operand]:
    """The operands of a node that are drawn, by their position."""
    if node.op is None:
        return {}
    places = len(node.operands) > 1 and _order_matters(node.op)
    edges = {edge.position: edge for edge in recording[number - 1].edges}
    shown: dict[int, Operand] = {}
    for position, operand in enumerate(node.operands):
        if is_part and len(shown) == MOST_OPERANDS:
            break
        place = _ORDINALS[position] if places else ""
        edge = edges.get(position)
        if edge is None:
            shown[position] = Operand(None, plain(operand), place)  # type: ignore[arg-type]
        elif edge.operand in numbers:
            shown[position] = Operand(numbers[edge.operand], signed(edge.partial or 0.0), place)
    return shown


_ORDINALS = ("1st", "2nd", "3rd")
