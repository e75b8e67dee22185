"""Cleaning a kernel: reachable blocks in dominance order, dead operations removed, empty blocks threaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from asnet.hls.kernel import Block, Kernel, Operand, Operation

__all__ = ["simplify"]


def simplify(kernel: Kernel) -> Kernel:
    """``kernel`` with blocks in reverse postorder (definitions before uses, but for phis) and nothing superfluous.

    An empty block that only jumps is left out: its predecessors jump for it, saving a state per pass.
    """
    kernel = _without_empty_blocks(_ordered(kernel))
    return _without_dead_values(_ordered(kernel))


def _ordered(kernel: Kernel) -> Kernel:
    seen: set[str] = set()
    postorder: list[Block] = []
    stack: list[tuple[Block, Iterator[str]]] = []

    def visit(block: Block) -> None:
        seen.add(block.name)
        stack.append((block, iter(reversed(block.branch.targets))))  # the loop body comes before the exit

    visit(kernel.blocks[0])
    while stack:
        block, successors = stack[-1]
        following = next((name for name in successors if name not in seen), None)
        if following is None:
            postorder.append(block)
            stack.pop()
        else:
            visit(kernel.block[following])
    kept = {block.name for block in postorder}
    blocks = (
        replace(
            block,
            phis=tuple(
                replace(phi, incoming={b: v for b, v in phi.incoming.items() if b in kept}) for phi in block.phis
            ),
        )
        for block in reversed(postorder)
    )
    return replace(kernel, blocks=tuple(blocks))


def _without_empty_blocks(kernel: Kernel) -> Kernel:
    for block in kernel.blocks[1:]:
        targets = block.branch.targets
        if block.phis or block.operations or len(targets) != 1 or targets[0] == block.name:
            continue
        before = kernel.predecessors(block.name)
        if any(targets[0] in other.branch.targets for other in before):
            continue  # the phis of the target tell the two ways apart
        return _without_empty_blocks(_threaded(kernel, block, before))
    return kernel


def _threaded(kernel: Kernel, empty: Block, before: tuple[Block, ...]) -> Kernel:
    target = empty.branch.targets[0]
    blocks: list[Block] = []
    for block in kernel.blocks:
        if block.name == empty.name:
            continue
        if block in before:
            targets = tuple(target if name == empty.name else name for name in block.branch.targets)
            block = replace(block, branch=replace(block.branch, targets=targets))
        if block.name == target:
            phis = tuple(
                replace(
                    phi,
                    incoming={
                        **{b: v for b, v in phi.incoming.items() if b != empty.name},
                        **{other.name: phi.incoming[empty.name] for other in before},
                    },
                )
                for phi in block.phis
            )
            block = replace(block, phis=phis)
        blocks.append(block)
    return replace(kernel, blocks=tuple(blocks))


def _without_dead_values(kernel: Kernel) -> Kernel:
    alive: set[str] = set()
    work: list[Operand] = []
    for block in kernel.blocks:
        work.extend(value for op in block.operations if op.op == "store" for value in op.operands)
        if block.branch.condition is not None:
            work.append(block.branch.condition)
    while work:
        value = work.pop()
        if not isinstance(value, str) or value in alive:
            continue
        alive.add(value)
        operation = kernel.operation.get(value)
        work.extend(operation.operands if operation is not None else kernel.phi[value].incoming.values())

    def keep(operation: Operation) -> bool:
        return operation.op == "store" or operation.name in alive

    blocks = (
        replace(
            block,
            phis=tuple(phi for phi in block.phis if phi.name in alive),
            operations=tuple(op for op in block.operations if keep(op)),
        )
        for block in kernel.blocks
    )
    return replace(kernel, blocks=tuple(blocks))
