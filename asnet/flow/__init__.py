"""The two whole jobs, explore and synth, as the Python API and the command line run them."""

from asnet.flow.choosing import BEST, Choice, choose
from asnet.flow.exploring import exact_operator, explore, unit_costs
from asnet.flow.problem import Problem, Progress, Source

__all__ = [
    "BEST",
    "Choice",
    "Problem",
    "Progress",
    "Source",
    "choose",
    "exact_operator",
    "explore",
    "unit_costs",
]
