"""The golden form: every operation is a call of the unit's Verilator model."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.emulate.forms import attributes, entry, function, llvm_type
from asnet.ir import Slot
from asnet.types import EXACT, operand_type
from asnet.units import FunctionLibrary, UnitInstance, function_name

__all__ = ["Golden"]


class Golden:
    """Calls ``approx_<op>(a, b, id)``, with the id loaded from ``@asnet.select``; id 0 is exact."""

    kind = "golden"
    table = "asnet.select"
    columns = 1

    def __init__(self, library: FunctionLibrary) -> None:
        self._library = library

    @property
    def symbols(self) -> Mapping[str, int]:
        """The library's functions."""
        return {name: address for name, address in self._library.symbols.items() if not name.endswith("_n")}

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """All that the library holds."""
        return instance is None or (instance.op, instance.type.name) == (slot.op, slot.type)

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """The instance's id in the library."""
        return (self._library.id(instance if instance is not None else EXACT),)

    def declarations(self) -> str:
        """The library's functions, without effects but their result."""
        lines: list[str] = []
        for name in self.symbols:
            kind = "float" if name in _FLOAT_FUNCTIONS else "i32"
            lines.append(f"declare {kind} @{name}({kind}, {kind}, i32) nounwind willreturn memory(none)")
        return "\n".join(lines)

    def definition(self, slot: Slot, index: int, slots: int) -> str:
        """Load the id, call the function; the exact operation, if the library has no function for the slot."""
        kind = llvm_type(slot.type)
        operand = operand_type(slot.type)
        if function_name(slot.op, operand) not in self.symbols:
            return (
                f'define {kind} @"{slot.symbol}"({kind} %a, {kind} %b) {attributes(self._library.mode, operand)} {{\n'
                f"  %y = {slot.op} {kind} %a, %b\n"
                f"  ret {kind} %y\n}}"
            )
        return (
            f"define {kind} {function(slot)}({kind} %a, {kind} %b) {attributes(self._library.mode, operand)} {{\n"
            f"  %id = load i32, ptr {entry(self.table, self.columns, index, slots, 0)}\n"
            f"  %y = call {kind} @{function_name(slot.op, operand)}({kind} %a, {kind} %b, i32 %id)\n"
            f"  ret {kind} %y\n}}"
        )


_FLOAT_FUNCTIONS = {function_name(op, operand_type("f32")) for op in ("fmul", "fdiv", "fadd", "fsub")}
