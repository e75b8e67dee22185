"""Sums of products of float32 numbers at the speed of exact arithmetic."""

from asnet.emulate.floats.forms import MaskProducts

__all__ = ["MaskProducts"]
