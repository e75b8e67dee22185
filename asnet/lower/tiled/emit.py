"""From a contraction to its tiled code in the layer's function."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import replace

from llvmlite import ir

from asnet.ir.tiling import Tiling
from asnet.lower.arithmetic import F32, I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.contraction import Contraction
from asnet.lower.index import place
from asnet.lower.tiled.code import Code, Kernels
from asnet.lower.tiled.direct import emit_lines, emit_rows
from asnet.lower.tiled.operands import Operands
from asnet.lower.tiled.panels import emit_panels, panel_floats
from asnet.lower.tiled.plan import Form, Plan
from asnet.lower.tiled.plan import plan as plan_of

__all__ = ["emit_tiled"]


def emit_tiled(b: LayerBuilder, tiling: Tiling, c: Contraction) -> bool:
    """Emit ``c`` in tiles, if it has a tiled form; panels are on the stack."""
    plan = plan_of(c)
    if plan is None:
        return False
    count = math.prod(axis.extent for axis in (*c.space, *c.reduction))
    kernels = Kernels(b.ir.module, b.mode, tiling, (b.layer.name, b.layer.op_type, count))
    fills = plan.start_varies or plan.form is Form.ROWS
    if fills:
        _fill(b, c)
        plan = replace(plan, row=replace(plan.row, start=0))
    _emit(Code(b.ir, tiling), kernels, plan, c, b.pointers, resume=fills)
    return True


def _fill(b: LayerBuilder, c: Contraction) -> None:
    """Let y be what the sums start with."""
    y = replace(c.y, shape=(c.y.size,))
    start = None if c.start is None else replace(c.start, shape=(c.start.size,))
    with b.nest([axis.extent for axis in c.space]) as index:
        value = b.number(0.0) if start is None else b.load(start, (place(index, [axis.start for axis in c.space]),))
        b.store(y, (place(index, [axis.y for axis in c.space]),), value)


def _emit(
    code: Code, kernels: Kernels, plan: Plan, c: Contraction, pointers: Mapping[str, ir.Value], *, resume: bool
) -> None:
    start = pointers[c.start.name] if c.start is not None and not resume else _zero(code)
    bases = {"a": pointers[c.a.name], "b": pointers[c.b.name], "y": pointers[c.y.name], "start": start}
    panel = _stack(code, panel_floats(plan, kernels)) if plan.form is Form.PANEL else None
    with contextlib.ExitStack() as loops:
        offsets: dict[str, ir.Value] = {name: I64(0) for name in bases}
        for axis in plan.outer:
            index = loops.enter_context(code.loop(0, axis.extent)).index
            steps = {"a": axis.a, "b": axis.b, "y": axis.y, "start": 0 if resume else axis.start}
            offsets = {name: code.add(offset, code.times(index, steps[name])) for name, offset in offsets.items()}
        places = {name: code.at(bases[name], offsets[name]) for name in bases}
        v, s = (places["a"], places["b"]) if plan.vector_is_a else (places["b"], places["a"])
        operands = Operands(v, s, places["start"], places["y"], resume=resume)
        if panel is not None:
            emit_panels(code, kernels, plan, operands, panel)
        elif plan.form is Form.LINES:
            emit_lines(code, kernels, plan, operands)
        else:
            emit_rows(code, kernels, plan, operands)


def _stack(code: Code, floats: int) -> ir.Value:
    with code.ir.goto_entry_block():
        found = code.ir.alloca(ir.ArrayType(F32, floats))
    found.align = 64
    return found


def _zero(code: Code) -> ir.Value:
    """The address of a float 0."""
    module = code.ir.module
    known = module.globals.get("kernel.zero")
    if known is None:
        known = ir.GlobalVariable(module, F32, "kernel.zero")
        known.linkage = "internal"
        known.global_constant = True
        known.initializer = F32(0.0)
    return known
