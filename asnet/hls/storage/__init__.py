"""Where a layer's values live: wide constants for lanes, read ports as copies or banks, what memories cost."""

from asnet.hls.storage.cost import MemoryCost, memory_cost
from asnet.hls.storage.image import BUS_BITS, WEIGHTS_FILE, WEIGHTS_LIBRARY, WEIGHTS_MODULE, WeightsImage
from asnet.hls.storage.packing import PackedConstant, PackedMemory, Packing, pack
from asnet.hls.storage.ports import Organisation, PortUse, organise, read_ports
from asnet.hls.storage.sharing import Sharing, share
from asnet.hls.storage.tiles import CLAIM_CYCLES, TiledConstant, TiledMemory, Tiling, store, tile, tiled_load

__all__ = [
    "BUS_BITS",
    "CLAIM_CYCLES",
    "WEIGHTS_FILE",
    "WEIGHTS_LIBRARY",
    "WEIGHTS_MODULE",
    "MemoryCost",
    "Organisation",
    "PackedConstant",
    "PackedMemory",
    "Packing",
    "PortUse",
    "Sharing",
    "TiledConstant",
    "TiledMemory",
    "Tiling",
    "WeightsImage",
    "memory_cost",
    "organise",
    "pack",
    "read_ports",
    "share",
    "store",
    "tile",
    "tiled_load",
]
