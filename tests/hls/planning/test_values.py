"""Widths of values in flat loops: counters, sums of counters, accumulators."""

from __future__ import annotations

from asnet.hls.kernel import Constant, Operation
from asnet.hls.nest import Affine, Carried, Counter, Pipeline
from asnet.hls.planning.values import affine_range, loop_values
from asnet.hls.ranges import Width
from asnet.ir import Memory, MemoryKind

X = Memory("x", MemoryKind.INPUT, "int8", (6, 9), 0)
Y = Memory("y", MemoryKind.OUTPUT, "int32", (6,), 64)


def operation(name: str, op: str, operands: tuple[str | Constant, ...], width: int, detail: str = "") -> Operation:
    widths = {"load": (64,), "store": (64, 32), "sext": (8,)}.get(op, (width,) * len(operands))
    return Operation(name, op, operands, width, widths, f"%{name} = {op}", detail)


def accumulation(following: Operation) -> Pipeline:
    return Pipeline(
        "sums",
        (Counter("i", 6), Counter("k", 9)),
        (
            operation("v", "load", ("at",), 8, "x"),
            operation("wide", "sext", ("v",), 32),
            following,
            operation("out", "store", ("i", "sum"), 0, "y"),
        ),
        {"at": Affine({"i": 9, "k": 1})},
        (Carried("held", 32, Constant(0, 32), "sum", ("k",), 1, "%held = phi"),),
    )


def widths(pipeline: Pipeline) -> dict[str, Width]:
    extents = {counter.name: counter.extent for counter in pipeline.counters}
    values = loop_values(pipeline, {}, extents, {"x": X, "y": Y})
    return {name: value.stored for name, value in values.items()}


def test_an_accumulator_holds_what_its_additions_make() -> None:
    """Nine bytes make at most 9·127 and at least -9·128."""
    found = widths(accumulation(operation("sum", "add", ("held", "wide"), 32)))
    assert found["held"] == Width(12, signed=True)
    assert found["at"] == Width(6)
    assert found["i"] == Width(3)


def test_a_maximum_is_no_wider_than_what_it_is_of() -> None:
    """It starts at 0, so that it never is less."""
    assert widths(accumulation(operation("sum", "smax", ("held", "wide"), 32)))["held"] == Width(7)
    assert widths(accumulation(operation("sum", "smin", ("held", "wide"), 32)))["held"] == Width(8, signed=True)


def test_what_grows_without_bounds_has_its_whole_width() -> None:
    """Each iteration subtracts what was there from a byte: no round of the analysis is the last one."""
    assert widths(accumulation(operation("sum", "sub", ("wide", "held"), 32)))["held"] == Width(32)


def test_the_range_of_a_sum_of_counters() -> None:
    assert affine_range(Affine({"i": 3, "k": -2}, 5), {"i": 4, "k": 6}) == (-5, 14)
