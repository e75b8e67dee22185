// SPDX-License-Identifier: Apache-2.0
// W x W -> 2W unsigned multiplication that ignores the low K bits of both operands (0 <= K < W), as a tree of carry chains.
// Where products are made of LUTs this takes half the LUTs of what synthesis makes of a "*".
module mul_lut #(
    parameter W = 8,
    parameter K = 0
) (
    input  [W-1:0]   a,
    input  [W-1:0]   b,
    output [2*W-1:0] y
);
    localparam V = W - K;
    wire [2*V-1:0] product;
    mul_lut_tree #(.A(V), .B(V)) tree (.clk(1'b0), .ce(1'b0), .a(a[W-1:K]), .b(b[W-1:K]), .y(product));
    generate
        if (K == 0) begin : g_all
            assign y = product;
        end else begin : g_high
            wire unused = &{1'b0, a[K-1:0], b[K-1:0]};
            assign y = {product, {2 * K{1'b0}}};
        end
    endgenerate
endmodule
