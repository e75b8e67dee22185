// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 unsigned multiplication that ignores the low t bits of both operands (0 <= t <= 7).
module mul8u_trunc #(
    parameter t = 0
) (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    mul_trunc #(.W(8), .K(t)) mul (.a(a), .b(b), .y(y));
endmodule
