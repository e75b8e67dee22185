// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 unsigned multiplication, exact.
module mul8u_exact (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    mul_exact #(.W(8)) mul (.a(a), .b(b), .y(y));
endmodule
