"""Random kernels like layers: nests of parallel loops around reductions, over words at sums of counters.

Each kernel is a few nests, one after the other: sums of products and maxima with a start and a finish, passes over all
words, recurrences through memory. What the loops' extents, strides and operations are is random; every index stays in
its memory. As in :mod:`tests.hls.generator`, every choice comes from one ``random.Random``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from random import Random
from typing import TypeVar

import numpy as np

from asnet.ir import MemoryKind
from asnet.types import Array
from tests.hls.kernels import Argument, Program

WORDS = 64
"""Words of every memory."""

MEMORIES = (
    Argument("x", MemoryKind.INPUT, "float", WORDS),
    Argument("n", MemoryKind.INPUT, "i32", WORDS),
    Argument("w", MemoryKind.CONSTANT, "float", WORDS),
    Argument("k", MemoryKind.CONSTANT, "i32", WORDS),
    Argument("s", MemoryKind.ACTIVATION, "float", WORDS),
    Argument("t", MemoryKind.ACTIVATION, "i32", WORDS),
    Argument("y", MemoryKind.OUTPUT, "float", WORDS),
    Argument("z", MemoryKind.OUTPUT, "i32", WORDS),
)
_SOURCES = {"float": ("x", "x", "w", "s", "y"), "i32": ("n", "n", "k", "t", "z")}
_TARGETS = {"float": ("s", "y"), "i32": ("t", "z")}
_START = {"float": ("0.0", "1.0", "0xFFF0000000000000"), "i32": ("0", "1", "-2147483648")}
_FINISHES = {"float": ("none", "relu", "scale", "divide"), "i32": ("none", "relu", "shift", "clip")}

Affine = tuple[dict[str, int], int]
"""Counter → stride, and an offset."""

T = TypeVar("T")


@dataclass(frozen=True)
class Loop:
    """A loop that is open: its label, the block before it, its counter; what it carries; where its phis belong."""

    label: str
    before: str
    counter: str
    extent: int
    carried: tuple[tuple[str, str], ...]
    phis: tuple[str, ...]
    place: int


class NestGenerator:
    """Writes one kernel of about ``nests`` nests."""

    def __init__(self, random: Random, nests: int) -> None:
        self._random = random
        self._nests = nests
        self._lines: list[str] = []
        self._number = 0
        self._block = "entry"

    def program(self, name: str) -> Program:
        for memory in MEMORIES:
            if memory.kind in (MemoryKind.ACTIVATION, MemoryKind.OUTPUT):
                self._fill(memory)
        for _ in range(self._nests):
            self._nest()
        self._add("ret void")
        return Program(name, MEMORIES, "\n".join(self._lines))

    # --- text ---------------------------------------------------------------------------------------------------------

    def _pick(self, *items: T) -> T:
        return items[self._random.randrange(len(items))]

    def _add(self, line: str) -> None:
        self._lines.append(f"  {line}")

    def _fresh(self) -> str:
        self._number += 1
        return f"v{self._number}"

    def _emit(self, text: str) -> str:
        name = f"%{self._fresh()}"
        self._add(f"{name} = {text}")
        return name

    def _open(self, extent: int, *carried: tuple[str, str]) -> Loop:
        """Begin a loop; ``carried``: type and start of its phis. Close it with :meth:`_close`."""
        label, before = self._fresh(), self._block
        self._add(f"br label %{label}")
        self._lines.append(f"{label}:")
        self._block = label
        phis = tuple(f"%{self._fresh()}" for _ in carried)
        return Loop(label, before, f"%{self._fresh()}", extent, carried, phis, len(self._lines))

    def _close(self, loop: Loop, *results: str) -> None:
        following = self._emit(f"add nuw nsw i64 {loop.counter}, 1")
        again = self._emit(f"icmp ult i64 {following}, {loop.extent}")
        self._add(f"br i1 {again}, label %{loop.label}, label %{loop.label}.end")
        latch = self._block
        lines = [f"  {loop.counter} = phi i64 [ 0, %{loop.before} ], [ {following}, %{latch} ]"]
        for (kind, start), phi, result in zip(loop.carried, loop.phis, results, strict=True):
            lines.append(f"  {phi} = phi {kind} [ {start}, %{loop.before} ], [ {result}, %{latch} ]")
        self._lines[loop.place : loop.place] = lines
        self._lines.append(f"{loop.label}.end:")
        self._block = f"{loop.label}.end"

    def _at(self, kind: str, memory: str, affine: Affine) -> str:
        """The pointer to a word."""
        strides, offset = affine
        index = str(offset)
        for counter, stride in strides.items():
            term = counter if stride == 1 else self._emit(f"mul nuw nsw i64 {counter}, {stride}")
            index = self._emit(f"add nuw nsw i64 {index}, {term}")
        return self._emit(f"getelementptr {kind}, ptr %{memory}, i64 {index}")

    def _load(self, kind: str, memory: str, affine: Affine) -> str:
        return self._emit(f"load {kind}, ptr {self._at(kind, memory, affine)}")

    def _store(self, kind: str, memory: str, affine: Affine, value: str) -> None:
        self._add(f"store {kind} {value}, ptr {self._at(kind, memory, affine)}")

    def _fill(self, memory: Argument) -> None:
        opened = self._open(memory.size)
        value = "0.5" if memory.element == "float" else "3"
        self._store(memory.element, memory.name, ({opened.counter: 1}, 0), value)
        self._close(opened)

    # --- choices ------------------------------------------------------------------------------------------------------

    def _extents(self, count: int, most: int) -> list[int]:
        """Extents of loops whose product is at most ``most``."""
        extents: list[int] = []
        for _ in range(count):
            left = most // prod(extents)
            if left >= 2:
                extents.append(2 + self._random.randrange(min(left, 7) - 1))
        return extents

    def _affine(self, extents: Mapping[str, int]) -> Affine:
        """A word that depends on some of the counters, anyhow."""
        strides: dict[str, int] = {}
        room = WORDS - 1
        for counter, extent in extents.items():
            stride = self._pick(0, 1, 1, 2, 3, 5, 8)
            if stride and stride * (extent - 1) <= room:
                strides[counter] = stride
                room -= stride * (extent - 1)
        return strides, self._random.randrange(room + 1)

    def _distinct(self, extents: Mapping[str, int]) -> Affine:
        """A word of its own for every combination of the counters, in any order of them."""
        counters = list(extents)
        self._random.shuffle(counters)
        strides: dict[str, int] = {}
        stride = 1
        for counter in counters:
            strides[counter] = stride
            stride *= extents[counter]
        return strides, self._random.randrange(WORDS - stride + 1)

    def _source(self, kind: str, *, but: str = "") -> str:
        return self._pick(*(name for name in _SOURCES[kind] if name != but))

    def _target(self, kind: str) -> str:
        return self._pick(*_TARGETS[kind])

    # --- nests --------------------------------------------------------------------------------------------------------

    def _nest(self) -> None:
        kind = self._pick("float", "i32")
        self._pick(self._reduction, self._reduction, self._pass, self._recurrence)(kind)

    def _reduction(self, kind: str) -> None:
        """Sums of products or maxima: parallel loops around one or two reductions."""
        target = self._target(kind)
        outer = [self._open(extent) for extent in self._extents(1 + self._random.randrange(3), 48)]
        extents = {loop.counter: loop.extent for loop in outer}
        parallel = dict(extents)
        start = self._start(kind)
        if self._random.randrange(2):
            start = self._load(kind, self._source(kind, but=target), self._affine(extents))
        inner: list[Loop] = []
        total = start
        for extent in self._extents(1 + self._random.randrange(2), 12):
            inner.append(self._open(extent, (kind, total)))
            total = inner[-1].phis[0]
            extents[inner[-1].counter] = extent
        value = self._step(kind, total, extents, target)
        for loop in reversed(inner):
            self._close(loop, value)
        self._store(kind, target, self._distinct(parallel), self._finish(kind, value))
        for loop in reversed(outer):
            self._close(loop)

    def _start(self, kind: str) -> str:
        """What a reduction starts from that starts from no word."""
        return self._pick(*_START[kind])

    def _step(self, kind: str, total: str, extents: Mapping[str, int], target: str) -> str:
        a = self._load(kind, self._source(kind, but=target), self._affine(extents))
        b = self._load(kind, self._source(kind, but=target), self._affine(extents))
        how = self._pick("product", "product", "maximum", "sum", "reversed")
        if kind == "float":
            if how == "maximum":
                greater = self._emit(f"fcmp ogt float {a}, {total}")
                return self._emit(f"select i1 {greater}, float {a}, float {total}")
            term = a if how == "sum" else self._emit(f"fmul float {a}, {b}")
            return self._emit(f"fadd float {total}, {term}" if how != "reversed" else f"fsub float {term}, {total}")
        if how == "maximum":
            greater = self._emit(f"icmp sgt i32 {a}, {total}")
            return self._emit(f"select i1 {greater}, i32 {a}, i32 {total}")
        term = a if how == "sum" else self._emit(f"mul i32 {a}, {b}")
        return self._emit(f"add i32 {total}, {term}" if how != "reversed" else f"sub i32 {term}, {total}")

    def _finish(self, kind: str, value: str) -> str:
        how = self._pick(*_FINISHES[kind])
        if kind == "float":
            if how == "relu":
                negative = self._emit(f"fcmp olt float {value}, 0.0")
                return self._emit(f"select i1 {negative}, float 0.0, float {value}")
            if how in ("scale", "divide"):
                return self._emit(f"{'fmul' if how == 'scale' else 'fdiv'} float {value}, {self._pick('3.0', '0.25')}")
            return value
        if how == "relu":
            negative = self._emit(f"icmp slt i32 {value}, 0")
            return self._emit(f"select i1 {negative}, i32 0, i32 {value}")
        if how == "shift":
            return self._emit(f"ashr i32 {value}, {self._random.randrange(8)}")
        if how == "clip":
            large = self._emit(f"icmp sgt i32 {value}, 127")
            return self._emit(f"select i1 {large}, i32 127, i32 {value}")
        return value

    def _pass(self, kind: str) -> None:
        """Every word anew, perhaps from the same memory, perhaps converted."""
        target = self._target(kind)
        loops = [self._open(extent) for extent in self._extents(1 + self._random.randrange(3), 48)]
        extents = {loop.counter: loop.extent for loop in loops}
        place = self._distinct(extents)
        source = self._pick(target, self._source(kind))
        value = self._load(kind, source, place if source == target else self._affine(extents))
        if self._random.randrange(3) == 0:
            other = self._load(kind, self._source(kind, but=target), self._affine(extents))
            value = self._emit(f"{'fadd' if kind == 'float' else 'xor'} {kind} {value}, {other}")
        if kind == "float" and self._random.randrange(4) == 0:
            number = self._load("i32", self._source("i32"), self._affine(extents))
            value = self._emit(f"fadd float {value}, {self._emit(f'sitofp i32 {number} to float')}")
        self._store(kind, target, place, self._finish(kind, value))
        for loop in reversed(loops):
            self._close(loop)

    def _recurrence(self, kind: str) -> None:
        """Each word from one that an earlier iteration wrote; the outer loop repeats it or moves along."""
        target = self._target(kind)
        distance = 1 + self._random.randrange(6)
        outer = self._open(2 + self._random.randrange(3))
        inner = self._open(2 + self._random.randrange(20))
        strides = {inner.counter: 1}
        if self._random.randrange(2):
            strides[outer.counter] = self._pick(1, 2, 7)
        before = self._load(kind, target, (strides, 0))
        other = self._load(kind, self._source(kind, but=target), (strides, self._random.randrange(8)))
        value = self._emit(f"{'fadd' if kind == 'float' else 'add'} {kind} {before}, {other}")
        self._store(kind, target, (strides, distance), self._finish(kind, value))
        self._close(inner)
        self._close(outer)


def random_nests(random: Random, name: str, nests: int = 3) -> Program:
    """A kernel of ``nests`` nests."""
    return NestGenerator(random, nests).program(name)


def random_constants(random: Random, name: str) -> dict[str, Array]:
    """The constants of kernel ``name``."""
    generator = np.random.default_rng(random.randrange(1 << 30))
    floats = (generator.standard_normal(WORDS) * 4).astype(np.float32)
    floats[generator.random(WORDS) < 0.1] = generator.choice(np.array([0.0, -0.0, np.inf, 1e-30], np.float32))
    integers = generator.integers(-(1 << 31), 1 << 31, WORDS).astype(np.int32)
    return {f"{name}.w": floats, f"{name}.k": integers}
