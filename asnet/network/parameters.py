"""Which inputs of an operator are parameters: their values must be known when the network is compiled."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from asnet.network.graph import used_names

__all__ = ["PARAMETERS", "parameter_inputs"]

PARAMETERS: Mapping[str, tuple[int, ...]] = {
    "AffineGrid": (1,),
    "BatchNormalization": (1, 2, 3, 4),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "Compress": (1,),
    "ConstantOfShape": (0,),
    "CumProd": (1,),
    "CumSum": (1,),
    "DFT": (1, 2),
    "Dropout": (1, 2),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "If": (0,),
    "Loop": (0, 1),
    "MaxUnpool": (2,),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "OneHot": (1,),
    "Pad": (1, 2, 3),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "STFT": (1, 3),
    "SequenceAt": (1,),
    "SequenceErase": (1,),
    "SequenceInsert": (2,),
    "SplitToSequence": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
    **dict.fromkeys(
        (
            *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin"),
            *("ReduceProd", "ReduceSum", "ReduceSumSquare"),
        ),
        (1,),
    ),
}
"""Operator → positions of its parameters: what shapes, axes and amounts depend on."""

_SHAPES = frozenset({"Shape", "Size"})


def parameter_inputs(model: onnx.ModelProto) -> set[str]:
    """Inputs of the graph whose values a parameter of some node depends on (not only their shapes)."""
    producers = {name: node for node in model.graph.node for name in node.output if name}
    waiting = [
        node.input[position]
        for node in model.graph.node
        for position in PARAMETERS.get(node.op_type, ())
        if position < len(node.input)
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        node = producers.get(name)
        if node is not None and node.op_type not in _SHAPES:
            waiting.extend(used_names(node))
    return seen & {value.name for value in model.graph.input}
