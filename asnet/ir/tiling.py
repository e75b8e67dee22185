"""How contractions are tiled for the host: sizes of what a kernel keeps in registers and in its nearest caches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from asnet.host import processor_name, vector_lanes

__all__ = ["Tiling", "host_tiling"]


@dataclass(frozen=True)
class Tiling:
    """Sizes of the tiled form of a contraction; no choice changes a result.

    A tile is ``rows`` outputs times ``vectors`` vectors of ``lanes`` accumulators; ``line`` floats are a vector where
    there is no panel; a panel holds ``depth`` steps of the reduction or so. With ``sites`` every layer has kernels of
    its own, whose products are sites of the layer; without, layers share kernels, and nothing in them is a site.
    """

    lanes: int = 16
    line: int = 16
    rows: int = 4
    vectors: int = 4
    depth: int = 256
    sites: bool = False


_BY_PROCESSOR = {"znver4": Tiling(lanes=8, vectors=6)}
"""LLVM's name of a processor → the tiling that was measured to be its fastest.

Zen 4 halves every vector of 16 and loads a scalar into all of its lanes slowly.
"""

_BY_LANES = {
    16: Tiling(lanes=16, vectors=4),
    8: Tiling(lanes=8, line=8, vectors=2),
    4: Tiling(lanes=4, line=4, vectors=2),
}
"""Lanes of the widest vectors → what the registers that come with them hold beside 4 rows."""


@cache
def host_tiling(*, sites: bool = False) -> Tiling:
    """The tiling for the processor that this process runs on."""
    return replace(_BY_PROCESSOR.get(processor_name()) or _BY_LANES[vector_lanes()], sites=sites)
