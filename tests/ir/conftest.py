"""Hand-made networks and a cache of compiled code for the tests of ``asnet.ir``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.network.model import Layer, Network, Tensor


def dense(rows: int = 12, columns: int = 5) -> Network:
    """dense (Gemm) → relu → soft (Softmax), seeded weights."""
    rng = np.random.default_rng(7)
    weights = rng.standard_normal((columns, rows)).astype(np.float32)
    bias = rng.standard_normal(columns).astype(np.float32)
    constants = {"w": weights, "b": bias}
    tensors = {"x": Tensor("x", "float32", (1, rows))}
    tensors |= {name: Tensor(name, "float32", (1, columns)) for name in ("d", "r", "y")}
    tensors |= {name: Tensor(name, "float32", array.shape) for name, array in constants.items()}
    layers = (
        Layer("dense", "Gemm", ("x", "w", "b"), ("d",), {"transB": 1}),
        Layer("relu", "Relu", ("d",), ("r",)),
        Layer("soft", "Softmax", ("r",), ("y",)),
    )
    return Network("dense", "0", (tensors["x"],), (tensors["y"],), layers, tensors, constants)


def chain(length: int) -> Network:
    """``length`` Tanh layers of 8 elements."""
    tensors = {f"t{i}": Tensor(f"t{i}", "float32", (1, 8)) for i in range(length + 1)}
    layers = tuple(Layer(f"l{i}", "Tanh", (f"t{i}",), (f"t{i + 1}",)) for i in range(length))
    return Network("chain", "0", (tensors["t0"],), (tensors[f"t{length}"],), layers, tensors, {})


@pytest.fixture
def network() -> Network:
    return dense()


@pytest.fixture
def make_chain() -> Callable[[int], Network]:
    return chain


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")
