"""From flat loops to schedules: how wide values are, what operations run on, when they start."""

from asnet.hls.planning.plan import LoopPlan, NotPipelined, ProgramPlan, plan_program
from asnet.hls.planning.problem import every_access
from asnet.hls.planning.values import Value

__all__ = ["LoopPlan", "NotPipelined", "ProgramPlan", "Value", "every_access", "plan_program"]
