"""What counts the words and the images that have come does so as numbers do, whatever comes together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hls.icarus import run_bench

ARRIVAL = """
module bench;
    parameter FIRST = 3, STEP = 2;
    reg clk = 0, reset = 1, write = 0, last = 0, available = 0, claim = 0, release_image = 0;
    wire begun, ready;
    integer cycle, ahead = 0, spare = 0, claims = 0, waits = 0;
    asnet_arrival #(.BITS(12), .FIRST(FIRST), .STEP(STEP)) arrival (
        .clk(clk), .reset(reset), .write(write), .last(last), .available(available), .claim(claim),
        .release_image(release_image), .begun(begun), .ready(ready));
    initial begin
        for (cycle = 0; cycle < 20000; cycle = cycle + 1) begin
            reset = cycle < 2 || $unsigned($random) % 500 == 0;
            write = $random;
            last = $unsigned($random) % 64 == 0;
            available = $unsigned($random) % 128 == 0;
            release_image = $unsigned($random) % 100 == 0;
            #1 if (cycle > 2 && (begun !== (ahead >= 0) || ready !== (available || spare >= 0))) begin
                $display("cycle %0d: ahead %0d, spare %0d, begun %b, ready %b", cycle, ahead, spare, begun, ready);
                $finish;
            end
            claim = ready & ~release_image & $random;
            claims = claims + (claim & ~reset);
            waits = waits + (ready === 1'b0);
            if (reset) spare = -FIRST;
            else if (release_image) spare = ahead + write;
            else spare = spare + write - (claim ? STEP : 0);
            ahead = reset || (write && last) ? -FIRST : ahead + write;
            #1 clk = 1;
            #1 clk = 0;
        end
        if (claims > 400 && waits > 400) $display("as numbers");
        else $display("%0d claims, %0d cycles of waiting", claims, waits);
    end
endmodule
"""

FRAMES = """
module bench;
    parameter FRAMES = 2;
    reg clk = 0, reset = 1, write = 0, last = 0, release_image = 0;
    wire room, available, more;
    wire [2:0] fill, place;
    integer cycle, count = 0, filled = 0, read = 0, most = 0;
    asnet_frames #(.FRAMES(FRAMES), .PLACE(3), .LAST(FRAMES - 1)) frames (
        .clk(clk), .reset(reset), .room(room), .write(write), .last(last), .fill(fill), .available(available),
        .more(more), .place(place), .release_image(release_image));
    initial begin
        for (cycle = 0; cycle < 20000; cycle = cycle + 1) begin
            reset = cycle < 2 || $unsigned($random) % 500 == 0;
            release_image = count > 0 && $unsigned($random) % 4 == 0;
            #1 write = room & $random;
            last = $random;
            if (cycle > 2 && (room !== (count < FRAMES || release_image) || available !== (count > 0)
                || more !== (count > 1) || fill !== filled || place !== read)) begin
                $display("cycle %0d: %0d images, room %b, available %b, more %b", cycle, count, room, available, more);
                $finish;
            end
            filled = reset ? 0 : (filled + (write && last)) % FRAMES;
            read = reset ? 0 : (read + release_image) % FRAMES;
            count = reset ? 0 : count + (write && last) - release_image;
            if (count > most) most = count;
            #1 clk = 1;
            #1 clk = 0;
        end
        if (most == FRAMES) $display("as numbers");
        else $display("never full");
    end
endmodule
"""


@pytest.mark.parametrize(("first", "step"), [(3, 2), (1, 1), (200, 1), (5, 17)])
def test_words(tmp_path: Path, first: int, step: int) -> None:
    assert run_bench(tmp_path, ARRIVAL, ("asnet_arrival",), FIRST=first, STEP=step) == ["as numbers"]


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_images(tmp_path: Path, frames: int) -> None:
    assert run_bench(tmp_path, FRAMES, ("asnet_frames",), FRAMES=frames) == ["as numbers"]
