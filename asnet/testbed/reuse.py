"""What stages computed before, for some images: found again by what they read and by the units of their slots.

A stage's result is a function of the contents of the blobs that it reads and of the choices of its slots, so results
are kept under both, contents by number (:mod:`asnet.testbed.contents`). The results of a prefix of layers are computed
once while they are kept; units that give the same bits in a layer share everything behind it; layers that do not depend
on a change are not run. What is kept is bounded: the blobs by bytes (least recently used go first), what is known of
contents by number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from asnet.ir.staged import Blob
from asnet.ir.stages import Stages
from asnet.ir.state import aligned
from asnet.testbed.contents import Contents

__all__ = ["Choices", "Kept", "stage_choices"]

Choices: TypeAlias = Sequence[tuple[str, ...]]
"""The instance names of each stage's slots."""

Run: TypeAlias = Callable[[int, Sequence["Blob | None"]], None]
"""Runs a stage on the blobs, with the choices that are asked for at the moment."""

_Key: TypeAlias = tuple[int, tuple[int, ...], tuple[str, ...]]
_Answer = TypeVar("_Answer")

_MOST_KNOWN = 1 << 16
"""Results that are remembered at the same time; some 300 bytes each."""
_INPUT = 0  # the content of blob 0, which never changes


class Kept(Generic[_Answer]):
    """The blobs of ``images`` images, and the answers that were made of what the last stage computes.

    ``inputs`` is blob 0; ``outputs`` the blobs that answers are made of. ``memory`` bounds the bytes of the other
    blobs, beyond those of the configuration at hand. ``remember``: keep answers, too.
    """

    def __init__(
        self, stages: Stages, images: int, inputs: Blob, outputs: Sequence[int], *, memory: int, remember: bool = True
    ) -> None:
        self._stages = stages
        self.images = images
        self._inputs = inputs
        last = len(stages) - 1
        self._wanted = [*stages.reads[:last], tuple(sorted({*stages.reads[last], *outputs} - {last + 1}))]
        self._memory = memory
        self._remember = remember
        self._known: OrderedDict[_Key, int] = OrderedDict()
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._contents = Contents()
        self._blobs: OrderedDict[int, Blob] = OrderedDict()
        self._bytes = 0
        self._spare: dict[int, list[Blob]] = {}

    def answer(self, choices: Choices, run: Run, judge: Callable[[Sequence[Blob | None]], _Answer]) -> _Answer:
        """What ``judge`` makes of the blobs of the configuration ``choices``; it may be an earlier answer.

        ``run(stage, blobs)`` must compute with these choices; ``judge`` may read the blobs that hold outputs, and must
        not keep them.
        """
        last = len(self._stages) - 1
        contents = [_INPUT]
        for stage in range(last):
            found = self._known.get(self._key(stage, contents, choices))
            contents.append(self._computed(stage, contents, choices, run) if found is None else found)
        key = self._key(last, contents, choices)
        answer = self._answers.get(key)
        if answer is None:
            blobs = [*self._present(last, contents, choices, run), self._fresh(last)]
            run(last, blobs)
            answer = judge(blobs)
            self._recycle(blobs[-1])
            if self._remember:
                self._answers[key] = answer
        self._shrink(set(contents))
        return answer

    def _key(self, stage: int, contents: Sequence[int], choices: Choices) -> _Key:
        return stage, tuple([contents[blob] for blob in self._wanted[stage]]), choices[stage]

    def _computed(
        self, stage: int, contents: Sequence[int], choices: Choices, run: Run, number: int | None = None
    ) -> int:
        """Run ``stage``; the number of what it computes (``number``, if it ran before), whose blob is there then."""
        blob = self._fresh(stage)
        run(stage, [*self._present(stage, contents, choices, run), blob])
        if number is None:
            number = self._contents.number(blob, self._blobs)
        if number in self._blobs:
            self._recycle(blob)
        else:
            self._blobs[number] = blob
            self._bytes += blob.nbytes
        self._known[self._key(stage, contents, choices)] = number
        return number

    def _present(self, stage: int, contents: Sequence[int], choices: Choices, run: Run) -> list[Blob | None]:
        """The blobs that ``stage`` reads, None for others before it; computed once more if they are gone."""
        found: list[Blob | None] = [None] * (stage + 1)
        for blob in self._wanted[stage]:
            if blob == 0:
                found[0] = self._inputs
                continue
            if contents[blob] not in self._blobs:
                self._computed(blob - 1, contents[:blob], choices, run, contents[blob])
            self._blobs.move_to_end(contents[blob])
            found[blob] = self._blobs[contents[blob]]
        return found

    def _fresh(self, stage: int) -> Blob:
        size = self._stages.strides[stage + 1] * self.images
        spare = self._spare.get(size)
        return spare.pop() if spare else aligned(size)

    def _recycle(self, blob: Blob | None) -> None:
        if blob is not None:
            self._spare.setdefault(blob.nbytes, []).append(blob)

    def _shrink(self, needed: set[int]) -> None:
        """Let go of what was not used for the longest time, beyond the bounds."""
        if self._bytes > self._memory:
            for number in [number for number in self._blobs if number not in needed]:
                blob = self._blobs.pop(number)
                self._bytes -= blob.nbytes
                self._recycle(blob)
                if self._bytes <= self._memory:
                    break
        if len(self._answers) > _MOST_KNOWN:
            self._answers.popitem(last=False)
        if len(self._known) > _MOST_KNOWN:
            for _ in range(_MOST_KNOWN // 2):
                self._known.popitem(last=False)
            self._contents.forget({*self._known.values(), *self._blobs})


def stage_choices(configuration: Mapping[str, str], slots: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The choices of ``configuration`` for the slots of each stage; an empty name where it has none."""
    return [tuple([configuration.get(name, "") for name in names]) for names in slots]
