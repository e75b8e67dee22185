"""Operators that are a function of each float32 element: one definition for the oracle and the lowering.

The tables map ONNX operator types to what :mod:`asnet.network.functions` steps they are; attributes are resolved here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from asnet.errors import NetworkError
from asnet.network import functions
from asnet.network.attributes import real, text
from asnet.network.functions.steps import Function, Steps, V
from asnet.network.model import Layer

__all__ = ["ACTIVATIONS", "FUNCTIONS", "activation", "constant_power"]


def _exp(s: Steps[V], x: V, /) -> V:
    return s.exp(x)


def _softsign(s: Steps[V], x: V, /) -> V:
    """x / (1 + |x|)."""
    return s.div(x, s.add(s.number(1.0), s.magnitude(x)))


FUNCTIONS: Mapping[str, Function] = {
    "Exp": _exp,
    "Log": functions.log,
    "Sqrt": functions.sqrt,
    "Erf": functions.erf,
    "Sin": functions.sin,
    "Cos": functions.cos,
    "Tan": functions.tan,
    "Asin": functions.asin,
    "Acos": functions.acos,
    "Atan": functions.atan,
    "Sinh": functions.sinh,
    "Cosh": functions.cosh,
    "Asinh": functions.asinh,
    "Acosh": functions.acosh,
    "Atanh": functions.atanh,
    "Softplus": functions.softplus,
    "Softsign": _softsign,
    "Mish": functions.mish,
}
"""Operators without attributes."""


def _below_zero(negative: Function) -> Function:
    """``x < 0 ? negative(x) : x``."""

    def function(s: Steps[V], x: V, /) -> V:
        return s.choose(s.compare("<", x, s.number(0.0)), negative(s, x), x)

    return function


def _elu(layer: Layer) -> Function:
    """``x < 0 ? alpha·(e^x - 1) : x``."""
    alpha = real(layer, "alpha", 1.0)

    def negative(s: Steps[V], x: V, /) -> V:
        return s.mul(functions.expm1(s, x), s.number(alpha))

    return _below_zero(negative)


def _selu(layer: Layer) -> Function:
    """gamma times ``x <= 0 ? alpha·(e^x - 1) : x``."""
    alpha, gamma = real(layer, "alpha", 1.67326319217681884765625), real(layer, "gamma", 1.05070102214813232421875)

    def negative(s: Steps[V], x: V, /) -> V:
        return s.mul(functions.expm1(s, x), s.number(alpha))

    inner = _below_zero(negative)

    def function(s: Steps[V], x: V, /) -> V:
        return s.mul(inner(s, x), s.number(gamma))

    return function


def _celu(layer: Layer) -> Function:
    """``x < 0 ? alpha·(e^(x/alpha) - 1) : x``, which is max(0, x) + min(0, alpha·(e^(x/alpha) - 1))."""
    alpha = real(layer, "alpha", 1.0)
    if alpha == 0:
        raise NetworkError(f"{layer}: attribute 'alpha' is 0, and the operand is divided by it; mend the model")

    def negative(s: Steps[V], x: V, /) -> V:
        return s.mul(functions.expm1(s, s.div(x, s.number(alpha))), s.number(alpha))

    return _below_zero(negative)


def _ramp(s: Steps[V], x: V, alpha: float, beta: float) -> V:
    """alpha·x + beta, bounded by 0 and 1."""
    zero, one = s.number(0.0), s.number(1.0)
    value = s.add(s.mul(x, s.number(alpha)), s.number(beta))
    value = s.choose(s.compare("<", value, zero), zero, value)
    return s.choose(s.compare(">", value, one), one, value)


def _hard_sigmoid(layer: Layer) -> Function:
    """alpha·x + beta, bounded by 0 and 1."""
    alpha, beta = real(layer, "alpha", 0.2), real(layer, "beta", 0.5)

    def function(s: Steps[V], x: V, /) -> V:
        return _ramp(s, x, alpha, beta)

    return function


def _hard_swish(layer: Layer) -> Function:
    """x·HardSigmoid(x) with alpha = 1/6 and beta = 0.5."""

    def function(s: Steps[V], x: V, /) -> V:
        return s.mul(x, _ramp(s, x, 1 / 6, 0.5))

    return function


def _swish(layer: Layer) -> Function:
    """x·sigmoid(alpha·x)."""
    alpha = real(layer, "alpha", 1.0)

    def function(s: Steps[V], x: V, /) -> V:
        return s.mul(x, s.sigmoid(x if alpha == 1 else s.mul(x, s.number(alpha))))

    return function


def _thresholded_relu(layer: Layer) -> Function:
    """``x > alpha ? x : 0``; a NaN stays."""
    alpha = real(layer, "alpha", 1.0)

    def function(s: Steps[V], x: V, /) -> V:
        return s.choose(s.compare("<=", x, s.number(alpha)), s.number(0.0), x)

    return function


def _shrink(layer: Layer) -> Function:
    """``x < -lambd ? x + bias : x > lambd ? x - bias : 0``; a NaN stays."""
    bias, bound = real(layer, "bias", 0.0), real(layer, "lambd", 0.5)

    def function(s: Steps[V], x: V, /) -> V:
        shift, zero = s.number(bias), s.number(0.0)
        result = s.choose(s.compare(">", x, s.number(bound)), s.sub(x, shift), zero)
        result = s.choose(s.compare("<", x, s.number(-bound)), s.add(x, shift), result)
        return s.choose(s.is_nan(x), x, result)

    return function


def _gelu(layer: Layer) -> Function:
    """By the error function, or (approximate) by tanh."""
    found = text(layer, "approximate", "none")
    kinds: Mapping[str, Function] = {"none": functions.gelu, "tanh": functions.gelu_tanh}
    if found not in kinds:
        raise NetworkError(f"{layer}: attribute 'approximate' is {found!r}, neither 'none' nor 'tanh'; mend the model")
    return kinds[found]


ACTIVATIONS: Mapping[str, Callable[[Layer], Function]] = {
    "Elu": _elu,
    "Selu": _selu,
    "Celu": _celu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Swish": _swish,
    "ThresholdedRelu": _thresholded_relu,
    "Shrink": _shrink,
    "Gelu": _gelu,
}
"""Operators with attributes."""


def activation(layer: Layer) -> Function:
    """The function of an operator of either table.

    Raises:
        NetworkError: an attribute has a value that it cannot have.
    """
    return FUNCTIONS[layer.op_type] if layer.op_type in FUNCTIONS else ACTIVATIONS[layer.op_type](layer)


def constant_power(exponent: float) -> Function | None:
    """x to a constant power that needs no logarithm: 1, 2, 3 by multiplication, 0.5 by the square root; else None."""
    return _POWERS.get(exponent)


def _itself(s: Steps[V], x: V, /) -> V:
    return x


def _square(s: Steps[V], x: V, /) -> V:
    return s.mul(x, x)


def _cube(s: Steps[V], x: V, /) -> V:
    return s.mul(s.mul(x, x), x)


def _root(s: Steps[V], x: V, /) -> V:
    """√x, but +0 at -0 and +inf at -inf as IEEE 754's pow."""
    zero, infinity = s.number(0.0), s.number(np.inf)
    result = s.choose(s.compare("==", x, zero), zero, functions.sqrt(s, x))
    return s.choose(s.compare("==", x, s.number(-np.inf)), infinity, result)


_POWERS: Mapping[float, Function] = {1.0: _itself, 2.0: _square, 3.0: _cube, 0.5: _root}
