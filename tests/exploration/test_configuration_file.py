"""Configuration files: round trip, hand-written ones, and the words of every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asnet.errors import AsnetError, ConstraintsError, UnitError
from asnet.exploration import Configuration, DesignSpace, load_configuration, save_configuration
from asnet.types import FloatMode

from .conftest import SLOTS, slot


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "conf.json"
    path.write_text(json.dumps(content))
    return path


def test_round_trip(tmp_path: Path, space: DesignSpace) -> None:
    configuration = Configuration(dict(space[7]) | {"conv2.fmul": "exact"})
    path = tmp_path / "out" / "best.json"
    save_configuration(
        path, configuration, SLOTS, space.instances, network=tmp_path / "net.onnx", network_digest="ab" * 32,
        float_mode=FloatMode.IEEE, evaluation={"accuracy": 0.5, "area": None, "images": 10},
    )  # fmt: skip
    found = load_configuration(path)
    assert found.resolve(SLOTS) == configuration
    assert found.resolve(SLOTS).digest == configuration.digest
    assert found.network is not None and found.network.resolve() == (tmp_path / "net.onnx").resolve()
    assert (found.network_digest, found.float_mode) == ("ab" * 32, FloatMode.IEEE)
    assert {name: i.digest for name, i in found.instances.items()} == {
        name: space.instances[name].digest for name in configuration.instances
    }
    content = json.loads(path.read_text())
    assert content["network"]["path"] == "../net.onnx"
    assert content["evaluation"] == {"accuracy": 0.5, "images": 10}
    assert content["rules"] == [
        {"match": {"op": "fmul"}, "unit": "fmul_trunc(p=8)"},
        {"match": {"layer": "conv2", "op": "fmul"}, "unit": "exact"},
        {"match": {"op": "fdiv"}, "unit": "fdiv_trunc(p=20)"},
    ]
    before = path.read_bytes()
    save_configuration(
        path, configuration, SLOTS, space.instances, network=tmp_path / "net.onnx", network_digest="ab" * 32,
        float_mode=FloatMode.IEEE, evaluation={"accuracy": 0.5, "area": None, "images": 10},
    )  # fmt: skip
    assert path.read_bytes() == before


ODD = tuple(slot(name, "Conv", "fmul") for name in ("a*", "a[1]", "a?", "ab", "A*"))


@given(st.lists(st.sampled_from(["exact", "fmul_trunc(p=1)", "fmul_trunc(p=2)"]), min_size=5, max_size=5))
def test_round_trip_of_layers_named_like_globs(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    configuration = Configuration(dict(zip((s.name for s in ODD), names, strict=True)))
    space = DesignSpace.of(ODD, {"fmul_trunc": {"p": [1, 2]}})
    path = tmp_path_factory.mktemp("c") / "c.json"
    save_configuration(path, configuration, ODD, space.instances)
    assert load_configuration(path).resolve(ODD) == configuration


def test_sites_of_one_layer_are_told_apart(tmp_path: Path) -> None:
    from dataclasses import replace

    sites = tuple(replace(slot("s", "Softmax", "fmul"), name=f"s.fmul.{k}") for k in range(3))
    configuration = Configuration({"s.fmul.0": "exact", "s.fmul.1": "fmul_trunc(p=1)", "s.fmul.2": "exact"})
    space = DesignSpace.of(sites, {"fmul_trunc": {"p": [1]}}, granularity="site")
    save_configuration(tmp_path / "c.json", configuration, sites, space.instances)
    assert load_configuration(tmp_path / "c.json").resolve(sites) == configuration


def test_hand_written_rules_suffice(tmp_path: Path) -> None:
    rules = [
        {"match": {"type": "Conv"}, "unit": "fmul_trunc( p = 20 )"},
        {"match": {"layer": "softmax"}, "unit": "fmul_trunc(p=3)"},
    ]
    found = load_configuration(write(tmp_path, {"version": 1, "rules": rules}))
    assert found.resolve(SLOTS) == {
        "conv1.fmul": "fmul_trunc(p=20)",
        "conv2.fmul": "fmul_trunc(p=20)",
        "softmax.fmul": "fmul_trunc(p=3)",
        "softmax.fdiv": "exact",
    }
    assert sorted(found.instances) == ["fmul_trunc(p=20)", "fmul_trunc(p=3)"]


def test_units_come_from_the_constraints_file_it_names(tmp_path: Path) -> None:
    (tmp_path / "mine.v").write_text("module mine(input [31:0] a, b, output [31:0] y); assign y = a & b; endmodule\n")
    (tmp_path / "c.json").write_text(json.dumps({"version": 1, "units": {"m": {"op": "fmul", "verilog": "mine.v"}}}))
    rules = [{"match": {"op": "fmul"}, "unit": "m"}]
    found = load_configuration(write(tmp_path, {"version": 1, "rules": rules, "constraints": "c.json"}))
    assert found.instances["m"].module == "mine"


RULE: dict[str, Any] = {"match": {"op": "fmul"}, "unit": "fmul_trunc(p=20)"}

FAULTS: list[tuple[dict[str, Any], type[AsnetError], str]] = [
    ({"version": 2}, ConstraintsError, "$.version: version 2 is not known; write 1"),
    ({"rule": []}, ConstraintsError, "$: unknown key 'rule'; did you mean 'rules'?"),
    (
        {"network": {"file": "x"}},
        ConstraintsError,
        "$.network: unknown key 'file'; known: digest, output, path, shapes",
    ),
    (
        {"network": {"path": "x", "digest": "xyz"}},
        ConstraintsError,
        "$.network.digest: 'xyz' is not a digest; give 8 to 64 hexadecimal digits, or remove the key",
    ),
    ({"rules": [RULE | {"units": []}]}, ConstraintsError, "$.rules[0]: unknown key 'units'; did you mean 'unit'?"),
    (
        {"rules": [RULE | {"unit": "fmul_trunc(p=20"}]},
        ConstraintsError,
        "$.rules[0].unit: malformed unit instance 'fmul_trunc(p=20'; write it like fmul_trunc(p=20), or exact",
    ),
    (
        {"rules": [RULE | {"match": {"layer": "dense"}}]},
        ConstraintsError,
        "$.rules[0]: the rule's match {'layer': 'dense'} holds for no slot; slots: conv1.fmul, conv2.fmul, softmax.fm",
    ),
    (
        {"rules": [RULE | {"match": {"op": "fdiv"}}]},
        ConstraintsError,
        "$.rules[0]: 'fmul_trunc(p=20)' stands for fmul of f32, of which the rule matches none; change the match",
    ),
    (
        {"rules": [RULE | {"unit": "fmul_trunc(p=99)"}]},
        UnitError,
        "$.rules[0]: unit 'fmul_trunc': p=99 is not a value of 'p'; it takes 0..22",
    ),
    (
        {"units": {"fmul_trunc(p=19)": {"unit": "fmul_trunc", "params": {"p": 19}}}},
        ConstraintsError,
        "$.rules[0].unit: 'fmul_trunc(p=20)' is not among this file's units; did you mean 'fmul_trunc(p=19)'?",
    ),
    (
        {"units": {"fmul_trunc(p=20)": {"unit": "fmul_trunc", "params": {"p": 19}}}},
        ConstraintsError,
        "$.units[\"fmul_trunc(p=20)\"]: the entry is called 'fmul_trunc(p=20)' but describes 'fmul_trunc(p=19)'; ",
    ),
    (
        {"units": {"fmul_trunc(p=20)": {"unit": "fmul_trunc", "params": {"p": 20}, "digest": "0" * 64}}},
        UnitError,
        "$.units[\"fmul_trunc(p=20)\"]: 'fmul_trunc(p=20)' has digest ",
    ),
]


@pytest.mark.parametrize(("change", "kind", "expected"), FAULTS, ids=lambda value: str(value)[:40])
def test_faults_name_file_path_and_remedy(
    tmp_path: Path, change: dict[str, Any], kind: type[AsnetError], expected: str
) -> None:
    path = write(tmp_path, {"version": 1, "rules": [RULE]} | change)
    with pytest.raises(kind) as caught:
        load_configuration(path).resolve(SLOTS)
    assert str(caught.value).startswith(f"{path}: {expected}")
