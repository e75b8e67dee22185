// SPDX-License-Identifier: Apache-2.0
// Operands of a binary32 division a / b: two significands with their leading ones set, the result's kind (see fp_pack) and
// the exponent of a quotient in [1/2, 1), which is exp + more - less. The low P fraction bits of both operands are ignored.
// Pipeline cut: coarsely normalised.
module fdiv_unpack #(
    parameter P   = 0,
    parameter FTZ = 1,
    parameter CUT = 0
) (
    input           clk,
    input           ce,
    input  [31:0]   a,
    input  [31:0]   b,
    output [1:0]    kind,
    output          sign,
    output [9:0]    exp,
    output [4:0]    more,
    output [4:0]    less,
    output [23-P:0] ma,
    output [23-P:0] mb
);
    localparam W = 24 - P;
    wire sa, sb, za, zb, ia, ib, na, nb;
    wire [7:0] ea, eb;
    wire [W-1:0] fa, fb;
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_a (.x(a), .sign(sa), .exp(ea), .man(fa), .zero(za), .inf(ia), .nan(na));
    fp_unpack #(.P(P), .FTZ(FTZ)) unpack_b (.x(b), .sign(sb), .exp(eb), .man(fb), .zero(zb), .inf(ib), .nan(nb));

    wire zero = za | ib;
    wire inf = ia | zb;
    wire nan = na | nb | (zero & inf);
    wire [9:0] difference;
    fp_reg #(.W(13), .ON(CUT)) cut (
        .clk(clk), .ce(ce), .d({inf | nan, zero | nan, sa ^ sb, {2'd0, ea} - {2'd0, eb}}),
        .q({kind, sign, difference})
    );
    assign exp = difference + 10'd126;
    generate
        if (FTZ != 0) begin : g_ftz
            fp_reg #(.W(2 * W), .ON(CUT)) cut (.clk(clk), .ce(ce), .d({fa, fb}), .q({ma, mb}));
            assign more = 5'd0;
            assign less = 5'd0;
        end else begin : g_ieee
            wire [1:0] high_a, high_b, high_a0, high_b0;
            wire [2:0] low_a, low_b;
            wire [W-1:0] coarse_a, coarse_b, coarse_a0, coarse_b0;
            wire free_a, free_b, free_a0, free_b0, unused_a, unused_b;
            fp_normalize #(.W(W), .HI(4), .LO(3)) normalize_a (
                .x(fa), .limit(2'd0), .free(1'b1), .y(coarse_a), .n(high_a), .out_free(free_a)
            );
            fp_normalize #(.W(W), .HI(4), .LO(3)) normalize_b (
                .x(fb), .limit(2'd0), .free(1'b1), .y(coarse_b), .n(high_b), .out_free(free_b)
            );
            fp_reg #(.W(2 * W + 6), .ON(CUT)) cut (
                .clk(clk), .ce(ce), .d({free_a, free_b, high_a, high_b, coarse_a, coarse_b}),
                .q({free_a0, free_b0, high_a0, high_b0, coarse_a0, coarse_b0})
            );
            fp_normalize #(.W(W), .HI(2), .LO(0)) finish_a (
                .x(coarse_a0), .limit(3'd0), .free(free_a0), .y(ma), .n(low_a), .out_free(unused_a)
            );
            fp_normalize #(.W(W), .HI(2), .LO(0)) finish_b (
                .x(coarse_b0), .limit(3'd0), .free(free_b0), .y(mb), .n(low_b), .out_free(unused_b)
            );
            assign more = {high_b0, low_b};
            assign less = {high_a0, low_a};
        end
    endgenerate
endmodule
