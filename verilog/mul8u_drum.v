// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 unsigned multiplication, DRUM(k), 3 <= k <= 8 (see mul_drum).
module mul8u_drum #(
    parameter k = 4
) (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    mul_drum #(.W(8), .K(k)) mul (.a(a), .b(b), .y(y));
endmodule
