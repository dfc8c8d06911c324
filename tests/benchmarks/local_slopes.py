"""A scalar engine like microgpt's, to be measured against: a node keeps its local slopes.

Karpathy's microgpt (2026) has such an engine: no closures, four slots, operations of one and two
operands, a recursive topological sort. This one is written anew after that idea; the functions that
``demos/tiny_gpt.py`` takes from ``autograd`` are put together as microgpt puts its own together.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable
from typing import Any


class Value:
    """A number, its gradient, its operands, and how fast it changes with each of them."""

    __slots__ = ("_children", "_local_grads", "data", "grad")

    def __init__(self, data: float, children: Any = (), local_grads: Any = ()) -> None:
        self.data, self.grad = data, 0
        self._children, self._local_grads = children, local_grads

    def __add__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, other: float) -> Value:
        return Value(self.data**other, (self,), (other * self.data ** (other - 1),))

    def exp(self) -> Value:
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> Value:
        return Value(max(0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> Value:
        return self * -1

    def __radd__(self, other: Any) -> Value:
        return self + other

    def __sub__(self, other: Any) -> Value:
        return self + (-other)

    def __rsub__(self, other: Any) -> Value:
        return other + (-self)

    def __rmul__(self, other: Any) -> Value:
        return self * other

    def __truediv__(self, other: Any) -> Value:
        return self * other**-1

    def __rtruediv__(self, other: Any) -> Value:
        return other * self**-1

    def backward(self) -> None:
        order: list[Value] = []
        visited = set()

        def visit(node: Value) -> None:
            if node not in visited:
                visited.add(node)
                for child in node._children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1
        for node in reversed(order):
            for child, local_grad in zip(node._children, node._local_grads):
                child.grad += local_grad * node.grad


sum = builtins.sum


def dot(xs: Iterable[Any], ys: Iterable[Any]) -> Any:
    return sum(x * y for x, y in zip(xs, ys))


def relu(x: Value) -> Value:
    return x.relu()


def softmax(logits: list[Any]) -> list[Any]:
    shift = max(x.data for x in logits)
    powers = [(x - shift).exp() for x in logits]
    total = sum(powers)
    return [power / total for power in powers]


def logsumexp(logits: list[Any]) -> Value:
    shift = max(x.data for x in logits)
    return sum((x - shift).exp() for x in logits).log() + shift
