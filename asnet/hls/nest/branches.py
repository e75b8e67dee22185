"""Small branches without loops become straight-line code: both ways are computed, a select chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asnet.hls.kernel import Block, Branch, Constant, Kernel, Operand, Operation, Phi

__all__ = ["Flattened", "without_branches"]

_TRUE = Constant(1, 1)


@dataclass(frozen=True)
class Flattened:
    """A kernel with the branches merged, and the values that must all be 1 for a store to count."""

    kernel: Kernel
    flags: Mapping[str, tuple[Operand, ...]]


def without_branches(kernel: Kernel) -> Flattened:
    """``kernel`` with every two-way branch whose ways meet again at once, without a loop, made straight.

    Both ways' loads happen then, one of them maybe outside of its memory: such a value is never selected.
    """
    flags: dict[str, tuple[Operand, ...]] = {}
    while True:
        found = next((merged for block in kernel.blocks if (merged := _merged(kernel, block, flags))), None)
        if found is None:
            return Flattened(kernel, flags)
        kernel = found


def _merged(kernel: Kernel, block: Block, flags: dict[str, tuple[Operand, ...]]) -> Kernel | None:
    """``kernel`` with the branch at the end of ``block`` merged into it; None if it is not of that kind."""
    targets, condition = block.branch.targets, block.branch.condition
    if len(targets) != 2 or condition is None:
        return None
    sides = [_side(kernel, block, name) for name in targets]
    meets = {side.branch.targets[0] for side in sides if side is not None}
    meets |= {name for name, side in zip(targets, sides, strict=True) if side is None}
    if len(meets) != 1 or sides == [None, None]:
        return None
    (meeting,) = meets
    if meeting == block.name or any(side is not None and side.name == meeting for side in sides):
        return None
    operations = list(block.operations)
    taken = set(kernel.home)
    for side, wanted in zip(sides, (True, False), strict=True):
        stores = (
            [operation.name for operation in side.operations if operation.op == "store"] if side is not None else []
        )
        flag = condition
        if stores and not wanted:
            flag = _fresh(f"{block.name}.otherwise", taken)
            operations.append(Operation(flag, "xor", (condition, _TRUE), 1, (1, 1), block.branch.source))
        operations += side.operations if side is not None else ()
        flags.update((name, (flag, *flags.get(name, ()))) for name in stores)
    ways = [block.name if side is None else side.name for side in sides]
    phis: list[Phi] = []
    for phi in kernel.block[meeting].phis:
        yes, no = (phi.incoming[way] for way in ways)
        chosen: Operand = yes
        if yes != no:
            chosen = _fresh(f"{phi.name}.{block.name}", taken)
            widths = (1, phi.width, phi.width)
            operations.append(Operation(chosen, "select", (condition, yes, no), phi.width, widths, phi.source))
        others = {name: value for name, value in phi.incoming.items() if name not in ways}
        phis.append(replace(phi, incoming={**others, block.name: chosen}))
    gone = {side.name for side in sides if side is not None}
    blocks: list[Block] = []
    for other in kernel.blocks:
        if other.name == block.name:
            jump = Branch((meeting,), None, block.branch.source)
            blocks.append(replace(block, operations=tuple(operations), branch=jump))
        elif other.name == meeting:
            blocks.append(replace(other, phis=tuple(phis)))
        elif other.name not in gone:
            blocks.append(other)
    return _joined(replace(kernel, blocks=tuple(blocks)), block.name, meeting, flags)


def _fresh(name: str, taken: set[str]) -> str:
    """A name that no value has: ``name``, or that with something behind it."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _side(kernel: Kernel, block: Block, name: str) -> Block | None:
    """Block ``name`` if it is a way from ``block`` that only jumps on; None: it is where the ways meet."""
    side = kernel.block[name]
    alone = len(kernel.predecessors(name)) == 1 and not side.phis
    return side if alone and len(side.branch.targets) == 1 and side.branch.targets[0] != block.name else None


def _joined(kernel: Kernel, first: str, second: str, flags: dict[str, tuple[Operand, ...]]) -> Kernel:
    """``kernel`` with block ``second`` appended to ``first``, if nothing else leads to it."""
    before, after = kernel.block[first], kernel.block[second]
    if len(kernel.predecessors(second)) != 1 or second == kernel.blocks[0].name:
        return kernel
    names = {phi.name: phi.incoming[first] for phi in after.phis}

    def operand(value: Operand) -> Operand:
        while isinstance(value, str) and value in names:
            value = names[value]
        return value

    def renamed(block: Block) -> Block:
        phis = tuple(
            replace(phi, incoming={first if b == second else b: operand(v) for b, v in phi.incoming.items()})
            for phi in block.phis
        )
        operations = tuple(replace(op, operands=tuple(map(operand, op.operands))) for op in block.operations)
        condition = block.branch.condition
        branch = replace(block.branch, condition=None if condition is None else operand(condition))
        return replace(block, phis=phis, operations=operations, branch=branch)

    flags.update({store: tuple(map(operand, values)) for store, values in flags.items()})
    joined = replace(before, operations=(*before.operations, *after.operations), branch=after.branch)
    blocks = (joined if block.name == first else block for block in kernel.blocks if block.name != second)
    return replace(kernel, blocks=tuple(renamed(block) for block in blocks))
