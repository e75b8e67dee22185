"""Costs, the best configuration, the Pareto front."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asnet.errors import NoFeasibleConfigurationError
from asnet.exploration import Cost, DesignSpace, Limit, Result, best, configuration_cost, pareto_front, resources
from asnet.exploration.costs import SpaceCosts
from asnet.testbed import Evaluation

from .conftest import SLOTS


def result(position: int, correct: int, area: float | None = None, delay: float | None = None) -> Result:
    return Result(position, f"configuration {position}", Evaluation(correct, 100, ""), Cost(area, delay))


def test_area_counts_each_unit_once_and_delay_is_the_slowest() -> None:
    configuration = {"conv1.fmul": "m(p=1)", "conv2.fmul": "m(p=1)", "softmax.fmul": "exact", "softmax.fdiv": "exact"}
    used = (("fmul", "f32", "m(p=1)"), ("fmul", "f32", "exact"), ("fdiv", "f32", "exact"))
    assert resources(configuration, SLOTS) == used
    costs = dict(zip(used, (Cost(100, 3.5), Cost(300, 5.0), Cost(900, 4.0)), strict=True))
    assert configuration_cost(configuration, SLOTS, costs) == Cost(1300, 5.0)
    del costs["fdiv", "f32", "exact"]
    assert configuration_cost(configuration, SLOTS, costs) == Cost(None, None)


def test_the_costs_of_a_space_are_those_of_its_configurations(space: DesignSpace) -> None:
    """Each set of units is added up once; two slots of one variable share their unit."""
    names = [candidate for variable in space.variables for candidate in variable.candidates]
    costs = {
        (op, "f32", name): Cost(100 + 7 * number**2, None if number == 3 else number / 2)
        for number, name in enumerate(names)
        for op in ("fmul", "fdiv")
    }
    table = SpaceCosts(space, costs)
    for _ in range(2):
        found = [table[position] for position in range(space.size)]
        assert found == [configuration_cost(space[position], SLOTS, costs) for position in range(space.size)]
    assert len({cost.area for cost in found}) > 9 and any(cost.delay is None for cost in found)


def test_objectives_without_a_limit_decide_first() -> None:
    results = [result(0, 99, 500), result(1, 97, 300), result(2, 98, 300), result(3, 90, 100), result(4, 98, 300)]
    limits = {"accuracy": Limit(min=0.97)}
    assert best(results, ("accuracy", "area"), limits).position == 2
    assert best(results, ("accuracy", "area"), {}).position == 0
    assert best(results, ("area", "accuracy"), {}).position == 3
    assert best(results, ("accuracy",), {"area": Limit(max=300)}).position == 2
    assert best(reversed(results), ("accuracy", "area"), limits).position == 2


def test_unknown_values_are_worst_and_satisfy_no_limit() -> None:
    results = [result(0, 99, None), result(1, 97, 300)]
    assert best(results, ("area", "accuracy"), {}).position == 1
    assert best(results, ("accuracy",), {"area": Limit(max=1000)}).position == 1
    assert best([result(0, 97), result(1, 98)], ("area",), {"accuracy": Limit(min=0.9)}).position == 1


def test_no_feasible_configuration_names_the_nearest() -> None:
    results = [result(0, 90, 500), result(1, 96, 600), result(2, 96, 700)]
    with pytest.raises(NoFeasibleConfigurationError) as caught:
        best(results, ("accuracy",), {"accuracy": Limit(min=0.97), "area": Limit(max=10000)})
    assert str(caught.value) == (
        "none of the 3 evaluated configurations has accuracy >= 0.97, area <= 10000; the nearest is configuration 1 "
        "with accuracy 0.96, area 600; relax the limits or offer other units"
    )
    assert caught.value.exit_status == 1
    with pytest.raises(NoFeasibleConfigurationError, match="the area of the units is unknown; install yosys"):
        best([result(0, 90)], ("accuracy",), {"area": Limit(max=1)})
    with pytest.raises(NoFeasibleConfigurationError, match="no configuration has been evaluated yet"):
        best([], ("accuracy",), {})


VALUES = st.integers(0, 3)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=12))
def test_pareto_front_is_what_nothing_beats(points: list[tuple[int, int, int]]) -> None:
    objectives = ("accuracy", "area", "delay")
    results = [result(i, correct, area, delay) for i, (correct, area, delay) in enumerate(points)]
    front = pareto_front(results, objectives)

    def losses(each: Result) -> tuple[float, ...]:
        return tuple(each.loss(objective) for objective in objectives)

    def beaten(each: Result) -> bool:
        return any(
            losses(other) != losses(each) and all(a <= b for a, b in zip(losses(other), losses(each), strict=True))
            for other in results
        )

    first: dict[tuple[float, ...], int] = {}
    for each in results:
        if not beaten(each):
            first.setdefault(losses(each), each.position)
    assert [each.position for each in front] == [first[key] for key in sorted(first)]
