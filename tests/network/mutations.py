"""Damage to ONNX models: of the bytes of a file, and of the graph in it. Every mutation is a function of its seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper

__all__ = ["mutate"]

Generator = np.random.Generator
EXTENTS = (0, 1, 2, 3, 7, -1, -2, 255, 2**20, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan"))
OPERATORS = sorted({schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""})


def mutate(data: bytes, seed: int) -> bytes:
    """``data`` damaged: one seed in three damages its bytes, one its graph, one only what may be right as well."""
    random = np.random.default_rng((seed, zlib.crc32(data)))
    count = 1 + int(random.integers(2)) * int(random.integers(2))
    if seed % 3 == 0:
        damaged = bytearray(data)
        for _ in range(count):
            _pick(random, BYTES)(damaged, random)
        return bytes(damaged)
    model = onnx.load_model_from_string(data)
    for _ in range(count):
        _pick(random, GRAPH if seed % 3 == 1 else PLAUSIBLE)(model, random)
    return model.SerializeToString()


def _pick(random: Generator, items: Sequence[Any]) -> Any:
    return items[int(random.integers(len(items)))]


def _span(size: int, random: Generator) -> slice:
    start = int(random.integers(size + 1))
    return slice(start, min(size, start + int(random.integers(1, 33))))


# --- bytes ----------------------------------------------------------------------------------------------------------


def _flip(data: bytearray, random: Generator) -> None:
    if data:
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))


def _overwrite(data: bytearray, random: Generator) -> None:
    if data:
        data[int(random.integers(len(data)))] = int(_pick(random, (0, 1, 0x7F, 0x80, 0xFF, int(random.integers(256)))))


def _cut(data: bytearray, random: Generator) -> None:
    del data[_span(len(data), random)]


def _repeat(data: bytearray, random: Generator) -> None:
    span = _span(len(data), random)
    data[span.stop : span.stop] = data[span]


def _move(data: bytearray, random: Generator) -> None:
    part = data[_span(len(data), random)]
    place = int(random.integers(len(data) + 1))
    data[place:place] = part


def _fill(data: bytearray, random: Generator) -> None:
    span = _span(len(data), random)
    data[span] = random.bytes(span.stop - span.start)


def _long_number(data: bytearray, random: Generator) -> None:
    place = int(random.integers(len(data) + 1))
    data[place : place + 1] = b"\xff" * int(random.integers(1, 11)) + b"\x01"


def _truncate(data: bytearray, random: Generator) -> None:
    del data[int(random.integers(len(data) + 1)) :]


BYTES: Sequence[Callable[[bytearray, Generator], None]] = (
    *(_flip, _flip, _overwrite, _overwrite, _cut, _repeat, _move, _fill, _long_number, _truncate),
)

# --- graphs ---------------------------------------------------------------------------------------------------------


def _names(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    values = [value.name for value in (*graph.input, *graph.output)] + [tensor.name for tensor in graph.initializer]
    return [*values, *(name for node in graph.node for name in node.output), "", "nowhere"]


def _node(model: onnx.ModelProto, random: Generator) -> onnx.NodeProto:
    return _pick(random, model.graph.node) if model.graph.node else model.graph.node.add(op_type="Relu")


def _drop_node(model: onnx.ModelProto, random: Generator) -> None:
    if model.graph.node:
        del model.graph.node[int(random.integers(len(model.graph.node)))]


def _repeat_node(model: onnx.ModelProto, random: Generator) -> None:
    node = onnx.NodeProto()
    node.CopyFrom(_node(model, random))
    model.graph.node.append(node)


def _swap_nodes(model: onnx.ModelProto, random: Generator) -> None:
    first, second = _node(model, random), _node(model, random)
    kept = onnx.NodeProto()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)


def _rename_input(model: onnx.ModelProto, random: Generator) -> None:
    node = _node(model, random)
    if node.input:
        node.input[int(random.integers(len(node.input)))] = _pick(random, _names(model))


def _add_input(model: onnx.ModelProto, random: Generator) -> None:
    _node(model, random).input.append(_pick(random, _names(model)))


def _drop_input(model: onnx.ModelProto, random: Generator) -> None:
    node = _node(model, random)
    if node.input:
        del node.input[int(random.integers(len(node.input)))]


def _make_cycle(model: onnx.ModelProto, random: Generator) -> None:
    first, later = sorted(int(random.integers(max(1, len(model.graph.node)))) for _ in range(2))
    nodes = model.graph.node
    if nodes and nodes[first].input and nodes[later].output:
        nodes[first].input[0] = nodes[later].output[0]


def _rename_output(model: onnx.ModelProto, random: Generator) -> None:
    node = _node(model, random)
    if node.output:
        node.output[int(random.integers(len(node.output)))] = _pick(random, _names(model))


def _add_output(model: onnx.ModelProto, random: Generator) -> None:
    _node(model, random).output.append(_pick(random, ["further", *_names(model)]))


def _other_operator(model: onnx.ModelProto, random: Generator) -> None:
    _node(model, random).op_type = _pick(random, [*OPERATORS, "Nonsense", ""])


def _other_domain(model: onnx.ModelProto, random: Generator) -> None:
    _node(model, random).domain = _pick(random, ("ai.onnx", "ai.onnx.ml", "com.microsoft", "nowhere"))


def _attribute(model: onnx.ModelProto, random: Generator) -> AttributeProto:
    owners = [node for node in model.graph.node if node.attribute]
    return _pick(random, _pick(random, owners).attribute) if owners else _node(model, random).attribute.add(name="axis")


def _change_attribute(model: onnx.ModelProto, random: Generator) -> None:
    attribute = _attribute(model, random)
    attribute.i = _pick(random, EXTENTS)
    attribute.f = _pick(random, FLOATS)
    if attribute.ints:
        attribute.ints[int(random.integers(len(attribute.ints)))] = _pick(random, EXTENTS)
    if attribute.floats:
        attribute.floats[int(random.integers(len(attribute.floats)))] = _pick(random, FLOATS)
    if attribute.s:
        attribute.s = _pick(random, (b"", b"SAME_UPPER", b"VALID", b"linear", b"nonsense", b"\xff\xfe"))


def _resize_attribute(model: onnx.ModelProto, random: Generator) -> None:
    attribute = _attribute(model, random)
    if random.integers(2):
        attribute.ints.append(_pick(random, EXTENTS))
    else:
        del attribute.ints[-1:]


def _drop_attribute(model: onnx.ModelProto, random: Generator) -> None:
    node = _node(model, random)
    if node.attribute:
        del node.attribute[int(random.integers(len(node.attribute)))]


def _add_attribute(model: onnx.ModelProto, random: Generator) -> None:
    name = _pick(random, ("axis", "axes", "pads", "strides", "kernel_shape", "group", "to", "mode", "perm", "nonsense"))
    value = _pick(random, (_pick(random, EXTENTS), _pick(random, FLOATS), "text", [1, 1], [_pick(random, EXTENTS)] * 2))
    _node(model, random).attribute.append(helper.make_attribute(name, value))


def _retype_attribute(model: onnx.ModelProto, random: Generator) -> None:
    _attribute(model, random).type = _pick(random, tuple(AttributeProto.AttributeType.values()))


def _initializer(model: onnx.ModelProto, random: Generator) -> TensorProto:
    graph = model.graph
    constants = [attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t")]
    return _pick(random, [*graph.initializer, *constants] or [graph.initializer.add(name="made", data_type=1)])


def _reshape_initializer(model: onnx.ModelProto, random: Generator) -> None:
    tensor = _initializer(model, random)
    change = int(random.integers(3))
    if change == 0 and tensor.dims:
        tensor.dims[int(random.integers(len(tensor.dims)))] = _pick(random, EXTENTS)
    elif change == 1:
        tensor.dims.append(_pick(random, EXTENTS))
    else:
        del tensor.dims[-1:]


def _cut_initializer(model: onnx.ModelProto, random: Generator) -> None:
    tensor = _initializer(model, random)
    data = tensor.raw_data
    tensor.raw_data = data[: len(data) // 2] if random.integers(2) else data + bytes(int(random.integers(1, 9)))


def _scramble_initializer(model: onnx.ModelProto, random: Generator) -> None:
    """Other numbers: NaN among floats, any index, shape or axis among integers."""
    tensor = _initializer(model, random)
    tensor.raw_data = random.bytes(len(tensor.raw_data))
    for values in (tensor.int32_data, tensor.int64_data):
        if values:
            values[0] = _pick(random, (0, -1, 5, 2**31 - 1))
    if tensor.float_data:
        tensor.float_data[0] = _pick(random, FLOATS)


def _retype_initializer(model: onnx.ModelProto, random: Generator) -> None:
    _initializer(model, random).data_type = _pick(random, tuple(TensorProto.DataType.values()))


def _outside(model: onnx.ModelProto, random: Generator) -> None:
    tensor = _initializer(model, random)
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": ("/etc/passwd", "../x", "", "a\0b", "."), "offset": ("-1", "9" * 30, "x"), "length": ("-1",)}
    for key, values in entries.items():
        tensor.external_data.add(key=key, value=_pick(random, values))


def _drop_initializer(model: onnx.ModelProto, random: Generator) -> None:
    if model.graph.initializer:
        del model.graph.initializer[int(random.integers(len(model.graph.initializer)))]


def _value(model: onnx.ModelProto, random: Generator) -> onnx.ValueInfoProto:
    values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    return _pick(random, values) if values else model.graph.input.add(name="x")


def _reshape_value(model: onnx.ModelProto, random: Generator) -> None:
    shape = _value(model, random).type.tensor_type.shape
    change = int(random.integers(4))
    if change == 0 and shape.dim:
        shape.dim[int(random.integers(len(shape.dim)))].dim_value = _pick(random, EXTENTS)
    elif change == 1:
        shape.dim.add(dim_value=_pick(random, EXTENTS))
    elif change == 2 and shape.dim:
        shape.dim[int(random.integers(len(shape.dim)))].dim_param = _pick(random, ("N", "height", ""))
    else:
        del shape.dim[-1:]


def _retype_value(model: onnx.ModelProto, random: Generator) -> None:
    value = _value(model, random)
    if random.integers(3):
        value.type.tensor_type.elem_type = _pick(random, tuple(TensorProto.DataType.values()))
    elif random.integers(2):
        value.type.sequence_type.elem_type.tensor_type.elem_type = 1
    else:
        value.ClearField("type")


def _rename_value(model: onnx.ModelProto, random: Generator) -> None:
    _value(model, random).name = _pick(random, _names(model))


def _drop_value(model: onnx.ModelProto, random: Generator) -> None:
    values = _pick(random, (model.graph.input, model.graph.output))
    if values:
        del values[int(random.integers(len(values)))]


def _other_version(model: onnx.ModelProto, random: Generator) -> None:
    model.opset_import[0].version = _pick(random, (*range(5, 30), -1, 2**31, 2**63 - 1))


def _other_format(model: onnx.ModelProto, random: Generator) -> None:
    model.ir_version = _pick(random, (0, 1, 3, 4, 8, 99, 2**62))


GRAPH: Sequence[Callable[[onnx.ModelProto, Generator], None]] = (
    *(_drop_node, _repeat_node, _swap_nodes, _rename_input, _add_input, _drop_input, _make_cycle, _rename_output),
    *(_add_output, _other_operator, _other_operator, _other_domain, _change_attribute, _change_attribute),
    *(_change_attribute, _resize_attribute, _drop_attribute, _add_attribute, _retype_attribute, _reshape_initializer),
    *(_reshape_initializer, _cut_initializer, _scramble_initializer, _scramble_initializer, _retype_initializer),
    *(_outside, _drop_initializer, _reshape_value, _reshape_value, _retype_value, _rename_value, _drop_value),
    *(_other_version, _other_format),
)

# --- graphs that may be right ---------------------------------------------------------------------------------------


def _earlier(model: onnx.ModelProto, random: Generator) -> None:
    """A node reads another tensor that is there before it."""
    graph = model.graph
    if not graph.node:
        return
    place = int(random.integers(len(graph.node)))
    known = [value.name for value in graph.input] + [tensor.name for tensor in graph.initializer]
    known += [name for node in graph.node[:place] for name in node.output if name]
    if known and graph.node[place].input:
        graph.node[place].input[int(random.integers(len(graph.node[place].input)))] = _pick(random, known)


def _similar_operator(model: onnx.ModelProto, random: Generator) -> None:
    """An operator with as many inputs and no attributes."""
    node = _node(model, random)
    schemas = [onnx.defs.get_schema(name) for name in OPERATORS]
    count = len(node.input)
    fitting = [s.name for s in schemas if s.min_input <= count <= s.max_input and s.max_output >= len(node.output)]
    node.op_type = _pick(random, fitting or ["Relu"])
    del node.attribute[:]


def _small_attribute(model: onnx.ModelProto, random: Generator) -> None:
    attribute = _attribute(model, random)
    small = int(random.integers(-3, 6))
    if attribute.type == AttributeProto.INT:
        attribute.i = small
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[int(random.integers(len(attribute.ints)))] = small
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = _pick(random, FLOATS)


def _turned_initializer(model: onnx.ModelProto, random: Generator) -> None:
    dims = _initializer(model, random).dims
    dims[:] = [int(extent) for extent in random.permutation(dims)]


def _smaller_input(model: onnx.ModelProto, random: Generator) -> None:
    graph = model.graph
    shapes = [value.type.tensor_type.shape for value in graph.input if value.type.tensor_type.shape.dim]
    if shapes:
        _pick(random, _pick(random, shapes).dim).dim_value = int(random.integers(0, 20))
    for value in graph.output:
        value.type.tensor_type.shape.ClearField("dim")


def _shortcut(model: onnx.ModelProto, random: Generator) -> None:
    """A node goes, its readers read its input."""
    if not model.graph.node:
        return
    place = int(random.integers(len(model.graph.node)))
    gone = model.graph.node[place]
    if gone.input and gone.output:
        source, name = gone.input[0], gone.output[0]
        for node in model.graph.node:
            node.input[:] = [source if each == name else each for each in node.input]
        del model.graph.node[place]


def _any_output(model: onnx.ModelProto, random: Generator) -> None:
    names = [name for node in model.graph.node for name in node.output if name]
    if names and model.graph.output:
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info(_pick(random, names), TensorProto.FLOAT, None))
        model.graph.output[0].type.tensor_type.shape.SetInParent()


def _near_version(model: onnx.ModelProto, random: Generator) -> None:
    model.opset_import[0].version = int(random.integers(7, onnx.defs.onnx_opset_version() + 1))


def _other_numbers(model: onnx.ModelProto, random: Generator) -> None:
    """Integers become others of a useful size, floats other floats."""
    tensor = _initializer(model, random)
    if tensor.data_type == TensorProto.INT64:
        count = int(np.prod(tensor.dims))
        if 0 < count < 100:
            values = random.integers(-3, 9, count)
            tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.INT64, tensor.dims, values))
    elif tensor.data_type == TensorProto.FLOAT and len(tensor.raw_data) >= 4:
        tensor.raw_data = np.float32(_pick(random, FLOATS)).tobytes() + tensor.raw_data[4:]


PLAUSIBLE: Sequence[Callable[[onnx.ModelProto, Generator], None]] = (
    *(_earlier, _similar_operator, _small_attribute, _small_attribute, _turned_initializer, _smaller_input, _shortcut),
    *(_any_output, _near_version, _other_numbers),
)
