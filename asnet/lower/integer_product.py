"""What integer products have in common: operands, parameters, the sum of products, requantisation.

Every product of raw n-bit operands is a ``mul`` site; zero points are expanded into sums beside it (see
:mod:`asnet.network.quantisation`). What is constant of those sums is what the accumulator starts with. The integer
arithmetic of zero points and the float32 arithmetic of scales are no sites: a unit never stands for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from llvmlite import ir

from asnet.host import float_environment, flush_subnormals
from asnet.ir.module import Memory
from asnet.lower.arithmetic import F32, I32
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.contraction import Contraction
from asnet.lower.index import Index, broadcast
from asnet.lower.products import Operand, PanelProducts
from asnet.lower.quantised import narrow, saturate, widen
from asnet.network.quantisation import (
    OPERANDS,
    UnitOperands,
    accumulator,
    layer_unit,
    output_range,
)
from asnet.types import ELEMENT_TYPES, AnyArray, Array, FloatMode

__all__ = ["IntegerProduct", "IntegerSums"]

_OPERANDS = ("int8", "uint8", "int16", "uint16")
Shape = Callable[[tuple[int, ...]], tuple[int, ...]]


@dataclass(frozen=True)
class Parameter:
    """A number per output position. ``array``: its value, if that is constant; ``memory``: where it is, if not in the
    code. Both broadcast to the output. ``shift`` is subtracted from what ``memory`` holds.
    """

    array: AnyArray | None
    memory: Memory | None
    shift: int = 0

    @property
    def is_zero(self) -> bool:
        """Whether it is known to be 0 everywhere."""
        return self.array is not None and not self.array.any()

    def emit(self, b: LayerBuilder, position: Sequence[Index]) -> ir.Value:
        """The number at output ``position``: float, an integer as i32, an int64 as i64."""
        if self.memory is None:
            assert self.array is not None
            return b.constant(self.array.item(), self.array.dtype.name)
        value = b.load(self.memory, broadcast(position, self.memory.shape))
        if self.memory.dtype in ("float32", "int64"):
            return value
        value = widen(b, value, self.memory.dtype)
        return b.ir.sub(value, I32(self.shift)) if self.shift else value


class IntegerProduct:
    """The integer product of a layer: its operands' units and parameters, and what they add to the sum of products."""

    def __init__(
        self, context: LayerContext, a_shape: Shape, b_shape: Shape, y_shape: Shape, *, padded: bool = False
    ) -> None:
        """The functions give the shape in which a parameter of a, b or y broadcasts to the output. ``padded``: operand
        a is padded with its zero point."""
        where = OPERANDS[context.layer.op_type]
        self._context = context
        self.a, self.b = context.input(where.a, _OPERANDS), context.input(where.b, _OPERANDS)
        self.unit: UnitOperands = layer_unit(context.layer, context.network, padded)
        self.total = accumulator(self.a.dtype, self.b.dtype)
        self.padding = _zero_point(context, where.a_zero, a_shape, self.a.dtype, 0)
        self.a_zero = _zero_point(context, where.a_zero, a_shape, self.a.dtype, self.unit.a_shift)
        self.b_zero = _zero_point(context, where.b_zero, b_shape, self.b.dtype, self.unit.b_shift)
        has_bias = where.bias >= 0 and context.has_input(where.bias)
        self._bias = (
            _parameter(context, where.bias, b_shape, ("int32",)) if has_bias else _known(context, "", np.int32(0))
        )
        self.start = self._bias
        self._expands_b = not self.a_zero.is_zero
        self.y = context.output()
        self.requantises = where.y_scale >= 0
        if self.requantises and self.y.dtype not in _OPERANDS:
            raise context.unsupported(f"an output of type {self.y.dtype} (supported types: {', '.join(_OPERANDS)})")
        if self.requantises:
            self.scales = self._scales(
                _parameter(context, where.a_scale, a_shape, ("float32",)),
                _parameter(context, where.b_scale, b_shape, ("float32",)),
                _parameter(context, where.y_scale, y_shape, ("float32",)),
            )
            self.y_zero = _zero_point(context, where.y_zero, y_shape, self.y.dtype, 0)

    def fold(self, weights: Array | None, axes: tuple[int, ...], shape: Shape) -> None:
        """Let the accumulator start with ``bias - a_zero·Σb + N·a_zero·b_zero``, if all of that is constant.

        ``weights``: the constant b, summed over ``axes``; ``shape``: the sums' shape as it broadcasts to the output.
        """
        a_zero, b_zero, bias = self.a_zero.array, self.b_zero.array, self._bias.array
        if weights is None or a_zero is None or a_zero.size != 1 or b_zero is None or bias is None:
            return
        shifted = weights.astype(np.int64) - self.unit.b_shift
        count = int(np.prod([shifted.shape[axis] for axis in axes], dtype=np.int64))
        sums = shifted.sum(axis=axes)
        zero = int(a_zero.item())
        start = bias.astype(np.int64) - zero * sums.reshape(shape(sums.shape)) + count * zero * b_zero.astype(np.int64)
        self.start = _known(self._context, "start", start.astype(self.total))
        self._expands_b = False

    def _scales(self, a: Parameter, b: Parameter, y: Parameter) -> list[Parameter]:
        """The one factor ``a·b / y`` if it is constant, else the three."""
        if a.array is None or b.array is None or y.array is None:
            return [a, b, y]
        with float_environment(self._context.mode), np.errstate(all="ignore"):
            combined = np.divide(np.multiply(a.array, b.array), y.array)
        return [_known(self._context, "scale", combined)]

    def memories(self) -> list[Memory | None]:
        """What the layer's function reads."""
        parameters = [self.padding, self.a_zero, self.b_zero, self.start]
        if self.requantises:
            parameters += [*self.scales, self.y_zero]
        return [self.a, self.b, *(parameter.memory for parameter in parameters)]

    def emit(
        self,
        b: LayerBuilder,
        position: Sequence[Index],
        extents: Sequence[int],
        names: Sequence[str],
        operands: Callable[[tuple[Index, ...]], tuple[ir.Value, ir.Value]],
    ) -> None:
        """Sum the products of ``operands`` over ``extents``, loops with ``names``; store the result at ``position``."""
        sums_a, sums_b = self.sums
        initial = [self.initial(b, position), *[self._type(0)] * (sums_a + sums_b)]
        with b.reduction(extents, *initial, names=names) as state:
            left, right = operands(state.index)
            left = _raw(b, left, self.a.dtype, self.unit.a_shift, self.unit.type)
            right = _raw(b, right, self.b.dtype, self.unit.b_shift, self.unit.type)
            total, *sums = state.values
            product = self._wide(b, b.site("mul", left, right, self.unit.type), signed=self.unit.type[0] == "i")
            added = [*([left] if sums_a else []), *([right] if sums_b else [])]
            state.values = [
                b.site("add", total, product, str(self._type)),
                *(b.ir.add(before, self._wide(b, value)) for before, value in zip(sums, added, strict=True)),
            ]
        total, *sums = state.values
        sum_a, sum_b = sums[0] if sums_a else None, sums[-1] if sums_b else None
        count = int(np.prod(extents, dtype=np.int64))
        b.store(self.y, position, self.finished(b, total, sum_a, sum_b, count, position))

    @property
    def sums(self) -> tuple[bool, bool]:
        """Whether :meth:`finished` needs the sum of operands a, that of operands b."""
        return not self.b_zero.is_zero, self._expands_b

    def initial(self, b: LayerBuilder, position: Sequence[Index]) -> ir.Value:
        """What the sum of products starts with."""
        return self._wide(b, self.start.emit(b, position))

    def finished(
        self,
        b: LayerBuilder,
        total: ir.Value,
        sum_a: ir.Value | None,
        sum_b: ir.Value | None,
        count: int,
        position: Sequence[Index],
    ) -> ir.Value:
        """The output at ``position`` from a sum of ``count`` products, and the sums of their operands as needed."""
        if sum_b is not None:
            zero = self._wide(b, self.a_zero.emit(b, position))
            total = b.ir.sub(total, b.ir.mul(zero, sum_b))
        if sum_a is not None:
            weight_zero = self._wide(b, self.b_zero.emit(b, position))
            total = b.ir.sub(total, b.ir.mul(weight_zero, sum_a))
            if sum_b is not None:
                zero = self._wide(b, self.a_zero.emit(b, position))
                total = b.ir.add(total, b.ir.mul(self._type(count), b.ir.mul(zero, weight_zero)))
        return self._requantised(b, total, position) if self.requantises else total

    def panels(self, c: Contraction, weights: Array | None, *, varies: bool) -> PanelProducts | None:
        """The product in panels, where the host runs it so: ``c`` with constant b ``weights``.

        ``varies``: parameters differ along the columns.
        """
        tiling = self._context.tiling
        if tiling is None or tiling.products is None:
            return None
        known = self._context.network.constants.get(self.a.name) if c.a.name == self.a.name else None
        a = Operand(c.a, self.unit.type, self.unit.a_shift, known)
        b = Operand(c.b, self.unit.type, self.unit.b_shift, weights)
        return PanelProducts.of(self._context, c, a, b, self.total, varies=varies)

    @property
    def _type(self) -> ir.IntType:
        return ir.IntType(ELEMENT_TYPES[self.total].bits)

    def _wide(self, b: LayerBuilder, value: ir.Value, *, signed: bool = True) -> ir.Value:
        """An i32 as the accumulator's type."""
        if value.type == self._type:
            return value
        if isinstance(value, ir.Constant):
            return self._type(int(value.constant))
        return (b.ir.sext if signed else b.ir.zext)(value, self._type)

    def _requantised(self, b: LayerBuilder, total: ir.Value, position: Sequence[Index]) -> ir.Value:
        scale, *others = (parameter.emit(b, position) for parameter in self.scales)
        if others:
            scale = b.ir.fdiv(b.ir.fmul(scale, others[0]), others[1])
        value = b.ir.fmul(b.ir.sitofp(total, F32), scale)
        limits = output_range(self._context.layer, self.y.dtype)
        return saturate(b, value, self.y_zero.emit(b, position), self.y.dtype, limits)


@dataclass(frozen=True)
class IntegerSums:
    """How ``product`` starts and finishes sums of ``count`` products that a kernel computes.

    ``position``: the output position of an index of the contraction's space axes.
    """

    product: IntegerProduct
    count: int
    position: Callable[[Sequence[Index]], Sequence[Index]]

    @property
    def sums(self) -> tuple[bool, bool]:
        """Which sums of operands are needed."""
        return self.product.sums

    def start(self, b: LayerBuilder, index: Sequence[Index]) -> ir.Value:
        """The bias, with what is constant of the zero points."""
        return self.product.initial(b, self.position(index))

    def result(
        self, b: LayerBuilder, total: ir.Value, sums: tuple[ir.Value | None, ir.Value | None], index: Sequence[Index]
    ) -> ir.Value:
        """The output."""
        return self.product.finished(b, total, *sums, self.count, self.position(index))


def _raw(b: LayerBuilder, x: ir.Value, dtype: str, shift: int, unit: str) -> ir.Value:
    """An operand less ``shift`` as a unit of type ``unit`` sees it: extended to i32.

    Half the range of its type less, an unsigned number is its top bit turned, signed.
    """
    top = 1 << (ELEMENT_TYPES[dtype].bits - 1)
    if shift == top:
        return b.ir.sext(b.ir.xor(x, ir.Constant(x.type, -top)), I32)
    value = b.ir.sub(widen(b, x, dtype), I32(shift)) if shift else widen(b, x, dtype)
    return narrow(b, value, dtype, unit)


def _known(context: LayerContext, suffix: str, array: AnyArray | np.generic, shift: int = 0) -> Parameter:
    values = np.asarray(array)
    return Parameter(values, context.constant(suffix, values) if _in_memory(context, values) else None, shift)


def _in_memory(context: LayerContext, values: AnyArray) -> bool:
    """Whether the code reads the numbers: also one, where layers that differ in nothing else shall be compiled once."""
    shares = context.tiling is not None and context.tiling.products is not None
    return values.size != 1 or (shares and bool(values.any()))


def _parameter(context: LayerContext, position: int, shape: Shape, types: Sequence[str]) -> Parameter:
    memory = context.input(position, types)
    view = shape(memory.shape)
    constant = context.network.constants.get(context.layer.inputs[position])
    if constant is None:
        return Parameter(None, replace(memory, shape=view))
    values = constant.reshape(view)
    if values.dtype == np.float32 and context.mode is FloatMode.FTZ:
        values = flush_subnormals(values)
    return Parameter(values, replace(memory, shape=view) if _in_memory(context, values) else None)


def _zero_point(context: LayerContext, position: int, shape: Shape, dtype: str, shift: int) -> Parameter:
    """The zero point at input ``position``, of type ``dtype``, less ``shift``; 0 less ``shift`` if there is none."""
    if not context.has_input(position):
        return Parameter(np.array(-shift, np.int32), None)
    found = _parameter(context, position, shape, (dtype,))
    array = None if found.array is None else found.array.astype(np.int32) - np.int32(shift)
    return Parameter(array, found.memory, shift)
