"""The exploration itself: a search asks, an executor evaluates, the study keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from asnet.exploration.executor import Executor
from asnet.exploration.search import Search
from asnet.exploration.study import Study
from asnet.testbed import Evaluation

__all__ = ["Progress", "explore"]

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with evaluations done (those of earlier runs included), their total, and the last one in one line."""

_STORE_EVERY = 0.1
"""Seconds of evaluations that are stored together: what kill -9 loses at most, beside those that are not finished."""


def explore(study: Study, search: Search, executor: Executor, *, progress: Progress | None = None) -> int:
    """Evaluate what ``search`` asks for and ``study`` lacks; evaluations are stored as they finish.

    Those of a tenth of a second are stored together, and then told to ``progress``. Interrupted (Ctrl-C, an error,
    kill -9), the same call goes on where it stopped. Returns the number of evaluations that were made now.

    Raises:
        UsageError: the search's options do not fit the space.
        AsnetError: what the executor or the study raises.
    """
    made = 0
    seen: set[int] = set()
    total = search.total(study.space)
    finished: list[tuple[int, Evaluation]] = []

    def store() -> None:
        """Store what has finished, then tell."""
        nonlocal made
        if not finished:
            return
        study.add_all(finished)
        made += len(finished)
        position, evaluation = finished[-1]
        finished.clear()
        if progress is not None:
            told = f"{evaluation.accuracy:.2%}"
            if evaluation.verdict is not None:
                told = f"{'kept' if evaluation.verdict else 'not kept'}, {evaluation.images:,} images"
            progress(before + made, total, f"{study.space.label(position)}: {told}")

    try:
        for batch in search.batches(study.space, study.evaluations):
            missing = [position for position in batch if position not in study.evaluations]
            seen.update(batch)
            before = len(seen) - len(missing) - made
            if progress is not None:
                progress(before + made, total, f"{before} stored before" if before else "")
            stored = time.monotonic()
            for each in executor.run(missing):
                finished.append(each)
                if time.monotonic() - stored >= _STORE_EVERY:
                    store()
                    stored = time.monotonic()
            store()
    finally:
        executor.close()
        if finished:
            study.add_all(finished)
    return made
