"""One layer as a Verilog module: controller, registers, logic, and ports to the operators and memories it uses."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from asnet.hls.binding import Binding, capture_cycle
from asnet.hls.expressions import DECODED, Signal, SignalUse, bits, literal, logic
from asnet.hls.kernel import Block, Constant, Operand, Operation
from asnet.hls.names import Names, comment, vector
from asnet.hls.operators import UNIT_OPS, Operator
from asnet.hls.ranges import Width, address_bits
from asnet.ir import Memory
from asnet.resources import render

__all__ = ["LayerModule", "MemoryPort", "OperatorPort", "emit_layer"]

_IDLE = "S_IDLE"
_OWN = ("clk", "reset", "start", "done", "state", "unused", _IDLE)


@dataclass(frozen=True)
class MemoryPort:
    """A layer's connection to a memory; ``prefix`` starts the names of its ports."""

    memory: Memory
    prefix: str
    reads: bool
    writes: bool


@dataclass(frozen=True)
class OperatorPort:
    """A layer's connection to a shared operator: ports ``<prefix>_a``, ``_b``, ``_y``."""

    operator: Operator
    prefix: str


@dataclass(frozen=True)
class LayerModule:
    """The Verilog of one layer, and what it is connected to."""

    layer: str
    module: str
    text: str
    memories: tuple[MemoryPort, ...]
    operators: tuple[OperatorPort, ...]
    states: int
    register_bits: int


@dataclass
class _Choice:
    """A signal that has different values in different states: value → states, for a comment the instructions."""

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
        self._names = Names(_OWN)
        self._use = SignalUse()
        self._constants: dict[str, tuple[int, str]] = {}
        self._memory_ports = {port.memory.name: port for port in self._find_memories()}
        self._operator_ports = {port.operator.name: port for port in self._find_operators()}
        self._state_names: dict[str, int] = {_IDLE: 0}
        self._first = self._number_states()
        self._wires: dict[str, str] = {}
        self._registers: dict[str, str] = {}
        self._name_values()

    def _find_memories(self) -> Iterator[MemoryPort]:
        operations = list(self._kernel.operation.values())
        for memory in self._kernel.memories:
            ops = {operation.op for operation in operations if operation.is_memory and operation.detail == memory.name}
            if ops:
                prefix = self._names.fresh(memory.name, ("_raddr", "_rdata", "_we", "_waddr", "_wdata"))
                yield MemoryPort(memory, prefix, "load" in ops, "store" in ops)

    def _find_operators(self) -> Iterator[OperatorPort]:
        for operator in dict.fromkeys(self._allocation.operators.values()):
            yield OperatorPort(operator, self._names.fresh(operator.name, ("_a", "_b", "_y")))

    def _number_states(self) -> dict[str, int]:
        """Block → number of the state of its cycle 0; consecutive cycles are consecutive numbers."""
        first: dict[str, int] = {}
        number = 1
        for block in self._kernel.blocks:
            first[block.name] = number
            number += self._schedule.blocks[block.name].length
        self._states = number
        self._block_names = {
            block.name: self._names.fresh(f"S_{block.name}".upper(), self._cycles(block.name))
            for block in self._kernel.blocks
        }
        return first

    def _cycles(self, block: str) -> list[str]:
        """What is added to a block's name to name its states."""
        return [f"_{cycle}" for cycle in range(max(1, self._schedule.blocks[block].length))]

    def _name_values(self) -> None:
        for block in self._kernel.blocks:
            for phi in block.phis:
                self._registers[phi.name] = self._names.fresh(phi.name)
        for block in self._kernel.blocks:
            for operation in block.operations:
                name = operation.name
                if operation.width and not self._is_port(operation):
                    self._wires[name] = self._names.fresh(name)
        for name, holder in self._binding.register.items():
            if name == holder and name not in self._kernel.phi:
                self._registers[name] = self._names.fresh(f"{name}_q")
        for name, holder in self._binding.register.items():
            self._registers[name] = self._registers[holder]

    def _is_port(self, operation: Operation) -> bool:
        """Whether the result is a port as it is: not logic, not decoded, not cut."""
        stored = self._binding.widths.get(operation.name)
        if stored is None:
            return False
        if operation.op == "load":
            return stored.bits == operation.width
        unit = self._allocation.operators.get(operation.name)
        return unit is not None and operation.op != "fcmp" and stored.bits == unit.result_width

    def _state(self, block: str, cycle: int) -> str:
        """The name of a state; states that nobody names have none in the Verilog."""
        name = f"{self._block_names[block]}_{cycle}"
        self._state_names[name] = self._first[block] + cycle
        return name

    # --- values ---------------------------------------------------------------------------------------------------

    def _signal(self, operand: Operand, block: str, cycle: int) -> Signal:
        """``operand`` as it is at hand in a cycle of a block."""
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self._use, operand)
        stored, width = self._binding.widths[operand], self._kernel.width(operand)
        if operand in self._kernel.phi or self._kernel.home[operand] != block:
            return Signal(self._registers[operand], stored, width, self._use)
        static = operand in self._allocation.static
        if static or self._binding.ready(operand) == cycle:
            return Signal(self._result(operand), stored, width, self._use)
        return Signal(self._registers[operand], stored, width, self._use)

    def _result(self, name: str) -> str:
        """The signal that carries the result of an operation in the cycle it is ready."""
        operation = self._kernel.operation[name]
        return self._wires[name] if name in self._wires else self._port(operation)

    def _port(self, operation: Operation) -> str:
        if operation.op == "load":
            return f"{self._memory_ports[operation.detail].prefix}_rdata"
        return f"{self._operator_ports[self._allocation.operators[operation.name].name].prefix}_y"

    def _whole(self, operand: Operand, block: str, cycle: int, width: int) -> str:
        return bits(self._signal(operand, block, cycle), width - 1)

    def _float(self, operand: Operand, block: str, cycle: int, *, negate: bool) -> str:
        """A float operand of a unit; constants by name."""
        if isinstance(operand, Constant):
            value = operand.bits ^ (0x80000000 if negate else 0)
            name = f"K_{value:08X}"
            self._constants[name] = (value, repr(struct.unpack(">f", value.to_bytes(4, "big"))[0]))
            return name
        signal = self._signal(operand, block, cycle)
        return f"{{~{bits(signal, 31, 31)}, {bits(signal, 30)}}}" if negate else bits(signal, 31)

    # --- parts of the module --------------------------------------------------------------------------------------

    def _wire_lines(self) -> list[tuple[str, list[tuple[int, str, str, str]]]]:
        """Block → (width, name, expression, source) of its logic."""
        groups: list[tuple[str, list[tuple[int, str, str, str]]]] = []
        for block in self._kernel.blocks:
            lines: list[tuple[int, str, str, str]] = []
            for operation in block.operations:
                if operation.name in self._wires:
                    lines.extend(self._logic(block, operation))
            if lines:
                groups.append((block.name, lines))
        return groups

    def _logic(self, block: Block, operation: Operation) -> Iterator[tuple[int, str, str, str]]:
        name, width = self._wires[operation.name], self._binding.widths[operation.name].bits
        unit = self._allocation.operators.get(operation.name)
        if operation.op == "load":
            stored = Width(operation.width)
            port = Signal(self._port(operation), stored, operation.width, self._use)
            yield width, name, bits(port, width - 1), operation.source
        elif operation.op == "fcmp":
            self._use.part.add(self._port(operation))
            yield width, name, DECODED[operation.detail].format(y=self._port(operation)), operation.source
        elif unit is not None:
            port = Signal(self._port(operation), Width(unit.result_width), unit.result_width, self._use)
            yield width, name, bits(port, width - 1, arithmetic=unit.result_signed), operation.source
        else:
            cycle = self._schedule.blocks[block.name].start[operation.name]
            operands = tuple(self._signal(operand, block.name, cycle) for operand in operation.operands)
            expression, actual = logic(operation, operands, width)
            if actual > width:
                wide = self._names.fresh(f"{name}_wide")
                yield actual, wide, expression, operation.source
                expression = bits(Signal(wide, Width(actual), actual, self._use), width - 1)
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
                state = self._state(block.name, cycle)
                if operation.is_memory:
                    port = self._memory_ports[operation.detail]
                    depth = address_bits(port.memory)
                    index = self._whole(operation.operands[0], block.name, cycle, depth)
                    if operation.op == "load":
                        choose(f"{port.prefix}_raddr", depth, state, index)
                        continue
                    width = port.memory.element_bytes * 8
                    choose(f"{port.prefix}_waddr", depth, state, index)
                    choose(
                        f"{port.prefix}_wdata",
                        width,
                        state,
                        self._whole(operation.operands[1], block.name, cycle, width),
                    )
                    enables.setdefault(f"{port.prefix}_we", []).append(state)
                    continue
                unit = self._allocation.operators[operation.name]
                prefix = self._operator_ports[unit.name].prefix
                for index, (role, width) in enumerate(zip(unit.roles, unit.widths, strict=True)):
                    value = self._unit_operand(operation, unit, index, block.name, cycle)
                    choose(f"{prefix}_{role}", width, state, value)
        return list(choices.values()), [(signal, list(dict.fromkeys(states))) for signal, states in enables.items()]

    def _unit_operand(self, operation: Operation, unit: Operator, index: int, block: str, cycle: int) -> str:
        operand = operation.operands[index]
        use = UNIT_OPS.get(operation.op)
        if unit.instance.type.is_float:
            return self._float(operand, block, cycle, negate=use is not None and use.negate and index == 1)
        signal = self._signal(operand, block, cycle)
        signed, width = unit.instance.type.signed, unit.widths[index]
        if not _representable(signal, width, signed=signed):
            raise self._kernel.error(
                operation.source,
                f"operand {index + 1} does not fit {unit.instance.name}, which takes {unit.instance.type}",
            )
        return bits(signal, width - 1, arithmetic=signed)

    def _captures(self) -> list[tuple[str, list[tuple[str, str, str]]]]:
        """State → (register, value, source) of the operations captured at its end."""
        lines: dict[str, list[tuple[str, str, str]]] = {}
        for block in self._kernel.blocks:
            for operation in block.operations:
                if operation.name in self._binding.register:
                    state = self._state(block.name, capture_cycle(self._binding, operation.name))
                    stored = self._binding.widths[operation.name]
                    signal = Signal(self._result(operation.name), stored, stored.bits, self._use)
                    entry = (self._registers[operation.name], bits(signal, stored.bits - 1), operation.source)
                    lines.setdefault(state, []).append(entry)
        return sorted(lines.items(), key=lambda item: self._state_names[item[0]])

    def _edges(self) -> list[_Edge]:
        """The ends of the blocks, and the start."""
        edges: list[_Edge] = []
        entry = self._kernel.blocks[0]
        if self._schedule.blocks[entry.name].length:
            edges.append(_Edge(_IDLE, "start", (_Way(self._state(entry.name, 0)),)))
        for block in self._kernel.blocks:
            length = self._schedule.blocks[block.name].length
            if length == 0 and block is not entry:
                continue
            condition = block.branch.condition
            test = self._whole(condition, block.name, length - 1, 1) if condition is not None else ""
            ways = tuple(self._way(block, target, length - 1) for target in block.branch.targets)
            edges.append(
                _Edge(
                    state=self._state(block.name, length - 1) if length else _IDLE,
                    condition=test if length else "start",
                    ways=ways or (_Way(_IDLE, done=True),),
                    source=block.branch.source,
                )
            )
        return edges

    def _way(self, block: Block, target: str, cycle: int) -> _Way:
        done = self._schedule.blocks[target].length == 0
        phis = tuple(
            (self._registers[phi.name], self._whole(value, block.name, cycle, self._binding.widths[phi.name].bits))
            for phi, value in block.outgoing(self._kernel.block[target])
        )
        return _Way(_IDLE if done else self._state(target, 0), phis, done)

    def emit(self, version: str) -> LayerModule:
        edges = self._edges()
        captures = self._captures()
        wires = self._wire_lines()
        choices, enables = self._choices()
        registers = [
            (self._binding.widths[name].bits, self._registers[name], self._comment(name, holders))
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
            state_bits=max(1, (self._states - 1).bit_length()),
            states=self._used_states(choices, enables, captures, edges),
            constants=[(name, f"32'h{value:08x}", shown) for name, (value, shown) in sorted(self._constants.items())],
            registers=registers,
            wires=wires,
            choices=choices,
            enables=enables,
            captures=captures,
            edges=edges,
            idle=_IDLE,
            unused=self._unused(),
        )
        return LayerModule(
            layer=self._kernel.layer,
            module=self._module,
            text=text,
            memories=tuple(self._memory_ports.values()),
            operators=tuple(self._operator_ports.values()),
            states=self._states,
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
        used = {_IDLE, *(state for state, _ in captures), *(state for _, states in enables for state in states)}
        for edge in edges:
            used |= {edge.state, *(way.state for way in edge.ways)}
        for choice in choices:
            used |= {state for value, states in choice.arms.items() if value != choice.default for state in states}
        width = max(1, (self._states - 1).bit_length())
        ordered = sorted(used, key=lambda name: self._state_names[name])
        return [(name, literal(self._state_names[name], width)) for name in ordered]

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
        return self._use.partial

    def _port_lines(self, choices: Sequence[_Choice]) -> list[tuple[str, str, str]]:
        """(direction and type, name, comment) of every port."""
        chosen = {choice.signal for choice in choices if len(choice.arms) > 1}
        lines = [("input ", "clk", ""), ("input ", "reset", ""), ("input ", "start", "one cycle: run the layer")]
        lines.append(("output reg ", "done", "one cycle: the layer has run"))

        def output(width: int, name: str, comment: str) -> None:
            kind = "output reg" if name in chosen else "output"
            lines.append((f"{kind} {vector(width)}", name, comment))

        for port in self._memory_ports.values():
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
        for port in self._operator_ports.values():
            unit = port.operator
            for role, width in zip(unit.roles, unit.widths, strict=True):
                output(width, f"{port.prefix}_{role}", f"{unit.instance.name}" if role == "a" else "")
            lines.append((f"input {vector(unit.result_width)}", f"{port.prefix}_y", f"{unit.latency} cycles later"))
        return lines


def _representable(signal: Signal, width: int, *, signed: bool) -> bool:
    """Whether every value of ``signal`` is one of a unit's operand type."""
    if signal.width <= width:
        return True
    if signal.constant is not None:
        value, sign = signal.constant.bits, 1 << (signal.width - 1)
        value -= 2 * (value & sign)
        return -(1 << (width - 1)) <= value < (1 << (width - 1)) if signed else 0 <= value < (1 << width)
    stored = signal.stored
    if stored.bits == signal.width and not stored.signed:
        return False  # the whole value, whose top bit is its sign
    if stored.signed:
        return signed and stored.bits <= width
    return stored.bits <= width - (1 if signed else 0)
