"""Writing the text of kernels: a module of functions for a target, loads, stores, working memory, lanes."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence

from llvmlite import ir

from asnet.emulate.kernels.target import Target
from asnet.ir.attributes import pointer_attributes, written_attributes
from asnet.ir.emission import I64, POINTER, Emitter, vector
from asnet.ir.products import ARGUMENTS

__all__ = ["KernelCode", "KernelText"]

_TYPES: Mapping[str, ir.Type] = {"ptr": POINTER, "i64": I64}


class KernelText:
    """LLVM IR of a kernel for ``target``, and of the functions that it calls."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._module = ir.Module()

    @contextlib.contextmanager
    def kernel(self) -> Generator[KernelCode]:
        """The kernel itself (:mod:`asnet.ir.products`), open for emission in the block; ``data`` is an argument too."""
        arguments = [*((name, _TYPES[kind]) for kind, name in ARGUMENTS), ("data", POINTER)]
        with self._function("kernel", arguments, ("y", "v", "s")) as code:
            yield code

    @contextlib.contextmanager
    def function(self, name: str, arguments: Sequence[tuple[str, ir.Type]]) -> Generator[KernelCode]:
        """A function of the kernel's own, open for emission in the block; it stays one. Its pointers do not alias."""
        pointers = [argument for argument, kind in arguments if kind is POINTER]
        with self._function(name, arguments, pointers) as code:
            code.function.linkage = "internal"
            yield code

    @contextlib.contextmanager
    def _function(
        self, name: str, arguments: Sequence[tuple[str, ir.Type]], apart: Sequence[str]
    ) -> Generator[KernelCode]:
        kinds = [kind for _, kind in arguments]
        function = ir.Function(self._module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.attributes = written_attributes(["nounwind", "noinline", '"no-builtins"', *self.target.attributes])
        for argument, (own, _) in zip(function.args, arguments, strict=True):
            argument.name = own
            if own in apart:
                argument.attributes = pointer_attributes(readonly=False, align=1)
        code = KernelCode(function, self.target)
        yield code
        code.ir.ret_void()

    def __str__(self) -> str:
        return str(self._module)


class KernelCode(Emitter):
    """The body of a function; ``arguments`` by name."""

    def __init__(self, function: ir.Function, target: Target) -> None:
        super().__init__(ir.IRBuilder(function.append_basic_block("entry")))
        self.target = target
        self.function = function
        self.arguments: dict[str, ir.Value] = {argument.name: argument for argument in function.args}

    # --- memory -----------------------------------------------------------------------------------------------------

    def load(self, pointer: ir.Value, kind: ir.Type, offset: int | ir.Value = 0, align: int = 1) -> ir.Value:
        """What is ``offset`` bytes behind ``pointer``."""
        return self.ir.load(self.behind(pointer, offset), typ=kind, align=align)

    def store(self, value: ir.Value, pointer: ir.Value, offset: int | ir.Value = 0, align: int = 1) -> None:
        """Write ``value`` to ``offset`` bytes behind ``pointer``."""
        self.ir.store(value, self.behind(pointer, offset), align=align)

    def behind(self, pointer: ir.Value, offset: int | ir.Value) -> ir.Value:
        """The address ``offset`` bytes behind ``pointer``."""
        return pointer if isinstance(offset, int) and offset == 0 else self.place(pointer, offset, ir.IntType(8))

    def number(self, pointer: ir.Value, index: int) -> ir.Value:
        """Number ``index`` of the 64-bit numbers at ``pointer``."""
        return self.load(pointer, I64, 8 * index, align=8)

    def address(self, pointer: ir.Value, index: int) -> ir.Value:
        """The same where it is an address."""
        return self.load(pointer, POINTER, 8 * index, align=8)

    def scratch(self, size: int) -> ir.Value:
        """``size`` bytes of working memory, aligned to 64, for as long as the function runs."""
        with self.ir.goto_entry_block():
            place = self.ir.alloca(ir.ArrayType(ir.IntType(8), size))
        place.align = 64
        place.type = POINTER
        return place

    # --- numbers ----------------------------------------------------------------------------------------------------

    def is_set(self, number: ir.Value) -> ir.Value:
        """Whether ``number`` (i64) is not 0."""
        return self.ir.icmp_signed("!=", number, I64(0))

    def up(self, number: ir.Value, factor: int) -> ir.Value:
        """``number`` ≥ 0 divided by ``factor``, a power of two, rounded up."""
        return self.ir.lshr(self.add(number, factor - 1), I64(factor.bit_length() - 1))

    # --- lanes ------------------------------------------------------------------------------------------------------

    def constant(self, value: int, kind: ir.VectorType) -> ir.Constant:
        """``value`` in every lane of ``kind``."""
        return ir.Constant(kind, [kind.element(value)] * kind.count)

    def unpack(self, a: ir.Value, b: ir.Value, high: int) -> ir.Value:
        """Lanes of a and b by turns, of the lower (0) or upper (1) half of every 128 bits: ``punpckl``, ``punpckh``."""
        kind = a.type
        assert isinstance(kind, ir.VectorType) and isinstance(kind.element, ir.IntType)
        part = 128 // kind.element.width
        firsts = [first + high * part // 2 + lane for first in range(0, kind.count, part) for lane in range(part // 2)]
        return self.shuffle(a, b, [lane + side for lane in firsts for side in (0, kind.count)])

    def interleave(self, rows: Sequence[ir.Value]) -> list[ir.Value]:
        """Every column of 1, 2 or 4 vectors of integers as neighbours.

        Result ``k`` of K has, in its 128 bits number ``g``, columns ``4K·g + 4k`` to ``4K·g + 4k + 3``, if K lanes
        have 32 bits.
        """
        if len(rows) == 1:
            return list(rows)
        half = len(rows) // 2
        pairs = [self.interleave(rows[:half]), self.interleave(rows[half:])]
        kind = rows[0].type
        assert isinstance(kind, ir.VectorType) and isinstance(kind.element, ir.IntType)
        wide = vector(kind.count // half, ir.IntType(kind.element.width * half))
        result: list[ir.Value] = []
        for left, right in zip(*pairs, strict=True):
            both = (left, right) if half == 1 else (self.ir.bitcast(left, wide), self.ir.bitcast(right, wide))
            result += [self.ir.bitcast(self.unpack(*both, high), kind) for high in range(2)]
        return result
