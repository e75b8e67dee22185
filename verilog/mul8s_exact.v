// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 two's complement multiplication, exact.
module mul8s_exact (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    mul8s_trunc #(.t(0)) mul (.a(a), .b(b), .y(y));
endmodule
