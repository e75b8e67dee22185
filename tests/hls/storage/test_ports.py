"""Ports: as many as an interval needs, banks only where no two accesses of a cycle meet in one."""

from __future__ import annotations

from pathlib import Path

from asnet.hls.kernel import Constant, Operand, Operation
from asnet.hls.nest import Affine, Counter, Pipeline
from asnet.hls.storage import Organisation, PortUse, memory_cost, organise
from tests.hls.icarus import run_bench


def load(name: str, index: Operand) -> Operation:
    return Operation(name, "load", (index,), 32, (64,), f"%{name} = load", "x")


def window(side: int, stride: int, width: int, *, height: int = 32) -> Pipeline:
    """All loads of a square window on an image of ``width`` columns."""
    counters = (Counter("y", (height - side) // stride + 1), Counter("i", (width - side) // stride + 1))
    taps = [(row, column) for row in range(side) for column in range(side)]
    affine = {f"a{r}{c}": Affine({"y": stride * width, "i": stride}, r * width + c) for r, c in taps}
    return Pipeline("window", counters, tuple(load(f"v{r}{c}", f"a{r}{c}") for r, c in taps), affine=affine)


def together(pipeline: Pipeline, skew: int = 0) -> PortUse:
    names = list(pipeline.operation)
    return PortUse(
        pipeline,
        {name: port for port, name in enumerate(names)},
        {name: skew * number for number, name in enumerate(names)},
    )


def test_small_memories_are_copied() -> None:
    made = organise(32, 16, 4, [[together(window(2, 2, 34))]])
    assert (made.banks, made.copies, made.cost) == (1, ((0,), (1,), (2,), (3,)), memory_cost(32, 16) * 4)


def test_windows_whose_words_differ_in_their_low_bits_share_banks() -> None:
    """34 columns: 0, 1, 34 and 35 are 0 … 3 modulo 4. 32 columns: rows meet, columns do not."""
    four = organise(32, 4352, 4, [[together(window(2, 2, 34))]])
    assert (four.banks, four.copies, four.cost.blocks) == (4, ((0, 1, 2, 3),), 4 * memory_cost(32, 1088).blocks)
    two = organise(32, 4096, 4, [[together(window(2, 2, 32))]])
    assert (two.banks, two.copies) == (2, ((0, 1), (2, 3)))


def test_what_is_not_proven_is_copied() -> None:
    every = ((0,), (1,), (2,), (3,))
    pool = window(2, 2, 34)
    assert organise(32, 4352, 4, []).copies == every
    assert organise(32, 4352, 4, [[together(pool, skew=1)]]).copies == every
    unknown = Pipeline("data", pool.counters, tuple(load(f"v{n}", f"computed{n}") for n in range(4)))
    assert organise(32, 4352, 4, [[together(unknown)]]).copies == every
    high = PortUse(window(1, 1, 34), {"v00": 3}, {"v00": 0})
    assert organise(32, 4352, 4, [[together(pool)], [high]]).copies == ((0, 1, 2), (3,))
    fixed = Pipeline("fixed", (), (load("p", Constant(4, 64)), load("q", Constant(8, 64))))
    assert organise(32, 4352, 2, [[together(fixed)]]).banks in (1, 8)


def test_loops_at_the_same_time_have_ports_of_their_own() -> None:
    main, tail = window(2, 2, 34), window(1, 1, 34)
    made = organise(32, 4352, 5, [[together(main), PortUse(tail, {"v00": 4}, {"v00": 0})]])
    assert made.copies == ((0, 1, 2, 3), (4,))


def test_ports_of_constants_share_blocks() -> None:
    made = organise(18, 1024, 3, [], writable=False)
    assert made == Organisation(1, ((0, 1, 2),), memory_cost(18, 1024, reads=3, writable=False))
    assert made.cost.blocks == 2


BENCH = """
module bench;
    localparam DEPTH = 37, ADDRESS = 6, READS = 4;
    reg clk = 0, we = 0, re = 1;
    reg [READS*ADDRESS-1:0] raddr = 0;
    reg [ADDRESS-1:0] waddr = 0, base = 0;
    reg [31:0] wdata = 0;
    wire [READS*32-1:0] plain, banked;
    integer cycle, port;
    asnet_ram #(.WIDTH(32), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .READS(READS)) copies (
        .clk(clk), .re(re), .raddr(raddr), .rdata(plain), .we(we), .waddr(waddr), .wdata(wdata));
    asnet_banks #(.WIDTH(32), .DEPTH(DEPTH), .ADDRESS(ADDRESS), .READS(READS), .SELECT(2)) dut (
        .clk(clk), .re(re), .raddr(raddr), .rdata(banked), .we(we), .waddr(waddr), .wdata(wdata));
    initial begin
        for (cycle = 0; cycle < 2000; cycle = cycle + 1) begin
            we = cycle < DEPTH;
            waddr = cycle % DEPTH;
            wdata = $random;
            base = $random % (DEPTH - 13);
            if (base >= DEPTH - 13) base = 0;
            re = ($random & 7) != 0;
            for (port = 0; port < READS; port = port + 1)
                raddr[port*ADDRESS +: ADDRESS] = base + (port ^ cycle % 4) * 3;
            #1 clk = 1;
            #1 clk = 0;
            if (cycle > DEPTH + 1 && plain !== banked) begin
                $display("differs in cycle %0d", cycle);
                $finish;
            end
        end
        $display("same");
    end
endmodule
"""


def test_banks_read_what_copies_read(tmp_path: Path) -> None:
    """Words 0, 3, 6 and 9 behind a base, in any order of the ports: different banks of four."""
    assert run_bench(tmp_path, BENCH, ("asnet_ram", "asnet_banks")) == ["same"]
