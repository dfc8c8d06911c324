"""Writes ``operations.h``: the rows of the operation table in C, for ``core.c``.

The formulas are written by the C of ``languages``, with what it takes for the very bits of Python:
a compiler must not work out a function of C's library by itself, so these are called through
pointers; and where Python's ``math`` has an algorithm of its own, Python's function is called. A
row that cannot be written like this is left to Python, as those of a user's own are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import BuiltinFunctionType

from autograd.core.native import source_sum
from autograd.core.ops import OPS
from autograd.core.table import BUILT_IN, Op, formulas
from autograd.core.value import Value
from autograd.languages import C, Language

# What C's library rounds correctly, so that it does not matter who computes it.
_EXACT = {"abs", "sqrt", "floor", "ceil"}
# What Python's ``math`` asks C's library for; anything else it may compute in a way of its own.
_ASKED = {
    *("exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "pow"),
}
# Python's operators, by symbol and arity of a row: the slot of a type, the method, the reflected.
_OPERATORS: dict[tuple[str, int | None], tuple[str, str, str]] = {
    ("+", 2): ("add", "__add__", "__radd__"),
    ("-", 2): ("subtract", "__sub__", "__rsub__"),
    ("*", 2): ("multiply", "__mul__", "__rmul__"),
    ("/", 2): ("true_divide", "__truediv__", "__rtruediv__"),
    ("//", 2): ("floor_divide", "__floordiv__", "__rfloordiv__"),
    ("%", 2): ("remainder", "__mod__", "__rmod__"),
    ("**", 2): ("power", "__pow__", "__rpow__"),
    ("-", 1): ("negative", "__neg__", ""),
    ("abs", 1): ("absolute", "__abs__", ""),
}
_PARAMETERS = "data, label=''"  # of Value()
_METHODS = {"backward": "$self", "recompute": "$self", "record_operation": "op, operands"}
_FIRST = 3  # what core.c calls FIRST: the place of the first row
_UNIONS = {1: "of_one", 2: "of_two", 3: "of_three", None: "of_many"}
# nan as Python has it where it says so: with the sign that its ``math.nan`` has.
_PRELUDE = """
static inline double known(double z, double x) { return isnan(z) && !isnan(x) ? NAN : z; }

static inline double divide(double x, double y) {
    return y == 0.0 && (x == 0.0 || isnan(x)) ? NAN : x / y;
}

static inline double power(double x, double y) { return known(c_pow(x, y), x + y); }
"""


def operations() -> str:
    """The text of ``operations.h``, which ``core.c`` includes."""
    built_in = [op for op in OPS.values() if op.name in BUILT_IN]
    asked = [op for op in built_in if op.name in _ASKED]
    others = [op for op in built_in if op.is_primitive and op.name not in _ASKED | _EXACT]
    # A function in Python would let go of the interpreter's lock.
    borrowed = [op for op in others if isinstance(op.forward, BuiltinFunctionType)]
    language = _language(asked, borrowed, {op.name: "" for op in others})
    rows = [op for op in built_in if _can_be_written(op, language)]
    places = {op.name: place for place, op in enumerate(rows, _FIRST)}
    pointers = [
        f"static double (*volatile c_{op.name})({', '.join(['double'] * len(op.letters))}) = "
        f"{op.name};"
        for op in asked
    ]
    names = [_quoted(op.name) for op in borrowed]
    lines = [
        "/* Written by build.py from the operation table. */",
        "",
        "#if defined(__GNUC__) /* a slope is a function of all operands, and needs only some */",
        "#pragma GCC diagnostic push",
        '#pragma GCC diagnostic ignored "-Wunused-parameter"',
        "#endif",
        "",
        *pointers,
        language.program(rows),
        *[line for op in rows for line in _functions(op)],
        "#if defined(__GNUC__)",
        "#pragma GCC diagnostic pop",
        "#endif",
        "",
        f"#define ROWS {len(rows)}",
        f"#define BORROWED {len(borrowed)}",
        f"#define BORROWED_MOST {max([len(op.letters) for op in borrowed], default=1)}",
        f"#define FORMULAS {_long(formulas())}",
        f"#define SOURCE {source_sum()}",
        f"static const char *const borrowed_names[] = {{{', '.join([*names, 'NULL'])}}};",
        "",
        "static const Row table[ROWS] = {",
        *[f"    {_row(op, places)}," for op in rows],
        "};",
        "",
        *_operators(rows, places),
        *_methods(rows, places),
        *_documents(),
    ]
    return "\n".join([*lines, ""])


def _language(asked: list[Op], borrowed: list[Op], lacking: dict[str, str]) -> Language:
    """C, but with the bits of Python."""
    names = {**C.names, **lacking}
    for op in asked:
        names[op.name] = (
            f"c_{op.name}({{0}}, {{1}})" if op.arity == 2 else f"known(c_{op.name}({{0}}), {{0}})"
        )
    for place, op in enumerate(borrowed):
        xs = ", ".join([f"{{{i}}}" for i in range(len(op.letters))])
        names[op.name] = f"borrowed({place}, (double[]){{{{{xs}}}}}, {len(op.letters)})"
    names |= {
        "sqrt": "known(sqrt({0}), {0})",
        "pow": "power({0}, {1})",
        "div": "divide({0}, {1})",
        "mod": "({1} == 0.0 ? NAN : stepgrad_modulo({0}, {1}))",
        "floordiv": "({1} == 0.0 ? divide({0}, {1}) : stepgrad_floor_divide({0}, {1}))",
    }
    forms = {**C.forms, "x / y": "divide({}, {})"}
    return replace(C, names=names, forms=forms, prelude=C.prelude + _PRELUDE)


def _can_be_written(op: Op, language: Language) -> bool:
    try:
        language.program([op, *[OPS[row] for _, row in op.of_all]])
    except ValueError:
        return False
    return len(op.of_all) < 2


def _functions(op: Op) -> Iterator[str]:
    """The slopes of a row, and functions of more than two operands as ``core.c`` takes them."""
    names = [
        f"d{letter}_{op.name}" if partial.passes else ""
        for letter, partial in zip(op.letters, op.partials)
    ]
    if _is_wide(op):
        xs = ", ".join([f"xs[{i}]" for i in range(len(op.letters))])
        yield f"static double many_op_{op.name}(const double *xs, int n) {{"
        yield f"    return op_{op.name}({xs});\n}}"
        for name in filter(None, names):
            yield f"static double many_{name}(double z, const double *xs) {{"
            yield f"    return {name}(z, {xs});\n}}"
        kind = "slope_of_many = many_"
    else:
        kind = f"{_UNIONS[len(op.slope_letters)]} = "
    slopes = ", ".join([f"{{.{kind}{name}}}" if name else "{NULL}" for name in names])
    yield f"static const Function slopes_{op.name}[] = {{{slopes}}};\n"


def _is_wide(op: Op) -> bool:
    return op.arity is not None and op.arity > 2


def _row(op: Op, places: dict[str, int]) -> str:
    """A row of the table of C."""
    kind = "of_many = many_" if _is_wide(op) else f"{_UNIONS[op.arity]} = "
    (of_all,) = [str(places[row]) for _, row in op.of_all] or ["BLANK"]
    return (
        f"{{{_quoted(op.name)}, {op.arity or 'ANY'}, {of_all}, {{.{kind}op_{op.name}}}, "
        f"slopes_{op.name}, NULL}}"
    )


def _operators(rows: list[Op], places: dict[str, int]) -> Iterator[str]:
    """Python's operators, as functions and as slots of a type."""
    taken = [(op, *_OPERATORS[op.symbol, op.arity]) for op in rows if _is_operator(op)]
    yield "static const Operator operators[] = {"
    for op, _, method, reflected in taken:
        yield f"    {{{places[op.name]}, {_quoted(method)}, {_quoted(reflected)}}},"
    yield "};\n"
    for place, (op, slot, *_) in enumerate(taken):
        head = f"static PyObject *slot_{slot}(PyObject *x"
        if op.arity == 1:
            yield f"{head}) {{ return operator_of_one({place}, x); }}"
        elif slot == "power":
            yield f"{head}, PyObject *y, PyObject *modulo)"
            yield "{"
            yield f"    return operator_of_three({place}, x, y, modulo);"
            yield "}"
        else:
            yield f"{head}, PyObject *y) {{ return operator_of_two({place}, x, y); }}"
    slots = ", ".join(f"{{Py_nb_{slot}, slot_{slot}}}" for _, slot, *_ in taken)
    yield f"\n#define OPERATION_SLOTS {slots}\n"


def _is_operator(op: Op) -> bool:
    return (op.symbol, op.arity) in _OPERATORS


def _methods(rows: list[Op], places: dict[str, int]) -> Iterator[str]:
    """The functions of one or two operands, as methods of the first."""
    taken = [op for op in rows if op.symbol.isidentifier() and op.arity in (1, 2)]
    for op in taken:
        yield (
            f"static PyObject *method_{op.name}(PyObject *x, PyObject *const *others, "
            f"Py_ssize_t count, PyObject *names)"
        )
        yield f"{{\n    return method({places[op.name]}, x, others, count, names);\n}}"
    entries = [
        f"    METHOD({_quoted(op.name)}, method_{op.name}, "
        f"{_quoted(_signed(op.name, '$self' + ', y' * (op.arity == 2), op))})"
        for op in taken
    ]
    yield "\n#define OPERATION_METHODS \\\n" + ", \\\n".join(entries) + "\n"


def _documents() -> Iterator[str]:
    """What the definition says of things that C has in their place."""
    yield f"#define DOC_Value {_quoted(_signed('Value', _PARAMETERS, Value))}"
    for name, parameters in _METHODS.items():
        text = _signed(name, parameters, getattr(Value, name))
        yield f"#define DOC_{name} {_quoted(text)}"


def _signed(name: str, parameters: str, thing: object) -> str:
    """A document that begins with the signature, as ``inspect`` reads it of a function in C."""
    return f"{name}({parameters})\n--\n\n{thing.__doc__}"


def _long(text: str) -> str:
    """A text of many lines: no compiler takes one of any length in one piece."""
    return " \\\n    ".join(map(_quoted, text.splitlines(keepends=True)))


def _quoted(text: str) -> str:
    """A text of ASCII as C writes it."""
    return json.dumps(text)


if __name__ == "__main__":
    print(operations())
