"""Where a layer's values live: wide constants for lanes, read ports as copies or banks, what memories cost."""

from asnet.hls.storage.packing import PackedConstant, PackedMemory, Packing, pack

__all__ = ["PackedConstant", "PackedMemory", "Packing", "pack"]
