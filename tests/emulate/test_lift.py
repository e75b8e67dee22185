"""Units computed as words and as gates, against the golden model: every kind of cell, all operands or all corners."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet.bits import bits_differ
from asnet.cache import default_cache
from asnet.emulate import ProductsForm, ProductsFunction
from asnet.emulate.analysis import analyse
from asnet.emulate.bitsliced import BitSliced
from asnet.emulate.certificates import Certificate, Difference, certify_call
from asnet.emulate.certificates.operands import corner_floats
from asnet.emulate.kernels import Target, host_target, host_targets
from asnet.emulate.lift import (
    Cell,
    Lifted,
    LiftedCall,
    LiftedUnit,
    WordCalls,
    WordDesign,
    computable,
    read_words,
    unit_words,
)
from asnet.errors import ToolMissingError, UnitError
from asnet.ir import Products, Slot
from asnet.ir.kernel import load_kernel
from asnet.tools import cxx, verilator, yosys
from asnet.types import AnyArray, FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

OPERATORS: Mapping[str, str] = {
    "plain": """
  wire [3:0] n = b[3:0];
  assign y = {a / b, a % b} ^ (a * b) ^ (a << n) ^ {a >> n, 8'd0} ^ {8'd0, a[b[2:0] +: 4], {4{a < b}}}
    ^ {a <= b, a > b, a >= b, a == b, a != b, a && b, a || b, !a, &a, |b, ^a, ~^b, a[n[2:0]], 3'd5};
""",
    "signs": """
  wire signed [7:0] s = a, t = b;
  wire signed [15:0] e = s - t;
  assign y = (s * t) ^ (e >>> b[3:0]) ^ {s >>> t[2:0], s < t, s >= t, -s, ~t} ^ (s >>> 1) ^ {s / t, s % t}
    ^ {16{s > $signed(b[3:0])}} ^ (e >>> 20) ^ (a + b);
""",
    "choices": """
  reg [15:0] r;
  integer i;
  always @* begin
    case (a[2:0])
      3'd0: r = b; 3'd1: r = ~b; 3'd2: r = {b, a}; 3'd4: r = 16'hBEEF; 3'd7: r = a * a; default: r = 0;
    endcase
    casez (b) 8'b1???????: r = r + 1; 8'b01??????: r = r ^ 16'h55; default: ; endcase
    for (i = 0; i < 8; i = i + 1) if (a[i]) r = r + (b << i);
    if (a[7]) r[{b[1:0], 2'b00} +: 4] = a[3:0];
  end
  wire [79:0] wide = {{5{a}}, ~{5{b}}}, other = b[0] ? {10{a}} : wide;
  assign y[8:0] = {|wide, &wide, ^wide, !wide, wide == other, wide != other, wide && other, &(wide | ~wide), ~^other};
  assign y[15:9] = r[15:9] ^ r[6:0] ^ {a[(a ^ b) % 7], 6'd0};
""",
}


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    try:
        verilator.find(), cxx.find(), yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compared with their Verilator models, words are read by yosys: {error}")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, UnitInstance]:
    """Units of two bytes that use the operators of Verilog."""
    folder = tmp_path_factory.mktemp("units")
    found: dict[str, UnitInstance] = {}
    for name, body in OPERATORS.items():
        path = folder / f"{name}.v"
        path.write_text(f"module {name}(input [7:0] a, input [7:0] b, output [15:0] y);\n{body}endmodule\n")
        found[name] = ApproximateUnit.from_verilog(path, op="mul", type="u8").instance()
    return found


def lifted(instance: UnitInstance, mode: FloatMode, target: Target | None = None) -> Lifted:
    design = computable(unit_words(instance, mode, default_cache()))
    return Lifted(lambda _: design, target)


def gates(instance: UnitInstance, mode: FloatMode) -> BitSliced:
    analysis = analyse(instance, mode, default_cache())
    assert analysis.netlist is not None, analysis.no_netlist
    return BitSliced(lambda _: analysis.netlist)


def every(instance: UnitInstance) -> AnyArray:
    """All operands of a byte, or the corners of floats."""
    if instance.type.is_float:
        corners = corner_floats((0xFFFFFFFF, 0xFFFFFFFF))
        random = np.random.default_rng(5).integers(0, 1 << 32, 300, dtype=np.uint32)
        return np.concatenate([corners[:: max(1, len(corners) // 500)], random]).view(np.float32)
    return np.arange(256).astype(np.int8 if instance.type.signed else np.uint8)


def differences(form: ProductsForm, instance: UnitInstance, mode: FloatMode, *, vector_is_a: bool = True) -> int:
    """On how many pairs of ``every`` operand the form differs from the golden model."""
    library = FunctionLibrary.build([instance], mode, cache=default_cache())
    side = every(instance)
    accumulator = "float32" if instance.type.is_float else "int32"
    what = Products(instance.type.name, accumulator, vector_is_a, 1, len(side), len(side), 1)
    assert form.serves(what, instance)
    start = np.full((len(side), len(side)), -0.0 if instance.type.is_float else 0, accumulator)  # -0 + y is y
    found = ProductsFunction(form, what, instance, mode, default_cache())(side[None], side[:, None], start)
    pair = (side[None], side[:, None]) if vector_is_a else (side[:, None], side[None])
    golden = library.call(instance.op, instance.type, *pair, instance)
    return int(np.sum(bits_differ(found, golden)))


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_what_verilator_makes_of_it(name: str, own: dict[str, UnitInstance]) -> None:
    assert differences(lifted(own[name], FloatMode.FTZ), own[name], FloatMode.FTZ, vector_is_a=name != "signs") == 0


@pytest.mark.parametrize(
    "target", [target for target in host_targets() if target.level != "vbmi"], ids=lambda t: t.level
)
def test_words_on_every_level(target: Target, own: dict[str, UnitInstance]) -> None:
    assert differences(lifted(own["signs"], FloatMode.FTZ, target), own["signs"], FloatMode.FTZ) == 0


@pytest.mark.parametrize(("name", "parameters"), [("mul8u_trunc", {"t": 5}), ("mul8s_drum", {"k": 4})], ids=str)
def test_integer_units_as_gates(name: str, parameters: dict[str, int]) -> None:
    instance = ApproximateUnit.shipped(name).instance(**parameters)
    assert differences(gates(instance, FloatMode.FTZ), instance, FloatMode.FTZ, vector_is_a=False) == 0


FLOATS = (
    ("fmul_mantissa", {"multiplier": "mul_drum", "k": 6}, FloatMode.FTZ),
    ("fmul_mantissa", {"multiplier": "mul_drum", "k": 5}, FloatMode.IEEE),  # a word of 69 bits
    ("fdiv", {}, FloatMode.IEEE),
    ("fdiv_trunc", {"p": 20}, FloatMode.FTZ),
)


@pytest.mark.parametrize(("name", "parameters", "mode"), FLOATS, ids=str)
def test_float_units_as_words(name: str, parameters: dict[str, int | str], mode: FloatMode) -> None:
    instance = ApproximateUnit.shipped(name).instance(**parameters)
    assert differences(lifted(instance, mode), instance, mode) == 0


def test_a_float_unit_as_gates() -> None:
    instance = ApproximateUnit.shipped("fmul_mantissa").instance(multiplier="mul_drum", k=6)
    assert differences(gates(instance, FloatMode.FTZ), instance, FloatMode.FTZ) == 0


def test_a_wrong_cell_is_seen(own: dict[str, UnitInstance]) -> None:
    design = unit_words(own["plain"], FloatMode.FTZ, default_cache())
    place = next(number for number, cell in enumerate(design.cells) if cell.kind == "$le")
    cells = list(design.cells)
    cells[place] = replace(cells[place], kind="$lt")
    form = Lifted(lambda _: replace(design, cells=tuple(cells)))
    assert differences(form, own["plain"], FloatMode.FTZ) == 256  # where a = b


def test_what_has_no_form_as_words() -> None:
    y: tuple[int | str, ...] = (4, 5)
    strange = Cell("$dff", {"WIDTH": 2}, {"D": (2, 3)}, (4, 5))
    with pytest.raises(UnitError, match=r"cell \$dff has no form"):
        computable(WordDesign((2,), (3,), y, (strange,)))
    wide = Cell("$add", {"A_WIDTH": 65, "B_WIDTH": 1, "Y_WIDTH": 65}, {}, ())
    with pytest.raises(UnitError, match=r"\$add works on words of 65 bits"):
        computable(WordDesign((2,), (3,), y, (wide,)))
    circle = {
        name: {"type": "$not", "parameters": {}, "port_directions": {"A": "input", "Y": "output"}, "connections": pins}
        for name, pins in (("x", {"A": [4], "Y": [5]}), ("z", {"A": [5], "Y": [4]}))
    }
    ports = {"a": {"bits": [2]}, "b": {"bits": [3]}, "y": {"bits": [5]}}
    with pytest.raises(UnitError, match="in a circle"):
        read_words({"cells": circle, "ports": ports})


def test_which_layers_it_serves(own: dict[str, UnitInstance], tmp_path: Path) -> None:
    form = lifted(own["signs"], FloatMode.FTZ)
    what = Products("u8", "int32", True, 1, 1, 64, 9)
    assert form.serves(what, own["signs"])
    assert not form.serves(what, None)
    assert not form.serves(replace(what, type="i8"), own["signs"])
    assert not Lifted(lambda _: None).serves(what, own["signs"])
    assert host_target().machine == form.machine


def call_of(instance: UnitInstance, design: WordDesign) -> LiftedCall:
    return LiftedCall(LiftedUnit(design, instance.type, instance.unit.result), default_cache())


def test_single_operations_are_certified_and_called_through_rows(own: dict[str, UnitInstance]) -> None:
    instance = own["signs"]
    library = FunctionLibrary.build([instance], FloatMode.FTZ, cache=default_cache())
    design = computable(unit_words(instance, FloatMode.FTZ, default_cache()))
    call = call_of(instance, design)
    certificate = certify_call("words", call, call.text, instance, library, default_cache())
    assert isinstance(certificate, Certificate), certificate
    assert "random pairs" in str(certificate)
    form = WordCalls(lambda _: call, FloatMode.FTZ)
    slot = Slot("m.mul", "m", "Mul", "mul", "u8", "asnet.mul.m", 1, 100_000, singles=1)
    assert form.serves(slot, instance)
    assert not form.serves(slot, None)
    assert not form.serves(replace(slot, count=10), instance)
    table = np.array([0, *form.row(slot, instance)], np.uint64)
    text = f"@{form.table} = external global [2 x i64]\n" + form.definition("one", "mul", "u8")
    text += "\ndefine i32 @kernel(i32 %a, i32 %b) {\n  %y = call i32 @one(i32 %a, i32 %b, i64 1)\n  ret i32 %y\n}\n"
    kernel = load_kernel(text, default_cache(), symbols={form.table: table.ctypes.data})
    function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_int32)(kernel.address)
    side = np.arange(0, 256, 17, dtype=np.int32)
    golden = library.call("mul", "u8", side[None], side[:, None], instance)
    assert [[function(a, b) for a in side.tolist()] for b in side.tolist()] == golden.tolist()


def test_a_wrong_function_gets_no_certificate(own: dict[str, UnitInstance]) -> None:
    instance = ApproximateUnit.shipped("fdiv").instance()
    library = FunctionLibrary.build([instance], FloatMode.FTZ, cache=default_cache())
    design = computable(unit_words(instance, FloatMode.FTZ, default_cache()))
    rows = [number for number, cell in enumerate(design.cells) if cell.kind == "$sub" and len(cell.output) == 25]
    place = max(rows)  # the last quotient bit
    cells = list(design.cells)
    cells[place] = replace(cells[place], kind="$add")
    call = call_of(instance, replace(design, cells=tuple(cells)))
    found = certify_call("words", call, call.text, instance, library, default_cache())
    assert isinstance(found, Difference)
    assert str(found).startswith("words gives 0x")
