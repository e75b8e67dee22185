"""Shapes, directions and activations of RNN, GRU and LSTM: one reading for the oracle and the lowering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asnet.errors import NetworkError, UnsupportedError
from asnet.network.attributes import integer, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input

__all__ = ["ACTIVATIONS", "Direction", "Recurrent", "recurrent"]

ACTIVATIONS = ("relu", "sigmoid", "tanh")
"""The supported activations, in lower case."""

_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "RNN": ("tanh",),
    "GRU": ("sigmoid", "tanh"),
    "LSTM": ("sigmoid", "tanh", "tanh"),
}
_GATES: Mapping[str, int] = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DIRECTIONS: Mapping[str, tuple[bool, ...]] = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


@dataclass(frozen=True)
class Direction:
    """One pass over the sequence: from its end if ``reverse``; ``activations`` in the order of ONNX (f, g, h)."""

    reverse: bool
    activations: tuple[str, ...]


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer of ``hidden`` units with ``gates`` rows of weights each.

    The input is ``[steps, batch, inputs]``; with ``batch_first`` the batch is the first axis of it, of the states and
    of the outputs. ``after``: a GRU's reset gate applies after the product (``linear_before_reset``).
    """

    steps: int
    batch: int
    inputs: int
    hidden: int
    gates: int
    directions: tuple[Direction, ...]
    batch_first: bool
    after: bool

    @property
    def rows(self) -> int:
        """Rows of the weights of one direction."""
        return self.gates * self.hidden


def recurrent(layer: Layer, network: Network) -> Recurrent:
    """What an RNN, GRU or LSTM computes.

    Raises:
        NetworkError: shapes or attributes contradict each other.
        UnsupportedError: clipping, coupled gates, or an activation that is not in :data:`ACTIVATIONS`.
    """
    for name in ("clip", "input_forget"):
        if layer.attributes.get(name, 0):
            raise UnsupportedError(
                f"{layer}: attribute {name!r} = {layer.attributes[name]!r} is not supported; export without it"
            )
    way = text(layer, "direction", "forward")
    if way not in _DIRECTIONS:
        raise NetworkError(f"{layer}: direction {way!r} is unknown; known: {', '.join(_DIRECTIONS)}")
    reverse = _DIRECTIONS[way]
    batch_first = integer(layer, "layout", 0) != 0
    x = network.shape(layer.inputs[0])
    if len(x) != 3:
        raise NetworkError(f"{layer}: an input of shape {list(x)} must have 3 axes: steps, batch, features")
    batch, steps = x[:2] if batch_first else (x[1], x[0])
    gates = _GATES[layer.op_type]
    weight = network.shape(layer.inputs[2])
    if len(weight) != 3:
        raise NetworkError(f"{layer}: recurrent weights of shape {list(weight)} must have 3 axes; mend the model")
    hidden = weight[2]
    count = len(reverse)
    states = (batch, count, hidden) if batch_first else (count, batch, hidden)
    shapes = [
        x,
        (count, gates * hidden, x[2]),
        (count, gates * hidden, hidden),
        (count, 2 * gates * hidden),
        (batch,),
        states,
        states,
        (count, 3 * hidden),
    ]
    for position, expected in enumerate(shapes):
        if has_input(layer, position) and network.shape(layer.inputs[position]) != expected:
            found = network.shape(layer.inputs[position])
            raise NetworkError(f"{layer}: input {position} of shape {list(found)} must be {list(expected)}")
    directions = zip(reverse, _activations(layer, count), strict=True)
    return Recurrent(
        steps=steps,
        batch=batch,
        inputs=x[2],
        hidden=hidden,
        gates=gates,
        directions=tuple(Direction(*direction) for direction in directions),
        batch_first=batch_first,
        after=integer(layer, "linear_before_reset", 0) != 0,
    )


def _activations(layer: Layer, directions: int) -> list[tuple[str, ...]]:
    defaults = _DEFAULTS[layer.op_type]
    given = layer.attributes.get("activations") or defaults * directions
    if not isinstance(given, tuple) or len(given) != len(defaults) * directions:
        raise NetworkError(f"{layer}: activations {given!r} must be {len(defaults) * directions} names")
    names = tuple(str(name).lower() for name in given)
    for name in names:
        if name not in ACTIVATIONS:
            raise UnsupportedError(
                f"{layer}: activation {name!r} is not supported; supported: {', '.join(ACTIVATIONS)}"
            )
    return [names[start : start + len(defaults)] for start in range(0, len(names), len(defaults))]
