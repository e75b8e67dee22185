"""The collector between the lanes of a loop and the tail that they share: results one after the other."""

from __future__ import annotations

from asnet.hls.engine.loop import LoopSignals
from asnet.hls.engine.parts import Delay, Line, Register, Section, delayed
from asnet.hls.expressions import bits, literal
from asnet.hls.names import Names
from asnet.hls.nest import Streamed
from asnet.hls.planning import inner_iterations
from asnet.hls.wires import number_bits

__all__ = ["collect"]


def collect(node: Streamed, main: LoopSignals, tail: LoopSignals, stage: int, section: Section, names: Names) -> None:
    """Hand what ``main`` has in ``stage`` to ``tail``.

    While lane 0 has results they go to the tail, and those of each other lane into its delay line of as many steps as
    a lane has results; then the lines empty themselves, each into the one of the lane before.
    """
    inside = inner_iterations(node)
    lanes = len(next(iter(node.values.values())))
    tick = main.tick(stage)
    guard = f"if ({tick}) " if tick else ""
    tests = [main.valid(stage), main.odometer.when(node.when.bounds, stage)]
    tests += [bits(main.at(flag, stage, 1), 0) for flag in node.when.flags]
    taken = names.fresh(f"{main.prefix}_taken")
    section.wires.append(Line(1, taken, " & ".join(test for test in tests if test), "every lane has a result"))
    more = ""
    if lanes > 1:
        more = _count(node, main, section, names, taken, stage, (lanes - 1) * inside)
    section.registers.append(Register(1, tail.go, "a result goes to the tail"))
    section.resets.append(f"{tail.go} <= 1'b0;")
    going = f"{taken} | {more}" if more else taken
    section.controlled.append(f"{tail.go} <= {f'({going}) & {tick}' if tick else going};")
    for value, sources in node.values.items():
        kept, width = tail.plan.values[value].stored.bits, tail.plan.values[value].width
        given = [bits(main.at(name, stage, width), kept - 1) for name in sources]
        waiting = ""
        for lane in range(lanes - 1, 0, -1):
            wire, line = (names.fresh(f"{value}_{word}_{lane}") for word in ("into", "lane"))
            text = f"{taken} ? {given[lane]} : {waiting}" if waiting else given[lane]
            section.wires.append(Line(kept, wire, text))
            delayed(section, names, Delay(kept, line, wire, inside, tick))
            waiting = line
        result = names.fresh(value)
        section.registers.append(Register(kept, result, "the result that goes to the tail"))
        now = f"{taken} ? {given[0]} : {waiting}" if waiting else given[0]
        section.clocked.append(f"{guard}{result} <= {now};")
        tail.define(value, result, kept, 0)


def _count(node: Streamed, main: LoopSignals, section: Section, names: Names, taken: str, stage: int, rest: int) -> str:
    """A register that is 1 while the lines hold results, ``rest`` of them at first."""
    more, left = names.fresh(f"{main.prefix}_more"), names.fresh(f"{main.prefix}_left")
    wide = number_bits(rest)
    inner = [counter.name for counter in node.tail.counters]
    inner = inner[inner.index(node.lane) + 1 :]
    full = " & ".join([taken, *(main.odometer.last(name, stage) for name in inner)])
    section.registers += [
        Register(1, more, "results of other lanes wait"),
        Register(wide, left, "so many, less one"),
    ]
    section.resets += [f"{more} <= 1'b0;", f"{left} <= {literal(0, wide)};"]
    tick = main.tick(stage)
    counting = [
        f"if ({full}) begin",
        f"    {more} <= 1'b1;",
        f"    {left} <= {literal(rest - 1, wide)};",
        f"end else if ({more}) begin",
        f"    {more} <= {left} != {literal(0, wide)};",
        f"    {left} <= {left} - {literal(1, wide)};",
        "end",
    ]
    section.controlled += [f"if ({tick}) begin", *(f"    {line}" for line in counting), "end"] if tick else counting
    return more
