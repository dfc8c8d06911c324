"""Tests of `nn.datasets` against geometry, statistics and published facts about the digits.

The expected values are worked out by hand or quoted from the description of the UCI data set;
none of them comes from the generators under test. The script that packs the digits is tried
here as well, with a stand-in for scikit-learn.
"""

import gzip
import hashlib
import inspect
import math
import os
import random
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn import datasets

Sample = tuple[list[list[float]], list[float]]
Generator = Callable[..., Sample]

GENERATORS: list[Generator] = [
    datasets.moons,
    datasets.circles,
    datasets.xor,
    datasets.spiral,
    datasets.gaussians,
]
DATA_FOLDER = Path(datasets.__file__).parent / "data"
MAKE_DIGITS = Path(__file__).parent / "make_digits.py"

every_generator = pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: g.__name__)
sizes = st.integers(min_value=1, max_value=120)
seeds = st.integers(min_value=-(2**70), max_value=2**70)
noises = st.floats(min_value=0.0, max_value=10.0)


def of_class(sample: Sample, wanted: float) -> list[list[float]]:
    points, labels = sample
    return [point for point, label in zip(points, labels, strict=True) if label == wanted]


def angles_around(points: list[list[float]], centre: tuple[float, float]) -> list[float]:
    return sorted(math.atan2(y - centre[1], x - centre[0]) for x, y in points)


# What all toy sets have in common.


@every_generator
@given(n=sizes, noise=noises, seed=seeds)
@settings(max_examples=40, deadline=None)
def test_gives_n_points_of_two_floats_in_balanced_classes(
    generator: Generator, n: int, noise: float, seed: int
) -> None:
    points, labels = generator(n, noise, seed)
    assert type(points) is list and type(labels) is list
    assert len(points) == len(labels) == n
    for point in points:
        assert type(point) is list and len(point) == 2
        assert all(type(value) is float and math.isfinite(value) for value in point)
    assert all(type(label) is float and label in (0.0, 1.0) for label in labels)
    assert abs(labels.count(0.0) - labels.count(1.0)) <= 1


@every_generator
def test_defaults_are_a_hundred_points_some_noise_and_seed_zero(generator: Generator) -> None:
    noise = 0.5 if generator is datasets.gaussians else 0.1
    assert list(inspect.signature(generator).parameters) == ["n", "noise", "seed"]
    assert len(generator()[0]) == 100
    assert generator() == generator(n=100, noise=noise, seed=0)


@every_generator
@given(n=sizes, noise=noises, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_same_seed_gives_equal_but_separate_lists(
    generator: Generator, n: int, noise: float, seed: int
) -> None:
    first, second = generator(n, noise, seed), generator(n, noise, seed)
    assert first == second
    for point in first[0]:
        point[0] = math.inf
    first[1].clear()
    assert second == generator(n, noise, seed)


@every_generator
def test_another_seed_gives_another_order_and_other_noise(generator: Generator) -> None:
    assert generator(200, 0.0, 1)[1] != generator(200, 0.0, 2)[1]
    assert sorted(generator(200, 0.1, 1)[0]) != sorted(generator(200, 0.1, 2)[0])


@every_generator
def test_global_random_state_is_neither_changed_nor_used(generator: Generator) -> None:
    random.seed(5)
    before = random.getstate()
    sample = generator(50, 0.3, 7)
    assert random.getstate() == before
    random.seed(6)
    assert generator(50, 0.3, 7) == sample


def test_other_processes_with_other_hash_seeds_give_the_same_points() -> None:
    program = (
        "from nn import datasets as s\n"
        "print([f(31, 0.2, 4) for f in (s.moons, s.circles, s.xor, s.spiral, s.gaussians)])\n"
        "print(s.digits()[1][-20:])"
    )
    here = f"{[generator(31, 0.2, 4) for generator in GENERATORS]}\n{datasets.digits()[1][-20:]}\n"
    root = str(Path(datasets.__file__).parent.parent)
    for hash_seed in ("1", "4242"):
        finished = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=True,
        )
        assert finished.stdout == here


@every_generator
@pytest.mark.parametrize("seed", range(10))
def test_every_mini_batch_holds_both_classes(generator: Generator, seed: int) -> None:
    labels = generator(160, 0.1, seed)[1]
    # A fair shuffle leaves a batch of 20 with one class only about twice in a million.
    for start in range(0, 160, 20):
        assert set(labels[start : start + 20]) == {0.0, 1.0}


@pytest.mark.parametrize("generator", [datasets.moons, datasets.circles, datasets.spiral])
def test_points_within_a_class_are_shuffled_too(generator: Generator) -> None:
    points = of_class(generator(200, 0.0, 0), 0.0)
    steps = [math.dist(a, b) for a, b in pairwise(points)]
    # Neighbours along a curve of 100 points are less than 0.1 apart; chance ones far more.
    assert sum(steps) / len(steps) > 0.5


@every_generator
@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_noise_is_normal_with_the_given_standard_deviation(
    generator: Generator, noise: float
) -> None:
    n = 5000
    still, labels = generator(n, 0.0, 3)
    moved, labels_of_moved = generator(n, noise, 3)
    assert labels == labels_of_moved
    shifts = [
        ((x - a) / noise, (y - b) / noise) for (a, b), (x, y) in zip(still, moved, strict=True)
    ]
    for axis in (0, 1):
        values = [shift[axis] for shift in shifts]
        assert abs(sum(values) / n) < 5 / math.sqrt(n)
        assert sum(value**2 for value in values) / n == pytest.approx(1.0, abs=0.1)
        for sigmas, share in [(0.5, 0.3829), (1.0, 0.6827), (2.0, 0.9545)]:
            within = sum(abs(value) < sigmas for value in values) / n
            assert within == pytest.approx(share, abs=0.035)
    assert abs(sum(x * y for x, y in shifts) / n) < 5 / math.sqrt(n)


# The shapes, without noise.


@given(n=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_moons_lie_on_two_half_circles(n: int, seed: int) -> None:
    sample = datasets.moons(n, 0.0, seed)
    for x, y in of_class(sample, 0.0):
        assert math.hypot(x, y) == pytest.approx(1.0)
        assert y >= -1e-12
    for x, y in of_class(sample, 1.0):
        assert math.hypot(x - 1.0, y - 0.5) == pytest.approx(1.0)
        assert y <= 0.5 + 1e-12


def test_moons_cover_their_half_circles_evenly_from_end_to_end() -> None:
    sample = datasets.moons(22, 0.0)
    upper = angles_around(of_class(sample, 0.0), (0.0, 0.0))
    # The lower moon is turned over first, so that its angles run from 0 to pi as well.
    turned = [[-x, -y] for x, y in of_class(sample, 1.0)]
    lower = angles_around(turned, (-1.0, -0.5))
    assert upper == pytest.approx([math.pi * k / 10 for k in range(11)])
    assert lower == pytest.approx([math.pi * k / 10 for k in range(11)])


@given(n=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_circles_have_radius_one_outside_and_one_half_inside(n: int, seed: int) -> None:
    sample = datasets.circles(n, 0.0, seed)
    for label, radius in [(0.0, 1.0), (1.0, 0.5)]:
        for x, y in of_class(sample, label):
            assert math.hypot(x, y) == pytest.approx(radius)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_circles_are_evenly_filled_all_around(label: float) -> None:
    angles = angles_around(of_class(datasets.circles(24, 0.0), label), (0.0, 0.0))
    gaps = [b - a for a, b in pairwise(angles)]
    assert gaps == pytest.approx([math.tau / 12] * 11)


@given(n=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_xor_corners_have_the_class_of_their_sign_product(n: int, seed: int) -> None:
    points, labels = datasets.xor(n, 0.0, seed)
    for (x, y), label in zip(points, labels, strict=True):
        assert (abs(x), abs(y)) == (1.0, 1.0)
        assert label == (1.0 if x * y < 0 else 0.0)
    corners = Counter((x, y) for x, y in points)
    counts = [corners[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    assert abs(counts[0] - counts[3]) <= 1
    assert abs(counts[1] - counts[2]) <= 1


def test_xor_class_stays_with_the_corner_under_heavy_noise() -> None:
    still, moved = datasets.xor(100, 0.0, 1), datasets.xor(100, 3.0, 1)
    assert moved[1] == still[1]
    crossed = [label != (x * y < 0) for (x, y), label in zip(moved[0], moved[1], strict=True)]
    assert any(crossed)


@given(n=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_spiral_points_turn_once_per_unit_of_radius(n: int, seed: int) -> None:
    sample = datasets.spiral(n, 0.0, seed)
    for label, sign in [(0.0, 1.0), (1.0, -1.0)]:
        for x, y in of_class(sample, label):
            radius = math.hypot(x, y)
            assert 0.25 - 1e-12 <= radius <= 1.5 + 1e-12
            assert x == pytest.approx(sign * radius * math.cos(math.tau * radius), abs=1e-12)
            assert y == pytest.approx(sign * radius * math.sin(math.tau * radius), abs=1e-12)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_spiral_radius_runs_evenly_from_a_quarter_to_one_and_a_half(label: float) -> None:
    points = of_class(datasets.spiral(12, 0.0), label)
    radii = sorted(math.hypot(x, y) for x, y in points)
    assert radii == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.25, 1.5])


def test_spiral_hand_drawn_points() -> None:
    arm = sorted([round(x, 9), round(y, 9)] for x, y in of_class(datasets.spiral(12, 0.0), 0.0))
    assert arm == sorted(
        [[0.0, 0.25], [-0.5, 0.0], [0.0, -0.75], [1.0, 0.0], [0.0, 1.25], [-1.5, 0.0]]
    )


@given(n=sizes, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_gaussians_sit_around_opposite_corners(n: int, seed: int) -> None:
    points, labels = datasets.gaussians(n, 0.0, seed)
    for point, label in zip(points, labels, strict=True):
        assert point == ([1.0, 1.0] if label == 1.0 else [-1.0, -1.0])


def test_gaussians_default_noise_leaves_few_strays_beyond_the_line() -> None:
    points, labels = datasets.gaussians(40_000, seed=1)
    strays = sum((x + y > 0) != label for (x, y), label in zip(points, labels, strict=True))
    # Phi(-2.8284) = 0.00234 from a table of the normal distribution; 94 of 40,000 points.
    assert 60 <= strays <= 130


# Refused arguments.

NOISE = "noise: expected a real number (int, float or NumPy real scalar)"
REFUSED: list[tuple[dict[str, Any], type[Exception], str, str]] = [
    (
        {"n": True},
        TypeError,
        "n must be a whole number of at least 1, got True of type bool",
        "n=100",
    ),
    (
        {"n": 2.0},
        TypeError,
        "n must be a whole number of at least 1, got 2.0 of type float",
        "n=100",
    ),
    (
        {"n": "10"},
        TypeError,
        "n must be a whole number of at least 1, got '10' of type str",
        "n=100",
    ),
    (
        {"n": None},
        TypeError,
        "n must be a whole number of at least 1, got None of type NoneType",
        "n=100",
    ),
    ({"n": 0}, ValueError, "n must be a whole number of at least 1, got 0", "at least one"),
    ({"n": -3}, ValueError, "n must be a whole number of at least 1, got -3", "at least one"),
    ({"noise": True}, TypeError, f"{NOISE}, got True of type bool", "noise=0.1"),
    ({"noise": "0.1"}, TypeError, f"{NOISE}, got '0.1' of type str", "noise=0.1"),
    ({"noise": None}, TypeError, f"{NOISE}, got None of type NoneType", "noise=0.1"),
    ({"noise": 1j}, TypeError, f"{NOISE}, got 1j of type complex", "noise=0.1"),
    (
        {"noise": -0.1},
        ValueError,
        "noise must be a number of at least 0 and less than 1e+300, got -0.1",
        "noise=0.1",
    ),
    (
        {"noise": math.nan},
        ValueError,
        "noise must be a number of at least 0 and less than 1e+300, got nan",
        "noise=0.1",
    ),
    (
        {"noise": math.inf},
        ValueError,
        "noise must be a number of at least 0 and less than 1e+300, got inf",
        "noise=0.1",
    ),
    (
        {"noise": -math.inf},
        ValueError,
        "noise must be a number of at least 0 and less than 1e+300, got -inf",
        "noise=0.1",
    ),
    (
        {"noise": 10**400},
        ValueError,
        "noise must be a number of at least 0 and less than 1e+300, got 1000",
        "noise=0.1",
    ),
    ({"seed": None}, TypeError, "seed must be a whole number, got None of type NoneType", "seed=0"),
    ({"seed": True}, TypeError, "seed must be a whole number, got True of type bool", "seed=0"),
    ({"seed": 1.5}, TypeError, "seed must be a whole number, got 1.5 of type float", "seed=0"),
]


@every_generator
@pytest.mark.parametrize(
    ("arguments", "error", "complaint", "advice"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_bad_arguments_are_refused_with_what_came_and_what_to_do(
    generator: Generator,
    arguments: dict[str, Any],
    error: type[Exception],
    complaint: str,
    advice: str,
) -> None:
    with pytest.raises(error) as caught:
        generator(**arguments)
    message = str(caught.value)
    assert complaint in message
    assert advice in message


@every_generator
def test_whole_noise_and_the_largest_noise_are_taken(generator: Generator) -> None:
    assert generator(20, 1, 0) == generator(20, 1.0, 0)
    assert all(math.isfinite(v) for point in generator(500, 9e299, 0)[0] for v in point)


# The digits: facts from the description of the UCI test part, and pictures typed by hand.

FIRST_IMAGE = [
    [0, 0, 5, 13, 9, 1, 0, 0],
    [0, 0, 13, 15, 10, 15, 5, 0],
    [0, 3, 15, 2, 0, 11, 8, 0],
    [0, 4, 12, 0, 0, 8, 8, 0],
    [0, 5, 8, 0, 0, 9, 8, 0],
    [0, 4, 11, 0, 1, 12, 7, 0],
    [0, 2, 14, 5, 10, 12, 0, 0],
    [0, 0, 6, 13, 10, 0, 0, 0],
]
LAST_IMAGE_TOP_AND_BOTTOM = ([0, 0, 10, 14, 8, 1, 0, 0], [0, 1, 8, 12, 14, 12, 1, 0])


def test_digits_have_the_published_sizes_and_class_counts() -> None:
    images, labels = datasets.digits()
    assert len(images) == len(labels) == 1797
    counts = Counter(labels)
    assert [counts[digit] for digit in range(10)] == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180
    ]  # fmt: skip
    assert all(type(label) is int for label in labels)


def test_digits_pixels_are_sixteenths_from_zero_to_one() -> None:
    images, _ = datasets.digits()
    pixels = {pixel for image in images for pixel in image}
    assert all(type(image) is list and len(image) == 64 for image in images)
    assert all(type(pixel) is float for pixel in pixels)
    assert sorted(pixels) == [0.0625 * step for step in range(17)]


def test_digits_begin_and_end_as_the_original_does() -> None:
    images, labels = datasets.digits()
    assert labels[:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert labels[-3:] == [8, 9, 8]
    first = [[int(16 * pixel) for pixel in images[0][at : at + 8]] for at in range(0, 64, 8)]
    last = [[int(16 * pixel) for pixel in images[-1][at : at + 8]] for at in (0, 56)]
    assert first == FIRST_IMAGE
    assert (last[0], last[1]) == LAST_IMAGE_TOP_AND_BOTTOM


def test_digits_are_new_lists_at_each_call() -> None:
    images, labels = datasets.digits()
    images[0][0] = -1.0
    images.pop()
    labels[0] = -1
    again_images, again_labels = datasets.digits()
    assert again_images[0][0] == 0.0
    assert len(again_images) == 1797
    assert again_labels[0] == 0


def test_digits_file_is_reproducible_and_described() -> None:
    packed = (DATA_FOLDER / "digits.csv.gz").read_bytes()
    text = gzip.decompress(packed)
    description = (DATA_FOLDER / "README.md").read_text(encoding="utf-8")
    # Bytes 3 to 7 of a gzip file are its flags (0: no file name inside) and its time stamp.
    assert packed[3:8] == bytes(5)
    assert len(packed) < 60_000
    assert hashlib.sha256(text).hexdigest() in description
    for credit in (
        "Optical Recognition of Handwritten Digits",
        "E. Alpaydin and C. Kaynak",
        "UCI Machine Learning Repository, 1998",
        "CC BY 4.0",
        "10.24432/C50P49",
    ):
        assert credit in description


# The script that packs the digits, with a stand-in for the library that it reads from.


def run_make_digits(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_digits.py", str(target)])
    runpy.run_path(str(MAKE_DIGITS), run_name="__main__")


def stand_in(pixels: list[list[float]], labels: list[int]) -> ModuleType:
    module = ModuleType("sklearn.datasets")
    data = SimpleNamespace(tolist=lambda: pixels)
    target = SimpleNamespace(tolist=lambda: labels)
    vars(module)["load_digits"] = lambda: SimpleNamespace(data=data, target=target)
    return module


def test_make_digits_writes_whole_numbers_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = stand_in([[0.0, 16.0, 7.0], [1.0, 2.0, 3.0]], [4, 9])
    monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", source)
    target = tmp_path / "packed.csv.gz"
    target.write_bytes(b"an older file")
    run_make_digits(target, monkeypatch)
    packed = target.read_bytes()
    assert gzip.decompress(packed) == b"0,16,7,4\n1,2,3,9\n"
    # Magic number, deflate, no flags, no time, strongest compression, system unknown.
    assert packed[:10] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255])
    assert list(tmp_path.iterdir()) == [target]


def test_make_digits_leaves_the_old_file_when_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError("no rename today")

    monkeypatch.setitem(sys.modules, "sklearn", ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", stand_in([[1.0]], [2]))
    monkeypatch.setattr(os, "replace", refuse)
    target = tmp_path / "packed.csv.gz"
    target.write_bytes(b"an older file")
    with pytest.raises(OSError, match="no rename today"):
        run_make_digits(target, monkeypatch)
    assert target.read_bytes() == b"an older file"
    assert list(tmp_path.iterdir()) == [target]


def test_make_digits_says_that_scikit_learn_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in sys.modules makes Python report the module as not installed.
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(SystemExit, match=r"scikit-learn.*pip install scikit-learn"):
        run_make_digits(tmp_path / "packed.csv.gz", monkeypatch)
    assert list(tmp_path.iterdir()) == []
