"""Recurrent layers, bit for bit the oracle's and close to onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import UnsupportedError
from asnet.network import oracle
from asnet.types import FloatMode
from tests.lower.conftest import Case, check_bits, one, weights

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def cell(
    name: str,
    op: str,
    *,
    bias: bool = True,
    lengths: tuple[int, ...] = (),
    states: bool = False,
    peepholes: bool = False,
    **attributes: object,
) -> Case:
    """5 steps, a batch of 2, 3 features, 4 units."""
    d = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[op] * 4
    state = (2, d, 4) if attributes.get("layout") else (d, 2, 4)
    operands = [
        (2, 5, 3) if attributes.get("layout") else (5, 2, 3),
        weights(d, rows, 3),
        weights(d, rows, 4),
        weights(d, 2 * rows) if bias else None,
        np.array(lengths, np.int32) if lengths else None,
        *([state if states else None] * (2 if op == "LSTM" else 1)),
        *([weights(d, 12)] if peepholes else []),
    ]
    while operands[-1] is None:
        operands.pop()
    outputs = ("y", "h", "c") if op == "LSTM" else ("y", "h")
    return one(name, op, *operands, outputs=outputs, hidden_size=4, **attributes)


CASES = [
    *(cell(f"{op}-plain", op, bias=False) for op in GATES),
    *(cell(f"{op}-reverse", op, direction="reverse") for op in GATES),
    *(cell(f"{op}-both", op, direction="bidirectional", states=True) for op in GATES),
    *(cell(f"{op}-lengths", op, direction="bidirectional", lengths=(3, 5), states=True) for op in GATES),
    *(cell(f"{op}-batch-first", op, layout=1, states=True) for op in GATES),
    cell("gru-after", "GRU", linear_before_reset=1, states=True),
    cell("lstm-peepholes", "LSTM", peepholes=True, states=True),
    cell("rnn-relu", "RNN", activations=["Relu"]),
    cell("lstm-activations", "LSTM", activations=["Sigmoid", "Relu", "Tanh"]),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.name.endswith("batch-first")], ids=lambda case: case.name
)
def test_agrees_with_onnxruntime(case: Case) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    image = {key: x[0] for key, x in case.images().items()}
    network = case.network()
    expected = onnxruntime.InferenceSession(case.model.SerializeToString()).run(None, image)
    found = oracle.run(network, image, FloatMode.IEEE)
    for tensor, values in zip(network.outputs, expected, strict=True):
        np.testing.assert_allclose(found[tensor.name], values, 1e-4, 2e-6)


def test_refuses_clipping() -> None:
    with pytest.raises(UnsupportedError, match=r"node 'clipped' \(RNN\): attribute 'clip' = 3.0 is not supported"):
        cell("clipped", "RNN", clip=3.0).network()


def test_refuses_other_activations() -> None:
    with pytest.raises(UnsupportedError, match="activation 'elu' is not supported; supported: relu, sigmoid, tanh"):
        cell("elu", "RNN", activations=["Elu"]).network()
