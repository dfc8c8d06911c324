"""A guided session: step through a neuron, a node that is used twice, and a divergence.

python demos/step_through.py --out out/steps
"""

from __future__ import annotations

import random
import textwrap
from typing import Any

import options
from render_graph import neuron

import nn
from autograd import Value, sigmoid, step_through


class Session:
    """What is said and asked, and what the stepper answers, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Add a remark, in lines of a width that can be read."""
        self.lines += ["", *textwrap.wrap(text, 92), ""]

    def ask(self, stepper: Any, method: str, *arguments: Any) -> None:
        """Do with the stepper what a user would type, and note what it shows."""
        typed = ", ".join(map(repr, arguments))
        answer = getattr(stepper, method)(*arguments)
        self.lines += [f">>> s.{method}({typed})", *repr(answer).splitlines()]


def step_through_neuron(session: Session) -> float:
    """Go through y = tanh(w1 x1 + w2 x2 + b), forward and backward; gives y."""
    y = neuron()
    s = step_through(y, forward=True)
    session.say(
        "1. The lecture's neuron, y = tanh(w1 x1 + w2 x2 + b). Forward, a value is computed when "
        "those that it is made of are there:"
    )
    while s.is_forward:
        session.ask(s, "next")
    session.say(
        "Backward, the pass starts at y with dy/dy = 1. Each node multiplies what has come to it "
        "from above by its local derivatives, and reports the products to its operands:"
    )
    session.ask(s, "next")
    session.say("A sum passes on what it gets: its local derivatives are 1. A product swaps:")
    session.ask(s, "next")
    session.ask(s, "until", "w1")
    session.say("What has been done can be looked at again, for a step can be taken back:")
    session.ask(s, "back", 2)
    session.ask(s, "next")
    session.say("Why is the gradient of w1 what it is? It is the product along the way from y:")
    session.ask(s, "why", "w1")
    session.say("And is it right? Move w1 a little, and see how much y moves:")
    session.ask(s, "check", "w1")
    session.ask(s, "run")
    session.ask(s, "table")
    return y.data


def step_through_reuse(session: Session) -> None:
    """Go through d = b * b + b at b = a + a: b must wait for all of its consumers."""
    a = Value(1.5, "a")
    b = a + a
    b.label = "b"
    c = b * b
    c.label = "c"
    d = c + b
    d.label = "d"
    s = step_through(d)
    session.say(
        "2. A node that is used more than once, b in d = b * b + b, gets a report from each use, "
        "and passes their sum on. It must wait for the last one:"
    )
    session.ask(s, "add_breakpoint", "b")
    session.ask(s, "watch", "b")
    session.ask(s, "run")
    session.ask(s, "next")
    session.ask(s, "next")
    session.say("That is why the nodes are taken in topological order. A naive order is wrong:")
    session.ask(s, "naive")
    session.ask(s, "why", "b")


def step_through_divergence(session: Session, seed: int) -> float:
    """Go through KL(sigmoid(w x + b), 1); gives how far its derivative in z is from y - d."""
    rng = random.Random(seed)
    w, x, b = (Value(round(rng.uniform(-2, 2), 2), label) for label in "wxb")
    p = w * x
    p.label = "p"
    z = p + b
    z.label = "z"
    y = sigmoid(z)
    y.label = "y"
    divergence = nn.divergences.binary_kl(y, 1.0)
    divergence.label = "KL"
    s = step_through(divergence)
    session.say(
        f"3. The divergence KL = -log y of a sigmoid y from its target d = 1, at w = {w.data}, "
        f"x = {x.data}, b = {b.data}. Its derivative by y is -1 / y, which is never 0:"
    )
    session.ask(s, "until", "y")
    session.ask(s, "next")
    session.say(f"The slope of the sigmoid cancels the y: what z gets is y - d = {y.data - 1.0:g}.")
    session.ask(s, "until", "w")
    session.ask(s, "why", "w")
    session.ask(s, "check", "w")
    session.say("Quitting leaves every gradient as it was before the pass:")
    off = abs(z.grad - (y.data - 1.0))
    session.ask(s, "quit")
    return off


def main() -> None:
    """Hold the session, print it, and save it as text."""
    chosen = options.parse(options.parser(__doc__, out="out/steps"))
    session = Session()
    y = step_through_neuron(session)
    step_through_reuse(session)
    off = step_through_divergence(session, chosen.seed)
    text = "\n".join(session.lines).strip() + "\n"
    if not chosen.quiet:
        options.say(text)
    options.save(lambda path: path.write_text(text, encoding="utf-8"), chosen.out / "steps.txt")
    print(f"y = {y:.6f}, dKL/dz = y - d to within {off:.0e}")


if __name__ == "__main__":
    options.run(main)
