// SPDX-License-Identifier: Apache-2.0
// Shift left over leading zeros by the powers of two 2^HI .. 2^LO: y = x << n. With HI such that 2^(HI+1) >= W and
// LO = 0 the leading one of a nonzero x ends in y[W-1]; a caller may put a register between a coarse and a fine part.
// No further than limit, whose bits count 2^LO .. 2^HI, unless free = 1; the fine part gets the coarse one's out_free.
// Each step is decided beside the step before it, for both of its outcomes.
module fp_normalize #(
    parameter W  = 24,
    parameter HI = 4,
    parameter LO = 0
) (
    input  [W-1:0]   x,
    input  [HI-LO:0] limit,
    input            free,
    output [W-1:0]   y,
    output [HI-LO:0] n,
    output           out_free
);
    genvar i;
    generate
        for (i = HI; i >= LO; i = i - 1) begin : level
            localparam S = 1 << i;
            wire [W-1:0] in, out;
            wire unlimited;  // the steps before have left more of the limit than this and all finer steps take
            wire step;
            if (i == HI) begin : g_first
                assign in = x;
                assign unlimited = free;
                if (S < W) begin : g_shift
                    assign step = ~|in[W-1:W-S] & (free | limit[i-LO]);
                end else begin : g_none
                    assign step = 1'b0;
                end
            end else begin : g_next
                wire was = level[i+1].unlimited;
                wire kept, moved;
                if (S < W) begin : g_top
                    assign kept = ~|level[i+1].in[W-1:W-S] & (was | limit[i-LO] | limit[i+1-LO]);
                end else begin : g_all
                    assign kept = 1'b0;
                end
                if (3 * S < W) begin : g_below
                    assign moved = ~|level[i+1].in[W-1-2*S:W-3*S] & (was | limit[i-LO]);
                end else if (2 * S < W) begin : g_end
                    assign moved = ~|level[i+1].in[W-1-2*S:0] & (was | limit[i-LO]);
                end else begin : g_none
                    assign moved = 1'b0;
                end
                assign in = level[i+1].out;
                assign unlimited = was | (limit[i+1-LO] & ~n[i+1-LO]);
                assign step = n[i+1-LO] ? moved : kept;
            end
            if (S < W) begin : g_out
                assign out = step ? {in[W-1-S:0], {S{1'b0}}} : in;
                assign n[i-LO] = step;
            end else begin : g_same
                wire unused = step;  // 0
                assign out = in;
                assign n[i-LO] = 1'b0;
            end
        end
    endgenerate
    assign y = level[LO].out;
    assign out_free = level[LO].unlimited | (limit[0] & ~n[0]);
endmodule
