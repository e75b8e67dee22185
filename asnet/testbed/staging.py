"""Evaluating configurations stage by stage, with what was computed before; images in chunks where memory is short."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from asnet.cache import Cache
from asnet.ir import Module
from asnet.ir.inputs import checked_inputs
from asnet.ir.staged import Blob, StagedEngine
from asnet.ir.stages import Stages
from asnet.ir.state import aligned
from asnet.network import Network
from asnet.testbed.batching import Batched
from asnet.testbed.dataset import Dataset
from asnet.testbed.evaluation import Evaluation
from asnet.testbed.reuse import Kept, stage_choices
from asnet.testbed.scoring import Scoring
from asnet.testbed.tally import Tally

__all__ = ["Forms", "Staging"]

_LEAST_KEPT = 128 << 20
"""Bytes of blobs of other configurations that are kept, beside those of the one at hand, where memory allows."""

_CHUNK = 256 << 20
"""Bytes of a chunk of images, where not all images fit the memory."""
_TOGETHER = 64
"""Configurations that share chunks of images, where not all images fit the memory."""

_Result: TypeAlias = tuple[int, str]
_Answer = TypeVar("_Answer")


class Forms(Protocol):
    """Who makes slots compute what a configuration says."""

    def admit(self, configuration: Mapping[str, str], /) -> None:
        """Check ``configuration``, with choices that were not met before; raises what is wrong with it."""
        ...

    def stage_engine(
        self, configuration: Mapping[str, str], slots: Sequence[str], stage: int, /
    ) -> StagedEngine | Batched:
        """Code for ``stage`` in which its ``slots`` take the forms that ``configuration`` needs."""
        ...

    def select(self, configuration: Mapping[str, str], slots: Sequence[str], /) -> None:
        """Make the choices of ``slots`` effective."""
        ...

    def raise_fault(self) -> None:
        """Raise what a unit's model has met."""
        ...


class Staging:
    """Evaluates configurations of ``module`` on ``dataset``.

    ``memory`` bounds the bytes of activations; ``runs`` counts how often each stage ran. ``scoring`` judges.
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        module: Module,
        stages: Stages,
        forms: Forms,
        cache: Cache,
        memory: int,
    ) -> None:
        self.runs: Counter[int] = Counter()
        self.dataset = dataset
        self._module = module
        self._stages = stages
        self._forms = forms
        self.scoring = Scoring(network, module, stages, dataset.images_a_run, cache)
        layers = [set(layers) for layers in stages.layers]
        self._slots = [tuple(slot.name for slot in module.slots if slot.layer in found) for found in layers]
        self._admitted: set[tuple[int, tuple[str, ...]]] = set()
        self._engines: dict[tuple[int, tuple[str, ...]], StagedEngine | Batched] = {}
        per_run = sum(stages.strides)
        self._runs_kept = memory // max(1, per_run)
        fits = self._runs_kept >= dataset.runs
        size = dataset.runs if fits else max(1, min(self._runs_kept, _CHUNK // max(1, per_run)))
        self._chunks = [slice(low, min(low + size, dataset.runs)) for low in range(0, dataset.runs, size)]
        self._spare = min(_LEAST_KEPT, max(0, memory - size * per_run))
        self._whole: Kept[_Result] | None = None

    def evaluate(self, configurations: Iterable[Mapping[str, str]]) -> Iterator[Evaluation]:
        """The evaluations of ``configurations`` in their order; neighbours that differ in late layers share most.

        Where one configuration's activations of all images take more memory than there is, some configurations
        (:data:`_TOGETHER`) run on a chunk of images after the other, and their results come together.
        """
        if len(self._chunks) == 1:
            for configuration in configurations:
                began = time.perf_counter()
                correct, digest = self._at_once(configuration)
                yield Evaluation(correct, len(self.dataset), digest, time.perf_counter() - began)
            return
        left = iter(configurations)
        while together := list(itertools.islice(left, _TOGETHER)):
            yield from self._in_chunks(together)

    def _in_chunks(self, configurations: Sequence[Mapping[str, str]]) -> Iterator[Evaluation]:
        began = time.perf_counter()
        tallies = [Tally(self.scoring.outputs) for _ in configurations]
        for chunk in self._chunks:
            self._chunk(chunk, configurations, tallies)
        seconds = (time.perf_counter() - began) / max(1, len(tallies))
        yield from (Evaluation(tally.correct, len(self.dataset), tally.digest, seconds) for tally in tallies)

    def _at_once(self, configuration: Mapping[str, str]) -> _Result:
        if self._whole is None:
            self._whole = self.kept(self._chunks[0], remember=True)

        def judge(blobs: Sequence[Blob | None]) -> _Result:
            tally = Tally(self.scoring.outputs)
            tally.count(*self.scoring.score(blobs, self.dataset.y))
            return tally.correct, tally.digest

        return self.answer(self._whole, configuration, judge)

    def _chunk(self, chunk: slice, configurations: Sequence[Mapping[str, str]], tallies: Sequence[Tally]) -> None:
        kept: Kept[None] = self.kept(chunk, remember=False)
        size = self.dataset.images_a_run
        classes = self.dataset.y[chunk.start * size : chunk.stop * size]
        for configuration, tally in zip(configurations, tallies, strict=True):

            def judge(blobs: Sequence[Blob | None], tally: Tally = tally) -> None:
                tally.count(*self.scoring.score(blobs, classes))

            self.answer(kept, configuration, judge)

    @property
    def runs_kept(self) -> int:
        """Of how many runs the memory holds what one configuration's stages compute."""
        return self._runs_kept

    def kept(self, chunk: slice, *, remember: bool, spare: int | None = None) -> Kept[Any]:
        """What is known of the runs of ``chunk``: nothing yet. ``spare``: bytes for other configurations' blobs."""
        images = chunk.stop - chunk.start
        stride = self._stages.strides[0]
        inputs = aligned(stride * images)
        rows = inputs.reshape(images, stride)
        for name, array in checked_inputs(self._module, self.dataset.feed(chunk)).items():
            memory = self._module.memories[name]
            rows[:, memory.offset : memory.offset + memory.nbytes] = array.view(np.uint8)
        return Kept(
            self._stages,
            images,
            inputs,
            self.scoring.blobs,
            memory=self._spare if spare is None else spare,
            remember=remember,
        )

    def answer(
        self,
        kept: Kept[_Answer],
        configuration: Mapping[str, str],
        judge: Callable[[Sequence[Blob | None]], _Answer],
    ) -> _Answer:
        """What ``judge`` makes of ``configuration`` for the runs of ``kept``."""
        choices = stage_choices(configuration, self._slots)
        if not self._admitted.issuperset(enumerate(choices)):
            self._forms.admit(configuration)
            self._admitted.update(enumerate(choices))

        def run(stage: int, blobs: Sequence[Blob | None]) -> None:
            key = stage, choices[stage]
            engine = self._engines.get(key)
            new = engine is None
            if engine is None:
                engine = self._engines[key] = self._forms.stage_engine(configuration, self._slots[stage], stage)
            self._forms.select(configuration, self._slots[stage])
            engine.run(stage, blobs, kept.images)
            if new and isinstance(engine, Batched):
                engine.compare(blobs, kept.images, configuration)
            self.runs[stage] += 1
            self._forms.raise_fault()

        return kept.answer(choices, run, judge)
