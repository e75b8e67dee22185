"""One walk through the network with all calibration images: float values beside those of the quantised network.

Layer by layer in topological order the scales are chosen, knowing what the layers quantised before really give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from asnet.errors import QuantizationError
from asnet.network import Layer, Network, Tensor, oracle
from asnet.network.attributes import integer
from asnet.quantizing.calibrating import Float32, calibrate, search
from asnet.quantizing.numbers import Scale
from asnet.quantizing.options import Quantization
from asnet.quantizing.planning import Plan, Product
from asnet.quantizing.products import correlations, multiply, output_error, weight_axis, weight_matrix
from asnet.types import AnyArray, FloatMode

__all__ = ["Choice", "Scales", "choose_scales"]

Progress = Callable[[int, int, str], None]

_BIAS_LIMIT = float(2**31 - 256)


@dataclass(frozen=True)
class Choice:
    """What was chosen for a product: weights and bias as integers. ``sqnr``: of its result, in dB (inf: no error)."""

    scale: Scale
    weights: AnyArray
    bias: NDArray[np.int32] | None
    sqnr: float


@dataclass
class Scales:
    """Tensor → its scale; product → its choice; ``agreement``: share of the images with the same greatest output."""

    tensors: dict[str, Scale] = field(default_factory=dict[str, Scale])
    products: dict[str, Choice] = field(default_factory=dict[str, Choice])
    agreement: float = 1.0


def choose_scales(
    network: Network,
    plan: Plan,
    options: Quantization,
    images: Mapping[str, AnyArray],
    constants: Mapping[str, AnyArray],
    progress: Progress,
) -> Scales:
    """Walk ``network``, which holds the layers of ``plan``; ``images``: input name → (runs, *shape of the input).

    Raises:
        QuantizationError: a layer of ``plan`` does not depend on the images' values.
    """
    there = {layer.name for layer in network.layers}
    for product in plan.products.values():
        if product.name not in there or product.x in network.constants:
            raise QuantizationError(
                f"{network.name}: layer {product.name!r} ({product.op_type}) gives the same for every image; exclude it"
            )
    return _Walk(network, plan, options, constants).run(images, progress)


class _Walk:
    def __init__(self, network: Network, plan: Plan, options: Quantization, constants: Mapping[str, AnyArray]) -> None:
        self.network, self.plan, self.options, self.constants = network, plan, options, constants
        self.chosen = Scales()
        self.real: dict[str, AnyArray] = {}
        self.reached: dict[str, AnyArray] = {}
        self.readers = Counter(name for layer in network.layers for name in layer.inputs)
        self.readers.update(tensor.name for tensor in network.outputs)

    def run(self, images: Mapping[str, AnyArray], progress: Progress) -> Scales:
        for name, array in images.items():
            self.real[name] = self.reached[name] = array
            self._quantise(name)
        for done, layer in enumerate(self.network.layers):
            progress(done, len(self.network.layers), layer.name)
            product = self.plan.products.get(layer.name)
            if product is None:
                self._apply(layer)
            elif product.second:
                self._multiply_two(layer, product)
            else:
                self._multiply(layer, product)
            for name in layer.outputs:
                if name:
                    self._quantise(name)
            self._forget(layer)
        progress(len(self.network.layers), len(self.network.layers), "")
        self.chosen.agreement = self._agreement()
        return self.chosen

    def _quantise(self, name: str) -> None:
        """Choose the scale of the tensor ``name`` if it is to be quantised, and let it reach the others so."""
        tensor = self.plan.tensors.get(name)
        if tensor is None:
            return
        options, kind = self.options, tensor.format

        def make(low: AnyArray | float, high: AnyArray | float) -> Scale:
            return Scale.of_range(kind, low, high, symmetric=options.scheme == "symmetric")

        real, reached = self.real[name], self.reached[name]
        scale = calibrate(options.calibrate, real, reached, make, kind, options.percentile)
        self.chosen.tensors[name] = scale
        self.reached[name] = scale.nearest(reached)

    def _apply(self, layer: Layer) -> None:
        """Any other layer, by the oracle, on both values."""
        names = [name for name in dict.fromkeys(layer.inputs) if name and name not in self.network.constants]
        results: list[dict[str, AnyArray]] = []
        for values in (self.real, self.reached):
            if results and all(self.real[name] is self.reached[name] for name in names):
                results.append(results[0])
            else:
                results.append(_run(self.network, layer, {name: values[name] for name in names}))
        self.real.update(results[0])
        self.reached.update(results[1])

    def _multiply_two(self, layer: Layer, product: Product) -> None:
        for values in (self.real, self.reached):
            runs = zip(values[product.x].astype(np.float64), values[product.w].astype(np.float64), strict=True)
            values[product.y] = np.stack([np.matmul(x, w) for x, w in runs]).astype(np.float32)
        x, w = (self.chosen.tensors[self.plan.origin(name)] for name in (product.x, product.w))
        sqnr = _sqnr(self.real[product.y], self.reached[product.y])
        self.chosen.products[layer.name] = Choice(Scale(w.format, x.scale, w.zero), np.empty(0), None, sqnr)

    def _multiply(self, layer: Layer, product: Product) -> None:
        weights = self.constants[product.w]
        bias = self.constants[product.bias] if product.bias else None
        real, reached = self.real[product.x], self.reached[product.x]
        x_scale = self.chosen.tensors[self.plan.origin(product.x)].scale
        scale = self._weight_scale(layer, product, weights, real, reached)
        if bias is not None:
            scale = _with_room_for(bias, scale, x_scale)
        integers = scale.quantise(weights)
        self.real[product.y] = multiply(layer, self.network, real, weights, bias)
        result = multiply(layer, self.network, reached, scale.dequantise(integers), None)
        rounded = None
        if self.options.bias_correction and product.op_type != "MatMul":
            bias = _mean(product, self.real[product.y]) - _mean(product, result)
        if bias is not None:
            step = np.multiply(x_scale, scale.scale)
            rounded = np.rint(np.clip(bias / step, -_BIAS_LIMIT, _BIAS_LIMIT)).astype(np.int32)
            addend = (rounded * step.astype(np.float64)).astype(np.float32)
            result = result + _per_channel(product, addend, result.ndim)
        self.reached[product.y] = result
        sqnr = _sqnr(self.real[product.y], result)
        self.chosen.products[layer.name] = Choice(scale, integers, rounded, sqnr)

    def _weight_scale(
        self, layer: Layer, product: Product, weights: AnyArray, real: Float32, reached: Float32
    ) -> Scale:
        options = self.options
        axis = weight_axis(product.op_type) if options.per_channel else None
        others = tuple(number for number in range(weights.ndim) if number != axis)
        reduced = None if axis is None else others
        low, high = weights.min(axis=reduced), weights.max(axis=reduced)

        def make(low: AnyArray | float, high: AnyArray | float) -> Scale:
            symmetric = options.weight_scheme == "symmetric"
            return Scale.of_range(product.weights, low, high, symmetric=symmetric, axis=axis)

        def own_error(scale: Scale) -> AnyArray:
            return np.square(scale.nearest(weights) - weights, dtype=np.float64).sum(axis=reduced)

        if options.calibrate == "mse":
            return search(make, low, high, own_error)
        if options.calibrate != "propagated":
            return make(low, high)
        groups = integer(layer, "group", 1) if layer.op_type == "Conv" else 1
        matrix = weight_matrix(product.op_type, weights, groups)
        own, cross = correlations(layer, self.network, reached, real, matrix)

        def error(scale: Scale) -> AnyArray:
            found = output_error(weight_matrix(product.op_type, scale.nearest(weights), groups), own, cross)
            return found if options.per_channel else found.sum()

        return search(make, low, high, error)

    def _forget(self, layer: Layer) -> None:
        for name in layer.inputs:
            self.readers[name] -= 1
            if self.readers[name] == 0:
                self.real.pop(name, None)
                self.reached.pop(name, None)

    def _agreement(self) -> float:
        name = self.network.outputs[0].name
        real, reached = (values[name] for values in (self.real, self.reached))
        if real.ndim < 2 or real.dtype != np.float32:
            return 1.0
        classes = real.shape[-1]
        same = np.equal(real.reshape(-1, classes).argmax(axis=1), reached.reshape(-1, classes).argmax(axis=1))
        return float(same.mean())


def _run(network: Network, layer: Layer, values: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The outputs of ``layer`` for every run."""
    inputs = tuple(network.tensors[name] for name in values)
    outputs: tuple[Tensor, ...] = tuple(network.tensors[name] for name in layer.outputs if name)
    one = replace(network, inputs=inputs, outputs=outputs, layers=(layer,))
    runs = len(next(iter(values.values()))) if values else 1
    found = [oracle.run(one, {name: values[name][run] for name in values}, FloatMode.IEEE) for run in range(runs)]
    return {tensor.name: np.stack([result[tensor.name] for result in found]) for tensor in outputs}


def _per_channel(product: Product, values: AnyArray, rank: int) -> AnyArray:
    """``values``, one for each channel, as they broadcast to (runs, *shape) of ``rank`` axes."""
    return values.reshape(-1, *(1,) * (rank - 3)) if product.op_type == "Conv" else values


def _mean(product: Product, array: Float32) -> NDArray[np.float64]:
    """The mean of each channel of (runs, *shape)."""
    axis = 2 if product.op_type == "Conv" else array.ndim - 1
    others = tuple(number for number in range(array.ndim) if number != axis)
    return array.mean(axis=others, dtype=np.float64)


def _with_room_for(bias: AnyArray, scale: Scale, x_scale: AnyArray) -> Scale:
    """``scale``, made larger where the bias in units of ``x_scale·scale`` would not fit int32."""
    needed = (np.abs(bias).astype(np.float64) / (float(x_scale) * (_BIAS_LIMIT / 2))).astype(np.float32)
    if scale.scale.ndim == 0:
        needed = needed.max(initial=0)
    return replace(scale, scale=np.asarray(np.maximum(scale.scale, needed), np.float32))


def _sqnr(real: Float32, reached: Float32) -> float:
    """Signal to quantisation noise in dB."""
    signal = float(np.square(real, dtype=np.float64).sum())
    noise = float(np.square(np.subtract(reached, real), dtype=np.float64).sum())
    return float("inf") if noise == 0 else 10 * float(np.log10(max(signal, 1e-300) / noise))
