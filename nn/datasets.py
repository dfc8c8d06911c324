"""Small data sets to train on: five toy problems in the plane and a set of handwritten digits.

Those in the plane take a size, a noise level and a seed, as ``moons`` describes them. All hand back
plain lists of floats together with the wanted answers, for examples, tests and training loops.
"""

import gzip
import math
import random
from collections.abc import Callable
from importlib import resources
from typing import TypeAlias

from autograd.text import number_within, whole_number

__all__ = ["circles", "digits", "gaussians", "moons", "spiral", "xor"]

# Called with the class (0 or 1), a point's index in its class and the size of that class;
# gives the place where the point would lie without noise.
_Shape: TypeAlias = Callable[[int, int, int], tuple[float, float]]

_Points: TypeAlias = tuple[list[list[float]], list[float]]

_DIGITS_FILE = "digits.csv.gz"
_DARKEST_PIXEL = 16


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> _Points:
    """Draw two half circles that reach into each other.

    With t running evenly from 0 to pi, both ends included, within each class:

        class 0: (cos t, sin t)
        class 1: (1 - cos t, 1/2 - sin t)

    Each coordinate then gets a normal deviate. The points come in shuffled order; for one n and
    seed, another noise moves the points but keeps their order.

    Args:
        n: Number of points, 1 or more. Class 0 has n // 2 of them, class 1 the others.
        noise: Standard deviation of the deviates, in the units of the plane, less than 1e300.
        seed: Start of the private random generator; the same seed gives the same points. As in
            ``random.Random``, its sign makes no difference.

    Returns:
        (X, d): X is a list of n points, each a list of 2 floats without units; d is a list of
        n floats, 0.0 or 1.0, the classes of the points.

    Raises:
        TypeError: If n or seed is no whole number, or noise no number (a bool is neither).
        ValueError: If n is below 1, or noise is negative, not finite or too large.

    Source: the ``make_moons`` generator of scikit-learn (same curves and spacing).
    """
    return _sample(_moon, n, noise, seed)


def circles(n: int = 100, noise: float = 0.1, seed: int = 0) -> _Points:
    """Draw two circles around the origin, one inside the other.

    With t running evenly from 0 up to, but without, 2 pi within each class:

        class 0: (cos t, sin t)
        class 1: (cos t, sin t) / 2

    Arguments, noise, result and errors are those of ``moons``.

    Source: the ``make_circles`` generator of scikit-learn, with its factor set to 0.5.
    """
    return _sample(_circle, n, noise, seed)


def xor(n: int = 100, noise: float = 0.1, seed: int = 0) -> _Points:
    """Draw four clusters at the corners of a square, opposite corners in one class.

    The classes are those of the exclusive or of "right" and "above":

        class 0: (-1, -1) and (1, 1), where the product of the coordinates is +1
        class 1: (-1, 1) and (1, -1), where the product of the coordinates is -1

    The corners of a class take turns, so their clusters differ by one point at most. The class is
    that of the corner, wherever the noise moves the point. Arguments, noise, result and errors are
    those of ``moons``.

    Source: M. Minsky and S. Papert, "Perceptrons", MIT Press, 1969 (the problem that no single
    linear unit solves).
    """
    return _sample(_xor_corner, n, noise, seed)


def spiral(n: int = 100, noise: float = 0.1, seed: int = 0) -> _Points:
    """Draw two spiral arms wound around each other.

    With the radius r running evenly from 1/4 to 3/2, both ends included, within each class:

        class 0: r (cos 2 pi r, sin 2 pi r)
        class 1: -r (cos 2 pi r, sin 2 pi r)

    An arm makes one turn and a quarter, and along any ray from the origin the two arms cross
    in turns, half a unit apart. Arguments, noise, result and errors are those of ``moons``.

    Source: K. J. Lang and M. J. Witbrock, "Learning to Tell Two Spirals Apart", Connectionist
    Models Summer School, 1988 (the problem; radii and turns are chosen here).
    """
    return _sample(_spiral_arm, n, noise, seed)


def gaussians(n: int = 100, noise: float = 0.5, seed: int = 0) -> _Points:
    """Draw two round normal clouds, which a straight line separates but for rare strays.

    With I the 2 by 2 identity matrix and s the noise:

        class 0: normal with mean (-1, -1) and covariance s^2 I
        class 1: normal with mean (1, 1) and covariance s^2 I

    The best border is the line x + y = 0, which errs on the fraction Phi(-sqrt(2) / s) of all
    points, Phi being the normal distribution function: 0.23 % for the noise of 0.5. Arguments,
    result and errors are those of ``moons``.

    Source: R. A. Fisher, "The Use of Multiple Measurements in Taxonomic Problems", Annals of
    Eugenics, 1936 (two classes of equal covariance, the setting of the linear discriminant).
    """
    return _sample(_gaussian_centre, n, noise, seed)


def digits() -> tuple[list[list[float]], list[int]]:
    """Read 1,797 handwritten digits of 8 by 8 pixels from the file that ships with the package.

    Pixel (row, column) of an image, both counted from 0, is entry 8 * row + column of its list:

        X[image][8 * row + column] = (inked points in a block of 4 by 4, 0 to 16) / 16

    Returns:
        (X, labels): X is a list of 1,797 images, each a list of 64 floats from 0.0 (paper) to
        1.0 (ink) in steps of 1/16; labels is a list of 1,797 ints from 0 to 9. Both are in the
        order of the source, and all lists are new at each call, so they may be changed freely.

    Raises:
        FileNotFoundError: If the package was installed without its data file.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, CC BY 4.0, https://doi.org/10.24432/C50P49 (the test part).
    """
    packed = (resources.files("nn") / "data" / _DIGITS_FILE).read_bytes()
    lines = gzip.decompress(packed).decode("ascii").splitlines()
    rows = [[int(field) for field in line.split(",")] for line in lines]
    images = [[pixel / _DARKEST_PIXEL for pixel in row[:-1]] for row in rows]
    return images, [row[-1] for row in rows]


def _moon(label: int, index: int, count: int) -> tuple[float, float]:
    angle = math.pi * _fraction(index, count)
    if label == 0:
        return math.cos(angle), math.sin(angle)
    return 1.0 - math.cos(angle), 0.5 - math.sin(angle)


def _circle(label: int, index: int, count: int) -> tuple[float, float]:
    angle = math.tau * index / count
    radius = (1.0, 0.5)[label]
    return radius * math.cos(angle), radius * math.sin(angle)


def _xor_corner(label: int, index: int, _count: int) -> tuple[float, float]:
    side = (-1.0, 1.0)[index % 2]
    return side, (side, -side)[label]


def _spiral_arm(label: int, index: int, count: int) -> tuple[float, float]:
    radius = 0.25 + 1.25 * _fraction(index, count)
    reach = (radius, -radius)[label]
    return reach * math.cos(math.tau * radius), reach * math.sin(math.tau * radius)


def _gaussian_centre(label: int, _index: int, _count: int) -> tuple[float, float]:
    return ((-1.0, -1.0), (1.0, 1.0))[label]


def _fraction(index: int, count: int) -> float:
    """Spread 0 .. count - 1 over 0 to 1, both ends included; a lone point sits at 0."""
    return index / max(count - 1, 1)


def _sample(shape: _Shape, n: int, noise: float, seed: int) -> _Points:
    """Place n points on a shape, half of them in each class, shuffle them and add the noise."""
    n = whole_number("n", n, advice="ask for at least one point, such as n=100")
    seed = whole_number("seed", seed, least=None, advice="start with any, such as seed=0")
    # No normal draw is as far as a hundred standard deviations out, so that with this bound every
    # coordinate stays a finite float.
    advice = "pass a standard deviation such as noise=0.1, or noise=0 for none"
    noise = number_within("noise", noise, 0.0, 1e300, advice)
    generator = random.Random(seed)
    rows = [
        (shape(label, index, count), float(label))
        for label, count in enumerate((n // 2, n - n // 2))
        for index in range(count)
    ]
    # Shuffling comes before the noise is drawn, so that the order does not hang on the noise.
    generator.shuffle(rows)
    points = [[value + generator.gauss(0.0, noise) for value in place] for place, _ in rows]
    return points, [label for _, label in rows]
