"""NumPy in the place of JAX, for machines without it: what the engine asks of JAX, and no more.

The engine for JAX is a function of ``jax.numpy`` that JAX compiles. Here NumPy runs it as it is, so
that its numbers are tested everywhere; compiling and devices need JAX itself.
"""

import contextlib
import functools
import math
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest


class JaxArray(np.ndarray):
    """An array with what JAX's have beyond NumPy's."""

    @property
    def at(self) -> Any:
        """``array.at[index].add(x)``: a changed copy."""
        return At(self)

    @property
    def addressable_shards(self) -> list[Any]:
        return [types.SimpleNamespace(device="numpy:0", data=self)]


class At:
    def __init__(self, array: JaxArray, index: Any = None) -> None:
        self.array, self.index = array, index

    def __getitem__(self, index: Any) -> "At":
        return At(self.array, index)

    def add(self, x: Any) -> JaxArray:
        changed = self.array.copy()
        np.add.at(changed, self.index, x)
        return changed


def jit(function: Callable[..., Any], compiler_options: Any = None) -> Callable[..., Any]:
    @functools.wraps(function)
    def quiet(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):  # JAX warns of nothing either
            return function(*arguments)

    return quiet


@contextlib.contextmanager
def enable_x64(on: bool = True) -> Iterator[None]:
    yield


def install(monkeypatch: pytest.MonkeyPatch, old: bool = False) -> None:
    """Let ``import jax`` find this module's: an old one has ``enable_x64`` at another place."""
    names = ("", ".numpy", ".sharding", ".scipy", ".scipy.special")
    modules = {name: types.ModuleType(f"jax{name}") for name in names}
    jax, jnp, sharding, scipy, special = modules.values()
    vars(scipy)["special"] = special
    for function in (math.erf, math.erfc):
        setattr(special, function.__name__, np.vectorize(function))
    vars(jnp).update({name: getattr(np, name) for name in np.__all__})
    for name in ("zeros", "concatenate"):
        make = getattr(np, name)
        setattr(jnp, name, lambda *a, make=make: make(*a).view(JaxArray))
    for name in ("Mesh", "NamedSharding", "PartitionSpec"):
        setattr(sharding, name, lambda *arguments: arguments)
    vars(jax).update(
        numpy=jnp,
        jit=jit,
        devices=lambda: ["numpy:0"],
        device_put=lambda array, layout: array.view(JaxArray),
    )
    place = jax
    if old:
        place = modules[".experimental"] = types.ModuleType("jax.experimental")
    vars(place)["enable_x64"] = enable_x64
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"jax{name}", module)
