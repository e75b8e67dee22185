"""A model as plain operators on run-time tensors: constants folded, control flow resolved, functions expanded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx

from asnet.network import oracle
from asnet.network.control_flow import resolve_control_flow
from asnet.network.expanding import expand_operators, state_defaults
from asnet.network.folding import fold
from asnet.network.fusing import fuse
from asnet.network.graph import drop_unreachable
from asnet.network.model import Tensor
from asnet.network.sequences import resolve_sequences
from asnet.types import Array

__all__ = ["simplify"]

_QUANTISED = "DequantizeLinear"


def simplify(model: onnx.ModelProto, constants: dict[str, Array], opset: int, where: str) -> Mapping[str, Tensor]:
    """Simplify ``model``, whose constants are all in ``constants``; new ones are added. The inferred tensors.

    Operators that the oracle does not define are expanded last, so that what can be folded as a whole is; networks in
    QDQ form become integer operators before their constants are dequantised.

    Raises:
        NetworkError: shapes do not fit, or a constant node cannot be evaluated.
    """
    if any(node.op_type == _QUANTISED for node in model.graph.node):
        _settle(model, opset, constants, where, keep=(_QUANTISED,))
        fuse(model, constants, opset)
    return _settle(model, opset, constants, where)


def _settle(
    model: onnx.ModelProto, opset: int, constants: dict[str, Array], where: str, keep: Collection[str] = ()
) -> Mapping[str, Tensor]:
    while True:
        drop_unreachable(model.graph)
        state_defaults(model, oracle.OPERATORS)
        tensors = fold(model, constants, where, keep=keep)
        drop_unreachable(model.graph)
        changed = (
            resolve_sequences(model, opset, constants, tensors)
            or resolve_control_flow(model, opset, constants, tensors)
            or expand_operators(model, oracle.OPERATORS, where, constants)
        )
        if not changed:
            return tensors
