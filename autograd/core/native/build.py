"""Writes ``operations.h``: the rows of the operation table in C, for ``core.c``.

The formulas are written by the C of ``languages``, with what it takes for the very bits of Python:
a compiler must not work out a function of C's library by itself, so these are called through
pointers; and where Python's ``math`` has an algorithm of its own, Python's function is called.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from autograd.core.native import source_sum
from autograd.core.ops import OPS
from autograd.core.table import BUILT_IN, Op, formulas
from autograd.core.value import Value
from autograd.languages import C, Language

# What C's library rounds correctly, so that it does not matter who computes it.
_EXACT = {"abs", "sqrt", "floor", "ceil"}
# What Python's ``math`` computes by an algorithm of its own.
_BORROWED = ["hypot"]
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
_UNIONS = {1: "of_one", 2: "of_two", 3: "of_three", 4: "of_four"}
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
    rows = [op for op in OPS.values() if op.name in BUILT_IN]
    places = {op.name: place for place, op in enumerate(rows, 1)}  # after the LEAF
    called = {op.name: op for op in rows if op.is_primitive or op.name == "pow"}
    for name in [*_EXACT, *_BORROWED]:
        del called[name]
    pointers = [
        f"static double (*volatile c_{name})({', '.join(['double'] * len(op.letters))}) = {name};"
        for name, op in called.items()
    ]
    lines = [
        "/* Written by build.py from the operation table. */",
        "",
        "#if defined(__GNUC__) /* a slope is a function of all operands, and needs only some */",
        '#pragma GCC diagnostic ignored "-Wunused-parameter"',
        "#endif",
        "",
        *pointers,
        _language(called).program(rows),
        "#if defined(__GNUC__)",
        '#pragma GCC diagnostic warning "-Wunused-parameter"',
        "#endif",
        "",
        f"#define ROWS {len(rows) + 1}",
        f"#define BORROWED {len(_BORROWED)}",
        f"#define FORMULAS {_quoted(formulas())}",
        f"#define SOURCE {source_sum()}",
        f"static const char *const borrowed_names[] = {{{', '.join(map(_quoted, _BORROWED))}}};",
        "",
        "static const Row table[ROWS] = {",
        "    {0},  /* a leaf has none */",
        *[f"    {_row(op, places)}," for op in rows],
        "};",
        "",
        *_operators(rows, places),
        *_methods(rows, places),
        *_documents(),
    ]
    return "\n".join([*lines, ""])


def _language(called: dict[str, Op]) -> Language:
    """C, but with the bits of Python."""
    names = dict(C.names)
    for name, op in called.items():
        call = f"c_{name}({{0}}, {{1}})" if op.arity == 2 else f"known(c_{name}({{0}}), {{0}})"
        names[name] = call
    names |= {name: f"borrowed({i}, {{0}}, {{1}})" for i, name in enumerate(_BORROWED)}
    names |= {
        "sqrt": "known(sqrt({0}), {0})",
        "pow": "power({0}, {1})",
        "div": "divide({0}, {1})",
        "mod": "({1} == 0.0 ? NAN : stepgrad_modulo({0}, {1}))",
        "floordiv": "({1} == 0.0 ? divide({0}, {1}) : stepgrad_floor_divide({0}, {1}))",
    }
    forms = {**C.forms, "x / y": "divide({}, {})"}
    return replace(C, names=names, forms=forms, prelude=C.prelude + _PRELUDE)


def _row(op: Op, places: dict[str, int]) -> str:
    """A row of the table of C."""
    count = len(op.slope_letters)
    slopes = [
        f"{{.{_UNIONS[count]} = d{letter}_{op.name}}}" if partial.passes else "{NULL}"
        for letter, partial in zip(op.letters, op.partials)
    ]
    union = _UNIONS[op.arity] if op.arity else "of_many"
    (of_all,) = [str(places[row]) for _, row in op.of_all] or ["LEAF"]
    return (
        f"{{{_quoted(op.name)}, {op.arity or 'ANY'}, {{.{union} = op_{op.name}}}, "
        f"{{{', '.join(slopes)}}}, {of_all}, NULL}}"
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
    for name in ("data", "grad", "label"):
        yield f"#define DOC_{name} {_quoted(str(getattr(Value, name).__doc__))}"


def _signed(name: str, parameters: str, thing: object) -> str:
    """A document that begins with the signature, as ``inspect`` reads it of a function in C."""
    return f"{name}({parameters})\n--\n\n{thing.__doc__}"


def _quoted(text: str) -> str:
    """A text of ASCII as C writes it."""
    return json.dumps(text)


if __name__ == "__main__":
    print(operations())
