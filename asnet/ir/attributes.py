"""Attributes of functions and arguments: llvmlite's sets plus the few that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from llvmlite.ir import values

from asnet.types import FloatMode

__all__ = [
    "DENORMAL_FP_MATH",
    "function_attributes",
    "kernel_attributes",
    "pointer_attributes",
    "pure_function_attributes",
    "written_attributes",
]

DENORMAL_FP_MATH = '"denormal-fp-math"="preserve-sign,preserve-sign"'
"""Operands and results lose their subnormals, keeping the sign: what LLVM has to fold constants with in ftz mode."""

_NO_BUILTINS = '"no-builtins"'


class _FunctionAttributes(values.FunctionAttributes):
    _known: frozenset[str] = values.FunctionAttributes._known | {
        "memory(none)",
        "willreturn",
        DENORMAL_FP_MATH,
        _NO_BUILTINS,
    }


class _WrittenAttributes(values.FunctionAttributes):
    def __init__(self, names: Sequence[str]) -> None:
        self._known = frozenset(names)
        super().__init__(names)


class _ArgumentAttributes(values.ArgumentAttributes):
    _known = MappingProxyType({**values.ArgumentAttributes._known, "readonly": False})


def function_attributes(mode: FloatMode) -> values.FunctionAttributes:
    """Attributes of a function that ASNet defines: it does not unwind, folds constants in ``mode``, and none of its
    loops becomes a call of memset or memcpy.
    """
    return _FunctionAttributes(_names(mode))


def kernel_attributes(mode: FloatMode) -> values.FunctionAttributes:
    """Attributes of a kernel: those of any function, and it stays one however often it is called."""
    return _FunctionAttributes([*_names(mode), "noinline"])


def written_attributes(names: Sequence[str]) -> values.FunctionAttributes:
    """Attributes as LLVM IR text has them, any that LLVM knows."""
    return _WrittenAttributes(names)


def _names(mode: FloatMode) -> list[str]:
    return ["nounwind", _NO_BUILTINS, *([DENORMAL_FP_MATH] if mode is FloatMode.FTZ else [])]


def pure_function_attributes() -> values.FunctionAttributes:
    """Attributes of a slot's symbol: the result depends on the operands alone."""
    return _FunctionAttributes(("memory(none)", "nounwind", "willreturn"))


def pointer_attributes(*, readonly: bool, align: int = 64) -> values.ArgumentAttributes:
    """Attributes of a layer's argument: one memory, aligned to ``align`` bytes, reached through no other argument."""
    attributes = _ArgumentAttributes(["noalias", *(["readonly"] if readonly else [])])
    attributes.align = align
    return attributes
