"""Emitting code for the host: loops with computed bounds, vectors of floats, kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence

from llvmlite import ir

from asnet.ir.attributes import kernel_attributes, pointer_attributes
from asnet.ir.emission import F32, I1, I32, I64, POINTER, Emitter, Steps, poison, vector
from asnet.ir.module import SITE_METADATA
from asnet.ir.tiling import Tiling
from asnet.types import FloatMode

__all__ = ["POINTER", "Code", "KernelCode", "Kernels", "Nest", "Owner", "Steps", "nest", "poison", "vector"]

Owner = tuple[str, str, int]
"""Name and op_type of the layer that a kernel's sites belong to, and how often the layer multiplies per image."""


class Code(Emitter):
    """Instructions at the end of a function, for ``tiling``."""

    def __init__(self, builder: ir.IRBuilder, tiling: Tiling) -> None:
        super().__init__(builder)
        self.tiling = tiling
        self.vector = vector(tiling.lanes)

    # --- memory -----------------------------------------------------------------------------------------------------

    def at(self, pointer: ir.Value, offset: int | ir.Value) -> ir.Value:
        """The address ``offset`` floats behind ``pointer``."""
        return self.place(pointer, offset, F32)

    def splat(self, value: ir.Value, kind: ir.VectorType | None = None) -> ir.Value:
        """``value`` in every lane."""
        return super().splat(value, kind or self.vector)

    def broadcast(self, pointer: ir.Value) -> ir.Value:
        """The float at ``pointer`` in every lane."""
        return self.splat(self.ir.load(pointer, typ=F32))

    def mask(self, count: ir.Value, lanes: int) -> ir.Value:
        """True in the first ``count`` (i64) of ``lanes`` lanes."""
        kind = vector(lanes, I32)
        numbers = ir.Constant(kind, [I32(lane) for lane in range(lanes)])
        return self.ir.icmp_signed("<", numbers, self.splat(self.ir.trunc(count, I32), kind))

    def load(
        self,
        pointer: ir.Value,
        mask: ir.Value | None = None,
        lanes: int | None = None,
        otherwise: ir.Value | None = None,
    ) -> ir.Value:
        """A vector from ``pointer``; only the lanes of ``mask`` are touched, the others have those of ``otherwise``."""
        kind = vector(lanes or self.tiling.lanes)
        if mask is None:
            return self.ir.load(pointer, typ=kind, align=4)
        return self.ir.call(
            self._intrinsic("load", kind, kind, (POINTER, mask.type, kind)), [pointer, mask, otherwise or poison(kind)]
        )

    def store(self, value: ir.Value, pointer: ir.Value, mask: ir.Value | None = None) -> None:
        """Write a vector to ``pointer``; only the lanes of ``mask`` are touched."""
        if mask is None:
            self.ir.store(value, pointer, align=4)
            return
        signature = (value.type, POINTER, mask.type)
        self.ir.call(self._intrinsic("store", value.type, ir.VoidType(), signature), [value, pointer, mask])

    def prefetch(self, pointer: ir.Value, *, write: bool = False) -> None:
        """Have the cache line at ``pointer``, which may be any address, soon in the second cache, or, to be written, in
        the first: lines that are read come in streams, which push each other out of a small cache.
        """
        function = self.declared("llvm.prefetch.p0", ir.VoidType(), (POINTER, I32, I32, I32))
        self.ir.call(function, [pointer, I32(int(write)), I32(3 if write else 2), I32(1)])

    def _intrinsic(self, what: str, kind: ir.Type, result: ir.Type, arguments: Sequence[ir.Type]) -> ir.Function:
        assert isinstance(kind, ir.VectorType)
        return self.declared(f"llvm.masked.{what}.v{kind.count}f32.p0", result, arguments)


class Kernels:
    """The kernels that a layer calls, functions of its module. Layers share them, unless ``tiling.sites``."""

    def __init__(self, llvm: ir.Module, mode: FloatMode, tiling: Tiling, owner: Owner) -> None:
        self.tiling = tiling
        self._llvm = llvm
        self._mode = mode
        self._owner = owner
        self._counted: set[str] = set()

    def known(self, key: str) -> ir.Function | None:
        """The kernel ``key`` if it is there."""
        found = self._llvm.globals.get(self._name(key))
        return found if isinstance(found, ir.Function) else None

    @contextlib.contextmanager
    def define(self, key: str, pointers: Sequence[str], numbers: Sequence[str]) -> Generator[KernelCode]:
        """A new kernel ``key``, open for emission in the block; the last of ``pointers`` is written."""
        kinds = [POINTER] * len(pointers) + [I64] * len(numbers)
        function = ir.Function(self._llvm, ir.FunctionType(ir.VoidType(), kinds), self._name(key))
        function.linkage = "internal"
        function.attributes = kernel_attributes(self._mode)
        for argument, name in zip(function.args, (*pointers, *numbers), strict=True):
            argument.name = name
            if name in pointers:
                argument.attributes = pointer_attributes(readonly=name != pointers[-1], align=4)
        code = KernelCode(function, self)
        yield code
        code.ir.ret_void()

    def mark(self, instruction: ir.Instruction, part: str = "") -> None:
        """Make ``instruction`` a site of the layer; the first of each op counts for all that the layer executes.

        ``part``: what stands behind the operand type (:data:`asnet.ir.module.SITE_METADATA`).
        """
        if self.tiling.sites:
            layer, op_type, count = self._owner
            counted = I64(0 if instruction.opname in {*self._counted, "select"} else count)
            self._counted.add(instruction.opname)
            node = self._llvm.add_metadata([layer, op_type, f"f32{part}", counted])
            instruction.set_metadata(SITE_METADATA, node)

    def _name(self, key: str) -> str:
        return f"kernel.{key}.{self._owner[0]}" if self.tiling.sites else f"kernel.{key}"


class KernelCode(Code):
    """The body of a kernel; ``arguments`` by name."""

    def __init__(self, function: ir.Function, kernels: Kernels) -> None:
        super().__init__(ir.IRBuilder(function.append_basic_block("entry")), kernels.tiling)
        self.arguments: dict[str, ir.Value] = {argument.name: argument for argument in function.args}
        self.function = function
        self._kernels = kernels

    def multiply(self, a: ir.Value, b: ir.Value, *, ready: bool = False) -> ir.Value:
        """``a·b`` lane by lane; ``ready`` if both went through :meth:`ready`."""
        product = self.ir.fmul(a, b)
        self._kernels.mark(product, ":ready" if ready else "")
        return product

    def ready(self, operand: ir.Value, which: str) -> ir.Value:
        """Operand ``a`` or ``b`` of products, on its way into a panel; "" is no operand."""
        if not self.tiling.sites or not which:
            return operand
        result = self.ir.select(I1(1), operand, operand)
        self._kernels.mark(result, f":{which}:fmul")
        return result

    def accumulate(self, total: ir.Value, product: ir.Value) -> ir.Value:
        """``total + product`` lane by lane."""
        total = self.ir.fadd(total, product)
        self._kernels.mark(total)
        return total


class Nest:
    """The innermost iteration of a nest: how far each operand has moved, and the values that are carried."""

    def __init__(self, offsets: Mapping[str, ir.Value], values: Sequence[ir.Value]) -> None:
        self.offsets = dict(offsets)
        self.values = list(values)


@contextlib.contextmanager
def nest(
    code: KernelCode,
    axes: int,
    steps: Mapping[str, str],
    *carried: ir.Value,
    axis: int = 0,
    offsets: Mapping[str, ir.Value] | None = None,
) -> Generator[Nest]:
    """Loops of ``extent0``, ``extent1`` … iterations, from ``axis`` to below ``axes``.

    ``steps``: operand → name of the arguments that, with the number of the axis behind it, are the operand's distance
    between iterations. ``.values`` are the results after the block.
    """
    here = dict(offsets or {operand: I64(0) for operand in steps})
    if axis == axes:
        yield Nest(here, carried)
        return
    with code.loop(0, code.arguments[f"extent{axis}"], 1, *carried) as loop:
        for operand, name in steps.items():
            here[operand] = code.add(here[operand], code.times(loop.index, code.arguments[f"{name}{axis}"]))
        with nest(code, axes, steps, *loop.values, axis=axis + 1, offsets=here) as state:
            yield state
        loop.values = state.values
    state.values = loop.values
