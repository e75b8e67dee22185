"""Instances: their written names, the grid, rendering, dependencies, identity by content."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asnet.errors import UnitError
from asnet.resources import verilog_dir
from asnet.units import ApproximateUnit, instance_name, parse_instance_name

TRUNC = ApproximateUnit.shipped("fmul_trunc")

names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z").filter(lambda name: name != "exact")


def message(action: Callable[[], object]) -> str:
    with pytest.raises(UnitError) as caught:
        action()
    return str(caught.value)


@given(names, st.dictionaries(names, st.integers(-999, 999) | names, max_size=3))
def test_written_names_are_read_back(unit: str, parameters: dict[str, int | str]) -> None:
    assert parse_instance_name(instance_name(unit, parameters)) == (unit, parameters)


def test_written_names_may_have_spaces() -> None:
    assert parse_instance_name(" f ( p = 20 , m = mul_drum ) ") == ("f", {"p": 20, "m": "mul_drum"})
    assert parse_instance_name("exact") == ("exact", {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f(",
        "f)",
        "f(p)",
        "f(p=)",
        "f(p=1,p=2)",
        "f()",
        "exact(p=1)",
        "f(p=1.5)",
        "2f",
        "f(p=1)x",
        f"f(p={'9' * 5000})",
    ],
    ids=lambda text: text[:9],
)
def test_malformed_names(text: str) -> None:
    assert message(lambda: parse_instance_name(text)) == (
        f"malformed unit instance {text!r}; write it like fmul_trunc(p=20), or exact"
    )


def test_the_grid_is_in_order_with_the_last_parameter_fastest(data: Path) -> None:
    unit = ApproximateUnit.from_verilog(
        data / "scaled.v.j2", op="mul", type="u8", params={"kind": ["up", "down"], "drop": range(3)}
    )
    assert [i.name for i in unit.instances()] == [
        f"scaled(kind={kind},drop={drop})" for kind, drop in itertools.product(("up", "down"), range(3))
    ]
    assert [i.name for i in unit.instances({"drop": {"ParamValues": [2, 0]}, "kind": "up"})] == [
        "scaled(kind=up,drop=2)",
        "scaled(kind=up,drop=0)",
    ]


def test_values_are_checked() -> None:
    assert TRUNC.instance(p=20).name == "fmul_trunc(p=20)"
    assert message(lambda: TRUNC.instance(p=23)) == "unit 'fmul_trunc': p=23 is not a value of 'p'; it takes 0..22"
    assert message(lambda: TRUNC.instance(q=1)) == "unit 'fmul_trunc' has no parameter 'q'; known: p"
    assert message(TRUNC.instance) == "unit 'fmul_trunc': the parameter 'p' is missing; it takes 0..22"
    assert message(lambda: list(TRUNC.instances({"p": range(20, 25)}))) == (
        "unit 'fmul_trunc': p=23 is not a value of 'p'; it takes 0..22"
    )


def test_a_plain_source_keeps_its_text_and_gets_verilog_parameters() -> None:
    instance = TRUNC.instance(p=20)
    assert dict(instance.verilog_parameters) == {"p": 20}
    assert instance.module == "fmul_trunc"
    for file in instance.files:
        assert file.text == (verilog_dir() / file.name).read_text(encoding="utf-8")


def test_a_template_gets_a_module_of_its_own(data: Path) -> None:
    instance = ApproximateUnit.shipped("fmul_mantissa").instance(multiplier="mul_drum", k=6)
    assert instance.module == "fmul_mantissa_mul_drum_k6"
    assert instance.files[0].name == "fmul_mantissa_mul_drum_k6.v"
    assert "mul_drum.v" in [file.name for file in instance.files]
    assert dict(instance.verilog_parameters) == {}
    unit = ApproximateUnit.from_verilog(data / "scaled.v.j2", op="mul", type="u8", params={"kind": "up", "drop": -4})
    assert unit.instance().module == "scaled_up_dropm4"


def test_a_word_may_name_a_module_of_the_users(data: Path) -> None:
    unit = ApproximateUnit.shipped("fmul_mantissa", folders=[data])
    names = [file.name for file in unit.instance(multiplier="inner", k=3).files]
    assert "inner.v" in names
    known = ", ".join(map(str, unit.parameters["multiplier"].values))
    assert message(lambda: unit.instance(multiplier="nowhere", k=3)) == (
        f"unit 'fmul_mantissa': multiplier=nowhere is not a value of 'multiplier'; it takes {known}"
    )


def test_modules_and_headers_are_found_beside_the_unit_and_among_the_shipped(data: Path) -> None:
    instance = ApproximateUnit.from_verilog(data / "outer.v", op="mul", type="u8", params={"bias": 1}).instance()
    assert [file.name for file in instance.files] == ["outer.v", "outer_defs.vh", "mul_exact.v", "inner.v"]
    assert [file.name for file in instance.files if not file.is_source] == ["outer_defs.vh"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "\nmodule {{ module }} {{ q }} endmodule",
            "line 2: UndefinedError: 'q' is undefined; a template may use: k, module",
        ),
        ("\n\n{% for %}", "line 3: malformed template: Expected an expression, got 'end of statement block'"),
        ("{{ 1 / 0 }}", "line 1: ZeroDivisionError: division by zero; a template may use: k, module"),
        (
            "module fixed; endmodule",
            "unit 'bad': no module 'bad_k1' in this file; write `module {{ module }}` in the template",
        ),
    ],
)
def test_template_faults_name_file_and_line(tmp_path: Path, source: str, expected: str) -> None:
    path = tmp_path / "bad.v.j2"
    path.write_text(source)
    unit = ApproximateUnit.from_verilog(path, op="mul", type="u8", params={"k": 1})
    assert message(unit.instance) == f"{path}: {expected}"


def test_templates_run_in_a_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "bad.v.j2"
    path.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    unit = ApproximateUnit.from_verilog(path, op="mul", type="u8")
    assert "SecurityError: access to attribute '__class__' of 'str' object is unsafe" in message(unit.instance)


def test_a_plain_source_takes_no_words(data: Path) -> None:
    unit = ApproximateUnit.from_verilog(data / "mul4.v", op="mul", type="u4", params={"k": "word"})
    assert message(unit.instance) == (
        "unit 'mul4': parameter k='word': a Verilog parameter takes an integer; "
        "for words make the source a template (.v.j2)"
    )


def test_a_wrong_module_name_lists_those_there_are(data: Path) -> None:
    unit = ApproximateUnit.from_verilog(data / "mul4.v", op="mul", type="u4", module="mul5")
    assert message(unit.instance) == (
        f"{data / 'mul4.v'}: unit 'mul4': no module 'mul5' in this file; set \"module\" to one of: mul4"
    )


def test_identity_is_the_content_not_the_name(tmp_path: Path) -> None:
    first = TRUNC.instance(p=20)
    assert first == replace(TRUNC, name="other").instance(p=20)
    assert hash(first) == hash(TRUNC.instance(p=20))
    others = [
        TRUNC.instance(p=19),
        replace(TRUNC, latency=1).instance(p=20),
        replace(TRUNC, float_mode=None).instance(p=20),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 4
    path = tmp_path / "mine.v"
    digests: set[str] = set()
    for constant in (0, 1):
        path.write_text(f"module mine(input [7:0] a, b, output [15:0] y); assign y = a * b + {constant}; endmodule\n")
        digests.add(ApproximateUnit.from_verilog(path, op="mul", type="u8").instance().digest)
    assert len(digests) == 2


def test_instances_travel_between_processes() -> None:
    instance = ApproximateUnit.shipped("fmul_mantissa").instance(multiplier="mul_drum", k=6)
    copied = pickle.loads(pickle.dumps(instance))
    assert (copied, copied.name, copied.ports) == (instance, instance.name, instance.ports)
