"""Several images in turn: independent outputs for layers that have too few of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from asnet.hls.kernel import Operand, Operation
from asnet.hls.nest.accesses import accesses
from asnet.hls.nest.counters import INDEX_WIDTH
from asnet.hls.nest.program import IMAGE, Affine, Counter, Node, Pipeline, Program, Repeat, Streamed
from asnet.ir import Memory, MemoryKind

__all__ = ["interleavable", "interleaved"]


def interleavable(program: Program) -> bool:
    """Whether no value goes from one node to another: those would be of one image only."""

    def alone(node: Node) -> bool:
        match node:
            case Pipeline():
                return not node.results
            case Streamed():
                return False
            case Repeat():
                return not node.carried and all(alone(inner) for inner in node.body)

    return program.images == 1 and all(alone(node) for node in program.body)


def interleaved(program: Program, images: int) -> Program:
    """``program`` for ``images`` at once, one after the other in each node. It is :func:`interleavable`."""

    def node(item: Node) -> Node:
        match item:
            case Pipeline():
                return _interleaved(item, images, program.memory.values())
            case Repeat():
                return replace(item, body=tuple(node(inner) for inner in item.body))
            case Streamed():
                raise AssertionError(f"{item.name} is arranged already")

    return replace(program, images=images, body=tuple(node(item) for item in program.body))


def _interleaved(pipeline: Pipeline, images: int, memories: Iterable[Memory]) -> Pipeline:
    sizes = {memory.name: memory.size for memory in memories if memory.kind != MemoryKind.CONSTANT}
    affine = dict(pipeline.affine)
    operations: list[Operation] = []
    indices = {access.operation.name: access.index for access in accesses(pipeline)}
    for operation in pipeline.operations:
        if operation.is_memory and operation.detail in sizes:
            size = sizes[operation.detail]
            index = operation.operands[0]
            found = indices[operation.name]
            if found is None:
                index = _added(operation, index, size, affine, operations)
            else:
                index = f"{index}.{operation.detail}.image" if isinstance(index, str) else f"{operation.name}.image"
                affine[index] = Affine({**found.strides, IMAGE: size}, found.offset)
            operation = replace(operation, operands=(index, *operation.operands[1:]))
        operations.append(operation)
    used = {value for operation in operations for value in operation.operands}
    used |= {value for carried in pipeline.carried for value in (carried.initial, carried.following)}
    used |= {value for condition in pipeline.conditions.values() for value in condition.flags}
    return replace(
        pipeline,
        counters=(Counter(IMAGE, images), *pipeline.counters),
        operations=tuple(operations),
        affine={name: item for name, item in affine.items() if name in used},
        gate=pipeline.gate + 1,
    )


def _added(
    operation: Operation, index: Operand, size: int, affine: dict[str, Affine], operations: list[Operation]
) -> str:
    """An address that depends on data, plus the image's."""
    base, name = f"{operation.detail}.image", f"{operation.name}.image"
    affine[base] = Affine({IMAGE: size})
    widths = (INDEX_WIDTH, INDEX_WIDTH)
    operations.append(Operation(name, "add", (index, base), INDEX_WIDTH, widths, operation.source))
    return name
