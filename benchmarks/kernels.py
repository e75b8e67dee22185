"""Layers that are sums of products, one thread: tiled, with a truncating unit, as scalar loops, and onnxruntime.

Interleaved: in every round each executor runs the layer for a few milliseconds; the figure is the best round's, the
ratios are between figures of this run. The tiled results are compared with those of the loops bit by bit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference
from sessions import session

from asnet.cache import Cache
from asnet.emulate import Binding, Mask, Masks
from asnet.ir import Module
from asnet.ir.jit import Binder, Engine
from asnet.ir.tiling import host_tiling
from asnet.lower import lower
from asnet.network.load import load
from asnet.network.model import Network
from asnet.testbed.prepare import prepare
from asnet.types import FloatMode
from asnet.units import ApproximateUnit

MODE = FloatMode.IEEE
MASK = 0xFFFFF000
ROUND = 4e-3
"""Seconds that an executor runs in a round, about."""


@dataclass(frozen=True)
class Layer:
    """A Conv of input ``x`` with weights ``w``, or a Gemm if they have two axes."""

    name: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    stride: int = 1
    pad: int = 0
    group: int = 1

    @property
    def model(self) -> onnx.ModelProto:
        """The layer as a model with constant weights and bias."""
        random = np.random.default_rng(0)
        weights = (random.standard_normal(self.w) * 0.1).astype(np.float32)
        bias = random.standard_normal(self.w[0]).astype(np.float32)
        rank = len(self.w) - 2
        node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)
        if rank:
            options = {"strides": [self.stride] * rank, "pads": [self.pad] * 2 * rank, "group": self.group}
            node = helper.make_node("Conv", ["x", "w", "b"], ["y"], **options)
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.x)]
        constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")]
        graph = helper.make_graph([node], self.name, inputs, [onnx.ValueInfoProto(name="y")], constants)
        opset = [helper.make_opsetid("", 21)]
        return shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opset, ir_version=10))


LAYERS = (
    Layer("16-16 3x3 32x32", (1, 16, 32, 32), (16, 16, 3, 3), pad=1),
    Layer("64-64 3x3 32x32", (1, 64, 32, 32), (64, 64, 3, 3), pad=1),
    Layer("64-64 3x3 56x56", (1, 64, 56, 56), (64, 64, 3, 3), pad=1),
    Layer("128-128 3x3 28x28", (1, 128, 28, 28), (128, 128, 3, 3), pad=1),
    Layer("256-256 3x3 14x14", (1, 256, 14, 14), (256, 256, 3, 3), pad=1),
    Layer("512-512 3x3 7x7", (1, 512, 7, 7), (512, 512, 3, 3), pad=1),
    Layer("64-256 1x1 56x56", (1, 64, 56, 56), (256, 64, 1, 1)),
    Layer("1024-256 1x1 14x14", (1, 1024, 14, 14), (256, 1024, 1, 1)),
    Layer("512-1024 1x1/2 28x28", (1, 512, 28, 28), (1024, 512, 1, 1), stride=2),
    Layer("3-64 7x7/2 224x224", (1, 3, 224, 224), (64, 3, 7, 7), stride=2, pad=3),
    Layer("3-96 11x11/4 224x224", (1, 3, 224, 224), (96, 3, 11, 11), stride=4),
    Layer("240-240 1x1 3 groups", (1, 240, 28, 28), (240, 80, 1, 1), group=3),
    Layer("116 depthwise 28x28", (1, 116, 28, 28), (116, 1, 3, 3), pad=1, group=116),
    Layer("dense 2048-1000", (1, 2048), (1000, 2048)),
    Layer("dense 9216-4096", (1, 9216), (4096, 9216)),
    Layer("dense 9216-1024 x 64", (64, 9216), (1024, 9216)),
)


def masked(network: Network) -> tuple[Module, Binder]:
    """The tiled network with a unit that masks its operands, for the speed of it: not from a certificate."""
    module = prepare(network, MODE, tiling=host_tiling(sites=True))
    unit = ApproximateUnit.shipped("fmul_trunc").instance(p=12)
    binding = Binding(module.slots, {unit.name: unit}, [Mask(MODE, {unit.digest: Masks(MASK, MASK)})])
    configuration = {slot.name: unit.name for slot in module.slots}
    binding.select(configuration)
    return module, binding.binder(binding.plan(configuration))


def executor(
    module: Module, x: np.ndarray, cache: Cache, binder: Binder | None = None
) -> tuple[Callable[[], object], np.ndarray]:
    """Runs ``module`` on ``x``, which is in its memory from the first run on; and the bits of its output."""
    engine = Engine(module, binder=binder, cache=cache, threads=1)
    state = engine.state(1)
    output = engine.run(x[None], state=state)
    return lambda: engine.execute(state), output.view(np.uint32)


def reference(model: onnx.ModelProto, x: np.ndarray) -> Callable[[], object]:
    """Runs ``model`` on ``x`` by onnxruntime."""
    found = session(model.SerializeToString())
    return lambda: found.run(None, {"x": x})[0]


def measure(layer: Layer, rounds: int, cache: Cache) -> dict[str, float]:
    """GMAC/s of every executor."""
    model = layer.model
    network = load(model.SerializeToString())
    x = np.random.default_rng(1).standard_normal(layer.x).astype(np.float32)
    loops = lower(network, MODE)
    work = sum(site.count for site in loops.sites() if site.op == "fmul")
    unit_module, binder = masked(network)
    tiled, found = executor(lower(network, MODE, tiling=host_tiling()), x, cache)
    canonical, expected = executor(loops, x, cache)
    assert np.array_equal(found, expected), layer.name
    executors = {
        "tiled": tiled,
        "masked": executor(unit_module, x, cache, binder)[0],
        "loops": canonical,
        "onnxruntime": reference(model, x),
    }
    best = dict.fromkeys(executors, 0.0)
    repeats = dict.fromkeys(executors, 1)
    for number in range(rounds):
        for name, run in executors.items():
            if name == "loops" and number > 1:
                continue  # slow, and no yardstick
            began = time.perf_counter()
            for _ in range(repeats[name]):
                run()
            took = (time.perf_counter() - began) / repeats[name]
            best[name] = max(best[name], work / took / 1e9)
            repeats[name] = max(1, int(ROUND / took))
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="layers whose name holds TEXT")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    print(f"{'GMAC/s':<22} {'tiled':>7} {'masked':>7} {'loops':>7} {'ort':>7} {'tiled/ort':>10} {'masked/tiled':>13}")
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for layer in LAYERS:
            if args.only not in layer.name:
                continue
            best = measure(layer, args.rounds, Cache(Path(folder)))
            rates = " ".join(f"{rate:>7.1f}" for rate in best.values())
            ratios = best["tiled"] / best["onnxruntime"], best["masked"] / best["tiled"]
            print(f"{layer.name:<22} {rates} {ratios[0]:>10.2f} {ratios[1]:>13.2f}", flush=True)
            rows.append(asdict(layer) | best)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
