// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication, DRUM(k), 3 <= k <= W <= 16 (see mul_drum).
module mulu_drum #(
    parameter W = 8,
    parameter k = 4
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    mul_drum #(.W(W), .K(k)) mul (.a(a), .b(b), .y(y));
endmodule
