"""Messages of the checked JSON reader: file, path, value, remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asnet.errors import ConstraintsError
from asnet.jsonfile import JsonNode, load, parameter_values, parse


def message(action: Callable[[], object]) -> str:
    with pytest.raises(ConstraintsError) as caught:
        action()
    return str(caught.value)


def node(text: str) -> JsonNode:
    return parse(text, "x.json")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"ParamLow": 0, "ParamHigh": 22}', tuple(range(23))),
        ('{"ParamLow": -2, "ParamHigh": 5, "ParamStep": 3}', (-2, 1, 4)),
        ('{"ParamValues": [5, 1, "drum"]}', (5, 1, "drum")),
        ("7", (7,)),
        ('"mul_drum"', ("mul_drum",)),
    ],
)
def test_parameter_forms(text: str, values: tuple[int | str, ...]) -> None:
    assert parameter_values(node(text)) == values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"ParamLow": 23, "ParamHigh": 22}', "x.json: $: ParamLow 23 > ParamHigh 22; swap them"),
        ('{"ParamLow": 0}', "x.json: $: the key 'ParamHigh' is missing; add it"),
        ('{"ParamLo": 0, "ParamHigh": 2}', "x.json: $: unknown key 'ParamLo'; did you mean 'ParamLow'?"),
        ('{"ParamVales": [1]}', "x.json: $: unknown key 'ParamVales'; did you mean 'ParamValues'?"),
        (
            '{"ParamValues": [1], "ParamLow": 0}',
            "x.json: $: ParamValues and ParamLow exclude each other; keep a range or a list",
        ),
        (
            '{"ParamLow": 0, "ParamHigh": 2, "ParamStep": 0}',
            "x.json: $.ParamStep: 0 is too small; the least value is 1",
        ),
        ('{"ParamValues": []}', "x.json: $.ParamValues: expected at least one element, the list is empty"),
        ('{"ParamValues": [1, 2, 1]}', "x.json: $.ParamValues[2]: the value 1 occurs twice; remove one"),
        ("1.5", "x.json: $: expected an integer or a string, found a number (1.5)"),
        ("true", "x.json: $: expected an integer or a string, found a boolean (true)"),
        ("null", "x.json: $: expected an integer or a string, found null"),
        ('{"ParamLow": 0, "ParamHigh": 99999999999}', "x.json: $: 100000000000 values are too many; the most is 65536"),
        (
            f'{{"ParamLow": 1, "ParamHigh": {10**30}}}',
            f"x.json: $: {10**30} values are too many; the most is 65536",
        ),
    ],
)
def test_parameter_faults(text: str, expected: str) -> None:
    assert message(lambda: parameter_values(node(text))) == expected


def test_paths_name_members_and_elements() -> None:
    root = node('{"units": {"a b": [1, "x"]}}')
    element = root.fields(required=("units",))["units"].members()["a b"].items()[1]
    assert message(element.integer) == 'x.json: $.units["a b"][1]: expected an integer, found a string ("x")'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n "a": ,\n}', "x.json: line 2, column 7: malformed JSON: Expecting value"),
        ('{"a": 1, "a": 2}', "x.json: the key 'a' occurs twice in one object; remove one"),
        ("[NaN]", "x.json: NaN is not JSON; write a number"),
        ("", "x.json: line 1, column 1: malformed JSON: Expecting value"),
    ],
)
def test_malformed_json(text: str, expected: str) -> None:
    assert message(lambda: node(text)) == expected


def test_deeply_nested_json_is_an_error_not_a_crash() -> None:
    assert message(lambda: node("[" * 100_000)).startswith("x.json: malformed JSON: ")


def test_unknown_and_missing_keys() -> None:
    assert message(lambda: node('{"nam": 1}').fields(required=("name",))) == (
        "x.json: $: unknown key 'nam'; did you mean 'name'?"
    )
    assert message(lambda: node("{}").fields(required=("name",))) == "x.json: $: the key 'name' is missing; add it"
    assert message(lambda: node("[]").members()) == "x.json: $: expected an object, found a list ([])"


def test_scalars_and_choices() -> None:
    assert node('"b"').string(choices=("a", "b")) == "b"
    assert message(lambda: node('"fmull"').string(choices=("fmul", "fdiv"))) == (
        "x.json: $: unknown value 'fmull'; did you mean 'fmul'?"
    )
    assert message(lambda: node('""').string()) == "x.json: $: expected a string that is not empty"
    assert node("2").number(minimum=0) == 2.0
    assert message(lambda: node("2").number(maximum=1)) == "x.json: $: 2 is too large; the greatest value is 1"
    assert message(lambda: node("true").number()) == "x.json: $: expected a number, found a boolean (true)"
    assert node("false").boolean() is False
    assert message(lambda: node("0").boolean()) == "x.json: $: expected true or false, found an integer (0)"


def test_unreadable_files(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    assert message(lambda: load(missing)) == f"{missing}: cannot be read: No such file or directory; check the path"
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"{\xff}")
    assert message(lambda: load(binary)) == f"{binary}: not UTF-8 text (byte 1); is it a JSON file?"
