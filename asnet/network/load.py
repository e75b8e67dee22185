"""Stage 1a: an ONNX file becomes a :class:`Network`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike

import numpy as np
import onnx

from asnet.errors import NetworkError, UnsupportedError, UsageError
from asnet.network.checking import check_mode, check_supported, describe, opset_version
from asnet.network.folding import fold
from asnet.network.graph import drop_unreachable, name_nodes, to_layer
from asnet.network.model import Layer, Network, Tensor
from asnet.network.reading import Source, check_structure, load_external_data, read
from asnet.network.shapes import bind_inputs
from asnet.network.validation import validate
from asnet.types import Array

__all__ = ["load"]

_CONSTANT_TYPES = frozenset({"float32", "int64", "int32", "bool"})


def load(path: str | PathLike[str] | bytes, *, batch: int = 1) -> Network:
    """Read an ONNX model (a path, or the bytes of a file) of opset 7 or newer.

    A dynamic first axis of the inputs becomes ``batch``. Nodes without influence on the outputs are dropped, nodes
    that do not depend on the inputs' values are folded. Layers keep their ONNX names; a nameless one is called
    ``<op_type in lower case>_<k>``, a name seen before gets ``_<k>`` appended.

    Raises:
        NetworkError: the file cannot be read or is not a valid network.
        UnsupportedError: it has control flow, other domains, other types than float32, dynamic shapes.
        UsageError: ``batch`` is less than 1.
    """
    if batch < 1:
        raise UsageError(f"batch {batch!r} must be at least 1")
    source = read(path)
    model, where = source.model, source.where
    opset = opset_version(model, where)
    drop_unreachable(model.graph)
    name_nodes(model.graph)
    check_supported(model, opset, where)
    digest = load_external_data(source)
    check_structure(source)
    inputs = bind_inputs(model, batch, where)
    constants, tensors = fold(model, where)
    return _network(source, digest, opset, inputs, constants, tensors)


def _network(
    source: Source,
    digest: str,
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
    for node in graph.node:
        layers.append(to_layer(node, used, describe(node, where)))
        check_mode(node, kept, where)
        for name in layers[-1].outputs:
            if name:
                tensors[name] = _output(name, node, inferred, where)
    network = Network(
        name=source.name,
        digest=digest,
        inputs=inputs,
        outputs=tuple(_graph_outputs(graph, tensors, kept, where)),
        layers=tuple(layers),
        tensors=tensors,
        constants=kept,
        opset=opset,
    )
    validate(network, where)
    return network


def _graph_outputs(
    graph: onnx.GraphProto, tensors: Mapping[str, Tensor], constants: Mapping[str, Array], where: str
) -> Iterable[Tensor]:
    if not graph.output:
        raise NetworkError(f"{where}: the graph has no outputs; there is nothing to compute")
    for value in graph.output:
        if value.name not in tensors:
            raise NetworkError(f"{where}: output {value.name!r} is computed by no node; export the network again")
        if value.name in constants:
            raise UnsupportedError(f"{where}: output {value.name!r} is a constant; remove it from the graph's outputs")
        yield tensors[value.name]


def _check_constant(name: str, array: Array, where: str) -> None:
    if array.dtype.name not in _CONSTANT_TYPES:
        kind = array.dtype.name if array.dtype.kind not in "OSUT" else "string"
        raise UnsupportedError(
            f"{where}: tensor {name!r} is {kind}; supported: {', '.join(sorted(_CONSTANT_TYPES))}; "
            "export the network in float32"
        )
    if array.dtype == np.float32 and np.isnan(array).any():
        position = [int(index) for index in np.argwhere(np.isnan(array))[0]]
        raise NetworkError(f"{where}: tensor {name!r} is NaN at {position}; a network's constants are numbers")


def _output(name: str, node: onnx.NodeProto, inferred: Mapping[str, Tensor], where: str) -> Tensor:
    tensor = inferred.get(name)
    what = f"{describe(node, where)}: output {name!r}"
    if tensor is None:
        raise UnsupportedError(f"{what} has no static shape; only shapes that do not depend on values are supported")
    if tensor.dtype != "float32":
        raise UnsupportedError(f"{what} is {tensor.dtype}; only float32 is computed, export the network in float32")
    if tensor.size == 0:
        raise NetworkError(f"{what} of shape {list(tensor.shape)} has no elements; remove the node")
    return tensor
