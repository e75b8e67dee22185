"""A layer's flat loops as a Verilog module: counters, addresses, operations in stages, control."""

from asnet.hls.engine.emit import emit_engine
from asnet.hls.engine.timing import EngineTiming, LoopTiming, engine_timing

__all__ = ["EngineTiming", "LoopTiming", "emit_engine", "engine_timing"]
