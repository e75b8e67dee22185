"""Stage 2c: constraints, design space, search, executors, the study, and choosing from it."""

from asnet.exploration.adaptive import Adaptive
from asnet.exploration.configuration import Configuration
from asnet.exploration.configuration_file import (
    ConfigurationFile,
    PassRecord,
    load_configuration,
    save_configuration,
)
from asnet.exploration.constraints import (
    GRANULARITIES,
    OBJECTIVES,
    Constraints,
    Limit,
    Rule,
    UnitSource,
    load_constraints,
)
from asnet.exploration.costs import Cost, Costs, Resource, configuration_cost, resources
from asnet.exploration.driver import Progress, explore
from asnet.exploration.executor import Executor, InProcess
from asnet.exploration.processes import Processes
from asnet.exploration.rules import Match
from asnet.exploration.search import Exhaustive, Random, Search
from asnet.exploration.select import Result, best, pareto_front
from asnet.exploration.sources import UnitChoice, instances_of, offered
from asnet.exploration.space import DesignSpace, Variable
from asnet.exploration.study import Study
from asnet.exploration.study_facts import StudyFacts, UnitFact

__all__ = [
    "GRANULARITIES",
    "OBJECTIVES",
    "Adaptive",
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
    "PassRecord",
    "Processes",
    "Progress",
    "Random",
    "Resource",
    "Result",
    "Rule",
    "Search",
    "Study",
    "StudyFacts",
    "UnitChoice",
    "UnitFact",
    "UnitSource",
    "Variable",
    "best",
    "configuration_cost",
    "explore",
    "instances_of",
    "load_configuration",
    "load_constraints",
    "offered",
    "pareto_front",
    "resources",
    "save_configuration",
]
