"""The two whole jobs, explore and synth, as the Python API and the command line run them."""

from asnet.flow.choosing import BEST, Choice, choose
from asnet.flow.costing import unit_costs
from asnet.flow.exploring import explore
from asnet.flow.problem import Problem, Progress, Units
from asnet.flow.synthesising import Synthesis, synth

__all__ = [
    "BEST",
    "Choice",
    "Problem",
    "Progress",
    "Synthesis",
    "Units",
    "choose",
    "explore",
    "synth",
    "unit_costs",
]
