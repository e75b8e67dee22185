"""Multipliers of every width, against definitions in Python; the 64-bit conversion, against numpy."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from asnet.tools import verilator
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance, exact_unit, family_members
from asnet.units.elaborate import parameter_flags, write_files
from tests.verilog.test_integer_multipliers import drum, trunc

Definition = Callable[[int, int], int]


def cases(width: int, sign: str) -> list[tuple[UnitInstance, Definition]]:
    stem = f"mul{width}{sign}"
    found: list[tuple[UnitInstance, Definition]] = [
        (ApproximateUnit.shipped(f"{stem}_exact").instance(), lambda a, b: a * b)
    ]
    for t in sorted({0, 1, width - 1}):
        unit = ApproximateUnit.shipped(f"{stem}_trunc").instance(t=t)
        found.append((unit, lambda a, b, t=t: trunc(a, t) * trunc(b, t)))
    for k in sorted({3, width // 2 + 1, width} if width >= 4 else set()):
        unit = ApproximateUnit.shipped(f"{stem}_drum").instance(k=k)
        found.append((unit, lambda a, b, k=k: drum(a, b, k)))
    return found


@pytest.mark.parametrize("sign", ["s", "u"])
def test_units_of_other_widths(sign: str) -> None:
    random.seed(5)
    table = {width: cases(width, sign) for width in (2, 4, 12, 16)}
    library = FunctionLibrary.build([unit for found in table.values() for unit, _ in found], FloatMode.FTZ)
    for width, found in table.items():
        low = -(1 << (width - 1)) if sign == "s" else 0
        high = low + (1 << width) - 1
        values = range(low, high + 1) if width <= 4 else [low, low + 1, -1 if low else 1, 0, high - 1, high]
        pairs = [(a, b) for a in values for b in values]
        pairs += [(random.randint(low, high), random.randint(low, high)) for _ in range(0 if width <= 4 else 2000)]
        a, b = (np.array(side) for side in zip(*pairs, strict=True))
        for unit, define in found:
            results = library.call("mul", unit.type, a.astype(np.int64), b, unit).astype(np.int64)
            wanted = [define(x, y) for x, y in pairs]
            assert (results % 2**32).tolist() == [y % 2**32 for y in wanted], unit.name


def test_every_width_has_an_exact_operator() -> None:
    for sign, kind in (("s", "i"), ("u", "u")):
        for width in (*range(2, 8), *range(9, 17)):
            unit = ApproximateUnit.shipped(f"mul{width}{sign}_exact")
            assert (unit.type.name, unit.result.name) == (f"{kind}{width}", f"{kind}{2 * width}")
            assert exact_unit("mul", unit.type) == unit.instance()


@pytest.mark.parametrize("name", [name for name in family_members() if name.startswith(("mul2", "mul4", "mul16"))])
def test_verilator_accepts_the_extremes_without_warnings(name: str, tmp_path) -> None:
    instances = list(ApproximateUnit.shipped(name).instances())
    for instance in {instances[0], instances[-1]}:
        files = write_files(instance.files, tmp_path)
        flags = ["--lint-only", "-Wall", "--language", "1364-2005", "--top-module", instance.module]
        good, log = verilator.find().attempt([*flags, *parameter_flags(instance), *files], tmp_path)
        assert good, log


def test_the_64_bit_conversion(build, instance) -> None:
    wrapper = """
module joined #(parameter STAGES = 0) (input clk, input ce, input [31:0] a, input [31:0] b, output [31:0] y);
    sitofp64 #(.STAGES(STAGES)) unit (.clk(clk), .ce(ce), .a({a, b}), .y(y));
endmodule
"""
    bench = build([instance("joined")], sources=[wrapper])
    random.seed(7)
    numbers = [0, 1, -1, 2**63 - 1, -(2**63), 2**24 + 1, 2**25 + 2, -(2**24) - 1, 2**40 + 2**15, 2**40 + 2**16 + 1]
    numbers += [random.getrandbits(64) >> random.randrange(64) for _ in range(3000)]
    numbers = [(number + 2**63) % 2**64 - 2**63 for number in [*numbers, *(-number for number in numbers)]]
    found = bench.products([((number >> 32) % 2**32, number % 2**32) for number in numbers])
    wanted = np.array(numbers, np.int64).astype(np.float32).view(np.uint32)
    assert [y for (y,) in found] == wanted.tolist()
