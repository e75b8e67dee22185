// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication that ignores the low t bits of both operands (0 <= t < W <= 16).
module mulu_trunc #(
    parameter W = 8,
    parameter t = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    mul_trunc #(.W(W), .K(t)) mul (.a(a), .b(b), .y(y));
endmodule
