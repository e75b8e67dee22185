"""Contractions as calls of products kernels: panels of raw operands, packed for blocks of columns, sums finished here.

What a kernel computes, and how it is called, is in :mod:`asnet.ir.products`. Sums of products are all that it adds:
what they start with, zero points and requantisation stay in the layer, with the bits of the canonical loops.
"""

from asnet.lower.products.emit import Finish, PanelProducts
from asnet.lower.products.operands import Operand

__all__ = ["Finish", "Operand", "PanelProducts"]
