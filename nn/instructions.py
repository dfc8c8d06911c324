"""What a function's code does, whatever it is called and wherever it stands.

Two pieces of code get one digest if their instructions, constants and attribute names are the same:
the names of functions, variables and files, line numbers, comments and docstrings do not matter.
What the code refers to outside of itself comes along, for whoever goes on from there.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from types import CodeType

# Who calls one of these may read attributes whose names stand nowhere in the code.
_INDIRECT = frozenset(
    ("getattr", "vars", "eval", "exec", "globals", "locals", "attrgetter", "methodcaller")
) | {"__dict__"}
_GLOBAL = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME"))
_LOADS = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")
_SKIPPED = frozenset(("EXTENDED_ARG", "NOP", "CACHE"))


@dataclass(frozen=True)
class Instructions:
    """What there is to know of a piece of code.

    Attributes:
        digest: equal for code that does the same with the same things.
        globals: the names of the global things that it refers to, in the order of their first use.
        free: likewise those of variables of the functions around it.
        reads: the names of the attributes that it reads.
        modules: the names of the modules that it imports.
        indirect: whether it may read attributes by names that it computes.
    """

    digest: str
    globals: tuple[str, ...]
    free: tuple[str, ...]
    reads: frozenset[str]
    modules: frozenset[str]
    indirect: bool


def instructions(code: CodeType) -> Instructions:
    """The instructions of a piece of code, those of functions that are defined in it included."""
    found = _Reader(code)
    return Instructions(
        sha256("\n".join(found.lines).encode()).hexdigest()[:16],
        tuple(found.globals),
        tuple(found.free),
        frozenset(found.reads),
        frozenset(found.modules),
        not _INDIRECT.isdisjoint({*found.globals, *found.reads}),
    )


class _Reader:
    def __init__(self, code: CodeType) -> None:
        # A dict keeps the order of the first use, which stands for a name.
        self.globals: dict[str, int] = {}
        self.free: dict[str, int] = {}
        self.reads: set[str] = set()
        self.modules: set[str] = set()
        self.lines = list(self._read(code, self.free))

    def _read(self, code: CodeType, cells: dict[str, int]) -> Iterator[str]:
        flags = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        flags |= code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE)
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
        # What is given by name is called by it.
        keywords = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        yield f"{flags} {counts} {keywords}"
        yield getattr(code, "co_exceptiontable", b"").hex()
        kept = [x for x in dis.get_instructions(code) if x.opname not in _SKIPPED]
        offsets = [x.offset for x in kept]
        places = {offset: place for place, offset in enumerate(offsets)}
        for x in kept:
            name = x.opname
            if x.opcode in dis.hasconst:
                yield f"{name} {self._constant(x.argval)}"
            elif name in _GLOBAL:
                yield f"{name} {self.globals.setdefault(x.argval, len(self.globals))}"
            elif x.opcode in dis.hasfree:
                yield f"{name} {cells.setdefault(x.argval, len(cells))}"
            elif x.opcode in dis.hasname:
                if name.startswith(_LOADS):
                    self.reads.add(x.argval)
                if name == "IMPORT_NAME":
                    self.modules.add(x.argval)
                yield f"{name} {x.argval}"
            elif x.opcode in dis.hasjrel or x.opcode in dis.hasjabs:
                target = x.argval
                while target not in places and target <= offsets[-1]:
                    target += 2
                yield f"{name} to {places.get(target)}"
            else:
                yield f"{name} {x.arg}"

    def _constant(self, constant: object) -> str:
        if isinstance(constant, CodeType):
            return f"({'; '.join(self._read(constant, {}))})"
        if isinstance(constant, tuple):
            return f"({', '.join(map(self._constant, constant))})"
        if isinstance(constant, frozenset):
            return f"{{{', '.join(sorted(map(self._constant, constant)))}}}"
        return f"{type(constant).__name__} {constant!r}"
