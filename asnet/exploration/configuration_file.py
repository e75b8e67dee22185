"""The configuration file: output of `explore`, input of `eval` and `synth`; may be written by hand."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from asnet.cache import write_atomically
from asnet.errors import ConstraintsError, UnitError, did_you_mean
from asnet.exploration.configuration import Configuration
from asnet.exploration.constraints import load_constraints
from asnet.exploration.rules import Match, escape_layer, site_number
from asnet.exploration.sources import units_of
from asnet.ir import Slot
from asnet.jsonfile import JsonNode, ParameterValue, load
from asnet.types import EXACT, FloatMode
from asnet.units import ApproximateUnit, UnitInstance, instance_name, parse_instance_name

__all__ = ["Choice", "ConfigurationFile", "PassRecord", "UnitRecord", "load_configuration", "save_configuration"]

_FILE_KEYS = ("$schema", "network", "float_mode", "units", "constraints", "evaluation", "passes")
_DIGEST_DIGITS = frozenset("0123456789abcdef")
_IN_FILE = re.compile(r"([^{]*\.py):")


@dataclass(frozen=True)
class UnitRecord:
    """An instance as the file describes it; ``digest`` (its first digits suffice) is what it must be, if given."""

    unit: str
    parameters: Mapping[str, ParameterValue]
    digest: str | None
    where: JsonNode = field(compare=False, repr=False)


@dataclass(frozen=True)
class Choice:
    """A rule of a configuration: slots that match take ``unit``, an instance's name or ``exact``."""

    match: Match
    unit: str
    where: JsonNode = field(compare=False, repr=False)


@dataclass(frozen=True)
class PassRecord:
    """An IR pass as it is written on the command line; ``digest`` (its first digits suffice) is that of its file."""

    text: str
    digest: str = ""


@dataclass(frozen=True)
class ConfigurationFile:
    """A configuration file, checked as far as that needs no network.

    ``network`` and ``constraints`` are resolved against the file's folder. ``network_digest`` may be its first digits.
    ``shapes`` and ``output`` are how the network is read (:class:`asnet.network.model.LoadOptions`).
    """

    path: Path
    rules: tuple[Choice, ...]
    units: Mapping[str, UnitRecord] = field(default_factory=dict[str, UnitRecord])
    network: Path | None = None
    network_digest: str | None = None
    float_mode: FloatMode | None = None
    constraints: Path | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    output: str | None = None
    passes: tuple[PassRecord, ...] = ()

    def resolve(self, slots: Sequence[Slot]) -> Configuration:
        """The configuration of ``slots``: the later rule wins, a slot without a rule is exact.

        A rule without ``op`` means the slots that its unit stands for.

        Raises:
            ConstraintsError: a rule that matches no slot, or none that its unit stands for.
            UnitError: as :attr:`instances`.
        """
        chosen = dict.fromkeys((slot.name for slot in slots), EXACT)
        for rule in self.rules:
            matched = [slot for slot in slots if rule.match.holds(slot)]
            if not matched:
                rule.where.fail(
                    f"the rule's match {rule.match.to_json()} holds for no slot; slots: "
                    f"{', '.join(slot.name for slot in slots[:20])}{' …' if len(slots) > 20 else ''}"
                )
            instance = self._by_rule.get(rule.unit)
            if instance is not None:
                matched = [slot for slot in matched if (slot.op, slot.type) == (instance.op, instance.type.name)]
                if not matched:
                    rule.where.fail(
                        f"{rule.unit!r} stands for {instance.op} of {instance.type}, of which the rule matches none; "
                        "change the match or the unit"
                    )
            chosen |= dict.fromkeys((slot.name for slot in matched), instance.name if instance else EXACT)
        return Configuration(chosen)

    @property
    def instances(self) -> dict[str, UnitInstance]:
        """Instance name → instance, for all that the rules name.

        Units are those of the constraints file that the configuration names, else the shipped ones.

        Raises:
            UnitError, ConstraintsError: an unknown unit or parameter; or its content is not what the file recorded.
        """
        return {instance.name: instance for instance in self._by_rule.values()}

    @cached_property
    def _by_rule(self) -> dict[str, UnitInstance]:
        """Instance as the rules write it → instance."""
        own: dict[str, ApproximateUnit] = {}
        if self.constraints is not None:
            for source in load_constraints(self.constraints).units.values():
                own |= {unit.name: unit for unit in units_of(source, self.constraints.parent)}
        found: dict[str, UnitInstance] = {}
        for rule in self.rules:
            if rule.unit != EXACT and rule.unit not in found:
                found[rule.unit] = self._instance(rule, own)
        return found

    def _instance(self, rule: Choice, own: Mapping[str, ApproximateUnit]) -> UnitInstance:
        record = self.units.get(rule.unit)
        name, parameters = (record.unit, record.parameters) if record else parse_instance_name(rule.unit)
        place = record.where if record else rule.where
        try:
            instance = (own[name] if name in own else ApproximateUnit.shipped(name)).instance(**parameters)
        except UnitError as error:
            raise UnitError(f"{place.file}: {place.path}: {error}") from error
        if record and record.digest and not instance.digest.startswith(record.digest):
            raise UnitError(
                f"{place.file}: {place.path}: {rule.unit!r} has digest {instance.digest[:12]}…, the file recorded "
                f"{record.digest[:12]}…: its Verilog changed; explore again, or remove the digest to accept it"
            )
        return instance


def load_configuration(path: Path | str) -> ConfigurationFile:
    """Read and check the configuration file ``path``.

    Raises:
        ConstraintsError: the file cannot be read, is no JSON, has an unknown or missing key, or a value that makes no
            sense; names the file, the JSON path, the value and the remedy.
        UnitError: a malformed instance name.
    """
    path = Path(path)
    keys = load(path).fields(required=("version", "rules"), optional=_FILE_KEYS)
    if keys["version"].integer() != 1:
        keys["version"].fail(f"version {keys['version'].value!r} is not known; write 1")
    network = (
        keys["network"].fields(required=("path",), optional=("digest", "shapes", "output")) if "network" in keys else {}
    )
    units = {name: _record(name, node) for name, node in keys["units"].members().items()} if "units" in keys else {}
    shapes = network["shapes"].members() if "shapes" in network else {}
    if "evaluation" in keys:
        keys["evaluation"].members()
    return ConfigurationFile(
        path=path,
        rules=tuple(_choice(node, units) for node in keys["rules"].items()),
        units=units,
        network=path.parent / network["path"].string() if "path" in network else None,
        network_digest=_digest(network["digest"]) if "digest" in network else None,
        float_mode=FloatMode(keys["float_mode"].string(choices=FloatMode)) if "float_mode" in keys else None,
        constraints=path.parent / keys["constraints"].string() if "constraints" in keys else None,
        shapes={name: _extents(node) for name, node in shapes.items()},
        output=network["output"].string() if "output" in network else None,
        passes=tuple(_pass(node, path) for node in keys["passes"].items()) if "passes" in keys else (),
    )


def _pass(node: JsonNode, path: Path) -> PassRecord:
    """A file that holds a pass is found from the folder of the configuration."""
    keys = node.fields(required=("pass",), optional=("digest",))
    text = keys["pass"].string()
    if _IN_FILE.match(text):
        text = os.path.join(path.parent.absolute(), text)  # noqa: PTH118 (text is a path with more behind it)
    return PassRecord(text, _digest(keys["digest"]) if "digest" in keys else "")


def _extents(node: JsonNode) -> tuple[int, ...]:
    return tuple(item.integer(minimum=0) for item in node.items())


def _record(name: str, node: JsonNode) -> UnitRecord:
    keys = node.fields(required=("unit",), optional=("params", "digest"))
    parameters: dict[str, ParameterValue] = {}
    for parameter, value in (keys["params"].members() if "params" in keys else {}).items():
        parameters[parameter] = value.string() if isinstance(value.value, str) else value.integer()
    record = UnitRecord(keys["unit"].string(), parameters, _digest(keys["digest"]) if "digest" in keys else None, node)
    if _canonical(name, node) != instance_name(record.unit, dict(sorted(parameters.items()))):
        node.fail(
            f"the entry is called {name!r} but describes {instance_name(record.unit, parameters)!r}; make them the same"
        )
    return record


def _canonical(name: str, node: JsonNode) -> str:
    try:
        unit, parameters = parse_instance_name(name)
    except UnitError as error:
        raise ConstraintsError(f"{node.file}: {node.path}: {error}") from error
    return instance_name(unit, dict(sorted(parameters.items())))


def _choice(node: JsonNode, units: Mapping[str, UnitRecord]) -> Choice:
    keys = node.fields(required=("match", "unit"))
    unit = keys["unit"].string()
    _canonical(unit, keys["unit"])
    if units and unit not in units and unit != EXACT:
        keys["unit"].fail(f"{unit!r} is not among this file's units{did_you_mean(unit, [*units, EXACT])}")
    return Choice(Match.from_json(keys["match"]), unit, node)


def _digest(node: JsonNode) -> str:
    text = node.string()
    if not (8 <= len(text) <= 64 and _DIGEST_DIGITS.issuperset(text)):
        node.fail(f"{text!r} is not a digest; give 8 to 64 hexadecimal digits, or remove the key")
    return text


def save_configuration(
    path: Path,
    configuration: Mapping[str, str],
    slots: Sequence[Slot],
    instances: Mapping[str, UnitInstance],
    *,
    network: Path | None = None,
    network_digest: str | None = None,
    float_mode: FloatMode = FloatMode.FTZ,
    constraints: Path | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    output: str | None = None,
    passes: Sequence[PassRecord] = (),
    evaluation: Mapping[str, float | int | None] | None = None,
) -> None:
    """Write ``configuration`` as a file that :func:`load_configuration` reads; same input, same bytes.

    Paths are written relative to the file's folder. Values of ``evaluation`` that are None are left out.

    Raises:
        OutputError: the file cannot be written.
    """
    used = [name for name in dict.fromkeys(configuration.values()) if name != EXACT]
    content: dict[str, object] = {"version": 1}
    if network is not None:
        described: dict[str, object] = {"path": _relative(network, path)}
        described |= {"digest": network_digest} if network_digest else {}
        described |= {"shapes": {name: list(shape) for name, shape in shapes.items()}} if shapes else {}
        described |= {"output": output} if output else {}
        content["network"] = described
    content["float_mode"] = str(float_mode)
    if passes:
        content["passes"] = [
            {"pass": _IN_FILE.sub(lambda found: f"{_relative(Path(found[1]), path)}:", record.text, count=1)}
            | ({"digest": record.digest} if record.digest else {})
            for record in passes
        ]
    content["units"] = {name: _described(instances[name]) for name in used}
    content["rules"] = [{"match": match.to_json(), "unit": unit} for match, unit in _rules(configuration, slots)]
    if constraints is not None:
        content["constraints"] = _relative(constraints, path)
    if evaluation is not None:
        content["evaluation"] = {key: value for key, value in evaluation.items() if value is not None}
    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _relative(target: Path, file: Path) -> str:
    return Path(os.path.relpath(target.resolve(), file.resolve().parent)).as_posix()


def _described(instance: UnitInstance) -> dict[str, object]:
    params = {"params": dict(instance.parameters)} if instance.parameters else {}
    return {"unit": instance.unit.name, **params, "digest": instance.digest}


def _rules(configuration: Mapping[str, str], slots: Sequence[Slot]) -> list[tuple[Match, str]]:
    """Per op one rule for its most frequent instance, then one for every slot that differs."""
    rules: list[tuple[Match, str]] = []
    for op in dict.fromkeys(slot.op for slot in slots):
        members = [slot for slot in slots if slot.op == op]
        common = Counter(configuration[slot.name] for slot in members).most_common(1)[0][0]
        rules.append((Match(op=op), common))
        for slot in members:
            if configuration[slot.name] != common:
                match = Match(layer=escape_layer(slot.layer), op=op, site=site_number(slot))
                rules.append((match, configuration[slot.name]))
    return rules
