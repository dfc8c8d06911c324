"""Every row of the operation table in every language, compiled, run, and held against Python's.

The points are random ones and all combinations of edge points: zeros of both signs, infinities,
nan, what overflows and what is lost, and each row's own kinks and ends.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd.core.ops import OPS, Op
from autograd.languages import JAVASCRIPT, JAX, NUMPY, C, Language
from autograd.lowering import arrays

EDGES = [
    0.0,
    -0.0,
    0.5,
    1.0,
    -1.0,
    2.0,
    -3.0,
    7.5,
    40.0,
    -745.5,
    710.5,
    1e-8,
    -1e-200,
    1e200,
    -1e200,
]
EDGES += [inf, -inf, nan, 5e-324, -1e308, math.pi, math.nextafter(1.0, 0.0)]
FEWER = [0.0, -0.0, 1.0, -2.5, 1e200, inf, -inf, nan]
Case = tuple[
    str, tuple[float, ...], float
]  # a function as a language calls it, where, and what it gives

# Where a program is missing that a language needs, its tests are skipped, but in the checks of a
# checkout, which install it.
REQUIRED = os.environ.get("LANGUAGE_TESTS") == "required"


def operands_of(op: Op) -> Iterator[tuple[float, ...]]:
    generator = random.Random(op.name)
    count = op.arity or 3
    yield from itertools.product(EDGES if count < 3 else FEWER, repeat=count)
    ends = [[x for x in interval if math.isfinite(x)] for interval in op.domain]
    for _ in range(200):
        point = [
            generator.gauss(0.0, 2.0) * 10 ** generator.choice([0, 0, 0, 1, -3])
            for _ in range(count)
        ]
        for i, numbers in enumerate(ends):
            if numbers and generator.random() < 0.5:
                point[i] = generator.choice(numbers) + generator.choice([0.0, 1e-9, -1e-9, 0.25])
        yield tuple(point)


def cases() -> list[Case]:
    """Every value and every slope, with what Python gives."""
    found: list[Case] = []
    for op in OPS.values():
        for xs in operands_of(op):
            z = op.forward(*xs)
            found.append((f"op_{op.name}", xs, z))
            # Of a row with any number of operands, a slope is a function of z, of one of them and
            # of what it has in ``of_all``.
            for i, letter in enumerate(op.letters):
                operands = xs
                if op.arity is None:
                    operands = (xs[0], *op.shared(xs, recording=False))
                slope = op.slopes[i]
                number = slope(z, *operands) if callable(slope) else slope
                number = 0.0 if number is None else number
                found.append((f"d{letter}_{op.name}", (z, *operands), number))
    return found


CASES = cases()
NAMES = list(dict.fromkeys(name for name, _, _ in CASES))


def is_same(found: float, expected: float) -> bool:
    """The same class of number, zeros by their signs too, and the same number but for roundings."""
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if math.isinf(expected) or math.isinf(found) or expected == 0.0 == found:
        return repr(found) == repr(expected)
    return abs(found - expected) <= max(1e-13 * abs(expected), 5e-323)


# Of 0.0 and -0.0, array code may take either for the largest and the smallest.
EITHER_ZERO = {"op_maximum", "op_minimum", "op_relu", "op_softmax_shift"}


def is_subnormal(x: float) -> bool:
    return 0.0 < abs(x) < sys.float_info.min


def title(language: Language) -> str:
    return {id(C): "C", id(JAVASCRIPT): "JavaScript", id(NUMPY): "NumPy"}.get(id(language), "JAX")


def check(language: Language, found: list[float]) -> None:
    """JAX takes subnormal numbers for 0, which the guide to arrays says."""
    either_zero = EITHER_ZERO if language is NUMPY or language is JAX else ()
    wrong = [
        f"{name}{xs} is {x!r} in {title(language)}, and {expected!r} in Python"
        for (name, xs, expected), x in zip(CASES, found, strict=True)
        if not (is_same(x, expected) or (name in either_zero and x == expected == 0.0))
        if not (language is JAX and any(map(is_subnormal, [*xs, expected])))
    ]
    assert not wrong, f"{len(wrong)} of {len(found)}:\n" + "\n".join(wrong[:20])


def is_variadic(name: str) -> bool:
    row = name.removeprefix("op_")
    return row != name and OPS[row].arity is None


def needs(program: str) -> Any:
    missing = shutil.which(program) is None and not REQUIRED
    return pytest.mark.skipif(missing, reason=f"needs {program}, which is not installed")


def run(*command: str, given: bytes = b"") -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()
    return done.stdout


def called(*command: str) -> list[float]:
    """What a program gives for all cases, as numbers lie in memory: function, count, operands."""
    places = {name: place for place, name in enumerate(NAMES)}
    given = b"".join(
        struct.pack("6d", places[name], len(xs), *xs, *[0.0] * (4 - len(xs)))
        for name, xs, _ in CASES
    )
    return list(struct.unpack(f"{len(CASES)}d", run(*command, given=given)))


def in_c(folder: Path, language: Language = C, *options: str) -> list[float]:
    """The functions compiled, and called with the numbers that come on standard input."""
    rows = []
    for number, name in enumerate(NAMES):
        count = len(next(xs for other, xs, _ in CASES if other == name))
        call = "x, n" if is_variadic(name) else ", ".join(f"x[{i}]" for i in range(count))
        rows.append(f"        case {number}: return {name}({call});")
    program = "\n".join(
        [
            language.program(OPS.values()),
            "#include <stdio.h>",
            "static double call(int which, const double *x, int n) {",
            "    (void)n;",
            "    switch (which) {",
            *rows,
            "    }",
            "    return NAN;",
            "}",
            "int main(void) {",
            "    double number[6], result;",
            "    while (fread(number, sizeof(double), 6, stdin) == 6) {",
            "        result = call((int)number[0], number + 2, (int)number[1]);",
            "        fwrite(&result, sizeof(double), 1, stdout);",
            "    }",
            "    return 0;",
            "}",
        ]
    )
    source, built = folder / "rows.c", folder / "rows"
    source.write_text(program)
    warnings = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    run(
        "gcc",
        "-std=c11",
        "-O2",
        "-ffp-contract=off",
        *warnings,
        *options,
        str(source),
        "-o",
        str(built),
        "-lm",
    )
    return called(str(built))


@needs("gcc")
def test_c(tmp_path: Path) -> None:
    check(C, in_c(tmp_path))


@needs("gcc")
def test_c_under_the_address_sanitizer(tmp_path: Path) -> None:
    check(C, in_c(tmp_path, C, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))


def in_javascript(folder: Path, language: Language = JAVASCRIPT) -> list[float]:
    """The functions in Node.js, with numbers as they lie in memory."""
    calls = ", ".join(name for name in NAMES)
    program = "\n".join(
        [
            '"use strict";',
            language.program(OPS.values()),
            f"const functions = [{calls}];",
            'const bytes = require("fs").readFileSync(0);',
            "const numbers = new Float64Array(new Uint8Array(bytes).buffer);",
            "const results = new Float64Array(numbers.length / 6);",
            "for (let i = 0; i < results.length; i++) {",
            "    const [which, count, ...x] = numbers.subarray(6 * i, 6 * i + 6);",
            "    results[i] = functions[which](...x.slice(0, count));",
            "}",
            "process.stdout.write(Buffer.from(results.buffer));",
        ]
    )
    source = folder / "rows.js"
    source.write_text(program)
    return called("node", str(source))


@needs("node")
def test_javascript(tmp_path: Path) -> None:
    check(JAVASCRIPT, in_javascript(tmp_path))


def on_arrays(language: Language, array: Any, namespace: dict[str, Any]) -> list[float]:
    """The functions on arrays, each called once with all of its points."""
    exec(language.program(OPS.values()), namespace)
    points: dict[str, list[tuple[float, ...]]] = {}
    for name, xs, _ in CASES:
        points.setdefault(name, []).append(xs)
    results: dict[str, Iterator[float]] = {}
    for name, rows in points.items():
        columns = np.array(rows).T
        found = namespace[name](*map(array, columns))
        results[name] = iter(np.broadcast_to(np.asarray(found, float), len(rows)).tolist())
    return [next(results[name]) for name, _, _ in CASES]


def test_numpy() -> None:
    with np.errstate(all="ignore"):
        check(NUMPY, on_arrays(NUMPY, np.array, {"np": np, **arrays.NUMPY_CALLS}))


def test_jax() -> None:
    jax = pytest.importorskip("jax")
    special = pytest.importorskip("jax.scipy.special")
    with jax.enable_x64(True):
        check(JAX, on_arrays(JAX, jax.numpy.array, {"jnp": jax.numpy, "special": special}))


# The tests themselves.


SLIPS = [
    (C, "? left + y : left", "? left : left", "mod"),
    (C, "shift : shift + log1p", "shift : 1.000000000001 * shift + log1p", "logsumexp"),
    (C, "if (y == 0.0) return x / y;", "", "dy_mod"),
    (JAVASCRIPT, "? left + y : left", "? left : left", "mod"),
    (JAVASCRIPT, "n / 2 / rest", "n / 2.000000001 / rest", "erf"),
    (JAVASCRIPT, "x === 1 || ", "", "pow"),
]


@pytest.mark.parametrize(("language", "right", "wrong", "row"), SLIPS)
def test_a_slip_in_one_language_is_found(
    language: Language, right: str, wrong: str, row: str, tmp_path: Path
) -> None:
    program, evaluate = ("gcc", in_c) if language is C else ("node", in_javascript)
    if shutil.which(program) is None and not REQUIRED:
        pytest.skip(f"needs {program}, which is not installed")
    assert language.prelude.count(right) == 1
    slipped = replace(language, prelude=language.prelude.replace(right, wrong))
    with pytest.raises(AssertionError, match=rf"{row}.* in Python"):
        check(slipped, evaluate(tmp_path, slipped))
