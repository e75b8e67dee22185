"""Constants whose words hold what several loads of one iteration need: lanes and unrolled windows read one ROM.

Loads of one constant memory in one pipeline whose addresses differ by a constant become one load of a new, wide
memory, and slices of its word. Its words are in the order in which the counters that matter step, so that its address
is the plainest that there is; what a load would find outside of the memory (in lanes without meaning) is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import gcd, prod

import numpy as np

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import Affine, Condition, Node, Pipeline, Program, Repeat, Streamed
from asnet.ir import Memory, MemoryKind
from asnet.types import AnyArray, Array

__all__ = ["PackedConstant", "PackedMemory", "Packing", "pack"]


@dataclass(frozen=True)
class PackedMemory(Memory):
    """A constant memory whose words hold ``lanes`` elements of ``dtype`` each, the first in the low bits.

    ``shape`` is that of its words: as a memory of hardware it is one of wide elements.
    """

    lanes: int

    @property
    def element(self) -> str:
        """LLVM type of one word."""
        return f"i{self.element_bytes * 8}"

    @property
    def element_bytes(self) -> int:
        """Bytes of one word."""
        return self.lanes * super().element_bytes


@dataclass(frozen=True)
class PackedConstant:
    """A wide memory and its contents: (words, lanes) elements."""

    memory: PackedMemory
    contents: Array

    @property
    def words(self) -> tuple[int, ...]:
        """The words as numbers."""
        rows = np.ascontiguousarray(self.contents).view(np.uint8).reshape(self.memory.size, -1)
        return tuple(int.from_bytes(row.tobytes(), "little") for row in rows)


@dataclass(frozen=True)
class Packing:
    """A program that loads wide constants, and those constants."""

    program: Program
    constants: tuple[PackedConstant, ...]


def pack(program: Program, constants: Mapping[str, Array], *, least: int = 2) -> Packing:
    """Let loads of constants whose addresses differ by a constant be one load each.

    Args:
        program: a layer, its lanes and windows unrolled.
        constants: memory's name → contents, of all constant memories of the program; names in use are not given again.
        least: so many loads are worth a memory of their own; 1 brings every constant into the order of its use.

    Memories that nobody loads from any more are left out of the program.
    """
    packer = _Packer(program, constants, least)
    body = packer.nodes(program.body, {})
    made = tuple(packer.made)
    kept = _accessed(body)
    memories = [memory for memory in program.memories if memory.name in kept or memory.kind is not MemoryKind.CONSTANT]
    return Packing(replace(program, memories=(*memories, *(constant.memory for constant in made)), body=body), made)


@dataclass(frozen=True)
class _Load:
    """A load of a constant, its address by the counters that matter: Σ stride·counter + offset."""

    operation: Operation
    strides: tuple[tuple[str, int], ...]
    offset: int


class _Packer:
    def __init__(self, program: Program, constants: Mapping[str, Array], least: int) -> None:
        self._memory = program.memory
        self._constants = constants
        self._least = least
        self._taken = {*constants, *program.memory}
        self.made: list[PackedConstant] = []

    def nodes(self, nodes: Sequence[Node], around: Mapping[str, int]) -> tuple[Node, ...]:
        """The nodes with wide loads; ``around``: extents of the counters of the repeats around them."""
        return tuple(self._node(node, around) for node in nodes)

    def _node(self, node: Node, around: Mapping[str, int]) -> Node:
        match node:
            case Pipeline():
                return self._pipeline(node, around)
            case Streamed():
                handed = {name for names in node.values.values() for name in names}
                handed |= {flag for flag in node.when.flags if isinstance(flag, str)}
                main = self._pipeline(node.main, around, handed)
                return replace(node, main=main, tail=self._pipeline(node.tail, around))
            case Repeat():
                inside = {**around, node.counter.name: node.counter.extent}
                return replace(node, body=self.nodes(node.body, inside))

    def _pipeline(self, pipeline: Pipeline, around: Mapping[str, int], handed: Set[str] = frozenset()) -> Pipeline:
        """``pipeline`` with wide loads; ``handed``: its values that its tail takes."""
        extents = {**around, **{counter.name: counter.extent for counter in pipeline.counters}}
        groups: dict[tuple[str, tuple[tuple[str, int], ...]], list[_Load]] = {}
        for operation in pipeline.operations:
            load = self._load(operation, pipeline, extents)
            if load is not None:
                groups.setdefault((operation.detail, load.strides), []).append(load)
        for (memory, _), loads in groups.items():
            if len(loads) >= self._least:
                pipeline = self._packed(pipeline, self._memory[memory], loads, extents)
        named = pipeline.taken | handed
        affine = {name: value for name, value in pipeline.affine.items() if name in named}
        return replace(pipeline, affine=affine)

    def _load(self, operation: Operation, pipeline: Pipeline, extents: Mapping[str, int]) -> _Load | None:
        """``operation`` as a load that can be packed."""
        if operation.op != "load" or self._memory[operation.detail].kind is not MemoryKind.CONSTANT:
            return None
        address = _affine(operation.operands[0], pipeline, extents)
        if address is None or not address.strides.keys() <= extents.keys():
            return None
        matter = ((name, stride) for name, stride in address.strides.items() if stride and extents[name] > 1)
        order = list(extents)
        return _Load(operation, tuple(sorted(matter, key=lambda item: order.index(item[0]))), address.offset)

    def _packed(
        self, pipeline: Pipeline, memory: Memory, loads: Sequence[_Load], extents: Mapping[str, int]
    ) -> Pipeline:
        """``pipeline`` with one wide load for ``loads``, which differ in their offsets."""
        offsets = sorted({load.offset for load in loads})
        strides = loads[0].strides
        address, places = _places(strides, extents)
        wide = self._constant(memory, places, offsets)
        bits = memory.element_bytes * 8
        width = bits * len(offsets)
        first = loads[0].operation
        name = first.name if len(offsets) == 1 else f"{first.name}.wide"
        used = {load.operation.name for load in loads}
        word = Operation(name, "load", (f"{name}.address",), width, first.widths, first.source, wide.name)
        slices = [word]
        for load in loads:
            slices += _slice(load.operation, word, bits, offsets.index(load.offset))
        operations: list[Operation] = []
        for operation in pipeline.operations:
            if operation is first:
                operations += slices
            elif operation.name not in used:
                operations.append(operation)
        conditions = {key: condition for key, condition in pipeline.conditions.items() if key not in used}
        condition = _common([pipeline.conditions.get(load.operation.name) for load in loads])
        if condition is not None:
            conditions[name] = condition
        affine = {**pipeline.affine, f"{name}.address": address}
        return replace(pipeline, operations=tuple(operations), conditions=conditions, affine=affine)

    def _constant(self, memory: Memory, places: AnyArray, offsets: Sequence[int]) -> PackedMemory:
        """The memory that holds what ``memory`` holds at every place plus every offset; a word for each place."""
        values: AnyArray = np.ascontiguousarray(self._constants[memory.name]).reshape(-1)
        index: AnyArray = places[:, None] + np.array(offsets, dtype=np.int64)
        inside = (index >= 0) & (index < memory.size)
        contents = values[np.where(inside, index, 0)]
        contents[~inside] = 0
        name = base = f"{memory.name}.x{len(offsets)}"
        number = 1
        while name in self._taken:
            number += 1
            name = f"{base}.{number}"
        self._taken.add(name)
        wide = PackedMemory(name, MemoryKind.CONSTANT, memory.dtype, (len(places),), 0, len(offsets))
        self.made.append(PackedConstant(wide, contents))
        return wide


def _affine(index: Operand, pipeline: Pipeline, extents: Mapping[str, int]) -> Affine | None:
    """An index as a function of counters; None if it is none."""
    if isinstance(index, Constant):
        return Affine({}, index.bits)
    if index in pipeline.affine:
        return pipeline.affine[index]
    return Affine({index: 1}) if index in extents else None


def _places(strides: Sequence[tuple[str, int]], extents: Mapping[str, int]) -> tuple[Affine, AnyArray]:
    """The address of a packed memory, and for each of its words the old address less its offset.

    One word for each combination of the counters, or one for each address between the least and the greatest (those
    that the strides can reach): whichever are fewer.
    """
    if not strides:
        return Affine({}), np.zeros(1, dtype=np.int64)
    sizes = [extents[name] for name, _ in strides]
    step = gcd(*(stride for _, stride in strides))
    ends = [stride * (size - 1) for (_, stride), size in zip(strides, sizes, strict=True)]
    low, high = sum(min(0, end) for end in ends), sum(max(0, end) for end in ends)
    reach = (high - low) // step + 1
    if reach < prod(sizes):
        scaled = Affine({name: stride // step for name, stride in strides}, -low // step)
        return scaled, low + step * np.arange(reach, dtype=np.int64)
    places = np.zeros(1, dtype=np.int64)
    compact: dict[str, int] = {}
    for number, ((name, stride), size) in enumerate(zip(strides, sizes, strict=True)):
        places = (places[:, None] + stride * np.arange(size, dtype=np.int64)).reshape(-1)
        compact[name] = prod(sizes[number + 1 :])
    return Affine(compact), places


def _slice(load: Operation, word: Operation, bits: int, lane: int) -> list[Operation]:
    """The operations that take a lane of ``word`` under the name of ``load``."""
    if load.name == word.name:
        return []
    if word.width == bits:
        whole = Constant(0, bits)
        return [Operation(load.name, "or", (word.name, whole), bits, (bits, bits), load.source)]
    made: list[Operation] = []
    source = word.name
    if lane:
        shift = Constant(lane * bits, word.width)
        source = f"{load.name}.shifted"
        made.append(Operation(source, "lshr", (word.name, shift), word.width, (word.width, word.width), load.source))
    return [*made, Operation(load.name, "trunc", (source,), load.width, (word.width,), load.source)]


def _common(conditions: Sequence[Condition | None]) -> Condition | None:
    """The condition that all have; None if they differ: then the load counts in every iteration."""
    return conditions[0] if all(condition == conditions[0] for condition in conditions) else None


def _accessed(nodes: Iterable[Node]) -> frozenset[str]:
    """The memories that are loaded from or stored to."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case Repeat():
                found |= _accessed(node.body)
            case Streamed():
                found |= _accessed((node.main, node.tail))
            case Pipeline():
                found |= {operation.detail for operation in node.operations if operation.is_memory}
    return frozenset(found)
