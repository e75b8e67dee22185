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
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from asnet.cache import default_cache, digest
from asnet.errors import OutputError, ToolError
from asnet.types import Array, FloatMode

__all__ = [
    "float_environment",
    "flush_subnormals",
    "has_subnormals",
    "host_features",
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


_SWITCH = """
@initial = internal constant [576 x i8] zeroinitializer, align 64
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

define i64 @enter(i32 %mxcsr) {
  %vectors = alloca i32
  %x87 = alloca i16
  call void @llvm.x86.sse.stmxcsr(ptr %vectors)
  call void asm sideeffect "fnstcw ($0)", "r,~{memory}"(ptr %x87)
  %before = load i32, ptr %vectors
  %control = load i16, ptr %x87
  store i32 %mxcsr, ptr %vectors
  call void @llvm.x86.sse.ldmxcsr(ptr %vectors)
  RESET
  %low = zext i32 %before to i64
  %high = zext i16 %control to i64
  %shifted = shl i64 %high, 32
  %both = or i64 %shifted, %low
  ret i64 %both
}

define void @leave(i64 %both) {
  %vectors = alloca i32
  %x87 = alloca i16
  %before = trunc i64 %both to i32
  %shifted = lshr i64 %both, 32
  %control = trunc i64 %shifted to i16
  store i32 %before, ptr %vectors
  store i16 %control, ptr %x87
  call void @llvm.x86.sse.ldmxcsr(ptr %vectors)
  %usual = icmp eq i16 %control, 895
  br i1 %usual, label %done, label %other
other:
  call void asm sideeffect "fldcw ($0)", "r,~{memory}"(ptr %x87)
  br label %done
done:
  ret void
}
"""
"""``enter`` sets MXCSR and returns what was there, above it the x87's control word; ``leave`` brings both back."""

_RESET = 'call void asm sideeffect "xrstor64 ($0)", "r,{ax},{dx},~{memory}"(ptr @initial, i32 1, i32 0)'
"""Loads the x87's initial state: no register in use, as the C ABI wants it at calls.

Whatever used the x87 last (numpy does, when it is imported) leaves it in use, even if empty, and then vectors have
fewer registers to be renamed to: on Zen 4, loops that use all of them are 4 % faster after this.
"""

_CODE = "code.o"
_loaded: list[object] = []
"""What keeps code loaded."""


@cache
def _switch() -> tuple[Callable[[int], int], Callable[[int], None]]:
    """The functions of :data:`_SWITCH`."""
    if platform.machine() not in {"x86_64", "AMD64"} or not sys.platform.startswith("linux"):
        raise ToolError(
            "the float modes are implemented for x86-64 Linux, this machine is "
            f"{platform.machine()!r} with {sys.platform}; run ASNet on an x86-64 Linux host"
        )
    initialize_llvm()
    text = _SWITCH.replace("RESET", _RESET if llvm.get_host_cpu_features().get("xsave") else "")
    code = llvm.JITLibraryBuilder().add_object_img(_object_code(text)).export_symbol("enter").export_symbol("leave")
    linker = llvm.create_lljit_compiler()  # of its own: several threads may come here at a time
    library = code.link(linker, "float environment")
    _loaded.extend((linker, library))
    enter = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint32)(library["enter"])
    return enter, ctypes.CFUNCTYPE(None, ctypes.c_uint64)(library["leave"])


def _object_code(text: str) -> bytes:
    """Object code of ``text``, from the user's cache where there is one.

    A process that finds all of its code in the cache never generates any, and needs 20 MB less.
    """

    def compiled() -> bytes:
        machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
        return machine.emit_object(llvm.parse_assembly(text))

    def build(folder: Path) -> None:
        (folder / _CODE).write_bytes(compiled())

    key = digest(["float environment", text, llvmlite.__version__])
    try:
        return (default_cache().get("objects", key, build) / _CODE).read_bytes()
    except OutputError:  # the cache cannot be written
        return compiled()


@contextlib.contextmanager
def float_environment(mode: FloatMode) -> Generator[None]:
    """Give the calling thread the float mode ``mode`` for the duration of the block.

    Raises:
        ToolError: the host is not x86-64 Linux.
    """
    enter, leave = _switch()
    before = enter(_MXCSR[mode])
    try:
        yield
    finally:
        leave(before)


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
def host_features() -> str:
    """What LLVM says this processor can do."""
    return llvm.get_host_cpu_features().flatten()


@cache
def vector_lanes() -> int:
    """How many floats the widest vectors of this processor hold."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512vl") else 8 if features.get("avx2") else 4
