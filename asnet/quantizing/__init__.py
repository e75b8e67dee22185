"""Quantisation: a float ONNX network and calibration images in, an integer ONNX network out."""

from __future__ import annotations

from asnet.quantizing.calibrating import CALIBRATIONS
from asnet.quantizing.options import Quantization
from asnet.quantizing.quantizer import QuantizedLayer, QuantizedNetwork, quantize

__all__ = ["CALIBRATIONS", "Quantization", "QuantizedLayer", "QuantizedNetwork", "quantize"]
