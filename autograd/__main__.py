"""``python -m autograd``: what is typed after it is for ``shell.commands``."""

import sys

from . import beginning, installed

if __name__ == "__main__":
    installed.check_face()
    try:
        from .shell.commands import main

        beginning.over()
    except KeyboardInterrupt:  # where Python was told to import it in another way
        sys.exit(beginning.INTERRUPTED)
    sys.exit(main())
