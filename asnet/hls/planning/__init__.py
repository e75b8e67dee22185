"""From flat loops to schedules: how wide values are, what operations run on, when they start."""

from asnet.hls.planning.gate import Gate
from asnet.hls.planning.layout import Event, Layout, Placed, Trigger, collected_stage, inner_iterations
from asnet.hls.planning.loop import LoopPlan
from asnet.hls.planning.plan import NotPipelined, ProgramPlan, plan_program
from asnet.hls.planning.recurrence import recurrence_cycles
from asnet.hls.planning.uses import port_uses
from asnet.hls.planning.values import Value

__all__ = [
    "Event",
    "Gate",
    "Layout",
    "LoopPlan",
    "NotPipelined",
    "Placed",
    "ProgramPlan",
    "Trigger",
    "Value",
    "collected_stage",
    "inner_iterations",
    "plan_program",
    "port_uses",
    "recurrence_cycles",
]
