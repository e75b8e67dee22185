"""The tiled form of contractions, for execution on the host: vectors over outputs, kernels that layers share.

Every output's products are added in the order of the scalar loops, each rounded as there: the bits are the same.
"""

from asnet.lower.tiled.emit import emit_tiled

__all__ = ["emit_tiled"]
