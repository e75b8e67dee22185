"""What a loop is written with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.hls.engine.parts import Section
from asnet.hls.expressions import Signal
from asnet.hls.names import Names
from asnet.hls.nest import Counter
from asnet.hls.planning import LoopPlan

__all__ = ["LoopScope", "Outside"]


@dataclass(frozen=True)
class Outside:
    """What is there before a loop starts: ``signals`` of values, and the counters of repeats with their last flags."""

    signals: Mapping[str, Signal]
    repeats: tuple[tuple[Counter, str], ...]


@dataclass(frozen=True)
class LoopScope:
    """``plan`` becomes Verilog in ``section``, with ``names`` that begin with ``prefix``."""

    plan: LoopPlan
    prefix: str
    names: Names
    section: Section
    outside: Outside
