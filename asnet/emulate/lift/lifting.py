"""Computing a word-level design with LLVM's integers: each cell as a few instructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llvmlite import ir

from asnet.emulate.lift.cells import CELLS
from asnet.emulate.lift.narrowing import WIDEST, narrowed
from asnet.emulate.lift.values import Words, container
from asnet.emulate.lift.words import Bit, Cell, WordDesign
from asnet.errors import UnitError
from asnet.ir.emission import Emitter

__all__ = ["Lifting", "computable", "sides"]


_MOST: Final = 600
"""Cells; a netlist of gates, not of words, has many."""


def computable(design: WordDesign) -> WordDesign:
    """``design`` in cells that can be computed.

    Raises:
        UnitError: it is too large; names a cell of an unknown kind, or the width of a word of more than 64 bits.
    """
    design = narrowed(design)
    if len(design.cells) > _MOST:
        raise UnitError(f"it has {len(design.cells)} cells; with more than {_MOST} it is slower as words than as gates")
    for cell in design.cells:
        if cell.kind not in CELLS:
            raise UnitError(f"its cell {cell.kind} has no form as words")
        widest = max(cell.parameters.get(name, 0) for name in CELLS[cell.kind].widths)
        if widest > WIDEST:
            raise UnitError(f"its cell {cell.kind} works on words of {widest} bits; at most {WIDEST} have a form")
    if len(design.y) > WIDEST:
        raise UnitError(f"its result has {len(design.y)} bits; at most {WIDEST} have a form")
    return design


def sides(design: WordDesign) -> list[frozenset[str]]:
    """For each cell the operands that it depends on: ``a``, ``b``, both or none."""
    known = {net: frozenset(name) for name, nets in (("a", design.a), ("b", design.b)) for net in nets}
    found: list[frozenset[str]] = []
    for cell in design.cells:
        bits = {bit for pins in cell.pins.values() for bit in pins if isinstance(bit, int)}
        found.append(frozenset[str]().union(*(known.get(bit, frozenset[str]()) for bit in bits)))
        known |= dict.fromkeys(cell.output, found[-1])
    return found


class Lifting:
    """A design at work on one pair of operands, or on lanes of pairs.

    ``a`` and ``b`` are words (:class:`~asnet.emulate.lift.values.Words`); what depends on a single operand alone is
    computed once, not in lanes. ``known``: values of cells that another lifting has computed from the same operand.
    """

    def __init__(
        self,
        code: Emitter,
        design: WordDesign,
        a: ir.Value,
        b: ir.Value,
        lanes: int,
        known: dict[int, ir.Value] | None = None,
    ) -> None:
        self.words = Words(code, lanes)
        self._design = design
        self._nets: dict[int, tuple[int, int]] = {}  # net → number of the source, bit
        self._sources: dict[int, ir.Value] = {-1: a, -2: b}
        self._words: dict[tuple[Bit, ...], ir.Value] = {}
        for source, nets in ((-1, design.a), (-2, design.b)):
            self._nets |= {net: (source, bit) for bit, net in enumerate(nets)}
        for number, cell in enumerate(design.cells):
            self._nets |= {net: (number, bit) for bit, net in enumerate(cell.output)}
        self._known = known if known is not None else {}

    def result(self) -> ir.Value:
        """The word y."""
        for number, cell in enumerate(self._design.cells):
            if number not in self._known:
                value = CELLS[cell.kind].emit(self, cell)
                self._sources[number] = self.words.cut(value, len(cell.output))
            else:
                self._sources[number] = self._known[number]
        return self.word(self._design.y)

    def source(self, number: int) -> ir.Value:
        """The value of cell ``number``, after :meth:`result`."""
        return self._sources[number]

    def operand(self, cell: Cell, pin: str, width: int) -> ir.Value:
        """Input ``pin`` of ``cell`` as a word of ``width`` bits: extended as its sign says, or cut."""
        bits = cell.pins[pin]
        rest: Bit = bits[-1] if cell.parameters.get(f"{pin}_SIGNED") and bits else "0"
        return self.word((*bits, *[rest] * (width - len(bits)))[:width])

    def word(self, bits: Sequence[Bit]) -> ir.Value:
        """The word of these bits, the lowest first, at most 64."""
        key = tuple(bits)
        if key not in self._words:
            self._words[key] = self._word(key)
        return self._words[key]

    def _word(self, bits: tuple[Bit, ...]) -> ir.Value:
        words, width = self.words, len(bits)
        own = self._unextended(bits)
        if own < width:
            value = words.sized(self.word(bits[:own]), width)
            by = words.constant(container(width) - own, value.type)
            value = words.binary("ashr", words.binary("shl", value, by), by)
            return words.cut(value, width)
        total: ir.Value | None = None
        fixed = sum(1 << place for place, bit in enumerate(bits) if bit == "1")
        for place, net, count in self._runs(bits):
            source, first = self._nets[net]
            part = self._sources[source]
            if first:
                part = words.binary("lshr", part, words.constant(first, part.type))
            if first + count < self._width(source):
                part = words.cut(part, count)
            part = words.sized(part, width)
            if place:
                part = words.binary("shl", part, words.constant(place, part.type))
            total = part if total is None else words.binary("or_", total, part)
        if total is None:
            return words.number(fixed, width)
        return words.binary("or_", total, words.constant(fixed, total.type)) if fixed else total

    def _unextended(self, bits: tuple[Bit, ...]) -> int:
        """How many bits are left without copies of the highest of them."""
        own = len(bits)
        while own > 1 and isinstance(bits[-1], int) and bits[own - 2] == bits[-1]:
            own -= 1
        return own

    def _runs(self, bits: tuple[Bit, ...]) -> list[tuple[int, int, int]]:
        """``(place, first net, count)`` of bits that follow each other in one source."""
        found: list[tuple[int, int, int]] = []
        for place, bit in enumerate(bits):
            if not isinstance(bit, int):
                continue
            if found:
                begin, net, count = found[-1]
                source, first = self._nets[net]
                if begin + count == place and self._nets[bit] == (source, first + count):
                    found[-1] = (begin, net, count + 1)
                    continue
            found.append((place, bit, 1))
        return found

    def _width(self, source: int) -> int:
        if source < 0:
            return len(self._design.a if source == -1 else self._design.b)
        return len(self._design.cells[source].output)
