"""Quantised networks run by ASNet, by the oracle and by onnxruntime, integer by integer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from asnet.cache import Cache
from asnet.ir.jit import Engine
from asnet.lower import lower
from asnet.network import load, oracle
from asnet.quantizing import QuantizedNetwork
from asnet.types import AnyArray, FloatMode

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"
INTEGERS = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8, onnx.TensorProto.INT16, onnx.TensorProto.UINT16)


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Compiled networks of one session."""
    return Cache(tmp_path_factory.mktemp("objects"))


def digits(name: str, count: int) -> AnyArray:
    """The first images of the shipped test set in the shape that the network takes."""
    with np.load(NETWORKS / "digits_test.npz") as data:
        return data["x"][:count].reshape(count, *load(NETWORKS / f"{name}.onnx").inputs[0].shape[1:])


def integer_tensors(model: onnx.ModelProto) -> list[str]:
    """Every integer that a node of the graph computes for an image, but for what a Clip narrows further."""
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}
    narrowed = {node.input[0] for node in model.graph.node if node.op_type == "Clip"}
    return [
        name
        for node in model.graph.node
        for name in node.output
        if types.get(name) in INTEGERS and name not in narrowed
    ]


def by_onnxruntime(model: onnx.ModelProto, inputs: Mapping[str, AnyArray], **session: str) -> dict[str, AnyArray]:
    """Every integer tensor as onnxruntime computes it; ``session``: entries of its configuration."""
    names = integer_tensors(model)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    copy = onnx.shape_inference.infer_shapes(copy)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for key, value in session.items():
        options.add_session_config_entry(f"session.{key}", value)
    run = onnxruntime.InferenceSession(copy.SerializeToString(), options).run(names, dict(inputs))
    return dict(zip(names, run, strict=True))


def by_asnet(found: QuantizedNetwork, inputs: Mapping[str, AnyArray], cache: Cache) -> dict[str, AnyArray]:
    """Every integer tensor of :func:`integer_tensors` that the compiled network still has."""
    network = load(found.data)
    engine = Engine(lower(network, FloatMode.IEEE), cache=cache)
    images = len(next(iter(inputs.values())))
    state = engine.state(images)
    engine.run(inputs, state=state)
    kept = [name for name in integer_tensors(found.model) if name in network.tensors]
    return {name: np.concatenate(engine.memory(state, name)) for name in kept}


def by_oracle(
    found: QuantizedNetwork, inputs: Mapping[str, AnyArray], *, together: bool = False
) -> dict[str, AnyArray]:
    """The same by the oracle, image by image (or all ``together``, as one run)."""
    network = load(found.data)
    images = 1 if together else len(next(iter(inputs.values())))
    runs = [
        oracle.run(
            network,
            {name: array if together else array[image : image + 1] for name, array in inputs.items()},
            FloatMode.IEEE,
        )
        for image in range(images)
    ]
    kept = [name for name in integer_tensors(found.model) if name in network.tensors]
    return {name: np.concatenate([run[name] for run in runs]) for name in kept}


def assert_same(found: Mapping[str, AnyArray], expected: Mapping[str, AnyArray]) -> None:
    """Equal on every tensor that both have; there are some."""
    shared = [name for name in expected if name in found]
    assert shared
    for name in shared:
        assert found[name].dtype == expected[name].dtype
        assert (found[name] == expected[name]).all(), name
