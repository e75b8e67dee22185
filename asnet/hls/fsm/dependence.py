"""What must wait for what within a block: values, and accesses to the same memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asnet.hls.fsm.allocation import Allocation
from asnet.hls.kernel import Block, Constant, Kernel, Operand, Operation

__all__ = ["Dependence", "dependences"]

_Affine = tuple[Mapping[str, int], int]
_WRAP = 1 << 64


@dataclass(frozen=True)
class Dependence:
    """``after`` starts at least ``distance`` cycles after ``before``; distance 0 means chained logic."""

    before: str
    after: str
    distance: int


def dependences(allocation: Allocation, block: Block) -> tuple[Dependence, ...]:
    """The dependences between the operations of ``block``."""
    kernel = allocation.kernel
    local = {operation.name for operation in block.operations}
    found: list[Dependence] = []
    accesses: dict[str, list[Operation]] = {}
    for operation in block.operations:
        for operand in dict.fromkeys(operation.operands):
            if isinstance(operand, str) and operand in local:
                found.append(Dependence(operand, operation.name, allocation.latency(operand)))
        if operation.is_memory:
            earlier = accesses.setdefault(operation.detail, [])
            found.extend(_memory_dependences(kernel, earlier, operation))
            earlier.append(operation)
    return tuple(found)


def _memory_dependences(kernel: Kernel, earlier: Sequence[Operation], operation: Operation) -> list[Dependence]:
    """A memory shows a write to reads of the next cycle; a read and a write of one word never share a cycle."""
    return [
        Dependence(other.name, operation.name, 1)
        for other in earlier
        if "store" in (other.op, operation.op) and not _distinct(kernel, other.operands[0], operation.operands[0])
    ]


def _distinct(kernel: Kernel, a: Operand, b: Operand) -> bool:
    """Whether two indices differ for certain: by a constant other than 0."""
    (left, p), (right, q) = _affine(kernel, a, 0), _affine(kernel, b, 0)
    return left == right and (p - q) % _WRAP != 0


def _affine(kernel: Kernel, operand: Operand, depth: int) -> _Affine:
    """``operand`` as Σ factor·value + constant, modulo 2^64; sums are followed a few steps only."""
    if isinstance(operand, Constant):
        return {}, operand.bits
    operation = kernel.operation.get(operand)
    if operation is None or depth > 8 or operation.width != 64 or operation.op not in ("add", "sub", "mul", "shl"):
        return {operand: 1}, 0
    last = operation.operands[1]
    left = _affine(kernel, operation.operands[0], depth + 1)
    if operation.op in ("add", "sub"):
        right = _affine(kernel, last, depth + 1)
        return _combined(left, right, 1 if operation.op == "add" else -1)
    if not isinstance(last, Constant) or (operation.op == "shl" and last.bits >= 64):
        return {operand: 1}, 0
    factor = last.bits if operation.op == "mul" else 1 << last.bits
    return _combined(({}, 0), left, factor)


def _combined(a: _Affine, b: _Affine, factor: int) -> _Affine:
    """``a`` + ``factor``·``b``."""
    terms = dict(a[0])
    for name, weight in b[0].items():
        terms[name] = (terms.get(name, 0) + factor * weight) % _WRAP
    return {name: weight for name, weight in terms.items() if weight}, (a[1] + factor * b[1]) % _WRAP
