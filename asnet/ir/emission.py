"""Emitting instructions: loops with computed bounds, sums of indices, vectors, declarations."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from functools import cache

from llvmlite import ir

__all__ = ["F32", "I1", "I8", "I16", "I32", "I64", "POINTER", "Emitter", "Steps", "poison", "vector"]

F32 = ir.FloatType()
I1 = ir.IntType(1)
I8 = ir.IntType(8)
I16 = ir.IntType(16)
I32 = ir.IntType(32)
I64 = ir.IntType(64)
POINTER = ir.PointerType()


def vector(lanes: int, element: ir.Type = F32) -> ir.VectorType:
    """The LLVM type of ``lanes`` elements."""
    return ir.VectorType(element, lanes)


def poison(kind: ir.Type) -> ir.Constant:
    """A value that nothing looks at."""
    return ir.Constant(kind, ir.Undefined)


_REGISTERS = 32
_KEPT = _REGISTERS - 7
"""Sums that leave registers for a vector of scalars, a product and some vectors of columns."""


class Steps:
    """A loop at work: its counter, and the values it carries, which the block replaces by their successors."""

    def __init__(self, index: ir.Value, values: Sequence[ir.Value]) -> None:
        self.index = index
        self.values = list(values)
        self.step: int | ir.Value = 1


class Emitter:
    """Instructions at the end of a function."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.ir = builder

    # --- control ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def until(self, start: int | ir.Value, stop: int | ir.Value, *carried: ir.Value) -> Generator[Steps]:
        """Iterations from ``start``, each ``.step`` further, below ``stop``; afterwards ``.values`` are the results.

        The block may set ``.step`` and ``.values`` for the next iteration.
        """
        builder, before = self.ir, self.ir.block
        head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        counter = builder.phi(I64)
        counter.add_incoming(_index(start), before)
        phis = [builder.phi(value.type) for value in carried]
        for phi, value in zip(phis, carried, strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", counter, _index(stop)), body, after)
        builder.position_at_end(body)
        state = Steps(counter, phis)
        yield state
        counter.add_incoming(builder.add(counter, _index(state.step), flags=("nsw",)), builder.block)
        for phi, value in zip(phis, state.values, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        state.values[:] = phis

    @contextlib.contextmanager
    def loop(
        self, start: int | ir.Value, stop: int | ir.Value, step: int | ir.Value = 1, *carried: ir.Value
    ) -> Generator[Steps]:
        """Iterations ``start``, ``start + step`` … below ``stop``; ``.values`` are the results after the block."""
        with self.until(start, stop, *carried) as state:
            state.step = step
            yield state

    @contextlib.contextmanager
    def when(self, condition: ir.Value) -> Generator[None]:
        """Run the block only where ``condition`` (i1) holds."""
        then, after = (self.ir.append_basic_block(name) for name in ("then", "after"))
        self.ir.cbranch(condition, then, after)
        self.ir.position_at_end(then)
        yield
        self.ir.branch(after)
        self.ir.position_at_end(after)

    # --- integers ---------------------------------------------------------------------------------------------------

    def add(self, *terms: int | ir.Value) -> ir.Value:
        """The sum of i64 values."""
        known = sum(term for term in terms if isinstance(term, int))
        total: ir.Value | None = None
        for term in terms:
            if not isinstance(term, int):
                total = term if total is None else self.ir.add(total, term)
        if total is None:
            return I64(known)
        return self.ir.add(total, I64(known)) if known else total

    def times(self, value: ir.Value, factor: int | ir.Value) -> ir.Value:
        """The product of i64 values."""
        return value if factor == 1 else self.ir.mul(value, _index(factor))

    def least(self, a: ir.Value, b: int | ir.Value) -> ir.Value:
        """The smaller of two i64 values."""
        other = _index(b)
        return self.ir.select(self.ir.icmp_signed("<", a, other), a, other)

    # --- memory and vectors -----------------------------------------------------------------------------------------

    def place(self, pointer: ir.Value, offset: int | ir.Value, element: ir.Type) -> ir.Value:
        """The address ``offset`` elements behind ``pointer``."""
        return self.ir.gep(pointer, [_index(offset)], source_etype=element)

    def splat(self, value: ir.Value, kind: ir.VectorType) -> ir.Value:
        """``value`` in every lane."""
        first = self.ir.insert_element(poison(kind), value, I32(0))
        return self.ir.shuffle_vector(first, poison(kind), _lanes((0,) * kind.count))

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: Sequence[int]) -> ir.Value:
        """``lanes`` of a and b in a row."""
        return self.ir.shuffle_vector(a, b, _lanes(tuple(lanes)))

    def kept(self, sums: Sequence[ir.Value], registers: str) -> list[ir.Value]:
        """``sums`` in the last of x86's 32 vector registers (``ymm`` …), if they leave room for others.

        Instructions that name only the first 16 are shorter; most of a loop's name operands and products.
        """
        count = len(sums)
        if not registers or count > _KEPT:
            return list(sums)
        together = ir.LiteralStructType([value.type for value in sums])
        places = [f"={{{registers}{_REGISTERS - 1 - number}}}" for number in range(count)]
        constraints = ",".join([*places, *map(str, range(count))])
        kind = ir.FunctionType(together, [value.type for value in sums])
        same = self.ir.asm(kind, "", constraints, sums, side_effect=False)
        return [self.ir.extract_value(same, number) for number in range(count)]

    def declared(self, name: str, result: ir.Type, arguments: Sequence[ir.Type]) -> ir.Function:
        """The function ``name`` of the module, declared if it is not there."""
        known = self.ir.module.globals.get(name)
        return (
            known
            if isinstance(known, ir.Function)
            else ir.Function(self.ir.module, ir.FunctionType(result, arguments), name)
        )


@cache
def _lanes(numbers: tuple[int, ...]) -> ir.Constant:
    """A vector of numbers of lanes; one object for all of its uses, which keeps its text."""
    return ir.Constant(vector(len(numbers), I32), [I32(number) for number in numbers])


def _index(value: int | ir.Value) -> ir.Value:
    return I64(value) if isinstance(value, int) else value
