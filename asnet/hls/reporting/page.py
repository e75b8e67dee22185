"""``report.html``: everything about a design on one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import cast

from asnet.hls.reporting.diagram import diagram
from asnet.hls.reporting.model import DesignReport, LayerReport, LoopReport
from asnet.hls.reporting.schedules import loop_schedule, timeline
from asnet.hls.reporting.svg import style
from asnet.resources import render
from asnet.version import __version__

__all__ = ["AreaRow", "Figures", "page"]


@dataclass(frozen=True)
class Figures:
    """Area, and the clock if somebody placed and routed the design. ``origin``: who says so."""

    luts: int
    ffs: int
    dsps: int
    brams: int
    fmax_mhz: float | None
    origin: str


@dataclass(frozen=True)
class AreaRow:
    """A part of the design and its area. ``kind``: ``layer`` (without its units and memories), ``unit``, ``design``."""

    kind: str
    name: str
    luts: int
    ffs: int
    dsps: int
    brams: int


def page(
    report: DesignReport,
    figures: Figures | None = None,
    exact: tuple[DesignReport, Figures] | None = None,
    area: Sequence[AreaRow] = (),
) -> str:
    """The page's text.

    Args:
        report: the design.
        figures: its area and clock, if known.
        exact: the design with exact units and its figures, for a table of before and after.
        area: where the area goes, estimated.
    """
    time = timeline(report)
    facts: dict[str, object] = {
        "version": __version__,
        "network": report.network,
        "top": report.top,
        "style_of": report.style,
        "mode": report.mode,
        "tiles": _tiles(report, figures),
        "layers": [_layer(report, layer) for layer in report.layers],
        "images": any(layer.interval is not None for layer in report.layers),
        "busy": any(layer.busy is not None for layer in report.layers),
        "units": [vars(unit) for unit in report.units],
        "memories": [vars(memory) for memory in report.memories],
        "bits": f"{sum(memory.bits for memory in report.memories):,}",
        "area": [vars(row) for row in area],
        "configuration": report.configuration,
        "identity": report.identity,
        "origin": None if figures is None else figures.origin,
        "comparison": [] if exact is None or figures is None else _comparison(exact, (report, figures)),
    }
    safe = cast("dict[str, object]", _escaped(facts))
    return render(
        "report/report.html.j2",
        **safe,
        style=style(),
        diagram=diagram(report).inner(),
        timeline=None if time is None else time.inner(),
        schedules=[made for made in map(_schedule, report.layers) if made["loops"]],
    )


def _escaped(value: object) -> object:
    """``value`` with all texts in it fit for HTML."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value)
        return {escape(str(key)): _escaped(entry) for key, entry in pairs.items()}
    if isinstance(value, Sequence):
        return [_escaped(entry) for entry in cast("Sequence[object]", value)]
    return value


def _slowest(report: DesignReport) -> int:
    return max((layer.spacing or 0 for layer in report.layers), default=0)


def _tiles(report: DesignReport, figures: Figures | None) -> list[tuple[str, str, str]]:
    """(what, value, remark)."""
    clock = report.clock if figures is None or figures.fmax_mhz is None else figures.fmax_mhz
    tiles = [("clock asked for", f"{report.clock:g} MHz", "")]
    if figures is not None and figures.fmax_mhz is not None:
        tiles.append(("Fmax", f"{figures.fmax_mhz:.1f} MHz", "placed and routed"))
    if report.cycles is not None:
        bound = "at most" if report.weights is None else "without waiting for weights"
        tiles.append(("cycles an image", f"{report.cycles:,}", "" if report.exact else bound))
        tiles.append(("time an image", _time(report.cycles / clock), f"at {clock:g} MHz"))
    if report.interval is not None:
        tiles.append(
            ("an image every", f"{report.interval:,}", f"cycles: {1e6 * clock / report.interval:,.0f} images/s")
        )
    if report.weights is not None:
        beats = f"{report.weights.beats:,} beats of {report.weights.bus} bits an image"
        tiles.append(("bytes outside", f"{report.weights.nbytes:,}", beats))
    if figures is not None:
        tiles += [
            ("LUT4", f"{figures.luts:,}", ""),
            ("flip-flops", f"{figures.ffs:,}", ""),
            ("DSP", f"{figures.dsps:,}", "18 x 18"),
            ("block RAM", f"{figures.brams:,}", "18 kbit"),
        ]
    return tiles


def _time(microseconds: float) -> str:
    return f"{microseconds:,.1f} µs" if microseconds < 1000 else f"{microseconds / 1000:,.2f} ms"


def _layer(report: DesignReport, layer: LayerReport) -> dict[str, object]:
    slowest = _slowest(report)
    pipelined = [loop for loop in layer.loops if loop.interval]
    main = max(pipelined, key=lambda loop: loop.iterations or 0, default=None)
    spacing = layer.spacing or 0
    return {
        "name": layer.layer,
        "op": layer.op_type,
        "cycles": "unknown" if layer.cycles is None else f"{'' if layer.exact else '≤ '}{layer.cycles:,}",
        "spacing": "" if layer.interval is None else f"{layer.interval:,}",
        "interval": "–" if main is None else str(main.interval),
        "lanes": layer.lanes if layer.replicas == 1 else f"{layer.replicas} × {layer.lanes}",
        "busy": "" if layer.busy is None else f"{100 * layer.busy:.1f} %",
        "limit": "one operation after the other" if main is None else main.limit,
        "share": f"{100 * spacing / slowest:.1f}" if slowest else "0",
        "slowest": bool(slowest) and spacing == slowest,
        "registers": f"{layer.register_bits:,}",
        "states": layer.states,
        "units": ", ".join(
            f"{count} × {name}" if layer.units and count > 1 else name
            for name, count in report.by_unit(layer.units or layer.operations).items()
        ),
    }


def _schedule(layer: LayerReport) -> dict[str, object]:
    return {
        "layer": escape(layer.layer),
        "op": escape(layer.op_type),
        "loops": [
            _loop(loop) for loop in layer.loops if any(operation.resource is not None for operation in loop.operations)
        ],
    }


def _loop(loop: LoopReport) -> dict[str, object]:
    picture, missing = loop_schedule(loop)
    counters = " × ".join(f"{name} {extent:,}" for name, extent in loop.counters.items())
    times = "?" if loop.iterations is None else f"{loop.iterations:,}"
    how = (
        f"interval {loop.interval}, depth {loop.depth}"
        if loop.interval
        else f"{loop.depth} cycle{'s' if loop.depth != 1 else ''} each"
    )
    return {
        "name": escape(loop.name),
        "counters": escape(counters),
        "facts": f"{times} iterations, {how}",
        "limit": escape(loop.limit),
        "missing": missing,
        "picture": picture.inner(),
    }


def _comparison(
    before: tuple[DesignReport, Figures], after: tuple[DesignReport, Figures]
) -> list[tuple[str, str, str, str]]:
    """(what, exact, approximate, change) in the form of the paper's Table I."""
    (exact, old), (approximate, new) = before, after
    rows = [
        _change("LUT4", old.luts, new.luts),
        _change("flip-flops", old.ffs, new.ffs),
        _change("DSP", old.dsps, new.dsps),
        _change("block RAM", old.brams, new.brams),
    ]
    if old.fmax_mhz is not None and new.fmax_mhz is not None:
        rows.append(_change("Fmax (MHz)", old.fmax_mhz, new.fmax_mhz))
        if exact.cycles is not None and approximate.cycles is not None:
            rows.append(_change("time an image (µs)", exact.cycles / old.fmax_mhz, approximate.cycles / new.fmax_mhz))
    if exact.cycles is not None and approximate.cycles is not None:
        rows.append(_change("cycles an image", exact.cycles, approximate.cycles))
    return rows


def _change(what: str, old: float, new: float) -> tuple[str, str, str, str]:
    change = f"{100 * (new - old) / old:+.1f} %" if old else "" if not new else "new"
    shown = (f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" for value in (old, new))
    return (what, *shown, change)  # pyright: ignore[reportReturnType]
