"""Schedules that are known: a sum of products, lanes, windows; what limits them, in words; what is refused."""

from __future__ import annotations

import pytest

from asnet.errors import SynthesisError
from asnet.hls.scheduling import Edge, Item, Limit, Problem, Solution, check, recurrence, solve

READ = Item("x", 1, before=2.2, after=5.5, resource="read x", bits=32)
WEIGHT = Item("w", 1, before=2.2, after=5.5, resource="read w", bits=32)
MUL = Item("mul", 4, before=3.3, after=6.6, resource="fmul", bits=32)
ADD = Item("add", 6, before=3.3, after=6.6, resource="fadd", bits=32)
LOGIC = {"before": 4.0, "bits": 32}


def value(before: Item, after: str, distance: int = 0) -> Edge:
    return Edge(before.name, after, before.latency, distance, value=True)


def sum_of_products(distance: int, period: float = 10.0) -> Problem:
    """acc += x·w, with other outputs between the additions of one."""
    edges = (value(READ, "mul"), value(WEIGHT, "mul"), value(MUL, "add"), value(ADD, "add", distance))
    return Problem((READ, WEIGHT, MUL, ADD), edges, {"read x": 1, "read w": 1, "fmul": 1, "fadd": 1}, period)


def test_a_sum_of_products_starts_one_every_cycle() -> None:
    problem = sum_of_products(6)
    solution = solve(problem)
    check(problem, solution)
    assert solution == Solution({"x": 0, "w": 0, "mul": 1, "add": 5}, 1, 11, solution.limit)
    assert solution.limit.kind == "none"


def test_logic_between_two_additions_takes_a_cycle_of_its_own() -> None:
    """Behind 6.6 ns of rounding, 3.3 ns before the next addition do not fit into 9 ns."""
    assert recurrence(sum_of_products(1)).interval == 6
    assert recurrence(sum_of_products(1, period=9.0)).interval == 7
    assert solve(sum_of_products(6, period=9.0)).interval == 2


def test_the_recurrence_is_named() -> None:
    limit = solve(sum_of_products(1)).limit
    assert limit == Limit("recurrence", ("add",), "recurrence add → add: 6 cycles over distance 1")
    items = (Item("a", 0, **LOGIC), Item("b", 3, 1.0), Item("c", 1, 1.0))
    edges = (value(items[0], "b"), value(items[1], "c"), value(items[2], "a", 2))
    assert solve(Problem(items, edges, {}, 10.0)).limit.text == "recurrence a → b → c → a: 4 cycles over distance 2"


@pytest.mark.parametrize(
    ("resource", "count", "text"),
    [
        ("read x", 1, "resource read x: 9 reads, 1 port"),
        ("write y", 2, "resource write y: 9 writes, 2 ports"),
        ("fmul", 1, "resource fmul: 9 operations, 1 unit"),
        ("fmul_trunc_p_20", 4, "resource fmul_trunc_p_20: 9 operations, 4 units"),
    ],
)
def test_the_resource_is_named(resource: str, count: int, text: str) -> None:
    items = tuple(Item(f"i{number}", 1, 1.0, resource=resource) for number in range(9))
    solution = solve(Problem(items, (), {resource: count}, 10.0))
    assert solution.interval == -(-9 // count)
    assert solution.limit == Limit("resource", (resource,), text)


def test_a_port_that_a_recurrence_leaves_no_place_for() -> None:
    """Two operations a cycle apart, and two others two cycles apart, do not fit into four cycles of one port."""
    items = tuple(Item(name, 1, 1.0, resource="p") for name in "abcd")
    edges = (
        *(Edge("a", "b", 2), Edge("b", "a", 2, 1)),
        *(Edge("c", "d", 1), Edge("d", "c", 3, 1)),
    )
    solution = solve(Problem(items, edges, {"p": 1}, 10.0))
    assert solution.interval == 5
    assert solution.limit.text == (
        "resource p: 4 operations, 1 unit, in places that recurrences leave free only every 5 cycles"
    )


def test_an_interval_that_was_asked_for_limits_nothing() -> None:
    solution = solve(sum_of_products(1), 9)
    assert (solution.interval, solution.limit.kind) == (9, "none")


@pytest.mark.parametrize(("word", "flag", "when"), [(32, 1, 1), (1, 32, 6)])
def test_values_wait_where_they_are_narrow(word: int, flag: int, when: int) -> None:
    """Something is made of a word that is there at once, and needed late: the narrower of the two is kept."""
    items = (
        Item("word", 1, 1.0, bits=word),
        Item("slow", 5, 1.0),
        Item("flag", 0, 1.0, bits=flag),
        Item("use", 0, 1.0),
    )
    edges = (value(items[0], "slow"), value(items[0], "flag"), value(items[1], "use"), value(items[2], "use"))
    assert solve(Problem(items, edges, {}, 10.0)).start == {"word": 0, "slow": 1, "flag": when, "use": 6}


def test_logic_is_cut_where_it_is_too_long() -> None:
    items = tuple(Item(f"i{number}", 0, **LOGIC) for number in range(5))
    edges = tuple(value(items[number], f"i{number + 1}") for number in range(4))
    problem = Problem(items, edges, {}, 10.0)
    for interval in (1, None):
        solution = solve(problem, interval)
        check(problem, solution)
        assert solution.depth == 3
    held = Problem((Item("i0", 0, held=5.0, **LOGIC), *items[1:]), edges, {}, 10.0)
    assert solve(held).start["i1"] == 1


def test_many_lanes_are_scheduled_in_a_moment() -> None:
    """64 lanes of nine products over one port: 1,800 operations."""
    items, edges = [], []
    resources = {"read x": 1}
    for tap in range(9):
        items.append(Item(f"x{tap}", 1, 2.2, 5.5, "read x", 32))
    for lane in range(64):
        resources |= {f"fmul{lane}": 1, f"fadd{lane}": 1}
        for tap in range(9):
            mul, add = (
                Item(f"m{lane}.{tap}", 4, 3.3, 6.6, f"fmul{lane}", 32),
                Item(f"a{lane}.{tap}", 6, 3.3, 6.6, None, 32),
            )
            items += [Item(f"w{lane}.{tap}", 1, 2.2, 5.5, None, 32), mul, add]
            edges += [value(READ, mul.name), value(WEIGHT, mul.name), value(mul, add.name)]
            edges[-3:-1] = [Edge(f"x{tap}", mul.name, 1, 0, True), Edge(f"w{lane}.{tap}", mul.name, 1, 0, True)]
            edges.append(value(Item(f"a{lane}.{(tap - 1) % 9}", 6, 0.0), add.name, 0 if tap else 16))
    problem = Problem(tuple(items), tuple(edges), resources, 10.0)
    solution = solve(problem)
    check(problem, solution)
    assert solution.interval == 9
    assert solution.limit.text == "resource read x: 9 reads, 1 port"


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Problem((READ, READ), (), {"read x": 1}, 10.0), "two operations to be scheduled have one name"),
        (Problem((READ,), (), {}, 10.0), "x needs resource 'read x', of which there is none"),
        (Problem((Item("a", -1, 0.0),), (), {}, 10.0), "a has a latency of -1 cycles"),
        (Problem((ADD,), (Edge("add", "b", 1),), {"fadd": 1}, 10.0), "on add names 'b', which is no item"),
        (
            Problem((ADD,), (Edge("add", "add", 2, 1, True),), {"fadd": 1}, 10.0),
            "add takes add after 2 cycles, but the result is there after 6",
        ),
        (
            Problem((READ, MUL), (Edge("x", "mul", -1),), {"read x": 1, "fmul": 1}, 10.0),
            "mul waits -1 cycles for x of 0 iterations before",
        ),
        (
            Problem((READ, MUL), (Edge("x", "mul", 0), Edge("mul", "x", 0)), {"read x": 1, "fmul": 1}, 10.0),
            "operations wait for each other within one iteration: ",
        ),
    ],
)
def test_contradictions_are_refused(problem: Problem, message: str) -> None:
    with pytest.raises(SynthesisError, match=message):
        solve(problem)


def test_an_interval_is_positive() -> None:
    with pytest.raises(SynthesisError, match="an iteration cannot start every 0 cycles; the least interval is 1"):
        solve(sum_of_products(6), 0)


@pytest.mark.parametrize(
    ("start", "depth", "message"),
    [
        ({"x": 0, "w": 0, "mul": 1}, 11, "operations without a cycle or unknown: add"),
        ({"x": 0, "w": 0, "mul": 1, "add": 5}, 10, "add starts in cycle 5 and does not end within 10"),
        ({"x": 0, "w": 1, "mul": 1, "add": 5}, 11, "mul starts 0 cycles after w, not 1"),
        ({"x": 0, "w": 0, "mul": 1, "add": 5}, 11, "add starts 2 cycles after add of 2 iterations before, not 6"),
    ],
)
def test_what_breaks_a_rule_is_named(start: dict[str, int], depth: int, message: str) -> None:
    problem = sum_of_products(2 if "before" in message else 6)
    with pytest.raises(SynthesisError, match=f"illegal schedule: {message}"):
        check(problem, Solution(start, 1, depth, Limit("none", (), "")))


def test_too_many_at_once_and_too_much_logic_are_named() -> None:
    items = tuple(Item(name, 0, before=6.0, resource="p") for name in "ab")
    shared = Problem(items, (), {"p": 1}, 10.0)
    with pytest.raises(SynthesisError, match="a, b use 'p' in cycle 0 of 2, which takes 1"):
        check(shared, Solution({"a": 0, "b": 2}, 2, 3, Limit("none", (), "")))
    chained = Problem(items, (Edge("a", "b", 0, value=True),), {"p": 2}, 10.0)
    with pytest.raises(SynthesisError, match=r"12\.00 ns of logic through a to b, the period is 10\.00 ns"):
        check(chained, Solution({"a": 0, "b": 0}, 2, 1, Limit("none", (), "")))
