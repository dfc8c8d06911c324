"""ADBench's objectives in scalar code: held against their definitions in 50 digits, taken by other
routes (densities, determinants, exponentials of matrices), and against PyTorch where there is one.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import mpmath as mp
import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import adbench
import scalar

Instance = adbench.GMM | adbench.LSTM | adbench.BA | adbench.Hand

INSTANCES: dict[str, Instance] = {
    "gmm": adbench.make_gmm(d=3, k=2, n=4)._replace(gamma=1.3, m=2),
    "lstm": adbench.make_lstm(layers=2, characters=5, bits=3),
    "ba": adbench.make_ba(n=2, m=3, p=4),
    "hand": adbench.make_hand(2, vertices=9),
    "hand with us": adbench.make_hand(2, vertices=9, complicated=True),
}


def exact_gmm(alphas: Any, means: Any, icf: Any, x: Any, gamma: Any, m: Any) -> list[Any]:
    """The density of a mixture of normal distributions, and of their inverse covariances."""
    d = len(x[0])
    weights = [mp.exp(a) / sum(map(mp.exp, alphas)) for a in alphas]
    factors = []
    for entries in icf:
        q = mp.diag([mp.exp(e) for e in entries[:d]])
        below = [(row, column) for column in range(d) for row in range(column + 1, d)]
        for place, entry in zip(below, entries[d:]):
            q[place] = entry
        factors.append(q)
    total = mp.mpf(0)
    for point in x:
        density = mp.mpf(0)
        for weight, mean, q in zip(weights, means, factors):
            inverse_covariance = q.T * q
            apart = mp.matrix(point) - mp.matrix(mean)
            exponent = -(apart.T * inverse_covariance * apart)[0] / 2
            scale = mp.sqrt(mp.det(inverse_covariance / (2 * mp.pi)))
            density += weight * scale * mp.exp(exponent)
        total += mp.log(density)
    freedom = d + m + 1
    for q in factors:
        gammas = mp.pi ** (mp.mpf(d * (d - 1)) / 4)
        for j in range(1, d + 1):
            gammas *= mp.gamma((mp.mpf(freedom) + 1 - j) / 2)
        squares = sum(entry**2 for entry in q)
        total += gamma**2 * squares / 2 - m * mp.log(mp.det(q))
        total -= mp.log((gamma / mp.sqrt(2)) ** (freedom * d) / gammas)
    return [total]


def exact_lstm(main: Any, extra: Any, state: Any, sequence: Any) -> list[Any]:
    """The gates as the definition lists them: forget, input, output, change."""

    def sigmoid(x: Any) -> Any:
        return (1 + mp.tanh(x / 2)) / 2

    bits = len(sequence[0])
    state = [list(row) for row in state]
    total = mp.mpf(0)
    for t in range(len(sequence) - 1):
        x = [sequence[t][i] * extra[0][i] for i in range(bits)]
        for layer in range(0, len(state), 2):
            w, b = main[layer], main[layer + 1]
            h, c = state[layer], state[layer + 1]
            gates = [
                seen[i] * w[gate * bits + i] + b[gate * bits + i]
                for gate, seen in enumerate((x, h, x, h))
                for i in range(bits)
            ]
            f, g, o, a = (gates[k * bits : (k + 1) * bits] for k in range(4))
            c = [sigmoid(f[i]) * c[i] + sigmoid(g[i]) * mp.tanh(a[i]) for i in range(bits)]
            x = [sigmoid(o[i]) * mp.tanh(c[i]) for i in range(bits)]
            state[layer], state[layer + 1] = x, c
        y = [x[i] * extra[1][i] + extra[2][i] for i in range(bits)]
        norm = mp.log(2 + sum(map(mp.exp, y)))
        total += sum(sequence[t + 1][i] * (y[i] - norm) for i in range(bits))
    return [-total / (bits * (len(sequence) - 1))]


def rotation(axis: Any) -> Any:
    """The exponential of the matrix of a cross product."""
    x, y, z = axis
    return mp.expm(mp.matrix([[0, -z, y], [z, 0, -x], [-y, x, 0]]))


def exact_ba(cameras: Any, points: Any, weights: Any, observations: Any, features: Any) -> Any:
    errors = []
    for (i, j), weight, feature in zip(observations, weights, features):
        camera = cameras[i]
        seen = rotation(camera[:3]) * (mp.matrix(points[j]) - mp.matrix(camera[3:6]))
        flat = seen[:2] / seen[2]
        square = mp.norm(flat) ** 2
        flat *= camera[6] * (1 + camera[9] * square + camera[10] * square**2)
        errors += [weight * (flat[k] + camera[7 + k] - feature[k]) for k in range(2)]
    return errors + [1 - weight**2 for weight in weights]


def exact_hand(theta: Any, model: Any, correspondences: Any, points: Any, us: Any) -> Any:
    poses = [mp.eye(4) for _ in model.parents]
    for finger in range(5):
        first, bone = 6 + 4 * finger, 2 + 4 * finger  # the first of four bones does not bend
        for k, bend in enumerate((theta[first], theta[first + 2], theta[first + 3])):
            c, s = mp.cos(bend), mp.sin(bend)
            poses[bone + k] = mp.matrix([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]])
        c, s = mp.cos(theta[first + 1]), mp.sin(theta[first + 1])
        spread = mp.matrix([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        poses[bone] = spread * poses[bone]
    absolutes: list[Any] = []
    for parent, relative, pose in zip(model.parents, model.relatives, poses):
        absolute = mp.matrix(relative) * pose
        absolutes.append(absolute if parent == -1 else absolutes[parent] * absolute)
    moves = [a * mp.matrix(back) for a, back in zip(absolutes, model.inverse_absolutes)]
    whole, shift = rotation(theta[:3]), mp.matrix(theta[3:6])

    def vertex(number: int) -> Any:
        place = mp.zeros(4, 1)
        for move, weight in zip(moves, model.weights[number]):
            place += weight * (move * mp.matrix(model.positions[number]))
        return whole * place[:3] + shift

    errors = []
    for i, (number, point) in enumerate(zip(correspondences, points)):
        if us is None:
            place = vertex(number)
        else:
            a, b, c = map(vertex, model.triangles[number])
            place = us[i][0] * a + us[i][1] * b + (1 - us[i][0] - us[i][1]) * c
        errors += list(mp.matrix(point) - place)
    return errors


EXACT: dict[type, Callable[..., list[Any]]] = {
    adbench.GMM: exact_gmm,
    adbench.LSTM: exact_lstm,
    adbench.BA: exact_ba,
    adbench.Hand: exact_hand,
}
# The fields by which each is differentiated, in the order of its derivatives.
PARAMETERS: dict[type, list[str]] = {
    adbench.GMM: ["alphas", "means", "icf"],
    adbench.LSTM: ["main", "extra"],
    adbench.BA: ["cameras", "points", "weights"],
    adbench.Hand: ["us", "theta"],
}


def mapped(f: Callable[[Any], Any], numbers: Any) -> Any:
    """A function of every number in nested lists."""
    return [mapped(f, x) for x in numbers] if isinstance(numbers, list) else f(numbers)


def flat(numbers: Any) -> Iterable[Any]:
    if isinstance(numbers, list):
        for x in numbers:
            yield from flat(x)
    else:
        yield numbers


def moved(instance: Any, direction: dict[str, Any], step: Any) -> Any:
    """An instance whose parameters have gone a step in a direction, in many digits."""

    def along(numbers: Any, way: Any) -> Any:
        if isinstance(numbers, list):
            return [along(x, w) for x, w in zip(numbers, way)]
        return mp.mpf(numbers) + step * mp.mpf(way)

    places = {name: along(getattr(instance, name), way) for name, way in direction.items()}
    return EXACT[type(instance)](*instance._replace(**places))


def products(instance: Any, direction: dict[str, Any]) -> list[Any]:
    """Of each value the derivatives, times the direction in which each parameter goes."""
    rows = adbench.derivatives(instance)[1]
    if isinstance(instance, adbench.BA):
        ways = []
        for (i, j), w in zip(instance.observations, direction["weights"]):
            way = [*direction["cameras"][i], *direction["points"][j], w]
            ways += [way, way]
        ways += [[w] for w in direction["weights"]]
    elif isinstance(instance, adbench.Hand):
        us = direction.get("us")
        count = 3 * len(instance.points)
        ways = [[*(us[k // 3] if us else []), *direction["theta"]] for k in range(count)]
    else:
        ways = [list(flat(list(direction.values())))]
    rest = iter(rows)
    found = [sum(next(rest) * mp.mpf(w) for w in way) for way in ways]
    assert next(rest, None) is None
    return found


@pytest.mark.parametrize("name", INSTANCES)
def test_objectives_and_derivatives_have_their_digits(name: str) -> None:
    instance = INSTANCES[name]
    rng = random.Random(1)
    values = adbench.derivatives(instance)[0]
    with mp.workdps(50):
        assert values == pytest.approx(list(map(float, moved(instance, {}, 0))), rel=1e-12)
        for _ in range(2):
            direction = {
                name: mapped(lambda _: rng.gauss(0.0, 1.0), getattr(instance, name))
                for name in PARAMETERS[type(instance)]
                if getattr(instance, name) is not None
            }
            h = mp.mpf(10) ** -20
            ahead, behind = moved(instance, direction, h), moved(instance, direction, -h)
            slopes = [float((a - b) / (2 * h)) for a, b in zip(ahead, behind)]
            found = list(map(float, products(instance, direction)))
            assert found == pytest.approx(slopes, rel=1e-12, abs=1e-13 * max(map(abs, slopes)))


def test_numbers_alone_give_numbers() -> None:
    for name, instance in INSTANCES.items():
        objective = getattr(adbench, type(instance).__name__.lower())
        found = list(flat([*objective(*instance)] if name in ("ba",) else objective(*instance)))
        assert {type(x) for x in found} == {float}
        assert found == pytest.approx(adbench.derivatives(instance)[0], rel=1e-12)


def test_a_camera_that_is_not_turned() -> None:
    # At no rotation at all the derivatives are those of the cross product.
    camera = [0.0] * 3 + INSTANCES["ba"].cameras[0][3:]
    instance = INSTANCES["ba"]._replace(cameras=[camera] * 2)
    direction = {name: mapped(float, getattr(instance, name)) for name in ("points", "weights")}
    direction["cameras"] = [[0.3, -0.7, 0.4, *[0.1] * 8]] * 2
    with mp.workdps(50):
        h = mp.mpf(10) ** -20
        ahead, behind = moved(instance, direction, h), moved(instance, direction, -h)
        slopes = [float((a - b) / (2 * h)) for a, b in zip(ahead, behind)]
    assert list(map(float, products(instance, direction))) == pytest.approx(slopes, rel=1e-12)


@pytest.mark.parametrize("name", INSTANCES)
def test_derivatives_are_those_of_pytorch(name: str) -> None:
    pytest.importorskip("torch")
    import adbench_torch

    instance = INSTANCES[name]
    values, found = adbench.derivatives(instance)
    make = getattr(adbench_torch, type(instance).__name__.lower())
    steps = [make(instance)]
    if name in ("gmm", "lstm"):
        steps.append(make(instance, whole=True))
    for step in steps:
        same_values, same = step()
        assert values == pytest.approx(same_values, rel=1e-12)
        assert found == pytest.approx(same, rel=1e-12, abs=1e-13 * max(map(abs, same)))


# Files --------------------------------------------------------------------------------------------


def lines(*rows: Iterable[Any]) -> str:
    return "".join(" ".join(map(repr, row)) + "\n" for row in rows)


def test_files_of_adbench_are_read(tmp_path: Path) -> None:
    file = tmp_path / "instance.txt"
    gmm, lstm = INSTANCES["gmm"], INSTANCES["lstm"]
    head = lines([3, 2, 4], *([a] for a in gmm.alphas), *gmm.means, *gmm.icf)
    file.write_text(head + lines(*gmm.x, [gmm.gamma, gmm.m]), "utf-8")
    assert adbench.read_gmm(file) == gmm
    file.write_text(head + lines(gmm.x[0], [gmm.gamma, gmm.m]), "utf-8")
    assert adbench.read_gmm(file, replicated=True) == gmm._replace(x=[gmm.x[0]] * 4)

    blocks = [lines(*block) for block in lstm]
    file.write_text("\n".join([lines([2, 5, 3]), *blocks]), "utf-8")
    assert adbench.read_lstm(file) == lstm

    file.write_text("\n".join([lines([2, 5, 3]), *blocks[:-1]]), "utf-8")
    with pytest.raises(ValueError, match="expected 15 more numbers, and the file has 0"):
        adbench.read_lstm(file)

    ba = INSTANCES["ba"]
    one = [ba.cameras[0], ba.points[0], [ba.weights[0]], ba.features[0]]
    file.write_text(lines([2, 3, 4], *one), "utf-8")
    read = adbench.read_ba(file)
    assert read.cameras == [ba.cameras[0]] * 2 and read.features == [ba.features[0]] * 4
    assert read.observations == [(0, 0), (1, 1), (0, 2), (1, 0)]


def test_hands_of_adbench_are_read(tmp_path: Path) -> None:
    hand = INSTANCES["hand with us"]
    model = hand.model
    bones = []
    for i, parent in enumerate(model.parents):
        entries = [*flat(model.relatives[i]), *flat(model.inverse_absolutes[i])]
        bones.append(":".join([f"bone{i}", str(parent), *map(repr, entries)]))
    vertices = []
    for position, weights in zip(model.positions, model.weights):
        holding = [(bone, weight) for bone, weight in enumerate(weights) if weight]
        words = [*map(repr, position[:3]), *"00000", str(len(holding))]
        words += [word for bone, weight in holding for word in (str(bone), repr(weight))]
        vertices.append(":".join(words))
    triangles = [":".join(map(str, corners)) for corners in model.triangles]
    texts = {"bones.txt": bones, "vertices.txt": vertices, "triangles.txt": triangles}
    for name, text in texts.items():
        (tmp_path / name).write_text("\n".join(text) + "\n", "utf-8")
    file = tmp_path / "hand.txt"
    measured = [[number, *point] for number, point in zip(hand.correspondences, hand.points)]
    text = lines([2, 26], *measured, *hand.us, *([t] for t in hand.theta))
    file.write_text(text, "utf-8")
    assert adbench.read_hand(file, tmp_path, complicated=True) == hand


def test_derivatives_in_a_file_are_compared(tmp_path: Path) -> None:
    golden = tmp_path / "J.txt"
    golden.write_text("3 2\n1.0 2.0\n4.0\n", "utf-8")  # after what says the size of a sparse one
    assert adbench.read_golden(golden, 3) == [1.0, 2.0, 4.0]
    assert adbench.deviation([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]) == 0.25
    assert math.isnan(adbench.deviation([math.nan, 2.0], [1.0, 2.0]))
    with pytest.raises(ValueError, match="holds 5 numbers, and 6 were expected"):
        adbench.read_golden(golden, 6)


# The benchmark ------------------------------------------------------------------------------------


def test_a_chain_is_what_it_says() -> None:
    step = scalar.WORKLOADS["chain"].make("python", 2_000)  # here the core that runs anyway
    assert step() == pytest.approx([0.9999**1000], rel=1e-12)


def test_engines_that_disagree_are_not_compared() -> None:
    scalar.compare({"python": [1.0, 2.0], "torch": [1.0, 2.0 + 1e-12]}, "moons")
    with pytest.raises(RuntimeError, match="the derivatives of torch are not those of python"):
        scalar.compare({"python": [1.0, 2.0], "torch": [1.0, 2.1]}, "moons")
    with pytest.raises(RuntimeError, match="the derivatives of torch are not"):
        scalar.compare({"python": [1.0, 2.0], "torch": [1.0, math.nan]}, "moons")
