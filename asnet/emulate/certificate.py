"""Finding operand masks that make a unit equal to exact arithmetic, and establishing the equality.

Nothing is taken from a unit's name or description: the golden model is asked which input bits never change its
result, and the masks so found are tested on all pairs of corner values and on random operands. A single difference
refuses the masks. Results are cached by the unit's content.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache, digest
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Certificate", "certify_mask", "corner_values"]

_VERSION = "mask 2"
_PROBES = 2048
_RANDOM = 1 << 20  # vectors, at least
_SEED = 20240607

Bits = NDArray[np.uint32]


@dataclass(frozen=True)
class Certificate:
    """``instance(a, b)`` = exact ``(a & mask_a) op (b & mask_b)``, NaNs as a class, in float mode ``mode``.

    Established by comparison with the golden model on all pairs of ``corners`` values (corners² vectors) and on
    ``random`` vectors from a generator seeded with ``seed``.
    """

    instance: str
    digest: str
    mode: str
    mask_a: int
    mask_b: int
    corners: int
    random: int
    seed: int

    def __str__(self) -> str:
        return (
            f"{self.instance} = exact(a & {self.mask_a:#010x}, b & {self.mask_b:#010x}) in {self.mode}: equal to the "
            f"golden model on all {self.corners}² pairs of corners and on {self.random} random vectors"
        )


def certify_mask(instance: UnitInstance, library: FunctionLibrary, storage: Cache) -> Certificate | None:
    """The certificate of ``instance``'s masks, or None if it has none; ``library`` must hold it."""
    if not instance.type.is_float or instance.op not in {"fmul", "fdiv", "fadd", "fsub"}:
        return None
    key = digest([_VERSION, instance.digest, library.mode, str(_PROBES), str(_RANDOM), str(_SEED)])

    def build(folder: Path) -> None:
        found = _establish(instance, library)
        text = json.dumps(asdict(found) if found is not None else None, indent=2)
        (folder / "certificate.json").write_text(text + "\n", encoding="utf-8")

    content = json.loads((storage.get("certificates", key, build) / "certificate.json").read_text(encoding="utf-8"))
    return None if content is None else Certificate(**(content | {"instance": instance.name}))


def _establish(instance: UnitInstance, library: FunctionLibrary) -> Certificate | None:
    masks = _probe(instance, library)
    corners = corner_values(masks)
    pairs = np.meshgrid(corners, corners, indexing="ij")
    for a, b in ((pairs[0].ravel(), pairs[1].ravel()), *_random_vectors()):
        golden = _call(library, instance, a, b)
        exact = _call_exact(library, instance, a & masks[0], b & masks[1])
        if not np.array_equal(golden, exact):
            return None
    return Certificate(
        instance=instance.name,
        digest=instance.digest,
        mode=str(library.mode),
        mask_a=int(masks[0]),
        mask_b=int(masks[1]),
        corners=len(corners),
        random=sum(len(a) for a, _ in _random_vectors()),
        seed=_SEED,
    )


def _probe(instance: UnitInstance, library: FunctionLibrary) -> tuple[np.uint32, np.uint32]:
    """The bits of a and b that change a result somewhere in a sample."""
    a, b = (side[:_PROBES] for side in _random_vectors()[0])
    reference = _call(library, instance, a, b)
    masks = [0, 0]
    for bit in range(32):
        flip = np.uint32(1 << bit)
        for side, (left, right) in enumerate(((a ^ flip, b), (a, b ^ flip))):
            if not np.array_equal(_call(library, instance, left, right), reference):
                masks[side] |= 1 << bit
    return np.uint32(masks[0]), np.uint32(masks[1])


def corner_values(masks: tuple[np.uint32, np.uint32]) -> Bits:
    """float32 bit patterns at the edges of everything: zeros, subnormals, least and greatest normals, powers of two,
    infinities, quiet and signalling NaNs, and mantissas at the edges of ``masks``."""
    low_bits = {int(~mask) & 0x7FFFFF for mask in masks}
    mantissas = {0, 1, 2, 0x3FFFFF, 0x400000, 0x400001, 0x555555, 0x2AAAAA, 0x7FFFFE, 0x7FFFFF}
    mantissas |= {value for low in low_bits for value in (low, low + 1, low ^ 0x7FFFFF, low >> 1)}
    exponents = (0, 1, 2, 23, 24, 63, 64, 103, 126, 127, 128, 150, 151, 190, 191, 229, 252, 253, 254, 255)
    values = [
        sign << 31 | exponent << 23 | mantissa
        for sign in (0, 1)
        for exponent in exponents
        for mantissa in sorted(value & 0x7FFFFF for value in mantissas)
    ]
    return np.unique(np.array(values, np.uint32))


@cache
def _random_vectors() -> tuple[tuple[Bits, Bits], ...]:
    """Operands as bit patterns: ordinary magnitudes, all patterns, and results around the least and greatest normal."""
    generator = np.random.default_rng(_SEED)

    def bits(exponents: NDArray[np.int64]) -> Bits:
        low = generator.integers(0, 1 << 23, len(exponents), dtype=np.uint32)
        sign = generator.integers(0, 2, len(exponents), dtype=np.uint32)
        return (sign << np.uint32(31)) | (exponents.astype(np.uint32) << np.uint32(23)) | low

    share = _RANDOM // 7 * 2 + 14
    ordinary = tuple(bits(generator.integers(107, 147, share)) for _ in range(2))
    anything = tuple(generator.integers(0, 1 << 32, share // 2, dtype=np.uint32) for _ in range(2))
    first = generator.integers(1, 255, share)
    wanted = generator.choice(np.array([-2, -1, 0, 1, 2, 253, 254, 255]), share)
    product = np.clip(wanted - first + 127, 1, 254)
    quotient = np.clip(first - wanted + 127, 1, 254)
    return (
        (ordinary[0], ordinary[1]),
        (anything[0], anything[1]),
        (bits(first), bits(product)),
        (bits(first), bits(quotient)),
    )


def _call(library: FunctionLibrary, instance: UnitInstance, a: Bits, b: Bits) -> Bits:
    return _canonical(library.call(instance.op, instance.type, a.view(np.float32), b.view(np.float32), instance))


def _call_exact(library: FunctionLibrary, instance: UnitInstance, a: Bits, b: Bits) -> Bits:
    return _canonical(library.call(instance.op, instance.type, a.view(np.float32), b.view(np.float32)))


def _canonical(y: NDArray[np.float32]) -> Bits:
    """Bits of ``y``, every NaN the same one."""
    bits = np.array(y).view(np.uint32)
    bits[np.isnan(y)] = 0x7FC00000
    return bits
