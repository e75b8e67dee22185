"""All processors: threads that share the images of a configuration, or processes that share configurations.

The rule: evaluate in this process, where threads share the images of a layer that takes long enough to gain by it, for
:data:`TRIAL` seconds. If a configuration took less than :data:`LARGE` seconds and the rest would take more than
:data:`PAYS` at this pace, processes evaluate the rest; otherwise this process goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from asnet.exploration.executor import InProcess
from asnet.exploration.processes import Processes
from asnet.exploration.space import DesignSpace
from asnet.testbed import Evaluation, Evaluator

__all__ = ["LARGE", "PAYS", "TRIAL", "Adaptive"]

TRIAL = 1.0
"""Seconds."""
LARGE = 0.25
"""Seconds of a configuration from which on its images are better shared than left to one process."""
PAYS = 4.0
"""Seconds; starting processes takes about one."""


class Adaptive:
    """Evaluates in this process, or in ``jobs`` processes where they pay; ``factory`` as for :class:`Processes`."""

    def __init__(self, space: DesignSpace, evaluator: Evaluator, factory: Callable[[], Evaluator], jobs: int) -> None:
        self._here = InProcess(space, evaluator)
        self._there = Processes(space, factory, jobs)

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions``, in the order of the space at first."""
        left = sorted(positions)
        began = 0.0
        for done, each in enumerate(self._here.run(left), start=1):
            began = began or time.monotonic()  # the first one took preparations with it
            yield each
            taken = time.monotonic() - began
            pace = taken / max(1, done - 1)
            if taken >= TRIAL and pace < LARGE and pace * (len(left) - done) > PAYS:
                yield from self._there.run(left[done:])
                return

    def close(self) -> None:
        """Stop the processes."""
        self._there.close()
