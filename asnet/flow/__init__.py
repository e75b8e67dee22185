"""The two whole jobs, explore and synth, as the Python API and the command line run them."""

from asnet.flow.exploring import exact_operator, explore, unit_costs
from asnet.flow.problem import Problem, Progress, Source

__all__ = ["Problem", "Progress", "Source", "exact_operator", "explore", "unit_costs"]
