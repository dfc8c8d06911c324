"""``debug``: the prompt in the middle of a program, on the names of whoever calls it."""

from __future__ import annotations

import sys

from ..core.value import Value
from ..stepping.stepper import Stepper
from ..stepping.views import step_through
from .lookup import PythonNames, labelled_by
from .prompt import Prompt


def debug(root: Value | Stepper) -> None:
    """Open a prompt that steps through the reverse pass from ``root``: a pdb for gradients.

    ``n`` takes the next node, ``s`` one edge, ``rn`` goes back, ``b w`` and ``c`` run to where the
    gradient of w changes, ``why w`` tells where it comes from, and ``help`` lists the rest. What
    is no command is Python on the names of the caller. A node without a label is called as the
    caller's variable that holds it.

    ``c`` at the end leaves with the gradients that ``root.backward()`` would leave. ``q`` and
    Ctrl-D leave with those from before the pass. In either case the program goes on; to end it,
    raise SystemExit at the prompt.

    Args:
        root: the Value to differentiate, or a Stepper that is to go on from where it stands.

    Raises:
        TypeError: if ``root`` is neither.
    """
    caller = sys._getframe(1)
    global_names, local_names = caller.f_globals, caller.f_locals
    del caller  # it holds every variable of the program
    # Local names come first, and hide global ones.
    with labelled_by({**local_names, **global_names, **local_names}, root):
        stepper = root if isinstance(root, Stepper) else step_through(root)
    Prompt(stepper, PythonNames(stepper, global_names, local_names)).interact()
