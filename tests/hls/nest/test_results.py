"""Results that nobody takes go, with what only they needed."""

from __future__ import annotations

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.program import Counter, Pipeline, Program, Repeat
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
