"""Kernels written in LLVM IR, run by the JIT and by the simulated hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asnet import hls
from asnet.cache import Cache, default_cache
from asnet.ir import Call, Memory, MemoryKind, Module, Slot
from asnet.ir.jit import Engine
from asnet.types import Array, FloatMode

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
    """Random words for every input: floats of all magnitudes with corner cases, integers of all values."""
    rng = np.random.default_rng(seed)
    inputs: dict[str, Array] = {}
    corners = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-30, -3e38, 8388607.5], np.float32)
    for name, memory in module.memories.items():
        if memory.kind is not MemoryKind.INPUT:
            continue
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


def jit_values(module: Module, inputs: Mapping[str, Array], cache: Cache) -> dict[str, Array]:
    """What every RAM holds after the JIT has run the images."""
    engine = Engine(module, cache=cache)
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
) -> hls.CosimReport:
    """Run ``programs`` both ways on random inputs; lint the design on the way."""
    module = module_of(programs, mode, constants)
    inputs = random_inputs(module, images, seed)
    cache = default_cache()
    design = hls.synthesise(module, options=options)
    hls.lint(design)
    expected = {name: values for name, values in jit_values(module, inputs, cache).items() if name in design.rams}
    report = hls.cosimulate(design, inputs, expected, stalls=stalls, cache=cache)
    if design.flow is not None:
        check_runs(design, report, stalls=stalls)
    elif design.cycles_exact:
        assert set(report.cycles) == {design.cycles}
    elif design.cycles is not None:
        assert report.cycles_max <= design.cycles
    return report
