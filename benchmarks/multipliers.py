"""The units whose emulation is measured: shipped ones, and ones that no form has a short cut for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from asnet.units import ApproximateUnit, UnitInstance

__all__ = ["any_integer", "float_units", "gates", "integer_units", "rank_one"]

_SCRAMBLED = """\
// Products whose low half is mixed with bits of both operands: the table has no structure, its rank is full.
module {name} (input [{h}:0] a, input [{h}:0] b, output [{hh}:0] y);
    wire [{hh}:0] product = {product};
    wire [{h}:0] mixed = (a ^ {{b[{q}:0], b[{h}:{r}]}}) * {w}'d157 + (b & {{a[0], a[{h}:1]}});
    assign y = product ^ {{{{{n}{{1'b0}}}}, mixed[{h}:{m}]}};
endmodule
"""

_OR_LOW = """\
// The low K bits of both operands are or-ed, not multiplied.
module mul_or_low #(parameter W = 24, parameter K = 8) (input [W-1:0] a, input [W-1:0] b, output [2*W-1:0] y);
    wire [2*(W-K)-1:0] high = {{(W-K){1'b0}}, a[W-1:K]} * {{(W-K){1'b0}}, b[W-1:K]};
    assign y = {high, {K{1'b0}}, a[K-1:0] | b[K-1:0]};
endmodule
"""


def any_integer(width: int, folder: Path, *, signed: bool, salt: str = "") -> UnitInstance:
    """A multiplier of ``width`` bits without structure: it could be any. ``salt`` makes it one that no cache has."""
    name = f"mul{width}{'s' if signed else 'u'}_any"
    low = width // 2
    text = _SCRAMBLED.format(
        name=name, w=width, h=width - 1, hh=2 * width - 1, q=low - 1, r=low, m=low, n=2 * width - (width - low),
        product="$signed(a) * $signed(b)" if signed else f"{{{{{width}{{1'b0}}}}, a}} * {{{{{width}{{1'b0}}}}, b}}",
    )  # fmt: skip
    path = folder / f"{name}.v"
    path.write_text(f"// {salt}\n{text}" if salt else text, encoding="utf-8")
    kind = "i" if signed else "u"
    return ApproximateUnit.from_verilog(path, op="mul", type=f"{kind}{width}").instance()


def gates(width: int, folder: Path) -> UnitInstance:
    """An unsigned array multiplier as a netlist of gates, as libraries of evolved circuits have them; in the lower
    half of its columns partial products are or-ed, not added."""
    name = f"mul{width}u_gates"
    lines = [f"module {name} (input [{width - 1}:0] a, input [{width - 1}:0] b, output [{2 * width - 1}:0] y);"]
    columns: list[list[str]] = [[] for _ in range(2 * width)]
    for i in range(width):
        for j in range(width):
            columns[i + j].append(f"(a[{i}] & b[{j}])")
    for place, bits in enumerate(columns):
        if place < width // 2:
            bits[:] = [" | ".join(bits)]
        while len(bits) > 1:
            x, y, *z = (bits.pop(0) for _ in range(min(3, len(bits))))
            wire = f"n{len(lines)}"
            lines.append(f"    wire {wire}x = {x}, {wire}y = {y}, {wire}z = {z[0] if z else 0};")
            lines.append(f"    wire {wire} = {wire}x ^ {wire}y ^ {wire}z;")
            carry = f"(({wire}x & {wire}y) | ({wire}z & ({wire}x ^ {wire}y)))"
            bits.append(wire)
            if place + 1 < 2 * width:
                columns[place + 1].append(carry)
        lines.append(f"    assign y[{place}] = {bits[0] if bits else 0};")
    path = folder / f"{name}.v"
    path.write_text("\n".join([*lines, "endmodule", ""]), encoding="utf-8")
    return ApproximateUnit.from_verilog(path, op="mul", type=f"u{width}").instance()


def rank_one(width: int, *, signed: bool) -> UnitInstance:
    """A truncating multiplier, whose table has rank 1."""
    return ApproximateUnit.shipped(f"mul{width}{'s' if signed else 'u'}_trunc").instance(t=2)


def integer_units(width: int, folder: Path, *, signed: bool = True) -> Mapping[str, UnitInstance]:
    """Name → unit of ``width`` bits."""
    kind = f"mul{width}{'s' if signed else 'u'}"
    drum = ApproximateUnit.shipped(f"{kind}_drum").instance(k=4)
    exact = ApproximateUnit.shipped(f"{kind}_exact").instance()
    found = [exact, rank_one(width, signed=signed), drum, any_integer(width, folder, signed=signed)]
    if not signed:
        found.append(gates(width, folder))
    return {instance.name: instance for instance in found}


def float_units(folder: Path) -> Mapping[str, UnitInstance]:
    """Name → unit for float32: truncation, and one with a mantissa multiplier that no mask describes."""
    (folder / "mul_or_low.v").write_text(_OR_LOW, encoding="utf-8")
    mantissa = ApproximateUnit.shipped("fmul_mantissa", folders=[folder])
    found = [
        ApproximateUnit.shipped("fmul_trunc").instance(p=12),
        mantissa.instance(multiplier="mul_or_low", k=4),
    ]
    return {instance.name: instance for instance in found}
