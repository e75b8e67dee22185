"""Programs against the JIT: every word of every memory of every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from asnet.bits import bits_differ
from asnet.cache import Cache, default_cache
from asnet.hls import nest
from asnet.hls.kernel import Kernel, Operation, signed
from asnet.hls.nest.evaluate import evaluator
from asnet.hls.nest.interpret import Call
from asnet.hls.parsing import parse_kernels
from asnet.hls.simplify import simplify
from asnet.ir import MemoryKind, Module, Slot, for_hls
from asnet.ir.jit import Engine, State
from asnet.types import Array

Transform = Callable[[nest.Program], nest.Program]


def kernels_of(module: Module) -> list[Kernel]:
    """The kernels of ``module`` (after the `approximate` pass), as the engines get them."""
    slots = {slot.symbol: slot for slot in module.slots}
    return [simplify(kernel) for kernel in parse_kernels(for_hls(module), module.calls, module.memories, slots)]


def repeats(nodes: Iterable[nest.Node]) -> Iterator[nest.Repeat]:
    """All loops around several others in ``nodes``."""
    for node in nodes:
        if isinstance(node, nest.Repeat):
            yield node
            yield from repeats(node.body)


def exact(module: Module) -> Call:
    """What the slots of ``module`` compute without approximation."""
    computes = {slot.symbol: _exact(slot) for slot in module.slots}
    return lambda symbol, operands: computes[symbol](*operands)


def _exact(slot: Slot) -> Callable[..., int]:
    if slot.type == "f32":
        return evaluator(Operation("", slot.op, ("a", "b"), 32, (32, 32), ""))
    width = int(slot.type[1:])

    def product(a: int, b: int) -> int:
        return signed(a, width) * signed(b, width) if slot.type.startswith("i") else a * b

    return product


def words(array: Array) -> Array:
    """The bits of an array, in one row of its own."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(f"u{flat.dtype.itemsize}").copy()


def differing(memory_dtype: str, found: Array, expected: Array) -> int:
    """Words that differ; a NaN is any NaN."""
    if memory_dtype == "float32":
        return int(bits_differ(found.view(np.float32), expected.view(np.float32)).sum())
    return int((found != expected).sum())


def before(module: Module, state: State, image: int) -> dict[str, Array]:
    """The words of all memories before an image."""
    memories: dict[str, Array] = {}
    for name, memory in module.memories.items():
        if memory.kind is MemoryKind.CONSTANT:
            memories[name] = words(module.constants[name])
        elif memory.kind is MemoryKind.INPUT:
            memories[name] = words(state.view(memory)[image])
        else:
            memories[name] = np.zeros(memory.size, f"u{memory.element_bytes}")
    return memories


def check(
    plain: Module,
    module: Module,
    inputs: Mapping[str, Array],
    transform: Transform = lambda program: program,
    *,
    flush: bool = True,
    cache: Cache | None = None,
) -> dict[str, nest.Program | nest.NotCounted]:
    """Run the layers of ``module`` as programs and ``plain`` by the JIT, on each image, and compare all memories.

    A layer that is not counted loops takes the JIT's words. Result: layer → its program, or why there is none.
    ``flush``: whether the JIT's inputs are flushed as a run does it.
    """
    engine = Engine(plain, cache=cache or default_cache())
    images = len(next(iter(inputs.values())))
    state = engine.state(images)
    if flush:
        engine.run(dict(inputs), state=state)
    else:
        for name, values in inputs.items():
            state.view(module.memories[name]).reshape(images, -1)[:] = values
        engine.run(state=state)
    programs: dict[str, nest.Program | nest.NotCounted] = {}
    for kernel in kernels_of(module):
        try:
            programs[kernel.layer] = transform(nest.structure(kernel))
        except nest.NotCounted as error:
            programs[kernel.layer] = error
    for image in range(images):
        memories = before(module, state, image)
        for call in module.calls:
            program = programs[call.layer]
            if isinstance(program, nest.Program):
                nest.run(program, memories, module.mode, exact(module))
            for name in call.writes:
                if isinstance(program, nest.Program) and name not in program.memory:
                    continue  # it is not needed any more
                memory = module.memories[name]
                expected = words(engine.memory(state, name)[image])
                if not isinstance(program, nest.Program):
                    memories[name] = expected
                count = differing(memory.dtype, memories[name], expected)
                assert count == 0, f"image {image}, layer {call.layer!r}, memory {name!r}: {count} words differ"
    return programs
