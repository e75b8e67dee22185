"""Verification: LLVM's rules, and ours on top."""

from __future__ import annotations

from collections.abc import Iterator

import llvmlite.binding as llvm
from llvmlite import ir

from asnet.errors import PassError, did_you_mean
from asnet.host import initialize_llvm
from asnet.ir.module import Module

__all__ = ["INSTRUCTIONS", "parse", "verify"]

_FLOAT_ARITHMETIC = frozenset(("fadd", "fsub", "fmul", "fdiv", "fneg", "fcmp", "select", "phi"))
INSTRUCTIONS = _FLOAT_ARITHMETIC | {
    *("add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "shl", "lshr", "ashr", "and", "or", "xor", "icmp"),
    *("trunc", "zext", "sext", "bitcast", "sitofp", "uitofp", "fptosi", "fptoui", "freeze"),
    *("br", "ret", "load", "store", "getelementptr", "call"),
}
"""The instructions that may stand in a layer's function: what the hardware back end can build."""

_SLOT_PREFIX = "asnet."


def parse(text: str, context: llvm.ContextRef | None = None) -> llvm.ModuleRef:
    """LLVM's own object for IR ``text``, verified, in a context of its own.

    Raises:
        PassError: the text does not parse, or LLVM's verifier rejects it.
    """
    initialize_llvm()
    try:
        module = llvm.parse_assembly(text, context or llvm.create_context())
        module.verify()
    except RuntimeError as error:
        raise PassError(f"invalid LLVM IR: {' '.join(str(error).split())}") from error
    return module


def verify(module: Module) -> None:
    """Check a module: LLVM's verifier, then that

    - every call's function is defined, its arguments and writes are memories of the module;
    - layer functions use only :data:`INSTRUCTIONS`, call only slot symbols (``asnet.…``), and no instruction carries a
      fast-math flag; a module tiled for the host may have any instruction;
    - site metadata names the layer that the function belongs to.

    Raises:
        PassError: one of these does not hold; names the layer.
    """
    parse(module.text)
    layers = {call.function: call.layer for call in module.calls}
    for call in module.calls:
        function = module.llvm.globals.get(call.function)
        if not isinstance(function, ir.Function) or function.is_declaration:
            raise PassError(f"layer {call.layer!r}: function {call.function!r} is not defined")
        if len(function.args) != len(call.arguments):
            raise PassError(
                f"layer {call.layer!r}: function {call.function!r} takes {len(function.args)} arguments, "
                f"its call gives {len(call.arguments)}"
            )
        for name in (*call.arguments, *call.writes):
            if name not in module.memories:
                raise PassError(f"layer {call.layer!r}: unknown memory {name!r}{did_you_mean(name, module.memories)}")
        for fault in _faults(function) if module.tiling is None else ():
            raise PassError(f"layer {call.layer!r}: {fault}")
    for site in module.sites():
        owner = layers.get(site.function, site.layer)  # a tiled layer's products are in kernels
        if owner != site.layer:
            raise PassError(f"layer {owner!r}: a site claims to belong to layer {site.layer!r}")


def _faults(function: ir.Function) -> Iterator[str]:
    for block in function.blocks:
        for instruction in block.instructions:
            name = instruction.opname.split()[0]  # "ret void" is one opname
            if name not in INSTRUCTIONS:
                yield f"instruction {name!r} is not allowed in a layer: {str(instruction).strip()}"
            if isinstance(instruction, ir.CallInstr):
                callee = instruction.callee.name
                if not callee.startswith(_SLOT_PREFIX):
                    yield f"calls {callee!r}; a layer may only call slot symbols ({_SLOT_PREFIX}*)"
                if instruction.fastmath:
                    yield f"fast-math flags on {str(instruction).strip()}"
            elif name in _FLOAT_ARITHMETIC and instruction.flags:
                yield f"fast-math flags on {str(instruction).strip()}"
