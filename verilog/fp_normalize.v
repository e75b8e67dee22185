// SPDX-License-Identifier: Apache-2.0
// Shift left over leading zeros by the powers of two 2^HI .. 2^LO: y = x << n. With HI such that 2^(HI+1) >= W and
// LO = 0 the leading one of a nonzero x ends in y[W-1]; a caller may put a register between a coarse and a fine part.
module fp_normalize #(
    parameter W  = 24,
    parameter HI = 4,
    parameter LO = 0
) (
    input  [W-1:0]   x,
    output [W-1:0]   y,
    output [HI-LO:0] n
);
    genvar i;
    generate
        for (i = HI; i >= LO; i = i - 1) begin : level
            wire [W-1:0] in;
            wire [W-1:0] out;
            if (i == HI) begin : g_first
                assign in = x;
            end else begin : g_next
                assign in = level[i+1].out;
            end
            if ((1 << i) < W) begin : g_shift
                wire empty = ~|in[W-1 : W-(1<<i)];
                assign out = empty ? {in[W-1-(1<<i) : 0], {(1 << i){1'b0}}} : in;
                assign n[i-LO] = empty;
            end else begin : g_none
                assign out = in;
                assign n[i-LO] = 1'b0;
            end
        end
    endgenerate
    assign y = level[LO].out;
endmodule
