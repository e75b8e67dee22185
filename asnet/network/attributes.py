"""Typed access to a layer's attributes; an attribute of another type than its operator's is a NetworkError."""

from __future__ import annotations

from asnet.errors import NetworkError
from asnet.network.model import Layer

__all__ = ["integer", "integers", "real", "reals", "text"]


def _wrong(layer: Layer, name: str, expected: str) -> NetworkError:
    return NetworkError(f"{layer}: attribute {name!r} is {layer.attributes[name]!r}, not {expected}; mend the model")


def integer(layer: Layer, name: str, default: int) -> int:
    """The integer attribute ``name``, ``default`` where the layer has none."""
    value = layer.attributes.get(name, default)
    if not isinstance(value, int):
        raise _wrong(layer, name, "an integer")
    return value


def real(layer: Layer, name: str, default: float) -> float:
    """The float attribute ``name``, ``default`` where the layer has none."""
    value = layer.attributes.get(name, default)
    if not isinstance(value, float):
        raise _wrong(layer, name, "a float")
    return value


def text(layer: Layer, name: str, default: str) -> str:
    """The string attribute ``name``, ``default`` where the layer has none."""
    value = layer.attributes.get(name, default)
    if not isinstance(value, str):
        raise _wrong(layer, name, "a string")
    return value


def integers(layer: Layer, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    """The attribute ``name`` as a tuple of integers, ``default`` where the layer has none."""
    value = layer.attributes.get(name, default)
    if not isinstance(value, tuple):
        raise _wrong(layer, name, "a list of integers")
    numbers = tuple(item for item in value if isinstance(item, int))
    if len(numbers) != len(value):
        raise _wrong(layer, name, "a list of integers")
    return numbers


def reals(layer: Layer, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    """The attribute ``name`` as a tuple of floats, ``default`` where the layer has none."""
    value = layer.attributes.get(name, default)
    if not isinstance(value, tuple):
        raise _wrong(layer, name, "a list of floats")
    numbers = tuple(item for item in value if isinstance(item, float))
    if len(numbers) != len(value):
        raise _wrong(layer, name, "a list of floats")
    return numbers
