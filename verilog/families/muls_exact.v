// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W two's complement multiplication, exact, 2 <= W <= 16.
module muls_exact #(
    parameter W = 8
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    assign y = $signed({{W{a[W-1]}}, a}) * $signed({{W{b[W-1]}}, b});
endmodule
