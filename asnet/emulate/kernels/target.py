"""What a kernel may use of a processor. Kernels are written for levels of instructions, not for processors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import llvmlite.binding as llvm

from asnet.host import processor_name
from asnet.ir.optimise import Machine

__all__ = ["LEVELS", "Target", "host_target", "host_targets"]


@dataclass(frozen=True)
class Target:
    """A level of instructions.

    ``width``: bytes of a vector; ``floats``: bytes of a vector of floats, 0 if it is as wide; ``registers``: how many
    vectors the processor holds; ``vnni``: sums of products of bytes (``vpdpbusd``) and of 16-bit numbers
    (``vpdpwssd``); ``vbmi``: look-ups of bytes in two registers (``vpermi2b``). Without ``x86`` there is plain LLVM IR
    only. ``cpu`` is LLVM's name of the processor to compile for, "" for the one that this process runs on: how tests
    restrict a kernel to a lower level.
    """

    level: str
    width: int
    registers: int
    x86: bool = True
    vnni: bool = False
    vbmi: bool = False
    floats: int = 0
    cpu: str = ""

    @property
    def float_lanes(self) -> int:
        """Floats of a vector."""
        return (self.floats or self.width) // 4

    @property
    def last_registers(self) -> str:
        """What x86 calls the vectors of floats, if it has 32 of them (:meth:`asnet.ir.emission.Emitter.kept`)."""
        return {4: "xmm", 8: "ymm", 16: "zmm"}[self.float_lanes] if self.x86 and self.registers == 32 else ""

    @property
    def machine(self) -> Machine:
        """What kernels for this target are compiled for."""
        return Machine(cpu=self.cpu)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes of functions that use the whole width, as LLVM IR text has them."""
        bits = 8 * self.width
        return f'"prefer-vector-width"="{bits}"', f'"min-legal-vector-width"="{bits}"'


LEVELS = MappingProxyType(
    {
        target.level: target
        for target in (
            Target("vbmi", 64, 32, vnni=True, vbmi=True, cpu="icelake-server"),
            Target("vnni", 64, 32, vnni=True, cpu="cascadelake"),
            Target("avx512", 64, 32, cpu="skylake-avx512"),
            Target("avx2", 32, 16, cpu="haswell"),
            Target("portable", 16, 16, x86=False, cpu="x86-64"),
        )
    }
)
"""Name → level, the highest first; each for the oldest processor of it."""

_NEEDS = {
    "vbmi": ("avx512vbmi", "avx512vnni", "avx512bw", "avx512vl"),
    "vnni": ("avx512vnni", "avx512bw", "avx512vl"),
    "avx512": ("avx512bw", "avx512vl"),
    "avx2": ("avx2",),
    "portable": (),
}


@cache
def host_targets() -> tuple[Target, ...]:
    """The levels that this processor has, the highest first, each restricted to itself."""
    features = llvm.get_host_cpu_features()
    return tuple(target for level, target in LEVELS.items() if all(features.get(name) for name in _NEEDS[level]))


_HALVES = ("znver4",)
"""Processors that do arithmetic on vectors of 64 bytes in halves, and are faster with halves."""


@cache
def host_target() -> Target:
    """The highest level of this processor, with everything else that it has."""
    best = host_targets()[0]
    return replace(best, floats=32 if processor_name() in _HALVES and best.width == 64 else 0, cpu="")
