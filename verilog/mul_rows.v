// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication that ignores the low K bits of both operands (0 <= K < W), as W - K rows of carry
// chain, each W - K bits wide. Where products are LUTs this takes half the area of what tools make of a "*", and more delay.
module mul_rows #(
    parameter W = 8,
    parameter K = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam V = W - K;
    genvar i;
    generate
        // Row i adds a where bit i of b is set; its lowest bit is bit i of the product.
        for (i = 0; i < V; i = i + 1) begin : row
            wire [V-1:0] above;
            wire [V:0] sum = {1'b0, above} + {1'b0, a[W-1:K] & {V{b[K+i]}}};
            assign y[2*K+i] = sum[0];
            if (i == 0) begin : g_first
                assign above = {V{1'b0}};
            end else begin : g_next
                assign above = row[i-1].sum[V:1];
            end
        end
        assign y[2*W-1 : 2*K+V] = row[V-1].sum[V:1];
        if (K > 0) begin : g_ignored
            wire unused = &{1'b0, a[K-1:0], b[K-1:0]};
            assign y[2*K-1:0] = {2 * K{1'b0}};
        end
    endgenerate
endmodule
