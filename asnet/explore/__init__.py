"""Stage 2c: constraints, design space, search, executors, the study, and choosing from it."""

from asnet.explore.configuration import Configuration
from asnet.explore.configuration_file import ConfigurationFile, load_configuration, save_configuration
from asnet.explore.constraints import (
    GRANULARITIES,
    OBJECTIVES,
    Constraints,
    Limit,
    Rule,
    UnitSource,
    load_constraints,
)
from asnet.explore.costs import Cost, Costs, Resource, configuration_cost, resources
from asnet.explore.driver import Progress, explore
from asnet.explore.executor import Executor, InProcess
from asnet.explore.processes import Processes
from asnet.explore.rules import Match
from asnet.explore.search import Exhaustive, Random, Search
from asnet.explore.select import Result, best, pareto_front
from asnet.explore.sources import instances_of
from asnet.explore.space import DesignSpace, Variable
from asnet.explore.study import Study
from asnet.explore.study_facts import StudyFacts, UnitFact

__all__ = [
    "GRANULARITIES",
    "OBJECTIVES",
    "Configuration",
    "ConfigurationFile",
    "Constraints",
    "Cost",
    "Costs",
    "DesignSpace",
    "Executor",
    "Exhaustive",
    "InProcess",
    "Limit",
    "Match",
    "Processes",
    "Progress",
    "Random",
    "Resource",
    "Result",
    "Rule",
    "Search",
    "Study",
    "StudyFacts",
    "UnitFact",
    "UnitSource",
    "Variable",
    "best",
    "configuration_cost",
    "explore",
    "instances_of",
    "load_configuration",
    "load_constraints",
    "pareto_front",
    "resources",
    "save_configuration",
]
