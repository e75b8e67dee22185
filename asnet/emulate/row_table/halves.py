"""The kernel around the sums: which half of the table a panel's operands need, found by looking at all of them.

Activations after a ReLU are never negative, so that most panels need the rows' lower halves only, which take half the
look-ups. Nothing is assumed: a panel whose operands' top bits differ takes the whole rows.
"""

from __future__ import annotations

from llvmlite import ir

from asnet.emulate.kernels import KernelCode, KernelText
from asnet.emulate.row_table.mixed import LISTS, MIXED, MIXED_ARGUMENTS, emit_mixed, list_of
from asnet.emulate.row_table.sums import BLOCK
from asnet.emulate.row_table.tops import emit_tops
from asnet.ir.emission import I64, POINTER

__all__ = ["DIRECT", "HALF", "IN_ORDER", "LISTED", "WHOLE", "Arguments", "emit_kernel"]

Arguments = tuple[tuple[str, ir.Type], ...]

_PANEL: Arguments = (
    *((name, POINTER) for name in ("y", "v")),
    *((name, I64) for name in ("rows", "columns", "depth", "y_row", "v_step")),
)
DIRECT: Arguments = (*_PANEL, ("s", POINTER), ("s_row", I64), ("table", POINTER), ("minima", POINTER))
"""Of a function that adds all sums of a panel to y, by the scalars as they come; ``minima`` of the table's rows."""

LISTED: Arguments = (*_PANEL, *((name, POINTER) for name in ("table", "minima", "steps", "bounds", "starts")))
"""Of one that takes the steps of a list (:mod:`.lists`); ``starts``: what to add beside, for every row."""

IN_ORDER = "in_order"
"""The function for whole rows with arguments :data:`DIRECT` that lists need with halves."""

WHOLE, HALF = "whole", "half"
"""Functions with a number: for all operands, and for those with one value of the top bit (of which they see the
other bits)."""


def emit_kernel(text: KernelText, arguments: Arguments, *, halves: bool, kinds: int = 1) -> None:
    """The kernel, which calls :data:`WHOLE` or, with ``halves``, where it can :data:`HALF`, of each of ``kinds`` (of
    lists with ``halves`` there is but one function for whole rows).

    ``data``: for all operands, and with ``halves`` also for the lower and for the upper half of them, for each kind the
    table and the minima; then, for :data:`LISTED`, steps, bounds and starts of each kind.
    """
    if halves and arguments is LISTED:
        names = tuple(f"{HALF}.{kind}" for kind in range(kinds))
        emit_mixed(text, LISTED, DIRECT, (IN_ORDER, f"{WHOLE}.0", names))
    with text.kernel() as code, code.when(code.ir.icmp_signed(">", code.arguments["columns"], I64(0))):
        if not halves:
            _call(code, WHOLE, arguments, kinds, 1, I64(0))
            return
        at = code.arguments
        lower, upper = emit_tops(code, at["v"], at["v_step"], at["columns"], at["depth"])
        one = code.ir.or_(lower, upper)
        with code.when(one):
            _call(code, HALF, arguments, kinds, 3, code.ir.select(lower, I64(1), I64(2)))
        with code.when(code.ir.not_(one)):
            if arguments is LISTED:
                mixed = code.declared(MIXED, ir.VoidType(), [kind for _, kind in MIXED_ARGUMENTS])
                code.ir.call(mixed, [at[argument] for argument, _ in MIXED_ARGUMENTS])
            else:
                _call(code, WHOLE, arguments, kinds, 3, I64(0))


def _call(code: KernelCode, name: str, arguments: Arguments, kinds: int, parts: int, part: ir.Value) -> None:
    """Call the functions ``name`` with the data of ``part``."""
    at, data = code.arguments, code.arguments["data"]
    own = code.behind(data, code.times(part, 2 * 8 * kinds))
    for kind in range(kinds):
        addresses = {name: code.address(own, 2 * kind + place) for place, name in enumerate(("table", "minima"))}
        if arguments is LISTED:
            blocks = code.times(at["group"], code.up(at["depth"], BLOCK))
            addresses |= list_of(code, 2 * kinds * parts + LISTS * kind, code.times(blocks, at["rows"]))
        known = at | addresses
        function = code.declared(f"{name}.{kind}", ir.VoidType(), [kind for _, kind in arguments])
        code.ir.call(function, [known[argument] for argument, _ in arguments])
