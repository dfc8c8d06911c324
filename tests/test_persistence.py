"""Tests of saving, loading, and going on from a checkpoint.

What is read back is compared bit for bit with what was there. A damaged file must be refused with
the reason, and leave the model as it was; a run that was killed must end where the run that was
not killed ended. `python tests/kill_and_resume.py 50` kills more often than is done here.
"""

import gc
import hashlib
import json
import math
import os
import pickle
import random
import re
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import kill_and_resume
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, sigmoid, tanh
from nn import MLP, SGD, Adam, History, Layer, Module, PersistenceError, datasets, fit, persistence
from nn.divergences import binary_kl_from_logits, l2

X, D = datasets.moons(12, seed=0)
pytestmark = pytest.mark.usefixtures("equal_networks")
every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])


class Numbers(Module):
    def __init__(self, numbers: list[float]) -> None:
        self.w = [Value(number) for number in numbers]


def bits(model: Module) -> list[bytes]:
    return [struct.pack(">d", value.data) for value in model.parameters()]


def run(model: Module, path: Path | None = None, data: Any = (X, D), **options: Any) -> History:
    defaults: dict[str, Any] = {
        "divergence": binary_kl_from_logits,
        "optimizer": Adam(0.05),
        "epochs": 6,
        "batch_size": 5,
        "validation": (X[:3], D[:3]),
        "progress": False,
    }
    return fit(model, *data, checkpoint=path, **{**defaults, **options})


# Module.save and Module.load.

EXTREMES = [
    0.0, -0.0, 0.1, -1 / 3, 5e-324, -2.2250738585072014e-308, sys.float_info.max, 1e23, math.pi,
    math.inf, -math.inf, math.nan, -math.nan, struct.unpack(">d", b"\x7f\xf8\0\0\0\0\0\x2a")[0],
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(EXTREMES), st.floats()), min_size=1, max_size=20))
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
def test_every_bit_of_every_float_comes_back(numbers: list[float]) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"stepgrad-test-{os.getpid()}"
    try:
        model, other = Numbers(numbers), Numbers([1.0] * len(numbers))
        model.save(path)
        values = other.parameters()
        other.load(path)
        assert bits(other) == bits(model)
        assert other.parameters() == values
    finally:
        path.unlink()


def test_the_format_is_what_its_documentation_says(tmp_path: Path) -> None:
    path = tmp_path / "model"
    model = Numbers([0.25, math.inf])
    model.save(path)
    header, parameters, rest = path.read_bytes().split(b"\n")
    assert rest == b""
    assert json.loads(parameters) == {"w[0]": 0.25, "w[1]": "7ff0000000000000"}
    assert json.loads(header) == {
        "format": "stepgrad",
        "version": 1,
        "lengths": [len(parameters) + 1],
        "sha256": hashlib.sha256(parameters + b"\n").hexdigest(),
    }
    assert os.listdir(tmp_path) == ["model"]


def test_names_may_be_any_text(tmp_path: Path) -> None:
    model = Numbers([2.0])
    setattr(model, 'näme "of\n💡', Value(3.0))
    model.save(tmp_path / "a b")
    before = bits(model)
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0))
    model.load(str(tmp_path / "a b"))
    assert bits(model) == before


def test_a_file_of_another_model_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model"
    Layer(3, 2).save(path)
    model = Layer(2, 2)
    before = bits(model)
    with pytest.raises(ValueError, match=r"Layer of 6 parameters: unknown neuron0\.w\[2\]"):
        model.load(path)
    MLP(60, [60]).save(path)
    with pytest.raises(PersistenceError, match="saved by something larger"):
        model.load(path)
    assert bits(model) == before


def test_places_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    model = Layer(1, 1)
    for place, error in (("no/folder", FileNotFoundError), (".", OSError), ("x" * 300, OSError)):
        for use in (model.save, model.load):
            with pytest.raises((error, PersistenceError)):
                use(tmp_path / place)
    for wrong in (3, None, 1.5):
        with pytest.raises(TypeError):
            model.save(wrong)  # type: ignore[arg-type]
    with pytest.raises(PersistenceError, match="not a regular file"):
        model.load("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PersistenceError, match="not a regular file"):
        model.load(tmp_path / "pipe")
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    model = Layer(1, 1)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    model.load(tmp_path / "target")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_earlier_file(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "model"
    model = Layer(1, 1)
    model.save(path)
    before = path.read_bytes()
    model.neuron0.b.data = 7.0  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(OSError, match=r"No space left.*model"):
            model.save(path)
        with pytest.raises(OSError, match=r"No space left.*run"):
            run(MLP(2, [1]), tmp_path / "run")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


# Going on from a checkpoint.

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "gradient descent": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "a schedule": lambda: SGD(lambda k: 0.1 / (1 + k), momentum=0.5, weight_decay=1e-3),
    "adam": lambda: Adam(0.05),
}


class Killed(BaseException):
    """Ends a run as nothing else does: no exit of fit() takes care of it."""


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@every_engine
def test_a_resumed_run_ends_where_the_whole_run_ends(
    optimizer: str, engine: str, tmp_path: Path
) -> None:
    options = {"engine": engine, "every": 2, "callbacks": [clip]}
    whole = MLP(2, [2, 1])
    complete = run(whole, optimizer=OPTIMIZERS[optimizer](), **options)
    for end in (1, 3, 4):
        path = tmp_path / f"run{end}"
        calls = []

        def kill(model: Module, history: History) -> None:
            if len(history) == end:  # noqa: B023
                calls.append(end)  # noqa: B023
                raise Killed

        resumed = MLP(2, [2, 1], rng=random.Random(9))
        resumed.load_state_dict(MLP(2, [2, 1]).state_dict())
        with pytest.raises(Killed):
            run(resumed, path, optimizer=OPTIMIZERS[optimizer](), **options | {
                "callbacks": [clip, kill]
            })  # fmt: skip
        assert path.exists() == (end > 1)
        # Where there is a checkpoint, what the model holds now does not matter.
        resumed = MLP(2, [2, 1], rng=random.Random(10) if end > 1 else None)
        with said(f"goes on from epoch {end // 2 * 2} of 6 " if end > 1 else ""):
            history = run(resumed, path, optimizer=OPTIMIZERS[optimizer](), **options)
        assert bits(resumed) == bits(whole)
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy", "reason"):
            assert getattr(history, name) == getattr(complete, name)
        assert len(history.seconds) == 6


@contextmanager
def said(*texts: str) -> Iterator[None]:
    """A block that warns once, in these words, or not at all."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert len(caught) == any(texts)
    assert all(text in str(warning.message) for text in texts for warning in caught)


@every_engine
def test_a_model_that_is_of_another_run_is_not_trained_in_silence(
    engine: str, tmp_path: Path
) -> None:
    def make(seed: int) -> MLP:
        return MLP(2, [2, 1], rng=random.Random(seed))

    path, model = tmp_path / "run", make(0)
    run(model, path, epochs=2, engine=engine, callbacks=[clip])
    for known in (model, make(0), model):  # the trained one, and one that is made again
        with said():
            run(known, path, epochs=2, engine=engine, callbacks=[clip])
    with said("goes on from epoch 2 of 4 ", "those that the model has are not used. Name another"):
        run(make(1), path, epochs=4, engine=engine)
    with said():  # what it began with is known from the first run
        run(make(0), path, epochs=5, engine=engine)
    _, *lines = path.read_bytes().split(b"\n")
    old = json.loads(lines[1])
    del old["held"]
    path.write_bytes(sealed(json.loads(lines[0]), old))
    for epochs in (5, 6):  # nor is anything said of a file that does not know, now and later
        with said():
            run(make(2), path, epochs=epochs, engine=engine)


@every_engine
def test_a_run_that_was_interrupted_within_an_epoch_goes_on_quietly(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: SGD, parameters: Any, gradient: Any, state: Any) -> None:
        update(self, parameters, gradient, state)
        if state.k in ends:
            ends.remove(state.k)
            raise KeyboardInterrupt

    update, whole, model, path = SGD.update, MLP(2, [2, 1]), MLP(2, [2, 1]), tmp_path / "run"
    run(whole, optimizer=SGD(0.1), engine=engine)
    ends = [5, 7, 8]  # within epochs 2, 3 and 3, of which the last is in a run's first epoch
    monkeypatch.setattr(SGD, "update", interrupted)
    for _ in range(3):
        with said():
            assert run(model, path, optimizer=SGD(0.1), engine=engine).reason == "interrupted"
    with said():
        run(model, path, optimizer=SGD(0.1), engine=engine)
    assert bits(model) == bits(whole)


def clip(model: Module, history: History) -> None:
    """A callback that changes the parameters, as it has to in both runs."""
    for value in model.parameters():
        value.data = max(-0.75, min(0.75, value.data))


@every_engine
def test_ctrl_c_keeps_the_last_epoch_and_the_next_run_goes_on(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: SGD, parameters: Any, gradient: Any, state: Any) -> None:
        if state.k == 7:  # the second of three steps of epoch 3
            raise KeyboardInterrupt
        update(self, parameters, gradient, state)

    update = SGD.update
    whole, resumed = MLP(2, [2, 1]), MLP(2, [2, 1])
    run(whole, optimizer=SGD(0.1), engine=engine)
    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(SGD, "update", interrupted)
        history = run(resumed, path, optimizer=SGD(0.1), engine=engine, every=100)
    assert (len(history), history.reason) == (2, "interrupted")
    run(resumed, path, optimizer=SGD(0.1), engine=engine, every=100)
    assert bits(resumed) == bits(whole)


def test_a_finished_run_is_given_back_and_can_be_made_longer(tmp_path: Path) -> None:
    path, model, again = tmp_path / "run", MLP(2, [1]), MLP(2, [1], rng=random.Random(3))
    complete = run(model, path, every=4)
    before = path.read_bytes()
    with said("goes on from epoch 6 of 6 ", "and as it is complete, nothing is trained"):
        history = run(again, path, every=4)
    assert (bits(again), history) == (bits(model), complete)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="it has 6 epochs already, got epochs=5"):
        run(again, path, epochs=5)
    longer = run(again, path, epochs=9)
    whole = MLP(2, [1])
    assert run(whole, epochs=9).loss == longer.loss
    assert bits(whole) == bits(again)
    # Its parameters can be used without the run.
    other = MLP(2, [1], rng=random.Random(4))
    other.load(path)
    assert bits(other) == bits(whole)


def test_a_run_that_stopped_by_itself_stays_stopped(tmp_path: Path) -> None:
    def stop(model: Module, history: History) -> bool:
        return len(history) >= 3

    for options in ({"tolerance": 10.0}, {"callbacks": [stop]}):
        path = tmp_path / next(iter(options))
        model, again = MLP(2, [1]), MLP(2, [1])
        complete = run(model, path, **options)
        assert run(again, path, **options) == complete
        assert bits(model) == bits(again)


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "optimizer": ({"optimizer": SGD(0.05)}, "optimizer is SGD and was Adam"),
    "step": ({"optimizer": Adam(0.06)}, r"optimizer\.lr is 0\.06 and was 0\.05"),
    "batches": ({"batch_size": 4}, "batch_size is 4 and was 5"),
    "seed": ({"seed": 1}, "seed is 1 and was 0"),
    "engine": ({"engine": "python"}, "engine is python and was numpy"),
    "divergence": ({"divergence": l2}, r"divergence is nn\.divergences\.l2 and was nn\.diver"),
    "no validation": ({"validation": None}, "validation D is not set and was an array"),
    "validation": ({"validation": (X[:4], D[:4])}, r"validation D is .*\(4,\).* was .*\(3,\)"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_run_is_refused_and_changes_nothing(case: str, tmp_path: Path) -> None:
    path, model = tmp_path / "run", MLP(2, [1])
    run(model, path, epochs=1)
    before, content = bits(model), path.read_bytes()
    others, match = OTHERS[case]
    with pytest.raises(PersistenceError, match=match + ".*name another checkpoint"):
        run(model, path, **others)
    assert (bits(model), path.read_bytes()) == (before, content)


def test_other_data_and_other_models_are_refused(tmp_path: Path) -> None:
    path, model = tmp_path / "run", MLP(2, [1])
    run(model, path, epochs=1)
    mirrored = [[x, -y] for x, y in X]
    with pytest.raises(PersistenceError, match=r"X is an array of shape \(12, 2\) with SHA-256"):
        run(MLP(2, [1]), path, data=(mirrored, D))
    wide = MLP(2, [2, 1])
    before = bits(wide)
    with pytest.raises(PersistenceError, match=r"checkpoint .* does not fit this MLP of 9 param"):
        run(wide, path)
    model.save(path)
    with pytest.raises(PersistenceError, match=r"without a training run, as Module\.save writes"):
        run(MLP(2, [1]), path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        run(wide, tmp_path / "no" / "run")
    with pytest.raises(ValueError, match="every must be a whole number of at least 1, got 0"):
        run(wide, path, every=0)
    assert bits(wide) == before


def test_data_of_several_shapes_can_be_gone_on_from(tmp_path: Path) -> None:
    class Mean(Module):
        def __init__(self) -> None:
            self.w = Value(0.5, "w")

        def __call__(self, x: Any) -> Any:
            return [self.w * sum(x) / len(x)]

    def go_on(model: Mean, xs: Any, epochs: int) -> None:
        fit(model, xs, [1.0, 2.0], divergence=l2, optimizer=Adam(0.1), epochs=epochs,
            engine="python", checkpoint=tmp_path / "run", progress=False)  # fmt: skip

    ragged, whole, resumed = [[1.0], [2.0, 3.0]], Mean(), Mean()
    fit(whole, ragged, [1.0, 2.0], divergence=l2, optimizer=Adam(0.1), epochs=4, engine="python",
        progress=False)  # fmt: skip
    for epochs in (2, 4):
        go_on(resumed, ragged, epochs)
    assert bits(whole) == bits(resumed)
    with pytest.raises(PersistenceError, match=r"X is an array .* was 2 instances of no single"):
        go_on(Mean(), [[1.0], [2.0]], 4)


def test_an_optimizer_without_a_state_of_its_own_has_no_checkpoint(tmp_path: Path) -> None:
    class Plain:
        def start(self, parameters: Any) -> None:
            return None

        def update(self, parameters: Any, gradient: Any, state: None) -> None:
            parameters -= 0.1 * gradient

    model = MLP(2, [1])
    before = bits(model)
    with pytest.raises(TypeError, match=r"optimizer whose start\(\) gives an .*State, got None"):
        run(model, tmp_path / "run", optimizer=Plain())
    assert bits(model) == before and not list(tmp_path.iterdir())


def test_infinite_moments_survive(tmp_path: Path) -> None:
    # A gradient of 1e200 has an infinite square, and Adam takes no step along it from then on.
    def huge(y: Any, d: Any) -> Any:
        return 1e200 * y[0]

    whole, resumed = MLP(1, [1]), MLP(1, [1])
    options: dict[str, Any] = {"divergence": huge, "optimizer": Adam(0.1), "progress": False}
    fit(whole, [[1.0]], [1.0], epochs=4, **options)
    for epochs in (2, 4):
        fit(resumed, [[1.0]], [1.0], epochs=epochs, checkpoint=tmp_path / "run", **options)
    assert b"7ff0000000000000" in (tmp_path / "run").read_bytes()
    assert bits(whole) == bits(resumed)


def test_what_cannot_be_written_is_refused_before_anything_is_learnt(tmp_path: Path) -> None:
    model, seen = MLP(2, [1]), []
    before = bits(model)
    for name, error, message in [
        ("x" * 300, OSError, "File name too long; name another file"),
        ("", IsADirectoryError, "checkpoint .* cannot be written: Is a directory"),
        ("no/run", FileNotFoundError, "there is no folder '.*no'; make it first"),
    ]:
        with pytest.raises(error, match=message):
            run(model, tmp_path / name, callbacks=[lambda *_: seen.append(1)])
    for path in (3, b"run"):
        with pytest.raises(TypeError, match=f"checkpoint must be the path of a file, got {path!r}"):
            run(model, path)  # type: ignore[arg-type]
    assert bits(model) == before and not seen and not list(tmp_path.iterdir())


def test_a_model_of_other_functions_is_another(tmp_path: Path) -> None:
    class Steps(Module):
        def __init__(self, *steps: Any) -> None:
            self.w, self.steps = Value(1.0), list(steps)

        def __call__(self, x: Any) -> Any:
            return self.steps[1](self.steps[0](self.w * x[0]))

    def train(model: Module, name: str, epochs: int = 2) -> None:
        run(model, tmp_path / name, epochs=epochs, divergence=l2, validation=None)

    train(MLP(2, [3, 1]), "mlp")
    train(MLP(2, [3, 1]), "mlp", epochs=3)
    match = (
        r"model is MLP, Layer, 3 Neuron relu, Layer, .* and was MLP, Layer, 3 Neuron tanh, Layer, "
    )
    with pytest.raises(PersistenceError, match=match):
        train(MLP(2, [3, 1], "relu"), "mlp", epochs=4)
    train(Steps(tanh, sigmoid), "steps")
    with pytest.raises(
        PersistenceError, match=r"model is .*sigmoid .*tanh and was .*tanh .*sigmoid"
    ):
        train(Steps(sigmoid, tanh), "steps", epochs=3)
    many = [tanh, sigmoid] * 20
    train(Steps(*many), "many")
    with pytest.raises(PersistenceError, match=r"model is .{,200} with SHA-256 .{16} and was"):
        train(Steps(*many[:-1], tanh), "many", epochs=3)


def test_a_checkpoint_stays_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    run(MLP(2, [1]), Path("run"), callbacks=[lambda *_: os.chdir(tmp_path / "other")])
    assert not list((tmp_path / "other").iterdir())
    assert json.loads((tmp_path / "run").read_bytes().split(b"\n")[2])["epochs"] == 6


# Damage.


def sealed(*lines: object, **header: object) -> bytes:
    """A file with a right checksum, whatever it holds."""
    parts = [(x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines]
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    fields = {"format": "stepgrad", "version": 1, "lengths": [len(x) for x in parts]}
    return json.dumps({**fields, "sha256": digest, **header}).encode() + b"\n" + b"".join(parts)


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    _, parameters, training, _ = content.split(b"\n")
    run = json.loads(training)
    change(run)
    return sealed(parameters, run)


def bomb() -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("parameters.npy", b"\0" * 10**7)
    return packed.getvalue()


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/stepgrad-was-here",)


def put(*path: str, to: Any) -> Callable[[dict[str, Any]], object]:
    def change(run: dict[str, Any]) -> None:
        for name in path[:-1]:
            run = run[name]
        run[path[-1]] = to

    return change


FORGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", "does not begin as a file of stepgrad's"),
    "a zip bomb": (lambda content: bomb(), "does not begin"),
    "a pickle": (lambda content: pickle.dumps(Evil()), "does not begin"),
    "numpy's": (lambda content: b"\x93NUMPY\x01\0v\0" + content, "does not begin"),
    "zeros": (lambda content: b"\0" * 10**6, "does not begin"),
    "brackets": (lambda content: b"[" * 10**6, "does not begin"),
    "another version": (lambda content: sealed({}, version=2), "of version 2, .* reads version 1"),
    "another format": (lambda content: sealed({}, format="torch"), "does not begin"),
    "other lengths": (lambda content: sealed({}, lengths=[4]), "checksum is another"),
    "only a header": (lambda content: sealed(), "no JSON object"),
    "cut off": (lambda content: content[:-1], "cut off or added to"),
    "added to": (lambda content: content + b"x", "cut off or added to"),
    "deep": (lambda content: sealed(b"[" * 60_000), "no JSON object"),
    "no object": (lambda content: sealed([1.0]), "no JSON object"),
    "a name is wrong": (
        lambda content: content.replace(b"neuron0.b", b"neuron0.c"),
        "checksum",
    ),
    "a name is forged": (
        lambda content: sealed(*content.replace(b"neuron0.b", b"neuron0.c").split(b"\n")[1:3]),
        "does not fit",
    ),
    "a name is there twice": (
        lambda content: sealed(content.split(b"\n")[1][:-1] + b', "layer1.neuron0.b": 1.0}'),
        "a name is there twice",
    ),
    "a number is written in another way": (
        lambda content: sealed(content.split(b"\n")[1][:-1] + b', "w": 1.50}'),
        "in another way",
    ),
    "15 digits and a space": (
        lambda content: sealed(
            re.sub(rb"(neuron0\.b\": )[^,}]*", rb'\1"7ff0 00000000000"', content.split(b"\n")[1])
        ),
        "expected a float, got '7ff0 00000000000'|without a training run",
    ),
    "a finite number in hexadecimal": (
        lambda content: sealed(
            re.sub(rb"(neuron0\.b\": )[^,}]*", rb'\1"3ff0000000000000"', content.split(b"\n")[1])
        ),
        "expected a float, got '3ff0000000000000'|without a training run",
    ),
    "many lists": (lambda content: sealed(b"[" + b"[]," * 10**6 + b"[]]"), "something larger"),
    "NaN": (
        lambda content: sealed(
            re.sub(rb"(neuron0\.b\": )[^,}]*", rb"\1NaN", content.split(b"\n")[1])
        ),
        "expected a float, got nan|without a training run",
    ),
    "a string": (
        lambda content: sealed(
            re.sub(rb"(neuron0\.b\": )[^,}]*", rb'\1"os.system"', content.split(b"\n")[1])
        ),
        "expected a float, got 'os.system'|without a training run",
    ),
    "16 letters": (
        lambda content: sealed(
            re.sub(rb"(neuron0\.b\": )[^,}]*", rb'\1"not hexadecimal!"', content.split(b"\n")[1])
        ),
        "expected a float, got 'not hexadecimal!'|without a training run",
    ),
}
FORGED_RUNS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "nothing": (dict.clear, "is not what fit"),
    "epochs": (put("epochs", to=3), "not as long as its epochs"),
    "negative epochs": (put("epochs", to=-2), "expected a count, got -2"),
    "half an epoch": (put("epochs", to=2.0), r"expected a count, got 2\.0"),
    "true epochs": (put("epochs", to=True), "expected a count, got True"),
    "negative updates": (put("optimizer", "updates", to=-1), "expected a count, got -1"),
    "countless updates": (put("optimizer", "updates", to=10**400), "expected a count, got 1000"),
    "spaces": (put("optimizer", "arrays", "mean", to=["    7ff00000    "] * 3), "expected a float"),
    "a clearing of the screen": (
        put("settings", "seed", to="\x1b[2J"),
        r"seed is 0 and was \\x1b\[2J;? ?",
    ),
    "a short array": (put("optimizer", "arrays", "mean", to=[0.0]), "one number for each"),
    "a deep array": (put("optimizer", "arrays", "mean", to=[[0.0]] * 3), "expected a float"),
    "another array": (put("optimizer", "arrays", "extra", to=[0.0] * 3), "one number for each"),
    "no array": (put("optimizer", "arrays", to={}), "one number for each"),
    "no history": (put("history", to={}), "KeyError 'loss'"),
    "a short history": (put("history", "accuracy", to=[1.0]), "not as long as its epochs"),
    "a history of text": (put("history", "loss", to=["a", "b"]), "expected a float"),
    "random words": (put("random", to=[3, [0] * 10, None]), "not what fit"),
    "a random place": (put("random", to=[3, [0] * 624 + [10**9], None]), "not what fit"),
    "negative randomness": (put("random", to=[3, [-1] * 625, None]), "not what fit"),
    "another random version": (put("random", to=[9, [0] * 625, None]), "not what fit"),
    "no randomness": (put("random", to=None), "not what fit"),
}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "run"
    run(MLP(2, [1]), path, epochs=2)
    return path.read_bytes()


def refused(path: Path, match: str, load: Callable[[Module], object]) -> None:
    model = MLP(2, [1], rng=random.Random(8))
    before = bits(model)
    with pytest.raises(ValueError, match=match):
        load(model)
    assert bits(model) == before


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_file_is_refused_with_the_reason(
    case: str, content: bytes, tmp_path: Path
) -> None:
    forge, match = FORGED[case]
    path = tmp_path / "run"
    path.write_bytes(forge(content))
    tracemalloc.start()
    try:
        refused(path, match, lambda model: model.load(path))
        refused(path, match, lambda model: run(model, path))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert not Path("/tmp/stepgrad-was-here").exists()


@pytest.mark.parametrize("case", FORGED_RUNS)
def test_a_forged_run_is_refused_with_the_reason(case: str, content: bytes, tmp_path: Path) -> None:
    change, match = FORGED_RUNS[case]
    path = tmp_path / "run"
    path.write_bytes(changed(content, change))
    refused(path, match, lambda model: run(model, path))
    assert path.read_bytes() == changed(content, change)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with open(path, "wb") as file:
        file.truncate(10**11)  # of which nothing takes room on the disk
    refused(path, "100000000000 bytes are more than", lambda model: model.load(path))
    refused(path, "100000000000 bytes are more than", lambda model: run(model, path))


def test_a_thousand_damaged_files_are_refused(content: bytes, tmp_path: Path) -> None:
    rng = random.Random(0)
    path = tmp_path / "run"
    model = MLP(2, [1], rng=random.Random(8))
    before = bits(model)
    reasons = set()
    for i in range(1000):
        damaged = bytearray(content)
        if i % 4 == 0:  # bits flipped
            for _ in range(rng.choice((1, 1, 1, 2, 10))):
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        elif i % 4 == 1:  # cut off
            del damaged[rng.randrange(len(damaged)) :]
        elif i % 4 == 2:  # a piece overwritten, doubled, or left out
            start, size = rng.randrange(len(damaged)), rng.randrange(1, 60)
            damaged[start : start + size] = rng.choice(
                (rng.randbytes(size), bytes(damaged[start : start + size] * 2), b"")
            )
        else:  # a digit or a letter for another
            place = rng.choice([k for k, c in enumerate(damaged) if chr(c).isalnum()])
            damaged[place] = rng.choice([c for c in b"0123456789abcdef" if c != damaged[place]])
        if bytes(damaged) == content:
            continue
        path.write_bytes(damaged)
        with pytest.raises(PersistenceError) as caught:
            model.load(path)
        reasons.add(str(caught.value).split(": ", 1)[1][:12])
        assert bits(model) == before
    assert reasons - {"it is of ver"} == {"it does not ", "its checksum"}


# Killed at any moment.


@every_engine
def test_runs_that_are_killed_end_where_the_whole_run_ends(engine: str) -> None:
    epochs = {"python": 8, "numpy": 30}[engine]
    report = kill_and_resume.kill_and_resume(kills=2, seed=1, engine=engine, epochs=epochs)
    assert report.kills == 2
    assert report.unreadable == 0 and report.same_bits


@pytest.mark.parametrize("collecting", [True, False], ids=["collecting", "not collecting"])
@every_engine
def test_memory_does_not_grow_while_training(engine: str, collecting: bool, tmp_path: Path) -> None:
    sizes: list[int] = []

    def measure(model: Module, history: History) -> None:
        if len(history) in (30, 90):
            sizes.append(tracemalloc.get_traced_memory()[0])

    (gc.enable if collecting else gc.disable)()
    tracemalloc.start()
    try:
        run(MLP(2, [2, 1]), tmp_path / "run", epochs=91, engine=engine, batch_size=None,
            validation=None, callbacks=[measure], every=40)  # fmt: skip
    finally:
        tracemalloc.stop()
        gc.enable()
    # 60 lines of the history, some 100 bytes each; the graph of an epoch alone would be 100 kB.
    assert sizes[1] - sizes[0] < 30_000


def test_limits_are_generous_enough_for_what_is_written() -> None:
    names = [f"layer{i}.neuron{i}.w[{i}]" for i in range(2000)]
    numbers = [-sys.float_info.max, -5e-324, math.nan, -1.2345678901234567e-300] * 500
    line = json.dumps(dict(zip(names, persistence.encoded(numbers))))
    assert len(line) < persistence.limit_for(names)
