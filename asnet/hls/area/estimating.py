"""The area of a design before synthesis: units by figures of theirs, memories by their sizes, the rest by its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asnet.cache import Cache
from asnet.hls.area.memory import bank_area, ram_area, rom_area
from asnet.hls.area.text import Counts, Instance, read_module
from asnet.hls.area.units import unit_area
from asnet.hls.chip import Area
from asnet.hls.design import RtlDesign
from asnet.hls.operators import Operator
from asnet.hls.reporting import AreaRow

__all__ = ["PRICES", "DesignArea", "area_rows", "estimate_area", "estimate_modules"]

PRICES: Mapping[str, float] = {
    "choices": 0.51,
    "arms": 0.82,
    "sums": 0.45,
    "equals": 0.40,
    "orders": 0.44,
    "logic": 0.32,
    "products": 18.0,
}
"""LUT4s of a bit of each kind of logic: what fits the designs of ``benchmarks/hls/area.py`` best."""

_LINE = 16
"""Steps from which a delay line is a RAM."""


@dataclass(frozen=True)
class DesignArea:
    """``total``, and where it goes.

    ``modules``: module of the design → its own logic, of all instances; ``units``: operator → all instances.
    """

    total: Area
    modules: Mapping[str, Area]
    units: Mapping[str, Area]
    memories: Area


def area_rows(design: RtlDesign, area: DesignArea) -> tuple[AreaRow, ...]:
    """``area`` for the report: layers, units, memories, and what lies between them."""
    parts: dict[tuple[str, str], Area] = {}
    for name, own in area.modules.items():
        kind, _, rest = name.partition("_")
        layer = rest if kind in ("layer", "engine") else ""
        key = ("layer", layer) if layer else ("design", "control and streams")
        parts[key] = parts.get(key, Area()) + own
    names = {operator.name: operator.instance.name for operator in design.operators}
    for name, own in area.units.items():
        parts["unit", names[name]] = parts.get(("unit", names[name]), Area()) + own
    parts["design", "memories"] = area.memories
    parts["design", "all"] = area.total
    return tuple(
        AreaRow(kind, name, round(own.luts), round(own.ffs), round(own.dsps), round(own.brams))
        for (kind, name), own in parts.items()
    )


def estimate_area(
    design: RtlDesign, *, dsps: bool = True, measure: bool = True, cache: Cache | None = None
) -> DesignArea:
    """The area that yosys would find on the ECP5, without synthesising the design.

    Args:
        design: the design.
        dsps: multipliers may be DSP blocks.
        measure: synthesise each unit by itself (seconds, once) where yosys is there; else take shipped figures, which
            are rougher.
        cache: where measured units are kept; the user's by default.
    """
    units = {
        operator.name: unit_area(operator, design.mode, dsps=dsps, measure=measure, cache=cache)
        for operator in design.operators
    }
    return estimate_modules(design.top, design.files, design.operators, units)


def estimate_modules(
    top: str, files: Mapping[str, str], operators: Sequence[Operator], units: Mapping[str, Area]
) -> DesignArea:
    """The area of the module ``top`` and all below it.

    Args:
        top: the module's name.
        files: path → text; modules are in ``rtl``.
        operators: those that modules may instantiate.
        units: name of an operator → its area.
    """
    texts = {
        path.removeprefix("rtl/").removesuffix(".v"): text
        for path, text in files.items()
        if path.startswith("rtl/") and path.endswith(".v")
    }
    return _Estimator(texts, operators, units).run(top)


class _Estimator:
    def __init__(self, texts: Mapping[str, str], operators: Sequence[Operator], unit_areas: Mapping[str, Area]) -> None:
        self._unit_areas = unit_areas
        self._texts = texts
        self._operators = {(o.instance.module, tuple(sorted(o.parameters))): o.name for o in operators}
        self._known = frozenset(self._texts) | {operator.instance.module for operator in operators}
        self._modules: dict[str, Area] = {}
        self._units: dict[str, Area] = {}
        self._memories = Area()

    def run(self, top: str) -> DesignArea:
        """Everything below the top."""
        total = self._module(top, {})
        return DesignArea(total, self._modules, self._units, self._memories)

    def _module(self, name: str, parameters: Mapping[str, int]) -> Area:
        read = read_module(self._texts[name], self._known, parameters)
        own = _logic(read.counts)
        self._modules[name] = self._modules.get(name, Area()) + own
        for width, depth in read.memories:
            own += self._memory(ram_area(width, depth))
        for instance in read.instances:
            own += self._instance(instance)
        return own

    def _instance(self, instance: Instance) -> Area:
        match instance.module:
            case "asnet_ram" | "asnet_ram_deep" as name:
                reads = instance.parameters.get("READS", 1)
                return self._memory(ram_area(*_sizes(instance, "DEPTH"), reads, deep=name.endswith("_deep")))
            case "asnet_rom" | "asnet_rom_deep" as name:
                reads = instance.parameters.get("READS", 1)
                return self._memory(rom_area(*_sizes(instance, "DEPTH"), reads, deep=name.endswith("_deep")))
            case "asnet_banks":
                reads, banks = instance.parameters.get("READS", 1), 1 << instance.parameters.get("SELECT", 1)
                late = instance.parameters.get("LATE", 0) > 0
                return self._memory(bank_area(*_sizes(instance, "DEPTH"), reads, banks, late=late))
            case "asnet_delay":
                return self._memory(_delay(*_sizes(instance, "LENGTH")))
            case "asnet_hold":
                return self._memory(_hold(*_sizes(instance, "LENGTH"), instance.parameters.get("STRAIGHT", 0)))
            case name if name in self._texts:
                return self._module(name, instance.parameters)
            case _:
                return self._unit(instance)

    def _memory(self, area: Area) -> Area:
        self._memories += area
        return area

    def _unit(self, instance: Instance) -> Area:
        name = self._operators.get((instance.module, tuple(sorted(instance.parameters.items()))))
        if name is None:
            return Area()
        self._units[name] = self._units.get(name, Area()) + self._unit_areas[name]
        return self._unit_areas[name]


def _sizes(instance: Instance, length: str) -> tuple[int, int]:
    """Bits and words of a library module; its own defaults where they are no numbers."""
    return instance.parameters.get("WIDTH", 32), instance.parameters.get(length, 16)


def _delay(width: int, length: int) -> Area:
    if length < _LINE:
        return Area(ffs=width * length)
    bits = (length - 1).bit_length()
    return ram_area(width, length) + Area(luts=1.5 * bits, ffs=bits)


def _hold(width: int, length: int, straight: int) -> Area:
    chosen = Area(luts=width * (1 + straight), ffs=width)
    if length == 1:
        return chosen
    bits = (length - 1).bit_length()
    return ram_area(width, length) + chosen + Area(luts=6 * bits, ffs=2 * bits + 1)


def _logic(counts: Counts) -> Area:
    luts = sum(price * getattr(counts, kind) for kind, price in PRICES.items())
    return Area(luts=luts, ffs=counts.registers)
