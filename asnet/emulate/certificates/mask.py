"""Finding operand masks that make a unit equal to the host's arithmetic, and establishing the equality.

Nothing is taken from a unit's name or description: the golden model is asked which input bits never change its
result, and the masks so found are tested on all pairs of corner values and on random operands. A single difference
refuses the masks. Results are cached by the unit's content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from asnet.bits import bits_differ, bits_of
from asnet.cache import Cache, digest
from asnet.emulate.certificates.certificate import Certificate, Evidence
from asnet.emulate.certificates.operands import corner_floats, random_blocks
from asnet.host import float_environment
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Masks", "certify_mask"]

_VERSION: Final = "mask 3"
_PROBES: Final = 2048
_RANDOM: Final = 10_000_000  # pairs, at least
_SEED: Final = 20240607

Bits = NDArray[np.uint32]

_HOST: Final[Mapping[str, Callable[..., Any]]] = {
    "fmul": np.multiply,
    "fdiv": np.divide,
    "fadd": np.add,
    "fsub": np.subtract,
}


@dataclass(frozen=True)
class Masks:
    """The bits of operands a and b that a unit looks at."""

    a: int
    b: int


def certify_mask(instance: UnitInstance, library: FunctionLibrary, storage: Cache) -> tuple[Masks, Certificate] | None:
    """``instance``'s masks and their certificate, or None if it has none; ``library`` must hold it."""
    if not instance.type.is_float or instance.op not in _HOST:
        return None
    key = digest([_VERSION, instance.digest, library.mode, str(_PROBES), str(_RANDOM), str(_SEED)])

    def build(folder: Path) -> None:
        found = _establish(instance, library)
        content = None if found is None else {"masks": vars(found[0]), "certificate": found[1].as_json()}
        (folder / "certificate.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    content = json.loads((storage.get("certificates", key, build) / "certificate.json").read_text(encoding="utf-8"))
    if content is None:
        return None
    return Masks(**content["masks"]), Certificate.from_json(content["certificate"] | {"instance": instance.name})


def _establish(instance: UnitInstance, library: FunctionLibrary) -> tuple[Masks, Certificate] | None:
    masks = _probe(instance, library)
    corners = corner_floats((masks.a, masks.b))
    if not _agrees(instance, library, masks, corners, corners):
        return None
    random = 0
    for block in random_blocks(instance.type, _RANDOM, _SEED):
        if not _agrees(instance, library, masks, block.a.view(np.uint32), block.b.view(np.uint32)):
            return None
        random += block.pairs
    claim = f"the host's {instance.op}(a & {masks.a:#010x}, b & {masks.b:#010x})"
    evidence = Evidence(claim, "sampled", corners=len(corners), random=random, seed=_SEED)
    return masks, Certificate(instance.name, instance.digest, str(library.mode), "mask", (evidence,))


def _agrees(instance: UnitInstance, library: FunctionLibrary, masks: Masks, a: Bits, b: Bits) -> bool:
    """Whether the golden model and the host agree on all pairs of ``a`` and ``b``."""
    golden = library.call(
        instance.op, instance.type, a.view(np.float32)[None, :], b.view(np.float32)[:, None], instance
    )
    left, right = (side & np.uint32(mask) for side, mask in ((a, masks.a), (b, masks.b)))
    with float_environment(library.mode), np.errstate(all="ignore"):
        host = _HOST[instance.op](left.view(np.float32)[None, :], right.view(np.float32)[:, None])
    return not bits_differ(golden, host).any()


def _probe(instance: UnitInstance, library: FunctionLibrary) -> Masks:
    """The bits of a and b that change a result somewhere in a sample."""
    generator = np.random.default_rng(_SEED)
    a, b = (
        (generator.integers(0, 1 << 32, _PROBES, dtype=np.uint32) & np.uint32(0x87FFFFFF)) + np.uint32(0x38000000)
        for _ in range(2)
    )
    reference = _call(library, instance, a, b)
    masks = [0, 0]
    for bit in range(32):
        flip = np.uint32(1 << bit)
        for side, (left, right) in enumerate(((a ^ flip, b), (a, b ^ flip))):
            if not np.array_equal(_call(library, instance, left, right), reference):
                masks[side] |= 1 << bit
    return Masks(masks[0], masks[1])


def _call(library: FunctionLibrary, instance: UnitInstance, a: Bits, b: Bits) -> Bits:
    """Bits of the golden results, every NaN the same one."""
    return bits_of(library.call(instance.op, instance.type, a.view(np.float32), b.view(np.float32), instance))
