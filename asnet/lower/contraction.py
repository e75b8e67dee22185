"""Contractions: sums of products over an affine loop nest, what Conv, Gemm and MatMul have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

from asnet.ir.module import Memory

__all__ = ["Axis", "Contraction"]


@dataclass(frozen=True)
class Axis:
    """A loop of ``extent`` iterations over ``name``; the others are elements between neighbours in each operand, 0 if
    none."""

    extent: int
    a: int = 0
    b: int = 0
    y: int = 0
    start: int = 0
    name: str = field(default="", compare=False)


@dataclass(frozen=True)
class Contraction:
    """``y = start + Σ a·b``: ``y`` over the axes ``space``, the sum over ``reduction``, the last axis fastest.

    ``start`` None is 0. ``a`` is operand a of the products. Different indices are different elements of ``y``.
    """

    a: Memory
    b: Memory
    y: Memory
    start: Memory | None
    space: tuple[Axis, ...]
    reduction: tuple[Axis, ...]
