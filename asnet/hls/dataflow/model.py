"""When a dataflow design takes and gives each image, to the cycle: an event simulation of layers and buffers.

Cycle 0 offers the first word of the first image; words are offered without a pause, and results are taken at once.
A buffer has an image in the cycle after its last word was written, and room in the cycle in which one is given back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import lcm

from asnet.hls.dataflow.plan import Node, Plan, Stream

__all__ = ["Run", "Timing", "timing_of"]

_WARM = 48
"""Images after which the interval is taken, at least; pipelines are shorter or reach it step by step."""


@dataclass(frozen=True)
class Run:
    """What happened to some images: per image the cycle in which its first word was taken, and its last one given."""

    begun: tuple[int, ...]
    ended: tuple[int, ...]
    starts: tuple[int, ...] = field(default=(), compare=False)
    """The cycles in which the layers start on the first image; nobody sees them from outside."""


@dataclass(frozen=True)
class Timing:
    """Static timing of a dataflow design."""

    plan: Plan
    latency: int = field(init=False)
    """Cycles from the first word of an image to its last result, in an empty design."""
    interval: int = field(init=False)
    """Cycles between two images when many follow each other; of intervals that alternate, the mean, rounded up."""

    def __post_init__(self) -> None:
        together = lcm(*(node.replicas for node in self.plan.nodes))
        images = _WARM + 4 * sum(node.replicas for node in self.plan.nodes) + together
        run = self.run(images)
        counted = together * max(1, images // (2 * together))
        object.__setattr__(self, "latency", run.ended[0] - run.begun[0] + 1)
        object.__setattr__(self, "interval", -(-(run.ended[-1] - run.ended[-1 - counted]) // counted))

    def run(self, images: int) -> Run:
        """The cycles of ``images`` images that follow each other without a pause."""
        return _Simulation(self.plan).run(images)

    @property
    def starts(self) -> tuple[int, ...]:
        """The cycle in which each layer starts on the first image."""
        return self.run(1).starts

    @property
    def busy(self) -> tuple[int, ...]:
        """Cycles per image in which each layer works; of several images at once, each one's share."""
        return tuple(-(-_busy(node) // node.replicas) for node in self.plan.nodes)


def timing_of(plan: Plan) -> Timing | None:
    """The timing of ``plan``, if it depends on no data."""
    return Timing(plan) if all(node.timing is not None for node in plan.nodes) else None


def _busy(node: Node) -> int:
    """Cycles from a layer's start to its next one, if it waits for nothing."""
    assert node.timing is not None
    sent = [outlet.memory.size for outlet in node.outlets if outlet.forwarded]
    return node.timing.busy + (max(sent) + 2 if sent else 0)


@dataclass
class _Buffer:
    """Images of one memory at one reader, or dealt to several: when each was there, and when each was given back."""

    frames: int
    readers: int = 1
    there: list[int] = field(default_factory=list[int])
    gone: list[int] = field(default_factory=list[int])

    def room(self, image: int) -> int:
        """The first cycle in which there is room for ``image``."""
        before = image - self.frames * self.readers
        return self.gone[before] if before >= 0 else 0


class _Simulation:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._buffers = {
            (node.index, inlet.memory.name): _Buffer(inlet.frames, node.replicas)
            for node in plan.nodes
            for inlet in node.inlets
        }
        self._results = {stream.memory.name: _Buffer(stream.frames) for stream in plan.outputs}
        self._streams = {stream.memory.name: stream for stream in plan.streams}
        self._collected: dict[str, int] = {}

    def run(self, images: int) -> Run:
        begun: list[int] = []
        ended: list[int] = []
        starts: list[int] = []
        finished = [[0] * node.replicas for node in self._plan.nodes]
        next_word, given = 0, -1
        for image in range(images):
            first, next_word = self._take(image, next_word)
            begun.append(first)
            for node in self._plan.nodes:
                turn = image % node.replicas
                start, finished[node.index][turn] = self._layer(node, image, finished[node.index][turn])
                if image == 0:
                    starts.append(start)
            given = self._give(image, given)
            ended.append(given + 1)
        return Run(tuple(begun), tuple(ended), tuple(starts))

    def _readers(self, stream: Stream) -> Sequence[_Buffer]:
        readers = [self._buffers[consumer, stream.memory.name] for consumer in stream.consumers]
        return [*readers, self._results[stream.memory.name]] if stream.output else readers

    def _room(self, stream: Stream, image: int) -> int:
        return max((reader.room(image) for reader in self._readers(stream)), default=0)

    def _take(self, image: int, now: int) -> tuple[int, int]:
        """Take an image's words from cycle ``now`` on: the cycle of the first, and that after the last."""
        begun = -1
        for stream in self._plan.inputs:
            now = max(now, self._room(stream, image))
            begun = now if begun < 0 else begun
            now += stream.memory.size
        for stream in self._plan.inputs:
            for reader in self._readers(stream):
                reader.there.append(now)
        return begun, now

    def _layer(self, node: Node, image: int, ready: int) -> tuple[int, int]:
        """Run a layer that may start in cycle ``ready``; returns when it starts, and when it may start again."""
        assert node.timing is not None
        start = ready
        inlets = [self._buffers[node.index, inlet.memory.name] for inlet in node.inlets]
        start = max(start, *(inlet.there[image] for inlet in inlets))
        for outlet in node.outlets:
            if not outlet.forwarded:
                start = max(start, self._room(self._streams[outlet.memory.name], image))
        finish = done = start + node.timing.busy
        for outlet in node.outlets:
            stream = self._streams[outlet.memory.name]
            if outlet.forwarded:
                first = max(done + 2, self._room(stream, image), self._collected.get(outlet.memory.name, 0))
                last = first + outlet.memory.size - 1
                self._collected[outlet.memory.name] = last + 1
                finish = max(finish, last + 1)
            else:
                last = start + int(node.timing.writes[outlet.memory.name].cycles[-1])
            for reader in self._readers(stream):
                reader.there.append(last + 1)
        for inlet in inlets:
            inlet.gone.append(finish)
        return start, finish

    def _give(self, image: int, last: int) -> int:
        """Give the results, the ones before having been fetched until cycle ``last``; returns when these were."""
        buffers = list(self._results.values())
        start = max(last + 1, *(buffer.there[image] for buffer in buffers))
        end = start + sum(stream.memory.size for stream in self._plan.outputs) - 1
        for buffer in buffers:
            buffer.gone.append(end)
        return end
