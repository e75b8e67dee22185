"""The exploration itself: a search asks, an executor evaluates, the study keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from asnet.exploration.executor import Executor
from asnet.exploration.search import Search
from asnet.exploration.study import Study

__all__ = ["Progress", "explore"]

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with evaluations done (those of earlier runs included), their total, and the last one in one line."""


def explore(study: Study, search: Search, executor: Executor, *, progress: Progress | None = None) -> int:
    """Evaluate what ``search`` asks for and ``study`` lacks; each evaluation is stored as it finishes.

    Interrupted (Ctrl-C, an error, kill -9), the same call goes on where it stopped. Returns the number of evaluations
    that were made now.

    Raises:
        UsageError: the search's options do not fit the space.
        AsnetError: what the executor or the study raises.
    """
    made = 0
    seen: set[int] = set()
    total = search.total(study.space)
    try:
        for batch in search.batches(study.space, study.evaluations):
            missing = [position for position in batch if position not in study.evaluations]
            seen.update(batch)
            done = len(seen) - len(missing)
            if progress is not None:
                progress(done, total, f"{done} stored before" if done else "")
            for position, evaluation in executor.run(missing):
                study.add(position, evaluation)
                made += 1
                done += 1
                if progress is not None:
                    progress(done, total, f"{study.space.label(position)}: {evaluation.accuracy:.2%}")
    finally:
        executor.close()
    return made
