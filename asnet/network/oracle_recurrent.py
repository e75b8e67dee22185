"""The oracle's RNN, GRU and LSTM: step by step, sums over inputs and over hidden units in order, each with its bias."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from asnet.network.elementary import Float32, sigmoid, tanh
from asnet.network.model import Layer
from asnet.network.oracle_frame import Frame, Operator
from asnet.network.recurrent import Recurrent, recurrent
from asnet.types import AnyArray

__all__ = ["OPERATORS"]

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)

_ACTIVATIONS: Mapping[str, Callable[[Float32], Float32]] = {
    "relu": lambda x: np.where(x < 0, _ZERO, x),
    "sigmoid": sigmoid,
    "tanh": tanh,
}


def _project(weights: Float32, vector: Float32, bias: Float32) -> Float32:
    """``bias + Σ_k vector[k]·weights[:, k]``, k ascending."""
    for k in range(weights.shape[1]):
        bias = np.add(bias, np.multiply(vector[k], weights[:, k]))
    return bias


@dataclass
class _Pass:
    """One direction of the layer for one sequence: parameters and state."""

    activations: list[Callable[[Float32], Float32]]
    weights: Float32
    recurrence: Float32
    bias: Float32
    peepholes: Float32 | None
    h: Float32
    c: Float32
    after: bool

    def sums(self, x: Float32) -> tuple[Float32, Float32]:
        """Products with the input and with the hidden state."""
        half = len(self.bias) // 2
        return _project(self.weights, x, self.bias[:half]), _project(self.recurrence, self.h, self.bias[half:])

    def rnn(self, x: Float32) -> None:
        """``h = f(u + v)``."""
        self.h = self.activations[0](np.add(*self.sums(x)))

    def gru(self, x: Float32) -> None:
        """``h = (1 - z)·g(u_h + v_h) + z·h``, with z and r from f."""
        f, g = self.activations
        n = len(self.h)
        u, v = self.sums(x)
        z, r = np.split(f(np.add(u[: 2 * n], v[: 2 * n])), 2)
        if self.after:
            candidate = np.add(u[2 * n :], np.multiply(r, v[2 * n :]))
        else:
            product = _project(self.recurrence[2 * n :], np.multiply(r, self.h), self.bias[5 * n :])
            candidate = np.add(u[2 * n :], product)
        self.h = np.add(np.multiply(np.subtract(_ONE, z), g(candidate)), np.multiply(z, self.h))

    def lstm(self, x: Float32) -> None:
        """``c = f·c + i·g``, ``h = o·h(c)``; with peepholes i and f see the old c, o the new one."""
        f, g, h = self.activations
        i_sum, o_sum, f_sum, g_sum = np.split(np.add(*self.sums(x)), 4)
        p = None if self.peepholes is None else np.split(self.peepholes, 3)
        i_gate = f(i_sum if p is None else np.add(i_sum, np.multiply(p[0], self.c)))
        f_gate = f(f_sum if p is None else np.add(f_sum, np.multiply(p[2], self.c)))
        self.c = np.add(np.multiply(f_gate, self.c), np.multiply(i_gate, g(g_sum)))
        o_gate = f(o_sum if p is None else np.add(o_sum, np.multiply(p[1], self.c)))
        self.h = np.multiply(o_gate, h(self.c))


_STEPS: Mapping[str, Callable[[_Pass, Float32], None]] = {"RNN": _Pass.rnn, "GRU": _Pass.gru, "LSTM": _Pass.lstm}


def _recurrent(frame: Frame, layer: Layer) -> tuple[AnyArray, ...]:
    """RNN, GRU, LSTM: outputs of all steps (0 behind a sequence's end), last hidden and cell states."""
    g = recurrent(layer, frame.network)
    x, w, r = (frame.operand(layer, position) for position in range(3))
    bias, lengths, *states = (frame.optional(layer, position) for position in range(3, 7))
    peepholes = frame.optional(layer, 7)
    count = len(g.directions)
    if g.batch_first:
        x = x.swapaxes(0, 1)
        states = [None if state is None else state.swapaxes(0, 1) for state in states]
    y = np.zeros((g.steps, count, g.batch, g.hidden), np.float32)
    last = np.zeros((2, count, g.batch, g.hidden), np.float32)
    for d in range(count):
        for n in range(g.batch):
            h, c = (np.zeros(g.hidden, np.float32) if state is None else state[d, n] for state in states)
            b = np.zeros(2 * g.rows, np.float32) if bias is None else bias[d]
            p = None if peepholes is None else peepholes[d]
            activations = [_ACTIVATIONS[name] for name in g.directions[d].activations]
            run = _Pass(activations, w[d], r[d], b, p, h, c, g.after)
            for t in _times(g, d, None if lengths is None else int(lengths[n])):
                _STEPS[layer.op_type](run, x[t, n])
                y[t, d, n] = run.h
            last[:, d, n] = run.h, run.c
    if g.batch_first:
        return y.transpose(2, 0, 1, 3), last[0].swapaxes(0, 1), last[1].swapaxes(0, 1)
    return y, last[0], last[1]


def _times(g: Recurrent, direction: int, length: int | None) -> list[int]:
    """The steps of a sequence in the order of the direction."""
    times = list(range(g.steps if length is None else min(max(length, 0), g.steps)))
    return times[::-1] if g.directions[direction].reverse else times


OPERATORS: Mapping[str, Operator] = dict.fromkeys(_STEPS, _recurrent)
