"""The schedulers to choose from, and the one way to a schedule: made by name, then checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asnet.errors import SynthesisError, did_you_mean
from asnet.hls.fsm.allocation import Allocation
from asnet.hls.fsm.list_schedule import list_schedule
from asnet.hls.fsm.schedule import Schedule, check_schedule
from asnet.hls.fsm.sdc_schedule import sdc_schedule

__all__ = ["SCHEDULERS", "Scheduler", "make_schedule"]

Scheduler = Callable[[Allocation], Schedule]
"""Makes a schedule of a kernel whose operations have their resources."""

SCHEDULERS: Mapping[str, Scheduler] = {"sdc": sdc_schedule, "list": list_schedule}
"""Name → scheduler, what :attr:`asnet.hls.options.HlsOptions.scheduler` may be."""


def make_schedule(allocation: Allocation, name: str) -> Schedule:
    """The schedule of the scheduler ``name``, checked.

    Raises:
        SynthesisError: there is no such scheduler, or its schedule is not legal.
    """
    if name not in SCHEDULERS:
        raise SynthesisError(f"no scheduler {name!r}{did_you_mean(name, SCHEDULERS)}")
    made = SCHEDULERS[name](allocation)
    check_schedule(allocation, made)
    return made
