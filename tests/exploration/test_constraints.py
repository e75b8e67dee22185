"""The constraints loader: what it reads, and the words of every refusal."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from asnet.errors import ConstraintsError
from asnet.exploration import Limit, Match, load_constraints
from asnet.types import APPROXIMABLE_OPS as OPS
from asnet.types import FloatMode

ROOT = Path(__file__).resolve().parents[2]

GOOD: dict[str, Any] = {
    "$schema": "constraints.schema.json",
    "version": 1,
    "data": "data/test.npz",
    "units": {
        "fmul_trunc": {"op": "fmul", "params": {"p": {"ParamLow": 0, "ParamHigh": 22, "ParamStep": 11}}},
        "evo8s": {"op": "mul", "type": "i8", "verilog": "evo/*.v"},
        "mine": {"op": "fmul", "verilog": "mine.v", "ports": {"a": "x", "y": "z"}, "latency": 0, "params": {"k": 3}},
    },
    "granularity": "layer",
    "float_mode": "ieee",
    "rules": [{"match": {"layer": "conv*", "op": "fmul"}, "units": ["exact", "mine", "fmul_trunc(p=11)"]}],
    "objectives": ["accuracy", "delay"],
    "limits": {"accuracy": {"min": 0.97}, "area": {"max": 5000}},
}


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "c.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_every_key_is_read(tmp_path: Path) -> None:
    found = load_constraints(write(tmp_path, GOOD))
    assert found.data == tmp_path / "data/test.npz"
    assert list(found.units) == ["fmul_trunc", "evo8s", "mine"]
    assert found.units["fmul_trunc"].params == {"p": (0, 11, 22)}
    assert (found.units["evo8s"].type, found.units["evo8s"].verilog) == ("i8", "evo/*.v")
    assert found.units["evo8s"].is_family and not found.units["mine"].is_family
    assert found.units["mine"].params == {"k": (3,)}
    assert found.units["mine"].ports == {"a": "x", "y": "z"}
    assert (found.granularity, found.float_mode) == ("layer", FloatMode.IEEE)
    assert found.rules[0].match == Match(layer="conv*", op="fmul")
    assert found.rules[0].units == ("exact", "mine", "fmul_trunc(p=11)")
    assert found.objectives == ("accuracy", "delay")
    assert found.limits == {"accuracy": Limit(min=0.97), "area": Limit(max=5000)}


def test_defaults(tmp_path: Path) -> None:
    found = load_constraints(write(tmp_path, {"version": 1, "units": {"fmul_trunc": {}}}))
    assert (found.data, found.granularity, found.float_mode) == (None, "network", FloatMode.FTZ)
    assert (found.rules, found.objectives, found.limits) == ((), ("accuracy", "area"), {})


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "constraints/ready").glob("*.json")), *sorted((ROOT / "examples").glob("*.json"))],
    ids=lambda path: path.name,
)  # fmt: skip
def test_shipped_files_load(path: Path) -> None:
    assert load_constraints(path).units


FAULTS: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("version",), 2, "$.version: version 2 is not known; write 1"),
    (("version",), None, "$.version: expected an integer, found null"),
    (("unit",), {}, "$: unknown key 'unit'; did you mean 'units'?"),
    (("data",), "", "$.data: expected a string that is not empty"),
    (("units",), {}, '$.units: no units; name at least one, such as "fmul_trunc": {}'),
    (("units",), [], "$.units: expected an object, found a list ([])"),
    (("units", "exact"), {}, "$.units.exact: 'exact' is every operation's instance 0; give the unit another name"),
    (("units", "a b"), {}, "$.units[\"a b\"]: unit name 'a b' is not an identifier; use letters, digits and _"),
    (("units", "mine", "verlog"), "x", "$.units.mine: unknown key 'verlog'; did you mean 'verilog'?"),
    (
        ("units", "mine"),
        {"verilog": "mine.v"},
        "$.units.mine: the key 'op' is missing; add the operation that the Verilog computes: " + ", ".join(OPS),
    ),
    (
        ("units", "fmul_trunc", "ports"),
        {"a": "a", "y": "y"},
        "$.units.fmul_trunc: 'ports' describes Verilog of your own; add 'verilog', or remove 'ports'",
    ),
    (("units", "mine", "op"), "fmull", "$.units.mine.op: unknown value 'fmull'; did you mean 'fmul'?"),
    (
        ("units", "mine", "type"),
        "f64",
        "$.units.mine.type: unknown operand type 'f64'; use f32, i1..i64 (signed) or u1..u64 (unsigned)",
    ),
    (("units", "mine", "ports"), {"x": "a"}, "$.units.mine.ports: unknown key 'x'; known: a, b, ce, clk, y"),
    (("units", "mine", "latency"), -1, "$.units.mine.latency: -1 is too small; the least value is 0"),
    (
        ("units", "mine", "params", "k"),
        {"ParamLow": 5, "ParamHigh": 3},
        "$.units.mine.params.k: ParamLow 5 > ParamHigh 3; swap them",
    ),
    (
        ("units", "mine", "params", "k"),
        {"ParmLow": 5, "ParamHigh": 3},
        "$.units.mine.params.k: unknown key 'ParmLow'; did you mean 'ParamLow'?",
    ),
    (("granularity",), "layers", "$.granularity: unknown value 'layers'; did you mean 'layer'?"),
    (("float_mode",), "FTZ", "$.float_mode: unknown value 'FTZ'; known: ftz, ieee"),
    (("rules", 0, "match"), {}, "$.rules[0].match: an empty match; give one of layer, type, op, site"),
    (("rules", 0, "match", "name"), "x", "$.rules[0].match: unknown key 'name'; known: layer, op, site, type"),
    (("rules", 0, "match", "op"), "fmuls", "$.rules[0].match.op: unknown value 'fmuls'; did you mean 'fmul'?"),
    (
        ("rules", 0, "match", "site"),
        0,
        "$.rules[0].match: 'site' needs \"granularity\": \"site\", this file has 'layer'",
    ),
    (("rules", 0, "units"), [], "$.rules[0].units: expected at least one element, the list is empty"),
    (("rules", 0, "units"), ["mine", "mine"], "$.rules[0].units[1]: 'mine' occurs twice; remove one"),
    (("rules", 0, "unit"), "mine", "$.rules[0]: unknown key 'unit'; did you mean 'units'?"),
    (("objectives",), [], "$.objectives: expected at least one element, the list is empty"),
    (("objectives", 0), "acuracy", "$.objectives[0]: unknown value 'acuracy'; did you mean 'accuracy'?"),
    (("objectives", 0), "delay", "$.objectives[1]: 'delay' occurs twice; remove one"),
    (("limits", "power"), {"max": 1}, "$.limits: unknown key 'power'; known: accuracy, area, delay"),
    (("limits", "accuracy"), {}, "$.limits.accuracy: an empty limit; give min or max"),
    (("limits", "accuracy", "min"), 97, "$.limits.accuracy.min: 97 is too large; the greatest value is 1"),
    (("limits", "area"), {"min": 3, "max": 2}, "$.limits.area: min 3 > max 2; swap them"),
]


@pytest.mark.parametrize(("where", "value", "expected"), FAULTS, ids=lambda value: str(value)[:40])
def test_faults_name_file_path_and_remedy(
    tmp_path: Path, where: tuple[str | int, ...], value: Any, expected: str
) -> None:
    content = deepcopy(GOOD)
    container: Any = content
    for key in where[:-1]:
        container = container[key]
    container[where[-1]] = value
    path = write(tmp_path, content)
    with pytest.raises(ConstraintsError) as caught:
        load_constraints(path)
    assert str(caught.value) == f"{path}: {expected}"


def test_a_rule_names_known_units(tmp_path: Path) -> None:
    content = deepcopy(GOOD)
    del content["units"]["evo8s"]  # a family's members are known only when its files are read
    content["rules"][0]["units"] = ["exact", "fmul_trunk"]
    path = write(tmp_path, content)
    with pytest.raises(ConstraintsError) as caught:
        load_constraints(path)
    assert str(caught.value) == f"{path}: $.rules[0].units[1]: unknown unit 'fmul_trunk'; did you mean 'fmul_trunc'?"


def test_malformed_and_missing_files(tmp_path: Path) -> None:
    path = write(tmp_path, '{"version": 1,\n "units": {,}}')
    with pytest.raises(ConstraintsError, match=r"c\.json: line 2, column 12: malformed JSON"):
        load_constraints(path)
    with pytest.raises(ConstraintsError, match=r"none\.json: cannot be read: No such file"):
        load_constraints(tmp_path / "none.json")
    with pytest.raises(ConstraintsError, match="the key 'units' is missing; add it"):
        load_constraints(write(tmp_path, {"version": 1}))
