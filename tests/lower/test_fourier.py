"""DFT and STFT: bit for bit the oracle's, equal to ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.cache import Cache
from asnet.errors import NetworkError
from asnet.network import oracle
from asnet.network.fourier import Fourier
from asnet.types import FloatMode
from tests.lower.conftest import Case, check_bits, check_reference, integers, one, weights

CASES = [
    one("real", "DFT", (2, 10, 1), opset=20),
    one("complex", "DFT", (2, 7, 2), opset=20),
    one("onesided", "DFT", (9, 3, 1), None, np.array(0), opset=20, onesided=1),
    one("padded", "DFT", (1, 5, 3, 1), np.array(8), np.array(1), opset=20),
    one("trimmed", "DFT", (1, 9, 2), np.array(6), opset=20, inverse=1),
    one("inverse", "DFT", (3, 8, 2), None, np.array(-2), opset=20, inverse=1),
    one("17", "DFT", (2, 6, 3, 2), opset=17, axis=2),
    one("17-first", "DFT", (2, 6, 1), opset=17, onesided=1),
    one("stft", "STFT", (2, 40, 1), np.array(5), None, np.array(16)),
    one("stft-window", "STFT", (2, 30, 1), np.array(4), weights(12), onesided=0),
    one("stft-complex", "STFT", (1, 30, 2), np.array(7), weights(9), np.array(9), onesided=0),
    one("stft-run", "STFT", (1, 30, 1), np.array(7), (9,)),
]
PLAIN = one("stft-plain", "STFT", (2, 40), np.array(5), weights(16), onesided=1)
"""As PyTorch exports it; ONNX's reference wants the axis of the parts."""

HALVES = [
    one("half-even", "DFT", (2, 5, 2), opset=20, inverse=1, onesided=1),
    one("half-odd", "DFT", (2, 5, 2), np.array(9), opset=20, inverse=1, onesided=1),
    one("half-short", "DFT", (2, 3, 2), np.array(8), opset=20, inverse=1, onesided=1),
]


@pytest.mark.parametrize("mode", FloatMode)
@pytest.mark.parametrize("case", [*CASES, PLAIN, *HALVES], ids=lambda case: case.name)
def test_has_the_oracles_bits(case: Case, mode: FloatMode, objects: Cache) -> None:
    check_bits(case, mode, objects)


@pytest.mark.parametrize("case", [*CASES, *HALVES], ids=lambda case: case.name)
def test_agrees_with_the_onnx_reference(case: Case, objects: Cache) -> None:
    check_reference(case, objects)


def test_multiples_of_right_angles_are_exact() -> None:
    cosine, sine = Fourier(8, 8, 8).table()
    assert cosine[::2].tolist() == [1, 0, -1, 0]
    assert sine[::2].tolist() == [0, -1, 0, 1]


def test_a_long_transform_keeps_its_accuracy() -> None:
    x = np.random.default_rng(1).standard_normal((1, 1000, 1)).astype(np.float32)
    found = oracle.run(one("long", "DFT", x.shape, opset=20).network(), {"in0": x})["y"]
    expected = np.fft.fft(x[0, :, 0].astype(np.float64))
    error = np.abs(found[0, :, 0] + 1j * found[0, :, 1] - expected).max() / np.abs(expected).max()
    assert error < 2e-6


@pytest.mark.parametrize(
    "case, message",
    [
        (one("d", "DFT", (2, 4, 2), np.array(0), opset=20), "a transform of length 0"),
        (one("d", "DFT", (2, 4, 3), opset=17), r"the last axis of the shape \[2, 4, 3\] must be 1 .real. or 2"),
        (one("s", "STFT", (1, 9, 1), np.array(0), None, np.array(4), onesided=1), "frames of 4 elements every 0"),
    ],
)
def test_contradictions_are_refused(case: Case, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        case.network()


def test_a_wrong_output_is_refused() -> None:
    case = one("s", "STFT", (1, 9, 1), np.array(5), None, np.array(4), onesided=1)
    case.model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 4
    with pytest.raises(NetworkError, match="shape"):
        case.network()


def test_lengths_may_be_computed_from_shapes() -> None:
    network = one("d", "DFT", (1, 6, 1), integers(6).reshape(()), opset=20).network()
    assert network.shape("y") == (1, 6, 2)
