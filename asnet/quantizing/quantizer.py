"""The whole job: a float ONNX network and images in, a quantised ONNX network and what was chosen out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker

from asnet.cache import check_writable_file, write_atomically
from asnet.errors import NetworkError, QuantizationError, UsageError
from asnet.network import Network, Shapes, load
from asnet.network.graph import drop_unreachable
from asnet.network.reading import one_line
from asnet.quantizing.equalizing import equalize
from asnet.quantizing.images import Images, read_images
from asnet.quantizing.model import FloatModel
from asnet.quantizing.options import Quantization
from asnet.quantizing.planning import Plan, make_plan
from asnet.quantizing.preparing import prepare
from asnet.quantizing.simulating import Scales, choose_scales
from asnet.quantizing.writing import write_graph
from asnet.types import AnyArray
from asnet.version import __version__

__all__ = ["QuantizedLayer", "QuantizedNetwork", "quantize"]

Progress = Callable[[int, int, str], None]

DEFAULT_IMAGES = 256


@dataclass(frozen=True)
class QuantizedLayer:
    """A product that became an integer one.

    ``weights``, ``activations``, ``result``: formats (``i8``, ``u4``) of its operands and of its result.
    ``activation_scale``, ``activation_zero``: of its first operand. ``weight_scales``: one, or one per channel.
    ``sqnr``: signal to quantisation noise of its result in dB, the errors of the layers before included.
    """

    name: str
    op_type: str
    weights: str
    activations: str
    result: str
    activation_scale: float
    activation_zero: int
    weight_scales: NDArray[np.float32]
    sqnr: float


@dataclass(frozen=True)
class QuantizedNetwork:
    """``model`` is the quantised network; ``agreement``: share of the images with the same greatest output as in float.

    ``notes``: layers that stayed float although they were asked for, and why.
    """

    model: onnx.ModelProto
    layers: tuple[QuantizedLayer, ...]
    agreement: float
    images: int
    equalized: int
    notes: tuple[str, ...]

    @property
    def data(self) -> bytes:
        """The content of the ONNX file; the same for the same network, images and options."""
        return self.model.SerializeToString(deterministic=True)

    def save(self, path: Path | str) -> None:
        """Write the ONNX file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        write_atomically(Path(path), self.data)

    def load(self) -> Network:
        """The network as the other stages take it."""
        return load(self.data)


def quantize(
    network: str | PathLike[str] | bytes,
    data: Images,
    options: Quantization | None = None,
    *,
    images: int = DEFAULT_IMAGES,
    out: Path | str | None = None,
    progress: Progress | None = None,
    shapes: Shapes | None = None,
    output: str | None = None,
) -> QuantizedNetwork:
    """Quantise the float ``network`` with scales chosen from the first ``images`` images of ``data``.

    Args:
        network: path or content of an ONNX file.
        data: path of an ``.npz`` file, the images (count, …), or input name → images.
        out: where to write the result; nothing is written if anything fails.
        progress: called (layers done, layers, name).
        shapes: extents of dynamic axes while calibrating, as :func:`asnet.network.load` takes them; they stay dynamic.
        output: the one of several outputs that is kept.

    Raises:
        QuantizationError: nothing can be quantised, or not as asked.
        NetworkError, UnsupportedError: the network is broken or not supported.
        DataError: the images do not fit.
    """
    chosen = options or Quantization()
    if out is not None:
        check_writable_file(Path(out))
    widest = max(chosen.weights, chosen.activations, *(bits for pair in chosen.bits.values() for bits in pair), 8)
    ready = prepare(network, 21 if widest > 8 else 13, output)
    plan = make_plan(ready, chosen)
    equalized = equalize(ready, plan) if chosen.equalize else 0
    plan = make_plan(ready, chosen) if equalized else plan
    loaded, values = _runs(ready, data, images, shapes or {})
    scales = choose_scales(loaded, plan, chosen, values, ready.constants, progress or _nothing)
    count = loaded.inputs[0].shape[0] * len(values[loaded.inputs[0].name])
    layers = tuple(_layer(plan, scales, name) for name in plan.products)
    write_graph(ready, plan, scales, chosen.format)
    model = _finished(ready, chosen)
    found = QuantizedNetwork(model, layers, scales.agreement, count, equalized, tuple(plan.notes))
    if out is not None:
        found.save(out)
    return found


def _nothing(done: int, total: int, name: str) -> None:
    """Nobody listens."""


def _runs(ready: FloatModel, data: Images, images: int, shapes: Shapes) -> tuple[Network, dict[str, AnyArray]]:
    """The float network, for all images at once if it can be so, and its inputs (runs, *shape)."""
    content = ready.to_model().SerializeToString()
    single = load(content, shapes=shapes)
    for tensor in single.inputs:
        if not tensor.shape or tensor.shape[0] < 1:
            raise QuantizationError(f"{ready.where}: input {tensor.name!r} has no axis that counts images")
    found = read_images(data, single.inputs, images)
    count = len(next(iter(found.values())))
    network = single
    if count > 1 and all(_is_dynamic(value) for value in ready.graph.input):
        try:
            together = load(content, batch=count, shapes=shapes)
        except (NetworkError, UsageError):  # a shape inside that fits one image only
            together = single
        if all(tensor.shape[:1] == (count,) for tensor in together.outputs):
            network = together
    runs = min(len(found[tensor.name]) // tensor.shape[0] for tensor in network.inputs)
    return network, {
        tensor.name: found[tensor.name][: runs * tensor.shape[0]].reshape(runs, *tensor.shape)
        for tensor in network.inputs
    }


def _is_dynamic(value: onnx.ValueInfoProto) -> bool:
    dims = value.type.tensor_type.shape.dim
    return len(dims) > 0 and dims[0].WhichOneof("value") != "dim_value"


def _layer(plan: Plan, scales: Scales, name: str) -> QuantizedLayer:
    product, choice = plan.products[name], scales.products[name]
    x = scales.tensors[plan.origin(product.x)]
    result = next(tensor for tensor in plan.tensors.values() if tensor.raw == product.y)
    return QuantizedLayer(
        name=name,
        op_type=product.op_type,
        weights=str(choice.scale.format),
        activations=str(x.format),
        result=str(result.format),
        activation_scale=float(x.scale),
        activation_zero=int(x.zero),
        weight_scales=choice.scale.scale.reshape(-1),
        sqnr=choice.sqnr,
    )


def _finished(ready: FloatModel, options: Quantization) -> onnx.ModelProto:
    """The model, tidied and checked."""
    drop_unreachable(ready.graph)
    model = ready.to_model()
    model.producer_name, model.producer_version = "asnet", __version__
    try:
        checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType] (untyped there)
    except Exception as error:  # ValidationError, InferenceError
        raise QuantizationError(f"{ready.where}: the quantised network is not valid: {one_line(error)}") from None
    return model
