"""Row tables: sums of products of any table against numpy, at every level of instructions that this machine has."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from asnet.cache import Cache, default_cache
from asnet.emulate import Certificate, Difference, ProductsFunction, certify_products
from asnet.emulate.analysis import analyse, operand_values
from asnet.emulate.kernels import LEVELS, Target, host_targets
from asnet.emulate.row_table import RowTable, TableEntry
from asnet.errors import ToolMissingError
from asnet.ir import Products, Slot
from asnet.ir.kernel import load_kernel
from asnet.tools import cxx, verilator
from asnet.types import AnyArray, FloatMode, operand_type
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

TARGETS = [LEVELS[level] for level in ("vbmi", "avx2", "portable") if LEVELS[level] in host_targets()]

Fill = Callable[[np.random.Generator, int], AnyArray]


def between(low: int, high: int) -> Fill:
    """A table of anything from ``low`` to ``high``, with both of them in every row and column."""

    def fill(random: np.random.Generator, count: int) -> AnyArray:
        table = random.integers(low, high + 1, (count, count))
        lines = np.arange(count)
        table[lines, lines] = low
        table[lines, (lines + 1) % count] = high
        table[:, count // 2] = high
        return table.astype(np.int32)

    return fill


def constant(random: np.random.Generator, count: int) -> AnyArray:
    """All columns alike: nothing to look up."""
    return np.tile(random.integers(-9, 9, (count, 1)), (1, count)).astype(np.int32)


FILLS: dict[str, Fill] = {
    "product": lambda random, count: np.outer(*[np.arange(count) - count // 2] * 2).astype(np.int32),
    "signed": between(-32768, 32767),
    "unsigned": between(0, 65535),
    "two bytes just so": between(-200, 16183),
    "four steps": between(0, 63),
    "24 bits": between(-(1 << 23), (1 << 23) - 1),
    "32 bits": between(-(1 << 31), (1 << 31) - 1),
    "constant rows": constant,
}

OTHERS = (("u8", "product"), ("u8", "unsigned"), ("u7", "product"), ("i5", "signed"), ("i2", "four steps"))

SHAPES = ((1, 1, 1), (3, 5, 70), (2, 131, 64 * 7), (2, 300, 100), (5, 257, 130), (0, 4, 3), (2, 3, 0), (3, 0, 65))


def unit(kind: str) -> UnitInstance:
    """Any unit with operands of type ``kind``: its table is not asked for."""
    return ApproximateUnit.shipped(f"mul{kind[1:]}{'s' if kind[0] == 'i' else 'u'}_exact").instance()


def reference(table: AnyArray, v: AnyArray, s: AnyArray, y: AnyArray, *, vector_is_a: bool) -> AnyArray:
    """``y`` plus the table's sums, modulo 2³²."""
    rows = table.T if vector_is_a else table
    total, v, s = (array.astype(np.int64) for array in (y, v, s))
    for step in range(len(v)):
        total += rows[np.ix_(s[:, step] % len(rows), v[step] % len(rows))]
    return total.astype(np.uint32).view(np.int32)


def function(
    table: AnyArray, kind: str, target: Target, *, vector_is_a: bool, constant: AnyArray | None = None
) -> ProductsFunction:
    """Of a layer with scalars ``constant`` (group, row, depth), or any."""
    groups, rows, depth = (1, 1, 1) if constant is None else constant.shape
    what = Products(kind, "int32", vector_is_a, groups, rows, 1, depth, None if constant is None else "weights")
    form = RowTable(lambda _: table, target)
    assert form.serves(what, unit(kind))
    return ProductsFunction(form, what, unit(kind), FloatMode.FTZ, default_cache(), constant)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.level)
@pytest.mark.parametrize(("kind", "fill"), [*(("i8", fill) for fill in FILLS), *OTHERS])
def test_sums_of_any_table(kind: str, fill: str, target: Target) -> None:
    random = np.random.default_rng(len(fill))
    values = operand_values(operand_type(kind))
    halves = np.split(values, 2)
    table = FILLS[fill](random, len(values))
    for vector_is_a in (True, False):
        kernel = function(table, kind, target, vector_is_a=vector_is_a)
        for number, (rows, depth, columns) in enumerate(SHAPES):
            v = random.choice((values, *halves)[number % 3], (depth, columns))
            s = random.choice(values, (rows, depth))
            if number % 2:
                s[:1] = s[:1, :1]  # one row of the table over and over
            y = random.integers(-(1 << 31), 1 << 31, (rows, columns)).astype(np.int32)
            found = kernel(v, s, y)
            assert np.array_equal(found, reference(table, v, s, y, vector_is_a=vector_is_a)), (rows, depth, columns)


@pytest.mark.parametrize(("kind", "fill"), [*(("i8", fill) for fill in FILLS), *OTHERS])
def test_sums_with_constant_scalars(kind: str, fill: str) -> None:
    """Of two groups: scalars of every size of entry, few and many of each, none at all."""
    random = np.random.default_rng(len(fill))
    values = operand_values(operand_type(kind))
    halves = np.split(values, 2)
    table = FILLS[fill](random, len(values))
    table[:, ::5] = 17  # rows without a look-up for one side, columns alike for the other
    container = np.int8 if kind[0] == "i" else np.uint8
    for vector_is_a in (True, False):
        for number, (rows, depth, columns) in enumerate(SHAPES):
            v = random.choice((values, *halves)[number % 3], (depth, columns))
            s = random.choice(values, (2, rows, depth)).astype(container)
            s[0, 1:] = s[0, 1:, :1]
            kernel = function(table, kind, TARGETS[0], vector_is_a=vector_is_a, constant=s)
            y = random.integers(-(1 << 31), 1 << 31, (rows, columns)).astype(np.int32)
            for group in range(2):
                wanted = reference(table, v, s[group], y, vector_is_a=vector_is_a)
                assert np.array_equal(kernel(v, s[group], y, group), wanted), (rows, depth, columns, group)


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.3, 0.0, 0.7), (0.1, 0.1, 0.8)])
@pytest.mark.parametrize("fill", ["product", "signed"])
def test_steps_of_one_half_among_others(fill: str, shares: tuple[float, float, float]) -> None:
    """Steps whose operands are in the lower half, in the upper half, in both, in other places for other columns."""
    random = np.random.default_rng(8)
    values = operand_values(operand_type("i8"))
    classes = (*np.split(values, 2), values)
    table = FILLS[fill](random, 256)
    table[:, ::9] = 5
    for rows, depth, columns in ((3, 40, 70), (130, 257, 64), (2, 300, 1100)):
        s = random.integers(-40, 41, (2, rows, depth)).astype(np.int8)
        chosen = [random.choice(3, depth, p=shares) for _ in range(-(-columns // 256))]
        v = np.concatenate([[random.choice(classes[each], 256) for each in part] for part in chosen], axis=1)[
            :, :columns
        ]
        kernel = function(table, "i8", TARGETS[0], vector_is_a=True, constant=s)
        y = random.integers(-(1 << 31), 1 << 31, (rows, columns)).astype(np.int32)
        for group in range(2):
            assert np.array_equal(kernel(v, s[group], y, group), reference(table, v, s[group], y, vector_is_a=True))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.level)
def test_the_greatest_sums_of_a_block(target: Target) -> None:
    """Every digit at its greatest in every step: what overflows shows."""
    values = operand_values(operand_type("u8"))
    for greatest in (127, 255, 16383, 32767, 65535):
        table = np.zeros((256, 256), np.int32)
        table[1:127] = table[128:255] = greatest
        kernel = function(table, "u8", target, vector_is_a=True)
        for operands in (values, *np.split(values, 2)):
            v, s = np.resize(operands, (515, 128)), np.zeros((2, 515), np.int64)
            listed = function(table, "u8", target, vector_is_a=True, constant=s[None].astype(np.uint8))
            for sums in (kernel(v, s), listed(v, s)):
                assert np.array_equal(sums, reference(table, v, s, np.zeros((2, 128)), vector_is_a=True)), greatest


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.level)
def test_all_pairs_of_a_table_and_one_wrong_entry(target: Target) -> None:
    random = np.random.default_rng(5)
    table = FILLS["signed"](random, 256)
    wrong = table.copy()
    wrong[77, 201] ^= 1 << 14
    values = operand_values(operand_type("i8"))
    for vector_is_a in (True, False):
        constant = values[None, :, None].astype(np.int8)
        kernels = [
            function(entries, "i8", target, vector_is_a=vector_is_a, constant=scalars)
            for scalars in (None, constant)
            for entries in (table, wrong)
        ]
        for operands in (np.arange(256), np.arange(128), np.arange(128, 256)):
            v, s = values[operands][None, :], values[:, None]
            wanted = table[operands].T if vector_is_a else table[:, operands]
            place = (201, 77) if vector_is_a else (77, 201)
            faults = [[place[0], operands.tolist().index(place[1])] for _ in "1" if place[1] in operands]
            for kernel, seen in zip(kernels, ([], faults) * 2, strict=True):
                assert np.argwhere(kernel(v, s) != wanted).tolist() == seen


def test_a_certificate_and_a_wrong_entry(tmp_path: Path) -> None:
    """The compiled kernel itself is compared with the golden model, in both halves of the table."""
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"units are compiled by Verilator and a C++ compiler: {error}")
    instance = ApproximateUnit.shipped("mul8s_trunc").instance(t=3)
    library = FunctionLibrary.build([instance], FloatMode.FTZ, cache=default_cache())
    right = analyse(instance, FloatMode.FTZ, default_cache(), library=library).table
    assert right is not None
    storage = Cache(tmp_path)
    for vector_is_a, (a, b) in ((True, (3, 200)), (False, (200, 3)), (True, (250, 9)), (False, (9, 130))):
        what = Products("i8", "int32", vector_is_a, 1, 3, 70, 20, None if a == 3 else "weights")
        found = certify_products(RowTable(lambda _: right), what, instance, library, storage)
        assert isinstance(found, Certificate), found
        wrong = right.copy()
        wrong[a, b] += 1
        found = certify_products(
            RowTable(lambda _, table=wrong: table), what, instance, library, Cache(tmp_path / f"{a} {b}")
        )
        assert isinstance(found, Difference)
        signed = [value - 256 if value > 127 else value for value in (a, b)]
        assert found.where == f"a = {signed[0]}, b = {signed[1]}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.level)
def test_sums_with_constant_vectors(target: Target) -> None:
    """Weights as columns: nobody looks for one half in them, whatever they are."""
    random = np.random.default_rng(9)
    table = FILLS["signed"](random, 256)
    for low in (-128, 0):
        weights = np.zeros((70, 128), np.int8)
        weights[:, :90] = random.integers(low, 128, (70, 90))
        what = Products("i8", "int32", False, 1, 3, 90, 70, "weights", constant_is_s=False)
        form = RowTable(lambda _: table, target)
        kernel = ProductsFunction(form, what, unit("i8"), FloatMode.FTZ, default_cache(), weights)
        v, s = weights[:, :90], random.integers(-128, 128, (3, 70))
        assert np.array_equal(kernel(v, s), reference(table, v, s, np.zeros((3, 90)), vector_is_a=False))


def test_columns_that_do_not_count_do_not_choose_the_half() -> None:
    """What is behind the last column may have any bits; results do not depend on it."""
    random = np.random.default_rng(6)
    table = FILLS["unsigned"](random, 256)
    kernel = function(table, "u8", TARGETS[0], vector_is_a=True)
    v, s = random.integers(0, 128, (70, 64 * 3)), random.integers(0, 256, (4, 70))
    whole = kernel(v, s)
    for columns in (1, 63, 64, 65, 191):
        assert np.array_equal(kernel(v[:, :columns], s), whole[:, :columns])


@pytest.mark.parametrize(("kind", "lanes"), [("i8", 4), ("u8", 4), ("i5", 1), ("u2", 1), ("u2", 4)])
def test_single_products(kind: str, lanes: int) -> None:
    """All pairs, of a unit with any table and exactly, by the form's own code."""
    operand = operand_type(kind)
    values = operand_values(operand)
    table = FILLS["32 bits"](np.random.default_rng(7), len(values))
    form = TableEntry(lambda _: table, FloatMode.FTZ)
    slot = Slot("l.mul", "l", "QLinearMul", "mul", kind, "asnet.mul.l", 1, 1)
    assert form.serves(slot, unit(kind)) and form.serves(slot, None)
    addresses = np.array([0, *form.row(slot, None), *form.row(slot, unit(kind))], np.uint64)
    number = f"<{lanes} x i32>" if lanes > 1 else "i32"
    text = f"""
@asnet.tables = external global [3 x i64], align 8
{form.definition("product", "mul", kind, lanes)}
{form.definition("left", "mul", kind, lanes, "a")}
define void @kernel(ptr %a, ptr %b, ptr %y, i64 %row) {{
  %left = load {number}, ptr %a, align 4
  %right = load {number}, ptr %b, align 4
  %ready = call {number} @left({number} %left, {number} %left, i64 %row)
  %product = call {number} @product({number} %ready, {number} %right, i64 %row)
  store {number} %product, ptr %y, align 4
  ret void
}}"""
    kernel = load_kernel(text, default_cache(), symbols={form.table: addresses.ctypes.data})
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(kernel.address)
    a, b = (np.ascontiguousarray(side.ravel()) for side in np.meshgrid(values, values, indexing="ij"))
    for row, wanted in ((1, np.multiply.outer(values, values)), (2, table)):
        y = np.zeros(len(a), np.int32)
        for begin in range(0, len(a), lanes):
            call(*(side[begin:].ctypes.data for side in (a, b, y)), row)
        assert np.array_equal(y, wanted.ravel())


def test_single_products_of_floats_and_wide_integers_are_not_served() -> None:
    form = TableEntry(lambda _: None, FloatMode.FTZ)
    slots = [Slot("l", "l", "Mul", op, kind, "s", 1, 1) for op, kind in (("fmul", "f32"), ("mul", "i9"), ("mul", "i8"))]
    assert [form.serves(slot, None) for slot in slots] == [False, False, True]
    assert not form.serves(slots[2], unit("i8"))


def test_the_plain_kernel_compiles_for_another_architecture() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    form = RowTable(lambda _: np.zeros((4, 4), np.int32), LEVELS["portable"])
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(opt=2)
    module = llvm.parse_assembly(form.kernel(Products("i2", "int32", True, 1, 1, 1, 1), unit("i2")))
    module.triple = machine.triple
    assert "ldrb" in machine.emit_assembly(module)


def test_what_is_served() -> None:
    form = RowTable(lambda instance: None if instance.type.name == "i6" else np.zeros((2, 2), np.int32))
    served = {
        (kind, accumulator)
        for kind in ("i8", "u3", "i6", "i12")
        for accumulator in ("int32", "int64")
        if form.serves(Products(kind, accumulator, True, 1, 1, 1, 1), unit(kind))
    }
    assert served == {("i8", "int32"), ("u3", "int32")}
    assert not form.serves(Products("i8", "int32", True, 1, 1, 1, 1), None)
    assert not form.serves(Products("u8", "int32", True, 1, 1, 1, 1), unit("i8"))
