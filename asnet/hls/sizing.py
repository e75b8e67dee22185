"""What layers and designs take of a chip while lanes are chosen: the same figures wherever that is done.

Units that are shipped count by their shipped figures, others as yosys measures them, if it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from asnet.hls.area import estimate_modules, unit_area
from asnet.hls.binder import Binder
from asnet.hls.chip import Area
from asnet.hls.dataflow import LIBRARY, Engine, layer_alone
from asnet.hls.operators import Operator
from asnet.hls.storage import WEIGHTS_LIBRARY
from asnet.resources import render, verilog_dir
from asnet.types import FloatMode

__all__ = ["Sizes"]

_ALONE = "layer"


@dataclass(frozen=True)
class Sizes:
    """Areas of what uses the units of ``binder``. ``dsps``: multipliers may be DSP blocks."""

    binder: Binder
    mode: FloatMode
    dsps: bool
    _units: dict[str, Area] = field(default_factory=dict[str, Area], init=False)

    def design(self, top: str, files: Mapping[str, str]) -> Area:
        """The module ``top`` and all below it; ``files``: path → text."""
        operators = self.binder.operators
        return estimate_modules(top, files, operators, {unit.name: self._unit(unit) for unit in operators}).total

    def layer(self, engine: Engine, inside: Collection[str]) -> Area:
        """A layer of a dataflow design with its units, constants and buffers of two images; of one of its replicas.

        ``inside``: memories that only this layer accesses.
        """
        files = {f"rtl/{part}.v": render(f"rtl/{part}.v.j2", version="") for part in (*LIBRARY, *WEIGHTS_LIBRARY)}
        files |= {f"rtl/{name}.v": fetcher.module(name, "") for name, fetcher in engine.fetchers.items()}
        files[f"rtl/{engine.layer.module}.v"] = engine.layer.text
        files[f"rtl/{_ALONE}.v"] = layer_alone(engine, inside, _ALONE, self.binder.clock)
        return self.design(_ALONE, files)

    def _unit(self, unit: Operator) -> Area:
        if unit.name not in self._units:
            own = unit.instance.unit.origin.parent != verilog_dir()
            self._units[unit.name] = unit_area(unit, self.mode, dsps=self.dsps, measure=own)
        return self._units[unit.name]
