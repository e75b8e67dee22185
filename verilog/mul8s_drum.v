// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 two's complement multiplication, DRUM(k), 3 <= k <= 8: sign and magnitude around the unsigned mul_drum
// (the magnitude of -128 is 128, which 8 bits hold).
module mul8s_drum #(
    parameter k = 4
) (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    wire [15:0] magnitude;
    mul_drum #(.W(8), .K(k)) mul (.a(a[7] ? -a : a), .b(b[7] ? -b : b), .y(magnitude));
    assign y = a[7] ^ b[7] ? -magnitude : magnitude;
endmodule
