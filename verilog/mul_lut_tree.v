// SPDX-License-Identifier: Apache-2.0
// A x B -> A+B unsigned multiplication: b's halves recursively, then one carry chain of A + ceil(B/2) bits adds the two products.
// Pipeline cuts: bit 4 the product, bit 3 the products of the halves, bit 2 those of the quarters, and so on down.
module mul_lut_tree #(
    parameter A = 8,
    parameter B = 8,
    parameter [4:0] CUT = 5'b00000
) (
    input            clk,
    input            ce,
    input  [A-1:0]   a,
    input  [B-1:0]   b,
    output [A+B-1:0] y
);
    localparam L = B / 2;
    localparam H = B - L;
    localparam [4:0] BELOW = {CUT[3:0], 1'b0};
    wire [A+B-1:0] product;
    fp_reg #(.W(A + B), .ON(CUT[4])) cut (.clk(clk), .ce(ce), .d(product), .q(y));
    generate
        if (B == 1 && BELOW == 0) begin : g_row
            assign product = {1'b0, a & {A{b}}};
        end else if (B == 1) begin : g_late_row  // other rows have sums to wait for
            mul_lut_tree #(.A(A), .B(1), .CUT(BELOW)) row (.clk(clk), .ce(ce), .a(a), .b(b), .y(product));
        end else begin : g_halves
            wire [A+L-1:0] low;
            wire [A+H-1:0] high;
            mul_lut_tree #(.A(A), .B(L), .CUT(BELOW)) low_half (.clk(clk), .ce(ce), .a(a), .b(b[L-1:0]), .y(low));
            mul_lut_tree #(.A(A), .B(H), .CUT(BELOW)) high_half (.clk(clk), .ce(ce), .a(a), .b(b[B-1:L]), .y(high));
            assign product = {high + {{H{1'b0}}, low[A+L-1:L]}, low[L-1:0]};
        end
    endgenerate
endmodule
