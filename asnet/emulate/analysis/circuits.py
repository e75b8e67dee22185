"""The circuit and the netlist of a unit instance, kept by its content; refusals with their reasons are kept, too."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.emulate.analysis.aig import Aig
from asnet.emulate.analysis.elaborate import VerilogDesign, elaborate, front_ends, unit_design
from asnet.emulate.analysis.mapping import RECIPE, smallest
from asnet.emulate.analysis.netlist import Netlist
from asnet.emulate.analysis.registers import combinational
from asnet.errors import ToolTimeoutError, UnitError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["key_of", "unit_circuits", "unit_netlist", "verilog_circuit"]

_VERSION: Final = "circuits 2"

Check = Callable[[Netlist], None]
"""Raises a UnitError where a netlist is wrong."""


def key_of(instance: UnitInstance, mode: FloatMode) -> str:
    """What identifies an instance's function: the float mode counts where the unit has both."""
    return f"{instance.digest}.{mode}" if instance.float_mode is not None else instance.digest


def verilog_circuit(design: VerilogDesign, latency: int = 0) -> Aig:
    """The function of a and b that ``design`` computes.

    Raises:
        ToolMissingError: there is no yosys.
        UnitError: it cannot be elaborated, or is no such function.
    """
    return combinational(elaborate(design)[0], latency)


def unit_circuits(instance: UnitInstance, mode: FloatMode, cache: Cache) -> list[Aig]:
    """The function of ``instance`` in float mode ``mode``, by each way that yosys has for multiplications.

    Raises:
        ToolMissingError: there is no yosys.
        UnitError: its Verilog cannot be elaborated, or not in time, or is no function of its operands.
    """

    def build(folder: Path) -> None:
        try:
            found = [combinational(e, instance.latency) for e in elaborate(unit_design(instance, mode), front_ends())]
        except (UnitError, ToolTimeoutError) as error:
            _refuse(folder, str(error))
            return
        arrays: dict[str, NDArray[np.int32]] = {}
        for place, aig in enumerate(found):
            arrays[f"gates{place}"] = np.array(aig.gates, np.int32).reshape(-1, 2)
            arrays[f"outputs{place}"] = np.array(aig.outputs, np.int32)
        widths = np.array([found[0].width_a, found[0].width_b], np.int32)
        np.savez(folder / "circuits.npz", allow_pickle=False, widths=widths, **arrays)

    entry = cache.get("circuits", digest([*_tool(), key_of(instance, mode)]), build)
    _raise_refusal(entry, instance)
    with np.load(entry / "circuits.npz", allow_pickle=False) as stored:
        width_a, width_b = (int(width) for width in stored["widths"])
        return [
            _aig(width_a, width_b, stored[f"gates{place}"], stored[f"outputs{place}"])
            for place in range(len(front_ends()))
        ]


def unit_netlist(instance: UnitInstance, mode: FloatMode, cache: Cache, check: Check) -> Netlist:
    """``instance`` in float mode ``mode`` as few gates of three inputs. ``check`` is asked once, when it is made.

    Raises:
        ToolMissingError: there is no yosys.
        UnitError: as :func:`unit_circuits`, or ``check`` refuses it.
    """

    def build(folder: Path) -> None:
        circuits = unit_circuits(instance, mode, cache)
        try:
            netlist = smallest(circuits)
            check(netlist)
        except (UnitError, ToolTimeoutError) as error:
            _refuse(folder, str(error))
            return
        widths = np.array([netlist.width_a, netlist.width_b], np.int32)
        arrays = {"inputs": netlist.inputs, "outputs": netlist.outputs, "widths": widths}
        np.savez(folder / "netlist.npz", allow_pickle=False, tables=netlist.tables, **arrays)

    entry = cache.get("netlists", digest([*_tool(), RECIPE, key_of(instance, mode)]), build)
    _raise_refusal(entry, instance)
    with np.load(entry / "netlist.npz", allow_pickle=False) as stored:
        width_a, width_b = (int(width) for width in stored["widths"])
        return Netlist(width_a, width_b, stored["tables"], stored["inputs"], stored["outputs"])


def _tool() -> Sequence[str]:
    tool = yosys.find()
    return _VERSION, tool.version, tool.origin, *front_ends()


def _aig(width_a: int, width_b: int, gates: NDArray[np.int32], outputs: NDArray[np.int32]) -> Aig:
    pairs: list[list[int]] = gates.tolist()
    literals: list[int] = outputs.tolist()
    return Aig(width_a, width_b, tuple((left, right) for left, right in pairs), tuple(literals))


def _refuse(folder: Path, reason: str) -> None:
    (folder / "refused.json").write_text(json.dumps(reason), encoding="utf-8")


def _raise_refusal(entry: Path, instance: UnitInstance) -> None:
    path = entry / "refused.json"
    if path.is_file():
        reason = str(json.loads(path.read_text(encoding="utf-8")))
        raise UnitError(f"{instance.files[0].origin}: unit {instance.name} has no netlist: {reason}")
