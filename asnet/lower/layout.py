"""Operators that move elements: aliases where they can be, copies where they must be."""

from __future__ import annotations

from asnet.lower.activation import map_elements
from asnet.lower.context import LayerContext
from asnet.lower.registry import lowering

__all__: list[str] = []


@lowering("Flatten", "Reshape", "Identity", "Dropout", "Squeeze", "Unsqueeze", alias=True)
def _copy(context: LayerContext) -> None:
    map_elements(context, lambda b, x: x)
