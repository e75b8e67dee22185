"""Quantisation: a float ONNX network and calibration images in, an integer ONNX network out."""

from __future__ import annotations

from asnet.quantizing.calibrating import CALIBRATIONS
from asnet.quantizing.options import FORMATS, SCHEMES, Quantization
from asnet.quantizing.quantizer import QuantizedLayer, QuantizedNetwork, quantize

__all__ = ["CALIBRATIONS", "FORMATS", "SCHEMES", "Quantization", "QuantizedLayer", "QuantizedNetwork", "quantize"]
