"""What QONNX's quantiser means: ``q = round(clip(x / scale + zero, low, high))`` in float32, in several roundings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.network.attributes import text
from asnet.network.model import Layer, Network
from asnet.network.quantisation import axis_shapes, output_range

__all__ = ["ROUNDINGS", "Quantiser", "quantiser"]

ROUNDINGS: Mapping[str, str] = {
    **dict.fromkeys(("", "ROUND", "HALF_EVEN"), "ROUND"),
    "CEIL": "CEIL",
    "FLOOR": "FLOOR",
    "UP": "UP",
    **dict.fromkeys(("DOWN", "ROUND_TO_ZERO"), "DOWN"),
}
"""QONNX's word → what it means: to nearest even, up, down, away from zero, toward zero."""


@dataclass(frozen=True)
class Quantiser:
    """``shape``: of scale and zero point as they broadcast to the operand; ``rounding``: a value of
    :data:`ROUNDINGS`, or BIPOLAR (1 where x is not negative, else -1)."""

    shape: tuple[int, ...]
    low: int
    high: int
    rounding: str


def quantiser(layer: Layer, network: Network) -> Quantiser:
    """The parameters of a Quant; raises as :func:`asnet.network.quantisation.axis_shapes`."""
    low, high = output_range(layer, network.tensors[layer.outputs[0]].dtype)
    return Quantiser(axis_shapes(layer, network)[1], low, high, text(layer, "rounding_mode", "ROUND"))
