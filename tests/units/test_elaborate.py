"""Interfaces as Verilator finds them: roles, widths, and the messages for wrong ports and wrong Verilog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from asnet.errors import UnitError
from asnet.units import ApproximateUnit, interface, shipped_units
from asnet.units.elaborate import ports_of_json, ports_of_xml


def fault(path: Path, **description: object) -> str:
    with pytest.raises(UnitError) as caught:
        interface(ApproximateUnit.from_verilog(path, **description).instance())  # type: ignore[arg-type]
    return str(caught.value)


def test_both_dump_formats_say_the_same(data: Path) -> None:
    expected = ["input a[3:0]", "input b[3:0]", "input count[31:0]", "input clk", "output y[7:0]"]
    json_dump = (data / "dump_5048.json").read_text(encoding="utf-8")
    xml_dump = (data / "dump_5006.xml").read_text(encoding="utf-8")
    assert [str(port) for port in ports_of_json(json_dump, "dump")] == expected
    assert [str(port) for port in ports_of_xml(xml_dump, "dump")] == expected


@pytest.mark.parametrize("name", shipped_units())
def test_shipped_units_have_the_ports_they_declare(name: str) -> None:
    unit = ApproximateUnit.shipped(name)
    found = interface(next(unit.instances()))
    assert found.roles == unit.ports
    assert found.width("a") == unit.type.width
    assert found.width("y") == unit.result.width


@pytest.mark.parametrize(
    ("ports", "roles"),
    [
        ("input [7:0] A, B, output [15:0] O", {"a": "A", "b": "B", "y": "O"}),
        ("input [7:0] B, A, output [15:0] Z", {"a": "A", "b": "B", "y": "Z"}),
        ("output [15:0] first, input [7:0] left, right", {"a": "left", "b": "right", "y": "first"}),
        ("input [7:0] x, y, output [15:0] p", {"a": "x", "b": "y", "y": "p"}),
        ("input clk, ce, input [7:0] a, b, output [15:0] y", {"a": "a", "b": "b", "y": "y", "clk": "clk", "ce": "ce"}),
    ],
)
def test_roles_are_inferred_by_name_then_by_order(tmp_path: Path, ports: str, roles: Mapping[str, str]) -> None:
    path = tmp_path / "unit.v"
    path.write_text(f"module unit({ports}); endmodule\n")
    instance = ApproximateUnit.from_verilog(path, op="mul", type="u8").instance()
    assert dict(interface(instance).roles) == roles
    assert dict(instance.ports) == roles


def test_one_bit_operands_are_no_clock(tmp_path: Path) -> None:
    path = tmp_path / "unit.v"
    path.write_text("module unit(input en, ck, output [1:0] y); endmodule\n")
    instance = ApproximateUnit.from_verilog(path, op="mul", type="u1").instance()
    assert dict(instance.ports) == {"a": "en", "b": "ck", "y": "y"}


FOUND = "found ports: input a[31:0], input b[15:0], input start, output y[31:0]"
EXPECTED = (
    "expected for fmul on f32: two inputs of 32 bits and one output of 32 (clk, ce optional); "
    'name other ports in "ports"'
)


@pytest.mark.parametrize(
    ("ports", "what"),
    [
        (None, "the port 'start' has no role"),
        ({"a": "a", "b": "b", "y": "y"}, "the port 'b' for 'b' has 16 bits instead of 32"),
        ({"a": "a", "b": "bb", "y": "y"}, "no port 'bb' for 'b'; did you mean 'b'?"),
        ({"a": "a", "y": "y"}, "no port for 'b'"),
        ({"a": "y", "b": "b", "y": "y"}, "the port 'y' for 'a' is an output"),
        ({"a": "a", "b": "a", "y": "y"}, "the input 'b' has no role"),
    ],
)
def test_wrong_ports_are_listed(data: Path, ports: Mapping[str, str] | None, what: str) -> None:
    path = data / "wrong_ports.v"
    assert fault(path, op="fmul", ports=ports) == f"{path}: unit wrong_ports: {what}; {FOUND}; {EXPECTED}"


def test_a_clocked_unit_needs_a_clock(data: Path) -> None:
    path = data / "mul4.v"
    assert fault(path, op="mul", type="u4", latency=1) == (
        f"{path}: unit mul4: no port for 'clk'; found ports: input A[3:0], input B[3:0], output O[7:0]; expected for "
        'mul on u4: two inputs of 4 bits and one output of 8 or more (clk, ce optional); name other ports in "ports"'
    )


def test_a_narrow_result_is_refused(data: Path) -> None:
    path = data / "mul4.v"
    assert "the port 'A' for 'a' has 4 bits instead of 8" in fault(path, op="mul", type="u8")


def test_wrong_verilog_names_file_and_line(data: Path, tmp_path: Path) -> None:
    broken = data / "broken.v"
    assert fault(broken, op="mul", type="u8") == (
        f"{broken}:6: unit broken: Verilog does not compile: Can't find definition of variable: 'c'"
    )
    template = tmp_path / "t.v.j2"
    template.write_text("module {{ module }}(input [7:0] a, b, output [15:0] y);\nassign y = a *;\nendmodule\n")
    assert fault(template, op="mul", type="u8", params={"k": 1}).startswith(
        f"{template}:2 (as rendered): unit t(k=1): Verilog does not compile: syntax error, unexpected ';'"
    )
    lost = tmp_path / "lost.v"
    lost.write_text("module lost(input [7:0] a, b, output [15:0] y);\nabsent m (.a(a), .b(b), .y(y));\nendmodule\n")
    assert fault(lost, op="mul", type="u8").startswith(f"{lost}:2: unit lost: Verilog does not compile: ")
    assert "'absent'" in fault(lost, op="mul", type="u8")


def test_an_unknown_verilog_parameter(data: Path) -> None:
    path = data / "mul4.v"
    assert fault(path, op="mul", type="u4", params={"k": 1}) == (
        f"unit mul4(k=1): the module 'mul4' ({path}) has no parameter 'k'; Verilog parameters are case-sensitive"
    )
