"""The cases of the installed onnx package, and the rule that leaves some of them out."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import load_model_tests

from asnet.network.shapes import type_name
from asnet.types import ELEMENT_TYPES, Array

__all__ = ["LIGHT", "Case", "collect", "excluded"]

_MODEL_KINDS = ("simple", "pytorch-operator")

LIGHT = "(light)"
"""What the light models are counted under."""

_LEFT_OUT = {
    "random": {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"},
    "training losses": {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"},
    "image decoding": {"ImageDecoder"},
}
"""Reason → operators that no network for inference in hardware has."""

_CANCELLING = frozenset({"DFT", "STFT"})
"""Operators whose expected values near 0 are the rounding errors of numpy's single-precision FFT: ``test_dft_inverse``
expects 1.9e-7 where the sum of exact products is 0.
"""

_TRAINING_MODE = frozenset({"BatchNormalization", "Dropout"})


@dataclass(frozen=True)
class Case:
    """A model and what it must compute: ``data`` holds (inputs, outputs) pairs, arrays in the graph's order.

    ``operator`` is what the table counts it under: the operator of a node case (also of its expanded form), the kind of
    the others.
    """

    name: str
    operator: str
    model: onnx.ModelProto = field(repr=False)
    data: Sequence[tuple[Sequence[Any], Sequence[Any]]] = field(repr=False)
    rtol: float
    atol: float


def collect() -> list[Case]:
    """All node cases, the model cases of the kinds ``simple`` and ``pytorch-operator``, and the light models, by name.

    A light model is an architecture of real size whose weights are made by ConstantOfShape; its case is of the kind
    ``real``, its input is ``i/n`` at element ``i`` of ``n``, as ONNX's runner makes it.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        generated: list[Any] = collect_testcases(None)
    operators = {case.name: case.model.graph.node[0].op_type for case in generated}
    operators = {name: operators.get(name.split("_expanded")[0], operators[name]) for name in operators}
    cases = [
        Case(
            case.name,
            operators[case.name],
            case.model,
            [(list(map(_values, inputs)), list(map(_values, outputs))) for inputs, outputs in case.data_sets],
            case.rtol,
            _atol(case, operators[case.name]),
        )
        for case in generated
    ]
    for kind in _MODEL_KINDS:
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir or "")
            model = onnx.load_model_from_string((folder / "model.onnx").read_bytes())
            data = [_data_set(path, model) for path in sorted(folder.glob("test_data_set_*"))]
            cases.append(Case(case.name, f"({kind})", model, data, case.rtol, case.atol))
    cases += [_light(case) for case in load_model_tests(kind="real")]
    return sorted(cases, key=lambda case: case.name)


def _values(value: Any) -> Any:
    """Some cases state tensors as ONNX stores them."""
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _light(case: Any) -> Case:
    path = Path(onnx.__file__).parents[1] / case.url
    model = onnx.load_model_from_string(path.read_bytes())
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs: list[Array] = []
    for value in model.graph.input:
        if value.name not in constants:
            shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            size = math.prod(shape)
            inputs.append((np.arange(size).reshape(shape) / size).astype(np.float32))
    outputs = [path.with_name(f"{path.stem}_output_{number}.pb") for number in range(len(model.graph.output))]
    expected = [numpy_helper.to_array(onnx.load_tensor_from_string(output.read_bytes())) for output in outputs]
    return Case(case.name, LIGHT, model, [(inputs, expected)], case.rtol, case.atol)


def _atol(case: Any, operator: str) -> float:
    """The absolute tolerance of ``case``, for a sum of cancelling terms in units of its greatest result."""
    if operator not in _CANCELLING:
        return case.atol
    return case.atol * max(1.0, *(float(np.abs(array).max()) for _, outputs in case.data_sets for array in outputs))


def _data_set(folder: Path, model: onnx.ModelProto) -> tuple[list[Array | None], list[Array | None]]:
    def arrays(kind: str, values: Sequence[onnx.ValueInfoProto]) -> Iterator[Array | None]:
        for number, value in enumerate(values):
            path = folder / f"{kind}_{number}.pb"
            if value.type.WhichOneof("value") != "tensor_type":
                yield None
            elif path.exists():
                yield numpy_helper.to_array(onnx.load_tensor_from_string(path.read_bytes()))

    return list(arrays("input", model.graph.input)), list(arrays("output", model.graph.output))


def excluded(case: Case) -> str | None:
    """Why the goal does not speak of ``case``; None if it does.

    The goal is about tensors of :data:`asnet.types.ELEMENT_TYPES` and inference; it leaves out sequences, optionals and
    maps, strings, other element types, training, losses, optimisers, random operators, image decoding and
    ai.onnx.ml.
    """
    graph = case.model.graph
    domains = {node.domain for node in graph.node}
    if any(domain.startswith("ai.onnx.ml") for domain in domains):
        return "ai.onnx.ml"
    if any("training" in domain for domain in domains):
        return "training"
    for reason, operators in _LEFT_OUT.items():
        if case.operator in operators or any(node.op_type in operators for node in graph.node):
            return reason
    values = (*graph.input, *graph.output)
    kinds = {value.type.WhichOneof("value") for value in values}
    if kinds - {"tensor_type"}:
        return "sequences, optionals, maps"
    types = {type_name(value.type.tensor_type.elem_type) for value in values}
    if "string" in types:
        return "strings"
    if types - ELEMENT_TYPES.keys():
        return "other element types"
    return "training" if _trains(case) else None


def _trains(case: Case) -> bool:
    """Whether a BatchNormalization or Dropout of ``case`` is in training mode."""
    if case.operator not in _TRAINING_MODE:
        return False
    node = case.model.graph.node[0]
    if any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute):
        return True
    given = [name for name in node.input if name]
    if node.op_type != "Dropout" or len(node.input) < 3:
        return False
    return bool(np.any(case.data[0][0][given.index(node.input[2])]))
