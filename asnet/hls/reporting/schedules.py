"""Schedules as pictures: operations of a loop over the cycles of an iteration, layers over those of an image."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asnet.hls.reporting.model import DesignReport, LayerReport, LoopReport, OperationReport
from asnet.hls.reporting.svg import COLOURS, Svg, shortened

__all__ = ["loop_schedule", "timeline"]

_LABEL = 250.0
_ROW = 16.0
_TOP = 22.0
_WIDTH = 640.0
_MOST = 80
"""Operations that a picture shows."""
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_IMAGES = 4
_NOISE = re.compile(r" (?:inbounds|nuw|nsw|samesign|disjoint|nneg)\b|, align \d+|, !.*$")
"""What LLVM says in an instruction that does not matter to a reader of schedules."""


def loop_schedule(loop: LoopReport) -> tuple[Svg, int]:
    """One row for each operation, and the number of operations that found no place.

    A bar is the time from operands to result, its colour the unit or memory port. Red lines: where the next iterations
    start. Operations of logic alone are left out where there are many.
    """
    operations = sorted(loop.operations, key=lambda operation: operation.start)
    if len(operations) > _MOST:
        operations = [operation for operation in operations if operation.resource is not None]
    shown = operations[:_MOST]
    resources = sorted({operation.resource for operation in shown if operation.resource is not None})
    colours = {name: number % COLOURS for number, name in enumerate(resources)}
    last = max([loop.depth, *(operation.start + max(1, operation.latency) for operation in shown)])
    scale = min(26.0, _WIDTH / max(1, last))
    height = _TOP + _ROW * len(shown)
    rows_of_legend = -(-len(resources) // 4)
    picture = Svg(_LABEL + max(scale * last, _WIDTH) + 20, height + 12 + 16 * rows_of_legend)
    _scale(picture, last, scale, height)
    for number, operation in enumerate(shown):
        _operation(picture, operation, _TOP + _ROW * number, scale, colours)
    if loop.interval:
        for cycle in range(loop.interval, last, max(loop.interval, -(-last // 40))):
            picture.line(_LABEL + scale * cycle, _TOP - 6, _LABEL + scale * cycle, height, "interval")
    for number, name in enumerate(resources):
        x, y = 10 + 210 * (number % 4), height + 14 + 16 * (number // 4)
        picture.rect(x, y - 9, 10, 10, f"c{colours[name]}")
        picture.text(x + 15, y, shortened(name, 30), "small")
    return picture, len(loop.operations) - len(shown)


def _operation(picture: Svg, operation: OperationReport, y: float, scale: float, colours: dict[str, int]) -> None:
    what = _NOISE.sub("", operation.source) or operation.name
    picture.text(4, y + 12, shortened(what, 40), "small")
    kind = "c7 ghost" if operation.resource is None else f"c{colours[operation.resource]}"
    length = scale * operation.latency if operation.latency else min(scale, 5.0)
    until = operation.start + operation.latency
    where = "" if operation.resource is None else f" on {operation.resource}"
    title = f"{what}: cycle {operation.start} to {until}{where}"
    picture.rect(_LABEL + scale * operation.start, y + 2, max(1.5, length - 0.5), _ROW - 5, kind, corner=2, title=title)


def _scale(picture: Svg, last: int, scale: float, height: float) -> None:
    """Numbers and lines of cycles."""
    step = next((step for step in _STEPS if step * scale >= 40), max(1, last // 8))
    for cycle in range(0, last + 1, step):
        picture.line(_LABEL + scale * cycle, _TOP - 4, _LABEL + scale * cycle, height, "grid")
        picture.text(_LABEL + scale * cycle, _TOP - 9, f"{cycle:,}", "small faint middle")


def timeline(report: DesignReport) -> Svg | None:
    """When each layer works on which image; None where the cycles of a layer are not known."""
    spans = _spans(report.layers)
    if spans is None:
        return None
    overlapping = report.interval is not None and any(layer.interval is not None for layer in report.layers)
    interval = report.interval if overlapping and report.interval is not None else 0
    images = _IMAGES if interval else 1
    last = max(end for _, end in spans) + interval * (images - 1)
    scale = _WIDTH / max(1, last)
    height = _TOP + _ROW * len(spans)
    picture = Svg(_LABEL + _WIDTH + 30, height + (26 if images > 1 else 8))
    step = _round_step(last)
    for cycle in range(0, last + 1, step):
        picture.line(_LABEL + scale * cycle, _TOP - 4, _LABEL + scale * cycle, height, "grid")
        picture.text(_LABEL + scale * cycle, _TOP - 9, f"{cycle:,}", "small faint middle")
    for number, (layer, (start, end)) in enumerate(zip(report.layers, spans, strict=True)):
        y = _TOP + _ROW * number
        picture.text(4, y + 12, shortened(layer.layer, 40), "small")
        for image in range(images):
            begin = start + image * interval
            title = f"{layer.layer}, image {image}: cycles {begin:,} to {begin + end - start:,}"
            x, length = _LABEL + scale * begin, scale * (end - start)
            kind = f"c{image}" if image == 0 or length < _WIDTH else "c7"
            picture.rect(x, y + 2 + 3 * (image % 2), length, _ROW - 8, kind, title=title)
    for image in range(images if images > 1 else 0):
        picture.rect(10 + 90 * image, height + 8, 10, 10, f"c{image}")
        picture.text(25 + 90 * image, height + 17, f"image {image}", "small")
    return picture


def _round_step(last: int) -> int:
    """A round number of cycles, about an eighth of all."""
    step = 1
    while step * 8 < last:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def _spans(layers: Sequence[LayerReport]) -> list[tuple[int, int]] | None:
    """First and last cycle of each layer on the first image: as stated, else one after the other."""
    spans: list[tuple[int, int]] = []
    now = 0
    for layer in layers:
        if layer.cycles is None:
            return None
        start = now if layer.start is None else layer.start
        now = start + layer.cycles
        spans.append((start, now))
    return spans or None
