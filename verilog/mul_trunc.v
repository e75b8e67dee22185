// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication that ignores the low K bits of both operands (0 <= K < W).
module mul_trunc #(
    parameter W = 8,
    parameter K = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam V = W - K;
    wire [2*V-1:0] product = {{V{1'b0}}, a[W-1:K]} * {{V{1'b0}}, b[W-1:K]};
    generate
        if (K == 0) begin : g_all
            assign y = product;
        end else begin : g_high
            wire unused = &{1'b0, a[K-1:0], b[K-1:0]};
            assign y = {product, {2 * K{1'b0}}};
        end
    endgenerate
endmodule
