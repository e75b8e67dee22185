"""Nodes that become simpler ones once their parameters and shapes are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import onnx

from asnet.network.compressing import compress_to_gather
from asnet.network.model import Tensor
from asnet.types import Array

__all__ = ["Rewritten", "rewrite"]

Rewritten: TypeAlias = "tuple[list[onnx.NodeProto], dict[str, Array]]"
"""The nodes that stand for a node, and their new constants."""


def rewrite(node: onnx.NodeProto, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> Rewritten | None:
    """What stands for ``node``; None if it is to stay."""
    rule = _RULES.get(node.op_type)
    return rule(node, constants, tensors) if rule else None


def _dropout(node: onnx.NodeProto, constants: Mapping[str, Array], tensors: Mapping[str, Tensor]) -> Rewritten | None:
    """Outside training the mask of a Dropout is true everywhere."""
    mask = node.output[1] if len(node.output) > 1 else ""
    trains = len(node.input) > 2 and node.input[2] and np.any(constants.get(node.input[2], np.True_))
    if not mask or mask not in tensors or trains:
        return None
    plain = onnx.NodeProto()
    plain.CopyFrom(node)
    del plain.output[1:]
    return [plain] if plain.output[0] else [], {mask: np.ones(tensors[mask].shape, tensors[mask].dtype)}


_RULES: Mapping[str, Callable[[onnx.NodeProto, Mapping[str, Array], Mapping[str, Tensor]], Rewritten | None]] = {
    "Compress": lambda node, constants, tensors: compress_to_gather(node, constants),
    "Dropout": _dropout,
}
