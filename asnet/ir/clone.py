"""Deep copies of LLVM modules of any size."""

from __future__ import annotations

import copy
from typing import Any

from llvmlite import ir

__all__ = ["copy_module"]


def copy_module(llvm: ir.Module) -> ir.Module:
    """A copy of ``llvm`` that shares no mutable part with it.

    ``copy.deepcopy`` alone would recurse along the control flow; here every part has its copy before any is filled.
    """
    parts: list[object] = [llvm, *llvm.metadata, *llvm.globals.values()]
    for function in llvm.functions:
        parts += [*function.args, function.return_value, *function.blocks]
        parts += [instruction for block in function.blocks for instruction in block.instructions]
    copies: dict[int, Any] = {id(part): object.__new__(type(part)) for part in parts}
    for part in parts:
        for name, value in vars(part).items():
            setattr(copies[id(part)], name, copy.deepcopy(value, copies))
    return copies[id(llvm)]
