"""The tiled form of contractions: the bits of the canonical form, whatever the geometry, the tiling and the data."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asnet.cache import Cache
from asnet.emulate import Binding, Mask, Masks
from asnet.errors import PassError
from asnet.ir import Module, for_hls, verify
from asnet.ir.jit import Binder, Engine
from asnet.ir.tiling import Tiling, host_tiling
from asnet.lower import lower
from asnet.lower.tiled import panels
from asnet.network.load import load
from asnet.network.model import Network
from asnet.passes import approximate
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from tests.lower.conftest import assert_same_bits

SPECIAL = np.array([0.0, -0.0, 1e-40, -1e-40, 1.1754944e-38, -1.2e-38, 3e-20, -3e-20, 1.0, 3e38, -3e38], np.float32)
UNORDERED = np.array([np.inf, -np.inf, np.nan], np.float32)

Shape = tuple[int, ...]


def conv(x: Shape, w: Shape, *, bias: bool = True, **attributes: object) -> tuple[str, list[Shape], dict[str, object]]:
    return "Conv", [x, w, *([(w[0],)] if bias else [])], attributes


def gemm(
    m: int, k: int, n: int, c: Shape | None = None, **attributes: object
) -> tuple[str, list[Shape], dict[str, object]]:
    a, b = ((k, m) if attributes.get("transA") else (m, k)), ((n, k) if attributes.get("transB") else (k, n))
    return "Gemm", [a, b, *([c] if c is not None else [])], attributes


def matmul(a: Shape, b: Shape) -> tuple[str, list[Shape], dict[str, object]]:
    return "MatMul", [a, b], {}


def einsum(equation: str, *shapes: Shape) -> tuple[str, list[Shape], dict[str, object]]:
    return "Einsum", list(shapes), {"equation": equation}


LAYERS = [
    conv((1, 5, 9, 10), (7, 5, 3, 3), bias=False, pads=[0, 2, 1, 1]),
    conv((2, 4, 6, 40), (9, 4, 1, 3)),
    conv((1, 40, 7, 7), (6, 40, 1, 1), strides=[2, 2]),
    conv((1, 3, 23, 37), (10, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3]),
    conv((1, 2, 31, 30), (5, 2, 5, 4), strides=[4, 4]),
    conv((1, 2, 20, 26), (4, 2, 3, 3), strides=[3, 3], pads=[1, 0, 0, 1]),
    conv((1, 3, 17, 18), (8, 3, 3, 2), dilations=[3, 2], pads=[2, 1, 0, 0]),
    conv((1, 12, 8, 9), (15, 4, 3, 3), group=3, pads=[1, 1, 1, 1]),
    conv((1, 6, 11, 19), (6, 1, 3, 3), group=6, pads=[1, 1, 1, 1]),
    conv((2, 5, 14, 40), (10, 1, 3, 3), group=5, strides=[2, 2], pads=[1, 1, 1, 1], bias=False),
    conv((1, 4, 11, 3), (1, 4, 3, 3), pads=[1, 1, 1, 1]),
    conv((1, 4, 67), (7, 4, 5), pads=[2, 2], strides=[2]),
    conv((3, 3, 70), (3, 1, 3), group=3),
    conv((1, 2, 5, 6, 9), (6, 2, 3, 2, 3), pads=[1, 0, 1, 1, 1, 0]),
    conv((1, 4, 5, 4, 6), (4, 1, 3, 2, 3), group=4, strides=[1, 2, 1]),
    conv((1, 9, 3, 3), (11, 9, 2, 2), dilations=[2, 2]),
    gemm(1, 37, 21, (21,), transB=1),
    gemm(2, 19, 33, (1, 33), transB=1),
    gemm(1, 29, 150, (150,)),
    gemm(6, 45, 50, (6, 1), transB=1),
    gemm(7, 21, 35, (7, 35), transA=1),
    gemm(5, 9, 12, (12,), transA=1, transB=1),
    gemm(5, 18, 9, (9,), alpha=0.3, beta=-1.7),
    gemm(9, 30, 17, None, alpha=2.5, transB=1),
    matmul((3, 9, 14), (3, 14, 20)),
    matmul((2, 1, 5, 11), (4, 11, 18)),
    matmul((4, 31), (31, 1)),
    matmul((31,), (31, 70)),
    matmul((2, 1, 17), (2, 17, 1)),
    einsum("bhid,bhjd->bhij", (2, 2, 40, 16), (2, 2, 24, 16)),
    einsum("bhij,bhjd->bihd", (2, 2, 40, 24), (2, 2, 24, 16)),
    einsum("bsd,dhk->bhsk", (2, 9, 20), (20, 3, 17)),
    einsum("ij,jk->ki", (33, 20), (20, 47)),
    einsum("iij,jk->ik", (5, 5, 20), (20, 47)),
    einsum("ij,jk->i", (19, 20), (20, 7)),
    ("DeformConv", [(1, 4, 9, 9), (6, 2, 3, 3), (1, 18, 7, 7), (6,)], {"group": 2}),
]


@pytest.fixture(scope="module")
def network() -> Network:
    return side_by_side()


def side_by_side() -> Network:
    """All layers side by side; all operands of odd ones are inputs, even ones have constant weights."""
    nodes: list[onnx.NodeProto] = []
    inputs: list[onnx.ValueInfoProto] = []
    constants: list[onnx.TensorProto] = []
    random = np.random.default_rng(5)
    for number, (op_type, shapes, attributes) in enumerate(LAYERS):
        names = [f"in{number}.{position}" for position in range(len(shapes))]
        for position, (name, shape) in enumerate(zip(names, shapes, strict=True)):
            if position == 0 or number % 2:
                inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
            else:
                constants.append(numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name))
        nodes.append(helper.make_node(op_type, names, [f"y{number}"], name=f"layer{number}", **attributes))
    outputs = [onnx.ValueInfoProto(name=f"y{number}") for number in range(len(LAYERS))]
    graph = helper.make_graph(nodes, "layers", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return load(onnx.shape_inference.infer_shapes(model).SerializeToString())


def images(network: Network) -> dict[str, np.ndarray]:
    """Three images: normal numbers, subnormals and extremes, infinities and NaN mixed in."""
    random = np.random.default_rng(11)
    result: dict[str, np.ndarray] = {}
    for tensor in network.inputs:
        plain = random.standard_normal((3, *tensor.shape)).astype(np.float32)
        plain[1] = random.choice(SPECIAL, tensor.shape)
        plain[2] = np.where(random.random(tensor.shape) < 0.05, random.choice(UNORDERED, tensor.shape), plain[2] * 30)
        result[tensor.name] = plain
    return result


def outputs(network: Network, module: Module, cache: Cache, binder: Binder | None = None) -> dict[str, np.ndarray]:
    engine = Engine(module, binder=binder, cache=cache)
    state = engine.state(3)
    engine.run(images(network), state=state)
    return {tensor.name: np.array(engine.memory(state, tensor.name)) for tensor in network.outputs}


TILINGS = {
    "host": host_tiling(),
    "portable": Tiling(lanes=4, line=4, tiles=((2, 1.0), (3, 1.0)), depth=16),
}


@pytest.fixture(scope="module")
def canonical(network: Network, objects: Cache) -> dict[FloatMode, dict[str, np.ndarray]]:
    return {mode: outputs(network, lower(network, mode), objects) for mode in FloatMode}


@pytest.mark.parametrize(
    ("name", "mode"),
    [("host", FloatMode.FTZ), ("portable", FloatMode.IEEE)],
)
def test_tiles_have_the_bits_of_the_loops(
    network: Network, canonical: dict[FloatMode, dict[str, np.ndarray]], objects: Cache, name: str, mode: FloatMode
) -> None:
    compare(outputs(network, lower(network, mode, tiling=TILINGS[name]), objects), canonical[mode])


def compare(found: dict[str, np.ndarray], expected_outputs: dict[str, np.ndarray]) -> None:
    for (op_type, shapes, attributes), (tensor, expected) in zip(LAYERS, expected_outputs.items(), strict=True):
        assert_same_bits(found[tensor], expected, f"{op_type} {shapes} {attributes}: {tensor}")


def masked(network: Network, tiling: Tiling | None, cache: Cache) -> dict[str, np.ndarray]:
    """Outputs with operands masked, each by its own mask."""
    unit = ApproximateUnit.shipped("fmul_trunc").instance(p=12)
    module = approximate(lower(network, FloatMode.IEEE, tiling=tiling))
    verify(module)
    granted = {unit.digest: Masks(0xFFFFF000, 0xFFF80000)}
    binding = Binding(module.slots, {unit.name: unit}, [Mask(FloatMode.IEEE, granted)])
    configuration = {slot.name: unit.name for slot in module.slots}
    binding.select(configuration)
    return outputs(network, module, cache, binding.binder(binding.plan(configuration)))


def test_masked_operands_have_the_bits_of_masked_loops(network: Network, objects: Cache) -> None:
    """Packed ready for the product or not."""
    modules = [approximate(lower(network, FloatMode.IEEE, tiling=tiling)) for tiling in (None, host_tiling(sites=True))]
    counts = [{slot.name: slot.count for slot in module.slots} for module in modules]
    assert counts[0] == counts[1]
    compare(masked(network, host_tiling(sites=True), objects), masked(network, None, objects))


def convolution(shape: tuple[int, ...], weights: tuple[int, ...], pads: list[int]) -> Network:
    random = np.random.default_rng(3)
    w = numpy_helper.from_array(random.standard_normal(weights).astype(np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=pads)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], "convolution", [x], [onnx.ValueInfoProto(name="y")], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return load(onnx.shape_inference.infer_shapes(model).SerializeToString())


def test_scalars_may_be_packed_in_groups_of_rows(objects: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups of 5 rows and one of 3, for several panels and blocks of the reduction."""
    for name, value in {"_GROUP": 1, "_ROWS": 5, "_READY_DEPTH": 8}.items():
        monkeypatch.setattr(panels, name, value)
    network = convolution((1, 6, 9, 13), (13, 6, 2, 2), [0, 1, 1, 0])
    found, expected = (masked(network, tiling, objects) for tiling in (host_tiling(sites=True), None))
    assert_same_bits(found["y"], expected["y"], "groups")


@pytest.mark.parametrize(
    ("shape", "kernel", "pads"),
    [
        ((1, 3, 5, 7), (3, 3), [1, 2, 0, 1]),
        ((1, 3, 1, 7), (1, 3), [0, 2, 0, 1]),
        ((2, 2, 4, 4), (3, 3), [0, 0, 2, 0]),
        ((1, 2, 6, 6), (3, 3), [0, 0, 0, 2]),
        ((1, 2, 9), (3,), [0, 3]),
        ((1, 2, 4, 5, 6), (2, 2, 2), [1, 1, 1, 0, 1, 1]),
        ((1, 2, 4, 5, 6), (2, 2, 2), [0, 1, 1, 0, 1, 1]),
    ],
)
def test_padding_row_by_row_is_padding(
    shape: tuple[int, ...], kernel: tuple[int, ...], pads: list[int], objects: Cache
) -> None:
    network = convolution(shape, (4, shape[1], *kernel), pads)
    found, expected = (outputs(network, lower(network, tiling=tiling), objects) for tiling in (host_tiling(), None))
    assert_same_bits(found["y"], expected["y"], f"{shape} {pads}")


def test_tiles_are_for_the_host(network: Network) -> None:
    module = lower(network, tiling=host_tiling())
    assert module.text == lower(network, tiling=host_tiling()).text
    assert lower(network).tiling is None
    with pytest.raises(PassError, match="share kernels, which have no sites; tile it with Tiling\\(sites=True\\)"):
        approximate(module)
    with pytest.raises(PassError, match="is tiled for the host; lower it without a tiling for hardware"):
        for_hls(module)
