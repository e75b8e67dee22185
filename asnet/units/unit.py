"""Descriptions of arithmetic units: what operation one stands for, its Verilog, parameters, ports and latency."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from asnet.errors import AsnetError, UnitError, did_you_mean
from asnet.jsonfile import JsonNode, ParameterValue, load, parameter_values
from asnet.resources import verilog_dir
from asnet.types import APPROXIMABLE_OPS, EXACT, OperandType, operand_type
from asnet.units.description import ROLES, Parameter, StageParameter, UnitDescription
from asnet.units.family import family_members
from asnet.units.instance import UnitInstance, make_instance
from asnet.units.rendering import is_template, read_verilog
from asnet.units.tokens import defined_modules, instantiated_modules, words

__all__ = [
    "OPERATIONS",
    "ApproximateUnit",
    "Parameter",
    "StageParameter",
    "default_result",
    "exact_unit",
    "shipped_units",
]

OPERATIONS: Final = (*APPROXIMABLE_OPS, "sub", "fcmp", "sitofp", "uitofp", "fptosi", "fptoui")
"""LLVM opcodes that a unit may compute: those that may be approximated, and the exact ones that designs need."""

_FIGURES: Final = frozenset(("characterisation", "timing"))
"""JSON files beside the shipped units' that describe none."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][\w$]*", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SOURCE: Final = re.compile(r".+\.(v|sv)(\.j2)?")
_SUFFIX: Final = re.compile(r"\.(v|sv)(\.j2)?$")


def default_result(op: str, operand: OperandType) -> OperandType:
    """The result's type where a description does not say: twice as wide for ``mul``, else the operands' type."""
    if op == "mul":
        return operand_type(f"{operand.name[0]}{min(2 * operand.width, 64)}")
    return operand


class ApproximateUnit(UnitDescription):
    """A unit: its description, and how to come by it and its instances."""

    @classmethod
    def shipped(cls, name: str, *, folders: Sequence[Path] = ()) -> ApproximateUnit:
        """The unit ``name`` that ASNet ships, alone or in a family; ``folders`` are searched for modules named by a
        parameter.

        Raises:
            UnitError: no such unit.
        """
        if name in shipped_units():
            unit = cls.from_json(verilog_dir() / f"{name}.json")
        elif name in (members := family_members()):
            member = members[name]
            unit = replace(_from_node(member.description, member.origin), constants=member.constants)
        else:
            raise UnitError(f"no shipped unit {name!r}{did_you_mean(name, (*shipped_units(), *members))}")
        return replace(unit, folders=(*unit.folders, *folders)) if folders else unit

    @classmethod
    def from_json(cls, path: Path | str) -> ApproximateUnit:
        """The unit described by the JSON file ``path`` (schema: ``constraints/unit.schema.json``).

        Raises:
            ConstraintsError: the file is malformed; names the JSON path.
        """
        return _from_node(load(Path(path)), Path(path))

    @classmethod
    def from_verilog(
        cls,
        path: Path | str,
        *,
        op: str,
        type: str = "f32",  # noqa: A002  the word of the constraints file
        params: Mapping[str, object] | None = None,
        name: str | None = None,
        module: str | None = None,
        ports: Mapping[str, str] | None = None,
        latency: int = 0,
        float_mode: str | None = None,
        description: str = "",
    ) -> ApproximateUnit:
        """A unit from a Verilog file: a plain ``.v`` takes ``params`` as Verilog parameters, a ``.v.j2`` is rendered.

        Args:
            path: the source; modules it instantiates are found beside it or among the shipped ones.
            op: the LLVM opcode it stands for.
            type: of its operands: ``f32``, ``i8``, ``u8`` …
            params: values per parameter: a constant, a range, a sequence, ``{"ParamLow", "ParamHigh"[, "ParamStep"]}``
                or ``{"ParamValues": [...]}``.
            name: how configurations call it; the file's stem if not given.
            module: the top module; if not given, the one named as the file, else the one no other instantiates.
            ports: role (``a``, ``b``, ``y``, ``clk``, ``ce``) → port; if not given, inferred.
            latency: clock cycles from operands to result.
            float_mode: the Verilog parameter that is 1 for ``ftz`` and 0 for ``ieee``.
            description: one line for people.

        Raises:
            UnitError: the file cannot be read or its top module cannot be told.
            ConstraintsError: an argument is malformed.
        """
        path = Path(path)
        stem = _SUFFIX.sub("", path.name)
        root: dict[str, object] = {
            "name": name or re.sub(r"\W", "_", stem),
            "op": op,
            "type": type,
            "verilog": [path.name],
            "module": module or _top_module(path, stem),
            "latency": latency,
            "description": description,
        }
        optional = {"params": _plain(params), "ports": ports, "float_mode": float_mode}
        root |= {key: value for key, value in optional.items() if value is not None}
        return _from_node(JsonNode(root, str(path)), path)

    def values(self, overrides: Mapping[str, object]) -> dict[str, tuple[ParameterValue, ...]]:
        """The values of every parameter, ``overrides`` (the forms of :meth:`from_verilog`) in place of the unit's own.

        Raises:
            UnitError: an unknown parameter, or a value the unit does not accept.
            ConstraintsError: a malformed override.
        """
        for name in overrides:
            if name not in self.parameters:
                raise UnitError(f"unit {self.name!r} has no parameter {name!r}{did_you_mean(name, self.parameters)}")
        chosen = {name: parameter.values for name, parameter in self.parameters.items()}
        for name, given in (_plain(overrides) or {}).items():
            node = given if isinstance(given, JsonNode) else JsonNode(given, f"unit {self.name!r}", f"$.params.{name}")
            chosen[name] = parameter_values(node)
            for value in chosen[name]:
                if not self._accepts(name, value):
                    raise UnitError(
                        f"unit {self.name!r}: {name}={value} is not a value of {name!r}; "
                        f"it takes {self.parameters[name]}"
                    )
        return chosen

    def _accepts(self, name: str, value: ParameterValue) -> bool:
        parameter = self.parameters[name]
        if value in parameter.values:
            return True
        words = all(isinstance(known, str) for known in parameter.values)  # names of modules: a user may add one
        return words and isinstance(value, str) and any((folder / f"{value}.v").is_file() for folder in self.folders)

    def instances(self, overrides: Mapping[str, object] | None = None) -> Iterator[UnitInstance]:
        """All instances: the Cartesian product of the parameters' values, the last parameter fastest.

        Raises:
            UnitError, ConstraintsError: as :meth:`values`; a source is missing or malformed.
        """
        chosen = self.values(overrides or {})
        for combination in itertools.product(*chosen.values()):
            yield make_instance(self, dict(zip(chosen, combination, strict=True)))

    def instance(self, **params: ParameterValue) -> UnitInstance:
        """The instance with these parameter values; a parameter with a single value may be left out.

        Raises:
            UnitError: an unknown or missing parameter, a value the unit does not accept, a wrong source.
        """
        chosen = self.values(params)
        for name, values in chosen.items():
            if len(values) != 1:
                raise UnitError(
                    f"unit {self.name!r}: the parameter {name!r} is missing; it takes {self.parameters[name]}"
                )
        return make_instance(self, {name: values[0] for name, values in chosen.items()})


def exact_unit(op: str, operand: OperandType) -> UnitInstance | None:
    """The shipped exact operator of ``op`` on ``operand``: called like the op, of integers with the type and
    ``_exact`` (``fadd``, ``mul8s_exact``); None if there is none."""
    name = op if operand.is_float else f"{op}{operand.width}{'s' if operand.signed else 'u'}_exact"
    return ApproximateUnit.shipped(name).instance() if name in shipped_units() or name in family_members() else None


def shipped_units() -> tuple[str, ...]:
    """Names of the units that ASNet ships each with its own description, sorted; families come on top."""
    return tuple(sorted({path.stem for path in verilog_dir().glob("*.json")} - _FIGURES))


def _plain(params: Mapping[str, object] | None) -> dict[str, object] | None:
    """Parameter specifications with Python's ranges and sequences as ``{"ParamValues": [...]}``."""
    if params is None:
        return None
    plain: dict[str, object] = {}
    for name, value in params.items():
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        plain[name] = {"ParamValues": list(cast("Sequence[object]", value))} if listed else value
    return plain


def _top_module(path: Path, stem: str) -> str:
    if is_template(path.name):
        return re.sub(r"\W", "_", stem)
    text = read_verilog(path)
    modules = defined_modules(text)
    if stem in modules:
        return stem
    used = set(instantiated_modules(text))
    tops = [module for module in modules if module not in used]
    if len(tops) != 1:
        found = f"{len(tops)} candidates: {', '.join(tops)}" if tops else "it defines none"
        raise UnitError(f'{path}: cannot tell the top module ({found}); give its name as "module"')
    return tops[0]


def _identifier(node: JsonNode) -> str:
    text = node.string()
    if _IDENTIFIER.fullmatch(text) is None:
        node.fail(f"{text!r} is not a Verilog identifier")
    return text


def _type(node: JsonNode) -> OperandType:
    try:
        return operand_type(node.string())
    except AsnetError as error:
        node.fail(str(error))


def _ports(node: JsonNode) -> Mapping[str, str]:
    found = node.fields(required=("a", "y"), optional=ROLES)
    return {role: _identifier(found[role]) for role in ROLES if role in found}


def _parameters(node: JsonNode) -> Mapping[str, Parameter]:
    found: dict[str, Parameter] = {}
    for name, entry in node.members().items():
        if _IDENTIFIER.fullmatch(name) is None:
            node.fail(f"{name!r} is not a Verilog identifier")
        values = parameter_values(entry, optional=("doc",))
        for value in values:
            if isinstance(value, str) and _NAME.fullmatch(value) is None:
                entry.fail(f"the value {value!r} is neither an integer nor an identifier")
        doc = entry.members().get("doc") if isinstance(entry.value, Mapping) else None
        found[name] = Parameter(values, doc.string() if doc is not None else "")
    return found


def _stages(node: JsonNode) -> StageParameter:
    found = node.fields(required=("parameter", "max", "default"), optional=("useful",))
    most = found["max"].integer(minimum=0)
    useful = found["useful"].items(nonempty=True) if "useful" in found else None
    return StageParameter(
        parameter=_identifier(found["parameter"]),
        max=most,
        default=found["default"].integer(minimum=0, maximum=most),
        useful=tuple(sorted(entry.integer(minimum=0, maximum=most) for entry in useful))
        if useful is not None
        else tuple(range(most + 1)),
    )


_OPTIONAL: Final = words("$schema result ports params float_mode dsps stages latency description source licence")


def _from_node(root: JsonNode, origin: Path) -> ApproximateUnit:
    found = root.fields(required=("name", "op", "type", "verilog", "module"), optional=_OPTIONAL)
    name = found["name"].string()
    if _NAME.fullmatch(name) is None or name == EXACT:
        found["name"].fail(f"{name!r} is not a unit's name; use letters, digits and _, and not {EXACT!r}")
    op = found["op"].string(choices=OPERATIONS)
    operand = _type(found["type"])
    if operand.is_float != (op.startswith("f")):
        found["type"].fail(
            f"the type {operand} does not fit op {op!r}; " + ("use f32" if op[0] == "f" else "use i8, u8 …")
        )
    sources = found["verilog"].items(nonempty=True)
    for source in sources:
        if _SOURCE.fullmatch(source.string()) is None:
            source.fail(f"{source.string()!r} is not a Verilog file; its name ends in .v, .sv, .v.j2 or .sv.j2")
    text = {key: found[key].value for key in ("description", "source", "licence") if key in found}
    for key, value in text.items():
        if not isinstance(value, str):
            found[key].string()
    return ApproximateUnit(
        name=name,
        op=op,
        type=operand,
        result=_type(found["result"]) if "result" in found else default_result(op, operand),
        verilog=tuple(source.string() for source in sources),
        module=_identifier(found["module"]),
        origin=origin,
        folders=tuple(dict.fromkeys((origin.parent, verilog_dir()))),
        ports=_ports(found["ports"]) if "ports" in found else None,
        parameters=_parameters(found["params"]) if "params" in found else {},
        float_mode=_identifier(found["float_mode"]) if "float_mode" in found else None,
        dsps=_identifier(found["dsps"]) if "dsps" in found else None,
        stages=_stages(found["stages"]) if "stages" in found else None,
        latency=found["latency"].integer(minimum=0) if "latency" in found else 0,
        description=str(text.get("description", "")),
        source=str(text.get("source", "")),
        licence=str(text.get("licence", "")),
    )
