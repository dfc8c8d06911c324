"""The languages that rows of the operation table are written in: the second table.

A language says how numbers, operators and a choice are written, and what it calls the few functions
that are no formulas. ``Language.program`` then writes any row: its value and its slopes, each a
function of the operands. No operation is named here but where a language has another name for it,
or lacks it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .core.formula import CHOICE, Notation, read
from .core.table import OPS, Op


@dataclass(frozen=True)
class Language(Notation):
    """A language that whole rows are written in.

    Attributes:
        number: a float as the language writes it.
        forms: as of any ``Notation``.
        definition: a function, with places for ``{name}``, ``{parameters}`` and ``{body}``.
        parameter: one of its parameters, a float.
        many: the parameters of a function of any number of them.
        names: what it calls a row, where that is not as the row is called; or, with a place for
            each operand, how it writes it; of a row of any number of operands the body.
        declaration: what must be said of a function before it is called, if anything.
        library: what stands before the name of a function of the language's own.
        spread: how a function of any number of operands is called.
        prelude: the functions that it lacks, to stand before those of the rows.
    """

    number: Callable[[float], str]
    forms: Mapping[str, str]
    definition: str
    many: str
    names: Mapping[str, str]
    declaration: str = ""
    parameter: str = "{}"
    library: str = ""
    spread: str = "{name}({operands})"
    prelude: str = ""

    def own(self, op: Op) -> str:
        """What the language itself calls a row, or how it writes it; "" if it has no such thing."""
        return self.names.get(op.name, self.library + op.name if op.is_primitive else "")

    def body(self, op: Op) -> str:
        """The value of a row, written on its letters.

        Raises:
            ValueError: if it is computed by a function of Python.
        """
        own = self.own(op)
        if own:
            return own.format(*op.letters) if "{" in own else f"{own}({', '.join(op.letters)})"
        if not op.is_written:
            raise ValueError(f"{op.name} is computed by a function of Python; give it a formula")
        return self.write(read(op.computed, op.letters))

    def call(self, function: str, operands: Sequence[str]) -> str:
        """A row as its function is called."""
        called = OPS.get(function)
        form = self.spread if called and called.arity is None else "{name}({operands})"
        count = len(operands)
        return form.format(name=f"op_{function}", operands=", ".join(operands), count=count)

    def functions(self, op: Op) -> Iterator[tuple[str, str, str]]:
        """A row as functions, name, parameters and body: its value, and a slope for each partial.

        They are called after the row, such as ``op_tanh(x)``, and ``dx_tanh(z, x)`` of the result
        and the operands. Where no derivative passes, the slope is 0. Of a row with any number of
        operands, a slope is a function of z, one of them and what the row has in ``of_all``.
        """

        def parameters(letters: str) -> str:
            return ", ".join([self.parameter.format(letter) for letter in letters])

        if op.arity is None and op.name in self.names:
            yield f"op_{op.name}", self.many, self.names[op.name]
        else:
            yield f"op_{op.name}", parameters(op.letters), self.body(op)
        letters = op.slope_letters
        for letter, partial in zip(op.letters, op.partials):
            slope = self.write(read(partial.computed or partial.text, letters))
            yield f"d{letter}_{op.name}", parameters(letters), slope

    def program(self, ops: Iterable[Op]) -> str:
        """Some rows as functions, and all that they call.

        Raises:
            ValueError: if two of them, or of what they call, have one name, or one is computed by
                a function of Python.
        """
        rows: dict[str, Op] = {}
        waiting = list(ops)
        functions = []
        while waiting:
            op = waiting.pop()
            if rows.setdefault(op.name, op) is not op:
                raise ValueError(
                    f"there are two operations {op.name}: z = {op.text}, and "
                    f"z = {rows[op.name].text}; give one of them another name"
                )
            made = list(self.functions(op))
            functions += made
            called = {name for *_, body in made for name in re.findall(r"\bop_(\w+)", body)}
            own = {row.name: row for row in op.calls}
            needed = [own.get(name) or OPS[name] for name in sorted(called)]
            waiting += [row for row in needed if rows.get(row.name) is not row]
        functions = sorted(dict.fromkeys(functions))
        templates = filter(None, [self.declaration, self.definition])
        lines = [
            template.format(name=name, parameters=parameters, body=body)
            for template in templates
            for name, parameters, body in functions
        ]
        return "\n".join([self.prelude, *lines, ""])


def _float(infinity: str, nan: str, x: float) -> str:
    """A float as it is written nearly everywhere, with what is not finite by name."""
    if math.isfinite(x):
        return repr(x)
    return nan if math.isnan(x) else infinity if x > 0.0 else f"(-{infinity})"


_INFIX = {f"x {s} y": f"({{}} {s} {{}})" for s in ["+", "-", "*", "/", "<", "<=", ">", ">=", "!="]}
_SIGNS = {"-x": "(-{})", "+x": "{}", "c": "({} != 0.0)"}
_CALLED = {
    "x ** y": "op_pow({}, {})",
    "x % y": "op_mod({}, {})",
    "x // y": "op_floordiv({}, {})",
}
_BRACES = {
    **_INFIX,
    **_SIGNS,
    **_CALLED,
    "x and y": "({} && {})",
    "x or y": "({} || {})",
    "not x": "(!{})",
    CHOICE: "({} ? {} : {})",
}

C = Language(
    number=lambda x: _float("INFINITY", "NAN", x),
    forms={**_BRACES, "x == y": "({} == {})"},
    declaration="static inline double {name}({parameters});",
    definition="static inline double {name}({parameters}) {{ return {body}; }}",
    parameter="double {}",
    many="const double *xs, int n",
    spread="{name}((double[]){{{operands}}}, {count})",
    names={
        "abs": "fabs",
        "pow": "pow",
        "mod": "stepgrad_modulo",
        "floordiv": "stepgrad_floor_divide",
        "sum": "stepgrad_sum(xs, n)",
        "softmax_shift": "stepgrad_largest(xs, n)",
        "softmax_total": "stepgrad_softmax_total(xs, n)",
        "logsumexp": "stepgrad_logsumexp(xs, n)",
        "sumexpm1": "stepgrad_rest(xs, n, 0.0)",
    },
    prelude="""\
#include <math.h>

/* What is left of x, with the sign of y, as Python's %; nan over a zero. */
static inline double stepgrad_modulo(double x, double y) {
    double left = fmod(x, y);
    if (left == 0.0) return copysign(0.0, y);
    return (y < 0.0) != (left < 0.0) ? left + y : left;
}

/* The quotient rounded down, as Python's //; over a zero it is the quotient. */
static inline double stepgrad_floor_divide(double x, double y) {
    if (y == 0.0) return x / y;
    double left = fmod(x, y);
    double whole = (x - left) / y;
    if (left != 0.0 && (y < 0.0) != (left < 0.0)) whole -= 1.0;
    if (whole == 0.0) return copysign(0.0, x / y);
    double down = floor(whole);  /* the nearest whole number, as the division may have rounded */
    return whole - down > 0.5 ? down + 1.0 : down;
}

/* The largest, of equal ones the first; nan if one is. */
static inline double stepgrad_largest(const double *xs, int n) {
    double found = xs[0];
    for (int i = 0; i < n; i++) {
        if (isnan(xs[i])) return NAN;
        if (xs[i] > found) found = xs[i];
    }
    return found;
}

/* A sum that is rounded once (Shewchuk, 1997): its parts, the smallest first, have no bits in
   common, and floats have bits from 2^-1074 to 2^1023. There may be as many parts: e^0 + e^-1 + ...
   has hundreds. ``plain`` is the sum as it comes, for an overflow on the way. */
typedef struct {
    double plain, special, infinite;
    int count, overflown;
    double parts[2100];
} stepgrad_Sum;

static inline void stepgrad_begin(stepgrad_Sum *sum) {
    sum->plain = sum->special = sum->infinite = 0.0;
    sum->count = sum->overflown = 0;
}

static inline void stepgrad_add(stepgrad_Sum *sum, double x) {
    double given = x;
    int kept = 0;
    sum->plain += x;
    for (int i = 0; i < sum->count; i++) {
        double part = sum->parts[i], large = fabs(x) < fabs(part) ? part : x;
        double small = large == x ? part : x, total = large + small;
        double lost = small - (total - large);
        if (lost != 0.0) sum->parts[kept++] = lost;
        x = total;
    }
    sum->count = kept;
    if (isfinite(x)) {
        if (x != 0.0) sum->parts[sum->count++] = x;
        return;
    }
    sum->count = 0;
    if (isfinite(given)) sum->overflown = 1;
    if (isinf(given)) sum->infinite += given;
    sum->special += given;
}

static inline double stepgrad_total(const stepgrad_Sum *sum) {
    const double *parts = sum->parts;
    int n = sum->count;
    if (sum->overflown || isnan(sum->infinite)) return sum->plain;
    if (sum->special != 0.0) return sum->special;
    if (n == 0) return 0.0;
    double total = parts[--n], lost = 0.0;
    while (n > 0 && lost == 0.0) {
        double part = parts[--n], next = total + part;
        lost = part - (next - total);
        total = next;
    }
    /* Half-way between two floats, what is left says which of them is nearer. */
    if (n > 0 && ((lost < 0.0 && parts[n - 1] < 0.0) || (lost > 0.0 && parts[n - 1] > 0.0))) {
        double next = total + 2.0 * lost;
        if (next - total == 2.0 * lost) total = next;
    }
    return total;
}

static inline double stepgrad_sum(const double *xs, int n) {
    stepgrad_Sum sum;
    stepgrad_begin(&sum);
    for (int i = 0; i < n; i++) stepgrad_add(&sum, xs[i]);
    return stepgrad_total(&sum);
}

/* sum(e ** (x - shift)) - 1. */
static inline double stepgrad_rest(const double *xs, int n, double shift) {
    stepgrad_Sum sum;
    stepgrad_begin(&sum);
    for (int i = 0; i < n; i++) stepgrad_add(&sum, exp(xs[i] - shift));
    stepgrad_add(&sum, -1.0);
    return stepgrad_total(&sum);
}

/* log(sum(e ** x)), without overflow. */
static inline double stepgrad_logsumexp(const double *xs, int n) {
    double shift = stepgrad_largest(xs, n);
    return isinf(shift) ? shift : shift + log1p(stepgrad_rest(xs, n, shift));
}

/* sum(e ** (x - logsumexp(xs))): 1 but for the rounding of that; 1 too where it is infinite. */
static inline double stepgrad_softmax_total(const double *xs, int n) {
    double shift = stepgrad_largest(xs, n), rest = stepgrad_rest(xs, n, shift);
    return isinf(shift) ? 1.0 : (1.0 + rest) * exp(shift - (shift + log1p(rest)));
}
""",
)

JAVASCRIPT = Language(
    number=lambda x: _float("Infinity", "NaN", x),
    forms={**_BRACES, "x == y": "({} === {})", "x != y": "({} !== {})", "c": "({} !== 0.0)"},
    definition="function {name}({parameters}) {{ return {body}; }}",
    many="...xs",
    library="Math.",
    names={
        "pow": "power",
        "mod": "modulo",
        "floordiv": "floorDivide",
        "erf": "erf",
        "erfc": "erfc",
        "sum": "sum(xs)",
        "softmax_shift": "largest(xs)",
        "softmax_total": "softmaxTotal(xs)",
        "logsumexp": "logsumexp(xs)",
        "sumexpm1": "rest(xs, 0)",
    },
    prelude="""\
// Unlike C's and Python's, the power of JavaScript is nan for 1 ** nan and for (+-1) ** infinity.
function power(x, y) {
    return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}

// What is left of x, with the sign of y, as Python's %; nan over a zero.
function modulo(x, y) {
    const left = x % y;
    if (left === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
    return (y < 0) !== (left < 0) ? left + y : left;
}

// The quotient rounded down, as Python's //; over a zero it is the quotient.
function floorDivide(x, y) {
    if (y === 0) return x / y;
    const left = x % y;
    let whole = (x - left) / y;
    if (left !== 0 && (y < 0) !== (left < 0)) whole -= 1;
    if (whole === 0) return Object.is(x / y, -0) || x / y < 0 ? -0 : 0;
    const down = Math.floor(whole);  // the nearest whole number, as the division may have rounded
    return whole - down > 0.5 ? down + 1 : down;
}

// e ** (-x * x) to the last digits: a part of x whose square is exact is taken apart.
function bell(x) {
    const head = Math.fround(x);
    return Math.exp(-head * head) * Math.exp((head - x) * (head + x));
}

// The error function: a series of positive terms near 0, and further out one minus the rest.
function erf(x) {
    const size = Math.abs(x);
    if (!(size < 0.5)) return size >= 0.5 ? Math.sign(x) * (1 - erfc(size)) : x;
    let term = x, total = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
        term *= 2 * x * x / (2 * n + 1);
        total += term;
    }
    return 2 / Math.sqrt(Math.PI) * bell(x) * total;
}

// 1 - erf(x), without losing it beside 1: a continued fraction, from its far end, which is the
// further the smaller x is.
function erfc(x) {
    if (!(x >= 0.5)) return 1 - erf(x);
    if (x > 27) return 0;
    let rest = x;
    for (let n = 10 + Math.ceil(230 / (x * x)); n > 0; n--) rest = x + n / 2 / rest;
    return bell(x) / Math.sqrt(Math.PI) / rest;
}

// The largest; nan if one is. Of two zeros Math.max would not take the first.
function largest(xs) {
    return xs.reduce((found, x) => x > found || x !== x ? x : found);
}

// The sum, rounded once (Shewchuk, 1997), as Python's fsum: its parts, the smallest first, have no
// bits in common. Where it overflows on the way it is the sum as it comes.
function sum(xs) {
    if (xs.length === 2) return xs[0] + xs[1] + 0;
    const parts = [];
    let plain = 0, special = 0, isOverflown = false;
    for (const given of xs) {
        plain += given;
        if (!Number.isFinite(given)) { special += given; continue; }
        let x = given, kept = 0;
        for (const part of parts) {
            const total = x + part;
            const lost = Math.abs(x) < Math.abs(part) ? x - (total - part) : part - (total - x);
            if (lost !== 0) parts[kept++] = lost;
            x = total;
        }
        parts.length = kept;
        if (!Number.isFinite(x)) isOverflown = true;
        else if (x !== 0) parts.push(x);
    }
    return isOverflown ? plain : special !== 0 ? special : total(parts);
}

// Half-way between two floats, the parts that are left say which of them is nearer.
function total(parts) {
    let n = parts.length - 1, whole = n < 0 ? 0 : parts[n], lost = 0;
    while (n > 0 && lost === 0) {
        const part = parts[--n], next = whole + part;
        lost = part - (next - whole);
        whole = next;
    }
    const isNear = n > 0 && lost !== 0 && lost > 0 === parts[n - 1] > 0;
    if (isNear && whole + 2 * lost - whole === 2 * lost) whole += 2 * lost;
    return whole;
}

// sum(e ** (x - shift)) - 1, likewise.
function rest(xs, shift) {
    return sum([-1, ...xs.map(x => Math.exp(x - shift))]);
}

// log(sum(e ** x)), without overflow.
function logsumexp(xs) {
    const shift = largest(xs);
    return Math.abs(shift) === Infinity ? shift : shift + Math.log1p(rest(xs, shift));
}

// sum(e ** (x - logsumexp(xs))): 1 but for the rounding of that; 1 too where it is infinite.
function softmaxTotal(xs) {
    const shift = largest(xs);
    if (Math.abs(shift) === Infinity) return 1;
    const left = rest(xs, shift);
    return (1 + left) * Math.exp(shift - (shift + Math.log1p(left)));
}
""",
)

_ARRAYS = {
    **_INFIX,
    **_SIGNS,
    **_CALLED,
    "x == y": "({} == {})",
    "x and y": "({} & {})",
    "x or y": "({} | {})",
    "not x": "(~{})",
}
_PYTHON = "def {name}({parameters}): return {body}"
# Functions of several arrays, or of one along an axis. Of a sum of powers e ** x less 1 the ones
# are added up apart, so that beside them nothing of the others is lost.
_REDUCTIONS = """\
def sumexpm1(xs, axis=0):
    powers = {np}.exp({np}.asarray(xs))
    ones = {np}.floor({np}.minimum(powers, 1.0))
    return {np}.sum(powers - ones, axis=axis) + ({np}.sum(ones, axis=axis) - 1.0)


def shift_and_rest(xs, axis):
    xs = {np}.asarray(xs)
    shift = {np}.max(xs, axis=axis, keepdims=True)
    return {np}.squeeze(shift, axis), sumexpm1(xs - shift, axis)


def logsumexp(xs, axis=0):
    shift, rest = shift_and_rest(xs, axis)
    return {np}.where({np}.isinf(shift), shift, shift + {np}.log1p(rest))


def softmax_total(xs, axis=0):
    shift, rest = shift_and_rest(xs, axis)
    total = (1.0 + rest) * {np}.exp(shift - (shift + {np}.log1p(rest)))
    return {np}.where({np}.isinf(shift), 1.0, total)

"""

# What is named without a dot, NumPy lacks: the functions are in ``lowering.arrays``.
NUMPY = Language(
    number=repr,
    forms={**_ARRAYS, CHOICE: "np.where({}, {}, {})"},
    definition=_PYTHON,
    many="*xs",
    library="np.",
    names={
        "mul": "np.multiply",
        "div": "np.divide",
        "neg": "np.negative",
        "pow": "np.power",
        "mod": "np.mod",
        "floordiv": "np.floor_divide",
        "asin": "np.arcsin",
        "acos": "np.arccos",
        "atan": "np.arctan",
        "atan2": "np.arctan2",
        "asinh": "np.arcsinh",
        "acosh": "np.arccosh",
        "atanh": "np.arctanh",
        "sign": "np.sign",
        "maximum": "np.maximum",
        "minimum": "np.minimum",
        "relu": "relu",
        "step": "unit_step",
        "less": "less",
        "equal": "equal",
        "where": "where",
        "erf": "erf",
        "erfc": "erfc",
        "sum": "np.add.reduce(xs)",
        "softmax_shift": "np.maximum.reduce(xs)",
        "softmax_total": "softmax_total(xs)",
        "logsumexp": "logsumexp(xs)",
        "sumexpm1": "sumexpm1(xs)",
    },
    prelude=_REDUCTIONS.format(np="np"),
)

_JAX_OWN = {row: f"j{name}" for row, name in NUMPY.names.items() if name.startswith("np.")}
del _JAX_OWN["sign"]  # which is -0.0 at -0.0: the formula is not

JAX = Language(
    number=repr,
    forms={**_ARRAYS, CHOICE: "jnp.where({}, {}, {})"},
    definition=_PYTHON,
    many="*xs",
    library="jnp.",
    names={
        **_JAX_OWN,
        # JAX has the numbers of Python's operators, but not the signs of their zeros.
        "mod": "jnp.copysign(jnp.mod({0}, {1}), {1})",
        "floordiv": (
            "jnp.where(abs({0}) < abs({1}), jnp.copysign(jnp.floor_divide({0}, {1}), {0} / {1}), "
            "jnp.floor_divide({0}, {1}))"
        ),
        "relu": "jnp.maximum({}, 0.0)",
        "where": "jnp.where({} != 0.0, {}, {})",
        "erf": "special.erf",
        "erfc": "special.erfc",
        "sum": "jnp.sum(jnp.stack(xs), axis=0)",
        "softmax_shift": "jnp.max(jnp.stack(xs), axis=0)",
        "softmax_total": "softmax_total(xs)",
        "logsumexp": "logsumexp(xs)",
        "sumexpm1": "sumexpm1(xs)",
    },
    prelude=_REDUCTIONS.format(np="jnp"),
)
