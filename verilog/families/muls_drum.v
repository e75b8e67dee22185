// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W two's complement multiplication, DRUM(k), 3 <= k <= W <= 16: sign and magnitude around the unsigned
// mul_drum (W bits hold the magnitude of -2^(W-1)).
module muls_drum #(
    parameter W = 8,
    parameter k = 4
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    wire [2*W-1:0] magnitude;
    mul_drum #(.W(W), .K(k)) mul (.a(a[W-1] ? -a : a), .b(b[W-1] ? -b : b), .y(magnitude));
    assign y = a[W-1] ^ b[W-1] ? -magnitude : magnitude;
endmodule
