"""Cells on words of more than 64 bits as cells on parts of them, where bits do not carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final

from asnet.emulate.lift.words import Bit, Cell, WordDesign

__all__ = ["WIDEST", "narrowed"]

WIDEST: Final = 64
"""Bits of the widest word that is computed with."""

_BITWISE: Final = frozenset(("$and", "$or", "$xor", "$xnor", "$not", "$pos", "$buf", "$mux", "$bwmux"))
_REDUCED: Final[Mapping[str, tuple[str, str]]] = {  # each part, and the parts' results together
    "$reduce_or": ("$reduce_or", "$reduce_or"),
    "$reduce_bool": ("$reduce_or", "$reduce_or"),
    "$reduce_and": ("$reduce_and", "$reduce_and"),
    "$reduce_xor": ("$reduce_xor", "$reduce_xor"),
    "$reduce_xnor": ("$reduce_xor", "$reduce_xnor"),
    "$logic_not": ("$reduce_or", "$logic_not"),
    "$logic_and": ("$reduce_or", "$logic_and"),
    "$logic_or": ("$reduce_or", "$logic_or"),
}
_COMPARED: Final[Mapping[str, tuple[str, str]]] = {
    "$eq": ("$eq", "$reduce_and"),
    "$eqx": ("$eq", "$reduce_and"),
    "$ne": ("$ne", "$reduce_or"),
    "$nex": ("$ne", "$reduce_or"),
}


def narrowed(design: WordDesign) -> WordDesign:
    """``design`` with parts for the wide cells that have them; others stay as they are."""
    nets = [net for cell in design.cells for net in cell.output]
    fresh = count(1 + max([*nets, *design.a, *design.b], default=0))
    cells: list[Cell] = []
    for cell in design.cells:
        widest = max([len(cell.output), *(len(bits) for bits in cell.pins.values())])
        cells += _parts(cell, fresh) if widest > WIDEST else [cell]
    return WordDesign(design.a, design.b, design.y, tuple(cells))


def _parts(cell: Cell, fresh: Iterator[int]) -> list[Cell]:
    if cell.kind in _BITWISE:
        return _bitwise(cell)
    if cell.kind in _REDUCED:
        return _reduced(cell, fresh)
    if cell.kind in _COMPARED:
        return _compared(cell, fresh)
    return [cell]


def _made(kind: str, pins: Mapping[str, Sequence[Bit]], output: Sequence[int]) -> Cell:
    widths = {f"{pin}_WIDTH": len(bits) for pin, bits in pins.items()}
    data = {"WIDTH": len(output)} if kind in ("$mux", "$bwmux") else {}
    return Cell(kind, widths | data, {pin: tuple(bits) for pin, bits in pins.items()}, tuple(output))


def _extended(cell: Cell, pin: str, width: int) -> tuple[Bit, ...]:
    """The bits of a pin, extended by its sign if all pins have one, or cut."""
    bits = cell.pins[pin]
    signed = all(cell.parameters.get(f"{other}_SIGNED") for other in cell.pins)
    return (*bits, *[bits[-1] if signed else "0"] * (width - len(bits)))[:width]


def _bitwise(cell: Cell) -> list[Cell]:
    wide = {pin: _extended(cell, pin, len(cell.output)) for pin in cell.pins if (cell.kind, pin) != ("$mux", "S")}
    common = {pin: bits for pin, bits in cell.pins.items() if pin not in wide}
    return [
        _made(
            cell.kind,
            {pin: bits[place : place + WIDEST] for pin, bits in wide.items()} | common,
            cell.output[place : place + WIDEST],
        )
        for place in range(0, len(cell.output), WIDEST)
    ]


def _reduced(cell: Cell, fresh: Iterator[int]) -> list[Cell]:
    part, whole = _REDUCED[cell.kind]
    cells: list[Cell] = []
    pins: dict[str, list[Bit]] = {}
    for pin, bits in cell.pins.items():
        pins[pin] = []
        for place in range(0, len(bits), WIDEST):
            net = next(fresh)
            cells.append(_made(part, {"A": bits[place : place + WIDEST]}, [net]))
            pins[pin].append(net)
    return [*cells, _made(whole, pins, cell.output)]


def _compared(cell: Cell, fresh: Iterator[int]) -> list[Cell]:
    part, whole = _COMPARED[cell.kind]
    width = max(len(bits) for bits in cell.pins.values())
    sides = {pin: _extended(cell, pin, width) for pin in cell.pins}
    cells: list[Cell] = []
    for place in range(0, width, WIDEST):
        parts = {pin: bits[place : place + WIDEST] for pin, bits in sides.items()}
        cells.append(_made(part, parts, [next(fresh)]))
    found: list[Bit] = [cell.output[0] for cell in cells]
    return [*cells, _made(whole, {"A": found}, cell.output)]
