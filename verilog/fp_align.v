// SPDX-License-Identifier: Apache-2.0
// Shift right by 0..31 and keep whether a one was lost: y = x >> n, sticky = |(bits of x below the result).
module fp_align #(
    parameter W = 26
) (
    input  [W-1:0] x,
    input  [4:0]   n,
    output [W-1:0] y,
    output         sticky
);
    wire [W-1:0] x16 = n[4] ? {16'd0, x[W-1:16]} : x;
    wire [W-1:0] x8  = n[3] ? {8'd0, x16[W-1:8]} : x16;
    wire [W-1:0] x4  = n[2] ? {4'd0, x8[W-1:4]} : x8;
    wire [W-1:0] x2  = n[1] ? {2'd0, x4[W-1:2]} : x4;
    assign y = n[0] ? {1'd0, x2[W-1:1]} : x2;
    assign sticky = (n[4] & |x[15:0]) | (n[3] & |x16[7:0]) | (n[2] & |x8[3:0]) | (n[1] & |x4[1:0]) | (n[0] & x2[0]);
endmodule
