"""Interleaved measurements: every round runs each contestant for a few milliseconds, the best round counts.

One thread is measured in its own processor time, so that other processes cost it caches but not time; several threads,
each with a contestant of its own, in wall time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from asnet.host import float_environment
from asnet.types import FloatMode

__all__ = ["Contestant", "race"]

Contestant = Callable[[], Callable[[], object]]
"""Makes what is called again and again, on data of its own."""

ROUND = 5e-3
"""Seconds that a contestant runs in a round, about."""
SLOW = 0.2
"""Seconds of a call from which two of them are enough."""


def race(
    contestants: Mapping[str, Contestant],
    work: float,
    *,
    rounds: int,
    threads: int = 1,
    wall: bool = False,
    mode: FloatMode = FloatMode.FTZ,
) -> dict[str, float]:
    """``work`` per second of each, in all threads together, where a call does ``work`` (say, products).

    ``wall``: in wall time, for calls that have threads of their own.
    """
    calls = {name: [make() for _ in range(threads)] for name, make in contestants.items()}
    best = dict.fromkeys(calls, 0.0)
    repeats = dict.fromkeys(calls, 1)
    limit = dict.fromkeys(calls, rounds)
    with float_environment(mode):
        for each in calls.values():
            each[0]()
        for number in range(rounds):
            for name, each in calls.items():
                if number >= limit[name]:
                    continue
                seconds = _seconds(each, repeats[name], mode, wall=wall) / repeats[name]
                best[name] = max(best[name], threads * work / seconds)
                repeats[name] = max(1, int(ROUND / seconds))
                limit[name] = 2 if seconds > SLOW else rounds
    return best


def _seconds(calls: Sequence[Callable[[], object]], repeats: int, mode: FloatMode, *, wall: bool) -> float:
    """What ``repeats`` calls of each take, each in a thread of its own if there are several."""
    if len(calls) == 1:
        clock = time.perf_counter if wall else time.thread_time
        began = clock()
        for _ in range(repeats):
            calls[0]()
        return max(clock() - began, 1e-9)
    barrier = threading.Barrier(len(calls))
    spans: list[tuple[float, float]] = []

    def work(call: Callable[[], object]) -> None:
        with float_environment(mode):
            barrier.wait()
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            spans.append((began, time.perf_counter()))

    workers = [threading.Thread(target=work, args=(call,)) for call in calls]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return max(max(end for _, end in spans) - min(start for start, _ in spans), 1e-9)
