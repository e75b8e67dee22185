"""What a configuration costs in hardware: the one place where units' own figures become a configuration's.

Area: the sum over the distinct units in use, because all sites that use the same unit share one of it. Delay: the
greatest of the units in use, because the slowest one sets the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from asnet.ir import Slot

__all__ = ["Cost", "Costs", "Resource", "configuration_cost", "resources"]

Resource: TypeAlias = tuple[str, str, str]
"""A unit in use: operation, operand type, instance name (``exact`` is a different unit for every operation)."""


@dataclass(frozen=True)
class Cost:
    """``area`` in LUT4s, ``delay`` in LUT levels (see asnet.units.characterise); None is unknown."""

    area: float | None = None
    delay: float | None = None


Costs: TypeAlias = Mapping[Resource, Cost]


def resources(configuration: Mapping[str, str], slots: Sequence[Slot]) -> tuple[Resource, ...]:
    """The distinct units that ``configuration`` uses, in the order of ``slots``."""
    return tuple(dict.fromkeys((slot.op, slot.type, configuration[slot.name]) for slot in slots))


def configuration_cost(configuration: Mapping[str, str], slots: Sequence[Slot], costs: Costs) -> Cost:
    """Area and delay of ``configuration``; unknown as soon as one of its units' is."""
    used = [costs.get(resource, Cost()) for resource in resources(configuration, slots)]
    areas = [cost.area for cost in used if cost.area is not None]
    delays = [cost.delay for cost in used if cost.delay is not None]
    return Cost(
        area=sum(areas) if len(areas) == len(used) else None,
        delay=max(delays) if delays and len(delays) == len(used) else None,
    )
