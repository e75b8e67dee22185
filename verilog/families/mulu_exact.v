// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, exact, 2 <= W <= 16.
module mulu_exact #(
    parameter W = 8
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    mul_exact #(.W(W)) mul (.a(a), .b(b), .y(y));
endmodule
