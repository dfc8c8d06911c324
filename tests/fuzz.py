"""Fuzzing: any text as a label, an expression or a checkpoint, with what must hold of it.

python tests/fuzz.py labels --seconds 600

runs atheris (``pip install atheris``), which looks for inputs that reach new lines of the code,
beginning with those in ``tests/corpus``. The suite runs the corpus and a few hundred inputs of
hypothesis: see ``test_fuzz.py``. An input that fails is written to the folder from which this is
run; once mended, it belongs in the corpus.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import html
import importlib.util
import json
import re
import sys
import tempfile
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("corpus")

# Labels -----------------------------------------------------------------------------------------

# What may stand for a character that XML or a line cannot hold.
STAND_INS = frozenset("\u21b5\ufffd") | {chr(0x2400 + code) for code in range(0x20)}
LONGEST_LABEL = 40
WITH_GRAPHVIZ = importlib.util.find_spec("pygraphviz") is not None


def check_label(label: str) -> None:
    """The DOT of a Value with this label has one box, which shows the label and nothing else."""
    from autograd import Value, draw

    source = draw(Value(1.0, label)).source
    if WITH_GRAPHVIZ:
        import pygraphviz

        graph = pygraphviz.AGraph(string=source)
        [node] = graph.nodes()
        assert not graph.edges(), source
        assert all(rank.nodes() == [node] for rank in graph.subgraphs()), source
        attributes = {name: node.attr[name] or "" for name in ("label", "tooltip")}
        assert {*node.attr} == {*attributes, "class"} and node.attr["class"] == "root", source
    else:
        found = re.search(
            r'\tv0 \[label=<(.*)> tooltip="(.*)" class="root"\]\n\t\{rank=same; v0\}\n\}', source
        )
        assert found, source
        attributes = {"label": found[1], "tooltip": found[2].replace('" + "', "")}
    check_same(label, text_of_label(attributes["label"]), longest=LONGEST_LABEL)
    # Backslashes of a tooltip are read twice on their way to the screen.
    lines = html.unescape(attributes["tooltip"].replace(4 * "\\", "\\")).split("\n")
    *shown, data, gradient = lines
    assert (data, gradient) == ("data = 1.0", "no gradient yet"), source
    for line, shown_line in zip(label.split("\n") if label else [], shown, strict=True):
        check_same(line, shown_line)


def text_of_label(label: str) -> str:
    """The text in bold of an HTML-like label, read by an XML parser."""
    tree = ET.fromstring(label.removeprefix("<").removesuffix(">") if label[:2] == "<<" else label)
    assert {element.tag for element in tree.iter()} <= {"TABLE", "TR", "TD", "VR", "B", "FONT"}
    return "".join("".join(bold.itertext()) for bold in tree.iter("B")).replace("\\\\", "\\")


def check_same(line: str, shown: str, longest: int = sys.maxsize) -> None:
    """What is shown is the line, but for characters that cannot be, and for an end cut off."""
    if len(line) > longest:
        line = line[: longest - 1] + "\u2026"
    assert len(shown) == len(line), (line, shown)
    for wanted, found in zip(line, shown):
        assert found == wanted if can_be_shown(wanted) else found in STAND_INS, (line, shown)


def can_be_shown(character: str) -> bool:
    """Whether XML can hold a character, on one line."""
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return False
    return ord(character) & 0xFFFE != 0xFFFE


# Expressions ------------------------------------------------------------------------------------


def check_expression(text: str) -> None:
    """It is refused in one line and a caret, or computes what Python computes."""
    from autograd import Value
    from autograd.shell.expression import ExpressionError, parse, read_name, read_number

    for read in (read_name, lambda text: read_number("x", text)):
        try:
            read(text)
        except ExpressionError as error:
            check_complaint(error)
    try:
        expression = parse(text)
    except ExpressionError as error:
        check_complaint(error)
        return
    inputs = {name: Value(0.75 + k, name) for k, name in enumerate(expression.inputs)}
    expression.require(list(inputs))
    result, names = expression.evaluate(inputs)
    assert list(names) == [*expression.inputs, *expression.parts]
    if isinstance(result, Value):
        result.backward()
    else:
        assert type(result) is float
    check_result(text, {name: value.data for name, value in inputs.items()}, result)


def check_complaint(error: Any) -> None:
    message, excerpt = str(error), error.excerpt
    assert message and message.isprintable(), message
    if excerpt:
        line, caret = excerpt.split("\n")
        assert line.isprintable() and re.fullmatch(" *\\^", caret), excerpt
        assert len(caret) <= len(line) + 1 <= 80, excerpt


class FloatNumbers(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Constant(float(node.value)), node)


def check_result(text: str, inputs: dict[str, float], result: Any) -> None:
    """Compare with Python's own arithmetic, where that gives a number and does not raise.

    That the expression has been read says that it holds numbers, names and operations only.
    """
    from autograd.core.ops import OPS
    from autograd.shell.expression import CONSTANTS

    names: dict[str, Any] = {"__builtins__": {}} | OPS | CONSTANTS | inputs
    names["sum"] = lambda *xs: OPS["sum"](*(xs[0] if isinstance(xs[0], list) else xs))
    try:
        tree = FloatNumbers().visit(ast.parse("\n".join(map(str.strip, text.splitlines()))))
        last = ast.Interactive([tree.body[-1]])
        if isinstance(tree.body[-1], ast.Assign):
            last = None
        exec(
            compile(ast.Module(tree.body if last is None else tree.body[:-1], []), "", "exec"),
            names,
        )
        if last is None:
            expected = names[tree.body[-1].targets[0].id]
        else:
            expected = eval(compile(ast.Expression(tree.body[-1].value), "", "eval"), names)
    except (ArithmeticError, TypeError, RecursionError, MemoryError):
        return
    if isinstance(expected, float):
        found = result.data if hasattr(result, "data") else result
        assert repr(found) == repr(expected), (text, found, expected)


# Checkpoints ------------------------------------------------------------------------------------


def check_checkpoint(text: str) -> None:
    """As a file, and as the contents of one with the right checksum: it is refused, or loaded."""
    content = text.encode("utf-8", errors="surrogateescape")
    check_load(content)
    lines = content.splitlines(keepends=True)
    parts = [lines[0], b"".join(lines[1:])] if len(lines) > 1 else [content]
    header = {
        "format": "stepgrad",
        "version": 1,
        "lengths": [len(part) for part in parts],
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    check_load(json.dumps(header).encode("ascii") + b"\n" + content)


def check_load(content: bytes) -> None:
    import nn

    model = nn.Layer(1, 1)
    before = model.state_dict()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(content)
        try:
            model.load(file)
        except ValueError as error:
            refusal = str(error)
        else:
            refusal = ""
        loaded = model.state_dict()
        if refusal:
            assert refusal.isprintable() and len(refusal) < 1000, refusal
            assert loaded == before
            return
        model.save(file)
        model.load(file)
    assert list(map(repr, model.state_dict().values())) == list(map(repr, loaded.values()))
    assert loaded.keys() == before.keys() and all(type(x) is float for x in loaded.values())


# Running ----------------------------------------------------------------------------------------

TARGETS: dict[str, Callable[[str], None]] = {
    "labels": check_label,
    "expressions": check_expression,
    "checkpoints": check_checkpoint,
}


def as_text(data: bytes) -> str:
    """The text of a file, or of bytes that are none: what is no UTF-8 becomes half a surrogate."""
    return data.decode("utf-8", errors="surrogateescape")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="how long to look")
    arguments = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed; pip install atheris, or run tests/test_fuzz.py")
    with atheris.instrument_imports(include=["autograd", "nn"]):
        import autograd.drawing
        import autograd.shell.expression  # noqa: F401 - so that their lines are counted
        import nn  # noqa: F401
    check = TARGETS[arguments.target]
    with tempfile.TemporaryDirectory() as found:
        options = [f"-max_total_time={arguments.seconds}", "-timeout=10", "-max_len=4096"]
        folders = [found, str(CORPUS / arguments.target)]  # what is new goes to the first
        atheris.Setup([sys.argv[0], *options, *folders], lambda data: check(as_text(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
