"""The operand-transform form for sums of float products: exact host arithmetic on masked operands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llvmlite import ir

from asnet.emulate.certificates import Masks
from asnet.emulate.mask import ALL
from asnet.emulate.products import Data
from asnet.ir import Products
from asnet.ir.attributes import function_attributes
from asnet.ir.emission import F32, I32, I64, POINTER, Emitter, vector
from asnet.ir.optimise import HOST
from asnet.ir.products import ARGUMENTS
from asnet.types import Array, FloatMode
from asnet.units import UnitInstance

__all__ = ["MaskProducts"]

_LANES: Final = 32
"""Columns of a tile: a few vectors, whatever their width."""

_ROWS: Final = 4


class MaskProducts:
    """Computes ``y += (v & m_v) * (s & m_s)`` in float32, the masks being the data.

    Serves the multipliers whose masks (by content digest) were certified and are given, and exact, which is all ones.
    """

    kind = "mask"
    machine = HOST
    symbols: Mapping[str, int] = {}

    def __init__(self, mode: FloatMode, masks: Mapping[str, Masks]) -> None:
        self._mode = mode
        self._masks = dict(masks)

    def serves(self, what: Products, instance: UnitInstance | None) -> bool:
        """Floats, exact or certified."""
        return what.type == "f32" and (instance is None or (instance.op == "fmul" and instance.digest in self._masks))

    def kernel(self, what: Products, instance: UnitInstance | None) -> str:
        """Tiles of :data:`_ROWS` rows and :data:`_LANES` columns, then rows by themselves."""
        module = ir.Module()
        kinds = [POINTER if kind == "ptr" else I64 for kind, _ in ARGUMENTS]
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [*kinds, POINTER]), "kernel")
        function.attributes = function_attributes(self._mode)
        names = [*(name for _, name in ARGUMENTS), "data"]
        arguments = dict(zip(names, function.args, strict=True))
        e = Emitter(ir.IRBuilder(function.append_basic_block("entry")))
        masks = [e.ir.trunc(e.ir.load(e.place(arguments["data"], place, I64), typ=I64), I32) for place in (0, 1)]
        whole = e.ir.sub(arguments["rows"], e.ir.urem(arguments["rows"], I64(_ROWS)))
        with e.loop(0, arguments["columns"], _LANES) as column:
            with e.loop(0, whole, _ROWS) as row:
                _tile(e, arguments, masks, row.index, column.index, _ROWS)
            with e.loop(whole, arguments["rows"]) as row:
                _tile(e, arguments, masks, row.index, column.index, 1)
        e.ir.ret_void()
        return str(module)

    def data(self, what: Products, instance: UnitInstance | None, constant: Array | None) -> Data:
        """The masks of v and of s."""
        masks = Masks(ALL, ALL) if instance is None else self._masks[instance.digest]
        return Data((masks.a, masks.b) if what.vector_is_a else (masks.b, masks.a))


def _tile(
    e: Emitter,
    arguments: Mapping[str, ir.Value],
    masks: list[ir.Value],
    row: ir.Value,
    column: ir.Value,
    rows: int,
) -> None:
    """The sums of ``rows`` rows from ``row`` on and a vector of columns."""
    floats, bits = vector(_LANES), vector(_LANES, I32)
    mask = e.splat(masks[0], bits)
    places = [e.add(row, r) for r in range(rows)]
    goals = [e.place(arguments["y"], e.add(e.times(r, arguments["y_row"]), column), F32) for r in places]
    starts = [e.ir.load(goal, typ=floats, align=64) for goal in goals]
    with e.loop(0, arguments["depth"], 1, *starts) as step:
        from_v = e.place(arguments["v"], e.add(e.times(step.index, arguments["v_step"]), column), F32)
        v = e.ir.bitcast(e.ir.and_(e.ir.load(from_v, typ=bits, align=64), mask), floats)
        for r, place in enumerate(places):
            from_s = e.place(arguments["s"], e.add(e.times(place, arguments["s_row"]), step.index), I32)
            s = e.splat(e.ir.bitcast(e.ir.and_(e.ir.load(from_s, typ=I32, align=4), masks[1]), F32), floats)
            step.values[r] = e.ir.fadd(step.values[r], e.ir.fmul(v, s))
    for goal, total in zip(goals, step.values, strict=True):
        e.ir.store(total, goal, align=64)
