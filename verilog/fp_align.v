// SPDX-License-Identifier: Apache-2.0
// Shift right by n, whose bits count 2^LO .. 2^HI, and keep whether a one was lost: sticky = |(bits of x below the
// result). A caller may put a register between a coarse and a fine part.
module fp_align #(
    parameter W  = 26,
    parameter HI = 4,
    parameter LO = 0
) (
    input  [W-1:0]   x,
    input  [HI-LO:0] n,
    output [W-1:0]   y,
    output           sticky
);
    genvar i;
    generate
        for (i = HI; i >= LO; i = i - 1) begin : level
            wire [W-1:0] in;
            wire earlier;
            if (i == HI) begin : g_first
                assign in = x;
                assign earlier = 1'b0;
            end else begin : g_next
                assign in = level[i+1].out;
                assign earlier = level[i+1].lost;
            end
            wire [W-1:0] out = n[i-LO] ? {{(1 << i){1'b0}}, in[W-1:(1<<i)]} : in;
            wire lost = earlier | (n[i-LO] & |in[(1<<i)-1:0]);
        end
    endgenerate
    assign y = level[LO].out;
    assign sticky = level[LO].lost;
endmodule
