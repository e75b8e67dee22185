"""Every operator against the oracle bit for bit, in both float modes, and against the ONNX reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asnet.cache import Cache
from asnet.ir import Module, for_hls, reuse
from asnet.ir.jit import Binder, Engine
from asnet.ir.tiling import host_tiling
from asnet.lower import lower
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import assert_same_bits, check_reference


def hardware_engine(module: Module, cache: Cache) -> Engine:
    """The module's `for_hls` text, run by the JIT: the layers come from that text, the rest from the module."""
    shell = module.clone()
    for call in module.calls:
        shell.llvm.get_global(call.function).blocks = []
    return Engine(replace(shell), binder=Binder(for_hls(module)), cache=cache)


@pytest.mark.parametrize("mode", FloatMode)
def test_every_tensor_has_the_oracles_bits(case, mode: FloatMode, objects: Cache) -> None:
    network = case.network()
    module = lower(network, mode)
    images = case.images()
    expected = [oracle.run(network, {key: x[i] for key, x in images.items()}, mode) for i in range(4)]
    tiled = lower(network, mode, tiling=host_tiling())
    assert tiled.memories == module.memories and tiled.calls == module.calls  # one state serves both
    engines = Engine(module, cache=objects), hardware_engine(module, objects), Engine(tiled, cache=objects)
    for engine in engines:
        state = engine.state(4)
        result = engine.run(images, state=state)
        for tensor in expected[0]:
            view = engine.memory(state, tensor)
            for i in range(4):
                assert_same_bits(view[i], expected[i][tensor], f"{tensor} of image {i}")
        output = network.outputs[0]
        for i in range(4):
            assert_same_bits(result[i].reshape(output.shape), expected[i][output.name], f"result {i}")


def test_outputs_are_the_same_where_activations_share_places(case, objects: Cache) -> None:
    module = lower(case.network())
    kept, shared = (Engine(each, cache=objects) for each in (module, reuse(module)))
    states = kept.state(4), shared.state(4)
    for engine, state in zip((kept, shared), states, strict=True):
        engine.run(case.images(), state=state)
    for tensor in case.network().outputs:
        expected, found = (e.memory(s, tensor.name) for e, s in zip((kept, shared), states, strict=True))
        for i in range(4):
            assert_same_bits(found[i], expected[i], f"{tensor.name} of image {i}")


def test_agrees_with_the_onnx_reference(reference_case, objects: Cache) -> None:
    check_reference(reference_case, objects)
