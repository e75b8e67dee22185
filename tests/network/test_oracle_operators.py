"""Each operator of the oracle against ONNX's reference implementation and onnxruntime, within rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from asnet.network import load, oracle
from asnet.types import FloatMode


@dataclass(frozen=True)
class Case:
    """One node: shapes of its computed inputs, and its constant inputs after them (arrays, or shapes to draw)."""

    op: str
    shapes: tuple[tuple[int, ...], ...]
    constants: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    reference: bool = True
    """Whether onnx.reference implements the case correctly."""

    def __str__(self) -> str:
        attributes = ",".join(f"{name}={value}" for name, value in self.attributes.items())
        constants = ",".join(str(c).replace("\n", "") for c in self.constants)
        return f"{self.op}-{self.opset}-{self.shapes}-{constants}-{attributes}".replace(" ", "")


IMAGE = (2, 4, 7, 6)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value):
    return np.array(value, np.float32)


def cases(op, shapes, constants, attributes, **options):
    return [Case(op, shapes, constants, each, **options) for each in attributes]


CASES = [
    # Gemm and MatMul
    Case("Gemm", ((3, 5),), ((5, 4), (4,))),
    Case("Gemm", ((3, 5),), ((5, 4),)),
    Case("Gemm", ((3, 5),), ((4, 5), (3, 1)), {"transB": 1}),
    Case("Gemm", ((5, 3),), ((5, 4), (3, 4)), {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    Case("Gemm", ((3, 5),), ((5, 4), ()), {"alpha": -1.5}),
    Case("Gemm", ((3, 5),), ((5, 4), (1, 4)), {"beta": 0.25}),
    Case("Gemm", ((3, 5),), ((5, 4), (4,)), {"beta": 0.0}),
    Case("Gemm", ((3, 5), (5, 4))),
    Case("Gemm", ((3, 5),), ((5, 4), (4,)), opset=7),
    *(
        Case("MatMul", shapes)
        for shapes in (
            ((3, 5), (5, 4)),
            ((2, 3, 5), (5, 4)),
            ((3, 5), (2, 5, 4)),
            ((2, 1, 3, 5), (6, 5, 4)),
            ((5,), (5, 4)),
            ((2, 3, 5), (5,)),
            ((5,), (5,)),
        )
    ),
    # Conv
    *cases(
        "Conv",
        (IMAGE,),
        ((3, 4, 3, 2), (3,)),
        (
            {},
            {"pads": [1, 0, 2, 1]},
            {"strides": [2, 3]},
            {"dilations": [2, 1], "pads": [1, 1, 1, 1]},
            {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
            {"auto_pad": "SAME_LOWER", "strides": [1, 2]},
            {"auto_pad": "VALID", "strides": [2, 1]},
            {"kernel_shape": [3, 2], "strides": [3, 3], "pads": [2, 1, 2, 1]},
        ),
    ),
    Case("Conv", (IMAGE,), ((6, 2, 3, 3), (6,)), {"group": 2, "pads": [1, 1, 1, 1]}),
    Case("Conv", (IMAGE,), ((8, 1, 3, 3),), {"group": 4}),
    Case("Conv", ((2, 3, 9),), ((4, 3, 3), (4,)), {"strides": [2], "pads": [1, 0]}),
    Case("Conv", ((1, 2, 4, 5, 6),), ((3, 2, 2, 3, 2), (3,)), {"pads": [1, 0, 0, 0, 1, 1]}),
    Case("Conv", (IMAGE, (3, 4, 2, 2))),
    # Pooling
    *(
        case
        for op in ("MaxPool", "AveragePool")
        for case in cases(
            op,
            (IMAGE,),
            (),
            (
                {"kernel_shape": [2, 2]},
                {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 1, 1, 0]},
                {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
                {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
                {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
                {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "VALID"},
            ),
        )
    ),
    *(
        Case(op, (IMAGE,), (), {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}, reference=False)
        for op in ("MaxPool", "AveragePool")
    ),
    *cases(  # the inference of shapes counts one window more than there are
        "MaxPool",
        ((1, 2, 9, 8),),
        (),
        (
            {"kernel_shape": [2, 3], "strides": [3, 3], "pads": [0, 1, 0, 1], "ceil_mode": 1},
            {"kernel_shape": [2, 2], "strides": [3, 2], "auto_pad": "VALID", "ceil_mode": 1},
        ),
        opset=12,
    ),
    Case("MaxPool", (IMAGE,), (), {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    Case("MaxPool", ((2, 3, 8),), (), {"kernel_shape": [3], "strides": [2]}),
    Case("MaxPool", (IMAGE,), (), {"kernel_shape": [2, 2]}, opset=8),
    Case("AveragePool", ((2, 3, 8),), (), {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    Case("AveragePool", (IMAGE,), (), {"kernel_shape": [2, 2], "dilations": [2, 2]}, opset=19),
    *cases(
        "AveragePool",
        (IMAGE,),
        (),
        (
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
            {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "count_include_pad": 1, "strides": [2, 2]},
            {"kernel_shape": [3, 2], "strides": [3, 3], "pads": [1, 0, 0, 1], "count_include_pad": 1, "ceil_mode": 1},
        ),
        opset=22,
    ),
    Case("GlobalAveragePool", (IMAGE,)),
    Case("GlobalAveragePool", ((2, 3, 5),)),
    Case("GlobalMaxPool", (IMAGE,)),
    # Activations
    Case("Relu", ((3, 4),)),
    Case("LeakyRelu", ((3, 4),)),
    Case("LeakyRelu", ((3, 4),), (), {"alpha": 0.2}),
    Case("Sigmoid", ((3, 4),)),
    Case("Tanh", ((3, 4),)),
    Case("Clip", ((3, 4),), (scalar(-0.5), scalar(0.75))),
    Case("Clip", ((3, 4),), (scalar(-0.5),)),
    Case("Clip", ((3, 4),)),
    Case("Clip", ((3, 4),), (), {"min": -0.5, "max": 0.75}, opset=7),
    Case("Clip", ((3, 4),), (), {"max": 0.75}, opset=10),
    # Softmax: one axis from opset 13, all axes from `axis` on before
    *cases("Softmax", ((2, 3, 4),), (), ({}, {"axis": 1}, {"axis": 0}, {"axis": -2})),
    *cases("Softmax", ((2, 3, 4),), (), ({}, {"axis": 2}, {"axis": 0}), opset=9, reference=False),
    # Arithmetic with broadcasting
    *(
        Case(op, shapes)
        for op in ("Add", "Sub", "Mul", "Div")
        for shapes in (((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (2, 1, 4)), ((), (2, 3)), ((), ()))
    ),
    Case("Mul", ((2, 3),), ((3,),)),
    # Normalisation
    Case("BatchNormalization", (IMAGE,), ((4,), (4,), (4,), np.full(4, 0.5, np.float32)), {"epsilon": 0.01}),
    Case("BatchNormalization", ((3, 4),), ((4,), (4,), (4,), np.full(4, 2.0, np.float32)), opset=9, reference=False),
    # Layout
    *cases("Flatten", ((2, 3, 4),), (), ({}, {"axis": 0}, {"axis": 2}, {"axis": -1})),
    Case("Reshape", ((2, 3, 4),), (ints(0, -1),)),
    Case("Reshape", ((2, 3, 4),), (ints(4, 3, 2),)),
    Case("Reshape", ((2, 3, 4),), (ints(0, 2, -1),)),
    Case("Transpose", ((2, 3, 4),)),
    Case("Transpose", ((2, 3, 4),), (), {"perm": [1, 2, 0]}),
    Case("Concat", ((2, 3), (2, 1), (2, 4)), (), {"axis": 1}),
    Case("Concat", ((2, 3), (1, 3)), (), {"axis": -2}),
    Case("Concat", ((2, 3),), ((2, 2),), {"axis": 1}),
    Case("Identity", ((2, 3),)),
    Case("Dropout", ((2, 3),)),
    Case("Dropout", ((2, 3),), (), {"ratio": 0.25}, opset=7),
    Case("Squeeze", ((1, 3, 1),), (ints(0),)),
    Case("Squeeze", ((1, 3, 1),)),
    Case("Squeeze", ((1, 3, 1),), (), {"axes": [2]}, opset=11),
    Case("Unsqueeze", ((2, 3),), (ints(0, -1),)),
    Case("Unsqueeze", ((2, 3),), (), {"axes": [1]}, opset=11),
    Case("Pad", ((2, 3, 4),), (ints(0, 1, 2, 1, 0, 1),)),
    Case("Pad", ((2, 3, 4),), (ints(0, 1, 2, 1, 0, 1), scalar(1.5))),
    Case("Pad", ((2, 3, 4),), (ints(0, 1, 3, 1, 2, 1),), {"mode": "reflect"}),
    Case("Pad", ((2, 3, 4),), (ints(0, 1, 3, 1, 2, 1),), {"mode": "edge"}),
    Case("Pad", ((2, 3, 4),), (ints(2, 1), scalar(-1), ints(-1)), opset=18),
    Case("Pad", ((2, 3, 4),), (), {"pads": [0, 1, 2, 1, 0, 1], "value": 0.5}, opset=10, reference=False),
]


def drawn(constant, random):
    return random(*constant) if isinstance(constant, tuple) else constant


@pytest.mark.parametrize("mode", list(FloatMode))
@pytest.mark.parametrize("case", CASES, ids=str)
def test_operator(case, mode, model, random):
    names = [f"x{index}" for index in range(len(case.shapes))]
    constants = {f"c{index}": drawn(constant, random) for index, constant in enumerate(case.constants)}
    node = helper.make_node(case.op, [*names, *constants], ["y"], **case.attributes)
    built = model([node], dict(zip(names, case.shapes, strict=True)), constants=constants, opset=case.opset)
    feeds = {name: random(*shape) for name, shape in zip(names, case.shapes, strict=True)}
    network = load(built.SerializeToString())
    found = oracle.run(network, feeds, mode)["y"]
    assert found.dtype == np.float32
    assert found.shape == network.outputs[0].shape
    if case.reference:
        expected = ReferenceEvaluator(built).run(None, feeds)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is the second opinion")
    session = runtime.InferenceSession(built.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(found, session.run(None, feeds)[0], rtol=1e-5, atol=2e-6)
