"""Reverse mode in slow motion: a pass that is taken one node or one edge at a time, and back.

The root of a graph goes in; out comes a ``Stepper``, whose movements write ``.grad`` as
``Value.backward`` would and return what happened as text that can be checked by hand. Students
use it in any Python session, and every other view of a pass is built on it.
"""

from __future__ import annotations

import reprlib
import sys
from typing import TYPE_CHECKING

from ..core.value import Value

if TYPE_CHECKING:
    from .stepper import Stepper


def step_through(root: Value, *, forward: bool = False) -> Stepper:
    """Begin a reverse pass from ``root`` that waits for you before every node.

    Nothing is written until the first movement. See ``Stepper`` for what can be done then.

    Args:
        root: the Value to differentiate: the end of a computation, or a leaf.
        forward: replay the forward pass first, value by value.

    Raises:
        TypeError: if ``root`` is not a Value.

    Example:
        >>> from autograd import Value
        >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
        >>> e = a * b
        >>> e.label = "e"
        >>> s = step_through(e)
        >>> s.next()
        [1/3] e = a * b
          upstream de/de = +1                                 final (the pass starts here)
          -> a   de/da = b = -3   contribution +1 * -3 = -3   grad -- -> -3   final (1/1)
          -> b   de/db = a = +2   contribution +1 * +2 = +2   grad -- -> +2   final (1/1)
        >>> s.back()
        at the start of 3 nodes: next() takes [1/3] e = a * b
    """
    # Imported at the first use, so that `import autograd` stays quick.
    from .stepper import Stepper

    if not isinstance(root, Value):
        raise TypeError(
            f"step_through() steps through the graph under one Value, but got "
            f"{reprlib.repr(root)} of type {type(root).__name__}; pass the Value at the end of a "
            f"computation with Values, such as a loss"
        )
    return Stepper(root, forward=forward)


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
    from ..shell.lookup import PythonNames, labelled_by
    from ..shell.prompt import Prompt
    from .stepper import Stepper

    caller = sys._getframe(1)
    global_names, local_names = caller.f_globals, caller.f_locals
    del caller  # it holds every variable of the program
    # Local names come first, and hide global ones.
    with labelled_by({**local_names, **global_names, **local_names}, root):
        stepper = root if isinstance(root, Stepper) else step_through(root)
    Prompt(stepper, PythonNames(stepper, global_names, local_names)).interact()
