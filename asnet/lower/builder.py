"""Building one layer's function: loop nests, row-major element access, arithmetic sites.

Loops are counted i64 loops from 0 in steps of 1, tested at the bottom, with static trip counts of at least 2 (a loop
of one iteration is its body, one of none leaves no instruction). What a loop carries are phis; nothing lives on the
stack.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Mapping, Sequence
from itertools import chain, repeat

from llvmlite import ir

from asnet.ir.module import SITE_METADATA, Memory, MemoryKind
from asnet.ir.products import ALIGNMENT, ARGUMENTS, PLACEHOLDER
from asnet.ir.sampling import PLACE_FUNCTION
from asnet.ir.tiling import Tiling
from asnet.lower.arithmetic import F32, I1, I8, I32, I64, Arithmetic, register_type
from asnet.lower.index import Index, LoopIndex, flatten, strides
from asnet.network.model import Layer
from asnet.types import ELEMENT_TYPES, FloatMode

__all__ = ["F32", "I1", "I8", "I32", "I64", "LayerBuilder", "Loop", "Reduction"]

_WRAPS_NEVER = ("nuw", "nsw")


class Loop:
    """A counted loop at the builder's position; the builder stands in its body until :meth:`close`."""

    def __init__(
        self,
        builder: ir.IRBuilder,
        extent: int,
        name: str,
        carried: Sequence[ir.Value] = (),
        *,
        counter: str = "",
        rolled: bool = False,
    ) -> None:
        """``counter`` names the iteration number. ``rolled``: nothing but the processor learns how many iterations
        there are, so that they stay a loop."""
        self._builder = builder
        self.extent = extent
        self._end: ir.Value = _hidden(builder, extent) if rolled else I64(extent)
        before = builder.block
        self._body = builder.append_basic_block(name)
        builder.branch(self._body)
        builder.position_at_end(self._body)
        self._counter = builder.phi(I64, counter or f"{name}.index")
        self._counter.add_incoming(I64(0), before)
        self._carried = [builder.phi(value.type, f"{name}.carried") for value in carried]
        for phi, value in zip(self._carried, carried, strict=True):
            phi.add_incoming(value, before)

    @property
    def counter(self) -> ir.Value:
        """The iteration number."""
        return self._counter

    @property
    def carried(self) -> list[ir.Value]:
        """The carried values at the start of the iteration."""
        return list(self._carried)

    def close(self, carried: Sequence[ir.Value] = ()) -> None:
        """End the iteration, carrying ``carried`` into the next; the builder moves behind the loop."""
        builder = self._builder
        following = builder.add(self._counter, I64(1), "next", flags=_WRAPS_NEVER)
        again = builder.icmp_unsigned("<", following, self._end, "again")
        latch = builder.block
        after = builder.append_basic_block("after")
        builder.cbranch(again, self._body, after)
        self._counter.add_incoming(following, latch)
        for phi, value in zip(self._carried, carried, strict=True):
            phi.add_incoming(value, latch)
        builder.position_at_end(after)


def _hidden(builder: ir.IRBuilder, number: int) -> ir.Value:
    """``number``, as far as LLVM is concerned any number."""
    return builder.asm(ir.FunctionType(I64, [I64]), "", "=r,0", [I64(number)], side_effect=False)


class Reduction:
    """Values carried through a loop nest: ``values`` are the accumulators inside, the results after the nest."""

    def __init__(self, index: tuple[Index, ...], values: Sequence[ir.Value]) -> None:
        self.index = index
        self.values = list(values)

    @property
    def value(self) -> ir.Value:
        """The first of ``values``, for a nest that carries one."""
        return self.values[0]

    @value.setter
    def value(self, value: ir.Value) -> None:
        self.values[0] = value


class LayerBuilder(Arithmetic):
    """Emits instructions at the end of one layer's function.

    ``pointers`` maps memory names to the function's arguments. ``ir`` is the plain LLVM builder for what has no method
    here. ``tiling``: what has a tiled form takes it; None asks for the canonical one. ``samples``: how many places of
    :meth:`each` are computed; 0 for all.
    """

    def __init__(
        self,
        function: ir.Function,
        layer: Layer,
        mode: FloatMode,
        pointers: Mapping[str, ir.Value],
        tiling: Tiling | None = None,
        samples: int = 0,
    ) -> None:
        self.ir = ir.IRBuilder(function.append_basic_block("entry"))
        self.layer = layer
        self.mode = mode
        self.pointers = pointers
        self.tiling = tiling
        self._samples = samples
        self._loops: list[Loop] = []
        self._computed = 0

    # --- loops ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def nest(
        self, extents: Sequence[int], *, names: Sequence[str] = (), rolled: bool = False
    ) -> Generator[tuple[Index, ...]]:
        """A nest of loops that carries nothing, the last of ``extents`` innermost; one :class:`Index` per extent.

        ``names``: of what each loop counts, for those who read the IR and the hardware made of it. ``rolled``: in a
        function for the host, the loops around the innermost one are not unrolled: the innermost one is vectorised, and
        copies of it take the compiler's time alone.
        """
        with self.reduction(extents, names=names, rolled=rolled) as state:
            yield state.index

    @contextlib.contextmanager
    def each(self, extents: Sequence[int], names: Sequence[str] = ()) -> Generator[tuple[Index, ...]]:
        """:meth:`nest` over places of the layer's outputs that do not depend on each other: the elements that the block
        stores at a place are its own, and it loads none that another place stores. So a check may run some of them.
        """
        total = math.prod(extents)
        if self._loops or not 0 < self._samples < total:
            with self.nest(extents, names=names) as index:
                yield index
            return
        with self.nest((self._samples,)) as (sample,):
            place = self.ir.call(self._place(), [self.position(sample), I64(total)], "place")
            steps = zip(extents, strides(extents), strict=True)
            parts = [(extent, self.ir.urem(self.ir.udiv(place, I64(step)), I64(extent))) for extent, step in steps]
            yield tuple(self.index(part) if extent > 1 else Index() for extent, part in parts)

    def _place(self) -> ir.Function:
        module = self.ir.module
        known = module.globals.get(PLACE_FUNCTION)
        return (
            known
            if isinstance(known, ir.Function)
            else ir.Function(module, ir.FunctionType(I64, [I64, I64]), PLACE_FUNCTION)
        )

    @contextlib.contextmanager
    def reduction(
        self, extents: Sequence[int], *initial: ir.Value, names: Sequence[str] = (), rolled: bool = False
    ) -> Generator[Reduction]:
        """A nest of loops, the last of ``extents`` innermost, that carries values (most often one).

        ``names``, ``rolled``: as of :meth:`nest`.

        Inside the block ``.values`` (``.value``, the first) are the carried values and the block assigns their
        successors to them; after the block they are the results.
        """
        with self._unless(0 in extents):
            outer = len(self._loops)
            values: Sequence[ir.Value] = initial
            index: list[Index] = []
            for number, (extent, name) in enumerate(zip(extents, chain(names, repeat("")), strict=False), 1):
                hides = rolled and self.tiling is not None and number < len(extents)
                index.append(self._open(extent, values, name, rolled=hides))
                if extent > 1:
                    values = self._loops[-1].carried
            state = Reduction(tuple(index), values)
            yield state
            while len(self._loops) > outer:
                self._loops.pop().close(state.values)
        if 0 in extents:
            state.values = list(initial)

    @contextlib.contextmanager
    def _unless(self, nothing: bool) -> Generator[None]:
        """Drop the instructions of the block if they are never executed."""
        before, blocks = self.ir.block, self.ir.function.blocks
        count = len(blocks)
        if nothing:
            self.ir.position_at_end(self.ir.append_basic_block("never"))
        yield
        if nothing:
            del blocks[count:]
            self.ir.position_at_end(before)

    def _open(self, extent: int, carried: Sequence[ir.Value], name: str, *, rolled: bool) -> Index:
        if extent <= 1:
            return Index()
        depth = len(self._loops)
        loop = Loop(self.ir, extent, f"loop{depth}", carried, counter=name, rolled=rolled)
        self._loops.append(loop)
        return Index(0, {LoopIndex(depth, loop.counter): 1})

    @contextlib.contextmanager
    def when(self, condition: ir.Value) -> Generator[None]:
        """Execute the block only where ``condition`` (i1) holds; its results are what it stores."""
        before = self.ir.block
        then = self.ir.append_basic_block("then")
        self.ir.position_at_end(then)
        yield
        end = self.ir.block
        after = self.ir.append_basic_block("after")
        self.ir.position_at_end(before)
        self.ir.cbranch(condition, then, after)
        self.ir.position_at_end(end)
        self.ir.branch(after)
        self.ir.position_at_end(after)

    def index(self, value: ir.Value, *, signed: bool = True) -> Index:
        """An integer that the layer computes as a subscript; whoever makes it sees to it that it is within bounds."""
        if isinstance(value.type, ir.IntType) and value.type.width < I64.width:
            value = (self.ir.sext if signed else self.ir.zext)(value, I64)
        self._computed += 1
        return Index(0, {LoopIndex(self._computed, value, computed=True): 1})

    def position(self, index: Index) -> ir.Value:
        """The i64 value of ``index``."""
        rising = index.offset >= 0 and all(factor >= 0 for factor in index.terms.values())
        flags = _WRAPS_NEVER if rising and not any(term.computed for term in index.terms) else ()
        total: ir.Value | None = None
        for term, coefficient in sorted(index.terms.items(), key=lambda item: (item[0].computed, item[0].depth)):
            product = term.value
            if coefficient != 1:
                product = self.ir.mul(product, I64(coefficient), flags=flags)
            total = product if total is None else self.ir.add(total, product, flags=flags)
        if total is None:
            return I64(index.offset)
        return self.ir.add(total, I64(index.offset), flags=flags) if index.offset else total

    # --- elements ---------------------------------------------------------------------------------------------------

    def load(self, memory: Memory, index: Sequence[Index]) -> ir.Value:
        """Element ``index`` of ``memory``; a bool is an i1, an integer has its own width."""
        if memory.dtype == "bool":
            return self.ir.icmp_unsigned("!=", self.ir.load(self.address(memory, index), typ=I8), I8(0))
        return self.ir.load(self.address(memory, index), typ=register_type(memory.dtype))

    def store(self, memory: Memory, index: Sequence[Index], value: ir.Value) -> None:
        """Write element ``index`` of ``memory``, a value of the type that :meth:`load` gives."""
        if memory.dtype == "bool":
            value = self.ir.zext(value, I8)
        self.ir.store(value, self.address(memory, index))

    def address(self, memory: Memory, index: Sequence[Index]) -> ir.Value:
        """Where element ``index`` of ``memory`` is."""
        place = self.position(flatten(index, memory.shape))
        element = F32 if memory.dtype == "float32" else ir.IntType(ELEMENT_TYPES[memory.dtype].bits)
        return self.ir.gep(self.pointers[memory.name], [place], inbounds=True, source_etype=element)

    def local(self, name: str, size: int, dtype: str = "float32") -> Memory:
        """``size`` elements on the stack of a function for the host, called ``name`` until the next of this name."""
        with self.ir.goto_entry_block():
            place = self.ir.alloca(register_type(dtype), I32(size))
        place.align = ALIGNMENT
        place.type = ir.PointerType()
        self.pointers = {**self.pointers, name: place}
        return Memory(name, MemoryKind.ACTIVATION, dtype, (size,), 0)

    # --- sites ------------------------------------------------------------------------------------------------------

    def site(self, op: str, a: ir.Value, b: ir.Value, type: str = "f32") -> ir.Value:  # noqa: A002
        """An operation ``a op b`` that a unit may stand for; it carries site metadata.

        fmul, fdiv, fadd, fsub of floats; add and mul of i32 values that are operands of ``type`` (``i8``, ``u4``)
        extended to 32 bits.
        """
        instruction: ir.Instruction = getattr(self.ir, op)(a, b, op)
        count = 1
        for loop in self._loops:
            count *= loop.extent
        operands = [self.layer.name, self.layer.op_type, type, I64(count)]
        instruction.set_metadata(SITE_METADATA, self.ir.module.add_metadata(operands))
        return instruction

    def products(self, op: str, type: str, count: int, arguments: Sequence[ir.Value]) -> None:  # noqa: A002
        """A call that computes sums of products ``op`` of operands of ``type``, :mod:`asnet.ir.products`; a site.

        ``count`` products per image in all calls of this instruction. The layer's context says what they are
        (:attr:`~asnet.lower.context.LayerContext.products`).
        """
        module = self.ir.module
        function = module.globals.get(PLACEHOLDER)
        if not isinstance(function, ir.Function):
            kinds = [ir.PointerType() if kind == "ptr" else I64 for kind, _ in ARGUMENTS]
            function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), PLACEHOLDER)
        call = self.ir.call(function, arguments)
        operands = [self.layer.name, self.layer.op_type, f"{type}:products:{op}", I64(count)]
        call.set_metadata(SITE_METADATA, module.add_metadata(operands))
