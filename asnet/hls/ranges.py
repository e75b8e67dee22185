"""How many bits of each value the hardware keeps: value ranges forward, demanded bits backward.

LLVM computes indices in 64 bits. A counter needs the bits of its trip count (range), an address the bits of its
memory's depth (demand). A value is stored in ``Width.bits``; the bits above are its extension (``signed`` or zero)
unless nobody looks at them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from asnet.hls.kernel import Constant, Kernel, Operand, Operation, signed
from asnet.hls.loops import counted_loops
from asnet.hls.wires import number_bits
from asnet.ir import Memory

__all__ = [
    "Range",
    "Width",
    "address_bits",
    "asked",
    "constant_range",
    "operation_range",
    "stored",
    "top",
    "union",
    "widths",
]

Range: TypeAlias = tuple[int, int]
"""The interval of a value's two's complement values (of an i1: of its bit), ends included."""


@dataclass(frozen=True)
class Width:
    """The stored bits of a value, and how the bits above them are: copies of the top bit (``signed``) or 0."""

    bits: int
    signed: bool = False


def address_bits(memory: Memory) -> int:
    """Bits of an index into ``memory``."""
    return number_bits(memory.size)


def widths(kernel: Kernel) -> Mapping[str, Width]:
    """Value → its width in hardware. Bits beyond are never demanded, or follow from the extension."""
    ranges = _ranges(kernel)
    demand = _demand(kernel)
    result: dict[str, Width] = {}
    for name, (low, high) in ranges.items():
        full = kernel.width(name)
        if full == 0:
            continue
        result[name] = stored((low, high), full, demand.get(name, 1))
    return result


def stored(values: Range, full: int, wanted: int) -> Width:
    """The fewest bits for a value of ``full`` bits within ``values`` whose low ``wanted`` bits are looked at."""
    low, high = values
    if low >= 0:
        fitting = Width(max(1, high.bit_length()))
    else:
        fitting = Width(1 + max((~low).bit_length(), max(high, 0).bit_length()), signed=True)
    demanded = min(max(1, wanted), full)
    return fitting if fitting.bits < demanded else Width(demanded)


def top(width: int) -> Range:
    """All values of ``width`` bits."""
    return (0, 1) if width == 1 else (-(1 << (width - 1)), (1 << (width - 1)) - 1)


def _fits(low: int, high: int, width: int) -> Range:
    least, most = top(width)
    return (low, high) if least <= low and high <= most else (least, most)


def union(a: Range, b: Range) -> Range:
    """The least interval around both."""
    return min(a[0], b[0]), max(a[1], b[1])


def _ranges(kernel: Kernel) -> dict[str, Range]:
    """Value → the interval of its two's complement values (of an i1: of its bit)."""
    counters = {loop.counter: loop for loop in counted_loops(kernel)}
    found: dict[str, Range] = {}

    def of(operand: Operand) -> Range:
        return constant_range(operand) if isinstance(operand, Constant) else found[operand]

    for block in kernel.blocks:
        for phi in block.phis:
            loop = counters.get(phi.name)
            found[phi.name] = (
                top(phi.width) if loop is None else union((loop.first, loop.first), (loop.last, loop.last))
            )
        for operation in block.operations:
            found[operation.name] = operation_range(operation, of)
    return found


def constant_range(constant: Constant) -> Range:
    """The interval of a literal."""
    value = constant.bits if constant.width == 1 else signed(constant.bits, constant.width)
    return value, value


def operation_range(operation: Operation, of: Callable[[Operand], Range]) -> Range:
    """The interval of an operation's result. ``of``: that of an operand."""
    rule = _RULES.get(operation.op)
    arguments = [of(operand) for operand in operation.operands] if rule else []
    low, high = rule(operation, arguments) if rule else top(max(1, operation.width))
    return _fits(low, high, max(1, operation.width))


def _corners(operation: Operation, arguments: list[Range]) -> Range:
    (a, b), (c, d) = arguments
    apply: dict[str, Callable[[int, int], int]] = {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "smin": min,
        "smax": max,
    }
    results = [apply[operation.op](x, y) for x in (a, b) for y in (c, d)]
    return min(results), max(results)


def _shift(operation: Operation, arguments: list[Range]) -> Range:
    (low, high), (least, most) = arguments
    width = operation.width
    if least != most or not 0 <= least < width:
        return (0, high) if operation.op == "lshr" and low >= 0 else top(width)
    if operation.op == "shl":
        return low << least, high << least
    if operation.op == "lshr" and low < 0:
        return (0, (1 << (width - least)) - 1) if least else top(width)
    return low >> least, high >> least


def _bitwise(operation: Operation, arguments: list[Range]) -> Range:
    (a, b), (c, d) = arguments
    if operation.op == "and":
        bounds = [high for low, high in arguments if low >= 0]
        return (0, min(bounds)) if bounds else top(operation.width)
    if a >= 0 and c >= 0:
        return 0, (1 << max(b, d).bit_length()) - 1
    return top(operation.width)


def _extend(operation: Operation, arguments: list[Range]) -> Range:
    low, high = arguments[0]
    before = operation.widths[0]
    if operation.op == "sext" and before == 1:
        return -high, -low
    if operation.op == "zext" and low < 0:
        return 0, (1 << before) - 1
    if operation.op == "trunc" and operation.width == 1 and not (low >= 0 and high <= 1):
        return 0, 1
    return low, high


def _minmax(operation: Operation, arguments: list[Range]) -> Range:
    (a, b), (c, d) = arguments
    if a < 0 or c < 0:
        return top(operation.width)
    return (min(a, c), min(b, d)) if operation.op == "umin" else (max(a, c), max(b, d))


_RULES: Mapping[str, Callable[[Operation, list[Range]], Range]] = {
    **dict.fromkeys(("add", "sub", "mul", "smin", "smax"), _corners),
    **dict.fromkeys(("shl", "lshr", "ashr"), _shift),
    **dict.fromkeys(("and", "or", "xor"), _bitwise),
    **dict.fromkeys(("zext", "sext", "trunc"), _extend),
    **dict.fromkeys(("umin", "umax"), _minmax),
    "select": lambda _, arguments: union(arguments[1], arguments[2]),
}


def _demand(kernel: Kernel) -> dict[str, int]:
    """Value → number of its low bits that somebody looks at; to a fixed point, since phis make cycles."""
    demand: dict[str, int] = {}
    changed = True

    def ask(operand: Operand, bits: int) -> None:
        nonlocal changed
        if isinstance(operand, str) and bits > demand.get(operand, 0):
            demand[operand] = bits
            changed = True

    while changed:
        changed = False
        for block in reversed(kernel.blocks):
            if block.branch.condition is not None:
                ask(block.branch.condition, 1)
            for operation in reversed(block.operations):
                for operand, bits in zip(
                    operation.operands, asked(operation, demand.get(operation.name, 0), kernel.memory), strict=True
                ):
                    ask(operand, bits)
            for phi in block.phis:
                for operand in phi.incoming.values():
                    ask(operand, demand.get(phi.name, 0))
    return demand


_SAME = frozenset(("add", "sub", "mul", "or", "xor", "zext", "sext", "trunc"))


def asked(operation: Operation, wanted: int, memories: Mapping[str, Memory]) -> tuple[int, ...]:
    """Bits of each operand that are needed for the low ``wanted`` bits of the result."""
    full = operation.widths
    op, last = operation.op, operation.operands[-1]
    if op in ("load", "store"):
        return (address_bits(memories[operation.detail]), *full[1:])
    if wanted == 0:
        return (0,) * len(full)
    if op in _SAME:
        return tuple(min(wanted, bits) for bits in full)
    if op == "and":
        masks = [o.bits.bit_length() for o in operation.operands if isinstance(o, Constant)]
        return tuple(min(wanted, bits, *masks) for bits in full)
    if op == "select":
        return (1, wanted, wanted)
    if op in ("shl", "lshr", "ashr") and isinstance(last, Constant):
        bits = wanted - last.bits if op == "shl" else wanted + last.bits
        return (max(0, min(bits, full[0])), full[1])
    if op == "shl":
        return (wanted, full[1])
    return full
