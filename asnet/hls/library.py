"""The units' Verilog in a design: every instance's files as they are, each module once."""

from __future__ import annotations

from collections.abc import Iterable

from asnet.errors import UnitError
from asnet.units import UnitInstance
from asnet.units.tokens import defined_modules

__all__ = ["UNITS_FOLDER", "unit_files", "unit_modules"]

UNITS_FOLDER = "units"


def unit_modules(instances: Iterable[UnitInstance]) -> frozenset[str]:
    """The names of all modules of the units."""
    return frozenset(
        module for instance in instances for file in instance.files for module in defined_modules(file.text)
    )


def unit_files(instances: Iterable[UnitInstance]) -> dict[str, str]:
    """Path → text of the units' sources, unchanged.

    Raises:
        UnitError: two instances bring different sources under one name, or different modules of one name.
    """
    files: dict[str, str] = {}
    owners: dict[str, tuple[UnitInstance, str]] = {}
    for instance in instances:
        for file in instance.files:
            path = f"{UNITS_FOLDER}/{file.name}"
            for thing in (file.name, *(f"module {module}" for module in defined_modules(file.text))):
                owner, text = owners.setdefault(thing, (instance, file.text))
                if text != file.text:
                    raise UnitError(
                        f"{instance.name} and {owner.name} bring different sources of {thing!r}; "
                        "rename one of them, or keep both units out of one design"
                    )
            files[path] = file.text
    return files
