"""The approximate function library: unit instances as C functions in one shared object, called by their small ids."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, default_cache
from asnet.errors import UnitError, UsageError
from asnet.host import float_environment, processors
from asnet.resources import render
from asnet.tools import ToolThreads, cxx
from asnet.types import EXACT, Array, FloatMode, OperandType, operand_type
from asnet.units.compiled import C_TYPES, CXX_FLAGS, build_key, object_key, prelude, runtime, symbol, unit_object
from asnet.units.guard import check
from asnet.units.instance import UnitInstance

__all__ = ["EXACT_SIGNS", "FunctionLibrary", "Progress", "function_name"]

Progress = Callable[[int, int, str], None]
"""Called from the building thread as ``progress(done, total, name)`` after each thing compiled."""

EXACT_SIGNS: Final[Mapping[str, str]] = {
    "fmul": "*", "fdiv": "/", "fadd": "+", "fsub": "-", "mul": "*", "add": "+", "sub": "-",
}  # fmt: skip
"""Operations a library can hold, and C's sign of the exact one."""

_FLOAT: Final = operand_type("f32")
_FLOAT_OPS: Final = ("fmul", "fdiv", "fadd", "fsub")


def function_name(op: str, operand: OperandType) -> str:
    """C name of an operation's function: ``approx_fmul``, ``approx_mul_i8``."""
    return f"approx_{op}" if operand.is_float else f"approx_{op}_{operand}"


def _exact(op: str, operand: OperandType) -> str:
    """C expression of the exact operation on ``a`` and ``b``; integers are first cut to the operands' width."""
    if operand.is_float:
        return f"a {EXACT_SIGNS[op]} b"
    rest = 32 - operand.width
    cut = (
        "static_cast<int32_t>(static_cast<uint32_t>({0}) << {1}) >> {1}"
        if operand.signed
        else ("static_cast<uint32_t>({0}) << {1} >> {1}")
    )
    left, right = (f"static_cast<uint32_t>({cut.format(name, rest)})" for name in "ab")
    return f"static_cast<int32_t>({left} {EXACT_SIGNS[op]} {right})"


@dataclass(frozen=True)
class _Function:
    """One C function: its operation, and its instances in the order of their ids from 1."""

    op: str
    type: OperandType
    instances: tuple[UnitInstance, ...]

    @property
    def name(self) -> str:
        return function_name(self.op, self.type)


def _functions(instances: Sequence[UnitInstance]) -> list[_Function]:
    """The float functions, always, and one per (op, type) of ``instances``."""
    groups: dict[tuple[str, OperandType], dict[str, UnitInstance]] = {(op, _FLOAT): {} for op in _FLOAT_OPS}
    for instance in instances:
        if instance.op not in EXACT_SIGNS:
            raise UnitError(
                f"unit {instance.name}: op {instance.op!r} cannot be called in a function library; "
                f"it holds {', '.join(EXACT_SIGNS)}"
            )
        groups.setdefault((instance.op, instance.type), {}).setdefault(instance.digest, instance)
    return [_Function(op, operand, tuple(found.values())) for (op, operand), found in groups.items()]


def _source(functions: Sequence[_Function], mode: FloatMode) -> str:
    records: list[dict[str, object]] = []
    every: list[dict[str, str]] = []
    for function in functions:
        c_type = C_TYPES[function.type.is_float]
        units = [
            {"symbol": symbol(instance, mode), "name": instance.name, "c_type": c_type}
            for instance in function.instances
        ]
        records.append(
            {
                "name": function.name,
                "c_type": c_type,
                "exact": _exact(function.op, function.type),
                "units": units,
                "before": len(every),
            }
        )
        every += units
    return render("library/library.cpp.j2", mode=mode, functions=records, units=every)


def _objects(
    instances: Sequence[UnitInstance],
    mode: FloatMode,
    source: str,
    cache: Cache,
    jobs: int,
    progress: Progress | None,
) -> tuple[list[Path], int]:
    """Object files of the instances, of the functions that call them (``source``) and of the run-time library, compiled
    in parallel; number of instances compiled."""
    keys = {object_key(instance, mode): instance for instance in instances}
    missing = {key: instance for key, instance in keys.items() if not cache.has("unit-objects", key)}
    with ToolThreads(jobs) as threads:
        support = threads.submit(runtime, cache)
        header = threads.submit(prelude, cache) if missing else None
        functions = threads.submit(partial(_compiled, cache=cache), source)
        pending: dict[Future[Any], str] = {support: "Verilator's run-time library", functions: "the functions"}

        def compiled(instance: UnitInstance) -> Path:
            assert header is not None
            return unit_object(instance, mode, cache, header.result())

        for instance in missing.values():
            pending[threads.submit(compiled, instance)] = instance.name
        failures: dict[str, BaseException] = {}
        for done, future in enumerate(as_completed(pending), start=1):
            error = future.exception()
            if error is not None:
                failures[pending[future]] = error
            elif progress is not None and missing:
                progress(done, len(pending), pending[future])
        for name in pending.values():
            if name in failures:
                raise failures[name]
        found = [cache.entry("unit-objects", key) / "unit.o" for key in keys]
        return [functions.result(), *found, *support.result()], len(missing)


def _compiled(source: str, cache: Cache) -> Path:
    """The object file of a library's functions."""

    def build(folder: Path) -> None:
        (folder / "library.cpp").write_text(source, encoding="utf-8")
        cxx.find().compile([*CXX_FLAGS, "-c", "library.cpp", "-o", "library.o"], folder)

    return cache.get("library-functions", build_key(["functions", source]), build) / "library.o"


@dataclass(frozen=True, eq=False)
class FunctionLibrary:
    """A shared object with ``T approx_<op>[_<type>](T a, T b, int32_t id)`` and, for ``n`` elements,
    ``void approx_<op>[_<type>]_n(const T *a, const T *b, T *y, int64_t n, int32_t id)``.

    ``T`` is ``float``, or ``int32_t`` for integers of any width (sign- or zero-extended). id 0 is the exact operation
    on the host, in the caller's float mode; ids from 1 are the instances of that op and type in order, equal ones once,
    and an id outside is undefined behaviour. The functions may be called from any number of threads. ``compiled`` is
    the number of instances that were compiled to make it, 0 if all came from the cache.
    """

    path: Path
    mode: FloatMode
    instances: tuple[UnitInstance, ...]
    compiled: int
    symbols: Mapping[str, int]
    """Address of every function, by its C name."""
    handle: ctypes.CDLL = field(repr=False)

    @classmethod
    def build(
        cls,
        instances: Sequence[UnitInstance],
        mode: FloatMode,
        *,
        cache: Cache | None = None,
        jobs: int | None = None,
        progress: Progress | None = None,
        trust_verilog: bool = False,
    ) -> FunctionLibrary:
        """Compile what the cache lacks, link and load.

        Raises:
            UntrustedVerilogError: a unit reaches outside its ports, and not ``trust_verilog``.
            UnitError: a unit's Verilog does not compile, does not fit its operation, or is no function of its operands.
            ToolError: a tool is missing or fails.
        """
        cache = cache or default_cache()
        for instance in instances:
            check(instance.files, trust_verilog=trust_verilog)
        functions = _functions(instances)
        unique = [instance for function in functions for instance in function.instances]
        source = _source(functions, mode)
        objects, compiled = _objects(unique, mode, source, cache, jobs or processors(), progress)

        def link(folder: Path) -> None:
            cxx.find().compile([*CXX_FLAGS, "-shared", *objects, "-o", "library.so"], folder)

        keys = [object_key(instance, mode) for instance in unique]
        path = cache.get("unit-libraries", build_key([source, *keys]), link) / "library.so"
        handle = ctypes.CDLL(str(path))
        names = [name for function in functions for name in (function.name, f"{function.name}_n")]
        symbols = {name: ctypes.cast(getattr(handle, name), ctypes.c_void_p).value or 0 for name in names}
        library = cls(path, mode, tuple(unique), compiled, symbols, handle)
        for place, instance in enumerate(unique, start=1):
            library._check(place, instance)
        return library

    def _check(self, place: int, instance: UnitInstance) -> None:
        """Refuse an instance whose result is not a function of its operands (some operands, twice, in two orders)."""
        found: int = self.handle.approx_check(place)
        self.raise_fault()
        if found:
            late = f"its result still changes after {instance.latency} clock cycles; give its true latency"
            state = "its result depends on earlier operands (a latch, a loop, state, or more cycles than its latency)"
            raise UnitError(f"{instance.files[0].origin}: unit {instance.name}: {late if found == 1 else state}")

    def raise_fault(self) -> None:
        """Raise what a model has met since the library was loaded; results since then may be wrong.

        Raises:
            UnitError: a combinational loop did not settle, or an assertion failed.
        """
        fault = self.handle.approx_fault
        fault.restype = ctypes.c_char_p
        what: bytes = fault()
        if what:
            raise UnitError(f"unit {what.decode('utf-8', 'replace')}: its Verilog cannot be evaluated; mend the unit")

    def id(self, instance: UnitInstance | Literal["exact"]) -> int:
        """The id under which the function of its op and type calls ``instance``; 0 for ``"exact"``.

        Raises:
            UsageError: the library was built without it.
        """
        if isinstance(instance, str):
            return 0
        same = [known for known in self.instances if (known.op, known.type) == (instance.op, instance.type)]
        if instance not in same:
            raise UsageError(f"{instance.name} is not in this function library; build one with it")
        return same.index(instance) + 1

    def call(
        self, op: str, operand: OperandType | str, a: Array, b: Array, instance: UnitInstance | Literal["exact"] = EXACT
    ) -> NDArray[Any]:
        """``instance`` (of ``op`` on ``operand``) element by element: arrays of one shape, or that broadcast to one.

        float32 for floats, int32 for integers (of any numpy type). Runs in the library's float mode.

        Raises:
            UsageError: no such function, or an instance of another one.
            UnitError: as :meth:`raise_fault`.
        """
        kind = operand_type(operand) if isinstance(operand, str) else operand
        name = function_name(op, kind)
        if name not in self.symbols or (not isinstance(instance, str) and (instance.op, instance.type) != (op, kind)):
            raise UsageError(f"no instance {instance!r} of {op} on {kind} in this function library")
        element: type[np.generic] = np.float32 if kind.is_float else np.int32
        left, right = (np.ascontiguousarray(side, element) for side in np.broadcast_arrays(a, b))
        result = np.empty(left.shape, element)
        with float_environment(self.mode):
            _BATCH(self.symbols[f"{name}_n"])(
                left.ctypes.data, right.ctypes.data, result.ctypes.data, result.size, self.id(instance)
            )
        self.raise_fault()
        return result


_BATCH: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
)
