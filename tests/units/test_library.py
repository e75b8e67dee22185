"""The function library: values against independent definitions, ids, caching, threads, faults."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asnet.bits import bits_differ
from asnet.cache import Cache
from asnet.errors import UnitError, UntrustedVerilogError, UsageError
from asnet.host import float_environment
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, FunctionLibrary, UnitInstance

Instances = dict[str, UnitInstance]


def words(seed: int, count: int = 100_000) -> NDArray[np.float32]:
    """Bit patterns of every class: uniform, and a share of zeros, subnormals, infinities and NaNs."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 1 << 32, count, dtype=np.uint32)
    special = np.array([0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x3F800000], np.uint32)
    bits[: count // 4] = random.choice(special, count // 4) ^ (random.integers(0, 2, count // 4, dtype=np.uint32) << 31)
    random.shuffle(bits)
    return bits.view(np.float32)


def same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    """Equal bits, NaNs as one class."""
    return not bits_differ(found, expected).any()


def all_pairs(low: int, high: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    values = np.arange(low, high, dtype=np.int32)
    a, b = np.meshgrid(values, values)
    return a.ravel(), b.ravel()


@pytest.mark.parametrize(("op", "ufunc"), [("fmul", np.multiply), ("fdiv", np.divide), ("fadd", np.add)])
def test_exact_is_the_host_arithmetic_of_the_mode(
    library: FunctionLibrary, op: str, ufunc: Callable[..., NDArray[np.float32]]
) -> None:
    a, b = words(1), words(2)
    with float_environment(FloatMode.FTZ), np.errstate(all="ignore"):
        expected = ufunc(a, b)
    assert same(library.call(op, "f32", a, b), expected)


def test_float_unit_without_truncation_equals_the_host(library: FunctionLibrary, instances: Instances) -> None:
    a, b = words(3), words(4)
    assert same(library.call("fmul", "f32", a, b, instances["fmul_trunc(p=0)"]), library.call("fmul", "f32", a, b))


@pytest.mark.parametrize(("name", "p"), [("fmul_trunc(p=20)", 20), ("fdiv_trunc(p=12)", 12)])
def test_truncation_is_exact_arithmetic_on_masked_operands(
    library: FunctionLibrary, instances: Instances, name: str, p: int
) -> None:
    a, b = words(5), words(6)
    finite = np.isfinite(a) & np.isfinite(b)  # a truncated NaN is a matter of the unit
    a, b = a[finite], b[finite]
    mask = np.uint32(0xFFFFFFFF << p & 0xFFFFFFFF)
    instance = instances[name]
    masked = [(side.view(np.uint32) & mask).view(np.float32) for side in (a, b)]
    assert same(library.call(instance.op, "f32", a, b, instance), library.call(instance.op, "f32", *masked))


def test_integer_units_over_all_operands(library: FunctionLibrary, instances: Instances) -> None:
    a, b = all_pairs(0, 256)
    assert np.array_equal(library.call("mul", "u8", a, b, instances["mul8u_exact"]), a * b)
    assert np.array_equal(library.call("mul", "u8", a, b, instances["outer(bias=7)"]), (a * b + 7) % 65536)
    assert np.array_equal(library.call("mul", "u8", a, b, instances["scaled(kind=up,drop=2)"]), (a * b + 2) % 65536)
    a, b = all_pairs(0, 16)
    assert np.array_equal(library.call("mul", "u4", a, b, instances["mul4"]), a * b - (b & 1) * a)


def test_signed_units_and_their_sign_extension(library: FunctionLibrary, instances: Instances) -> None:
    a, b = all_pairs(-128, 128)
    assert np.array_equal(library.call("mul", "i8", a, b), a * b)
    truncated = library.call("mul", "i8", a, b, instances["mul8s_trunc(t=3)"])
    assert np.array_equal(truncated, library.call("mul", "i8", a & 255, b & 255, instances["mul8s_trunc(t=3)"]))
    assert truncated.min() < 0 < truncated.max()


def test_a_clocked_unit_is_run_for_its_latency(library: FunctionLibrary, instances: Instances) -> None:
    a, b = all_pairs(-128, 128)
    assert np.array_equal(library.call("mul", "i8", a, b, instances["pipelined"]), a * b)


def test_exact_integers_see_operands_of_their_width(library: FunctionLibrary) -> None:
    assert library.call("mul", "i8", np.array([255, 128]), np.array([1, 1])).tolist() == [-1, -128]
    assert library.call("mul", "u8", np.array([-1]), np.array([2])).tolist() == [510]


def test_ids_count_per_operation_and_type(library: FunctionLibrary, instances: Instances) -> None:
    ids = {name: library.id(instance) for name, instance in instances.items()}
    assert ids == {
        "fmul_trunc(p=20)": 1,
        "fmul_trunc(p=0)": 2,
        "fdiv_trunc(p=12)": 1,
        "mul8s_trunc(t=3)": 1,
        "pipelined": 2,
        "mul8u_exact": 1,
        "outer(bias=7)": 2,
        "scaled(kind=up,drop=2)": 3,
        "mul4": 1,
    }
    assert library.id("exact") == 0


def test_scalar_functions_at_their_addresses(library: FunctionLibrary, instances: Instances) -> None:
    scalar = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float, ctypes.c_float, ctypes.c_int32)
    approx_fmul = scalar(library.symbols["approx_fmul"])
    assert approx_fmul(1.5, 3.0, 0) == 4.5
    assert approx_fmul(1.0625, 3.0, library.id(instances["fmul_trunc(p=20)"])) == 3.0
    integer = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32)
    assert integer(library.symbols["approx_mul_i8"])(-7, 9, library.id(instances["pipelined"])) == -63


def test_broadcasting_and_empty_arrays(library: FunctionLibrary, instances: Instances) -> None:
    instance = instances["mul8u_exact"]
    result = library.call("mul", "u8", np.arange(6).reshape(2, 3), np.array(2), instance)
    assert result.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert library.call("mul", "u8", np.array([], int), np.array([], int), instance).shape == (0,)


def test_threads_have_their_own_models(library: FunctionLibrary, instances: Instances) -> None:
    chosen = list(instances.values())

    def work(seed: int) -> bool:
        random = np.random.default_rng(seed)
        good = True
        for instance in random.permutation(np.array(chosen, dtype=object)):
            a, b = (words(seed + side, 5_000).view(np.int32) for side in (0, 100))
            if instance.type.is_float:
                a, b = a.view(np.float32), b.view(np.float32)
            first = library.call(instance.op, instance.type, a, b, instance)
            expected = expectations[seed, instance.name]
            good &= np.array_equal(first.view(np.uint32), expected.view(np.uint32))
        return good

    expectations = {}
    for seed in range(6):
        for instance in chosen:
            a, b = (words(seed + side, 5_000).view(np.int32) for side in (0, 100))
            if instance.type.is_float:
                a, b = a.view(np.float32), b.view(np.float32)
            expectations[seed, instance.name] = library.call(instance.op, instance.type, a, b, instance)
    with ThreadPoolExecutor(max_workers=3) as executor:
        assert all(executor.map(work, range(6)))


def test_a_second_build_compiles_nothing(cache: Cache, instances: Instances, library: FunctionLibrary) -> None:
    calls: list[tuple[int, int, str]] = []
    again = FunctionLibrary.build(
        list(instances.values()), FloatMode.FTZ, cache=cache, progress=lambda *what: calls.append(what)
    )
    assert (library.compiled, again.compiled, calls) == (len(instances), 0, [])
    assert again.path == library.path
    part = FunctionLibrary.build([instances["mul4"]], FloatMode.FTZ, cache=cache)
    assert part.compiled == 0
    assert part.path != library.path


def test_progress_names_what_is_compiled_and_equal_content_is_compiled_once(
    cache: Cache, library: FunctionLibrary
) -> None:
    unit = ApproximateUnit.shipped("fmul_trunc")
    twin = replace(unit, name="twin")
    calls: list[tuple[int, int, str]] = []
    both = [unit.instance(p=22), twin.instance(p=22)]
    built = FunctionLibrary.build(both, FloatMode.IEEE, cache=cache, progress=lambda *what: calls.append(what))
    assert built.compiled == 1
    assert calls[-1][:2] == (3, 3)
    expected = {"Verilator's run-time library", "the functions", "fmul_trunc(p=22)"}
    assert {name for _, _, name in calls} == expected
    assert [built.id(instance) for instance in both] == [1, 1]
    tiny = np.array([1e-40], np.float32)
    assert (
        built.call("fmul", "f32", tiny, np.ones(1, np.float32), "exact").view(np.uint32)[0] == tiny.view(np.uint32)[0]
    )


def test_foreign_instances_and_functions_are_refused(library: FunctionLibrary, instances: Instances) -> None:
    foreign = ApproximateUnit.shipped("fmul_trunc").instance(p=1)
    with pytest.raises(UsageError, match=r"^fmul_trunc\(p=1\) is not in this function library; build one with it$"):
        library.id(foreign)
    one = np.ones(1)
    with pytest.raises(UsageError, match=r"^no instance 'exact' of mul on u16 in this function library$"):
        library.call("mul", "u16", one, one)
    with pytest.raises(
        UsageError, match=r"^no instance <UnitInstance mul4 .*> of fmul on f32 in this function library$"
    ):
        library.call("fmul", "f32", one, one, instances["mul4"])


def build_fault(instance: UnitInstance, cache: Cache) -> str:
    with pytest.raises(UnitError) as caught:
        FunctionLibrary.build([instance], FloatMode.FTZ, cache=cache)
    return str(caught.value)


def test_verilog_that_does_not_compile_names_its_line(data: Path, cache: Cache) -> None:
    instance = ApproximateUnit.from_verilog(data / "broken.v", op="mul", type="u8").instance()
    assert build_fault(instance, cache) == (
        f"{data / 'broken.v'}:6: unit broken: Verilog does not compile: Can't find definition of variable: 'c'"
    )
    assert not list((cache.root / "unit-objects").glob("**/.building-*"))


PORTS = "input [7:0] a, input [7:0] b, output reg [15:0] y"
NOT_CONVERGED = r"^unit loop: .*did not converge.*: its Verilog cannot be evaluated; mend the unit$"


@pytest.mark.parametrize(
    ("text", "latency", "expected"),
    [
        (
            f"module u({PORTS}); always @(*) if (a[0]) y = b; endmodule",
            0,
            "its result depends on earlier operands (a latch, a loop, state, or more cycles than its latency)",
        ),
        (
            f"module u(input clk, {PORTS}); reg [15:0] s; always @(posedge clk) begin s <= a; y <= s; end endmodule",
            1,
            "its result still changes after 1 clock cycles; give its true latency",
        ),
        (
            f"module u(input clk, {PORTS}); always @(posedge clk) y <= a * b; endmodule",
            0,
            "its result still changes after 0 clock cycles; give its true latency",
        ),
        (
            f"module h(input x); endmodule\nmodule h(input x); endmodule\nmodule u({PORTS}); h h1(a[0]); endmodule",
            0,
            "Verilog does not compile: Duplicate declaration of module: 'h'",
        ),
    ],
    ids=["latch", "late", "clocked", "twice"],
)
def test_units_that_are_no_function_of_their_operands_are_refused(
    text: str, latency: int, expected: str, tmp_path: Path, cache: Cache
) -> None:
    path = tmp_path / "u.v"
    path.write_text(text)
    instance = ApproximateUnit.from_verilog(path, op="mul", type="u8", latency=latency).instance()
    where = f"{path}:2" if "Duplicate" in expected else str(path)
    assert build_fault(instance, cache) == f"{where}: unit u: {expected}"


def test_a_loop_that_never_settles_is_a_fault_and_not_the_end_of_the_process(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "loop.v"
    loop = f"module loop({PORTS}); reg t; always @(*) begin t = GUARD ? ~t : 1'b0; y = {{15'b0, t}}; end endmodule"
    path.write_text(loop.replace("GUARD", "a[0]"))
    always = ApproximateUnit.from_verilog(path, op="mul", type="u8").instance()
    assert re.match(NOT_CONVERGED, build_fault(always, cache))
    path.write_text(loop.replace("GUARD", "(a == 8'd77 && b == 8'd99)"))
    rarely = ApproximateUnit.from_verilog(path, op="mul", type="u8").instance()
    library = FunctionLibrary.build([rarely], FloatMode.FTZ, cache=cache)
    sound = np.arange(76)
    assert not library.call("mul", "u8", sound, sound, rarely).any()
    with pytest.raises(UnitError, match=NOT_CONVERGED):
        library.call("mul", "u8", np.array([1, 77, 77]), np.array([1, 99, 99]), rarely)


def test_results_wider_than_the_c_functions_are_refused(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "wide.v"
    path.write_text("module wide(input [31:0] a, b, output [63:0] y); assign y = a * b; endmodule\n")
    assert build_fault(ApproximateUnit.from_verilog(path, op="mul", type="u32").instance(), cache) == (
        "unit wide: u32 operands and 64-bit results do not fit the function library's int32; "
        "use operands of at most 16 bits"
    )


def test_operations_without_a_function_are_refused(cache: Cache) -> None:
    assert build_fault(ApproximateUnit.shipped("fcmp").instance(), cache) == (
        "unit fcmp: op 'fcmp' cannot be called in a function library; it holds fmul, fdiv, fadd, fsub, mul, add, sub"
    )


def test_untrusted_verilog_is_refused_and_trusted_verilog_runs(tmp_path: Path, cache: Cache) -> None:
    path = tmp_path / "talker.v"
    path.write_text(
        "module talker(input [7:0] a, b, output [15:0] y);\nassign y = a * b;\ninitial if (0) $display(1);\nendmodule\n"
    )
    instance = ApproximateUnit.from_verilog(path, op="mul", type="u8").instance()
    with pytest.raises(UntrustedVerilogError) as caught:
        FunctionLibrary.build([instance], FloatMode.FTZ, cache=cache)
    assert str(caught.value).startswith(f"{path}:3: calls $display: ")
    built = FunctionLibrary.build([instance], FloatMode.FTZ, cache=cache, trust_verilog=True)
    assert built.call("mul", "u8", np.array([12]), np.array([11]), instance).tolist() == [132]
