"""Bit-sliced sums of products against numpy: gates on registers, circuits of all kinds, levels of instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import llvmlite.binding as llvm
import numpy as np
import pytest
from numpy.typing import NDArray

from asnet.cache import default_cache
from asnet.emulate import ProductsFunction
from asnet.emulate.bitsliced import BitSliced, Builder, Gate, Program
from asnet.emulate.bitsliced.order import frugal_order
from asnet.emulate.bitsliced.placed import Bit, Place, Placed
from asnet.emulate.bitsliced.program import MAJORITY, XOR, accumulating, split
from asnet.emulate.bitsliced.registers import allocate
from asnet.emulate.kernels import LEVELS, Target, host_target, host_targets
from asnet.host import float_environment
from asnet.ir import Products
from asnet.types import FloatMode, operand_type
from asnet.units import ApproximateUnit, UnitInstance

TARGETS = {"host": host_target(), **{target.level: target for target in host_targets()}}
SHAPES = ((1, 1, 1), (0, 5, 5), (5, 0, 5), (5, 5, 0), (7, 70, 13), (13, 130, 301), (2, 600, 9))
AND, OR, NOT_A = 0x88, 0xEE, 0x55

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Netlist:
    """A circuit as the analysis gives it."""

    width_a: int
    width_b: int
    tables: NDArray[np.uint8]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]


def netlist(width: int, gates: Sequence[tuple[tuple[int, int, int], int]], outputs: Sequence[int]) -> Netlist:
    tables, inputs = [table for _, table in gates], [three for three, _ in gates]
    return Netlist(
        width, width, np.array(tables, np.uint8), np.array(inputs, np.int32).reshape(-1, 3), np.array(outputs, np.int32)
    )


def multiplier(width: int, *, signed: bool) -> Netlist:
    """Rows of partial products, added one by one."""
    gates: list[tuple[tuple[int, int, int], int]] = []

    def gate(a: int, b: int, c: int, table: int) -> int:
        gates.append(((a, b, c), table))
        return 2 * width + len(gates) - 1

    a, b = ([base + min(bit, width - 1) for bit in range(2 * width)] for base in (0, width))
    total = [-1] * (2 * width)
    for row in range(2 * width if signed else width):
        carry = -1
        for bit in range(row, 2 * width):
            if bit - row >= width and not signed:
                total[bit], carry = carry, -1
                break
            product = gate(a[bit - row], b[row], a[bit - row], AND)
            inputs = (product, total[bit], carry)
            total[bit], carry = gate(*inputs, XOR), gate(*inputs, MAJORITY)
    return netlist(width, gates, total)


def noise(width: int, seed: int, count: int = 60) -> Netlist:
    """Random gates; some see one operand alone, some outputs are constants or inputs."""
    random = np.random.default_rng(seed)
    gates: list[tuple[tuple[int, int, int], int]] = []
    for number in range(count):
        low, high = ((0, width), (width, 2 * width), (-2, 2 * width + number))[min(number // 10, 2)]
        a, b, c = (int(place) for place in random.integers(low, high, 3))
        gates.append(((a, b, c), int(random.integers(0, 256))))
    outputs = random.integers(2 * width + 20, 2 * width + count, 2 * width)
    outputs[:4] = (-1, -2, 1, width + 1)
    return netlist(width, gates, outputs.tolist())


def table_of(circuit: Netlist) -> Integers:
    """Results as bit patterns for all bit patterns of a and b, by numpy."""
    width = circuit.width_a
    a, b = np.meshgrid(np.arange(1 << width), np.arange(1 << width), indexing="ij")
    values = [side >> bit & 1 for side in (a, b) for bit in range(width)]

    def value(signal: int) -> Integers:
        return values[signal] if signal >= 0 else np.full_like(a, -1 - signal)

    for table, (i, j, k) in zip(circuit.tables.tolist(), circuit.inputs.tolist(), strict=True):
        values.append(table >> (value(i) + 2 * value(j) + 4 * value(k)) & 1)
    return sum((value(signal) << bit for bit, signal in enumerate(circuit.outputs.tolist())), np.zeros_like(a))


def unit(width: int, *, signed: bool) -> UnitInstance:
    """Some unit of these types; the tests say what its circuit is."""
    return ApproximateUnit.shipped(f"mul{width}{'s' if signed else 'u'}_exact").instance()


def operands(width: int, shape: tuple[int, ...], *, signed: bool, seed: int) -> Integers:
    low = -(1 << width - 1) if signed else 0
    return np.random.default_rng(seed).integers(low, low + (1 << width), shape)


def sums(
    circuit: Netlist,
    instance: UnitInstance,
    shape: tuple[int, int, int],
    target: Target,
    accumulator: str = "int32",
    *,
    vector_is_a: bool = True,
) -> tuple[Integers, Integers, Integers, Integers]:
    """v, s, what y began with, and the sums of the kernel."""
    rows, columns, depth = shape
    what = Products(instance.type.name, accumulator, vector_is_a, 1, rows, columns, depth)
    form = BitSliced(lambda _: circuit, target)
    assert form.serves(what, instance)
    signed, width = instance.type.signed, instance.type.width
    v = operands(width, (depth, columns), signed=signed, seed=1)
    s = operands(width, (rows, depth), signed=signed, seed=2)
    y = np.random.default_rng(3).integers(-(1 << 31), 1 << 31, (rows, columns))
    function = ProductsFunction(form, what, instance, FloatMode.FTZ, default_cache())
    return v, s, y, function(v, s, y)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_products_are_summed_in_every_shape_on_every_level(target: Target) -> None:
    for shape in SHAPES:
        v, s, y, found = sums(multiplier(6, signed=True), unit(6, signed=True), shape, target)
        assert np.array_equal(found, (y + s @ v).astype(np.int32)), shape


@pytest.mark.parametrize(
    ("width", "signed", "accumulator", "vector_is_a"),
    [
        *((2, True, "int32", True), (5, False, "int64", False), (9, True, "int64", True), (12, False, "int32", False)),
        *((16, True, "int64", False), (16, True, "int32", True), (16, False, "int64", True)),
    ],
)
def test_every_width(width: int, signed: bool, accumulator: str, vector_is_a: bool) -> None:
    circuit, instance = multiplier(width, signed=signed), unit(width, signed=signed)
    v, s, y, found = sums(circuit, instance, (3, 90, 140), host_target(), accumulator, vector_is_a=vector_is_a)
    assert np.array_equal(found, (y + s @ v).astype(accumulator))


@pytest.mark.parametrize(("seed", "vector_is_a"), [(0, True), (1, False), (2, True)])
@pytest.mark.parametrize("target", [TARGETS["host"], TARGETS["portable"]], ids=["host", "portable"])
def test_any_circuit(seed: int, vector_is_a: bool, target: Target) -> None:
    circuit, instance = noise(5, seed), unit(5, signed=True)
    v, s, y, found = sums(circuit, instance, (11, 70, 40), target, vector_is_a=vector_is_a)
    table = table_of(circuit)
    table = np.where(table >= 1 << 9, table - (1 << 10), table)  # the result is signed
    a, b = (v[None], s[:, :, None]) if vector_is_a else (s[:, :, None], v[None])
    assert np.array_equal(found, (y + table[a & 31, b & 31].sum(1)).astype(np.int32))


def test_a_wrong_gate_is_seen() -> None:
    right = multiplier(6, signed=False)
    place = len(right.tables) // 2
    wrong = replace(right, tables=right.tables ^ (np.arange(len(right.tables)) == place).astype(np.uint8) * 0x80)
    v, s, y, found = sums(wrong, unit(6, signed=False), (4, 64, 200), host_target())
    assert not np.array_equal(found, (y + s @ v).astype(np.int32))


def float_circuit() -> tuple[Netlist, Callable[[NDArray[np.uint32], NDArray[np.uint32]], NDArray[np.uint32]]]:
    """A sign, an exponent near 127, a mantissa of both operands; not a number where both lowest bits are set."""
    gates: list[tuple[tuple[int, int, int], int]] = []

    def gate(a: int, b: int, c: int, table: int) -> int:
        gates.append(((a, b, c), table))
        return 64 + len(gates) - 1

    both = gate(0, 32, 0, AND)
    mantissa = [gate(bit, 32 + bit, both, OR & 0x0F | 0xF0) for bit in range(23)]
    low = [gate(23 + bit, both, both, 0xEE) for bit in range(2)]
    middle = [gate(both, both, both, 0xAA) for _ in range(5)]
    bits = [*mantissa, *low, *middle, -2, gate(31, 63, 31, 0x66)]
    bits[30] = gate(both, both, 60, 0xFF)

    def numpy(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> NDArray[np.uint32]:
        nan = (a & b & 1).astype(bool)
        y = (a ^ b) & np.uint32(1 << 31) | np.uint32(1 << 30) | a & np.uint32(3 << 23) | (a | b) & np.uint32(0x7FFFFF)
        return np.where(nan, y | np.uint32(0x7FFFFFFF), y)

    return netlist(32, gates, bits), numpy


@pytest.mark.parametrize(
    ("shape", "vector_is_a", "target"),
    [((5, 70, 70), True, "host"), ((3, 600, 3), False, "host"), ((5, 70, 70), False, "portable")],
    ids=str,
)
def test_floats_are_summed_in_order(shape: tuple[int, int, int], vector_is_a: bool, target: str) -> None:
    rows, columns, depth = shape
    circuit, product = float_circuit()
    instance = ApproximateUnit.shipped("fmul").instance()
    what = Products("f32", "float32", vector_is_a, 1, rows, columns, depth)
    form = BitSliced(lambda _: circuit, TARGETS[target])
    random = np.random.default_rng(0)
    v, s = (random.integers(0, 1 << 32, size, dtype=np.uint32) for size in ((depth, columns), (rows, depth)))
    v[:, ::2] &= ~np.uint32(1)
    y = random.standard_normal((rows, columns)).astype(np.float32)
    function = ProductsFunction(form, what, instance, FloatMode.FTZ, default_cache())
    found = function(v.view(np.float32), s.view(np.float32), y)
    with float_environment(FloatMode.FTZ), np.errstate(all="ignore"):
        for t in range(depth):
            a, b = np.broadcast_arrays(v[t][None], s[:, t, None])
            y = y + (product(a, b) if vector_is_a else product(b, a)).view(np.float32)
    assert np.isnan(y).any()
    assert not np.isnan(y).all()
    assert np.array_equal(found.view(np.uint32)[~np.isnan(y)], y.view(np.uint32)[~np.isnan(y)])
    assert np.array_equal(np.isnan(found), np.isnan(y))


@pytest.mark.parametrize("registers", [5, 8, 32])
def test_gates_on_few_registers(registers: int) -> None:
    """The instructions, followed one by one, compute what the program says, a sum in place included."""
    random = np.random.default_rng(registers)
    builder = Builder(12)
    signals = [*range(12)]
    for _ in range(150):
        signals.append(builder.gate(random.choice(signals, 3).tolist(), int(random.integers(0, 256))))
    program = accumulating(builder.program([signals[-k] for k in range(1, 9)]), 12, signed=True)
    inputs = [*(Place(0, bit) for bit in range(6)), *(Bit(Place(1, 0), bit) for bit in range(6))]
    sums_ = tuple(Place(2, bit) for bit in range(12))
    placed = Placed(program, (*inputs, *sums_), sums_)
    allocation = allocate(placed, frugal_order(placed), registers)
    for _ in range(20):
        bits = random.integers(0, 2, program.inputs).tolist()
        memory = {place: bit for place, bit in zip(placed.inputs, bits, strict=True) if isinstance(place, Place)}
        word = sum(bit << number for number, bit in enumerate(bits[6:12]))
        file: dict[int, int] = {}
        for each in allocation.instructions:
            values = [
                memory[o] if isinstance(o, Place) else file[o]
                for o in each.operands
                if each.kind not in ("mask", "store")
            ]
            if each.kind == "store":
                (place,) = each.operands
                assert isinstance(place, Place)
                memory[place] = file[each.target]
            elif each.kind == "mask":
                file[each.target] = word >> each.table & 1
            elif each.kind == "gate":
                assert len(values) < 3 or each.operands[0] == each.target
                file[each.target] = each.table >> sum(bit << i for i, bit in enumerate(values)) & 1
            else:
                (file[each.target],) = values
        assert max(file) < registers
        assert [memory[place] for place in sums_] == program.evaluate(bits)


def test_the_builder_folds_what_does_not_matter() -> None:
    builder = Builder(3)
    same = builder.gate((0, 0, 1), 0b10000000)
    assert same == builder.gate((0, 1), 0b1000)
    assert builder.gate((0, Builder.ONE), 0b1000) == 0
    assert builder.gate((0, Builder.ZERO, 2), 0b10000000) == Builder.ZERO
    assert builder.gate((1, 1), 0b0111) == builder.gate((1,), 0b01)
    assert builder.program([same]) == Program(3, (Gate((0, 1), 0b1000),), (3,))


def test_split_computes_one_sided_gates_apart() -> None:
    builder = Builder(4)
    left, right = builder.gate((0, 1), 0b0110), builder.gate((2, 3), 0b1110)
    parts = split(builder.program([builder.gate((left, right), 0b1000), left]), (2, 2))
    assert [len(side.gates) for side in parts.sides] == [1, 1]
    assert len(parts.rest.gates) == 1
    for number in range(16):
        a, b = ([number >> first + bit & 1 for bit in range(2)] for first in (0, 2))
        cut = [*parts.sides[0].evaluate(a), *parts.sides[1].evaluate(b)]
        assert parts.rest.evaluate(cut) == [(a[0] ^ a[1]) & (b[0] | b[1]), a[0] ^ a[1]]


def test_what_it_does_not_serve() -> None:
    what = Products("i8", "int32", True, 1, 1, 64, 9)
    form = BitSliced(lambda _: multiplier(8, signed=True))
    assert form.serves(what, unit(8, signed=True))
    assert not form.serves(what, None)
    assert not form.serves(what, unit(8, signed=False))
    assert not form.serves(replace(what, type="i9"), unit(9, signed=True))  # the circuit has other ports
    assert not BitSliced(lambda _: None).serves(what, unit(8, signed=True))
    assert operand_type("i8").width == 8


def test_the_portable_kernel_compiles_for_aarch64() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    form = BitSliced(lambda _: multiplier(6, signed=True), LEVELS["portable"])
    text = form.kernel(Products("i6", "int32", True, 1, 4, 64, 9), unit(6, signed=True))
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(opt=2)
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    code = machine.emit_assembly(module)
    assert "eor\tv" in code
    assert ".16b" in code
