"""From elaborated gates to a function of the operands: pipelines and machines of fixed latency, combinational loops.

* Without flip-flops the gates themselves, if they have no loop.
* A pipeline: registers become wires where every path from an operand to the result has as many as the latency says.
* Any other machine is unrolled: ``latency`` cycles with the operands held, as the golden model clocks it. Operations
  follow one another, so that the first cycle must be possible from what the operation before left behind. Let C be the
  largest set of registers that, from their starting values and whatever the other registers hold, have their starting
  values again after these cycles, for all operands. By induction they have them before every operation; the others may
  hold anything, and the result must not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from asnet.emulate.analysis.aig import FALSE, TRUE, Aig, AigBuilder
from asnet.emulate.analysis.elaborate import Elaborated
from asnet.errors import UnitError

__all__ = ["combinational"]

_MOST_GATES = 2_000_000
"""Of an unrolled machine, before equal ones are found."""


def combinational(design: Elaborated, latency: int) -> Aig:
    """The function of the operands that ``design`` computes with the described ``latency``.

    Raises:
        UnitError: it has a combinational loop, registers that do not fit the latency, or products that are no gates, or
            keeps a state.
    """
    if design.products:
        raise UnitError("it has products that are no gates")
    order = _order(design)
    if not design.flip_flops:
        if latency:
            raise UnitError(f"its described latency is {latency}, but it has no registers")
        return _Frames(design, order).function({})
    if any(state.clock != design.clock or state.edge == 0 for state in design.flip_flops):
        raise UnitError("it has registers that are not clocked by the rising edge of its clock port")
    depths = _depths(design)
    if depths is None:
        return _unrolled(design, order, latency)
    _check_pipeline(depths, latency)
    wires = {state.output: state.data for state in design.flip_flops}
    return _Frames(design, _order(design, wires), wires).function({})


def _order(design: Elaborated, wires: dict[int, int] | None = None) -> list[int]:
    """The nets of gates (and of registers that are ``wires``) behind those that they read.

    Raises:
        UnitError: there is a loop.
    """
    graph = {net: list(pins) for net, pins in design.gates.items()}
    graph |= {net: [source] for net, source in (wires or {}).items()}
    try:
        return [net for net in TopologicalSorter(graph).static_order() if net in graph]
    except CycleError:
        raise UnitError("it has a combinational loop: a signal that depends on itself without a clock") from None


def _depths(design: Elaborated) -> list[tuple[int, int] | None] | None:
    """Least and greatest number of registers between an operand and each bit of the result (None: no path); None if
    registers depend on themselves."""
    wires = {state.output: state.data for state in design.flip_flops}
    try:
        order = _order(design, wires)
    except UnitError:
        return None
    found: dict[int, tuple[int, int] | None] = dict.fromkeys((0, 1))
    found |= dict.fromkeys((*design.a, *design.b), (0, 0))
    for net in order:
        sources = [found.get(pin) for pin in design.gates.get(net, ())]
        if net in wires:
            before = found.get(wires[net])
            sources = [None if before is None else (before[0] + 1, before[1] + 1)]
        known = [depth for depth in sources if depth is not None]
        found[net] = (min(low for low, _ in known), max(high for _, high in known)) if known else None
    return [found.get(net) for net in design.y]


def _check_pipeline(depths: Sequence[tuple[int, int] | None], latency: int) -> None:
    known = [depth for depth in depths if depth is not None]
    low = min((low for low, _ in known), default=latency)
    high = max((high for _, high in known), default=latency)
    if low != high:
        raise UnitError(f"its paths from operands to result have unequal numbers of registers, {low} to {high}")
    if low != latency:
        raise UnitError(f"its paths have {low} registers, but its described latency is {latency}")


class _Frames:
    """Copies of a design's gates, one clock cycle each, in one graph."""

    def __init__(
        self, design: Elaborated, order: Sequence[int], wires: dict[int, int] | None = None, free: int = 0
    ) -> None:
        self._design = design
        self._order = order
        self._wires = wires or {}
        self._inputs = len(design.a) + len(design.b)
        self.build = AigBuilder(len(design.a), len(design.b) + free)  # free registers count as bits of b

    def free(self, place: int) -> int:
        """The literal of free input ``place``."""
        return 2 * (self._inputs + 1 + place)

    def frame(self, state: dict[int, int]) -> dict[int, int]:
        """The literal of every net in a cycle that begins with the registers ``state`` (output net → literal)."""
        found = {0: FALSE, 1: TRUE, **state}
        found |= {net: 2 * (place + 1) for place, net in enumerate((*self._design.a, *self._design.b))}
        for net in self._order:
            pins = self._design.gates.get(net)
            if pins is None:
                found[net] = found.get(self._wires[net], FALSE)
            elif len(pins) == 1:
                found[net] = found.get(pins[0], FALSE) ^ 1
            else:
                found[net] = self.build.conjunction(found.get(pins[0], FALSE), found.get(pins[1], FALSE))
        return found

    def function(self, state: dict[int, int]) -> Aig:
        """The result in a cycle that begins with ``state``."""
        found = self.frame(state)
        return self.build.aig([found.get(net, FALSE) for net in self._design.y])


def _unrolled(design: Elaborated, order: Sequence[int], latency: int) -> Aig:
    if latency == 0:
        raise UnitError("it keeps a state, but its described latency is 0 clock cycles")
    if latency * len(design.gates) > _MOST_GATES:
        raise UnitError(f"it is too large to be unrolled: {latency} cycles of {len(design.gates)} gates")
    held = {state.output for state in design.flip_flops}
    function, returned = _operation(design, order, latency, held)
    while returned != held:
        held = returned
        function, returned = _operation(design, order, latency, held)
    width = len(design.b)
    if function.support()[1] >> width:
        raise UnitError(f"its result after {latency} clock cycles depends on what it computed before")
    narrow = AigBuilder(function.width_a, width)
    bits = [2 * (bit + 1) for bit in range(function.width_a + width)] + [FALSE] * (function.width_b - width)
    return narrow.aig(narrow.copy(function, bits))


def _operation(design: Elaborated, order: Sequence[int], latency: int, held: set[int]) -> tuple[Aig, set[int]]:
    """The result after ``latency`` cycles from a state with the registers ``held`` at their starting values, and those
    of them that have these again. The registers that are not held count as further bits of b."""
    free = [state.output for state in design.flip_flops if state.output not in held]
    frames = _Frames(design, order, free=len(free))
    state = {s.output: s.start for s in design.flip_flops}
    state |= {net: frames.free(place) for place, net in enumerate(free)}
    for _ in range(latency):
        found = frames.frame(state)
        state = {s.output: found.get(s.data, FALSE) for s in design.flip_flops}
    returned = {s.output for s in design.flip_flops if s.output in held and state[s.output] == s.start}
    return frames.function(state), returned
