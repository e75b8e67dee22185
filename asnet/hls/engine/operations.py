"""The operations of a loop in their stages: logic as wires, units and memories through the module's ports."""

from __future__ import annotations

from collections.abc import Iterator

from asnet.hls.engine.loop import LoopSignals
from asnet.hls.engine.parts import Line, Source
from asnet.hls.engine.ports import Ports
from asnet.hls.expressions import DECODED, Signal, SignalUse, bits, logic
from asnet.hls.kernel import Operation
from asnet.hls.names import Names
from asnet.hls.nest import Carried
from asnet.hls.operands import FloatConstants, unit_operand
from asnet.hls.ranges import Width, address_bits

__all__ = ["Datapath"]


class Datapath:
    """Puts the operations of one loop into its section, and their accesses into the ports."""

    def __init__(
        self,
        layer: str,
        loop: LoopSignals,
        ports: Ports,
        names: Names,
        use: SignalUse,
        constants: FloatConstants,
    ) -> None:
        self._layer = layer
        self._loop = loop
        self._plan = loop.plan
        self._ports = ports
        self._names = names
        self._use = use
        self._constants = constants

    def emit(self) -> None:
        """All of it."""
        pipeline = self._plan.pipeline
        for operation in pipeline.operations:
            self._name(operation)
        for carried in pipeline.carried:
            kept = self._plan.values[carried.name].stored.bits
            wire = self._names.fresh(carried.name)
            self._loop.define(carried.name, wire, kept, self._plan.start(carried.name))
        for carried in pipeline.carried:
            self._carried(carried)
        for operation in pipeline.operations:
            self._emit(operation)

    def _stored(self, operation: Operation) -> Width:
        return self._plan.values[operation.name].stored

    def _name(self, operation: Operation) -> None:
        """Where the result comes from: a port as it is, or a wire."""
        if operation.width == 0:
            return
        kept = self._stored(operation).bits
        port = self._port(operation)
        wire = port if port is not None and self._is_whole(operation) else self._names.fresh(operation.name)
        self._loop.define(operation.name, wire, kept, self._plan.ready(operation.name))

    def _is_whole(self, operation: Operation) -> bool:
        """Whether the port carries the value as it is: not decoded, not cut."""
        kept = self._stored(operation).bits
        unit = self._plan.operators.get(operation.name)
        return kept == operation.width if unit is None else operation.op != "fcmp" and kept == unit.result_width

    def _port(self, operation: Operation) -> str | None:
        """The port that carries the result; None of logic."""
        if operation.op == "load":
            return self._ports.rdata(operation.detail, self._plan.instance[operation.name])
        unit = self._plan.operators.get(operation.name)
        return None if unit is None else f"{self._ports.unit(unit, self._plan.instance[operation.name])}_y"

    def _at(self, operation: Operation, index: int) -> Signal:
        """An operand in the stage in which the operation starts."""
        return self._loop.at(operation.operands[index], self._plan.start(operation.name), operation.widths[index])

    def _what(self, operation: Operation) -> str:
        return f"{operation.source}  (stage {self._plan.start(operation.name)})"

    def _carried(self, carried: Carried) -> None:
        stage = self._plan.start(carried.name)
        kept = self._plan.values[carried.name].stored.bits
        fresh = self._loop.odometer.when(dict.fromkeys(carried.over, (0, 0)), stage)
        initial = bits(self._loop.at(carried.initial, stage, carried.width), kept - 1)
        text = initial
        if fresh:
            earlier = self._loop.held if carried.waits else self._loop.at
            following = earlier(carried.following, stage, carried.width, carried.distance)
            text = f"{fresh} ? {initial} : {bits(following, kept - 1)}"
        wire = self._loop.at(carried.name, stage, carried.width).name
        self._loop.section.wires.append(Line(kept, wire, text, f"{carried.source}  (stage {stage})"))

    def _emit(self, operation: Operation) -> None:
        stage = self._plan.start(operation.name)
        if operation.op == "store":
            self._store(operation, stage)
            return
        if operation.op == "load":
            port = self._ports.read(operation.detail, self._plan.instance[operation.name])
            index = bits(self._at(operation, 0), address_bits(port.memory) - 1)
            port.add("raddr", Source(self._loop.valid(stage, choice=True), index))
        elif operation.name in self._plan.operators:
            unit = self._plan.operators[operation.name]
            prefix = self._ports.unit(unit, self._plan.instance[operation.name])
            values = [
                unit_operand(self._layer, operation, unit, index, self._at(operation, index), self._constants)
                for index, _, _ in unit.inputs
            ]
            self._ports.feed(prefix, self._loop.valid(stage, choice=True), values)
        self._loop.section.wires.extend(self._result(operation))

    def _store(self, operation: Operation, stage: int) -> None:
        port = self._ports.write(operation.detail)
        condition = self._plan.pipeline.conditions.get(operation.name)
        tests = [self._loop.valid(stage)]
        if condition is not None:
            tests.append(self._loop.odometer.when(condition.bounds, stage))
            tests += [bits(self._loop.at(flag, stage, 1), 0) for flag in condition.flags]
        when = " & ".join(test for test in tests if test)
        index = bits(self._at(operation, 0), address_bits(port.memory) - 1)
        data = bits(self._at(operation, 1), port.memory.element_bytes * 8 - 1)
        if len(tests) > 1:
            wire = self._names.fresh(f"{port.prefix}_store")
            self._loop.section.wires.append(Line(1, wire, when, self._what(operation)))
            when = wire
        port.add("we", Source(when, when))
        port.add("waddr", Source(when, index))
        port.add("wdata", Source(when, data))

    def _result(self, operation: Operation) -> Iterator[Line]:
        kept, what = self._stored(operation).bits, self._what(operation)
        port = self._port(operation)
        if port is not None and self._is_whole(operation):
            return
        wire = self._loop.at(operation.name, self._plan.ready(operation.name), operation.width).name
        unit = self._plan.operators.get(operation.name)
        if operation.op == "load":
            assert port is not None
            whole = Signal(port, Width(operation.width), operation.width, self._use)
            yield Line(kept, wire, bits(whole, kept - 1), what)
        elif operation.op == "fcmp":
            assert port is not None
            self._use.part.add(port)
            yield Line(kept, wire, DECODED[operation.detail].format(y=port), what)
        elif unit is not None:
            assert port is not None
            whole = Signal(port, Width(unit.result_width), unit.result_width, self._use)
            yield Line(kept, wire, bits(whole, kept - 1, arithmetic=unit.result_signed), what)
        else:
            operands = tuple(self._at(operation, index) for index in range(len(operation.operands)))
            expression, actual = logic(operation, operands, kept)
            if actual > kept:
                wide = self._names.fresh(f"{wire}_wide")
                yield Line(actual, wide, expression, what)
                expression = bits(Signal(wide, Width(actual), actual, self._use), kept - 1)
            yield Line(kept, wire, expression, what)
