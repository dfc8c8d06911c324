"""A short run of the gradient checker on random graphs, and the script itself."""

from collections import Counter

from checker import SLIPS, TOLERANCE, is_right, mistakes
from mpmath import mpf


def test_the_checker_is_never_mistaken_about_random_graphs() -> None:
    counts: Counter[str] = Counter()
    assert list(mistakes(seed=2_000_000, count=40, counts=counts)) == []
    for slip in SLIPS:
        wrong = sum(n for what, n in counts.items() if what.startswith(f"{slip}: wrong"))
        caught = counts[f"{slip}: wrong ones called wrong"]
        assert caught >= 0.8 * wrong
    assert counts["missing: wrong ones called wrong"] > 5
    assert counts["as it is: right ones called right"] > 30


def test_what_is_right_is_for_60_digits_to_say() -> None:
    assert is_right(1.0, mpf(1), 0.0) and is_right(1.0, mpf(1) + mpf(1e-9), 1e-8) is True
    assert is_right(1.0001, mpf(1), 1e-12) is False
    assert is_right(1.0 + 2 * TOLERANCE, mpf(1), 0.0) is None
    assert is_right(1.5, mpf(1), 1.0) is None and is_right(float("nan"), mpf(1), 0.0) is False
