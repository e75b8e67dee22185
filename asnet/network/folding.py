"""Constant folding: nodes that do not depend on the inputs' values become constants.

A node is folded if all its inputs are constants, or if it asks for the (static) shape or the type of a tensor, so that
chains such as Shape → Gather → Concat → Reshape leave a Reshape to a constant shape. Operators of the oracle on
run-time types are evaluated by it (in ieee mode; constants are flushed later), all others by ONNX's own reference
implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping

import numpy as np
import onnx
from onnx import helper

from asnet.errors import NetworkError
from asnet.network import oracle
from asnet.network.checking import CONTROL_FLOW, SEQUENCE_OPERATORS, check_mode, describe, opset_version
from asnet.network.graph import constant_value, replace_nodes, to_array, to_layer
from asnet.network.model import Network, Tensor
from asnet.network.oracle_elementwise import cast
from asnet.network.precautions import LARGEST_FOLDED
from asnet.network.reading import one_line
from asnet.network.rewriting import rewrite
from asnet.network.shapes import infer
from asnet.network.validation import validate
from asnet.types import ELEMENT_TYPES, Array, FloatMode

__all__ = ["fold"]

_MOST_FOLDED = 2**28
"""Elements of all arrays that folding may create together."""

_RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
_UNFOLDED = _RANDOM | CONTROL_FLOW | SEQUENCE_OPERATORS
_SHAPES = frozenset({"Shape", "Size"})


def fold(
    model: onnx.ModelProto, constants: dict[str, Array], where: str, *, keep: Collection[str] = ()
) -> Mapping[str, Tensor]:
    """Fold until nothing changes: removes folded nodes from ``model``, adds to ``constants``; the inferred tensors.

    All constants are in ``constants``, none in ``model``. Nodes whose operator is in ``keep`` stay.

    Raises:
        NetworkError: shapes do not fit, or a constant node cannot be evaluated.
    """
    total = 0
    while True:
        tensors = infer(model, constants, where)
        inferred = set(constants)
        kept: list[onnx.NodeProto] = []
        changed = False
        for node in model.graph.node:
            simpler = rewrite(node, constants, tensors)
            if simpler is not None:
                kept.extend(simpler[0])
                constants.update(simpler[1])
                changed = True
                continue
            known = inferred if any(name and name not in tensors for name in node.output) else constants
            if node.op_type not in keep and _is_known(node, known, constants, tensors):
                total += _check_sizes(node, tensors, total, where)
                constants.update(_evaluate(node, model, constants, tensors, where))
            else:
                kept.append(node)
        if len(kept) == len(model.graph.node) and not changed:
            return tensors
        replace_nodes(model.graph, kept)


def _is_known(
    node: onnx.NodeProto, known: Container[str], constants: Mapping[str, Array], tensors: Mapping[str, Tensor]
) -> bool:
    """Whether the outputs of ``node`` do not depend on the network's inputs.

    ``known`` are the constants that count: where a shape could not be inferred, only those that were there before.
    """
    if node.op_type in _SHAPES and node.input[0] in tensors:
        return True
    if _is_cast_of_constant(node, constants, tensors):
        return True
    return node.op_type not in _UNFOLDED and all(not name or name in known for name in node.input)


def _is_cast_of_constant(node: onnx.NodeProto, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    """Whether ``node`` is a CastLike whose value and type are known, though not the tensor that gives the type."""
    if node.op_type != "CastLike" or node.input[0] not in constants or node.input[1] not in tensors:
        return False
    return {constants[node.input[0]].dtype.name, tensors[node.input[1]].dtype} <= ELEMENT_TYPES.keys()


def _check_sizes(node: onnx.NodeProto, tensors: Mapping[str, Tensor], total: int, where: str) -> int:
    """Elements of the outputs of ``node``; ``total`` are folded already."""
    sizes = [tensors[name].size for name in node.output if name in tensors]
    if max(sizes, default=0) > LARGEST_FOLDED:
        raise NetworkError(f"{describe(node, where)}: a constant of {max(sizes)} elements is too large; shrink it")
    if total + sum(sizes) > _MOST_FOLDED:
        raise NetworkError(
            f"{describe(node, where)}: constants of more than {_MOST_FOLDED} elements would be computed; store them in "
            "the model"
        )
    return sum(sizes)


def _evaluate(
    node: onnx.NodeProto,
    model: onnx.ModelProto,
    constants: Mapping[str, Array],
    tensors: Mapping[str, Tensor],
    where: str,
) -> dict[str, Array]:
    """The outputs of ``node``."""
    if node.op_type in _SHAPES and node.input[0] not in constants:
        return {node.output[0]: _shape(node, tensors[node.input[0]])}
    if _is_cast_of_constant(node, constants, tensors):
        return {node.output[0]: cast(constants[node.input[0]], tensors[node.input[1]].dtype)}
    if (value := constant_value(node, describe(node, where))) is not None:
        return {node.output[0]: value}
    if node.op_type == "ConstantOfShape" and node.output[0] in tensors:
        return {node.output[0]: _filled(node, tensors[node.output[0]], describe(node, where))}
    check_mode(node, constants, where)
    if node.op_type in oracle.OPERATORS and any(name and name not in tensors for name in node.output):
        tensors = _infer_one(node, model, constants, where)  # an input was folded just now
    if _is_run_time(node, constants, tensors):
        return _run_oracle(node, model, constants, tensors, where)
    return _run_reference(node, model, constants, describe(node, where))


def _infer_one(
    node: onnx.NodeProto, model: onnx.ModelProto, constants: Mapping[str, Array], where: str
) -> Mapping[str, Tensor]:
    """The tensors of ``node``, whose inputs are constants; none where its inference is too strict."""
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    one = helper.make_model(
        helper.make_graph([node], "fold", [], outputs),
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
    )
    try:
        return infer(one, {name: constants[name] for name in node.input if name}, where)
    except NetworkError:
        return {}


def _is_run_time(node: onnx.NodeProto, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> bool:
    """Whether the network could compute ``node`` at run time as well."""
    inputs = [constants[name].dtype.name for name in node.input if name]
    outputs = [tensors[name].dtype if name in tensors else "" for name in node.output if name]
    return node.op_type in oracle.OPERATORS and all(dtype in ELEMENT_TYPES for dtype in (*inputs, *outputs))


def _shape(node: onnx.NodeProto, tensor: Tensor) -> Array:
    if node.op_type == "Size":
        return np.array(tensor.size, np.int64)
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(tensor.shape[bounds.get("start") : bounds.get("end")], np.int64)


def _filled(node: onnx.NodeProto, tensor: Tensor, what: str) -> Array:
    """What ConstantOfShape gives: by default zeros of float32."""
    value = next((to_array(attribute.t, what) for attribute in node.attribute), np.zeros(1, np.float32))
    if value.size != 1:
        raise NetworkError(f"{what}: its value has {value.size} elements; it must have one")
    return np.full(tensor.shape, value.reshape(()))


def _run_oracle(
    node: onnx.NodeProto,
    model: onnx.ModelProto,
    constants: Mapping[str, Array],
    tensors: Mapping[str, Tensor],
    where: str,
) -> dict[str, Array]:
    layer = to_layer(node, set(node.output), describe(node, where))
    operands = {name: constants[name] for name in node.input if name}
    operand_tensors = {name: Tensor(name, array.dtype.name, array.shape) for name, array in operands.items()}
    outputs = tuple(tensors[name] for name in layer.outputs if name)
    network = Network(
        name=where,
        digest="",
        inputs=(),
        outputs=outputs,
        layers=(layer,),
        tensors={**operand_tensors, **{tensor.name: tensor for tensor in outputs}},
        constants=operands,
        opset=opset_version(model, where),
    )
    validate(network, where)
    found = oracle.run(network, {}, FloatMode.IEEE)
    return {tensor.name: np.ascontiguousarray(found[tensor.name]).reshape(tensor.shape) for tensor in outputs}


def _run_reference(
    node: onnx.NodeProto, model: onnx.ModelProto, constants: Mapping[str, Array], what: str
) -> dict[str, Array]:
    from onnx.reference import ReferenceEvaluator  # slow to import, and rarely needed

    names = sorted({name for name in node.input if name})
    outputs = [name for name in node.output if name]
    graph = helper.make_graph(
        [node],
        "fold",
        [onnx.ValueInfoProto(name=name) for name in names],
        [onnx.ValueInfoProto(name=name) for name in outputs],
    )
    one = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        with np.errstate(all="ignore"):
            feeds = {name: constants[name] for name in names}
            values = ReferenceEvaluator(one).run(None, feeds)  # pyright: ignore[reportUnknownMemberType] (untyped there)
    except Exception as error:  # whatever the implementation of that operator raises
        raise NetworkError(f"{what}: has constant inputs but cannot be evaluated: {one_line(error)}") from None
    if any(isinstance(value, list | dict) or value is None for value in values):
        raise NetworkError(f"{what}: its value is not a tensor; only tensors are supported")
    return {name: np.asarray(value, order="C") for name, value in zip(outputs, values, strict=True)}
