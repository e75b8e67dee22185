"""The dataflow style: every layer with units and buffers of its own, images in a pipeline of layers."""

from asnet.hls.dataflow.accesses import Accesses, LayerTiming, Numbers
from asnet.hls.dataflow.assemble import LIBRARY, RESERVED, Dataflow, Ingredients, assemble, layer_alone
from asnet.hls.dataflow.model import Run, Timing
from asnet.hls.dataflow.plan import Engine, arrival_order
from asnet.hls.dataflow.report import flow_layers, flow_memories

__all__ = [
    "LIBRARY",
    "RESERVED",
    "Accesses",
    "Dataflow",
    "Engine",
    "Ingredients",
    "LayerTiming",
    "Numbers",
    "Run",
    "Timing",
    "arrival_order",
    "assemble",
    "flow_layers",
    "flow_memories",
    "layer_alone",
]
