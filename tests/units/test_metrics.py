"""Error metrics against brute force and published figures."""

from __future__ import annotations

import numpy as np
import pytest

from asnet.errors import UsageError
from asnet.types import operand_type
from asnet.units import FunctionLibrary, UnitInstance, error_metrics
from asnet.units.metrics import operand_pairs


def test_exhaustive_metrics_equal_brute_force(library: FunctionLibrary, instances: dict[str, UnitInstance]) -> None:
    found = error_metrics(library, instances["mul4"])
    errors = [-a * (b & 1) for a in range(16) for b in range(16)]
    exact = [a * b for a in range(16) for b in range(16)]
    assert (found.count, found.exhaustive, found.seed) == (256, True, None)
    assert found.mae == sum(map(abs, errors)) / 256
    assert found.wce == 15
    assert found.mse == sum(e * e for e in errors) / 256
    assert found.ep == sum(e != 0 for e in errors) / 256
    assert found.bias == sum(errors) / 256
    assert found.mre == pytest.approx(sum(abs(e) / max(1, x) for e, x in zip(errors, exact, strict=True)) / 256)


def test_an_exact_unit_has_no_error(library: FunctionLibrary, instances: dict[str, UnitInstance]) -> None:
    for name in ("mul8u_exact", "pipelined"):
        found = error_metrics(library, instances[name])
        assert (found.mae, found.wce, found.mre, found.mse, found.ep, found.bias) == (0, 0, 0, 0, 0, 0)
        assert found.count == 65536


def test_a_constant_error_is_bias(library: FunctionLibrary, instances: dict[str, UnitInstance]) -> None:
    found = error_metrics(library, instances["outer(bias=7)"])
    assert (found.mae, found.wce, found.mse, found.ep, found.bias) == (7, 7, 49, 1, 7)


def test_sampled_float_metrics(library: FunctionLibrary, instances: dict[str, UnitInstance]) -> None:
    instance = instances["fmul_trunc(p=20)"]
    found = error_metrics(library, instance, samples=200_000, seed=3)
    assert (found.count, found.exhaustive, found.seed) == (200_000, False, 3)
    # a mantissa 1.f, f uniform, loses a part uniform in [0, 1/8): mean 1/16 · mean(1/m) = ln 2 / 16, for each operand
    assert found.mre == pytest.approx(2 * np.log(2) / 16, rel=0.05)
    assert found == error_metrics(library, instance, samples=200_000, seed=3)
    assert found != error_metrics(library, instance, samples=200_000, seed=4)


@pytest.mark.parametrize("name", ["i8", "u8", "i4", "i16", "u16", "i32", "u32", "f32"])
def test_operands_fill_their_range(name: str) -> None:
    kind = operand_type(name)
    a, b, exhaustive = operand_pairs(kind, 50_000, 0)
    assert exhaustive == (kind.width <= 8)
    if kind.is_float:
        assert np.all(np.abs(a) >= 2.0**-16) and np.all(np.abs(a) < 2.0**16)
        assert np.any(a < 0) and np.any(b > 0)
    elif exhaustive:
        assert len(set(zip(a.tolist(), b.tolist(), strict=True))) == 1 << 2 * kind.width
        assert a.min() == (-(1 << kind.width - 1) if kind.signed else 0)
    else:
        top = 1 << kind.width - 1
        wide = a.astype(np.int64) if kind.signed else a.view(np.uint32).astype(np.int64)
        low = -top if kind.signed else 0
        assert low <= wide.min() < low + top // 100 and low + 2 * top - top // 100 < wide.max() < low + 2 * top


def test_samples_must_be_positive(library: FunctionLibrary, instances: dict[str, UnitInstance]) -> None:
    with pytest.raises(UsageError, match=r"^samples=0 is too small; give at least 1$"):
        error_metrics(library, instances["fmul_trunc(p=0)"], samples=0)
