"""RNN, GRU and LSTM: for each direction and sequence, steps of matrix products and gates on a state in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llvmlite import ir

from asnet.ir.module import Memory
from asnet.lower import elementary
from asnet.lower.arithmetic import I32, I64
from asnet.lower.builder import LayerBuilder
from asnet.lower.context import LayerContext
from asnet.lower.index import Index
from asnet.lower.registry import lowering
from asnet.network.recurrent import Recurrent, recurrent

__all__: list[str] = []

Activation = Callable[[LayerBuilder, ir.Value], ir.Value]

_ACTIVATIONS: Mapping[str, Activation] = {
    "relu": lambda b, x: b.select("<", x, b.number(0.0), b.number(0.0), x),
    "sigmoid": elementary.sigmoid,
    "tanh": elementary.tanh,
}


@dataclass(frozen=True)
class _Cell:
    """What a step of one direction works on: memories (None for what is not given), and loads and stores on them.

    ``u`` and ``v`` hold the products with the input and with the hidden state, ``rh`` what the reset gate leaves.
    """

    b: LayerBuilder
    g: Recurrent
    direction: int
    w: Memory
    r: Memory
    bias: Memory | None
    peepholes: Memory | None
    u: Memory
    v: Memory
    h: Memory
    c: Memory | None
    rh: Memory | None
    active: ir.Value | None = None

    @property
    def activations(self) -> list[Activation]:
        """f, g, h."""
        return [_ACTIVATIONS[name] for name in self.g.directions[self.direction].activations]

    def project(
        self, goal: Memory, weights: Memory, vector: Callable[[Index], ir.Value], rows: range, bias: int
    ) -> None:
        """``goal[row] = bias[bias + row] + Σ_k vector(k)·weights[row, k]`` for ``rows``, k ascending."""
        b, d = self.b, Index(self.direction)
        with b.nest((len(rows),)) as (row,):
            place = row + rows.start
            initial = b.number(0.0) if self.bias is None else b.load(self.bias, (d, place + bias))
            with b.reduction((weights.shape[2],), initial) as acc:
                (k,) = acc.index
                product = b.site("fmul", vector(k), b.load(weights, (d, place, k)))
                acc.value = b.site("fadd", acc.value, product)
            b.store(goal, (place,), acc.value)

    def total(self, gate: int, unit: Index) -> ir.Value:
        """``u + v`` of a gate of a unit."""
        place = (unit + gate * self.g.hidden,)
        return self.b.site("fadd", self.b.load(self.u, place), self.b.load(self.v, place))

    def keep(self, memory: Memory, unit: Index, value: ir.Value) -> None:
        """Make ``value`` the state of ``unit``, if the sequence has not ended."""
        if self.active is not None:
            value = self.b.choose(self.active, value, self.b.load(memory, (unit,)))
        self.b.store(memory, (unit,), value)


def _rnn(cell: _Cell) -> None:
    with cell.b.nest((cell.g.hidden,)) as (unit,):
        cell.keep(cell.h, unit, cell.activations[0](cell.b, cell.total(0, unit)))


def _gru(cell: _Cell) -> None:
    b, n = cell.b, cell.g.hidden
    f, g = cell.activations
    rh = cell.rh
    if rh is not None:
        with b.nest((n,)) as (unit,):
            b.store(rh, (unit,), b.site("fmul", f(b, cell.total(1, unit)), b.load(cell.h, (unit,))))
        cell.project(cell.v, cell.r, lambda k: b.load(rh, (k,)), range(2 * n, 3 * n), 3 * n)
    with b.nest((n,)) as (unit,):
        z = f(b, cell.total(0, unit))
        if rh is None:
            u, v = (b.load(memory, (unit + 2 * n,)) for memory in (cell.u, cell.v))
            candidate = b.site("fadd", u, b.site("fmul", f(b, cell.total(1, unit)), v))
        else:
            candidate = cell.total(2, unit)
        new = b.site("fmul", b.site("fsub", b.number(1.0), z), g(b, candidate))
        cell.keep(cell.h, unit, b.site("fadd", new, b.site("fmul", z, b.load(cell.h, (unit,)))))


def _lstm(cell: _Cell) -> None:
    b, n, state = cell.b, cell.g.hidden, cell.c
    assert state is not None
    f, g, h = cell.activations
    with b.nest((n,)) as (unit,):

        def gate(number: int, peephole: int, c: ir.Value) -> ir.Value:
            total = cell.total(number, unit)
            if cell.peepholes is not None:
                weight = b.load(cell.peepholes, (Index(cell.direction), unit + peephole * n))
                total = b.site("fadd", total, b.site("fmul", weight, c))
            return f(b, total)

        old = b.load(state, (unit,))
        i_gate, f_gate = gate(0, 0, old), gate(2, 2, old)
        kept = b.site("fmul", f_gate, old)
        new = b.site("fadd", kept, b.site("fmul", i_gate, g(b, cell.total(3, unit))))
        o_gate = gate(1, 1, new)
        cell.keep(cell.h, unit, b.site("fmul", o_gate, h(b, new)))
        cell.keep(state, unit, new)


_STEPS: Mapping[str, Callable[[_Cell], None]] = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}


@lowering(*_STEPS)
def _recurrent(context: LayerContext) -> None:
    g = recurrent(context.layer, context.network)
    op_type = context.layer.op_type
    x, w, r = (context.input(position) for position in range(3))
    bias, lengths = context.optional_input(3), context.optional_input(4, ("int32",))
    starts = [context.optional_input(position) for position in ((5, 6) if op_type == "LSTM" else (5,))]
    peepholes = context.optional_input(7)
    y, *lasts = (context.optional_output(number) for number in range(len(starts) + 1))
    u, v = context.scratch("u", (g.rows,)), context.scratch("v", (g.rows,))
    states = [context.scratch(name, (g.hidden,)) for name in "hc"[: len(starts)]]
    rh = context.scratch("rh", (g.hidden,)) if op_type == "GRU" and not g.after else None
    scratch = [u, v, *states, *([] if rh is None else [rh])]
    writes = [memory for memory in (*scratch, y, *lasts) if memory is not None]
    second = states[1] if len(states) > 1 else None
    with context.function((x, w, r, bias, lengths, *starts, peepholes), writes) as b:
        for d, direction in enumerate(g.directions):
            with b.nest((g.batch,)) as (n,):
                place = (n, Index(d)) if g.batch_first else (Index(d), n)
                _copy_states(b, g, starts, states, place)
                length = None if lengths is None else _bounded(b, b.load(lengths, (n,)), g.steps)
                with b.nest((g.steps,)) as (step,):
                    time, active = _time(b, g, step, length, reverse=direction.reverse)
                    cell = _Cell(b, g, d, w, r, bias, peepholes, u, v, states[0], second, rh, active)
                    at = (n, time) if g.batch_first else (time, n)
                    element = _reader(b, x, at)
                    cell.project(u, w, element, range(g.rows), 0)
                    rows = range(g.rows if rh is None else 2 * g.hidden)
                    cell.project(v, r, _reader(b, states[0], ()), rows, g.rows)
                    _STEPS[op_type](cell)
                    if y is not None:
                        goal = (n, time, Index(d)) if g.batch_first else (time, Index(d), n)
                        with b.nest((g.hidden,)) as (unit,):
                            value = b.load(states[0], (unit,))
                            value = value if active is None else b.choose(active, value, b.number(0.0))
                            b.store(y, (*goal, unit), value)
                for state, last in zip(states, lasts, strict=True):
                    if last is not None:
                        with b.nest((g.hidden,)) as (unit,):
                            b.store(last, (*place, unit), b.load(state, (unit,)))


def _reader(b: LayerBuilder, memory: Memory, leading: Sequence[Index]) -> Callable[[Index], ir.Value]:
    return lambda k: b.load(memory, (*leading, k))


def _copy_states(
    b: LayerBuilder, g: Recurrent, starts: Sequence[Memory | None], states: Sequence[Memory], place: Sequence[Index]
) -> None:
    """Initial states, 0 where none is given."""
    for start, state in zip(starts, states, strict=True):
        with b.nest((g.hidden,)) as (unit,):
            b.store(state, (unit,), b.number(0.0) if start is None else b.load(start, (*place, unit)))


def _bounded(b: LayerBuilder, length: ir.Value, steps: int) -> ir.Value:
    """``length`` as i64, at most ``steps``."""
    return b.ir.sext(b.minimum(length, I32(steps), "int32"), I64)


def _time(
    b: LayerBuilder, g: Recurrent, step: Index, length: ir.Value | None, *, reverse: bool
) -> tuple[Index, ir.Value | None]:
    """The position in the sequence that ``step`` works on, and whether it is before the sequence's end (None: yes)."""
    if length is None:
        return (b.index(b.ir.sub(I64(g.steps - 1), b.position(step))) if reverse else step), None
    position = b.position(step)
    active = b.ir.icmp_signed("<", position, length)
    if not reverse:
        return step, active
    mirrored = b.ir.sub(b.ir.sub(length, I64(1)), position)
    return b.index(b.choose(active, mirrored, position)), active
