"""Damaged models: loading and lowering give a network that runs, or an AsnetError, nothing else.

More of it: ``python -m tests.network.fuzz --count 1000``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.network import load
from tests.network.fuzz import EXAMPLES, ONNX_DATA, content, faults, outcome

DIGITS = EXAMPLES / "networks" / "digits_conv.onnx"
MODELS = {
    "digits": (DIGITS, 120),
    "dense": (EXAMPLES / "networks" / "digits_dense.onnx", 60),
    "sentences": (EXAMPLES / "sentences" / "sentences.onnx", 60),
    "squeezenet": (ONNX_DATA / "light" / "light_squeezenet.onnx", 30),
    "shufflenet": (ONNX_DATA / "light" / "light_shufflenet.onnx", 15),
    "sequences": (ONNX_DATA / "simple" / "test_sequence_model3" / "model.onnx", 60),
    "shapes": (ONNX_DATA / "simple" / "test_expand_shape_model1" / "model.onnx", 60),
    "conv": (ONNX_DATA / "pytorch-converted" / "test_Conv2d_groups" / "model.onnx", 60),
    "transposed": (ONNX_DATA / "pytorch-converted" / "test_ConvTranspose2d" / "model.onnx", 60),
    "pad": (ONNX_DATA / "pytorch-converted" / "test_ReflectionPad2d" / "model.onnx", 60),
}
"""Model → its mutations."""


def test_the_models_are_sound(tmp_path: Path) -> None:
    for name, (path, _) in MODELS.items():
        assert outcome(content(path), tmp_path).startswith("network") or name == "shapes", name


def test_truncated_anywhere() -> None:
    data = DIGITS.read_bytes()
    load(data)
    for length in range(0, len(data), 97):
        assert outcome(data[:length], Path("unused")) == "NetworkError", length


@pytest.mark.parametrize("name", MODELS)
def test_mutations(name: str) -> None:
    path, count = MODELS[name]
    assert [str(fault) for fault in faults([path], range(count))] == []
