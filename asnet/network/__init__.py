"""Stage 1a: ONNX files as checked networks with static shapes, and the numpy oracle that defines their meaning."""

from __future__ import annotations

from asnet.network import oracle
from asnet.network.load import load
from asnet.network.model import Layer, LoadOptions, Network, Shapes, Tensor

__all__ = ["Layer", "LoadOptions", "Network", "Shapes", "Tensor", "load", "oracle"]
