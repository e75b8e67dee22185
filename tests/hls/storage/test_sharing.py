"""Activations share a RAM only if no layer needs both; the design still computes the same."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asnet import hls
from asnet.cache import default_cache
from asnet.errors import SynthesisError
from asnet.hls.kernel import Block, Branch, Constant, Kernel, Operation
from asnet.hls.options import HlsOptions, Style
from asnet.hls.storage import share
from asnet.ir import Memory, MemoryKind
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load
from asnet.passes import approximate

NETWORKS = Path(__file__).resolve().parents[3] / "examples" / "networks"


def memory(name: str, size: int, kind: str = "activation", dtype: str = "float32") -> Memory:
    return Memory(name, MemoryKind(kind), dtype, (size,), 0)


def kernel(number: int, *memories: Memory) -> Kernel:
    """A layer that loads the first word of each memory."""
    loads = [
        Operation(f"v{place}", "load", (Constant(0, 64),), 32, (64,), "", each.name)
        for place, each in enumerate(memories)
    ]
    return Kernel(f"layer{number}", (Block("entry", (), tuple(loads), Branch()),), memories)


def test_a_chain_of_layers_needs_two_rams() -> None:
    sizes = [30, 20, 40, 10, 25]
    chain = [memory(f"m{number}", size) for number, size in enumerate(sizes)]
    kernels = [kernel(number, *chain[number : number + 2]) for number in range(4)]
    sharing = share(kernels, ())
    assert sharing.members == {"m2.shared": ("m0", "m2", "m4"), "m1.shared": ("m1", "m3")}
    ram = {each.name: each for moved in sharing.kernels for each in moved.memories}
    assert {name: each.size for name, each in ram.items()} == {"m2.shared": 40, "m1.shared": 20}
    for moved in sharing.kernels:
        assert [each.name for each in moved.memories] == [o.detail for o in moved.operation.values()]


def test_types_inputs_and_what_is_kept_apart_do_not_share() -> None:
    memories = [memory("a", 9), memory("b", 9, dtype="int32"), memory("c", 9, "output"), memory("d", 9), memory("e", 9)]
    kernels = [kernel(number, each) for number, each in enumerate(memories)]
    assert share(kernels, {"d"}).members == {"a.shared": ("a", "e")}


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(1, 50)), max_size=12))
def test_whoever_shares_is_never_needed_at_the_same_time(lives: list[tuple[int, int, int]]) -> None:
    memories = {
        f"m{number}": (memory(f"m{number}", size), first, first + more)
        for number, (first, more, size) in enumerate(lives)
    }
    kernels = [kernel(n, *(each for each, first, last in memories.values() if n in (first, last))) for n in range(11)]
    sharing = share(kernels, ())
    shared = [name for members in sharing.members.values() for name in members]
    assert len(shared) == len(set(shared))
    for name, members in sharing.members.items():
        for one, other in combinations(members, 2):
            assert memories[one][2] < memories[other][1] or memories[other][2] < memories[one][1]
        rams = {each for moved in sharing.kernels for each in moved.memories if each.name == name}
        assert {each.size for each in rams} == {max(memories[member][0].size for member in members)}
    for before, after in zip(kernels, sharing.kernels, strict=True):
        assert len({each.name for each in after.memories}) == len(before.memories)
    assert share(kernels, ()) == sharing


def test_designs_that_share_compute_the_same(simulator: None) -> None:
    """Fused layers among them."""
    network = load(NETWORKS / "digits_conv.onnx")
    plain = lower(network)
    options = HlsOptions(style=Style.SEQUENTIAL, reuse=True, fuse=2)
    design = hls.synthesise(approximate(lower(network)), name="digits_conv", options=options)
    hls.lint(design)
    names = [each.memory.name for each in design.memories]
    assert sum(name.endswith(".shared") for name in names) >= 2
    assert "// RAM " in design.files[f"rtl/{design.top}.v"]
    (tensor,) = network.inputs
    images = np.random.default_rng(3).random((4, *tensor.shape), np.float32)
    engine = Engine(plain, cache=default_cache())
    state = engine.state(len(images))
    engine.run({tensor.name: images}, state=state)
    written = [name for call in plain.calls for name in call.writes if name in names]
    expected = {name: engine.memory(state, name) for name in written}
    hls.cosimulate(design, {tensor.name: images}, expected, stalls=True).raise_if_different()


def test_layers_that_work_at_once_share_nothing() -> None:
    module = approximate(lower(load(NETWORKS / "digits_dense.onnx")))
    with pytest.raises(
        SynthesisError, match=r"reused by layers that run one after the other.*leave out --reuse-memories"
    ):
        hls.synthesise(module, options=HlsOptions(style=Style.DATAFLOW, reuse=True))
