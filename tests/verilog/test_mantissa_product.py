"""fmul_mantissa: equal to fmul with an exact multiplier, and defined for any product a user's multiplier gives."""

from __future__ import annotations

import random
from fractions import Fraction

EXACT = [("mul_exact", 7), ("mul_trunc", 0), ("mul_lut", 0), ("mul_drum", 0)]


def test_an_exact_mantissa_product_gives_the_exact_multiplier(build, instance, mantissa):
    sources = [mantissa(f"with_{name}", name, k) for name, k in EXACT]
    units = [
        instance(module, {"FTZ": int(ftz)}, ftz=ftz)
        for module in ["fmul", *(f"with_{name}" for name, _ in EXACT)]
        for ftz in (True, False)
    ]
    build(units, sources=sources)("host", "fmul", 500_000)


def fmul_by(product: int, a: int, b: int, ftz: bool) -> int:
    """The documented result for finite nonzero a and b (bit patterns) and the 48-bit mantissa product, as fractions."""
    sign = (a ^ b) >> 31 << 31
    exponents = 0
    for x in (a, b):
        exp, frac = x >> 23 & 255, x & 0x7FFFFF
        exponents += exp if exp else 1 - (24 - frac.bit_length())
    value = Fraction(max(product, 2**46), 2**46) * Fraction(2) ** (exponents - 254)
    power = value.numerator.bit_length() - value.denominator.bit_length()
    power -= value < Fraction(2) ** power
    ulp = Fraction(2) ** ((power if ftz else max(power, -126)) - 23)
    rounded = round(value / ulp) * ulp  # round() of a Fraction is to nearest, ties to even
    if rounded >= 2**128:
        return sign | 0x7F800000
    if rounded < Fraction(1, 2**126):
        return sign | (0 if ftz else int(rounded * 2**149))
    power = rounded.numerator.bit_length() - rounded.denominator.bit_length()
    return sign | power + 127 << 23 | int(rounded / Fraction(2) ** (power - 23)) & 0x7FFFFF


def test_any_multiplier_module_serves_and_small_products_count_as_one(build, instance, mantissa):
    def user(name: str, product: str) -> str:
        return (
            f"module {name} #(parameter W = 8, parameter K = 0) "
            f"(input [W-1:0] a, input [W-1:0] b, output [2*W-1:0] y); assign y = {product}; endmodule\n"
        )

    products = {
        "nothing": ("{2 * W{1'b0}}", lambda a, b: 0),
        "ones": ("{2 * W{1'b1}}", lambda a, b: 2**48 - 1),
        "sparse": ("{a, b} >> K", lambda a, b: (a << 24 | b) >> 5),
        "swapped": ("{b, a}", lambda a, b: b << 24 | a),
    }
    sources = [user(name, text) + mantissa(f"with_{name}", name, 5) for name, (text, _) in products.items()]
    modes = [True, False]
    units = [instance(f"with_{name}", {"FTZ": int(ftz)}) for name in products for ftz in modes]
    bench = build(units, sources=sources)

    random.seed(2)
    pairs: list[tuple[int, int]] = []
    for _ in range(4000):
        ea = random.randrange(1, 255)
        eb = min(254, max(1, random.choice([random.randrange(1, 255), 127 - ea + random.randrange(-30, 30), 381 - ea])))
        pairs.append(
            (ea << 23 | random.getrandbits(23) | random.getrandbits(1) << 31, eb << 23 | random.getrandbits(23))
        )
    for (a, b), outputs in zip(pairs, bench.products(pairs), strict=True):
        ma, mb = a & 0x7FFFFF | 0x800000, b & 0x7FFFFF | 0x800000
        expected = [fmul_by(product(ma, mb), a, b, ftz) for _, product in products.values() for ftz in modes]
        assert outputs == expected, f"{a:08x} * {b:08x}"

    zero, one, inf, nan = 0, 0x3F800000, 0x7F800000, 0x7FC00000
    specials = [(zero, one, zero), (inf, one, inf), (inf, zero, nan), (nan, one, nan), (zero, inf, nan)]
    for case, outputs in zip(specials, bench.products([case[:2] for case in specials]), strict=True):
        assert outputs == [case[2]] * len(units)


def test_a_subnormal_reaches_the_multiplier_normalised(build, instance, mantissa):
    bench = build([instance("drummed", {"FTZ": 0})], sources=[mantissa("drummed", "mul_drum", 24)])
    [[y]] = bench.products([(0x00000003, 0x4B800000)])  # 3 * 2^-149 * 2^24
    assert y == 0x01C00000
