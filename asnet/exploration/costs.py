"""What a configuration costs in hardware: the one place where units' own figures become a configuration's.

Area: the sum over the distinct units in use, because all sites that use the same unit share one of it. Delay: the
greatest of the units in use, because the slowest one sets the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from asnet.exploration.space import DesignSpace
from asnet.ir import Slot

__all__ = ["Cost", "Costs", "Resource", "SpaceCosts", "configuration_cost", "resources"]

Resource: TypeAlias = tuple[str, str, str]
"""A unit in use: operation, operand type, instance name (``exact`` is a different unit for every operation)."""


@dataclass(frozen=True)
class Cost:
    """``area`` in LUT4s, ``delay`` in LUT levels (see asnet.units.characterise); None is unknown."""

    area: float | None = None
    delay: float | None = None


Costs: TypeAlias = Mapping[Resource, Cost]


class SpaceCosts:
    """The costs of a whole space's configurations, each set of units added up once."""

    def __init__(self, space: DesignSpace, costs: Costs) -> None:
        self._costs = costs
        self._resources: dict[Resource, int] = {}
        self._known: dict[int, Cost] = {}
        slots = {slot.name: slot for slot in space.slots}
        self._sets = [
            (stride, [self._bits(variable.slots, name, slots) for name in variable.candidates])
            for variable, stride in zip(space.variables, space.strides, strict=True)
        ]

    def __getitem__(self, position: int) -> Cost:
        used = 0
        for stride, sets in self._sets:
            used |= sets[position // stride % len(sets)]
        found = self._known.get(used)
        if found is None:
            names = [resource for resource, number in self._resources.items() if used >> number & 1]
            found = self._known[used] = _total(names, self._costs)
        return found

    def _bits(self, names: Sequence[str], instance: str, slots: Mapping[str, Slot]) -> int:
        """The set of the units of ``names`` that take ``instance``, a bit for each."""
        found = 0
        for name in names:
            resource = slots[name].op, slots[name].type, instance
            found |= 1 << self._resources.setdefault(resource, len(self._resources))
        return found


def resources(configuration: Mapping[str, str], slots: Sequence[Slot]) -> tuple[Resource, ...]:
    """The distinct units that ``configuration`` uses, in the order of ``slots``."""
    return tuple(dict.fromkeys((slot.op, slot.type, configuration[slot.name]) for slot in slots))


def configuration_cost(configuration: Mapping[str, str], slots: Sequence[Slot], costs: Costs) -> Cost:
    """Area and delay of ``configuration``; unknown as soon as one of its units' is."""
    return _total(resources(configuration, slots), costs)


def _total(names: Iterable[Resource], costs: Costs) -> Cost:
    used = [costs.get(resource, Cost()) for resource in names]
    areas = [cost.area for cost in used if cost.area is not None]
    delays = [cost.delay for cost in used if cost.delay is not None]
    return Cost(
        area=sum(areas) if len(areas) == len(used) else None,
        delay=max(delays) if delays and len(delays) == len(used) else None,
    )
