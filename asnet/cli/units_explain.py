"""``asnet units --explain``: what a unit computes, found from its Verilog; its forms, their certificates and speeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from asnet.cache import Cache, default_cache
from asnet.cli.talk import Talk, print_json, print_table
from asnet.cli.units_certificates import check_emulated, explanation_json
from asnet.emulate import Candidate, Explanation, explain
from asnet.emulate.analysis import Analysis, LowRank, analyse
from asnet.emulate.proof import Proof, prove_masks, prove_netlist, prove_transforms
from asnet.errors import UsageError
from asnet.types import FloatMode
from asnet.units import FunctionLibrary, UnitInstance, exact_unit

__all__ = ["show_explanations"]

_PROOF_SECONDS = 20


def show_explanations(
    instances: Sequence[UnitInstance], mode: FloatMode, talk: Talk, *, trust: bool, as_json: bool
) -> None:
    """Print the analysis, the proofs and the forms of each of ``instances``.

    Raises:
        UsageError: an instance stands for nothing that a network may use it for.
    """
    check_emulated(instances)
    cache = default_cache()
    with talk.progress("compiling units") as progress:
        library = FunctionLibrary.build(instances, mode, cache=cache, progress=progress, trust_verilog=trust)
    described: list[dict[str, object]] = []
    for instance in instances:
        with talk.progress("analysing") as progress:
            analysis = analyse(instance, mode, cache, library=library)
            proofs = _proofs(analysis, cache)
            progress(1, 2, instance.name)
            explanation = explain(instance, library, cache)
            progress(2, 2, instance.name)
        if as_json:
            described.append(_as_json(analysis, proofs, explanation))
        else:
            _show(analysis, proofs, explanation)
    if as_json:
        print_json(described)


def _proofs(analysis: Analysis, cache: Cache) -> list[Proof]:
    """What ABC has to say where there are too many operand pairs to compare them all."""
    instance, mode = analysis.instance, analysis.mode
    if analysis.table is not None or analysis.netlist is None or analysis.bits is None:
        return []
    found = [prove_netlist(instance, analysis.netlist, mode, cache, seconds=_PROOF_SECONDS)]
    exact = exact_unit(instance.op, instance.type)
    if exact is None or exact == instance:
        return found
    everything = (1 << instance.type.width) - 1
    masks = everything & ~analysis.bits.unused_a, everything & ~analysis.bits.unused_b
    proof = prove_masks(instance, exact, masks, mode, cache, seconds=_PROOF_SECONDS)
    if proof:
        return [*found, proof]
    g, h = _transforms(analysis.product)
    if g is not None and h is not None:
        try:
            proof = prove_transforms(instance, exact, g, h, mode, cache, seconds=_PROOF_SECONDS)
        except UsageError:  # their values need wider operands
            return found
        found.append(proof)
    return found


def _transforms(product: LowRank | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    if product is None or product.rank != 1 or product.u is None or product.v is None:
        return None, None
    return product.u[0], product.v[0]


def _show(analysis: Analysis, proofs: Sequence[Proof], explanation: Explanation) -> None:
    instance = analysis.instance
    print(f"{instance.name}: {instance.op} on {instance.type}, {analysis.mode}, digest {instance.digest[:12]}")
    for label, text in _facts(analysis):
        print(f"  {label:<12} {text}")
    for proof in proofs:
        print(f"  {'proof':<12} {proof}")
    if explanation.single is not None:
        print(f"  {'single':<12} {explanation.single}")
    if explanation.products:
        print(f"  {'sums':<12} forms for sums of products, as in a convolution of 64 x 3 x 3 inputs to 64 channels:")
        rows = [_row(candidate, candidate is explanation.taken) for candidate in explanation.products]
        print_table("", ["form", "", "why", "GMAC/s"], rows, left=3)


def _facts(analysis: Analysis) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if analysis.netlist is not None:
        facts.append(("gates", f"{analysis.netlist.gates:,} of three inputs{_timing(analysis)}"))
    else:
        facts.append(("gates", f"none: {analysis.no_netlist}"))
    if analysis.bits is not None:
        bits = analysis.bits
        digits = (analysis.instance.type.width + 3) // 4
        unused = f"a {bits.unused_a:#0{digits + 2}x}, b {bits.unused_b:#0{digits + 2}x}"
        facts.append(("unused bits", unused if bits.unused_a or bits.unused_b else "none"))
        constant = [f"always {value}: {mask:#x}" for value, mask in ((1, bits.always_1), (0, bits.always_0)) if mask]
        facts.append(("result bits", ", ".join(constant) or "all may be 0 and 1"))
    if analysis.table is not None:
        facts.append(("table", f"all {analysis.table.size:,} pairs of operands by the golden model"))
    for label, found in (("rank", analysis.product), ("error's rank", analysis.error)):
        if found is not None:
            facts.append((label, _rank(found)))
    half = (1 << analysis.instance.type.width - 1) - 1
    for label, found in (("rank", analysis.product_low), ("error's rank", analysis.error_low)):
        if found is not None:
            facts.append((label, f"{_rank(found)}, for a of 0..{half}"))
    return facts


def _timing(analysis: Analysis) -> str:
    return ", combinational" if analysis.latency == 0 else f", after {analysis.latency} clock cycles"


def _rank(found: LowRank) -> str:
    if not found.factored:
        return f"{found.rank}, no factors"
    shown = "; ".join(f"{u[0]}..{u[1]} x {v[0]}..{v[1]}" for u, v in found.ranges[:4])
    more = f"; and {len(found.ranges) - 4} more" if len(found.ranges) > 4 else ""
    return f"{found.rank}" + (f": factors {shown}{more}" if shown else "")


def _row(candidate: Candidate, taken: bool) -> list[str]:
    return [candidate.kind, "taken" if taken else "", candidate.why, f"{candidate.rate / 1e9:.3g}"]


def _as_json(analysis: Analysis, proofs: Sequence[Proof], explanation: Explanation) -> dict[str, object]:
    netlist = analysis.netlist
    ranks = {
        "product": analysis.product,
        "error": analysis.error,
        "product_low": analysis.product_low,
        "error_low": analysis.error_low,
    }
    return {
        **explanation_json(explanation),
        "mode": str(analysis.mode),
        "latency": analysis.latency,
        "gates": None if netlist is None else netlist.gates,
        "no_netlist": analysis.no_netlist or None,
        "bits": None if analysis.bits is None else asdict(analysis.bits),
        "pairs": None if analysis.table is None else analysis.table.size,
        "ranks": {
            name: {"rank": found.rank, "factors": [list(map(list, term)) for term in found.ranges]}
            for name, found in ranks.items()
            if found is not None
        },
        "proofs": [asdict(proof) for proof in proofs],
    }
