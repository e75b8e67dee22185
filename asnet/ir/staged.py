"""Running a module on the host stage by stage, on blobs that the caller keeps as long as it wants."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache
from asnet.host import processors
from asnet.ir.jit import Binder, compile_object, link_several
from asnet.ir.module import Module
from asnet.ir.program import Program
from asnet.ir.sharing import Sharing
from asnet.ir.stage_text import stage_function
from asnet.ir.stages import Stages
from asnet.ir.state import Constants, aligned

__all__ = ["Blob", "StagedEngine"]

Blob = NDArray[np.uint8]
"""Bytes of all images, one image after the other; begins at a multiple of 64 (:func:`asnet.ir.state.aligned`)."""


class StagedEngine:
    """A module as machine code that runs in ``stages``; belongs to one thread, which may start more."""

    def __init__(
        self, module: Module, stages: Stages, *, binder: Binder | None = None, cache: Cache, threads: int | None = None
    ) -> None:
        """Compile (or fetch) and load ``module``; a stage shares its images among ``threads`` (all processors).

        Raises:
            PassError: the module is invalid, or a slot symbol has no definition in ``binder``.
        """
        self._stages = stages
        self._binder = binder or Binder("")
        program = Program.cached(module, self._binder.rows, cache, stages)
        compiled = [compile_object(program.layers, self._binder.text, cache), compile_object(program.run, "", cache)]
        names = [stage_function(number) for number in range(len(stages))]
        addresses, self._library = link_several(compiled, self._binder.symbols, names)
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, *[ctypes.c_int64] * 2)
        self._run = [prototype(address) for address in addresses]
        self._constants = Constants(module)
        self._sharing = [
            Sharing(module.mode, threads or processors(), _work(module, calls), _calls(module, calls))
            for calls in stages.calls
        ]
        self._scratch: list[Blob] = []

    def run(self, stage: int, blobs: Sequence[Blob | None], images: int) -> None:
        """Run ``stage`` on ``images`` images; reads the blobs ``reads[stage]``, fills blob ``stage + 1``."""
        table = np.array([0 if blob is None else blob.ctypes.data for blob in blobs], np.uint64)
        sharing, run = self._sharing[stage], self._run[stage]
        for _ in range(len(self._scratch), sharing.workers(images)):
            self._scratch.append(aligned(self._stages.scratch))
        address, constants = table.ctypes.data, self._constants.address

        def piece(first: int, count: int, worker: int) -> None:
            run(address, self._scratch[worker].ctypes.data, constants, first, count)

        sharing.run(images, piece)


def _work(module: Module, calls: range) -> int:
    """Bytes that ``calls`` read or write for an image, about."""
    names = {name for call in calls for name in module.calls[call].arguments}
    return sum(module.memories[name].nbytes for name in names)


def _calls(module: Module, calls: range) -> int:
    layers = {module.calls[call].layer for call in calls}
    return sum(slot.count for slot in module.slots if slot.layer in layers)
