"""Tests of `fit` and `predict` where they compute with arrays: they do what the engine of Values
does, to rounding, and what cannot be done so is refused with the reason, nothing changed.

The engine of Values, which has tests of its own, is the reference.
"""

import gc
import math
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import unnoticed

import autograd
import nn
from autograd import LoweringError, Value
from nn import MLP, SGD, History, Module, fit, plots, predict, risk
from nn.divergences import binary_kl, binary_kl_from_logits, cross_entropy, kl, kl_from_logits, l2

pytestmark = pytest.mark.usefixtures("equal_networks")
every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])


class Model(Module):
    """y = w f(x), with a function f that does what a test wants."""

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self.w = Value(0.5, "w")
        self._f = f

    def __call__(self, x: Any) -> Any:
        return self.w * self._f(x)


def quietly(model: Any, X: Any, D: Any, **options: Any) -> History:
    return fit(model, X, D, **{"progress": False, "divergence": l2, **options})


def bits(model: Module) -> list[str]:
    return [value.data.hex() for value in model.parameters()]


# The two engines agree.


def test_arrays_are_the_default() -> None:
    calls: list[Any] = []

    def f(x: Any) -> Any:
        calls.append(x)
        return x

    quietly(Model(f), [1.0, 2.0], [1.0, 2.0], epochs=500)
    assert len(calls) < 200
    calls.clear()
    assert predict(lambda x: f(x), [float(i) for i in range(200)])[7] == [7.0]
    assert 0 < len(calls) < 100


@pytest.mark.parametrize(
    ("X", "D"),
    [
        ([[math.nan, 1.0], [0.5, 0.25]], [0.0, 1.0]),
        ([[0.5, 0.25], [1.0, math.nan]], [0.0, 1.0]),
        ([[0.5, 0.25], [math.inf, -math.inf]], [0.0, 1.0]),
    ],
)
@pytest.mark.parametrize("batch_size", [None, 1])
def test_what_is_not_finite_in_the_data_ends_both_engines_alike(
    X: Any, D: Any, batch_size: int | None
) -> None:
    reports = []
    for engine in ("python", "numpy"):
        model = MLP(2, [2, 1])
        before = bits(model)
        with pytest.warns(RuntimeWarning, match="nan") as caught:
            history = quietly(
                model, X, D, optimizer=SGD(0.01), epochs=3, engine=engine, batch_size=batch_size
            )
        reports.append((history.reason, str(caught[0].message), history.loss, bits(model)))
        assert batch_size == 1 or bits(model) == before
    assert reports[0] == reports[1]
    assert "the loss became nan in training instance " in reports[0][0]


@every_engine
def test_callbacks_meet_values_that_they_may_use_and_change(engine: str) -> None:
    model = MLP(1, [1])
    seen = []

    def callback(model: Module, history: History) -> None:
        loss = nn.EmpiricalRisk(model, l2)([[1.0], [2.0]], [1.0, 3.0])
        seen.append(loss.data)
        for value in model.parameters():
            value.data = 0.5 * round(2.0 * value.data)

    history = quietly(
        model, [[1.0], [2.0]], [1.0, 3.0], optimizer=SGD(0.1), epochs=3, engine=engine,
        callbacks=[callback],
    )  # fmt: skip
    assert len(seen) == 3
    assert all((2.0 * value.data).is_integer() for value in model.parameters())
    # The next epoch begins where the callback has put the parameters, whose loss is worked out
    # here from w and b on a grid of halves.
    grid = [w / 2 for w in range(-4, 5)]
    losses = {((w + b - 1) ** 2 + (2 * w + b - 3) ** 2) / 4 for w in grid for b in grid}
    assert all(
        any(math.isclose(loss, x, abs_tol=1e-12) for x in losses) for loss in history.loss[1:]
    )


@pytest.mark.parametrize("batch_size", [None, 4])
def test_validation_by_arrays_gives_the_same_curves(batch_size: int | None) -> None:
    X, d = nn.datasets.xor(20, 0.2, seed=1)
    D = [nn.one_hot(int(c), 2) for c in d]
    histories = [
        fit(
            MLP(2, [3, 2]), X[:14], D[:14], divergence=kl_from_logits, epochs=5, engine=engine,
            batch_size=batch_size, validation=(X[14:], D[14:]), progress=False,
        )
        for engine in ("python", "numpy")
    ]  # fmt: skip
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        python, numpy = (getattr(history, name) for history in histories)
        assert numpy == pytest.approx(python, rel=1e-12)
        assert len(numpy) == 5


# Ctrl-C.


def test_ctrl_c_while_lowering_changes_nothing_and_returns_the_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(x: Any) -> Any:
        raise KeyboardInterrupt

    model = Model(interrupt)
    history = quietly(model, [1.0], [1.0])
    assert (history.loss, history.reason, model.w.data) == ([], "interrupted", 0.5)
    monkeypatch.setattr(risk, "lower", lambda *args, **options: interrupt(0))
    model = Model(lambda x: x)
    history = quietly(model, [1.0], [1.0])
    assert (history.loss, history.reason, model.w.data) == ([], "interrupted", 0.5)


def coverage_is_measured() -> bool:
    """Whether coverage.py follows this process; pytest-cov alone imports it as well."""
    coverage = sys.modules.get("coverage")
    return coverage is not None and coverage.Coverage.current() is not None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such timer")
@pytest.mark.skipif(coverage_is_measured(), reason="an interrupted coverage.py waits for ever")
def test_ctrl_c_at_any_moment_leaves_a_complete_step_and_whole_epochs() -> None:
    X, D = nn.datasets.moons(12, seed=0)
    options: dict[str, Any] = {"batch_size": 5, "divergence": binary_kl_from_logits}
    complete = []

    class Recording(SGD):
        def update(self, parameters: Any, gradient: Any, state: Any) -> None:
            complete.append(parameters.tolist())
            super().update(parameters, gradient, state)
            complete.append(parameters.tolist())

    class Armed(MLP):
        """Is interrupted some time after it has first been called, which is while lowering."""

        _after = 0.0

        def __call__(self, x: Any) -> Any:
            if self._after:
                signal.setitimer(signal.ITIMER_REAL, self._after, 5.0)
                self._after = 0.0
            return super().__call__(x)

    for i in range(40):
        model = Armed(2, [2, 1])
        model._after = 1e-5 * 1.3**i
        complete[:] = [[value.data for value in model.parameters()]]
        before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
        interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
        gc.disable()  # Python drops an interruption of those who watch the collector
        try:
            history = quietly(model, X, D, optimizer=Recording(0.01), epochs=10**6, **options)
        finally:
            gc.enable()
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
            signal.signal(signal.SIGINT, interrupt)
        assert history.reason == "interrupted"
        assert [value.data for value in model.parameters()] in complete[-3:]
        assert len(history.loss) == len(history.accuracy) == len(history.seconds)
        assert history.validation_loss == []


def test_a_second_ctrl_c_waits_until_the_model_is_whole() -> None:
    from nn.interrupts import interrupts_held

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012, SIM117
            with interrupts_held():
                signal.raise_signal(signal.SIGINT)
                done.append("the rest of the block")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with interrupts_held():
            done.append("nothing came")
        signal.signal(signal.SIGINT, lambda number, frame: done.append("a handler of one's own"))
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["the rest of the block", "nothing came", "a handler of one's own"]


# What is refused.


def refused(
    model: Module, X: Any, D: Any, error: type[Exception], match: str, **options: Any
) -> None:
    before = bits(model)
    # Only the engine of Values has to begin in order to find out.
    for epochs in (2,) if options.get("engine") == "python" else (0, 2):
        with pytest.raises(error, match=match):
            quietly(model, X, D, epochs=epochs, **options)
        assert bits(model) == before


def test_control_flow_is_refused_with_the_reason_and_what_to_do() -> None:
    def branches(x: Any) -> Any:
        return x if x > 0.0 else 2.0 * x

    def looks(x: Any) -> Any:
        return x if getattr(x, "data", x) > 0.0 else 2.0 * x

    def loops(x: Any) -> Any:
        y = x
        while -10.0 < y < 10.0:
            y = y * 2.0
        return y

    X, D = [1.0, 2.0, -3.0, 4.0], [1.0, 2.0, 3.0, 4.0]
    for f in (branches, looks, loops):
        match = r"as (it|training instance \d).*autograd\.where.*engine='python'"
        refused(Model(f), X, D, LoweringError, match, engine="numpy")
        assert quietly(Model(f), [abs(x) for x in X], D, engine="python", epochs=1).loss


def test_what_fails_on_values_is_refused_with_the_reason() -> None:
    model = Model(lambda x: math.sin(x))
    match = r"fails on Values.*autograd\.exp\(v\).*engine='python'"
    refused(model, [1.0], [1.0], LoweringError, match, engine="numpy")
    assert quietly(model, [1.0], [1.0], engine="python", epochs=1).loss


@every_engine
def test_a_plain_number_that_is_asked_for_what_values_have_is_named(engine: str) -> None:
    def looks(x: Any) -> Any:
        return x if x.data > 0.0 else 2.0 * x

    def cut(y: Any, d: Any) -> Any:
        return (y - d.data) ** 2

    match = "training instance 0: the model or the divergence asks the plain number {} for .data"
    refused(Model(looks), [1.5], [1.0], TypeError, match.format(1.5), engine=engine)
    options = {"engine": "python", "divergence": cut}
    refused(Model(lambda x: x), [1.5], [2], TypeError, match.format(2), **options)
    with pytest.raises(TypeError, match=r"input 1: .* the plain number 2 for \.data") as raised:
        nn.predict(lambda x: x if isinstance(x, float) else x.data, [1.0, 2])
    assert isinstance(raised.value.__cause__, AttributeError)


@every_engine
def test_a_mistake_in_the_model_is_not_taken_for_one_of_arrays(engine: str) -> None:
    def misspells(x: Any) -> Any:
        return x * math.no_such_number

    def asks(x: Any) -> Any:
        return x * (2.0).no_such_name

    match = "has no attribute 'no_such_"
    for f in (misspells, asks):
        refused(Model(f), [1.5], [1.0], AttributeError, f"^.*{match}[a-z]*'$", engine=engine)
    match = "training instance 0: layer1 takes a list of 2 numbers or Values, got 1.5 of type float"
    match = match if engine == "python" else match.removeprefix("training ")
    refused(MLP(2, [1]), [1.5], [1.0], TypeError, f"^{match}", engine=engine)


def test_another_course_for_plain_numbers_than_for_values_is_seen() -> None:
    def another_value(x: Any) -> Any:
        return x * 2.0 if isinstance(x, float) else x

    another_slope = Model(lambda x: x)

    def cut(y: Any, d: Any) -> Any:
        return (autograd.stop_gradient(y) + y if isinstance(d, float) else 2.0 * y) - d

    X, D = [1.0, 2.0], [1.0, 1.0]
    match = r"the loss of training instance 1 is \S+, but came to \S+; write a choice"
    refused(Model(another_value), X, D, LoweringError, match, engine="numpy")
    match = "the gradient of training instance 1 is another one; write a choice"
    refused(another_slope, X, D, LoweringError, match, divergence=cut, engine="numpy")


def test_a_course_is_not_compared_where_that_is_not_wished() -> None:
    model = Model(lambda x: x if getattr(x, "data", x) > 0.0 else 2.0 * x)
    empirical = nn.EmpiricalRisk(model, l2)
    with pytest.raises(LoweringError, match="reads the data of a Value"):
        empirical.lower([1.0, -1.0], [0.0, 0.0])
    # By hand: 1/4 and 1/4 halved, by the formula of the first instance, and not 1/4 and 1.
    assert empirical.lower([1.0, -1.0], [0.0, 0.0], replay=False)()[0] == 0.125


@every_engine
def test_an_error_of_a_kind_of_its_own_stays_of_that_kind(engine: str) -> None:
    class NotMineError(ValueError):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    def fails(x: Any) -> Any:
        raise NotMineError(1, 2)

    refused(Model(fails), [1.0], [1.0], NotMineError, "^1 and 2$", engine=engine)


def test_data_may_be_made_of_values() -> None:
    model = MLP(2, [1])
    empirical = nn.EmpiricalRisk(model, l2)
    X, D = [[1.0, 2.0], [3.0, -1.0]], [0.5, 0.25]
    loss, gradient = empirical.lower([[Value(x) for x in row] for row in X], list(map(Value, D)))()
    expected, slopes = empirical.lower(X, D)()
    assert loss == expected and gradient.tolist() == slopes.tolist()


def test_outputs_of_several_lengths_have_no_accuracy() -> None:
    def forms(x: Any) -> Any:
        return [1.0] if x > 0.0 else [0.5, 0.5]

    class Several(Model):
        def __call__(self, x: Any) -> Any:
            return [self.w * 2.0 * y for y in self._f(x)]

    D = [[1.0], [0.25, 0.75]]
    history = quietly(Several(forms), [1.0, -1.0], D, divergence=kl, engine="python", epochs=2)
    assert len(history.loss) == 2 and history.accuracy == []


def test_other_operands_of_the_same_operation_are_called_that() -> None:
    positive = {1.0: True, -1.0: False}
    model = Model(lambda x: x[0] if positive[unnoticed(x[0])] else x[1])
    match = "training instance 1 takes another course: mul has other operands; "
    X, D = [[1.0, 2.0], [-1.0, 3.0]], [1.0, 1.0]
    refused(model, X, D, LoweringError, match, engine="numpy")


def test_validation_data_are_called_that() -> None:
    match = (
        r"^validation X\[1\] has the shape \(1,\), but the instance that was recorded has \(2,\)"
    )
    validation = [[1.0, 2.0], [1.0]], [1.0, 1.0]
    refused(MLP(2, [1]), [[1.0, 2.0]], [1.0], ValueError, match, validation=validation)
    long = [[0.5] * 50] * 50
    with pytest.raises(TypeError, match=r"validation must be a pair .* of type list") as raised:
        quietly(MLP(2, [1]), [[1.0, 2.0]], [1.0], validation=long)
    assert len(str(raised.value)) < 400  # and not all of the data


def test_ragged_data_are_refused_by_name() -> None:
    model = Model(lambda x: autograd.sum(x))
    X, D = [[1.0, 2.0], [1.0, 2.0], [3.0]], [1.0, 1.0, 1.0]
    refused(model, X, D, ValueError, r"X\[2\] has the shape \(1,\), but .* has \(2,\)")
    refused(model, X[:2], [1.0, [1.0]], ValueError, r"D\[1\] has the shape \(1,\)")
    for entry in ("1.0", 1j):
        refused(
            model, [[1.0, 2.0], [1.0, entry]], [1.0, 1.0], ValueError,
            r"^X\[1\]\[1\] is .* where a number is expected; convert it to a float first",
        )  # fmt: skip
    refused(
        model, [[1.0, 2.0], [1.0, None]], [1.0, 1.0], ValueError, r"^X\[1\]\[1\] is None .*fill"
    )
    assert quietly(model, X, D, engine="python", epochs=1).loss


@every_engine
def test_a_parameter_that_is_not_used_stays_as_it_is(engine: str) -> None:
    model = MLP(1, [1])
    model.spare = [Value(1.0, "spare"), Value(2.0)]  # type: ignore[attr-defined]
    assert quietly(model, [[1.0]], [1.0], engine=engine, epochs=3).loss[-1] < 1.0
    assert [value.data for value in model.spare] == [1.0, 2.0]  # type: ignore[attr-defined]


def test_no_data_no_engine_and_no_jax_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MLP(1, [1])
    refused(model, [], [], ValueError, "one instance at least, got an empty data set")
    refused(model, [[1.0]], [1.0], ValueError, "numpy, jax, python, got 'c'", engine="c")
    monkeypatch.setitem(sys.modules, "jax", None)
    refused(model, [[1.0]], [1.0], ImportError, r"pip install 'stepgrad\[jax\]'", engine="jax")


@every_engine
def test_an_instance_that_the_model_refuses_is_named(engine: str) -> None:
    refused(
        MLP(2, [1]), [[1.0, 2.0], [1.0, 2.0, 3.0]], [1.0, 1.0], ValueError,
        r"training instance 1: layer1\.neuron0|X\[1\]|training instance 1: layer1", engine=engine,
    )  # fmt: skip
    match = "training instance 1: kl.* as many targets as outputs.*one_hot"
    model = MLP(1, [2], output="softmax")
    D = [[1.0, 0.0], [1.0]]
    if engine == "python":
        refused(model, [[1.0], [2.0]], D, ValueError, match, engine=engine, divergence=kl)
    match = r"training instance 2: binary_kl.* target 0 is 2\.0"
    model = MLP(1, [1], output="sigmoid")
    refused(model, [[1.0]] * 4, [0.0, 1.0, 2.0, 3.0], ValueError, match, engine=engine,
            divergence=binary_kl)  # fmt: skip


OUT_OF_DOMAIN: dict[str, tuple[Any, Any, Any, str]] = {
    "a linear output": (
        lambda: MLP(1, [1]), binary_kl, [1.0, 0.0],
        r"binary_kl\(\) takes outputs that are probabilities, but an output is -?\d.*"
        r"output='sigmoid'.*nn\.divergences\.binary_kl_from_logits",
    ),
    "tanh": (lambda: MLP(1, [1], output="tanh"), binary_kl, [1.0, 0.0], "output='sigmoid'"),
    "linear outputs": (
        lambda: MLP(1, [3]), kl, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        r"kl\(\) takes outputs that are a probability vector, but .*output='softmax'.*"
        r"nn\.divergences\.kl_from_logits",
    ),
    "sigmoids": (
        lambda: MLP(1, [3], output="sigmoid"), cross_entropy, [[1.0, 0.0, 0.0]] * 2,
        r"cross_entropy\(\) .*, but outputs sum to 1\.\d+; .*cross_entropy_from_logits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OUT_OF_DOMAIN)
@every_engine
def test_outputs_that_a_divergence_is_not_defined_for_are_refused(case: str, engine: str) -> None:
    make, divergence, D, match = OUT_OF_DOMAIN[case]
    for batch_size in (None, 1):
        model = make()
        before = bits(model)
        options = {"divergence": divergence, "engine": engine, "batch_size": batch_size}
        with pytest.raises(ValueError, match=match):
            quietly(model, [[1.0], [-2.0]], D, epochs=2, **options)
        assert bits(model) == before


@every_engine
def test_an_output_that_leaves_the_domain_later_ends_the_run(engine: str) -> None:
    # y = w, d = 1, eta 1/8: w rises by 1 / (8 w), from 1/2 to 3/4, to 11/12, to 1.053.
    model = Model(lambda x: x)
    with pytest.warns(RuntimeWarning, match="an output is 1.05303.*last good parameters"):
        history = quietly(
            model, [1.0], [1.0], divergence=binary_kl, optimizer=SGD(0.125), engine=engine
        )
    assert history.reason.startswith("diverged: binary_kl() takes outputs that are probabilities")
    assert history.loss == pytest.approx([math.log(x) for x in (2.0, 4.0 / 3.0, 12.0 / 11.0)])


# Predicting.


def test_predict_serves_models_that_take_another_course_for_some_inputs() -> None:
    def model(x: list[Any]) -> Any:
        return [x[0] * 2.0] if x[0] > 0.5 else [x[1]]

    X = [[i / 64, -i / 32] for i in range(64)]
    with pytest.warns(RuntimeWarning, match=r"compares a Value .*: return \[x\[0\] \* 2"):
        assert predict(model, X) == predict(model, X, engine="python")
    with pytest.raises(LoweringError, match=r"engine='python'"):
        predict(model, X, engine="numpy")
    with pytest.raises(ValueError, match="engine must be python or numpy, got 'jax'"):
        predict(model, X, engine="jax")


def test_predict_finds_a_rare_course_of_which_the_extremes_say_nothing() -> None:
    # A tenth of the inputs, none of them the first, the last, or extreme.
    X = [[(7 * i % 100) / 100] for i in range(100)]

    def model(x: list[Any]) -> Any:
        return x[0] * 2.0 if 0.4 < unnoticed(x[0]) < 0.5 else x[0]

    with pytest.warns(RuntimeWarning, match=r"its outputs for input \d+ came to others"):
        assert predict(model, X) == [[x * 2.0 if 0.4 < x < 0.5 else x] for [x] in X]


def test_predict_takes_whatever_the_model_takes() -> None:
    ragged = [[float(j) for j in range(i % 3)] for i in range(60)]
    assert predict(sum, ragged) == [[sum(x)] for x in ragged]
    assert predict(lambda x: x * 2, iter([1.0, 2.0])) == [[2.0], [4.0]]
    assert predict(lambda x: len(x), ["a", "bc"] * 20) == [[1.0], [2.0]] * 20
    with pytest.raises(ValueError, match="layer1"):
        predict(MLP(2, [1]), [[1.0]] * 50)
    for engine in (None, "numpy", "python"):
        assert predict(MLP(1, [1]), [], engine=engine) == []


def test_predict_follows_the_parameters() -> None:
    model, X = MLP(1, [1]), [[float(i)] for i in range(40)]
    for w in (1.0, -2.0):
        model.load_state_dict({"layer1.neuron0.w[0]": w, "layer1.neuron0.b": 0.5})
        assert predict(model, X) == [[w * x + 0.5] for [x] in X]


def test_a_decision_boundary_is_computed_together() -> None:
    calls = []

    def model(x: Any) -> Any:
        calls.append(x)
        return autograd.sigmoid(x[0] - x[1])

    plots.plot_decision_boundary(model, [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], resolution=50)
    assert len(calls) < 100
    assert isinstance(np.asarray(calls[0][0]), np.ndarray)
