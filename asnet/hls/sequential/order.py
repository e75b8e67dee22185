"""Layers one after the other, each as early as those before allow, and the next image behind them.

A layer starts when an event of the one before says so: nothing that it touches is then touched in a wrong order, or
twice in a cycle. What the general controller runs starts when everything before has ended, and nothing before it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asnet.hls.planning import Event, Layout, Trigger
from asnet.hls.scheduling import least_offset

__all__ = ["Order", "Span", "in_order"]

_IMAGES = 8
"""Images after which they follow one another evenly."""

_LATEST = 64
"""Cycles from an event to a start at most; what would wait longer waits for the end of the layer before."""


@dataclass(frozen=True)
class Span:
    """A layer: the cycle in which its ``done`` is 1, counted from its start (None: not known); its loops if it is made
    of flat loops."""

    done: int | None
    layout: Layout | None


@dataclass(frozen=True)
class Order:
    """When layers start.

    ``handovers``: what in each layer tells that the next one starts (in the last one: the next image's first); None:
    its ``done``. ``starts``: cycles from an image's start to each layer's; ``done``: to the last layer's ``done``;
    ``interval``: to the next image's start. None where a layer's cycles are not known.
    """

    handovers: tuple[Trigger | None, ...]
    starts: tuple[int, ...] | None
    done: int | None
    interval: int | None

    def spacing(self, spans: Sequence[Span], reader: int | None, filling: int, words: tuple[int, int]) -> int | None:
        """Cycles from one image to the next where images come and results go as fast as they are taken.

        Args:
            spans: the layers.
            reader: the last layer that reads the inputs: when it has ended, the next image's words come.
            filling: the first layer that touches the outputs: it waits until the results before are sent.
            words: of an image and of its results.
        """
        if self.starts is None or self.done is None or self.interval is None:
            return None
        ends = [start + (span.done or 0) for start, span in zip(self.starts, spans, strict=True)]
        fill = self.starts[filling]
        done = free = sent = over = before = 0
        for image in range(_IMAGES):
            loaded = free + words[0] + 2
            go = max(loaded, done + 1) if filling else max(loaded, done + 1, sent)
            if not image:
                go = 0
            elif loaded <= over and (filling or sent <= over):
                go = over
            started = go + fill
            if image and filling and sent > started:
                started = max(sent, go + max(ends[:filling]) + 1)
            free = go if reader is None else ends[reader] + (go if reader < filling else started - fill)
            before, done = done, started - fill + self.done
            sent, over = done + words[1] + 2, started - fill + self.interval
        return done - before


def in_order(spans: Sequence[Span]) -> Order:
    """Put layers in order."""
    if any(span.done is None for span in spans):
        return Order((None,) * len(spans), None, None, None)
    handovers: list[Trigger | None] = []
    placed: list[tuple[int, Span]] = [(0, spans[0])]
    for span in spans[1:]:
        trigger, start = _follow(placed, [(0, span)])
        handovers.append(trigger)
        placed.append((start, span))
    starts = [start for start, _ in placed]
    trigger, interval = _follow(placed, list(zip(starts, spans, strict=True)), again=True)
    return Order((*handovers, trigger), tuple(starts), starts[-1] + (spans[-1].done or 0), interval)


def _follow(
    before: Sequence[tuple[int, Span]], after: Sequence[tuple[int, Span]], *, again: bool = False
) -> tuple[Trigger | None, int]:
    """What tells that ``after`` starts, and when, behind ``before``: pairs of start and layer. ``again``: the same."""
    begun, last = before[-1]
    done = begun + (last.done or 0)
    ended = max(start + (span.done or 0) for start, span in before)
    if last.layout is None or after[0][1].layout is None:
        return None, done
    events = _events(last.layout, begun)
    if not events:
        return None, done
    least = events[0][0]
    if not again:
        least = max(least, ended - (after[0][1].done or 0))  # the last layer ends last
    start = _earliest(before, after, least, again=again)
    known = [(cycle, event) for cycle, event in events if cycle <= start]
    if start >= done or start - known[-1][0] > _LATEST:
        return None, done
    return Trigger(known[-1][1], start - known[-1][0]), start


def _events(layout: Layout, begun: int) -> list[tuple[int, Event]]:
    """The events of the loops that run once, in order."""
    events = [
        Event(number, early) for number, loop in enumerate(layout.loops) if not loop.around for early in (True, False)
    ]
    return sorted(((begun + layout.loops[e.loop].cycle(e), e) for e in events), key=lambda pair: pair[0])


def _earliest(before: Sequence[tuple[int, Span]], after: Sequence[tuple[int, Span]], least: int, *, again: bool) -> int:
    """The first cycle ≥ ``least`` in which ``after`` can start."""
    found = least
    while True:
        start = found
        for number, (begun, one) in enumerate(before):
            for place, (offset, other) in enumerate(after):
                if begun + (one.done or 0) < start + offset:
                    continue
                if one.layout is None or other.layout is None or (again and number == place):
                    start = max(start, begun + (one.done or 0) - offset)
                    continue
                apart = least_offset(one.layout.timeline, other.layout.timeline, least=start + offset - begun)
                start = max(start, begun + apart - offset)
        if start == found:
            return start
        found = start
