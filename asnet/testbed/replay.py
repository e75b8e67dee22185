"""Replaying a run through the golden model: samples of what fast forms computed, from the same operands.

Nothing of a fast run is trusted: packing, tiles, kernels, epilogues and forms are all on the path from a layer's inputs
to its outputs, and the replay recomputes places of the outputs from the inputs with plain loops and Verilator's models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from asnet.cache import digest
from asnet.errors import MismatchError
from asnet.ir import Call, MemoryKind, Module, Slot
from asnet.ir.jit import Engine
from asnet.ir.sampling import Sampler
from asnet.ir.state import Layout, State
from asnet.testbed.dataset import Dataset
from asnet.testbed.tally import canonical_bits
from asnet.types import Array

__all__ = ["SAMPLES", "Replay"]

SAMPLES: Final = 32
"""Places of a layer that are recomputed: its first, its last, the others drawn anew for every check."""

_MOST_CALLS: Final = 10_000_000
"""Golden calls of a check of one layer, about a second; a layer whose places depend on each other may need more."""


class Replay:
    """Checks what fast forms left in a state, for choices that were not checked before.

    Args:
        engine: a module that was lowered with :data:`SAMPLES`, bound to the golden model alone.
        sampler: what says the places that ``engine`` computes.
        dataset: the images; which one is drawn anew for every check.
    """

    def __init__(self, engine: Engine, sampler: Sampler, dataset: Dataset) -> None:
        self._engine = engine
        self._sampler = sampler
        self._dataset = dataset
        self._state = engine.state(1)
        self._fast_state: State | None = None
        self._checked: set[tuple[str, str]] = set()
        self._results = _results(engine.module)
        counts = Counter[str]()
        for slot in engine.module.slots:
            counts[slot.layer] += slot.count
        self.beyond = frozenset(layer for layer, count in counts.items() if count > _MOST_CALLS)
        """Layers whose replay would take too long: they rest on the certificates of their forms."""

    def new(self, slots: Sequence[Slot], kinds: Mapping[str, str], configuration: Mapping[str, str]) -> list[Slot]:
        """Those of ``slots`` whose choice, by a form other than the golden one, was not checked yet.

        ``kinds``: slot name → forms.
        """
        fast = [slot for slot in slots if kinds[slot.name] != "golden" and slot.layer not in self.beyond]
        return [slot for slot in fast if (slot.name, configuration[slot.name]) not in self._checked]

    def check(
        self, fast: Engine, slots: Sequence[Slot], kinds: Mapping[str, str], configuration: Mapping[str, str]
    ) -> None:
        """Run an image by ``fast`` and recompute samples of the layers of ``slots``, which must be selected.

        ``kinds``: slot name → form, for the message.

        Raises:
            MismatchError: an element differs.
        """
        chosen = [f"{slot.name}={configuration[slot.name]}" for slot in self._engine.module.slots]
        seed = int(digest([self._dataset.digest, *chosen])[:16], 16)
        self._sampler.seed = seed
        image = seed % self._dataset.runs
        if self._fast_state is None or self._fast_state.layout != Layout.of(fast.module):
            self._fast_state = fast.state(1)
        state = self._fast_state
        fast.run(self._dataset.feed(slice(image, image + 1)), state=state)
        layers = {slot.layer for slot in slots}
        for number, call in enumerate(self._engine.module.calls):
            if call.layer in layers:
                self._take(call, fast.module, state)
                self._engine.run(state=self._state, first=number, end=number + 1)
                for name in call.writes:
                    if name in self._results:
                        there = self._state.view(self._engine.module.memories[name])
                        here = state.view(fast.module.memories[name])
                        own = [slot for slot in slots if slot.layer == call.layer]
                        _compare(name, image, here, there, own, kinds, configuration)
        self._checked |= {(slot.name, configuration[slot.name]) for slot in slots}

    def _take(self, call: Call, fast: Module, state: State) -> None:
        """What a layer reads and what it shall have written, as the fast run left it."""
        for name in call.arguments:
            memory = self._engine.module.memories[name]
            same = fast.memories.get(name)
            if (
                memory.kind in state.blobs
                and same is not None
                and (same.dtype, same.shape) == (memory.dtype, memory.shape)
            ):
                self._state.view(memory)[:] = state.view(same)


def _results(module: Module) -> frozenset[str]:
    """The memories that a layer writes for others: its scratch is nobody's business."""
    outputs = {name for name, memory in module.memories.items() if memory.kind is MemoryKind.OUTPUT}
    readers: dict[str, set[str]] = {}
    for call in module.calls:
        for name in call.arguments:
            readers.setdefault(name, set()).add(call.layer)
    return frozenset(outputs | {name for name, layers in readers.items() if len(layers) > 1})


def _compare(
    name: str,
    image: int,
    fast: Array,
    golden: Array,
    slots: Sequence[Slot],
    kinds: Mapping[str, str],
    configuration: Mapping[str, str],
) -> None:
    here, there = canonical_bits(fast), canonical_bits(golden)
    if np.array_equal(here, there):
        return
    element = tuple(int(i) for i in np.argwhere(here != there)[0])
    forms = ", ".join(f"slot {slot.name!r}: {configuration[slot.name]} as {kinds[slot.name]}" for slot in slots)
    raise MismatchError(
        f"fast forms and golden model differ in {name!r} at {element[1:]} of image {image}: {fast[element]!r} against "
        f"{golden[element]!r} ({forms}); run with --backend golden and report this"
    )
