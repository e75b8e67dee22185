"""Which engine runs a layer: pipelined flat loops wherever control is counted loops, else the general controller."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from asnet.hls.binder import Binder
from asnet.hls.fsm.allocation import allocate
from asnet.hls.fsm.schedulers import make_schedule
from asnet.hls.fusing import FusedKernel, NotFused
from asnet.hls.kernel import Kernel
from asnet.hls.layers.general import GeneralLayer
from asnet.hls.layers.pipelined import pipelined
from asnet.hls.layers.planned import PlannedLayer
from asnet.hls.nest import NotCounted
from asnet.hls.options import HlsOptions
from asnet.hls.planning import NotPipelined
from asnet.hls.ranges import widths
from asnet.types import Array

__all__ = ["plan_layer"]


def plan_layer(
    kernel: Kernel,
    binder: Binder,
    options: HlsOptions,
    contents: Mapping[str, Array],
    lanes: int = 1,
    scratch: Collection[str] = (),
    rows: Collection[str] = (),
) -> PlannedLayer:
    """Decide how ``kernel`` runs.

    ``contents``: of all constant memories there are, by name. ``scratch``: memories that no other layer accesses, which
    it need not have. ``rows``: memories whose words come row after row; of those alone a layer makes rows as well.

    Raises:
        SynthesisError: an operation without operator, or a schedule that contradicts itself.
        NotFused: layers that are no pipeline together.
    """
    for wanted, split_tail in ((lanes, None), (1, False)) if options.pipelined else ():
        try:
            return pipelined(kernel, binder, options, contents, scratch, rows, wanted, split_tail)
        except NotPipelined:
            continue
        except NotCounted:
            break
    if isinstance(kernel, FusedKernel):
        raise NotFused(kernel.layer)
    allocation = allocate(binder, kernel, widths(kernel), options.chain)
    return GeneralLayer(allocation, make_schedule(allocation, options.scheduler))
