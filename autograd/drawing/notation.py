"""The lecture's notation for the units of a network: ``w_ij^(k)`` for ``layer1.neuron0.w[2]``.

A dotted name as ``nn`` writes it goes in; a symbol with its indices comes out. The code counts
neurons and weights from 0, as Python does, and the lecture counts units from 1; the input is layer
0 in both.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_UNIT = re.compile(r"(?:.*\.)?layer(\d{1,6})\.neuron(\d{1,6})\.(?:(w)\[(\d{1,6})\]|([bzy]))")
_EXPONENT = re.compile(r"(?:.*\.)?layer(\d{1,6})\.alpha\[(\d{1,6})\]\[(\d{1,6})\]")
_OUTPUT = re.compile(r"softmax\.y\[(\d{1,6})\]")


class Symbol(NamedTuple):
    """A letter with what stands at its lower and upper right: ``w``, ``"31"``, ``"(1)"``."""

    letter: str
    lower: str
    upper: str

    def __str__(self) -> str:
        upper = f"^{self.upper}" if self.upper else ""
        return f"{self.letter}_{self.lower}{upper}"


def symbol(name: str) -> Symbol | None:
    """What the lecture calls a Value of a network.

    ``w_ij^(k)`` leads from unit i of layer k - 1 to unit j of layer k; ``b_j^(k)``, ``z_j^(k)``
    and ``y_j^(k)`` are bias, affine value and output of that unit; ``alpha_ij^(k)`` is the exponent
    of a multiplicative combination. Two indices are set apart by a comma if one is 10 or more.

    Returns:
        None for a name that is not of this kind.

    Example:
        >>> str(symbol("layer1.neuron0.w[2]")), str(symbol("layer2.neuron9.z"))
        ('w_31^(1)', 'z_10^(2)')
    """
    if unit := _UNIT.fullmatch(name):
        layer, neuron, weight, place, letter = unit.groups()
        indices = [neuron] if place is None else [place, neuron]
        return Symbol(letter or weight, _indices(indices), f"({int(layer)})")
    if exponent := _EXPONENT.fullmatch(name):
        layer, unit_number, place = exponent.groups()
        return Symbol("\u03b1", _indices([place, unit_number]), f"({int(layer)})")
    if output := _OUTPUT.fullmatch(name):
        return Symbol("y", _indices([output[1]]), "")
    return None


def _indices(numbers: list[str]) -> str:
    counted = [str(int(number) + 1) for number in numbers]
    return ("" if max(map(len, counted)) == 1 else ",").join(counted)
