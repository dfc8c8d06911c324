"""ADBench's four objectives in scalar code, data of its sizes, its files, and their gradients.

Srajer, Kukelova and Fitzgibbon, "A Benchmark of Selected Algorithmic Differentiation Tools on Some
Problems in Computer Vision and Machine Learning" (2018) defines them: a Gaussian mixture (``gmm``),
a language model (``lstm``), bundle adjustment (``ba``) and the tracking of a hand (``hand``). They
are functions of plain lists of any numbers, floats or Values, in ADBench's order of parameters; the
instances below are their arguments, from a seed or from ADBench's own files.

    python tests/benchmarks/adbench.py gmm gmm_d2_K5.txt --golden gmm_d2_K5_J_Manual.txt

prints the objective, and how far the derivatives are from those of a file that ADBench wrote.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import operator
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import autograd
from autograd import Value, grad

Vector = Sequence[Any]  # of floats or Values
Matrix = Sequence[Vector]
Jacobian = list[list[float]]

CAMERA = 11  # parameters of one: rotation 3, center 3, focal length, principal point 2, radial 2
FINGERS, JOINTS = 5, 4  # a finger has four bones, of which the first does not bend
THETA = 26  # parameters of a pose: rotation 3, translation 3, four angles for each finger
SMALL_ROTATION = 1e-4  # radians, below which a hand's global rotation counts as none


class GMM(NamedTuple):
    """K Gaussians and N points in D dimensions.

    Attributes:
        alphas: K logarithms of weights, of which only the differences matter.
        means: K x D.
        icf: K x D (D + 1) / 2: of a factor of each inverse covariance the logarithms of the
            diagonal, then what is below it, column by column.
        x: N x D.
        gamma, m: of the Wishart prior of the inverse covariances.
    """

    alphas: Vector
    means: Matrix
    icf: Matrix
    x: Matrix
    gamma: float
    m: int


class LSTM(NamedTuple):
    """L layers of B cells each, and C characters of B bits.

    Attributes:
        main: 2 L x 4 B: for each layer the weights and the biases of the four gates of its cells.
        extra: 3 x B: weights at the input, weights and biases at the output.
        state: 2 L x B: for each layer where its outputs and its cells begin.
        sequence: C x B.
    """

    main: Matrix
    extra: Matrix
    state: Matrix
    sequence: Matrix


class BA(NamedTuple):
    """N cameras, M points, P observations.

    Attributes:
        cameras: N x 11.
        points: M x 3.
        weights: P.
        observations: P pairs of the number of a camera and the number of a point.
        features: P x 2: where the camera saw the point.
    """

    cameras: Matrix
    points: Matrix
    weights: Vector
    observations: Sequence[tuple[int, int]]
    features: Matrix


class HandModel(NamedTuple):
    """A hand at rest: B bones, V vertices.

    Attributes:
        parents: B numbers of bones, each of one that came before, or -1.
        relatives: B matrices 4 x 4: the place of a bone in the frame of its parent.
        inverse_absolutes: B matrices 4 x 4: back from there to the frame of the hand at rest.
        positions: V x 4, homogeneous.
        weights: V x B: how much of a vertex goes with which bone.
        triangles: triples of vertices.
    """

    parents: Sequence[int]
    relatives: Sequence[Matrix]
    inverse_absolutes: Sequence[Matrix]
    positions: Matrix
    weights: Matrix
    triangles: Sequence[Sequence[int]]


class Hand(NamedTuple):
    """A pose of a hand, and N points that were measured.

    Attributes:
        theta: 26.
        model: the hand.
        correspondences: N numbers of vertices, or of triangles where there are ``us``.
        points: N x 3.
        us: N x 2, where in its triangle each point lies; None in the simple variant.
    """

    theta: Vector
    model: HandModel
    correspondences: Sequence[int]
    points: Matrix
    us: Matrix | None = None


# The objectives -----------------------------------------------------------------------------------


def gmm(alphas: Vector, means: Matrix, icf: Matrix, x: Matrix, gamma: float, m: int) -> Any:
    """The logarithm of the posterior density of a mixture; arguments as in ``GMM``."""
    n, d, k = len(x), len(x[0]), len(alphas)
    columns = [*zip(*x)]  # long loops of one expression are those that Python runs best
    exponents, prior = [], []
    for alpha, mean, factor in zip(alphas, means, icf):
        logarithms, below = factor[:d], factor[d:]
        diagonal = [autograd.exp(q) for q in logarithms]
        determinant = autograd.sum(logarithms)
        squares = autograd.sum([q * q for q in (*diagonal, *below)])
        prior.append(0.5 * gamma**2 * squares - m * determinant)
        centered = [[a - b for a in column] for column, b in zip(columns, mean)]
        powers = [alpha + determinant] * n
        for row in _rows(diagonal, below):
            # The half of a square goes into what is squared, once for all points.
            first, *others = [math.sqrt(0.5) * q for q in row]
            scaled = [first * a for a in centered[0]]
            for q, column in zip(others, centered[1:]):
                scaled = [y + q * a for y, a in zip(scaled, column)]
            powers = [power - y * y for power, y in zip(powers, scaled)]
        exponents.append(powers)
    terms = [autograd.logsumexp(of_a_point) for of_a_point in zip(*exponents)]
    # The multivariate logarithm of the gamma function, which normalizes the prior.
    freedom = d + m + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi)
    log_gamma += sum(math.lgamma((freedom - j) / 2) for j in range(d))
    constant = freedom * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma
    constant = -n * d / 2 * math.log(2 * math.pi) - k * constant
    return autograd.sum([*terms, *prior]) - n * autograd.logsumexp(alphas) + constant


def _rows(diagonal: Vector, below: Vector) -> list[list[Any]]:
    """The rows of a lower triangular matrix, of which ``below`` has what is under the diagonal."""
    rows: list[list[Any]] = [[] for _ in diagonal]
    rest = iter(below)
    for column, entry in enumerate(diagonal):
        rows[column].append(entry)
        for row in rows[column + 1 :]:
            row.append(next(rest))
    return rows


def _dot(xs: Iterable[Any], ys: Iterable[Any]) -> Any:
    """The sum of products of short vectors, by Python's operators as they are."""
    return functools.reduce(operator.add, map(operator.mul, xs, ys))


def lstm(main: Matrix, extra: Matrix, state: Matrix, sequence: Matrix) -> Any:
    """The mean loss of predicting each character from those before; arguments as in ``LSTM``.

    A cell sees nothing but itself: weights are numbers, not matrices. The sum of exponentials
    begins with 2, which ADBench's definition says, and all of its implementations.
    """
    bits = len(sequence[0])
    layers = [
        # Of each cell the weights and the biases of forget, input, output and change.
        [[*w[i::bits], *b[i::bits]] for i in range(bits)]
        for w, b in zip(main[::2], main[1::2])
    ]
    hidden, cells = [[*row] for row in state[::2]], [[*row] for row in state[1::2]]
    sigmoid, tanh = autograd.sigmoid, autograd.tanh
    losses = []
    for given, wanted in itertools.pairwise(sequence):
        x = [a * w for a, w in zip(given, extra[0])]
        for layer, h, c in zip(layers, hidden, cells):
            for i, (wf, wi, wo, wc, bf, bi, bo, bc) in enumerate(layer):
                kept = c[i] * sigmoid(x[i] * wf + bf)
                c[i] = kept + sigmoid(h[i] * wi + bi) * tanh(h[i] * wc + bc)
                h[i] = sigmoid(x[i] * wo + bo) * tanh(c[i])
            x = h
        predicted = [a * w + b for a, w, b in zip(x, extra[1], extra[2])]
        norm = autograd.logsumexp([math.log(2.0), *predicted])
        right = autograd.sum([p * w for p, w in zip(predicted, wanted)])
        losses.append(sum(wanted) * norm - right)
    return autograd.sum(losses) / (len(losses) * bits)


def ba(
    cameras: Matrix,
    points: Matrix,
    weights: Vector,
    observations: Sequence[tuple[int, int]],
    features: Matrix,
) -> tuple[list[Any], list[Any]]:
    """2 P reprojection errors and P errors of the weights; arguments as in ``BA``."""
    errors: list[Any] = []
    for (camera, point), weight, feature in zip(observations, weights, features):
        errors += reprojection_error(cameras[camera], points[point], weight, feature)
    return errors, [weight_error(weight) for weight in weights]


def reprojection_error(camera: Vector, point: Vector, weight: Any, feature: Vector) -> list[Any]:
    """How far a camera sees a point from a feature: 2 numbers, times a weight."""
    rotation, center, radial = camera[:3], camera[3:6], camera[9:]
    focal, principal = camera[6], camera[7:9]
    x, y, z = _rotated(rotation, [a - b for a, b in zip(point, center)])
    x, y = x / z, y / z
    square = x * x + y * y
    distortion = 1.0 + radial[0] * square + radial[1] * square * square
    projected = [a * distortion * focal + b for a, b in zip((x, y), principal)]
    return [weight * (a - b) for a, b in zip(projected, feature)]


def weight_error(weight: Any) -> Any:
    """What keeps a weight from becoming 0."""
    return 1.0 - weight * weight


def _rotated(rotation: Vector, point: Vector) -> list[Any]:
    """A point turned about an axis by an angle, the length of ``rotation`` (Rodrigues)."""
    square = _dot(rotation, rotation)
    if not square > 0.0:
        return [p + q for p, q in zip(point, _cross(rotation, point))]
    angle = autograd.sqrt(square)
    cosine, sine, inverse = autograd.cos(angle), autograd.sin(angle), 1.0 / angle
    axis = [r * inverse for r in rotation]
    along = _dot(axis, point) * (1.0 - cosine)
    turned = zip(point, _cross(axis, point), axis)
    return [p * cosine + q * sine + a * along for p, q, a in turned]


def _cross(a: Vector, b: Vector) -> list[Any]:
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]


def hand(
    theta: Vector,
    model: HandModel,
    correspondences: Sequence[int],
    points: Matrix,
    us: Matrix | None = None,
) -> list[Any]:
    """3 N distances of a hand from the points that were measured; arguments as in ``Hand``."""
    transforms = _transforms(theta, model)
    rotation, translation = _axis_angle(theta[:3]), theta[3:6]
    placed: dict[int, list[Any]] = {}

    def vertex(number: int) -> list[Any]:
        """Where a vertex is: only those that are asked for are computed."""
        if number not in placed:
            skinned = _skinned(transforms, model.weights[number], model.positions[number])
            turned = [_sparse_dot(row, skinned) for row in rotation]
            placed[number] = [a + b for a, b in zip(turned, translation)]
        return placed[number]

    errors: list[Any] = []
    for i, (number, point) in enumerate(zip(correspondences, points)):
        if us is None:
            place = vertex(number)
        else:
            u, v = us[i]
            corners = [vertex(k) for k in model.triangles[number]]
            shares = (u, v, 1.0 - u - v)
            place = [_sparse_dot(shares, coordinates) for coordinates in zip(*corners)]
        errors += [a - b for a, b in zip(point, place)]
    return errors


def _transforms(theta: Vector, model: HandModel) -> list[Matrix]:
    """How each bone moves what is attached to it, from rest to the pose: 4 x 4."""
    angles: list[tuple[Any, Any]] = [(0.0, 0.0)] * len(model.parents)  # the wrist is the first
    for finger in range(FINGERS):
        first, bone = 6 + 4 * finger, 2 + JOINTS * finger
        bend, spread, *others = theta[first : first + 4]
        angles[bone : bone + 3] = [(bend, spread), *((other, 0.0) for other in others)]
    absolutes: list[Matrix] = []
    for parent, relative, (bend, spread) in zip(model.parents, model.relatives, angles):
        absolute = _product(relative, _bent(bend, spread))
        absolutes.append(absolute if parent == -1 else _product(absolutes[parent], absolute))
    return [_product(a, b) for a, b in zip(absolutes, model.inverse_absolutes)]


def _bent(bend: Any, spread: Any) -> Matrix:
    """A rotation about z by ``spread`` after one about x by ``bend``: 4 x 4."""
    c, s = autograd.cos(bend), autograd.sin(bend)
    d, t = autograd.cos(spread), autograd.sin(spread)
    return [
        [d, -_sparse_dot([t], [c]), _sparse_dot([t], [s]), 0.0],
        [t, _sparse_dot([d], [c]), -_sparse_dot([d], [s]), 0.0],
        [0.0, s, c, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]


def _axis_angle(rotation: Vector) -> Matrix:
    """The rotation about an axis by an angle, the length of the vector: 3 x 3."""
    angle = autograd.sqrt(_dot(rotation, rotation))
    if angle < SMALL_ROTATION:
        return [[float(i == j) for j in range(3)] for i in range(3)]
    x, y, z = (r / angle for r in rotation)
    s, c = autograd.sin(angle), autograd.cos(angle)
    rest = 1.0 - c
    return [
        [x * x + (1.0 - x * x) * c, x * y * rest - z * s, x * z * rest + y * s],
        [x * y * rest + z * s, y * y + (1.0 - y * y) * c, y * z * rest - x * s],
        [x * z * rest - y * s, y * z * rest + x * s, z * z + (1.0 - z * z) * c],
    ]


def _skinned(transforms: Sequence[Matrix], weights: Vector, position: Vector) -> list[Any]:
    """Where the bones take a vertex, each by its weight: 3 numbers."""
    attached = [(t, [w * p for p in position]) for t, w in zip(transforms, weights) if w]
    return [
        _sparse_dot(
            [x for t, _ in attached for x in t[i]], [p for _, share in attached for p in share]
        )
        for i in range(3)
    ]


def _product(a: Matrix, b: Matrix) -> Matrix:
    columns = [*zip(*b)]
    return [[_sparse_dot(row, column) for column in columns] for row in a]


def _sparse_dot(xs: Vector, ys: Vector) -> Any:
    """The sum of products, without those by a constant 0 or 1, of which transforms are full."""
    terms = []
    for x, y in zip(xs, ys):
        if x == 0.0 or y == 0.0:  # which no Value is: it equals itself alone
            continue
        terms.append(y if x == 1.0 else x if y == 1.0 else x * y)
    return autograd.sum(terms) if len(terms) > 1 else terms[0] if terms else 0.0


# Their derivatives --------------------------------------------------------------------------------


def _leaves(numbers: Matrix) -> list[list[Value]]:
    return [[Value(x) for x in row] for row in numbers]


def _flat(*matrices: Iterable[Vector]) -> list[Any]:
    return [x for matrix in matrices for row in matrix for x in row]


def gmm_gradient(instance: GMM) -> tuple[float, list[float]]:
    """The objective, and its derivatives by alphas, means and icf, in this order."""
    [alphas], means = _leaves([instance.alphas]), _leaves(instance.means)
    icf = _leaves(instance.icf)
    value = gmm(alphas, means, icf, instance.x, instance.gamma, instance.m)
    value.backward()
    return value.data, [leaf.grad for leaf in _flat([alphas], means, icf)]


def lstm_gradient(instance: LSTM) -> tuple[float, list[float]]:
    """The objective, and its derivatives by main and extra, in this order."""
    main, extra = _leaves(instance.main), _leaves(instance.extra)
    value = lstm(main, extra, instance.state, instance.sequence)
    value.backward()
    return value.data, [leaf.grad for leaf in _flat(main, extra)]


def ba_jacobian(instance: BA) -> tuple[list[float], Jacobian]:
    """All errors, and of each the derivatives that are not 0 by all structure.

    An error of reprojection has 15, by its camera, its point and its weight, and an error of a
    weight has 1: what ADBench keeps of the sparse Jacobian, row by row.
    """
    cameras, points = _leaves(instance.cameras), _leaves(instance.points)
    [weights] = _leaves([instance.weights])
    errors, of_weights = ba(cameras, points, weights, instance.observations, instance.features)
    rows = []
    for i, error in enumerate(errors):
        camera, point = instance.observations[i // 2]
        rows.append([*grad(error, [*cameras[camera], *points[point], weights[i // 2]])])
    rows += [[*grad(error, [weight])] for error, weight in zip(of_weights, weights)]
    return [e.data for e in (*errors, *of_weights)], rows


def hand_jacobian(instance: Hand) -> tuple[list[float], Jacobian]:
    """3 N errors, and of each the derivatives by its two ``us``, if there are, and by theta."""
    theta = [Value(t) for t in instance.theta]
    us = None if instance.us is None else _leaves(instance.us)
    errors, rows = hand(theta, *instance[1:4], us), []
    for i, error in enumerate(errors):
        rows.append([*grad(error, theta if us is None else [*us[i // 3], *theta])])
    return [error.data for error in errors], rows


def derivatives(instance: GMM | LSTM | BA | Hand) -> tuple[list[float], list[float]]:
    """Objectives and derivatives of any instance, as ADBench's files list them, row by row."""
    if isinstance(instance, (GMM, LSTM)):
        of_one = gmm_gradient if isinstance(instance, GMM) else lstm_gradient
        value, gradient = of_one(instance)  # type: ignore[arg-type]
        return [value], gradient
    of_many = ba_jacobian if isinstance(instance, BA) else hand_jacobian
    values, rows = of_many(instance)  # type: ignore[arg-type]
    return values, _flat(rows)


# Instances from a seed ----------------------------------------------------------------------------


def make_gmm(d: int = 2, k: int = 5, n: int = 1_000, seed: int = 0) -> GMM:
    """As ADBench's gmm_d2_K5 of n = 1k: normal numbers, and means between 0 and 1."""
    rng = random.Random(seed)

    def normal() -> float:
        return rng.gauss(0.0, 1.0)

    [alphas], means = _drawn(normal, 1, k), _drawn(rng.random, k, d)
    icf, x = _drawn(normal, k, d * (d + 1) // 2), _drawn(normal, n, d)
    return GMM(alphas, means, icf, x, gamma=1.0, m=0)


def make_lstm(layers: int = 2, characters: int = 1_024, bits: int = 14, seed: int = 0) -> LSTM:
    """As ADBench's lstm_l2_c1024: parameters between 0 and 1, and a text as bits."""
    rng = random.Random(seed)
    codes = [rng.randrange(32, 127) % 2**bits for _ in range(characters)]
    sequence = [[float(code >> i & 1) for i in reversed(range(bits))] for code in codes]
    main, extra = _drawn(rng.random, 2 * layers, 4 * bits), _drawn(rng.random, 3, bits)
    return LSTM(main, extra, _drawn(rng.random, 2 * layers, bits), sequence)


def make_ba(n: int = 21, m: int = 500, p: int = 1_000, seed: int = 0) -> BA:
    """A small one in ADBench's manner: cameras and points take turns. All are at random places."""
    rng = random.Random(seed)
    ranges = [*[(-1.0, 1.0)] * 3, *[(-9.0, -5.0)] * 3, (100.0, 400.0), *[(-5.0, 5.0)] * 2]
    ranges += [(-0.1, 0.1)] * 2
    cameras = [[rng.uniform(*ends) for ends in ranges] for _ in range(n)]
    points = _drawn(lambda: rng.uniform(0.0, 4.0), m, 3)
    [weights], features = _drawn(rng.random, 1, p), _drawn(lambda: rng.uniform(-9.0, 9.0), p, 2)
    return BA(cameras, points, weights, [(i % n, i % m) for i in range(p)], features)


def make_hand(n: int = 100, vertices: int = 544, complicated: bool = False, seed: int = 0) -> Hand:
    """As ADBench's hand1_t26_c100: a wrist, five fingers of four bones, and a forearm.

    One bone holds a vertex, or two or three.
    """
    rng = random.Random(seed)

    def place() -> float:
        return rng.uniform(-0.5, 0.5)

    fingers = range(FINGERS * JOINTS)
    parents = [-1, *[0 if bone % JOINTS == 0 else bone for bone in fingers], 0]
    relatives: list[Matrix] = []
    inverses: list[Matrix] = []
    last = [0.0, 0.0, 0.0, 1.0]
    for parent in parents:
        [axis, shift] = _drawn(place, 2, 3)
        turn = _axis_angle(axis)
        relatives.append([*[[*row, s] for row, s in zip(turn, shift)], last])
        # The inverse of a rotation is its transpose.
        back: Matrix = [*[[*row, -_sparse_dot(row, shift)] for row in zip(*turn)], last]
        inverses.append(back if parent == -1 else _product(back, inverses[parent]))
    weights = []
    for _ in range(vertices):
        holding = {rng.randrange(len(parents)): rng.random() for _ in range(rng.randint(1, 3))}
        total = sum(holding.values())
        weights.append([holding.get(bone, 0.0) / total for bone in range(len(parents))])
    positions = [[*position, 1.0] for position in _drawn(place, vertices, 3)]
    triangles = [rng.sample(range(vertices), 3) for _ in range(2 * vertices)]
    model = HandModel(parents, relatives, inverses, positions, weights, triangles)
    numbers = [rng.randrange(len(triangles if complicated else positions)) for _ in range(n)]
    us = _drawn(lambda: rng.uniform(0.0, 0.5), n, 2) if complicated else None
    [theta], points = _drawn(lambda: rng.uniform(-1.0, 1.0), 1, THETA), _drawn(place, n, 3)
    return Hand(theta, model, numbers, points, us)


def _drawn(draw: Callable[[], float], rows: int, columns: int) -> list[list[float]]:
    return [[draw() for _ in range(columns)] for _ in range(rows)]


# ADBench's files ----------------------------------------------------------------------------------


def _numbers(path: Path) -> Iterator[str]:
    return iter(path.read_text(encoding="utf-8").split())


def _taken(words: Iterator[str], rows: int, columns: int) -> list[list[float]]:
    """The next numbers of a file.

    Raises:
        ValueError: if it has no more, or something else comes, as the text of older files.
    """
    taken = [*itertools.islice(words, rows * columns)]
    if len(taken) < rows * columns:
        raise ValueError(f"expected {rows * columns} more numbers, and the file has {len(taken)}")
    numbers = [*map(float, taken)]
    return [numbers[i : i + columns] for i in range(0, len(numbers), columns)]


def read_gmm(path: Path, replicated: bool = False) -> GMM:
    """A file of ADBench; ``replicated`` if it holds one point, which stands for all."""
    words = _numbers(path)
    d, k, n = (int(next(words)) for _ in range(3))
    alphas, means = _taken(words, 1, k)[0], _taken(words, k, d)
    icf = _taken(words, k, d * (d + 1) // 2)
    x = _taken(words, 1, d) * n if replicated else _taken(words, n, d)
    return GMM(alphas, means, icf, x, float(next(words)), int(next(words)))


def read_lstm(path: Path) -> LSTM:
    """A file of ADBench, of which the sequence is written in numbers."""
    words = _numbers(path)
    layers, characters, bits = (int(next(words)) for _ in range(3))
    shapes = [(2 * layers, 4 * bits), (3, bits), (2 * layers, bits), (characters, bits)]
    return LSTM(*[_taken(words, *shape) for shape in shapes])


def read_ba(path: Path) -> BA:
    """A file of ADBench: one camera, point, weight and feature, which stand for all."""
    words = _numbers(path)
    n, m, p = (int(next(words)) for _ in range(3))
    cameras, points = _taken(words, 1, CAMERA) * n, _taken(words, 1, 3) * m
    weights, features = _taken(words, 1, 1)[0] * p, _taken(words, 1, 2) * p
    return BA(cameras, points, weights, [(i % n, i % m) for i in range(p)], features)


def read_hand_model(folder: Path) -> HandModel:
    """ADBench's bones.txt, vertices.txt and triangles.txt."""

    def lines(name: str) -> list[list[str]]:
        text = (folder / name).read_text(encoding="utf-8")
        return [line.rstrip(":").split(":") for line in text.split("\n") if line.strip()]

    bones, vertices = lines("bones.txt"), lines("vertices.txt")
    weights = []
    for line in vertices:
        pairs = line[9 : 9 + 2 * int(line[8])]
        holding = {int(bone): float(weight) for bone, weight in zip(pairs[::2], pairs[1::2])}
        weights.append([holding.get(bone, 0.0) for bone in range(len(bones))])
    return HandModel(
        [int(line[1]) for line in bones],
        [_taken(iter(line[2:18]), 4, 4) for line in bones],
        [_taken(iter(line[18:34]), 4, 4) for line in bones],
        [[*map(float, line[:3]), 1.0] for line in vertices],
        weights,
        [[int(corner) for corner in line] for line in lines("triangles.txt")],
    )


def read_hand(path: Path, folder: Path, complicated: bool = False) -> Hand:
    """A file of ADBench with the folder of its model; ``complicated`` if it holds ``us``."""
    words = _numbers(path)
    n, parameters = int(next(words)), int(next(words))
    measured = [(int(next(words)), _taken(words, 1, 3)[0]) for _ in range(n)]
    us = _taken(words, n, 2) if complicated else None
    theta = _taken(words, 1, parameters)[0]
    numbers, points = [number for number, _ in measured], [point for _, point in measured]
    return Hand(theta, read_hand_model(folder), numbers, points, us)


def read_golden(path: Path, count: int) -> list[float]:
    """The derivatives in a Jacobian's file of ADBench: its last numbers, row by row.

    Raises:
        ValueError: if it holds fewer than ``count``.
    """
    words = path.read_text(encoding="utf-8").split()
    if len(words) < count:
        raise ValueError(f"{path} holds {len(words)} numbers, and {count} were expected")
    return [float(word) for word in words[-count:]]


def deviation(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest difference of two vectors, relative to the largest number of the second."""
    if len(ours) != len(theirs):
        raise ValueError(f"expected {len(theirs)} numbers, got {len(ours)}")
    apart = [abs(a - b) for a, b in zip(ours, theirs)]
    return math.nan if any(map(math.isnan, apart)) else max(apart) / max(map(abs, theirs))


READERS: dict[str, Callable[[argparse.Namespace], GMM | LSTM | BA | Hand]] = {
    "gmm": lambda options: read_gmm(options.data, options.replicated),
    "lstm": lambda options: read_lstm(options.data),
    "ba": lambda options: read_ba(options.data),
    "hand": lambda options: read_hand(options.data, options.model, options.complicated),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("objective", choices=READERS)
    parser.add_argument("data", type=Path, help="a file in ADBench's format")
    parser.add_argument("--replicated", action="store_true", help="gmm: one point stands for all")
    parser.add_argument("--complicated", action="store_true", help="hand: the file holds us")
    parser.add_argument("--model", type=Path, help="hand: the folder of its model")
    parser.add_argument("--golden", type=Path, help="a file of derivatives to compare with")
    options = parser.parse_args()
    if options.objective == "hand" and options.model is None:
        parser.error("hand needs --model, the folder of bones.txt, vertices.txt and triangles.txt")
    values, found = derivatives(READERS[options.objective](options))
    print("core:", autograd.core.NAME)
    print("objective:", *map(repr, values[:6]), "..." if len(values) > 6 else "")
    print(f"{len(found)} derivatives:", *map(repr, found[:6]), "..." if len(found) > 6 else "")
    if options.golden:
        golden = read_golden(options.golden, len(found))
        print(f"differ from those of the file by {deviation(found, golden):.1e} of the largest")


if __name__ == "__main__":
    main()
