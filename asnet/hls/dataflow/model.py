"""When a dataflow design takes and gives each image, to the cycle: an event simulation of layers and buffers.

Cycle 0 offers the first word of the first image; words are offered without a pause, and results are taken at once.
A buffer has an image in the cycle after its last word was written, and room in the cycle in which one is given back.
A layer that waits for words finds them in the cycle after they were written; what follows the wait is as much later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import lcm

import numpy as np

from asnet.hls.dataflow.accesses import Gates, Numbers
from asnet.hls.dataflow.plan import Inlet, Node, Plan, Stream

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


@dataclass(frozen=True)
class _Sent:
    """When an image was sent: its words at their cycles after ``begin``, those of a group later by its ``delays``."""

    begin: int
    delays: Numbers | None = None


@dataclass(frozen=True)
class _Waits:
    """The words that each of a layer's groups waits for: the last one's cycle after its producer's begin, and the
    producer's group that makes it (None: it is sent when the producer is done)."""

    cycles: Numbers
    groups: Numbers | None

    def there(self, sent: _Sent) -> Numbers:
        """When a group finds its words, of an image that was ``sent``."""
        late = sent.delays[self.groups] if sent.delays is not None and self.groups is not None else 0
        return sent.begin + self.cycles + late + 1


@dataclass
class _Buffer:
    """Images of one memory at one reader, or dealt to several: when each was sent, there, and given back."""

    frames: int
    readers: int = 1
    there: list[int] = field(default_factory=list[int])
    sent: list[_Sent] = field(default_factory=list["_Sent"])
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
        self._waits = {
            (node.index, inlet.memory.name): self._words(node.timing.gates, inlet)
            for node in plan.nodes
            for inlet in node.inlets
            if node.timing is not None and node.timing.gates is not None and inlet.words is not None
        }

    def _words(self, gates: Gates, inlet: Inlet) -> _Waits:
        assert inlet.words is not None
        producer = self._plan.nodes[self._streams[inlet.memory.name].producer]
        last = inlet.words.needed(gates.groups, inlet.memory.size) - 1
        timing, outlet = producer.timing, next(o for o in producer.outlets if o.memory.name == inlet.memory.name)
        assert timing is not None
        if outlet.forwarded:
            return _Waits(last, None)
        writes = timing.writes[inlet.memory.name]
        if timing.gates is None or writes.groups is None:
            return _Waits(writes.cycles[last], None)
        return _Waits(writes.cycles[last], writes.groups[last] // timing.gates.inner)

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
        start = max(start, *(self._begun(node, inlet, image) for inlet in node.inlets))
        for outlet in node.outlets:
            if not outlet.forwarded:
                start = max(start, self._room(self._streams[outlet.memory.name], image))
        delays = self._delays(node, image, start)
        finish = done = start + node.timing.busy + (int(delays[-1]) if delays is not None else 0)
        for outlet in node.outlets:
            stream = self._streams[outlet.memory.name]
            if outlet.forwarded:
                first = max(done + 2, self._room(stream, image), self._collected.get(outlet.memory.name, 0))
                last = first + outlet.memory.size - 1
                self._collected[outlet.memory.name] = last + 1
                finish = max(finish, last + 1)
                sent = _Sent(first)
            else:
                last = start + int(node.timing.writes[outlet.memory.name].cycles[-1])
                if delays is not None:
                    last += int(delays[self._last_group(node, outlet.memory.name)])
                sent = _Sent(start, delays)
            for reader in self._readers(stream):
                reader.there.append(last + 1)
                reader.sent.append(sent)
        for inlet in inlets:
            inlet.gone.append(finish)
        return start, finish

    def _begun(self, node: Node, inlet: Inlet, image: int) -> int:
        """When the layer may start as far as one of its buffers tells."""
        buffer, waits = self._buffers[node.index, inlet.memory.name], self._waits.get((node.index, inlet.memory.name))
        return buffer.there[image] if waits is None else int(waits.there(buffer.sent[image])[0])

    def _last_group(self, node: Node, memory: str) -> int:
        assert node.timing is not None and node.timing.gates is not None
        groups = node.timing.writes[memory].groups
        assert groups is not None
        return int(groups[-1]) // node.timing.gates.inner

    def _delays(self, node: Node, image: int, start: int) -> Numbers | None:
        """By how many cycles each group of iterations is late that starts with ``start``; None: there are no groups."""
        gates = node.timing.gates if node.timing is not None else None
        if gates is None:
            return None
        late = np.zeros(gates.groups, np.int64)
        planned = start + gates.begin + gates.cycles * np.arange(gates.groups, dtype=np.int64)
        for inlet in node.inlets:
            buffer = self._buffers[node.index, inlet.memory.name]
            if inlet.words is not None and buffer.there[image] > start + gates.begin:
                there = self._waits[node.index, inlet.memory.name].there(buffer.sent[image])
                late = np.maximum(late, there - planned)
        return np.maximum.accumulate(-(-late // gates.interval) * gates.interval)

    def _give(self, image: int, last: int) -> int:
        """Give the results, the ones before having been fetched until cycle ``last``; returns when these were."""
        buffers = list(self._results.values())
        start = max(last + 1, *(buffer.there[image] for buffer in buffers))
        end = start + sum(stream.memory.size for stream in self._plan.outputs) - 1
        for buffer in buffers:
            buffer.gone.append(end)
        return end
