"""The names of one layer's Verilog module: ports, states, wires, registers, and where a value is to be had when."""

from __future__ import annotations

from collections.abc import Iterator

from asnet.hls.expressions import Signal, SignalUse, bits
from asnet.hls.fsm.binding import Binding
from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.module import MemoryPort, OperatorPort
from asnet.hls.names import Names
from asnet.hls.operands import FloatConstants
from asnet.hls.ranges import Width

__all__ = ["IDLE", "LayerSignals"]

IDLE = "S_IDLE"
"""The state before the start and after the end."""

_OWN = ("clk", "reset", "start", "done", "state", "unused", IDLE)


class LayerSignals:
    """The signals of one layer. ``wires`` and ``registers`` map values to names; ``use`` notes what is read of them.

    ``state_numbers`` holds the states that were asked for; ``constants`` the floats.
    """

    def __init__(self, binding: Binding) -> None:
        self._binding = binding
        self._allocation = binding.allocation
        self._kernel = binding.allocation.kernel
        self._schedule = binding.schedule
        self.names = Names(_OWN)
        self.use = SignalUse()
        self.constants = FloatConstants(self.names)
        self.memory_ports = {port.memory.name: port for port in self._find_memories()}
        self.operator_ports = {port.operator.name: port for port in self._find_operators()}
        self.state_numbers: dict[str, int] = {IDLE: 0}
        self._first = self._number_states()
        self.wires: dict[str, str] = {}
        self.registers: dict[str, str] = {}
        self._name_values()

    def _find_memories(self) -> Iterator[MemoryPort]:
        operations = list(self._kernel.operation.values())
        for memory in self._kernel.memories:
            ops = {operation.op for operation in operations if operation.is_memory and operation.detail == memory.name}
            if ops:
                prefix = self.names.fresh(memory.name, ("_raddr", "_rdata", "_we", "_waddr", "_wdata"))
                yield MemoryPort(memory, prefix, int("load" in ops), int("store" in ops))

    def _find_operators(self) -> Iterator[OperatorPort]:
        for operator in dict.fromkeys(self._allocation.operators.values()):
            yield OperatorPort(operator, self.names.fresh(operator.name, ("_a", "_b", "_y")))

    def _number_states(self) -> dict[str, int]:
        """Block → number of the state of its cycle 0; consecutive cycles are consecutive numbers."""
        first: dict[str, int] = {}
        number = 1
        for block in self._kernel.blocks:
            first[block.name] = number
            number += self._schedule.blocks[block.name].length
        self.states = number
        self._block_names = {
            block.name: self.names.fresh(f"S_{block.name}".upper(), self._cycles(block.name))
            for block in self._kernel.blocks
        }
        return first

    def _cycles(self, block: str) -> list[str]:
        """What is added to a block's name to name its states."""
        return [f"_{cycle}" for cycle in range(max(1, self._schedule.blocks[block].length))]

    def _name_values(self) -> None:
        for block in self._kernel.blocks:
            for phi in block.phis:
                self.registers[phi.name] = self.names.fresh(phi.name)
        for block in self._kernel.blocks:
            for operation in block.operations:
                name = operation.name
                if operation.width and not self._is_port(operation):
                    self.wires[name] = self.names.fresh(name)
        for name, holder in self._binding.register.items():
            if name == holder and name not in self._kernel.phi:
                self.registers[name] = self.names.fresh(f"{name}_q")
        for name, holder in self._binding.register.items():
            self.registers[name] = self.registers[holder]

    def _is_port(self, operation: Operation) -> bool:
        """Whether the result is a port as it is: not logic, not decoded, not cut."""
        stored = self._binding.widths.get(operation.name)
        if stored is None:
            return False
        if operation.op == "load":
            return stored.bits == operation.width
        unit = self._allocation.operators.get(operation.name)
        return unit is not None and operation.op != "fcmp" and stored.bits == unit.result_width

    def state(self, block: str, cycle: int) -> str:
        """The name of a state; states that nobody names have none in the Verilog."""
        name = f"{self._block_names[block]}_{cycle}"
        self.state_numbers[name] = self._first[block] + cycle
        return name

    def signal(self, operand: Operand, block: str, cycle: int) -> Signal:
        """``operand`` as it is at hand in a cycle of a block."""
        if isinstance(operand, Constant):
            return Signal("", Width(operand.width), operand.width, self.use, operand)
        stored, width = self._binding.widths[operand], self._kernel.width(operand)
        if operand in self._kernel.phi or self._kernel.home[operand] != block:
            return Signal(self.registers[operand], stored, width, self.use)
        static = operand in self._allocation.static
        if static or self._binding.ready(operand) == cycle:
            return Signal(self.result(operand), stored, width, self.use)
        return Signal(self.registers[operand], stored, width, self.use)

    def result(self, name: str) -> str:
        """The signal that carries the result of an operation in the cycle it is ready."""
        operation = self._kernel.operation[name]
        return self.wires[name] if name in self.wires else self.port(operation)

    def port(self, operation: Operation) -> str:
        """The port that carries the result of an operation on a resource."""
        if operation.op == "load":
            return f"{self.memory_ports[operation.detail].prefix}_rdata"
        return f"{self.operator_ports[self._allocation.operators[operation.name].name].prefix}_y"

    def whole(self, operand: Operand, block: str, cycle: int, width: int) -> str:
        """The low ``width`` bits of ``operand`` in a cycle of a block."""
        return bits(self.signal(operand, block, cycle), width - 1)
