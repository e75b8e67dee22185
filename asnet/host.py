"""The host's floating-point environment: subnormal handling of the calling thread (x86-64 MXCSR).

numpy's float32 ufuncs and JIT code obey the thread's MXCSR, so that one context manager gives both the float mode of a
design. Rounding is to nearest even with all exceptions masked, whatever the caller had.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
from collections.abc import Callable, Generator
from functools import cache

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from asnet.errors import ToolError
from asnet.types import Array, FloatMode

__all__ = [
    "float_environment",
    "flush_subnormals",
    "has_subnormals",
    "initialize_llvm",
    "memory_bytes",
    "processor_name",
    "processors",
    "vector_lanes",
]

_MXCSR_DEFAULT = 0x1F80  # all exceptions masked, round to nearest even (Intel SDM vol. 1, 10.2.3)
_MXCSR = {FloatMode.IEEE: _MXCSR_DEFAULT, FloatMode.FTZ: _MXCSR_DEFAULT | 0x8000 | 0x0040}  # FTZ, DAZ


for _kind in (np.float32, np.float64):
    np.finfo(_kind)  # numpy derives these figures once, and wrongly in a thread that flushes subnormals

_CHUNK = 1 << 16
"""Elements that are worked on at a time where temporary arrays would be as large as the array."""

_ACCESS = """
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare void @llvm.x86.sse.stmxcsr(ptr)
define i32 @asnet.exchange_mxcsr(i32 %new) {
  %old = alloca i32
  %next = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %old)
  store i32 %new, ptr %next
  call void @llvm.x86.sse.ldmxcsr(ptr %next)
  %result = load i32, ptr %old
  ret i32 %result
}
"""


@cache
def initialize_llvm() -> None:
    """Make LLVM's native target ready; cheap to repeat."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()


@cache
def _exchange() -> tuple[Callable[[int], int], object]:
    if platform.machine() not in {"x86_64", "AMD64"}:
        raise ToolError(
            f"the float modes are implemented for x86-64, this machine is {platform.machine()!r}; "
            "run ASNet on an x86-64 host"
        )
    initialize_llvm()
    library = (
        llvm.JITLibraryBuilder()
        .add_ir(_ACCESS)
        .export_symbol("asnet.exchange_mxcsr")
        .link(jit := llvm.create_lljit_compiler(), "asnet.host")
    )
    function = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(library["asnet.exchange_mxcsr"])
    return function, (jit, library)


@contextlib.contextmanager
def float_environment(mode: FloatMode) -> Generator[None]:
    """Give the calling thread the float mode ``mode`` for the duration of the block.

    Raises:
        ToolError: the host is not x86-64.
    """
    exchange, _ = _exchange()
    before = exchange(_MXCSR[mode])
    try:
        yield
    finally:
        exchange(before)


def flush_subnormals(array: Array) -> NDArray[np.float32]:
    """A float32 copy of ``array`` in which every subnormal is the zero of its sign."""
    result = np.array(array, dtype=np.float32, order="C")
    bits = result.reshape(-1).view(np.uint32)
    for start in range(0, bits.size, _CHUNK):  # piece by piece: temporary arrays stay small
        part = bits[start : start + _CHUNK]
        part[(part & np.uint32(0x7F800000)) == 0] &= np.uint32(0x80000000)
    return result


def has_subnormals(array: Array) -> bool:
    """Whether a number of ``array``, of float32, is subnormal."""
    bits = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
    parts = (bits[start : start + _CHUNK] & np.uint32(0x7FFFFFFF) for start in range(0, bits.size, _CHUNK))
    return any(bool(((part != 0) & (part < np.uint32(0x00800000))).any()) for part in parts)


def memory_bytes() -> int:
    """Bytes of physical memory; without bound if that is unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return sys.maxsize


def processors() -> int:
    """Number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_name() -> str:
    """What LLVM calls this processor."""
    return llvm.get_host_cpu_name()


@cache
def vector_lanes() -> int:
    """How many floats the widest vectors of this processor hold."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512vl") else 8 if features.get("avx2") else 4
