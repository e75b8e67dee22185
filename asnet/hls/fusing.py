"""Layers that work word by word as parts of the layers that make the words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from asnet.hls.kernel import Constant, Kernel, Operation
from asnet.hls.nest import Fused, NotCounted, Pipeline, Program, forwarded, fuse, inline, structure
from asnet.ir import Call, Memory

__all__ = ["FusedKernel", "NotFused", "fused", "joined_layers", "operations_of", "program_of"]


@dataclass(frozen=True)
class FusedKernel(Kernel):
    """Several layers in one, under the name of the first. ``blocks`` are the first one's; ``program`` is all of it."""

    program: Program

    def moved(self, places: Mapping[str, Memory]) -> FusedKernel:
        """The same with other memories in the place of those that ``places`` names."""
        first = super().moved(places)
        return FusedKernel(first.layer, first.blocks, first.memories, self.program.moved(places))


class NotFused(Exception):  # noqa: N818 - no fault: its parts are layers of their own then
    """Layers that are no pipeline together; ``layer``: the first of them."""

    def __init__(self, layer: str) -> None:
        super().__init__(f"layer {layer!r} is no pipeline with those that are part of it")
        self.layer = layer


def program_of(kernel: Kernel, scratch: Collection[str]) -> Program:
    """``kernel`` as flat loops, without those memories of ``scratch`` that it can do without.

    Raises:
        NotCounted: its control flow is not counted loops.
    """
    return kernel.program if isinstance(kernel, FusedKernel) else forwarded(structure(kernel), scratch)


def operations_of(kernel: Kernel) -> tuple[Operation, ...]:
    """Everything that ``kernel`` does, each operation once."""
    if isinstance(kernel, FusedKernel):
        return tuple(operation for pipeline in kernel.program.pipelines for operation in pipeline.operations)
    return tuple(kernel.operation.values())


def fused(
    kernels: Sequence[Kernel],
    calls: Sequence[Call],
    scratch: Collection[str],
    most: int,
    apart: Collection[str] = (),
) -> tuple[tuple[Kernel, ...], tuple[Call, ...]]:
    """The layers that are left, and what calls them: ``calls`` belong to ``kernels``, which are in their order.

    ``most``: operations of one unit for each word, at most, in such layers together. ``apart``: layers that stay as
    they are.
    """
    programs: list[Program] = []
    for kernel, call in zip(kernels, calls, strict=True):
        try:
            programs.append(_closed(kernel, call) if kernel.layer in apart else structure(kernel))
        except NotCounted:
            programs.append(_closed(kernel, call))
    left, into = joined_layers(programs, scratch, most)
    parts: dict[str, list[Call]] = {program.layer: [] for program in left}
    for call in calls:
        parts[into.get(call.layer, call.layer)].append(call)
    by_layer = {kernel.layer: kernel for kernel in kernels}
    result: list[tuple[Kernel, Call]] = []
    for program in left:
        kernel, (call, *others) = by_layer[program.layer], parts[program.layer]
        if others:
            kernel = FusedKernel(kernel.layer, kernel.blocks, program.memories, program)
            call = _joined(program, [call, *others])
        result.append((kernel, call))
    return tuple(kernel for kernel, _ in result), tuple(call for _, call in result)


def joined_layers(
    programs: Sequence[Program], scratch: Collection[str], most: int
) -> tuple[tuple[Program, ...], Mapping[str, str]]:
    """The programs that are left of a network's, and layer that is none any more → the one that it is part of."""
    into: dict[str, str] = {}

    def after(found: Fused) -> tuple[Program, ...]:
        for layer, other in into.items():
            into[layer] = found.into.get(other, other)
        into.update(found.into)
        return found.programs

    left = after(inline(after(fuse(programs, most=most)), most=0))  # a copy into a padded array reads each word once
    return after(inline([forwarded(program, scratch) for program in left], most=most)), into


def _joined(program: Program, calls: Sequence[Call]) -> Call:
    """One call in the place of several."""
    writes = [name for call in calls for name in call.writes if name in program.memory]
    return replace(
        calls[0],
        layer=program.layer,
        op_type=" + ".join(call.op_type for call in calls),
        arguments=tuple(memory.name for memory in program.memories),
        writes=tuple(dict.fromkeys(writes)),
    )


def _closed(kernel: Kernel, call: Call) -> Program:
    """A layer of unknown loops, or that stays apart, as a program that only tells which memories it writes."""
    stores = [
        Operation(f"write {name}", "store", ("anywhere", Constant(0, 1)), 0, (64, 1), "", name) for name in call.writes
    ]
    return Program(kernel.layer, kernel.memories, (Pipeline("any", (), tuple(stores)),))
