"""Stages: what they keep, and that running them one after the other is running the network."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.ir.jit import Engine
from asnet.ir.staged import Blob, StagedEngine
from asnet.ir.stages import stages_of
from asnet.ir.state import aligned
from asnet.lower import lower
from asnet.network.model import Layer, Network, Tensor
from asnet.types import FloatMode

COUNT = 24


def branching() -> Network:
    """x → first → second → third, with x and first read again later, and second an output too."""
    names = ("x", "first", "second", "third", "y")
    tensors = {name: Tensor(name, "float32", (1, COUNT)) for name in names}
    layers = (
        Layer("one", "Mul", ("x", "x"), ("first",)),
        Layer("two", "Sigmoid", ("first",), ("second",)),
        Layer("three", "Div", ("second", "x"), ("third",)),
        Layer("four", "Add", ("third", "first"), ("y",)),
    )
    return Network("n", "0", (tensors["x"],), (tensors["y"], tensors["second"]), layers, tensors, {})


def test_what_is_kept() -> None:
    module = lower(branching())
    whole = stages_of(module, ())
    assert len(whole) == 1 and whole.reads == ((0,),) and whole.calls == (range(len(module.calls)),)
    stages = stages_of(module, {"two", "three", "four"})
    assert [[module.calls[call].layer for call in calls] for calls in stages.calls] == [
        ["one"],
        ["two"],
        ["three"],
        ["four"],
    ]
    assert stages.layers == ((), ("two",), ("three",), ("four",))
    assert stages.reads == ((0,), (1,), (0, 2), (1, 3))
    assert stages.alive == ((0,), (0, 1), (0, 1, 2), (1, 3))
    kept = {name: place.blob for name, place in stages.places.items() if place.blob is not None}
    assert kept == {"x": 0, "first": 1, "second": 2, "third": 3, "y": 4}
    assert set(stages.strides) == {128}  # 24 floats, up to a multiple of 64 bytes


@pytest.mark.parametrize("cuts", [(), ("three",), ("two", "three", "four"), ("one", "four")])
@pytest.mark.parametrize(("images", "threads"), [(1, 1), (37, 3)])
@pytest.mark.parametrize("mode", FloatMode)
def test_stages_are_the_network(
    cache, monkeypatch: pytest.MonkeyPatch, cuts: tuple[str, ...], images: int, threads: int, mode: FloatMode
) -> None:
    monkeypatch.setattr("asnet.ir.sharing._THREADS_PAY_FROM", 0)
    module = lower(branching(), mode)
    x = (np.random.default_rng(1).standard_normal((images, COUNT)) * 1e-18).astype(np.float32)  # squares are subnormal
    engine = Engine(module, cache=cache, threads=1)
    state = engine.state(images)
    engine.run(x, state=state)
    stages = stages_of(module, cuts)
    staged = StagedEngine(module, stages, cache=cache, threads=threads)
    blobs: list[Blob | None] = [aligned(stride * images) for stride in stages.strides]
    first = blobs[0]
    assert first is not None
    first.reshape(images, -1)[:, : 4 * COUNT] = x.view(np.uint8)
    for stage in range(len(stages)):
        given = [blob if number in (*stages.reads[stage], stage + 1) else None for number, blob in enumerate(blobs)]
        staged.run(stage, given[: stage + 2], images)
    for name, place in stages.places.items():
        if place.blob:
            blob = blobs[place.blob]
            assert blob is not None
            rows = blob.reshape(images, -1)[:, place.offset : place.offset + 4 * COUNT]
            assert np.array_equal(rows.view(np.uint32), engine.memory(state, name).reshape(images, -1).view(np.uint32))
