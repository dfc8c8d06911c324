"""Lets the compiled core stand where Python's definition stands, for everything above the core.

What C has is taken from C, and what it lacks from the definition: methods that are seldom called,
and everything out of the ordinary, which C hands on to the definition's own functions. These are
the same functions, on nodes of the same attributes, so that both cores behave alike.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from .. import stale, sweep, value
from ..calls import Call
from ..copying import Copied
from ..decisions import Watch
from ..observers import Observer
from ..table import OPS, Op


def stand_in(core: ModuleType) -> None:
    """Put the compiled ``Value`` and what belongs to it into the modules that define them."""
    if value.slopes is core.slopes:
        return  # it stands there, and the package was imported anew
    definition = value.Value
    compiled = core.bind(
        base=Copied,
        definition=definition,
        ops=OPS,
        call_of_op=Op.__call__,
        observers=Observer.open,
        calls=Call.open,
        watches=Watch.open,
        adding=value._adding,
        refuse_stale=lambda root: stale.refuse_stale(sweep.consumers_first(root)),
        slopes=value.slopes,
        stale=vars(stale),
    )
    for name, thing in vars(definition).items():
        lacking = name not in vars(compiled) and isinstance(thing, (FunctionType, staticmethod))
        if lacking or name in ("__doc__", "__slots__", "__annotations__"):
            setattr(compiled, name, thing)
        elif isinstance(thing, property):
            read, write = getattr(core, f"read_{name}"), getattr(core, f"write_{name}")
            made: Any = property(read, write, doc=thing.__doc__)
            made.__set_name__(compiled, name)
            setattr(compiled, name, made)
    compiled.__name__ = definition.__name__  # or Python's own messages would name its module too
    Copied._plain = compiled
    vars(value).update(Value=compiled, slopes=core.slopes, consumers_first=core.consumers_first)
    vars(stale).update(advance=core.advance)
    Op.__call__ = core.call_for(Op)  # type: ignore[method-assign]
    _watch_rows(core)


def _watch_rows(core: ModuleType) -> None:
    """Leave a row to Python for as long as somebody has given it other functions, to try a rule."""
    had: dict[Op, dict[str, Any]] = {}

    def set_attribute(op: Op, name: str, *thing: Any) -> None:
        before = had.setdefault(op, {})
        before.setdefault(name, vars(op).get(name))
        if thing:
            object.__setattr__(op, name, *thing)
        else:
            object.__delattr__(op, name)
        core.trust(op, all(vars(op).get(name) is was for name, was in before.items()))

    Op.__setattr__ = Op.__delattr__ = set_attribute  # type: ignore[assignment]
