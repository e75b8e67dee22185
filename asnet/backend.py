"""ONNX's standard backend interface over the compiled path: models are lowered to LLVM IR and run by the JIT.

The float mode is ``ieee``, as ONNX wants. A network is compiled when its shapes are known: by :meth:`Backend.prepare`
if the model states them, else at the first run, and again for every other shape. Inputs that are parameters of the
computation (the shape of a Reshape, the axes of a reduction; :mod:`asnet.network.parameters`) are compiled in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference
from onnx.backend.base import Backend as OnnxBackend
from onnx.backend.base import BackendRep as OnnxBackendRep
from onnx.backend.base import namedtupledict

from asnet.cache import Cache, default_cache
from asnet.errors import DataError, NetworkError, UnsupportedError
from asnet.ir import reuse
from asnet.ir.jit import Engine
from asnet.ir.tiling import host_tiling
from asnet.lower import lower
from asnet.network import oracle
from asnet.network.expanding import expand_operators, inline_functions
from asnet.network.graph import name_nodes
from asnet.network.load import load_source
from asnet.network.parameters import PARAMETERS, parameter_inputs
from asnet.network.reading import Source, check_structure
from asnet.network.upgrading import upgrade
from asnet.network.weights import detach
from asnet.types import Array, FloatMode

__all__ = ["Backend", "BackendRep", "Program", "is_compatible", "prepare", "run_model", "run_node", "supports_device"]


_TILING = host_tiling(products=frozenset[str]())


class Program:
    """A model compiled for inputs of certain shapes and parameters of certain values."""

    def __init__(self, source: Source, inputs: Mapping[str, Array], parameters: Set[str], cache: Cache) -> None:
        """Compile; ``parameters`` of ``inputs`` become constants.

        Raises:
            NetworkError: the model is broken.
            UnsupportedError: it uses what ASNet does not support.
        """
        model = onnx.ModelProto()
        model.CopyFrom(source.model)
        for value in model.graph.input:
            if value.name in inputs:
                element = value.type.tensor_type.elem_type
                value.CopyFrom(helper.make_tensor_value_info(value.name, element, inputs[value.name].shape))
        model.graph.initializer.extend(numpy_helper.from_array(inputs[name], name) for name in sorted(parameters))
        del model.graph.value_info[:]  # may speak of other shapes
        self.network = load_source(replace(source, model=model))
        self._engine = Engine(reuse(lower(self.network, FloatMode.IEEE, tiling=_TILING)), cache=cache)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs in their order."""
        feeds = {tensor.name: inputs[tensor.name][None] for tensor in self.network.inputs}
        state = self._engine.state(1)
        self._engine.run(feeds, state=state)
        return [np.array(self._engine.memory(state, tensor.name)[0]) for tensor in self.network.outputs]

    def define(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs as the oracle defines them."""
        found = oracle.run(self.network, {t.name: inputs[t.name] for t in self.network.inputs}, FloatMode.IEEE)
        return [found[tensor.name] for tensor in self.network.outputs]


class BackendRep(OnnxBackendRep):
    """A model that can be run."""

    def __init__(self, model: onnx.ModelProto, *, folder: Path | None = None, cache: Cache | None = None) -> None:
        """Compile ``model`` if it states its shapes and no input is a parameter; ``folder`` holds its external data.

        Raises:
            NetworkError: the model is broken.
            UnsupportedError: it uses what ASNet does not support.
        """
        where = model.graph.name or "model"
        source = Source(model, where, where, "", folder)
        check_structure(source)
        copy = onnx.ModelProto()
        copy.CopyFrom(upgrade(source).model)
        weights = detach(copy, {})
        copy = _expanded(copy, weights, where)
        digest = hashlib.sha256(model.SerializeToString()).hexdigest()
        self._source = Source(copy, where, where, digest, folder, weights)
        self._cache = cache or default_cache()
        self._programs: dict[tuple[object, ...], Program] = {}
        constants = {tensor.name for tensor in copy.graph.initializer} | weights.keys()
        self._inputs = [value for value in copy.graph.input if value.name not in constants]
        for value in self._inputs:
            kind = value.type.WhichOneof("value") or "none"
            if kind != "tensor_type":
                kind = kind.removesuffix("_type")
                raise UnsupportedError(f"{where}: input {value.name!r} is a {kind}; only tensors are supported")
        self._parameters = parameter_inputs(copy) - constants
        shapes = [_static_shape(value) for value in self._inputs]
        if not self._parameters and None not in shapes:
            zeros = [
                _zeros(value, shape) for value, shape in zip(self._inputs, shapes, strict=True) if shape is not None
            ]
            self.program(self.checked(zeros))

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs for ``inputs``: a sequence of arrays in the graph's order, a mapping by name, or one array.

        Raises:
            DataError: inputs are missing or of the wrong type.
            NetworkError, UnsupportedError: as the constructor, for a model that had to wait for its shapes.
        """
        arrays = self.checked(inputs)
        outputs = self.program(arrays).run(arrays)
        return namedtupledict("Outputs", [value.name for value in self._source.model.graph.output])(*outputs)

    def checked(self, inputs: Any) -> dict[str, Array]:
        """Input name → array of the model's type; raises as :meth:`run`."""
        given: Mapping[str, Any]
        if isinstance(inputs, Mapping):
            given = cast("Mapping[str, Any]", inputs)
        else:
            sequence = cast("Sequence[Any]", [inputs] if isinstance(inputs, np.ndarray) else inputs)
            if len(sequence) > len(self._inputs):
                raise DataError(f"{len(sequence)} inputs for a model of {len(self._inputs)}; leave out the others")
            given = {value.name: array for value, array in zip(self._inputs, sequence, strict=False)}
        arrays: dict[str, Array] = {}
        for value in self._inputs:
            if value.name not in given:
                raise DataError(f"input {value.name!r} of the model is missing; give an array for each input")
            array = np.asarray(given[value.name])
            wanted = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            if array.dtype != wanted:
                raise DataError(f"input {value.name!r} is {array.dtype}, the model takes {wanted}; convert it")
            arrays[value.name] = array
        return arrays

    def program(self, arrays: Mapping[str, Array]) -> Program:
        """The program for the shapes of ``arrays`` and the values of those that are parameters."""
        key = tuple(
            (array.shape, array.tobytes() if name in self._parameters else b"") for name, array in arrays.items()
        )
        if key not in self._programs:
            self._programs[key] = Program(self._source, arrays, self._parameters, self._cache)
        return self._programs[key]


def _expanded(model: onnx.ModelProto, weights: Mapping[str, Array], where: str) -> onnx.ModelProto:
    """``model`` without functions: neither its own nor those of the specification that ASNet has no other form of."""
    name_nodes(model.graph)
    model = inline_functions(model, where)
    name_nodes(model.graph)
    while expand_operators(model, {*oracle.OPERATORS, *PARAMETERS}, where, weights):
        pass
    return model


def _static_shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    fixed = tensor.HasField("shape") and all(dim.WhichOneof("value") == "dim_value" for dim in tensor.shape.dim)
    return tuple(dim.dim_value for dim in tensor.shape.dim) if fixed else None


def _zeros(value: onnx.ValueInfoProto, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape, helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))


class Backend(OnnxBackend):
    """The interface that ONNX's backend test suite runs against; the device is always the CPU."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether :meth:`prepare` accepts ``model``."""
        try:
            cls.prepare(model, device, **kwargs)
        except NetworkError:
            return False
        return cls.supports_device(device)

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> BackendRep:
        """``model``, compiled as far as its shapes are known.

        Raises:
            UnsupportedError: another device, or the model uses what ASNet does not support.
            NetworkError: the model is broken.
        """
        if not cls.supports_device(device):
            raise UnsupportedError(f"device {device!r} is not supported; use 'CPU'")
        return BackendRep(model)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """The outputs of one operator; the keyword ``opset_version`` chooses its definition (default: the newest)."""
        names = [name for name in dict.fromkeys(node.input) if name]
        arrays = [np.asarray(array) for array in inputs]
        graph = helper.make_graph(
            [node],
            node.name or node.op_type,
            [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                for name, array in zip(names, arrays, strict=True)
            ],
            [onnx.ValueInfoProto(name=name) for name in node.output if name],
        )
        opset = helper.make_opsetid(node.domain, kwargs.get("opset_version", onnx.defs.onnx_opset_version()))
        model = _expanded(helper.make_model(graph, opset_imports=[opset]), {}, graph.name)
        return cls.prepare(shape_inference.infer_shapes(model), device).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Only the CPU."""
        return device.split(":")[0] == "CPU"


is_compatible = Backend.is_compatible
prepare = Backend.prepare
run_model = Backend.run_model
run_node = Backend.run_node
supports_device = Backend.supports_device
