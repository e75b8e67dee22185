"""A block diagram of the design: layers as boxes, what goes from layer to layer as arrows."""

from __future__ import annotations

from collections.abc import Mapping

from asnet.hls.reporting.layering import Box, lay_out_graph
from asnet.hls.reporting.model import DesignReport, LayerReport, MemoryReport
from asnet.hls.reporting.svg import Svg, shortened

__all__ = ["diagram"]

_WIDTH = 250.0
_LINE = 16.0
_HEAD = 30.0
_SIGNS = 40
"""Signs of small text that fit into a box."""
_NAME = 16
"""Signs of a memory's name beside an arrow; longer ones are left out."""
_INPUT, _OUTPUT = "\0in", "\0out"
_MARGIN = 20.0
_PANEL = 250.0


def diagram(report: DesignReport) -> Svg:
    """The picture."""
    memories = {memory.name: memory for memory in report.memories}
    roms = {layer.layer: _own(layer, memories) for layer in report.layers}
    lines = {layer.layer: _lines(report, layer, roms[layer.layer]) for layer in report.layers}
    slowest = max((layer.spacing or 0 for layer in report.layers), default=0)
    nodes = {_INPUT: Box(_WIDTH, 28.0)}
    nodes |= {name: Box(_WIDTH, _HEAD + _LINE * len(rows) + 10) for name, rows in lines.items()}
    nodes[_OUTPUT] = Box(_WIDTH, 28.0)
    edges = _edges(report, memories)
    layout = lay_out_graph(nodes, [(source, target) for source, target, _ in edges])
    shared = [] if any(layer.units for layer in report.layers) else list(report.units)
    panel = _PANEL + 30 if shared else 0.0
    wide = max(layout.width, _WIDTH)
    picture = Svg(wide + panel + 2 * _MARGIN, max(layout.height, _LINE * 2 * len(shared) + 60) + 2 * _MARGIN)
    for points in layout.edges:
        picture.curve(tuple((x + _MARGIN, y + _MARGIN) for x, y in points))
    labelled: set[str] = set()
    for points, (_, _, memory) in zip(layout.edges, edges, strict=True):
        if memory.name not in labelled:
            labelled.add(memory.name)
            (x, y), (end_x, end_y) = points[:2]
            picture.text(_MARGIN + (x + end_x) / 2 + 7, _MARGIN + (y + end_y) / 2 + 4, _arrow(memory), "small label")
    for layer in report.layers:
        x, y = layout.place[layer.layer]
        _box(picture, x + _MARGIN, y + _MARGIN, nodes[layer.layer], layer, lines[layer.layer], slowest)
    for name, kind, text in ((_INPUT, "input", "s_axis"), (_OUTPUT, "output", "m_axis")):
        x, y = layout.place[name]
        picture.rect(x + _MARGIN, y + _MARGIN, _WIDTH, 28, "port", corner=14)
        words = sum(memory.words for memory in report.memories if memory.kind == kind)
        picture.text(x + _MARGIN + _WIDTH / 2, y + _MARGIN + 18, f"{text}: {words:,} words an image", "middle bold")
    if shared:
        _units(picture, wide + _MARGIN + 30, report)
    return picture


def _own(layer: LayerReport, memories: Mapping[str, MemoryReport]) -> list[MemoryReport]:
    read = [memories[name] for name in layer.reads if name in memories]
    return [memory for memory in read if memory.kind == "constant"]


def _lines(report: DesignReport, layer: LayerReport, roms: list[MemoryReport]) -> list[str]:
    """What a layer's box says below its name."""
    pipelined = [loop for loop in layer.loops if loop.interval]
    cycles = "cycles unknown" if layer.cycles is None else f"{layer.cycles:,} cycles"
    if pipelined:
        main = max(pipelined, key=lambda loop: loop.iterations or 0)
        how = f"interval {main.interval}"
        lines = [f"{how}, {layer.lanes} lane{'s' if layer.lanes > 1 else ''}, {cycles}"]
    else:
        lines = [f"one by one, {cycles}"]
    if layer.interval is not None:
        turns = f", {layer.replicas} modules in turn" if layer.replicas > 1 else ""
        lines.append(f"an image every {layer.interval:,} cycles{turns}")
    used = report.by_unit(layer.units or layer.operations)
    if used:
        names = (f"{count} × {name}" if layer.units else name for name, count in used.items())
        lines.append(shortened(("has " if layer.units else "uses ") + ", ".join(names), _SIGNS))
    for memory in roms[:4]:
        copies = f" × {memory.copies}" if memory.copies > 1 else ""
        size = f"{memory.words:,} × {memory.width} b{copies}"
        lines.append(f"ROM {shortened(memory.name, _SIGNS - 5 - len(size))} {size}")
    if len(roms) > 4:
        lines.append(f"and {len(roms) - 4} ROMs more")
    return lines


def _edges(report: DesignReport, memories: Mapping[str, MemoryReport]) -> list[tuple[str, str, MemoryReport]]:
    """(producer, consumer, memory), each producer before its consumer."""
    owner = {name: _INPUT for name, memory in memories.items() if memory.kind == "input"}
    edges: list[tuple[str, str, MemoryReport]] = []
    for layer in report.layers:
        edges += [(owner[name], layer.layer, memories[name]) for name in layer.reads if name in owner]
        owner |= dict.fromkeys((name for name in layer.writes if name in memories), layer.layer)
    edges += [
        (owner[name], _OUTPUT, memories[name])
        for name, kept in memories.items()
        if kept.kind == "output" and name in owner
    ]
    return [edge for edge in dict.fromkeys(edges) if edge[0] != edge[1]]


def _arrow(memory: MemoryReport) -> str:
    size = f"{memory.words:,} × {memory.width} b"
    return f"{memory.name}: {size}" if len(memory.name) <= _NAME else size


def _box(picture: Svg, x: float, y: float, box: Box, layer: LayerReport, lines: list[str], slowest: int) -> None:
    spacing = layer.spacing or 0
    marked = " marked" if slowest and spacing == slowest else ""
    picture.rect(x, y, box.width, box.height, f"box{marked}", corner=5, title=layer.module)
    picture.text(x + 10, y + 19, shortened(layer.layer, 24), "bold")
    picture.text(x + box.width - 10, y + 19, shortened(layer.op_type, 14), "faint right")
    for number, line in enumerate(lines):
        picture.text(x + 10, y + _HEAD + _LINE * number + 6, line, "small")
    picture.rect(x + 10, y + box.height - 9, box.width - 20, 3, "track")
    if slowest:
        picture.rect(x + 10, y + box.height - 9, (box.width - 20) * spacing / slowest, 3, "c0")


def _units(picture: Svg, x: float, report: DesignReport) -> None:
    """The panel of the units that all layers share."""
    height = _HEAD + 2 * _LINE * len(report.units) + 10
    picture.rect(x, _MARGIN, _PANEL, height, "box", corner=5)
    picture.text(x + 10, _MARGIN + 19, "Units, shared by all layers", "bold")
    for number, unit in enumerate(report.units):
        y = _MARGIN + _HEAD + 2 * _LINE * number + 12
        picture.rect(x + 10, y - 9, 4, 2 * _LINE - 8, f"c{number % 8}")
        picture.text(x + 20, y, shortened(f"{unit.instances} × {unit.name}", 30))
        picture.text(
            x + 20,
            y + 14,
            f"latency {unit.latency}, {unit.operations} instruction{'s' if unit.operations > 1 else ''}",
            "small faint",
        )
