"""Area and delay of the units of a space, measured while something else goes on."""

from __future__ import annotations

from concurrent.futures import Future, as_completed
from functools import partial

from asnet.errors import ToolMissingError
from asnet.exploration import Cost, Costs, Resource, resources
from asnet.flow.problem import Problem, Progress
from asnet.tools import ToolThreads
from asnet.types import EXACT, operand_type
from asnet.units import UnitInstance, exact_unit
from asnet.units.characterise import characterise

__all__ = ["UnitCosts", "unit_costs"]


class UnitCosts:
    """Measures every unit of ``problem``'s space in ``threads``, from now on."""

    def __init__(self, problem: Problem, threads: ToolThreads) -> None:
        self._used = _used(problem)
        measure = partial(_cost, problem=problem)
        self._futures: dict[Future[Cost | None], Resource] = {
            threads.submit(measure, instance): resource for resource, instance in self._used.items()
        }

    def collect(self, progress: Progress | None = None) -> Costs:
        """Area and delay of every unit, as far as known; empty where there is no way to know any.

        Raises:
            UnitError, ToolError: a unit cannot be synthesised.
        """
        costs: dict[Resource, Cost] = {}
        for done, future in enumerate(as_completed(self._futures), start=1):
            cost, resource = future.result(), self._futures[future]
            if cost is not None:
                costs[resource] = cost
                if progress is not None:
                    progress(done, len(self._used), self._used[resource].name)
        return costs


def unit_costs(problem: Problem, *, jobs: int = 1, progress: Progress | None = None) -> Costs:
    """Area and delay of every unit of the space, as far as known; empty where there is no way to know any.

    Raises:
        UnitError, ToolError: a unit cannot be synthesised.
    """
    with ToolThreads(jobs) as threads:
        return UnitCosts(problem, threads).collect(progress)


def _used(problem: Problem) -> dict[Resource, UnitInstance]:
    used: dict[Resource, UnitInstance] = {}
    for variable in problem.space.variables:
        members = [slot for slot in problem.slots if slot.name in variable.slots]
        for candidate in variable.candidates:
            for resource in resources(dict.fromkeys(variable.slots, candidate), members):
                op, kind, name = resource
                instance = exact_unit(op, operand_type(kind)) if name == EXACT else problem.space.instances[name]
                if instance is not None:
                    used[resource] = instance
    return used


def _cost(instance: UnitInstance, problem: Problem) -> Cost | None:
    try:
        figures = characterise(instance, problem.mode, cache=problem.cache)
    except ToolMissingError:  # no yosys: only units whose figures are shipped have costs
        return None
    return Cost(area=figures.luts, delay=figures.levels)
