"""``report.json`` and ``report.txt``: the facts of a design for programs and for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from asnet.hls.reporting.model import DesignReport, LayerReport, LoopReport
from asnet.resources import render

__all__ = ["report_files"]


def report_files(report: DesignReport) -> dict[str, str]:
    """Path → text."""
    totals: dict[str, object] = {
        "float mode": report.mode,
        "style": report.style,
        "clock (MHz)": report.clock,
        "cycles per image": report.cycles,
        "cycles are exact": report.exact,
        "cycles between images": report.interval,
        "states": report.states,
        "weights outside": None if report.weights is None else report.weights.text,
        "not fused": ", ".join(report.apart) or None,
    }
    units = [asdict(unit) for unit in report.units]
    memories = [asdict(memory) for memory in report.memories]
    data = {
        "network": report.network,
        "top": report.top,
        **totals,
        "weights": None if report.weights is None else asdict(report.weights),
        "configuration": dict(report.configuration),
        "identity": dict(report.identity),
        "layers": [
            {**asdict(layer), "busy": None if layer.busy is None else round(layer.busy, 4)} for layer in report.layers
        ],
        "units": units,
        "memories": memories,
    }
    text = render(
        "report/report.txt.j2",
        network=report.network,
        totals={name: value for name, value in totals.items() if value is not None},
        layers=[_row(report, layer) for layer in report.layers],
        units=units,
        memories=memories,
        bits=sum(memory.bits for memory in report.memories),
    )
    return {"report.json": json.dumps(data, indent=2) + "\n", "report.txt": text}


def _row(report: DesignReport, layer: LayerReport) -> dict[str, object]:
    inexact = "<= " if report.weights is None else ">= "
    return {
        "layer": layer.layer,
        "op_type": layer.op_type,
        "cycles": "unknown" if layer.cycles is None else f"{'' if layer.exact else inexact}{layer.cycles}",
        "states": layer.states,
        "registers": layer.register_bits,
        "operations": ", ".join(f"{count} {name}" for name, count in report.by_unit(layer.operations).items()),
        "facts": list(_facts(layer)),
        "loops": [_loop(loop) for loop in layer.loops if loop.interval or loop.iterations != 1],
    }


def _facts(layer: LayerReport) -> Iterator[str]:
    if layer.interval is not None:
        yield f"an image every {layer.interval} cycles"
    if layer.replicas > 1:
        yield f"{layer.replicas} modules take images in turn"
    if layer.busy is not None:
        yield f"{layer.lanes} lane{'s' if layer.lanes > 1 else ''} busy {100 * layer.busy:.1f} %"


def _loop(loop: LoopReport) -> dict[str, str]:
    times = "?" if loop.iterations is None else str(loop.iterations)
    if not loop.interval:
        return {"name": loop.name, "what": f"{loop.depth:5d} cycles x {times}"}
    limit = f"  {loop.limit}" if loop.limit else ""
    return {"name": loop.name, "what": f"{times:>5} iterations, interval {loop.interval}, depth {loop.depth}{limit}"}
