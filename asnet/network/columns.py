"""What Col2Im means: blocks of columns added up in an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asnet.errors import NetworkError
from asnet.network.attributes import integers
from asnet.network.model import Layer, Network
from asnet.network.semantics import constant_input

__all__ = ["Columns", "columns"]


@dataclass(frozen=True)
class Columns:
    """A Col2Im: input ``[batch, channels, *block, *counts]`` (seen so), image ``[batch, channels, *image]``.

    Tap ``t`` of block ``i`` is added at ``i·strides + t·dilations`` of the ``padded`` image, which begins ``begins``
    before the image; the sums start at 0, tap after tap, block after block.
    """

    batch: int
    channels: int
    image: tuple[int, ...]
    block: tuple[int, ...]
    counts: tuple[int, ...]
    padded: tuple[int, ...]
    begins: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]


def columns(layer: Layer, network: Network) -> Columns:
    """Shapes of a Col2Im.

    Raises:
        NetworkError: image, blocks and columns do not fit each other.
        UnsupportedError: the shape of image or blocks is computed by the network.
    """
    shape = network.shape(layer.inputs[0])
    image, block = (
        tuple(int(extent) for extent in constant_input(layer, network, position, role).ravel())
        for position, role in ((1, "image_shape"), (2, "block_shape"))
    )
    rank = len(image)
    strides, dilations = (integers(layer, name, (1,) * rank) for name in ("strides", "dilations"))
    pads = integers(layer, "pads", (0,) * (2 * rank))
    size = math.prod(block)
    fits = len(shape) == 3 and len(block) == len(strides) == len(dilations) == rank and len(pads) == 2 * rank
    if not fits or min((*strides, *dilations, *block, *image), default=1) < 1 or min(pads, default=0) < 0:
        raise NetworkError(
            f"{layer}: image {list(image)}, block {list(block)}, strides {list(strides)}, dilations {list(dilations)} "
            f"and pads {list(pads)} must be positive (pads: not negative), one per axis (pads: two)"
        )
    padded = tuple(extent + pads[i] + pads[rank + i] for i, extent in enumerate(image))
    counts = tuple(
        (extent - dilation * (taps - 1) - 1) // stride + 1
        for extent, dilation, taps, stride in zip(padded, dilations, block, strides, strict=True)
    )
    if min(counts, default=1) < 1 or shape[1] % size or shape[2] != math.prod(counts):
        raise NetworkError(
            f"{layer}: columns of shape {list(shape)} do not fit {list(counts)} blocks of shape {list(block)}"
        )
    return Columns(shape[0], shape[1] // size, image, block, counts, padded, pads[:rank], strides, dilations)
