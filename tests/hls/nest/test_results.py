"""Results that nobody takes go, with what only they needed."""

from __future__ import annotations

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.program import Carried, Counter, Pipeline, Program, Repeat
from asnet.hls.nest.results import without_unused_results


def _add(name: str, *operands: Operand) -> Operation:
    return Operation(name, "add", operands, 32, (32, 32), name)


def _store(*operands: Operand) -> Operation:
    return Operation("s", "store", operands, 0, (64, 32), "s", "m")


def test_what_only_unused_results_need_goes() -> None:
    one = Constant(1, 32)
    first = Pipeline("first", (), (_add("a", one, one), _add("b", "a", one), _add("c", one, one)), results=("b", "c"))
    second = Pipeline("second", (), (_add("d", "b", one), _add("e", "d", one)), results=("d",))
    last = Pipeline("last", (), (_store(Constant(0, 64), "c"),))
    body = (first, Repeat(Counter("i", 3), (), (second,)), last)
    program = without_unused_results(Program("layer", (), body))
    assert [pipeline.results for pipeline in program.pipelines] == [("c",), ()]
    assert [list(pipeline.operation) for pipeline in program.pipelines] == [["c"], ["s"]]
    assert without_unused_results(program) is program


def test_what_repeats_carry_for_nobody_goes() -> None:
    """``p`` starts a loop whose first value nobody sees; ``q`` and ``r`` only go on with each other, through a loop."""
    one = Constant(1, 32)
    summing = Pipeline(
        "summing",
        (Counter("j", 2),),
        (_add("a", "t", "s"),),
        carried=(Carried("t", 32, "r", "a", ("j",), 1, "t"),),
        results=("a",),
    )
    last = Pipeline("last", (), (_store(Constant(0, 64), "s"),))
    carried = (
        Carried("p", 32, one, "q", ("i",), 1, "p"),
        Carried("q", 32, one, "r", ("i",), 1, "q"),
        Carried("r", 32, one, "a", ("i",), 1, "r"),
        Carried("s", 32, one, "s2", ("i",), 1, "s"),
    )
    stepping = Pipeline("stepping", (), (_add("s2", "s", one),), results=("s2",))
    body = (Repeat(Counter("i", 3), carried, (summing, stepping)), last)
    program = without_unused_results(Program("layer", (), body))
    (repeat, end) = program.body
    assert isinstance(repeat, Repeat) and [value.name for value in repeat.carried] == ["s"]
    assert repeat.body == (stepping,) and end == last
    assert without_unused_results(program) is program
