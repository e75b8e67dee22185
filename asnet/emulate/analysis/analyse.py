"""What a unit instance computes, found from its Verilog and kept by its content."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.emulate.analysis.checking import check_netlist
from asnet.emulate.analysis.circuits import key_of, unit_netlist
from asnet.emulate.analysis.factors import LowRank, low_rank
from asnet.emulate.analysis.facts import BitFacts, bit_facts, table_facts
from asnet.emulate.analysis.netlist import Netlist
from asnet.emulate.analysis.probing import WIDEST, probed_low_rank
from asnet.emulate.analysis.table import exact_table, golden_table, has_table
from asnet.errors import ToolError, UnitError
from asnet.types import FloatMode
from asnet.units import FunctionLibrary, UnitInstance
from asnet.units.guard import check

__all__ = ["Analysis", "analyse"]

_VERSION: Final = "analysis 2"
_RANKS: Final = ("product", "error", "product_low", "error_low")


@dataclass(frozen=True, eq=False)
class Source:
    """Where an analysis takes further facts from when it is asked for them."""

    cache: Cache
    library: FunctionLibrary | None
    trust_verilog: bool

    def golden(self, instance: UnitInstance, mode: FloatMode) -> FunctionLibrary:
        """A library with ``instance``: the given one if it holds it.

        Raises:
            UnitError, ToolError: it cannot be built; UntrustedVerilogError: it reaches outside its ports.
        """
        if self.library is not None and instance in self.library.instances and self.library.mode is mode:
            return self.library
        return FunctionLibrary.build([instance], mode, cache=self.cache, trust_verilog=self.trust_verilog)


@dataclass(frozen=True, eq=False)
class Analysis:
    """Facts of ``instance`` in float mode ``mode``.

    ``table[a, b]`` (int32; a and b as unsigned bit patterns, results sign- or zero-extended as the function library
    does) holds the results of all operand pairs by the golden model; None for wider operands and floats. ``product`` is
    the rank of the table and its factors, ``error`` that of the table minus the exact results; ``product_low`` and
    ``error_low`` are the same for the lower half of the patterns of a (activations after a ReLU: never negative).
    Integers of 9 to 16 bits have ``product`` and ``error`` where a sample has factors of few terms; these are compared
    with the golden model on the sample only, no proof.
    """

    instance: UnitInstance
    mode: FloatMode
    table: NDArray[np.int32] | None
    product: LowRank | None
    error: LowRank | None
    product_low: LowRank | None
    error_low: LowRank | None
    source: Source = field(repr=False)

    @property
    def rank(self) -> int | None:
        """The rank of the table."""
        return None if self.product is None else self.product.rank

    @property
    def error_rank(self) -> int | None:
        """The rank of the table minus the exact results."""
        return None if self.error is None else self.error.rank

    @property
    def latency(self) -> int:
        """Clock cycles from operands to result, as described; a netlist shows that it is so."""
        return self.instance.latency

    @property
    def netlist(self) -> Netlist | None:
        """The function as gates of three inputs, compared with the golden model; None if there is none."""
        return None if isinstance(self._netlist, str) else self._netlist

    @property
    def no_netlist(self) -> str:
        """Why there is no netlist: a sentence; empty if there is one."""
        return self._netlist if isinstance(self._netlist, str) else ""

    @cached_property
    def bits(self) -> BitFacts | None:
        """Bits of operands that never count and bits of the result that never change; None without a netlist for
        operands too wide for a table."""
        if self.table is not None:
            return table_facts(self.table, self.instance.unit.result.width)
        return None if self.netlist is None else bit_facts(self.netlist)

    @cached_property
    def _netlist(self) -> Netlist | str:
        instance, source = self.instance, self.source

        def compare(netlist: Netlist) -> None:
            check_netlist(netlist, instance, source.golden(instance, self.mode))

        try:
            if source.library is None or instance not in source.library.instances:  # those it holds have been checked
                check(instance.files, trust_verilog=source.trust_verilog)
            return unit_netlist(instance, self.mode, source.cache, compare)
        except (UnitError, ToolError) as error:  # the golden model serves in any case
            return str(error)


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
    source = Source(cache, library, trust_verilog)
    operand = instance.type
    if operand.is_float or operand.width > WIDEST or instance.op not in ("mul", "add", "sub"):
        return Analysis(instance, mode, None, None, None, None, None, source)

    def build(folder: Path) -> None:
        golden = source.golden(instance, mode)
        arrays = _tabulated(instance, golden) if has_table(instance) else _probed(instance, golden)
        np.savez(folder / "table.npz", allow_pickle=False, **arrays)

    entry = cache.get("analyses", digest([_VERSION, key_of(instance, mode)]), build)
    with np.load(entry / "table.npz", allow_pickle=False) as stored:
        ranks = {name: _loaded(stored, name) for name in _RANKS}
        table = stored["table"] if has_table(instance) else None
        return Analysis(instance, mode, table, **ranks, source=source)


def _tabulated(instance: UnitInstance, golden: FunctionLibrary) -> dict[str, NDArray[np.int32]]:
    table = golden_table(instance, golden)
    error = table - exact_table(instance)
    half = len(table) // 2
    matrices = {"product": table, "error": error, "product_low": table[:half], "error_low": error[:half]}
    arrays: dict[str, NDArray[np.int32]] = {"table": table}
    for name, matrix in matrices.items():
        arrays |= _stored(name, low_rank(matrix))
    return arrays


def _probed(instance: UnitInstance, golden: FunctionLibrary) -> dict[str, NDArray[np.int32]]:
    signed = instance.type.signed
    exact = {"mul": np.multiply, "add": np.add, "sub": np.subtract}[instance.op]

    def product(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        y = golden.call(instance.op, instance.type, a, b, instance)
        return (y if signed else y.view(np.uint32)).astype(np.int64)

    def error(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        return product(a, b) - exact(a, b)

    found = {"product": probed_low_rank(product, instance.type), "error": probed_low_rank(error, instance.type)}
    arrays: dict[str, NDArray[np.int32]] = {}
    for name, ranked in found.items():
        if ranked is not None:
            arrays |= _stored(name, ranked)
    return arrays


def _stored(name: str, found: LowRank) -> dict[str, NDArray[np.int32]]:
    arrays = {f"{name}_rank": np.array(found.rank, np.int32)}
    if found.u is not None and found.v is not None:
        arrays |= {f"{name}_u": found.u, f"{name}_v": found.v}
    return arrays


def _loaded(stored: np.lib.npyio.NpzFile, name: str) -> LowRank | None:
    if f"{name}_rank" not in stored:
        return None
    if f"{name}_u" not in stored:
        return LowRank(int(stored[f"{name}_rank"]), None, None)
    u, v = (stored[f"{name}_{side}"] for side in "uv")
    return LowRank(int(stored[f"{name}_rank"]), u, v)
