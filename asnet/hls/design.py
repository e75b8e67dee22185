"""A design: Verilog and what belongs to it as values, with a digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from asnet.cache import digest
from asnet.hls.dataflow import Dataflow
from asnet.hls.dataflow.optimise import Choice
from asnet.hls.library import UNITS_FOLDER
from asnet.hls.memories import DesignMemory
from asnet.hls.operators import Operator
from asnet.hls.output import write_design
from asnet.hls.reporting import DesignReport, LayerReport
from asnet.hls.storage import WeightsImage
from asnet.types import FloatMode

__all__ = ["RtlDesign"]


@dataclass(frozen=True)
class RtlDesign:
    """Hardware of one network in one configuration. ``files``: path → text; ``top``: the top module's name.

    ``writes``: layer → the memories it fills; ``report``: how long it takes and what it is made of;
    ``flow``: of a dataflow design, how its layers are connected; ``choice``: why layers have the lanes that they have,
    if a goal chose them; ``weights``: the constants that are not on the chip, if any.
    """

    name: str
    top: str
    mode: FloatMode
    files: Mapping[str, str] = field(repr=False)
    memories: tuple[DesignMemory, ...] = field(repr=False)
    operators: tuple[Operator, ...] = field(repr=False)
    report: DesignReport = field(repr=False)
    writes: tuple[tuple[str, tuple[str, ...]], ...] = field(repr=False)
    flow: Dataflow | None = field(default=None, repr=False)
    choice: Choice | None = field(default=None, repr=False)
    weights: WeightsImage | None = field(default=None, repr=False)

    @property
    def layers(self) -> tuple[LayerReport, ...]:
        """The facts of each layer."""
        return self.report.layers

    @property
    def configuration(self) -> Mapping[str, str]:
        """Slot → the unit that it got."""
        return self.report.configuration

    @property
    def cycles(self) -> int | None:
        """Clock cycles in which the layers work on an image, None if a loop's trip count is not known.

        Of a dataflow design those from the image's first word to its last result.
        """
        return self.report.cycles

    @property
    def cycles_exact(self) -> bool:
        """Whether an image takes exactly :attr:`cycles`; at most that many if not.

        With external weights they are the cycles in which layers do not wait for them.
        """
        return self.report.exact

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all files."""
        return digest(part for path in sorted(self.files) for part in (path, self.files[path]))

    @cached_property
    def rams(self) -> frozenset[str]:
        """The names of the memories that hold values of a run.

        A memory of the network is not among them where its words are read where they come from (padded copies), or
        used where they are made.
        """
        return frozenset(memory.memory.name for memory in self.memories if not memory.is_rom)

    @property
    def sources(self) -> tuple[str, ...]:
        """The Verilog files to compile, the top module last; headers that units include are left out."""
        top = f"rtl/{self.top}.v"
        return (*sorted(path for path in self.files if path.endswith((".v", ".sv")) and path != top), top)

    @property
    def include_folder(self) -> str:
        """The folder of the units' headers."""
        return UNITS_FOLDER

    def write(self, folder: Path) -> None:
        """Write the design; a design that is in ``folder`` is replaced.

        Raises:
            OutputError: the folder holds something else, or cannot be written; it is as it was then.
        """
        write_design(folder, self.files)
