"""One layer as a Verilog module: controller, registers, logic, and ports to the operators and memories it uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asnet.hls.expressions import DECODED, Signal, bits, literal, logic
from asnet.hls.fsm.binding import Binding, capture_cycle
from asnet.hls.fsm.signals import IDLE, LayerSignals
from asnet.hls.kernel import Block, Operation
from asnet.hls.module import LayerModule
from asnet.hls.names import comment, vector
from asnet.hls.operands import unit_operand
from asnet.hls.operators import Operator
from asnet.hls.ranges import Width, address_bits
from asnet.hls.wires import number_bits
from asnet.resources import render

__all__ = ["emit_layer"]


@dataclass
class _Choice:
    """A signal that has different values in different states: value → states."""

    signal: str
    width: int
    arms: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, state: str, value: str) -> None:
        states = self.arms.setdefault(value, [])
        if state not in states:
            states.append(state)

    @property
    def default(self) -> str:
        """The value of most states; it is also what the others, that do not care, get."""
        return max(self.arms, key=lambda value: len(self.arms[value]))

    @property
    def cases(self) -> list[tuple[str, str]]:
        """States and value, but for the default."""
        return [(", ".join(states), value) for value, states in self.arms.items() if value != self.default]


@dataclass(frozen=True)
class _Way:
    """A way out of a block: the next state, the phi registers to set, whether the layer is done."""

    state: str
    phis: tuple[tuple[str, str], ...] = ()
    done: bool = False


@dataclass(frozen=True)
class _Edge:
    """The end of a block in ``state``: with a condition and one way, the state lasts until it holds."""

    state: str
    condition: str
    ways: tuple[_Way, ...]
    source: str = ""


def emit_layer(binding: Binding, module: str, version: str) -> LayerModule:
    """The Verilog module ``module`` of a bound kernel.

    Raises:
        SynthesisError: an operand that its unit cannot take.
    """
    return _Emitter(binding, module).emit(version)


class _Emitter:
    def __init__(self, binding: Binding, module: str) -> None:
        self._binding = binding
        self._allocation = binding.allocation
        self._kernel = binding.allocation.kernel
        self._schedule = binding.schedule
        self._module = module
        self._signals = LayerSignals(binding)

    def _wire_lines(self) -> list[tuple[str, list[tuple[int, str, str, str]]]]:
        """Block → (width, name, expression, source) of its logic."""
        groups: list[tuple[str, list[tuple[int, str, str, str]]]] = []
        for block in self._kernel.blocks:
            lines: list[tuple[int, str, str, str]] = []
            for operation in block.operations:
                if operation.name in self._signals.wires:
                    lines.extend(self._logic(block, operation))
            if lines:
                groups.append((block.name, lines))
        return groups

    def _logic(self, block: Block, operation: Operation) -> Iterator[tuple[int, str, str, str]]:
        name, width = self._signals.wires[operation.name], self._binding.widths[operation.name].bits
        unit = self._allocation.operators.get(operation.name)
        if operation.op == "load":
            stored = Width(operation.width)
            port = Signal(self._signals.port(operation), stored, operation.width, self._signals.use)
            yield width, name, bits(port, width - 1), operation.source
        elif operation.op == "fcmp":
            self._signals.use.part.add(self._signals.port(operation))
            yield width, name, DECODED[operation.detail].format(y=self._signals.port(operation)), operation.source
        elif unit is not None:
            port = Signal(self._signals.port(operation), Width(unit.result_width), unit.result_width, self._signals.use)
            yield width, name, bits(port, width - 1, arithmetic=unit.result_signed), operation.source
        else:
            cycle = self._schedule.blocks[block.name].start[operation.name]
            operands = tuple(self._signals.signal(operand, block.name, cycle) for operand in operation.operands)
            expression, actual = logic(operation, operands, width)
            if actual > width:
                wide = self._signals.names.fresh(f"{name}_wide")
                yield actual, wide, expression, operation.source
                expression = bits(Signal(wide, Width(actual), actual, self._signals.use), width - 1)
            yield width, name, expression, operation.source

    def _choices(self) -> tuple[list[_Choice], list[tuple[str, list[str]]]]:
        """Signals chosen by the state: operands, addresses, data; and write enables with the states of writing."""
        choices: dict[str, _Choice] = {}
        enables: dict[str, list[str]] = {}

        def choose(signal: str, width: int, state: str, value: str) -> None:
            choices.setdefault(signal, _Choice(signal, width)).add(state, value)

        for block in self._kernel.blocks:
            made = self._schedule.blocks[block.name]
            for operation in block.operations:
                if operation.name not in self._allocation.resources:
                    continue
                cycle = made.start[operation.name]
                state = self._signals.state(block.name, cycle)
                if operation.is_memory:
                    port = self._signals.memory_ports[operation.detail]
                    depth = address_bits(port.memory)
                    index = self._signals.whole(operation.operands[0], block.name, cycle, depth)
                    if operation.op == "load":
                        choose(f"{port.prefix}_raddr", depth, state, index)
                        continue
                    width = port.memory.element_bytes * 8
                    choose(f"{port.prefix}_waddr", depth, state, index)
                    choose(
                        f"{port.prefix}_wdata",
                        width,
                        state,
                        self._signals.whole(operation.operands[1], block.name, cycle, width),
                    )
                    enables.setdefault(f"{port.prefix}_we", []).append(state)
                    continue
                unit = self._allocation.operators[operation.name]
                prefix = self._signals.operator_ports[unit.name].prefix
                for index, role, width in unit.inputs:
                    value = self._unit_operand(operation, unit, index, block.name, cycle)
                    choose(f"{prefix}_{role}", width, state, value)
        return list(choices.values()), [(signal, list(dict.fromkeys(states))) for signal, states in enables.items()]

    def _unit_operand(self, operation: Operation, unit: Operator, index: int, block: str, cycle: int) -> str:
        signal = self._signals.signal(operation.operands[index], block, cycle)
        return unit_operand(self._kernel.layer, operation, unit, index, signal, self._signals.constants)

    def _captures(self) -> list[tuple[str, list[tuple[str, str, str]]]]:
        """State → (register, value, source) of the operations captured at its end."""
        lines: dict[str, list[tuple[str, str, str]]] = {}
        for block in self._kernel.blocks:
            for operation in block.operations:
                if operation.name in self._binding.register:
                    state = self._signals.state(block.name, capture_cycle(self._binding, operation.name))
                    stored = self._binding.widths[operation.name]
                    signal = Signal(self._signals.result(operation.name), stored, stored.bits, self._signals.use)
                    entry = (self._signals.registers[operation.name], bits(signal, stored.bits - 1), operation.source)
                    lines.setdefault(state, []).append(entry)
        return sorted(lines.items(), key=lambda item: self._signals.state_numbers[item[0]])

    def _edges(self) -> list[_Edge]:
        """The ends of the blocks, and the start."""
        edges: list[_Edge] = []
        entry = self._kernel.blocks[0]
        if self._schedule.blocks[entry.name].length:
            edges.append(_Edge(IDLE, "start", (_Way(self._signals.state(entry.name, 0)),)))
        for block in self._kernel.blocks:
            length = self._schedule.blocks[block.name].length
            if length == 0 and block is not entry:
                continue
            condition = block.branch.condition
            test = self._signals.whole(condition, block.name, length - 1, 1) if condition is not None else ""
            ways = tuple(self._way(block, target, length - 1) for target in block.branch.targets)
            edges.append(
                _Edge(
                    state=self._signals.state(block.name, length - 1) if length else IDLE,
                    condition=test if length else "start",
                    ways=ways or (_Way(IDLE, done=True),),
                    source=block.branch.source,
                )
            )
        return edges

    def _way(self, block: Block, target: str, cycle: int) -> _Way:
        done = self._schedule.blocks[target].length == 0
        phis = tuple(
            (
                self._signals.registers[phi.name],
                self._signals.whole(value, block.name, cycle, self._binding.widths[phi.name].bits),
            )
            for phi, value in block.outgoing(self._kernel.block[target])
        )
        return _Way(IDLE if done else self._signals.state(target, 0), phis, done)

    def emit(self, version: str) -> LayerModule:
        edges = self._edges()
        captures = self._captures()
        wires = self._wire_lines()
        choices, enables = self._choices()
        registers = [
            (self._binding.widths[name].bits, self._signals.registers[name], self._comment(name, holders))
            for name, holders in self._held().items()
        ]
        ports = self._port_lines(choices)
        text = render(
            "rtl/layer.v.j2",
            version=version,
            layer=comment(self._kernel.layer),
            module=self._module,
            ports=ports,
            vector=vector,
            state_bits=number_bits(self._signals.states),
            states=self._used_states(choices, enables, captures, edges),
            constants=self._signals.constants.lines,
            registers=registers,
            wires=wires,
            choices=choices,
            enables=enables,
            captures=captures,
            edges=edges,
            idle=IDLE,
            unused=self._unused(),
        )
        return LayerModule(
            layer=self._kernel.layer,
            module=self._module,
            text=text,
            memories=tuple(self._signals.memory_ports.values()),
            operators=tuple(self._signals.operator_ports.values()),
            states=self._signals.states,
            register_bits=sum(width for width, _, _ in registers),
        )

    def _used_states(
        self,
        choices: Sequence[_Choice],
        enables: Sequence[tuple[str, list[str]]],
        captures: Sequence[tuple[str, object]],
        edges: Sequence[_Edge],
    ) -> list[tuple[str, str]]:
        """Name and number of the states that the module mentions."""
        used = {IDLE, *(state for state, _ in captures), *(state for _, states in enables for state in states)}
        for edge in edges:
            used |= {edge.state, *(way.state for way in edge.ways)}
        for choice in choices:
            used |= {state for value, states in choice.arms.items() if value != choice.default for state in states}
        width = number_bits(self._signals.states)
        ordered = sorted(used, key=lambda name: self._signals.state_numbers[name])
        return [(name, literal(self._signals.state_numbers[name], width)) for name in ordered]

    def _held(self) -> dict[str, list[str]]:
        """Register (the first value that it holds) → all values that it holds."""
        held: dict[str, list[str]] = {}
        for name, holder in self._binding.register.items():
            held.setdefault(holder, []).append(name)
        return held

    def _comment(self, name: str, held: Sequence[str]) -> str:
        phi = self._kernel.phi.get(name)
        return phi.source if phi is not None else ", ".join(f"%{value}" for value in held)

    def _unused(self) -> list[str]:
        """Signals with bits that nobody reads."""
        return self._signals.use.partial

    def _port_lines(self, choices: Sequence[_Choice]) -> list[tuple[str, str, str]]:
        """(direction and type, name, comment) of every port."""
        chosen = {choice.signal for choice in choices if len(choice.arms) > 1}
        lines = [("input ", "clk", ""), ("input ", "reset", ""), ("input ", "start", "one cycle: run the layer")]
        lines.append(("output reg ", "done", "one cycle: the layer has run"))

        def output(width: int, name: str, comment: str) -> None:
            kind = "output reg" if name in chosen else "output"
            lines.append((f"{kind} {vector(width)}", name, comment))

        for port in self._signals.memory_ports.values():
            depth, width = address_bits(port.memory), port.memory.element_bytes * 8
            shape = "x".join(str(extent) for extent in port.memory.shape)
            what = f"memory {comment(port.memory.name)}: {port.memory.element}[{shape}]"
            if port.reads:
                output(depth, f"{port.prefix}_raddr", what)
                lines.append((f"input {vector(width)}", f"{port.prefix}_rdata", "one cycle after the address"))
            if port.writes:
                lines.append(("output ", f"{port.prefix}_we", what))
                output(depth, f"{port.prefix}_waddr", "")
                output(width, f"{port.prefix}_wdata", "")
        for port in self._signals.operator_ports.values():
            unit = port.operator
            for _, role, width in unit.inputs:
                output(width, f"{port.prefix}_{role}", f"{unit.instance.name}" if role == "a" else "")
            lines.append((f"input {vector(unit.result_width)}", f"{port.prefix}_y", f"{unit.latency} cycles later"))
        return lines
