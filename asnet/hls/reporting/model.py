"""What a design is made of and how long it takes: the facts that engines and tops state, and reports show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asnet.hls.memories import DesignMemory
from asnet.hls.operators import Operator

__all__ = [
    "DesignReport",
    "LayerReport",
    "LoopReport",
    "MemoryReport",
    "OperationReport",
    "UnitReport",
    "WeightsReport",
    "memory_report",
    "unit_reports",
]


@dataclass(frozen=True)
class OperationReport:
    """One operation of a loop's schedule.

    ``start`` is its cycle, counted from the start of its iteration; ``latency`` 0 is combinational. ``resource``: the
    unit or the memory port that it occupies, None for logic. ``source``: what it is, for people.
    """

    name: str
    start: int
    latency: int
    resource: str | None = None
    source: str = ""


@dataclass(frozen=True)
class LoopReport:
    """One loop (or block) of a layer.

    ``counters``: name → extent, the outermost first; ``iterations`` per image, over all ``runs`` of the loop (None: not
    known). ``interval``: cycles from one iteration to the next, 0 where they do not overlap; ``depth``: cycles of one
    iteration. ``limit`` says what keeps the interval from being smaller. ``start``: the cycle of the layer in which it
    starts for the first time, None if that is not known.
    """

    name: str
    counters: Mapping[str, int]
    iterations: int | None
    interval: int
    depth: int
    limit: str = ""
    operations: tuple[OperationReport, ...] = ()
    start: int | None = None
    runs: int = 1

    @property
    def cycles(self) -> int | None:
        """Cycles per image in which the loop works."""
        if self.iterations is None:
            return None
        if not self.interval:
            return self.depth * self.iterations
        return self.interval * self.iterations + self.runs * max(0, self.depth - self.interval)


@dataclass(frozen=True)
class LayerReport:
    """One layer.

    ``cycles`` per image, from its start to its last result (None: unknown; not ``exact``: at most). ``interval``:
    cycles from one image to the next, None where it is ``cycles``. ``start``: the cycle of the first image in which it
    starts, None if nobody counted.

    ``operations`` counts the instructions on each operator (by the operator's name); ``units`` the operators that the
    layer has for itself, in all of its ``replicas``, modules that take images in turn. In each of these ``lanes`` work
    side by side; there are ``work`` operations per image, one per lane and cycle at best (None: not counted).
    ``states`` of the controller; ``register_bits`` without it. ``engine``: ``pipelined``, or ``general`` where one
    operation follows the other. ``reads`` and ``writes`` name memories.
    """

    layer: str
    op_type: str
    module: str
    states: int
    register_bits: int
    cycles: int | None
    exact: bool
    operations: Mapping[str, int]
    loops: tuple[LoopReport, ...]
    interval: int | None = None
    start: int | None = None
    lanes: int = 1
    replicas: int = 1
    work: int | None = None
    units: Mapping[str, int] = field(default_factory=dict[str, int])
    engine: str = "general"
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def spacing(self) -> int | None:
        """Cycles from one image to the next."""
        return self.cycles if self.interval is None else self.interval

    @property
    def busy(self) -> float | None:
        """The part of the cycles of all lanes in all replicas in which they work, while images follow one another."""
        if self.work is None or not self.spacing:
            return None
        return self.work / (self.lanes * self.replicas * self.spacing)


@dataclass(frozen=True)
class UnitReport:
    """One operator: how many ``instances`` the design has, and how many instructions (``operations``) use them.

    ``name``: the unit's, with constants that operands are tied to; ``operator``: what layers call it; ``operands``: in
    words, where they come from. Two operators may be one unit: with registers at its operands, which operations share,
    and without, where each operation has a unit for itself.
    """

    name: str
    operator: str
    op: str
    digest: str
    latency: int
    parameters: Mapping[str, int]
    instances: int
    operations: int
    operands: str = ""


@dataclass(frozen=True)
class MemoryReport:
    """One memory: ``words`` of ``width`` bits, ``copies`` times. ``layer``: whose it is, empty if layers share it."""

    name: str
    kind: str
    words: int
    width: int
    copies: int = 1
    layer: str = ""
    note: str = ""

    @property
    def bits(self) -> int:
        """All its bits."""
        return self.words * self.width * self.copies


@dataclass(frozen=True)
class WeightsReport:
    """Constants outside of the chip: ``nbytes`` of them; an image reads ``beats`` of ``bus`` bits.

    ``cycles``: from one image to the next with a memory that never lets layers wait; None if not known.
    """

    bus: int
    nbytes: int
    beats: int
    cycles: int | None

    @property
    def text(self) -> str:
        """In words."""
        wanted = "" if not self.cycles else f", {self.beats / self.cycles:.3f} a cycle of the 1 that it carries"
        return (
            f"{self.nbytes:,} bytes; an image reads {self.beats:,} beats of {self.bus} bits{wanted}; "
            "no cycle of waiting for them is counted"
        )


@dataclass(frozen=True)
class DesignReport:
    """A whole design. ``cycles``: per image, from its first layer's start to the last result (None: unknown).

    ``interval``: cycles from one image to the next, None if nobody counted; ``clock`` in MHz is the wanted one.
    ``identity``: digests and other facts that tell the design from others, name → value. ``apart``: layers that were to
    be one with others, and are no pipeline then. ``weights``: None if all are on the chip.
    """

    network: str
    top: str
    mode: str
    style: str
    clock: float
    cycles: int | None
    exact: bool
    interval: int | None
    layers: tuple[LayerReport, ...]
    units: tuple[UnitReport, ...]
    memories: tuple[MemoryReport, ...]
    configuration: Mapping[str, str]
    identity: Mapping[str, str]
    apart: tuple[str, ...] = ()
    weights: WeightsReport | None = None

    @property
    def states(self) -> int:
        """States of all controllers."""
        return sum(layer.states for layer in self.layers)

    def by_unit(self, counts: Mapping[str, int]) -> dict[str, int]:
        """``counts`` by the names of units instead of operators, in alphabetical order."""
        names = {unit.operator: unit.name for unit in self.units}
        found: Counter[str] = Counter()
        for operator, count in counts.items():
            found[names.get(operator, operator)] += count
        return dict(sorted(found.items()))


def unit_reports(
    operators: Sequence[Operator], layers: Sequence[LayerReport], instances: Mapping[str, int]
) -> tuple[UnitReport, ...]:
    """The units of a design; ``instances``: operator → how many there are."""
    return tuple(
        UnitReport(
            name=operator.title,
            operator=operator.name,
            op=operator.instance.op,
            digest=operator.instance.digest,
            latency=operator.latency,
            parameters=dict(operator.parameters),
            instances=instances[operator.name],
            operations=sum(layer.operations.get(operator.name, 0) for layer in layers),
            operands="chosen, in registers" if operator.registered else "of one operation",
        )
        for operator in operators
    )


def memory_report(memory: DesignMemory, *, copies: int = 1, layer: str = "", note: str = "") -> MemoryReport:
    """A memory as it stands in the design."""
    network = memory.memory
    return MemoryReport(network.name, network.kind.value, network.size, memory.width, copies, layer, note)
