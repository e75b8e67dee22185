"""What was established of a form, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from asnet.cache import Cache

__all__ = ["Certificate", "Difference", "Evidence", "established"]

_HOW: Final[Mapping[str, str]] = {
    "exhaustive": "all {pairs:,} pairs of operands",
    "sampled": "all {corners:,}² pairs of corners and {random:,} random pairs (seed {seed})",
    "sums": "{pairs:,} products in sums (seed {seed})",
    "proof": "proven by SAT ({tool})",
}


@dataclass(frozen=True)
class Evidence:
    """One step: ``claim``, and ``how`` it was established.

    - ``exhaustive``: compared on all ``pairs`` of operands.
    - ``sampled``: compared on all pairs of ``corners`` values and on ``random`` pairs from a generator with ``seed``.
    - ``sums``: sums of products, ``pairs`` in all, compared in shapes that a layer may have.
    - ``proof``: for all operands, by ``tool``.
    """

    claim: str
    how: str
    pairs: int = 0
    corners: int = 0
    random: int = 0
    seed: int = 0
    tool: str = ""

    def __str__(self) -> str:
        return f"{self.claim}: {_HOW[self.how].format(**asdict(self))}"


@dataclass(frozen=True)
class Certificate:
    """Why ``form`` computes what the golden model of ``instance`` does, NaNs as a class, in float mode ``mode``.

    ``digest`` is the instance's, ``kernel`` that of the code which was compared (empty if the host's operations are
    all there is), ``processor`` where.
    """

    instance: str
    digest: str
    mode: str
    form: str
    evidence: tuple[Evidence, ...]
    kernel: str = ""
    processor: str = ""

    def __str__(self) -> str:
        return f"{self.instance} as {self.form} in {self.mode}: " + "; ".join(map(str, self.evidence))

    def as_json(self) -> dict[str, Any]:
        """For a file; :meth:`from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Certificate:
        """What :meth:`as_json` gave."""
        evidence = tuple(Evidence(**each) for each in content["evidence"])
        return cls(**{key: value for key, value in content.items() if key != "evidence"}, evidence=evidence)


@dataclass(frozen=True)
class Difference:
    """Operands, as bit patterns or numbers, for which a form is not the golden model; of a sum, its first operands."""

    form: str
    where: str
    found: str
    golden: str

    def __str__(self) -> str:
        return f"{self.form} gives {self.found} at {self.where}, the golden model {self.golden}"


def established(
    cache: Cache, key: str, instance: str, compare: Callable[[], Certificate | Difference]
) -> Certificate | Difference:
    """What ``compare`` finds, kept in ``cache`` under ``key``; a certificate is for the unit under its name now."""

    def build(folder: Path) -> None:
        found = compare()
        content = {"difference": vars(found)} if isinstance(found, Difference) else found.as_json()
        (folder / "certificate.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    content = json.loads((cache.get("certificates", key, build) / "certificate.json").read_text(encoding="utf-8"))
    if "difference" in content:
        return Difference(**content["difference"])
    return replace(Certificate.from_json(content), instance=instance)
