"""Co-simulation: the RTL against the test bed's values, every bit of every memory asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from asnet.bits import bits_differ
from asnet.cache import Cache, default_cache
from asnet.errors import DataError, MismatchError, did_you_mean
from asnet.hls.dataflow import Run
from asnet.hls.design import RtlDesign
from asnet.hls.simulate import Simulation, SimulationResult
from asnet.host import processors
from asnet.ir import Memory, MemoryKind
from asnet.tools import ToolThreads
from asnet.types import Array

__all__ = ["WATCHED", "CosimReport", "Mismatch", "cosimulate"]

Words: TypeAlias = "NDArray[np.unsignedinteger]"
_Images: TypeAlias = "NDArray[np.int64]"

WATCHED = 1000
"""Images of which every memory is compared where that takes a run of its own."""

_AS_IT_IS = 2
"""Images that are simulated with and without rests where there are many."""

_CHUNK_WORDS = 1 << 22
"""Words per image chunk, so that a run on a large test set needs little memory."""

_UNKNOWN_CYCLES = 10_000
"""Assumed of an image where the design's own number is unknown, to choose how its simulation is compiled."""


@dataclass(frozen=True)
class Mismatch:
    """The first difference: in the order of layers, then images, then elements."""

    layer: str
    memory: str
    image: int
    index: tuple[int, ...]
    expected: float
    actual: float
    expected_bits: int
    actual_bits: int

    def __str__(self) -> str:
        place = f"{self.memory}[{', '.join(map(str, self.index))}]"
        return (
            f"layer {self.layer!r}, image {self.image}, {place}: the test bed has {self.expected!r} "
            f"(0x{self.expected_bits:08x}), the hardware {self.actual!r} (0x{self.actual_bits:08x})"
        )


@dataclass(frozen=True)
class CosimReport:
    """What co-simulation found. ``words``: compared; ``memories``: by name.

    Of ``watched`` images every memory was compared, of the others the outputs. ``cycles``: of the layers, for each of
    the watched images. ``runs``: when each image came and went, in runs of images that follow one another.
    """

    images: int
    watched: int
    cycles: tuple[int, ...]
    words: int
    memories: tuple[str, ...]
    mismatch: Mismatch | None
    runs: tuple[Run, ...] = ()

    @property
    def latency(self) -> int:
        """Cycles of an image that comes to an idle design."""
        return self.cycles[0]

    @property
    def interval(self) -> int | None:
        """Cycles between images that follow each other, at the end of the longest run; None if no image did."""
        longest = max((run.ended for run in self.runs), key=len, default=())
        return longest[-1] - longest[-2] if len(longest) > 1 else None

    @property
    def cycles_min(self) -> int:
        """Cycles of the fastest image."""
        return min(self.cycles)

    @property
    def cycles_max(self) -> int:
        """Cycles of the slowest image."""
        return max(self.cycles)

    def raise_if_different(self) -> None:
        """Raise an error if a word differed.

        Raises:
            MismatchError: names the first differing layer, image and element.
        """
        if self.mismatch is not None:
            raise MismatchError(f"the hardware differs from the test bed: {self.mismatch}")


def cosimulate(
    design: RtlDesign,
    inputs: Mapping[str, Array] | Array,
    expected: Mapping[str, Array],
    *,
    stalls: bool = False,
    through: str = "stream",
    watched: int = WATCHED,
    cache: Cache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CosimReport:
    """Run images through the simulated design and compare memories.

    All images run right behind one another, the first of many also in the design as it is (see
    :class:`~asnet.hls.simulate.Simulation`). The memories of a sequential design can only be read between images: for
    that some of them, evenly spread, run once more, each by itself.

    Args:
        design: what to simulate.
        inputs: (images, …) of the network's input; a mapping name → array for several inputs.
        expected: memory name → (images, …): outputs, and any activation memory; at least one.
        stalls: both streams stall at random.
        through: ``stream``, or ``memory``: the memory interface and the start signal.
        watched: so many images of a sequential design run once more, if memories beside the outputs are compared.
        cache: of compiled simulations; the user's by default.
        progress: called with the images done and all images.

    Raises:
        DataError: data that does not fit the design, or no image.
        MismatchError: the design hangs or breaks a protocol, or a unit is no pipeline. A differing word is reported,
            not raised.
        ToolError: Verilator or the C++ compiler is missing or fails.
        OutputError: there is no space for the images or the results.
    """
    words, images = _input_words(design, inputs)
    wanted = _expected_words(design, expected, images)
    each = design.report.interval or design.cycles or _UNKNOWN_CYCLES
    cache = cache or default_cache()
    simulation = Simulation(design, cache, cycles=images * each, compared=_AS_IT_IS * each)
    outputs = [memory.memory.name for memory in design.memories if memory.memory.kind is MemoryKind.OUTPUT]
    observe = through == "memory" or not set(wanted) <= set(outputs)
    apart = observe and through == "stream" and design.flow is None  # memories are read between images
    chosen = np.linspace(0, images - 1, min(images, watched) if apart else images).astype(np.int64)
    per_image = sum(memory.memory.size for memory in design.memories if not memory.is_rom)
    size = max(1, min(_CHUNK_WORDS // per_image, -(-images // processors())))
    jobs = [(part, observe) for part in _chunks(chosen, size)]
    if apart:
        jobs += [(part, False) for part in _chunks(np.arange(images), size)]

    def run(job: tuple[_Images, bool], simulation: Simulation = simulation) -> SimulationResult:
        part, observed = job
        seed = 0x9E3779B97F4A7C15 + int(part[0]) if stalls else 0
        return simulation.run(words[part].astype(simulation.word), observe=observed, through=through, stall_seed=seed)

    if simulation.rests:
        few = jobs[0][0][:_AS_IT_IS], jobs[0][1]
        if not run(few).equals(run(few, Simulation(design, cache, cycles=0))):
            raise MismatchError(f"what rests in simulation changes what {design.top!r} does; is a unit no pipeline?")
    cycles: list[int] = []
    runs: list[Run] = []
    mismatch: tuple[tuple[int, int], Mismatch] | None = None
    done, total = 0, sum(len(part) for part, _ in jobs)
    with ToolThreads(processors()) as pool:
        for (part, observed), result in zip(jobs, pool.map(run, jobs), strict=True):
            if observed or not apart:
                cycles.extend(int(count) for count in result.cycles)
            runs += [] if result.flow is None else [result.flow]
            found = _first_difference(design, result, wanted, part)
            if found is not None and (mismatch is None or found[0] < mismatch[0]):
                mismatch = found
            done += len(part)
            if progress is not None:
                progress(done * images // total, images)
    beside = sum(values[0].size for name, values in wanted.items() if name not in outputs)
    compared = sum(wanted[name].size for name in outputs if name in wanted) + beside * len(chosen)
    first = mismatch[1] if mismatch else None
    return CosimReport(images, len(chosen), tuple(cycles), compared, tuple(wanted), first, tuple(runs))


def _chunks(numbers: _Images, size: int) -> list[_Images]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def _bits(values: Array, memory: Memory) -> Words:
    """The raw words of ``values`` as elements of ``memory``, (images, size)."""
    element = np.dtype(np.float32) if memory.element == "float" else np.dtype(f"i{memory.element_bytes}")
    array = np.ascontiguousarray(values, dtype=element)
    return array.reshape(len(array), -1).view(f"u{memory.element_bytes}")


def _input_words(design: RtlDesign, inputs: Mapping[str, Array] | Array) -> tuple[Words, int]:
    memories = [memory.memory for memory in design.memories if memory.memory.kind is MemoryKind.INPUT]
    given = dict(inputs) if isinstance(inputs, Mapping) else {memories[0].name: inputs}
    parts: list[NDArray[np.uint64]] = []
    images = 0
    for memory in memories:
        if memory.name not in given:
            raise DataError(f"input {memory.name!r} of the design is missing; given: {', '.join(given)}")
        array = np.asarray(given[memory.name])
        images = images or (len(array) if array.ndim else 0)
        if array.ndim == 0 or not images or array.size != images * memory.size:
            raise DataError(
                f"data of shape {array.shape} does not fit input {memory.name!r}: it must be (images, …) with "
                f"{memory.size} values for each of at least one image"
            )
        parts.append(_bits(array, memory).astype(np.uint64))
    return np.concatenate(parts, axis=1), images


def _expected_words(design: RtlDesign, expected: Mapping[str, Array], images: int) -> dict[str, Words]:
    known = {memory.memory.name: memory.memory for memory in design.memories if not memory.is_rom}
    if not expected:
        raise DataError("nothing to compare: give the expected values of at least one memory")
    wanted: dict[str, Words] = {}
    for name, values in expected.items():
        if name not in known:
            raise DataError(f"the design has no memory {name!r}{did_you_mean(name, known)}")
        array = np.asarray(values)
        if array.ndim == 0 or len(array) != images or array.size != images * known[name].size:
            raise DataError(
                f"expected values of shape {array.shape} do not fit memory {name!r} "
                f"of {known[name].size} words and {images} images"
            )
        wanted[name] = _bits(array, known[name])
    return wanted


def _actual(design: RtlDesign, result: SimulationResult) -> dict[str, Words]:
    """Memory → its words; of outputs those that came by the stream, if they did."""
    actual = dict(result.observed)
    if result.stream.shape[1]:
        first = 0
        for memory in design.memories:
            if memory.memory.kind is MemoryKind.OUTPUT:
                actual[memory.memory.name] = result.stream[:, first : first + memory.memory.size]
                first += memory.memory.size
    return actual


def _first_difference(
    design: RtlDesign, result: SimulationResult, wanted: Mapping[str, Words], images: _Images
) -> tuple[tuple[int, int], Mismatch] | None:
    """(layer's number, image) and the first difference of ``images``."""
    actual = _actual(design, result)
    memories = {memory.memory.name: memory.memory for memory in design.memories}
    for position, (layer, writes) in enumerate(design.writes):
        for name in writes:
            if name not in wanted or name not in actual:
                continue
            memory = memories[name]
            mine = actual[name].astype(f"u{memory.element_bytes}")
            theirs = wanted[name][images]
            differing = np.argwhere(_different(mine, theirs, memory))
            if len(differing):
                row, element = (int(number) for number in differing[0])
                image = int(images[row])
                return (position, image), _mismatch(layer, memory, image, element, theirs, mine, row)
    return None


def _different(a: Words, b: Words, memory: Memory) -> NDArray[np.bool_]:
    """Where two arrays of words differ; all NaNs are the same."""
    return bits_differ(a.view(np.float32), b.view(np.float32)) if memory.element == "float" else a != b


def _mismatch(layer: str, memory: Memory, image: int, element: int, theirs: Words, mine: Words, row: int) -> Mismatch:
    kind = np.dtype(np.float32) if memory.element == "float" else np.dtype(f"i{memory.element_bytes}")
    expected, actual = theirs[row, element], mine[row, element]
    return Mismatch(
        layer=layer,
        memory=memory.name,
        image=image,
        index=tuple(int(part) for part in np.unravel_index(element, memory.shape)) if memory.shape else (),
        expected=expected.view(kind).item(),
        actual=actual.view(kind).item(),
        expected_bits=int(expected),
        actual_bits=int(actual),
    )
