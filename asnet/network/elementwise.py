"""What the element-by-element operators with attributes mean: Clip, Mod, BitShift, IsInf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asnet.errors import NetworkError
from asnet.network.attributes import integer, real, text
from asnet.network.model import Layer, Network
from asnet.network.semantics import has_input

__all__ = ["Bound", "clip_bounds", "infinities", "modulo_floors", "shifts_left"]


@dataclass(frozen=True)
class Bound:
    """A bound of a Clip: a known ``value``, or None and the number of the ``input`` that it is."""

    value: np.generic | None
    input: int = 0


def clip_bounds(layer: Layer, network: Network) -> tuple[Bound | None, Bound | None]:
    """Lower and upper bound of a Clip, None where there is none: attributes before opset 11, inputs since.

    Raises:
        NetworkError: a bound is no scalar.
    """
    if network.opset < 11:
        low, high = (np.float32(real(layer, name, np.nan)) for name in ("min", "max"))
        return None if np.isnan(low) else Bound(low), None if np.isnan(high) else Bound(high)
    return _bound(layer, network, 1, "min"), _bound(layer, network, 2, "max")


def _bound(layer: Layer, network: Network, position: int, role: str) -> Bound | None:
    if not has_input(layer, position):
        return None
    tensor = network.tensors[layer.inputs[position]]
    if tensor.size != 1:
        raise NetworkError(f"{layer}: {role} of shape {list(tensor.shape)} must be a scalar")
    constant = network.constants.get(tensor.name)
    return Bound(None if constant is None else constant.reshape(-1)[0], position)


def modulo_floors(layer: Layer) -> bool:
    """Whether the result of a Mod has the sign of the divisor, or that of the dividend (``fmod``)."""
    return integer(layer, "fmod", 0) == 0


def shifts_left(layer: Layer) -> bool:
    """Direction of a BitShift.

    Raises:
        NetworkError: it is neither LEFT nor RIGHT.
    """
    direction = text(layer, "direction", "")
    if direction not in {"LEFT", "RIGHT"}:
        raise NetworkError(f"{layer}: direction {direction!r} is unknown; known: LEFT, RIGHT")
    return direction == "LEFT"


def infinities(layer: Layer) -> tuple[np.float32, ...]:
    """Which infinities an IsInf looks for."""
    signs = (("detect_positive", np.float32(np.inf)), ("detect_negative", np.float32(-np.inf)))
    return tuple(value for name, value in signs if integer(layer, name, 1))
