"""The golden form: every operation is a call of the unit's Verilator model."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.emulate.forms import attributes, llvm_type, load
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

    def definition(self, name: str, op: str, type: str, lanes: int = 1, part: str = "whole") -> str:  # noqa: A002
        """Load the id, call the function; the exact operation, if the library has no function for the slot.

        Nothing is done with one operand alone.
        """
        kind, operand = llvm_type(type, lanes), operand_type(type)
        target = function_name(op, operand)
        head = f'define {kind} @"{name}"({kind} %a, {kind} %b, i64 %row) {attributes(self._library.mode, operand)} {{'
        if part in {"a", "b"}:
            return "\n".join([head, f"  ret {kind} %a", "}"])
        if target not in self.symbols:
            body = [f"  %y = {op} {kind} %a, %b"]
        elif lanes == 1:
            body = [
                *load("id", self.table, self.columns, 0),
                f"  %y = call {kind} @{target}({kind} %a, {kind} %b, i32 %id)",
            ]
        else:
            body = [*load("id", self.table, self.columns, 0), *_lane_by_lane(target, llvm_type(type), lanes)]
        return "\n".join([head, *body, f"  ret {kind} %y", "}"])


def _lane_by_lane(target: str, single: str, lanes: int) -> list[str]:
    lines: list[str] = []
    before = "poison"
    for lane in range(lanes):
        after = "%y" if lane == lanes - 1 else f"%y.{lane}"
        lines += [
            f"  %a.{lane} = extractelement <{lanes} x {single}> %a, i64 {lane}",
            f"  %b.{lane} = extractelement <{lanes} x {single}> %b, i64 {lane}",
            f"  %z.{lane} = call {single} @{target}({single} %a.{lane}, {single} %b.{lane}, i32 %id)",
            f"  {after} = insertelement <{lanes} x {single}> {before}, {single} %z.{lane}, i64 {lane}",
        ]
        before = after
    return lines


_FLOAT_FUNCTIONS = {function_name(op, operand_type("f32")) for op in ("fmul", "fdiv", "fadd", "fsub")}
