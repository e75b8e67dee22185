// SPDX-License-Identifier: Apache-2.0
// binary32 comparison: y = {unordered, a == b, a < b}. Every LLVM predicate is an OR of these bits or its complement.
// Pipeline cut: after the magnitude comparison.
module fcmp #(
    parameter FTZ    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [2:0]  y
);
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [23:0] fa, fb;
    fp_unpack #(.FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));
    wire unused = &{1'b0, ea, eb, fa, fb, ia, ib};  // the comparison reads the raw magnitudes

    wire [5:0] d = {na | nb, za & zb, a[30:0] < b[30:0], a[30:0] == b[30:0], sa, sb};
    wire unordered, zeros, smaller, same, sa0, sb0;
    fp_reg #(.W(6), .ON(STAGES)) cut (
        .clk(clk), .ce(ce), .d(d), .q({unordered, zeros, smaller, same, sa0, sb0})
    );
    wire equal = zeros | (same & (sa0 == sb0));
    wire less = sa0 != sb0 ? sa0 : smaller ^ sa0;
    assign y = {unordered, equal & ~unordered, less & ~equal & ~unordered};
endmodule
