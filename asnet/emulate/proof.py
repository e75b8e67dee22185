"""Proofs by SAT of what forms rely on: a netlist computes what the Verilog says, a unit is an exact one behind
transformed operands.

ABC decides them (:func:`asnet.emulate.analysis.equivalent`) on the gates that yosys reads from the Verilog. A proof may
fail for lack of time: multipliers of different structure with wide operands are beyond it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.emulate.analysis import Aig, AigBuilder, Netlist, equivalent, unit_circuits
from asnet.errors import UsageError
from asnet.tools import yosys
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["SECONDS", "Proof", "prove", "prove_masks", "prove_netlist", "prove_transforms"]

SECONDS: Final = 60
"""How long ABC may take for a proof."""

_VERSION: Final = "proof 1"


@dataclass(frozen=True)
class Proof:
    """What became of ``claim``, that two circuits compute the same.

    ``answer``: ``proven`` for all operands; ``different``, for the bit patterns ``a`` and ``b``; or ``undecided``
    within the time. ``tool`` decided it.
    """

    claim: str
    answer: Literal["proven", "different", "undecided"]
    a: int
    b: int
    tool: str

    def __bool__(self) -> bool:
        return self.answer == "proven"

    def __str__(self) -> str:
        where = f" for a = {self.a:#x} and b = {self.b:#x} (bits)" if self.answer == "different" else ""
        return f"{self.claim}: {self.answer}{where} ({self.tool})"


def prove(claim: str, first: Aig, second: Aig, cache: Cache, *, seconds: int = SECONDS) -> Proof:
    """Whether the circuits ``first`` and ``second`` compute the same; kept in ``cache``.

    Raises:
        UsageError: they have different numbers of inputs or outputs.
        ToolMissingError: there is no yosys.
        ToolError: ABC fails.
    """
    found = yosys.find()
    tool = f"ABC of yosys {found.version}"

    def build(folder: Path) -> None:
        verdict = equivalent(first, second, seconds=seconds)
        (folder / "proof.json").write_text(json.dumps(asdict(verdict)), encoding="utf-8")

    key = digest([_VERSION, tool, found.origin, str(seconds), first.aiger(), second.aiger()])
    content = json.loads((cache.get("proofs", key, build) / "proof.json").read_text(encoding="utf-8"))
    return Proof(claim, content["answer"], content["a"], content["b"], tool)


def prove_netlist(
    instance: UnitInstance, netlist: Netlist, mode: FloatMode, cache: Cache, *, seconds: int = SECONDS
) -> Proof:
    """Whether ``netlist`` computes what the Verilog of ``instance`` says in float mode ``mode``.

    Multiplications may have become gates in one of several ways; it is enough that one of them is equal.

    Raises:
        UnitError: the instance is no function of its operands.
        ToolError, ToolMissingError: as :func:`prove`.
    """
    claim = f"the netlist of {instance.name} is its Verilog"
    proofs: list[Proof] = []
    for circuit in unit_circuits(instance, mode, cache):
        proofs.append(prove(claim, netlist.aig, circuit, cache, seconds=seconds))
        if proofs[-1].answer != "undecided":
            break
    return proofs[-1]


def prove_masks(
    instance: UnitInstance,
    exact: UnitInstance,
    masks: tuple[int, int],
    mode: FloatMode,
    cache: Cache,
    *,
    seconds: int = SECONDS,
) -> Proof:
    """Whether ``instance(a, b)`` is ``exact(a & masks[0], b & masks[1])`` for all bit patterns.

    Raises:
        UnitError: one of them is no function of its operands.
        ToolError, ToolMissingError: as :func:`prove`.
    """
    left, right = (unit_circuits(unit, mode, cache)[0] for unit in (instance, exact))
    claim = f"{instance.name}(a, b) is {exact.name}(a & {masks[0]:#x}, b & {masks[1]:#x})"
    return prove(claim, left, right.masked(*masks), cache, seconds=seconds)


def prove_transforms(
    instance: UnitInstance,
    exact: UnitInstance,
    g: NDArray[np.integer],
    h: NDArray[np.integer],
    mode: FloatMode,
    cache: Cache,
    *,
    seconds: int = SECONDS,
) -> Proof:
    """Whether ``instance(a, b)`` is ``exact(g[a], h[b])`` for all bit patterns a and b of integer operands.

    Raises:
        UsageError: a transform does not have one value for each pattern, or values beyond the operand of ``exact``.
        UnitError: one of the units is no function of its operands.
        ToolError, ToolMissingError: as :func:`prove`.
    """
    operand = exact.type
    low, high = (-(1 << operand.width - 1), 1 << operand.width - 1) if operand.signed else (0, 1 << operand.width)
    for side in (g, h):
        if len(side) != 1 << operand.width or int(side.min()) < low or int(side.max()) >= high:
            raise UsageError(f"{instance.name}: a transform of {len(side)} values is not one of operands of {operand}")
    left, right = (unit_circuits(unit, mode, cache)[0] for unit in (instance, exact))
    build = AigBuilder(operand.width, operand.width)
    literals: list[int] = []
    for number, side in enumerate((g, h)):
        inputs = [2 * (number * operand.width + bit + 1) for bit in range(operand.width)]
        literals += [build.function((side >> bit & 1).astype(np.bool_), inputs) for bit in range(operand.width)]
    claim = f"{instance.name}(a, b) is {exact.name}(g(a), h(b))"
    return prove(claim, left, build.aig(build.copy(right, literals)), cache, seconds=seconds)
