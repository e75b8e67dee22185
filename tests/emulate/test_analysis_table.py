"""Tables of units, exact integer ranks and byte-range factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from asnet.cache import Cache
from asnet.emulate.analysis import analyse, exact_table, low_rank, operand_values, rank_modulo
from asnet.errors import ToolMissingError
from asnet.tools import cxx, verilator
from asnet.types import FloatMode, operand_type
from asnet.units import ApproximateUnit, FunctionLibrary

BROKEN = """
module broken (input [7:0] a, input [7:0] b, output [15:0] y);
  assign y = a * b - (a[1:0] * b[1:0]) + (a[7] & b[6] ? 16'd3 : 16'd0);
endmodule
"""

MATRICES = st.integers(1, 6).flatmap(
    lambda rank: st.tuples(st.just(rank), st.integers(0, 2**32 - 1), st.integers(rank, 40), st.integers(rank, 40))
)


def products(rank: int, seed: int, rows: int, columns: int) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    u, v = random.integers(-3, 4, (rank, rows)), random.integers(-3, 4, (rank, columns))
    return u.T @ v


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_rank_is_exact_and_factors_add_up(drawn: tuple[int, int, int, int]) -> None:
    matrix = products(*drawn)
    found = low_rank(matrix)
    assert found.rank == np.linalg.matrix_rank(matrix)
    if found.u is not None and found.v is not None:
        assert found.u.shape == (found.rank, matrix.shape[0]) and found.v.shape == (found.rank, matrix.shape[1])
        assert np.array_equal(found.u.T.astype(np.int64) @ found.v, matrix)
        assert len(found.ranges) == found.rank


def test_ranks_of_known_matrices() -> None:
    assert low_rank(np.zeros((4, 4), np.int32)).rank == 0
    assert low_rank(np.zeros((4, 4), np.int32)).fits_bytes
    assert low_rank(np.eye(16, dtype=np.int32)).fits_bytes
    full = low_rank(np.eye(17, dtype=np.int32))
    assert (full.rank, full.factored, full.ranges, full.fits_bytes) == (17, False, (), False)
    hilbert = np.array([[1 << (i + j) if i + j < 20 else 0 for j in range(20)] for i in range(20)])
    assert rank_modulo(hilbert) == 20
    assert rank_modulo(hilbert, 2) == 1


def test_scales_are_shared_between_the_factors() -> None:
    values = np.arange(256) & ~31
    found = low_rank(np.multiply.outer(values, values))
    assert found.rank == 1 and found.fits_bytes
    wide = low_rank(np.multiply.outer(np.arange(300), np.arange(2)))
    assert wide.factored and not wide.fits_bytes and wide.ranges == (((0, 299), (0, 1)),)


def test_the_order_of_a_table_is_that_of_bit_patterns() -> None:
    assert operand_values(operand_type("i4")).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]
    assert operand_values(operand_type("u3")).tolist() == list(range(8))
    exact = exact_table(ApproximateUnit.shipped("mul4s_exact").instance())
    assert exact[8, 15] == 8 and exact[15, 7] == -7


@pytest.fixture(scope="module")
def tools() -> None:
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"tables are made by Verilator and a C++ compiler: {error}")


@pytest.mark.usefixtures("tools")
def test_tables_of_units(tmp_path: Path) -> None:
    (tmp_path / "broken.v").write_text(BROKEN)
    shipped = ApproximateUnit.shipped
    broken = ApproximateUnit.from_verilog(tmp_path / "broken.v", op="mul", type="u8").instance()
    wide = shipped("mul12u_exact").instance()
    chosen = [
        shipped("mul8u_drum").instance(k=4),
        shipped("mul8s_trunc").instance(t=5),
        shipped("mul8s_trunc").instance(t=7),
        shipped("mul5s_exact").instance(),
        broken,
        wide,
    ]
    library = FunctionLibrary.build(chosen, FloatMode.FTZ)
    cache = Cache(tmp_path / "cache")
    ranks = {i.name: analyse(i, FloatMode.FTZ, cache, library=library) for i in chosen}
    wide_product = ranks["mul12u_exact"].product
    assert ranks["mul12u_exact"].table is None and ranks["mul12u_exact"].product_low is None
    assert wide_product is not None and wide_product.ranges == (((0, 4095), (0, 4095)),)
    assert ranks["mul12u_exact"].error_rank == 0
    figures = {name: (a.rank, a.error_rank, a.product_low, a.error_low) for name, a in ranks.items()}
    known = {
        "mul8u_drum(k=4)": (1, 2, 1, 2),
        "mul8s_trunc(t=5)": (1, 2, 1, 2),
        "mul8s_trunc(t=7)": (1, 2, 0, 1),
        "mul5s_exact": (1, 0, 1, 0),
        "broken": (3, 2, 2, 1),
    }
    for name, wanted in known.items():
        rank, error_rank, product_low, error_low = figures[name]
        assert product_low is not None and error_low is not None
        assert (rank, error_rank, product_low.rank, error_low.rank) == wanted, name
    table, error = ranks["broken"].table, ranks["broken"].error
    assert table is not None and table.dtype == np.int32
    assert table[255, 255] == 255 * 255 - 9 + 3 and table[3, 64] == 192
    assert error is not None and error.fits_bytes
    drum = ranks["mul8u_drum(k=4)"].product
    assert drum is not None and drum.fits_bytes and drum.ranges == (((0, 240), (0, 240)),)


@pytest.mark.usefixtures("tools")
def test_analyses_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = ApproximateUnit.shipped("mul4u_drum").instance(k=3)
    cache = Cache(tmp_path)
    first = analyse(instance, FloatMode.FTZ, cache, library=FunctionLibrary.build([instance], FloatMode.FTZ))
    monkeypatch.setattr(FunctionLibrary, "build", lambda *_, **__: pytest.fail("compiled again"))
    again = analyse(instance, FloatMode.IEEE, cache)
    assert first.table is not None and again.table is not None and first.product is not None
    assert np.array_equal(first.table, again.table)
    assert again.product is not None and again.product.ranges == first.product.ranges


def test_known_approximations_have_byte_factors() -> None:
    """Multipliers from the literature: of 2 x 2 blocks with 3 · 3 = 7, and arrays without their lowest columns."""
    a, b = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")

    def blocks(x: NDArray[np.int64], y: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        if width == 2:
            return np.where((x == 3) & (y == 3), 7, x * y)
        half = width // 2
        parts = [(x & (1 << half) - 1, 0), (x >> half, half)], [(y & (1 << half) - 1, 0), (y >> half, half)]
        return sum((blocks(p, q, half) << i + j for p, i in parts[0] for q, j in parts[1]), np.zeros_like(x))

    underdesigned = low_rank(blocks(a, b, 8))
    assert underdesigned.rank == 2 and underdesigned.fits_bytes
    for broken in range(2, 12):
        kept = [(i, j) for i in range(8) for j in range(8) if i + j >= broken]
        array = sum(((a >> i & 1) * (b >> j & 1) << i + j for i, j in kept), np.zeros_like(a))
        product, error = low_rank(array), low_rank(array - a * b)
        assert product.fits_bytes and error.fits_bytes, broken
        assert (product.rank, error.rank) == (min(broken + 1, 15 - broken), min(broken, 16 - broken)), broken
