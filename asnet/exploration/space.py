"""The design space: which instances every slot may take, and all configurations in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from asnet.cache import digest
from asnet.errors import ConstraintsError
from asnet.exploration.configuration import Configuration
from asnet.exploration.constraints import GRANULARITIES, Rule
from asnet.exploration.narrowing import candidates
from asnet.exploration.sources import UnitChoice, offered
from asnet.ir import Slot
from asnet.testbed import Source, slots_of
from asnet.units import UnitInstance

__all__ = ["DesignSpace", "Variable"]


@dataclass(frozen=True)
class Variable:
    """One decision: all of ``slots`` take the same one of ``candidates`` (instance names, or ``exact``)."""

    name: str
    slots: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class DesignSpace:
    """The Cartesian product of its variables.

    The order is that of the product with the last variable fastest. Variables stand in the order of the first layer
    that they change, so that neighbours share as many unchanged first layers as can be. ``space[position]`` is the
    configuration at a position. ``notes`` says what of the units or rules has no effect.
    """

    variables: tuple[Variable, ...]
    slots: tuple[Slot, ...]
    instances: Mapping[str, UnitInstance] = field(default_factory=dict[str, UnitInstance])
    notes: tuple[str, ...] = ()

    @classmethod
    def build(
        cls,
        slots: Sequence[Slot],
        units: Mapping[str, Sequence[UnitInstance]],
        *,
        rules: Sequence[Rule] = (),
        granularity: str = "network",
    ) -> DesignSpace:
        """The space of ``slots`` over ``units`` (name as rules use it → its instances), narrowed by ``rules``.

        Without rules a slot takes any instance of its op and operand type. The later rule wins per slot. `exact` is a
        candidate where a rule names it, or where no unit stands for the operation. ``granularity`` `network` makes one
        variable of all slots of an op that have the same candidates; `layer` and `site` make one of each slot.

        Raises:
            ConstraintsError: no slots; a rule that matches no slot, or names a unit that stands for none of those it
                matches; two instances of one name.
        """
        if granularity not in GRANULARITIES:
            raise ConstraintsError(f"unknown granularity {granularity!r}; use one of {', '.join(GRANULARITIES)}")
        if not slots:
            raise ConstraintsError(
                "the network has no multiplication or division to approximate; explore a network with Gemm, Conv, …"
            )
        found, notes = candidates(slots, units, rules)
        instances = {instance.name: instance for group in units.values() for instance in group}
        used = {name for names in found.values() for name in names}
        return cls(
            variables=_variables(slots, found, one_per_op=granularity == "network"),
            slots=tuple(slots),
            instances={name: instance for name, instance in instances.items() if name in used},
            notes=notes,
        )

    @classmethod
    def of(
        cls,
        source: Source,
        units: Mapping[str, UnitChoice],
        *,
        rules: Sequence[Rule] = (),
        granularity: str = "network",
    ) -> DesignSpace:
        """The space of a network (or a prepared module, or slots) over ``units``.

        ``units`` as in :func:`asnet.exploration.offered`.

        Raises:
            ConstraintsError, UnitError: as :meth:`build` and :func:`offered`.
            UnsupportedError: the network has an operator that ASNet does not support.
        """
        slots = slots_of(source, granularity=granularity)
        return cls.build(slots, offered(units), rules=rules, granularity=granularity)

    @cached_property
    def size(self) -> int:
        """Number of configurations."""
        return math.prod(len(variable.candidates) for variable in self.variables)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the variables and of the content of the instances."""
        variables = [repr((variable.name, variable.slots, variable.candidates)) for variable in self.variables]
        return digest([*variables, *(f"{name} {instance.digest}" for name, instance in self.instances.items())])

    def __getitem__(self, position: int) -> Configuration:
        """The configuration at ``position`` of the order, 0 … size - 1."""
        self._check(position)
        return Configuration(
            {slot: candidates[position // stride % len(candidates)] for slot, stride, candidates in self._by_slot}
        )

    def __iter__(self) -> Iterator[Configuration]:
        return (self[position] for position in range(self.size))

    def choices(self, position: int) -> dict[str, str]:
        """Variable name → candidate at ``position``: a configuration in the words of the space."""
        self._check(position)
        digits: list[str] = []
        for variable in reversed(self.variables):
            position, digit = divmod(position, len(variable.candidates))
            digits.append(variable.candidates[digit])
        return dict(zip((variable.name for variable in self.variables), reversed(digits), strict=True))

    def position(self, configuration: Mapping[str, str]) -> int:
        """Where ``configuration`` stands in the order.

        Raises:
            ConstraintsError: it is not in the space; names the slot and its candidates.
        """
        position = 0
        for variable in self.variables:
            chosen = configuration.get(variable.slots[0], "")
            for slot in variable.slots:
                if configuration.get(slot, "") != chosen or chosen not in variable.candidates:
                    raise ConstraintsError(
                        f"slot {slot!r} takes {configuration.get(slot)!r}, which is not in the design space; "
                        f"candidates of {variable.name}: {', '.join(variable.candidates)}"
                    )
            position = position * len(variable.candidates) + variable.candidates.index(chosen)
        return position

    def label(self, position: int) -> str:
        """The configuration at ``position`` in one line; variables without a choice are left out."""
        self._check(position)
        return ", ".join([words[position // stride % len(words)] for stride, words in self._words])

    def _check(self, position: int) -> None:
        if not 0 <= position < self.size:
            raise IndexError(f"position {position} is outside the space of {self.size} configurations")

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """How many positions apart two neighbouring candidates of each variable are."""
        sizes = [len(variable.candidates) for variable in self.variables]
        return tuple(math.prod(sizes[number + 1 :]) for number in range(len(sizes)))

    @cached_property
    def _by_slot(self) -> list[tuple[str, int, tuple[str, ...]]]:
        """Of every slot: its name, and the stride and the candidates of its variable."""
        found = {
            slot: (slot, stride, variable.candidates)
            for variable, stride in zip(self.variables, self.strides, strict=True)
            for slot in variable.slots
        }
        return [found[slot.name] for slot in self.slots]

    @cached_property
    def _words(self) -> list[tuple[int, list[str]]]:
        """Stride and words for each candidate, of the variables that a label tells."""
        pairs = list(zip(self.variables, self.strides, strict=True))
        told = [pair for pair in pairs if len(pair[0].candidates) > 1] or pairs
        return [(stride, [f"{each.name}: {name}" for name in each.candidates]) for each, stride in told]


def _variables(
    slots: Sequence[Slot], found: Mapping[str, tuple[str, ...]], *, one_per_op: bool
) -> tuple[Variable, ...]:
    if not one_per_op:
        return tuple(Variable(slot.name, (slot.name,), found[slot.name]) for slot in slots)
    groups: dict[tuple[str, str, tuple[str, ...]], list[Slot]] = {}
    for slot in slots:
        groups.setdefault((slot.op, slot.type, found[slot.name]), []).append(slot)
    ops = [op for op, _, _ in groups]
    return tuple(
        Variable(op if ops.count(op) == 1 else f"{op}[{_layers(members)}]", tuple(slot.name for slot in members), names)
        for (op, _, names), members in groups.items()
    )


def _layers(slots: Sequence[Slot]) -> str:
    names = [slot.layer for slot in slots]
    return ",".join(names if len(names) <= 3 else [names[0], f"+{len(names) - 1}"])
