"""The quiz: asks for the gradients of a pass, one after the other, before it tells them.

A recording goes in, with how what is typed becomes a number; questions, what is wrong with an
answer, and hints go out as text. What is said of answers is in ``stepping.diagnoses``. No gradient
in the graph is read or written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ..core import Value
from ..lines import GAP
from ..stepping.diagnoses import HINTS, Question, diagnose, hint, question
from ..stepping.recording import Recording
from ..text import counted, signed
from ..words.formulas import in_numbers, sides
from ..words.names import derivative
from .terminal import ask, say, tell

USES_SHOWN = 8

FIRST, LATER, TOLD, SKIPPED, LEFT_OPEN, NOT_ASKED = (
    "at the first try",
    "later",
    "told by the last hint",
    "skipped",
    "left open",
    "not asked",
)
ANSWERS = "answer with a number, 1/3, -2 * -3, or with names, which stand for values"
WORDS = "? gives a hint, skip goes on to the next, quit or Ctrl-D ends"


class Quiz:
    """Questions for the gradients of some nodes, and how they were answered.

    Attributes:
        asked: the nodes.
        outcomes: how each that has been asked was answered.
        known: the nodes whose gradients may be told: those that were answered are added.
    """

    def __init__(
        self,
        recording: Recording,
        compute: Callable[[str], float],
        asked: Sequence[Value],
        known: set[Value],
    ) -> None:
        """Prepare a quiz.

        Args:
            recording: the pass.
            compute: gives the number of what is typed; raises a ValueError for what is none.
            asked: the nodes, in the order in which they are to be asked for.
            known: the nodes whose gradients have been told.
        """
        self.asked, self.known = asked, known
        self.outcomes: dict[Value, str] = {}
        self._recording, self._compute = recording, compute

    def run(self) -> None:
        """Ask until all are answered, or until somebody ends it, and tell the score."""
        recording = self._recording
        root = recording.names[recording.root]
        given = f"{derivative(root, root)} = +1 is given"
        if not self.asked:
            tell(f"there is nothing to ask: {given}")
            return
        tell(f"{counted(len(self.asked), 'gradient')} to find, from {root} down; {given}")
        tell(ANSWERS)
        tell(WORDS)
        for number, node in enumerate(self.asked, start=1):
            say("")
            tell(f"[{number}/{len(self.asked)}] {self._made(node)}, used in")
            self._tell_uses(node)
            outcome = self._ask(question(recording, node))
            self.outcomes[node] = outcome
            if outcome == LEFT_OPEN:
                break
            if outcome != SKIPPED:
                self.known.add(node)
        tell(self.score)

    @property
    def score(self) -> str:
        """How many were answered, and how: ``5 of 6 at the first try, 1 later``."""
        counts = Counter(self.outcomes.get(node, NOT_ASKED) for node in self.asked)
        parts = [f"{counts[FIRST]} of {len(self.asked)} {FIRST}"]
        others = (LATER, TOLD, SKIPPED, LEFT_OPEN, NOT_ASKED)
        return ", ".join(parts + [f"{counts[name]} {name}" for name in others if counts[name]])

    def _ask(self, asked: Question) -> str:
        """Ask until it is answered; how it was, which is ``LEFT_OPEN`` if the quiz ends here."""
        hints, tries = 0, 0
        while True:
            typed = ask(f"{asked.asked} = ")
            if typed is None:
                return LEFT_OPEN
            word = typed.strip()
            match "" if self._is_node(word) else word:
                case "quit" | "q" | "exit":
                    return LEFT_OPEN
                case "skip":
                    return SKIPPED
                case "help" | "h":
                    tell(ANSWERS, "  ")
                    tell(WORDS, "  ")
                    continue
                case "?" | "hint":
                    hints += 1
                    tell(hint(asked, hints), "  ")
                    if hints == len(HINTS):
                        return TOLD
                    continue
            if not word:
                continue
            try:
                answer = self._compute(word)
            except ValueError as error:
                complaint, *place = f"*** {error}".split("\n")
                tell(complaint)
                for line in place:  # with a caret under it
                    say(line)
                continue
            tries += 1
            verdict = diagnose(asked, answer)
            if verdict.is_right:
                tell(f"{verdict.sentence}: {asked.asked} = {signed(asked.total)}", "  ")
                return FIRST if tries == 1 and not hints else LATER
            advice = "; ? gives a hint" if verdict.name == "not yet" else ""
            tell(verdict.sentence + advice, "  ")

    def _is_node(self, word: str) -> bool:
        return self._recording.names.find(word) is not None

    def _tell_uses(self, node: Value) -> None:
        """What a node is used in, with the gradients there that are known."""
        recording = self._recording
        consumers = dict.fromkeys(
            recording.reports[edge].consumer for edge in recording.arriving(node)
        )
        for consumer in list(consumers)[:USES_SHOWN]:
            parts = [self._made(consumer)]
            if consumer in self.known:
                name = derivative(recording.names[recording.root], recording.names[consumer])
                parts.append(f"{name} = {signed(recording.gradients[recording.place[consumer]])}")
            tell(GAP.join(parts), "  ")
        if len(consumers) > USES_SHOWN:
            tell(f"... and {len(consumers) - USES_SHOWN} more", "  ")

    def _made(self, node: Value) -> str:
        """How a node was computed, in names and in numbers: ``e = a * b = 2 * (-3) = -6``."""
        recording = self._recording
        names, data = recording.names, recording.data[recording.place[node]]
        numbers = in_numbers(node, recording.numbers(node), data)
        made = [*sides(node, names), numbers, signed(data)]
        return " = ".join(dict.fromkeys(filter(None, made)))
