"""Style sheets and scripts without what is there for who reads their files: comments and spaces.

A text goes in, and a shorter one comes out that means the same. Names stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_SIGNS = set("=+-*%&|^!<>?:,;.(){}[]~")
# After one of these a slash begins a pattern, and is no division.
_BEFORE_A_PATTERN = set("=+-*%&|^!<>?:,;({[~") | {"", "return", "typeof"}
# A line may end after one of these without ending a statement; or before one of those.
_GOES_ON, _CARRIES_ON = set("=*%&|!<>?:,;.({["), set("=*%&|<>?:,;.)]}")
_TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_PATTERN = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+/[a-z]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SPACE, _WORD = re.compile(r"\s+"), re.compile(r"[^\s\"'`/=+\-*%&|^!<>?:,;.(){}\[\]~]+")


def slim_style(text: str) -> str:
    """A style sheet on short lines."""
    lines = map(str.strip, _COMMENT.sub("", text).splitlines())
    return "\n".join(filter(None, lines)) + "\n"


@lru_cache(maxsize=64)  # most parts of a page are those of the page before
def slim_script(text: str) -> str:
    """A script with a space only between two words, or two signs that would be another one."""
    written, gap = [""], ""
    for token in _tokens(text):
        if token.isspace():
            gap = "\n" if "\n" in token else gap or " "
            continue
        last, first = written[-1][-1:], token[0]
        if gap == "\n" and (last in _GOES_ON or first in _CARRIES_ON or not last):
            gap = ""
        elif gap == " ":
            apart = last in _SIGNS or first in _SIGNS
            gap = "" if apart and not (last in "+-" and first in "+-") else " "
        written += [gap, token] if gap else [token]
        gap = ""
    return "".join(written) + "\n"


def _tokens(text: str) -> Iterator[str]:
    """Words, signs, texts, patterns, and the spaces between; a comment is left out."""
    place, before = 0, ""
    while place < len(text):
        letter = text[place]
        kinds = [_COMMENT, _TEXT, _SPACE, _WORD]
        if before in _BEFORE_A_PATTERN:
            kinds.insert(1, _PATTERN)
        if letter == "`":
            end = _end_of_template(text, place)
        else:
            found = next(filter(None, (kind.match(text, place) for kind in kinds)), None)
            end = found.end() if found else place + 1
        token, place = text[place:end], end
        if letter == "/" and _COMMENT.fullmatch(token):
            continue
        if not token.isspace():
            before = token
        yield token


def _end_of_template(text: str, place: int) -> int:
    """Where a template ends that begins there: what it computes may hold templates."""
    place += 1
    while text[place] != "`":
        if text.startswith("${", place):
            place += 2
            while text[place] != "}":
                place = _end_of_part(text, place)
            place += 1
        else:
            place += 2 if text[place] == "\\" else 1
    return place + 1


def _end_of_part(text: str, place: int) -> int:
    """Where a text, a template, a block in braces or a letter ends that begins there."""
    if text[place] == "`":
        return _end_of_template(text, place)
    if found := _TEXT.match(text, place):
        return found.end()
    if text[place] != "{":
        return place + 1
    place += 1
    while text[place] != "}":
        place = _end_of_part(text, place)
    return place + 1
