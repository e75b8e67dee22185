"""LLVM IR text → kernels. Reads what :func:`asnet.ir.optimise.for_hls` guarantees and a little more; refuses the rest.

Pointers are followed to their memory: a chain of ``getelementptr`` becomes one index in elements. Casts that move no
bit (``bitcast``, ``freeze``) become other names of their operand; ``fneg``, ``fabs`` and ``copysign`` become bit
operations.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from asnet.errors import SynthesisError
from asnet.hls.kernel import Block, Branch, Constant, Kernel, Operand, Operation, Phi, signed
from asnet.ir import Call, Memory

__all__ = ["parse_kernels"]

_NAME = r'(?:"[^"]*"|[-\w$.]+)'
_VALUE = rf"(%{_NAME}|true|false|poison|undef|[-+]?[\w.][-+\w.]*)"
_TYPE = r"(float|i\d+)"
_DEFINE = re.compile(rf"^define\s[^@]*@({_NAME})\((.*)\)")
_LABEL = re.compile(rf"^({_NAME}):")
_ARGUMENT = re.compile(rf"(?:^|,)\s*ptr\b[^,%]*(%{_NAME})")
_RESULT = re.compile(rf"^(%{_NAME}) = (.*)$")
_FLAGS = re.compile(r"\b(?:nuw|nsw|exact|disjoint|nneg|samesign|inbounds|nusw)\s+")
_FAST = re.compile(r"^f\w+ (?:nnan|ninf|nsz|arcp|contract|afn|reassoc|fast)\b")
_ESCAPE = re.compile(rb"\\(\\|[0-9A-Fa-f]{2})")
_SUFFIX = re.compile(r",\s*!.*$|\s+#\d+$")

_BINARY = re.compile(rf"^(\w+) {_TYPE} {_VALUE}, {_VALUE}$")
_COMPARE = re.compile(rf"^([if]cmp) (\w+) {_TYPE} {_VALUE}, {_VALUE}$")
_SELECT = re.compile(rf"^select i1 {_VALUE}, {_TYPE} {_VALUE}, {_TYPE} {_VALUE}$")
_CHOICE = re.compile(rf"^select i1 {_VALUE}, ptr (%{_NAME}), ptr (%{_NAME})$")
_CAST = re.compile(rf"^(\w+) {_TYPE} {_VALUE} to {_TYPE}$")
_UNARY = re.compile(rf"^(fneg|freeze) {_TYPE} {_VALUE}$")
_PHI = re.compile(rf"^phi {_TYPE} (\[.*\])$")
_JOIN = re.compile(r"^phi ptr (\[.*\])$")
_INCOMING = re.compile(rf"\[ {_VALUE}, (%{_NAME}) \]")
_GEP = re.compile(rf"^getelementptr {_TYPE}, ptr (%{_NAME}), i64 {_VALUE}$")
_BASE = re.compile(rf"^(%{_NAME}) = getelementptr [^%]*(%{_NAME})")
_LOAD = re.compile(rf"^load {_TYPE}, ptr (%{_NAME})(?:, align (\d+))?$")
_STORE = re.compile(rf"^store {_TYPE} {_VALUE}, ptr (%{_NAME})(?:, align (\d+))?$")
_CALL = re.compile(rf"^(?:(?:tail|notail|musttail) )?call (?:[a-z]+ )*?{_TYPE} @({_NAME})\((.*)\)$")
_OPERAND = re.compile(rf"^{_TYPE} (?:noundef )?{_VALUE}$")
_JUMP = re.compile(rf"^br label (%{_NAME})$")
_BRANCH = re.compile(rf"^br i1 {_VALUE}, label (%{_NAME}), label (%{_NAME})$")

_BINARY_OPS = frozenset(
    ("add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "fadd", "fsub", "fmul", "fdiv")
)
_CAST_OPS = frozenset(("zext", "sext", "trunc", "sitofp", "uitofp", "fptosi", "fptoui"))
_INTRINSICS = {"llvm.umin": "umin", "llvm.umax": "umax", "llvm.smin": "smin", "llvm.smax": "smax"}
_BIT_ORDER = {"slt": "ugt", "sgt": "ult", "sle": "uge", "sge": "ule", "smin": "umax", "smax": "umin"}
"""Signed comparisons of i1, whose values are 0 and -1, in unsigned form."""
_SIGN = Constant(0x80000000, 32)
_MAGNITUDE = Constant(0x7FFFFFFF, 32)
_NOWHERE = Constant(0, 64)


def parse_kernels(
    text: str, calls: Sequence[Call], memories: Mapping[str, Memory], symbols: Iterable[str]
) -> tuple[Kernel, ...]:
    """One kernel for each of ``calls``, in order. ``symbols``: the functions a kernel may call (of slots).

    Raises:
        SynthesisError: a construct that is not supported; the message names the layer and the instruction.
    """
    functions = _functions(text)
    known = frozenset(symbols)
    kernels: list[Kernel] = []
    for call in calls:
        if call.function not in functions:
            raise SynthesisError(f"layer {call.layer!r}: the IR has no function {call.function!r}")
        header, body = functions[call.function]
        names = _ARGUMENT.findall(header)
        if len(names) != len(call.arguments):
            raise SynthesisError(
                f"layer {call.layer!r}: {call.function!r} has {len(names)} pointer arguments, "
                f"its call names {len(call.arguments)} memories"
            )
        arguments = {name: memories[memory] for name, memory in zip(names, call.arguments, strict=True)}
        kernels.append(_Reader(call.layer, arguments, known).read(body))
    return tuple(kernels)


def _functions(text: str) -> dict[str, tuple[str, list[str]]]:
    """Function → argument list, lines of its body."""
    functions: dict[str, tuple[str, list[str]]] = {}
    body: list[str] | None = None
    for line in text.splitlines():
        found = _DEFINE.match(line)
        if found is not None:
            body = []
            functions[_plain(found[1])] = (found[2], body)
        elif line.startswith("}"):
            body = None
        elif body is not None and line.strip():
            body.append(line.strip())
    return functions


def _plain(name: str) -> str:
    """An LLVM name without sigil, quotes and escapes."""
    bare = name.lstrip("%@")
    if not bare.startswith('"'):
        return bare
    return _ESCAPE.sub(
        lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 16)]), bare[1:-1].encode()
    ).decode(errors="replace")


@dataclass(frozen=True)
class _Pointer:
    """A place in a memory: ``index`` elements plus ``offset`` bytes; None is 0."""

    memory: Memory
    index: Operand | None = None
    offset: Operand | None = None


@dataclass(frozen=True)
class _Either:
    """A place in one of two memories: ``one`` where ``condition`` is 1. It can be read, by reading both."""

    condition: Operand
    one: _Place
    other: _Place


_Place: TypeAlias = "_Pointer | _Either"


class _Reader:
    """Reads the body of one function."""

    def __init__(self, layer: str, arguments: Mapping[str, Memory], symbols: frozenset[str]) -> None:
        self._layer = layer
        self._symbols = symbols
        self._memories = tuple({memory.name: memory for memory in arguments.values()}.values())
        self._pointers: dict[str, _Place] = {_plain(name): _Pointer(memory) for name, memory in arguments.items()}
        self._later: list[tuple[str, _Pointer, str]] = []
        self._bases: dict[str, str] = {}
        self._names: dict[str, Operand] = {}
        self._made: dict[str, Operation] = {}
        self._operations: list[Operation] = []
        self._line = ""
        self._result = ""
        self._readers: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
            (_COMPARE, self._compare),
            (_SELECT, self._select),
            (_CHOICE, self._choose),
            (_CAST, self._cast),
            (_UNARY, self._unary),
            (_BINARY, self._binary),
            (_GEP, self._gep),
            (_LOAD, self._load),
            (_STORE, self._store),
            (_CALL, self._call),
        )

    def read(self, body: Sequence[str]) -> Kernel:
        blocks: list[Block] = []
        self._bases = {_plain(found[1]): _plain(found[2]) for line in body if (found := _BASE.match(line))}
        name, phis, branch = "entry", list[Phi](), None
        for line in body:
            label = _LABEL.match(line)
            if label is not None:
                name, phis, branch, self._operations = _plain(label[1]), [], None, []
                continue
            if branch is not None:
                raise self._error("an instruction behind the end of its block")
            self._line = line
            found = _RESULT.match(line)
            self._result = _plain(found[1]) if found else ""
            action = _FLAGS.sub("", _SUFFIX.sub("", found[2] if found else line))
            if _FAST.match(action):
                raise self._error("fast-math flags change results; lower without them")
            phi = _PHI.match(action)
            if phi is not None:
                width = _width(phi[1])
                incoming = {_plain(b): self._operand(v, phi[1]) for v, b in _INCOMING.findall(phi[2])}
                phis.append(Phi(self._result, width, incoming, line))
                continue
            join = _JOIN.match(action)
            if join is not None:
                phis += self._joined({_plain(b): v for v, b in _INCOMING.findall(join[1])})
                continue
            branch = self._branch(action)
            if branch is not None:
                blocks.append(Block(name, tuple(phis), tuple(self._operations), branch))
            else:
                self._instruction(action)
        return self._resolved(blocks)

    def _check_later(self) -> None:
        """Say where the pointers are that phis took before they were known."""
        for name, taken, line in self._later:
            place, self._line = self._pointers.get(name), line
            if not isinstance(place, _Pointer) or place.memory != taken.memory:
                raise self._error("a pointer that moves from one memory to another in a loop")
            if place.offset is not None and taken.offset is None:
                raise self._error("a pointer that moves by bytes in a loop")
            self._names[f"{name}@index"] = place.index or _NOWHERE
            self._names[f"{name}@offset"] = place.offset or _NOWHERE

    def _resolved(self, blocks: Sequence[Block]) -> Kernel:
        """The kernel, with the operand behind every name that is only another name."""
        self._check_later()

        def operand(value: Operand) -> Operand:
            while isinstance(value, str) and value in self._names:
                value = self._names[value]
            return value

        finished: list[Block] = []
        for block in blocks:
            phis = tuple(
                Phi(p.name, p.width, {b: operand(v) for b, v in p.incoming.items()}, p.source) for p in block.phis
            )
            operations = tuple(
                Operation(o.name, o.op, tuple(operand(v) for v in o.operands), o.width, o.widths, o.source, o.detail)
                for o in block.operations
            )
            condition = block.branch.condition
            branch = Branch(
                block.branch.targets, None if condition is None else operand(condition), block.branch.source
            )
            finished.append(Block(block.name, phis, operations, branch))
        return Kernel(self._layer, tuple(finished), self._memories)

    def _error(self, problem: str) -> SynthesisError:
        return SynthesisError(f"layer {self._layer!r}: {problem}: `{self._line}`")

    def _operand(self, text: str, type_name: str) -> Operand:
        width = _width(type_name)
        if text.startswith("%"):
            return _plain(text)
        if text in ("poison", "undef", "false"):
            return Constant(0, width)
        if text == "true":
            return Constant(1, width)
        if type_name != "float":
            return Constant(int(text) & ((1 << width) - 1), width)
        value = struct.unpack(">d", bytes.fromhex(text[2:]))[0] if text.startswith("0x") else float(text)
        return Constant(int(np.float32(value).view(np.uint32)), 32)

    def _emit(
        self, op: str, operands: tuple[Operand, ...], width: int, widths: tuple[int, ...], detail: str = ""
    ) -> str:
        name = self._result or f"{op}.{len(self._made)}"
        while name in self._made:
            name += "_"
        operation = Operation(name, op, operands, width, widths, self._line, detail)
        self._made[name] = operation
        self._operations.append(operation)
        return name

    def _instruction(self, action: str) -> None:
        for pattern, reader in self._readers:
            found = pattern.match(action)
            if found is not None:
                reader(*found.groups())
                return
        raise self._error("this instruction is not supported in hardware")

    def _branch(self, action: str) -> Branch | None:
        if action == "ret void":
            return Branch((), None, self._line)
        jump = _JUMP.match(action)
        if jump is not None:
            return Branch((_plain(jump[1]),), None, self._line)
        branch = _BRANCH.match(action)
        if branch is None:
            return None
        targets = (_plain(branch[2]), _plain(branch[3]))
        condition = self._operand(branch[1], "i1")
        if isinstance(condition, Constant) or targets[0] == targets[1]:
            taken = targets[0] if condition == Constant(1, 1) else targets[1]
            return Branch((taken,), None, self._line)
        return Branch(targets, condition, self._line)

    def _binary(self, op: str, type_name: str, a: str, b: str) -> None:
        if op not in _BINARY_OPS:
            raise self._error(f"there is no operator for {op!r}")
        width = _width(type_name)
        self._emit(op, (self._operand(a, type_name), self._operand(b, type_name)), width, (width, width))

    def _compare(self, op: str, predicate: str, type_name: str, a: str, b: str) -> None:
        if predicate in ("true", "false"):
            self._names[self._result] = Constant(int(predicate == "true"), 1)
            return
        width = _width(type_name)
        operands = (self._operand(a, type_name), self._operand(b, type_name))
        order = _BIT_ORDER.get(predicate, predicate) if width == 1 else predicate
        self._emit(op, operands, 1, (width, width), order)

    def _select(self, condition: str, type_name: str, a: str, _: str, b: str) -> None:
        width = _width(type_name)
        operands = (self._operand(condition, "i1"), self._operand(a, type_name), self._operand(b, type_name))
        self._emit("select", operands, width, (1, width, width))

    def _choose(self, condition: str, a: str, b: str) -> None:
        choice, one, other = self._operand(condition, "i1"), self._place(a), self._place(b)
        if not isinstance(one, _Pointer) or not isinstance(other, _Pointer) or one.memory != other.memory:
            self._pointers[self._result] = _Either(choice, one, other)
            return
        parts = [
            None
            if first is None and second is None
            else self._emit("select", (choice, first or _NOWHERE, second or _NOWHERE), 64, (1, 64, 64))
            for first, second in ((one.index, other.index), (one.offset, other.offset))
        ]
        self._pointers[self._result] = _Pointer(one.memory, *parts)

    def _joined(self, pointers: Mapping[str, str]) -> list[Phi]:
        """Phis for a pointer that is another one behind each block: its place in every memory, and which memory.

        A pointer that comes later in the text is one into the memory that its text begins from, or is taken for one
        into the memory of the others, see :meth:`_check_later`.
        """
        incoming = {block: self._pointers.get(_plain(pointer)) for block, pointer in pointers.items()}
        known = {block: place for block, place in incoming.items() if isinstance(place, _Pointer)}
        later = {block: _plain(pointers[block]) for block, place in incoming.items() if place is None}
        if len(known) + len(later) < len(incoming) or not known:
            raise self._error("a pointer into one of two memories in a phi")
        moved = any(place.offset is not None for place in known.values())
        for block, name in later.items():
            memory = self._memory_ahead(name) or next(iter(known.values())).memory
            place = _Pointer(memory, f"{name}@index", f"{name}@offset" if moved else None)
            self._later.append((name, place, self._line))
            known[block] = place
        phis: list[Phi] = []

        def phi(width: int, values: Mapping[str, Operand]) -> str:
            phis.append(Phi(f"{self._result}@{len(phis)}", width, values, self._line))
            return phis[-1].name

        joined: _Place | None = None
        for memory in {place.memory.name: place.memory for place in known.values()}.values():
            mine = {block: place if place.memory == memory else _Pointer(memory) for block, place in known.items()}
            index = phi(64, {block: place.index or _NOWHERE for block, place in mine.items()})
            moved = any(place.offset is not None for place in mine.values())
            offset = phi(64, {block: place.offset or _NOWHERE for block, place in mine.items()}) if moved else None
            here = _Pointer(memory, index, offset)
            if joined is not None:
                chosen = phi(1, {block: Constant(int(place.memory == memory), 1) for block, place in known.items()})
                joined = _Either(chosen, here, joined)
            else:
                joined = here
        assert joined is not None
        self._pointers[self._result] = joined
        return phis

    def _memory_ahead(self, name: str) -> Memory | None:
        """The memory of a pointer that comes later in the text, if ``getelementptr`` alone leads to it."""
        while name in self._bases:
            name = self._bases[name]
        place = self._pointers.get(name)
        return place.memory if isinstance(place, _Pointer) else None

    def _cast(self, op: str, before: str, value: str, after: str) -> None:
        operand = self._operand(value, before)
        if op == "bitcast" and _width(before) == _width(after):
            self._names[self._result] = operand
        elif op in _CAST_OPS:
            self._emit(op, (operand,), _width(after), (_width(before),))
        else:
            raise self._error(f"there is no operator for {op!r}")

    def _unary(self, op: str, type_name: str, value: str) -> None:
        operand = self._operand(value, type_name)
        if op == "freeze":
            self._names[self._result] = operand
        else:
            self._emit("xor", (operand, _SIGN), 32, (32, 32))

    def _call(self, type_name: str, symbol: str, arguments: str) -> None:
        name = _plain(symbol)
        width = _width(type_name)
        texts = arguments.split(", ") if arguments else []
        pairs = [_OPERAND.match(text) for text in texts]
        operands = [(self._operand(p[2], p[1]), _width(p[1])) for p in pairs if p is not None]
        values = tuple(value for value, _ in operands)
        widths = tuple(bits for _, bits in operands)
        intrinsic = name.rpartition(".")[0]
        if len(operands) != len(texts):
            raise self._error("a call with an operand that is no number")
        if name in self._symbols:
            self._emit("call", values, width, widths, name)
        elif name == "llvm.fabs.f32":
            self._emit("and", (*values, _MAGNITUDE), 32, (32, 32))
        elif name == "llvm.copysign.f32":
            self._copysign(*values)
        elif intrinsic in _INTRINSICS:
            op = _INTRINSICS[intrinsic]
            self._emit(_BIT_ORDER.get(op, op) if width == 1 else op, values, width, widths)
        elif intrinsic == "llvm.abs" and width > 1:
            self._absolute(values[0], width)
        else:
            raise self._error(f"a call of {name!r}, which is no slot of the module")

    def _copysign(self, magnitude: Operand, sign: Operand) -> None:
        result, self._result = self._result, ""
        bits = [
            self._emit("and", (value, mask), 32, (32, 32)) for value, mask in ((magnitude, _MAGNITUDE), (sign, _SIGN))
        ]
        self._result = result
        self._emit("or", (bits[0], bits[1]), 32, (32, 32))

    def _absolute(self, value: Operand, width: int) -> None:
        """The greater of ``value`` and its negative (the least number is its own negative)."""
        result, self._result = self._result, ""
        negative = self._emit("sub", (Constant(0, width), value), width, (width, width))
        below = self._emit("icmp", (value, Constant(0, width)), 1, (width, width), "slt")
        self._result = result
        self._emit("select", (below, negative, value), width, (1, width, width))

    def _place(self, pointer: str) -> _Place:
        known = self._pointers.get(_plain(pointer))
        if known is None:
            raise self._error(f"the pointer {pointer} does not come from an argument by getelementptr alone")
        return known

    def _sum(self, a: Operand | None, b: Operand) -> Operand:
        if a is None or a == Constant(0, 64):
            return b
        if b == Constant(0, 64):
            return a
        if isinstance(a, Constant) and isinstance(b, Constant):
            return Constant((a.bits + b.bits) & ((1 << 64) - 1), 64)
        return self._emit("add", (a, b), 64, (64, 64))

    def _gep(self, element: str, base: str, index: str) -> None:
        self._pointers[self._result] = self._moved(self._place(base), element, self._operand(index, "i64"))

    def _moved(self, place: _Place, element: str, value: Operand) -> _Place:
        if isinstance(place, _Either):
            one, other = (self._moved(each, element, value) for each in (place.one, place.other))
            return _Either(place.condition, one, other)
        size, wanted = _width(element) // 8, place.memory.element_bytes
        scaled = value if size == wanted else self._divided(value, wanted) if size == 1 else None
        if scaled is not None:
            return _Pointer(place.memory, self._sum(place.index, scaled), place.offset)
        if size == 1:
            return _Pointer(place.memory, place.index, self._sum(place.offset, value))
        raise self._error(f"an address in steps of {size} bytes in memory {place.memory.name!r} of {wanted}")

    def _divided(self, value: Operand, by: int) -> Operand | None:
        """``value`` / ``by`` (a power of two) if that is known to be exact, as a new value; else None."""
        bits = by.bit_length() - 1
        if isinstance(value, Constant):
            number = signed(value.bits, 64)
            return Constant((number // by) & ((1 << 64) - 1), 64) if number % by == 0 else None
        made = self._made.get(value)
        if made is None:
            return None
        last = made.operands[-1]
        if made.op == "shl" and isinstance(last, Constant) and last.bits >= bits:
            if last.bits == bits:
                return made.operands[0]
            return self._emit("shl", (made.operands[0], Constant(last.bits - bits, 64)), 64, (64, 64))
        if made.op == "mul" and isinstance(last, Constant) and last.bits % by == 0:
            factor = Constant((signed(last.bits, 64) // by) & ((1 << 64) - 1), 64)
            return self._emit("mul", (made.operands[0], factor), 64, (64, 64))
        if made.op == "add":
            left, right = self._divided(made.operands[0], by), self._divided(last, by)
            return None if left is None or right is None else self._sum(left, right)
        return None

    def _index(self, place: _Pointer, type_name: str, align: str | None) -> Operand:
        memory = place.memory
        if _width(type_name) != memory.element_bytes * 8:
            raise self._error(f"an access of type {type_name} to memory {memory.name!r} of {memory.element}")
        index = place.index if place.index is not None else Constant(0, 64)
        if place.offset is None:
            return index
        if align is None or int(align) < memory.element_bytes:
            raise self._error(f"an unaligned access to memory {memory.name!r}")
        shift = Constant(memory.element_bytes.bit_length() - 1, 64)
        result, self._result = self._result, ""
        whole = self._sum(index, self._emit("ashr", (place.offset, shift), 64, (64, 64)))
        self._result = result
        return whole

    def _load(self, type_name: str, pointer: str, align: str | None) -> None:
        self._read(self._place(pointer), type_name, align)

    def _read(self, place: _Place, type_name: str, align: str | None) -> Operand:
        width = _width(type_name)
        if isinstance(place, _Pointer):
            return self._emit("load", (self._index(place, type_name, align),), width, (64,), place.memory.name)
        result, self._result = self._result, ""
        both = tuple(self._read(each, type_name, align) for each in (place.one, place.other))
        self._result = result
        return self._emit("select", (place.condition, *both), width, (1, width, width))

    def _store(self, type_name: str, value: str, pointer: str, align: str | None) -> None:
        place = self._place(pointer)
        if isinstance(place, _Either):
            raise self._error("a store to one of two memories")
        index = self._index(place, type_name, align)
        width = _width(type_name)
        self._emit("store", (index, self._operand(value, type_name)), 0, (64, width), place.memory.name)


def _width(type_name: str) -> int:
    return 32 if type_name == "float" else int(type_name[1:])
