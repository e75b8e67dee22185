"""Sums of products by the units' Verilator models: the form that all others are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.emulate.products import SIGNATURE, Data
from asnet.ir import Products
from asnet.ir.optimise import HOST
from asnet.ir.products import container
from asnet.types import ELEMENT_TYPES, EXACT, Array, operand_type
from asnet.units import FunctionLibrary, UnitInstance, function_name

__all__ = ["GoldenProducts"]

_KERNEL = """
{declaration}

define void @kernel({signature}) nounwind {{
entry:
  %id = load i64, ptr %data
  %unit = trunc i64 %id to i32
  %more.rows = icmp sgt i64 %rows, 0
  %more.columns = icmp sgt i64 %columns, 0
  %more.depth = icmp sgt i64 %depth, 0
  %some = and i1 %more.rows, %more.columns
  %any = and i1 %some, %more.depth
  br i1 %any, label %row, label %done
row:
  %r = phi i64 [ 0, %entry ], [ %r.next, %row.end ]
  %y.row = mul i64 %r, %y_row
  %s.row = mul i64 %r, %s_row
  br label %column
column:
  %c = phi i64 [ 0, %row ], [ %c.next, %column.end ]
  %y.index = add i64 %y.row, %c
  %y.place = getelementptr {total}, ptr %y, i64 %y.index
  %start = load {total}, ptr %y.place
  br label %step
step:
  %t = phi i64 [ 0, %column ], [ %t.next, %step ]
  %sum = phi {total} [ %start, %column ], [ %sum.next, %step ]
  %v.row = mul i64 %t, %v_step
  %v.index = add i64 %v.row, %c
  %v.place = getelementptr {element}, ptr %v, i64 %v.index
  %v.raw = load {element}, ptr %v.place
  %s.index = add i64 %s.row, %t
  %s.place = getelementptr {element}, ptr %s, i64 %s.index
  %s.raw = load {element}, ptr %s.place
{body}
  %t.next = add i64 %t, 1
  %steps = icmp slt i64 %t.next, %depth
  br i1 %steps, label %step, label %column.end
column.end:
  store {total} %sum.next, ptr %y.place
  %c.next = add i64 %c, 1
  %columns.left = icmp slt i64 %c.next, %columns
  br i1 %columns.left, label %column, label %row.end
row.end:
  %r.next = add i64 %r, 1
  %rows.left = icmp slt i64 %r.next, %rows
  br i1 %rows.left, label %row, label %done
done:
  ret void
}}
"""


class GoldenProducts:
    """Calls ``approx_<op>(a, b, id)`` for every product, in the order of the loops; the id is the data."""

    kind = "golden"
    machine = HOST

    def __init__(self, library: FunctionLibrary) -> None:
        self._library = library

    @property
    def symbols(self) -> Mapping[str, int]:
        """The library's functions."""
        return self._library.symbols

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """All that the library holds."""
        return instance is None or (instance.op, instance.type.name) == (_op(what), what.type)

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """Loops around the call."""
        operand = operand_type(what.type)
        element, total = (ELEMENT_TYPES[name].llvm for name in (container(what.type), what.accumulator))
        number = "float" if operand.is_float else "i32"
        if operand.is_float:
            extend, wide = [f"  %{side}.operand = bitcast float %{side}.raw to float" for side in "vs"], []
        else:
            extension = "sext" if operand.signed else "zext"
            extend = [f"  %{side}.operand = {extension} {element} %{side}.raw to i32" for side in "vs"]
            wide = [] if total == "i32" else [f"  %wide = {extension} i32 %product to {total}"]
        a, b = ("v.operand", "s.operand") if what.vector_is_a else ("s.operand", "v.operand")
        function, declaration = function_name(_op(what), operand), ""
        product = f"{_op(what)} {number} %{a}, %{b}"
        if function in self._library.symbols:
            declaration = f"declare {number} @{function}({number}, {number}, i32)"
            product = f"call {number} @{function}({number} %{a}, {number} %{b}, i32 %unit)"
        add = "fadd" if operand.is_float else "add"
        body = [
            *(*extend, f"  %product = {product}", *wide),
            f"  %sum.next = {add} {total} %sum, {'%wide' if wide else '%product'}",
        ]
        return _KERNEL.format(
            signature=SIGNATURE, declaration=declaration, element=element, total=total, body="\n".join(body)
        )

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The unit's id."""
        return Data((self._library.id(instance if instance is not None else EXACT),))


def _op(what: Products) -> str:
    return "fmul" if operand_type(what.type).is_float else "mul"
