"""What a user may choose about the hardware."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HlsOptions"]


@dataclass(frozen=True)
class HlsOptions:
    """Options of high-level synthesis.

    ``scheduler`` names an entry of :data:`asnet.hls.fsm.schedulers.SCHEDULERS`. ``chain`` is the delay, in levels of
    logic, that may lie between two registers; the levels of each operation are in :mod:`asnet.hls.operators`.
    """

    scheduler: str = "list"
    chain: int = 9
