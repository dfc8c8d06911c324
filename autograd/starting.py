"""Ends ``python -m autograd`` without a traceback if Ctrl-C comes while it is still being imported.

Python imports the package before its ``__main__``, so the package begins with this. ``__main__``
takes over from here; in any other program nothing is done.
"""

import os
import signal
import sys

if (
    sys.argv[:1] == ["-m"]
    and f" -m {__package__} " in f"{' '.join(sys.orig_argv)} "
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    # As yet there is nothing to clean up, and no way to say it better.
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))
