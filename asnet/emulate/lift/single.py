"""Operations one by one as words: a compiled function, and the form that calls it through a slot's row."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from llvmlite import ir

from asnet.cache import Cache
from asnet.emulate.forms import attributes, llvm_type
from asnet.emulate.kernels import KernelCode, Target, host_target
from asnet.emulate.lift.kernel import LiftedUnit, number_of, word_of
from asnet.emulate.lift.lifting import Lifting
from asnet.ir import Slot
from asnet.ir.attributes import written_attributes
from asnet.ir.emission import F32, I32, I64, POINTER
from asnet.ir.kernel import Kernel, load_kernel
from asnet.types import AnyArray, Array, FloatMode, operand_type
from asnet.units import UnitInstance

__all__ = ["LiftedCall", "WordCalls"]

_MANY = "many"


class LiftedCall:
    """A unit as a function ``T kernel(T a, T b)``, T float or i32, and element by element on arrays."""

    def __init__(self, unit: LiftedUnit, cache: Cache, target: Target | None = None) -> None:
        """Compile (or fetch) it."""
        self._unit = unit
        self._target = target or host_target()
        self.text = _text(unit, self._target)
        self._kernel = load_kernel(self.text, cache, machine=self._target.machine)
        self._cache = cache

    @property
    def address(self) -> int:
        """Of the function; it is good as long as this object lives."""
        return self._kernel.address

    @cached_property
    def _loop(self) -> Kernel:
        return load_kernel(self.text, self._cache, name=_MANY, machine=self._target.machine)

    def __call__(self, a: Array, b: Array) -> AnyArray:
        """The function of each element of ``a`` and ``b``, which are broadcast; float32 or int32."""
        kinds = [np.float32 if side.is_float else np.int32 for side in (self._unit.operand, self._unit.result)]
        left, right = (np.ascontiguousarray(side, kinds[0]) for side in np.broadcast_arrays(a, b))
        result = np.empty(left.shape, kinds[1])
        _PROTOTYPE(self._loop.address)(*(side.ctypes.data for side in (left, right, result)), result.size)
        return result


_PROTOTYPE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)


def _text(unit: LiftedUnit, target: Target) -> str:
    """LLVM IR of ``T kernel(T a, T b)``, and of ``void many(ptr a, ptr b, ptr y, i64 count)``, which calls it."""
    element: ir.Type = F32 if unit.operand.is_float else I32
    total: ir.Type = F32 if unit.result.is_float else I32
    module = ir.Module()
    single = ir.Function(module, ir.FunctionType(total, [element, element]), "kernel")
    single.attributes = written_attributes(["nounwind", "noinline", *target.attributes])
    code = KernelCode(single, target)
    a, b = (word_of(code, argument, unit.operand) for argument in single.args)
    value = Lifting(code, unit.design, a, b, 1).result()
    code.ir.ret(number_of(code, value, unit.result, total))
    many = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * 3 + [I64]), _MANY)
    many.attributes = written_attributes(["nounwind", *target.attributes])
    code = KernelCode(many, target)
    left, right, end, count = many.args
    with code.loop(0, count) as place:
        operands = [code.ir.load(code.place(side, place.index, element), typ=element) for side in (left, right)]
        code.ir.store(code.ir.call(single, operands), code.place(end, place.index, total))
    code.ir.ret_void()
    return str(module)


class WordCalls:
    """Calls a unit's words for operations that are no sums of products; a slot's row is the address of the function.

    ``calls``: the certified function of an instance, None for those that have none. To make one takes about a second,
    so that slots of few operations stay golden.
    """

    kind = "words"
    table = "asnet.words"
    columns = 1
    symbols: Mapping[str, int] = {}

    def __init__(
        self, calls: Callable[[UnitInstance], LiftedCall | None], mode: FloatMode, least: int = 10_000
    ) -> None:
        """``least``: operations per image of the slots that are served."""
        self._calls = calls
        self._mode = mode
        self._least = least

    def serves(self, slot: Slot, instance: UnitInstance | None) -> bool:
        """Slots of many operations, for units that have words."""
        if instance is None or slot.count < self._least or slot.products is not None or slot.lanes:
            return False
        return (instance.op, instance.type.name) == (slot.op, slot.type) and self._calls(instance) is not None

    def row(self, slot: Slot, instance: UnitInstance | None) -> tuple[int, ...]:
        """Where the function is."""
        call = None if instance is None else self._calls(instance)
        assert call is not None, "asked for a unit that the form does not serve"
        return (call.address,)

    def declarations(self) -> str:
        """Nothing."""
        return ""

    def definition(self, name: str, op: str, type: str, lanes: int = 1, part: str = "whole") -> str:  # noqa: A002
        """Load the function's address, call it."""
        assert (lanes, part) == (1, "whole"), "lanes are not served"
        kind, extra = llvm_type(type), attributes(self._mode, operand_type(type))
        return "\n".join(
            [
                f'define {kind} @"{name}"({kind} %a, {kind} %b, i64 %row) {extra} {{',
                f"  %place = getelementptr inbounds [1 x i64], ptr @{self.table}, i64 %row, i64 0",
                "  %code = load ptr, ptr %place",
                f"  %y = call {kind} %code({kind} %a, {kind} %b) nounwind willreturn memory(none)",
                f"  ret {kind} %y",
                "}",
            ]
        )
