"""Values that are kept by count: what a loop carries from iteration to iteration while it may wait between any two."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hls.icarus import run_bench

BENCH = """
module bench;
    parameter LENGTH = 1, PUT = 0, TAKE = 0;
    localparam STRAIGHT = PUT - TAKE == LENGTH;
    reg clk = 0, reset = 1, go = 0;
    reg [15:0] started = 0;
    reg [31:0] valid = 0;  // an iteration is in stage n
    reg [511:0] numbers = 0;  // which
    reg [31:0] random = 32'd1;
    wire [31:0] now = {valid[30:0], go};
    wire [511:0] which = {numbers[495:0], started};
    wire [15:0] q;
    integer cycle, wrong = 0, seen = 0;
    asnet_hold #(.WIDTH(16), .LENGTH(LENGTH), .ADDRESS(4), .STRAIGHT(STRAIGHT)) dut (
        .clk(clk), .reset(reset), .put(now[PUT]), .d(which[16*PUT +: 16]), .take(now[TAKE]), .q(q));
    initial begin
        for (cycle = 0; cycle < 4000; cycle = cycle + 1) begin
            reset = cycle < 2;
            random = random * 32'd1664525 + 32'd1013904223;
            go = !reset & (cycle % 200 < 100 | random[31]);
            #1;
            if (now[TAKE] & which[16*TAKE +: 16] >= LENGTH) begin
                seen = seen + 1;
                if (q + LENGTH !== which[16*TAKE +: 16]) wrong = wrong + 1;
            end
            clk = 1;
            #1 clk = 0;
            valid = now;
            numbers = which;
            if (go) started = started + 1;
        end
        $display("%0d wrong, %0d", wrong, seen > 1000);
    end
endmodule
"""


@pytest.mark.parametrize(
    ("length", "put", "take"),
    [(1, 1, 1), (1, 3, 2), (2, 2, 2), (2, 3, 2), (2, 4, 2), (5, 1, 1), (5, 4, 1), (5, 6, 1), (8, 7, 0), (8, 8, 0)],
)
def test_values_come_after_so_many_however_long_that_takes(length: int, put: int, take: int, tmp_path: Path) -> None:
    """An iteration puts its number in stage ``put`` and finds in stage ``take`` that of ``length`` before it."""
    assert run_bench(tmp_path, BENCH, ("asnet_hold",), LENGTH=length, PUT=put, TAKE=take) == ["0 wrong, 1"]
