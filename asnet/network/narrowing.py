"""Which integers a tensor can hold: what its type allows, less what Clip and Relu before it cut off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asnet.network.attributes import integer
from asnet.network.elementwise import clip_bounds
from asnet.network.model import Layer, Network

__all__ = ["Range", "bits", "integer_range", "type_range"]

Range = tuple[int, int]
"""The least and the greatest integer."""

_SAME = frozenset(
    {
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout", "Transpose", "Expand", "Tile"),
        *("Slice", "Split", "Gather", "DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool"),
    }
)
"""Operators whose results are elements of their first input."""

_ANY = frozenset({"Concat", "Max", "Min"})
"""Operators whose results are elements of their inputs."""


def type_range(dtype: str) -> Range:
    """All numbers of an integer type."""
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def bits(least: int, greatest: int, *, signed: bool) -> int:
    """Bits of the narrowest integer type, two's complement if ``signed``, that holds both."""
    if signed:
        return 1 + max(
            (~least if least < 0 else least).bit_length(), (~greatest if greatest < 0 else greatest).bit_length()
        )
    return max(1, greatest.bit_length())


def integer_range(network: Network, name: str) -> Range:
    """The numbers that tensor ``name``, of an integer type, is declared to hold."""
    producers = {output: layer for layer in network.layers for output in layer.outputs}
    return _range(network, producers, name)


def _range(network: Network, producers: Mapping[str, Layer], name: str) -> Range:
    least, greatest = type_range(network.tensors[name].dtype)
    constant = network.constants.get(name)
    if constant is not None and constant.size:
        return int(constant.min()), int(constant.max())
    layer = producers.get(name)
    if layer is None:
        return least, greatest
    if "low" in layer.attributes:
        return integer(layer, "low", least), integer(layer, "high", greatest)
    if layer.op_type in _SAME:
        return _range(network, producers, layer.inputs[0])
    if layer.op_type in _ANY:
        ranges = [_range(network, producers, operand) for operand in layer.inputs]
        return min(low for low, _ in ranges), max(high for _, high in ranges)
    if layer.op_type == "Relu":
        least, greatest = _range(network, producers, layer.inputs[0])
        return max(least, 0), max(greatest, 0)
    if layer.op_type == "Clip":
        least, greatest = _range(network, producers, layer.inputs[0])
        low, high = clip_bounds(layer, network)
        if low is not None and low.value is not None:
            least, greatest = max(least, int(low.value)), max(greatest, int(low.value))
        if high is not None and high.value is not None:
            least, greatest = min(least, int(high.value)), min(greatest, int(high.value))
    return least, greatest
