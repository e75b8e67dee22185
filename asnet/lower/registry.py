"""The table of operators: ONNX op_type → the function that emits its loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asnet.lower.context import LayerContext

__all__ = ["ALIASING", "LOWERINGS", "Lowering", "lowering"]

Lowering = Callable[["LayerContext"], None]
"""Emits the function of one layer through its :class:`~asnet.lower.context.LayerContext`."""

LOWERINGS: dict[str, Lowering] = {}
"""ONNX op_type → lowering."""

ALIASING: set[str] = set()
"""Operators whose output is their first input in another shape; their lowering copies, and runs only if it must."""


def lowering(*op_types: str, alias: bool = False) -> Callable[[Lowering], Lowering]:
    """Decorator: register a function as the lowering of ``op_types``.

    Raises:
        ValueError: an operator has a lowering already; both owners are named.
    """

    def register(function: Lowering) -> Lowering:
        for op_type in op_types:
            known = LOWERINGS.get(op_type)
            if known is not None:
                raise ValueError(
                    f"operator {op_type!r} has two lowerings: {known.__module__}.{known.__qualname__} and "
                    f"{function.__module__}.{function.__qualname__}; remove one"
                )
            LOWERINGS[op_type] = function
            if alias:
                ALIASING.add(op_type)
        return function

    return register
