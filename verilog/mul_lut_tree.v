// SPDX-License-Identifier: Apache-2.0
// A x B -> A+B unsigned multiplication: b's halves recursively, then one carry chain of A + ceil(B/2) bits adds the two products.
module mul_lut_tree #(
    parameter A = 8,
    parameter B = 8
) (
    input  [A-1:0]   a,
    input  [B-1:0]   b,
    output [A+B-1:0] y
);
    localparam L = B / 2;
    localparam H = B - L;
    generate
        if (B == 1) begin : g_row
            assign y = {1'b0, a & {A{b}}};
        end else begin : g_halves
            wire [A+L-1:0] low;
            wire [A+H-1:0] high;
            mul_lut_tree #(.A(A), .B(L)) low_half (.a(a), .b(b[L-1:0]), .y(low));
            mul_lut_tree #(.A(A), .B(H)) high_half (.a(a), .b(b[B-1:L]), .y(high));
            assign y = {high + {{H{1'b0}}, low[A+L-1:L]}, low[L-1:0]};
        end
    endgenerate
endmodule
