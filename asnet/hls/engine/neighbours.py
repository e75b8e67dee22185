"""What a layer's module has to do with other layers."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from asnet.hls.planning import Gate, Trigger

__all__ = ["NO_NEIGHBOURS", "Neighbours"]


@dataclass(frozen=True)
class Neighbours:
    """What the ports of a layer's module tell others, or hear from them, besides words of memories.

    ``handover``: when the port ``next`` says that the next layer may start; None: there is no such port.
    ``shared``: names of memories and operators that other layers use too: ports ``_re`` and ``_use`` say when this one
    does. ``gate``: where the first loop waits for words; a memory's port ``_ready`` says that those for the next group
    of iterations are there, ``_claim`` that the group begins.
    """

    handover: Trigger | None = None
    shared: Set[str] = frozenset()
    gate: Gate | None = None


NO_NEIGHBOURS = Neighbours()
"""Of a layer that has all that it uses for itself, and whole images."""
