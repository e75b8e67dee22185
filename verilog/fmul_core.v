// SPDX-License-Identifier: Apache-2.0
// binary32 multiplication, round to nearest even, ignoring the low P fraction bits of both operands: a (24-P) x (24-P)
// product. Pipeline cuts: 0 operands | 1 partial products | 2 product | 3 normalised | 4 before rounding.
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
    localparam [4:0] CUT_FTZ = STAGES == 1 ? 5'b00100 : STAGES == 2 ? 5'b10010 : STAGES == 3 ? 5'b10110 : 5'b10111;
    localparam [4:0] CUT_IEEE = STAGES == 1 ? 5'b00100 : STAGES == 2 ? 5'b01010 : STAGES == 3 ? 5'b10101 : 5'b11011;
    localparam [4:0] CUT = STAGES == 0 ? 5'b00000 : FTZ != 0 ? CUT_FTZ : CUT_IEEE;
    wire [1:0] kind, kind0, kind1, kind2;
    wire sign, sign0, sign1, sign2;
    wire [9:0] exp, exp0, exp1, exp2;
    wire [W-1:0] ma, mb, ma0, mb0;
    wire [2*W-1:0] product, product2;

    fmul_unpack #(.P(P), .FTZ(FTZ)) unpack (.a(a), .b(b), .kind(kind), .sign(sign), .exp(exp), .ma(ma), .mb(mb));
    fp_reg #(.W(13 + 2 * W), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({kind, sign, exp, ma, mb}), .q({kind0, sign0, exp0, ma0, mb0})
    );

    fp_reg #(.W(13), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({kind0, sign0, exp0}), .q({kind1, sign1, exp1})
    );
    generate
        if (CUT[1] && W > 18) begin : g_quarters  // larger than one 18 x 18 DSP block: four products, then their sum
            localparam L = W / 2;
            localparam H = W - L;
            wire [H-1:0] ah = ma0[W-1:L];
            wire [H-1:0] bh = mb0[W-1:L];
            wire [L-1:0] al = ma0[L-1:0];
            wire [L-1:0] bl = mb0[L-1:0];
            wire [2*H-1:0] hh, hh1;
            wire [W-1:0] hl, hl1, lh, lh1;
            wire [2*L-1:0] ll, ll1;
            assign hh = {{H{1'b0}}, ah} * {{H{1'b0}}, bh};
            assign hl = {{L{1'b0}}, ah} * {{H{1'b0}}, bl};
            assign lh = {{H{1'b0}}, al} * {{L{1'b0}}, bh};
            assign ll = {{L{1'b0}}, al} * {{L{1'b0}}, bl};
            fp_reg #(.W(4 * W), .ON(1)) cut1 (.clk(clk), .ce(ce), .d({hh, hl, lh, ll}), .q({hh1, hl1, lh1, ll1}));
            wire [W:0] middle = {1'b0, hl1} + {1'b0, lh1};
            wire [2*W-L-1:0] high = {hh1, ll1[2*L-1:L]} + {{H - 1{1'b0}}, middle};
            assign product = {high, ll1[L-1:0]};
        end else begin : g_whole
            wire [2*W-1:0] whole = {{W{1'b0}}, ma0} * {{W{1'b0}}, mb0};
            fp_reg #(.W(2 * W), .ON(CUT[1])) cut1 (.clk(clk), .ce(ce), .d(whole), .q(product));
        end
    endgenerate
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
    fmul_finish #(.FTZ(FTZ), .CUT0(CUT[3]), .CUT1(CUT[4])) finish (
        .clk(clk), .ce(ce), .kind(kind2), .sign(sign2), .exp(exp2), .product(wide), .y(y)
    );
endmodule
