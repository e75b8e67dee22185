"""Damaged files: loading returns a network or raises an AsnetError, nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from asnet.errors import AsnetError
from asnet.network import Network, load

MUTATIONS = 250


@pytest.fixture
def data(model, random):
    constants = {"w": random(2, 1, 2, 2), "b": random(2), "d": random(8, 3), "s": np.array([1, -1])}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[0, 0, 1, 1], strides=[2, 2]),
        helper.make_node("Clip", ["c"], ["k"]),
        helper.make_node("Reshape", ["k", "s"], ["r"]),
        helper.make_node("MatMul", ["r", "d"], ["g"]),
        helper.make_node("Softmax", ["g"], ["y"], axis=-1),
    ]
    built = model(nodes, {"x": ["N", 1, 4, 4]}, constants=constants)
    assert load(built.SerializeToString()).shape("y") == (1, 3)
    return built.SerializeToString()


def survives(damaged):
    try:
        return isinstance(load(damaged), Network)
    except AsnetError as error:
        return "\n" not in str(error) and len(str(error)) > 10


def test_truncated_anywhere(data):
    assert all(survives(data[:length]) for length in range(0, len(data), 4))


@pytest.mark.parametrize("seed", range(4))
def test_mutated_anywhere(data, seed):
    generator = np.random.default_rng(seed)
    for _ in range(MUTATIONS):
        damaged = bytearray(data)
        for position in generator.integers(len(data), size=1 + seed):
            damaged[position] = generator.integers(256)
        assert survives(bytes(damaged)), bytes(damaged)
