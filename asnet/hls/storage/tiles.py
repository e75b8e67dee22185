"""Constants that are not on the chip: which of a layer's, and in which tiles its loops use them.

A loop may pause where a counter steps that is not inside its reductions: what is carried over the pause is kept by
count (``Carried.waits``), all else moves on by its valid bits. What it loads from one constant memory between two such
places is a tile, and since packed constants are in the order of the counters, tiles follow one another in the memory.
The loop starts a tile's first iteration when all of the tile is there, and never waits within one.

Where every word is used in iterations that follow one another (dense layers), tiles are the words between two steps of
the reduction: a few. Where the loop comes back to words (the weights of convolutions, at each place of an image), a
tile is all words that it comes back to before it needs others, so that each is fetched once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

from asnet.hls.kernel import Operation
from asnet.hls.nest import Affine, Node, Pipeline, Program, Repeat, Streamed
from asnet.hls.storage.packing import PackedConstant, PackedMemory, Packing, pack
from asnet.types import Array

__all__ = ["TiledConstant", "TiledMemory", "Tiling", "Worth", "store", "tile", "tiled_loads"]


@dataclass(frozen=True)
class TiledMemory(PackedMemory):
    """The tile of a constant memory that a loop is in: addresses count from the tile's first word.

    ``first``: counters that are all 0 in the first iteration of a tile, and in no other; none: every iteration has a
    tile. ``tiles`` of them make a pass through the memory, ``passes`` an image. ``channel``: different for the memories
    of one loop.
    """

    first: tuple[str, ...]
    tiles: int
    passes: int
    channel: int


Worth: TypeAlias = Callable[[TiledMemory], bool]
"""Whether a memory shall be outside of the chip, and come to it in these tiles."""


@dataclass(frozen=True)
class TiledConstant:
    """What the tiles hold: (words, lanes) elements, tile after tile."""

    memory: TiledMemory
    contents: Array


@dataclass(frozen=True)
class Tiling:
    """A program that loads tiles, the constants that it reads elsewhere, and the tiles' contents in order of use."""

    program: Program
    constants: tuple[PackedConstant, ...]
    tiles: tuple[TiledConstant, ...]


def store(program: Program, contents: Mapping[str, Array], worth: Worth | None) -> Tiling:
    """``program`` with its constants where they belong: packed, and those that are ``worth`` it in tiles.

    ``contents``: of all constant memories there are, by name.
    """
    if worth is not None:
        return tile(pack(program, contents, least=1), worth)
    packing = pack(program, contents)
    return Tiling(packing.program, packing.constants, ())


def tile(packing: Packing, worth: Worth) -> Tiling:
    """Let loops load constants in tiles that are ``worth`` it.

    ``packing``: with ``least=1``, so that every memory is in the order of its use. Of a repeat only if it is of one
    loop; others stay as they are, and so does what is behind lanes.
    """
    tiler = _Tiler(packing, worth)
    body = tiler.nodes(packing.program.body)
    tiled = {constant.memory.name: constant for constant in tiler.made}
    memories = tuple(
        tiled[memory.name].memory if memory.name in tiled else memory for memory in packing.program.memories
    )
    kept = tuple(constant for constant in packing.constants if constant.memory.name not in tiled)
    return Tiling(replace(packing.program, memories=memories, body=body), kept, tuple(tiler.made))


def tiled_loads(program: Program, pipeline: Pipeline) -> tuple[tuple[Operation, TiledMemory], ...]:
    """The loads of ``pipeline`` that are from tiles, and their memories."""
    loads = ((load, program.memory[load.detail]) for load in pipeline.operations if load.op == "load")
    return tuple((load, memory) for load, memory in loads if isinstance(memory, TiledMemory))


class _Tiler:
    def __init__(self, packing: Packing, worth: Worth) -> None:
        self._packed = {constant.memory.name: constant for constant in packing.constants}
        self._worth = worth
        self.made: list[TiledConstant] = []

    def nodes(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        return tuple(self._node(node, {}) for node in nodes)

    def _node(self, node: Node, around: Mapping[str, int]) -> Node:
        match node:
            case Pipeline():
                return self._pipeline(node, around)
            case Streamed():
                return replace(node, main=self._pipeline(node.main, around))
            case Repeat():
                inside = {**around, node.counter.name: node.counter.extent}
                if len(node.body) != 1:
                    return node
                return replace(node, body=tuple(self._node(inner, inside) for inner in node.body))

    def _pipeline(self, pipeline: Pipeline, around: Mapping[str, int]) -> Pipeline:
        if pipeline.iterations == 1:
            return pipeline
        channel = 0
        for operation in pipeline.operations:
            packed = self._packed.get(operation.detail) if operation.op == "load" else None
            if packed is None:
                continue
            found = _tiled(pipeline, str(operation.operands[0]), packed, around, channel)
            if found is not None and self._worth(found[1].memory):
                pipeline, made = found
                self.made.append(made)
                channel += 1
        return pipeline


def _tiled(
    pipeline: Pipeline, index: str, packed: PackedConstant, around: Mapping[str, int], channel: int
) -> tuple[Pipeline, TiledConstant] | None:
    """``pipeline`` with an address within tiles; None if the memory is not in the order of the counters."""
    own = [counter.name for counter in pipeline.counters]
    extents = {**around, **{counter.name: counter.extent for counter in pipeline.counters}}
    order = [name for name, extent in extents.items() if extent > 1]
    affine = pipeline.affine[index]
    matter = [name for name in order if affine.strides.get(name)]
    inside = 1
    for name in reversed(matter):
        if affine.strides[name] != inside:
            return None
        inside *= extents[name]
    if affine.offset or inside != packed.memory.size:
        return None
    carried = [name for item in pipeline.carried for name in item.over]
    behind = 1 + max((own.index(name) for name in carried), default=len(own) - 1)  # no counter inside a reduction
    allowed = [*around, *own[: behind if _by_count(pipeline) else pipeline.gate]]
    outer = [name for name in allowed if name in order]
    while outer and not _pattern(outer, matter):
        outer.pop()
    words = prod(extents[name] for name in matter if name not in outer)
    strides = {name: stride for name, stride in affine.strides.items() if name not in outer}
    memory = packed.memory
    tiled = TiledMemory(
        name=memory.name,
        kind=memory.kind,
        dtype=memory.dtype,
        shape=(words,),
        offset=0,
        lanes=memory.lanes,
        first=tuple(name for name in order if name not in outer),
        tiles=memory.size // words,
        passes=prod(extents[name] for name in outer if name not in matter),
        channel=channel,
    )
    changed = replace(
        pipeline,
        affine={**pipeline.affine, index: Affine(strides)},
        carried=tuple(replace(c, waits=c.waits or not set(outer).isdisjoint(c.over)) for c in pipeline.carried),
    )
    return changed, TiledConstant(tiled, packed.contents)


def _by_count(pipeline: Pipeline) -> bool:
    """Whether what is carried can be kept by count: operations make it, or nothing does."""
    made = {*pipeline.operation, *(carried.name for carried in pipeline.carried)}
    known = {*pipeline.affine, *(counter.name for counter in pipeline.counters)}
    return all(c.following in made or c.following not in known for c in pipeline.carried)


def _pattern(outer: Sequence[str], matter: Sequence[str]) -> bool:
    """Whether steps of ``outer`` make tiles: first counters that do not matter (passes), then only some that do."""
    kinds = [name in matter for name in outer]
    return kinds[-1] and kinds == sorted(kinds)
