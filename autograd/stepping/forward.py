"""The forward pass again, value by value: each operation on names, and on the numbers recorded.

Nothing in the graph is touched: operations are computed anew on plain floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from ..core.sweep import evaluation_order
from ..core.value import Value
from ..text import GAP, signed
from ..words import formulas
from .recording import Recording


@dataclass(frozen=True, repr=False)
class ForwardStep:
    """One operation of the forward pass, on the numbers of its operands.

    Attributes:
        number: where it comes in the forward pass, from 1.
        total: how many operations the forward pass has.
        node: the Value that it makes.
        data: its number.
        operands: the numbers that it is computed from, in order.
        names: what each node of the pass is called.
    """

    number: int
    total: int
    node: Value
    data: float
    operands: tuple[float, ...]
    names: Mapping[Value, str] = field(compare=False)

    @property
    def again(self) -> float:
        """What the operation makes of these numbers.

        It is not ``data`` if somebody has changed the ``.data`` of an operand since.
        """
        assert self.node.op is not None
        return self.node.op.forward(*self.operands)

    def __repr__(self) -> str:
        same = self.again == self.data or self.again != self.again
        changed = f"{GAP}now {signed(self.again)}: some .data has changed since"
        in_numbers = formulas.in_numbers(self.node, self.operands)
        origin = formulas.made_at(self.node)
        return (
            f"{value_line(self)} = {in_numbers} = {signed(self.data)}"
            f"{'' if same else changed}{GAP + origin if origin else ''}"
        )


def value_line(step: ForwardStep) -> str:
    """Which step it is, and its node as it is computed: ``[1/3] e = a * b``."""
    formula = formulas.in_names(step.node, step.names)
    return f"[{step.number}/{step.total}] {step.names[step.node]} = {formula}"


class Forward(Sequence[ForwardStep]):
    """The operations of a recorded pass in the order of evaluation: operands before results.

    Attributes:
        nodes: the nodes that were computed, in this order; leaves are given.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.nodes = [node for node in evaluation_order(recording.root) if node.op is not None]

    def __len__(self) -> int:
        return len(self.nodes)

    @overload
    def __getitem__(self, index: int) -> ForwardStep: ...
    @overload
    def __getitem__(self, index: slice) -> list[ForwardStep]: ...
    def __getitem__(self, index: int | slice) -> ForwardStep | list[ForwardStep]:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self._step(i) for i in chosen]
        return self._step(chosen)

    def __repr__(self) -> str:
        return f"<{len(self)} forward steps>"

    def _step(self, index: int) -> ForwardStep:
        recording = self._recording
        node = self.nodes[index]
        return ForwardStep(
            number=index + 1,
            total=len(self),
            node=node,
            data=recording.data[recording.place[node]],
            operands=tuple(recording.numbers(node)),
            names=recording.names,
        )
