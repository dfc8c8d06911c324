"""Derivatives that somebody has made by hand, compared with those of the graph.

A graph and numbers go in; a ``HandReport`` comes out, which says of each number what the live
page's Predict and the quiz say of an answer. Nothing in the graph is touched, and no right number
is told unless it is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..core import Value
from ..lines import GAP, columns, fitted, width, wrapped
from ..text import ends, got, real, several, signed, whole_number
from ..words.variables import scope_of, variables_of
from . import diagnoses
from .diagnoses import Question, diagnose, question
from .recording import Recording
from .targets import find_node

__all__ = ["HandReport", "HandVerdict", "check_by_hand"]

TOOL = "check_by_hand"
NAMES_SHOWN = 12
WIDEST = 30  # columns before the verdicts; what is wider has its verdict on the next line


@dataclass(frozen=True, repr=False)
class HandVerdict:
    """What there is to say of one derivative; ``line`` says so in one.

    Attributes:
        node: the Value that was differentiated by.
        name: what it is called.
        derivative: what was made by hand, as it is written: ``dL/da``.
        answer: the number that was given.
        kind: ``right``, ``close``, ``not yet``, or the slip that gives this number, such as
            ``wrong sign``, ``one path only``, ``forgot upstream``.
        sentence: the same for people.
    """

    node: Value
    name: str
    derivative: str
    answer: float
    kind: str
    sentence: str
    _question: Question
    _key: Value | str

    @property
    def right(self) -> bool:
        """Whether it is the derivative, within 1 %."""
        return self.kind == "right"

    @property
    def gradient(self) -> float:
        """The derivative itself."""
        return self._question.total

    def hint(self, step: int = 1) -> str:
        """A hint: 1 for the chain rule in names, 2 for its numbers, 3 for the derivative itself.

        Raises:
            TypeError: if ``step`` is not an integer.
            ValueError: if it is none of these.
        """
        step = whole_number("hint(step): step", step, most=len(diagnoses.HINTS))
        return diagnoses.hint(self._question, step)

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return fitted(self.line)

    @property
    def line(self) -> str:
        """What there is to say of it, in one line."""
        return f"{self.derivative} = {signed(self.answer)}: {self.sentence}"


@dataclass(frozen=True, repr=False)
class HandReport:
    """What ``check_by_hand`` found: true if all is right; shown as a table.

    ``report["a"]``, or with the Value itself, is what is said of one, and a KeyError if it was not
    asked for, or is the label of several; iterated over, it gives all.

    Attributes:
        verdicts: what is said of each derivative, in the order in which they were given.
    """

    verdicts: tuple[HandVerdict, ...]

    @property
    def right(self) -> bool:
        """Whether all are."""
        return all(self.verdicts)

    @property
    def failures(self) -> tuple[HandVerdict, ...]:
        """Those that are not right."""
        return tuple(verdict for verdict in self.verdicts if not verdict)

    def __bool__(self) -> bool:
        return self.right

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[HandVerdict]:
        return iter(self.verdicts)

    def __getitem__(self, name: Value | str) -> HandVerdict:
        # Two nodes may share a label, which is the name of only one of them.
        ways = [(x._key, x.node, x.name, x.node.label) for x in self.verdicts]
        for known in zip(*ways) if name != "" else ():
            if known.count(name) == 1:
                return self.verdicts[known.index(name)]
        names = ", ".join(ends([verdict.name for verdict in self.verdicts], NAMES_SHOWN))
        raise KeyError(f"{got(name)} was not checked; there are {names}")

    def __repr__(self) -> str:
        count = len(self.verdicts)
        heads = [f"{x.derivative} = {signed(x.answer)}" for x in self.verdicts]
        most = min(WIDEST, width() // 2)
        widest = max([columns(head) for head in heads if columns(head) <= most], default=0)
        hang = widest + len(GAP)
        lines = [f"{count - len(self.failures)} of {count} right"]
        for head, verdict in zip(heads, self.verdicts):
            if columns(head) > widest:  # too wide for a column of its own
                lines += wrapped(head, width())
                head = ""
            beside = head + " " * (hang - columns(head))
            lines += wrapped(beside + verdict.sentence, width(), hang)
        return "\n".join(lines)


def check_by_hand(
    root: Value, derivatives: Mapping[Value | str, float | Value] = {}, /, **by_name: float | Value
) -> HandReport:
    """Compare derivatives that you have made by hand with those of the graph.

    Of each it is said whether it is right, within 1 % (0 only for 0), and of a wrong one which slip
    gives this number, if there is one: a use forgotten, the upstream factor forgotten, the wrong
    sign, and so on, as on the live page. No gradient in the graph is read or written.

    Args:
        root: the Value that is differentiated.
        derivatives: for nodes of the graph, interior ones too, the derivative of the root by each.
            A node is named by the Value itself, its label, your variable, or what texts call it:
            ``"w1 * x1"``, ``"v5"``, ``"w#2"``.
        by_name: the same for names that can be keywords. A derivative may be a Value as well, which
            stands for its number: ``a=f * b``.

    Raises:
        TypeError: if ``root`` is not a Value, a node is named by something else, or a derivative is
            not a real number.
        ValueError: if nothing was given, a name is unknown, or could mean several nodes, a node was
            given twice, or a derivative is nan.
        StaleGraphError: if a leaf was changed after the graph was computed.

    Example:
        >>> from autograd import Value
        >>> a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
        >>> e = a * b
        >>> L = (e + c) * f
        >>> report = check_by_hand(L, a=6, b=2, e=f)
        >>> report
        2 of 3 right
        dL/da = +6   right
        dL/db = +2   that is the local derivative of e by b alone: multiply it by dL/de
        dL/de = -2   right
        >>> report.right, report["b"].kind
        (False, 'forgot upstream')
        >>> report["b"].hint()
        'dL/db = dL/de * de/db'
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"{TOOL}(root, ...): root is the Value that is differentiated, got "
            f"{got(root)}{several(root)}"
        )
    if not isinstance(derivatives, Mapping):
        raise TypeError(
            f"{TOOL}: derivatives are given by name, as in {TOOL}(L, a=6), or as a dict, as in "
            f"{TOOL}(L, {{a: 6}}), got {got(derivatives)}"
        )
    frame = sys._getframe(1)
    recording, scope = Recording(root, variables_of(frame)), scope_of(frame)
    otherwise = f"its names are {', '.join(ends([*recording.names.values()], NAMES_SHOWN))}"
    answers: dict[Value, float] = {}
    keys: dict[Value, Value | str] = {}
    for key, given in [*derivatives.items(), *by_name.items()]:
        node = _node(recording, scope, key, otherwise)
        name = recording.names[node]
        if node in answers:
            raise ValueError(f"{TOOL}: {name} is given twice; leave one of them out")
        answers[node], keys[node] = _number(name, given), key
    if not answers:
        raise ValueError(f"{TOOL}: no derivative is given; write for example {TOOL}(L, a=6)")
    return HandReport(
        tuple(_verdict(recording, node, x, keys[node]) for node, x in answers.items())
    )


def _node(recording: Recording, scope: Mapping[str, object], key: object, otherwise: str) -> Value:
    """The node that is meant: by a Value, a label or a name in texts, or a variable."""
    names = recording.names
    held = scope.get(key) if isinstance(key, str) else None
    if not isinstance(held, Value):
        return find_node(recording, key, otherwise)
    if key not in recording.labelled and names.find(str(key)) is None:
        return find_node(recording, held)
    node = find_node(recording, key, otherwise)
    if held is not node and held in recording.place:
        raise ValueError(
            f"{TOOL}: {key} is the label of one node, and your variable {key} is another, "
            f"{names[held]}; pass the Value itself as the key of a dict"
        )
    return node


def _number(name: str, given: object) -> float:
    try:
        number = given.data if isinstance(given, Value) else real(given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{TOOL}: {name}: {error}") from None
    if number != number:
        raise ValueError(
            f"{TOOL}: {name}: nan is no derivative that could be compared; something on the way "
            f"to it was not defined"
        )
    return number


def _verdict(recording: Recording, node: Value, answer: float, key: Value | str) -> HandVerdict:
    asked = question(recording, node)
    kind, sentence = diagnose(asked, answer)
    if asked.total != asked.total:  # then a slip that gives the answer explains nothing
        kind = "not yet"
        sentence = f"{asked.asked} is nan here, so no number is right: look for what is not defined"
    return HandVerdict(node, asked.node, asked.asked, answer, kind, sentence, asked, key)
