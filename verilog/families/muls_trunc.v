// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W two's complement multiplication that ignores the low t bits of both operands (0 <= t < W <= 16): they read
// as 0 in two's complement, so that operands round toward minus infinity.
module muls_trunc #(
    parameter W = 8,
    parameter t = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam V = W - t;
    wire [2*V-1:0] product = $signed({{V{a[W-1]}}, a[W-1:t]}) * $signed({{V{b[W-1]}}, b[W-1:t]});
    generate
        if (t == 0) begin : g_all
            assign y = product;
        end else begin : g_high
            wire unused = &{1'b0, a[t-1:0], b[t-1:0]};
            assign y = {product, {2 * t{1'b0}}};
        end
    endgenerate
endmodule
