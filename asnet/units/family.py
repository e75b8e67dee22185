"""Families of shipped units: one description for every operand width, with one Verilog parameter for the width.

A family's file (``verilog/families/*.json``) is a unit description with ``"widths": {"parameter", "low", "high"}`` in
which ``{W}``, ``{2W}``, ``{W-1}`` stand for numbers that follow from the width; a string that is nothing else becomes
an integer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

from asnet.jsonfile import JsonNode, load
from asnet.resources import verilog_dir

__all__ = ["Member", "family_members"]

_PLACEHOLDER: Final = re.compile(r"\{(\d*)W([+-]\d+)?\}")


@dataclass(frozen=True)
class Member:
    """One width of a family: its description, and the Verilog parameter that has the width as its value."""

    description: JsonNode
    origin: Path
    constants: Mapping[str, int]


@cache
def family_members() -> Mapping[str, Member]:
    """Name → member, of every family and width.

    Raises:
        ConstraintsError: a family's file is malformed.
    """
    found: dict[str, Member] = {}
    for path in sorted((verilog_dir() / "families").glob("*.json")):
        root = load(path)
        members = root.members()
        widths = members.pop("widths").fields(required=("parameter", "low", "high"))
        parameter = widths["parameter"].string()
        for width in range(widths["low"].integer(minimum=1), widths["high"].integer(maximum=16) + 1):
            filled = {key: _filled(node.value, width) for key, node in members.items()}
            name = cast("str", filled["name"])
            found[name] = Member(JsonNode(filled, str(path)), path, {parameter: width})
    return found


def _filled(value: object, width: int) -> object:
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        return _number(whole, width) if whole else _PLACEHOLDER.sub(lambda found: str(_number(found, width)), value)
    if isinstance(value, Mapping):
        return {key: _filled(entry, width) for key, entry in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Sequence):
        return [_filled(entry, width) for entry in cast("Sequence[object]", value)]
    return value


def _number(found: re.Match[str], width: int) -> int:
    return int(found[1] or 1) * width + int(found[2] or 0)
