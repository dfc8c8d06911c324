"""Tests of what a run is: its parameters as they are, and its identity by what it computes.

A checkpoint must be gone on with by a program that computes the same, however it is told, and be
refused by any other, whatever it is called. Programs are texts, run anew for each run. What is
changed in them makes other numbers, which the uninterrupted run shows.
"""

import functools
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import interrupted_runs
import numpy as np
import pytest

import nn
from autograd import LoweringError, Value
from nn import MLP, SGD, Adam, History, Module, PersistenceError, fit
from nn.divergences import l2

every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])
X = [[0.1 * i, 1.0 - 0.05 * i] for i in range(6)]
D = [2.0 * x - y for x, y in X]

# The identity of a run.

PROGRAM = """
import functools
import math
import random
import autograd
import nn
import numpy as np
from autograd import Value, tanh

SLOPE = 0.5

def leaky(slope):
    def activation(z):
        return autograd.maximum(z, slope * z)
    return activation

def bend(z, slope=0.25):
    return tanh(z * slope)

def helper(z):
    return SLOPE * z

def through_helpers(z):
    return tanh(helper(z))

class Scaled:
    times = 2.0
    def __init__(self, slope):
        self.slope = slope
    def __call__(self, z):
        return self.times * self.scaled(z)
    def scaled(self, z):
        return z * self.slope

class Model(nn.Module):
    def __init__(self):
        self.slope = 0.1
        self.parts = {"a": nn.Layer(2, 2, ACTIVATION, rng=random.Random(0)), "deep": [{"k": 3.0}]}
        self.out = nn.Layer(2, 1, "linear", rng=random.Random(1))
    def __call__(self, x):
        y = self.parts["a"](x)
        return [self.out(y)[0] * self.slope + self.parts["deep"][0]["k"] * 0.125]

def divergence(y, d):
    "How far y is from d."
    return (y[0] - d) ** 2 * 1.5

def schedule(k):
    return 0.1 / (1 + k)

X = [[0.1 * i, 1.0 - 0.05 * i] for i in range(6)]
D = [2.0 * x - y for x, y in X]
DIVERGENCE = DIVERGENCE_TEXT
MODEL = Model()
OPTIMIZER = OPTIMIZER_TEXT
"""
START = {
    "ACTIVATION": "tanh",
    "DIVERGENCE_TEXT": "divergence",
    "OPTIMIZER_TEXT": "nn.SGD(0.1)",
}


def program(changes: dict[str, str] | None = None, **texts: str) -> str:
    text = PROGRAM
    for old, new in {**START, **texts, **(changes or {})}.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def train(text: str, path: Path | None, epochs: int, engine: str = "python", **options: Any) -> Any:
    held = interrupted_runs.start(text, options.pop("name", "program"))
    fit(
        held["MODEL"], held["X"], held["D"], divergence=held["DIVERGENCE"], engine=engine,
        optimizer=held["OPTIMIZER"], checkpoint=path, epochs=epochs, batch_size=4, progress=False,
        callbacks=held.get("CALLBACKS", ()), **options,
    )  # fmt: skip
    return [value.data.hex() for value in held["MODEL"].parameters()]


# By name: how the program is, what is changed in it, and what is said of that.
CHANGES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "a closure": (
        {"ACTIVATION": "leaky(0.1)"},
        {"leaky(0.1)": "leaky(0.2)"},
        r"slope is 0\.2 and was 0\.1",
    ),
    "a partial": (
        {"ACTIVATION": "functools.partial(bend, slope=0.1)"},
        {"slope=0.1)": "slope=0.2)"},
        r"slope is 0\.2 and was 0\.1",
    ),
    "a partial in place": (
        {"DIVERGENCE_TEXT": "functools.partial(lambda w, y, d: w * (y[0] - d) ** 2, 3.0)"},
        {"3.0)": "4.0)"},
        r"argument 0 is 4\.0 and was 3\.0",
    ),
    "a default": (
        {"ACTIVATION": "bend"},
        {"slope=0.25": "slope=0.5"},
        r"slope is 0\.5 and was 0\.25",
    ),
    "a lambda": (
        {"ACTIVATION": "lambda z: 0.5 * z"},
        {"0.5 * z": "0.25 * z"},
        r"activation is code \w+ and was code \w+",
    ),
    "an object's state": (
        {"ACTIVATION": "Scaled(0.5)"},
        {"Scaled(0.5)": "Scaled(0.25)"},
        r"slope is 0\.25 and was 0\.5",
    ),
    "an object's class": (
        {"ACTIVATION": "Scaled(0.5)"},
        {"times = 2.0": "times = 3.0"},
        r"times is 3\.0 and was 2\.0",
    ),
    "an object's method": (
        {"ACTIVATION": "Scaled(0.5)"},
        {"return z * self.slope": "return z + self.slope"},
        r"scaled is code",
    ),
    "a bound method": (
        {"ACTIVATION": "Scaled(0.5).scaled"},
        {"Scaled(0.5)": "Scaled(0.25)"},
        r"slope is 0\.25 and was 0\.5",
    ),
    "what super() finds": (
        {"ACTIVATION": "Twice(0.5)", "class Model": (
            "class Twice(Scaled):\n"
            "    def __call__(self, z):\n"
            "        return super().__call__(z)\n"
            "class Model"
        )},
        {"return self.times * self": "return self.times + self"},
        r"__call__ is code",
    ),
    "what another instance does": (
        {"** 2 * 1.5": "** 2 * (1.5 if d < -0.3 else 2.5)"},
        {"< -0.3": "< -0.6"},
        "divergence is code",
    ),
    "a hyperparameter": ({}, {"slope = 0.1": "slope = 0.9"}, r"model\.slope is 0\.9 and was 0\.1"),
    "deep in a model": ({}, {'"k": 3.0': '"k": 4.0'}, r"deep.* is .*4\.0.* and was .*3\.0"),
    "a global number": (
        {"ACTIVATION": "through_helpers"},
        {"SLOPE = 0.5": "SLOPE = 0.75"},
        r"helper: SLOPE is 0\.75 and was 0\.5",
    ),
    "a global function": (
        {"ACTIVATION": "through_helpers"},
        {"return SLOPE * z": "return SLOPE + z"},
        r"helper is code",
    ),
    "a constant of the divergence": ({}, {"** 2 * 1.5": "** 2 * 2.5"}, "divergence is code"),
    "an operation": ({}, {"y[0] - d": "y[0] + d"}, "divergence is code"),
    "a schedule": (
        {"OPTIMIZER_TEXT": "nn.SGD(lambda k: 0.1 / (1 + k))"},
        {"0.1 / (1 + k))": "0.1 / (2 + k))"},
        r"optimizer\.lr is code",
    ),
    "a schedule's partial": (
        {"OPTIMIZER_TEXT": "nn.SGD(functools.partial(lambda a, k: a / (1 + k), 0.1))"},
        {", 0.1))": ", 0.2))"},
        r"optimizer\.lr: argument 0 is 0\.2 and was 0\.1",
    ),
    "a number for a schedule": (
        {"OPTIMIZER_TEXT": "nn.SGD(schedule)"},
        {"nn.SGD(schedule)": "nn.SGD(0.1)"},
        r"optimizer\.lr",
    ),
    "an operation of one's own": (
        {"ACTIVATION": 'autograd.Op("cube", "x ** 3", "3 * x ** 2")'},
        {'"x ** 3", "3 * x ** 2"': '"x ** 3 / 2", "3 * x ** 2 / 2"'},
        r"x \*\* 3 / 2",
    ),
    "ragged data": (
        {"X = [[": "X = [[1.0], [2.0, 3.0]] + [[", "def __call__(self, x):\n        y": (
            "def __call__(self, x):\n        x = [sum(x), x[0]]\n        y"
        ), "D = [2.0 * x - y for x, y in X]": "D = [1.0] * 8"},
        {"[2.0, 3.0]]": "[2.0, 4.0]]"},
        r"X\[1\] is \[2\.0, 4\.0\] and was \[2\.0, 3\.0\]",
    ),
    "data in dicts": (
        {"X = [[": "X = [dict(p=x[0], q=(x[1],), r=2.5) for x in [[", "range(6)]": "range(6)]]",
         "def __call__(self, x):\n        y": (
            "def __call__(self, x):\n        x = [x['p'] * x['r'], x['q'][0]]\n        y"
        ), "D = [2.0 * x - y for x, y in X]": "D = [1.0] * 6"},
        {"r=2.5": "r=3.5"},
        r"X\[0\]\['r'\] is 3\.5 and was 2\.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_another_run_is_told_by_what_it_computes(case: str, tmp_path: Path) -> None:
    before, change, said = CHANGES[case]
    first, path = program(before), tmp_path / "run"
    second = first
    for old, new in change.items():
        assert first.count(old) == 1
        second = second.replace(old, new)
    train(first, path, 2)
    content = path.read_bytes()
    if case == "an operation of one's own":  # which is then entered anew
        from autograd.core.table import EVERY, OPS

        for rows in (OPS, EVERY):
            for name in [name for name in rows if name.startswith("cube")]:
                del rows[name]
    with pytest.raises(PersistenceError, match=said + ".*name another checkpoint"):
        train(second, path, 4)
    assert path.read_bytes() == content
    if case != "an operation of one's own":
        assert train(first, path, 4) == train(first, None, 4) != train(second, None, 4)


TELLINGS: dict[str, Callable[[str], str]] = {
    "another name": lambda text: text.replace("divergence", "distance").replace("bend", "curve"),
    "another class's name": lambda text: text.replace("Model", "Network").replace("Scaled", "S"),
    "another global name": lambda text: text.replace("SLOPE", "RATE").replace("helper", "h"),
    "another variable": lambda text: text.replace("activation", "f").replace("e * z", "e*z"),
    "other lines": lambda text: "\n\n" + text.replace("\n    return", "\n\n    # Then\n    return"),
    "other words": lambda text: text.replace("How far y is from d.", "Half of it."),
    "no words": lambda text: text.replace('    "How far y is from d."\n', ""),
    "another order": lambda text: text.replace("SLOPE = 0.5\n", "").replace(
        "import nn\n", "import nn\nSLOPE = 0.5\n"
    ),
    "a note": lambda text: text.replace("self.slope = 0.1", "self.slope, self.note = 0.1, 'tried'"),
}  # fmt: skip


@pytest.mark.parametrize("telling", TELLINGS)
@pytest.mark.parametrize("activation", ["leaky(0.1)", "functools.partial(through_helpers)"])
def test_the_same_run_told_in_another_way_goes_on(
    telling: str, activation: str, tmp_path: Path
) -> None:
    first = program(ACTIVATION=activation)
    second = TELLINGS[telling](first)
    assert second != first
    train(first, tmp_path / "run", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ended = train(second, tmp_path / "run", 4, name="elsewhere")
    assert ended == train(first, None, 4)


@every_engine
def test_an_lr_that_a_callback_has_lowered_stays_lowered(engine: str, tmp_path: Path) -> None:
    text = program() + (
        "def lower(model, history):\n"
        "    if len(history) == 2:\n"
        "        OPTIMIZER.lr *= 0.1\n"
        "CALLBACKS = [lower]\n"
    )
    train(text, tmp_path / "run", 4, engine)
    written = json.loads((tmp_path / "run").read_text().splitlines()[2])
    assert written["settings"]["optimizer.lr"] == "0.1"
    assert written["optimizer"]["settings"]["lr"] == [0.010000000000000002]
    assert train(text, tmp_path / "run", 6, engine) == train(text, None, 6, engine)
    with pytest.raises(PersistenceError, match=r"lr is 0\.2 and was 0\.1, and 0\.01\d* in the end"):
        train(text.replace("nn.SGD(0.1)", "nn.SGD(0.2)"), tmp_path / "run", 8, engine)


def test_callbacks_that_go_by_what_they_remember_are_told(tmp_path: Path) -> None:
    text = program() + (
        "class Plateau:\n"
        "    def __init__(self):\n"
        "        self.calls, self.seen = 0, []\n"
        "    def __call__(self, model, history):\n"
        "        self.calls += 1\n"
        "        if self.calls == 2:\n"
        "            OPTIMIZER.lr *= 0.5\n"
        "CALLBACKS = [Plateau()]\n"
    )
    watching = text.replace("OPTIMIZER.lr *= 0.5", "self.seen.append(OPTIMIZER.lr)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(text, tmp_path / "run", 4)
        train(watching, tmp_path / "watched", 4)
        assert train(watching, tmp_path / "watched", 6) == train(watching, None, 6)
    with pytest.warns(
        RuntimeWarning, match=r"remembered \(callbacks\[0\]\.calls\), which is not in"
    ):
        train(text, tmp_path / "run", 6)


STATES = {
    "a generator of its own": (
        "self.slope = 0.1",
        "self.slope, self.rng = 0.1, random.Random(0)",
        "y = self.parts",
        "x = [v * self.rng.random() for v in x]; y = self.parts",
        r"model\.rng",
    ),
    "a generator of NumPy's": (
        "self.slope = 0.1",
        "self.slope, self.rng = 0.1, np.random.default_rng(0)",
        "y = self.parts",
        "x = [v * self.rng.random() for v in x]; y = self.parts",
        r"model\.rng",
    ),
    "everybody's generator in NumPy": (
        "y = self.parts",
        "x = [v * np.random.rand() for v in x]; y = self.parts",
        "y = self.parts",
        "y = self.parts",
        "the random numbers that are shared",
    ),
    "everybody's generator": (
        "y = self.parts",
        "x = [v * random.random() for v in x]; y = self.parts",
        "y = self.parts",
        "y = self.parts",
        "the random numbers that are shared",
    ),
    "a counter": (
        "self.slope = 0.1",
        "self.slope, self.calls = 0.1, 0",
        "y = self.parts",
        "self.calls += 1; y = self.parts",
        r"model\.calls",
    ),
    "a schedule that remembers": (
        "nn.SGD(0.1)",
        "nn.SGD(lambda k, rates=[0.1]: rates.append(rates[-1] * 0.9) or rates[-1])",
        "SLOPE = 0.5",
        "SLOPE = 0.5",
        r"optimizer\.lr: rates",
    ),
    "a schedule that runs on": (
        "nn.SGD(0.1)",
        "nn.SGD(lambda k, rates=(1 / n for n in range(5, 99)): next(rates))",
        "SLOPE = 0.5",
        "SLOPE = 0.5",
        r"optimizer\.lr: rates",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_what_moves_on_during_a_run_and_is_in_no_checkpoint_is_refused(
    case: str, tmp_path: Path
) -> None:
    *changes, what = STATES[case]
    text = program().replace(*changes[:2]).replace(*changes[2:])
    assert text != program()
    random.seed(1)
    with pytest.warns(RuntimeWarning, match=rf"will not be gone on from: .*{what}.*another while"):
        train(text, tmp_path / "run", 2)
    with pytest.raises(PersistenceError, match=rf"{what}.* became another while the run went on"):
        train(text, tmp_path / "run", 4)


def test_what_is_only_noted_down_may_change(tmp_path: Path) -> None:
    text = program().replace(
        "        y = self.parts", "        self.last = x\n        y = self.parts"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(text, tmp_path / "run", 2)
        assert train(text, tmp_path / "run", 4) == train(text, None, 4)


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    from test_persistence import changed

    path.write_bytes(changed(path.read_bytes(), change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: run.pop("identity"), r"it was written by stepgrad 0\.1"),
        (
            lambda run: run["identity"].update(made_with="cpython 3.9 and stepgrad 0.2.0"),
            r"it was made with cpython 3\.9 and stepgrad 0\.2\.0, and this is cpython 3\.",
        ),
    ],
    ids=["0.1", "another Python"],
)
def test_what_cannot_be_compared_goes_on_with_one_notice(
    change: Any, said: str, tmp_path: Path
) -> None:
    path, text = tmp_path / "run", program()
    train(text, path, 2)
    rewritten(path, change)
    with pytest.warns(
        RuntimeWarning, match=rf"goes? on|gone on from.*divergence.*{said}"
    ) as caught:
        assert train(text, path, 4) == train(text, None, 4)
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run["identity"].update(parts=3),
        lambda run: run["identity"].update(moved="all"),
        lambda run: run["identity"]["parts"].update(model={"digest": 3}),
        lambda run: run["identity"]["parts"]["model"].update(digest="", lines={"model": ["a"]}),
        lambda run: run["identity"]["parts"]["model"].update(digest="", lines=[1]),
        lambda run: run["optimizer"].update(settings=[1]),
        lambda run: run["optimizer"]["settings"].update(lr=[-1.0]),
        lambda run: run["optimizer"]["settings"].update(lr="0.1"),
        lambda run: run["optimizer"]["settings"].update(lr=["7ff8000000000000"]),
        lambda run: run["optimizer"]["settings"].update(lr={}),
        lambda run: run["optimizer"]["settings"].update(momentum=1.5),
    ],
)
def test_a_forged_identity_is_refused(change: Any, tmp_path: Path) -> None:
    path, text = tmp_path / "run", program()
    train(text, path, 2)
    rewritten(path, change)
    with pytest.raises(PersistenceError):
        train(text, path, 4)


def test_what_nobody_can_look_into_is_named_when_a_run_goes_on(tmp_path: Path) -> None:
    text = program().replace("* 1.5", "* weight(LOCK)") + (
        "def weight(lock):\n    with lock:\n        return 1.5\n"
    )
    with_lock = "import threading\nLOCK = threading.Lock()\n" + text
    train(with_lock, tmp_path / "run", 2)
    with pytest.warns(RuntimeWarning, match="divergence: LOCK cannot be compared"):
        train(with_lock, tmp_path / "run", 4)


def test_a_hundredth_of_the_random_runs() -> None:
    found = interrupted_runs.run(10, seed=0)
    assert sum(found.values()) == 10 and found["nothing: gone on with"] >= 2


# Parameters that are put in the place of others.


@every_engine
@pytest.mark.parametrize("optimizer", [lambda: SGD(0.05, momentum=0.5), lambda: Adam(0.05)])
def test_a_parameter_in_the_place_of_another_is_trained_from_the_next_step(
    engine: str, optimizer: Callable[[], Any]
) -> None:
    seen: list[float] = []

    def replace(model: Any, history: History) -> None:
        if len(history) == 3:
            model.neuron0.b = Value(5.0, "new")
        if len(history) >= 3:
            seen.append(model.neuron0.b.data)

    model = nn.Layer(2, 1, "linear", rng=random.Random(0))
    old = model.neuron0.b  # type: ignore[attr-defined]
    fit(model, X, D, divergence=l2, optimizer=optimizer(), epochs=9, callbacks=[replace],
        engine=engine, progress=False)  # fmt: skip
    assert seen[0] == 5.0 > seen[1] > seen[2]
    if isinstance(optimizer(), Adam):  # whose first step is lr, whatever the gradient
        assert seen[0] - seen[1] == pytest.approx(0.05, rel=1e-6)
    assert model.neuron0.b.data == seen[-1] != old.data  # type: ignore[attr-defined]


def test_engines_agree_about_parameters_that_come_and_go() -> None:
    class Growing(Module):
        def __init__(self) -> None:
            self.terms = {"w": Value(0.5)}

        def __call__(self, x: Any) -> Any:
            return [sum((w * x[0] ** (i + 1) for i, w in enumerate(self.terms.values())), 0.1)]

    def change(model: Any, history: History) -> None:
        if len(history) == 2:
            model.terms["square"] = Value(-0.25)
        if len(history) == 5:
            model.terms = dict(reversed(model.terms.items()))
        if len(history) == 7:
            del model.terms["w"]

    ended = []
    for engine in ("python", "numpy"):
        for optimizer in (SGD(0.1, momentum=0.5), Adam(0.1)):
            model = Growing()
            history = fit(model, X, D, divergence=l2, optimizer=optimizer, epochs=9,
                          callbacks=[change], engine=engine, progress=False)  # fmt: skip
            ended.append([*model.state_dict().values(), *history.loss])
            assert list(model.state_dict()) == ["terms['square']"]
    np.testing.assert_allclose(ended[:2], ended[2:], rtol=1e-12)


def test_the_state_of_those_that_stay_is_kept() -> None:
    # A parameter that the loss does not depend on comes, which leaves the others as they were.
    def add(model: Any, history: History) -> None:
        if len(history) == 3:
            model.more = {"unused": Value(1.0)}

    for optimizer in (SGD(0.1, momentum=0.9), Adam(0.1)):
        models = [MLP(2, [2, 1], rng=random.Random(0)) for _ in range(2)]
        for model, callbacks in zip(models, ([], [add])):
            fit(model, X, D, divergence=l2, optimizer=optimizer, epochs=6, callbacks=callbacks,
                engine="python", progress=False)  # fmt: skip
        before, after = (list(model.state_dict().values()) for model in models)
        assert after[:-1] == before and after[-1] == 1.0


def test_an_optimizer_whose_state_cannot_be_carried_over_says_so() -> None:
    class Own:
        def start(self, size: int) -> dict[str, int]:
            return {}

        def update(self, parameters: Any, gradient: Any, state: Any) -> None:
            parameters -= 0.1 * gradient

    def replace(model: Any, history: History) -> None:
        model.neuron0.b = Value(0.0)

    model = nn.Layer(2, 1, "linear")
    with pytest.raises(TypeError, match="put in the place of another while Own was at work"):
        fit(model, X, D, divergence=l2, optimizer=Own(), epochs=3, callbacks=[replace],
            progress=False)  # fmt: skip


def test_a_run_with_replaced_parameters_goes_on(tmp_path: Path) -> None:
    def run(path: Path | None, epochs: int) -> list[str]:
        def replace(model: Any, history: History) -> None:
            if len(history) == 2:
                model.layer1.neuron0.b = Value(0.5)

        model = MLP(2, [2, 1], rng=random.Random(0))
        fit(model, X, D, divergence=l2, optimizer=Adam(0.1), epochs=epochs, callbacks=[replace],
            checkpoint=path, batch_size=4, progress=False)  # fmt: skip
        return [value.data.hex() for value in model.parameters()]

    for epochs in (1, 4, 6):
        ended = run(tmp_path / "run", epochs)
    assert ended == run(None, 6)


def test_what_a_callback_changes_in_a_model_is_computed_with_on_every_engine() -> None:
    class Annealed(Module):
        def __init__(self) -> None:
            self.w, self.slope = Value(0.5), 1.0

        def __call__(self, x: Any) -> Any:
            return [self.w * x[0] * self.slope]

    def anneal(model: Any, history: History) -> None:
        if len(history) in (2, 5):
            model.slope *= 0.5

    ended = []
    for engine in ("python", "numpy"):
        model = Annealed()
        history = fit(model, X, D, divergence=l2, optimizer=SGD(0.5), epochs=8, callbacks=[anneal],
                      engine=engine, progress=False)  # fmt: skip
        ended.append([model.w.data, *history.loss])
    np.testing.assert_allclose(ended[0], ended[1], rtol=1e-12)


# Leaves of the loss that are no parameters.


@every_engine
def test_a_value_that_is_not_trained_is_named_once(engine: str) -> None:
    temperature = Value(0.5, "temperature")

    class Model(Module):
        def __init__(self) -> None:
            self.w, self.scaled = Value(1.0, "w"), 0.1 * Value(2.0, "initial")
            self._frozen = {"c": Value(3.0, "frozen")}

        def __call__(self, x: Any) -> Any:
            made_anew = Value(0.0, "zero")
            self.last = self.w * x[0] * temperature + self.scaled * self._frozen["c"] + made_anew
            return [self.last]

    def train(model: Module, X: Any) -> None:
        fit(model, X, D, divergence=l2, optimizer=SGD(0.1), epochs=2, engine=engine,
            batch_size=2, progress=False)  # fmt: skip

    with pytest.warns(
        RuntimeWarning, match=r"depends on initial, temperature, which.*not train"
    ) as caught:
        train(Model(), X)
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(MLP(2, [1]), [[Value(x), Value(y)] for x, y in X])  # inputs are none
        train(MLP(2, [1], functools.partial(lambda z: z)), X)


# Parameters that a model makes when it is called.


class Making(Module):
    """Makes w when it is called, anew each time or once."""

    def __init__(self, each_time: bool) -> None:
        self.v, self.each_time = Value(0.1), each_time

    def __call__(self, x: Any) -> Any:
        if self.each_time or not hasattr(self, "w"):
            self.w = Value(0.5)
        return [self.w * x[0] + self.v]


@pytest.mark.parametrize("engine", ["python", "numpy", None])
def test_parameters_that_a_model_makes_when_it_is_called_first_are_trained(engine: Any) -> None:
    ended = []
    for call_before in (False, True):
        model = Making(each_time=False)
        if call_before:
            model(X[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit(model, X, D, divergence=l2, optimizer=SGD(0.1), epochs=5, engine=engine,
                progress=False)  # fmt: skip
        ended.append(model.state_dict())
    assert ended[0] == ended[1] and ended[0]["w"] != 0.5


@pytest.mark.parametrize("engine", ["python", "numpy", None])
def test_a_model_that_makes_its_parameters_anew_each_time_is_refused(engine: Any) -> None:
    model = Making(each_time=True)
    with pytest.raises(ValueError, match=r"whenever it is called.*make them in __init__"):
        fit(model, X, D, divergence=l2, epochs=5, engine=engine, progress=False)
    assert model.v.data == 0.1


def test_a_model_that_replaces_a_parameter_later_is_no_array_program() -> None:
    class Late(Module):
        calls = 0

        def __init__(self) -> None:
            self.w = Value(0.5)

        def __call__(self, x: Any) -> Any:
            y = [self.w * x[0]]
            Late.calls += 1
            if Late.calls >= 12:
                self.w = Value(self.w.data)
            return y

    with pytest.raises(LoweringError, match=r"parameters in the place of some|is another one"):
        fit(Late(), X, D, divergence=l2, epochs=99, engine="numpy", progress=False)


# What a run is gone on from, or not.

GONE_ON_FROM = {
    "momentum that a callback sets": (
        "def c(m, h):\n    OPTIMIZER.momentum = 0.5\nCALLBACKS = [c]\n"
    ),
    "an optimizer with another constructor": (
        "class Own(nn.SGD):\n"
        "    def __init__(self):\n"
        "        super().__init__(0.1)\n"
        "        self.updates = 1\n"
        "    def update(self, parameters, gradient, state):\n"
        "        self.updates += 1\n"
        "        super().update(parameters, gradient / self.updates, state)\n"
        "OPTIMIZER = Own()\n"
    ),
    "what is kept and read again": (
        "class Keeping(Model):\n"
        "    def __call__(self, x):\n"
        "        self.last = super().__call__(x)\n"
        "        return [2.0 * self.last[0]]\n"
        "MODEL = Keeping()\n"
    ),
    "who watches with random numbers": "CALLBACKS = [lambda m, h: random.random()]\n",
}


@every_engine
@pytest.mark.parametrize("case", GONE_ON_FROM)
def test_what_computes_the_same_is_gone_on_from(case: str, engine: str, tmp_path: Path) -> None:
    text = program() + GONE_ON_FROM[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(text, tmp_path / "run", 2, engine)
        assert train(text, tmp_path / "run", 4, engine) == train(text, None, 4, engine)


@every_engine
def test_a_schedule_that_a_callback_puts_in_is_in_no_checkpoint(
    engine: str, tmp_path: Path
) -> None:
    text = program() + (
        "def c(m, h):\n"
        "    if len(h) == 1:\n"
        "        OPTIMIZER.lr = lambda k: 0.01\n"
        "CALLBACKS = [c]\n"
    )
    with pytest.warns(RuntimeWarning, match=r"optimizer\.lr became another while"):
        train(text, tmp_path / "run", 2, engine)
    with pytest.raises(PersistenceError, match=r"optimizer\.lr became another while"):
        train(text, tmp_path / "run", 4, engine)


@every_engine
def test_random_numbers_of_the_whole_program_are_told(engine: str, tmp_path: Path) -> None:
    for i, more in enumerate(("", "CALLBACKS = [lambda m, h: None]\n")):
        text = program(OPTIMIZER_TEXT="nn.SGD(lambda k: 0.1 * random.random())") + more
        with pytest.warns(RuntimeWarning, match="the random numbers that are shared"):
            train(text, tmp_path / f"run{i}", 2, engine)
        with pytest.raises(PersistenceError, match="the random numbers that are shared"):
            train(text, tmp_path / f"run{i}", 4, engine)
    text = program() + ("def c(m, h):\n    m.slope.data *= random.random()\nCALLBACKS = [c]\n")
    text = text.replace("self.slope = 0.1", "self.slope = Value(0.1)")
    train(text, tmp_path / "run", 2, engine)
    with pytest.warns(RuntimeWarning, match="remembered .the random numbers that are shared"):
        train(text, tmp_path / "run", 4, engine)
