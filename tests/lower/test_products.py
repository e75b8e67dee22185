"""Contractions as calls of kernels: every memory of the canonical form, whatever the geometry and the types.

The units of these tests neither commute nor know zero or one, so that a swapped, missing or doubled operand shows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from asnet.cache import Cache
from asnet.ir import Module, products_symbol, vector_symbol, verify
from asnet.ir.jit import Binder, Engine, Row
from asnet.ir.products import ARGUMENTS, Products, container
from asnet.ir.tiling import host_tiling
from asnet.lower import lower
from asnet.network.load import load
from asnet.network.model import Network
from asnet.passes import approximate
from asnet.types import ELEMENT_TYPES, FloatMode
from tests.lower.conftest import Case, Typed, assert_same_bits, build, one
from tests.lower.test_narrow_units import CASES as NARROW
from tests.lower.test_quantised import INTEGER, QLINEAR
from tests.lower.test_tiled import images as float_images
from tests.lower.test_tiled import side_by_side as float_layers

Shape = tuple[int, ...]

INTEGER_UNIT = """  %p = mul i32 %a, %b
  %q = mul i32 %b, 3
  %r = sub i32 %p, %q
  %s = xor i32 %a, 1
  %t = add i32 %r, %s
  %y = add i32 %t, 7"""
FLOAT_UNIT = """  %p = fmul float %a, %b
  %q = fmul float %a, 2.5
  %y = fadd float %p, %q"""

KERNEL = """
define void @"{name}"({parameters}, i64 %row) noinline nounwind {{
entry:
  br label %line
line:
  %r = phi i64 [ 0, %entry ], [ %r.next, %row.end ]
  %y.row = mul i64 %r, %y_row
  %s.row = mul i64 %r, %s_row
  br label %column
column:
  %c = phi i64 [ 0, %line ], [ %c.next, %column.end ]
  %y.index = add i64 %y.row, %c
  %y.place = getelementptr {total}, ptr %y, i64 %y.index
  %start = load {total}, ptr %y.place
  br label %step
step:
  %k = phi i64 [ 0, %column ], [ %k.next, %step ]
  %sum = phi {total} [ %start, %column ], [ %sum.next, %step ]
  %v.row = mul i64 %k, %v_step
  %v.index = add i64 %v.row, %c
  %v.place = getelementptr {element}, ptr %v, i64 %v.index
  %v.raw = load {element}, ptr %v.place
  %s.index = add i64 %s.row, %k
  %s.place = getelementptr {element}, ptr %s, i64 %s.index
  %s.raw = load {element}, ptr %s.place
  %product = call {number} @"{unit}"({number} {a}, {number} {b})
  %sum.next = {add}
  %k.next = add i64 %k, 1
  %k.more = icmp slt i64 %k.next, %depth
  br i1 %k.more, label %step, label %column.end
column.end:
  store {total} %sum.next, ptr %y.place
  %c.next = add i64 %c, 1
  %c.more = icmp slt i64 %c.next, %columns
  br i1 %c.more, label %column, label %row.end
row.end:
  %r.next = add i64 %r, 1
  %r.more = icmp slt i64 %r.next, %rows
  br i1 %r.more, label %line, label %done
done:
  ret void
}}"""


def kernel(name: str, unit: str, what: Products) -> str:
    element, total = ELEMENT_TYPES[container(what.type)].llvm, ELEMENT_TYPES[what.accumulator].llvm
    is_float = total == "float"
    number = "float" if is_float else "i32"
    extension = "sext" if what.type.startswith("i") else "zext"
    v, s = ("bitcast" if is_float else extension for _ in "vs")
    text = KERNEL.replace(
        "  %product =",
        f"  %v.wide = {v} {element} %v.raw to {number}\n  %s.wide = {s} {element} %s.raw to {number}\n  %product =",
    )
    add = "fadd float %sum, %product" if is_float else f"add {total} %sum, %wide"
    if not is_float:
        widened = f"{extension} i32 %product to i64" if total == "i64" else "add i32 %product, 0"
        text = text.replace("  %sum.next =", f"  %wide = {widened}\n  %sum.next =")
    a, b = ("%v.wide", "%s.wide") if what.vector_is_a else ("%s.wide", "%v.wide")
    parameters = ", ".join(f"{kind} %{argument}" for kind, argument in ARGUMENTS)
    return text.format(
        name=name, parameters=parameters, element=element, total=total, number=number, unit=unit, a=a, b=b, add=add
    )


def engine(module: Module, cache: Cache) -> Engine:
    """Scalar slots and sums of products, all of the test's units."""
    texts: dict[str, str] = {}
    rows: dict[str, Row] = {}
    for slot in module.slots:
        number, body = ("float", FLOAT_UNIT) if slot.type == "f32" else ("i32", INTEGER_UNIT)
        texts[f"unit.{number}"] = f'define {number} @"unit.{number}"({number} %a, {number} %b) alwaysinline {{\n'
        texts[f"unit.{number}"] += f"{body}\n  ret {number} %y\n}}"
        symbol = vector_symbol(slot.symbol, 1)
        call = f'  %y = call {number} @"unit.{number}"({number} %a, {number} %b)\n  ret {number} %y'
        texts[symbol] = f'define {number} @"{symbol}"({number} %a, {number} %b) alwaysinline {{\n{call}\n}}'
        if slot.products is not None:
            what = slot.products
            name = f"kernel.{what.type}.{what.accumulator}.{what.vector_is_a}"
            texts[name] = kernel(name, f"unit.{number}", what)
            rows[products_symbol(slot.symbol)] = Row(name, 0)
    return Engine(module, binder=Binder("\n".join(texts.values()), rows=rows), cache=cache, threads=1)


def check(network: Network, images: dict[str, np.ndarray], cache: Cache, layers: frozenset[str] = frozenset()) -> int:
    """Compare every memory; how many layers call kernels."""
    mode = FloatMode.FTZ
    canonical = approximate(lower(network, mode))
    tiling = replace(host_tiling(sites=True, products=layers))
    tiled = approximate(lower(network, mode, tiling=tiling))
    verify(tiled)
    states = []
    for module in (canonical, tiled):
        runner = engine(module, cache)
        state = runner.state(len(next(iter(images.values()))))
        runner.run(images, state=state)
        states.append(state)
    for name, memory in canonical.memories.items():
        if memory.kind != "constant":
            found, wanted = states[1].view(tiled.memories[name]), states[0].view(memory)
            assert_same_bits(np.ascontiguousarray(found), np.ascontiguousarray(wanted), name)
    counted = {slot.name: slot.count for slot in canonical.slots}
    assert {slot.name: slot.count for slot in tiled.slots} == counted
    return len(tiled.products)


def side_by_side(cases: list[Case]) -> tuple[Network, dict[str, np.ndarray]]:
    """One network of all, so that it is compiled once; the images of each."""
    nodes: list[onnx.NodeProto] = []
    inputs: list[onnx.ValueInfoProto] = []
    outputs: list[onnx.ValueInfoProto] = []
    constants: list[onnx.TensorProto] = []
    images: dict[str, np.ndarray] = {}
    for number, case in enumerate(cases):
        graph = case.model.graph

        def name(tensor: str, number: int = number) -> str:
            return f"{number}.{tensor}" if tensor else ""

        for node in graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = name(node.name)
            copy.input[:], copy.output[:] = [name(x) for x in node.input], [name(x) for x in node.output]
            nodes.append(copy)
        for tensor in graph.initializer:
            constants.append(numpy_helper.from_array(numpy_helper.to_array(tensor), name(tensor.name)))
        for goal, values in ((inputs, graph.input), (outputs, graph.output)):
            for value in values:
                copy_of = onnx.ValueInfoProto()
                copy_of.CopyFrom(value)
                copy_of.name = name(value.name)
                goal.append(copy_of)
        images |= {name(tensor): values for tensor, values in case.images().items()}
    graph = helper.make_graph(nodes, "layers", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return load(model.SerializeToString()), images


def raw(dtype: str, *shape: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(sum(shape)).integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def conv(
    name: str, x: Shape, w: Shape, types: str = "uint8 int8", zeros: tuple[int, int] = (3, 0), **more: object
) -> Case:
    """A ConvInteger with constant weights; ``types`` of the input and of the weights."""
    a, b = types.split()
    x_zero, w_zero = np.array(zeros[0], a), np.array(zeros[1], b)
    return one(name, "ConvInteger", Typed(a, x), raw(b, *w), x_zero, w_zero, **more)


def requantised(name: str, x: Shape, w: Shape, types: str = "uint8 int8 uint8", **more: object) -> Case:
    """A QLinearConv with a scale for each channel."""
    a, b, y = types.split()
    scales = np.linspace(0.001, 0.02, w[0]).astype(np.float32)
    operands = [Typed(a, x), np.float32(0.02), np.array(9, a), raw(b, *w), scales, np.zeros(w[0], b)]
    return one(name, "QLinearConv", *map(as_array, [*operands, np.float32(0.9)]), np.array(100, y), **more)


def as_array(value: object) -> object:
    return np.asarray(value) if isinstance(value, np.generic) else value


def matmul(
    name: str, a: Shape, b: Shape | np.ndarray, types: str = "uint8 int8", zeros: tuple[int, int] = (3, 0)
) -> Case:
    left, right = types.split()
    operand = b if isinstance(b, np.ndarray) else Typed(right, b)
    return one(name, "MatMulInteger", Typed(left, a), operand, np.array(zeros[0], left), np.array(zeros[1], right))


LAYERS = [
    conv("3x3", (1, 5, 9, 10), (7, 5, 3, 3), pads=[0, 2, 1, 1]),
    conv("signed", (1, 4, 8, 8), (6, 4, 3, 3), "int8 int8", (-5, 0), pads=[1, 1, 1, 1]),
    conv("unsigned", (1, 4, 8, 8), (6, 4, 3, 3), "uint8 uint8", (7, 130), pads=[1, 1, 1, 1]),
    conv("weights' zero point", (1, 4, 6, 40), (9, 4, 1, 3), "uint8 int8", (7, 13)),
    conv("1x1", (1, 12, 7, 7), (6, 12, 1, 1)),
    conv("1x1 strided", (1, 12, 7, 7), (6, 12, 1, 1), strides=[2, 2]),
    conv("7x7 strided", (1, 3, 23, 37), (5, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3]),
    conv("even strides", (1, 3, 33, 33), (5, 3, 3, 3), strides=[2, 2]),
    conv("strides of 3", (1, 2, 20, 26), (4, 2, 3, 3), strides=[3, 3], pads=[1, 0, 0, 1]),
    conv("dilated", (1, 3, 17, 18), (8, 3, 3, 2), dilations=[3, 2], pads=[2, 1, 0, 0]),
    conv("groups", (1, 12, 8, 9), (15, 4, 3, 3), group=3, pads=[1, 1, 1, 1]),
    conv("depthwise", (2, 6, 11, 19), (6, 1, 3, 3), group=6, pads=[1, 1, 1, 1]),
    conv("two images", (2, 3, 14, 40), (10, 3, 3, 3), pads=[1, 1, 1, 1]),
    conv("several blocks of rows", (1, 2, 70, 67), (3, 2, 3, 3), pads=[1, 1, 1, 1]),
    conv("a row is too long", (1, 1, 2, 2100), (2, 1, 1, 5), pads=[0, 2, 0, 2]),
    conv("deep", (1, 700, 5, 5), (3, 700, 3, 3), "uint8 int8", (255, -128), pads=[1, 1, 1, 1]),
    conv("1-D", (1, 4, 67), (7, 4, 5), pads=[2, 2], strides=[2]),
    conv("3-D", (1, 2, 5, 6, 9), (6, 2, 3, 2, 3), pads=[1, 0, 1, 1, 1, 0]),
    conv("3-D in blocks", (1, 1, 9, 12, 30), (2, 1, 3, 3, 3), pads=[1, 1, 1, 1, 1, 1]),
    conv("one place", (1, 4, 3, 3), (70, 4, 3, 3)),
    conv("one channel", (1, 4, 11, 3), (1, 4, 3, 3)),
    requantised("requantised", (1, 4, 12, 12), (8, 4, 3, 3), pads=[1, 1, 1, 1]),
    requantised("requantised, signed", (1, 4, 12, 12), (8, 4, 3, 3), "int8 int8 int8", strides=[2, 2]),
    matmul("dense", (1, 300), raw("int8", 300, 10)),
    matmul("dense, unsigned", (1, 300), raw("uint8", 300, 70), "uint8 uint8", (9, 200)),
    matmul("rows", (197, 40), raw("int8", 40, 33), "int8 int8", (-3, 5)),
    matmul("many rows", (600, 9), raw("int8", 9, 70)),
    matmul("of activations", (2, 3, 9, 14), (2, 3, 14, 20), zeros=(3, 4)),
    matmul("broadcast", (2, 1, 5, 11), (4, 11, 18), "int8 int8", (3, -4)),
    matmul("broadcast left", (1, 11), (4, 11, 18), "int8 int8", (3, -4)),
    matmul("times a vector", (40, 31), (31, 1)),
    matmul("a dot product", (31,), (31,)),
]


def wide(name: str, a: str, b: str, zero: int, limits: tuple[int, int]) -> Case:
    """A convolution of 16-bit numbers between DequantizeLinears, which becomes one of integers."""
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xf"], name="x"),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], name="w"),
        helper.make_node("Conv", ["xf", "wf"], ["y"], name="conv", pads=[1, 0, 0, 1]),
    ]
    weights = np.random.default_rng(4).integers(*limits, (5, 3, 3, 2), endpoint=True).astype(b)
    constants = {"xs": np.float32(0.5), "ws": np.float32(0.25), "xz": np.array(zero, a), "wz": np.array(0, b)}
    return build(name, nodes, {"x": Typed(a, (1, 3, 9, 11))}, {"w": weights, **constants})


WIDE = [
    wide("16 bits", "int16", "int16", -300, (-32768, 32767)),
    wide("16 bits, unsigned", "uint16", "uint16", 300, (0, 65535)),
    wide("16 bits, mixed", "uint16", "int16", 40000, (-32768, 32767)),
    wide("8 bits by 16", "uint8", "int16", 100, (-2048, 2047)),
    wide("16 bits by 8", "int16", "int8", 7, (-128, 127)),
]


def test_integer_layers(objects: Cache) -> None:
    network, images = side_by_side(LAYERS)
    assert check(network, images, objects) == len(LAYERS) - 1  # a dot product is loops


def test_the_cases_of_other_tests(objects: Cache) -> None:
    network, images = side_by_side([*INTEGER, *QLINEAR, *NARROW.values(), *WIDE])
    assert check(network, images, objects) > 30


def test_exact_kernels_of_modules_without_sites(objects: Cache) -> None:
    cases = [*LAYERS[:4], *LAYERS[-8:-1], *WIDE[:3]]
    network, images = side_by_side(cases)
    modules = lower(network), lower(network, tiling=host_tiling(products=frozenset()))
    assert len(modules[1].products) == len(cases)
    canonical, tiled = (Engine(module, cache=objects, threads=1) for module in modules)
    states = [runner.state(4) for runner in (canonical, tiled)]
    for runner, state in zip((canonical, tiled), states, strict=True):
        runner.run(images, state=state)
    for tensor in network.outputs:
        assert_same_bits(tiled.memory(states[1], tensor.name), canonical.memory(states[0], tensor.name), tensor.name)


def test_what_a_stack_does_not_hold_stays_loops() -> None:
    network, _ = side_by_side(
        [conv("deep", (1, 70000, 1, 3), (2, 70000, 1, 1)), conv("flat", (1, 7, 1, 3), (2, 7, 1, 1))]
    )
    assert list(lower(network, tiling=host_tiling(sites=True, products=frozenset())).products) == ["1.flat"]


def test_float_layers(objects: Cache) -> None:
    floats = float_layers()
    layers = frozenset(layer.name for layer in floats.layers)
    assert check(floats, float_images(floats), objects, layers) > 25
