"""Float32 layers beside onnxruntime and PyTorch: what :mod:`kernels` measures, and one more contestant."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial

import kernels
import numpy as np
from kernels import Layer, executor, masked, session
from onnx import numpy_helper
from rounds import Contestant, race

from asnet.cache import Cache
from asnet.ir.tiling import host_tiling
from asnet.lower import lower
from asnet.network.load import load

__all__ = ["LAYERS", "measure"]

LAYERS = kernels.LAYERS


def measure(layer: Layer, rounds: int, cache: Cache) -> dict[str, float]:
    """Products per second of every executor, one thread."""
    model = layer.model
    network = load(model.SerializeToString())
    x = np.random.default_rng(1).standard_normal(layer.x).astype(np.float32)
    work = sum(site.count for site in lower(network, kernels.MODE).sites() if site.op == "fmul")
    unit_module, binder = masked(network)
    contestants: dict[str, Contestant] = {
        "tiled": lambda: executor(lower(network, kernels.MODE, tiling=host_tiling()), x, cache)[0],
        "masked": lambda: executor(unit_module, x, cache, binder)[0],
        "onnxruntime": lambda: session(model, x),
    }
    if importlib.util.find_spec("torch"):
        contestants["torch"] = partial(_torch, layer, x)
    return race(contestants, float(work), rounds=rounds, mode=kernels.MODE)


def _torch(layer: Layer, x: np.ndarray) -> Callable[[], object]:
    """Runs ``layer`` by PyTorch."""
    import torch

    torch.set_num_threads(1)
    constants = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in layer.model.graph.initializer
    }
    weights, bias, image = constants["w"], constants["b"], torch.from_numpy(x)

    def run() -> object:
        with torch.inference_mode():
            if len(layer.w) == 2:
                return torch.nn.functional.linear(image, weights, bias)
            return torch.nn.functional.conv2d(image, weights, bias, layer.stride, layer.pad, 1, layer.group)

    return run
