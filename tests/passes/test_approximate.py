"""The `approximate` pass: which sites become which slots, and that the rewritten module still means the same."""

from __future__ import annotations

import re

import numpy as np
import pytest

from asnet.cache import Cache, default_cache
from asnet.errors import PassError
from asnet.ir import Module
from asnet.ir.jit import Binder, Engine
from asnet.passes import Approximate, approximate, run_passes

EXACT = 'define float @"{symbol}"(float %a, float %b) {{ %y = {op} float %a, %b\n ret float %y }}'


def exact_binder(module: Module) -> Binder:
    """Every slot bound to the exact operation."""
    return Binder("\n".join(EXACT.format(symbol=slot.symbol, op=slot.op) for slot in module.slots))


@pytest.fixture
def cache() -> Cache:
    return default_cache()


def test_one_slot_a_layer_and_op(module: Module) -> None:
    slots = approximate(module).slots
    assert [(slot.name, slot.symbol, slot.sites, slot.count) for slot in slots] == [
        ("dense1.fmul", "asnet.fmul.dense1", 1, 64 * 32),
        ("dense2.fmul", "asnet.fmul.dense2", 1, 32 * 10),
        ("softmax.fmul", "asnet.fmul.softmax", 7, 7 * 10),
        ("softmax.fdiv", "asnet.fdiv.softmax", 1, 10),
    ]
    assert [(slot.op_type, slot.type) for slot in slots] == [
        ("Gemm", "f32"),
        ("Gemm", "f32"),
        ("Softmax", "f32"),
        ("Softmax", "f32"),
    ]


def test_site_granularity_gives_each_instruction_a_slot(module: Module) -> None:
    names = [slot.name for slot in approximate(module, granularity="site", ops="fmul").slots]
    assert names == ["dense1.fmul.0", "dense2.fmul.0", *(f"softmax.fmul.{k}" for k in range(7))]


def test_every_site_of_the_ops_is_gone_and_no_other(module: Module) -> None:
    before = sum(1 for site in module.sites() if site.op in {"fadd", "fsub"})
    rewritten = approximate(module)
    assert {site.op for site in rewritten.sites()} == {"fadd", "fsub"}
    assert sum(1 for _ in rewritten.sites()) == before
    assert not re.search(r"= (fmul|fdiv) ", rewritten.text)


def test_bound_to_the_exact_operation_the_network_computes_the_same_bits(module: Module, cache: Cache) -> None:
    x = np.random.default_rng(1).random((50, 64), dtype=np.float32)
    expected = Engine(module, cache=cache).run(x)
    rewritten = approximate(module)
    got = Engine(rewritten, binder=exact_binder(rewritten), cache=cache).run(x)
    assert got.view(np.uint32).tolist() == expected.view(np.uint32).tolist()


def test_the_activation_is_operand_a(module: Module, cache: Cache) -> None:
    """A unit that returns its first operand turns a dense layer into bias + Σ x, whatever the weights."""
    x = np.random.default_rng(2).integers(0, 16, (5, 64)).astype(np.float32)
    rewritten = approximate(module, ops="fmul")
    first = 'define float @"{symbol}"(float %a, float %b) {{ ret float %a }}'
    binder = Binder("\n".join(first.format(symbol=slot.symbol) for slot in rewritten.slots))
    engine = Engine(rewritten, binder=binder, cache=cache)
    state = engine.state(5)
    engine.run(x, state=state)
    bias = rewritten.constants["dense1.bias"].astype(np.float32)
    expected = np.zeros((5, 32), dtype=np.float32) + bias
    for k in range(64):
        expected = expected + x[:, k : k + 1]
    assert engine.memory(state, "dense1_out").reshape(5, 32).tolist() == expected.tolist()


def test_unknown_op_and_granularity(module: Module) -> None:
    with pytest.raises(PassError, match="cannot approximate op 'fmull'; did you mean 'fmul'"):
        Approximate(ops="fmull").apply(module)
    with pytest.raises(PassError, match="unknown granularity 'layers'; did you mean 'layer'"):
        Approximate(granularity="layers").apply(module)


def test_running_twice_is_an_error(module: Module) -> None:
    with pytest.raises(PassError, match="run `approximate` once, as the last pass"):
        run_passes(module, [Approximate(), Approximate()])
