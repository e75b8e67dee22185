"""The two whole jobs, explore and synth, as the Python API and the command line run them.

What belongs to synthesis is imported at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from asnet.flow.choosing import BEST, Choice, choose
from asnet.flow.costing import unit_costs
from asnet.flow.exploring import explore
from asnet.flow.problem import Problem, Progress, Units

if TYPE_CHECKING:
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


def __getattr__(name: str) -> object:
    if name in {"Synthesis", "synth"}:
        return getattr(import_module("asnet.flow.synthesising"), name)
    raise AttributeError(f"module 'asnet.flow' has no attribute {name!r}")
