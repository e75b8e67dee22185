"""What the rules leave of the units for every slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asnet.errors import ConstraintsError, did_you_mean
from asnet.exploration.constraints import Rule
from asnet.ir import Slot
from asnet.types import EXACT
from asnet.units import UnitInstance

__all__ = ["candidates"]


def candidates(
    slots: Sequence[Slot], units: Mapping[str, Sequence[UnitInstance]], rules: Sequence[Rule]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Slot name → instance names in the order of ``units`` or of the deciding rule; and notes on what has no effect.

    Raises:
        ConstraintsError: see :meth:`asnet.exploration.DesignSpace.build`.
    """
    names = _by_name(units)
    found = {slot.name: _fitting(slot, names.values()) or (EXACT,) for slot in slots}
    for rule in rules:
        matched = [slot for slot in slots if rule.match.holds(slot)]
        if not matched:
            rule.where.fail(
                f"the rule's match {rule.match.to_json()} holds for no slot; {_layers(slots)}: change the match"
            )
        named = [_named(rule, number, units, names, matched) for number in range(len(rule.units))]
        for slot in matched:
            left = tuple(dict.fromkeys(name for group in named for name in _of_slot(slot, group)))
            if left:
                found[slot.name] = left
    used = {name for left in found.values() for name in left}
    notes = [
        f"unit {unit!r} ({instances[0].op} of {instances[0].type}) stands for no slot of the network; it is not used"
        for unit, instances in units.items()
        if instances and not used.intersection(instance.name for instance in instances)
    ]
    return found, tuple(notes)


def _by_name(units: Mapping[str, Sequence[UnitInstance]]) -> dict[str, UnitInstance]:
    names: dict[str, UnitInstance] = {}
    owners: dict[str, str] = {}
    for unit, instances in units.items():
        for instance in instances:
            if instance.name in names:
                raise ConstraintsError(
                    f"units {owners[instance.name]!r} and {unit!r} both have an instance {instance.name!r}; "
                    "rename one of them"
                )
            names[instance.name] = instance
            owners[instance.name] = unit
    return names


def _fits(slot: Slot, instance: UnitInstance) -> bool:
    return instance.op == slot.op and instance.type.name == slot.type


def _fitting(slot: Slot, instances: Iterable[UnitInstance]) -> tuple[str, ...]:
    return tuple(instance.name for instance in instances if _fits(slot, instance))


def _of_slot(slot: Slot, group: Sequence[UnitInstance] | None) -> tuple[str, ...]:
    return (EXACT,) if group is None else _fitting(slot, group)


def _named(
    rule: Rule,
    number: int,
    units: Mapping[str, Sequence[UnitInstance]],
    names: Mapping[str, UnitInstance],
    matched: Sequence[Slot],
) -> Sequence[UnitInstance] | None:
    """The instances that entry ``number`` of the rule's units means; None means `exact`."""
    name = rule.units[number]
    if name == EXACT:
        return None
    where = rule.where.path + f".units[{number}]"
    group = units[name] if name in units else [names[name]] if name in names else None
    if group is None:
        raise ConstraintsError(
            f"{rule.where.file}: {where}: no unit or instance {name!r}{did_you_mean(name, [*units, *names, EXACT])}"
        )
    if not any(_fits(slot, instance) for slot in matched for instance in group):
        meant = sorted({f"{instance.op} of {instance.type}" for instance in group})
        wanted = sorted({f"{slot.op} of {slot.type}" for slot in matched})
        raise ConstraintsError(
            f"{rule.where.file}: {where}: {name!r} stands for {', '.join(meant)}; the rule matches only "
            f"{', '.join(wanted)}: remove it or change the match"
        )
    return group


def _layers(slots: Sequence[Slot]) -> str:
    """The layers with slots, with op_type and ops, for a message."""
    layers: dict[str, list[Slot]] = {}
    for slot in slots:
        layers.setdefault(f"{slot.layer} ({slot.op_type}:", []).append(slot)
    shown = [f"{key} {', '.join(dict.fromkeys(slot.op for slot in group))})" for key, group in layers.items()]
    rest = [f"and {len(shown) - 20} more"] if len(shown) > 20 else []
    return f"layers with slots: {', '.join(shown[:20] + rest)}"
