"""The operand-transform form: exact host arithmetic on masked operands, for instances that are proven to be that.

Truncating units, and the exact operators themselves, compute ``(a & m_a) op (b & m_b)`` for some masks. The masks are
data, so one compiled network serves all of them, at the speed of exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

from asnet.emulate.certificates import Masks
from asnet.emulate.forms import attributes, llvm_type, load
from asnet.ir import Slot
from asnet.types import FloatMode, operand_type
from asnet.units import UnitInstance

__all__ = ["ALL", "Mask"]

ALL = 0xFFFFFFFF
_FLOAT_OPS = ("fmul", "fdiv", "fadd", "fsub")


class Mask:
    """Computes ``(a & m_a) op (b & m_b)`` in float32, the masks loaded from ``@asnet.masks``.

    Serves the instances whose masks (by content digest) were certified and are given, and exact, which is all ones.
    """

    kind = "mask"
    table = "asnet.masks"
    columns = 2
    symbols: Mapping[str, int] = {}

    def __init__(self, mode: FloatMode, masks: Mapping[str, Masks]) -> None:
        self._mode = mode
        self._masks = dict(masks)

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """Float operations, exact or certified."""
        return slot.op in _FLOAT_OPS and (instance is None or instance.digest in self._masks)

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """The two masks."""
        if instance is None:
            return (ALL, ALL)
        masks = self._masks[instance.digest]
        return (masks.a, masks.b)

    def declarations(self) -> str:
        """Nothing: the host computes."""
        return ""

    def definition(self, name: str, op: str, type: str, lanes: int = 1, part: str = "whole") -> str:  # noqa: A002
        """Load the masks, mask the operands' bits, compute; the parts of an operand mask it, ``ready`` computes."""
        kind, bits = llvm_type(type, lanes), llvm_type("i32", lanes)
        head = f'define {kind} @"{name}"({kind} %a, {kind} %b, i64 %row) {attributes(self._mode, operand_type(type))}'
        lines = [f"{head} {{"]
        for column, operand in enumerate("ab"):
            if part not in {"whole", operand}:
                continue
            lines += [
                *load(f"m{operand}", self.table, self.columns, column, lanes),
                f"  %i{operand} = bitcast {kind} %{operand} to {bits}",
                f"  %k{operand} = and {bits} %i{operand}, %m{operand}",
                f"  %x{operand} = bitcast {bits} %k{operand} to {kind}",
            ]
        result = {"whole": f"{op} {kind} %xa, %xb", "ready": f"{op} {kind} %a, %b"}.get(part)
        ends = [f"  %y = {result}", f"  ret {kind} %y"] if result else [f"  ret {kind} %x{part}"]
        return "\n".join([*lines, *ends, "}"])
