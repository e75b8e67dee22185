"""From a network to the module that configurations bind: lowered, user passes, slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from asnet.ir import Module, Slot
from asnet.ir.tiling import Tiling
from asnet.lower import lower
from asnet.network import Network
from asnet.passes import Approximate, Pass, run_passes
from asnet.types import FloatMode

__all__ = ["Source", "prepare", "slots_of"]

Source: TypeAlias = "Network | Module | Sequence[Slot]"
"""Whatever slots can be told of."""


def prepare(
    network: Network,
    mode: FloatMode = FloatMode.FTZ,
    *,
    granularity: str = "layer",
    passes: Sequence[Pass] = (),
    ops: str = "fmul+fdiv+mul",
    tiling: Tiling | None = None,
    samples: int = 0,
) -> Module:
    """The network's IR after ``passes`` and the `approximate` pass; its slots are in ``Module.slots``.

    With ``tiling`` (which must keep ``sites``) contractions are tiled for the host; ``samples`` as in
    :func:`asnet.lower.lower`.

    ``granularity`` is `layer` or `site` (`network` means one choice for all layers and needs no finer slots: `layer`).

    Raises:
        UnsupportedError: the network has an operator that ASNet does not support.
        PassError: a pass left an invalid module, or an unknown granularity or op.
    """
    slots = "layer" if granularity == "network" else granularity
    return run_passes(
        lower(network, mode, tiling=tiling, samples=samples), [*passes, Approximate(ops=ops, granularity=slots)]
    )


def slots_of(source: Source, *, granularity: str = "layer") -> tuple[Slot, ...]:
    """The slots of a network at ``granularity``, or those that a prepared module has.

    Raises:
        UnsupportedError, PassError: as :func:`prepare`.
    """
    if isinstance(source, Network):
        source = prepare(source, granularity=granularity)
    return source.slots if isinstance(source, Module) else tuple(source)
