"""Both cores in turns: the same graphs, errors and sessions to the last bit; see two_cores.py."""

from __future__ import annotations

import math

import pytest
from two_cores import differences

from autograd import Value, core, ops

native = pytest.mark.skipif(core.NAME != "native", reason="there is no native core to compare with")


@native
@pytest.mark.parametrize(
    ("kind", "seeds"),
    [("graphs", range(500)), ("sessions", range(40))],
    ids=["graphs", "sessions"],
)
def test_both_cores_tell_the_same(kind: str, seeds: range) -> None:
    assert list(differences(kind, seeds)) == []


def test_a_sum_of_a_thousand_parts_is_rounded_once() -> None:
    """So many floats of a sum have no bit in common, each of another sign than the one before."""
    xs = [math.ldexp((1.0 - 2.0**-53) * (-1.0) ** k, k) for k in range(-1000, 1000)]
    assert ops.sum(*map(Value, xs)).data == math.fsum(xs)
    exponents = [float(k) for k in range(1000)]
    exact = 999.0 + math.log(math.e / (math.e - 1.0))  # of a geometric series
    assert ops.logsumexp(*map(Value, exponents)).data == pytest.approx(exact, rel=1e-15)
