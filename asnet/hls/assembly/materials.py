"""What every style of design is made of, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asnet.hls.dataflow import Dataflow
from asnet.hls.layers import PlannedLayer
from asnet.hls.library import unit_modules
from asnet.hls.memories import DesignMemory
from asnet.hls.module import LayerModule
from asnet.hls.names import Names
from asnet.hls.operators import Operator
from asnet.hls.options import HlsOptions
from asnet.hls.reporting import LayerReport, MemoryReport
from asnet.hls.storage import WEIGHTS_FILE, WEIGHTS_LIBRARY, Fetcher, WeightsImage
from asnet.ir import Module
from asnet.resources import render

__all__ = ["Assembly", "Materials", "ring_reports"]

_LIBRARY_MODULE = re.compile(r"^ *(asnet_\w+) (?:#\(|\w+ \()", re.MULTILINE)
"""An instance of a library module, as templates write it."""


@dataclass(frozen=True)
class Materials:
    """Layers with all decisions taken, and what they use.

    ``module``: the network; its calls are the layers, in the order of ``plans``. ``header``: lines for the top
    module's head.
    """

    module: Module
    name: str
    options: HlsOptions
    plans: Sequence[PlannedLayer]
    operators: Sequence[Operator]
    header: Sequence[str]
    version: str

    def names(self, library: Sequence[str], reserved: Sequence[str]) -> Names:
        """Names for modules that differ from those of units, of the ``library`` and of ``reserved`` signals."""
        units = unit_modules(operator.instance for operator in self.operators)
        return Names((*library, *WEIGHTS_LIBRARY, *units, *reserved))

    def with_library(self, files: Mapping[str, str], modules: Sequence[str]) -> dict[str, str]:
        """``files`` (path → text) and those of the library's ``modules`` that they instantiate."""
        found = dict(files)
        unread = list(files.values())
        while unread:
            used = set(_LIBRARY_MODULE.findall(unread.pop()))
            for part in modules:
                path = f"rtl/{part}.v"
                if part in used and path not in found:
                    found[path] = render(f"rtl/{part}.v.j2", version=self.version)
                    unread.append(found[path])
        return found

    def fetching(self, weights: WeightsImage | None, fetchers: Mapping[str, Fetcher]) -> dict[str, str]:
        """Path → text of what brings ``weights`` to the chip, and of their image; ``fetchers``: by module."""
        if weights is None:
            return {}
        files = {f"rtl/{name}.v": fetcher.module(name, self.version) for name, fetcher in fetchers.items()}
        return files | {WEIGHTS_FILE: weights.hex_text}

    def reports(self, layers: Sequence[LayerModule]) -> tuple[LayerReport, ...]:
        """The facts of each layer, which became the module at its place in ``layers``."""
        planned = zip(self.plans, layers, self.module.calls, strict=True)
        return tuple(plan.report(layer, call.op_type) for plan, layer, call in planned)


@dataclass(frozen=True)
class Assembly:
    """A design but for its units and the contents of its ROMs.

    ``units``: operator → how many there are. ``cycles``: of an image, None if not known; ``exact``: no fewer either;
    ``interval``: from one image to the next. ``flow``: of a dataflow design, how its layers are connected; ``weights``:
    the constants that are not on the chip.
    """

    top: str
    files: dict[str, str] = field(repr=False)
    memories: tuple[DesignMemory, ...]
    layers: tuple[LayerReport, ...]
    stores: tuple[MemoryReport, ...]
    units: Mapping[str, int]
    cycles: int | None
    exact: bool
    interval: int | None
    flow: Dataflow | None = None
    weights: WeightsImage | None = None


def ring_reports(weights: WeightsImage | None, fetchers: Mapping[str, Fetcher]) -> tuple[MemoryReport, ...]:
    """The memories on the chip that constants outside of it pass through."""
    if weights is None:
        return ()
    note = f"{weights.nbytes:,} bytes are not on the chip"
    rings = [(name, 1 << fetcher.ring_bits, fetcher.width) for name, fetcher in fetchers.items()]
    return tuple(
        MemoryReport(name, "ring", words, width, note="" if number else note)
        for number, (name, words, width) in enumerate(rings)
    )
