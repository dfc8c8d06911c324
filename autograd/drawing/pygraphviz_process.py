"""The program that draws with the Graphviz inside pygraphviz: DOT text in, a picture out.

``rendering`` starts it in a process of its own, so that a time limit applies and a crash of the
library ends nothing but this process. It imports nothing of this project. Arguments: the folder
in which pygraphviz is installed, and the format.
"""

from __future__ import annotations

import sys

CANNOT_IMPORT = 69


def main(installed_in: str, picture_format: str) -> int:
    """Draw what arrives on standard input, and write the picture to standard output."""
    sys.path.insert(0, installed_in)
    try:
        import pygraphviz
    except ImportError as error:
        print(error, file=sys.stderr)
        return CANNOT_IMPORT
    try:
        graph = pygraphviz.AGraph().from_string(sys.stdin.buffer.read().decode("utf-8"))
        picture = graph.draw(format=picture_format, prog="dot")
    except (ValueError, OSError, pygraphviz.DotError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
