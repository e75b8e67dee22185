"""LLVM IR text → kernels."""

from asnet.hls.parsing.reader import parse_kernels

__all__ = ["parse_kernels"]
