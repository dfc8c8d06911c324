"""``fit``: minimise the empirical risk of a model over a data set, and report how it went.

The parameters travel between the model's Values and one float64 array, which the optimizer
improves; a ``History`` of what happened in each epoch comes out.
"""

from __future__ import annotations

import math
import operator
import os
import random
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from math import inf
from typing import Any, TypeAlias

import numpy as np

from autograd import LoweringError, StaleGraphError, Value, consumers_first
from autograd.core.decisions import warn
from autograd.core.ops import softmax_shift
from autograd.core.stale import stale_among
from autograd.data import numeric
from autograd.lowering.backends import BACKENDS, named_backend
from autograd.text import counted, escape, got, number_within, whole_number

from . import divergences
from .checkpoint import Checkpoint, Recipe, Snapshot
from .divergences import Divergence
from .history import History
from .identity import DrawnNumbers, graph, numbers_of, shared_numbers
from .instances import as_values, data_set, not_lowered, own
from .interrupts import interrupts_held
from .module import Module, Parameters, walk
from .objective import (
    ArrayObjective,
    Data,
    DivergedError,
    Objective,
    OutOfDomainError,
    Outputs,
    RefutedError,
    name_of,
)
from .optimizers import ENDLESS, Adam, Array, Optimizer, State, carried
from .penalties import Penalties
from .progress import Progress
from .risk import EmpiricalRisk
from .targets import Labels, labels_of, weights_of

Callback: TypeAlias = Callable[[Module, History], object]
ENGINES = tuple(BACKENDS)
"""What ``engine`` may be for ``fit`` and ``predict``."""
_LARGE = 100.0  # inputs beyond it are worth a word where a run diverges


def fit(
    model: Module,
    X: Any,
    D: Any,
    *,
    divergence: Divergence = divergences.binary_kl,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    tolerance: float | None = None,
    patience: int | None = None,
    class_weight: Any = None,
    l1: float = 0.0,
    l2: float = 0.0,
    clip_norm: float | None = None,
    engine: str | None = None,
    validation: tuple[Any, Any] | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> History:
    """Train a model: W <- W - eta grad Loss(W), batch by batch (lecture: "Gradient Descent to train
    a network").

    Args:
        model: a module; its parameters are changed.
        X: T inputs, at least one: a list, an array, a frame or what else has an entry or a row for
            each, by position; what can be read once only, such as a generator, is. See
            ``autograd.data``.
        D: T targets, likewise.
        divergence: div(Y, d); see ``nn.divergences``. The default takes one probability, as a model
            with ``output="sigmoid"`` gives.
        optimizer: ``SGD(...)`` or ``Adam(...)``; by default ``Adam(lr=0.01)``.
        epochs: how many times to go through the data, at least 0.
        batch_size: instances to an update; by default all T.
        tolerance: stop when the loss of two successive epochs differs by no more than this.
        patience: stop when so many epochs in a row have brought no smaller validation loss. The
            model is then left with the parameters of the epoch that had the least, whatever has
            ended the run; ``history`` has all epochs.
        class_weight: what the divergence of an instance is multiplied by, also in validation: a
            dict of weights by class as it stands in D (1 for the others), a list of them in order,
            or ``"balanced"``: T / (K n_c), where n_c of the T targets are of class c of K.
        l1: of a penalty l1 sum |w| over all parameters, biases too, whose derivative is added to
            the gradient; the losses that are reported are without it.
        l2: likewise, of l2 / 2 sum w^2.
        clip_norm: make a gradient whose norm, over all parameters and penalties, is larger no
            longer than this.
        engine: ``"numpy"`` and ``"jax"`` lower the risk of one instance to an array program over a
            batch; ``"python"`` computes with Values, which takes a thousand times as long and lets
            a model do what it likes with each instance. The numbers are the same to rounding. By
            default ``"numpy"``, or, with a ``RuntimeWarning``, ``"python"`` for a model that cannot
            be lowered: one that compares Values, reads their numbers, or does something else for
            some instances. Losses and gradients of some instances are compared with the model's
            own now and then, and at the end. The Values hold the parameters at the end and
            whenever a callback is called.
        validation: inputs and targets to evaluate after every epoch, and not to learn from.
        callbacks: called after every epoch with the model and the history so far; one that
            returns True ends the run. Parameters that they put in the place of others, as a model
            may when it is called, are trained from then on, beginning as at the start of a run.
        checkpoint: a file that holds the state of the run. If it is there, the run goes on from it;
            the parameters that the model has are not used then, which a RuntimeWarning says if they
            are not of that run, and the callbacks are called for the last epoch in it once more.
            The numbers are, bit for bit, those of a run that was never interrupted, if model, data
            and settings compute the same, which is checked, whatever they are called (``epochs``,
            ``tolerance``, ``patience`` and ``callbacks`` may differ, but for ``epochs`` with a
            schedule that depends on them). The optimizer has its numbers, such as
            ``lr``, as they stood then. A RuntimeWarning says what cannot be compared, or is not in
            the file. Of two runs on one file the last to write has it.
        every: after how many epochs to write it. It is also written at the end of the run,
            Ctrl-C included; SIGTERM ends Python at once, and the file is as it was last written.
        seed: of the order in which batches are drawn; of no effect for a single batch.
        progress: show a bar on a terminal, one line in a notebook, and some ten lines elsewhere, on
            standard error.

    Returns:
        The history. Ctrl-C ends the run and returns what was learnt by the last complete update.
        A loss, gradient or update that is not finite ends it with a ``RuntimeWarning``, and the
        parameters of the last finite loss and gradient in place; it says in which instance the
        first bad number arose, and how, as ``autograd.detect_anomaly`` does.

    Raises:
        ValueError: if the data, a setting or the checkpoint cannot be used, or the divergence is
            not defined for the outputs, which the first epoch finds out at the latest; no
            parameter has been changed then.
        TypeError: likewise.
        LoweringError: (a ValueError) if the engine was named, is an array engine, and the model's
            course depends on the data; likewise. Where that is found on the way only, the
            parameters are those of the last epoch at which engine and model were seen to agree;
            without a named engine the run goes on from there with Values.
        StaleGraphError: if the model uses what it computed from parameters before it was called.
        ImportError: if the engine is not installed; likewise.
        OSError: if the checkpoint cannot be written; the file is as it was then.
    """
    if engine is not None:
        named_backend(engine)
    epochs, every = whole_number("epochs", epochs, 0), whole_number("every", every)
    if tolerance is not None:
        tolerance = number_within("tolerance", tolerance, 0.0, inf)
    if patience is not None:
        patience = whole_number("patience", patience)
        if validation is None:
            raise ValueError(
                "patience is about the validation loss; give validation=(X, D), such as what "
                "nn.train_test_split sets aside"
            )
    callbacks = _check_callbacks(callbacks)
    optimizer = _check_optimizer(optimizer)
    penalties = Penalties(l1, l2, clip_norm)
    run = _Run(
        model,
        (X, D),
        divergence,
        optimizer,
        batch_size,
        validation,
        seed,
        class_weight,
        penalties,
        patience,
        epochs,
    )
    bar = Progress(epochs, shown=progress)
    try:
        with bar:
            run.begin(engine)
            if checkpoint is not None:
                run.resume(checkpoint, every, epochs, callbacks)
            run.check_parameters(epochs)
            bar.skip(run.epochs)
            reason = run.train(epochs, tolerance, callbacks, bar)
            run.take_best()
    except KeyboardInterrupt:
        reason = "interrupted"
        with interrupts_held():
            run.interrupt()
            run.take_best()
    except DivergedError as diverged:
        if isinstance(diverged, OutOfDomainError) and not run.epochs:
            run.complete[:] = run.initial
            raise ValueError(str(diverged)) from None
        run.complete[:] = run.good
        run.take_best()
        reason = f"diverged: {diverged}"
        details = f"\n{diverged.details}" if diverged.details else ""
        warnings.warn(
            f"fit() stopped: {diverged}; {run.advice()}{details}",
            RuntimeWarning,
            stacklevel=2,
        )
    except Exception as error:
        if not run.epochs:
            run.complete[:] = run.initial
        if isinstance(error, StaleGraphError) and (place := run.computed_outside()):
            raise StaleGraphError(f"{place} ({error})") from None
        raise
    finally:
        with interrupts_held():
            run.end()
    run.history.reason = reason
    if run.stuck(reason):
        warnings.warn(
            "fit() learnt nothing: the loss is not 0, but its gradient is exactly 0, as where "
            "units are saturated (tanh, sigmoid) or dead (relu); scale each input to mean 0 and "
            "standard deviation 1, or begin with other weights, by rng=",
            RuntimeWarning,
            stacklevel=2,
        )
    run.save()
    bar.finish(reason)
    return run.history


class _Run:
    """The state of one call of ``fit``.

    Attributes:
        objective: computes with the numbers ``objective.parameters``, which the optimizer improves
            in place.
        complete: a copy of those, made after every update that was not interrupted.
        good: a copy of those that last gave a finite loss and gradient.
        initial: a copy of those before the first update.
        right: the state at the end of the last epoch at which the objective was compared with the
            model, or at the start: the epochs, the parameters, and what updates depend on.
        begun: a copy of those before the first update of this call.
        started: how many epochs were complete then.
        history: of the epochs so far.
        epochs: how many are complete.
        best: with ``patience``, which epoch had the least validation loss, that loss and the
            parameters at its end; None before there is one.
    """

    def __init__(
        self,
        model: Module,
        data: Data,
        divergence: Divergence,
        optimizer: Optimizer,
        batch_size: int | None,
        validation: Data | None,
        seed: int,
        class_weight: Any,
        penalties: Penalties,
        patience: int | None,
        epochs: int,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"fit() trains an nn.Module, got {got(model)}")
        self.own = Parameters(model)
        if not self.own.values:
            raise ValueError(f"{model!r} has no parameters, so there is nothing to train")
        data, given = data_set(*data), data
        if validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise TypeError(
                    f"validation must be a pair of inputs and targets, got {got(validation)}"
                )
            again = {id(came): read for came, read in zip(given, data)}  # a generator is read once
            validation = data_set(*(again.get(id(came), came) for came in validation))
        size = len(data[0])
        if batch_size is not None:
            batch_size = min(whole_number("batch_size", batch_size), size)
        self.batch_size = batch_size or size
        self.model, self.data, self.validation = model, data, validation
        self.weights: tuple[float, ...] | None = None
        if class_weight is not None:
            divergence = divergences.Weighted(divergence, weights_of(data[1], class_weight))
            self.weights = divergence.weights
        self.penalties, self.patience = penalties, patience
        self.best: tuple[int, float, Array] | None = None
        self.risk = EmpiricalRisk(model, divergence)
        row = divergences.row_of(divergence)
        self.decision = row.decision if row else None
        self.labels = [
            labels_of(pair[1]) if self.decision is not None and pair else None
            for pair in (self.data, validation)
        ]
        self.optimizer = optimizer
        self.state: Any = optimizer.start(len(self.own.values))
        self.updates = epochs * -(-size // self.batch_size)
        self.tell_updates()
        self.seed = operator.index(seed) if hasattr(seed, "__index__") else seed
        self.random = _generator(self.seed)
        self.complete: Array = np.array([value.data for value in self.own.values])
        self.good, self.initial = self.complete.copy(), self.complete.copy()
        self.begun, self.started = self.complete.copy(), 0
        self.history, self.epochs = History(), 0
        self.checkpoint: Checkpoint | None = None
        self.warned, self.course = False, ""
        self.changed = self.drew = False  # what callbacks have done; see Snapshot
        self.keep_right()

    def begin(self, engine: str | None) -> None:
        """Choose what computes the loss and its gradient; None for what suits the model."""
        self.engine, self.named = engine or "numpy", engine is not None
        self.build()
        if self.renew() and self.renew():  # the model has made some when it was called
            raise self.never_trained()
        self.keep_right()

    def build(self) -> None:
        """Make what computes the loss and its gradient, of the model as it is now."""
        about = self.risk, self.data, self.validation
        if not BACKENDS[self.engine].lowers:
            self.objective = Objective(*about)
            return
        try:
            self.objective = ArrayObjective(*about, self.engine)
        except LoweringError as refused:
            if self.named:
                raise
            self.take_values(str(refused))

    def take_values(self, reason: str) -> None:
        """Compute with Values from here on, as nobody has asked for anything else."""
        warn(f"fit() computes with Values, which takes much longer: {reason}")
        self.engine = "python"
        self.objective = Objective(self.risk, self.data, self.validation)
        self.objective.parameters[:] = self.complete

    def keep_right(self) -> None:
        """Take note of a state at which objective and model are known to agree."""
        numbers, drawn = numbers_of(self.optimizer), self.random.getstate()
        state = deepcopy(self.state)
        self.right = self.epochs, self.complete.copy(), state, drawn, numbers, self.best

    def is_right(self, last: bool = False) -> bool:
        """Compare the objective with the model, if it is time or the last one; if they differ, go
        back to where they were seen to agree, with Values from then on.

        Raises:
            LoweringError: if they differ, and the engine was named.
        """
        try:
            if self.objective.check(last):
                self.keep_right()
            return True
        except RefutedError as refuted:
            refused = not_lowered(f"after {counted(self.epochs, 'epoch')} {refuted}")
        except StaleGraphError:
            self.complete[:] = self.right[1]
            raise
        epochs, parameters, self.state, drawn, numbers, self.best = self.right
        self.random.setstate(drawn)
        self.set(numbers)  # callbacks come again for that epoch
        np.copyto(self.complete, parameters)
        np.copyto(self.good, parameters)
        self.history.cut(epochs)
        self.epochs = epochs
        place = f"of epoch {epochs}" if epochs else "from before the run"
        where = f"the parameters are those {place}, where both were last seen to agree"
        if not self.named:
            self.take_values(f"{refused}; {where}, and it goes on from there")
        if self.checkpoint is not None:  # which may hold a later epoch
            self.checkpoint.keep(self.snapshot())
            self.save()
        if self.named:
            raise LoweringError(f"{refused}; {where}")
        return False

    def set(self, numbers: Mapping[str, Any]) -> None:
        """Give the optimizer settings that ``numbers_of`` had of it."""
        if numbers:
            vars(self.optimizer).update(numbers)

    def interrupt(self) -> None:
        """The end in the middle of something: of an update that is not complete, or of lowering."""
        if hasattr(self, "objective"):
            np.copyto(self.objective.parameters, self.complete)
            self.is_right(last=True)

    def resume(
        self,
        path: str | os.PathLike[str],
        every: int,
        epochs: int,
        callbacks: Sequence[Callback],
    ) -> None:
        """Keep a checkpoint from now on, and go on from what is in it already."""
        if not isinstance(self.state, State):
            raise TypeError(
                f"a checkpoint needs an optimizer whose start() gives an nn.optimizers.State, "
                f"got {self.state!r}"
            )
        self.checkpoint = Checkpoint(path, every, self.recipe(callbacks))
        snapshot = self.checkpoint.load(self.state, epochs)
        if snapshot is not None:
            best = self.best_of(snapshot)
            with interrupts_held():
                self.set(snapshot.numbers)
                if snapshot.engine != self.engine and not self.named:
                    # It was found on the way that the model cannot be lowered.
                    self.engine = snapshot.engine
                    self.build()
                self.history, self.epochs = snapshot.history, snapshot.epochs
                self.state, self.best = snapshot.optimizer, best
                self.tell_updates()
                self.random.setstate(snapshot.random)
                self.objective.parameters[:] = snapshot.parameters
                np.copyto(self.complete, snapshot.parameters)
                np.copyto(self.good, snapshot.parameters)
                np.copyto(self.begun, snapshot.parameters)
                self.started = snapshot.epochs
                self.keep_right()

    def tell_updates(self) -> None:
        """Let a schedule know how long the run is."""
        if isinstance(self.state, State):
            self.state.total = self.updates

    def best_of(self, snapshot: Snapshot) -> tuple[int, float, Array] | None:
        """The best epoch of a run that is gone on from.

        Raises:
            PersistenceError: if its parameters have not been kept.
        """
        losses = [x for x in snapshot.history.validation_loss if not math.isnan(x)]
        if self.patience is None or not losses:
            return None
        if snapshot.best is None:
            assert self.checkpoint is not None
            raise self.checkpoint.refused(
                "that run had no patience, so the parameters of its best epoch were not kept. "
                "Leave out patience"
            )
        return snapshot.history.validation_loss.index(min(losses)) + 1, min(losses), snapshot.best

    def take_best(self) -> None:
        """End with the parameters of the best epoch, if it is known."""
        if self.best is not None:
            np.copyto(self.complete, self.best[2])

    def recipe(self, callbacks: Sequence[Callback]) -> Recipe:
        """What the run computes with."""
        data = {"X": self.data[0], "D": self.data[1]}
        if self.validation is not None:
            data |= {"validation X": self.validation[0], "validation D": self.validation[1]}
        options: dict[str, Any] = {"class_weight": self.weights, **asdict(self.penalties)}
        if getattr(self.optimizer, "schedule", "constant") not in ENDLESS:
            options["the number of updates, which the schedule depends on,"] = self.updates
        return Recipe(
            self.model, self.risk.divergence, self.optimizer, data, self.batch_size, self.seed,
            self.engine, BACKENDS[self.engine].lowers, callbacks, options,
        )  # fmt: skip

    def train(
        self,
        epochs: int,
        tolerance: float | None,
        callbacks: Sequence[Callback],
        bar: Progress,
    ) -> str:
        """Go through the data until there is a reason to end, and return it."""
        while True:
            reason = self.reason_to_end(epochs, tolerance, callbacks)
            if reason and self.is_right(last=True):
                return reason
            if not reason:
                self.improve(bar)

    def reason_to_end(
        self, epochs: int, tolerance: float | None, callbacks: Sequence[Callback]
    ) -> str:
        """Why the run is over after a whole epoch; empty if it is not."""
        if self.epochs:
            if self.call(callbacks):
                return "callback"
            if _settled(self.history.loss, tolerance):
                return "tolerance"
            best = self.best[0] if self.best else 0
            if self.patience is not None and self.epochs - best >= self.patience:
                return "patience"
        return "epochs" if self.epochs >= epochs else ""

    def improve(self, bar: Progress) -> None:
        """Make an epoch, or go back to where objective and model were seen to agree."""
        try:
            self.epoch()
        except DivergedError:
            np.copyto(self.objective.parameters, self.good)
            if self.is_right(last=True):
                raise
        else:
            if self.is_right():
                bar.advance(str(self.history))
                return
        bar.skip(self.epochs)

    def call(self, callbacks: Sequence[Callback]) -> bool:
        """Call the callbacks, which may change the parameters; whether one asks for the end."""
        if not callbacks:
            return False
        self.end()
        self.course = self.course or self.record()
        numbers = numbers_of(self.optimizer)
        shared = shared_numbers() if self.checkpoint is not None else 0
        answers = [callback(self.model, self.history) for callback in callbacks]
        self.objective.parameters[:] = [value.data for value in self.own.values]
        unchanged = numbers == numbers_of(self.optimizer)
        self.changed |= not (unchanged and np.array_equal(self.complete, self.objective.parameters))
        self.drew |= self.checkpoint is not None and shared != shared_numbers()
        np.copyto(self.complete, self.objective.parameters)
        if not self.own.hold():
            others, course = self.renew(), self.record()
            if course != self.course and not others:  # something else is done with the same ones
                self.rebuild()
            self.course = course
        return any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers)

    def renew(self) -> bool:
        """Train the parameters that the model has now; whether some were not there before.

        Raises:
            ValueError: if there are none any more.
            TypeError: if the optimizer's state is no number for each parameter.
        """
        if self.own.hold():
            return False
        own, before = Parameters(self.model), self.own
        if own.names == before.names and all(map(operator.is_, own.values, before.values)):
            self.own = own
            return False
        if not own.values:
            raise ValueError(f"{self.model!r} has no parameters any more")
        known = {value: i for i, value in enumerate(before.values)}
        places = [known.get(value, -1) for value in own.values]
        state = carried(self.optimizer, self.state, places)
        numbers = [
            np.array([x[i] if i >= 0 else v.data for i, v in zip(places, own.values)])
            for x in (self.objective.parameters, self.good, self.initial, self.begun)
        ]
        with interrupts_held():
            self.own, self.state = own, state
            if self.best is not None:
                kept = [self.best[2][i] if i >= 0 else v.data for i, v in zip(places, own.values)]
                self.best = *self.best[:2], np.array(kept)
            self.complete, self.good, self.initial, self.begun = numbers
            self.end()
        self.rebuild()
        return True

    def rebuild(self) -> None:
        """Compute with the model as it is now, which is another."""
        self.build()
        self.objective.parameters[:] = self.complete
        self.keep_right()

    def never_trained(self) -> ValueError:
        """What is wrong with a model that replaces its parameters again and again."""
        return ValueError(
            "the model makes its parameters anew whenever it is called, so that none of them is "
            "ever trained: make them in __init__, and assign to their data to change them"
        )

    def ends_in_softmax_of_one(self) -> bool:
        """Whether there is one in what the model computes for the first instance."""
        nodes = consumers_first(*as_values(self.model(own(self.data[0][0]))))
        return any(node.op is softmax_shift and len(node.operands) == 1 for node in nodes)

    def computed_outside(self) -> str:
        """What the loss uses that was computed before the model was called, and is not what it
        would be now; "" if there is nothing.
        """
        again, stale = (stale_among(consumers_first(self.first_loss())) for _ in range(2))
        old = set(stale).intersection(again)
        if not old:
            return ""
        held = [
            f"the model's {escape(name)}"
            for name, x in walk(self.model, private=True)
            if isinstance(x, Value) and old.intersection(consumers_first(x))
        ]
        return (
            f"{(held or ['a Value that the loss depends on'])[0]} was computed outside of "
            f"__call__, as in __init__, from numbers that have changed since: compute it in "
            f"__call__, of the parameters as they are then"
        )

    def check_parameters(self, epochs: int) -> None:
        """Do not begin to train parameters that are not finite.

        Raises:
            DivergedError: if one is not.
        """
        finite = np.isfinite(self.complete)
        if self.epochs < epochs and not finite.all():
            i = int(np.argmin(finite))
            raise DivergedError(f"the parameter {name_of(self.risk, i)} is {self.complete[i]}")

    def first_loss(self) -> Any:
        """The loss of the first instance, recorded with Values."""
        return self.risk.of(self.data[0][0], self.data[1][0])

    def record(self) -> str:
        """What tells the graph of the first instance from another; "" where none stands for all."""
        if not BACKENDS[self.engine].lowers:
            return ""
        loss = self.first_loss()
        return graph(loss, {value: i for i, value in enumerate(self.model.parameters())}).digest()

    def warn_of_constants(self) -> None:
        """Say which leaves of the loss look like parameters and are none."""
        self.warned = True
        leaves = set(self.objective.constants or ())
        if leaves:  # those that are kept on purpose, or made anew for each instance, are none
            public, known = (
                {x for _, x in walk(self.model, private=p) if isinstance(x, Value)}
                for p in (False, True)
            )
            leaves -= {node for x in known - public for node in consumers_first(x)}
            data = Module()
            data.X, data.D = self.data  # type: ignore[attr-defined]
            leaves -= {x for _, x in walk(data) if isinstance(x, Value)}
        if leaves:
            with DrawnNumbers(()):
                loss = self.first_loss()
            leaves &= set(consumers_first(loss))
        if leaves:
            names = sorted(x.label or repr(x) for x in leaves)
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            warn(
                f"the loss depends on {', '.join(map(escape, names[:3]))}{more}, which fit() does "
                f"not train, as the model's parameters() do not hold it: keep it in an attribute "
                f"of the model, or in a list or dict there, as a Value that is not computed; if it "
                f"is to stay as it is, in an attribute whose name begins with an underscore"
            )

    def epoch(self) -> None:
        """Go through the data once, and add a line to the history."""
        started = time.perf_counter()
        order = list(range(len(self.data[0])))
        if self.batch_size < len(order):
            self.random.shuffle(order)
        total = 0.0
        outputs: list[Sequence[float]] = []
        for first in range(0, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            loss, gradient, found = self.differentiate(batch)
            if not self.warned:
                self.warn_of_constants()
            self.update(gradient)
            total += loss * len(batch)
            outputs += found
        line = {
            "loss": total / len(order),
            "accuracy": self.score(outputs, self.labels[0], order),
        }
        if self.validation is not None:
            line["validation_loss"], found = self.objective.validate()
            everyone = range(len(self.validation[1]))
            line["validation_accuracy"] = self.score(found, self.labels[1], everyone)
        line["seconds"] = time.perf_counter() - started
        self.history.add(line)
        self.epochs += 1
        if self.patience is not None:
            loss = self.history.validation_loss[-1]
            if not math.isnan(loss) and (self.best is None or loss < self.best[1]):
                self.best = self.epochs, loss, self.complete.copy()
        if self.checkpoint is not None:
            self.checkpoint.keep(self.snapshot())

    def differentiate(self, batch: Sequence[int]) -> tuple[float, Array, Any]:
        """The loss of some instances, its gradient by the model's parameters, and the outputs."""
        if BACKENDS[self.engine].lowers:
            return self.objective.differentiate(batch)
        self.renew()
        for _ in range(2):
            found = self.objective.differentiate(batch)
            if not self.renew():  # the model has made none when it was called
                return found
        raise self.never_trained()

    def update(self, gradient: Array) -> None:
        """Improve the parameters, which gave a finite loss and gradient, by one step.

        Raises:
            DivergedError: if the new parameters are not finite.
        """
        parameters = self.objective.parameters
        np.copyto(self.good, parameters)
        with np.errstate(all="ignore"):
            gradient = self.penalties.applied(gradient, parameters)
            self.optimizer.update(parameters, gradient, self.state)
        finite = np.isfinite(parameters)
        if not finite.all():
            i = int(np.argmin(finite))
            raise DivergedError(f"the update of {name_of(self.risk, i)} made it {parameters[i]}")
        np.copyto(self.complete, parameters)

    def snapshot(self) -> Snapshot:
        """The state at the end of an epoch."""
        arrays = {name: array.copy() for name, array in self.state.arrays.items()}
        state, parameters = State(self.state.k, arrays), self.complete.copy()
        numbers = numbers_of(self.optimizer)
        return Snapshot(
            self.epochs, parameters, state, self.random.getstate(), self.history, numbers, self.own,
            self.engine, self.changed, self.drew, shared_numbers(),
            None if self.best is None else self.best[2],
        )  # fmt: skip

    def save(self) -> None:
        """Write the end of the last epoch, if there is a checkpoint."""
        if self.checkpoint is not None:
            with interrupts_held():
                self.checkpoint.write(self.complete)

    def end(self) -> None:
        """Leave whole epochs in the history, and the complete parameters in the model's Values."""
        self.history.cut(self.epochs)
        for value, number in zip(self.own.values, self.complete.tolist()):
            value.data = number

    def advice(self) -> str:
        """What has become of the model, and what to do about a number that is not finite."""
        if not np.isfinite(self.begun).all():
            return (
                "it was so before the first update, and nothing was changed; give it a finite "
                "number, by p.data = ..., or make the model anew"
            )
        return f"the model keeps the last good parameters; {self._remedy()}"

    def _remedy(self) -> str:
        for name, data in zip(("X", "D"), self.data):
            table = _table(name, data)
            if table is not None and not np.isfinite(table).all():
                place = tuple(np.argwhere(~np.isfinite(table))[0])
                where = "".join(f"[{i}]" for i in place)
                return (
                    f"{name}{where} is {table[place]}: leave that instance out, or fill in a number"
                )
        row = divergences.row_of(self.risk.divergence)
        if row is not None and np.isfinite(self.objective.parameters).all():
            _, _, outputs = self.objective.compute(range(len(self.data[0])))
            if saturation := row.saturation(outputs):
                if all(list(y) == [1.0] for y in outputs) and self.ends_in_softmax_of_one():
                    return (
                        "a softmax of one output is always 1: build the model with "
                        "output='sigmoid' for one probability, or with an output for each class"
                    )
                return f"{saturation}, or try a smaller lr" if self.epochs else saturation
        table = _table("X", self.data[0])
        largest = 0.0 if table is None else np.abs(table).max(initial=0.0)
        if largest > _LARGE:
            return (
                f"inputs reach {largest:.3g}: scale each to mean 0 and standard deviation 1, or "
                f"try a smaller lr"
            )
        return "check the data, or try a smaller lr"

    def stuck(self, reason: str) -> bool:
        """Whether a run that went on to its end could not learn anything."""
        if (
            reason not in ("epochs", "tolerance")
            or self.epochs == self.started
            or not np.array_equal(self.complete, self.begun)
        ):
            return False
        size = len(self.data[0])
        loss, gradient, _ = self.objective.compute(range(size))
        if loss <= 0.0 or gradient.any():
            return False
        # At a minimum the gradients of the instances cancel; here none of them has any.
        some = range(0, size, max(1, size // 20))
        return not any(self.objective.compute([i])[1].any() for i in some)

    def score(self, outputs: Outputs, labels: Labels | None, order: Sequence[int]) -> float | None:
        """The accuracy, if the divergence is a classifier's and the targets are classes."""
        return labels.share(outputs, self.decision, order) if labels else None


def _settled(loss: list[float], tolerance: float | None) -> bool:
    return tolerance is not None and len(loss) > 1 and abs(loss[-1] - loss[-2]) <= tolerance


def _table(name: str, data: Sequence[Any]) -> Array | None:
    """Inputs or targets as an array, if they are numbers of one shape."""
    try:
        return numeric(name, data)
    except (TypeError, ValueError):
        return None


def _check_optimizer(optimizer: Optimizer | None) -> Optimizer:
    if optimizer is None:
        return Adam()
    if isinstance(optimizer, type) or not hasattr(optimizer, "update"):
        raise TypeError(
            f"optimizer must be one that has been made, such as SGD(0.1) or Adam(0.01), got "
            f"{optimizer!r}"
        )
    return optimizer


def _check_callbacks(callbacks: Any) -> list[Callback]:
    if hasattr(callbacks, "__iter__"):
        taken = list(callbacks)
        if all(map(callable, taken)):
            return taken
    raise TypeError(
        f"callbacks must be a list of functions, got {callbacks!r}; write for example "
        f"callbacks=[lambda model, history: print(history)]"
    )


def _generator(seed: int) -> random.Random:
    try:
        return random.Random(seed)
    except TypeError as error:
        raise TypeError(f"seed must be a whole number, got {got(seed)}: {error}") from None
