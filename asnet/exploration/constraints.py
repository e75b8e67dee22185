"""The constraints file: what an exploration may vary, what it aims for, and what it must keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asnet.errors import did_you_mean
from asnet.exploration.rules import Match
from asnet.jsonfile import JsonNode, ParameterValue, load, parameter_values
from asnet.types import APPROXIMABLE_OPS, EXACT, FloatMode

__all__ = [
    "GRANULARITIES",
    "OBJECTIVES",
    "Constraints",
    "Limit",
    "Rule",
    "UnitSource",
    "load_constraints",
]

OBJECTIVES = ("accuracy", "area", "delay")
"""What a configuration is judged by: accuracy is to be large, area and delay are to be small."""

GRANULARITIES = ("network", "layer", "site")

_UNIT_KEYS = ("op", "type", "verilog", "module", "ports", "params", "latency", "float_mode", "description")
_GLOB_CHARACTERS = frozenset("*?[")
_PORT_ROLES = ("a", "b", "y", "clk", "ce")
_FILE_KEYS = ("$schema", "data", "granularity", "float_mode", "rules", "objectives", "limits")


@dataclass(frozen=True)
class UnitSource:
    """One entry of ``units``: a shipped unit by its name, or the user's own Verilog.

    ``verilog`` is a file or glob relative to the constraints file; None means the shipped unit of this name.
    ``params`` maps a parameter to the values to explore; one that is left out takes the values its description gives.
    ``where`` is the entry's place for messages.
    """

    name: str
    op: str | None
    type: str | None
    verilog: str | None
    module: str | None
    ports: Mapping[str, str] | None
    params: Mapping[str, tuple[ParameterValue, ...]]
    latency: int | None
    float_mode: str | None
    description: str | None
    where: JsonNode = field(compare=False, repr=False)

    @property
    def is_family(self) -> bool:
        """Whether ``verilog`` is a glob: each file is a unit of its own, called as the file."""
        return self.verilog is not None and not _GLOB_CHARACTERS.isdisjoint(self.verilog)


@dataclass(frozen=True)
class Rule:
    """Slots that match take one of ``units``: names of units, of instances (``fmul_trunc(p=20)``), or ``exact``."""

    match: Match
    units: tuple[str, ...]
    where: JsonNode = field(default=JsonNode(None, "rules", "rule"), compare=False, repr=False)


@dataclass(frozen=True)
class Limit:
    """The least and the greatest admissible value of an objective, inclusive; None is no bound."""

    min: float | None = None
    max: float | None = None

    def __str__(self) -> str:
        bounds = ((">=", self.min), ("<=", self.max))
        return " and ".join(f"{sign} {value:g}" for sign, value in bounds if value is not None)


@dataclass(frozen=True)
class Constraints:
    """A constraints file, checked as far as that needs neither network nor units.

    ``text`` is the file's content; ``data`` the test set, resolved against the file's folder.
    """

    path: Path
    text: str = field(repr=False)
    units: Mapping[str, UnitSource]
    data: Path | None = None
    granularity: str = "network"
    float_mode: FloatMode = FloatMode.FTZ
    rules: tuple[Rule, ...] = ()
    objectives: tuple[str, ...] = ("accuracy", "area")
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])


def load_constraints(path: Path | str) -> Constraints:
    """Read and check the constraints file ``path``.

    Raises:
        ConstraintsError: the file cannot be read, is no JSON, has an unknown or missing key, or a value that makes no
            sense; names the file, the JSON path, the value and the remedy.
    """
    path = Path(path)
    root = load(path)
    keys = root.fields(required=("version", "units"), optional=_FILE_KEYS)
    _check_version(keys["version"])
    if "$schema" in keys:
        keys["$schema"].string()
    units = _units(keys["units"])
    granularity = keys["granularity"].string(choices=GRANULARITIES) if "granularity" in keys else "network"
    return Constraints(
        path=path,
        text=json.dumps(root.value, indent=2, ensure_ascii=False),
        units=units,
        data=path.parent / keys["data"].string() if "data" in keys else None,
        granularity=granularity,
        float_mode=FloatMode(keys["float_mode"].string(choices=FloatMode)) if "float_mode" in keys else FloatMode.FTZ,
        rules=tuple(_rule(node, units, granularity) for node in keys["rules"].items()) if "rules" in keys else (),
        objectives=_objectives(keys["objectives"]) if "objectives" in keys else ("accuracy", "area"),
        limits=_limits(keys["limits"]) if "limits" in keys else {},
    )


def _check_version(node: JsonNode) -> None:
    if node.integer() != 1:
        node.fail(f"version {node.value!r} is not known; write 1")


def _units(node: JsonNode) -> dict[str, UnitSource]:
    members = node.members()
    if not members:
        node.fail('no units; name at least one, such as "fmul_trunc": {}')
    return {name: _unit(name, member) for name, member in members.items()}


def _unit(name: str, node: JsonNode) -> UnitSource:
    if name == EXACT:
        node.fail(f"{EXACT!r} is every operation's instance 0; give the unit another name")
    if not name.isidentifier() or not name.isascii():
        node.fail(f"unit name {name!r} is not an identifier; use letters, digits and _")
    keys = node.fields(optional=_UNIT_KEYS)
    if "verilog" in keys and "op" not in keys:
        node.fail(
            f"the key 'op' is missing; add the operation that the Verilog computes: {', '.join(APPROXIMABLE_OPS)}"
        )
    if "verilog" not in keys:
        for key in ("module", "ports", "latency", "float_mode"):
            if key in keys:
                node.fail(f"{key!r} describes Verilog of your own; add 'verilog', or remove {key!r}")
    params = keys["params"].members() if "params" in keys else {}
    return UnitSource(
        name=name,
        op=keys["op"].string(choices=APPROXIMABLE_OPS) if "op" in keys else None,
        type=_operand_type(keys["type"]) if "type" in keys else None,
        verilog=keys["verilog"].string() if "verilog" in keys else None,
        module=keys["module"].string() if "module" in keys else None,
        ports=_ports(keys["ports"]) if "ports" in keys else None,
        params={key: parameter_values(value) for key, value in params.items()},
        latency=keys["latency"].integer(minimum=0) if "latency" in keys else None,
        float_mode=keys["float_mode"].string() if "float_mode" in keys else None,
        description=keys["description"].string() if "description" in keys else None,
        where=node,
    )


def _operand_type(node: JsonNode) -> str:
    name = node.string()
    widths = name[1:]
    if name != "f32" and not (name[0] in "iu" and widths.isdecimal() and widths[0] != "0" and int(widths) <= 64):
        node.fail(f"unknown operand type {name!r}; use f32, i1..i64 (signed) or u1..u64 (unsigned)")
    return name


def _ports(node: JsonNode) -> dict[str, str]:
    return {role: port.string() for role, port in node.fields(optional=_PORT_ROLES).items()}


def _rule(node: JsonNode, units: Mapping[str, UnitSource], granularity: str) -> Rule:
    keys = node.fields(required=("match", "units"))
    match = Match.from_json(keys["match"])
    if match.site is not None and granularity != "site":
        keys["match"].fail(f'\'site\' needs "granularity": "site", this file has {granularity!r}')
    names: list[str] = []
    for item in keys["units"].items(nonempty=True):
        name = item.string()
        if name.partition("(")[0] not in {*units, EXACT} and not any(unit.is_family for unit in units.values()):
            item.fail(f"unknown unit {name!r}{did_you_mean(name, [*units, EXACT])}")
        if name in names:
            item.fail(f"{name!r} occurs twice; remove one")
        names.append(name)
    return Rule(match, tuple(names), node)


def _objectives(node: JsonNode) -> tuple[str, ...]:
    names: list[str] = []
    for item in node.items(nonempty=True):
        name = item.string(choices=OBJECTIVES)
        if name in names:
            item.fail(f"{name!r} occurs twice; remove one")
        names.append(name)
    return tuple(names)


def _limits(node: JsonNode) -> dict[str, Limit]:
    return {name: _limit(name, member) for name, member in node.fields(optional=OBJECTIVES).items()}


def _limit(objective: str, node: JsonNode) -> Limit:
    keys = node.fields(optional=("min", "max"))
    if not keys:
        node.fail("an empty limit; give min or max")
    highest = 1 if objective == "accuracy" else None
    limit = Limit(**{key: value.number(minimum=0, maximum=highest) for key, value in keys.items()})
    if limit.min is not None and limit.max is not None and limit.min > limit.max:
        node.fail(f"min {limit.min:g} > max {limit.max:g}; swap them")
    return limit
