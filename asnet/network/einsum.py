"""What an Einsum adds up: the axes of its operands as letters, all of them resolved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from asnet.errors import NetworkError
from asnet.network.attributes import text
from asnet.network.model import Layer, Network
from asnet.network.semantics import check_output

__all__ = ["EQUATION", "Einsum", "einsum"]

_TERM = re.compile(r"[A-Za-z]*(\.\.\.[A-Za-z]*)?")
EQUATION = re.compile(rf"{_TERM.pattern}(,{_TERM.pattern})*(->{_TERM.pattern})?")
"""An equation without blanks."""


@dataclass(frozen=True)
class Einsum:
    """``output[...] = Σ operand_0[...]·operand_1[...]·…`` over the letters that are not in ``output``.

    ``operands`` and ``output`` hold one letter per axis (an ellipsis is the letters ``...0``, ``...1``, … of its axes),
    ``extents`` the number of elements of each. An axis of one element is broadcast. The sum runs over ``summed``, in
    the order in which the letters first appear, the last fastest, from 0 on; without such letters there is no sum.
    """

    operands: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]
    extents: Mapping[str, int]

    @property
    def summed(self) -> tuple[str, ...]:
        """Letters that are summed over."""
        return tuple(letter for letter in self.extents if letter not in self.output)


def einsum(layer: Layer, network: Network) -> Einsum:
    """The equation of an Einsum, with or without ``->``.

    Raises:
        NetworkError: it is none, or does not fit the operands or the output.
    """
    equation = text(layer, "equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(layer.inputs) or not EQUATION.fullmatch(equation):
        raise NetworkError(f"{layer}: equation {equation!r} is none of {len(layer.inputs)} operands; mend the model")
    shapes = [network.shape(name) for name in layer.inputs]
    operands = tuple(_letters(layer, equation, term, shape) for term, shape in zip(terms, shapes, strict=True))
    extents: dict[str, int] = {}
    for letters, shape in zip(operands, shapes, strict=True):
        for letter, extent in zip(letters, shape, strict=True):
            known = extents.get(letter, 1)
            if 1 not in (known, extent) and known != extent:
                raise NetworkError(
                    f"{layer}: {letter!r} of equation {equation!r} is {known} and {extent} elements; mend the model"
                )
            extents[letter] = extent if known == 1 else known
    covered = sorted((letter for letter in extents if letter.startswith("...")), key=_place)
    if arrow:
        before, dots, after = right.partition("...")
        output = (*before, *(covered if dots else ()), *after)
    else:
        counts = Counter(letter for letters in operands for letter in letters if not letter.startswith("..."))
        output = (*covered, *sorted(letter for letter, count in counts.items() if count == 1))
    if len(set(output)) != len(output) or not extents.keys() >= set(output):
        raise NetworkError(f"{layer}: the output of equation {equation!r} is no choice of its letters; mend the model")
    found = Einsum(operands, output, extents)
    check_output(layer, network, [extents[letter] for letter in output])
    return found


def _place(letter: str) -> int:
    """Axes of an ellipsis are numbered from the last one back; this is their order."""
    return -int(letter.removeprefix("..."))


def _letters(layer: Layer, equation: str, term: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    before, dots, after = term.partition("...")
    covered = len(shape) - len(before) - len(after)
    if covered < 0 or (covered and not dots):
        raise NetworkError(f"{layer}: {term!r} of equation {equation!r} does not fit an operand of shape {list(shape)}")
    return (*before, *(f"...{number}" for number in reversed(range(covered))), *after)
