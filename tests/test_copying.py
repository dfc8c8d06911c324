"""Copies and pickles: graphs of any depth and shape come back as they were, and share as before."""

import copy
import gc
import io
import itertools
import pickle
import random
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import autograd
import nn
from autograd import StaleGraphError, Value, consumers_first, core
from autograd.core import ops

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def pickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))


each_way = pytest.mark.parametrize("again", [copy.deepcopy, pickled], ids=["deepcopy", "pickle"])


class Parameter(Value):
    """With attributes in slots and, as ``__dict__`` is one of them, of any other name."""

    __slots__ = ("__dict__", "frozen")


class Rounded(Value):
    """Says itself what it is made of."""

    __slots__ = ("digits",)

    def __getstate__(self) -> dict[str, Any]:
        return {"number": round(self.data, self.digits), "digits": self.digits}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.data, self.digits = state["number"], state["digits"]


def tangle() -> Value:
    """Shared nodes, a constant on either side, labels, gradients, an n-ary operation, origins."""
    a, b = Value(1.5, "a"), Value(-0.0, "b")
    with autograd.record_source(), autograd.group("inner"):
        c = a + a
    d = autograd.sum([c * b, 2 - c, c**3, autograd.where(b, a, 4.0)])
    d.label = "d"
    d.backward()
    return d


def described(root: Value) -> list[tuple[Any, ...]]:
    """The graph as plain data: equal for two graphs that are the same apart from identity."""
    nodes = consumers_first(root)
    number = {node: k for k, node in enumerate(nodes)}
    return [
        (
            type(x), x.data.hex(), x.grad.hex(), x.label, x.op, x.origin,
            [number[y] if isinstance(y, Value) else y.hex() for y in x.operands],
        )
        for x in nodes
    ]  # fmt: skip


@each_way
def test_a_graph_comes_back_as_it_was_and_apart(again: Callable[[Any], Any]) -> None:
    root = tangle()
    twin = again(root)
    assert described(twin) == described(root)
    assert not set(consumers_first(twin)) & set(consumers_first(root))
    assert twin.op is ops.sum
    before = [node.grad for node in consumers_first(root)]
    twin.backward()
    assert [node.grad for node in consumers_first(root)] == before


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dumps", [pickle.dumps, pickle._dumps], ids=["C", "Python"])
def test_every_protocol_of_both_picklers(dumps: Any, protocol: int) -> None:
    root = tangle()
    for loads in (pickle.loads, pickle._loads):
        assert described(loads(dumps(root, protocol))) == described(root)


@each_way
def test_a_root_stays_stale_beside_the_leaf_that_was_assigned(again: Callable[[Any], Any]) -> None:
    x = Value(1.0)
    y = x * 2.0
    x.data = 3.0
    _, twin = again([x, y])
    with pytest.raises(StaleGraphError):
        twin.backward()


@each_way
def test_what_roots_share_stays_shared(again: Callable[[Any], Any]) -> None:
    a = Value(2.0)
    b = a * a
    roots = {"sum": b + 1, "b": b, "leaf": a, "again": b}
    twins = again([roots, b.tanh()])
    found, last = twins
    assert found["sum"].operands[0] is found["b"] is found["again"] is last.operands[0]
    assert found["b"].operands == (found["leaf"], found["leaf"])
    assert found["b"] is not b


@each_way
def test_a_graph_of_any_depth_without_recursion(again: Callable[[Any], Any]) -> None:
    x = Value(0.0)
    node = x
    for _ in range(200_000):
        node = node + 1.0
    twin = again(node)
    assert twin.data == 2e5
    twin.backward()
    assert (x.grad, consumers_first(twin)[-1].grad) == (0.0, 1.0)


@pytest.mark.skipif(core.NAME == "native", reason="counts how often Python reads operands")
@each_way
def test_many_roots_of_one_graph_are_visited_once(again: Callable[[Any], Any]) -> None:
    # Quadratic work would be 12 million visits here.
    nodes = [Value(1.0)]
    for _ in range(5_000):
        nodes.append(nodes[-1] * 1.0)
    operands = Counted(node.operands for node in nodes[1:])
    for node, counted in zip(nodes[1:], operands.tuples):
        node.operands = counted
    for order in (nodes, nodes[::-1]):
        operands.reads = 0
        twins = again(order)
        ascending = twins if order is nodes else twins[::-1]
        assert all(y.operands[0] is x for x, y in itertools.pairwise(ascending))
        assert operands.reads <= 4 * len(nodes)


class Counted:
    """Operand tuples that count how often they are walked through."""

    def __init__(self, tuples: Any) -> None:
        counter = self

        class Operands(tuple):  # type: ignore[type-arg]
            __slots__ = ()

            def __iter__(self) -> Any:
                counter.reads += 1
                return super().__iter__()

        self.reads = 0
        self.tuples = [Operands(operands) for operands in tuples]


def test_a_pickle_within_a_pickle_is_a_pickle_of_its_own() -> None:
    a = Value(3.0)
    shared = a * 2
    inside = Holder(shared + 1)
    first, holder, second = pickled([shared, inside, shared + 2])
    assert second.operands[0] is first
    assert holder.value.data == 7.0 and holder.value.operands[0] is not first


class Holder:
    def __init__(self, value: Value) -> None:
        self.value = value

    def __getstate__(self) -> bytes:
        return pickle.dumps(self.value)

    def __setstate__(self, state: bytes) -> None:
        self.value = pickle.loads(state)


def test_two_picklers_taking_turns_write_two_whole_pickles() -> None:
    a = Value(3.0)
    roots = [a * 2, a * 3, (a * 2).tanh(), a]
    files = [io.BytesIO(), io.BytesIO()]
    picklers = [pickle.Pickler(file) for file in files]
    for root in roots:
        for pickler in picklers:
            pickler.dump(root)
    for file in files:
        file.seek(0)
        reader = pickle.Unpickler(file)
        assert [described(reader.load()) for _ in roots] == list(map(described, roots))


def test_pickles_in_many_threads_at_once() -> None:
    def work(seed: int) -> None:
        generator = random.Random(seed)
        for _ in range(50):
            nodes = [Value(generator.uniform(-1, 1)), Value(2.0)]
            for _ in range(20):
                nodes.append(generator.choice(nodes) * generator.choice(nodes))
            twins = pickled(nodes)
            wrong.extend(x for x, y in zip(nodes, twins) if described(x) != described(y))

    wrong: list[Value] = []
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_pickle_keeps_nothing_alive_and_leaves_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        node = Value(1.0).tanh()
        gone = weakref.ref(node)
        pickled([node, copy.copy(node), copy.deepcopy(node)])
        del node
        assert gone() is None
    finally:
        gc.enable()


# Subclasses --------------------------------------------------------------------------------------


@each_way
def test_a_subclass_keeps_its_class_and_its_attributes(again: Callable[[Any], Any]) -> None:
    w = Parameter(2.0, "w")
    w.frozen, w.history = True, [1.0, 2.0]
    root, history = again([w * w + 1, w.history])
    twin = consumers_first(root)[-1]
    assert type(twin) is Parameter and type(root) is Value
    assert (twin.data, twin.label, twin.frozen, twin.history) == (2.0, "w", True, [1.0, 2.0])
    assert twin.history is history is not w.history
    assert type(again(w)) is Parameter


@each_way
def test_attributes_of_a_subclass_may_lead_back_into_the_graph(again: Callable[[Any], Any]) -> None:
    u, v = Parameter(2.0), Parameter(3.0)
    u.partner, v.partner = v, u
    root = u * v
    u.frozen = root
    for thing in (root, u, v):
        twin = again(thing)
        product = twin if thing is root else (twin if thing is u else twin.partner).frozen
        first, second = product.operands
        assert first.partner is second and second.partner is first and first.frozen is product
        assert (product.data, first.data, second.data) == (6.0, 2.0, 3.0)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_subclass_may_say_what_it_is_made_of(again: Callable[[Any], Any]) -> None:
    x = Rounded(2.0 / 3.0)
    x.digits = 2
    assert type(again(x)) is Rounded and (again(x).data, again(x).digits) == (0.67, 2)


def test_operations_on_a_subclass_give_plain_values_and_reach_it_as_a_leaf() -> None:
    w, plain = Parameter(2.0, "w"), Value(2.0, "w")
    made = [
        w + 1, 1 - w, w * w, -w, abs(w), w**2, w.tanh(), autograd.exp(w), autograd.sum([w, w]),
        autograd.where(w, w, 0.0), autograd.stop_gradient(w), *autograd.softmax([w, w]),
        *autograd.grad(w * w, [w], create_graph=True),
    ]  # fmt: skip
    assert {type(x) for x in made} == {Value}
    assert type(+w) is Parameter, "which is no operation"
    grown = w
    grown += 1
    assert type(grown) is Value and type(w) is Parameter
    root, other = (autograd.tanh(x * 3) + x for x in (w, plain))
    root.backward()
    other.backward()
    assert w.grad == plain.grad != 0.0
    assert autograd.draw(root).source == autograd.draw(other).source
    assert str(autograd.step_through(root).steps) == str(autograd.step_through(other).steps)
    assert autograd.lower(root, inputs=[w])([[2.0]])[0] == root.data


def test_a_subclass_that_holds_an_instance_of_its_own_is_collected() -> None:
    class Constant(Value):
        one: Any

    Constant.one = Constant(1.0)
    gone = weakref.ref(Constant)
    del Constant
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_a_subclass_is_a_parameter_like_any_other(engine: str) -> None:
    class Line(nn.Module):
        def __init__(self, kind: type[Value]) -> None:
            self.w, self.b = kind(0.5, "w"), [kind(0.0, "b")]

        def __call__(self, x: float) -> Value:
            return self.w * x + self.b[0]

    def trained(kind: type[Value]) -> Line:
        model = Line(kind)
        options: Any = {"engine": engine, "epochs": 3, "progress": False}
        nn.fit(model, [1.0, 2.0], [1.0, 3.0], divergence=nn.divergences.l2, **options)
        return model

    model = trained(Parameter)
    assert {type(w) for w in model.parameters()} == {Parameter}
    assert model.state_dict() == trained(Value).state_dict()


@pytest.mark.parametrize(
    "name", ["__eq__", "__hash__", "__deepcopy__", "__reduce__", "__reduce_ex__"]
)
def test_a_subclass_that_would_break_sweeps_or_copies_is_refused(name: str) -> None:
    def own(*_: object) -> int:
        return 0

    with pytest.raises(TypeError, match=f"Own must not define {name}: "):
        type("Own", (Value,), {name: own})
    mixed_in = type("Mixed", (), {name: own})
    with pytest.raises(TypeError, match=f"Own must not define {name}: "):
        type("Own", (mixed_in, Parameter), {})


def test_a_copy_is_another_node_with_the_same_operands() -> None:
    w = Parameter(2.0, "w")
    w.frozen, w.note = False, "mine"
    root = w * 3
    root.backward()
    twin = copy.copy(root)
    assert twin is not root and twin.operands == (w, 3.0)
    assert (twin.data, twin.grad, twin.op) == (6.0, 1.0, ops.mul)
    leaf = copy.copy(w)
    assert type(leaf) is Parameter
    assert (leaf.data, leaf.grad, leaf.label, leaf.frozen, leaf.note) == (
        2.0,
        3.0,
        "w",
        False,
        "mine",
    )
    leaf.data, leaf.note = 5.0, "its own"
    assert (w.data, w.note) == (2.0, "mine")
    # A leaf's copy is a variable of its own.
    (w * leaf).backward()
    assert (leaf.grad, w.grad) == (5.0, 8.0)


# Models ------------------------------------------------------------------------------------------


@each_way
def test_a_model_and_its_loss_keep_their_parameters_in_common(again: Callable[[Any], Any]) -> None:
    model = nn.MLP(2, [3, 2], output="softmax", rng=random.Random(0))
    loss = nn.EmpiricalRisk(model, nn.divergences.kl)([[0.5, -1.0]], [[1.0, 0.0]])
    for order in (slice(None), slice(None, None, -1)):
        twin, twin_loss = again([model, loss][order])[order]
        assert twin.state_dict() == model.state_dict()
        assert twin_loss.data == loss.data
        assert set(twin.parameters()) <= set(consumers_first(twin_loss))
        loss.backward()
        twin_loss.backward()
        assert [w.grad for w in twin.parameters()] == [w.grad for w in model.parameters()]
        model.zero_grad()
        assert [y.data for y in twin([1.0, 2.0])] == [y.data for y in model([1.0, 2.0])]


# What is not copied ------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
@pytest.mark.parametrize("engine", ["numpy", "python"])
def test_a_program_refuses_and_says_what_to_do(again: Callable[[Any], Any], engine: str) -> None:
    x = Value(2.0)
    program = autograd.lower(x * x, inputs=[x], engine=engine)
    function = autograd.LoweredFunction(lambda x: x * x, [1.0], engine=engine)
    for thing in (program, program.bind([[1.0]]), function):
        with pytest.raises(TypeError, match=f"{type(thing).__name__} cannot be copied or pickled"):
            again(thing)
    assert program([[3.0]])[0] == 9.0
