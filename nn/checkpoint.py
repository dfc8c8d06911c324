"""Checkpoints: a training run as a file, from which it goes on bit for bit.

``fit`` hands over a ``Snapshot`` of its state at the end of each epoch, which is written every few
epochs and at the end. The file is that of ``persistence.py``; its third line holds::

    "epochs"     how many are complete
    "engine"     what computed the last of them
    "settings"   what a run has to share with this one to go on with it, as text by name
    "identity"   what those are made of that a name cannot tell; see ``Checkpoint``
    "optimizer"  {"updates": how many were made, "arrays": P numbers by name,
                  "settings": its numbers as they stood then}
    "random"     the state of the random.Random that draws the batches
    "history"    the columns of the ``History``
    "held"       digests of the parameters that the model had when the run began, and of those that
                 it was left with in the end, which may be of another update than the file
    "last"       with ``patience`` only: the parameters to go on from; the second line has those
                 of the best epoch then, which the model is left with
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np

from autograd import Op, Value
from autograd.core.decisions import warn
from autograd.files import check_place
from autograd.text import escape, got, shortened

from .history import COLUMNS, History
from .identity import (
    MADE_WITH,
    DrawnNumbers,
    Part,
    differences,
    graph,
    moved_on,
    numbers_of,
    operation,
    part,
    shared_numbers,
)
from .instances import plain
from .module import Module, Parameters, in_order, walk
from .optimizers import BORN, SGD, Adam, Array, Optimizer, State
from .persistence import PersistenceError, decoded, encoded, limit_for, read_file, write_file
from .risk import EmpiricalRisk

_LONGEST = 200  # characters of a setting
_LINES = 6_000  # characters of the lines of a part
_NAMED = 3  # things in a sentence
_NEUTRAL = {
    "class_weight": "None",
    "l1": "0.0",
    "l2": "0.0",
    "clip_norm": "None",
    "optimizer.weight_decay": "0.0",
    "optimizer.schedule": "'constant'",
}
_NAMES = "model", "divergence", "optimizer"  # settings that are no more than names
_SHARED = "the random numbers that are shared by the whole program"
_MOST = 1 << 53  # that is counted; floats know every whole number up to it
_EPOCHS = 10_000  # of which a file is read, also where fewer are asked for


@dataclass(frozen=True)
class Recipe:
    """What a run computes with, besides its parameters."""

    model: Module
    divergence: Any
    optimizer: Any
    data: Mapping[str, Sequence[Any]]  # inputs and targets by name, X and D first
    batch_size: int
    seed: object
    engine: str
    lowers: bool  # whether one graph stands for all instances and parameters
    callbacks: Sequence[Any] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # others of fit's, by name


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at the end of an epoch."""

    epochs: int  # how many are complete
    parameters: Array
    optimizer: State
    random: Any  # the state of the generator that draws the batches
    history: History
    numbers: Mapping[str, Any]  # the optimizer's settings that are plain
    own: Parameters  # which these are
    engine: str  # what computes from here on, which may have been found out on the way
    changed: bool = False  # whether callbacks have changed parameters, or the optimizer
    drew: bool = False  # whether they have used the random numbers of the whole program
    shared: int = 0  # what tells states of those
    best: Array | None = None  # the parameters of the best epoch, which the model is left with


class Checkpoint:
    """The file of a run, which is written every few epochs.

    A run is known by what it computes. Numbers and data are compared as they are, by the texts in
    "settings". Names of functions and classes say little, so what model, divergence and optimizer
    are made of is compared too, and the graph that the first instance makes. "identity" holds::

        "made_with"  the versions of Python and stepgrad, in which instructions are comparable
        "parts"      for each of these a digest of its lines, the lines unless they are many, and
                     what in it cannot be compared
        "moved"      what became another during the run, which no checkpoint holds
        "remembered" likewise, of callbacks that have changed parameters or the optimizer

    Args:
        path: where it is, or will be.
        every: after how many epochs to write it; at least 1.
        recipe: what has to be the same when a run goes on.

    Raises:
        TypeError: if the path is no path.
        OSError: if no file can be written there.
    """

    def __init__(self, path: str | os.PathLike[str], every: int, recipe: Recipe) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"checkpoint must be the path of a file, got {got(path)}")
        self.path, self.every, self.recipe, self.model = path, every, recipe, recipe.model
        self._place = os.path.abspath(path)  # also if the program changes its folder on the way
        self._unwritten: Snapshot | None = None
        self._last: Snapshot | None = None
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
        self.settings = _settings(recipe)
        self._numbers = numbers_of(recipe.optimizer)
        self._places = {value: i for i, value in enumerate(self.model.parameters())}
        self._known_things = {"model": self.model, "optimizer": recipe.optimizer}
        self._callbacks = self._memory()
        self._parts = self._functions() | self._data()
        self._generators = [x for part in self._parts.values() for x in part.generators]
        if recipe.lowers:
            self._parts |= self._graph()
        self._came = _digest([value.data for value in self._places])
        self._held: list[str] | None = [self._came]
        self._moved: list[str] = []
        self._shared = shared_numbers()

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
        limits = limit_for(names), limit_for(names, len(start.arrays) + 2) + columns
        state, *training = read_file(self._place, limits)
        if not training or "about" in training[0]:
            raise self.refused("it holds parameters without a training run, as Module.save writes")
        try:
            parameters = np.array(decoded(in_order(self.model, state)))
        except ValueError as error:
            raise self.refused(str(error)) from None
        best = None
        if "last" in training[0]:
            with self._reading():
                best, parameters = parameters, np.array(decoded(training[0]["last"]))
                if parameters.shape != best.shape:
                    raise PersistenceError("its last parameters are not one for each")
        with self._reading():
            others = self._others(training[0], parameters)
        if others:
            raise self.refused(others)
        with self._reading():
            snapshot = replace(self._restored(parameters, training[0], start), best=best)
        if snapshot.epochs > epochs:
            raise self.refused(
                f"it has {snapshot.epochs} epochs already, got epochs={epochs}. Ask for more"
            )
        with self._reading():
            self._notice_parameters(snapshot, training[0].get("held"), epochs)
        self._notice(training[0].get("identity"))
        self.settings = training[0]["settings"]
        self._last = replace(snapshot, optimizer=deepcopy(snapshot.optimizer), shared=self._shared)
        return snapshot

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A block that takes from the file what it expects to be there."""
        try:
            yield
        except (LookupError, TypeError, AttributeError, OverflowError, ValueError) as error:
            reason = f"{type(error).__name__} {error}"
            raise self.refused(f"it is not what fit() writes ({reason:.80})") from None

    def _restored(self, parameters: Array, training: Mapping[str, Any], start: State) -> Snapshot:
        epochs = _count(training["epochs"])
        columns: dict[str, Any] = {name: decoded(training["history"][name]) for name in COLUMNS}
        history = History(**columns)
        if {len(getattr(history, name)) for name in COLUMNS} - {0, epochs}:
            raise PersistenceError("the columns of its history are not as long as its epochs")
        k, saved = _count(training["optimizer"]["updates"]), training["optimizer"]["arrays"]
        arrays = {name: np.array(decoded(numbers)) for name, numbers in saved.items()}
        optimizer, numbers = copy(self.recipe.optimizer), _stood(training)
        needed, known = set(start.arrays), set(start.arrays)
        if isinstance(optimizer, (SGD, Adam)):
            vars(optimizer).update(numbers)
            optimizer.__post_init__()  # which refuses what cannot be
            needed = set(optimizer.start(0).arrays)
            known |= needed | ({BORN} if isinstance(optimizer, Adam) else set())
        if not needed <= arrays.keys() <= known or any(
            x.shape != parameters.shape for x in arrays.values()
        ):
            raise PersistenceError("the optimizer's arrays are not one number for each parameter")
        if BORN in arrays and not ((arrays[BORN] >= 0.0) & (arrays[BORN] <= k)).all():
            raise PersistenceError("a parameter came at no update that there was")
        version, words, _ = training["random"]
        drawn = (version, tuple(words), None)
        random.Random().setstate(drawn)  # which refuses what is no state
        engine = training.get("engine", self.recipe.engine)
        if engine not in (self.recipe.engine, "python"):
            raise PersistenceError(f"its engine is {shortened(repr(engine), 40)}")
        own = Parameters(self.model)
        return Snapshot(epochs, parameters, State(k, arrays), drawn, history, numbers, own, engine)

    def keep(self, snapshot: Snapshot) -> None:
        """Take note of the end of an epoch, and write it if it is time.

        Raises:
            OSError: if it cannot be written; the file is as it was then.
        """
        self._unwritten = self._last = snapshot
        if snapshot.epochs % self.every == 0:
            self.write()

    def write(self, left: Array | None = None) -> None:
        """Write the end of the last epoch, unless that has been done.

        Args:
            left: the parameters that the model is left with, which may be others, such as those of
                an update within the next epoch.

        Raises:
            OSError: likewise.
        """
        snapshot, held = self._unwritten, self._held
        last = self._last
        if left is not None and last is not None and held is not None:
            held = [*held, _digest(left)]
            snapshot = snapshot if np.array_equal(left, last.parameters) else last
        if snapshot is None:
            return
        names, optimizer = snapshot.own.names, snapshot.optimizer
        training = {
            "epochs": snapshot.epochs,
            "engine": snapshot.engine,
            "settings": self.settings,
            "identity": self._identity(snapshot),
            "held": held,
            "optimizer": {
                "updates": optimizer.k,
                "arrays": {name: encoded(x.tolist()) for name, x in optimizer.arrays.items()},
                "settings": {name: _encoded(x) for name, x in snapshot.numbers.items()},
            },
            "random": snapshot.random,
            "history": {
                name: encoded(getattr(snapshot.history, name)[: snapshot.epochs])
                for name in COLUMNS
            },
        }
        kept = snapshot.parameters if snapshot.best is None else snapshot.best
        if snapshot.best is not None:
            training["last"] = encoded(snapshot.parameters.tolist())
        parameters = dict(zip(names, encoded(kept.tolist())))
        write_file(self._place, [parameters, training])
        self._unwritten = None

    # What the run is made of.

    def _functions(self) -> dict[str, Part]:
        """What model, divergence and optimizer are made of as they stand."""
        recipe = self.recipe
        about = self._places, self._known_things
        return {
            "optimizer": part(
                "optimizer",
                recipe.optimizer,
                *about,
                asked=("start", "update"),
                aside=numbers_of(recipe.optimizer),  # which the file has
            ),
            "model": part("model", self.model, *about, asked=("parameters", "named_parameters")),
            "divergence": part("divergence", recipe.divergence, *about),
        }

    def _memory(self) -> Part:
        """What the callbacks are made of, which is what they remember."""
        return part("callbacks", list(self.recipe.callbacks), self._places, self._known_things)

    def _data(self) -> dict[str, Part]:
        """What the data are made of that are no table, whose numbers the settings tell."""
        return {
            name: part(name, examples, self._places, self._known_things)
            for name, examples in self.recipe.data.items()
            if table_of(examples) is None
        }

    def _graph(self) -> dict[str, Part]:
        """What the first instance records, with the parameters that the model has now."""
        X, D = self.recipe.data["X"], self.recipe.data["D"]
        with DrawnNumbers(self._generators):
            try:
                loss = EmpiricalRisk(self.model, self.recipe.divergence).of(X[0], D[0])
            except Exception:  # the run will say what is wrong
                return {}
        return {"graph": graph(loss, self._places)} if isinstance(loss, Value) else {}

    def _graph_at(self, parameters: Array) -> dict[str, Part]:
        """The same with some parameters; the model is left as it was."""
        values = list(self._places)
        before = [value.data for value in values]
        try:
            for value, number in zip(values, parameters.tolist()):
                value.data = number
            return self._graph()
        finally:
            for value, number in zip(values, before):
                value.data = number

    def _identity(self, snapshot: Snapshot) -> dict[str, Any]:
        """What is written of it; a RuntimeWarning says if a run cannot be gone on from."""
        self._places = {value: i for i, value in enumerate(snapshot.own.values)}
        parts, now = self._parts, self._functions()
        if not self.recipe.lowers:
            parts = parts | self._graph_at(snapshot.parameters)
        moved = [called for name, found in now.items() for called in moved_on(parts[name], found)]
        remembered = moved_on(self._callbacks, self._memory()) if snapshot.changed else []
        if snapshot.shared != self._shared:
            if not snapshot.drew:
                moved.append(_SHARED)
            elif snapshot.changed:
                remembered.append(_SHARED)
        if moved and not self._moved:
            warn(
                f"the run of checkpoint {os.fspath(self.path)!r} will not be gone on from: "
                f"{_listed(moved)} became another while it went on, and a checkpoint holds no such "
                f"state; compute it from what is given (lr from k, a model's output from its input "
                f"and parameters), or do without a checkpoint"
            )
        self._moved = list(dict.fromkeys([*self._moved, *moved]))
        return {
            "made_with": MADE_WITH,
            "parts": {name: _written(found) for name, found in parts.items()},
            "moved": self._moved[:_NAMED],
            "remembered": remembered[:_NAMED],
        }

    def _others(self, training: Mapping[str, Any], parameters: Array) -> str:
        """What is another in this run than in that of a file, in words; "" if nothing is."""
        settings: dict[str, str] = training["settings"]
        identity: Any = training.get("identity")
        ended = {f"optimizer.{name}": _text(x) for name, x in _stood(training).items()}
        plain = ended.keys() | {f"optimizer.{name}" for name in self._numbers}
        told: dict[str, list[str]] = {}
        comparable = _comparable(identity)
        if comparable:
            then = identity["parts"]
            now = self._parts if self.recipe.lowers else self._parts | self._graph_at(parameters)
            told = {
                name: self._differences(name, now.get(name), then.get(name), settings)
                for name in sorted({**now, **then})
            }
        others = told.pop("optimizer", [])
        another = bool(others)  # which has other settings
        for name in sorted({**self.settings, **settings}):
            unset = _NEUTRAL.get(name, "not set")  # what did not exist when a file was written
            here, there = (x.get(name, unset) for x in (self.settings, settings))
            end = ended.get(name, there)
            if here in (there, end):
                continue
            is_setting = name.startswith("optimizer.")
            # Where parts can be compared, they say more than the names of functions and classes.
            if told and (name in _NAMES or (is_setting and (another or name not in plain))):
                continue
            was = shortened(escape(there), _LONGEST)
            if end != there:
                was += f", and {end} in the end"
            others.append(f"{escape(name)} is {here} and was {was}")
        course = told.pop("graph", [])  # which is another in consequence of something else
        others += itertools.chain(*told.values())
        if comparable and identity["moved"] and not others:
            return (
                f"{_listed(identity['moved'])} became another while the run went on, and a "
                f"checkpoint holds no such state"
            )
        if others or course:
            listed = "; ".join((others or course)[:3])
            return f"it belongs to another run: {listed}. Give fit() what that run had"
        return ""

    def _differences(
        self, name: str, here: Part | None, there: Any, settings: Mapping[str, str]
    ) -> list[str]:
        """How a part differs from what it was, in words."""
        if here is None or there is None:
            return [f"the {name} can be told only {'now' if there is None else 'of that run'}"]
        if here.digest() == there["digest"]:
            return []
        told = differences(here.lines, there["lines"]) if there["lines"] else []
        called, was = (x.get(name, "not set") for x in (self.settings, settings))
        # A name says more than many modules or the digest of code, if it is another.
        if called != was and (not told or name == "model" or " is code " in told[0]):
            return [f"{name} is {escape(called)} and was {shortened(escape(was), _LONGEST)}"]
        return [escape(line) for line in told] or [f"what the {name} is made of is another"]

    def _notice_parameters(self, snapshot: Snapshot, held: Any, epochs: int) -> None:
        """Say that the model has parameters that do not belong to the run, if it is known."""
        self._held = None if held is None else [str(held[0])]
        if held is None or self._came in [*held, _digest(snapshot.parameters)]:
            return
        n = snapshot.epochs
        nothing = ", and as it is complete, nothing is trained" if n == epochs else ""
        warn(
            f"fit() goes on from epoch {n} of {epochs} of checkpoint {os.fspath(self.path)!r} with "
            f"its parameters; those that the model has are not used{nothing}. Name another "
            f"checkpoint to train this model"
        )

    def _notice(self, identity: Any) -> None:
        """Say what could not be compared."""
        unknown = [called for found in self._parts.values() for called in found.unknown]
        reason = "nothing tells what is in it"
        remembered = identity["remembered"] if _comparable(identity) else []
        if not _comparable(identity):
            unknown = [name for name, x in self._parts.items() if x.own and name != "graph"]
            reason = "it was written by stepgrad 0.1"
            if isinstance(identity, dict):
                reason = f"it was made with {shortened(escape(str(identity.get('made_with'))), 60)}"
                reason += f", and this is {MADE_WITH}"
        if unknown:
            warn(
                f"checkpoint {os.fspath(self.path)!r} is gone on from, but {_listed(unknown)} "
                f"cannot be compared with what that run had ({reason}); if it is another, begin "
                f"anew with another checkpoint"
            )
        if remembered:
            warn(
                f"checkpoint {os.fspath(self.path)!r} is gone on from with callbacks that changed "
                f"the run by what they remembered ({_listed(remembered)}), which is not in the "
                f"file; let them look at the history that they are given, or begin anew"
            )

    def refused(self, reason: str) -> PersistenceError:
        """What to raise of a file that a run cannot go on from."""
        return PersistenceError(
            f"checkpoint {os.fspath(self.path)!r} cannot be gone on from: {reason}, or name "
            f"another checkpoint to begin anew"
        )


def _digest(parameters: Sequence[float] | Array) -> str:
    """Equal for the same parameters, bit by bit."""
    return sha256(np.array(parameters, dtype=np.float64).tobytes()).hexdigest()


def _count(number: object) -> int:
    """A count from a file, which may hold anything."""
    if type(number) is not int or not 0 <= number <= _MOST:
        raise PersistenceError(f"expected a count, got {shortened(repr(number), 40)}")
    return number


def _settings(recipe: Recipe) -> dict[str, str]:
    """What a run has to share with another to go on with it, as text by name."""
    return {
        "batch_size": str(recipe.batch_size),
        "divergence": function_name(recipe.divergence),
        "engine": recipe.engine,
        "model": structure(recipe.model),
        "seed": repr(recipe.seed),
        **{name: repr(option) for name, option in recipe.options.items()},
        **optimizer_settings(recipe.optimizer),
        **{name: fingerprint(examples) for name, examples in recipe.data.items()},
    }


def _written(found: Part) -> dict[str, Any]:
    """What is written of a part: its lines as well, unless they are many."""
    lines = {path: list(line) for path, line in found.lines.items()}
    short = len(json.dumps(lines)) <= _LINES
    return {"digest": found.digest(), "lines": lines if short else {}, "unknown": found.unknown}


def _comparable(identity: Any) -> bool:
    """Whether what a file says of its run was found as it would be found now."""
    return isinstance(identity, dict) and identity.get("made_with") == MADE_WITH


def _stood(training: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizer's plain settings at the end of the last epoch, from a file."""
    return {name: _decoded(x) for name, x in training["optimizer"].get("settings", {}).items()}


def _encoded(setting: Any) -> Any:
    """A plain setting as what JSON can write: a float in a list, as persistence.py encodes it."""
    return encoded([setting]) if type(setting) is float else setting


def _decoded(setting: Any) -> Any:
    if isinstance(setting, list):
        [number] = decoded(setting)
        return number
    if type(setting) not in (bool, int, str, type(None)):
        raise PersistenceError(f"expected a setting, got {shortened(repr(setting), 40)}")
    return setting


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(escape(name) for name in names[:_NAMED]) + more


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
    if isinstance(function, Op):
        return operation(function)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}.{name}"


def table_of(examples: Sequence[Any]) -> Array | None:
    """Inputs or targets as an array; None where they are of several shapes, or no numbers."""
    try:
        return np.array([plain(x) for x in examples], dtype=np.float64)
    except (ValueError, TypeError):
        return None


def fingerprint(examples: Sequence[Any]) -> str:
    """Inputs or targets as a text that tells them from others, if they are a table."""
    table = table_of(examples)
    if table is None:
        return f"{len(examples)} instances of no single shape"
    return (
        f"an array of shape {table.shape} with SHA-256 {sha256(table.tobytes()).hexdigest()[:16]}"
    )


def _text(setting: object) -> str:
    if callable(setting):
        return function_name(setting)
    numbers = (bool, int, float, str, type(None))
    return repr(setting) if isinstance(setting, numbers) else type(setting).__qualname__
