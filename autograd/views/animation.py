"""A backward pass as a moving picture: a frame for each step, in which nothing moves but numbers.

A root goes in, and a GIF comes out. Its frames are the pictures of ``draw`` at the moments of the
pass, with the captions of the prompt; Graphviz draws them, Pillow puts them together.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import Value
from ..drawing import rendering
from ..drawing.dot import dot_lines, dot_text
from ..drawing.notebook import picture_path
from ..drawing.options import Options
from ..drawing.painter import Painter
from ..drawing.room import Room
from ..files import checked_place, write_whole
from ..stepping.moments import MomentOfPass
from ..stepping.recording import Recording
from ..stepping.steps import headline
from ..stepping.tables import equation
from ..text import counted, escape, got, several

if TYPE_CHECKING:
    from PIL.Image import Image

# Graphviz draws so many in one go, each go within the limit of time for a picture.
TOGETHER = 10
DPI = 100
# More than these are followed by nobody: groups are closed before.
MOST_NODES = 40
COLOURS = 128
_SAMPLES = 6
LAST_FRAME = 3.0  # times as long as the others


def animate(
    root: Value,
    path: str | os.PathLike[str],
    *,
    seconds: float = 1.5,
    max_pixels: int = 2400,
) -> Path:
    """Write the backward pass from a root as an animated GIF.

    One frame shows the graph before the pass, and one each step in the order of the ``Stepper``:
    the node whose turn it is emphasised, what its edges carry, a dash where no gradient has come
    yet, and below the chain rule in numbers. Every node stays where it is. No gradient of the
    graph is touched, and those shown are of this pass alone, whatever an earlier one has left in
    the leaves. Of a graph that is too large for that groups are closed, and each has one frame,
    of the moment when the last of its Values has had its turn. Where there are many frames, lines
    on standard error say how far it is.

    Args:
        root: the Value to differentiate.
        path: a file whose name ends in ``.gif``.
        seconds: how long each frame is shown, from 0.02 to 60; the last one three times as long.
        max_pixels: the most pixels that it may be wide, or high.

    Returns:
        The path of the file that was written; a notebook shows the animation.

    Raises:
        TypeError: if ``root`` is not a Value.
        ValueError: if ``path`` ends in something else, or a number is out of range.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        RenderError: if there is no Graphviz or no Pillow, or one of them failed; nothing has been
            written then.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"animate(root, path): root is the Value to differentiate, got "
            f"{got(root)}{several(root)}"
        )
    advice = "for a page to step through there is autograd.step_through(root).save(path)"
    place = checked_place(path, "an animation", [".gif"], advice)
    _check_range("seconds", seconds, 0.02, 60.0)
    _check_range("max_pixels", max_pixels, 100, 8000)
    texts = frame_texts(root, max_pixels=max_pixels)
    try:
        import PIL.Image
    except ImportError:
        raise _missing(place, "Pillow is not installed", "pip install pillow") from None
    images: list[Image] = []
    try:
        for first in range(0, len(texts), TOGETHER):
            if len(texts) > TOGETHER:  # which takes some time
                rendering.say(f"{place.name}: {first} of {len(texts)} frames are drawn")
            for drawn in rendering.pictures_bytes(texts[first : first + TOGETHER], "png"):
                images.append(PIL.Image.open(io.BytesIO(drawn)).convert("RGB"))
    except rendering.NotInstalledError as absence:
        raise _missing(place, str(absence), rendering.INSTALL) from None
    content = _gif(images, seconds)
    write_whole(place, content)
    about = f"the backward pass, in {len(images)} frames"
    return picture_path(place, content, about, DPI)


def frame_texts(root: Value, *, max_pixels: int = 2400) -> list[str]:
    """The frames as DOT: the first before the pass, then one for each step that is shown."""
    recording = Recording(root)
    painter = Painter(root, Options(max_nodes=MOST_NODES))
    captions = {0: [_beginning(recording, painter)]}
    for node in painter.drawn:
        captions[recording.place[node] + 1] = _step(recording, recording.place[node])
    for title, values in painter.hidden:
        last = max(map(recording.place.__getitem__, values))
        done = f"[{last + 1}/{len(recording)}] the last of {counted(len(values), 'Value')}"
        captions[last + 1] = [f"{done} in {escape(title)}"]
    pictures = []
    for position, caption in sorted(captions.items()):
        current = recording.nodes[position - 1] if position else None
        moment = MomentOfPass(recording, position, current=current, alone=True)
        pictures.append(painter.picture(moment, caption))
    side = f"{(max_pixels - 1) / DPI:g}"
    raster = f'\tgraph [dpi="{DPI}" size="{side},{side}"]'
    room = Room(pictures)
    return [dot_text([raster, *dot_lines(picture, room=room)]) for picture in pictures]


def _beginning(recording: Recording, painter: Painter) -> str:
    hidden = len(recording) - len(painter.drawn)
    more = f"; {hidden:,} of them in closed groups" if hidden else ""
    return f"before the pass: {counted(len(recording), 'Value')}, no gradient yet{more}"


def _step(recording: Recording, place: int) -> list[str]:
    """What happens in a step, as the chain rule in symbols and in numbers."""
    step = recording[place]
    return [headline(step), *equation(recording, step.node).splitlines()[1:]]


def _gif(images: Sequence[Image], seconds: float) -> bytes:
    """The frames as a GIF that repeats, all with the same colours, so that none of them flicker."""
    import PIL.Image

    width, height = images[0].size
    samples = images[:: max(1, len(images) // _SAMPLES)]
    sheet = PIL.Image.new("RGB", (width, height * len(samples)))
    for row, sample in enumerate(samples):
        sheet.paste(sample, (0, row * height))
    palette = sheet.quantize(COLOURS, PIL.Image.Quantize.MAXCOVERAGE)
    reduced = [image.quantize(palette=palette, dither=PIL.Image.Dither.NONE) for image in images]
    times = [round(1000 * seconds)] * (len(images) - 1) + [round(1000 * seconds * LAST_FRAME)]
    file = io.BytesIO()
    reduced[0].save(
        file, "GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0, optimize=True
    )
    return file.getvalue()


def _check_range(name: str, number: float, least: float, most: float) -> None:
    is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not is_number or not least <= number <= most:
        raise ValueError(f"animate: {name} is a number from {least} to {most}, got {number!r}")


def _missing(place: Path, what: str, remedy: str) -> rendering.RenderError:
    return rendering.RenderError(f"cannot write {str(place)!r}: {what}; {remedy}")
