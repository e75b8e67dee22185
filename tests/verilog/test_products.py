"""Products of 20 x 20 bits in four DSP blocks: proven by their parts, and no longer with any planted fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asnet.emulate.analysis import VerilogDesign
from asnet.errors import ToolMissingError
from asnet.tools import yosys
from asnet.units import VerilogFile
from tests.verilog.ecp5 import gates_of
from tests.verilog.products import proven_by_parts

SECONDS = 20

PRODUCT = re.compile(r"(?<== )(.+) \* (.+)(?=;)")
"""Of a netlist: the factors of a DSP block."""


@pytest.fixture(scope="module", autouse=True)
def _needs_yosys() -> None:
    try:
        yosys.find()
    except ToolMissingError as error:
        pytest.skip(str(error))


def design(text: str) -> VerilogDesign:
    return VerilogDesign((VerilogFile("top.v", text, Path()),), "", "top")


def unit(product: str, kind: str = "", y: int = 40) -> str:
    return (
        f"module top(input {kind} [19:0] a, input {kind} [19:0] b, output [{y - 1}:0] y);\n"
        f"    wire {kind} [{y - 1}:0] p = {product};\n"
        f"    assign y = p ^ {{p[{y // 2}:0], 1'b1}};\n"
        "endmodule\n"
    )


def synthesised(text: str, folder: Path) -> str:
    (folder / "unit.v").write_text(text)
    gates = gates_of(["read_verilog -sv unit.v"], "top", folder, dsps=True, module="top")
    assert PRODUCT.search(gates)
    return gates


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> str:
    text = synthesised(unit("a * b"), tmp_path_factory.mktemp("gates"))
    assert len(PRODUCT.findall(text)) == 4
    return text


def test_a_product_of_four_is_proven(gates: str) -> None:
    assert proven_by_parts(design(unit("a * b")), design(gates), SECONDS)


@pytest.mark.parametrize(("kind", "y"), [("signed", 40), ("", 30)])
def test_signed_factors_and_lost_bits(kind: str, y: int, tmp_path: Path) -> None:
    text = unit("a * b", kind, y)
    assert proven_by_parts(design(text), design(synthesised(text, tmp_path)), SECONDS)


def test_factors_may_change_places(gates: str) -> None:
    turned = PRODUCT.sub(r"\2 * \1", gates)
    assert turned != gates and proven_by_parts(design(unit("a * b")), design(turned), SECONDS)


FAULTS = {
    "a[17:0] * b[17:0]": {
        "another slice": "a[18:1] * b[17:0]",
        "two bits that changed places": "{a[17:2], a[0], a[1]} * b[17:0]",
        "signed factors": "$signed(a[17:0]) * $signed(b[17:0])",
        "what is no slice": "(a[17:0] ^ 18'd4) * b[17:0]",
    },
    "a[19:18] * b[17:0]": {
        "a slice of the other factor": "a[17:0] * b[19:18]",
        "a product that was dropped": "20'd0",
    },
    "a[19:18] * b[19:18]": {
        "a shift by one": "(a[19:18] * b[19:18]) >> 1",
        "a bit that was dropped": "(a[19:18] * b[19:18]) & 4'd7",
        "a factor that depends on a product": "{a[19], y[0]} * b[19:18]",
        "a factor that depends on itself": "{a[19], y[39]} * b[19:18]",
    },
}
"""What is planted in place of a DSP block's product."""


@pytest.mark.parametrize(
    ("product", "fault"),
    [pytest.param(product, fault, id=name) for product, faults in FAULTS.items() for name, fault in faults.items()],
)
def test_a_fault_in_a_product_is_not_proven(gates: str, product: str, fault: str) -> None:
    assert gates.count(f"= {product};") == 1
    planted = gates.replace(f"= {product};", f"= {fault};")
    assert not proven_by_parts(design(unit("a * b")), design(planted), SECONDS)


def test_a_fault_in_the_sum_is_not_proven(gates: str) -> None:
    planted = gates.replace(" ^ ", " | ", 1)
    assert planted != gates and not proven_by_parts(design(unit("a * b")), design(planted), SECONDS)


def test_nothing_is_said_of_two_products_or_none(gates: str) -> None:
    parts = design(gates)
    assert not proven_by_parts(design(unit("a * b + b * b")), parts, SECONDS)
    assert not proven_by_parts(parts, design(unit("a * b")), SECONDS)
    assert not proven_by_parts(design(unit("a + b")), parts, SECONDS)
    assert not proven_by_parts(design(unit("a * b")), design(unit("a + b")), SECONDS)


def test_flip_flops_are_wires(tmp_path: Path) -> None:
    text = (
        "module top(input clk, input [19:0] a, input [19:0] b, output reg [39:0] y); reg [19:0] c, d;\n"
        "always @(posedge clk) begin c <= a; d <= b; y <= c * d; end endmodule\n"
    )
    assert proven_by_parts(design(text), design(synthesised(text, tmp_path)), SECONDS)
