"""Which engine runs a layer: pipelined flat loops wherever control is counted loops, else the general controller."""

from __future__ import annotations

from collections.abc import Collection

from asnet.hls.fsm.allocation import allocate
from asnet.hls.fsm.schedulers import make_schedule
from asnet.hls.fusing import FusedKernel, NotFused
from asnet.hls.kernel import Kernel
from asnet.hls.layers.general import GeneralLayer
from asnet.hls.layers.pipelined import pipelined
from asnet.hls.layers.planned import PlannedLayer
from asnet.hls.layers.setting import Setting
from asnet.hls.nest import NotCounted
from asnet.hls.planning import NotPipelined
from asnet.hls.ranges import widths

__all__ = ["plan_layer"]


def plan_layer(kernel: Kernel, setting: Setting, lanes: int = 1, rows: Collection[str] = ()) -> PlannedLayer:
    """Decide how ``kernel`` runs, with so many ``lanes`` at most.

    ``rows``: memories whose words come row after row; of those alone a layer makes rows as well.

    Raises:
        SynthesisError: an operation without operator, or a schedule that contradicts itself.
        NotFused: layers that are no pipeline together.
    """
    options = setting.options
    for wanted, split_tail in ((lanes, None), (1, False)) if options.pipelined else ():
        try:
            return pipelined(kernel, setting, wanted, rows, split_tail)
        except NotPipelined:
            continue
        except NotCounted:
            break
    if isinstance(kernel, FusedKernel):
        raise NotFused(kernel.layer)
    allocation = allocate(setting.binder, kernel, widths(kernel), options.chain)
    return GeneralLayer(allocation, make_schedule(allocation, options.scheduler))
