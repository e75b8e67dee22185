"""One table of small ONNX models, with inputs that contain every class of float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from asnet.bits import bits_differ
from asnet.cache import Cache
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import oracle
from asnet.network.load import load
from asnet.network.model import Network
from asnet.types import FloatMode

FloatArray = NDArray[np.float32]

_SPECIAL = np.array(
    [0.0, -0.0, 1e-40, -1e-40, 1.1754944e-38, -1.2e-38, 3e-20, -3e-20, 1.0, -1.5, 88.0, -88.0, 3e38, -3e38],
    dtype=np.float32,
)
_UNORDERED = np.array([np.inf, -np.inf, np.nan], dtype=np.float32)


@dataclass(frozen=True)
class Typed:
    """A run-time input of a type other than float32."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def element(self) -> int:
        return helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))

    def images(self, rng: np.random.Generator) -> np.ndarray:
        """Four images: small numbers, the extremes, zeros and ones, anything."""
        if self.dtype == "bool":
            return rng.random((4, *self.shape)) < 0.5
        limits = np.iinfo(self.dtype)
        result = np.stack(
            [
                rng.integers(max(limits.min, -9), 9, self.shape).astype(self.dtype),
                rng.choice(np.array([limits.min, limits.max, 0, 1], self.dtype), self.shape),
                rng.integers(0, 2, self.shape).astype(self.dtype),
                rng.integers(limits.min, limits.max, self.shape, dtype=self.dtype, endpoint=True),
            ]
        )
        return result.reshape(4, *self.shape)


@dataclass(frozen=True)
class Case:
    """A model of a node or a few, inputs by name → shape (float32) or :class:`Typed`."""

    name: str
    model: onnx.ModelProto
    inputs: Mapping[str, tuple[int, ...] | Typed]

    def network(self) -> Network:
        return load(self.model.SerializeToString())

    def images(self) -> dict[str, np.ndarray]:
        """Four images: normal numbers, subnormals and extremes, small normal numbers, infinities and NaN mixed in."""
        rng = np.random.default_rng(len(self.name))
        result: dict[str, np.ndarray] = {}
        for name, shape in self.inputs.items():
            if isinstance(shape, Typed):
                result[name] = shape.images(rng)
                continue
            plain = rng.standard_normal((4, *shape)).astype(np.float32)
            plain[1] = rng.choice(_SPECIAL, shape)
            plain[2] *= np.float32(1e-19)
            plain[3] = np.where(rng.random(shape) < 0.15, rng.choice(_UNORDERED, shape), plain[3] * np.float32(30))
            result[name] = plain
        return result


def build(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, ...] | Typed],
    constants: Mapping[str, np.ndarray] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 21,
) -> Case:
    graph = helper.make_graph(
        list(nodes),
        name,
        [
            helper.make_tensor_value_info(key, of.element, of.shape)
            if isinstance(of, Typed)
            else helper.make_tensor_value_info(key, TensorProto.FLOAT, of)
            for key, of in inputs.items()
        ],
        [onnx.ValueInfoProto(name=key) for key in outputs],
        [numpy_helper.from_array(array, key) for key, array in (constants or {}).items()],
    )
    imports = [helper.make_opsetid("", opset)]
    model = shape_inference.infer_shapes(helper.make_model(graph, opset_imports=imports, ir_version=10))
    return Case(name, model, dict(inputs))


def weights(*shape: int) -> FloatArray:
    """Random weights, among them a zero, a subnormal and a number whose products underflow."""
    array = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    flat = array.reshape(-1)
    for position, value in enumerate((0.0, -1e-41, 2e-30)):
        flat[(position * 5 + 1) % flat.size] = value
    return array


def one(
    name: str,
    op_type: str,
    *operands: tuple[int, ...] | Typed | np.ndarray | None,
    opset: int = 21,
    outputs: Sequence[str] = ("y",),
    **attributes: object,
) -> Case:
    """A model of one node called like the case; a shape or Typed is a network input, an array a constant, None none.

    ``outputs`` may hold "" for one that is not used.
    """
    names = ["" if item is None else f"in{i}" for i, item in enumerate(operands)]
    inputs = {key: item for key, item in zip(names, operands, strict=True) if isinstance(item, tuple | Typed)}
    constants = {key: item for key, item in zip(names, operands, strict=True) if isinstance(item, np.ndarray)}
    node = helper.make_node(op_type, names, list(outputs), name=name, **attributes)
    return build(name, [node], inputs, constants, outputs=[key for key in outputs if key], opset=opset)


def conv(name: str, x: tuple[int, ...], w: tuple[int, ...], bias: bool = True, **attributes: object) -> Case:
    return one(name, "Conv", x, weights(*w), *([weights(w[0])] if bias else []), **attributes)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


CASES: list[Case] = [
    # --- products
    one("gemm", "Gemm", (1, 7), weights(7, 5), weights(5)),
    one("gemm-no-bias", "Gemm", (3, 7), weights(7, 2)),
    one("gemm-trans", "Gemm", (4, 3), weights(5, 4), weights(3, 1), transA=1, transB=1),
    one("gemm-alpha", "Gemm", (2, 4), weights(4, 3), weights(2, 3), alpha=0.3),
    one("gemm-beta", "Gemm", (2, 4), weights(4, 3), weights(1, 3), beta=-1.7),
    one("gemm-alpha-beta", "Gemm", (2, 4), (4, 3), (2, 3), alpha=2.5, beta=0.1),
    one("gemm-beta-0", "Gemm", (2, 4), weights(4, 3), weights(3), beta=0.0),
    one("gemm-scalar-bias", "Gemm", (1, 4), weights(4, 3), np.array(0.25, np.float32)),
    one("matmul", "MatMul", (3, 4), weights(4, 5)),
    one("matmul-batch", "MatMul", (2, 1, 3, 4), (5, 4, 2)),
    one("matmul-vector-right", "MatMul", (2, 3, 4), weights(4)),
    one("matmul-vector-left", "MatMul", (4,), weights(3, 4, 2)),
    one("matmul-dot", "MatMul", (6,), weights(6)),
    # --- convolutions
    conv("conv", (1, 2, 5, 6), (3, 2, 3, 3)),
    conv("conv-no-bias", (1, 2, 4, 4), (3, 2, 1, 1), bias=False),
    conv("conv-pads", (1, 2, 5, 6), (3, 2, 3, 3), pads=[1, 0, 2, 1]),
    conv("conv-strides", (1, 2, 7, 6), (2, 2, 3, 2), strides=[2, 3], pads=[1, 1, 0, 0]),
    conv("conv-dilations", (1, 1, 7, 8), (2, 1, 2, 3), dilations=[3, 2], pads=[1, 1, 1, 1]),
    conv("conv-groups", (1, 4, 4, 4), (6, 2, 3, 3), group=2, pads=[1, 1, 1, 1]),
    conv("conv-depthwise", (1, 3, 5, 5), (3, 1, 3, 3), group=3),
    conv("conv-same-upper", (1, 1, 6, 5), (2, 1, 4, 2), auto_pad="SAME_UPPER", strides=[2, 2]),
    conv("conv-same-lower", (1, 1, 6, 5), (2, 1, 4, 2), auto_pad="SAME_LOWER"),
    conv("conv-valid", (1, 1, 6, 5), (2, 1, 4, 2), auto_pad="VALID"),
    conv("conv-batch", (2, 1, 4, 4), (2, 1, 2, 2), pads=[0, 1, 0, 1]),
    conv("conv-1d", (1, 2, 9), (3, 2, 3), strides=[2], pads=[1, 1]),
    conv("conv-3d", (1, 1, 4, 3, 4), (2, 1, 2, 2, 3), pads=[0, 1, 0, 1, 0, 1]),
    # --- pooling
    one("maxpool", "MaxPool", (1, 2, 4, 6), kernel_shape=[2, 2], strides=[2, 2]),
    one("maxpool-pads", "MaxPool", (1, 1, 5, 5), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    one("maxpool-ceil", "MaxPool", (1, 1, 5, 6), kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    one("maxpool-dilations", "MaxPool", (1, 1, 6, 6), kernel_shape=[2, 2], dilations=[2, 3]),
    one("maxpool-1d-same", "MaxPool", (1, 3, 7), kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER"),
    one("maxpool-3d", "MaxPool", (1, 1, 4, 4, 4), kernel_shape=[2, 2, 2], strides=[2, 1, 2]),
    one("avgpool", "AveragePool", (1, 2, 4, 6), kernel_shape=[2, 3], strides=[2, 2]),
    one("avgpool-pads", "AveragePool", (1, 1, 5, 5), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    one("avgpool-include", "AveragePool", (1, 1, 5, 5), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    one("avgpool-ceil", "AveragePool", (1, 1, 6, 5), kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1),
    one("avgpool-1d", "AveragePool", (2, 2, 7), kernel_shape=[3]),
    one("globalavgpool", "GlobalAveragePool", (1, 3, 4, 3)),
    one("globalmaxpool", "GlobalMaxPool", (1, 3, 4, 3)),
    # --- element by element
    one("relu", "Relu", (2, 3, 5)),
    one("leakyrelu", "LeakyRelu", (1, 17), alpha=0.2),
    one("leakyrelu-default", "LeakyRelu", (1, 17)),
    one("sigmoid", "Sigmoid", (1, 40)),
    one("tanh", "Tanh", (1, 40)),
    one("clip", "Clip", (1, 20), np.array(-0.5, np.float32), np.array(1.0, np.float32)),
    one("clip-low", "Clip", (1, 20), np.array(0.25, np.float32)),
    one("clip-6", "Clip", (1, 20), opset=7, min=0.0, max=6.0),
    one("add", "Add", (2, 3, 4), (2, 3, 4)),
    one("add-scalar", "Add", (2, 3), np.array(-0.75, np.float32)),
    one("add-channel", "Add", (2, 3, 4, 5), weights(3, 1, 1)),
    one("sub-outer", "Sub", (4, 1), (1, 5)),
    one("mul", "Mul", (3, 1, 5), (2, 1, 4, 1)),
    one("div", "Div", (2, 6), (6,)),
    one("div-constant", "Div", np.array(3.0, np.float32), (1, 9)),
    one(
        "batchnorm",
        "BatchNormalization",
        (1, 3, 2, 4),
        *(weights(3), weights(3), weights(3), np.abs(weights(3)) + np.float32(0.1)),
        epsilon=1e-3,
    ),
    one("batchnorm-2d", "BatchNormalization", (2, 4), *(np.abs(weights(4)) for _ in range(4))),
    # --- softmax
    one("softmax", "Softmax", (2, 10)),
    one("softmax-axis", "Softmax", (2, 5, 3), axis=1),
    one("softmax-first", "Softmax", (4, 150), axis=0),
    one("softmax-11", "Softmax", (2, 3, 4), opset=11),
    one("softmax-single", "Softmax", (1, 1)),
    # --- layout
    one("transpose", "Transpose", (2, 3, 4)),
    one("transpose-perm", "Transpose", (2, 3, 4), perm=[1, 2, 0]),
    one("concat", "Concat", (1, 2, 3), weights(1, 4, 3), (1, 1, 3), axis=1),
    one("concat-same", "Concat", (2, 3), axis=-1),
    one("pad", "Pad", (2, 3), integers(1, 0, 0, 2), np.array(-2.5, np.float32)),
    one("pad-axes", "Pad", (2, 3, 4), integers(1, 2), np.array(0.0, np.float32), integers(-2)),
    one("pad-edge", "Pad", (3, 4), integers(2, 1, 0, 3), mode="edge"),
    one("pad-reflect", "Pad", (3, 4), integers(2, 1, 1, 3), mode="reflect"),
    one("flatten-copy", "Flatten", (2, 3, 4)),
    one("reshape-copy", "Reshape", (2, 6), integers(3, -1)),
    one("identity-copy", "Identity", (2, 3)),
    one("squeeze-copy", "Squeeze", (1, 3, 1), integers(0)),
    one("unsqueeze-copy", "Unsqueeze", (2, 3), integers(1)),
    one("dropout-copy", "Dropout", (2, 3)),
    # --- graphs
    build(
        "add-twice",
        [helper.make_node("Add", ["x", "x"], ["y"], name="double")],
        {"x": (1, 5)},
    ),
    build(
        "aliases",
        [
            helper.make_node("Relu", ["x"], ["r"], name="relu"),
            helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
            helper.make_node("Reshape", ["f", "shape"], ["g"], name="reshape"),
            helper.make_node("Tanh", ["f"], ["y"], name="tanh"),
            helper.make_node("Identity", ["g"], ["z"], name="first"),
            helper.make_node("Identity", ["g"], ["w"], name="second"),
        ],
        {"x": (1, 2, 3)},
        {"shape": integers(3, 2)},
        outputs=("y", "z", "w"),
    ),
    build(
        "residual",
        [
            helper.make_node("Conv", ["x", "k"], ["c"], name="body/conv 1", pads=[1, 1, 1, 1]),
            helper.make_node("Add", ["c", "x"], ["s"], name='sum "quoted" \\ é'),
            helper.make_node("GlobalAveragePool", ["s"], ["p"], name="pool"),
            helper.make_node("Sigmoid", ["p"], ["g"], name="gate"),
            helper.make_node("Mul", ["s", "g"], ["y"], name="scale"),
        ],
        {"x": (1, 3, 4, 4)},
        {"k": weights(3, 3, 3, 3)},
        outputs=("y", "s"),
    ),
]


def assert_same_bits(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert actual.dtype == expected.dtype, what
    assert actual.shape == expected.shape, what
    different = bits_differ(actual, expected) if actual.dtype == np.float32 else actual != expected
    if different.any():
        place = tuple(int(i) for i in np.argwhere(different)[0])
        pytest.fail(f"{what}{list(place)}: {actual[place]!r} is not {expected[place]!r}")


def check_bits(case: Case, mode: FloatMode, cache: Cache) -> None:
    """Every tensor that the JIT computes for the case's images has the oracle's bits."""
    network = case.network()
    images = case.images()
    engine = Engine(lower(network, mode), cache=cache)
    state = engine.state(4)
    engine.run(images, state=state)
    for i in range(4):
        for tensor, values in oracle.run(network, {key: x[i] for key, x in images.items()}, mode).items():
            assert_same_bits(engine.memory(state, tensor)[i], values, f"{tensor} of image {i}")


def check_reference(case: Case, cache: Cache, rtol: float = 2e-5, atol: float = 2e-6) -> None:
    """The first image's outputs agree with ONNX's reference implementation; integers and bools are equal."""
    network = case.network()
    images = {key: x[:1] for key, x in case.images().items()}
    engine = Engine(lower(network, FloatMode.IEEE), cache=cache)
    state = engine.state(1)
    engine.run(images, state=state)
    with np.errstate(all="ignore"):
        expected = ReferenceEvaluator(case.model).run(None, {key: x[0] for key, x in images.items()})
    for tensor, values in zip(network.outputs, expected, strict=True):
        found = engine.memory(state, tensor.name)[0]
        assert found.dtype == values.dtype
        np.testing.assert_allclose(found, values, *((rtol, atol) if found.dtype == np.float32 else (0, 0)))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture(params=[case for case in CASES if case.name != "softmax-11"], ids=lambda case: case.name)
def reference_case(request: pytest.FixtureRequest) -> Case:
    """The cases that onnx.reference gets right: it knows no Softmax before opset 13."""
    return request.param


@pytest.fixture
def one_node() -> Callable[..., Case]:
    """Makes a model of one node: ``one(name, op_type, *operands, opset=, **attributes)``."""
    return one


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("objects"))


def case_tests(cases: Sequence[Case]) -> tuple[Callable[..., None], Callable[..., None]]:
    """A test that every case has the oracle's bits in both modes, and one that it agrees with the ONNX reference."""

    @pytest.mark.parametrize("mode", FloatMode)
    @pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
    def has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
        check_bits(case, mode, objects)

    @pytest.mark.parametrize("case", cases, ids=lambda case: case.name)
    def agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
        check_reference(case, objects)

    return has_the_oracles_bits, agrees_with_the_onnx_reference
