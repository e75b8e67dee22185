"""How contractions are tiled for the host: sizes of what a kernel keeps in registers and in its nearest caches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from asnet.host import processor_name, vector_lanes

__all__ = ["Tiling", "host_tiling"]


@dataclass(frozen=True)
class Tiling:
    """Sizes of the tiled form of a contraction; no choice changes a result.

    ``tiles``: how many rows a tile of one vector of ``lanes`` sums has, how many one of two vectors, and so on, each
    with its speed relative to the others. ``line`` floats are a vector where there is no panel; a panel holds ``depth``
    steps of the reduction or so. ``registers``: what x86 calls the vectors of ``lanes`` if it has 32 of them; then a
    tile's sums are kept in the last ones: instructions that name only the first 16 are shorter, and most name operands
    and products. With ``sites`` every layer has kernels of its own, whose products are sites of the layer; without,
    layers share kernels, and nothing in them is a site.
    ``products``: the layers of floats whose contractions are sums of products, computed by what stands behind the
    layer's slot (:mod:`asnet.ir.products`); contractions of integers always are (without sites exact ones). None: no
    layer's are.
    """

    lanes: int = 16
    line: int = 16
    tiles: tuple[tuple[int, float], ...] = ((8, 0.7), (4, 0.8), (4, 0.9), (4, 1.0))
    depth: int = 512
    registers: str = ""
    sites: bool = False
    products: frozenset[str] | None = None

    def rows(self, vectors: int) -> int:
        """Rows of a tile of so many vectors."""
        return self.tiles[vectors - 1][0]

    def panels(self, vectors: int) -> list[tuple[int, int]]:
        """How to cut ``vectors`` vectors of columns into panels: (vectors of a panel, panels), the widest first.

        Even panels, unless others are clearly faster: every width is code of its own.
        """
        count = -(-vectors // len(self.tiles))
        narrow, wider = divmod(vectors, count)
        even = [*[narrow + 1] * wider, *[narrow] * (count - wider)]
        best = even if count > _FEW else self._fastest(vectors)
        sizes = best if self._cost(best) < _CLEARLY * self._cost(even) else even
        return [(size, sizes.count(size)) for size in sorted(set(sizes), reverse=True)]

    def _cost(self, sizes: Sequence[int]) -> float:
        return sum(size / self.tiles[size - 1][1] + _PANEL for size in sizes)

    def _fastest(self, vectors: int) -> list[int]:
        best: list[list[int]] = [[]]
        for count in range(1, vectors + 1):
            choices = [[*best[count - size], size] for size in range(1, min(count, len(self.tiles)) + 1)]
            best.append(min(choices, key=self._cost))
        return best[vectors]


_FEW = 6
"""Panels up to which their widths make a difference."""

_CLEARLY = 0.98

_PANEL = 0.25
"""Cost of a panel beside that of its vectors, in vectors of the fastest tile."""

_BY_PROCESSOR = {
    "znver4": Tiling(
        lanes=8, tiles=((6, 0.8), (6, 0.8), (6, 0.85), (6, 0.95), (5, 0.98), (4, 1.0)), depth=1200, registers="ymm"
    ),
}
"""LLVM's name of a processor → the tiling that was measured to be its fastest.

Zen 4 halves every vector of 16 and loads a scalar into all of its lanes slowly.
"""

_BY_LANES = {
    16: Tiling(),
    8: Tiling(lanes=8, line=8, tiles=((8, 0.8), (4, 1.0))),
    4: Tiling(lanes=4, line=4, tiles=((8, 0.8), (4, 1.0))),
}
"""Lanes of the widest vectors → tiles that fit the registers that come with them."""


@cache
def host_tiling(*, sites: bool = False, products: frozenset[str] | None = None) -> Tiling:
    """The tiling for the processor that this process runs on."""
    return replace(_BY_PROCESSOR.get(processor_name()) or _BY_LANES[vector_lanes()], sites=sites, products=products)
