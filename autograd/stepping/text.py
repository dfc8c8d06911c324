"""Steps and passes as text: what a person reads, and can check with pencil and paper.

Records go in and strings come out. Nothing here knows how a pass is moved along, and nothing
raises, whatever numbers and labels a graph holds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..core import ieee
from ..core.value import Value
from ..text import GAP as GAP
from ..text import Text as Text
from ..text import align as align
from ..text import plain as plain
from ..text import signed as signed
from ..words import formulas
from ..words.names import derivative

if TYPE_CHECKING:
    from .naive import Naive
    from .paths import Arrival, Path, Why
    from .recording import Edge, Recording, Step
    from .replay import Forward, ForwardStep

Names = Mapping[Value, str]

EDGES_SHOWN = 8
TERMS_SHOWN = 4
PATH_SHOWN = 8
ARRIVALS_SHOWN = 8
ROWS_SHOWN = 60
WIDEST = 92
NOT_BEGUN = "--"


# Formulas ---------------------------------------------------------------------------------------


formula, formula_in_numbers = formulas.in_names, formulas.in_numbers
partial_formula = formulas.partial
source = formulas.made_at


def _fold(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines; if these were too wide, a line for the first cell and one for the others."""
    lines = align(rows)
    if max(map(len, lines), default=0) <= WIDEST:
        return lines
    others = align([row[1:] for row in rows])
    return [line for row, other in zip(rows, others) for line in (row[0], GAP + other)]


# A step -----------------------------------------------------------------------------------------


def headline(step: Step) -> str:
    """Which step it is, and its node as it was computed: ``[4/7] e = a * b``."""
    made_of = formula(step.node, step.names) or f"{signed(step.data)} (leaf)"
    return f"[{step.number}/{step.total}] {step.names[step.node]} = {made_of}"


def describe(step: Step) -> str:
    """A step in full: its node, the gradient that has come together there, and its reports."""
    uses = Counter(map(id, step.node.operands))
    reports = [_report(step, edge, uses[id(edge.operand)]) for edge in step.edges[:EDGES_SHOWN]]
    # The gradients of the operands stand in one column with what is said of the node's own.
    left, right = align([row[:3] for row in reports]), align([row[3:] for row in reports])
    if max(map(len, left), default=0) <= WIDEST:
        body = align([(_gradient(step), _completeness(step)), *zip(left, right)])
        column = len(body[0]) - len(_completeness(step))
    else:
        partials, grads = align([row[:2] for row in reports]), align([row[2:] for row in reports])
        folded = [line for lines in zip(partials, grads) for line in (lines[0], GAP + lines[1])]
        body = [_gradient(step) + GAP + _completeness(step), *folded]
        column = 0
    if left_out := step.edges[EDGES_SHOWN:]:
        total = signed(ieee.sum(*[edge.contribution for edge in left_out]))
        edges = "edge" if len(left_out) == 1 else "edges"
        body.append(f"... and {len(left_out)} more {edges}, with contributions of {total} in all")
    if step.stale is not None:
        body.append(f"grad = {signed(step.stale + step.gradient)}{GAP}{stale_notice(step.stale)}")
    head = headline(step) + _part(step)
    if origin := source(step.node):
        head = f"{head:{column + 2 - len(GAP)}}{GAP}{origin}"
    return "\n  ".join([head, *body, *step.notes])


def stale_notice(stale: float) -> str:
    """What to say of a leaf whose ``.grad`` was not empty before the pass."""
    return f"was {signed(stale)} before this pass: no zero_grad"


def _part(step: Step) -> str:
    """Which of the node's edges the step covers, unless it covers all."""
    if len(step.edges) == step.edge_count:
        return ""
    first, last = step.first_edge + 1, step.first_edge + len(step.edges)
    which = f"edge {first}" if first == last else f"edges {first} to {last}"
    return f" ({which} of {step.edge_count})"


def _gradient(step: Step) -> str:
    kind = "gradient" if step.node.op is None else "upstream"
    by = derivative(step.names[step.root], step.names[step.node])
    shown = [f"{kind} {by}", signed(step.gradient)]
    if 1 < len(step.received) <= TERMS_SHOWN:
        shown.insert(1, " + ".join(map(signed, step.received)))
    elif step.received[TERMS_SHOWN:]:
        shown[-1] += f", the sum of {len(step.received)} contributions"
    return " = ".join(shown)


def _completeness(step: Step) -> str:
    if step.node is step.root:
        return "final (the pass starts here)"
    consumers = len(step.received)
    return f"final ({consumers}/{consumers} consumers reported)"


def _report(step: Step, edge: Edge, uses: int) -> list[str]:
    """The columns of an edge's line; an operand that the node uses more than once is numbered."""
    node, names = step.node, step.names
    name = names[edge.operand]
    before = NOT_BEGUN if edge.before is None else signed(edge.before)
    return [
        f"-> {name} (operand {edge.position + 1})" if uses > 1 else f"-> {name}",
        f"{derivative(names[node], name)} = {_partial(step, edge)}",
        f"contribution {_contribution(step, edge)}",
        f"grad {before} -> {signed(edge.after)}",
        _count(edge),
        stale_notice(edge.before) if edge.reported == 1 and edge.before is not None else "",
    ]


def _count(edge: Edge) -> str:
    state = "final" if edge.reported == edge.consumers else "so far"
    return f"{state} ({edge.reported}/{edge.consumers})"


def _partial(step: Step, edge: Edge) -> str:
    """Formula and number of a partial; only one of them where the formula is that number."""
    by_row = partial_formula(step.node, edge.position, step.names)
    if edge.partial is None or by_row.strip("()") == plain(edge.partial):
        return by_row
    return f"{by_row} = {signed(edge.partial)}"


def _contribution(step: Step, edge: Edge) -> str:
    if edge.partial is None:
        return f"{signed(edge.contribution)} (no derivative passes)"
    return f"{signed(step.gradient)} * {signed(edge.partial)} = {signed(edge.contribution)}"


def describe_forward(step: ForwardStep) -> str:
    """A forward step: the operation on names, and on numbers: ``[1/3] e = a * b = 2 * 3 = +6``."""
    node, again = step.node, step.again
    head = " = ".join(
        [
            f"[{step.number}/{step.total}] {step.names[node]}",
            formula(node, step.names),
            formula_in_numbers(node, step.operands),
            signed(step.data),
        ]
    )
    same = again == step.data or again != again
    changed = "" if same else f"{GAP}now {signed(again)}: some .data has changed since"
    origin = source(node)
    return head + changed + (GAP + origin if origin else "")


# A pass -----------------------------------------------------------------------------------------


def whereabouts(recording: Recording, position: int, edges_done: int) -> str:
    """Where a pass stands, and what comes next."""
    total = len(recording)
    if position == total:
        return f"at the end, position {total} of {total}: every gradient is final"
    following = headline(recording.part(position, 0, 0))
    if edges_done:
        edges = f"{edges_done} of {recording.edge_count(position)} edges"
        return f"at position {position} of {total}, after {edges}: next() finishes {following}"
    if position:
        return f"at position {position} of {total}: next() takes {following}"
    return f"at the start of {total} node{'s' * (total > 1)}: next() takes {following}"


def forward_whereabouts(forward: Forward, done: int) -> str:
    """Where a forward pass stands, and what comes next."""
    step = forward[done]
    names = step.names
    where = f"after value {done} of {len(forward)}" if done else "before the first value"
    return (
        f"forward, {where}: next() computes [{step.number}/{step.total}] "
        f"{names[step.node]} = {formula(step.node, names)}"
    )


def gradient_at(recording: Recording, node: Value, position: int, edges_done: int) -> str:
    """The ``.grad`` of a node at a position of the pass, as far as reports have reached it."""
    latest = recording.latest(node, recording.starts[position] + edges_done)
    if latest is not None:
        return signed(latest.after)
    begun = node is recording.root and position + edges_done
    return signed(recording.after(node)) if begun else NOT_BEGUN


def table(recording: Recording, position: int, edges_done: int, places: Iterable[int]) -> str:
    """A line for every node at the given places, with what has reached it so far."""
    edges = recording.starts[position] + edges_done
    rows = [["node", "formula", "data", "grad", "reported", ""]]
    for place in places:
        node, step = recording.nodes[place], recording.part(place, 0, 0)
        latest = recording.latest(node, edges)
        if latest is not None:
            reported = _count(latest)
        else:
            reported = f"waits (0/{len(step.received)})" if place else "the root"
        rows.append(
            [
                step.names[node],
                formula(node, step.names) or "(leaf)",
                signed(step.data),
                gradient_at(recording, node, position, edges_done),
                reported,
                "" if step.stale is None else stale_notice(step.stale),
            ]
        )
    return "\n".join(align(rows))


def forward_table(recording: Recording, forward: Forward, done: int, places: Iterable[int]) -> str:
    """A line for every node at the given places, with the values computed so far."""
    waiting = set(forward.nodes[done:])
    names = recording.names
    rows = [["node", "formula", "data"]]
    for place in places:
        node = recording.nodes[place]
        data = NOT_BEGUN if node in waiting else signed(recording.data[place])
        rows.append([names[node], formula(node, names) or "(leaf)", data])
    return "\n".join(align(rows))


# Why --------------------------------------------------------------------------------------------


def describe_path(path: Path) -> str:
    """A path in one line: ``d -> c -> b   +1 * +3 = +3``."""
    return GAP.join(_path(path))


def _path(path: Path) -> list[str]:
    way = " -> ".join(_ends([path.names[node] for node in path.nodes]))
    factors = " * ".join(_ends([signed(partial) for partial in path.partials]))
    if len(path.partials) == 1:
        return [way, factors]
    return [way, f"{factors} = {signed(path.product)}" if factors else signed(path.product)]


def _ends(parts: Sequence[str]) -> list[str]:
    if len(parts) <= PATH_SHOWN:
        return list(parts)
    left_out = len(parts) - PATH_SHOWN
    return [*parts[: PATH_SHOWN // 2], f"({left_out} more)", *parts[-PATH_SHOWN // 2 :]]


def describe_why(why: Why) -> str:
    """The paths of a gradient and what they add up to."""
    names = why.names
    asked = derivative(names[why.root], names[why.node])
    if not why.count:
        return f"{asked} = {signed(why.gradient)}: no path with a derivative leads there"
    paths = "1 path" if why.count == 1 else f"the sum over {why.count} paths"
    lines = [f"{asked} = {signed(why.total)}, {paths} from {names[why.root]}"]
    if not math.isclose(why.total, why.gradient, rel_tol=1e-9) and why.total == why.total:
        lines[0] += f"; in floats, which round or overflow on the way, it is {signed(why.gradient)}"
    lines += [f"  {line}" for line in _fold([_path(path) for path in why.paths])]
    if left_out := why.count - len(why.paths):
        more = "path" if left_out == 1 else "paths"
        lines.append(f"  ... and {left_out} more {more}, {signed(why.rest)} in all")
        lines.append("by the last node on the way:")
        largest = sorted(why.arrivals, key=lambda arrival: -abs(arrival.total))
        shown, rest = largest[:ARRIVALS_SHOWN], largest[ARRIVALS_SHOWN:]
        lines += [f"  {line}" for line in _fold([_arrival(why, arrival) for arrival in shown])]
        if rest:
            total = signed(ieee.sum(*[arrival.total for arrival in rest]))
            lines.append(f"  ... and {len(rest)} more, {total} in all")
    return "\n".join(lines)


def _arrival(why: Why, arrival: Arrival) -> list[str]:
    names = why.names
    root, node, consumer = names[why.root], names[why.node], names[arrival.consumer]
    return [
        f"{derivative(root, consumer)} * {derivative(consumer, node)}",
        f"{signed(arrival.gradient)} * {signed(arrival.partial)} = {signed(arrival.total)}",
        f"{arrival.count} path{'s' * (arrival.count != 1)}",
    ]


# A naive order ----------------------------------------------------------------------------------


def describe_naive(recording: Recording, naive: Naive) -> str:
    """The right gradients beside those of a naive walk, and where it goes wrong first."""
    names, consumers = recording.names, recording.reports

    def right(node: Value) -> float:
        return recording.gradients[recording.place[node]]

    def differs(node: Value) -> bool:
        # Sums in another order may differ in their last bits.
        gradient = naive.gradients[node]
        both_nan = math.isnan(gradient) and math.isnan(right(node))
        return not (both_nan or math.isclose(gradient, right(node), rel_tol=1e-9))

    early = [
        node
        for node, (_, reports) in naive.passed_on.items()
        if node.op is not None and reports < len(consumers(node))
    ]
    if early:
        first = early[0]
        gradient, reports = naive.passed_on[first]
        verdict = (
            f"depth first, {names[first]} passes on {signed(gradient)} after {reports} of "
            f"{len(consumers(first))} reports; its gradient is {signed(right(first))}"
        )
    else:
        verdict = (
            "depth first is right here: no node is taken up before its consumers have reported"
        )
    shown = recording.nodes
    if len(shown) > ROWS_SHOWN:
        shown = [node for node in shown if differs(node)]
    rows = [["node", "right", "naive", "passed on"]]
    for node in shown[:ROWS_SHOWN]:
        passed_on, reports = naive.passed_on[node]
        state = f"{signed(passed_on)} ({reports}/{len(consumers(node))} reported)"
        rows.append(
            [
                names[node],
                signed(right(node)),
                signed(naive.gradients[node]),
                state if node.op is not None and node is not recording.root else "",
            ]
        )
    lines = [verdict, *align(rows)]
    left_out = len(shown) - ROWS_SHOWN
    if left_out > 0:
        lines.append(f"... and {left_out} more nodes with another gradient")
    return "\n".join(lines)
