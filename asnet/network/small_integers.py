"""Tensors of 2 and 4 bits in the file: constants and quantised tensors, kept in 8 bits.

A QuantizeLinear to 4 bits becomes one to 8 bits that saturates to the 4-bit range, so that products know the width.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

from asnet.network.checking import DEFAULT_DOMAINS
from asnet.network.own import OWN, import_own
from asnet.network.quantised_graph import attribute, element_type
from asnet.types import Array

__all__ = ["widen_small_integers"]

_SMALL: Mapping[str, tuple[int, int]] = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
"""Type → its least and greatest number."""


def _container(dtype: str) -> str:
    return "uint8" if dtype.startswith("u") else "int8"


def widen_small_integers(model: onnx.ModelProto, constants: dict[str, Array]) -> None:
    """Give constants, and the results of QuantizeLinear, of 2 and 4 bits the types int8 and uint8."""
    elements = {getattr(TensorProto, dtype.upper()): dtype for dtype in _SMALL if hasattr(TensorProto, dtype.upper())}
    small = {name: array.dtype.name for name, array in constants.items() if array.dtype.name in _SMALL}
    for name, dtype in small.items():
        constants[name] = constants[name].astype(_container(dtype))
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.domain not in DEFAULT_DOMAINS:
            continue
        zero = node.input[2] if len(node.input) > 2 else ""
        dtype = small.get(zero) or elements.get(attribute(node, "output_dtype", 0))
        if dtype is None:
            continue
        import_own(model)
        low, high = _SMALL[dtype]
        kept = [item for item in node.attribute if item.name != "output_dtype"]
        del node.attribute[:]
        node.domain = OWN
        facts = {"to": element_type(_container(dtype)), "low": low, "high": high}
        node.attribute.extend([*kept, *(helper.make_attribute(key, value) for key, value in facts.items())])
