"""What the loader refuses, whatever the operator: other domains, control flow, sequences, training, sparse tensors.

Which operators are implemented is the lowering's table, not decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx

from asnet.errors import NetworkError, Refusals, UnsupportedError
from asnet.network.einsum import EQUATION
from asnet.network.own import OWN
from asnet.types import Array

__all__ = [
    "CONTROL_FLOW",
    "DEFAULT_DOMAINS",
    "OLDEST_OPSET",
    "SEQUENCE_OPERATORS",
    "check_functions",
    "check_mode",
    "check_supported",
    "describe",
    "has_body",
    "opset_version",
]

OLDEST_OPSET = 7
DEFAULT_DOMAINS = frozenset({"", "ai.onnx"})

CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})
"""Operators with subgraphs that may vanish when the network is loaded."""

SEQUENCE_OPERATORS = frozenset(
    {
        *("SequenceEmpty", "SequenceConstruct", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength"),
        *("SplitToSequence", "ConcatFromSequence", "Optional", "OptionalHasElement", "OptionalGetElement"),
    }
)
"""Operators on sequences and optionals, which may vanish when the network is loaded."""

_SUBGRAPHS = frozenset({onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS})
_ATTRIBUTE_KINDS = {
    onnx.AttributeProto.SPARSE_TENSOR: "a sparse tensor",
    onnx.AttributeProto.SPARSE_TENSORS: "sparse tensors",
    onnx.AttributeProto.TYPE_PROTO: "a type",
    onnx.AttributeProto.TYPE_PROTOS: "types",
}


def describe(node: onnx.NodeProto, where: str) -> str:
    """``net.onnx: node 'conv1' (Conv)``: the beginning of every message about a node."""
    return f"{where}: node {node.name!r} ({node.op_type})"


def opset_version(model: onnx.ModelProto, where: str) -> int:
    """Version of the default operator set.

    Raises:
        NetworkError: there is none, or two.
        UnsupportedError: it is too old or newer than the installed onnx package.
    """
    versions = {entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS}
    if len(versions) != 1:
        raise NetworkError(f"{where}: the model must import one version of ai.onnx, it imports {sorted(versions)}")
    version = versions.pop()
    newest = onnx.defs.onnx_opset_version()
    if version < OLDEST_OPSET:
        raise UnsupportedError(
            f"{where}: opset {version} is not supported, {OLDEST_OPSET} is the oldest; export the network again"
        )
    if version > newest:
        raise UnsupportedError(
            f"{where}: opset {version} is newer than {newest} of onnx {onnx.__version__}; update onnx"
        )
    return version


def check_functions(model: onnx.ModelProto, where: str) -> None:
    """Refuse functions that redefine operators.

    Raises:
        UnsupportedError: naming the function.
    """
    for function in model.functions:
        if function.domain in DEFAULT_DOMAINS:
            raise UnsupportedError(f"{where}: function {function.name!r} redefines an operator; rename it")


def check_supported(
    model: onnx.ModelProto,
    opset: int,
    where: str,
    *,
    expanded: bool = False,
    foreign: Collection[tuple[str, str]] = (),
) -> None:
    """Refuse what no later stage can handle; before function operators are ``expanded``, their domains may be others.

    ``foreign`` are the operators, with their domains, that are still to be translated.

    Raises:
        NetworkError: an operator that ONNX does not define.
        UnsupportedError: naming the tensor, or all nodes.
    """
    for sparse in model.graph.sparse_initializer:
        raise UnsupportedError(
            f"{where}: tensor {sparse.values.name!r}: sparse tensors are not supported; make it dense"
        )
    opsets = {entry.domain: entry.version for entry in model.opset_import} | {"": opset, "ai.onnx": opset}
    refusals = Refusals()
    for node in model.graph.node:
        with refusals.collect():
            _check_node(node, opsets, describe(node, where), expanded, foreign)
    refusals.raise_any()


def _check_node(
    node: onnx.NodeProto, opsets: Mapping[str, int], what: str, expanded: bool, foreign: Collection[tuple[str, str]]
) -> None:
    if "\0" in node.name:
        raise UnsupportedError(f"{what}: a name with a null character is not supported; rename the node")
    known = node.domain in DEFAULT_DOMAINS
    if (node.domain, node.op_type) in foreign or (expanded and node.domain == OWN):
        return
    if not known and (expanded or not has_body(node, opsets)):
        others = sorted(op_type for domain, op_type in foreign if domain == node.domain)
        hint = f"of its operators ASNet knows {', '.join(others)}" if others else "functions inlined"
        raise UnsupportedError(
            f"{what}: domain {node.domain!r} is not supported; export with operators of ai.onnx only, {hint}"
        )
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets[node.domain], "" if known else node.domain)
    except onnx.defs.SchemaError:
        raise NetworkError(
            f"{what}: opset {opsets[node.domain]} of ai.onnx has no such operator; mend the model"
        ) from None
    for position, name in enumerate(node.input if schema.inputs else ()):
        formal = schema.inputs[min(position, len(schema.inputs) - 1)]
        if not name and formal.option != onnx.defs.OpSchema.FormalParameterOption.Optional:
            raise NetworkError(f"{what}: input {position} ({formal.name!r}) is missing; mend the model")
    if any(attribute.type in _SUBGRAPHS for attribute in node.attribute):
        if expanded or node.op_type not in CONTROL_FLOW:
            raise UnsupportedError(
                f"{what}: control flow that depends on values is not supported; export a network whose operators are "
                "the same for every input"
            )
        return
    if expanded and node.op_type in SEQUENCE_OPERATORS:
        raise UnsupportedError(f"{what}: sequences that depend on values are not supported; use tensors")
    for attribute in node.attribute:
        if attribute.type in _ATTRIBUTE_KINDS and node.op_type not in SEQUENCE_OPERATORS:
            kind = _ATTRIBUTE_KINDS[attribute.type]
            raise UnsupportedError(f"{what}: attribute {attribute.name!r} is {kind}, which is not supported")
    if node.op_type == "Einsum":
        _check_equation(node, what)
    if node.op_type == "BatchNormalization":
        _check_batch_normalization(node, opsets[""], what)


def has_body(node: onnx.NodeProto, opsets: Mapping[str, int]) -> bool:
    """Whether ONNX's specification defines the operator of ``node`` by others."""
    domain = "" if node.domain in DEFAULT_DOMAINS else node.domain
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets.get(domain, 0), domain)
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)  # pyright: ignore (untyped there)


def _check_equation(node: onnx.NodeProto, what: str) -> None:
    """Refuse what is no equation before ONNX's inference of shapes, which does not end on some."""
    for attribute in node.attribute:
        equation = attribute.s.decode("utf-8", "replace")
        if attribute.name == "equation" and not EQUATION.fullmatch(equation.replace(" ", "")):
            raise NetworkError(f"{what}: equation {equation!r} is none of letters and ellipses; mend the model")


def _check_batch_normalization(node: onnx.NodeProto, opset: int, what: str) -> None:
    values = {attribute.name: attribute.i for attribute in node.attribute}
    if values.get("training_mode", 0) or (opset < 14 and any(node.output[1:])):
        raise UnsupportedError(f"{what}: training mode is not supported; export the network for inference")
    if values.get("spatial", 1) != 1:
        raise UnsupportedError(f"{what}: spatial=0 is not supported; use one statistic per channel")


def check_mode(node: onnx.NodeProto, constants: Mapping[str, Array], where: str) -> None:
    """Refuse a Dropout whose input ``training_mode`` is, or may be, true.

    Raises:
        UnsupportedError: naming the node.
    """
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return
    if node.input[2] not in constants or constants[node.input[2]].any():
        raise UnsupportedError(
            f"{describe(node, where)}: training mode is not supported; export the network for inference"
        )
