"""A layer's flat loops as a Verilog module: counters, addresses, operations in stages, control."""

from asnet.hls.engine.emit import emit_engine

__all__ = ["emit_engine"]
