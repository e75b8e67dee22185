"""LLVM IR text → kernels. Reads what :func:`asnet.ir.optimise.for_hls` guarantees and a little more; refuses the rest.

Casts that move no bit (``bitcast``, ``freeze``) become other names of their operand; ``fneg``, ``fabs`` and
``copysign`` become bit operations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from asnet.errors import SynthesisError
from asnet.hls.kernel import Block, Branch, Constant, Kernel, Operand, Operation, Phi
from asnet.hls.parsing.pointers import Either, Place, Pointer, Pointers
from asnet.hls.parsing.text import NAME, TYPE, VALUE, plain, split_functions, width_of
from asnet.hls.parsing.writing import Writer
from asnet.ir import Call, Memory

__all__ = ["parse_kernels"]

_LABEL = re.compile(rf"^({NAME}):")
_ARGUMENT = re.compile(rf"(?:^|,)\s*ptr\b[^,%]*(%{NAME})")
_RESULT = re.compile(rf"^(%{NAME}) = (.*)$")
_FLAGS = re.compile(r"\b(?:nuw|nsw|exact|disjoint|nneg|samesign|inbounds|nusw)\s+")
_FAST = re.compile(r"^f\w+ (?:nnan|ninf|nsz|arcp|contract|afn|reassoc|fast)\b")
_SUFFIX = re.compile(r",\s*!.*$|\s+#\d+$")

_BINARY = re.compile(rf"^(\w+) {TYPE} {VALUE}, {VALUE}$")
_COMPARE = re.compile(rf"^([if]cmp) (\w+) {TYPE} {VALUE}, {VALUE}$")
_SELECT = re.compile(rf"^select i1 {VALUE}, {TYPE} {VALUE}, {TYPE} {VALUE}$")
_CHOICE = re.compile(rf"^select i1 {VALUE}, ptr (%{NAME}), ptr (%{NAME})$")
_CAST = re.compile(rf"^(\w+) {TYPE} {VALUE} to {TYPE}$")
_UNARY = re.compile(rf"^(fneg|freeze) {TYPE} {VALUE}$")
_PHI = re.compile(rf"^phi {TYPE} (\[.*\])$")
_JOIN = re.compile(r"^phi ptr (\[.*\])$")
_INCOMING = re.compile(rf"\[ {VALUE}, (%{NAME}) \]")
_GEP = re.compile(rf"^getelementptr {TYPE}, ptr (%{NAME}), i64 {VALUE}$")
_LOAD = re.compile(rf"^load {TYPE}, ptr (%{NAME})(?:, align (\d+))?$")
_STORE = re.compile(rf"^store {TYPE} {VALUE}, ptr (%{NAME})(?:, align (\d+))?$")
_CALL = re.compile(rf"^(?:(?:tail|notail|musttail) )?call (?:[a-z]+ )*?{TYPE} @({NAME})\((.*)\)$")
_OPERAND = re.compile(rf"^{TYPE} (?:noundef )?{VALUE}$")
_JUMP = re.compile(rf"^br label (%{NAME})$")
_BRANCH = re.compile(rf"^br i1 {VALUE}, label (%{NAME}), label (%{NAME})$")

_BINARY_OPS = frozenset(
    ("add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr", "fadd", "fsub", "fmul", "fdiv")
)
_CAST_OPS = frozenset(("zext", "sext", "trunc", "sitofp", "uitofp", "fptosi", "fptoui"))
_INTRINSICS = {"llvm.umin": "umin", "llvm.umax": "umax", "llvm.smin": "smin", "llvm.smax": "smax"}
_BIT_ORDER = {"slt": "ugt", "sgt": "ult", "sle": "uge", "sge": "ule", "smin": "umax", "smax": "umin"}
"""Signed comparisons of i1, whose values are 0 and -1, in unsigned form."""
_SIGN = Constant(0x80000000, 32)
_MAGNITUDE = Constant(0x7FFFFFFF, 32)


def parse_kernels(
    text: str, calls: Sequence[Call], memories: Mapping[str, Memory], symbols: Iterable[str]
) -> tuple[Kernel, ...]:
    """One kernel for each of ``calls``, in order. ``symbols``: the functions a kernel may call (of slots).

    Raises:
        SynthesisError: a construct that is not supported; the message names the layer and the instruction.
    """
    functions = split_functions(text)
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
        kernels.append(_Reader(call.layer, arguments, known, body).read())
    return tuple(kernels)


class _Reader:
    """Reads the body of one function."""

    def __init__(
        self, layer: str, arguments: Mapping[str, Memory], symbols: frozenset[str], body: Sequence[str]
    ) -> None:
        self._layer = layer
        self._symbols = symbols
        self._body = body
        self._memories = tuple({memory.name: memory for memory in arguments.values()}.values())
        self._to = Writer(layer)
        self._pointers = Pointers(self._to, arguments, body)
        self._readers: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
            (_COMPARE, self._compare),
            (_SELECT, self._select),
            (_CHOICE, self._pointers.choose),
            (_CAST, self._cast),
            (_UNARY, self._unary),
            (_BINARY, self._binary),
            (_GEP, self._pointers.gep),
            (_LOAD, self._load),
            (_STORE, self._store),
            (_CALL, self._call),
        )

    def read(self) -> Kernel:
        """The kernel."""
        blocks: list[Block] = []
        name, phis, branch = "entry", list[Phi](), None
        for line in self._body:
            label = _LABEL.match(line)
            if label is not None:
                name, phis, branch, self._to.operations = plain(label[1]), [], None, []
                continue
            if branch is not None:
                raise self._to.error("an instruction behind the end of its block")
            self._to.line = line
            found = _RESULT.match(line)
            self._to.result = plain(found[1]) if found else ""
            action = _FLAGS.sub("", _SUFFIX.sub("", found[2] if found else line))
            if _FAST.match(action):
                raise self._to.error("fast-math flags change results; lower without them")
            phi = _PHI.match(action)
            if phi is not None:
                width = width_of(phi[1])
                incoming = {plain(b): self._to.operand(v, phi[1]) for v, b in _INCOMING.findall(phi[2])}
                phis.append(Phi(self._to.result, width, incoming, line))
                continue
            join = _JOIN.match(action)
            if join is not None:
                phis += self._pointers.joined({plain(b): v for v, b in _INCOMING.findall(join[1])})
                continue
            branch = self._branch(action)
            if branch is not None:
                blocks.append(Block(name, tuple(phis), tuple(self._to.operations), branch))
            else:
                self._instruction(action)
        return self._resolved(blocks)

    def _resolved(self, blocks: Sequence[Block]) -> Kernel:
        """The kernel, with the operand behind every name that is only another name."""
        self._pointers.check_later()

        def operand(value: Operand) -> Operand:
            while isinstance(value, str) and value in self._to.names:
                value = self._to.names[value]
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

    def _instruction(self, action: str) -> None:
        for pattern, reader in self._readers:
            found = pattern.match(action)
            if found is not None:
                reader(*found.groups())
                return
        raise self._to.error("this instruction is not supported in hardware")

    def _branch(self, action: str) -> Branch | None:
        if action == "ret void":
            return Branch((), None, self._to.line)
        jump = _JUMP.match(action)
        if jump is not None:
            return Branch((plain(jump[1]),), None, self._to.line)
        branch = _BRANCH.match(action)
        if branch is None:
            return None
        targets = (plain(branch[2]), plain(branch[3]))
        condition = self._to.operand(branch[1], "i1")
        if isinstance(condition, Constant) or targets[0] == targets[1]:
            taken = targets[0] if condition == Constant(1, 1) else targets[1]
            return Branch((taken,), None, self._to.line)
        return Branch(targets, condition, self._to.line)

    def _binary(self, op: str, type_name: str, a: str, b: str) -> None:
        if op not in _BINARY_OPS:
            raise self._to.error(f"there is no operator for {op!r}")
        width = width_of(type_name)
        self._to.emit(op, (self._to.operand(a, type_name), self._to.operand(b, type_name)), width, (width, width))

    def _compare(self, op: str, predicate: str, type_name: str, a: str, b: str) -> None:
        if predicate in ("true", "false"):
            self._to.names[self._to.result] = Constant(int(predicate == "true"), 1)
            return
        width = width_of(type_name)
        operands = (self._to.operand(a, type_name), self._to.operand(b, type_name))
        order = _BIT_ORDER.get(predicate, predicate) if width == 1 else predicate
        self._to.emit(op, operands, 1, (width, width), order)

    def _select(self, condition: str, type_name: str, a: str, _: str, b: str) -> None:
        width = width_of(type_name)
        operands = (self._to.operand(condition, "i1"), self._to.operand(a, type_name), self._to.operand(b, type_name))
        self._to.emit("select", operands, width, (1, width, width))

    def _cast(self, op: str, before: str, value: str, after: str) -> None:
        operand = self._to.operand(value, before)
        if op == "bitcast" and width_of(before) == width_of(after):
            self._to.names[self._to.result] = operand
        elif op in _CAST_OPS:
            self._to.emit(op, (operand,), width_of(after), (width_of(before),))
        else:
            raise self._to.error(f"there is no operator for {op!r}")

    def _unary(self, op: str, type_name: str, value: str) -> None:
        operand = self._to.operand(value, type_name)
        if op == "freeze":
            self._to.names[self._to.result] = operand
        else:
            self._to.emit("xor", (operand, _SIGN), 32, (32, 32))

    def _call(self, type_name: str, symbol: str, arguments: str) -> None:
        name = plain(symbol)
        width = width_of(type_name)
        texts = arguments.split(", ") if arguments else []
        pairs = [_OPERAND.match(text) for text in texts]
        operands = [(self._to.operand(p[2], p[1]), width_of(p[1])) for p in pairs if p is not None]
        values = tuple(value for value, _ in operands)
        widths = tuple(bits for _, bits in operands)
        intrinsic = name.rpartition(".")[0]
        if len(operands) != len(texts):
            raise self._to.error("a call with an operand that is no number")
        if name in self._symbols:
            self._to.emit("call", values, width, widths, name)
        elif name == "llvm.fabs.f32":
            self._to.emit("and", (*values, _MAGNITUDE), 32, (32, 32))
        elif name == "llvm.copysign.f32":
            self._copysign(*values)
        elif intrinsic in _INTRINSICS:
            op = _INTRINSICS[intrinsic]
            self._to.emit(_BIT_ORDER.get(op, op) if width == 1 else op, values, width, widths)
        elif intrinsic == "llvm.abs" and width > 1:
            self._absolute(values[0], width)
        else:
            raise self._to.error(f"a call of {name!r}, which is no slot of the module")

    def _copysign(self, magnitude: Operand, sign: Operand) -> None:
        with self._to.unnamed():
            bits = [
                self._to.emit("and", (value, mask), 32, (32, 32))
                for value, mask in ((magnitude, _MAGNITUDE), (sign, _SIGN))
            ]
        self._to.emit("or", (bits[0], bits[1]), 32, (32, 32))

    def _absolute(self, value: Operand, width: int) -> None:
        """The greater of ``value`` and its negative (the least number is its own negative)."""
        with self._to.unnamed():
            negative = self._to.emit("sub", (Constant(0, width), value), width, (width, width))
            below = self._to.emit("icmp", (value, Constant(0, width)), 1, (width, width), "slt")
        self._to.emit("select", (below, negative, value), width, (1, width, width))

    def _load(self, type_name: str, pointer: str, align: str | None) -> None:
        self._read(self._pointers.at(pointer), type_name, align)

    def _read(self, place: Place, type_name: str, align: str | None) -> Operand:
        width = width_of(type_name)
        if isinstance(place, Pointer):
            return self._to.emit(
                "load", (self._pointers.index(place, type_name, align),), width, (64,), place.memory.name
            )
        with self._to.unnamed():
            both = tuple(self._read(each, type_name, align) for each in (place.one, place.other))
        return self._to.emit("select", (place.condition, *both), width, (1, width, width))

    def _store(self, type_name: str, value: str, pointer: str, align: str | None) -> None:
        place = self._pointers.at(pointer)
        if isinstance(place, Either):
            raise self._to.error("a store to one of two memories")
        index = self._pointers.index(place, type_name, align)
        width = width_of(type_name)
        self._to.emit("store", (index, self._to.operand(value, type_name)), 0, (64, width), place.memory.name)
