"""``python -m autograd``: what is typed after it is for ``shell.commands``."""

import sys

from . import installed

if __name__ == "__main__":
    installed.check_face()
    try:
        from .shell.commands import main
    except KeyboardInterrupt:  # while it is still being imported
        sys.exit(130)
    sys.exit(main())
