// SPDX-License-Identifier: Apache-2.0
// 8 x 8 -> 16 two's complement multiplication that ignores the low t bits of both operands (0 <= t <= 7): they read as 0
// in two's complement, so that operands round toward minus infinity.
module mul8s_trunc #(
    parameter t = 0
) (
    input  [7:0]  a,
    input  [7:0]  b,
    output [15:0] y
);
    localparam V = 8 - t;
    wire [2*V-1:0] product = $signed({{V{a[7]}}, a[7:t]}) * $signed({{V{b[7]}}, b[7:t]});
    generate
        if (t == 0) begin : g_all
            assign y = product;
        end else begin : g_high
            wire unused = &{1'b0, a[t-1:0], b[t-1:0]};
            assign y = {product, {2 * t{1'b0}}};
        end
    endgenerate
endmodule
