"""Dependences through memories, against the iterations counted one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from random import Random

import pytest

from asnet.hls.kernel import Constant, Operation
from asnet.hls.nest import Affine, Condition, Counter, Pipeline, Program
from asnet.hls.nest import accesses as accesses_module
from asnet.hls.nest.dependence import independent, lags, memory_dependences
from asnet.ir import Memory, MemoryKind

SIZE = 4096
MEMORIES = tuple(Memory(name, MemoryKind.ACTIVATION, "float32", (SIZE,), 0) for name in "xy")
SEEDS = range(300)


def random_pipeline(random: Random, name: str) -> Pipeline:
    """A few loads and stores, their addresses sums of counters; some with bounds, one may depend on data."""
    counters = tuple(Counter(f"{name}{k}", 1 + random.randrange(5)) for k in range(random.randrange(4)))
    operations: list[Operation] = []
    affine: dict[str, Affine] = {}
    conditions: dict[str, Condition] = {}
    steps = [random.choice((0, 1, 1, 2, 3, 5, 8, -1, -4)) for _ in counters]
    for number in range(2 + random.randrange(3)):
        index = f"{name}.i{number}"
        own = steps if random.randrange(3) else [random.randrange(-3, 9) for _ in counters]
        affine[index] = Affine(
            {c.name: step for c, step in zip(counters, own, strict=True)}, 400 + random.randrange(12)
        )
        memory = random.choice("xxy")
        source = f"{name}.{number}"
        if random.randrange(2):
            operations.append(Operation(source, "load", (index,), 32, (64,), source, memory))
        else:
            operations.append(Operation(source, "store", (index, Constant(0, 32)), 0, (64, 32), source, memory))
        if counters and not random.randrange(3):
            counter = random.choice(counters)
            low = random.randrange(counter.extent)
            conditions[source] = Condition({counter.name: (low, random.randrange(low, counter.extent))})
    return Pipeline(name, counters, tuple(operations), affine, (), conditions)


def touched(pipeline: Pipeline) -> Iterator[tuple[int, int, Mapping[str, int], Operation, int]]:
    """Iteration, place in the body, counters, operation and address of each access that counts."""
    names = [counter.name for counter in pipeline.counters]
    for time, values in enumerate(itertools.product(*(range(c.extent) for c in pipeline.counters))):
        position = dict(zip(names, values, strict=True))
        for order, operation in enumerate(pipeline.operations):
            bounds = pipeline.conditions.get(operation.name, Condition()).bounds
            if all(low <= position[name] <= high for name, (low, high) in bounds.items()):
                index = pipeline.affine[str(operation.operands[0])]
                address = index.offset + sum(step * position[name] for name, step in index.strides.items())
                yield time, order, position, operation, address


def conflicting(a: Operation, b: Operation) -> bool:
    return a.detail == b.detail and "store" in (a.op, b.op)


@pytest.fixture(params=["enumerated", "searched"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With and without looking at iterations one by one."""
    if request.param == "searched":
        monkeypatch.setattr(accesses_module, "_MOST_CELLS", 0)
    return request.param


def test_least_distances(how: str) -> None:
    exact = 0
    for seed in SEEDS:
        pipeline = random_pipeline(Random(seed), "p")
        program = Program("layer", MEMORIES, (pipeline,))
        found = {(d.before, d.after): d.distance for d in memory_dependences(pipeline, program)}
        events = list(touched(pipeline))
        expected: dict[tuple[str, str], int] = {}
        for (t, p, _, a, word), (u, q, _, b, other) in itertools.product(events, repeat=2):
            if a is not b and word == other and conflicting(a, b) and (u > t or (u == t and q > p)):
                key = a.name, b.name
                expected[key] = min(expected.get(key, u - t), u - t)
        assert all(found[key] <= distance for key, distance in expected.items()), seed
        if how == "enumerated":
            assert found == expected, seed
        exact += found == expected
    assert exact > len(SEEDS) // 2


def test_independent_iterations() -> None:
    outcomes: set[bool] = set()
    for seed in SEEDS:
        random = Random(seed)
        pipeline = random_pipeline(random, "p")
        chosen = {counter.name for counter in pipeline.counters if random.randrange(2)}
        events = list(touched(pipeline))
        apart = not any(
            word == other and conflicting(a, b) and any(v[name] != w[name] for name in chosen)
            for (_, _, v, a, word), (_, _, w, b, other) in itertools.product(events, repeat=2)
        )
        assert independent(pipeline, chosen, Program("layer", MEMORIES, (pipeline,))) == apart, seed
        outcomes.add(apart)
    assert outcomes == {True, False}


def test_lags() -> None:
    some = 0
    for seed in SEEDS:
        random = Random(seed)
        first, second = random_pipeline(random, "p"), random_pipeline(random, "q")
        intervals = 1 + random.randrange(3), 1 + random.randrange(3)
        program = Program("layer", MEMORIES, (first, second))
        found = {(lag.before, lag.after): lag.cycles for lag in lags(first, second, intervals, program)}
        expected: dict[tuple[str, str], int] = {}
        for (t, _, _, a, word), (u, _, _, b, other) in itertools.product(touched(first), touched(second)):
            if word == other and conflicting(a, b):
                cycles = intervals[0] * t - intervals[1] * u
                expected[a.name, b.name] = max(expected.get((a.name, b.name), cycles), cycles)
        assert found == expected, seed
        some += bool(found)
    assert some > 20


def test_what_depends_on_data_may_be_anywhere() -> None:
    index = Operation("i", "load", ("n",), 64, (64,), "", "y")
    load = Operation("a", "load", ("i",), 32, (64,), "", "x")
    store = Operation("b", "store", ("n", "a"), 0, (64, 32), "", "x")
    pipeline = Pipeline("p", (Counter("n", 8),), (index, load, store))
    program = Program("layer", MEMORIES, (pipeline,))
    found = {(d.before, d.after): d.distance for d in memory_dependences(pipeline, program)}
    assert found == {("a", "b"): 0, ("b", "a"): 1}
    assert not independent(pipeline, ["n"], program)
    (lag, *_) = lags(pipeline, pipeline, (2, 1), program)
    assert lag.cycles == 14


def test_a_long_loop_is_searched() -> None:
    """x[i, j] = f(x[i - 1, j]): a row earlier."""
    counters = Counter("i", 4000), Counter("j", 5000)
    load = Operation("a", "load", ("above",), 32, (64,), "", "x")
    store = Operation("b", "store", ("here", "a"), 0, (64, 32), "", "x")
    affine = {"above": Affine({"i": 5000, "j": 1}), "here": Affine({"i": 5000, "j": 1}, 5000)}
    pipeline = Pipeline("p", counters, (load, store), affine)
    (found,) = memory_dependences(pipeline, Program("layer", MEMORIES, (pipeline,)))
    assert (found.before, found.after, found.distance) == ("b", "a", 5000)
