"""Units as constraints files and programs offer them → unit instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from asnet.errors import AsnetError
from asnet.exploration.constraints import UnitSource
from asnet.units import ApproximateUnit, UnitInstance

__all__ = ["UnitChoice", "instances_of", "offered", "units_of"]

UnitChoice: TypeAlias = ApproximateUnit | Sequence[UnitInstance] | Mapping[str, object]
"""Units as Python offers them: a unit (all its instances), instances, or parameter values of the shipped unit."""


def offered(units: Mapping[str, UnitChoice]) -> dict[str, tuple[UnitInstance, ...]]:
    """Name → instances: ``{"p": range(23)}`` means the shipped unit of that name with these parameter values.

    Raises:
        UnitError: an unknown shipped unit, parameter or value.
    """
    return {name: _offered(name, unit) for name, unit in units.items()}


def _offered(name: str, unit: UnitChoice) -> tuple[UnitInstance, ...]:
    if isinstance(unit, ApproximateUnit):
        return tuple(unit.instances())
    return tuple(ApproximateUnit.shipped(name).instances(unit) if isinstance(unit, Mapping) else unit)


def instances_of(sources: Mapping[str, UnitSource], folder: Path) -> dict[str, tuple[UnitInstance, ...]]:
    """Name of each entry → all its instances, in order; Verilog files are relative to ``folder``.

    Raises:
        UnitError, ConstraintsError: an unknown shipped unit or parameter, an `op` that is not the unit's, a file that
            is missing or malformed; the entry's place in the file is named.
    """
    found: dict[str, tuple[UnitInstance, ...]] = {}
    for name, source in sources.items():
        try:
            units = units_of(source, folder)
            found[name] = tuple(instance for unit in units for instance in unit.instances(source.params))
        except AsnetError as error:
            place = f"{source.where.file}: {source.where.path}: "
            text = str(error)
            raise error if text.startswith(source.where.file) else type(error)(place + text) from error
    return found


def units_of(source: UnitSource, folder: Path) -> list[ApproximateUnit]:
    """The units that one entry means: one, or the family of a glob sorted by file name.

    Raises:
        UnitError, ConstraintsError: as :func:`instances_of`.
    """
    if source.verilog is None:
        return [_shipped(source, folder)]
    if not source.is_family:
        return [_own(source, folder / source.verilog, source.name)]
    pattern = Path(source.verilog)
    base = Path(pattern.anchor) if pattern.is_absolute() else folder
    try:
        paths = sorted(path for path in base.glob(str(pattern.relative_to(pattern.anchor))) if path.is_file())
    except ValueError:  # a null character, a lone surrogate
        paths = []
    if not paths:
        source.where.fail(f"no file matches {source.verilog!r} in {str(folder)!r}; check the glob")
    return [_own(source, path, None) for path in paths]


def _shipped(source: UnitSource, folder: Path) -> ApproximateUnit:
    unit = ApproximateUnit.shipped(source.name, folders=[folder])
    for key, given, own in (("op", source.op, unit.op), ("type", source.type, unit.type.name)):
        if given is not None and given != own:
            source.where.fail(f"{key!r} is {given!r}, but the shipped unit {source.name!r} has {own!r}; remove {key!r}")
    return unit


def _own(source: UnitSource, path: Path, name: str | None) -> ApproximateUnit:
    assert source.op is not None  # the loader asks for it where there is Verilog
    return ApproximateUnit.from_verilog(
        path,
        op=source.op,
        type=source.type or "f32",
        params=source.params,
        name=name,
        module=source.module,
        ports=source.ports,
        latency=source.latency or 0,
        float_mode=source.float_mode,
        description=source.description or "",
    )
