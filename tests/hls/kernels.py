"""Kernels written in LLVM IR, run by the JIT and by the simulated hardware."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from asnet import hls
from asnet.cache import Cache, default_cache
from asnet.ir import Call, Memory, MemoryKind, Module, Slot
from asnet.ir.jit import Binder, Engine
from asnet.types import Array, FloatMode
from asnet.units import ApproximateUnit, UnitInstance

ATTRIBUTES = {
    FloatMode.FTZ: 'nounwind "no-builtins" "denormal-fp-math"="preserve-sign,preserve-sign"',
    FloatMode.IEEE: 'nounwind "no-builtins"',
}
OPERANDS = {"f32": "float, float", "i8": "i8, i8"}
RESULTS = {"f32": "float", "i8": "i16"}


@dataclass(frozen=True)
class Argument:
    """A pointer argument ``%name`` of a kernel."""

    name: str
    kind: MemoryKind
    element: str
    size: int


@dataclass(frozen=True)
class Program:
    """One kernel: the body of its function, between the braces. ``slots``: symbols that it calls, with their op."""

    name: str
    arguments: tuple[Argument, ...]
    body: str
    slots: tuple[Slot, ...] = ()


class Text:
    """What a module needs of an llvmlite module: its text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def module_of(programs: Sequence[Program], mode: FloatMode, constants: Mapping[str, Array] | None = None) -> Module:
    """A module whose layers are ``programs``; memories are called ``<program>.<argument>``."""
    memories: dict[str, Memory] = {}
    ends = dict.fromkeys(MemoryKind, 0)
    calls: list[Call] = []
    functions: list[str] = []
    for program in programs:
        names: list[str] = []
        for argument in program.arguments:
            name = f"{program.name}.{argument.name}"
            dtype = "float32" if argument.element == "float" else f"int{argument.element[1:]}"
            memory = Memory(name, argument.kind, dtype, (argument.size,), ends[argument.kind])
            ends[argument.kind] += -(-memory.nbytes // 64) * 64
            memories[name] = memory
            names.append(name)
        pointers = ", ".join(f"ptr noalias align 64 %{argument.name}" for argument in program.arguments)
        functions.append(f'define void @"layer.{program.name}"({pointers}) #0 {{\nentry:\n{program.body}\n}}\n')
        writes = tuple(n for n in names if memories[n].kind in (MemoryKind.OUTPUT, MemoryKind.ACTIVATION))
        calls.append(Call(program.name, "Test", f"layer.{program.name}", tuple(names), writes))
    slots = tuple(slot for program in programs for slot in program.slots)
    functions += [f'declare {RESULTS[slot.type]} @"{slot.symbol}"({OPERANDS[slot.type]}) #1\n' for slot in slots]
    attributes = f"attributes #0 = {{ {ATTRIBUTES[mode]} }}\nattributes #1 = {{ nounwind willreturn memory(none) }}\n"
    text = "\n".join([*functions, attributes])
    return Module("kernels", Text(text), mode, memories, tuple(calls), dict(constants or {}), slots)  # pyright: ignore


def random_inputs(module: Module, images: int, seed: int) -> dict[str, Array]:
    """Random words for every input: floats of all magnitudes with corner cases, integers of all values.

    Those of a memory depend on its name and the seed only.
    """
    inputs: dict[str, Array] = {}
    corners = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -3e38, 8388607.5], np.float32)
    for name, memory in module.memories.items():
        if memory.kind is not MemoryKind.INPUT:
            continue
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        shape = (images, memory.size)
        if memory.element == "float":
            values = (rng.standard_normal(shape) * 2.0 ** rng.integers(-8, 9, shape)).astype(np.float32)
            chosen = rng.random(shape) < 0.15
            values[chosen] = rng.choice(corners, int(chosen.sum()))
            inputs[name] = values
        else:
            bits = memory.element_bytes * 8
            words = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), shape)
            small = rng.random(shape) < 0.4
            words[small] = rng.integers(-3, 4, int(small.sum()))
            inputs[name] = words.astype(f"i{bits // 8}")
    return inputs


class PassingCache(Cache):
    """The user's cache for what all simulations share; what belongs to one design is put elsewhere, and lost."""

    def entry(self, kind: str, key: str) -> Path:
        return (default_cache() if kind.startswith("verilator-") else super()).entry(kind, key)


@dataclass(frozen=True)
class Truncating:
    """Shipped units in slots: slot → how many bits of the operands its unit, ``<op>_trunc``, ignores."""

    bits: Mapping[str, int] = field(default_factory=dict[str, int])

    def units(self, module: Module) -> dict[str, UnitInstance]:
        """The instance of each slot that ``module`` has."""
        return {
            slot.name: ApproximateUnit.shipped(f"{slot.op}_trunc").instance(p=self.bits[slot.name])
            for slot in module.slots
        }

    def binder(self, module: Module) -> Binder:
        """The same for the JIT, by the definition of these units: the bits are cleared, the rest is exact."""
        text = [f"attributes #0 = {{ {ATTRIBUTES[module.mode]} }}"]
        for slot in module.slots:
            mask = -1 << self.bits[slot.name]
            text.append(f'define float @"{slot.symbol}"(float %a, float %b) #0 {{')
            for name in "ab":
                text.append(f"  %{name}.bits = bitcast float %{name} to i32")
                text.append(f"  %{name}.kept = and i32 %{name}.bits, {mask}")
                text.append(f"  %{name}.short = bitcast i32 %{name}.kept to float")
            text.append(f"  %y = {slot.op} float %a.short, %b.short\n  ret float %y\n}}")
        return Binder("\n".join(text) if module.slots else "")


_SITE = re.compile(r"= (fmul|fdiv) float ([^,]+), (.+)")


def with_slots(program: Program) -> Program:
    """``program`` with its float products and quotients as sites of slots, ``<name>.fmul`` and ``<name>.fdiv``."""
    body = _SITE.sub(rf'= call float @"asnet.\1.{program.name}"(float \2, float \3)', program.body)
    slots = tuple(
        Slot(f"{program.name}.{op}", program.name, "Test", op, "f32", f"asnet.{op}.{program.name}", count, count)
        for op in ("fmul", "fdiv")
        if (count := body.count(f'@"asnet.{op}.'))
    )
    return replace(program, body=body, slots=slots)


def jit_values(
    module: Module, inputs: Mapping[str, Array], cache: Cache, binder: Binder | None = None
) -> dict[str, Array]:
    """What every RAM holds after the JIT has run the images."""
    engine = Engine(module, binder=binder, cache=cache)
    images = len(next(iter(inputs.values())))
    state = engine.state(images)
    for name, values in inputs.items():
        state.view(module.memories[name]).reshape(images, -1)[:] = values
    engine.run(state=state)
    kinds = (MemoryKind.OUTPUT, MemoryKind.ACTIVATION)
    return {name: engine.memory(state, name).copy() for name, m in module.memories.items() if m.kind in kinds}


def check_runs(design: hls.RtlDesign, report: hls.CosimReport, *, stalls: bool = False) -> None:
    """Every image of a dataflow design comes and goes in the cycle that its timing says, where nothing stalls."""
    assert design.flow is not None and report.runs
    if design.flow.timing is not None and not stalls:
        assert report.runs == tuple(design.flow.timing.run(len(run.ended)) for run in report.runs)


def compare(
    programs: Sequence[Program],
    *,
    mode: FloatMode = FloatMode.FTZ,
    images: int = 12,
    seed: int = 1,
    stalls: bool = False,
    options: hls.HlsOptions | None = None,
    constants: Mapping[str, Array] | None = None,
    truncating: Truncating | None = None,
    cache: Cache | None = None,
) -> hls.CosimReport:
    """Run ``programs`` both ways on random inputs; lint the design on the way."""
    module = module_of(programs, mode, constants)
    inputs = random_inputs(module, images, seed)
    cache, truncating = cache or default_cache(), truncating or Truncating()
    design = hls.synthesise(module, truncating.units(module), options=options)
    hls.lint(design)
    values = jit_values(module, inputs, cache, truncating.binder(module))
    expected = {name: array for name, array in values.items() if name in design.rams}
    report = hls.cosimulate(design, inputs, expected, stalls=stalls, cache=cache)
    if design.flow is not None:
        check_runs(design, report, stalls=stalls)
    elif design.cycles_exact:
        assert set(report.cycles) == {design.cycles}
    elif design.cycles is not None and design.weights is None:
        assert report.cycles_max <= design.cycles
    return report
