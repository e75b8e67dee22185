"""Deep memories in rows: words come three cycles after their address, and are the same words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asnet import hls, lower
from asnet.cache import default_cache
from asnet.hls.memories import DesignMemory, rom_files
from asnet.hls.options import HlsOptions, Style
from asnet.hls.storage import MemoryCost, deep_cost, is_deep, late_words, memory_cost, row_sizes
from asnet.ir import Memory, MemoryKind, Module
from asnet.ir.jit import Engine
from asnet.passes import approximate
from asnet.types import FloatMode
from benchmarks.hls.networks import conv_network, dense_network, load_model
from benchmarks.hls.proven import prove
from tests.hls.icarus import run_bench
from tests.hls.kernels import Argument, Program, check_runs, jit_values, module_of, random_inputs
from tests.lower.conftest import build, helper

ROWS, COLUMNS = 46, 48


def memory(words: int, kind: MemoryKind = MemoryKind.CONSTANT) -> Memory:
    return Memory("w", kind, "int16", (words,), 0)


@pytest.mark.parametrize(("width", "tallest"), [(32, 1 << 14), (8, 1 << 14), (96, 2048), (128, 2048)])
@pytest.mark.parametrize("depth", [2049, 4096, 12_544, 16_384, 40_000])
def test_rows_are_powers_of_two_and_hold_all_words(width: int, tallest: int, depth: int) -> None:
    sizes = row_sizes(width, depth, writable=True)
    check_rows(sizes, depth, tallest)
    if tallest == 2048:
        assert sizes == row_sizes(width, depth, writable=False)


@pytest.mark.parametrize(
    ("depth", "tallest"), [(2049, 2048), (32_768, 2048), (32_769, 4096), (200_000, 1 << 14), (4_000_000, 1 << 14)]
)
def test_rows_of_constants_are_as_deep_as_a_block_ram_of_nine_bits_while_sixteen_are_enough(
    depth: int, tallest: int
) -> None:
    check_rows(row_sizes(32, depth, writable=False), depth, tallest)


def check_rows(sizes: tuple[int, ...], depth: int, tallest: int) -> None:
    assert sum(sizes) == depth
    assert all(size in (0, tallest) or (size < tallest and size.bit_count() == 1) for size in sizes[:-1])
    assert list(sizes[:-1]) != [] and sizes[-1] < 1024


def test_from_how_many_words_that_of_a_deep_memory_is_chosen() -> None:
    """5,000 words: rows of 2,048 twice and 904 of constants, of 4,096 and 904 of others; 4 banks where two are read."""
    activation = memory(5000, MemoryKind.ACTIVATION)
    assert [late_words(memory(words), None) for words in (2048, 2049, 5000)] == [0, 2, 3]
    assert [late_words(activation, None, reads) for reads in (1, 2)] == [2, 4]


def test_what_is_deep() -> None:
    assert [is_deep(memory(words), 100.0) for words in (100, 2048, 2049)] == [False, False, True]
    assert is_deep(memory(5000, MemoryKind.ACTIVATION), None) and is_deep(memory(5000, MemoryKind.INPUT), None)
    assert not is_deep(memory(5000, MemoryKind.OUTPUT), 130.0)


def test_at_fast_clocks_all_block_rams_are_deep() -> None:
    """Of 16 bits, 64 words are distributed RAM and 128 a block RAM; as many constants are LUTs."""
    made = {kind: [is_deep(memory(words, kind), 130.0) for words in (32, 64, 500)] for kind in MemoryKind}
    assert made[MemoryKind.ACTIVATION] == made[MemoryKind.INPUT] == [False, True, True]
    assert made[MemoryKind.CONSTANT] == [False, False, True]
    assert not any(made[MemoryKind.OUTPUT])


def test_rows_cost_no_more_block_rams_than_their_words_need() -> None:
    """12,544 words of 32 bits: rows of 8,192, 4,096 and 256 words, whose block RAMs have registers."""
    cost = deep_cost(32, 12_544)
    assert (cost.blocks, cost.ffs, cost.luts) == (25, 14 + 3 * 2 + 14 + 32 + 3, 2 * 32 + 3)
    assert memory_cost(32, 12_544).blocks >= 25
    around = MemoryCost(luts=32 + 2, ffs=12 + 2 * 2 + 32 + 12 + 32 + 2)
    assert deep_cost(32, 2049) == memory_cost(32, 2048) + memory_cost(32, 1) + around


def test_each_row_has_its_contents_and_zeros_up_to_the_words_of_its_block_rams() -> None:
    words = np.arange(2048 + 700, dtype=np.int16)
    files = rom_files(DesignMemory(memory(len(words)), "w", -1, is_deep=True), {"w": words})
    assert list(files) == ["rom/w_00.hex", "rom/w_02.hex"]
    assert [int(word, 16) for word in files["rom/w_00.hex"].split()] == [*range(2048)]
    assert [int(word, 16) for word in files["rom/w_02.hex"].split()] == [*range(2048, 2748), *[0] * 324]


BENCH = """
module bench;
    parameter WIDTH = 32, DEPTH = 2049, ADDRESS = 12, READS = 2, TALL = 11;
    reg clk = 0, we = 0;
    reg [READS*ADDRESS-1:0] raddr = 0;
    reg [ADDRESS-1:0] waddr = 0;
    reg [WIDTH-1:0] wdata = 0;
    wire [READS*WIDTH-1:0] plain, deep, banked;
    reg [READS*WIDTH-1:0] later, latest;
    integer cycle;
    asnet_ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .READS(READS)) copies (
        .clk(clk), .re(1'b1), .raddr(raddr), .rdata(plain), .we(we), .waddr(waddr), .wdata(wdata));
    asnet_ram_deep #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .READS(READS), .TALL(TALL)) rows (
        .clk(clk), .raddr(raddr), .rdata(deep), .we(we), .waddr(waddr), .wdata(wdata));
    asnet_banks #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .READS(READS), .SELECT(1), .LATE(1)) banks (
        .clk(clk), .re(1'b1), .raddr(raddr), .rdata(banked), .we(we), .waddr(waddr), .wdata(wdata));
    always @(posedge clk) begin
        later <= plain;
        latest <= later;
    end
    initial begin
        for (cycle = 0; cycle < DEPTH + 6000; cycle = cycle + 1) begin
            we = cycle < DEPTH || cycle % 5 == 0;
            waddr = cycle < DEPTH ? cycle : $unsigned($random) % (DEPTH / 2) * 2;
            wdata = $random;
            raddr[0 +: ADDRESS] = cycle % 3 == 0 ? (DEPTH - 1) & ~1 : $unsigned($random) % (DEPTH / 2) * 2;
            raddr[ADDRESS +: ADDRESS] = $unsigned($random) % (DEPTH / 2) * 2 + 1;
            if (we && cycle >= DEPTH && waddr == raddr[0 +: ADDRESS]) we = 0;
            #1 clk = 1;
            #1 clk = 0;
            if (cycle > DEPTH + 4 && (latest !== deep || latest !== banked)) begin
                $display("differs in cycle %0d", cycle);
                $finish;
            end
        end
        $display("same");
    end
endmodule
"""


@pytest.mark.parametrize(("depth", "tall"), [(2049, 11), (4096, 12), (7013, 11), (20_001, 14)])
def test_deep_rams_and_late_banks_read_what_a_ram_reads_two_cycles_later(tmp_path: Path, depth: int, tall: int) -> None:
    sizes = {"DEPTH": depth, "ADDRESS": (depth - 1).bit_length(), "TALL": tall}
    assert run_bench(tmp_path, BENCH, ("asnet_ram", "asnet_ram_deep", "asnet_banks"), **sizes) == ["same"]


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(("style", "lanes"), [("dataflow", 1), ("sequential", 1), ("dataflow", 2)])
def test_deep_constants(style: str, lanes: int) -> None:
    made = prove(
        load_model(dense_network((96, 60, 4))), HlsOptions(style=Style(style), parallel={"*": lanes}), images=2
    )
    assert [m.memory.size for m in made.design.memories if m.is_deep] == [5760 // lanes]
    assert made.report.cycles_max == made.design.cycles


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize(
    "options",
    [
        HlsOptions(clock=130.0),
        HlsOptions(clock=130.0, style=Style.SEQUENTIAL),
        HlsOptions(clock=130.0, parallel={"*": 3}, unroll={"*": 9}),
        HlsOptions(clock=130.0, pipelined=False),
    ],
    ids=["dataflow", "sequential", "windows", "general"],
)
def test_small_block_rams_at_a_fast_clock(options: HlsOptions) -> None:
    made = prove(load_model(conv_network((4, 3), 12)), options, images=2)
    assert any(memory.is_deep and memory.memory.size < 1024 for memory in made.design.memories)
    if options.pipelined:
        assert made.report.cycles_max == made.design.cycles


def convolution() -> Module:
    """Input, padded copy and feature map are deep; with unrolled windows in banks."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("MaxPool", ["c"], ["y"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    weights = {"w": rng.standard_normal((1, 1, 3, 3)).astype(np.float32)}
    return lower.lower(build("deep", nodes, {"x": (1, 1, ROWS, COLUMNS)}, weights).network(), FloatMode.FTZ)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("how", ["a word at a time", "windows", "general controller"])
def test_deep_activations(style: Style, how: str) -> None:
    module = convolution()
    engine = Engine(module, cache=default_cache())
    images = {"x": np.random.default_rng(5).standard_normal((2, 1, 1, ROWS, COLUMNS)).astype(np.float32)}
    state = engine.state(2)
    engine.run(images, state=state)
    unroll = {"conv*": 9, "pool*": 4} if how == "windows" else {}
    options = HlsOptions(style=style, unroll=unroll, pipelined=how != "general controller")
    design = hls.synthesise(approximate(module), options=options)
    hls.lint(design)
    assert sum(memory.is_deep for memory in design.memories) >= 2
    text = "".join(design.files.values())
    assert "asnet_ram_deep #(" in text
    assert bool(re.search(r"\.LATE\(1\)", text)) == (how == "windows")
    expected = {name: engine.memory(state, name).copy() for name in ("c", "y") if name in design.rams}
    for stalls in (False, True):
        report = hls.cosimulate(design, images, expected, stalls=stalls, cache=default_cache())
        report.raise_if_different()
        if design.flow is not None:
            check_runs(design, report, stalls=stalls)


SENT = Program(
    "sent",
    (Argument("x", MemoryKind.INPUT, "i32", 2100), Argument("z", MemoryKind.ACTIVATION, "i32", 2100)),
    """  br label %first
first:
  %i = phi i64 [ 0, %entry ], [ %i.next, %first ]
  %px = getelementptr i32, ptr %x, i64 %i
  %a = load i32, ptr %px
  %pz = getelementptr i32, ptr %z, i64 %i
  store i32 %a, ptr %pz
  %i.next = add nuw nsw i64 %i, 1
  %i.more = icmp ult i64 %i.next, 2100
  br i1 %i.more, label %first, label %second
second:
  %j = phi i64 [ 0, %first ], [ %j.next, %second ]
  %from = sub nsw i64 2099, %j
  %pf = getelementptr i32, ptr %z, i64 %from
  %b = load i32, ptr %pf
  %c = mul i32 %b, 3
  store i32 %c, ptr %pf
  %j.next = add nuw nsw i64 %j, 1
  %j.more = icmp ult i64 %j.next, 2100
  br i1 %j.more, label %second, label %done
done:
  ret void""",
)
TAKEN = Program(
    "taken",
    (Argument("z", MemoryKind.ACTIVATION, "i32", 2100), Argument("y", MemoryKind.OUTPUT, "i32", 1)),
    """  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %s = phi i32 [ 0, %entry ], [ %t, %loop ]
  %pz = getelementptr i32, ptr %z, i64 %i
  %a = load i32, ptr %pz
  %t = add i32 %s, %a
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 2100
  br i1 %c, label %loop, label %done
done:
  store i32 %t, ptr %y
  ret void""",
)


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", list(Style))
def test_a_deep_memory_that_is_sent_when_its_layer_is_done(style: Style) -> None:
    """What is written twice is sent from its RAM, of which the engine takes words later than the stream."""
    both = module_of((SENT, TAKEN), FloatMode.FTZ)
    calls = (both.calls[0], replace(both.calls[1], arguments=("sent.z", "taken.y")))
    memories = {name: memory for name, memory in both.memories.items() if name != "taken.z"}
    module = replace(both, calls=calls, memories=memories)
    inputs = random_inputs(module, 3, 1)
    design = hls.synthesise(module, options=HlsOptions(style=style))
    hls.lint(design)
    assert ("_rdata_late <= " in "".join(design.files.values())) == (style is Style.DATAFLOW)
    values = jit_values(module, inputs, default_cache())
    expected = {name: array for name, array in values.items() if name in design.rams}
    for stalls in (False, True):
        hls.cosimulate(design, inputs, expected, stalls=stalls, cache=default_cache()).raise_if_different()
