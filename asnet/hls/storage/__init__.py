"""Where a layer's values live: wide constants for lanes, read ports as copies or banks, what memories cost."""

from asnet.hls.storage.cost import MemoryCost, memory_cost, multiplexer, words_of
from asnet.hls.storage.image import (
    BUS_WIDTHS,
    WEIGHTS_FILE,
    WEIGHTS_LIBRARY,
    Fetcher,
    WeightsImage,
    by_channel,
    saves_blocks,
)
from asnet.hls.storage.packing import PackedConstant, PackedMemory, Packing, pack
from asnet.hls.storage.parts import Part, ReadPort, memory_parts
from asnet.hls.storage.ports import Organisation, PortUse, organise, switch_luts
from asnet.hls.storage.rows import DEEP_CYCLES, deep_cost, is_deep, late_words, row_sizes, tallest
from asnet.hls.storage.sharing import Sharing, share
from asnet.hls.storage.tiles import TiledConstant, TiledMemory, Tiling, Worth, store, tile, tiled_loads

__all__ = [
    "BUS_WIDTHS",
    "DEEP_CYCLES",
    "WEIGHTS_FILE",
    "WEIGHTS_LIBRARY",
    "Fetcher",
    "MemoryCost",
    "Organisation",
    "PackedConstant",
    "PackedMemory",
    "Packing",
    "Part",
    "PortUse",
    "ReadPort",
    "Sharing",
    "TiledConstant",
    "TiledMemory",
    "Tiling",
    "WeightsImage",
    "Worth",
    "by_channel",
    "deep_cost",
    "is_deep",
    "late_words",
    "memory_cost",
    "memory_parts",
    "multiplexer",
    "organise",
    "pack",
    "row_sizes",
    "saves_blocks",
    "share",
    "store",
    "switch_luts",
    "tallest",
    "tile",
    "tiled_loads",
    "words_of",
]
