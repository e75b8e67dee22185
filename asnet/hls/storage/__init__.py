"""Where a layer's values live: wide constants for lanes, read ports as copies or banks, what memories cost."""

from asnet.hls.storage.cost import MemoryCost, memory_cost
from asnet.hls.storage.packing import PackedConstant, PackedMemory, Packing, pack
from asnet.hls.storage.ports import Organisation, PortUse, organise, read_ports

__all__ = [
    "MemoryCost",
    "Organisation",
    "PackedConstant",
    "PackedMemory",
    "Packing",
    "PortUse",
    "memory_cost",
    "organise",
    "pack",
    "read_ports",
]
