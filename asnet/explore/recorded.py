"""The unit instances of a study, made again for synthesis."""

from __future__ import annotations

from pathlib import Path

from asnet.errors import StudyError
from asnet.explore.constraints import parse_constraints
from asnet.explore.sources import instances_of
from asnet.explore.study_facts import StudyFacts
from asnet.units import ApproximateUnit, UnitInstance, parse_instance_name

__all__ = ["recorded_instances"]


def recorded_instances(facts: StudyFacts) -> dict[str, UnitInstance]:
    """Name → instance of all that a study's design space offers, made from the sources that it names.

    Raises:
        UnitError, ConstraintsError: a source is missing or malformed now.
        StudyError: the Verilog of an instance is not what the study ran.
    """
    offered: dict[str, UnitInstance] = {}
    if facts.constraints_text:
        path = Path(facts.constraints)
        units = parse_constraints(facts.constraints_text, path).units
        offered = {each.name: each for group in instances_of(units, path.parent).values() for each in group}
    found: dict[str, UnitInstance] = {}
    for name, fact in facts.units.items():
        unit, parameters = parse_instance_name(name)
        instance = offered[name] if name in offered else ApproximateUnit.shipped(unit).instance(**parameters)
        if instance.digest != fact.digest:
            raise StudyError(
                f"the Verilog of {name!r} has changed since the study was made (digest {fact.digest[:12]}… then, "
                f"{instance.digest[:12]}… now); explore again with --fresh"
            )
        found[name] = instance
    return found
