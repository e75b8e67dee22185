"""``asnet units``: the shipped units; one unit's description, area and error."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from asnet.cache import default_cache
from asnet.cli.options import add_trust, at_least
from asnet.cli.talk import Talk, print_json, print_table
from asnet.cli.units_certificates import every_instance, show_certificates
from asnet.cli.units_explain import show_explanations
from asnet.errors import ToolMissingError, UsageError
from asnet.types import FloatMode
from asnet.units import (
    ApproximateUnit,
    FunctionLibrary,
    UnitInstance,
    family_members,
    parse_instance_name,
    shipped_units,
)
from asnet.units.characterise import Characterisation, characterise
from asnet.units.library import EXACT_SIGNS
from asnet.units.metrics import ErrorMetrics, error_metrics

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet units``."""
    parser.add_argument(
        "unit", nargs="?", help="a unit (fmul_trunc), an instance (fmul_trunc(p=20)), or a description file (.json)"
    )
    parser.add_argument("--area", action="store_true", help="area and depth of each instance (yosys; shipped: none)")
    parser.add_argument("--errors", action="store_true", help="error metrics of each instance against exact")
    parser.add_argument(
        "--certificates", action="store_true", help="how each instance (without a unit: all) is emulated, and why"
    )
    parser.add_argument(
        "--explain", action="store_true", help="what each instance computes, found from its Verilog, and its forms"
    )
    parser.add_argument("--samples", type=at_least(1), default=1_000_000, metavar="N", help="operand pairs, if sampled")
    parser.add_argument("--seed", type=int, default=0, help="of the sampled operands")
    parser.add_argument("--mode", choices=[str(mode) for mode in FloatMode], default="ftz", help="float mode")
    add_trust(parser)


def run(args: argparse.Namespace, talk: Talk) -> int:
    """List all units, or show one."""
    if args.certificates:
        instances = every_instance() if args.unit is None else _chosen(args.unit)[1]
        mode = FloatMode(args.mode)
        show_certificates(instances, mode, talk, trust=args.trust_verilog, as_json=args.json)
        return 0
    if args.unit is None:
        if args.errors or args.area or args.explain:
            raise UsageError("--area, --errors and --explain want a unit: asnet units fmul_trunc --area")
        return _list(as_json=args.json)
    unit, instances = _chosen(args.unit)
    mode = FloatMode(args.mode)
    if args.explain:
        show_explanations(instances, mode, talk, trust=args.trust_verilog, as_json=args.json)
        return 0
    areas = _areas(instances, mode, talk) if args.area else {}
    errors = _errors(instances, mode, args, talk) if args.errors else {}
    if args.json:
        print_json(_as_json(unit, instances, areas, errors))
        return 0
    _describe(unit)
    header = ["instance", "digest"]
    header += ["LUT4", "depth [LUT levels]"] if args.area else []
    header += ["MAE", "MRE", "WCE", "ER", "bias", "pairs"] if args.errors else []
    rows: list[list[str]] = []
    for instance in instances:
        row = [instance.name, instance.digest[:12]]
        if instance.name in areas:
            row += [f"{areas[instance.name].luts:,}", f"{areas[instance.name].levels:g}"]
        if instance.name in errors:
            found = errors[instance.name]
            row += [f"{found.mae:.4g}", f"{found.mre:.3%}", f"{found.wce:.4g}", f"{found.ep:.3%}", f"{found.bias:.4g}"]
            row.append(f"{found.count:,}" + (" (all)" if found.exhaustive else ""))
        rows.append(row)
    print_table("", header, rows, left=2)
    return 0


def _chosen(text: str) -> tuple[ApproximateUnit, list[UnitInstance]]:
    if text.endswith(".json"):
        unit = ApproximateUnit.from_json(Path(text))
        return unit, list(unit.instances())
    name, parameters = parse_instance_name(text)
    unit = ApproximateUnit.shipped(name)
    return unit, [unit.instance(**parameters)] if parameters else list(unit.instances())


def _areas(instances: Sequence[UnitInstance], mode: FloatMode, talk: Talk) -> dict[str, Characterisation]:
    found: dict[str, Characterisation] = {}
    with talk.progress("characterising") as progress:
        for done, instance in enumerate(instances, start=1):
            try:
                found[instance.name] = characterise(instance, mode)
            except ToolMissingError as error:
                raise ToolMissingError(f"the area of {instance.name} is not shipped, and {error}") from error
            progress(done, len(instances), instance.name)
    return found


def _errors(
    instances: Sequence[UnitInstance], mode: FloatMode, args: argparse.Namespace, talk: Talk
) -> dict[str, ErrorMetrics]:
    for instance in instances:
        if instance.op not in EXACT_SIGNS:
            raise UsageError(f"{instance.name} is a {instance.op}; error metrics exist for {', '.join(EXACT_SIGNS)}")
    with talk.progress("compiling units") as progress:
        library = FunctionLibrary.build(
            instances, mode, cache=default_cache(), progress=progress, trust_verilog=args.trust_verilog
        )
    return {i.name: error_metrics(library, i, samples=args.samples, seed=args.seed) for i in instances}


def _describe(unit: ApproximateUnit) -> None:
    print(f"{unit.name}: {unit.description}")
    print(f"  {unit.op} on {unit.type}, module {unit.module}, {', '.join(unit.verilog)}")
    for name, parameter in unit.parameters.items():
        print(f"  parameter {name}: {parameter}{f' ({parameter.doc})' if parameter.doc else ''}")
    if unit.stages is not None:
        print(f"  0..{unit.stages.max} pipeline stages, {unit.stages.default} in hardware by default")
    if unit.source:
        print(f"  source: {unit.source}")


def _list(*, as_json: bool) -> int:
    units = [ApproximateUnit.shipped(name) for name in shipped_units()]
    if as_json:
        print_json([_as_json(unit, [], {}, {}) for unit in units])
        return 0
    rows = [
        [
            unit.name,
            unit.op,
            str(unit.type),
            ", ".join(f"{k}: {v}" for k, v in unit.parameters.items()),
            unit.description,
        ]
        for unit in units
    ]
    rows += _families()
    print_table("", ["unit", "op", "type", "parameters", "description"], rows, left=5)
    return 0


def _families() -> list[list[str]]:
    """A row for each family of units, from its narrowest to its widest member."""
    families: dict[Path, list[str]] = {}
    for name, member in family_members().items():
        families.setdefault(member.origin, []).append(name)
    rows: list[list[str]] = []
    for names in families.values():
        first, last = (ApproximateUnit.shipped(name) for name in (names[0], names[-1]))
        parameters = ", ".join(f"{k}: {v}" for k, v in last.parameters.items())
        rows.append(
            [f"{first.name} … {last.name}", first.op, f"{first.type} … {last.type}", parameters, last.description]
        )
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _as_json(
    unit: ApproximateUnit,
    instances: Sequence[UnitInstance],
    areas: dict[str, Characterisation],
    errors: dict[str, ErrorMetrics],
) -> dict[str, object]:
    described: dict[str, object] = {
        "name": unit.name,
        "op": unit.op,
        "type": unit.type.name,
        "module": unit.module,
        "parameters": {name: list(parameter.values) for name, parameter in unit.parameters.items()},
        "description": unit.description,
        "source": unit.source,
        "licence": unit.licence,
    }
    if instances:
        described["instances"] = [_instance_json(instance, areas, errors) for instance in instances]
    return described


def _instance_json(
    instance: UnitInstance, areas: dict[str, Characterisation], errors: dict[str, ErrorMetrics]
) -> dict[str, object]:
    described: dict[str, object] = {"name": instance.name, "digest": instance.digest}
    if instance.name in areas:
        described |= {"luts": areas[instance.name].luts, "levels": areas[instance.name].levels}
    if instance.name in errors:
        found = errors[instance.name]
        figures = {key: _finite(getattr(found, key)) for key in ("mae", "mre", "wce", "ep", "bias", "mse")}
        described["errors"] = {**figures, "count": found.count, "exhaustive": found.exhaustive, "seed": found.seed}
    return described
