"""What runs when: loops one after the other, repeats around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asnet.hls.engine.collector import collect
from asnet.hls.engine.loop import LoopSignals
from asnet.hls.engine.neighbours import Neighbours
from asnet.hls.engine.operations import Datapath
from asnet.hls.engine.parts import Line, Register, Section
from asnet.hls.engine.ports import Ports
from asnet.hls.engine.scope import LoopScope, Outside
from asnet.hls.expressions import Signal, SignalUse, bits, literal
from asnet.hls.kernel import Constant, Operand
from asnet.hls.names import Names, comment
from asnet.hls.nest import Counter, Node, Pipeline, Repeat, Streamed
from asnet.hls.operands import FloatConstants
from asnet.hls.planning import Gate, LoopPlan, ProgramPlan, Trigger, collected_stage
from asnet.hls.ranges import Width
from asnet.hls.storage import tiled_loads
from asnet.hls.wires import number_bits

__all__ = ["Layer"]


class Layer:
    """Builds the sections of a layer's module. ``end``: 1 in the cycle in which its last node ends; ``handover``: when
    the trigger that was asked for says so."""

    def __init__(self, plan: ProgramPlan, names: Names, neighbours: Neighbours) -> None:
        self._plan = plan
        self._gate = neighbours.gate
        self.names = names
        self.use = SignalUse()
        self.constants = FloatConstants(names)
        self.ports = Ports(plan, names, neighbours.shared)
        self.sections: list[Section] = []
        self._loops: Iterator[LoopPlan] = iter(plan.loops)
        self._ends: Iterator[Trigger] = iter(plan.layout.ends)
        self._begun: list[LoopSignals] = []
        self._signals: dict[str, Signal] = {}
        self._repeats: tuple[tuple[Counter, str], ...] = ()
        self.end = self._nodes(plan.program.body, "start")
        self.handover = None if neighbours.handover is None else self.after(neighbours.handover)
        for loop in self._begun:
            loop.finish()

    def _nodes(self, nodes: Sequence[Node], begin: str) -> str:
        """Put ``nodes`` in; the first begins with ``begin``, the last ends with what is returned."""
        for node in nodes:
            match node:
                case Pipeline():
                    begin = self._single(begin)
                case Streamed():
                    begin = self._streamed(node, begin)
                case Repeat():
                    begin = self._repeat(node, begin)
        return begin

    def _section(self, *title: str) -> Section:
        section = Section(title)
        self.sections.append(section)
        return section

    def _loop(self, plan: LoopPlan) -> LoopSignals:
        section = self._section(*describe(plan))
        outside = Outside(self._signals, self._repeats)
        self._begun.append(LoopSignals(LoopScope(plan, plan.pipeline.name, self.names, section, outside), self.use))
        return self._begun[-1]

    def _single(self, begin: str) -> str:
        loop = self._loop(next(self._loops))
        self._start(loop, begin)
        self._body(loop)
        return self._ended()

    def _streamed(self, node: Streamed, begin: str) -> str:
        main = self._loop(next(self._loops))
        self._start(main, begin)
        self._body(main)
        section = self._section(f"Collector: the results of {node.name}, lane after lane")
        plan = next(self._loops)
        tail = self._loop(plan)
        stage = collected_stage(node, main.plan)
        tail.follow(main, stage + 1)
        collect(node, main, tail, stage, section, self.names)
        self._body(tail)
        return self._ended()

    def _body(self, loop: LoopSignals) -> None:
        Datapath(self._plan.program.layer, loop, self.ports, self.names, self.use, self.constants).emit()
        plan = loop.plan
        for name in plan.pipeline.results:
            if name in self._signals:
                continue
            value = plan.values[name]
            stage = plan.ready(name) if name in plan.solution.start else 0
            register = self.names.fresh(f"{name}_kept")
            loop.section.registers.append(Register(value.stored.bits, register, "the last iteration's, for later"))
            now = bits(loop.at(name, stage, value.width), value.stored.bits - 1)
            loop.section.clocked.append(f"if ({loop.valid(stage)}) {register} <= {now};")
            self._signals[name] = Signal(register, value.stored, value.width, self.use)

    def _start(self, loop: LoopSignals, begin: str) -> None:
        """Iterations start from the cycle after ``begin`` on."""
        section = loop.section
        if loop.plan.pipeline.iterations == 1:
            section.registers.append(Register(1, loop.go, "the iteration starts"))
            section.resets.append(f"{loop.go} <= 1'b0;")
            section.controlled.append(f"{loop.go} <= {begin};")
            return
        run = self.names.fresh(f"{loop.prefix}_run")
        section.registers.append(Register(1, run, "iterations start"))
        section.resets.append(f"{run} <= 1'b0;")
        section.controlled += [f"if ({begin}) {run} <= 1'b1;", f"else if ({loop.odometer.final}) {run} <= 1'b0;"]
        test = run
        if loop.slotted:
            wide = number_bits(loop.interval)
            section.resets.append(f"{loop.slot} <= {literal(0, wide)};")
            wraps = f"{begin} | {loop.slot} == {literal(loop.interval - 1, wide)}"
            section.controlled.append(
                f"{loop.slot} <= {wraps} ? {literal(0, wide)} : {loop.slot} + {literal(1, wide)};"
            )
            test = f"{run} & {loop.slot} == {literal(0, wide)}"
        section.wires.append(Line(1, loop.go, self._waiting(loop, test), "an iteration starts"))

    def _waiting(self, loop: LoopSignals, test: str) -> str:
        """``test``, and that all is there that the iterations from this one on wait for."""
        if self._gate is not None and loop is self._begun[0]:
            test = self._gated(loop, test, self._gate)
        for operation, memory in tiled_loads(self._plan.program, loop.plan.pipeline):
            stage = loop.plan.start(operation.name)
            bounds = dict.fromkeys(memory.first, (0, 0))
            claim, take, ready = loop.go, loop.valid(stage), self.ports.ready(memory.name)
            if memory.first:
                first = loop.odometer.when(bounds, 0)
                claim, take = f"{claim} & {first}", f"{take} & {loop.odometer.when(bounds, stage)}"
                ready = f"(~{first} | {ready})"
            self.ports.claim(memory.name, claim, take)
            test += f" & {ready}"
        return test

    def _gated(self, loop: LoopSignals, test: str, gate: Gate) -> str:
        """``test``, and that the words are there that the group reads of which the iteration is the first."""
        first = loop.odometer.when(dict.fromkeys(gate.inside, (0, 0)), 0)
        for memory in gate.memories:
            self.ports.claim(memory, f"{loop.go} & {first}" if first else loop.go)
        ready = " & ".join(self.ports.ready(memory) for memory in gate.memories)
        return f"{test} & (~{first} | ({ready}))" if first else f"{test} & {ready}"

    def _ended(self) -> str:
        """The signal with which what follows the latest node begins."""
        return self.after(next(self._ends))

    def after(self, trigger: Trigger) -> str:
        """The signal that is 1 when ``trigger`` says so."""
        loop = self._begun[trigger.event.loop]
        return loop.later(loop.odometer.early if trigger.event.early else loop.odometer.final, trigger.cycles)

    def _repeat(self, node: Repeat, begin: str) -> str:
        counter, wide = node.counter, number_bits(node.counter.extent)
        opening = self._section(f"Repeat {comment(counter.name)}: {counter.extent} times")
        count = self.names.fresh(counter.name, ("", "_last", "_begin", "_end"))
        last, again, ended = f"{count}_last", f"{count}_begin", f"{count}_end"
        opening.registers += [
            Register(wide, count, f"counter {comment(counter.name)}: 0 … {counter.extent - 1}"),
            Register(1, again, "its body begins"),
        ]
        opening.wires.append(Line(1, last, f"{count} == {literal(counter.extent - 1, wide)}"))
        self._signals[counter.name] = Signal(count, Width(wide), 64, self.use)
        held: list[tuple[str, str]] = []
        for carried in node.carried:
            value = self._plan.values[carried.name]
            register = self.names.fresh(carried.name)
            opening.registers.append(Register(value.stored.bits, register, comment(carried.source)))
            held.append((register, bits(self._operand(carried.initial), value.stored.bits - 1)))
            self._signals[carried.name] = Signal(register, value.stored, value.width, self.use)
        around = self._repeats
        self._repeats = (*around, (counter, last))
        body = self._nodes(node.body, again)
        self._repeats = around
        closing = self._section(f"End of repeat {comment(counter.name)}")
        closing.wires.append(Line(1, ended, f"{body} & {last}", "its last iteration ends"))
        zero, one = literal(0, wide), literal(1, wide)
        closing.resets += [f"{count} <= {zero};", f"{again} <= 1'b0;"]
        closing.controlled += [
            f"{again} <= {begin} | ({body} & ~{last});",
            f"if ({body}) {count} <= {last} ? {zero} : {count} + {one};",
        ]
        for carried, (register, initial) in zip(node.carried, held, strict=True):
            value = self._plan.values[carried.name]
            following = bits(self._operand(carried.following), value.stored.bits - 1)
            closing.clocked += [
                f"if ({begin}) {register} <= {initial};",
                f"else if ({body} & ~{last}) {register} <= {following};",
            ]
        return ended

    def _operand(self, operand: Operand) -> Signal:
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self.use, operand)
        return self._signals[operand]


def describe(plan: LoopPlan) -> list[str]:
    """A loop in words."""
    pipeline, interval = plan.pipeline, plan.interval
    nest = " ".join(f"for {counter.name} < {counter.extent}:" for counter in pipeline.counters)
    every = "every cycle" if interval == 1 else f"every {interval} cycles"
    depth = "1 cycle" if plan.depth == 1 else f"{plan.depth} cycles"
    if pipeline.iterations == 1:
        return [f"Block {comment(pipeline.name)}: {depth}"]
    return [
        f"Loop {comment(pipeline.name)}: {comment(nest)}",
        f"{pipeline.iterations} iterations, one {every}, {depth} deep; {comment(plan.solution.limit.text)}",
    ]
