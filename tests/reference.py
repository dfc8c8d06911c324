"""The API reference: pages for a browser, made from the docstrings of what is public.

pip install -e ".[docs]" && python tests/reference.py --out reference

What is reference and no docstring, such as the operations and the commands of the prompt, is asked
of the tables and parsers that have it. The start page is ``index.html``.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import importlib
import inspect
import io
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import operation_table
import pdoc.doc
import pdoc.doc_ast
import pdoc.render

import autograd
from autograd.core.table import Op
from autograd.shell import commands, prompt
from autograd.views import PicturedStepper

# The packages, and what has to be asked of them by a further name.
MODULES = ("autograd", "autograd.plots", "nn", "nn.datasets", "nn.divergences", "nn.plots")
START = f"""The reference of stepgrad {autograd.__version__}, made from its docstrings.

| | |
| --- | --- |
| [autograd](autograd.html) | Values, derivatives, checks, pictures and pages |
| [operations](operations.html) | the table that the engine is made of |
| [autograd.plots](autograd/plots.html) | functions, contours and descents as figures |
| [stepper](stepper.html) | what `step_through` gives: a debugger for gradients |
| [prompt](prompt.html) | the commands of `debug` and of `python -m autograd step` |
| [command_line](command_line.html) | the commands of the shell and their options |
| [nn](nn.html) | neurons, layers, networks, training |
| [nn.divergences](nn/divergences.html) | how far an output is from its target |
| [nn.datasets](nn/datasets.html) | data to learn from |
| [nn.plots](nn/plots.html) | decision boundaries, images and confusions as figures |
"""
_CODE = re.compile(r"(``.+?``|`[^`\n]+`)")
_EXAMPLE, _FORMULA = re.compile(r"\s*(>>>|\.\.\.)"), re.compile(r"(z|dz/d\w) = ")


# Where the classes that a class may be made of are described.
PUBLIC = {
    thing: (name, thing.__name__)
    for name in ("autograd", "nn")
    for thing in map(vars(importlib.import_module(name)).get, importlib.import_module(name).__all__)
    if isinstance(thing, type)
}
BUILT_IN = {thing for thing in vars(builtins).values() if isinstance(thing, type)} - {object}


# The text ----------------------------------------------------------------------------------------


def markdown(text: str) -> str:
    """A docstring as Markdown that shows its formulas as they are written.

    What stands in backquotes, in an example or in an indented block is code already. Elsewhere a
    sign that Markdown would take for its own is kept from it.
    """
    lines = []
    for line in text.splitlines():
        if _EXAMPLE.match(line):
            lines.append(line)
            continue
        if _FORMULA.match(line):
            lines.append(f"`{line}`  ")  # which ends the line
            continue
        parts = _CODE.split(line)
        for k, part in enumerate(parts[::2]):
            kept = re.sub(r"([\\*_>#\[\]])", r"\\\1", part)
            parts[2 * k] = kept.replace("<", "&lt;")
        lines.append("".join(parts))
    return "\n".join(lines)


def shell_help() -> str:
    """What ``--help`` says of each command of ``python -m autograd``."""
    shown, program = ["What the shell is told of each command."], Path(autograd.__file__)
    for words in ([], *([name] for name in commands.COMMANDS)):
        printed = io.StringIO()
        with (
            mock.patch.object(sys, "argv", [str(program.with_name("__main__.py"))]),
            contextlib.redirect_stdout(printed),
            contextlib.suppress(SystemExit),
        ):
            commands.main([*words, "--help"])
        title = " ".join(["python -m autograd", *words])
        shown.append(f"## {title}\n\n```text\n{printed.getvalue()}```")
    return "\n\n".join(shown)


def prompt_help() -> str:
    """What ``help`` says of each command of the prompt."""
    groups = dict.fromkeys(command.group for command in prompt.COMMANDS)
    shown = ["What ``autograd.debug`` and ``python -m autograd step`` open, and its commands."]
    for group in groups:
        shown.append(f"## {group}")
        for command in prompt.COMMANDS:
            if command.group == group:
                shown += [f"### `{command.usage}`", markdown(command.help)]
    return "\n\n".join(shown)


# The pages ---------------------------------------------------------------------------------------


def _as_function(op: Op, name: str) -> types.FunctionType:
    """A row as the function that it is, for the reader: ``relu(x)``, ``softmax_total(*x)``."""
    kind = inspect.Parameter.POSITIONAL_ONLY if op.arity else inspect.Parameter.VAR_POSITIONAL
    letters = op.letters[: op.arity] if op.arity else op.letters[:1]

    def function() -> None: ...

    function.__name__ = function.__qualname__ = name
    function.__module__ = "autograd"
    function.__doc__ = op.__doc__
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(letter, kind) for letter in letters]
    )
    return function


def _page(room: types.ModuleType, members: Mapping[str, Any], about: str = "") -> pdoc.doc.Module:
    """A page with some members; ``about`` is Markdown that stands above them."""
    page = pdoc.doc.Module(room)
    page.submodules = []
    page._member_objects = dict(members)
    if not hasattr(room, "__file__"):  # a page of texts, which nobody imports
        page._var_docstrings = page._func_docstrings = page._var_annotations = {}
    page.docstring = about or markdown(page.docstring)
    for member in page.members.values():
        if isinstance(member, pdoc.doc.Variable):
            member.docstring = _told_of(member.name, members[member.name])
        _prepare(member)
    return page


def _text_page(name: str, about: str, **members: Any) -> pdoc.doc.Module:
    return _page(types.ModuleType(name), members, about)


def _told_of(name: str, thing: Any) -> str:
    """What stands below a constant in the module that it comes from."""
    rooms = [
        room
        for room in list(sys.modules.values())
        if getattr(room, "__dict__", {}).get(name) is thing
    ]
    told = [pdoc.doc_ast.walk_tree(room).var_docstrings.get(name, "") for room in rooms]
    return max(told, default="")


def _prepare(member: pdoc.doc.Doc[Any]) -> None:
    """See to it that a member is shown as it is called and as it is written."""
    member.docstring = markdown(member.docstring)
    if isinstance(member, pdoc.doc.Function):
        member.signature, member.decorators = _signature(member), []
    if isinstance(member, pdoc.doc.Class):
        _prepare_class(member)


def _prepare_class(member: pdoc.doc.Class) -> None:
    """Keep what is public, and how an instance is made if users make any."""
    member.decorators = []
    member.members = {
        name: inner
        for name, inner in member.members.items()
        if not name.startswith("_")
        or (name == "__init__" and "Args:" in member.docstring + inner.docstring)
    }
    for inner in member.members.values():
        _prepare(inner)
        if inner.name == "__init__":
            inner.docstring = inner.docstring or "What it takes stands above."
            taken = inspect.signature(member.obj)
            inner.signature_without_self = _shown(taken.replace(return_annotation=taken.empty))
    # Members of a base that nobody is told of are its own; the others are described elsewhere.
    bases = member.obj.__mro__[1:]
    public = [PUBLIC[base] for base in bases if base in PUBLIC]
    builtin = [("builtins", base.__name__) for base in member.obj.__bases__ if base in BUILT_IN]
    member.bases = [(*base, base[1]) for base in (public[:1] or builtin)]
    told = [base for base in bases if base in PUBLIC or base in BUILT_IN]
    described = {name for base in told for name in dir(base)} - vars(member.obj).keys()
    member.own_members = [inner for name, inner in member.members.items() if name not in described]


class _Written(str):
    """An annotation that is shown as it stands in the source."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(function: pdoc.doc.Function) -> inspect.Signature:
    """How a function is called; pdoc itself would look behind a decorator that changes that."""
    thing = function.wrapped
    if isinstance(thing, (classmethod, staticmethod)):
        thing = thing.__func__
    try:
        return _shown(inspect.signature(thing))
    except ValueError:  # of a method of Python's own, in C
        return inspect.Signature()


def _shown(signature: inspect.Signature) -> inspect.Signature:
    """With annotations as they are written, and on several lines where it is long."""
    return pdoc.doc._PrettySignature(
        [x.replace(annotation=_written(x.annotation)) for x in signature.parameters.values()],
        return_annotation=_written(signature.return_annotation),
    )


def _written(annotation: Any) -> Any:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def _place(name: str) -> tuple[bool, int, str]:
    """Where a name of the face stands: the engine first, then room by room, the functions last."""
    rooms = list(autograd._ROOM_OF)
    place = rooms.index(name) if name in rooms else len(rooms)
    return (autograd._ROOM_OF.get(name) != "core", place, name)


def pages() -> dict[str, pdoc.doc.Module]:
    """All pages by their names."""
    found = {}
    for name in MODULES:
        room = importlib.import_module(name)
        names = sorted(room.__all__, key=_place if room is autograd else str.casefold)
        members = {member: getattr(room, member) for member in names}
        found[name] = _page(
            room,
            {
                member: _as_function(thing, member) if isinstance(thing, Op) else thing
                for member, thing in members.items()
                if not inspect.ismodule(thing)
            },
        )
    table = "The table that the engine is made of: z is the result, x and y are the operands.\n\n"
    texts = [
        _text_page("operations", table + operation_table.markdown()),
        _text_page(
            "stepper", "What `autograd.step_through` gives.", PicturedStepper=PicturedStepper
        ),
        _text_page("prompt", prompt_help()),
        _text_page("command_line", shell_help()),
    ]
    return found | {page.name: page for page in texts}


def write(out: Path, found: Mapping[str, pdoc.doc.Module], search: bool = True) -> None:
    """Write pages into a folder, and a start page that lists them."""
    pdoc.render.configure(
        docformat="google", include_undocumented=False, show_source=False, search=search
    )
    for name, page in found.items():
        path = out.joinpath(*name.split(".")).with_suffix(".html")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pdoc.render.html_module(page, found), encoding="utf-8")
    start = pdoc.render.html_module(_text_page("stepgrad", START), found)
    (out / "index.html").write_text(start, encoding="utf-8")
    if search:
        (out / "search.js").write_text(pdoc.render.search_index(found), encoding="utf-8")


def main() -> None:
    """Write the reference where it is asked for."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reference"), help="the folder")
    out = parser.parse_args().out
    write(out, pages())
    print(f"wrote {out / 'index.html'}")


if __name__ == "__main__":
    main()
