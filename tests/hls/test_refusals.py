"""IR that cannot become hardware is refused, with the layer and the instruction; illegal schedules are, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from asnet import hls
from asnet.errors import SynthesisError
from asnet.hls.binder import Binder
from asnet.hls.fsm.allocation import Allocation, allocate
from asnet.hls.fsm.list_schedule import list_schedule
from asnet.hls.fsm.schedule import Schedule, check_schedule
from asnet.hls.kernel import Kernel
from asnet.hls.loops import counted_loops, executions
from asnet.hls.options import HlsOptions
from asnet.hls.parsing import parse_kernels
from asnet.hls.ranges import widths
from asnet.hls.simplify import simplify
from asnet.ir import MemoryKind, for_hls
from asnet.types import FloatMode
from tests.hls.kernels import Argument, Program, module_of
from tests.hls.programs import COLLATZ, DOT, PREFIX_SUM, PROGRAMS, TRANSPOSED_PRODUCT, element_wise, lines

REFUSED = {
    "division": ("i32", lines("%r = sdiv i32 %a, %b"), "there is no operator for 'sdiv': `%r = sdiv i32"),
    "double": (
        "float",
        lines(
            "%d = fpext float %a to double",
            "%e = fadd double %d, 0x3FF0000000000001",
            "%r = fptrunc double %e to float",
        ),
        "this instruction is not supported in hardware: `%d = fpext float",
    ),
    "fast": (
        "float",
        lines("%r = fmul fast float %a, %b"),
        "fast-math flags change results; lower without them: `%r = fmul fast",
    ),
    "root": (
        "float",
        lines("%r = call float @llvm.sqrt.f32(float %a)"),
        "a call of 'llvm.sqrt.f32', which is no slot of the module",
    ),
    "vector": (
        "i32",
        lines(
            "%v = insertelement <2 x i32> zeroinitializer, i32 %a, i32 0",
            "%w = insertelement <2 x i32> %v, i32 %b, i32 1",
            "%r = call i32 @llvm.vector.reduce.mul.v2i32(<2 x i32> %w)",
        ),
        "this instruction is not supported in hardware: `%v = insertelement",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_hardware(name: str) -> None:
    element, body, message = REFUSED[name]
    with pytest.raises(SynthesisError) as caught:
        hls.synthesise(module_of([element_wise(name, element, body)], FloatMode.FTZ))
    assert str(caught.value).startswith(f"layer {name!r}: {message}")


def test_a_store_to_one_of_two_memories() -> None:
    body = """  %a = load i32, ptr %x
  %c = icmp sgt i32 %a, 7
  %p = select i1 %c, ptr %y, ptr %z
  store i32 %a, ptr %p
  ret void"""
    arguments = (
        Argument("x", MemoryKind.INPUT, "i32", 2),
        Argument("y", MemoryKind.OUTPUT, "i32", 2),
        Argument("z", MemoryKind.OUTPUT, "i32", 2),
    )
    with pytest.raises(SynthesisError, match="layer 'pointers': a store to one of two memories: `store i32 %"):
        hls.synthesise(module_of([Program("pointers", arguments, body)], FloatMode.FTZ))


def test_an_access_of_another_width() -> None:
    body = "  %a = load i8, ptr %x\n  store i8 %a, ptr %y\n  ret void"
    arguments = (Argument("x", MemoryKind.INPUT, "i32", 2), Argument("y", MemoryKind.OUTPUT, "i8", 2))
    with pytest.raises(SynthesisError, match=r"layer 'narrow': an access of type i8 to memory 'narrow.x' of i32"):
        hls.synthesise(module_of([Program("narrow", arguments, body)], FloatMode.FTZ))


def test_an_empty_network() -> None:
    with pytest.raises(SynthesisError, match="network 'kernels' computes nothing"):
        hls.synthesise(replace(module_of([DOT], FloatMode.FTZ), calls=()))


def test_an_unknown_scheduler() -> None:
    with pytest.raises(SynthesisError, match=r"no scheduler 'lists'; did you mean 'list'\?"):
        hls.synthesise(module_of([DOT], FloatMode.FTZ), options=HlsOptions(scheduler="lists", pipelined=False))


def plan(program: Program, chain: int = 10) -> tuple[Kernel, Allocation]:
    module = module_of([program], FloatMode.FTZ)
    (kernel,) = parse_kernels(for_hls(module), module.calls, module.memories, ())
    kernel = simplify(kernel)
    return kernel, allocate(Binder({}, {}, module.mode), kernel, widths(kernel), chain)


@pytest.mark.parametrize("chain", [1, 4, 10, 40])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_schedules_are_legal_at_every_depth_of_logic(program: Program, chain: int) -> None:
    _, allocation = plan(program, chain)
    made = list_schedule(allocation)
    check_schedule(allocation, made)
    assert made.states >= sum(bool(block.operations) for block in allocation.kernel.blocks)


def shifted(made: Schedule, allocation: Allocation, op: str, by: int) -> Schedule:
    """The schedule with the first operation ``op`` of a block moved."""
    operation = next(o for o in allocation.kernel.operation.values() if o.op == op)
    home = allocation.kernel.home[operation.name]
    block = made.blocks[home]
    start = {**block.start, operation.name: block.start[operation.name] + by}
    return Schedule({**made.blocks, home: replace(block, start=start)})


def shortened(made: Schedule, allocation: Allocation) -> Schedule:
    name = max(made.blocks, key=lambda block: made.blocks[block].length)
    return Schedule({**made.blocks, name: replace(made.blocks[name], length=made.blocks[name].length - 1)})


def crowded(made: Schedule, allocation: Allocation) -> Schedule:
    """Two reads of one memory in one cycle."""
    home = next(iter({allocation.kernel.home[o.name] for o in allocation.kernel.operation.values() if o.op == "load"}))
    block = made.blocks[home]
    return Schedule({**made.blocks, home: replace(block, start=dict.fromkeys(block.start, 0))})


ILLEGAL: dict[str, tuple[Program, Callable[[Schedule, Allocation], Schedule], str]] = {
    "an operand too early": (DOT, lambda s, a: shifted(s, a, "fadd", -1), r"fadd|%?t starts \d+ cycles after"),
    "a block too short": (DOT, shortened, r"starts in cycle \d+ and does not end within \d+"),
    "a negative cycle": (DOT, lambda s, a: shifted(s, a, "load", -9), "starts|cycles after"),
    "a read before the write": (PREFIX_SUM, crowded, r"cycles after|operations on"),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_schedules_are_refused(name: str) -> None:
    program, spoil, message = ILLEGAL[name]
    _, allocation = plan(program)
    made = list_schedule(allocation)
    with pytest.raises(SynthesisError, match=f"layer '{program.name}', block '.*': illegal schedule: .*({message})"):
        check_schedule(allocation, spoil(made, allocation))


def test_too_much_logic_in_a_cycle_is_refused() -> None:
    program = next(program for program in PROGRAMS if program.name == "integer_orders")
    _, deep = plan(program, chain=40)
    _, shallow = plan(program, chain=4)
    with pytest.raises(SynthesisError, match=r"levels of logic up to .* allowed 4"):
        check_schedule(shallow, list_schedule(deep))


def test_counters_get_the_bits_of_their_trip_count() -> None:
    kernel, allocation = plan(TRANSPOSED_PRODUCT)
    loops = counted_loops(kernel)
    assert sorted(loop.trips for loop in loops) == [3, 4, 5]
    assert sorted(allocation.widths[loop.counter].bits for loop in loops) == [2, 2, 3]
    assert max(width.bits for name, width in allocation.widths.items() if kernel.width(name) == 64) <= 5
    runs = executions(kernel)
    assert runs.exact and runs.count is not None
    assert sorted(runs.count.values())[-1] == 60


def test_a_loop_on_data_has_no_known_count() -> None:
    design = hls.synthesise(module_of([COLLATZ], FloatMode.FTZ))
    assert design.cycles is None and not design.cycles_exact
    assert "unknown" in design.files["report.txt"]
