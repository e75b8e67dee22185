"""When a loop does what: the cycles of its iterations, of its accesses and of its uses of shared hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Access", "Strand", "Tick", "Timeline", "Use"]


@dataclass(frozen=True)
class Tick:
    """A counter 0 … ``extent`` - 1 whose steps are ``cycles`` apart."""

    name: str
    extent: int
    cycles: int


@dataclass(frozen=True)
class Access:
    """An access to ``memory`` in cycle ``cycle`` of every iteration in which the counters are within ``bounds``.

    The word is Σ strides[counter]·counter + ``offset``; ``strides`` None: any word. ``bounds`` are inclusive; an access
    that depends on data counts as happening.
    """

    memory: str
    write: bool
    cycle: int
    strides: Mapping[str, int] | None
    offset: int = 0
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])


@dataclass(frozen=True)
class Use:
    """An operation that takes a slot of ``resource`` in cycle ``cycle`` of every iteration."""

    resource: str
    cycle: int


@dataclass(frozen=True)
class Strand:
    """A flat loop in time: iteration (c₁, c₂, …) starts in cycle start + Σ cycles[c]·c.

    A pipeline's innermost counter steps every initiation interval, and each other one when those inside are through;
    the tail of a pipeline with lanes is a strand that starts later, whose outer counters step when main's do.
    """

    ticks: tuple[Tick, ...]
    accesses: tuple[Access, ...] = ()
    uses: tuple[Use, ...] = ()
    start: int = 0


@dataclass(frozen=True)
class Timeline:
    """All that happens from the start of a node: one strand, or several at the same time.

    ``results``: value that leaves the node → first cycle in which it is there; ``needs``: value of an earlier node →
    first cycle in which it is looked at.
    """

    strands: tuple[Strand, ...]
    results: Mapping[str, int] = field(default_factory=dict[str, int])
    needs: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def last_start(self) -> int:
        """The cycle in which the last iteration of the first strand starts."""
        strand = self.strands[0]
        return strand.start + sum((tick.extent - 1) * tick.cycles for tick in strand.ticks)
