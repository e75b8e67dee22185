"""The unit of compilation: LLVM IR of a network with the facts that LLVM cannot carry.

One function per layer, ``void @"layer.<name>"(ptr …)``, each argument one :class:`Memory`; all loops inside. The
function reads and writes nothing else. A run calls them in order for every image (:mod:`asnet.ir.program`). There is
one blob per :class:`MemoryKind`; a memory is ``offset`` bytes into the blob of its kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from llvmlite import ir

from asnet.cache import digest
from asnet.ir.clone import copy_module
from asnet.ir.products import Products
from asnet.ir.tiling import Tiling
from asnet.types import ELEMENT_TYPES, Array, FloatMode

__all__ = ["PARTS", "SITE_METADATA", "Call", "Memory", "MemoryKind", "Module", "Site", "Slot", "vector_symbol"]

SITE_METADATA = "asnet.site"
"""Metadata kind on every site: ``!{!"<layer>", !"<op_type>", !"<operand type>", i64 <dynamic count per image>}``.

Kernels of a tiled module bring the operands of a product into the form that it takes when they pack them, not at each
product. The operand type of such a product has ``:ready`` behind it; an operand being packed is a site as well, a
``select`` of nothing but itself, with ``:a:<op>`` or ``:b:<op>`` behind its type: which operand of which product.
A call that computes sums of products (:mod:`asnet.ir.products`) has ``:products:<op>`` behind it.
"""


class MemoryKind(StrEnum):
    """Which blob a memory lives in. Order = order of the pointer arguments of a run."""

    INPUT = "input"
    OUTPUT = "output"
    ACTIVATION = "activation"
    CONSTANT = "constant"


@dataclass(frozen=True)
class Memory:
    """An array in row-major order: a network input or output, an activation buffer, or constant weights.

    ``dtype`` is numpy's name of the elements' type, one of :data:`asnet.types.ELEMENT_TYPES`; ``offset`` is in bytes.
    """

    name: str
    kind: MemoryKind
    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def element(self) -> str:
        """LLVM type of one element (``float``, ``i8``, ``i16``, ``i32``, ``i64``)."""
        return ELEMENT_TYPES[self.dtype].llvm

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return ELEMENT_TYPES[self.dtype].bits // 8

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return self.size * self.element_bytes

    @property
    def flat(self) -> Memory:
        """The same elements in one row."""
        return replace(self, shape=(self.size,))


@dataclass(frozen=True)
class Call:
    """One layer: which function runs on which memories (argument order); ``writes`` names the memories it fills."""

    layer: str
    op_type: str
    function: str
    arguments: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """One multiplication, division or addition instruction of a layer; ``count`` executions per image.

    ``part``: one of :data:`PARTS`, other than ``whole`` in kernels of a tiled module, or ``products``.
    """

    layer: str
    op_type: str
    op: str
    type: str
    count: int
    function: str
    instruction: ir.Instruction = field(compare=False, repr=False)
    part: str = "whole"


@dataclass(frozen=True)
class Slot:
    """One decision of a configuration: the sites of one op in one layer, bound through one symbol.

    ``name`` is ``<layer>.<op>`` (``<layer>.<op>.<k>`` at site granularity); ``sites`` static instructions, executed
    ``count`` times per image in all; ``singles`` of them are operations by themselves. ``lanes``: the widths of those
    that work on vectors, in a tiled module; each width has a symbol of its own (:func:`vector_symbol`). ``products``:
    what those are that compute sums of products.
    """

    name: str
    layer: str
    op_type: str
    op: str
    type: str
    symbol: str
    sites: int
    count: int
    lanes: tuple[int, ...] = ()
    products: Products | None = None
    singles: int = 0


PARTS = ("whole", "a", "b", "ready")
"""What a slot has symbols for: ``whole(a, b) = ready(a(a, a), b(b, b))``; the others are used in tiled modules."""


def vector_symbol(symbol: str, lanes: int, part: str = "whole") -> str:
    """What a slot's ``symbol`` is called for ``part`` on vectors of ``lanes``; itself, for one lane and the whole."""
    return symbol if (lanes, part) == (1, "whole") else symbol.replace("asnet.", f"asnet.{part}{lanes}.", 1)


@dataclass(frozen=True)
class Module:
    """LLVM IR of a network, its memories, its layer calls in order, and after the `approximate` pass its slots.

    ``aliases`` maps a tensor without a memory of its own (the output of Flatten, Reshape …) to a view of the memory it
    lives in: that memory's name, kind and offset, the tensor's shape. Calls name memories, never aliases.

    Every activation has a place of its own unless ``reused`` (:func:`asnet.ir.placement.reuse`): then activations share
    places, and only outputs are there after a run.
    ``tiling``: contractions are tiled for the host; None in the canonical form, which passes and hardware work on.
    ``products``: layer → the sums of products that it calls a kernel for, in a tiled module.
    """

    name: str
    llvm: ir.Module = field(compare=False, repr=False)
    mode: FloatMode
    memories: Mapping[str, Memory]
    calls: tuple[Call, ...]
    constants: Mapping[str, Array] = field(compare=False, repr=False)
    slots: tuple[Slot, ...] = ()
    aliases: Mapping[str, Memory] = field(default_factory=dict[str, Memory])
    reused: bool = False
    tiling: Tiling | None = None
    products: Mapping[str, Products] = field(default_factory=dict[str, Products])

    @cached_property
    def text(self) -> str:
        """The LLVM IR as text; deterministic."""
        return str(self.llvm)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the IR text, the calls and the constants' bytes."""
        calls = (repr((call, [self.memories[name].shape for name in call.arguments])) for call in self.calls)
        arrays = (np.ascontiguousarray(self.constants[name]).reshape(-1) for name in sorted(self.constants))
        constants = (array.view(np.uint8).data for array in arrays)
        return digest(itertools.chain([self.text], calls, constants))

    def memory(self, tensor: str) -> Memory:
        """Where a tensor of the network lives, in the tensor's shape.

        Raises:
            KeyError: the module computes no such tensor.
        """
        return self.aliases[tensor] if tensor in self.aliases else self.memories[tensor]

    def blob_size(self, kind: MemoryKind) -> int:
        """Bytes of the blob of ``kind`` (per image, except constants), a multiple of 64."""
        end = max((m.offset + m.nbytes for m in self.memories.values() if m.kind is kind), default=0)
        return -(-end // 64) * 64

    def sites(self) -> Iterator[Site]:
        """Every instruction that carries site metadata, in program order."""
        calls = {call.function: call for call in self.calls}
        for function in self.llvm.functions:
            for block in function.blocks:
                for instruction in block.instructions:
                    metadata = instruction.metadata.get(SITE_METADATA)
                    if metadata is not None and (function.name in calls or self.tiling is not None):
                        layer, op_type, kind, count = metadata.operands
                        type_name, part, op = (*kind.string.split(":"), "", "")[:3]
                        yield Site(
                            layer=layer.string,
                            op_type=op_type.string,
                            op=op or instruction.opname,
                            type=type_name,
                            count=int(count.constant),
                            function=function.name,
                            instruction=instruction,
                            part=part or "whole",
                        )

    def clone(self) -> Module:
        """A deep copy whose IR can be rewritten without touching this one."""
        return replace(self, llvm=copy_module(self.llvm))
