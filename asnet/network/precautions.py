"""What ONNX's inference of shapes must not be given, because it would end the process or take all memory."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper

from asnet.errors import NetworkError
from asnet.network.checking import describe
from asnet.network.model import Tensor
from asnet.types import Array

__all__ = ["LARGEST_FOLDED", "check_inferable", "stand_in_for_ranges", "values_may_be_inferred"]

LARGEST_FOLDED = 2**27
"""Elements of the largest array that folding may create."""

_LARGEST_PROPAGATED = 2**20
"""Elements up to which a tensor may be when values are inferred with the shapes: it takes some 140 bytes for each."""

_GROWING = frozenset(
    {
        *("CenterCropPad", "Col2Im", "ConstantOfShape", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile"),
        *("BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix", "MaxUnpool", "Upsample", "DFT", "STFT"),
        *("If", "Loop", "Scan", "SplitToSequence", "SequenceMap", "AffineGrid"),
    }
)
"""Operators whose result may be of any size, depending on values."""


def check_inferable(model: onnx.ModelProto, constants: Mapping[str, Array], where: str) -> None:
    """Refuse contradictions that the inference does not look for before it relies on them.

    Raises:
        NetworkError: naming the node.
    """
    for node in model.graph.node:
        if node.op_type == "Split":
            counts = [attribute.i for attribute in node.attribute if attribute.name == "num_outputs"]
            if counts and counts[0] != len(node.output):
                raise NetworkError(
                    f"{describe(node, where)}: num_outputs is {counts[0]}, but it has {len(node.output)} outputs"
                )
        elif node.op_type == "Range":
            _check_range(node, constants, where)


def _check_range(node: onnx.NodeProto, constants: Mapping[str, Array], where: str) -> None:
    bounds = [constants.get(name) for name in node.input]
    if len(bounds) != 3 or any(bound is None or bound.size != 1 or bound.dtype.kind not in "iuf" for bound in bounds):
        return
    start, limit, step = (float(bound.item()) for bound in bounds if bound is not None)
    with np.errstate(all="ignore"):
        length = float(np.ceil(np.divide(limit - start, step)))
    if math.isnan(length) or length > LARGEST_FOLDED:
        raise NetworkError(f"{describe(node, where)}: from {start:g} to {limit:g} by {step:g} is too long; shrink it")


def stand_in_for_ranges(model: onnx.ModelProto, constants: Mapping[str, Array]) -> None:
    """Put a node whose output has an unknown length in place of each Range in ``model`` that is given vectors.

    The inference refuses vectors of one element, which runtimes take, and ONNX's own definition of AffineGrid gives.
    """
    for node in model.graph.node:
        if node.op_type == "Range" and any(name in constants and constants[name].ndim for name in node.input):
            node.CopyFrom(helper.make_node("Unique", node.input[:1], node.output[:1], name=node.name))


def values_may_be_inferred(model: onnx.ModelProto, tensors: Mapping[str, Tensor]) -> bool:
    """Whether ONNX's inference should look at ``model`` again and propagate values, which writes vectors out.

    ``tensors`` are those of known shape. Not if there is nothing left to infer, nor if anything might be large.
    """
    unknown = [node for node in model.graph.node if any(name and name not in tensors for name in node.output)]
    return (
        bool(unknown)
        and all(node.op_type not in _GROWING for node in unknown)
        and all(tensor.size <= _LARGEST_PROPAGATED for tensor in tensors.values())
    )
