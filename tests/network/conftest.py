"""Small ONNX models for the tests of this room."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def make_model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None] | None],
    outputs: Sequence[str] = ("y",),
    constants: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    domains: Sequence[tuple[str, int]] = (),
    **graph: Any,
) -> onnx.ModelProto:
    """A model of ``nodes`` with float32 inputs of the given shapes; outputs are float32 of inferred shape."""
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
        **graph,
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(*domain) for domain in domains)]
    built = helper.make_model(made, opset_imports=opsets, ir_version=8)
    with contextlib.suppress(onnx.shape_inference.InferenceError):
        built = onnx.shape_inference.infer_shapes(built, data_prop=True)
    for value in built.graph.output:  # the checker demands a shape, also where the test wants none to be inferred
        value.type.tensor_type.shape.SetInParent()
    return built


@pytest.fixture
def model() -> Callable[..., onnx.ModelProto]:
    return make_model


@pytest.fixture
def random() -> Callable[..., np.ndarray]:
    """Normally distributed float32 arrays of a fixed seed."""
    generator = np.random.default_rng(7)
    return lambda *shape: generator.standard_normal(shape).astype(np.float32)
