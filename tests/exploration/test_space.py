"""The design space: candidates by rules, the order of configurations, and positions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asnet.errors import AsnetError, ConstraintsError, UnitError
from asnet.exploration import Configuration, DesignSpace, Match, Rule, Variable, instances_of, load_constraints
from asnet.exploration.narrowing import candidates
from asnet.units import ApproximateUnit, UnitInstance

from .conftest import SLOTS, slot

MUL = {"fmul_trunc": {"p": [0, 20]}}
BOTH = MUL | {"fdiv_trunc": {"p": [22]}}


def found(space: DesignSpace) -> dict[str, tuple[str, ...]]:
    return {name: variable.candidates for variable in space.variables for name in variable.slots}


def rule(units: list[str], **match: str) -> Rule:
    return Rule(Match(**match), tuple(units))  # type: ignore[arg-type]


def test_without_rules_one_choice_per_op_and_exact_only_where_nothing_else_stands() -> None:
    space = DesignSpace.of(SLOTS, MUL)
    assert space.variables == (
        Variable("fmul", ("conv1.fmul", "conv2.fmul", "softmax.fmul"), ("fmul_trunc(p=0)", "fmul_trunc(p=20)")),
        Variable("fdiv", ("softmax.fdiv",), ("exact",)),
    )
    assert space.size == 2
    assert sorted(space.instances) == ["fmul_trunc(p=0)", "fmul_trunc(p=20)"]


def test_layer_granularity_makes_a_variable_of_every_slot() -> None:
    space = DesignSpace.of(SLOTS, BOTH, granularity="layer")
    assert [v.name for v in space.variables] == [s.name for s in SLOTS]
    assert space.size == 8


def test_the_later_rule_wins_per_slot() -> None:
    rules = [
        rule(["exact", "fmul_trunc"], type="Conv"),
        rule(["fmul_trunc(p=20)"], layer="*2", op="fmul"),
        rule(["exact"], op="fdiv"),
    ]
    space = DesignSpace.of(SLOTS, BOTH, rules=rules)
    assert found(space) == {
        "conv1.fmul": ("exact", "fmul_trunc(p=0)", "fmul_trunc(p=20)"),
        "conv2.fmul": ("fmul_trunc(p=20)",),
        "softmax.fmul": ("fmul_trunc(p=0)", "fmul_trunc(p=20)"),
        "softmax.fdiv": ("exact",),
    }
    assert [v.name for v in space.variables] == ["fmul[conv1]", "fmul[conv2]", "fmul[softmax]", "fdiv"]
    assert space.notes == ("unit 'fdiv_trunc' (fdiv of f32) stands for no slot of the network; it is not used",)


def test_a_rule_without_op_narrows_only_the_ops_its_units_stand_for() -> None:
    space = DesignSpace.of(SLOTS, BOTH, rules=[rule(["fmul_trunc(p=20)"], layer="softmax")])
    assert found(space)["softmax.fmul"] == ("fmul_trunc(p=20)",)
    assert found(space)["softmax.fdiv"] == ("fdiv_trunc(p=22)",)


def test_layer_names_match_as_globs_case_counts() -> None:
    slots = (slot("Conv[1]", "Conv", "fmul"), slot("conv1", "Conv", "fmul"))
    space = DesignSpace.of(slots, MUL, rules=[rule(["exact"], layer="Conv[[]1]")])
    assert found(space) == {"Conv[1].fmul": ("exact",), "conv1.fmul": ("fmul_trunc(p=0)", "fmul_trunc(p=20)")}


def message(rules: list[Rule], units: dict[str, object] = BOTH) -> str:
    with pytest.raises(ConstraintsError) as caught:
        DesignSpace.of(SLOTS, units, rules=rules)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_rule_that_matches_nothing_lists_the_layers() -> None:
    assert message([rule(["exact"], layer="dense*")]) == (
        "rules: rule: the rule's match {'layer': 'dense*'} holds for no slot; layers with slots: conv1 (Conv: fmul), "
        "conv2 (Conv: fmul), softmax (Softmax: fmul, fdiv): change the match"
    )


def test_a_rule_names_units_that_can_stand_there() -> None:
    assert message([rule(["exact", "fdiv_trunc"], op="fmul")]) == (
        "rules: rule.units[1]: 'fdiv_trunc' stands for fdiv of f32; the rule matches only fmul of f32: "
        "remove it or change the match"
    )
    assert message([rule(["fmul_trunc(p=21)"], op="fmul")]) == (
        "rules: rule.units[0]: no unit or instance 'fmul_trunc(p=21)'; did you mean 'fmul_trunc(p=20)'?"
    )


def test_no_slots_and_duplicate_instances() -> None:
    with pytest.raises(ConstraintsError, match="no multiplication or division to approximate"):
        DesignSpace.of((), MUL)
    one = tuple(ApproximateUnit.shipped("fmul_trunc").instances({"p": [3]}))
    with pytest.raises(ConstraintsError, match=r"units 'x' and 'y' both have an instance 'fmul_trunc\(p=3\)'"):
        DesignSpace.of(SLOTS, {"x": one, "y": one})
    with pytest.raises(ConstraintsError, match="unknown granularity 'net'; use one of network, layer, site"):
        DesignSpace.of(SLOTS, MUL, granularity="net")


def test_the_last_variable_is_fastest_and_positions_invert(space: DesignSpace) -> None:
    listed = list(space)
    assert len(listed) == len(set(listed)) == space.size == 18
    assert [c["softmax.fdiv"] for c in listed[:4]] == [f"fdiv_trunc(p={p})" for p in (0, 20, 22, 0)]
    assert [c["conv1.fmul"] for c in listed[::3]] == [f"fmul_trunc(p={p})" for p in range(0, 23, 4)]
    assert [space.position(configuration) for configuration in listed] == list(range(18))
    assert space.label(5) == "fmul: fmul_trunc(p=4), fdiv: fdiv_trunc(p=22)"
    with pytest.raises(IndexError):
        space[18]
    with pytest.raises(ConstraintsError, match=r"slot 'conv1.fmul' takes 'exact', which is not in the design space"):
        space.position(Configuration(dict(listed[0]) | {"conv1.fmul": "exact"}))
    with pytest.raises(ConstraintsError, match=r"slot 'conv2\.fmul' takes 'fmul_trunc"):
        space.position(Configuration(dict(listed[0]) | {"conv2.fmul": "fmul_trunc(p=4)"}))


def test_huge_spaces_are_counted_not_listed() -> None:
    slots = [slot(f"l{i}", "Conv", "fmul") for i in range(60)]
    space = DesignSpace.of(slots, {"fmul_trunc": {"p": range(23)}}, granularity="layer")
    assert space.size == 23**60
    assert space.position(space[23**60 - 7]) == 23**60 - 7


def test_configuration_digest_ignores_order_and_counts_content() -> None:
    one = Configuration({"a": "exact", "b": "u(p=1)"})
    assert one == Configuration({"b": "u(p=1)", "a": "exact"})
    assert one.digest == Configuration({"b": "u(p=1)", "a": "exact"}).digest
    assert one.digest != Configuration({"a": "exact", "b": "u(p=2)"}).digest
    assert one.instances == ("u(p=1)",)


UNITS: dict[str, tuple[UnitInstance, ...]] = {
    name: tuple(ApproximateUnit.shipped(name).instances({"p": [0, 20]})) for name in ("fmul_trunc", "fdiv_trunc")
}
NAMES = [*UNITS, *(instance.name for group in UNITS.values() for instance in group), "exact"]
MATCHES = st.builds(
    Match,
    layer=st.sampled_from([None, "*", "conv?", "softmax", "conv1"]),
    type=st.sampled_from([None, "Conv", "Softmax"]),
    op=st.sampled_from([None, "fmul", "fdiv"]),
)
RULES = st.lists(
    st.builds(Rule, MATCHES, st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple)),
    max_size=5,
)


@given(RULES)
def test_candidates_are_those_of_the_last_rule_that_says_something(rules: list[Rule]) -> None:
    """Against a second definition, one slot at a time: the last matching rule that leaves anything decides."""
    try:
        result, _ = candidates(SLOTS, UNITS, rules)
    except ConstraintsError:
        return
    for each in SLOTS:
        expected: tuple[str, ...] = tuple(i.name for group in UNITS.values() for i in group if i.op == each.op)
        for wanted in reversed(rules):
            named = [n for name in wanted.units for n in ([i.name for i in UNITS[name]] if name in UNITS else [name])]
            left = [name for name in named if name == "exact" or name.startswith(each.op)]
            if wanted.match.holds(each) and left:
                expected = tuple(dict.fromkeys(left))
                break
        assert result[each.name] == expected


def load_space(tmp_path: Path, units: object, rules: object = ()) -> DesignSpace:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"version": 1, "units": units, "rules": rules}))
    stated = load_constraints(path)
    units = instances_of(stated.units, path.parent)
    return DesignSpace.build(SLOTS, units, rules=stated.rules, granularity=stated.granularity)


MINE = "module {name}(input [31:0] a, input [31:0] b, output [31:0] y); assign y = a & b; endmodule\n"


def test_units_of_a_constraints_file(tmp_path: Path) -> None:
    for name in ("fam_b", "fam_a", "mine"):
        (tmp_path / f"{name}.v").write_text(MINE.format(name=name))
    units: dict[str, dict[str, object]] = {
        "fmul_trunc": {"params": {"p": 3}},
        "family": {"op": "fmul", "verilog": "fam_*.v"},
        "mine": {"op": "fdiv", "verilog": "mine.v"},
    }
    rules = [{"match": {"layer": "conv1"}, "units": ["fam_b", "exact"]}]
    space = load_space(tmp_path, units, rules)
    assert found(space)["conv2.fmul"] == ("fmul_trunc(p=3)", "fam_a", "fam_b")
    assert found(space)["conv1.fmul"] == ("fam_b", "exact")
    assert found(space)["softmax.fdiv"] == ("mine",)
    units["family"]["verilog"] = f"{tmp_path}/fam_*.v"
    assert load_space(tmp_path, units, rules) == space


@pytest.mark.parametrize(
    ("units", "kind", "expected"),
    [
        ({"fmul_trunk": {}}, UnitError, "$.units.fmul_trunk: no shipped unit 'fmul_trunk'; did you mean 'fmul_trunc'?"),
        (
            {"fmul_trunc": {"op": "fdiv"}},
            ConstraintsError,
            "$.units.fmul_trunc: 'op' is 'fdiv', but the shipped unit 'fmul_trunc' has 'fmul'; remove 'op'",
        ),
        (
            {"fmul_trunc": {"params": {"q": 1}}},
            UnitError,
            "$.units.fmul_trunc: unit 'fmul_trunc' has no parameter 'q'; known: p",
        ),
        (
            {"fmul_trunc": {"params": {"p": 23}}},
            UnitError,
            "$.units.fmul_trunc: unit 'fmul_trunc': p=23 is not a value of 'p'; it takes 0..22",
        ),
        ({"mine": {"op": "fmul", "verilog": "none.v"}}, UnitError, "$.units.mine: cannot read"),
        ({"mine": {"op": "fmul", "verilog": "none*.v"}}, ConstraintsError, "$.units.mine: no file matches 'none*.v'"),
        ({"mine": {"op": "fmul", "verilog": "\ud800/*"}}, ConstraintsError, "$.units.mine: no file matches "),
    ],
)
def test_wrong_units_name_their_place(
    tmp_path: Path, units: dict[str, object], kind: type[AsnetError], expected: str
) -> None:
    with pytest.raises(kind) as caught:
        load_space(tmp_path, units)
    assert str(caught.value).startswith(f"{tmp_path / 'c.json'}: {expected}")
