"""Operands of units: values of exactly the width and type that a unit takes, and float constants by name."""

from __future__ import annotations

import struct

from asnet.hls.expressions import Signal, bits
from asnet.hls.kernel import Constant, Operation, fault
from asnet.hls.names import Names
from asnet.hls.operators import UNIT_OPS, Operator

__all__ = ["FloatConstants", "unit_constants", "unit_operand"]

_SIGN = 0x80000000


class FloatConstants:
    """The float constants of a module: a name for each."""

    def __init__(self, names: Names) -> None:
        """``names``: where their names come from."""
        self._names = names
        self._known: dict[int, tuple[str, str]] = {}

    def name(self, value: int) -> str:
        """The name of the float with the bits ``value``."""
        if value not in self._known:
            shown = repr(struct.unpack(">f", value.to_bytes(4, "big"))[0])
            self._known[value] = self._names.fresh(f"K_{value:08X}"), shown
        return self._known[value][0]

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """Name, bits in Verilog and the value as people write it, of every constant, in the order of the names."""
        return sorted((name, f"32'h{value:08x}", shown) for value, (name, shown) in self._known.items())


def unit_constants(operation: Operation) -> dict[int, int]:
    """The constants among the float operands of ``operation`` as its unit gets them: number of the operand → bits."""
    return {
        index: operand.bits ^ (_SIGN if _negated(operation, index) else 0)
        for index, operand in enumerate(operation.operands)
        if isinstance(operand, Constant)
    }


def _negated(operation: Operation, index: int) -> bool:
    """Whether the unit gets an operand with its sign turned."""
    use = UNIT_OPS.get(operation.op)
    return use is not None and use.negate and index == 1


def unit_operand(
    layer: str, operation: Operation, unit: Operator, index: int, signal: Signal, constants: FloatConstants
) -> str:
    """What ``unit`` gets for operand ``index`` of ``operation``, which is at hand as ``signal``.

    Raises:
        SynthesisError: the operand has values that the unit cannot take.
    """
    width, kind = unit.widths[index], unit.instance.type
    if kind.is_float:
        negate = _negated(operation, index)
        if signal.constant is not None:
            return constants.name(signal.constant.bits ^ (_SIGN if negate else 0))
        return f"{{~{bits(signal, 31, 31)}, {bits(signal, 30)}}}" if negate else bits(signal, 31)
    if not _representable(signal, width, signed=kind.signed):
        problem = f"operand {index + 1} does not fit {unit.instance.name}, which takes {kind}"
        raise fault(layer, operation.source, problem)
    return bits(signal, width - 1, arithmetic=kind.signed)


def _representable(signal: Signal, width: int, *, signed: bool) -> bool:
    """Whether every value of ``signal`` is one of a unit's operand type."""
    if signal.width <= width:
        return True
    if signal.constant is not None:
        value, sign = signal.constant.bits, 1 << (signal.width - 1)
        value -= 2 * (value & sign)
        return -(1 << (width - 1)) <= value < (1 << (width - 1)) if signed else 0 <= value < (1 << width)
    stored = signal.stored
    if stored.bits == signal.width and not stored.signed:
        return False  # the whole value, whose top bit is its sign
    if stored.signed:
        return signed and stored.bits <= width
    return stored.bits <= width - (1 if signed else 0)
