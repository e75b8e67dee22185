"""Building one layer's function: loop nests, row-major element access, arithmetic sites.

Loops are counted i64 loops from 0 in steps of 1, tested at the bottom, with static trip counts of at least 2 (a loop
of one iteration is its body). What a loop carries is a phi; nothing lives on the stack.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence

import numpy as np
from llvmlite import ir

from asnet.host import flush_subnormals
from asnet.ir.module import SITE_METADATA, Memory
from asnet.lower.index import Index, LoopIndex, flatten
from asnet.network.model import Layer
from asnet.types import FloatMode

__all__ = ["F32", "I1", "I8", "I32", "I64", "LayerBuilder", "Loop", "Reduction"]

F32 = ir.FloatType()
I1 = ir.IntType(1)
I8 = ir.IntType(8)
I32 = ir.IntType(32)
I64 = ir.IntType(64)
_WRAPS_NEVER = ("nuw", "nsw")


class Loop:
    """A counted loop at the builder's position; the builder stands in its body until :meth:`close`."""

    def __init__(self, builder: ir.IRBuilder, extent: int, name: str, carried: ir.Value | None = None) -> None:
        self._builder = builder
        self.extent = extent
        before = builder.block
        self._body = builder.append_basic_block(name)
        builder.branch(self._body)
        builder.position_at_end(self._body)
        self._counter = builder.phi(I64, f"{name}.index")
        self._counter.add_incoming(I64(0), before)
        self._carried = None
        if carried is not None:
            self._carried = builder.phi(carried.type, f"{name}.carried")
            self._carried.add_incoming(carried, before)

    @property
    def counter(self) -> ir.Value:
        """The iteration number."""
        return self._counter

    @property
    def carried(self) -> ir.Value | None:
        """The carried value at the start of the iteration."""
        return self._carried

    def close(self, carried: ir.Value | None = None) -> None:
        """End the iteration, carrying ``carried`` into the next; the builder moves behind the loop."""
        builder = self._builder
        following = builder.add(self._counter, I64(1), "next", flags=_WRAPS_NEVER)
        again = builder.icmp_unsigned("<", following, I64(self.extent), "again")
        latch = builder.block
        after = builder.append_basic_block("after")
        builder.cbranch(again, self._body, after)
        self._counter.add_incoming(following, latch)
        if self._carried is not None and carried is not None:
            self._carried.add_incoming(carried, latch)
        builder.position_at_end(after)


class Reduction:
    """A value carried through a loop nest: ``value`` is the accumulator inside, the result after the nest."""

    def __init__(self, index: tuple[Index, ...], value: ir.Value) -> None:
        self.index = index
        self.value = value


class LayerBuilder:
    """Emits instructions at the end of one layer's function.

    ``pointers`` maps memory names to the function's arguments. ``ir`` is the plain LLVM builder for what has no method
    here.
    """

    def __init__(self, function: ir.Function, layer: Layer, mode: FloatMode, pointers: Mapping[str, ir.Value]) -> None:
        self.ir = ir.IRBuilder(function.append_basic_block("entry"))
        self._layer = layer
        self._mode = mode
        self._pointers = pointers
        self._loops: list[Loop] = []

    # --- loops ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def nest(self, extents: Sequence[int]) -> Generator[tuple[Index, ...]]:
        """A nest of loops that carries nothing, the last of ``extents`` innermost; one :class:`Index` per extent."""
        outer = len(self._loops)
        index = tuple(self._open(extent, None) for extent in extents)
        yield index
        while len(self._loops) > outer:
            self._loops.pop().close()

    @contextlib.contextmanager
    def reduction(self, extents: Sequence[int], initial: ir.Value) -> Generator[Reduction]:
        """A nest of loops, the last of ``extents`` innermost, that carries one value.

        Inside the block ``.value`` is the carried value and the block assigns its successor to it; after the block
        ``.value`` is the result.
        """
        outer = len(self._loops)
        value = initial
        index: list[Index] = []
        for extent in extents:
            index.append(self._open(extent, value))
            if len(self._loops) > outer:
                value = self._loops[-1].carried or value
        state = Reduction(tuple(index), value)
        yield state
        while len(self._loops) > outer:
            self._loops.pop().close(state.value)

    def _open(self, extent: int, carried: ir.Value | None) -> Index:
        if extent == 1:
            return Index()
        depth = len(self._loops)
        loop = Loop(self.ir, extent, f"loop{depth}", carried)
        self._loops.append(loop)
        return Index(0, {LoopIndex(depth, loop.counter): 1})

    # --- elements ---------------------------------------------------------------------------------------------------

    def load(self, memory: Memory, index: Sequence[Index]) -> ir.Value:
        """Element ``index`` of ``memory``."""
        return self.ir.load(self._address(memory, index), typ=F32)

    def store(self, memory: Memory, index: Sequence[Index], value: ir.Value) -> None:
        """Write element ``index`` of ``memory``."""
        self.ir.store(value, self._address(memory, index))

    def _address(self, memory: Memory, index: Sequence[Index]) -> ir.Value:
        place = flatten(index, memory.shape)
        total: ir.Value | None = None
        for loop, coefficient in sorted(place.terms.items(), key=lambda item: item[0].depth):
            term = loop.value
            if coefficient != 1:
                term = self.ir.mul(term, I64(coefficient), flags=_WRAPS_NEVER)
            total = term if total is None else self.ir.add(total, term, flags=_WRAPS_NEVER)
        if total is None:
            total = I64(place.offset)
        elif place.offset:
            total = self.ir.add(total, I64(place.offset), flags=_WRAPS_NEVER)
        return self.ir.gep(self._pointers[memory.name], [total], inbounds=True, source_etype=F32)

    # --- arithmetic -------------------------------------------------------------------------------------------------

    def site(self, op: str, a: ir.Value, b: ir.Value) -> ir.Value:
        """A float operation ``a op b`` (fmul, fdiv, fadd, fsub) that a unit may stand for; it carries site metadata."""
        instruction: ir.Instruction = getattr(self.ir, op)(a, b, op)
        count = 1
        for loop in self._loops:
            count *= loop.extent
        operands = [self._layer.name, self._layer.op_type, "f32", I64(count)]
        instruction.set_metadata(SITE_METADATA, self.ir.module.add_metadata(operands))
        return instruction

    def number(self, value: float | np.floating) -> ir.Constant:
        """A float32 constant in the design's float mode."""
        single = np.array(value, dtype=np.float32)
        if self._mode is FloatMode.FTZ:
            single = flush_subnormals(single)
        return F32(single.item())

    def select(self, comparison: str, a: ir.Value, b: ir.Value, chosen: ir.Value, otherwise: ir.Value) -> ir.Value:
        """``chosen`` where the ordered ``comparison`` (``<``, ``>``, ``>=``) of ``a`` and ``b`` holds, else
        ``otherwise``.
        """
        return self.ir.select(self.ir.fcmp_ordered(comparison, a, b), chosen, otherwise)
