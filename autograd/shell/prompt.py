"""The prompt: a ``Stepper`` driven by commands that are typed, or that come through a pipe.

A line goes in, and what a movement or a question returns goes out as text. A command is called as
in pdb where pdb has one like it. The prompt computes nothing: it finds out which method and which
node are meant, and shows what comes back. What else may be typed is for its ``GraphNames`` to
say: Python in ``debug``, and nothing but the operation table at the shell.
"""

from __future__ import annotations

import cmd
import inspect
import itertools
import keyword
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..core import Value
from ..drawing import render
from ..lines import table
from ..page import page
from ..stepping import conditions, tables
from ..stepping.nudge import Experiment, checked_move
from ..stepping.stepper import Stepper
from ..stepping.steps import ForwardStep, Step, headline
from ..stepping.targets import Breakpoint, Predicate, condition_target, find_node, resolve
from ..text import Text
from ..views import stepper_of
from ..words.staleness import stale_graph
from ..words.variables import variables_of
from .expression import read_number
from .lookup import GraphNames, ProgramError, PythonNames
from .quiz import Quiz
from .terminal import echo, is_typed, say, tell, word_delimiters

PICTURE = "backprop.png"
LISTED = 11  # lines of `list`
DELIMITERS = " \t\n;,=+-*/%()<>!&|^~:\"'{}"  # between words that the tab key completes

_WORD = re.compile(r"[^\W\d]\w*|[!?]")
# What follows a word that is Python, and not the command of that name: b = 3, a.grad, d * 2.
_PYTHON = re.compile(r"[^\s\w]|\s+([-+*/%@&|^<>=,]+(\s|$)|(and|or|in|is|if)\b)|\s*=")


def debug(root: Value | Stepper) -> None:
    """Open a prompt that steps through the reverse pass from ``root``: a pdb for gradients.

    ``n`` takes the next node, ``s`` one edge, ``rn`` goes back, ``b w`` and ``c`` run to where the
    gradient of w changes, ``why w`` tells where it comes from, and ``help`` lists the rest. What
    is no command is Python on the names of the caller. A node without a label is called as the
    caller's variable that holds it.

    ``c`` at the end leaves with the gradients that ``root.backward()`` would leave. ``q`` and
    Ctrl-D leave with those from before the pass. In either case the program goes on; to end it,
    raise SystemExit at the prompt.

    Args:
        root: the Value to differentiate, or a Stepper that is to go on from where it stands.

    Raises:
        TypeError: if ``root`` is neither.
    """
    caller = sys._getframe(1)
    global_names, local_names = caller.f_globals, caller.f_locals
    stepper = root if isinstance(root, Stepper) else stepper_of(root, variables_of(caller))
    del caller  # it holds every variable of the program
    Prompt(stepper, PythonNames(stepper, global_names, local_names)).interact()


class Command(NamedTuple):
    """A command of the prompt.

    Attributes:
        names: what it is called; the first is its full name.
        arguments: what may follow, as help shows it.
        group: the heading under which help lists it.
        run: what it does with the text that follows; a true result ends the prompt.
        takes_text: whether anything that follows it belongs to it, be it Python or not.
    """

    names: list[str]
    arguments: str
    group: str
    run: Callable[[Prompt, str], bool | None]
    takes_text: bool = False

    @property
    def usage(self) -> str:
        """Its names and what may follow: ``back, rn [K]``."""
        return f"{', '.join(self.names)} {self.arguments}".rstrip()

    @property
    def summary(self) -> str:
        """What it does, in one line; empty where Python has been told to drop docstrings."""
        return self.help.partition("\n")[0]

    @property
    def help(self) -> str:
        """What it does, in full."""
        return inspect.getdoc(self.run) or ""


COMMANDS: list[Command] = []
_Run = TypeVar("_Run", bound=Callable[["Prompt", str], "bool | None"])


def _command(
    names: str, arguments: str, group: str, *, takes_text: bool = False
) -> Callable[[_Run], _Run]:
    """Make a method a command; its docstring is the help of it."""

    def register(run: _Run) -> _Run:
        COMMANDS.append(Command(names.split(), arguments, group, run, takes_text))
        return run

    return register


class Prompt(cmd.Cmd):
    """Reads commands and carries them out, until one of them ends it."""

    prompt = "(step) "

    def __init__(self, stepper: Stepper, names: GraphNames) -> None:
        super().__init__()
        self._stepper = stepper
        self._names = names
        self._displayed: dict[str, str] = {}
        self._notice = ""  # that the graph is stale, if that has been said
        self._answered: set[Value] = set()  # whose gradients have been found in a quiz
        self._forget_place()

    def interact(self) -> None:
        """Read commands until the end; what ends it otherwise restores the gradients.

        Raises:
            KeyboardInterrupt: on Ctrl-C, if nobody is there to type; otherwise it leads to a
                fresh prompt.
        """
        try:
            say(self._stepper.whereabouts)
            say("help lists the commands, an empty line repeats the last one")
            with word_delimiters(DELIMITERS):  # to the tab key layer1.w[2] is one word
                self._read_commands()
        except BaseException:
            self._stepper.quit()
            raise

    def _read_commands(self) -> None:
        if None in (sys.stdin, sys.stdout, sys.stderr):  # closed; input() needs all three
            self._quit("")
            return
        while True:
            try:
                self.cmdloop()
            except KeyboardInterrupt:
                if not is_typed():
                    raise
                say("\n--KeyboardInterrupt--")
            except UnicodeDecodeError as error:
                say(f"*** this is no text: {error}")
            else:
                return

    # Reading a line -----------------------------------------------------------------------------

    def precmd(self, line: str) -> str:
        """Write what came through a pipe behind the prompt, as a terminal shows what is typed."""
        if line == "EOF":  # the end of the input, and Ctrl-D
            say("")
            return "quit"
        if not is_typed():
            echo(line)
        return line

    def onecmd(self, line: str) -> bool:
        """Carry out a line: commands with ``;;`` between them."""
        if line.strip():
            self.lastcmd = line
        return any(
            self._carry_out(part.strip()) for part in (line.strip() or self.lastcmd).split(";;")
        )

    def _carry_out(self, line: str) -> bool:
        if not line:
            return False
        try:
            command, argument = self._read(line)
            if command is not None:
                return bool(command.run(self, argument))
            self._names.run(line)
            self._tell_stale()
        except (BrokenPipeError, KeyboardInterrupt):
            raise
        except Exception as error:  # also of the user's own code, as in pdb
            say(f"*** {_told(error)}")
        return False

    def _tell_stale(self) -> None:
        """Say so when what has been run has made the graph stale."""
        notice = stale_graph(self._stepper.steps.nodes)
        if notice != self._notice:
            self._notice = notice
            if notice:
                say(f"{notice}. The pass goes on with the numbers that it was recorded with")

    def _read(self, line: str) -> tuple[Command | None, str]:
        """The command that a line means, and what follows it; None if it is no command."""
        word = _WORD.match(line)
        if word is None:
            return None, line
        command = self._called(word[0])
        rest = line[word.end() :]
        if rest.strip() == "()":
            rest = ""
        if command is None or (not command.takes_text and _PYTHON.match(rest)):
            return None, line
        return command, rest.strip()

    def _called(self, word: str) -> Command | None:
        """The command of a name, or of an abbreviation that means nothing else."""
        for command in COMMANDS:
            if word in command.names:
                return command
        if self._names.knows(word) or keyword.iskeyword(word):
            return None
        meant = [command for command in COMMANDS if command.names[0].startswith(word)]
        if len(meant) > 1:
            raise ValueError(f"{word} may be {' or '.join(c.names[0] for c in meant)}")
        return meant[0] if meant else None

    # Movements ----------------------------------------------------------------------------------

    @_command("next n", "[K]", "Move")
    def _next(self, argument: str) -> None:
        """Take the next node: it reports to all its operands.

        With a number, take so many nodes.
        """
        self._repeat(self._stepper.next, argument)

    @_command("step s", "[K]", "Move")
    def _step(self, argument: str) -> None:
        """Take one edge: the next node reports to one operand.

        With a number, take so many edges.
        """
        self._repeat(self._stepper.step, argument)

    @_command("back rn", "[K]", "Move")
    def _back(self, argument: str) -> None:
        """Take back the last node, bit for bit.

        With a number, take back so many nodes.
        """
        self._move(self._stepper.back(_positive(argument)))

    @_command("until unt", "[TARGET]", "Move")
    def _until(self, argument: str) -> None:
        """Go on until a target is next: its gradient is final.

        TARGET is a node (w, a * b, v3, w#2), an operation (tanh), or a condition on the
        gradient and the number of a node (isnan, abs(grad) > 10, data > 0 and grad < 0).
        Without one: next.
        """
        if argument:
            self._move(self._stepper.until(self._target(argument)))
        else:
            self._next("")

    @_command("continue c cont run", "", "Move")
    def _continue(self, argument: str) -> bool:
        """Go on to the next breakpoint, or to the end.

        At the end, leave the prompt and keep the gradients.
        """
        if self._stepper.done:
            return True
        self._move(self._stepper.run())
        return False

    @_command("restart r", "", "Move")
    def _restart(self, argument: str) -> None:
        """Go back to the start, gradients included."""
        self._move(self._stepper.restart())

    @_command("forward", "", "Move")
    def _forward(self, argument: str) -> None:
        """Go back further: see the values computed first."""
        self._move(self._stepper.forward())

    def _repeat(self, movement: Callable[[], Step | ForwardStep | Text], argument: str) -> None:
        for _ in range(_positive(argument)):
            self._move(movement())
            if self._stepper.done:
                break

    def _move(self, result: Step | ForwardStep | Text) -> None:
        """Show where a movement has led to, and forget what belonged to the place before."""
        self._forget_place()
        say(str(result))
        if not isinstance(result, Text):
            say(self._stepper.whereabouts if self._stepper.done else f"next: {self._following()}")
        if self._stepper.done:
            say("c leaves the prompt with these gradients, q with those from before the pass")
        for written, before in self._displayed.items():
            now = self._current(written)
            if now != before:
                say(f"display {written}: {now}  [old: {before}]")
                self._displayed[written] = now

    def _forget_place(self) -> None:
        """Begin anew with what up, down and list have chosen."""
        self._chosen: Value | None = None
        self._listed: int | None = None

    # Breakpoints --------------------------------------------------------------------------------

    @_command("break b", "[TARGET [, CONDITION]]", "Stop")
    def _break(self, argument: str) -> None:
        """Stop at a target; without one, list the breakpoints.

        On a node, continue and until stop before each step that changes its gradient; on an
        operation, before each node made by it; on a condition, at each node of which it holds.
        What a target is, until explains. CONDITION must hold besides: b w, grad > 1
        """
        if argument:
            self._add_breakpoint(argument, once=False)
        else:
            breakpoints = self._stepper.breakpoints
            say("\n".join(b.text for b in breakpoints) or "there are no breakpoints")

    @_command("tbreak", "TARGET [, CONDITION]", "Stop")
    def _tbreak(self, argument: str) -> None:
        """Set a breakpoint that goes away after its first stop."""
        self._add_breakpoint(_required(argument, "a target"), once=True)

    @_command("clear cl", "[NUMBER ...]", "Stop")
    def _clear(self, argument: str) -> None:
        """Remove breakpoints by number, or all."""
        if not argument:
            say(self._stepper.remove_breakpoint())
        for number in argument.split():
            say(self._stepper.remove_breakpoint(_positive(number)))

    @_command("enable", "NUMBER ...", "Stop")
    def _enable(self, argument: str) -> None:
        """Let breakpoints stop the pass again."""
        self._switch(argument, True)

    @_command("disable", "NUMBER ...", "Stop")
    def _disable(self, argument: str) -> None:
        """Keep breakpoints, but do not stop at them."""
        self._switch(argument, False)

    @_command("condition", "NUMBER [CONDITION]", "Stop")
    def _condition(self, argument: str) -> None:
        """Stop at a breakpoint only if a condition holds.

        Without a condition, stop there always.
        """
        number, _, condition = _required(argument, "a number").partition(" ")
        found = self._breakpoint(number)
        found.condition = condition_target(condition.strip()) if condition.strip() else None
        say(found.text)

    def _add_breakpoint(self, argument: str, once: bool) -> None:
        target, condition = self._target_and_condition(argument)
        say(self._stepper.add_breakpoint(target, condition=condition, once=once).text)

    def _target_and_condition(self, argument: str) -> tuple[Value | str | Predicate, str | None]:
        """What ``w, grad > 1`` means, or ``w if grad > 1``; labels may hold commas as well."""
        try:
            return self._target(argument), None
        except ValueError as error:
            complaint = error
        for separator in (",", " if "):
            target, found, condition = argument.rpartition(separator)
            if found:
                try:
                    return self._target(target.strip()), condition.strip()
                except ValueError as error:
                    complaint = error
        raise complaint

    def _switch(self, argument: str, enabled: bool) -> None:
        for number in _required(argument, "the number of a breakpoint").split():
            found = self._breakpoint(number)
            found.enabled = enabled
            say(found.text)

    def _breakpoint(self, number: str) -> Breakpoint:
        for b in self._stepper.breakpoints:
            if str(b.number) == number:
                return b
        raise ValueError(f"there is no breakpoint {number}; b lists those that there are")

    # Looking ------------------------------------------------------------------------------------

    @_command("list l", "[FIRST [, LAST] | .]", "Look")
    def _list(self, argument: str) -> None:
        """List the pass around the next step, then further on.

        With a number, around that step; with two, from the first to the second, or as many as the
        second says if it is smaller; with a dot, around the next step again. An arrow is before
        the step that is next, a B before those where a breakpoint stops.
        """
        total = len(self._stepper.steps)
        if not argument and self._listed is not None:
            first, last = self._listed, self._listed + LISTED
            if first >= total:
                say("the pass ends here")
                return
        elif argument in ("", "."):
            place = min(self._stepper.position, total - 1)
            first = max(0, place - LISTED // 2)
            last = first + LISTED
        else:
            numbers = [_positive(number) for number in argument.replace(",", " ").split()]
            first, last = numbers[0] - 1, numbers[-1]
            if len(numbers) == 1:
                first = max(0, first - LISTED // 2)
                last = first + LISTED
            elif last <= first:  # as in pdb, it is how many
                last += first
        say(tables.step_lines(self._stepper, range(min(first, total), min(last, total))))
        self._listed = min(last, total)
        self.lastcmd = "list"  # so that an empty line goes on

    @_command("longlist ll", "", "Look")
    def _longlist(self, argument: str) -> None:
        """List the whole pass."""
        say(tables.step_lines(self._stepper, range(len(self._stepper.steps))))

    @_command("where w bt", "", "Look")
    def _show_path(self, argument: str) -> None:
        """Show the way from the root to the next node.

        Of several ways, it is the one that goes up along the largest contributions.
        """
        path = tables.path_to_next(self._stepper)
        say(tables.stack(self._stepper.steps, path, self._focus("")))

    @_command("up u", "", "Look")
    def _up(self, argument: str) -> None:
        """Choose the node above on that way, nearer to the root."""
        self._choose(-1)

    @_command("down d", "", "Look")
    def _down(self, argument: str) -> None:
        """Choose the node below on that way."""
        self._choose(+1)

    @_command("args a", "[NODE]", "Look")
    def _args(self, argument: str) -> None:
        """Show the operands of a node, with their gradients."""
        say(self._names.operands(self._focus(argument)))

    @_command("eq", "[NODE]", "Look")
    def _eq(self, argument: str) -> None:
        """Show a node and its derivatives in symbols and numbers."""
        say(tables.equation(self._stepper.steps, self._focus(argument)))

    @_command("table", "[all]", "Look")
    def _table(self, argument: str) -> None:
        """Show every node with what has reached it so far.

        Of many nodes, those around the next one, unless all are asked for.
        """
        say(self._stepper.table(all=argument == "all"))

    @_command("draw g", "[FILE]", "Look")
    def _draw(self, argument: str) -> None:
        """Draw the graph as it stands.

        FILE ends in .png, .svg, .pdf or .dot; without it, the picture is backprop.png. A file
        that ends in .html holds the whole pass, to be stepped through in a browser.
        """
        s, path = self._stepper, argument or PICTURE
        if path.endswith(".html"):
            say(f"wrote {page.save(s, path)}")
        else:
            say(f"wrote {render(s.root, path, highlight=s.current)}")

    def _choose(self, by: int) -> None:
        path = tables.path_to_next(self._stepper)
        index = path.index(self._focus("")) + by
        if not 0 <= index < len(path):
            above = "this is the root: nothing is above it"
            raise ValueError(above if by < 0 else "this is the next node: w shows the way to it")
        self._chosen = path[index]
        say(tables.stack(self._stepper.steps, [path[index]], path[index]))

    # Questions ----------------------------------------------------------------------------------

    @_command("why", "[NODE [LIMIT]]", "Ask")
    def _why(self, argument: str) -> None:
        """Show the paths that sum to the gradient of a node.

        Of many paths the largest are listed, 20 or as many as LIMIT says, and the rest summed up.
        """
        name, _, last = argument.rpartition(" ")
        if name and last.isdecimal() and self._names.node(argument) is None:
            say(str(self._stepper.why(self._focus(name.strip()), _positive(last))))
        else:
            say(str(self._stepper.why(self._focus(argument))))

    @_command("check", "[NODE]", "Ask")
    def _check(self, argument: str) -> None:
        """Compare a gradient with finite differences."""
        say(str(self._stepper.check(self._focus(argument))))

    @_command("nudge", "[NODE [BY]]", "Ask")
    def _nudge(self, argument: str) -> None:
        """Move a node, and see whether its gradient tells what comes.

        What depends on it is computed again, beside the graph. Without a number, there is a table
        of moves by 1, 0.1, 0.01 and 0.001.
        """
        node, by = self._node_and_number(argument)
        say(Experiment(self._stepper.steps, node).told(by))

    @_command("quiz", "[NODE]", "Ask")
    def _quiz(self, argument: str) -> None:
        """Ask for the gradients that the pass has not told yet.

        Or for that of one node. What is wrong with an answer is said, and the gradient only after
        three hints. The pass stays where it is.
        """
        steps, taken = self._stepper.steps, self._stepper.edges_taken
        told = {x for x in steps.nodes if all(edge < taken for edge in steps.arriving(x)[-1:])}
        known = told | self._answered
        if argument:
            node = self._focus(argument)
            asked = [] if node is steps.root else [node]
            known.discard(node)
        else:
            asked = [node for node in steps.nodes if node not in told]
        if not asked and not argument and len(steps) > 1:
            raise ValueError(
                "every gradient has been told; quiz NODE asks for one, restart goes back"
            )
        Quiz(steps, self._names.compute, asked, known).run()
        self._answered |= known - told

    @_command("naive", "", "Ask")
    def _naive(self, argument: str) -> None:
        """Show what a naive order would compute instead."""
        say(self._stepper.naive())

    @_command("p", "EXPRESSION", "Ask", takes_text=True)
    def _print(self, argument: str) -> None:
        """Show the value of a node or an expression."""
        say(self._names.show(_required(argument, "an expression")))

    @_command("pp", "EXPRESSION", "Ask", takes_text=True)
    def _pretty_print(self, argument: str) -> None:
        """Show the value of an expression, on several lines."""
        say(self._names.show(_required(argument, "an expression"), pretty=True))

    @_command("display watch", "[NODE | EXPRESSION]", "Ask", takes_text=True)
    def _display(self, argument: str) -> None:
        """Show a gradient, or a value, whenever it changes.

        Without an argument, list what is displayed.
        """
        if not argument:
            watched = [self._names.describe(node) for node in self._stepper.watches]
            shown = [f"{written}: {now}" for written, now in self._displayed.items()]
            say("\n".join(watched + shown) or "nothing is displayed")
            return
        try:
            say(self._stepper.watch(self._focus(argument)))
        except ValueError:  # it is no node
            self._displayed[argument] = self._names.show(argument)
            say(f"display {argument}: {self._displayed[argument]}")

    @_command("undisplay unwatch", "[NODE | EXPRESSION]", "Ask", takes_text=True)
    def _undisplay(self, argument: str) -> None:
        """Do not display it any longer, or display nothing."""
        if not argument:
            self._stepper.unwatch()
            self._displayed.clear()
        elif self._displayed.pop(argument, None) is None:
            say(self._stepper.unwatch(self._focus(argument)))

    def _current(self, written: str) -> str:
        try:
            return self._names.show(written)
        except Exception as error:  # of the user's own code; it may be well again later
            return f"*** {_told(error)}"

    # Others -------------------------------------------------------------------------------------

    @_command("help h ?", "[COMMAND]", "Other")
    def _help(self, argument: str) -> None:
        """List the commands, or explain one of them."""
        if argument:
            command = self._called(argument)
            if command is None:
                raise ValueError(f"there is no command {argument}; help lists them")
            paragraphs = [" ".join(part.split()) for part in command.help.split("\n\n")]
            tell("\n".join([command.usage, *filter(None, paragraphs)]), hang=0)
            return
        rows = [(f"  {', '.join(command.names)}", command.summary) for command in COMMANDS]
        lines = iter(table(rows))
        for group, commands in itertools.groupby(COMMANDS, lambda command: command.group):
            say("\n".join([group, *itertools.islice(lines, len(list(commands)))]))
        tell(EPILOGUE, hang=0)

    @_command("!", "STATEMENT", "Other", takes_text=True)
    def _statement(self, argument: str) -> None:
        """Run what follows, even if it looks like a command."""
        self._names.run(_required(argument, "a statement"))

    @_command("quit q exit", "", "Other")
    def _quit(self, argument: str) -> bool:
        """Leave with the gradients from before the pass.

        So does Ctrl-D. To keep the gradients, go on to the end and then once more: c.
        """
        self._stepper.quit()
        say("gradients are as before the pass")
        return True

    # Completion ---------------------------------------------------------------------------------

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """What the first word of a line may become: a command or a name."""
        return [*self.complete_help(text), *dict.fromkeys(self._names.completions(text))]

    def complete_help(self, *args: Any) -> list[str]:
        """What the word after help may become."""
        names = [command.names[0] for command in COMMANDS]
        return [name for name in names if name.isalpha() and name.startswith(args[0])]

    complete_h = complete_help

    def completedefault(self, *ignored: Any) -> list[str]:
        """What a later word of any other line may become: a name, an operation, a condition."""
        word = str(ignored[0])
        others = sorted([*self._stepper.steps.operations, *conditions.WORDS])
        found = [*self._names.completions(word), *(x for x in others if x.startswith(word))]
        return list(dict.fromkeys(found))

    # Within -------------------------------------------------------------------------------------

    def _target(self, written: str) -> Value | str | Predicate:
        """What a target means: something in the graph, or else in the user's program."""
        try:
            resolve(self._stepper.steps, written)
        except ValueError:
            if (found := self._names.target(written)) is None:
                raise
            return found
        return written

    def _focus(self, argument: str) -> Value:
        """The node that is named; without a name the one chosen by up and down, or the next."""
        if not argument:
            return self._stepper.current if self._chosen is None else self._chosen
        node = self._names.node(argument)
        if node is None:
            found = self._names.target(argument)
            node = find_node(self._stepper.steps, found if isinstance(found, Value) else argument)
        return node

    def _node_and_number(self, argument: str) -> tuple[Value, float | None]:
        """The node that is named, and the number that it is to be moved by, if there is one."""
        try:
            return self._focus(argument), None
        except ValueError as complaint:
            name, _, last = argument.rpartition(" ")
            try:
                by = read_number("by", last)
            except ValueError:
                if self._names.node(name) is not None:
                    advice = f"write for example nudge {name} 0.1"
                    raise ValueError(f"{last} is no number; {advice}") from None
                raise complaint from None
        return self._focus(name.strip()), checked_move(by)

    def _following(self) -> str:
        s = self._stepper
        if s.is_forward:
            return tables.node_line(s.steps, s.current)
        return headline(s.steps.part(s.position, 0, 0))


EPILOGUE = (
    "A node is called by its label, or by what the texts call it, such as a * b, v3 or w#2; "
    "not named at all, it is the one that is next, or the one that up and down have chosen. A "
    "command may be abbreviated. An empty line repeats the last one; ;; stands between several."
)


def _positive(argument: str) -> int:
    """A number of at least 1; 1 if there is none."""
    if argument and not (argument.isdecimal() and int(argument)):
        raise ValueError(f"expected a whole number of at least 1, got {argument!r}")
    return int(argument or 1)


def _required(argument: str, what: str) -> str:
    if not argument:
        raise ValueError(f"{what} is missing; help says how to write it")
    return argument


def _told(error: Exception) -> str:
    """An error in a line or so: the message alone if it is one for the person at the prompt."""
    if isinstance(error, (ValueError, OSError, ProgramError)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
