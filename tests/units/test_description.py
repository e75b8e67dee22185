"""Unit descriptions: the shipped ones, those from a user's Verilog, and the messages for wrong ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from asnet.errors import AsnetError, ConstraintsError, UnitError
from asnet.units import ApproximateUnit, shipped_units

GOOD: dict[str, object] = {
    "name": "half",
    "op": "mul",
    "type": "i8",
    "verilog": ["half.v"],
    "module": "half",
    "ports": {"a": "a", "b": "b", "y": "y"},
    "params": {"k": {"ParamLow": 1, "ParamHigh": 3, "doc": "how much"}},
}


def message(action: Callable[[], object], kind: type[AsnetError] = ConstraintsError) -> str:
    with pytest.raises(kind) as caught:
        action()
    assert type(caught.value) is kind
    return str(caught.value)


@pytest.mark.parametrize("name", shipped_units())
def test_shipped_units_are_complete(name: str) -> None:
    unit = ApproximateUnit.shipped(name)
    assert unit.name == name
    assert unit.ports is not None and unit.description and unit.source and unit.licence
    instance = next(unit.instances())
    assert instance.files[0].text.count(f"module {instance.module} ") == 1


def test_what_a_description_says(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_text(json.dumps(GOOD | {"latency": 2, "stages": {"parameter": "S", "max": 4, "default": 1}}))
    unit = ApproximateUnit.from_json(path)
    assert (str(unit.type), str(unit.result), unit.latency) == ("i8", "i16", 2)
    assert unit.parameters["k"].values == (1, 2, 3)
    assert unit.parameters["k"].doc == "how much"
    assert unit.stages is not None and (unit.stages.parameter, unit.stages.max, unit.stages.default) == ("S", 4, 1)
    assert unit.origin == path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"params": {"p": {"ParamLow": 23, "ParamHigh": 22}}}, "$.params.p: ParamLow 23 > ParamHigh 22; swap them"),
        ({"nmae": "x"}, "$: unknown key 'nmae'; did you mean 'name'?"),
        ({"op": "fmull"}, "$.op: unknown value 'fmull'; did you mean 'fmul'?"),
        ({"type": "f32"}, "$.type: the type f32 does not fit op 'mul'; use i8, u8 …"),
        (
            {"type": "i65"},
            "$.type: unknown operand type 'i65'; use f32, or i1..i64 (signed), u1..u64 (unsigned)",
        ),
        ({"name": "exact"}, "$.name: 'exact' is not a unit's name; use letters, digits and _, and not 'exact'"),
        ({"verilog": []}, "$.verilog: expected at least one element, the list is empty"),
        (
            {"verilog": ["half.vhd"]},
            "$.verilog[0]: 'half.vhd' is not a Verilog file; its name ends in .v, .sv, .v.j2 or .sv.j2",
        ),
        ({"module": "2x"}, "$.module: '2x' is not a Verilog identifier"),
        ({"ports": {"a": "a", "b": "b"}}, "$.ports: the key 'y' is missing; add it"),
        ({"ports": {"a": "a", "clock": "c", "y": "y"}}, "$.ports: unknown key 'clock'; did you mean 'clk'?"),
        ({"latency": -1}, "$.latency: -1 is too small; the least value is 0"),
        ({"latency": True}, "$.latency: expected an integer, found a boolean (true)"),
        (
            {"stages": {"parameter": "S", "max": 2, "default": 3}},
            "$.stages.default: 3 is too large; the greatest value is 2",
        ),
        ({"description": 1}, "$.description: expected a string, found an integer (1)"),
        (
            {"params": {"m": {"ParamValues": ["a b"]}}},
            "$.params.m: the value 'a b' is neither an integer nor an identifier",
        ),
    ],
)
def test_faults_name_the_json_path(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    path = tmp_path / "half.json"
    path.write_text(json.dumps(GOOD | change))
    assert message(lambda: ApproximateUnit.from_json(path)) == f"{path}: {expected}"


def test_an_unknown_shipped_unit_suggests_a_known_one() -> None:
    assert message(lambda: ApproximateUnit.shipped("fmul_trunk"), UnitError) == (
        "no shipped unit 'fmul_trunk'; did you mean 'fmul_trunc'?"
    )


def test_parameters_of_a_users_unit_take_every_form(data: Path) -> None:
    forms: dict[str, object] = {
        "constant": 3,
        "range": range(2),
        "list": [5, 4],
        "low_high": {"ParamLow": 0, "ParamHigh": 4, "ParamStep": 2},
        "values": {"ParamValues": [9, 7]},
    }
    unit = ApproximateUnit.from_verilog(data / "mul4.v", op="mul", type="u4", params=forms)
    assert {name: parameter.values for name, parameter in unit.parameters.items()} == {
        "constant": (3,),
        "range": (0, 1),
        "list": (5, 4),
        "low_high": (0, 2, 4),
        "values": (9, 7),
    }
    assert (unit.name, unit.module, unit.ports) == ("mul4", "mul4", None)


def test_faults_of_a_users_unit_name_its_file(data: Path) -> None:
    path = data / "mul4.v"

    def make(**arguments: object) -> str:
        return message(lambda: ApproximateUnit.from_verilog(path, **{"op": "mul", "type": "u4", **arguments}))

    assert make(op="fmul") == f"{path}: $.type: the type u4 does not fit op 'fmul'; use f32"
    assert (
        make(params={"p": range(0)})
        == f"{path}: $.params.p.ParamValues: expected at least one element, the list is empty"
    )
    assert make(name="a b") == f"{path}: $.name: 'a b' is not a unit's name; use letters, digits and _, and not 'exact'"


def test_the_top_module_is_the_one_no_other_uses(tmp_path: Path) -> None:
    path = tmp_path / "pair.v"
    path.write_text("module leaf(input a); endmodule\nmodule root(input a); leaf l (.a(a)); endmodule\n")
    assert ApproximateUnit.from_verilog(path, op="mul", type="u8").module == "root"
    path.write_text("module root #(parameter W = 8)(input a); if (W > 1) root #(W / 2) r(a); endmodule\n")
    assert ApproximateUnit.from_verilog(path, op="mul", type="u8").module == "root"
    path.write_text("module one(input a); endmodule\nmodule two(input a); endmodule\n")
    assert message(lambda: ApproximateUnit.from_verilog(path, op="mul", type="u8"), UnitError) == (
        f'{path}: cannot tell the top module (2 candidates: one, two); give its name as "module"'
    )
    path.write_text("// module comment(input a);\n")
    assert message(lambda: ApproximateUnit.from_verilog(path, op="mul", type="u8"), UnitError) == (
        f'{path}: cannot tell the top module (it defines none); give its name as "module"'
    )


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "none.v"
    assert message(lambda: ApproximateUnit.from_verilog(path, op="mul", type="u8"), UnitError) == (
        f"cannot read {str(path)!r}: No such file or directory; check the path"
    )
    assert message(lambda: ApproximateUnit.from_verilog("a\0.v", op="mul", type="u8"), UnitError) == (
        r"cannot read 'a\x00.v': embedded null byte; check the path"
    )
    assert message(lambda: ApproximateUnit.from_verilog("\ud800.v", op="mul", type="u8"), UnitError).startswith(
        r"cannot read '\ud800.v': 'utf-8' codec can't encode"
    )
