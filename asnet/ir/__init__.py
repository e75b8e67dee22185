"""The unit of compilation: LLVM IR with memories, calls and sites; its verification, optimisation and execution."""

from asnet.ir.attributes import function_attributes, pure_function_attributes
from asnet.ir.module import PARTS, SITE_METADATA, Call, Memory, MemoryKind, Module, Site, Slot, vector_symbol
from asnet.ir.optimise import for_execution, for_hls
from asnet.ir.placement import reuse
from asnet.ir.products import Products, products_symbol
from asnet.ir.verify import verify

__all__ = [
    "PARTS",
    "SITE_METADATA",
    "Call",
    "Memory",
    "MemoryKind",
    "Module",
    "Products",
    "Site",
    "Slot",
    "for_execution",
    "for_hls",
    "function_attributes",
    "products_symbol",
    "pure_function_attributes",
    "reuse",
    "vector_symbol",
    "verify",
]
