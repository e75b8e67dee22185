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


@cache
def initialize_llvm() -> None:
    """Make LLVM's native target ready; cheap to repeat."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()


class _Environment(ctypes.Structure):
    """The C library's ``fenv_t`` on x86-64 Linux (glibc and musl): the x87's environment, then MXCSR."""

    _fields_ = (("x87", ctypes.c_uint32 * 7), ("mxcsr", ctypes.c_uint32))


@cache
def _c_library() -> ctypes.CDLL:
    if platform.machine() not in {"x86_64", "AMD64"} or not sys.platform.startswith("linux"):
        raise ToolError(
            "the float modes are implemented for x86-64 Linux, this machine is "
            f"{platform.machine()!r} with {sys.platform}; run ASNet on an x86-64 Linux host"
        )
    return ctypes.CDLL(None)  # what Python itself is linked with


_X87_RESET = """
@initial = internal constant [576 x i8] zeroinitializer, align 64
define void @reset() {
  call void asm sideeffect "xrstor64 ($0)", "r,{ax},{dx},~{memory}"(ptr @initial, i32 1, i32 0)
  ret void
}
"""
"""Loads the x87's initial state: no register in use, as the C ABI wants it at calls, and the usual control word."""


@cache
def _x87_reset() -> Callable[[], None]:
    """A function that lets the calling thread's x87 have no registers, so that vectors have more to be renamed to.

    On Zen 4, loops that use all vector registers are 4 % faster. Whatever used the x87 last (numpy does, when it is
    imported; ``fesetenv`` does) leaves it in use, even if empty, until this.
    """
    if not llvm.get_host_cpu_features().get("xsave"):
        return lambda: None
    initialize_llvm()
    code = llvm.JITLibraryBuilder().add_ir(_X87_RESET).export_symbol("reset")
    linker = llvm.create_lljit_compiler()
    library = code.link(linker, "x87")
    _loaded.extend((linker, library))
    return ctypes.CFUNCTYPE(None)(library["reset"])


_loaded: list[object] = []
"""What keeps code loaded."""


@contextlib.contextmanager
def float_environment(mode: FloatMode) -> Generator[None]:
    """Give the calling thread the float mode ``mode`` for the duration of the block.

    Raises:
        ToolError: the host is not x86-64 Linux.
    """
    library, reset, before = _c_library(), _x87_reset(), _Environment()
    library.fegetenv(ctypes.byref(before))
    within = _Environment(before.x87, _MXCSR[mode])
    library.fesetenv(ctypes.byref(within))
    reset()
    try:
        yield
    finally:
        library.fesetenv(ctypes.byref(before))


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
