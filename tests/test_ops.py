"""Every row of the operation table against what it claims, without naming the rows.

The oracles are finite differences, the formula that the row prints for people, computed with
hundreds of digits, and, at the kinks, numbers typed by hand. A new row is tested by being there.
"""

import copy
import itertools
import math
import pickle
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf, nan
from typing import Any

import mpmath
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from autograd import GradientMismatch, Value, check_gradient, grad
from autograd.core import ops
from autograd.core.ops import OPS, Op, Partial
from autograd.core.table import EVERY

ROWS = list(OPS.values())
NAMES = list(OPS)

each_row = pytest.mark.parametrize("op", ROWS, ids=NAMES)
# Derandomized: the same points in every run, so that a failure is a failure for everybody.
few = settings(max_examples=10, derandomize=True, deadline=None, database=None)
many = settings(max_examples=30, derandomize=True, deadline=None, database=None)

# They pass an operand on and say that the slope is 0, which is what they are for.
DISOWNS_ITS_SLOPE = {"stop_gradient", "softmax_shift"}
# It is 1 but for roundings, which differences take for slopes.
NOTHING_BUT_ROUNDING = {"softmax_total"}


def operand_names(op: Op) -> str:
    return op.letters


def distance_to_kinks(op: Op, operands: list[float], moving: str = "cxy") -> float:
    """From the nearest kink that any of the operands that move can reach."""
    named = dict(zip(operand_names(op), map(mpmath.mpf, operands), strict=False))
    sides = [kink.where.split(" = ") for kink in op.kinks if set(kink.where) & set(moving)]
    with suppress(ZeroDivisionError):
        return min([abs(float(read(a, named) - read(b, named))) for a, b in sides], default=inf)
    return 0.0


def domains(op: Op, count: int) -> list[tuple[float, float]]:
    return list(op.domain) * (count if op.arity is None else 1)


def points(op: Op, size: float, edge: float) -> st.SearchStrategy[list[float]]:
    """Operands in the domain, up to a size, off its edge and off the kinks."""

    def point(count: int) -> st.SearchStrategy[list[float]]:
        ranges = [
            st.floats(max(low + edge, -size), min(high - edge, size))
            for low, high in domains(op, count)
        ]
        return st.tuples(*ranges).map(list)

    counts = st.integers(1, 4) if op.arity is None else st.just(op.arity)
    return counts.flatmap(point).filter(lambda xs: distance_to_kinks(op, xs) > edge)


def partial_of(op: Op, i: int) -> Partial:
    return op.partials[0 if op.arity is None else i]


def slope(op: Op, operands: list[float], i: int) -> float:
    """dz/dx_i of the row as the engine sweeps it, the other operands being constants."""
    x = Value(operands[i])
    z = op(*operands[:i], x, *operands[i + 1 :])
    return grad(z, x)[0]


# The formulas for people, read by mpmath with enough digits that 1 + 1e-290 is not 1.
DIGITS = 330


class Mathematics(dict[str, Any]):
    """Names to numbers, and the names of functions to mpmath's, or to what another row says."""

    def __missing__(self, name: str) -> Any:
        found = {"abs": abs, "round": mpmath.nint, "max": lambda *xs: max(xs)}.get(name)
        found = found or getattr(mpmath, name, None)
        if found is not None:
            return found
        op = OPS[name]
        return lambda *xs: read(op.text, dict(zip(op.letters, xs, strict=True)))


def read(text: str, names: dict[str, Any]) -> Any:
    """The formula's value; where it ends in dots, it goes on to the last of the operands."""
    text = text.replace("x1, x2, ...", ", ".join(name for name in names if name[1:].isdigit()))
    endless = re.search(r"(\w+\(x1\)|x1) \+ (\w+\(x2\)|x2) \+ \.\.\.", text)
    if endless:
        first, second = endless.groups()
        assert second == first.replace("1", "2")
        terms = [first.replace("x1", name) for name in names if name[1:].isdigit()]
        text = text.replace(endless[0], " + ".join(terms))
    text = re.sub(r"(\w+) // (\w+)", r"floor(\1 / \2)", text)  # which mpmath has as a function
    return eval(text, {"__builtins__": {}}, Mathematics(names))


def names_of(op: Op, numbers: list[Any]) -> dict[str, Any]:
    """What the formulas call the operands."""
    if op.arity is None:
        return {f"x{j}": x for j, x in enumerate(numbers, start=1)}
    return dict(zip(operand_names(op), numbers, strict=False))


def exact(op: Op, operands: list[float], i: int | None = None) -> Any:
    """z, or dz/dx_i, by the row's text."""
    numbers = [mpmath.mpf(x) for x in operands]
    names = names_of(op, numbers)
    z = read(op.text, names)
    if i is None:
        return z
    if op.arity is None:
        names["x"] = numbers[i]
    return read(partial_of(op, i).text, names | {"z": z})


@contextmanager
def row_with(op: Op, i: int, wrong: str) -> Iterator[Op]:
    """A row like another but for the slope in operand i, and taken off the table again."""
    partials = list(op.partials)
    partials[i] = Partial(wrong)
    made = Op(
        f"{op.name}_wrong",
        op.text,
        *partials,
        computed=op.computed,
        by=op.forward,
        letters=op.letters,
        variadic=op.arity is None,
        domain=op.domain,
        kinks=op.kinks,
        of_all=op.of_all,
    )
    try:
        yield made
    finally:
        del OPS[made.name], EVERY[made.key]


# Values ------------------------------------------------------------------------------------------


@each_row
@given(data=st.data())
@many
def test_value_is_the_printed_formula_to_a_few_ulps(op: Op, data: st.DataObject) -> None:
    operands = data.draw(points(op, size=150.0, edge=1e-3))
    with mpmath.workdps(DIGITS):
        z = exact(op, operands)
        if z and not 1e-290 < abs(z) < 1e290:
            reject()
        # A sum of exponentials has the operands' own rounding in it, its logarithm keeps that; and
        # beside the 1 of e ** 0 these digits end soon after the 150th.
        size = max(1e-150, *map(abs, operands)) if op.arity is None else 0.0
        ulps = 4.0 * math.ulp(max(abs(float(z)), size))
        assert abs(op(*operands) - z) <= ulps


@each_row
@given(data=st.data())
@few
def test_a_node_holds_what_the_numbers_give(op: Op, data: st.DataObject) -> None:
    operands = data.draw(points(op, size=4.0, edge=0.05))
    z = op(*map(Value, operands))
    assert type(z.data) is float and z.data == op(*operands) == op.forward(*operands)
    assert z.op is op and len(z.operands) == len(operands)


@each_row
@given(data=st.data())
@few
def test_is_finite_in_its_domain(op: Op, data: st.DataObject) -> None:
    operands = data.draw(points(op, size=20.0, edge=1e-6))
    assert math.isfinite(op(*operands))
    assert all(math.isfinite(slope(op, operands, i)) for i in range(len(operands)))


# Derivatives -------------------------------------------------------------------------------------


@each_row
@given(data=st.data())
@few
def test_partials_are_finite_differences_at_first_and_second_order(
    op: Op, data: st.DataObject
) -> None:
    operands = data.draw(points(op, size=4.0, edge=0.05))
    if op.name in DISOWNS_ITS_SLOPE:
        with pytest.raises(GradientMismatch):
            check_gradient(op, operands)
        return
    if op.name in NOTHING_BUT_ROUNDING:
        return
    report = check_gradient(
        op, operands, order=2, relative_tolerance=1e-6, absolute_tolerance=1e-12
    )
    assert len(report.comparisons) == len(operands) + len(operands) ** 2


@each_row
@given(data=st.data())
@few
def test_partials_are_the_printed_formulas(op: Op, data: st.DataObject) -> None:
    operands = data.draw(points(op, size=4.0, edge=0.05))
    with mpmath.workdps(40):
        for i in range(len(operands)):
            expected = exact(op, operands, i)
            assert abs(slope(op, operands, i) - expected) <= 1e-13 * max(abs(expected), 1.0)


@each_row
@given(data=st.data())
@few
def test_partials_are_the_derivatives_of_the_printed_formula(op: Op, data: st.DataObject) -> None:
    operands = data.draw(points(op, size=4.0, edge=0.05))
    if op.name in DISOWNS_ITS_SLOPE:
        return
    with mpmath.workdps(60):
        for i in range(len(operands)):

            def along(x: Any, i: int = i) -> Any:
                return exact(op, [*operands[:i], x, *operands[i + 1 :]])

            h = mpmath.mpf(10) ** -20
            difference = (along(operands[i] + h) - along(operands[i] - h)) / (2 * h)
            assert abs(slope(op, operands, i) - difference) <= 1e-13 * max(abs(difference), 1.0)


@each_row
def test_no_slope_where_the_row_has_no_rule(op: Op) -> None:
    generator = random.Random(7)
    without = [i for i, partial in enumerate(op.partials) if not partial.passes]
    if not without or op.name in DISOWNS_ITS_SLOPE:
        return
    for _ in range(200):
        operands = [generator.uniform(-3.0, 3.0) for _ in range(len(op.partials))]
        if distance_to_kinks(op, operands) > 0.01:
            for i in without:
                moved = [x + 1e-6 * (i == j) for j, x in enumerate(operands)]
                assert op(*moved) == op(*operands)
                assert slope(op, operands, i) == 0.0


def test_stop_gradient_is_the_operand_without_its_slope() -> None:
    x = Value(3.0)
    assert ops.stop_gradient(x).data == 3.0 and ops.stop_gradient(-0.0) == 0.0
    assert grad(ops.stop_gradient(x) * x, x) == (3.0,)


PARTIALS = [
    (op, i) for op in ROWS for i in range(len(op.partials)) if op.name not in NOTHING_BUT_ROUNDING
]


@pytest.mark.parametrize(("op", "i"), PARTIALS, ids=[f"{op.name}-{i}" for op, i in PARTIALS])
def test_a_partial_that_is_wrong_by_a_thousandth_is_caught(op: Op, i: int) -> None:
    partial = op.partials[i]
    wrong_slope = f"1.001 * ({partial.computed or partial.text})" if partial.passes else "0.001"
    generator = random.Random(11)
    count = 3 if op.arity is None else op.arity
    name = operand_names(op)[i]
    caught = 0
    for _ in range(1000):
        operands = [
            generator.uniform(max(low + 0.1, -3.0), min(high - 0.1, 3.0))
            for low, high in domains(op, count)
        ]
        if op.arity == 3 and i > 0:
            operands[0] = generator.choice([0.0, 1.0])
        # The slip can be seen only where there is a slope, or where there must be none.
        if distance_to_kinks(op, operands, moving=name) < 0.1:
            continue
        if partial.passes and abs(slope(op, operands, i)) < 0.01:
            continue

        def along(x: Value) -> Value:
            return wrong(*operands[:i], x, *operands[i + 1 :])  # noqa: B023 - called at once

        with row_with(op, i, wrong_slope) as wrong, pytest.raises(GradientMismatch) as error:
            check_gradient(along, operands[i])
        assert list(OPS) == NAMES
        (comparison,) = error.value.report.comparisons
        assert comparison.verdict == "wrong"
        if op.name not in DISOWNS_ITS_SLOPE:
            size = abs(comparison.numeric) if partial.passes else 1.0
            assert 0.00099 * size < comparison.error < 0.00101 * size
        caught += 1
        if caught == 3:
            return
    pytest.fail("no operands show the slip")


# What a row does where the derivative does not exist, typed by hand: the operands, the value and
# the partials, and the words of the table that say it.
KINKS: dict[tuple[str, str], tuple[str, list[tuple[list[float], float, list[float]]]]] = {
    ("div", "y = 0"): (
        "x / 0 is infinite and 0 / 0 is nan",
        [([3.0, 0.0], inf, [inf, -inf]), ([0.0, 0.0], nan, [inf, nan])],
    ),
    ("pow", "y = 0"): (
        "the slope in x is 0 for every x, also for 0 ** 0",
        [
            ([2.0, 0.0], 1.0, [0.0, 0.6931471805599453]),
            ([0.0, 0.0], 1.0, [0.0, 0.0]),
            ([-2.0, 0.0], 1.0, [0.0, nan]),
            ([inf, 0.0], 1.0, [0.0, inf]),
            ([nan, 0.0], 1.0, [0.0, nan]),
        ],
    ),
    ("pow", "x = 0"): (
        "the slope in y is 0 for y >= 0",
        [
            ([0.0, 0.0], 1.0, [0.0, 0.0]),
            ([0.0, 0.5], 0.0, [inf, 0.0]),
            ([0.0, 3.0], 0.0, [0.0, 0.0]),
            ([0.0, -1.0], inf, [-inf, -inf]),
        ],
    ),
    ("abs", "x = 0"): ("the slope is 0", [([0.0], 0.0, [0.0]), ([-0.0], 0.0, [0.0])]),
    ("xlogy", "x = 0"): (
        "the value is 0 for every y, and the slope in x is 0 for y <= 0",
        [
            ([0.0, 0.0], 0.0, [0.0, nan]),
            ([0.0, -3.0], 0.0, [0.0, 0.0]),
            ([0.0, 2.0], 0.0, [0.6931471805599453, 0.0]),
        ],
    ),
    ("relu", "x = 0"): ("the slope is 1", [([0.0], 0.0, [1.0]), ([-0.0], 0.0, [1.0])]),
    ("maximum", "x = y"): ("share the gradient equally", [([2.0, 2.0], 2.0, [0.5, 0.5])]),
    ("minimum", "x = y"): ("share the gradient equally", [([2.0, 2.0], 2.0, [0.5, 0.5])]),
    ("step", "x = 0"): ("the slope is 0", [([0.0], 1.0, [0.0]), ([-0.0], 1.0, [0.0])]),
    ("sign", "x = 0"): ("the slope is 0", [([0.0], 0.0, [0.0])]),
    ("less", "x = y"): ("both slopes are 0", [([2.0, 2.0], 0.0, [0.0, 0.0])]),
    ("equal", "x = y"): ("both slopes are 0", [([2.0, 2.0], 1.0, [0.0, 0.0])]),
    ("where", "c = 0"): ("the slope in c is 0", [([0.0, 5.0, 7.0], 7.0, [0.0, 0.0, 1.0])]),
}


def test_the_kinks_of_this_test_are_in_the_table() -> None:
    assert set(KINKS) <= {(op.name, kink.where) for op in ROWS for kink in op.kinks}


@pytest.mark.parametrize(("name", "where"), KINKS, ids=[" at ".join(key) for key in KINKS])
def test_kinks_do_what_they_say(name: str, where: str) -> None:
    op = OPS[name]
    words, cases = KINKS[name, where]
    (kink,) = [kink for kink in op.kinks if kink.where == where]
    assert words in kink.convention
    assert f"At {where}: {kink.convention}." in str(op.__doc__)
    for operands, value, partials in cases:
        leaves = [Value(x) for x in operands]
        z = op(*leaves)
        assert repr(abs(z.data)) == repr(value)
        # Adding 0.0 takes the sign off a zero; which sign it is, is left to the edge cases.
        assert [repr(0.0 + g) for g in grad(z, leaves)] == list(map(repr, partials))


# Robustness --------------------------------------------------------------------------------------

EXTREMES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, inf, -inf, nan, 1e308, -1e308, 5e-324, -5e-324]


def equal_bits(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@each_row
def test_no_operands_make_it_raise(op: Op) -> None:
    count = 2 if op.arity is None else op.arity
    numbers = EXTREMES if count < 3 else [0.0, -0.0, 1.0, inf, nan, -1e308]
    for operands in itertools.product(numbers, repeat=count):
        assert type(op(*operands)) is float
        for is_value in itertools.product([False, True], repeat=count):
            mixed = [Value(x) if v else x for v, x in zip(is_value, operands, strict=True)]
            leaves = [x for x in mixed if isinstance(x, Value)]
            if not leaves:
                continue
            z = op(*mixed)
            assert type(z.data) is float
            z.backward()
            by_grad = grad(z, leaves)
            by_graph = grad(z, leaves, create_graph=True)
            for leaf, g, graph in zip(leaves, by_grad, by_graph, strict=True):
                assert type(leaf.grad) is type(g) is type(graph.data) is float
                assert equal_bits(leaf.grad, g) and equal_bits(g, graph.data)
                assert all(type(second) is float for second in grad(graph, leaves))


@each_row
def test_an_operand_that_is_no_number_is_named_with_the_operation(op: Op) -> None:
    count = 1 if op.arity is None else op.arity
    for others in ([1.0] * (count - 1), [Value(1.0)] * (count - 1)):
        for bad in ("a", None, 1j, [1.0]):
            with pytest.raises(TypeError, match=rf"^{op.name}\(\): expected a real number.*got"):
                op(*others, bad)


# The rows as things of their own -----------------------------------------------------------------


@each_row
def test_describes_itself(op: Op) -> None:
    assert OPS[op.name] is op
    assert repr(op) == f"<op {op.name}: z = {op.text}>"
    lines = str(op.__doc__).splitlines()
    assert lines[0] == f"z = {op.text}"
    for line, name, partial in zip(lines[1:], operand_names(op), op.partials, strict=False):
        assert line == f"dz/d{name} = {partial.text}"
    assert len(op.domain) == len(op.partials)


@each_row
def test_copies_and_pickles_are_the_row_itself(op: Op) -> None:
    assert copy.copy(op) is op and copy.deepcopy(op) is op
    assert pickle.loads(pickle.dumps(op)) is op


@each_row
def test_linear_rows_and_no_others_have_constant_slopes(op: Op) -> None:
    generator = random.Random(3)
    count = 2 if op.arity is None else op.arity
    seen = set()
    for _ in range(30):
        # Whole numbers: a condition that is never 0 always chooses the same.
        operands = [
            float(generator.randint(int(max(low, -3.0)) + 1, 3)) for low, _ in domains(op, count)
        ]
        seen.add(tuple(slope(op, operands, i) for i in range(count)))
    assert op.linear == (len(seen) == 1)


@each_row
def test_a_domain_ends_where_something_is_infinite(op: Op) -> None:
    for i, ends in enumerate(op.domain):
        for end in filter(math.isfinite, ends):
            operands = [end if i == j else 0.5 for j in range(len(op.domain))]
            numbers = [op(*operands), *(slope(op, operands, j) for j in range(len(operands)))]
            assert not all(map(math.isfinite, numbers))


@pytest.mark.parametrize(
    ("name", "operands", "written"),
    [
        ("add", ["a", "b"], "a + b"),
        ("sub", ["a", "-3"], "a - (-3)"),
        ("mul", ["a", "b"], "a * b"),
        ("div", ["-a", "b"], "(-a) / b"),
        ("pow", ["-2", "n"], "(-2) ** n"),
        ("neg", ["a"], "-a"),
        ("neg", ["-2"], "-(-2)"),
        ("abs", ["a"], "abs(a)"),
        ("sum", ["a", "b", "c"], "a + b + c"),
        ("sum", ["a"], "a"),
        ("tanh", ["n"], "tanh(n)"),
        ("maximum", ["a", "-1"], "maximum(a, -1)"),
        ("where", ["c", "a", "b"], "where(c, a, b)"),
        ("logsumexp", ["a", "b"], "logsumexp(a, b)"),
    ],
)
def test_formula_is_written_on_names(name: str, operands: list[str], written: str) -> None:
    assert OPS[name].formula(operands) == written
