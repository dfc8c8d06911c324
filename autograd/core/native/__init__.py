"""The compiled core: Value and the float sweep in C, which some installations have and some lack.

``core.c`` is its source, ``build`` writes the operations from the table as C, and ``load`` finds
what ``pip install`` made of them. ``autograd.core`` alone asks, and does without where it must.
"""

from __future__ import annotations

import binascii
import contextlib
import importlib
import os
import sys
from types import ModuleType

VARIABLE = "STEPGRAD_CORE"  # "native" or "python" in the environment chooses
REASON = "why.txt"  # what setup.py writes beside this file where it could not compile


def load(formulas: str) -> tuple[ModuleType | None, str]:
    """Find the compiled core, unless the environment asks for the other one.

    Args:
        formulas: those of the operation table; one that was compiled from others is of no use.

    Returns:
        The compiled module and "", or None and the reason why there is none, as a sentence
        without its full stop.

    Raises:
        ImportError: if ``STEPGRAD_CORE`` asks for a compiled core that is not there, or for
            something else than ``native`` or ``python``.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in ("", "native", "python"):
        raise ImportError(
            f"{VARIABLE} is {asked!r} in the environment, where only 'native' and 'python' name a "
            "core of stepgrad; unset it, and the compiled one runs wherever it is installed"
        )
    if asked == "python":
        return None, f"{VARIABLE}=python asks for it"
    compiled, why = _compiled()
    if compiled is not None and not _is_of(compiled, formulas):
        why = "it was compiled from another version of core.c or of the operations; install again"
        compiled = None
    if compiled is None and asked == "native":
        raise ImportError(
            f"{VARIABLE}=native asks for stepgrad's compiled core, but {why}; unset it "
            "for the core in Python, or install again with a C compiler and Python's headers: "
            "pip install --force-reinstall --no-cache-dir stepgrad, or pip install -e . in a clone"
        )
    return compiled, why


def source_sum() -> int:
    """A sum over the sources in C beside this file; 0 where there are none."""
    total = 0
    with contextlib.suppress(OSError):  # within a zip file
        folder = os.path.dirname(__file__)
        for name in sorted(os.listdir(folder)):
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), "rb") as file:
                    total = binascii.crc32(file.read(), total)
    return total & 0x7FFFFFFF  # a long of C, everywhere


def _is_of(compiled: ModuleType, formulas: str) -> bool:
    """Whether it was compiled from these sources, which a clone may have changed since."""
    made_of = getattr(compiled, "FORMULAS", None), getattr(compiled, "SOURCE", None)
    return made_of == (formulas, source_sum() or made_of[1])


def _compiled() -> tuple[ModuleType | None, str]:
    if sys.implementation.name != "cpython":
        return None, f"the compiled core is for CPython, and this is {sys.implementation.name}"
    # Also with its lock switched on, for there Python's objects look different.
    if "t" in getattr(sys, "abiflags", "") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (
            None,
            "the compiled core needs Python's global lock, and this Python is free-threaded",
        )
    name = f"{__name__}.core"
    try:
        return importlib.import_module(name), ""
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return None, _why_missing()
        # Made on another machine, say, or for another C library.
        return None, f"the compiled core cannot be loaded: {error}"


def _why_missing() -> str:
    """What setup.py wrote down when it could not compile."""
    try:
        with open(os.path.join(os.path.dirname(__file__), REASON), encoding="utf-8") as file:
            complaint = " ".join(file.read().split())
    except (OSError, UnicodeDecodeError):
        return "it was not compiled for this Python"
    return f"it was not compiled when this was installed: {complaint}"
