"""The command line: ``python -m autograd grad | draw | ... EXPR``, and without any a session.

The words of the shell go in; text goes to standard output, and files to where they were asked for.
An expression is read by ``expression``, which computes with the operation table and nothing else.
The exit status is 0, or 1 for a failure, or 2 for a command that makes no sense. An error is one
line on standard error; where an expression is to blame, two more point a caret at the place.
"""

from __future__ import annotations

import argparse
import code
import difflib
import importlib
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from .. import core, drawing
from ..checking.check import GradientMismatch, check_gradient
from ..core import Value, grad
from ..core.sweep import evaluation_order
from ..lines import fitted, table, width
from ..page import page
from ..stepping.nudge import MOVES, Experiment, checked_move
from ..stepping.recording import Recording
from ..text import in_full, signed
from ..views import stepper_of
from ..words.formulas import in_names, in_numbers
from ..words.names import atom, derivative
from . import expression
from .expression import Expression, ExpressionError
from .lookup import GraphNames
from .prompt import Prompt
from .quiz import Quiz
from .terminal import WIDEST, complete_names, printable, say, tell

LONGEST_LINE = 360  # characters of a complaint
FAILED, MISUSED, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141  # the last two are a shell's numbers

WELCOME = """\
stepgrad: Value, the functions, and the packages autograd and nn are imported
  a = Value(2.0, "a"); b = Value(-3.0, "b")
  L = a * tanh(b); L.backward(); a.grad
  debug(L) steps through the backward pass, draw(L) shows the graph, help(L) explains"""

EXPRESSION_HELP = """\
EXPR is written as in Python: numbers, names, + - * / // % **, and the functions
{functions}
Parts of it can have names: "e = a*b; tanh(e + c)". pi, inf and nan are numbers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after the program's name; None for those of this process.

    Returns:
        The exit status.

    Raises:
        SystemExit: after ``--help``, and for arguments that make no sense.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    try:
        try:
            return _run(words)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except ValueError as error:
        _complain(error, error.excerpt if isinstance(error, ExpressionError) else "")
        return MISUSED
    except (OSError, ImportError, drawing.RenderError) as error:
        _settle_output()
        if isinstance(error, BrokenPipeError):  # whoever read it has seen enough
            return BROKEN_PIPE
        _complain(_reason(error))
        return FAILED


def _run(words: Sequence[str]) -> int:
    if not words:
        return session()
    command = COMMANDS.get(words[0])
    if command is None:
        overview = _overview()
        overview.parse_args(words)  # --help, and anything unknown, end the program here
        overview.error(f"begin with the command, instead of {words[0]!r}")
    parser = _command_parser(words[0], command)
    chosen = parser.parse_intermixed_args(_guarded(words[1:]))
    if chosen.expression is None:
        parser.error("EXPR is missing: write for example 'x*y' x=1 y=2")
    return command.run(chosen)


# The commands -----------------------------------------------------------------------------------


def grad_command(chosen: argparse.Namespace) -> int:
    """Print the value and its derivatives, and compare these with finite differences if asked."""
    computed = _compute(chosen)
    root, inputs = computed.root, computed.inputs
    _tell_of_nan(root)
    print(f"{root.label} = {in_full(root.data)}")
    nodes = inputs | {name: node for name, node in computed.parts.items() if node is not root}
    slopes = grad(root, list(nodes.values()))
    rows = [
        (name, in_full(node.data), in_full(slope))
        for (name, node), slope in zip(nodes.items(), slopes)
    ]
    print("", *table([("name", "value", "derivative"), *rows]), sep="\n")
    if chosen.second:
        print("\n" + _hessian(root, inputs))
    return _check(computed, order=2 if chosen.second else 1) if chosen.check else 0


def draw_command(chosen: argparse.Namespace) -> int:
    """Draw the graph into a file, or print it as DOT text."""
    root = _compute(chosen).root
    _tell_of_nan(root)
    if chosen.backward:
        root.backward()
    if chosen.output is None:
        print(drawing.draw(root).source, end="")
        return 0
    written = drawing.render(root, chosen.output)
    print(f"wrote {written}")
    # Without a Graphviz it is the DOT text, as render has said: no picture, so no success.
    return 0 if written.suffix.lower() == Path(chosen.output).suffix.lower() else FAILED


def step_command(chosen: argparse.Namespace) -> int:
    """Step through the backward pass at a prompt, or write the pass down, or a page of it."""
    root = _compute(chosen).root
    _tell_of_nan(root)
    stepper = stepper_of(root, {})
    if chosen.html is not None:
        print(f"wrote {stepper.save(chosen.html)}")
    if chosen.run:
        while not stepper.done:
            print(stepper.next())
        print(stepper.table(all=True))
    elif chosen.html is None:
        Prompt(stepper, GraphNames(stepper)).interact()
    return 0


def quiz_command(chosen: argparse.Namespace) -> int:
    """Ask for the gradients of an expression, before they are told."""
    root = _compute(chosen).root
    _tell_of_nan(root)
    stepper = stepper_of(root, {})
    steps = stepper.steps
    Quiz(steps, GraphNames(stepper).compute, steps.nodes[1:], {steps.root}).run()
    return 0


def nudge_command(chosen: argparse.Namespace) -> int:
    """Move a number of an expression, and compare what comes with what its derivative promises."""
    computed = _compute(chosen)
    nodes = computed.inputs | computed.parts
    moved = _by(chosen, nodes)
    if not chosen.by:
        moved = [name for name in moved if nodes[name] is not computed.root] or moved
    step = chosen.step
    by = None if step is None else checked_move(expression.read_number("--step", step))
    recording = Recording(computed.root)
    experiments = [Experiment(recording, nodes[name]) for name in moved]
    for number, (name, experiment) in enumerate(zip(moved, experiments)):
        if number:
            say("")
        if by is None:
            tell(_promise(recording, nodes[name]))
        say(experiment.told(by))
    are_seen = [not x.move(MOVES[0] if by is None else by).is_unseen for x in experiments]
    return 0 if any(are_seen) else FAILED


def minimize_command(chosen: argparse.Namespace) -> int:
    """Go down from a point; tell how, where that ends, and what kind of point that is."""
    computed = _compute(chosen)
    by = _by(chosen, computed.inputs)
    given = {name: getattr(chosen, name) for name in DESCENT}
    options = {x: value for x, value in given.items() if value is not None and value is not False}
    # It loads NumPy, which the other commands do without.
    room = importlib.import_module(".minimizing", __package__)
    numbers = {name: node.data for name, node in computed.inputs.items()}
    found = room.minimize(
        computed.expression,
        computed.root.label,
        numbers,
        by,
        chosen.method,
        options,
        chosen.path,
    )
    return 0 if found else FAILED


def live_command(chosen: argparse.Namespace) -> int:
    """Write the page of an expression, in which its numbers can be moved."""
    root = _compute(chosen).root
    _tell_of_nan(root)
    print(f"wrote {page.live(root, chosen.output, mode=chosen.mode)}")
    return 0


def session() -> int:
    """A Python session with everything imported: IPython's where that is installed."""
    # As somebody imports them who types that: the shell stands below the face of the package.
    names: dict[str, Any] = {name: importlib.import_module(name) for name in ("autograd", "nn")}
    names = {name: getattr(names["autograd"], name) for name in names["autograd"].__all__} | names
    try:
        from IPython import start_ipython
    except ImportError:
        start_ipython = None
    welcome = fitted(WELCOME)
    if start_ipython is None:  # and not above, where each error typed there would name that one
        complete_names(names)
        code.interact(welcome, local=names, exitmsg="")
    else:
        start_ipython(["--no-banner", "-i", "-c", f"print({welcome!r})"], user_ns=names)
    return 0


class Command(NamedTuple):
    """A command of the shell.

    Attributes:
        run: what it does with its arguments; gives the exit status.
        purpose: one line for people.
        examples: words after the name of the command, each with what there is to say of them; what
            the last does is plain.
        options: the names of each, and what ``argparse`` is to know of it.
    """

    run: Callable[[argparse.Namespace], int]
    purpose: str
    examples: dict[str, str]
    options: dict[str, dict[str, Any]]


def _file(word: str) -> str:
    """The name of a file, without the space that ``_guarded`` may have put before it."""
    return word.removeprefix(" ") if word[:2] == " -" else word


def _number(word: str) -> float:
    """A number as expressions write it."""
    try:
        return expression.read_number("", word)
    except ExpressionError:
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is no number") from None


def _whole(word: str) -> int:
    """A whole number."""
    number = _number(word)
    if not number.is_integer():
        raise argparse.ArgumentTypeError(f"{word.strip()!r} is no whole number")
    return int(number)


# Options of ``minimize`` that its method is given, by their names there.
DESCENT = ("step", "maximize", "momentum", "backtracking", "eps1", "eps2", "max_steps")
_BY = {"action": "append", "metavar": "NAMES"}

COMMANDS = {
    "grad": Command(
        grad_command,
        "Print the value of an expression, and its derivatives.",
        {
            '"logsumexp(z1,z2,z3) - z1" z1=2 z2=1 z3=0': "the KL of softmax(z) and class 1, "
            "d = (1, 0, 0): by z it is softmax(z) - d",
            '"L = (a*b + c) * f" a=2 b=-3 c=10 f=-2 --check': "",
        },
        {
            "--second": {"action": "store_true", "help": "print the Hessian as well"},
            "--check": {
                "action": "store_true",
                "help": "compare with finite differences; the exit status is 1 unless all agree",
            },
        },
    ),
    "draw": Command(
        draw_command,
        "Draw the graph of an expression.",
        {'"tanh(w*x + b)" w=-3 x=2 b=6.88 -o neuron.png': ""},
        {
            "-o --output": {
                "metavar": "FILE",
                "type": _file,
                "help": "a .png, .svg, .pdf, .html or .dot file; without it, DOT text is printed",
            },
            "--backward": {
                "action": argparse.BooleanOptionalAction,
                "default": True,
                "help": "fill the gradients in (the default)",
            },
        },
    ),
    "live": Command(
        live_command,
        "Write a page in which every number can be moved.",
        {'"tanh(w*x + b)" w=-3 x=2 b=6.88 -o neuron.html': ""},
        {
            "-o --output": {
                "metavar": "FILE",
                "type": _file,
                "default": "live.html",
                "help": "the page, an .html file; live.html unless told otherwise",
            },
            "--mode": {
                "choices": page.MODES,
                "default": page.MODES[0],
                "help": "how it opens: to explore, at its steps, or to predict",
            },
        },
    ),
    "step": Command(
        step_command,
        "Step through the backward pass of an expression, as in a debugger.",
        {'"e = a*b; d = e + c; L = d*f" a=2 b=-3 c=10 f=-2': ""},
        {
            "--run": {
                "action": "store_true",
                "help": "print every step and the table, without a prompt",
            },
            "--html": {
                "metavar": "FILE",
                "type": _file,
                "help": "write a page for a browser instead of opening the prompt",
            },
        },
    ),
    "nudge": Command(
        nudge_command,
        "Move a number, and see whether the derivative tells what comes.",
        {
            '"tanh(w*x + b)" w=-3 x=2 b=6.88 --by w --step 0.1': "one move, in words",
            '"tanh(w*x + b)" w=-3 x=2 b=6.88 --by w': "",
        },
        {
            "--by": {
                **_BY,
                "help": "what is moved, a name or several such as w,b; each in turn, "
                "unless told otherwise; a part that has a name can be moved as well",
            },
            "--step": {
                "metavar": "STEP",
                "help": "by how much; 1, 0.1, 0.01 and 0.001 as a table, unless told otherwise",
            },
        },
    ),
    "minimize": Command(
        minimize_command,
        "Go down from a point, and say what kind of point that leads to.",
        {
            '"x**2 + x*(1-y) + y**2" x=0 y=0 --method newton': "in one step, as f is a bowl",
            '"x**2 + x*(1-y) + y**2" x=0 y=0 --step 0.2': "",
        },
        {
            "--by": {**_BY, "help": "what moves, such as w,b; all names, unless told otherwise"},
            "--method": {
                "choices": ("gradient", "newton", "sign"),
                "default": "gradient",
                "help": "descent along the gradient (unless told otherwise), Newton's method, or a "
                "step along the sign of each derivative",
            },
            "--step": {
                "metavar": "ETA",
                "help": "the step size, 0.1 unless told otherwise; or a formula of k = 0, 1, ..., "
                "such as '0.5/(k+1)'",
            },
            "--maximize": {"action": "store_true", "help": "go up instead"},
            "--momentum": {
                "type": _number,
                "metavar": "BETA",
                "help": "of gradient descent, from 0 to below 1",
            },
            "--backtracking": {
                "action": "store_true",
                "help": "of gradient descent: halve a step until f falls as it should",
            },
            "--eps1": {
                "type": _number,
                "metavar": "EPS",
                "help": "converged when f changes by less than this: 1e-14, of Newton's method 0",
            },
            "--eps2": {
                "type": _number,
                "metavar": "EPS",
                "help": "converged when the norm of the gradient is below this: 1e-8, of Newton's "
                "method 0",
            },
            "--max-steps": {
                "type": _whole,
                "metavar": "N",
                "help": "give up after so many; 20000, and 100 for Newton's method",
            },
            "--path": {"action": "store_true", "help": "print every step, and not only some"},
        },
    ),
    "quiz": Command(
        quiz_command,
        "Ask for the gradients, and say what is wrong with an answer.",
        {'"e = a*b; d = e + c; L = d*f" a=2 b=-3 c=10 f=-2': ""},
        {},
    ),
}


# Arguments --------------------------------------------------------------------------------------


# -h, -o, -ograph.png, --second, --html=FILE; and the end of all options.
_OPTION = re.compile(r"-[ho]|-o.+\.[a-z]+|--([a-z][a-z0-9-]*(=.*)?)?", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message}; see {self.prog} --help")
        raise SystemExit(MISUSED)


def _program() -> str:
    name = os.path.basename(sys.argv[0])
    return "python -m autograd" if name == "__main__.py" else name


def _overview() -> argparse.ArgumentParser:
    rows = [(f"  {name}", command.purpose) for name, command in COMMANDS.items()]
    parser = _Parser(
        prog=_program(),
        description="Gradients at the command line. Without a command, a Python session opens.",
        epilog="\n".join(["commands:", *table(rows), "", "COMMAND --help says more."]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", choices=list(COMMANDS), help="see below")
    about_it = "print the version, which core runs, and why not the other"
    parser.add_argument("--version", action="version", version=_version(), help=about_it)
    return parser


def _version() -> str:
    version = importlib.import_module("autograd").__version__  # this stands below the face
    if core.NAME == "native":
        return f"stepgrad {version}, native core"
    return f"stepgrad {version}, pure Python core: {core.WHY}"


def _command_parser(name: str, command: Command) -> argparse.ArgumentParser:
    prog = f"{_program()} {name}"
    room = min(width(), WIDEST)
    functions = fitted("  " + " ".join(expression.functions()), room, hang=2)
    about = fitted(EXPRESSION_HELP.format(functions=functions), room, hang=0)
    examples = []
    for words, remark in command.examples.items():
        examples += [f"  # {remark}"] * bool(remark) + [f"  {prog} {words}"]
    parser = _Parser(
        prog=prog,
        usage=f"{prog} [options] EXPR [NAME=NUMBER ...]",
        description=command.purpose,
        epilog="\n".join([about, "", "for example:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("expression", metavar="EXPR", nargs="?", help="what to compute, in quotes")
    parser.add_argument(
        "numbers", metavar="NAME=NUMBER", nargs="*", help="a number for each name, such as x=0.5"
    )
    for names, about_it in command.options.items():
        parser.add_argument(*names.split(), **about_it)
    return parser


def _guarded(words: Iterable[str]) -> list[str]:
    """Words in which ``-x*y`` is no option: a space before it tells argparse so."""
    return [
        f" {word}" if word[:1] == "-" and not _OPTION.fullmatch(word) else word for word in words
    ]


class _Computed(NamedTuple):
    """An expression at a point: its inputs are leaves, and ``parts`` the nodes that it names."""

    expression: Expression
    root: Value
    inputs: dict[str, Value]
    parts: dict[str, Value]


def _compute(chosen: argparse.Namespace) -> _Computed:
    read = expression.parse(chosen.expression)
    options = {*vars(chosen)} - {"expression", "numbers", *read.inputs}
    numbers = _read_numbers(chosen.numbers, options)
    read.require(numbers)
    inputs = {name: Value(numbers[name], name) for name in read.inputs}
    root, names = read.evaluate(inputs)
    if not isinstance(root, Value):
        raise ExpressionError(
            "there is nothing to differentiate by: the result depends on no name; "
            "write for example 'x**2' x=3"
        )
    parts = {x: node for x in read.parts if isinstance(node := names[x], Value)}
    if not root.label:  # dL/dw is shorter than d(tanh(w * x))/dw
        root.label = next(name for name in _letters() if name not in inputs and name not in names)
    return _Computed(read, root, inputs, parts)


def _letters() -> Iterator[str]:
    """What a root without a name may be called: the first of these that is no name yet."""
    yield from ("L", "f", "y")
    yield from (f"L{number}" for number in count(1))


def _by(chosen: argparse.Namespace, known: Iterable[str]) -> list[str]:
    """The names that are chosen with ``--by``; all, if none are."""
    known = list(known)
    names = [word for words in chosen.by or [] for word in words.replace(",", " ").split()]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            advice = (
                f"do you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
            )
            raise ExpressionError(f"--by {name}: {name} is no name that moves here; {advice}")
    if chosen.by and not names:
        raise ExpressionError(f"--by names nothing; there are {', '.join(known)}")
    return list(dict.fromkeys(names)) or known


def _read_numbers(words: Iterable[str], options: Collection[str]) -> dict[str, float]:
    """The numbers in words such as ``x=0.5``, ``y=-1e3`` and ``angle=pi/2``."""
    numbers: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if name in options:
            raise ExpressionError(f"{name} is an option: write --{name.replace('_', '-')} ...")
        if not equals:
            raise ExpressionError(f"{word.strip()!r} is not NAME=NUMBER; write for example x=0.5")
        name = expression.read_name(name.strip())
        if name in numbers:
            raise ExpressionError(f"{name} has two numbers; leave one of them out")
        numbers[name] = expression.read_number(name, text)
    return numbers


# Output -----------------------------------------------------------------------------------------


def _promise(recording: Recording, node: Value) -> str:
    """Where a node stands, and what a move of it promises for the root."""
    name, root = recording.names[node], recording.names[recording.root]
    place, slope = recording.place[node], derivative(root, name)
    known = {
        name: recording.data[place],
        root: recording.data[0],
        slope: recording.gradients[place],
    }
    told = ", ".join(f"{what} = {signed(number)}" for what, number in known.items())
    return f"{told}; promised is {slope} * d{atom(name)}"


def _hessian(root: Value, inputs: dict[str, Value]) -> str:
    leaves = list(inputs.values())
    slopes = grad(root, leaves, create_graph=True)
    rows = [(name, *map(in_full, grad(slope, leaves))) for name, slope in zip(inputs, slopes)]
    return "\n".join(table([("second", *inputs), *rows]))


def _check(computed: _Computed, order: Any) -> int:
    """Print a comparison with finite differences; 0 if all agree."""
    f: Any = computed.expression.function(list(computed.inputs), {})
    try:
        report = check_gradient(f, [leaf.data for leaf in computed.inputs.values()], order=order)
    except GradientMismatch as mismatch:
        print(f"\n{mismatch.report}")
        return FAILED
    print(f"\n{report}")
    return 0


def _reason(error: Exception) -> object:
    """What to say of an error: one of the system's says it with a number and in another order."""
    if isinstance(error, OSError) and error.strerror:
        where = f"cannot write {error.filename!r}" if error.filename else "standard output"
        return f"{where}: {error.strerror}"
    return error


def _tell_of_nan(root: Value) -> None:
    """A line for the person at the terminal, if the numbers given lead to none."""
    if root.data == root.data:
        return
    recording = Recording(root)
    first = next(node for node in evaluation_order(root) if node.data != node.data)
    if first.op is None:  # it was given
        return
    numbers = in_numbers(first, recording.numbers(first), first.data)
    sides = dict.fromkeys([in_names(first, recording.names), numbers])
    _complain(
        f"note: {' = '.join(filter(None, sides))} is nan: there it has no value, and so no "
        f"derivative through it means anything"
    )


def _complain(message: object, excerpt: str = "") -> None:
    """One line for the person at the terminal, and below it the place that it is about."""
    told = printable(" ".join(str(message).split()))
    if len(told) > LONGEST_LINE:  # for a word of the shell is as long as somebody likes
        told = f"{told[: LONGEST_LINE - 100]} ... {told[-95:]}"
    said = f"{_program()}: {told}"
    if sys.stderr.isatty():  # else it is one line, for whoever looks through many
        said = fitted(said, width(sys.stderr))
    print("\n  ".join([said, *excerpt.splitlines()]), file=sys.stderr)


def _prepare_streams() -> None:
    """Have three streams that take any letter: one that is closed reads and writes nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the program ends
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _settle_output() -> None:
    """Write what is left, or let it go to nowhere: at its exit Python would complain once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
