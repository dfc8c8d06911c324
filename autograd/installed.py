"""Whether what was installed is all there: another package on PyPI is called ``autograd`` as well.

HIPS autograd unpacks into the same folder, over ``autograd/__init__.py``, and takes that file along
when it is uninstalled. The face of the package, ``nn`` and ``python -m autograd`` ask here, so that
one of them is there to say so.
"""

from __future__ import annotations

import os
import sys
import warnings

ROOMS = ["calculus", "checking", "core", "drawing", "languages.py", "lowering", "page", "shell"]
ROOMS += ["stepping", "text.py", "views", "words"]
_REMEDY = (
    "install stepgrad again (pip install --force-reinstall stepgrad) in an environment of its own, "
    "for HIPS autograd and stepgrad share the name autograd"
)


def check(folder: str = os.path.dirname(__file__)) -> None:
    """Look once at the names in a folder.

    Raises:
        ImportError: if files of stepgrad are missing there.

    Warns:
        RuntimeWarning: if files of HIPS autograd lie among them.
    """
    try:
        names = set(os.listdir(folder))
    except OSError:  # within a zip file, where nobody else unpacks
        return
    missing = [room for room in ROOMS if room not in names and f"{room}c" not in names]
    if missing:
        raise ImportError(f"stepgrad lacks {', '.join(missing)} in {folder}; {_REMEDY}")
    if "tracer.py" in names:
        warnings.warn(
            f"HIPS autograd is installed in {folder} too; uninstalling it would break stepgrad: "
            f"after that, {_REMEDY}",
            RuntimeWarning,
            stacklevel=2,
        )


def check_face() -> None:
    """Find out whether the package that answers to the name is this one.

    Raises:
        ImportError: if it is another one, or its ``__init__.py`` is missing.
    """
    face = sys.modules[__package__]
    if not hasattr(face, "step_through"):
        raise ImportError(
            f"the __init__.py in {os.path.dirname(__file__)} is not stepgrad's any longer: another "
            f"package called autograd was installed or removed there; {_REMEDY}"
        )
