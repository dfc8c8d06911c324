"""What is right or wrong with an answer to the question "what is dL/da?", and hints to it.

A node of a recorded pass becomes a ``Question``, and a number that somebody answers a ``Verdict``.
Each row of ``DIAGNOSES`` is a slip that people make: the number that it gives, as a formula, and
what is said of it. A row is said where the answer is that number, so that a sentence is true
whatever was thought; where several fit, the likeliest comes first. ``javascript`` writes the same
rows, and what reads them, for the live page.

No sentence tells the gradient in question; only the last of three hints does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..core import Value
from ..core.sweep import Report
from ..text import ends, plain
from ..words.names import derivative
from .recording import Recording
from .sentences import Formula, constant, in_closure

RIGHT = 0.01  # the part of the gradient that an answer may be off by
CLOSE = 0.05
SLIP = 0.01  # the part of a slip's number that an answer may be off by
NEARER = 4.0  # so many times nearer than to the gradient, lest it be no more than a rounding of it
EDGE = 1.0 + 1e-9  # 1.01 is within 1 % of 1, though in floats it is not
# What rounding may leave of contributions that cancel: who then answers 0 is right.
CANCELLED = 1e-14
SUMMED = 6  # uses, for which sums of only some of their contributions are looked for
TERMS = 6  # of a hint


# What is asked ------------------------------------------------------------------------------------


class Sibling(NamedTuple):
    """The other operand of an operation of two that uses the node in question.

    Attributes:
        name: what it is called.
        partial: the derivative of the operation by it.
        data: its number.
    """

    name: str
    partial: float
    data: float


class Use(NamedTuple):
    """One use of the node in question, as an operand.

    Attributes:
        consumer: what the operation's result is called.
        arriving: the derivative that arrives there, as it is written: ``dL/de``.
        by: what it uses: the node, or ``a (operand 2)``, where it uses that more than once.
        local: the local derivative, as it is written: ``de/da``.
        upstream: the number of the one that arrives.
        partial: the number of the local one; None where no derivative passes.
        contribution: what is sent: their product, or 0.
        result: the number of the result.
        sibling: the other operand, if there is one that a derivative passes to, and just one.
    """

    consumer: str
    arriving: str
    by: str
    local: str
    upstream: float
    partial: float | None
    contribution: float
    result: float
    sibling: Sibling | None


class Question(NamedTuple):
    """All that is known of the gradient of one node.

    Attributes:
        node: what the node is called.
        root: what is differentiated.
        asked: the derivative, as it is written: ``dL/da``.
        data: the node's number.
        total: the derivative's: what its uses send, added up.
        uses: where it is used, in the order of the pass; nowhere, if it is the root.
    """

    node: str
    root: str
    asked: str
    data: float
    total: float
    uses: tuple[Use, ...]


def question(recording: Recording, node: Value) -> Question:
    """What is known of the gradient of a node of a pass."""
    place, names = recording.place[node], recording.names
    root = names[recording.root]
    return Question(
        node=names[node],
        root=root,
        asked=derivative(root, names[node]),
        data=recording.data[place],
        total=recording.gradients[place],
        uses=tuple(_use(recording, edge) for edge in recording.arriving(node)),
    )


def _use(recording: Recording, edge: int) -> Use:
    report, names = recording.reports[edge], recording.names
    consumer, node = report.consumer, report.operand
    place = recording.place[consumer]
    which = f" (operand {report.position + 1})" if recording.edge(edge).is_repeated else ""
    return Use(
        consumer=names[consumer],
        arriving=derivative(names[recording.root], names[consumer]),
        by=names[node] + which,
        local=derivative(names[consumer], names[node]) + which,
        upstream=report.upstream,
        partial=report.partial,
        contribution=report.contribution,
        result=recording.data[place],
        sibling=_sibling(recording, report),
    )


def _sibling(recording: Recording, report: Report) -> Sibling | None:
    if len(report.consumer.operands) != 2:
        return None
    for other in recording.sent(recording.place[report.consumer]):
        if other.operand is not report.operand and other.partial is not None:
            place = recording.place[other.operand]
            return Sibling(recording.names[other.operand], other.partial, recording.data[place])
    return None


# What is answered ---------------------------------------------------------------------------------

QUANTITIES = (
    "total",  # the gradient in question
    "data",  # the node's number
    "upstream",  # of a use: what arrives
    "partial",  # its local derivative
    "contribution",  # what it sends
    "result",  # the number of its result
    "other",  # of another operand of it: the local derivative
    "beside",  # its number
)


class Diagnosis(NamedTuple):
    """A slip, and what is said of an answer that it leads to.

    Attributes:
        name: what it is called.
        wrong: the number that it gives, on ``QUANTITIES``.
        node: what is said where that is of the node alone.
        use: what is said where it was made at one use, also the only one.
        one: what is said where it is one of several uses that tells; of the only one it would be
            the gradient.
        some: what is said where those of some of several uses were added up.
        all: what is said where those of all uses were; of the only one ``use`` is said before.
    """

    name: str
    wrong: Formula
    node: str = ""
    use: str = ""
    one: str = ""
    some: str = ""
    all: str = ""


OTHERS = ", and add what its other uses send"


def _slip(name: str, wrong: str, **says: str) -> Diagnosis:
    return Diagnosis(name, Formula(wrong, QUANTITIES), **says)


# The likeliest first. To add a slip, add a row.
DIAGNOSES = (
    _slip(
        "zero",
        "0",
        node="0 would say that {root} does not change at all when {node} does",
    ),
    _slip("wrong sign", "-total", node="the size is right, and the sign is not"),
    _slip(
        "one path only",
        "contribution",
        one="that is what one of the {count} uses of {node} sends, in {consumer}: "
        "add what the others send",
        some="that is what {some} of the {count} uses of {node} send: add what the others send",
    ),
    _slip(
        "forgot upstream",
        "partial",
        use="that is the local derivative of {consumer} by {by} alone: multiply it by "
        "{arriving}{others}",
        all="that adds up the local derivatives alone: multiply each by the derivative of {root} "
        "that arrives at its use",
    ),
    _slip(
        "forgot the local derivative",
        "upstream",
        use="that is {arriving} itself: multiply it by the local derivative of {consumer} "
        "by {by}{others}",
        all="that adds up what arrives at the uses of {node}: multiply each by the local "
        "derivative there",
    ),
    _slip(
        "swapped",
        "upstream * other",
        use="that is what {consumer} sends to {other}: for {node} take the local derivative "
        "by {by}{others}",
        all="that has at each use of {node} the local derivative by the other operand",
    ),
    _slip(
        "added instead of multiplied",
        "upstream + partial",
        use="that is {arriving} plus the local derivative of {consumer} by {by}: multiply the "
        "two{others}",
        all="that adds what arrives and the local derivative at each use: multiply the two",
    ),
    _slip(
        "value instead of slope",
        "data",
        node="that is the value of {node}: asked is how {root} changes with it",
    ),
    _slip(
        "value instead of slope",
        "result",
        use="that is the value of {consumer}: asked is how {root} changes with {node}",
    ),
    _slip(
        "value instead of slope",
        "beside",
        use="that is the value of {other}: asked is how {root} changes with {node}",
    ),
    _slip(
        "swapped",
        "other",
        use="that is the local derivative of {consumer} by {other}: take the one by {by}, and "
        "multiply it by {arriving}{others}",
    ),
)
EXACTLY = {
    "right": "right",
    "close": "close, but off by more than 1 %: was it rounded too early?",
    "not yet": "not yet",
}


class Verdict(NamedTuple):
    """What there is to say of an answer.

    Attributes:
        name: ``right``, ``close``, ``not yet``, or the name of a diagnosis.
        sentence: the same for people.
    """

    name: str
    sentence: str

    @property
    def is_right(self) -> bool:
        """Whether the answer is taken."""
        return self.name == "right"


def diagnose(question: Question, answer: float) -> Verdict:
    """Say what is right or wrong with an answer.

    It is right within 1 % of the gradient: 0 only for 0, or for contributions that cancel but for
    their rounding, and an infinity or nan only for the same.

    Args:
        question: what was asked.
        answer: a float.
    """
    if _is_right(question, answer):
        return Verdict("right", EXACTLY["right"])
    known = [_quantities(question, use) for use in question.uses]
    for diagnosis in DIAGNOSES:
        for wrong, template, use, some in _numbers(diagnosis, question, known):
            if _fits(answer, wrong, question.total):
                words = _words(question, use) | {"some": some}
                return Verdict(diagnosis.name, template.format_map(words))
    name = "close" if _is_near(answer, question.total, CLOSE) else "not yet"
    return Verdict(name, EXACTLY[name])


def _is_near(answer: float, number: float, part: float) -> bool:
    return abs(number) < math.inf and abs(answer - number) <= part * EDGE * abs(number)


def _is_right(question: Question, answer: float) -> bool:
    total = question.total
    if answer == total or (answer != answer and total != total):
        return True
    lost = 0.0
    for use in question.uses:
        lost += CANCELLED * abs(use.contribution)
    return _is_near(answer, total, RIGHT) or abs(answer - total) <= lost < math.inf


def _fits(answer: float, wrong: float, total: float) -> bool:
    """Whether an answer is a wrong number, and not as well a rounding of the right one."""
    if not _is_near(answer, wrong, SLIP):
        return answer == wrong
    return not NEARER * abs(answer - wrong) > abs(answer - total)


def _numbers(
    diagnosis: Diagnosis, question: Question, known: Sequence[Mapping[str, float]]
) -> Iterator[tuple[float, str, Use | None, int]]:
    """The numbers that a slip may give.

    Each comes with what is said of it, the use that it is about, and of how many uses it is a sum.

    Args:
        diagnosis: the slip.
        question: what was asked.
        known: what each quantity is, at each use.
    """
    if diagnosis.node:
        yield diagnosis.wrong(_quantities(question)), diagnosis.node, None, 0
    at_each = [diagnosis.wrong(quantities) for quantities in known]
    for use, number in zip(question.uses, at_each):
        if diagnosis.use:
            yield number, diagnosis.use, use, 1
        if diagnosis.one:
            yield number, diagnosis.one, use, 1
    if diagnosis.some and len(at_each) <= SUMMED:
        for some in range(2, len(at_each)):
            for chosen in itertools.combinations(at_each, some):
                yield _sum(chosen), diagnosis.some, None, some
    if diagnosis.all:
        yield _sum(at_each), diagnosis.all, None, len(at_each)


def _words(question: Question, use: Use | None) -> dict[str, object]:
    """What stands for the placeholders of a sentence."""
    count = len(question.uses)
    others = OTHERS if count > 1 else ""
    words = {"node": question.node, "root": question.root, "count": count, "others": others}
    if use is not None:
        words |= {"consumer": use.consumer, "arriving": use.arriving, "by": use.by}
        words["other"] = use.sibling.name if use.sibling else ""
    return words


def _quantities(question: Question, use: Use | None = None) -> Mapping[str, float]:
    """What each quantity is at a use; nan where there is none."""
    numbers = dict.fromkeys(QUANTITIES, math.nan)
    numbers |= {"total": question.total, "data": question.data}
    if use is not None:
        numbers["upstream"], numbers["contribution"] = use.upstream, use.contribution
        numbers["partial"] = 0.0 if use.partial is None else use.partial
        numbers["result"] = use.result
        if use.sibling is not None:
            numbers["other"], numbers["beside"] = use.sibling.partial, use.sibling.data
    return numbers


def _sum(numbers: Sequence[float]) -> float:
    """As JavaScript adds: one after the other."""
    total = 0.0
    for number in numbers:
        total += number
    return total


# Hints --------------------------------------------------------------------------------------------

HINTS = ("{asked} = {chain}", "{asked} = {numbers}", "{asked} = {total}")
CHAIN, PRODUCT = "{arriving} * {local}", "{upstream} * {partial}"
# Of the root itself, whose local derivative would read as what is asked.
OF_ROOT = "{arriving} * (local derivative of {consumer} by {by})"
BLOCKED = "0 (no derivative passes from {consumer})"
EACH = ", a term for each use of {node}, with its local derivative"


def hint(question: Question, step: int, show: Callable[[float], str] = plain) -> str:
    """A hint to a question, of three that say more and more.

    Args:
        question: what is asked.
        step: 1 for the chain rule in names, 2 for its numbers, 3 for the answer.
        show: how a number is written.
    """
    chain, numbers = [], []
    for use in question.uses:
        template = OF_ROOT if use.consumer == question.root else CHAIN
        chain.append(template.format_map(use._asdict()))
        if use.partial is None:
            numbers.append(BLOCKED.format(consumer=use.consumer))
        else:
            factors = {"upstream": show(use.upstream), "partial": show(use.partial)}
            numbers.append(PRODUCT.format_map(factors))
    several = EACH if len(question.uses) > 1 and step == 1 else ""
    return (HINTS[step - 1] + several).format(
        asked=question.asked,
        node=question.node,
        chain=" + ".join(ends(chain, TERMS)),
        numbers=" + ".join(ends(numbers, TERMS)),
        total=show(question.total),
    )


# The same in JavaScript ---------------------------------------------------------------------------


def javascript() -> str:
    """The rows above, and what reads them, as JavaScript.

    It declares ``diagnose(question, answer)``, which gives an object with ``name`` and
    ``sentence``, and ``hint(question, step, show)``. A question is an object with what a
    ``Question`` has: ``uses`` is an array, and what is None there is null.
    """
    terms = {"chain": CHAIN, "ofRoot": OF_ROOT, "product": PRODUCT, "blocked": BLOCKED}
    slips = [{k: v for k, v in row._asdict().items() if v} for row in DIAGNOSES]
    return in_closure(
        ["diagnose", "hint"],
        constant("DIAGNOSES", slips),
        constant("OTHERS", OTHERS),
        constant("EXACTLY", EXACTLY),
        constant("HINTS", HINTS),
        constant("HINT", terms | {"each": EACH}),
        *[constant(name, globals()[name]) for name in _NUMBERS],
        _READERS,
    )


_NUMBERS = ("RIGHT", "CLOSE", "SLIP", "NEARER", "EDGE", "CANCELLED", "SUMMED", "TERMS")
_READERS = """
function isNear(answer, number, part) {
  const size = Math.abs(number);
  return size < Infinity && Math.abs(answer - number) <= part * EDGE * size;
}

// Within 1 %: 0 only for 0, or for contributions that cancel but for their rounding.
function isRight(question, answer) {
  const total = question.total;
  if (answer === total || (answer !== answer && total !== total)) return true;
  let lost = 0;
  for (const use of question.uses) lost += CANCELLED * Math.abs(use.contribution);
  return isNear(answer, total, RIGHT) || (Math.abs(answer - total) <= lost && lost < Infinity);
}

// Whether an answer is a wrong number, and not as well a rounding of the right one.
function isSlip(answer, wrong, total) {
  if (!isNear(answer, wrong, SLIP)) return answer === wrong;
  return !(NEARER * Math.abs(answer - wrong) > Math.abs(answer - total));
}

// What each quantity is at a use; nan where there is none.
function quantities({total, data}, use) {
  const {upstream = NaN, contribution = NaN, result = NaN, sibling = null} = use || {};
  const {partial: other = NaN, data: beside = NaN} = sibling || {};
  const partial = use ? use.partial || 0 : NaN;
  return {total, data, upstream, partial, contribution, result, other, beside};
}

// All choices of so many of some numbers, in their order.
function choices(numbers, size, first = 0) {
  if (size === 0) return [[]];
  const found = [];
  for (let i = first; i <= numbers.length - size; i++) {
    for (const rest of choices(numbers, size - 1, i + 1)) found.push([numbers[i], ...rest]);
  }
  return found;
}

// The numbers that a slip may give, each with what is said of it, and the words for that.
function* wrongNumbers(slip, question) {
  const count = question.uses.length, add = numbers => numbers.reduce((x, y) => x + y, 0);
  const words = {node: question.node, root: question.root, count, others: count > 1 ? OTHERS : ""};
  if (slip.node) yield [slip.wrong(quantities(question)), slip.node, words];
  const atEach = [];
  for (const use of question.uses) {
    const number = slip.wrong(quantities(question, use));
    atEach.push(number);
    const {consumer, arriving, by} = use, other = use.sibling ? use.sibling.name : "";
    const atUse = {...words, consumer, arriving, by, other};
    if (slip.use) yield [number, slip.use, atUse];
    if (slip.one) yield [number, slip.one, atUse];
  }
  for (let some = 2; slip.some && count <= SUMMED && some < count; some++) {
    for (const chosen of choices(atEach, some)) yield [add(chosen), slip.some, {...words, some}];
  }
  if (slip.all) yield [add(atEach), slip.all, words];
}

// What is right or wrong with an answer.
function diagnose(question, answer) {
  const exactly = name => ({name, sentence: EXACTLY[name]});
  if (isRight(question, answer)) return exactly("right");
  for (const slip of DIAGNOSES) {
    for (const [wrong, template, words] of wrongNumbers(slip, question)) {
      if (isSlip(answer, wrong, question.total)) {
        return {name: slip.name, sentence: sentence(template, words)};
      }
    }
  }
  return exactly(isNear(answer, question.total, CLOSE) ? "close" : "not yet");
}

// A hint of three: the chain rule in names, its numbers, the answer.
function hint(question, step, show) {
  const {uses, asked, node, root, total} = question;
  const sum = terms => terms.length <= TERMS ? terms.join(" + ")
    : [...terms.slice(0, TERMS >> 1), "...", terms[terms.length - 1]].join(" + ");
  const term = use => use.consumer === root ? HINT.ofRoot : HINT.chain;
  const chain = sum(uses.map(use => sentence(term(use), use)));
  const numbers = sum(uses.map(use => use.partial === null ? sentence(HINT.blocked, use)
    : sentence(HINT.product, {upstream: show(use.upstream), partial: show(use.partial)})));
  const template = HINTS[step - 1] + (uses.length > 1 && step === 1 ? HINT.each : "");
  return sentence(template, {asked, node, chain, numbers, total: show(total)});
}
"""
