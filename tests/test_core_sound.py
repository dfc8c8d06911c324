"""What goes wrong with types in C: references, ends of objects, and what runs in the middle of it.

Both cores are to pass this; ``core_sanitized.py`` runs it with every access to memory looked at.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
import weakref
from typing import Any

import pytest
from core_sanitized import findings

from autograd import Value, core, grad, ops

native = pytest.mark.skipif(core.NAME != "native", reason="there is no native core")


def chain(length: int, x: Value) -> Value:
    root = x
    for _ in range(length):
        root = root * 1.0
    return root


def test_rounds_leave_no_reference_behind() -> None:
    def rounds(count: int) -> None:
        for _ in range(count):
            x = Value(1.0, label)
            y = x * 2.0 + x
            y.backward()
            assert grad(y, x) == (3.0,) and x.label is label and y.op is ops.add
            wide = ops.sum(x, y, 1.0, x)
            wide.recompute()
            assert wide.operands[1] is y
            with pytest.raises(TypeError):
                _ = x + label

    label = "".join(["la", "bel"])
    held: list[Any] = [Value, ops.add, ops.sum, label]
    rounds(10)
    gc.collect()  # what other tests have left, which holds the type as well
    before = [sys.getrefcount(thing) for thing in held]
    rounds(1000)
    assert [sys.getrefcount(thing) for thing in held] == before


def test_the_collector_sees_that_an_instance_holds_its_class() -> None:
    class Own(Value):
        pass

    Own.default = Own(1.0)  # type: ignore[attr-defined]
    reference = weakref.ref(Own)
    del Own
    gc.collect()
    assert reference() is None


def test_chains_through_attributes_of_subclasses_end_without_recursion() -> None:
    class Own(Value):
        inner: Any = None

    root: Any = None
    for _ in range(20_000):
        leaf = Own(1.0)
        leaf.inner = root
        root = leaf * 2.0
    reference = weakref.ref(root)
    del root, leaf
    assert reference() is None


def test_a_callback_may_use_and_free_graphs_while_one_is_being_freed() -> None:
    def ended(_: object) -> None:
        (rest * 3.0).backward()
        others.clear()

    rest = Value(2.0)
    root, references = rest, []
    for _ in range(500):
        root = root * 1.5
        references.append(weakref.ref(root, ended))
    others = [root * 2.0]
    del root
    others.clear()
    assert rest.grad == 1500.0 and not any(reference() for reference in references)


def test_an_instance_may_come_back_from_its_end() -> None:
    class Own(Value):
        def __del__(self) -> None:
            saved.append((self, [reference() for reference in above]))

    saved: list[Any] = []
    leaf: Any = Own(3.0)
    root = leaf * leaf
    above = [weakref.ref(root)]
    del leaf, root
    [(leaf, seen)] = saved
    assert seen == [None]
    (leaf * leaf).backward()
    assert leaf.grad == 6.0


def test_an_instance_without_init_is_refused() -> None:
    class Own(Value):
        def __init__(self) -> None:
            """Forget the rest."""

    own, x = Own(), Value(1.0)
    for use in (lambda: own + x, lambda: 1.0 + own, lambda: own.exp(), lambda: ops.sum(x, own)):
        with pytest.raises(AttributeError, match="_data"):
            use()
    for use in (own.backward, lambda: grad(own, x), lambda: own < x, lambda: bool(own)):
        with pytest.raises(AttributeError, match="no attribute"):
            use()


def test_a_node_may_lose_its_row_and_its_operands() -> None:
    a, b = Value(2.0), Value(3.0)
    node = a * b
    root = node * 2.0
    node.op = None
    root.backward()
    assert node.grad == 2.0
    node.operands = ()
    root.backward()
    assert (node.grad, a.grad) == (4.0, 0.0)
    odd = a * b
    odd.op = ops.where
    with pytest.raises((TypeError, IndexError, ValueError)):
        odd.backward()


def test_a_row_asks_the_first_operand_even_if_another_is_a_value() -> None:
    class Own(Value):
        record_operation = staticmethod(lambda op, operands: "own")  # type: ignore[assignment]

    assert ops.atan2(Own(1.0), Value(2.0)) == "own"
    assert isinstance(ops.atan2(Value(2.0), Own(1.0)), Value)


def test_a_reflected_operator_takes_a_value_that_super_hands_on() -> None:
    class Own(Value):
        def __rmul__(self, other: Any) -> Any:
            return super().__rmul__(other)

    node = Value(2.0) * Own(3.0)
    assert node.data == 6.0 and [x.data for x in node.operands] == [2.0, 3.0]  # type: ignore


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_an_interrupted_sweep_has_written_all_or_nothing() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    x, came = Value(1.0), 0
    root = chain(30_000, x)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for k in range(8):
            held = x.grad
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0005 * (k + 1))
                root.backward()
                while True:
                    time.sleep(0.1)
            except KeyboardInterrupt:
                came += 1
            assert x.grad - held in (0.0, 1.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert came == 8


AT_EXIT = """
import threading
from autograd import Value

class Own(Value):
    def __del__(self):
        (self * 2.0).backward()

def sweep_for_ever():
    while True:
        (leaf * 2.0).backward()

leaf = Own(1.0)
leaf.me = leaf
root = Own(2.0) * leaf
threading.Thread(target=sweep_for_ever, daemon=True).start()
threading.stack_size(1 << 16)
deep = threading.Thread(target=lambda: chain(300_000))
def chain(length):
    x = root
    for _ in range(length):
        x = x * 1.0
deep.start()
deep.join()
"""


def test_graphs_threads_and_finalizers_at_exit() -> None:
    run = subprocess.run(
        [sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stderr) == (0, "")


@native
def test_another_interpreter_has_the_core_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPGRAD_CORE", raising=False)
    interpreters = pytest.importorskip("_xxsubinterpreters")
    interpreter = interpreters.create()
    try:
        interpreters.run_string(
            interpreter,
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from autograd import Value, core\n"
            "x = Value(3.0); (x * x).backward()\n"
            "assert x.grad == 6.0 and core.NAME == 'python'",
        )
    finally:
        interpreters.destroy(interpreter)


@native
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs gcc's sanitizers")
def test_random_sessions_with_every_access_looked_at() -> None:
    if shutil.which("gcc") is None or "LD_PRELOAD" in os.environ:
        pytest.skip("needs gcc, and is not to be run within itself")
    assert findings("address", [["tests/two_cores.py", "tell", "sessions", "0", "8"]]) == []
