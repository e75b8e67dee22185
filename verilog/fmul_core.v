// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication, round to nearest even, ignoring the low P fraction bits of both operands: a (24-P) x (24-P)
// product. Pipeline cuts: 0 operands | 1 inside the product | 2 product | 3 normalised, before rounding.
module fmul_core #(
    parameter P      = 0,
    parameter FTZ    = 1,
    parameter STAGES = 0
) (
    input         clk,
    input         ce,
    input  [31:0] a,
    input  [31:0] b,
    output [31:0] y
);
    localparam W = 24 - P;
    localparam [3:0] CUT = STAGES == 0 ? 4'b0000 : STAGES == 1 ? 4'b0100 : STAGES == 2 ? 4'b1100
                         : STAGES == 3 ? 4'b1101 : 4'b1111;
    wire [1:0] kind, kind0, kind1, kind2, kind3;
    wire sign, sign0, sign1, sign2, sign3;
    wire [9:0] exp, exp0, exp1, exp2, exp3, exp4;
    wire [W-1:0] ma, mb, ma0, mb0;

    fmul_unpack #(.P(P), .FTZ(FTZ)) unpack (.a(a), .b(b), .kind(kind), .sign(sign), .exp(exp), .ma(ma), .mb(mb));
    fp_reg #(.W(13 + 2 * W), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({kind, sign, exp, ma, mb}), .q({kind0, sign0, exp0, ma0, mb0})
    );

    wire [2*W-1:0] product;
    generate
        if (CUT[1]) begin : g_halves
            localparam L = W / 2;
            wire [2*W-L-1:0] high, high1;
            wire [W+L-1:0] low, low1;
            assign high = {{W - L{1'b0}}, ma0} * {{W{1'b0}}, mb0[W-1:L]};
            assign low = {{L{1'b0}}, ma0} * {{W{1'b0}}, mb0[L-1:0]};
            fp_reg #(.W(3 * W), .ON(1)) cut1 (.clk(clk), .ce(ce), .d({high, low}), .q({high1, low1}));
            assign product = {high1, {L{1'b0}}} + {{W - L{1'b0}}, low1};
        end else begin : g_whole
            assign product = {{W{1'b0}}, ma0} * {{W{1'b0}}, mb0};
        end
    endgenerate
    fp_reg #(.W(13), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({kind0, sign0, exp0}), .q({kind1, sign1, exp1})
    );

    wire [2*W-1:0] product2;
    fp_reg #(.W(13 + 2 * W), .ON(CUT[2])) cut2 (
        .clk(clk), .ce(ce), .d({kind1, sign1, exp1, product}), .q({kind2, sign2, exp2, product2})
    );

    wire [47:0] wide;
    generate
        if (P == 0) begin : g_full
            assign wide = product2;
        end else begin : g_truncated
            assign wide = {product2, {2 * P{1'b0}}};
        end
    endgenerate
    wire [23:0] sig, sig3, sig4;
    wire guard, guard3, guard4, sticky, sticky3, sticky4;
    fmul_normalize normalize (
        .exp(exp2), .product(wide), .out_exp(exp4), .sig(sig), .guard(guard), .sticky(sticky)
    );
    fp_denorm #(.FTZ(FTZ)) denorm (
        .exp(exp4), .sig(sig), .guard(guard), .sticky(sticky),
        .out_sig(sig4), .out_guard(guard4), .out_sticky(sticky4)
    );
    fp_reg #(.W(39), .ON(CUT[3])) cut3 (
        .clk(clk), .ce(ce), .d({kind2, sign2, exp4, sig4, guard4, sticky4}),
        .q({kind3, sign3, exp3, sig3, guard3, sticky3})
    );
    fp_pack #(.FTZ(FTZ)) pack (
        .kind(kind3), .sign(sign3), .exp(exp3), .sig(sig3), .guard(guard3), .sticky(sticky3), .y(y)
    );
endmodule
