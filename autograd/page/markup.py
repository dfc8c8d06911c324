"""Steps as HTML: what ``str`` of them says, with derivatives set as fractions.

Records go in and markup comes out. Every name and number passes through ``escape`` on its way, so
that a label shows as what it is. No markup holds a style or a script.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import islice

from ..core import ieee
from ..stepping.recording import Recording
from ..stepping.steps import (
    EDGES_SHOWN,
    TERMS_SHOWN,
    Receipt,
    Step,
    headline,
    stale_notice,
)
from ..text import plain, signed
from ..words import formulas
from ..words.names import atom

# A derivative of longer names is set on one line.
LONGEST_IN_FRACTION = 14
NOTICES_SHOWN = 4


def start(recording: Recording) -> str:
    """What there is to say before the pass has begun."""
    first = recording[0]
    root = code(first.names[first.root])
    values = f"{len(recording):,} {'Value' if len(recording) == 1 else 'Values'}"
    return _article(
        0,
        _tag("span", "which", "Before the pass") + "All data is known, and no gradient",
        f"<p>The pass starts at {root}, whose derivative by itself is 1, and goes back to the "
        f"leaves: {values}, each when all of its consumers have reported. Press Next, or the right "
        f"arrow key.</p>",
        *_stale_notices(recording),
    )


def section(step: Step) -> str:
    """A step: its node, the gradient that has come together there, and its reports."""
    source = formulas.made_at(step.node)
    shown = step.edges[:EDGES_SHOWN]
    rows = [_report(step, edge) for edge in shown]
    if left_out := step.edges[len(shown) :]:
        total = signed(ieee.sum(*[edge.contribution for edge in left_out]))
        rows.append(f"and {len(left_out):,} more, with contributions of {_numeral(total)} in all")
    return _article(
        step.number,
        _tag("span", "which", f"Step {step.number:,} of {step.total:,}")
        + code(heading(step))
        + (_tag("span", "source", escape(source)) if source else ""),
        _tag("p", "upstream", _gradient(step)),
        _tag("ul", "reports", "".join(f"<li>{row}</li>" for row in rows)) if rows else "",
        "" if rows else f"<p>{_nowhere_to_go(step)}</p>",
        "<p>That was the last one: every gradient is final.</p>"
        if step.number == step.total
        else "",
    )


def heading(step: Step) -> str:
    """``e = a * b``: the headline of the step without its number."""
    return headline(step).partition("] ")[2]


def code(words: str) -> str:
    """A name or a formula."""
    return _tag("bdi", "formula", escape(words))


# Parts of a step --------------------------------------------------------------------------------


def _article(number: int, title: str, *parts: str) -> str:
    hidden = " hidden" if number else ""
    return (
        f'<article class="step" id="step-{number}"{hidden}><h2>{title}</h2>'
        f"{''.join(parts)}</article>"
    )


def _stale_notices(recording: Recording) -> Iterable[str]:
    for node, held in islice(recording.stale.items(), NOTICES_SHOWN):
        yield _tag("p", "stale", f"{code(recording.names[node])} {_stale(held)}")
    if len(recording.stale) > NOTICES_SHOWN:
        yield _tag("p", "stale", f"and {len(recording.stale) - NOTICES_SHOWN:,} leaves more")


def _gradient(step: Step) -> str:
    """``dL/de = +3 + -5 = -2``, and that all who use the node have reported."""
    terms = step.received
    equation = [_derivative(step.names[step.root], step.names[step.node])]
    if 1 < len(terms) <= TERMS_SHOWN:
        equation.append(" + ".join(_numeral(signed(term)) for term in terms))
    equation.append(_numeral(signed(step.gradient), "gradient"))
    completeness = (
        "the pass starts here"
        if step.node is step.root
        else f"{len(terms):,}/{len(terms):,} consumers reported"
    )
    parts = [_equation(equation), _tag("span", "final", completeness)]
    if step.stale is not None:
        grad = _numeral(signed(step.stale + step.gradient))
        parts.append(f"<span>grad = {grad} {_tag('span', 'stale', _stale(step.stale))}</span>")
    return "".join(parts)


def _report(step: Step, edge: Receipt) -> str:
    """``dL/da = dL/de · de/da = -2 · -3 = +6`` with ``de/da = b``, and a's gradient so far.

    Of an operand with several uses that is one of the terms of dL/da, and is called so.
    """
    root, node = step.names[step.root], step.names[step.node]
    operand = step.names[edge.operand]
    is_whole = edge.consumers == 1
    local = _derivative(node, operand) if is_whole else "<span>local derivative</span>"
    contribution = _numeral(signed(edge.contribution), "contribution")
    if edge.partial is None:
        numbers = f"{contribution} (no derivative passes)"
    else:
        factors = f"{_numeral(signed(step.gradient))} · {_numeral(signed(edge.partial))}"
        numbers = f"{factors} = {contribution}"
    equation = [
        _derivative(root, operand) if is_whole else f"contribution to {_derivative(root, operand)}",
        f"{_derivative(root, node)} · {local}",
        numbers,
    ]
    before = "\u2014" if edge.before is None else signed(edge.before)
    arrived = [
        f"<span>grad of {code(operand)} {_numeral(before)} → "
        f"{_numeral(signed(edge.after), 'after')}</span>",
        _tag(
            "span",
            "final" if edge.reported == edge.consumers else "so-far",
            f"{edge.reported:,}/{edge.consumers:,} consumers reported",
        ),
    ]
    if edge.stale is not None:
        arrived.append(_tag("span", "stale", _stale(edge.stale)))
    return (
        _equation(equation)
        + _tag("span", "local", _local(step, edge, local))
        + _tag("span", "arrived", "".join(arrived))
    )


def _local(step: Step, edge: Receipt, derivative: str) -> str:
    """``with de/da = b = -3``; an operand that the node uses more than once is numbered."""
    formula = formulas.partial(step.node, edge.position, step.names)
    equation = [derivative, code(formula)]
    if edge.partial is not None:
        number = plain(edge.partial)
        if formula.strip("()") == number:  # a constant slope, such as (-1)
            equation = [derivative, _numeral(number)]
        else:
            equation.append(_numeral(signed(edge.partial)))
    which = f" (operand {edge.position + 1})" if edge.is_repeated else ""
    return f"<span>with</span> {_equation(equation)}{which}"


def _nowhere_to_go(step: Step) -> str:
    name = code(step.names[step.node])
    what = "a leaf" if step.node.op is None else "made of plain numbers"
    return f"{name} is {what}: its gradient is final, and there is nobody to hand it on to."


def _stale(held: float) -> str:
    return escape(stale_notice(held))


# Mathematics ------------------------------------------------------------------------------------


def _equation(sides: Iterable[str]) -> str:
    """Sides with signs of equality between them."""
    left, *others = sides
    # A sign goes with what is right of it, also into a new line.
    right = [f"<span>{_tag('span', 'sign', '=')} {side}</span>" for side in others]
    return _tag("span", "equation", " ".join([f"<span>{left}</span>", *right]))


def _derivative(of: str, by: str) -> str:
    """dL/da as a fraction, if it is short; whoever copies it or hears it gets the slash."""
    short = max(len(of), len(by)) <= LONGEST_IN_FRACTION
    return _tag(
        "span",
        "derivative fraction" if short else "derivative",
        f'<bdi class="over">d{escape(atom(of))}</bdi><span class="slash">/</span>'
        f'<bdi class="under">d{escape(atom(by))}</bdi>',
    )


def _numeral(shown: str, role: str = "") -> str:
    """A number; what a step brings about has a role, and a colour for its sign."""
    sign = {"+": "pos", "-": "neg"}.get(shown[0], "") if role and shown[1:] != "0" else ""
    return _tag("span", " ".join(filter(None, ["number", role, sign])), escape(shown))


def _tag(name: str, classes: str, content: str) -> str:
    return f'<{name} class="{classes}">{content}</{name}>'
