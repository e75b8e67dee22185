"""8x8 units on all 65,536 pairs and the generic multipliers at W = 24, against definitions in Python."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest


def trunc(x: int, t: int) -> int:
    """Low t bits cleared; for negative x in two's complement, that is toward minus infinity."""
    return x >> t << t


def drum_operand(x: int, k: int) -> int:
    """DRUM's approximation of x >= 0: its k bits from the leading one down, the last one set, zeros below."""
    dropped = x.bit_length() - k
    return x if dropped <= 0 else (x >> dropped | 1) << dropped


def drum(a: int, b: int, k: int) -> int:
    """DRUM(k) of signed operands: the product of their magnitudes' approximations with the product's sign."""
    magnitude = drum_operand(abs(a), k) * drum_operand(abs(b), k)
    return -magnitude if (a < 0) != (b < 0) else magnitude


Definition = Callable[[int, int], int]

EIGHT_BIT: list[tuple[str, dict[str, int], Definition]] = [
    ("exact", {}, lambda a, b: a * b),
    *(("trunc", {"t": t}, lambda a, b, t=t: trunc(a, t) * trunc(b, t)) for t in range(8)),
    *(("drum", {"k": k}, lambda a, b, k=k: drum(a, b, k)) for k in range(3, 9)),
]


@pytest.mark.parametrize("kind", ["mul8u", "mul8s"])
def test_eight_bit_units_exhaustively(build, instance, kind):
    bench = build(
        [instance(f"{kind}_{name}", params, clocked=False) for name, params, _ in EIGHT_BIT], operand=8, result=16
    )
    pairs = [(a, b) for a in range(256) for b in range(256)]
    for (a, b), outputs in zip(pairs, bench.products(pairs), strict=True):
        x, z = (a, b) if kind == "mul8u" else (a - (a >> 7 << 8), b - (b >> 7 << 8))
        for (name, params, define), y in zip(EIGHT_BIT, outputs, strict=True):
            assert y == define(x, z) % 2**16, f"{kind}_{name}({params}): {x} * {z}"


@pytest.mark.parametrize("width", [24, 11])
def test_generic_multipliers(build, instance, width):
    ks = [0, 1, 2, 3, 6, width // 2, width - 1]
    cases: list[tuple[str, int, Definition]] = [("mul_exact", 0, lambda a, b: a * b)]
    for k in ks:
        cases += [(name, k, lambda a, b, k=k: trunc(a, k) * trunc(b, k)) for name in ("mul_trunc", "mul_lut")]
    for k in [*ks, width]:
        cases.append(("mul_drum", k, lambda a, b, k=k: drum(a, b, k or width)))
    bench = build(
        [instance(name, {"W": width, "K": k}, clocked=False) for name, k, _ in cases], operand=width, result=2 * width
    )
    random.seed(1)
    corners = sorted({c + d for i in range(width) for c in (1 << i, 3 << i >> 1) for d in (-1, 0, 1)} | {0})
    corners = [c for c in corners if 0 <= c < 2**width]
    pairs = [(a, b) for a in corners for b in corners]
    pairs += [(random.getrandbits(width), random.getrandbits(width) >> random.randrange(width)) for _ in range(5000)]
    for (a, b), outputs in zip(pairs, bench.products(pairs), strict=True):
        for (name, k, define), y in zip(cases, outputs, strict=True):
            assert y == define(a, b), f"{name}(W={width}, K={k}): {a} * {b}"


def test_drum_is_nearly_unbiased():
    values = range(1 << 11, 1 << 12)
    errors = [drum_operand(x, 6) - x for x in values]
    assert abs(sum(errors)) / len(values) < 1
    assert sum(trunc(x, 6) - x for x in values) / len(values) < -31
