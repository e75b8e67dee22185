"""The JSON Schemas accept what ASNet ships and documents, and refuse what it does not understand."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema", reason="the schemas are checked with jsonschema")
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "constraints"
SCHEMAS = sorted(FOLDER.glob("*.schema.json"))
READY = [*sorted((FOLDER / "ready").rglob("*.json")), *sorted((ROOT / "examples").glob("*.json"))]
UNITS = sorted(path for path in (ROOT / "verilog").glob("*.json") if path.stem not in ("characterisation", "timing"))

CONSTRAINTS: dict[str, Any] = {
    "$schema": "constraints.schema.json",
    "version": 1,
    "data": "digits_test.npz",
    "units": {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamLow": 0, "ParamHigh": 22, "ParamStep": 2}}},
        "fdiv_trunc": {"params": {"p": 20}},
        "evo8s": {"op": "mul", "type": "i8", "verilog": "evoapprox8s/*.v"},
        "mine": {
            "op": "fmul", "type": "f32", "verilog": "mine.v.j2", "module": "mine", "latency": 2,
            "ports": {"a": "A", "b": "B", "y": "O", "clk": "C", "ce": "E"}, "float_mode": "FTZ",
            "params": {"inner": {"ParamValues": ["drum", "exact"]}, "k": 6}, "description": "mine",
        },
    },
    "granularity": "layer",
    "float_mode": "ieee",
    "rules": [{"match": {"layer": "conv*", "op": "mul", "type": "Conv"}, "units": ["exact", "evo8s"]}],
    "objectives": ["accuracy", "area", "delay"],
    "limits": {"accuracy": {"min": 0.97}, "area": {"max": 5000}},
}  # fmt: skip

UNIT: dict[str, Any] = {
    "$schema": "../constraints/unit.schema.json",
    "name": "fmul_trunc",
    "op": "fmul",
    "type": "f32",
    "result": "f32",
    "verilog": ["fmul_trunc.v"],
    "module": "fmul_trunc",
    "ports": {"a": "a", "b": "b", "y": "y", "clk": "clk", "ce": "ce"},
    "params": {
        "p": {"ParamLow": 0, "ParamHigh": 22, "ParamStep": 1, "doc": "mantissa bits ignored"},
        "m": {"ParamValues": ["exact", "drum"], "doc": "mantissa multiplier"},
    },
    "float_mode": "FTZ",
    "dsps": "DSP",
    "stages": {"parameter": "STAGES", "max": 6, "default": 2, "useful": [1, 2, 4]},
    "latency": 2,
    "description": "ignores the last p bits",
    "source": "Tong et al.",
    "licence": "Apache-2.0",
}

CONFIGURATION: dict[str, Any] = {
    "$schema": "configuration.schema.json",
    "version": 1,
    "network": {
        "path": "digits_dense.onnx",
        "digest": "0123456789abcdef",
        "shapes": {"length": [12]},
        "output": "liked",
    },
    "passes": [{"pass": "mine.py:Exact{op_type=Gemm}", "digest": "0123456789abcdef"}],
    "float_mode": "ftz",
    "units": {"fmul_trunc(p=20)": {"unit": "fmul_trunc", "params": {"p": 20}, "digest": "0" * 64}},
    "rules": [
        {"match": {"layer": "dense*", "op": "fmul", "type": "Gemm"}, "unit": "fmul_trunc(p=20)"},
        {"match": {"op": "fdiv"}, "unit": "exact"},
    ],
    "constraints": "digits_dense.json",
    "evaluation": {"accuracy": 0.9733, "area": 1234, "images": 450},
}

FULL = {"constraints": CONSTRAINTS, "unit": UNIT, "configuration": CONFIGURATION}
Where = tuple[str | int, ...]

WRONG: list[tuple[str, Where, Any]] = [
    # (schema, where, the value put there); errors must be reported there, below, or in what holds it
    ("constraints", ("version",), 2),
    ("constraints", ("unit",), {}),
    ("constraints", ("data",), ""),
    ("constraints", ("units", "mine", "verlog"), "mine.v"),
    ("constraints", ("units", "exact"), {"op": "fmul"}),
    ("constraints", ("units", "a b"), {"op": "fmul"}),
    ("constraints", ("units", "mine"), {"verilog": "mine.v"}),
    ("constraints", ("units", "mine", "op"), "fmull"),
    ("constraints", ("units", "mine", "op"), "fcmp"),
    ("constraints", ("units", "mine", "type"), "f64"),
    ("constraints", ("units", "mine", "type"), "i65"),
    ("constraints", ("units", "mine", "type"), "i08"),
    ("constraints", ("units", "mine", "ports"), {"x": "A"}),
    ("constraints", ("units", "mine", "latency"), -1),
    ("constraints", ("units", "mine", "params", "k"), {}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamLow": 0}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamHigh": 3}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamLow": 0, "ParamHigh": 3, "ParamStep": 0}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamLow": 0, "ParamHigh": 3.5}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamLow": 0, "ParamHigh": 3, "Step": 1}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamLow": 0, "ParamHigh": 3, "ParamValues": [1]}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamValues": [1], "ParamStep": 1}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamValues": []}),
    ("constraints", ("units", "mine", "params", "k"), {"ParamValues": [1, 1]}),
    ("constraints", ("units", "mine", "params", "k"), [1, 2]),
    ("constraints", ("units", "mine", "params", "k"), True),
    ("constraints", ("granularity",), "node"),
    ("constraints", ("float_mode",), "FTZ"),
    ("constraints", ("rules", 0, "match"), {}),
    ("constraints", ("rules", 0, "match", "name"), "conv1"),
    ("constraints", ("rules", 0, "unit"), "exact"),
    ("constraints", ("rules", 0, "units"), []),
    ("constraints", ("rules", 0, "units"), "exact"),
    ("constraints", ("objectives",), ["power"]),
    ("constraints", ("objectives",), ["area", "area"]),
    ("constraints", ("limits", "power"), {"max": 1}),
    ("constraints", ("limits", "accuracy"), {"min": 97}),
    ("constraints", ("limits", "accuracy"), {}),
    ("constraints", ("limits", "accuracy"), 0.97),
    ("constraints", ("limits", "area"), {"below": 3}),
    ("unit", ("licnce",), "MIT"),
    ("unit", ("name",), "exact"),
    ("unit", ("op",), "mull"),
    ("unit", ("result",), "float"),
    ("unit", ("verilog",), "fmul_trunc.v"),
    ("unit", ("verilog",), []),
    ("unit", ("verilog",), ["fmul_trunc.vhd"]),
    ("unit", ("module",), "2mul"),
    ("unit", ("ports",), {"a": "a", "b": "b"}),
    ("unit", ("ports", "rst"), "rst"),
    ("unit", ("params", "p"), 3),
    ("unit", ("params", "p"), {"doc": "no values"}),
    ("unit", ("params", "p", "ParamValues"), [1, 2]),
    ("unit", ("params", "p", "help"), "bits"),
    ("unit", ("float_mode",), True),
    ("unit", ("stages",), 3),
    ("unit", ("stages", "min"), 0),
    ("unit", ("latency",), 1.5),
    ("configuration", ("version",), "1"),
    ("configuration", ("slots",), []),
    ("configuration", ("network",), "digits_dense.onnx"),
    ("configuration", ("network", "digest"), "xyz"),
    ("configuration", ("network", "shapes"), {"length": 12}),
    ("configuration", ("network", "shapes"), {"length": [-1]}),
    ("configuration", ("network", "output"), ""),
    ("configuration", ("passes",), ["mine.py:Exact"]),
    ("configuration", ("passes",), [{"pass": ""}]),
    ("configuration", ("units", "fmul_trunc(p=20"), {"unit": "fmul_trunc"}),
    ("configuration", ("units", "fmul_trunc(p=20)", "id"), 3),
    ("configuration", ("units", "fmul_trunc(p=20)", "params", "p"), {"ParamLow": 0, "ParamHigh": 2}),
    ("configuration", ("rules", 0, "match"), {}),
    ("configuration", ("rules", 0, "units"), ["exact"]),
    ("configuration", ("rules", 0, "unit"), ""),
    ("configuration", ("evaluation", "accuracy"), 97.3),
]
REQUIRED = [
    *(("constraints", (key,)) for key in ("version", "units")),
    *(("unit", (key,)) for key in ("name", "op", "type", "verilog", "module", "ports")),
    *(("unit", ("stages", key)) for key in ("parameter", "max", "default")),
    *(("configuration", (key,)) for key in ("version", "rules")),
    ("configuration", ("network", "path")),
    ("configuration", ("units", "fmul_trunc(p=20)", "unit")),
    ("configuration", ("rules", 0, "match")),
    ("configuration", ("rules", 0, "unit")),
]


@cache
def registry() -> Registry[Any]:
    """The schemas by file name, which is how they refer to one another."""
    return Registry[Any]().with_resources(
        (path.name, Resource.from_contents(json.loads(path.read_text()))) for path in SCHEMAS
    )


def validator(name: str) -> Draft202012Validator:
    """The validator of constraints/<name>.schema.json."""
    return Draft202012Validator(registry().contents(f"{name}.schema.json"), registry=registry())


def faults(name: str, value: Any) -> list[Where]:
    """Where `value` breaks the schema."""
    return [tuple(error.absolute_path) for error in validator(name).iter_errors(value)]


def edited(name: str, where: Where, edit: Callable[[Any, str | int], None]) -> Any:
    """The full example of `name` with `edit` applied to the container and key at `where`."""
    value = deepcopy(FULL[name])
    container = value
    for key in where[:-1]:
        container = container[key]
    edit(container, where[-1])
    return value


def test_there_are_the_three_schemas() -> None:
    assert {path.name.removesuffix(".schema.json") for path in SCHEMAS} == set(FULL)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_schema_is_valid_draft_2020_12(path: Path) -> None:
    schema = json.loads(path.read_text())
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_every_reference_resolves(path: Path) -> None:
    resolver = registry().resolver(base_uri=path.name)

    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [found for item in value for found in references(item)]
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for item in value.values() for found in references(item)]
        return []

    found = references(json.loads(path.read_text()))
    assert found
    for reference in found:
        assert isinstance(resolver.lookup(reference).contents, dict)


@pytest.mark.parametrize("name", FULL)
def test_a_file_with_every_key_is_accepted(name: str) -> None:
    assert faults(name, FULL[name]) == []
    assert set(FULL[name]) == set(validator(name).schema["properties"])


@pytest.mark.parametrize("path", READY, ids=lambda path: path.name)
def test_ready_constraints_are_accepted(path: Path) -> None:
    content = json.loads(path.read_text())
    assert faults("constraints", content) == []
    assert (path.parent / content["$schema"]).resolve() == FOLDER / "constraints.schema.json"
    if "data" in content:
        assert (path.parent / content["data"]).is_file()
    for unit in content["units"].values():
        for values in unit["params"].values():
            assert values.get("ParamLow", 0) <= values.get("ParamHigh", 0)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_shipped_unit_descriptions_are_accepted(path: Path) -> None:
    content = json.loads(path.read_text())
    assert faults("unit", content) == []
    assert (path.parent / content["$schema"]).resolve() == FOLDER / "unit.schema.json"


@pytest.mark.parametrize(("name", "where", "value"), WRONG)
def test_wrong_value_is_refused_where_it_stands(name: str, where: Where, value: Any) -> None:
    def put(container: Any, key: str | int) -> None:
        container[key] = value

    found = faults(name, edited(name, where, put))
    assert found
    assert all(fault[: len(where)] == where or fault == where[:-1] for fault in found)


@pytest.mark.parametrize(("name", "where"), REQUIRED)
def test_missing_key_is_refused(name: str, where: Where) -> None:
    def drop(container: Any, key: str | int) -> None:
        del container[key]

    assert faults(name, edited(name, where, drop)) == [where[:-1]]
