"""A layer's flat loops as a Verilog module: counters, addresses, operations in stages, control."""

from asnet.hls.engine.emit import emit_engine
from asnet.hls.engine.neighbours import NO_NEIGHBOURS, Neighbours

__all__ = ["NO_NEIGHBOURS", "Neighbours", "emit_engine"]
