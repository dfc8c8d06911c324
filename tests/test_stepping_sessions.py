"""Sessions that nobody would type: any mixture of movements, on random graphs, against `backward`.

What a position holds is learnt beforehand, by taking single edges and nothing else on a twin of the
graph, and compared bit for bit after every movement.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from test_stepping import all_bits, random_graph

from autograd import step_through
from autograd.stepping.targets import Breakpoint

CONDITIONS = ["grad > 0.5", "isnan", "abs(grad) < 1e-6", "data > 0 and grad < 0", "isinf(data)"]


class Session(RuleBasedStateMachine):
    """A user at a stepper, who does anything in any order."""

    @initialize(seed=st.integers(0, 399), forward=st.booleans())
    def begin(self, seed: int, forward: bool) -> None:
        twin = random_graph(seed)
        single = step_through(twin)
        self.expected = {(0, 0): all_bits(twin)}
        while not single.done:
            single.step()
            self.expected[single.position, single.edges_done] = all_bits(twin)
        single.quit()
        twin.backward()
        self.end = all_bits(twin)
        self.root = random_graph(seed)
        self.s = step_through(self.root, forward=forward)
        self.made: list[Breakpoint] = []
        self.names = list(self.s.steps.names.values())
        self.ops = sorted({node.op.name for node in self.s.steps.nodes if node.op})

    def target(self, choice: int) -> str:
        return [*self.names, *self.ops, *CONDITIONS][
            choice % (len(self.names) + len(self.ops) + len(CONDITIONS))
        ]

    @rule()
    def next(self) -> None:
        self.s.next()

    @rule()
    def step(self) -> None:
        self.s.step()

    @rule(k=st.integers(1, 6))
    def back(self, k: int) -> None:
        nodes = self.s.position + (self.s.edges_done > 0)
        self.s.back(k)
        assert self.s.position == max(nodes - k, 0)

    @rule(choice=st.integers(0, 10**6))
    def until(self, choice: int) -> None:
        before, target = self.s.position, self.target(choice)
        said = self.s.until(target)
        assert self.s.position >= before
        if said.startswith(f"until {target}: ") and target in self.names:
            assert self.s.steps.names[self.s.steps.nodes[self.s.position]] == target

    @rule()
    def run(self) -> None:
        hits = sum(b.hits for b in self.made)
        said = self.s.run()
        assert self.s.done or said.startswith("breakpoint ")
        assert (sum(b.hits for b in self.made) > hits) == said.startswith("breakpoint ")

    @rule()
    def restart(self) -> None:
        self.s.restart()
        assert self.s.position == self.s.edges_done == 0

    @rule()
    def forward(self) -> None:
        self.s.forward()

    @rule(choice=st.integers(0, 10**6), once=st.booleans(), condition=st.sampled_from(CONDITIONS))
    def add_breakpoint(self, choice: int, once: bool, condition: str) -> None:
        made = self.s.add_breakpoint(
            self.target(choice), once=once, condition=condition if choice % 3 else None
        )
        self.made.append(made)

    @rule()
    def remove_breakpoints(self) -> None:
        self.s.remove_breakpoint()

    @rule(choice=st.integers(0, 10**6))
    def watch(self, choice: int) -> None:
        self.s.watch(self.names[choice % len(self.names)])

    @rule(choice=st.integers(0, 10**6))
    def ask(self, choice: int) -> None:
        name = self.names[choice % len(self.names)]
        assert str(self.s.why(name, limit=3))
        assert str(self.s.naive())
        assert str(self.s.table())

    @invariant()
    def the_gradients_are_those_of_the_position(self) -> None:
        if hasattr(self, "s"):
            here = self.s.position, self.s.edges_done
            assert all_bits(self.root) == self.expected[here]

    def teardown(self) -> None:
        if hasattr(self, "s"):
            self.s.remove_breakpoint()
            self.s.run()
            assert all_bits(self.root) == self.end
            self.s.back(5)
            self.s.quit()
            assert all_bits(self.root) == self.expected[0, 0]


TestSession = Session.TestCase
TestSession.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
