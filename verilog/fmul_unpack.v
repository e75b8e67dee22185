// SPDX-License-Identifier: Apache-2.0
// Operands of a binary32 multiplication: two significands with their leading ones set, the exponent of their product
// and the result's kind (see fp_pack). The low P fraction bits of both operands are ignored.
// FTZ = 0 normalises one subnormal operand; if both are subnormal the product is far below every subnormal, so the
// second one's missing leading one changes no result. ORDERED = 0: it comes as ma, whichever it was.
// Pipeline cuts: 0 classified | 1 coarsely normalised | 2 normalised.
module fmul_unpack #(
    parameter P       = 0,
    parameter FTZ     = 1,
    parameter ORDERED = 1,
    parameter [2:0] CUT = 3'b000
) (
    input           clk,
    input           ce,
    input  [31:0]   a,
    input  [31:0]   b,
    output [1:0]    kind,
    output          sign,
    output [9:0]    exp,
    output [23-P:0] ma,
    output [23-P:0] mb
);
    localparam W = 24 - P;
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [W-1:0] fa, fb;
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));

    wire zero = za | zb;
    wire inf = ia | ib;
    wire nan = na | nb | (zero & inf);
    wire [1:0] kind0, kind1;
    wire sign0, sign1;
    wire [8:0] sum0;
    wire [9:0] exp1, exp_d;
    fp_reg #(.W(12), .ON(CUT[0])) cut0 (
        .clk(clk), .ce(ce), .d({inf | nan, (zero & ~inf) | nan, sa ^ sb, {1'b0, ea} + {1'b0, eb}}),
        .q({kind0, sign0, sum0})
    );
    fp_reg #(.W(13), .ON(CUT[1])) cut1 (
        .clk(clk), .ce(ce), .d({kind0, sign0, {1'b0, sum0} - 10'd127}), .q({kind1, sign1, exp1})
    );
    fp_reg #(.W(13), .ON(CUT[2])) cut2 (.clk(clk), .ce(ce), .d({kind1, sign1, exp_d}), .q({kind, sign, exp}));

    generate
        if (FTZ != 0) begin : g_ftz
            wire [2*W-1:0] m0, m1;
            assign exp_d = exp1;
            fp_reg #(.W(2 * W), .ON(CUT[0])) cut0 (.clk(clk), .ce(ce), .d({fa, fb}), .q(m0));
            fp_reg #(.W(2 * W), .ON(CUT[1])) cut1 (.clk(clk), .ce(ce), .d(m0), .q(m1));
            fp_reg #(.W(2 * W), .ON(CUT[2])) cut2 (.clk(clk), .ce(ce), .d(m1), .q({ma, mb}));
        end else begin : g_ieee
            wire swap = fa[W-1];  // b may be subnormal
            wire swap0, swap1, free, free1, unused;
            wire [W-1:0] x0, x1, other0, other1, coarse, fine;
            wire [1:0] n_coarse, n_coarse1;
            wire [2:0] n_fine;
            fp_reg #(.W(2 * W + 1), .ON(CUT[0])) cut0 (
                .clk(clk), .ce(ce), .d({swap, swap ? {fb, fa} : {fa, fb}}), .q({swap0, x0, other0})
            );
            fp_normalize #(.W(W), .HI(4), .LO(3)) normalize_coarse (
                .x(x0), .limit(2'd0), .free(1'b1), .y(coarse), .n(n_coarse), .out_free(free)
            );
            fp_reg #(.W(2 * W + 4), .ON(CUT[1])) cut1 (
                .clk(clk), .ce(ce), .d({swap0, free, n_coarse, coarse, other0}),
                .q({swap1, free1, n_coarse1, x1, other1})
            );
            fp_normalize #(.W(W), .HI(2), .LO(0)) normalize_fine (
                .x(x1), .limit(3'd0), .free(free1), .y(fine), .n(n_fine), .out_free(unused)
            );
            assign exp_d = exp1 - {5'd0, n_coarse1, n_fine};
            fp_reg #(.W(2 * W), .ON(CUT[2])) cut2 (
                .clk(clk), .ce(ce), .d(ORDERED != 0 && swap1 ? {other1, fine} : {fine, other1}), .q({ma, mb})
            );
        end
    endgenerate
endmodule
