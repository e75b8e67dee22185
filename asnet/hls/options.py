"""What a user may choose about the hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Control", "HlsOptions", "Style", "Weights"]


class Style(StrEnum):
    """How layers share the chip."""

    DATAFLOW = "dataflow"
    """Every layer has units of its own; layers work at the same time and hand images on through streams."""

    SEQUENTIAL = "sequential"
    """Layers run one after the other and share units and memories: the smallest area."""


class Weights(StrEnum):
    """Where constants are."""

    INTERNAL = "internal"
    """In ROMs on the chip."""

    EXTERNAL = "external"
    """In memory behind an AXI4 read master."""


class Control(StrEnum):
    """What starts images, and what tells about them."""

    NONE = "none"
    """Images come when they come."""

    AP_CTRL = "ap-ctrl"
    """A handshake for each image, in a module around the top."""

    AXI_LITE = "axi-lite"
    """Registers on an AXI4-Lite slave, in a module around that."""


@dataclass(frozen=True)
class HlsOptions:
    """Options of high-level synthesis.

    ``clock``: the wanted clock in MHz; stages of units and the logic between two registers follow from it.
    ``dsps``: products in DSP blocks, else in LUTs.
    ``parallel``: glob on layer names → lanes, later entries win; ``resources``: op → units that a layer's pipeline (of
    the whole design in the sequential style) may use; ``target_cycles``: lanes are chosen so that an image takes no
    more cycles; ``fit``: lanes are chosen so that the design fits the device. ``unroll``: glob on layer names →
    iterations of a reduction (a window) that become one, with as many read ports. ``interleave``: glob on layer names →
    modules of the layer that take images in turn, where it has fewer outputs than the adder has stages.

    ``bus``: bits of a beat of external ``weights``; those whose ROM would take no more than ``inside`` block RAMs stay
    on the chip (None: no more than what would fetch them).

    ``fuse``: layers that work word by word become part of the layers that make the words, as long as no unit then has
    more operations than this for each word; the memory between is saved. 0: none do.

    ``reuse``: in the sequential style activations that are not needed at the same time share a RAM; co-simulation sees
    those no more.

    ``stages``: op → pipeline stages of its units, instead of the fewest that reach the clock.

    ``specialise``: ops (``fmul``, ``fcmp`` …) whose operations with a constant operand get a unit for that constant,
    which synthesis folds into it; operations with the same constant share it.

    ``pipelined``: False gives each layer the general controller, one operation after the other. ``scheduler`` names an
    entry of :data:`asnet.hls.fsm.schedulers.SCHEDULERS` for it; ``chain`` is the delay, in levels of logic, that may
    lie between two registers there; the delays of operations are in :mod:`asnet.hls.delays`.
    """

    style: Style = Style.DATAFLOW
    clock: float = 100.0
    dsps: bool = True
    parallel: Mapping[str, int] = field(default_factory=dict[str, int])
    unroll: Mapping[str, int] = field(default_factory=dict[str, int])
    resources: Mapping[str, int] = field(default_factory=dict[str, int])
    target_cycles: int | None = None
    fit: str | None = None
    interleave: Mapping[str, int] = field(default_factory=dict[str, int])
    weights: Weights = Weights.INTERNAL
    bus: int = 64
    inside: int | None = None
    control: Control = Control.NONE
    fuse: int = 0
    reuse: bool = False
    stages: Mapping[str, int] = field(default_factory=dict[str, int])
    specialise: tuple[str, ...] = ()
    pipelined: bool = True
    scheduler: str = "sdc"
    chain: int = 9
