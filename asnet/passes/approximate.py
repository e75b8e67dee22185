"""The `approximate` pass: sites become calls of their slot's symbol, bound to a unit at link time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from llvmlite import ir

from asnet.errors import PassError, did_you_mean
from asnet.ir import Module, Site, Slot, products_symbol, pure_function_attributes, vector_symbol
from asnet.passes.base import Pass, register
from asnet.passes.rewrite import rewrite
from asnet.types import APPROXIMABLE_OPS

__all__ = ["GRANULARITIES", "Approximate", "approximate"]

GRANULARITIES = ("layer", "site")


@register
@dataclass(frozen=True)
class Approximate(Pass):
    """Rewrite multiplications and divisions into calls that a configuration binds to units.

    ``ops``: the LLVM opcodes to rewrite, separated by ``+``. ``granularity``: ``layer`` makes one slot of all sites of
    an op in a layer, ``site`` one slot of each site. The slots are found in :attr:`asnet.ir.Module.slots`.
    """

    name: ClassVar[str] = "approximate"
    ops: str = "fmul+fdiv+mul"
    granularity: str = "layer"

    def apply(self, module: Module) -> Module:
        """Rewrite every site of ``ops``.

        Raises:
            PassError: an op or granularity that does not exist, or a module that was rewritten before.
        """
        wanted = self.ops.split("+")
        for op in wanted:
            if op not in APPROXIMABLE_OPS:
                raise PassError(f"cannot approximate op {op!r}{did_you_mean(op, APPROXIMABLE_OPS)}")
        if self.granularity not in GRANULARITIES:
            raise PassError(f"unknown granularity {self.granularity!r}{did_you_mean(self.granularity, GRANULARITIES)}")
        if module.slots:
            raise PassError("the module has slots already; run `approximate` once, as the last pass")
        if module.tiling is not None and not module.tiling.sites:
            raise PassError("the module's layers share kernels, which have no sites; tile it with Tiling(sites=True)")
        slots: dict[str, Slot] = {}
        seen: dict[str, int] = {}

        def rule(site: Site, builder: ir.IRBuilder) -> ir.Value | None:
            if site.op not in wanted:
                return None
            name = f"{site.layer}.{site.op}"
            if self.granularity == "site":
                seen[name] = seen.get(name, -1) + 1
                name = f"{name}.{seen[name]}"
            suffix = name.removeprefix(f"{site.layer}.{site.op}")
            slot = slots.get(name) or Slot(
                name=name,
                layer=site.layer,
                op_type=site.op_type,
                op=site.op,
                type=site.type,
                symbol=f"asnet.{site.op}.{site.layer}{suffix}",
                sites=0,
                count=0,
            )
            if site.part == "products":
                slots[name] = replace(
                    slot, sites=slot.sites + 1, count=slot.count + site.count, products=module.products[site.layer]
                )
                arguments = site.instruction.operands[1:]  # the first one is what is called
                kernel = _products_function(module.llvm, products_symbol(slot.symbol), arguments)
                return builder.call(kernel, arguments)
            kind = site.instruction.type
            width = kind.count if isinstance(kind, ir.VectorType) else 1
            lanes = slot.lanes if width == 1 else tuple(sorted({*slot.lanes, width}))
            product = site.part not in {"a", "b"}
            slots[name] = replace(
                slot,
                sites=slot.sites + product,
                count=slot.count + site.count,
                lanes=lanes,
                singles=slot.singles + product,
            )
            function = _slot_function(module.llvm, vector_symbol(slot.symbol, width, site.part), kind)
            return builder.call(function, site.instruction.operands[-2:], name=site.op)

        return replace(rewrite(module, rule), slots=tuple(slots.values()))


def _slot_function(llvm: ir.Module, symbol: str, operand: ir.Type) -> ir.Function:
    known = llvm.globals.get(symbol)
    if isinstance(known, ir.Function):
        return known
    function = ir.Function(llvm, ir.FunctionType(operand, (operand, operand)), symbol)
    function.attributes = pure_function_attributes()
    return function


def _products_function(llvm: ir.Module, symbol: str, operands: Sequence[ir.Value]) -> ir.Function:
    known = llvm.globals.get(symbol)
    if isinstance(known, ir.Function):
        return known
    return ir.Function(llvm, ir.FunctionType(ir.VoidType(), [operand.type for operand in operands]), symbol)


def approximate(module: Module, granularity: str = "layer", ops: str = "fmul+fdiv+mul") -> Module:
    """``module`` after the `approximate` pass."""
    return Approximate(ops=ops, granularity=granularity).apply(module)
