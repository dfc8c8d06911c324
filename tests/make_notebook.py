"""Builds ``demos/lecture.ipynb`` from ``demos/lecture.py``, with the outputs of a fresh run.

    python tests/make_notebook.py

Needs the packages of the extra ``test``. A build gives what the last one gave: nothing in the file
tells when, where or by which Python it was made, and the name of a cell is that of its source.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

DEMOS = Path(__file__).parent.parent / "demos"
SOURCE, NOTEBOOK = DEMOS / "lecture.py", DEMOS / "lecture.ipynb"
LONGEST = 60  # seconds


def read() -> Any:
    """The notebook as the source has it, without outputs."""
    notebook = jupytext.read(SOURCE)
    for cell in notebook.cells:
        # Of the empty lines around a function one is enough in a notebook.
        cell.source = re.sub(r"\n{3,}", "\n\n", cell.source)
        cell.id = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        cell.metadata.clear()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.validate(notebook)  # which also says if two cells are the same
    return notebook


def execute(notebook: Any) -> Any:
    """Run all cells in a kernel of this Python.

    Raises:
        CellExecutionError: with the traceback, if one fails.
    """
    client = NotebookClient(
        notebook,
        timeout=LONGEST,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(DEMOS)}},
    )
    kept = notebook.metadata.copy()
    client.execute(env={**os.environ, "COLUMNS": "80"})  # whatever the terminal here has
    notebook.metadata = kept
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = in_few_colours(output.data["image/png"])
    return notebook


def in_few_colours(png: str) -> str:
    """A picture as it is stored: a third as long, and looks the same."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    content = io.BytesIO()
    few = picture.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(content, "png", optimize=True)
    return base64.b64encode(content.getvalue()).decode()


if __name__ == "__main__":
    nbformat.write(execute(read()), NOTEBOOK)
    print(f"wrote {NOTEBOOK}")
