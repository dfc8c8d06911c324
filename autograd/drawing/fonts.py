"""Fonts for machines that have none, such as slim containers: Graphviz would draw empty boxes.

A folder for temporary files goes in, environment variables for the program that draws come out.
They point fontconfig at the DejaVu fonts inside matplotlib, if that is installed; nothing outside
the folder is written, and a machine with fonts of its own is left to itself.
"""

from __future__ import annotations

import html
import importlib.util
import os
import sys
from pathlib import Path

_FONT_FILES = (".ttf", ".otf", ".ttc", ".pfb")


def environment(folder: Path) -> dict[str, str] | None:
    """The variables that let Graphviz find a font; empty if it will find one by itself.

    Args:
        folder: where a configuration file may be written; to be deleted after drawing.

    Returns:
        None if the machine has no fonts, and matplotlib is not there to lend its own.
    """
    if sys.platform in ("darwin", "win32"):
        return {}
    if any(name in os.environ for name in ("FONTCONFIG_FILE", "FONTCONFIG_PATH")):
        return {}
    if any(_holds_fonts(place) for place in font_folders()):
        return {}
    lent = matplotlib_fonts()
    if lent is None:
        return None
    configuration = folder / "fonts.conf"
    configuration.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>'
        f"<dir>{html.escape(str(lent))}</dir>"
        f"<cachedir>{html.escape(str(folder / 'cache'))}</cachedir>"
        "</fontconfig>\n",
        encoding="utf-8",
    )
    return {"FONTCONFIG_FILE": str(configuration)}


def font_folders() -> list[Path]:
    """Where fontconfig looks for fonts by default."""
    home = Path(os.path.expanduser("~"))
    data = os.environ.get("XDG_DATA_HOME") or str(home / ".local/share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    folders = [Path(place, "fonts") for place in [data, *shared.split(":"), "/usr/share"] if place]
    return [*folders, home / ".fonts", Path(sys.prefix, "fonts"), Path("/usr/X11R6/lib/X11/fonts")]


def matplotlib_fonts() -> Path | None:
    """The folder of fonts inside matplotlib."""
    place = installed_in("matplotlib")
    folder = place and place / "matplotlib" / "mpl-data" / "fonts" / "ttf"
    return folder if folder and _holds_fonts(folder) else None


def installed_in(package: str) -> Path | None:
    """The folder that a package, or a module, is imported from, found without importing it."""
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # something else goes by its name
        return None
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parents[1 if found.submodule_search_locations else 0]


def _holds_fonts(folder: Path) -> bool:
    return any(
        name.lower().endswith(_FONT_FILES) for _, _, names in os.walk(folder) for name in names
    )
