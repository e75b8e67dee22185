"""Layers with all decisions taken: what runs them, how long they take, and their Verilog."""

from asnet.hls.layers.choice import plan_layer
from asnet.hls.layers.planned import PlannedLayer
from asnet.hls.layers.setting import Setting
from asnet.hls.layers.wishes import images_of, lanes_of

__all__ = ["PlannedLayer", "Setting", "images_of", "lanes_of", "plan_layer"]
