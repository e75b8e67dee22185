"""``asnet units --certificates``: how units are emulated, how fast, and why that is right."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from asnet.cache import default_cache
from asnet.cli.talk import Talk, print_json, print_table
from asnet.emulate import Candidate, Explanation, explain
from asnet.errors import UsageError
from asnet.host import processors
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance, family_members, shipped_units
from asnet.units.library import EXACT_SIGNS

__all__ = ["check_emulated", "every_instance", "explanation_json", "show_certificates"]

_GOLDEN = "the golden model itself"


def every_instance() -> list[UnitInstance]:
    """All instances of all shipped units that a network may use."""
    units = [ApproximateUnit.shipped(name) for name in (*shipped_units(), *family_members())]
    return [instance for unit in units if unit.op in EXACT_SIGNS for instance in unit.instances()]


def show_certificates(
    instances: Sequence[UnitInstance], mode: FloatMode, talk: Talk, *, trust: bool, as_json: bool
) -> None:
    """Print form, speed and certificate of each of ``instances``.

    Raises:
        UsageError: an instance stands for nothing that a network may use it for.
    """
    explanations = _explanations(instances, mode, talk, trust=trust)
    if as_json:
        print_json([explanation_json(found) for found in explanations])
        return
    rows: list[list[str]] = []
    for found in explanations:
        taken = found.taken
        form = taken.kind if taken is not None else "golden" if found.single is None else "mask"
        speed = "" if taken is None else f"{taken.rate / 1e9:.3g}"
        why = _GOLDEN if found.certificate is None else "; ".join(map(str, found.certificate.evidence))
        rows.append([found.instance.name, form, why, speed])
    print_table("", ["instance", "form", "certificate", "GMAC/s"], rows, left=3)


def check_emulated(instances: Sequence[UnitInstance]) -> None:
    """Refuse instances that no network uses.

    Raises:
        UsageError: an instance stands for nothing that a network may use it for.
    """
    for instance in instances:
        if instance.op not in EXACT_SIGNS:
            raise UsageError(
                f"{instance.name} is a {instance.op}, for hardware alone; what is emulated: {', '.join(EXACT_SIGNS)}"
            )


def _explanations(instances: Sequence[UnitInstance], mode: FloatMode, talk: Talk, *, trust: bool) -> list[Explanation]:
    check_emulated(instances)
    cache = default_cache()
    with talk.progress("compiling units") as progress:
        library = FunctionLibrary.build(instances, mode, cache=cache, progress=progress, trust_verilog=trust)
    emulated = partial(explain, library=library, cache=cache, thorough=False)
    found: list[Explanation] = []
    with talk.progress("certifying") as progress, ThreadPoolExecutor(processors()) as threads:
        for explanation in threads.map(emulated, instances):
            found.append(explanation)
            progress(len(found), len(instances), explanation.instance.name)
    return found


def explanation_json(found: Explanation) -> dict[str, object]:
    """The same for a program."""
    certificate = found.certificate
    described: dict[str, object] = {"instance": found.instance.name, "digest": found.instance.digest}
    described["certificate"] = None if certificate is None else certificate.as_json()
    described["forms"] = [_candidate_json(candidate) for candidate in found.products]
    return described


def _candidate_json(candidate: Candidate) -> dict[str, object]:
    return {
        "form": candidate.kind,
        "products_per_second": candidate.rate,
        "certified": candidate.certificate is not None,
        "difference": None if candidate.difference is None else str(candidate.difference),
    }
