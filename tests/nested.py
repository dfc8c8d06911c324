"""Random derivatives inside derivatives, against sympy or JAX: a wrong number ends it.

    python tests/nested.py --count 1000 --seed 0 --against sympy

An expression is drawn as nested tuples: arithmetic on the variables of all functions around it,
and derivatives of inner functions at points that are expressions as well, by each tool of calculus
and by ``grad(create_graph=True)``. The peer differentiates it in its own way: sympy by formulas,
JAX by its own transformations. The suite draws some of them: see ``test_nested_derivatives.py``.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable
from typing import Any

import autograd
from autograd import Value, derivative, directional_derivative, grad, gradient, hessian, hvp, jvp

UNARY = ["sin", "cos", "tanh", "atan", "square"]
INNER = ["derivative", "second", "gradient", "along", "jvp", "hvp", "hessian", "grad"]
Drawn = tuple[Any, ...]


def draw(rng: random.Random, names: tuple[str, ...], depth: int, nesting: int) -> Drawn:
    """An expression in the variables of some names.

    Args:
        rng: what to draw with.
        names: the variables that there are.
        depth: how deep its arithmetic may be.
        nesting: how many functions may still be differentiated inside of one another.
    """
    if nesting and rng.random() < 0.5:
        kind = rng.choice(INNER)
        inner = (f"y{len(names)}",)
        if kind not in ("derivative", "second", "grad"):
            inner += (f"y{len(names) + 1}",)
        bodies = tuple(
            draw(rng, names + inner, depth, nesting - 1) for _ in range(2 if kind == "jvp" else 1)
        )
        at, v = (tuple(draw(rng, names, 1, 0) for _ in inner) for _ in range(2))
        return kind, inner, bodies, at, v
    if depth == 0 or rng.random() < 0.1:
        return (
            ("name", rng.choice(names)) if rng.random() < 0.8 else ("number", rng.choice(NUMBERS))
        )
    if rng.random() < 0.4:
        return rng.choice(UNARY), draw(rng, names, depth - 1, nesting)
    two = (draw(rng, names, depth - 1, nesting) for _ in range(2))
    return rng.choice(["+", "-", "*", "*"]), *two


NUMBERS = [0.5, -1.25, 2.0]


def arithmetic(e: Drawn, env: dict[str, Any], ev: Callable[..., Any], functions: Any) -> Any:
    """What every language writes alike; None for a derivative."""
    if e[0] == "name":
        return env[e[1]]
    if e[0] == "number":
        return e[1]
    if e[0] == "square":
        x = ev(e[1], env)
        return x * x
    if e[0] in UNARY:
        return getattr(functions, e[0])(ev(e[1], env))
    if e[0] in ("+", "-", "*"):
        x, y = ev(e[1], env), ev(e[2], env)
        return x + y if e[0] == "+" else x - y if e[0] == "-" else x * y
    return None


def ours(e: Drawn, env: dict[str, Any]) -> Any:
    """The number, or the Value, by autograd."""
    found = arithmetic(e, env, ours, autograd)
    if found is not None:
        return found
    kind, names, bodies, at, v = e
    point, along = [ours(x, env) for x in at], [ours(x, env) for x in v]

    def f(*xs: Value) -> Value:
        return value(ours(bodies[0], env | dict(zip(names, xs))))

    def g(*xs: Value) -> list[Value]:
        return [value(ours(body, env | dict(zip(names, xs)))) for body in bodies]

    if kind == "derivative":
        return derivative(f, point[0])
    if kind == "second":
        return derivative(f, point[0], 2)
    if kind == "gradient":
        return autograd.sum(gradient(f, point))
    if kind == "along":
        return directional_derivative(f, point, along)
    if kind == "jvp":
        return autograd.sum(jvp(g, point, along))
    if kind == "hvp":
        return autograd.sum(hvp(f, point, along))
    if kind == "hessian":
        return autograd.sum(x for row in hessian(f, point) for x in row)
    variable = point[0] * 1.0 if isinstance(point[0], Value) else Value(point[0])
    return grad(f(variable), [variable], create_graph=True)[0]


def value(x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x)


def sympys(e: Drawn, env: dict[str, Any]) -> Any:
    """The formula by sympy."""
    import sympy

    if e[0] == "number":
        return sympy.Rational(e[1])
    found = arithmetic(e, env, sympys, sympy)
    if found is not None:
        return found
    kind, names, bodies, at, v = e
    new = [sympy.Dummy(name) for name in names]
    point, along = ([sympys(x, env) for x in xs] for xs in (at, v))
    formulas = [sympys(body, env | dict(zip(names, new))) for body in bodies]
    first = [[sympy.diff(f, x) for x in new] for f in formulas]
    second = [[sympy.diff(s, x) for x in new] for s in first[0]]
    if kind in ("derivative", "grad", "gradient"):
        total = sum(first[0])
    elif kind in ("second", "hessian"):
        total = sum(sum(row) for row in second)
    elif kind == "hvp":
        total = sum(s * d for row in second for s, d in zip(row, along))
    else:
        total = sum(s * d for row in first for s, d in zip(row, along))
    return sympy.sympify(total).subs(dict(zip(new, point)), simultaneous=True)


def jaxs(e: Drawn, env: dict[str, Any]) -> Any:
    """The number, or the tracer, by JAX."""
    import jax
    import jax.numpy as jnp

    if e[0] == "atan":
        return jnp.arctan(jaxs(e[1], env))
    found = arithmetic(e, env, jaxs, jnp)
    if found is not None:
        return found
    kind, names, bodies, at, v = e
    point, along = (jnp.array([jaxs(x, env) * 1.0 for x in xs]) for xs in (at, v))

    def g(xs: Any) -> Any:
        inner = env | dict(zip(names, xs))
        return jnp.array([jaxs(body, inner) + 0.0 for body in bodies])

    def f(xs: Any) -> Any:
        return g(xs)[0]

    if kind in ("derivative", "grad", "gradient"):
        return jax.grad(f)(point).sum()
    if kind in ("second", "hessian"):
        return jax.hessian(f)(point).sum()
    if kind == "hvp":
        return jax.jvp(jax.grad(f), (point,), (along,))[1].sum()
    return jax.jvp(g, (point,), (along,))[1].sum()


def by_ours(e: Drawn, at: float) -> dict[str, float]:
    """The derivative of the outermost function at a point, in four ways that have to agree."""
    x = Value(at)
    root = value(ours(e, {"y0": x}))
    root.backward()
    inner = Value(at)
    value(derivative(lambda y: value(ours(e, {"y0": y})), inner)).backward()
    found = derivative(lambda y: value(ours(e, {"y0": y})), at)
    assert type(found) is float, found
    second = derivative(lambda y: value(ours(e, {"y0": y})), at, 2)
    return {"backward": x.grad, "derivative": found, "second": second, "nested": inner.grad}


def by_sympy(e: Drawn, at: float) -> dict[str, float]:
    import sympy

    x = sympy.Dummy("x")
    first = sympy.diff(sympys(e, {"y0": x}), x)
    one, two = (
        float(sympy.N(f.subs(x, sympy.Rational(at)), 30)) for f in (first, sympy.diff(first, x))
    )
    return {"backward": one, "derivative": one, "second": two, "nested": two}


def by_jax(e: Drawn, at: float) -> dict[str, float]:
    import jax

    jax.config.update("jax_enable_x64", True)

    def f(x: Any) -> Any:
        return jaxs(e, {"y0": x}) + 0.0 * x

    one, two = float(jax.grad(f)(at)), float(jax.grad(jax.grad(f))(at))
    return {"backward": one, "derivative": one, "second": two, "nested": two}


PEERS = {"sympy": by_sympy, "jax": by_jax}


def check(seed: int, against: str, nesting: int = 3) -> str:
    """What is wrong with the expression of a seed; empty if nothing is."""
    rng = random.Random(seed)
    e = draw(rng, ("y0",), 2, nesting)
    at = rng.choice([0.3, -0.7, 1.5, -1.1])
    found, expected = by_ours(e, at), PEERS[against](e, at)
    for name, number in expected.items():
        scale = max(1.0, abs(number), *map(abs, expected.values()))
        if not math.isclose(found[name], number, rel_tol=1e-9, abs_tol=1e-9 * scale):
            return f"seed {seed}, {name} at {at}: {found[name]!r}, {against} says {number!r}: {e}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--against", choices=PEERS, default="sympy")
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.count):
        wrong = check(seed, options.against)
        if wrong:
            print(wrong)
            return 1
    print(
        f"{options.count} expressions right, from seed {options.seed} on, against {options.against}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
