"""A short run of random changes between recording and sweep, and the script itself, tested."""

from collections import Counter

import pytest
from changes import mistakes

from autograd import StaleGraphError, Value
from autograd.core import stale, value


def test_a_gradient_is_of_numbers_that_fit_or_refused() -> None:
    counts: Counter[str] = Counter()
    assert list(mistakes(seed=1_000_000, count=100, counts=counts)) == []
    assert counts["sweeps refused"] > 50 and counts["sweeps right"] > 150
    assert counts["graphs right once they are computed again"] == 100


def test_a_number_assigned_used_and_taken_back_is_noticed() -> None:
    a = Value(3.0)
    b = a * 2.0
    b.data = 7.0
    c = b * a  # of 7.0, which is no more
    b.data = 6.0
    with pytest.raises(StaleGraphError, match=r"holds 21\.0"):
        c.backward()
    c.recompute()
    c.backward()
    assert (c.data, a.grad) == (18.0, 12.0)


def test_an_engine_that_does_not_look_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "stale_among", lambda nodes: [])
    assert "of numbers that do not fit" in next(mistakes(0, 20, Counter()))


def test_a_recompute_that_leaves_a_number_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value.Value, "recompute", lambda self: None)
    assert next(mistakes(0, 20, Counter()))
