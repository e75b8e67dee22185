"""Sharing the images of a run among threads: in pieces, each thread in the float mode of the design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

from asnet.host import float_environment
from asnet.types import FloatMode

__all__ = ["Piece", "Sharing"]

Piece: TypeAlias = Callable[[int, int, int], None]
"""Runs images: the first one, how many, and the number of the worker, from 0."""

_THREADS_PAY_FROM = 4 << 20
"""Bytes that a run reads or writes, about: what takes less time than it takes to start a thread runs in one."""
_PIECES_PER_THREAD = 4
_CALLS_PER_PIECE = 20_000_000  # of slots: about a second if they are golden, how long Ctrl-C may wait


class Sharing:
    """How runs of one piece of code share images.

    An image reads or writes ``work`` bytes and calls slots ``calls`` times; at most ``threads`` work at a time.
    """

    def __init__(self, mode: FloatMode, threads: int, work: int, calls: int) -> None:
        self._mode = mode
        self._threads = threads
        self._work = work
        self._largest = max(1, _CALLS_PER_PIECE // max(1, calls))

    def workers(self, images: int) -> int:
        """How many threads run so many images: one if they are few."""
        return min(self._threads, images) if images * self._work >= _THREADS_PAY_FROM else 1

    def run(self, images: int, piece: Piece) -> None:
        """Run ``images`` images; the threads take pieces until there are none."""
        workers = self.workers(images)
        share = -(-images // (workers * _PIECES_PER_THREAD if workers > 1 else 1))
        size = max(1, min(share, self._largest))
        pieces = iter(range(0, images, size))
        work = partial(self._work_off, images, size, pieces, piece)
        if workers == 1:
            work(0)
            return
        with ThreadPoolExecutor(workers) as threads:  # the code runs outside Python's lock
            try:
                list(threads.map(work, range(workers)))
            finally:
                _drop(pieces)

    def _work_off(self, images: int, size: int, pieces: Iterator[int], piece: Piece, worker: int) -> None:
        try:
            with float_environment(self._mode):
                for first in pieces:
                    piece(first, min(size, images - first), worker)
        finally:
            _drop(pieces)


def _drop(pieces: Iterator[int]) -> None:
    """Leave nothing to do for the threads of an interrupted run."""
    for _ in pieces:
        pass
