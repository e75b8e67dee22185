"""Placing activations by their lifetimes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from llvmlite import ir

from asnet.cache import Cache
from asnet.errors import DataError
from asnet.ir import Call, Memory, MemoryKind, Module, reuse
from asnet.ir.jit import Engine
from asnet.ir.placement import Lifetime, lifetimes, live_peak
from asnet.lower import lower
from asnet.network.model import Layer, Network, Tensor
from asnet.types import FloatMode


def module_of(sizes: dict[str, int], calls: list[tuple[str, str]]) -> Module:
    """Activations of ``sizes`` words, calls that read and write the memories of these names (one letter each)."""
    offsets = itertools.accumulate((64 * -(-4 * size // 64) for size in sizes.values()), initial=0)
    memories = {
        name: Memory(name, MemoryKind.ACTIVATION, "float32", (size,), offset)
        for (name, size), offset in zip(sizes.items(), offsets, strict=False)
    }
    made = tuple(
        Call(f"l{number}", "Test", f"layer.l{number}", (*reads, *writes), tuple(writes))
        for number, (reads, writes) in enumerate(calls)
    )
    return Module("m", ir.Module("m"), FloatMode.FTZ, memories, made, {})


def assert_disjoint(module: Module) -> None:
    lives = lifetimes(module.calls)
    for a, b in itertools.combinations(lives, 2):
        if lives[a].overlaps(lives[b]):
            one, two = sorted((module.memories[a], module.memories[b]), key=lambda memory: memory.offset)
            assert one.offset % 64 == two.offset % 64 == 0
            assert one.offset + one.nbytes <= two.offset, (a, b)


def test_lifetimes_run_from_the_first_to_the_last_call() -> None:
    module = module_of({"a": 1, "b": 1, "s": 1}, [("", "a"), ("a", "sb"), ("b", "s"), ("a", "b")])
    assert lifetimes(module.calls) == {"a": Lifetime(0, 3), "s": Lifetime(1, 2), "b": Lifetime(1, 3)}


def test_a_chain_needs_two_places() -> None:
    names = "abcdef"
    module = module_of(dict.fromkeys(names, 100), list(zip(["", *names], names, strict=False)))
    placed = reuse(module)
    assert_disjoint(placed)
    assert module.blob_size(MemoryKind.ACTIVATION) == 6 * 448
    assert placed.blob_size(MemoryKind.ACTIVATION) == live_peak(module) == 2 * 448


def test_what_is_read_much_later_keeps_its_place() -> None:
    module = module_of(
        {"a": 16, "b": 64, "c": 64, "d": 64, "e": 64}, [("", "a"), ("a", "b"), ("b", "c"), ("c", "d"), ("ad", "e")]
    )
    placed = reuse(module)
    assert_disjoint(placed)
    a = placed.memories["a"]
    others = [memory for name, memory in placed.memories.items() if name != "a"]
    assert all(o.offset >= a.offset + a.nbytes or o.offset + o.nbytes <= a.offset for o in others)


def test_random_programs_are_placed_soundly_and_tightly() -> None:
    rng = np.random.default_rng(5)
    spent, needed = 0, 0
    for _ in range(60):
        names = [chr(ord("A") + k) for k in range(24)]
        sizes = {name: int(rng.integers(1, 5000)) for name in names}
        calls: list[tuple[str, str]] = []
        for number, name in enumerate(names):
            earlier = names[max(0, number - int(rng.integers(1, 8))) : number]
            calls.append(("".join(n for n in earlier if rng.random() < 0.5), name))
        module = module_of(sizes, calls)
        placed = reuse(module)
        assert_disjoint(placed)
        assert live_peak(module) <= placed.blob_size(MemoryKind.ACTIVATION) <= module.blob_size(MemoryKind.ACTIVATION)
        spent += placed.blob_size(MemoryKind.ACTIVATION)
        needed += live_peak(module)
    assert spent <= 1.1 * needed


@pytest.fixture
def branches() -> Network:
    """t = tanh x is read by the next layer and, reshaped, by the last one; r is an output that a later layer reads."""
    names = {"x": (1, 40), "t": (1, 40), "f": (40,), "a": (1, 40), "r": (1, 40), "s": (1, 40), "y": (40,)}
    tensors = {name: Tensor(name, "float32", shape) for name, shape in names.items()}
    tensors["shape"] = Tensor("shape", "int64", (1,))
    layers = (
        Layer("tanh", "Tanh", ("x",), ("t",)),
        Layer("flat", "Reshape", ("t", "shape"), ("f",)),
        Layer("abs", "Abs", ("t",), ("a",)),
        Layer("relu", "Relu", ("a",), ("r",)),
        Layer("sigmoid", "Sigmoid", ("r",), ("s",)),
        Layer("sum", "Sum", ("f", "s"), ("y",)),
    )
    tensors["y"] = Tensor("y", "float32", (1, 40))
    return Network("n", "0", (tensors["x"],), (tensors["r"], tensors["y"]), layers, tensors, {"shape": np.array([40])})


def test_aliases_and_several_outputs(branches: Network, cache: Cache) -> None:
    module = lower(branches)
    placed = reuse(module)
    assert placed.aliases["f"].offset == placed.memories["t"].offset
    assert placed.memories["r"].kind is MemoryKind.OUTPUT
    x = np.random.default_rng(1).standard_normal((7, 40)).astype(np.float32)
    engines = [Engine(each, cache=cache) for each in (module, placed)]
    states = [engine.state(7) for engine in engines]
    for engine, state in zip(engines, states, strict=True):
        engine.run(x, state=state)
    for name in ("r", "y"):
        kept, shared = (engine.memory(state, name) for engine, state in zip(engines, states, strict=True))
        assert np.array_equal(kept.view(np.uint32), shared.view(np.uint32)) and kept.any()


def test_activations_are_gone_after_the_run(network: Network, cache: Cache) -> None:
    engine = Engine(reuse(lower(network)), cache=cache)
    state = engine.state(2)
    with pytest.raises(DataError, match="memory 'd' is not kept: activations share places; run the module as lowered"):
        engine.memory(state, "d")
