"""Checkpoints: a training run as a file, from which it goes on bit for bit.

``fit`` hands over a ``Snapshot`` of its state at the end of each epoch, which is written every few
epochs and at the end. The file is that of ``persistence.py``; its third line holds::

    "epochs"     how many are complete
    "settings"   what a run has to share with this one to go on with it, as text by name
    "optimizer"  {"updates": how many were made, "arrays": P numbers by name}
    "random"     the state of the random.Random that draws the batches
    "history"    the columns of the ``History``
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from autograd import ops
from autograd.files import check_place
from autograd.text import escape, got, shortened

from .history import COLUMNS, History
from .instances import plain
from .module import Module, in_order, walk
from .optimizers import Array, Optimizer, State
from .persistence import PersistenceError, decoded, encoded, limit_for, read_file, write_file

_LONGEST = 200  # characters of a setting
_MOST = 1 << 53  # that is counted; floats know every whole number up to it
_EPOCHS = 10_000  # of which a file is read, also where fewer are asked for


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at the end of an epoch."""

    epochs: int  # how many are complete
    parameters: Array
    optimizer: State
    random: Any  # the state of the generator that draws the batches
    history: History


class Checkpoint:
    """The file of a run, which is written every few epochs.

    Args:
        path: where it is, or will be.
        every: after how many epochs to write it; at least 1.
        model: what is trained.
        settings: what has to be the same when a run goes on, as text by name.

    Raises:
        TypeError: if the path is no path.
        OSError: if no file can be written there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int,
        model: Module,
        settings: Mapping[str, str],
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be the path of a file, got {got(path)}")
        self.path, self.every, self.model, self.settings = path, every, model, dict(settings)
        self._place = os.path.abspath(path)  # also if the program changes its folder on the way
        self._unwritten: Snapshot | None = None
        folder = os.path.dirname(os.path.realpath(path))
        try:
            check_place(path)
        except OSError as error:
            reason = f"{error.strerror}; name another file"
            if not os.path.isdir(folder):
                reason = f"there is no folder {folder!r}; make it first"
            raise type(error)(
                f"checkpoint {os.fspath(path)!r} cannot be written: {reason}"
            ) from None

    def load(self, start: State, epochs: int) -> Snapshot | None:
        """The state to go on from; None if there is no file yet.

        Args:
            start: the state of the optimizer before its first update, for comparison.
            epochs: how many the run is to have in the end.

        Raises:
            PersistenceError: (a ValueError) if the file is damaged, is no checkpoint, or is that
                of a run with other settings or another model.
        """
        if not os.path.exists(self._place):
            return None
        names = self.model.state_dict()
        columns = limit_for(COLUMNS, max(epochs, _EPOCHS))
        limits = limit_for(names), limit_for(names, len(start.arrays)) + columns
        state, *training = read_file(self._place, limits)
        if not training:
            raise self._refused("it holds parameters without a training run, as Module.save writes")
        try:
            parameters = np.array(decoded(in_order(self.model, state)))
        except ValueError as error:
            raise self._refused(str(error)) from None
        self._compare(training[0].get("settings"))
        try:
            snapshot = self._restored(parameters, training[0], start)
        except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
            reason = f"{type(error).__name__} {error}"
            raise self._refused(f"it is not what fit() writes ({reason:.80})") from None
        if snapshot.epochs > epochs:
            raise self._refused(
                f"it has {snapshot.epochs} epochs already, got epochs={epochs}. Ask for more"
            )
        return snapshot

    def _restored(self, parameters: Array, training: dict[str, Any], start: State) -> Snapshot:
        epochs = _count(training["epochs"])
        columns: dict[str, Any] = {name: decoded(training["history"][name]) for name in COLUMNS}
        history = History(**columns)
        k, saved = _count(training["optimizer"]["updates"]), training["optimizer"]["arrays"]
        arrays = {name: np.array(decoded(numbers)) for name, numbers in saved.items()}
        if {len(getattr(history, name)) for name in COLUMNS} - {0, epochs}:
            raise PersistenceError("the columns of its history are not as long as its epochs")
        if {name: x.shape for name, x in arrays.items()} != dict.fromkeys(
            start.arrays, parameters.shape
        ):
            raise PersistenceError("the optimizer's arrays are not one number for each parameter")
        version, words, _ = training["random"]
        drawn = (version, tuple(words), None)
        random.Random().setstate(drawn)  # which refuses what is no state
        return Snapshot(epochs, parameters, State(k, arrays), drawn, history)

    def keep(self, snapshot: Snapshot) -> None:
        """Take note of the end of an epoch, and write it if it is time.

        Raises:
            OSError: if it cannot be written; the file is as it was then.
        """
        self._unwritten = snapshot
        if snapshot.epochs % self.every == 0:
            self.write()

    def write(self) -> None:
        """Write the end of the last epoch, unless that has been done.

        Raises:
            OSError: likewise.
        """
        snapshot = self._unwritten
        if snapshot is None:
            return
        names, optimizer = self.model.state_dict(), snapshot.optimizer
        training = {
            "epochs": snapshot.epochs,
            "settings": self.settings,
            "optimizer": {
                "updates": optimizer.k,
                "arrays": {name: encoded(x.tolist()) for name, x in optimizer.arrays.items()},
            },
            "random": snapshot.random,
            "history": {
                name: encoded(getattr(snapshot.history, name)[: snapshot.epochs])
                for name in COLUMNS
            },
        }
        parameters = dict(zip(names, encoded(snapshot.parameters.tolist())))
        write_file(self._place, [parameters, training])
        self._unwritten = None

    def _compare(self, settings: object) -> None:
        """Refuse the file of a run with other settings."""
        if not isinstance(settings, dict):
            raise self._refused("it names no settings")
        others = [
            f"{escape(str(name))} is {self.settings.get(name, 'not set')} and was "
            f"{shortened(escape(str(settings.get(name, 'not set'))), _LONGEST)}"
            for name in sorted(self.settings.keys() | settings.keys(), key=str)
            if self.settings.get(name) != settings.get(name)
        ]
        if others:
            raise self._refused(
                f"it belongs to another run: {'; '.join(others[:3])}. Give fit() what that run had"
            )

    def _refused(self, reason: str) -> PersistenceError:
        return PersistenceError(
            f"checkpoint {os.fspath(self.path)!r} cannot be gone on from: {reason}, or name "
            f"another checkpoint to begin anew"
        )


def _count(number: object) -> int:
    """A count from a file, which may hold anything."""
    if type(number) is not int or not 0 <= number <= _MOST:
        raise PersistenceError(f"expected a count, got {shortened(repr(number), 40)}")
    return number


def optimizer_settings(optimizer: Optimizer) -> dict[str, str]:
    """An optimizer's class and settings as text."""
    settings = {
        f"optimizer.{name}": _text(x) for name, x in getattr(optimizer, "__dict__", {}).items()
    }
    return {"optimizer": type(optimizer).__qualname__, **settings}


def structure(model: Module) -> str:
    """What a model is made of besides its parameters: modules, and functions such as activations,
    in the order in which ``Module`` looks for parameters.
    """
    held: list[str] = []
    for _, found in walk(model):
        if isinstance(found, Module):
            held.append(type(found).__qualname__)
        elif callable(found):
            held[-1] += f" {function_name(found)}"
    runs = [(name, len(list(equal))) for name, equal in itertools.groupby(held)]
    text = ", ".join(name if times == 1 else f"{times} {name}" for name, times in runs)
    digest = sha256(text.encode()).hexdigest()[:16]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 60]} ... with SHA-256 {digest}"


def function_name(function: object) -> str:
    """What to know a function by in another process."""
    if isinstance(function, ops.Op):  # one of a user's own by its formulas, which may change
        is_ours = function.key == function.name
        return function.name if is_ours else f"{function.name} ({function.__doc__})"
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}.{name}"


def fingerprint(examples: Sequence[Any]) -> str:
    """Inputs or targets as a text that tells them from others."""
    try:
        table = np.array([plain(x) for x in examples], dtype=np.float64)
    except (ValueError, TypeError):
        return f"{len(examples)} instances of no single shape"
    return (
        f"an array of shape {table.shape} with SHA-256 {sha256(table.tobytes()).hexdigest()[:16]}"
    )


def _text(setting: object) -> str:
    if callable(setting):
        return function_name(setting)
    numbers = (bool, int, float, str, type(None))
    return repr(setting) if isinstance(setting, numbers) else type(setting).__qualname__
