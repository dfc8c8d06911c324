"""ADBench's four objectives in PyTorch: what the scalar code of ``adbench`` is measured beside.

In the manner of ADBench's own modules for PyTorch: small tensors for the parts of an objective,
Python's loops and sums over points, steps and bones, and one sweep backward for each error. Where
``whole`` is asked for, sums and points are whole tensors instead, as far as the recurrence allows.
Each function takes an instance and gives a step: a call that computes objective and derivatives
anew, the derivatives in the order of ``adbench.derivatives``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from adbench import BA, FINGERS, GMM, LSTM, SMALL_ROTATION, Hand

Step = Callable[[], tuple[list[float], list[float]]]


def _tensor(numbers: Any, wanted: bool = False) -> Any:
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=wanted)


def _gradient(value: Any, parameters: list[Any]) -> list[float]:
    found = torch.autograd.grad(value, parameters, retain_graph=True)
    return torch.cat([part.flatten() for part in found]).tolist()


def gmm(instance: GMM, whole: bool = False) -> Step:
    alphas, means, icf = (_tensor(part, wanted=True) for part in instance[:3])
    x = _tensor(instance.x)
    (n, d), k, gamma, m = x.shape, len(alphas), instance.gamma, instance.m
    column, row = torch.tensor([*itertools.combinations(range(d), 2)], dtype=torch.int64).T
    freedom = d + m + 1
    constant = freedom * d * math.log(gamma / math.sqrt(2.0))
    constant -= torch.special.multigammaln(_tensor(0.5 * freedom), d).item()
    constant = -0.5 * n * d * math.log(2.0 * math.pi) - k * constant

    def step() -> tuple[list[float], list[float]]:
        logarithms, below = icf[:, :d], icf[:, d:]
        diagonal, determinant = torch.exp(logarithms), torch.sum(logarithms, 1)
        lower = torch.zeros(k, d, d, dtype=torch.float64)
        lower[:, row, column] = below
        centered = x[:, None] - means if whole else torch.stack([point - means for point in x])
        scaled = diagonal * centered + torch.einsum("kij,nkj->nki", lower, centered)
        exponents = alphas + determinant - 0.5 * torch.sum(scaled**2, 2)
        prior = 0.5 * gamma**2 * (torch.sum(diagonal**2) + torch.sum(below**2))
        value = torch.sum(torch.logsumexp(exponents, 1)) - n * torch.logsumexp(alphas, 0)
        value = value + prior - m * torch.sum(determinant) + constant
        return [value.item()], _gradient(value, [alphas, means, icf])

    return step


def lstm(instance: LSTM, whole: bool = False) -> Step:
    main, extra = _tensor(instance.main, wanted=True), _tensor(instance.extra, wanted=True)
    start, sequence = _tensor(instance.state), _tensor(instance.sequence)
    bits = sequence.shape[1]
    add = torch.sum if whole else sum

    def cell(weight: Any, bias: Any, hidden: Any, cells: Any, x: Any) -> tuple[Any, Any]:
        gates = torch.cat((x, hidden, x, hidden)) * weight + bias
        opened, change = torch.sigmoid(gates[: 3 * bits]), torch.tanh(gates[3 * bits :])
        cells = cells * opened[:bits] + opened[bits : 2 * bits] * change
        return opened[2 * bits :] * torch.tanh(cells), cells

    def loss(predicted: Any, wanted: Any) -> Any:
        norm = torch.log(2.0 + add(torch.exp(predicted)))
        return -add(wanted * (predicted - norm))

    def step() -> tuple[list[float], list[float]]:
        states, outputs = [*start], []
        for x in sequence[:-1]:
            x = x * extra[0]
            new = []
            for i in range(0, len(states), 2):
                new += cell(main[i], main[i + 1], states[i], states[i + 1], x)
                x = new[i]
            states = new
            outputs.append(x)
        if whole:
            predicted = torch.stack(outputs) * extra[1] + extra[2]
            norm = torch.log(2.0 + torch.sum(torch.exp(predicted), 1, keepdim=True))
            total = -torch.sum(sequence[1:] * (predicted - norm))
        else:
            total = sum(
                loss(x * extra[1] + extra[2], wanted) for x, wanted in zip(outputs, sequence[1:])
            )
        value = total / (len(outputs) * bits)
        return [value.item()], _gradient(value, [main, extra])

    return step


def ba(instance: BA) -> Step:
    cameras = [_tensor(camera, wanted=True) for camera in instance.cameras]
    points = [_tensor(point, wanted=True) for point in instance.points]
    weights = [_tensor(weight, wanted=True) for weight in instance.weights]
    features = _tensor(instance.features)

    def rotated(rotation: Any, point: Any) -> Any:
        square = torch.sum(rotation**2)
        if square == 0.0:
            return point + torch.linalg.cross(rotation, point)
        angle = torch.sqrt(square)
        cosine, axis = torch.cos(angle), rotation / angle
        along = torch.dot(axis, point) * (1.0 - cosine)
        return point * cosine + torch.linalg.cross(axis, point) * torch.sin(angle) + axis * along

    def errors_of(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        seen = rotated(camera[:3], point - camera[3:6])
        flat = seen[:2] / seen[2]
        square = torch.sum(flat**2)
        flat = flat * (1.0 + camera[9] * square + camera[10] * square * square)
        return weight * (flat * camera[6] + camera[7:9] - feature)

    def step() -> tuple[list[float], list[float]]:
        values, found = [], []
        for (i, j), weight, feature in zip(instance.observations, weights, features):
            for error in errors_of(cameras[i], points[j], weight, feature):
                values.append(error.item())
                found += _gradient(error, [cameras[i], points[j], weight])
        for weight in weights:
            error = 1.0 - weight**2
            values.append(error.item())
            found += _gradient(error, [weight])
        return values, found

    return step


def hand(instance: Hand) -> Step:
    theta = _tensor(instance.theta, wanted=True)
    us = None if instance.us is None else [_tensor(u, wanted=True) for u in instance.us]
    model, points = instance.model, _tensor(instance.points)
    relatives, inverses = _tensor(model.relatives), _tensor(model.inverse_absolutes)
    positions, weights = _tensor(model.positions), _tensor(model.weights)

    def bent(bend: Any, spread: Any) -> Any:
        about_x, about_z = torch.eye(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
        about_x[1, 1] = about_x[2, 2] = torch.cos(bend)
        about_x[2, 1] = torch.sin(bend)
        about_x[1, 2] = -about_x[2, 1]
        about_z[0, 0] = about_z[1, 1] = torch.cos(spread)
        about_z[1, 0] = torch.sin(spread)
        about_z[0, 1] = -about_z[1, 0]
        return about_z @ about_x

    def axis_angle(rotation: Any) -> Any:
        angle = torch.sqrt(torch.sum(rotation**2))
        if angle < SMALL_ROTATION:
            return torch.eye(3, dtype=torch.float64)
        x, y, z = axis = rotation / angle
        o = torch.zeros((), dtype=torch.float64)
        crossed = torch.stack([o, -z, y, z, o, -x, -y, x, o]).reshape(3, 3)
        outer = torch.outer(axis, axis)
        cosine = torch.cos(angle)
        return outer + (torch.eye(3) - outer) * cosine + crossed * torch.sin(angle)

    def vertices() -> Any:
        angles = torch.zeros(len(relatives), 2, dtype=torch.float64)
        for finger in range(FINGERS):
            first, bone = 6 + 4 * finger, 2 + 4 * finger
            angles[bone, 0], angles[bone, 1] = theta[first], theta[first + 1]
            angles[bone + 1, 0], angles[bone + 2, 0] = theta[first + 2], theta[first + 3]
        absolutes: list[Any] = []
        for parent, relative, angle in zip(model.parents, relatives, angles):
            absolute = relative @ bent(*angle)
            absolutes.append(absolute if parent == -1 else absolutes[parent] @ absolute)
        transforms = torch.stack([a @ b for a, b in zip(absolutes, inverses)])
        moved = torch.stack([transform @ positions.T for transform in transforms])
        skinned = torch.sum(moved * weights.T[:, None, :], 0)[:3]
        return (axis_angle(theta[:3]) @ skinned).T + theta[3:6]

    def step() -> tuple[list[float], list[float]]:
        places = vertices()
        values, found = [], []
        for i, (number, point) in enumerate(zip(instance.correspondences, points)):
            if us is None:
                place, parameters = places[number], [theta]
            else:
                a, b, c = (places[corner] for corner in model.triangles[number])
                u, v = us[i]
                place, parameters = u * a + v * b + (1.0 - u - v) * c, [us[i], theta]
            for error in point - place:
                values.append(error.item())
                found += _gradient(error, parameters)
        return values, found

    return step
