"""Stage 1a: an ONNX file becomes a :class:`Network`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from types import MappingProxyType

import numpy as np
import onnx

from asnet.errors import NetworkError, Refusals, UnsupportedError, UsageError
from asnet.network.binding import bind_inputs
from asnet.network.checking import check_functions, check_mode, check_supported, describe, opset_version
from asnet.network.expanding import inline_functions
from asnet.network.external import load_external_data
from asnet.network.foreign import FOREIGN, translate
from asnet.network.graph import drop_unreachable, keep_output, name_nodes, to_array, to_layer
from asnet.network.model import Layer, LoadOptions, Network, Shapes, Tensor
from asnet.network.reading import Source, check_structure, read
from asnet.network.shapes import check_type
from asnet.network.simplifying import simplify
from asnet.network.small_integers import widen_small_integers
from asnet.network.upgrading import upgrade
from asnet.network.validation import validate
from asnet.types import Array

__all__ = ["load", "load_source"]


def load(
    path: str | PathLike[str] | bytes, *, batch: int = 1, shapes: Shapes | None = None, output: str | None = None
) -> Network:
    """Read an ONNX model (a path, or the bytes of a file); one of an opset before 7 is converted.

    ``shapes`` gives dynamic axes their extent: ``{"seq": 16}`` all axes of that name, ``{"x": (1, 3, 32, 32)}`` those
    of an input. Of the others, the axis of the images gets ``batch``: the one called like it (``N``, ``batch`` …), else
    the first. ``output`` keeps one of several outputs and what it needs.

    Nodes without influence on the outputs are dropped, function operators that ASNet does not know are expanded, nodes
    that do not depend on the inputs' values are folded. Layers keep their ONNX names; a nameless one is called
    ``<op_type in lower case>_<k>``, a name seen before gets ``_<k>`` appended.

    Raises:
        NetworkError: the file cannot be read or is not a valid network.
        UnsupportedError: it has control flow, other domains, types that :data:`asnet.types.ELEMENT_TYPES` lacks, shapes
            that depend on values.
        UsageError: ``batch`` is less than 1, ``shapes`` or ``output`` names what is not there.
    """
    if batch < 1:
        raise UsageError(f"batch {batch!r} must be at least 1")
    source = read(path)
    network = load_source(source, batch, shapes or {}, output)
    if not network.inputs:
        raise NetworkError(f"{source.where}: the graph has no inputs; there is nothing to run it on")
    return network


def load_source(
    source: Source, batch: int = 1, shapes: Shapes = MappingProxyType({}), output: str | None = None
) -> Network:
    """:func:`load` of a model that is read already; it may have no inputs."""
    where = source.where
    source = upgrade(source)
    opset = opset_version(source.model, where)
    if output is not None:
        keep_output(source.model.graph, output, where)
    drop_unreachable(source.model.graph)
    check_functions(source.model, where)
    source = replace(source, model=inline_functions(source.model, where))
    model = source.model
    name_nodes(model.graph)
    check_supported(model, opset, where, foreign=FOREIGN)
    source = load_external_data(source)
    check_structure(source)
    constants = {tensor.name: to_array(tensor, where) for tensor in model.graph.initializer} | dict(source.weights)
    del model.graph.initializer[:]
    inputs = bind_inputs(model, constants, batch, shapes, where)
    widen_small_integers(model, constants)
    translate(model, constants, where)
    tensors = simplify(model, constants, opset, where)
    check_supported(model, opset, where, expanded=True)
    network = _network(source, opset, inputs, constants, tensors)
    written = {name: (shape,) if isinstance(shape, int) else tuple(shape) for name, shape in shapes.items()}
    return replace(network, options=LoadOptions(written, output))


def _network(
    source: Source,
    opset: int,
    inputs: tuple[Tensor, ...],
    constants: Mapping[str, Array],
    inferred: Mapping[str, Tensor],
) -> Network:
    graph, where = source.model.graph, source.where
    drop_unreachable(graph)  # folding leaves nodes that only gave shapes
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    kept = {name: array for name, array in constants.items() if name in used}
    for name, array in kept.items():
        _check_constant(name, array, where)
    tensors = {tensor.name: tensor for tensor in inputs}
    tensors |= {name: Tensor(name, array.dtype.name, array.shape) for name, array in kept.items()}
    layers: list[Layer] = []
    refusals = Refusals()
    for node in graph.node:
        with refusals.collect():
            layers.append(to_layer(node, used, describe(node, where)))
            check_mode(node, kept, where)
            for name in layers[-1].outputs:
                if name:
                    tensors[name] = _output(name, node, inferred, where)
    refusals.raise_any()
    kept = _give_constant_outputs(graph, layers, tensors, kept)
    network = Network(
        name=source.name,
        digest=source.digest,
        inputs=inputs,
        outputs=tuple(_graph_outputs(graph, tensors, where)),
        layers=tuple(layers),
        tensors=tensors,
        constants=kept,
        opset=opset,
    )
    validate(network, where)
    return network


def _graph_outputs(graph: onnx.GraphProto, tensors: Mapping[str, Tensor], where: str) -> Iterable[Tensor]:
    if not graph.output:
        raise NetworkError(f"{where}: the graph has no outputs; there is nothing to compute")
    for value in graph.output:
        if value.name not in tensors:
            raise NetworkError(f"{where}: output {value.name!r} is computed by no node; export the network again")
        yield tensors[value.name]


def _give_constant_outputs(
    graph: onnx.GraphProto, layers: list[Layer], tensors: dict[str, Tensor], constants: Mapping[str, Array]
) -> dict[str, Array]:
    """Put an Identity before each output that is a constant, which gets the name ``<output>.value``; the constants."""
    renamed: dict[str, str] = {}
    for name in dict.fromkeys(value.name for value in graph.output if value.name in constants):
        value = f"{name}.value"
        while value in tensors:
            value += "_"
        renamed[name] = value
        tensors[value] = replace(tensors[name], name=value)
    taken = {layer.name for layer in layers}
    for number, layer in enumerate(layers):
        layers[number] = replace(layer, inputs=tuple(renamed.get(name, name) for name in layer.inputs))
    for name, value in renamed.items():
        title = f"{name}.copy"
        while title in taken:
            title += "_"
        taken.add(title)
        layers.append(Layer(title, "Identity", (value,), (name,)))
    return {renamed.get(name, name): array for name, array in constants.items()}


def _check_constant(name: str, array: Array, where: str) -> None:
    check_type(array.dtype.name if array.dtype.kind not in "OSUT" else "string", f"{where}: tensor {name!r}")
    with np.errstate(invalid="ignore"):  # a NaN that signals
        undefined = array.dtype == np.float32 and np.isnan(np.max(array, initial=0))
    if undefined:
        position = [int(index) for index in np.argwhere(np.isnan(array))[0]]
        raise NetworkError(f"{where}: tensor {name!r} is NaN at {position}; a network's constants are numbers")


def _output(name: str, node: onnx.NodeProto, inferred: Mapping[str, Tensor], where: str) -> Tensor:
    tensor = inferred.get(name)
    what = f"{describe(node, where)}: output {name!r}"
    if tensor is None:
        raise UnsupportedError(f"{what} has no static shape; only shapes that do not depend on values are supported")
    check_type(tensor.dtype, what)
    return tensor
