"""The program that draws with the Graphviz inside pygraphviz: DOT text in, a picture out.

``rendering`` starts it in a process of its own, so that a time limit applies and a crash of the
library ends nothing but this process. It imports nothing of this project. Arguments: the folder
in which pygraphviz is installed, and the format.
"""

from __future__ import annotations

import sys

CANNOT_IMPORT = 69
# Between two graphs; no label can hold it, for their line ends are written as references.
SEPARATOR = "// next graph"


def main(installed_in: str, picture_format: str) -> int:
    """Draw the graphs that arrive on standard input, and write the pictures to standard output."""
    sys.path.insert(0, installed_in)
    try:
        import pygraphviz
    except ImportError as error:
        print(error, file=sys.stderr)
        return CANNOT_IMPORT
    try:
        texts = sys.stdin.buffer.read().decode("utf-8").split(f"\n{SEPARATOR}\n")
        pictures = [
            pygraphviz.AGraph().from_string(text).draw(format=picture_format, prog="dot")
            for text in texts
        ]
    except (ValueError, OSError, pygraphviz.DotError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.writelines(pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
