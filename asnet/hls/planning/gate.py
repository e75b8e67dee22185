"""Where a layer waits while it works: its first loop, for words that others send."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Gate"]


@dataclass(frozen=True)
class Gate:
    """The layer's first loop begins a *group* of iterations when all words are there that the group reads.

    ``memories``: of what others send; ``inside``: the counters that count within a group, all 0 in its first iteration.
    """

    memories: tuple[str, ...]
    inside: tuple[str, ...]
