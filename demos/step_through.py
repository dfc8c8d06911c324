"""Step through the backward pass of a neuron: every step printed, and saved as text.

python demos/step_through.py --out out/steps
"""

from __future__ import annotations

import options
from render_graph import neuron

from autograd import step_through


def main() -> None:
    """Take every step, then show what the pass has left."""
    parser = options.parser(__doc__.splitlines()[0], out="out/steps")
    chosen = options.parse(parser)
    y = neuron()
    stepper = step_through(y)
    transcript = []
    while not stepper.done:
        transcript.append(str(stepper.next()))
    transcript.append(str(stepper.table()))
    text = "\n\n".join(transcript) + "\n"
    if not chosen.quiet:
        print(text)
    options.save(lambda path: path.write_text(text, encoding="utf-8"), chosen.out / "steps.txt")
    print(f"{len(stepper.steps)} steps, y = {y.data:.6f}")


if __name__ == "__main__":
    options.run(main)
