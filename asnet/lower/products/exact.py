"""The exact kernel of integers, for modules without sites: layers share it, nothing stands for its products."""

from __future__ import annotations

from collections.abc import Mapping

from llvmlite import ir

from asnet.ir.attributes import kernel_attributes, pointer_attributes
from asnet.ir.emission import I64, POINTER, Emitter, vector
from asnet.ir.products import ALIGNMENT, ARGUMENTS, COLUMNS, Products, container
from asnet.lower.arithmetic import register_type
from asnet.types import ELEMENT_TYPES, FloatMode, operand_type

__all__ = ["exact_kernel"]

_ROWS = 4
_SUMS = 64 * 32 * _ROWS
"""Bits of sums that are added to at a time."""


def exact_kernel(module: ir.Module, mode: FloatMode, what: Products) -> ir.Function:
    """The function of ``module`` that computes ``what``, by :data:`asnet.ir.products.ARGUMENTS`."""
    name = f"kernel.products.{what.type}.{what.accumulator}"
    known = module.globals.get(name)
    if isinstance(known, ir.Function):
        return known
    kinds = [POINTER if kind == "ptr" else I64 for kind, _ in ARGUMENTS]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes = kernel_attributes(mode)
    arguments = dict(zip((name for _, name in ARGUMENTS), function.args, strict=True))
    for name in ("y", "v", "s"):
        arguments[name].attributes = pointer_attributes(readonly=name != "y", align=1)
    code = _Exact(ir.IRBuilder(function.append_basic_block("entry")), what, arguments)
    whole = code.ir.and_(arguments["rows"], I64(-_ROWS))
    for start, stop, rows in ((I64(0), whole, _ROWS), (whole, arguments["rows"], 1)):
        with (
            code.loop(start, stop, rows) as row,
            code.loop(0, arguments["columns"], code.lanes) as column,
        ):
            code.tile(row.index, column.index, rows)
    code.ir.ret_void()
    return function


class _Exact(Emitter):
    """The body of a kernel."""

    def __init__(self, builder: ir.IRBuilder, what: Products, arguments: Mapping[str, ir.Value]) -> None:
        super().__init__(builder)
        self._arguments = arguments
        self._element = register_type(container(what.type))
        self._total = register_type(what.accumulator)
        self._extend = builder.sext if operand_type(what.type).signed else builder.zext
        self.lanes = min(COLUMNS, _SUMS // (ELEMENT_TYPES[what.accumulator].bits * _ROWS))

    def tile(self, row: ir.Value, column: ir.Value, rows: int) -> None:
        """Add to the sums of ``rows`` rows by :attr:`lanes` columns."""
        a = self._arguments
        kind = vector(self.lanes, self._total)
        y_rows = [self.add(self.times(self.add(row, r), a["y_row"]), column) for r in range(rows)]
        places = [self.place(a["y"], y_row, self._total) for y_row in y_rows]
        sums = [self.ir.load(place, typ=kind, align=ALIGNMENT) for place in places]
        s_rows = [self.place(a["s"], self.times(self.add(row, r), a["s_row"]), self._element) for r in range(rows)]
        with self.loop(0, a["depth"], 1, *sums) as step:
            source = self.place(a["v"], self.add(self.times(step.index, a["v_step"]), column), self._element)
            loaded = self.ir.load(source, typ=vector(self.lanes, self._element), align=self.lanes)
            columns = self._extend(loaded, kind)
            for r, s_row in enumerate(s_rows):
                scalar = self.ir.load(self.place(s_row, step.index, self._element), typ=self._element)
                product = self.ir.mul(columns, self.splat(self._extend(scalar, self._total), kind))
                step.values[r] = self.ir.add(step.values[r], product)
        for place, total in zip(places, step.values, strict=True):
            self.ir.store(total, place, align=ALIGNMENT)
