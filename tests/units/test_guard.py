"""The guard: what a unit's Verilog may not do, and what must not trigger it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asnet.errors import UntrustedVerilogError
from asnet.units import ApproximateUnit, VerilogFile, shipped_units
from asnet.units.guard import check, violations


def file(text: str) -> VerilogFile:
    return VerilogFile("u.v", text, Path("some/u.v"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('initial $system("rm -rf /");', "1: calls $system"),
        ('\n\ninitial x = $fopen("f");', "3: calls $fopen"),
        ('initial $readmemh("/etc/passwd", m);', "1: calls $readmemh"),
        ('initial $readmemb("rom", m);', "1: calls $readmemb"),
        ("always @* $finish;", "1: calls $finish"),
        ('assign y = $c("puts(0)");', "1: calls $c"),
        ("assign y = $random;", "1: calls $random"),
        ('import "DPI-C" function int puts(string s);', '1: imports foreign functions ("DPI-C")'),
        ('export "DPI-C" function f;', '1: exports foreign functions ("DPI-C")'),
        ("`systemc_imp_header\n#include <x>\n`verilog", "1: uses the directive `systemc_imp_header"),
        ("`verilator_config", "1: uses the directive `verilator_config"),
        ('`define RUN $system\ninitial `RUN("x");', "1: calls $system"),
        ("`define D(x) $``x\n", "1: has a $ that names no system function"),
        ("`define D(x) $sys``x\n", "1: calls $sys"),
        ("/* comment */ $fwrite(1); // $display", "1: calls $fwrite"),
        ('"a \\" $x" $fclose(1)', "1: calls $fclose"),
        ('"""a " $x""" /* """ $system("x") """ */', "1: has a triple-quoted string"),
        ("wire x; /* no end\n $system", "1: has a string or a comment that does not end"),
        ('wire x = "no end\n; $signed(x)', "1: has a string or a comment that does not end"),
        ('wire \\x`"y ;', "1: has the escaped identifier '\\\\x`\"y'"),
    ],
)
def test_what_is_refused(text: str, what: str) -> None:
    assert violations([file(text)])[0] == f"some/u.v:{what}"


@pytest.mark.parametrize(
    "text",
    [
        "// $system(1)\n/* $fopen `systemc_header\n */",
        'localparam S = "$system";',
        "assign y = $signed(a) * $unsigned(b) + $clog2(9) + $bits(a);",
        "`timescale 1ns/1ps\n`default_nettype none\n`define W 8\nwire [`W-1:0] x;\n`ifdef X\n`endif",
        "wire a$b; wire \\odd+name ;",
        "wire [7:0] x = 8'hFF & 4'sb1x0z;",
        "import package_name::*;",
    ],
)
def test_what_is_harmless(text: str) -> None:
    assert violations([file(text)]) == []


def test_the_message_says_where_and_what_to_do() -> None:
    with pytest.raises(UntrustedVerilogError) as caught:
        check([file("module m;\ninitial $display(1);\ninitial $stop;\nendmodule")])
    assert str(caught.value) == (
        "some/u.v:2: calls $display (and 1 more): a unit may not reach outside its ports; read the file, and if you "
        "trust it use --trust-verilog (trust_verilog=True)"
    )
    check([file("initial $display(1);")], trust_verilog=True)


@pytest.mark.parametrize("header", ["../secret.vh", "/etc/passwd", "a/../../b.vh"])
def test_headers_outside_the_folder_are_never_read(header: str) -> None:
    for trust in (False, True):
        with pytest.raises(UntrustedVerilogError) as caught:
            check([file(f'\n`include "{header}"\n')], trust_verilog=trust)
        assert str(caught.value) == (
            f"some/u.v:2: includes {header!r}, which is outside the unit's folder; put the header beside the unit"
        )
    check([file('`include "mine.vh"')])


def test_headers_named_by_a_macro_are_refused() -> None:
    with pytest.raises(UntrustedVerilogError, match=r"^some/u\.v:2: includes 'a computed name'"):
        check([file('`define H "x.vh"\n`include `H\n')])


@pytest.mark.parametrize("name", shipped_units())
def test_shipped_units_pass(name: str) -> None:
    check(next(ApproximateUnit.shipped(name).instances()).files)
