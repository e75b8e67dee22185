"""What a unit instance computes, found from its Verilog and kept by its content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.emulate.analysis.factors import LowRank, low_rank
from asnet.emulate.analysis.table import exact_table, golden_table, has_table
from asnet.types import FloatMode
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Analysis", "analyse"]

_VERSION: Final = "analysis 1"
_RANKS: Final = ("product", "error", "product_low", "error_low")


@dataclass(frozen=True, eq=False)
class Analysis:
    """Facts of ``instance`` in float mode ``mode``.

    ``table[a, b]`` (int32; a and b as unsigned bit patterns, results sign- or zero-extended as the function library
    does) holds the results of all operand pairs by the golden model; None for wider operands and floats. ``product`` is
    the rank of the table and its factors, ``error`` that of the table minus the exact results; ``product_low`` and
    ``error_low`` are the same for the lower half of the patterns of a (activations after a ReLU: never negative).
    """

    instance: UnitInstance
    mode: FloatMode
    table: NDArray[np.int32] | None
    product: LowRank | None
    error: LowRank | None
    product_low: LowRank | None
    error_low: LowRank | None

    @property
    def rank(self) -> int | None:
        """The exact rank of the table."""
        return None if self.product is None else self.product.rank

    @property
    def error_rank(self) -> int | None:
        """The exact rank of the table minus the exact results."""
        return None if self.error is None else self.error.rank


def analyse(
    instance: UnitInstance,
    mode: FloatMode,
    cache: Cache,
    *,
    library: FunctionLibrary | None = None,
    trust_verilog: bool = False,
) -> Analysis:
    """The facts of ``instance``; ``library`` is used if it holds the instance, else one is built of it alone.

    Raises:
        UnitError, ToolError: the golden model cannot be built.
    """
    if not has_table(instance):
        return Analysis(instance, mode, None, None, None, None, None)

    def build(folder: Path) -> None:
        golden = library
        if golden is None or instance not in golden.instances or golden.mode is not mode:
            golden = FunctionLibrary.build([instance], mode, cache=cache, trust_verilog=trust_verilog)
        _save(folder, instance, golden_table(instance, golden))

    entry = cache.get("analyses", digest([_VERSION, key_of(instance, mode)]), build)
    with np.load(entry / "table.npz", allow_pickle=False) as stored:
        ranks = {name: _loaded(stored, name) for name in _RANKS}
        return Analysis(instance, mode, stored["table"], **ranks)


def key_of(instance: UnitInstance, mode: FloatMode) -> str:
    """What identifies an instance's function: the float mode counts where the unit has both."""
    return f"{instance.digest}.{mode}" if instance.float_mode is not None else instance.digest


def _save(folder: Path, instance: UnitInstance, table: NDArray[np.int32]) -> None:
    error = table - exact_table(instance)
    half = len(table) // 2
    arrays: dict[str, NDArray[np.int32]] = {"table": table}
    matrices = {"product": table, "error": error, "product_low": table[:half], "error_low": error[:half]}
    for name, matrix in matrices.items():
        found = low_rank(matrix)
        arrays[f"{name}_rank"] = np.array(found.rank, np.int32)
        if found.u is not None and found.v is not None:
            arrays |= {f"{name}_u": found.u, f"{name}_v": found.v}
    np.savez(folder / "table.npz", allow_pickle=False, **arrays)


def _loaded(stored: np.lib.npyio.NpzFile, name: str) -> LowRank:
    if f"{name}_u" not in stored:
        return LowRank(int(stored[f"{name}_rank"]), None, None)
    u, v = (stored[f"{name}_{side}"] for side in "uv")
    return LowRank(int(stored[f"{name}_rank"]), u, v)
