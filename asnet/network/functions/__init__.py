"""Elementary functions of float32 as steps: one definition that numpy evaluates and the lowering emits.

A function takes :class:`~asnet.network.functions.steps.Steps` and values of its kind (arrays for the oracle, LLVM
values for a layer). No libm, no fused multiply-add, no float64: every step is one float32 or integer operation, so that
the oracle, the JIT and the hardware give the same bits. Results obey the float mode; a NaN operand gives a NaN.

Relative errors measured against float64 are in ``tests/network/test_functions.py``; the coefficients come from
``tests/network/fit_functions.py``.
"""

from asnet.network.functions.error import erf, gelu, gelu_tanh
from asnet.network.functions.exponential import expm1, log, log1p, mish, softplus
from asnet.network.functions.hyperbolic import acosh, asinh, atanh, cosh, sinh
from asnet.network.functions.powers import power, sqrt
from asnet.network.functions.steps import ArraySteps, Function, Steps
from asnet.network.functions.trigonometry import acos, asin, atan, cos, sin, tan

__all__ = [
    "ArraySteps",
    "Function",
    "Steps",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "erf",
    "expm1",
    "gelu",
    "gelu_tanh",
    "log",
    "log1p",
    "mish",
    "power",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
]
