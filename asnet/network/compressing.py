"""Compress with a constant condition is a Gather: its shape is known then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from asnet.types import Array

__all__ = ["compress_to_gather"]


def compress_to_gather(
    node: onnx.NodeProto, constants: Mapping[str, Array]
) -> tuple[list[onnx.NodeProto], dict[str, Array]] | None:
    """The nodes that stand for ``node`` and their new constants; None if it is no Compress with a constant condition.

    Without an axis the tensor is reshaped to one row before.
    """
    if node.op_type != "Compress" or node.input[0] in constants or node.input[1] not in constants:
        return None
    values: dict[str, Array] = {f"{node.name}/indices": np.flatnonzero(constants[node.input[1]]).astype(np.int64)}
    axes = [attribute.i for attribute in node.attribute if attribute.name == "axis"]
    source, nodes = node.input[0], list[onnx.NodeProto]()
    if not axes:
        values[f"{node.name}/shape"] = np.array([-1], np.int64)
        source = f"{node.name}/row"
        nodes.append(helper.make_node("Reshape", [node.input[0], f"{node.name}/shape"], [source], f"{source}.reshape"))
    nodes.append(
        helper.make_node("Gather", [source, f"{node.name}/indices"], node.output, node.name, axis=(axes or [0])[0])
    )
    return nodes, values
