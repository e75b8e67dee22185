"""Whole layers and networks in 8 bits: everything between the input and the output, with any unit."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import peer
from onnx import helper, numpy_helper, shape_inference
from peer import Way
from rounds import Contestant

from asnet.cache import Cache
from asnet.emulate import Binding, Chooser, Golden, Mask, Masks, Sources, certify_mask, products_forms
from asnet.emulate.analysis import analyse
from asnet.ir.jit import Engine
from asnet.ir.tiling import host_tiling
from asnet.network import Network
from asnet.network.load import load
from asnet.testbed.prepare import prepare
from asnet.types import EXACT, FloatMode
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["LAYERS", "Bound", "Layer", "contestants", "reference"]

MODE = FloatMode.FTZ
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ASNET_DATA") or ROOT.parent / "shared" / "data")


@dataclass(frozen=True)
class Layer:
    """A convolution of int8 tensors, scales per tensor, zero points 0."""

    name: str
    channels: int
    size: int
    rows: int
    kernel: int
    pad: int = 0
    stride: int = 1
    group: int = 1

    @property
    def products(self) -> int:
        """How many it computes."""
        side = (self.size + 2 * self.pad - self.kernel) // self.stride + 1
        return self.rows * self.channels // self.group * self.kernel**2 * side**2

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Weights, bias and the scale from sums to the output."""
        random = np.random.default_rng(0)
        shape = (self.rows, self.channels // self.group, self.kernel, self.kernel)
        weights = random.integers(-128, 128, shape).astype(np.int8)
        bias = random.integers(-1000, 1000, self.rows).astype(np.int32)
        return weights, bias, 2.0 ** -round(7 + np.log2(np.prod(shape[1:])) / 2)

    def model(self, kind: str = "int8") -> onnx.ModelProto:
        """As QLinearConv; input and output of type ``kind``."""
        weights, bias, scale = self.parameters
        scales = [
            numpy_helper.from_array(np.float32(value), name) for name, value in (("one", 1.0), ("out", 1 / scale))
        ]
        zeros = [
            numpy_helper.from_array(np.array(0, dtype), name) for name, dtype in (("zero", "int8"), ("origin", kind))
        ]
        constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b"), *zeros, *scales]
        operands = ["x", "one", "origin", "w", "one", "zero", "out", "origin", "b"]
        options = {"pads": [self.pad] * 4, "strides": [self.stride] * 2, "group": self.group}
        node = helper.make_node("QLinearConv", operands, ["y"], **options)
        element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        value = helper.make_tensor_value_info("x", element, (1, self.channels, self.size, self.size))
        graph = helper.make_graph([node], self.name, [value], [onnx.ValueInfoProto(name="y")], constants)
        opset = [helper.make_opsetid("", 21)]
        return shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opset, ir_version=10))

    def input(self, activations: str) -> np.ndarray:
        """An image: "full" range, or its upper "half", as after a ReLU."""
        low = 0 if activations == "half" else -128
        shape = (1, self.channels, self.size, self.size)
        return np.random.default_rng(1).integers(low, 128, shape).astype(np.int8)


LAYERS = (
    Layer("64-64 3x3 32x32", 64, 32, 64, 3, pad=1),
    Layer("16-16 3x3 32x32", 16, 32, 16, 3, pad=1),
    Layer("256-256 3x3 14x14", 256, 14, 256, 3, pad=1),
    Layer("512-512 3x3 7x7", 512, 7, 512, 3, pad=1),
    Layer("64-256 1x1 56x56", 64, 56, 256, 1),
    Layer("3-64 7x7/2 224x224", 3, 224, 64, 7, pad=3, stride=2),
    Layer("116 depthwise 28x28", 116, 28, 116, 3, pad=1, group=116),
)


class Bound:
    """A network with units, compiled; :meth:`engine` runs a choice for all of its multiplications."""

    def __init__(
        self, network: Network, units: Iterable[UnitInstance], cache: Cache, compiled: Cache | None = None
    ) -> None:
        """``compiled``: where the network's code is kept; default: ``cache``, which has all else."""
        self.module = prepare(network, MODE, tiling=host_tiling(sites=True, products=frozenset()))
        self.units = {unit.name: unit for unit in units}
        self._cache = compiled or cache
        self._bindings: list[Binding] = []
        library = FunctionLibrary.build(list(self.units.values()), MODE, cache=cache)
        masks: dict[str, Masks] = {}
        for unit in self.units.values():
            if (found := certify_mask(unit, library, cache)) is not None:
                masks[unit.digest] = found[0]
        forms = products_forms(Sources(library, cache, masks))
        self.chooser = Chooser(forms, library, cache, self.module.constants)
        single = [Mask(MODE, masks), Golden(library)]
        self._make = partial(Binding, self.module.slots, self.units, single, self.chooser)

    def configuration(self, choice: str) -> dict[str, str]:
        """``choice`` for every slot whose operation it is."""
        unit = self.units.get(choice)
        fits = {
            slot.name: unit is not None and (slot.op, slot.type) == (unit.op, unit.type.name)
            for slot in self.module.slots
        }
        return {name: choice if right else EXACT for name, right in fits.items()}

    def engine(self, choice: str, threads: int = 1) -> Engine:
        """Code and data of its own, good as long as this object lives."""
        configuration = self.configuration(choice)
        binding = self._make()
        self._bindings.append(binding)
        binding.select(configuration)
        binder = binding.binder(binding.plan(configuration))
        return Engine(self.module, binder=binder, cache=self._cache, threads=threads)

    def forms(self, choice: str) -> str:
        """The kinds of form that compute its sums of products."""
        unit = self.units.get(choice)
        fitting = [
            slot for slot in self.module.slots if unit is None or (slot.op, slot.type) == (unit.op, unit.type.name)
        ]
        kinds = {self.chooser.choose(slot.products, unit).kind for slot in fitting if slot.products is not None}
        return "+".join(sorted(kinds)) or "loops"


def running(bound: Bound, choice: str, x: np.ndarray) -> Callable[[], object]:
    """Runs a choice on the image ``x``, again and again."""
    engine = bound.engine(choice)
    state = engine.state(1)
    engine.run(x[None], state=state)

    def run() -> Bound:
        engine.execute(state)
        return bound

    return run


def reference(model: onnx.ModelProto, x: np.ndarray, threads: int = 1) -> Callable[[], object]:
    """Runs ``model`` on ``x`` by onnxruntime: whole, or image by image if the model takes one at a time."""
    from sessions import session

    found = session(model.SerializeToString(), threads, spinning=False)  # others run between its calls
    name, batch = found.get_inputs()[0].name, found.get_inputs()[0].shape[0]
    parts = [x[place : place + batch] for place in range(0, len(x), batch)] if isinstance(batch, int) else [x]

    def run() -> None:
        for part in parts:
            found.run(None, {name: part})

    return run


def contestants(
    layer: Layer, units: Mapping[str, UnitInstance], activations: str, cache: Cache
) -> Mapping[tuple[str, str], Contestant]:
    """(unit, form) → what runs the layer: ours, a table emulator (without groups), onnxruntime."""
    x = layer.input(activations)
    bound = Bound(load(layer.model().SerializeToString()), units.values(), cache)
    found: dict[tuple[str, str], Contestant] = {}
    for choice in (EXACT, *units):
        found[choice, bound.forms(choice)] = partial(running, bound, choice, x)
    if layer.group == 1:
        unit = next(reversed(units.values()))
        table = analyse(unit, MODE, cache).table
        assert table is not None
        weights, bias, scale = layer.parameters
        for way in Way:
            options = (table, x[0], weights, bias, scale, layer.pad, layer.stride)
            found["any", way.label] = partial(peer.layer, *options, way=way)
            ours = bound.engine(unit.name).run(x[None]).reshape(-1)
            assert np.array_equal(ours, peer.layer(*options, way=way)().reshape(-1)), "the table emulator differs"
    if importlib.util.find_spec("onnxruntime"):
        found[EXACT, "onnxruntime"] = partial(reference, layer.model("uint8"), x.view(np.uint8))  # its fastest types
    return found
