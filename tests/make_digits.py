"""Make nn/data/digits.csv.gz anew from the copy of the digits that comes with scikit-learn.

Run it by hand as `python tests/make_digits.py`, or with another file name to write there; the
tests and the package only read the finished file. It needs scikit-learn, which the project
itself does not depend on.
"""

import gzip
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "nn" / "data" / "digits.csv.gz"


def main(arguments: Sequence[str]) -> None:
    """Write the packed digits to the file named by the first argument, or to the package."""
    target = Path(arguments[0]) if arguments else TARGET
    replace_file(target, pack(digits_as_text()))
    print(f"wrote {target}")


def digits_as_text() -> str:
    """Give the digits as lines of 64 pixels (0 to 16) and the label, parted by commas."""
    try:
        # Imported by name at run time, so that type checks pass where it is not installed.
        source = importlib.import_module("sklearn.datasets").load_digits()
    except ImportError as error:
        raise SystemExit(
            "This script reads the digits from scikit-learn, which cannot be imported here "
            f"({error}). Install it with 'python -m pip install scikit-learn' and run again. "
            "Using stepgrad does not need it: the finished file is part of the package."
        ) from error
    rows = zip(source.data.tolist(), source.target.tolist(), strict=True)
    return "".join(
        ",".join(str(int(value)) for value in [*pixels, label]) + "\n" for pixels, label in rows
    )


def pack(text: str) -> bytes:
    """Compress a text so that neither the clock nor a file name leaves a trace in the bytes."""
    packed = io.BytesIO()
    # Not gzip.compress: the system byte that it writes differs between Python versions.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as stream:
        stream.write(text.encode("ascii"))
    return packed.getvalue()


def replace_file(target: Path, content: bytes) -> None:
    """Write beside the target and rename, so that nobody ever reads half a file."""
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
