"""The sequential style: layers run one after the other over shared units and memories."""

from asnet.hls.sequential.model import Top
from asnet.hls.sequential.order import Order, Span, in_order
from asnet.hls.sequential.top import LIBRARY, MEMORY_SUFFIXES, RESERVED, emit_top

__all__ = ["LIBRARY", "MEMORY_SUFFIXES", "RESERVED", "Order", "Span", "Top", "emit_top", "in_order"]
