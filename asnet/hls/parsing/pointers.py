"""Pointers followed to their memory: a chain of ``getelementptr`` is one index in elements."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from asnet.hls.kernel import Constant, Operand, Phi, signed
from asnet.hls.parsing.text import NAME, plain, width_of
from asnet.hls.parsing.writing import Writer
from asnet.ir import Memory

__all__ = ["Either", "Place", "Pointer", "Pointers"]

_BASE = re.compile(rf"^(%{NAME}) = getelementptr [^%]*(%{NAME})")
_NOWHERE = Constant(0, 64)


@dataclass(frozen=True)
class Pointer:
    """A place in a memory: ``index`` elements plus ``offset`` bytes; None is 0."""

    memory: Memory
    index: Operand | None = None
    offset: Operand | None = None


@dataclass(frozen=True)
class Either:
    """A place in one of two memories: ``one`` where ``condition`` is 1. It can be read, by reading both."""

    condition: Operand
    one: Place
    other: Place


Place: TypeAlias = "Pointer | Either"


class Pointers:
    """Where the pointers of a function point to. ``arguments``: name → memory; ``body``: the function's lines."""

    def __init__(self, to: Writer, arguments: Mapping[str, Memory], body: Sequence[str]) -> None:
        self._to = to
        self._pointers: dict[str, Place] = {plain(name): Pointer(memory) for name, memory in arguments.items()}
        self._later: list[tuple[str, Pointer, str]] = []
        self._bases = {plain(found[1]): plain(found[2]) for line in body if (found := _BASE.match(line))}

    def at(self, pointer: str) -> Place:
        """Where ``pointer`` points to."""
        known = self._pointers.get(plain(pointer))
        if known is None:
            raise self._to.error(f"the pointer {pointer} does not come from an argument by getelementptr alone")
        return known

    def gep(self, element: str, base: str, index: str) -> None:
        """A pointer ``index`` elements behind another one."""
        self._pointers[self._to.result] = self._moved(self.at(base), element, self._to.operand(index, "i64"))

    def choose(self, condition: str, a: str, b: str) -> None:
        """A pointer that is one of two."""
        choice, one, other = self._to.operand(condition, "i1"), self.at(a), self.at(b)
        if not isinstance(one, Pointer) or not isinstance(other, Pointer) or one.memory != other.memory:
            self._pointers[self._to.result] = Either(choice, one, other)
            return
        parts = [
            None
            if first is None and second is None
            else self._to.emit("select", (choice, first or _NOWHERE, second or _NOWHERE), 64, (1, 64, 64))
            for first, second in ((one.index, other.index), (one.offset, other.offset))
        ]
        self._pointers[self._to.result] = Pointer(one.memory, *parts)

    def joined(self, pointers: Mapping[str, str]) -> list[Phi]:
        """Phis for a pointer that is another one behind each block: its place in every memory, and which memory.

        A pointer that comes later in the text is one into the memory that its text begins from, or is taken for one
        into the memory of the others, see :meth:`check_later`.
        """
        incoming = {block: self._pointers.get(plain(pointer)) for block, pointer in pointers.items()}
        known = {block: place for block, place in incoming.items() if isinstance(place, Pointer)}
        later = {block: plain(pointers[block]) for block, place in incoming.items() if place is None}
        if len(known) + len(later) < len(incoming) or not known:
            raise self._to.error("a pointer into one of two memories in a phi")
        moved = any(place.offset is not None for place in known.values())
        for block, name in later.items():
            memory = self._memory_ahead(name) or next(iter(known.values())).memory
            place = Pointer(memory, f"{name}@index", f"{name}@offset" if moved else None)
            self._later.append((name, place, self._to.line))
            known[block] = place
        phis: list[Phi] = []

        def phi(width: int, values: Mapping[str, Operand]) -> str:
            phis.append(Phi(f"{self._to.result}@{len(phis)}", width, values, self._to.line))
            return phis[-1].name

        joined: Place | None = None
        for memory in {place.memory.name: place.memory for place in known.values()}.values():
            mine = {block: place if place.memory == memory else Pointer(memory) for block, place in known.items()}
            index = phi(64, {block: place.index or _NOWHERE for block, place in mine.items()})
            moved = any(place.offset is not None for place in mine.values())
            offset = phi(64, {block: place.offset or _NOWHERE for block, place in mine.items()}) if moved else None
            here = Pointer(memory, index, offset)
            if joined is not None:
                chosen = phi(1, {block: Constant(int(place.memory == memory), 1) for block, place in known.items()})
                joined = Either(chosen, here, joined)
            else:
                joined = here
        assert joined is not None
        self._pointers[self._to.result] = joined
        return phis

    def _memory_ahead(self, name: str) -> Memory | None:
        """The memory of a pointer that comes later in the text, if ``getelementptr`` alone leads to it."""
        while name in self._bases:
            name = self._bases[name]
        place = self._pointers.get(name)
        return place.memory if isinstance(place, Pointer) else None

    def check_later(self) -> None:
        """Say where the pointers are that phis took before they were known."""
        for name, taken, line in self._later:
            place, self._to.line = self._pointers.get(name), line
            if not isinstance(place, Pointer) or place.memory != taken.memory:
                raise self._to.error("a pointer that moves from one memory to another in a loop")
            if place.offset is not None and taken.offset is None:
                raise self._to.error("a pointer that moves by bytes in a loop")
            self._to.names[f"{name}@index"] = place.index or _NOWHERE
            self._to.names[f"{name}@offset"] = place.offset or _NOWHERE

    def _moved(self, place: Place, element: str, value: Operand) -> Place:
        if isinstance(place, Either):
            one, other = (self._moved(each, element, value) for each in (place.one, place.other))
            return Either(place.condition, one, other)
        size, wanted = width_of(element) // 8, place.memory.element_bytes
        scaled = value if size == wanted else self._divided(value, wanted) if size == 1 else None
        if scaled is not None:
            return Pointer(place.memory, self._to.sum(place.index, scaled), place.offset)
        if size == 1:
            return Pointer(place.memory, place.index, self._to.sum(place.offset, value))
        raise self._to.error(f"an address in steps of {size} bytes in memory {place.memory.name!r} of {wanted}")

    def _divided(self, value: Operand, by: int) -> Operand | None:
        """``value`` / ``by`` (a power of two) if that is known to be exact, as a new value; else None."""
        bits = by.bit_length() - 1
        if isinstance(value, Constant):
            number = signed(value.bits, 64)
            return Constant((number // by) & ((1 << 64) - 1), 64) if number % by == 0 else None
        made = self._to.made.get(value)
        if made is None:
            return None
        last = made.operands[-1]
        if made.op == "shl" and isinstance(last, Constant) and last.bits >= bits:
            if last.bits == bits:
                return made.operands[0]
            return self._to.emit("shl", (made.operands[0], Constant(last.bits - bits, 64)), 64, (64, 64))
        if made.op == "mul" and isinstance(last, Constant) and last.bits % by == 0:
            factor = Constant((signed(last.bits, 64) // by) & ((1 << 64) - 1), 64)
            return self._to.emit("mul", (made.operands[0], factor), 64, (64, 64))
        if made.op == "add":
            left, right = self._divided(made.operands[0], by), self._divided(last, by)
            return None if left is None or right is None else self._to.sum(left, right)
        return None

    def index(self, place: Pointer, type_name: str, align: str | None) -> Operand:
        """The index of an access in its memory."""
        memory = place.memory
        if width_of(type_name) != memory.element_bytes * 8:
            raise self._to.error(f"an access of type {type_name} to memory {memory.name!r} of {memory.element}")
        index = place.index if place.index is not None else Constant(0, 64)
        if place.offset is None:
            return index
        if align is None or int(align) < memory.element_bytes:
            raise self._to.error(f"an unaligned access to memory {memory.name!r}")
        shift = Constant(memory.element_bytes.bit_length() - 1, 64)
        with self._to.unnamed():
            return self._to.sum(index, self._to.emit("ashr", (place.offset, shift), 64, (64, 64)))
