"""Drawing a directed graph without circles: rows by depth, few crossings, straight edges where that is possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

__all__ = ["Box", "Layout", "lay_out_graph"]

Point: TypeAlias = tuple[float, float]

_SWEEPS = 8
_GAP = 28.0
_ROW_GAP = 46.0
_BEND = 16.0
"""Width that an edge takes where it passes a row."""

_APART = 22.0
"""Between the ends of two edges at one node."""


@dataclass(frozen=True)
class Box:
    """A node's size."""

    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """``place``: node → (left, top); ``edges``: for each edge given the points through which it goes."""

    place: Mapping[str, Point]
    edges: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def lay_out_graph(nodes: Mapping[str, Box], edges: Sequence[tuple[str, str]]) -> Layout:
    """Places for ``nodes`` (each edge leads from a node to a later one of the mapping)."""
    order = {name: number for number, name in enumerate(nodes)}
    depth = dict.fromkeys(nodes, 0)
    for name in nodes:
        for source, target in edges:
            if source == name:
                depth[target] = max(depth[target], depth[name] + 1)
    rows: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=0))]
    for name in nodes:
        rows[depth[name]].append(name)
    boxes = dict(nodes)
    chains: list[list[str]] = []
    for number, (source, target) in enumerate(edges):
        chain = [source]
        for row in range(depth[source] + 1, depth[target]):
            bend = f"\0{number}.{row}"
            boxes[bend] = Box(_BEND, 0.0)
            order[bend] = order[source]
            rows[row].append(bend)
            chain.append(bend)
        chains.append([*chain, target])
    links = [(a, b) for chain in chains for a, b in pairwise(chain)]
    above: dict[str, list[str]] = {name: [] for name in boxes}
    below: dict[str, list[str]] = {name: [] for name in boxes}
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    _order(rows, above, below)
    centre = _centres(rows, boxes, above, below)
    return _finish(rows, boxes, centre, chains, set(nodes))


def _order(rows: list[list[str]], above: Mapping[str, list[str]], below: Mapping[str, list[str]]) -> None:
    """Sort every row by the mean place of its neighbours, down and up again."""
    for sweep in range(_SWEEPS):
        neighbours = below if sweep % 2 else above
        place = {name: index / max(1, len(row)) for row in rows for index, name in enumerate(row)}
        for row in reversed(rows) if sweep % 2 else rows:
            mean = {n: sum(place[m] for m in neighbours[n]) / len(neighbours[n]) for n in row if neighbours[n]}
            row.sort(key=lambda name, mean=mean, place=place: mean.get(name, place[name]))
            place |= {name: index / max(1, len(row)) for index, name in enumerate(row)}


def _centres(
    rows: Sequence[Sequence[str]],
    boxes: Mapping[str, Box],
    above: Mapping[str, list[str]],
    below: Mapping[str, list[str]],
) -> dict[str, float]:
    """The middle of each node: as near to its neighbours as those beside it allow."""
    centre: dict[str, float] = {}
    for row in rows:
        centre |= _spread(row, boxes, dict.fromkeys(row, 0.0))
    for sweep in range(_SWEEPS):
        for row in reversed(rows) if sweep % 2 else rows:
            wanted = {
                name: sum(centre[other] for other in around) / len(around) if around else centre[name]
                for name in row
                for around in [above[name] + below[name]]
            }
            centre |= _spread(row, boxes, wanted)
    return centre


def _spread(row: Sequence[str], boxes: Mapping[str, Box], wanted: Mapping[str, float]) -> dict[str, float]:
    """Places in the order of ``row`` without overlaps, with the least squares of distances to the wanted ones."""
    offsets: list[float] = []
    total = 0.0
    for index, name in enumerate(row):
        if index:
            total += boxes[row[index - 1]].width / 2 + _GAP + boxes[name].width / 2
        offsets.append(total)
    groups: list[tuple[float, int]] = []  # mean of wanted - offset, members: a mean never falls from left to right
    for name, offset in zip(row, offsets, strict=True):
        groups.append((wanted[name] - offset, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (low, few), (high, many) = groups.pop(), groups.pop()
            groups.append(((low * few + high * many) / (few + many), few + many))
    shifts = [mean for mean, count in groups for _ in range(count)]
    return {name: offset + shift for name, offset, shift in zip(row, offsets, shifts, strict=True)}


def _finish(
    rows: Sequence[Sequence[str]],
    boxes: Mapping[str, Box],
    centre: Mapping[str, float],
    chains: Sequence[Sequence[str]],
    real: set[str],
) -> Layout:
    left = min((centre[name] - box.width / 2 for name, box in boxes.items()), default=0.0)
    right = max((centre[name] + box.width / 2 for name, box in boxes.items()), default=0.0)
    top: dict[str, float] = {}
    bottom: dict[str, float] = {}
    y = 0.0
    for row in rows:
        height = max((boxes[name].height for name in row), default=0.0)
        for name in row:
            space = 0.0 if name not in real else (height - boxes[name].height) / 2
            top[name], bottom[name] = y + space, y + height - space
        y += height + _ROW_GAP
    leave, enter = _ends(chains, centre, 0), _ends(chains, centre, -1)
    paths: list[tuple[Point, ...]] = []
    for number, chain in enumerate(chains):
        points = [(centre[chain[0]] + leave[number] - left, bottom[chain[0]])]
        for name in chain[1:-1]:
            points += [(centre[name] - left, top[name]), (centre[name] - left, bottom[name])]
        paths.append((*points, (centre[chain[-1]] + enter[number] - left, top[chain[-1]])))
    place = {name: (centre[name] - boxes[name].width / 2 - left, top[name]) for name in boxes if name in real}
    return Layout(place, tuple(paths), right - left, max(0.0, y - _ROW_GAP))


def _ends(chains: Sequence[Sequence[str]], centre: Mapping[str, float], end: int) -> dict[int, float]:
    """How far from the middle of its node each edge ends, so that those of one node lie side by side."""
    second = 1 if end == 0 else -2
    ends: dict[str, list[int]] = {}
    for number, chain in enumerate(chains):
        ends.setdefault(chain[end], []).append(number)
    offsets: dict[int, float] = {}
    for numbers in ends.values():
        numbers.sort(key=lambda number: (centre[chains[number][second]], number))
        offsets |= {number: (place - (len(numbers) - 1) / 2) * _APART for place, number in enumerate(numbers)}
    return offsets
