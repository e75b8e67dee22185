"""Planned layers become a design, in one of the styles."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asnet.hls.assembly.materials import Assembly, Materials
from asnet.hls.assembly.one_by_one import one_by_one
from asnet.hls.assembly.streaming import streaming
from asnet.hls.options import Style

__all__ = ["STYLES", "Assembly", "Materials"]

STYLES: Mapping[Style, Callable[[Materials], Assembly]] = {Style.DATAFLOW: streaming, Style.SEQUENTIAL: one_by_one}
"""Style → what puts layers together in it."""
