"""What yosys' word-level cells compute (manual: Internal cell library), as LLVM instructions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from llvmlite import ir

from asnet.emulate.lift.values import Words, container
from asnet.emulate.lift.words import Bit, Cell

__all__ = ["CELLS", "CellForm", "Lifting"]


class Lifting(Protocol):
    """What a cell is computed with."""

    @property
    def words(self) -> Words:
        """The operations."""
        ...

    def operand(self, cell: Cell, pin: str, width: int) -> ir.Value:
        """Input ``pin`` of ``cell`` as a word of ``width`` bits: extended as its sign says, or cut."""
        ...

    def word(self, bits: Sequence[Bit]) -> ir.Value:
        """The word of these bits, the lowest first, at most 64."""
        ...


Emit: TypeAlias = Callable[[Lifting, Cell], ir.Value]


@dataclass(frozen=True)
class CellForm:
    """How a cell is computed; ``widths``: its parameters that say how wide its words are. Bits of the value above the
    cell's output do not count."""

    emit: Emit
    widths: tuple[str, ...] = ("A_WIDTH", "B_WIDTH", "Y_WIDTH")


def _signed(cell: Cell) -> bool:
    return bool(cell.parameters.get("A_SIGNED") and cell.parameters.get("B_SIGNED", 1))


def _both(lifting: Lifting, cell: Cell, width: int) -> tuple[ir.Value, ir.Value]:
    """A and B extended to ``width``: by their signs only if both have one."""
    if not _signed(cell):
        zeros = ("0",) * width
        return lifting.word((*cell.pins["A"], *zeros)[:width]), lifting.word((*cell.pins["B"], *zeros)[:width])
    return lifting.operand(cell, "A", width), lifting.operand(cell, "B", width)


def _arithmetic(operation: str) -> CellForm:
    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        return lifting.words.binary(operation, *_both(lifting, cell, len(cell.output)))

    return CellForm(emit)


def _negated(operation: str) -> CellForm:
    """The inversion of the bits of another operation."""

    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        value = lifting.words.binary(operation, *_both(lifting, cell, len(cell.output)))
        return lifting.words.binary("xor", value, lifting.words.constant(-1, value.type))

    return CellForm(emit)


def _not(lifting: Lifting, cell: Cell) -> ir.Value:
    value = lifting.operand(cell, "A", len(cell.output))
    return lifting.words.binary("xor", value, lifting.words.constant(-1, value.type))


def _pos(lifting: Lifting, cell: Cell) -> ir.Value:
    return lifting.operand(cell, "A", len(cell.output))


def _neg(lifting: Lifting, cell: Cell) -> ir.Value:
    value = lifting.operand(cell, "A", len(cell.output))
    return lifting.words.binary("sub", lifting.words.constant(0, value.type), value)


def _compared(operation: str) -> CellForm:
    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        width = container(max(len(cell.pins["A"]), len(cell.pins["B"])))
        left, right = _both(lifting, cell, width)
        return lifting.words.word(lifting.words.compare(operation, left, right, signed=_signed(cell)))

    return CellForm(emit)


def _logic(operation: str) -> CellForm:
    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        truths = [lifting.words.word(lifting.words.truth(lifting.word(cell.pins[pin]))) for pin in "AB"]
        return lifting.words.binary(operation, *truths)

    return CellForm(emit)


def _is_zero(lifting: Lifting, cell: Cell) -> ir.Value:
    value = lifting.word(cell.pins["A"])
    return lifting.words.word(lifting.words.compare("==", value, lifting.words.constant(0, value.type)))


def _is_some(lifting: Lifting, cell: Cell) -> ir.Value:
    return lifting.words.word(lifting.words.truth(lifting.word(cell.pins["A"])))


def _is_all(lifting: Lifting, cell: Cell) -> ir.Value:
    value = lifting.word(cell.pins["A"])
    full = lifting.words.constant((1 << len(cell.pins["A"])) - 1, value.type)
    return lifting.words.word(lifting.words.compare("==", value, full))


def _parity(lifting: Lifting, cell: Cell) -> ir.Value:
    value = lifting.word(cell.pins["A"])
    step = container(len(cell.pins["A"])) // 2
    while step:
        if step < len(cell.pins["A"]):
            by = lifting.words.constant(step, value.type)
            value = lifting.words.binary("xor", value, lifting.words.binary("lshr", value, by))
        step //= 2
    return value


def _even(lifting: Lifting, cell: Cell) -> ir.Value:
    value = _parity(lifting, cell)
    return lifting.words.binary("xor", value, lifting.words.constant(1, value.type))


def _mux(lifting: Lifting, cell: Cell) -> ir.Value:
    condition = lifting.words.truth(lifting.word(cell.pins["S"]))
    return lifting.words.select(condition, lifting.word(cell.pins["B"]), lifting.word(cell.pins["A"]))


def _pmux(lifting: Lifting, cell: Cell) -> ir.Value:
    """One of several values of B, that whose bit of S is set (at most one is), else A."""
    width, value = cell.parameters["WIDTH"], lifting.word(cell.pins["A"])
    for number, bit in reversed(list(enumerate(cell.pins["S"]))):
        choice = lifting.word(cell.pins["B"][number * width : (number + 1) * width])
        value = lifting.words.select(lifting.words.truth(lifting.word((bit,))), choice, value)
    return value


def _bmux(lifting: Lifting, cell: Cell) -> ir.Value:
    """Element S of the array A."""
    width = cell.parameters["WIDTH"]
    values = [lifting.word(cell.pins["A"][place : place + width]) for place in range(0, len(cell.pins["A"]), width)]
    for bit in cell.pins["S"]:
        condition = lifting.words.truth(lifting.word((bit,)))
        values = [
            lifting.words.select(condition, high, low) for low, high in zip(values[::2], values[1::2], strict=True)
        ]
    return values[0]


def _bwmux(lifting: Lifting, cell: Cell) -> ir.Value:
    """Bit by bit B where S is set, else A."""
    words = lifting.words
    a, b, s = (lifting.word(cell.pins[pin]) for pin in "ABS")
    return words.binary("xor", a, words.binary("and_", words.binary("xor", a, b), s))


def _shift(operation: str) -> CellForm:
    """A by an amount without sign; A is extended to the output first."""

    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        width, amount = _shifted_width(cell), lifting.word(cell.pins["B"])
        if operation == "ashr" and cell.parameters.get("A_SIGNED"):
            value = lifting.operand(cell, "A", container(width))
            return _apply(lifting, "ashr", value, amount)
        value = lifting.operand(cell, "A", width)
        return _apply(lifting, "shl" if operation == "shl" else "lshr", value, amount)

    return CellForm(emit)


def _shifted_width(cell: Cell) -> int:
    return max(len(cell.pins["A"]), len(cell.output))


def _apply(lifting: Lifting, operation: str, value: ir.Value, amount: ir.Value) -> ir.Value:
    """A shift whose amount may live in a wider container than the value."""
    words = lifting.words
    kinds = [kind.element if isinstance(kind := each.type, ir.VectorType) else kind for each in (value, amount)]
    bits = [kind.width for kind in kinds if isinstance(kind, ir.IntType)]
    if bits[1] > bits[0]:
        most = words.constant(bits[0], amount.type)
        amount = words.select(words.compare("<", amount, most), amount, most)
    return words.shifted(operation, value, words.sized(amount, bits[0]))


def _shift_both(lifting: Lifting, cell: Cell) -> ir.Value:
    """A to the right by B; to the left where B, if it has a sign, is negative. What comes in is 0."""
    width = _shifted_width(cell)
    value = lifting.word((*cell.pins["A"], *["0"] * (width - len(cell.pins["A"]))))
    if not cell.parameters.get("B_SIGNED"):
        return _apply(lifting, "lshr", value, lifting.word(cell.pins["B"]))
    words = lifting.words
    by = lifting.operand(cell, "B", container(len(cell.pins["B"])))
    zero = words.constant(0, by.type)
    left = words.binary("sub", zero, by)
    negative = words.compare("<", by, zero, signed=True)
    return words.select(negative, _apply(lifting, "shl", value, left), _apply(lifting, "lshr", value, by))


def _divided(operation: str) -> CellForm:
    """Division towards zero and its remainder; by zero 0, as the golden model has it."""

    def emit(lifting: Lifting, cell: Cell) -> ir.Value:
        words, signed = lifting.words, _signed(cell)
        width = max(len(cell.pins["A"]), len(cell.pins["B"]), len(cell.output)) + 1
        left, right = _both(lifting, cell, container(width) if signed else width)
        zero = words.constant(0, right.type)
        none = words.compare("==", right, zero)
        right = words.select(none, words.constant(1, right.type), right)
        value = words.binary(("s" if signed else "u") + operation, left, right)
        return words.select(none, words.constant(0, value.type), value)

    return CellForm(emit)


_DATA: Final = ("WIDTH",)

CELLS: Final[Mapping[str, CellForm]] = {
    **{f"${name}": _arithmetic(name) for name in ("add", "sub", "mul", "xor")},
    **{f"${name}": _arithmetic(f"{name}_") for name in ("and", "or")},
    "$xnor": _negated("xor"),
    "$not": CellForm(_not),
    "$pos": CellForm(_pos),
    "$buf": CellForm(_pos),
    "$neg": CellForm(_neg),
    **{
        f"${name}": _compared(sign)
        for name, sign in (
            *(("eq", "=="), ("ne", "!="), ("eqx", "=="), ("nex", "!="), ("lt", "<"), ("le", "<=")),
            *(("gt", ">"), ("ge", ">=")),
        )
    },
    "$logic_and": _logic("and_"),
    "$logic_or": _logic("or_"),
    "$logic_not": CellForm(_is_zero),
    "$reduce_or": CellForm(_is_some),
    "$reduce_bool": CellForm(_is_some),
    "$reduce_and": CellForm(_is_all),
    "$reduce_xor": CellForm(_parity),
    "$reduce_xnor": CellForm(_even),
    "$mux": CellForm(_mux, _DATA),
    "$pmux": CellForm(_pmux, _DATA),
    "$bmux": CellForm(_bmux, _DATA),
    "$bwmux": CellForm(_bwmux, _DATA),
    "$shl": _shift("shl"),
    "$sshl": _shift("shl"),
    "$shr": _shift("lshr"),
    "$sshr": _shift("ashr"),
    "$shift": CellForm(_shift_both),
    "$shiftx": CellForm(_shift_both),
    "$div": _divided("div"),
    "$mod": _divided("rem"),
}
"""Every kind of cell that has a form."""
