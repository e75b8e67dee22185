"""Binding: which values need a register, and which of them share one.

Values that come from the same resource and are never alive together share a register: its input stays that resource's
output, so that sharing costs no multiplexer. (Sharing between different sources trades a register for a multiplexer
of the same width, which is no gain where every look-up table has its register beside it.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from asnet.hls.fsm.allocation import Allocation
from asnet.hls.fsm.schedule import Schedule
from asnet.hls.kernel import Block, Constant, Operand
from asnet.hls.ranges import Width

__all__ = ["Binding", "State", "bind", "capture_cycle"]


@dataclass(frozen=True, order=True)
class State:
    """Cycle ``cycle`` of a pass through block number ``block``; cycle -1: no state (an entry without a cycle)."""

    block: int
    cycle: int


@dataclass(frozen=True)
class Binding:
    """The registers of one kernel. ``register``: value → name of its register (the first value that it holds)."""

    allocation: Allocation
    schedule: Schedule
    register: Mapping[str, str]

    @property
    def widths(self) -> Mapping[str, Width]:
        """Value → the bits that are stored."""
        return self.allocation.widths

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Block → its number."""
        return {block.name: index for index, block in enumerate(self.allocation.kernel.blocks)}

    def ready(self, name: str) -> int:
        """The cycle of its block in which operation ``name`` gives its result."""
        home = self.allocation.kernel.home[name]
        return self.schedule.blocks[home].start[name] + self.allocation.latency(name)


def bind(allocation: Allocation, schedule: Schedule) -> Binding:
    """Registers for every value that is used later than in the cycle it appears in."""
    draft = Binding(allocation, schedule, {})
    uses = _uses(draft)
    needing = [name for name in _values(draft) if _needs_register(draft, name, uses[name])]
    conflicts = _conflicts(draft, needing, uses)
    register: dict[str, str] = {}
    groups: dict[tuple[object, ...], list[list[str]]] = {}
    for name in needing:
        resource = allocation.resources.get(name)
        if resource is None:
            register[name] = name
            continue
        kind = (resource.name, _shape(draft, name))
        known = groups.setdefault(kind, [])
        shared = next((group for group in known if conflicts[name].isdisjoint(group)), None)
        if shared is None:
            shared = list[str]()
            known.append(shared)
        shared.append(name)
        register[name] = shared[0]
    return Binding(allocation, schedule, register)


def _shape(binding: Binding, name: str) -> tuple[object, ...]:
    """What two values of one resource must have in common to be the same signals: width, and how they are decoded."""
    operation = binding.allocation.kernel.operation[name]
    return (binding.widths[name], operation.detail if operation.op == "fcmp" else "")


def _values(binding: Binding) -> Iterator[str]:
    for block in binding.allocation.kernel.blocks:
        yield from (phi.name for phi in block.phis)
        yield from (operation.name for operation in block.operations if operation.width)


def _leaves(binding: Binding, operand: Operand, block: Block) -> Iterator[str]:
    """The values behind ``operand`` that hold still in ``block``; itself unless it is static logic of this block."""
    if isinstance(operand, Constant):
        return
    kernel = binding.allocation.kernel
    if operand in binding.allocation.static and kernel.home[operand] == block.name:
        for inner in kernel.operation[operand].operands:
            yield from _leaves(binding, inner, block)
    else:
        yield operand


def _uses(binding: Binding) -> dict[str, set[State]]:
    """Value → the states in which somebody looks at it. Phis are written in the last state of the block before."""
    kernel = binding.allocation.kernel
    found: dict[str, set[State]] = {name: set() for name in _values(binding)}

    def add(operand: Operand, block: Block, cycle: int) -> None:
        for leaf in _leaves(binding, operand, block):
            found[leaf].add(State(binding.positions[block.name], cycle))

    for block in kernel.blocks:
        made = binding.schedule.blocks[block.name]
        last = made.length - 1
        for operation in block.operations:
            for operand in operation.operands:
                if operation.name not in binding.allocation.static:
                    add(operand, block, made.start[operation.name])
            if operation.name in binding.allocation.static:
                add(operation.name, block, 0)  # where it is captured, if another block needs it
        if block.branch.condition is not None:
            add(block.branch.condition, block, last)
        for target in block.branch.targets:
            for _, operand in block.outgoing(kernel.block[target]):
                add(operand, block, last)
    return found


def _needs_register(binding: Binding, name: str, uses: set[State]) -> bool:
    kernel = binding.allocation.kernel
    if name in kernel.phi:
        return True
    home = binding.positions[kernel.home[name]]
    if name in binding.allocation.static:
        return any(state.block != home for state in uses)
    return any(state != State(home, binding.ready(name)) for state in uses)


def _conflicts(binding: Binding, needing: list[str], uses: Mapping[str, set[State]]) -> dict[str, set[str]]:
    """Value → the values that are alive when it is captured, or captured together with it. Phis are left out."""
    kernel = binding.allocation.kernel
    results = [name for name in needing if name not in kernel.phi]
    successors: dict[State, list[State]] = {}
    for index, block in enumerate(kernel.blocks):
        last = binding.schedule.blocks[block.name].length - 1
        for cycle in range(last):
            successors[State(index, cycle)] = [State(index, cycle + 1)]
        lengths = {name: binding.schedule.blocks[name].length for name in block.branch.targets}
        successors[State(index, last)] = [
            State(binding.positions[name], min(0, length - 1)) for name, length in lengths.items()
        ]
    captured: dict[State, set[str]] = {state: set() for state in successors}
    looked: dict[State, set[str]] = {state: set() for state in successors}
    for name in results:
        at = State(binding.positions[kernel.home[name]], capture_cycle(binding, name))
        captured[at].add(name)
        for state in uses[name]:
            if state != at:
                looked[state].add(name)
    alive = _live_in(successors, captured, looked)
    conflicts: dict[str, set[str]] = {name: set() for name in results}
    for state, names in captured.items():
        after = set(names)
        for following in successors[state]:
            after |= alive[following]
        for name in names:
            conflicts[name] |= after - {name}
            for other in after - {name}:
                conflicts[other].add(name)
    return conflicts


def capture_cycle(binding: Binding, name: str) -> int:
    """The cycle of its block at whose end operation ``name`` is captured in its register."""
    return 0 if name in binding.allocation.static else binding.ready(name)


def _live_in(
    successors: Mapping[State, list[State]], captured: Mapping[State, set[str]], looked: Mapping[State, set[str]]
) -> dict[State, set[str]]:
    """State → the registers' values that it or a later one still looks at; to a fixed point."""
    alive: dict[State, set[str]] = {state: set(names) for state, names in looked.items()}
    changed = True
    while changed:
        changed = False
        for state in sorted(successors, reverse=True):
            wanted = set(looked[state])
            for following in successors[state]:
                wanted |= alive[following] - captured[state]
            if wanted != alive[state]:
                alive[state] = wanted
                changed = True
    return alive
