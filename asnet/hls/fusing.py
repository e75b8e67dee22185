"""Layers that work word by word as parts of the layers that make the words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from asnet.hls.kernel import Constant, Kernel, Operation
from asnet.hls.nest import NotCounted, Pipeline, Program, forwarded, fuse, structure
from asnet.ir import Call

__all__ = ["FusedKernel", "fused", "program_of"]


@dataclass(frozen=True)
class FusedKernel(Kernel):
    """Several layers in one, under the name of the first. ``blocks`` are the first one's; ``program`` is all of it."""

    program: Program


def program_of(kernel: Kernel, scratch: Collection[str]) -> Program:
    """``kernel`` as flat loops, without those memories of ``scratch`` that it can do without.

    Raises:
        NotCounted: its control flow is not counted loops.
    """
    return kernel.program if isinstance(kernel, FusedKernel) else forwarded(structure(kernel), scratch)


def fused(
    kernels: Sequence[Kernel], calls: Sequence[Call], scratch: Collection[str], most: int
) -> tuple[tuple[Kernel, ...], tuple[Call, ...]]:
    """The layers that are left, and what calls them: ``calls`` belong to ``kernels``, which are in their order.

    ``most``: operations of one unit for each word, at most, in such layers together.
    """
    programs: list[Program] = []
    for kernel, call in zip(kernels, calls, strict=True):
        try:
            programs.append(program_of(kernel, scratch))
        except NotCounted:
            programs.append(_closed(kernel, call))
    found = fuse(programs, most=most)
    parts = {program.layer: [program.layer] for program in found.programs}
    for layer, into in found.into.items():
        parts[into].append(layer)
    by_layer = {kernel.layer: kernel for kernel in kernels}
    called = {call.layer: call for call in calls}
    result: list[tuple[Kernel, Call]] = []
    for program in found.programs:
        kernel, call = by_layer[program.layer], called[program.layer]
        if len(parts[program.layer]) > 1:
            kernel = FusedKernel(kernel.layer, kernel.blocks, program.memories, program)
            call = _joined(program, [called[layer] for layer in parts[program.layer]])
        result.append((kernel, call))
    return tuple(kernel for kernel, _ in result), tuple(call for _, call in result)


def _joined(program: Program, calls: Sequence[Call]) -> Call:
    """One call in the place of several."""
    writes = [name for call in calls for name in call.writes if name in program.memory]
    return replace(
        calls[0],
        op_type=" + ".join(call.op_type for call in calls),
        arguments=tuple(memory.name for memory in program.memories),
        writes=tuple(dict.fromkeys(writes)),
    )


def _closed(kernel: Kernel, call: Call) -> Program:
    """A layer of unknown loops as a program that only tells which memories it writes."""
    stores = [
        Operation(f"write {name}", "store", ("anywhere", Constant(0, 1)), 0, (64, 1), "", name) for name in call.writes
    ]
    return Program(kernel.layer, kernel.memories, (Pipeline("any", (), tuple(stores)),))
