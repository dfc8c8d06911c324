"""Keyword arguments that several functions take, written once: as the fields of a record.

A leaf of the house, for the rooms whose functions have many of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def one_by_one(
    function: Callable[..., T], options: Callable[..., Any], if_missing: str = ""
) -> Callable[..., T]:
    """A function whose last parameter is a record of options, taking these one by one.

    Args:
        function: takes what it takes, and the record last.
        options: makes the record; ``help`` of the new function shows what it takes.
        if_missing: what to write instead of a call that leaves out what has to be given.
    """
    own = inspect.signature(function)
    *leading, _ = own.parameters.values()
    signature = own.replace(parameters=[*leading, *inspect.signature(options).parameters.values()])

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> T:
        try:
            given = signature.bind(*args, **keywords).arguments
        except TypeError as error:
            advice = f"; {if_missing}" if if_missing and str(error).startswith("missing") else ""
            raise TypeError(f"{function.__name__}() {error}{advice}") from None
        return function(*[given.pop(x.name) for x in leading], options(**given))

    call.__signature__ = signature  # type: ignore[attr-defined]
    return call
