"""What may be asked of the units of an op: to be for constants, to have so many pipeline stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from asnet.errors import SynthesisError, did_you_mean
from asnet.hls.fusing import operations_of
from asnet.hls.kernel import Kernel, Operation
from asnet.hls.operands import unit_constants
from asnet.hls.operators import UNIT_OPS
from asnet.hls.options import HlsOptions
from asnet.ir import Slot

__all__ = ["SPECIALISED", "check_specialised", "check_stages"]

SPECIALISED: Final = ("fmul", "fdiv", "fadd", "fcmp")
"""The ops of units with two float operands."""


def check_specialised(kernels: Sequence[Kernel], slots: Mapping[str, Slot], options: HlsOptions) -> None:
    """Refuse to specialise what has no constants, or what is counted; ``slots``: symbol → slot.

    Raises:
        SynthesisError: an op without such units, or no operation of which has a constant operand; the number of its
            units is limited.
    """
    found = {_op(o, slots) for kernel in kernels for o in operations_of(kernel) if len(unit_constants(o)) == 1}
    for op in options.specialise:
        if op not in SPECIALISED:
            raise SynthesisError(f"units of {op!r} cannot be specialised{did_you_mean(op, SPECIALISED)}")
        if op in options.resources:
            raise SynthesisError(
                f"--resources {op}={options.resources[op]} counts units that operations share, but --specialise {op} "
                "gives operations with a constant units of their own: leave out one of them"
            )
        if op not in found:
            raise SynthesisError(f"no operation of {op!r} has a constant operand: leave out --specialise {op}")


def check_stages(kernels: Sequence[Kernel], slots: Mapping[str, Slot], options: HlsOptions) -> None:
    """Refuse pipeline stages for units that the design does not have; ``slots``: symbol → slot.

    Raises:
        SynthesisError: no operation needs a unit of that op.
    """
    operations = (operation for kernel in kernels for operation in operations_of(kernel))
    found = {_op(operation, slots) for operation in operations if operation.op in ("call", *UNIT_OPS)}
    for op, stages in options.stages.items():
        if op not in found:
            raise SynthesisError(
                f"--stages {op}={stages}: no operation needs a unit for {op!r}{did_you_mean(op, found)}"
            )


def _op(operation: Operation, slots: Mapping[str, Slot]) -> str:
    """The op of the unit that an operation needs."""
    if operation.op == "call":
        return slots[operation.detail].op
    use = UNIT_OPS.get(operation.op)
    return use.op if use is not None else operation.op
