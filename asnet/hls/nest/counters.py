"""Rewriting the counters of a flat loop: splitting one into digits, fixing one, putting them into another order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest.program import Affine, Carried, Condition, Counter, Pipeline

__all__ = ["Digit", "distance", "guarded", "pruned", "reorder", "split", "substituted"]

INDEX_WIDTH = 64
"""Bits of counters and addresses, as in the source."""


@dataclass(frozen=True)
class Digit:
    """One of the counters that stand for another: their sum, each times its ``weight``, is the other's value.

    Iterations from ``used`` on are there for the distance only: their stores do not count. None: all are used.
    """

    name: str
    extent: int
    weight: int
    used: int | None = None


def split(pipeline: Pipeline, name: str, digits: Sequence[Digit]) -> Pipeline:
    """``pipeline`` with ``digits`` in place of the counter ``name``, which no carried value is over.

    Where digits reach beyond the counter's extent, stores get a flag, and loads may lie outside of their memory. The
    counter's name becomes an affine value if something needs it. Digits of one iteration are left out.
    """
    assert not any(name in carried.over for carried in pipeline.carried)
    counter = next(counter for counter in pipeline.counters if counter.name == name)
    kept = tuple(digit for digit in digits if digit.extent > 1)
    value = Affine({digit.name: digit.weight for digit in kept})
    reach = sum(digit.weight * ((digit.used or digit.extent) - 1) for digit in kept)
    tests: dict[str, Operation] = {}

    def test(label: str, predicate: str, bound: int) -> str:
        operands = (name, Constant(bound, INDEX_WIDTH))
        widths = (INDEX_WIDTH, INDEX_WIDTH)
        flag = f"{name}.{label}"
        tests[flag] = Operation(flag, "icmp", operands, 1, widths, f"the counter {name}", predicate)
        return flag

    conditions: dict[str, Condition] = {}
    for operation, condition in pipeline.conditions.items():
        bounds = dict(condition.bounds)
        flags = list(condition.flags)
        low, high = bounds.pop(name, (0, counter.extent - 1))
        if low > 0:
            flags.append(test(f"from{low}", "uge", low))
        if high < counter.extent - 1:
            flags.append(test(f"to{high}", "ule", high))
        conditions[operation] = Condition(bounds, tuple(flags))
    padding = {digit.name: (0, digit.used - 1) for digit in kept if digit.used and digit.used < digit.extent}
    beyond = (test("inside", "ult", counter.extent),) if reach >= counter.extent else ()
    if padding or beyond:
        for operation in pipeline.operations:
            if operation.op == "store":
                conditions[operation.name] = guarded(conditions.get(operation.name), padding, beyond)
    affine = {key: _spread(item, name, kept) for key, item in pipeline.affine.items()}
    if tests or name in pipeline.taken:
        affine[name] = value
    counters: list[Counter] = []
    for old in pipeline.counters:
        counters.extend([old] if old.name != name else [Counter(digit.name, digit.extent) for digit in kept])
    gated = pipeline.counters.index(counter) < pipeline.gate
    return replace(
        pipeline,
        counters=tuple(counters),
        operations=(*tests.values(), *pipeline.operations),
        affine=affine,
        conditions=conditions,
        gate=pipeline.gate + (len(kept) - 1 if gated else 0),
    )


def guarded(condition: Condition | None, bounds: Mapping[str, tuple[int, int]], flags: Sequence[Operand]) -> Condition:
    """``condition`` and more: ``bounds`` of counters that it does not bound yet, and ``flags``."""
    if condition is None:
        return Condition(dict(bounds), tuple(flags))
    return Condition({**condition.bounds, **bounds}, (*condition.flags, *flags))


def _spread(affine: Affine, name: str, digits: Iterable[Digit]) -> Affine:
    strides = dict(affine.strides)
    step = strides.pop(name, 0)
    if step:
        for digit in digits:
            strides[digit.name] = strides.get(digit.name, 0) + step * digit.weight
    return Affine(strides, affine.offset)


def substituted(affine: Affine, values: Mapping[str, int]) -> Affine:
    """``affine`` where the counters of ``values`` have those values."""
    offset = affine.offset + sum(stride * values.get(counter, 0) for counter, stride in affine.strides.items())
    return Affine({counter: stride for counter, stride in affine.strides.items() if counter not in values}, offset)


def distance(counters: Sequence[Counter], carried: Carried) -> int:
    """Iterations of everything inside the innermost counter that ``carried`` is over."""
    innermost = max(index for index, counter in enumerate(counters) if counter.name in carried.over)
    return prod(counter.extent for counter in counters[innermost + 1 :])


def reorder(pipeline: Pipeline, names: Sequence[str]) -> Pipeline:
    """``pipeline`` with its counters in the order of ``names``; distances and the gate follow.

    The caller knows that the order of iterations does not matter but along the counters that values are carried over,
    and leaves the order of those.
    """
    counters = tuple(sorted(pipeline.counters, key=lambda counter: names.index(counter.name)))
    carried = tuple(replace(value, distance=distance(counters, value)) for value in pipeline.carried)
    over = {name for value in carried for name in value.over}
    outside = next((index for index, counter in enumerate(counters) if counter.name in over), pipeline.gate)
    return replace(pipeline, counters=counters, carried=carried, gate=outside)


def reached(first: Iterable[Operand], sources: Iterable[Mapping[str, tuple[Operand, ...]]]) -> set[Operand]:
    """``first``, and all that they depend on; ``sources``: value → what it depends on at once."""
    known: dict[Operand, list[Operand]] = {}
    for name, operands in (item for each in sources for item in each.items()):
        known.setdefault(name, []).extend(operands)
    work, found = list(first), set[Operand]()
    while work:
        operand = work.pop()
        if operand not in found:
            found.add(operand)
            work += known.get(operand, ())
    return found


def pruned(pipeline: Pipeline) -> Pipeline:
    """``pipeline`` without what no store and no result depends on."""
    alive = reached((*pipeline.results, *pipeline.stores), [pipeline.sources])
    return replace(
        pipeline,
        operations=tuple(operation for operation in pipeline.operations if operation.name in alive),
        affine={name: affine for name, affine in pipeline.affine.items() if name in alive},
        carried=tuple(value for value in pipeline.carried if value.name in alive),
        conditions={name: condition for name, condition in pipeline.conditions.items() if name in alive},
    )
